//! A schema as one self-contained text: Java's `Schema.toString`.
//!
//! Everything that the parser kept is there: documents, defaults, aliases, sort order, attributes of the user's own.
//! A type of another file is written out where it is first used. The order of attributes, the namespaces and the
//! numbers are Java's, so a registry that keeps `toString` of what it parsed keeps this very text. One difference:
//! an alias in no namespace of a type in one is written with a leading dot, because Java's text loses it.

use std::collections::{BTreeSet, HashSet};

use crate::json::{self, Member, Value, is_integral, write_string};
use crate::parse::number::java_double;
use crate::schema::{Field, Kind, Name, Node, Order, Schema, TypeId};

/// Names that a reference never has without its namespace, because they mean something else.
const WORDS: [&str; 14] = [
    "record", "enum", "array", "map", "union", "fixed", "string", "bytes", "int", "long", "float", "double",
    "boolean", "null",
];

enum Work<'a> {
    /// A type, in a namespace.
    Type(TypeId, Option<&'a str>),
    Text(&'static str),
    FieldHead(&'a Field),
    FieldTail(&'a Field),
    /// Attributes and aliases of the node, and its brace.
    Tail(&'a Node),
}

impl Schema {
    /// The schema as compact JSON that stands for itself.
    pub fn text(&self) -> String {
        self.text_referring(&BTreeSet::new())
    }

    /// The same, where the types of these full names stay names.
    pub(crate) fn text_referring(&self, referenced: &BTreeSet<Name>) -> String {
        let mut out = String::new();
        let mut seen: HashSet<&Name> = referenced.iter().collect();
        if let Some(name) = self.root_node().name() {
            seen.remove(name);
        }
        let mut stack = vec![Work::Type(self.root, None)];
        while let Some(work) = stack.pop() {
            match work {
                Work::Text(text) => out.push_str(text),
                Work::FieldHead(field) => {
                    out.push_str("{\"name\":");
                    write_string(&field.name, &mut out);
                    out.push_str(",\"type\":");
                }
                Work::FieldTail(field) => field_tail(field, &mut out),
                Work::Tail(node) => {
                    attributes(&node.attributes, &mut out);
                    aliases(node, &mut out);
                    out.push('}');
                }
                Work::Type(id, namespace) => {
                    let node = self.node(id);
                    if let Some(name) = node.name()
                        && !seen.insert(name)
                    {
                        write_string(&reference(name, namespace), &mut out);
                        continue;
                    }
                    open(node, namespace, &mut out, &mut stack);
                }
            }
        }
        out
    }
}

fn open<'a>(node: &'a Node, namespace: Option<&'a str>, out: &mut String, stack: &mut Vec<Work<'a>>) {
    match &node.kind {
        Kind::Union(branches) => {
            out.push('[');
            stack.push(Work::Text("]"));
            for (i, branch) in branches.iter().enumerate().rev() {
                stack.push(Work::Type(*branch, namespace));
                if i > 0 {
                    stack.push(Work::Text(","));
                }
            }
        }
        Kind::Array(items) => {
            out.push_str("{\"type\":\"array\",\"items\":");
            stack.push(Work::Tail(node));
            stack.push(Work::Type(*items, namespace));
        }
        Kind::Map(values) => {
            out.push_str("{\"type\":\"map\",\"values\":");
            stack.push(Work::Tail(node));
            stack.push(Work::Type(*values, namespace));
        }
        Kind::Record(record) => {
            let word = if record.is_error { "error" } else { "record" };
            head(word, &record.name, namespace, record.doc.as_deref(), out);
            out.push_str(",\"fields\":[");
            stack.push(Work::Tail(node));
            stack.push(Work::Text("]"));
            for (i, field) in record.fields.iter().enumerate().rev() {
                stack.push(Work::FieldTail(field));
                stack.push(Work::Type(field.ty, record.name.namespace.as_deref()));
                stack.push(Work::FieldHead(field));
                if i > 0 {
                    stack.push(Work::Text(","));
                }
            }
        }
        Kind::Enum(e) => {
            head("enum", &e.name, namespace, e.doc.as_deref(), out);
            out.push_str(",\"symbols\":[");
            for (i, symbol) in e.symbols.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_string(symbol, out);
            }
            out.push(']');
            if let Some(default) = &e.default {
                out.push_str(",\"default\":");
                write_string(default, out);
            }
            stack.push(Work::Tail(node));
        }
        Kind::Fixed(fixed) => {
            head("fixed", &fixed.name, namespace, fixed.doc.as_deref(), out);
            out.push_str(",\"size\":");
            out.push_str(&fixed.size.to_string());
            stack.push(Work::Tail(node));
        }
        primitive if node.attributes.is_empty() => write_string(primitive.word(), out),
        primitive => {
            out.push_str("{\"type\":");
            write_string(primitive.word(), out);
            stack.push(Work::Tail(node));
        }
    }
}

fn head(word: &str, name: &Name, namespace: Option<&str>, doc: Option<&str>, out: &mut String) {
    out.push_str("{\"type\":");
    write_string(word, out);
    out.push_str(",\"name\":");
    write_string(&name.name, out);
    if name.namespace.as_deref() != namespace {
        out.push_str(",\"namespace\":");
        write_string(name.namespace.as_deref().unwrap_or(""), out);
    }
    if let Some(doc) = doc {
        out.push_str(",\"doc\":");
        write_string(doc, out);
    }
}

fn field_tail(field: &Field, out: &mut String) {
    if let Some(doc) = &field.doc {
        out.push_str(",\"doc\":");
        write_string(doc, out);
    }
    if let Some(default) = &field.default {
        out.push_str(",\"default\":");
        value(default, out);
    }
    match field.order {
        Order::Ascending => {}
        Order::Descending => out.push_str(",\"order\":\"descending\""),
        Order::Ignore => out.push_str(",\"order\":\"ignore\""),
    }
    list(field.aliases.iter().map(String::as_str), out);
    attributes(&field.attributes, out);
    out.push('}');
}

fn aliases(node: &Node, out: &mut String) {
    let (name, aliases) = match &node.kind {
        Kind::Record(r) => (&r.name, &r.aliases),
        Kind::Enum(e) => (&e.name, &e.aliases),
        Kind::Fixed(f) => (&f.name, &f.aliases),
        _ => return,
    };
    let texts: Vec<String> = aliases
        .iter()
        .map(|alias| match (&alias.namespace, &name.namespace) {
            (None, Some(_)) => format!(".{}", alias.name),
            (_, namespace) => reference(alias, namespace.as_deref()),
        })
        .collect();
    list(texts.iter().map(String::as_str), out);
}

fn list<'a>(aliases: impl ExactSizeIterator<Item = &'a str>, out: &mut String) {
    if aliases.len() == 0 {
        return;
    }
    out.push_str(",\"aliases\":[");
    for (i, alias) in aliases.enumerate() {
        if i > 0 {
            out.push(',');
        }
        write_string(alias, out);
    }
    out.push(']');
}

fn attributes(attributes: &[Member], out: &mut String) {
    for member in attributes {
        out.push(',');
        write_string(&member.key, out);
        out.push(':');
        value(&member.value, out);
    }
}

/// A name as written within a namespace.
fn reference(name: &Name, namespace: Option<&str>) -> String {
    if name.namespace.is_some()
        && name.namespace.as_deref() == namespace
        && !WORDS.contains(&name.name.as_str())
    {
        return name.name.clone();
    }
    name.to_string()
}

/// A value with Java's numbers: a decimal one is a double.
fn value(value: &Value, out: &mut String) {
    let mut copy = value.clone();
    java_numbers(&mut copy);
    json::write(&copy, out);
}

fn java_numbers(value: &mut Value) {
    match &mut value.kind {
        json::Kind::Number(text) if text == "-0" => *text = "0".to_owned(),
        json::Kind::Number(text) if !is_integral(text) => {
            let number: f64 = text.parse().unwrap_or(f64::NAN);
            if number.is_finite() {
                *text = java_double(number);
            } else {
                let word = if number > 0.0 { "Infinity" } else { "-Infinity" };
                value.kind = json::Kind::String(word.to_owned());
            }
        }
        json::Kind::Array(items) => items.iter_mut().for_each(java_numbers),
        json::Kind::Object(members) => members.iter_mut().for_each(|m| java_numbers(&mut m.value)),
        _ => {}
    }
}
