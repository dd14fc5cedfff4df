//! Resizing the queues of a ring in use.

use crate::cq::Cq;
use crate::ring::Ring;
use crate::sq::{Sq, needs_128};
use ironring_abi::barrier::{read_entry, read_once, write_entry, write_once};
use ironring_abi::ctypes::c_int;
use ironring_abi::uapi::*;
use libc::EOVERFLOW;

/// The entries from `head` to `tail`: the first slot of each, and its number of slots. `two` gets a slot and the number
/// of slots after it, and returns whether the entry includes the next slot.
fn entries(head: u32, tail: u32, two: impl Fn(u32, u32) -> bool) -> impl Iterator<Item = (u32, u32)> {
    let mut at = head;
    core::iter::from_fn(move || {
        let left = tail.wrapping_sub(at);
        if left == 0 {
            return None;
        }
        let entry = (at, 1 + u32::from(left > 1 && two(at, left - 1)));
        at = at.wrapping_add(entry.1);
        Some(entry)
    })
}

/// Whether entries fit in a queue of `size` slots, none of them across its end.
fn fit(entries: impl Iterator<Item = (u32, u32)>, size: u32) -> bool {
    let mut left = size;
    for (at, slots) in entries {
        if slots > left || slots == 2 && at & (size - 1) == size - 1 {
            return false;
        }
        left -= slots;
    }
    true
}

/// Copies a slot; with `two` it has double size.
unsafe fn copy<T: Copy>(from: *const T, to: *mut T, two: bool) {
    for half in 0..=usize::from(two) {
        // SAFETY: slots of two rings.
        unsafe { write_entry(to.add(half), read_entry(from.add(half))) };
    }
}

impl Ring {
    /// The index of the entry in a slot of the SQ, none if the array has no valid index there.
    unsafe fn index(&self, at: u32) -> Option<u32> {
        let slot = at & (self.sq_entries() - 1);
        if self.has(IORING_SETUP_NO_SQARRAY) {
            return Some(slot);
        }
        // SAFETY: the slot is in the array.
        let index = unsafe { read_once(self.array(slot)) };
        (index < self.sq_entries()).then_some(index)
    }

    /// Initializes the ring `new` and copies this ring's contents to it: entries submitted but not taken, completions
    /// not consumed, flags and counters. Returns -EOVERFLOW if they do not fit; then this ring is unchanged. Afterwards
    /// the backlog can be [flushed](Self::flush) to the new ring.
    ///
    /// The flags of both rings must be the same, except `IORING_SETUP_CQSIZE` and `IORING_SETUP_CLAMP`. Unlike Linux up
    /// to 6.18 this also copies entries of double size, entries on both sides of index 0, and entries that the SQ's
    /// array has in another order.
    ///
    /// # Safety
    /// As for [`new`](Self::new), for both rings, and nobody takes entries or posts during the call. A program that writes
    /// to its ring during the call gets undefined contents, but cannot make it access other memory.
    pub unsafe fn resize(&self, new: &Ring, sq: &Sq, cq: &mut Cq) -> Result<(), c_int> {
        let [_, sq_tail, sq_flags] = self.sq_words();
        let [cq_head, _] = self.cq_words();
        let (old_mask, new_mask) = (self.cq_entries() - 1, new.cq_entries() - 1);
        // SAFETY: words and slots of both rings; every index is masked.
        unsafe {
            let (sq_tail, cq_head) = (read_once(sq_tail), read_once(cq_head));
            let big_sqe = |at: u32, left| {
                self.index(at)
                    .is_some_and(|index| self.spans_two(index, left) && needs_128(read_entry(self.sqe(index)).opcode))
            };
            let big_cqe = |at: u32, _| {
                self.has(IORING_SETUP_CQE_MIXED) && read_entry(self.cqe(at & old_mask)).flags & IORING_CQE_F_32 != 0
            };
            let sqes = || entries(sq.head, sq_tail, big_sqe);
            let cqes = || entries(cq_head, cq.tail, big_cqe);
            if !fit(sqes(), new.sq_entries()) || !fit(cqes(), new.cq_entries()) {
                return Err(-EOVERFLOW);
            }
            new.describe();
            new.clear(0);

            // The indexes are masked because the program could have changed the entries since `fit` checked them.
            for (at, slots) in sqes() {
                let from = self.index(at);
                for half in 0..slots {
                    let to = at.wrapping_add(half) & (new.sq_entries() - 1);
                    if let Some(from) = from {
                        let from = (from + half) & (self.sq_entries() - 1);
                        copy(self.sqe(from), new.sqe(to), self.has(IORING_SETUP_SQE128));
                    }
                    if !self.has(IORING_SETUP_NO_SQARRAY) {
                        write_once(new.array(to), if from.is_some() { to } else { u32::MAX });
                    }
                }
            }
            for n in 0..cq.tail.wrapping_sub(cq_head) {
                let at = cq_head.wrapping_add(n);
                copy(
                    self.cqe(at & old_mask),
                    new.cqe(at & new_mask),
                    self.has(IORING_SETUP_CQE32),
                );
            }

            let [head, tail, flags] = new.sq_words();
            write_once(head, sq.head);
            write_once(tail, sq_tail);
            write_once(flags, read_once(sq_flags));
            let [head, tail] = new.cq_words();
            write_once(head, cq_head);
            write_once(tail, cq.tail);
            cq.head = cq_head;
            write_once(new.sq_dropped(), read_once(self.sq_dropped()));
            write_once(new.cq_overflow(), read_once(self.cq_overflow()));
            if !new.cq_flags().is_null() {
                write_once(new.cq_flags(), read_once(self.cq_flags()));
            }
        }
        Ok(())
    }
}
