//! JSON lines from a file or standard input, gzipped or not, one at a time and of bounded length; and how to tell that the
//! input is an object container file instead.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;
use fleetops_avro::container::MAGIC;

/// Longest line, in bytes. Kafka's default limit for a record is 1 MiB of Avro, which is several times that in JSON.
pub(super) const MAX_LINE: u64 = 4 * 1024 * 1024;

/// The lines of an input.
pub(super) struct Lines {
    /// What messages call the input.
    pub(super) name: String,
    /// Bytes in the file, where it is one.
    pub(super) size: Option<u64>,
    /// Bytes read of it so far.
    pub(super) read: Arc<AtomicU64>,
    input: Box<dyn BufRead + Send>,
    number: u64,
}

/// Why a line could not be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    /// The input cannot be read on.
    #[error("{0}")]
    Read(io::Error),
    /// It is too long; the rest of the input is not read.
    #[error("the line is longer than {MAX_LINE} bytes")]
    TooLong,
}

impl Lines {
    /// Opens a file; `-` is standard input.
    ///
    /// # Errors
    /// The operating system's, with the name of the file.
    pub(super) fn open(path: &Path) -> Result<Self, (String, io::Error)> {
        let read = Arc::new(AtomicU64::new(0));
        let (name, size, raw): (_, _, Box<dyn Read + Send>) = if path == Path::new("-") {
            ("<stdin>".to_owned(), None, Box::new(io::stdin()))
        } else {
            let name = path.display().to_string();
            let opened = File::open(path).and_then(|file| Ok((file.metadata()?, file)));
            let (metadata, file) = opened.map_err(|error| (name.clone(), error))?;
            if metadata.is_dir() {
                return Err((name, io::ErrorKind::IsADirectory.into()));
            }
            (name, metadata.is_file().then_some(metadata.len()), Box::new(file))
        };
        let counted = Counted {
            inner: raw,
            read: Arc::clone(&read),
        };
        Ok(Self {
            name,
            size,
            read,
            input: Box::new(Packed::Unknown(BufReader::with_capacity(1 << 16, counted)).lazily()),
            number: 0,
        })
    }

    /// Whether it starts as an object container file does: no JSON does. Waits for the first bytes.
    ///
    /// # Errors
    /// The operating system's, or a gzip that is none.
    pub(super) fn is_container(&mut self) -> io::Result<bool> {
        let start = self.input.fill_buf()?;
        let start = start.get(..MAGIC.len()).unwrap_or(start);
        Ok(!start.is_empty() && MAGIC.starts_with(start))
    }

    /// The bytes, unpacked.
    pub(super) fn into_input(self) -> Box<dyn BufRead + Send> {
        self.input
    }

    /// The next line that is not blank, without its end, and its number from 1. `None`: there are no more.
    ///
    /// # Errors
    /// [`LineError`], with the number of the line. Nothing can be read after it.
    pub(super) fn next(&mut self, text: &mut Vec<u8>) -> Result<Option<u64>, (u64, LineError)> {
        loop {
            text.clear();
            self.number += 1;
            let read = (&mut self.input)
                .take(MAX_LINE + 1)
                .read_until(b'\n', text)
                .map_err(|error| (self.number, LineError::Read(error)))?;
            if read == 0 {
                return Ok(None);
            }
            if text.last() != Some(&b'\n') && text.len() as u64 > MAX_LINE {
                return Err((self.number, LineError::TooLong));
            }
            if !text.trim_ascii().is_empty() {
                return Ok(Some(self.number));
            }
        }
    }
}

/// Counts what goes through.
struct Counted {
    inner: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Decides at the first read whether the input is gzipped, so that opening a pipe does not wait for its writer.
enum Packed {
    Unknown(BufReader<Counted>),
    Plain(BufReader<Counted>),
    Gzip(Box<MultiGzDecoder<BufReader<Counted>>>),
    Failed,
}

impl Packed {
    fn lazily(self) -> BufReader<Self> {
        BufReader::with_capacity(1 << 16, self)
    }
}

impl Read for Packed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Self::Unknown(raw) = self {
            // RFC 1952: every gzip member starts with these two bytes; no JSON does.
            let is_gzip = raw.fill_buf()?.starts_with(&[0x1f, 0x8b]);
            let Self::Unknown(raw) = std::mem::replace(self, Self::Failed) else {
                return Ok(0);
            };
            *self = match is_gzip {
                true => Self::Gzip(Box::new(MultiGzDecoder::new(raw))),
                false => Self::Plain(raw),
            };
        }
        match self {
            Self::Plain(raw) | Self::Unknown(raw) => raw.read(buffer),
            Self::Gzip(packed) => packed.read(buffer),
            Self::Failed => Ok(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn all(path: &Path) -> Result<Vec<(u64, String)>, (u64, String)> {
        let mut lines = Lines::open(path).unwrap();
        let (mut text, mut out) = (Vec::new(), Vec::new());
        while let Some(number) = lines.next(&mut text).map_err(|(n, e)| (n, e.to_string()))? {
            out.push((number, String::from_utf8(text.clone()).unwrap().trim().to_owned()));
        }
        Ok(out)
    }

    #[test]
    fn plain_and_gzipped_lines_are_the_same_and_blank_ones_count() {
        let folder = tempfile::tempdir().unwrap();
        let (plain, packed) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::write(&plain, "{}\n\n  \n[]").unwrap();
        let mut bytes = Vec::new();
        for part in ["{}\n\n ", " \n[]"] {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
            gzip.write_all(part.as_bytes()).unwrap();
            bytes.extend(gzip.finish().unwrap());
        }
        std::fs::write(&packed, &bytes).unwrap();
        let wanted = vec![(1, "{}".to_owned()), (4, "[]".to_owned())];
        assert_eq!(all(&plain).unwrap(), wanted);
        assert_eq!(all(&packed).unwrap(), wanted);
        // A gzip that ends too early is no end of the input.
        std::fs::write(&packed, bytes.get(..bytes.len() - 9).unwrap()).unwrap();
        assert!(all(&packed).is_err());
        std::fs::write(&plain, "").unwrap();
        assert_eq!(all(&plain).unwrap(), []);
    }

    #[test]
    fn long_lines_do_not_fill_the_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let exact = "x".repeat(MAX_LINE as usize);
        std::fs::write(&path, format!("{exact}\n{{}}\n{exact}x\n")).unwrap();
        let mut lines = Lines::open(&path).unwrap();
        let mut text = Vec::new();
        lines
            .next(&mut text)
            .unwrap_or_else(|(n, _)| (n != 1).then_some(n));
        assert_eq!(
            all(&path).unwrap_err().1,
            format!("the line is longer than {MAX_LINE} bytes")
        );
    }
}
