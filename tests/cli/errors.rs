//! The table of `docs/errors.md`: every error of the registry is brought about, and told as the page has it.
//!
//! A server answers whatever it is asked with one fixed text. Errors of the brokers are brought about in `tests/e2e`.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::harness::Project;

const PAGE: &str = "docs/errors.md";

fn page() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE)).unwrap()
}

/// Rows of a section: error, what is told, exit code.
pub(crate) fn rows(section: &str) -> BTreeMap<String, (String, i32)> {
    let page = page();
    let (_, rest) = page.split_once(&format!("## {section}\n")).unwrap();
    let table = rest.split("\n## ").next().unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| ")).skip(1);
    rows.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [error, told, exit, what] = cells.as_slice() else {
            panic!("{line}")
        };
        assert!(!what.is_empty(), "{line}");
        (
            error.to_string(),
            (told.trim_matches('`').to_owned(), exit.parse().unwrap()),
        )
    })
    .collect()
}

/// An address at which every request gets this answer; none gets one where it is `None`.
fn answering(answer: Option<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let answer = answer.clone();
            thread::spawn(move || {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request);
                match answer {
                    Some(answer) => {
                        let _ = stream.write_all(answer.as_bytes());
                    }
                    None => thread::sleep(Duration::from_secs(60)),
                }
            });
        }
    });
    address
}

fn http(status: &str, body: &str) -> Option<String> {
    Some(format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    ))
}

/// A registry's own refusal.
fn refusal(status: &str, code: u32, message: &str) -> Option<String> {
    http(
        status,
        &format!("{{\"error_code\":{code},\"message\":\"{message}\"}}"),
    )
}

fn address_of(error: &str) -> String {
    let answer = match error {
        "wrong-url" => return "ftp://127.0.0.1:8081".to_owned(),
        "nobody-there" => {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            return format!("http://{}", listener.local_addr().unwrap());
        }
        "tls-mismatch" => return format!("https://{}", answering(http("200 OK", "[]"))),
        "401" => http("401 Unauthorized", "who are you"),
        "403" => http("403 Forbidden", "not you"),
        "404" => http("404 Not Found", "nothing here"),
        "409" => refusal("409 Conflict", 40901, "incompatible"),
        "422" => refusal("422 Unprocessable Entity", 42201, "invalid schema"),
        "429" => http("429 Too Many Requests", "slow down"),
        "500" => refusal("500 Internal Server Error", 50001, "out of order"),
        "garbage" => http("200 OK", "<html>welcome</html>"),
        "slow" => None,
        other => panic!("{PAGE} has a row that nothing here brings about: {other}"),
    };
    format!("http://{}", answering(answer))
}

#[test]
fn every_error_of_the_registry_is_told_as_the_page_says() {
    let rows = rows("The registry");
    assert!(rows.len() >= 12, "{rows:?}");
    let project = Project::new();
    thread::scope(|scope| {
        for (error, (told, exit)) in &rows {
            let project = &project;
            scope.spawn(move || {
                let run = project
                    .run(&["subjects", "list", "--registry", &address_of(error)])
                    .exits(*exit)
                    .says(told);
                assert_eq!(run.stdout, "", "{error}");
                assert_eq!(
                    run.stderr.matches("error").count().min(1),
                    1,
                    "{error}: {}",
                    run.stderr
                );
                assert!(!run.stderr.contains("panicked"), "{error}: {}", run.stderr);
            });
        }
    });
}

/// The rows of the brokers are those that `tests/e2e/errors.rs` and the test below bring about.
#[test]
fn every_error_of_the_brokers_has_a_test() {
    let rows = rows("The brokers");
    let tests =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/errors.rs")).unwrap();
    for error in rows.keys().filter(|error| *error != "no-controller") {
        assert!(tests.contains(&format!("told(\"{error}\")")), "{error}");
    }
    assert_eq!(rows.len(), 4, "{rows:?}");
}

/// A broker that is up and knows no controller: it answers which versions it takes and who is in the cluster.
fn without_controller() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            thread::spawn(move || {
                let mut size = [0; 4];
                while stream.read_exact(&mut size).is_ok() {
                    let mut request = vec![0; u32::from_be_bytes(size) as usize];
                    if stream.read_exact(&mut request).is_err() || request.len() < 8 {
                        return;
                    }
                    let kind = u16::from_be_bytes([request[0], request[1]]);
                    let version = u16::from_be_bytes([request[2], request[3]]);
                    let mut answer = request[4..8].to_vec();
                    match kind {
                        18 if version > 0 => {
                            // "Unsupported version", in the oldest form: the client asks again with that one.
                            answer.extend(35_u16.to_be_bytes());
                            answer.extend(0_u32.to_be_bytes());
                        }
                        18 => {
                            answer.extend(0_u16.to_be_bytes());
                            let known: [(u16, u16, u16); 4] = [(3, 0, 1), (18, 0, 0), (19, 0, 4), (37, 0, 1)];
                            answer.extend((known.len() as u32).to_be_bytes());
                            for (key, least, most) in known {
                                for number in [key, least, most] {
                                    answer.extend(number.to_be_bytes());
                                }
                            }
                        }
                        3 => {
                            answer.extend(1_u32.to_be_bytes());
                            answer.extend(1_u32.to_be_bytes());
                            answer.extend(9_u16.to_be_bytes());
                            answer.extend(b"127.0.0.1");
                            answer.extend(u32::from(port).to_be_bytes());
                            answer.extend((-1_i16).to_be_bytes());
                            answer.extend((-1_i32).to_be_bytes());
                            answer.extend(0_u32.to_be_bytes());
                        }
                        _ => return,
                    }
                    let length = answer.len() as u32;
                    if stream.write_all(&length.to_be_bytes()).is_err() || stream.write_all(&answer).is_err()
                    {
                        return;
                    }
                }
            });
        }
    });
    format!("127.0.0.1:{port}")
}

#[test]
fn brokers_without_a_controller_are_given_up_on() {
    let (told, exit) = rows("The brokers").remove("no-controller").unwrap();
    let project = Project::new();
    project
        .run(&["topics", "apply", "--yes", "--bootstrap", &without_controller()])
        .exits(exit)
        .says(&told);
}
