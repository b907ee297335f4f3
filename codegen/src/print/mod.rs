//! Rust code as text, as rustfmt would lay it out: a user's `cargo fmt` leaves generated files as they are.
//!
//! rustfmt is a program and no library, and its version would decide what is generated; so this module has the rules of its
//! default style (edition 2024) for what generated code is made of: structs, enums, impls, functions, and the
//! statements and expressions in them. As in rustfmt, each part is asked to write itself into a [`Shape`] and may find
//! that it does not fit; whoever asked then tries another way. `tests/real.rs` holds the result against rustfmt itself.
//!
//! It does not know all of Rust. An item with something that it does not know, as a user's template may have, is laid out
//! by prettyplease. Blank lines come where a person would put them, between items and between functions.

mod calls;
mod chains;
mod control;
mod exprs;
mod items;
mod shape;
mod stmts;
mod types;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use shape::Shape;

/// rustfmt's `max_width`.
pub(crate) const WIDTH: usize = 100;
/// Its `tab_spaces`.
const TAB: usize = 4;
/// Its `fn_call_width`: the most that the arguments of a call take on one line.
const CALL: usize = 60;
/// Its `attr_fn_like_width`.
const ATTRIBUTE: usize = 70;
/// Its `struct_lit_width`.
const STRUCT: usize = 18;
/// Its `array_width`.
const ARRAY: usize = 60;
/// Its `chain_width`.
const CHAIN: usize = 60;
/// Its `single_line_if_else_max_width`.
const IF_ELSE: usize = 50;
/// Its `short_array_element_width_threshold`.
const SHORT: usize = 10;

/// What was written of an expression in a shape, with chains on one line or not.
type Written = HashMap<(usize, Shape, bool), Option<Rc<str>>>;

/// Writes code.
#[derive(Default)]
struct Printer {
    /// An expression is asked for again and again, in few shapes: without this, time doubles with each level.
    written: RefCell<Written>,
    /// Chains must be on one line: the last argument of a call is one.
    one_line_chains: Cell<bool>,
    /// There was something that is not known here.
    unknown: Cell<bool>,
    /// The statement at hand has something that no line has room for, such as a long text: there is nothing to be done about
    /// it, and rustfmt leaves the whole statement as it is.
    too_long: Cell<bool>,
}

/// The items of a file, laid out.
pub(crate) fn print(file: &syn::File) -> String {
    let mut out = String::new();
    for attribute in &file.attrs {
        // Only documents: what else there is was audited away.
        if let Some(line) = items::doc_line(attribute) {
            out.push_str(&format!("//!{line}\n"));
        }
    }
    let mut previous: Option<&syn::Item> = None;
    for item in &file.items {
        let printer = Printer::default();
        let text = match printer.item(item, 0) {
            Some(text) if !printer.unknown.get() => format!("{text}\n"),
            _ => other(item),
        };
        let apart = match previous {
            None => !out.is_empty(),
            Some(previous) => !(items::is_short(previous) && items::is_short(item)),
        };
        if apart {
            out.push('\n');
        }
        out.push_str(&text);
        previous = Some(item);
    }
    out
}

/// The same by prettyplease.
fn other(item: &syn::Item) -> String {
    prettyplease::unparse(&syn::File {
        shebang: None,
        frontmatter: None,
        attrs: Vec::new(),
        items: vec![item.clone()],
    })
}

impl Printer {
    /// A line that is begun.
    fn line(&self, indent: usize) -> Shape {
        Shape::line(
            indent,
            if self.too_long.get() {
                usize::MAX / 2
            } else {
                WIDTH
            },
        )
    }

    /// Something that is not known here.
    fn unknown<T>(&self) -> Option<T> {
        self.unknown.set(true);
        None
    }
}

#[cfg(test)]
mod tests;
