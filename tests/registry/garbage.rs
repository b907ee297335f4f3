//! Requests that no client should send.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Server, code, schema_body};

async fn raw(server: &Server, body: &[u8]) -> (u16, Value) {
    let url = format!("{}/subjects/s/versions", server.registry.url());
    let request = server
        .http
        .post(url)
        .header("Content-Type", "application/json")
        .body(body.to_vec());
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn bodies_that_make_no_sense_get_an_error_and_change_nothing() {
    let server = Server::start().await;
    for body in ["", "{", "\u{0}", "nul", "{\"schema\":"] {
        assert_eq!(code(raw(&server, body.as_bytes()).await), (400, 400), "{body:?}");
    }
    assert_eq!(code(raw(&server, &[0xff, 0xfe]).await), (400, 400));
    for body in [
        "[]",
        "1",
        "\"x\"",
        "{\"schema\":1}",
        "{\"schema\":\"\\\"int\\\"\",\"references\":{}}",
    ] {
        assert_eq!(code(raw(&server, body.as_bytes()).await), (422, 422), "{body}");
    }
    for schema in [
        "",
        " ",
        "{",
        "\"inf\"",
        "{}",
        "[]x",
        "{\"type\":\"record\"}",
        "\u{fffd}",
    ] {
        assert_eq!(
            code(server.post("/subjects/s/versions", schema_body(schema)).await),
            (422, 42201),
            "{schema}"
        );
    }
    assert_eq!(
        code(server.post("/subjects/s/versions", json!({})).await),
        (422, 42201)
    );
    let nested = format!("{{\"schema\":\"\\\"int\\\"\",\"x\":{}", "[".repeat(100_000));
    assert_eq!(code(raw(&server, nested.as_bytes()).await), (400, 400));
    let deep = format!(
        "{}\"int\"{}",
        "{\"type\":\"array\",\"items\":".repeat(20_000),
        "}".repeat(20_000)
    );
    assert_eq!(
        code(server.post("/subjects/s/versions", schema_body(&deep)).await),
        (422, 42201)
    );
    let other = json!({"schema": "message M {}", "schemaType": "PROTOBUF"});
    assert_eq!(
        code(server.post("/subjects/s/versions", other).await),
        (422, 42201)
    );
    let rules = json!({"schema": "\"int\"", "ruleSet": {"domainRules": []}});
    assert_eq!(code(server.post("/subjects/s/versions", rules).await), (422, 422));
    assert_eq!(server.get("/subjects").await, (200, json!([])));
}

#[tokio::test]
async fn large_requests_are_cut_off() {
    let server = Server::start().await;
    let schema = format!("{{\"type\":\"string\",\"x\":\"{}\"}}", "a".repeat(1024 * 1024));
    assert_eq!(
        code(server.post("/subjects/s/versions", schema_body(&schema)).await),
        (422, 42209)
    );
    assert_eq!(
        code(raw(&server, &vec![b' '; 4 * 1024 * 1024]).await),
        (422, 42209)
    );
    let long = format!("/subjects/{}/versions", "s".repeat(9000));
    assert_eq!(code(server.get(&long).await), (414, 414));
}

#[tokio::test]
async fn subjects_may_have_any_name_that_can_be_read() {
    let server = Server::start().await;
    for (encoded, name) in [
        ("a%2Fb", "a/b"),
        ("%C3%A9%20x", "é x"),
        ("100%25", "100%"),
        ("a%3Fb%23c", "a?b#c"),
        (":.context:s", ":.context:s"),
    ] {
        server.register(encoded, "\"int\"").await;
        assert_eq!(
            server.get(&format!("/subjects/{encoded}/versions/1")).await.1["subject"],
            name
        );
    }
    assert_eq!(server.get("/subjects").await.1.as_array().unwrap().len(), 5);
    assert_eq!(
        code(
            server
                .post("/subjects/%20/versions", schema_body("\"int\""))
                .await
        ),
        (422, 42208)
    );
    assert_eq!(
        code(
            server
                .post("/subjects/a%00b/versions", schema_body("\"int\""))
                .await
        ),
        (422, 42208)
    );
    let long = format!("/subjects/{}/versions", "s".repeat(1025));
    assert_eq!(
        code(server.post(&long, schema_body("\"int\"")).await),
        (422, 42208)
    );
    assert_eq!(code(server.get("/subjects/%FF/versions").await), (400, 400));
}

#[tokio::test]
async fn versions_and_ids_are_numbers() {
    let server = Server::start().await;
    server.register("s", "\"int\"").await;
    for version in [
        "0",
        "-2",
        "x",
        "1.0",
        "2147483648",
        "99999999999999999999",
        "%F0%9F%9A%97",
    ] {
        assert_eq!(
            code(server.get(&format!("/subjects/s/versions/{version}")).await),
            (422, 42202),
            "{version}"
        );
    }
    assert_eq!(
        code(server.get("/subjects/s/versions/2147483647").await),
        (404, 40402)
    );
    assert_eq!(server.get("/subjects/s/versions/%20LATEST%20").await.0, 200);
    for id in ["0", "-1", "x", "99999999999999999999"] {
        assert_eq!(
            code(server.get(&format!("/schemas/ids/{id}")).await),
            (404, 40403),
            "{id}"
        );
    }
}

#[tokio::test]
async fn forms_are_not_json() {
    let server = Server::start().await;
    let url = format!("{}/subjects/s/versions", server.registry.url());
    let response = server
        .http
        .request(Method::POST, url)
        .header("Content-Type", "text/plain")
        .body("x")
        .send()
        .await;
    assert_eq!(response.unwrap().status().as_u16(), 415);
}

#[tokio::test]
async fn clients_that_ask_at_once_get_one_id() {
    let server = Server::start().await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..32 {
        let url = format!("{}/subjects/s/versions", server.registry.url());
        let call = server.http.post(url).json(&schema_body("\"int\""));
        calls.spawn(async move { call.send().await.unwrap().json::<Value>().await.unwrap() });
    }
    let answers = calls.join_all().await;
    assert!(
        answers.iter().all(|answer| *answer == json!({"id": 1})),
        "{answers:?}"
    );
    assert_eq!(server.get("/subjects/s/versions").await, (200, json!([1])));
}
