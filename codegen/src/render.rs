//! Templates: the built-in ones, and a folder that may replace some of them.
//!
//! Handlebars runs in strict mode, so that a misspelt variable is an error and not an empty text, and without escaping,
//! because the view model holds finished Rust. Each template says in its first line what it is and which version of
//! the view model it was written for.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fleetops_avro::diagnostic::Diagnostic;
use fleetops_avro::source::{Place, Source, Span};
use handlebars::{Handlebars, RenderErrorReason};
use serde::Serialize;

/// The version of the view model.
const VERSION: u32 = 1;

const BUILT_IN: &[(&str, &str)] = &[
    ("builder", include_str!("../templates/builder.hbs")),
    ("cargo", include_str!("../templates/cargo.hbs")),
    ("enum", include_str!("../templates/enum.hbs")),
    ("environments", include_str!("../templates/environments.hbs")),
    ("fixed", include_str!("../templates/fixed.hbs")),
    ("module", include_str!("../templates/module.hbs")),
    ("readme", include_str!("../templates/readme.hbs")),
    ("record", include_str!("../templates/record.hbs")),
    ("topic", include_str!("../templates/topic.hbs")),
    ("union", include_str!("../templates/union.hbs")),
    ("view", include_str!("../templates/view.hbs")),
];

/// A built-in template: its file name and text, to start an override from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuiltIn {
    /// `record.hbs`
    pub file: &'static str,
    /// The text.
    pub text: &'static str,
}

/// The built-in templates, in the order of their names.
pub fn built_in_templates() -> Vec<BuiltIn> {
    BUILT_IN
        .iter()
        .map(|(name, text)| BuiltIn {
            file: file_name(name),
            text,
        })
        .collect()
}

fn file_name(name: &str) -> &'static str {
    match name {
        "builder" => "builder.hbs",
        "cargo" => "cargo.hbs",
        "enum" => "enum.hbs",
        "environments" => "environments.hbs",
        "fixed" => "fixed.hbs",
        "module" => "module.hbs",
        "readme" => "readme.hbs",
        "record" => "record.hbs",
        "topic" => "topic.hbs",
        "union" => "union.hbs",
        _ => "view.hbs",
    }
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
        let mut registry = Handlebars::new();
        registry.set_strict_mode(true);
        registry.register_escape_fn(handlebars::no_escape);
        let mut errors = Vec::new();
        for (file, source) in texts {
            if !BUILT_IN.iter().any(|(name, _)| file_name(name) == file) {
                let known = BUILT_IN.iter().map(|(name, _)| file_name(name));
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
        for (name, text) in BUILT_IN {
            let file = file_name(name);
            let source = match texts.get(file) {
                Some(source) => {
                    errors.extend(version(name, source));
                    Arc::clone(source)
                }
                None => Source::new(format!("<built-in>/{file}"), *text),
            };
            if let Err(error) = registry.register_template_string(name, source.text()) {
                let line = error.pos().map_or(1, |(line, _)| line);
                // Of a list of what the grammar could take here, nobody is the wiser.
                let reason = error.reason().to_string();
                let reason = reason.split(": expected").next().unwrap_or_default();
                errors.push(
                    at(
                        &source,
                        line,
                        "template-syntax",
                        format!("{file} is not a Handlebars template: {reason}"),
                        "this template",
                    )
                    .help("see that every `{{#if}}` and `{{#each}}` has its end, and every `{{` its `}}`"),
                );
            }
            sources.insert(*name, source);
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
        name: &'static str,
        view: &impl Serialize,
    ) -> Result<String, Box<Diagnostic>> {
        self.registry.render(name, view).map_err(|error| {
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
                    format!("{} cannot be rendered: {why}", file_name(name)),
                    "here",
                )
                .help(format!(
                    "the built-in {} shows what there is at this place",
                    file_name(name)
                )),
            )
        })
    }

    /// Where a template comes from.
    pub(crate) fn source(&self, name: &'static str) -> Arc<Source> {
        self.sources
            .get(name)
            .cloned()
            .unwrap_or_else(|| Source::new(file_name(name), ""))
    }
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

/// Whether an override says that it is written for this view model.
fn version(name: &str, source: &Arc<Source>) -> Option<Diagnostic> {
    let first = source.text().lines().next().unwrap_or_default();
    let wanted = format!("{{{{!-- fleetops-codegen template: {name}, version {VERSION} --}}}}");
    (first.trim() != wanted).then(|| {
        at(
            source,
            1,
            "template-version",
            format!(
                "{} is not for version {VERSION} of the view model",
                file_name(name)
            ),
            "the first line says what a template is for",
        )
        .help(format!(
            "bring it up to date with the built-in one, which starts with `{wanted}`"
        ))
    })
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
