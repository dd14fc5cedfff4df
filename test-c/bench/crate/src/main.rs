//! The io-uring crate: the same tasks as `uring.c`, in the same protocol (see `bench.h`).

use anyhow::{Context, Result, bail, ensure};
use io_uring::{IoUring, opcode, types};
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::Instant;

const BLOCK: u16 = 4096;

/// A block, aligned for direct I/O.
#[derive(Clone)]
#[repr(align(4096))]
struct Block([u8; BLOCK as usize]);

fn main() -> Result<()> {
    let mut out = std::io::stdout();
    for line in std::io::stdin().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let &[work, depth, operations, path] = words.as_slice() else {
            bail!("not a task: {line}");
        };
        let (depth, operations) = (depth.parse()?, operations.parse()?);
        writeln!(out, "{}", perform(work, depth, operations, path)?)?;
        out.flush()?;
    }
    Ok(())
}

fn perform(work: &str, depth: u32, operations: u64, path: &str) -> Result<u128> {
    Ok(match work {
        "nop" => {
            let mut ring = IoUring::new(depth)?;
            nops(&mut ring, depth, depth.into())?;
            let start = Instant::now();
            nops(&mut ring, depth, operations)?;
            start.elapsed().as_nanos()
        }
        "create" => {
            let start = Instant::now();
            for _ in 0..operations {
                drop(IoUring::new(depth)?);
            }
            start.elapsed().as_nanos()
        }
        "cached" => reads(depth, operations, path, 0)?,
        "direct" => reads(depth, operations, path, libc::O_DIRECT)?,
        _ => bail!("this worker has no work called {work}"),
    })
}

fn nops(ring: &mut IoUring, depth: u32, operations: u64) -> Result<()> {
    for _ in 0..operations.div_ceil(depth.into()) {
        let mut queue = ring.submission();
        for _ in 0..depth {
            // SAFETY: a nop uses no memory.
            unsafe { queue.push(&opcode::Nop::new().build()) }.context("the queue is full")?;
        }
        drop(queue);
        ring.submit_and_wait(depth as usize)?;
        let seen = ring.completion().count();
        ensure!(seen == depth as usize, "{seen} completions of {depth}");
    }
    Ok(())
}

/// Random offsets of blocks: the same as in `bench.h`.
struct Offsets {
    state: u64,
    count: u64,
}

impl Offsets {
    fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % self.count * u64::from(BLOCK)
    }
}

fn reads(depth: u32, operations: u64, path: &str, flags: i32) -> Result<u128> {
    let mut file: File = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let mut offsets = Offsets {
        state: 88_172_645_463_325_252,
        count: file.seek(SeekFrom::End(0))? / u64::from(BLOCK),
    };
    let mut memory = vec![Block([1; BLOCK as usize]); depth as usize];
    let mut ring = IoUring::new(depth)?;
    let fd = types::Fd(file.as_raw_fd());
    let (mut begun, mut done) = (0, 0);
    let mut free: Vec<usize> = (0..depth as usize).rev().collect();
    let start = Instant::now();
    while done < operations {
        let mut queue = ring.submission();
        while begun < operations {
            let Some(slot) = free.pop() else { break };
            let read = opcode::Read::new(fd, memory[slot].0.as_mut_ptr(), BLOCK.into())
                .offset(offsets.next())
                .build()
                .user_data(slot as u64);
            // SAFETY: `memory` outlives the ring, and each slot has one pending read.
            unsafe { queue.push(&read) }.context("the queue is full")?;
            begun += 1;
        }
        drop(queue);
        ring.submit_and_wait(1)?;
        for cqe in ring.completion() {
            ensure!(cqe.result() == i32::from(BLOCK), "a read gave {}", cqe.result());
            free.push(usize::try_from(cqe.user_data())?);
            done += 1;
        }
    }
    let time = start.elapsed().as_nanos();
    drop(ring);
    file.rewind()?;
    file.read_exact(&mut memory[0].0)?;
    Ok(time)
}
