//! Deliberate faults in copies below `target/abi`: each must be detected by the fact that it changes.

use super::facts::Facts;
use super::{Comparison, differences, symbols};
use anyhow::{Context, Result, ensure};
use base::compile::{self, Compile as _};
use base::fault::{self, Change};
use base::{lib_dir, root};
use std::fs;

const HEADER: &str = "liburing.h";
const KERNEL: &str = "liburing/io_uring.h";
const SQPOLL: &str = "#define IORING_SETUP_SQPOLL\t(1U << 1)";

/// The fault, the changes to the headers, and the fact that must differ.
const FAULTS: [(&str, &[Change], &str); 7] = [
    (
        "a function removed",
        &[(HEADER, "int io_uring_get_events(", "int io_uring_other_events(")],
        "function io_uring_get_events:",
    ),
    (
        "a parameter with another type",
        &[(
            HEADER,
            "int io_uring_register_buf_ring(struct io_uring *ring,",
            "int io_uring_register_buf_ring(const struct io_uring *ring,",
        )],
        "function io_uring_register_buf_ring:",
    ),
    (
        "an inline function that is not inline",
        &[(
            HEADER,
            "IOURINGINLINE void io_uring_prep_nop(",
            "void io_uring_prep_nop(",
        )],
        "linkage io_uring_prep_nop:",
    ),
    (
        // Two members swap places, so that the bodies that use them still compile.
        "a member moved",
        &[
            (HEADER, "\tint ring_fd;", "\tint ring_fd_;"),
            (HEADER, "\tint enter_ring_fd;", "\tint ring_fd;"),
            (HEADER, "\tint ring_fd_;", "\tint enter_ring_fd;"),
        ],
        "member struct io_uring.ring_fd:",
    ),
    (
        "a constant with another value",
        &[(KERNEL, SQPOLL, "#define IORING_SETUP_SQPOLL\t(1U << 2)")],
        "constant IORING_SETUP_SQPOLL:",
    ),
    (
        "a constant with a sign",
        &[(KERNEL, SQPOLL, "#define IORING_SETUP_SQPOLL\t(1 << 1)")],
        "constant IORING_SETUP_SQPOLL:",
    ),
    (
        "an enumerator where #if needs a macro",
        &[(KERNEL, SQPOLL, "enum { IORING_SETUP_SQPOLL = 1U << 1 };")],
        "macro IORING_SETUP_SQPOLL:",
    ),
];

pub fn run(comparison: &Comparison, theirs: &Facts) -> Result<()> {
    let same = |theirs: &Facts, ours: &Facts| -> Result<()> {
        let wrong = differences(theirs, ours);
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        Ok(())
    };
    let copy = comparison.work.join("fault");
    for (what, changes, fact) in FAULTS {
        fault::copy(&comparison.include, &copy, changes)?;
        let facts = comparison.facts(&copy).with_context(|| format!("self-test: {what}"))?;
        fault::expect(what, fact, || same(theirs, &facts))?;
    }

    let dir = comparison.work.join("fault-lib");
    fs::create_dir_all(&dir)?;
    let theirs = symbols::facts(&comparison.peer.lib, "liburing")?;
    let map = fs::read_to_string(root().join("src/liburing.map"))?;
    let symbol = "io_uring_resize_rings;";
    let without = map.replacen(symbol, "", 1);
    let moved = without.replacen("global:", &format!("global: {symbol}"), 1);
    ensure!(
        without != map && moved != without,
        "self-test: src/liburing.map has no {symbol} to move: write another fault"
    );
    for (what, text) in [("a symbol removed", &without), ("a symbol in another node", &moved)] {
        let script = dir.join("fault.map");
        fs::write(&script, text)?;
        compile::c()?
            .args(["-shared", "-nostdlib", "-Wl,-soname,liburing.so.2"])
            .arg(format!("-Wl,--version-script={}", script.display()))
            .arg(lib_dir().join("liburing.o"))
            .to(dir.join("liburing.so.2"))?;
        let facts = symbols::facts(&dir, "liburing")?;
        fault::expect(what, "symbol io_uring_resize_rings:", || same(&theirs, &facts))?;
    }
    Ok(())
}
