//! Faults that the fuzzer must find: in libraries for the comparison with the peer, in engines for that with the kernel.

use super::server::{Build, Servers};
use super::table::Table;
use super::{Cause, differ, report, search};
use crate::ctest::Backend;
use anyhow::{Context, Result, ensure};
use base::fault::{self, Change};
use base::{command, lib_dir, output, root};
use std::fs;
use std::path::{Path, PathBuf};

struct Fault {
    what: &'static str,
    place: Place,
    /// Whether it shows each time.
    steady: bool,
}

enum Place {
    /// A macro of `test-c/fuzz/wrong.c`, and the function that it replaces.
    Library(&'static str, &'static str),
    /// A change of the engine's source.
    Engine(Change<'static>),
}

const LIBRARY: [Fault; 4] = [
    Fault {
        what: "a batch lacks its third completion",
        place: Place::Library("BATCH_TOO_SHORT", "io_uring_peek_batch_cqe"),
        steady: true,
    },
    Fault {
        what: "a batch lacks its third completion one time in eight",
        place: Place::Library("BATCH_SOMETIMES_TOO_SHORT", "io_uring_peek_batch_cqe"),
        steady: false,
    },
    Fault {
        what: "a wait that times out returns 0",
        place: Place::Library("TIME_OVER_IS_WELL", "io_uring_submit_and_wait_timeout"),
        steady: true,
    },
    Fault {
        what: "a resize forgets what has completed",
        place: Place::Library("RESIZE_FORGETS", "io_uring_resize_rings"),
        steady: true,
    },
];

const ENGINE: [Fault; 4] = [
    Fault {
        what: "a refused entry does not end the submission",
        place: Place::Engine((
            "engine/src/submit.rs",
            "if refused && ended && !self.has(IORING_SETUP_SUBMIT_ALL)",
            "if refused && ended && self.has(IORING_SETUP_SUBMIT_ALL)",
        )),
        steady: true,
    },
    Fault {
        what: "a chain goes on behind a request that failed",
        place: Place::Engine((
            "engine/src/progress.rs",
            "failed && request.after() != After::HardLink",
            "failed && request.after() == After::HardLink",
        )),
        steady: true,
    },
    Fault {
        what: "a cancellation of all does not count those that wait for files",
        place: Place::Engine(("engine/src/cancel.rs", "workers + polls +", "workers +")),
        steady: true,
    },
    Fault {
        what: "a cancellation finds nothing one time in eight",
        place: Place::Engine((
            "engine/src/cancel.rs",
            "0 => return 0,",
            "0 => return if sys::now(CLOCK_MONOTONIC) >> 4 & 7 == 0 { -ENOENT } else { 0 },",
        )),
        steady: false,
    },
];

/// A fault must show within this many calls, and shrink to this many.
const CALLS: u64 = 300_000;
const STEPS: usize = 8;

pub fn run(backend: Backend, table: &Table, builds: &[Build], work: &Path, seed: u64) -> Result<()> {
    let faults = match backend {
        Backend::Kernel => &LIBRARY,
        Backend::Engine => &ENGINE,
    };
    for fault in faults {
        let lib = fault.place.build(work)?;
        let pair = [builds[0].clone(), builds[1].on(&lib)];
        fault.find(table, builds, &pair, work, seed)?;
    }
    Ok(())
}

impl Place {
    /// Builds libraries with the fault; returns their folder.
    fn build(&self, work: &Path) -> Result<PathBuf> {
        match self {
            Self::Library(name, function) => {
                let dir = work.join("wrong");
                fault::defined(&lib_dir(), &dir, function, name, "test-c/fuzz/wrong.c")?;
                Ok(dir)
            }
            Self::Engine(change) => engine(&work.join("wrong"), change),
        }
    }
}

/// What `make` needs to build the flavour with the engine.
const FILES: [&str; 4] = ["Cargo.toml", "Cargo.lock", "Makefile", "build.rs"];
const FOLDERS: [&str; 3] = ["src", "include", "demo"];

/// Builds the flavour with the engine from a copy of the source with this change of `crates`.
fn engine(tree: &Path, change: &Change) -> Result<PathBuf> {
    fs::create_dir_all(tree.join("crates"))?;
    for file in FILES {
        fs::copy(root().join(file), tree.join(file)).with_context(|| file.to_owned())?;
    }
    let vendor = root().join("vendor").exists().then_some("vendor");
    for folder in FOLDERS.into_iter().chain(vendor) {
        fault::copy(&root().join(folder), &tree.join(folder), &[])?;
    }
    fault::copy(&root().join("crates"), &tree.join("crates"), &[*change])?;
    let name = fs::read_link(root().join("target/engine/lib/liburing.so.2"))?;
    let lib = Path::new("target/engine/lib");
    output(&mut command!("make -s -C", tree, lib.join(name)))?;
    Ok(tree.join(lib))
}

impl Fault {
    /// Runs random programs until one shows the fault.
    fn find(&self, table: &Table, right: &[Build], pair: &[Build], work: &Path, seed: u64) -> Result<()> {
        let what = self.what;
        let (done, difference) = search(table, pair, seed, CALLS)?;
        let found = difference.with_context(|| format!("self-test: {what}: not found in {} calls", done.calls))?;
        ensure!(
            found.cause == Cause::Library || !self.steady && found.cause == Cause::Sometimes,
            "self-test: {what}: taken for something else: {}",
            found.cause.describe()
        );
        let right = Servers::start(right)?.run(&found.program)?;
        ensure!(
            !differ(&right),
            "self-test: {what}: what was found shows without the fault, too"
        );
        let mut shown = Vec::new();
        if self.steady {
            shown.extend(found.program.iter().map(|&step| table.show(step)));
            ensure!(
                shown.len() <= STEPS,
                "self-test: {what}: not shrunk to {STEPS} calls: {}",
                shown.join(" ")
            );
            let reproduced = report::reproduces(table, pair, &found, work)?;
            ensure!(reproduced, "self-test: {what}: the C reproducer doesn't show it");
        }
        println!(
            "self-test: {what}: found after {} calls: {}",
            done.calls,
            shown.join(" ")
        );
        Ok(())
    }
}
