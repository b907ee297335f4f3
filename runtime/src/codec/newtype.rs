//! Types of an application in place of what would be generated; texts and bytes that are no value of an enum or a fixed.

use std::fmt;

use fleetops_avro::wire::{DecodeError, DecodeErrorKind};
use thiserror::Error;

use super::Reader;

/// A type that stands for a generated one: a vehicle's ID in place of any string.
///
/// The manifest says where: `[generate.fields."FULL.NAME.field"]` with `type = "crate::VehicleId"`. The field then has this
/// type, is written as what [`base`](Self::base) gives, and read through [`from_base`](Self::from_base), which may refuse.
/// In JSON it is what its own serde says.
///
/// ```
/// use fleetops_runtime::codec::Newtype;
///
/// #[derive(Clone, Debug, PartialEq)]
/// struct VehicleId(String);
///
/// impl Newtype for VehicleId {
///     type Base = String;
///     type Error = &'static str;
///
///     fn from_base(text: String) -> Result<Self, Self::Error> {
///         if text.is_empty() { Err("a vehicle has an ID") } else { Ok(Self(text)) }
///     }
///
///     fn base(&self) -> &String {
///         &self.0
///     }
/// }
/// assert!(VehicleId::from_base(String::new()).is_err());
/// ```
pub trait Newtype: Sized {
    /// What would be generated: `String`, `i64`, a struct.
    type Base;
    /// Why a value is refused.
    type Error: fmt::Display;

    /// Takes a value that was read.
    ///
    /// # Errors
    /// It is none of this type; decoding then ends with that.
    fn from_base(base: Self::Base) -> Result<Self, Self::Error>;

    /// The value as it is written.
    fn base(&self) -> &Self::Base;
}

/// The value that was read just now, as a newtype.
///
/// # Errors
/// What the type says, with the offset behind the value.
#[inline]
pub fn newtype<T: Newtype>(base: T::Base, reader: &Reader<'_>) -> Result<T, DecodeError> {
    T::from_base(base).map_err(|why| {
        let reason = format!("a value of {} was refused: {why}", std::any::type_name::<T>());
        DecodeError::new(reader.offset(), DecodeErrorKind::Unresolved { reason })
    })
}

/// A text that is no symbol of an enum.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{symbol:?} is no symbol of {name}, which has {}", some(.symbols))]
pub struct UnknownSymbol {
    name: &'static str,
    symbols: &'static [&'static str],
    symbol: String,
}

impl UnknownSymbol {
    /// The enum's full name and symbols, and the text. Generated code makes these.
    #[cold]
    pub fn new(name: &'static str, symbols: &'static [&'static str], symbol: &str) -> Self {
        Self {
            name,
            symbols,
            symbol: symbol.to_owned(),
        }
    }

    /// The enum's full name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The symbols that there are, in the order of the schema.
    pub fn symbols(&self) -> &'static [&'static str] {
        self.symbols
    }

    /// The text.
    pub fn symbol(&self) -> &str {
        &self.symbol
    }
}

/// So many symbols are named in a message.
const NAMED: usize = 16;

/// The symbols in a message: the first of them, and how many more there are.
fn some(symbols: &[&str]) -> String {
    let named = symbols.get(..NAMED).unwrap_or(symbols).join(", ");
    match symbols.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// Bytes that are too few or too many for a fixed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{name} has {size} bytes, and here are {found}")]
pub struct WrongLength {
    name: &'static str,
    size: usize,
    found: usize,
}

impl WrongLength {
    /// The fixed's full name and size, and how many bytes there were. Generated code makes these.
    #[cold]
    pub fn new(name: &'static str, size: usize, found: usize) -> Self {
        Self { name, size, found }
    }

    /// The fixed's full name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How many bytes it has.
    pub fn size(&self) -> usize {
        self.size
    }

    /// How many bytes there were.
    pub fn found(&self) -> usize {
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_the_first_symbols_and_counts_the_rest() {
        let message = |symbols| UnknownSymbol::new("shop.Size", symbols, "no").to_string();
        assert_eq!(
            message(&["S", "M"]),
            "\"no\" is no symbol of shop.Size, which has S, M"
        );
        assert!(message(&["a"; 16]).ends_with("which has a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a"));
        assert!(message(&["a"; 18]).ends_with(", a and 2 more"));
        assert_eq!(
            WrongLength::new("shop.Hash", 16, 3).to_string(),
            "shop.Hash has 16 bytes, and here are 3"
        );
    }
}
