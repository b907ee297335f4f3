//! What is said of a text that is not JSON.

use super::{Error, Frame, Scanner};
use crate::source::Span;

impl Scanner<'_> {
    pub(super) fn trailing_comma(&self, comma: usize) -> Error {
        let close = if self.peek() == Some(b']') { ']' } else { '}' };
        Error {
            rule: "invalid-json",
            message: format!("a comma before `{close}`"),
            span: Span::new(comma as u32, comma as u32 + 1),
            label: "nothing follows it".to_owned(),
            related: None,
            help: Some("remove the comma".to_owned()),
        }
    }

    pub(super) fn control(&self, place: &str) -> Error {
        let code = self.peek().unwrap_or(0);
        self.error(
            format!("a control character (U+{code:04X}) {place}"),
            format!("write it as \\u{code:04x}, or remove it"),
        )
    }

    pub(super) fn error(&self, message: impl Into<String>, label: impl Into<String>) -> Error {
        let end = match self.text[self.at..].chars().next() {
            Some('\n' | '\r') | None => self.at,
            Some(c) => self.at + c.len_utf8(),
        };
        Error {
            rule: "invalid-json",
            message: message.into(),
            span: Span::new(self.at as u32, end as u32),
            label: label.into(),
            related: None,
            help: None,
        }
    }

    /// Something else stands here, or the text ends.
    pub(super) fn expected(&self, stack: &[Frame], what: &str) -> Error {
        let next = self.text[self.at..].chars().next();
        let (inside, open) = match stack.last() {
            Some(Frame::Array(start, _)) => (" in an array", Some((*start, "the array starts here"))),
            Some(Frame::Object(start, ..)) => (" in an object", Some((*start, "the object starts here"))),
            None => ("", None),
        };
        let message = match next {
            None => format!("the text ends{inside}"),
            Some('\u{feff}') => format!("a byte order mark{inside}"),
            Some(c) if c.is_control() => format!("unexpected U+{:04X}{inside}", c as u32),
            Some(c) => format!("unexpected `{c}`{inside}"),
        };
        let mut error = self.error(message, format!("expected {what}"));
        error.related = open.map(|(start, text)| (Span::new(start, start + 1), text));
        error.help = match next {
            Some('\u{feff}') => Some("save the text without it".to_owned()),
            Some('"' | '{' | '[' | '-' | '0'..='9') if what.starts_with("`,`") => {
                Some("put a comma between the two".to_owned())
            }
            Some(c @ ('}' | ']')) if open.is_some() => {
                let close = if c == '}' { ']' } else { '}' };
                Some(format!("close it with `{close}` first"))
            }
            _ => None,
        };
        error
    }
}
