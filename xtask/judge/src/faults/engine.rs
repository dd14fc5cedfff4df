//! `cargo xtask faults --backend engine`: every system call that the engine makes fails in every way that it can, in each
//! family of operations. The error must arrive where the kernel's would, or have no effect.
//!
//! `test-c/faults/engine.c` runs the cases and prints what the program sees; [`judge`] compares that with the run
//! without faults, and `test-c/faults/engine.toml` lists what else may differ.

mod judge;
mod ledger;

use super::{Args, LIMIT};
use anyhow::{Context, Result, bail, ensure};
use base::compile::{self, Compile as _};
use base::{fault, parallel, root, run};
use judge::{Case, Family};
use ledger::{Checked, Ledger};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// How many findings are shown.
const SHOWN: usize = 2000;

/// What the driver's parts have printed.
struct Output {
    families: Vec<Family>,
    /// The calls in the driver's table.
    rows: BTreeSet<String>,
}

pub fn run(args: &Args) -> Result<()> {
    let lib = args.lib.clone().unwrap_or_else(|| root().join("target/engine/lib"));
    ensure!(
        lib.join("liburing.so.2").is_file(),
        "there is no {}; to build it: make",
        lib.join("liburing.so.2").display()
    );
    let driver = build("engine", None)?;
    let only = args.only.as_deref().unwrap_or_default();
    let output = match play(&driver, &lib, only, args.long)? {
        Ok(output) => output,
        Err(refused) => {
            eprintln!(
                "SKIPPED: processes can't be traced here (ptrace: {refused}), so that nothing makes their calls fail"
            );
            return Ok(());
        }
    };
    ensure!(!output.families.is_empty(), "no family of operations matches --only");
    let ledger = Ledger::read()?;
    let complete = args.only.is_none();
    let checked = ledger.check(&output.families, complete);
    let cases = || output.families.iter().flat_map(|family| &family.cases);
    let met = cases().filter(|case| case.hits != 0).count();
    println!(
        "faults in the engine: {} families, {} cases, {met} of them met; {} findings, {} more in the ledger",
        output.families.len(),
        cases().count(),
        checked.unlisted.len(),
        checked.listed
    );
    end(&checked)?;
    if complete {
        covered(&output, &ledger)?;
    }
    if args.self_test {
        self_test(&lib, &ledger)?;
    }
    Ok(())
}

/// Builds the driver, with one of the faults in its handling of errors.
fn build(name: &str, wrong: Option<&str>) -> Result<PathBuf> {
    let driver = root().join("target/faults").join(name);
    fs::create_dir_all(driver.with_file_name(""))?;
    compile::program("test-c/faults/engine.c")?
        .args(wrong.map(|wrong| format!("-DWRONG_{wrong}")))
        .include(root().join("include"))
        .arg(base::lib_dir().join("liburing.so.2"))
        .to(&driver)?;
    Ok(driver)
}

/// Faults (`mishandle` in `test-c/faults/family.h`): description, macro, words of the report.
const FAULTS: [[&str; 3]; 6] = [
    ["an error that is swallowed", "UNNOTICED", "cqe=1/100/0"],
    ["another error", "ERROR", "cqe=1/-6/0"],
    ["a descriptor that is left after an error", "LEAK", "afterwards left="],
    ["a crash after an error", "CRASH", "killed=6"],
    ["a hang after an error", "HANG", "late"],
    ["a message after an error", "WORDS", "printed=an error"],
];

fn self_test(lib: &Path, ledger: &Ledger) -> Result<()> {
    for [what, wrong, words] in FAULTS {
        let driver = build("engine-wrong", Some(wrong))?;
        let output = play(&driver, lib, "close", false)?.map_err(anyhow::Error::msg)?;
        fault::expect(what, words, || end(&ledger.check(&output.families, false)))?;
    }
    let untrue = "[[difference]]\ncall = 'fsync'\noutcome = 'unnoticed'\nreason = 'It is not.'\n";
    let untrue = Ledger::parse(untrue)?;
    fault::expect("an untrue entry of the ledger", "no longer true: fsync", || {
        end(&untrue.check(&[], true))
    })
}

/// Runs the driver, in as many parts as there are processors. The inner error says why it can't trace.
fn play(driver: &Path, lib: &Path, only: &str, long: bool) -> Result<Result<Output, String>> {
    let parts = parallel::cores().max(2);
    let name = |part: &usize| format!("part {}", part + 1);
    let texts = parallel::each("faults", parts, (0..parts).collect(), name, |part| {
        let folder = driver.with_extension(part.to_string());
        base::fresh(&folder)?;
        let mut command = run::limited(driver, LIMIT * 6);
        command
            .current_dir(&folder)
            .env("LD_LIBRARY_PATH", lib)
            .env("IRONRING", "engine")
            .env_remove("IRONRING_LOG")
            .arg(only)
            .arg(format!("{part}/{parts}"))
            .args(long.then_some("long"));
        let text = base::stdout(&mut command)?;
        fs::write(folder.with_extension(format!("{part}.log")), &text)?;
        Ok(text)
    })?;
    let mut all = Output {
        families: Vec::new(),
        rows: BTreeSet::new(),
    };
    for text in texts {
        if let Some(refused) = text.strip_prefix("refused ") {
            return Ok(Err(refused.trim().to_owned()));
        }
        let part = parse(&text).context("the driver's output, in target/faults/engine.*.log")?;
        all.families.extend(part.families);
        all.rows.extend(part.rows);
    }
    all.families.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(Ok(all))
}

fn parse(text: &str) -> Result<Output> {
    let mut output = Output {
        families: Vec::new(),
        rows: BTreeSet::new(),
    };
    for line in text.lines() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let words = || rest.split(' ').filter(|word| !word.is_empty()).map(str::to_owned);
        match word {
            "rows" => output.rows = words().collect(),
            "=" => return Ok(output),
            "calls" => {
                let family = output.families.last_mut().context("calls before a family")?;
                family.calls = words().collect();
            }
            "#" if rest.ends_with(" none") => output.families.push(Family::new(rest.trim_end_matches(" none"))),
            "#" => {
                let family = output.families.last_mut().context("a case before its family")?;
                family.cases.push(Case::parse(rest)?);
            }
            _ => {
                let family = output.families.last_mut().context("a value before a family")?;
                match family.cases.last_mut() {
                    Some(case) => case.line(line)?,
                    None => family.line(line),
                }
            }
        }
    }
    bail!("it has no last line: the driver did not finish")
}

/// Fails if anything is not as the ledger says.
fn end(checked: &Checked) -> Result<()> {
    let shown: Vec<_> = checked.unlisted.iter().take(SHOWN).map(String::as_str).collect();
    ensure!(
        checked.unlisted.is_empty(),
        "{} cases are not as on a kernel; the driver's output is in target/faults/engine.*.log\n{}",
        checked.unlisted.len(),
        shown.join("\n")
    );
    ensure!(
        checked.untrue.is_empty(),
        "remove these entries from test-c/faults/engine.toml, no longer true: {}",
        checked.untrue.join("; ")
    );
    Ok(())
}

/// Every call in the engine's source has a row in the driver's table, and is made in some family or listed with the reason
/// why it can't be.
fn covered(output: &Output, ledger: &Ledger) -> Result<()> {
    let mut named = BTreeSet::new();
    for file in base::files_below(&root().join("crates/engine/src"))? {
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        named.extend(calls_in(&text));
    }
    ensure!(
        named.contains("epoll_ctl"),
        "no system call is found in crates/engine/src"
    );
    // Numbers without a name in the libc crate.
    named.insert("futex_waitv".to_owned());
    let without: Vec<_> = named
        .difference(&output.rows)
        .filter(|name| !ledger.other_processors.contains(*name))
        .map(String::as_str)
        .collect();
    ensure!(
        without.is_empty(),
        "the engine makes calls without a row in test-c/faults/errnos.h: {}",
        without.join(" ")
    );
    let made: BTreeSet<String> = output.families.iter().flat_map(|family| family.calls.clone()).collect();
    let wrong: Vec<_> = output
        .rows
        .iter()
        .filter(|row| made.contains(*row) == ledger.unmade.contains_key(*row))
        .map(String::as_str)
        .collect();
    ensure!(
        wrong.is_empty(),
        "either made by a family or listed as `unmade` in test-c/faults/engine.toml must be: {}",
        wrong.join(" ")
    );
    println!(
        "{} kinds of system calls fail; {} can't be reached",
        made.len(),
        ledger.unmade.len()
    );
    Ok(())
}

/// The names of system calls in a source file, as the libc crate has them.
fn calls_in(text: &str) -> BTreeSet<String> {
    text.split("SYS_")
        .skip(1)
        .map(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != '_');
            rest[..end.unwrap_or(rest.len())].to_owned()
        })
        .filter(|name| !name.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_parsed() {
        let text = "rows read write\n# a none\nmet=0/-/- own=0\ninit=0\nagain\ninit=0\nleft=5/0\ncalls read\n\
                    # a read#1 once EIO 5\nmet=1/main/a own=1\ninit=0\ncqe=1/-5/0\nagain\ninit=0\nleft=5/0\n= 2 cases, 1 met\n";
        let found = parse(text).unwrap();
        assert_eq!(found.rows.len(), 2);
        let [family] = &found.families[..] else {
            panic!("one family")
        };
        assert_eq!((family.name.as_str(), family.cases.len()), ("a", 1));
        assert!(family.calls.contains("read"));
        assert!(parse("# a none\ninit=0\n").is_err(), "an output that breaks off");
    }

    #[test]
    fn calls_are_found_in_source() {
        let text = "sys::call(libc::SYS_read, [1]); use libc::{SYS_getgroups as GETGROUPS, SYS_openat2};";
        assert_eq!(
            Vec::from_iter(calls_in(text)),
            ["getgroups", "openat2", "read"].map(str::to_owned)
        );
    }
}
