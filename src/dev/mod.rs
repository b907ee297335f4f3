//! Servers inside the process: a broker and a registry that need nothing installed.
//!
//! Both speak their real protocols on loopback, so whatever works against them works over a network too; what the
//! broker cannot do is said in [`broker`]. They are for trying things out and for tests, not for keeping data.

pub mod broker;
pub mod registry;
pub mod setup;
