//! The programs in the pages: compiled against our headers without a warning, and run.

use super::page::Page;
use super::tree::{Kind, Node};
use crate::suite::pool;
use crate::util::{self, root};
use anyhow::{Context, Result, ensure};
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

/// How long one may run.
const LIMIT_SECONDS: &str = "10";

/// An example ends so when this kernel lacks what it shows.
const SKIP: i32 = 77;

/// How many lines of what the compiler or the program said are shown.
const SHOWN: usize = 15;

pub struct Example {
    /// The page's file.
    pub path: String,
    pub line: usize,
    name: String,
    text: String,
}

pub enum Outcome {
    Passed,
    Skipped(String),
    Failed(String),
}

/// The programs in a page.
pub fn of(page: &Page) -> Vec<Example> {
    fn gather<'a>(nodes: impl IntoIterator<Item = &'a Node>, page: &Page, out: &mut Vec<Example>) {
        for node in nodes {
            match &node.kind {
                Kind::Code { language, text } if language == "c" => out.push(Example {
                    path: page.path.clone(),
                    line: node.line,
                    name: format!("{}.{}-{}", page.name, page.section, out.len() + 1),
                    text: text.clone(),
                }),
                Kind::List { items, .. } => {
                    for item in items {
                        gather(&item.nodes, page, out);
                    }
                }
                _ => {}
            }
        }
    }
    let mut out = Vec::new();
    gather(page.nodes(), page, &mut out);
    out
}

/// Compiles and runs all of them, several at once.
pub fn run(examples: Vec<Example>) -> Result<Vec<(Example, Outcome)>> {
    util::need("cc", "gcc")?;
    let library = util::lib_dir().join("liburing.so");
    ensure!(
        library.is_file(),
        "there is no {}; to build it: make",
        library.display()
    );
    // Of this run only: others may be going on.
    let folder = root().join(format!("target/manual/examples.{}", std::process::id()));
    let progress = pool::Progress::new("examples", examples.len());
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut done = pool::each(cores, examples, |example| {
        progress.start(&example.name);
        let outcome = one(&example, &folder, &library)?;
        progress.end(&example.name, matches!(outcome, Outcome::Failed(_)));
        Ok((example, outcome))
    })?;
    drop(progress);
    let _ = fs::remove_dir_all(&folder);
    done.sort_by(|a, b| (&a.0.path, a.0.line).cmp(&(&b.0.path, b.0.line)));
    Ok(done)
}

fn one(example: &Example, folder: &Path, library: &Path) -> Result<Outcome> {
    // The program's own folder is empty; beside it lie its source and what it prints.
    let scratch = folder.join(&example.name);
    fs::create_dir_all(&scratch).with_context(|| format!("can't make {}", scratch.display()))?;
    let beside = |end: &str| -> PathBuf { folder.join(format!("{}{end}", example.name)) };
    let (source, program, log) = (beside(".c"), beside(".out"), beside(".log"));
    // Messages name the page's own line.
    fs::write(
        &source,
        format!("#line {} \"{}\"\n{}", example.line + 1, example.path, example.text),
    )?;
    let built = Command::new("cc")
        .args(["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-I"])
        .arg(root().join("include"))
        .arg(&source)
        .arg("-o")
        .arg(&program)
        .arg(library)
        .arg(format!("-Wl,-rpath,{}", util::lib_dir().display()))
        .output()
        .context("can't run cc")?;
    if !built.status.success() {
        let said = String::from_utf8_lossy(&built.stderr);
        return Ok(Outcome::Failed(format!("it doesn't compile\n{}", first(&said))));
    }
    let out = File::create(&log)?;
    let status = Command::new("timeout")
        .args(["--kill-after=2", LIMIT_SECONDS])
        .arg(&program)
        .current_dir(&scratch)
        .env_remove("LD_LIBRARY_PATH")
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out)
        .status()
        .context("can't run timeout")?;
    let said = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    Ok(judge(status, &said))
}

fn judge(status: ExitStatus, said: &str) -> Outcome {
    match (status.code(), status.signal()) {
        (Some(0), _) => Outcome::Passed,
        (Some(SKIP), _) => match said.lines().last() {
            Some(reason) => Outcome::Skipped(reason.to_string()),
            None => Outcome::Failed("it ends with 77 and doesn't print why".into()),
        },
        (Some(124 | 137), _) => Outcome::Failed(format!("it takes longer than {LIMIT_SECONDS} s\n{}", first(said))),
        (_, Some(signal)) => Outcome::Failed(format!("it ends by signal {signal}\n{}", first(said))),
        (code, _) => Outcome::Failed(format!("it ends with {}\n{}", code.unwrap_or(-1), first(said))),
    }
}

fn first(said: &str) -> String {
    said.lines()
        .take(SHOWN)
        .fold(String::new(), |out, line| out + "    " + line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_without_a_reason_is_no_skip() {
        let end = |code: i32| ExitStatus::from_raw(code << 8);
        assert!(matches!(judge(end(0), ""), Outcome::Passed));
        assert!(matches!(judge(end(77), "no zcrx\n"), Outcome::Skipped(why) if why == "no zcrx"));
        assert!(matches!(judge(end(77), ""), Outcome::Failed(_)));
        assert!(matches!(judge(end(124), ""), Outcome::Failed(why) if why.contains("longer")));
        assert!(matches!(judge(ExitStatus::from_raw(11), ""), Outcome::Failed(why) if why.contains("signal 11")));
        assert!(matches!(judge(end(1), "x"), Outcome::Failed(why) if why.contains("    x")));
    }
}
