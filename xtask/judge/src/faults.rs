//! `cargo xtask faults`: inject the same faults into system calls of the peer and of ours, and compare the results.
//!
//! `test-c/faults/` is one program, built once and run on each library. It tries every fault on every scenario and
//! prints all that a program can observe afterwards; the two outputs are compared value by value.

mod engine;
mod known;

use crate::ctest::Backend;
use crate::peer::{self, NEWEST};
use anyhow::{Context, Result, bail, ensure};
use base::compile::{self, Compile as _};
use base::{fault, lib_dir, parallel, root, run};
use known::Known;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A complete run takes half a minute.
const LIMIT: Duration = Duration::from_secs(600);

/// How many differences are shown.
const SHOWN: usize = 20;

#[derive(clap::Args)]
pub struct Args {
    /// Only the scenarios whose names contain this
    #[arg(long, value_name = "PATTERN")]
    only: Option<String>,
    /// Also build libraries that handle faults wrongly; each must be detected
    #[arg(long, conflicts_with = "only")]
    self_test: bool,
    /// What does the programs' I/O: with `engine` its own system calls fail, and no peer is compared
    #[arg(long, default_value = "kernel")]
    backend: Backend,
    /// With the engine: have each call fail each time that it is made, not only at first and at last
    #[arg(long)]
    long: bool,
    /// With the engine: directory of its libraries [default: target/engine/lib]
    #[arg(long, value_name = "DIR")]
    lib: Option<PathBuf>,
}

/// The values that a library left after every fault, by case and name.
type Cases = BTreeMap<String, BTreeMap<String, String>>;

/// The results of one library.
struct Outcome {
    cases: Cases,
    met: u64,
}

/// A value that differs: the case, the value's name, the peer's and ours.
pub struct Difference {
    case: String,
    line: String,
    peer: Option<String>,
    pub ours: Option<String>,
    /// Whether the call that the line belongs to failed.
    failed: bool,
}

pub fn run(args: &Args) -> Result<()> {
    if !cfg!(target_arch = "x86_64") {
        eprintln!("SKIPPED: faults are injected on x86-64 only");
        return Ok(());
    }
    if args.backend == Backend::Engine {
        return engine::run(args);
    }
    ensure!(
        !args.long && args.lib.is_none(),
        "--long and --lib are for --backend engine"
    );
    let Some(peer) = peer::get(NEWEST)? else {
        return Ok(());
    };
    let driver = root().join("target/faults/driver");
    fs::create_dir_all(driver.with_file_name(""))?;
    compile::program("test-c/faults/driver.c")?
        .include(root().join("include"))
        .arg(lib_dir().join("liburing.so.2"))
        .to(&driver)?;
    let only = args.only.as_deref();
    let known = Known::read()?;

    let libraries = vec![("peer", peer.lib.clone()), ("ours", lib_dir())];
    let name = |library: &(&str, PathBuf)| library.0.to_owned();
    let mut outcomes = parallel::each("faults", 2, libraries, name, |(name, lib)| {
        outcome(&driver, name, &lib, only)
    })?;
    let (ours, theirs) = outcomes.pop().zip(outcomes.pop()).context("two outcomes")?;
    ensure!(!ours.cases.is_empty(), "no scenario matches --only");
    let differences = compare(&theirs.cases, &ours.cases);
    let checked = known.check(&differences, only.is_none());
    println!(
        "faults: {} cases, {} faults met by the peer and {} by ours; {} values in {} cases differ, {} of them unlisted",
        ours.cases.len(),
        theirs.met,
        ours.met,
        differences.len(),
        differences.iter().map(|it| &it.case).collect::<BTreeSet<_>>().len(),
        checked.unlisted.len()
    );
    checked.end()?;
    if args.self_test {
        self_test(&driver, &theirs.cases, &known)?;
    }
    Ok(())
}

/// Runs the driver on the library in a folder.
fn outcome(driver: &Path, name: &str, lib: &Path, only: Option<&str>) -> Result<Outcome> {
    let mut command = run::limited(driver, LIMIT);
    let text = base::stdout(command.args(only).env("LD_LIBRARY_PATH", lib))?;
    let log = driver.with_file_name(format!("{name}.log"));
    fs::write(&log, &text)?;
    parse(&text).with_context(|| format!("the driver's output in {}", log.display()))
}

fn parse(text: &str) -> Result<Outcome> {
    let mut cases = Cases::new();
    let mut now = None;
    for line in text.lines() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        if word == "=" {
            let met = rest.split(", ").nth(1).and_then(|part| part.split(' ').next());
            let met = met
                .and_then(|met| met.parse().ok())
                .context("the last line has no number of faults")?;
            return Ok(Outcome { cases, met });
        }
        if word == "#" {
            ensure!(
                cases.insert(rest.to_owned(), BTreeMap::new()).is_none(),
                "{rest}: twice"
            );
            now = cases.get_mut(rest);
            continue;
        }
        let values = now.as_mut().context("a value before the first case")?;
        // One value, or several with names.
        if let Some((_, "calls" | "left" | "cqes")) = word.split_once('.') {
            values.insert(word.to_owned(), rest.to_owned());
            continue;
        }
        for value in rest.split(' ') {
            let (name, value) = value.split_once('=').with_context(|| format!("no value: {line}"))?;
            values.insert(format!("{word}.{name}"), value.to_owned());
        }
    }
    bail!("it has no last line: the driver did not finish")
}

fn compare(theirs: &Cases, ours: &Cases) -> Vec<Difference> {
    let mut differences = Vec::new();
    let all: BTreeSet<_> = theirs.keys().chain(ours.keys()).collect();
    for case in all {
        let mut differs = |line: &str, peer: Option<&String>, ours: Option<&String>, failed| {
            differences.push(Difference {
                case: case.clone(),
                line: line.to_owned(),
                peer: peer.cloned(),
                ours: ours.cloned(),
                failed,
            });
        };
        let (Some(their), Some(our)) = (theirs.get(case), ours.get(case)) else {
            let met = "met".to_owned();
            let of = |cases: &Cases| cases.get(case).map(|_| &met);
            differs("case", of(theirs), of(ours), false);
            continue;
        };
        let lines: BTreeSet<_> = their.keys().chain(our.keys()).collect();
        for line in lines.into_iter().filter(|line| their.get(*line) != our.get(*line)) {
            let phase = line.split('.').next().unwrap_or_default();
            let result = our.get(&format!("{phase}.result"));
            let failed = result.is_some_and(|result| result.starts_with('-'));
            differs(line, their.get(line), our.get(line), failed);
        }
    }
    differences
}

/// Faults (`test-c/faults/wrong.c`): description, macro, function, the scenarios to run, the value that must differ.
const FAULTS: [[&str; 5]; 4] = [
    [
        "an interrupted submit returns 0",
        "INTERRUPTED_IS_NOTHING",
        "io_uring_submit",
        "submit_deferred",
        "act.result",
    ],
    [
        "a failed init keeps a descriptor",
        "DESCRIPTOR_KEPT",
        "io_uring_queue_init",
        "queue_init_no_array",
        "act.calls",
    ],
    [
        "a failed buffer ring keeps its memory",
        "MEMORY_KEPT",
        "io_uring_setup_buf_ring",
        "setup_buf_ring",
        "act.calls",
    ],
    [
        "a failed unregistration forgets the descriptor",
        "DESCRIPTOR_FORGOTTEN",
        "io_uring_unregister_ring_fd",
        "unregister_ring_fd",
        "act.ring.enter_ring_fd",
    ],
];

fn self_test(driver: &Path, theirs: &Cases, known: &Known) -> Result<()> {
    let dir = driver.with_file_name("wrong");
    for [what, name, function, scenarios, value] in FAULTS {
        fault::defined(&lib_dir(), &dir, function, name, "test-c/faults/wrong.c")?;
        let wrong = outcome(driver, "wrong", &dir, Some(scenarios))?;
        let mut theirs = theirs.clone();
        theirs.retain(|case, _| case.split(' ').next().is_some_and(|name| name.contains(scenarios)));
        let differences = compare(&theirs, &wrong.cases);
        fault::expect(what, value, || known.check(&differences, false).end())?;
    }
    let untrue =
        Known::parse("[[difference]]\nscenario = 'submit'\nlines = ['act.result']\nreason = 'It does not.'\n")?;
    let what = "an untrue entry of the ledger";
    fault::expect(what, "no longer true: submit", || untrue.check(&[], true).end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_parsed() {
        let text =
            "# a now none\nact result=-1 errno=kept\nact.calls setup(1)=-1 x\nend.left\n= 1 cases, 5 faults met\n";
        let found = parse(text).unwrap();
        assert_eq!(found.met, 5);
        let case = &found.cases["a now none"];
        assert_eq!(case["act.result"], "-1");
        assert_eq!(case["act.calls"], "setup(1)=-1 x");
        assert_eq!(case["end.left"], "");
        assert!(parse("# a now none\n").is_err(), "an output that breaks off");
    }

    #[test]
    fn differences_are_values_and_cases() {
        let of = |text: &str| parse(&format!("{text}= 1 cases, 0 faults met\n")).unwrap().cases;
        let differences = compare(
            &of("# a now none\nact result=-1 errno=5\n# b now none\n"),
            &of("# a now none\nact result=-1 errno=kept\n"),
        );
        let seen: Vec<_> = differences.iter().map(|it| (it.line.as_str(), it.failed)).collect();
        assert_eq!(seen, [("act.errno", true), ("case", false)]);
    }
}
