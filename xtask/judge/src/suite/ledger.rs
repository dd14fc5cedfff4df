//! The ledger: what is known about single tests on a kind of machine, each with its reason. An entry that is no longer
//! true fails the run.

use super::exec::Outcome;
use super::mode::Mode;
use super::results::Results;
use super::session::Environment;
use crate::ledger::{self, names};
use crate::peer::NEWEST;
use anyhow::Result;
use serde::Deserialize;
use std::collections::BTreeMap;

pub const PATH: &str = "test-c/suite/known.toml";

pub type Ledger = ledger::Ledger<Entry>;

/// What is known about a test, on machines that meet all conditions.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The names of tests, with spaces between them.
    test: String,
    /// Releases of the suite; all when left out.
    #[serde(default)]
    versions: Vec<String>,
    /// All when left out.
    #[serde(default)]
    modes: Vec<Mode>,
    /// Where it runs: `here`, storage such as `xfs`, or a kernel; everywhere when left out.
    #[serde(default)]
    on: Vec<String>,
    /// Only on kernels of this release: "6.18" is also 6.18.44.
    kernel: Option<String>,
    /// Only where root lacks this capability, as in some containers.
    lacks: Option<Capability>,
    expect: Expect,
    reason: String,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Expect {
    /// It fails, each time; on the engine it may skip instead.
    Fail,
    /// It fails now and then, on the peer too.
    Unsteady,
}

/// After this many rounds without a failure a test is no longer unsteady.
const STEADY: u32 = 50;

/// For each test that is known to be unsteady: how many rounds in a row, across runs, it has not failed.
pub type Steady = BTreeMap<String, u32>;

/// What is known for one run: the entries of its release whose conditions the machine meets.
pub struct Known<'a> {
    entries: Vec<&'a Entry>,
    /// The release is the newest one, which has all tests.
    newest: bool,
}

pub fn read() -> Result<Ledger> {
    Ledger::read(PATH)
}

impl<'a> Known<'a> {
    /// The entries for a release of the suite in an environment.
    pub fn new(ledger: &'a Ledger, version: &str, env: &Environment) -> Self {
        let is_kernel = |kernel: &String| same_release(kernel, &env.kernel);
        let entries = ledger.holding(|entry| {
            names(&entry.versions, &version.to_owned())
                && names(&entry.on, &env.name)
                && entry.kernel.as_ref().is_none_or(is_kernel)
                && entry.lacks.is_none_or(|it| env.capabilities & (1 << it as u32) == 0)
        });
        Self {
            entries,
            newest: version == NEWEST,
        }
    }
}

fn same_release(known: &str, kernel: &str) -> bool {
    kernel
        .strip_prefix(known)
        .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// The capabilities that tests need.
#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Capability {
    CapSysResource = 24,
}

impl Known<'_> {
    fn find(&self, expect: Expect, test: &str, mode: Mode) -> Option<&Entry> {
        let mut entries = self.entries.iter();
        entries
            .find(|entry| entry.expect == expect && entry.in_mode(mode) && entry.tests().any(|it| it == test))
            .copied()
    }

    /// Why the test fails in this mode, if the ledger says that it does.
    pub fn fails(&self, test: &str, mode: Mode) -> Option<&str> {
        self.find(Expect::Fail, test, mode).map(|entry| entry.reason.as_str())
    }

    /// Why the test is unsteady in this mode, if the ledger says so.
    pub fn unsteady(&self, test: &str, mode: Mode) -> Option<&str> {
        self.find(Expect::Unsteady, test, mode)
            .map(|entry| entry.reason.as_str())
    }

    /// Counts a round.
    pub fn count(&self, results: &Results, steady: &mut Steady) {
        let unsteady = self.entries.iter().filter(|entry| entry.expect == Expect::Unsteady);
        for (entry, test) in unsteady.flat_map(|entry| entry.tests().map(move |test| (entry, test))) {
            let Some(modes) = results.get(test) else {
                continue;
            };
            let failed = modes
                .iter()
                .any(|(mode, run)| entry.in_mode(*mode) && (run.outcome.failed() || run.unsteady.is_some()));
            let count = steady.entry(test.to_owned()).or_default();
            *count = if failed { 0 } else { *count + 1 };
        }
    }

    /// The entries that are no longer true, with what was seen. `complete`: the run had every test of the release.
    pub fn wrong(&self, results: &Results, steady: &Steady, complete: bool) -> Vec<String> {
        let mut wrong = Vec::new();
        for (entry, test) in self
            .entries
            .iter()
            .flat_map(|it| it.tests().map(move |test| (it, test)))
        {
            let Some(modes) = results.get(test) else {
                if complete && (self.newest || !entry.versions.is_empty()) {
                    wrong.push(format!("{test}: there is no such test"));
                }
                continue;
            };
            if entry.expect == Expect::Unsteady {
                let count = steady.get(test).copied().unwrap_or(0);
                if count >= STEADY {
                    wrong.push(format!(
                        "{test}: steady for {count} rounds; the ledger says it fails now and then"
                    ));
                }
                continue;
            }
            for (mode, run) in modes {
                let skipped = mode.on_engine() && matches!(run.outcome, Outcome::Skip(_));
                if entry.in_mode(*mode) && !run.outcome.failed() && !skipped {
                    let (name, word) = (mode.name(), run.outcome.word());
                    wrong.push(format!("{test}, {name}: {word}; the ledger says it fails"));
                }
            }
        }
        wrong
    }
}

impl Entry {
    fn tests(&self) -> impl Iterator<Item = &str> {
        self.test.split_whitespace()
    }

    /// An entry for the mode `engine` is one for all modes on the engine.
    fn in_mode(&self, mode: Mode) -> bool {
        names(&self.modes, &mode) || mode.on_engine() && self.modes.contains(&Mode::Engine)
    }
}
