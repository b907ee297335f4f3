//! What files have at their top besides records: arrays, maps, unions and primitive types, which have no name, and enums and
//! fixed types.
//!
//! A record can be written and read by itself, so these can too. One without a name is called after its file and stands in the
//! root module: `order-events.avsc` is `OrderEvents`. A union is an enum of that name, anything else a struct around what it
//! is. A fixed that is a UUID, a decimal or a duration in Rust is such a struct too, of its own name and in its own module.
//! What a file only refers to is generated where it is defined.

use fleetops_avro::json;
use fleetops_avro::schema::{Kind, TypeId};

use super::lower::{Lowering, anonymous_nodes, optional};
use super::{Home, ModulePath, TopLevel, dress, kind_word, rules};
use crate::idents;

/// A type whose identifier is there.
pub(super) struct Top {
    id: TypeId,
    home: Home,
    /// The name of the schema, or of its file.
    name: String,
    /// The file, without the folder.
    file: String,
}

impl Lowering<'_> {
    /// Identifiers for what stands at the top of files. Named types have theirs.
    pub(super) fn name_top_level(&mut self) -> Vec<Top> {
        let set = self.set;
        let mut tops = Vec::new();
        for (source, id) in set.files() {
            let node = set.node(id);
            let is_empty = matches!(&node.kind, Kind::Enum(e) if e.symbols.is_empty());
            // Only where it is defined.
            if matches!(node.kind, Kind::Record(_)) || is_empty || node.place.source.name() != source.name() {
                continue;
            }
            let file = file_name(source.name());
            let (name, home) = match (node.name(), self.homes.get(&id)) {
                (Some(name), Some(home)) => (name.to_string(), home.clone()),
                (Some(name), None) => {
                    let module = self.modules.get(&name.namespace).cloned().unwrap_or_default();
                    (name.to_string(), self.home(module, &name.name))
                }
                (None, _) => {
                    let stem = file.strip_suffix(".avsc").unwrap_or(file);
                    (stem.to_owned(), self.home(ModulePath::new(), stem))
                }
            };
            tops.push(Top {
                id,
                home,
                name,
                file: file.to_owned(),
            });
        }
        tops
    }

    fn home(&mut self, module: ModulePath, name: &str) -> Home {
        let ident = self.scope(&module).take(&idents::camel(name), "");
        Home {
            module,
            view: ident.clone(),
            ident,
        }
    }

    /// Their shapes.
    pub(super) fn top_level(&mut self, tops: Vec<Top>) {
        for Top { id, home, name, file } in tops {
            let node = self.set.node(id);
            let before = self.model.unions.len();
            let ty = match &node.kind {
                Kind::Union(branches) if !branches.is_empty() && optional(self.set, branches).is_none() => {
                    self.branches(None, branches, &home.module, home.ident.clone(), &file)
                }
                _ => {
                    let union_name = home.ident.trim_end_matches('_').to_owned();
                    self.generated(None, id, &home.module, &union_name, &file)
                }
            };
            self.model
                .union_ranges
                .insert(id, before..self.model.unions.len());
            let mut found = Vec::new();
            for node in anonymous_nodes(self.set, id) {
                let place = &node.place;
                found.extend(rules::read(
                    &node.attributes,
                    &ty,
                    place,
                    &mut self.model.warnings,
                ));
            }
            let text = |key| {
                let value = node.attribute(key).and_then(json::Value::as_str);
                value.map(str::to_owned)
            };
            let top = TopLevel {
                dress: match node.name() {
                    Some(name) => dress::of_type(self.settings, node, &name.to_string()),
                    None => dress::of_unnamed(self.settings, node),
                },
                home,
                name,
                is_named: node.name().is_some(),
                kind: kind_word(&node.kind),
                file,
                doc: text("doc"),
                unit: text("unit"),
                ty,
                rules: found,
            };
            self.model.top_level.insert(id, top);
        }
    }
}

/// The last part of a path: the rest is of the machine that generates, and would make the output depend on it.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}
