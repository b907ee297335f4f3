//! `topics`: the manifest's topics on a cluster.
//!
//! `plan` says what `apply` would do, `apply` does it, `list` says what is there. The planner and the brokers' word on the
//! plan are `fleetops_registry::kafka`'s; here are the settings, the question, and the order of words.

pub(super) mod show;

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Subcommand;
use fleetops_codegen::manifest::Manifest;
use fleetops_registry::kafka::{
    self, Admin, AdminError, ClusterAdmin, ExistingTopic, Problem, TopicPlan, TopicSettings, WantedTopic,
};
use tokio::sync::OnceCell;

use super::confirm::{Paint, confirm};
use super::dev::runtime;
use super::{CliError, Format, Global, Outcome};

const HELP: &str = "\
Examples:
  fleetops-registry topics plan                              what apply would do
  fleetops-registry topics apply --env prod                  asks before it changes anything
  fleetops-registry topics apply --yes                       for scripts
  fleetops-registry topics list --format json                one object a topic";

const PLAN_HELP: &str = "\
Examples:
  fleetops-registry topics plan
  fleetops-registry topics plan --env prod --format json
  fleetops-registry topics plan --allow-rekey                growing topics whose records have keys

+ is created, ~ is changed, ! stands against the plan (exit code 1). A setting that is set on a topic and is not in the
manifest is unset. Replication factors that differ are told and left alone. The cluster is asked whether it would take
every part of the plan; nothing is changed.";

const APPLY_HELP: &str = "\
Examples:
  fleetops-registry topics apply
  fleetops-registry topics apply --env prod --yes
  fleetops-registry topics apply --allow-rekey --yes

Nothing is done if any part would fail (exit code 1). A failure on the way says what was done (exit code 4); a second
run does the rest. No topic is ever deleted, and none shrinks.";

const LIST_HELP: &str = "\
Examples:
  fleetops-registry topics list
  fleetops-registry topics list --bootstrap kafka:9092 --format json";

/// Create, grow and configure the manifest's topics
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say what must be done so that the cluster has the manifest's topics
    #[command(after_help = PLAN_HELP)]
    Plan {
        /// Let topics grow whose records have keys, or that are compacted: keys move to other partitions
        #[arg(long)]
        allow_rekey: bool,
    },
    /// Do it
    #[command(after_help = APPLY_HELP)]
    Apply {
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// Let topics grow whose records have keys, or that are compacted: keys move to other partitions
        #[arg(long)]
        allow_rekey: bool,
    },
    /// List the cluster's topics, and how they go with the manifest
    #[command(after_help = LIST_HELP)]
    List,
}

pub(crate) fn run(args: Args, global: &Global) -> Result<Outcome, CliError> {
    let format = global.format(&[Format::Text, Format::Json])?;
    let (manifest, _) = global.load_with_manifest("topics")?;
    let there = There::new(global, &manifest)?;
    runtime()?.block_on(async {
        match args.command {
            Command::Plan { allow_rekey } => plan(global, format, &there, allow_rekey).await,
            Command::Apply { yes, allow_rekey } => apply(global, format, &there, yes, allow_rekey).await,
            Command::List => list(global, format, &there).await,
        }
    })
}

/// How often the brokers are looked at, and the pause between, where they do not all know of a change yet.
const LOOKS: u32 = 25;
const PAUSE: Duration = Duration::from_millis(200);

/// A cluster, and what is wanted of it.
pub(super) struct There {
    pub(super) cluster: ClusterAdmin,
    environment: String,
    /// The ID that the cluster must have.
    pinned: Option<String>,
    wanted: Vec<WantedTopic>,
    embedded: OnceCell<bool>,
}

impl There {
    pub(super) fn new(global: &Global, manifest: &Manifest) -> Result<Self, CliError> {
        let environment = global.environment(manifest)?;
        let settings = environment
            .kafka
            .iter()
            .map(|(key, value)| (key.as_str(), value.expose()));
        let cluster = ClusterAdmin::new(&environment.bootstrap, settings)
            .map_err(|error| CliError::usage(error.to_string()))?;
        Ok(Self {
            cluster,
            wanted: kafka::wanted(manifest, manifest.environment(&environment.name)),
            environment: environment.name,
            pinned: environment.cluster_id,
            embedded: OnceCell::new(),
        })
    }

    /// The cluster's ID.
    ///
    /// # Errors
    /// It is not the one that the manifest names.
    pub(super) async fn cluster_id(&self) -> Result<Option<String>, CliError> {
        let id = self.cluster.cluster_id().await;
        let Some(pinned) = &self.pinned else {
            return Ok(id);
        };
        if id.as_ref() == Some(pinned) {
            return Ok(id);
        }
        let found = id.map_or("has no ID".to_owned(), |id| format!("is {id}"));
        Err(CliError::incomplete(format!(
            "the cluster at {} {found}, and environment {} is {pinned}: nothing was done",
            self.cluster.bootstrap(),
            self.environment
        ))
        .with_help(format!(
            "give the right address; or, if the cluster was made anew, change cluster-id of [env.{}]",
            self.environment
        )))
    }

    /// Whether it is the broker of `dev`; asked once.
    async fn is_embedded(&self) -> bool {
        *self
            .embedded
            .get_or_init(|| async { self.cluster.is_embedded().await })
            .await
    }

    async fn topics(&self) -> Result<BTreeMap<String, ExistingTopic>, CliError> {
        self.cluster.topics().await.map_err(incomplete)
    }

    /// The own settings of the wanted topics that are there.
    async fn settings(
        &self,
        topics: &BTreeMap<String, ExistingTopic>,
    ) -> Result<BTreeMap<String, TopicSettings>, CliError> {
        if self.is_embedded().await {
            return Ok(BTreeMap::new());
        }
        let names: Vec<String> = self
            .wanted
            .iter()
            .map(|topic| topic.name.clone())
            .filter(|name| topics.contains_key(name))
            .collect();
        self.cluster.settings(&names).await.map_err(incomplete)
    }

    /// The plan by what the brokers show, and the settings that they show.
    async fn compare(
        &self,
        allow_rekey: bool,
    ) -> Result<(TopicPlan, BTreeMap<String, TopicSettings>), CliError> {
        let topics = self.topics().await?;
        let settings = self.settings(&topics).await?;
        let plan = kafka::compare(&self.wanted, &topics, &settings, allow_rekey);
        Ok((plan, settings))
    }

    /// The plan, with the cluster's word on it.
    async fn plan(&self, global: &Global, allow_rekey: bool) -> Result<TopicPlan, CliError> {
        Ok(self.plan_and_settings(global, allow_rekey).await?.0)
    }

    /// The same with the settings that the brokers show.
    pub(super) async fn plan_and_settings(
        &self,
        global: &Global,
        allow_rekey: bool,
    ) -> Result<(TopicPlan, BTreeMap<String, TopicSettings>), CliError> {
        let mut looks = LOOKS;
        loop {
            let (mut plan, settings) = self.compare(allow_rekey).await?;
            if self.pinned.is_some() && looks == LOOKS {
                self.cluster_id().await?;
            }
            if self.is_embedded().await {
                plan.refuse_for_embedded();
                global.say(
                    "note: this is the embedded broker, which has no topic settings: they were not compared",
                );
                return Ok((plan, settings));
            }
            if plan.changes() > 0 {
                global.detail("asking the brokers whether they would take it");
                kafka::validate(&self.cluster, &mut plan)
                    .await
                    .map_err(incomplete)?;
            }
            // A broker may not have heard yet of a topic that another one has made: look again.
            looks -= 1;
            if looks == 0
                || !plan
                    .steps
                    .iter()
                    .any(|step| step.problems.contains(&Problem::Appeared))
            {
                return Ok((plan, settings));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Waits until the brokers show what was done, so that whoever comes next sees it. `false`: they do not yet.
    pub(super) async fn is_shown(&self) -> Result<bool, CliError> {
        for _ in 0..LOOKS {
            if self.compare(false).await?.0.changes() == 0 {
                return Ok(true);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(false)
    }

    pub(super) fn place(&self) -> String {
        format!("{} ({})", self.cluster.bootstrap(), self.environment)
    }
}

fn incomplete(error: AdminError) -> CliError {
    let told = CliError::incomplete(error.to_string());
    match error {
        AdminError::Describe { .. } => told.with_help("check that the user may describe topic settings"),
        _ => told,
    }
}

async fn plan(
    global: &Global,
    format: Format,
    there: &There,
    allow_rekey: bool,
) -> Result<Outcome, CliError> {
    let plan = there.plan(global, allow_rekey).await?;
    global.result(&match format {
        Format::Json => show::json(&plan, "planned"),
        _ => show::text(&plan, Paint(global.color_stdout())),
    })?;
    global.say(&format!("{}: {}", there.place(), show::summary(&plan)));
    Ok(outcome(&plan))
}

fn outcome(plan: &TopicPlan) -> Outcome {
    match plan.problems() {
        0 => Outcome::Clean,
        _ => Outcome::Findings,
    }
}

async fn apply(
    global: &Global,
    format: Format,
    there: &There,
    yes: bool,
    allow_rekey: bool,
) -> Result<Outcome, CliError> {
    let plan = there.plan(global, allow_rekey).await?;
    let text = show::text(&plan, Paint(global.color_stdout() && format == Format::Text));
    if format == Format::Text {
        global.result(&text)?;
    }
    global.say(&format!("{}: {}", there.place(), show::summary(&plan)));
    if plan.problems() > 0 {
        if format == Format::Json {
            global.result(&show::json(&plan, "refused"))?;
        }
        global.say("nothing was changed");
        return Ok(Outcome::Findings);
    }
    if plan.changes() == 0 {
        if format == Format::Json {
            global.result(&show::json(&plan, "done"))?;
        }
        return Ok(Outcome::Clean);
    }
    let what = show::count(plan.changes(), "change");
    if !confirm(global, yes, &what, &there.place())? {
        return Ok(Outcome::Findings);
    }
    carry_out(global, format, there, &plan).await
}

async fn carry_out(
    global: &Global,
    format: Format,
    there: &There,
    plan: &TopicPlan,
) -> Result<Outcome, CliError> {
    let mut done = 0_usize;
    for step in &plan.steps {
        if format == Format::Json && step.actions.is_empty() {
            global.result(&show::json_step(step, "done"))?;
        }
        let mut written = Ok(());
        let result = kafka::carry_out(&there.cluster, step, |action| {
            done += 1;
            let line = match format {
                Format::Json => show::json_action(step, action, "done"),
                _ => show::done(step, action),
            };
            written = std::mem::replace(&mut written, Ok(())).and_then(|()| global.result(&line));
        })
        .await;
        if let Err(error) = result {
            return Err(failed(done, plan.changes(), &error));
        }
        written?;
    }
    match there.is_shown().await {
        Ok(true) => {}
        Ok(false) => global.say("note: the brokers took it all and do not show all of it yet"),
        Err(error) => global.say(&format!("note: all was done; looking at it failed: {error}")),
    }
    global.say(&format!("done: {}", show::count(done, "change")));
    Ok(Outcome::Clean)
}

fn failed(done: usize, of: usize, error: &AdminError) -> CliError {
    let help = "see `topics plan` for what is left, and run `topics apply` again: it does what is missing";
    if done == 0 {
        return CliError::incomplete(format!("{error}; nothing was changed before it")).with_help(help);
    }
    CliError::partial(format!(
        "{error}; {done} of {} were made before it",
        show::count(of, "change")
    ))
    .with_help(help)
}

async fn list(global: &Global, format: Format, there: &There) -> Result<Outcome, CliError> {
    let topics = there.topics().await?;
    let settings = there.settings(&topics).await?;
    let plan = kafka::compare(&there.wanted, &topics, &settings, false);
    global.result(&match format {
        Format::Json => show::list_json(&plan, &topics, &settings),
        _ => show::list_text(&plan, &topics, Paint(global.color_stdout())),
    })?;
    Ok(Outcome::Clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_how_far_it_went() {
        let error = AdminError::Create {
            bootstrap: "h:1".to_owned(),
            topic: "t".to_owned(),
            reason: "no".to_owned(),
        };
        let first = failed(0, 3, &error);
        assert!(matches!(&first, CliError::Incomplete { .. }), "{first}");
        let later = failed(2, 3, &error);
        assert!(matches!(&later, CliError::Partial { .. }), "{later}");
        assert_eq!(
            later.to_string(),
            "cannot create topic t on h:1: no; 2 of 3 changes were made before it"
        );
    }
}
