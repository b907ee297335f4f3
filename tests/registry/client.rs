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
            .compatibility(subject, &one, &[])
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
    let answer = client.compatibility(subject, &incompatible, &[]).await.unwrap();
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
    let answer = client.compatibility(&subject, &one, &[]).await.unwrap();
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
            .compatibility(&subject, &incompatible, &[])
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
        client.compatibility("s", "\"int\"", &[]).await.unwrap().messages,
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
            "Check the address",
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
