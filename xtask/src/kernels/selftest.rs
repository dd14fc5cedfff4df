//! `cargo xtask kernels --self-test`: is what goes wrong in a guest noticed, and nothing else hurt by it?

use super::debian::{Arch, Wanted};
use super::disk::Disk;
use super::guest::Guest;
use crate::suite::{Machine, Outcome, Spawn};
use crate::util::{self, root};
use anyhow::{Result, ensure};
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

pub fn run(arch: &Arch, wanted: &Wanted, init: &Path, out: &Path) -> Result<()> {
    let trouble = out.join("trouble");
    util::output(
        Command::new(arch.tools.cc())
            .args(["-Wall", "-Wextra", "-Werror", "-o"])
            .args([&trouble, &root().join("test-c/kernels/trouble.c")]),
    )?;
    let mut disk = Disk::new(arch, out)?;
    disk.program(arch, &trouble)?;
    let image = disk.finish()?;
    let kernel = wanted.get(arch, init)?;
    let guest = Guest::new(arch, &kernel, &image.0);
    let run = |what: &str, seconds: u64| -> Result<Outcome> {
        let (outcome, _) = guest.run(&Spawn {
            exe: &trouble,
            name: "trouble",
            args: &[OsString::from(what)],
            cwd: out.join(format!("run/{what}")),
            beside: &[("beside".to_owned(), trouble.clone())],
            log: kernel.dir.join(format!("trouble.{what}")),
            limit: Duration::from_secs(seconds),
        })?;
        println!("Linux {}, asked to {what}: {outcome}", wanted.name);
        Ok(outcome)
    };
    ensure!(run("pass", 20)? == Outcome::Pass, "a program that passes should");
    ensure!(
        run("skip", 20)? == Outcome::Skip("asked to skip".to_owned()),
        "a skip has its reason"
    );
    ensure!(
        run("fail", 20)? == Outcome::Fail("exit 1: asked to fail".to_owned()),
        "a failure has its reason"
    );
    ensure!(
        run("abort", 20)?.reason().starts_with("signal 6"),
        "a signal is a failure"
    );
    ensure!(run("hang", 1)?.reason().starts_with("took over"), "a hang ends");
    ensure!(run("stray", 20)? == Outcome::Pass, "a stray process hurts nothing");
    ensure!(guest.boots().len() == 1, "all of that takes one guest");
    // One takes the kernel down while the other runs: only that one is blamed.
    let (crash, beside) = thread::scope(|scope| {
        let crash = scope.spawn(|| run("crash", 20));
        let beside = scope.spawn(|| run("hang", 5));
        (crash.join(), beside.join())
    });
    let (Ok(crash), Ok(beside)) = (crash, beside) else {
        anyhow::bail!("a thread panicked");
    };
    let (crash, beside) = (crash?, beside?);
    ensure!(crash.reason().contains("took the kernel down"), "a crash is named");
    ensure!(
        beside.reason().starts_with("took over"),
        "what ran beside a crash isn't blamed for it"
    );
    ensure!(run("pass", 20)? == Outcome::Pass, "after a crash things go on");
    println!("\nguests are judged as they should be");
    Ok(())
}
