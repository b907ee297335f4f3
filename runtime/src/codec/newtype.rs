//! Types of an application in place of what would be generated, and symbols by their text.

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
#[error("{symbol:?} is no symbol of {name}")]
pub struct UnknownSymbol {
    name: &'static str,
    symbol: String,
}

impl UnknownSymbol {
    /// The enum's full name, and the text. Generated code makes these.
    #[cold]
    pub fn new(name: &'static str, symbol: &str) -> Self {
        Self {
            name,
            symbol: symbol.to_owned(),
        }
    }

    /// The text.
    pub fn symbol(&self) -> &str {
        &self.symbol
    }
}
