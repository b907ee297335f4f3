//! `demo`: the whole path on embedded servers, with faults put in and the books checked.
//!
//! A scene (generated, or a recording from a file) goes through the generated producer into the embedded broker and
//! comes out of the generated consumer at the same time. [`faults`] says beforehand what must come out, [`books`]
//! compares, [`witness`] has another decoder read the log. It is the only part of the program that knows the fleet.

mod books;
mod drive;
mod faults;
mod input;
mod random;
mod report;
mod run;
mod scene;
mod witness;

pub(crate) use drive::Progress;
pub(crate) use report::{Report, Style, grouped};
pub(crate) use run::{DemoError, Faults, Options, Telling, run};
