//! What a manifest says, read from text; the diagnostics' look is held by `tests/invalid`.

use std::path::Path;
use std::time::Duration;

use fleetops_avro::source::Source;

use super::*;

mod choices;

const FLEET: &str = include_str!("../../../fleetops-registry.toml");

fn parse(text: &str) -> Result<Manifest, Vec<Diagnostic>> {
    Manifest::parse(Source::new("m.toml", text))
}

/// Rule, place and the words under the caret of every finding.
fn faults(text: &str) -> Vec<String> {
    let found = parse(text).expect_err("must be refused");
    let faults = found.iter().map(|d| {
        let place = &d.primary.place;
        format!("{} {place} {}", d.rule, place.source.slice(place.span))
    });
    faults.collect()
}

#[test]
fn the_fleets_manifest_is_read_with_every_value_and_its_place() {
    let manifest = parse(FLEET).unwrap();
    let names: Vec<_> = manifest.topics.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "raw_telemetry",
            "anomalies",
            "operator_alerts",
            "operator_actions"
        ]
    );
    let topic = manifest.topic("raw_telemetry").unwrap();
    assert_eq!(topic.value.value, "fleetops.events.RawTelemetryEvent");
    assert_eq!(topic.partitions.value, 6);
    assert_eq!(topic.key.as_ref().unwrap().to_string(), "vehicle_id");
    assert_eq!(topic.setting("retention.ms"), Some("604800000"));
    assert_eq!(topic.dead_letter.as_ref().unwrap().value, "raw_telemetry.dlq");
    let dedup = topic.dedup.as_ref().unwrap();
    assert_eq!(
        dedup.key.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["vehicle_id", "event_id"]
    );
    assert_eq!(dedup.ttl.value, Duration::from_secs(60));
    let reorder = topic.reorder.as_ref().unwrap();
    assert_eq!((reorder.ring.value, reorder.tolerance.value), (10, 2));
    assert_eq!(reorder.hold.value, Duration::from_millis(300));
    let epoch = reorder.epoch.as_ref().unwrap();
    let words: Vec<_> = epoch
        .segments
        .iter()
        .map(|s| manifest.source.slice(s.span))
        .collect();
    assert_eq!(words, ["metadata", "replay_session_id"]);
    assert_eq!(manifest.compatibility(topic), Level::FullTransitive);
    assert_eq!(manifest.subject(topic), "raw_telemetry-value");
    assert_eq!(
        manifest
            .groups_of(topic)
            .map(|g| g.name.as_str())
            .collect::<Vec<_>>(),
        ["anomaly-service-group"]
    );
    assert_eq!(manifest.replication_factor(topic, manifest.environment("dev")), 1);
    assert_eq!(
        manifest.replication_factor(topic, manifest.environment("prod")),
        3
    );
    assert!(manifest.check_references().is_empty());
}

#[test]
fn an_empty_manifest_has_the_documented_defaults() {
    let manifest = parse("[topics.a-b]\nvalue = \"x.R\"\npartitions = 1\nreorder = { by = \"v\", sequence = \"i\", ring = 2 }\ndedup = { key = [\"v\"] }").unwrap();
    assert_eq!(manifest.schemas.roots[0].value, "schemas");
    assert_eq!(manifest.defaults.compatibility.value, Level::Backward);
    assert_eq!(manifest.defaults.replication_factor.value, 1);
    let topic = &manifest.topics[0];
    let reorder = topic.reorder.as_ref().unwrap();
    assert_eq!(
        (reorder.tolerance.value, reorder.hold.value),
        (1, Duration::from_millis(300))
    );
    assert_eq!(topic.dedup.as_ref().unwrap().ttl.value, Duration::from_secs(60));
    assert!(parse("").unwrap().topics.is_empty());
}

#[test]
fn subjects_follow_the_strategy() {
    let text = |strategy: &str| {
        format!(
            "[defaults]\nsubject-strategy = \"{strategy}\"\n[topics.t]\nvalue = \"a.R\"\npartitions = 1\n[topics.u]\nvalue = \"a.R\"\npartitions = 1\nsubject-strategy = \"record-name\"\ncompatibility = \"NONE\""
        )
    };
    for (strategy, subject) in [
        ("topic-name", "t-value"),
        ("record-name", "a.R"),
        ("topic-record-name", "t-a.R"),
    ] {
        let manifest = parse(&text(strategy)).unwrap();
        assert_eq!(manifest.subject(&manifest.topics[0]), subject);
        assert_eq!(manifest.subject(&manifest.topics[1]), "a.R");
        assert_eq!(manifest.compatibility(&manifest.topics[1]), Level::None);
    }
}

#[test]
fn all_faults_are_told_in_one_run_each_at_its_word() {
    let text = r#"
[schemas]
root = ["schemas"]
[topics."raw telemetry"]
partitons = 6
value = 3
config = { cleanup.policy = "delete", "a" = 1, "b" = "${X}" }
dedup = { key = [], ttl = "60" }
reorder = { by = "a..b", sequence = "i", ring = 4, tolerance = 4 }
[groups.g]
topics = ["t", "t"]
[env.prod]
bootstrap = "${1}"
registry-auth = { username = "u" }
"#;
    assert_eq!(
        faults(text),
        [
            "unknown-key m.toml:3:1 root",
            "topic-name m.toml:4:9 \"raw telemetry\"",
            "unknown-key m.toml:5:1 partitons",
            "wrong-type m.toml:6:9 3",
            "wrong-type m.toml:7:12 cleanup",
            "wrong-type m.toml:7:45 1",
            "variable-outside-environment m.toml:7:55 ${X}",
            "empty-value m.toml:8:17 []",
            "bad-duration m.toml:8:27 \"60\"",
            "field-path m.toml:9:21 ",
            "number-range m.toml:9:64 4",
            "duplicate-entry m.toml:11:16 \"t\"",
            "variable-syntax m.toml:13:14 ${1}",
            "registry-auth m.toml:14:19 username",
        ]
    );
}

#[test]
fn the_nearest_key_is_named_and_strangers_get_the_list() {
    let found = parse("[topics.t]\nvalue = \"a.R\"\npartitions = 1\npartitons = 6\ncolour = 1").unwrap_err();
    assert_eq!(found[0].message, "`topics.t` has no key `partitons`");
    assert_eq!(found[0].help.as_deref(), Some("did you mean `partitions`?"));
    assert!(
        found[1].notes[0].starts_with("known keys: purpose, value, key"),
        "{found:?}"
    );
    let found = parse("[topic.t]").unwrap_err();
    assert_eq!(found[0].help.as_deref(), Some("did you mean `topics`?"));
    let found = parse("[defaults]\ncompatibility = \"BACKWARDS\"").unwrap_err();
    assert_eq!(found[0].help.as_deref(), Some("did you mean `BACKWARD`?"));
}

#[test]
fn toml_that_is_none_has_its_place() {
    assert_eq!(
        faults("[topics.t]\nvalue = \"a\"\nvalue = \"b\""),
        ["duplicate-key m.toml:3:1 value"]
    );
    assert_eq!(faults("[topics.t]\n[topics.t]"), ["duplicate-key m.toml:2:9 t"]);
    assert_eq!(faults("[topics.t\nvalue = 1"), ["toml-syntax m.toml:1:10 "]);
    assert_eq!(faults("topics = 3"), ["wrong-type m.toml:1:10 3"]);
    assert_eq!(
        faults("[[topics]]\nvalue = \"a\""),
        ["wrong-type m.toml:1:1 [[topics]]"]
    );
}

#[test]
fn references_between_topics_groups_and_dead_letters_are_checked() {
    let text = r#"
[topics.a]
value = "x.R"
partitions = 6
dead-letter = "a"
[topics.b]
value = "x.S"
partitions = 3
dead-letter = "a"
[topics.c]
value = "x.R"
partitions = 3
dead-letter = "x.dlq"
[topics.d]
value = "x.R"
partitions = 4
dead-letter = "x.dlq"
[topics.e]
value = "x.R"
partitions = 4
dead-letter = "x_dlq"
[topics.f]
value = "x.R"
partitions = 6
dead-letter = "a"
[groups.g]
topics = ["a", "bb", "zebra"]
"#;
    let manifest = parse(text).unwrap();
    let found = manifest.check_references();
    let seen: Vec<_> = found
        .iter()
        .map(|d| format!("{} {}", d.rule, d.primary.place))
        .collect();
    let wanted = [
        "dead-letter m.toml:5:15",
        "dead-letter m.toml:9:15",
        "dead-letter m.toml:17:15",
        "topic-name-collision m.toml:21:15",
        "unknown-topic m.toml:27:16",
        "unknown-topic m.toml:27:22",
    ];
    assert_eq!(seen, wanted);
    assert_eq!(found[4].help.as_deref(), Some("did you mean `b`?"));
}

#[test]
fn a_secret_in_the_manifest_is_refused_and_never_shown() {
    let text = r#"
[env.prod]
bootstrap = "b:9092"
kafka = { "sasl.username" = "u", "sasl.password" = "MARKER" }
registry-auth = { username = "u", password = "MARKER" }
registy = "MARKER"
[env.x]
bootstrap = 1
kafka = { sasl.password = "MARKER", "ssl.key.password" = 12345 }
"#;
    let found = parse(text).unwrap_err();
    let rules: Vec<_> = found.iter().map(|d| d.rule).collect();
    let wanted = [
        "secret-in-manifest",
        "secret-in-manifest",
        "unknown-key",
        "wrong-type",
        "wrong-type",
        "wrong-type",
    ];
    assert_eq!(rules, wanted);
    for diagnostic in &found {
        let rendered = fleetops_avro::diagnostic::render(diagnostic, false);
        assert!(!rendered.contains("12345"), "{rendered}");
        assert!(
            diagnostic.rule == "unknown-key" || !rendered.contains("MARKER"),
            "{rendered}"
        );
        let shown = diagnostic.primary.place.source.text();
        let lines: Vec<_> = shown
            .lines()
            .filter(|l| l.contains("MARKER") || l.contains("12345"))
            .collect();
        assert_eq!(
            lines,
            ["registy = \"MARKER\""],
            "only what no key calls a secret is shown"
        );
    }
}

#[test]
fn the_chosen_environment_alone_is_expanded() {
    let manifest = parse(FLEET).unwrap();
    let nothing = |_: &str| None;
    let no_file = |_: &Path| Err(std::io::Error::from(std::io::ErrorKind::NotFound));
    let dev = manifest
        .environment("dev")
        .unwrap()
        .resolve(&manifest, nothing, no_file)
        .unwrap();
    assert_eq!(dev.bootstrap, "localhost:9092");
    assert_eq!(dev.registry.as_deref(), Some("http://localhost:8081"));
    let prod = manifest.environment("prod").unwrap();
    let unset = prod.resolve(&manifest, nothing, no_file).unwrap_err();
    assert_eq!(unset.len(), 6);
    assert!(unset.iter().all(|d| d.rule == "unset-variable"));
    assert_eq!(
        manifest.source.slice(unset[0].primary.place.span),
        "${KAFKA_BOOTSTRAP_SERVERS}"
    );
    let lookup = |name: &str| Some(format!("value-of-{name}"));
    let prod = prod.resolve(&manifest, lookup, no_file).unwrap();
    assert_eq!(prod.kafka["sasl.password"].expose(), "value-of-KAFKA_PASSWORD");
    assert_eq!(prod.kafka["sasl.username"].to_string(), "value-of-KAFKA_USER");
    assert_eq!(prod.kafka["sasl.password"].to_string(), "***");
    let printed = format!("{prod:?} {:?}", prod.registry_auth);
    assert!(!printed.contains("PASSWORD"), "{printed}");
    assert!(printed.contains("value-of-SCHEMA_REGISTRY_USER"), "{printed}");
}

#[test]
fn secrets_come_from_files_too_and_from_a_registrys_url() {
    let text = r#"
[env.x]
bootstrap = "b:9092"
registry = "https://me%40home:p%3Aw@host:8081/api,https://me@other"
kafka = { "sasl.password" = { file = "run/${NAME}" } }
[env.y]
bootstrap = { file = "nowhere" }
registry = "https://u:p@host"
registry-auth = { bearer = "${TOKEN}" }
"#;
    let mut manifest = parse(text).unwrap();
    manifest.folder = "base".into();
    let lookup = |name: &str| Some(name.to_lowercase());
    let read = |path: &Path| match path.to_str() {
        Some("base/run/name") => Ok("geheim\r\n".to_owned()),
        _ => Err(std::io::Error::from(std::io::ErrorKind::NotFound)),
    };
    let x = manifest.environment("x").unwrap();
    assert_eq!(x.kafka["sasl.password"].value.to_string(), "${file:run/${NAME}}");
    let x = x.resolve(&manifest, lookup, read).unwrap();
    assert_eq!(
        x.kafka["sasl.password"],
        ResolvedValue::Secret(Secret::new("geheim"))
    );
    assert_eq!(x.registry.as_deref(), Some("https://host:8081/api,https://other"));
    assert_eq!(
        x.registry_auth.basic,
        Some(("me@home".to_owned(), Secret::new("p:w")))
    );
    let y = manifest.environment("y").unwrap();
    let found = y.resolve(&manifest, lookup, read).unwrap_err();
    assert_eq!(found[0].rule, "unreadable-file");
    assert!(found[0].message.contains("base/nowhere"), "{}", found[0].message);
}

fn fleet_schemas() -> fleetops_avro::SchemaSet {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas");
    crate::load::load_schemas(&[root.into()]).unwrap()
}

/// What a change to the fleet's manifest makes of the check: rule, the word under the caret, help.
fn checked(from: &str, to: &str) -> Vec<String> {
    let text = FLEET.replacen(from, to, 1);
    assert_ne!(text, FLEET);
    let manifest = parse(&text).unwrap();
    let found = manifest.check(&fleet_schemas());
    let told = found.iter().map(|d| {
        let word = d.primary.place.source.slice(d.primary.place.span);
        format!(
            "{:?} {} {word}: {} | {}",
            d.severity,
            d.rule,
            d.message,
            d.help.as_deref().unwrap_or("")
        )
    });
    told.collect()
}

#[test]
fn the_fleets_manifest_fits_its_schemas() {
    let found = parse(FLEET).unwrap().check(&fleet_schemas());
    assert_eq!(found, []);
}

#[test]
fn paths_are_resolved_to_fields_and_types() {
    let schemas = fleet_schemas();
    let manifest = parse(FLEET).unwrap();
    let record = schemas.get("fleetops.events.RawTelemetryEvent").unwrap().root();
    let reorder = manifest.topics[0].reorder.as_ref().unwrap();
    let path = reorder.epoch.as_ref().unwrap().resolve(&schemas, record).unwrap();
    assert_eq!(path.steps.len(), 2);
    assert!(!path.optional());
    assert!(matches!(
        schemas.node(path.leaf).kind,
        fleetops_avro::schema::Kind::String
    ));
    let read = |text: &str| {
        let manifest = parse(&format!(
            "[topics.t]\nvalue = \"a\"\npartitions = 1\nkey = \"{text}\""
        ))
        .unwrap();
        manifest.topics[0]
            .key
            .clone()
            .unwrap()
            .resolve(&schemas, record)
            .unwrap()
    };
    let speed = read("telemetry.velocity.magnitude");
    assert!(speed.optional() && speed.behind_optional());
    assert!(matches!(
        schemas.node(speed.leaf).kind,
        fleetops_avro::schema::Kind::Double
    ));
    let track = read("track_id");
    assert!(track.optional() && !track.behind_optional());
    assert_ne!(track.leaf, track.steps[0].declared);
}

#[test]
fn the_caret_is_under_the_wrong_segment() {
    let manifest =
        parse(&FLEET.replacen("metadata.replay_session_id", "metadata.replay_sesion_id", 1)).unwrap();
    let found = manifest.check(&fleet_schemas());
    assert_eq!(found.len(), 1);
    let line = manifest
        .source
        .text()
        .lines()
        .position(|l| l.contains("sesion"))
        .unwrap()
        + 1;
    let at = manifest.source.line_column(found[0].primary.place.span.start);
    let column = manifest
        .source
        .text()
        .lines()
        .nth(line - 1)
        .unwrap()
        .find("replay_sesion_id")
        .unwrap()
        + 1;
    assert_eq!((at.line, at.column), (line, column));
    assert_eq!(
        found[0].help.as_deref(),
        Some("did you mean `replay_session_id`?")
    );
    assert!(
        found[0].related[0]
            .place
            .source
            .name()
            .ends_with("RawTelemetryEvent.avsc")
    );
}

#[test]
fn wrong_paths_and_types_are_told() {
    for (from, to, wanted) in [
        (
            "fleetops.events.RawTelemetryEvent",
            "fleetops.events.RawTelemetryEvnt",
            "Error unknown-type \"fleetops.events.RawTelemetryEvnt\": topic raw_telemetry carries fleetops.events.RawTelemetryEvnt, which no schema defines | did you mean `fleetops.events.RawTelemetryEvent`?",
        ),
        (
            "fleetops.events.RawTelemetryEvent",
            "RawTelemetryEvent",
            "Error unknown-type \"RawTelemetryEvent\": topic raw_telemetry carries RawTelemetryEvent, which no schema defines | did you mean `fleetops.events.RawTelemetryEvent`?",
        ),
        (
            "fleetops.events.OperatorActionEvent",
            "fleetops.events.Severity",
            "Error value-not-record \"fleetops.events.Severity\": topic operator_actions carries fleetops.events.Severity, which is no record | wrap it in a record: only a record can get another field later",
        ),
        (
            "by = \"vehicle_id\"",
            "by = \"vehicle_id.x\"",
            "Error unknown-field x: `vehicle_id` is a string and has no fields | a path leads through records, and through unions of null and a record",
        ),
        (
            "sequence = \"frame_index\"",
            "sequence = \"track_id\"",
            "Error sequence-type track_id: `track_id` is the sequence, but may be null | make the field required: take null out of its union",
        ),
        (
            "sequence = \"frame_index\"",
            "sequence = \"event_time\"",
            "Error sequence-type event_time: `event_time` cannot be the sequence: it is a long (timestamp-micros) | ",
        ),
        (
            "stamp       = \"processing_time\"",
            "stamp       = \"frame_index\"",
            "Error stamp-type frame_index: `frame_index` cannot be the stamp: it is an int | ",
        ),
        (
            "key         = \"alert_id\"",
            "key         = \"created_at\"",
            "Error key-type created_at: `created_at` cannot be the record key: it is a long (timestamp-micros) | ",
        ),
        (
            "epoch = \"metadata.replay_session_id\"",
            "epoch = \"telemetry\"",
            "Error reorder-type telemetry: `telemetry` cannot be the epoch: it is record fleetops.events.Telemetry | ",
        ),
        (
            "\"vehicle_id\", \"event_id\"",
            "\"vehicle_id\", \"track_id\"",
            "Warning optional-dedup track_id: `track_id` is a dedup field, but may be null | make the field required: take null out of its union",
        ),
        (
            "dedup       = { key = [\"vehicle_id\", \"event_id\"], ttl = \"60s\" }\n",
            "",
            "Error reorder-without-dedup { by = \"vehicle_id\", epoch = \"metadata.replay_session_id\", sequence = \"frame_index\", ring = 10, tolerance = 2, hold = \"300ms\" }: topic raw_telemetry is reordered but has no dedup key | add `dedup = { key = [\"FIELD\"], ttl = \"60s\" }` with the fields that name an event",
        ),
        (
            "\"LogAppendTime\"",
            "\"CreateTime\"",
            "Warning dedup-create-time \"CreateTime\": topic raw_telemetry has dedup, but its records carry their producers' time | add \"message.timestamp.type\" = \"LogAppendTime\" to the topic's config",
        ),
    ] {
        assert_eq!(checked(from, to), [wanted], "{to}");
    }
    let both = checked("key         = \"vehicle_id\"\n", "");
    assert_eq!(both.len(), 2, "{both:?}");
    assert!(
        both.iter().all(|t| t.starts_with("Error unkeyed-stage ")),
        "{both:?}"
    );
    let other = checked("key         = \"vehicle_id\"", "key         = \"track_id\"");
    assert!(
        other[0].starts_with("Warning optional-key track_id: "),
        "{other:?}"
    );
    assert!(
        other[1].starts_with("Warning reorder-by-not-key \"vehicle_id\": "),
        "{other:?}"
    );
}

/// Whatever the text, reading ends, and every finding can be shown.
#[test]
fn no_text_makes_reading_fail_in_another_way() {
    let schemas = fleet_schemas();
    let refused = std::cell::Cell::new(0);
    let seen = |text: String| {
        let found = match parse(&text) {
            Ok(manifest) => manifest.check(&schemas),
            Err(found) => {
                assert!(has_errors(&found), "{text}");
                refused.set(refused.get() + 1);
                found
            }
        };
        for diagnostic in found {
            let rendered = fleetops_avro::diagnostic::render(&diagnostic, false);
            assert!(rendered.contains(diagnostic.rule), "{rendered}");
        }
    };
    let odd = [
        "\"", "[", "]", "{", "}", "=", ".", ",", "\n", "$", "0", "é", "", "\u{0}",
    ];
    for (count, (at, c)) in FLEET.char_indices().enumerate() {
        // Every third place, for the sake of time; the odd texts go round, so all are tried everywhere near.
        if count % 3 != 0 {
            continue;
        }
        seen(FLEET[..at].to_owned());
        let odd = odd[count / 3 % odd.len()];
        seen(format!("{}{odd}{}", &FLEET[..at], &FLEET[at + c.len_utf8()..]));
    }
    assert!(refused.get() > 1_000, "{refused:?}");
    for text in [
        "[[[",
        &"[".repeat(10_000),
        &"a.".repeat(10_000),
        &format!("a = {}", "[".repeat(10_000)),
        "\u{feff}",
        "a = 1e999999999",
    ] {
        seen((*text).to_owned());
    }
}
