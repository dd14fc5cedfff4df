//! What mandoc and groff have to say of the generated pages.

use super::document::Document;
use super::page::Problem;
use super::{DATE, roff};
use crate::util::{self, root};
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use std::process::Command;

/// groff's way to a terminal of 80 columns, as man-db goes it.
const GROFF: &[&str] = &["-t", "-man", "-ww", "-z", "-Kutf8", "-Tutf8", "-rLL=78n"];

pub fn run(documents: &[Document], source: &str) -> Result<Vec<Problem>> {
    util::need("mandoc", "mandoc")?;
    util::need("groff", "groff-base")?;
    let folder = root().join(format!("target/manual/lint.{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let mut problems = Vec::new();
    for document in documents {
        let page = document.page;
        let file = folder.join(format!("{}.{}", page.name, page.section));
        fs::write(&file, roff::page(document, source, DATE))?;
        let mut mandoc = Command::new("mandoc");
        mandoc.args(["-T", "lint"]);
        let mut groff = Command::new("groff");
        groff.args(GROFF);
        for mut program in [mandoc, groff] {
            for line in complaints(&mut program, &file)? {
                problems.push(page.problem(1, format!("of the page that is made of it: {line}")));
            }
        }
    }
    let _ = fs::remove_dir_all(&folder);
    Ok(problems)
}

/// The lines that the program prints, without the folder.
fn complaints(program: &mut Command, file: &Path) -> Result<Vec<String>> {
    let shown = util::show(program);
    let out = program
        .arg(file)
        .output()
        .with_context(|| format!("can't run: {shown}"))?;
    let text = [out.stdout, out.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let folder = format!("{}/", file.parent().unwrap_or(file).display());
    let mut lines: Vec<String> = text.lines().map(|line| line.replace(&folder, "")).collect();
    if lines.is_empty() && !out.status.success() {
        lines.push(format!("{shown}: {}", out.status));
    }
    Ok(lines)
}
