//! `decode`: Avro binary as JSON. One datum, a batch, or an object container file.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use fleetops_avro::container::Reader;
use fleetops_avro::resolve::Plan;
use fleetops_avro::value::Value;
use fleetops_avro::{Schema, json, single_object};

use super::compat::plain;
use super::jsonl::{self, Line};
use super::lines::Lines;
use super::{CliError, Format, Global, Outcome, report, schema};

const HELP: &str = "\
Examples:
  fleetops-registry decode --writer v1.avsc --hex 0a06666f6f
  fleetops-registry decode --writer v1.avsc --reader v2.avsc --hex '0a 06 66 6f 6f'
  fleetops-registry decode events.avro --reader v2.avsc
  fleetops-registry decode --jsonl < data.jsonl      one {\"id\",\"writer\",\"reader\",\"hex\"} a line

A value is printed in Avro's JSON encoding, as Java Avro writes it. --writer is the schema that the data was written with;
with --reader it is resolved to that schema. A single-object header (C3 01 and the writer's fingerprint) is skipped.
An object container file (FILE, or - for standard input) brings its writer's schema; its values are printed one a line.
Data that does not decode, or does not end with the value, is a finding: exit code 1.

A batch answers {\"id\",\"ok\",\"json\",\"error\"} line by line and exits 0, with \"left\" where bytes are left; without a reader the
writer reads. writer_text and reader_text give a schema as raw text.";

/// Decode Avro binary to JSON
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    /// An object container file, gzipped or not; - is standard input
    #[arg(value_name = "FILE", conflicts_with_all = ["writer", "hex", "jsonl"])]
    file: Option<PathBuf>,

    /// The schema that the data was written with
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present_any = ["jsonl", "file"],
        requires = "hex"
    )]
    writer: Option<PathBuf>,

    /// The schema to read it as [default: the writer's]
    #[arg(long, value_name = "FILE")]
    reader: Option<PathBuf>,

    /// The data, in hexadecimal; blanks and a leading 0x are skipped
    #[arg(long, value_name = "HEX", requires = "writer")]
    hex: Option<String>,

    /// Answer a batch on standard input, one JSON object a line
    #[arg(long, conflicts_with_all = ["writer", "reader", "hex"])]
    jsonl: bool,
}

pub(crate) fn run(args: Args, global: &Global) -> Result<Outcome, CliError> {
    if let Some(file) = &args.file {
        return container(file, args.reader.as_deref(), global);
    }
    let (Some(writer), Some(hex)) = (&args.writer, &args.hex) else {
        jsonl::run_texts(|line| answer(line).unwrap_or_else(not_ok), not_ok)?;
        return Ok(Outcome::Clean);
    };
    let format = global.format(&[Format::Text, Format::Json])?;
    let data = unhex(hex).map_err(|why| CliError::usage(format!("--hex: {why}")))?;
    let writer = schema::read(writer, global)?;
    let reader = match &args.reader {
        Some(reader) => schema::read(reader, global)?,
        None => writer.clone(),
    };
    let header = match single_object::split(&data) {
        Ok((fingerprint, _)) if fingerprint == writer.fingerprint() => single_object::HEADER,
        _ => 0,
    };
    let datum = data.get(header..).unwrap_or_default();
    let decoded = match decode(&writer, &reader, datum, header) {
        Ok(decoded) => decoded,
        Err(why) => {
            if format == Format::Json {
                global.result(&format!("{}\n", not_ok(why)))?;
            } else {
                report::line(&format!("error: {why}"));
                framed(&data);
            }
            return Ok(Outcome::Findings);
        }
    };
    if format == Format::Json {
        global.result(&format!("{}\n", decoded.answer()))?;
    } else {
        global.result(&format!("{}\n", decoded.json))?;
    }
    if decoded.left == 0 {
        return Ok(Outcome::Clean);
    }
    report::line(&format!(
        "error: byte {}: {} byte(s) are left after the value",
        data.len() - decoded.left,
        decoded.left
    ));
    framed(&data);
    Ok(Outcome::Findings)
}

/// A file's values, one a line.
fn container(path: &Path, reader: Option<&Path>, global: &Global) -> Result<Outcome, CliError> {
    global.format(&[Format::Json, Format::Text])?;
    let lines = Lines::open(path).map_err(|(name, e)| CliError::usage(format!("cannot read {name}: {e}")))?;
    let name = lines.name.clone();
    let mut values = Reader::new(lines.into_input()).map_err(|e| CliError::usage(format!("{name}: {e}")))?;
    let mut schema = values.schema().clone();
    if let Some(reader) = reader {
        schema = schema::read(reader, global)?;
        if let Err(error) = values.read_as(&schema) {
            report::line(&format!("error: {name}: {error}"));
            return Ok(Outcome::Findings);
        }
    }
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut outcome = Outcome::Clean;
    for value in values {
        let text = match value {
            Ok(value) => value.to_avro_json(&schema).map_err(|e| e.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match text {
            Ok(text) => writeln!(out, "{text}").map_err(CliError::stdout)?,
            Err(why) => {
                outcome = Outcome::Findings;
                // What came before stands before it where both go to one terminal.
                out.flush().map_err(CliError::stdout)?;
                report::line(&format!("error: {name}: {why}"));
            }
        }
    }
    out.flush().map_err(CliError::stdout)?;
    Ok(outcome)
}

/// A hint, where the data could be a record's value as it is on a topic.
fn framed(data: &[u8]) {
    if data.first() == Some(&0) && data.len() > 5 {
        report::line(
            "  help: data that a registry's serializer wrote starts with 00 and the schema's ID in 4 bytes; leave these 5 out",
        );
    }
}

struct Decoded {
    json: String,
    left: usize,
}

impl Decoded {
    /// The members of an answer. The value is text already: what is nested deep would not go through a tree of values.
    fn answer(&self) -> String {
        match self.left {
            0 => format!("{{\"ok\":true,\"json\":{}}}", self.json),
            left => format!("{{\"ok\":true,\"json\":{},\"left\":{left}}}", self.json),
        }
    }
}

fn not_ok(why: String) -> String {
    let mut text = String::from("{\"ok\":false,\"error\":");
    json::write_string(&why, &mut text);
    text.push('}');
    text
}

fn answer(line: &Line<'_>) -> Result<String, String> {
    let parse = |key: &str| {
        let text = line.schema(key)?;
        Schema::parse(&text).map_err(|e| format!("{key}: {}", plain(&e)))
    };
    let writer = parse("writer")?;
    let reader = match line.has_schema("reader") {
        true => parse("reader")?,
        false => writer.clone(),
    };
    let data = unhex(line.string("hex")?).map_err(|why| format!("hex: {why}"))?;
    Ok(decode(&writer, &reader, &data, 0)?.answer())
}

/// `header`: bytes before the datum, for the offsets of errors.
fn decode(writer: &Schema, reader: &Schema, datum: &[u8], header: usize) -> Result<Decoded, String> {
    let plan = Plan::new(writer, reader).map_err(|e| e.to_string())?;
    let (value, read) = Value::decode_with(&plan, datum).map_err(|e| e.shifted(header).to_string())?;
    Ok(Decoded {
        json: value.to_avro_json(reader).map_err(|e| e.to_string())?,
        left: datum.len() - read,
    })
}

/// Bytes from hexadecimal.
fn unhex(text: &str) -> Result<Vec<u8>, String> {
    let digits = text.trim_start();
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    let mut bytes = Vec::with_capacity(digits.len() / 2);
    let mut high = None;
    for c in digits.chars().filter(|c| !c.is_whitespace()) {
        let digit = c
            .to_digit(16)
            .ok_or_else(|| format!("expected hexadecimal digits, found {c:?}"))? as u8;
        match high.take() {
            None => high = Some(digit),
            Some(high) => bytes.push(high << 4 | digit),
        }
    }
    match high {
        None => Ok(bytes),
        Some(_) => Err(format!(
            "expected two digits a byte, found an odd number: {}",
            2 * bytes.len() + 1
        )),
    }
}
