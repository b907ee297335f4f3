//! No output and no file of any command holds a secret, whatever the format and however much is told.

use crate::harness::Project;
use crate::servers::Registry;

const PASSWORD: &str = "m4rker-of-the-registry";
const KAFKA: &str = "m4rker-of-the-brokers";

/// Every file below the project, and what the runs said.
fn everything(folder: &std::path::Path, out: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => everything(&path, out),
            false => out.push_str(&String::from_utf8_lossy(&std::fs::read(&path).unwrap())),
        }
    }
}

#[test]
fn no_command_and_no_file_tells_a_secret() {
    let (project, registry) = (Project::new(), Registry::start());
    project.remove("released");
    let url = registry.url();
    project.change(
        "fleetops-registry.toml",
        "bootstrap = \"localhost:9092\"\n",
        &format!(
            "bootstrap = \"127.0.0.1:1\"\nregistry = \"{url}\"\n\
             kafka = {{ \"security.protocol\" = \"SASL_PLAINTEXT\", \"sasl.mechanism\" = \"PLAIN\", \
             \"sasl.username\" = \"me\", \"sasl.password\" = \"${{KAFKA_MARKER}}\" }}\n\
             registry-auth = {{ username = \"me\", password = \"${{REGISTRY_MARKER}}\" }}\n"
        ),
    );
    let with_password = url.replace("http://", &format!("http://me:{PASSWORD}@"));
    let gone = format!("http://me:{PASSWORD}@127.0.0.1:1");
    let commands: &[&[&str]] = &[
        &["plan", "--only", "subjects", "-o", "saved.plan"],
        &["plan", "--only", "subjects", "--format", "markdown"],
        &["plan", "--format", "json"],
        &["apply", "saved.plan", "--yes", "--format", "json"],
        &["apply", "--yes"],
        &["drift", "--only", "subjects", "--format", "json"],
        &["lock", "update"],
        &["lock", "verify", "--format", "github"],
        &["check", "--locked"],
        &["check", "--against", "registry", "--format", "json"],
        &["register", "--dry-run"],
        &["subjects", "list", "--format", "json"],
        &["subjects", "get", "orders-value", "--format", "json"],
        &["subjects", "delete", "refunds-value", "--yes"],
        &["config", "get"],
        &["config", "set", "FULL", "--yes"],
        &["mode", "get"],
        &["topics", "plan"],
        &["pull", "--out", "adopted", "--registry", &with_password],
        &["pull", "--out", "adopted", "--registry", &gone],
        &["check", "--against", "registry", "--registry", &gone],
        &[
            "plan",
            "--only",
            "subjects",
            "--registry",
            "http://me:m4rker-of-the-registry@[broken",
        ],
    ];
    let mut all = String::new();
    let mut clean = 0;
    for arguments in commands {
        let mut arguments = arguments.to_vec();
        arguments.push("-vv");
        let out = project
            .command(&arguments)
            .env("REGISTRY_MARKER", PASSWORD)
            .env("KAFKA_MARKER", KAFKA)
            .output()
            .unwrap();
        clean += usize::from(out.status.code() == Some(0));
        let told = format!(
            "{}{}",
            String::from_utf8_lossy(&out.stdout),
            String::from_utf8_lossy(&out.stderr)
        );
        for marker in [PASSWORD, KAFKA] {
            assert!(!told.contains(marker), "{arguments:?}: {told}");
        }
        all.push_str(&told);
    }
    // They did say something, most of them with success.
    assert!(
        clean >= 14 && all.contains("\"outcome\":\"done\""),
        "{clean}: {all}"
    );
    let mut files = String::new();
    everything(&project.path(""), &mut files);
    assert!(
        files.contains("registry-auth = { username = \"${SCHEMA_REGISTRY_USER}\""),
        "{files}"
    );
    for marker in [PASSWORD, KAFKA] {
        assert!(!files.contains(marker));
    }
}
