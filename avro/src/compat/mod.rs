//! Can a reader read what a writer wrote? Java's `SchemaCompatibility`, which registries ask.
//!
//! [`check`] answers for one pair what Java answers: the same verdict, types, locations, messages, in the same order.
//! That includes Java's habits: names are compared without their namespaces, a reader's alias counts only where Java
//! finds it, and a pair of types met again is reported with the location of its first meeting. [`check_level`] applies
//! the seven levels of a registry over the versions of a subject. [`diagnose`] tells people.
//!
//! Where Java throws, the answer here is *incompatible*, as a registry's is, with a reason of our own. Work and
//! memory are bounded ([`MAX_PAIRS`], [`MAX_WORK`], [`MAX_REPORTED`]); Java's are not.

pub(crate) mod check;
mod diagnose;
mod level;
pub(crate) mod place;
mod report;
pub(crate) mod words;

pub(crate) use check::aliases as aliases_of;
pub use check::{MAX_PAIRS, MAX_REPORTED, MAX_WORK, check};
pub use diagnose::{Old, diagnose};
pub use level::{Direction, Level, ParseLevelError, Violation, check_level};

use std::fmt;

use crate::schema::TypeId;
use crate::source::Place;

/// What is wrong between a reader and a writer: Java's `SchemaIncompatibilityType`, and two of our own for what Java
/// does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum IncompatibilityType {
    /// Two named types of different simple names, and no alias of the reader's that says they are one.
    NameMismatch,
    /// Two fixed of different sizes.
    FixedSizeMismatch,
    /// The writer's enum has symbols that the reader's lacks, and the reader's has no default.
    MissingEnumSymbols,
    /// The reader's record has a field that the writer's lacks, without a default.
    ReaderFieldMissingDefaultValue,
    /// Two types that no promotion joins.
    TypeMismatch,
    /// The reader's union has no branch for what the writer writes.
    MissingUnionBranch,
    /// A field of the reader matches several fields of the writer by name and aliases. Java throws.
    AmbiguousFieldAlias,
    /// More than [`MAX_PAIRS`] comparisons would have to be made. Java would not end.
    TooComplex,
}

impl fmt::Display for IncompatibilityType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NameMismatch => "NAME_MISMATCH",
            Self::FixedSizeMismatch => "FIXED_SIZE_MISMATCH",
            Self::MissingEnumSymbols => "MISSING_ENUM_SYMBOLS",
            Self::ReaderFieldMissingDefaultValue => "READER_FIELD_MISSING_DEFAULT_VALUE",
            Self::TypeMismatch => "TYPE_MISMATCH",
            Self::MissingUnionBranch => "MISSING_UNION_BRANCH",
            Self::AmbiguousFieldAlias => "AMBIGUOUS_FIELD_ALIAS",
            Self::TooComplex => "TOO_COMPLEX",
        })
    }
}

/// One reason why a reader cannot read all that a writer may write.
#[derive(Clone, Debug)]
pub struct Incompatibility {
    /// What is wrong.
    pub kind: IncompatibilityType,
    /// Where in the reader, as a JSON pointer: `/fields/1/type`. Java's, where Java answers.
    pub location: String,
    /// Java's message.
    pub message: String,
    /// The place in the reader's text: the name, the field, the reference to the type.
    pub reader: Place,
    /// The place in the writer's text.
    pub writer: Place,
    pub(crate) detail: Detail,
}

/// What a message to people needs besides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Detail {
    pub(crate) reader: TypeId,
    pub(crate) writer: TypeId,
    /// A field of the reader's record, or a branch of the writer's union.
    pub(crate) index: Option<usize>,
    /// The writer's type is a branch of a union, and the reader's type is none.
    pub(crate) in_writer_union: bool,
    /// The field that the two types are of, or are in.
    pub(crate) field: Option<FieldPair>,
}

/// A field in both records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FieldPair {
    pub(crate) reader_record: TypeId,
    pub(crate) reader: usize,
    /// `None`: the writer's record lacks it, and the reader's enum was compared with the record.
    pub(crate) writer: Option<usize>,
    /// The two types are the field's own, and not those of its items, values or branches.
    pub(crate) direct: bool,
}
