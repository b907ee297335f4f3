//! The views of enums and fixed types.

use fleetops_avro::schema::TypeId;

use super::record::schema_literal;
use super::{EnumView, FixedView, SymbolView, UnknownView, Views, doc_literals, docs, names_repeat};
use crate::emit::string_literal;
use crate::model::{Enum, Fixed};

impl Views<'_> {
    /// The view of an enum.
    pub(crate) fn enumeration(&self, id: TypeId, e: &Enum) -> EnumView {
        let schema = self.set.schema(id);
        let idents: Vec<&str> = e.symbols.iter().map(|(_, ident)| ident.as_str()).collect();
        let last = e.symbols.len().saturating_sub(1);
        EnumView {
            runtime: self.emitter.runtime.to_owned(),
            attributes: self.attributes(&e.dress, ""),
            shown: string_literal(&e.name),
            ident: e.home.ident.clone(),
            name: format!("{:?}", e.name),
            docs: docs(e.doc.as_ref(), || format!("The enum `{}`.", e.name), Vec::new()),
            schema: schema_literal(&schema),
            fingerprint: format!("0x{:016x}", schema.fingerprint()),
            symbols: e
                .symbols
                .iter()
                .enumerate()
                .map(|(index, (symbol, ident))| SymbolView {
                    ident: ident.clone(),
                    index,
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
                    docs: doc_literals(vec![if e.default == Some(index) && e.unknown.is_some() {
                        format!("`{symbol}`: what is written for a symbol that the schema does not have.")
                    } else if e.default == Some(index) {
                        format!("`{symbol}`: what a reader takes for a symbol that it does not know.")
                    } else {
                        format!("`{symbol}`.")
                    }]),
                })
                .collect(),
            unknown: e.unknown.as_ref().map(|ident| UnknownView {
                ident: ident.clone(),
                docs: doc_literals(vec![
                    "A symbol that this schema does not have, of a writer whose schema has it.".to_owned(),
                    String::new(),
                    "It cannot be written: `validate` names it, and the default of the enum is written in its place."
                        .to_owned(),
                ]),
                attributes: self.serde("untagged").into_iter().collect(),
                index: e.default.unwrap_or_default(),
            }),
            has_default: e.default.is_some(),
            count: e.symbols.len(),
            single: e.symbols.len() == 1,
            allow_names: names_repeat(&e.home.ident, &idents),
        }
    }

    /// The view of a fixed.
    pub(crate) fn fixed(&self, id: TypeId, f: &Fixed) -> FixedView {
        let schema = self.set.schema(id);
        FixedView {
            runtime: self.emitter.runtime.to_owned(),
            attributes: self.attributes(&f.dress, ", transparent"),
            ident: f.home.ident.clone(),
            docs: docs(
                f.doc.as_ref(),
                || format!("The fixed `{}`: {} bytes.", f.name, f.size),
                Vec::new(),
            ),
            shown: string_literal(&f.name),
            schema: schema_literal(&schema),
            fingerprint: format!("0x{:016x}", schema.fingerprint()),
            size: f.size,
            bytes_attributes: self
                .serde(&format!("with = {:?}", self.emitter.codec("human::bytes")))
                .into_iter()
                .collect(),
        }
    }
}
