//! Schemas that refer to others.

use serde_json::{Value, json};

use super::{Server, code};

const POINT: &str =
    r#"{"type":"record","name":"Point","namespace":"geo","fields":[{"name":"x","type":"double"}]}"#;
const POINT_3D: &str = r#"{"type":"record","name":"Point","namespace":"geo","fields":[{"name":"x","type":"double"},{"name":"z","type":"double","default":0}]}"#;
const PATH: &str = r#"{"type":"record","name":"Path","namespace":"geo","fields":[{"name":"from","type":"geo.Point"},{"name":"to","type":"Point"}]}"#;
const TOUR: &str = r#"{"type":"record","name":"Tour","namespace":"geo","fields":[{"name":"legs","type":{"type":"array","items":"geo.Path"}}]}"#;

fn with_reference(schema: &str, name: &str, subject: &str, version: i64) -> Value {
    json!({"schema": schema, "references": [{"name": name, "subject": subject, "version": version}]})
}

async fn geography() -> Server {
    let server = Server::start().await;
    server.register("point", POINT).await;
    let path = with_reference(PATH, "geo.Point", "point", -1);
    assert_eq!(
        server.post("/subjects/path/versions", path).await,
        (200, json!({"id": 2}))
    );
    let tour = with_reference(TOUR, "geo.Path", "path", 1);
    assert_eq!(
        server.post("/subjects/tour/versions", tour).await,
        (200, json!({"id": 3}))
    );
    server
}

#[tokio::test]
async fn references_are_resolved_stored_and_told() {
    let server = geography().await;
    let references = json!([{"name": "geo.Point", "subject": "point", "version": 1}]);
    let (_, path) = server.get("/subjects/path/versions/1").await;
    assert_eq!(
        path["references"], references,
        "the latest became the number found"
    );
    assert_eq!(path["schema"], PATH);
    assert_eq!(
        server.get("/schemas/ids/2").await,
        (200, json!({"schema": PATH, "references": references}))
    );
    assert_eq!(
        server.get("/subjects/point/versions/1/referencedby").await,
        (200, json!([2]))
    );
    assert_eq!(
        server.get("/subjects/tour/versions/1/referencedby").await,
        (200, json!([]))
    );
    let spaced = PATH.replace("\"name\"", " \"name\"  ");
    let again = with_reference(&spaced, "geo.Point", "point", 1);
    assert_eq!(
        server.post("/subjects/path/versions", again.clone()).await,
        (200, json!({"id": 2}))
    );
    assert_eq!(server.post("/subjects/path", again).await.1["version"], 1);
}

#[tokio::test]
async fn a_schema_sent_whole_is_the_one_that_refers() {
    let server = geography().await;
    let whole = PATH.replace("\"geo.Point\"", POINT);
    assert_eq!(
        server.post("/subjects/path", json!({"schema": whole})).await.1["version"],
        1
    );
}

#[tokio::test]
async fn references_that_lead_nowhere_are_refused() {
    let server = geography().await;
    for (name, subject, version) in [
        ("geo.Point", "point", 2),
        ("geo.Point", "nowhere", 1),
        ("geo.Point", "point", 0),
    ] {
        let answer = server
            .post(
                "/subjects/p/versions",
                with_reference(PATH, name, subject, version),
            )
            .await;
        assert!(
            answer.1["message"].as_str().unwrap().contains(subject),
            "{answer:?}"
        );
        assert_eq!(code(answer), (422, 42201), "{subject} {version}");
    }
    assert_eq!(
        code(server.post("/subjects/p/versions", json!({"schema": PATH})).await),
        (422, 42201)
    );
}

#[tokio::test]
async fn what_others_refer_to_cannot_be_deleted() {
    let server = geography().await;
    assert_eq!(
        code(server.delete("/subjects/point/versions/1").await),
        (422, 42206)
    );
    assert_eq!(code(server.delete("/subjects/point").await), (422, 42206));
    assert_eq!(server.delete("/subjects/tour").await.0, 200);
    assert_eq!(server.delete("/subjects/path").await.0, 200);
    assert_eq!(server.delete("/subjects/point").await.0, 200);
    assert_eq!(
        code(server.delete("/subjects/point?permanent=true").await),
        (422, 42206),
        "one can still be read"
    );
    assert_eq!(server.get("/schemas/ids/2").await.0, 200);
    server.delete("/subjects/tour?permanent=true").await;
    server.delete("/subjects/path?permanent=true").await;
    assert_eq!(
        server.delete("/subjects/point?permanent=true").await,
        (200, json!([1]))
    );
}

#[tokio::test]
async fn the_check_sees_through_references() {
    let server = geography().await;
    server.register("point", POINT_3D).await;
    let compatible = with_reference(PATH, "geo.Point", "point", 2);
    assert_eq!(
        server.post("/subjects/path/versions", compatible).await,
        (200, json!({"id": 5}))
    );
    server
        .put("/config/point", json!({"compatibility": "NONE"}))
        .await;
    server
        .register("point", &POINT.replace("\"double\"", "\"string\""))
        .await;
    let (status, answer) = server
        .post(
            "/subjects/path/versions",
            with_reference(PATH, "geo.Point", "point", 3),
        )
        .await;
    assert_eq!((status, answer["error_code"].as_u64()), (409, Some(40901)));
    assert!(
        answer["message"].as_str().unwrap().contains("TYPE_MISMATCH"),
        "{answer}"
    );
}
