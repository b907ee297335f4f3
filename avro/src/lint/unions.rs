//! Findings about unions.

use super::Linter;
use super::walk::{At, full_name};
use crate::json::{Kind as Json, Value};
use crate::schema::Kind;

/// What a value of a branch looks like where its type is not told beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Look {
    Number,
    Text,
    Bytes,
    /// An object with these keys.
    Fields(Vec<String>),
    Other,
}

impl Linter<'_> {
    pub(super) fn union(&mut self, at: &At<'_>, branches: &[Value]) {
        if let [only] = branches
            && let Some(finding) = self.report(
                "single-branch-union",
                at.owner,
                at.place(at.value),
                "this union has one branch",
                "always this one",
            )
        {
            finding.help(match at.source.slice(only.span) {
                text if text.len() <= 40 => format!("write {text}, or add the other branch"),
                _ => "write the type itself, or add the other branch".to_owned(),
            });
        }
        if !self.wants("ambiguous-union") {
            return;
        }
        let looks: Vec<Look> = branches.iter().map(|branch| self.look(at, branch)).collect();
        for (later, look) in looks.iter().enumerate() {
            let earlier = looks
                .iter()
                .take(later)
                .position(|other| other == look && *look != Look::Other);
            let Some(earlier) = earlier else { continue };
            let (Some(first), Some(second)) = (branches.get(earlier), branches.get(later)) else {
                continue;
            };
            let (one, two) = (title(at, first), title(at, second));
            if let Some(finding) = self.report(
                "ambiguous-union",
                at.owner,
                at.place(head(second)),
                format!("{one} and {two} in one union cannot be told apart by their values"),
                match look {
                    Look::Number => "the same number may be either",
                    Look::Text => "the same text may be either",
                    Look::Bytes => "the same bytes may be either",
                    _ => "has the same fields",
                },
            ) {
                finding.diagnostic = finding
                    .diagnostic
                    .clone()
                    .related(at.place(head(first)), "and this one");
                finding.help("keep one of them, or wrap each in a record with a field of its own");
            }
            return;
        }
    }

    fn look(&self, at: &At<'_>, branch: &Value) -> Look {
        let word = match &branch.kind {
            Json::String(name) => name.as_str(),
            _ => branch.get("type").and_then(Value::as_str).unwrap_or_default(),
        };
        match word {
            // A logical type is told by its class in most languages.
            _ if branch.get("logicalType").is_some() => return Look::Other,
            "int" | "long" | "float" | "double" => return Look::Number,
            "string" => return Look::Text,
            "bytes" => return Look::Bytes,
            "null" | "boolean" | "array" | "map" => return Look::Other,
            _ => {}
        }
        let full = match &branch.kind {
            Json::String(name) if name.contains('.') => name.clone(),
            Json::String(name) => match at.namespace {
                Some(namespace) if self.set.get(&format!("{namespace}.{name}")).is_some() => {
                    format!("{namespace}.{name}")
                }
                _ => name.clone(),
            },
            _ => full_name(&At { value: branch, ..*at }).map_or_else(String::new, |(full, _)| full),
        };
        let Some(schema) = self.set.get(&full) else {
            return Look::Other;
        };
        match &schema.root_node().kind {
            Kind::Enum(_) => Look::Text,
            Kind::Fixed(_) => Look::Bytes,
            Kind::Record(record) => Look::Fields(record.fields.iter().map(|f| f.name.clone()).collect()),
            _ => Look::Other,
        }
    }
}

fn head(branch: &Value) -> &Value {
    branch.get("name").unwrap_or(branch)
}

fn title(at: &At<'_>, branch: &Value) -> String {
    match branch.get("name").or(Some(branch)).and_then(Value::as_str) {
        Some(name) => format!("`{name}`"),
        None => at
            .source
            .slice(branch.get("type").map_or(branch.span, |ty| ty.span))
            .trim_matches('"')
            .to_owned(),
    }
}
