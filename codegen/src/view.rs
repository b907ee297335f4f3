//! The view model: what templates see.
//!
//! Every value is finished Rust text, or a list of such, or a flag; a template only lays it out. Names of fields here are
//! the names that templates use, so changing one means a new version of the templates that use it.

use fleetops_avro::diagnostic::Diagnostic;
use fleetops_avro::schema::{Kind, TypeId};
use fleetops_avro::source::Place;
use fleetops_avro::{Schema, SchemaSet};
use serde::Serialize;

use crate::Gate;
use crate::emit::decode::RecordDecoder;
use crate::emit::defaults::{DefaultCode, Misfit};
use crate::emit::work::{MAX_CODE, MAX_DEPTH, Work};
use crate::emit::{Access, Emitter, doc, string_literal};
use crate::idents;
use crate::model::{Deprecated, Dress, Enum, Field, Fixed, Model, ModulePath, Record, Type, Union};

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
    /// Without `r#`, for links in documentation.
    pub(crate) bare: String,
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
    pub(crate) symbols: Vec<SymbolView>,
    pub(crate) has_default: bool,
    pub(crate) count: usize,
    /// There is only one symbol.
    pub(crate) single: bool,
    /// Clippy dislikes what the variants' names have in common.
    pub(crate) allow_names: bool,
    /// Full name of the enum, for messages.
    pub(crate) shown: String,
}

/// A symbol of an enum.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct SymbolView {
    pub(crate) ident: String,
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

/// Doc lines as the literals of `#[doc = ...]`: each line starts with a space, as after `///`.
pub(crate) fn doc_literals(lines: Vec<String>) -> Vec<String> {
    lines
        .into_iter()
        .map(|line| {
            if line.is_empty() {
                "\"\"".to_owned()
            } else {
                format!("{:?}", format!(" {line}"))
            }
        })
        .collect()
}

fn docs(doc: Option<&String>, otherwise: impl FnOnce() -> String, more: Vec<String>) -> Vec<String> {
    let mut lines = doc.map(|d| doc::lines(d)).unwrap_or_default();
    if lines.is_empty() {
        lines.push(otherwise());
    }
    for line in more {
        lines.push(String::new());
        lines.push(line);
    }
    doc_literals(lines)
}

/// Generation ends here, for there is no end to it.
pub(crate) fn too_much_code(at: Place, what: &str) -> Diagnostic {
    Diagnostic::error(
        "too-much-code",
        at,
        format!("the schemas make more than {} MiB of code", MAX_CODE >> 20),
        format!("`{what}` goes beyond it"),
    )
    .note("each record carries its schema with all types in it, and a default those of the fields that it leaves out")
    .help("generate for fewer schemas at a time, in crates of their own; or shorten the defaults of records")
}

/// What a link in documentation names a type by: the derive macros of the prelude are in scope everywhere.
fn link(kind: &str, ident: &str) -> String {
    const MACROS: &[&str] = &[
        "Clone",
        "Copy",
        "Debug",
        "Default",
        "Eq",
        "Hash",
        "Ord",
        "PartialEq",
        "PartialOrd",
    ];
    if MACROS.contains(&ident) {
        format!("{kind}@{ident}")
    } else {
        ident.to_owned()
    }
}

/// Makes views for the types of one module.
pub(crate) struct Views<'a> {
    pub(crate) set: &'a SchemaSet,
    pub(crate) emitter: Emitter<'a>,
    gate: &'a Gate,
}

impl<'a> Views<'a> {
    pub(crate) fn new(
        set: &'a SchemaSet,
        model: &'a Model,
        module: &'a ModulePath,
        runtime: &'a str,
        gate: &'a Gate,
        work: &'a Work,
    ) -> Self {
        Self {
            set,
            gate,
            emitter: Emitter {
                model,
                module,
                runtime,
                work,
            },
        }
    }

    /// `#[serde(...)]`, where and when there are serde's derives.
    fn serde(&self, inside: &str) -> Option<String> {
        self.gated(&format!("serde({inside})"))
    }

    /// An attribute that goes with serde's derives.
    fn gated(&self, attribute: &str) -> Option<String> {
        match self.gate {
            Gate::Always => Some(format!("#[{attribute}]")),
            Gate::Never => None,
            Gate::Feature(feature) => Some(format!("#[cfg_attr(feature = {feature:?}, {attribute})]")),
        }
    }

    /// What stands on a type. `more` is what serde is told besides.
    fn attributes(&self, dress: &Dress, more: &str) -> Vec<String> {
        let rt = self.emitter.runtime;
        let mut out = Vec::new();
        out.extend(self.gated(&format!(
            "derive({rt}::serde::Serialize, {rt}::serde::Deserialize)"
        )));
        out.extend(self.serde(&format!("crate = {:?}{more}", format!("{rt}::serde"))));
        out.extend(dress.deprecated.as_ref().map(deprecation));
        out.extend(dress.attributes.iter().cloned());
        out
    }

    /// The view of a record.
    ///
    /// # Errors
    /// Defaults that the Rust type cannot hold.
    pub(crate) fn record(&self, id: TypeId, record: &Record) -> Result<RecordView, Vec<Diagnostic>> {
        let emitter = &self.emitter;
        let mut errors = Vec::new();
        let mut codes: Vec<Option<DefaultCode>> = Vec::with_capacity(record.fields.len());
        for (index, field) in record.fields.iter().enumerate() {
            let code = field
                .default
                .as_ref()
                .map(|value| emitter.default_value(&field.ty, value));
            codes.push(match code {
                Some(Ok(code)) => Some(code),
                Some(Err(why)) => {
                    errors.extend(self.misfit(id, index, field, &why));
                    if why == Misfit::Size {
                        return Err(errors);
                    }
                    None
                }
                None if field.ty == Type::Null => emitter.default_value(&field.ty, &null()).ok(),
                None => None,
            });
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let mut fields = Vec::with_capacity(record.fields.len());
        let mut defaults = Vec::new();
        for (field, code) in record.fields.iter().zip(&codes) {
            let (view, default) = self.field(record, field, code.as_ref());
            fields.push(view);
            defaults.extend(default);
        }
        let all_default = codes.iter().all(Option::is_some);
        let all_trivial = codes.iter().flatten().all(|c| c.is_trivial);
        let bound = emitter.record_bound(record);
        let schema = self.set.schema(id);
        let aliases = match record.aliases.as_slice() {
            [] => Vec::new(),
            aliases => vec![format!("Earlier names: `{}`.", aliases.join("`, `"))],
        };
        Ok(RecordView {
            runtime: emitter.runtime.to_owned(),
            attributes: self.attributes(&record.dress, ", deny_unknown_fields"),
            ident: record.home.ident.clone(),
            link: link("struct", &record.home.ident),
            name: format!("{:?}", record.name),
            docs: docs(
                record.doc.as_ref(),
                || format!("The record `{}`.", record.name),
                aliases,
            ),
            derive_default: all_default && all_trivial,
            impl_default: all_default && !all_trivial,
            defaults,
            schema: schema_literal(&schema),
            fingerprint: format!("0x{:016x}", schema.fingerprint()),
            max_len: bound.expression(),
            max_len_terms: bound.statements(),
            max_len_varies: !bound.terms.is_empty(),
            encode: emitter.encode_record(record),
            decode: emitter.decode_record(record, false),
            recursive: record.recursive,
            checks: emitter.check_record(record),
            allow_constants: Emitter::has_nearly_constants(record),
            borrows: record.borrows,
            view_ident: record.home.view.clone(),
            view_decode: emitter.decode_record(record, true),
            builder: self.builder(record),
            fields,
        })
    }

    fn misfit(&self, id: TypeId, index: usize, field: &Field, why: &Misfit) -> Option<Diagnostic> {
        let node = self.set.node(id);
        let Kind::Record(record) = &node.kind else {
            return None;
        };
        let span = record.fields.get(index)?.default.as_ref()?.span;
        let at = crate::model::place(&node.place, span);
        Some(match why {
            Misfit::Value(why) => Diagnostic::error(
                "default-misfit",
                at,
                format!(
                    "the default of `{}` cannot be a value of its Rust type",
                    field.name
                ),
                why,
            )
            .help("change the default, or remove the logical type so that the field stays raw"),
            Misfit::Depth => Diagnostic::error(
                "type-too-deep",
                at,
                format!(
                    "the default of `{}` is nested more than {MAX_DEPTH} levels deep",
                    field.name
                ),
                "with the defaults of the fields that it does not name",
            )
            .help("nest less, or give a shorter default: an empty array, or null"),
            Misfit::Size => too_much_code(at, &field.name),
        })
    }

    fn field(
        &self,
        record: &Record,
        field: &Field,
        code: Option<&DefaultCode>,
    ) -> (FieldView, Option<DefaultView>) {
        let emitter = &self.emitter;
        let unit = field
            .unit
            .as_ref()
            .map(|u| format!("Unit: {}.", doc::lines(u).join(" ")));
        let mut attributes = Vec::new();
        let mut serde = Vec::new();
        if idents::bare(&field.ident) != field.name {
            serde.push(format!("rename = {:?}", field.name));
        }
        let with = emitter.serde_with(&field.ty);
        if let Some(with) = &with {
            serde.push(format!("with = {with:?}"));
        }
        let ty = emitter.ty(&field.ty, false);
        let mut default = None;
        let mut default_expression = String::new();
        match code {
            Some(code) if code.is_trivial => {
                // An absent optional is `None` without being told, unless a helper stands between.
                if !field.ty.is_optional() || with.is_some() {
                    serde.push("default".to_owned());
                }
                default_expression = code.expression.clone();
            }
            Some(code) => {
                let function = format!("default_{}", idents::bare(&field.ident));
                serde.push(format!(
                    "default = {:?}",
                    format!("{}::{function}", record.home.ident)
                ));
                default_expression = format!("Self::{function}()");
                default = Some(DefaultView {
                    function,
                    field: field.name.clone(),
                    ty: ty.clone(),
                    expression: code.expression.clone(),
                    allow_constants: code.nearly_constant,
                });
            }
            None if field.ty.is_optional() => {
                if with.is_some() {
                    serde.push("default".to_owned());
                }
                default_expression = "None".to_owned();
            }
            None => {}
        }
        if !serde.is_empty() {
            attributes.extend(self.serde(&serde.join(", ")));
        }
        attributes.extend(field.deprecated.as_ref().map(deprecation));
        attributes.extend(field.attributes.iter().cloned());
        let view = FieldView {
            ident: field.ident.clone(),
            docs: docs(
                field.doc.as_ref(),
                || format!("The field `{}`.", field.name),
                unit.into_iter().collect(),
            ),
            attributes,
            ty,
            view_ty: emitter.ty(&field.ty, true),
            into_owned: emitter.owned_value(&field.ty, &format!("self.{}", field.ident)),
            initial: if field.is_required() {
                format!("required.{}", field.ident)
            } else {
                default_expression.clone()
            },
            default: default_expression,
        };
        (view, default)
    }

    fn builder(&self, record: &Record) -> BuilderView {
        let mut out = BuilderView {
            ident: record.builder.clone(),
            required_ident: record.required.clone(),
            required: Vec::new(),
            optional: Vec::new(),
        };
        for field in &record.fields {
            let ty = self.emitter.ty(&field.ty, false);
            let (parameter, value) = parameter(&field.ty, &ty, &field.ident);
            let setter = SetterView {
                ident: field.ident.clone(),
                bare: idents::bare(&field.ident).to_owned(),
                parameter,
                value,
                ty,
            };
            if field.is_required() {
                out.required.push(setter);
            } else {
                out.optional.push(setter);
            }
        }
        out
    }

    /// The view of an enum.
    pub(crate) fn enumeration(&self, e: &Enum) -> EnumView {
        let idents: Vec<&str> = e.symbols.iter().map(|(_, ident)| ident.as_str()).collect();
        let last = e.symbols.len().saturating_sub(1);
        EnumView {
            runtime: self.emitter.runtime.to_owned(),
            attributes: self.attributes(&e.dress, ""),
            shown: string_literal(&e.name),
            ident: e.home.ident.clone(),
            name: format!("{:?}", e.name),
            docs: docs(e.doc.as_ref(), || format!("The enum `{}`.", e.name), Vec::new()),
            symbols: e
                .symbols
                .iter()
                .enumerate()
                .map(|(index, (symbol, ident))| SymbolView {
                    ident: ident.clone(),
                    symbol: format!("{symbol:?}"),
                    attributes: (symbol != ident)
                        .then(|| self.serde(&format!("rename = {symbol:?}")))
                        .flatten()
                        .into_iter()
                        .collect(),
                    is_default: e.default == Some(index),
                    pattern: if index == last {
                        "_".to_owned()
                    } else {
                        index.to_string()
                    },
                    docs: doc_literals(vec![if e.default == Some(index) {
                        format!("`{symbol}`: what a reader takes for a symbol that it does not know.")
                    } else {
                        format!("`{symbol}`.")
                    }]),
                })
                .collect(),
            has_default: e.default.is_some(),
            count: e.symbols.len(),
            single: e.symbols.len() == 1,
            allow_names: names_repeat(&e.home.ident, &idents),
        }
    }

    /// The view of a fixed.
    pub(crate) fn fixed(&self, f: &Fixed) -> FixedView {
        FixedView {
            runtime: self.emitter.runtime.to_owned(),
            attributes: self.attributes(&f.dress, ", transparent"),
            ident: f.home.ident.clone(),
            docs: docs(
                f.doc.as_ref(),
                || format!("The fixed `{}`: {} bytes.", f.name, f.size),
                Vec::new(),
            ),
            size: f.size,
            bytes_attributes: self
                .serde(&format!("with = {:?}", self.emitter.codec("human::bytes")))
                .into_iter()
                .collect(),
        }
    }

    /// The view of a union.
    pub(crate) fn union(&self, index: usize, union: &Union) -> UnionView {
        let emitter = &self.emitter;
        let value = Access::Reference("value".to_owned());
        let checks = emitter.check_branches(union);
        let last = union.branches.len().saturating_sub(1);
        let mut branches = Vec::with_capacity(union.branches.len());
        for (position, (branch, check)) in union.branches.iter().zip(checks).enumerate() {
            let is_null = branch.ty == Type::Null;
            let mut attributes = Vec::new();
            if is_null {
                attributes.extend(self.serde("untagged"));
            } else if branch.tag != branch.ident {
                attributes.extend(self.serde(&format!("rename = {:?}", branch.tag)));
            }
            let with = emitter
                .serde_with(&branch.ty)
                .and_then(|w| self.serde(&format!("with = {w:?}")))
                .map(|attribute| format!("{attribute} "));
            let bound = emitter.bound(&branch.ty, &value);
            branches.push(BranchView {
                ident: branch.ident.clone(),
                docs: doc_literals(vec![if is_null {
                    "No value.".to_owned()
                } else {
                    format!("The branch `{}`.", branch.tag)
                }]),
                attributes,
                is_null,
                index: position,
                pattern: if position == last {
                    "_".to_owned()
                } else {
                    position.to_string()
                },
                ty: format!("{}{}", with.unwrap_or_default(), emitter.ty(&branch.ty, false)),
                view_ty: emitter.ty(&branch.ty, true),
                encode: emitter.encode(&branch.ty, &value),
                uses_value: !is_null,
                max_len_uses_value: !bound.terms.is_empty(),
                max_len: crate::emit::bound::Bound {
                    constant: bound.constant.saturating_add(5),
                    terms: bound.terms,
                }
                .expression(),
                decode: emitter.decode(&branch.ty, false, "reader"),
                view_decode: emitter.decode(&branch.ty, true, "reader"),
                into_owned: emitter.owned_value(&branch.ty, "value"),
                check,
                plain: emitter.ty(&branch.ty, false),
                from: false,
            });
        }
        let types: Vec<String> = branches.iter().map(|b| b.plain.clone()).collect();
        for branch in &mut branches {
            branch.from = !branch.is_null && types.iter().filter(|ty| **ty == branch.plain).count() == 1;
        }
        let mut variants = branches.clone();
        variants.sort_by_key(|b| b.is_null);
        let idents: Vec<&str> = union.branches.iter().map(|b| b.ident.as_str()).collect();
        UnionView {
            runtime: emitter.runtime.to_owned(),
            attributes: self.attributes(&union.dress, ""),
            ident: union.home.ident.clone(),
            link: link("enum", &union.home.ident),
            docs: doc_literals(vec![
                format!("The union in `{}`.", union.owner),
                String::new(),
                "In JSON a value is tagged with the name of its branch, as in Avro's own JSON: `{\"int\": 1}`.".to_owned(),
            ]),
            count: branches.len(),
            single: branches.len() == 1,
            has_records: union.branches.iter().any(|b| matches!(b.ty, Type::Record { .. })),
            allow_names: names_repeat(&union.home.ident, &idents),
            max_len_varies: emitter.fixed_bound(&Type::Union(index)).is_none(),
            has_checks: branches.iter().any(|b| b.check.is_some()),
            checks_one: branches.len() > 1 && branches.iter().filter(|b| b.check.is_some()).count() == 1,
            checks_all: branches.iter().all(|b| b.check.is_some()),
            borrows: union.borrows,
            view_ident: union.home.view.clone(),
            branches,
            variants,
        }
    }
}

fn deprecation(deprecated: &Deprecated) -> String {
    match doc::lines(&deprecated.0).join(" ") {
        why if why.is_empty() => "#[deprecated]".to_owned(),
        why => format!("#[deprecated = {why:?}]"),
    }
}

fn null() -> fleetops_avro::json::Value {
    fleetops_avro::json::Value {
        kind: fleetops_avro::json::Kind::Null,
        span: fleetops_avro::Span::default(),
    }
}

/// What a setter takes, and what it makes of it.
fn parameter(ty: &Type, rust: &str, ident: &str) -> (String, String) {
    match ty {
        Type::String | Type::Bytes | Type::Optional { .. } => (
            format!("impl ::core::convert::Into<{rust}>"),
            format!("{ident}.into()"),
        ),
        _ => (rust.to_owned(), ident.to_owned()),
    }
}

/// The literal of a schema's text.
fn schema_literal(schema: &Schema) -> String {
    string_literal(&schema.text())
}

/// Whether clippy's `enum_variant_names` would speak: all variants share a first or last word, or repeat the enum's.
fn names_repeat(name: &str, variants: &[&str]) -> bool {
    let words: Vec<Vec<String>> = variants.iter().map(|v| split(v)).collect();
    let shared = |pick: fn(&Vec<String>) -> Option<&String>| {
        let first = words.first().and_then(pick);
        first.is_some() && words.iter().all(|w| pick(w) == first)
    };
    let own = split(name);
    let repeats = words
        .iter()
        .any(|w| w.len() > own.len() && (w.starts_with(&own) || w.ends_with(&own)));
    (variants.len() >= 3 && (shared(|w| w.first()) || shared(|w| w.last()))) || repeats
}

fn split(ident: &str) -> Vec<String> {
    idents::snake(ident).split('_').map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use schemars::{SchemaGenerator, generate::SchemaSettings};

    use super::*;
    use crate::{generate, package, topics};

    /// The JSON Schema of the view model is made of the views themselves: `UPDATE_EXPECT=1` writes it anew.
    #[test]
    fn the_documented_view_model_is_the_one_there_is() {
        let mut schemas = SchemaGenerator::new(SchemaSettings::draft2020_12());
        let templates = BTreeMap::from([
            ("builder", schemas.subschema_for::<RecordView>()),
            ("cargo", schemas.subschema_for::<package::PackageView>()),
            ("enum", schemas.subschema_for::<EnumView>()),
            (
                "environments",
                schemas.subschema_for::<topics::EnvironmentsView>(),
            ),
            ("fixed", schemas.subschema_for::<FixedView>()),
            ("module", schemas.subschema_for::<generate::ModuleView>()),
            ("readme", schemas.subschema_for::<package::ReadmeView>()),
            ("record", schemas.subschema_for::<RecordView>()),
            ("topic", schemas.subschema_for::<topics::TopicView>()),
            ("union", schemas.subschema_for::<UnionView>()),
            ("view", schemas.subschema_for::<RecordView>()),
        ]);
        let names: Vec<&str> = (crate::templates().iter().filter(|t| !t.is_slot))
            .map(|t| t.name)
            .collect();
        assert_eq!(templates.keys().copied().collect::<Vec<_>>(), names);
        let schema = serde_json::json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": format!("The view model of fleetops-codegen's templates, version {}", crate::VIEW_MODEL_VERSION),
            "description": "What each template is given, by its name. A slot is given what the template is that it stands in.",
            "type": "object",
            "properties": templates,
            "$defs": schemas.definitions(),
        });
        let text = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/view-model.schema.json");
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            text,
            "run with UPDATE_EXPECT=1"
        );
    }
}
