//! The nearest of some names to one that is not among them.

/// The candidate that `word` is probably a slip of.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let limit = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .filter_map(|candidate| {
            // Length alone tells most of them apart.
            if candidate.len().abs_diff(word.len()) > limit * 4 {
                return None;
            }
            let distance = strsim::damerau_levenshtein(&lower, &candidate.to_lowercase());
            (distance <= limit).then_some((distance, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// The nearest type name: by full name, or by simple name in another namespace.
pub(crate) fn nearest_type<'a>(
    written: &str,
    full: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Option<&'a str> {
    let simple = |name: &'a str| name.rsplit_once('.').map_or(name, |(_, simple)| simple);
    let written_simple = written.rsplit_once('.').map_or(written, |(_, simple)| simple);
    // The right name in the wrong namespace is likelier than a slip.
    known
        .clone()
        .filter(|name| simple(name) == written_simple)
        .min_by_key(|name| (strsim::damerau_levenshtein(name, full), *name))
        .or_else(|| nearest(written, crate::parse::names::PRIMITIVES))
        .or_else(|| {
            let found = nearest(written_simple, known.clone().map(simple))?;
            known
                .filter(|name| simple(name) == found)
                .min_by_key(|name| (strsim::damerau_levenshtein(name, full), *name))
        })
}

/// What a word of another language is in Avro, as one writes it in place of the word.
pub(crate) fn synonym(word: &str) -> Option<&'static str> {
    Some(match word.to_lowercase().as_str() {
        "integer" | "int32" | "sint32" | "i32" | "short" | "byte" | "int16" | "int8" | "number" => "\"int\"",
        "int64" | "sint64" | "i64" | "bigint" | "uint32" => "\"long\"",
        "float32" | "f32" | "real" => "\"float\"",
        "float64" | "f64" => "\"double\"",
        "bool" => "\"boolean\"",
        "str" | "text" | "varchar" | "char" => "\"string\"",
        "binary" | "blob" => "\"bytes\"",
        "nil" | "none" | "void" => "\"null\"",
        "list" | "vector" | "set" => "{\"type\": \"array\", \"items\": ...}",
        "dict" | "hashmap" | "dictionary" => "{\"type\": \"map\", \"values\": ...}",
        "struct" | "object" | "message" => "{\"type\": \"record\", \"name\": ..., \"fields\": ...}",
        "union" | "oneof" => "an array of schemas: [\"null\", ...]",
        "date" => "{\"type\": \"int\", \"logicalType\": \"date\"}",
        "time-millis" => "{\"type\": \"int\", \"logicalType\": \"time-millis\"}",
        "uuid" => "{\"type\": \"string\", \"logicalType\": \"uuid\"}",
        "timestamp" | "datetime" | "timestamp-micros" => {
            "{\"type\": \"long\", \"logicalType\": \"timestamp-micros\"}"
        }
        "timestamp-millis" => "{\"type\": \"long\", \"logicalType\": \"timestamp-millis\"}",
        "decimal" => {
            "{\"type\": \"bytes\", \"logicalType\": \"decimal\", \"precision\": ..., \"scale\": ...}"
        }
        _ => return None,
    })
}
