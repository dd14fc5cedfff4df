//! Tests of the verdict and the ledger on made-up results.

use super::exec::Outcome;
use super::ledger::{self, Known, Ledger, Steady};
use super::mode::Mode;
use super::report::evaluate;
use super::results::{Results, Run};
use super::session::Environment;
use std::collections::BTreeMap;
use std::path::PathBuf;

fn results(runs: &[(&str, Mode, Outcome)]) -> Results {
    let mut results = Results::new();
    for (test, mode, outcome) in runs {
        let modes: &mut BTreeMap<Mode, Run> = results.entry((*test).to_owned()).or_default();
        modes.insert(*mode, Run::new(outcome.clone(), 1.0));
    }
    results
}

fn fail() -> Outcome {
    Outcome::Fail("exit 1".to_owned())
}

fn skip() -> Outcome {
    Outcome::Skip("no".to_owned())
}

/// Regressions and wrong entries of the ledger.
fn failed(runs: &[(&str, Mode, Outcome)], ledger: &str) -> (usize, usize) {
    let ledger = Ledger::parse(ledger).expect("a ledger that parses");
    let env = Environment {
        kernel: "6.18.44-x".to_owned(),
        capabilities: u64::MAX,
        ..Environment::here(PathBuf::new()).expect("a kernel that says its release")
    };
    let known = Known::new(&ledger, "2.15", &env);
    let verdict = evaluate(&results(runs), &known, &Steady::new(), true);
    (verdict.regressions.len(), verdict.wrong.len())
}

#[test]
fn what_is_worse_than_on_the_peer_is_a_regression() {
    let pairs = [
        (Outcome::Pass, Outcome::Pass, 0),
        (Outcome::Pass, fail(), 1),
        (Outcome::Pass, skip(), 1),
        (Outcome::Pass, Outcome::Unbuilt("error".to_owned()), 1),
        (fail(), fail(), 0),
        (fail(), Outcome::Pass, 0),
        (skip(), fail(), 1),
        (skip(), Outcome::Pass, 0),
    ];
    for (peer, ours, regressions) in pairs {
        let runs = [("nop", Mode::Peer, peer), ("nop", Mode::Swap, ours)];
        assert_eq!(failed(&runs, "").0, regressions, "{runs:?}");
    }
}

#[test]
fn the_ledger_must_be_true() {
    let entry = |more: &str| format!("[[known]]\ntest = 'nop'\nexpect = 'fail'\nreason = 'x'\n{more}");
    let both_fail = [("nop", Mode::Peer, fail()), ("nop", Mode::Swap, fail())];
    let both_pass = [("nop", Mode::Peer, Outcome::Pass), ("nop", Mode::Swap, Outcome::Pass)];
    assert_eq!(failed(&both_fail, &entry("")), (0, 0));
    assert_eq!(failed(&both_pass, &entry("")), (0, 2));
    assert_eq!(failed(&both_pass, &entry("modes = ['swap']")), (0, 1));
    // Another release, another kernel, another environment: nothing is said.
    assert_eq!(failed(&both_pass, &entry("versions = ['2.3']")), (0, 0));
    assert_eq!(failed(&both_pass, &entry("kernel = '6.1'")), (0, 0));
    assert_eq!(failed(&both_pass, &entry("kernel = '6.18'")), (0, 2));
    assert_eq!(failed(&both_pass, &entry("on = ['xfs']")), (0, 0));
    // A test that the suite doesn't have.
    assert_eq!(failed(&[("accept", Mode::Peer, Outcome::Pass)], &entry("")), (0, 1));
    // An entry for the engine holds in all its modes, and also for a skip.
    let on_engine = |outcome| [("nop", Mode::Peer, Outcome::Pass), ("nop", Mode::EngineKill, outcome)];
    for (outcome, wrong) in [(fail(), 0), (skip(), 0), (Outcome::Pass, 1)] {
        assert_eq!(failed(&on_engine(outcome), &entry("modes = ['engine']")), (0, wrong));
    }
    let several = entry("modes = ['engine']").replace("'nop'", "'accept nop'");
    assert_eq!(failed(&on_engine(fail()), &several), (0, 1));
    // A failure that the ledger knows in one mode only is not a regression.
    let swap_fails = [("nop", Mode::Peer, Outcome::Pass), ("nop", Mode::Swap, fail())];
    assert_eq!(failed(&swap_fails, &entry("modes = ['swap']")), (0, 0));
}

#[test]
fn the_committed_ledger_can_be_read() {
    ledger::read().expect("a ledger that parses");
}
