//! Writing a file, block by block.

use std::collections::BTreeMap;
use std::io::Write;

use md5::{Digest, Md5};

use crate::container::{Codec, ContainerError, MAGIC};
use crate::schema::Schema;
use crate::value::Value;
use crate::wire::put;

/// Bytes, before compression, from which on a block is written. Java's default.
pub const BLOCK: usize = 64_000;

/// Writes a file.
///
/// Values are gathered into blocks of about [`BLOCK`] bytes. [`Writer::finish`] writes the last one; without it the file
/// lacks the values since the last block.
///
/// The marker between blocks is made from the schema and the metadata, so that the same values give the same file.
/// [`Writer::with_metadata`] takes another one, for whoever wants it unpredictable.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
    offset: u64,
    schema: Schema,
    codec: Codec,
    sync: [u8; 16],
    block: Vec<u8>,
    count: i64,
}

impl<W: Write> Writer<W> {
    /// Writes the header.
    ///
    /// # Errors
    ///
    /// The output fails.
    pub fn new(out: W, schema: &Schema, codec: Codec) -> Result<Self, ContainerError> {
        Self::with_metadata(out, schema, codec, &BTreeMap::new(), None)
    }

    /// The same with metadata of the caller's own, and a marker of 16 bytes.
    ///
    /// # Errors
    ///
    /// The output fails, or a name of the metadata starts with `avro.`.
    pub fn with_metadata(
        out: W,
        schema: &Schema,
        codec: Codec,
        metadata: &BTreeMap<String, Vec<u8>>,
        sync: Option<[u8; 16]>,
    ) -> Result<Self, ContainerError> {
        if let Some(name) = metadata.keys().find(|name| name.starts_with("avro.")) {
            return Err(ContainerError::ReservedMetadata(name.clone()));
        }
        let mut all = metadata.clone();
        all.insert("avro.schema".to_owned(), schema.text().into_bytes());
        all.insert("avro.codec".to_owned(), codec.name().as_bytes().to_vec());
        let mut header = MAGIC.to_vec();
        put::length(&mut header, all.len());
        for (name, value) in &all {
            put::string(&mut header, name);
            put::bytes(&mut header, value);
        }
        put::length(&mut header, 0);
        let sync = sync.unwrap_or_else(|| Md5::digest(&header).into());
        header.extend_from_slice(&sync);
        let mut writer = Self {
            out,
            offset: 0,
            schema: schema.clone(),
            codec,
            sync,
            block: Vec::new(),
            count: 0,
        };
        writer.put(&header)?;
        Ok(writer)
    }

    /// Adds a value.
    ///
    /// # Errors
    ///
    /// It is none of the schema, and nothing was added; or the output fails.
    pub fn append(&mut self, value: &Value) -> Result<(), ContainerError> {
        let before = self.block.len();
        if let Err(error) = value.encode(&self.schema, &mut self.block) {
            self.block.truncate(before);
            return Err(error.into());
        }
        self.count += 1;
        if self.block.len() >= BLOCK {
            self.end_block()?;
        }
        Ok(())
    }

    /// Writes the values since the last block as one, and flushes the output.
    ///
    /// # Errors
    ///
    /// The output fails.
    pub fn flush(&mut self) -> Result<(), ContainerError> {
        self.end_block()?;
        let offset = self.offset;
        self.out
            .flush()
            .map_err(|source| ContainerError::Io { offset, source })
    }

    /// The output, such as a buffer whose bytes are to go on. What is written to it here spoils the file.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }

    /// Writes what is left, and gives the output back.
    ///
    /// # Errors
    ///
    /// The output fails.
    pub fn finish(mut self) -> Result<W, ContainerError> {
        self.flush()?;
        Ok(self.out)
    }

    fn end_block(&mut self) -> Result<(), ContainerError> {
        if self.count == 0 {
            return Ok(());
        }
        let offset = self.offset;
        let data = self
            .codec
            .compress(&self.block)
            .map_err(|source| ContainerError::Io { offset, source })?;
        let mut head = Vec::new();
        put::long(&mut head, self.count);
        put::length(&mut head, data.len());
        self.put(&head)?;
        self.put(&data)?;
        let sync = self.sync;
        self.put(&sync)?;
        self.block.clear();
        self.count = 0;
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), ContainerError> {
        let offset = self.offset;
        self.out
            .write_all(bytes)
            .map_err(|source| ContainerError::Io { offset, source })?;
        self.offset += bytes.len() as u64;
        Ok(())
    }
}
