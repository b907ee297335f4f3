//! Compatibility levels and modes, global and by subject.
//!
//! Confluent's rules of inheritance: a subject without a setting takes the global one; the global one starts as
//! `BACKWARD` and `READWRITE`. `READONLY_OVERRIDE` set globally goes before every subject's own mode.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use fleetops_avro::compat::Level;

use super::error::RegistryError;
use super::store::{Deleted, Store, check_name};

/// What may be written. [Confluent: Schema Registry API, "Mode"].
///
/// [Confluent: Schema Registry API, "Mode"]: https://docs.confluent.io/platform/current/schema-registry/develop/api.html#mode
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Anything.
    #[default]
    ReadWrite,
    /// Nothing.
    ReadOnly,
    /// Nothing, whatever the subjects' own modes say.
    ReadOnlyOverride,
    /// Schemas with IDs and versions that the client gives, and without a compatibility check.
    Import,
}

impl Mode {
    const ALL: [(Self, &'static str); 4] = [
        (Self::ReadWrite, "READWRITE"),
        (Self::ReadOnly, "READONLY"),
        (Self::ReadOnlyOverride, "READONLY_OVERRIDE"),
        (Self::Import, "IMPORT"),
    ];

    pub(super) fn is_read_only(self) -> bool {
        matches!(self, Self::ReadOnly | Self::ReadOnlyOverride)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL
            .iter()
            .find(|(mode, _)| mode == self)
            .map_or("", |(_, name)| name);
        f.write_str(name)
    }
}

impl FromStr for Mode {
    type Err = RegistryError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .find(|(_, name)| name.eq_ignore_ascii_case(text))
            .map(|(mode, _)| *mode)
            .ok_or_else(|| RegistryError::InvalidMode(text.to_owned()))
    }
}

/// A setting that subjects inherit.
#[derive(Clone, Debug)]
pub(super) struct Inherited<T> {
    global: Option<T>,
    subjects: BTreeMap<String, T>,
}

impl<T: Copy> Inherited<T> {
    pub(super) fn new() -> Self {
        Self {
            global: None,
            subjects: BTreeMap::new(),
        }
    }

    /// The global setting, if somebody set one.
    pub(super) fn global(&self) -> Option<T> {
        self.global
    }

    /// The subject's own setting.
    pub(super) fn own(&self, subject: &str) -> Option<T> {
        self.subjects.get(subject).copied()
    }

    /// The subject's own setting, or the global one.
    pub(super) fn effective(&self, subject: &str) -> Option<T> {
        self.own(subject).or(self.global)
    }

    /// Sets the subject's own, or with `None` the global one.
    pub(super) fn set(&mut self, subject: Option<&str>, value: T) {
        match subject {
            Some(subject) => {
                self.subjects.insert(subject.to_owned(), value);
            }
            None => self.global = Some(value),
        }
    }

    /// Forgets the subject's own, or with `None` the global one; answers what it was.
    pub(super) fn clear(&mut self, subject: Option<&str>) -> Option<T> {
        match subject {
            Some(subject) => self.subjects.remove(subject),
            None => self.global.take(),
        }
    }
}

/// The level where nobody has set one: Confluent's server default.
pub(super) const DEFAULT_LEVEL: Level = Level::Backward;

/// Reads a level's name in any case.
pub(super) fn parse_level(text: &str) -> Result<Level, RegistryError> {
    text.parse()
        .map_err(|_| RegistryError::InvalidLevel(text.to_owned()))
}

impl Store {
    pub(super) fn writable(&self, subject: &str) -> Result<Mode, RegistryError> {
        let mode = self.mode(subject);
        if mode.is_read_only() {
            return Err(RegistryError::ReadOnly {
                subject: subject.to_owned(),
                mode,
            });
        }
        Ok(mode)
    }

    /// The level that holds for the subject.
    pub fn level(&self, subject: &str) -> Level {
        self.levels.effective(subject).unwrap_or(DEFAULT_LEVEL)
    }

    /// The global level.
    pub fn global_level(&self) -> Level {
        self.levels.global().unwrap_or(DEFAULT_LEVEL)
    }

    /// The subject's own level.
    ///
    /// # Errors
    /// 40408 where it has none.
    pub fn own_level(&self, subject: &str) -> Result<Level, RegistryError> {
        self.levels
            .own(subject)
            .ok_or_else(|| RegistryError::NoSubjectLevel(subject.to_owned()))
    }

    /// Sets the subject's level, or with `None` the global one.
    ///
    /// # Errors
    /// 42205, 42208.
    pub fn set_level(&mut self, subject: Option<&str>, level: Level) -> Result<(), RegistryError> {
        if let Some(subject) = subject {
            check_name(subject)?;
        }
        self.writable(subject.unwrap_or(""))?;
        self.levels.set(subject, level);
        Ok(())
    }

    /// Forgets the subject's level, or with `None` the global one; answers what it was.
    ///
    /// # Errors
    /// 40401 where the subject has none, 42205.
    pub fn clear_level(&mut self, subject: Option<&str>) -> Result<Level, RegistryError> {
        self.writable(subject.unwrap_or(""))?;
        match (self.levels.clear(subject), subject) {
            (Some(level), _) => Ok(level),
            (None, None) => Ok(DEFAULT_LEVEL),
            (None, Some(subject)) => Err(RegistryError::SubjectNotFound(subject.to_owned())),
        }
    }

    /// The mode that holds for the subject.
    pub fn mode(&self, subject: &str) -> Mode {
        match self.modes.global() {
            Some(Mode::ReadOnlyOverride) => Mode::ReadOnlyOverride,
            _ => self.modes.effective(subject).unwrap_or_default(),
        }
    }

    /// The global mode.
    pub fn global_mode(&self) -> Mode {
        self.modes.global().unwrap_or_default()
    }

    /// The subject's own mode.
    ///
    /// # Errors
    /// 40409 where it has none.
    pub fn own_mode(&self, subject: &str) -> Result<Mode, RegistryError> {
        self.modes
            .own(subject)
            .ok_or_else(|| RegistryError::NoSubjectMode(subject.to_owned()))
    }

    /// Sets the subject's mode, or with `None` the global one.
    ///
    /// # Errors
    /// 42205 for IMPORT where there are schemas, unless `force`; 42208.
    pub fn set_mode(&mut self, subject: Option<&str>, mode: Mode, force: bool) -> Result<(), RegistryError> {
        if let Some(subject) = subject {
            check_name(subject)?;
        }
        if mode == Mode::Import && !force {
            let there: Vec<&str> = self
                .subjects(Deleted::Hide)
                .filter(|name| subject.is_none_or(|s| s == *name))
                .collect();
            if !there.is_empty() {
                return Err(RegistryError::NotEmpty(there.join(", ")));
            }
        }
        self.modes.set(subject, mode);
        Ok(())
    }

    /// Forgets the subject's mode, or with `None` the global one; answers what it was.
    ///
    /// # Errors
    /// 40409 where the subject has none.
    pub fn clear_mode(&mut self, subject: Option<&str>) -> Result<Mode, RegistryError> {
        match (self.modes.clear(subject), subject) {
            (Some(mode), _) => Ok(mode),
            (None, None) => Ok(Mode::default()),
            (None, Some(subject)) => Err(RegistryError::NoSubjectMode(subject.to_owned())),
        }
    }
}
