//! `pull`: adopt a registry that is there. Schemas, manifest and lock are written from what the servers hold.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fleetops_codegen::load::{Root, load_roots};
use fleetops_codegen::manifest::{FILE_NAME, Manifest};
use fleetops_registry::kafka::{Admin, ClusterAdmin};
use fleetops_registry::registry::adopt::{Adopted, Origin, Topics, adopt, settle};
use fleetops_registry::registry::{Client, Snapshot, desired, lock};

use super::dev::runtime;
use super::register::glob::Glob;
use super::register::show::count;
use super::register::{incomplete, registry_of};
use super::{CliError, Format, Global, Outcome};

const HELP: &str = "\
Examples:
  fleetops-registry pull --registry http://localhost:8081
  fleetops-registry pull --registry http://localhost:8081 --bootstrap localhost:9092      with topics as they are
  fleetops-registry pull --registry http://registry:8081 --env prod --subject 'orders*'

Writes schemas/NAMESPACE/NAME.avsc for the newest version of every subject, fleetops-registry.toml with a topic for every
TOPIC-value subject, and registry.lock/ENV with all versions. Nothing is changed on a server. A file that is there and
differs is never overwritten without --force. What cannot be said in a manifest is told (exit code 1).";

/// Write schemas, manifest and lock from what a registry holds
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    /// Only these subjects and what they refer to; * and ? stand for any letters and one letter; may be repeated
    #[arg(long, value_name = "GLOB")]
    subject: Vec<Glob>,

    /// Overwrite files that differ
    #[arg(long)]
    force: bool,

    /// The folder to write to
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
}

pub(crate) fn run(args: Args, global: &Global) -> Result<Outcome, CliError> {
    global.format(&[Format::Text])?;
    let client = registry_of(global)?;
    runtime()?.block_on(pull(args, global, &client))
}

async fn pull(args: Args, global: &Global, client: &Client) -> Result<Outcome, CliError> {
    let mut names = client.subjects().await.map_err(incomplete)?;
    if !args.subject.is_empty() {
        names.retain(|name| args.subject.iter().any(|pattern| pattern.takes(name)));
    }
    if names.is_empty() {
        return Err(CliError::usage(format!("{} has no such subject", client.url()))
            .with_help("see what there is: `subjects list`"));
    }
    let snapshot = Snapshot::fetch(client, names).await.map_err(incomplete)?;
    let level = client.global_level().await.map_err(incomplete)?;
    let (topics, cluster) = match &global.bootstrap {
        None => (None, None),
        Some(bootstrap) => {
            let (topics, id) = cluster(global, bootstrap).await?;
            (Some(topics), id)
        }
    };
    let origin = Origin {
        environment: global.env.clone(),
        bootstrap: global
            .bootstrap
            .clone()
            .unwrap_or_else(|| "localhost:9092".to_owned()),
        registry: client.url().to_owned(),
        cluster,
        secured: client.is_secured(),
    };
    let mut adopted = adopt(&snapshot, level, topics.as_ref(), &origin);
    // Files that contradict each other go, one after the other, until the rest can be read.
    let mut rest = snapshot.clone();
    while let Err(gone) = settle(&adopted.schemas) {
        let before = rest.subjects.len();
        let mut told = BTreeMap::new();
        rest.subjects.retain(|subject, state| {
            let text = state
                .newest()
                .map(|version| fleetops_registry::registry::laid_out(&version.text));
            let why = gone
                .iter()
                .find(|(path, _)| adopted.schemas.get(*path) == text.as_ref());
            if let Some((_, why)) = why {
                told.insert(subject.clone(), why.clone());
            }
            why.is_none()
        });
        let mut left_out = std::mem::take(&mut adopted.left_out);
        adopted = adopt(&rest, level, topics.as_ref(), &origin);
        left_out.extend(told);
        adopted.left_out.extend(left_out);
        if rest.subjects.len() == before {
            break;
        }
    }
    let locked = write(&args, global, &adopted, &snapshot)?;
    finish(global, client, &adopted, topics.is_some(), locked)
}

async fn cluster(global: &Global, bootstrap: &str) -> Result<(Topics, Option<String>), CliError> {
    let settings = global.kafka_settings()?;
    let pairs = settings
        .iter()
        .map(|(name, value)| (name.as_str(), value.expose()));
    let cluster = ClusterAdmin::new(bootstrap, pairs).map_err(|error| CliError::usage(error.to_string()))?;
    let failed = |error: fleetops_registry::kafka::AdminError| CliError::incomplete(error.to_string());
    let topics = cluster.topics().await.map_err(failed)?;
    let names: Vec<String> = topics.keys().cloned().collect();
    if cluster.is_embedded().await {
        // It tells no settings, and has another ID each time that it is started.
        let settings = Default::default();
        return Ok((Topics { topics, settings }, None));
    }
    let settings = cluster.settings(&names).await.map_err(failed)?;
    let id = cluster.cluster_id().await;
    Ok((Topics { topics, settings }, id))
}

/// Writes all files, or none: says which ones are in the way. The subjects that the manifest carries.
fn write(
    args: &Args,
    global: &Global,
    adopted: &Adopted,
    snapshot: &Snapshot,
) -> Result<BTreeSet<String>, CliError> {
    let schemas = args.out.join("schemas");
    let mut files: Vec<(PathBuf, &str)> = adopted
        .schemas
        .iter()
        .map(|(path, text)| (schemas.join(path), text.as_str()))
        .collect();
    files.push((args.out.join(FILE_NAME), &adopted.manifest));
    let differs = |path: &Path, text: &str| match std::fs::read(path) {
        Ok(there) => there != text.as_bytes(),
        Err(_) => false,
    };
    let in_the_way: Vec<String> = files
        .iter()
        .filter(|(path, text)| differs(path, text))
        .map(|(path, _)| path.display().to_string())
        .collect();
    if !in_the_way.is_empty() && !args.force {
        return Err(CliError::usage(format!(
            "nothing was written: {} {} there and differ{}",
            in_the_way.join(", "),
            if in_the_way.len() == 1 { "is" } else { "are" },
            if in_the_way.len() == 1 { "s" } else { "" },
        ))
        .with_help("overwrite with --force, or write to another folder with --out DIR"));
    }
    for (path, text) in &files {
        let failed = |error| CliError::output(path.display().to_string(), error);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        std::fs::write(path, text).map_err(failed)?;
        global.result(&format!("{}\n", path.display()))?;
    }
    // What was written is read again.
    let manifest = Manifest::load(&args.out.join(FILE_NAME)).map_err(CliError::Unreadable)?;
    let roots: Vec<Root> = manifest.schema_roots();
    let set = load_roots(&roots).map_err(CliError::Unreadable)?;
    let wanted = desired(&manifest, &set).map_err(|error| CliError::usage(error.to_string()))?;
    let names: BTreeSet<String> = wanted.into_iter().map(|wish| wish.subject).collect();
    let mut held = snapshot.clone();
    held.subjects.retain(|subject, _| names.contains(subject));
    // What these refer to, in any version, belongs to it.
    loop {
        let missing: Vec<String> = held
            .subjects
            .values()
            .flat_map(|state| &state.versions)
            .flat_map(|version| &version.references)
            .map(|reference| reference.subject.clone())
            .filter(|subject| !held.subjects.contains_key(subject) && snapshot.subjects.contains_key(subject))
            .collect();
        if missing.is_empty() {
            break;
        }
        for subject in missing {
            if let Some(state) = snapshot.subjects.get(&subject) {
                held.subjects.insert(subject, state.clone());
            }
        }
    }
    let folder = lock::folder(&args.out, &global.env);
    lock::write(&folder, &held).map_err(|error| CliError::output(folder.display().to_string(), error))?;
    global.result(&format!("{}\n", folder.display()))?;
    Ok(held.subjects.keys().cloned().collect())
}

fn finish(
    global: &Global,
    client: &Client,
    adopted: &Adopted,
    with_topics: bool,
    locked: BTreeSet<String>,
) -> Result<Outcome, CliError> {
    for (subject, why) in &adopted.left_out {
        global.say(&format!("note: subject {subject}: {why}"));
    }
    if !with_topics {
        global.say("note: no cluster was asked (--bootstrap), so every topic has 1 partition in the manifest: put in the real numbers");
    }
    global.say(&format!(
        "{}: {}, {}, {} in the lock; next: fleetops-registry plan --env {}",
        client.url(),
        count(adopted.schemas.len(), "schema"),
        count(adopted.topics, "topic"),
        count(locked.len(), "subject"),
        global.env
    ));
    Ok(match adopted.left_out.is_empty() {
        true => Outcome::Clean,
        false => Outcome::Findings,
    })
}
