//! What a check found, written out: Java's message, the location and the places.
//!
//! Messages are made here and not where something is found: most of what is found inside unions is thrown away.

use crate::compat::check::{
    Checker, Item, Leaf, MAX_PAIRS, MAX_REPORTED, Outcome, Step, Token, missing_symbols,
};
use crate::compat::place::Places;
use crate::compat::{Detail, FieldPair, Incompatibility, IncompatibilityType};
use crate::schema::Kind;

impl Checker<'_> {
    /// The incompatibilities of an outcome, in order; a part that counts twice is there twice.
    pub(super) fn report(&self, outcome: Outcome, places: &mut Places<'_>) -> Vec<Incompatibility> {
        let mut out = Vec::new();
        let root = [Item::Result(outcome)];
        let mut stack: Vec<std::slice::Iter<'_, Item>> = vec![root.iter()];
        while let Some(items) = stack.last_mut() {
            match items.next() {
                None => {
                    stack.pop();
                }
                Some(Item::Leaf(id)) => {
                    if let Some(leaf) = self.leaves.get(*id as usize) {
                        out.push(self.incompatibility(leaf, places));
                    }
                    if out.len() == MAX_REPORTED {
                        return out;
                    }
                }
                Some(Item::Result(outcome)) => {
                    if let Some(items) = self.results.get(outcome.0 as usize) {
                        stack.push(items.iter());
                    }
                }
            }
        }
        out
    }

    pub(super) fn incompatibility(&self, leaf: &Leaf, places: &mut Places<'_>) -> Incompatibility {
        let (reader, writer) = places.of(leaf, &self.steps);
        let step = self.steps.get(leaf.at as usize);
        Incompatibility {
            kind: leaf.kind,
            location: self.location(leaf.at),
            message: self.message(leaf),
            reader,
            writer,
            detail: Detail {
                reader: leaf.reader,
                writer: leaf.writer,
                index: leaf.index,
                in_writer_union: leaf.kind == IncompatibilityType::TypeMismatch
                    && step.is_some_and(|step| matches!(step.token, Token::Branch(_))),
                field: self.field(leaf.at),
            },
        }
    }

    /// The innermost field around a step.
    fn field(&self, at: u32) -> Option<FieldPair> {
        let mut step = self.steps.get(at as usize);
        let mut direct = true;
        while let Some(inner) = step {
            if let Token::Type(reader, writer) = inner.token {
                return Some(FieldPair {
                    reader_record: inner.reader,
                    reader,
                    writer,
                    direct,
                });
            }
            direct &= matches!(inner.token, Token::Branch(_));
            step = inner.parent.and_then(|parent| self.steps.get(parent as usize));
        }
        None
    }

    /// The JSON pointer of a step. No token needs escaping.
    fn location(&self, at: u32) -> String {
        let mut tokens = Vec::new();
        let mut step = self.steps.get(at as usize);
        while let Some(Step { parent, token, .. }) = step {
            match token {
                Token::Root => {}
                Token::Name => tokens.push("name".to_owned()),
                Token::Items => tokens.push("items".to_owned()),
                Token::Values => tokens.push("values".to_owned()),
                Token::Symbols => tokens.push("symbols".to_owned()),
                Token::Size => tokens.push("size".to_owned()),
                Token::Branch(index) => tokens.push(index.to_string()),
                Token::Field(index) => tokens.push(format!("fields/{index}")),
                Token::Type(index, _) => tokens.push(format!("fields/{index}/type")),
            }
            step = parent.and_then(|parent| self.steps.get(parent as usize));
        }
        tokens.reverse();
        format!("/{}", tokens.join("/"))
    }

    fn message(&self, leaf: &Leaf) -> String {
        let (r, w) = (self.reader.node(leaf.reader), self.writer.node(leaf.writer));
        match leaf.kind {
            IncompatibilityType::NameMismatch => {
                format!(
                    "expected: {}",
                    w.name().map(ToString::to_string).unwrap_or_default()
                )
            }
            IncompatibilityType::FixedSizeMismatch => {
                let size = |kind: &Kind| match kind {
                    Kind::Fixed(fixed) => fixed.size,
                    _ => 0,
                };
                format!("expected: {}, found: {}", size(&w.kind), size(&r.kind))
            }
            IncompatibilityType::MissingEnumSymbols => match (&r.kind, &w.kind) {
                (Kind::Enum(r), Kind::Enum(w)) => {
                    let missing: Vec<&str> = missing_symbols(r, w).into_iter().collect();
                    format!("[{}]", missing.join(", "))
                }
                _ => String::new(),
            },
            IncompatibilityType::ReaderFieldMissingDefaultValue => self.field_name(leaf).to_owned(),
            IncompatibilityType::TypeMismatch => format!(
                "reader type: {} not compatible with writer type: {}",
                type_name(&r.kind),
                type_name(&w.kind)
            ),
            IncompatibilityType::MissingUnionBranch => {
                let written = match (&w.kind, leaf.index) {
                    (Kind::Union(branches), Some(index)) => {
                        branches.get(index).map(|b| &self.writer.node(*b).kind)
                    }
                    _ => None,
                };
                let written = written.unwrap_or(&w.kind);
                format!("reader union lacking writer type: {}", type_name(written))
            }
            IncompatibilityType::AmbiguousFieldAlias => {
                format!("{} matches several fields of the writer", self.field_name(leaf))
            }
            IncompatibilityType::TooComplex => {
                format!("more than {MAX_PAIRS} comparisons would have to be made")
            }
        }
    }

    fn field_name(&self, leaf: &Leaf) -> &str {
        match (&self.reader.node(leaf.reader).kind, leaf.index) {
            (Kind::Record(record), Some(index)) => record.fields.get(index).map_or("", |f| &f.name),
            _ => "",
        }
    }
}

/// `Schema.Type`'s name.
fn type_name(kind: &Kind) -> String {
    kind.word().to_uppercase()
}
