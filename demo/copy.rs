//! Copies a file with sixteen requests in flight: each piece is read, then written.
//!
//!     cargo run --example copy -- FROM TO

#![allow(clippy::cast_possible_truncation)] // What comes back in user_data went in as usize.

use ironring::*;
use std::fs::File;
use std::io;
use std::mem::zeroed;
use std::os::fd::AsRawFd as _;
use std::ptr::null_mut;

const SLOTS: u32 = 16;
const PIECE: u32 = 128 * 1024;

/// A piece of the file that is being copied.
struct Slot {
    buffer: Vec<u8>,
    /// Where the request in flight starts in the file, and how much of the piece is left to copy from there.
    offset: u64,
    left: u32,
    /// Bytes that were read and wait to be written, from `start` of the buffer.
    start: usize,
    held: u32,
}

struct Copy {
    /// Boxed: a ring is not moved once it is made.
    ring: Box<io_uring>,
    from: File,
    to: File,
    slots: Vec<Slot>,
}

fn check(result: i32) -> io::Result<u32> {
    u32::try_from(result).map_err(|_| io::Error::from_raw_os_error(-result))
}

impl Copy {
    fn new(from: File, to: File) -> io::Result<Self> {
        // SAFETY: integers and raw pointers may be zero.
        let mut ring: Box<io_uring> = Box::new(unsafe { zeroed() });
        // SAFETY: the ring has its place; `drop` exits it.
        check(unsafe { io_uring_queue_init(SLOTS, &raw mut *ring, 0) })?;
        let slot = || Slot {
            buffer: vec![0; PIECE as usize],
            offset: 0,
            left: 0,
            start: 0,
            held: 0,
        };
        let slots = (0..SLOTS).map(|_| slot()).collect();
        Ok(Self { ring, from, to, slots })
    }

    /// Prepares what the slot needs next: the write of what it holds, or the read of what is left.
    fn prepare(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        let rest = slot.buffer[slot.start..].as_mut_ptr().cast();
        // SAFETY: there is an entry for each slot; the buffer and the files stay until the completion.
        unsafe {
            let sqe = io_uring_get_sqe(&raw mut *self.ring);
            if slot.held > 0 {
                io_uring_prep_write(sqe, self.to.as_raw_fd(), rest, slot.held, slot.offset);
            } else {
                io_uring_prep_read(sqe, self.from.as_raw_fd(), rest, slot.left, slot.offset);
            }
            io_uring_sqe_set_data64(sqe, index as u64);
        }
    }

    /// Takes note of a completion; whether the slot's piece is copied.
    fn account(&mut self, index: usize, result: i32) -> io::Result<bool> {
        let slot = &mut self.slots[index];
        match check(result)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read if slot.held == 0 => slot.held = read,
            written => {
                slot.held -= written;
                slot.left -= written;
                slot.offset += u64::from(written);
                slot.start = if slot.held > 0 {
                    slot.start + written as usize
                } else {
                    0
                };
            }
        }
        Ok(slot.left == 0)
    }

    fn run(&mut self) -> io::Result<u64> {
        let size = self.from.metadata()?.len();
        let (mut next, mut busy) = (0, 0);
        let mut idle: Vec<usize> = (0..self.slots.len()).collect();
        loop {
            while let (Some(index), true) = (idle.last().copied(), next < size) {
                idle.pop();
                let slot = &mut self.slots[index];
                slot.offset = next;
                slot.left = u32::try_from(size - next).unwrap_or(PIECE).min(PIECE);
                next += u64::from(slot.left);
                busy += 1;
                self.prepare(index);
            }
            if busy == 0 {
                return Ok(size);
            }
            // SAFETY: the ring is this thread's; `cqes` has room for as many as are asked for.
            let cqes = unsafe {
                let ring = &raw mut *self.ring;
                check(io_uring_submit_and_wait(ring, 1))?;
                let mut cqes = [null_mut(); SLOTS as usize];
                let count = io_uring_peek_batch_cqe(ring, cqes.as_mut_ptr(), SLOTS);
                let seen: Vec<(usize, i32)> = cqes[..count as usize]
                    .iter()
                    .map(|&cqe| ((*cqe).user_data as usize, (*cqe).res))
                    .collect();
                io_uring_cq_advance(ring, count);
                seen
            };
            for (index, result) in cqes {
                if self.account(index, result)? {
                    busy -= 1;
                    idle.push(index);
                } else {
                    self.prepare(index);
                }
            }
        }
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // SAFETY: the ring was made by `new`. After an error requests may still use the buffers: they are leaked.
        unsafe { io_uring_queue_exit(&raw mut *self.ring) };
        if self.slots.iter().any(|slot| slot.left > 0) {
            std::mem::forget(std::mem::take(&mut self.slots));
        }
    }
}

fn main() -> io::Result<()> {
    let names: Vec<_> = std::env::args_os().skip(1).collect();
    let [from, to] = &names[..] else {
        return Err(io::Error::other("usage: copy FROM TO"));
    };
    let bytes = Copy::new(File::open(from)?, File::create(to)?)?.run()?;
    println!("copied {bytes} bytes");
    Ok(())
}
