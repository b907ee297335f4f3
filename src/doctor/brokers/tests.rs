use std::time::Duration;

use super::*;

fn at(found: Found) -> Endpoint {
    Endpoint {
        address: "kafka:9092".to_owned(),
        found,
    }
}

fn tls() -> ClientSide {
    ClientSide {
        tls: true,
        ca: Some("/etc/ca.pem".to_owned()),
        ..ClientSide::default()
    }
}

fn scram() -> ClientSide {
    ClientSide {
        mechanism: Some("SCRAM-SHA-512".to_owned()),
        user: Some("fleet".to_owned()),
        ..ClientSide::default()
    }
}

fn code(check: &Check) -> (&'static str, bool) {
    let finding = check.finding().unwrap_or_else(|| panic!("no problem: {check:?}"));
    assert!(!finding.saw.is_empty() && !finding.next.is_empty(), "{finding:?}");
    assert!(
        !finding.place.is_empty() && !finding.summary.is_empty(),
        "{finding:?}"
    );
    (finding.code, finding.reached)
}

fn names(names: &[&str]) -> Sasl {
    Sasl::Mechanisms(names.iter().map(|name| (*name).to_owned()).collect())
}

#[test]
fn addresses_that_do_not_fit_are_told_apart() {
    let plain = ClientSide::default();
    let second = Duration::from_secs(1);
    let cases = [
        (Found::Refused, &plain, "broker-unreachable", false),
        (
            Found::Unresolved("no such host".to_owned()),
            &plain,
            "broker-unreachable",
            false,
        ),
        (Found::ConnectTimeout(second), &plain, "broker-unreachable", false),
        (
            Found::Failed("no route".to_owned()),
            &plain,
            "broker-unreachable",
            false,
        ),
        (Found::Silent(second), &plain, "broker-starting", false),
        (
            Found::Http("HTTP/1.1 400 Bad Request".to_owned()),
            &plain,
            "not-kafka",
            true,
        ),
        (
            Found::Other("closes the connection".to_owned()),
            &plain,
            "not-kafka",
            true,
        ),
        (Found::Tls, &plain, "tls-expected", true),
        (Found::Tls, &scram(), "tls-expected", true),
        (Found::Kafka(Sasl::None), &tls(), "plaintext-port", true),
        (Found::Kafka(names(&["PLAIN"])), &plain, "sasl-expected", true),
        (Found::Kafka(Sasl::None), &scram(), "sasl-not-offered", true),
        (Found::Kafka(names(&["PLAIN"])), &scram(), "sasl-mechanism", true),
    ];
    for (found, client, expected, reached) in cases {
        let check = endpoint(&at(found.clone()), client);
        assert_eq!(code(&check), (expected, reached), "{found:?} {client:?}");
        assert!(
            check.finding().unwrap().saw.join(" ").contains("kafka:9092"),
            "{check:?}"
        );
    }
}

#[test]
fn addresses_that_fit_are_fine() {
    for (found, client) in [
        (Found::Kafka(Sasl::None), ClientSide::default()),
        (Found::Kafka(Sasl::Unknown), ClientSide::default()),
        (Found::Kafka(Sasl::Unknown), scram()),
        (Found::Kafka(names(&["plain", "SCRAM-SHA-512"])), scram()),
        (Found::Tls, tls()),
    ] {
        let check = endpoint(&at(found), &client);
        assert_eq!(check.finding(), None, "{check:?}");
    }
}

/// Messages as librdkafka 2.12 writes them.
#[test]
fn what_the_client_was_told_decides() {
    let (plain, scram_tls) = (ClientSide::default(), ClientSide { tls: true, ..scram() });
    let cases = [
        (
            "sasl_ssl://kafka:9095/bootstrap: SASL authentication error: Authentication failed during authentication due to \
             invalid credentials with SASL mechanism SCRAM-SHA-512 (after 304ms in state AUTH_REQ)",
            &scram_tls,
            "sasl-refused",
        ),
        (
            "sasl_ssl://kafka:9095/bootstrap: SASL SCRAM-SHA-512 mechanism handshake failed: Broker: Unsupported SASL mechanism: broker's supported \
             mechanisms: PLAIN,SCRAM-SHA-512 (after 3ms in state AUTH_HANDSHAKE)",
            &scram_tls,
            "sasl-mechanism",
        ),
        (
            "ssl://kafka:9094/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: \
             broker certificate could not be verified, verify that ssl.ca.location is correctly configured",
            &tls(),
            "tls-untrusted",
        ),
        (
            "ssl://kafka:9094/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate verify failed \
             (hostname mismatch)",
            &tls(),
            "tls-host-name",
        ),
        (
            "ssl://kafka:9094/bootstrap: SSL handshake failed: ssl/tls alert bad certificate: SSL alert number 42",
            &tls(),
            "tls-client-certificate",
        ),
        (
            "ssl://kafka:9092/bootstrap: SSL handshake failed: wrong version number: connecting to a PLAINTEXT broker?",
            &tls(),
            "plaintext-port",
        ),
        (
            "sasl_ssl://kafka:9094/bootstrap: SASL SCRAM-SHA-512 mechanism handshake failed: Broker: Request not valid in current \
             SASL state: broker's supported mechanisms:  (after 0ms in state AUTH_HANDSHAKE)",
            &scram_tls,
            "sasl-not-offered",
        ),
        ("1/1 brokers are down", &tls(), "sasl-expected"),
        (
            "127.0.0.1:1/1: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)",
            &plain,
            "advertised-address",
        ),
        (
            "ssl://inside:29093/2: Failed to resolve 'inside:29093': Name or service not known (after 5ms in state CONNECT)",
            &tls(),
            "advertised-address",
        ),
        (
            "ssl://kafka:9094/bootstrap: SSL handshake failed: no protocols available",
            &tls(),
            "tls-handshake",
        ),
    ];
    for (line, client, expected) in cases {
        let answer = Cluster::NoMetadata {
            waited: Duration::from_secs(6),
            error: "timed out".to_owned(),
            told: vec![
                "something else".to_owned(),
                line.to_owned(),
                "0/1 brokers are down".to_owned(),
            ],
        };
        let check = cluster("kafka:9092", &answer, client);
        assert_eq!(code(&check), (expected, true), "{line}");
        assert!(
            check.finding().unwrap().saw.iter().any(|saw| saw.contains(line)),
            "{check:?}"
        );
    }
}

#[test]
fn the_offered_mechanisms_are_named() {
    let answer = Cluster::NoMetadata {
        waited: Duration::from_secs(6),
        error: "timed out".to_owned(),
        told: vec![
            "x: Unsupported SASL mechanism: broker's supported mechanisms: PLAIN,SCRAM-SHA-512 (after 3ms)"
                .to_owned(),
        ],
    };
    let check = cluster("kafka:9092", &answer, &scram());
    assert_eq!(
        check.finding().unwrap().next[0],
        "set `sasl.mechanism` to one of: PLAIN,SCRAM-SHA-512"
    );
}

#[test]
fn a_cluster_that_is_not_ready_is_starting() {
    let nothing = Cluster::NoMetadata {
        waited: Duration::from_secs(6),
        error: "timed out".to_owned(),
        told: Vec::new(),
    };
    let plain = ClientSide::default();
    assert_eq!(
        code(&cluster("kafka:9092", &nothing, &plain)),
        ("broker-starting", false)
    );
    let empty = Cluster::Metadata(Metadata::default());
    assert_eq!(
        code(&cluster("kafka:9092", &empty, &plain)),
        ("broker-starting", false)
    );
    let settings = Cluster::Settings("no such file".to_owned());
    assert_eq!(
        code(&cluster("kafka:9092", &settings, &plain)),
        ("client-settings", true)
    );
    let one = Cluster::Metadata(Metadata {
        brokers: vec![(1, "kafka:9092".to_owned())],
        ..Metadata::default()
    });
    assert_eq!(cluster("kafka:9092", &one, &plain).finding(), None);
}

#[test]
fn a_wrong_advertised_address_is_told_with_both_addresses() {
    let plain = ClientSide::default();
    let there = |found| Endpoint {
        address: "inside:29092".to_owned(),
        found,
    };
    for found in [
        Found::Refused,
        Found::Unresolved("x".to_owned()),
        Found::ConnectTimeout(Duration::from_secs(2)),
    ] {
        let check = advertised("kafka:9092", 1, &there(found), &plain);
        assert_eq!(code(&check), ("advertised-address", true));
        let place = &check.finding().unwrap().place;
        assert!(
            place.contains("kafka:9092") && place.contains("inside:29092"),
            "{place}"
        );
    }
    let other = advertised("kafka:9092", 1, &there(Found::Tls), &plain);
    assert_eq!(code(&other), ("advertised-listener", true));
    let fine = advertised("kafka:9092", 1, &there(Found::Kafka(Sasl::None)), &plain);
    assert_eq!(fine.finding(), None);
}
