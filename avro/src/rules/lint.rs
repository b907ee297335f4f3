//! The rules of lint: what is valid Avro, and will be regretted.

use crate::rules::{Rule, warning};

pub(super) const RULES: &[Rule] = &[
    warning(
        "missing-doc",
        "a type or field has no documentation",
        "What a field means, in which unit, and when it is null cannot be read off its name, and the schema is the one thing that \
         every team sees. Documents and generated code take their text from \"doc\".",
    ),
    warning(
        "doc-whitespace",
        "a document starts or ends with white space",
        "It is most likely left over from a copy, and shows in generated documents. Fixed by `lint --fix`.",
    ),
    warning(
        "type-name",
        "the name of a type is not in PascalCase",
        "Types are called like OrderPlaced in the schemas of the field and in the code that is generated from them. A rename breaks \
         readers unless the old name is an alias, so names are best made right at the start.",
    ),
    warning(
        "field-name",
        "the name of a field is not in snake_case",
        "Fields are called like order_id, so that they look the same in Rust, Python, SQL and sinks that fold case. Two fields that \
         differ in case only are one column in most databases.",
    ),
    warning(
        "symbol-name",
        "a symbol is not in UPPER_CASE",
        "Symbols are constants in every language that code is generated for: IN_TRANSIT. A symbol cannot be renamed without breaking \
         readers.",
    ),
    warning(
        "missing-namespace",
        "a type is in no namespace",
        "A name without a namespace clashes with the first other team that has the same idea, Java puts its class into the default \
         package, where no other package can import it, and aliases to it are not found. A namespace cannot be added later without \
         an alias.",
    ),
    warning(
        "redundant-namespace",
        "a type repeats the namespace around it",
        "A type without a namespace of its own is in that of the type around it. Repeating it says nothing, and is forgotten when \
         the outer one is changed. Fixed by `lint --fix`.",
    ),
    warning(
        "redundant-type-object",
        "a primitive type is wrapped in an object",
        "{\"type\": \"string\"} with nothing beside it is \"string\". Fixed by `lint --fix`.",
    ),
    warning(
        "redundant-alias",
        "an alias is the name itself, or there twice",
        "An alias that is the field's own name has no meaning, and Java Avro throws at some of them, which a registry answers with \
         incompatible. Fixed by `lint --fix`.",
    ),
    warning(
        "enum-without-default",
        "an enum has no default",
        "A reader fails at a symbol that it does not know, unless its enum has a default. Without one no symbol can ever be added \
         while old readers run. Add an UNKNOWN symbol and make it the default; where no symbol would be right, say so in an ignore \
         with its reason.",
    ),
    warning(
        "field-without-default",
        "a field has no default",
        "A field can be added or removed without breaking anybody only if it has a default. Off unless asked for: an identifier that \
         every event must have is better without one, since a default would hide that it is missing.",
    ),
    warning(
        "nullable-without-default",
        "an optional field has no default",
        "The field may be null, and yet a reader cannot do without it in the data. With \"default\": null it can be added and \
         removed without breaking anybody. Fixed by `lint --fix`: the default changes neither what is written nor how it is read.",
    ),
    warning(
        "null-not-first",
        "null is not the first branch of an optional field",
        "Up to Avro 1.11 a default has to be of the union's first branch, so tools and languages expect null there, and \"default\": \
         null is refused by them where it stands second. The order cannot be changed later at no cost: it is part of what is written.",
    ),
    warning(
        "single-branch-union",
        "a union has one branch",
        "Each value is written with a zero byte in front that says nothing. Write the type itself, or add the branch that was \
         forgotten: mostly \"null\".",
    ),
    warning(
        "ambiguous-union",
        "two branches of a union cannot be told apart by their values",
        "Which branch a value is written with is chosen from the value. The number 5 is an int, a long, a float and a double; a text \
         is a string and may be an enum; a record is any record with its fields. Languages choose differently, and JSON loses it. \
         Keep one of the two, or give the union's meaning a field of its own.",
    ),
    warning(
        "float-for-money",
        "an amount of money is a floating-point number",
        "0.1 + 0.2 is not 0.3 in binary: sums of prices drift, and two services disagree by a cent. Use the logical type decimal on \
         bytes with \"precision\" and \"scale\", or whole cents in a long. A field that is no money says so by its \"unit\".",
    ),
    warning(
        "missing-unit",
        "a number has no unit",
        "Is it m/s or km/h, seconds or milliseconds, a fraction or percent? Add \"unit\", an attribute that documents and generated code \
         show, or put the unit into the name (length_m, timeout_ms). A number without a dimension has the unit \"1\". Identifiers, \
         counts, indices, versions, probabilities and types with a logical type need none.",
    ),
    warning(
        "time-without-logical-type",
        "a time is a bare number",
        "A number called created_at is a time, and nobody can tell from the schema since when and in what it counts. With the logical \
         type timestamp-millis or timestamp-micros every language reads it as a time.",
    ),
    warning(
        "reserved-word",
        "a name is a keyword of a language that code is generated for",
        "Generated code has to call it something else: r#type in Rust, class$ in Java, class_ in Python. So the same field has as many \
         names as there are languages. Choose another name while nobody uses it; later, use an alias.",
    ),
];
