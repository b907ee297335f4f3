//! `[[approvals]]`: breaks that are meant.
//!
//! An approval lets one finding pass: of its rule, at its path, from the schema of one fingerprint to that of another. So
//! the next change of the same field asks for a new one. What is expired no longer holds, and what was not needed is told,
//! so that the manifest keeps no dead permissions.

use std::collections::BTreeSet;

use fleetops_avro::{Change, Diagnostic};
use fleetops_codegen::manifest::Manifest;

/// A change that breaks more than this is hardly one to approve break by break.
const MAX_OFFERED: usize = 10;

/// The approvals of a manifest, and what became of them.
pub(crate) struct Approvals<'a> {
    manifest: Option<&'a Manifest>,
    /// `YYYY-MM-DD`, in UTC.
    today: String,
    used: BTreeSet<usize>,
    expired: BTreeSet<usize>,
    /// What would have to be approved, as tables of the manifest.
    wanted: Vec<String>,
}

impl<'a> Approvals<'a> {
    pub(crate) fn new(manifest: Option<&'a Manifest>, today: chrono::NaiveDate) -> Self {
        Self {
            manifest,
            today: today.format("%Y-%m-%d").to_string(),
            used: BTreeSet::new(),
            expired: BTreeSet::new(),
            wanted: Vec::new(),
        }
    }

    /// The findings that stand: those of which a change is not approved, and those that no approval is for.
    pub(crate) fn filter(&mut self, found: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let mut standing = Vec::new();
        for mut finding in found {
            let changes = std::mem::take(&mut finding.changes);
            let mut open = Vec::new();
            for change in &changes {
                match self.verdict(finding.rule, change) {
                    Verdict::Approved => continue,
                    Verdict::Expired(day) => finding.notes.push(format!("it was approved until {day}")),
                    Verdict::Open => {}
                }
                self.want(finding.rule, change);
                open.push(change.clone());
            }
            if changes.is_empty() || !open.is_empty() {
                finding.changes = open;
                standing.push(finding);
            }
        }
        standing
    }

    fn verdict(&mut self, rule: &str, change: &Change) -> Verdict {
        let approvals = self.manifest.map_or(&[][..], |m| &m.approvals);
        let mut verdict = Verdict::Open;
        for (index, approval) in approvals.iter().enumerate() {
            let fits = approval.rule.value == rule
                && approval.path.value == change.location
                && (approval.from.value, approval.to.value) == (change.from, change.to);
            if !fits {
                continue;
            }
            if approval.expires.value < self.today {
                self.expired.insert(index);
                if !matches!(verdict, Verdict::Approved) {
                    verdict = Verdict::Expired(approval.expires.value.clone());
                }
            } else {
                self.used.insert(index);
                verdict = Verdict::Approved;
            }
        }
        verdict
    }

    fn want(&mut self, rule: &str, change: &Change) {
        let Change { location, from, to } = change;
        let table = format!(
            "[[approvals]]\nrule    = \"{rule}\"\npath    = \"{location}\"\nfrom    = \"{from:016x}\"\nto      = \"{to:016x}\"\n\
             reason  = \"...\"\nexpires = \"YYYY-MM-DD\"\n",
        );
        if !self.wanted.contains(&table) {
            self.wanted.push(table);
        }
    }

    /// How many findings passed.
    pub(crate) fn used(&self) -> usize {
        self.used.len()
    }

    /// What is to be said of the approvals themselves.
    pub(crate) fn warnings(&self) -> Vec<Diagnostic> {
        let Some(manifest) = self.manifest else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for (index, approval) in manifest.approvals.iter().enumerate() {
            if self.used.contains(&index) {
                continue;
            }
            if approval.expires.value < self.today {
                let place = manifest.place(approval.expires.span);
                let message = format!("the approval of `{}` at {} is over", approval.rule, approval.path);
                let told = Diagnostic::warning(
                    "approval-expired",
                    place,
                    message,
                    "the last day on which it held",
                );
                found.push(told.help(match self.expired.contains(&index) {
                    true => "mend the schema, or approve it anew with another day",
                    false => "remove it",
                }));
            } else {
                let place = manifest.place(approval.span);
                let message = format!(
                    "nothing asks for the approval of `{}` at {}",
                    approval.rule, approval.path
                );
                let told = Diagnostic::warning("approval-unused", place, message, "not needed by this check");
                found.push(
                    told.note("the change was made and is the base now, or one of the two schemas was changed since")
                        .help("remove it"),
                );
            }
        }
        found
    }

    /// The tables that would let everything pass that was found, for people; empty where there is no manifest to put
    /// them in.
    pub(crate) fn offer(&self) -> Option<String> {
        let manifest = self.manifest?;
        if self.wanted.is_empty() {
            return None;
        }
        let shown = &self.wanted[..self.wanted.len().min(MAX_OFFERED)];
        let more = match self.wanted.len() - shown.len() {
            0 => String::new(),
            n => format!("\n({n} more)\n"),
        };
        Some(format!(
            "\nIf this is meant, approve it in {}, for this transition alone:\n\n{}{more}",
            manifest.source.name(),
            shown.join("\n")
        ))
    }
}

enum Verdict {
    Open,
    Approved,
    /// The day on which it ended.
    Expired(String),
}
