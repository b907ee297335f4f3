//! `schema`: what the Avro specification computes from one schema.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Subcommand;
use fleetops_avro::{Schema, Source};
use fleetops_codegen::load;
use serde_json::{Map, Value, json};

use super::compat::plain;
use super::jsonl::{self, Line, members, not_ok};
use super::{CliError, Format, Global, Outcome, report};

const HELP: &str = "\
Examples:
  fleetops-registry schema canonical schemas/Severity.avsc
  fleetops-registry schema fingerprint - < schemas/Severity.avsc
  fleetops-registry schema parse --jsonl < schemas.jsonl      one {\"id\",\"schema\"} a line

A batch answers {\"id\",\"ok\",\"error\",\"canonical\",\"crc64\"} line by line and exits 0; schema_text gives a schema as raw text.";

/// Parse a schema; its canonical form and fingerprint
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The parsing canonical form
    Canonical(One),
    /// The CRC-64-AVRO fingerprint of the parsing canonical form, as 16 hex digits
    Fingerprint(One),
    /// Whether it is a schema
    Parse(Many),
}

#[derive(Debug, clap::Args)]
struct One {
    /// The schema, or - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Debug, clap::Args)]
struct Many {
    /// The schema, or - for standard input
    #[arg(value_name = "FILE", required_unless_present = "jsonl")]
    file: Option<PathBuf>,

    /// Answer a batch of schemas on standard input, one JSON object a line
    #[arg(long, conflicts_with = "file")]
    jsonl: bool,
}

pub(crate) fn run(args: Args, global: &Global) -> Result<Outcome, CliError> {
    match args.command {
        Command::Canonical(one) => {
            // The canonical form is JSON.
            global.format(&[Format::Text, Format::Json])?;
            global.result(&format!("{}\n", read(&one.file, global)?.canonical_form()))?
        }
        Command::Fingerprint(one) => {
            global.format(&[Format::Text])?;
            global.result(&format!("{:016x}\n", read(&one.file, global)?.fingerprint()))?
        }
        Command::Parse(Many { file: Some(file), .. }) => {
            let format = global.format(&[Format::Text, Format::Json])?;
            let schema = read(&file, global)?;
            if format == Format::Json {
                global.result(&format!("{}\n", Value::Object(described(&schema))))?;
            } else {
                global.result(&format!("{}\n", schema.text()))?;
            }
        }
        Command::Parse(Many { file: None, .. }) => jsonl::run(answer, not_ok)?,
    }
    Ok(Outcome::Clean)
}

/// The schema of a file, or of standard input.
pub(super) fn read(path: &Path, global: &Global) -> Result<Schema, CliError> {
    let source = source(path)?;
    let schema = Schema::parse_source(source).map_err(|e| CliError::Unreadable(e.diagnostics))?;
    report::warnings(global, schema.set().warnings());
    Ok(schema)
}

fn source(path: &Path) -> Result<Arc<Source>, CliError> {
    if path != Path::new("-") {
        return load::read(path).map_err(|why| CliError::Unreadable(vec![*why]));
    }
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().read_to_end(&mut bytes);
    read.map_err(|e| CliError::incomplete(format!("cannot read standard input: {e}")))?;
    Source::decode("<stdin>", bytes).map_err(|why| CliError::Unreadable(vec![*why]))
}

fn answer(line: &Line<'_>) -> Map<String, Value> {
    let text = match line.schema("schema") {
        Ok(text) => text,
        Err(why) => return not_ok(why),
    };
    match Schema::parse(&text) {
        Ok(schema) => described(&schema),
        Err(error) => not_ok(plain(&error)),
    }
}

fn described(schema: &Schema) -> Map<String, Value> {
    members(json!({
        "ok": true,
        "canonical": schema.canonical_form(),
        "crc64": format!("{:016x}", schema.fingerprint()),
    }))
}
