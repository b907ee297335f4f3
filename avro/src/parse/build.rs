//! JSON values to nodes, in Java's order of events.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::json::{self, Member, Value};
use crate::parse::names::{COMPLEX, PRIMITIVES};
use crate::parse::suggest::{nearest, synonym};
use crate::parse::{MAX_FINDINGS, MAX_NAME, ParseMode, logical};
use crate::schema::{Kind, Node, TypeId};
use crate::source::{Place, Source, Span};

/// Set in the ID of a reference to a name that is not defined yet; the rest is an index into `forwards`.
const FORWARD: u32 = 1 << 31;

/// Stands for a type that was refused: whatever hangs on it is not reported again.
pub(crate) const BROKEN: TypeId = TypeId(u32::MAX);

/// A reference to a name that was not defined before it.
pub(crate) struct Forward {
    pub(crate) written: Arc<str>,
    pub(crate) full: Arc<str>,
    pub(crate) place: Place,
    pub(crate) target: TypeId,
}

/// A field's default that stands for a record somewhere: checked again when everything is known.
pub(crate) struct Recheck {
    pub(crate) record: TypeId,
    pub(crate) field: usize,
}

pub(crate) struct Builder {
    pub(crate) mode: ParseMode,
    pub(crate) nodes: Vec<Node>,
    /// Full name to first definition.
    pub(crate) names: HashMap<String, TypeId>,
    /// The same, in the order in which the definitions ended.
    pub(crate) defined: Vec<TypeId>,
    pub(crate) forwards: Vec<Forward>,
    pub(crate) rechecks: Vec<Recheck>,
    /// Errors that hold if the reference leads anywhere: if not, that alone is told.
    pub(crate) too_early: Vec<(usize, Diagnostic)>,
    /// Unions with a reference to a later name, and where their branches stand.
    pub(crate) open_unions: Vec<(TypeId, Vec<Span>)>,
    /// The texts of references, each once: a hostile schema has a million to the same long name.
    texts: HashSet<Arc<str>>,
    pub(crate) errors: Findings,
    pub(crate) warnings: Findings,
    pub(crate) source: Arc<Source>,
    /// Files that are not JSON: what they define is not known.
    pub(crate) unread: Vec<Arc<Source>>,
    /// Left for the checks of defaults, which a hostile schema could make endless.
    pub(crate) fuel: usize,
}

/// Where a reference leads.
pub(crate) enum Target {
    Known(TypeId),
    Forward(usize),
    Broken,
}

pub(crate) fn target(id: TypeId) -> Target {
    if id == BROKEN {
        Target::Broken
    } else if id.0 & FORWARD != 0 {
        Target::Forward((id.0 & !FORWARD) as usize)
    } else {
        Target::Known(id)
    }
}

impl Builder {
    pub(crate) fn new(mode: ParseMode) -> Self {
        Self {
            mode,
            nodes: Vec::new(),
            names: HashMap::new(),
            defined: Vec::new(),
            forwards: Vec::new(),
            rechecks: Vec::new(),
            too_early: Vec::new(),
            open_unions: Vec::new(),
            texts: HashSet::new(),
            errors: Findings::default(),
            warnings: Findings::default(),
            source: Source::new("", ""),
            unread: Vec::new(),
            fuel: 5_000_000,
        }
    }

    /// Reads a file's value; gives the type at its top.
    pub(crate) fn file(&mut self, source: &Arc<Source>, value: &Value) -> TypeId {
        self.source = Arc::clone(source);
        let root = self.schema(value, None);
        // Java answers with the first of equal definitions.
        match target(root) {
            Target::Known(id) => self
                .nodes
                .get(id.index())
                .and_then(Node::name)
                .and_then(|name| self.names.get(&name.to_string()))
                .copied()
                .unwrap_or(root),
            _ => root,
        }
    }

    pub(crate) fn place(&self, span: Span) -> Place {
        Place::new(&self.source, span)
    }

    pub(crate) fn error(
        &mut self,
        rule: &'static str,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> &mut Diagnostic {
        let diagnostic = Diagnostic::error(rule, self.place(span), message, label);
        self.errors.add(diagnostic)
    }

    pub(crate) fn warning(
        &mut self,
        rule: &'static str,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> &mut Diagnostic {
        let diagnostic = Diagnostic::warning(rule, self.place(span), message, label);
        self.warnings.add(diagnostic)
    }

    pub(crate) fn add(&mut self, node: Node) -> TypeId {
        // The scanner's limit on values keeps the count far below FORWARD.
        let id = TypeId(self.nodes.len() as u32);
        self.nodes.push(node);
        id
    }

    /// Any schema. Recursion is bounded by the nesting of the text.
    pub(crate) fn schema(&mut self, value: &Value, namespace: Option<&str>) -> TypeId {
        match &value.kind {
            json::Kind::String(name) => self.reference(name, value.span, namespace),
            json::Kind::Array(branches) => self.union(branches, value.span, namespace),
            json::Kind::Object(members) => self.object(value, members, namespace),
            other => {
                let what = describe(other);
                self.error(
                    "not-a-schema",
                    value.span,
                    format!("{what} is not a schema"),
                    "expected a type name, an object with \"type\", or an array of schemas (a union)",
                )
                .help =
                    matches!(other, json::Kind::Null).then(|| "the null type is written \"null\"".to_owned());
                BROKEN
            }
        }
    }

    /// A type by name: Java's `ParseContext.find`.
    fn reference(&mut self, written: &str, span: Span, namespace: Option<&str>) -> TypeId {
        if let Some(kind) = primitive(written) {
            return self.add(Node {
                kind,
                logical: None,
                attributes: Vec::new(),
                place: self.place(span),
            });
        }
        if written.len() > MAX_NAME {
            self.error(
                "too-large",
                span,
                "a name is too long",
                format!("at most {MAX_NAME} bytes are read"),
            );
            return BROKEN;
        }
        let full = match namespace {
            Some(namespace) if !written.contains('.') => Cow::Owned([namespace, ".", written].concat()),
            _ => Cow::Borrowed(written),
        };
        if let Some(id) = self.names.get(&*full).or_else(|| self.names.get(written)) {
            return *id;
        }
        let index = self.forwards.len() as u32;
        let (written, full) = (self.text(written), self.text(&full));
        self.forwards.push(Forward {
            written,
            full,
            place: self.place(span),
            target: BROKEN,
        });
        TypeId(FORWARD | index)
    }

    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = Arc::from(text);
        self.texts.insert(Arc::clone(&new));
        new
    }

    fn union(&mut self, branches: &[Value], span: Span, namespace: Option<&str>) -> TypeId {
        let mut ids = Vec::with_capacity(branches.len());
        let mut open = false;
        for branch in branches {
            let id = self.schema(branch, namespace);
            open |= matches!(target(id), Target::Forward(_));
            if let Target::Known(known) = target(id)
                && matches!(self.nodes[known.index()].kind, Kind::Union(_))
            {
                self.error(
                    "nested-union",
                    branch.span,
                    "a union directly in a union",
                    "this branch is a union itself",
                )
                .help = Some("list its branches in the outer union".to_owned());
            }
            ids.push(id);
        }
        let id = self.add(Node {
            kind: Kind::Union(ids),
            logical: None,
            attributes: Vec::new(),
            place: self.place(span),
        });
        if open {
            let spans = branches.iter().map(|b| b.span).collect();
            self.open_unions.push((id, spans));
        } else {
            self.check_branches(id, branches.iter().map(|b| b.span));
        }
        id
    }

    /// No two branches of the same name. `spans` are those of the branches.
    pub(crate) fn check_branches(&mut self, union: TypeId, spans: impl Iterator<Item = Span>) {
        let Some(Node {
            kind: Kind::Union(branches),
            place,
            ..
        }) = self.nodes.get(union.index())
        else {
            return;
        };
        // Nearly all unions: a few branches, and comparing is cheaper than hashing.
        if branches.len() <= 8 {
            let twice = |(i, branch): (usize, &TypeId)| {
                let this = self.branch(*branch);
                this.is_some() && branches[..i].iter().any(|other| self.branch(*other) == this)
            };
            if !branches.iter().enumerate().any(twice) {
                return;
            }
        }
        let source = Arc::clone(&place.source);
        let mut seen: HashMap<String, Span> = HashMap::with_capacity(branches.len());
        let mut found = Vec::new();
        for (branch, span) in branches.iter().zip(spans) {
            let Target::Known(id) = target(*branch) else {
                continue;
            };
            let node = &self.nodes[id.index()];
            let name = node
                .name()
                .map_or_else(|| node.kind.word().to_owned(), ToString::to_string);
            if let Some(&first) = seen.get(&name) {
                found.push((name, first, span, node.name().is_some()));
            } else {
                seen.insert(name, span);
            }
        }
        for (name, first, span, named) in found {
            let mut diagnostic = Diagnostic::error(
                "duplicate-branch",
                Place::new(&source, span),
                format!("the union has `{name}` twice"),
                "second time",
            )
            .related(Place::new(&source, first), "first time")
            .help("remove one of the two");
            if !named && matches!(name.as_str(), "array" | "map") {
                diagnostic = diagnostic.note(format!(
                    "a reader tells branches apart by type alone, so a union holds at most one {name}"
                ));
                diagnostic.help = Some("wrap each of them in a record".to_owned());
            }
            self.errors.add(diagnostic);
        }
    }

    /// What tells a branch from others: namespace and name, or the word for its kind, with which a name without a
    /// namespace is confused. `None`: not known, or broken.
    fn branch(&self, id: TypeId) -> Option<(Option<&str>, &str)> {
        let Target::Known(id) = target(id) else {
            return None;
        };
        let node = self.nodes.get(id.index())?;
        Some(match node.name() {
            Some(name) => (name.namespace.as_deref(), &name.name),
            None => (None, node.kind.word()),
        })
    }

    fn object(&mut self, value: &Value, members: &[Member], namespace: Option<&str>) -> TypeId {
        self.duplicate_keys(members);
        let Some(kind) = value.get("type") else {
            self.missing_type(value, members);
            return BROKEN;
        };
        let json::Kind::String(word) = &kind.kind else {
            let what = describe(&kind.kind);
            let nested = matches!(kind.kind, json::Kind::Object(_) | json::Kind::Array(_));
            self.error(
                "type-not-a-name",
                kind.span,
                format!("\"type\" of a schema is {what}"),
                "expected the name of a primitive type, or record, enum, array, map, fixed",
            )
            .help = nested.then(|| "write the inner schema in place of the object around it".to_owned());
            return BROKEN;
        };
        match word.as_str() {
            "record" => self.record(value, namespace, false),
            "error" => self.record(value, namespace, true),
            "enum" => self.enumeration(value, namespace),
            "fixed" => self.fixed(value, namespace),
            "array" => self.collection(value, "items", namespace, Kind::Array),
            "map" => self.collection(value, "values", namespace, Kind::Map),
            _ => match primitive(word) {
                Some(kind) => self.finish_node(value, kind),
                None => {
                    self.wrong_type_word(value, word, kind.span);
                    BROKEN
                }
            },
        }
    }

    fn wrong_type_word(&mut self, value: &Value, word: &str, span: Span) {
        let near = nearest(word, PRIMITIVES.into_iter().chain(COMPLEX));
        let only_type = value.as_object().is_some_and(|m| m.len() == 1);
        let help = match near {
            _ if let Some(avro) = synonym(word) => format!("in Avro this is {avro}"),
            Some(near) => format!("did you mean \"{near}\"?"),
            None if only_type => {
                format!("to refer to a type by name, write \"{word}\" in place of the object")
            }
            None => format!(
                "to refer to a type by name, write \"{word}\" in place of the object; attributes cannot be added to a reference"
            ),
        };
        self.error(
            "unknown-type-word",
            span,
            format!("`{word}` is not a kind of type"),
            "expected a primitive type, or record, enum, array, map, fixed, error",
        )
        .help = Some(help);
    }

    fn missing_type(&mut self, value: &Value, members: &[Member]) {
        let has = |key: &str| members.iter().any(|m| m.key == key);
        let (message, help) = if has("protocol") {
            (
                "this is an Avro protocol, not a schema",
                "put the types that messages use into files of their own".to_owned(),
            )
        } else {
            let word = if has("fields") {
                "record"
            } else if has("symbols") {
                "enum"
            } else if has("items") {
                "array"
            } else if has("values") {
                "map"
            } else if has("size") {
                "fixed"
            } else {
                ""
            };
            (
                "a schema without \"type\"",
                if word.is_empty() {
                    "add \"type\"".to_owned()
                } else {
                    format!("add \"type\": \"{word}\"")
                },
            )
        };
        self.error(
            "missing-type",
            head(value),
            message,
            "this object has no \"type\"",
        )
        .help = Some(help);
    }

    fn collection(
        &mut self,
        value: &Value,
        key: &str,
        namespace: Option<&str>,
        kind: fn(TypeId) -> Kind,
    ) -> TypeId {
        let Some(inner) = value.get(key) else {
            let (rule, what) = if key == "items" {
                ("missing-items", "an array")
            } else {
                ("missing-values", "a map")
            };
            self.error(
                rule,
                head(value),
                format!("{what} without \"{key}\""),
                "this type",
            )
            .help = Some(format!("add \"{key}\", the type of what is in it"));
            return BROKEN;
        };
        let inner = self.schema(inner, namespace);
        self.finish_node(value, kind(inner))
    }

    /// A node of the object that defines it, with its attributes and logical type.
    pub(crate) fn finish_node(&mut self, value: &Value, kind: Kind) -> TypeId {
        let attributes = self.attributes(value, &kind);
        let logical = self.logical(&kind, &attributes, value.span);
        self.add(Node {
            kind,
            logical,
            attributes,
            place: self.place(value.span),
        })
    }

    fn attributes(&mut self, value: &Value, kind: &Kind) -> Vec<Member> {
        let reserved = |member: &Member| match member.key.as_str() {
            "doc" | "fields" | "items" | "name" | "namespace" | "size" | "symbols" | "values" | "type"
            | "aliases" => true,
            "default" => matches!(kind, Kind::Enum(_)),
            _ => false,
        };
        let mut attributes: Vec<Member> = Vec::new();
        if value.as_object().is_some_and(|all| all.iter().all(reserved)) {
            return attributes;
        }
        for member in value.members() {
            if reserved(member) {
                continue;
            }
            // Java copies these kinds when it resolves references, and cannot copy a big integer.
            if matches!(kind, Kind::Record(_) | Kind::Array(_) | Kind::Map(_))
                && let Some(number) = big_integer(&member.value)
            {
                self.error(
                    "attribute-too-big",
                    number.span,
                    format!("the attribute \"{}\" holds an integer beyond 64 bits", member.key),
                    "Java Avro cannot read it here",
                )
                .help = Some("write it as a string".to_owned());
            }
            attributes.push(member.clone());
        }
        attributes
    }

    fn logical(&mut self, kind: &Kind, attributes: &[Member], span: Span) -> Option<crate::schema::Logical> {
        match logical::read(kind, attributes) {
            Ok(logical) => logical,
            Err(ignored) => {
                let rule = if ignored.unknown {
                    "unknown-logical-type"
                } else {
                    "logical-type-ignored"
                };
                self.warning(rule, ignored.span.unwrap_or(span), ignored.message, ignored.label)
                    .help = ignored.help;
                None
            }
        }
    }

    pub(crate) fn duplicate_keys(&mut self, members: &[Member]) {
        if members.len() <= 8 {
            // Nearly all objects: comparing is cheaper than hashing.
            let twice = |(i, m): (usize, &Member)| members[..i].iter().any(|n| n.key == m.key);
            if !members.iter().enumerate().any(twice) {
                return;
            }
        }
        let mut seen: HashMap<&str, Span> = HashMap::with_capacity(members.len());
        for member in members {
            if let Some(first) = seen.insert(&member.key, member.key_span) {
                let first = self.place(first);
                let warning = self.warning(
                    "duplicate-key",
                    member.key_span,
                    format!("\"{}\" is there twice", member.key),
                    "this one counts",
                );
                *warning = warning.clone().related(first, "this one is ignored");
                warning.help = Some("remove one of the two".to_owned());
            }
        }
    }
}

/// Findings, up to a limit: what comes after it is dropped.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) list: Vec<Diagnostic>,
    dropped: Option<Diagnostic>,
}

impl Findings {
    pub(crate) fn add(&mut self, diagnostic: Diagnostic) -> &mut Diagnostic {
        if self.list.len() >= MAX_FINDINGS {
            return self.dropped.insert(diagnostic);
        }
        let index = self.list.len();
        self.list.push(diagnostic);
        &mut self.list[index]
    }
}

/// The opening brace of an object: a caret under a whole record helps nobody.
pub(crate) fn head(value: &Value) -> Span {
    if let Some(member) = value.member("name").or_else(|| value.member("type")) {
        return Span::new(member.key_span.start, member.value.span.end);
    }
    Span::new(value.span.start, (value.span.start + 1).min(value.span.end))
}

pub(crate) fn primitive(name: &str) -> Option<Kind> {
    Some(match name {
        "null" => Kind::Null,
        "boolean" => Kind::Boolean,
        "int" => Kind::Int,
        "long" => Kind::Long,
        "float" => Kind::Float,
        "double" => Kind::Double,
        "bytes" => Kind::Bytes,
        "string" => Kind::String,
        _ => return None,
    })
}

/// A JSON value in words.
pub(crate) fn describe(kind: &json::Kind) -> &'static str {
    match kind {
        json::Kind::Null => "null",
        json::Kind::Bool(_) => "a boolean",
        json::Kind::Number(_) => "a number",
        json::Kind::String(_) => "a string",
        json::Kind::Array(_) => "an array",
        json::Kind::Object(_) => "an object",
    }
}

/// An integer in a value that a 64-bit one cannot hold.
fn big_integer(value: &Value) -> Option<&Value> {
    match &value.kind {
        json::Kind::Number(text) if json::is_integral(text) && text.parse::<i64>().is_err() => Some(value),
        json::Kind::Array(items) => items.iter().find_map(big_integer),
        json::Kind::Object(_) => value.members().into_iter().find_map(|m| big_integer(&m.value)),
        _ => None,
    }
}
