//! What the doctor says: checks, each with a verdict, and the exit code that follows from them.

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Check {
    /// What kind of thing: `broker`, `topic`, `subject`.
    pub(crate) what: &'static str,
    /// Which one: an address, a topic, a subject.
    pub(crate) target: String,
    /// What became of it.
    pub(crate) verdict: Verdict,
}

/// What became of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// As it should be: the figures in a few words.
    Ok(String),
    /// Not as it should be.
    Problem(Finding),
    /// Could not be looked at: why not. The reason is told as a problem elsewhere, or there is nothing to check.
    NotChecked(String),
}

/// A problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Which failure mode: a stable name, such as `advertised-address`.
    pub(crate) code: &'static str,
    /// Whether a server answered. Where none did, the doctor could not do its work.
    pub(crate) reached: bool,
    /// In a few words.
    pub(crate) summary: String,
    /// What was seen, a sentence each.
    pub(crate) saw: Vec<String>,
    /// Where: an address, a partition and offset, a subject and version.
    pub(crate) place: String,
    /// What to do, first things first.
    pub(crate) next: Vec<String>,
}

impl Check {
    pub(crate) fn ok(what: &'static str, target: impl Into<String>, said: impl Into<String>) -> Self {
        Self {
            what,
            target: target.into(),
            verdict: Verdict::Ok(said.into()),
        }
    }

    pub(crate) fn not_checked(what: &'static str, target: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            what,
            target: target.into(),
            verdict: Verdict::NotChecked(why.into()),
        }
    }

    pub(crate) fn problem(what: &'static str, target: impl Into<String>, finding: Finding) -> Self {
        Self {
            what,
            target: target.into(),
            verdict: Verdict::Problem(finding),
        }
    }

    /// The problem, if it is one.
    pub(crate) fn finding(&self) -> Option<&Finding> {
        match &self.verdict {
            Verdict::Problem(finding) => Some(finding),
            _ => None,
        }
    }
}

impl Finding {
    /// A server that answered, and something is wrong with it or with how it was asked.
    pub(crate) fn wrong(code: &'static str, summary: impl Into<String>, place: impl Into<String>) -> Self {
        Self {
            code,
            reached: true,
            summary: summary.into(),
            saw: Vec::new(),
            place: place.into(),
            next: Vec::new(),
        }
    }

    /// A server that did not answer.
    pub(crate) fn unreachable(
        code: &'static str,
        summary: impl Into<String>,
        place: impl Into<String>,
    ) -> Self {
        Self {
            reached: false,
            ..Self::wrong(code, summary, place)
        }
    }

    #[must_use]
    pub(crate) fn saw(mut self, what: impl Into<String>) -> Self {
        self.saw.push(what.into());
        self
    }

    #[must_use]
    pub(crate) fn next(mut self, step: impl Into<String>) -> Self {
        self.next.push(step.into());
        self
    }
}

/// How the whole went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overall {
    /// No problem.
    Healthy,
    /// All servers answered, and there are problems.
    Problems,
    /// A server did not answer.
    Unreachable,
}

/// The worst of the verdicts.
pub(crate) fn overall(checks: &[Check]) -> Overall {
    let findings: Vec<&Finding> = checks.iter().filter_map(Check::finding).collect();
    match () {
        () if findings.iter().any(|f| !f.reached) => Overall::Unreachable,
        () if findings.is_empty() => Overall::Healthy,
        () => Overall::Problems,
    }
}

/// A number with its thousands apart: `1,234`.
pub(crate) fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 record`, `2,000 records`.
pub(crate) fn count(n: u64, one: &str) -> String {
    format!("{} {one}{}", number(n), if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_server_that_did_not_answer_outweighs_problems_of_those_that_did() {
        let ok = Check::ok("broker", "a:1", "Kafka");
        let idle = Check::not_checked("topic", "t", "nothing to ask");
        let wrong = Check::problem("topic", "t", Finding::wrong("topic-missing", "", ""));
        let gone = Check::problem(
            "broker",
            "a:1",
            Finding::unreachable("broker-unreachable", "", ""),
        );
        assert_eq!(overall(&[ok.clone(), idle.clone()]), Overall::Healthy);
        assert_eq!(overall(&[ok, idle, wrong.clone()]), Overall::Problems);
        assert_eq!(overall(&[wrong, gone]), Overall::Unreachable);
    }

    #[test]
    fn figures_are_for_people() {
        let shown = [0, 999, 1000, 1_234_567].map(number);
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [count(1, "record"), count(2000, "record")],
            ["1 record", "2,000 records"]
        );
    }
}
