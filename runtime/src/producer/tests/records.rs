//! What a record is made of, and which partition it goes to.

use super::*;

#[tokio::test]
async fn a_record_is_keyed_framed_and_carries_its_dedup_key() {
    let bench = Bench::new();
    let producer = bench.producer().await;
    assert_eq!(producer.schema_id(), SCHEMA_ID);
    let Outcome::Acknowledged { partition, offset } = producer.send(event("v1", "e1")).await.unwrap() else {
        panic!("not acknowledged");
    };
    let keyless = Event {
        key: None,
        id: String::new(),
        value: 2,
        at: None,
    };
    producer.send(keyless).await.unwrap();
    let log = bench.log();
    let record = log.iter().find(|record| record.key.is_some()).unwrap();
    assert_eq!((record.partition, record.offset), (partition, offset));
    assert_eq!(record.key.as_deref(), Some("v1"));
    assert_eq!(record.value, [0, 1, 2, 3, 4, 2]);
    assert_eq!(
        record.header,
        Some(("dedup-key".to_owned(), b"v1\x1fe1".to_vec()))
    );
    let record = log.iter().find(|record| record.key.is_none()).unwrap();
    assert_eq!(
        (record.value.as_slice(), &record.header),
        (&[0, 1, 2, 3, 4, 4][..], &None)
    );
    assert_eq!(counts(&producer), (2, 2, 0, 0));
    producer.close(SOON).await.unwrap();
}

#[tokio::test]
async fn an_event_that_is_not_valid_is_not_sent() {
    let bench = Bench::new();
    let producer = bench.producer().await;
    let error = producer
        .send(Event {
            value: -1,
            ..event("v", "e")
        })
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "topic events, key \"v\": not sent, the event is not valid: value: must be at least 0, found -1 (minimum)"
    );
    assert_eq!(counts(&producer), (1, 0, 0, 1));
    // Its key is not taken.
    assert!(matches!(
        producer.send(event("v", "e")).await,
        Ok(Outcome::Acknowledged { .. })
    ));
    assert_eq!(bench.log().len(), 1);
}

/// Java's `Utils.murmur2` and `BuiltInPartitioner.partitionForKey`, from their published algorithm.
fn java_partition(key: &[u8], partitions: u32) -> i32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c ^ key.len() as u32;
    let mut words = key.chunks_exact(4);
    for word in &mut words {
        let mut k = u32::from_le_bytes(word.try_into().unwrap()).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = words.remainder();
    for (i, byte) in rest.iter().enumerate() {
        hash ^= u32::from(*byte) << (8 * i);
    }
    if !rest.is_empty() {
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^= hash >> 15;
    ((hash & 0x7fff_ffff) % partitions) as i32
}

#[tokio::test]
async fn keys_go_to_the_partitions_that_java_puts_them_on() {
    // Kafka's own test of its murmur2: UtilsTest.testMurmur2.
    for (key, hash) in [
        ("21", -973_932_308_i32),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ("abc", 479_470_107),
    ] {
        let positive = (hash & i32::MAX) as u32;
        for partitions in [1, 2, 3, 6, 7, 64] {
            assert_eq!(
                java_partition(key.as_bytes(), partitions),
                (positive % partitions) as i32,
                "{key}"
            );
        }
    }
    let bench = Bench::new();
    let producer = bench.producer().await;
    let mut keys: Vec<String> = (0..400).map(|i| format!("scene_{}_track_{i}", i % 3)).collect();
    keys.extend(
        [
            "scene_1_ego",
            "21",
            "foobar",
            "abc",
            "",
            "Zürich",
            "a-little-bit-long-string",
        ]
        .map(str::to_owned),
    );
    let mut receipts = Vec::new();
    for key in &keys {
        receipts.push(producer.enqueue(event(key, "e")).await.unwrap());
    }
    let mut used = std::collections::HashSet::new();
    for (key, receipt) in keys.iter().zip(receipts) {
        let Outcome::Acknowledged { partition, .. } = receipt.await.unwrap() else {
            panic!("{key}")
        };
        assert_eq!(partition, java_partition(key.as_bytes(), 6), "{key}");
        used.insert(partition);
    }
    assert_eq!(used.len(), 6);
}
