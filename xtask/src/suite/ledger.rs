//! The ledger: what is known about single tests on a kind of machine, each with its reason. An entry that is no longer
//! true fails the run.

use super::build::Mode;
use super::report::Results;
use crate::util;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::fs;
use std::path::Path;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    #[serde(default)]
    known: Vec<Entry>,
}

/// A test that fails. It holds on machines that meet all its conditions.
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
    /// Where it runs: `here`, or a ground such as `xfs`; `here` when left out.
    #[serde(default = "here")]
    grounds: Vec<String>,
    /// Only on kernels of this release: "6.18" is also 6.18.44.
    kernel: Option<String>,
    /// Only where this file is.
    with: Option<String>,
    /// Only where this file isn't.
    without: Option<String>,
    reason: String,
}

fn here() -> Vec<String> {
    vec!["here".to_owned()]
}

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

    pub fn holds(&self, version: &str, ground: &str, kernel: &str) -> Known<'_> {
        Known(
            self.known
                .iter()
                .filter(|entry| entry.versions.is_empty() || entry.versions.iter().any(|known| known == version))
                .filter(|entry| entry.grounds.iter().any(|known| known == ground))
                .filter(|entry| entry.kernel.as_ref().is_none_or(|known| same_release(known, kernel)))
                .filter(|entry| entry.with.as_ref().is_none_or(|path| Path::new(path).exists()))
                .filter(|entry| entry.without.as_ref().is_none_or(|path| !Path::new(path).exists()))
                .collect(),
        )
    }
}

fn same_release(known: &str, kernel: &str) -> bool {
    kernel
        .strip_prefix(known)
        .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

impl Known<'_> {
    /// Why the test fails in this mode, if the ledger says that it does.
    pub fn reason(&self, test: &str, mode: Mode) -> Option<&str> {
        self.0
            .iter()
            .find(|entry| entry.test == test && (entry.modes.is_empty() || entry.modes.contains(&mode)))
            .map(|entry| entry.reason.as_str())
    }

    /// How many tests of the run the ledger names.
    pub fn count(&self, results: &Results) -> usize {
        self.0.iter().filter(|entry| results.contains_key(&entry.test)).count()
    }

    /// The entries that are no longer true, with what was seen. `complete`: the run had every test of the release.
    pub fn wrong(&self, results: &Results, complete: bool) -> Vec<String> {
        let mut wrong = Vec::new();
        for entry in &self.0 {
            let Some(modes) = results.get(&entry.test) else {
                if complete {
                    wrong.push(format!("{}: there is no such test", entry.test));
                }
                continue;
            };
            for (mode, run) in modes {
                if (entry.modes.is_empty() || entry.modes.contains(mode)) && !run.outcome.failed() {
                    let (name, word) = (mode.name(), run.outcome.word());
                    wrong.push(format!("{}, {name}: {word}; the ledger says it fails", entry.test));
                }
            }
        }
        wrong
    }
}
