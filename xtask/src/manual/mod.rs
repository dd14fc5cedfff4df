//! `cargo xtask man`: the manual, from `man/*.md`, and its checks.
//!
//! `page` and `tree` read the Markdown, `facts` the source; `check`, `names` and `example` hold the pages to them.

mod browser;
mod check;
mod columns;
mod document;
mod enums;
mod example;
mod facts;
mod highlight;
mod html;
mod index;
mod lifetime;
mod lint;
mod names;
mod page;
mod roff;
mod rustdoc;
mod statements;
mod tree;
mod verdict;

use crate::util::root;
use anyhow::{Context, Result, bail};
use document::Document;
use facts::Facts;
use page::{Page, Problem};
use std::fs;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct Args {
    /// Check only these files; references to pages not yet written only warn
    #[arg(long, value_name = "FILE", num_args = 1..)]
    check: Vec<PathBuf>,
    /// Only the pages whose names contain this
    #[arg(long, value_name = "PATTERN")]
    only: Option<String>,
    /// Print the public functions and macros that no page covers
    #[arg(long)]
    list_missing: bool,
    /// Only compare the pages' statements with the tests of them
    #[arg(long)]
    statements: bool,
    /// Open every page of docs/manual in a headless Chromium
    #[arg(long)]
    browser: bool,
    /// Make the Rust documentation with the pages in it
    #[arg(long)]
    doc: bool,
}

pub fn run(args: &Args) -> Result<()> {
    if args.browser {
        return browser::run();
    }
    let facts = Facts::read()?;
    let all = sources()?;
    let (pages, problems) = read(&all)?;
    if args.doc {
        return rustdoc::run(&facts, &pages);
    }
    if args.list_missing {
        for name in verdict::missing(&facts, &pages)? {
            println!("{name}");
        }
        return Ok(());
    }
    if args.statements {
        let problems = statements::check(&pages, true)?;
        for problem in problems {
            println!("{problem}");
        }
        return Ok(());
    }
    let chosen = |path: &PathBuf| {
        args.only
            .as_ref()
            .is_none_or(|only| file_name(path).contains(only.as_str()))
    };
    let files = if args.check.is_empty() { all } else { args.check.clone() };
    let files: Vec<PathBuf> = files.into_iter().filter(chosen).collect();
    if files.is_empty() {
        bail!("man/ has no such page");
    }
    if args.check.is_empty() && args.only.is_none() {
        return verdict::whole(&facts, &pages, problems);
    }
    let (some, problems) = read(&files)?;
    verdict::some(&facts, &some, &pages, problems)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Stands in every page's footer. mandoc asks for a date; the release's leaves pages alone whose text didn't change.
const DATE: &str = "2026-11-22";

/// The folders that hold nothing but what is generated.
pub const GENERATED: &[&str] = &["man/man2", "man/man3", "man/man7", "docs/manual"];

/// The manual's files: pages, aliases, and the same for the web.
pub fn generate() -> Result<Vec<(String, String)>> {
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
    let source = footer(&facts.version()?);
    let documents = pages
        .iter()
        .map(|page| Document::new(page, &facts).with_context(|| page.path.clone()))
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

fn footer(version: &str) -> String {
    format!("liburing {version}")
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
