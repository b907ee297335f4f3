//! serde in the human form of JSON, for what serde_json alone writes badly: `#[serde(with = "...")]` modules.
//!
//! The human form is for people and for other languages' JSON libraries: plain optionals, times as RFC 3339, UUIDs and
//! decimals as text. Most of it is what the types do by themselves: [`chrono`] writes RFC 3339 with as many digits as
//! the value has, [`uuid`] and [`rust_decimal`] write text, `Option` is `null` or the value. Left over are:
//!
//! | Avro | module | JSON |
//! |---|---|---|
//! | `bytes`, `fixed` | [`bytes`] | base64 (RFC 4648, with padding), where serde writes an array of numbers |
//! | `float`, `double` | [`number`] | a number, or `"NaN"`, `"Infinity"`, `"-Infinity"`, where serde_json writes `null` |
//! | decimals as `BigDecimal` (feature `bigdecimal`) | `decimal` | text with all digits, where the crate writes an exponent; a whole number is read too, and one with a point is not, since it has lost digits |
//!
//! All look through `Option`, `Box`, `Vec`, `BTreeMap` and `HashMap`, so that one attribute does for a whole field:
//!
//! ```
//! use fleetops_runtime::serde::{Deserialize, Serialize};
//! use std::collections::BTreeMap;
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize)]
//! #[serde(crate = "fleetops_runtime::serde")]
//! struct Sample {
//!     #[serde(with = "fleetops_runtime::codec::human::bytes")]
//!     md5: [u8; 4],
//!     #[serde(with = "fleetops_runtime::codec::human::bytes", default)]
//!     parts: Option<BTreeMap<String, Vec<Vec<u8>>>>,
//!     #[serde(with = "fleetops_runtime::codec::human::number")]
//!     speed: f64,
//! }
//! let sample = Sample {
//!     md5: *b"abcd",
//!     parts: Some(BTreeMap::from([("a".to_owned(), vec![vec![1, 2], vec![]])])),
//!     speed: f64::INFINITY,
//! };
//! let json = r#"{"md5":"YWJjZA==","parts":{"a":["AQI=",""]},"speed":"Infinity"}"#;
//! assert_eq!(fleetops_runtime::serde_json::to_string(&sample).unwrap(), json);
//! assert_eq!(fleetops_runtime::serde_json::from_str::<Sample>(json).unwrap(), sample);
//! ```
//!
//! A field that may be missing in the JSON needs `#[serde(default)]` beside it, as always with `with`.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// `bytes` and `fixed` as base64.
pub mod bytes {
    use super::{AsBytes, Form, Human};
    use serde::{Deserializer, Serializer};

    /// Writes base64.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<T: Human<AsBytes>, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        value.write(serializer)
    }

    /// Reads base64.
    ///
    /// # Errors
    /// For text that is not base64, and for a `fixed` of another length.
    pub fn deserialize<'de, T: Human<AsBytes>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        Form::<T, AsBytes>::read(deserializer)
    }
}

/// `float` and `double` with the numbers that JSON has not.
pub mod number {
    use super::{AsNumber, Form, Human};
    use serde::{Deserializer, Serializer};

    /// Writes a number, or the name of one that JSON has not.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<T: Human<AsNumber>, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        value.write(serializer)
    }

    /// Reads either.
    ///
    /// # Errors
    /// For anything else.
    pub fn deserialize<'de, T: Human<AsNumber>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        Form::<T, AsNumber>::read(deserializer)
    }
}

/// Decimals of any size as text.
#[cfg(feature = "bigdecimal")]
pub mod decimal {
    use super::{AsDecimal, Form, Human};
    use serde::{Deserializer, Serializer};

    /// Writes all digits, and no exponent.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<T: Human<AsDecimal>, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.write(serializer)
    }

    /// Reads text, or a whole number.
    ///
    /// # Errors
    /// For anything else, and for a number of more digits than Avro data may have.
    pub fn deserialize<'de, T: Human<AsDecimal>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        Form::<T, AsDecimal>::read(deserializer)
    }
}

/// The form of [`bytes`].
#[derive(Debug)]
pub enum AsBytes {}

/// The form of [`number`].
#[derive(Debug)]
pub enum AsNumber {}

/// The form of [`decimal`].
#[cfg(feature = "bigdecimal")]
#[derive(Debug)]
pub enum AsDecimal {}

/// A type that has a human form of kind `K`, [`AsBytes`] or [`AsNumber`]. Implemented for the leaves and for the
/// collections that generated types use; there is no need to implement it elsewhere.
pub trait Human<K>: Sized {
    /// Writes the form.
    ///
    /// # Errors
    /// Those of the serializer.
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;

    /// Reads the form.
    ///
    /// # Errors
    /// For what is not the form.
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

/// A value that serde writes and reads in its human form.
struct Form<T, K>(T, PhantomData<fn() -> K>);

impl<T: Human<K>, K> Form<T, K> {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        T::read(deserializer)
    }
}

impl<'de, T: Human<K>, K> Deserialize<'de> for Form<T, K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read(deserializer).map(|value| Self(value, PhantomData))
    }
}

/// The same for a borrowed value.
struct Borrowed<'a, T, K>(&'a T, PhantomData<fn() -> K>);

impl<T: Human<K>, K> Serialize for Borrowed<'_, T, K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.write(serializer)
    }
}

impl Human<AsBytes> for Vec<u8> {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&base64::display::Base64Display::new(self, &STANDARD))
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes as base64 text")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<u8>, E> {
                STANDARD
                    .decode(text)
                    .map_err(|error| E::custom(format_args!("not base64: {error}")))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl<const N: usize> Human<AsBytes> for [u8; N] {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&base64::display::Base64Display::new(self, &STANDARD))
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = <Vec<u8> as Human<AsBytes>>::read(deserializer)?;
        let length = bytes.len();
        bytes
            .try_into()
            .map_err(|_| de::Error::custom(format_args!("expected {N} bytes as base64, found {length}")))
    }
}

macro_rules! number {
    ($float:ty) => {
        impl Human<AsNumber> for $float {
            fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if self.is_nan() {
                    serializer.serialize_str("NaN")
                } else if self.is_infinite() {
                    serializer.serialize_str(if *self > 0.0 { "Infinity" } else { "-Infinity" })
                } else {
                    Serialize::serialize(self, serializer)
                }
            }

            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Number;
                impl Visitor<'_> for Number {
                    type Value = $float;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("a number, \"NaN\", \"Infinity\" or \"-Infinity\"")
                    }
                    fn visit_f64<E: de::Error>(self, value: f64) -> Result<$float, E> {
                        Ok(value as $float)
                    }
                    fn visit_i64<E: de::Error>(self, value: i64) -> Result<$float, E> {
                        Ok(value as $float)
                    }
                    fn visit_u64<E: de::Error>(self, value: u64) -> Result<$float, E> {
                        Ok(value as $float)
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$float, E> {
                        match text {
                            "NaN" => Ok(<$float>::NAN),
                            "Infinity" => Ok(<$float>::INFINITY),
                            "-Infinity" => Ok(<$float>::NEG_INFINITY),
                            other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
                        }
                    }
                }
                deserializer.deserialize_any(Number)
            }
        }
    };
}
number!(f32);
number!(f64);

impl<T: Human<K>, K> Human<K> for Option<T> {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Some(value) => serializer.serialize_some(&Borrowed(value, PhantomData::<fn() -> K>)),
            None => serializer.serialize_none(),
        }
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Option::<Form<T, K>>::deserialize(deserializer)?;
        Ok(value.map(|form| form.0))
    }
}

impl<T: Human<K>, K> Human<K> for Box<T> {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).write(serializer)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read(deserializer).map(Box::new)
    }
}

impl<T: Human<K>, K> Human<K> for Vec<T> {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(|item| Borrowed(item, PhantomData::<fn() -> K>)))
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = Vec::<Form<T, K>>::deserialize(deserializer)?;
        Ok(items.into_iter().map(|form| form.0).collect())
    }
}

impl<T: Human<K>, K> Human<K> for BTreeMap<String, T> {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            self.iter()
                .map(|(key, value)| (key, Borrowed(value, PhantomData::<fn() -> K>))),
        )
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = BTreeMap::<String, Form<T, K>>::deserialize(deserializer)?;
        Ok(entries.into_iter().map(|(key, form)| (key, form.0)).collect())
    }
}

impl<T: Human<K>, K, H: BuildHasher + Default> Human<K> for HashMap<String, T, H>
where
    String: Hash + Eq,
{
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            self.iter()
                .map(|(key, value)| (key, Borrowed(value, PhantomData::<fn() -> K>))),
        )
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = HashMap::<String, Form<T, K>>::deserialize(deserializer)?;
        Ok(entries.into_iter().map(|(key, form)| (key, form.0)).collect())
    }
}
