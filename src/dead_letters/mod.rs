//! Dead letters as an operator meets them: read from the dead-letter topic, chosen, and sent again.
//!
//! [`fleetops_runtime::dead_letter`] says what a dead letter is and writes it. Here [`letter`] reads one back, [`choose`] says
//! which ones are meant, [`read`] goes through a dead-letter topic as it stands, and [`replay`] sends letters to the topic
//! they came from. The first two ask nobody. All four work on bytes: a dead letter is often one whose value nobody
//! can read.
//!
//! A dead-letter topic is a log: what was sent again stays in it until its retention ends.

pub mod choose;
pub mod letter;
mod native;
pub mod read;
pub mod replay;

pub use choose::Choice;
pub use letter::DeadLetter;
