//! `test-c/ctest/known.toml`: the cases that can't work on the engine, each with its reason.

use super::Mode;
use super::output::{self, End};
use super::program::Outcome;
use crate::ledger::{self, names};
use anyhow::Result;
use refused::How;
use serde::Deserialize;

pub const PATH: &str = "test-c/ctest/known.toml";

pub type Ledger = ledger::Ledger<Entry>;

/// A case that fails or skips on the engine.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The program and the case, with a space between them.
    test: String,
    /// The modes in which it fails; all when left out.
    #[serde(default)]
    modes: Vec<Mode>,
    /// How io_uring is refused where it fails; in all ways when left out.
    #[serde(default)]
    refuse: Vec<How>,
    reason: String,
}

/// The entries that hold for a run.
pub struct Known<'a>(Vec<&'a Entry>);

pub fn read() -> Result<Ledger> {
    Ledger::read(PATH)
}

impl<'a> Known<'a> {
    /// The entries for places that refuse io_uring like this.
    pub fn new(ledger: &'a Ledger, how: How) -> Self {
        Self(ledger.holding(|entry| names(&entry.refuse, &how)))
    }
}

impl Known<'_> {
    /// Why a case can't work in this mode, if the ledger lists it.
    pub fn reason(&self, program: &str, case: &str, mode: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|entry| entry.test.split_once(' ') == Some((program, case)) && entry.in_mode(mode))
            .map(|entry| entry.reason.as_str())
    }

    /// Counts the failed cases that are listed as skipped.
    pub fn excuse(&self, outcome: &mut Outcome) {
        let outside = outcome.counts.failed - output::count(&outcome.cases).failed;
        for case in &mut outcome.cases {
            let reason = self.reason(&outcome.name, &case.name, Mode::Inline.name());
            if let (End::Failed(_), Some(reason)) = (&case.end, reason) {
                case.end = End::Skipped(format!("known: {reason}"));
            }
        }
        outcome.counts = output::count(&outcome.cases);
        outcome.counts.failed += outside;
        outcome.skips = output::skips(&outcome.cases);
    }

    /// The entries whose case doesn't exist in the modes that have run. `complete`: all programs have run.
    pub fn missing(&self, outcomes: &[&Outcome], complete: bool) -> Vec<String> {
        let gone = |entry: &&&Entry| {
            let (program, case) = entry.test.split_once(' ').unwrap_or((&entry.test, ""));
            let concerned = || outcomes.iter().filter(|it| entry.in_mode(it.variant));
            let mut ran = concerned().filter(|it| it.name == program).peekable();
            match ran.peek() {
                Some(_) => !ran.any(|it| it.cases.iter().any(|it| it.name == case)),
                None => complete && (entry.modes.is_empty() || concerned().next().is_some()),
            }
        };
        let missing = self.0.iter().filter(gone);
        missing
            .map(|entry| format!("{}: there is no such case", entry.test))
            .collect()
    }
}

impl Entry {
    fn in_mode(&self, mode: &str) -> bool {
        self.modes.is_empty() || self.modes.iter().any(|it| it.name() == mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEDGER: &str = "
        [[known]]
        test = \"poll a\"
        modes = [\"ffi\"]
        refuse = [\"kill\"]
        reason = \"one\"
        [[known]]
        test = \"poll b\"
        reason = \"two\"
    ";

    #[test]
    fn an_entry_holds_where_it_says() {
        let ledger = Ledger::parse(LEDGER).unwrap();
        let kill = Known::new(&ledger, How::Kill);
        assert_eq!(kill.reason("poll", "a", "ffi"), Some("one"));
        assert_eq!(kill.reason("poll", "a", "inline"), None);
        assert_eq!(Known::new(&ledger, How::Eperm).reason("poll", "a", "ffi"), None);
        assert_eq!(
            Known::new(&ledger, How::Eperm).reason("poll", "b", "inline"),
            Some("two")
        );
        // The first is of a mode that has not run.
        assert_eq!(kill.missing(&[], true), ["poll b: there is no such case"]);
        assert!(kill.missing(&[], false).is_empty());
    }

    #[test]
    fn the_ledger_can_be_read() {
        read().unwrap();
    }
}
