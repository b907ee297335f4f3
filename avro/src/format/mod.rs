//! One layout for schemas: what `fmt` writes.
//!
//! A text keeps its comments, the order of its keys, duplicate keys, and every string and number as it was written; only
//! white space changes. So a formatted schema is the same schema, and [`format()`] compares the values before it gives the
//! text back.
//!
//! The layout: two spaces a level; an object or array stays on one line where it fits into [`WIDTH`] columns, has no
//! comment, and its author did not break it after the brace; a record and its fields are always broken. One blank line
//! between members is kept. Laying out a laid-out text changes nothing.

mod print;
mod tokens;

use crate::json::{self, Kind, Value};

/// Columns that a line should fit into. A string is never broken, so documents may be longer.
pub const WIDTH: usize = 120;

/// Levels of arrays and objects that are laid out.
pub const MAX_DEPTH: usize = 200;

/// Why a text is not laid out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// It is not JSON as Java reads it.
    #[error("{0}")]
    Json(#[from] json::Error),
    /// Arrays and objects nested deeper than any schema of people's.
    #[error("arrays and objects are nested more than {MAX_DEPTH} deep, so the text is left as it is")]
    TooDeep,
    /// The layout would have changed it: a mistake of this module.
    #[error("the layout would change the text, so it is left as it is")]
    Changed,
}

/// The text laid out, with a line break at its end.
///
/// # Errors
/// The text is not JSON.
pub fn format(text: &str) -> Result<String, FormatError> {
    let before = json::parse(text)?;
    if depth(&before) > MAX_DEPTH {
        return Err(FormatError::TooDeep);
    }
    let document = tokens::read(text).ok_or(FormatError::Changed)?;
    let out = print::print(&document);
    match json::parse(&out) {
        Ok(after) if same(&before, &after) && tokens::comments(text) == tokens::comments(&out) => Ok(out),
        _ => Err(FormatError::Changed),
    }
}

fn depth(value: &Value) -> usize {
    let mut deepest = 0;
    let mut open = vec![(value, 1)];
    while let Some((value, level)) = open.pop() {
        deepest = deepest.max(level);
        match &value.kind {
            Kind::Array(items) => open.extend(items.iter().map(|item| (item, level + 1))),
            Kind::Object(members) => open.extend(members.iter().map(|member| (&member.value, level + 1))),
            _ => {}
        }
    }
    deepest
}

/// Whether two values are written with the same keys, strings and numbers in the same order.
fn same(a: &Value, b: &Value) -> bool {
    let mut open = vec![(a, b)];
    while let Some((a, b)) = open.pop() {
        let equal = match (&a.kind, &b.kind) {
            (Kind::Array(a), Kind::Array(b)) => {
                open.extend(a.iter().zip(b));
                a.len() == b.len()
            }
            (Kind::Object(a), Kind::Object(b)) => {
                open.extend(a.iter().zip(b).map(|(a, b)| (&a.value, &b.value)));
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.key == b.key)
            }
            (a, b) => a == b,
        };
        if !equal {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn lays_out(from: &str, to: &str) {
        let out = format(from).unwrap();
        assert_eq!(out, to);
        assert_eq!(format(&out).unwrap(), out, "again");
    }

    #[test]
    fn short_things_stay_on_a_line_and_records_are_broken() {
        lays_out(
            r#"{"type":"array","items":[ "null","int" ]}"#,
            "{ \"type\": \"array\", \"items\": [\"null\", \"int\"] }\n",
        );
        lays_out(
            r#"{"type":"record","name":"R","fields":[{"name":"x","type":"int"},{"name":"y","type":{"type":"record","name":"S","fields":[]}}]}"#,
            r#"{
  "type": "record",
  "name": "R",
  "fields": [
    { "name": "x", "type": "int" },
    {
      "name": "y",
      "type": {
        "type": "record",
        "name": "S",
        "fields": []
      }
    }
  ]
}
"#,
        );
    }

    #[test]
    fn what_is_long_or_was_broken_is_broken() {
        let long = "x".repeat(WIDTH);
        lays_out(
            &format!("[\"a\",\"{long}\"]"),
            &format!("[\n  \"a\",\n  \"{long}\"\n]\n"),
        );
        lays_out("{\n\"type\":\"int\"}", "{\n  \"type\": \"int\"\n}\n");
        lays_out("[\n\"null\",\n\"int\"\n]", "[\"null\", \"int\"]\n");
        lays_out("\"int\"", "\"int\"\n");
    }

    #[test]
    fn comments_stay_where_they_belong() {
        lays_out(
            "// head\n\n/* two\n   lines */ {\"a\":1, // of a\n\n\n// of b\n\"b\" /* mid */ : 2 /* of b */,\"c\": // late\n[ // in c\n1]\n// end\n}",
            "// head\n\n/* two\n   lines */\n{\n  \"a\": 1, // of a\n\n  // of b\n  \"b\": /* mid */ 2, /* of b */\n  \"c\": // late\n  [\n    // in c\n    1\n  ]\n  // end\n}\n",
        );
        lays_out("{ /* nothing */ }", "{\n  /* nothing */\n}\n");
        lays_out(
            "[1 // a\n// b\n, 2 // c\n// d\n]",
            "[\n  1, // a\n  // b\n  2 // c\n  // d\n]\n",
        );
    }

    #[test]
    fn keys_numbers_and_escapes_are_kept() {
        lays_out(
            r#"{"b":1.50e+01,"a":"\u0041\/","b":-0}"#,
            "{ \"b\": 1.50e+01, \"a\": \"\\u0041\\/\", \"b\": -0 }\n",
        );
        lays_out(
            "{\r\n  \"a\": 1, // x\r\n  \"b\": 2\r\n}\r\n",
            "{\n  \"a\": 1, // x\n  \"b\": 2\n}\n",
        );
    }

    #[test]
    fn what_is_no_json_is_told() {
        assert!(matches!(format("{\"a\" 1}"), Err(FormatError::Json(_))));
        assert!(matches!(format("{} // behind"), Err(FormatError::Json(_))));
    }

    #[test]
    fn deep_texts_are_laid_out_to_a_limit() {
        let nested = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        format(&nested(MAX_DEPTH)).unwrap();
        assert_eq!(format(&nested(MAX_DEPTH + 1)), Err(FormatError::TooDeep));
        assert_eq!(format(&nested(json::MAX_DEPTH)), Err(FormatError::TooDeep));
    }
}
