//! Reading a file, datum by datum.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};

use crate::container::codec::Failure;
use crate::container::{Codec, ContainerError, MAGIC};
use crate::parse::ParseMode;
use crate::resolve::{Plan, ResolveError};
use crate::schema::Schema;
use crate::source::Source;
use crate::value::Value;
use crate::wire::{Cursor, DecodeError, DecodeErrorKind, MinSizes};

/// What a file may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the header: schema and metadata.
    pub header: u64,
    /// Bytes of a block, both as they stand in the file and after decompression.
    pub block: u64,
    /// Data in a block.
    pub count: u64,
}

impl Default for Limits {
    /// 16 MiB, 256 MiB and 100,000,000. Writers make blocks of 16 KiB to a few MiB.
    fn default() -> Self {
        Self {
            header: 16 << 20,
            block: 256 << 20,
            count: 100_000_000,
        }
    }
}

/// Reads a file from its start; iterates over its values.
///
/// It reads ahead from the input, which need not be buffered. After an error there is nothing more.
///
/// # Example
///
/// ```
/// use fleetops_avro::Schema;
/// use fleetops_avro::container::{Codec, Reader, Writer};
/// use fleetops_avro::value::Value;
///
/// let mut writer = Writer::new(Vec::new(), &Schema::parse("\"int\"")?, Codec::Null)?;
/// writer.append(&Value::Int(42))?;
/// let file = writer.finish()?;
///
/// let mut reader = Reader::new(file.as_slice())?;
/// reader.read_as(&Schema::parse("\"long\"")?)?;
/// let values: Vec<Value> = reader.collect::<Result<_, _>>()?;
/// assert_eq!(values, [Value::Long(42)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Reader<R: Read> {
    input: Input<R>,
    limits: Limits,
    schema: Schema,
    codec: Codec,
    metadata: BTreeMap<String, Vec<u8>>,
    sync: [u8; 16],
    plan: Option<Plan>,
    min_size: usize,
    block: Block,
    done: bool,
}

/// The block that is being read.
#[derive(Debug, Default)]
struct Block {
    /// Where its data starts in the file.
    offset: u64,
    data: Vec<u8>,
    at: usize,
    index: u64,
    count: u64,
}

impl<R: Read> Reader<R> {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// It is none, is larger than the limit, has no valid schema, or names a codec that is not built in.
    pub fn new(input: R) -> Result<Self, ContainerError> {
        Self::with_limits(input, Limits::default())
    }

    /// The same with other limits.
    ///
    /// # Errors
    ///
    /// Those of [`Reader::new`].
    pub fn with_limits(input: R, limits: Limits) -> Result<Self, ContainerError> {
        let mut input = Input {
            inner: BufReader::new(input),
            offset: 0,
        };
        let mut magic = Vec::new();
        input.up_to(4, &mut magic)?;
        if magic != MAGIC {
            return Err(ContainerError::NotAContainer { found: magic });
        }
        let metadata = metadata(&mut input, limits.header)?;
        let sync = input.marker("the header's sync marker")?;
        let Some(text) = metadata.get("avro.schema") else {
            return Err(ContainerError::NoSchema);
        };
        let invalid = |diagnostic: Box<crate::Diagnostic>| crate::ParseError {
            diagnostics: vec![*diagnostic],
        };
        let source =
            Source::decode("avro.schema", text.clone()).map_err(|d| ContainerError::Schema(invalid(d)))?;
        let schema = Schema::parse_with(source, ParseMode::Lenient).map_err(ContainerError::Schema)?;
        let codec = match metadata.get("avro.codec") {
            None => Codec::Null,
            Some(name) => {
                let name = String::from_utf8_lossy(name).into_owned();
                Codec::of_name(&name).ok_or_else(|| ContainerError::UnknownCodec {
                    name,
                    known: Codec::ALL.iter().map(|codec| codec.name()).collect(),
                })?
            }
        };
        Ok(Self {
            input,
            limits,
            min_size: MinSizes::default().of(&schema, schema.root()),
            schema,
            codec,
            metadata,
            sync,
            plan: None,
            block: Block::default(),
            done: false,
        })
    }

    /// The schema that the file was written with.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// How its blocks are compressed.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// The header's metadata, Avro's own (`avro.schema`, `avro.codec`) included.
    pub fn metadata(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.metadata
    }

    /// Values from here on are those of another schema, resolved from the file's.
    ///
    /// # Errors
    ///
    /// No datum of the file's schema could be read as one of that schema.
    pub fn read_as(&mut self, reader: &Schema) -> Result<(), ResolveError> {
        self.plan = Some(Plan::new(&self.schema, reader)?);
        Ok(())
    }

    fn next_value(&mut self) -> Result<Option<Value>, ContainerError> {
        while self.block.index == self.block.count {
            let left = self.block.data.len() - self.block.at;
            if left > 0 {
                return Err(self.datum(DecodeError::new(0, DecodeErrorKind::TrailingBytes { left })));
            }
            if !self.next_block()? {
                return Ok(None);
            }
        }
        let data = self.block.data.get(self.block.at..).unwrap_or_default();
        let decoded = match &self.plan {
            Some(plan) => Value::decode_with(plan, data),
            None => Value::decode(&self.schema, data),
        };
        let (value, read) = decoded.map_err(|error| self.datum(error))?;
        self.block.at += read;
        self.block.index += 1;
        Ok(Some(value))
    }

    fn datum(&self, error: DecodeError) -> ContainerError {
        ContainerError::Datum {
            offset: self.block.offset,
            index: self.block.index,
            source: error.shifted(self.block.at),
        }
    }

    /// Reads a block; `false` at the end of the file.
    fn next_block(&mut self) -> Result<bool, ContainerError> {
        if self.input.at_end()? {
            return Ok(false);
        }
        let start = self.input.offset;
        let count = self.input.length("a block's count", self.limits.count)?;
        let size = self.input.length("a block's size", self.limits.block)?;
        let offset = self.input.offset;
        let mut data = Vec::new();
        self.input.exactly(size, "a block", &mut data)?;
        let at = self.input.offset;
        if self.input.marker("a sync marker")? != self.sync {
            return Err(ContainerError::Sync { offset: at });
        }
        let data = self
            .codec
            .decompress(data, self.limits.block)
            .map_err(|failure| match failure {
                Failure::TooLarge(size) => ContainerError::TooLarge {
                    offset,
                    what: "a decompressed block",
                    size,
                    limit: self.limits.block,
                },
                Failure::Reason(reason) => ContainerError::Decompress {
                    offset,
                    codec: self.codec.name(),
                    reason,
                },
            })?;
        if count > (data.len() / self.min_size.max(1)) as u64 && self.min_size > 0 {
            return Err(ContainerError::Invalid {
                offset: start,
                what: "a count of data that the block's bytes can hold",
                found: format!("{count} in {} bytes", data.len()),
            });
        }
        self.block = Block {
            offset,
            data,
            at: 0,
            index: 0,
            count,
        };
        Ok(true)
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Value, ContainerError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.next_value().transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}

/// The map at the start: blocks of keys and values. Avro 1.12 specification, "Maps".
fn metadata<R: Read>(input: &mut Input<R>, limit: u64) -> Result<BTreeMap<String, Vec<u8>>, ContainerError> {
    let mut map = BTreeMap::new();
    let left = |input: &Input<R>| limit.saturating_sub(input.offset);
    loop {
        let at = input.offset;
        let mut count = input.long("the header")?;
        if count == 0 {
            return Ok(map);
        }
        if count < 0 {
            count = count.saturating_neg();
            input.long("the header")?;
        }
        if count as u64 > left(input) {
            return Err(ContainerError::TooLarge {
                offset: at,
                what: "a count of metadata",
                size: count as u64,
                limit: left(input),
            });
        }
        for _ in 0..count {
            let (mut key, mut value) = (Vec::new(), Vec::new());
            let at = input.offset;
            let length = input.length("a name of metadata", left(input))?;
            input.exactly(length, "the header", &mut key)?;
            let key = String::from_utf8(key).map_err(|e| ContainerError::Invalid {
                offset: at,
                what: "a name of metadata in UTF-8",
                found: format!("{:02X?}", e.as_bytes().get(..16).unwrap_or(e.as_bytes())),
            })?;
            let length = input.length("metadata", left(input))?;
            input.exactly(length, "the header", &mut value)?;
            map.insert(key, value);
        }
    }
}

/// The caller's reader, and how far it is.
#[derive(Debug)]
struct Input<R> {
    inner: BufReader<R>,
    offset: u64,
}

impl<R: Read> Input<R> {
    fn at_end(&mut self) -> Result<bool, ContainerError> {
        loop {
            match self.inner.fill_buf() {
                Ok(buffer) => return Ok(buffer.is_empty()),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(ContainerError::Io {
                        offset: self.offset,
                        source,
                    });
                }
            }
        }
    }

    /// So many bytes, or as many as there are. Memory grows with what arrives.
    fn up_to(&mut self, count: u64, out: &mut Vec<u8>) -> Result<(), ContainerError> {
        let before = out.len();
        let result = self.inner.by_ref().take(count).read_to_end(out);
        self.offset += (out.len() - before) as u64;
        result.map(|_| ()).map_err(|source| ContainerError::Io {
            offset: self.offset,
            source,
        })
    }

    fn exactly(&mut self, count: u64, what: &'static str, out: &mut Vec<u8>) -> Result<(), ContainerError> {
        self.up_to(count, out)?;
        match out.len() as u64 == count {
            true => Ok(()),
            false => Err(ContainerError::Truncated {
                offset: self.offset,
                what,
            }),
        }
    }

    fn marker(&mut self, what: &'static str) -> Result<[u8; 16], ContainerError> {
        let mut bytes = Vec::with_capacity(16);
        self.exactly(16, what, &mut bytes)?;
        Ok(*bytes.first_chunk().unwrap_or(&[0; 16]))
    }

    fn long(&mut self, what: &'static str) -> Result<i64, ContainerError> {
        let start = self.offset;
        let mut bytes = Vec::with_capacity(10);
        loop {
            let before = bytes.len();
            self.up_to(1, &mut bytes)?;
            if bytes.len() == before {
                return Err(ContainerError::Truncated {
                    offset: self.offset,
                    what,
                });
            }
            if bytes.last().is_some_and(|byte| byte & 0x80 == 0) || bytes.len() == 10 {
                break;
            }
        }
        Cursor::new(&bytes).long().map_err(|_| ContainerError::Invalid {
            offset: start,
            what: "a long of at most 10 bytes",
            found: "one that goes on".to_owned(),
        })
    }

    /// A long that is a length or a count.
    fn length(&mut self, what: &'static str, limit: u64) -> Result<u64, ContainerError> {
        let offset = self.offset;
        let length = self.long(what)?;
        let Ok(size) = u64::try_from(length) else {
            return Err(ContainerError::Invalid {
                offset,
                what,
                found: length.to_string(),
            });
        };
        if size > limit {
            return Err(ContainerError::TooLarge {
                offset,
                what,
                size,
                limit,
            });
        }
        Ok(size)
    }
}
