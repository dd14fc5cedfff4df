//! The manual, from `man/*.md`: `page` and `tree` read the Markdown, `facts` and `lists` what the source adds to it,
//! `roff` prints it.

pub mod columns;
pub mod facts;
pub mod lists;
pub mod page;
pub mod roff;
pub mod synopsis;
pub mod tree;

use anyhow::{Context, Result, bail};
use base::root;
use facts::Facts;
use lists::Lists;
use page::{Page, Problem};
use std::fs;

/// The folders whose files are all generated.
pub const GENERATED: &[&str] = &["man/man1", "man/man2", "man/man3", "man/man7"];

/// The manual's files: pages and aliases.
pub fn generate() -> Result<Vec<(String, String)>> {
    let facts = Facts::read()?;
    let (pages, problems) = read(&facts)?;
    if !problems.is_empty() {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        bail!("{}", lines.join("\n"));
    }
    let mut out = Vec::new();
    for page in &pages {
        let section = page.section;
        let man = |name: &str| format!("man/man{section}/{name}.{section}");
        let text = roff::page(page, &facts).with_context(|| page.path.clone())?;
        out.push((man(&page.name), text));
        for name in &page.covers[1..] {
            out.push((man(name), format!(".so man{section}/{}.{section}\n", page.name)));
        }
    }
    Ok(out)
}

/// Reads all pages.
pub fn read(facts: &Facts) -> Result<(Vec<Page>, Vec<Problem>)> {
    let (mut pages, mut problems) = (Vec::new(), Vec::new());
    let files = base::files_in(&root().join("man"))?;
    for file in files
        .iter()
        .filter(|file| file.extension().is_some_and(|ext| ext == "md"))
    {
        let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let path = format!("man/{}", file.file_name().unwrap_or_default().to_string_lossy());
        match Page::begin(&path, &text, facts) {
            Ok(page) => pages.push(page),
            Err(problem) => problems.push(problem),
        }
    }
    let lists = Lists::new(facts, &pages);
    pages.retain_mut(
        |page| match page.finish(lists.history(&page.covers), |line| lists.expand(line)) {
            Ok(()) => true,
            Err(problem) => {
                problems.push(problem);
                false
            }
        },
    );
    problems.extend(page::places(&pages).1);
    problems.extend(lists::unlisted(&pages));
    Ok((pages, problems))
}
