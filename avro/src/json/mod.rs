//! JSON values that know where they stand.
//!
//! Schemas are read with Java's habits (Jackson with comments allowed), and every message must point at a place, so
//! the tree keeps spans, the order of members, duplicate keys, and numbers as they were written.

mod scan;
mod write;

pub use scan::{Error, MAX_DEPTH, MAX_KEY, MAX_NUMBER, MAX_TEXT, MAX_VALUES, parse};
pub use write::{write, write_string};

use crate::source::Span;

/// A value and its place in the text it was read from.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// The value.
    pub kind: Kind,
    /// From its first byte to one past its last.
    pub span: Span,
}

/// The seven shapes of JSON.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as written: `1`, `1.0` and `1e0` stay apart, and none loses digits.
    Number(String),
    /// A string, unescaped.
    String(String),
    /// An array.
    Array(Vec<Value>),
    /// An object: members in the order of the text; where a key is there twice, the last one counts.
    Object(Vec<Member>),
}

/// A member of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The key, unescaped.
    pub key: String,
    /// Where the key stands, quotes included.
    pub key_span: Span,
    /// The value.
    pub value: Value,
}

impl Value {
    /// The member of that key: of several, the last. `None` on anything but an object.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.member(key).map(|m| &m.value)
    }

    /// The same with the key's place.
    pub fn member(&self, key: &str) -> Option<&Member> {
        match &self.kind {
            Kind::Object(members) => members.iter().rev().find(|m| m.key == key),
            _ => None,
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::String(s) => Some(s),
            _ => None,
        }
    }

    /// The items of an array.
    pub fn as_array(&self) -> Option<&[Value]> {
        match &self.kind {
            Kind::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The members of an object, in the order of the text.
    pub fn as_object(&self) -> Option<&[Member]> {
        match &self.kind {
            Kind::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The members of an object as they count: each key once, at the place of its first occurrence, with the value
    /// of its last. Empty for anything but an object.
    pub fn members(&self) -> Vec<&Member> {
        let Kind::Object(members) = &self.kind else {
            return Vec::new();
        };
        let mut counted: Vec<&Member> = Vec::with_capacity(members.len());
        // Few keys: compare them; many: hash them.
        let mut index = std::collections::HashMap::new();
        for member in members {
            let slot = if members.len() <= 16 {
                counted.iter().position(|m| m.key == member.key)
            } else {
                let next = counted.len();
                let slot = *index.entry(member.key.as_str()).or_insert(next);
                (slot < next).then_some(slot)
            };
            match slot {
                Some(slot) => counted[slot] = member,
                None => counted.push(member),
            }
        }
        counted
    }

    /// Whether Jackson calls two values equal: integers and decimal numbers are never equal to each other, the order
    /// of keys does not matter.
    pub fn same(&self, other: &Value) -> bool {
        match (&self.kind, &other.kind) {
            (Kind::Null, Kind::Null) => true,
            (Kind::Bool(a), Kind::Bool(b)) => a == b,
            (Kind::String(a), Kind::String(b)) => a == b,
            (Kind::Number(a), Kind::Number(b)) => match (is_integral(a), is_integral(b)) {
                (true, true) => integral_text(a) == integral_text(b),
                (false, false) => {
                    let (a, b) = (a.parse::<f64>(), b.parse::<f64>());
                    matches!((a, b), (Ok(a), Ok(b)) if a.to_bits() == b.to_bits())
                }
                _ => false,
            },
            (Kind::Array(a), Kind::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b)),
            (Kind::Object(_), Kind::Object(_)) => {
                let (mut a, mut b) = (self.members(), other.members());
                a.sort_unstable_by(|m, n| m.key.cmp(&n.key));
                b.sort_unstable_by(|m, n| m.key.cmp(&n.key));
                let same = |(m, n): (&&Member, &&Member)| m.key == n.key && m.value.same(&n.value);
                a.len() == b.len() && a.iter().zip(&b).all(same)
            }
            _ => false,
        }
    }
}

/// Whether a number is written without a fraction and an exponent.
pub fn is_integral(number: &str) -> bool {
    !number.contains(['.', 'e', 'E'])
}

fn integral_text(number: &str) -> &str {
    if number == "-0" { "0" } else { number }
}
