//! A symbol that a consumer's schema does not have, all the way: a newer program writes it with its schema, a generated consumer
//! that chose `open` handles it, and what comes of sending it on.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use fleetops_runtime::avro::Schema;
use fleetops_runtime::avro::value::Value;
use fleetops_runtime::codec::AvroJson;
use fleetops_runtime::consumer::Received;
use fleetops_runtime::{Outcome, SendError};
use tokio_util::sync::CancellationToken;

use crate::open::open::{Job, JobRequired, State};
use crate::open::topics::{OpenJobsConsumer, OpenJobsProducer};
use crate::project::Project;
use crate::register::runtime;
use crate::stack::{Stack, stack};

const MANIFEST: &str = include_str!("../golden/open/fleetops-registry.toml");
const SCHEMA: &str = include_str!("../golden/open/schemas/Job.avsc");

/// Registers the schema that the consumer is generated from, then the one of the program that has more symbols.
fn newer(stack: &Stack) -> Project {
    let manifest = format!("{MANIFEST}\n[env.dev]\nbootstrap = \"localhost:9092\"\n");
    let project = Project::new("open", &manifest, &[("Job", SCHEMA)]);
    project.run(stack, &["apply", "--yes"]).exits(0);
    project.change(
        "schemas/Job.avsc",
        r#"["QUEUED", "DONE"]"#,
        r#"["LOST", "DONE", "QUEUED"]"#,
    );
    project.run(stack, &["apply", "--yes"]).exits(0);
    project
}

/// Handles so many records with a generated consumer, of a group of its own. What came out is in the order of the IDs: for
/// one of them it is the order of the log, and jobs of two may be handled in any order.
async fn handled(stack: &Stack, group: &str, count: usize) -> Vec<Job> {
    let stop = CancellationToken::new();
    let consumer = OpenJobsConsumer::builder()
        .brokers(stack.bootstrap())
        .registry(stack.registry())
        .group(group)
        .shutdown(stop.clone());
    let mut consumer = consumer.build().await.unwrap();
    let jobs = Arc::new(Mutex::new(Vec::new()));
    let (seen, done) = (Arc::clone(&jobs), stop.clone());
    let handler = move |record: Received<Job>| {
        let mut seen = seen.lock().unwrap();
        seen.extend(record.event().cloned());
        if seen.len() == count {
            done.cancel();
        }
        async { Ok::<(), std::convert::Infallible>(()) }
    };
    let running = tokio::time::timeout(Duration::from_secs(60), consumer.run(handler));
    let counts = running.await.expect("handled in time").unwrap();
    assert_eq!(counts.handled as usize, count);
    let mut jobs = jobs.lock().unwrap().clone();
    jobs.sort_by(|one, other| one.id.cmp(&other.id));
    jobs
}

#[test]
fn a_symbol_of_a_newer_program_is_handled_and_not_sent_as_another() {
    let Some(stack) = stack() else { return };
    let project = newer(stack);
    let lines = concat!(
        r#"{"id":"a","state":"LOST","before":["QUEUED","LOST"]}"#,
        "\n",
        r#"{"id":"b","state":"DONE","before":[]}"#,
        "\n"
    );
    project.run_with(stack, &["produce", "open-jobs"], lines).exits(0);

    runtime().block_on(async {
        let jobs = handled(stack, "open-jobs-reader", 2).await;
        let lost = State::from("LOST");
        assert_eq!(lost, State::Unknown("LOST".to_owned()));
        assert_eq!((jobs[0].id.as_str(), &jobs[0].state), ("a", &lost));
        assert_eq!(jobs[0].before, [State::Queued, lost.clone()]);
        assert_eq!((&jobs[1].state, jobs[1].before.len()), (&State::Done, 0));

        // Sending it on is refused: in this program's schema, which the record would be written with, there is no such symbol.
        let producer = OpenJobsProducer::builder()
            .brokers(stack.bootstrap())
            .registry(stack.registry());
        let producer = producer.build().await.unwrap();
        let refused = producer.send(jobs[0].clone()).await.unwrap_err();
        let SendError::Invalid { .. } = refused.clone() else {
            panic!("{refused:?}")
        };
        let refused = refused.to_string();
        for word in [
            "state",
            "before[1]",
            "must be a symbol of open.State, found \"LOST\" (symbol)",
        ] {
            assert!(refused.contains(word), "{word}: {refused}");
        }
        assert!(AvroJson::<Job>::new().unwrap().write(&jobs[0]).is_err());
        // What is done by hand, past the check, says the default, as readers without the symbol have it.
        let schema = Schema::parse(Job::SCHEMA).unwrap();
        let Value::Record(fields) = Value::decode_all(&schema, &jobs[0].to_avro()).unwrap() else {
            panic!("a record")
        };
        assert_eq!(fields[1], Value::Enum(0));

        // With a symbol that there is, the job goes on, and nothing of the refused one is in the topic.
        let queued = Job::builder(JobRequired {
            id: "a".to_owned(),
            state: State::Queued,
        });
        let sent = producer.send(queued.clone().build()).await.unwrap();
        assert!(matches!(sent, Outcome::Acknowledged { .. }), "{sent:?}");
        let jobs = handled(stack, "open-jobs-second-reader", 3).await;
        assert_eq!(jobs[1], queued.build());
        assert_eq!(["a", "a", "b"], [0, 1, 2].map(|at| jobs[at].id.as_str()));
    });
}
