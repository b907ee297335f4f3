//! What may be registered after what.

use serde_json::json;

use super::{Server, code, record, schema_body};

#[tokio::test]
async fn an_incompatible_schema_is_refused_and_told_why() {
    let server = Server::start().await;
    server.register("s", &record(&[("a", "int", None)])).await;
    let added = record(&[("a", "int", None), ("b", "int", None)]);
    let (status, answer) = server.post("/subjects/s/versions", schema_body(&added)).await;
    assert_eq!((status, answer["error_code"].as_u64()), (409, Some(40901)));
    let message = answer["message"].as_str().unwrap();
    for part in [
        "incompatible with an earlier schema for subject \"s\"",
        "errorType:'READER_FIELD_MISSING_DEFAULT_VALUE'",
        "/fields/1",
        "{oldSchemaVersion: 1}",
        "compatibility: 'BACKWARD'",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_eq!(server.get("/subjects/s/versions").await, (200, json!([1])));
}

#[tokio::test]
async fn a_test_against_one_version_takes_its_direction_from_the_level() {
    let server = Server::start().await;
    let (one, two) = (
        record(&[("a", "int", None)]),
        record(&[("a", "int", None), ("b", "int", Some("0"))]),
    );
    let three = record(&[("a", "int", None), ("b", "int", Some("0")), ("c", "int", None)]);
    server.register("s", &one).await;
    server.register("s", &two).await;
    let test = async |version: &str| {
        server
            .post(
                &format!("/compatibility/subjects/s/versions{version}"),
                schema_body(&three),
            )
            .await
    };
    assert_eq!(test("/1").await, (200, json!({"is_compatible": false})));
    assert_eq!(test("/latest").await, (200, json!({"is_compatible": false})));
    assert_eq!(test("").await, (200, json!({"is_compatible": false})));
    let (_, verbose) = test("/2?verbose=true").await;
    assert_eq!(verbose["is_compatible"], false);
    assert!(
        verbose["messages"][0]
            .as_str()
            .unwrap()
            .contains("READER_FIELD_MISSING_DEFAULT_VALUE"),
        "{verbose}"
    );
    server.put("/config/s", json!({"compatibility": "FORWARD"})).await;
    assert_eq!(test("/1").await, (200, json!({"is_compatible": true})));
    assert_eq!(
        test("?verbose=true").await,
        (200, json!({"is_compatible": true, "messages": []}))
    );
    assert_eq!(code(test("/9").await), (404, 40402));
    assert_eq!(code(test("/zero").await), (422, 42202));
}

#[tokio::test]
async fn unknown_subjects_take_anything_but_have_no_numbers() {
    let server = Server::start().await;
    let test = async |path: &str, schema: &str| {
        server
            .post(
                &format!("/compatibility/subjects/s/versions{path}"),
                schema_body(schema),
            )
            .await
    };
    assert_eq!(
        test("/latest", "\"int\"").await,
        (200, json!({"is_compatible": true}))
    );
    assert_eq!(test("", "\"int\"").await, (200, json!({"is_compatible": true})));
    assert_eq!(code(test("/1", "\"int\"").await), (404, 40402));
    assert_eq!(code(test("/latest", "\"inf\"").await), (422, 42201));
    let (status, verbose) = test("/latest?verbose=true", "\"inf\"").await;
    assert_eq!((status, &verbose["is_compatible"]), (200, &json!(false)));
    assert!(
        verbose["messages"][0].as_str().unwrap().contains("inf"),
        "{verbose}"
    );
}

/// The first version has `a`; the second drops it for `b`, which has a default, as `a` had; the third gives `a` no
/// default. Reading version 1 with version 3 works, reading version 2 with it does not.
#[tokio::test]
async fn levels_differ_in_direction_and_in_how_far_they_look() {
    let with_default = record(&[("a", "int", Some("0"))]);
    let without_a = record(&[("b", "int", Some("0"))]);
    let a_required = record(&[("b", "int", Some("0")), ("a", "int", None)]);
    let retyped = record(&[("a", "string", Some("\"\""))]);
    let cases = [
        // level, the schemas registered without a check, the new one, whether it may be registered
        ("NONE", vec![&with_default], &retyped, true),
        ("BACKWARD", vec![&with_default, &without_a], &a_required, false),
        ("BACKWARD", vec![&without_a, &with_default], &a_required, true),
        (
            "BACKWARD_TRANSITIVE",
            vec![&without_a, &with_default],
            &a_required,
            false,
        ),
        ("FORWARD", vec![&a_required, &with_default], &without_a, true),
        (
            "FORWARD_TRANSITIVE",
            vec![&a_required, &with_default],
            &without_a,
            false,
        ),
        ("FULL", vec![&a_required, &with_default], &without_a, true),
        ("FULL", vec![&without_a], &a_required, false),
        ("FULL", vec![&a_required], &without_a, false),
        (
            "FULL_TRANSITIVE",
            vec![&a_required, &with_default],
            &without_a,
            false,
        ),
        (
            "FULL_TRANSITIVE",
            vec![&with_default, &with_default],
            &without_a,
            true,
        ),
    ];
    for (index, (level, old, new, taken)) in cases.into_iter().enumerate() {
        let server = Server::start().await;
        server.put("/config/s", json!({"compatibility": "NONE"})).await;
        for schema in old {
            server.register("s", schema).await;
        }
        server.put("/config/s", json!({"compatibility": level})).await;
        let test = server
            .post("/compatibility/subjects/s/versions", schema_body(new))
            .await;
        assert_eq!(
            test,
            (200, json!({"is_compatible": taken})),
            "case {index}, {level}"
        );
        let (status, answer) = server.post("/subjects/s/versions", schema_body(new)).await;
        assert_eq!(
            status,
            if taken { 200 } else { 409 },
            "case {index}, {level}: {answer}"
        );
    }
}

#[tokio::test]
async fn what_a_subject_has_already_is_not_checked_again() {
    let server = Server::start().await;
    let (one, two) = (record(&[("a", "int", None)]), record(&[("a", "long", None)]));
    server.put("/config/s", json!({"compatibility": "NONE"})).await;
    server.register("s", &two).await;
    server.register("s", &one).await;
    server
        .put("/config/s", json!({"compatibility": "FULL_TRANSITIVE"}))
        .await;
    assert_eq!(server.register("s", &two).await, 1);
    assert_eq!(server.get("/subjects/s/versions").await, (200, json!([1, 2])));
    // Under another subject it is one more version like any other.
    assert_eq!(server.register("t", &one).await, 2);
}

#[tokio::test]
async fn deleted_versions_take_no_part() {
    let server = Server::start().await;
    server.register("s", "\"string\"").await;
    assert_eq!(
        code(server.post("/subjects/s/versions", schema_body("\"int\"")).await),
        (409, 40901)
    );
    server.delete("/subjects/s/versions/1").await;
    assert_eq!(server.register("s", "\"int\"").await, 2);
}
