//! Whether a JSON value can be a field's default: Java's `Schema.isValidDefault`.
//!
//! A union's default may be of any branch (Avro before 1.12 asked for the first). A record's default may leave out
//! fields that have defaults themselves. A record that is not known yet takes any object; when all is known it is
//! checked again, and then Java stumbles over a record whose fields it has not set yet: see [`crate::parse::link`].

use std::collections::HashMap;
use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::json::{self, Value};
use crate::parse::build::{Forward, Target, describe, target};
use crate::schema::{Kind, Node, TypeId};
use crate::source::{Place, Source, Span};

/// Records may be nested so deep in each other's defaults.
const MAX_DEPTH: usize = 500;

/// Why a default does not fit.
pub(crate) struct Mismatch {
    /// The value that does not fit: the default, or a part of it.
    pub(crate) span: Option<Span>,
    pub(crate) expected: String,
    pub(crate) why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// It is of another type.
    Type,
    /// The type is a reference to something that is defined further down, if at all.
    DefinedLater(usize),
    /// A field of a record is left out that has no default.
    MissingField,
    /// The record contains the very field whose default this is.
    Recursive,
    /// Nesting or work beyond the limits.
    Limit,
}

/// One check. `finished` gives, where all is known, the order in which Java sets the fields of records.
pub(crate) struct Check<'a> {
    nodes: &'a [Node],
    forwards: &'a [Forward],
    finished: Option<(&'a HashMap<TypeId, usize>, usize)>,
    fuel: &'a mut usize,
    depth: usize,
    known: HashMap<(TypeId, *const Value), bool>,
    /// Whether a record was looked into, or one that is not known yet was met.
    pub(crate) met_record: bool,
}

impl<'a> Check<'a> {
    pub(crate) fn new(
        nodes: &'a [Node],
        forwards: &'a [Forward],
        finished: Option<(&'a HashMap<TypeId, usize>, usize)>,
        fuel: &'a mut usize,
    ) -> Self {
        Self {
            nodes,
            forwards,
            finished,
            fuel,
            depth: 0,
            known: HashMap::new(),
            met_record: false,
        }
    }

    /// The default of a field of that type.
    pub(crate) fn field(&mut self, ty: TypeId, value: &Value) -> Result<(), Mismatch> {
        self.check(ty, value, true)
    }

    fn value(&mut self, ty: TypeId, value: &Value) -> Result<(), Mismatch> {
        self.check(ty, value, false)
    }

    /// `own`: the value is all of a field's default, and the type the field's own.
    fn check(&mut self, ty: TypeId, value: &Value, own: bool) -> Result<(), Mismatch> {
        if *self.fuel == 0 || self.depth > MAX_DEPTH {
            return Err(Mismatch {
                span: None,
                expected: "a default of less nesting".to_owned(),
                why: Why::Limit,
            });
        }
        *self.fuel -= 1;
        let id = match target(ty) {
            Target::Known(id) => id,
            Target::Broken => return Ok(()),
            Target::Forward(index) => {
                self.met_record = true;
                if self.finished.is_some() {
                    return match self.forwards.get(index).map(|f| f.target) {
                        Some(id) => self.value(id, value),
                        None => Ok(()),
                    };
                }
                // Until it is known, Java has a record without fields in its place.
                if matches!(value.kind, json::Kind::Object(_)) {
                    return Ok(());
                }
                let name = self.forwards.get(index).map_or("", |f| &*f.full);
                return Err(Mismatch {
                    span: Some(value.span),
                    expected: format!("`{name}` is not defined yet where this default is read"),
                    why: Why::DefinedLater(index),
                });
            }
        };
        let Some(node) = self.nodes.get(id.index()) else {
            return Ok(());
        };
        let fits = match (&node.kind, &value.kind) {
            (Kind::Record(_), json::Kind::Object(_)) => return self.record(id, value),
            (Kind::Array(items), json::Kind::Array(values)) => {
                return self.all(*items, values.iter());
            }
            (Kind::Map(values), json::Kind::Object(_)) => {
                let members = value.members();
                return self.all(*values, members.into_iter().map(|m| &m.value));
            }
            (Kind::Union(branches), _) => return self.union(branches, value),
            (Kind::String | Kind::Bytes | Kind::Enum(_) | Kind::Fixed(_), json::Kind::String(_)) => true,
            (Kind::Int, json::Kind::Number(text)) => json::is_integral(text) && text.parse::<i32>().is_ok(),
            (Kind::Long, json::Kind::Number(text)) => json::is_integral(text) && text.parse::<i64>().is_ok(),
            (Kind::Float | Kind::Double, json::Kind::Number(_)) => true,
            // A field's own default that stood for a number was made one before; of the others these are left.
            (Kind::Float | Kind::Double, json::Kind::String(text)) => {
                own && matches!(text.as_str(), "NaN" | "Infinity" | "-Infinity")
            }
            (Kind::Boolean, json::Kind::Bool(_)) | (Kind::Null, json::Kind::Null) => true,
            _ => false,
        };
        if fits {
            return Ok(());
        }
        Err(Mismatch {
            span: Some(value.span),
            expected: format!("{}, found {}", expected(node), describe(&value.kind)),
            why: Why::Type,
        })
    }

    fn all<'v>(&mut self, ty: TypeId, values: impl Iterator<Item = &'v Value>) -> Result<(), Mismatch> {
        self.depth += 1;
        for value in values {
            self.value(ty, value)?;
        }
        self.depth -= 1;
        Ok(())
    }

    fn union(&mut self, branches: &[TypeId], value: &Value) -> Result<(), Mismatch> {
        let mut last = None;
        let depth = self.depth;
        for branch in branches {
            self.depth = depth + 1;
            match self.value(*branch, value) {
                Ok(()) => {
                    self.depth = depth;
                    return Ok(());
                }
                // Java gives up here, whatever the branches after this one.
                Err(mismatch) if matches!(mismatch.why, Why::Recursive | Why::Limit) => return Err(mismatch),
                Err(mismatch) => last = Some(mismatch),
            }
        }
        self.depth = depth;
        match last {
            // One branch besides null: its own reason says more.
            Some(mismatch) if branches.len() <= 2 && mismatch.why != Why::Type => Err(mismatch),
            _ => Err(Mismatch {
                span: Some(value.span),
                expected: format!(
                    "expected a value of one of {}, found {}",
                    self.list(branches),
                    describe(&value.kind)
                ),
                why: Why::Type,
            }),
        }
    }

    fn list(&self, branches: &[TypeId]) -> String {
        let names: Vec<String> = branches
            .iter()
            .take(8)
            .map(|branch| match target(*branch) {
                Target::Known(id) => self.nodes.get(id.index()).map_or_else(String::new, |node| {
                    node.name()
                        .map_or_else(|| node.kind.word().to_owned(), |name| name.name.clone())
                }),
                Target::Forward(index) => self
                    .forwards
                    .get(index)
                    .map_or_else(String::new, |f| f.written.to_string()),
                Target::Broken => String::new(),
            })
            .collect();
        let more = if branches.len() > 8 { ", ..." } else { "" };
        format!("[{}{more}]", names.join(", "))
    }

    fn record(&mut self, id: TypeId, value: &Value) -> Result<(), Mismatch> {
        let Some(Node {
            kind: Kind::Record(record),
            ..
        }) = self.nodes.get(id.index())
        else {
            return Ok(());
        };
        self.met_record = true;
        if let Some((finished, now)) = self.finished
            && finished.get(&id).is_none_or(|&then| then >= now)
        {
            return Err(Mismatch {
                span: Some(value.span),
                expected: format!("`{}` contains the field whose default this is", record.name),
                why: Why::Recursive,
            });
        }
        // The same part of a default may be reached on many ways; the answer is the same on each.
        if self.known.get(&(id, std::ptr::from_ref(value))) == Some(&true) {
            return Ok(());
        }
        let depth = self.depth;
        for field in &record.fields {
            self.depth = depth + 1;
            let own = value.get(&field.name);
            let Some(found) = own.or(field.default.as_ref()) else {
                return Err(Mismatch {
                    span: Some(value.span),
                    expected: format!(
                        "the field `{}` of `{}` is missing, and has no default",
                        field.name, record.name
                    ),
                    why: Why::MissingField,
                });
            };
            if let Err(mut mismatch) = self.check(field.ty, found, own.is_none()) {
                if own.is_none() {
                    // The place is in another default, maybe in another file.
                    mismatch.span = Some(value.span);
                    mismatch.expected = format!(
                        "the default of `{}`, a field of `{}`, is taken here: {}",
                        field.name, record.name, mismatch.expected
                    );
                }
                return Err(mismatch);
            }
        }
        self.depth = depth;
        self.known.insert((id, std::ptr::from_ref(value)), true);
        Ok(())
    }
}

fn expected(node: &Node) -> String {
    match &node.kind {
        Kind::Null => "expected null".to_owned(),
        Kind::Boolean => "expected true or false".to_owned(),
        Kind::Int => "expected an integer of 32 bits".to_owned(),
        Kind::Long => "expected an integer of 64 bits".to_owned(),
        Kind::Float | Kind::Double => "expected a number".to_owned(),
        Kind::Bytes | Kind::Fixed(_) => "expected a string, a character for each byte".to_owned(),
        Kind::String => "expected a string".to_owned(),
        Kind::Enum(_) => "expected a symbol, as a string".to_owned(),
        Kind::Array(_) => "expected an array".to_owned(),
        Kind::Map(_) => "expected an object".to_owned(),
        Kind::Record(record) => format!("expected an object with the fields of `{}`", record.name),
        Kind::Union(_) => "expected a value of one of the branches".to_owned(),
    }
}

impl Mismatch {
    /// The finding for a field. `default` is the whole default.
    pub(crate) fn diagnostic(
        self,
        field: &str,
        default: &Value,
        source: &Arc<Source>,
        type_span: Span,
    ) -> Diagnostic {
        let span = self
            .span
            .filter(|s| default.span.start <= s.start && s.end <= default.span.end)
            .unwrap_or(default.span);
        let (rule, help) = match self.why {
            Why::Type => ("invalid-default", help_for(default, self.expected.as_str())),
            Why::MissingField => (
                "invalid-default",
                Some("add the field to the default, or a default to the field".to_owned()),
            ),
            Why::DefinedLater(_) => (
                "default-before-type",
                Some("move the type's definition in front of this field".to_owned()),
            ),
            Why::Recursive => (
                "recursive-default",
                Some(
                    "make the field a union with null, with the default null, or an empty array or map"
                        .to_owned(),
                ),
            ),
            Why::Limit => ("too-deep", None),
        };
        Diagnostic::error(
            rule,
            Place::new(source, span),
            format!("the default of `{field}` does not fit its type"),
            self.expected,
        )
        .related_if(
            span.start > type_span.end || span.end < type_span.start,
            Place::new(source, type_span),
            "the type",
        )
        .help_if(help)
    }
}

/// The commonest slips.
fn help_for(default: &Value, expected: &str) -> Option<String> {
    match &default.kind {
        json::Kind::String(text) if text == "null" && expected.contains("null") => {
            Some("write null without quotes".to_owned())
        }
        json::Kind::Null => Some("add \"null\" to the type as a union, or choose another default".to_owned()),
        json::Kind::String(text)
            if (text == "true" || text == "false" || text.parse::<f64>().is_ok())
                && !expected.contains("string") =>
        {
            Some(format!("write {text} without quotes"))
        }
        json::Kind::Number(text) if json::is_integral(text) && expected.contains("32 bits") => {
            Some("make the type \"long\", or choose a smaller default".to_owned())
        }
        json::Kind::Number(text) if !json::is_integral(text) && expected.contains("integer") => {
            Some("write it without a fraction".to_owned())
        }
        _ => None,
    }
}

impl Diagnostic {
    fn related_if(self, condition: bool, place: Place, text: &str) -> Self {
        if condition {
            self.related(place, text)
        } else {
            self
        }
    }

    fn help_if(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }
}
