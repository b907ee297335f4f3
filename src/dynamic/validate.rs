//! Holding a value against the rules of its schema: the runtime's checks, in the order in which generated code calls them.

use fleetops_avro::schema::{Kind, TypeId};
use fleetops_avro::value::Value;
use fleetops_runtime::codec::{Path, ValidationErrors, check};

use super::leaf::Leaf;
use super::shape::{Bound, Check, Shape};

/// Adds what is wrong with a value of that type.
pub(super) fn validate(
    shape: &Shape,
    ty: TypeId,
    rules: &[Check],
    value: &Value,
    path: &Path<'_>,
    errors: &mut ValidationErrors,
) {
    let node = shape.schema.node(ty);
    for rule in rules {
        if !matches!(node.kind, Kind::Union(_)) {
            hold(rule, value, path, errors);
        }
    }
    if let Some(leaf) = Leaf::of(node) {
        if leaf.is_decimal()
            && let Ok(native) = leaf.load(value)
        {
            leaf.check(&native, path, errors);
        }
        return;
    }
    match (&node.kind, value) {
        (Kind::Record(record), Value::Record(values)) => {
            let facts = shape.fields(ty);
            for ((field, value), facts) in record.fields.iter().zip(values).zip(facts) {
                validate(
                    shape,
                    field.ty,
                    &facts.rules,
                    value,
                    &path.field(&field.name),
                    errors,
                );
            }
        }
        (Kind::Union(branches), Value::Union(at, value)) => {
            // Rules are those of the value behind an optional; other unions have none.
            if let Some(branch) = branches.get(*at).filter(|_| **value != Value::Null) {
                validate(shape, *branch, rules, value, path, errors);
            }
        }
        (Kind::Array(items), Value::Array(values)) => {
            for (index, value) in values.iter().enumerate() {
                validate(shape, *items, &[], value, &path.index(index), errors);
            }
        }
        (Kind::Map(inner), Value::Map(values)) => {
            for (key, value) in values {
                validate(shape, *inner, &[], value, &path.key(key), errors);
            }
        }
        _ => {}
    }
}

fn hold(rule: &Check, value: &Value, path: &Path<'_>, errors: &mut ValidationErrors) {
    match (rule, value) {
        (Check::Number { bound, limit }, Value::Int(v)) => compare(*bound, v, &limit.int, path, errors),
        (Check::Number { bound, limit }, Value::Long(v)) => compare(*bound, v, &limit.long, path, errors),
        (Check::Number { bound, limit }, Value::Float(v)) => compare(*bound, v, &limit.float, path, errors),
        (Check::Number { bound, limit }, Value::Double(v)) => compare(*bound, v, &limit.double, path, errors),
        (Check::Pattern(expression), Value::String(text)) => check::pattern(errors, path, text, expression),
        (Check::MinSize(size), Value::String(text)) => check::min_length(errors, path, text, *size),
        (Check::MaxSize(size), Value::String(text)) => check::max_length(errors, path, text, *size),
        (Check::MinSize(size), Value::Bytes(bytes)) => check::min_bytes(errors, path, bytes, *size),
        (Check::MaxSize(size), Value::Bytes(bytes)) => check::max_bytes(errors, path, bytes, *size),
        (Check::MinSize(size), Value::Array(items)) => check::min_items(errors, path, items.len(), *size),
        (Check::MaxSize(size), Value::Array(items)) => check::max_items(errors, path, items.len(), *size),
        (Check::MinSize(size), Value::Map(map)) => check::min_properties(errors, path, map.len(), *size),
        (Check::MaxSize(size), Value::Map(map)) => check::max_properties(errors, path, map.len(), *size),
        _ => {}
    }
}

fn compare<T: PartialOrd + std::fmt::Display>(
    bound: Bound,
    value: &T,
    limit: &T,
    path: &Path<'_>,
    errors: &mut ValidationErrors,
) {
    match bound {
        Bound::Minimum => check::minimum(errors, path, value, limit),
        Bound::Maximum => check::maximum(errors, path, value, limit),
        Bound::ExclusiveMinimum => check::exclusive_minimum(errors, path, value, limit),
        Bound::ExclusiveMaximum => check::exclusive_maximum(errors, path, value, limit),
    }
}
