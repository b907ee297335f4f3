//! What templates see of the manifest: topics and environments.
//!
//! The manifest has been checked against the schemas before: paths lead to fields of a fitting type. A field path goes
//! through optionals, and then the generated code leaves early where there is nothing.

use fleetops_avro::SchemaSet;
use fleetops_avro::schema::{Kind, Logical, TypeId};
use serde::Serialize;

use crate::Gate;
use crate::emit::{Access, Emitter, doc};
use crate::idents::{self, Scope};
use crate::manifest::{FieldPath, Manifest, Setting, Step, Topic, non_null};
use crate::model::Type;
use crate::view::doc_literals;

/// A topic, for `topic.hbs`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct TopicView {
    pub(crate) runtime: String,
    pub(crate) topic: String,
    pub(crate) producer: String,
    pub(crate) consumer: String,
    pub(crate) docs: Vec<String>,
    /// The name as it is shown in documentation.
    pub(crate) shown: String,
    /// Literals from here on.
    pub(crate) name: String,
    pub(crate) subject: String,
    pub(crate) partitions: u32,
    pub(crate) dead_letter: Option<String>,
    /// Milliseconds.
    pub(crate) ttl: Option<u128>,
    pub(crate) reorder: Option<ReorderView>,
    /// The path of the event's type.
    pub(crate) event: String,
    /// The event's type has open enums, and says which.
    pub(crate) open_enums: bool,
    /// Statements of the bodies; none where the manifest declares nothing.
    pub(crate) key: Vec<String>,
    pub(crate) dedup_key: Vec<String>,
    pub(crate) sequence: Vec<String>,
    pub(crate) stamp: Vec<String>,
    /// `#[cfg(feature = "kafka")]`, or nothing.
    pub(crate) gate: String,
    /// Producer and consumer are generated.
    pub(crate) kafka: bool,
}

/// The settings of the reorder stage.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ReorderView {
    pub(crate) ring: u32,
    pub(crate) tolerance: u32,
    /// Milliseconds.
    pub(crate) hold: u128,
}

/// The environments, for `environments.hbs`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct EnvironmentsView {
    pub(crate) runtime: String,
    pub(crate) environments: Vec<EnvironmentView>,
}

/// An environment. All texts are literals.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct EnvironmentView {
    pub(crate) name: String,
    pub(crate) bootstrap: String,
    pub(crate) registry: Option<String>,
    /// `("key", "value")`
    pub(crate) kafka: Vec<String>,
    pub(crate) has_auth: bool,
    /// `username: Some("...")`
    pub(crate) auth: Vec<String>,
}

/// The view of all environments.
pub(crate) fn environments(manifest: &Manifest, runtime: &str) -> EnvironmentsView {
    let literal = |setting: &Setting| format!("{:?}", setting.to_string());
    let environments = manifest
        .environments
        .iter()
        .map(|e| EnvironmentView {
            name: format!("{:?}", e.name.value),
            bootstrap: literal(&e.bootstrap),
            registry: e.registry.as_ref().map(|r| literal(r)),
            kafka: e
                .kafka
                .iter()
                .map(|(name, setting)| format!("({name:?}, {})", literal(&setting.value)))
                .collect(),
            has_auth: e.registry_auth.is_some(),
            auth: e
                .registry_auth
                .iter()
                .flat_map(|auth| {
                    [
                        ("username", &auth.username),
                        ("password", &auth.password),
                        ("bearer", &auth.bearer),
                        ("ca_file", &auth.ca_file),
                        ("cert_file", &auth.cert_file),
                        ("key_file", &auth.key_file),
                    ]
                    .map(|(part, setting)| match setting {
                        Some(setting) => format!("{part}: Some({})", literal(setting)),
                        None => format!("{part}: None"),
                    })
                })
                .collect(),
        })
        .collect();
    EnvironmentsView {
        runtime: runtime.to_owned(),
        environments,
    }
}

/// The views of all topics. `emitter` stands in the topics' module.
pub(crate) fn topics(
    set: &SchemaSet,
    manifest: &Manifest,
    emitter: &Emitter<'_>,
    gate: &Gate,
) -> Vec<TopicView> {
    let mut scope = Scope::default();
    let mut views = Vec::new();
    for topic in &manifest.topics {
        let base = scope.take(&idents::camel(&topic.name.value), "");
        let Some(id) = set.get(&topic.value.value).map(|s| s.root()) else {
            continue;
        };
        let code = Code {
            set,
            emitter,
            record: id,
        };
        views.push(TopicView {
            runtime: emitter.runtime.to_owned(),
            open_enums: !emitter.model.open_enums(set, id).is_empty(),
            topic: format!("{base}Topic"),
            producer: format!("{base}Producer"),
            consumer: format!("{base}Consumer"),
            docs: docs(topic),
            shown: doc::lines(&topic.name.value).join(" "),
            name: format!("{:?}", topic.name.value),
            subject: format!("{:?}", manifest.subject(topic)),
            partitions: topic.partitions.value,
            dead_letter: topic.dead_letter.as_ref().map(|d| format!("{:?}", d.value)),
            ttl: topic.dedup.as_ref().map(|d| d.ttl.value.as_millis()),
            reorder: topic.reorder.as_ref().map(|r| ReorderView {
                ring: r.ring.value,
                tolerance: r.tolerance.value,
                hold: r.hold.value.as_millis(),
            }),
            event: emitter.named(&Type::Record { id, boxed: false }, false),
            key: topic.key.as_ref().map(|p| code.key(p)).unwrap_or_default(),
            dedup_key: topic
                .dedup
                .as_ref()
                .map(|d| code.dedup_key(&d.key))
                .unwrap_or_default(),
            sequence: topic
                .reorder
                .as_ref()
                .map(|r| code.sequence(&r.by, r.epoch.as_ref(), &r.sequence))
                .unwrap_or_default(),
            stamp: topic.stamp.as_ref().map(|p| code.stamp(p)).unwrap_or_default(),
            gate: match gate {
                Gate::Feature(feature) => format!("#[cfg(feature = {feature:?})]"),
                _ => String::new(),
            },
            kafka: *gate != Gate::Never,
        });
    }
    views
}

fn docs(topic: &Topic) -> Vec<String> {
    let mut lines = topic
        .purpose
        .as_ref()
        .map(|p| doc::lines(&p.value))
        .unwrap_or_default();
    if let Some(last) = lines.last_mut().filter(|l| !l.ends_with(['.', '!', '?'])) {
        last.push('.');
    }
    if !lines.is_empty() {
        lines.push(String::new());
    }
    let mut facts = format!("Topic `{}`, {} partitions", topic.name, topic.partitions);
    if let Some(key) = &topic.key {
        facts.push_str(&format!(", keyed by `{key}`"));
    }
    facts.push('.');
    lines.push(facts);
    doc_literals(lines)
}

struct Code<'a> {
    set: &'a SchemaSet,
    emitter: &'a Emitter<'a>,
    record: TypeId,
}

/// A field reached: statements that go through optionals, then the place and its type.
struct Reached {
    statements: Vec<String>,
    at: Access,
    ty: Type,
}

impl Code<'_> {
    /// Goes along a path. `prefix` names the variables, `leave` is what to do where there is nothing.
    fn reach(&self, path: &FieldPath, prefix: &str, leave: &str) -> Option<Reached> {
        let steps = path.resolve(self.set, self.record).ok()?.steps;
        let mut at = Access::Place("event".to_owned());
        let mut ty = Type::Null;
        let mut statements = Vec::new();
        for (index, step) in steps.iter().enumerate() {
            let field = self
                .emitter
                .model
                .records
                .get(&step.record)?
                .fields
                .get(step.field)?;
            at = Access::Place(format!("{}.{}", at.receiver(), field.ident));
            ty = field.ty.clone();
            if let Type::Optional { inner, .. } = &field.ty {
                let name = format!("{prefix}_{}", index + 1);
                statements.push(format!(
                    "let Some({name}) = {} else {{ {leave} }};",
                    at.reference()
                ));
                at = Access::Reference(name);
                ty = (**inner).clone();
            }
            if let Type::Newtype { base, boxed, .. } = &ty {
                at = self.emitter.base(&at, *boxed);
                ty = (**base).clone();
            }
        }
        Some(Reached { statements, at, ty })
    }

    /// The text of a field, as an expression of type `&str`.
    fn text(&self, reached: &Reached) -> String {
        let rt = self.emitter.runtime;
        let at = &reached.at;
        match reached.ty {
            Type::String => at.reference(),
            Type::UuidString | Type::UuidFixed => format!(
                "{}.hyphenated().encode_lower(&mut {rt}::uuid::Uuid::encode_buffer())",
                at.receiver()
            ),
            Type::Enum { .. } => format!("{}.as_str()", at.receiver()),
            _ => format!("&{}.to_string()", at.receiver()),
        }
    }

    fn key(&self, path: &FieldPath) -> Vec<String> {
        let Some(reached) = self.reach(path, "key", "return false;") else {
            return Vec::new();
        };
        let mut out = reached.statements.clone();
        out.push(format!("out.push_str({});", self.text(&reached)));
        out.push("true".to_owned());
        out
    }

    /// An absent field counts as the empty text: its record is the same event as another without it.
    fn dedup_key(&self, paths: &[FieldPath]) -> Vec<String> {
        let mut statements = Vec::new();
        for (index, path) in paths.iter().enumerate() {
            let Some((reached, optional)) = self.chain(path) else {
                return Vec::new();
            };
            if index > 0 {
                statements.push("out.push(0x1f);".to_owned());
            }
            let bytes = match reached.ty {
                Type::String => format!("{}.as_bytes()", reached.at.receiver()),
                Type::UuidString | Type::UuidFixed | Type::Enum { .. } => {
                    format!("{}.as_bytes()", self.text(&reached))
                }
                _ => format!("{}.to_string().as_bytes()", reached.at.receiver()),
            };
            let push = format!("out.extend_from_slice({bytes});");
            statements.push(match optional {
                Some(chain) => format!("if let Some(value) = {chain} {{ {push} }}"),
                None => push,
            });
        }
        statements.push("true".to_owned());
        statements
    }

    /// Goes along a path in one expression. Where it leads through an optional, that gives an `Option` of a reference,
    /// and the value is then reached as `value`.
    fn chain(&self, path: &FieldPath) -> Option<(Reached, Option<String>)> {
        let steps = path.resolve(self.set, self.record).ok()?.steps;
        let mut place = "event".to_owned();
        let mut chain: Option<String> = None;
        let mut ty = Type::Null;
        for step in &steps {
            let field = self
                .emitter
                .model
                .records
                .get(&step.record)?
                .fields
                .get(step.field)?;
            let ident = &field.ident;
            let optional = field.ty.is_optional();
            ty = field.ty.unwrapped().clone();
            chain = match (chain, optional) {
                (None, false) => {
                    place = format!("{place}.{ident}");
                    None
                }
                (None, true) => Some(format!("{place}.{ident}.as_ref()")),
                (Some(chain), true) => Some(format!("{chain}.and_then(|value| value.{ident}.as_ref())")),
                (Some(chain), false) => Some(format!("{chain}.map(|value| &value.{ident})")),
            };
            if let Type::Newtype { base, boxed, .. } = &ty {
                let function = self.emitter.codec("Newtype::base");
                match &mut chain {
                    Some(chain) if *boxed => chain.push_str(&format!(".map(|value| {function}(&**value))")),
                    Some(chain) => chain.push_str(&format!(".map({function})")),
                    None => {
                        place = self
                            .emitter
                            .base(&Access::Place(place), *boxed)
                            .receiver()
                            .to_owned()
                    }
                }
                ty = (**base).clone();
            }
        }
        let at = match chain {
            Some(_) => Access::Reference("value".to_owned()),
            None => Access::Place(place),
        };
        let reached = Reached {
            statements: Vec::new(),
            at,
            ty,
        };
        Some((reached, chain))
    }

    fn sequence(&self, by: &FieldPath, epoch: Option<&FieldPath>, index: &FieldPath) -> Vec<String> {
        let leave = "return false;";
        let (Some(by), Some(index)) = (self.reach(by, "by", leave), self.reach(index, "index", leave)) else {
            return Vec::new();
        };
        let mut statements = by.statements.clone();
        statements.push(format!("out.by.push_str({});", self.text(&by)));
        if let Some(path) = epoch {
            let Some(reached) = self.reach(path, "epoch", leave) else {
                return Vec::new();
            };
            statements.extend(reached.statements.clone());
            statements.push(format!("out.epoch.push_str({});", self.text(&reached)));
        }
        statements.extend(index.statements.clone());
        let number = match index.ty {
            Type::Int => format!("i64::from({})", index.at.value()),
            _ => index.at.value(),
        };
        statements.push(format!("out.index = {number};"));
        statements.push("true".to_owned());
        statements
    }

    /// The time of sending as the field has it, which may keep its timestamp raw.
    fn now(&self, step: Option<&Step>) -> String {
        let at = step.and_then(|step| Some((self.emitter.model.records.get(&step.record)?, step)));
        let field = at.and_then(|(record, step)| Some((record.fields.get(step.field)?, step)));
        let Some((field, step)) = field else {
            return "now".to_owned();
        };
        if *field.ty.unwrapped() != Type::Long {
            return "now".to_owned();
        }
        let Kind::Record(record) = &self.set.node(step.record).kind else {
            return "now".to_owned();
        };
        let node = record
            .fields
            .get(step.field)
            .map(|f| self.set.node(non_null(self.set, f.ty)));
        match node.and_then(|n| n.logical) {
            Some(Logical::TimestampMicros) => "now.timestamp_micros()".to_owned(),
            Some(Logical::TimestampNanos) => "now.timestamp_nanos_opt().unwrap_or(i64::MAX)".to_owned(),
            _ => "now.timestamp_millis()".to_owned(),
        }
    }

    fn stamp(&self, path: &FieldPath) -> Vec<String> {
        let Ok(resolved) = path.resolve(self.set, self.record) else {
            return Vec::new();
        };
        let mut out = Vec::new();
        let mut at = "event".to_owned();
        let now = self.now(resolved.steps.last());
        let last = resolved.steps.len().saturating_sub(1);
        for (index, step) in resolved.steps.iter().enumerate() {
            let record = self.emitter.model.records.get(&step.record);
            let Some(field) = record.and_then(|r| r.fields.get(step.field)) else {
                return Vec::new();
            };
            at = format!("{at}.{}", field.ident);
            match (&field.ty, index == last) {
                (Type::Optional { .. }, true) => out.push(format!("{at} = Some({now});")),
                (_, true) => out.push(format!("{at} = {now};")),
                (Type::Optional { .. }, false) => {
                    let name = format!("stamp_{}", index + 1);
                    out.push(format!("let Some({name}) = &mut {at} else {{ return; }};"));
                    at = name;
                }
                _ => {}
            }
        }
        out
    }
}
