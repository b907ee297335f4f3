//! The rules of checks against a registry, of the lock and of topics, besides those of the compatibility check itself.

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
        id,
        severity: Severity::Warning,
        summary,
        explanation,
    }
}

/// Every rule, with what it says and why.
pub const RULES: &[Rule] = &[
    error(
        "schema-removed",
        "a record that a topic carries is gone",
        "Consumers of the topic still read it, and what is in the topic was written with it. Put the file back, or take the \
         topic out of the manifest once nobody uses it any more. Where no topic carries the record it is a warning.",
    ),
    warning(
        "subject-removed",
        "the lock has a subject that nothing in the manifest wants",
        "The registry still holds it, and consumers may still ask for it. `lock update` takes it out of the lock; \
         `subjects delete` takes it out of the registry.",
    ),
    error(
        "unreadable-version",
        "a version that takes part in the check cannot be read",
        "Nothing can be said to go with a schema that cannot be read, so the check does not pass. A version of another \
         schema type, a reference to a deleted subject and a lock that was edited by hand do that.",
    ),
    error(
        "key-type-changed",
        "the field whose text is the record key has another type",
        "A record's partition follows from the text of its key. Another type has other texts for the same thing, so that \
         its records go to another partition than before, and their order across the two is lost. The consumers' \
         duplicates are not found either where the key is part of what tells them. Add a field, or move to a new topic.",
    ),
    error(
        "key-became-optional",
        "the field whose text is the record key may be null now",
        "A record without a key goes to any partition: it is in no order with the others of the same thing, and a \
         compacted topic refuses it. Keep the field required.",
    ),
    error(
        "key-changed",
        "the record key is another field than before",
        "Records of the same thing go to other partitions from then on, so that their order across the change is lost. \
         Make a new topic, or let the old one run empty first.",
    ),
    error(
        "stage-field-removed",
        "a field that dedup or reorder needs is gone",
        "Without it duplicates are not told apart, or frames cannot be put in order. Old data has it and new data would \
         not, so there is no value that would do for both. Put the field back, or give the stage another field first.",
    ),
    error(
        "partitions-lowered",
        "a topic has fewer partitions in the manifest than before",
        "Kafka cannot take partitions away, so the plan would be refused. Put the number back, or make a new topic and \
         move the records.",
    ),
    error(
        "lock-stale",
        "the registry holds something else than the lock says",
        "Somebody registered, deleted or set something since the lock was written. A check against the lock is then a \
         check against the past. Look at what was done, then run `lock update` and commit the change.",
    ),
    error(
        "lock-syntax",
        "a file of the lock is not what a lock holds",
        "It was edited by hand, or a merge left its marks in it. It is never mended by hand: `lock update` writes it anew \
         from the registry.",
    ),
    warning(
        "registry-disagrees",
        "the registry would decide otherwise",
        "The verdict of this program follows Java Avro's check at the level of the manifest and of the registry. Where the \
         registry itself says something else, registering will end as the registry says: its level or its versions are \
         others than they seem, or it runs another compatibility check. An error where the registry would refuse.",
    ),
];
