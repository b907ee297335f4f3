//! A recording from a file: one event a line as JSON, gzipped or not.
//!
//! The whole file is read and checked before anything is sent, so that an error on the last line costs nothing.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use fleetops_registry::events::RawTelemetryEvent;

/// Longest line, in bytes.
const MAX_LINE: u64 = 1024 * 1024;
/// Most events: they are all kept in memory.
const MAX_EVENTS: usize = 5_000_000;

/// Why a recording cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    /// The file cannot be opened.
    #[error("{file}: {source}")]
    Open { file: String, source: io::Error },
    /// It cannot be read on.
    #[error("{file}:{line}: {source}")]
    Read {
        file: String,
        line: usize,
        source: io::Error,
    },
    /// A line is no event.
    #[error("{file}:{line}: {}{message}", at_field(field))]
    Line {
        file: String,
        line: usize,
        field: String,
        message: String,
    },
    /// There is too much of it.
    #[error("{file}: more than {MAX_EVENTS} events; the demo keeps them all in memory")]
    TooMany { file: String },
    /// There is nothing in it.
    #[error("{file}: no events")]
    Empty { file: String },
}

fn at_field(field: &str) -> String {
    if field.is_empty() || field == "." {
        String::new()
    } else {
        format!("field {field}: ")
    }
}

/// Reads the events of a file; `-` is standard input.
pub(crate) fn read(path: &Path) -> Result<Vec<RawTelemetryEvent>, InputError> {
    let file = if path == Path::new("-") {
        "<stdin>".to_owned()
    } else {
        path.display().to_string()
    };
    let failed = |source| InputError::Open {
        file: file.clone(),
        source,
    };
    let raw: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let opened = File::open(path).map_err(failed)?;
        if opened.metadata().map_err(failed)?.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        Box::new(opened)
    };
    let mut raw = BufReader::with_capacity(1 << 16, raw);
    // RFC 1952: every gzip member starts with these two bytes; no JSON does.
    let is_gzip = raw.fill_buf().map_err(failed)?.starts_with(&[0x1f, 0x8b]);
    if is_gzip {
        lines(&file, BufReader::with_capacity(1 << 16, MultiGzDecoder::new(raw)))
    } else {
        lines(&file, raw)
    }
}

fn lines(file: &str, mut input: impl BufRead) -> Result<Vec<RawTelemetryEvent>, InputError> {
    let mut events = Vec::new();
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        let read = input
            .by_ref()
            .take(MAX_LINE)
            .read_until(b'\n', &mut text)
            .map_err(|source| InputError::Read {
                file: file.to_owned(),
                line,
                source,
            })?;
        if read == 0 {
            break;
        }
        let wrong = |field: String, message: String| InputError::Line {
            file: file.to_owned(),
            line,
            field,
            message,
        };
        if text.last() != Some(&b'\n') && text.len() as u64 == MAX_LINE {
            return Err(wrong(
                String::new(),
                format!("the line is longer than {MAX_LINE} bytes"),
            ));
        }
        if text.trim_ascii().is_empty() {
            continue;
        }
        if events.len() == MAX_EVENTS {
            return Err(InputError::TooMany {
                file: file.to_owned(),
            });
        }
        events.push(event(&text).map_err(|(field, message)| wrong(field, message))?);
    }
    if events.is_empty() {
        return Err(InputError::Empty {
            file: file.to_owned(),
        });
    }
    Ok(events)
}

/// One event, or the field and what is wrong with it.
fn event(text: &[u8]) -> Result<RawTelemetryEvent, (String, String)> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let event: RawTelemetryEvent = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let field = error.path().to_string();
        (field, column_only(&error.into_inner()))
    })?;
    json.end().map_err(|error| (String::new(), column_only(&error)))?;
    event
        .validate()
        .map_err(|violations| (String::new(), violations.to_string()))?;
    Ok(event)
}

/// serde_json's message without its own line number, which is always 1 here.
fn column_only(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((message, _)) if error.column() > 0 => format!("{message} (column {})", error.column()),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::super::scene::{Size, generate};
    use super::*;

    fn recording() -> (Vec<RawTelemetryEvent>, String) {
        let events = generate(
            1,
            Size {
                vehicles: 3,
                frames: 4,
            },
        );
        let text = events
            .iter()
            .map(|e| serde_json::to_string(e).unwrap() + "\n")
            .collect();
        (events, text)
    }

    fn message(text: &str) -> String {
        lines("events.jsonl", text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn plain_and_gzipped_files_give_the_same_events() {
        let (events, text) = recording();
        let folder = tempfile::tempdir().unwrap();
        let plain = folder.path().join("a.jsonl");
        std::fs::write(&plain, &text).unwrap();
        assert_eq!(read(&plain).unwrap(), events);

        let packed = folder.path().join("a.whatever");
        let mut bytes = Vec::new();
        // Two members, as appending to a log makes them.
        for half in [text.get(..100).unwrap(), text.get(100..).unwrap()] {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
            gzip.write_all(half.as_bytes()).unwrap();
            bytes.extend(gzip.finish().unwrap());
        }
        std::fs::write(&packed, bytes).unwrap();
        assert_eq!(read(&packed).unwrap(), events);
        assert_eq!(
            lines("x", format!("\n  \n{}", text.trim_end()).as_bytes()).unwrap(),
            events
        );
    }

    #[test]
    fn errors_name_the_line_and_the_field() {
        let (_, text) = recording();
        let first = text.lines().next().unwrap();
        let broken = |from: &str, to: &str| message(&format!("{first}\n{}\n", first.replacen(from, to, 1)));
        let type_error = broken("\"frame_index\":0", "\"frame_index\":\"x\"");
        assert!(
            type_error.starts_with("events.jsonl:2: field frame_index: invalid type"),
            "{type_error}"
        );
        let nested = broken("\"yaw\":", "\"yaw\":true,\"was\":");
        assert!(
            nested.starts_with("events.jsonl:2: field telemetry.yaw: invalid type"),
            "{nested}"
        );
        let missing = broken("\"scene_id\":", "\"scene\":");
        assert!(
            missing.contains("events.jsonl:2:") && missing.contains("scene_id"),
            "{missing}"
        );
        let invalid = broken("\"frame_index\":0", "\"frame_index\":-1");
        assert!(
            invalid.contains("events.jsonl:2:") && invalid.contains("frame_index"),
            "{invalid}"
        );
        let cut = message(&format!("{first}\n{{\"event_id\""));
        assert!(
            cut.starts_with("events.jsonl:2: ") && cut.contains("column"),
            "{cut}"
        );
        let twice = message(&format!("{first}{first}\n"));
        assert!(
            twice.starts_with("events.jsonl:1: trailing characters"),
            "{twice}"
        );
        assert_eq!(message("\n\n"), "events.jsonl: no events");
    }

    #[test]
    fn long_lines_do_not_fill_the_memory() {
        let text = " ".repeat(MAX_LINE as usize + 5);
        assert!(message(&text).contains("longer than"), "{}", message(&text));
    }

    #[test]
    fn missing_files_and_folders_are_told() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path()).is_err());
        let error = read(&folder.path().join("nothing.jsonl"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("nothing.jsonl"), "{error}");
    }
}
