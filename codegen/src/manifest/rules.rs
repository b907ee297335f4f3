//! The rules that a manifest is held to, as data: what `explain RULE` prints and what the tests count.
//!
//! `tests/invalid/RULE.toml` is an example of each. An ID is added or retired, never renamed.

use fleetops_avro::Severity;
use fleetops_avro::rules::Rule;

const fn error(id: &'static str, summary: &'static str, explanation: &'static str) -> Rule {
    Rule {
        id,
        severity: Severity::Error,
        summary,
        explanation,
    }
}

const fn warning(id: &'static str, summary: &'static str, explanation: &'static str) -> Rule {
    Rule {
        severity: Severity::Warning,
        ..error(id, summary, explanation)
    }
}

/// Every rule: first those of the text alone, then those that need the schemas, then those of the stages.
pub static RULES: &[Rule] = &[
    error(
        "toml-syntax",
        "the manifest is not TOML",
        "The manifest is read as TOML 1.0. The caret stands where the text stops being that; what was meant often lies just \
         before it: a quote that is not closed, a table in braces that goes over several lines, a text without quotes.",
    ),
    error(
        "duplicate-key",
        "a key is in one table twice",
        "A table holds each key once, and TOML forbids the second: which of the two was meant cannot be told. Remove one.",
    ),
    error(
        "unknown-key",
        "a key that the manifest does not have",
        "Every key has a meaning, and one that has none is most likely misspelt: it would silently not be applied. The nearest \
         known key is named. Notes to people go into comments.",
    ),
    error(
        "missing-key",
        "a key that must be there is not",
        "A few keys have no sensible default: a topic's `value` and `partitions`, an environment's `bootstrap`, the fields that \
         a stage works by. Add the key.",
    ),
    error(
        "wrong-type",
        "a value of another type than the key takes",
        "Numbers stand without quotes and texts with them. Names of Kafka's settings have dots, which TOML reads as tables in \
         tables: put such a name in quotes, as in \"cleanup.policy\" = \"delete\".",
    ),
    error(
        "empty-value",
        "an empty text or list",
        "A text or list that may be left out is left out, and not empty. Remove the key, or fill it.",
    ),
    error(
        "duplicate-entry",
        "a list holds an entry twice",
        "Lists of topics, fields and paths are sets: a second entry has no effect, and may hide that another was meant.",
    ),
    error(
        "unknown-value",
        "a word that is not one of those that the key takes",
        "Compatibility levels and naming strategies are the registry's own words; levels and rules of lint are listed by \
         `rules`. All words that the key takes are named with the finding.",
    ),
    error(
        "rust-syntax",
        "a text that goes into the code is not what belongs there",
        "What `[generate]` says of derives, attributes and types is put into the code as it stands, so it must be what it \
         stands for and nothing more: a derive is a path such as `Hash` or `::crate_name::Derive`, an attribute is what \
         stands between `#[` and `]`, a type is a type. Code of your own belongs beside the generated code.",
    ),
    error(
        "number-range",
        "a number that is too small or too large",
        "Limits are Kafka's own where it has one (a replication factor fits 16 bits), else those within which the stages keep \
         their promises: a ring is smaller than the jump of 1000 frames that counts as corrupt, a tolerance smaller than the \
         ring.",
    ),
    error(
        "bad-duration",
        "not a duration: a whole number and ms, s, m, h or d",
        "Durations carry their unit, so that nobody has to know which one was meant: \"300ms\", \"60s\", \"7d\". No fractions, no \
         sums, and longer than nothing.",
    ),
    error(
        "field-path",
        "not a path of field names",
        "A path leads from the topic's record to a field through records in between: \"metadata.replay_session_id\". Names have \
         letters, digits and _ only, with one dot between them.",
    ),
    error(
        "topic-name",
        "a name that Kafka takes for no topic",
        "Kafka takes letters, digits, `.`, `_` and `-`, at most 249 of them, and neither `.` nor `..`. The broker would refuse \
         the topic when it is created.",
    ),
    error(
        "topic-name-collision",
        "two topics that Kafka's metrics cannot tell apart",
        "Kafka's metrics write `.` as `_`, so brokers refuse a topic whose name differs from another's only in these. Rename one \
         of the two; dead-letter topics count as well.",
    ),
    error(
        "environment-name",
        "a name that an environment cannot have",
        "An environment's name is the value of --env and the name of a folder of the lock. It has letters, digits, `.`, `_` and \
         `-` only, and does not start with `.` or `-`.",
    ),
    error(
        "variable-syntax",
        "`${` that starts no variable",
        "A variable is `${NAME}`, with letters, digits and _ in the name. There are no defaults and no nesting. The fault is told \
         before anything is connected, because half a variable is a wrong address or password.",
    ),
    error(
        "variable-outside-environment",
        "a variable where none is expanded",
        "Only [env.*] differs between machines, so only there variables are expanded. A topic's settings are the same wherever the \
         manifest is read, and a review sees what they are.",
    ),
    error(
        "unset-variable",
        "a variable of the chosen environment is not set",
        "Variables are expanded for the environment that was chosen with --env, and for no other. Set the variable, choose another \
         environment, or give the value as a flag: --bootstrap, --registry.",
    ),
    error(
        "unreadable-file",
        "a file that the manifest refers to cannot be read",
        "The manifest itself, its schema roots, and the files that secrets are taken from must be there and readable. Relative \
         paths start at the manifest's folder.",
    ),
    error(
        "secret-in-manifest",
        "a password or token is written into the manifest",
        "The manifest is committed, and what was committed is known to everybody who ever reads the repository. Take secrets from \
         the environment, \"${VAR}\", or from a file, { file = \"PATH\" }. One that stood here should be changed. It is not shown \
         in the message.",
    ),
    error(
        "registry-auth",
        "credentials that do not go together",
        "A registry is asked with a user name and a password, or with a bearer token, and not with both. A client certificate needs \
         its key beside it.",
    ),
    error(
        "approval",
        "an approval that cannot be applied",
        "An approval lets one finding pass for one transition: `from` and `to` are the CRC-64-AVRO fingerprints of the two \
         schemas, 16 hexadecimal digits each, as `schema fingerprint` prints them and as `check` tells them with the finding. \
         `expires` is a date, YYYY-MM-DD, the last day on which it holds. `rule` is a rule of compatibility.",
    ),
    error(
        "unknown-topic",
        "a group reads a topic that is not in the manifest",
        "A group's topics are topics of this manifest, or dead-letter topics of it. The nearest name is told.",
    ),
    error(
        "dead-letter",
        "a dead-letter topic that cannot hold what is put there",
        "A dead letter keeps the value and the partition of its record. So a topic is not its own dead-letter topic, and one that \
         several topics share, or that is declared itself, has to have their partitions.",
    ),
    error(
        "unknown-type",
        "a type that no schema defines",
        "`value` of a topic is the full name of a record: its namespace, a dot, its name; so are the names in \
         `[generate.types]`, and in `[generate.fields]` with a dot and the field's name behind. The nearest name that the \
         schemas define is told.",
    ),
    error(
        "type-choice",
        "a type or field cannot be what `[generate]` says of it",
        "`open` is for enums whose schema gives a default: a symbol that the enum does not have can be read, and what is written \
         for it is the default, which is what a reader without the symbol takes for it. `decimal` of a field is for one that \
         holds a decimal and does not keep it raw.",
    ),
    error(
        "value-not-record",
        "a topic carries something else than a record",
        "Keys, stamps, dedup and order are fields, so a topic carries a record. Wrap an enum or a fixed in one.",
    ),
    error(
        "unknown-field",
        "a path that leads to no field",
        "The path does not fit the schema: a record on its way has no field of that name, or what was reached is no record. The \
         nearest field is told, with the record's place.",
    ),
    error(
        "key-type",
        "a record key that has no text",
        "The record key is the text of a field, so that every client computes the same one: string, int, long, UUID or enum. \
         Floating-point numbers have several texts, and bytes and composite types none.",
    ),
    error(
        "dedup-type",
        "a dedup field that has no text",
        "Dedup compares the texts of fields: string, int, long, UUID or enum. Give the event an identifier.",
    ),
    error(
        "reorder-type",
        "an order by something that has no text or may be missing",
        "`by` and `epoch` say which frames form one sequence. They have a text (string, int, long, UUID, enum), and every event \
         has one: a frame without it has no place in the order.",
    ),
    error(
        "sequence-type",
        "a sequence that is no whole number or may be missing",
        "The sequence counts frames one by one, so it is an int or a long without a logical type, and required. A time is no \
         sequence: a gap in it cannot be told from a pause.",
    ),
    error(
        "stamp-type",
        "a stamp that is no timestamp, or has a type of its own",
        "The producer sets the stamp to the time of sending, so the field is a timestamp-millis, -micros or -nanos. A type of your \
         own in its place could refuse that time, and then there would be nothing to send.",
    ),
    warning(
        "optional-key",
        "a record key that may be missing",
        "A record without a key goes to any partition, so its order among the others is lost, and dedup does not see it beside its \
         double. Make the field required if every event has one.",
    ),
    warning(
        "optional-dedup",
        "a dedup field that may be missing",
        "Two records without the field count as the same event if their other dedup fields agree. Make the field required, or choose \
         one that every event has.",
    ),
    error(
        "unkeyed-stage",
        "dedup or reorder on several partitions without a key",
        "Duplicates are told and frames are ordered within a partition. Without a key, records that belong together go to different \
         partitions, and the stage would miss them silently.",
    ),
    error(
        "reorder-without-dedup",
        "reorder without a key that tells repeated frames",
        "A frame number that is there twice is a repeated frame if the events are the same, and a conflict if they are not. Only a \
         dedup key tells which.",
    ),
    warning(
        "reorder-by-not-key",
        "an order across partitions",
        "The record key decides the partition, and order is restored within one. Where `by` is another field, frames of a sequence \
         may go to different partitions, which nothing puts in order again.",
    ),
    warning(
        "dedup-create-time",
        "dedup by the producers' clocks",
        "A record counts as a duplicate within the ttl of the first one, by the records' times. With CreateTime these are the \
         producers' clocks, and records at the edge of the ttl are judged by how far these differ. Set \
         \"message.timestamp.type\" = \"LogAppendTime\", so that the broker's clock counts.",
    ),
];
