//! Taking entries from the SQ.

use crate::ring::{Ring, count};
use core::ptr::null;
use ironring_abi::barrier::{
    io_uring_smp_load_acquire, io_uring_smp_mb, io_uring_smp_store_release, read_entry, read_once,
};
use ironring_abi::uapi::*;

/// The kernel's state of the SQ.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sq {
    /// The next slot to take. [`Batch::end`] publishes it.
    pub head: u32,
}

impl Sq {
    /// The state of an empty queue whose head and tail are `start`.
    pub fn new(start: u32) -> Sq {
        Sq { head: start }
    }
}

/// The size of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// 64 bytes.
    Small,
    /// 128 bytes.
    Big,
    /// 64 bytes, but the opcode needs 128: the request must fail with -EINVAL.
    Torn,
}

/// An entry taken from the SQ.
pub struct Entry {
    /// A copy of the first 64 bytes: the program could change the slot at any time.
    pub sqe: io_uring_sqe,
    pub size: Size,
    second: *const io_uring_sqe,
}

impl Entry {
    /// The other 64 bytes of a big entry, from the SQ.
    ///
    /// # Safety
    /// The batch from which the entry comes has not ended.
    pub unsafe fn second(&self) -> Option<io_uring_sqe> {
        // SAFETY: a slot of the ring, which the program gets back only when the batch ends.
        (self.size == Size::Big).then(|| unsafe { read_entry(self.second) })
    }
}

/// Entries being taken from the SQ.
#[must_use = "the program gets the slots back when the batch ends"]
pub struct Batch<'a> {
    ring: &'a Ring,
    sq: &'a mut Sq,
    left: u32,
    taken: u32,
}

impl Ring {
    /// The number of slots that the program has published and the kernel has not taken. For a ring with
    /// `IORING_SETUP_SQ_REWIND`, whose tail is not used, the number of slots.
    ///
    /// # Safety
    /// As for [`new`](Self::new).
    pub unsafe fn submitted(&self, sq: &Sq) -> u32 {
        if self.has(IORING_SETUP_SQ_REWIND) {
            return self.sq_entries();
        }
        let [_, tail, _] = self.sq_words();
        // The program has filled the slots before the tail.
        // SAFETY: a word of the ring.
        let tail = unsafe { io_uring_smp_load_acquire(tail) };
        // A faulty program could publish more than there are.
        tail.wrapping_sub(sq.head).min(self.sq_entries())
    }

    /// Sets `IORING_SQ_NEED_WAKEUP` and returns true if the SQ is empty, so that the polling thread can sleep. The
    /// thread must clear the flag when it wakes up.
    ///
    /// # Safety
    /// As for [`new`](Self::new).
    pub unsafe fn may_sleep(&self, sq: &Sq) -> bool {
        // SAFETY: the caller's promise.
        unsafe {
            self.set_flags(IORING_SQ_NEED_WAKEUP);
            // The program stores the tail, then reads the flag; this is the reverse. Without a full barrier on both
            // sides each could miss the other's store.
            io_uring_smp_mb();
            if self.submitted(sq) == 0 {
                return true;
            }
            self.clear_flags(IORING_SQ_NEED_WAKEUP);
        }
        false
    }

    /// Whether the entry `index` and the next one can form one of 128 bytes: both exist, and `left` more slots were submitted.
    pub(crate) fn spans_two(&self, index: u32, left: u32) -> bool {
        self.has(IORING_SETUP_SQE_MIXED) && left != 0 && index != self.sq_entries() - 1
    }

    /// Starts taking entries: all that were submitted, but at most `most` slots.
    ///
    /// # Safety
    /// As for [`new`](Self::new). Without `IORING_SETUP_SQPOLL` the calling thread is the submitting thread.
    pub unsafe fn take<'a>(&'a self, sq: &'a mut Sq, most: u32) -> Batch<'a> {
        if self.has(IORING_SETUP_SQ_REWIND) {
            sq.head = 0;
        }
        // SAFETY: the caller's promise.
        let left = unsafe { self.submitted(sq) }.min(most);
        Batch {
            ring: self,
            sq,
            left,
            taken: 0,
        }
    }
}

impl Batch<'_> {
    /// The number of slots not yet taken.
    pub fn left(&self) -> u32 {
        self.left
    }

    /// Advances the head; returns the slot.
    fn step(&mut self) -> u32 {
        let slot = self.sq.head & (self.ring.sq_entries() - 1);
        self.sq.head = self.sq.head.wrapping_add(1);
        slot
    }

    /// Takes the next entry. A slot with an invalid index is counted as dropped, and no more entries follow it.
    ///
    /// # Safety
    /// As for [`Ring::take`].
    #[allow(clippy::should_implement_trait, reason = "an iterator's is safe")]
    pub unsafe fn next(&mut self) -> Option<Entry> {
        if self.left == 0 {
            return None;
        }
        let (ring, last) = (self.ring, self.ring.sq_entries() - 1);
        let slot = self.step();
        // SAFETY: a slot before the tail, which the program does not use until the batch ends; the index is in bounds.
        unsafe {
            let index = if ring.has(IORING_SETUP_NO_SQARRAY) {
                slot
            } else {
                read_once(ring.array(slot))
            };
            if index > last {
                count(ring.sq_dropped());
                self.left = 0;
                return None;
            }
            self.left -= 1;
            self.taken += 1;
            let sqe = read_entry(ring.sqe(index));
            let mut second: *const io_uring_sqe = null();
            let mut size = Size::Small;
            if ring.has(IORING_SETUP_SQE128) {
                size = Size::Big;
                second = ring.sqe(index).add(1);
            } else if needs_128(sqe.opcode) {
                size = Size::Torn;
                if ring.spans_two(index, self.left) {
                    self.step();
                    self.left -= 1;
                    self.taken += 1;
                    size = Size::Big;
                    second = ring.sqe(index + 1);
                }
            }
            Some(Entry { sqe, size, second })
        }
    }

    /// Returns the slots to the program, and the number of slots taken; a big entry of a mixed queue counts as two.
    ///
    /// # Safety
    /// As for [`Ring::take`].
    pub unsafe fn end(self) -> u32 {
        if self.ring.has(IORING_SETUP_SQ_REWIND) {
            self.sq.head = 0;
            return self.taken;
        }
        let [head, ..] = self.ring.sq_words();
        // The program reuses the slots once it sees the head, so all reads of them must come first.
        // SAFETY: a word of the ring, which only the kernel writes.
        unsafe { io_uring_smp_store_release(head, self.sq.head) };
        self.taken
    }
}

/// Whether an operation needs an entry of 128 bytes.
pub fn needs_128(opcode: u8) -> bool {
    [IORING_OP_NOP128, IORING_OP_URING_CMD128].contains(&opcode.into())
}
