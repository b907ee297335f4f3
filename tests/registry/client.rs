//! The client against the embedded registry, and against servers that answer as others do.

use fleetops_avro::compat::Level;
use fleetops_registry::registry::{Client, ClientError, Reference};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{Server, record};

#[tokio::test]
async fn every_call_against_the_embedded_registry() {
    let server = Server::start().await;
    let client = Client::new(&server.registry.url()).unwrap();
    let (one, two) = (
        record(&[("a", "int", None)]),
        record(&[("a", "int", None), ("b", "int", Some("0"))]),
    );
    let subject = "team/raw telemetry";

    assert_eq!(client.subjects().await.unwrap(), Vec::<String>::new());
    assert_eq!(client.versions(subject).await.unwrap(), Vec::<u32>::new());
    assert_eq!(client.version(subject, None).await.unwrap(), None);
    assert_eq!(client.look_up(subject, &one, &[]).await.unwrap(), None);
    assert_eq!(client.schema(1).await.unwrap(), None);
    assert!(
        client
            .compatibility(subject, Level::Backward, &one, &[])
            .await
            .unwrap()
            .is_compatible
    );
    assert_eq!(client.level(subject).await.unwrap(), None);
    assert_eq!(client.effective_level(subject).await.unwrap(), Level::Backward);

    client.set_level(None, Level::Full).await.unwrap();
    assert_eq!(client.global_level().await.unwrap(), Level::Full);
    assert_eq!(client.effective_level(subject).await.unwrap(), Level::Full);
    client
        .set_level(Some(subject), Level::BackwardTransitive)
        .await
        .unwrap();
    assert_eq!(
        client.level(subject).await.unwrap(),
        Some(Level::BackwardTransitive)
    );

    assert_eq!(client.register(subject, &one, &[]).await.unwrap(), 1);
    assert_eq!(client.register(subject, &two, &[]).await.unwrap(), 2);
    assert_eq!(client.versions(subject).await.unwrap(), [1, 2]);
    assert_eq!(client.subjects().await.unwrap(), [subject]);
    assert_eq!(
        client.look_up(subject, &one, &[]).await.unwrap().unwrap().version,
        1
    );
    let latest = client.version(subject, None).await.unwrap().unwrap();
    assert_eq!(
        (latest.version, latest.id, latest.subject.as_str()),
        (2, 2, subject)
    );
    assert_eq!(client.schema(1).await.unwrap().unwrap().schema, one);

    let incompatible = record(&[("c", "int", None)]);
    let answer = client
        .compatibility(subject, Level::BackwardTransitive, &incompatible, &[])
        .await
        .unwrap();
    assert!(!answer.is_compatible && !answer.messages.is_empty(), "{answer:?}");
    let refused = client.register(subject, &incompatible, &[]).await.unwrap_err();
    assert_eq!(refused.code(), Some(40901));
    let text = refused.to_string();
    assert!(
        text.contains("/subjects/team%2Fraw%20telemetry/versions") && text.contains("409"),
        "{text}"
    );
    assert!(text.contains("READER_FIELD_MISSING_DEFAULT_VALUE"), "{text}");

    let uses = "{\"type\":\"array\",\"items\":\"R\"}";
    let reference = Reference {
        name: "R".to_owned(),
        subject: subject.to_owned(),
        version: 2,
    };
    let id = client
        .register("list", uses, std::slice::from_ref(&reference))
        .await
        .unwrap();
    assert_eq!(client.schema(id).await.unwrap().unwrap().references, [reference]);
}

/// The same calls against a real registry, as far as all of them agree. Its address is `FLEETOPS_TEST_REGISTRY`.
#[tokio::test]
async fn a_real_registry_answers_the_same() {
    let Ok(url) = std::env::var("FLEETOPS_TEST_REGISTRY") else {
        eprintln!("skipped: FLEETOPS_TEST_REGISTRY is not set");
        return;
    };
    let client = Client::new(&url).unwrap();
    let suffix = uuid::Uuid::new_v4().simple().to_string();
    let subject = format!("team/raw telemetry {suffix}");
    let named = |schema: String| schema.replace("\"R\"", &format!("\"R{suffix}\""));
    let one = named(record(&[("a", "int", None)]));
    let two = named(record(&[("a", "int", None), ("b", "int", Some("0"))]));

    assert_eq!(client.versions(&subject).await.unwrap(), Vec::<u32>::new());
    assert_eq!(client.version(&subject, None).await.unwrap(), None);
    assert_eq!(client.look_up(&subject, &one, &[]).await.unwrap(), None);
    assert_eq!(client.schema(2_000_000_000).await.unwrap(), None);
    let answer = client
        .compatibility(&subject, Level::Backward, &one, &[])
        .await
        .unwrap();
    assert!(answer.is_compatible);
    // Confluent's says 40408, Apicurio's NONE.
    assert!(matches!(
        client.level(&subject).await.unwrap(),
        None | Some(Level::None)
    ));
    client.global_level().await.unwrap();
    client
        .set_level(Some(&subject), Level::BackwardTransitive)
        .await
        .unwrap();
    assert_eq!(
        client.level(&subject).await.unwrap(),
        Some(Level::BackwardTransitive)
    );
    assert_eq!(
        client.effective_level(&subject).await.unwrap(),
        Level::BackwardTransitive
    );

    let first = client.register(&subject, &one, &[]).await.unwrap();
    assert_eq!(client.register(&subject, &one, &[]).await.unwrap(), first);
    let second = client.register(&subject, &two, &[]).await.unwrap();
    assert_ne!(first, second);
    assert_eq!(client.versions(&subject).await.unwrap(), [1, 2]);
    assert!(client.subjects().await.unwrap().contains(&subject));
    let found = client.look_up(&subject, &one, &[]).await.unwrap().unwrap();
    assert_eq!((found.version, found.id), (1, first));
    let latest = client.version(&subject, None).await.unwrap().unwrap();
    assert_eq!(
        (latest.version, latest.id, latest.subject.as_str()),
        (2, second, subject.as_str())
    );
    let text = client.schema(first).await.unwrap().unwrap().schema;
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(value(&text), value(&one));

    let incompatible = named(record(&[("c", "int", None)]));
    assert!(
        !client
            .compatibility(&subject, Level::BackwardTransitive, &incompatible, &[])
            .await
            .unwrap()
            .is_compatible
    );
    let refused = client.register(&subject, &incompatible, &[]).await.unwrap_err();
    assert!(
        matches!(refused, ClientError::Refused { status: 409, .. }),
        "{refused:?}"
    );
    let invalid = client
        .register(&subject, "{\"type\":\"inf\"}", &[])
        .await
        .unwrap_err();
    assert_eq!(invalid.code(), Some(42201), "{invalid}");

    let reference = Reference {
        name: format!("R{suffix}"),
        subject: subject.clone(),
        version: 2,
    };
    let uses = format!("{{\"type\":\"array\",\"items\":\"R{suffix}\"}}");
    let list = format!("list {suffix}");
    let id = client
        .register(&list, &uses, std::slice::from_ref(&reference))
        .await
        .unwrap();
    assert_eq!(client.schema(id).await.unwrap().unwrap().references, [reference]);
}

/// A server that gives one answer to whatever it is asked, once.
async fn answering(answer: &str) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://user:secret@{}", listener.local_addr().unwrap());
    let answer = answer.to_owned();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let _ = socket.read(&mut request).await.unwrap();
        socket.write_all(answer.as_bytes()).await.unwrap();
        socket.shutdown().await.unwrap();
    });
    Client::new(&url).unwrap()
}

fn http(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn answers_of_other_registries_are_understood() {
    let client = answering(&http("200 OK", "null")).await;
    assert_eq!(client.versions("s").await.unwrap(), Vec::<u32>::new());
    let client = answering(&http(
        "200 OK",
        r#"{"subject":"s","version":1,"id":7,"schema":"\"int\"","references":null,"new":1}"#,
    ))
    .await;
    assert_eq!(
        client.version("s", Some(1)).await.unwrap().unwrap().references,
        []
    );
    let client = answering(&http("200 OK", r#"{"is_compatible":false,"messages":null}"#)).await;
    assert_eq!(
        client
            .compatibility("s", Level::Backward, "\"int\"", &[])
            .await
            .unwrap()
            .messages,
        Vec::<String>::new()
    );
    let client = answering(&http("200 OK", r#"{"compatibility":"NONE"}"#)).await;
    assert_eq!(client.level("s").await.unwrap(), Some(Level::None));
}

#[tokio::test]
async fn failures_say_what_and_where_and_never_the_password() {
    let cases = [
        (http("401 Unauthorized", ""), "HTTP 401", "registry-auth"),
        (
            http("404 Not Found", "<html>nothing here</html>"),
            "nothing here",
            "base address",
        ),
        (
            http(
                "503 Service Unavailable",
                "{\"error_code\":503,\"message\":\"leader\"}",
            ),
            "HTTP 503: leader",
            "Try again",
        ),
        (
            http(
                "500 Internal Server Error",
                "{\"error_code\":50001,\"message\":\"store\"}",
            ),
            "HTTP 500 / 50001: store",
            "log",
        ),
        (
            http("200 OK", "<html>"),
            "not a schema registry's",
            "base address",
        ),
        (
            http("200 OK", r#"{"compatibilityLevel":"SIDEWAYS"}"#),
            "\"SIDEWAYS\"",
            "/config",
        ),
        (
            "nonsense".to_owned(),
            "GET http://127.0.0.1:",
            "does not speak HTTP",
        ),
    ];
    for (answer, what, help) in cases {
        let error = answering(&answer).await.global_level().await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(what) && text.contains(help), "{answer}: {text}");
        assert!(
            !text.contains("secret") && !format!("{error:?}").contains("secret"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_registry_that_is_not_there_is_a_passing_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = Client::new(&format!("http://{address}"))
        .unwrap()
        .subjects()
        .await
        .unwrap_err();
    assert!(
        matches!(error, ClientError::Network { .. }) && error.is_passing(),
        "{error:?}"
    );
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

/// A server that gives these answers in turn, each on a connection of its own, and keeps what it was asked.
struct Scripted {
    url: String,
    asked: std::sync::Arc<std::sync::Mutex<Vec<String>>>,
}

impl Scripted {
    async fn new(answers: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let kept = std::sync::Arc::clone(&asked);
        tokio::spawn(async move {
            for answer in answers {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                // Head and body may come one after the other.
                loop {
                    let mut part = [0; 4096];
                    let read = socket.read(&mut part).await.unwrap();
                    request.extend_from_slice(&part[..read]);
                    let text = String::from_utf8_lossy(&request).into_owned();
                    let Some((head, body)) = text.split_once("\r\n\r\n") else {
                        continue;
                    };
                    let length = head.lines().find_map(|line| {
                        line.to_ascii_lowercase()
                            .strip_prefix("content-length: ")?
                            .parse()
                            .ok()
                    });
                    if read == 0 || body.len() >= length.unwrap_or(0) {
                        break;
                    }
                }
                kept.lock()
                    .unwrap()
                    .push(String::from_utf8_lossy(&request).into_owned());
                socket.write_all(answer.as_bytes()).await.unwrap();
                socket.shutdown().await.unwrap();
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn client(&self) -> Client {
        Client::new(&self.url).unwrap()
    }
}

fn busy(header: &str) -> String {
    format!("HTTP/1.1 429 Too Many Requests\r\n{header}Content-Length: 0\r\nConnection: close\r\n\r\n")
}

#[tokio::test]
async fn what_can_help_is_tried_again_and_nothing_else() {
    let down = http(
        "503 Service Unavailable",
        "{\"error_code\":50003,\"message\":\"no leader\"}",
    );
    let broken = http(
        "500 Internal Server Error",
        "{\"error_code\":50001,\"message\":\"store\"}",
    );
    let refused = http("409 Conflict", "{\"error_code\":40901,\"message\":\"no\"}");
    let names = http("200 OK", "[\"s\"]");
    let id = http("200 OK", "{\"id\":7}");

    let server = Scripted::new(vec![busy("Retry-After: 0\r\n"), broken.clone(), names.clone()]).await;
    assert_eq!(server.client().subjects().await.unwrap(), ["s"]);
    assert_eq!(server.asked().len(), 3);

    let server = Scripted::new(vec![down, id.clone()]).await;
    assert_eq!(server.client().register("s", "\"int\"", &[]).await.unwrap(), 7);

    for (answer, next) in [(busy(""), &names), (busy("Retry-After: 3600\r\n"), &names)] {
        let server = Scripted::new(vec![answer, next.clone()]).await;
        let error = server.client().subjects().await.unwrap_err();
        assert!(
            matches!(error, ClientError::Refused { status: 429, .. }),
            "{error}"
        );
        assert_eq!(server.asked().len(), 1);
    }
    // What may have been done is not done twice, and a no is a no.
    for answer in [broken.clone(), refused] {
        let server = Scripted::new(vec![answer, id.clone()]).await;
        server.client().register("s", "\"int\"", &[]).await.unwrap_err();
        assert_eq!(server.asked().len(), 1);
    }
    // The answer is told, not the broken connection after it.
    let server = Scripted::new(vec![broken]).await;
    let error = server.client().subjects().await.unwrap_err();
    assert_eq!(error.code(), Some(50001), "{error}");
}

#[tokio::test]
async fn of_several_addresses_the_next_one_is_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let server = Server::start().await;
    let there = server.registry.url().to_owned();
    let client = Client::new(&format!("{gone}, {there}")).unwrap();
    assert_eq!(client.register("s", "\"int\"", &[]).await.unwrap(), 1);
    assert_eq!(client.versions("s").await.unwrap(), [1]);
    assert_eq!(client.url().trim_end_matches('/'), there.trim_end_matches('/'));
    let error = Client::new(&format!("{gone},"))
        .unwrap()
        .subjects()
        .await
        .unwrap_err();
    assert!(error.to_string().contains(&gone), "{error}");
}

#[tokio::test]
async fn a_level_is_set_without_dropping_the_other_settings() {
    let answer = r#"{"compatibilityLevel":"NONE","normalize":true,"ofTheFuture":{"a":[1]}}"#;
    let server = Scripted::new(vec![http("200 OK", answer), http("200 OK", answer)]).await;
    server.client().set_level(Some("s"), Level::Full).await.unwrap();
    let asked = server.asked();
    let (head, body) = asked[1].split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("PUT /config/s HTTP/1.1"), "{head}");
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(
        body,
        serde_json::json!({"compatibility": "FULL", "normalize": true, "ofTheFuture": {"a": [1]}})
    );
}

#[tokio::test]
async fn modes_settings_and_deletions() {
    let server = Server::start().await;
    let client = Client::new(&server.registry.url()).unwrap();
    client.register("s", "\"int\"", &[]).await.unwrap();
    assert_eq!(client.mode(Some("s")).await.unwrap(), "READWRITE");
    client.set_mode(Some("s"), "READONLY", false).await.unwrap();
    assert_eq!(client.mode(Some("s")).await.unwrap(), "READONLY");
    assert_eq!(client.mode(None).await.unwrap(), "READWRITE");
    let refused = client.register("s", "\"long\"", &[]).await.unwrap_err();
    assert_eq!(refused.code(), Some(42205), "{refused}");
    assert!(client.clear_mode("s").await.unwrap());
    assert!(!client.clear_mode("s").await.unwrap());
    assert_eq!(client.settings(Some("s"), false).await.unwrap(), None);
    client.set_level(Some("s"), Level::Full).await.unwrap();
    let own = client.settings(Some("s"), false).await.unwrap().unwrap();
    assert_eq!(own.get("compatibility"), Some(&"FULL".into()));
    assert!(client.clear_settings(Some("s")).await.unwrap());
    assert!(!client.clear_settings(Some("s")).await.unwrap());
    let error = client.delete_subject("s", true).await.unwrap_err();
    assert_eq!(error.code(), Some(40405), "{error}");
    assert_eq!(client.delete_subject("s", false).await.unwrap(), [1]);
    assert_eq!(client.subjects().await.unwrap(), Vec::<String>::new());
    assert_eq!(client.subjects_even_deleted().await.unwrap(), ["s"]);
    assert_eq!(client.delete_subject("s", true).await.unwrap(), [1]);
    client.register("t", "\"int\"", &[]).await.unwrap();
    client.delete_version("t", 1, false).await.unwrap();
    client.delete_version("t", 1, true).await.unwrap();
    assert_eq!(
        client.delete_version("t", 1, true).await.unwrap_err().code(),
        Some(40401)
    );
}
