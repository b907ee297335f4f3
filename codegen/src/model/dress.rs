//! What the manifest and the schema say of the look of types: attributes, derives, newtypes, raw logical types, deprecation.

use std::collections::BTreeSet;

use fleetops_avro::json;
use fleetops_avro::schema::{Kind, Logical, Node, SchemaSet, TypeId};

use super::holders::{Holder, held};
use super::lower::max_precision;
use super::{Deprecated, Dress, Model, Type};
use crate::manifest::{FieldSettings, Generate};

/// The name of a logical type in schemas.
pub(super) fn name(logical: Logical) -> &'static str {
    match logical {
        Logical::Decimal { .. } => "decimal",
        Logical::BigDecimal => "big-decimal",
        Logical::Uuid => "uuid",
        Logical::Date => "date",
        Logical::TimeMillis => "time-millis",
        Logical::TimeMicros => "time-micros",
        Logical::TimestampMillis => "timestamp-millis",
        Logical::TimestampMicros => "timestamp-micros",
        Logical::TimestampNanos => "timestamp-nanos",
        Logical::LocalTimestampMillis => "local-timestamp-millis",
        Logical::LocalTimestampMicros => "local-timestamp-micros",
        Logical::LocalTimestampNanos => "local-timestamp-nanos",
        Logical::Duration => "duration",
        _ => "",
    }
}

/// The fixed types that fields with `raw` have, or whose decimals are too large for the type that the field chooses.
pub(super) fn raw_fixed(set: &SchemaSet, settings: &Generate) -> BTreeSet<TypeId> {
    let mut found = BTreeSet::new();
    for field in settings.fields.iter().filter(|f| f.raw || f.decimal.is_some()) {
        let chosen = field.decimal.as_ref().map_or(settings.decimal, |d| d.value);
        let is_raw = |logical: Option<Logical>| match logical {
            Some(Logical::Decimal { precision, .. }) => field.raw || precision > max_precision(chosen),
            _ => field.raw,
        };
        let Some((record, name)) = field.name.rsplit_once('.') else {
            continue;
        };
        let Some(schema) = set.get(record) else { continue };
        let Kind::Record(record) = &schema.root_node().kind else {
            continue;
        };
        let mut pending: Vec<TypeId> = record
            .fields
            .iter()
            .filter(|f| f.name == name)
            .map(|f| f.ty)
            .collect();
        while let Some(id) = pending.pop() {
            match &set.node(id).kind {
                Kind::Fixed(_) if is_raw(set.node(id).logical) => {
                    found.insert(id);
                }
                Kind::Array(inner) | Kind::Map(inner) => pending.push(*inner),
                Kind::Union(branches) => pending.extend(branches),
                _ => {}
            }
        }
    }
    found
}

/// `"deprecated": true`, or the reason as text.
pub(super) fn deprecated(attribute: Option<&json::Value>) -> Option<Deprecated> {
    match &attribute?.kind {
        json::Kind::Bool(true) => Some(Deprecated(String::new())),
        json::Kind::String(why) => Some(Deprecated(why.to_string())),
        _ => None,
    }
}

/// What stands on a named type.
pub(super) fn of_type(settings: &Generate, node: &Node, full_name: &str) -> Dress {
    let own = settings.of_type(full_name);
    let non_exhaustive = own
        .and_then(|o| o.non_exhaustive)
        .unwrap_or(settings.non_exhaustive);
    let is_fixed = matches!(node.kind, Kind::Fixed(_));
    let mut dress = dress(settings, non_exhaustive && !is_fixed);
    if let Some(own) = own {
        dress
            .attributes
            .extend(own.derives.iter().map(|d| format!("#[derive({d})]")));
        dress
            .attributes
            .extend(own.attributes.iter().map(|a| format!("#[{a}]")));
    }
    dress.deprecated = deprecated(node.attribute("deprecated"));
    dress
}

/// What stands on the enum of a union.
pub(super) fn of_union(settings: &Generate) -> Dress {
    dress(settings, settings.non_exhaustive)
}

/// What stands on the struct around a type without a name.
pub(super) fn of_unnamed(settings: &Generate, node: &Node) -> Dress {
    let mut dress = dress(settings, false);
    dress.deprecated = deprecated(node.attribute("deprecated"));
    dress
}

fn dress(settings: &Generate, non_exhaustive: bool) -> Dress {
    let mut attributes = Vec::new();
    if !settings.derives.is_empty() {
        let names: Vec<&str> = settings.derives.iter().map(|d| d.value.as_str()).collect();
        attributes.push(format!("#[derive({})]", names.join(", ")));
    }
    if non_exhaustive {
        attributes.push("#[non_exhaustive]".to_owned());
    }
    Dress {
        attributes,
        ..Dress::default()
    }
}

/// What stands on a field.
pub(super) fn of_field(settings: &FieldSettings) -> Vec<String> {
    settings.attributes.iter().map(|a| format!("#[{a}]")).collect()
}

/// The newtype in place of a type, behind the optional where it is one.
pub(super) fn newtype(ty: Type, path: &str) -> Type {
    match ty {
        Type::Optional { null_first, inner } => Type::Optional {
            null_first,
            inner: Box::new(newtype(*inner, path)),
        },
        // What a field says goes before what its type says.
        Type::Newtype { base, boxed, .. } => Type::Newtype {
            path: path.to_owned(),
            base,
            boxed,
        },
        // What holds a record holds the box, or a record that contains itself would have no size.
        Type::Record { id, boxed } => Type::Newtype {
            path: path.to_owned(),
            base: Box::new(Type::Record { id, boxed: false }),
            boxed,
        },
        base => Type::Newtype {
            path: path.to_owned(),
            base: Box::new(base),
            boxed: false,
        },
    }
}

/// Marks what uses something deprecated in its own code.
pub(super) fn allow_deprecated(model: &mut Model) {
    let is_deprecated = |ty: &Type| match ty {
        Type::Enum { id, .. } => model.enums.get(id).is_some_and(|e| e.dress.deprecated.is_some()),
        Type::Fixed(id) => model.fixeds.get(id).is_some_and(|f| f.dress.deprecated.is_some()),
        _ => match held(ty) {
            Some(Holder::Record(id)) => model
                .records
                .get(&id)
                .is_some_and(|r| r.dress.deprecated.is_some()),
            _ => false,
        },
    };
    let leaf = |ty: &Type| {
        let mut ty = ty;
        while let Type::Array(inner) | Type::Map(inner) | Type::Optional { inner, .. } = ty {
            ty = inner;
        }
        is_deprecated(ty.base())
    };
    let records: Vec<TypeId> = (model.records.iter())
        .filter(|(_, r)| {
            r.dress.deprecated.is_some() || r.fields.iter().any(|f| f.deprecated.is_some() || leaf(&f.ty))
        })
        .map(|(id, _)| *id)
        .collect();
    let unions: Vec<usize> = (model.unions.iter().enumerate())
        .filter(|(_, union)| union.branches.iter().any(|b| leaf(&b.ty)))
        .map(|(index, _)| index)
        .collect();
    let tops: Vec<TypeId> = (model.top_level.iter())
        .filter(|(_, top)| top.dress.deprecated.is_some() || leaf(&top.ty))
        .map(|(id, _)| *id)
        .collect();
    for id in tops {
        if let Some(top) = model.top_level.get_mut(&id) {
            top.dress.allow.insert("deprecated");
        }
    }
    for id in records {
        if let Some(record) = model.records.get_mut(&id) {
            record.dress.allow.insert("deprecated");
        }
    }
    for index in unions {
        if let Some(union) = model.unions.get_mut(index) {
            union.dress.allow.insert("deprecated");
        }
    }
    for dress in (model.enums.values_mut().map(|e| &mut e.dress))
        .chain(model.fixeds.values_mut().map(|f| &mut f.dress))
    {
        if dress.deprecated.is_some() {
            dress.allow.insert("deprecated");
        }
    }
}
