//! The results on each kernel: a table on the screen, and docs/kernels.md.

use super::Scope;
use super::debian::{WANTED, X86_64};
use super::engine::Place;
use crate::ctest::{self, Counts};
use crate::suite::{Mode, Outcome, Report, Verdict};
use anyhow::Result;
use base::{command, kept, markdown, stdout};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One kernel.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Row {
    pub name: String,
    /// The version of Debian's package.
    pub version: String,
    pub release: String,
    pub page_size: u64,
    /// Passed, failed, skipped.
    pub c_tests: [u32; 3],
    /// Our programs that failed in the last try too, and their output.
    pub c_failures: Vec<String>,
    /// The reasons, and how often each was given.
    pub c_skips: BTreeMap<String, usize>,
    /// Passed, skipped, failed.
    pub modes: BTreeMap<Mode, [usize; 3]>,
    /// The tests that run on the engine: passed, failed, skipped in the peer's mode, and on the engine.
    #[serde(skip)]
    pub beside: [Option<[u32; 3]>; 2],
    pub regressions: Vec<String>,
    /// Entries of the ledger that aren't true on this kernel.
    pub wrong: Vec<String>,
    pub peer_fails: Vec<String>,
    pub peer_skips: Vec<String>,
    pub unsteady: Vec<String>,
    /// Our C programs on the engine.
    #[serde(skip)]
    pub engine: Option<Place>,
    /// How many seconds the boot took, and how often a guest had to be replaced.
    pub up: f64,
    pub restarts: usize,
    pub seconds: f64,
}

impl Row {
    /// Takes over the suite's results.
    pub fn suite(&mut self, report: &Report, verdict: &Verdict) {
        for (test, modes) in &report.results {
            for (mode, run) in modes {
                let place = match run.outcome {
                    Outcome::Pass => 0,
                    Outcome::Skip(_) => 1,
                    _ => 2,
                };
                self.modes.entry(*mode).or_default()[place] += 1;
                let column = [Mode::Peer, Mode::Engine].iter().position(|column| column == mode);
                if let Some(column) = column.filter(|_| modes.contains_key(&Mode::Engine)) {
                    self.beside[column].get_or_insert_default()[[0, 2, 1][place]] += 1;
                }
                if let Some(story) = &run.unsteady {
                    self.unsteady.push(format!("{test}, {}: {story}", mode.name()));
                }
                if let (Mode::Peer, Outcome::Skip(why)) = (mode, &run.outcome) {
                    self.peer_skips.push(format!("{test}: {why}"));
                }
            }
        }
        self.peer_fails.clone_from(&verdict.peer_fails);
        self.regressions = verdict.regressions.iter().map(ToString::to_string).collect();
        self.wrong.clone_from(&verdict.wrong);
    }

    /// Takes over the results of our C programs.
    pub fn c(&mut self, counts: Counts, outcomes: &[ctest::Outcome]) {
        self.c_tests = [counts.passed, counts.failed, counts.skipped];
        for (_, reason) in outcomes.iter().flat_map(|outcome| &outcome.skips) {
            *self.c_skips.entry(reason.clone()).or_default() += 1;
        }
        let failed = outcomes.iter().filter(|outcome| outcome.counts.failed > 0);
        self.c_failures = failed
            .map(|outcome| format!("{} ({}): {}", outcome.name, outcome.variant, outcome.tail.join("; ")))
            .collect();
    }

    /// Prints again which C programs failed, because only the end of a long output may be kept.
    pub fn print_failures(&self) {
        for failure in &self.c_failures {
            println!("failed on {}: {failure}", self.name);
        }
        self.engine.iter().for_each(Place::print_failures);
    }

    /// Takes over the results of our C programs on the engine, beside those on the kernel's rings.
    pub fn engine(&mut self, kernel: Vec<ctest::Outcome>, engine: Vec<ctest::Outcome>) -> Result<()> {
        let place = Place::new(self, kernel, engine)?;
        place.print();
        self.engine = Some(place);
        Ok(())
    }

    /// Keeps the results on the engine for docs/engine.md, if nothing was left out.
    pub fn keep_engine(&mut self, lib: &Path, scope: &Scope) -> Result<()> {
        match &mut self.engine {
            Some(place) if scope.all_programs() && scope.part != Some(super::Part::Suite) => {
                place.keep(self.beside, lib)
            }
            _ => Ok(()),
        }
    }

    pub fn failed(&self) -> usize {
        let on_engine = self.engine.as_ref().map_or(0, Place::failed);
        self.c_tests[1] as usize + self.regressions.len() + self.wrong.len() + on_engine
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
        cells.push(format!("{:.1} s", self.up));
        cells.push(self.restarts.to_string());
        cells.push(format!("{:.0} s", self.seconds));
        cells
    }
}

const HEADER: [&str; 10] = [
    "kernel",
    "C tests: passed / failed / skipped",
    "suite, peer: pass / skip / fail",
    "swap",
    "source",
    "engine",
    "regressions",
    "up in",
    "restarts",
    "time",
];

pub fn print(rows: &[Row]) {
    base::table(&HEADER, &rows.iter().map(Row::cells).collect::<Vec<_>>());
}

/// The checksums of the libraries.
pub fn sums(lib: &Path) -> Result<String> {
    stdout(command!("sha256sum liburing.a liburing.so.2 liburing-ffi.so.2").current_dir(lib))
}

/// The file that keeps a kernel's results.
pub fn file(out: &Path, name: &str) -> PathBuf {
    out.join(name).join("row.json")
}

/// Writes docs/kernels.md.
pub fn write(out: &Path, lib: &Path) -> Result<()> {
    let sums = sums(lib)?;
    let rows = WANTED.iter().map(|wanted| {
        let again = format!("cargo xtask kernels --kernel {}", wanted.name);
        kept::read(&file(out, wanted.name), &sums, &again)
    });
    let rows = rows.collect::<Result<Vec<Row>>>()?;
    let cells: Vec<_> = rows.iter().map(Row::cells).collect();
    let packages: Vec<&str> = rows.iter().map(|row| row.version.as_str()).collect();
    let qemu = stdout(Command::new(X86_64.qemu.0).arg("--version"))?;
    markdown::write(
        "kernels",
        &[
            ("table", &markdown::table(&HEADER, &cells)),
            ("packages", &packages.join(", ")),
            ("qemu", qemu.lines().next().unwrap_or_default()),
        ],
    )
}
