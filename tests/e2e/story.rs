//! A team's life with the program, on a real cluster and a real registry: one project, from adopting what is there to an
//! `apply` whose registry dies on the way.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fleetops_avro::compat::Level;
use fleetops_registry::kafka::{Admin, ClusterAdmin, WantedTopic};
use fleetops_registry::registry::{Client, Reference};
use tokio::runtime::Runtime;

use crate::project::Project;
use crate::stack::{Stack, stack};

const TAG: &str = "story";

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap()
}

const CHANNEL: &str =
    r#"{"type":"enum","name":"Channel","namespace":"story","symbols":["WEB","STORE"],"default":"WEB"}"#;
const ORDER: &str = r#"{"type":"record","name":"Order","namespace":"story","fields":[{"name":"id","type":"string"},{"name":"customer","type":"string"},{"name":"channel","type":"Channel"}]}"#;

/// What other tools have left: two subjects and a topic.
fn before_us(stack: &Stack, runtime: &Runtime) -> Client {
    let client = Client::new(&stack.registry()).unwrap();
    runtime.block_on(async {
        client.register("story.Channel", CHANNEL, &[]).await.unwrap();
        let reference = Reference {
            name: "story.Channel".to_owned(),
            subject: "story.Channel".to_owned(),
            version: 1,
        };
        client
            .register("orders-story-value", ORDER, &[reference])
            .await
            .unwrap();
        client
            .set_level(Some("orders-story-value"), Level::FullTransitive)
            .await
            .unwrap();
        let cluster = ClusterAdmin::new(&stack.bootstrap(), []).unwrap();
        let topic = WantedTopic {
            name: "orders-story".to_owned(),
            partitions: 3,
            replication_factor: 1,
            config: [("retention.ms".to_owned(), "600000".to_owned())].into(),
            keyed: true,
        };
        cluster.create_topic(&topic).await.unwrap();
        while !cluster.topics().await.unwrap().contains_key(&topic.name) {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    });
    client
}

#[test]
fn a_team_adopts_what_is_there_and_lives_with_it() {
    let Some(stack) = stack() else { return };
    let runtime = runtime();
    let client = before_us(stack, &runtime);
    let team = Project::empty(TAG);
    let order = "schemas/story/Order.avsc";

    // One command, and there is nothing left to do.
    team.run(stack, &["pull", "--subject", "orders-story*"])
        .exits(0)
        .says("2 schemas, 1 topic, 2 subjects in the lock");
    team.run(stack, &["plan"])
        .exits(0)
        .says("nothing to change; 3 of 3 as wanted");
    team.run(stack, &["drift"])
        .exits(0)
        .says("as the manifest wants it");
    team.run(stack, &["check", "--locked"]).exits(0);

    // A compatible change: checked, planned, reviewed, done.
    let field = r#"{"name":"id","type":"string"},"#;
    team.change(
        order,
        field,
        r#"{"name":"id","type":"string"},{"name":"note","type":"string","default":""},"#,
    );
    team.run(stack, &["check", "--locked", "--offline"])
        .exits(0)
        .says("2 subjects compatible");
    team.run(stack, &["check", "--against", "registry"]).exits(0);
    let review = team
        .run(stack, &["plan", "--format", "markdown", "-o", "dev.plan"])
        .exits(0);
    assert!(
        review.stdout.contains(
            "| ~ | subject `orders-story-value` | register a new version, after 1; refers to story.Channel |"
        ),
        "{}",
        review.stdout
    );
    team.run(stack, &["apply", "dev.plan", "--yes"])
        .exits(0)
        .says("registered orders-story-value: version 2")
        .says("was brought up to date");
    team.run(stack, &["drift"]).exits(0);
    // The plan is used up.
    team.run(stack, &["apply", "dev.plan", "--yes"])
        .exits(0)
        .says("nothing to change");

    // An incompatible one: refused with the place, and nothing is sent.
    team.change(
        order,
        r#""customer","type":"string""#,
        r#""customer","type":"long""#,
    );
    team.run(stack, &["check", "--locked", "--offline"])
        .exits(1)
        .says("schemas/story/Order.avsc:")
        .says("^^^^^^")
        .says("registry.lock/dev/orders-story-value.json:");
    team.run(stack, &["apply", "--yes"])
        .exits(1)
        .says("nothing was changed");
    team.change(
        order,
        r#""customer","type":"long""#,
        r#""customer","type":"string""#,
    );

    // Somebody edits by hand.
    runtime
        .block_on(client.set_level(Some("orders-story-value"), Level::None))
        .unwrap();
    let by_hand =
        r#"{"type":"record","name":"Order","namespace":"story","fields":[{"name":"id","type":"string"}]}"#;
    runtime
        .block_on(client.register("orders-story-value", by_hand, &[]))
        .unwrap();
    team.run(stack, &["lock", "verify"])
        .exits(1)
        .says("error[lock-stale]");
    team.run(stack, &["drift"])
        .exits(1)
        .says("the level is NONE, the manifest wants FULL_TRANSITIVE")
        .says("version 3 is newer than ours, which is version 2");
    team.run(
        stack,
        &[
            "subjects",
            "delete",
            "orders-story-value",
            "--version",
            "3",
            "--yes",
        ],
    )
    .exits(0);
    team.run(stack, &["apply", "--yes"])
        .exits(0)
        .says("set orders-story-value: FULL_TRANSITIVE");
    team.run(stack, &["drift"]).exits(0);

    // A second environment with something of its own.
    let environment = format!(
        "[env.prod]\nbootstrap = \"{}\"\nregistry = \"{}\"\nreplication-factor = 2\n\n[env.dev]",
        stack.bootstrap(),
        stack.registry()
    );
    team.change("fleetops-registry.toml", "[env.dev]", &environment);
    team.change("fleetops-registry.toml", "replication-factor = 1\n", "");
    team.run(stack, &["drift"]).exits(0);
    team.run(stack, &["drift", "--env", "prod"])
        .exits(1)
        .says("replication factor is 1, the manifest wants 2");

    // Growing moves keys, so it must be allowed.
    team.change(
        "fleetops-registry.toml",
        "partitions = 3",
        "key = \"customer\"\npartitions = 4",
    );
    team.run(stack, &["plan", "-o", "grow.plan"])
        .exits(1)
        .says("--allow-rekey");
    team.run(stack, &["plan", "--allow-rekey", "-o", "grow.plan"])
        .exits(0);
    team.run(stack, &["apply", "grow.plan", "--yes"])
        .exits(0)
        .says("grew orders-story to 4 partitions");
    // A setting is taken away.
    team.change(
        "fleetops-registry.toml",
        "config = { \"retention.ms\" = \"600000\" }\n",
        "",
    );
    team.run(stack, &["apply", "--yes"])
        .exits(0)
        .says("unset orders-story: retention.ms");
    team.run(stack, &["drift"]).exits(0);

    // Another cluster under the same address is never touched.
    team.change("fleetops-registry.toml", "cluster-id = \"", "cluster-id = \"not-");
    team.run(stack, &["plan"])
        .exits(3)
        .says("nothing was done")
        .says("change cluster-id of [env.dev]");
    team.change("fleetops-registry.toml", "cluster-id = \"not-", "cluster-id = \"");

    the_registry_dies_on_the_way(stack, &team);
}

/// Three more topics with their schemas; the registry breaks after two of them.
fn the_registry_dies_on_the_way(stack: &Stack, team: &Project) {
    for name in ["A", "B", "C"] {
        let schema =
            r#"{"type":"record","name":"NAME","namespace":"story","fields":[{"name":"id","type":"string"}]}"#;
        team.write(
            &format!("schemas/story/{name}.avsc"),
            &schema.replace("NAME", name),
        );
        let topic = format!(
            "[topics.{}-story]\nvalue = \"story.{name}\"\npartitions = 1\n\n[env.prod]",
            name.to_ascii_lowercase()
        );
        team.change("fleetops-registry.toml", "[env.prod]", &topic);
    }
    let dying = Dying::before(&stack.registry(), 2);
    team.run_at(&stack.bootstrap(), &dying.url, &["plan", "-o", "more.plan"])
        .exits(0);
    let cut = team
        .run_at(&stack.bootstrap(), &dying.url, &["apply", "more.plan", "--yes"])
        .exits(4)
        .says("2 of 6 changes were made before it")
        .says("not done: subject c-story-value: register a new subject")
        .says("not done: topic a-story: create 1 partition")
        .says("run `apply` again");
    assert_eq!(cut.stdout.matches("] registered ").count(), 2, "{}", cut.stdout);
    dying.revive();
    team.run_at(&stack.bootstrap(), &dying.url, &["apply", "more.plan", "--yes"])
        .exits(0)
        .says("done: 4 changes");
    team.run(stack, &["drift"]).exits(0);
}

/// A door to the registry that falls shut when so many schemas went through, and opens again when it is told to.
struct Dying {
    url: String,
    left: Arc<AtomicUsize>,
}

impl Dying {
    fn before(registry: &str, schemas: usize) -> Self {
        let rest = registry.strip_prefix("http://").unwrap();
        let (address, path) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/{path}", listener.local_addr().unwrap());
        let left = Arc::new(AtomicUsize::new(schemas));
        let (address, counter) = (address.to_owned(), Arc::clone(&left));
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let (address, counter) = (address.clone(), Arc::clone(&counter));
                std::thread::spawn(move || serve(socket.unwrap(), &address, &counter));
            }
        });
        Self { url, left }
    }

    fn revive(&self) {
        self.left.store(usize::MAX, Ordering::SeqCst);
    }
}

/// Requests of one connection; each has its body in the same packet or right behind it.
fn serve(mut client: TcpStream, address: &str, left: &AtomicUsize) {
    let Ok(mut server) = TcpStream::connect(address) else {
        return;
    };
    let mut back = server.try_clone().unwrap();
    let mut out = client.try_clone().unwrap();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut back, &mut out);
        let _ = out.shutdown(std::net::Shutdown::Both);
    });
    let mut buffer = [0; 65536];
    while let Ok(read) = client.read(&mut buffer) {
        let part = &buffer[..read];
        let registers = part.starts_with(b"POST ") && {
            let line = String::from_utf8_lossy(part);
            let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
            path.contains("/subjects/") && path.ends_with("/versions") && !path.contains("compatibility")
        };
        let dead = left.load(Ordering::SeqCst) == 0;
        if registers && !dead && left.load(Ordering::SeqCst) != usize::MAX {
            left.fetch_sub(1, Ordering::SeqCst);
        }
        if read == 0 || dead || server.write_all(part).is_err() {
            break;
        }
    }
    let _ = server.shutdown(std::net::Shutdown::Both);
    let _ = client.shutdown(std::net::Shutdown::Both);
}
