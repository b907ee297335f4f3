//! The view of a record: its fields with their defaults, its builder.

use fleetops_avro::Schema;
use fleetops_avro::diagnostic::Diagnostic;
use fleetops_avro::schema::{Kind, TypeId};

use super::{
    BuilderView, DefaultView, FieldView, RecordView, SetterView, Views, deprecation, docs, link,
    too_much_code,
};
use crate::emit::defaults::{DefaultCode, Misfit};
use crate::emit::work::MAX_DEPTH;
use crate::emit::{Emitter, doc, string_literal};
use crate::idents;
use crate::model::{Field, Record, Type};

impl Views<'_> {
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
            open_enums: (emitter.model.open_enums(self.set, id).iter())
                .map(|name| string_literal(name))
                .collect(),
            fingerprint: format!("0x{:016x}", schema.fingerprint()),
            max_len: bound.expression(),
            max_len_terms: bound.statements(),
            // Whoever holds the record asks for its `max_len` exactly where it has no fixed one.
            max_len_varies: emitter.fixed_bound(&Type::Record { id, boxed: false }).is_none(),
            encode: emitter.encode_record(record),
            decode: emitter.decode_record(record, false),
            recursive: record.recursive,
            checks: emitter.check_record(record),
            allow_constants: Emitter::has_nearly_constants(record.fields.iter().flat_map(|f| &f.rules)),
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
                let function = default_function(record, &field.ident);
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
            let argument = match field.ident.as_str() {
                "_self" => "value", // beside `self`
                ident => ident,
            };
            let (parameter, value) = parameter(&field.ty, &ty, argument);
            let setter = SetterView {
                ident: field.ident.clone(),
                setter: setter(record, &field.ident),
                argument: argument.to_owned(),
                bare: idents::bare(&field.ident).to_owned(),
                see: see(&record.home.ident, &field.ident),
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
}

/// The function that gives a field's default. Underscores in front go behind: two in the middle are no `snake_case`.
fn default_function(record: &Record, ident: &str) -> String {
    let bare = idents::bare(ident);
    let stem = bare.trim_start_matches('_');
    let mut name = stem.to_owned() + "_".repeat(bare.len() - stem.len()).as_str();
    while name != bare && record.fields.iter().any(|f| idents::bare(&f.ident) == name) {
        name.push('_');
    }
    format!("default_{name}")
}

/// A link to a field, in documentation. Of a function that has its name rustdoc would take the function, which may be private.
fn see(record: &str, ident: &str) -> String {
    const FUNCTIONS: &[&str] = &[
        "builder",
        "decode_avro",
        "decode_fields",
        "decode_into",
        "encode_avro",
        "from_avro",
        "from_avro_with",
        "max_len",
        "put_avro",
        "read_avro",
        "to_avro",
        "validate",
        "validate_at",
    ];
    let name = idents::bare(ident);
    let field = format!("`{record}::{name}`");
    if FUNCTIONS.contains(&name) || name.starts_with("default_") {
        field
    } else {
        format!("[{field}]")
    }
}

/// The function that sets a field: its name, but for the one that the builder itself needs.
fn setter(record: &Record, ident: &str) -> String {
    if ident != "build" {
        return ident.to_owned();
    }
    let mut name = format!("set_{ident}");
    while record.fields.iter().any(|f| f.ident == name) {
        name.push('_');
    }
    name
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
pub(super) fn schema_literal(schema: &Schema) -> String {
    string_literal(&schema.text())
}
