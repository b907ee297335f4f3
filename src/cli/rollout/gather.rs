//! The servers of an environment, asked both at once.

use fleetops_registry::kafka::ClusterAdmin;
use fleetops_registry::registry::{Client, Look, plan_on};
use fleetops_registry::rollout::{Rollout, SubjectPart, TopicPart};

use super::super::register::{approve, incomplete, reach};
use super::super::topics::There;
use super::super::{CliError, Global, lock};
use super::{Only, Wishes};

/// Those that take part.
pub(super) struct Servers<'a> {
    wishes: &'a Wishes,
    environment: String,
    client: Option<Client>,
    there: Option<There>,
    pinned: bool,
}

impl<'a> Servers<'a> {
    pub(super) fn new(global: &Global, wishes: &'a Wishes, only: Option<Only>) -> Result<Self, CliError> {
        let environment = global.environment(&wishes.manifest)?;
        let client = match only {
            Some(Only::Topics) => None,
            _ => Some(reach(&environment).map_err(|error| match environment.registry {
                None => error.with_help(
                    "add `registry` to it, give --registry URL, or plan its topics alone: --only topics",
                ),
                Some(_) => error,
            })?),
        };
        let there = match only {
            Some(Only::Subjects) => None,
            _ => Some(There::new(global, &wishes.manifest)?),
        };
        Ok(Self {
            wishes,
            pinned: environment.cluster_id.is_some(),
            environment: environment.name,
            client,
            there,
        })
    }

    pub(super) fn has_subjects(&self) -> bool {
        self.client.is_some()
    }

    pub(super) fn has_topics(&self) -> bool {
        self.there.is_some()
    }

    pub(super) fn is_pinned(&self) -> bool {
        self.pinned
    }

    pub(super) fn client(&self) -> Option<&Client> {
        self.client.as_ref()
    }

    pub(super) fn cluster(&self) -> Option<&ClusterAdmin> {
        self.there.as_ref().map(|there| &there.cluster)
    }

    /// What messages call them.
    pub(super) fn place(&self) -> String {
        let registry = self.client.as_ref().map(|client| client.url().to_owned());
        let cluster = self
            .there
            .as_ref()
            .map(|there| there.cluster.bootstrap().to_owned());
        let names: Vec<String> = registry.into_iter().chain(cluster).collect();
        format!("{} ({})", names.join(" and "), self.environment)
    }

    pub(super) async fn plan(&self, global: &Global, allow_rekey: bool) -> Result<Rollout, CliError> {
        Ok(self.look(global, allow_rekey).await?.0)
    }

    /// The plan, with what the registry was seen to hold.
    pub(super) async fn look(&self, global: &Global, allow_rekey: bool) -> Result<(Rollout, Look), CliError> {
        let (subjects, topics) = tokio::join!(self.subjects(), self.topics(global, allow_rekey));
        let (subjects, look) = subjects?;
        let (topics, cluster) = topics?;
        let rollout = Rollout {
            environment: self.environment.clone(),
            registry: self.client.as_ref().map(|client| client.url().to_owned()),
            cluster,
            allow_rekey,
            subjects,
            topics,
        };
        Ok((rollout, look))
    }

    async fn subjects(&self) -> Result<(Vec<SubjectPart>, Look), CliError> {
        let Some(client) = &self.client else {
            return Ok(Default::default());
        };
        let wanted = self.wishes.wanted.clone();
        let names = wanted.iter().map(|wish| wish.subject.clone()).collect();
        let look = Look::at(client, names).await.map_err(incomplete)?;
        let mut steps = plan_on(client, &look, wanted).await.map_err(incomplete)?;
        approve(&self.wishes.manifest, &mut steps);
        let parts = steps
            .into_iter()
            .map(|step| SubjectPart {
                state: look.fingerprint(&step.wanted.subject),
                step,
            })
            .collect();
        Ok((parts, look))
    }

    async fn topics(
        &self,
        global: &Global,
        allow_rekey: bool,
    ) -> Result<(Vec<TopicPart>, Option<String>), CliError> {
        let Some(there) = &self.there else {
            return Ok(Default::default());
        };
        let (plan, settings) = there.plan_and_settings(global, allow_rekey).await?;
        let cluster = there.cluster_id().await?;
        let parts = plan
            .steps
            .into_iter()
            .map(|step| TopicPart {
                state: TopicPart::fingerprint(step.existing, settings.get(&step.wanted.name)),
                step,
            })
            .collect();
        Ok((parts, cluster))
    }

    /// Waits until the brokers show what was done.
    pub(super) async fn wait_until_shown(&self, global: &Global) {
        let Some(there) = &self.there else { return };
        match there.is_shown().await {
            Ok(true) => {}
            Ok(false) => global.say("note: the brokers took it all and do not show all of it yet"),
            Err(error) => global.say(&format!("note: all was done; looking at it failed: {error}")),
        }
    }

    /// Brings the lock up to date, where there is one.
    pub(super) async fn refresh_lock(&self, global: &Global) -> Result<(), CliError> {
        match &self.client {
            Some(client) => lock::refresh(global, &self.wishes.manifest, client, &self.wishes.wanted).await,
            None => Ok(()),
        }
    }
}
