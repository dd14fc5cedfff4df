//! Our C programs on the engine, where the kernel's io_uring is refused: the results on each kernel and platform, for
//! docs/engine.md.

use super::Row;
use crate::ctest::{self, Mode, Outcome, Program};
use anyhow::{Result, ensure};
use base::{kept, markdown, root, stdout};
use refused::{Filter, How};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How io_uring is refused in guests, and for foreign programs here.
pub const REFUSE: How = How::Eperm;

/// How the programs did on the engine in one place.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Place {
    pub name: String,
    pub release: String,
    pub page_size: u64,
    /// The modes of the programs.
    modes: Vec<String>,
    /// The same programs on the kernel's rings, where they ran.
    kernel: Option<[u32; 3]>,
    engine: [u32; 3],
    /// The suite's tests of what the library itself does, on the kernel's rings and on the engine.
    suite: [Option<[u32; 3]>; 2],
    failures: Vec<String>,
    /// Entries of the ledger that came true.
    wrong: Vec<String>,
    /// The reasons of the skips, and how often each was given.
    skips: BTreeMap<String, usize>,
}

/// The command that writes the table, for docs/engine.md.
const WRITE: &str = "cargo xtask kernels --part engine --write";

/// All places, in the order of the table.
const PLACES: [&str; 10] = [
    "5.10",
    "6.1",
    "6.12",
    "newest",
    "arm64",
    "arm64-16k",
    "riscv64",
    "ppc64el-64k",
    "i686",
    "musl",
];

/// What the reasons of the ledger begin with.
const KNOWN: &str = "known: ";

/// The folder of the libraries with the engine, beside that of the plain ones.
pub fn folder(lib: &Path) -> Result<PathBuf> {
    let dir = lib.with_file_name("engine").join("lib");
    ensure!(
        dir.join("liburing.so.2").is_file(),
        "there is no liburing.so.2 in {}; to build it: make",
        dir.display()
    );
    Ok(dir)
}

/// The programs that can run on the engine, which has no archive.
pub fn programs_on_engine(all: &[Program]) -> Vec<Program> {
    let all = all.iter().filter(|program| program.variant != Mode::Static.name());
    all.cloned().collect()
}

/// What tells a program, and the library, that it is on the engine.
pub fn environment(lib: &Path) -> Vec<(&'static str, String)> {
    vec![
        ("T_BACKEND", "engine".to_owned()),
        ("LD_LIBRARY_PATH", lib.display().to_string()),
    ]
}

impl Place {
    /// Compares the engine's results with those of the kernel's rings in the same place, if they ran there.
    pub fn new(row: &Row, mut kernel: Vec<Outcome>, engine: Vec<Outcome>) -> Result<Self> {
        kernel.retain(|outcome| outcome.variant != Mode::Static.name());
        let counts = |all: &[Outcome]| {
            let sum: ctest::Counts = all.iter().map(|outcome| outcome.counts).sum();
            [sum.passed, sum.failed, sum.skipped]
        };
        let modes: BTreeSet<&str> = engine.iter().map(|outcome| outcome.variant).collect();
        let modes = modes.into_iter().map(str::to_owned).collect();
        let of_kernel = (!kernel.is_empty()).then(|| counts(&kernel));
        let (engine, wrong) = ctest::judged(kernel, engine, REFUSE)?;
        let mut skips = BTreeMap::new();
        for (_, reason) in engine.iter().flat_map(|outcome| &outcome.skips) {
            *skips.entry(reason.clone()).or_default() += 1;
        }
        let failures = engine.iter().flat_map(|outcome| {
            let name = format!("{} ({})", outcome.name, outcome.variant);
            let failed = outcome.failures();
            failed
                .map(move |(case, why)| format!("{name} {case}: {why}"))
                .collect::<Vec<_>>()
        });
        Ok(Self {
            name: row.name.clone(),
            release: row.release.clone(),
            page_size: row.page_size,
            modes,
            kernel: of_kernel,
            engine: counts(&engine),
            suite: [None; 2],
            failures: failures.collect(),
            wrong,
            skips,
        })
    }

    pub fn failed(&self) -> usize {
        self.engine[1] as usize + self.wrong.len()
    }

    pub fn print(&self) {
        let count = |counts: [u32; 3]| counts.map(|count| count.to_string()).join(" / ");
        println!(
            "\non the engine, {}: passed / failed / skipped: {}; on the kernel's rings: {}",
            self.name,
            count(self.engine),
            self.kernel.map_or("not run".to_owned(), count)
        );
        for (reason, times) in &self.skips {
            println!("  skipped {times}: {reason}");
        }
    }

    pub fn print_failures(&self) {
        for failure in &self.failures {
            println!("failed on {}, on the engine: {failure}", self.name);
        }
        for line in &self.wrong {
            println!("wrong in the ledger on {}: {line}", self.name);
        }
    }

    fn cells(&self) -> Vec<String> {
        let count = |counts: [u32; 3]| counts.map(|count| count.to_string()).join(" / ");
        let maybe = |counts: Option<[u32; 3]>| counts.map_or("-".to_owned(), count);
        vec![
            self.name.clone(),
            self.release.clone(),
            format!("{} KiB", self.page_size >> 10),
            self.modes.join(", "),
            maybe(self.kernel),
            count(self.engine),
            maybe(self.suite[0]),
            maybe(self.suite[1]),
        ]
    }

    /// Keeps the results for [`write`], with those of the suite.
    pub fn keep(&mut self, suite: [Option<[u32; 3]>; 2], lib: &Path) -> Result<()> {
        self.suite = suite;
        kept::keep(&file(&self.name), &sums(lib)?, self)
    }
}

/// Writes the table into docs/engine.md, from the last complete run in each place. `lib_of` says where a place's libraries
/// are.
pub fn write(lib_of: impl Fn(&str) -> PathBuf) -> Result<()> {
    let mut rows = Vec::new();
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut places = Vec::new();
    for name in PLACES {
        if !file(name).exists() {
            eprintln!("the table has no row for {name}, where the programs have not run");
            continue;
        }
        let place: Place = kept::read(
            &file(name),
            &sums(&lib_of(name))?,
            &format!("the programs on {name} again"),
        )?;
        places.push(place);
    }
    for place in &places {
        rows.push(place.cells());
        for reason in place.skips.keys().filter(|reason| !reason.starts_with(KNOWN)) {
            reasons.entry(reason).or_default().push(&place.name);
        }
    }
    let everywhere = places.len();
    let reasons = reasons.into_iter().map(|(reason, names)| {
        let names = if names.len() == everywhere {
            "all".to_owned()
        } else {
            names.join(", ")
        };
        vec![reason.to_owned(), names]
    });
    let reasons: Vec<_> = reasons.collect();
    let text = format!(
        "{}\n{}",
        markdown::table(&HEADER, &rows),
        markdown::table(
            &["skipped on the engine, besides what the ledger lists", "where"],
            &reasons
        )
    );
    markdown::replace("engine", WRITE, &text)
}

const HEADER: [&str; 8] = [
    "kernel, processor or libc",
    "Linux",
    "pages",
    "modes",
    "C tests on the kernel's rings: passed / failed / skipped",
    "on the engine",
    "the original's tests on the kernel's rings",
    "on the engine",
];

/// Runs the programs on the engine on this machine.
pub fn here_on_engine(programs: &[Program], lib: &Path, logs: &Path, tmp: &Path) -> Result<Vec<Outcome>> {
    let folder = folder(lib)?;
    let filter = Arc::new(Filter::new(REFUSE)?);
    let programs: Vec<Program> = programs_on_engine(programs)
        .into_iter()
        .map(|program| {
            program
                .on(&folder)
                .refused(&filter)
                .under(Vec::new(), environment(&folder))
        })
        .collect();
    for program in &programs {
        fs::create_dir_all(logs.join(program.variant))?;
    }
    Ok(ctest::outcomes(&programs, |program| program.run_in(logs, tmp)))
}

/// What the results apply to.
fn sums(lib: &Path) -> Result<String> {
    stdout(base::command!("sha256sum liburing.so.2 liburing-ffi.so.2").current_dir(folder(lib)?))
}

fn file(name: &str) -> PathBuf {
    root().join("target/places").join(format!("{name}.json"))
}
