//! Types, paths and patterns.

use syn::{
    AngleBracketedGenericArguments, GenericArgument, Pat, Path, PathArguments, PathSegment, QSelf, Type,
};

use super::calls::{Item, List};
use super::shape::{Shape, width};
use super::{CALL, Printer};

impl Printer {
    /// A type, on one line where there is room.
    pub(super) fn ty(&self, ty: &Type, shape: Shape) -> Option<String> {
        let line = self.type_line(ty)?;
        // rustfmt does not count this word.
        if width(line.strip_prefix("impl ").unwrap_or(&line)) <= shape.width {
            return Some(line);
        }
        match ty {
            Type::Reference(reference) => {
                let lifetime = reference.lifetime.as_ref().map(|l| format!("{l} "));
                let mutability = reference.mutability.map(|_| "mut ");
                let head = format!(
                    "&{}{}",
                    lifetime.unwrap_or_default(),
                    mutability.unwrap_or_default()
                );
                let inner = self.ty(&reference.elem, shape.behind(width(&head))?)?;
                Some(format!("{head}{inner}"))
            }
            Type::Path(path) if path.qself.is_none() => self.tall_path(&path.path, shape),
            Type::ImplTrait(bound) => match bound.bounds.first() {
                Some(syn::TypeParamBound::Trait(only)) if bound.bounds.len() == 1 => {
                    Some(format!("impl {}", self.tall_path(&only.path, shape)?))
                }
                _ => self.unknown(),
            },
            _ => None,
        }
    }

    /// A path with a line for each of its generic arguments.
    pub(super) fn tall_path(&self, path: &Path, shape: Shape) -> Option<String> {
        let PathArguments::AngleBracketed(arguments) = &path.segments.last()?.arguments else {
            return None;
        };
        let mut head = path.clone();
        head.segments.last_mut()?.arguments = PathArguments::None;
        let head = self.path(None, &head, false)?;
        let mut items = Vec::new();
        for argument in &arguments.args {
            items.push(match argument {
                GenericArgument::Type(ty) => Item::Type(ty),
                _ => return self.unknown(),
            });
        }
        let list = List {
            head: "",
            brackets: ('<', '>'),
            most: usize::MAX,
            comma: false,
        };
        let inner = self.list(list, &items, shape.behind(width(&head))?)?;
        Some(format!("{head}{inner}"))
    }

    /// A type on one line.
    pub(super) fn type_line(&self, ty: &Type) -> Option<String> {
        Some(match ty {
            Type::Path(path) => self.path(path.qself.as_ref(), &path.path, false)?,
            Type::Reference(reference) => {
                let lifetime = reference.lifetime.as_ref().map(|l| format!("{l} "));
                let mutability = reference.mutability.map(|_| "mut ");
                format!(
                    "&{}{}{}",
                    lifetime.unwrap_or_default(),
                    mutability.unwrap_or_default(),
                    self.type_line(&reference.elem)?
                )
            }
            Type::Infer(_) => "_".to_owned(),
            Type::Slice(slice) => format!("[{}]", self.type_line(&slice.elem)?),
            Type::Array(array) => {
                let shape = self.line(0);
                format!(
                    "[{}; {}]",
                    self.type_line(&array.elem)?,
                    self.expr(&array.len, shape)?
                )
            }
            Type::ImplTrait(bound) => {
                let mut bounds = Vec::new();
                for bound in &bound.bounds {
                    let syn::TypeParamBound::Trait(bound) = bound else {
                        return self.unknown();
                    };
                    bounds.push(self.path(None, &bound.path, false)?);
                }
                format!("impl {}", bounds.join(" + "))
            }
            Type::Tuple(tuple) => {
                let inner: Vec<String> = tuple
                    .elems
                    .iter()
                    .map(|t| self.type_line(t))
                    .collect::<Option<_>>()?;
                match &inner[..] {
                    [one] => format!("({one},)"),
                    all => format!("({})", all.join(", ")),
                }
            }
            _ => return self.unknown(),
        })
    }

    /// A path on one line; in expressions, generics follow `::`.
    pub(super) fn path(&self, qself: Option<&QSelf>, path: &Path, in_expr: bool) -> Option<String> {
        let segments: Vec<&PathSegment> = path.segments.iter().collect();
        let colon = path.leading_colon.map(|_| "::").unwrap_or_default();
        let Some(qself) = qself else {
            return Some(format!("{colon}{}", self.segments(&segments, in_expr)?));
        };
        let ty = self.type_line(&qself.ty)?;
        let (of, rest) = segments.split_at_checked(qself.position)?;
        let rest = self.segments(rest, in_expr)?;
        if of.is_empty() {
            return Some(format!("<{ty}>::{rest}"));
        }
        // The colons are the trait's, whose generics are those of a type wherever the path stands.
        Some(format!("<{ty} as {colon}{}>::{rest}", self.segments(of, false)?))
    }

    fn segments(&self, segments: &[&PathSegment], in_expr: bool) -> Option<String> {
        let mut out = Vec::new();
        for segment in segments {
            let arguments = match &segment.arguments {
                PathArguments::None => String::new(),
                PathArguments::AngleBracketed(arguments) => self.generics(arguments, in_expr)?,
                PathArguments::Parenthesized(_) => return self.unknown(),
            };
            out.push(format!("{}{arguments}", segment.ident));
        }
        Some(out.join("::"))
    }

    /// Generic arguments on one line.
    pub(super) fn generics(
        &self,
        arguments: &AngleBracketedGenericArguments,
        in_expr: bool,
    ) -> Option<String> {
        let mut inner = Vec::new();
        for argument in &arguments.args {
            inner.push(match argument {
                GenericArgument::Type(ty) => self.type_line(ty)?,
                GenericArgument::Lifetime(lifetime) => lifetime.to_string(),
                GenericArgument::Const(expr) => self.expr(expr, self.line(0))?,
                _ => return self.unknown(),
            });
        }
        let colons = if in_expr { "::" } else { "" };
        Some(format!("{colons}<{}>", inner.join(", ")))
    }

    /// A pattern.
    pub(super) fn pat(&self, pat: &Pat, shape: Shape) -> Option<String> {
        let list = |items: Vec<Item<'_>>, head: &str, brackets, comma| {
            let most = if brackets == ('[', ']') {
                super::ARRAY
            } else {
                CALL
            };
            let list = List {
                head,
                brackets,
                most,
                comma,
            };
            self.list(list, &items, shape)
        };
        let text = match pat {
            Pat::Ident(ident) if ident.subpat.is_none() => {
                let by_ref = ident.by_ref.map(|_| "ref ").unwrap_or_default();
                let mutability = ident.mutability.map(|_| "mut ").unwrap_or_default();
                format!("{by_ref}{mutability}{}", ident.ident)
            }
            Pat::Wild(_) => "_".to_owned(),
            Pat::Rest(_) => "..".to_owned(),
            Pat::Lit(lit) => self.literal(&lit.lit, shape)?,
            Pat::Path(path) => self.path(path.qself.as_ref(), &path.path, true)?,
            Pat::Tuple(tuple) => {
                let comma = tuple.elems.len() == 1 && !matches!(tuple.elems.first(), Some(Pat::Rest(_)));
                list(tuple.elems.iter().map(Item::Pat).collect(), "", ('(', ')'), comma)?
            }
            Pat::TupleStruct(tuple) => {
                let head = self.path(tuple.qself.as_ref(), &tuple.path, true)?;
                list(
                    tuple.elems.iter().map(Item::Pat).collect(),
                    &head,
                    ('(', ')'),
                    false,
                )?
            }
            Pat::Slice(slice) => list(slice.elems.iter().map(Item::Pat).collect(), "", ('[', ']'), false)?,
            Pat::Reference(reference) => {
                let mutability = reference.mutability.map(|_| "mut ").unwrap_or_default();
                format!("&{mutability}{}", self.pat(&reference.pat, shape.behind(1)?)?)
            }
            _ => return self.unknown(),
        };
        Some(text)
    }
}
