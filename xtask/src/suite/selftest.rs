//! `cargo xtask suite --self-test`: does the suite's report turn red when it should?
//!
//! A few tests run three times: on our libraries, which must be green; on a copy of them in which `io_uring_submit`
//! returns one more than it should, which must be red in every mode; and on ours with a ledger that isn't true.

use super::build::Mode;
use super::ledger::{Ledger, Steady, System};
use super::report::{Verdict, judge};
use super::session::{Place, Session};
use crate::peer::NEWEST;
use crate::util::root;
use crate::wrong;
use anyhow::{Result, ensure};
use std::path::Path;

/// Quick ones that look at what `io_uring_submit` returns.
const TESTS: [&str; 3] = ["cq-ready", "nop-all-sizes", "sq-space_left"];

const WRONG_LEDGER: &str = "\
[[known]]
test = 'cq-ready'
expect = 'fail'
reason = 'It does not.'
";

pub fn run(lib: &Path) -> Result<()> {
    let out = root().join("target/suite/self-test");
    let Some(mut session) = Session::open(NEWEST, &Mode::ALL, &out)? else {
        return Ok(());
    };
    let tests = TESTS.map(String::from).to_vec();
    let empty = Ledger::parse("")?;
    let untrue = Ledger::parse(WRONG_LEDGER)?;
    let mut judged = |lib: &Path, ledger: &Ledger| -> Result<Verdict> {
        session.build(lib, &tests)?;
        let place = Place::here(out.join("run"));
        let known = ledger.holds(NEWEST, &place.name, &System::here()?);
        let results = session.run(&place, &tests, 2, &known)?;
        Ok(judge(&results, &known, &Steady::new(), false))
    };

    let right = judged(lib, &empty)?;
    println!("right library: {} passed, {} failed", right.passed, right.failed());
    let wrong = out.join("lib");
    wrong::library(lib, &wrong, &["io_uring_submit"], wrong::SUBMIT)?;
    let wrong = judged(&wrong, &empty)?;
    println!("io_uring_submit returns one too many: {} failed", wrong.failed());
    for it in &wrong.regressions {
        println!("    {}, {}: {}", it.test, it.mode.name(), it.ours);
    }
    let ledger = judged(lib, &untrue)?;
    println!("an untrue ledger: {} failed", ledger.failed());

    ensure!(right.failed() == 0 && right.passed > 0, "the right library should pass");
    for mode in [Mode::Swap, Mode::Source, Mode::Ffi] {
        ensure!(
            wrong.regressions.iter().any(|it| it.mode == mode),
            "mode {} doesn't notice a wrong library",
            mode.name()
        );
    }
    ensure!(ledger.failed() > 0, "nothing notices an untrue ledger");
    println!("\nthe report turns red when it should");
    Ok(())
}
