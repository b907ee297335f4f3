//! What a registry answers, as Confluent documents it: one list of calls, made to the embedded registry and to a real one.
//!
//! Where a registry is known to answer otherwise that is data too, in [`DIFFERENCES`]. A difference that is not listed
//! fails, and so does one that is listed and no longer there.

use fleetops_registry::dev::registry::EmbeddedRegistry;
use reqwest::Method;
use serde_json::{Value, json};

use crate::stack::stack;

/// A call and its answer. `SUBJECT` stands for a subject of this run, `OTHER` for another; in `answer` members that are not
/// named do not count.
struct Call {
    name: &'static str,
    method: Method,
    path: &'static str,
    body: Value,
    status: u16,
    answer: Value,
}

const ONE: &str = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}"#;
const TWO: &str = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","type":"int","default":0}]}"#;
const BROKEN: &str = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}"#;

fn calls() -> Vec<Call> {
    let schema = |text: &str| json!({ "schema": text });
    let code = |code: u32| json!({ "error_code": code });
    let refers = |version: i32| {
        json!({
            "schema": r#"{"type":"array","items":"R"}"#,
            "references": [{"name": "R", "subject": "SUBJECT", "version": version}],
        })
    };
    let mut all = Vec::new();
    let mut call = |name, method, path, body, status, answer| {
        all.push(Call {
            name,
            method,
            path,
            body,
            status,
            answer,
        });
    };
    let (get, post, put, delete) = (Method::GET, Method::POST, Method::PUT, Method::DELETE);
    let none = Value::Null;
    call(
        "versions of no subject",
        get.clone(),
        "/subjects/SUBJECT/versions",
        none.clone(),
        404,
        code(40401),
    );
    call(
        "version of no subject",
        get.clone(),
        "/subjects/SUBJECT/versions/1",
        none.clone(),
        404,
        code(40401),
    );
    call(
        "look-up in no subject",
        post.clone(),
        "/subjects/SUBJECT",
        schema(ONE),
        404,
        code(40401),
    );
    call(
        "deleting no subject",
        delete.clone(),
        "/subjects/SUBJECT",
        none.clone(),
        404,
        code(40401),
    );
    call(
        "level of no subject",
        get.clone(),
        "/config/SUBJECT",
        none.clone(),
        404,
        code(40408),
    );
    call(
        "mode of no subject",
        get.clone(),
        "/mode/SUBJECT",
        none.clone(),
        404,
        code(40409),
    );
    call(
        "inherited level",
        get.clone(),
        "/config/SUBJECT?defaultToGlobal=true",
        none.clone(),
        200,
        json!({"compatibilityLevel": "BACKWARD"}),
    );
    call(
        "inherited mode",
        get.clone(),
        "/mode/SUBJECT?defaultToGlobal=true",
        none.clone(),
        200,
        json!({"mode": "READWRITE"}),
    );
    call(
        "compatibility with nothing",
        post.clone(),
        "/compatibility/subjects/SUBJECT/versions/latest",
        schema(ONE),
        200,
        json!({"is_compatible": true}),
    );
    call(
        "registering",
        post.clone(),
        "/subjects/SUBJECT/versions",
        schema(ONE),
        200,
        json!({}),
    );
    call(
        "registering it again",
        post.clone(),
        "/subjects/SUBJECT/versions",
        schema(ONE),
        200,
        json!({}),
    );
    call(
        "its version",
        get.clone(),
        "/subjects/SUBJECT/versions",
        none.clone(),
        200,
        json!([1]),
    );
    call(
        "its latest version",
        get.clone(),
        "/subjects/SUBJECT/versions/latest",
        none.clone(),
        200,
        json!({"version": 1, "subject": "SUBJECT"}),
    );
    call(
        "a version that is not there",
        get.clone(),
        "/subjects/SUBJECT/versions/9",
        none.clone(),
        404,
        code(40402),
    );
    call(
        "a version that is no number",
        get.clone(),
        "/subjects/SUBJECT/versions/nine",
        none.clone(),
        422,
        code(42202),
    );
    call(
        "look-up",
        post.clone(),
        "/subjects/SUBJECT",
        schema(ONE),
        200,
        json!({"version": 1}),
    );
    call(
        "look-up of another",
        post.clone(),
        "/subjects/SUBJECT",
        schema(TWO),
        404,
        code(40403),
    );
    call(
        "no schema",
        post.clone(),
        "/subjects/SUBJECT/versions",
        schema("{"),
        422,
        code(42201),
    );
    call(
        "an empty schema",
        post.clone(),
        "/subjects/SUBJECT/versions",
        schema(""),
        422,
        code(42201),
    );
    call(
        "no body to speak of",
        post.clone(),
        "/subjects/SUBJECT/versions",
        json!({}),
        422,
        code(42201),
    );
    call(
        "compatible",
        post.clone(),
        "/compatibility/subjects/SUBJECT/versions",
        schema(TWO),
        200,
        json!({"is_compatible": true}),
    );
    call(
        "incompatible",
        post.clone(),
        "/compatibility/subjects/SUBJECT/versions",
        schema(BROKEN),
        200,
        json!({"is_compatible": false}),
    );
    call(
        "compatible with no such version",
        post.clone(),
        "/compatibility/subjects/SUBJECT/versions/9",
        schema(TWO),
        404,
        code(40402),
    );
    call(
        "registering what is incompatible",
        post.clone(),
        "/subjects/SUBJECT/versions",
        schema(BROKEN),
        409,
        code(40901),
    );
    call(
        "registering what is compatible",
        post.clone(),
        "/subjects/SUBJECT/versions",
        schema(TWO),
        200,
        json!({}),
    );
    call(
        "both versions",
        get.clone(),
        "/subjects/SUBJECT/versions",
        none.clone(),
        200,
        json!([1, 2]),
    );
    call(
        "a reference to nothing",
        post.clone(),
        "/subjects/OTHER/versions",
        refers(9),
        422,
        code(42201),
    );
    call(
        "a reference",
        post.clone(),
        "/subjects/OTHER/versions",
        refers(2),
        200,
        json!({}),
    );
    call(
        "reference kept",
        get.clone(),
        "/subjects/OTHER/versions/1",
        none.clone(),
        200,
        json!({"references": [{"name": "R", "version": 2}]}),
    );
    call(
        "compatibility with a reference",
        post.clone(),
        "/compatibility/subjects/OTHER/versions",
        refers(2),
        200,
        json!({"is_compatible": true}),
    );
    call(
        "deleting what is referred to",
        delete.clone(),
        "/subjects/SUBJECT/versions/2",
        none.clone(),
        422,
        code(42206),
    );
    call(
        "setting a level",
        put.clone(),
        "/config/SUBJECT",
        json!({"compatibility": "FULL_TRANSITIVE"}),
        200,
        json!({"compatibility": "FULL_TRANSITIVE"}),
    );
    call(
        "the level set",
        get.clone(),
        "/config/SUBJECT",
        none.clone(),
        200,
        json!({"compatibilityLevel": "FULL_TRANSITIVE"}),
    );
    call(
        "no such level",
        put.clone(),
        "/config/SUBJECT",
        json!({"compatibility": "SOME"}),
        422,
        code(42203),
    );
    call(
        "taking the level away",
        delete.clone(),
        "/config/SUBJECT",
        none.clone(),
        200,
        json!({}),
    );
    call(
        "no such mode",
        put.clone(),
        "/mode/SUBJECT",
        json!({"mode": "SOME"}),
        422,
        code(42204),
    );
    call(
        "read-only",
        put.clone(),
        "/mode/SUBJECT",
        json!({"mode": "READONLY"}),
        200,
        json!({"mode": "READONLY"}),
    );
    call(
        "registering what is read-only",
        post.clone(),
        "/subjects/SUBJECT/versions",
        schema(r#"{"type":"record","name":"R","fields":[]}"#),
        422,
        code(42205),
    );
    call(
        "taking the mode away",
        delete.clone(),
        "/mode/SUBJECT",
        none.clone(),
        200,
        json!({}),
    );
    call(
        "a schema by ID that is not there",
        get.clone(),
        "/schemas/ids/2000000000",
        none.clone(),
        404,
        code(40403),
    );
    call(
        "deleting for good what is not deleted",
        delete.clone(),
        "/subjects/OTHER?permanent=true",
        none.clone(),
        404,
        code(40405),
    );
    call(
        "deleting softly",
        delete.clone(),
        "/subjects/OTHER",
        none.clone(),
        200,
        json!([1]),
    );
    call(
        "deleting softly again",
        delete.clone(),
        "/subjects/OTHER",
        none.clone(),
        404,
        code(40404),
    );
    call(
        "a deleted subject's versions",
        get.clone(),
        "/subjects/OTHER/versions",
        none.clone(),
        404,
        code(40401),
    );
    call(
        "a deleted version, asked for",
        get.clone(),
        "/subjects/OTHER/versions/1?deleted=true",
        none.clone(),
        200,
        json!({"version": 1}),
    );
    call(
        "deleting for good",
        delete.clone(),
        "/subjects/OTHER?permanent=true",
        none.clone(),
        200,
        json!([1]),
    );
    // A level that is not transitive, and a first version that the new one does not go with.
    let levels = "/config/contract-levels-value";
    let versions = "/subjects/contract-levels-value/versions";
    let level = |name: &str| json!({ "compatibility": name });
    let without = r#"{"type":"record","name":"L","fields":[]}"#;
    let with_default = r#"{"type":"record","name":"L","fields":[{"name":"a","type":"int","default":0}]}"#;
    let required = r#"{"type":"record","name":"L","fields":[{"name":"a","type":"int"}]}"#;
    let all_versions = "/compatibility/subjects/contract-levels-value/versions";
    let latest = "/compatibility/subjects/contract-levels-value/versions/latest";
    let taken = || json!({"is_compatible": true});
    for (name, method, path, body, answer) in [
        ("no level", &put, levels, level("NONE"), json!({})),
        ("a first version", &post, versions, schema(without), json!({})),
        (
            "a second version",
            &post,
            versions,
            schema(with_default),
            json!({}),
        ),
        (
            "a level that looks at the latest",
            &put,
            levels,
            level("BACKWARD"),
            json!({}),
        ),
        (
            "what that level takes, asked of all versions",
            &post,
            all_versions,
            schema(required),
            taken(),
        ),
        (
            "what that level takes, asked of the latest",
            &post,
            latest,
            schema(required),
            taken(),
        ),
        (
            "what that level takes, registered",
            &post,
            versions,
            schema(required),
            json!({}),
        ),
    ] {
        call(name, method.clone(), path, body, 200, answer);
    }
    call(
        "deleting a version",
        delete,
        "/subjects/SUBJECT/versions/1",
        none.clone(),
        200,
        json!(1),
    );
    call(
        "what is left",
        get,
        "/subjects/SUBJECT/versions",
        none,
        200,
        json!([2]),
    );
    all
}

/// What Apicurio Registry 3.3.3 answers instead, by the name of the call: status and error code (0: none).
const DIFFERENCES: &[(&str, u16, u32)] = &[
    ("level of no subject", 404, 40401),
    ("mode of no subject", 200, 0),
    ("inherited level", 404, 40401),
    ("a version that is no number", 404, 40402),
    ("an empty schema", 500, 0),
    ("no body to speak of", 500, 0),
    ("registering what is incompatible", 409, 409),
    ("compatibility with a reference", 422, 42201),
    ("no such mode", 422, 42201),
    // It looks at all of them whatever the level, and registers all the same.
    ("what that level takes, asked of all versions", 200, 0),
    ("registering what is read-only", 200, 0),
    ("deleting for good what is not deleted", 409, 40405),
    ("a deleted version, asked for", 404, 40401),
    // For the one above that was not refused.
    ("what is left", 200, 0),
];

/// What was answered: the status, the error code, and what is wrong with the rest.
async fn ask(
    http: &reqwest::Client,
    base: &str,
    call: &Call,
    names: [&str; 2],
) -> (u16, u32, Option<String>) {
    let fill = |text: &str| text.replace("SUBJECT", names[0]).replace("OTHER", names[1]);
    let mut request = http.request(call.method.clone(), format!("{base}{}", fill(call.path)));
    if !call.body.is_null() {
        request = request
            .header("Content-Type", "application/vnd.schemaregistry.v1+json")
            .body(fill(&call.body.to_string()));
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let answer: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    let code = answer["error_code"]
        .as_u64()
        .and_then(|code| u32::try_from(code).ok())
        .unwrap_or(0);
    let wanted: Value = serde_json::from_str(&fill(&call.answer.to_string())).unwrap();
    let wrong = (status != call.status || !holds(&answer, &wanted)).then(|| {
        format!(
            "{}: wanted {} {wanted}, got {status} {text}",
            call.name, call.status
        )
    });
    (status, code, wrong)
}

/// Whether all that is wanted is there.
fn holds(answer: &Value, wanted: &Value) -> bool {
    match (answer, wanted) {
        (Value::Object(answer), Value::Object(wanted)) => wanted
            .iter()
            .all(|(key, value)| answer.get(key).is_some_and(|found| holds(found, value))),
        (Value::Array(answer), Value::Array(wanted)) => {
            answer.len() == wanted.len() && answer.iter().zip(wanted).all(|(a, w)| holds(a, w))
        }
        _ => answer == wanted,
    }
}

async fn run(base: &str, differences: &[(&str, u16, u32)]) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let names = ["contract-value", "contract-list-value"];
    let mut wrong = Vec::new();
    for call in calls() {
        let (status, code, found) = ask(&http, base, &call, names).await;
        let known = differences.iter().find(|(name, _, _)| *name == call.name);
        match (found, known) {
            (None, None) => {}
            (None, Some(_)) => wrong.push(format!("{}: no longer differs, take it off the list", call.name)),
            (Some(text), None) => wrong.push(text),
            (Some(text), Some((_, s, c))) if (status, code) != (*s, *c) => {
                wrong.push(format!("{text} (listed: {s} / {c}, answered: {status} / {code})"))
            }
            (Some(_), Some(_)) => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn the_embedded_registry_answers_as_documented() {
    let registry = EmbeddedRegistry::start(0).await.unwrap();
    run(registry.url().trim_end_matches('/'), &[]).await;
}

#[test]
fn a_real_registry_answers_so_too_but_for_what_is_listed() {
    let Some(stack) = stack() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(run(&stack.registry(), DIFFERENCES));
}
