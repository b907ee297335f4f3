//! The model that code is generated from: what the schemas and the manifest say, and what their defaults allow.
//!
//! A default may be valid Avro and no value of the Rust type that the field's logical type has: an empty text is no UUID. The
//! field then stays raw, as if the manifest had said so, and a warning tells it.

use fleetops_avro::schema::{Kind, TypeId};
use fleetops_avro::{Diagnostic, SchemaSet, source::Span};

use crate::emit::Emitter;
use crate::emit::defaults::Misfit;
use crate::emit::work::Work;
use crate::manifest::{FieldSettings, Generate, Spanned};
use crate::model::{Field, Model, Record, Type, lower, place};

/// Lowers the schemas.
///
/// # Errors
/// As [`lower::lower`].
pub(crate) fn lowered(
    schemas: &SchemaSet,
    settings: &Generate,
    runtime: &str,
) -> Result<Model, Vec<Diagnostic>> {
    let model = lower::lower(schemas, settings)?;
    let mut settings = settings.clone();
    let mut warnings = Vec::new();
    let work = Work::default();
    for (id, record) in &model.records {
        let emitter = Emitter {
            model: &model,
            module: &record.home.module,
            runtime,
            work: &work,
        };
        for (index, field) in record.fields.iter().enumerate() {
            let Some(default) = &field.default else { continue };
            if matches!(field.ty.unwrapped(), Type::Newtype { .. }) {
                continue;
            }
            if let Err(Misfit::Value(why)) = emitter.default_value(&field.ty, default)
                && let Some(warning) = warning(schemas, *id, record, index, why)
            {
                warnings.push(warning);
                keep_raw(&mut settings, record, field);
            }
        }
    }
    if warnings.is_empty() {
        return Ok(model);
    }
    let mut model = lower::lower(schemas, &settings)?;
    model.warnings.append(&mut warnings);
    Ok(model)
}

fn keep_raw(settings: &mut Generate, record: &Record, field: &Field) {
    let name = format!("{}.{}", record.name, field.name);
    match settings.fields.iter_mut().find(|f| f.name.value == name) {
        Some(known) => known.raw = true,
        None => settings.fields.push(FieldSettings {
            name: Spanned {
                value: name,
                span: Span::default(),
            },
            ty: None,
            raw: true,
            decimal: None,
            attributes: Vec::new(),
        }),
    }
}

fn warning(
    schemas: &SchemaSet,
    id: TypeId,
    record: &Record,
    index: usize,
    why: String,
) -> Option<Diagnostic> {
    let node = schemas.node(id);
    let Kind::Record(declared) = &node.kind else {
        return None;
    };
    let field = declared.fields.get(index)?;
    let at = place(&node.place, field.default.as_ref()?.span);
    let message = format!(
        "the default of `{}` cannot be a value of its Rust type, so the field stays raw",
        field.name
    );
    let warning = Diagnostic::warning("default-kept-raw", at, message, why);
    Some(warning.help(format!(
        "change the default, or say `raw = true` in [generate.fields.\"{}.{}\"] of the manifest",
        record.name, field.name
    )))
}
