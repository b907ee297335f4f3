//! `compat`: can a reader read what a writer wrote? One pair of files, or a batch.

use std::path::PathBuf;

use fleetops_avro::compat::{self, Direction, Incompatibility, Old, Violation, diagnose};
use fleetops_avro::{ParseError, Schema};
use fleetops_codegen::load;
use serde_json::{Map, Value, json};

use super::jsonl::{self, Line, members};
use super::{CliError, Format, Global, Outcome, report};

const HELP: &str = "\
Examples:
  fleetops-registry compat new.avsc old.avsc      can a reader with new.avsc read data of old.avsc?
  fleetops-registry compat --jsonl < pairs.jsonl  one {\"id\",\"reader\",\"writer\"} a line

A batch answers {\"id\",\"result\",\"incompatibilities\":[{\"type\",\"location\",\"message\"}],\"error\"} line by line and exits 0;
reader_text and writer_text give a schema as raw text. Types, locations and messages are Java Avro's.";

/// Check whether a reader's schema can read a writer's data
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    /// The reader's schema
    #[arg(value_name = "READER", required_unless_present = "jsonl", requires = "writer")]
    reader: Option<PathBuf>,

    /// The writer's schema
    #[arg(value_name = "WRITER")]
    writer: Option<PathBuf>,

    /// Answer a batch of pairs on standard input, one JSON object a line
    #[arg(long, conflicts_with = "reader")]
    jsonl: bool,
}

pub(crate) fn run(args: Args, global: &Global) -> Result<Outcome, CliError> {
    let (Some(reader), Some(writer)) = (args.reader, args.writer) else {
        jsonl::run(answer, |why| error(&why))?;
        return Ok(Outcome::Clean);
    };
    let format = global.format(&Format::FINDINGS)?;
    report::or_unreadable(global, format, |global| pair(reader, writer, global, format))
}

fn pair(reader: PathBuf, writer: PathBuf, global: &Global, format: Format) -> Result<Outcome, CliError> {
    let mut found = Vec::new();
    let mut parse = |path: PathBuf| {
        let source = load::read(&path).map_err(|why| found.push(*why)).ok()?;
        Schema::parse_source(source)
            .map_err(|e: ParseError| found.extend(e.diagnostics))
            .ok()
    };
    let (reader, writer) = (parse(reader), parse(writer));
    let (Some(reader), Some(writer)) = (reader, writer) else {
        return Err(CliError::Unreadable(found));
    };
    let reasons = compat::check(&reader, &writer);
    match format {
        Format::Json => global.result(&format!("{}\n", Value::Object(verdict(&reasons))))?,
        Format::Text if reasons.is_empty() => global.result("compatible\n")?,
        _ => {
            let violations: Vec<Violation> = reasons.iter().cloned().map(backward).collect();
            let name = writer.root_node().place.source.name().to_owned();
            let old = [Old {
                schema: &writer,
                name,
            }];
            report::diagnostics(global, format, &diagnose(&reader, &old, &violations))?;
            if format == Format::Text {
                global.result("incompatible\n")?;
            }
        }
    }
    Ok(if reasons.is_empty() {
        Outcome::Clean
    } else {
        Outcome::Findings
    })
}

fn backward(incompatibility: Incompatibility) -> Violation {
    Violation {
        direction: Direction::Backward,
        version_index: 0,
        incompatibility,
    }
}

fn answer(line: &Line<'_>) -> Map<String, Value> {
    let parse = |key: &str| {
        let text = line.schema(key)?;
        Schema::parse(&text).map_err(|e| format!("{key}: {}", plain(&e)))
    };
    match (parse("reader"), parse("writer")) {
        (Ok(reader), Ok(writer)) => verdict(&compat::check(&reader, &writer)),
        (Err(why), _) | (_, Err(why)) => error(&why),
    }
}

fn verdict(reasons: &[Incompatibility]) -> Map<String, Value> {
    let result = if reasons.is_empty() {
        "compatible"
    } else {
        "incompatible"
    };
    let reasons: Vec<Value> = reasons
        .iter()
        .map(|i| json!({ "type": i.kind.to_string(), "location": i.location, "message": i.message }))
        .collect();
    members(json!({ "result": result, "incompatibilities": reasons }))
}

fn error(why: &str) -> Map<String, Value> {
    members(json!({ "result": "error", "incompatibilities": [], "error": why }))
}

/// The errors of a parse on one line each: place and message.
pub(super) fn plain(error: &ParseError) -> String {
    let lines = error.diagnostics.iter().map(|d| {
        let at = d.primary.place.source.line_column(d.primary.place.span.start);
        format!("{}:{}: {}", at.line, at.column, d.message)
    });
    lines.collect::<Vec<_>>().join("; ")
}
