//! How many bytes a value takes: at most, to reserve them once, and at least, to tell a lying block count.

use std::collections::BTreeSet;

use fleetops_avro::schema::TypeId;

use super::{Access, Emitter};
use crate::model::{Record, Time, Type};

/// The most bytes of a long, a length or a count.
const LONG: usize = 10;

/// An upper bound: bytes that are always counted, and expressions for what depends on the value.
#[derive(Debug, Default)]
pub(crate) struct Bound {
    pub(crate) constant: usize,
    pub(crate) terms: Vec<String>,
}

impl Bound {
    fn constant(constant: usize) -> Self {
        Self {
            constant,
            terms: Vec::new(),
        }
    }

    /// The sum as an expression.
    pub(crate) fn expression(&self) -> String {
        let mut terms = self.terms.clone();
        if self.constant > 0 || terms.is_empty() {
            terms.insert(0, self.constant.to_string());
        }
        terms.join(" + ")
    }

    /// The sum as the statements of a function: one line a term.
    pub(crate) fn statements(&self) -> Vec<String> {
        if self.terms.len() < 2 {
            return vec![self.expression()];
        }
        let mut out = vec![format!("let mut len = {};", self.constant)];
        out.extend(self.terms.iter().map(|term| format!("len += {term};")));
        out.push("len".to_owned());
        out
    }

    fn add(&mut self, other: Bound) {
        self.constant = self.constant.saturating_add(other.constant);
        self.terms.extend(other.terms);
    }
}

impl Emitter<'_> {
    /// The bound of a record, in terms of `self`.
    pub(crate) fn record_bound(&self, record: &Record) -> Bound {
        let mut bound = Bound::default();
        for field in &record.fields {
            bound.add(self.bound(&field.ty, &Access::Place(format!("self.{}", field.ident))));
        }
        bound
    }

    /// The bound of a record or union that is the same for all its values.
    pub(crate) fn fixed_bound(&self, ty: &Type) -> Option<usize> {
        self.fixed(ty, &mut BTreeSet::new())
    }

    fn fixed(&self, ty: &Type, inside: &mut BTreeSet<TypeId>) -> Option<usize> {
        Some(match ty {
            Type::Null => 0,
            Type::Boolean => 1,
            Type::Int | Type::Time(Time::Date | Time::TimeMillis) => 5,
            Type::Long | Type::Time(_) => LONG,
            Type::Float => 4,
            Type::Double => 8,
            Type::UuidString => 37,
            Type::UuidFixed => 16,
            Type::DecimalBytes { .. } => 18,
            Type::DecimalFixed { size, .. } => *size,
            Type::BigDecimal => 40,
            Type::Duration => 12,
            Type::Enum(_) => 5,
            Type::Fixed(id) => self.model.fixeds.get(id)?.size,
            Type::Optional { inner, .. } => self.fixed(inner, inside)?.checked_add(1)?,
            Type::Bytes | Type::String | Type::Array(_) | Type::Map(_) => return None,
            Type::Union(index) => {
                let union = self.model.unions.get(*index)?;
                let mut most = 0;
                for branch in &union.branches {
                    most = most.max(self.fixed(&branch.ty, inside)?);
                }
                most.checked_add(5)?
            }
            Type::Record { id, .. } => {
                if !inside.insert(*id) {
                    return None;
                }
                let mut sum = 0usize;
                for field in &self.model.records.get(id)?.fields {
                    sum = sum.checked_add(self.fixed(&field.ty, inside)?)?;
                }
                inside.remove(id);
                sum
            }
        })
    }

    /// The bound of a value.
    pub(crate) fn bound(&self, ty: &Type, at: &Access) -> Bound {
        if let Some(constant) = self.fixed_bound(ty) {
            return Bound::constant(constant);
        }
        let mut bound = Bound::default();
        match ty {
            Type::Bytes | Type::String => {
                bound.constant = LONG;
                bound.terms.push(format!("{}.len()", at.receiver()));
            }
            Type::Array(item) => {
                bound.constant = LONG + 1;
                match self.fixed_bound(item) {
                    Some(0) => {}
                    Some(1) => bound.terms.push(format!("{}.len()", at.receiver())),
                    Some(each) => bound.terms.push(format!("{} * {}.len()", each, at.receiver())),
                    None => {
                        let each = self.bound(item, &Access::Reference("item".to_owned()));
                        bound.terms.push(format!(
                            "{}.iter().map(|item| {}).sum::<usize>()",
                            at.receiver(),
                            each.expression()
                        ));
                    }
                }
            }
            Type::Map(value) => {
                bound.constant = LONG + 1;
                let mut each = self.bound(value, &Access::Reference("value".to_owned()));
                each.constant = each.constant.saturating_add(LONG);
                let uses_value = !each.terms.is_empty();
                each.terms.insert(0, "key.len()".to_owned());
                let (iterator, closure) = if uses_value {
                    ("iter", "(key, value)")
                } else {
                    ("keys", "key")
                };
                bound.terms.push(format!(
                    "{}.{iterator}().map(|{closure}| {}).sum::<usize>()",
                    at.receiver(),
                    each.expression()
                ));
            }
            Type::Optional { inner, .. } => {
                bound.constant = 1;
                let value = self.bound(inner, &Access::Reference("value".to_owned()));
                bound.terms.push(format!(
                    "{}.as_ref().map_or(0, |value| {})",
                    at.receiver(),
                    value.expression()
                ));
            }
            _ => bound.terms.push(format!("{}.max_len()", at.receiver())),
        }
        bound
    }

    /// The fewest bytes a value takes.
    pub(crate) fn minimum(&self, ty: &Type) -> usize {
        self.least(ty, &mut BTreeSet::new())
    }

    fn least(&self, ty: &Type, inside: &mut BTreeSet<TypeId>) -> usize {
        match ty {
            Type::Null => 0,
            Type::Float => 4,
            Type::Double => 8,
            Type::UuidFixed => 16,
            Type::DecimalFixed { size, .. } => *size,
            Type::Duration => 12,
            Type::Fixed(id) => self.model.fixeds.get(id).map_or(0, |f| f.size),
            Type::Record { id, .. } => {
                let Some(record) = self.model.records.get(id) else {
                    return 0;
                };
                if !inside.insert(*id) {
                    return 0;
                }
                let sum = record
                    .fields
                    .iter()
                    .fold(0usize, |sum, f| sum.saturating_add(self.least(&f.ty, inside)));
                inside.remove(id);
                sum
            }
            _ => 1,
        }
    }
}
