//! From the schema graph to the Rust model: identifiers first, then shapes.
//!
//! Identifiers are handed out in a fixed order, so that the same schemas always give the same code: the modules, then the
//! named types of a module in the order of their names, then the types that files have at their top without a name, then the
//! enums of unions in the order of fields, then views and builders. A schema type never loses its name to a generated one.

use std::collections::{BTreeMap, BTreeSet};

use fleetops_avro::diagnostic::Diagnostic;
use fleetops_avro::schema::{self, Kind, Logical, TypeId};
use fleetops_avro::{SchemaSet, json};

use super::cycles::Cycles;
use super::depth::Depths;
use super::dress;
use super::endless;
use super::{
    Branch, Enum, Field, Fixed, Home, Model, ModulePath, Record, Time, Type, Union, kind_word, rules,
};
use crate::idents::{self, Scope};
use crate::manifest::{DecimalType, Generate};

/// Makes the model.
///
/// # Errors
/// Validation attributes that do not fit, with their places.
pub(crate) fn lower(set: &SchemaSet, settings: &Generate) -> Result<Model, Vec<Diagnostic>> {
    let depths = Depths::of(set);
    let too_deep = depths.check(set);
    if !too_deep.is_empty() {
        return Err(too_deep);
    }
    let mut lowering = Lowering {
        set,
        settings,
        raw: false,
        decimal: settings.decimal,
        raw_fixed: dress::raw_fixed(set, settings),
        cycles: Cycles::of(set),
        depths,
        scopes: BTreeMap::new(),
        modules: BTreeMap::new(),
        homes: BTreeMap::new(),
        model: Model::default(),
        errors: Vec::new(),
        containers: 0,
    };
    lowering.name_types();
    let tops = lowering.name_top_level();
    lowering.records();
    lowering.top_level(tops);
    lowering.model.box_large(lowering.cycles.inner_first());
    lowering.name_views();
    lowering.model.find_holders();
    dress::allow_deprecated(&mut lowering.model);
    endless::mark(&mut lowering.model, lowering.cycles.inner_first());
    lowering.model.find_sizes(lowering.cycles.inner_first());
    if lowering.errors.is_empty() {
        Ok(lowering.model)
    } else {
        Err(lowering.errors)
    }
}

pub(super) struct Lowering<'a> {
    pub(super) set: &'a SchemaSet,
    pub(super) settings: &'a Generate,
    /// The field at hand keeps its logical types raw.
    raw: bool,
    /// Its decimals are of this type.
    decimal: DecimalType,
    /// What such fields have of fixed types that would be no types of their own.
    raw_fixed: BTreeSet<TypeId>,
    cycles: Cycles,
    depths: Depths,
    scopes: BTreeMap<ModulePath, Scope>,
    /// The modules of namespaces.
    pub(super) modules: BTreeMap<Option<String>, ModulePath>,
    pub(super) homes: BTreeMap<TypeId, Home>,
    pub(super) model: Model,
    errors: Vec<Diagnostic>,
    /// How many arrays and maps are around the type at hand: what is in one is on the heap already.
    containers: usize,
}

/// The most digits that a decimal type holds. A decimal with more stays raw. Those of `BigDecimal` are what the runtime's limit
/// on bytes has room for.
pub(super) const fn max_precision(decimal: DecimalType) -> u32 {
    match decimal {
        DecimalType::RustDecimal => 28,
        DecimalType::BigDecimal => 9863,
    }
}

impl Lowering<'_> {
    /// The logical type, where there is a Rust type for it, and it is wanted.
    fn logical(&self, node: &schema::Node) -> Option<Logical> {
        node.logical.filter(|logical| {
            !self.raw
                && !self.settings.is_raw(dress::name(*logical))
                && !matches!(logical, Logical::Decimal { precision, .. } if *precision > max_precision(self.decimal))
        })
    }

    /// Whether a named type is a type of its own in Rust, and not a UUID, a decimal or a duration.
    pub(super) fn has_own_type(&self, id: TypeId) -> bool {
        let node = self.set.node(id);
        self.raw_fixed.contains(&id)
            || !matches!(
                (&node.kind, self.logical(node)),
                (
                    Kind::Fixed(_),
                    Some(Logical::Uuid | Logical::Decimal { .. } | Logical::Duration)
                )
            )
    }

    pub(super) fn scope(&mut self, module: &ModulePath) -> &mut Scope {
        self.scopes.entry(module.clone()).or_default()
    }

    /// Modules for namespaces, identifiers for types.
    fn name_types(&mut self) {
        let mut segments: BTreeMap<(ModulePath, String), String> = BTreeMap::new();
        let mut by_module: BTreeMap<ModulePath, Vec<(String, TypeId)>> = BTreeMap::new();
        for (name, id) in self.set.named() {
            let module = match self.modules.get(&name.namespace) {
                Some(module) => module.clone(),
                None => {
                    let mut path = ModulePath::new();
                    for segment in name.namespace.iter().flat_map(|n| n.split('.')) {
                        let key = (path.clone(), segment.to_owned());
                        let ident = match segments.get(&key) {
                            Some(ident) => ident.clone(),
                            None => {
                                let ident = self.scope(&path).take(&idents::snake(segment), "_");
                                segments.insert(key, ident.clone());
                                ident
                            }
                        };
                        path.push(ident);
                    }
                    self.modules.insert(name.namespace.clone(), path.clone());
                    path
                }
            };
            if self.has_own_type(id) {
                by_module.entry(module).or_default().push((name.name.clone(), id));
            }
        }
        for (module, types) in by_module {
            let names = types.iter().map(|(name, _)| name.as_str());
            let idents = self.scope(&module).take_all(names, idents::camel, "");
            for ((_, id), ident) in types.into_iter().zip(idents) {
                let home = Home {
                    module: module.clone(),
                    view: ident.clone(),
                    ident,
                };
                self.homes.insert(id, home);
            }
        }
    }

    fn records(&mut self) {
        let set = self.set;
        for (name, id) in set.named() {
            let Some(home) = self.homes.get(&id).cloned() else {
                continue;
            };
            let node = set.node(id);
            match &node.kind {
                Kind::Enum(e) if e.symbols.is_empty() => {
                    self.model.warnings.push(empty(node, "enum has no symbols"));
                }
                Kind::Record(record) => {
                    let before = self.model.unions.len();
                    let record = self.record(id, node, record, home);
                    let unions = before..self.model.unions.len();
                    self.model.union_ranges.insert(id, unions);
                    self.model.records.insert(id, record);
                }
                Kind::Enum(e) => {
                    let symbols = e.symbols.iter().map(String::as_str);
                    let mut variants = Scope::default();
                    let idents = variants.take_all(symbols, idents::camel, "");
                    let open = self.is_open(&name.to_string());
                    let lowered = Enum {
                        unknown: open.then(|| variants.take("Unknown", "")),
                        home,
                        name: name.to_string(),
                        doc: e.doc.clone(),
                        symbols: e.symbols.iter().cloned().zip(idents).collect(),
                        default: e
                            .default
                            .as_ref()
                            .and_then(|d| e.symbols.iter().position(|s| s == d)),
                        dress: dress::of_type(self.settings, node, &name.to_string()),
                    };
                    self.model.enums.insert(id, lowered);
                }
                Kind::Fixed(f) => {
                    let lowered = Fixed {
                        home,
                        name: name.to_string(),
                        doc: f.doc.clone(),
                        size: f.size,
                        dress: dress::of_type(self.settings, node, &name.to_string()),
                    };
                    self.model.fixeds.insert(id, lowered);
                }
                _ => {}
            }
        }
    }

    fn record(&mut self, id: TypeId, node: &schema::Node, record: &schema::Record, home: Home) -> Record {
        let names = record.fields.iter().map(|f| f.name.as_str());
        let idents = Scope::default().take_all(names, idents::snake, "_");
        let mut fields = Vec::with_capacity(record.fields.len());
        for (field, ident) in record.fields.iter().zip(idents) {
            let union_name = format!(
                "{}{}",
                home.ident.trim_end_matches('_'),
                idents::camel(&field.name)
            );
            let owner = format!("{}.{}", record.name, field.name);
            let settings = self.settings.of_field(&record.name.to_string(), &field.name);
            self.raw = settings.is_some_and(|s| s.raw);
            self.decimal =
                (settings.and_then(|s| s.decimal.as_ref())).map_or(self.settings.decimal, |d| d.value);
            let ty = self.ty(Some(id), field.ty, &home.module, &union_name, &owner);
            self.raw = false;
            self.decimal = self.settings.decimal;
            let mut rules = rules::read(&field.attributes, &ty, &node.place, &mut self.model.warnings);
            for type_node in anonymous_nodes(self.set, field.ty) {
                let place = &type_node.place;
                rules.extend(rules::read(
                    &type_node.attributes,
                    &ty,
                    place,
                    &mut self.model.warnings,
                ));
            }
            let unit = field.attribute("unit").and_then(json::Value::as_str);
            let ty = match settings.and_then(|s| s.ty.as_ref()) {
                Some(path) => dress::newtype(ty, path),
                None => ty,
            };
            fields.push(Field {
                name: field.name.clone(),
                ident,
                doc: field.doc.clone(),
                unit: unit.map(str::to_owned),
                ty,
                default: field.default.clone(),
                rules,
                attributes: settings.map(dress::of_field).unwrap_or_default(),
                deprecated: dress::deprecated(field.attribute("deprecated")),
            });
        }
        Record {
            builder: String::new(),
            required: String::new(),
            name: record.name.to_string(),
            doc: record.doc.clone(),
            aliases: record.aliases.iter().map(ToString::to_string).collect(),
            dress: dress::of_type(self.settings, node, &record.name.to_string()),
            fields,
            recursive: self.depths.is_recursive(id),
            borrows: false,
            checks: false,
            home,
        }
    }

    fn is_open(&self, enumeration: &str) -> bool {
        self.settings.of_type(enumeration).is_some_and(|t| t.open.value)
    }

    /// The shape of a type where `record` uses it, or no record, or what the manifest says stands for it. `union_name` is what a
    /// union found here is called.
    fn ty(
        &mut self,
        record: Option<TypeId>,
        id: TypeId,
        module: &ModulePath,
        union_name: &str,
        owner: &str,
    ) -> Type {
        let set = self.set;
        let ty = self.generated(record, id, module, union_name, owner);
        let named = set.node(id).name().filter(|_| !self.raw);
        match named.and_then(|name| self.settings.of_type(&name.to_string())?.ty.as_ref()) {
            Some(path) => dress::newtype(ty, path),
            None => ty,
        }
    }

    /// The shape that code is generated for.
    pub(super) fn generated(
        &mut self,
        record: Option<TypeId>,
        id: TypeId,
        module: &ModulePath,
        union_name: &str,
        owner: &str,
    ) -> Type {
        let node = self.set.node(id);
        let logical = self.logical(node);
        let big = self.decimal == DecimalType::BigDecimal;
        if let Some(time) = logical.and_then(time) {
            return Type::Time(time);
        }
        match (&node.kind, logical) {
            (Kind::String, Some(Logical::Uuid)) => Type::UuidString,
            (Kind::Fixed(_), Some(Logical::Uuid)) => Type::UuidFixed,
            (Kind::Fixed(_), Some(Logical::Duration)) => Type::Duration,
            (Kind::Bytes, Some(Logical::BigDecimal)) => Type::BigDecimal { big },
            (Kind::Bytes, Some(Logical::Decimal { precision, scale })) => Type::DecimalBytes {
                precision,
                scale,
                big,
            },
            (Kind::Fixed(f), Some(Logical::Decimal { precision, scale })) => Type::DecimalFixed {
                precision,
                scale,
                size: f.size,
                big,
            },
            (Kind::Null, _) => Type::Null,
            (Kind::Boolean, _) => Type::Boolean,
            (Kind::Int, _) => Type::Int,
            (Kind::Long, _) => Type::Long,
            (Kind::Float, _) => Type::Float,
            (Kind::Double, _) => Type::Double,
            (Kind::Bytes, _) => Type::Bytes,
            (Kind::String, _) => Type::String,
            (Kind::Array(item), _) => {
                let name = format!("{union_name}Item");
                Type::Array(Box::new(self.item(record, *item, module, &name, owner)))
            }
            (Kind::Map(value), _) => {
                let name = format!("{union_name}Value");
                Type::Map(Box::new(self.item(record, *value, module, &name, owner)))
            }
            (Kind::Record(_), _) => Type::Record {
                id,
                boxed: self.containers == 0 && record.is_some_and(|from| self.cycles.is_boxed(from, id)),
            },
            (Kind::Enum(e), _) if e.symbols.is_empty() => Type::Never,
            (Kind::Enum(e), _) => Type::Enum {
                id,
                open: self.is_open(&e.name.to_string()),
            },
            (Kind::Fixed(_), _) => Type::Fixed(id),
            (Kind::Union(branches), _) => self.union(record, node, branches, module, union_name, owner),
        }
    }

    /// The shape of a type inside an array or a map.
    fn item(
        &mut self,
        record: Option<TypeId>,
        id: TypeId,
        module: &ModulePath,
        name: &str,
        owner: &str,
    ) -> Type {
        self.containers += 1;
        let ty = self.ty(record, id, module, name, owner);
        self.containers -= 1;
        ty
    }

    fn union(
        &mut self,
        record: Option<TypeId>,
        node: &schema::Node,
        branches: &[TypeId],
        module: &ModulePath,
        union_name: &str,
        owner: &str,
    ) -> Type {
        if let Some((null_first, other)) = optional(self.set, branches) {
            return Type::Optional {
                null_first,
                inner: Box::new(self.ty(record, other, module, union_name, owner)),
            };
        }
        if branches.is_empty() {
            self.model.warnings.push(empty(node, "union has no branches"));
            return Type::Never;
        }
        let ident = self.scope(module).take(union_name, "");
        self.branches(record, branches, module, ident, owner)
    }

    /// A union that is an enum, called `ident`.
    pub(super) fn branches(
        &mut self,
        record: Option<TypeId>,
        branches: &[TypeId],
        module: &ModulePath,
        ident: String,
        owner: &str,
    ) -> Type {
        let mut variants = Scope::default();
        let mut lowered = Vec::with_capacity(branches.len());
        for &branch in branches {
            let ty = self.ty(record, branch, module, &ident, owner);
            let node = self.set.node(branch);
            let tag = match node.name() {
                Some(name) => name.to_string(),
                None => kind_word(&node.kind).to_owned(),
            };
            let wanted = match (self.homes.get(&branch), node.name(), self.logical(node)) {
                (Some(home), ..) => home.ident.clone(),
                (None, Some(name), _) => idents::camel(&name.name),
                (None, None, Some(logical)) => format!("{logical:?}")
                    .split(|c: char| !c.is_alphanumeric())
                    .next()
                    .unwrap_or_default()
                    .to_owned(),
                (None, None, None) => idents::camel(kind_word(&node.kind)),
            };
            let ident = variants.take(&wanted, "");
            lowered.push(Branch { ident, tag, ty });
        }
        self.model.unions.push(Union {
            home: Home {
                module: module.clone(),
                view: ident.clone(),
                ident,
            },
            owner: owner.to_owned(),
            dress: dress::of_union(self.settings),
            branches: lowered,
            borrows: false,
            checks: false,
        });
        Type::Union(self.model.unions.len() - 1)
    }

    /// Views and builders get what is left of the names.
    fn name_views(&mut self) {
        let Self { scopes, model, .. } = self;
        for record in model.records.values_mut() {
            let scope = scopes.entry(record.home.module.clone()).or_default();
            let base = record.home.ident.trim_end_matches('_');
            record.required = scope.take(&format!("{base}Required"), "");
            record.builder = scope.take(&format!("{base}Builder"), "");
            record.home.view = scope.take(&format!("{base}Ref"), "");
        }
        for top in model.top_level.values_mut().filter(|top| top.wraps()) {
            let scope = scopes.entry(top.home.module.clone()).or_default();
            let base = top.home.ident.trim_end_matches('_');
            top.home.view = scope.take(&format!("{base}Ref"), "");
        }
        for union in &mut model.unions {
            let scope = scopes.entry(union.home.module.clone()).or_default();
            union.home.view = scope.take(&format!("{}Ref", union.home.ident), "");
        }
        for (module, scope) in scopes {
            let names = scope.names().map(str::to_owned).collect();
            model.names.insert(module.clone(), names);
        }
    }
}

fn time(logical: Logical) -> Option<Time> {
    Some(match logical {
        Logical::Date => Time::Date,
        Logical::TimeMillis => Time::TimeMillis,
        Logical::TimeMicros => Time::TimeMicros,
        Logical::TimestampMillis => Time::TimestampMillis,
        Logical::TimestampMicros => Time::TimestampMicros,
        Logical::TimestampNanos => Time::TimestampNanos,
        Logical::LocalTimestampMillis => Time::LocalTimestampMillis,
        Logical::LocalTimestampMicros => Time::LocalTimestampMicros,
        Logical::LocalTimestampNanos => Time::LocalTimestampNanos,
        _ => return None,
    })
}

/// The type objects of a field that can carry rules: its own, and the one behind an optional.
pub(super) fn anonymous_nodes(set: &SchemaSet, id: TypeId) -> Vec<&schema::Node> {
    let node = set.node(id);
    match &node.kind {
        Kind::Union(branches) if branches.len() == 2 => branches
            .iter()
            .map(|b| set.node(*b))
            .filter(|n| n.name().is_none() && !matches!(n.kind, Kind::Null | Kind::Union(_)))
            .collect(),
        _ if node.name().is_none() => vec![node],
        _ => Vec::new(),
    }
}

/// The branches of an optional: whether null comes first, and the other.
pub(super) fn optional(set: &SchemaSet, branches: &[TypeId]) -> Option<(bool, TypeId)> {
    let &[first, second] = branches else { return None };
    let is_null = |id| matches!(set.node(id).kind, Kind::Null);
    match (is_null(first), is_null(second)) {
        (true, false) => Some((true, second)),
        (false, true) => Some((false, first)),
        _ => None,
    }
}

/// A type that no value has.
fn empty(node: &schema::Node, what: &str) -> Diagnostic {
    Diagnostic::warning(
        "uninhabited-type",
        node.place.clone(),
        format!("the {what}, so there is no value of it to write or read"),
        "`Never` in Rust",
    )
    .help("give it at least one, or remove it")
}
