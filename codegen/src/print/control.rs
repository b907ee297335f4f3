//! Blocks, closures, and expressions that hold blocks: `if`, `match` and loops.

use syn::{Arm, Block, Expr, ExprClosure, ExprIf, ExprMatch, ReturnType, Stmt};

use super::shape::{Shape, first, last, newline, prefers_next_line, width};
use super::{IF_ELSE, Printer, TAB};

impl Printer {
    /// One of these; `statement` says that it stands for itself, and not in an expression.
    pub(super) fn control(&self, expr: &Expr, shape: Shape, statement: bool) -> Option<String> {
        match expr {
            Expr::Block(block) if block.label.is_none() => {
                if !statement && let Some(text) = self.short_block(&block.block, shape) {
                    return Some(text);
                }
                self.block(&block.block, shape)
            }
            Expr::If(e) => self.conditional(e, shape, statement),
            Expr::Match(e) => self.matching(e, shape),
            Expr::While(e) if e.label.is_none() => self.headed("while ", &e.cond, &e.body, shape),
            Expr::ForLoop(e) if e.label.is_none() => {
                let pat = self.pat(&e.pat, shape.behind(4)?)?;
                self.headed(&format!("for {pat} in "), &e.expr, &e.body, shape)
            }
            Expr::Loop(e) if e.label.is_none() => Some(format!("loop {}", self.block(&e.body, shape)?)),
            _ => self.unknown(),
        }
    }

    /// A block that is an expression that fits a line.
    fn short_block(&self, block: &Block, shape: Shape) -> Option<String> {
        let [Stmt::Expr(expr, None)] = &block.stmts[..] else {
            return None;
        };
        let text = format!("{{ {} }}", self.expr(expr, shape.behind(2)?)?);
        (!text.contains('\n') && width(&text) <= shape.width).then_some(text)
    }

    /// A block with a line for each statement.
    pub(super) fn block(&self, block: &Block, shape: Shape) -> Option<String> {
        if block.stmts.is_empty() {
            return Some("{}".to_owned());
        }
        let inside = shape.indent + TAB;
        let mut out = "{".to_owned();
        let count = block.stmts.len();
        for (at, stmt) in block.stmts.iter().enumerate() {
            out.push_str(&newline(inside));
            out.push_str(&self.stmt(stmt, inside, at + 1 == count)?);
        }
        out.push_str(&newline(shape.indent));
        out.push('}');
        Some(out)
    }

    /// A condition or what is looped over: it has all the line, whatever comes behind the whole.
    fn head(&self, keyword: &str, expr: &Expr, shape: Shape) -> Option<String> {
        let room = Shape {
            width: shape.most.saturating_sub(shape.used()),
            ..shape
        };
        self.expr(expr, room.behind(width(keyword))?.less(2)?)
    }

    fn headed(&self, keyword: &str, head: &Expr, body: &Block, shape: Shape) -> Option<String> {
        let head = self.head(keyword, head, shape)?;
        let brace = match head.contains('\n') && !super::shape::is_extendable(&head) {
            true => newline(shape.indent),
            false => " ".to_owned(),
        };
        Some(format!("{keyword}{head}{brace}{}", self.block(body, shape)?))
    }

    fn conditional(&self, e: &ExprIf, shape: Shape, statement: bool) -> Option<String> {
        if !statement && let Some(text) = self.short_conditional(e, shape) {
            return Some(text);
        }
        let mut text = self.headed("if ", &e.cond, &e.then_branch, shape)?;
        match e.else_branch.as_ref().map(|(_, other)| &**other) {
            None => {}
            Some(Expr::Block(block)) => text.push_str(&format!(" else {}", self.block(&block.block, shape)?)),
            Some(Expr::If(other)) => {
                text.push_str(&format!(" else {}", self.conditional(other, shape, true)?))
            }
            Some(_) => return self.unknown(),
        }
        Some(text)
    }

    fn short_conditional(&self, e: &ExprIf, shape: Shape) -> Option<String> {
        let (_, other) = e.else_branch.as_ref()?;
        let Expr::Block(other) = &**other else { return None };
        let cond = self.expr(&e.cond, shape)?;
        let then = self.short_block(&e.then_branch, shape)?;
        let other = self.short_block(&other.block, shape)?;
        let text = format!("if {cond} {then} else {other}");
        (!text.contains('\n') && width(&text) <= shape.width.min(IF_ELSE)).then_some(text)
    }

    fn matching(&self, e: &ExprMatch, shape: Shape) -> Option<String> {
        let head = self.head("match ", &e.expr, shape)?;
        if e.arms.is_empty() {
            return Some(format!("match {head} {{}}"));
        }
        let inside = self.line(shape.indent + TAB);
        let mut out = format!("match {head} {{");
        for arm in &e.arms {
            out.push_str(&newline(inside.indent));
            out.push_str(&self.arm(arm, inside)?);
        }
        out.push_str(&newline(shape.indent));
        out.push('}');
        Some(out)
    }

    fn arm(&self, arm: &Arm, shape: Shape) -> Option<String> {
        let pat = self.pat(&arm.pat, shape.less(5)?)?;
        let (extends, body) = flat(&arm.body, true);
        let is_block = matches!(body, Expr::Block(_));
        let comma = if is_block { "" } else { "," };
        let used = match pat.contains('\n') {
            true => last(&pat).saturating_sub(shape.indent),
            false => width(&pat),
        };
        let on_line = shape.behind(used + 4).and_then(|s| s.less(comma.len()));
        let same = on_line.and_then(|shape| self.body(body, shape));
        let budget = on_line.map_or(0, |s| s.width);
        let beside = |text: &str| format!("{pat} => {text}{comma}");
        if let Some(text) = &same
            && (is_block || (!text.contains('\n') && width(text) <= budget))
        {
            return Some(beside(text));
        }
        let below = self.line(shape.indent + if is_block { 0 } else { TAB });
        let next = self.body(body, below);
        let braced = |text: &str| {
            let (line, end) = (newline(shape.indent + TAB), newline(shape.indent));
            format!("{pat} => {{{line}{text}{end}}}")
        };
        match (same, next) {
            (Some(same), Some(next)) if prefers_next_line(&same, &next) => Some(braced(&next)),
            (Some(same), _) if extends && first(&same) <= budget => Some(beside(&same)),
            (Some(same), Some(next)) if same.contains('\n') => Some(braced(&next)),
            (None, Some(next)) => Some(braced(&next)),
            (None, None) => None,
            (Some(same), _) => Some(beside(&same)),
        }
    }

    fn body(&self, body: &Expr, shape: Shape) -> Option<String> {
        match body {
            Expr::Block(_)
            | Expr::If(_)
            | Expr::Match(_)
            | Expr::While(_)
            | Expr::ForLoop(_)
            | Expr::Loop(_) => self.control(body, shape, true),
            _ => self.expr(body, shape),
        }
    }

    /// A closure.
    pub(super) fn closure(&self, closure: &ExprClosure, shape: Shape) -> Option<String> {
        let (prefix, inside) = self.closure_head(closure, shape)?;
        if let Expr::Block(block) = &*closure.body {
            if block.block.stmts.is_empty() {
                return Some(format!("{prefix} {{}}"));
            }
            if let [Stmt::Expr(only, None)] = &block.block.stmts[..]
                && let Some(text) = self.closure_line(only, &prefix, inside)
            {
                return Some(text);
            }
            return Some(format!("{prefix} {}", self.block(&block.block, inside)?));
        }
        if let Some(text) = self.closure_line(&closure.body, &prefix, inside) {
            return Some(text);
        }
        self.closure_block(&closure.body, &prefix, inside)
    }

    /// The last argument of a call.
    pub(super) fn last_closure(&self, closure: &ExprClosure, shape: Shape) -> Option<String> {
        let body = match &*closure.body {
            Expr::Block(block) => match &block.block.stmts[..] {
                [Stmt::Expr(only, None)] => only,
                _ => &closure.body,
            },
            body => body,
        };
        if matches!(body, Expr::If(_) | Expr::While(_) | Expr::ForLoop(_)) {
            let (prefix, inside) = self.closure_head(closure, shape)?;
            let text = self.closure_block(body, &prefix, inside)?;
            return match self.closure_line(body, &prefix, inside) {
                Some(line) if !line.contains('\n') => Some(line),
                _ => Some(text),
            };
        }
        self.closure(closure, shape)
    }

    fn closure_head(&self, closure: &ExprClosure, shape: Shape) -> Option<(String, Shape)> {
        if closure.capture.is_some() || !matches!(closure.output, ReturnType::Default) {
            return self.unknown();
        }
        let inputs: Vec<String> = closure
            .inputs
            .iter()
            .map(|pat| self.pat(pat, shape))
            .collect::<Option<_>>()?;
        let prefix = format!("|{}|", inputs.join(", "));
        let inside = shape.behind(width(&prefix) + 1)?;
        Some((prefix, inside))
    }

    fn closure_line(&self, body: &Expr, prefix: &str, shape: Shape) -> Option<String> {
        fn may_be_tall(body: &Expr) -> bool {
            match body {
                Expr::Match(_) | Expr::Block(_) | Expr::Loop(_) | Expr::Struct(_) => true,
                Expr::Reference(e) => may_be_tall(&e.expr),
                Expr::Try(e) => may_be_tall(&e.expr),
                Expr::Unary(e) => may_be_tall(&e.expr),
                Expr::Cast(e) => may_be_tall(&e.expr),
                _ => false,
            }
        }
        let text = self.expr(body, shape)?;
        (may_be_tall(body) || !text.contains('\n')).then(|| format!("{prefix} {text}"))
    }

    fn closure_block(&self, body: &Expr, prefix: &str, shape: Shape) -> Option<String> {
        let inside = self.line(shape.indent + TAB);
        let text = self.body(body, inside)?;
        let (line, end) = (newline(inside.indent), newline(shape.indent));
        Some(format!("{prefix} {{{line}{text}{end}}}"))
    }
}

/// The body of an arm without the blocks around one expression, and whether it may begin on the arm's line and go on below.
fn flat(body: &Expr, outer: bool) -> (bool, &Expr) {
    fn extends(body: &Expr) -> bool {
        match body {
            Expr::Loop(_)
            | Expr::Match(_)
            | Expr::Block(_)
            | Expr::Closure(_)
            | Expr::Array(_)
            | Expr::Call(_)
            | Expr::MethodCall(_)
            | Expr::Struct(_)
            | Expr::Tuple(_) => true,
            Expr::Reference(e) => extends(&e.expr),
            Expr::Try(e) => extends(&e.expr),
            Expr::Unary(e) => extends(&e.expr),
            Expr::Index(e) => extends(&e.expr),
            Expr::Cast(e) => extends(&e.expr),
            _ => false,
        }
    }
    if let Expr::Block(block) = body
        && let [Stmt::Expr(only, None)] = &block.block.stmts[..]
        && outer
    {
        return flat(only, matches!(only, Expr::Block(_)));
    }
    (extends(body), body)
}
