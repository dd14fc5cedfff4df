//! `cargo xtask manual`: compares the manual's pages with the source, and runs their examples and the tests of their
//! statements.

mod check;
mod example;
mod lifetime;
mod lint;
mod names;
mod rustdoc;
mod statements;

use crate::peer;
use anyhow::{Result, ensure};
use base::{output, root};
use generator::manual::facts::Facts;
use generator::manual::page::{Page, Problem, places};
use generator::manual::read;
use std::collections::BTreeSet;
use std::process::Command;

#[derive(clap::Args)]
pub struct Args {
    /// Only the pages whose paths contain one of these
    #[arg(long, alias = "check", value_name = "PATTERN", num_args = 1..)]
    only: Vec<String>,
    /// Print the public functions and macros that no page covers
    #[arg(long)]
    list_missing: bool,
    /// Only compare the pages' statements with their tests
    #[arg(long)]
    statements: bool,
    /// Build the Rust documentation, with the pages in it
    #[arg(long)]
    doc: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let facts = Facts::read()?;
    let (pages, mut problems) = read(&facts)?;
    if args.doc {
        return rustdoc::run(&facts, &pages);
    }
    if args.list_missing {
        for name in missing(&facts, &pages)? {
            println!("{name}");
        }
        return Ok(());
    }
    let whole = args.only.is_empty();
    let chosen = |path: &str| whole || args.only.iter().any(|only| path.contains(only) || only.ends_with(path));
    let some: Vec<&Page> = pages.iter().filter(|page| chosen(&page.path)).collect();
    problems.retain(|problem| chosen(&problem.path));
    ensure!(
        !some.is_empty() || !problems.is_empty(),
        "no page in man/ is called *{}*",
        args.only.join("* or *")
    );
    problems.extend(statements::check(&some, whole)?);
    let mut examples = String::new();
    if !args.statements {
        let words = names::words()?;
        let places = places(&pages).0;
        let system = check::system();
        for page in &some {
            problems.extend(check::page(page, &facts));
            problems.extend(lifetime::check(page, &facts));
            problems.extend(names::unknown(page, &words));
            problems.extend(check::references(page, &facts, &places, system));
        }
        problems.extend(lint::run(&some, &facts)?);
        let (passed, failed) = example::run(&some)?;
        problems.extend(failed);
        examples = format!(", {passed} examples compiled and run");
    }
    if whole && !args.statements {
        problems.extend(statements::run()?);
        problems.extend(missing(&facts, &pages)?.into_iter().map(|name| Problem {
            path: format!("man/{name}.3.md"),
            line: 1,
            what: "no page covers it: write this page, or cover it on the page of its family".into(),
        }));
        // Fails on a broken link.
        output(Command::new(root().join("man/html")).arg(root().join("target/manual/html")))?;
    }
    problems.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    for problem in &problems {
        println!("{problem}");
    }
    let (count, wrong) = (some.len(), problems.len());
    println!("manual: {count} pages{examples}, {wrong} problems");
    ensure!(wrong == 0, "the manual has {wrong} problems, see above");
    Ok(())
}

/// The names that no page covers, of the public ones and of those that the original has a page for.
fn missing(facts: &Facts, pages: &[Page]) -> Result<BTreeSet<String>> {
    let mut needed = facts.needed();
    if let Some(peer) = peer::get(peer::NEWEST)? {
        let files = base::files_in(&peer.src.join("man"))?;
        let manual = |file: &std::path::PathBuf| {
            let section = file.extension()?.to_str()?;
            let name = file.file_stem()?.to_str()?;
            ["2", "3", "7"].contains(&section).then(|| name.to_owned())
        };
        needed.extend(files.iter().filter_map(manual));
    }
    needed.retain(|name| !pages.iter().any(|page| page.covers.contains(name)));
    Ok(needed)
}
