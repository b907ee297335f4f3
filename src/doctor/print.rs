//! Checks as text for people and as JSON lines for machines.

use serde_json::{Value, json};

use super::check::{Check, Overall, Verdict, count, overall};

/// One JSON object a check.
pub(crate) fn json(checks: &[Check]) -> String {
    checks
        .iter()
        .map(|check| format!("{}\n", object(check)))
        .collect()
}

fn object(check: &Check) -> Value {
    let mut object = json!({ "check": check.what, "target": clean(&check.target) });
    match &check.verdict {
        Verdict::Ok(said) => {
            object["status"] = json!("ok");
            object["detail"] = json!(clean(said));
        }
        Verdict::NotChecked(why) => {
            object["status"] = json!("not_checked");
            object["detail"] = json!(clean(why));
        }
        Verdict::Problem(finding) => {
            let all = |texts: &[String]| texts.iter().map(|t| clean(t)).collect::<Vec<_>>();
            object["status"] = json!("problem");
            object["detail"] = json!(clean(&finding.summary));
            object["problem"] = json!(finding.code);
            object["reached"] = json!(finding.reached);
            object["where"] = json!(clean(&finding.place));
            object["saw"] = json!(all(&finding.saw));
            object["next"] = json!(all(&finding.next));
        }
    }
    object
}

/// A line a check, then the problems at length.
pub(crate) fn text(checks: &[Check], color: bool, quiet: bool) -> String {
    let paint = |code: &'static str, text: &str| match color {
        true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        false => text.to_owned(),
    };
    let wide = |of: fn(&Check) -> usize| checks.iter().map(of).max().unwrap_or(0);
    let what_width = wide(|c| c.what.chars().count());
    let target_width = wide(|c| c.target.chars().count());
    let mut out = String::new();
    // What was not checked of one target for one reason is one line.
    for same in
        checks.chunk_by(|a, b| a.target == b.target && unchecked(a).is_some() && unchecked(a) == unchecked(b))
    {
        let [check, rest @ ..] = same else { continue };
        let (word, code, mut said) = match &check.verdict {
            Verdict::Ok(said) => ("ok", "32", said.clone()),
            Verdict::Problem(finding) => ("problem", "1;31", finding.summary.clone()),
            Verdict::NotChecked(why) => ("not checked", "33", why.clone()),
        };
        if !rest.is_empty() {
            let others: Vec<&str> = rest.iter().map(|check| check.what).collect();
            said.push_str(&format!("; the same of {}", others.join(", ")));
        }
        if quiet && check.finding().is_none() {
            continue;
        }
        let line = format!(
            "{}  {:<what_width$}  {:<target_width$}  {}",
            paint(code, &format!("{word:<11}")),
            check.what,
            clean(&check.target),
            clean(&said)
        );
        out.push_str(line.trim_end());
        out.push('\n');
    }
    let problems: Vec<&Check> = checks.iter().filter(|c| c.finding().is_some()).collect();
    for check in &problems {
        let Some(finding) = check.finding() else { continue };
        out.push('\n');
        out.push_str(&format!(
            "{} {}\n",
            paint("1;31", finding.code),
            paint(
                "1",
                &format!("{}: {}", clean(&check.target), clean(&finding.summary))
            )
        ));
        for saw in &finding.saw {
            out.push_str(&format!("  saw    {}\n", clean(saw)));
        }
        out.push_str(&format!("  where  {}\n", clean(&finding.place)));
        for next in &finding.next {
            out.push_str(&format!("  {}   {}\n", paint("36", "next"), clean(next)));
        }
    }
    if !quiet {
        out.push('\n');
        out.push_str(&summary(checks));
        out.push('\n');
    }
    out
}

/// Why it was not checked.
fn unchecked(check: &Check) -> Option<&str> {
    match &check.verdict {
        Verdict::NotChecked(why) => Some(why),
        _ => None,
    }
}

fn summary(checks: &[Check]) -> String {
    let n = |of: fn(&Check) -> bool| checks.iter().filter(|c| of(c)).count() as u64;
    let ok = n(|c| matches!(c.verdict, Verdict::Ok(_)));
    let not = n(|c| matches!(c.verdict, Verdict::NotChecked(_)));
    let problems = n(|c| c.finding().is_some());
    let tail = match overall(checks) {
        Overall::Healthy => "",
        Overall::Problems => ". All servers that were asked answered",
        Overall::Unreachable => ". A server did not answer, so not all could be looked at",
    };
    let unchecked = if not == 0 {
        String::new()
    } else {
        format!(", {not} not checked")
    };
    format!("{ok} ok, {}{unchecked}{tail}.", count(problems, "problem"))
}

/// A text without control characters: much of it comes from the other side.
fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::check::Finding;
    use super::*;

    fn checks() -> Vec<Check> {
        vec![
            Check::ok("broker", "kafka:9092", "Kafka without TLS"),
            Check::problem(
                "topic",
                "raw",
                Finding::wrong("topic-missing", "the cluster has no\u{1b}[2J such topic", "raw")
                    .saw("not among 3 topics")
                    .next("create it"),
            ),
            Check::not_checked("spread", "raw", "the topic is missing"),
        ]
    }

    #[test]
    fn text_is_aligned_and_carries_nothing_that_moves_a_cursor() {
        assert_eq!(
            text(&checks(), false, false),
            "ok           broker  kafka:9092  Kafka without TLS\n\
             problem      topic   raw         the cluster has no [2J such topic\n\
             not checked  spread  raw         the topic is missing\n\
             \n\
             topic-missing raw: the cluster has no [2J such topic\n\
             \x20 saw    not among 3 topics\n\
             \x20 where  raw\n\
             \x20 next   create it\n\
             \n\
             1 ok, 1 problem, 1 not checked. All servers that were asked answered.\n"
        );
        assert!(text(&checks(), true, false).contains("\u{1b}[32mok         \u{1b}[0m"));
        assert!(text(&checks(), false, true).starts_with("problem "));
    }

    #[test]
    fn what_was_not_checked_of_a_target_for_one_reason_is_one_line() {
        let empty = |what, target: &str| Check::not_checked(what, target, "the topic holds no records");
        let checks = [
            empty("spread", "a"),
            empty("keys", "a"),
            empty("values", "a"),
            empty("spread", "b"),
            Check::not_checked("keys", "b", "for another reason"),
        ];
        assert_eq!(
            text(&checks, false, false),
            "not checked  spread  a  the topic holds no records; the same of keys, values\n\
             not checked  spread  b  the topic holds no records\n\
             not checked  keys    b  for another reason\n\
             \n\
             0 ok, 0 problems, 5 not checked.\n"
        );
    }

    #[test]
    fn json_is_an_object_a_check() {
        let lines = json(&checks());
        let objects: Vec<Value> = lines.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(objects.len(), 3);
        assert_eq!(objects[0]["status"], "ok");
        assert_eq!(objects[1]["problem"], "topic-missing");
        assert_eq!(objects[1]["next"][0], "create it");
        assert_eq!(objects[2]["status"], "not_checked");
    }
}
