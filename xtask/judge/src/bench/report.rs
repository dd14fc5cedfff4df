//! The tables: on the terminal, as JSON, and as docs/benchmarks.md.

use super::measure::{Measured, quartiles};
use super::plan::Target;
use super::{ENGINE, FASTEST, FLAVOUR, FLOOR, OURS, PEER};
use anyhow::Result;
use base::{command, markdown, root, stdout, table};
use serde_json::{Value, json};
use std::fs;

pub struct Report<'a> {
    results: &'a [Measured],
    calls: Vec<(&'static str, usize, u64)>,
    rounds: usize,
    slice: u64,
    machine: String,
}

/// The engines that have a column beside ours; the others share the last column.
const COLUMNS: [&str; 4] = [FLAVOUR, FASTEST, "io-uring crate", FLOOR];
const OTHERS: [&str; 4] = ["libaio", "POSIX AIO", "pread", "epoll"];
const HEADER: [&str; 10] = [
    "work",
    "depth",
    "liburing, ns",
    "ironring",
    "engine",
    "with engine",
    "liburing -O3",
    "io-uring crate",
    "bare calls",
    "others",
];

/// What the engine may cost at most, as a ratio to the kernel's rings: rows of the plan, by their work.
const GOALS: [(&str, &[&str], f64); 5] = [
    ("nops", &["nop"], 0.50),
    ("4 KiB reads from the page cache", &["cached", "cached-fixed"], 1.00),
    ("4 KiB O_DIRECT reads", &["direct", "direct-fixed"], 1.10),
    ("echo over loopback", &["echo"], 1.15),
    ("create and exit a ring", &["create"], 1.00),
];

impl<'a> Report<'a> {
    pub fn new(
        results: &'a [Measured],
        calls: Vec<(&'static str, usize, u64)>,
        rounds: usize,
        slice: u64,
    ) -> Result<Self> {
        Ok(Self {
            results,
            calls,
            rounds,
            slice,
            machine: machine()?,
        })
    }

    fn rows(&self) -> Vec<Vec<String>> {
        self.results
            .iter()
            .map(|measured| {
                let point = &measured.point;
                let median = measured.median(PEER).unwrap_or(f64::NAN);
                let spread = |name| {
                    measured.ratio(name).map_or_else(String::new, |[low, mid, high]| {
                        format!("{mid:.3} ({low:.3} to {high:.3})")
                    })
                };
                let mut row = vec![
                    point.title.to_owned(),
                    point.depth.to_string(),
                    format!("{median:.0}"),
                    spread(OURS),
                    spread(ENGINE),
                ];
                row.extend(COLUMNS.map(|name| ratio(measured, name)));
                let others: Vec<String> = OTHERS
                    .iter()
                    .filter(|name| measured.times.contains_key(*name))
                    .map(|name| format!("{name} {}", ratio(measured, name)))
                    .collect();
                row.push(others.join(", "));
                row
            })
            .collect()
    }

    /// What each library adds to the bare calls, in nanoseconds per operation: the median of the rounds' differences.
    fn overhead(&self) -> Vec<Vec<String>> {
        let together = self.results.iter().filter(|measured| measured.point.together());
        together
            .filter_map(|measured| {
                let floor = measured.times.get(FLOOR)?;
                let mut row = vec![measured.point.title.to_owned(), measured.point.depth.to_string()];
                for name in [PEER, OURS, FASTEST] {
                    row.push(differences(measured.times.get(name)?, floor));
                }
                row.push(differences(measured.times.get(OURS)?, measured.times.get(PEER)?));
                Some(row)
            })
            .collect()
    }

    pub fn print(&self) {
        println!("{}", self.machine);
        println!(
            "time relative to Debian's liburing: median of {} rounds and quartiles; below 1 is faster\n",
            self.rounds
        );
        table(&HEADER, &self.rows());
        let overhead = self.overhead();
        if !overhead.is_empty() {
            println!("\nnanoseconds per operation above the bare calls:");
            table(&OVERHEAD, &overhead);
        }
        println!("\nthe engine's goals:");
        table(&GOAL, &self.goals());
        for line in self.calls_lines() {
            println!("{line}");
        }
        for measured in self.results {
            for (name, reason) in &measured.missing {
                println!("{}, {name}: {reason}", measured.point.title);
            }
        }
    }

    /// The engine's goals: the limit, how many rows keep it, and the rows that don't.
    fn goals(&self) -> Vec<Vec<String>> {
        let goals = GOALS.iter().map(|(what, works, limit)| {
            let rows: Vec<_> = self
                .results
                .iter()
                .filter(|measured| works.contains(&measured.point.work))
                .filter_map(|measured| Some((measured, measured.ratio(ENGINE)?[1])))
                .collect();
            let missed: Vec<_> = rows
                .iter()
                .filter(|(_, ratio)| ratio > limit)
                .map(|(Measured { point, .. }, ratio)| {
                    let on = if point.target == Target::Loop {
                        " on a loop device"
                    } else {
                        ""
                    };
                    format!("{} {}{on}: {ratio:.2}", point.work, point.depth)
                })
                .collect();
            let kept = format!("{} of {}", rows.len() - missed.len(), rows.len());
            vec![(*what).to_owned(), format!("{limit:.2}"), kept, missed.join("; ")]
        });
        goals.filter(|row| row[2] != "0 of 0").collect()
    }

    fn calls_lines(&self) -> Vec<String> {
        self.calls
            .iter()
            .map(|(name, calls, operations)| {
                format!("SQPOLL, {name}: system calls of the program's thread for {operations} operations, with its start and end: {calls}")
            })
            .collect()
    }

    pub fn json(&self) -> Result<String> {
        let points: Vec<Value> = self
            .results
            .iter()
            .map(|measured| {
                json!({
                    "work": measured.point.title,
                    "depth": measured.point.depth,
                    "nanoseconds": measured.times,
                })
            })
            .collect();
        let all = json!({ "machine": self.machine, "rounds": self.rounds, "slice_ms": self.slice, "points": points });
        Ok(serde_json::to_string_pretty(&all)?)
    }

    /// Writes docs/benchmarks.md.
    pub fn write(&self) -> Result<()> {
        let values: [(&str, &str); 7] = [
            ("slice", &self.slice.to_string()),
            ("rounds", &self.rounds.to_string()),
            ("machine", &self.machine),
            ("ratios", &markdown::table(&HEADER, &self.rows())),
            ("goals", &markdown::table(&GOAL, &self.goals())),
            ("overhead", &markdown::table(&OVERHEAD, &self.overhead())),
            ("calls", &format!("- {}", self.calls_lines().join("\n- "))),
        ];
        markdown::write("benchmarks", &values)
    }
}

const GOAL: [&str; 4] = ["work", "at most", "rows that keep it", "others"];

const OVERHEAD: [&str; 6] = [
    "work",
    "depth",
    "liburing",
    "ironring",
    "liburing -O3",
    "ironring less liburing",
];

/// The median of the rounds' differences, with quartiles.
fn differences(times: &[f64], from: &[f64]) -> String {
    let differences: Vec<f64> = times.iter().zip(from).map(|(time, from)| time - from).collect();
    let [low, mid, high] = quartiles(&differences);
    format!("{mid:.1} ({low:.1} to {high:.1})")
}

fn ratio(measured: &Measured, name: &str) -> String {
    measured
        .ratio(name)
        .map_or_else(String::new, |[_, mid, _]| format!("{mid:.2}"))
}

fn machine() -> Result<String> {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, model)| model);
    let cores = info.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = stdout(&mut command!("uname -r"))?;
    let rustc = stdout(command!("rustc --version").current_dir(root()))?;
    let cc = stdout(&mut command!("cc -dumpfullversion"))?;
    Ok(format!(
        "{model}, {cores} cores, kernel {}, {}, gcc {}",
        kernel.trim(),
        rustc.trim(),
        cc.trim()
    ))
}
