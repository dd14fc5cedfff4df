//! Faults on purpose, in copies below `target/abi`: each must be found, by the fact that names it.

use super::facts::Facts;
use super::{Judge, dwarf, symbols};
use crate::util::{output, root};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A change of a header: what it is, the file, what stands there, what is to stand there, the fact that must differ.
type Plant = (&'static str, &'static str, &'static str, &'static str, &'static str);

const HEADERS: [Plant; 7] = [
    (
        "a function removed",
        "liburing.h",
        "int io_uring_get_events(",
        "int io_uring_other_events(",
        "function io_uring_get_events",
    ),
    (
        "a parameter of another type",
        "liburing.h",
        "int io_uring_register_buf_ring(struct io_uring *ring,",
        "int io_uring_register_buf_ring(const struct io_uring *ring,",
        "function io_uring_register_buf_ring",
    ),
    (
        "an inline that is none",
        "liburing.h",
        "IOURINGINLINE void io_uring_prep_nop(",
        "void io_uring_prep_nop(",
        "linkage io_uring_prep_nop",
    ),
    (
        "a member moved",
        "liburing.h",
        "\tint ring_fd;",
        "\tint ring_fd_;",
        "member struct io_uring.ring_fd",
    ),
    (
        "a constant of another value",
        "liburing/io_uring.h",
        "#define IORING_SETUP_SQPOLL\t(1U << 1)",
        "#define IORING_SETUP_SQPOLL\t(1U << 2)",
        "constant IORING_SETUP_SQPOLL",
    ),
    (
        "a constant with a sign",
        "liburing/io_uring.h",
        "#define IORING_SETUP_SQPOLL\t(1U << 1)",
        "#define IORING_SETUP_SQPOLL\t(1 << 1)",
        "constant IORING_SETUP_SQPOLL",
    ),
    (
        "an enumerator where #if wants a macro",
        "liburing/io_uring.h",
        "#define IORING_SETUP_SQPOLL\t(1U << 1)",
        "enum { IORING_SETUP_SQPOLL = 1U << 1 };",
        "macro IORING_SETUP_SQPOLL",
    ),
];

pub fn run(judge: &Judge, theirs: &Facts) -> Result<()> {
    for plant in &HEADERS {
        header(judge, theirs, plant)?;
    }
    library(judge)?;
    abidiff(judge)
}

fn header(judge: &Judge, theirs: &Facts, (what, file, from, to, fact): &Plant) -> Result<()> {
    let copy = judge.work.join("planted");
    if copy.exists() {
        fs::remove_dir_all(&copy)?;
    }
    output(Command::new("cp").arg("-r").arg(&judge.include).arg(&copy))?;
    change(&copy.join(file), from, to)?;
    if *what == "a member moved" {
        // The two change places; the bodies that use them go on compiling.
        change(&copy.join(file), "\tint enter_ring_fd;", "\tint ring_fd;")?;
        change(&copy.join(file), "\tint ring_fd_;", "\tint enter_ring_fd;")?;
    }
    let facts = judge.facts(&copy).with_context(|| format!("self-test: {what}"))?;
    let differ: Vec<&String> = theirs
        .iter()
        .filter(|(name, fact)| facts.get(*name) != Some(fact))
        .map(|f| f.0)
        .collect();
    ensure!(
        differ.iter().any(|name| name == fact),
        "self-test: {what}: {fact} should differ; what does: {differ:?}"
    );
    println!("self-test: {what}: found, {} facts differ", differ.len());
    Ok(())
}

fn change(path: &Path, from: &str, to: &str) -> Result<()> {
    let text = fs::read_to_string(path)?;
    ensure!(
        text.contains(from),
        "self-test: {} no longer has {from:?}: adapt the plant",
        path.display()
    );
    fs::write(path, text.replacen(from, to, 1))?;
    Ok(())
}

/// One symbol in another node, one symbol gone.
fn library(judge: &Judge) -> Result<()> {
    let dir = judge.work.join("planted-lib");
    fs::create_dir_all(&dir)?;
    let theirs = symbols::facts(&judge.peer.lib, "liburing")?;
    let map = fs::read_to_string(root().join("src/liburing.map"))?;
    let symbol = "io_uring_resize_rings";
    let line = map
        .lines()
        .find(|line| line.trim() == format!("{symbol};"))
        .context("the map has another form")?;
    let without = map.replacen(&format!("{line}\n"), "", 1);
    let first = without.find(';').context("an empty map")? + 1;
    let moved = format!("{} {symbol};{}", &without[..first], &without[first..]);
    for (what, text) in [("a symbol removed", &without), ("a symbol in another node", &moved)] {
        let script = dir.join("planted.map");
        fs::write(&script, text)?;
        dwarf::link(
            &judge.lib.join("liburing.o"),
            &script,
            "liburing",
            &dir.join("liburing.so.2"),
        )?;
        let facts = symbols::facts(&dir, "liburing")?;
        let differ = theirs
            .iter()
            .filter(|(name, fact)| facts.get(*name) != Some(fact))
            .count();
        ensure!(differ == 1, "self-test: {what}: {differ} facts of the library differ");
        println!("self-test: {what}: found, 1 fact differs");
    }
    Ok(())
}

/// abidiff must see a member that moved and a function that went, with our Rust build on the other side.
fn abidiff(judge: &Judge) -> Result<()> {
    let ours = judge.work.join("build-ours/liburing.so");
    let planted = dwarf::peer(judge, "peer-moved", |dir| {
        let header = dir.join("src/include/liburing.h");
        change(&header, "unsigned sqe_head;", "unsigned sqe_head_;")?;
        change(&header, "unsigned sqe_tail;", "unsigned sqe_head;")?;
        change(&header, "unsigned sqe_head_;", "unsigned sqe_tail;")
    })?;
    let release = &judge.peer.version;
    let said = dwarf::difference(&planted.join(format!("liburing.so.{release}")), &ours)?;
    ensure!(
        said.is_some_and(|said| said.contains("sqe_tail")),
        "self-test: abidiff doesn't see a moved member"
    );
    println!("self-test: abidiff, a member moved: found");

    let dir = judge.work.join("planted-lib");
    let map = fs::read_to_string(root().join("src/liburing.map"))?;
    let line = map
        .lines()
        .find(|line| line.trim() == "io_uring_submit;")
        .context("the map has another form")?;
    let script = dir.join("planted.map");
    fs::write(&script, map.replacen(line, "", 1))?;
    let less = dir.join("less.so");
    dwarf::link(&judge.work.join("build-ours/liburing.o"), &script, "liburing", &less)?;
    let peer = judge.work.join(format!("build-peer/src/liburing.so.{release}"));
    let said = dwarf::difference(&peer, &less)?;
    ensure!(
        said.is_some_and(|said| said.contains("io_uring_submit")),
        "self-test: abidiff doesn't miss a function"
    );
    println!("self-test: abidiff, a function removed: found");
    Ok(())
}
