//! A ring's memory, and the words that both sides share.

use ironring_abi::barrier::{clear_bits, read_once, set_bits, write_once};
use ironring_abi::uapi::*;

/// A ring's memory as this process has it mapped, with the offsets in it.
#[derive(Clone, Copy, Debug)]
pub struct Ring {
    flags: u32,
    sq_entries: u32,
    cq_entries: u32,
    sq_off: io_sqring_offsets,
    cq_off: io_cqring_offsets,
    sq: *mut u8,
    cq: *mut u8,
    sqes: *mut io_uring_sqe,
}

impl Ring {
    /// The ring that `p` describes. The words and the array of the SQ are at `sq`, the words and entries of the CQ at
    /// `cq` (the same address with `IORING_FEAT_SINGLE_MMAP`), the entries of the SQ at `sqes`. Does not access the
    /// memory.
    ///
    /// # Safety
    /// As long as the ring is used, the three lead to memory of the size that [`lay_out`](crate::lay_out) gives for
    /// `p`, aligned to 8 bytes, with everything at the offsets of `p`. Others touch it as the two sides of a ring do.
    pub unsafe fn new(sq: *mut u8, cq: *mut u8, sqes: *mut io_uring_sqe, p: &io_uring_params) -> Ring {
        Ring {
            flags: p.flags,
            sq_entries: p.sq_entries,
            cq_entries: p.cq_entries,
            sq_off: p.sq_off,
            cq_off: p.cq_off,
            sq,
            cq,
            sqes,
        }
    }

    /// The `IORING_SETUP_` flags.
    pub fn flags(&self) -> u32 {
        self.flags
    }

    pub fn sq_entries(&self) -> u32 {
        self.sq_entries
    }

    pub fn cq_entries(&self) -> u32 {
        self.cq_entries
    }

    pub(crate) fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    fn sq_word(&self, offset: u32) -> *mut u32 {
        self.sq.wrapping_add(offset as usize).cast()
    }

    fn cq_word(&self, offset: u32) -> *mut u32 {
        self.cq.wrapping_add(offset as usize).cast()
    }

    /// The SQ's head, tail and flags.
    pub fn sq_words(&self) -> [*mut u32; 3] {
        [self.sq_off.head, self.sq_off.tail, self.sq_off.flags].map(|offset| self.sq_word(offset))
    }

    /// The CQ's head and tail.
    pub fn cq_words(&self) -> [*mut u32; 2] {
        [self.cq_off.head, self.cq_off.tail].map(|offset| self.cq_word(offset))
    }

    /// The CQ's flags; null if the offset is 0, as on Linux before 5.8.
    pub fn cq_flags(&self) -> *mut u32 {
        if self.cq_off.flags == 0 {
            return core::ptr::null_mut();
        }
        self.cq_word(self.cq_off.flags)
    }

    /// The number of SQ slots with an invalid index.
    pub fn sq_dropped(&self) -> *mut u32 {
        self.sq_word(self.sq_off.dropped)
    }

    /// The number of completions lost.
    pub fn cq_overflow(&self) -> *mut u32 {
        self.cq_word(self.cq_off.overflow)
    }

    /// A slot of the SQ's array; the ring must have one.
    pub(crate) fn array(&self, slot: u32) -> *mut u32 {
        self.sq_word(self.sq_off.array).wrapping_add(slot as usize)
    }

    /// The entry `index` of the SQ, below `sq_entries`: its first 64 bytes.
    pub fn sqe(&self, index: u32) -> *mut io_uring_sqe {
        let shift = u32::from(self.has(IORING_SETUP_SQE128));
        self.sqes.wrapping_add((index as usize) << shift)
    }

    /// The slot `index` of the CQ, below `cq_entries`.
    pub fn cqe(&self, index: u32) -> *mut io_uring_cqe {
        let shift = u32::from(self.has(IORING_SETUP_CQE32));
        let cqes: *mut io_uring_cqe = self.cq.wrapping_add(self.cq_off.cqes as usize).cast();
        cqes.wrapping_add((index as usize) << shift)
    }

    /// Writes masks and numbers of entries to the ring's memory.
    ///
    /// # Safety
    /// As for [`new`](Self::new), and the program does not use the ring yet.
    pub unsafe fn describe(&self) {
        // SAFETY: words of the ring, which nobody else uses yet.
        unsafe {
            self.sq_word(self.sq_off.ring_mask).write(self.sq_entries - 1);
            self.sq_word(self.sq_off.ring_entries).write(self.sq_entries);
            self.cq_word(self.cq_off.ring_mask).write(self.cq_entries - 1);
            self.cq_word(self.cq_off.ring_entries).write(self.cq_entries);
        }
    }

    /// Empties both queues: sets heads and tails to `start`, and flags and counters to 0. Linux starts at 0.
    ///
    /// # Safety
    /// As for [`describe`](Self::describe).
    pub unsafe fn clear(&self, start: u32) {
        let [sq_head, sq_tail, sq_flags] = self.sq_words();
        let [cq_head, cq_tail] = self.cq_words();
        // SAFETY: words of the ring, which nobody else uses yet.
        unsafe {
            for word in [sq_head, sq_tail, cq_head, cq_tail] {
                word.write(start);
            }
            for word in [sq_flags, self.sq_dropped(), self.cq_overflow(), self.cq_flags()] {
                if !word.is_null() {
                    word.write(0);
                }
            }
        }
    }

    /// Sets `IORING_SQ_` flags.
    ///
    /// # Safety
    /// As for [`new`](Self::new).
    pub unsafe fn set_flags(&self, bits: u32) {
        // SAFETY: a word of the ring.
        unsafe { set_bits(self.sq_word(self.sq_off.flags), bits) };
    }

    /// Clears `IORING_SQ_` flags.
    ///
    /// # Safety
    /// As for [`new`](Self::new).
    pub unsafe fn clear_flags(&self, bits: u32) {
        // SAFETY: a word of the ring.
        unsafe { clear_bits(self.sq_word(self.sq_off.flags), bits) };
    }

    /// Whether the program has turned off the signals to a registered eventfd.
    ///
    /// # Safety
    /// As for [`new`](Self::new).
    pub unsafe fn eventfd_disabled(&self) -> bool {
        let flags = self.cq_flags();
        // SAFETY: a word of the ring.
        !flags.is_null() && unsafe { read_once(flags) } & IORING_CQ_EVENTFD_DISABLED != 0
    }

    /// The number of CQ slots that the program has not consumed.
    ///
    /// # Safety
    /// As for [`new`](Self::new).
    pub unsafe fn ready(&self) -> u32 {
        let [head, tail] = self.cq_words();
        // SAFETY: words of the ring.
        unsafe { read_once(tail).wrapping_sub(read_once(head)) }
    }
}

/// Increments a word that only the kernel writes.
///
/// # Safety
/// `word` is a word of a ring, and no other thread increments it.
pub unsafe fn count(word: *mut u32) {
    // SAFETY: passed on to the caller.
    unsafe { write_once(word, read_once(word).wrapping_add(1)) };
}
