//! Words that names are made of, and what they give away.

/// The words of a name, in lower case: `startTime_ms` is start, time, ms.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut lower_before = false;
    let mut fresh = true;
    for c in name.chars() {
        if c == '_' {
            fresh = true;
            continue;
        }
        if fresh || (c.is_uppercase() && lower_before) {
            words.push(String::new());
        }
        fresh = false;
        lower_before = !c.is_uppercase();
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
    }
    words
}

/// `OrderPlaced`, `UUID`; a longer word in capitals is shouting.
pub(super) fn is_pascal(name: &str) -> bool {
    name.starts_with(|c: char| c.is_uppercase()) && !name.contains('_') && (name.len() < 5 || !is_upper(name))
}

/// `order_id`, `x`
pub(super) fn is_snake(name: &str) -> bool {
    let plain = name.strip_prefix('_').unwrap_or(name);
    !plain.is_empty()
        && !plain.contains("__")
        && !plain.ends_with('_')
        && plain
            .chars()
            .all(|c| c == '_' || c.is_numeric() || (c.is_alphabetic() && !c.is_uppercase()))
}

/// `IN_TRANSIT`
pub(super) fn is_upper(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|c| c == '_' || c.is_numeric() || (c.is_alphabetic() && !c.is_lowercase()))
}

pub(super) fn pascal(name: &str) -> String {
    let capital = |word: String| {
        let mut chars = word.chars();
        chars
            .next()
            .map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
    };
    words(name).into_iter().map(capital).collect()
}

pub(super) fn snake(name: &str) -> String {
    words(name).join("_")
}

pub(super) fn upper(name: &str) -> String {
    snake(name).to_uppercase()
}

const MONEY: &[&str] = &[
    "amount",
    "balance",
    "cost",
    "costs",
    "discount",
    "fee",
    "fees",
    "money",
    "payment",
    "price",
    "prices",
    "refund",
    "revenue",
    "salary",
    "subtotal",
    "surcharge",
    "tax",
    "total",
    "vat",
    "wage",
];

/// Whether the name speaks of money.
pub(super) fn is_money(name: &str) -> bool {
    words(name).iter().any(|word| MONEY.contains(&word.as_str()))
}

const COUNTED: &[&str] = &[
    "attempt",
    "attempts",
    "bucket",
    "code",
    "count",
    "counter",
    "counts",
    "epoch",
    "flags",
    "hash",
    "id",
    "ids",
    "index",
    "indexes",
    "indices",
    "level",
    "mask",
    "no",
    "num",
    "number",
    "numbers",
    "offset",
    "offsets",
    "order",
    "page",
    "partition",
    "port",
    "priority",
    "quantity",
    "rank",
    "retries",
    "revision",
    "seed",
    "sequence",
    "size",
    "status",
    "step",
    "total",
    "type",
    "version",
    "year",
];

/// Whether a whole number of that name counts or names something, so that it has no unit.
pub(super) fn is_counted(name: &str) -> bool {
    let words = words(name);
    let last = words.last().map(String::as_str).unwrap_or_default();
    COUNTED.contains(&last)
        || words
            .first()
            .is_some_and(|first| ["num", "n", "number"].contains(&first.as_str()) && words.len() > 1)
}

const UNITS: &[&str] = &[
    "bps",
    "bytes",
    "celsius",
    "cents",
    "cm",
    "day",
    "days",
    "db",
    "deg",
    "degrees",
    "g",
    "gb",
    "hours",
    "hz",
    "j",
    "kb",
    "kg",
    "khz",
    "km",
    "kmh",
    "kph",
    "kw",
    "kwh",
    "l",
    "m",
    "m2",
    "m3",
    "mb",
    "meters",
    "metres",
    "mhz",
    "micros",
    "millis",
    "milliseconds",
    "min",
    "minutes",
    "mm",
    "mph",
    "mps",
    "ms",
    "mv",
    "nanos",
    "ns",
    "pa",
    "percent",
    "pct",
    "pixels",
    "ppm",
    "px",
    "rad",
    "radians",
    "ratio",
    "rpm",
    "s",
    "sec",
    "secs",
    "seconds",
    "us",
    "v",
    "volts",
    "w",
    "watts",
    "weeks",
];

const PURE: &[&str] = &[
    "coefficient",
    "confidence",
    "factor",
    "fraction",
    "likelihood",
    "probability",
    "ratio",
    "score",
    "similarity",
];

/// Whether a number of that name has no dimension.
pub(super) fn is_pure(name: &str) -> bool {
    words(name)
        .last()
        .is_some_and(|last| PURE.contains(&last.as_str()))
}

/// Whether the name ends with a unit.
pub(super) fn has_unit(name: &str) -> bool {
    let words = words(name);
    words.len() > 1 && words.last().is_some_and(|last| UNITS.contains(&last.as_str()))
}

/// Whether the name is that of a point in time.
pub(super) fn is_time(name: &str) -> bool {
    let words = words(name);
    let last = words.last().map(String::as_str).unwrap_or_default();
    match last {
        "timestamp" | "ts" | "datetime" | "date" => true,
        "at" | "time" => words.len() > 1,
        _ => false,
    }
}

const JAVA: &[&str] = &[
    "abstract",
    "assert",
    "boolean",
    "break",
    "byte",
    "case",
    "catch",
    "char",
    "class",
    "const",
    "continue",
    "default",
    "do",
    "double",
    "else",
    "enum",
    "extends",
    "false",
    "final",
    "finally",
    "float",
    "for",
    "goto",
    "if",
    "implements",
    "import",
    "instanceof",
    "int",
    "interface",
    "long",
    "native",
    "new",
    "null",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "short",
    "static",
    "strictfp",
    "super",
    "switch",
    "synchronized",
    "this",
    "throw",
    "throws",
    "transient",
    "true",
    "try",
    "void",
    "volatile",
    "while",
];

const PYTHON: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

const RUST: &[&str] = &[
    "Self", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do",
    "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static",
    "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual",
    "where", "while", "yield",
];

/// The languages that the name is a keyword of.
pub(super) fn keyword_of(name: &str) -> Vec<&'static str> {
    [("Java", JAVA), ("Python", PYTHON), ("Rust", RUST)]
        .into_iter()
        .filter(|(_, words)| words.contains(&name))
        .map(|(language, _)| language)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_into_words() {
        assert_eq!(words("startTime_ms"), ["start", "time", "ms"]);
        assert_eq!(words("GPSFix2"), ["gpsfix2"]);
        assert_eq!(words("__x__y"), ["x", "y"]);
        assert_eq!(
            (snake("OrderId"), pascal("order_id"), upper("inTransit")),
            ("order_id".into(), "OrderId".into(), "IN_TRANSIT".into())
        );
    }

    #[test]
    fn styles_are_told_apart() {
        for good in ["Order", "OrderV2", "X", "UUID", "GpsFix"] {
            assert!(is_pascal(good), "{good}");
        }
        for bad in ["order", "order_placed", "Order_Placed", "ORDER"] {
            assert!(!is_pascal(bad), "{bad}");
        }
        for good in ["x", "order_id", "line2", "_id", "größe"] {
            assert!(is_snake(good), "{good}");
        }
        for bad in ["orderId", "Order", "a__b", "a_"] {
            assert!(!is_snake(bad), "{bad}");
        }
        assert!(is_upper("IN_TRANSIT") && is_upper("V2") && !is_upper("In") && !is_upper("in"));
    }
}
