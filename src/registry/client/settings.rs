//! Calls about settings: levels, modes, and whatever else a registry keeps beside a subject.
//!
//! Settings are read and written whole, because some registries drop what a PUT does not name.

use fleetops_avro::compat::Level;
use reqwest::Method;

use super::call::absent;
use super::{Client, LEVEL, LEVEL_ANSWERED, Settings};
use crate::registry::error::ClientError;
use crate::registry::wire::{Config, Mode};

impl Client {
    /// The subject's own compatibility level; `None` where it inherits the global one. Some registries answer
    /// [`Level::None`] for that, which cannot be told from a level somebody set: ask [`Self::effective_level`] for
    /// the one that holds.
    ///
    /// # Errors
    /// As every call.
    pub async fn level(&self, subject: &str) -> Result<Option<Level>, ClientError> {
        let call = self.call(Method::GET, &["config", subject], &[])?;
        let (method, url) = (call.method, call.url.clone());
        match absent::<Config>(call.send().await, &[40401, 40408])? {
            Some(config) => level(method, &url, &config.level).map(Some),
            None => Ok(None),
        }
    }

    /// The level that holds for the subject.
    ///
    /// # Errors
    /// As every call.
    pub async fn effective_level(&self, subject: &str) -> Result<Level, ClientError> {
        let call = self.call(Method::GET, &["config", subject], &[("defaultToGlobal", "true")])?;
        let (method, url) = (call.method, call.url.clone());
        match absent::<Config>(call.send().await, &[40401, 40408])? {
            Some(config) => level(method, &url, &config.level),
            None => self.global_level().await,
        }
    }

    /// The level of subjects that have none of their own.
    ///
    /// # Errors
    /// As every call.
    pub async fn global_level(&self) -> Result<Level, ClientError> {
        let call = self.call(Method::GET, &["config"], &[])?;
        let (method, url) = (call.method, call.url.clone());
        let config: Config = call.send().await?;
        level(method, &url, &config.level)
    }

    /// Sets the subject's level, or with `None` the global one. Its other settings stay.
    ///
    /// # Errors
    /// As every call.
    pub async fn set_level(&self, subject: Option<&str>, level: Level) -> Result<(), ClientError> {
        let mut settings = self.settings(subject, false).await?.unwrap_or_default();
        settings.insert(LEVEL.to_owned(), level.to_string().into());
        self.set_settings(subject, settings).await
    }

    /// All settings of a subject, or with `None` the global ones, as the registry gives them: also those that this
    /// program knows nothing about. `None` where the subject has none of its own; with `inherited` those that hold.
    ///
    /// # Errors
    /// As every call.
    pub async fn settings(
        &self,
        subject: Option<&str>,
        inherited: bool,
    ) -> Result<Option<Settings>, ClientError> {
        let mut path = vec!["config"];
        path.extend(subject);
        let query: &[(&str, &str)] = match inherited {
            true => &[("defaultToGlobal", "true")],
            false => &[],
        };
        let call = self.call(Method::GET, &path, query)?;
        let found: Option<Settings> = absent(call.send().await, &[40401, 40408])?;
        Ok(found.map(|mut settings| {
            // What is asked for and what is set have two names for it.
            if let Some(level) = settings.shift_remove(LEVEL_ANSWERED) {
                settings.insert(LEVEL.to_owned(), level);
            }
            settings
        }))
    }

    /// Replaces the settings of a subject, or with `None` the global ones. Give what [`Self::settings`] gave, with the
    /// changes in it: some registries drop what they are not told.
    ///
    /// # Errors
    /// As every call; 42203 for a level that is none.
    pub async fn set_settings(&self, subject: Option<&str>, settings: Settings) -> Result<(), ClientError> {
        let mut path = vec!["config"];
        path.extend(subject);
        let call = self.call(Method::PUT, &path, &[])?.changing().json(&settings);
        let _: serde_json::Value = call.send().await?;
        Ok(())
    }

    /// Takes a subject's own settings away, or with `None` the global ones. `false`: there were none.
    ///
    /// # Errors
    /// As every call.
    pub async fn clear_settings(&self, subject: Option<&str>) -> Result<bool, ClientError> {
        let mut path = vec!["config"];
        path.extend(subject);
        let call = self.call(Method::DELETE, &path, &[])?.changing();
        let gone: Option<serde_json::Value> = absent(call.send().await, &[40401, 40408])?;
        Ok(gone.is_some())
    }

    /// The mode that holds for a subject, or with `None` the global one: `READWRITE`, `READONLY`, `IMPORT` or another.
    ///
    /// # Errors
    /// As every call.
    pub async fn mode(&self, subject: Option<&str>) -> Result<String, ClientError> {
        let mut path = vec!["mode"];
        path.extend(subject);
        let call = self.call(Method::GET, &path, &[("defaultToGlobal", "true")])?;
        let answer: Option<Mode> = absent(call.send().await, &[40401, 40409])?;
        match (answer, subject) {
            (Some(answer), _) => Ok(answer.mode),
            // A registry that does not know `defaultToGlobal`.
            (None, Some(_)) => {
                let answer: Mode = self.call(Method::GET, &["mode"], &[])?.send().await?;
                Ok(answer.mode)
            }
            (None, None) => Ok("READWRITE".to_owned()),
        }
    }

    /// Sets the mode of a subject, or with `None` the global one. `force` allows IMPORT where there are schemas.
    ///
    /// # Errors
    /// As every call; 42204 for a mode that is none, 42205 where it may not be set.
    pub async fn set_mode(&self, subject: Option<&str>, mode: &str, force: bool) -> Result<(), ClientError> {
        let mut path = vec!["mode"];
        path.extend(subject);
        let query: &[(&str, &str)] = if force { &[("force", "true")] } else { &[] };
        let body = Mode {
            mode: mode.to_owned(),
        };
        let call = self.call(Method::PUT, &path, query)?.changing().json(&body);
        let _: serde_json::Value = call.send().await?;
        Ok(())
    }

    /// Takes a subject's own mode away. `false`: there was none.
    ///
    /// # Errors
    /// As every call.
    pub async fn clear_mode(&self, subject: &str) -> Result<bool, ClientError> {
        let call = self.call(Method::DELETE, &["mode", subject], &[])?.changing();
        let gone: Option<serde_json::Value> = absent(call.send().await, &[40401, 40409])?;
        Ok(gone.is_some())
    }
}

fn level(method: &'static str, url: &str, name: &str) -> Result<Level, ClientError> {
    name.parse().map_err(|_| ClientError::Answer {
        method,
        url: url.to_owned(),
        reason: format!("the compatibility level {name:?} is not known"),
    })
}
