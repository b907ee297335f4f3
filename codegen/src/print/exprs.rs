//! Expressions.

use std::rc::Rc;

use quote::ToTokens;
use syn::{BinOp, Expr, ExprBinary, ExprStruct, Lit, Member, UnOp};

use super::calls::{Item, List};
use super::shape::{Shape, first, last, newline, prefers_next_line, width};
use super::{ARRAY, CALL, Printer, STRUCT, TAB};

impl Printer {
    /// An expression that is part of another.
    pub(super) fn expr(&self, expr: &Expr, shape: Shape) -> Option<String> {
        let key = (std::ptr::from_ref(expr).addr(), shape, self.one_line_chains.get());
        if let Some(known) = self.written.borrow().get(&key) {
            return known.as_deref().map(str::to_owned);
        }
        let text = self.write(expr, shape);
        let kept = text.as_deref().map(Rc::from);
        self.written.borrow_mut().insert(key, kept);
        text
    }

    fn write(&self, expr: &Expr, shape: Shape) -> Option<String> {
        match expr {
            Expr::Lit(lit) => self.literal(&lit.lit, shape),
            Expr::Path(path) => {
                let text = self.path(path.qself.as_ref(), &path.path, true)?;
                shape.holds(&text).then_some(text)
            }
            Expr::MethodCall(_) | Expr::Field(_) | Expr::Try(_) => self.chain(expr, shape),
            Expr::Call(call) => {
                let head = self.expr(&call.func, shape)?;
                let items: Vec<Item<'_>> = call.args.iter().map(Item::Expr).collect();
                let list = List {
                    head: &head,
                    brackets: ('(', ')'),
                    most: CALL,
                    comma: false,
                };
                self.list(list, &items, shape)
            }
            Expr::Reference(reference) => {
                let mutability = reference.mutability.map(|_| "mut ").unwrap_or_default();
                self.prefixed(&format!("&{mutability}"), &reference.expr, shape)
            }
            Expr::Unary(unary) => match unary.op {
                UnOp::Deref(_) => self.prefixed("*", &unary.expr, shape),
                UnOp::Not(_) => self.prefixed("!", &unary.expr, shape),
                UnOp::Neg(_) => self.prefixed("-", &unary.expr, shape),
                _ => self.unknown(),
            },
            Expr::Paren(paren) => {
                let inner = self.expr(&paren.expr, shape.behind(1)?.less(1)?)?;
                Some(format!("({inner})"))
            }
            Expr::Binary(binary) => match assigning(&binary.op) {
                true => self.assignment(&binary.left, &operator(&binary.op), &binary.right, shape),
                false => self.binary(binary, shape),
            },
            Expr::Assign(assign) => self.assignment(&assign.left, "=", &assign.right, shape),
            Expr::Cast(cast) => {
                let value = self.expr(&cast.expr, shape)?;
                let text = format!("{value} as {}", self.type_line(&cast.ty)?);
                shape.holds(&text).then_some(text)
            }
            Expr::Index(index) => {
                let base = self.expr(&index.expr, shape)?;
                let inner = self.expr(&index.index, shape.behind(last(&base) + 1)?.less(1)?)?;
                let text = format!("{base}[{inner}]");
                shape.holds(&text).then_some(text)
            }
            Expr::Range(range) => {
                let mut text = String::new();
                if let Some(start) = &range.start {
                    text.push_str(&self.expr(start, shape)?);
                }
                text.push_str(match range.limits {
                    syn::RangeLimits::HalfOpen(_) => "..",
                    syn::RangeLimits::Closed(_) => "..=",
                });
                if let Some(end) = &range.end {
                    text.push_str(&self.expr(end, shape)?);
                }
                shape.holds(&text).then_some(text)
            }
            Expr::Tuple(tuple) => {
                let items: Vec<Item<'_>> = tuple.elems.iter().map(Item::Expr).collect();
                let list = List {
                    head: "",
                    brackets: ('(', ')'),
                    most: CALL,
                    comma: items.len() == 1,
                };
                self.list(list, &items, shape)
            }
            Expr::Array(array) => {
                let items: Vec<Item<'_>> = array.elems.iter().map(Item::Expr).collect();
                let list = List {
                    head: "",
                    brackets: ('[', ']'),
                    most: ARRAY,
                    comma: false,
                };
                self.list(list, &items, shape)
            }
            Expr::Repeat(repeat) => {
                let text = format!(
                    "[{}; {}]",
                    self.expr(&repeat.expr, shape)?,
                    self.expr(&repeat.len, shape)?
                );
                shape.holds(&text).then_some(text)
            }
            Expr::Struct(literal) => self.structure(literal, shape),
            Expr::Closure(closure) => self.closure(closure, shape),
            Expr::Return(e) => match &e.expr {
                None => Some("return".to_owned()),
                Some(value) => self.prefixed("return ", value, shape),
            },
            Expr::Break(e) if e.expr.is_none() && e.label.is_none() => Some("break".to_owned()),
            Expr::Continue(e) if e.label.is_none() => Some("continue".to_owned()),
            Expr::Let(e) => {
                let pat = self.pat(&e.pat, shape.behind(4)?)?;
                self.right_hand_side(format!("let {pat} ="), &e.expr, shape)
            }
            Expr::Block(_)
            | Expr::If(_)
            | Expr::Match(_)
            | Expr::While(_)
            | Expr::ForLoop(_)
            | Expr::Loop(_) => self.control(expr, shape, false),
            _ => self.unknown(),
        }
    }

    pub(super) fn literal(&self, literal: &Lit, shape: Shape) -> Option<String> {
        let text = literal.to_token_stream().to_string();
        (width(&text) <= shape.width).then_some(text)
    }

    fn prefixed(&self, prefix: &str, expr: &Expr, shape: Shape) -> Option<String> {
        let inner = self.expr(expr, shape.behind(width(prefix))?)?;
        Some(format!("{prefix}{inner}"))
    }

    fn assignment(&self, to: &Expr, operator: &str, value: &Expr, shape: Shape) -> Option<String> {
        let to = self.expr(to, shape.less(width(operator) + 1)?)?;
        self.right_hand_side(format!("{to} {operator}"), value, shape)
    }

    /// `left`, which ends with an operator, and what it is given: on its line, or on the next.
    pub(super) fn right_hand_side(&self, left: String, value: &Expr, shape: Shape) -> Option<String> {
        self.beside(left, shape, |shape| self.expr(value, shape))
    }

    /// The same for whatever can be written.
    pub(super) fn beside(
        &self,
        left: String,
        shape: Shape,
        write: impl Fn(Shape) -> Option<String>,
    ) -> Option<String> {
        let used = last(&left) - if left.contains('\n') { shape.indent } else { 0 };
        let on_line = shape.behind(used + 1).unwrap_or(Shape {
            width: 0,
            offset: shape.offset + used + 1,
            ..shape
        });
        let same = write(on_line);
        if let Some(text) = &same
            && !text.contains('\n')
            && width(text) <= on_line.width
        {
            return Some(format!("{left} {text}"));
        }
        let below = on_line.next_line();
        let next = below.and_then(&write);
        let line = newline(shape.indent + TAB);
        match (same, next, below) {
            (Some(same), Some(next), Some(below)) if !below.holds(&next) => {
                let _ = next;
                Some(format!("{left} {same}"))
            }
            (Some(same), Some(next), _) if prefers_next_line(&same, &next) => {
                Some(format!("{left}{line}{next}"))
            }
            (None, Some(next), _) => Some(format!("{left}{line}{next}")),
            (Some(same), ..) => Some(format!("{left} {same}")),
            (None, None, _) => None,
        }
    }

    /// Operands of one operator, on one line or with a line for each.
    fn binary(&self, binary: &ExprBinary, shape: Shape) -> Option<String> {
        let sign = operator(&binary.op);
        let mut operands: Vec<&Expr> = vec![&binary.right];
        let mut left: &Expr = &binary.left;
        while let Expr::Binary(inner) = left
            && operator(&inner.op) == sign
        {
            operands.push(&inner.right);
            left = &inner.left;
        }
        operands.push(left);
        operands.reverse();
        self.on_one_line(&operands, &sign, shape)
            .or_else(|| self.on_many_lines(&operands, &sign, shape))
    }

    fn on_one_line(&self, operands: &[&Expr], sign: &str, shape: Shape) -> Option<String> {
        let (end, before) = operands.split_last()?;
        let mut text = String::new();
        for operand in before {
            let one = self.expr(operand, shape)?;
            if one.contains('\n') || width(&text) > shape.width {
                return None;
            }
            text.push_str(&format!("{one} {sign} "));
        }
        let prefix = width(&text);
        let final_one = self.expr(end, shape.behind(prefix)?)?;
        text.push_str(&final_one);
        if first(&text) > shape.width {
            return None;
        }
        let tall = text.contains('\n') && !final_one.starts_with('{');
        if tall && (final_one.starts_with('(') || prefix > TAB) {
            return None;
        }
        shape.holds(&text).then_some(text)
    }

    fn on_many_lines(&self, operands: &[&Expr], sign: &str, shape: Shape) -> Option<String> {
        let nested = shape.block_indent(TAB).with_max_width().less(shape.overhead())?;
        let (head, rest) = operands.split_first()?;
        let mut text = self.expr(head, shape)?;
        for operand in rest {
            let offset = if text.contains('\n') { 0 } else { shape.used() };
            if last(&text) + offset <= nested.used()
                && let Some(beside) = shape.behind(width(sign) + 2 + last(&text))
                && let Some(one) = self.expr(operand, beside)
            {
                text.push_str(&format!(" {sign} {one}"));
                continue;
            }
            let one = self.expr(operand, nested.behind(width(sign) + 1)?)?;
            text.push_str(&format!("{}{sign} {one}", newline(nested.indent)));
        }
        Some(text)
    }

    fn structure(&self, literal: &ExprStruct, shape: Shape) -> Option<String> {
        let path = self.path(literal.qself.as_ref(), &literal.path, true)?;
        if literal.dot2_token.is_some() || literal.rest.is_some() {
            return self.unknown();
        }
        if literal.fields.is_empty() {
            return Some(format!("{path} {{}}"));
        }
        let nested = shape.block_indent(TAB).with_max_width().less(1)?;
        let mut fields = Vec::with_capacity(literal.fields.len());
        for field in &literal.fields {
            let name = match &field.member {
                Member::Named(name) => name.to_string(),
                Member::Unnamed(index) => index.index.to_string(),
            };
            if field.colon_token.is_none() {
                fields.push(name);
                continue;
            }
            let on_line = nested.behind(name.len() + 2)?; // bytes, as rustfmt has it
            fields.push(match self.expr(&field.expr, on_line) {
                Some(value) => format!("{name}: {value}"),
                None => {
                    let below = self.line(nested.indent + TAB);
                    format!(
                        "{name}:{}{}",
                        newline(below.indent),
                        self.expr(&field.expr, below)?
                    )
                }
            });
        }
        let inside = fields.join(", ");
        let room = shape.width.saturating_sub(width(&path) + 5).min(STRUCT);
        if !inside.contains('\n') && width(&inside) <= room {
            // rustfmt counts bytes here, and leaves what is too long on a line of its own.
            if inside.len() > room {
                let (line, end) = (newline(nested.indent), newline(shape.indent));
                return Some(format!("{path} {{{line}{inside}{end}}}"));
            }
            return Some(format!("{path} {{ {inside} }}"));
        }
        let line = newline(nested.indent);
        let lines: Vec<String> = fields.iter().map(|f| format!("{line}{f},")).collect();
        Some(format!("{path} {{{}{}}}", lines.concat(), newline(shape.indent)))
    }
}

fn operator(op: &BinOp) -> String {
    op.to_token_stream().to_string()
}

fn assigning(op: &BinOp) -> bool {
    matches!(
        op,
        BinOp::AddAssign(_)
            | BinOp::SubAssign(_)
            | BinOp::MulAssign(_)
            | BinOp::DivAssign(_)
            | BinOp::RemAssign(_)
            | BinOp::BitXorAssign(_)
            | BinOp::BitAndAssign(_)
            | BinOp::BitOrAssign(_)
            | BinOp::ShlAssign(_)
            | BinOp::ShrAssign(_)
    )
}
