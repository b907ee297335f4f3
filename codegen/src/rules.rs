//! The rules of generation and documentation as data: what `explain RULE` prints, and what the tests count.
//!
//! Those of the manifest are in [`crate::manifest::RULES`], those of schemas in [`fleetops_avro::rules`]. An ID is added
//! or retired, never renamed.

use fleetops_avro::Severity;
pub use fleetops_avro::rules::Rule;

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

/// What is read before anything else is: also where no manifest is.
pub static FILES: &[Rule] = &[error(
    "no-schemas",
    "a folder of schemas holds none",
    "A root is a file, or a folder that holds *.avsc files at any depth; files and folders whose names start with a dot are \
     passed over. A folder without one is most likely the wrong folder, and a check over no schemas would say that all is well.",
)];

/// The rules for schemas, then those for templates, then those for what is around them.
pub static ALL: &[Rule] = &[
    warning(
        "validation-misfit",
        "a validation attribute does not fit the field's type",
        "`minimum`, `maximum` and their exclusive forms are for int, long, float and double; `pattern` for string; \
         `minLength` and `maxLength` for string and bytes; `minItems` and `maxItems` for array; `minProperties` and \
         `maxProperties` for map; all of them also where null is the other branch. A field with a logical type is a date, \
         a decimal or a UUID in Rust, and takes none of them. Such an attribute is left out of `validate`. Remove it or change \
         the type.",
    ),
    warning(
        "validation-value",
        "a validation attribute has a value that cannot be its limit",
        "Limits of a number are numbers of the field's own type: whole ones of 32 or 64 bits for int and long. Lengths and \
         counts are whole numbers from 0 to 4294967295. A pattern is a string. Others are left out of `validate`.",
    ),
    warning(
        "validation-pattern",
        "a pattern is not a regular expression",
        "Patterns are those of Rust's regex crate, which takes time in proportion to the text and nothing more. It has no \
         look-around and no back references, and a pattern must not grow too large when it is compiled. A pattern is \
         looked for anywhere in the text, as JSON Schema has it: write `^` and `$` to hold it against all of the text. One that \
         cannot be compiled is left out of `validate`.",
    ),
    warning(
        "validation-contradiction",
        "two validation attributes leave no value",
        "A lower limit is larger than the upper one of the same kind, so validation would refuse every event. None of the \
         field's rules is checked then. Swap the two, or remove one.",
    ),
    error(
        "default-misfit",
        "a default is no value of the Rust type",
        "The field has a type of the manifest's (`type`), and a default: whether the type takes the default would only be \
         known at run time. Remove the default, or the type.",
    ),
    warning(
        "default-kept-raw",
        "a default is no value of the Rust type, so the field stays raw",
        "The default is valid Avro, but the field's Rust type holds less: a string that is no UUID, a time beyond the \
         day's end or the calendar, a decimal of more than 28 digits. The field then has no logical type in Rust, as with \
         `raw = true` in the manifest. Change the default, or say `raw = true` for the field, which says the same in silence.",
    ),
    warning(
        "uninhabited-type",
        "a type has no values",
        "An enum without symbols or a union without branches is valid Avro, and nothing can be written with it. In Rust it is \
         `codec::Never`, of which no value can be made. Give it a symbol or a branch, or remove it.",
    ),
    error(
        "type-too-deep",
        "types, a default or a namespace are nested too deep",
        "Types may be nested 64 levels deep: records and unions count one, arrays and maps two, because the collections \
         that they become are nested types themselves. Rust's compiler follows a type 128 steps and no further. Types \
         that contain themselves count once, however many they are. A default may be nested 64 levels too, and a namespace \
         may have 32 parts, for each is a module. A schema that reaches these limits is better split: refer to the inner \
         part by a key, or hold it as bytes.",
    ),
    error(
        "too-much-code",
        "the schemas make too much code",
        "A run makes at most 64 MiB of code, which is more than a compiler takes in an hour. A schema can ask for far more \
         than it is long: each record carries its schema with all types in it, and a default takes the defaults of the \
         fields that it leaves out, which may double with each level. Generate for fewer schemas at a time, in crates of \
         their own, or shorten the defaults of records.",
    ),
    error(
        "unknown-template",
        "a file in the folder of templates has the name of no template",
        "A template replaces the built-in one of the same file name. This one would never be used, so its name is most \
         likely misspelt. Rename it, or move it out of the folder.",
    ),
    error(
        "template-version",
        "a template is of another version than the built-in one",
        "A template's first line says which template it is, and of which version. What it is given may have other names in \
         another version, and what it calls other arguments. Start again from the built-in template, and make your changes to \
         that.",
    ),
    error(
        "template-syntax",
        "a template is not Handlebars",
        "The template cannot be parsed; the place is where Handlebars gave up, often at the end of a block that was never \
         closed.",
    ),
    error(
        "template-render",
        "a template asks for what the view model does not have",
        "Templates are strict: a value that is not there is an error, and not an empty text, because a misspelt name would \
         leave a hole in the code. The built-in template of the same name shows what there is.",
    ),
    error(
        "template-output",
        "a template yields no Rust",
        "What a template yields is parsed before anything is written. The lines around the fault are shown as they were \
         yielded; mend the template that made them.",
    ),
    error(
        "template-item",
        "a template yields what does not belong there",
        "A template lays out the items it is given, and makes no others. Code that it yields holds no unsafe block, macro \
         call, `use`, foreign function, item inside a function or unknown attribute, so neither a schema nor a template can \
         bring in anything else. Put code of your own beside the generated code: another `impl` in your own module.",
    ),
    error(
        "example-misfit",
        "an example is no event of its schema",
        "Examples in the documentation are held against the schema that they illustrate, so that they stay true when it \
         changes. The message names the field. Change the example.",
    ),
    error(
        "cannot-write",
        "generated code cannot be written",
        "The folder of the output cannot be made or written, or OUT_DIR is not set because a build script's function was \
         called outside of one. Make room, make the folder writable, or call it from build.rs.",
    ),
];

/// The rule of that ID.
pub fn find(id: &str) -> Option<&'static Rule> {
    ALL.iter().find(|rule| rule.id == id)
}
