//! The results of a run, compared with the peer and with the ledger, as text and as JSON.

use super::exec::Outcome;
use super::ledger::{Known, Steady};
use super::mode::Mode;
use super::results::{Results, Run};
use base::markdown::columns;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;

/// In place of a reason that the ledger lacks.
pub const UNKNOWN: &str = "not in the ledger";

#[derive(Serialize)]
pub struct Report {
    pub version: String,
    /// The release of the peer that was found.
    pub peer: String,
    /// `here`, storage such as `xfs`, or a kernel.
    pub environment: String,
    pub kernel: String,
    /// How long running took.
    pub seconds: f64,
    /// Our libraries.
    pub lib: String,
    pub results: Results,
}

/// The verdict over a report.
#[derive(Default)]
pub struct Verdict {
    /// Worse on ours than on the peer.
    pub regressions: Vec<Difference>,
    /// Other differences: better on ours, or in the ledger.
    pub others: Vec<Difference>,
    /// Entries of the ledger that are no longer true.
    pub wrong: Vec<String>,
    /// Tests that fail on the peer itself, why, and what the ledger says about it.
    pub peer_fails: Vec<String>,
    pub passed: usize,
    pub skipped: usize,
}

pub struct Difference {
    pub test: String,
    pub mode: Mode,
    pub peer: Outcome,
    pub ours: Outcome,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (test, mode) = (&self.test, self.mode.name());
        write!(f, "{test}, {mode}: peer {}, ours {}", self.peer, self.ours)
    }
}

impl Verdict {
    pub fn failed(&self) -> usize {
        self.regressions.len() + self.wrong.len()
    }
}

/// Compares with the peer and with the ledger.
pub fn evaluate(results: &Results, known: &Known, steady: &Steady, complete: bool) -> Verdict {
    let mut verdict = Verdict {
        wrong: known.wrong(results, steady, complete),
        ..Verdict::default()
    };
    for (test, modes) in results {
        let peer = modes.get(&Mode::Peer).map(|run| &run.outcome);
        if let Some(peer) = peer.filter(|peer| peer.failed()) {
            let why = known
                .fails(test, Mode::Peer)
                .or_else(|| known.unsteady(test, Mode::Peer));
            let why = why.unwrap_or(UNKNOWN);
            verdict
                .peer_fails
                .push(format!("{test}: {}\n      {why}", peer.reason()));
        }
        for (&mode, run) in modes {
            let ours = &run.outcome;
            verdict.passed += usize::from(*ours == Outcome::Pass);
            verdict.skipped += usize::from(matches!(ours, Outcome::Skip(_)));
            let Some(peer) = peer.filter(|peer| peer.rank() != ours.rank()) else {
                continue;
            };
            let worse = ours.worse_than(peer) && known.fails(test, mode).is_none();
            let list = if worse {
                &mut verdict.regressions
            } else {
                &mut verdict.others
            };
            list.push(Difference {
                test: test.clone(),
                mode,
                peer: peer.clone(),
                ours: ours.clone(),
            });
        }
    }
    verdict
}

impl Report {
    /// The report as text, without the summary line.
    pub fn text(&self, verdict: &Verdict, known: &Known) -> String {
        let mut text = String::new();
        let on = match self.environment.as_str() {
            "here" => String::new(),
            name => format!(" on {name}"),
        };
        let _ = writeln!(
            text,
            "The suite of liburing {}{on}, {} tests, kernel {}; run in {:.0} s\n\
             peer: liburing {}; ours: {}\n",
            self.version,
            self.results.len(),
            self.kernel,
            self.seconds,
            self.peer,
            self.lib
        );
        self.counts(&mut text, verdict);
        let lines = |list: &[Difference]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let mut unsteady = Vec::new();
        for (test, modes) in &self.results {
            for (mode, run) in modes {
                if let Some(first) = &run.unsteady {
                    let why = known.unsteady(test, *mode).unwrap_or(UNKNOWN);
                    unsteady.push(format!("{test}, {}: {first}\n      {why}", mode.name()));
                }
            }
        }
        let sections = [
            (
                "REGRESSIONS: pass on the peer, not on ours",
                lines(&verdict.regressions),
            ),
            ("other differences", lines(&verdict.others)),
            (
                "LEDGER ENTRIES THAT ARE NO LONGER TRUE (test-c/suite/known.toml)",
                verdict.wrong.clone(),
            ),
            ("fail on the peer itself", verdict.peer_fails.clone()),
            ("skipped, and what the test said", self.skips()),
            ("unsteady: failed at first, among other tests", unsteady),
        ];
        for (title, rows) in sections.iter().filter(|(_, rows)| !rows.is_empty()) {
            let _ = writeln!(text, "\n{title}:\n  {}", rows.join("\n  "));
        }
        text
    }

    fn counts(&self, text: &mut String, verdict: &Verdict) {
        let mut rows = Vec::new();
        for mode in Mode::ALL {
            let runs: Vec<&Run> = self.results.values().filter_map(|modes| modes.get(&mode)).collect();
            if runs.is_empty() {
                continue;
            }
            let count = |test: &dyn Fn(&Run) -> bool| runs.iter().filter(|run| test(run)).count().to_string();
            let regressions = verdict.regressions.iter().filter(|it| it.mode == mode).count();
            rows.push(vec![
                mode.name().to_owned(),
                runs.len().to_string(),
                count(&|run| run.outcome == Outcome::Pass),
                count(&|run| matches!(run.outcome, Outcome::Skip(_))),
                count(&|run| matches!(run.outcome, Outcome::Fail(_))),
                count(&|run| matches!(run.outcome, Outcome::Unbuilt(_))),
                count(&|run| run.unsteady.is_some()),
                match mode {
                    Mode::Peer => "-".to_owned(),
                    _ => regressions.to_string(),
                },
                format!("{:.0} s", runs.iter().map(|run| run.seconds).sum::<f64>()),
            ]);
        }
        let header = "mode,tests,pass,skip,fail,not built,unsteady,regressions,time";
        text.push_str(&columns(&header.split(',').collect::<Vec<_>>(), &rows));
    }

    /// Each skip with the reason that the test printed, once for all modes where it is the same.
    fn skips(&self) -> Vec<String> {
        let mut rows = Vec::new();
        for (test, modes) in &self.results {
            let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for (mode, run) in modes {
                if let Outcome::Skip(reason) = &run.outcome {
                    reasons.entry(reason).or_default().push(mode.name());
                }
            }
            for (reason, seen) in reasons {
                let only = if seen.len() < modes.len() {
                    format!(" (only {})", seen.join(", "))
                } else {
                    String::new()
                };
                rows.push(format!("{test}: {reason}{only}"));
            }
        }
        rows
    }
}
