//! The view of a union that is an enum.

use super::{BranchView, UnionView, Views, doc_literals, link, names_repeat};
use crate::emit::Access;
use crate::model::{Type, Union};

impl Views<'_> {
    /// The view of a union.
    pub(crate) fn union(&self, index: usize, union: &Union) -> UnionView {
        let emitter = &self.emitter;
        let value = Access::Reference("value".to_owned());
        let checks = emitter.check_branches(union);
        let last = union.branches.len().saturating_sub(1);
        let mut branches = Vec::with_capacity(union.branches.len());
        for (position, (branch, check)) in union.branches.iter().zip(checks).enumerate() {
            let is_null = branch.ty == Type::Null;
            let mut attributes = Vec::new();
            if is_null {
                attributes.extend(self.serde("untagged"));
            } else if branch.tag != branch.ident {
                attributes.extend(self.serde(&format!("rename = {:?}", branch.tag)));
            }
            let with = emitter
                .serde_with(&branch.ty)
                .and_then(|w| self.serde(&format!("with = {w:?}")))
                .map(|attribute| format!("{attribute} "));
            let bound = emitter.bound(&branch.ty, &value);
            branches.push(BranchView {
                ident: branch.ident.clone(),
                docs: doc_literals(vec![if is_null {
                    "No value.".to_owned()
                } else {
                    format!("The branch `{}`.", branch.tag)
                }]),
                attributes,
                is_null,
                index: position,
                pattern: if position == last {
                    "_".to_owned()
                } else {
                    position.to_string()
                },
                ty: format!("{}{}", with.unwrap_or_default(), emitter.ty(&branch.ty, false)),
                view_ty: emitter.ty(&branch.ty, true),
                encode: emitter.encode(&branch.ty, &value),
                uses_value: !is_null,
                max_len_uses_value: !bound.terms.is_empty(),
                max_len: crate::emit::bound::Bound {
                    constant: bound.constant.saturating_add(5),
                    terms: bound.terms,
                }
                .expression(),
                decode: emitter.decode(&branch.ty, false, "reader"),
                view_decode: emitter.decode(&branch.ty, true, "reader"),
                into_owned: emitter.owned_value(&branch.ty, "value"),
                check,
                plain: emitter.ty(&branch.ty, false),
                from: false,
            });
        }
        let types: Vec<String> = branches.iter().map(|b| b.plain.clone()).collect();
        for branch in &mut branches {
            branch.from = !branch.is_null && types.iter().filter(|ty| **ty == branch.plain).count() == 1;
        }
        let mut variants = branches.clone();
        variants.sort_by_key(|b| b.is_null);
        let idents: Vec<&str> = union.branches.iter().map(|b| b.ident.as_str()).collect();
        UnionView {
            runtime: emitter.runtime.to_owned(),
            attributes: self.attributes(&union.dress, ""),
            ident: union.home.ident.clone(),
            link: link("enum", &union.home.ident),
            docs: doc_literals(vec![
                format!("The union in `{}`.", union.owner),
                String::new(),
                "In JSON a value is tagged with the name of its branch, as in Avro's own JSON: `{\"int\": 1}`.".to_owned(),
            ]),
            count: branches.len(),
            single: branches.len() == 1,
            has_records: union.branches.iter().any(|b| matches!(b.ty, Type::Record { .. })),
            allow_names: names_repeat(&union.home.ident, &idents),
            max_len_varies: emitter.fixed_bound(&Type::Union(index)).is_none(),
            has_checks: branches.iter().any(|b| b.check.is_some()),
            checks_one: branches.len() > 1 && branches.iter().filter(|b| b.check.is_some()).count() == 1,
            checks_all: branches.iter().all(|b| b.check.is_some()),
            borrows: union.borrows,
            view_ident: union.home.view.clone(),
            branches,
            variants,
        }
    }
}
