//! How a command ends.

use std::io;
use std::process::ExitCode;

use fleetops_avro::Diagnostic;

/// A command that ran to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Clean, or nothing to do: exit code 0.
    Clean,
    /// There are findings, and they have been told: exit code 1.
    Findings,
    /// Something could not be read, and it has been told: exit code 2.
    Unreadable,
    /// A server did not answer, and it has been told: exit code 3.
    Incomplete,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Clean => Self::SUCCESS,
            Outcome::Findings => Self::from(1),
            Outcome::Unreadable => Self::from(2),
            Outcome::Incomplete => Self::from(3),
        }
    }
}

/// A command that did not.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum CliError {
    /// Arguments that do not go together: exit code 2.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        help: Option<String>,
    },
    /// A manifest or schema that cannot be read, with the places: exit code 2.
    #[error("{} cannot be read", what(.0))]
    Unreadable(Vec<Diagnostic>),
    /// Network, authentication, git: exit code 3.
    #[error("{message}")]
    Incomplete {
        /// What could not be done, and why.
        message: String,
        /// The command or setting that mends it.
        help: Option<String>,
    },
    /// A change that was begun and could not be finished; what was done has been told: exit code 4.
    #[error("{message}")]
    Partial {
        /// What could not be done, why, and how far it went.
        message: String,
        /// What to do.
        help: Option<String>,
    },
    /// Nobody reads our output any more: exit code 0, for whoever closed the pipe has what it wanted.
    #[error("standard output was closed")]
    Closed,
    /// Output that cannot be written: exit code 3.
    #[error("cannot write {to}: {source}")]
    Output {
        /// Where to.
        to: String,
        /// Why.
        source: io::Error,
    },
}

fn what(found: &[Diagnostic]) -> String {
    let first = found.first().map(|d| d.primary.place.source.name().to_owned());
    first.unwrap_or_else(|| "the input".to_owned())
}

impl CliError {
    /// Arguments that do not go together.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage {
            message: message.into(),
            help: None,
        }
    }

    /// Something outside did not answer as it should.
    pub(crate) fn incomplete(message: impl Into<String>) -> Self {
        Self::Incomplete {
            message: message.into(),
            help: None,
        }
    }

    /// A change that was begun and could not be finished.
    pub(crate) fn partial(message: impl Into<String>) -> Self {
        Self::Partial {
            message: message.into(),
            help: None,
        }
    }

    /// Adds what to do.
    #[must_use]
    pub(crate) fn with_help(mut self, text: impl Into<String>) -> Self {
        if let Self::Usage { help, .. } | Self::Incomplete { help, .. } | Self::Partial { help, .. } =
            &mut self
        {
            *help = Some(text.into());
        }
        self
    }

    /// A failed write to standard output.
    pub(crate) fn stdout(source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::BrokenPipe {
            return Self::Closed;
        }
        Self::Output {
            to: "standard output".to_owned(),
            source,
        }
    }

    /// A failed write to a file.
    pub(crate) fn output(to: impl Into<String>, source: io::Error) -> Self {
        Self::Output {
            to: to.into(),
            source,
        }
    }

    /// What to do next, where we know.
    pub(crate) fn help(&self) -> Option<&str> {
        match self {
            Self::Usage { help, .. } | Self::Incomplete { help, .. } | Self::Partial { help, .. } => {
                help.as_deref()
            }
            _ => None,
        }
    }

    /// The exit code, as the table of `docs` and `--help` has it.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Closed => ExitCode::SUCCESS,
            Self::Usage { .. } | Self::Unreadable(_) => ExitCode::from(2),
            Self::Incomplete { .. } | Self::Output { .. } => ExitCode::from(3),
            Self::Partial { .. } => ExitCode::from(4),
        }
    }
}
