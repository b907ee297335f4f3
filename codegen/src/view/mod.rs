//! The view model: what templates see.
//!
//! Every value is finished Rust text, or a list of such, or a flag; a template only lays it out.

mod model;
mod named;
mod record;
#[cfg(test)]
mod tests;
mod top_level;
mod union;

use fleetops_avro::SchemaSet;
use fleetops_avro::diagnostic::Diagnostic;
use fleetops_avro::source::Place;

use crate::Gate;
use crate::emit::work::{MAX_CODE, Work};
use crate::emit::{Emitter, doc};
use crate::idents;
use crate::model::{Deprecated, Dress, Model, ModulePath};

pub(crate) use model::{
    BranchView, BuilderView, DefaultView, EnumView, FieldView, FixedView, RecordView, SetterView, SymbolView,
    TopLevelView, UnionView, UnknownView,
};

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
}

fn deprecation(deprecated: &Deprecated) -> String {
    match doc::lines(&deprecated.0).join(" ") {
        why if why.is_empty() => "#[deprecated]".to_owned(),
        why => format!("#[deprecated = {why:?}]"),
    }
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
