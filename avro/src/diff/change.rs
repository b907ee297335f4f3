//! A report and its changes, as data.

use std::fmt;

use crate::compat::{IncompatibilityType, Level, Violation};
use crate::source::Place;

/// Changes that one report tells.
pub const MAX_CHANGES: usize = 10_000;

/// What changed between two schemas.
///
/// `Display` is for people; [`Report::to_json`] for programs.
#[derive(Clone, Debug)]
pub struct Report {
    /// In the order of the new text; what was removed stands where it stood.
    pub changes: Vec<Change>,
    /// There are more changes than were told.
    pub truncated: bool,
    /// The strongest level that holds between the two: `FULL`, `BACKWARD`, `FORWARD` or `NONE`. It is
    /// [`compat::check`](crate::compat::check)'s verdict in both directions.
    pub level: Level,
    /// What [`compat::check`](crate::compat::check) found that no change of this report accounts for, as where a schema
    /// cannot read even its own data. Version 0 is the old schema.
    pub unexplained: Vec<Violation>,
}

impl Report {
    /// Whether the schemas say the same.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Which side to upgrade first. Confluent, "Schema Evolution and Compatibility".
    pub fn upgrade_first(&self) -> Upgrade {
        match self.level {
            Level::Full | Level::FullTransitive => Upgrade::Either,
            Level::Backward | Level::BackwardTransitive => Upgrade::Consumers,
            Level::Forward | Level::ForwardTransitive => Upgrade::Producers,
            Level::None => Upgrade::Neither,
        }
    }
}

/// Which side is to have the new schema first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Upgrade {
    /// In any order.
    Either,
    /// Consumers read both; then producers may write the new one.
    Consumers,
    /// Consumers with the old schema read both; they must have read all old data before they get the new one.
    Producers,
    /// No order works: a new topic, or a migration.
    Neither,
}

impl Upgrade {
    /// The word for it in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Either => "either",
            Self::Consumers => "consumers",
            Self::Producers => "producers",
            Self::Neither => "neither",
        }
    }
}

impl fmt::Display for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Either => "upgrade consumers and producers in any order",
            Self::Consumers => {
                "upgrade consumers first: with the new schema they read old data and new; old ones cannot read new data"
            }
            Self::Producers => {
                "upgrade producers first: old consumers read their data; consumers with the new schema cannot read old data"
            }
            Self::Neither => {
                "no order of upgrades works: write to a new topic, or change the schema in steps that are compatible"
            }
        })
    }
}

/// One change.
#[derive(Clone, Debug)]
pub struct Change {
    /// Where, by the names of fields, the new ones where they differ: `telemetry.velocity.x`. Items of an array are `[]`,
    /// values of a map `{}`, a branch of a union that has several besides null `<Name>`. Empty at the root. A type that is
    /// used in several places is told where it comes first.
    pub path: String,
    /// The full name of the record, enum or fixed that has changed, or whose field has; the new name where they differ.
    pub owner: Option<String>,
    /// What kind of change.
    pub kind: ChangeKind,
    /// What changed, in words.
    pub words: String,
    /// What no check sees and somebody should think of.
    pub caution: Option<String>,
    /// Where in the old text; for what is new there, what it was added to.
    pub old: Place,
    /// Where in the new text; for what is gone from there, what it was taken from.
    pub new: Place,
    /// What it does to who reads new data with the old schema.
    pub old_readers: Effect,
    /// What it does to who reads old data with the new schema.
    pub new_readers: Effect,
}

/// What a change does to who reads.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// Nothing.
    Unaffected,
    /// The data is read, in this way.
    Resolved(String),
    /// The data cannot be read, or not all of it.
    Breaks(Break),
    /// Java gives up before it comes to this change, so there is no verdict on it alone; the reason is another one.
    Unjudged,
}

/// What [`compat::check`](crate::compat::check) found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// What it reports: Java's incompatibility type. Of what is inside a union, that is the union's branch.
    pub kind: IncompatibilityType,
    /// Where in the reader's schema it reports it, as a JSON pointer.
    pub location: String,
    /// Its message.
    pub message: String,
    /// What it finds at the change itself; the same as `kind` outside of unions.
    pub cause: IncompatibilityType,
}

/// Kinds of changes. Their texts (`field-added`) are the same in all formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum ChangeKind {
    FieldAdded,
    FieldRemoved,
    /// Another position among the fields that both have.
    FieldMoved,
    /// Another name, and an alias that joins the two.
    FieldRenamed,
    TypeChanged,
    /// To a type that the old one is promoted to: Avro 1.12 specification, "Schema Resolution".
    TypeWidened,
    LogicalTypeChanged,
    DefaultAdded,
    DefaultRemoved,
    DefaultChanged,
    OrderChanged,
    DocChanged,
    AliasAdded,
    AliasRemoved,
    NameChanged,
    NamespaceChanged,
    SymbolAdded,
    SymbolRemoved,
    SymbolMoved,
    /// Added, removed or another one.
    EnumDefaultChanged,
    FixedSizeChanged,
    BranchAdded,
    BranchRemoved,
    BranchMoved,
    AttributeAdded,
    AttributeRemoved,
    AttributeChanged,
}

impl ChangeKind {
    /// The kind in kebab case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FieldAdded => "field-added",
            Self::FieldRemoved => "field-removed",
            Self::FieldMoved => "field-moved",
            Self::FieldRenamed => "field-renamed",
            Self::TypeChanged => "type-changed",
            Self::TypeWidened => "type-widened",
            Self::LogicalTypeChanged => "logical-type-changed",
            Self::DefaultAdded => "default-added",
            Self::DefaultRemoved => "default-removed",
            Self::DefaultChanged => "default-changed",
            Self::OrderChanged => "order-changed",
            Self::DocChanged => "doc-changed",
            Self::AliasAdded => "alias-added",
            Self::AliasRemoved => "alias-removed",
            Self::NameChanged => "name-changed",
            Self::NamespaceChanged => "namespace-changed",
            Self::SymbolAdded => "symbol-added",
            Self::SymbolRemoved => "symbol-removed",
            Self::SymbolMoved => "symbol-moved",
            Self::EnumDefaultChanged => "enum-default-changed",
            Self::FixedSizeChanged => "fixed-size-changed",
            Self::BranchAdded => "branch-added",
            Self::BranchRemoved => "branch-removed",
            Self::BranchMoved => "branch-moved",
            Self::AttributeAdded => "attribute-added",
            Self::AttributeRemoved => "attribute-removed",
            Self::AttributeChanged => "attribute-changed",
        }
    }
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
