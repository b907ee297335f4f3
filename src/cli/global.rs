//! Options that every command has, and what follows from them: which manifest and schemas are read, how output looks.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::{ArgAction, Args, ValueEnum};
use fleetops_avro::SchemaSet;
use fleetops_avro::source::{Place, Source, Span};
use fleetops_codegen::load::{self, Root};
use fleetops_codegen::manifest::{
    self, Manifest, ResolvedEnvironment, ResolvedValue, Secret, Setting, Spanned, Template,
};

use super::{CliError, properties, report};

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
    /// Annotations of a GitHub workflow.
    Github,
    /// A report of tests, as CI servers read it.
    Junit,
    /// A log for code-scanning services (SARIF 2.1.0).
    Sarif,
    /// A document (`docs`).
    Markdown,
}

impl Format {
    /// Those that findings are written in.
    pub(crate) const FINDINGS: [Self; 5] = [Self::Text, Self::Json, Self::Github, Self::Junit, Self::Sarif];
}

/// Options of every command.
#[derive(Args, Debug)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Environment of the manifest; only its variables are expanded
    #[arg(long, global = true, value_name = "NAME", default_value = "dev")]
    pub(crate) env: String,

    /// The manifest [default: fleetops-registry.toml, here or in a folder above]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,

    /// A schema file or a folder of them, instead of the manifest's; may be repeated
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) schemas: Vec<PathBuf>,

    /// Kafka's bootstrap servers
    #[arg(
        long,
        global = true,
        value_name = "HOST:PORT,..",
        env = "KAFKA_BOOTSTRAP_SERVERS",
        hide_env_values = true
    )]
    pub(crate) bootstrap: Option<String>,

    /// The schema registry
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "SCHEMA_REGISTRY_URL",
        hide_env_values = true
    )]
    pub(crate) registry: Option<String>,

    /// Kafka client settings (SASL, TLS) as Kafka's own tools take them; they win over the manifest's
    #[arg(long, global = true, value_name = "FILE.properties")]
    pub(crate) command_config: Option<PathBuf>,

    /// How results are written
    #[arg(long, global = true, value_name = "FORMAT")]
    format: Option<Format>,

    /// Colours on standard error and output
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: clap::ColorChoice,

    /// Results and errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Say what is being done; twice for more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// What a command works on: the schemas, and the manifest where one is read.
#[derive(Debug)]
pub(crate) struct Project {
    /// The manifest; `None` with `--schemas` and no `--manifest`.
    pub(crate) manifest: Option<Manifest>,
    /// All schemas.
    pub(crate) schemas: SchemaSet,
}

impl Global {
    /// The format, one of those the command has; the first of them where none was asked for.
    pub(crate) fn format(&self, of: &[Format]) -> Result<Format, CliError> {
        let Some(format) = self.format else {
            return Ok(of.first().copied().unwrap_or(Format::Text));
        };
        if of.contains(&format) {
            return Ok(format);
        }
        let name = |f: &Format| {
            f.to_possible_value()
                .map(|v| v.get_name().to_owned())
                .unwrap_or_default()
        };
        let names: Vec<String> = of.iter().map(name).collect();
        Err(
            CliError::usage(format!("this command does not write {}", name(&format)))
                .with_help(format!("--format {}", names.join(" or "))),
        )
    }

    /// Whether the registry was named on the command line. An address of the process environment is meant for all commands.
    pub(crate) fn names_registry(&self) -> bool {
        let of_environment = std::env::var("SCHEMA_REGISTRY_URL").ok();
        self.registry.is_some() && self.registry != of_environment
    }

    /// Whether standard error gets colours.
    pub(crate) fn color_stderr(&self) -> bool {
        self.color(std::io::stderr().is_terminal())
    }

    /// Whether standard output gets colours.
    pub(crate) fn color_stdout(&self) -> bool {
        self.color(std::io::stdout().is_terminal())
    }

    fn color(&self, terminal: bool) -> bool {
        match self.color {
            clap::ColorChoice::Always => true,
            clap::ColorChoice::Never => false,
            clap::ColorChoice::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
        }
    }

    /// Writes a result to standard output. The text ends with its own line end.
    pub(crate) fn result(&self, text: &str) -> Result<(), CliError> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())
            .and_then(|()| out.flush())
            .map_err(CliError::stdout)
    }

    /// Writes a line about what is going on to standard error, unless `--quiet`.
    pub(crate) fn say(&self, line: &str) {
        if !self.quiet {
            report::line(line);
        }
    }

    /// The same with `--verbose` only.
    pub(crate) fn detail(&self, line: &str) {
        if self.verbose > 0 {
            report::line(line);
        }
    }

    /// The manifest's path: what was asked for, else the one in the working directory or the nearest folder above.
    fn manifest_path(&self) -> Option<PathBuf> {
        if let Some(path) = &self.manifest {
            return Some(path.clone());
        }
        if !self.schemas.is_empty() {
            return None;
        }
        let here = PathBuf::from(manifest::FILE_NAME);
        if here.exists() {
            return Some(here);
        }
        let folder = std::env::current_dir().ok()?;
        let mut above = folder.ancestors().skip(1).map(|f| f.join(manifest::FILE_NAME));
        Some(above.find(|path| path.is_file()).unwrap_or(here))
    }

    /// Reads the manifest; `None` with `--schemas` and no `--manifest`.
    pub(crate) fn load_manifest(&self) -> Result<Option<Manifest>, CliError> {
        let Some(path) = self.manifest_path() else {
            return Ok(None);
        };
        self.detail(&format!("reading {}", path.display()));
        Manifest::load(&path).map(Some).map_err(CliError::Unreadable)
    }

    /// Where the schemas are: `--schemas`, else what the manifest says.
    pub(crate) fn roots(&self, manifest: Option<&Manifest>) -> Vec<Root> {
        match manifest {
            Some(manifest) if self.schemas.is_empty() => manifest.schema_roots(),
            _ => self
                .schemas
                .iter()
                .map(|path| argument_root("--schemas", path))
                .collect(),
        }
    }

    /// Reads manifest and schemas, without holding them against each other.
    pub(crate) fn read(&self) -> Result<Project, CliError> {
        let manifest = self.load_manifest()?;
        let roots = self.roots(manifest.as_ref());
        let schemas = load::load_roots(&roots).map_err(CliError::Unreadable)?;
        Ok(Project { manifest, schemas })
    }

    /// Reads manifest and schemas and holds them against each other. Warnings are told.
    pub(crate) fn load(&self) -> Result<Project, CliError> {
        let project = self.read()?;
        report::warnings(self, project.schemas.warnings());
        if let Some(manifest) = &project.manifest {
            let found = manifest.check(&project.schemas);
            if manifest::has_errors(&found) {
                return Err(CliError::Unreadable(found));
            }
            report::warnings(self, &found);
        }
        Ok(project)
    }

    /// The same where the command can do nothing without a manifest.
    pub(crate) fn load_with_manifest(&self, command: &str) -> Result<(Manifest, SchemaSet), CliError> {
        let project = self.load()?;
        let manifest = project.manifest.ok_or_else(|| {
            CliError::usage(format!(
                "`{command}` needs a manifest, and --schemas alone reads none"
            ))
            .with_help("add --manifest FILE")
        })?;
        Ok((manifest, project.schemas))
    }

    /// The environment asked for, its variables expanded; flags and environment variables win.
    pub(crate) fn environment(&self, manifest: &Manifest) -> Result<ResolvedEnvironment, CliError> {
        let Some(environment) = manifest.environment(&self.env) else {
            let names: Vec<&str> = manifest.environments.iter().map(|e| e.name.as_str()).collect();
            let error = CliError::usage(format!(
                "{} has no environment {}",
                manifest.source.name(),
                self.env
            ));
            return Err(
                match (
                    manifest::nearest(&self.env, names.iter().copied()),
                    names.is_empty(),
                ) {
                    (Some(near), _) => error.with_help(format!("did you mean --env {near}?")),
                    (None, true) => error.with_help(format!("add [env.{}] with `bootstrap`", self.env)),
                    (None, false) => error.with_help(format!("there are: {}", names.join(", "))),
                },
            );
        };
        let properties = self.properties()?;
        // What is overridden need not be set.
        let given = |text: &String| Setting::Text(Template::literal(text));
        let mut environment = environment.clone();
        if let Some(bootstrap) = self.bootstrap.as_ref().or(properties.get("bootstrap.servers")) {
            environment.bootstrap.value = given(bootstrap);
        }
        environment.kafka.retain(|name, _| !properties.contains_key(name));
        if let Some(registry) = &self.registry {
            environment.registry = Some(Spanned::new(given(registry), environment.name.span));
        }
        let lookup = |name: &str| std::env::var(name).ok();
        let read = |path: &Path| std::fs::read_to_string(path);
        let mut resolved = environment
            .resolve(manifest, lookup, read)
            .map_err(CliError::Unreadable)?;
        resolved.kafka.extend(secrets(properties));
        Ok(resolved)
    }

    /// The settings of the `.properties` file; none where there is no such file.
    fn properties(&self) -> Result<BTreeMap<String, String>, CliError> {
        self.command_config
            .as_deref()
            .map_or(Ok(BTreeMap::new()), properties::read)
    }

    /// Whether there is a manifest to be read.
    pub(crate) fn has_manifest(&self) -> bool {
        self.manifest.is_some() || self.manifest_path().is_some_and(|path| path.is_file())
    }

    /// Kafka client settings for a command that needs no manifest: those of the environment, where there is one.
    pub(crate) fn kafka_settings(&self) -> Result<BTreeMap<String, ResolvedValue>, CliError> {
        match self.has_manifest() {
            true => {
                let manifest = self.load_manifest()?;
                match manifest.filter(|manifest| manifest.environment(&self.env).is_some()) {
                    Some(manifest) => Ok(self.environment(&manifest)?.kafka),
                    None => Ok(secrets(self.properties()?)),
                }
            }
            false => Ok(secrets(self.properties()?)),
        }
    }
}

/// Settings as values of an environment. What may be a secret is taken for one.
fn secrets(properties: BTreeMap<String, String>) -> BTreeMap<String, ResolvedValue> {
    let open = [
        "security.protocol",
        "sasl.mechanism",
        "sasl.mechanisms",
        "client.id",
    ];
    properties
        .into_iter()
        .filter(|(name, _)| name != "bootstrap.servers")
        .map(|(name, value)| {
            let value = match open.contains(&name.as_str()) {
                true => ResolvedValue::Plain(value),
                false => ResolvedValue::Secret(Secret::new(value)),
            };
            (name, value)
        })
        .collect()
}

/// A path given as an argument. Messages about it point at the argument.
pub(crate) fn argument_root(option: &str, path: &Path) -> Root {
    let shown = path.display().to_string();
    let text = format!("{option} {shown}");
    let start = (text.len() - shown.len()) as u32;
    let end = text.len() as u32;
    Root {
        path: path.to_path_buf(),
        place: Some(Place::new(
            &Source::new("<arguments>", text),
            Span::new(start, end),
        )),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        global: Global,
    }

    fn environment(arguments: &[&str]) -> Result<ResolvedEnvironment, CliError> {
        let text = "[env.dev]\nbootstrap = \"localhost:9092\"\n\
                    [env.prod]\nbootstrap = \"${FLEETOPS_TEST_IS_NEVER_SET}\"\nregistry = \"http://r\"\n";
        let manifest = Manifest::parse(Source::new("m.toml", text)).unwrap();
        let arguments = ["program"].iter().chain(arguments);
        Only::parse_from(arguments).global.environment(&manifest)
    }

    #[test]
    fn flags_win_over_the_manifest_and_need_no_variables() {
        let dev = environment(&[]).unwrap();
        assert_eq!(
            (dev.name.as_str(), dev.bootstrap.as_str(), dev.registry),
            ("dev", "localhost:9092", None)
        );
        let unset = environment(&["--env", "prod"]).unwrap_err();
        assert!(
            matches!(&unset, CliError::Unreadable(found) if found[0].rule == "unset-variable"),
            "{unset}"
        );
        let prod = [
            "--env",
            "prod",
            "--bootstrap",
            "b:1",
            "--registry",
            "https://u:p@h",
        ];
        let prod = environment(&prod).unwrap();
        assert_eq!(
            (prod.bootstrap.as_str(), prod.registry.as_deref()),
            ("b:1", Some("https://h"))
        );
        assert_eq!(prod.registry_auth.basic.unwrap().0, "u");
    }

    #[test]
    fn an_unknown_environment_is_told_with_the_nearest() {
        let error = environment(&["--env", "prd"]).unwrap_err();
        assert_eq!(error.to_string(), "m.toml has no environment prd");
        assert_eq!(error.help(), Some("did you mean --env prod?"));
        assert_eq!(
            environment(&["--env", "staging"]).unwrap_err().help(),
            Some("there are: dev, prod")
        );
    }
}
