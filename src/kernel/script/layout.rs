//! The memory of the scripted kernel's rings: how much, where each word lies, and a new size for a living ring.

use super::{Ring, State};
use crate::abi::*;
use crate::ctypes::c_int;
use libc::EINVAL;
use std::collections::VecDeque;

/// Offsets of the header's words when nothing is moved; the order is of our own.
const WORDS: u32 = 64;

impl State {
    /// Makes the memory of a ring, or takes the program's, and says in `p` where all lies.
    fn lay_out(&mut self, fd: c_int, p: &mut io_uring_params) -> Ring {
        let single = self.features & IORING_FEAT_SINGLE_MMAP != 0;
        let cqe_size = if p.flags & IORING_SETUP_CQE32 != 0 { 32 } else { 16 };
        let sqe_size = if p.flags & IORING_SETUP_SQE128 != 0 { 128 } else { 64 };
        let at = |n: u32| self.shift + n * 4;
        let cqes = (self.shift + WORDS).next_multiple_of(16);
        // In one piece the array stands behind the CQEs, else behind its own header.
        let array = if single { cqes + p.cq_entries * cqe_size } else { cqes };
        let users = (p.sq_off.user_addr, p.cq_off.user_addr);
        p.features = self.features;
        p.sq_off = io_sqring_offsets {
            head: at(0),
            tail: at(1),
            ring_mask: at(4),
            ring_entries: at(6),
            flags: at(9),
            dropped: at(8),
            array: if p.flags & IORING_SETUP_NO_SQARRAY == 0 {
                array
            } else {
                0
            },
            resv1: 0,
            user_addr: 0,
        };
        p.cq_off = io_cqring_offsets {
            head: at(2),
            tail: at(3),
            ring_mask: at(5),
            ring_entries: at(7),
            overflow: at(11),
            cqes,
            flags: if self.cq_flags { at(10) } else { 0 },
            resv1: 0,
            user_addr: 0,
        };
        let (sq, cq, sqes);
        let mut regions = Vec::new();
        if p.flags & IORING_SETUP_NO_MMAP == 0 {
            let size = (array + p.sq_entries * 4).max(cqes + p.cq_entries * cqe_size);
            let (first, second) = (self.region(size as usize), self.region(size as usize));
            let entries = self.region((p.sq_entries * sqe_size) as usize);
            regions.extend([(IORING_OFF_SQ_RING, first), (IORING_OFF_SQES, entries)]);
            if !single {
                regions.push((IORING_OFF_CQ_RING, second));
            }
            (sq, cq) = (first.at, if single { first.at } else { second.at });
            sqes = entries.at;
        } else {
            (p.sq_off.user_addr, p.cq_off.user_addr) = users;
            sqes = users.0 as usize as *mut u8;
            sq = users.1 as usize as *mut u8;
            cq = sq;
        }
        let ring = Ring {
            fd,
            flags: p.flags,
            sq_entries: p.sq_entries,
            cq_entries: p.cq_entries,
            regions,
            sq,
            cq,
            sqes: sqes.cast(),
            sq_off: p.sq_off,
            cq_off: p.cq_off,
            taken: Vec::new(),
            backlog: VecDeque::new(),
            coming: VecDeque::new(),
            timers: Vec::new(),
            silent: false,
        };
        // SAFETY: the header lies in the memory made, or given, just now.
        unsafe {
            ring.sq_word(p.sq_off.ring_mask).write(p.sq_entries - 1);
            ring.sq_word(p.sq_off.ring_entries).write(p.sq_entries);
            ring.cq_word(p.cq_off.ring_mask).write(p.cq_entries - 1);
            ring.cq_word(p.cq_off.ring_entries).write(p.cq_entries);
            // The program's memory is taken as it is, as kernels before 6.18 do.
            if p.flags & IORING_SETUP_NO_MMAP == 0 {
                for word in ring.sq_words()[..2].iter().chain(&ring.cq_words()) {
                    word.write(self.start);
                }
            }
        }
        ring
    }

    fn sizes(entries: u32, p: &mut io_uring_params) -> c_int {
        let clamp = p.flags & IORING_SETUP_CLAMP != 0;
        if entries == 0 || entries > 32768 && !clamp {
            return -EINVAL;
        }
        p.sq_entries = entries.min(32768).next_power_of_two();
        if p.flags & IORING_SETUP_CQSIZE == 0 {
            p.cq_entries = 2 * p.sq_entries;
            return 0;
        }
        if p.cq_entries == 0 || p.cq_entries > 65536 && !clamp {
            return -EINVAL;
        }
        p.cq_entries = p.cq_entries.min(65536).next_power_of_two();
        if p.cq_entries < p.sq_entries { -EINVAL } else { 0 }
    }

    pub fn setup(&mut self, entries: u32, p: &mut io_uring_params) -> c_int {
        if p.flags & self.unknown != 0 || Self::sizes(entries, p) != 0 {
            return -EINVAL;
        }
        let by_index = p.flags & IORING_SETUP_REGISTERED_FD_ONLY != 0;
        let fd = if by_index { -7 } else { self.new_fd() };
        let ring = self.lay_out(fd, p);
        self.rings.push(ring);
        if by_index {
            self.indexes.insert(3, fd);
            return 3;
        }
        fd
    }

    /// Gives a ring new sizes, as `IORING_REGISTER_RESIZE_RINGS` does.
    pub fn resize(&mut self, ring: usize, p: &mut io_uring_params) -> c_int {
        let keep = IORING_SETUP_NO_SQARRAY | IORING_SETUP_SQE128 | IORING_SETUP_CQE32 | IORING_SETUP_CQE_MIXED;
        p.flags |= self.rings[ring].flags & keep;
        if Self::sizes(p.sq_entries, p) != 0 {
            return -EINVAL;
        }
        let features = p.features;
        let mut new = self.lay_out(self.rings[ring].fd, p);
        p.features = features;
        let old = &mut self.rings[ring];
        // SAFETY: both rings' words. Entries the kernel would carry over too, but not all of them rightly.
        unsafe {
            for (to, from) in new.sq_words().iter().zip(old.sq_words()) {
                to.write(from.read());
            }
            for (to, from) in new.cq_words().iter().zip(old.cq_words()) {
                to.write(from.read());
            }
        }
        new.flags = old.flags;
        new.taken = std::mem::take(&mut old.taken);
        new.backlog = std::mem::take(&mut old.backlog);
        *old = new;
        0
    }
}
