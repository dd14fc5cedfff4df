//! The results of each program: a table on the screen, and docs/programs.md.

use super::facts::Facts;
use super::ours::Debs;
use super::{Program, SUITES};
use anyhow::Result;
use base::{kept, markdown, root};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::path::PathBuf;

/// One program in one suite.
#[derive(Serialize, Deserialize)]
pub struct Row {
    name: String,
    suite: String,
    does: String,
    pub peer: Option<Facts>,
    pub ours: Option<Facts>,
    pub failures: Vec<String>,
    pub seconds: f64,
}

pub const HEADER: [&str; 7] = ["program", "suite", "version", "peer", "ironring", "verdict", "time"];

impl Row {
    pub fn new(program: &Program, suite: &str) -> Row {
        Row {
            name: program.name.clone(),
            suite: suite.to_owned(),
            does: program.does.clone(),
            peer: None,
            ours: None,
            failures: Vec::new(),
            seconds: 0.0,
        }
    }

    /// The facts of a run; if it failed, records why.
    pub fn facts(&mut self, side: &str, found: Result<Facts>) -> Option<Facts> {
        found.map_err(|why| self.failures.push(format!("{side}: {why:#}"))).ok()
    }

    pub fn cells(&self) -> Vec<String> {
        let side = |facts: &Option<Facts>| match facts {
            Some(facts) if facts.requests() > 0 => {
                format!("{} results, {} requests", facts.results.len(), facts.requests())
            }
            Some(facts) => format!("{} results", facts.results.len()),
            None => "-".to_owned(),
        };
        let facts = self.ours.as_ref().or(self.peer.as_ref());
        vec![
            self.name.clone(),
            self.suite.clone(),
            facts.map_or("-", |facts| &facts.version).to_owned(),
            side(&self.peer),
            side(&self.ours),
            self.verdict().to_owned(),
            format!("{:.0} s", self.seconds),
        ]
    }

    fn verdict(&self) -> &'static str {
        match (&self.failures[..], &self.peer) {
            ([], Some(_)) => "equal",
            ([], None) => "passed",
            _ => "FAILED",
        }
    }

    /// Prints the result.
    pub fn tell(&self) {
        println!("    {} after {:.0} s", self.verdict(), self.seconds);
        for why in &self.failures {
            println!("    {why}");
        }
    }

    fn file(name: &str, suite: &str) -> PathBuf {
        root().join(format!("target/programs/{suite}/rows/{name}.json"))
    }

    /// Keeps it for `write`, with the checksum of the tested library.
    pub fn keep(&self, debs: &Debs) -> Result<()> {
        kept::keep(&Row::file(&self.name, &self.suite), &debs.library, self)
    }
}

/// Writes docs/programs.md.
pub fn write(programs: &[Program], debs: &Debs) -> Result<()> {
    let mut rows: Vec<Row> = Vec::new();
    let mut results = String::new();
    for suite in SUITES {
        let _ = writeln!(results, "\n## {suite}\n");
        let here = programs
            .iter()
            .filter(|program| program.suites.contains(&suite.to_owned()));
        for Program { name, .. } in here {
            let again = format!("cargo xtask programs --only {name} --suite {suite}");
            let row: Row = kept::read(&Row::file(name, suite), &debs.library, &again)?;
            let facts = row.ours.iter().flat_map(|facts| &facts.results);
            let keys: Vec<&str> = facts.map(|(key, _)| key.as_str()).collect();
            let _ = writeln!(results, "- {name}: {}", keys.join(", ").replace('_', " "));
            for why in &row.failures {
                let _ = writeln!(results, "  - FAILED: {}", why.replace('\n', " "));
            }
            rows.push(row);
        }
    }
    let mut header = HEADER.to_vec();
    header.insert(3, "what it does");
    header.pop();
    let cells = rows.iter().map(|row| {
        let mut cells = row.cells();
        cells.insert(3, row.does.clone());
        cells.pop();
        cells
    });
    let table = markdown::table(&header, &cells.collect::<Vec<_>>());
    markdown::write("programs", &[("table", &table), ("results", results.trim_start())])
}
