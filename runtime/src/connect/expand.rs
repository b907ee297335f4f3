//! `${VAR}` and `${file:PATH}` in the values of an environment.
//!
//! Expanded only for the environment that a builder is told to use, so that a service that runs on `dev` needs none of
//! the variables of `prod`. What a variable holds is not looked at again.

use std::io;
use std::path::Path;

use super::ConnectError;

/// Where values come from: the process, or a test.
pub(crate) struct Surroundings<'a> {
    /// The value of an environment variable.
    pub(crate) variable: &'a dyn Fn(&str) -> Option<String>,
    /// The text of a file.
    pub(crate) file: &'a dyn Fn(&Path) -> io::Result<String>,
}

impl Surroundings<'static> {
    /// Those of this process.
    pub(crate) const PROCESS: Self = Self {
        variable: &|name| std::env::var(name).ok(),
        file: &|path| std::fs::read_to_string(path),
    };
}

impl Surroundings<'_> {
    /// The text with its variables put in; for `${file:PATH}` the content of that file, without the line end at its end.
    pub(super) fn expand(&self, environment: &str, key: &str, text: &str) -> Result<String, ConnectError> {
        let path = text
            .strip_prefix("${file:")
            .and_then(|rest| rest.strip_suffix('}'));
        let Some(path) = path else {
            return self.variables(environment, key, text);
        };
        let path = self.variables(environment, key, path)?;
        let content = (self.file)(Path::new(&path)).map_err(|source| ConnectError::UnreadableFile {
            environment: environment.to_owned(),
            key: key.to_owned(),
            path: path.clone(),
            source,
        })?;
        Ok(content.trim_end_matches(['\n', '\r']).to_owned())
    }

    fn variables(&self, environment: &str, key: &str, text: &str) -> Result<String, ConnectError> {
        let mut expanded = String::new();
        let mut rest = text;
        while let Some((before, from)) = rest.split_once("${") {
            expanded.push_str(before);
            // The text is not quoted: what is wrong may be next to a secret.
            let Some((name, after)) = from.split_once('}') else {
                return Err(ConnectError::Unclosed {
                    environment: environment.to_owned(),
                    key: key.to_owned(),
                });
            };
            let value = (self.variable)(name).ok_or_else(|| ConnectError::UnsetVariable {
                variable: name.to_owned(),
                environment: environment.to_owned(),
                key: key.to_owned(),
            })?;
            expanded.push_str(&value);
            rest = after;
        }
        expanded.push_str(rest);
        Ok(expanded)
    }
}
