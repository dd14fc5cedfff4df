//! Finds a small program that still shows a difference.

use super::server::{Build, Servers};
use super::table::Step;
use super::{Found, differ};
use anyhow::Result;
use proptest::strategy::ValueTree;
use std::time::{Duration, Instant};

/// Shrinking ends after this time.
const LIMIT: Duration = Duration::from_secs(120);

/// Replaces a program by the smallest one found whose traces differ.
pub fn shrink(builds: &[Build], mut tree: Box<dyn ValueTree<Value = Vec<Step>>>, best: &mut Found) -> Result<()> {
    let mut servers = Servers::start(builds)?;
    eprintln!("shrinking a program of {} calls", best.program.len());
    let start = Instant::now();
    let mut smaller = tree.simplify();
    while smaller && start.elapsed() < LIMIT {
        smaller = if accept(&mut servers, tree.current(), best)? {
            tree.simplify()
        } else {
            tree.complicate()
        };
    }
    while start.elapsed() < LIMIT && without_two(&mut servers, best)? {}
    Ok(())
}

/// Takes a program for the best if its traces differ.
fn accept(servers: &mut Servers, program: Vec<Step>, best: &mut Found) -> Result<bool> {
    let traces = servers.run(&program)?;
    let differs = differ(&traces);
    if differs {
        (best.program, best.traces) = (program, traces);
    }
    Ok(differs)
}

/// Leaves out one step or two, which may matter only to each other; false if nothing can be left out.
fn without_two(servers: &mut Servers, best: &mut Found) -> Result<bool> {
    for one in (1..best.program.len()).rev() {
        for other in (1..=one).rev() {
            let mut program = best.program.clone();
            program.remove(one);
            if other != one {
                program.remove(other);
            }
            if accept(servers, program, best)? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
