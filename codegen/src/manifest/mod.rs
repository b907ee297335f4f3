//! The manifest `fleetops-registry.toml`: what is true of a deployment rather than of the data.
//!
//! Schemas say what an event looks like; the manifest says which topic carries it, what the record key is, how long
//! duplicates are remembered, which groups read, and where the servers are. It is read with the place of every value
//! kept, so that a wrong word gets a caret and not a stack of serde paths.
//!
//! Reading has two steps. [`Manifest::parse`] looks at the text alone: keys, types, numbers, names. [`Manifest::check`]
//! holds the result against itself and against the schemas: topics that groups name, types that topics carry, fields
//! that paths lead to. Both report all they find, not the first.
//!
//! Values of `[env.*]` may hold `${VAR}`. They stay unexpanded here: only [`Environment::resolve`] expands them, and
//! only for the environment that was chosen, so that a developer needs no production variables.
//!
//! Nothing here opens a connection, and only [`Manifest::load`] opens a file.

mod approvals;
mod check;
mod duration;
mod environment;
mod generate;
mod lint;
mod model;
mod names;
mod path;
mod read;
mod redact;
mod rules;
mod stages;
mod table;
mod template;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fleetops_avro::source::{Place, Source, Span};
use fleetops_avro::{Diagnostic, Severity};

pub use fleetops_avro::compat::Level;

pub use duration::{format_duration, parse_duration};
pub use environment::{
    Environment, KafkaSetting, RegistryAuth, ResolvedEnvironment, ResolvedRegistryAuth, ResolvedValue,
    Secret, Setting,
};
pub use generate::{DecimalType, FieldSettings, Generate, TypeSettings};
pub use lint::lint_rules;
pub use model::{
    Approval, Dedup, Defaults, Group, Ignore, Lint, Manifest, Reorder, Schemas, Spanned, SubjectStrategy,
    Topic, TopicSetting,
};
pub use names::nearest;
pub(crate) use path::non_null;
pub use path::{FieldPath, PathError, ResolvedPath, Segment, Step};
pub use rules::RULES;
pub use template::{Part, Template};

/// The name a manifest has where nobody says otherwise.
pub const FILE_NAME: &str = "fleetops-registry.toml";

impl Manifest {
    /// Reads and parses the file at `path`. Schema roots and secret files are relative to its folder.
    ///
    /// # Errors
    /// The file cannot be read or is not UTF-8 (rule `unreadable-file`), or what [`Manifest::parse`] finds.
    pub fn load(path: &Path) -> Result<Self, Vec<Diagnostic>> {
        let source = crate::load::read(path).map_err(|why| {
            let help = format!(
                "name the manifest with --manifest, or start one: {FILE_NAME} with `[schemas]` and `roots = [\"schemas\"]`"
            );
            vec![why.help(help)]
        })?;
        let mut manifest = Self::parse(source)?;
        manifest.folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        Ok(manifest)
    }

    /// Parses a manifest's text. Does no I/O.
    ///
    /// # Errors
    /// Everything that is wrong with the text, in its order; at least one is an error.
    pub fn parse(source: Arc<Source>) -> Result<Self, Vec<Diagnostic>> {
        read::manifest(&source)
    }

    /// The topic of that name.
    pub fn topic(&self, name: &str) -> Option<&Topic> {
        self.topics.iter().find(|t| t.name.value == name)
    }

    /// The environment of that name.
    pub fn environment(&self, name: &str) -> Option<&Environment> {
        self.environments.iter().find(|e| e.name.value == name)
    }

    /// The subject a topic's values are registered under, as Confluent's naming strategies have it: `TOPIC-value`
    /// for `topic-name`, the record's full name for `record-name`, `TOPIC-RECORD` for `topic-record-name`.
    pub fn subject(&self, topic: &Topic) -> String {
        match self.subject_strategy(topic) {
            SubjectStrategy::TopicName => format!("{}-value", topic.name.value),
            SubjectStrategy::RecordName => topic.value.value.clone(),
            SubjectStrategy::TopicRecordName => format!("{}-{}", topic.name.value, topic.value.value),
        }
    }

    /// The naming strategy of a topic: its own, else the default.
    pub fn subject_strategy(&self, topic: &Topic) -> SubjectStrategy {
        topic
            .subject_strategy
            .as_ref()
            .map_or(self.defaults.subject_strategy.value, |s| s.value)
    }

    /// The compatibility level of a topic's subject: its own, else the default.
    pub fn compatibility(&self, topic: &Topic) -> Level {
        topic
            .compatibility
            .as_ref()
            .map_or(self.defaults.compatibility.value, |l| l.value)
    }

    /// The replication factor of a topic in an environment: the topic's own, else the environment's, else the
    /// default.
    pub fn replication_factor(&self, topic: &Topic, environment: Option<&Environment>) -> u16 {
        let own = topic.replication_factor.as_ref();
        own.or_else(|| environment.and_then(|e| e.replication_factor.as_ref()))
            .map_or(self.defaults.replication_factor.value, |n| n.value)
    }

    /// The groups that read a topic, in the order of the manifest.
    pub fn groups_of<'a>(&'a self, topic: &'a Topic) -> impl Iterator<Item = &'a Group> {
        self.groups
            .iter()
            .filter(|g| g.topics.iter().any(|t| t.value == topic.name.value))
    }

    /// A place in the manifest.
    pub fn place(&self, span: Span) -> Place {
        Place::new(&self.source, span)
    }

    /// The schema roots as paths: relative ones start at the manifest's folder.
    pub fn schema_roots(&self) -> Vec<crate::load::Root> {
        let roots = self.schemas.roots.iter();
        roots
            .map(|root| crate::load::Root {
                path: self.resolve_path(&root.value),
                place: Some(self.place(root.span)),
            })
            .collect()
    }

    /// The folder with templates that replace built-in ones, where the manifest names one.
    pub fn templates(&self) -> Option<PathBuf> {
        self.generate
            .templates
            .as_ref()
            .map(|folder| self.resolve_path(folder))
    }

    /// A path of the manifest as seen from the working directory.
    pub fn resolve_path(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    /// Holds the manifest against the schemas: value types exist, paths lead to fields of a fitting type, groups and
    /// dead letters name topics that make sense, stages have what they need.
    ///
    /// Returns what it found in the order of the text, warnings among it; none of severity error means that code
    /// can be generated.
    pub fn check(&self, schemas: &fleetops_avro::SchemaSet) -> Vec<Diagnostic> {
        let mut found = check::references(self);
        found.extend(check::schemas(self, schemas));
        found.extend(stages::check(self, schemas));
        found.extend(generate::check(self, schemas));
        found.sort_by_key(|d| (d.primary.place.span, d.severity));
        found
    }

    /// The part of [`Manifest::check`] that needs no schemas: what topics, groups and dead letters say of each other.
    pub fn check_references(&self) -> Vec<Diagnostic> {
        let mut found = check::references(self);
        found.sort_by_key(|d| d.primary.place.span);
        found
    }
}

/// Whether one of these fails a command.
pub fn has_errors(found: &[Diagnostic]) -> bool {
    found.iter().any(|d| d.severity == Severity::Error)
}

#[cfg(test)]
mod tests;
