//! `docs`: the document that is generated from schemas and manifest, and whether the committed one is still it.

use std::path::{Path, PathBuf};

use fleetops_avro::Diagnostic;
use fleetops_avro::source::{Place, Span};
use fleetops_codegen::{docs as document, load};

use super::{CliError, Format, Global, Outcome, report};

/// Where the document goes unless somebody says otherwise.
const FILE: &str = "docs/kafka_schemas.md";

const EXAMPLES: &str = "\
Examples:
  fleetops-registry docs                     writes docs/kafka_schemas.md
  fleetops-registry docs --check             for CI: exit 1 if it is out of date
  fleetops-registry docs --check --format sarif
  fleetops-registry docs --out - | less      to standard output";

/// Write the document of topics, events and rules
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Only compare with the file there is
    #[arg(long)]
    check: bool,

    /// The file, or - for standard output [default: docs/kafka_schemas.md beside the manifest]
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) fn run(args: Args, global: &Global) -> Result<Outcome, CliError> {
    let format = match args.check {
        true => global.format(&[Format::FINDINGS.as_slice(), &[Format::Markdown]].concat())?,
        false => global.format(&[Format::Markdown])?,
    };
    report::or_unreadable(global, format, |global| docs(args, global, format))
}

fn docs(args: Args, global: &Global, format: Format) -> Result<Outcome, CliError> {
    let (manifest, schemas) = global.load_with_manifest("docs")?;
    let examples = load::examples(&schemas).map_err(CliError::Unreadable)?;
    let text = document::markdown(&schemas, &manifest, &examples).map_err(CliError::Unreadable)?;
    let out = args.out.unwrap_or_else(|| manifest.resolve_path(FILE));
    if args.check {
        return check(global, format, &out, &text);
    }
    if out == Path::new("-") {
        global.result(&text)?;
        return Ok(Outcome::Clean);
    }
    let shown = out.display();
    if std::fs::read(&out).is_ok_and(|old| old == text.as_bytes()) {
        global.say(&format!("{shown} is up to date"));
        return Ok(Outcome::Clean);
    }
    let folder = out.parent().filter(|f| !f.as_os_str().is_empty());
    folder
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| std::fs::write(&out, &text))
        .map_err(|e| CliError::output(shown.to_string(), e))?;
    global.say(&format!("wrote {shown}"));
    Ok(Outcome::Clean)
}

fn check(global: &Global, format: Format, path: &Path, wanted: &str) -> Result<Outcome, CliError> {
    let Some(finding) = difference(path, wanted) else {
        global.say(&format!("{} is up to date", path.display()));
        report::diagnostics(global, format, &[])?;
        return Ok(Outcome::Clean);
    };
    report::diagnostics(global, format, &[finding])?;
    Ok(Outcome::Findings)
}

/// The first line in which the file is not what it should be.
fn difference(path: &Path, wanted: &str) -> Option<Diagnostic> {
    let name = path.display().to_string();
    let help = "run `fleetops-registry docs`, and commit the file";
    let source = match load::read(path) {
        Ok(source) => source,
        Err(mut why) => {
            why.rule = "stale-output";
            return Some(why.help(help));
        }
    };
    let found = source.text();
    if found == wanted {
        return None;
    }
    let same = found
        .lines()
        .zip(wanted.lines())
        .take_while(|(a, b)| a == b)
        .count();
    let start = found
        .split_inclusive('\n')
        .take(same)
        .map(str::len)
        .sum::<usize>();
    let end = start + found.lines().nth(same).map_or(0, str::len);
    let place = Place::new(&source, Span::new(start as u32, end as u32));
    let label = match wanted.lines().nth(same) {
        Some(line) if found.lines().nth(same).is_some() => format!("should be: {}", cut(line)),
        Some(line) => format!("ends here, but goes on: {}", cut(line)),
        None if found.lines().nth(same).is_some() => "should end here".to_owned(),
        None => "differs in its line ends".to_owned(),
    };
    let message = format!("{name} is out of date from line {} on", same + 1);
    Some(Diagnostic::error("stale-output", place, message, label).help(help))
}

/// The start of a line that may be long.
fn cut(line: &str) -> String {
    match line.char_indices().nth(120) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_differing_line_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("d.md");
        let told = |old: &str, new: &str| {
            std::fs::write(&file, old).unwrap();
            difference(&file, new).map(|d| {
                let at = d.primary.place.source.line_column(d.primary.place.span.start);
                (at.line, d.primary.text)
            })
        };
        assert_eq!(told("a\nb\n", "a\nb\n"), None);
        assert_eq!(told("a\nb\n", "a\nc\n"), Some((2, "should be: c".to_owned())));
        assert_eq!(
            told("a\n", "a\nb\n"),
            Some((2, "ends here, but goes on: b".to_owned()))
        );
        assert_eq!(told("a\nb\n", "a\n"), Some((2, "should end here".to_owned())));
        assert_eq!(
            told("a", "a\n"),
            Some((2, "differs in its line ends".to_owned())).map(|(_, t)| (1, t))
        );
        assert_eq!(told("", "é\n"), Some((1, "ends here, but goes on: é".to_owned())));
        std::fs::remove_file(&file).unwrap();
        let missing = difference(&file, "x").unwrap();
        assert_eq!(
            (missing.rule, missing.primary.text.as_str()),
            ("stale-output", "no such file or folder")
        );
    }
}
