//! The committed counts: what the library cost when somebody last looked.

use super::count::Counts;
use crate::util::{root, stdout};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const ACCEPT: &str = "cargo xtask cost --accept";

/// Another compiler makes other code, so the counts hold for one.
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
    /// What was counted here and now.
    pub fn of(instructions: Counts) -> Result<Self> {
        let version = stdout(Command::new("rustc").arg("--version"))?;
        Ok(Self {
            processor: std::env::consts::ARCH.to_owned(),
            rustc: version.split(' ').nth(1).unwrap_or_default().to_owned(),
            instructions,
        })
    }

    pub fn read() -> Result<Self> {
        let path = path();
        let text = fs::read_to_string(&path).with_context(|| format!("{}; to mend: {ACCEPT}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{}; to mend: {ACCEPT}", path.display()))
    }

    pub fn write(&self) -> Result<()> {
        let mut text = format!(
            "# Instructions of one round of each path, made by `{ACCEPT}`.\nprocessor = {:?}\nrustc = {:?}\n\n[instructions]\n",
            self.processor, self.rustc
        );
        for (path, count) in &self.instructions {
            let _ = writeln!(text, "{path:?} = {count}");
        }
        fs::write(path(), text)?;
        println!("cost: recorded in {}", path().display());
        Ok(())
    }

    /// What is wrong with `self`, counted now, when `recorded` is the truth; nothing with another compiler.
    pub fn against(&self, recorded: &Self) -> Vec<String> {
        if (&self.processor, &self.rustc) == (&recorded.processor, &recorded.rustc) {
            return recorded.changes(self);
        }
        eprintln!(
            "cost: the baseline is rustc {}'s on {}, this is {} on {}: only the comparison with the peer holds here",
            recorded.rustc, recorded.processor, self.rustc, self.processor
        );
        Vec::new()
    }

    /// Every path whose count isn't the recorded one.
    pub fn changes(&self, now: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        for (path, count) in &now.instructions {
            match self.instructions.get(path) {
                Some(was) if was < count => changes.push(format!(
                    "{path}: rose from {was} to {count} instructions; if that is justified: {ACCEPT}"
                )),
                Some(was) if was > count => changes.push(format!(
                    "{path}: fell from {was} to {count} instructions; so that it stays there: {ACCEPT}"
                )),
                Some(_) => {}
                None => changes.push(format!("{path}: not recorded yet: {ACCEPT}")),
            }
        }
        let gone = |path: &&String| !now.instructions.contains_key(*path);
        changes.extend(
            self.instructions
                .keys()
                .filter(gone)
                .map(|path| format!("{path}: no longer counted: {ACCEPT}")),
        );
        changes
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
        assert_eq!(
            words,
            ["a: rose", "b: fell", "e: not r", "d: no lo"].map(|word| &word[..7])
        );
    }

    #[test]
    fn another_compiler_has_other_counts() {
        let recorded = counted(&[("a", 10)]);
        let mut now = counted(&[("a", 11)]);
        now.rustc = "1.90.0".into();
        assert!(now.against(&recorded).is_empty());
    }
}
