//! Edits of a text that leave everything around them as it is.
//!
//! None is made where a comment would be lost with what is removed.

use std::sync::Arc;

use super::Edit;
use crate::json::{Member, Value};
use crate::source::{Source, Span};

/// Replaces a value.
pub(super) fn replace(source: &Arc<Source>, value: &Value, text: String) -> Option<Edit> {
    is_plain(source, value.span).then(|| Edit {
        source: Arc::clone(source),
        span: value.span,
        text,
    })
}

/// Adds a member behind an object's last, laid out as the ones before it.
pub(super) fn append(source: &Arc<Source>, object: &Value, key: &str, value: &str) -> Option<Edit> {
    let last = object.as_object()?.last()?;
    let before = source.text().get(..last.key_span.start as usize)?;
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let indent = &before[line_start..];
    // The key stands first on its line: so will the new one.
    let own_line = line_start > object.span.start as usize && indent.chars().all(char::is_whitespace);
    let gap = if own_line {
        format!(",\n{indent}")
    } else {
        ", ".to_owned()
    };
    let between = source.slice(Span::new(last.key_span.end, last.value.span.start));
    let colon = match between.chars().all(|c| c == ':' || c == ' ') {
        true => between,
        false => ": ",
    };
    Some(Edit {
        source: Arc::clone(source),
        span: Span::new(last.value.span.end, last.value.span.end),
        text: format!("{gap}\"{key}\"{colon}{value}"),
    })
}

/// Removes a member with its comma.
pub(super) fn remove(source: &Arc<Source>, object: &Value, key: &str) -> Option<Edit> {
    let members = object.as_object()?;
    // A key that is there twice is another finding.
    if members.iter().filter(|m| m.key == key).count() != 1 {
        return None;
    }
    let parts: Vec<Span> = members.iter().map(whole).collect();
    let index = members.iter().position(|m| m.key == key)?;
    cut(source, &parts, index)
}

/// Removes an item with its comma.
pub(super) fn remove_item(source: &Arc<Source>, items: &[Value], index: usize) -> Option<Edit> {
    let parts: Vec<Span> = items.iter().map(|item| item.span).collect();
    cut(source, &parts, index)
}

fn whole(member: &Member) -> Span {
    Span::new(member.key_span.start, member.value.span.end)
}

fn cut(source: &Arc<Source>, parts: &[Span], index: usize) -> Option<Edit> {
    let part = parts.get(index)?;
    let span = match (
        index.checked_sub(1).and_then(|i| parts.get(i)),
        parts.get(index + 1),
    ) {
        (Some(before), _) => Span::new(before.end, part.end),
        (None, Some(after)) => Span::new(part.start, after.start),
        (None, None) => return None,
    };
    is_plain(source, span).then(|| Edit {
        source: Arc::clone(source),
        span,
        text: String::new(),
    })
}

/// Whether there is no comment in it. A slash in a text is taken for one.
fn is_plain(source: &Source, span: Span) -> bool {
    let text = source.slice(span);
    !text.contains("//") && !text.contains("/*")
}
