//! From schemas and a manifest to files: model, views, templates, verification, in that order. No I/O.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use fleetops_avro::SchemaSet;
use fleetops_avro::diagnostic::Diagnostic;
use fleetops_avro::schema::TypeId;
use serde::Serialize;

use crate::emit::work::Work;
use crate::items::Items;
use crate::lowered::lowered;
use crate::manifest::{Manifest, has_errors};
use crate::model::depth::type_place;
use crate::model::{Model, ModulePath};
use crate::output::{Context, MARK, Output};
use crate::render::Templates;
use crate::tree::{self, Tree};
use crate::verify::Expected;
use crate::view::{doc_literals, too_much_code};
use crate::{Options, verify};

/// What a file is generated for, so that it can be laid out as the root of a module tree or of a crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    /// `mod.rs`, to be included: no inner attributes.
    Module,
    /// `lib.rs`.
    Crate,
}

/// Generates the code.
///
/// # Errors
/// What is wrong with the manifest, the schemas' validation attributes and defaults, or a template; each with its place.
pub fn generate(
    schemas: &SchemaSet,
    manifest: Option<&Manifest>,
    options: &Options,
) -> Result<Output, Vec<Diagnostic>> {
    generate_as(schemas, manifest, options, Root::Module, Vec::new())
}

/// A module, for `module.hbs`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ModuleView {
    /// Literals of doc lines.
    docs: Vec<String>,
    /// Declarations of the modules in it.
    modules: Vec<String>,
}

/// What a template is given, as a value.
pub(crate) fn context(template: &'static str, subject: &str, view: &impl Serialize) -> Context {
    Context {
        template,
        subject: subject.to_owned(),
        context: serde_json::to_value(view).unwrap_or_default(),
    }
}

/// The stack that generation gets. Parsing and formatting code takes some 3 MiB, without optimization, where types are
/// nested as deep as they may be; a caller's thread may have less.
const STACK: usize = 16 << 20;

pub(crate) fn generate_as(
    schemas: &SchemaSet,
    manifest: Option<&Manifest>,
    options: &Options,
    root: Root,
    root_docs: Vec<String>,
) -> Result<Output, Vec<Diagnostic>> {
    let mut work = Some(move || run(schemas, manifest, options, root, root_docs));
    let result = std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(STACK);
        let handle = builder.spawn_scoped(scope, || work.take().map(|work| work()));
        match handle.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(_) => None,
        }
    });
    match (result, work) {
        (Some(result), _) => result,
        // There was no thread to be had, so this one must do the work.
        (None, Some(work)) => work(),
        // Work that was taken has a result.
        (None, None) => Err(Vec::new()),
    }
}

fn run(
    schemas: &SchemaSet,
    manifest: Option<&Manifest>,
    options: &Options,
    root: Root,
    root_docs: Vec<String>,
) -> Result<Output, Vec<Diagnostic>> {
    let mut warnings = schemas.warnings().to_vec();
    if let Some(manifest) = manifest {
        let found = manifest.check(schemas);
        if has_errors(&found) {
            return Err(found);
        }
        warnings.extend(found);
    }
    let settings = manifest.map(|m| m.generate.clone()).unwrap_or_default();
    let mut model = lowered(schemas, &settings, &options.runtime_path)?;
    warnings.append(&mut model.warnings);
    let templates = Templates::new(&options.templates)?;
    let run = Run {
        schemas,
        options,
        model: &model,
        templates,
        work: Work::default(),
        contexts: options.contexts.then(RefCell::default),
    };
    let mut tree = Tree::default();
    tree.node(&[]);
    let mut errors = Vec::new();
    for (module, types) in run.by_module() {
        let mut items = Vec::new();
        let maker = Items::new(&run, &module, model.names.get(&module), root);
        for id in types {
            match maker.of_type(id) {
                Ok(code) => items.extend(code),
                Err(mut found) => errors.append(&mut found),
            }
            if run.work.is_exhausted() {
                let node = schemas.node(id);
                let name = node.name().map(ToString::to_string).unwrap_or_default();
                if !errors.iter().any(|e| e.rule == "too-much-code") {
                    errors.push(too_much_code(type_place(schemas, id), &name));
                }
                return Err(errors);
            }
        }
        let node = tree.node(&module);
        node.imports = maker.imports();
        node.items = items;
    }
    if let Some(manifest) = manifest {
        let module = run.topics_module();
        match Items::of_topics(&run, &module, manifest) {
            Ok((items, imports)) => {
                let node = tree.node(&module);
                node.imports = imports;
                node.items = items;
                node.docs = vec![
                    "The topics of the manifest, and the types that send and receive their events."
                        .to_owned(),
                ];
            }
            Err(mut found) => errors.append(&mut found),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut files = BTreeMap::new();
    run.files(&tree, root, root_docs, &mut files)?;
    Ok(Output {
        files,
        warnings,
        contexts: run.contexts.map(RefCell::into_inner).unwrap_or_default(),
    })
}

/// What all files have in common.
pub(crate) struct Run<'a> {
    pub(crate) schemas: &'a SchemaSet,
    pub(crate) options: &'a Options,
    pub(crate) model: &'a Model,
    pub(crate) templates: Templates,
    pub(crate) work: Work,
    /// What templates were given, where it is asked for.
    pub(crate) contexts: Option<RefCell<Vec<Context>>>,
}

impl Run<'_> {
    /// The types of each module, in the order of the schema texts: an outer type comes before those defined in it.
    fn by_module(&self) -> BTreeMap<ModulePath, Vec<TypeId>> {
        let mut out: BTreeMap<ModulePath, Vec<TypeId>> = BTreeMap::new();
        let homes = (self.model.records.iter().map(|(id, r)| (*id, &r.home)))
            .chain(self.model.enums.iter().map(|(id, e)| (*id, &e.home)))
            .chain(self.model.fixeds.iter().map(|(id, f)| (*id, &f.home)))
            .chain(
                (self.model.top_level.iter())
                    .filter_map(|(id, top)| top.is_new().then_some((*id, &top.home))),
            );
        for (id, home) in homes {
            out.entry(home.module.clone()).or_default().push(id);
        }
        for types in out.values_mut() {
            types.sort_by_cached_key(|id| {
                let place = &self.schemas.node(*id).place;
                (place.source.name().to_owned(), place.span.start, *id)
            });
        }
        out
    }

    /// The module of topics: `topics`, or the next free name.
    fn topics_module(&self) -> ModulePath {
        let taken: BTreeSet<&str> = (self.model.records.values().map(|r| &r.home))
            .chain(self.model.enums.values().map(|e| &e.home))
            .chain(self.model.fixeds.values().map(|f| &f.home))
            .chain(self.model.top_level.values().map(|t| &t.home))
            .filter_map(|home| home.module.first())
            .map(String::as_str)
            .collect();
        let mut name = "topics".to_owned();
        let mut number = 2;
        while taken.contains(name.as_str()) {
            name = format!("topics_{number}");
            number += 1;
        }
        vec![name]
    }

    /// Lays the tree out in files: one for each module that has items, and the root.
    fn files(
        &self,
        tree: &Tree,
        root: Root,
        root_docs: Vec<String>,
        files: &mut BTreeMap<String, String>,
    ) -> Result<(), Vec<Diagnostic>> {
        for (path, node) in &tree.nodes {
            if !path.is_empty() && node.items.is_empty() {
                continue;
            }
            let name = match (path.as_slice(), root) {
                ([], Root::Module) => "mod.rs".to_owned(),
                ([], Root::Crate) => "lib.rs".to_owned(),
                (path, _) => tree::file_of(path),
            };
            let docs = match path.as_slice() {
                [] => root_docs.clone(),
                path if node.docs.is_empty() => {
                    vec![format!("Types of the namespace `{}`.", tree::namespace(path))]
                }
                _ => node.docs.clone(),
            };
            let mut expected = Expected::default();
            let view = ModuleView {
                docs: doc_literals(docs),
                modules: tree.declarations(path, &mut expected),
            };
            if let Some(contexts) = &self.contexts {
                contexts.borrow_mut().push(context("module", &name, &view));
            }
            let text = self.templates.render("module", &view).map_err(|d| vec![*d])?;
            let head = verify::verify(&self.templates.source("module"), "a module", &text, &expected)
                .map_err(|d| vec![*d])?;
            let mut parts = vec![format!("// {MARK}\n")];
            if !head.trim().is_empty() {
                parts.push(head);
            }
            if !node.imports.is_empty() {
                parts.push(node.imports.clone());
            }
            parts.extend(node.items.iter().cloned());
            files.insert(name, parts.join("\n"));
        }
        Ok(())
    }
}
