//! `cargo xtask manual --doc`: the Rust documentation with the manual in it.
//!
//! It is built from a copy of the source, in which each page follows the documentation of the functions it covers. So
//! the source has only what becomes the header's comments, and the page's text exists once.

use anyhow::{Context, Result, ensure};
use base::root;
use generator::manual::facts::Facts;
use generator::manual::page::Page;
use generator::model::Function;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

pub fn run(facts: &Facts, pages: &[Page]) -> Result<()> {
    let copy = root().join("target/manual/doc");
    if copy.exists() {
        fs::remove_dir_all(&copy)?;
    }
    fs::create_dir_all(&copy)?;
    let parts = [
        "src",
        "demo",
        "build.rs",
        "Cargo.lock",
        "crates/abi",
        "crates/half",
        "crates/linux",
    ];
    let mut cp = Command::new("cp");
    cp.args(["-r", "--parents"]).args(parts).arg(&copy);
    base::output(cp.current_dir(root()))?;
    let manifest = fs::read_to_string(root().join("Cargo.toml"))?;
    // The copy is a workspace of its own, without the other members.
    let members = manifest
        .lines()
        .find(|line| line.starts_with("members = ["))
        .context("Cargo.toml has no line `members = [...]` any more: see rustdoc.rs")?;
    fs::write(copy.join("Cargo.toml"), manifest.replace(members, "members = []"))?;

    let mut count = 0;
    for page in pages {
        for name in &page.covers {
            if let Some(function) = facts.model.function_named(name) {
                insert(&copy.join(&function.file), name, &markdown(facts, page))?;
                count += 1;
            }
        }
    }
    topics(facts, pages, &copy)?;
    // Not --locked: the copy has fewer packages than the lock file.
    let mut doc = Command::new("cargo");
    doc.args(["doc", "--quiet", "--offline", "--no-deps", "--target-dir"])
        .arg(root().join("target"));
    doc.env("RUSTDOCFLAGS", "-D warnings");
    base::output(doc.current_dir(&copy))?;
    public(facts)?;
    println!("doc: {count} functions with their pages; target/doc/ironring/index.html");
    Ok(())
}

/// Checks that the crate's public functions are those of the header, in one namespace.
fn public(facts: &Facts) -> Result<()> {
    let all = fs::read_to_string(root().join("target/doc/ironring/all.html"))?;
    let shown: BTreeSet<&str> = all
        .split("href=\"fn.")
        .skip(1)
        .filter_map(|rest| rest.split(".html").next())
        .collect();
    let functions = facts.model.functions();
    let names: Vec<_> = functions.iter().filter(|f| !f.archive).map(Function::name).collect();
    let header: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let differ: Vec<_> = shown.symmetric_difference(&header).collect();
    ensure!(
        differ.is_empty(),
        "the crate's functions and the header's differ: {differ:?}\n\
         `pub use` in src/lib.rs exports each `pub` item of a module: make internal ones `pub(crate)`"
    );
    Ok(())
}

/// Appends the text to a function's documentation.
fn insert(file: &Path, name: &str, text: &str) -> Result<()> {
    let source = fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?;
    let mut lines: Vec<&str> = source.lines().collect();
    let head = format!("fn {name}(");
    let at = lines
        .iter()
        .position(|line| line.starts_with("pub ") && line.contains(&head))
        .with_context(|| format!("{}: there is no {head}", file.display()))?;
    let documentation = attribute(text);
    lines.insert(at, &documentation);
    fs::write(file, lines.join("\n") + "\n")?;
    Ok(())
}

/// Adds a module with the pages that cover no function of ours.
fn topics(facts: &Facts, pages: &[Page], copy: &Path) -> Result<()> {
    let mut out = String::from("//! The manual's topics.\n");
    for page in pages {
        if page
            .covers
            .iter()
            .all(|name| facts.model.function_named(name).is_none())
        {
            let summary = &page.summary;
            let _ = write!(
                out,
                "/// {summary}\n///\n{}\npub mod {} {{}}\n",
                attribute(&markdown(facts, page)),
                page.name
            );
        }
    }
    fs::write(copy.join("src/manual.rs"), out)?;
    let lib = copy.join("src/lib.rs");
    let text = fs::read_to_string(&lib)?;
    fs::write(lib, text + "\npub mod manual;\n").map_err(Into::into)
}

fn attribute(text: &str) -> String {
    format!("#[doc = {:?}]", format!("\n{text}"))
}

/// The page's text with its references as links.
fn markdown(facts: &Facts, page: &Page) -> String {
    let mut out = String::new();
    let mut code = false;
    for line in page.body.lines() {
        if line.trim_start().starts_with("```") {
            code = !code;
        }
        out += &if code {
            line.to_string()
        } else {
            linked(facts, page, line)
        };
        out.push('\n');
    }
    out
}

fn linked(facts: &Facts, page: &Page, line: &str) -> String {
    let mut out = String::new();
    for (at, part) in line.split('`').enumerate() {
        if at > 0 {
            out.push('`');
        }
        let inside = at % 2 == 1;
        let words = part.split_inclusive(|c: char| c.is_whitespace());
        for word in words {
            let name = word.trim_start_matches('(').split('(').next().unwrap_or_default();
            let number = [2, 3]
                .map(|section| format!("{name}({section})"))
                .into_iter()
                .find(|full| word.contains(full.as_str()));
            match (facts.model.function_named(name), number) {
                (Some(_), Some(full)) if !inside && !page.covers.iter().any(|n| n == name) => {
                    out += &word.replacen(&full, &format!("[{full}](fn@crate::{name})"), 1);
                }
                _ => out += word,
            }
        }
    }
    out
}
