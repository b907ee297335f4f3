//! `produce`, `consume` and `lag` as programs, against the embedded broker and registry.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use fleetops_codegen::load::load_roots;
use fleetops_codegen::manifest::Manifest;
use fleetops_registry::dev::broker::EmbeddedBroker;
use fleetops_registry::dev::registry::EmbeddedRegistry;
use fleetops_registry::dev::setup;
use fleetops_registry::kafka;
use fleetops_registry::registry::Client;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

struct Servers {
    broker: EmbeddedBroker,
    registry: EmbeddedRegistry,
}

impl Servers {
    async fn start() -> Self {
        let (broker, registry) = (
            EmbeddedBroker::start().unwrap(),
            EmbeddedRegistry::start(0).await.unwrap(),
        );
        let manifest = Manifest::load(&std::path::Path::new(ROOT).join("fleetops-registry.toml")).unwrap();
        let schemas = load_roots(&manifest.schema_roots()).unwrap();
        let client = Client::new(&registry.url()).unwrap();
        setup::register(&client, &setup::subjects(&manifest, &schemas))
            .await
            .unwrap();
        setup::create_topics(&broker, &kafka::wanted(&manifest, None))
            .await
            .unwrap();
        Self { broker, registry }
    }

    async fn run(&self, arguments: &[&str], input: &str) -> Output {
        run(self.broker.bootstrap(), &self.registry.url(), arguments, input).await
    }
}

fn command(bootstrap: &str, registry: &str, arguments: &[&str]) -> (tempfile::TempDir, Command) {
    // The embedded broker keeps a member that has left until its session is over.
    let folder = tempfile::tempdir().unwrap();
    let manifest = std::fs::read_to_string(format!("{ROOT}/fleetops-registry.toml")).unwrap();
    let manifest = manifest
        .replacen(
            "roots = [\"schemas\"]",
            &format!("roots = [{:?}]", format!("{ROOT}/schemas")),
            1,
        )
        .replacen(
            "[env.dev]",
            "[env.dev]\nkafka = { \"session.timeout.ms\" = \"6000\", \"heartbeat.interval.ms\" = \"1000\" }",
            1,
        );
    std::fs::write(folder.path().join("fleetops-registry.toml"), manifest).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_fleetops-registry"));
    command
        .current_dir(&folder)
        .args(arguments)
        .args(["--bootstrap", bootstrap, "--registry", registry])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    (folder, command)
}

async fn run(bootstrap: &str, registry: &str, arguments: &[&str], input: &str) -> Output {
    let (_folder, mut command) = command(bootstrap, registry, arguments);
    let input = input.to_owned();
    tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        // A program that ends early does not read all.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    })
    .await
    .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Events of one vehicle, with frames from 0.
fn events(count: usize) -> String {
    let example = std::fs::read_to_string(format!("{ROOT}/schemas/examples/RawTelemetryEvent.json")).unwrap();
    let event: serde_json::Value = serde_json::from_str(&example).unwrap();
    (0..count)
        .map(|frame| {
            let mut event = event.clone();
            event["event_id"] = serde_json::json!(uuid::Uuid::from_u128(frame as u128 + 1));
            event["frame_index"] = serde_json::json!(frame);
            format!("{event}\n")
        })
        .collect()
}

fn frames(lines: &[u8]) -> Vec<u64> {
    let frame = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["frame_index"].as_u64();
    text(lines).lines().map(|line| frame(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_produced_is_consumed_once_by_a_group() {
    let servers = Servers::start().await;
    let lines = events(200);
    // The first line again: a duplicate, which is not sent.
    let first = lines.lines().next().unwrap();
    let produced = servers
        .run(
            &["produce", "raw_telemetry", "--format", "json"],
            &format!("{lines}{first}\n"),
        )
        .await;
    assert_eq!(produced.status.code(), Some(0), "{}", text(&produced.stderr));
    let counts: serde_json::Value = serde_json::from_slice(&produced.stdout).unwrap();
    assert_eq!(
        (&counts["acknowledged"], &counts["duplicates"], &counts["failed"]),
        (&200.into(), &1.into(), &0.into())
    );

    let group = ["consume", "raw_telemetry", "--group", "g", "--until-end"];
    let seen = servers
        .run(&["consume", "raw_telemetry", "--until-end", "-v"], "")
        .await;
    // What an operator wants to know is told, and nothing that is no trouble as trouble.
    let told = text(&seen.stderr);
    assert!(told.contains("assigned") && !told.contains("WARN"), "{told}");
    assert_eq!(
        frames(&seen.stdout),
        (0..200).collect::<Vec<_>>(),
        "{}",
        text(&seen.stderr)
    );

    let some = [&group[..], &["--max", "70"]].concat();
    let some = servers.run(&some, "").await;
    assert_eq!(
        frames(&some.stdout),
        (0..70).collect::<Vec<_>>(),
        "{}",
        text(&some.stderr)
    );
    let rest = servers.run(&group, "").await;
    assert_eq!(
        frames(&rest.stdout),
        (70..200).collect::<Vec<_>>(),
        "{}",
        text(&rest.stderr)
    );
    let none = servers.run(&group, "").await;
    assert_eq!((text(&none.stdout).as_str(), none.status.code()), ("", Some(0)));

    let lag = ["lag", "raw_telemetry", "--group", "g", "--format", "json"];
    let lag = servers.run(&lag, "").await;
    let lag: serde_json::Value =
        serde_json::from_slice(&lag.stdout).unwrap_or_else(|_| panic!("{}", text(&lag.stderr)));
    assert_eq!(lag["groups"][0]["topics"][0]["lag"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_lines_are_told_by_line_path_and_rule() {
    let servers = Servers::start().await;
    let mut lines: Vec<String> = events(4).lines().map(str::to_owned).collect();
    lines[1] = lines[1].replace("\"frame_index\":1", "\"frame_index\":-1");
    lines[2] = "{\"event_id\"".to_owned();
    let input = lines.join("\n");
    let stopped = servers.run(&["produce", "raw_telemetry"], &input).await;
    assert_eq!(stopped.status.code(), Some(2));
    let told = text(&stopped.stderr);
    assert!(
        told.contains("<stdin>:2: frame_index: must be at least 0, found -1 (minimum)"),
        "{told}"
    );
    assert!(
        text(&stopped.stdout).contains("1 acknowledged"),
        "{}",
        text(&stopped.stdout)
    );
    let skipped = servers
        .run(&["produce", "raw_telemetry", "--skip-invalid"], &input)
        .await;
    assert_eq!(skipped.status.code(), Some(1));
    assert!(
        text(&skipped.stdout).contains("2 acknowledged, 2 skipped"),
        "{}",
        text(&skipped.stdout)
    );
    assert!(
        text(&skipped.stderr).contains("<stdin>:3:11: "),
        "{}",
        text(&skipped.stderr)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_are_not_there_are_one_error_within_ten_seconds() {
    let servers = Servers::start().await;
    let nobody = "127.0.0.1:1";
    let cases = [
        (nobody.to_owned(), servers.registry.url(), nobody.to_owned()),
        (
            servers.broker.bootstrap().to_owned(),
            format!("http://{nobody}"),
            format!("http://{nobody}"),
        ),
    ];
    for (bootstrap, registry, named) in cases {
        for command in [&["produce", "raw_telemetry"][..], &["consume", "raw_telemetry"]] {
            let begin = Instant::now();
            let ended = run(&bootstrap, &registry, command, &events(1)).await;
            assert!(begin.elapsed() < Duration::from_secs(10), "{command:?}");
            let told = text(&ended.stderr);
            let errors = told.lines().filter(|line| line.starts_with("error")).count();
            assert_eq!(ended.status.code(), Some(3), "{told}");
            assert!(told.contains(&named) && errors == 1, "{told}");
        }
    }
}

/// A program that runs until it is told to end, as an operator tells it.
struct Running {
    _folder: tempfile::TempDir,
    child: std::process::Child,
}

impl Running {
    fn start(servers: &Servers, arguments: &[&str]) -> Self {
        let (folder, mut command) = command(servers.broker.bootstrap(), &servers.registry.url(), arguments);
        Self {
            _folder: folder,
            child: command.stdin(Stdio::null()).spawn().unwrap(),
        }
    }

    async fn end(self) -> Output {
        Command::new("kill")
            .arg(self.child.id().to_string())
            .status()
            .unwrap();
        tokio::task::spawn_blocking(move || self.child.wait_with_output().unwrap())
            .await
            .unwrap()
    }
}

/// What Prometheus would get; nothing while nobody answers.
async fn scrape(address: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let Ok(mut socket) = tokio::net::TcpStream::connect(address).await else {
        return String::new();
    };
    let request = format!("GET /metrics HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_is_told_what_a_running_consumer_does() {
    let servers = Servers::start().await;
    let produced = servers.run(&["produce", "raw_telemetry"], &events(60)).await;
    assert_eq!(produced.status.code(), Some(0), "{}", text(&produced.stderr));
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let consumer = Running::start(
        &servers,
        &["consume", "raw_telemetry", "--group", "g", "--metrics", &address],
    );
    let labels = r#"topic="raw_telemetry",group="g""#;
    let wanted = [
        format!("fleetops_consumer_records_total{{{labels},outcome=\"handled\"}} 60"),
        format!("fleetops_consumer_records_total{{{labels},outcome=\"late\"}} 0"),
        format!("fleetops_consumer_received_total{{{labels}}} 60"),
        format!("fleetops_consumer_handling_seconds_count{{{labels},outcome=\"handled\"}} 60"),
        format!("fleetops_consumer_dedup_entries{{{labels}}} 60"),
        format!("fleetops_consumer_waiting{{{labels}}} 0"),
        format!("fleetops_consumer_partitions{{{labels}}} 6"),
    ];
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let seen = scrape(&address).await;
        let missing: Vec<&String> = wanted
            .iter()
            .filter(|line| !seen.lines().any(|seen| seen == *line))
            .collect();
        // How many commits there were is a matter of time.
        let is_committed = |line: &str| {
            let count = line.strip_prefix(&format!("fleetops_consumer_commit_seconds_count{{{labels}}} "));
            count.is_some_and(|count| count != "0")
        };
        if missing.is_empty() && seen.lines().any(is_committed) {
            // One vehicle, so one partition, which is read up to its end.
            assert!(
                seen.contains(&format!("fleetops_consumer_lag{{{labels},partition=")),
                "{seen}"
            );
            break;
        }
        assert!(Instant::now() < deadline, "{missing:#?}\n{seen}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let taken = servers
        .run(
            &["consume", "raw_telemetry", "--metrics", &address, "--until-end"],
            "",
        )
        .await;
    assert_eq!(taken.status.code(), Some(2), "{}", text(&taken.stderr));
    assert!(text(&taken.stderr).contains(&address));
    let ended = consumer.end().await;
    assert_eq!(ended.status.code(), Some(0), "{}", text(&ended.stderr));
    assert_eq!(frames(&ended.stdout), (0..60).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_tells_the_lag_again_and_again_until_it_is_ended() {
    let servers = Servers::start().await;
    let produced = servers.run(&["produce", "raw_telemetry"], &events(10)).await;
    assert_eq!(produced.status.code(), Some(0), "{}", text(&produced.stderr));
    let mut watch = Running::start(
        &servers,
        &["lag", "raw_telemetry", "--watch", "100ms", "--format", "json"],
    );
    let output = watch.child.stdout.take().unwrap();
    let lines = tokio::task::spawn_blocking(move || {
        use std::io::BufRead;
        let lines = std::io::BufReader::new(output).lines().take(3);
        lines.map(Result::unwrap).collect::<Vec<_>>()
    });
    for line in lines.await.unwrap() {
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(object["groups"][0]["topics"][0]["lag"], 10, "{line}");
    }
    // Nobody reads any more, or it is told to end: both are no failure.
    let ended = watch.end().await;
    assert_eq!(ended.status.code(), Some(0), "{}", text(&ended.stderr));
}

/// A container file of values of that schema.
fn container(schema: &str, values: &[fleetops_avro::value::Value]) -> Vec<u8> {
    let schema = fleetops_avro::Schema::parse(schema).unwrap();
    let codec = fleetops_avro::container::Codec::Null;
    let mut writer = fleetops_avro::container::Writer::new(Vec::new(), &schema, codec).unwrap();
    for value in values {
        writer.append(value).unwrap();
    }
    writer.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn container_files_are_written_and_read() {
    let servers = Servers::start().await;
    let produced = servers.run(&["produce", "raw_telemetry"], &events(120)).await;
    assert_eq!(produced.status.code(), Some(0), "{}", text(&produced.stderr));
    let consume = ["consume", "raw_telemetry", "--until-end"];
    let archive = servers
        .run(&[&consume[..], &["--container=zstandard"]].concat(), "")
        .await;
    assert!(
        text(&archive.stderr).contains("120 events"),
        "{}",
        text(&archive.stderr)
    );
    let mut reader = fleetops_avro::container::Reader::new(archive.stdout.as_slice()).unwrap();
    assert_eq!(reader.codec().name(), "zstandard");
    assert_eq!(reader.by_ref().filter(Result::is_ok).count(), 120);
    // Nothing to write is a file all the same.
    let empty = [&consume[..], &["--container", "--from", "latest"]].concat();
    let empty = servers.run(&empty, "").await;
    let mut reader = fleetops_avro::container::Reader::new(empty.stdout.as_slice()).unwrap();
    assert_eq!((reader.codec().name(), reader.by_ref().count()), ("deflate", 0));

    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let whole = file("whole.avro", &archive.stdout);
    let others = Servers::start().await;
    let first = others
        .run(&["produce", "raw_telemetry", &whole, "--after", "100"], "")
        .await;
    assert!(
        text(&first.stdout).contains(" 20 acknowledged"),
        "{}",
        text(&first.stdout)
    );
    let again = others.run(&["produce", "raw_telemetry", &whole], "").await;
    assert!(
        text(&again.stdout).contains(" 120 acknowledged"),
        "{}",
        text(&again.stdout)
    );
    // The 20 came twice, and first: what was before them came late, and is handled all the same or refused, never lost.
    let unordered = [&consume[..], &["--no-reorder"]].concat();
    let seen = others.run(&unordered, "").await;
    let mut seen = frames(&seen.stdout);
    seen.sort_unstable();
    assert_eq!(seen, (0..120).collect::<Vec<_>>());

    let cut = file("cut.avro", &archive.stdout[..archive.stdout.len() - 20]);
    let stopped = others.run(&["produce", "raw_telemetry", &cut], "").await;
    let told = text(&stopped.stderr);
    assert_eq!(stopped.status.code(), Some(2), "{told}");
    assert!(
        told.contains("cut.avro, value 1") && told.contains("go on with --after"),
        "{told}"
    );
    let foreign = file("foreign.avro", &container("\"long\"", &[]));
    let refused = others.run(&["produce", "raw_telemetry", &foreign], "").await;
    let told = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{told}");
    assert!(
        told.contains("foreign.avro: its schema cannot be read as the topic's")
            && told.contains("fleetops.events.RawTelemetryEvent"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_a_container_file_that_is_no_event_is_told_by_its_number() {
    let servers = Servers::start().await;
    let schema = std::fs::read_to_string(format!("{ROOT}/schemas/RawTelemetryEvent.avsc")).unwrap();
    let produced = servers.run(&["produce", "raw_telemetry"], &events(3)).await;
    assert_eq!(produced.status.code(), Some(0), "{}", text(&produced.stderr));
    let archive = servers
        .run(
            &["consume", "raw_telemetry", "--until-end", "--container=null"],
            "",
        )
        .await;
    let reader = fleetops_avro::container::Reader::new(archive.stdout.as_slice()).unwrap();
    let declared = reader.schema().clone();
    let mut values: Vec<_> = reader.map(Result::unwrap).collect();
    let at = |name: &str| {
        let fleetops_avro::schema::Kind::Record(record) = &declared.root_node().kind else {
            panic!("{schema}");
        };
        record.fields.iter().position(|field| field.name == name).unwrap()
    };
    let mut set = |event: usize, name: &str, value| {
        let fleetops_avro::value::Value::Record(fields) = &mut values[event] else {
            panic!("no record");
        };
        fields[at(name)] = value;
    };
    set(
        1,
        "event_id",
        fleetops_avro::value::Value::String("no-uuid".to_owned()),
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.avro");
    std::fs::write(&path, container(&schema, &values)).unwrap();
    let path = path.display().to_string();
    let others = Servers::start().await;
    let stopped = others
        .run(&["produce", "raw_telemetry", &path, "--format", "json"], "")
        .await;
    let told = text(&stopped.stderr);
    assert_eq!(stopped.status.code(), Some(2), "{told}");
    assert!(told.contains("bad.avro, value 2: field event_id: "), "{told}");
    assert!(told.contains("go on with --after 1"), "{told}");
    let counts: serde_json::Value = serde_json::from_slice(&stopped.stdout).unwrap();
    assert_eq!(
        (&counts["acknowledged"], &counts["stopped_at"]["value"]),
        (&1.into(), &2.into())
    );
    let skipped = others
        .run(&["produce", "raw_telemetry", &path, "--skip-invalid"], "")
        .await;
    assert!(
        text(&skipped.stdout).contains("2 acknowledged, 1 skipped"),
        "{}",
        text(&skipped.stdout)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn single_objects_are_written_when_asked_for_and_read_as_they_come() {
    let servers = Servers::start().await;
    let lines = events(40);
    let (some, rest) = lines.split_at(lines.match_indices('\n').nth(19).unwrap().0 + 1);
    let produced = servers
        .run(&["produce", "raw_telemetry", "--framing", "single-object"], some)
        .await;
    assert_eq!(produced.status.code(), Some(0), "{}", text(&produced.stderr));
    let produced = servers.run(&["produce", "raw_telemetry"], rest).await;
    assert_eq!(produced.status.code(), Some(0), "{}", text(&produced.stderr));
    let seen = servers
        .run(
            &["consume", "raw_telemetry", "--until-end", "--no-dead-letter"],
            "",
        )
        .await;
    assert_eq!(
        frames(&seen.stdout),
        (0..40).collect::<Vec<_>>(),
        "{}",
        text(&seen.stderr)
    );
}
