//! Rust types, producers and consumers from Avro schemas and a manifest.
//!
//! `.avsc` files are the source of truth. From them come structs with documentation, serde, builders, validation and a
//! binary codec that is written out field by field; from the manifest come topics with their producers and consumers.
//!
//! The way is one direction: schemas are lowered to a model of Rust types, the model becomes views of finished text,
//! templates lay the views out, the result is parsed and audited, and only then something is written. [`generate`] does
//! no I/O; [`write`](fn@write), [`compare`] and [`build`] are the ends.
//!
//! Schema texts are untrusted: whatever is in a name, a document or a default stays in its identifier, comment or literal.
//!
//! It does not resolve schemas at run time, talk to a registry, or know any particular schema.

mod build_script;
pub mod docs;
mod emit;
mod generate;
mod idents;
mod items;
pub mod load;
mod lowered;
pub mod manifest;
mod model;
mod output;
mod package;
mod print;
mod render;
pub mod rules;
mod short;
mod topics;
mod tree;
pub mod validation;
mod verify;
mod view;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use fleetops_avro::{Diagnostic, Source};

pub use build_script::{Build, build};
pub use generate::generate;
pub use output::{Context, Difference, Output, OutputError, Written, compare, write};
pub use package::{Package, RuntimeSource, package};
pub use render::{Template, VIEW_MODEL, templates};

/// How code is generated.
#[derive(Clone, Debug)]
pub struct Options {
    /// The path by which generated code calls the runtime. Default: `::fleetops_runtime`.
    pub runtime_path: String,
    /// Whether producers and consumers are generated. Default: always.
    pub kafka: Gate,
    /// Whether types have serde's derives, for the human form of JSON. Default: always.
    pub serde: Gate,
    /// Templates that replace built-in ones, by file name; see [`Options::read_templates`].
    pub templates: BTreeMap<String, Arc<Source>>,
    /// Whether [`Output::contexts`] is filled. Default: not.
    pub contexts: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            runtime_path: "::fleetops_runtime".to_owned(),
            kafka: Gate::Always,
            serde: Gate::Always,
            templates: BTreeMap::new(),
            contexts: false,
        }
    }
}

impl Options {
    /// Takes the `*.hbs` files of a folder in place of the built-in templates and slots of the same names.
    ///
    /// # Errors
    /// A folder or file that cannot be read.
    pub fn read_templates(&mut self, folder: &Path) -> Result<(), Vec<Diagnostic>> {
        self.templates = render::read_overrides(folder)?;
        Ok(())
    }
}

/// Whether a part of the code is generated: producers and consumers, which the runtime has with its feature `kafka` only,
/// or serde's derives, which cost a service that needs no JSON the time to compile them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Gate {
    /// Always.
    #[default]
    Always,
    /// Never.
    Never,
    /// Where this feature of the generated crate is on.
    Feature(String),
}
