//! The tables: on the terminal, as JSON, and as docs/benchmarks.md.

use super::measure::{Measured, quartiles};
use super::{FASTEST, FLOOR, OURS, PEER};
use crate::util::{root, stdout, table};
use anyhow::Result;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

pub struct Report<'a> {
    results: &'a [Measured],
    calls: Vec<(&'static str, usize, u64)>,
    rounds: usize,
    slice: u64,
    machine: String,
}

/// The engines beside ours that stand in columns; the rest of a row is listed behind them.
const COLUMNS: [&str; 3] = [FASTEST, "io-uring crate", FLOOR];
const OTHERS: [&str; 4] = ["libaio", "POSIX AIO", "pread", "epoll"];
const HEADER: [&str; 8] = [
    "work",
    "depth",
    "liburing, ns",
    "ironring",
    "liburing -O3",
    "io-uring crate",
    "bare calls",
    "others",
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
                let ours = measured.ratio(OURS).map_or_else(String::new, |[low, mid, high]| {
                    format!("{mid:.3} ({low:.3} to {high:.3})")
                });
                let mut row = vec![
                    point.title.to_owned(),
                    point.depth.to_string(),
                    format!("{median:.0}"),
                    ours,
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

    /// What each library adds to the bare calls, in nanoseconds an operation: the median of the rounds' differences.
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
            "ratios to liburing (Debian's), median of {} rounds and quartiles; below 1 is faster\n",
            self.rounds
        );
        table(&HEADER, &self.rows());
        let overhead = self.overhead();
        if !overhead.is_empty() {
            println!("\nabove the bare calls, nanoseconds an operation:");
            table(&OVERHEAD, &overhead);
        }
        for line in self.calls_lines() {
            println!("{line}");
        }
        for measured in self.results {
            for (name, reason) in &measured.missing {
                println!("{}, {name}: {reason}", measured.point.title);
            }
        }
    }

    fn calls_lines(&self) -> Vec<String> {
        self.calls
            .iter()
            .map(|(name, calls, operations)| {
                format!("SQPOLL, {name}: {calls} calls of io_uring_enter() for {operations} operations")
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

    pub fn markdown(&self) -> String {
        let mut text = format!(
            "# Benchmarks\n\n\
             Written by `cargo xtask bench --write`; `make bench` measures on your machine.\n\n\
             ## Method\n\n\
             Each engine is a process of its own that waits for tasks (`test-c/bench/`). A round gives the same task, of \
             about {} ms, to each engine in turn, forwards and backwards alternately. A ratio divides two times of the same \
             round; the table has the median of {} rounds, and for ironring the quartiles. Below 1 is faster than \
             liburing as Debian packages it. Every third round begins with new processes, as where their memory happens \
             to lie makes a difference that lasts.\n\n\
             Nops and the making of rings show the library itself. There ironring, both liburings and the bare calls \
             are loaded into one process, each in a namespace of its own, and take short turns on one ring, in an order \
             that changes; a round's time is the median of its turns. Where code lies makes some nanoseconds \
             of difference, luck that stays the same as long as a file isn't made anew: every few turns all code is moved \
             to other lines of its pages, the libraries' too (`test-c/bench/together.c`; on x86-64). The io-uring crate can't \
             be loaded so: it does a whole task beside them in each round, and its ratios there are coarser, and rather \
             too high.\n\n\
             ironring, liburing and liburing -O3 (the original's source, compiled for speed and without libc) are the \
             same program with another `liburing.so.2` under it, so the differences are the libraries'. The io-uring \
             crate is Rust's, compiled for speed. Bare calls is a loop made for one task, with io_uring's system calls \
             and no library.\n\n\
             On a machine that does other work the quartiles grow; a ratio whose quartiles lie on both sides of 1 says \
             that there is no difference to be seen.\n\n\
             ## Machine\n\n{}\n\n## Ratios\n\n",
            self.slice, self.rounds, self.machine
        );
        markdown_table(&mut text, &HEADER, &self.rows());
        text += "\n## What the libraries add\n\nNanoseconds an operation above the bare calls: the median of the rounds' differences, and quartiles. At small depths this \
              is mostly not the library: on processors that come back from the kernel with an empty predictor, the \
              first return after a system call takes long, a loop without functions has none, and `cargo xtask cost` \
              shows how few instructions there are.\n\n";
        markdown_table(&mut text, &OVERHEAD, &self.overhead());
        text += "\n`cargo xtask cost` counts the instructions, which no other work on the machine disturbs.\n\n## SQPOLL\n\n";
        for line in self.calls_lines() {
            let _ = writeln!(text, "- {line}");
        }
        text += "\nThe program runs on processor 0, the kernel's thread on processor 1. A call wakes the thread when it sleeps.\n";
        text
    }
}

const OVERHEAD: [&str; 6] = [
    "work",
    "depth",
    "liburing",
    "ironring",
    "liburing -O3",
    "ironring less liburing",
];

/// With its quartiles.
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

fn markdown_table(text: &mut String, header: &[&str], rows: &[Vec<String>]) {
    let _ = writeln!(text, "| {} |\n|{}", header.join(" | "), "---|".repeat(header.len()));
    for row in rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
}

fn machine() -> Result<String> {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, model)| model);
    let cores = info.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = stdout(Command::new("uname").arg("-r"))?;
    let rustc = stdout(Command::new("rustc").arg("--version").current_dir(root()))?;
    let cc = stdout(Command::new("cc").arg("-dumpfullversion"))?;
    Ok(format!(
        "{model}, {cores} cores, kernel {}, {}, gcc {}",
        kernel.trim(),
        rustc.trim(),
        cc.trim()
    ))
}
