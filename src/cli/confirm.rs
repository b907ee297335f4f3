//! The question before something on a server is changed.

use std::io::{BufRead, IsTerminal, Write};

use super::{CliError, Global};

/// Whether to go on: with `--yes`, or when somebody at a terminal says so.
///
/// # Errors
/// A usage error where there is nobody to ask.
pub(super) fn confirm(global: &Global, yes: bool, what: &str, place: &str) -> Result<bool, CliError> {
    if yes {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(CliError::usage(format!(
            "{what} to {place}: nothing was done, because there is no terminal to ask on"
        ))
        .with_help("look at what is said above, then say --yes"));
    }
    let mut err = std::io::stderr().lock();
    let _ = write!(err, "Make {what} to {place}? [y/N] ");
    let _ = err.flush();
    let mut answer = String::new();
    // An end of input is a no.
    let _ = std::io::stdin().lock().read_line(&mut answer);
    let agreed = matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes");
    drop(err);
    if !agreed {
        global.say("nothing was changed");
    }
    Ok(agreed)
}

/// What a line of a plan is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// Something new.
    Add,
    /// Something that changes.
    Change,
}

impl Sign {
    /// Its letter.
    pub(super) fn letter(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Change => "~",
        }
    }
}

/// Colours of a plan's signs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint(pub(super) bool);

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        match self.0 {
            true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            false => text.to_owned(),
        }
    }

    /// A sign in its colour.
    pub(super) fn sign(self, sign: Sign) -> String {
        match sign {
            Sign::Add => self.add(sign.letter()),
            Sign::Change => self.change(sign.letter()),
        }
    }

    /// Something new.
    pub(super) fn add(self, text: &str) -> String {
        self.with("32", text)
    }

    /// Something that changes.
    pub(super) fn change(self, text: &str) -> String {
        self.with("33", text)
    }

    /// Something that cannot be.
    pub(super) fn refuse(self, text: &str) -> String {
        self.with("1;31", text)
    }

    /// Something that stays.
    pub(super) fn keep(self, text: &str) -> String {
        self.with("2", text)
    }
}
