//! Lists in brackets: arguments, tuples, arrays, generics, patterns. On one line, or with a last item that begins on it and
//! goes on below, or with a line for each.

use syn::{Expr, Pat, Type};

use super::shape::{Shape, first, newline, width};
use super::{Printer, SHORT, TAB};

/// An item of a list.
#[derive(Clone, Copy)]
pub(super) enum Item<'a> {
    Expr(&'a Expr),
    Pat(&'a Pat),
    Type(&'a Type),
}

/// What a list is.
#[derive(Clone, Copy)]
pub(super) struct List<'a> {
    /// What stands before the bracket.
    pub(super) head: &'a str,
    pub(super) brackets: (char, char),
    /// The most that the items take on one line, unless there is but one.
    pub(super) most: usize,
    /// A comma behind the only item.
    pub(super) comma: bool,
}

impl Printer {
    fn list_item(&self, item: Item<'_>, shape: Shape) -> Option<String> {
        match item {
            Item::Expr(expr) => self.expr(expr, shape),
            Item::Pat(pat) => self.pat(pat, shape),
            Item::Type(ty) => self.ty(ty, shape),
        }
    }

    /// Writes a list.
    pub(super) fn list(&self, list: List<'_>, items: &[Item<'_>], shape: Shape) -> Option<String> {
        let (open, close) = list.brackets;
        // rustfmt counts what stands before the bracket in bytes.
        let head = list.head.lines().last().unwrap_or_default().len();
        let one_line_width = shape.width.saturating_sub(head + 2);
        let one_line = shape.behind(head + 1).and_then(|s| s.less(1));
        let nested = shape.block_indent(TAB).with_max_width();
        let nested = Shape {
            width: nested.width.saturating_sub(1),
            ..nested
        };
        if items.is_empty() {
            let inside = if head + 2 > shape.width {
                newline(shape.indent)
            } else {
                String::new()
            };
            return Some(format!("{}{open}{inside}{close}", list.head));
        }
        let (end_item, before) = items.split_last()?;
        let mut texts: Vec<String> = before
            .iter()
            .map(|item| self.list_item(*item, nested))
            .collect::<Option<_>>()?;
        // There may be no room for the last item but where it begins on the list's line.
        let end_text = self.list_item(*end_item, nested);
        let is_lost = end_text.is_none();
        texts.push(end_text.unwrap_or_else(|| "\n".to_owned()));
        let fits = |texts: &[String]| {
            let total: usize = texts.iter().map(|t| first(t)).sum::<usize>()
                + 2 * (texts.len() - 1)
                + usize::from(list.comma);
            total <= one_line_width.min(list.most) && texts.iter().all(|t| !t.contains('\n'))
        };
        let only = match items {
            [Item::Expr(_)] => width(list.head) < TAB,
            _ => false,
        };
        let overflows = only || can_overflow(items);
        let mut overflowing = None;
        if overflows {
            let before: usize = texts.iter().rev().skip(1).map(|t| 2 + width(t)).sum();
            let shape = match (items, one_line) {
                (_, None) => None,
                ([Item::Expr(expr)], Some(shape)) if !is_nested_call(expr) => Some(shape),
                (_, Some(shape)) => Shape {
                    width: shape.width.min(list.most),
                    ..shape
                }
                .behind(before),
            };
            if let (Some(shape), Some(Item::Expr(expr))) = (shape, items.last()) {
                let before = self.one_line_chains.get();
                self.one_line_chains
                    .set(before || (!only && matches!(expr, Expr::MethodCall(_))));
                overflowing = self.overflowing(expr, items, shape);
                self.one_line_chains.set(before);
            }
        }
        let count = items.len();
        let horizontal = match overflowing {
            Some(text) => {
                let mut tried = texts.clone();
                tried[count - 1] = text.lines().next().unwrap_or_default().to_owned();
                if fits(&tried) {
                    // A call in a call that takes a line more: if it has room on a line of its own, it goes there.
                    let short = count == 1 && text.matches('\n').count() == 1;
                    if !short || texts[0].contains('\n') {
                        texts[count - 1] = text;
                    }
                    true
                } else {
                    false
                }
            }
            None => fits(&texts),
        };
        let horizontal = horizontal
            || (count == 1
                && !texts[0].contains('\n')
                && width(&texts[0]) + usize::from(list.comma) <= one_line_width)
            || fits(&texts);
        let comma = if list.comma { "," } else { "" };
        if horizontal {
            let inside = format!("{}{comma}", texts.join(", "));
            let room = shape.width.saturating_sub(head);
            if first(&inside) < room {
                return Some(format!("{}{open}{inside}{close}", list.head));
            }
        }
        if is_lost {
            return None;
        }
        let separator = newline(nested.indent);
        let end = newline(shape.indent);
        let simple = items.iter().all(is_simple) && texts.iter().all(|t| width(t) <= SHORT);
        if simple {
            return Some(format!(
                "{}{open}{}{end}{close}",
                list.head,
                mixed(&texts, nested, &separator)
            ));
        }
        let lines: Vec<String> = texts.iter().map(|t| format!("{separator}{t},")).collect();
        Some(format!("{}{open}{}{end}{close}", list.head, lines.concat()))
    }

    /// The last item so that it begins on the line of the list.
    fn overflowing(&self, expr: &Expr, items: &[Item<'_>], shape: Shape) -> Option<String> {
        match expr {
            Expr::Closure(closure) => {
                let closures = items.iter().filter(|i| matches!(i, Item::Expr(Expr::Closure(_))));
                if closures.count() > 1 {
                    return None;
                }
                self.last_closure(closure, shape)
            }
            _ => self.expr(expr, shape),
        }
    }
}

/// As many items a line as there is room for.
fn mixed(texts: &[String], shape: Shape, separator: &str) -> String {
    let mut out = String::new();
    let mut used = usize::MAX;
    for text in texts {
        let wide = width(text) + 1;
        if used == usize::MAX || used + 1 + wide > shape.width {
            out.push_str(separator);
            used = wide;
        } else {
            out.push(' ');
            used += 1 + wide;
        }
        out.push_str(text);
        out.push(',');
    }
    out
}

/// Whether the last item may go on below the line that the list is on.
fn can_overflow(items: &[Item<'_>]) -> bool {
    fn of(expr: &Expr, count: usize) -> bool {
        match expr {
            Expr::Block(_) | Expr::Closure(_) => true,
            Expr::Match(_)
            | Expr::If(_)
            | Expr::ForLoop(_)
            | Expr::Loop(_)
            | Expr::While(_)
            | Expr::Array(_)
            | Expr::Struct(_)
            | Expr::Call(_)
            | Expr::MethodCall(_)
            | Expr::Tuple(_) => count == 1,
            Expr::Reference(e) => of(&e.expr, count),
            Expr::Try(e) => of(&e.expr, count),
            Expr::Unary(e) => of(&e.expr, count),
            Expr::Cast(e) => of(&e.expr, count),
            _ => false,
        }
    }
    match items.last() {
        Some(Item::Expr(expr)) => of(expr, items.len()),
        _ => false,
    }
}

fn is_nested_call(expr: &Expr) -> bool {
    match expr {
        Expr::Call(_) => true,
        Expr::Reference(e) => is_nested_call(&e.expr),
        Expr::Try(e) => is_nested_call(&e.expr),
        Expr::Unary(e) => is_nested_call(&e.expr),
        Expr::Cast(e) => is_nested_call(&e.expr),
        _ => false,
    }
}

/// Whether an item is as simple as a number or a name.
fn is_simple(item: &Item<'_>) -> bool {
    fn of(expr: &Expr) -> bool {
        match expr {
            Expr::Lit(_) => true,
            Expr::Path(path) => path.path.segments.len() <= 1,
            Expr::Reference(e) => of(&e.expr),
            Expr::Cast(e) => of(&e.expr),
            Expr::Field(e) => of(&e.base),
            Expr::Try(e) => of(&e.expr),
            Expr::Unary(e) => of(&e.expr),
            Expr::Index(e) => of(&e.expr) && of(&e.index),
            _ => false,
        }
    }
    match item {
        Item::Expr(expr) => of(expr),
        Item::Pat(_) | Item::Type(_) => false,
    }
}
