//! `--write`: how the suites do on the engine, for docs/engine.md.

use super::exec::Outcome;
use super::ledger::{Known, Ledger};
use super::mode::Mode;
use super::report::{Report, UNKNOWN};
use super::session::Environment;
use anyhow::{Result, ensure};
use base::markdown;
use std::collections::{BTreeMap, BTreeSet};

const ENGINE: [Mode; 3] = [Mode::Engine, Mode::EngineEnosys, Mode::EngineKill];

/// Writes the tables into docs/engine.md.
pub fn write(reports: &[Report], ledger: &Ledger, env: &Environment) -> Result<()> {
    let mut rows = Vec::new();
    let mut reasons: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for report in reports {
        let known = Known::new(ledger, &report.version, env);
        let passing = report.results.iter().filter(|(_, runs)| {
            let peer = runs.get(&Mode::Peer);
            peer.is_some_and(|run| run.outcome == Outcome::Pass) && runs.keys().any(|mode| mode.on_engine())
        });
        let passing: Vec<_> = passing.collect();
        ensure!(
            !passing.is_empty(),
            "the suite of {} has not run on the engine; to mend: add --mode engine,engine-enosys,engine-kill",
            report.version
        );
        let mut row = vec![report.version.clone(), passing.len().to_string()];
        for mode in ENGINE {
            let runs = passing.iter().filter_map(|(test, runs)| Some((test, runs.get(&mode)?)));
            let (pass, others): (Vec<_>, Vec<_>) = runs.partition(|(_, run)| run.outcome == Outcome::Pass);
            row.push(if pass.len() + others.len() == 0 {
                "-".to_owned()
            } else {
                pass.len().to_string()
            });
            for (test, _) in others {
                let why = known.fails(test, mode).unwrap_or(UNKNOWN);
                reasons.entry(why.to_owned()).or_default().insert((*test).clone());
            }
        }
        rows.push(row);
    }
    let header = [
        "suite",
        "pass on the kernel",
        "on the engine: EPERM",
        "ENOSYS",
        "killed",
    ];
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, tests)| std::cmp::Reverse(tests.len()));
    let reasons: Vec<Vec<String>> = reasons
        .into_iter()
        .map(|(why, tests)| vec![why, Vec::from_iter(tests).join(", ")])
        .collect();
    let text = format!(
        "{}\n{}",
        markdown::table(&header, &rows),
        markdown::table(&["tests that pass on the kernel alone, and why", "tests"], &reasons)
    );
    markdown::replace("engine", "cargo xtask suite --write", &text)
}
