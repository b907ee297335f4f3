//! `config` and `mode`: how a registry treats subjects.

use clap::Subcommand;
use fleetops_avro::compat::Level;
use fleetops_codegen::manifest::nearest;
use fleetops_registry::registry::{Client, LEVEL, Settings};
use serde_json::{Value, json};

use super::confirm::confirm;
use super::dev::runtime;
use super::register::{incomplete, registry_of};
use super::{CliError, Format, Global, Outcome};

const CONFIG_HELP: &str = "\
Examples:
  fleetops-registry config get                                        the registry's own settings
  fleetops-registry config get --subject orders-value
  fleetops-registry config set FULL_TRANSITIVE --subject orders-value
  fleetops-registry config set normalize=true --subject orders-value  any setting of the registry's
  fleetops-registry config unset --subject orders-value               the registry's own hold again

Settings are read, changed and written whole: what this program does not know stays as it is.";

const MODE_HELP: &str = "\
Examples:
  fleetops-registry mode get --subject orders-value
  fleetops-registry mode set READONLY --subject orders-value
  fleetops-registry mode set IMPORT --force                     schemas keep the IDs they are sent with
  fleetops-registry mode unset --subject orders-value";

/// The modes that Confluent's registry has.
const MODES: [&str; 5] = ["READWRITE", "READONLY", "READONLY_OVERRIDE", "IMPORT", "FORWARD"];

/// Show and change a registry's settings
#[derive(Debug, clap::Args)]
#[command(after_help = CONFIG_HELP)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Show the settings that hold, and whether they are the subject's own
    #[command(after_help = CONFIG_HELP)]
    Get {
        /// A subject's [default: the registry's own]
        #[arg(long, value_name = "SUBJECT")]
        subject: Option<String>,
    },
    /// Change settings
    #[command(after_help = CONFIG_HELP)]
    Set {
        /// A compatibility level, or NAME=VALUE
        #[arg(required = true, value_name = "LEVEL|NAME=VALUE")]
        settings: Vec<String>,
        /// A subject's [default: the registry's own, which hold for every subject without its own]
        #[arg(long, value_name = "SUBJECT")]
        subject: Option<String>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Take a subject's own settings away
    #[command(after_help = CONFIG_HELP)]
    Unset {
        /// The subject
        #[arg(long, value_name = "SUBJECT")]
        subject: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Show and change what may be written to a registry
#[derive(Debug, clap::Args)]
#[command(after_help = MODE_HELP)]
pub(crate) struct ModeArgs {
    #[command(subcommand)]
    command: ModeCommand,
}

#[derive(Debug, Subcommand)]
enum ModeCommand {
    /// Show the mode that holds
    #[command(after_help = MODE_HELP)]
    Get {
        /// A subject's [default: the registry's own]
        #[arg(long, value_name = "SUBJECT")]
        subject: Option<String>,
    },
    /// Change it
    #[command(after_help = MODE_HELP)]
    Set {
        /// READWRITE, READONLY, READONLY_OVERRIDE, IMPORT or FORWARD
        #[arg(value_name = "MODE")]
        mode: String,
        /// A subject's [default: the registry's own]
        #[arg(long, value_name = "SUBJECT")]
        subject: Option<String>,
        /// IMPORT also where there are schemas already
        #[arg(long)]
        force: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Take a subject's own mode away
    #[command(after_help = MODE_HELP)]
    Unset {
        /// The subject
        #[arg(long, value_name = "SUBJECT")]
        subject: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

fn whose(subject: Option<&str>) -> String {
    subject.map_or("the registry's own".to_owned(), |subject| {
        format!("subject {subject}")
    })
}

/// Says that there is no such subject: one may have settings before it is registered, and often it is a slip.
async fn look_for(global: &Global, client: &Client, subject: Option<&str>) {
    let Some(subject) = subject else { return };
    // What is in the way of this question is told by those that matter.
    let Ok(names) = client.subjects().await else {
        return;
    };
    if names.iter().any(|name| name == subject) {
        return;
    }
    let meant = match nearest(subject, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean {near}?"),
        None => "nothing is registered under it yet".to_owned(),
    };
    global.say(&format!("note: there is no subject {subject}: {meant}"));
}

pub(crate) fn config(args: ConfigArgs, global: &Global) -> Result<Outcome, CliError> {
    let format = global.format(&[Format::Text, Format::Json])?;
    let client = registry_of(global)?;
    runtime()?.block_on(async {
        match args.command {
            ConfigCommand::Get { subject } => {
                look_for(global, &client, subject.as_deref()).await;
                get(global, format, &client, subject.as_deref()).await
            }
            ConfigCommand::Set {
                settings,
                subject,
                yes,
            } => set(global, &client, subject.as_deref(), &settings, yes).await,
            ConfigCommand::Unset { subject, yes } => {
                look_for(global, &client, Some(&subject)).await;
                global.say(&format!("to be taken away: the settings of subject {subject}"));
                if !confirm(global, yes, "1 change", client.url())? {
                    return Ok(Outcome::Findings);
                }
                let was = client.clear_settings(Some(&subject)).await.map_err(incomplete)?;
                global.result(&match was {
                    true => format!("unset subject {subject}\n"),
                    false => format!("subject {subject} had no settings of its own\n"),
                })?;
                Ok(Outcome::Clean)
            }
        }
    })
}

async fn get(
    global: &Global,
    format: Format,
    client: &Client,
    subject: Option<&str>,
) -> Result<Outcome, CliError> {
    let own = client.settings(subject, false).await.map_err(incomplete)?;
    let mut holding = match subject {
        None => own.clone(),
        Some(_) => client.settings(subject, true).await.map_err(incomplete)?,
    }
    .unwrap_or_default();
    if !holding.contains_key(LEVEL) {
        let level = match subject {
            Some(subject) => client.effective_level(subject).await,
            None => client.global_level().await,
        };
        holding.insert(LEVEL.to_owned(), level.map_err(incomplete)?.to_string().into());
    }
    let inherited = subject.is_some() && own.is_none();
    match format {
        Format::Json => {
            let object = json!({"subject": subject, "inherited": inherited, "settings": holding});
            global.result(&format!("{object}\n"))?;
        }
        _ => {
            let text: String = holding
                .iter()
                .map(|(name, value)| format!("{name} = {}\n", plain(value)))
                .collect();
            global.result(&text)?;
            if inherited {
                global.say(&format!(
                    "{}: the registry's own, for it has none",
                    whose(subject)
                ));
            }
        }
    }
    Ok(Outcome::Clean)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What the arguments ask for: a level alone, or names with values.
fn wanted(arguments: &[String]) -> Result<Settings, CliError> {
    let mut settings = Settings::new();
    for argument in arguments {
        let (name, value) = argument.split_once('=').unwrap_or((LEVEL, argument));
        let name = if name == "compatibilityLevel" { LEVEL } else { name };
        let value: Value = match name {
            "" => return Err(CliError::usage(format!("{argument:?} has no name"))),
            LEVEL => {
                let level: Level = value.parse().map_err(|_| {
                    let names = Level::ALL.map(Level::as_str);
                    let error = CliError::usage(format!("{value:?} is no compatibility level"));
                    match nearest(&value.to_ascii_uppercase(), names.iter().copied()) {
                        Some(near) => error.with_help(format!("did you mean {near}?")),
                        None => error.with_help(format!("there are: {}", names.join(", "))),
                    }
                })?;
                level.to_string().into()
            }
            // true, 3, null, {..}; anything else is a text.
            _ => serde_json::from_str(value).unwrap_or_else(|_| value.into()),
        };
        settings.insert(name.to_owned(), value);
    }
    Ok(settings)
}

async fn set(
    global: &Global,
    client: &Client,
    subject: Option<&str>,
    arguments: &[String],
    yes: bool,
) -> Result<Outcome, CliError> {
    let wanted = wanted(arguments)?;
    look_for(global, client, subject).await;
    let before = client
        .settings(subject, false)
        .await
        .map_err(incomplete)?
        .unwrap_or_default();
    let changes: Vec<(&String, &Value)> = wanted
        .iter()
        .filter(|(name, value)| before.get(*name) != Some(value))
        .collect();
    if changes.is_empty() {
        global.say(&format!("{}: nothing to change", whose(subject)));
        return Ok(Outcome::Clean);
    }
    for (name, value) in &changes {
        let was = before.get(*name).map_or("not set".to_owned(), plain);
        global.say(&format!(
            "~ {}: {name} = {} (was {was})",
            whose(subject),
            plain(value)
        ));
    }
    let what = super::register::show::count(changes.len(), "change");
    if !confirm(global, yes, &what, client.url())? {
        return Ok(Outcome::Findings);
    }
    let mut after = before.clone();
    after.extend(wanted.clone());
    client
        .set_settings(subject, after.clone())
        .await
        .map_err(incomplete)?;
    let now = client
        .settings(subject, false)
        .await
        .map_err(incomplete)?
        .unwrap_or_default();
    let (mut missing, mut lost) = (Vec::new(), Vec::new());
    for (name, value) in &after {
        if now.get(name) != Some(value) {
            let list = if wanted.contains_key(name) {
                &mut missing
            } else {
                &mut lost
            };
            list.push(name.as_str());
        }
    }
    if !missing.is_empty() {
        return Err(CliError::incomplete(format!(
            "the registry took {} and does not show it: it may not know that setting",
            missing.join(", ")
        )));
    }
    for name in lost {
        global.say(&format!("note: the registry no longer shows {name} as it was"));
    }
    global.result(&format!("set {}\n", whose(subject)))?;
    Ok(Outcome::Clean)
}

pub(crate) fn mode(args: ModeArgs, global: &Global) -> Result<Outcome, CliError> {
    let format = global.format(&[Format::Text, Format::Json])?;
    let client = registry_of(global)?;
    runtime()?.block_on(async {
        match args.command {
            ModeCommand::Get { subject } => {
                look_for(global, &client, subject.as_deref()).await;
                let mode = client.mode(subject.as_deref()).await.map_err(incomplete)?;
                global.result(&match format {
                    Format::Json => format!("{}\n", json!({"subject": subject, "mode": mode})),
                    _ => format!("{mode}\n"),
                })?;
            }
            ModeCommand::Set {
                mode,
                subject,
                force,
                yes,
            } => {
                let mode = mode.to_ascii_uppercase();
                if !MODES.contains(&mode.as_str()) {
                    let error = CliError::usage(format!("{mode:?} is no mode"));
                    return Err(match nearest(&mode, MODES) {
                        Some(near) => error.with_help(format!("did you mean {near}?")),
                        None => error.with_help(format!("there are: {}", MODES.join(", "))),
                    });
                }
                look_for(global, &client, subject.as_deref()).await;
                let before = client.mode(subject.as_deref()).await.map_err(incomplete)?;
                if before == mode {
                    global.say(&format!("{}: nothing to change", whose(subject.as_deref())));
                    return Ok(Outcome::Clean);
                }
                global.say(&format!("~ {}: {mode} (was {before})", whose(subject.as_deref())));
                if !confirm(global, yes, "1 change", client.url())? {
                    return Ok(Outcome::Findings);
                }
                client
                    .set_mode(subject.as_deref(), &mode, force)
                    .await
                    .map_err(incomplete)?;
                global.result(&format!("set {}: {mode}\n", whose(subject.as_deref())))?;
            }
            ModeCommand::Unset { subject, yes } => {
                look_for(global, &client, Some(&subject)).await;
                global.say(&format!("to be taken away: the mode of subject {subject}"));
                if !confirm(global, yes, "1 change", client.url())? {
                    return Ok(Outcome::Findings);
                }
                let was = client.clear_mode(&subject).await.map_err(incomplete)?;
                global.result(&match was {
                    true => format!("unset subject {subject}\n"),
                    false => format!("subject {subject} had no mode of its own\n"),
                })?;
            }
        }
        Ok(Outcome::Clean)
    })
}
