//! Reading JSON the way Java Avro reads it.
//!
//! Java Avro hands schemas to Jackson with comments allowed and everything else strict; this scanner takes and
//! refuses the same texts: `//` and `/* */` comments before and inside the value but not after it, duplicate keys
//! (the last counts), no trailing commas, no control characters in strings or comments, at most
//! [`MAX_DEPTH`] levels, numbers of at most [`MAX_NUMBER`] digits, keys of at most [`MAX_KEY`] characters.
//! It keeps its own stack, so no text can exhaust the thread's.
//!
//! Two differences are deliberate. A surrogate escape without its partner becomes U+FFFD, because a Rust string
//! cannot hold it. And text after the value is always refused: Jackson overlooks it where it lies outside its buffer.

mod complain;
mod token;

use crate::json::{Kind, Member, Value};
use crate::source::Span;

/// Levels of arrays and objects, as Jackson counts them.
pub const MAX_DEPTH: usize = 1000;
/// Digits of a number, as Jackson counts them.
pub const MAX_NUMBER: usize = 1000;
/// Characters of a key, as Jackson counts them.
pub const MAX_KEY: usize = 50_000;
/// Bytes of a text: a registry on Kafka's default settings takes one eighth of it.
pub const MAX_TEXT: usize = 8 << 20;
/// Values in a text: bounds memory to some 100 MB, whatever the text.
pub const MAX_VALUES: usize = 1_000_000;

/// Why a text is not JSON, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// The rule's ID: `invalid-json`, `text-after-schema`, `too-deep` or `too-large`.
    pub rule: &'static str,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// Where.
    pub span: Span,
    /// What was expected there, for the caret.
    pub label: String,
    /// An earlier place that explains it (the bracket that is not closed).
    pub related: Option<(Span, &'static str)>,
    /// What to do, where that is clear.
    pub help: Option<String>,
}

/// Reads a text that is one JSON value.
///
/// # Errors
/// The first thing that Jackson would stumble over, with its place.
pub fn parse(text: &str) -> Result<Value, Error> {
    if text.len() > MAX_TEXT {
        let mut end = 1;
        while !text.is_char_boundary(end) {
            end += 1;
        }
        return Err(Error {
            rule: "too-large",
            message: format!("the text has {} bytes", text.len()),
            span: Span::new(0, end as u32),
            label: format!("at most {MAX_TEXT} are read"),
            related: None,
            help: Some("split it: types of other files may be referred to by full name".to_owned()),
        });
    }
    Scanner {
        text,
        bytes: text.as_bytes(),
        at: 0,
        values: 0,
        items: Vec::new(),
        members: Vec::new(),
    }
    .document()
}

/// An array or object that is being read: where it starts, and where its items or members start in the scanner's lists.
enum Frame {
    Array(u32, usize),
    /// With the key whose value is being read.
    Object(u32, usize, String, Span),
}

struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    values: usize,
    /// Items of the arrays that are open, the innermost last: so each list is made once, of the right size.
    items: Vec<Value>,
    /// Members of the objects that are open.
    members: Vec<Member>,
}

impl Scanner<'_> {
    fn document(mut self) -> Result<Value, Error> {
        let mut stack: Vec<Frame> = Vec::new();
        self.space()?;
        if self.at == self.bytes.len() {
            return Err(self.error("the text holds no JSON value", "expected a schema here"));
        }
        loop {
            // A value starts here.
            let start = self.at as u32;
            let open = self.peek();
            let mut value = match open {
                Some(b'{' | b'[') => {
                    if stack.len() == MAX_DEPTH {
                        let mut error = self.error(
                            format!("arrays and objects are nested more than {MAX_DEPTH} deep"),
                            format!("this would be level {}", MAX_DEPTH + 1),
                        );
                        error.rule = "too-deep";
                        return Err(error);
                    }
                    self.at += 1;
                    self.space_in(&stack)?;
                    if open == Some(b'{') {
                        if self.peek() == Some(b'}') {
                            self.at += 1;
                            self.value(start, Kind::Object(Vec::new()))?
                        } else {
                            let first = self.members.len();
                            stack.push(Frame::Object(start, first, String::new(), Span::default()));
                            self.key(&mut stack)?;
                            continue;
                        }
                    } else if self.peek() == Some(b']') {
                        self.at += 1;
                        self.value(start, Kind::Array(Vec::new()))?
                    } else {
                        stack.push(Frame::Array(start, self.items.len()));
                        continue;
                    }
                }
                Some(b'"') => {
                    let text = self.string()?;
                    self.value(start, Kind::String(text))?
                }
                Some(b'-' | b'0'..=b'9') => {
                    self.number()?;
                    let text = self.text[start as usize..self.at].to_owned();
                    self.value(start, Kind::Number(text))?
                }
                _ => {
                    let kind = self.word(&stack)?;
                    self.value(start, kind)?
                }
            };
            // It goes where it belongs; whatever is complete with it, too.
            loop {
                match stack.pop() {
                    None => return self.end(value),
                    Some(Frame::Array(start, first)) => {
                        self.items.push(value);
                        self.space()?;
                        match self.peek() {
                            Some(b',') => {
                                let comma = self.at;
                                self.at += 1;
                                stack.push(Frame::Array(start, first));
                                self.space()?;
                                if self.peek() == Some(b']') {
                                    return Err(self.trailing_comma(comma));
                                }
                                break;
                            }
                            Some(b']') => {
                                self.at += 1;
                                let items = self.items.split_off(first);
                                value = self.value(start, Kind::Array(items))?;
                            }
                            _ => {
                                stack.push(Frame::Array(start, first));
                                return Err(self.expected(&stack, "`,` or `]`"));
                            }
                        }
                    }
                    Some(Frame::Object(start, first, key, key_span)) => {
                        self.members.push(Member { key, key_span, value });
                        self.space()?;
                        match self.peek() {
                            Some(b',') => {
                                let comma = self.at;
                                self.at += 1;
                                stack.push(Frame::Object(start, first, String::new(), Span::default()));
                                self.space()?;
                                if self.peek() == Some(b'}') {
                                    return Err(self.trailing_comma(comma));
                                }
                                self.key(&mut stack)?;
                                break;
                            }
                            Some(b'}') => {
                                self.at += 1;
                                let members = self.members.split_off(first);
                                value = self.value(start, Kind::Object(members))?;
                            }
                            _ => {
                                stack.push(Frame::Object(start, first, String::new(), Span::default()));
                                return Err(self.expected(&stack, "`,` or `}`"));
                            }
                        }
                    }
                }
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn value(&mut self, start: u32, kind: Kind) -> Result<Value, Error> {
        self.values += 1;
        if self.values > MAX_VALUES {
            let mut error = self.error(
                "the text holds too many values",
                format!("at most {MAX_VALUES} are read"),
            );
            error.rule = "too-large";
            return Err(error);
        }
        Ok(Value {
            kind,
            span: Span::new(start, self.at as u32),
        })
    }

    /// After the outermost value: Java takes what `String.trim` removes, and nothing else.
    fn end(&self, value: Value) -> Result<Value, Error> {
        let rest = &self.text[self.at..];
        let Some(offset) = rest.find(|c: char| c > ' ') else {
            return Ok(value);
        };
        let start = self.at + offset;
        let comment = rest[offset..].starts_with("//") || rest[offset..].starts_with("/*");
        let end = start + rest[offset..].find(['\n', '\r']).unwrap_or(rest.len() - offset);
        Err(Error {
            rule: "text-after-schema",
            message: "there is text after the end of the schema".to_owned(),
            span: Span::new(start as u32, end as u32),
            label: "expected the end of the text".to_owned(),
            related: None,
            help: Some(if comment {
                "move the comment in front of the schema or into it: Java Avro refuses one behind it"
                    .to_owned()
            } else {
                "remove it; several schemas in one file are written as a union: [schema, schema]".to_owned()
            }),
        })
    }

    /// White space and comments.
    fn space(&mut self) -> Result<(), Error> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                Some(b'/') => self.comment()?,
                _ => return Ok(()),
            }
        }
    }

    fn space_in(&mut self, stack: &[Frame]) -> Result<(), Error> {
        self.space()?;
        if self.at == self.bytes.len() {
            return Err(self.expected(stack, "more"));
        }
        Ok(())
    }

    fn comment(&mut self) -> Result<(), Error> {
        let start = self.at;
        let line = match self.bytes.get(self.at + 1) {
            Some(b'/') => true,
            Some(b'*') => false,
            _ => {
                return Err(self.error(
                    "a `/` stands alone",
                    "expected `//` or `/*`, the start of a comment",
                ));
            }
        };
        self.at += 2;
        while let Some(byte) = self.peek() {
            match byte {
                b'\n' | b'\r' if line => return Ok(()),
                b'*' if !line && self.bytes.get(self.at + 1) == Some(&b'/') => {
                    self.at += 2;
                    return Ok(());
                }
                b'\n' | b'\r' | b'\t' => {}
                0..0x20 => return Err(self.control("in a comment")),
                _ => {}
            }
            self.at += 1;
        }
        if line {
            return Ok(());
        }
        let mut error = self.error("a comment does not end", "expected `*/`");
        error.related = Some((
            Span::new(start as u32, start as u32 + 2),
            "the comment starts here",
        ));
        Err(error)
    }

    /// `"key" :` and the space before its value; the key goes into the frame on top.
    fn key(&mut self, stack: &mut [Frame]) -> Result<(), Error> {
        if self.peek() != Some(b'"') {
            let mut error = self.expected(stack, "a key in double quotes");
            if matches!(self.peek(), Some(b'\'' | b'_' | b'a'..=b'z' | b'A'..=b'Z')) {
                error.help = Some("put the key in double quotes".to_owned());
            }
            return Err(error);
        }
        let start = self.at;
        let key = self.string()?;
        let span = Span::new(start as u32, self.at as u32);
        if key.len() > MAX_KEY && key.chars().map(char::len_utf16).sum::<usize>() > MAX_KEY {
            return Err(Error {
                rule: "too-large",
                message: format!("a key has more than {MAX_KEY} characters"),
                span,
                label: "this key".to_owned(),
                related: None,
                help: None,
            });
        }
        self.space()?;
        if self.peek() != Some(b':') {
            return Err(self.expected(stack, "`:` and a value"));
        }
        self.at += 1;
        self.space()?;
        if let Some(Frame::Object(_, _, slot, slot_span)) = stack.last_mut() {
            *slot = key;
            *slot_span = span;
        }
        Ok(())
    }
}
