//! Documentation from schema text.
//!
//! A `doc` is whatever somebody wrote, in a language that may be Markdown, HTML or none. It becomes documentation that
//! rustdoc shows as it was meant and never takes for anything else: no code block that `cargo test` would run, no link
//! to an item, no raw HTML, no character that turns the direction of text. Each line is a string literal, so nothing
//! can leave the comment.

/// The lines of a doc text as rustdoc shall see them. Empty for an empty text.
pub(crate) fn lines(text: &str) -> Vec<String> {
    let clean: String = text
        .replace("\r\n", "\n")
        .chars()
        .map(|c| match c {
            '\r' | '\u{2028}' | '\u{2029}' => '\n',
            '\t' => ' ',
            c if is_unsafe(c) => char::REPLACEMENT_CHARACTER,
            c => c,
        })
        .filter(|&c| c == '\n' || !c.is_control())
        .collect();
    let code_spans = clean.matches('`').count().is_multiple_of(2) && !clean.contains("``");
    let mut in_code = false;
    let mut indent = 0;
    let mut out: Vec<String> = Vec::new();
    for line in clean.trim().lines() {
        let line = line.trim();
        if line.is_empty() {
            indent = 0;
            if out.last().is_some_and(|l| !l.is_empty()) {
                out.push(String::new());
            }
            continue;
        }
        let started_in_code = in_code;
        let escaped = escape(line, code_spans, &mut in_code);
        let marker = if started_in_code { 0 } else { list_marker(line) };
        if marker > 0 {
            indent = marker;
            out.push(escaped);
        } else {
            out.push(format!("{}{}", " ".repeat(indent), block_escape(&escaped)));
        }
    }
    out
}

/// Characters that change how surrounding text is shown: rustc refuses them in comments.
pub(crate) fn is_unsafe(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}' | '\u{061C}')
}

/// The width of a list marker at the start of a line, its space included; 0 where there is none.
fn list_marker(line: &str) -> usize {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let rest = line.get(digits..).unwrap_or_default();
    let bullet = digits == 0 && ["- ", "* ", "+ "].iter().any(|m| rest.starts_with(m));
    let number = (1..=9).contains(&digits) && (rest.starts_with(". ") || rest.starts_with(") "));
    match (bullet, number) {
        (true, _) => 2,
        (_, true) => digits + 2,
        _ => 0,
    }
}

/// Takes the meaning from what would start a block: a quote, a fence, a rule, a heading's underline.
fn block_escape(line: &str) -> String {
    let fence = line.starts_with("~~~");
    let underline = !line.is_empty() && line.chars().all(|c| matches!(c, '=' | '-' | '*' | '_' | ' '));
    if fence || underline || line.starts_with(['>', '#', '+']) {
        format!("\\{line}")
    } else {
        line.to_owned()
    }
}

/// Takes the meaning from brackets, angle brackets and stray backticks, and marks addresses as links.
fn escape(line: &str, code_spans: bool, in_code: &mut bool) -> String {
    let mut out = String::with_capacity(line.len() + 8);
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        if *in_code && c != '`' {
            out.push(c);
        } else if rest.starts_with("http://") || rest.starts_with("https://") {
            let end = rest
                .find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '`' | '"' | '|' | '\\'))
                .unwrap_or(rest.len());
            let address = rest
                .get(..end)
                .unwrap_or(rest)
                .trim_end_matches(['.', ',', ';', ':', ')', ']', '!', '?', '\'']);
            out.push('<');
            out.push_str(address);
            out.push('>');
            rest = rest.get(address.len()..).unwrap_or_default();
            continue;
        } else if c == '`' && code_spans {
            *in_code = !*in_code;
            out.push(c);
        } else {
            if matches!(c, '[' | ']' | '<' | '>' | '`' | '\\') {
                out.push('\\');
            }
            out.push(c);
        }
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_and_markup_loses_its_power() {
        for (text, expected) in [
            ("One line.", vec!["One line."]),
            ("  a\r\n\r\n\r\n   b  ", vec!["a", "", "b"]),
            ("a `code [x] <y>` b [x]", vec!["a `code [x] <y>` b \\[x\\]"]),
            ("Vec<String>", vec!["Vec\\<String\\>"]),
            ("stray ` tick", vec!["stray \\` tick"]),
            (
                "```\nassert!(false)\n```",
                vec!["\\`\\`\\`", "assert!(false)", "\\`\\`\\`"],
            ),
            ("~~~\nx\n~~~", vec!["\\~~~", "x", "\\~~~"]),
            ("    indented code", vec!["indented code"]),
            ("- one\nmore\n- two", vec!["- one", "  more", "- two"]),
            ("1. one\nmore\n\nafter", vec!["1. one", "   more", "", "after"]),
            ("see https://a.b/c?d=e.", vec!["see <https://a.b/c?d=e>."]),
            ("*/ } evil \u{202e}", vec!["*/ } evil \u{fffd}"]),
            ("> quote\n# head\n---", vec!["\\> quote", "\\# head", "\\---"]),
            ("", vec![]),
            (" \n ", vec![]),
        ] {
            assert_eq!(lines(text), expected, "{text:?}");
        }
    }
}
