//! What came out, program by program: a table on the screen, and docs/programs.md.

use super::chroot;
use super::facts::Facts;
use super::ours::Debs;
use super::plan::{PROGRAMS, Program};
use super::{SUITES, upgrade};
use crate::util::root;
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

/// One program in one suite.
#[derive(Serialize, Deserialize)]
pub struct Row {
    pub name: String,
    pub suite: String,
    does: String,
    pub peer: Option<Facts>,
    pub ours: Option<Facts>,
    pub failures: Vec<String>,
    pub seconds: f64,
}

pub const HEADER: [&str; 7] = ["program", "suite", "version", "peer", "ironring", "verdict", "time"];

impl Row {
    pub fn new(program: &Program) -> Row {
        Row::named(program.name, program.suite, program.does)
    }

    pub fn named(name: &str, suite: &str, does: &str) -> Row {
        Row {
            name: name.to_owned(),
            suite: suite.to_owned(),
            does: does.to_owned(),
            peer: None,
            ours: None,
            failures: Vec::new(),
            seconds: 0.0,
        }
    }

    pub fn cells(&self) -> Vec<String> {
        let side = |facts: &Option<Facts>| match facts {
            Some(facts) if facts.requests() > 0 => {
                format!("{} results, {} requests", facts.results.len(), facts.requests())
            }
            Some(facts) => format!("{} results", facts.results.len()),
            None => "-".to_owned(),
        };
        let version = self
            .ours
            .as_ref()
            .or(self.peer.as_ref())
            .map_or("-", |facts| &facts.version);
        vec![
            self.name.clone(),
            self.suite.clone(),
            version.to_owned(),
            side(&self.peer),
            side(&self.ours),
            self.verdict().to_owned(),
            format!("{:.0} s", self.seconds),
        ]
    }

    fn verdict(&self) -> &'static str {
        match (&self.failures[..], &self.peer, &self.ours) {
            ([], Some(_), _) => "equal",
            ([], None, Some(_)) => "as it should be",
            ([], None, None) => "not run",
            _ => "FAILED",
        }
    }

    /// Says on the screen how it went.
    pub fn tell(&self) {
        println!("    {} after {:.0} s", self.verdict(), self.seconds);
        for why in &self.failures {
            println!("    {why}");
        }
    }

    fn file(name: &str, suite: &str) -> PathBuf {
        root()
            .join("target/programs")
            .join(suite)
            .join(format!("rows/{name}.json"))
    }

    /// Keeps it for `write`, with the library that it is about.
    pub fn keep(&self, debs: &Debs) -> Result<()> {
        let file = Row::file(&self.name, &self.suite);
        fs::create_dir_all(file.parent().context("no folder")?)?;
        fs::write(file, serde_json::to_string_pretty(&(&debs.library, self))?)?;
        Ok(())
    }
}

/// Writes docs/programs.md.
pub fn write(debs: &Debs) -> Result<()> {
    let upgrades = SUITES.iter().map(|suite| (upgrade::NAME, *suite));
    let names = PROGRAMS
        .iter()
        .map(|program| (program.name, program.suite))
        .chain(upgrades);
    let mut rows = Vec::new();
    for (name, suite) in names {
        let mend = format!("to mend: cargo xtask programs --only {name} --suite {suite}");
        let Ok(text) = fs::read(Row::file(name, suite)) else {
            eprintln!("{name} hasn't run on {suite}; {mend}");
            let does = PROGRAMS
                .iter()
                .find(|program| program.name == name)
                .map_or(upgrade::DOES, |program| program.does);
            rows.push(Row::named(name, suite, does));
            continue;
        };
        let (library, row): (String, Row) = serde_json::from_slice(&text).context(mend.clone())?;
        ensure!(
            library == debs.library,
            "the library has changed since {name} ran on {suite}; {mend}"
        );
        rows.push(row);
    }
    let mut text = String::from(INTRODUCTION);
    let header = [
        "program",
        "suite",
        "version",
        "what it does",
        "peer",
        "ironring",
        "verdict",
    ];
    let _ = writeln!(text, "| {} |\n|{}", header.join(" | "), "---|".repeat(header.len()));
    for row in &rows {
        let mut cells = row.cells();
        cells.pop();
        cells.insert(3, row.does.clone());
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text.push_str(METHOD);
    for suite in SUITES {
        let _ = writeln!(text, "\n## {suite}\n");
        for row in rows.iter().filter(|row| row.suite == suite) {
            let keys: Vec<&str> = row
                .ours
                .iter()
                .flat_map(|facts| facts.results.iter().map(|(key, _)| key.as_str()))
                .collect();
            let _ = writeln!(text, "- {}: {}", row.name, keys.join(", ").replace('_', " "));
            for why in &row.failures {
                let _ = writeln!(text, "  - FAILED: {}", why.replace('\n', " "));
            }
        }
    }
    let path = root().join("docs/programs.md");
    fs::write(&path, text)?;
    println!("written: {} (scripts: {})", path.display(), chroot::scripts().display());
    Ok(())
}

const INTRODUCTION: &str = "\
# Programs of the distribution

Written by `cargo xtask programs --write`; not by hand.

Unmodified programs of Debian on our packages, each on the original first. *Results* are what was compared: checksums,
row counts, lists, what the program itself says. *Requests* are those that the kernel had been given through the
program's rings when somebody looked.

";

const METHOD: &str = "
## How

`make check-programs` makes a minimal Debian system of each suite in `target/programs`, with mmdebstrap and the archive
that this machine's apt uses, and installs the programs, with the original's liburing2 and liburing-dev. Then apt puts
our packages, made by the recipe in `packaging/debian`, in their place, in a layer above. It has to plan nothing else:
what is installed and what is removed is checked before and after, with `dpkg --audit` and `apt-get check`. The same
packages go into both suites.

A script of `test-c/programs` does the work, the same in both systems, in namespaces of its own: it sees no network but
the loopback, and nothing outlives it. It prints facts. Which library a process has mapped is told by the checksum of
the file behind the mapping (`/proc/PID/map_files`), and that io_uring does the work by the kernel's count of requests
in the descriptors of its rings. Programs that are too quick for that run under strace.

*upgrade* goes from the original to ours and back with apt. Three programs read through io_uring all the while, each
started on another library: they keep the one that they have. Owners of the files, `dpkg --verify`, `dpkg --audit`,
`ldconfig -p` and the links have to be right at each stop. At the end every file of the system has to be as it was at
the beginning: name, type, rights, owner and size of all of them, the contents of `/etc` (with the loader's cache), of
dpkg's records and of everything called uring.

What is called *build-* is built from the suite's source package, with few of its options, against the peer's -dev
package and against ours, and then does what Debian's build of it does.

`--self-test` has a library whose `io_uring_submit` returns one too many, and a system in which ours is not installed.

What was compared, by suite:
";
