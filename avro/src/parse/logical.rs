//! Logical types: which are valid where. Java's `LogicalTypes`, Avro 1.12 specification, "Logical Types".

use crate::json::{self, Member};

use crate::parse::suggest::nearest;
use crate::schema::{Kind, Logical};
use crate::source::Span;

/// The names of the specification.
pub(crate) const NAMES: [&str; 13] = [
    "decimal",
    "big-decimal",
    "uuid",
    "date",
    "time-millis",
    "time-micros",
    "timestamp-millis",
    "timestamp-micros",
    "timestamp-nanos",
    "local-timestamp-millis",
    "local-timestamp-micros",
    "local-timestamp-nanos",
    "duration",
];

/// Attributes of Java's own that no logical type goes with.
const JAVA: [&str; 4] = [
    "avro.java.string",
    "java-class",
    "java-key-class",
    "java-element-class",
];

/// A logical type that Avro ignores, and why.
pub(crate) struct Ignored {
    pub(crate) unknown: bool,
    pub(crate) span: Option<Span>,
    pub(crate) message: String,
    pub(crate) label: String,
    pub(crate) help: Option<String>,
}

/// The logical type of a node; `None` where it has none, or one of the user's own.
pub(crate) fn read(kind: &Kind, attributes: &[Member]) -> Result<Option<Logical>, Ignored> {
    let get = |key: &str| attributes.iter().find(|m| m.key == key).map(|m| &m.value);
    let Some(value) = get("logicalType") else {
        return Ok(None);
    };
    let Some(name) = value.as_str() else {
        return Err(Ignored {
            unknown: true,
            span: Some(value.span),
            message: "\"logicalType\" is not a string, and ignored".to_owned(),
            label: "expected a name in double quotes".to_owned(),
            help: None,
        });
    };
    let ignored = |span: Span, label: String, help: Option<String>| Ignored {
        unknown: false,
        span: Some(span),
        message: format!("the logical type `{name}` is not valid here, and ignored"),
        label,
        help,
    };
    let fixed_size = match kind {
        Kind::Fixed(fixed) => Some(fixed.size),
        _ => None,
    };
    let (logical, fits, needs) = match name {
        "decimal" => {
            let fits = matches!(kind, Kind::Bytes | Kind::Fixed(_));
            if !fits {
                (None, false, "bytes or fixed")
            } else {
                let logical = decimal(value.span, fixed_size, &get)
                    .map_err(|(span, label, help)| ignored(span, label, help))?;
                (Some(logical), true, "")
            }
        }
        "big-decimal" => (Some(Logical::BigDecimal), matches!(kind, Kind::Bytes), "bytes"),
        "uuid" => (
            Some(Logical::Uuid),
            matches!(kind, Kind::String) || fixed_size == Some(16),
            "string, or fixed of size 16",
        ),
        "duration" => (
            Some(Logical::Duration),
            fixed_size == Some(12),
            "fixed of size 12",
        ),
        "date" => (Some(Logical::Date), matches!(kind, Kind::Int), "int"),
        "time-millis" => (Some(Logical::TimeMillis), matches!(kind, Kind::Int), "int"),
        _ => {
            let logical = match name {
                "time-micros" => Logical::TimeMicros,
                "timestamp-millis" => Logical::TimestampMillis,
                "timestamp-micros" => Logical::TimestampMicros,
                "timestamp-nanos" => Logical::TimestampNanos,
                "local-timestamp-millis" => Logical::LocalTimestampMillis,
                "local-timestamp-micros" => Logical::LocalTimestampMicros,
                "local-timestamp-nanos" => Logical::LocalTimestampNanos,
                _ => return custom(name, value.span),
            };
            (Some(logical), matches!(kind, Kind::Long), "long")
        }
    };
    if !fits {
        return Err(ignored(
            value.span,
            format!("it is one of {needs}, and this is {}", kind.word()),
            None,
        ));
    }
    if let Some(member) = attributes
        .iter()
        .find(|m| JAVA.contains(&m.key.as_str()) && m.value.as_str().is_some())
    {
        return Err(ignored(
            member.key_span,
            format!("Java ignores logical types beside \"{}\"", member.key),
            Some(format!("remove \"{}\" or the logical type", member.key)),
        ));
    }
    Ok(logical)
}

/// Not one of the specification's: the user's own, unless it looks like a slip.
fn custom(name: &str, span: Span) -> Result<Option<Logical>, Ignored> {
    let plain = name.to_lowercase().replace('_', "-");
    let near = NAMES
        .into_iter()
        .find(|known| *known == plain)
        .or_else(|| nearest(&plain, NAMES));
    match near {
        None => Ok(None),
        Some(near) => Err(Ignored {
            unknown: true,
            span: Some(span),
            message: format!("`{name}` is not a logical type of Avro, and ignored"),
            label: "no such logical type".to_owned(),
            help: Some(format!("did you mean \"{near}\"?")),
        }),
    }
}

type Problem = (Span, String, Option<String>);

fn decimal<'a>(
    name: Span,
    fixed_size: Option<usize>,
    get: &impl Fn(&str) -> Option<&'a json::Value>,
) -> Result<Logical, Problem> {
    let int = |value: &json::Value| match &value.kind {
        json::Kind::Number(text) if json::is_integral(text) => text.parse::<i32>().ok(),
        _ => None,
    };
    let Some(precision) = get("precision") else {
        return Err((
            name,
            "it has no \"precision\"".to_owned(),
            Some("add \"precision\", the number of digits".to_owned()),
        ));
    };
    let Some(digits) = int(precision) else {
        return Err((precision.span, "expected an integer".to_owned(), None));
    };
    if digits <= 0 {
        return Err((precision.span, "expected a number above 0".to_owned(), None));
    }
    if let Some(size) = fixed_size {
        // Java computes in 32 bits.
        let bits = (size as i32).wrapping_mul(8).wrapping_sub(1);
        let most = (f64::log10(2.0) * f64::from(bits)).floor();
        if f64::from(digits) > most {
            return Err((
                precision.span,
                format!("{size} bytes hold {} digits at most", most.max(0.0)),
                Some("make the fixed larger, or the precision smaller".to_owned()),
            ));
        }
    }
    let scale = match get("scale") {
        None => 0,
        Some(value) => {
            let Some(scale) = int(value) else {
                return Err((value.span, "expected an integer".to_owned(), None));
            };
            if scale < 0 {
                return Err((value.span, "expected 0 or more".to_owned(), None));
            }
            if scale > digits {
                return Err((
                    value.span,
                    format!("expected at most the precision, {digits}"),
                    None,
                ));
            }
            scale
        }
    };
    Ok(Logical::Decimal {
        precision: digits.unsigned_abs(),
        scale: scale.unsigned_abs(),
    })
}
