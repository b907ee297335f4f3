//! Look-ups against a small HTTP server, and against a client made for the test where the order of things matters.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::*;

/// A server that answers request n with answer n, and keeps what it was asked.
struct Server {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(answers: &[(u16, &str)]) -> Self {
        let answers: VecDeque<(u16, String)> = answers.iter().map(|(s, b)| (*s, (*b).to_owned())).collect();
        let answers = Arc::new(Mutex::new(answers));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (answers, log) = (Arc::clone(&answers), Arc::clone(&log));
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    let mut buffer = [0; 4096];
                    loop {
                        let read = stream.read(&mut buffer).await.unwrap_or(0);
                        request.extend_from_slice(&buffer[..read]);
                        if read == 0 || is_whole(&request) {
                            break;
                        }
                    }
                    log.lock()
                        .unwrap()
                        .push(String::from_utf8_lossy(&request).into_owned());
                    let Some((status, body)) = answers.lock().unwrap().pop_front() else {
                        // No answer: the connection stays open.
                        return std::future::pending().await;
                    };
                    let answer = format!(
                        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                        body.len()
                    );
                    stream.write_all(answer.as_bytes()).await.ok();
                });
            }
        });
        Self { address, asked }
    }

    fn source(&self) -> SchemaSource {
        let mut settings = RegistrySettings::new(&format!("http://{}", self.address));
        settings.set_timeout(Duration::from_millis(300));
        SchemaSource::connect(&settings).unwrap()
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn paths(&self) -> Vec<String> {
        let asked = self.asked();
        asked
            .iter()
            .map(|request| request.split(' ').take(2).collect::<Vec<_>>().join(" "))
            .collect()
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

const LONG: (u16, &str) = (200, r#"{"schema":"\"long\""}"#);

#[tokio::test]
async fn a_schema_is_asked_for_once() {
    let server = Server::start(&[LONG]).await;
    let source = server.source();
    assert!(source.known(SchemaId::Id(7)).is_none());
    for _ in 0..3 {
        assert_eq!(source.schema(SchemaId::Id(7)).await.unwrap().text(), "\"long\"");
    }
    assert!(source.clone().known(SchemaId::Id(7)).is_some());
    assert_eq!(server.paths(), ["GET /schemas/ids/7?deleted=true"]);
}

#[tokio::test]
async fn a_guid_is_looked_up_as_one() {
    let server = Server::start(&[LONG]).await;
    let guid = uuid::Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
    server.source().schema(SchemaId::Guid(guid)).await.unwrap();
    assert_eq!(
        server.paths(),
        ["GET /schemas/guids/01234567-89ab-cdef-0123-456789abcdef?deleted=true"]
    );
}

#[tokio::test]
async fn references_are_fetched_depth_first_and_each_name_once() {
    let server = Server::start(&[
        (
            200,
            r#"{"schema":"{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"b\",\"type\":\"n.B\"},{\"name\":\"c\",\"type\":\"n.C\"}]}",
               "references":[{"name":"n.B","subject":"b/x y","version":2},{"name":"n.C","subject":"c","version":1}]}"#,
        ),
        (
            200,
            r#"{"id":5,"version":2,"schema":"{\"type\":\"record\",\"name\":\"B\",\"namespace\":\"n\",\"fields\":[{\"name\":\"c\",\"type\":\"C\"}]}",
               "references":[{"name":"n.C","subject":"c","version":1}]}"#,
        ),
        (200, r#"{"id":4,"version":1,"schema":"{\"type\":\"fixed\",\"name\":\"C\",\"namespace\":\"n\",\"size\":3}"}"#),
    ])
    .await;
    let schema = server.source().schema(SchemaId::Id(1)).await.unwrap();
    assert_eq!(
        server.paths(),
        [
            "GET /schemas/ids/1?deleted=true",
            "GET /subjects/b%2Fx%20y/versions/2",
            "GET /subjects/c/versions/1"
        ]
    );
    // Self-contained, and the record of the ID itself.
    assert_eq!(schema.root_node().name().unwrap().to_string(), "A");
    assert!(
        schema.text().contains(r#""type":"fixed","name":"C","size":3"#),
        "{}",
        schema.text()
    );
}

#[tokio::test]
async fn an_unknown_id_is_final_and_names_the_registry() {
    let server = Server::start(&[(404, r#"{"error_code":40403,"message":"Schema 9 not found"}"#)]).await;
    let error = server.source().schema(SchemaId::Id(9)).await.unwrap_err();
    assert!(error.is_final() && !error.is_retryable());
    let address = &server.address;
    assert!(
        error
            .to_string()
            .starts_with(&format!("the registry at http://{address} has no schema ID 9:")),
        "{error}"
    );
}

#[tokio::test]
async fn no_answer_is_retryable_and_not_kept() {
    for (answer, told) in [
        (
            (500, r#"{"error_code":50001,"message":"store down"}"#),
            "HTTP 500, 50001: store down",
        ),
        ((503, "<html>try later</html>"), "HTTP 503"),
        ((429, "{}"), "HTTP 429"),
        ((200, "<html>a login page</html>"), "expected value"),
        ((200, r#"{"id":7}"#), "no schema in it"),
    ] {
        let server = Server::start(&[answer, LONG]).await;
        let source = server.source();
        let error = source.schema(SchemaId::Id(7)).await.unwrap_err();
        assert!(error.is_retryable() && !error.is_final(), "{error:?}");
        assert!(error.to_string().contains(told), "{error}");
        // The next one asks again, and gets what there is now.
        source.schema(SchemaId::Id(7)).await.unwrap();
    }
}

#[tokio::test]
async fn a_registry_that_hangs_or_is_gone_is_unreachable_in_time() {
    let server = Server::start(&[]).await;
    let error = server.source().schema(SchemaId::Id(7)).await.unwrap_err();
    assert!(
        matches!(error, RegistryError::Unreachable { .. }) && error.is_retryable(),
        "{error:?}"
    );
    let free = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let gone = SchemaSource::connect(&RegistrySettings::new(&format!("http://{free}"))).unwrap();
    let error = gone.schema(SchemaId::Id(7)).await.unwrap_err();
    assert!(
        error.is_retryable() && error.to_string().contains("refused"),
        "{error}"
    );
}

#[tokio::test]
async fn what_the_operator_must_mend_is_neither_final_nor_retried() {
    for (answer, told) in [
        (
            (401, r#"{"error_code":401,"message":"Unauthorized"}"#),
            "refuses us: HTTP 401, 401: Unauthorized",
        ),
        ((403, ""), "refuses us: HTTP 403"),
        (
            (404, "<html>no such page</html>"),
            "does not take the request: HTTP 404",
        ),
        (
            (422, r#"{"error_code":42201,"message":"a\nb"}"#),
            "HTTP 422, 42201: a b",
        ),
    ] {
        let server = Server::start(&[answer]).await;
        let error = server.source().schema(SchemaId::Id(7)).await.unwrap_err();
        assert!(!error.is_retryable() && !error.is_final(), "{error:?}");
        assert!(error.to_string().contains(told), "{error}");
    }
}

#[tokio::test]
async fn a_schema_that_is_no_avro_is_final() {
    for (answer, told) in [
        (
            (
                200,
                r#"{"schema":"syntax = \"proto3\";","schemaType":"PROTOBUF"}"#,
            ),
            "schema ID 7 of the registry",
        ),
        ((200, r#"{"schema":"{\"type\":\"recrod\"}"}"#), "recrod"),
    ] {
        let server = Server::start(&[answer]).await;
        let error = server.source().schema(SchemaId::Id(7)).await.unwrap_err();
        assert!(error.is_final(), "{error:?}");
        assert!(error.to_string().contains(told), "{error}");
    }
    let dangling = r#"{"schema":"\"long\"","references":[{"name":"n.B","subject":"b","version":2}]}"#;
    let missing = (404, r#"{"error_code":40402,"message":"Version 2 not found."}"#);
    let server = Server::start(&[(200, dangling), missing]).await;
    let error = server.source().schema(SchemaId::Id(7)).await.unwrap_err();
    assert!(
        error.is_final() && error.to_string().contains("n.B, version 2 of subject b"),
        "{error}"
    );
}

#[tokio::test]
async fn credentials_are_sent_and_not_shown() {
    let server = Server::start(&[LONG, LONG]).await;
    let url = format!("http://ada:hunter2@{}", server.address);
    let source = SchemaSource::connect(&RegistrySettings::new(&url)).unwrap();
    assert!(!format!("{source:?} {}", source.address()).contains("hunter2"));
    source.schema(SchemaId::Id(1)).await.unwrap();
    let mut settings = RegistrySettings::new(&format!("http://{}", server.address));
    settings.set_authentication(Some(RegistryAuthentication::bearer("hunter3")));
    SchemaSource::connect(&settings)
        .unwrap()
        .schema(SchemaId::Id(1))
        .await
        .unwrap();
    let asked = server.asked();
    assert!(
        asked[0]
            .to_ascii_lowercase()
            .contains("authorization: basic ywrhomh1bnrlcji="),
        "{}",
        asked[0]
    );
    assert!(asked[1].contains("Bearer hunter3"), "{}", asked[1]);

    let gone = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let url = format!("http://ada:hunter2@{gone}");
    let error = SchemaSource::connect(&RegistrySettings::new(&url))
        .unwrap()
        .schema(SchemaId::Id(1))
        .await;
    assert!(!format!("{error:?} {}", error.as_ref().unwrap_err()).contains("hunter2"));
}

#[tokio::test]
async fn our_id_is_looked_up_and_never_registered() {
    let server = Server::start(&[(
        200,
        r#"{"subject":"t-value","version":3,"id":42,"schema":"\"long\""}"#,
    )])
    .await;
    assert_eq!(server.source().id_of("t-value", "\"long\"").await, Ok(42));
    assert_eq!(server.paths(), ["POST /subjects/t-value?deleted=false"]);
    assert!(
        server.asked()[0].ends_with(r#"{"schema":"\"long\""}"#),
        "{}",
        server.asked()[0]
    );
}

#[tokio::test]
async fn our_schema_is_found_among_versions_with_references() {
    let ours =
        r#"{"type":"record","name":"A","fields":[{"name":"b","type":{"type":"fixed","name":"B","size":3}}]}"#;
    let missed = (404, r#"{"error_code":40403,"message":"Schema not found"}"#);
    let newest = (200, r#"{"id":9,"version":3,"schema":"\"long\""}"#);
    let deleted = (404, r#"{"error_code":40402,"message":"Version 2 not found."}"#);
    let first = (
        200,
        r#"{"id":8,"version":1,"schema":"{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"b\",\"type\":\"B\"}]}","references":[{"name":"B","subject":"b","version":1}]}"#,
    );
    let referenced = (
        200,
        r#"{"id":7,"version":1,"schema":"{\"type\":\"fixed\",\"name\":\"B\",\"size\":3}"}"#,
    );
    let server = Server::start(&[missed, newest, deleted, first, referenced]).await;
    assert_eq!(server.source().id_of("a", ours).await, Ok(8));
    assert_eq!(
        server.paths(),
        [
            "POST /subjects/a?deleted=false",
            "GET /subjects/a/versions/latest",
            "GET /subjects/a/versions/2",
            "GET /subjects/a/versions/1",
            "GET /subjects/b/versions/1"
        ]
    );
}

#[tokio::test]
async fn a_schema_that_is_not_registered_says_what_to_do() {
    let unknown = (404, r#"{"error_code":40401,"message":"Subject 'a' not found."}"#);
    let server = Server::start(&[unknown, unknown]).await;
    let error = server.source().id_of("a", "\"long\"").await.unwrap_err();
    assert!(
        matches!(&error, RegistryError::NotRegistered { subject, .. } if subject == "a"),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("run `fleetops-registry register`"),
        "{error}"
    );
    // Another schema under the subject is not ours.
    let other = (200, r#"{"id":9,"version":1,"schema":"\"int\""}"#);
    let server = Server::start(&[unknown, other]).await;
    assert!(matches!(
        server.source().id_of("a", "\"long\"").await,
        Err(RegistryError::NotRegistered { .. })
    ));
}

#[test]
fn settings_that_cannot_work_are_refused_before_anything_is_sent() {
    let error = |settings: &RegistrySettings| SchemaSource::connect(settings).unwrap_err().to_string();
    assert_eq!(
        error(&RegistrySettings::new(" , ")),
        "the registry has no address"
    );
    assert!(error(&RegistrySettings::new("localhost:8081")).contains("neither http:// nor https://"));
    assert!(error(&RegistrySettings::new("registry")).contains("registry is no URL"));
    let mut settings = RegistrySettings::new("https://registry");
    settings.set_files(Some("/nonexistent/ca.pem".to_owned()), None, None);
    assert!(error(&settings).starts_with("cannot read /nonexistent/ca.pem"));
    settings.set_files(None, Some("/nonexistent/cert.pem".to_owned()), None);
    assert!(error(&settings).contains("needs its key"));
}

type Told = Result<Option<RegisteredSchema>, RegistryError>;

/// A client that answers when it is let, and counts.
#[derive(Clone)]
struct Gate {
    open: Arc<Semaphore>,
    calls: Arc<AtomicUsize>,
    answers: Arc<Mutex<VecDeque<Told>>>,
}

impl Gate {
    fn new(answers: impl IntoIterator<Item = Told>) -> Self {
        Self {
            open: Arc::new(Semaphore::new(0)),
            calls: Arc::default(),
            answers: Arc::new(Mutex::new(answers.into_iter().collect())),
        }
    }

    async fn next(&self) -> Told {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.open.acquire().await.unwrap().forget();
        self.answers.lock().unwrap().pop_front().unwrap()
    }
}

impl RegistryClient for Gate {
    fn address(&self) -> String {
        "gate".to_owned()
    }
    fn schema(&self, _: SchemaId) -> Answer<'_, Option<RegisteredSchema>> {
        Box::pin(self.next())
    }
    fn version<'a>(&'a self, _: &'a str, _: Option<u32>) -> Answer<'a, Option<RegisteredSchema>> {
        Box::pin(self.next())
    }
    fn look_up<'a>(&'a self, _: &'a str, _: &'a str) -> Answer<'a, Option<u32>> {
        Box::pin(async { Ok(self.next().await?.and_then(|found| found.id)) })
    }
}

fn down() -> RegistryError {
    RegistryError::Unreachable {
        registry: "gate".to_owned(),
        reason: "down".to_owned(),
    }
}

#[tokio::test]
async fn callers_that_miss_together_share_one_request_and_its_outcome() {
    let gate = Gate::new([Err(down()), Ok(Some(RegisteredSchema::avro("\"long\"")))]);
    let source = SchemaSource::new(gate.clone());
    for round in 0..2 {
        let one = || source.schema(SchemaId::Id(7));
        // Polled in this order: three callers wait before the answer is let go.
        let (a, b, c, ()) = tokio::join!(biased; one(), one(), one(), async { gate.open.add_permits(1) });
        assert_eq!(gate.calls.load(Ordering::SeqCst), round + 1);
        for outcome in [a, b, c] {
            assert_eq!(outcome.is_ok(), round == 1);
        }
    }
}

#[tokio::test]
async fn a_cancelled_caller_takes_nothing_from_the_others() {
    let gate = Gate::new([Ok(Some(RegisteredSchema::avro("\"long\"")))]);
    let source = SchemaSource::new(gate.clone());
    let mut first = Box::pin(source.schema(SchemaId::Id(7)));
    // Asked, and dropped before the answer.
    assert!(futures_poll(first.as_mut()).await.is_none());
    drop(first);
    gate.open.add_permits(1);
    source.schema(SchemaId::Id(7)).await.unwrap();
    assert_eq!(gate.calls.load(Ordering::SeqCst), 1);
}

/// Polls once.
async fn futures_poll<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match Pin::new(&mut future).poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn our_id_is_asked_for_again_while_the_registry_is_down() {
    let ours = RegisteredSchema {
        id: Some(3),
        ..RegisteredSchema::default()
    };
    let gate = Gate::new([Err(down()), Err(down()), Ok(Some(ours))]);
    gate.open.add_permits(9);
    assert_eq!(
        SchemaSource::new(gate.clone()).id_of("a", "\"long\"").await,
        Ok(3)
    );
    let gate = Gate::new([Err(down()), Err(down()), Err(down())]);
    gate.open.add_permits(9);
    assert_eq!(
        SchemaSource::new(gate.clone()).id_of("a", "\"long\"").await,
        Err(down())
    );
    assert_eq!(gate.calls.load(Ordering::SeqCst), 3);
}
