//! `[lint]`: levels of rules, and what is ignored for a reason.

use fleetops_avro::lint::Level;
use fleetops_avro::{Severity, rules};

use super::rules::RULES;
use super::table::{Report, Table};
use super::{Ignore, Lint, Spanned, nearest};

/// The rules that have a level: those of lint, and what else is only warned of.
pub fn lint_rules() -> impl Iterator<Item = &'static str> {
    let warnings = rules::parse().iter().chain(RULES);
    let warnings = warnings.filter(|rule| rule.severity == Severity::Warning);
    rules::lint().iter().chain(warnings).map(|rule| rule.id)
}

pub(super) fn read(root: &Table<'_>, report: &mut Report<'_>) -> Lint {
    let mut lint = Lint::default();
    let Some(table) = root.table(report, "lint") else {
        return lint;
    };
    table.only(report, &["rules", "ignore"]);
    if let Some(rules) = table.table(report, "rules") {
        for name in rules.keys() {
            let level = rules.choice(report, &name.value, "level of a rule", &Level::ALL);
            if let (true, Some(level)) = (known(&name, report), level) {
                lint.rules.push((name, level));
            }
        }
    }
    for entry in table.tables(report, "ignore") {
        lint.ignores.extend(ignore(&entry, report));
    }
    lint
}

fn ignore(table: &Table<'_>, report: &mut Report<'_>) -> Option<Ignore> {
    table.only(report, &["rules", "path", "name", "reason"]);
    table.missing(report, "rules", "[\"RULE\"]");
    table.missing(report, "reason", "\"WHY\"");
    if !table.has("path") {
        table.missing(report, "name", "\"shop.Order.*\"");
    }
    let rules = table.strings(report, "rules");
    let rules = rules.map(|rules| -> Vec<Spanned<String>> {
        rules.into_iter().filter(|rule| known(rule, report)).collect()
    });
    let path = table.text(report, "path");
    let name = table.text(report, "name");
    let reason = table.text(report, "reason");
    Some(Ignore {
        rules: rules?,
        path,
        name,
        reason: reason?,
        span: table.span,
    })
}

fn known(rule: &Spanned<String>, report: &mut Report<'_>) -> bool {
    if lint_rules().any(|id| id == rule.value) {
        return true;
    }
    let message = format!("`{}` is no rule of lint", rule.value);
    let near = nearest(&rule.value, lint_rules());
    let diagnostic = report.error("unknown-value", rule.span, message, "no such rule");
    diagnostic.help = Some(match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`fleetops-registry rules --group lint` lists them".to_owned(),
    });
    false
}
