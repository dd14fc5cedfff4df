//! The ledger: what is known about single tests on a kind of machine, each with its reason. An entry that is no longer
//! true fails the run.

use super::build::Mode;
use super::report::Results;
use crate::util;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    #[serde(default)]
    known: Vec<Entry>,
}

/// What is known about a test, on machines that meet all conditions.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    test: String,
    /// Releases of the suite; all when left out.
    #[serde(default)]
    versions: Vec<String>,
    /// All when left out.
    #[serde(default)]
    modes: Vec<Mode>,
    /// Where it runs: `here`, or a ground such as `xfs`; everywhere when left out.
    #[serde(default)]
    grounds: Vec<String>,
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
    /// It fails, each time.
    Fail,
    /// It fails now and then, on the peer too.
    Unsteady,
}

/// After so many rounds without a failure it isn't unsteady any more.
const STEADY: u32 = 50;

/// For each test that is known to be unsteady: how many rounds in a row, over several runs, it didn't fail once.
pub type Steady = BTreeMap<String, u32>;

/// What is known for one run: the entries of its release whose conditions the machine meets.
pub struct Known<'a>(Vec<&'a Entry>);

impl Ledger {
    pub fn read() -> Result<Self> {
        let path = util::root().join("test-c/suite/known.toml");
        let text = fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    pub fn parse(text: &str) -> Result<Self> {
        Ok(toml::from_str(text)?)
    }

    pub fn holds(&self, version: &str, ground: &str, system: &System) -> Known<'_> {
        Known(
            self.known
                .iter()
                .filter(|entry| entry.versions.is_empty() || entry.versions.iter().any(|known| known == version))
                .filter(|entry| entry.grounds.is_empty() || entry.grounds.iter().any(|known| known == ground))
                .filter(|entry| {
                    entry
                        .kernel
                        .as_ref()
                        .is_none_or(|known| same_release(known, &system.kernel))
                })
                .filter(|entry| entry.lacks.is_none_or(|capability| system.lacks(capability)))
                .collect(),
        )
    }
}

fn same_release(known: &str, kernel: &str) -> bool {
    kernel
        .strip_prefix(known)
        .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// Those that tests need.
#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Capability {
    CapSysResource = 24,
}

/// What the ledger's conditions ask about where tests run.
pub struct System {
    /// Its release.
    pub kernel: String,
    /// What the tests are allowed to do: a bit for each capability.
    pub capabilities: u64,
}

impl System {
    pub fn here() -> Result<Self> {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        Ok(Self {
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            capabilities: mask.unwrap_or(u64::MAX),
        })
    }

    fn lacks(&self, capability: Capability) -> bool {
        self.capabilities & (1 << (capability as u32)) == 0
    }
}

impl Known<'_> {
    fn find(&self, expect: Expect, test: &str, mode: Mode) -> Option<&Entry> {
        self.0
            .iter()
            .find(|entry| entry.expect == expect && entry.test == test && entry.in_mode(mode))
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
        for entry in self.0.iter().filter(|entry| entry.expect == Expect::Unsteady) {
            let Some(modes) = results.get(&entry.test) else {
                continue;
            };
            let failed = modes
                .iter()
                .any(|(mode, run)| entry.in_mode(*mode) && (run.outcome.failed() || run.unsteady.is_some()));
            let count = steady.entry(entry.test.clone()).or_default();
            *count = if failed { 0 } else { *count + 1 };
        }
    }

    /// The entries that are no longer true, with what was seen. `complete`: the run had every test of the release.
    pub fn wrong(&self, results: &Results, steady: &Steady, complete: bool) -> Vec<String> {
        let mut wrong = Vec::new();
        for entry in &self.0 {
            let Some(modes) = results.get(&entry.test) else {
                if complete {
                    wrong.push(format!("{}: there is no such test", entry.test));
                }
                continue;
            };
            if entry.expect == Expect::Unsteady {
                let count = steady.get(&entry.test).copied().unwrap_or(0);
                if count >= STEADY {
                    let test = &entry.test;
                    wrong.push(format!(
                        "{test}: steady for {count} rounds; the ledger says it fails now and then"
                    ));
                }
                continue;
            }
            for (mode, run) in modes {
                if entry.in_mode(*mode) && !run.outcome.failed() {
                    let (name, word) = (mode.name(), run.outcome.word());
                    wrong.push(format!("{}, {name}: {word}; the ledger says it fails", entry.test));
                }
            }
        }
        wrong
    }
}

impl Entry {
    fn in_mode(&self, mode: Mode) -> bool {
        self.modes.is_empty() || self.modes.contains(&mode)
    }
}
