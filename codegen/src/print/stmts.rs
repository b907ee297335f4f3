//! Statements.

use syn::{Expr, Item, Local, Stmt};

use super::Printer;
use super::shape::Shape;

impl Printer {
    /// A statement at the start of a line. One that has no room on any line is written as if lines had no end, and rustfmt
    /// leaves it.
    pub(super) fn stmt(&self, stmt: &Stmt, indent: usize, is_last: bool) -> Option<String> {
        if let Some(text) = self.try_stmt(stmt, indent, is_last) {
            return Some(text);
        }
        if self.unknown.get() || self.too_long.get() {
            return None;
        }
        self.too_long.set(true);
        let before = self.written.take();
        let text = self.try_stmt(stmt, indent, is_last);
        self.written.replace(before);
        self.too_long.set(false);
        text
    }

    fn try_stmt(&self, stmt: &Stmt, indent: usize, is_last: bool) -> Option<String> {
        let shape = self.line(indent);
        match stmt {
            Stmt::Local(local) => self.local(local, shape),
            Stmt::Expr(expr, semicolon) => {
                let blockish = matches!(
                    expr,
                    Expr::Block(_)
                        | Expr::If(_)
                        | Expr::Match(_)
                        | Expr::While(_)
                        | Expr::ForLoop(_)
                        | Expr::Loop(_)
                );
                let jumps = matches!(expr, Expr::Return(_) | Expr::Break(_) | Expr::Continue(_));
                let ends = match semicolon {
                    Some(_) => !matches!(expr, Expr::While(_) | Expr::ForLoop(_) | Expr::Loop(_)),
                    None => jumps && !is_last,
                };
                let end = if ends { ";" } else { "" };
                let shape = shape.less(end.len())?;
                let text = match blockish {
                    true => self.control(expr, shape, true)?,
                    false => self.expr(expr, shape)?,
                };
                Some(format!("{text}{end}"))
            }
            Stmt::Item(item @ Item::Static(_)) => self.item(item, indent),
            _ => self.unknown(),
        }
    }

    fn local(&self, local: &Local, shape: Shape) -> Option<String> {
        if !local.attrs.is_empty() {
            return self.unknown();
        }
        let (pat, ty) = match &local.pat {
            syn::Pat::Type(typed) => (&*typed.pat, Some(&*typed.ty)),
            pat => (pat, None),
        };
        let mut text = format!("let {}", self.pat(pat, shape.behind(4)?.less(1)?)?);
        if let Some(ty) = ty {
            text.push_str(&format!(": {}", self.type_line(ty)?));
        }
        let Some(init) = &local.init else {
            return Some(format!("{text};"));
        };
        if init.diverge.is_some() {
            return self.unknown();
        }
        text.push_str(" =");
        Some(format!(
            "{};",
            self.right_hand_side(text, &init.expr, shape.less(1)?)?
        ))
    }
}
