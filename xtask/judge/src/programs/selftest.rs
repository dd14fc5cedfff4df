//! `cargo xtask programs --self-test`: checks that programs detect a wrong library, and one that isn't loaded.

use super::chroot::{Base, LIBRARIES, System, remove};
use super::ours::{self, Debs, sum};
use super::{Program, on};
use anyhow::{Context, Result, ensure};
use base::fault;
use base::lib_dir;
use std::fs;

/// The time limit. A program that hangs detects the wrong library too, and need not take five minutes.
const SECONDS: u32 = 60;

pub fn run(all: &[Program], debs: &Debs) -> Result<()> {
    let programs: Vec<&Program> = all
        .iter()
        .filter(|program| ["qemu", "plocate"].contains(&&*program.name))
        .collect();
    let base = Base::open("bookworm", &programs)?;
    let peer = System::of(&base);
    let ours = ours::install(&base, debs)?;

    let layer = base.dir.join("wrong");
    remove(&layer)?;
    let build = layer.join("build");
    fault::library(&lib_dir(), &build, &["io_uring_submit"], fault::SUBMIT)?;
    let file = ours.library()?;
    let name = file.file_name().context("the library has no name")?;
    let folder = layer.join("files").join(LIBRARIES);
    fs::create_dir_all(&folder)?;
    fs::copy(build.join("liburing.so.2"), folder.join(name))?;
    let wrong = ours.under(&layer.join("files"));
    let wrong_sum = sum(&wrong.library()?)?;
    ensure!(
        wrong_sum != debs.library,
        "the wrong library has the checksum of the right one"
    );

    let mut detected = 0;
    for program in &programs {
        let theirs = on(program, &peer, "peer", &sum(&peer.library()?)?, SECONDS)?;
        let verdict = match on(program, &wrong, "wrong", &wrong_sum, SECONDS) {
            Ok(facts) => theirs.differences(&facts).join("; "),
            Err(why) => format!("{why:#}"),
        };
        println!(
            "io_uring_submit returns one too many, {}: {}",
            program.name,
            if verdict.is_empty() { "not detected" } else { &verdict }
        );
        detected += usize::from(!verdict.is_empty());
    }
    ensure!(detected > 0, "no program detects a wrong library");

    for program in programs {
        let verdict = on(program, &peer, "absent", &debs.library, SECONDS);
        let why = verdict.err().map(|why| format!("{why:#}")).unwrap_or_default();
        println!("our library isn't there, {}: {why}", program.name);
        ensure!(
            why.contains("the library that is mapped"),
            "{} doesn't detect that our library isn't loaded",
            program.name
        );
    }
    println!("\nthe programs detect a wrong library and a missing one");
    Ok(())
}
