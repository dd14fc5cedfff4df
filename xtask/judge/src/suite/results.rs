//! The results of tests.

use super::exec::Outcome;
use super::mode::Mode;
use serde::Serialize;
use std::collections::BTreeMap;

/// One test in one mode.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    pub outcome: Outcome,
    pub seconds: f64,
    /// How it failed at first, among other tests, if it did better when it ran again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsteady: Option<String>,
}

impl Run {
    pub fn new(outcome: Outcome, seconds: f64) -> Self {
        Self {
            outcome,
            seconds,
            unsteady: None,
        }
    }
}

/// Results by test and mode. A test that lacks a mode can't run in it: it uses the original's private names.
pub type Results = BTreeMap<String, BTreeMap<Mode, Run>>;
