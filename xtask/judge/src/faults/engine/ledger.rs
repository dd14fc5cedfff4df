//! The ledger of what faults in the engine may do besides. An entry that is no longer true fails the run.

use super::super::known::like;
use super::judge::{Case, Family, Finding};
use crate::ledger;
use anyhow::{Result, ensure};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    /// Calls that no family makes, and why.
    #[serde(default)]
    pub unmade: BTreeMap<String, String>,
    /// Calls that the engine makes on other processors only.
    #[serde(default)]
    pub other_processors: BTreeSet<String>,
    #[serde(default)]
    difference: Vec<Entry>,
}

/// How a result may differ from the rule.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    /// The error becomes a result, although the call is not the request's own.
    Arrives,
    /// The error of the request's own call has no effect.
    Unnoticed,
    /// Results are others.
    Differs,
    /// The program crashes.
    Crashes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    call: String,
    /// All if left out.
    #[serde(default)]
    errors: Vec<String>,
    /// Patterns; all if left out.
    #[serde(default)]
    families: Vec<String>,
    outcome: Outcome,
    reason: String,
}

pub struct Checked {
    pub unlisted: Vec<String>,
    pub listed: usize,
    pub untrue: Vec<String>,
}

impl Ledger {
    pub fn read() -> Result<Self> {
        ledger::read("test-c/faults/engine.toml", Self::parse)
    }

    pub fn parse(text: &str) -> Result<Self> {
        let ledger: Self = toml::from_str(text)?;
        for entry in &ledger.difference {
            ensure!(!entry.reason.is_empty(), "{}: an entry needs a reason", entry.call);
        }
        for (call, reason) in &ledger.unmade {
            ensure!(!reason.is_empty(), "{call}: a call that is not made needs a reason");
        }
        Ok(ledger)
    }

    /// `complete`: every family was run, so each entry must have been needed.
    pub fn check(&self, families: &[Family], complete: bool) -> Checked {
        let mut checked = Checked {
            unlisted: Vec::new(),
            listed: 0,
            untrue: Vec::new(),
        };
        let mut used = BTreeSet::new();
        for family in families {
            if let Some(what) = family.broken() {
                checked
                    .unlisted
                    .push(format!("{} without a fault: {what}", family.name));
                continue;
            }
            for case in &family.cases {
                let Some(finding) = case.judge(family) else { continue };
                let (outcome, what) = match finding {
                    Finding::Wrong(what) if what == "killed=11" => (Some(Outcome::Crashes), what),
                    Finding::Wrong(what) => (None, what),
                    Finding::Differs(what) => (Some(Outcome::Differs), what),
                    Finding::Arrives(what) => (Some(Outcome::Arrives), what),
                    Finding::Unnoticed => (Some(Outcome::Unnoticed), "the error is not seen".to_owned()),
                };
                let covers = |entry: &Entry| Some(entry.outcome) == outcome && entry.covers(&family.name, case);
                match self.difference.iter().position(covers) {
                    Some(at) => {
                        used.insert(at);
                        checked.listed += 1;
                    }
                    None => checked.unlisted.push(case.show(&what)),
                }
            }
        }
        if complete {
            let unused = self.difference.iter().enumerate().filter(|(at, _)| !used.contains(at));
            checked.untrue.extend(unused.map(|(_, entry)| entry.call.clone()));
        }
        checked
    }
}

impl Entry {
    fn covers(&self, family: &str, case: &Case) -> bool {
        // Without the kind of its ring.
        let family = family.split('+').next().unwrap_or(family);
        self.call == case.call
            && (self.errors.is_empty() || self.errors.contains(&case.error))
            && (self.families.is_empty() || self.families.iter().any(|pattern| like(pattern, family)))
    }
}
