//! `test-c/fuzz/known.toml`: where the engine differs from this kernel, each with its reason.

use super::server::{Build, Servers};
use super::table::Table;
use crate::ledger;
use anyhow::{Context, Result, ensure};
use base::root;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fs;

const PATH: &str = "test-c/fuzz/known.toml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    #[serde(default)]
    known: Vec<Difference>,
    #[serde(default)]
    never: Vec<Never>,
}

/// A difference that the fuzzer's operations avoid.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    /// What the operations ask for by `known(name)`.
    name: String,
    /// A program that shows it.
    program: String,
    reason: String,
    /// The first kernel that no longer differs.
    before: Option<String>,
}

/// An opcode or a command that never succeeds here.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Never {
    pub name: String,
    pub reason: String,
    /// The first kernel on which it succeeds.
    before: Option<String>,
}

impl Ledger {
    pub fn read() -> Result<Self> {
        ledger::read(PATH, |text| Ok(toml::from_str(text)?))
    }

    /// What never succeeds on a kernel.
    pub fn never(&self, release: &str) -> Vec<&Never> {
        self.never
            .iter()
            .filter(|never| is_before(release, never.before.as_deref()))
            .collect()
    }

    /// The differences on a kernel.
    fn on<'a>(&'a self, release: &'a str) -> impl Iterator<Item = &'a Difference> {
        self.known
            .iter()
            .filter(move |known| is_before(release, known.before.as_deref()))
    }

    /// What the interpreters are told to avoid: all names but one, with commas around each.
    pub fn avoided(&self, release: &str, shown: Option<&str>) -> String {
        let names = self.on(release).map(|known| known.name.as_str());
        let mut avoided = String::from(",");
        for name in names.filter(|name| Some(*name) != shown) {
            avoided.push_str(name);
            avoided.push(',');
        }
        avoided
    }

    /// Runs the program of each difference. One that doesn't show it any more fails the run.
    pub fn check(&self, table: &Table, builds: &[Build], release: &str) -> Result<()> {
        self.names_agree()?;
        for known in self.on(release) {
            let avoided = self.avoided(release, Some(&known.name));
            let builds: Vec<_> = builds.iter().map(|build| build.avoiding(&avoided)).collect();
            let program = table.parse(&known.program).with_context(|| known.name.clone())?;
            let traces = Servers::start(&builds)?.run(&program)?;
            ensure!(
                super::differ(&traces),
                "{PATH}: {}: the engine no longer differs; remove the entry, and what avoids it in test-c/fuzz. Its \
                 reason was: {}",
                known.name,
                known.reason
            );
        }
        Ok(())
    }

    /// Whether the operations avoid exactly what is listed.
    fn names_agree(&self) -> Result<()> {
        let listed: BTreeSet<_> = self.known.iter().map(|known| known.name.clone()).collect();
        let mut asked = BTreeSet::new();
        for file in base::files_in(&root().join("test-c/fuzz"))? {
            let text = fs::read_to_string(&file)?;
            let names = text.split("known(\"").skip(1);
            asked.extend(names.filter_map(|rest| rest.split_once('"').map(|(name, _)| name.to_owned())));
        }
        let odd: Vec<_> = listed.symmetric_difference(&asked).map(String::as_str).collect();
        ensure!(
            odd.is_empty(),
            "{PATH} and the operations in test-c/fuzz disagree about: {}",
            odd.join(", ")
        );
        Ok(())
    }

    /// How many differences there are on a kernel.
    pub fn count(&self, release: &str) -> usize {
        self.on(release).count()
    }
}

/// Whether a kernel is older than the first that an entry no longer holds for.
fn is_before(release: &str, first: Option<&str>) -> bool {
    first.is_none_or(|first| version(release) < version(first))
}

/// The first two numbers of a kernel's release.
fn version(release: &str) -> (u32, u32) {
    let mut numbers = release.split(|letter: char| !letter.is_ascii_digit());
    let mut next = || numbers.next().and_then(|number| number.parse().ok()).unwrap_or(0);
    (next(), next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ledger_can_be_read() {
        let ledger = Ledger::read().unwrap();
        let table = Table::read().unwrap();
        for known in &ledger.known {
            assert!(!table.parse(&known.program).unwrap().is_empty(), "{}", known.name);
        }
        ledger.names_agree().unwrap();
    }

    #[test]
    fn an_entry_holds_up_to_a_kernel() {
        let text = "[[known]]\nname = \"a\"\nprogram = \"\"\nreason = \"\"\nbefore = \"6.19\"\n\
                    [[known]]\nname = \"b\"\nprogram = \"\"\nreason = \"\"\n";
        let text = format!("{text}[[never]]\nname = \"c\"\nreason = \"\"\nbefore = \"6.19\"\n");
        let ledger: Ledger = toml::from_str(&text).unwrap();
        assert_eq!(ledger.never("6.18").len(), 1);
        assert_eq!(ledger.never("6.19").len(), 0);
        assert_eq!(ledger.avoided("6.18.44-x", None), ",a,b,");
        assert_eq!(ledger.avoided("6.18.44-x", Some("a")), ",b,");
        assert_eq!(ledger.avoided("7.0", None), ",b,");
        assert_eq!(ledger.count("6.19-rc1"), 1);
    }
}
