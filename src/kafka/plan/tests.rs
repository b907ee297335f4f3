use super::*;

fn topic(name: &str, partitions: u32) -> WantedTopic {
    WantedTopic {
        name: name.to_owned(),
        partitions,
        replication_factor: 1,
        config: BTreeMap::new(),
        keyed: true,
    }
}

fn config(pairs: &[(&str, &str)]) -> TopicSettings {
    pairs
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect()
}

fn one(wanted: WantedTopic, partitions: u32, settings: &[(&str, &str)], allow: bool) -> TopicStep {
    let there = ExistingTopic {
        partitions,
        replication_factor: 1,
    };
    let existing = BTreeMap::from([(wanted.name.clone(), there)]);
    let settings = BTreeMap::from([(wanted.name.clone(), config(settings))]);
    compare(&[wanted], &existing, &settings, allow).steps.remove(0)
}

#[test]
fn creates_what_is_missing_keeps_what_fits_and_reports_the_rest() {
    let there = |partitions| ExistingTopic {
        partitions,
        replication_factor: 1,
    };
    let existing = BTreeMap::from([
        ("kept".to_owned(), there(6)),
        ("grown".to_owned(), there(4)),
        ("of others".to_owned(), there(1)),
    ]);
    let plan = plan(&[topic("new", 3), topic("kept", 6), topic("grown", 6)], &existing);
    let shown: Vec<String> = plan.steps.iter().map(TopicStep::to_string).collect();
    assert_eq!(
        shown,
        [
            "! grown: has 4 partitions and replication factor 1, the manifest wants 6 and 1",
            "  kept: no change",
            "+ new: create with 3 partitions, replication factor 1",
        ]
    );
    assert_eq!(
        plan.creations().map(|t| t.name.as_str()).collect::<Vec<_>>(),
        ["new"]
    );
    assert_eq!(plan.differences().count(), 1);
}

#[test]
fn dead_letter_topics_are_wanted_with_the_partitions_of_their_sources() {
    let text = r#"
        [schemas]
        roots = ["schemas"]
        [topics.a]
        value = "x.A"
        partitions = 3
        dead-letter = "shared.dlq"
        config = { "retention.ms" = "1000" }
        [topics.b]
        value = "x.B"
        partitions = 6
        replication-factor = 2
        dead-letter = "shared.dlq"
        [topics.c]
        value = "x.C"
        partitions = 2
    "#;
    let manifest = Manifest::parse(fleetops_avro::Source::new("fleetops-registry.toml", text)).unwrap();
    let wanted = wanted(&manifest, None);
    let shown: Vec<_> = wanted
        .iter()
        .map(|t| {
            (
                t.name.as_str(),
                t.partitions,
                t.replication_factor,
                t.config.len(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("a", 3, 1, 1),
            ("b", 6, 2, 0),
            ("c", 2, 1, 0),
            ("shared.dlq", 6, 1, 2)
        ]
    );
}

#[test]
fn growing_a_topic_with_keys_must_be_allowed_and_no_topic_shrinks() {
    let refused = one(topic("t", 6), 4, &[], false);
    assert!(refused.actions.is_empty());
    assert!(
        matches!(
            refused.problems[..],
            [Problem::Rekey {
                from: 4,
                to: 6,
                why: "its records have keys"
            }]
        ),
        "{refused:?}"
    );
    let allowed = one(topic("t", 6), 4, &[], true);
    assert_eq!(
        (allowed.actions, allowed.moves_keys),
        (vec![Action::Grow { from: 4, to: 6 }], true)
    );
    let free = WantedTopic {
        keyed: false,
        ..topic("t", 6)
    };
    let grows = one(free.clone(), 4, &[], false);
    assert_eq!(
        (grows.grows_to(), grows.moves_keys, grows.problems.len()),
        (Some(6), false, 0)
    );
    // Compacted now, or as wanted.
    let compacted = one(free.clone(), 4, &[("cleanup.policy", "delete, compact")], false);
    assert_eq!(compacted.problems[0].code(), "rekey");
    let wanted = WantedTopic {
        config: config(&[("cleanup.policy", "compact")]),
        ..free
    };
    assert_eq!(one(wanted, 4, &[], false).problems[0].code(), "rekey");
    let shrinks = one(topic("t", 2), 4, &[], true);
    assert_eq!((shrinks.problems[0].code(), shrinks.actions.len()), ("shrink", 0));
    assert!(shrinks.problems[0].to_string().contains("cannot shrink"));
}

#[test]
fn settings_are_set_and_unset_and_left_alone_where_they_are_not_known() {
    let wanted = WantedTopic {
        config: config(&[("retention.ms", "2"), ("same", "x"), ("new", "y")]),
        ..topic("t", 1)
    };
    let step = one(
        wanted.clone(),
        1,
        &[("retention.ms", "1"), ("same", "x"), ("zold", "z")],
        false,
    );
    let text = |t: &str| t.to_owned();
    assert_eq!(
        step.actions,
        [
            Action::Set {
                name: text("new"),
                from: None,
                to: text("y")
            },
            Action::Set {
                name: text("retention.ms"),
                from: Some(text("1")),
                to: text("2")
            },
            Action::Unset {
                name: text("zold"),
                from: text("z")
            },
        ]
    );
    let there = ExistingTopic {
        partitions: 1,
        replication_factor: 3,
    };
    let plan = plan(&[wanted], &BTreeMap::from([(text("t"), there)]));
    assert_eq!((plan.changes(), plan.problems()), (0, 0));
    assert_eq!(plan.steps[0].replication_difference(), Some((3, 1)));
}

#[test]
fn dead_letters_outlive_their_sources_and_fit() {
    let text = r#"
        [schemas]
        roots = ["schemas"]
        [topics.a]
        value = "x.A"
        partitions = 1
        dead-letter = "a.dlq"
        config = { "retention.ms" = "1000", "max.message.bytes" = "2000000" }
        [topics.b]
        value = "x.B"
        partitions = 1
        dead-letter = "b.dlq"
        config = { "retention.ms" = "-1" }
    "#;
    let manifest = Manifest::parse(fleetops_avro::Source::new("fleetops-registry.toml", text)).unwrap();
    let wanted = wanted(&manifest, None);
    let of = |name: &str| wanted.iter().find(|t| t.name == name).unwrap().config.clone();
    assert_eq!(
        of("a.dlq"),
        config(&[
            ("cleanup.policy", "delete"),
            ("max.message.bytes", "2016384"),
            ("retention.ms", "2592000000")
        ])
    );
    assert_eq!(
        of("b.dlq"),
        config(&[("cleanup.policy", "delete"), ("retention.ms", "-1")])
    );
}
