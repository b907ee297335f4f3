//! `[[approvals]]`: breaks that were made on purpose, as data that is reviewed with the schema.

use fleetops_avro::rules;

use super::table::{Report, Table};
use super::{Approval, Spanned, nearest};

const KEYS: [(&str, &str); 6] = [
    ("rule", "\"field-removed-without-default\""),
    ("path", "\"/fields/2\""),
    ("from", "\"16 HEX DIGITS\""),
    ("to", "\"16 HEX DIGITS\""),
    ("reason", "\"WHY\""),
    ("expires", "\"YYYY-MM-DD\""),
];

pub(super) fn read(root: &Table<'_>, report: &mut Report<'_>) -> Vec<Approval> {
    let tables = root.tables(report, "approvals");
    tables
        .iter()
        .filter_map(|table| approval(table, report))
        .collect()
}

fn approval(table: &Table<'_>, report: &mut Report<'_>) -> Option<Approval> {
    table.only(report, &KEYS.map(|(key, _)| key));
    for (key, example) in KEYS {
        table.missing(report, key, example);
    }
    let rule = table.text(report, "rule").filter(|rule| known(rule, report));
    let path = table.text(report, "path").filter(|path| rooted(path, report));
    let from = fingerprint(table, report, "from");
    let to = fingerprint(table, report, "to");
    let reason = table.text(report, "reason");
    let expires = table.date(report, "expires");
    Some(Approval {
        rule: rule?,
        path: path?,
        from: from?,
        to: to?,
        reason: reason?,
        expires: expires?,
        span: table.span,
    })
}

/// Whether it is a rule that approvals are for.
fn known(rule: &Spanned<String>, report: &mut Report<'_>) -> bool {
    let ids = || rules::compat().iter().map(|rule| rule.id);
    if ids().any(|id| id == rule.value) {
        return true;
    }
    let message = format!("`{}` is no rule of compatibility", rule.value);
    let near = nearest(&rule.value, ids());
    let diagnostic = report.error("approval", rule.span, message, "no such rule");
    diagnostic.help = near.map(|near| format!("did you mean `{near}`?"));
    if near.is_none() {
        let names: Vec<&str> = ids().collect();
        diagnostic.notes.push(format!("one of: {}", names.join(", ")));
    }
    false
}

fn rooted(path: &Spanned<String>, report: &mut Report<'_>) -> bool {
    if path.starts_with('/') {
        return true;
    }
    let message = format!("`{}` is no place in a schema", path.value);
    report
        .error("approval", path.span, message, "does not start with `/`")
        .help = Some("take it from the finding: `check` tells it as \"/fields/2\"".to_owned());
    false
}

fn fingerprint(table: &Table<'_>, report: &mut Report<'_>, key: &str) -> Option<Spanned<u64>> {
    let text = table.string(report, key)?;
    let digits = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
    match u64::from_str_radix(&text, 16) {
        Ok(number) if digits => Some(Spanned::new(number, text.span)),
        _ => {
            let message = format!("`{}` must be a fingerprint", table.path(key));
            report
                .error("approval", text.span, message, "expected 16 hexadecimal digits")
                .help =
                Some("take it from the finding, or from `fleetops-registry schema fingerprint`".to_owned());
            None
        }
    }
}
