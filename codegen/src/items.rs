//! The items of one module: views, templates, verification. Short forms of paths are the module's, and so are imports.

use std::collections::BTreeSet;

use fleetops_avro::diagnostic::Diagnostic;
use fleetops_avro::schema::TypeId;
use serde::Serialize;

use crate::emit::Emitter;
use crate::generate::{Root, Run, context};
use crate::idents::bare;
use crate::manifest::Manifest;
use crate::model::{Dress, ModulePath, Type};
use crate::short::Short;
use crate::verify::Expected;
use crate::view::Views;
use crate::{topics, verify};

/// Makes the items of a module.
pub(crate) struct Items<'a> {
    run: &'a Run<'a>,
    module: &'a ModulePath,
    short: Short,
}

impl<'a> Items<'a> {
    /// `names` are all that are in the module.
    pub(crate) fn new(
        run: &'a Run<'a>,
        module: &'a ModulePath,
        names: Option<&BTreeSet<String>>,
        root: Root,
    ) -> Self {
        // What is around an included root is not known.
        let short = match (names, module.as_slice(), root) {
            (None, ..) | (_, [], Root::Module) => Short::nothing(),
            (Some(names), ..) => Short::beside(names, &run.options.runtime_path),
        };
        Self { run, module, short }
    }

    /// The imports that the items made so far need.
    pub(crate) fn imports(&self) -> String {
        self.short.imports()
    }

    /// The items of a type, and of the unions in it.
    pub(crate) fn of_type(&self, id: TypeId) -> Result<Vec<String>, Vec<Diagnostic>> {
        let run = self.run;
        let views = Views::new(
            run.schemas,
            run.model,
            self.module,
            &run.options.runtime_path,
            &run.options.serde,
            &run.work,
        );
        let one = |d: Box<Diagnostic>| vec![*d];
        let mut items = Vec::new();
        if let Some(record) = run.model.records.get(&id) {
            let view = views.record(id, record)?;
            let mut dress = record.dress.clone();
            dress
                .attributes
                .extend(record.fields.iter().flat_map(|f| f.attributes.iter().cloned()));
            let (name, ident, builder) = (&record.name, bare(&view.ident), bare(&view.builder.ident));
            items.push(
                self.item_with(
                    "record",
                    name,
                    &view,
                    &[
                        format!("struct {ident}"),
                        format!("impl {ident}"),
                        format!("impl AvroRecord for {ident}"),
                        format!("impl Default for {ident}"),
                    ],
                    &dress,
                    view.schema.len(),
                )
                .map_err(one)?,
            );
            if record.borrows {
                let borrowed = bare(&view.view_ident);
                let expected = [format!("struct {borrowed}"), format!("impl {borrowed}")];
                items.push(self.item("view", name, &view, &expected, &dress).map_err(one)?);
            }
            items.push(
                self.item(
                    "builder",
                    name,
                    &view,
                    &[
                        format!("struct {builder}"),
                        format!("struct {}", bare(&view.builder.required_ident)),
                        format!("impl {builder}"),
                    ],
                    &dress,
                )
                .map_err(one)?,
            );
        } else if let Some(e) = run.model.enums.get(&id) {
            let view = views.enumeration(id, e);
            let ident = bare(&view.ident);
            items.push(
                self.item_with(
                    "enum",
                    &e.name,
                    &view,
                    &[
                        format!("enum {ident}"),
                        format!("impl {ident}"),
                        format!("impl Display for {ident}"),
                        format!("impl FromStr for {ident}"),
                        format!("impl From for {ident}"),
                        format!("impl TryFrom for {ident}"),
                    ],
                    &e.dress,
                    view.schema.len(),
                )
                .map_err(one)?,
            );
        } else if let Some(f) = run.model.fixeds.get(&id) {
            let view = views.fixed(id, f);
            let ident = bare(&view.ident);
            items.push(
                self.item_with(
                    "fixed",
                    &f.name,
                    &view,
                    &[
                        format!("struct {ident}"),
                        format!("impl {ident}"),
                        format!("impl From for {ident}"),
                        format!("impl TryFrom for {ident}"),
                        format!("impl From for [u8 ; {}]", f.size),
                        format!("impl AsRef for {ident}"),
                    ],
                    &f.dress,
                    view.schema.len(),
                )
                .map_err(one)?,
            );
        }
        let (unions, top) = (self.unions(&views, id), self.top_level(&views, id));
        let is_union = (run.model.top_level.get(&id)).is_some_and(|top| matches!(top.ty, Type::Union(_)));
        if is_union {
            items.extend(unions.map_err(one)?);
            items.extend(top.map_err(one)?);
        } else {
            items.extend(top.map_err(one)?);
            items.extend(unions.map_err(one)?);
        }
        Ok(items)
    }

    /// What a file has at its top that is no record: its codec, and before it the struct, where it is one around what it holds.
    fn top_level(&self, views: &Views<'_>, id: TypeId) -> Result<Vec<String>, Box<Diagnostic>> {
        let mut items = Vec::new();
        let Some(top) = self.run.model.top_level.get(&id) else {
            return Ok(items);
        };
        let view = views.top_level(id, top);
        let (ident, borrowed) = (bare(&view.ident), bare(&view.view_ident));
        if top.wraps() {
            let mut expected = vec![format!("struct {ident}"), format!("impl From for {ident}")];
            if view.borrows {
                expected.extend([format!("struct {borrowed}"), format!("impl {borrowed}")]);
            }
            items.push(self.item("unnamed", &top.name, &view, &expected, &top.dress)?);
        }
        let mut expected = vec![format!("impl {ident}"), format!("impl AvroRecord for {ident}")];
        if view.borrows {
            expected.push(format!("impl {borrowed}"));
        }
        let literal = if view.has_schema { 0 } else { view.schema.len() };
        items.push(self.item_with("top_level", &top.name, &view, &expected, &top.dress, literal)?);
        Ok(items)
    }

    /// The unions in a type.
    fn unions(&self, views: &Views<'_>, id: TypeId) -> Result<Vec<String>, Box<Diagnostic>> {
        let mut items = Vec::new();
        for (index, union) in self.run.model.unions_of(id) {
            let view = views.union(index, union);
            let (ident, borrowed) = (bare(&view.ident), bare(&view.view_ident));
            let mut expected = vec![
                format!("enum {ident}"),
                format!("impl {ident}"),
                format!("impl From for {ident}"),
            ];
            if union.borrows {
                expected.extend([format!("enum {borrowed}"), format!("impl {borrowed}")]);
            }
            let item = self.item("union", &union.owner, &view, &expected, &union.dress);
            items.push(item?);
        }
        Ok(items)
    }

    /// Renders, audits and formats.
    fn item(
        &self,
        template: &'static str,
        subject: &str,
        view: &impl Serialize,
        expected: &[String],
        dress: &Dress,
    ) -> Result<String, Box<Diagnostic>> {
        self.item_with(template, subject, view, expected, dress, 0)
    }

    /// The same where the text has a literal of so many bytes, which costs a compiler less than code does.
    fn item_with(
        &self,
        template: &'static str,
        subject: &str,
        view: &impl Serialize,
        expected: &[String],
        dress: &Dress,
        literal: usize,
    ) -> Result<String, Box<Diagnostic>> {
        let run = self.run;
        if let Some(contexts) = &run.contexts {
            contexts.borrow_mut().push(context(template, subject, view));
        }
        let text = run.templates.render(template, view)?;
        // A template of the user's may leave the literal out.
        run.work.spend(text.len().saturating_sub(literal / 4 * 3));
        let expected = Expected {
            items: expected.iter().cloned().collect(),
            attributes: dress.attributes.clone(),
            allow: dress.allow.clone(),
            short: Some(&self.short),
        };
        verify::verify(&run.templates.source(template), subject, &text, &expected)
    }

    /// The items of the topics' module, and its imports.
    pub(crate) fn of_topics(
        run: &'a Run<'a>,
        module: &'a ModulePath,
        manifest: &Manifest,
    ) -> Result<(Vec<String>, String), Vec<Diagnostic>> {
        let runtime = &run.options.runtime_path;
        let emitter = Emitter {
            model: run.model,
            module,
            runtime,
            work: &run.work,
        };
        let one = |d: Box<Diagnostic>| vec![*d];
        let mut items = Vec::new();
        let views = topics::topics(run.schemas, manifest, &emitter, &run.options.kafka);
        let names = (views.iter())
            .flat_map(|view| [&view.topic, &view.producer, &view.consumer])
            .map(|ident| bare(ident).to_owned())
            .collect();
        let maker = Self::new(run, module, Some(&names), Root::Module);
        for view in views {
            let topic = &view.topic;
            let expected = [
                format!("struct {topic}"),
                format!("impl Topic for {topic}"),
                format!("type {}", view.producer),
                format!("type {}", view.consumer),
            ];
            let dress = Dress::default();
            items.push(
                maker
                    .item("topic", &view.shown, &view, &expected, &dress)
                    .map_err(one)?,
            );
        }
        let environments = topics::environments(manifest, runtime);
        let expected = ["const ENVIRONMENTS".to_owned()];
        items.push(
            maker
                .item(
                    "environments",
                    "the manifest",
                    &environments,
                    &expected,
                    &Dress::default(),
                )
                .map_err(one)?,
        );
        let imports = maker.imports();
        Ok((items, imports))
    }
}
