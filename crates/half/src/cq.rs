//! Posting completions to the CQ.

use crate::ring::{Ring, count};
use ironring_abi::barrier::{io_uring_smp_load_acquire, io_uring_smp_store_release, write_entry};
use ironring_abi::uapi::*;

/// The kernel's state of the CQ.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cq {
    /// The next slot to fill. [`Ring::publish`] publishes it.
    pub tail: u32,
    /// The program's head when it was last read: the slots before it are free.
    pub head: u32,
}

impl Cq {
    /// The state of an empty queue whose head and tail are `start`.
    pub fn new(start: u32) -> Cq {
        Cq {
            tail: start,
            head: start,
        }
    }
}

/// A completion.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cqe {
    pub user_data: u64,
    pub res: i32,
    /// `IORING_CQE_F_` flags. `IORING_CQE_F_32` selects 32 bytes on a ring with `IORING_SETUP_CQE_MIXED`.
    pub flags: u32,
    /// The second half of a 32-byte completion.
    pub big: [u64; 2],
}

/// A queue of completions for which the CQ had no room.
pub trait Backlog {
    /// The oldest completion.
    fn first(&self) -> Option<Cqe>;

    /// Removes the oldest completion.
    fn pop(&mut self);

    /// Appends a completion; false if there is no memory for it.
    fn push(&mut self, cqe: &Cqe) -> bool;
}

/// The result of posting a completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posted {
    /// It is in the CQ.
    Filled,
    /// It is in the backlog, and `IORING_SQ_CQ_OVERFLOW` is set.
    Overflowed,
    /// It is lost, and counted in the ring: `io_uring_enter` must return -EBADR to waiters.
    Lost,
}

impl Ring {
    /// The number of free slots. Reads the program's head only if fewer than `need` are known to be free.
    unsafe fn free(&self, cq: &mut Cq, need: u32) -> u32 {
        let free = |cq: &Cq| self.cq_entries() - cq.tail.wrapping_sub(cq.head).min(self.cq_entries());
        if free(cq) < need {
            let [head, _] = self.cq_words();
            // The program has read the slots before its head; all writes to them must come after.
            // SAFETY: a word of the ring.
            let head: u32 = unsafe { io_uring_smp_load_acquire(head) };
            // A faulty program could move its head past the tail. Linux treats the queue as empty then (since its commit
            // f44d38a31f18): if it counted as full, the backlog could never be flushed, and waiters would never return.
            let past = cq.tail.wrapping_sub(head) > u32::MAX / 2;
            cq.head = if past { cq.tail } else { head };
        }
        free(cq)
    }

    /// Writes a completion to the next one or two slots, which are free.
    unsafe fn put(&self, cq: &mut Cq, cqe: &Cqe, slots: u32) {
        let at = self.cqe(cq.tail & (self.cq_entries() - 1));
        let first = io_uring_cqe {
            user_data: cqe.user_data,
            res: cqe.res,
            flags: cqe.flags,
            big_cqe: [],
        };
        // SAFETY: a free slot of the CQ. If the completion has 32 bytes, so has the slot, or the next slot is free as
        // well.
        unsafe {
            write_entry(at, first);
            if slots == 2 || self.has(IORING_SETUP_CQE32) {
                write_entry(at.add(1).cast(), cqe.big);
            }
        }
        cq.tail = cq.tail.wrapping_add(slots);
    }

    /// Writes a completion to the CQ; false if there is no room. [`publish`](Self::publish) makes it visible.
    ///
    /// # Safety
    /// As for [`new`](Self::new).
    pub unsafe fn fill(&self, cq: &mut Cq, cqe: &Cqe) -> bool {
        let big = self.has(IORING_SETUP_CQE_MIXED) && cqe.flags & IORING_CQE_F_32 != 0;
        let slots = 1 + u32::from(big);
        let last = self.cq_entries() - 1;
        // SAFETY: the caller's promise; each slot is free before it is written.
        unsafe {
            if big && cq.tail & last == last {
                if self.free(cq, 1) == 0 {
                    return false;
                }
                let filler = Cqe {
                    flags: IORING_CQE_F_SKIP,
                    ..Cqe::default()
                };
                self.put(cq, &filler, 1);
            }
            if self.free(cq, slots) < slots {
                return false;
            }
            self.put(cq, cqe, slots);
        }
        true
    }

    /// Makes the completions written so far visible to the program.
    ///
    /// # Safety
    /// As for [`new`](Self::new).
    pub unsafe fn publish(&self, cq: &Cq) {
        let [_, tail] = self.cq_words();
        // The program reads the slots once it sees the tail, so all writes to them must come first.
        // SAFETY: a word of the ring, which only the kernel writes.
        unsafe { io_uring_smp_store_release(tail, cq.tail) };
    }

    /// Posts a completion: to the CQ, or to the backlog if it is not empty or the CQ has no room. Call
    /// [`publish`](Self::publish) afterwards.
    ///
    /// # Safety
    /// As for [`new`](Self::new).
    pub unsafe fn post(&self, cq: &mut Cq, backlog: &mut impl Backlog, cqe: &Cqe) -> Posted {
        let waiting = backlog.first().is_some();
        // SAFETY: the caller's promise.
        unsafe {
            if !waiting && self.fill(cq, cqe) {
                return Posted::Filled;
            }
            if !backlog.push(cqe) {
                count(self.cq_overflow());
                return Posted::Lost;
            }
            if !waiting {
                self.set_flags(IORING_SQ_CQ_OVERFLOW);
            }
        }
        Posted::Overflowed
    }

    /// Moves completions from the backlog to the CQ while it has room; true if the backlog is empty afterwards. Call
    /// [`publish`](Self::publish) afterwards.
    ///
    /// # Safety
    /// As for [`new`](Self::new).
    pub unsafe fn flush(&self, cq: &mut Cq, backlog: &mut impl Backlog) -> bool {
        // SAFETY: the caller's promise.
        unsafe {
            let empty = self.refill(cq, backlog);
            if empty {
                self.clear_flags(IORING_SQ_CQ_OVERFLOW);
            }
            empty
        }
    }

    /// As [`flush`](Self::flush), but leaves it to the caller to clear `IORING_SQ_CQ_OVERFLOW` once the backlog is empty.
    ///
    /// # Safety
    /// As for [`new`](Self::new).
    pub unsafe fn refill(&self, cq: &mut Cq, backlog: &mut impl Backlog) -> bool {
        while let Some(cqe) = backlog.first() {
            // SAFETY: the caller's promise.
            if !unsafe { self.fill(cq, &cqe) } {
                return false;
            }
            backlog.pop();
        }
        true
    }
}
