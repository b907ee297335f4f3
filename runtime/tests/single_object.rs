//! Values in Avro's single-object encoding: written by a producer that is told to, read by any consumer.

#![cfg(feature = "kafka")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod consumer_support;

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use consumer_support::{Broker, Ledger, OLD_SCHEMA, Outgoing, Reading, Readings, Registry, SCHEMA, header};
use fleetops_runtime::Producer;
use fleetops_runtime::avro::{Schema, single_object};
use fleetops_runtime::dead_letter;
use fleetops_runtime::framing::Framing;
use fleetops_runtime::registry::SchemaSource;

/// The value of a Confluent-framed one, as a single object of that schema.
fn single(schema: &str, framed: &[u8]) -> Vec<u8> {
    let mut out = Framing::SingleObject.prefix(0, &Schema::parse(schema).unwrap());
    out.extend_from_slice(&framed[5..]);
    out
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_are_read_with_the_schema_of_their_fingerprint() {
    let broker = Broker::new(1);
    let registry = Registry::default();
    let producer = Producer::builder_for(Readings::named(&broker.topic))
        .brokers(broker.brokers())
        .schema_source(SchemaSource::new(registry.clone()))
        .framing(Framing::SingleObject)
        .build()
        .await
        .unwrap();
    producer.send(Reading::new("v", 0)).await.unwrap();
    producer.close(Duration::from_secs(10)).await.unwrap();
    let old = |frame| {
        let reading = Reading {
            unit: "m".to_owned(),
            ..Reading::new("v", frame)
        };
        let value = Outgoing::value(single(OLD_SCHEMA, &reading.old_value()), 0);
        (reading, value)
    };
    let ((first, first_value), (second, second_value)) = (old(1), old(2));
    let unknown = single("\"long\"", &Reading::new("v", 3).value());
    // Confluent's framing beside it.
    let framed = Outgoing::of(&Reading::new("v", 3), 0);
    broker.send(&[first_value, second_value, Outgoing::value(unknown, 0), framed]);

    let sent = broker.read(&broker.topic, 1);
    let value = rdkafka::Message::payload(&sent[0]).unwrap();
    let ours = Schema::parse(SCHEMA).unwrap();
    assert_eq!(single_object::split(value).unwrap().0, ours.fingerprint());

    let mut consumer = broker
        .consumer(&registry)
        .dead_letter(Some(&broker.dead_letters))
        .until_end(true)
        .build()
        .await
        .unwrap();
    let ledger = Ledger::default();
    while let Some(delivery) = consumer.recv().await {
        let delivery = delivery.unwrap();
        ledger.write(&delivery);
        delivery.settle();
    }
    let all = [Reading::new("v", 0), first, second, Reading::new("v", 3)];
    assert_eq!(ledger.readings(), BTreeSet::from(all));
    ledger.assert_in_order();
    let letters = broker.read(&broker.dead_letters, 1);
    let [letter] = letters.as_slice() else {
        panic!("{letters:?}");
    };
    assert_eq!(
        header(letter, dead_letter::header::REASON).as_deref(),
        Some("UnknownSchema")
    );
    let detail = header(letter, dead_letter::header::DETAIL).unwrap();
    let fingerprint = format!("{:016x}", Schema::parse("\"long\"").unwrap().fingerprint());
    assert!(detail.contains(&fingerprint), "{detail}");
    // Ours needs no question. For the older one both versions are fetched, and the unknown one at most asks for newer ones.
    let asked = registry.versions.load(Ordering::SeqCst);
    assert!((2..=3).contains(&asked), "{asked}");
    assert_eq!(
        registry.calls.load(Ordering::SeqCst),
        1,
        "that of Confluent's framing"
    );
}
