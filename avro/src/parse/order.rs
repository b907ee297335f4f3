//! The order in which several files are parsed: whoever is referred to comes first.
//!
//! Java parses files one after the other, and each must find its names in those before it. Sorting them gives the
//! order in which Java would take them, if there is one; a circle keeps the order given.

use std::collections::HashMap;

use crate::json::{Kind, Value};

/// Positions of the files in the order to parse them.
pub(crate) fn order(files: &[Option<&Value>]) -> Vec<usize> {
    if files.len() < 2 {
        return (0..files.len()).collect();
    }
    let mut defined: HashMap<String, usize> = HashMap::new();
    let mut references = Vec::with_capacity(files.len());
    for (file, value) in files.iter().enumerate() {
        let mut names = Names::default();
        if let Some(value) = value {
            names.collect(value, None);
        }
        for name in names.defined {
            defined.entry(name).or_insert(file);
        }
        references.push(names.referred);
    }
    let needs: Vec<Vec<usize>> = references
        .iter()
        .enumerate()
        .map(|(file, names)| {
            let mut needs: Vec<usize> = names
                .iter()
                .filter_map(|(full, written)| defined.get(full).or_else(|| defined.get(written)))
                .copied()
                .filter(|&other| other != file)
                .collect();
            needs.sort_unstable();
            needs.dedup();
            needs
        })
        .collect();
    // Depth first with a stack of our own: as many files as there are may form one chain.
    let mut out = Vec::with_capacity(files.len());
    let mut seen = vec![false; files.len()];
    for start in 0..files.len() {
        let mut stack = Vec::new();
        if !std::mem::replace(&mut seen[start], true) {
            stack.push((start, 0));
        }
        while let Some((file, next)) = stack.pop() {
            match needs[file].get(next) {
                None => out.push(file),
                Some(&other) => {
                    stack.push((file, next + 1));
                    if !std::mem::replace(&mut seen[other], true) {
                        stack.push((other, 0));
                    }
                }
            }
        }
    }
    out
}

#[derive(Default)]
struct Names {
    defined: Vec<String>,
    /// With the namespace around it, and as written.
    referred: Vec<(String, String)>,
}

impl Names {
    /// As deep as the text is nested, which [`crate::json::MAX_DEPTH`] bounds.
    fn collect(&mut self, value: &Value, namespace: Option<&str>) {
        match &value.kind {
            Kind::String(name) => self.referred.push((full(name, namespace), name.clone())),
            Kind::Array(branches) => {
                for branch in branches {
                    self.collect(branch, namespace);
                }
            }
            Kind::Object(_) => match value.get("type").and_then(Value::as_str) {
                Some("array") => self.child(value, "items", namespace),
                Some("map") => self.child(value, "values", namespace),
                Some("record" | "error" | "enum" | "fixed") => self.named(value, namespace),
                _ => {}
            },
            _ => {}
        }
    }

    fn child(&mut self, value: &Value, key: &str, namespace: Option<&str>) {
        if let Some(child) = value.get(key) {
            self.collect(child, namespace);
        }
    }

    fn named(&mut self, value: &Value, namespace: Option<&str>) {
        let own = value.get("namespace").and_then(Value::as_str);
        let name = value.get("name").and_then(Value::as_str).unwrap_or("");
        let full = full(name, own.or(namespace).filter(|n| !n.is_empty()));
        let namespace = full.rsplit_once('.').map(|(namespace, _)| namespace);
        if let Some(fields) = value.get("fields").and_then(Value::as_array) {
            for field in fields {
                self.child(field, "type", namespace.filter(|n| !n.is_empty()));
            }
        }
        self.defined
            .push(full.strip_prefix('.').unwrap_or(&full).to_owned());
    }
}

fn full(name: &str, namespace: Option<&str>) -> String {
    match namespace {
        Some(namespace) if !name.contains('.') => format!("{namespace}.{name}"),
        _ => name.to_owned(),
    }
}
