//! Items, attributes and documents.

use quote::ToTokens;
use syn::{
    Attribute, Expr, Field, Fields, FnArg, Generics, ImplItem, Item, Lit, Meta, ReceiverKind, ReturnType,
    Signature, Type, Visibility,
};

use super::shape::{Shape, last, newline, width};
use super::{ATTRIBUTE, Printer, TAB, WIDTH};

/// The text of a document's line, where the attribute is one.
pub(super) fn doc_line(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else {
        return None;
    };
    match (&pair.value, pair.path.is_ident("doc")) {
        (Expr::Lit(lit), true) => match &lit.lit {
            Lit::Str(text) if !text.value().contains(['\n', '\r']) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

/// Items of one line that stand together.
pub(super) fn is_short(item: &Item) -> bool {
    match item {
        Item::Mod(item) => item.content.is_none() && item.attrs.is_empty(),
        _ => false,
    }
}

fn visibility(vis: &Visibility) -> &'static str {
    match vis {
        Visibility::Public(_) => "pub ",
        Visibility::Restricted(_) => "pub(crate) ",
        Visibility::Inherited => "",
    }
}

impl Printer {
    /// An item, without the line's end; its first line is indented by whoever puts it there.
    pub(super) fn item(&self, item: &Item, indent: usize) -> Option<String> {
        let line = newline(indent);
        match item {
            Item::Struct(item) => {
                let attributes = self.attributes(&item.attrs, indent)?;
                let generics = self.parameters(&item.generics)?;
                let head = format!(
                    "{attributes}{}struct {}{generics}",
                    visibility(&item.vis),
                    item.ident
                );
                self.fields(head, &item.fields, indent, ";")
            }
            Item::Enum(item) => {
                let attributes = self.attributes(&item.attrs, indent)?;
                let generics = self.parameters(&item.generics)?;
                let mut out = format!(
                    "{attributes}{}enum {}{generics} {{",
                    visibility(&item.vis),
                    item.ident
                );
                let inside = newline(indent + TAB);
                for variant in &item.variants {
                    let attributes = self.attributes(&variant.attrs, indent + TAB)?;
                    let head = format!("{attributes}{}", variant.ident);
                    if variant.discriminant.is_some() {
                        return self.unknown();
                    }
                    out.push_str(&format!(
                        "{inside}{},",
                        self.fields(head, &variant.fields, indent + TAB, "")?
                    ));
                }
                out.push_str(&format!(
                    "{}}}",
                    if item.variants.is_empty() { "" } else { &line }
                ));
                Some(out)
            }
            Item::Impl(item) => {
                let attributes = self.attributes(&item.attrs, indent)?;
                let generics = self.parameters(&item.generics)?;
                let ty = self.type_line(&item.self_ty)?;
                let mut out = format!("{attributes}impl{generics} ");
                if let Some((path, _)) = &item.trait_ {
                    let name = self.path(None, path, false)?;
                    let head = format!("impl{generics}");
                    if indent + width(&format!("{head} {name} for {ty} {{")) <= WIDTH {
                        out.push_str(&format!("{name} for {ty} {{"));
                    } else {
                        let below = newline(indent + TAB);
                        if indent + width(&format!("{head} {name}")) <= WIDTH {
                            out.push_str(&name);
                        } else {
                            out.truncate(out.trim_end().len());
                            out.push_str(&below);
                            out.push_str(&self.tall_path(path, self.line(indent + TAB))?);
                        }
                        let fits = last(&out) + width(&ty) + 7 <= WIDTH;
                        let between = if fits { " " } else { below.as_str() };
                        out.push_str(&format!("{between}for {ty}{line}{{"));
                    }
                } else {
                    out.push_str(&format!("{ty} {{"));
                }
                let inside = newline(indent + TAB);
                let mut previous: Option<&ImplItem> = None;
                for inner in &item.items {
                    if previous.is_some_and(|before| apart(before, inner)) {
                        out.push('\n');
                    }
                    out.push_str(&format!("{inside}{}", self.impl_item(inner, indent + TAB)?));
                    previous = Some(inner);
                }
                out.push_str(&format!("{}}}", if item.items.is_empty() { "" } else { &line }));
                Some(out)
            }
            Item::Const(item) => {
                let attributes = self.attributes(&item.attrs, indent)?;
                let head = format!("{}const {}", visibility(&item.vis), item.ident);
                self.constant(&attributes, &head, &item.ty, &item.expr, indent)
            }
            Item::Static(item) => {
                let attributes = self.attributes(&item.attrs, indent)?;
                let head = format!("{}static {}", visibility(&item.vis), item.ident);
                self.constant(&attributes, &head, &item.ty, &item.expr, indent)
            }
            Item::Type(item) => {
                let attributes = self.attributes(&item.attrs, indent)?;
                let generics = self.parameters(&item.generics)?;
                let head = format!("{}type {}{generics} =", visibility(&item.vis), item.ident);
                let text = self.beside(head, self.line(indent).less(1)?, |shape| self.ty(&item.ty, shape))?;
                Some(format!("{attributes}{text};"))
            }
            Item::Mod(item) => {
                let attributes = self.attributes(&item.attrs, indent)?;
                let head = format!("{attributes}{}mod {}", visibility(&item.vis), item.ident);
                let Some((_, items)) = &item.content else {
                    return Some(format!("{head};"));
                };
                let inside = newline(indent + TAB);
                let mut out = format!("{head} {{");
                let mut previous: Option<&Item> = None;
                for inner in items {
                    if previous.is_some_and(|before| !(is_short(before) && is_short(inner))) {
                        out.push('\n');
                    }
                    out.push_str(&format!("{inside}{}", self.item(inner, indent + TAB)?));
                    previous = Some(inner);
                }
                out.push_str(&format!("{}}}", if items.is_empty() { "" } else { &line }));
                Some(out)
            }
            _ => self.unknown(),
        }
    }

    fn impl_item(&self, item: &ImplItem, indent: usize) -> Option<String> {
        match item {
            ImplItem::Const(item) => {
                let attributes = self.attributes(&item.attrs, indent)?;
                let head = format!("{}const {}", visibility(&item.vis), item.ident);
                self.constant(&attributes, &head, &item.ty, &item.expr, indent)
            }
            ImplItem::Type(item) => {
                let attributes = self.attributes(&item.attrs, indent)?;
                let head = format!("{}type {} =", visibility(&item.vis), item.ident);
                let text = self.beside(head, self.line(indent).less(1)?, |shape| self.ty(&item.ty, shape))?;
                Some(format!("{attributes}{text};"))
            }
            ImplItem::Fn(item) => {
                let attributes = self.attributes(&item.attrs, indent)?;
                let (head, tall) = self.signature(visibility(&item.vis), &item.sig, indent)?;
                let line = newline(indent);
                let body = self.block(&item.block, self.line(indent))?;
                let body = if body == "{}" && tall {
                    format!("{{{line}}}")
                } else {
                    body
                };
                let between = if head.ends_with(' ') { "" } else { " " };
                Some(format!("{attributes}{head}{between}{body}"))
            }
            _ => self.unknown(),
        }
    }

    fn constant(
        &self,
        attributes: &str,
        head: &str,
        ty: &Type,
        value: &Expr,
        indent: usize,
    ) -> Option<String> {
        let left = format!("{head}: {} =", self.type_line(ty)?);
        let shape = self.line(indent).less(1)?;
        let text = match self.right_hand_side(left.clone(), value, shape) {
            Some(text) => text,
            // A literal that has no room on any line stays where it is.
            None => match value {
                Expr::Lit(lit) => format!("{left} {}", lit.lit.to_token_stream()),
                _ => return None,
            },
        };
        Some(format!("{attributes}{text};"))
    }

    /// The head of a function, and whether it takes several lines.
    fn signature(&self, vis: &str, sig: &Signature, indent: usize) -> Option<(String, bool)> {
        let plain = sig.asyncness.is_none() && sig.abi.is_none() && sig.variadic.is_none();
        if !plain || sig.generics.where_clause.is_some() {
            return self.unknown();
        }
        let constness = sig.constness.map(|_| "const ").unwrap_or_default();
        let generics = self.parameters(&sig.generics)?;
        let head = format!("{vis}{constness}fn {}{generics}", sig.ident);
        let output = match &sig.output {
            ReturnType::Default => String::new(),
            ReturnType::Type(_, ty) => format!(" -> {}", self.type_line(ty)?),
        };
        let mut inputs: Vec<(String, Option<&Type>)> = Vec::new();
        for input in &sig.inputs {
            inputs.push(match input {
                FnArg::Receiver(receiver) => {
                    let mutability = receiver.mutability.map(|_| "mut ").unwrap_or_default();
                    let text = match &receiver.kind {
                        ReceiverKind::Value => format!("{mutability}self"),
                        ReceiverKind::Reference(..) => {
                            receiver.to_token_stream().to_string().replace("& ", "&")
                        }
                        _ => return self.unknown(),
                    };
                    (text, None)
                }
                FnArg::Typed(typed) => {
                    let pat = self.pat(&typed.pat, self.line(indent))?;
                    (format!("{pat}: "), Some(&*typed.ty))
                }
            });
        }
        let mut short = Vec::new();
        for (pat, ty) in &inputs {
            let ty = ty.map(|ty| self.type_line(ty));
            short.push(match ty {
                Some(ty) => format!("{pat}{}", ty?),
                None => pat.clone(),
            });
        }
        let (list, line) = (short.join(", "), format!("{head}({}){output}", short.join(", ")));
        // What is around the parameters, and whether they fit beside it, rustfmt counts in bytes.
        let room = WIDTH.saturating_sub(indent + head.len() + output.len() + 4);
        if list.len() <= room && indent + width(&line) + 2 <= WIDTH {
            return Some((line, false));
        }
        if !inputs.is_empty() && width(&list) <= room {
            let text = format!(
                "{head}({}{list}{}){output}",
                newline(indent + TAB),
                newline(indent)
            );
            return Some((text, true));
        }
        if inputs.is_empty() {
            // The brace goes on a line of its own before the type does.
            let brace_below = |text: String| (format!("{text}{}", newline(indent)), false);
            if indent + width(&line) <= WIDTH + 1 {
                return Some(brace_below(line));
            }
            let below = format!("{head}(){}{}", newline(indent), output.trim_start());
            if last(&below) + 2 < WIDTH {
                return Some((below, true));
            }
            if last(&below) <= WIDTH {
                return Some(brace_below(below));
            }
            let ReturnType::Type(_, ty) = &sig.output else {
                return None;
            };
            let head = format!("{head}() -> ");
            let room = self
                .line(indent)
                .behind(width(&head))
                .and_then(|shape| shape.less(2));
            let ty = room
                .and_then(|shape| self.ty(ty, shape))
                .or_else(|| self.type_line(ty))?;
            return Some((format!("{head}{ty}"), true));
        }
        let inside = newline(indent + TAB);
        let shape = self.line(indent + TAB).less(1)?;
        let mut text = format!("{head}(");
        for (pat, ty) in &inputs {
            let ty = match ty {
                // What has no room on any line is too long for rustfmt, too.
                Some(ty) => match shape.behind(width(pat)).and_then(|shape| self.ty(ty, shape)) {
                    Some(ty) => ty,
                    None => self.type_line(ty)?,
                },
                None => String::new(),
            };
            text.push_str(&format!("{inside}{pat}{ty},"));
        }
        text.push_str(&format!("{})", newline(indent)));
        if last(&text) + width(&output) + 2 <= WIDTH {
            return Some((format!("{text}{output}"), true));
        }
        let ReturnType::Type(_, ty) = &sig.output else {
            return None;
        };
        let ty = self.ty(ty, self.line(indent).behind(5)?.less(2)?)?;
        Some((format!("{text} -> {ty}"), true))
    }

    /// Generic parameters: lifetimes, and plain types.
    fn parameters(&self, generics: &Generics) -> Option<String> {
        if generics.params.is_empty() {
            return Some(String::new());
        }
        let mut parameters = Vec::new();
        for parameter in &generics.params {
            match parameter {
                syn::GenericParam::Lifetime(lifetime) if lifetime.bounds.is_empty() => {
                    parameters.push(lifetime.lifetime.to_string());
                }
                _ => return self.unknown(),
            }
        }
        Some(format!("<{}>", parameters.join(", ")))
    }

    /// The fields of a struct or variant behind its head.
    fn fields(&self, head: String, fields: &Fields, indent: usize, end: &str) -> Option<String> {
        let line = newline(indent);
        let inside = newline(indent + TAB);
        match fields {
            Fields::Unit => Some(format!("{head}{end}")),
            Fields::Named(named) if named.named.is_empty() => Some(format!("{head} {{}}")),
            Fields::Named(named) => {
                let mut out = format!("{head} {{");
                for field in &named.named {
                    out.push_str(&format!("{inside}{},", self.field(field, indent + TAB)?));
                }
                out.push_str(&format!("{line}}}"));
                Some(out)
            }
            Fields::Unnamed(unnamed) => {
                let mut parts = Vec::new();
                for field in &unnamed.unnamed {
                    parts.push(self.field(field, indent + TAB)?);
                }
                let has_doc = unnamed.unnamed.iter().any(|f| !f.attrs.is_empty());
                let head_width = indent + width(head.rsplit('\n').next().unwrap_or_default().trim_start());
                let text = parts.join(", ");
                let one = head_width + width(&text) + 2 + end.len() + usize::from(end.is_empty()) <= WIDTH;
                if one && !text.contains('\n') && !(has_doc && text.starts_with("///")) {
                    return Some(format!("{head}({text}){end}"));
                }
                let lines: Vec<String> = parts.iter().map(|p| format!("{inside}{p},")).collect();
                Some(format!("{head}({}{line}){end}", lines.concat()))
            }
        }
    }

    fn field(&self, field: &Field, indent: usize) -> Option<String> {
        let attributes = self.attributes(&field.attrs, indent)?;
        let vis = visibility(&field.vis);
        let shape = self.line(indent).less(1)?;
        match &field.ident {
            Some(name) => {
                let text = self.beside(format!("{vis}{name}:"), shape, |shape| self.ty(&field.ty, shape))?;
                Some(format!("{attributes}{text}"))
            }
            None => {
                let ty = self.ty(&field.ty, shape.behind(width(vis))?)?;
                let is_doc = field.attrs.iter().any(|a| doc_line(a).is_some());
                let line = format!("{}{vis}{ty}", attributes.replace(&newline(indent), " "));
                if is_doc || attributes.trim_end().contains('\n') || !shape.holds(&line) {
                    return Some(format!("{attributes}{vis}{ty}"));
                }
                Some(line)
            }
        }
    }

    /// Attributes, each with its line's end; documents as comments, and derives that follow each other in one.
    fn attributes(&self, attributes: &[Attribute], indent: usize) -> Option<String> {
        let line = newline(indent);
        let mut out = String::new();
        let mut derives: Vec<String> = Vec::new();
        for (at, attribute) in attributes.iter().enumerate() {
            if let Some(text) = doc_line(attribute) {
                out.push_str(&format!("///{text}{line}"));
                continue;
            }
            if attribute.path().is_ident("derive") {
                let Meta::List(list) = &attribute.meta else {
                    return self.unknown();
                };
                let parser = syn::punctuated::Punctuated::<syn::Path, syn::Token![,]>::parse_terminated;
                for path in list.parse_args_with(parser).ok()? {
                    derives.push(self.path(None, &path, false)?);
                }
                let next = attributes.get(at + 1);
                if next.is_some_and(|next| next.path().is_ident("derive") && doc_line(next).is_none()) {
                    continue;
                }
                out.push_str(&format!("{}{line}", derive(&derives, indent)));
                derives.clear();
                continue;
            }
            out.push_str(&format!("{}{line}", self.attribute(&attribute.meta, indent)?));
        }
        Some(out)
    }

    fn attribute(&self, meta: &Meta, indent: usize) -> Option<String> {
        let shape = self.line(indent).behind(2)?.less(1)?;
        Some(format!("#[{}]", self.meta(meta, shape)?))
    }

    fn meta(&self, meta: &Meta, shape: Shape) -> Option<String> {
        match meta {
            Meta::Path(path) => self.path(None, path, false),
            Meta::NameValue(pair) => {
                let name = self.path(None, &pair.path, false)?;
                let Expr::Lit(value) = &pair.value else {
                    return self.unknown();
                };
                Some(format!("{name} = {}", value.lit.to_token_stream()))
            }
            Meta::List(list) => {
                let name = self.path(None, &list.path, false)?;
                let parser = syn::punctuated::Punctuated::<Meta, syn::Token![,]>::parse_terminated;
                let Ok(inner) = list.parse_args_with(parser) else {
                    return self.unknown();
                };
                let nested = self.line(shape.indent + TAB);
                let mut texts = Vec::new();
                for meta in &inner {
                    texts.push(self.meta(meta, nested)?);
                }
                let line = texts.join(", ");
                let one = !line.contains('\n') && width(&line) <= ATTRIBUTE;
                let alone = texts.len() == 1 && !line.contains('\n');
                if (one || alone) && width(&name) + width(&line) + 2 <= shape.width {
                    return Some(format!("{name}({line})"));
                }
                let inside = newline(nested.indent);
                Some(format!(
                    "{name}({inside}{}{})",
                    texts.join(&format!(",{inside}")),
                    newline(shape.indent)
                ))
            }
        }
    }
}

/// What is derived: on one line, on one line of its own, or one by one. The comma at the end of the second may go beyond the margin.
fn derive(paths: &[String], indent: usize) -> String {
    let list = paths.join(", ");
    let room = WIDTH.saturating_sub(indent);
    if width(&list) + "#[derive()]".len() + TAB <= room {
        return format!("#[derive({list})]");
    }
    let inside = newline(indent + TAB);
    let list = match width(&list) + TAB <= room {
        true => list,
        false => paths.join(&format!(",{inside}")),
    };
    format!("#[derive({inside}{list},{})]", newline(indent))
}

/// Whether a blank line stands between two items of an impl.
fn apart(before: &ImplItem, next: &ImplItem) -> bool {
    match (before, next) {
        (ImplItem::Const(a), ImplItem::Const(b)) => !a.attrs.is_empty() || !b.attrs.is_empty(),
        _ => true,
    }
}
