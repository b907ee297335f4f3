//! Templates: the built-in ones, and a folder that may replace some of them.
//!
//! Handlebars runs in strict mode, so that a misspelt variable is an error and not an empty text, and without escaping,
//! because the view model holds finished Rust. Each template says in its first line what it is and which version of
//! it. A copy has to be of the same version: it goes up when a copy of the text before would not compile any more, or would
//! lack what is said of the generated code. Each template has a version of its own, so that a change of one asks nothing
//! of those who copied another; a slot's is 1 for as long as what it is given only grows. A slot is a template that is empty until
//! a file fills it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use fleetops_avro::diagnostic::Diagnostic;
use fleetops_avro::source::{Place, Source, Span};
use handlebars::{Handlebars, RenderErrorReason, TemplateError};
use serde::Serialize;

/// What templates see, as a JSON Schema: an object with what each template is given, by the template's name.
pub const VIEW_MODEL: &str = include_str!("../templates/view-model.schema.json");

/// A template that there is, or a slot: a place in a template for small additions, which is empty unless a file fills it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template {
    /// `record`
    pub name: &'static str,
    /// `record.hbs`
    pub file: &'static str,
    /// What it lays out, or where it stands.
    pub about: &'static str,
    /// The text; a slot has none but the line that says what it is.
    pub text: &'static str,
    /// It is a slot.
    pub is_slot: bool,
}

macro_rules! template {
    ($name:literal, $about:literal) => {
        Template {
            name: $name,
            file: concat!($name, ".hbs"),
            about: $about,
            text: include_str!(concat!("../templates/", $name, ".hbs")),
            is_slot: false,
        }
    };
}

macro_rules! slot {
    ($name:literal, $about:literal) => {
        Template {
            name: $name,
            file: concat!($name, ".hbs"),
            about: $about,
            text: concat!("{{!-- fleetops-codegen template: ", $name, ", version 1 --}}\n"),
            is_slot: true,
        }
    };
}

const BUILT_IN: &[Template] = &[
    template!(
        "builder",
        "the builder of a record, and the struct of what it requires"
    ),
    template!("cargo", "`Cargo.toml` of a package"),
    template!("enum", "an enum"),
    template!("environments", "the environments of the manifest, as a constant"),
    template!("fixed", "a fixed"),
    template!(
        "module",
        "the head of a file: documentation, and the modules in it"
    ),
    template!("readme", "`README.md` of a package"),
    template!("record", "a record: struct, codec, validation, defaults"),
    template!(
        "top_level",
        "the codec of what a file has at its top that is no record"
    ),
    template!("topic", "a topic, its producer and its consumer"),
    template!("union", "a union that is an enum of its own, and its view"),
    template!(
        "unnamed",
        "a struct around an array, a map or a primitive type at the top of a file, and its view"
    ),
    template!("view", "the borrowed view of a record"),
    slot!(
        "cargo_package",
        "in `[package]` of `Cargo.toml`: authors, licence, `publish`"
    ),
    slot!("enum_attributes", "on an enum: attributes and derives"),
    slot!("enum_items", "in `impl` of an enum: functions and constants"),
    slot!("fixed_attributes", "on a fixed: attributes and derives"),
    slot!("readme_end", "at the end of `README.md`"),
    slot!(
        "record_attributes",
        "on the struct of a record: attributes and derives"
    ),
    slot!("record_items", "in `impl` of a record: functions and constants"),
    slot!(
        "top_level_items",
        "in `impl` of what a file has at its top that is no record: functions and constants"
    ),
    slot!(
        "union_attributes",
        "on the enum of a union: attributes and derives"
    ),
    slot!("union_items", "in `impl` of a union: functions and constants"),
    slot!(
        "unnamed_attributes",
        "on a struct around an array, a map or a primitive type: attributes and derives"
    ),
];

/// The built-in templates in the order of their names, then the slots.
pub fn templates() -> &'static [Template] {
    BUILT_IN
}

/// The templates of one run.
#[derive(Debug)]
pub(crate) struct Templates {
    registry: Handlebars<'static>,
    sources: BTreeMap<&'static str, Arc<Source>>,
}

impl Templates {
    /// The built-in templates, and in place of them what `texts` has by file name.
    ///
    /// # Errors
    /// Templates that cannot be parsed, are of another version, or have a name that is none.
    pub(crate) fn new(texts: &BTreeMap<String, Arc<Source>>) -> Result<Self, Vec<Diagnostic>> {
        let mut registry = built_in().clone();
        let mut errors = Vec::new();
        for (file, source) in texts {
            if !BUILT_IN.iter().any(|t| t.file == file) {
                let known = BUILT_IN.iter().map(|t| t.file);
                let near = crate::manifest::nearest(file, known.clone());
                let error = at(
                    source,
                    1,
                    "unknown-template",
                    format!("{file} is the name of no template"),
                    "not used",
                );
                errors.push(match near {
                    Some(near) => error.help(format!("did you mean `{near}`?")),
                    None => error.note(format!("templates: {}", known.collect::<Vec<_>>().join(", "))),
                });
            }
        }
        let mut sources = BTreeMap::new();
        for template in BUILT_IN {
            let Template { name, file, text, .. } = template;
            let Some(source) = texts.get(*file) else {
                sources.insert(*name, Source::new(format!("<built-in>/{file}"), *text));
                continue;
            };
            errors.extend(version(template, source));
            if let Err(error) = registry.register_template_string(name, source.text()) {
                errors.push(syntax(file, source, &error));
            }
            sources.insert(*name, Arc::clone(source));
        }
        if errors.is_empty() {
            Ok(Self { registry, sources })
        } else {
            Err(errors)
        }
    }

    /// Renders a template.
    ///
    /// # Errors
    /// A variable that the view model does not have, with its line.
    pub(crate) fn render(
        &self,
        outer: &'static str,
        view: &impl Serialize,
    ) -> Result<String, Box<Diagnostic>> {
        self.registry.render(outer, view).map_err(|error| {
            // What is wrong may be in a slot, which has a file of its own.
            let inner = error.template_name.as_deref();
            let name = inner.and_then(|inner| self.sources.keys().find(|known| **known == inner));
            let name = name.copied().unwrap_or(outer);
            let source = self.source(name);
            let why = match error.reason() {
                RenderErrorReason::MissingVariable(Some(variable)) => {
                    format!("the view model has no `{variable}`")
                }
                reason => reason.to_string(),
            };
            Box::new(
                at(
                    &source,
                    error.line_no.unwrap_or(1),
                    "template-render",
                    format!("{name}.hbs cannot be rendered: {why}"),
                    "here",
                )
                .help(format!(
                    "the built-in {outer}.hbs shows what there is at this place"
                )),
            )
        })
    }

    /// Where a template comes from.
    pub(crate) fn source(&self, name: &'static str) -> Arc<Source> {
        self.sources
            .get(name)
            .cloned()
            .unwrap_or_else(|| Source::new(name, ""))
    }
}

/// Handlebars with the built-in templates, parsed once in a process: that takes longer than to generate a usual package,
/// because the parser counts lines from the start of the text for each element.
///
/// One that cannot be parsed is missing in it and fails where it is rendered; a test gives them all as overrides, whose errors are told.
fn built_in() -> &'static Handlebars<'static> {
    static BUILT: OnceLock<Handlebars<'static>> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut registry = Handlebars::new();
        registry.set_strict_mode(true);
        registry.register_escape_fn(handlebars::no_escape);
        for Template { name, text, .. } in BUILT_IN {
            let _ = registry.register_template_string(name, text);
        }
        registry
    })
}

/// A template that is not Handlebars.
fn syntax(file: &str, source: &Arc<Source>, error: &TemplateError) -> Diagnostic {
    let line = error.pos().map_or(1, |(line, _)| line);
    // Of a list of what the grammar could take here, nobody is the wiser.
    let reason = error.reason().to_string();
    let reason = reason.split(": expected").next().unwrap_or_default();
    at(
        source,
        line,
        "template-syntax",
        format!("{file} is not a Handlebars template: {reason}"),
        "this template",
    )
    .help("see that every `{{#if}}` and `{{#each}}` has its end, and every `{{` its `}}`")
}

/// Reads the overrides in a folder. Files that are not `*.hbs` are left alone.
///
/// # Errors
/// A folder or file that cannot be read.
pub(crate) fn read_overrides(folder: &Path) -> Result<BTreeMap<String, Arc<Source>>, Vec<Diagnostic>> {
    let unreadable = |path: &Path, why: &dyn std::fmt::Display| {
        let place = Place::new(&Source::new(path.display().to_string(), ""), Span::default());
        let message = format!("{} cannot be read", path.display());
        vec![Diagnostic::error(
            "unreadable-file",
            place,
            message,
            why.to_string(),
        )]
    };
    let entries = fs::read_dir(folder).map_err(|e| unreadable(folder, &e))?;
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| unreadable(folder, &e))?.path();
        if path.extension().is_some_and(|e| e == "hbs") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut out = BTreeMap::new();
    for path in paths {
        let source = crate::load::read(&path).map_err(|why| vec![*why])?;
        let name = path
            .file_name()
            .map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default();
        out.insert(name, source);
    }
    Ok(out)
}

/// Whether an override says that it is of the version that the built-in one has.
fn version(template: &Template, source: &Arc<Source>) -> Option<Diagnostic> {
    let first = |text: &str| text.lines().next().unwrap_or_default().trim().to_owned();
    let (found, wanted) = (first(source.text()), first(template.text));
    (found != wanted).then(|| {
        let file = template.file;
        let message = match (number(&found), number(&wanted)) {
            (Some(found), Some(wanted)) if found != wanted => {
                format!(
                    "{file} is of version {found} of the template, and the built-in one of version {wanted}"
                )
            }
            _ => format!("{file} does not say which template it is"),
        };
        at(
            source,
            1,
            "template-version",
            message,
            "the first line says what a template is",
        )
        .help(format!(
            "bring it up to date with the built-in one, which starts with `{wanted}`"
        ))
        .note(format!(
            "`templates export --out DIR {}` writes that one",
            template.name
        ))
    })
}

/// The version that a first line tells.
fn number(line: &str) -> Option<&str> {
    let (_, behind) = line.rsplit_once(", version ")?;
    Some(behind.trim_end_matches("--}}").trim())
}

/// A diagnostic for a line of a template.
fn at(source: &Arc<Source>, line: usize, rule: &'static str, message: String, label: &str) -> Diagnostic {
    let mut start = 0;
    for (index, text) in source.text().split_inclusive('\n').enumerate() {
        if index + 1 == line {
            let end = start + text.trim_end().len();
            let span = Span::new(start as u32, end as u32);
            return Diagnostic::error(rule, Place::new(source, span), message, label);
        }
        start += text.len();
    }
    Diagnostic::error(rule, Place::new(source, Span::default()), message, label)
}
