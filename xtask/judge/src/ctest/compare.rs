//! The engine's results beside the kernel's, and what the ledger says about them.

use super::ledger::{self, Known};
use super::output::{self, Case, End};
use super::program::{Counts, Outcome};
use super::{Args, Cases};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::path::Path;

/// How many lines of stacks are shown.
const STACK_LINES: usize = 60;

/// A program's results.
pub struct Row {
    kernel: Option<Outcome>,
    pub engine: Outcome,
}

/// Joins the results, and applies the ledger to the engine's. The second value lists its entries that are wrong.
pub fn join(kernel: Vec<Outcome>, engine: Vec<Outcome>, known: &Known, args: &Args) -> (Vec<Row>, Vec<String>) {
    let mut kernel: BTreeMap<_, _> = kernel
        .into_iter()
        .map(|outcome| ((outcome.name.clone(), outcome.variant), outcome))
        .collect();
    let mut wrong = Vec::new();
    let mut rows = Vec::new();
    for mut outcome in engine {
        let kernel = kernel.remove(&(outcome.name.clone(), outcome.variant));
        wrong.extend(judge(&mut outcome, kernel.as_ref(), known));
        rows.push(Row {
            kernel,
            engine: outcome,
        });
    }
    if args.case.is_none() {
        let outcomes: Vec<&Outcome> = rows.iter().map(|row| &row.engine).collect();
        let missing = known.missing(&outcomes, args.only.is_none());
        wrong.extend(missing);
    }
    wrong.sort();
    wrong.dedup();
    (rows, wrong)
}

/// Applies the ledger to an outcome of the engine: what it lists is skipped. Cases that only the kernel runs have failed.
/// Returns the entries that came true.
fn judge(engine: &mut Outcome, kernel: Option<&Outcome>, known: &Known) -> Vec<String> {
    let of_kernel = kernel.map_or(&[][..], |kernel| &kernel.cases);
    let outside = engine.counts.failed - output::count(&engine.cases).failed;
    let note = engine.tail.last().cloned().unwrap_or_default();
    let mut wrong = Vec::new();
    for case in &mut engine.cases {
        let listed = known.reason(&engine.name, &case.name, engine.variant);
        let runs = of_kernel.iter().any(|it| it.name == case.name && it.end == End::Passed);
        case.end = match (&case.end, listed) {
            (End::Passed, Some(reason)) => {
                wrong.push(format!(
                    "{} {}: came true, it passes ({}); the ledger says: {reason}",
                    engine.name, case.name, engine.variant
                ));
                continue;
            }
            (_, Some(reason)) => End::Skipped(format!("known: {reason}")),
            (End::Skipped(why), None) if runs => End::Failed(format!("skipped, but the kernel runs it: {why}")),
            _ => continue,
        };
    }
    let unseen: Vec<&Case> = of_kernel
        .iter()
        .filter(|case| engine.cases.iter().all(|it| it.name != case.name))
        .collect();
    if outside > 0 && unseen.is_empty() {
        engine.cases.push(Case {
            name: "(outside of its cases)".to_owned(),
            end: End::Failed(note),
        });
    } else {
        for case in unseen {
            let end = match known.reason(&engine.name, &case.name, engine.variant) {
                Some(reason) => End::Skipped(format!("known: {reason}")),
                None => End::Failed(format!("not run: {note}")),
            };
            let name = case.name.clone();
            engine.cases.push(Case { name, end });
        }
    }
    engine.counts = output::count(&engine.cases);
    engine.skips = output::skips(&engine.cases);
    wrong
}

/// Prints everything; ends the process if something failed.
pub fn report(args: &Args, lib: &Path, rows: &[Row], wrong: &[String]) -> Result<()> {
    let variants: Vec<&'static str> = super::modes(args).iter().map(|mode| mode.name()).collect();
    let engine: Vec<&Outcome> = rows.iter().map(|row| &row.engine).collect();
    let kernel: Vec<&Outcome> = rows.iter().filter_map(|row| row.kernel.as_ref()).collect();
    let failed: Vec<&Outcome> = engine.iter().copied().filter(|it| it.counts.failed > 0).collect();
    if let Some(hung) = failed.iter().find(|outcome| outcome.hung) {
        show_stacks(hung);
    }
    table(&variants, rows);
    super::show_skips(&variants, &engine);
    show_failed("failed on the engine", &variants, &engine);
    show_failed("failed on the kernel", &variants, &kernel);
    if let Some(first) = failed.first() {
        show_again(args, lib, first)?;
    }
    if !wrong.is_empty() {
        println!("\nwrong in {}:", ledger::PATH);
        for line in wrong {
            println!("  {line}");
        }
    }
    let sum = |all: &[&Outcome]| all.iter().map(|outcome| outcome.counts).sum::<Counts>();
    let total = sum(&engine);
    println!(
        "\npassed/failed/skipped: kernel {}, engine {}",
        cell(&sum(&kernel)),
        cell(&total)
    );
    if total.failed > 0 || total.passed == 0 || !wrong.is_empty() {
        // Not an error value: its message would come after the last line.
        std::process::exit(1);
    }
    Ok(())
}

fn cell(counts: &Counts) -> String {
    format!("{}/{}/{}", counts.passed, counts.failed, counts.skipped)
}

fn table(variants: &[&'static str], rows: &[Row]) {
    let mut lines: BTreeMap<&str, BTreeMap<&str, &Row>> = BTreeMap::new();
    for row in rows {
        let line = lines.entry(&row.engine.name).or_default();
        line.insert(row.engine.variant, row);
    }
    let cells = |row: Option<&&Row>| {
        let kernel = row.and_then(|row| row.kernel.as_ref());
        [kernel, row.map(|row| &row.engine)].map(|it| it.map_or_else(String::new, |it| cell(&it.counts)))
    };
    let lines: Vec<Vec<String>> = lines
        .iter()
        .map(|(name, line)| {
            let cells = variants.iter().flat_map(|variant| cells(line.get(variant)));
            std::iter::once((*name).to_owned()).chain(cells).collect()
        })
        .collect();
    let names: Vec<String> = variants.iter().map(|variant| format!("{variant}: kernel")).collect();
    let mut header = vec!["passed/failed/skipped"];
    header.extend(names.iter().flat_map(|name| [name.as_str(), "engine"]));
    base::table(&header, &lines);
}

/// What a program that hung printed, without the cases that passed.
fn show_stacks(outcome: &Outcome) {
    let log = outcome.log.display();
    println!("{} ({}) hung; full log: {log}", outcome.name, outcome.variant);
    let text = output::read(&outcome.log);
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("ok ")).collect();
    for line in lines.iter().take(STACK_LINES) {
        println!("    {line}");
    }
    if lines.len() > STACK_LINES {
        println!("    ... and {} lines more", lines.len() - STACK_LINES);
    }
    if text.contains("?? () from") {
        println!(
            "for names of functions in the library: make DEBUG=1 OUT=target/named, and --lib target/named/engine/lib"
        );
    }
    println!();
}

/// Each failed case once, with its variants unless these are all.
fn show_failed(title: &str, variants: &[&'static str], outcomes: &[&Outcome]) {
    let mut failed: Cases = BTreeMap::new();
    for outcome in outcomes {
        for case in &outcome.cases {
            if let End::Failed(reason) = &case.end {
                let key = (outcome.name.as_str(), case.name.as_str(), reason.as_str());
                failed.entry(key).or_default().push(outcome.variant);
            }
        }
    }
    super::show_cases(title, variants, &failed);
}

/// How to run a failed program again, by these tools and by hand.
fn show_again(args: &Args, lib: &Path, outcome: &Outcome) -> Result<()> {
    let how = args.refuse.name();
    let name = &outcome.name;
    let path = |path: &Path| path.strip_prefix(base::root()).unwrap_or(path).display().to_string();
    let lib = path(lib);
    let exe = path(&base::root().join("target/ctest").join(outcome.variant).join(name));
    let folder = outcome.log.parent().context("a log is in a folder")?;
    println!(
        "\nlogs, with the stacks of what hung: {}",
        path(folder.parent().unwrap_or(folder))
    );
    println!("one case: cargo xtask ctest --backend engine --refuse {how} --only {name} --case CASE");
    let policy = args
        .refuse
        .policy()
        .map_or_else(String::new, |policy| format!("IRONRING={policy} "));
    println!(
        "by hand: cargo xtask refused --how {how} -- env T_BACKEND=engine {policy}LD_LIBRARY_PATH={lib} {exe} CASE"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctest::ledger::Ledger;
    use refused::How;
    use std::path::PathBuf;

    fn outcome(cases: &[(&str, End)], outside: u32) -> Outcome {
        let cases: Vec<Case> = cases
            .iter()
            .map(|(name, end)| Case {
                name: (*name).to_owned(),
                end: end.clone(),
            })
            .collect();
        let mut counts = output::count(&cases);
        counts.failed += outside;
        Outcome {
            variant: "inline",
            name: "poll".to_owned(),
            log: PathBuf::new(),
            counts,
            skips: output::skips(&cases),
            cases,
            hung: false,
            tail: vec!["the end".to_owned()],
        }
    }

    fn failed() -> End {
        End::Failed("bad".to_owned())
    }

    fn skipped() -> End {
        End::Skipped("why".to_owned())
    }

    fn judged(engine: &mut Outcome, kernel: Option<&Outcome>, ledger: &str) -> Vec<String> {
        let ledger = Ledger::parse(ledger).unwrap();
        judge(engine, kernel, &Known::new(&ledger, How::Eperm))
    }

    const A: &str = "[[known]]\ntest = \"poll a\"\nreason = \"r\"\n";

    #[test]
    fn listed_failures_are_skips_and_listed_passes_came_true() {
        let mut engine = outcome(&[("a", failed()), ("b", failed())], 0);
        assert!(judged(&mut engine, None, A).is_empty());
        assert_eq!(cell(&engine.counts), "0/1/1");
        assert_eq!(engine.skips, [("a".to_owned(), "known: r".to_owned())]);
        let mut engine = outcome(&[("a", End::Passed)], 0);
        let wrong = judged(&mut engine, None, A);
        assert!(wrong.len() == 1 && wrong[0].contains("came true"), "{wrong:?}");
    }

    #[test]
    fn a_skip_is_a_failure_where_the_kernel_passes() {
        let kernel = outcome(&[("a", End::Passed), ("b", skipped())], 0);
        let mut engine = outcome(&[("a", skipped()), ("b", skipped())], 0);
        judged(&mut engine, Some(&kernel), "");
        assert_eq!(cell(&engine.counts), "0/1/1");
        let mut engine = outcome(&[("a", skipped()), ("b", skipped())], 0);
        judged(&mut engine, Some(&kernel), A);
        assert_eq!(cell(&engine.counts), "0/0/2");
    }

    #[test]
    fn cases_that_a_program_does_not_reach_have_failed() {
        let kernel = outcome(&[("a", End::Passed), ("b", End::Passed), ("c", End::Passed)], 0);
        let mut engine = outcome(&[("a", End::Passed)], 1);
        judged(&mut engine, Some(&kernel), "");
        assert_eq!(cell(&engine.counts), "1/2/0");
        assert_eq!(engine.cases[2].end, End::Failed("not run: the end".to_owned()));
        let mut engine = outcome(&[("a", End::Passed)], 1);
        judged(&mut engine, None, "");
        assert_eq!(cell(&engine.counts), "1/1/0");
    }
}
