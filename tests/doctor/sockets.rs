//! Servers that are none: ports that refuse, say nothing, or answer something else.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use super::{Project, Report};

/// A port of 127.0.0.1 that nobody listens at.
fn free() -> String {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string()
}

/// Answers every connection with `reply` and closes it; with `None` takes connections and says nothing.
fn server(reply: Option<&'static str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            match reply {
                None => kept.push(stream),
                Some(reply) => {
                    let _ = stream.read(&mut [0; 4096]);
                    let _ = stream.write_all(reply.as_bytes());
                }
            }
        }
    });
    address
}

fn doctor(broker: &str, registry: &str) -> Report {
    let project = Project::new(&format!(
        "[env.dev]\nbootstrap = \"{broker}\"\nregistry = \"http://{registry}\"\n"
    ));
    project.doctor(&[], &[])
}

#[test]
fn nothing_listens() {
    let (broker, registry) = (free(), free());
    let report = doctor(&broker, &registry).told(3, &["broker-unreachable", "registry-unreachable"]);
    assert_eq!(report.problem("broker-unreachable")["where"], broker.as_str());
    assert!(
        report.problem("registry-unreachable")["saw"][0]
            .as_str()
            .unwrap()
            .contains(&registry)
    );
    assert_eq!(report.status("topic"), "not_checked");
    assert_eq!(report.status("subject"), "not_checked");
}

#[test]
fn ports_that_say_nothing_are_given_up_in_time() {
    let begun = Instant::now();
    doctor(&server(None), &server(None)).told(3, &["broker-starting", "registry-silent"]);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

const PAGE: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 13\r\nconnection: close\r\n\r\n<html></html>";
const NOT_FOUND: &str = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const UNAUTHORIZED: &str =
    "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Basic\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const UNAVAILABLE: &str =
    "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

#[test]
fn other_servers_are_recognised() {
    doctor(&server(Some(PAGE)), &server(Some(PAGE))).told(1, &["not-kafka", "not-a-registry"]);
    doctor(&server(Some("220 mail ready\r\n")), &server(Some(NOT_FOUND)))
        .told(1, &["not-kafka", "not-a-registry"]);
    doctor(&free(), &server(Some(UNAVAILABLE))).told(3, &["broker-unreachable", "registry-failing"]);
}

#[test]
fn a_registry_that_wants_credentials_and_one_that_refuses_ours() {
    let (broker, registry) = (free(), server(Some(UNAUTHORIZED)));
    doctor(&broker, &registry).told(3, &["broker-unreachable", "registry-credentials"]);
    let project = Project::new(&format!(
        "[env.dev]\nbootstrap = \"{broker}\"\nregistry = \"http://{registry}\"\n\
         registry-auth = {{ username = \"fleet\", password = \"${{REGISTRY_PASSWORD}}\" }}\n"
    ));
    let report = project
        .doctor(&[], &[("REGISTRY_PASSWORD", "s3cret-of-the-registry")])
        .told(3, &["broker-unreachable", "registry-refused"]);
    assert!(
        report.problem("registry-refused")["saw"][0]
            .as_str()
            .unwrap()
            .contains("user fleet")
    );
}
