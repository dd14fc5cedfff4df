//! Reports a difference: the lines where the traces diverge, and a C program that reproduces it.

use super::Found;
use super::server::Build;
use super::table::{Step, Table};
use anyhow::Result;
use base::compile::{self, Compile as _};
use base::root;
use base::run::{attempt, limited};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How many lines before the first that differs are shown, and how much of a line.
const CONTEXT: usize = 6;
const WIDTH: usize = 400;

pub fn show(table: &Table, builds: &[Build], found: &Found, work: &Path) -> Result<()> {
    for (build, trace) in builds.iter().zip(&found.traces) {
        fs::write(work.join(format!("{}.trace", build.name)), trace)?;
    }
    match found.traces.iter().position(|trace| *trace != found.traces[0]) {
        Some(other) => divergence(builds, found, other),
        None => println!("each side was ended during: {}", last(table, found)),
    }
    let shown: Vec<_> = found.program.iter().map(|&step| table.show(step)).collect();
    println!(
        "\nthe program, for test-c/fuzz/regressions.txt or --program:\n{}",
        shown.join(" ")
    );
    if let Some(seed) = found.seed {
        println!("to repeat: cargo xtask fuzz --seed {seed} --calls 1 with the same --backend");
    }
    let source = write(table, &found.program, work)?;
    println!(
        "in C: {} (cc -I test-c/fuzz -I include {} -luring)",
        source.display(),
        source.display()
    );
    Ok(())
}

/// Shows where the first trace and another diverge.
fn divergence(builds: &[Build], found: &Found, other: usize) {
    let (peer, ours): (Vec<_>, Vec<_>) = (found.traces[0].lines().collect(), found.traces[other].lines().collect());
    let split = (0..peer.len().max(ours.len())).find(|&line| peer.get(line) != ours.get(line));
    let split = split.unwrap_or(0);
    let cut = |line: &str| line.chars().take(WIDTH).collect::<String>();
    for line in &peer[split.saturating_sub(CONTEXT)..split] {
        println!("  {}", cut(line));
    }
    for (name, lines) in [(builds[0].name, &peer), (builds[other].name, &ours)] {
        println!(
            "{name}: {}",
            lines.get(split).map_or("(end of the trace)".into(), |line| cut(line))
        );
    }
}

/// The operation that did not return: the trace has those that did.
fn last(table: &Table, found: &Found) -> String {
    let steps = super::steps(&found.traces[0]).count();
    let step = found.program.get(steps);
    step.map_or("the end".to_owned(), |&step| table.show(step))
}

/// A C program that makes the calls and prints what it sees.
fn write(table: &Table, program: &[Step], work: &Path) -> Result<PathBuf> {
    let mut text = String::from(
        "/* Prints what can be seen of the library after each of these calls: the output differs between the libraries.\n \
         * Written by cargo xtask fuzz; what each operation does is in test-c/fuzz. */\n\
         #include \"run.h\"\n\nint main(void)\n{\n\tstatic char text[1 << 20];\n\tstatic struct belongings before;\n\n\
         \tbegin(text, sizeof(text));\n\tlook(&before);\n",
    );
    for (nr, &step) in program.iter().enumerate() {
        let [a, b, c, d] = step.arguments;
        writeln!(text, "\tSTEP({nr}, {}, {a}, {b}, {c}, {d});", table.name(step))?;
    }
    text.push_str("\tend(&before);\n\tfputs(text, stdout);\n\treturn 0;\n}\n");
    let path = work.join("reproducer.c");
    fs::write(&path, text)?;
    Ok(path)
}

/// Whether the C program shows a difference too.
pub fn reproduces(table: &Table, builds: &[Build], found: &Found, work: &Path) -> Result<bool> {
    let source = write(table, &found.program, work)?;
    let mut printed = Vec::new();
    for build in builds {
        let program = work.join("reproducer");
        compile::c()?
            .args(["-std=gnu11", "-O1"])
            .include(root().join("test-c/fuzz"))
            .include(root().join("include"))
            .arg(&source)
            .arg(build.lib.join("liburing.so.2"))
            .to(&program)?;
        let mut run = limited(&program, Duration::from_secs(60));
        // It may crash, which is a difference too.
        run.env("LD_LIBRARY_PATH", &build.lib).envs(build.env.iter().cloned());
        let out = attempt(&mut run)?;
        printed.push((out.status.code(), out.stdout));
    }
    Ok(printed.iter().any(|one| *one != printed[0]))
}
