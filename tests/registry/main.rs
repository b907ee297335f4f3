//! The embedded registry over HTTP, held against what Confluent documents: addresses, statuses, error codes, bodies.

// Helpers of tests are tests, but clippy knows functions with #[test] only.
#![allow(clippy::unwrap_used, clippy::panic)]

mod client;
mod compatibility;
mod garbage;
mod references;
mod subjects;

use fleetops_registry::dev::registry::EmbeddedRegistry;
use reqwest::Method;
use serde_json::{Value, json};

/// A running registry and a plain HTTP client.
struct Server {
    registry: EmbeddedRegistry,
    http: reqwest::Client,
}

impl Server {
    async fn start() -> Self {
        Self {
            registry: EmbeddedRegistry::start(0).await.unwrap(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    /// A call with a JSON body, or with none for `Value::Null`; the status and the answer.
    async fn call(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.registry.url()));
        if !body.is_null() {
            request = request
                .header("Content-Type", "application/vnd.schemaregistry.v1+json")
                .body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        assert_eq!(
            response
                .headers()
                .get("content-type")
                .map(|v| v.to_str().unwrap()),
            Some("application/vnd.schemaregistry.v1+json"),
            "{path}"
        );
        let text = response.text().await.unwrap();
        (
            status,
            serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}: {text}")),
        )
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.call(Method::GET, path, Value::Null).await
    }

    async fn delete(&self, path: &str) -> (u16, Value) {
        self.call(Method::DELETE, path, Value::Null).await
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::POST, path, body).await
    }

    async fn put(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::PUT, path, body).await
    }

    /// Registers a schema and answers its ID.
    async fn register(&self, subject: &str, schema: &str) -> u64 {
        let (status, answer) = self
            .post(&format!("/subjects/{subject}/versions"), schema_body(schema))
            .await;
        assert_eq!(status, 200, "{answer}");
        answer["id"].as_u64().unwrap()
    }
}

fn schema_body(schema: &str) -> Value {
    json!({ "schema": schema })
}

/// The status and the error code, of an answer that has a message.
fn code(answer: (u16, Value)) -> (u16, u64) {
    let (status, body) = answer;
    assert!(body["message"].as_str().is_some_and(|m| !m.is_empty()), "{body}");
    (
        status,
        body["error_code"].as_u64().unwrap_or_else(|| panic!("{body}")),
    )
}

/// A record `R` with fields of these types, each with that default where one is given.
fn record(fields: &[(&str, &str, Option<&str>)]) -> String {
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, ty, default)| {
            let default = default.map_or_else(String::new, |d| format!(",\"default\":{d}"));
            format!("{{\"name\":\"{name}\",\"type\":\"{ty}\"{default}}}")
        })
        .collect();
    format!(
        "{{\"type\":\"record\",\"name\":\"R\",\"fields\":[{}]}}",
        fields.join(",")
    )
}
