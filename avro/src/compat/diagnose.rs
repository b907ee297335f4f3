//! Violations told to people.
//!
//! The caret stands in the new schema, at what was changed; the old text is the second snippet. The message says what
//! changed, a note says which side could not read which data, and the help is the smallest change that would mend it.
//! Rules are named after the change, so that one change has one rule: seen from the reader's side a removed field and
//! an added one are the same incompatibility, but nobody looks for them in the same place.

use crate::compat::check::promotes;
use crate::compat::place::Texts;
use crate::compat::words::{default_help, describe, field_of, is_primitive, join, plural, renamed_from};
use crate::compat::{Direction, FieldPair, Incompatibility, IncompatibilityType as Type, Violation, check};
use crate::diagnostic::{Change, Diagnostic};
use crate::schema::{Kind, Schema, TypeId};

/// How often a union's branch is looked into for the reason why it does not fit.
const MAX_BRANCHES: usize = 8;
/// After so many findings unions are no longer looked into.
const MAX_FOUND: usize = 100;

/// An old version, and what messages call it: `version 3`, `main:schemas/a.avsc`.
#[derive(Clone, Debug)]
pub struct Old<'a> {
    /// The schema.
    pub schema: &'a Schema,
    /// Its name in messages.
    pub name: String,
}

/// The findings for the violations that [`crate::compat::check_level`] gave for `new` and these `old` versions, in
/// their order. What breaks in both directions is told once.
pub fn diagnose(new: &Schema, old: &[Old<'_>], violations: &[Violation]) -> Vec<Diagnostic> {
    let mut out: Vec<Diagnostic> = Vec::new();
    let to = if violations.is_empty() {
        0
    } else {
        new.fingerprint()
    };
    for violation in violations {
        let Some(version) = old.get(violation.version_index) else {
            continue;
        };
        let mut teller = Teller {
            new: Texts::new(new),
            old: Texts::new(version.schema),
            old_name: if version.name.is_empty() {
                "the old schema"
            } else {
                &version.name
            },
            direction: violation.direction,
            found: Vec::new(),
            through: Vec::new(),
            locations: Vec::new(),
            outer: None,
            from: version.schema.fingerprint(),
            to,
        };
        teller.tell(&violation.incompatibility);
        for diagnostic in teller.found {
            let same = out.iter_mut().find(|other| {
                other.rule == diagnostic.rule
                    && other.message == diagnostic.message
                    && other.primary.place == diagnostic.primary.place
                    && other.related == diagnostic.related
            });
            match same {
                Some(other) => {
                    for change in diagnostic.changes {
                        if !other.changes.contains(&change) {
                            other.changes.push(change);
                        }
                    }
                    for note in diagnostic.notes {
                        if !other.notes.contains(&note) {
                            other.notes.push(note);
                        }
                    }
                }
                None => out.push(diagnostic),
            }
        }
    }
    out
}

struct Teller<'a> {
    new: Texts<'a>,
    old: Texts<'a>,
    old_name: &'a str,
    direction: Direction,
    found: Vec<Diagnostic>,
    /// Branches of unions that were looked into on the way.
    through: Vec<String>,
    /// Where these branches are, each seen from the one before.
    locations: Vec<String>,
    /// What the union's own incompatibility is: a registry tells that one.
    outer: Option<String>,
    /// Fingerprints of the two schemas.
    from: u64,
    to: u64,
}

fn registry(found: &Incompatibility) -> String {
    format!(
        "a registry says: {} at {}: {}",
        found.kind, found.location, found.message
    )
}

/// The two types of an incompatibility by age instead of by role.
#[derive(Clone, Copy)]
struct Pair {
    new: TypeId,
    old: TypeId,
}

impl<'a> Teller<'a> {
    fn backward(&self) -> bool {
        self.direction == Direction::Backward
    }

    fn pair(&self, reader: TypeId, writer: TypeId) -> Pair {
        let (new, old) = if self.backward() {
            (reader, writer)
        } else {
            (writer, reader)
        };
        Pair { new, old }
    }

    fn tell(&mut self, found: &Incompatibility) {
        let pair = self.pair(found.detail.reader, found.detail.writer);
        let diagnostic = match found.kind {
            Type::NameMismatch => self.name(found, pair),
            Type::FixedSizeMismatch => self.size(found, pair),
            Type::MissingEnumSymbols => self.symbols(found, pair),
            Type::ReaderFieldMissingDefaultValue => {
                self.field_missing(found, found.detail.reader, found.detail.index)
            }
            Type::TypeMismatch => match found.detail.field {
                Some(FieldPair {
                    reader_record,
                    reader,
                    writer: None,
                    ..
                }) => self.field_missing(found, reader_record, Some(reader)),
                field if found.detail.in_writer_union => self.branch(found, pair, field),
                field => self.type_changed(found, pair, field),
            },
            Type::MissingUnionBranch => {
                if self.through.len() < MAX_BRANCHES && self.found.len() < MAX_FOUND && self.inner(found) {
                    return;
                }
                if found.detail.index.is_some() {
                    self.branch(found, pair, found.detail.field)
                } else {
                    self.not_in_union(found, pair)
                }
            }
            Type::AmbiguousFieldAlias => self.ambiguous(found, found.detail.index),
            Type::TooComplex => self.finding(
                "too-complex",
                found,
                "the two schemas are too complex to compare",
                ("here the comparison gave up".to_owned(), String::new()),
            ),
        };
        let mut diagnostic = self.finish(diagnostic, found);
        diagnostic.changes.push(Change {
            location: self.location(&found.location),
            from: self.from,
            to: self.to,
        });
        self.found.push(diagnostic);
    }

    /// A location within the branches that were looked into, from the root.
    fn location(&self, inner: &str) -> String {
        let parts = self.locations.iter().map(String::as_str).chain([inner]);
        let path: String = parts.filter(|part| *part != "/").collect();
        if path.is_empty() { "/".to_owned() } else { path }
    }

    /// A finding at the incompatibility's places: labels for the new and the old text.
    fn finding(
        &self,
        rule: &'static str,
        found: &Incompatibility,
        message: impl Into<String>,
        labels: (String, String),
    ) -> Diagnostic {
        let (new, old) = if self.backward() {
            (&found.reader, &found.writer)
        } else {
            (&found.writer, &found.reader)
        };
        Diagnostic::error(rule, new.clone(), message, labels.0).related(old.clone(), labels.1)
    }

    fn finish(&self, mut diagnostic: Diagnostic, found: &Incompatibility) -> Diagnostic {
        let old = self.old_name;
        diagnostic = diagnostic.note(if self.backward() {
            format!("a reader with the new schema cannot read data of {old}")
        } else {
            format!("a reader with {old} cannot read data of the new schema")
        });
        for branch in &self.through {
            diagnostic = diagnostic.note(format!("`{branch}` is a branch of a union"));
        }
        match found.kind {
            Type::AmbiguousFieldAlias => {
                diagnostic.note("Java Avro throws here, and a registry answers: incompatible")
            }
            Type::TooComplex => diagnostic.note(found.message.clone()),
            _ => match &self.outer {
                Some(outer) => diagnostic.note(outer.clone()),
                None => diagnostic.note(registry(found)),
            },
        }
    }

    fn name(&mut self, found: &Incompatibility, pair: Pair) -> Diagnostic {
        let (new, old) = (self.new.schema.node(pair.new), self.old.schema.node(pair.old));
        let word = new.kind.word();
        let (Some(new_name), Some(old_name)) = (new.name(), old.name()) else {
            return self.type_changed(found, pair, found.detail.field);
        };
        let same = new_name.name == old_name.name;
        let help = if self.backward() {
            format!("add \"aliases\": [\"{old_name}\"] to `{new_name}`, or keep the old name")
        } else {
            format!(
                "keep the name `{}`: an alias in the new schema does not help a reader with the old one",
                old_name.name
            )
        };
        let mut diagnostic = self.finding(
            "name-changed",
            found,
            format!("the {word} `{old_name}` is now called `{new_name}`"),
            (
                "the new name".to_owned(),
                format!("the name in {}", self.old_name),
            ),
        );
        diagnostic.help = (!same).then_some(help);
        diagnostic
    }

    fn size(&mut self, found: &Incompatibility, pair: Pair) -> Diagnostic {
        let size = |schema: &Schema, id: TypeId| match &schema.node(id).kind {
            Kind::Fixed(f) => (f.name.name.clone(), f.size),
            _ => (String::new(), 0),
        };
        let (name, new) = size(self.new.schema, pair.new);
        let (_, old) = size(self.old.schema, pair.old);
        self.finding(
            "fixed-size-changed",
            found,
            format!("the size of `{name}` changed from {old} to {new}"),
            (
                format!("now {new} bytes"),
                format!("{old} bytes in {}", self.old_name),
            ),
        )
        .help(format!(
            "keep the size {old}, or add a field with a fixed of another name and a default"
        ))
    }

    fn symbols(&mut self, found: &Incompatibility, pair: Pair) -> Diagnostic {
        let list = |from: &Schema, id: TypeId, without: &Schema, other: TypeId| -> Vec<String> {
            match (&from.node(id).kind, &without.node(other).kind) {
                (Kind::Enum(from), Kind::Enum(without)) => from
                    .symbols
                    .iter()
                    .filter(|s| !without.symbols.contains(s))
                    .map(|s| format!("`{s}`"))
                    .collect(),
                _ => Vec::new(),
            }
        };
        let name = self
            .new
            .schema
            .node(pair.new)
            .name()
            .map_or_else(String::new, |n| n.name.clone());
        if self.backward() {
            let missing = list(self.old.schema, pair.old, self.new.schema, pair.new);
            let (what, were) = plural(&missing, "symbol", "was", "were");
            let first = match &self.new.schema.node(pair.new).kind {
                Kind::Enum(e) => e.symbols.first().cloned(),
                _ => None,
            };
            let mut diagnostic = self.finding(
                "enum-symbol-removed",
                found,
                format!("the {what} {} {were} removed from `{name}`", join(&missing)),
                (
                    "no longer among these, and the enum has no default".to_owned(),
                    format!("in {}", self.old_name),
                ),
            );
            diagnostic.primary.place = self.new.part_with_key(pair.new, "symbols");
            let default = first.map_or_else(String::new, |first| {
                format!(", or give the enum a default that stands for it: \"default\": \"{first}\"")
            });
            diagnostic.help(format!("put {} back{default}", join(&missing)))
        } else {
            let added = list(self.new.schema, pair.new, self.old.schema, pair.old);
            let (what, were) = plural(&added, "symbol", "was", "were");
            let mut diagnostic = self.finding(
                "enum-symbol-added",
                found,
                format!("the {what} {} {were} added to `{name}`", join(&added)),
                ("unknown to old readers".to_owned(), String::new()),
            );
            let old = self.old.definition(pair.old);
            for related in &mut diagnostic.related {
                related.place = old.clone();
                related.text = format!(
                    "in {} it has no default for symbols it does not know",
                    self.old_name
                );
            }
            diagnostic.help(format!(
                "remove {}; with a \"default\" in the enum of every version that still reads, symbols may be added",
                join(&added)
            ))
        }
    }

    /// The reader's record has a field that the writer's lacks.
    fn field_missing(&mut self, found: &Incompatibility, record: TypeId, index: Option<usize>) -> Diagnostic {
        let reader = if self.backward() {
            self.new.schema
        } else {
            self.old.schema
        };
        let Some((owner, field)) = field_of(reader, record, index) else {
            return self.finding("type-changed", found, found.message.clone(), Default::default());
        };
        let writer_record = found.detail.writer;
        let enum_default = matches!(&reader.node(field.ty).kind, Kind::Enum(e) if e.default.is_some());
        let mut diagnostic = if self.backward() {
            let renamed = renamed_from(self.new.schema, owner, field, self.old.schema, writer_record);
            let help = match renamed {
                Some(old) => {
                    format!(
                        "if it is `{old}` under a new name, add \"aliases\": [\"{old}\"]; else add a default"
                    )
                }
                None => default_help(self.new.schema, field),
            };
            let mut diagnostic = self.finding(
                "field-added-without-default",
                found,
                format!(
                    "the field `{}` was added to `{}` without a default",
                    field.name, owner.name.name
                ),
                (
                    "data written before does not have it".to_owned(),
                    format!("the record in {}", self.old_name),
                ),
            );
            diagnostic.primary.place = self.new.field(record, index);
            diagnostic.help(help)
        } else {
            let mut diagnostic = self.finding(
                "field-removed-without-default",
                found,
                format!(
                    "the field `{}` was removed from `{}`, and old readers have no default for it",
                    field.name, owner.name.name
                ),
                (
                    format!("`{}` is no longer here", field.name),
                    format!("in {} it has no default", self.old_name),
                ),
            );
            diagnostic.primary.place = self.new.definition(writer_record);
            for related in &mut diagnostic.related {
                related.place = self.old.field(record, index);
            }
            diagnostic.help(format!(
                "put `{}` back; a field may be removed once it has a default in every version that still reads",
                field.name
            ))
        };
        if enum_default {
            diagnostic = diagnostic.note(
                "the default of an enum stands for unknown symbols: it is not a default of the field"
                    .to_owned(),
            );
        }
        diagnostic
    }

    fn type_changed(&mut self, found: &Incompatibility, pair: Pair, field: Option<FieldPair>) -> Diagnostic {
        let (new, old) = (
            describe(self.new.schema, pair.new),
            describe(self.old.schema, pair.old),
        );
        let what = self.what(field);
        let (new_kind, old_kind) = (
            &self.new.schema.node(pair.new).kind,
            &self.old.schema.node(pair.old).kind,
        );
        let other = if !self.backward() && promotes(new_kind, old_kind) {
            format!(", or upgrade every reader first, at level BACKWARD: a reader with {new} takes {old}")
        } else if self.backward() && is_primitive(new_kind) && is_primitive(old_kind) {
            format!(", or take both: [\"{old}\", \"{new}\"]")
        } else {
            String::new()
        };
        self.finding(
            "type-changed",
            found,
            format!("{what} changed from {old} to {new}"),
            (format!("now {new}"), format!("{old} in {}", self.old_name)),
        )
        .help(format!(
            "keep {old}{other}; else add a field of the new type with a default, and leave this one"
        ))
    }

    /// A branch of the writer's union that the reader does not take.
    fn branch(&mut self, found: &Incompatibility, pair: Pair, field: Option<FieldPair>) -> Diagnostic {
        let writer = if self.backward() {
            self.old.schema
        } else {
            self.new.schema
        };
        let branch = match (&writer.node(found.detail.writer).kind, found.detail.index) {
            (Kind::Union(branches), Some(index)) => branches.get(index).copied(),
            _ => Some(found.detail.writer),
        };
        let branch = branch.map_or_else(String::new, |id| describe(writer, id));
        let what = self.what(field);
        let other = if self.backward() {
            describe(self.new.schema, pair.new)
        } else {
            describe(self.old.schema, pair.old)
        };
        if self.backward() {
            self.finding(
                "union-branch-removed",
                found,
                format!("{what} no longer takes {branch}"),
                (
                    format!("{branch} is missing here"),
                    format!("{} may hold it", self.old_name),
                ),
            )
            .help(format!("put {branch} back into the union"))
        } else {
            self.finding(
                "union-branch-added",
                found,
                format!("{what} now takes {branch} as well"),
                (
                    "unknown to old readers".to_owned(),
                    format!("in {} this is {other}", self.old_name),
                ),
            )
            .help(format!(
                "remove {branch}; a branch may be added once every reader takes it"
            ))
        }
    }

    /// The reader's union has no branch for the writer's type, which is no union.
    fn not_in_union(&mut self, found: &Incompatibility, pair: Pair) -> Diagnostic {
        let (new, old) = (
            describe(self.new.schema, pair.new),
            describe(self.old.schema, pair.old),
        );
        let what = self.what(found.detail.field);
        let help = if self.backward() {
            format!("add {old} to the union")
        } else {
            format!("keep {old}")
        };
        self.finding(
            "type-not-in-union",
            found,
            format!("{what} changed from {old} to {new}"),
            (format!("now {new}"), format!("{old} in {}", self.old_name)),
        )
        .help(help)
    }

    fn ambiguous(&mut self, found: &Incompatibility, index: Option<usize>) -> Diagnostic {
        let reader = if self.backward() {
            self.new.schema
        } else {
            self.old.schema
        };
        let name = field_of(reader, found.detail.reader, index).map_or("", |(_, field)| &field.name);
        self.finding(
            "alias-ambiguous",
            found,
            format!("the field `{name}` stands for several fields of the other schema, by its name and its aliases"),
            if self.backward() {
                (
                    "this field and its aliases".to_owned(),
                    format!("the record in {}", self.old_name),
                )
            } else {
                (
                    "several of these fields".to_owned(),
                    format!("this field and its aliases in {}", self.old_name),
                )
            },
        )
        .help(if self.backward() {
            "leave only the alias of the field that was renamed"
        } else {
            "rename the fields that the old aliases name"
        })
    }

    /// A union fails as a whole; where a branch is meant for what is written, its own reasons say more.
    fn inner(&mut self, found: &Incompatibility) -> bool {
        let (reader, writer) = if self.backward() {
            (self.new.schema, self.old.schema)
        } else {
            (self.old.schema, self.new.schema)
        };
        let Kind::Union(branches) = &reader.node(found.detail.reader).kind else {
            return false;
        };
        let written = match (&writer.node(found.detail.writer).kind, found.detail.index) {
            (Kind::Union(branches), Some(index)) => branches.get(index).copied(),
            _ => Some(found.detail.writer),
        };
        let Some(written) = written else { return false };
        let node = writer.node(written);
        let alike: Vec<TypeId> = branches
            .iter()
            .copied()
            .filter(|b| reader.node(*b).kind.word() == node.kind.word())
            .collect();
        let meant = alike
            .iter()
            .copied()
            .find(|b| reader.node(*b).name().map(|n| &n.name) == node.name().map(|n| &n.name))
            .or_else(|| {
                // The one record on either side was renamed.
                let alone = match &writer.node(found.detail.writer).kind {
                    Kind::Union(all) => {
                        all.iter()
                            .filter(|b| writer.node(**b).kind.word() == node.kind.word())
                            .count()
                            == 1
                    }
                    _ => true,
                };
                (alone && alike.len() == 1).then(|| alike[0])
            });
        let Some(meant) = meant else { return false };
        let reasons = check(&reader.set().schema(meant), &writer.set().schema(written));
        if reasons.is_empty() {
            return false;
        }
        let outermost = self.outer.is_none();
        if outermost {
            self.outer = Some(registry(found));
        }
        self.through.push(describe(writer, written));
        self.locations.push(found.location.clone());
        for reason in &reasons {
            self.tell(reason);
        }
        self.locations.pop();
        self.through.pop();
        if outermost {
            self.outer = None;
        }
        true
    }

    /// "the type of `x`", with what it is about.
    fn what(&self, field: Option<FieldPair>) -> String {
        let reader = if self.backward() {
            self.new.schema
        } else {
            self.old.schema
        };
        match field.and_then(|f| Some((field_of(reader, f.reader_record, Some(f.reader))?, f.direct))) {
            Some(((_, field), true)) => format!("the type of `{}`", field.name),
            Some(((_, field), false)) => format!("a type in `{}`", field.name),
            None => "the type".to_owned(),
        }
    }
}
