//! `subjects`: what a registry holds, and taking it away.

use clap::Subcommand;
use fleetops_registry::registry::{Client, ClientError, SubjectVersion, laid_out, overview};
use serde_json::json;

use super::confirm::confirm;
use super::dev::runtime;
use super::register::glob::Glob;
use super::register::show::count;
use super::register::{incomplete, registry_of};
use super::{CliError, Format, Global, Outcome};

const HELP: &str = "\
Examples:
  fleetops-registry subjects list --registry http://localhost:8081
  fleetops-registry subjects list 'orders*' --format json
  fleetops-registry subjects get orders-value                       the newest version
  fleetops-registry subjects get orders-value --version 3 > v3.avsc
  fleetops-registry subjects delete orders-value --version 3        softly: it can be registered again
  fleetops-registry subjects delete orders-value --permanent        for good";

/// List, show and delete a registry's subjects
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List subjects with their versions and levels
    #[command(after_help = HELP)]
    List {
        /// Only these; * and ? stand for any letters and one letter
        #[arg(value_name = "GLOB")]
        pattern: Option<Glob>,
        /// Also those that are soft-deleted
        #[arg(long)]
        deleted: bool,
    },
    /// Write the schema of a version to standard output, and what is known of it to standard error
    #[command(after_help = HELP)]
    Get {
        /// The subject
        #[arg(value_name = "SUBJECT")]
        subject: String,
        /// The version [default: the newest]
        #[arg(long, value_name = "N")]
        version: Option<u32>,
    },
    /// Delete a subject, or one version of it: softly, or for good
    ///
    /// A soft-deleted version takes no part in compatibility checks; its ID can still be looked up, so records that were
    /// written with it can be read. What is deleted for good is gone, and such records cannot be read any more.
    #[command(after_help = HELP)]
    Delete {
        /// The subject
        #[arg(value_name = "SUBJECT")]
        subject: String,
        /// Only this version
        #[arg(long, value_name = "N")]
        version: Option<u32>,
        /// For good; what is not soft-deleted yet is first
        #[arg(long)]
        permanent: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

pub(crate) fn run(args: Args, global: &Global) -> Result<Outcome, CliError> {
    let format = global.format(&[Format::Text, Format::Json])?;
    let client = registry_of(global)?;
    runtime()?.block_on(async {
        match args.command {
            Command::List { pattern, deleted } => list(global, format, &client, pattern, deleted).await,
            Command::Get { subject, version } => get(global, format, &client, &subject, version).await,
            Command::Delete {
                subject,
                version,
                permanent,
                yes,
            } => delete(global, &client, &subject, version, permanent, yes).await,
        }
    })
}

async fn list(
    global: &Global,
    format: Format,
    client: &Client,
    pattern: Option<Glob>,
    deleted: bool,
) -> Result<Outcome, CliError> {
    let mut names = match deleted {
        true => client.subjects_even_deleted().await.map_err(incomplete)?,
        false => client.subjects().await.map_err(incomplete)?,
    };
    names.retain(|name| pattern.as_ref().is_none_or(|pattern| pattern.takes(name)));
    let all = overview(client, names.clone()).await.map_err(incomplete)?;
    let width = names
        .iter()
        .map(String::len)
        .max()
        .unwrap_or(0)
        .max("SUBJECT".len());
    let mut out = match format {
        Format::Json => String::new(),
        _ => format!("{:<width$}  VERSIONS  NEWEST ID  LEVEL\n", "SUBJECT"),
    };
    for row in &all {
        let deleted = row.versions.is_empty();
        let level = (!deleted).then(|| row.level.to_string());
        match format {
            Format::Json => {
                let object = json!({
                    "subject": row.subject, "versions": row.versions, "id": row.id, "level": level,
                    "deleted": deleted,
                });
                out.push_str(&format!("{object}\n"));
            }
            _ => {
                let id = row.id.map_or("-".to_owned(), |id| id.to_string());
                let level = level.unwrap_or_else(|| "soft-deleted".to_owned());
                out.push_str(&format!(
                    "{:<width$}  {:>8}  {id:>9}  {level}\n",
                    row.subject,
                    row.versions.len()
                ));
            }
        }
    }
    global.result(&out)?;
    global.say(&format!("{}: {}", client.url(), count(names.len(), "subject")));
    Ok(Outcome::Clean)
}

async fn get(
    global: &Global,
    format: Format,
    client: &Client,
    subject: &str,
    version: Option<u32>,
) -> Result<Outcome, CliError> {
    let found = find(client, subject, version).await?;
    match format {
        Format::Json => {
            let object = json!({
                "subject": found.subject, "version": found.version, "id": found.id,
                "type": found.schema_type.as_deref().unwrap_or("AVRO"),
                "references": found.references, "schema": found.schema,
            });
            global.result(&format!("{object}\n"))?;
        }
        _ => {
            global.result(&laid_out(&found.schema))?;
            let versions = client.versions(subject).await.map_err(incomplete)?;
            let numbers: Vec<String> = versions.iter().map(ToString::to_string).collect();
            let level = client.effective_level(subject).await.map_err(incomplete)?;
            global.say(&format!(
                "{subject}: version {} of {}, ID {}, level {level}",
                found.version,
                numbers.join(", "),
                found.id
            ));
            for reference in &found.references {
                global.say(&format!(
                    "  refers to {}: version {} of subject {}",
                    reference.name, reference.version, reference.subject
                ));
            }
        }
    }
    Ok(Outcome::Clean)
}

async fn find(client: &Client, subject: &str, version: Option<u32>) -> Result<SubjectVersion, CliError> {
    if let Some(found) = client.version(subject, version).await.map_err(incomplete)? {
        return Ok(found);
    }
    let versions = client.versions(subject).await.map_err(incomplete)?;
    let numbers: Vec<String> = versions.iter().map(ToString::to_string).collect();
    if let (Some(version), false) = (version, versions.is_empty()) {
        return Err(CliError::incomplete(format!(
            "{} has no version {version} of subject {subject}",
            client.url()
        ))
        .with_help(format!("there are: {}", numbers.join(", "))));
    }
    let all = client.subjects().await.map_err(incomplete)?;
    let near = fleetops_codegen::manifest::nearest(subject, all.iter().map(String::as_str));
    Err(
        CliError::incomplete(format!("{} has no subject {subject}", client.url())).with_help(match near {
            Some(near) => format!("did you mean {near}?"),
            None => "see what there is: `subjects list`".to_owned(),
        }),
    )
}

async fn delete(
    global: &Global,
    client: &Client,
    subject: &str,
    version: Option<u32>,
    permanent: bool,
    yes: bool,
) -> Result<Outcome, CliError> {
    let live = client.versions(subject).await.map_err(incomplete)?;
    let is_live = match version {
        Some(version) => live.contains(&version),
        None => !live.is_empty(),
    };
    if !is_live && !permanent {
        // A word on what is wrong with the name; a version that is soft-deleted is none to delete again.
        find(client, subject, version).await?;
    }
    let what = match version {
        Some(version) => format!("version {version} of subject {subject}"),
        None => format!("subject {subject}"),
    };
    let how = match permanent {
        true => "for good: records written with it can then not be read any more",
        false => "softly",
    };
    global.say(&format!("to be deleted {how}: {what}"));
    if !confirm(global, yes, "1 deletion", client.url())? {
        return Ok(Outcome::Findings);
    }
    let once = async |permanent: bool| match version {
        Some(version) => client.delete_version(subject, version, permanent).await,
        None => client.delete_subject(subject, permanent).await.map(|_| ()),
    };
    if is_live {
        once(false).await.map_err(refused)?;
    }
    if permanent && let Err(error) = once(true).await {
        return Err(match is_live {
            true => CliError::partial(format!("{what} was deleted softly, and not for good: {error}"))
                .with_help("run it again"),
            false => refused(error),
        });
    }
    global.result(&format!(
        "deleted {what}{}\n",
        if permanent { " for good" } else { " softly" }
    ))?;
    Ok(Outcome::Clean)
}

fn refused(error: ClientError) -> CliError {
    match error.code() {
        Some(42206) => CliError::incomplete(error.to_string()).with_help(
            "others refer to it: delete those first (`subjects get` names what a schema refers to)",
        ),
        _ => incomplete(error),
    }
}
