//! The tree as text.

use super::WIDTH;
use super::tokens::{Comment, Document, Entry, Many, Tree};

pub(super) fn print(document: &Document<'_>) -> String {
    let mut printer = Printer { out: String::new() };
    for (index, comment) in document.head.iter().enumerate() {
        if comment.blank && index > 0 {
            printer.out.push('\n');
        }
        printer.comment(comment);
        printer.out.push('\n');
    }
    printer.value(&document.root, 0, 0);
    printer.out.push('\n');
    // A blank line between the head and the schema is not known of: the head's own are kept.
    printer.out
}

struct Printer {
    out: String,
}

impl Printer {
    fn comment(&mut self, comment: &Comment<'_>) {
        self.out.push_str(&comment.text.replace("\r\n", "\n"));
    }

    fn line(&mut self, level: usize) {
        self.out.push('\n');
        for _ in 0..level {
            self.out.push_str("  ");
        }
    }

    fn column(&self) -> usize {
        let start = self.out.rfind('\n').map_or(0, |at| at + 1);
        self.out[start..].chars().count()
    }

    /// `behind`: columns that follow on the line, such as a comma.
    fn value(&mut self, value: &Tree<'_>, level: usize, behind: usize) {
        let many = match value {
            Tree::Plain(text) => return self.out.push_str(text),
            Tree::Many(many) => many,
        };
        let room = WIDTH.saturating_sub(self.column() + behind);
        if let Some(line) = flat(many, room) {
            return self.out.push_str(&line);
        }
        let (open, close) = brackets(many);
        self.out.push(open);
        for (index, entry) in many.entries.iter().enumerate() {
            self.entry(entry, level + 1, index + 1 < many.entries.len());
        }
        for comment in &many.end {
            if comment.blank && !many.entries.is_empty() {
                self.out.push('\n');
            }
            self.line(level + 1);
            self.comment(comment);
        }
        self.line(level);
        self.out.push(close);
    }

    fn entry(&mut self, entry: &Entry<'_>, level: usize, comma: bool) {
        if entry.blank {
            self.out.push('\n');
        }
        for (index, comment) in entry.before.iter().enumerate() {
            if comment.blank && index > 0 {
                self.out.push('\n');
            }
            self.line(level);
            self.comment(comment);
        }
        self.line(level);
        if let Some(key) = entry.key {
            self.out.push_str(key);
            self.out.push(':');
            for comment in &entry.middle {
                self.out.push(' ');
                self.comment(comment);
                if comment.ends_line() {
                    self.line(level);
                    // The next word follows without a blank.
                    self.out.pop();
                }
            }
            if entry.middle.last().is_some_and(Comment::ends_line) {
                self.out.push(' ');
            }
            if !self.out.ends_with(' ') {
                self.out.push(' ');
            }
        }
        self.value(&entry.value, level, usize::from(comma));
        if comma {
            self.out.push(',');
        }
        for comment in &entry.after {
            self.out.push(' ');
            self.comment(comment);
        }
    }
}

fn brackets(many: &Many<'_>) -> (char, char) {
    if many.object { ('{', '}') } else { ('[', ']') }
}

/// All of it on one line, where it may stand on one and has at most `room` columns.
fn flat(many: &Many<'_>, room: usize) -> Option<String> {
    let mut out = String::new();
    push_flat(many, room, &mut out)?;
    (out.chars().count() <= room).then_some(out)
}

fn push_flat(many: &Many<'_>, room: usize, out: &mut String) -> Option<()> {
    let record = many.object && many.entries.iter().any(|e| e.key == Some("\"fields\""));
    if many.broken || record || !many.end.is_empty() {
        return None;
    }
    let (open, close) = brackets(many);
    let pad = if many.object && !many.entries.is_empty() {
        " "
    } else {
        ""
    };
    out.push(open);
    out.push_str(pad);
    for (index, entry) in many.entries.iter().enumerate() {
        if !(entry.before.is_empty() && entry.middle.is_empty() && entry.after.is_empty()) {
            return None;
        }
        if index > 0 {
            out.push_str(", ");
        }
        if let Some(key) = entry.key {
            out.push_str(key);
            out.push_str(": ");
        }
        match &entry.value {
            Tree::Plain(text) => out.push_str(text),
            Tree::Many(inner) => push_flat(inner, room, out)?,
        }
        // Bytes are at least as many as columns; four a column at most.
        if out.len() > room.saturating_mul(4) {
            return None;
        }
    }
    out.push_str(pad);
    out.push(close);
    Some(())
}
