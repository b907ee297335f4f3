//! The rules of compatibility: named after the change in the new schema.

use crate::rules::{Rule, error};

pub(super) const RULES: &[Rule] = &[
    error(
        "field-added-without-default",
        "a new field has no default",
        "A reader with the new schema finds nothing for the field in data written before, and has no default to put \
         there. Give the field a default; if it is an old field under a new name, give it the old name as an alias. \
         Breaks BACKWARD and FULL.",
    ),
    error(
        "field-removed-without-default",
        "a field was removed that old readers have no default for",
        "A reader with the old schema expects the field, and has no default where the data lacks it. Put it back. To \
         remove a field for good, give it a default first, wait until every reader has that version, then remove it. \
         Breaks FORWARD and FULL.",
    ),
    error(
        "type-changed",
        "a type changed to one that is not read as the other",
        "A reader takes data of another type only by promotion: int to long, float or double; long to float or double; \
         float to double; string and bytes to each other. Any other change, or a promotion in the wrong direction, \
         breaks. Keep the type, and add a field with a default for the new one.",
    ),
    error(
        "name-changed",
        "a record, enum or fixed was renamed",
        "Named types are matched by their names, without namespaces. A reader with the new schema finds the old type \
         by an alias, written as its full name. A reader with the old schema knows nothing of the new one's aliases: \
         where it must read new data, keep the name.",
    ),
    error(
        "enum-symbol-removed",
        "a symbol was removed from an enum without a default",
        "Data written before may hold the symbol. Put it back, or give the enum a default: the symbol that a reader \
         takes for one it does not know. Breaks BACKWARD and FULL.",
    ),
    error(
        "enum-symbol-added",
        "a symbol was added that old readers do not know",
        "A reader with the old schema fails at a symbol it does not know, unless its enum has a default. Give the enum a \
         default first, and add symbols once every reader has that version. Breaks FORWARD and FULL.",
    ),
    error(
        "fixed-size-changed",
        "the size of a fixed changed",
        "A fixed is read as so many bytes; another size is another type. Keep it, and add a field with a fixed of \
         another name.",
    ),
    error(
        "union-branch-removed",
        "a type is no longer taken where data may hold it",
        "Data written before may hold any branch of the old union. A reader with the new schema must take each. Put the \
         branch back. Making a nullable field required is this change. Breaks BACKWARD and FULL.",
    ),
    error(
        "union-branch-added",
        "a type is written that old readers do not take",
        "Data written from now on may hold the new branch, and a reader with the old schema has no place for it. Making \
         a required field nullable is this change. Upgrade readers first, at level BACKWARD. Breaks FORWARD and FULL.",
    ),
    error(
        "type-not-in-union",
        "one side has a union that lacks the other's type",
        "A reader's union takes data of a plain type if one of its branches does. Add the type to the union.",
    ),
    error(
        "alias-ambiguous",
        "a field stands for several fields of the other schema",
        "A reader's field matches a writer's field by its name and its aliases. Where two of these are in the writer's \
         record, Java Avro throws, and a registry answers incompatible. An alias that equals the field's own name has \
         the same effect. Keep only the alias of the field that was renamed.",
    ),
    error(
        "too-complex",
        "two schemas are too complex to compare",
        "More than a million comparisons would be needed. No schema written by people comes near; one that is built to \
         be slow does.",
    ),
];
