//! Default values of the schema as Rust expressions.
//!
//! A default is JSON that the parser has checked against the Avro type. What it has not checked is whether the *Rust*
//! type can hold it: text that is no UUID, a time beyond chrono's calendar. Those are errors here.

use fleetops_avro::json::{Kind, Value};

use super::check::is_nearly_a_constant;
use super::{Emitter, bytes_literal, string_literal};
use crate::model::{Time, Type};

/// The most bytes of a number, and how far from 0 its scale may be: the runtime reads no `BigDecimal` beyond.
const MAX_BIG_BYTES: usize = 4096;
const MAX_BIG_SCALE: u64 = 10_000;

/// A default as code.
#[derive(Clone, Debug)]
pub(crate) struct DefaultCode {
    pub(crate) expression: String,
    /// It is what the type's own `Default` gives.
    pub(crate) is_trivial: bool,
    /// It has a literal that clippy would take for a known constant.
    pub(crate) nearly_constant: bool,
}

impl DefaultCode {
    fn new(expression: impl Into<String>) -> Self {
        Self {
            expression: expression.into(),
            is_trivial: false,
            nearly_constant: false,
        }
    }

    fn trivial(expression: impl Into<String>) -> Self {
        Self {
            is_trivial: true,
            ..Self::new(expression)
        }
    }
}

/// Why a default cannot be a Rust value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// The value is none of the type; in words for under a caret.
    Value(String),
    /// It is nested too deep.
    Depth,
    /// It, or all that was generated before it, makes too much code.
    Size,
}

impl From<String> for Misfit {
    fn from(why: String) -> Self {
        Self::Value(why)
    }
}

impl From<&str> for Misfit {
    fn from(why: &str) -> Self {
        Self::Value(why.to_owned())
    }
}

impl Emitter<'_> {
    /// The code of a default.
    pub(crate) fn default_value(&self, ty: &Type, value: &Value) -> Result<DefaultCode, Misfit> {
        if self.work.is_exhausted() {
            return Err(Misfit::Size);
        }
        if !self.work.enter() {
            return Err(Misfit::Depth);
        }
        let code = self.code_of(ty, value);
        self.work.leave();
        self.work.spend(code.as_ref().map_or(0, |c| c.expression.len()));
        code
    }

    fn code_of(&self, ty: &Type, value: &Value) -> Result<DefaultCode, Misfit> {
        let rt = self.runtime;
        Ok(match ty {
            Type::Null => DefaultCode::trivial("()"),
            Type::Never => return Err("there is no value of the type".into()),
            Type::Boolean => match value.kind {
                Kind::Bool(true) => DefaultCode::new("true"),
                _ => DefaultCode::trivial("false"),
            },
            Type::Int | Type::Long => {
                let number = integer(value)?;
                match number {
                    0 => DefaultCode::trivial("0"),
                    _ => DefaultCode::new(number.to_string()),
                }
            }
            Type::Float | Type::Double if value.as_str().is_some() => {
                let float = if *ty == Type::Float { "f32" } else { "f64" };
                DefaultCode::new(match value.as_str() {
                    Some("NaN") => format!("{float}::NAN"),
                    Some("Infinity") => format!("{float}::INFINITY"),
                    Some("-Infinity") => format!("{float}::NEG_INFINITY"),
                    _ => return Err("not a number".into()),
                })
            }
            Type::Float => float(value, |v| format!("{:?}", v as f32))?,
            Type::Double => float(value, |v| format!("{v:?}"))?,
            Type::Bytes => {
                let bytes = latin1(value)?;
                if bytes.is_empty() {
                    DefaultCode::trivial("::std::vec::Vec::new()")
                } else {
                    DefaultCode::new(format!("{}.to_vec()", bytes_literal(&bytes)))
                }
            }
            Type::String => match value.as_str() {
                Some("") => DefaultCode::trivial("::std::string::String::new()"),
                Some(text) => {
                    DefaultCode::new(format!("::std::string::String::from({})", string_literal(text)))
                }
                None => return Err("not a string".into()),
            },
            Type::UuidString => {
                let text = value.as_str().unwrap_or_default();
                let number = uuid(text).ok_or("not the text of a UUID")?;
                self.uuid_code(number)
            }
            Type::UuidFixed => {
                let bytes: [u8; 16] = latin1(value)?.try_into().map_err(|_| "not 16 bytes")?;
                self.uuid_code(u128::from_be_bytes(bytes))
            }
            Type::Time(time) => DefaultCode::new(self.time_code(*time, integer(value)?)?),
            Type::DecimalBytes { scale, big: true, .. } | Type::DecimalFixed { scale, big: true, .. } => {
                self.big_code(&latin1(value)?, i64::from(*scale))?
            }
            Type::BigDecimal { big: true } => {
                let bytes = latin1(value)?;
                let (number, scale) = big_decimal_parts(&bytes)?;
                self.big_code(number, scale)?
            }
            Type::DecimalBytes { scale, .. } | Type::DecimalFixed { scale, .. } => {
                let number = unscaled(&latin1(value)?).ok_or("more digits than a decimal holds")?;
                match (number, scale) {
                    (0, 0) => DefaultCode::trivial(format!("{rt}::rust_decimal::Decimal::ZERO")),
                    _ => DefaultCode::new(format!(
                        "{rt}::rust_decimal::Decimal::from_i128_with_scale({number}, {scale})"
                    )),
                }
            }
            Type::BigDecimal { .. } => {
                let (number, scale) = big_decimal(&latin1(value)?)?;
                match (number, scale) {
                    (0, 0) => DefaultCode::trivial(format!("{rt}::rust_decimal::Decimal::ZERO")),
                    _ => DefaultCode::new(format!(
                        "{rt}::rust_decimal::Decimal::from_i128_with_scale({number}, {scale})"
                    )),
                }
            }
            Type::Newtype { path, .. } => {
                return Err(format!("`{path}` may refuse it, and this is only known at run time").into());
            }
            Type::Duration => {
                let bytes: [u8; 12] = latin1(value)?.try_into().map_err(|_| "not 12 bytes")?;
                let part = |at: usize| {
                    let bytes = bytes.get(at..at + 4).unwrap_or_default();
                    u32::from_le_bytes(bytes.try_into().unwrap_or_default())
                };
                DefaultCode::new(format!(
                    "{} {{ months: {}, days: {}, millis: {} }}",
                    self.codec("AvroDuration"),
                    part(0),
                    part(4),
                    part(8)
                ))
            }
            Type::Array(item) => {
                let items = value.as_array().unwrap_or_default();
                let codes = items
                    .iter()
                    .map(|v| self.default_value(item, v))
                    .collect::<Result<Vec<_>, _>>()?;
                if codes.is_empty() {
                    DefaultCode::trivial("::std::vec::Vec::new()")
                } else {
                    sum(&codes, |list| format!("::std::vec::Vec::from([{list}])"))
                }
            }
            Type::Map(item) => {
                let members = value.as_object().unwrap_or_default();
                let mut codes = Vec::with_capacity(members.len());
                for member in members {
                    let mut code = self.default_value(item, &member.value)?;
                    code.expression = format!(
                        "(::std::string::String::from({}), {})",
                        string_literal(&member.key),
                        code.expression
                    );
                    codes.push(code);
                }
                if codes.is_empty() {
                    DefaultCode::trivial("::std::collections::BTreeMap::new()")
                } else {
                    sum(&codes, |list| {
                        format!("::std::collections::BTreeMap::from([{list}])")
                    })
                }
            }
            Type::Optional { inner, .. } => {
                if value.kind == Kind::Null {
                    DefaultCode::trivial("None")
                } else {
                    sum(&[self.default_value(inner, value)?], |code| {
                        format!("Some({code})")
                    })
                }
            }
            Type::Union(index) => self.union_default(*index, value)?,
            Type::Enum { id, .. } => {
                let symbol = value.as_str().unwrap_or_default();
                let model = self.model.enums.get(id).ok_or("not an enum")?;
                let ident = model
                    .symbols
                    .iter()
                    .find(|(s, _)| s == symbol)
                    .map(|(_, ident)| ident);
                let ident = ident.ok_or("not a symbol of the enum")?;
                DefaultCode::new(format!("{}::{ident}", self.named(ty, false)))
            }
            Type::Fixed(id) => {
                // As Java has it: cut off, or filled up with zeros.
                let mut bytes = latin1(value)?;
                bytes.resize(self.model.fixeds.get(id).map_or(bytes.len(), |f| f.size), 0);
                DefaultCode::new(format!("{}(*{})", self.named(ty, false), bytes_literal(&bytes)))
            }
            Type::Record { id, boxed } => {
                let record = self.model.records.get(id).ok_or("not a record")?;
                let mut codes = Vec::with_capacity(record.fields.len());
                for field in &record.fields {
                    let given = value.get(&field.name).or(field.default.as_ref());
                    let given = given.ok_or_else(|| format!("no value for `{}`", field.name))?;
                    let mut code = self.default_value(&field.ty, given)?;
                    code.expression = format!("{}: {}", field.ident, code.expression);
                    codes.push(code);
                }
                let path = self.named(ty, false);
                sum(&codes, |list| {
                    if *boxed {
                        format!("::std::boxed::Box::new({path} {{ {list} }})")
                    } else {
                        format!("{path} {{ {list} }}")
                    }
                })
            }
        })
    }

    /// The default of a union belongs to its first branch; from Avro 1.12 on to the first that fits.
    fn union_default(&self, index: usize, value: &Value) -> Result<DefaultCode, Misfit> {
        let union = self.model.unions.get(index).ok_or("not a union")?;
        let path = self.path(&union.home.module, &union.home.ident);
        for branch in union.branches.iter().filter(|b| self.may_fit(&b.ty, value)) {
            if branch.ty == Type::Null {
                return Ok(DefaultCode::new(format!("{path}::{}", branch.ident)));
            }
            match self.default_value(&branch.ty, value) {
                Ok(code) => return Ok(sum(&[code], |inner| format!("{path}::{}({inner})", branch.ident))),
                Err(Misfit::Value(_)) if tells_by_trying(&branch.ty) => {}
                Err(misfit) => return Err(misfit),
            }
        }
        Err("no branch of the union takes it".into())
    }

    /// Whether a branch of a union takes a JSON value, as far as can be told without trying.
    fn may_fit(&self, ty: &Type, value: &Value) -> bool {
        match (ty, &value.kind) {
            (Type::Null, Kind::Null) | (Type::Boolean, Kind::Bool(_)) => true,
            (Type::Int, Kind::Number(text)) => text.parse::<i32>().is_ok(),
            (Type::Long | Type::Time(_), Kind::Number(text)) => text.parse::<i64>().is_ok(),
            (Type::Float | Type::Double, Kind::Number(_)) => true,
            (Type::Enum { id, .. }, Kind::String(text)) => {
                (self.model.enums.get(id)).is_some_and(|e| e.symbols.iter().any(|(s, _)| s == text))
            }
            (Type::String, Kind::String(_))
            | (Type::Array(_), Kind::Array(_))
            | (Type::Map(_) | Type::Record { .. }, Kind::Object(_)) => true,
            (ty, Kind::String(_)) if tells_by_trying(ty) => true,
            (Type::Fixed(id), Kind::String(text)) => {
                (self.model.fixeds.get(id)).is_some_and(|f| text.chars().count() == f.size)
            }
            _ => false,
        }
    }

    fn uuid_code(&self, number: u128) -> DefaultCode {
        match number {
            0 => DefaultCode::trivial(format!("{}::uuid::Uuid::nil()", self.runtime)),
            _ => DefaultCode::new(format!(
                "{}::uuid::Uuid::from_u128(0x{number:032x})",
                self.runtime
            )),
        }
    }

    /// A `BigDecimal`. What the runtime does not read is no default either.
    fn big_code(&self, bytes: &[u8], scale: i64) -> Result<DefaultCode, Misfit> {
        let path = format!("{}::bigdecimal", self.runtime);
        if bytes.is_empty() {
            return Err("a number of no bytes".into());
        }
        if bytes.len() > MAX_BIG_BYTES || scale.unsigned_abs() > MAX_BIG_SCALE {
            return Err(format!("more than {MAX_BIG_BYTES} bytes, or a scale beyond {MAX_BIG_SCALE}").into());
        }
        let number = match (unscaled(bytes), scale) {
            (Some(0), 0) => return Ok(DefaultCode::trivial(format!("{path}::BigDecimal::default()"))),
            (Some(number), _) => format!("from({number}_i128)"),
            (None, _) => format!("from_signed_bytes_be({})", bytes_literal(bytes)),
        };
        Ok(DefaultCode::new(format!(
            "{path}::BigDecimal::new({path}::num_bigint::BigInt::{number}, {scale})"
        )))
    }

    fn time_code(&self, time: Time, number: i64) -> Result<String, Misfit> {
        let chrono = format!("{}::chrono", self.runtime);
        // Beyond these chrono has no date; it reaches some 262,000 years either way.
        const DAYS: i64 = 95_000_000;
        let limit = |most: i64| {
            if number.checked_abs().is_some_and(|n| n <= most) {
                Ok(())
            } else {
                Err("beyond the calendar of the date type")
            }
        };
        let of_day = |units: i64| {
            if (0..86_400 * units).contains(&number) {
                let nanos = (number % units) * (1_000_000_000 / units);
                Ok(format!(
                    "{chrono}::NaiveTime::from_num_seconds_from_midnight_opt({}, {nanos}).unwrap_or_default()",
                    number / units
                ))
            } else {
                Err("not a time of a day")
            }
        };
        let instant =
            |function: &str| format!("{chrono}::DateTime::{function}({number}).unwrap_or_default()");
        Ok(match time {
            Time::Date => {
                limit(DAYS)?;
                format!(
                    "{chrono}::DateTime::from_timestamp({}, 0).unwrap_or_default().date_naive()",
                    number * 86_400
                )
            }
            Time::TimeMillis => of_day(1_000)?,
            Time::TimeMicros => of_day(1_000_000)?,
            Time::TimestampMillis | Time::LocalTimestampMillis => {
                limit(DAYS * 86_400_000)?;
                let code = instant("from_timestamp_millis");
                if time == Time::TimestampMillis {
                    code
                } else {
                    code + ".naive_utc()"
                }
            }
            Time::TimestampMicros | Time::LocalTimestampMicros => {
                limit(DAYS.saturating_mul(86_400_000_000))?;
                let code = instant("from_timestamp_micros");
                if time == Time::TimestampMicros {
                    code
                } else {
                    code + ".naive_utc()"
                }
            }
            Time::TimestampNanos => format!("{chrono}::DateTime::from_timestamp_nanos({number})"),
            Time::LocalTimestampNanos => {
                format!("{chrono}::DateTime::from_timestamp_nanos({number}).naive_utc()")
            }
        })
    }
}

/// Whether only the attempt tells that a value of the right kind of JSON is none of the type.
fn tells_by_trying(ty: &Type) -> bool {
    matches!(
        ty,
        Type::Record { .. }
            | Type::Bytes
            | Type::UuidString
            | Type::UuidFixed
            | Type::DecimalBytes { .. }
            | Type::DecimalFixed { .. }
            | Type::Duration
    )
}

/// Several codes as one.
fn sum(codes: &[DefaultCode], wrap: impl Fn(&str) -> String) -> DefaultCode {
    let list: Vec<&str> = codes.iter().map(|c| c.expression.as_str()).collect();
    DefaultCode {
        expression: wrap(&list.join(", ")),
        is_trivial: false,
        nearly_constant: codes.iter().any(|c| c.nearly_constant),
    }
}

fn integer(value: &Value) -> Result<i64, Misfit> {
    match &value.kind {
        Kind::Number(text) => text.parse().map_err(|_| "not a whole number".into()),
        _ => Err("not a number".into()),
    }
}

fn float(value: &Value, literal: impl Fn(f64) -> String) -> Result<DefaultCode, Misfit> {
    let text = match &value.kind {
        Kind::Number(text) => text,
        _ => return Err("not a number".into()),
    };
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    let literal = literal(number);
    if literal.contains("inf") {
        return Err("beyond the range of the type".into());
    }
    Ok(DefaultCode {
        is_trivial: number == 0.0 && number.is_sign_positive(),
        nearly_constant: is_nearly_a_constant(&literal),
        expression: literal,
    })
}

/// The unscaled number and the scale of a big-decimal: Java's `BigDecimalConversion` writes bytes and an int.
fn big_decimal_parts(bytes: &[u8]) -> Result<(&[u8], i64), Misfit> {
    let mut cursor = fleetops_avro::wire::Cursor::new(bytes);
    let parts = cursor.bytes().and_then(|number| {
        let scale = cursor.int()?;
        cursor.finish()?;
        Ok((number, i64::from(scale)))
    });
    parts.map_err(|why| format!("no big-decimal: {why}").into())
}

/// Both, where a `Decimal` holds them.
fn big_decimal(bytes: &[u8]) -> Result<(i128, u32), Misfit> {
    let (number, scale) = big_decimal_parts(bytes)?;
    let number = unscaled(number).filter(|n| n.unsigned_abs() < 1 << 96);
    let number = number.ok_or("more digits than a decimal holds")?;
    match u32::try_from(scale) {
        Ok(scale @ 0..=28) => Ok((number, scale)),
        _ => Err("a scale that is not from 0 to 28".into()),
    }
}

/// Avro writes bytes in JSON as a string of the characters U+0000 to U+00FF.
fn latin1(value: &Value) -> Result<Vec<u8>, Misfit> {
    let text = value.as_str().ok_or("not a string")?;
    text.chars()
        .map(|c| u8::try_from(u32::from(c)).map_err(|_| format!("{c:?} is not a byte").into()))
        .collect()
}

/// The number in big-endian two's complement, where an `i128` of 28 digits holds it.
fn unscaled(bytes: &[u8]) -> Option<i128> {
    let negative = bytes.first().is_some_and(|b| *b >= 0x80);
    let mut number: i128 = if negative { -1 } else { 0 };
    for byte in bytes {
        number = number.checked_mul(256)?.checked_add(i128::from(*byte))?;
    }
    (number.unsigned_abs() < 10u128.pow(28)).then_some(number)
}

/// The 32 digits of a UUID in its usual form, as RFC 9562 has it.
fn uuid(text: &str) -> Option<u128> {
    let hyphens = [8, 13, 18, 23];
    let shape = text.len() == 36
        && text
            .char_indices()
            .all(|(i, c)| (c == '-') == hyphens.contains(&i));
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    if !shape || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(&digits, 16).ok()
}
