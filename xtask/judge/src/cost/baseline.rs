//! The committed counts: what the library cost when they were last accepted.

use super::count::Counts;
use anyhow::{Context, Result};
use base::{command, root, stdout};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

const ACCEPT: &str = "cargo xtask cost --accept";

/// The counts hold for one compiler, because another generates other code.
#[derive(Serialize, Deserialize)]
pub struct Baseline {
    processor: String,
    rustc: String,
    instructions: Counts,
}

fn path() -> PathBuf {
    root().join("test-c/cost/baseline.toml")
}

impl Baseline {
    /// Counts made on this machine, with this compiler.
    pub fn of(instructions: Counts) -> Result<Self> {
        let version = stdout(&mut command!("rustc --version"))?;
        Ok(Self {
            processor: std::env::consts::ARCH.to_owned(),
            rustc: version.split(' ').nth(1).unwrap_or_default().to_owned(),
            instructions,
        })
    }

    pub fn read() -> Result<Self> {
        let text = fs::read_to_string(path()).with_context(|| format!("{}; to mend: {ACCEPT}", path().display()))?;
        toml::from_str(&text).with_context(|| format!("{}; to mend: {ACCEPT}", path().display()))
    }

    pub fn write(&self) -> Result<()> {
        let comment = format!("# Instructions of one round of each path, made by `{ACCEPT}`.\n");
        fs::write(path(), comment + &toml::to_string(self)?)?;
        println!("cost: recorded in {}", path().display());
        Ok(())
    }

    /// How `self`, counted now, differs from `recorded`; nothing with another compiler.
    pub fn against(&self, recorded: &Self) -> Vec<String> {
        if (&self.processor, &self.rustc) == (&recorded.processor, &recorded.rustc) {
            return recorded.changes(self);
        }
        eprintln!(
            "cost: the baseline is of rustc {} on {}, this is {} on {}: only the comparison with the peer applies here",
            recorded.rustc, recorded.processor, self.rustc, self.processor
        );
        Vec::new()
    }

    /// Every path whose count isn't the recorded one.
    pub fn changes(&self, now: &Self) -> Vec<String> {
        let paths: BTreeSet<&String> = self.instructions.keys().chain(now.instructions.keys()).collect();
        let said = |path: &String| match (self.instructions.get(path), now.instructions.get(path)) {
            (Some(was), Some(count)) if was < count => Some(format!(
                "{path}: rose from {was} to {count} instructions; if that is justified: {ACCEPT}"
            )),
            (Some(was), Some(count)) if was > count => Some(format!(
                "{path}: fell from {was} to {count} instructions; to keep it there: {ACCEPT}"
            )),
            (None, _) => Some(format!("{path}: not recorded yet: {ACCEPT}")),
            (_, None) => Some(format!("{path}: no longer counted: {ACCEPT}")),
            _ => None,
        };
        paths.into_iter().filter_map(said).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(paths: &[(&str, u64)]) -> Baseline {
        Baseline {
            processor: "x86_64".into(),
            rustc: "1.85.0".into(),
            instructions: paths.iter().map(|(path, count)| ((*path).into(), *count)).collect(),
        }
    }

    #[test]
    fn every_change_is_named() {
        let recorded = counted(&[("a", 10), ("b", 10), ("c", 10), ("d", 10)]);
        let changes = counted(&[("a", 11), ("b", 9), ("c", 10), ("e", 1)]).against(&recorded);
        let words: Vec<&str> = changes.iter().map(|change| &change[..7]).collect();
        assert_eq!(words, ["a: rose", "b: fell", "d: no l", "e: not "]);
    }

    #[test]
    fn another_compiler_has_other_counts() {
        let recorded = counted(&[("a", 10)]);
        let mut now = counted(&[("a", 11)]);
        now.rustc = "1.90.0".into();
        assert!(now.against(&recorded).is_empty());
    }
}
