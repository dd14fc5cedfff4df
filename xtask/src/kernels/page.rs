//! What came out on each kernel: a table on the screen, and docs/kernels.md.

use super::debian::WANTED;
use crate::ctest::{self, Counts};
use crate::suite;
use crate::suite::{Known, Mode, Outcome, Report, Verdict};
use crate::util::{root, stdout};
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

/// One kernel.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Row {
    pub name: String,
    /// The version of Debian's package.
    pub version: String,
    pub release: String,
    pub page_size: u64,
    /// Passed, failed, skipped.
    pub c_tests: [u32; 3],
    /// Those of our programs that failed to the last, and what they said.
    #[serde(default)]
    pub c_failures: Vec<String>,
    /// Why, and how often.
    pub c_skips: BTreeMap<String, usize>,
    /// Passed, skipped, failed.
    pub modes: BTreeMap<Mode, [usize; 3]>,
    pub regressions: Vec<String>,
    /// Entries of the ledger that aren't true there.
    pub wrong: Vec<String>,
    pub peer_fails: Vec<String>,
    pub peer_skips: Vec<String>,
    pub unsteady: Vec<String>,
    /// Seconds; more than one when a test took the kernel down.
    pub boots: Vec<f64>,
    pub seconds: f64,
}

impl Row {
    /// Takes over what the suite showed.
    pub fn suite(&mut self, report: &Report, verdict: &Verdict, known: &Known) {
        for (test, modes) in &report.results {
            for (mode, run) in modes {
                let counts = self.modes.entry(*mode).or_default();
                counts[match run.outcome {
                    Outcome::Pass => 0,
                    Outcome::Skip(_) => 1,
                    _ => 2,
                }] += 1;
                if let Some(story) = &run.unsteady {
                    self.unsteady.push(format!("{test}, {}: {story}", mode.name()));
                }
                if let (Mode::Peer, Outcome::Skip(why)) = (mode, &run.outcome) {
                    self.peer_skips.push(format!("`{test}`: {why}"));
                }
                if *mode == Mode::Peer && run.outcome.failed() {
                    let why = known.fails(test, *mode).map_or(String::new(), |why| format!(". {why}"));
                    self.peer_fails.push(format!("`{test}`: {}{why}", run.outcome.reason()));
                }
            }
        }
        for it in &verdict.regressions {
            self.regressions
                .push(format!("`{}`, {}: {}", it.test, it.mode.name(), it.ours));
        }
        self.wrong.clone_from(&verdict.wrong);
    }

    /// Takes over what our C programs showed.
    pub fn c(&mut self, counts: Counts, outcomes: &[ctest::Outcome]) {
        self.c_tests = [counts.passed, counts.failed, counts.skipped];
        for (_, reason) in outcomes.iter().flat_map(|outcome| &outcome.skips) {
            *self.c_skips.entry(reason.clone()).or_default() += 1;
        }
        let failed = outcomes.iter().filter(|outcome| outcome.counts.failed > 0);
        self.c_failures = failed
            .map(|outcome| format!("{} ({}): {}", outcome.name, outcome.way, outcome.tail.join("; ")))
            .collect();
    }

    /// Which of our C programs failed, once more: the end of a long output is what is kept of it.
    pub fn tell_failures(&self) {
        for failure in &self.c_failures {
            println!("failed on {}: {failure}", self.name);
        }
    }

    /// What came out, but for the counts: a list each, those that have anything in them.
    pub fn lists(&self) -> String {
        let c_skips = self.c_skips.iter();
        let c_skips = c_skips
            .map(|(reason, count)| format!("{count} times: {reason}"))
            .collect();
        let lists = [
            ("Our C programs that failed", &self.c_failures),
            ("Regressions", &self.regressions),
            ("Entries of the ledger that are not true here", &self.wrong),
            ("What our C tests skip", &c_skips),
            ("What the suite skips on the peer itself", &self.peer_skips),
            ("What fails on the peer itself", &self.peer_fails),
            ("Unsteady: failed at first", &self.unsteady),
        ];
        let mut text = String::new();
        for (title, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            let _ = writeln!(text, "\n{title}:\n");
            for it in list {
                let _ = writeln!(text, "- {it}");
            }
        }
        text
    }

    pub fn failed(&self) -> usize {
        self.c_tests[1] as usize + self.regressions.len() + self.wrong.len()
    }

    /// Keeps it for `write`, with the libraries that it is about.
    pub fn keep(&self, dir: &Path, lib: &Path) -> Result<()> {
        fs::write(dir.join("row.json"), serde_json::to_string_pretty(&(sums(lib)?, self))?)?;
        Ok(())
    }

    fn cells(&self) -> Vec<String> {
        let join = |numbers: &[usize]| {
            let words: Vec<String> = numbers.iter().map(ToString::to_string).collect();
            words.join(" / ")
        };
        let mut cells = vec![self.release.clone(), join(&self.c_tests.map(|count| count as usize))];
        for mode in super::MODES {
            cells.push(self.modes.get(&mode).map_or("-".to_owned(), |counts| join(counts)));
        }
        cells.push(self.regressions.len().to_string());
        cells.push(format!("{:.1} s", self.boots.first().copied().unwrap_or_default()));
        cells.push((self.boots.len() - 1).to_string());
        cells.push(format!("{:.0} s", self.seconds));
        cells
    }
}

const HEADER: [&str; 9] = [
    "kernel",
    "C tests: passed / failed / skipped",
    "suite, peer: pass / skip / fail",
    "swap",
    "source",
    "regressions",
    "up in",
    "restarts",
    "time",
];

pub fn grid(rows: &[Row]) -> String {
    suite::grid(&HEADER, &rows.iter().map(Row::cells).collect::<Vec<_>>())
}

/// What the libraries are, byte for byte.
pub fn sums(lib: &Path) -> Result<String> {
    stdout(
        Command::new("sha256sum")
            .args(["liburing.a", "liburing.so.2", "liburing-ffi.so.2"])
            .current_dir(lib),
    )
}

/// Writes docs/kernels.md.
pub fn write(out: &Path, lib: &Path) -> Result<()> {
    let now = sums(lib)?;
    let mut rows = Vec::new();
    for wanted in &WANTED {
        let mend = format!("to mend: cargo xtask kernels --kernel {}", wanted.name);
        let text = fs::read(out.join(wanted.name).join("row.json"))
            .with_context(|| format!("there was no complete run on {}; {mend}", wanted.name))?;
        let (then, row): (String, Row) = serde_json::from_slice(&text).context(mend.clone())?;
        ensure!(
            then == now,
            "the libraries have changed since the run on {}; {mend}",
            wanted.name
        );
        rows.push(row);
    }
    let path = root().join("docs/kernels.md");
    fs::write(&path, page(&rows)?)?;
    println!("written: {}", path.display());
    Ok(())
}

fn page(rows: &[Row]) -> Result<String> {
    let qemu = stdout(Command::new(super::X86_64.qemu.0).arg("--version"))?;
    let qemu = qemu.lines().next().unwrap_or_default();
    let mut text = String::from(INTRODUCTION);
    let _ = writeln!(text, "| {} |\n|{}", HEADER.join(" | "), "---|".repeat(HEADER.len()));
    for row in rows {
        let _ = writeln!(text, "| {} |", row.cells().join(" | "));
    }
    let packages: Vec<&str> = rows.iter().map(|row| row.version.as_str()).collect();
    let _ = writeln!(text, "\nDebian's packages: {}. {qemu}, no KVM.", packages.join(", "));
    for row in rows {
        let _ = writeln!(text, "\n## Linux {}", row.release);
        text += &row.lists();
    }
    Ok(text)
}

const INTRODUCTION: &str = "\
# Old and new kernels

Written by `cargo xtask kernels --write` from what `make check-kernels` showed; not by hand.

Our C tests (on the inlines with the shared library, on liburing-ffi, and on the archive) and the suite of the original
2.15 (docs/suite.md says what the modes are) on Debian's cloud kernels, the oldest and the newest there are, each booted
under qemu in software emulation. The peer runs beside ours, in the same guest: a *regression* does worse on ours than
there. *Restarts*: how often a test took the kernel down, so that the guest was started anew. What fails runs again
alone, and then on both alternately.

";
