//! The queue of what was fetched, on librdkafka's mock broker.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::consumer::fetched::Fetched;
use crate::waker::Waker;

const RECORDS: usize = 1000;
const ROUNDS: u64 = 100;

/// What librdkafka throws away while it hands over (the position was moved in between) it may have written to us already, and
/// that must not be freed again: the allocator would notice. What comes is the log from its beginning, each time anew.
#[test]
fn what_is_thrown_away_while_it_is_handed_over_is_freed_once() {
    let cluster = MockCluster::new(1).expect("a mock");
    cluster.create_topic("t", 1, 1).expect("a topic");
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", cluster.bootstrap_servers());
    let producer: BaseProducer = config.create().expect("a producer");
    for number in 0..RECORDS {
        let value = number.to_string();
        let record: BaseRecord<'_, str, str> = BaseRecord::to("t").partition(0).payload(&value);
        producer.send(record).map_err(|(error, _)| error).expect("room");
    }
    producer.flush(Duration::from_secs(10)).expect("sent");
    let client: BaseConsumer = config
        .set("group.id", "g")
        .set("fetch.wait.max.ms", "5")
        .create()
        .expect("a consumer");
    let mut all = TopicPartitionList::new();
    all.add_partition_offset("t", 0, Offset::Beginning)
        .expect("an offset");
    client.assign(&all).expect("assigned");
    let mut fetched = Fetched::new(&client, 256, Arc::new(Waker::default())).expect("a queue");
    fetched.gather("t", 0);
    let until = Instant::now() + Duration::from_secs(60);
    let taken = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let moving = scope.spawn(|| {
            // Not before the first fetch.
            while client
                .seek("t", 0, Offset::Beginning, Duration::from_secs(5))
                .is_err()
            {
                assert!(Instant::now() < until, "never started");
            }
            for round in 0..ROUNDS {
                let before = taken.load(Relaxed);
                client
                    .seek("t", 0, Offset::Beginning, Duration::from_secs(5))
                    .expect("moved");
                // The next time while some are handed over: at another moment each time.
                while taken.load(Relaxed) == before && Instant::now() < until {
                    std::hint::spin_loop();
                }
                let moment = Instant::now() + Duration::from_micros(round % 97);
                while Instant::now() < moment {}
            }
        });
        let mut next = 0;
        while !moving.is_finished() || next < RECORDS as i64 {
            assert!(Instant::now() < until, "{next} of the last ones");
            assert!(client.poll(Duration::ZERO).is_none(), "all is redirected");
            for message in fetched.take() {
                let message = message.view();
                assert!(message.error().is_none(), "{:?}", message.error());
                let offset = message.offset();
                assert!(offset == next || offset == 0, "{offset} after {next}");
                assert_eq!(message.value(), Some(offset.to_string().as_bytes()));
                next = offset + 1;
                taken.fetch_add(1, Relaxed);
            }
        }
    });
}
