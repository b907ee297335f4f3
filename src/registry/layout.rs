//! Schemas laid out over several lines: a registry keeps one on a single line, and a message that points into it, or a
//! reviewer who reads a change of it, needs more.

use fleetops_avro::json::{self, Kind, Value};

/// What is no longer than that stays on one line.
const WIDTH: usize = 100;

/// A JSON text without whitespace and comments; a text that is no JSON stays as it is.
pub(super) fn compact(text: &str) -> String {
    match json::parse(text) {
        Ok(value) => {
            let mut out = String::with_capacity(text.len());
            json::write(&value, &mut out);
            out
        }
        Err(_) => text.to_owned(),
    }
}

/// JSON over several lines; what is short enough stays on one. The depth is bounded by the parser's.
pub(super) fn lay_out(value: &Value, depth: usize, out: &mut String) {
    let mut short = String::new();
    json::write(value, &mut short);
    if short.len() + 2 * depth <= WIDTH {
        out.push_str(&short);
        return;
    }
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
    };
    match &value.kind {
        Kind::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                line(out, depth + 1);
                lay_out(item, depth + 1, out);
            }
            line(out, depth);
            out.push(']');
        }
        Kind::Object(_) => {
            out.push('{');
            for (i, member) in value.members().into_iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                line(out, depth + 1);
                json::write_string(&member.key, out);
                out.push_str(": ");
                lay_out(&member.value, depth + 1, out);
            }
            line(out, depth);
            out.push('}');
        }
        _ => out.push_str(&short),
    }
}

/// A schema's text over several lines, with a line end; a text that is no JSON as it is.
pub fn laid_out(text: &str) -> String {
    let mut out = match json::parse(text) {
        Ok(value) => {
            let mut out = String::new();
            lay_out(&value, 0, &mut out);
            out
        }
        Err(_) => text.to_owned(),
    };
    if !out.ends_with('\n') {
        out.push('\n');
    }
    out
}
