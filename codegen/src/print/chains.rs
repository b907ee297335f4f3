//! Chains: fields, method calls and `?` behind an expression. On one line, or with a last call that goes on below, or
//! with a line for each link.

use syn::{Expr, ExprMethodCall, Member};

use super::calls::{Item, List};
use super::shape::{Shape, first, is_extendable, last, newline, width};
use super::{CALL, CHAIN, Printer, TAB};

enum Link<'a> {
    Field(&'a Member),
    Call(&'a ExprMethodCall),
}

/// A link, and how many `?` are behind it.
struct Linked<'a> {
    link: Link<'a>,
    tries: usize,
}

impl Printer {
    fn link(&self, linked: &Linked<'_>, shape: Shape) -> Option<String> {
        let shape = shape.less(linked.tries)?;
        let text = match &linked.link {
            Link::Field(Member::Named(name)) => format!(".{name}"),
            Link::Field(Member::Unnamed(index)) => format!(".{}", index.index),
            Link::Call(call) => {
                let mut head = format!(".{}", call.method);
                if let Some(turbofish) = &call.turbofish {
                    head.push_str(&self.generics(turbofish, true)?);
                }
                let items: Vec<Item<'_>> = call.args.iter().map(Item::Expr).collect();
                let list = List {
                    head: &head,
                    brackets: ('(', ')'),
                    most: CALL,
                    comma: false,
                };
                self.list(list, &items, shape)?
            }
        };
        Some(format!("{text}{}", "?".repeat(linked.tries)))
    }

    /// Writes a chain.
    pub(super) fn chain(&self, expr: &Expr, shape: Shape) -> Option<String> {
        let mut links = Vec::new();
        let (mut root, mut tries) = (expr, 0);
        loop {
            match root {
                Expr::Try(e) => {
                    tries += 1;
                    root = &e.expr;
                }
                Expr::Field(e) => {
                    links.push(Linked {
                        link: Link::Field(&e.member),
                        tries,
                    });
                    (root, tries) = (&e.base, 0);
                }
                Expr::MethodCall(e) => {
                    links.push(Linked {
                        link: Link::Call(e),
                        tries,
                    });
                    (root, tries) = (&e.receiver, 0);
                }
                _ => break,
            }
        }
        links.reverse();
        let whole = self.expr(root, shape.less(tries)?)?;
        let mut text = format!("{whole}{}", "?".repeat(tries));
        if links.is_empty() {
            return Some(text);
        }
        let count = links.len();
        let mut rest = &links[..];
        // A root that is no wider than a level takes the next link with it.
        let mut blockish = is_block(root) && text.contains('\n');
        while width(&text) <= TAB.saturating_sub(shape.offset) && !text.contains('\n') {
            let Some((next, others)) = rest.split_first() else {
                break;
            };
            let Some(link) = self.link(next, shape.behind(width(&text))?) else {
                break;
            };
            text.push_str(&link);
            blockish = is_extendable(&text);
            rest = others;
        }
        let Some((final_link, middle)) = rest.split_last() else {
            return shape.holds(&text).then_some(text);
        };
        let child = shape
            .block_indent(if blockish { 0 } else { TAB })
            .with_max_width();
        let mut parts = vec![text];
        for link in middle {
            parts.push(self.link(link, child)?);
        }
        let (end, in_one) = self.last_link(final_link, &parts, count, shape, child)?;
        parts.push(end);
        if !in_one && self.one_line_chains.get() {
            return None;
        }
        let between = if in_one {
            String::new()
        } else {
            newline(child.indent)
        };
        let text = parts.join(&between);
        shape.holds(&text).then_some(text)
    }

    /// The last link, and whether all stands on one line.
    fn last_link(
        &self,
        link: &Linked<'_>,
        parts: &[String],
        count: usize,
        shape: Shape,
        child: Shape,
    ) -> Option<(String, bool)> {
        let extendable = is_extendable(&parts[0]);
        let before = link.tries
            + if extendable {
                last(&parts[0])
            } else {
                parts.iter().map(|p| width(p)).sum()
            };
        let budget = if count == 1 {
            shape.width
        } else {
            shape.width.min(CHAIN)
        };
        let budget = budget.saturating_sub(before);
        let one_line = parts.iter().all(|p| !p.contains('\n')) && budget > 0;
        let below = || child.less(shape.overhead() + link.tries);
        let last_shape = if one_line || extendable {
            shape.less(link.tries)?
        } else {
            below()?
        };
        if (one_line || extendable)
            && let Some(on_line) = last_shape.behind(before)
            && let Some(text) = self.link(link, on_line)
        {
            let lines = text.lines().count();
            let fits = first(&text) <= budget;
            if fits && lines >= 5 {
                return Some((text, one_line));
            }
            return Some(match self.link(link, below()?) {
                Some(other) if !fits => (other, false),
                Some(other) if other.lines().count() >= lines => (text, fits && one_line),
                Some(other) => (other, false),
                None => (text, fits && one_line),
            });
        }
        Some((self.link(link, last_shape)?, false))
    }
}

fn is_block(expr: &Expr) -> bool {
    match expr {
        Expr::Call(_)
        | Expr::MethodCall(_)
        | Expr::Array(_)
        | Expr::Struct(_)
        | Expr::While(_)
        | Expr::If(_)
        | Expr::Block(_)
        | Expr::Loop(_)
        | Expr::ForLoop(_)
        | Expr::Match(_) => true,
        Expr::Paren(e) => is_block(&e.expr),
        Expr::Index(e) => is_block(&e.expr),
        Expr::Unary(e) => is_block(&e.expr),
        Expr::Try(e) => is_block(&e.expr),
        Expr::Binary(e) => is_block(&e.right),
        Expr::Closure(e) => is_block(&e.body),
        _ => false,
    }
}
