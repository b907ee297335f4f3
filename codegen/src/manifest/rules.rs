//! The rules that a manifest is held to.

/// Every rule's ID, and what breaks it. `tests/invalid/RULE.toml` is an example of each.
pub const RULES: &[(&str, &str)] = &[
    ("toml-syntax", "the manifest is not TOML"),
    ("duplicate-key", "a key is in one table twice"),
    ("unknown-key", "a key that the manifest does not have"),
    ("missing-key", "a key that must be there is not"),
    ("wrong-type", "a value of another type than the key takes"),
    ("empty-value", "an empty text or list"),
    ("duplicate-entry", "a list holds an entry twice"),
    (
        "unknown-value",
        "a word that is not one of those that the key takes",
    ),
    ("number-range", "a number that is too small or too large"),
    (
        "bad-duration",
        "not a duration: a whole number and ms, s, m, h or d",
    ),
    ("field-path", "not a path of field names"),
    ("topic-name", "a name that Kafka takes for no topic"),
    (
        "topic-name-collision",
        "two topics that Kafka's metrics cannot tell apart",
    ),
    ("environment-name", "a name that an environment cannot have"),
    ("variable-syntax", "`${` that starts no variable"),
    (
        "variable-outside-environment",
        "a variable where none is expanded",
    ),
    (
        "unset-variable",
        "a variable of the chosen environment is not set",
    ),
    (
        "unreadable-file",
        "a file that the manifest refers to cannot be read",
    ),
    (
        "secret-in-manifest",
        "a password or token is written into the manifest",
    ),
    ("registry-auth", "credentials that do not go together"),
    (
        "unknown-topic",
        "a group reads a topic that is not in the manifest",
    ),
    (
        "dead-letter",
        "a dead-letter topic that cannot hold what is put there",
    ),
    ("unknown-type", "a topic carries a type that no schema defines"),
    ("value-not-record", "a topic carries something else than a record"),
    ("unknown-field", "a path that leads to no field"),
    ("key-type", "a record key that has no text"),
    ("dedup-type", "a dedup field that has no text"),
    (
        "reorder-type",
        "an order by something that has no text or may be missing",
    ),
    (
        "sequence-type",
        "a sequence that is no whole number or may be missing",
    ),
    ("stamp-type", "a stamp that is no timestamp"),
    ("optional-key", "a record key that may be missing"),
    ("optional-dedup", "a dedup field that may be missing"),
    (
        "unkeyed-stage",
        "dedup or reorder on several partitions without a key",
    ),
    (
        "reorder-without-dedup",
        "reorder without a key that tells repeated frames",
    ),
    ("reorder-by-not-key", "an order across partitions"),
    ("dedup-create-time", "dedup by the producers' clocks"),
];
