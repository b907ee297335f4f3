//! How many bytes a value takes: at most, to reserve them once, and at least, to tell a lying block count.

use super::{Access, Emitter};
use crate::model::sizes::LONG;
use crate::model::{Record, Type};

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

    /// The bound of a type that is the same for all its values.
    pub(crate) fn fixed_bound(&self, ty: &Type) -> Option<usize> {
        self.model.fixed_size(ty)
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
                        if each.terms.is_empty() {
                            bound
                                .terms
                                .push(format!("{} * {}.len()", each.constant, at.receiver()));
                            return bound;
                        }
                        bound.terms.push(format!(
                            "{}.iter().map({}).sum::<usize>()",
                            at.receiver(),
                            closure("item", &each.expression())
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
                if value.terms.is_empty() {
                    bound.constant = bound.constant.saturating_add(value.constant);
                    return bound;
                }
                bound.terms.push(format!(
                    "{}.as_ref().map_or(0, {})",
                    at.receiver(),
                    closure("value", &value.expression())
                ));
            }
            Type::DecimalBytes { scale, .. } => {
                let function = self.codec("AvroDecimal::max_len");
                bound
                    .terms
                    .push(format!("{function}({}, {scale})", at.reference()));
            }
            Type::BigDecimal { .. } => {
                let function = self.codec("AvroDecimal::max_big_len");
                bound.terms.push(format!("{function}({})", at.reference()));
            }
            Type::Newtype { base, boxed, .. } => return self.bound(base, &self.base(at, *boxed)),
            _ => bound.terms.push(format!("{}.max_len()", at.receiver())),
        }
        bound
    }

    /// The fewest bytes a value takes.
    pub(crate) fn minimum(&self, ty: &Type) -> usize {
        self.model.least_size(ty)
    }
}

/// The closure of that argument, or the function that it would do nothing but call.
fn closure(argument: &str, body: &str) -> String {
    match body.strip_suffix(&format!("({argument})")) {
        Some(function) if !function.contains(['(', ' ']) => function.to_owned(),
        _ => format!("|{argument}| {body}"),
    }
}
