//! Why two schemas cannot be resolved, and what of the data could not.

use std::fmt;

use thiserror::Error;

use crate::schema::{Kind, Schema, TypeId};
use crate::source::Place;

/// Two schemas of which no datum could ever be read: what is in the way, where in each of them.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{}{mismatch} (writer's schema: {writer}, reader's schema: {reader})",
    At(path)
)]
pub struct ResolveError {
    /// The path of the field in the data, such as `/telemetry/velocity`; `*` stands for the items of an array and the
    /// values of a map. Empty at the root.
    pub path: String,
    /// What is in the way.
    pub mismatch: Box<Mismatch>,
    /// Where in the writer's schema.
    pub writer: Place,
    /// Where in the reader's schema.
    pub reader: Place,
}

/// Data that the writer's schema allows and that this reader would refuse, or change.
///
/// Compatible schemas have such data as well: an enum symbol that is new, a union branch that the reader has not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caveat {
    /// The path in the data; `*` stands for the items of an array and the values of a map. Empty at the root.
    pub path: String,
    /// What of the data is meant and what happens to it.
    pub mismatch: Mismatch,
    /// Where in the writer's schema.
    pub writer: Place,
    /// Where in the reader's schema.
    pub reader: Place,
}

impl fmt::Display for Caveat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}{} (writer's schema: {}, reader's schema: {})",
            At(&self.path),
            self.mismatch,
            self.writer,
            self.reader
        )
    }
}

/// A place where the writer's schema has something that the reader's has no use for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// Two types, neither the same nor one promoted to the other.
    #[error("the writer's {writer} cannot be read as the reader's {reader}")]
    Types {
        /// The writer's type.
        writer: String,
        /// The reader's.
        reader: String,
    },
    /// Two enums or fixed of different names, and no alias.
    #[error(
        "the writer's {writer} cannot be read as the reader's {reader}: the names differ; an alias in the reader's schema would say that they are the same"
    )]
    Names {
        /// The writer's type.
        writer: String,
        /// The reader's.
        reader: String,
    },
    /// Two fixed of different sizes.
    #[error("the writer's {writer} has {writer_size} byte(s), but the reader's {reader} has {reader_size}")]
    Sizes {
        /// The writer's type.
        writer: String,
        /// Its size.
        writer_size: usize,
        /// The reader's type.
        reader: String,
        /// Its size.
        reader_size: usize,
    },
    /// A field of the reader's record that the writer's has not, without a default.
    #[error(
        "the reader's {record} has the field `{field}`, which the writer's {writer} has not; a default in the reader's schema would fill it"
    )]
    NoDefault {
        /// The reader's record.
        record: String,
        /// Its field.
        field: String,
        /// The writer's record.
        writer: String,
    },
    /// No branch of the reader's union fits.
    #[error("the writer's {writer} fits no branch of the reader's {reader}")]
    NoBranch {
        /// The writer's type.
        writer: String,
        /// The reader's union.
        reader: String,
    },
    /// Symbols that the reader's enum has not; it has no default either.
    #[error(
        "the reader's {reader} has no default and not the symbol(s) {} of the writer's {writer}",
        symbols.join(", ")
    )]
    Symbols {
        /// The symbols.
        symbols: Vec<String>,
        /// The writer's enum.
        writer: String,
        /// The reader's.
        reader: String,
    },
    /// Bytes read as a string: what is not UTF-8 becomes U+FFFD, as in Java.
    #[error("the writer's bytes are read as a string: what is not UTF-8 becomes U+FFFD")]
    LossyText,
    /// A default that cannot be encoded.
    #[error("the default of the field `{field}` of the reader's {record} cannot be used: {reason}")]
    Default {
        /// The record.
        record: String,
        /// Its field.
        field: String,
        /// Why.
        reason: String,
    },
    /// Under the names that the reader's aliases give, a default of the writer's schema does not fit its type: it names
    /// fields that are called otherwise.
    #[error(
        "under the names of the reader's aliases, the default of the field `{field}` of the writer's {record} does not fit its type"
    )]
    WriterDefault {
        /// The record.
        record: String,
        /// Its field.
        field: String,
    },
    /// By aliases of the reader's schema, two fields of the writer's record are the same field.
    #[error("by the reader's aliases, two fields of the writer's {record} are its field `{field}`")]
    SameField {
        /// The writer's record.
        record: String,
        /// The name that both get.
        field: String,
    },
    /// By aliases of the reader's schema, two branches of the writer's union are the same type.
    #[error("by the reader's aliases, two branches of the writer's union are {branch}")]
    SameBranch {
        /// The name that both get.
        branch: String,
    },
    /// Schemas nested or large beyond reason.
    #[error("the schemas are too large or too deeply nested to be resolved: more than {limit} {what}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
}

/// A path in front of a message: nothing for the root.
pub(super) struct At<'a>(pub(super) &'a str);

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            Ok(())
        } else {
            write!(f, "{}: ", self.0)
        }
    }
}

/// What messages call a type: `int`, `record a.b.C`, `union [null, string]`.
pub(crate) fn describe(schema: &Schema, id: TypeId) -> String {
    let node = schema.node(id);
    match &node.kind {
        Kind::Record(record) => format!("record {}", record.name),
        Kind::Enum(symbols) => format!("enum {}", symbols.name),
        Kind::Fixed(fixed) => format!("fixed {}", fixed.name),
        Kind::Array(_) => "array".to_owned(),
        Kind::Map(_) => "map".to_owned(),
        Kind::Union(branches) => {
            // A union can be wide: the first few say which one it is.
            let mut names: Vec<_> = branches
                .iter()
                .take(8)
                .map(|branch| branch_name(schema, *branch))
                .collect();
            if branches.len() > names.len() {
                names.push("...".to_owned());
            }
            format!("union [{}]", names.join(", "))
        }
        Kind::Null => "null".to_owned(),
        Kind::Boolean => "boolean".to_owned(),
        Kind::Int => "int".to_owned(),
        Kind::Long => "long".to_owned(),
        Kind::Float => "float".to_owned(),
        Kind::Double => "double".to_owned(),
        Kind::Bytes => "bytes".to_owned(),
        Kind::String => "string".to_owned(),
    }
}

/// The label of a union branch in Avro's JSON encoding: the full name, or that of the primitive or container.
pub(crate) fn branch_name(schema: &Schema, id: TypeId) -> String {
    match schema.node(id).name() {
        Some(name) => name.to_string(),
        None => match &schema.node(id).kind {
            Kind::Union(_) => "union".to_owned(),
            _ => describe(schema, id),
        },
    }
}
