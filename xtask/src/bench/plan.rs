//! What is measured: each point is one kind of work at one depth, by several engines.

use super::{FASTEST, FLOOR, OURS, PEER};

/// What a task reads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    Nothing,
    File,
    Loop,
}

#[derive(Clone)]
pub struct Point {
    /// The worker's name for it.
    pub work: &'static str,
    /// For readers: a table's row, a plot's title.
    pub title: &'static str,
    pub depth: u32,
    pub ground: Ground,
    pub engines: &'static [&'static str],
}

impl Point {
    /// Whether what the library itself does can be seen in the time, so that the libraries run in one process.
    pub fn together(&self) -> bool {
        ["nop", "single", "create"].contains(&self.work)
    }

    /// How many operations belong together. Rings are made one by one, whatever their size.
    pub fn batch(&self) -> u64 {
        if self.work == "create" { 1 } else { self.depth.into() }
    }
}

const LIBURINGS: &[&str] = &[PEER, OURS, FASTEST];
const RINGS: &[&str] = &[PEER, OURS, FASTEST, "io-uring crate", FLOOR];
const SINGLE: &[&str] = &[PEER, OURS, FASTEST, FLOOR];
const READERS: &[&str] = &[
    PEER,
    OURS,
    FASTEST,
    "io-uring crate",
    FLOOR,
    "libaio",
    "POSIX AIO",
    "pread",
];
const SERVERS: &[&str] = &[PEER, OURS, FASTEST, "epoll"];

type Row = (
    &'static str,
    &'static str,
    Ground,
    &'static [&'static str],
    &'static [u32],
);

const ROWS: &[Row] = &[
    (
        "nop",
        "nops, one call for each batch",
        Ground::Nothing,
        RINGS,
        &[1, 8, 32, 256, 4096],
    ),
    ("single", "one nop: submit, then wait", Ground::Nothing, SINGLE, &[1]),
    (
        "create",
        "making and ending a ring",
        Ground::Nothing,
        RINGS,
        &[8, 64, 1024, 4096],
    ),
    (
        "threads",
        "nops in two threads, a ring each",
        Ground::Nothing,
        LIBURINGS,
        &[1, 32],
    ),
    ("sqpoll", "nops by SQPOLL", Ground::Nothing, LIBURINGS, &[1, 8, 32, 256]),
    (
        "cached",
        "4 KiB reads from the page cache",
        Ground::File,
        READERS,
        &[1, 4, 16, 64, 256],
    ),
    (
        "cached-fixed",
        "the same, registered buffers and file",
        Ground::File,
        LIBURINGS,
        &[1, 16, 256],
    ),
    (
        "direct",
        "4 KiB O_DIRECT reads from a file",
        Ground::File,
        READERS,
        &[1, 4, 16, 64, 256],
    ),
    (
        "direct-fixed",
        "the same, registered buffers and file",
        Ground::File,
        LIBURINGS,
        &[1, 16, 256],
    ),
    (
        "direct",
        "4 KiB O_DIRECT reads from a loop device",
        Ground::Loop,
        READERS,
        &[1, 16, 256],
    ),
    (
        "echo",
        "echo over loopback, by connections",
        Ground::Nothing,
        SERVERS,
        &[1, 64, 1024],
    ),
];

pub fn points() -> Vec<Point> {
    let mut points = Vec::new();
    for &(work, title, ground, engines, depths) in ROWS {
        points.extend(depths.iter().map(|&depth| Point {
            work,
            title,
            depth,
            ground,
            engines,
        }));
    }
    points
}
