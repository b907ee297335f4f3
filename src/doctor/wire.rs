//! What an address answers, seen with bare sockets: a connection, a question in Kafka's protocol, a TLS hello.
//!
//! librdkafka tells least where it helps most, at the first bytes: a port with TLS, one without, one that says nothing
//! all end as "timed out". Three small messages tell them apart. Nothing is signed in and nothing is encrypted here.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};
use uuid::Uuid;

use super::facts::{Endpoint, Found, Sasl};

/// How long a connection may take, all addresses of the name together.
const CONNECT: Duration = Duration::from_secs(3);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(3);
/// Longest answer that is read, in bytes.
const LONGEST: usize = 64 * 1024;
/// The number that our questions carry and answers repeat.
const CORRELATION: [u8; 4] = *b"doct";

/// Host and port of an address such as `host:9092`, `[::1]:9092` or `SSL://host`; the port is 9092 where none is given.
pub(crate) fn host_port(address: &str) -> (String, u16) {
    const KAFKA: u16 = 9092;
    let address = address.split_once("://").map_or(address, |(_, rest)| rest);
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, port.parse().unwrap_or(KAFKA))
        }
        _ => (address, KAFKA),
    };
    (host.trim_matches(['[', ']']).to_owned(), port)
}

/// A connection, or why there is none.
async fn connect(host: &str, port: u16) -> Result<TcpStream, Found> {
    let deadline = Instant::now() + CONNECT;
    let addresses = match timeout_at(deadline, lookup_host((host, port))).await {
        Err(_) => {
            return Err(Found::Unresolved(format!(
                "no answer within {} s",
                CONNECT.as_secs()
            )));
        }
        Ok(Err(error)) => return Err(Found::Unresolved(error.to_string())),
        Ok(Ok(addresses)) => addresses,
    };
    let mut last = Found::Unresolved("the name has no address".to_owned());
    for address in addresses {
        last = match timeout_at(deadline, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => Found::Refused,
            Ok(Err(error)) => Found::Failed(error.to_string()),
            Err(_) => Found::ConnectTimeout(CONNECT),
        };
    }
    Err(last)
}

/// Whether a connection can be made; [`Found::Other`] says that it can.
pub(crate) async fn reach(host: &str, port: u16) -> Endpoint {
    let found = match connect(host, port).await {
        Ok(_) => Found::Other("takes connections".to_owned()),
        Err(found) => found,
    };
    Endpoint {
        address: format!("{host}:{port}"),
        found,
    }
}

/// What an address of a broker answers; `mechanism` is the SASL mechanism to ask for.
pub(crate) async fn probe(address: &str, mechanism: Option<&str>) -> Endpoint {
    let (host, port) = host_port(address);
    Endpoint {
        found: find(&host, port, mechanism.unwrap_or("PLAIN")).await,
        address: address.to_owned(),
    }
}

async fn find(host: &str, port: u16, mechanism: &str) -> Found {
    let mut stream = match connect(host, port).await {
        Ok(stream) => stream,
        Err(found) => return found,
    };
    let first = ask(&mut stream, &request(API_VERSIONS, 0, &[]), whole_message).await;
    match first.bytes.as_slice() {
        [_, _, _, _, correlation @ ..] if correlation.starts_with(&CORRELATION) => {
            return Found::Kafka(sasl(&mut stream, mechanism).await);
        }
        [b'H', b'T', b'T', b'P', b'/', ..] => return Found::Http(first_line(&first.bytes)),
        bytes if is_tls(bytes) => return Found::Tls,
        _ => {}
    }
    drop(stream);
    // Only now: a broker without TLS writes a warning to its log for this one.
    let second = match connect(host, port).await {
        Ok(mut stream) => ask(&mut stream, &client_hello(host), |bytes| bytes.len() >= 6).await,
        Err(found) => return found,
    };
    match (&first, &second) {
        (_, second) if is_tls(&second.bytes) => Found::Tls,
        (_, second) if second.bytes.starts_with(b"HTTP/") => Found::Http(first_line(&second.bytes)),
        (first, second) if first.silent() && second.silent() => Found::Silent(ANSWER),
        (first, _) if !first.bytes.is_empty() => Found::Other(format!(
            "answers Kafka's protocol with {:?}",
            first_line(&first.bytes)
        )),
        _ => Found::Other("closes the connection on Kafka's protocol and on TLS".to_owned()),
    }
}

/// What came back.
struct Answer {
    bytes: Vec<u8>,
    closed: bool,
}

impl Answer {
    fn silent(&self) -> bool {
        self.bytes.is_empty() && !self.closed
    }
}

/// Sends a question, and reads until the answer is whole, the other side closes, or the time is over.
async fn ask(stream: &mut TcpStream, question: &[u8], whole: fn(&[u8]) -> bool) -> Answer {
    let mut answer = Answer {
        bytes: Vec::new(),
        closed: false,
    };
    let exchange = async {
        if stream.write_all(question).await.is_err() {
            answer.closed = true;
            return;
        }
        let mut buffer = [0; 4096];
        while !whole(&answer.bytes) && answer.bytes.len() < LONGEST {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => {
                    answer.closed = true;
                    return;
                }
                Ok(n) => answer
                    .bytes
                    .extend_from_slice(buffer.get(..n).unwrap_or_default()),
            }
            if answer.bytes.starts_with(b"HTTP/") && answer.bytes.contains(&b'\n') {
                return;
            }
        }
    };
    // The time being over is an answer too: what came until then.
    let _ = timeout(ANSWER, exchange).await;
    answer
}

/// A content of alert or handshake, and the major version of every TLS. RFC 8446, section 5.1.
fn is_tls(bytes: &[u8]) -> bool {
    matches!(bytes, [0x15 | 0x16, 0x03, ..])
}

fn first_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let line = text.lines().next().unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(80).collect()
}

const API_VERSIONS: i16 = 18;
const SASL_HANDSHAKE: i16 = 17;
/// Kafka's protocol, "Error Codes": the listener has no SASL.
const ILLEGAL_SASL_STATE: i16 = 34;
const UNSUPPORTED_SASL_MECHANISM: i16 = 33;

/// A message of Kafka's protocol with request header version 1.
fn request(api: i16, version: i16, body: &[u8]) -> Vec<u8> {
    const CLIENT: &[u8] = b"fleetops-registry-doctor";
    let mut message = Vec::new();
    message.extend_from_slice(&api.to_be_bytes());
    message.extend_from_slice(&version.to_be_bytes());
    message.extend_from_slice(&CORRELATION);
    message.extend_from_slice(&(CLIENT.len() as i16).to_be_bytes());
    message.extend_from_slice(CLIENT);
    message.extend_from_slice(body);
    let mut framed = (message.len() as i32).to_be_bytes().to_vec();
    framed.extend(message);
    framed
}

fn whole_message(bytes: &[u8]) -> bool {
    match bytes.split_first_chunk::<4>() {
        // What cannot be a length is not waited for.
        Some((length, rest)) => {
            usize::try_from(i32::from_be_bytes(*length)).is_ok_and(|n| n > LONGEST || rest.len() >= n)
        }
        None => false,
    }
}

/// Which mechanisms the listener offers: the answer to a sign-in that is not gone through with.
async fn sasl(stream: &mut TcpStream, mechanism: &str) -> Sasl {
    let mut body = (mechanism.len() as i16).to_be_bytes().to_vec();
    body.extend_from_slice(mechanism.as_bytes());
    let answer = ask(stream, &request(SASL_HANDSHAKE, 1, &body), whole_message).await;
    handshake(&answer.bytes).unwrap_or(Sasl::Unknown)
}

/// Size, correlation, error code, array of names.
fn handshake(bytes: &[u8]) -> Option<Sasl> {
    let rest = bytes.get(4..)?.strip_prefix(&CORRELATION)?;
    let (error, rest) = rest.split_first_chunk::<2>()?;
    match i16::from_be_bytes(*error) {
        ILLEGAL_SASL_STATE => return Some(Sasl::None),
        0 | UNSUPPORTED_SASL_MECHANISM => {}
        _ => return Some(Sasl::Unknown),
    }
    let (count, mut rest) = rest.split_first_chunk::<4>()?;
    let mut names = Vec::new();
    for _ in 0..i32::from_be_bytes(*count).clamp(0, 64) {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let length = usize::try_from(i16::from_be_bytes(*length)).ok()?;
        names.push(String::from_utf8_lossy(after.get(..length)?).into_owned());
        rest = after.get(length..)?;
    }
    Some(Sasl::Mechanisms(names))
}

/// A TLS hello that offers 1.2 and 1.3 (RFC 8446, section 4.1.2). Its one purpose is that a server answers at all: with a
/// hello of its own, or with an alert.
fn client_hello(host: &str) -> Vec<u8> {
    fn sized(bytes: &[u8]) -> Vec<u8> {
        let mut out = (bytes.len() as u16).to_be_bytes().to_vec();
        out.extend_from_slice(bytes);
        out
    }
    fn extension(out: &mut Vec<u8>, kind: u16, body: &[u8]) {
        out.extend_from_slice(&kind.to_be_bytes());
        out.extend(sized(body));
    }
    let mut extensions = Vec::new();
    if host.parse::<IpAddr>().is_err() && host.len() < 256 {
        let mut name = vec![0];
        name.extend(sized(host.as_bytes()));
        extension(&mut extensions, 0, &sized(&name));
    }
    // Groups: x25519, P-256, P-384. Signatures: ECDSA, RSA-PSS and PKCS #1 with SHA-256 and SHA-384.
    extension(&mut extensions, 10, &sized(&[0, 0x1d, 0, 0x17, 0, 0x18]));
    extension(&mut extensions, 13, &sized(&[4, 3, 5, 3, 8, 4, 8, 5, 4, 1, 5, 1]));
    extension(&mut extensions, 43, &[4, 3, 4, 3, 3]);
    // No key yet: the server asks for one, which is answer enough.
    extension(&mut extensions, 51, &sized(&[]));

    let mut hello = vec![3, 3];
    hello.extend_from_slice(Uuid::new_v4().as_bytes());
    hello.extend_from_slice(Uuid::new_v4().as_bytes());
    hello.push(0);
    hello.extend(sized(&[
        0x13, 0x01, 0x13, 0x02, 0x13, 0x03, 0xc0, 0x2b, 0xc0, 0x2c, 0xc0, 0x2f, 0xc0, 0x30, 0x00, 0x9c, 0x00,
        0x9d,
    ]));
    hello.extend_from_slice(&[1, 0]);
    hello.extend(sized(&extensions));

    let mut handshake = vec![1, 0];
    handshake.extend(sized(&hello));
    let mut record = vec![0x16, 3, 1];
    record.extend(sized(&handshake));
    record
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        for (address, host, port) in [
            ("kafka:19092", "kafka", 19092),
            ("kafka", "kafka", 9092),
            ("[::1]:9093", "::1", 9093),
            ("::1", "::1", 9092),
            ("SASL_SSL://b-1.example:9096", "b-1.example", 9096),
        ] {
            assert_eq!(host_port(address), (host.to_owned(), port), "{address}");
        }
    }

    fn answer(error: i16, names: &[&str]) -> Vec<u8> {
        let mut bytes = vec![0, 0, 0, 0];
        bytes.extend_from_slice(&CORRELATION);
        bytes.extend_from_slice(&error.to_be_bytes());
        bytes.extend_from_slice(&(names.len() as i32).to_be_bytes());
        for name in names {
            bytes.extend_from_slice(&(name.len() as i16).to_be_bytes());
            bytes.extend_from_slice(name.as_bytes());
        }
        bytes
    }

    #[test]
    fn sign_in_answers_are_read_and_nonsense_is_none() {
        let both = Sasl::Mechanisms(vec!["PLAIN".to_owned(), "SCRAM-SHA-512".to_owned()]);
        assert_eq!(
            handshake(&answer(33, &["PLAIN", "SCRAM-SHA-512"])),
            Some(both.clone())
        );
        assert_eq!(handshake(&answer(0, &["PLAIN", "SCRAM-SHA-512"])), Some(both));
        assert_eq!(handshake(&answer(34, &[])), Some(Sasl::None));
        assert_eq!(handshake(&answer(35, &[])), Some(Sasl::Unknown));
        let full = answer(0, &["PLAIN"]);
        for short in 0..full.len() {
            assert_eq!(handshake(&full[..short]), None, "{short}");
        }
        let mut negative = answer(0, &["PLAIN"]);
        negative[14..16].copy_from_slice(&(-5_i16).to_be_bytes());
        assert_eq!(handshake(&negative), None);
    }

    /// A server on a free port that answers whatever comes with `reply`, and then closes, or keeps silent.
    async fn server(reply: &'static [u8], close: bool) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut buffer = [0; 1024];
                let _ = stream.read(&mut buffer).await;
                let _ = stream.write_all(reply).await;
                if !close {
                    kept.push(stream);
                }
            }
        });
        address
    }

    #[tokio::test]
    async fn what_speaks_at_an_address_is_recognised() {
        let http = server(b"HTTP/1.1 400 Bad Request\r\n\r\n", true).await;
        assert_eq!(
            probe(&http, None).await.found,
            Found::Http("HTTP/1.1 400 Bad Request".to_owned())
        );
        let alert = server(&[0x15, 3, 3, 0, 2, 2, 40], true).await;
        assert_eq!(probe(&alert, None).await.found, Found::Tls);
        let closes = server(b"", true).await;
        assert!(matches!(probe(&closes, None).await.found, Found::Other(_)));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let free = listener.local_addr().unwrap().to_string();
        drop(listener);
        assert_eq!(probe(&free, None).await.found, Found::Refused);
        let unknown = probe("no-such-host.invalid:9092", None).await;
        assert!(matches!(unknown.found, Found::Unresolved(_)), "{unknown:?}");
    }

    #[tokio::test]
    async fn a_port_that_says_nothing_is_silent() {
        let silent = server(b"", false).await;
        assert_eq!(probe(&silent, None).await.found, Found::Silent(ANSWER));
    }
}
