//! Parsing Canonical Form and fingerprints, as Java's `SchemaNormalization` has them.
//!
//! Two schemas of the same form read and write the same bytes. The form keeps neither documents, defaults, aliases,
//! sort order nor logical types: a registry's "is this schema there already" is another question.
//! Avro 1.12 specification, "Parsing Canonical Form for Schemas" and "Schema Fingerprints". Java does not escape what
//! stands in names, nor does this.

use std::collections::HashSet;
use std::fmt::Write as _;

use sha2::Digest as _;

use crate::schema::{Kind, Name, Schema, TypeId};

impl Schema {
    /// The Parsing Canonical Form.
    pub fn canonical_form(&self) -> String {
        enum Work<'a> {
            Type(TypeId),
            Text(&'static str),
            Field(&'a str),
        }
        let mut out = String::new();
        let mut seen: HashSet<&Name> = HashSet::new();
        let mut stack = vec![Work::Type(self.root)];
        while let Some(work) = stack.pop() {
            let id = match work {
                Work::Type(id) => id,
                Work::Text(text) => {
                    out.push_str(text);
                    continue;
                }
                Work::Field(name) => {
                    // Writing to a String cannot fail.
                    let _ = write!(out, "{{\"name\":\"{name}\",\"type\":");
                    continue;
                }
            };
            let node = self.node(id);
            if let Some(name) = node.name()
                && !seen.insert(name)
            {
                let _ = write!(out, "\"{name}\"");
                continue;
            }
            match &node.kind {
                Kind::Array(items) => {
                    out.push_str("{\"type\":\"array\",\"items\":");
                    stack.push(Work::Text("}"));
                    stack.push(Work::Type(*items));
                }
                Kind::Map(values) => {
                    out.push_str("{\"type\":\"map\",\"values\":");
                    stack.push(Work::Text("}"));
                    stack.push(Work::Type(*values));
                }
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
                Kind::Enum(e) => {
                    let _ = write!(out, "{{\"name\":\"{}\",\"type\":\"enum\",\"symbols\":[", e.name);
                    for (i, symbol) in e.symbols.iter().enumerate() {
                        let comma = if i > 0 { "," } else { "" };
                        let _ = write!(out, "{comma}\"{symbol}\"");
                    }
                    out.push_str("]}");
                }
                Kind::Fixed(f) => {
                    let _ = write!(
                        out,
                        "{{\"name\":\"{}\",\"type\":\"fixed\",\"size\":{}}}",
                        f.name, f.size
                    );
                }
                Kind::Record(r) => {
                    let _ = write!(out, "{{\"name\":\"{}\",\"type\":\"record\",\"fields\":[", r.name);
                    stack.push(Work::Text("]}"));
                    for (i, field) in r.fields.iter().enumerate().rev() {
                        stack.push(Work::Text("}"));
                        stack.push(Work::Type(field.ty));
                        stack.push(Work::Field(&field.name));
                        if i > 0 {
                            stack.push(Work::Text(","));
                        }
                    }
                }
                primitive => {
                    let _ = write!(out, "\"{}\"", primitive.word());
                }
            }
        }
        out
    }

    /// CRC-64-AVRO of the canonical form. Single-object encoding writes it in little-endian order.
    pub fn fingerprint(&self) -> u64 {
        crc64(self.canonical_form().as_bytes())
    }

    /// MD5 of the canonical form.
    pub fn md5(&self) -> [u8; 16] {
        md5::Md5::digest(self.canonical_form().as_bytes()).into()
    }

    /// SHA-256 of the canonical form.
    pub fn sha256(&self) -> [u8; 32] {
        sha2::Sha256::digest(self.canonical_form().as_bytes()).into()
    }
}

impl Kind {
    /// The word for it in a schema: `int`, `record`, `union`.
    pub fn word(&self) -> &'static str {
        match self {
            Kind::Null => "null",
            Kind::Boolean => "boolean",
            Kind::Int => "int",
            Kind::Long => "long",
            Kind::Float => "float",
            Kind::Double => "double",
            Kind::Bytes => "bytes",
            Kind::String => "string",
            Kind::Array(_) => "array",
            Kind::Map(_) => "map",
            Kind::Union(_) => "union",
            Kind::Record(_) => "record",
            Kind::Enum(_) => "enum",
            Kind::Fixed(_) => "fixed",
        }
    }
}

const EMPTY: u64 = 0xc15d_213a_a4d7_a795;

const TABLE: [u64; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut value = i as u64;
        let mut bit = 0;
        while bit < 8 {
            value = (value >> 1) ^ (EMPTY & (value & 1).wrapping_neg());
            bit += 1;
        }
        table[i] = value;
        i += 1;
    }
    table
};

/// CRC-64-AVRO of any bytes.
pub fn crc64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(EMPTY, |crc, &byte| {
        (crc >> 8) ^ TABLE[usize::from((crc as u8) ^ byte)]
    })
}
