//! A difference, as people read it: the traces where they part, and a C program that shows it.

use super::Found;
use super::server::Build;
use super::table::{Step, Table};
use crate::util::{output, root};
use anyhow::{Context, Result};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How many lines before the first that differs are shown, and how much of a line.
const CONTEXT: usize = 6;
const WIDTH: usize = 400;

pub fn show(table: &Table, builds: &[Build], found: &Found, work: &Path) -> Result<()> {
    let other = found.traces.iter().position(|trace| *trace != found.traces[0]);
    let other = other.context("nothing differs")?;
    for (build, trace) in builds.iter().zip(&found.traces) {
        fs::write(work.join(format!("{}.trace", build.name)), trace)?;
    }
    let (peer, ours): (Vec<_>, Vec<_>) = (found.traces[0].lines().collect(), found.traces[other].lines().collect());
    let parting = (0..peer.len().max(ours.len())).find(|&line| peer.get(line) != ours.get(line));
    let parting = parting.unwrap_or(0);
    let cut = |line: &str| line.chars().take(WIDTH).collect::<String>();
    for line in &peer[parting.saturating_sub(CONTEXT)..parting] {
        println!("  {}", cut(line));
    }
    for (name, lines) in [("peer", &peer), (builds[other].name, &ours)] {
        println!(
            "{name}: {}",
            lines.get(parting).map_or("(its end)".into(), |line| cut(line))
        );
    }
    let shown: Vec<_> = found.program.iter().map(|&step| table.show(step)).collect();
    println!(
        "\nthe program, for test-c/fuzz/regressions.txt or --program:\n{}",
        shown.join(" ")
    );
    if let Some(seed) = found.seed {
        println!("again with: cargo xtask fuzz --seed {seed} --calls 1");
    }
    let source = write(table, &found.program, work)?;
    println!(
        "in C: {} (cc -I test-c/fuzz -I include {} -luring)",
        source.display(),
        source.display()
    );
    Ok(())
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
pub fn show_reproduces(table: &Table, builds: &[Build], found: &Found, work: &Path) -> Result<bool> {
    let source = write(table, &found.program, work)?;
    let mut printed = Vec::new();
    for build in builds {
        let program = work.join("reproducer");
        let mut cc = Command::new("cc");
        cc.args(["-std=gnu11", "-O1"])
            .arg("-I")
            .arg(root().join("test-c/fuzz"))
            .arg("-I")
            .arg(root().join("include"))
            .arg(&source)
            .arg("-o")
            .arg(&program);
        output(cc.arg(build.lib().join("liburing.so.2")))?;
        let mut run = Command::new("timeout");
        run.arg("60").arg(&program).env("LD_LIBRARY_PATH", build.lib());
        // It may well crash: that is a difference too.
        let out = run.output().context("can't run the reproducer")?;
        printed.push((out.status.code(), out.stdout));
    }
    Ok(printed.iter().any(|one| *one != printed[0]))
}
