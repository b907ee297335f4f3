//! Subjects, versions, IDs, deletion, settings.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Server, code, record, schema_body};

const A: &str = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}"#;
/// The same schema in other clothes.
const A_SPACED: &str = "{ \"type\" : \"record\", // a note\n \"name\":\"R\",\n\t\"fields\" : [ {\"name\":\"a\",\"type\":\"int\"} ] }";

fn b() -> String {
    record(&[("a", "int", None), ("b", "string", Some("\"\""))])
}

#[tokio::test]
async fn an_empty_registry_says_so() {
    let server = Server::start().await;
    assert_eq!(server.get("/").await, (200, json!({})));
    assert_eq!(server.get("/subjects").await, (200, json!([])));
    assert_eq!(server.get("/schemas").await, (200, json!([])));
    assert_eq!(server.get("/schemas/types").await, (200, json!(["AVRO"])));
    assert_eq!(
        server.get("/config").await,
        (200, json!({"compatibilityLevel": "BACKWARD"}))
    );
    assert_eq!(server.get("/mode").await, (200, json!({"mode": "READWRITE"})));
    assert_eq!(code(server.get("/subjects/s/versions").await), (404, 40401));
    assert_eq!(code(server.get("/subjects/s/versions/1").await), (404, 40401));
    assert_eq!(code(server.get("/schemas/ids/1").await), (404, 40403));
    assert_eq!(code(server.get("/config/s").await), (404, 40408));
    assert_eq!(code(server.get("/mode/s").await), (404, 40409));
    assert_eq!(code(server.get("/nowhere").await), (404, 404));
    assert_eq!(
        code(server.call(Method::PATCH, "/subjects", Value::Null).await),
        (405, 405)
    );
}

#[tokio::test]
async fn one_schema_has_one_id_in_every_subject() {
    let server = Server::start().await;
    assert_eq!(server.register("s", A).await, 1);
    assert_eq!(
        server.register("s", A_SPACED).await,
        1,
        "whitespace and comments are not part of a schema"
    );
    assert_eq!(server.get("/subjects/s/versions").await, (200, json!([1])));
    assert_eq!(server.register("t", A).await, 1);
    assert_eq!(server.register("s", &b()).await, 2);
    assert_eq!(server.get("/subjects").await, (200, json!(["s", "t"])));
    assert_eq!(server.get("/subjects/s/versions").await, (200, json!([1, 2])));
    assert_eq!(server.get("/subjects/s/versions/2").await.1["id"], 2);
    assert_eq!(
        server.get("/subjects/s/versions/latest").await,
        server.get("/subjects/s/versions/2").await
    );
    assert_eq!(
        server.get("/subjects/s/versions/-1").await,
        server.get("/subjects/s/versions/2").await
    );
    assert_eq!(
        server.get("/subjects/s/versions/1").await,
        (200, json!({"subject": "s", "version": 1, "id": 1, "schema": A}))
    );
    assert_eq!(
        server.get("/subjects/s/versions/1/schema").await,
        (200, serde_json::from_str(A).unwrap())
    );
    assert_eq!(server.get("/schemas/ids/1").await, (200, json!({"schema": A})));
    assert_eq!(
        server.get("/schemas/ids/1/schema").await,
        (200, serde_json::from_str(A).unwrap())
    );
    assert_eq!(
        server.get("/schemas/ids/1/subjects").await,
        (200, json!(["s", "t"]))
    );
    assert_eq!(
        server.get("/schemas/ids/1/versions").await,
        (
            200,
            json!([{"subject": "s", "version": 1}, {"subject": "t", "version": 1}])
        )
    );
    assert_eq!(
        server.get("/schemas?subjectPrefix=s&latestOnly=true").await.1[0]["version"],
        2
    );
    assert_eq!(server.get("/subjects?subjectPrefix=t").await, (200, json!(["t"])));
    assert_eq!(
        server.get("/subjects/s/versions?offset=1&limit=1").await,
        (200, json!([2]))
    );
}

#[tokio::test]
async fn a_document_makes_another_schema() {
    let server = Server::start().await;
    let documented = A.replace("\"name\":\"R\"", "\"name\":\"R\",\"doc\":\"changed\"");
    assert_eq!(server.register("s", A).await, 1);
    assert_eq!(server.register("s", &documented).await, 2);
    assert_eq!(server.get("/subjects/s/versions").await, (200, json!([1, 2])));
}

#[tokio::test]
async fn a_look_up_registers_nothing() {
    let server = Server::start().await;
    assert_eq!(
        code(server.post("/subjects/s", schema_body(A)).await),
        (404, 40401)
    );
    server.register("s", A).await;
    let found = json!({"subject": "s", "version": 1, "id": 1, "schema": A});
    assert_eq!(
        server.post("/subjects/s", schema_body(A_SPACED)).await,
        (200, found.clone())
    );
    assert_eq!(
        code(server.post("/subjects/s", schema_body(&b())).await),
        (404, 40403)
    );
    assert_eq!(
        code(server.post("/subjects/s", schema_body("{")).await),
        (422, 42201)
    );
    server.delete("/subjects/s").await;
    assert_eq!(
        code(server.post("/subjects/s", schema_body(A)).await),
        (404, 40401)
    );
    assert_eq!(
        server.post("/subjects/s?deleted=true", schema_body(A)).await,
        (200, found)
    );
    assert_eq!(server.get("/subjects?deleted=true").await, (200, json!(["s"])));
}

#[tokio::test]
async fn versions_are_deleted_softly_then_for_good() {
    let server = Server::start().await;
    server.register("s", A).await;
    server.register("s", &b()).await;
    assert_eq!(
        code(server.delete("/subjects/s/versions/1?permanent=true").await),
        (404, 40407)
    );
    assert_eq!(server.delete("/subjects/s/versions/1").await, (200, json!(1)));
    assert_eq!(code(server.delete("/subjects/s/versions/1").await), (404, 40406));
    assert_eq!(code(server.get("/subjects/s/versions/1").await), (404, 40402));
    assert_eq!(server.get("/subjects/s/versions/1?deleted=true").await.0, 200);
    assert_eq!(server.get("/subjects/s/versions").await, (200, json!([2])));
    assert_eq!(
        server.get("/subjects/s/versions?deleted=true").await,
        (200, json!([1, 2]))
    );
    assert_eq!(
        server.get("/subjects/s/versions?deletedOnly=true").await,
        (200, json!([1]))
    );
    assert_eq!(
        server.get("/schemas/ids/1").await.0,
        200,
        "readers of old records still need it"
    );
    assert_eq!(server.get("/schemas/ids/1/versions").await, (200, json!([])));
    assert_eq!(
        server.delete("/subjects/s/versions/1?permanent=true").await,
        (200, json!(1))
    );
    assert_eq!(code(server.get("/schemas/ids/1").await), (404, 40403));
    assert_eq!(code(server.delete("/subjects/s/versions/1").await), (404, 40402));
    assert_eq!(
        server.get("/subjects/s/versions?deleted=true").await,
        (200, json!([2]))
    );
}

#[tokio::test]
async fn a_soft_deletion_does_not_free_a_number() {
    let server = Server::start().await;
    server.put("/config/s", json!({"compatibility": "NONE"})).await;
    server.register("s", A).await;
    server.register("s", "\"int\"").await;
    server.delete("/subjects/s/versions/2").await;
    assert_eq!(server.register("s", "\"string\"").await, 3);
    assert_eq!(server.get("/subjects/s/versions").await, (200, json!([1, 3])));
    // The same text again is a new version with the old ID; the deleted one is gone.
    assert_eq!(server.register("s", "\"int\"").await, 2);
    assert_eq!(
        server.get("/subjects/s/versions?deleted=true").await,
        (200, json!([1, 3, 4]))
    );
}

#[tokio::test]
async fn subjects_are_deleted_softly_then_for_good() {
    let server = Server::start().await;
    server.register("s", A).await;
    server.register("s", &b()).await;
    server.put("/config/s", json!({"compatibility": "FULL"})).await;
    assert_eq!(code(server.delete("/subjects/t").await), (404, 40401));
    assert_eq!(
        code(server.delete("/subjects/s?permanent=true").await),
        (404, 40405)
    );
    assert_eq!(server.delete("/subjects/s").await, (200, json!([1, 2])));
    assert_eq!(code(server.delete("/subjects/s").await), (404, 40404));
    assert_eq!(
        code(server.get("/config/s").await),
        (404, 40408),
        "its settings go with it"
    );
    assert_eq!(server.get("/subjects").await, (200, json!([])));
    assert_eq!(
        server.get("/subjects?deletedOnly=true").await,
        (200, json!(["s"]))
    );
    assert_eq!(
        server.delete("/subjects/s?permanent=true").await,
        (200, json!([1, 2]))
    );
    assert_eq!(code(server.delete("/subjects/s").await), (404, 40401));
    assert_eq!(server.register("s", A).await, 3);
    assert_eq!(server.get("/subjects/s/versions").await, (200, json!([1])));
}

#[tokio::test]
async fn levels_are_inherited_until_set() {
    let server = Server::start().await;
    assert_eq!(
        server.put("/config", json!({"compatibility": "full"})).await,
        (200, json!({"compatibility": "full"}))
    );
    assert_eq!(
        server.get("/config").await,
        (200, json!({"compatibilityLevel": "FULL"}))
    );
    assert_eq!(code(server.get("/config/s").await), (404, 40408));
    assert_eq!(
        server.get("/config/s?defaultToGlobal=true").await.1["compatibilityLevel"],
        "FULL"
    );
    server
        .put("/config/s", json!({"compatibility": "FORWARD_TRANSITIVE"}))
        .await;
    assert_eq!(
        server.get("/config/s").await,
        (200, json!({"compatibilityLevel": "FORWARD_TRANSITIVE"}))
    );
    assert_eq!(
        code(server.put("/config/s", json!({"compatibility": "SOME"})).await),
        (422, 42203)
    );
    assert_eq!(
        server.get("/config/s").await.1["compatibilityLevel"],
        "FORWARD_TRANSITIVE"
    );
    assert_eq!(
        server.delete("/config/s").await.1["compatibilityLevel"],
        "FORWARD_TRANSITIVE"
    );
    assert_eq!(code(server.delete("/config/s").await), (404, 40401));
    assert_eq!(server.delete("/config").await.0, 200);
    assert_eq!(
        server.get("/config").await,
        (200, json!({"compatibilityLevel": "BACKWARD"}))
    );
}

#[tokio::test]
async fn modes_forbid_and_permit() {
    let server = Server::start().await;
    server.register("s", A).await;
    assert_eq!(
        server.put("/mode/s", json!({"mode": "READONLY"})).await,
        (200, json!({"mode": "READONLY"}))
    );
    assert_eq!(server.get("/mode/s").await, (200, json!({"mode": "READONLY"})));
    assert_eq!(
        server.get("/mode/t?defaultToGlobal=true").await,
        (200, json!({"mode": "READWRITE"}))
    );
    assert_eq!(
        code(server.post("/subjects/s/versions", schema_body(&b())).await),
        (422, 42205)
    );
    assert_eq!(code(server.delete("/subjects/s").await), (422, 42205));
    assert_eq!(
        code(server.put("/config/s", json!({"compatibility": "NONE"})).await),
        (422, 42205)
    );
    assert_eq!(server.register("t", A).await, 1);
    assert_eq!(server.delete("/mode/s").await, (200, json!({"mode": "READONLY"})));
    assert_eq!(server.register("s", &b()).await, 2);

    server.put("/mode/s", json!({"mode": "READWRITE"})).await;
    server.put("/mode", json!({"mode": "READONLY_OVERRIDE"})).await;
    assert_eq!(
        code(server.delete("/subjects/s").await),
        (422, 42205),
        "goes before the subject's own mode"
    );
    server.put("/mode", json!({"mode": "READWRITE"})).await;
    assert_eq!(
        code(server.put("/mode", json!({"mode": "SOMETIMES"})).await),
        (422, 42204)
    );
    assert_eq!(
        code(server.put("/mode", json!({"mode": "IMPORT"})).await),
        (422, 42205)
    );
}

#[tokio::test]
async fn import_mode_takes_ids_and_versions_from_the_client() {
    let server = Server::start().await;
    let given = |id: u32, version: u32, schema: &str| json!({"schema": schema, "id": id, "version": version});
    assert_eq!(
        code(server.post("/subjects/s/versions", given(100, 5, A)).await),
        (422, 42205)
    );
    server.put("/mode/s", json!({"mode": "IMPORT"})).await;
    assert_eq!(
        server.post("/subjects/s/versions", given(100, 5, A)).await,
        (200, json!({"id": 100}))
    );
    assert_eq!(server.get("/subjects/s/versions").await, (200, json!([5])));
    assert_eq!(
        code(
            server
                .post("/subjects/s/versions", given(100, 6, "\"int\""))
                .await
        ),
        (422, 42205)
    );
    assert_eq!(
        code(
            server
                .post("/subjects/s/versions", given(101, 5, "\"int\""))
                .await
        ),
        (422, 42205)
    );
    // No compatibility check.
    assert_eq!(
        server
            .post("/subjects/s/versions", given(101, 6, "\"int\""))
            .await,
        (200, json!({"id": 101}))
    );
    assert_eq!(
        server.register("t", "\"string\"").await,
        102,
        "new IDs start above imported ones"
    );
}
