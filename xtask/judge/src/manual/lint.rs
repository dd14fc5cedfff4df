//! Checks the generated pages with mandoc and groff.

use anyhow::{Context, Result};
use base::{command, root, run};
use generator::manual::facts::Facts;
use generator::manual::page::{Page, Problem};
use generator::manual::roff;
use std::fs;

pub fn run(pages: &[&Page], facts: &Facts) -> Result<Vec<Problem>> {
    base::need("mandoc", "mandoc")?;
    base::need("groff", "groff-base")?;
    let folder = root().join(format!("target/manual/lint.{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let mut problems = Vec::new();
    for page in pages {
        let file = folder.join(format!("{}.{}", page.name, page.section));
        fs::write(&file, roff::page(page, facts)?)?;
        // groff as man-db calls it for a terminal of 80 columns.
        for mut program in [
            command!("mandoc -T lint", &file),
            command!("groff -t -man -ww -z -Kutf8 -Tutf8 -rLL=78n", &file),
        ] {
            let shown = base::show(&program);
            let out = program.output().with_context(|| format!("can't run: {shown}"))?;
            let mut said = run::printed(&out);
            if said.is_empty() && !out.status.success() {
                said = format!("{shown}: {}", out.status);
            }
            let lines = said.lines();
            problems.extend(lines.map(|line| page.problem(1, format!("in the generated page: {line}"))));
        }
    }
    let _ = fs::remove_dir_all(&folder);
    Ok(problems)
}
