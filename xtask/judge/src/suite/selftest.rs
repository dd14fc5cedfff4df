//! `cargo xtask suite --self-test`: checks that the suite's report fails with a wrong library.
//!
//! A few tests run twice: on our libraries, where all must pass, and on a copy of them in which `io_uring_submit`
//! returns one more than it should, where some must fail in every mode. The copy has no engine, so that all must fail
//! where the kernel's io_uring is refused.

use super::ledger::{Known, Ledger, Steady};
use super::mode::Mode;
use super::report::{Verdict, evaluate};
use super::session::{Environment, Session};
use crate::peer::NEWEST;
use anyhow::{Result, ensure};
use base::fault;
use base::root;
use std::fs;
use std::path::Path;

/// Quick tests that check what `io_uring_submit` returns.
const TESTS: [&str; 3] = ["cq-ready", "nop-all-sizes", "sq-space_left"];

pub fn run(lib: &Path) -> Result<()> {
    let out = root().join("target/suite/self-test");
    let Some(mut session) = Session::open(NEWEST, &Mode::ALL, &out)? else {
        return Ok(());
    };
    let tests = TESTS.map(String::from);
    let env = Environment::here(out.join("run"))?;
    let ledger = Ledger::parse("")?;
    let known = Known::new(&ledger, NEWEST, &env);
    let mut evaluated = |lib: &Path| -> Result<Verdict> {
        session.build(lib, &tests)?;
        Ok(evaluate(
            &session.run(&env, &tests, 2, &known)?,
            &known,
            &Steady::new(),
            false,
        ))
    };
    let right = evaluated(lib)?;
    println!("right library: {} passed, {} failed", right.passed, right.failed());
    ensure!(right.failed() == 0 && right.passed > 0, "the right library should pass");
    let wrong = out.join("lib");
    fault::library(lib, &wrong, &["io_uring_submit"], fault::SUBMIT)?;
    for folder in Mode::ALL.iter().filter_map(|mode| mode.folder(&wrong)) {
        if folder != wrong {
            base::fresh(&folder)?;
            fs::copy(wrong.join("liburing.so.2"), folder.join("liburing.so.2"))?;
        }
    }
    let wrong = evaluated(&wrong)?;
    println!("io_uring_submit returns one too many: {} failed", wrong.failed());
    for it in &wrong.regressions {
        println!("    {}, {}: {}", it.test, it.mode.name(), it.ours);
    }
    for mode in Mode::ALL.into_iter().filter(|mode| *mode != Mode::Peer) {
        let found = wrong.regressions.iter().filter(|it| it.mode == mode).count();
        ensure!(
            found >= if mode.on_engine() { TESTS.len() } else { 1 },
            "mode {} doesn't detect a wrong library",
            mode.name()
        );
    }
    println!("\nthe report fails with a wrong library");
    Ok(())
}
