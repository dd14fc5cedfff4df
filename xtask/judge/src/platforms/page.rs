//! The results for each platform: a table on the screen, and docs/platforms.md.

use super::Args;
use super::build::{Built, Facts};
use crate::kernels::{self, MODES, Row, sums};
use anyhow::Result;
use base::{command, kept, markdown, need, stdout};
use serde::{Deserialize, Serialize};
use std::fmt::Display;
use std::path::{Path, PathBuf};

/// The results for a platform.
#[derive(Serialize, Deserialize)]
pub struct Entry {
    name: String,
    facts: Option<Facts>,
    row: Option<Row>,
    /// Only the suite's tests of the library itself ran.
    short: bool,
}

impl Entry {
    pub fn new(name: &str, built: Option<&Built>) -> Self {
        Self {
            name: name.to_owned(),
            facts: built.map(|built| built.facts.clone()),
            row: None,
            short: false,
        }
    }

    /// Takes the results of the tests there, and keeps those of a complete run for `write`.
    pub fn take(&mut self, args: &Args, row: Option<Row>, lib: &Path, out: &Path) -> Result<()> {
        // musl has no suite.
        self.short = args.scope.short && row.as_ref().is_some_and(|row| !row.modes.is_empty());
        self.row = row;
        let scope = &args.scope;
        if scope.only.is_some() || scope.mode.is_some() || scope.part.is_some() {
            return Ok(());
        }
        kept::keep(&file(out, &self.name), &sums(lib)?, self)
    }

    pub fn print_failures(&self) {
        self.row.iter().for_each(Row::print_failures);
    }

    pub fn failed(&self) -> usize {
        self.row.as_ref().map_or(0, Row::failed)
    }

    fn cells(&self) -> Vec<String> {
        let text = |it: Option<&dyn Display>| it.map_or("-".to_owned(), ToString::to_string);
        let row = |of: &dyn Fn(&Row) -> String| self.row.as_ref().map_or("-".to_owned(), of);
        let facts = self.facts.as_ref();
        let mut cells = vec![
            self.name.clone(),
            row(&|row| row.release.clone()),
            row(&|row| format!("{} KiB", row.page_size >> 10)),
            text(facts.map(|facts| &facts.gates as _)),
            text(facts.map(|facts| &facts.same.libraries as _)),
            text(facts.map(|facts| &facts.same.headers as _)),
            text(
                facts
                    .map(|facts| &facts.orders as _)
                    .filter(|_| facts.is_some_and(|facts| facts.orders > 0)),
            ),
            row(&|row| row.c_tests.map(|count| count.to_string()).join(" / ")),
        ];
        for mode in MODES {
            let counts = self.row.as_ref().and_then(|row| row.modes.get(&mode));
            cells.push(counts.map_or("-".to_owned(), |counts| {
                counts.map(|count| count.to_string()).join(" / ")
            }));
        }
        cells.push(row(&|row| row.regressions.len().to_string()));
        cells.push(row(&|row| format!("{:.0} s", row.seconds)));
        cells
    }
}

fn file(out: &Path, name: &str) -> PathBuf {
    out.join(format!("{name}.json"))
}

const HEADER: [&str; 14] = [
    "platform",
    "kernel",
    "pages",
    "gates",
    "library facts",
    "header facts",
    "orderings",
    "C tests: passed / failed / skipped",
    "suite, peer: pass / skip / fail",
    "swap",
    "source",
    "engine",
    "regressions",
    "time",
];

pub fn print(entries: &[Entry]) {
    base::table(&HEADER, &entries.iter().map(Entry::cells).collect::<Vec<_>>());
}

/// Writes docs/platforms.md.
pub fn write(out: &Path, names: &[&str], lib_of: impl Fn(&str) -> PathBuf) -> Result<()> {
    let read = |name: &&str| {
        let again = format!("cargo xtask platforms --on {name}");
        kept::read(&file(out, name), &sums(&lib_of(name))?, &again)
    };
    let entries: Vec<Entry> = names.iter().map(read).collect::<Result<_>>()?;
    let cells: Vec<_> = entries.iter().map(Entry::cells).collect();
    let short: Vec<&str> = entries.iter().filter(|it| it.short).map(|it| &*it.name).collect();
    let count = kernels::library().len();
    let short = match &short[..] {
        [] => String::new(),
        names => format!(
            "On {} only the suite's {count} tests of the library itself ran.\n\n",
            names.join(", ")
        ),
    };
    need("qemu-system-aarch64", "qemu-system-arm")?;
    let qemu = stdout(&mut command!("qemu-system-aarch64 --version"))?;
    let emulation = format!("{short}{}, no KVM.", qemu.lines().next().unwrap_or_default());
    let table = markdown::table(&HEADER, &cells);
    markdown::write("platforms", &[("table", &table), ("emulation", &emulation)])
}
