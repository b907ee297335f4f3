//! Servers that are not there. These need no real ones.

use std::net::TcpListener;
use std::time::Duration;

use crate::project::Project;

const LIMIT: Duration = Duration::from_secs(10);

/// An address at which nobody listens: the port of a server that has just been stopped.
fn stopped() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// An address at which connections are taken and nothing is said.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

#[test]
fn a_stopped_broker_is_one_error_within_ten_seconds() {
    let address = stopped();
    Project::fleet()
        .run_at(&address, "http://127.0.0.1:1", &["topics", "apply", "--yes"])
        .exits(3)
        .gives_up_within(LIMIT)
        .says(&format!("cannot list the topics of {address}"))
        .says("Connection refused");
}

#[test]
fn a_silent_broker_is_one_error_within_ten_seconds() {
    let (_listener, address) = silent();
    Project::fleet()
        .run_at(&address, "http://127.0.0.1:1", &["topics", "list"])
        .exits(3)
        .gives_up_within(LIMIT)
        .says(&address);
}

#[test]
fn a_stopped_registry_is_one_error_within_ten_seconds() {
    let address = stopped();
    for command in [&["register", "--yes"][..], &["check", "--against", "registry"]] {
        Project::fleet()
            .run_at("127.0.0.1:1", &format!("http://{address}"), command)
            .exits(3)
            .gives_up_within(LIMIT)
            .says("the schema registry was not reached")
            .says("Connection refused");
    }
}

#[test]
fn a_silent_registry_is_one_error_within_ten_seconds() {
    let (_listener, address) = silent();
    Project::fleet()
        .run_at(
            "127.0.0.1:1",
            &format!("http://{address}"),
            &["register", "--yes"],
        )
        .exits(3)
        .gives_up_within(LIMIT)
        .says("no answer within");
}
