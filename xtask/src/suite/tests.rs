//! The verdict and the ledger on made-up results.

use super::build::Mode;
use super::exec::Outcome;
use super::ledger::{Ledger, Steady, System};
use super::pool;
use super::report::{Results, Run, judge};
use std::collections::BTreeMap;
use std::time::Duration;

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
    let system = System {
        kernel: "6.18.44-x".to_owned(),
        capabilities: u64::MAX,
    };
    let known = ledger.holds("2.15", "here", &system);
    let verdict = judge(&results(runs), &known, &Steady::new(), true);
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
    // Another release, another kernel, another place: nothing is said.
    assert_eq!(failed(&both_pass, &entry("versions = ['2.3']")), (0, 0));
    assert_eq!(failed(&both_pass, &entry("kernel = '6.1'")), (0, 0));
    assert_eq!(failed(&both_pass, &entry("kernel = '6.18'")), (0, 2));
    assert_eq!(failed(&both_pass, &entry("grounds = ['xfs']")), (0, 0));
    // A test that the suite doesn't have.
    assert_eq!(failed(&[("accept", Mode::Peer, Outcome::Pass)], &entry("")), (0, 1));
    // What the ledger knows to fail in one mode only is no regression.
    let swap_fails = [("nop", Mode::Peer, Outcome::Pass), ("nop", Mode::Swap, fail())];
    assert_eq!(failed(&swap_fails, &entry("modes = ['swap']")), (0, 0));
}

#[test]
fn the_committed_ledger_can_be_read() {
    Ledger::read().expect("a ledger that parses");
}

#[test]
fn nothing_is_lost_in_turns() {
    let items = (0..20_u32).map(|start| (start, Vec::new())).collect();
    let mut done = pool::in_turns(3, Duration::from_millis(1), items, |(start, seen)| {
        seen.push(*start);
        Ok(seen.len() < 4)
    })
    .expect("no step fails");
    done.sort();
    assert_eq!(done.len(), 20);
    assert!(done.iter().all(|(start, seen)| *seen == vec![*start; 4]));
}
