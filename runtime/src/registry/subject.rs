//! The versions of a subject, fetched once, to find the schema of a fingerprint.
//!
//! A fingerprint names a schema and no registry keeps schemas by it, so the subject's versions are compared. Fingerprints come
//! from records, and whoever may write to the topic can make up as many as he likes. So a version is fetched once and kept, and
//! the registry is asked whether there are new ones at most once in [`INTERVAL`], for all fingerprints together. An unknown
//! one waits for that: the producer may have registered its schema a moment ago, and "unknown" makes a record a dead letter.
//! A known one waits for nothing, also where unknown ones wait.
//!
//! Not here: what a version's text and references are made into, and which errors are worth another try.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::time::Duration;

use fleetops_avro::Schema;
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use super::{RegisteredSchema, RegistryError};

/// The time from one question for new versions to the next.
const INTERVAL: Duration = Duration::from_secs(1);

/// How many versions of a subject are looked through, the newest ones.
pub(super) const MAX_VERSIONS: usize = 50;

/// How the registry is asked about one subject.
pub(super) trait Questions: Sync {
    /// A version, or the latest; `None`: it is not there.
    fn version(
        &self,
        version: Option<u32>,
    ) -> impl Future<Output = Result<Option<RegisteredSchema>, RegistryError>> + Send;

    /// The schema of a version with its references; `None`: it is of no use.
    fn resolve(
        &self,
        version: u32,
        found: RegisteredSchema,
    ) -> impl Future<Output = Result<Option<Schema>, RegistryError>> + Send;
}

/// What is known of a subject.
#[derive(Debug, Default)]
pub(super) struct Subject {
    /// What was fetched. It is read without the lock, and whoever waits for a schema is told when it comes, whoever fetched it.
    versions: watch::Sender<Versions>,
    /// When it was last begun to look for new versions, and all were looked through. Whoever looks, or waits until he may, has the
    /// lock.
    looked: Mutex<Option<Instant>>,
}

/// The versions that were fetched.
#[derive(Debug, Default)]
struct Versions {
    /// Those that are not there, or of no use, too.
    numbers: HashSet<u32>,
    /// By fingerprint, the newest of each.
    schemas: HashMap<u64, (u32, Schema)>,
}

impl Versions {
    fn find(&self, fingerprint: u64) -> Option<&Schema> {
        self.schemas.get(&fingerprint).map(|(_, schema)| schema)
    }

    fn insert(&mut self, version: u32, schema: Option<Schema>) {
        self.numbers.insert(version);
        if let Some(schema) = schema {
            let known = self.schemas.get(&schema.fingerprint());
            if known.is_none_or(|(other, _)| *other < version) {
                self.schemas.insert(schema.fingerprint(), (version, schema));
            }
        }
    }
}

impl Subject {
    /// The schema with that fingerprint. `None`: the subject had none when it was last asked, which was after this call began.
    ///
    /// # Errors
    /// The registry's. What was fetched before is kept.
    pub(super) async fn by_fingerprint(
        &self,
        fingerprint: u64,
        registry: &impl Questions,
    ) -> Result<Option<Schema>, RegistryError> {
        let mut versions = self.versions.subscribe();
        let known = async {
            let found = versions
                .wait_for(|versions| versions.find(fingerprint).is_some())
                .await;
            found.ok()?.find(fingerprint).cloned()
        };
        tokio::select! {
            biased;
            // One that is known is not held up by those that are not.
            Some(schema) = known => Ok(Some(schema)),
            found = self.look_up(fingerprint, Instant::now(), registry) => found,
        }
    }

    /// Looks for new versions, unless that was begun since `asked`.
    async fn look_up(
        &self,
        fingerprint: u64,
        asked: Instant,
        registry: &impl Questions,
    ) -> Result<Option<Schema>, RegistryError> {
        // Whoever comes while one looks waits here, and shares what it finds.
        let mut looked = self.looked.lock().await;
        if looked.is_none_or(|looked| looked < asked) {
            if let Some(looked) = *looked {
                tokio::time::sleep_until(looked + INTERVAL).await;
            }
            let begun = Instant::now();
            if self.fetch(fingerprint, registry).await? {
                *looked = Some(begun);
            }
        }
        Ok(self.versions.borrow().find(fingerprint).cloned())
    }

    /// Fetches what is not known yet, the newest first, until the schema is found. Answers whether all was looked through.
    async fn fetch(&self, fingerprint: u64, registry: &impl Questions) -> Result<bool, RegistryError> {
        let mut latest = registry.version(None).await?;
        let newest = latest.as_ref().map_or(0, |found| found.version.unwrap_or(1));
        for version in (1..=newest).rev().take(MAX_VERSIONS) {
            if self.versions.borrow().numbers.contains(&version) {
                continue;
            }
            let found = match latest.take_if(|_| version == newest) {
                Some(found) => Some(found),
                None => registry.version(Some(version)).await?,
            };
            let schema = match found {
                Some(found) => registry.resolve(version, found).await?,
                None => None,
            };
            let is_it = schema
                .as_ref()
                .is_some_and(|schema| schema.fingerprint() == fingerprint);
            self.versions
                .send_modify(|versions| versions.insert(version, schema));
            if is_it {
                // What is older was not looked through.
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex as Lock;

    use super::*;

    /// A registry of one subject, that writes down what it is asked.
    #[derive(Default)]
    struct Registry {
        /// By version, from 1 on; `None`: deleted.
        versions: Lock<Vec<Option<String>>>,
        asked: Lock<Vec<Option<u32>>>,
        down: Lock<bool>,
    }

    impl Registry {
        fn with(versions: usize) -> Self {
            let registry = Self::default();
            (0..versions).for_each(|_| registry.register());
            registry
        }

        fn register(&self) {
            let mut versions = self.versions.lock().unwrap();
            let number = versions.len();
            versions.push(Some(schema(number as u32 + 1)));
        }

        fn asked(&self) -> Vec<Option<u32>> {
            std::mem::take(&mut self.asked.lock().unwrap())
        }
    }

    /// The schema of a version.
    fn schema(version: u32) -> String {
        format!(r#"{{"type":"fixed","name":"V","size":{version}}}"#)
    }

    fn fingerprint(version: u32) -> u64 {
        Schema::parse(&schema(version)).unwrap().fingerprint()
    }

    impl Questions for Registry {
        async fn version(&self, version: Option<u32>) -> Result<Option<RegisteredSchema>, RegistryError> {
            self.asked.lock().unwrap().push(version);
            if *self.down.lock().unwrap() {
                return Err(RegistryError::Unreachable {
                    registry: "here".to_owned(),
                    reason: "down".to_owned(),
                });
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
            let versions = self.versions.lock().unwrap();
            let number = version.unwrap_or(versions.len() as u32);
            let text = number
                .checked_sub(1)
                .and_then(|at| versions.get(at as usize))
                .cloned();
            Ok(text.flatten().map(|text| RegisteredSchema {
                version: Some(number),
                ..RegisteredSchema::avro(text)
            }))
        }

        async fn resolve(&self, _: u32, found: RegisteredSchema) -> Result<Option<Schema>, RegistryError> {
            Ok(Schema::parse(&found.schema).ok())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_unknown_fingerprints_costs_a_question_in_each_interval() {
        let (registry, subject) = (Registry::with(60), Subject::default());
        let begun = Instant::now();
        for n in 0..20 {
            assert!(subject.by_fingerprint(n, &registry).await.unwrap().is_none());
        }
        // The newest 50, one of them as the latest; then whether there are new ones.
        assert_eq!(registry.asked().len(), MAX_VERSIONS + 19);
        assert!(begun.elapsed() >= 19 * INTERVAL);
        // Those that come together share the answer.
        let begun = Instant::now();
        let many = (100..1_100).map(|n| subject.by_fingerprint(n, &registry));
        for answer in futures_util::future::join_all(many).await {
            assert!(answer.unwrap().is_none());
        }
        assert_eq!(registry.asked(), [None]);
        assert!(begun.elapsed() < 2 * INTERVAL);
    }

    #[tokio::test(start_paused = true)]
    async fn a_schema_that_was_registered_after_the_last_look_is_found() {
        let (registry, subject) = (Registry::with(2), Subject::default());
        assert!(subject.by_fingerprint(7, &registry).await.unwrap().is_none());
        registry.register();
        let found = subject.by_fingerprint(fingerprint(3), &registry).await.unwrap();
        assert_eq!(found.unwrap().fingerprint(), fingerprint(3));
        assert_eq!(registry.asked(), [None, Some(1), None]);
        // And the older ones without a question.
        let begun = Instant::now();
        assert!(
            subject
                .by_fingerprint(fingerprint(1), &registry)
                .await
                .unwrap()
                .is_some()
        );
        assert!(registry.asked().is_empty() && begun.elapsed() < INTERVAL);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_fetched_before_an_error_or_a_find_is_kept() {
        let (registry, subject) = (Registry::with(4), Subject::default());
        registry.versions.lock().unwrap()[2] = None;
        assert!(
            subject
                .by_fingerprint(fingerprint(2), &registry)
                .await
                .unwrap()
                .is_some()
        );
        assert_eq!(registry.asked(), [None, Some(3), Some(2)]);
        *registry.down.lock().unwrap() = true;
        assert!(subject.by_fingerprint(fingerprint(1), &registry).await.is_err());
        *registry.down.lock().unwrap() = false;
        assert!(
            subject
                .by_fingerprint(fingerprint(1), &registry)
                .await
                .unwrap()
                .is_some()
        );
        assert_eq!(registry.asked(), [None, None, Some(1)]);
        // A subject that is not there.
        let nowhere = Registry::default();
        assert!(
            Subject::default()
                .by_fingerprint(1, &nowhere)
                .await
                .unwrap()
                .is_none()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_known_fingerprint_waits_for_no_unknown_one() {
        let (registry, subject) = (Registry::with(3), Subject::default());
        assert!(subject.by_fingerprint(7, &registry).await.unwrap().is_none());
        registry.asked();
        // Two unknown ones: one waits until it may ask, the other for the first; and behind both a known one.
        let mut unknown = [8, 9].map(|n| Box::pin(subject.by_fingerprint(n, &registry)));
        for unknown in &mut unknown {
            assert!(futures_util::FutureExt::now_or_never(unknown).is_none());
        }
        let begun = Instant::now();
        let known = subject.by_fingerprint(fingerprint(1), &registry).await.unwrap();
        assert!(known.is_some() && begun.elapsed().is_zero());
        assert!(registry.asked().is_empty());
        for unknown in unknown {
            assert!(unknown.await.unwrap().is_none());
        }
        assert_eq!(registry.asked(), [None]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_schema_that_another_one_fetches_is_answered_at_once() {
        let (registry, subject) = (Registry::with(20), Subject::default());
        // The unknown one goes through all of them, a millisecond each. The newest but one is there after two of them.
        let begun = Instant::now();
        let newest_but_one = async {
            let found = subject.by_fingerprint(fingerprint(19), &registry).await.unwrap();
            assert!(found.is_some());
            begun.elapsed()
        };
        let (unknown, waited) = tokio::join!(biased; subject.by_fingerprint(7, &registry), newest_but_one);
        assert!(unknown.unwrap().is_none() && begun.elapsed() >= Duration::from_millis(20));
        assert!(waited < Duration::from_millis(5), "{waited:?}");
        assert_eq!(registry.asked().len(), 20);
    }
}
