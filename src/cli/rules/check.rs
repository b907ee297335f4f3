//! The rules of the commands themselves: what is between schemas, manifest, base and output.

use fleetops_avro::Severity;
use fleetops_avro::rules::Rule;

const fn error(id: &'static str, summary: &'static str, explanation: &'static str) -> Rule {
    Rule {
        id,
        severity: Severity::Error,
        summary,
        explanation,
    }
}

const fn warning(id: &'static str, summary: &'static str, explanation: &'static str) -> Rule {
    Rule {
        severity: Severity::Warning,
        ..error(id, summary, explanation)
    }
}

pub(super) static RULES: &[Rule] = &[
    warning(
        "approval-unused",
        "nothing asks for an approval",
        "An approval holds for one rule at one path, from one schema to another. Once the new schema is the base, or either schema \
         was changed again, it has no effect. Remove it, so that the manifest lists what is allowed and no more. Against another \
         base than usual (--against) an approval may be unused for that reason alone.",
    ),
    warning(
        "approval-expired",
        "an approval is over",
        "The last day on which the approval held is past (in UTC), so the finding stands again if it is still there. Mend the schema, \
         or approve the transition anew with a later day and a reason that is still true.",
    ),
    warning(
        "lint-ignore-unused",
        "an ignore of lint has no effect",
        "What it ignored was mended, or its `path` or `name` does not fit any more. Remove it, so that it hides nothing later.",
    ),
    error(
        "unformatted",
        "a schema file is laid out otherwise",
        "`fmt` writes all schemas in one layout, so that a change shows what was changed and nothing else. It changes white space \
         alone. The caret is at the first line that would change.",
    ),
    error(
        "stale-output",
        "generated files are not what the schemas give",
        "`generate --check` and `docs --check` compare what would be written with what is there. Run the command without --check, \
         and commit what it writes.",
    ),
];
