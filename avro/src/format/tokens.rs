//! A text as a tree that keeps comments, blank lines, and every token as it was written.
//!
//! The text has been parsed before, so this reader only has to be right on JSON: on anything else it gives up.

/// A comment, without the line break behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Comment<'a> {
    pub(super) text: &'a str,
    /// A blank line stands before it.
    pub(super) blank: bool,
}

impl Comment<'_> {
    /// Whether the line ends with it.
    pub(super) fn ends_line(&self) -> bool {
        self.text.starts_with("//")
    }
}

/// The whole text.
#[derive(Debug)]
pub(super) struct Document<'a> {
    pub(super) head: Vec<Comment<'a>>,
    pub(super) root: Tree<'a>,
}

/// A value.
#[derive(Debug)]
pub(super) enum Tree<'a> {
    Plain(&'a str),
    Many(Many<'a>),
}

/// An object or an array.
#[derive(Debug)]
pub(super) struct Many<'a> {
    pub(super) object: bool,
    pub(super) entries: Vec<Entry<'a>>,
    /// Comments behind the last entry.
    pub(super) end: Vec<Comment<'a>>,
    /// The author broke the line before the first entry.
    pub(super) broken: bool,
}

/// A member or an item.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    /// A blank line stands before it and its comments.
    pub(super) blank: bool,
    pub(super) before: Vec<Comment<'a>>,
    pub(super) key: Option<&'a str>,
    /// Between key and value.
    pub(super) middle: Vec<Comment<'a>>,
    pub(super) value: Tree<'a>,
    /// On the line of the value.
    pub(super) after: Vec<Comment<'a>>,
}

/// Reads a text that is JSON.
pub(super) fn read(text: &str) -> Option<Document<'_>> {
    let mut reader = Reader { text, at: 0 };
    let head = reader.space().comments;
    let root = reader.value()?;
    Some(Document { head, root })
}

/// The comments of a text in their order, line breaks aside.
pub(super) fn comments(text: &str) -> Vec<String> {
    let mut reader = Reader { text, at: 0 };
    let mut all = Vec::new();
    while reader.at < text.len() {
        let space = reader.space();
        all.extend(space.comments.iter().map(|c| c.text.replace("\r\n", "\n")));
        if reader.peek() == Some(b'"') {
            reader.string();
        } else {
            reader.at += reader.rest().chars().next().map_or(1, char::len_utf8);
        }
    }
    all
}

/// What stands between two tokens.
struct Space<'a> {
    comments: Vec<Comment<'a>>,
    /// For each comment, whether it is on the line of the token before all of them.
    same_line: Vec<bool>,
    /// A line break stands behind the last comment, or there is one where there is no comment.
    line_break: bool,
    /// Blank line before the first comment, or before the next token where there is none.
    blank: bool,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) -> Space<'a> {
        let mut space = Space {
            comments: Vec::new(),
            same_line: Vec::new(),
            line_break: false,
            blank: false,
        };
        let (mut breaks, mut any_break) = (0, false);
        loop {
            match self.peek() {
                Some(b'\n') => {
                    breaks += 1;
                    any_break = true;
                    self.at += 1;
                }
                Some(b' ' | b'\t' | b'\r') => self.at += 1,
                Some(b'/') => {
                    let rest = self.rest();
                    let length = match rest.starts_with("//") {
                        true => rest.find(['\n', '\r']).unwrap_or(rest.len()),
                        false => rest.find("*/").map_or(rest.len(), |end| end + 2),
                    };
                    let text = rest.get(..length).unwrap_or(rest);
                    self.at += length.max(1);
                    if space.comments.is_empty() {
                        space.blank = breaks > 1;
                    }
                    space.comments.push(Comment {
                        text: text.trim_end(),
                        blank: breaks > 1,
                    });
                    space.same_line.push(!any_break);
                    breaks = 0;
                }
                _ => break,
            }
        }
        space.line_break = breaks > 0;
        if space.comments.is_empty() {
            space.blank = breaks > 1;
        }
        space
    }

    fn string(&mut self) -> Option<&'a str> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek()? {
                b'\\' => self.at += 2,
                b'"' => {
                    self.at += 1;
                    return self.text.get(start..self.at);
                }
                _ => self.at += 1,
            }
        }
    }

    fn value(&mut self) -> Option<Tree<'a>> {
        match self.peek()? {
            b'{' => self.many(true, b'}'),
            b'[' => self.many(false, b']'),
            b'"' => Some(Tree::Plain(self.string()?)),
            _ => {
                let rest = self.rest();
                let end = rest
                    .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.')))
                    .unwrap_or(rest.len());
                self.at += end;
                (end > 0).then(|| Tree::Plain(&rest[..end]))
            }
        }
    }

    fn many(&mut self, object: bool, close: u8) -> Option<Tree<'a>> {
        self.at += 1;
        let mut space = self.space();
        let mut many = Many {
            object,
            entries: Vec::new(),
            end: Vec::new(),
            broken: object && (space.line_break || !space.comments.is_empty()),
        };
        loop {
            if self.peek()? == close {
                self.at += 1;
                many.end = space.comments;
                return Some(Tree::Many(many));
            }
            let key = if object { Some(self.string()?) } else { None };
            let mut middle = Vec::new();
            if object {
                middle = self.space().comments;
                if self.peek()? != b':' {
                    return None;
                }
                self.at += 1;
                middle.extend(self.space().comments);
            }
            let value = self.value()?;
            let mut entry = Entry {
                blank: space.blank && !many.entries.is_empty(),
                before: space.comments,
                key,
                middle,
                value,
                after: Vec::new(),
            };
            // Before the comma, or before the end.
            space = self.space();
            let comma = self.peek()? == b',';
            if comma {
                self.at += 1;
                let mut behind = self.space();
                // What is on the comma's line and ends it is the entry's, unless its line was ended before.
                let ended = space.comments.iter().any(Comment::ends_line) || space.same_line.contains(&false);
                let of_entry = match behind.line_break || behind.same_line.contains(&false) {
                    true if !ended => behind.same_line.iter().take_while(|same| **same).count(),
                    _ => 0,
                };
                let rest = behind.comments.split_off(of_entry);
                space.comments.append(&mut behind.comments);
                space.same_line.extend(std::iter::repeat_n(true, of_entry));
                let blank = match rest.first() {
                    Some(first) => first.blank,
                    None => behind.blank,
                };
                let next = rest;
                let (after, mut left) = line_of(space.comments, &space.same_line);
                entry.after = after;
                let blank = left.first().map_or(blank, |first| first.blank);
                left.extend(next);
                space = Space {
                    same_line: vec![false; left.len()],
                    comments: left,
                    line_break: true,
                    blank,
                };
            } else {
                let (after, left) = line_of(space.comments, &space.same_line);
                entry.after = after;
                space = Space {
                    same_line: vec![false; left.len()],
                    comments: left,
                    line_break: true,
                    blank: false,
                };
            }
            many.entries.push(entry);
        }
    }
}

/// The comments that can stand on the entry's line, and those that cannot.
fn line_of<'a>(mut comments: Vec<Comment<'a>>, same_line: &[bool]) -> (Vec<Comment<'a>>, Vec<Comment<'a>>) {
    let mut count = 0;
    for (comment, same) in comments.iter().zip(same_line) {
        if !same {
            break;
        }
        count += 1;
        if comment.ends_line() {
            break;
        }
    }
    let left = comments.split_off(count);
    (comments, left)
}
