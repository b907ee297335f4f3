//! Kafka client settings from a `.properties` file, as Kafka's own tools take them with `--command-config`.
//!
//! The format is Java's: comments, continued lines, escapes. Names are Kafka's Java client's; most are librdkafka's too, the
//! others are translated: a JAAS line becomes user and password, a PEM trust store becomes a CA file. What librdkafka cannot
//! read, such as a JKS store, is refused with the command that converts it. Only what has to do with getting in is taken:
//! settings of a consumer or producer in the same file are not for us.

use std::collections::BTreeMap;
use std::path::Path;

use super::CliError;

/// Reads a file's settings, in librdkafka's names. `bootstrap.servers` is among them where it is in the file.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, String>, CliError> {
    let name = path.display().to_string();
    let bytes =
        std::fs::read(path).map_err(|error| CliError::usage(format!("cannot read {name}: {error}")))?;
    let text = String::from_utf8(bytes).map_err(|_| CliError::usage(format!("{name} is not UTF-8")))?;
    translate(parse(&text))
        .map_err(|(message, help)| CliError::usage(format!("{name}: {message}")).with_help(help))
}

/// Java's `Properties.load`: of a name that is there twice the last one counts.
fn parse(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let start = line.trim_start();
        if start.is_empty() || start.starts_with(['#', '!']) {
            continue;
        }
        let mut whole = start.to_owned();
        while is_continued(&whole) {
            whole.pop();
            match lines.next() {
                Some(more) => whole.push_str(more.trim_start()),
                None => break,
            }
        }
        let (key, value) = split(&whole);
        found.insert(unescape(key), unescape(value));
    }
    found
}

/// An odd number of backslashes at the end.
fn is_continued(line: &str) -> bool {
    line.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// At the first `=`, `:` or blank that is not escaped.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if matches!(c, '=' | ':') || c.is_ascii_whitespace() {
            let (key, rest) = line.split_at(at);
            let rest = rest.trim_start();
            let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
            return (key, rest.trim_start());
        }
    }
    (line, "")
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('f') => out.push('\u{c}'),
            Some('u') => {
                let digits: String = chars.by_ref().take(4).collect();
                let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                out.push(code.unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

type Refused = (String, String);

fn translate(java: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Refused> {
    let mut out = BTreeMap::new();
    let get = |key: &str| java.get(key).map(String::as_str);
    for (key, value) in &java {
        let same = matches!(
            key.as_str(),
            "bootstrap.servers"
                | "client.id"
                | "security.protocol"
                | "sasl.mechanism"
                | "sasl.mechanisms"
                | "sasl.username"
                | "sasl.password"
                | "sasl.kerberos.service.name"
                | "sasl.oauthbearer.token.endpoint.url"
                | "ssl.ca.location"
                | "ssl.certificate.location"
                | "ssl.key.location"
                | "ssl.key.password"
                | "ssl.ca.pem"
                | "ssl.certificate.pem"
                | "ssl.key.pem"
        );
        let renamed = match key.as_str() {
            "ssl.truststore.certificates" => Some("ssl.ca.pem"),
            "ssl.keystore.certificate.chain" => Some("ssl.certificate.pem"),
            "ssl.keystore.key" => Some("ssl.key.pem"),
            other if same => Some(other),
            _ => None,
        };
        if let Some(name) = renamed {
            out.insert(name.to_owned(), value.clone());
        }
    }
    if let Some(jaas) = get("sasl.jaas.config") {
        let user = quoted(jaas, "username").zip(quoted(jaas, "password"));
        let Some((user, password)) = user else {
            return Err((
                "sasl.jaas.config has no username and password in it".to_owned(),
                "of JAAS only PlainLoginModule and ScramLoginModule are read; give sasl.username and sasl.password"
                    .to_owned(),
            ));
        };
        out.insert("sasl.username".to_owned(), user);
        out.insert("sasl.password".to_owned(), password);
    }
    if let Some(algorithm) = get("ssl.endpoint.identification.algorithm") {
        let name = if algorithm.is_empty() { "none" } else { algorithm };
        out.insert(
            "ssl.endpoint.identification.algorithm".to_owned(),
            name.to_ascii_lowercase(),
        );
    }
    if let Some(store) = get("ssl.truststore.location") {
        if kind(get("ssl.truststore.type"), store) != "PEM" {
            return Err((
                format!("ssl.truststore.location is {store}, and librdkafka reads no such trust store"),
                format!(
                    "make a PEM file of it: keytool -list -rfc -keystore {store} > ca.pem; then \
                     ssl.truststore.location=ca.pem and ssl.truststore.type=PEM"
                ),
            ));
        }
        out.insert("ssl.ca.location".to_owned(), store.to_owned());
    }
    if let Some(store) = get("ssl.keystore.location") {
        match kind(get("ssl.keystore.type"), store) {
            "PEM" => {
                out.insert("ssl.certificate.location".to_owned(), store.to_owned());
                out.insert("ssl.key.location".to_owned(), store.to_owned());
            }
            "PKCS12" => {
                out.insert("ssl.keystore.location".to_owned(), store.to_owned());
                if let Some(password) = get("ssl.keystore.password") {
                    out.insert("ssl.keystore.password".to_owned(), password.to_owned());
                }
            }
            _ => {
                return Err((
                    format!("ssl.keystore.location is {store}, and librdkafka reads no JKS store"),
                    format!(
                        "convert it: keytool -importkeystore -srckeystore {store} -destkeystore client.p12 \
                         -deststoretype PKCS12; then ssl.keystore.type=PKCS12"
                    ),
                ));
            }
        }
    }
    Ok(out)
}

/// The kind of a store: as it is named, else by its ending, else Java's default.
fn kind<'a>(named: Option<&str>, store: &str) -> &'a str {
    let ending = store.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    match (named.map(str::to_ascii_uppercase).as_deref(), ending.as_str()) {
        (Some("PEM"), _) | (None, "pem" | "crt") => "PEM",
        (Some("PKCS12"), _) | (None, "p12" | "pfx") => "PKCS12",
        _ => "JKS",
    }
}

/// `NAME="VALUE"` in a JAAS line.
fn quoted(jaas: &str, name: &str) -> Option<String> {
    let at = jaas.find(&format!("{name}="))? + name.len() + 1;
    let rest = jaas.get(at..)?;
    let Some(inside) = rest.strip_prefix('"') else {
        return rest.split([' ', ';']).next().map(str::to_owned);
    };
    let mut out = String::new();
    let mut chars = inside.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return Some(out),
            '\\' => out.extend(chars.next()),
            other => out.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<BTreeMap<String, String>, Refused> {
        translate(parse(text))
    }

    #[test]
    fn java_s_files_are_read_as_java_reads_them() {
        let read = of(
            "# a comment\n! another\n  security.protocol : SASL_SSL\nsasl.mechanism=PLAIN\n\
                       sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \\\n\
                       \x20   username=\"me\" \\\n    password=\"a\\\\\"b;c\";\n\
                       ssl.truststore.type=PEM\nssl.truststore.location=/x/ca.pem\n\
                       ssl.endpoint.identification.algorithm=\nkey.deserializer=x\nclient.id=caf\\u00e9\n",
        )
        .unwrap();
        let pairs: Vec<(&str, &str)> = read.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(
            pairs,
            [
                ("client.id", "café"),
                ("sasl.mechanism", "PLAIN"),
                ("sasl.password", "a\"b;c"),
                ("sasl.username", "me"),
                ("security.protocol", "SASL_SSL"),
                ("ssl.ca.location", "/x/ca.pem"),
                ("ssl.endpoint.identification.algorithm", "none"),
            ]
        );
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_the_command_that_converts_it() {
        let (message, help) = of("ssl.truststore.location=/x/trust.jks").unwrap_err();
        assert!(
            message.contains("/x/trust.jks") && help.contains("keytool -list"),
            "{message} {help}"
        );
        let (_, help) = of("ssl.keystore.location=/x/key.jks\nssl.keystore.password=s3cret").unwrap_err();
        assert!(
            help.contains("-importkeystore") && !help.contains("s3cret"),
            "{help}"
        );
        let p12 = of("ssl.keystore.location=/x/key.p12\nssl.keystore.password=s3cret").unwrap();
        assert_eq!(p12["ssl.keystore.location"], "/x/key.p12");
        of("sasl.jaas.config=com.sun.security.auth.module.Krb5LoginModule required;").unwrap_err();
    }
}
