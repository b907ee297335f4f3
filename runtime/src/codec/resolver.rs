//! Reading data of other writer schemas: into the reader's bytes first, then by the type's own decoder.
//!
//! [`Plan`] compares the two schemas once; each datum then costs a copy into a buffer that the thread keeps, and
//! nothing at all where the writer's bytes are the reader's.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use fleetops_avro::resolve::{Plan, ResolveError};
use fleetops_avro::{ParseError, ParseMode, Schema, Source};
use thiserror::Error;

use super::{AvroRecord, DecodeError, DecodeErrorKind, Reader};

/// A buffer larger than this is not kept for the next datum.
const KEPT: usize = 1 << 20;

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What decodes data of one writer schema as `T`.
///
/// Made once for each writer schema, and shared: it is immutable.
pub struct Resolver<T> {
    plan: Plan,
    reads: PhantomData<fn() -> T>,
}

/// Schemas that no data can be read with.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ResolverError {
    /// The writer's text is no schema.
    #[error("the writer's schema cannot be parsed:\n{0}")]
    Writer(ParseError),
    /// The schema of the type is none. Generated code is made from schemas that are.
    #[error("the schema of {name} cannot be parsed:\n{source}")]
    Reader {
        /// The type.
        name: &'static str,
        /// Why.
        source: ParseError,
    },
    /// The reader's schema can read nothing of the writer's.
    #[error("{name} cannot be read from data of that writer schema: {source}")]
    Mismatch {
        /// The type.
        name: &'static str,
        /// What is in the way, both places named.
        source: Box<ResolveError>,
    },
}

/// A writer's schema in any of the forms it comes in: parsed, or as text.
pub trait WriterSchema {
    /// The schema. Text is read as leniently as a registry reads schemas that it holds already.
    ///
    /// # Errors
    /// Where it is text, and not a schema.
    fn writer_schema(&self) -> Result<Cow<'_, Schema>, ParseError>;
}

impl WriterSchema for Schema {
    fn writer_schema(&self) -> Result<Cow<'_, Schema>, ParseError> {
        Ok(Cow::Borrowed(self))
    }
}

impl WriterSchema for str {
    fn writer_schema(&self) -> Result<Cow<'_, Schema>, ParseError> {
        Schema::parse_with(Source::new("<writer schema>", self), ParseMode::Lenient).map(Cow::Owned)
    }
}

impl WriterSchema for String {
    fn writer_schema(&self) -> Result<Cow<'_, Schema>, ParseError> {
        self.as_str().writer_schema()
    }
}

impl<W: WriterSchema + ?Sized> WriterSchema for &W {
    fn writer_schema(&self) -> Result<Cow<'_, Schema>, ParseError> {
        (**self).writer_schema()
    }
}

impl<T: AvroRecord> Resolver<T> {
    /// Compares the writer's schema with `T`'s.
    ///
    /// # Errors
    /// A [`ResolverError`]: text that is no schema, or a schema of which nothing can be read as `T`.
    pub fn new<W: WriterSchema + ?Sized>(writer: &W) -> Result<Self, ResolverError> {
        let writer = writer.writer_schema().map_err(ResolverError::Writer)?;
        let reader = Schema::parse(T::SCHEMA).map_err(|source| ResolverError::Reader {
            name: T::NAME,
            source,
        })?;
        let plan = Plan::with_open_enums(&writer, &reader, T::OPEN_ENUMS).map_err(|source| {
            ResolverError::Mismatch {
                name: T::NAME,
                source: Box::new(source),
            }
        })?;
        Ok(Self {
            plan,
            reads: PhantomData,
        })
    }

    /// The plan, with both schemas and what some data would meet.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }
}

impl<T> fmt::Debug for Resolver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").field("plan", &self.plan).finish()
    }
}

/// The value in `bytes`, which were written with the plan's writer schema; the plan's reader schema is `T`'s, and its open
/// enums are `T::OPEN_ENUMS`.
///
/// # Errors
/// Where the bytes are no datum of the writer's schema, hold something that the reader's has no place for, or go on
/// after the datum. What only `T` finds wrong, such as a uuid that does not parse, is told with the offset in the
/// resolved bytes and the path `after resolution`.
#[inline]
pub fn decode_with<T: AvroRecord>(plan: &Plan, bytes: &[u8]) -> Result<T, DecodeError> {
    if plan.is_identity() {
        T::from_avro(bytes)
    } else {
        resolve(plan, bytes)
    }
}

/// The value in `bytes` as [`decode_with`] reads it, in place of `value`, whose memory is used again.
///
/// # Errors
/// As [`decode_with`]; the value is then partly the old and partly the new.
#[inline]
pub fn read_with<T: AvroRecord>(plan: &Plan, bytes: &[u8], value: &mut T) -> Result<(), DecodeError> {
    if plan.is_identity() {
        value.read_avro(bytes)
    } else {
        resolve_into(plan, bytes, value)
    }
}

#[inline(never)]
fn resolve_into<T: AvroRecord>(plan: &Plan, bytes: &[u8], value: &mut T) -> Result<(), DecodeError> {
    {
        let mut scratch = Scratch::take();
        if let Some((taken, own)) = plan.transcode_in(bytes, &mut scratch.buffer)
            && taken == bytes.len()
            && value.read_avro(own).is_ok()
        {
            return Ok(());
        }
    }
    *value = resolve_exactly(plan, bytes)?;
    Ok(())
}

// A value of hundreds of bytes is made where the caller wants it, because no function below keeps one of its own: it is given
// back by the arm that gets it. A variable for it that is looked at or changed by reference, and it would be moved.

/// The same where the bytes are not the reader's.
#[inline(never)]
fn resolve<T: AvroRecord>(plan: &Plan, bytes: &[u8]) -> Result<T, DecodeError> {
    match resolve_at_a_glance(plan, bytes) {
        Ok(value) => return Ok(value),
        Err(any) => drop(any),
    }
    resolve_exactly(plan, bytes)
}

/// The value, or any error.
#[inline]
fn resolve_at_a_glance<T: AvroRecord>(plan: &Plan, bytes: &[u8]) -> Result<T, DecodeError> {
    let mut scratch = Scratch::take();
    match plan.transcode_in(bytes, &mut scratch.buffer) {
        Some((taken, own)) if taken == bytes.len() => T::from_avro(own),
        _ => Err(DecodeError::new(0, DecodeErrorKind::TrailingBytes { left: 0 })),
    }
}

/// The same for what is not decoded at a glance: it has the errors.
#[cold]
#[inline(never)]
fn resolve_exactly<T: AvroRecord>(plan: &Plan, bytes: &[u8]) -> Result<T, DecodeError> {
    let mut scratch = Scratch::take();
    transcode_and_decode(plan, bytes, &mut scratch.buffer)
}

fn transcode_and_decode<T: AvroRecord>(
    plan: &Plan,
    bytes: &[u8],
    resolved: &mut Vec<u8>,
) -> Result<T, DecodeError> {
    resolved.clear();
    let taken = plan.transcode(bytes, resolved)?;
    if taken < bytes.len() {
        let kind = DecodeErrorKind::TrailingBytes {
            left: bytes.len() - taken,
        };
        return Err(DecodeError::new(taken, kind));
    }
    let mut reader = Reader::of_resolved(resolved);
    let value = T::decode_avro(&mut reader).map_err(|error| error.at("after resolution"))?;
    reader.finish().map_err(|error| error.at("after resolution"))?;
    Ok(value)
}

/// The thread's buffer, which is given back unless it has become large.
struct Scratch {
    buffer: Vec<u8>,
}

impl Scratch {
    fn take() -> Self {
        Self {
            buffer: SCRATCH.take(),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.buffer.capacity() <= KEPT {
            SCRATCH.set(std::mem::take(&mut self.buffer));
        }
    }
}
