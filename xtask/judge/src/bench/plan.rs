//! What is measured: each point is one kind of work at one depth, by several engines.

use super::{ENGINE, FASTEST, FLAVOUR, FLOOR, OURS, PEER};

/// What a task reads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Nothing,
    File,
    Loop,
}

#[derive(Clone)]
pub struct Point {
    /// The worker's name for it.
    pub work: &'static str,
    /// The label of a table's row and of a plot.
    pub title: &'static str,
    pub depth: u32,
    pub target: Target,
    pub engines: &'static [&'static str],
}

impl Point {
    /// Whether the library's own work is a visible part of the time, so that the libraries run in one process.
    pub fn together(&self) -> bool {
        ["nop", "single", "create"].contains(&self.work)
    }

    /// How many operations make a batch. Rings are created one by one, whatever their size.
    pub fn batch(&self) -> u64 {
        if self.work == "create" { 1 } else { self.depth.into() }
    }
}

const LIBURINGS: &[&str] = &[PEER, OURS, ENGINE, FASTEST];
const RINGS: &[&str] = &[PEER, OURS, FLAVOUR, ENGINE, FASTEST, "io-uring crate", FLOOR];
const SINGLE: &[&str] = &[PEER, OURS, FLAVOUR, ENGINE, FASTEST, FLOOR];
const READERS: &[&str] = &[
    PEER,
    OURS,
    ENGINE,
    FASTEST,
    "io-uring crate",
    FLOOR,
    "libaio",
    "POSIX AIO",
    "pread",
];
const SERVERS: &[&str] = &[PEER, OURS, ENGINE, FASTEST, "epoll"];

type Row = (
    &'static str,
    &'static str,
    Target,
    &'static [&'static str],
    &'static [u32],
);

const ROWS: &[Row] = &[
    (
        "nop",
        "nops, one call per batch",
        Target::Nothing,
        RINGS,
        &[1, 8, 32, 256, 4096],
    ),
    ("single", "one nop: submit, then wait", Target::Nothing, SINGLE, &[1]),
    (
        "create",
        "create and exit a ring",
        Target::Nothing,
        RINGS,
        &[8, 64, 1024, 4096],
    ),
    (
        "threads",
        "nops, two threads with a ring each",
        Target::Nothing,
        LIBURINGS,
        &[1, 32],
    ),
    (
        "sqpoll",
        "nops with SQPOLL",
        Target::Nothing,
        LIBURINGS,
        &[1, 8, 32, 256],
    ),
    (
        "cached",
        "4 KiB reads from the page cache",
        Target::File,
        READERS,
        &[1, 4, 16, 64, 256],
    ),
    (
        "cached-fixed",
        "same, with registered buffers and file",
        Target::File,
        LIBURINGS,
        &[1, 16, 256],
    ),
    (
        "direct",
        "4 KiB O_DIRECT reads from a file",
        Target::File,
        READERS,
        &[1, 4, 16, 64, 256],
    ),
    (
        "direct-fixed",
        "same, with registered buffers and file",
        Target::File,
        LIBURINGS,
        &[1, 16, 256],
    ),
    (
        "direct",
        "4 KiB O_DIRECT reads from a loop device",
        Target::Loop,
        READERS,
        &[1, 16, 256],
    ),
    (
        "echo",
        "echo over loopback (depth: connections)",
        Target::Nothing,
        SERVERS,
        &[1, 64, 1024],
    ),
];

pub fn points() -> Vec<Point> {
    let mut points = Vec::new();
    for &(work, title, target, engines, depths) in ROWS {
        points.extend(depths.iter().map(|&depth| Point {
            work,
            title,
            depth,
            target,
            engines,
        }));
    }
    points
}
