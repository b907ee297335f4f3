//! Findings as JUnit's XML, which every CI server reads: a suite for each file, a case for each finding.
//!
//! An error is a failure. A warning is a case that passed, with its text as output, because readers have no word for it.
//! Where nothing was found there is one case that passed: many readers take a report without cases for a broken one.

use fleetops_avro::{Diagnostic, Severity, diagnostic};

pub(super) fn document(found: &[Diagnostic]) -> String {
    let mut files: Vec<&str> = Vec::new();
    for finding in found {
        let file = finding.primary.place.source.name();
        if !files.contains(&file) {
            files.push(file);
        }
    }
    let errors = |of: &[&Diagnostic]| of.iter().filter(|d| d.severity == Severity::Error).count();
    let all: Vec<&Diagnostic> = found.iter().collect();
    let tests = all.len().max(1);
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"fleetops-registry\" tests=\"{tests}\" failures=\"{}\" errors=\"0\">\n",
        errors(&all)
    );
    if files.is_empty() {
        out.push_str(
            "  <testsuite name=\"fleetops-registry\" tests=\"1\" failures=\"0\" errors=\"0\" skipped=\"0\">\n    \
             <testcase classname=\"fleetops-registry\" name=\"no findings\"/>\n  </testsuite>\n",
        );
    }
    for file in files {
        let of_file: Vec<&Diagnostic> = all
            .iter()
            .copied()
            .filter(|d| d.primary.place.source.name() == file)
            .collect();
        out.push_str(&format!(
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"0\">\n",
            escaped(file),
            of_file.len(),
            errors(&of_file)
        ));
        for finding in of_file {
            case(finding, file, &mut out);
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn case(finding: &Diagnostic, file: &str, out: &mut String) {
    let place = &finding.primary.place;
    let at = place.source.line_column(place.span.start);
    let text = escaped(&diagnostic::render(finding, false));
    let inner = match finding.severity {
        Severity::Error => format!(
            "<failure type=\"{}\" message=\"{}\">{text}</failure>",
            escaped(finding.rule),
            escaped(&finding.message)
        ),
        Severity::Warning => format!("<system-out>{text}</system-out>"),
    };
    out.push_str(&format!(
        "    <testcase classname=\"{0}\" name=\"{1} at {2}:{3}\" file=\"{0}\" line=\"{2}\">\n      {inner}\n    </testcase>\n",
        escaped(file),
        escaped(finding.rule),
        at.line,
        at.column,
    ));
}

/// For text and attributes. Characters that XML 1.0 has no place for become U+FFFD.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
