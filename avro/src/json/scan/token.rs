//! Strings, numbers and words, as Jackson reads them.

use super::{Error, Frame, MAX_NUMBER, Scanner};
use crate::json::Kind;
use crate::parse::suggest::nearest;
use crate::source::Span;

impl Scanner<'_> {
    /// A string, from its opening quote on.
    pub(super) fn string(&mut self) -> Result<String, Error> {
        let start = self.at;
        self.at += 1;
        let mut run = self.at;
        self.plain();
        if self.peek() == Some(b'"') {
            // Nearly all strings: one copy of the right size.
            let text = self.text[run..self.at].to_owned();
            self.at += 1;
            return Ok(text);
        }
        let mut out = String::new();
        loop {
            self.plain();
            match self.peek() {
                Some(b'"') => {
                    out.push_str(&self.text[run..self.at]);
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    out.push_str(&self.text[run..self.at]);
                    out.push(self.escape()?);
                    run = self.at;
                }
                Some(0..0x20) => {
                    let mut error = self.control("in a string");
                    error.related = Some((
                        Span::new(start as u32, start as u32 + 1),
                        "the string starts here",
                    ));
                    if matches!(self.peek(), Some(b'\n' | b'\r')) {
                        error.message = "a string does not end on its line".to_owned();
                        error.label = "expected `\"`".to_owned();
                        error.help =
                            Some("close the string, or write a line break inside it as \\n".to_owned());
                    }
                    return Err(error);
                }
                // Nothing else ends a run of plain bytes.
                Some(_) | None => {
                    let mut error = self.error("a string does not end", "expected `\"`");
                    error.related = Some((
                        Span::new(start as u32, start as u32 + 1),
                        "the string starts here",
                    ));
                    return Err(error);
                }
            }
        }
    }

    /// Passes the bytes of a string that stand for themselves.
    fn plain(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let plain = rest
            .iter()
            .position(|&byte| matches!(byte, b'"' | b'\\' | 0..0x20));
        self.at += plain.unwrap_or(rest.len());
    }

    /// An escape, from its backslash on.
    fn escape(&mut self) -> Result<char, Error> {
        let start = self.at;
        self.at += 1;
        let c = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(start),
            _ => {
                let mut error = self.error(
                    "an unknown escape in a string",
                    "expected one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX",
                );
                error.span.start = start as u32;
                error.help = Some("write a backslash as \\\\".to_owned());
                return Err(error);
            }
        };
        self.at += 1;
        Ok(c)
    }

    fn unicode(&mut self, start: usize) -> Result<char, Error> {
        self.at += 1;
        let Some(first) = self.hex() else {
            let mut error = self.error(
                "an escape lacks its digits",
                "expected four hexadecimal digits after \\u",
            );
            error.span.start = start as u32;
            return Err(error);
        };
        if (0xD800..0xDC00).contains(&first) && self.bytes[self.at..].starts_with(b"\\u") {
            let here = self.at;
            self.at += 2;
            if let Some(second @ 0xDC00..0xE000) = self.hex() {
                let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = here;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.bytes.get(self.at..self.at + 4)?;
        let mut code = 0;
        for &digit in digits {
            code = code * 16 + char::from(digit).to_digit(16)?;
        }
        self.at += 4;
        Some(code)
    }

    pub(super) fn number(&mut self) -> Result<(), Error> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let mut digits = self.digits();
        if digits == 0 {
            return Err(self.error("a minus sign without a number", "expected a digit"));
        }
        if digits > 1 && self.bytes[self.at - digits] == b'0' {
            let mut error = self.error("a number starts with 0", "leading zeros are not allowed");
            error.span = Span::new(start as u32, self.at as u32);
            return Err(error);
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            let fraction = self.digits();
            if fraction == 0 {
                return Err(self.error("a number ends in a decimal point", "expected a digit"));
            }
            digits += fraction;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            let exponent = self.digits();
            if exponent == 0 {
                return Err(self.error("a number lacks its exponent", "expected a digit"));
            }
            digits += exponent;
        }
        if digits > MAX_NUMBER {
            return Err(Error {
                rule: "too-large",
                message: format!("a number has {digits} digits"),
                span: Span::new(start as u32, self.at as u32),
                label: format!("at most {MAX_NUMBER} are read"),
                related: None,
                help: None,
            });
        }
        Ok(())
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    /// `null`, `true`, `false`, or an error that says what stands there instead of a value.
    pub(super) fn word(&mut self, stack: &[Frame]) -> Result<Kind, Error> {
        let rest = &self.bytes[self.at..];
        let length = rest
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric() || **b == b'_' || **b == b'$' || **b >= 0x80)
            .count();
        let kind = match &rest[..length] {
            b"null" => Kind::Null,
            b"true" => Kind::Bool(true),
            b"false" => Kind::Bool(false),
            _ => {
                let mut error = self.expected(
                    stack,
                    "a value: `{`, `[`, a string in double quotes, a number, true, false or null",
                );
                // Bytes from 0x80 on were all taken, so this is no part of a character.
                let word = &self.text[self.at..self.at + length];
                if length > 0 && !word.starts_with('\u{feff}') {
                    error.span.end = (self.at + length) as u32;
                    error.help = Some(match nearest(word, ["null", "true", "false"]) {
                        Some(near) => format!("did you mean {near}?"),
                        None if word == "None" => "did you mean null?".to_owned(),
                        None => format!("put it in double quotes: \"{word}\""),
                    });
                } else if self.peek() == Some(b'\'') {
                    error.help = Some("use double quotes".to_owned());
                }
                return Err(error);
            }
        };
        self.at += length;
        Ok(kind)
    }
}
