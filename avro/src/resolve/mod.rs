//! Data of one schema read as that of another: a plan made once, then bytes to bytes.
//!
//! A reader's schema and the one that data was written with differ as soon as either has moved on. [`Plan`] compares
//! the two once and says what is to be done with each part of the data: fields reordered, skipped or filled from
//! defaults, numbers promoted, symbols and union branches mapped, aliases honoured. [`Plan::transcode`] then turns the
//! writer's bytes into the reader's, without building values; whoever decodes the reader's schema, generated code
//! or [`crate::value`], decodes those. So resolution is written once, and tested once.
//!
//! What can be read, and as what, is what Java's `GenericDatumReader` (Avro 1.12) reads, its leniencies included:
//! records match whatever their names, enums and fixed by their simple names, a union's branches by their index where
//! both unions are equivalent. Four things differ, all with data that Java should not take: a string that is not
//! UTF-8, nesting beyond [`crate::wire::MAX_DEPTH`] and more than [`crate::wire::MAX_EMPTY_ITEMS`] items without bytes
//! are errors here; and arrays whose items grow on the way (`int` to `double`) decode here, though Java 1.12.2 refuses
//! some that are near the end of the data.
//!
//! How it works: `aliases` gives the writer's schema the reader's names, `actions` finds out what to do (Java's
//! `Resolver`), `verdict` what could fail, `compile` turns that into a flat `program`, which `run` executes. A failure
//! is found again by `explain`, slowly and with the path in the data.

mod actions;
mod aliases;
mod compile;
mod copyable;
mod defaults;
mod error;
mod explain;
mod order;
mod order_run;
mod program;
mod run;
mod same;
mod verdict;

use std::fmt;
use std::sync::OnceLock;

use crate::schema::Schema;
use crate::wire::DecodeError;

use run::Text;

pub(crate) use defaults::latin1;
pub use error::{Caveat, Mismatch, ResolveError};
pub(crate) use error::{branch_name, describe};
pub(crate) use explain::{Step, path_text};

/// How deep types may be nested in one another, named types followed.
const MAX_NESTING: usize = 500;
/// How many pairs of types two schemas may have: two that mix hundreds of records in unions have a great many.
const MAX_ACTIONS: usize = 500_000;

/// What to do with data of one schema to have that of another.
///
/// # Example
///
/// ```
/// use fleetops_avro::Schema;
/// use fleetops_avro::resolve::Plan;
///
/// let v1 = Schema::parse(r#"{"type": "record", "name": "P", "fields": [
///     {"name": "x", "type": "int"}]}"#)?;
/// let v2 = Schema::parse(r#"{"type": "record", "name": "P", "fields": [
///     {"name": "label", "type": "string", "default": "-"},
///     {"name": "x", "type": "int"}]}"#)?;
/// let plan = Plan::new(&v1, &v2)?;
/// let mut bytes = Vec::new();
/// plan.transcode(&[0x0a], &mut bytes)?;
/// assert_eq!(bytes, [0x02, b'-', 0x0a]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Plan {
    writer: Schema,
    reader: Schema,
    graph: actions::Graph,
    program: program::Program,
    /// For data that the other does not take; made when first needed.
    exact: OnceLock<program::Program>,
    identity: bool,
    caveats: Vec<Caveat>,
}

impl Plan {
    /// Compares the schemas and makes the plan.
    ///
    /// # Errors
    ///
    /// No datum could ever be read: a field of the reader without a default that the writer has not, types that do
    /// not go together, aliases that make two fields one. [`ResolveError`] names both places. What only some data would
    /// meet is no error: see [`Plan::caveats`].
    pub fn new(writer: &Schema, reader: &Schema) -> Result<Self, ResolveError> {
        Self::with_open_enums(writer, reader, &[])
    }

    /// As [`Plan::new`], for a reader that keeps symbols which it does not know. `open` has the full names of its enums
    /// that do.
    ///
    /// A symbol that such an enum has not is read neither as the enum's default nor as an error. It is written as an index
    /// that no symbol has, the number of the reader's symbols, and then the symbol's text as a `string`. So what such a plan
    /// gives is not quite data of the reader's schema: only a decoder that knows the open enums reads it.
    ///
    /// # Errors
    ///
    /// As [`Plan::new`].
    pub fn with_open_enums(writer: &Schema, reader: &Schema, open: &[&str]) -> Result<Self, ResolveError> {
        let named = aliases::Writer::new(writer, reader)?;
        let graph = actions::Graph::new(&named, reader, open)?;
        let dead = verdict::Dead::of(&graph);
        let verdict = verdict::Verdict {
            graph: &graph,
            dead: &dead,
            writer,
            reader,
        };
        if let Some(error) = verdict.error() {
            return Err(error);
        }
        let caveats = verdict.caveats();
        let program = program::Program::new(&graph, writer, reader, copyable::Mode::Fast);
        let identity = copyable::identity(&graph, writer, reader);
        Ok(Self {
            writer: writer.clone(),
            reader: reader.clone(),
            graph,
            program,
            exact: OnceLock::new(),
            identity,
            caveats,
        })
    }

    /// The schema that the data was written with.
    pub fn writer(&self) -> &Schema {
        &self.writer
    }

    /// The schema that it is read as.
    pub fn reader(&self) -> &Schema {
        &self.reader
    }

    /// Whether the writer's bytes are the reader's: then [`Plan::transcode`] can be left out, and a decoder of the
    /// reader's schema finds what is wrong with them by itself.
    pub fn is_identity(&self) -> bool {
        self.identity
    }

    /// The data that the writer's schema allows and this reader would refuse or change, in the order of the writer's
    /// schema.
    pub fn caveats(&self) -> &[Caveat] {
        &self.caveats
    }

    /// Reads one datum of the writer's schema from the start of `input`, appends the same as one of the reader's
    /// schema to `out`, and returns how many bytes of the input it took.
    ///
    /// Nothing is allocated but the room that `out` needs: in proportion to the input, and to the reader's defaults
    /// for each record of it.
    ///
    /// # Errors
    ///
    /// The input is no datum of the writer's schema, or holds something that the reader has no place for. The error
    /// has the offset and the path; `out` is as it was.
    pub fn transcode(&self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, DecodeError> {
        match self.run(&self.program, Text::Checked, input, out) {
            Some(taken) => Ok(taken),
            None => self.transcode_exactly(input, out),
        }
    }

    /// The same for whoever decodes the result at once, and so finds out by himself whether a string is UTF-8: it is not
    /// looked at here, which takes a good part of the time. What is in `buffer` before does not matter; the answer is how many
    /// bytes of `input` were taken, and those that were written, which are in `buffer`. Who uses it again does not clear it.
    ///
    /// Where this is `None`, or the decoder refuses the result, [`transcode`](Self::transcode) has the answer and the
    /// error: this one leaves to it what hardly ever occurs. Where both take an input, they write the same.
    #[inline]
    pub fn transcode_in<'b>(&self, input: &[u8], buffer: &'b mut Vec<u8>) -> Option<(usize, &'b [u8])> {
        let (taken, written) = run::run_in(&self.program, Text::LeftToDecoder, input, buffer)?;
        Some((taken, buffer.get(..written)?))
    }

    fn run(&self, program: &program::Program, text: Text, input: &[u8], out: &mut Vec<u8>) -> Option<usize> {
        let start = out.len();
        let taken = run::run(program, text, input, out);
        if taken.is_none() {
            out.truncate(start);
        }
        taken
    }

    #[cold]
    fn transcode_exactly(&self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, DecodeError> {
        let exact = self.exact.get_or_init(|| {
            program::Program::new(&self.graph, &self.writer, &self.reader, copyable::Mode::Exact)
        });
        match self.run(exact, Text::Checked, input, out) {
            Some(taken) => Ok(taken),
            None => Err(explain::explain(self, input).unwrap_or_else(run::no_way)),
        }
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("identity", &self.is_identity())
            .field("caveats", &self.caveats)
            .finish_non_exhaustive()
    }
}

fn too_large(writer: &Schema, reader: &Schema) -> ResolveError {
    ResolveError {
        path: String::new(),
        mismatch: Box::new(Mismatch::TooLarge {
            what: "levels",
            limit: MAX_NESTING,
        }),
        writer: writer.root_node().place.clone(),
        reader: reader.root_node().place.clone(),
    }
}
