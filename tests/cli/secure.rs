//! Ways to a registry that are not plain: an authority of one's own, certificates on both sides, tokens, proxies. Each is
//! walked, and each is walked wrongly; what is told then is a row of `docs/errors.md`.

use std::collections::BTreeSet;
use std::net::TcpListener;

use crate::errors::rows;
use crate::fronts::{Authority, Manner, Proxy, Tls, guarded, own_port};
use crate::harness::{Project, Run};
use crate::servers::Registry;

const SECRET: &str = "m4rker-of-this-file";
/// `me` and the secret, as basic authentication has them.
const BASIC: &str = "bWU6bTRya2VyLW9mLXRoaXMtZmlsZQ==";

/// Rows that came about, of those that the page has.
struct Page {
    seen: BTreeSet<String>,
}

impl Page {
    /// It is told as the row says, and nothing is told that should not be.
    #[track_caller]
    fn tells(&mut self, row: &str, run: Run) -> Run {
        let (told, exit) = rows("TLS and proxies")
            .remove(row)
            .unwrap_or_else(|| panic!("docs/errors.md has no row {row}"));
        assert!(!run.stderr.contains(SECRET), "{}", run.stderr);
        assert_eq!(run.stdout, "", "{row}");
        self.seen.insert(row.to_owned());
        run.exits(exit).says(&told)
    }
}

/// A project whose registry is there, and reached like this.
fn project(registry: &str, auth: &str) -> Project {
    let project = Project::new();
    let environment =
        format!("bootstrap = \"127.0.0.1:1\"\nregistry = \"{registry}\"\nregistry-auth = {{ {auth} }}\n");
    project.change(
        "fleetops-registry.toml",
        "bootstrap = \"localhost:9092\"\n",
        &environment,
    );
    project
}

fn list(project: &Project, variables: &[(&str, &str)]) -> Run {
    let mut command = project.command(&["subjects", "list", "-v"]);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    let out = command
        .envs(variables.iter().copied())
        .env("MARKER", SECRET)
        .output()
        .unwrap();
    Run {
        code: out.status.code().unwrap(),
        stdout: String::from_utf8(out.stdout).unwrap(),
        stderr: String::from_utf8(out.stderr).unwrap(),
    }
}

#[track_caller]
fn gets_in(run: Run) {
    let run = run.exits(0);
    assert!(run.stdout.contains("there-value"), "{}", run.stdout);
}

#[test]
fn every_way_leads_in_and_every_wrong_turn_is_told() {
    let registry = Registry::start();
    registry.register("there-value", "\"int\"");
    let mut page = Page {
        seen: BTreeSet::new(),
    };
    tls(&registry, &mut page);
    certificates_of_clients(&registry, &mut page);
    proxies(&registry, &mut page);
    let all: BTreeSet<String> = rows("TLS and proxies").into_keys().collect();
    assert_eq!(page.seen, all);
}

fn tls(registry: &Registry, page: &mut Page) {
    let (ours, other) = (Authority::new(), Authority::new());
    let port = Tls::of(&ours).before(registry);
    let trusting = |address: &str, authority: &Authority| {
        let project = project(address, "ca-file = \"ca.pem\"");
        project.write("ca.pem", &authority.pem());
        project
    };
    let address = format!("https://localhost:{port}");
    gets_in(list(&trusting(&address, &ours), &[]));
    for project in [project(&address, ""), trusting(&address, &other)] {
        page.tells("unknown-authority", list(&project, &[]));
    }
    let by_number = trusting(&format!("https://127.0.0.1:{port}"), &ours);
    page.tells("other-name", list(&by_number, &[]));
    let expired = Tls {
        expired: true,
        ..Tls::of(&ours)
    };
    let late = trusting(&format!("https://localhost:{}", expired.before(registry)), &ours);
    page.tells("expired-certificate", list(&late, &[]));
    let plain = trusting(&format!("http://localhost:{port}"), &ours);
    page.tells("http-to-tls", list(&plain, &[]));
    for (text, reason) in [
        ("", "there is no certificate in it"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "ca-file",
        ),
    ] {
        let project = trusting(&address, &ours);
        project.write("ca.pem", text);
        page.tells("bad-ca-file", list(&project, &[])).says(reason);
    }
}

fn certificates_of_clients(registry: &Registry, page: &mut Page) {
    let (ours, other) = (Authority::new(), Authority::new());
    let port = Tls {
        clients_of: Some(&ours),
        ..Tls::of(&ours)
    }
    .before(registry);
    let address = format!("https://localhost:{port}");
    let both = "ca-file = \"ca.pem\", cert-file = \"client.pem\", key-file = \"client.key\"";
    let showing = |certificate: &str, key: &str| {
        let project = project(&address, both);
        project.write("ca.pem", &ours.pem());
        project.write("client.pem", certificate);
        project.write("client.key", key);
        project
    };
    let (known, unknown) = (ours.client(), other.client());
    gets_in(list(&showing(&known.certificate, &known.key), &[]));
    let none = project(&address, "ca-file = \"ca.pem\"");
    none.write("ca.pem", &ours.pem());
    page.tells("client-certificate", list(&none, &[]));
    page.tells(
        "client-certificate",
        list(&showing(&unknown.certificate, &unknown.key), &[]),
    );
    for (certificate, key) in [
        ("", known.key.as_str()),
        (known.certificate.as_str(), ""),
        (known.certificate.as_str(), unknown.key.as_str()),
    ] {
        page.tells("bad-client-certificate", list(&showing(certificate, key), &[]));
    }
    // With one part of the two nothing is begun.
    project(&address, "cert-file = \"client.pem\"");
    let half = project(&address, "cert-file = \"client.pem\"");
    list(&half, &[]).exits(2).says("key-file");
}

fn proxies(registry: &Registry, page: &mut Page) {
    let own = own_port(registry);
    let plain = project("http://registry.test:8081", "");
    let proxy = Proxy::new(registry, Manner::Serves(own));
    let at = format!("http://127.0.0.1:{}", proxy.port);
    gets_in(list(&plain, &[("HTTP_PROXY", &at)]));
    assert!(
        proxy.asked()[0].starts_with("GET http://registry.test:8081/subjects"),
        "{:?}",
        proxy.asked()
    );
    // This machine's own addresses and those that are excepted are asked directly.
    let asked = proxy.asked().len();
    gets_in(list(
        &project(&format!("http://127.0.0.1:{own}"), ""),
        &[("HTTP_PROXY", &at)],
    ));
    list(&plain, &[("HTTP_PROXY", &at), ("NO_PROXY", "registry.test")])
        .exits(3)
        .says("registry.test")
        .does_not_say("proxy");
    assert_eq!(proxy.asked().len(), asked);

    let header = format!("proxy-authorization: Basic {BASIC}");
    let strict = Proxy::new(registry, Manner::Wants(header.leak(), own));
    let with = |user: &str| format!("http://{user}127.0.0.1:{}", strict.port);
    gets_in(list(&plain, &[("HTTP_PROXY", &with(&format!("me:{SECRET}@")))]));
    for user in ["", &format!("other:{SECRET}@")] {
        page.tells("proxy-407", list(&plain, &[("HTTP_PROXY", &with(user))]));
    }

    // The same through a tunnel.
    let ours = Authority::new();
    let door = Tls {
        name: "registry.test",
        ..Tls::of(&ours)
    }
    .before(registry);
    let secured = project("https://registry.test:8443", "ca-file = \"ca.pem\"");
    secured.write("ca.pem", &ours.pem());
    let header = format!("proxy-authorization: Basic {BASIC}");
    let strict = Proxy::new(registry, Manner::Wants(header.leak(), door));
    let with = |user: &str| format!("http://{user}127.0.0.1:{}", strict.port);
    gets_in(list(
        &secured,
        &[("HTTPS_PROXY", &with(&format!("me:{SECRET}@")))],
    ));
    assert!(
        strict.asked()[0].starts_with("CONNECT registry.test:8443 "),
        "{:?}",
        strict.asked()
    );
    page.tells("proxy-407-tls", list(&secured, &[("HTTPS_PROXY", &with(""))]))
        .says(&format!("through the proxy http://127.0.0.1:{}", strict.port));
    let closed = Proxy::new(registry, Manner::Refuses);
    let at = format!("http://127.0.0.1:{}", closed.port);
    page.tells("proxy-refuses", list(&secured, &[("HTTPS_PROXY", &at)]));
    page.tells("403-of-a-proxy", list(&plain, &[("HTTP_PROXY", &at)]));

    let gone = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://me:{SECRET}@{}", listener.local_addr().unwrap())
    };
    for (project, variable) in [(&plain, "HTTP_PROXY"), (&secured, "HTTPS_PROXY")] {
        page.tells("proxy-gone", list(project, &[(variable, &gone)]))
            .says("through the proxy http://127.0.0.1:");
    }
}

#[test]
fn tokens_and_passwords_are_shown_to_the_registry_and_to_nobody_else() {
    let registry = Registry::start();
    registry.register("there-value", "\"int\"");
    let bearer = guarded(&registry, "authorization: Bearer m4rker-of-this-file");
    let basic = guarded(&registry, "authorization: Basic bWU6bTRya2VyLW9mLXRoaXMtZmlsZQ==");
    for (port, right, wrong) in [
        (bearer, "bearer = \"${MARKER}\"", "bearer = \"${MARKER}x\""),
        (
            basic,
            "username = \"me\", password = \"${MARKER}\"",
            "username = \"other\", password = \"${MARKER}\"",
        ),
    ] {
        let address = format!("http://127.0.0.1:{port}");
        gets_in(list(&project(&address, right), &[]));
        for auth in [wrong, ""] {
            let run = list(&project(&address, auth), &[]).exits(3).says("HTTP 401");
            assert!(!run.stderr.contains(SECRET), "{}", run.stderr);
        }
    }
}
