//! The normal form as text.

use std::collections::{BTreeSet, HashSet};

use crate::compat::aliases_of;
use crate::json::{self, Member, write_string};
use crate::normal::value::{attribute, default, java_order};
use crate::schema::{Field, Kind, Logical, Name, Node, Order, Schema, TypeId};

/// The normal form: what a registry makes of a schema with `?normalize=true`, before it parses, hashes and checks it.
///
/// Attributes stand in a fixed order, names are full, aliases sorted, attributes of the user's own sorted by key after
/// the known ones, and the sort order is always written. Documents, defaults, aliases and logical types are kept, so
/// this is not the parsing canonical form. It changes neither what the schema can read nor its fingerprint.
///
/// The registry parses this text again, and keeps and hashes [`crate::normal::identity_text`] of that:
/// [`crate::normal::Lookup::normalized`].
///
/// Java's habits that show, and are kept: an `error` becomes a record; the empty doc of a type is dropped, that of a
/// field is not; defaults take the form of their type (`1` of a double is `1.0`); a type without a namespace inside one
/// with a namespace is read as one of that namespace when the text is parsed again, so there, and only there, the
/// fingerprint does change.
pub fn normalize(schema: &Schema) -> String {
    normalize_referring(schema, &BTreeSet::new())
}

/// The same for a schema with references: the types of these full names stay names.
pub fn normalize_referring(schema: &Schema, referenced: &BTreeSet<Name>) -> String {
    let mut out = String::new();
    let mut seen: HashSet<&Name> = referenced.iter().collect();
    if let Some(name) = schema.root_node().name() {
        seen.remove(name);
    }
    let mut stack = vec![Work::Type(schema.root())];
    while let Some(work) = stack.pop() {
        match work {
            Work::Text(text) => out.push_str(text),
            Work::FieldHead(field) => {
                out.push_str("{\"name\":");
                write_string(&field.name, &mut out);
                out.push_str(",\"type\":");
            }
            Work::FieldTail(field) => field_tail(schema, field, &mut out),
            Work::Tail(node) => tail(schema, node, &mut out),
            Work::Type(id) => {
                let node = schema.node(id);
                match node.name() {
                    Some(name) if !seen.insert(name) => write_string(&name.to_string(), &mut out),
                    _ => open(schema, node, &mut out, &mut stack),
                }
            }
        }
    }
    out
}

enum Work<'a> {
    Type(TypeId),
    Text(&'static str),
    FieldHead(&'a Field),
    FieldTail(&'a Field),
    /// What follows the contents of a type, and its brace.
    Tail(&'a Node),
}

fn open<'a>(schema: &Schema, node: &'a Node, out: &mut String, stack: &mut Vec<Work<'a>>) {
    match &node.kind {
        Kind::Union(branches) => {
            out.push('[');
            stack.push(Work::Text("]"));
            for (i, branch) in branches.iter().enumerate().rev() {
                stack.push(Work::Type(*branch));
                if i > 0 {
                    stack.push(Work::Text(","));
                }
            }
        }
        Kind::Array(inner) => {
            out.push_str("{\"type\":\"array\",\"items\":");
            stack.push(Work::Tail(node));
            stack.push(Work::Type(*inner));
        }
        Kind::Map(inner) => {
            out.push_str("{\"type\":\"map\",\"values\":");
            stack.push(Work::Tail(node));
            stack.push(Work::Type(*inner));
        }
        Kind::Record(record) => {
            head(node, &record.name, out);
            out.push_str(",\"fields\":[");
            stack.push(Work::Tail(node));
            stack.push(Work::Text("]"));
            for (i, field) in record.fields.iter().enumerate().rev() {
                stack.push(Work::FieldTail(field));
                stack.push(Work::Type(field.ty));
                stack.push(Work::FieldHead(field));
                if i > 0 {
                    stack.push(Work::Text(","));
                }
            }
        }
        Kind::Enum(e) => {
            head(node, &e.name, out);
            out.push_str(",\"symbols\":");
            strings(e.symbols.iter().map(String::as_str), out);
            tail(schema, node, out);
        }
        Kind::Fixed(fixed) => {
            head(node, &fixed.name, out);
            out.push_str(",\"size\":");
            out.push_str(&fixed.size.to_string());
            tail(schema, node, out);
        }
        primitive if node.attributes.is_empty() => write_string(primitive.word(), out),
        primitive => {
            out.push_str("{\"type\":");
            write_string(primitive.word(), out);
            tail(schema, node, out);
        }
    }
}

fn head(node: &Node, name: &Name, out: &mut String) {
    out.push_str("{\"name\":");
    write_string(&name.to_string(), out);
    out.push_str(",\"type\":");
    write_string(node.kind.word(), out);
}

fn tail(schema: &Schema, node: &Node, out: &mut String) {
    let mut written: &[&str] = &[];
    let logical = node.logical.filter(|_| {
        // On other types Java writes what it is parsed from, and no more.
        !matches!(
            node.kind,
            Kind::Record(_) | Kind::Enum(_) | Kind::Array(_) | Kind::Map(_)
        )
    });
    if let Some(logical) = logical {
        written = first(node, logical, out);
    }
    let (doc, symbol) = match &node.kind {
        Kind::Record(r) => (r.doc.as_deref(), None),
        Kind::Enum(e) => (e.doc.as_deref(), e.default.as_deref()),
        Kind::Fixed(f) => (f.doc.as_deref(), None),
        _ => (None, None),
    };
    if let Some(doc) = doc.filter(|doc| !doc.is_empty()) {
        out.push_str(",\"doc\":");
        write_string(doc, out);
    }
    let own = node.name().and_then(|name| name.namespace.as_ref());
    let names = aliases_of(node)
        .iter()
        .map(|alias| match (&alias.namespace, own) {
            // Without the dot it would be read as one of the type's namespace.
            (None, Some(_)) => format!(".{}", alias.name),
            _ => alias.to_string(),
        })
        .collect();
    aliases(names, out);
    if let Some(symbol) = symbol {
        out.push_str(",\"default\":");
        write_string(symbol, out);
    }
    attributes(schema, &node.attributes, written, out);
    out.push('}');
}

/// The logical type and its parameters; gives the keys that are written with that.
fn first(node: &Node, logical: Logical, out: &mut String) -> &'static [&'static str] {
    if let Some(name) = node.attribute("logicalType").and_then(json::Value::as_str) {
        out.push_str(",\"logicalType\":");
        write_string(name, out);
    }
    match logical {
        Logical::Decimal { precision, scale: 0 } => {
            out.push_str(&format!(",\"precision\":{precision}"));
            &["logicalType", "precision"]
        }
        Logical::Decimal { precision, scale } => {
            out.push_str(&format!(",\"precision\":{precision},\"scale\":{scale}"));
            &["logicalType", "precision", "scale"]
        }
        _ => &["logicalType"],
    }
}

fn field_tail(schema: &Schema, field: &Field, out: &mut String) {
    out.push_str(match field.order {
        Order::Ascending => ",\"order\":\"ASCENDING\"",
        Order::Descending => ",\"order\":\"DESCENDING\"",
        Order::Ignore => ",\"order\":\"IGNORE\"",
    });
    if let Some(doc) = &field.doc {
        out.push_str(",\"doc\":");
        write_string(doc, out);
    }
    aliases(field.aliases.clone(), out);
    if let Some(value) = field
        .default
        .as_ref()
        .and_then(|value| default(schema, field.ty, value))
    {
        out.push_str(",\"default\":");
        json::write(&value, out);
    }
    attributes(schema, &field.attributes, &[], out);
    out.push('}');
}

fn aliases(mut names: Vec<String>, out: &mut String) {
    if names.is_empty() {
        return;
    }
    names.sort_by(|a, b| java_order(a, b));
    out.push_str(",\"aliases\":");
    strings(names.iter().map(String::as_str), out);
}

fn strings<'a>(texts: impl Iterator<Item = &'a str>, out: &mut String) {
    out.push('[');
    for (i, text) in texts.enumerate() {
        if i > 0 {
            out.push(',');
        }
        write_string(text, out);
    }
    out.push(']');
}

/// Those not written yet, by key.
fn attributes(schema: &Schema, members: &[Member], written: &[&str], out: &mut String) {
    let mut members: Vec<&Member> = members
        .iter()
        .filter(|m| !written.contains(&m.key.as_str()))
        .collect();
    members.sort_by(|a, b| java_order(&a.key, &b.key));
    for member in members {
        out.push(',');
        write_string(&member.key, out);
        out.push(':');
        json::write(&attribute(schema, &member.value), out);
    }
}
