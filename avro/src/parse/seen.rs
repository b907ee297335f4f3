//! Which names a list has had, and where.

use std::collections::HashMap;

use crate::source::Span;

/// Longer lists are hashed.
const FEW: usize = 16;

/// Names and their places.
pub(super) enum Seen<'a> {
    Few(Vec<(&'a str, Span)>),
    Many(HashMap<&'a str, Span>),
}

impl<'a> Seen<'a> {
    /// For a list of so many.
    pub(super) fn of(length: usize) -> Self {
        if length <= FEW {
            Self::Few(Vec::with_capacity(length))
        } else {
            Self::Many(HashMap::with_capacity(length))
        }
    }

    /// Enters a name; gives the place where it was first, if it is there already.
    pub(super) fn enter(&mut self, name: &'a str, span: Span) -> Option<Span> {
        match self {
            Self::Few(names) => {
                let known = names.iter().find(|(known, _)| *known == name);
                let first = known.map(|(_, span)| *span);
                if first.is_none() {
                    names.push((name, span));
                }
                first
            }
            Self::Many(names) => match names.get(name) {
                Some(first) => Some(*first),
                None => {
                    names.insert(name, span);
                    None
                }
            },
        }
    }
}
