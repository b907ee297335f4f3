//! `register`: the manifest's subjects in a registry.
//!
//! The plan and its verdicts are `fleetops_registry::registry`'s; here are the settings, the choice of subjects, the
//! question, and the order of words.

pub(super) mod glob;
pub(super) mod show;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fleetops_codegen::manifest::{Manifest, ResolvedEnvironment, nearest};
use fleetops_registry::registry::{self, Auth, Client, ClientError, Desired, Problem, Reach, SubjectStep};

use super::approvals::Approvals;
use super::confirm::{Paint, confirm};
use super::dev::runtime;
use super::{CliError, Format, Global, Outcome};
pub(super) use glob::Glob;

const HELP: &str = "\
Examples:
  fleetops-registry register --dry-run                   what would be registered, and whether it may be
  fleetops-registry register --env prod                  asks before it changes anything
  fleetops-registry register --yes --subject 'orders*'   some subjects, and what they refer to
  fleetops-registry register --yes --format json         one object a line

A type of another file is registered under its full name first, and referred to by version. Each new schema is held
against all registered versions, at the registry's level and at the manifest's, before the registry is asked; nothing
is sent if any part would fail (exit code 1). A schema that is registered already is left alone, so a second run changes
nothing. A failure on the way says what was done (exit code 4).";

/// How long a registry may take to answer a question; it is asked twice. A command says within 10 s that it is not there.
const PATIENCE: Duration = Duration::from_secs(4);

/// Register the manifest's schemas, in the order of their references
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,

    /// Do not ask
    #[arg(long)]
    yes: bool,

    /// Only these subjects and what they refer to; * and ? stand for any letters and one letter; may be repeated
    #[arg(long, value_name = "GLOB")]
    subject: Vec<Glob>,
}

pub(crate) fn run(args: Args, global: &Global) -> Result<Outcome, CliError> {
    let format = global.format(&[Format::Text, Format::Json])?;
    let (manifest, schemas) = global.load_with_manifest("register")?;
    let wanted =
        registry::desired(&manifest, &schemas).map_err(|error| CliError::usage(error.to_string()))?;
    let (all, dry) = (wanted.clone(), args.dry_run);
    let wanted = chosen(wanted, &args.subject)?;
    let environment = global.environment(&manifest)?;
    runtime()?.block_on(async {
        let client = reach(&environment)?;
        let outcome = register(
            args,
            global,
            format,
            &client,
            &environment.name,
            (&manifest, wanted),
        )
        .await?;
        if !dry && outcome == Outcome::Clean {
            super::lock::refresh(global, &manifest, &client, &all).await?;
        }
        Ok(outcome)
    })
}

/// Lets breaks pass that the manifest approves. What the registry's own level forbids it will refuse all the same, and that
/// is told with the way around it.
pub(super) fn approve(manifest: &Manifest, steps: &mut [SubjectStep]) {
    let mut approvals = Approvals::new(Some(manifest), chrono::Utc::now().date_naive());
    for step in steps {
        let subject = step.wanted.subject.clone();
        let mut notes = Vec::new();
        step.problems.retain(|problem| {
            let Problem::Incompatible {
                level,
                registry_level,
                diagnostics,
                ..
            } = problem
            else {
                return true;
            };
            if !approvals.filter(diagnostics.clone()).is_empty() {
                return true;
            }
            let forbidden = level == registry_level;
            notes.push(match forbidden {
                true => format!(
                    "the break is approved, and the registry's level {level} forbids it: `config set NONE --subject \
                     {subject}` lets it through, and the manifest's level is set again behind it"
                ),
                false => "the break is approved in the manifest".to_owned(),
            });
            forbidden
        });
        step.notes.extend(notes);
    }
}

/// The subjects that a pattern takes, and those that these refer to.
fn chosen(all: Vec<Desired>, patterns: &[Glob]) -> Result<Vec<Desired>, CliError> {
    if patterns.is_empty() {
        return Ok(all);
    }
    let mut taken: BTreeSet<String> = BTreeSet::new();
    for pattern in patterns {
        let before = taken.len();
        let matching = all.iter().filter(|wish| pattern.takes(&wish.subject));
        taken.extend(matching.map(|wish| wish.subject.clone()));
        if taken.len() == before && !all.iter().any(|wish| pattern.takes(&wish.subject)) {
            let names: Vec<&str> = all.iter().map(|wish| wish.subject.as_str()).collect();
            let error = CliError::usage(format!(
                "--subject {pattern} takes none of the manifest's subjects"
            ));
            return Err(match nearest(&pattern.to_string(), names.iter().copied()) {
                Some(near) => error.with_help(format!("did you mean {near}?")),
                None => error.with_help(format!("there are: {}", names.join(", "))),
            });
        }
    }
    // What is referred to stands before what refers to it, so backwards each is met after its referrers.
    for wish in all.iter().rev() {
        if taken.contains(&wish.subject) {
            taken.extend(wish.references.iter().map(|(_, subject)| subject.clone()));
        }
    }
    Ok(all
        .into_iter()
        .filter(|wish| taken.contains(&wish.subject))
        .collect())
}

/// A client of the environment's registry, at all its addresses.
pub(super) fn reach(environment: &ResolvedEnvironment) -> Result<Client, CliError> {
    let Some(urls) = &environment.registry else {
        return Err(
            CliError::usage(format!("environment {} has no registry", environment.name))
                .with_help("add `registry` to it, or give --registry URL"),
        );
    };
    let auth = &environment.registry_auth;
    let read = |path: &String| {
        std::fs::read(path).map_err(|error| CliError::usage(format!("cannot read {path}: {error}")))
    };
    let mut identity = None;
    if let (Some(certificate), Some(key)) = (&auth.cert_file, &auth.key_file) {
        let mut pem = read(certificate)?;
        pem.push(b'\n');
        pem.extend(read(key)?);
        identity = Some(pem);
    }
    let reach = Reach {
        patience: PATIENCE,
        authorities: auth.ca_file.as_ref().map(read).transpose()?,
        identity,
    };
    let mut client = Client::reaching(urls, &reach).map_err(|error| CliError::usage(error.to_string()))?;
    if let Some((username, password)) = &auth.basic {
        client = client.with_auth(Auth::Basic {
            username: username.clone(),
            password: password.expose().to_owned(),
        });
    } else if let Some(token) = &auth.bearer {
        client = client.with_auth(Auth::Bearer(token.expose().to_owned()));
    }
    Ok(client)
}

/// The registry of a command that needs no manifest: the environment's, or where there is no manifest the one that is
/// named with `--registry`.
pub(super) fn registry_of(global: &Global) -> Result<Client, CliError> {
    if global.has_manifest()
        && let Some(manifest) = global.load_manifest()?
        && (global.registry.is_none() || manifest.environment(&global.env).is_some())
    {
        return reach(&global.environment(&manifest)?);
    }
    let Some(urls) = &global.registry else {
        return Err(
            CliError::usage("there is no registry to ask: no manifest is here, and none is named")
                .with_help("give --registry URL, or set SCHEMA_REGISTRY_URL"),
        );
    };
    let reach = Reach {
        patience: PATIENCE,
        ..Reach::default()
    };
    Client::reaching(urls, &reach).map_err(|error| CliError::usage(error.to_string()))
}

pub(super) fn incomplete(error: ClientError) -> CliError {
    CliError::incomplete(error.to_string())
}

async fn register(
    args: Args,
    global: &Global,
    format: Format,
    client: &Client,
    environment: &str,
    (manifest, wanted): (&Manifest, Vec<Desired>),
) -> Result<Outcome, CliError> {
    let place = format!("{} ({environment})", client.url());
    let mut steps = registry::plan(client, wanted).await.map_err(incomplete)?;
    approve(manifest, &mut steps);
    let changes: usize = steps.iter().map(|step| step.actions.len()).sum();
    let refused = steps.iter().any(|step| !step.problems.is_empty());
    let ends = args.dry_run || refused || changes == 0;
    match format {
        Format::Text => global.result(&show::text(&steps, Paint(global.color_stdout())))?,
        _ if ends => global.result(&show::json(&steps, if changes == 0 { "done" } else { "planned" }))?,
        _ => {}
    }
    show::diagnostics(global, &steps);
    global.say(&format!("{place}: {}", show::summary(&steps)));
    if refused {
        if !args.dry_run {
            global.say("nothing was registered");
        }
        return Ok(Outcome::Findings);
    }
    if ends {
        return Ok(Outcome::Clean);
    }
    if !confirm(global, args.yes, &show::count(changes, "change"), &place)? {
        return Ok(Outcome::Findings);
    }
    carry_out(global, format, client, &steps, changes).await
}

async fn carry_out(
    global: &Global,
    format: Format,
    client: &Client,
    steps: &[SubjectStep],
    changes: usize,
) -> Result<Outcome, CliError> {
    let mut registered = BTreeMap::new();
    let mut done = 0_usize;
    for step in steps {
        if format == Format::Json && step.actions.is_empty() {
            global.result(&show::json_step(step, "done"))?;
        }
        let mut written = Ok(());
        let result = registry::carry_out(client, step, &mut registered, |action, new| {
            done += 1;
            let line = match format {
                Format::Json => show::json_action(step, action, new, "done"),
                _ => show::done(step, action, new),
            };
            written = std::mem::replace(&mut written, Ok(())).and_then(|()| global.result(&line));
        })
        .await;
        if let Err(error) = result {
            return Err(failed(&step.wanted.subject, done, changes, &error));
        }
        written?;
    }
    global.say(&format!("done: {}", show::count(done, "change")));
    Ok(Outcome::Clean)
}

fn failed(subject: &str, done: usize, of: usize, error: &ClientError) -> CliError {
    let help = "run `register` again: it does what is missing";
    if done == 0 {
        return CliError::incomplete(format!(
            "subject {subject}: {error}; nothing was changed before it"
        ))
        .with_help(help);
    }
    CliError::partial(format!(
        "subject {subject}: {error}; {done} of {} were made before it",
        show::count(of, "change")
    ))
    .with_help(help)
}
