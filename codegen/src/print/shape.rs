//! Where a piece of code may go: how far lines are indented, what stands before it on its line, and how much is left.

use super::TAB;

/// The room for a piece of code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    /// What is left on the first line, and on the last for what comes behind.
    pub(super) width: usize,
    /// Of lines that are begun.
    pub(super) indent: usize,
    /// What stands on the first line behind the indent.
    pub(super) offset: usize,
    /// The most that a line has.
    pub(super) most: usize,
}

impl Shape {
    /// A line that is begun.
    pub(super) fn line(indent: usize, most: usize) -> Self {
        Self {
            width: most.saturating_sub(indent),
            indent,
            offset: 0,
            most,
        }
    }

    /// A level further in, on a line of its own, with the room that the first line has.
    pub(super) fn block_indent(self, more: usize) -> Self {
        Self {
            indent: self.indent + more,
            offset: 0,
            ..self
        }
    }

    /// All that a line has behind the indent.
    pub(super) fn with_max_width(self) -> Self {
        Self {
            width: self.most.saturating_sub(self.indent),
            ..self
        }
    }

    /// Less room: something comes behind.
    pub(super) fn less(self, width: usize) -> Option<Self> {
        Some(Self {
            width: self.width.checked_sub(width)?,
            ..self
        })
    }

    /// Behind something on the line.
    pub(super) fn behind(self, width: usize) -> Option<Self> {
        Some(Self {
            width: self.width.checked_sub(width)?,
            offset: self.offset + width,
            ..self
        })
    }

    pub(super) fn used(self) -> usize {
        self.indent + self.offset
    }

    /// What is kept free at the end of the line for others.
    pub(super) fn overhead(self) -> usize {
        self.most.saturating_sub(self.used() + self.width)
    }

    /// The next line, a level further in.
    pub(super) fn next_line(self) -> Option<Self> {
        Self::line(self.indent + TAB, self.most).less(self.overhead())
    }

    /// Whether a text has room here.
    pub(super) fn holds(self, text: &str) -> bool {
        if !text.contains('\n') {
            return width(text) <= self.width;
        }
        first(text) <= self.width
            && text.lines().skip(1).all(|line| width(line) <= self.most)
            && last(text) <= self.used() + self.width
    }
}

/// The start of a line.
pub(super) fn newline(indent: usize) -> String {
    format!("\n{}", " ".repeat(indent))
}

/// The width of a text of one line.
pub(super) fn width(text: &str) -> usize {
    // Nearly all code. Each piece is looked at once for every level that it is in, and by the tables that was half of the time which
    // deeply nested types took.
    if text.is_ascii() {
        return text.len();
    }
    unicode_width::UnicodeWidthStr::width(text)
}

/// The width of the first line.
pub(super) fn first(text: &str) -> usize {
    width(text.lines().next().unwrap_or_default())
}

/// The width of the last line.
pub(super) fn last(text: &str) -> usize {
    width(text.rsplit('\n').next().unwrap_or_default())
}

/// Whether all of a text's last line closes something, so that more may follow on it.
pub(super) fn is_extendable(text: &str) -> bool {
    if text.ends_with("\"#") {
        return true;
    }
    for c in text.chars().rev() {
        match c {
            '(' | ')' | ']' | '}' | '?' | '>' => {}
            '\n' => return true,
            _ if c.is_whitespace() => {}
            _ => return false,
        }
    }
    true
}

/// Whether what stands on the line of an operator looks worse than what stands on the next.
pub(super) fn prefers_next_line(same: &str, next: &str) -> bool {
    let lines = |text: &str| text.matches('\n').count();
    let opens = |text: &str, c: char| text.lines().next().is_some_and(|line| line.ends_with(c));
    !next.contains('\n')
        || lines(same) > lines(next) + 1
        || ['(', '{', '[']
            .iter()
            .any(|c| opens(same, *c) && !opens(next, *c))
}
