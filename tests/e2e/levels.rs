//! The verdict made here, over all versions and at all seven levels, is the registry's.

use fleetops_avro::Schema;
use fleetops_avro::compat::Level;
use fleetops_registry::registry::{Client, Snapshot, judge};

use crate::stack::stack;

fn record(fields: &[(&str, &str, Option<&str>)]) -> String {
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, ty, default)| {
            let default = default.map_or_else(String::new, |d| format!(",\"default\":{d}"));
            format!("{{\"name\":\"{name}\",\"type\":{ty}{default}}}")
        })
        .collect();
    format!(
        "{{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"levels\",\"fields\":[{}]}}",
        fields.join(",")
    )
}

#[test]
fn a_real_registry_gives_the_same_verdict_at_every_level() {
    let Some(stack) = stack() else { return };
    let (int, long, text) = ("\"int\"", "\"long\"", "\"string\"");
    // Each breaks with another one of them, in one direction or in both.
    let versions = [
        record(&[("a", int, None), ("b", text, None)]),
        record(&[("a", long, None), ("b", text, Some("\"\""))]),
        record(&[("a", long, None)]),
    ];
    let candidates = [
        record(&[("a", long, None), ("c", int, Some("0"))]),
        record(&[("a", int, None)]),
        record(&[("a", "\"double\"", None)]),
        record(&[("a", long, None), ("b", text, None)]),
        record(&[("a", long, None), ("b", int, Some("0"))]),
        record(&[("a", int, None), ("b", text, Some("\"x\""))]),
        record(&[("c", int, None)]),
        record(&[]),
    ];
    let client = Client::new(&stack.registry()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let subject = "levels-value";
        client.set_level(Some(subject), Level::None).await.unwrap();
        for version in &versions {
            client.register(subject, version, &[]).await.unwrap();
        }
        let snapshot = Snapshot::fetch(&client, [subject.to_owned()]).await.unwrap();
        let held = snapshot.held(subject);
        assert_eq!(held.len(), 3);
        let (mut refused, mut taken) = (0, 0);
        for level in Level::ALL {
            client.set_level(Some(subject), level).await.unwrap();
            assert_eq!(client.effective_level(subject).await.unwrap(), level);
            for candidate in &candidates {
                let schema = Schema::parse(candidate).unwrap();
                let ours = judge(&schema, &held, &[level]).breach.is_none();
                let theirs = client
                    .compatibility(subject, candidate, &[])
                    .await
                    .unwrap()
                    .is_compatible;
                assert_eq!(ours, theirs, "{level}: {candidate}");
                *(if ours { &mut taken } else { &mut refused }) += 1;
            }
        }
        assert!(refused >= 20 && taken >= 15, "{refused} {taken}");
    });
}
