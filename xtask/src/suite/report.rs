//! What a run showed: compared with the peer, with the ledger and with the last run; as a table and as JSON.

use super::build::Mode;
use super::exec::Outcome;
use super::ledger::{Known, Steady};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// One test in one mode.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    pub outcome: Outcome,
    pub seconds: f64,
    /// What happened before, when it failed at first, among others, and not so when it ran again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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

/// Test, mode, what happened. A test without a mode can't be run in it: it uses the original's private names.
pub type Results = BTreeMap<String, BTreeMap<Mode, Run>>;

#[derive(Serialize, Deserialize)]
pub struct Report {
    pub version: String,
    /// The release of the peer that was found.
    pub peer: String,
    /// `here`, or a ground such as `xfs`.
    pub ground: String,
    pub kernel: String,
    /// When the run began, in seconds since 1970.
    pub began: u64,
    /// How long building and running took.
    pub build_seconds: f64,
    pub run_seconds: f64,
    /// Our libraries.
    pub lib: String,
    /// Whether every test of the suite ran.
    pub complete: bool,
    pub results: Results,
    /// Only where one differs between repetitions: what they were.
    #[serde(default)]
    pub changed: Vec<String>,
}

/// The verdict over a report.
pub struct Verdict {
    /// Worse on ours than on the peer: test, mode, what the peer did, what ours did.
    pub regressions: Vec<Difference>,
    /// Other differences: better on ours, or in the ledger.
    pub others: Vec<Difference>,
    /// Entries of the ledger that are no longer true.
    pub wrong: Vec<String>,
    pub passed: usize,
    pub skipped: usize,
}

pub struct Difference {
    pub test: String,
    pub mode: Mode,
    pub peer: Outcome,
    pub ours: Outcome,
}

impl Verdict {
    pub fn failed(&self) -> usize {
        self.regressions.len() + self.wrong.len()
    }
}

/// Compares with the peer and with the ledger.
pub fn judge(results: &Results, known: &Known, steady: &Steady, complete: bool) -> Verdict {
    let mut verdict = Verdict {
        regressions: Vec::new(),
        others: Vec::new(),
        wrong: known.wrong(results, steady, complete),
        passed: 0,
        skipped: 0,
    };
    for (test, modes) in results {
        for (&mode, run) in modes {
            match run.outcome {
                Outcome::Pass => verdict.passed += 1,
                Outcome::Skip(_) => verdict.skipped += 1,
                _ => {}
            }
            let Some(peer) = modes.get(&Mode::Peer).filter(|_| mode != Mode::Peer) else {
                continue;
            };
            if std::mem::discriminant(&peer.outcome) == std::mem::discriminant(&run.outcome) {
                continue;
            }
            let difference = Difference {
                test: test.clone(),
                mode,
                peer: peer.outcome.clone(),
                ours: run.outcome.clone(),
            };
            if run.outcome.worse_than(&peer.outcome) && known.fails(test, mode).is_none() {
                verdict.regressions.push(difference);
            } else {
                verdict.others.push(difference);
            }
        }
    }
    verdict
}

impl Report {
    /// Everything that people read, the last line excepted.
    pub fn text(&self, verdict: &Verdict, known: &Known, last: Option<&Report>) -> String {
        let mut text = String::new();
        let place = match self.ground.as_str() {
            "here" => String::new(),
            ground => format!(" on {ground}"),
        };
        let _ = writeln!(
            text,
            "The suite of liburing {}{place}, {} tests, kernel {}; built in {:.0} s, run in {:.0} s\n\
             peer: liburing {}; ours: {}\n",
            self.version,
            self.results.len(),
            self.kernel,
            self.build_seconds,
            self.run_seconds,
            self.peer,
            self.lib
        );
        self.counts(&mut text, verdict);
        differences(
            &mut text,
            "REGRESSIONS: pass on the peer, not on ours",
            &verdict.regressions,
        );
        differences(&mut text, "other differences", &verdict.others);
        section(
            &mut text,
            "LEDGER ENTRIES THAT ARE NO LONGER TRUE (test-c/suite/known.toml)",
            &verdict.wrong,
        );
        self.peer_failures(&mut text, known);
        self.skips(&mut text);
        self.unsteady(&mut text, known);
        section(&mut text, "differed between the repetitions", &self.changed);
        if let Some(last) = last {
            self.since(&mut text, last);
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
                if mode == Mode::Peer {
                    "-".to_owned()
                } else {
                    regressions.to_string()
                },
                format!("{:.0} s", runs.iter().map(|run| run.seconds).sum::<f64>()),
            ]);
        }
        let header = [
            "mode",
            "tests",
            "pass",
            "skip",
            "fail",
            "not built",
            "unsteady",
            "regressions",
            "time",
        ];
        text.push_str(&grid(&header, &rows));
    }

    /// Fails on the peer itself, and why, if that is known.
    fn peer_failures(&self, text: &mut String, known: &Known) {
        let rows: Vec<String> = self
            .results
            .iter()
            .filter_map(|(test, modes)| Some((test, modes.get(&Mode::Peer)?)))
            .filter(|(_, run)| run.outcome.failed())
            .map(|(test, run)| {
                let why = known
                    .fails(test, Mode::Peer)
                    .or_else(|| known.unsteady(test, Mode::Peer));
                let why = why.unwrap_or("not in the ledger");
                format!("{test}: {}\n      {why}", run.outcome.reason())
            })
            .collect();
        section(text, "fail on the peer itself", &rows);
    }

    /// Each skip with the reason that the test printed, once for all modes where it is the same.
    fn skips(&self, text: &mut String) {
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
        section(text, "skipped, and what the test said", &rows);
    }

    fn unsteady(&self, text: &mut String, known: &Known) {
        let mut rows = Vec::new();
        for (test, modes) in &self.results {
            for (mode, run) in modes {
                if let Some(first) = &run.unsteady {
                    let why = known.unsteady(test, *mode).unwrap_or("not in the ledger");
                    rows.push(format!("{test}, {}: {first}\n      {why}", mode.name()));
                }
            }
        }
        section(text, "unsteady: failed at first, in company", &rows);
    }

    /// What changed since the last run.
    fn since(&self, text: &mut String, last: &Report) {
        let mut rows = Vec::new();
        for (test, modes) in &self.results {
            let Some(before) = last.results.get(test) else {
                rows.push(format!("{test}: new"));
                continue;
            };
            for (mode, run) in modes {
                if let Some(old) = before.get(mode).filter(|old| old.outcome.word() != run.outcome.word()) {
                    let (old, new) = (old.outcome.word(), run.outcome.word());
                    rows.push(format!("{test}, {}: {old} -> {new}", mode.name()));
                }
            }
        }
        if self.complete && last.complete {
            let gone = last.results.keys().filter(|test| !self.results.contains_key(*test));
            rows.extend(gone.map(|test| format!("{test}: gone")));
        }
        let minutes = self.began.saturating_sub(last.began) / 60;
        let title = format!(
            "changed since the last run, {} h {} min ago",
            minutes / 60,
            minutes % 60
        );
        if rows.is_empty() {
            rows.push("nothing".to_owned());
        }
        section(text, &title, &rows);
    }
}

fn section(text: &mut String, title: &str, rows: &[String]) {
    if !rows.is_empty() {
        let _ = writeln!(text, "\n{title}:");
        for row in rows {
            let _ = writeln!(text, "  {row}");
        }
    }
}

fn differences(text: &mut String, title: &str, list: &[Difference]) {
    let rows: Vec<String> = list
        .iter()
        .map(|it| format!("{}, {}: peer {}, ours {}", it.test, it.mode.name(), it.peer, it.ours))
        .collect();
    section(text, title, &rows);
}

/// Rows under a header, in columns.
pub fn grid(header: &[&str], rows: &[Vec<String>]) -> String {
    let header: Vec<String> = header.iter().map(ToString::to_string).collect();
    let width: Vec<usize> = (0..header.len())
        .map(|column| {
            let cells = rows.iter().chain([&header]).filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let rule = width.iter().map(|width| "-".repeat(*width)).collect();
    let mut text = String::new();
    for row in [&header, &rule].into_iter().chain(rows) {
        let cells: Vec<String> = row
            .iter()
            .zip(&width)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    text
}
