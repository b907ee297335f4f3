//! The registry's REST API over [`Store`]: routes, bodies, limits.
//!
//! A handler reads its arguments, calls one method of the store under its lock, and answers. The lock is never held
//! across an await.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::RegistryError;
use super::settings::{Mode, parse_level};
use super::store::{Deleted, MAX_SCHEMA, Store, VersionQuery};
use super::wire::{
    Compatibility, Config, ConfigUpdate, Failure, ModeBody, Registered, SchemaRequest, SchemaText,
    SubjectVersion, Usage,
};

/// Longest request body: a schema of the longest kind with every quote escaped, and its references.
const MAX_BODY: usize = 2 * MAX_SCHEMA + 64 * 1024;
/// Longest path and query: a subject of the longest kind, percent-encoded, in the longest route.
const MAX_URI: usize = 8 * 1024;

const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";
const ACCEPTED: [&str; 4] = [
    MEDIA_TYPE,
    "application/vnd.schemaregistry+json",
    "application/json",
    "application/octet-stream",
];

type Shared = Arc<Mutex<Store>>;
type Flags = Query<BTreeMap<String, String>>;
type Segments<T> = Result<Path<T>, PathRejection>;
type Body = Result<Bytes, BytesRejection>;
type Answer = Result<Response, Refused>;

/// The API.
pub(super) fn router(store: Shared) -> Router {
    Router::new()
        .route("/", get(|| async { json(&serde_json::Map::new()) }))
        .route("/schemas", get(schemas))
        .route("/schemas/types", get(|| async { json(&["AVRO"]) }))
        .route("/schemas/ids/{id}", get(schema_by_id))
        .route("/schemas/ids/{id}/schema", get(schema_text_by_id))
        .route("/schemas/ids/{id}/subjects", get(subjects_of_id))
        .route("/schemas/ids/{id}/versions", get(versions_of_id))
        .route("/subjects", get(subjects))
        .route("/subjects/{subject}", post(look_up).delete(delete_subject))
        .route("/subjects/{subject}/versions", get(versions).post(register))
        .route(
            "/subjects/{subject}/versions/{version}",
            get(version).delete(delete_version),
        )
        .route("/subjects/{subject}/versions/{version}/schema", get(version_text))
        .route(
            "/subjects/{subject}/versions/{version}/referencedby",
            get(referenced_by),
        )
        .route("/compatibility/subjects/{subject}/versions", post(test_all))
        .route(
            "/compatibility/subjects/{subject}/versions/{version}",
            post(test_one),
        )
        .route(
            "/config",
            get(global_config)
                .put(set_global_config)
                .delete(clear_global_config),
        )
        .route(
            "/config/{subject}",
            get(config).put(set_config).delete(clear_config),
        )
        .route(
            "/mode",
            get(global_mode).put(set_global_mode).delete(clear_global_mode),
        )
        .route("/mode/{subject}", get(mode).put(set_mode).delete(clear_mode))
        .fallback(|| async { failure(StatusCode::NOT_FOUND, 404, "HTTP 404 Not Found") })
        .method_not_allowed_fallback(|| async {
            failure(StatusCode::METHOD_NOT_ALLOWED, 405, "HTTP 405 Method Not Allowed")
        })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn(guard))
        .with_state(store)
}

/// Refuses what no handler should see: long addresses, bodies that are not declared as JSON.
async fn guard(request: Request, next: Next) -> Response {
    if request.uri().path_and_query().map_or(0, |p| p.as_str().len()) > MAX_URI {
        return failure(
            StatusCode::URI_TOO_LONG,
            414,
            &format!("The address is longer than {MAX_URI} bytes"),
        );
    }
    if let Some(value) = request.headers().get(header::CONTENT_TYPE) {
        let name = value
            .to_str()
            .unwrap_or("")
            .split(';')
            .next()
            .unwrap_or("")
            .trim();
        if !ACCEPTED
            .iter()
            .any(|accepted| accepted.eq_ignore_ascii_case(name))
        {
            let message = format!("HTTP 415 Unsupported Media Type: send Content-Type: {MEDIA_TYPE}");
            return failure(StatusCode::UNSUPPORTED_MEDIA_TYPE, 415, &message);
        }
    }
    next.run(request).await
}

/// An answer that is not the one asked for.
enum Refused {
    Registry(RegistryError),
    Http(StatusCode, String),
}

impl From<RegistryError> for Refused {
    fn from(error: RegistryError) -> Self {
        Self::Registry(error)
    }
}

impl From<PathRejection> for Refused {
    fn from(rejection: PathRejection) -> Self {
        Self::Http(StatusCode::BAD_REQUEST, rejection.body_text())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Registry(error) => {
                let status =
                    StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                failure(status, error.code(), &error.to_string())
            }
            Self::Http(status, message) => failure(status, u32::from(status.as_u16()), &message),
        }
    }
}

fn failure(status: StatusCode, error_code: u32, message: &str) -> Response {
    let body = Failure {
        error_code,
        message: message.to_owned(),
    };
    (status, json(&body)).into_response()
}

fn json<T: Serialize + ?Sized>(body: &T) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => text(bytes),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

fn text(body: impl Into<axum::body::Body>) -> Response {
    let mut response = Response::new(body.into());
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    response
}

fn lock(store: &Shared) -> MutexGuard<'_, Store> {
    // Every method of the store leaves it whole before it can return; a poisoned lock would say nothing more.
    store.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read<T: DeserializeOwned>(body: Body) -> Result<T, Refused> {
    let bytes = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Refused::Registry(RegistryError::TooLarge {
            what: "request body",
            limit: MAX_BODY,
        }),
        status => Refused::Http(status, rejection.body_text()),
    })?;
    serde_json::from_slice(&bytes).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => Refused::Registry(RegistryError::Unprocessable(format!(
            "The request body is not as expected: {error}"
        ))),
        _ => Refused::Http(
            StatusCode::BAD_REQUEST,
            format!("The request body is not JSON: {error}"),
        ),
    })
}

fn is_set(flags: &Flags, name: &str) -> bool {
    flags
        .get(name)
        .is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

fn deleted(flags: &Flags) -> Deleted {
    if is_set(flags, "deletedOnly") {
        Deleted::Only
    } else if is_set(flags, "deleted") {
        Deleted::Include
    } else {
        Deleted::Hide
    }
}

/// `offset` and `limit` of a list; a limit below 1 is none.
fn page<T>(flags: &Flags, items: impl Iterator<Item = T>) -> Vec<T> {
    let number = |name: &str| flags.get(name).and_then(|value| value.parse::<i64>().ok());
    let skip = usize::try_from(number("offset").unwrap_or(0)).unwrap_or(0);
    let limit = number("limit")
        .filter(|n| *n > 0)
        .and_then(|n| usize::try_from(n).ok());
    items.skip(skip).take(limit.unwrap_or(usize::MAX)).collect()
}

fn id(text: &str) -> Result<u32, RegistryError> {
    text.parse()
        .map_err(|_| RegistryError::IdNotFound(text.to_owned()))
}

// ---- schemas -----------------------------------------------------------------------------------------------------

async fn schemas(State(store): State<Shared>, flags: Flags) -> Answer {
    let store = lock(&store);
    let prefix = flags.get("subjectPrefix").map_or("", String::as_str);
    let shown = deleted(&flags);
    let mut all = Vec::new();
    for subject in store.subjects(shown).filter(|name| name.starts_with(prefix)) {
        let numbers = store.versions(subject, shown)?;
        let from = if is_set(&flags, "latestOnly") {
            numbers.len().saturating_sub(1)
        } else {
            0
        };
        for number in numbers.into_iter().skip(from) {
            all.push(SubjectVersion::from(store.version(
                subject,
                VersionQuery::Number(number),
                true,
            )?));
        }
    }
    Ok(json(&page(&flags, all.into_iter())))
}

async fn schema_by_id(State(store): State<Shared>, path: Segments<String>) -> Answer {
    let store = lock(&store);
    let (schema, references) = store.schema(id(&path?.0)?)?;
    Ok(json(&SchemaText {
        schema: &schema,
        references,
    }))
}

async fn schema_text_by_id(State(store): State<Shared>, path: Segments<String>) -> Answer {
    let store = lock(&store);
    let (schema, _) = store.schema(id(&path?.0)?)?;
    Ok(text(schema.as_bytes().to_vec()))
}

async fn subjects_of_id(State(store): State<Shared>, path: Segments<String>, flags: Flags) -> Answer {
    let store = lock(&store);
    let mut names: Vec<&str> = store
        .usages(id(&path?.0)?, deleted(&flags))?
        .into_iter()
        .map(|(subject, _)| subject)
        .collect();
    names.dedup();
    Ok(json(&names))
}

async fn versions_of_id(State(store): State<Shared>, path: Segments<String>, flags: Flags) -> Answer {
    let store = lock(&store);
    let usages: Vec<Usage<'_>> = store
        .usages(id(&path?.0)?, deleted(&flags))?
        .into_iter()
        .map(|(subject, version)| Usage { subject, version })
        .collect();
    Ok(json(&usages))
}

// ---- subjects ----------------------------------------------------------------------------------------------------

async fn subjects(State(store): State<Shared>, flags: Flags) -> Answer {
    let store = lock(&store);
    // ":*:" is how Confluent's clients say "in every context".
    let prefix = flags
        .get("subjectPrefix")
        .map_or("", |p| p.strip_prefix(":*:").unwrap_or(p));
    Ok(json(&page(
        &flags,
        store
            .subjects(deleted(&flags))
            .filter(|name| name.starts_with(prefix)),
    )))
}

async fn look_up(State(store): State<Shared>, path: Segments<String>, flags: Flags, body: Body) -> Answer {
    let subject = path?.0;
    let submitted = read::<SchemaRequest>(body)?.submitted()?;
    let found = lock(&store).look_up(&subject, &submitted, is_set(&flags, "deleted"))?;
    Ok(json(&SubjectVersion::from(found)))
}

async fn delete_subject(State(store): State<Shared>, path: Segments<String>, flags: Flags) -> Answer {
    Ok(json(
        &lock(&store).delete_subject(&path?.0, is_set(&flags, "permanent"))?,
    ))
}

async fn versions(State(store): State<Shared>, path: Segments<String>, flags: Flags) -> Answer {
    let numbers = lock(&store).versions(&path?.0, deleted(&flags))?;
    Ok(json(&page(&flags, numbers.into_iter())))
}

async fn register(State(store): State<Shared>, path: Segments<String>, body: Body) -> Answer {
    let subject = path?.0;
    let submitted = read::<SchemaRequest>(body)?.submitted()?;
    let id = lock(&store).register(&subject, &submitted)?;
    Ok(json(&Registered { id }))
}

async fn version(State(store): State<Shared>, path: Segments<(String, String)>, flags: Flags) -> Answer {
    let (subject, version) = path?.0;
    let found = lock(&store).version(
        &subject,
        VersionQuery::parse(&version)?,
        is_set(&flags, "deleted"),
    )?;
    Ok(json(&SubjectVersion::from(found)))
}

async fn version_text(State(store): State<Shared>, path: Segments<(String, String)>, flags: Flags) -> Answer {
    let (subject, version) = path?.0;
    let found = lock(&store).version(
        &subject,
        VersionQuery::parse(&version)?,
        is_set(&flags, "deleted"),
    )?;
    Ok(text(found.text.as_bytes().to_vec()))
}

async fn referenced_by(State(store): State<Shared>, path: Segments<(String, String)>) -> Answer {
    let (subject, version) = path?.0;
    let store = lock(&store);
    let found = store.version(&subject, VersionQuery::parse(&version)?, true)?;
    Ok(json(&store.referenced_by(&subject, found.version, Deleted::Hide)))
}

async fn delete_version(
    State(store): State<Shared>,
    path: Segments<(String, String)>,
    flags: Flags,
) -> Answer {
    let (subject, version) = path?.0;
    let query = VersionQuery::parse(&version)?;
    Ok(json(&lock(&store).delete_version(
        &subject,
        query,
        is_set(&flags, "permanent"),
    )?))
}

// ---- compatibility -----------------------------------------------------------------------------------------------

async fn test_all(State(store): State<Shared>, path: Segments<String>, flags: Flags, body: Body) -> Answer {
    test(&store, &path?.0, None, &flags, body)
}

async fn test_one(
    State(store): State<Shared>,
    path: Segments<(String, String)>,
    flags: Flags,
    body: Body,
) -> Answer {
    let (subject, version) = path?.0;
    test(
        &store,
        &subject,
        Some(VersionQuery::parse(&version)?),
        &flags,
        body,
    )
}

fn test(store: &Shared, subject: &str, query: Option<VersionQuery>, flags: &Flags, body: Body) -> Answer {
    let submitted = read::<SchemaRequest>(body)?.submitted()?;
    let verbose = is_set(flags, "verbose");
    let found = match lock(store).incompatibilities(subject, query, &submitted) {
        // Asked to say why, the registry calls a schema that does not parse incompatible.
        Err(error @ RegistryError::InvalidSchema(_)) if verbose => vec![error.to_string()],
        other => other?,
    };
    Ok(json(&Compatibility {
        is_compatible: found.is_empty(),
        messages: verbose.then_some(found),
    }))
}

// ---- settings ----------------------------------------------------------------------------------------------------

async fn global_config(State(store): State<Shared>) -> Response {
    json(&Config {
        compatibility_level: lock(&store).global_level().to_string(),
    })
}

async fn config(State(store): State<Shared>, path: Segments<String>, flags: Flags) -> Answer {
    let subject = path?.0;
    let store = lock(&store);
    let level = if is_set(&flags, "defaultToGlobal") {
        store.level(&subject)
    } else {
        store.own_level(&subject)?
    };
    Ok(json(&Config {
        compatibility_level: level.to_string(),
    }))
}

async fn set_global_config(State(store): State<Shared>, body: Body) -> Answer {
    put_config(&store, None, body)
}

async fn set_config(State(store): State<Shared>, path: Segments<String>, body: Body) -> Answer {
    put_config(&store, Some(&path?.0), body)
}

fn put_config(store: &Shared, subject: Option<&str>, body: Body) -> Answer {
    let update: ConfigUpdate = read(body)?;
    if let Some(name) = &update.compatibility {
        let level = parse_level(name)?;
        lock(store).set_level(subject, level)?;
    }
    Ok(json(&update))
}

async fn clear_global_config(State(store): State<Shared>) -> Answer {
    delete_config(&store, None)
}

async fn clear_config(State(store): State<Shared>, path: Segments<String>) -> Answer {
    delete_config(&store, Some(&path?.0))
}

fn delete_config(store: &Shared, subject: Option<&str>) -> Answer {
    let level = lock(store).clear_level(subject)?;
    Ok(json(&Config {
        compatibility_level: level.to_string(),
    }))
}

fn mode_body(mode: Mode) -> Response {
    json(&ModeBody {
        mode: mode.to_string(),
    })
}

async fn global_mode(State(store): State<Shared>) -> Response {
    mode_body(lock(&store).global_mode())
}

async fn mode(State(store): State<Shared>, path: Segments<String>, flags: Flags) -> Answer {
    let subject = path?.0;
    let store = lock(&store);
    let mode = if is_set(&flags, "defaultToGlobal") {
        store.mode(&subject)
    } else {
        store.own_mode(&subject)?
    };
    Ok(mode_body(mode))
}

async fn set_global_mode(State(store): State<Shared>, flags: Flags, body: Body) -> Answer {
    put_mode(&store, None, &flags, body)
}

async fn set_mode(State(store): State<Shared>, path: Segments<String>, flags: Flags, body: Body) -> Answer {
    put_mode(&store, Some(&path?.0), &flags, body)
}

fn put_mode(store: &Shared, subject: Option<&str>, flags: &Flags, body: Body) -> Answer {
    let mode: Mode = read::<ModeBody>(body)?.mode.parse()?;
    lock(store).set_mode(subject, mode, is_set(flags, "force"))?;
    Ok(mode_body(mode))
}

async fn clear_global_mode(State(store): State<Shared>) -> Answer {
    Ok(mode_body(lock(&store).clear_mode(None)?))
}

async fn clear_mode(State(store): State<Shared>, path: Segments<String>) -> Answer {
    Ok(mode_body(lock(&store).clear_mode(Some(&path?.0))?))
}
