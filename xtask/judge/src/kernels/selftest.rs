//! `cargo xtask kernels --self-test`: faults in a guest must be noticed, and must not affect other programs.

use super::debian::{Arch, Wanted};
use super::disk::Disk;
use super::guest::Guests;
use crate::suite::{Machine, Outcome, Spawn};
use anyhow::{Result, ensure};
use base::compile::{self, Compile as _};
use base::root;
use refused::How;
use std::ffi::OsString;
use std::path::Path;
use std::thread;
use std::time::Duration;

pub fn run(arch: &Arch, wanted: &Wanted, init: &Path, out: &Path) -> Result<()> {
    let trouble = out.join("trouble");
    let mut cc = arch.tools.compiler(false)?;
    cc.args(compile::CLEAN)
        .arg(root().join("test-c/kernels/trouble.c"))
        .to(&trouble)?;
    let mut disk = Disk::new(arch, out)?;
    disk.program(arch, &trouble)?;
    let image = disk.finish()?;
    let kernel = wanted.get(arch, init)?;
    let logs = kernel.dir.clone();
    let guests = Guests::new(arch, kernel, &image)?;
    let run = |what: &str, seconds: u64| -> Result<Outcome> {
        let (outcome, _) = guests.run(&Spawn {
            exe: &trouble,
            name: "trouble",
            args: &[OsString::from(what)],
            cwd: out.join(format!("run/{what}")),
            beside: &[("beside".to_owned(), trouble.clone())],
            log: logs.join(format!("trouble.{what}")),
            limit: Duration::from_secs(seconds),
            refuse: How::None,
        })?;
        println!("Linux {}, asked to {what}: {outcome}", wanted.name);
        Ok(outcome)
    };
    ensure!(
        run("pass", 20)? == Outcome::Pass,
        "a program that passes is not reported as passed"
    );
    ensure!(
        run("skip", 20)? == Outcome::Skip("asked to skip".to_owned()),
        "a skip is not reported with its reason"
    );
    ensure!(
        run("fail", 20)? == Outcome::Fail("exit 1: asked to fail".to_owned()),
        "a failure is not reported with its reason"
    );
    ensure!(
        run("abort", 20)?.reason().starts_with("signal 6"),
        "a signal is not reported as a failure"
    );
    ensure!(run("hang", 1)?.reason().starts_with("took over"), "a hang is not ended");
    ensure!(run("stray", 20)? == Outcome::Pass, "a stray process affects the result");
    ensure!(guests.restarts() == 0, "a guest was replaced without a crash");
    // One crashes its kernel while the other runs: only the first must be blamed.
    let (crash, beside) = thread::scope(|scope| {
        let crash = scope.spawn(|| run("crash", 20));
        let beside = scope.spawn(|| run("hang", 5));
        (crash.join(), beside.join())
    });
    let (Ok(crash), Ok(beside)) = (crash, beside) else {
        anyhow::bail!("a thread panicked");
    };
    let (crash, beside) = (crash?, beside?);
    ensure!(
        crash.reason().contains("took the kernel down"),
        "a crash is not reported as one"
    );
    ensure!(
        beside.reason().starts_with("took over"),
        "a program that ran beside a crash is blamed for it"
    );
    ensure!(run("pass", 20)? == Outcome::Pass, "no program passes after a crash");
    println!("\nself-test: all faults in guests were noticed");
    Ok(())
}
