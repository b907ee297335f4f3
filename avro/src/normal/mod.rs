//! When a registry calls two schemas the same: Confluent's notions, which are not Avro's canonical form.
//!
//! A registry that is given a schema asks three questions of three texts and trees, and this module has one function
//! for each:
//!
//! - Is it known already, in any subject? The registry hashes [`identity_text`] (Java's `Schema.toString`) together
//!   with the list of references. Documents, aliases, defaults and attributes count, so a new doc is a new version.
//! - If not: is it equal to a version of this subject? The registry compares objects: [`same`]. The order of
//!   attributes, of aliases and of keys does not count.
//! - With `?normalize=true` it is rewritten first: [`normalize`].
//!
//! [`Lookup`] puts them together: "is this registered already" over the versions of a subject. What is registered
//! already gets its old ID, and no compatibility check runs.
//!
//! Confluent Schema Registry, `AvroSchema` and `AvroSchemaUtils`. Metadata and rule sets, which count there too, are not
//! part of a schema's text and not known here. Nothing here asks a registry.

mod same;
mod value;
mod write;

use std::collections::BTreeSet;

pub use same::same;
pub use write::{normalize, normalize_referring};

use crate::parse::{ParseError, ParseMode};
use crate::schema::{Name, Schema};
use crate::source::Source;

/// The text whose hash is a schema's identity in a registry, if it is registered without references: all types are
/// in the text. The same as [`Schema::text`].
pub fn identity_text(schema: &Schema) -> String {
    schema.text()
}

/// The same for a schema that is registered with references: the types of these full names stay names. The registry
/// hashes the list of references (name, subject, version) beside this text.
pub fn identity_text_referring(schema: &Schema, referenced: &BTreeSet<Name>) -> String {
    schema.text_referring(referenced)
}

/// Looks a schema up among the versions of a subject, as a registry does before it registers one.
#[derive(Clone, Debug)]
pub struct Lookup {
    schema: Schema,
    text: String,
}

impl Lookup {
    /// For a schema that is registered as it is.
    pub fn new(schema: &Schema) -> Self {
        Self {
            schema: schema.clone(),
            text: identity_text(schema),
        }
    }

    /// For a schema that is registered with `?normalize=true`. The registry normalises what it is given, and parses
    /// that again; the versions it holds stay as they are.
    ///
    /// # Errors
    /// The normal form is no schema. Names that only [`ParseMode::Lenient`] takes can do that; so can a type without a
    /// namespace inside one that has one, because the normal form moves it into that namespace.
    pub fn normalized(schema: &Schema) -> Result<Self, ParseError> {
        let source = Source::new("<normal form>", normalize(schema));
        Ok(Self::new(&Schema::parse_with(source, ParseMode::Lenient)?))
    }

    /// The text that a registry hashes and keeps.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Position of the version that is this schema already; `None`: it would become a new version.
    ///
    /// `versions_newest_first` are the undeleted versions of the subject: a registry does not find deleted ones. A
    /// version of the very same text goes before a newer one that is merely the same.
    pub fn find(&self, versions_newest_first: &[Schema]) -> Option<usize> {
        let mut found = None;
        for (index, version) in versions_newest_first.iter().enumerate() {
            // Texts are equal without this where a type is defined twice, with two docs: only one is written.
            if identity_text(version) == self.text {
                return Some(index);
            }
            if found.is_none() && same(&self.schema, version) {
                found = Some(index);
            }
        }
        found
    }
}
