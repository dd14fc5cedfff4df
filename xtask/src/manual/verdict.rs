//! All checks on some pages, or on the whole manual.

use super::check::{self, Places};
use super::document::Document;
use super::example::{self, Outcome};
use super::facts::Facts;
use super::page::{Page, Problem};
use super::{footer, lint, names, statements};
use crate::peer;
use crate::util;
use anyhow::{Result, bail};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Where the system keeps its pages.
const SYSTEM: &str = "/usr/share/man";

#[derive(Default)]
struct Found {
    problems: Vec<Problem>,
    /// Pages of ours that are referred to and not there.
    absent: BTreeSet<String>,
    /// What is wrong with the manual as a whole.
    notes: Vec<String>,
    passed: usize,
    skipped: usize,
}

/// Checks pages that may be ahead of those that they refer to; `others` are there already.
pub fn some(facts: &Facts, pages: &[Page], others: &[Page], problems: Vec<Problem>) -> Result<()> {
    let (mut places, _) = check::places(others);
    for page in pages {
        places.extend(page.covers.iter().map(|name| ((name.as_str(), page.section), page)));
    }
    let mut found = Found {
        problems,
        ..Found::default()
    };
    look(facts, pages, &places, &mut found)?;
    found.problems.extend(statements::check(pages, false)?);
    if !found.absent.is_empty() {
        let names = found.absent.iter().map(String::as_str).collect::<Vec<_>>();
        println!("referred to and not written yet: {}", names.join(" "));
    }
    tell(found, pages)
}

/// Checks the whole manual.
pub fn whole(facts: &Facts, pages: &[Page], problems: Vec<Problem>) -> Result<()> {
    let (places, double) = check::places(pages);
    let mut found = Found {
        problems,
        ..Found::default()
    };
    found.problems.extend(double);
    look(facts, pages, &places, &mut found)?;
    found.problems.extend(statements::check(pages, true)?);
    found.notes.extend(statements::run()?);
    for name in missing(facts, pages)? {
        found.notes.push(format!(
            "no page covers {name}: write man/{name}.3.md, or add it to the page of its family"
        ));
    }
    for name in std::mem::take(&mut found.absent) {
        found.notes.push(format!("pages refer to {name}, which isn't there"));
    }
    for section in ['2', '3', '7'] {
        let of = || pages.iter().filter(|page| page.section == section);
        let names: usize = of().map(|page| page.covers.len()).sum();
        println!("section {section}: {} pages, {names} with aliases", of().count());
    }
    tell(found, pages)
}

/// The public names that no page covers, with those that the original has a page for.
pub fn missing(facts: &Facts, pages: &[Page]) -> Result<BTreeSet<String>> {
    let mut needed = facts.needed();
    needed.extend(originals()?);
    let covered = |name: &String| pages.iter().any(|page| page.covers.contains(name));
    needed.retain(|name| !covered(name));
    Ok(needed)
}

/// The names of the original's pages.
fn originals() -> Result<Vec<String>> {
    let mut out = Vec::new();
    let Some(peer) = peer::get(peer::NEWEST)? else {
        return Ok(out);
    };
    for entry in fs::read_dir(peer.src.join("man"))? {
        let file = entry?.file_name().to_string_lossy().into_owned();
        if let Some((name, section)) = file.rsplit_once('.') {
            if ["2", "3", "7"].contains(&section) {
                out.push(name.to_string());
            }
        }
    }
    Ok(out)
}

fn look(facts: &Facts, pages: &[Page], places: &Places, found: &mut Found) -> Result<()> {
    let words = names::words()?;
    let system = system();
    for page in pages {
        found.problems.extend(check::alone(page, facts));
        found.problems.extend(names::unknown(page, &words));
        let (ours, others) = check::references(page, facts, places, system);
        found.absent.extend(
            ours.iter()
                .filter_map(|problem| problem.what.rsplit(' ').next().map(str::to_string)),
        );
        found.problems.extend(others);
    }
    let version = facts.version()?;
    let documents = pages
        .iter()
        .map(|page| Document::new(page, facts))
        .collect::<Result<Vec<_>>>()?;
    found.problems.extend(lint::run(&documents, &footer(&version))?);
    let examples = example::run(pages.iter().flat_map(example::of).collect())?;
    for (example, outcome) in examples {
        match outcome {
            Outcome::Passed => found.passed += 1,
            Outcome::Skipped(why) => {
                found.skipped += 1;
                println!("{}:{}: the example is skipped: {why}", example.path, example.line);
            }
            Outcome::Failed(what) => found.problems.push(Problem {
                path: example.path,
                line: example.line,
                what: format!("the example: {what}"),
            }),
        }
    }
    Ok(())
}

/// Where Linux's own pages are, installed when they aren't; some small systems keep none.
fn system() -> Option<&'static Path> {
    let folder = Path::new(SYSTEM);
    let there = || folder.join("man2/read.2.gz").exists() && folder.join("man7/signal.7.gz").exists();
    if !there() {
        let _ = util::install(&["manpages", "manpages-dev"]);
    }
    if there() {
        return Some(folder);
    }
    eprintln!("references to Linux's pages are not checked: this system keeps none (manpages, manpages-dev)");
    None
}

fn tell(found: Found, pages: &[Page]) -> Result<()> {
    let mut problems = found.problems;
    problems.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    for problem in &problems {
        println!("{problem}");
    }
    for note in &found.notes {
        println!("{note}");
    }
    let count = problems.len() + found.notes.len();
    println!(
        "manual: {} pages, {} examples compiled and run, {} skipped, {count} problems",
        pages.len(),
        found.passed,
        found.skipped
    );
    if count > 0 {
        bail!("the manual has {count} problems, see above");
    }
    Ok(())
}
