//! `cargo xtask programs --self-test`: do the programs notice a wrong library, and one that isn't loaded?

use super::chroot::{System, library_folder, remove};
use super::ours::{self, Debs, sum};
use super::plan::{PROGRAMS, Program};
use super::{on, open};
use crate::util::lib_dir;
use crate::wrong;
use anyhow::{Context, Result, ensure};
use std::fs;

pub fn run(debs: &Debs) -> Result<()> {
    let programs: Vec<&Program> = PROGRAMS
        .iter()
        .filter(|program| program.suite == "bookworm" && ["qemu", "plocate"].contains(&program.name))
        .collect();
    let base = open("bookworm", &programs)?;
    let peer = System::of(&base);
    let ours = ours::install(&base, debs)?;

    let layer = base.dir.join("wrong");
    remove(&layer)?;
    let build = layer.join("build");
    wrong::library(&lib_dir(), &build, &["io_uring_submit"], wrong::SUBMIT)?;
    let file = ours.library()?;
    let name = file.file_name().context("the library has no name")?;
    let folder = library_folder(&layer.join("files"));
    fs::create_dir_all(&folder)?;
    fs::copy(build.join("liburing.so.2"), folder.join(name))?;
    let wrong = ours.under(&layer.join("files"));
    let wrong_sum = sum(&wrong.library()?)?;
    ensure!(wrong_sum != debs.library, "the wrong library is the right one");

    let mut noticed = 0;
    for program in &programs {
        // One that waits for what never comes has failed too; it need not have five minutes for that.
        let program = Program {
            seconds: 60,
            ..**program
        };
        let theirs = on(&program, &peer, "peer", &sum(&peer.library()?)?)?;
        let verdict = match on(&program, &wrong, "wrong", &wrong_sum) {
            Ok(facts) => theirs.differences(&facts).join("; "),
            Err(why) => format!("{why:#}"),
        };
        println!(
            "io_uring_submit returns one too many, {}: {}",
            program.name,
            if verdict.is_empty() { "not noticed" } else { &verdict }
        );
        noticed += usize::from(!verdict.is_empty());
    }
    ensure!(noticed > 0, "no program notices a wrong library");

    for program in programs {
        let verdict = on(program, &peer, "absent", &debs.library);
        let why = verdict.err().map(|why| format!("{why:#}")).unwrap_or_default();
        println!("our library isn't there, {}: {why}", program.name);
        ensure!(
            why.contains("the library that is mapped"),
            "{} doesn't notice that our library isn't loaded",
            program.name
        );
    }
    println!("\nthe programs notice what they should");
    Ok(())
}
