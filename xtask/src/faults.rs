//! `cargo xtask faults`: the same faults in the system calls of the peer and of ours, and what comes of them.
//!
//! `test-c/faults/` is one program, built once and run on each library. It tries every fault on every scenario and
//! prints all that a program can see afterwards; here the two outputs are compared, value by value.

mod known;

use crate::peer::{self, NEWEST};
use crate::util::{self, root, table};
use crate::wrong;
use anyhow::{Context, Result, bail, ensure};
use known::Known;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

/// All of it takes half a minute.
const LIMIT_SECONDS: &str = "600";

/// How many differences are shown.
const SHOWN: usize = 20;

#[derive(clap::Args)]
pub struct Args {
    /// Only the scenarios whose names contain this
    #[arg(long, value_name = "PATTERN")]
    only: Option<String>,
    /// The folder of our libraries [default: target/lib]
    #[arg(long, value_name = "DIR")]
    lib: Option<PathBuf>,
    /// Without --only: also build libraries that are wrong under faults, and expect them to be found
    #[arg(long)]
    self_test: bool,
}

/// What a library made of every fault: case by case, value by value.
type Cases = BTreeMap<String, BTreeMap<String, String>>;

/// What one library did.
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
    /// The call that the line is of failed.
    failed: bool,
}

pub fn run(args: &Args) -> Result<()> {
    if !cfg!(target_arch = "x86_64") {
        eprintln!("SKIPPED: faults are injected on x86-64 only");
        return Ok(());
    }
    let Some(peer) = peer::get(NEWEST)? else {
        return Ok(());
    };
    util::need("cc", "gcc")?;
    let work = root().join("target/faults");
    fs::create_dir_all(&work)?;
    let lib =
        fs::canonicalize(args.lib.clone().unwrap_or_else(util::lib_dir)).context("no libraries; to mend: make")?;
    let driver = build(&work, &lib)?;
    let only = args.only.as_deref();
    let known = Known::read()?;

    let (theirs, ours) = thread::scope(|scope| {
        let theirs = scope.spawn(|| outcome(&driver, "peer", &peer.lib, only));
        let ours = outcome(&driver, "ours", &lib, only);
        (theirs.join().expect("no thread panicked"), ours)
    });
    let (theirs, ours) = (theirs?, ours?);
    ensure!(!ours.cases.is_empty(), "no scenario is called so");
    let differences = compare(&theirs.cases, &ours.cases);
    let judged = known.judge(&differences, only.is_none());
    show(&ours.cases, &differences, &judged.listed);
    println!(
        "\nfaults: {} cases, {} faults met by the peer and {} by ours; {} values in {} cases differ, {} of them unlisted",
        ours.cases.len(),
        theirs.met,
        ours.met,
        differences.len(),
        cases_of(&differences).len(),
        judged.unlisted.len()
    );
    report(&judged)?;
    if args.self_test && only.is_none() {
        self_test(&work, &lib, &driver, &theirs.cases, &known)?;
    }
    Ok(())
}

fn build(work: &Path, lib: &Path) -> Result<PathBuf> {
    let driver = work.join("driver");
    util::output(
        Command::new("cc")
            .args(["-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-I"])
            .arg(root().join("include"))
            .arg(root().join("test-c/faults/driver.c"))
            .arg("-o")
            .arg(&driver)
            .arg("-L")
            .arg(lib)
            .arg("-l:liburing.so.2"),
    )?;
    Ok(driver)
}

/// Runs the driver on the library in a folder.
fn outcome(driver: &Path, name: &str, lib: &Path, only: Option<&str>) -> Result<Outcome> {
    let mut command = Command::new("timeout");
    command
        .args(["--kill-after=5", LIMIT_SECONDS])
        .arg(driver)
        .args(only)
        .env("LD_LIBRARY_PATH", lib);
    let text = util::stdout(&mut command)?;
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
            let met = met.and_then(|met| met.parse().ok()).context("the last line")?;
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
    bail!("it has no last line")
}

fn compare(theirs: &Cases, ours: &Cases) -> Vec<Difference> {
    let mut differences = Vec::new();
    let all: BTreeSet<_> = theirs.keys().chain(ours.keys()).collect();
    for case in all {
        let met = |it: Option<&BTreeMap<_, _>>| it.map(|_| "met".to_owned());
        let (Some(their), Some(our)) = (theirs.get(case), ours.get(case)) else {
            differences.push(Difference {
                case: case.clone(),
                line: "case".into(),
                peer: met(theirs.get(case)),
                ours: met(ours.get(case)),
                failed: false,
            });
            continue;
        };
        let lines: BTreeSet<_> = their.keys().chain(our.keys()).collect();
        for line in lines.into_iter().filter(|line| their.get(*line) != our.get(*line)) {
            let phase = line.split('.').next().unwrap_or_default();
            let failed = our
                .get(&format!("{phase}.result"))
                .is_some_and(|result| result.starts_with('-'));
            differences.push(Difference {
                case: case.clone(),
                line: line.clone(),
                peer: their.get(line).cloned(),
                ours: our.get(line).cloned(),
                failed,
            });
        }
    }
    differences
}

fn cases_of(differences: &[Difference]) -> BTreeSet<&str> {
    differences.iter().map(|it| it.case.as_str()).collect()
}

/// A row for each kind of system call: how many faults, in how many something differs.
fn show(cases: &Cases, differences: &[Difference], listed: &BTreeSet<&str>) {
    let kind = |case: &str| {
        let fault = case.rsplit(' ').next().unwrap_or_default();
        fault.split('#').next().unwrap_or_default().to_owned()
    };
    let mut rows: BTreeMap<String, [usize; 3]> = BTreeMap::new();
    for case in cases.keys() {
        rows.entry(kind(case)).or_default()[0] += 1;
    }
    for case in cases_of(differences) {
        let row = rows.entry(kind(case)).or_default();
        row[if listed.contains(case) { 1 } else { 2 }] += 1;
    }
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(kind, counts)| [vec![kind], counts.map(|count| count.to_string()).to_vec()].concat())
        .collect();
    table(&["fault in", "cases", "listed differences", "others"], &rows);
}

fn report(judged: &known::Judged) -> Result<()> {
    for it in judged.unlisted.iter().take(SHOWN) {
        let none = "nothing".to_owned();
        println!(
            "{}: {}\n    peer: {}\n    ours: {}",
            it.case,
            it.line,
            it.peer.as_ref().unwrap_or(&none),
            it.ours.as_ref().unwrap_or(&none)
        );
    }
    for entry in &judged.untrue {
        println!("test-c/faults/known.toml: no longer true: {entry}");
    }
    if !judged.unlisted.is_empty() {
        bail!(
            "{} values differ; what the driver printed is in target/faults/peer.log and ours.log",
            judged.unlisted.len()
        );
    }
    if !judged.untrue.is_empty() {
        bail!(
            "{} entries of test-c/faults/known.toml are no longer true: remove them",
            judged.untrue.len()
        );
    }
    Ok(())
}

/// What is wrong (`test-c/faults/wrong.c`): in words, its macro, the function, the scenarios to try.
const PLANTS: [[&str; 4]; 4] = [
    [
        "an interrupted submit says 0",
        "INTERRUPTED_IS_NOTHING",
        "io_uring_submit",
        "submit_deferred",
    ],
    [
        "a failed init keeps a descriptor",
        "DESCRIPTOR_KEPT",
        "io_uring_queue_init",
        "queue_init_no_array",
    ],
    [
        "a failed buffer ring keeps its memory",
        "MEMORY_KEPT",
        "io_uring_setup_buf_ring",
        "setup_buf_ring",
    ],
    [
        "a failed unregistration forgets the descriptor",
        "DESCRIPTOR_FORGOTTEN",
        "io_uring_unregister_ring_fd",
        "unregister_ring_fd",
    ],
];

fn self_test(work: &Path, lib: &Path, driver: &Path, theirs: &Cases, known: &Known) -> Result<()> {
    let source = root().join("test-c/faults/wrong.c");
    for [what, name, function, scenarios] in PLANTS {
        let dir = work.join("wrong");
        let text = format!("#define {name}\n#include \"{}\"\n", source.display());
        wrong::library(lib, &dir, &[function], &text)?;
        let wrong = outcome(driver, "wrong", &dir, Some(scenarios))?;
        let theirs = theirs
            .iter()
            .filter(|(case, _)| case.split(' ').next().is_some_and(|name| name.contains(scenarios)))
            .map(|(case, values)| (case.clone(), values.clone()))
            .collect();
        let differences = compare(&theirs, &wrong.cases);
        let judged = known.judge(&differences, false);
        let Some(first) = judged.unlisted.first() else {
            bail!("self-test: {what}: not noticed");
        };
        println!(
            "self-test: {what}: {} values differ, as {} in {}",
            judged.unlisted.len(),
            first.line,
            first.case
        );
    }
    let untrue =
        Known::parse("[[difference]]\nscenario = 'submit'\nlines = ['act.result']\nreason = 'It does not.'\n")?;
    ensure!(
        !untrue.judge(&[], true).untrue.is_empty(),
        "self-test: an entry that is not true was not noticed"
    );
    println!("self-test: an untrue entry of the ledger: noticed");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_taken_apart() {
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
