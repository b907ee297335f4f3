//! The schemas of a registry, each asked for once.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fleetops_avro::json;
use fleetops_avro::parse::ParseMode;
use fleetops_avro::{Schema, SchemaSet, Source};
use tokio::sync::watch;

use super::client::HttpClient;
use super::subject::{MAX_VERSIONS, Questions, Subject};
use super::{RegisteredSchema, RegistryClient, RegistryError, RegistrySettings, SchemaReference};
use crate::framing::SchemaId;

/// How many schemas one may refer to, directly or not.
const MAX_REFERENCES: usize = 1_000;

/// Pauses before a look-up of our own schema is tried again.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(800)];

/// A registry's schemas: asked for once, kept for ever. Cheap to clone; clones share what they know.
///
/// ```no_run
/// # async fn example() -> Result<(), fleetops_runtime::registry::RegistryError> {
/// use fleetops_runtime::framing::SchemaId;
/// use fleetops_runtime::registry::{RegistrySettings, SchemaSource};
///
/// let source = SchemaSource::connect(&RegistrySettings::new("http://localhost:8081"))?;
/// let writer = source.schema(SchemaId::Id(7)).await?;
/// println!("{}", writer.text());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SchemaSource {
    inner: Arc<Inner>,
}

struct Inner {
    client: Arc<dyn RegistryClient>,
    schemas: Mutex<HashMap<SchemaId, Entry>>,
    /// Those that a fingerprint was looked for in.
    subjects: Mutex<HashMap<String, Arc<Subject>>>,
}

enum Entry {
    Known(Schema),
    Asked(Outcome),
}

/// Where whoever asks leaves the outcome for all who wait.
type Outcome = watch::Receiver<Option<Result<Schema, RegistryError>>>;

impl SchemaSource {
    /// Over HTTP. Nothing is sent yet.
    ///
    /// # Errors
    /// [`RegistryError::Settings`] for addresses that are none, and for TLS files that cannot be used.
    pub fn connect(settings: &RegistrySettings) -> Result<Self, RegistryError> {
        Ok(Self::new(HttpClient::new(settings)?))
    }

    /// Over any client.
    pub fn new(client: impl RegistryClient) -> Self {
        Self {
            inner: Arc::new(Inner {
                client: Arc::new(client),
                schemas: Mutex::default(),
                subjects: Mutex::default(),
            }),
        }
    }

    /// Where the registry is, without credentials.
    pub fn address(&self) -> String {
        self.inner.client.address()
    }

    /// The schema with that ID, its references resolved. Must be called within a tokio runtime.
    ///
    /// Asked for once: callers that come while the answer is under way wait for it and share it. The request goes on
    /// if they are cancelled. An error goes to those who waited and is then forgotten.
    ///
    /// # Errors
    /// A [`RegistryError`]; its methods tell what is final from what is worth another try.
    pub async fn schema(&self, id: SchemaId) -> Result<Schema, RegistryError> {
        let mut outcome = {
            let mut schemas = self.inner.lock();
            match schemas.get(&id) {
                Some(Entry::Known(schema)) => return Ok(schema.clone()),
                Some(Entry::Asked(outcome)) => outcome.clone(),
                None => {
                    let (tell, outcome) = watch::channel(None);
                    schemas.insert(id, Entry::Asked(outcome.clone()));
                    let inner = Arc::clone(&self.inner);
                    tokio::spawn(async move {
                        let found = inner.fetch(id).await;
                        let mut schemas = inner.lock();
                        match &found {
                            Ok(schema) => schemas.insert(id, Entry::Known(schema.clone())),
                            Err(_) => schemas.remove(&id),
                        };
                        drop(schemas);
                        // Nobody may be waiting any more.
                        tell.send(Some(found)).ok();
                    });
                    outcome
                }
            }
        };
        let told = outcome.wait_for(Option::is_some).await.map(|told| told.clone());
        match told {
            Ok(Some(found)) => found,
            // The task ended without a word: its runtime was shut down. Whoever asks next starts anew.
            _ => {
                self.inner.lock().remove(&id);
                let reason = "the request was given up, because its runtime ended".to_owned();
                Err(RegistryError::Unreachable {
                    registry: self.address(),
                    reason,
                })
            }
        }
    }

    /// The schema with that ID, if it was asked for before.
    pub fn known(&self, id: SchemaId) -> Option<Schema> {
        match self.inner.lock().get(&id) {
            Some(Entry::Known(schema)) => Some(schema.clone()),
            _ => None,
        }
    }

    /// The schema of a record's value on a topic with that subject, whatever it is called by. An ID or GUID is looked up as
    /// [`schema`](Self::schema) does. For a fingerprint the subject's newest 50 versions are compared. Each is
    /// fetched once and kept; whether there are new ones is asked at most once in a second, for all fingerprints together, so an
    /// unknown one may have to wait that long.
    ///
    /// # Errors
    /// [`RegistryError::UnknownSchema`] where there is none of that name, and whatever the registry says otherwise.
    pub async fn schema_of_value(&self, subject: &str, id: SchemaId) -> Result<Schema, RegistryError> {
        match id {
            SchemaId::Fingerprint(fingerprint) => self.inner.by_fingerprint(subject, fingerprint).await,
            SchemaId::Id(_) | SchemaId::Guid(_) => self.schema(id).await,
        }
    }

    /// The ID of our schema under that subject. Registers nothing.
    ///
    /// The registry is asked for the text. Where it does not find it, the subject's versions are compared, newest
    /// first, each parsed with its references put in: a registry that compares texts letter by letter, or does not put
    /// references in, misses a schema that is ours all the same. Where none has our text, one counts that differs in
    /// documents only: some registries take no new version for these. A registry that gives no answer is asked again,
    /// twice.
    ///
    /// # Errors
    /// [`RegistryError::NotRegistered`], and whatever the registry says otherwise.
    pub async fn id_of(&self, subject: &str, schema: &str) -> Result<u32, RegistryError> {
        let mut pauses = PAUSES.iter();
        loop {
            match (self.inner.id_of(subject, schema).await, pauses.next()) {
                (Err(error), Some(pause)) if error.is_retryable() => {
                    tracing::warn!(%error, subject, "asking for the ID of our schema again");
                    tokio::time::sleep(*pause).await;
                }
                (result, _) => return result,
            }
        }
    }
}

impl fmt::Debug for SchemaSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchemaSource")
            .field("address", &self.address())
            .field("schemas", &self.inner.lock().len())
            .finish()
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, HashMap<SchemaId, Entry>> {
        // No code that could panic runs while it is held.
        self.schemas.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fetch(&self, id: SchemaId) -> Result<Schema, RegistryError> {
        let found = self.client.schema(id).await?;
        let registered = found.ok_or_else(|| RegistryError::UnknownSchema {
            id,
            registry: self.client.address(),
        })?;
        self.resolve(&id.to_string(), registered).await
    }

    async fn id_of(&self, subject: &str, schema: &str) -> Result<u32, RegistryError> {
        if let Some(id) = self.client.look_up(subject, schema).await? {
            return Ok(id);
        }
        let not_registered = || RegistryError::NotRegistered {
            subject: subject.to_owned(),
            registry: self.client.address(),
        };
        let ours = Schema::parse(schema).map_err(|error| RegistryError::Unusable {
            what: format!("our schema for subject {subject}"),
            registry: self.client.address(),
            reason: error.to_string(),
        })?;
        let ours = ours.text();
        let bare = without_documents(&ours);
        let mut alike = None;
        let exact = self
            .first_version(subject, |id, theirs| {
                let theirs = theirs.text();
                if theirs == ours {
                    return Some(id);
                }
                if alike.is_none() && without_documents(&theirs) == bare {
                    alike = id;
                }
                None
            })
            .await?;
        exact.unwrap_or(alike).ok_or_else(not_registered)
    }

    async fn by_fingerprint(&self, subject: &str, fingerprint: u64) -> Result<Schema, RegistryError> {
        let known = {
            let mut subjects = self.subjects.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(subjects.entry(subject.to_owned()).or_default())
        };
        let asking = Asking { inner: self, subject };
        let found = known.by_fingerprint(fingerprint, &asking).await?;
        found.ok_or_else(|| RegistryError::UnknownSchema {
            id: SchemaId::Fingerprint(fingerprint),
            registry: self.client.address(),
        })
    }

    /// What `take` makes of the first of a subject's versions that it takes, by ID and schema, from the newest on. An old
    /// version that cannot be used is passed over. `None`: there is no such version, or no such subject.
    async fn first_version<T>(
        &self,
        subject: &str,
        mut take: impl FnMut(Option<u32>, &Schema) -> Option<T>,
    ) -> Result<Option<T>, RegistryError> {
        let Some(mut found) = self.client.version(subject, None).await? else {
            return Ok(None);
        };
        let newest = found.version.unwrap_or(1);
        for version in (1..=newest).rev().take(MAX_VERSIONS) {
            if version != newest {
                match self.client.version(subject, Some(version)).await? {
                    Some(older) => found = older,
                    None => continue,
                }
            }
            let id = found.id;
            let what = format!("version {version} of subject {subject}");
            match self.resolve(&what, found.clone()).await {
                Ok(schema) => {
                    if let Some(taken) = take(id, &schema) {
                        return Ok(Some(taken));
                    }
                }
                Err(error) if error.is_final() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// The schema with the types of its references in it, each name taken once, as the registry does.
    async fn resolve(&self, what: &str, registered: RegisteredSchema) -> Result<Schema, RegistryError> {
        let unusable = |reason: String| RegistryError::Unusable {
            what: what.to_owned(),
            registry: self.client.address(),
            reason,
        };
        if let Some(other) = registered.schema_type.as_deref().filter(|&kind| kind != "AVRO") {
            return Err(unusable(format!("it is a schema of type {other}, not Avro")));
        }
        let mut sources = vec![Source::new(what, registered.schema)];
        let mut names = HashSet::new();
        let mut open: Vec<SchemaReference> = registered.references;
        open.reverse();
        while let Some(reference) = open.pop() {
            let SchemaReference {
                name,
                subject,
                version,
            } = reference;
            if !names.insert(name.clone()) {
                continue;
            }
            if names.len() > MAX_REFERENCES {
                return Err(unusable(format!(
                    "it refers to more than {MAX_REFERENCES} other schemas"
                )));
            }
            let Some(found) = self.client.version(&subject, Some(version)).await? else {
                return Err(unusable(format!(
                    "it refers to {name}, version {version} of subject {subject}, which is not there"
                )));
            };
            sources.push(Source::new(format!("{subject} version {version}"), found.schema));
            open.extend(found.references.into_iter().rev());
        }
        let set = SchemaSet::parse_with(&sources, ParseMode::Lenient)
            .map_err(|error| unusable(error.to_string()))?;
        let root = set.files().next().map(|(_, root)| root);
        root.map(|root| set.schema(root))
            .ok_or_else(|| unusable("it is empty".to_owned()))
    }
}

/// The questions about one subject.
struct Asking<'a> {
    inner: &'a Inner,
    subject: &'a str,
}

impl Questions for Asking<'_> {
    async fn version(&self, version: Option<u32>) -> Result<Option<RegisteredSchema>, RegistryError> {
        self.inner.client.version(self.subject, version).await
    }

    async fn resolve(&self, version: u32, found: RegisteredSchema) -> Result<Option<Schema>, RegistryError> {
        let what = format!("version {version} of subject {}", self.subject);
        match self.inner.resolve(&what, found).await {
            Ok(schema) => Ok(Some(schema)),
            // An old version that cannot be used is passed over.
            Err(error) if error.is_final() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A schema's text without its documents; as it is where that cannot be.
fn without_documents(text: &str) -> String {
    let Ok(mut value) = json::parse(text) else {
        return text.to_owned();
    };
    strip(&mut value);
    let mut out = String::with_capacity(text.len());
    json::write(&value, &mut out);
    out
}

/// As deep as the parser goes.
fn strip(value: &mut json::Value) {
    match &mut value.kind {
        json::Kind::Array(items) => items.iter_mut().for_each(strip),
        json::Kind::Object(members) => {
            members.retain(|member| member.key != "doc");
            // A default is data.
            let schemas = members.iter_mut().filter(|member| member.key != "default");
            schemas.for_each(|member| strip(&mut member.value));
        }
        _ => {}
    }
}
