//! `test-c/model/known.toml`: what no model catches, each with its reason.

use super::sites::Weakening;
use crate::ledger::Ledger;
use anyhow::Result;
use serde::Deserialize;

pub const PATH: &str = "test-c/model/known.toml";

/// A weakening that no model catches.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// The source file.
    file: String,
    /// A part of the line.
    text: String,
    /// The only weakening that is meant; both if it is left out.
    step: Option<Step>,
    reason: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Step {
    Weaker,
    Gone,
}

impl Entry {
    fn is_of(&self, it: &Weakening) -> bool {
        let step = if it.weaken == it.site { Step::Weaker } else { Step::Gone };
        let file = it.site.rsplit_once(':').map(|(file, _)| file);
        file == Some(&self.file) && it.text.contains(&self.text) && self.step.is_none_or(|only| only == step)
    }
}

/// The ledger's entries for some source files.
pub struct Known(Vec<Entry>);

impl Known {
    pub fn read(folder: &str) -> Result<Known> {
        let ledger = Ledger::<Entry>::read(PATH)?;
        Ok(Known(
            ledger
                .holding(|entry| entry.file.starts_with(folder))
                .into_iter()
                .cloned()
                .collect(),
        ))
    }

    /// Why a weakening is caught by no model.
    pub fn reason(&self, it: &Weakening) -> Option<String> {
        let entry = self.0.iter().find(|entry| entry.is_of(it))?;
        Some(format!("known: {}", entry.reason))
    }

    /// What is wrong with entries for which there is no line.
    pub fn without_line(&self, all: &[Weakening]) -> Vec<String> {
        let entries = self.0.iter().filter(|entry| !all.iter().any(|it| entry.is_of(it)));
        entries
            .map(|entry| format!("{PATH}: no line of {} has {}", entry.file, entry.text))
            .collect()
    }
}
