//! Keeps a password that somebody wrote into the manifest out of the message that says so.
//!
//! A diagnostic prints the line it points at. So every diagnostic of a manifest points into a copy of the text in which
//! the values of secret keys are overwritten, byte for byte: all places stay right. The copy is made from the text,
//! not from the parsed tables, because a manifest with a syntax error is printed as well.

use std::sync::Arc;

use fleetops_avro::Diagnostic;
use fleetops_avro::source::Source;

use super::environment::is_secret;

/// Points `found` at texts in which no secret can be read.
pub(super) fn redact(source: &Arc<Source>, found: &mut [Diagnostic]) {
    let Some(clean) = clean(source.text()) else {
        return;
    };
    let clean = Source::new(source.name(), clean);
    for diagnostic in found {
        diagnostic.primary.place.source = Arc::clone(&clean);
        for label in &mut diagnostic.related {
            label.place.source = Arc::clone(&clean);
        }
    }
}

/// The text with the values of secret keys overwritten; `None` where there are none.
fn clean(text: &str) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    let mut changed = false;
    for (at, _) in text.match_indices('=') {
        let (before, after) = (&text[..at], &text[at + 1..]);
        if !is_secret(key_before(before)) {
            continue;
        }
        let value = value_after(after);
        let inner = after.get(value.clone()).unwrap_or_default();
        if inner.contains("${") || inner.starts_with('{') {
            continue; // a reference is no secret
        }
        let range = at + 1 + value.start..at + 1 + value.end;
        for byte in bytes.get_mut(range).unwrap_or_default() {
            if !matches!(byte, b'\n' | b'\r') {
                *byte = b'*';
                changed = true;
            }
        }
    }
    changed.then(|| String::from_utf8(bytes).unwrap_or_default())
}

/// The key that an `=` belongs to, dots and all.
fn key_before(before: &str) -> &str {
    let end = before.trim_end_matches([' ', '\t']);
    let of_key = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '"' | '\'' | ' ' | '\t');
    let start = end
        .rfind(|c| !of_key(c))
        .map_or(0, |i| i + end[i..].chars().next().map_or(1, char::len_utf8));
    end[start..].trim()
}

/// The range of the value that starts `after` an `=`: without its quotes, or up to the end of the line.
fn value_after(after: &str) -> std::ops::Range<usize> {
    let start = after.len() - after.trim_start_matches([' ', '\t']).len();
    let value = &after[start..];
    for quote in ["\"\"\"", "'''", "\"", "'"] {
        let Some(inner) = value.strip_prefix(quote) else {
            continue;
        };
        let mut end = inner.len();
        for (i, _) in inner.match_indices(quote) {
            let escapes = inner[..i].bytes().rev().take_while(|b| *b == b'\\').count();
            if quote.starts_with('\'') || escapes % 2 == 0 {
                end = i;
                break;
            }
        }
        if quote.len() == 1 {
            end = end.min(inner.find('\n').unwrap_or(inner.len()));
        }
        return start + quote.len()..start + quote.len() + end;
    }
    let end = value.find(['\n', ',', '}', '#']).unwrap_or(value.len());
    if value.starts_with('{') {
        return start..start + value.len().min(1);
    }
    start..start + end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_overwritten_wherever_they_can_stand() {
        for text in [
            "\"sasl.password\" = \"MARKER\"",
            "kafka = { \"sasl.username\" = \"u\", \"sasl.password\" = 'MARKER' }",
            "kafka = { sasl.password = \"MARKER\" }",
            "password=\"MARKER\\\" MARKER\"",
            "password = \"\"\"\nMARKER\nMARKER\"\"\"",
            "password = \"MARKER",
            "password = MARKER, x",
            "bearer = '''MARKER'''",
            "[env.x.registry-auth]\npassword = \"ä MARKER\"\nusername = \"u\"",
        ] {
            let clean = clean(text).unwrap();
            assert!(!clean.contains("MARKER"), "{clean}");
            assert_eq!(clean.len(), text.len());
            assert_eq!(clean.lines().count(), text.lines().count());
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        for text in [
            "password = \"${P}\"",
            "password = { file = \"/run/p\" }",
            "username = \"u\"",
            "a == b",
            "=",
            "password",
            "password =",
        ] {
            assert_eq!(clean(text), None, "{text}");
        }
    }
}
