//! A finding as text, with the lines it speaks of and carets under the place.
//!
//! The layout is rustc's own (`annotate-snippets`). What is decided here: a span over several lines is cut to its
//! first, because a caret under a whole record says nothing; of a line of thousands of characters (minified schemas)
//! only the neighbourhood of the place is shown, but its real column is told; places far apart get snippets of their
//! own; control characters never reach a terminal.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, normalize_untrusted_str};

use crate::diagnostic::{Diagnostic, Label, Severity};
use crate::source::Source;

/// A longer line (bytes) is shown in part.
const LONG_LINE: usize = 200;
/// Bytes marked at most in a long line, so that the place's neighbourhood can be shown.
const LONG_MARK: usize = 60;
/// From so many bytes on a line is cut before it is laid out, which takes time by its length.
const HUGE_LINE: usize = 4000;
/// Bytes kept of it before and after the place; more than fits on a line.
const AROUND: usize = 400;
/// A longer message, label, note or help (bytes) is cut.
const LONG_TEXT: usize = 600;
/// Places that are further apart (lines) get snippets of their own.
const FAR: usize = 20;

/// `error[rule]: message`, `--> file:line:column`, the lines with carets, notes and help. Ends without a line break.
/// `color` asks for terminal colours.
pub fn render(diagnostic: &Diagnostic, color: bool) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(clip(&diagnostic.message)).id(diagnostic.rule));
    let mut columns = Vec::new();
    for excerpt in excerpts(diagnostic) {
        columns.extend(excerpt.columns);
        group = group.element(
            Snippet::source(excerpt.text)
                .path(excerpt.name)
                .line_start(excerpt.line)
                .fold(true)
                .annotations(excerpt.marks.into_iter().map(|mark| {
                    let kind = if mark.primary {
                        AnnotationKind::Primary
                    } else {
                        AnnotationKind::Context
                    };
                    kind.span(mark.span)
                        .label((!mark.label.is_empty()).then(|| clip(mark.label)))
                })),
        );
    }
    for note in &diagnostic.notes {
        group = group.element(Level::NOTE.message(clip(note)));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(clip(help)));
    }
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut shown = renderer.render(&[group]);
    let mut from = 0;
    for (wrong, right) in columns {
        if let Some(at) = shown[from..].find(&wrong) {
            let start = from + at;
            shown.replace_range(start..start + wrong.len(), &right);
            from = start + right.len();
        }
    }
    shown
}

/// A text of the user's may be a megabyte of name.
fn clip(text: &str) -> Cow<'_, str> {
    if text.len() <= LONG_TEXT {
        return normalize_untrusted_str(text).into();
    }
    let head = normalize_untrusted_str(&text[..boundary(text, LONG_TEXT)]);
    format!("{head}... ({} characters)", text.chars().count()).into()
}

/// Some lines of a source and the places in them.
struct Excerpt<'a> {
    name: &'a str,
    text: &'a str,
    line: usize,
    marks: Vec<Mark<'a>>,
    /// `name:line:column` as it would be told of a line that is cut, and as it is.
    columns: Option<(String, String)>,
}

struct Mark<'a> {
    span: Range<usize>,
    label: &'a str,
    primary: bool,
}

/// A label with its line.
struct Located<'a> {
    label: &'a Label,
    primary: bool,
    /// Within the source, on one line.
    span: Range<usize>,
    line: usize,
    /// The line without its end.
    line_span: Range<usize>,
}

impl Located<'_> {
    fn is_long(&self) -> bool {
        self.line_span.len() > LONG_LINE
    }
}

/// The primary place first, with the related ones near it; then the others in their order.
fn excerpts(diagnostic: &Diagnostic) -> Vec<Excerpt<'_>> {
    let mut groups: Vec<Vec<Located<'_>>> = Vec::new();
    let labels =
        std::iter::once((&diagnostic.primary, true)).chain(diagnostic.related.iter().map(|l| (l, false)));
    for (label, primary) in labels {
        let located = locate(label, primary);
        let near = groups.iter_mut().find(|group| {
            group.iter().all(|other| {
                Arc::ptr_eq(&other.label.place.source, &label.place.source)
                    && other.line.abs_diff(located.line) <= FAR
                    && !other.is_long()
                    && !located.is_long()
            })
        });
        match near {
            Some(group) => group.push(located),
            None => groups.push(vec![located]),
        }
    }
    groups.into_iter().filter_map(excerpt).collect()
}

fn locate(label: &Label, primary: bool) -> Located<'_> {
    let source = &label.place.source;
    let text = source.text();
    let start = boundary(text, label.place.span.start as usize);
    let mut line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    if start == text.len() && line_start == start {
        // After the last line break there is no line to show; the place is the end of the one before.
        let end = text.trim_end_matches(['\n', '\r']).len();
        line_start = text[..end].rfind('\n').map_or(0, |at| at + 1);
        return Located {
            label,
            primary,
            span: end..end,
            line: line_of(source, line_start),
            line_span: line_start..end,
        };
    }
    let line_end = text[start..]
        .find(['\n', '\r'])
        .map_or(text.len(), |at| start + at);
    let end = boundary(text, label.place.span.end as usize).clamp(start, line_end.max(start));
    Located {
        label,
        primary,
        span: start..end,
        line: line_of(source, line_start),
        line_span: line_start..line_end,
    }
}

fn line_of(source: &Source, offset: usize) -> usize {
    source.line_column(u32::try_from(offset).unwrap_or(u32::MAX)).line
}

/// The offset, or the nearest below it that does not split a character.
fn boundary(text: &str, offset: usize) -> usize {
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn excerpt(group: Vec<Located<'_>>) -> Option<Excerpt<'_>> {
    let first = group.first()?;
    let source = &first.label.place.source;
    let line = group.iter().map(|l| l.line).min()?;
    let mut start = group.iter().map(|l| l.line_span.start).min()?;
    let mut end = group.iter().map(|l| l.line_span.end).max()?;
    let mut columns = None;
    if first.line_span.len() > HUGE_LINE {
        // A long line is in a group of its own.
        let at = |offset: usize| {
            source
                .line_column(u32::try_from(offset).unwrap_or(u32::MAX))
                .column
        };
        start = boundary(source.text(), first.span.start.saturating_sub(AROUND).max(start));
        end = boundary(source.text(), (first.span.start + AROUND).min(end)).max(first.span.start);
        let right = at(first.span.start);
        let told = |column: usize| format!("{}:{line}:{column}", normalize_untrusted_str(source.name()));
        columns = Some((told(right - at(start) + 1), told(right)));
    }
    let marks = group
        .iter()
        .map(|l| {
            let mut to = l.span.end;
            if l.is_long() {
                to = boundary(source.text(), to.min(l.span.start + LONG_MARK)).max(l.span.start);
            }
            Mark {
                span: l.span.start - start..to.min(end) - start,
                label: &l.label.text,
                primary: l.primary,
            }
        })
        .collect();
    Some(Excerpt {
        name: source.name(),
        text: &source.text()[start..end],
        line,
        marks,
        columns,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Place, Span};

    fn at(source: &Arc<Source>, what: &str) -> Place {
        let start = source.text().find(what).unwrap();
        Place::new(source, Span::new(start as u32, (start + what.len()) as u32))
    }

    #[test]
    fn two_places_notes_and_help() {
        let source = Source::new("a.avsc", "{\n  \"a\": 1,\n\n\n\n\n  \"a\": 2\n}\n");
        let old = Source::new("old.avsc", "[1, 2]");
        let diagnostic = Diagnostic::error("some-rule", at(&source, "2"), "it is wrong", "here")
            .related(at(&source, "1"), "before")
            .related(at(&old, "1, 2"), "and there")
            .note("a fact")
            .help("mend it");
        assert_eq!(
            render(&diagnostic, false),
            "\
error[some-rule]: it is wrong
 --> a.avsc:7:8
  |
2 |   \"a\": 1,
  |        - before
...
7 |   \"a\": 2
  |        ^ here
  |
 ::: old.avsc:1:2
  |
1 | [1, 2]
  |  ---- and there
  |
  = note: a fact
  = help: mend it"
        );
    }

    #[test]
    fn long_lines_show_the_neighbourhood_and_tell_the_column() {
        let text = format!(
            "{{{}\"x\": 17{}}}",
            "\"a\": 1, ".repeat(400),
            ", \"b\": 2".repeat(400)
        );
        let source = Source::new("min.avsc", text);
        let shown = render(&Diagnostic::error("r", at(&source, "17"), "m", "l"), false);
        assert!(shown.contains("--> min.avsc:1:3207"), "{shown}");
        assert!(shown.lines().all(|l| l.len() < 170), "{shown}");
        assert!(shown.contains("^^ l"), "{shown}");
        let coloured = render(&Diagnostic::error("r", at(&source, "17"), "m", "l"), true);
        assert!(coloured.contains("min.avsc:1:3207"), "{coloured:?}");
    }

    #[test]
    fn huge_lines_and_names_take_no_time() {
        let text = format!("[{}\"{}\"]", "1,".repeat(1_000_000), "é".repeat(1_000_000));
        let source = Source::new("min.avsc", text);
        for what in ["\"é", "é\"]", "1,\"", "[1"] {
            let place = at(&source, what);
            let column = source.line_column(place.span.start).column;
            let diagnostic =
                Diagnostic::error("r", place, "m".repeat(1_000_000), source.text()).help(source.text());
            let shown = render(&diagnostic, false);
            assert!(shown.contains(&format!("--> min.avsc:1:{column}\n")), "{shown}");
            assert!(shown.len() < 6000, "{shown}");
        }
    }

    #[test]
    fn any_span_renders() {
        for text in ["", "\n", "é\r\n\u{1b}[31m", "{\n\t\"a\"\n}", "\u{feff}\u{202e}x"] {
            let source = Source::new("t", text);
            for start in 0..=text.len() as u32 + 2 {
                for end in 0..=text.len() as u32 + 2 {
                    let place = Place::new(&source, Span::new(start, end));
                    let shown = render(
                        &Diagnostic::error("r", place, "m\u{1b}[0m", "l\u{7}").help("\u{1b}[1m"),
                        false,
                    );
                    assert!(!shown.contains(['\u{1b}', '\u{7}']), "{shown:?}");
                }
            }
        }
    }
}
