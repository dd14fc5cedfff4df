//! What came out on each platform: a table on the screen, and docs/platforms.md.

use super::Args;
use super::build::{Built, Facts};
use crate::kernels::{self, MODES, Part, Row, sums};
use crate::suite;
use crate::util::{lib_dir, need, root, stdout};
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is known of a platform.
#[derive(Default, Serialize, Deserialize)]
pub struct Entry {
    pub name: String,
    /// Of the libraries that it is about.
    sums: String,
    facts: Option<Facts>,
    row: Option<Row>,
    /// A suite ran, and of it only the tests of what the library itself does.
    short: bool,
}

impl Entry {
    pub fn new(args: &Args, name: &str, built: Option<&Built>, row: Option<Row>) -> Result<Self> {
        let lib = built.map_or_else(lib_dir, |built| built.lib.clone());
        Ok(Self {
            name: name.to_owned(),
            sums: sums(&lib)?,
            facts: built.map(|built| built.facts.clone()),
            // musl has no suite.
            short: args.scope.short && row.as_ref().is_some_and(|row| !row.modes.is_empty()),
            row,
        })
    }

    pub fn tell_failures(&self) {
        self.row.iter().for_each(Row::tell_failures);
    }

    pub fn failed(&self) -> usize {
        self.row.as_ref().map_or(0, Row::failed)
    }

    fn file(out: &Path, name: &str) -> PathBuf {
        out.join(format!("{name}.json"))
    }

    fn read(out: &Path, name: &str) -> Option<Self> {
        serde_json::from_slice(&fs::read(Self::file(out, name)).ok()?).ok()
    }

    /// Keeps what it shows for `write`, with what was known of the same libraries before and wasn't looked at now.
    pub fn keep(&self, args: &Args, out: &Path) -> Result<()> {
        let old = Self::read(out, &self.name).filter(|old| old.sums == self.sums);
        let mut kept = Self {
            name: self.name.clone(),
            sums: self.sums.clone(),
            facts: self.facts.clone(),
            ..old.unwrap_or_default()
        };
        // What ran only in part doesn't count.
        let whole = args.scope.only.is_none() && args.scope.mode.is_none();
        if let Some(row) = self.row.clone().filter(|_| whole) {
            kept.row = Some(match (kept.row, args.scope.part) {
                (Some(old), Some(Part::C)) => Row {
                    c_tests: row.c_tests,
                    c_failures: row.c_failures,
                    c_skips: row.c_skips,
                    ..old
                },
                (Some(old), Some(Part::Suite)) => Row {
                    c_tests: old.c_tests,
                    c_failures: old.c_failures,
                    c_skips: old.c_skips,
                    ..row
                },
                _ => row,
            });
            if args.scope.part != Some(Part::C) {
                kept.short = self.short;
            }
        }
        fs::write(Self::file(out, &self.name), serde_json::to_string_pretty(&kept)?)?;
        Ok(())
    }

    fn cells(&self) -> Vec<String> {
        let none = || "-".to_owned();
        let row = self.row.as_ref();
        let facts = self.facts.as_ref();
        let text = |it: Option<String>| it.unwrap_or_else(none);
        let mut cells = vec![
            self.name.clone(),
            text(row.map(|row| row.release.clone())),
            text(row.map(|row| format!("{} KiB", row.page_size >> 10))),
            text(facts.map(|facts| facts.gates.to_string())),
            text(facts.map(|facts| facts.same.libraries.to_string())),
            text(facts.map(|facts| facts.same.headers.to_string())),
            text(
                facts
                    .filter(|facts| facts.orders > 0)
                    .map(|facts| facts.orders.to_string()),
            ),
            text(row.map(|row| row.c_tests.map(|count| count.to_string()).join(" / "))),
        ];
        for mode in MODES {
            let counts = row.and_then(|row| row.modes.get(&mode));
            cells.push(text(
                counts.map(|counts| counts.map(|count| count.to_string()).join(" / ")),
            ));
        }
        cells.push(text(row.map(|row| row.regressions.len().to_string())));
        cells.push(text(row.map(|row| format!("{:.0} s", row.seconds))));
        cells
    }
}

const HEADER: [&str; 13] = [
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
    "regressions",
    "time",
];

pub fn grid(entries: &[Entry]) -> String {
    suite::grid(&HEADER, &entries.iter().map(Entry::cells).collect::<Vec<_>>())
}

/// Writes docs/platforms.md.
pub fn write(out: &Path, names: &[&str], lib_of: impl Fn(&str) -> PathBuf) -> Result<()> {
    let mut entries = Vec::new();
    for name in names {
        let mend = format!("to mend: cargo xtask platforms --on {name}");
        let entry = Entry::read(out, name).with_context(|| format!("there was no run on {name}; {mend}"))?;
        ensure!(
            entry.sums == sums(&lib_of(name))?,
            "the libraries have changed since the run on {name}; {mend}"
        );
        entries.push(entry);
    }
    let path = root().join("docs/platforms.md");
    fs::write(&path, page(&entries)?)?;
    println!("written: {}", path.display());
    Ok(())
}

fn page(entries: &[Entry]) -> Result<String> {
    let head = root().join("xtask/templates/platforms.md");
    let mut text = fs::read_to_string(&head).with_context(|| head.display().to_string())?;
    let _ = writeln!(text, "| {} |\n|{}", HEADER.join(" | "), "---|".repeat(HEADER.len()));
    for entry in entries {
        let _ = writeln!(text, "| {} |", entry.cells().join(" | "));
    }
    let short: Vec<&str> = entries
        .iter()
        .filter(|entry| entry.short)
        .map(|entry| &*entry.name)
        .collect();
    if !short.is_empty() {
        let _ = writeln!(
            text,
            "\nThe short form of the suite ran on {}: its {} tests of what the library itself does.",
            short.join(", "),
            kernels::LIBRARY.len()
        );
    }
    need("qemu-system-aarch64", "qemu-system-arm")?;
    let qemu = stdout(Command::new("qemu-system-aarch64").arg("--version"))?;
    let _ = writeln!(text, "\n{}, no KVM.", qemu.lines().next().unwrap_or_default());
    for entry in entries {
        let Some(row) = &entry.row else { continue };
        let _ = writeln!(text, "\n## {}", entry.name);
        if !row.version.is_empty() {
            let _ = writeln!(text, "\nDebian's kernel package: {}.", row.version);
        }
        text += &row.lists();
    }
    Ok(text)
}
