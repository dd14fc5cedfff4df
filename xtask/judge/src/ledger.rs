//! Ledgers: what is known about single tests, each with its reason. A check that reads one fails if an entry is no longer
//! true.

use anyhow::{Context, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fs;

/// The entries of a file, each under `[[known]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger<E> {
    #[serde(default = "Vec::new")]
    known: Vec<E>,
}

/// Reads a ledger of the repository, of any form, by its parser.
pub fn read<L>(path: &str, parse: impl FnOnce(&str) -> Result<L>) -> Result<L> {
    let text = fs::read_to_string(base::root().join(path)).with_context(|| format!("can't read {path}"))?;
    parse(&text).with_context(|| path.to_owned())
}

impl<E: DeserializeOwned> Ledger<E> {
    pub fn read(path: &str) -> Result<Self> {
        read(path, Self::parse)
    }

    pub fn parse(text: &str) -> Result<Self> {
        Ok(toml::from_str(text)?)
    }

    /// The entries that hold.
    pub fn holding(&self, holds: impl Fn(&E) -> bool) -> Vec<&E> {
        self.known.iter().filter(|entry| holds(entry)).collect()
    }
}

/// Whether a condition of an entry is met: it names this one, or is left out.
pub fn names<T: PartialEq>(condition: &[T], one: &T) -> bool {
    condition.is_empty() || condition.contains(one)
}
