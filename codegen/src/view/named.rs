//! The views of enums and fixed types.

use super::{EnumView, FixedView, SymbolView, Views, doc_literals, docs, names_repeat};
use crate::emit::string_literal;
use crate::model::{Enum, Fixed};

impl Views<'_> {
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
}
