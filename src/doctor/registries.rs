//! Verdicts on a registry and its subjects. Pure.

use super::check::{Check, Finding, count};
use super::facts::{Found, Registry, Subject};

/// Lines of incompatibility that are shown of one version.
const SHOWN: usize = 5;

/// The verdict on a registry's address.
pub(crate) fn registry(url: &str, answer: &Registry) -> Check {
    let advice = "check `registry` of the environment, or SCHEMA_REGISTRY_URL";
    let finding = match answer {
        Registry::Subjects(n) => return Check::ok("registry", url, count(*n as u64, "subject")),
        Registry::Settings(why) => {
            Finding::wrong("registry-settings", "the registry's settings are of no use", url)
                .saw(why.clone())
                .next("correct `registry` and `registry-auth` of the environment, or SCHEMA_REGISTRY_URL")
        }
        Registry::Unreachable(endpoint) => {
            let how = match &endpoint.found {
                Found::Unresolved(why) => format!("the host name cannot be resolved ({why})"),
                Found::Refused => "nothing listens there (connection refused)".to_owned(),
                Found::ConnectTimeout(waited) => {
                    format!("no answer to the connection within {} s", waited.as_secs_f32())
                }
                Found::Failed(why) => why.clone(),
                _ => "no connection".to_owned(),
            };
            Finding::unreachable("registry-unreachable", how.clone(), url)
                .saw(format!("{}: {how}", endpoint.address))
                .next(format!("start the registry, or {advice}"))
        }
        Registry::Silent(waited) => {
            Finding::unreachable("registry-silent", "accepts connections, and does not answer", url)
                .saw(format!(
                    "{url} takes the connection, and gives no answer within {} s",
                    waited.as_secs_f32()
                ))
                .next("wait until the registry has started (10 to 30 s), and ask again; then see its log")
                .next(advice)
        }
        Registry::Broken(why) => {
            let has = |words: &str| why.contains(words);
            if has("UnknownIssuer")
                || has("invalid peer certificate")
                || has("self-signed")
                || has("self signed")
            {
                Finding::wrong("registry-untrusted", "the registry's certificate is not trusted", url)
                    .saw(why.clone())
                    .next("set `ca-file` of the environment's `registry-auth` to the file of the authority that signed it")
                    .next("if the certificate is for another host, give that name in `registry`")
            } else if has("corrupt message") || has("InvalidContentType") || has("wrong version number") {
                Finding::wrong("registry-tls", "the registry speaks no TLS there", url)
                    .saw(why.clone())
                    .next("write http:// instead of https://, or give the port with TLS")
            } else {
                Finding::wrong("not-a-registry", "the connection breaks before an answer", url)
                    .saw(why.clone())
                    .next(format!("check whether the port wants https://, and {advice}"))
            }
        }
        Registry::Refused { status, sent: None } => Finding::wrong(
            "registry-credentials",
            "asks for a user name and password, or a token",
            url,
        )
        .saw(format!("{url} answers HTTP {status}, and no credentials are set"))
        .next("set `registry-auth` of the environment: `username` and `password`, or `bearer`"),
        Registry::Refused {
            status: 403,
            sent: Some(who),
        } => Finding::wrong("registry-forbidden", "lets us in, and not do this", url)
            .saw(format!("{url} answers HTTP 403 to {who}"))
            .next("have the right to read subjects given to this user"),
        Registry::Refused {
            status,
            sent: Some(who),
        } => Finding::wrong("registry-refused", "refuses our credentials", url)
            .saw(format!("{url} answers HTTP {status} to {who}"))
            .next("check `registry-auth` of the environment, and the variables it comes from"),
        Registry::Foreign(what) => {
            Finding::wrong("not-a-registry", "what answers is no schema registry", url)
                .saw(format!("{url}/subjects: {what}").replace("//subjects", "/subjects"))
                .next(format!(
                    "{advice}: it must be the registry's base address (Apicurio's ends in /apis/ccompat/v7)"
                ))
        }
        Registry::Failing(what) => Finding::unreachable(
            "registry-failing",
            "cannot answer at the moment",
            url,
        )
        .saw(what.clone())
        .next(
            "see the registry's log; where it keeps its schemas in Kafka, check that it reaches the brokers",
        ),
    };
    Check::problem("registry", url, finding)
}

/// The verdict on the subject of a topic.
pub(crate) fn subject(name: &str, record: &str, state: &Subject) -> Check {
    let finding = match state {
        Subject::Failed(why) => return Check::not_checked("subject", name, why.clone()),
        Subject::Missing => Finding::wrong("subject-missing", "the registry has no such subject", name)
            .saw(format!(
                "the schema of {record} belongs there; producers look it up and never register it"
            ))
            .next("register it: `fleetops-registry register`")
            .next("if it should be there: check that --env is the right one"),
        Subject::Versions {
            versions,
            unreadable,
            id,
        } => {
            let broken: Vec<&(u32, Vec<String>)> =
                versions.iter().filter(|(_, why)| !why.is_empty()).collect();
            let last = versions
                .iter()
                .map(|(n, _)| *n)
                .chain(unreadable.iter().map(|(n, _)| *n))
                .max();
            if let Some((first, _)) = broken.first() {
                let mut finding = Finding::wrong(
                    "subject-incompatible",
                    format!("{} of {} incompatible with this tree's schema", broken.len(), count(versions.len() as u64, "version")),
                    format!("{name}, from version {first}"),
                );
                for (version, why) in &broken {
                    let more = why.len().saturating_sub(SHOWN);
                    finding.saw.extend(why.iter().take(SHOWN).map(|line| format!("version {version}: {line}")));
                    if more > 0 {
                        finding.saw.push(format!("version {version}: and {more} more"));
                    }
                }
                finding
                    .next("make the schema compatible: `fleetops-registry check` and `schema diff` show the places")
                    .next("or give the record to a new topic or subject, if the change is meant to break")
            } else if let Some((version, why)) = unreadable.first() {
                Finding::wrong(
                    "subject-unreadable",
                    format!("{} cannot be read", count(unreadable.len() as u64, "version")),
                    format!("{name}, version {version}"),
                )
                .saw(format!("version {version}: {why}"))
                .next("see what is registered there: a subject of a topic holds Avro schemas only")
            } else if id.is_none() {
                Finding::wrong("schema-unregistered", "compatible, but this tree's schema is not registered", name)
                    .saw(format!(
                        "the subject has {}, none of which is this tree's {record}; producers of this tree find no ID and stop",
                        count(versions.len() as u64, "version")
                    ))
                    .next("register it: `fleetops-registry register`")
            } else {
                let id = id.unwrap_or_default();
                return Check::ok(
                    "subject",
                    name,
                    match versions.len() {
                        1 => format!("ID {id}, compatible with its version"),
                        n => format!("ID {id}, compatible with all {n} versions"),
                    },
                );
            }
            .saw_last(last)
        }
    };
    Check::problem("subject", name, finding)
}

impl Finding {
    /// Says which version is the newest, where that is known.
    fn saw_last(self, version: Option<u32>) -> Self {
        match version {
            Some(version) => self.saw(format!("the newest version is {version}")),
            None => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::check::Verdict;
    use super::super::facts::Endpoint;
    use super::*;

    fn code(check: &Check) -> Option<(&'static str, bool)> {
        check.finding().map(|finding| {
            assert!(!finding.saw.is_empty() && !finding.next.is_empty(), "{finding:?}");
            assert!(
                !finding.place.is_empty() && !finding.summary.is_empty(),
                "{finding:?}"
            );
            (finding.code, finding.reached)
        })
    }

    #[test]
    fn registries_are_told_apart() {
        let refused = |status, sent: Option<&str>| Registry::Refused {
            status,
            sent: sent.map(str::to_owned),
        };
        let gone = |found| {
            Registry::Unreachable(Endpoint {
                address: "r:8081".to_owned(),
                found,
            })
        };
        for (answer, expected) in [
            (gone(Found::Refused), ("registry-unreachable", false)),
            (
                gone(Found::Unresolved("x".to_owned())),
                ("registry-unreachable", false),
            ),
            (
                gone(Found::ConnectTimeout(Duration::from_secs(3))),
                ("registry-unreachable", false),
            ),
            (
                Registry::Silent(Duration::from_secs(4)),
                ("registry-silent", false),
            ),
            (
                Registry::Failing("HTTP 503".to_owned()),
                ("registry-failing", false),
            ),
            (refused(401, None), ("registry-credentials", true)),
            (refused(403, None), ("registry-credentials", true)),
            (refused(401, Some("user u")), ("registry-refused", true)),
            (refused(403, Some("user u")), ("registry-forbidden", true)),
            (Registry::Foreign("HTML".to_owned()), ("not-a-registry", true)),
            (
                Registry::Settings("no scheme".to_owned()),
                ("registry-settings", true),
            ),
            (
                Registry::Broken("invalid peer certificate: UnknownIssuer".to_owned()),
                ("registry-untrusted", true),
            ),
            (
                Registry::Broken("received corrupt message of type InvalidContentType".to_owned()),
                ("registry-tls", true),
            ),
            (
                Registry::Broken("connection closed before message completed".to_owned()),
                ("not-a-registry", true),
            ),
        ] {
            assert_eq!(
                code(&registry("http://r:8081", &answer)),
                Some(expected),
                "{answer:?}"
            );
        }
        assert_eq!(code(&registry("http://r:8081", &Registry::Subjects(4))), None);
    }

    #[test]
    fn subjects_are_missing_incompatible_unregistered_or_fine() {
        let versions = |broken: &[&str], id| Subject::Versions {
            versions: vec![
                (1, broken.iter().map(|s| (*s).to_owned()).collect()),
                (2, Vec::new()),
            ],
            unreadable: Vec::new(),
            id,
        };
        let of = |state: &Subject| subject("raw-value", "fleet.Raw", state);
        assert_eq!(code(&of(&Subject::Missing)), Some(("subject-missing", true)));
        let broken = of(&versions(&["this tree cannot read it: NAME_MISMATCH"], Some(2)));
        assert_eq!(code(&broken), Some(("subject-incompatible", true)));
        assert!(
            broken.finding().unwrap().saw[0].contains("version 1: this tree"),
            "{broken:?}"
        );
        assert_eq!(
            code(&of(&versions(&[], None))),
            Some(("schema-unregistered", true))
        );
        assert_eq!(code(&of(&versions(&[], Some(2)))), None);
        let unreadable = Subject::Versions {
            versions: Vec::new(),
            unreadable: vec![(1, "not Avro".to_owned())],
            id: None,
        };
        assert_eq!(code(&of(&unreadable)), Some(("subject-unreadable", true)));
        let failed = of(&Subject::Failed("time was over".to_owned()));
        assert_eq!(failed.verdict, Verdict::NotChecked("time was over".to_owned()));
    }
}
