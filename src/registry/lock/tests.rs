use super::*;

fn version(version: u32, text: &str) -> VersionState {
    VersionState {
        version,
        id: version + 10,
        deleted: false,
        schema_type: None,
        references: Vec::new(),
        text: text.to_owned(),
        fingerprint: None,
        place: None,
    }
}

fn snapshot() -> Snapshot {
    let field =
        r#"{"name":"channel","type":"shop.Channel","default":"WEB","doc":"where it came \"from\", ä"}"#;
    let order = format!(
        r#"{{"type":"record","name":"Order","namespace":"shop","fields":[{field},{{"name":"n","type":"double","default":1.50E10}}]}}"#
    );
    let mut first = version(1, &order);
    first.references.push(Reference {
        name: "shop.Channel".to_owned(),
        subject: "shop.Channel".to_owned(),
        version: 1,
    });
    let mut proto = version(2, "syntax = \"proto3\";");
    proto.schema_type = Some("PROTOBUF".to_owned());
    let mut channel = version(
        1,
        r#"{"type":"enum","name":"Channel","namespace":"shop","symbols":["WEB"]}"#,
    );
    channel.deleted = true;
    let state = |versions| SubjectState {
        level: Level::FullTransitive,
        versions,
        place: None,
    };
    Snapshot {
        subjects: BTreeMap::from([
            ("orders-value".to_owned(), state(vec![first, proto])),
            (
                "shop.Channel".to_owned(),
                state(vec![channel, version(2, "\"string\"")]),
            ),
        ]),
    }
}

#[test]
fn what_is_written_is_read_again_and_written_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let dev = super::folder(folder.path(), "dev");
    assert!(read(&dev).unwrap().is_none());
    let held = snapshot();
    assert_eq!(write(&dev, &held).unwrap().len(), 2);
    let again = read(&dev).unwrap().unwrap();
    assert_eq!(differences(&held, &again), BTreeMap::new());
    assert!(write(&dev, &again).unwrap().is_empty());
    assert!(again.held("orders-value")[0].schema.is_ok());
    assert_eq!(
        again.held("shop.Channel").len(),
        1,
        "a deleted version takes no part"
    );
    let mut fewer = again.clone();
    fewer.subjects.remove("orders-value");
    assert_eq!(write(&dev, &fewer).unwrap(), [dev.join("orders-value.json")]);
}

#[test]
fn names_are_files_everywhere() {
    assert_eq!(file_name("orders-value"), "orders-value.json");
    assert_eq!(file_name("../x y"), "%2E.%2Fx%20y.json");
    let (a, b) = ("ä".repeat(300) + "a", "ä".repeat(300) + "b");
    assert_ne!(file_name(&a), file_name(&b));
    assert!(file_name(&a).len() <= MAX_NAME + 5);
}

#[test]
fn every_difference_is_told() {
    let before = snapshot();
    let mut now = before.clone();
    now.subjects
        .insert("x".to_owned(), before.subjects["shop.Channel"].clone());
    let orders = now.subjects.get_mut("orders-value").unwrap();
    orders.level = Level::None;
    orders.versions[0].id = 99;
    orders.versions[1].version = 3;
    now.subjects.remove("shop.Channel");
    let told: Vec<String> = differences(&before, &now)
        .into_iter()
        .flat_map(|(subject, found)| found.into_iter().map(move |d| format!("{subject}: {d}")))
        .collect();
    assert_eq!(
        told,
        [
            "orders-value: the level is NONE, was FULL_TRANSITIVE",
            "orders-value: version 1 is another",
            "orders-value: version 2 is gone",
            "orders-value: version 3 is new (ID 12)",
            "shop.Channel: the subject is gone",
            "x: the subject is new",
        ]
    );
}

#[test]
fn what_is_no_lock_is_refused_with_its_place() {
    for (text, label) in [
        ("<<<<<<< ours\n", "not JSON"),
        ("{}", "`subject` is missing"),
        (r#"{"subject":1}"#, "a text belongs here"),
        (
            r#"{"subject":"s","compatibility":"SOME"}"#,
            "no compatibility level",
        ),
        (
            r#"{"subject":"s","compatibility":"full","versions":{}}"#,
            "a list of versions",
        ),
        (
            r#"{"subject":"s","compatibility":"full","versions":[{"version":1,"id":1}]}"#,
            "`schema` is missing",
        ),
        (
            r#"{"subject":"s","compatibility":"full","versions":[{"version":1,"id":1.5,"schema":"int"}]}"#,
            "a number belongs here",
        ),
        (
            r#"{"subject":"s","compatibility":"full","versions":[{"version":2,"id":1,"schema":"int"},{"version":1,"id":1,"schema":"int"}]}"#,
            "versions must rise",
        ),
    ] {
        let error = parse(&Source::new("l.json", text)).unwrap_err();
        let told = fleetops_avro::diagnostic::render(&error, false);
        assert!(
            told.contains(label) && told.contains("lock update"),
            "{text}: {told}"
        );
    }
}
