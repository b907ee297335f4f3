//! Paths as a person would write them: `String` and `codec::Reader` in place of `::std::string::String` and
//! `::fleetops_runtime::codec::Reader`.
//!
//! Views and templates name everything in full, so that no name of a schema can change what a path means. That is hard to read, and
//! seldom needed: here paths are shortened where the module has no name that the short form could be taken for, and what they
//! need is imported. It is done on parsed code that was audited, so templates need not care, and cannot import anything
//! themselves.
//!
//! Left as they are: all paths of a root that is included in a module of the user's, whose names are not known; what
//! stands under a `cfg`, since an import that a feature leaves without a use is a warning; text in attributes.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use quote::ToTokens;
use syn::visit_mut::{self, VisitMut};

/// What the prelude of every edition has.
const PRELUDE: &[&str] = &[
    "::core::convert::AsRef",
    "::core::convert::From",
    "::core::convert::Into",
    "::core::default::Default",
    "::core::option::Option",
    "::core::result::Result",
    "::std::boxed::Box",
    "::std::string::String",
    "::std::vec::Vec",
];

/// What is imported: types by their name, functions and what shares a name with a type by their module.
const IMPORTED: &[&str] = &[
    "::core::convert::TryFrom",
    "::core::fmt",
    "::core::str::FromStr",
    "::core::time::Duration",
    "::std::borrow::Cow",
    "::std::collections::BTreeMap",
];

/// The modules of the runtime that generated code names things of.
const RUNTIME: &[&str] = &[
    "avro",
    "bigdecimal",
    "chrono",
    "codec",
    "rust_decimal",
    "serde",
    "topic",
    "uuid",
];

/// The short forms of one module, and which of them were used.
#[derive(Debug)]
pub(crate) struct Short {
    /// By a path in full: how many of its segments go.
    known: BTreeMap<String, usize>,
    /// The crates that something in the module has the name of.
    hidden: BTreeSet<String>,
    /// Imports that were used, as parent and name.
    used: RefCell<BTreeSet<(String, String)>>,
}

impl Short {
    /// Nothing is shortened.
    pub(crate) fn nothing() -> Self {
        Self {
            known: BTreeMap::new(),
            hidden: BTreeSet::new(),
            used: RefCell::default(),
        }
    }

    /// The short forms that a module with these names has room for.
    pub(crate) fn beside(names: &BTreeSet<String>, runtime_path: &str) -> Self {
        let runtime = RUNTIME.iter().map(|module| format!("{runtime_path}::{module}"));
        let known = (PRELUDE.iter().chain(IMPORTED).map(ToString::to_string))
            .chain(runtime)
            .filter(|path| !names.contains(last(path)))
            .map(|path| {
                let gone = path.trim_start_matches("::").split("::").count() - 1;
                (path, gone)
            })
            .collect();
        Self {
            known,
            hidden: names.clone(),
            used: RefCell::default(),
        }
    }

    /// Shortens the paths of parsed code.
    pub(crate) fn shorten(&self, file: &mut syn::File) {
        if !self.known.is_empty() {
            Shortener(self).visit_file_mut(file);
        }
    }

    /// The imports for all that was shortened, as lines of code.
    pub(crate) fn imports(&self) -> String {
        let mut parents: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (parent, name) in self.used.take() {
            let short = parent.trim_start_matches("::");
            let first = short.split("::").next().unwrap_or(short);
            // A module of that name would make it ambiguous.
            let parent = match self.hidden.contains(first) {
                true => parent,
                false => short.to_owned(),
            };
            parents.entry(parent).or_default().push(name);
        }
        let mut lines = Vec::new();
        for (parent, names) in parents {
            let together = format!("use {parent}::{{{}}};\n", names.join(", "));
            if names.len() > 1 && together.chars().count() <= crate::print::WIDTH {
                lines.push(together);
            } else {
                lines.extend(names.iter().map(|name| format!("use {parent}::{name};\n")));
            }
        }
        // As rustfmt has them: segment by segment, so that `core::convert::TryFrom` is before `core::fmt`.
        lines.sort_by(|a, b| a.split("::").cmp(b.split("::")));
        lines.concat()
    }

    /// How many of the path's segments go, counted from its start. The part that is known is noted as used.
    fn gone(&self, path: &syn::Path) -> usize {
        let mut text = match path.leading_colon {
            Some(_) => String::new(),
            None => String::from(" "),
        };
        for (index, segment) in path.segments.iter().enumerate() {
            if index > 0 || path.leading_colon.is_some() {
                text.push_str("::");
            }
            text.push_str(&segment.ident.to_string());
            let whole = text.trim_start();
            if let Some(gone) = self.known.get(whole) {
                if !PRELUDE.contains(&whole)
                    && let Some((parent, name)) = whole.rsplit_once("::")
                {
                    self.used
                        .borrow_mut()
                        .insert((parent.to_owned(), name.to_owned()));
                }
                return *gone;
            }
            if !segment.arguments.is_none() {
                break;
            }
        }
        0
    }

    fn cut(&self, path: &mut syn::Path) -> usize {
        let gone = self.gone(path);
        if gone > 0 {
            path.leading_colon = None;
            path.segments = std::mem::take(&mut path.segments)
                .into_iter()
                .skip(gone)
                .collect();
        }
        gone
    }
}

fn last(path: &str) -> &str {
    path.rsplit("::").next().unwrap_or(path)
}

fn is_conditional(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|a| a.path().is_ident("cfg"))
}

struct Shortener<'a>(&'a Short);

impl Shortener<'_> {
    /// The part of a path in front of `as`'s `>` has its own count.
    fn qualified(&mut self, qself: Option<&mut syn::QSelf>, path: &mut syn::Path) {
        for segment in &mut path.segments {
            self.visit_path_segment_mut(segment);
        }
        let gone = self.0.cut(path);
        if let Some(qself) = qself {
            self.visit_type_mut(&mut qself.ty);
            qself.position = qself.position.saturating_sub(gone);
        }
    }
}

impl VisitMut for Shortener<'_> {
    fn visit_path_mut(&mut self, path: &mut syn::Path) {
        self.qualified(None, path);
    }

    fn visit_type_path_mut(&mut self, ty: &mut syn::TypePath) {
        self.qualified(ty.qself.as_mut(), &mut ty.path);
    }

    fn visit_expr_path_mut(&mut self, expr: &mut syn::ExprPath) {
        self.qualified(expr.qself.as_mut(), &mut expr.path);
    }

    fn visit_item_mut(&mut self, item: &mut syn::Item) {
        let attributes = match item {
            syn::Item::Struct(item) => &item.attrs,
            syn::Item::Enum(item) => &item.attrs,
            syn::Item::Impl(item) => &item.attrs,
            syn::Item::Type(item) => &item.attrs,
            syn::Item::Const(item) => &item.attrs,
            _ => return,
        };
        if !is_conditional(attributes) {
            visit_mut::visit_item_mut(self, item);
        }
    }

    fn visit_impl_item_mut(&mut self, item: &mut syn::ImplItem) {
        let attributes = match item {
            syn::ImplItem::Const(item) => &item.attrs,
            syn::ImplItem::Fn(item) => &item.attrs,
            syn::ImplItem::Type(item) => &item.attrs,
            _ => return,
        };
        if !is_conditional(attributes) {
            visit_mut::visit_impl_item_mut(self, item);
        }
    }

    fn visit_field_mut(&mut self, field: &mut syn::Field) {
        if !is_conditional(&field.attrs) {
            visit_mut::visit_field_mut(self, field);
        }
    }

    /// Only what is derived is code.
    fn visit_attribute_mut(&mut self, attribute: &mut syn::Attribute) {
        if let syn::Meta::List(list) = &mut attribute.meta
            && list.path.is_ident("derive")
        {
            let parser = syn::punctuated::Punctuated::<syn::Path, syn::Token![,]>::parse_terminated;
            if let Ok(mut paths) = list.parse_args_with(parser) {
                for path in &mut paths {
                    self.0.cut(path);
                }
                list.tokens = paths.into_token_stream();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shortened(names: &[&str], runtime: &str, code: &str) -> String {
        let names = names.iter().map(ToString::to_string).collect();
        let short = Short::beside(&names, runtime);
        let mut file = syn::parse_file(code).unwrap();
        short.shorten(&mut file);
        format!("{}{}", short.imports(), crate::print::print(&file))
    }

    const CODE: &str = "
        #[derive(Clone, ::rt::serde::Serialize)]
        #[serde(crate = \"::rt::serde\")]
        pub struct A {
            pub a: ::std::string::String,
            pub b: ::core::option::Option<::std::vec::Vec<::rt::uuid::Uuid>>,
            pub c: ::std::collections::BTreeMap<::std::string::String, ::rt::chrono::DateTime<::rt::chrono::Utc>>,
        }
        impl ::core::fmt::Display for A {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                <::std::string::String as ::core::fmt::Display>::fmt(&self.a, f)
            }
        }
        #[cfg(feature = \"kafka\")]
        pub type P = ::rt::topic::Producer;
        pub type Q = ::rt::Producer;
        pub type R = ::other::String;
    ";

    #[test]
    fn paths_are_short_and_imported_where_they_can_be() {
        let expected = "\
use core::fmt;
use rt::{chrono, serde, uuid};
use std::collections::BTreeMap;
#[derive(Clone, serde::Serialize)]
#[serde(crate = \"::rt::serde\")]
pub struct A {
    pub a: String,
    pub b: Option<Vec<uuid::Uuid>>,
    pub c: BTreeMap<String, chrono::DateTime<chrono::Utc>>,
}

impl fmt::Display for A {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        <String as fmt::Display>::fmt(&self.a, f)
    }
}

#[cfg(feature = \"kafka\")]
pub type P = ::rt::topic::Producer;

pub type Q = ::rt::Producer;

pub type R = ::other::String;
";
        assert_eq!(shortened(&[], "::rt", CODE), expected);
    }

    #[test]
    fn names_of_the_module_are_left_alone() {
        let text = shortened(&["String", "fmt", "BTreeMap", "uuid", "rt"], "::rt", CODE);
        for part in [
            "use ::rt::{chrono, serde};\n#[derive",
            "pub a: ::std::string::String",
            "Option<Vec<::rt::uuid::Uuid>>",
            "::std::collections::BTreeMap<",
            "<::std::string::String as ::core::fmt::Display>::fmt",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn a_runtime_that_is_a_module_of_the_crate() {
        let code = "pub type A = crate::rt::codec::Reader; pub type B = self::codec::Reader;";
        assert_eq!(
            shortened(&[], "crate::rt", code),
            "use crate::rt::codec;\npub type A = codec::Reader;\n\npub type B = self::codec::Reader;\n"
        );
    }

    #[test]
    fn nothing_is_shortened_where_nothing_is_known() {
        let short = Short::nothing();
        let mut file = syn::parse_file(CODE).unwrap();
        let before = crate::print::print(&file);
        short.shorten(&mut file);
        assert_eq!(crate::print::print(&file), before);
        assert_eq!(short.imports(), "");
    }
}
