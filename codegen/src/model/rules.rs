//! Validation attributes of the schema: `minimum`, `pattern`, `maxItems` and their like.
//!
//! They are custom attributes, so Avro itself ignores them; the names and their meaning are JSON Schema's (2020-12,
//! "Validation"). They stand on a field or on its type object. One that can never hold, or does not fit the type, is left
//! out with a warning, at generation: other programs have attributes of these names for purposes of their own, and their
//! schemas are valid Avro.

use fleetops_avro::diagnostic::Diagnostic;
use fleetops_avro::json::{self, Member};
use fleetops_avro::source::Place;

use super::{Type, place};

/// A rule of one field, of the value behind it where it is optional. Numbers are literals of the field's own type.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// `minimum`: at least.
    Minimum(String),
    /// `maximum`: at most.
    Maximum(String),
    /// `exclusiveMinimum`: above.
    ExclusiveMinimum(String),
    /// `exclusiveMaximum`: below.
    ExclusiveMaximum(String),
    /// `pattern`: an expression of the regex crate that compiles.
    Pattern(String),
    /// `minLength`: so many characters, or bytes of `bytes`, at least.
    MinLength(u64),
    /// `maxLength`: so many characters, or bytes of `bytes`, at most.
    MaxLength(u64),
    /// `minItems`: so many items of an array at least.
    MinItems(u64),
    /// `maxItems`: so many items of an array at most.
    MaxItems(u64),
    /// `minProperties`: so many entries of a map at least.
    MinProperties(u64),
    /// `maxProperties`: so many entries of a map at most.
    MaxProperties(u64),
}

const NAMES: &[&str] = &[
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "pattern",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
];

/// Reads the rules among `attributes`, for a field of type `ty`. What does not fit is left out and told.
pub(crate) fn read(attributes: &[Member], ty: &Type, at: &Place, found: &mut Vec<Diagnostic>) -> Vec<Rule> {
    let before = found.len();
    let mut rules = Vec::new();
    for (index, member) in attributes.iter().enumerate() {
        let later = attributes.get(index + 1..).unwrap_or_default();
        if !NAMES.contains(&member.key.as_str()) || later.iter().any(|m| m.key == member.key) {
            continue;
        }
        match rule(member, ty.unwrapped(), at) {
            Ok(rule) => rules.push(rule),
            Err(misfit) => found.push(*misfit),
        }
    }
    if found.len() == before {
        let pairs = [
            ("minimum", "maximum"),
            ("minLength", "maxLength"),
            ("minItems", "maxItems"),
            ("minProperties", "maxProperties"),
        ];
        found.extend(
            pairs
                .iter()
                .filter_map(|(low, high)| contradiction(attributes, low, high, at)),
        );
        if found.len() > before {
            // No value would be good.
            rules.clear();
        }
    }
    rules
}

/// What the type is called in messages.
fn type_word(ty: &Type) -> &'static str {
    match ty {
        Type::Null | Type::Never => "null",
        Type::Boolean => "boolean",
        Type::Int => "int",
        Type::Long => "long",
        Type::Float => "float",
        Type::Double => "double",
        Type::Bytes => "bytes",
        Type::String => "string",
        Type::UuidString | Type::UuidFixed => "uuid",
        Type::Time(_) => "date or time",
        Type::DecimalBytes { .. } | Type::DecimalFixed { .. } | Type::BigDecimal { .. } => "decimal",
        Type::Duration => "duration",
        Type::Array(_) => "array",
        Type::Map(_) => "map",
        Type::Optional { .. } | Type::Union(_) => "union",
        Type::Record { .. } => "record",
        Type::Enum { .. } => "enum",
        Type::Fixed(_) => "fixed",
        Type::Newtype { base, .. } => type_word(base),
    }
}

fn rule(member: &Member, ty: &Type, at: &Place) -> Result<Rule, Box<Diagnostic>> {
    let misfit = |takes: &str| {
        Box::new(
            Diagnostic::warning(
                "validation-misfit",
                place(at, member.key_span),
                format!("`{}` does not fit a field of type {}", member.key, type_word(ty)),
                format!("it takes {takes}"),
            )
            .help("remove the attribute, or change the field's type"),
        )
    };
    let numeric = matches!(ty, Type::Int | Type::Long | Type::Float | Type::Double);
    match member.key.as_str() {
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => {
            if !numeric {
                return Err(misfit("int, long, float or double"));
            }
            let literal = number(member, ty, at)?;
            Ok(match member.key.as_str() {
                "minimum" => Rule::Minimum(literal),
                "maximum" => Rule::Maximum(literal),
                "exclusiveMinimum" => Rule::ExclusiveMinimum(literal),
                _ => Rule::ExclusiveMaximum(literal),
            })
        }
        "pattern" => {
            if *ty != Type::String {
                return Err(misfit("string"));
            }
            pattern(member, at)
        }
        "minLength" | "maxLength" => {
            if !matches!(ty, Type::String | Type::Bytes) {
                return Err(misfit("string or bytes"));
            }
            let count = count(member, at)?;
            Ok(if member.key == "minLength" {
                Rule::MinLength(count)
            } else {
                Rule::MaxLength(count)
            })
        }
        "minItems" | "maxItems" => {
            if !matches!(ty, Type::Array(_)) {
                return Err(misfit("array"));
            }
            let count = count(member, at)?;
            Ok(if member.key == "minItems" {
                Rule::MinItems(count)
            } else {
                Rule::MaxItems(count)
            })
        }
        _ => {
            if !matches!(ty, Type::Map(_)) {
                return Err(misfit("map"));
            }
            let count = count(member, at)?;
            Ok(if member.key == "minProperties" {
                Rule::MinProperties(count)
            } else {
                Rule::MaxProperties(count)
            })
        }
    }
}

fn bad_value(member: &Member, at: &Place, message: String, label: &str) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::warning("validation-value", place(at, member.value.span), message, label)
            .help("write another value, or remove the attribute"),
    )
}

/// The limit as a literal of the field's type.
fn number(member: &Member, ty: &Type, at: &Place) -> Result<String, Box<Diagnostic>> {
    let json::Kind::Number(text) = &member.value.kind else {
        return Err(bad_value(
            member,
            at,
            format!("`{}` must be a number", member.key),
            "not a number",
        ));
    };
    let literal = match ty {
        Type::Int => text.parse::<i32>().ok().map(|v| v.to_string()),
        Type::Long => text.parse::<i64>().ok().map(|v| v.to_string()),
        Type::Float => finite(text)
            .filter(|v| v.abs() <= f64::from(f32::MAX))
            .map(|v| format!("{v:?}")),
        _ => finite(text).map(|v| format!("{v:?}")),
    };
    literal.ok_or_else(|| {
        bad_value(
            member,
            at,
            format!("`{}` of a field of type {} is {text}", member.key, type_word(ty)),
            match ty {
                Type::Int => "not an integer of 32 bits",
                Type::Long => "not an integer of 64 bits",
                _ => "beyond the range of the type",
            },
        )
    })
}

fn finite(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|v| v.is_finite())
}

fn count(member: &Member, at: &Place) -> Result<u64, Box<Diagnostic>> {
    if let json::Kind::Number(text) = &member.value.kind
        && let Ok(value) = text.parse::<u32>()
    {
        return Ok(u64::from(value));
    }
    Err(bad_value(
        member,
        at,
        format!("`{}` must be a whole number, 0 or more", member.key),
        "not a count",
    ))
}

fn pattern(member: &Member, at: &Place) -> Result<Rule, Box<Diagnostic>> {
    let Some(text) = member.value.as_str() else {
        return Err(bad_value(
            member,
            at,
            "`pattern` must be a string".to_owned(),
            "not a string",
        ));
    };
    match regex::Regex::new(text) {
        Ok(_) => Ok(Rule::Pattern(text.to_owned())),
        Err(error) => Err(Box::new(
            Diagnostic::warning(
                "validation-pattern",
                place(at, member.value.span),
                format!("`pattern` is not a regular expression: {error}"),
                "cannot be compiled",
            )
            .note("patterns are those of the regex crate: no look-around, no back references")
            .help("write the pattern without that construct; `^` and `$` anchor it to the whole text"),
        )),
    }
}

/// A lower limit above the upper one.
fn contradiction(attributes: &[Member], low: &str, high: &str, at: &Place) -> Option<Diagnostic> {
    let find = |key: &str| {
        let member = attributes.iter().rev().find(|m| m.key == key)?;
        match &member.value.kind {
            json::Kind::Number(text) => Some((member, text.parse::<f64>().ok()?)),
            _ => None,
        }
    };
    let (low_member, low_value) = find(low)?;
    let (high_member, high_value) = find(high)?;
    (low_value > high_value).then(|| {
        Diagnostic::warning(
            "validation-contradiction",
            place(at, low_member.value.span),
            format!("no value can satisfy both `{low}` and `{high}`"),
            format!("larger than `{high}`"),
        )
        .related(place(at, high_member.value.span), format!("`{high}` is here"))
        .help("swap the two limits, or remove one")
    })
}
