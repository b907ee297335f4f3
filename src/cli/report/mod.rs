//! Diagnostics and errors as text for people, and for machines as JSON lines, GitHub annotations, JUnit's XML or SARIF.

mod junit;
mod sarif;

use std::io::Write;

use fleetops_avro::source::Place;
use fleetops_avro::{Diagnostic, Severity, diagnostic};
use serde_json::json;

use super::{CliError, Format, Global, Outcome};

/// Writes a line to standard error. That nobody may read it is no error.
pub(crate) fn line(text: &str) {
    let mut err = std::io::stderr().lock();
    let _ = writeln!(err, "{text}");
}

/// Writes diagnostics: as text to standard error, else to standard output, where a machine looks for results.
pub(crate) fn diagnostics(global: &Global, format: Format, found: &[Diagnostic]) -> Result<(), CliError> {
    match format {
        Format::Json => {
            let lines: String = found.iter().map(|d| format!("{}\n", json(d))).collect();
            global.result(&lines)
        }
        Format::Github => {
            let lines: String = found.iter().map(|d| format!("{}\n", github(d))).collect();
            global.result(&lines)
        }
        Format::Junit => global.result(&junit::document(found)),
        Format::Sarif => global.result(&sarif::document(found)),
        Format::Text | Format::Markdown => {
            text(global, found);
            Ok(())
        }
    }
}

/// Runs a command of which a machine reads the findings: what cannot be read is told in the same format.
pub(crate) fn or_unreadable(
    global: &Global,
    format: Format,
    run: impl FnOnce(&Global) -> Result<Outcome, CliError>,
) -> Result<Outcome, CliError> {
    match run(global) {
        Err(CliError::Unreadable(found)) if !matches!(format, Format::Text | Format::Markdown) => {
            diagnostics(global, format, &found)?;
            Ok(Outcome::Unreadable)
        }
        outcome => outcome,
    }
}

fn text(global: &Global, found: &[Diagnostic]) {
    for diagnostic in found {
        line(diagnostic::render(diagnostic, global.color_stderr()).trim_end());
        line("");
    }
}

/// Writes warnings, unless `--quiet`.
pub(crate) fn warnings(global: &Global, found: &[Diagnostic]) {
    if !global.quiet {
        text(global, found);
    }
}

/// Says why a command did not run to its end.
pub(crate) fn error(global: &Global, error: &CliError) {
    match error {
        CliError::Closed => {}
        CliError::Unreadable(found) => {
            let shown: Vec<Diagnostic> = found
                .iter()
                .filter(|d| !global.quiet || d.severity == Severity::Error)
                .cloned()
                .collect();
            text(global, &shown);
        }
        _ => {
            let (red, bold, off) = match global.color_stderr() {
                true => ("\u{1b}[1;31m", "\u{1b}[1m", "\u{1b}[0m"),
                false => ("", "", ""),
            };
            line(&format!("{red}error{off}{bold}: {error}{off}"));
            if let Some(help) = error.help() {
                line(&format!("  {bold}help{off}: {help}"));
            }
        }
    }
}

fn severity(diagnostic: &Diagnostic) -> &'static str {
    match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn position(place: &Place) -> serde_json::Value {
    let start = place.source.line_column(place.span.start);
    let end = place.source.line_column(place.span.end);
    json!({
        "file": place.source.name(),
        "line": start.line,
        "column": start.column,
        "end_line": end.line,
        "end_column": end.column,
    })
}

/// A diagnostic as one JSON object.
fn json(diagnostic: &Diagnostic) -> serde_json::Value {
    let label = |label: &fleetops_avro::Label| {
        let mut value = position(&label.place);
        value["label"] = json!(label.text);
        value
    };
    json!({
        "rule": diagnostic.rule,
        "severity": severity(diagnostic),
        "message": diagnostic.message,
        "place": label(&diagnostic.primary),
        "related": diagnostic.related.iter().map(label).collect::<Vec<_>>(),
        "notes": diagnostic.notes,
        "help": diagnostic.help,
        "changes": diagnostic.changes.iter().map(|change| json!({
            "path": change.location,
            "from": format!("{:016x}", change.from),
            "to": format!("{:016x}", change.to),
        })).collect::<Vec<_>>(),
    })
}

/// A diagnostic as an annotation. GitHub, "Workflow commands".
fn github(diagnostic: &Diagnostic) -> String {
    let place = &diagnostic.primary.place;
    let start = place.source.line_column(place.span.start);
    let end = place.source.line_column(place.span.end);
    format!(
        "::{} file={},line={},col={},endLine={},endColumn={},title={}::{}",
        severity(diagnostic),
        property(place.source.name()),
        start.line,
        start.column,
        end.line,
        end.column,
        property(diagnostic.rule),
        data(&message(diagnostic)),
    )
}

/// All that a finding says, without its places.
fn message(diagnostic: &Diagnostic) -> String {
    let mut message = diagnostic.message.clone();
    if !diagnostic.primary.text.is_empty() {
        message.push_str(&format!(": {}", diagnostic.primary.text));
    }
    for note in &diagnostic.notes {
        message.push_str(&format!("\nnote: {note}"));
    }
    if let Some(help) = &diagnostic.help {
        message.push_str(&format!("\nhelp: {help}"));
    }
    message
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use fleetops_avro::source::{Source, Span};

    use super::*;

    #[test]
    fn machine_formats_keep_to_one_line() {
        let place = Place::new(&Source::new("a,b.avsc", "x\ny: z"), Span::new(2, 3));
        let found = Diagnostic::error("some-rule", place, "100% wrong", "here")
            .note("a\nb")
            .help("mend: it");
        assert_eq!(
            github(&found),
            "::error file=a%2Cb.avsc,line=2,col=1,endLine=2,endColumn=2,title=some-rule::\
             100%25 wrong: here%0Anote: a%0Ab%0Ahelp: mend: it"
        );
        let json = json(&found).to_string();
        assert!(!json.contains('\n'), "{json}");
        assert!(
            json.contains(r#""file":"a,b.avsc","line":2,"column":1,"end_line":2,"end_column":2"#),
            "{json}"
        );
    }
}
