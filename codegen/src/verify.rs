//! The last gate before code is written: what templates yielded is parsed, audited and formatted.
//!
//! Neither a schema nor a template can smuggle anything in. The parsed output may hold only the items that the
//! generator announced, and inside them none of what generated code never needs: no `unsafe`, no macro call, no `use`,
//! no foreign function, no attribute beyond a short list.

use std::collections::BTreeSet;
use std::sync::Arc;

use fleetops_avro::diagnostic::Diagnostic;
use fleetops_avro::source::{Place, Source, Span};
use quote::ToTokens;
use syn::visit::{self, Visit};

use crate::print::print;
use crate::short::Short;

const ATTRIBUTES: &[&str] = &[
    "allow",
    "cfg",
    "default",
    "deprecated",
    "derive",
    "doc",
    "inline",
    "must_use",
    "non_exhaustive",
    "serde",
];

/// What the generator announced.
#[derive(Debug, Default)]
pub(crate) struct Expected<'a> {
    /// The items, as [`signature`] writes them.
    pub(crate) items: BTreeSet<String>,
    /// Attributes that the manifest asks for, whole.
    pub(crate) attributes: Vec<String>,
    /// Lints that the items are free of.
    pub(crate) allow: BTreeSet<&'static str>,
    /// The short forms of paths.
    pub(crate) short: Option<&'a Short>,
}

/// Attributes in the form in which they are compared.
fn announced(attributes: &[String]) -> BTreeSet<String> {
    let parsed = attributes
        .iter()
        .filter_map(|text| text.strip_prefix("#[")?.strip_suffix(']'));
    parsed
        .filter_map(|text| syn::parse_str::<syn::Meta>(text).ok())
        .map(|meta| meta.to_token_stream().to_string())
        .collect()
}

/// Parses, audits, shortens and formats the text that a template yielded for `subject`. `expected` is what it may hold.
///
/// # Errors
/// Text that is no Rust, and items or constructs that do not belong there; both with an excerpt.
pub(crate) fn verify(
    template: &Arc<Source>,
    subject: &str,
    text: &str,
    expected: &Expected<'_>,
) -> Result<String, Box<Diagnostic>> {
    let mut file = syn::parse_file(text).map_err(|error| {
        let line = error.span().start().line;
        fault(
            template,
            "template-output",
            format!("{} yields no Rust for {subject}: {error}", template.name()),
            text,
            line,
        )
    })?;
    for item in &file.items {
        let found = signature(item);
        if !expected.items.contains(&found) {
            let line = syn::spanned::Spanned::span(item).start().line;
            let message = format!(
                "{} yields an item for {subject} that does not belong there: {found}",
                template.name()
            );
            return Err(fault(template, "template-item", message, text, line));
        }
    }
    let mut audit = Audit {
        announced: announced(&expected.attributes),
        found: None,
    };
    audit.visit_file(&file);
    if let Some((what, line)) = audit.found {
        let message = format!("{} yields {what} for {subject}", template.name());
        return Err(fault(template, "template-item", message, text, line));
    }
    if !expected.allow.is_empty() {
        let lints = expected.allow.iter().map(|lint| quote::format_ident!("{lint}"));
        let allow: syn::Attribute = syn::parse_quote!(#[allow(#(#lints),*)]);
        for item in &mut file.items {
            if let syn::Item::Struct(syn::ItemStruct { attrs, .. })
            | syn::Item::Enum(syn::ItemEnum { attrs, .. })
            | syn::Item::Impl(syn::ItemImpl { attrs, .. }) = item
            {
                attrs.push(allow.clone());
            }
        }
    }
    if let Some(short) = expected.short {
        short.shorten(&mut file);
    }
    Ok(print(&file))
}

/// What an item is, in a word or two: `struct Position`, `impl Default for Position`.
pub(crate) fn signature(item: &syn::Item) -> String {
    let path = |ty: &syn::Type| match ty {
        syn::Type::Path(p) => p
            .path
            .segments
            .last()
            .map(|s| s.ident.to_string())
            .unwrap_or_default(),
        other => other.to_token_stream().to_string(),
    };
    match item {
        syn::Item::Struct(i) => format!("struct {}", i.ident),
        syn::Item::Enum(i) => format!("enum {}", i.ident),
        syn::Item::Type(i) => format!("type {}", i.ident),
        syn::Item::Const(i) => format!("const {}", i.ident),
        syn::Item::Mod(i) if i.content.is_none() => format!("mod {}", i.ident),
        syn::Item::Mod(i) => format!("mod {} {{}}", i.ident),
        syn::Item::Impl(i) => match &i.trait_ {
            Some((name, _)) => {
                let name = name
                    .segments
                    .last()
                    .map(|s| s.ident.to_string())
                    .unwrap_or_default();
                format!("impl {name} for {}", path(&i.self_ty))
            }
            None => format!("impl {}", path(&i.self_ty)),
        },
        other => {
            let text = other.to_token_stream().to_string();
            text.chars().take(80).collect()
        }
    }
}

struct Audit {
    announced: BTreeSet<String>,
    found: Option<(String, usize)>,
}

impl Audit {
    fn blame(&mut self, what: impl Into<String>, span: proc_macro2::Span) {
        if self.found.is_none() {
            self.found = Some((what.into(), span.start().line));
        }
    }
}

impl<'ast> Visit<'ast> for Audit {
    fn visit_expr_unsafe(&mut self, node: &'ast syn::ExprUnsafe) {
        self.blame("an unsafe block", node.unsafe_token.span);
    }

    fn visit_signature(&mut self, node: &'ast syn::Signature) {
        if node.abi.is_some() || node.safety_is_unsafe() {
            self.blame("a foreign or unsafe function", node.ident.span());
        }
        visit::visit_signature(self, node);
    }

    fn visit_macro(&mut self, node: &'ast syn::Macro) {
        self.blame("a macro call", syn::spanned::Spanned::span(&node.path));
    }

    fn visit_stmt(&mut self, node: &'ast syn::Stmt) {
        match node {
            syn::Stmt::Item(syn::Item::Static(item))
                if matches!(item.mutability, syn::StaticMutability::None) => {}
            syn::Stmt::Item(item) => {
                self.blame("an item inside a function", syn::spanned::Spanned::span(item));
            }
            _ => {}
        }
        visit::visit_stmt(self, node);
    }

    fn visit_attribute(&mut self, node: &'ast syn::Attribute) {
        if self.announced.contains(&node.meta.to_token_stream().to_string()) {
            return;
        }
        if !is_known(&node.meta) {
            self.blame(
                "an attribute that generated code has not",
                syn::spanned::Spanned::span(node),
            );
        }
        if let syn::Meta::NameValue(pair) = &node.meta
            && !matches!(&pair.value, syn::Expr::Lit(_))
        {
            self.blame(
                "an attribute whose value is no literal",
                syn::spanned::Spanned::span(node),
            );
        }
    }
}

/// Whether generated code has such attributes. `cfg_attr` is as good as what it puts there.
fn is_known(meta: &syn::Meta) -> bool {
    let Some(ident) = meta.path().get_ident().map(ToString::to_string) else {
        return false;
    };
    if ident == "cfg_attr" {
        let syn::Meta::List(list) = meta else { return false };
        let parser = syn::punctuated::Punctuated::<syn::Meta, syn::Token![,]>::parse_terminated;
        let parts = list.parse_args_with(parser);
        return parts.is_ok_and(|parts| parts.iter().skip(1).all(is_known));
    }
    ATTRIBUTES.contains(&ident.as_str())
}

trait Unsafety {
    fn safety_is_unsafe(&self) -> bool;
}

impl Unsafety for syn::Signature {
    fn safety_is_unsafe(&self) -> bool {
        self.to_token_stream()
            .into_iter()
            .any(|t| t.to_string() == "unsafe")
    }
}

/// A diagnostic at the top of the template, with the lines around the fault in what it yielded.
fn fault(
    template: &Arc<Source>,
    rule: &'static str,
    message: String,
    text: &str,
    line: usize,
) -> Box<Diagnostic> {
    let end = template.text().find('\n').unwrap_or(template.text().len());
    let place = Place::new(template, Span::new(0, end as u32));
    let mut diagnostic = Diagnostic::error(rule, place, message, "this template");
    let first = line.saturating_sub(3);
    for (number, text) in text.lines().enumerate().skip(first).take(5) {
        let short: String = text.chars().take(120).collect();
        let mark = if number + 1 == line { '>' } else { ' ' };
        diagnostic = diagnostic.note(format!("{mark} {:>4} | {short}", number + 1));
    }
    Box::new(diagnostic.help("mend the template, or remove it to fall back to the built-in one"))
}
