//! Java's producer and ours put a key on the same partition.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use fleetops_runtime::Outcome;

use crate::cluster::{Cluster, PARTITIONS, root, shared};
use crate::scene::{Random, Source};

/// Vehicle IDs of all lengths that the schema's pattern allows.
fn vehicles(count: usize) -> Vec<String> {
    const LETTERS: &[u8] = b"ABCXYZabcxyz0189_.-";
    let mut random = Random::new(0x6d75_726d);
    let vehicle = |number: usize| match number % 4 {
        0 => format!("scene_{}_track_{number}", number % 7),
        1 => format!("s{number}_ego"),
        2 => format!("scene_1_track_{}", random.next()),
        _ => {
            let length = random.below(60) as usize;
            let letters = (0..length).map(|_| char::from(LETTERS[random.below(19) as usize]));
            format!("a{}{number}_ego", letters.collect::<String>())
        }
    };
    (0..count).map(vehicle).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_vehicles_are_where_java_puts_them() {
    let Some(cluster) = shared() else { return };
    cluster.create("keyed", &[]).await;
    let vehicles = vehicles(10_000);
    let example = Source::Made(1).events().remove(0);
    let producer = cluster.producer("keyed", &[]).await;
    let mut receipts = Vec::new();
    for vehicle in &vehicles {
        let mut event = example.clone();
        event.vehicle_id.clone_from(vehicle);
        receipts.push(producer.enqueue(event).await.unwrap());
    }
    let mut ours = Vec::new();
    for receipt in receipts {
        let Outcome::Acknowledged { partition, .. } = receipt.await.unwrap() else {
            panic!("a duplicate")
        };
        ours.push(partition);
    }
    producer.close(Duration::from_secs(10)).await.unwrap();

    let java = java(cluster, &vehicles);
    assert_eq!(java.len(), vehicles.len());
    let differ: Vec<_> = vehicles
        .iter()
        .zip(ours.iter().zip(&java))
        .filter(|(_, (a, b))| a != b)
        .collect();
    assert!(
        differ.is_empty(),
        "{} differ: {:?}",
        differ.len(),
        &differ[..differ.len().min(10)]
    );
    // And not because all of them are in one.
    for partition in 0..PARTITIONS {
        assert!(ours.iter().filter(|p| **p == partition).count() > 1_000);
    }
}

fn java(cluster: &Cluster, keys: &[String]) -> Vec<i32> {
    let mut java = Command::new("bash")
        .args(["-c", "exec dev/stack/kafka run \"$@\"", "java"])
        .args([
            &format!("{}/tests/proofs/java/Partitions.java", root()),
            &PARTITIONS.to_string(),
        ])
        .current_dir(root())
        .env("STACK_RUN_DIR", cluster.folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let input = keys.iter().map(|key| format!("{key}\n")).collect::<String>();
    let mut to = java.stdin.take().unwrap();
    let writer = std::thread::spawn(move || to.write_all(input.as_bytes()).unwrap());
    let out = java.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(out.status.success());
    let text = String::from_utf8(out.stdout).unwrap();
    text.lines().map(|line| line.parse().unwrap()).collect()
}
