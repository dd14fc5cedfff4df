//! `cargo xtask man`: the manual, from `man/*.md`, and its checks.
//!
//! `page` and `tree` read the Markdown, `facts` the source; `check`, `names` and `example` hold the pages to them.

mod check;
mod document;
mod example;
mod facts;
mod highlight;
mod html;
mod index;
mod names;
mod page;
mod roff;
mod tree;

use crate::util::root;
use anyhow::{Context, Result, bail};
use document::Document;
use example::Outcome;
use facts::Facts;
use page::{Page, Problem};
use std::fs;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Args {
    /// Check only these files; references to pages not yet written only warn
    #[arg(long, value_name = "FILE", num_args = 0..)]
    check: Option<Vec<PathBuf>>,
    /// Only the pages whose names contain this
    #[arg(long, value_name = "PATTERN")]
    only: Option<String>,
    /// Print the public functions and macros that no page covers
    #[arg(long)]
    list_missing: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let facts = Facts::read()?;
    let (pages, mut problems) = read(&sources()?)?;
    if args.list_missing {
        for name in missing(&facts, &pages) {
            println!("{name}");
        }
        return Ok(());
    }
    let files = args.check.as_deref().unwrap_or_default();
    if !files.is_empty() {
        problems.clear();
        let (given, bad) = read(files)?;
        return verdict(&facts, &given, &pages, bad, true);
    }
    if let Some(only) = &args.only {
        let (some, _): (Vec<Page>, _) = {
            let chosen: Vec<PathBuf> = sources()?
                .into_iter()
                .filter(|path| path.to_string_lossy().contains(only.as_str()))
                .collect();
            read(&chosen)?
        };
        return verdict(&facts, &some, &pages, problems, true);
    }
    for name in missing(&facts, &pages) {
        problems.push(Problem {
            path: "man".into(),
            line: 0,
            what: format!("no page covers {name}"),
        });
    }
    verdict(&facts, &pages, &pages, problems, false)
}

/// Stands in every page's footer. mandoc asks for a date; the release's leaves pages alone whose text didn't change.
const DATE: &str = "2026-11-22";

/// The folders that hold nothing but what is generated.
pub const GENERATED: &[&str] = &["man/man2", "man/man3", "man/man7", "docs/manual"];

/// The manual's files: pages, aliases, and the same for the web.
pub fn generate(version: &str) -> Result<Vec<(String, String)>> {
    let (pages, problems) = read(&sources()?)?;
    if !problems.is_empty() {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        bail!("{}", lines.join("\n"));
    }
    let facts = Facts::read()?;
    let (places, double) = check::places(&pages);
    if let Some(problem) = double.first() {
        bail!("{problem}");
    }
    let source = format!("liburing {version}");
    let documents = pages
        .iter()
        .map(|page| Document::new(page, &facts))
        .collect::<Result<Vec<_>>>()?;
    let mut out = Vec::new();
    for document in &documents {
        let page = document.page;
        let section = page.section;
        let man = |name: &str| format!("man/man{section}/{name}.{section}");
        out.push((man(&page.name), roff::page(document, &source, DATE)));
        for name in &page.covers[1..] {
            out.push((man(name), roff::alias(&page.name, section)));
        }
        let web = format!("docs/manual/{}", html::file(&page.name, section));
        out.push((web, html::page(document, &places, &source)));
    }
    if !documents.is_empty() {
        out.push((
            "docs/manual/index.html".into(),
            index::page(&documents, &facts, &source)?,
        ));
        let style =
            fs::read_to_string(root().join("xtask/templates/manual.css")).context("can't read the stylesheet")?;
        out.push(("docs/manual/manual.css".into(), style));
    }
    Ok(out)
}

/// The pages' sources, in order.
fn sources() -> Result<Vec<PathBuf>> {
    let folder = root().join("man");
    let mut out = Vec::new();
    if !folder.is_dir() {
        return Ok(out);
    }
    for entry in fs::read_dir(&folder).context("can't read man/")? {
        let path = entry?.path();
        if path.extension().is_some_and(|ext| ext == "md") {
            out.push(path);
        }
    }
    out.sort();
    Ok(out)
}

fn read(paths: &[PathBuf]) -> Result<(Vec<Page>, Vec<Problem>)> {
    let (mut pages, mut problems) = (Vec::new(), Vec::new());
    for path in paths {
        let text = fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
        let shown = path.strip_prefix(root()).unwrap_or(path).to_string_lossy().into_owned();
        match Page::parse(&shown, &text) {
            Ok(page) => pages.push(page),
            Err(problem) => problems.push(problem),
        }
    }
    Ok((pages, problems))
}

fn missing(facts: &Facts, pages: &[Page]) -> Vec<String> {
    let covered = |name: &String| pages.iter().any(|page| page.covers.contains(name));
    facts.needed().into_iter().filter(|name| !covered(name)).collect()
}

/// Does all checks on `pages`; `all` are those that references may lead to.
fn verdict(facts: &Facts, pages: &[Page], all: &[Page], mut problems: Vec<Problem>, some: bool) -> Result<()> {
    let words = names::words()?;
    let (mut places, double) = check::places(all);
    if !some {
        problems.extend(double);
    }
    for page in pages {
        for name in &page.covers {
            places.insert((name, page.section), page);
        }
    }
    let system = Some(Path::new("/usr/share/man"));
    let mut warnings = Vec::new();
    for page in pages {
        problems.extend(check::alone(page, facts));
        problems.extend(names::unknown(page, &words));
        let (ours, others) = check::references(page, facts, &places, system);
        if some { &mut warnings } else { &mut problems }.extend(ours);
        problems.extend(others);
    }
    let examples = example::run(pages.iter().flat_map(example::of).collect())?;
    let (mut passed, mut skipped) = (0, Vec::new());
    for (example, outcome) in &examples {
        match outcome {
            Outcome::Passed => passed += 1,
            Outcome::Skipped(why) => skipped.push(format!("{}:{}: skipped: {why}", example.path, example.line)),
            Outcome::Failed(what) => problems.push(Problem {
                path: example.path.clone(),
                line: example.line,
                what: format!("the example: {what}"),
            }),
        }
    }
    if !warnings.is_empty() {
        let mut names: Vec<_> = warnings.iter().filter_map(|w| w.what.rsplit(' ').next()).collect();
        names.sort_unstable();
        names.dedup();
        println!("referred to and not written yet: {}", names.join(" "));
    }
    for line in &skipped {
        println!("{line}");
    }
    problems.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    for problem in &problems {
        println!("{problem}");
    }
    println!(
        "manual: {} pages, {} examples compiled and run, {} skipped, {} problems",
        pages.len(),
        passed,
        skipped.len(),
        problems.len()
    );
    if !problems.is_empty() {
        bail!("the manual has {} problems, see above", problems.len());
    }
    Ok(())
}
