//! The view of what a file has at its top that is no record.

use fleetops_avro::schema::TypeId;

use super::record::schema_literal;
use super::{TopLevelView, Views, doc, docs, link};
use crate::emit::{Access, Emitter, string_literal};
use crate::model::{TopLevel, Type};

impl Views<'_> {
    /// The view of a type at the top of a file.
    pub(crate) fn top_level(&self, id: TypeId, top: &TopLevel) -> TopLevelView {
        let emitter = &self.emitter;
        let schema = self.set.schema(id);
        let wraps = top.wraps();
        let at = if wraps {
            Access::Place("self.0".to_owned())
        } else {
            Access::Reference("self".to_owned())
        };
        let (decode, view_decode) = match &top.ty {
            // By itself, and not by its path.
            Type::Fixed(_) => ("Self(*reader.fixed()?)".to_owned(), String::new()),
            Type::Enum { .. } | Type::Union(_) => Default::default(),
            ty => {
                let read = |view| format!("Self({})", emitter.decode(ty, view, "reader"));
                (read(false), read(true))
            }
        };
        let unit = top
            .unit
            .as_ref()
            .map(|u| format!("Unit: {}.", doc::lines(u).join(" ")));
        let has_put = matches!(top.ty, Type::Union(_));
        TopLevelView {
            runtime: emitter.runtime.to_owned(),
            attributes: self.attributes(&top.dress, ", transparent"),
            ident: top.home.ident.clone(),
            link: link(if has_put { "enum" } else { "struct" }, &top.home.ident),
            name: string_literal(&top.name),
            docs: docs(
                top.doc.as_ref(),
                || {
                    let file = doc::lines(&top.file).join(" ");
                    format!("The `{}` in `{file}`.", top.kind)
                },
                unit.into_iter().collect(),
            ),
            schema: schema_literal(&schema),
            fingerprint: format!("0x{:016x}", schema.fingerprint()),
            has_schema: !top.is_new(),
            has_decode: matches!(top.ty, Type::Enum { .. } | Type::Union(_)),
            has_put,
            open_enums: (emitter.model.open_enums(self.set, id).iter())
                .map(|name| string_literal(name))
                .collect(),
            ty: emitter.ty(&top.ty, false),
            field_attributes: emitter
                .serde_with(&top.ty)
                .and_then(|with| self.serde(&format!("with = {with:?}")))
                .into_iter()
                .collect(),
            derive_copy: top.ty.is_copy(),
            derive_default: matches!(top.ty, Type::Array(_) | Type::Map(_) | Type::Optional { .. }),
            max_len: emitter.bound(&top.ty, &at).expression(),
            encode: if has_put {
                String::new()
            } else {
                emitter.encode(&top.ty, &at)
            },
            decode_uses_reader: top.ty != Type::Null,
            decode,
            into: if wraps {
                emitter.decode_value_into(&top.ty, &at).unwrap_or_default()
            } else {
                String::new()
            },
            checks: emitter.check_value(&top.ty, &top.rules, &at),
            allow_constants: Emitter::has_nearly_constants(&top.rules),
            borrows: emitter.model.borrows(&top.ty),
            view_ident: match &top.ty {
                Type::Union(index) => {
                    let union = emitter.model.unions.get(*index);
                    union.map(|u| u.home.view.clone()).unwrap_or_default()
                }
                _ => top.home.view.clone(),
            },
            view_ty: emitter.ty(&top.ty, true),
            view_decode,
            into_owned: emitter.owned_value(&top.ty, "self.0"),
        }
    }
}
