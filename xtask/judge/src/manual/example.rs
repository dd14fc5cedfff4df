//! The programs in the pages: compiled against our headers without a warning, and run.

use anyhow::{Result, ensure};
use base::compile::{self, Compile as _};
use base::parallel::{cores, each};
use base::{root, run};
use generator::manual::page::{Page, Problem};
use generator::manual::tree::Kind;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// An example's time limit.
const LIMIT: Duration = Duration::from_secs(10);

/// The exit status of an example whose feature this kernel lacks.
const SKIP: i32 = 77;

/// How many lines of the compiler's or program's output are shown.
const SHOWN: usize = 15;

struct Example<'a> {
    page: &'a Page,
    line: usize,
    name: String,
    text: &'a str,
}

/// Compiles and runs the programs in the pages, several at once; returns how many passed, and the problems.
pub fn run(pages: &[&Page]) -> Result<(usize, Vec<Problem>)> {
    let library = base::lib_dir().join("liburing.so");
    let built = library.is_file();
    ensure!(built, "there is no {}; to build it: make", library.display());
    // One for each run: others may be in progress.
    let folder = root().join(format!("target/manual/examples.{}", std::process::id()));
    let examples = pages.iter().flat_map(|page| {
        let programs = page.nodes().into_iter().filter_map(|node| match &node.kind {
            Kind::Code { language, text } if language == "c" => Some((node.line, text)),
            _ => None,
        });
        programs.map(|(line, text)| Example {
            page,
            line,
            name: format!("{}.{}-{line}", page.name, page.section),
            text,
        })
    });
    let name = |example: &Example| example.name.clone();
    let done = each("examples", cores(), examples.collect(), name, |example| {
        let failure = one(&example, &folder, &library)?;
        Ok(failure.map(|what| example.page.problem(example.line, format!("the example: {what}"))))
    })?;
    let _ = fs::remove_dir_all(&folder);
    let all = done.len();
    let failed: Vec<Problem> = done.into_iter().flatten().collect();
    Ok((all - failed.len(), failed))
}

/// What is wrong with an example.
fn one(example: &Example, folder: &Path, library: &Path) -> Result<Option<String>> {
    // The program runs in an empty folder; its source and output are beside that.
    let scratch = folder.join(&example.name);
    fs::create_dir_all(&scratch)?;
    let beside = |end: &str| folder.join(format!("{}{end}", example.name));
    let (source, program, log) = (beside(".c"), beside(".out"), beside(".log"));
    // Messages name the page's own line.
    let line = format!("#line {} \"{}\"\n", example.line + 1, example.page.path);
    fs::write(&source, line + example.text)?;
    let mut cc = compile::program(source.to_str().unwrap_or_default())?;
    if let Err(said) = cc.include(root().join("include")).library(library).to(&program) {
        return Ok(Some(format!("it doesn't compile: {said}")));
    }
    let mut command = run::limited(&program, LIMIT);
    let status = run::logged(command.current_dir(&scratch).env_remove("LD_LIBRARY_PATH"), &log)?;
    let said = run::tail(&log, SHOWN);
    Ok(match (status.code(), said.last()) {
        (Some(0), _) => None,
        (Some(SKIP), Some(reason)) => {
            println!(
                "{}:{}: the example is skipped: {reason}",
                example.page.path, example.line
            );
            None
        }
        (Some(SKIP), None) => Some("it exits with 77, which means skipped, and prints no reason".into()),
        _ => Some(format!("{}\n{}", run::ending(status), said.join("\n"))),
    })
}
