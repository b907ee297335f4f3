//! An example of each rule's finding, as the tests hold it: what `explain` shows.

use super::Group;

macro_rules! examples {
    ($($group:expr, $folder:literal: $($id:literal),* $(,)?);* $(;)?) => {
        &[$($(($group, $id, include_str!(concat!("../../../", $folder, "/", $id, ".stderr")))),*),*]
    };
}

/// Group, rule, and the findings of a file that breaks it.
static EXAMPLES: &[(Group, &str, &str)] = examples! {
    Group::Parse, "avro/tests/invalid":
        "not-utf-8",
        "invalid-json",
        "text-after-schema",
        "too-deep",
        "too-large",
        "not-a-schema",
        "missing-type",
        "type-not-a-name",
        "unknown-type-word",
        "unknown-type",
        "missing-items",
        "missing-values",
        "nested-union",
        "duplicate-branch",
        "attribute-too-big",
        "missing-name",
        "invalid-name",
        "invalid-namespace",
        "reserved-name",
        "invalid-alias",
        "invalid-aliases",
        "duplicate-type",
        "missing-fields",
        "field-not-an-object",
        "missing-field-name",
        "missing-field-type",
        "invalid-field-name",
        "duplicate-field",
        "invalid-order",
        "invalid-default",
        "default-before-type",
        "recursive-default",
        "missing-symbols",
        "invalid-symbol",
        "duplicate-symbol",
        "invalid-enum-default",
        "invalid-size",
        "duplicate-key",
        "attribute-ignored",
        "logical-type-ignored",
        "unknown-logical-type",
        "logical-type-misplaced";
    Group::Compatibility, "avro/tests/invalid":
        "field-added-without-default",
        "field-removed-without-default",
        "type-changed",
        "name-changed",
        "enum-symbol-removed",
        "enum-symbol-added",
        "fixed-size-changed",
        "union-branch-removed",
        "union-branch-added",
        "type-not-in-union",
        "alias-ambiguous",
        "too-complex";
    Group::Lint, "avro/tests/invalid/lint":
        "missing-doc",
        "doc-whitespace",
        "type-name",
        "field-name",
        "symbol-name",
        "missing-namespace",
        "redundant-namespace",
        "redundant-type-object",
        "redundant-alias",
        "enum-without-default",
        "field-without-default",
        "nullable-without-default",
        "null-not-first",
        "single-branch-union",
        "ambiguous-union",
        "float-for-money",
        "missing-unit",
        "time-without-logical-type",
        "reserved-word";
    Group::Manifest, "codegen/tests/invalid":
        "toml-syntax",
        "duplicate-key",
        "unknown-key",
        "missing-key",
        "wrong-type",
        "empty-value",
        "duplicate-entry",
        "unknown-value",
        "number-range",
        "bad-duration",
        "field-path",
        "topic-name",
        "topic-name-collision",
        "environment-name",
        "variable-syntax",
        "variable-outside-environment",
        "unset-variable",
        "unreadable-file",
        "secret-in-manifest",
        "registry-auth",
        "approval",
        "unknown-topic",
        "dead-letter",
        "unknown-type",
        "value-not-record",
        "unknown-field",
        "key-type",
        "dedup-type",
        "reorder-type",
        "sequence-type",
        "stamp-type",
        "optional-key",
        "optional-dedup",
        "unkeyed-stage",
        "reorder-without-dedup",
        "reorder-by-not-key",
        "dedup-create-time",
        "rust-syntax",
        "type-choice";
    Group::Generate, "codegen/tests/invalid/generate":
        "validation-misfit",
        "validation-value",
        "validation-pattern",
        "validation-contradiction",
        "default-kept-raw",
        "default-misfit",
        "uninhabited-type",
        "type-too-deep",
        "too-much-code",
        "unknown-template",
        "template-version",
        "template-syntax",
        "template-render",
        "template-output",
        "template-item";
};

/// Those that are kept by other names.
#[rustfmt::skip]
static ELSEWHERE: &[(Group, &str, &str)] = &[
    (Group::Check, "schema-removed", include_str!("../../../tests/cli/expect/removed-schema.stderr")),
    (Group::Check, "subject-removed", include_str!("../../../tests/cli/expect/rules/subject-removed.stderr")),
    (Group::Check, "unreadable-version", include_str!("../../../tests/cli/expect/rules/unreadable-version.stderr")),
    (Group::Check, "key-type-changed", include_str!("../../../tests/cli/expect/rules/key-type-changed.stderr")),
    (Group::Check, "key-became-optional", include_str!("../../../tests/cli/expect/key-became-optional.stderr")),
    (Group::Check, "key-changed", include_str!("../../../tests/cli/expect/partitions-lowered.stderr")),
    (Group::Check, "stage-field-removed", include_str!("../../../tests/cli/expect/stage-field-removed.stderr")),
    (Group::Check, "partitions-lowered", include_str!("../../../tests/cli/expect/partitions-lowered.stderr")),
    (Group::Check, "lock-stale", include_str!("../../../tests/cli/expect/rules/lock-stale.stderr")),
    (Group::Check, "lock-syntax", include_str!("../../../tests/cli/expect/rules/lock-syntax.stderr")),
    (Group::Check, "registry-disagrees", include_str!("../../../tests/cli/expect/rules/registry-disagrees.stderr")),
    (Group::Check, "approval-unused", include_str!("../../../tests/cli/expect/approval-unused.stderr")),
    (Group::Check, "approval-expired", include_str!("../../../tests/cli/expect/approval-expired.stderr")),
    (Group::Check, "lint-ignore-unused", include_str!("../../../tests/cli/expect/rules/lint-ignore-unused.stderr")),
    (Group::Check, "unformatted", include_str!("../../../tests/cli/expect/rules/unformatted.stderr")),
    (Group::Check, "stale-output", include_str!("../../../tests/cli/expect/docs-stale.stderr")),
    (Group::Generate, "example-misfit", include_str!("../../../tests/cli/expect/docs-example.stderr")),
    (Group::Generate, "no-schemas", include_str!("../../../tests/cli/expect/empty-folder.stderr")),
];

/// What a finding of that rule looks like.
pub(crate) fn example(group: Group, id: &str) -> Option<&'static str> {
    let all = EXAMPLES.iter().chain(ELSEWHERE);
    let (_, _, text) = all.into_iter().find(|(g, i, _)| *g == group && *i == id)?;
    // A file may hold several findings; the rule's own is wanted.
    let heads = ["error", "warning"].map(|word| format!("{word}[{id}]:"));
    let finding = text
        .split("\n\n")
        .find(|block| heads.iter().any(|head| block.starts_with(head.as_str())))?;
    Some(finding.trim_end())
}
