//! `fmt`: one layout for schema files.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fleetops_avro::format::{FormatError, format as lay_out};
use fleetops_avro::source::{Place, Span};
use fleetops_avro::{Diagnostic, Source};
use fleetops_codegen::load;

use super::global::argument_root;
use super::{CliError, Format, Global, Outcome, report};

const HELP: &str = "\
Examples:
  fleetops-registry fmt                       lay out the schemas of the manifest
  fleetops-registry fmt --check               write nothing; exit 1 where a file is laid out otherwise
  fleetops-registry fmt order.avsc legacy/    these files and folders
  fleetops-registry fmt - < order.avsc        from standard input to standard output

Only white space changes: comments, the order of keys, strings and numbers stay as they were written.
An object that was broken after its brace stays broken; records and their fields always are.";

/// Lay out schema files, keeping comments and the order of keys
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    /// Files and folders, or - for standard input [default: the schemas of the manifest]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Tell which files would change, and change none
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(args: Args, global: &Global) -> Result<Outcome, CliError> {
    let formats: &[Format] = if args.check {
        &Format::FINDINGS
    } else {
        &[Format::Text]
    };
    let format = global.format(formats)?;
    report::or_unreadable(global, format, |global| go(&args, global, format))
}

fn go(args: &Args, global: &Global, format: Format) -> Result<Outcome, CliError> {
    if args.paths.as_slice() == [Path::new("-")] {
        return standard_input(args, global, format);
    }
    let roots = match args.paths.as_slice() {
        [] => {
            let manifest = global.load_manifest()?;
            global.roots(manifest.as_ref())
        }
        paths => paths.iter().map(|path| argument_root("fmt", path)).collect(),
    };
    let sources = load::read_roots(&roots).map_err(CliError::Unreadable)?;
    let mut unreadable = Vec::new();
    let mut changed: Vec<(&Arc<Source>, String)> = Vec::new();
    for source in &sources {
        match lay_out(source.text()) {
            Ok(text) if text == source.text() => {}
            Ok(text) => changed.push((source, text)),
            Err(error) => unreadable.push(told(source, error)),
        }
    }
    if !unreadable.is_empty() {
        return Err(CliError::Unreadable(unreadable));
    }
    if args.check {
        let found: Vec<Diagnostic> = changed
            .iter()
            .map(|(source, text)| finding(source, text))
            .collect();
        report::diagnostics(global, format, &found)?;
        global.say(&match found.len() {
            0 => format!("{} laid out", files(sources.len())),
            n => format!("{} of {} would change", n, files(sources.len())),
        });
        return Ok(if found.is_empty() {
            Outcome::Clean
        } else {
            Outcome::Findings
        });
    }
    for (source, text) in &changed {
        std::fs::write(Path::new(source.name()), text)
            .map_err(|error| CliError::output(source.name(), error))?;
        global.result(&format!("{}\n", source.name()))?;
    }
    global.say(&format!("{} of {} changed", changed.len(), files(sources.len())));
    Ok(Outcome::Clean)
}

fn files(count: usize) -> String {
    match count {
        1 => "1 file".to_owned(),
        n => format!("{n} files"),
    }
}

fn standard_input(args: &Args, global: &Global, format: Format) -> Result<Outcome, CliError> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().read_to_end(&mut bytes);
    read.map_err(|e| CliError::incomplete(format!("cannot read standard input: {e}")))?;
    let source = Source::decode("<stdin>", bytes).map_err(|why| CliError::Unreadable(vec![*why]))?;
    let text = lay_out(source.text()).map_err(|error| CliError::Unreadable(vec![told(&source, error)]))?;
    if !args.check {
        global.result(&text)?;
        return Ok(Outcome::Clean);
    }
    let found: Vec<Diagnostic> = (text != source.text())
        .then(|| finding(&source, &text))
        .into_iter()
        .collect();
    report::diagnostics(global, format, &found)?;
    Ok(if found.is_empty() {
        Outcome::Clean
    } else {
        Outcome::Findings
    })
}

/// Why a file cannot be laid out.
fn told(source: &Arc<Source>, error: FormatError) -> Diagnostic {
    match error {
        FormatError::Json(error) => {
            let mut told = Diagnostic::error(
                error.rule,
                Place::new(source, error.span),
                error.message,
                error.label,
            );
            if let Some((span, text)) = error.related {
                told = told.related(Place::new(source, span), text);
            }
            told.help = error.help;
            told
        }
        error => Diagnostic::error(
            "too-deep",
            Place::new(source, Span::new(0, 1)),
            error.to_string(),
            "",
        ),
    }
}

/// The first line that is laid out otherwise.
fn finding(source: &Arc<Source>, text: &str) -> Diagnostic {
    let mut start = 0;
    let mut wanted = text.split_inclusive('\n');
    for line in source.text().split_inclusive('\n') {
        if wanted.next() != Some(line) {
            break;
        }
        start += line.len();
    }
    let rest = source.text().get(start..).unwrap_or_default();
    let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    let length = rest.find(['\n', '\r']).unwrap_or(rest.len());
    start += blanks.min(length);
    let length = length.saturating_sub(blanks);
    let span = Span::new(start as u32, (start + length) as u32);
    Diagnostic::error(
        "unformatted",
        Place::new(source, span),
        format!("{} is laid out otherwise", source.name()),
        "from here on",
    )
    .help("run `fleetops-registry fmt`")
}
