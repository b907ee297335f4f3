//! Verdicts on addresses, on the way in, and on what the cluster says of itself. Pure: facts in, checks out.

use super::check::{Check, Finding, count};
use super::facts::{ClientSide, Cluster, Endpoint, Found, Metadata, Sasl};

/// The verdict on a bootstrap address.
pub(crate) fn endpoint(endpoint: &Endpoint, client: &ClientSide) -> Check {
    let address = endpoint.address.as_str();
    match wrong(endpoint, client) {
        Some(finding) => Check::problem("broker", address, finding),
        None => Check::ok("broker", address, speaks(&endpoint.found)),
    }
}

fn speaks(found: &Found) -> String {
    match found {
        Found::Kafka(Sasl::Mechanisms(names)) => {
            format!("Kafka without TLS, asks for SASL ({})", names.join(", "))
        }
        Found::Kafka(_) => "Kafka without TLS".to_owned(),
        Found::Tls => "speaks TLS".to_owned(),
        _ => "answers".to_owned(),
    }
}

/// What is wrong with an address, seen from outside.
fn wrong(endpoint: &Endpoint, client: &ClientSide) -> Option<Finding> {
    let at = endpoint.address.as_str();
    let finding = match &endpoint.found {
        Found::Unresolved(_) | Found::Refused | Found::ConnectTimeout(_) | Found::Failed(_) => {
            Finding::unreachable("broker-unreachable", no_connection(&endpoint.found), at)
                .saw(format!("{at}: {}", no_connection(&endpoint.found)))
                .next(match endpoint.found {
                    Found::Unresolved(_) => {
                        "check the host name in `bootstrap` of the environment, or KAFKA_BOOTSTRAP_SERVERS"
                    }
                    Found::ConnectTimeout(_) => {
                        "check the address, and that no firewall or missing route drops the packets"
                    }
                    _ => "start the broker, or check the port in `bootstrap` of the environment, or KAFKA_BOOTSTRAP_SERVERS",
                })
                .next("for servers inside this program: `fleetops-registry dev`")
        }
        Found::Silent(waited) => starting(at)
            .saw(format!(
                "{at} accepts the connection, and answers neither Kafka's protocol nor TLS within {} s",
                waited.as_secs_f32()
            )),
        Found::Http(line) => Finding::wrong("not-kafka", "an HTTP server, not Kafka", at)
            .saw(format!("{at} answers Kafka's protocol with {line:?}"))
            .next("give the port of Kafka's listener (often 9092), not of its REST proxy, console or registry"),
        Found::Other(what) => Finding::wrong("not-kafka", "no Kafka broker", at)
            .saw(format!("{at}: {what}"))
            .next("check that the port is one of Kafka's listeners for clients, not of its controller or of another program"),
        Found::Tls if !client.tls => Finding::wrong("tls-expected", "the listener speaks TLS, our client does not", at)
            .saw(format!("{at} answers a TLS hello; `security.protocol` is {}", client.protocol()))
            .next(format!(
                "set `security.protocol` of the environment's `kafka` settings to {}, and `ssl.ca.location` to the authority's file",
                if client.mechanism.is_some() { "SASL_SSL" } else { "SSL or SASL_SSL" }
            ))
            .next("or give the port of the listener without TLS"),
        Found::Kafka(sasl) if client.tls => {
            let fitting = match sasl {
                Sasl::Mechanisms(_) => "SASL_PLAINTEXT",
                _ if client.mechanism.is_some() => "SASL_PLAINTEXT",
                _ => "PLAINTEXT",
            };
            Finding::wrong("plaintext-port", "the listener has no TLS, our client wants it", at)
                .saw(format!(
                    "{at} answers Kafka's protocol without TLS; `security.protocol` is {}",
                    client.protocol()
                ))
                .next("give the port of the listener with TLS")
                .next(format!("or, where nobody else can read the network, set `security.protocol` to {fitting}"))
        }
        Found::Kafka(sasl) => return sasl_wrong(at, sasl, client),
        Found::Tls => return None,
    };
    Some(finding)
}

/// What is wrong with how our client signs in, as far as a listener without TLS tells everybody.
fn sasl_wrong(at: &str, sasl: &Sasl, client: &ClientSide) -> Option<Finding> {
    match (sasl, &client.mechanism) {
        (Sasl::Mechanisms(names), None) => Some(sasl_expected(at, Some(names), client)),
        (Sasl::None, Some(mechanism)) => Some(sasl_not_offered(at, mechanism, client)),
        (Sasl::Mechanisms(names), Some(mechanism))
            if !names.iter().any(|name| name.eq_ignore_ascii_case(mechanism)) =>
        {
            Some(sasl_mechanism(at, mechanism, &names.join(", ")))
        }
        _ => None,
    }
}

fn no_connection(found: &Found) -> String {
    match found {
        Found::Unresolved(why) => format!("the host name cannot be resolved ({why})"),
        Found::Refused => "nothing listens there (connection refused)".to_owned(),
        Found::ConnectTimeout(waited) => {
            format!("no answer to the connection within {} s", waited.as_secs_f32())
        }
        Found::Failed(why) => why.clone(),
        _ => "connected".to_owned(),
    }
}

fn starting(at: &str) -> Finding {
    Finding::unreachable(
        "broker-starting",
        "not ready: the broker is starting, or hangs",
        at,
    )
    .next("wait until the broker's log says that it has started (10 to 30 s), and ask again")
    .next("if it stays so, see the broker's log, and check that the port is Kafka's")
}

fn sasl_expected(at: &str, names: Option<&[String]>, client: &ClientSide) -> Finding {
    let offered = names.map_or_else(String::new, |names| format!(" ({})", names.join(", ")));
    let protocol = if client.tls { "SASL_SSL" } else { "SASL_PLAINTEXT" };
    Finding::wrong("sasl-expected", "the broker wants us to sign in (SASL)", at)
        .saw(match names {
            Some(_) => format!("{at} offers SASL{offered}; `security.protocol` is {}", client.protocol()),
            None => format!(
                "{at} takes the connection{} and closes it at the first question, as brokers do that want a sign-in; `security.protocol` is {}",
                if client.tls { ", agrees on TLS" } else { "" },
                client.protocol()
            ),
        })
        .next(format!(
            "set `security.protocol` to {protocol}, and `sasl.mechanism`, `sasl.username` and `sasl.password` in the environment's `kafka` settings"
        ))
}

fn sasl_not_offered(at: &str, mechanism: &str, client: &ClientSide) -> Finding {
    let fitting = if client.tls { "SSL" } else { "PLAINTEXT" };
    Finding::wrong(
        "sasl-not-offered",
        "the listener has no SASL, our client wants to sign in",
        at,
    )
    .saw(format!(
        "{at} refuses every sign-in; `security.protocol` is {} with {mechanism}",
        client.protocol()
    ))
    .next("give the port of the listener with SASL")
    .next(format!("or set `security.protocol` to {fitting}"))
}

fn sasl_mechanism(at: &str, mechanism: &str, offered: &str) -> Finding {
    Finding::wrong(
        "sasl-mechanism",
        format!("the broker does not do {mechanism}"),
        at,
    )
    .saw(format!("{at} offers {offered}; `sasl.mechanism` is {mechanism}"))
    .next(format!("set `sasl.mechanism` to one of: {offered}"))
    .next("or have the mechanism enabled on the broker (`sasl.enabled.mechanisms`), with a user for it")
}

/// Whether a message of librdkafka says all that there is to know, so that waiting for more is of no use.
pub(crate) fn is_decisive(line: &str, client: &ClientSide) -> bool {
    told_by_client("", line, client).is_some()
}

/// The verdict on what the cluster answered to our client, set up as its environment says.
pub(crate) fn cluster(bootstrap: &str, cluster: &Cluster, client: &ClientSide) -> Check {
    let finding = match cluster {
        Cluster::Metadata(metadata) if metadata.brokers.is_empty() => starting(bootstrap).saw(format!(
            "{bootstrap} answers, and no broker of the cluster is ready"
        )),
        Cluster::Metadata(metadata) => return Check::ok("cluster", bootstrap, members(metadata, client)),
        Cluster::Settings(why) => Finding::wrong(
            "client-settings",
            "the client's settings are of no use",
            bootstrap,
        )
        .saw(why.clone())
        .next("correct the environment's `kafka` settings: they are librdkafka's"),
        Cluster::NoMetadata { waited, error, told } => {
            let meaning =
                |line: &String| Some((told_by_client(bootstrap, line, client)?, vec![line.clone()]));
            let (mut finding, lines) = told.iter().find_map(meaning).unwrap_or_else(|| {
                (
                    no_metadata(bootstrap, told, client),
                    told.iter().take(3).cloned().collect(),
                )
            });
            let waited = waited.as_secs_f32();
            finding.saw.push(format!(
                "no metadata from {bootstrap} after {waited:.1} s: {error}"
            ));
            finding
                .saw
                .extend(lines.iter().map(|line| format!("librdkafka: {line}")));
            finding
        }
    };
    Check::problem("cluster", bootstrap, finding)
}

fn members(metadata: &Metadata, client: &ClientSide) -> String {
    let brokers = count(metadata.brokers.len() as u64, "broker");
    let way = match (client.tls, &client.mechanism) {
        (false, None) => "",
        (true, None) => ", certificate trusted",
        (_, Some(_)) => ", signed in",
    };
    format!("{brokers}, {}{way}", count(metadata.topics.len() as u64, "topic"))
}

/// What a message of librdkafka means. Its words, and the broker's in them, are all that there is.
fn told_by_client(at: &str, line: &str, client: &ClientSide) -> Option<Finding> {
    let has = |words: &str| line.to_ascii_lowercase().contains(words);
    let ca = client.ca.as_deref().unwrap_or("the system's authorities");
    let mechanism = client.mechanism.as_deref().unwrap_or("none");
    let user = client.user.as_deref().unwrap_or("(none)");
    if has("hostname mismatch") || has("ip address mismatch") {
        return Some(
            Finding::wrong("tls-host-name", "the certificate is for another host", at)
                .next("give the name that the certificate has in `bootstrap`")
                .next(
                    "or have the broker's certificate made anew, with this name among its alternative names",
                ),
        );
    }
    if has("certificate verify failed") || has("self-signed certificate") || has("self signed certificate") {
        return Some(
            Finding::wrong("tls-untrusted", "the broker's certificate is not trusted", at)
                .saw(format!("it was held against {ca}"))
                .next(
                    "set `ssl.ca.location` to the file of the authority that signed the broker's certificate",
                ),
        );
    }
    if has("certificate required") || has("bad certificate") || has("bad_certificate") {
        return Some(
            Finding::wrong("tls-client-certificate", "the broker wants a certificate of ours", at).next(
                "set `ssl.certificate.location` and `ssl.key.location` to a certificate that the broker trusts, and its key",
            ),
        );
    }
    if has("wrong version number")
        || has("connecting to a plaintext broker")
        || has("connecting to a non-ssl")
    {
        return Some(
            Finding::wrong(
                "plaintext-port",
                "the listener has no TLS, our client wants it",
                at,
            )
            .next("give the port of the listener with TLS, or set `security.protocol` to the one without"),
        );
    }
    if has("sasl state") {
        return Some(sasl_not_offered(at, mechanism, client));
    }
    if has("unsupported sasl mechanism") || has("supported mechanisms:") {
        let offered = line
            .rsplit_once("mechanisms:")
            .map_or("other mechanisms (see below)", |(_, names)| names.trim());
        return Some(sasl_mechanism(
            at,
            mechanism,
            offered.split(" (after").next().unwrap_or(offered),
        ));
    }
    if has("authentication failed") || has("invalid credentials") || has("sasl authentication error") {
        return Some(
            Finding::wrong("sasl-refused", "the broker refuses user or password", at)
                .saw(format!("signing in as {user} with {mechanism}"))
                .next("check `sasl.username` and `sasl.password` of the environment, and the variables they come from")
                .next(format!("check that the broker has this user for {mechanism}: each mechanism has users of its own")),
        );
    }
    if has("ssl handshake failed") || has("ssl transport error") {
        return Some(
            Finding::wrong("tls-handshake", "the two do not agree on TLS", at)
                .next("compare the broker's `ssl.enabled.protocols` and cipher suites with the client's `ssl.*` settings"),
        );
    }
    None
}

/// No metadata, and no message that says why.
fn no_metadata(at: &str, told: &[String], client: &ClientSide) -> Finding {
    // The answer to a question of librdkafka's own has come, and sent it elsewhere.
    if let Some((address, id)) = told.iter().find_map(|line| connection_to(line)) {
        return unreachable_advertised(at, &address, id);
    }
    // A failed TLS handshake would have been told.
    if client.mechanism.is_none() && told.iter().any(|line| line.contains("brokers are down")) {
        return sasl_expected(at, None, client);
    }
    starting(at)
}

/// Address and ID of the broker that a message of librdkafka is about; `None` for a bootstrap server, which has no ID.
fn connection_to(line: &str) -> Option<(String, i32)> {
    let name = line.split_once(": ")?.0;
    let name = name.split_once("://").map_or(name, |(_, name)| name);
    let (address, id) = name.rsplit_once('/')?;
    let id = id.parse().ok()?;
    address.contains(':').then(|| (address.to_owned(), id))
}

/// The verdict on the address that a broker gives of itself. Clients take what is in a partition from there.
pub(crate) fn advertised(bootstrap: &str, id: i32, found: &Endpoint, client: &ClientSide) -> Check {
    let target = format!("{} (broker {id})", found.address);
    let Some(inner) = wrong(found, client) else {
        return Check::ok("advertised", target, speaks(&found.found));
    };
    if !found.found.connected() {
        let mut finding = unreachable_advertised(bootstrap, &found.address, id);
        finding
            .saw
            .insert(0, format!("{}: {}", finding.place, no_connection(&found.found)));
        return Check::problem("advertised", target, finding);
    }
    let named = advertises(bootstrap, &found.address, id);
    let summary = format!("the advertised address: {}", inner.summary);
    let finding = Finding::wrong("advertised-listener", summary, named.clone()).saw(named);
    let mut finding = set_advertised(finding, bootstrap, id);
    finding.saw.extend(inner.saw);
    Check::problem("advertised", target, finding)
}

fn advertises(bootstrap: &str, address: &str, id: i32) -> String {
    format!("bootstrap {bootstrap} answers; broker {id} advertises {address}")
}

fn unreachable_advertised(bootstrap: &str, address: &str, id: i32) -> Finding {
    let finding = Finding::wrong(
        "advertised-address",
        "the advertised address cannot be reached from here",
        advertises(bootstrap, address, id),
    )
    .saw("every client is sent to the advertised address for its records, so nothing can be produced or consumed");
    set_advertised(finding, bootstrap, id)
}

fn set_advertised(finding: Finding, bootstrap: &str, id: i32) -> Finding {
    finding
        .next(format!(
            "set `advertised.listeners` of broker {id} (KAFKA_ADVERTISED_LISTENERS in containers) to an address that clients reach, such as {bootstrap}"
        ))
        .next("clients inside and outside a container network need a listener each, with an advertised address each")
}

#[cfg(test)]
mod tests;
