//! A package around generated code: what `generate --crate` writes.
//!
//! The package depends on the runtime alone, and has a feature `kafka`, on by default, for producers and consumers.

use std::path::PathBuf;

use fleetops_avro::SchemaSet;
use fleetops_avro::diagnostic::Diagnostic;
use serde::Serialize;

use crate::generate::{Root, context, generate_as};
use crate::lowered::lowered;
use crate::manifest::Manifest;
use crate::model::Model;
use crate::model::top_level::file_name;
use crate::output::{MARK, Output};
use crate::render::Templates;
use crate::{Gate, Options, idents};

/// Where a generated package finds the runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuntimeSource {
    /// In a registry: a version requirement.
    Version(String),
    /// In a folder: an absolute path, or one relative to the package.
    Path(PathBuf),
}

/// What a generated package is called.
#[derive(Clone, Debug)]
pub struct Package {
    /// Its name, as Cargo takes it.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where the runtime is.
    pub runtime: RuntimeSource,
}

impl Default for Package {
    /// `fleetops-events` 0.1.0, with the runtime of this crate's own version from the registry.
    fn default() -> Self {
        Self {
            name: "fleetops-events".to_owned(),
            version: "0.1.0".to_owned(),
            runtime: RuntimeSource::Version(env!("CARGO_PKG_VERSION").to_owned()),
        }
    }
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct PackageView {
    /// The first line of every generated file.
    mark: &'static str,
    /// Literals of TOML.
    name: String,
    version: String,
    description: String,
    dependency: String,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ReadmeView {
    /// The first line of every generated file.
    mark: &'static str,
    title: String,
    name: String,
    sources: String,
    types: Vec<TypeRow>,
    topics: Vec<TopicRow>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct TypeRow {
    name: String,
    path: String,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct TopicRow {
    name: String,
    event: String,
    producer: String,
    consumer: String,
}

/// A text as TOML. Both know the same escapes for what can be in a name, a version or a path.
fn toml(text: &str) -> String {
    toml_edit::Value::from(text).decorated("", "").to_string()
}

/// Generates a package: `Cargo.toml`, `README.md` and `src/`.
///
/// # Errors
/// As [`generate`](crate::generate).
pub fn package(
    schemas: &SchemaSet,
    manifest: Option<&Manifest>,
    options: &Options,
    package: &Package,
) -> Result<Output, Vec<Diagnostic>> {
    let options = Options {
        kafka: Gate::Feature("kafka".to_owned()),
        serde: Gate::Feature("serde".to_owned()),
        ..options.clone()
    };
    let title = match schemas.files().count() {
        1 => "Generated from an Avro schema.".to_owned(),
        files => format!("Generated from {files} Avro schemas."),
    };
    let code = generate_as(schemas, manifest, &options, Root::Crate, vec![title])?;
    let templates = Templates::new(&options.templates)?;
    let settings = manifest.map(|m| m.generate.clone()).unwrap_or_default();
    let model = lowered(schemas, &settings, &options.runtime_path)?;
    let source = match &package.runtime {
        RuntimeSource::Version(version) => format!("version = {}", toml(version)),
        RuntimeSource::Path(path) => format!("path = {}", toml(&path.to_string_lossy())),
    };
    let features = if model.has_bigdecimal() {
        ", features = [\"bigdecimal\"]"
    } else {
        ""
    };
    let dependency = format!("{{ {source}, default-features = false{features} }}");
    let manifest_view = PackageView {
        mark: MARK,
        name: toml(&package.name),
        version: toml(&package.version),
        description: toml("Types, producers and consumers generated from Avro schemas"),
        dependency,
    };
    let readme = readme(schemas, manifest, package, &model);
    let one = |d: Box<Diagnostic>| vec![*d];
    let mut files = std::collections::BTreeMap::new();
    files.insert(
        "Cargo.toml".to_owned(),
        templates.render("cargo", &manifest_view).map_err(one)?,
    );
    files.insert(
        "README.md".to_owned(),
        templates.render("readme", &readme).map_err(one)?,
    );
    for (name, text) in code.files {
        files.insert(format!("src/{name}"), text);
    }
    let mut contexts = code.contexts;
    if options.contexts {
        contexts.push(context("cargo", &package.name, &manifest_view));
        contexts.push(context("readme", &package.name, &readme));
    }
    Ok(Output {
        files,
        warnings: code.warnings,
        contexts,
    })
}

fn readme(schemas: &SchemaSet, manifest: Option<&Manifest>, package: &Package, model: &Model) -> ReadmeView {
    let path = |home: &crate::model::Home| {
        let mut path = home.module.clone();
        path.push(home.ident.clone());
        path.join("::")
    };
    let mut types: Vec<TypeRow> = (model.records.values().map(|r| (&r.name, &r.home)))
        .chain(model.enums.values().map(|e| (&e.name, &e.home)))
        .chain(model.fixeds.values().map(|f| (&f.name, &f.home)))
        .chain((model.top_level.values().filter(|t| t.is_new())).map(|t| (t.shown(), &t.home)))
        .map(|(name, home)| TypeRow {
            name: name.clone(),
            path: path(home),
        })
        .collect();
    types.sort_by(|a, b| a.name.cmp(&b.name));
    let mut scope = idents::Scope::default();
    let topics = manifest.map(|m| m.topics.as_slice()).unwrap_or_default();
    let topics = topics
        .iter()
        .map(|topic| {
            let base = scope.take(&idents::camel(&topic.name.value), "");
            TopicRow {
                name: topic.name.value.clone(),
                event: topic.value.value.clone(),
                producer: format!("{base}Producer"),
                consumer: format!("{base}Consumer"),
            }
        })
        .collect();
    let names: Vec<String> = schemas
        .files()
        .map(|(source, _)| format!("`{}`", file_name(source.name())))
        .collect();
    ReadmeView {
        mark: MARK,
        title: package.name.clone(),
        name: package.name.clone(),
        sources: if names.len() <= 8 {
            names.join(", ")
        } else {
            format!("{} files", names.len())
        },
        types,
        topics,
    }
}
