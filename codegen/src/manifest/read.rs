//! From TOML to a [`Manifest`]: which tables and keys there are, and what each may hold.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use fleetops_avro::Diagnostic;
use fleetops_avro::source::{Source, Span};

use super::environment::is_secret;
use super::names::{environment_name_fault, topic_name_fault};
use super::table::{Report, Table, span};
use super::{
    Dedup, Defaults, Environment, Group, KafkaSetting, Level, Manifest, RegistryAuth, Reorder, Schemas,
    Setting, Spanned, SubjectStrategy, Topic, TopicSetting, redact,
};
use super::{approvals, lint};

/// The longest ring: rule 3 of the reorder stage takes a frame 1,000 ahead for a corrupt one, so a window must be
/// smaller than that.
const RING_MAX: u32 = 1_000;

/// Kafka has no limit on partitions; a controller's practical one is far below this.
const PARTITIONS_MAX: u32 = 1_000_000;

pub(super) fn manifest(source: &Arc<Source>) -> Result<Manifest, Vec<Diagnostic>> {
    let document = toml_edit::Document::parse(source.text()).map_err(|e| {
        let mut found = vec![syntax(source, &e)];
        redact::redact(source, &mut found);
        found
    })?;
    let mut report = Report::new(source);
    let root = Table::root(document.as_table());
    root.only(
        &mut report,
        &[
            "schemas",
            "defaults",
            "generate",
            "topics",
            "groups",
            "env",
            "approvals",
            "lint",
        ],
    );
    let manifest = Manifest {
        source: Arc::clone(source),
        folder: PathBuf::new(),
        schemas: schemas(&root, &mut report),
        defaults: defaults(&root, &mut report),
        generate: super::generate::read(&root, &mut report),
        topics: each(&root, &mut report, "topics", topic),
        groups: each(&root, &mut report, "groups", group),
        environments: each(&root, &mut report, "env", environment),
        approvals: approvals::read(&root, &mut report),
        lint: lint::read(&root, &mut report),
    };
    let mut found = report.found;
    if found.is_empty() {
        return Ok(manifest);
    }
    found.sort_by_key(|d| d.primary.place.span);
    redact::redact(source, &mut found);
    Err(found)
}

/// What the TOML parser said. It knows one kind of fault that deserves a name of its own: a key that is there twice.
fn syntax(source: &Arc<Source>, error: &toml_edit::TomlError) -> Diagnostic {
    let at = span(error.span()).unwrap_or_default();
    let place = fleetops_avro::source::Place::new(source, at);
    let said = error.message().lines().collect::<Vec<_>>().join(", ");
    if said.contains("duplicate key") {
        let key = source.slice(at);
        let message = format!("`{key}` is there twice in one table");
        return Diagnostic::error("duplicate-key", place, message, "again").help("remove one of the two");
    }
    Diagnostic::error("toml-syntax", place, "the manifest is not valid TOML", said)
}

/// Reads every sub-table of a table.
pub(super) fn each<T>(
    root: &Table<'_>,
    report: &mut Report<'_>,
    key: &str,
    read: fn(&Table<'_>, Spanned<String>, &mut Report<'_>) -> Option<T>,
) -> Vec<T> {
    let Some(table) = root.table(report, key) else {
        return Vec::new();
    };
    let names = table.keys();
    names
        .into_iter()
        .filter_map(|name| {
            let entry = table.table(report, &name.value)?;
            read(&entry, name, report)
        })
        .collect()
}

fn schemas(root: &Table<'_>, report: &mut Report<'_>) -> Schemas {
    let default = || vec![Spanned::built_in("schemas".to_owned())];
    let roots = root.table(report, "schemas").and_then(|table| {
        table.only(report, &["roots"]);
        table.strings(report, "roots")
    });
    Schemas {
        roots: roots.unwrap_or_else(default),
    }
}

fn defaults(root: &Table<'_>, report: &mut Report<'_>) -> Defaults {
    let mut defaults = Defaults {
        compatibility: Spanned::built_in(Level::Backward),
        subject_strategy: Spanned::built_in(SubjectStrategy::default()),
        replication_factor: Spanned::built_in(1),
    };
    if let Some(table) = root.table(report, "defaults") {
        table.only(
            report,
            &["compatibility", "subject-strategy", "replication-factor"],
        );
        if let Some(level) = level(&table, report) {
            defaults.compatibility = level;
        }
        if let Some(strategy) = strategy(&table, report) {
            defaults.subject_strategy = strategy;
        }
        if let Some(factor) = table.replication_factor(report) {
            defaults.replication_factor = factor;
        }
    }
    defaults
}

fn level(table: &Table<'_>, report: &mut Report<'_>) -> Option<Spanned<Level>> {
    let levels = Level::ALL.map(|level| (level.as_str(), level));
    table.choice(report, "compatibility", "compatibility level", &levels)
}

fn strategy(table: &Table<'_>, report: &mut Report<'_>) -> Option<Spanned<SubjectStrategy>> {
    table.choice(
        report,
        "subject-strategy",
        "subject naming strategy",
        &SubjectStrategy::ALL,
    )
}

fn topic(table: &Table<'_>, name: Spanned<String>, report: &mut Report<'_>) -> Option<Topic> {
    table.only(
        report,
        &[
            "purpose",
            "value",
            "key",
            "partitions",
            "replication-factor",
            "compatibility",
            "subject-strategy",
            "stamp",
            "dead-letter",
            "config",
            "dedup",
            "reorder",
        ],
    );
    check_topic_name(report, &name);
    table.missing(report, "value", "\"NAMESPACE.RECORD\"");
    table.missing(report, "partitions", "6");
    let dead_letter = table.string(report, "dead-letter");
    if let Some(name) = &dead_letter {
        check_topic_name(report, name);
    }
    let purpose = table.text(report, "purpose");
    let value = table.text(report, "value");
    let key = table.field(report, "key");
    let partitions = table.number(report, "partitions", 1, PARTITIONS_MAX);
    let replication_factor = table.replication_factor(report);
    let compatibility = level(table, report);
    let subject_strategy = strategy(table, report);
    let stamp = table.field(report, "stamp");
    let config = config(table, report);
    let dedup = table.table(report, "dedup").and_then(|t| dedup(&t, report));
    let reorder = table.table(report, "reorder").and_then(|t| reorder(&t, report));
    Some(Topic {
        name,
        purpose,
        value: value?,
        key,
        partitions: partitions?,
        replication_factor,
        compatibility,
        subject_strategy,
        stamp,
        dead_letter,
        config,
        dedup,
        reorder,
    })
}

fn check_topic_name(report: &mut Report<'_>, name: &Spanned<String>) {
    if let Some(fault) = topic_name_fault(&name.value) {
        let message = format!("Kafka takes no topic of the name {:?}", name.value);
        report.error("topic-name", name.span, message, fault);
    }
}

fn config(topic: &Table<'_>, report: &mut Report<'_>) -> BTreeMap<String, TopicSetting> {
    let mut config = BTreeMap::new();
    let Some(table) = topic.table(report, "config") else {
        return config;
    };
    for name in table.keys() {
        if table.is_table(&name.value) {
            table.dotted(report, &name.value, name.span);
            continue;
        }
        let Some(value) = table.string(report, &name.value) else {
            continue;
        };
        if let Some(start) = value.find("${") {
            let place = report.inside(&value, start..value.len());
            let message = format!("`{}` holds a variable", table.path(&name.value));
            report
                .error(
                    "variable-outside-environment",
                    place,
                    message,
                    "not expanded here",
                )
                .help = Some("variables are expanded in [env.*] only: write the value itself".to_owned());
            continue;
        }
        let setting = TopicSetting {
            name_span: name.span,
            value,
        };
        config.insert(name.value, setting);
    }
    config
}

fn dedup(table: &Table<'_>, report: &mut Report<'_>) -> Option<Dedup> {
    table.only(report, &["key", "ttl"]);
    table.missing(report, "key", "[\"FIELD\"]");
    let key = table.fields(report, "key");
    let ttl = table.duration(report, "ttl");
    Some(Dedup {
        key: key?,
        ttl: ttl.unwrap_or(Spanned::built_in(Duration::from_secs(60))),
        span: table.span,
    })
}

fn reorder(table: &Table<'_>, report: &mut Report<'_>) -> Option<Reorder> {
    table.only(report, &["by", "epoch", "sequence", "ring", "tolerance", "hold"]);
    table.missing(report, "by", "\"FIELD\"");
    table.missing(report, "sequence", "\"FIELD\"");
    let by = table.field(report, "by");
    let epoch = table.field(report, "epoch");
    let sequence = table.field(report, "sequence");
    let ring = table
        .number(report, "ring", 1, RING_MAX)
        .unwrap_or(Spanned::built_in(10));
    // A frame that waits must fit into the ring, so the ring's size bounds what is tolerated.
    let tolerance = table.number(report, "tolerance", 0, ring.value - 1);
    let hold = table.duration(report, "hold");
    let default_tolerance = 2.min(ring.value - 1);
    Some(Reorder {
        by: by?,
        epoch,
        sequence: sequence?,
        ring,
        tolerance: tolerance.unwrap_or(Spanned::built_in(default_tolerance)),
        hold: hold.unwrap_or(Spanned::built_in(Duration::from_millis(300))),
        span: table.span,
    })
}

fn group(table: &Table<'_>, name: Spanned<String>, report: &mut Report<'_>) -> Option<Group> {
    table.only(report, &["purpose", "topics"]);
    table.missing(report, "topics", "[\"TOPIC\"]");
    if name.trim().is_empty() {
        report.error("empty-value", name.span, "a group has no name", "empty");
    }
    let purpose = table.text(report, "purpose");
    let topics = table.strings(report, "topics")?;
    Some(Group {
        name,
        purpose,
        topics,
    })
}

fn environment(table: &Table<'_>, name: Spanned<String>, report: &mut Report<'_>) -> Option<Environment> {
    table.only(
        report,
        &[
            "bootstrap",
            "cluster-id",
            "registry",
            "replication-factor",
            "kafka",
            "registry-auth",
        ],
    );
    if let Some(fault) = environment_name_fault(&name.value) {
        let message = format!("{:?} cannot be the name of an environment", name.value);
        report.error("environment-name", name.span, message, fault);
    }
    table.missing(report, "bootstrap", "\"HOST:9092\"");
    let bootstrap = table.setting(report, "bootstrap");
    let cluster_id = table.setting(report, "cluster-id");
    let registry = table.setting(report, "registry");
    let replication_factor = table.replication_factor(report);
    let kafka = kafka(table, report);
    let registry_auth = table
        .table(report, "registry-auth")
        .map(|t| registry_auth(&t, report));
    Some(Environment {
        name,
        bootstrap: bootstrap?,
        cluster_id,
        registry,
        replication_factor,
        kafka,
        registry_auth,
    })
}

fn kafka(environment: &Table<'_>, report: &mut Report<'_>) -> BTreeMap<String, KafkaSetting> {
    let mut settings = BTreeMap::new();
    let Some(table) = environment.table(report, "kafka") else {
        return settings;
    };
    for name in table.keys() {
        let value = match is_secret(&name.value) {
            true => secret(&table, report, &name.value),
            false => table.setting(report, &name.value),
        };
        if let Some(value) = value {
            let setting = KafkaSetting {
                name_span: name.span,
                value,
            };
            settings.insert(name.value, setting);
        }
    }
    settings
}

/// A setting that must not be written out in the manifest.
fn secret(table: &Table<'_>, report: &mut Report<'_>, key: &str) -> Option<Spanned<Setting>> {
    let setting = table.setting(report, key)?;
    if let Setting::Text(text) = &setting.value
        && !text.has_variables()
    {
        let message = format!("`{}` is a secret and stands in the manifest", table.path(key));
        report
            .error("secret-in-manifest", setting.span, message, "written out here")
            .help = Some("take it from the environment, \"${VAR}\", or from a file, { file = \"PATH\" }; and change it, for it was written down".to_owned());
        return None;
    }
    Some(setting)
}

fn registry_auth(table: &Table<'_>, report: &mut Report<'_>) -> RegistryAuth {
    table.only(
        report,
        &[
            "username",
            "password",
            "bearer",
            "ca-file",
            "cert-file",
            "key-file",
        ],
    );
    for (key, other) in [
        ("username", "password"),
        ("password", "username"),
        ("cert-file", "key-file"),
        ("key-file", "cert-file"),
    ] {
        if table.has(key) && !table.has(other) {
            pair(table, report, key, format!("`{key}` needs `{other}` beside it"));
        }
    }
    if table.has("bearer") && (table.has("username") || table.has("password")) {
        pair(
            table,
            report,
            "bearer",
            "a registry takes either a bearer token or a user name and a password".to_owned(),
        );
    }
    RegistryAuth {
        username: table.setting(report, "username"),
        password: secret(table, report, "password"),
        bearer: secret(table, report, "bearer"),
        ca_file: table.setting(report, "ca-file"),
        cert_file: table.setting(report, "cert-file"),
        key_file: table.setting(report, "key-file"),
    }
}

fn pair(table: &Table<'_>, report: &mut Report<'_>, key: &str, message: String) {
    let keys = table.keys();
    let at: Span = keys
        .iter()
        .find(|k| k.value == key)
        .map_or(table.span, |k| k.span);
    report.error("registry-auth", at, message, "");
}
