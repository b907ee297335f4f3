//! What a manifest says, with the place of every value.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use fleetops_avro::source::{Source, Span};

use super::{Environment, FieldPath, Level};

/// A value and where it stands in the manifest.
///
/// A value that the manifest leaves to its default has an empty span at the start of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands; a string's quotes are part of it.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// A value at a place.
    pub const fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }

    /// A default, which stands nowhere.
    pub(crate) fn built_in(value: T) -> Self {
        Self::new(value, Span::default())
    }
}

impl<T> std::ops::Deref for Spanned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Display> fmt::Display for Spanned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// A manifest.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The text it was read from.
    pub source: Arc<Source>,
    /// The folder that relative paths start at; empty for the working directory.
    pub folder: PathBuf,
    /// `[schemas]`
    pub schemas: Schemas,
    /// `[defaults]`
    pub defaults: Defaults,
    /// `[generate]`
    pub generate: super::Generate,
    /// `[topics.*]`, in the order of the text.
    pub topics: Vec<Topic>,
    /// `[groups.*]`, in the order of the text.
    pub groups: Vec<Group>,
    /// `[env.*]`, in the order of the text.
    pub environments: Vec<Environment>,
    /// `[[approvals]]`, in the order of the text.
    pub approvals: Vec<Approval>,
    /// `[lint]`
    pub lint: Lint,
}

/// `[schemas]`: where the `.avsc` files are.
#[derive(Clone, Debug)]
pub struct Schemas {
    /// Files, and folders that are searched for `*.avsc`. Default: `schemas`.
    pub roots: Vec<Spanned<String>>,
}

/// `[defaults]`: what holds for a topic that does not say otherwise.
#[derive(Clone, Debug)]
pub struct Defaults {
    /// Default: `BACKWARD`, as in Confluent's registry.
    pub compatibility: Spanned<Level>,
    /// Default: `topic-name`, as in Confluent's serializers.
    pub subject_strategy: Spanned<SubjectStrategy>,
    /// Default: 1.
    pub replication_factor: Spanned<u16>,
}

/// How a subject gets its name. Confluent, "Subject name strategy".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SubjectStrategy {
    /// `TOPIC-value`
    #[default]
    TopicName,
    /// `NAMESPACE.RECORD`
    RecordName,
    /// `TOPIC-NAMESPACE.RECORD`
    TopicRecordName,
}

impl SubjectStrategy {
    /// All, by the name the manifest calls them.
    pub const ALL: [(&'static str, Self); 3] = [
        ("topic-name", Self::TopicName),
        ("record-name", Self::RecordName),
        ("topic-record-name", Self::TopicRecordName),
    ];
}

/// `[topics.NAME]`
#[derive(Clone, Debug)]
pub struct Topic {
    /// The topic's name: the key of its table.
    pub name: Spanned<String>,
    /// What it is for, in a sentence.
    pub purpose: Option<Spanned<String>>,
    /// Full name of the record it carries.
    pub value: Spanned<String>,
    /// The field whose text is the record key. Without one, records are spread over the partitions.
    pub key: Option<FieldPath>,
    /// At least 1.
    pub partitions: Spanned<u32>,
    /// At least 1; see [`Manifest::replication_factor`].
    pub replication_factor: Option<Spanned<u16>>,
    /// See [`Manifest::compatibility`].
    pub compatibility: Option<Spanned<Level>>,
    /// See [`Manifest::subject_strategy`].
    pub subject_strategy: Option<Spanned<SubjectStrategy>>,
    /// The field that the producer sets to the time of sending.
    pub stamp: Option<FieldPath>,
    /// The topic for records that cannot be handled.
    pub dead_letter: Option<Spanned<String>>,
    /// Kafka's topic settings, by name.
    pub config: BTreeMap<String, TopicSetting>,
    /// How duplicates are told.
    pub dedup: Option<Dedup>,
    /// How records are put in order.
    pub reorder: Option<Reorder>,
}

impl Topic {
    /// The value of a topic setting.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.config.get(name).map(|s| s.value.value.as_str())
    }
}

/// One of Kafka's topic settings, such as `retention.ms`.
#[derive(Clone, Debug)]
pub struct TopicSetting {
    /// Where the name stands.
    pub name_span: Span,
    /// Its text.
    pub value: Spanned<String>,
}

/// `dedup = { key = [..], ttl = ".." }`
#[derive(Clone, Debug)]
pub struct Dedup {
    /// The fields that together name an event. Never empty.
    pub key: Vec<FieldPath>,
    /// How long an event is remembered. Default: 60 s.
    pub ttl: Spanned<Duration>,
    /// The whole value.
    pub span: Span,
}

/// `reorder = { by = "..", epoch = "..", sequence = "..", ring = .., tolerance = .., hold = ".." }`
#[derive(Clone, Debug)]
pub struct Reorder {
    /// Records with the same value here form one sequence.
    pub by: FieldPath,
    /// Where it changes, the sequence starts anew. Without one a sequence never does.
    pub epoch: Option<FieldPath>,
    /// The position in the sequence.
    pub sequence: FieldPath,
    /// How many frames back a repeated one is still told from a late one. Default: 10.
    pub ring: Spanned<u32>,
    /// How many frames one may be overtaken by. Less than the ring. Default: 2.
    pub tolerance: Spanned<u32>,
    /// How long a frame waits for the ones before it. Default: 300 ms.
    pub hold: Spanned<Duration>,
    /// The whole value.
    pub span: Span,
}

/// `[groups.NAME]`: a consumer group.
#[derive(Clone, Debug)]
pub struct Group {
    /// The group's ID: the key of its table.
    pub name: Spanned<String>,
    /// What it is for, in a sentence.
    pub purpose: Option<Spanned<String>>,
    /// The topics it reads. Never empty.
    pub topics: Vec<Spanned<String>>,
}

/// `[[approvals]]`: a break that was made on purpose. It lets one finding pass, for one transition, until a day.
#[derive(Clone, Debug)]
pub struct Approval {
    /// The rule of the finding, one of compatibility.
    pub rule: Spanned<String>,
    /// Where in the schema, as a registry has it: `/fields/2/type`.
    pub path: Spanned<String>,
    /// CRC-64-AVRO fingerprint of the parsing canonical form of the schema before.
    pub from: Spanned<u64>,
    /// The same of the schema after.
    pub to: Spanned<u64>,
    /// Why, for whoever reads the manifest.
    pub reason: Spanned<String>,
    /// The last day on which it holds, `YYYY-MM-DD`: texts of this form compare as the days do.
    pub expires: Spanned<String>,
    /// The table's header.
    pub span: Span,
}

/// `[lint]`
#[derive(Clone, Debug, Default)]
pub struct Lint {
    /// `[lint.rules]`: the levels that are not the default ones, in the order of the text.
    pub rules: Vec<(Spanned<String>, Spanned<fleetops_avro::lint::Level>)>,
    /// `[[lint.ignore]]`, in the order of the text.
    pub ignores: Vec<Ignore>,
}

/// `[[lint.ignore]]`: findings that are not told, and why.
#[derive(Clone, Debug)]
pub struct Ignore {
    /// The rules. Never empty.
    pub rules: Vec<Spanned<String>>,
    /// Pattern of the file's path from the manifest's folder, with `*` and `?`.
    pub path: Option<Spanned<String>>,
    /// Pattern of the full name: of a type, and of a field or symbol behind a dot. One of the two is there.
    pub name: Option<Spanned<String>>,
    /// Why, for whoever reads the manifest.
    pub reason: Spanned<String>,
    /// The table's header.
    pub span: Span,
}
