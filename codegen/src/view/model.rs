//! The values that templates see, one struct for each.
//!
//! Names of fields here are the names that templates use, so changing one means a new version of the templates that use
//! it. The documented view model (`templates/view-model.schema.json`) is made of these.

use serde::Serialize;

use crate::emit::decode::RecordDecoder;

/// A record, for `record.hbs`, `view.hbs` and `builder.hbs`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct RecordView {
    /// `::fleetops_runtime`
    pub(crate) runtime: String,
    /// Whole attributes: serde's derives, deprecation, what the manifest asks for.
    pub(crate) attributes: Vec<String>,
    pub(crate) ident: String,
    /// The identifier in links of documentation, told apart from derive macros.
    pub(crate) link: String,
    /// Full name in the schema, as a literal.
    pub(crate) name: String,
    /// Literals of doc lines.
    pub(crate) docs: Vec<String>,
    /// The summary that other items' documentation quotes: the ident.
    pub(crate) fields: Vec<FieldView>,
    /// `Default` is derived.
    pub(crate) derive_default: bool,
    /// `Default` is written out.
    pub(crate) impl_default: bool,
    /// Functions that give the defaults that are more than `Default::default()`.
    pub(crate) defaults: Vec<DefaultView>,
    /// Literal of the schema text.
    pub(crate) schema: String,
    /// Literal of the fingerprint.
    pub(crate) fingerprint: String,
    /// Literals of the full names of the open enums in it.
    pub(crate) open_enums: Vec<String>,
    /// The bound of the encoded length: an expression, or a number where it is the same for all values.
    pub(crate) max_len: String,
    /// The same as the statements of a function.
    pub(crate) max_len_terms: Vec<String>,
    /// It depends on the value.
    pub(crate) max_len_varies: bool,
    pub(crate) encode: Vec<String>,
    pub(crate) decode: RecordDecoder,
    pub(crate) recursive: bool,
    pub(crate) checks: Vec<String>,
    /// An attribute for clippy where a limit is near a known constant.
    pub(crate) allow_constants: bool,
    pub(crate) borrows: bool,
    pub(crate) view_ident: String,
    pub(crate) view_decode: RecordDecoder,
    pub(crate) builder: BuilderView,
}

/// A field.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct FieldView {
    pub(crate) ident: String,
    pub(crate) docs: Vec<String>,
    /// Whole attributes.
    pub(crate) attributes: Vec<String>,
    pub(crate) ty: String,
    pub(crate) view_ty: String,
    /// From the view's field to the owned one: `self.x.into_owned()`.
    pub(crate) into_owned: String,
    /// The value in `Default`.
    pub(crate) default: String,
    /// The value a builder starts with.
    pub(crate) initial: String,
}

/// A function that gives a default.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct DefaultView {
    pub(crate) function: String,
    /// The field's name in the schema, for the documentation.
    pub(crate) field: String,
    pub(crate) ty: String,
    pub(crate) expression: String,
    pub(crate) allow_constants: bool,
}

/// A builder.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct BuilderView {
    pub(crate) ident: String,
    /// The struct of what is required.
    pub(crate) required_ident: String,
    pub(crate) required: Vec<SetterView>,
    pub(crate) optional: Vec<SetterView>,
}

/// A field of a builder.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct SetterView {
    pub(crate) ident: String,
    /// The function that sets it: the ident, but for a field `build`.
    pub(crate) setter: String,
    /// What its argument is called.
    pub(crate) argument: String,
    /// Without `r#`, for links in documentation.
    pub(crate) bare: String,
    /// The link to the field that it sets.
    pub(crate) see: String,
    pub(crate) ty: String,
    /// What the setter takes.
    pub(crate) parameter: String,
    /// What it makes of it.
    pub(crate) value: String,
}

/// An enum, for `enum.hbs`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct EnumView {
    pub(crate) runtime: String,
    /// Whole attributes: serde's derives, deprecation, what the manifest asks for.
    pub(crate) attributes: Vec<String>,
    pub(crate) ident: String,
    pub(crate) name: String,
    pub(crate) docs: Vec<String>,
    /// Literal of the schema text.
    pub(crate) schema: String,
    /// Literal of the fingerprint.
    pub(crate) fingerprint: String,
    pub(crate) symbols: Vec<SymbolView>,
    pub(crate) has_default: bool,
    pub(crate) count: usize,
    /// There is only one symbol.
    pub(crate) single: bool,
    /// Clippy dislikes what the variants' names have in common.
    pub(crate) allow_names: bool,
    /// Full name of the enum, for messages.
    pub(crate) shown: String,
    /// The variant for symbols that the schema does not have, where the enum is open.
    pub(crate) unknown: Option<UnknownView>,
}

/// The variant of an open enum for symbols that its schema does not have.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct UnknownView {
    pub(crate) ident: String,
    pub(crate) docs: Vec<String>,
    /// Whole attributes.
    pub(crate) attributes: Vec<String>,
    /// The index that is written for it: that of the default.
    pub(crate) index: usize,
}

/// A symbol of an enum.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct SymbolView {
    pub(crate) ident: String,
    pub(crate) index: usize,
    /// The symbol as a literal.
    pub(crate) symbol: String,
    /// Whole attributes.
    pub(crate) attributes: Vec<String>,
    pub(crate) is_default: bool,
    /// The pattern of its index: the last one takes the rest, for the reader has checked the range.
    pub(crate) pattern: String,
    pub(crate) docs: Vec<String>,
}

/// A fixed, for `fixed.hbs`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct FixedView {
    pub(crate) runtime: String,
    /// Whole attributes: serde's derives, deprecation, what the manifest asks for.
    pub(crate) attributes: Vec<String>,
    pub(crate) ident: String,
    pub(crate) docs: Vec<String>,
    /// Full name of the fixed, for messages.
    pub(crate) shown: String,
    /// Literal of the schema text.
    pub(crate) schema: String,
    /// Literal of the fingerprint.
    pub(crate) fingerprint: String,
    pub(crate) size: usize,
    /// Whole attributes of the bytes.
    pub(crate) bytes_attributes: Vec<String>,
}

/// A union, for `union.hbs`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct UnionView {
    pub(crate) runtime: String,
    /// Whole attributes: serde's derives, deprecation, what the manifest asks for.
    pub(crate) attributes: Vec<String>,
    pub(crate) ident: String,
    /// The identifier in links of documentation, told apart from derive macros.
    pub(crate) link: String,
    pub(crate) docs: Vec<String>,
    pub(crate) branches: Vec<BranchView>,
    /// The same with null last, where serde wants it.
    pub(crate) variants: Vec<BranchView>,
    pub(crate) count: usize,
    /// There is only one branch.
    pub(crate) single: bool,
    pub(crate) has_records: bool,
    pub(crate) allow_names: bool,
    pub(crate) max_len_varies: bool,
    pub(crate) has_checks: bool,
    pub(crate) checks_all: bool,
    pub(crate) checks_one: bool,
    pub(crate) borrows: bool,
    pub(crate) view_ident: String,
}

/// A type at the top of a file that is no record, for `top_level.hbs`; `unnamed.hbs` has it too where it is a struct around
/// what it holds.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct TopLevelView {
    pub(crate) runtime: String,
    /// Whole attributes: serde's derives, deprecation, what the manifest asks for.
    pub(crate) attributes: Vec<String>,
    pub(crate) ident: String,
    /// The identifier in links of documentation, told apart from derive macros.
    pub(crate) link: String,
    /// Full name in the schema, or the name of the file, as a literal.
    pub(crate) name: String,
    /// Literals of doc lines.
    pub(crate) docs: Vec<String>,
    /// Literal of the schema text.
    pub(crate) schema: String,
    /// Literal of the fingerprint.
    pub(crate) fingerprint: String,
    /// The type has `SCHEMA` and `FINGERPRINT` already, as enums and fixed types do.
    pub(crate) has_schema: bool,
    /// The type has `decode_avro` already, as enums of both kinds do.
    pub(crate) has_decode: bool,
    /// The type has `put_avro` already, as unions do.
    pub(crate) has_put: bool,
    /// Literals of the full names of the open enums in it.
    pub(crate) open_enums: Vec<String>,
    /// What the struct holds, for `unnamed.hbs`.
    pub(crate) ty: String,
    /// Whole attributes of what it holds.
    pub(crate) field_attributes: Vec<String>,
    pub(crate) derive_copy: bool,
    pub(crate) derive_default: bool,
    /// The bound of the encoded length: an expression.
    pub(crate) max_len: String,
    /// The statements that write the value; none where it takes no bytes.
    pub(crate) encode: String,
    /// The expression that reads the value.
    pub(crate) decode: String,
    /// Reading takes bytes.
    pub(crate) decode_uses_reader: bool,
    /// The statement that reads a value in place of another, where that has memory to use again.
    pub(crate) into: String,
    /// Statements that hold the value against its rules.
    pub(crate) checks: Vec<String>,
    /// An attribute for clippy where a limit is near a known constant.
    pub(crate) allow_constants: bool,
    pub(crate) borrows: bool,
    pub(crate) view_ident: String,
    pub(crate) view_ty: String,
    pub(crate) view_decode: String,
    /// From the view's value to the owned one.
    pub(crate) into_owned: String,
}

/// A branch of a union.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct BranchView {
    pub(crate) ident: String,
    pub(crate) docs: Vec<String>,
    pub(crate) attributes: Vec<String>,
    pub(crate) is_null: bool,
    pub(crate) index: usize,
    pub(crate) pattern: String,
    pub(crate) ty: String,
    pub(crate) view_ty: String,
    pub(crate) encode: String,
    pub(crate) uses_value: bool,
    pub(crate) max_len: String,
    pub(crate) max_len_uses_value: bool,
    pub(crate) decode: String,
    pub(crate) view_decode: String,
    pub(crate) into_owned: String,
    pub(crate) check: Option<String>,
    /// No other branch has its type, so that a value of it can become the union.
    pub(crate) from: bool,
    /// The type without attributes.
    pub(crate) plain: String,
}
