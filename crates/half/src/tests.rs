//! Tests of the kernel's half against a minimal program.
#![allow(clippy::cast_possible_truncation, reason = "the numbers here are small")]

mod cq;
mod garbage;
mod layout;
mod random;
mod resize;
mod sq;

use crate::*;
use ironring_abi::uapi::*;
use std::collections::VecDeque;
use std::mem::zeroed;
use std::ptr::null_mut;

/// A ring with a program on it.
pub struct Rig {
    pub ring: Ring,
    pub sq: Sq,
    pub cq: Cq,
    pub backlog: Bounded,
    mapped: [[usize; 2]; 2],
}

/// A backlog for `most` completions.
pub struct Bounded {
    pub most: usize,
    pub cqes: VecDeque<Cqe>,
}

impl Backlog for Bounded {
    fn first(&self) -> Option<Cqe> {
        self.cqes.front().copied()
    }

    fn pop(&mut self) {
        self.cqes.pop_front();
    }

    fn push(&mut self, cqe: &Cqe) -> bool {
        if self.cqes.len() == self.most {
            return false;
        }
        self.cqes.push_back(*cqe);
        true
    }
}

pub fn params(flags: u32, cq_entries: u32) -> io_uring_params {
    // SAFETY: integers.
    let mut p: io_uring_params = unsafe { zeroed() };
    (p.flags, p.cq_entries) = (flags, cq_entries);
    p
}

pub fn sqe(user_data: u64) -> io_uring_sqe {
    // SAFETY: integers.
    let mut sqe: io_uring_sqe = unsafe { zeroed() };
    sqe.user_data = user_data;
    sqe
}

pub fn cqe(user_data: u64) -> Cqe {
    Cqe {
        user_data,
        res: -7,
        ..Cqe::default()
    }
}

/// A completion of 32 bytes.
pub fn big(user_data: u64) -> Cqe {
    Cqe {
        flags: IORING_CQE_F_32,
        big: [user_data + 1, user_data + 2],
        ..cqe(user_data)
    }
}

const PAGE: usize = 0x1_0000;

/// Maps zeroed memory that ends at an inaccessible page. Returns its address, and the start and length of the mapping.
fn memory(size: usize) -> (*mut u8, [usize; 2]) {
    let all = size.next_multiple_of(PAGE) + PAGE;
    let (prot, flags) = (
        libc::PROT_READ | libc::PROT_WRITE,
        libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
    );
    // SAFETY: a new mapping; all addresses are in it.
    unsafe {
        let start: *mut u8 = libc::mmap(null_mut(), all, prot, flags, -1, 0).cast();
        assert_ne!(start.cast(), libc::MAP_FAILED, "no memory");
        assert_eq!(libc::mprotect(start.add(all - PAGE).cast(), PAGE, libc::PROT_NONE), 0);
        (start.add(all - PAGE - size.next_multiple_of(64)), [start as usize, all])
    }
}

impl Rig {
    pub fn at(start: u32, entries: u32, flags: u32, cq_entries: u32) -> Rig {
        let mut p = params(flags, cq_entries);
        if cq_entries != 0 {
            p.flags |= IORING_SETUP_CQSIZE;
        }
        let sizes = lay_out(entries, &mut p).unwrap();
        let [(rings, first), (sqes, second)] = [sizes.rings, sizes.sqes].map(memory);
        // SAFETY: the memory is the ring's until the rig is dropped.
        unsafe {
            let ring = Ring::new(rings, rings, sqes.cast(), &p);
            ring.describe();
            ring.clear(start);
            for slot in 0..if flags & IORING_SETUP_NO_SQARRAY == 0 {
                p.sq_entries
            } else {
                0
            } {
                ring.array(slot).write(slot);
            }
            let backlog = Bounded {
                most: usize::MAX,
                cqes: VecDeque::new(),
            };
            Rig {
                ring,
                sq: Sq::new(start),
                cq: Cq::new(start),
                backlog,
                mapped: [first, second],
            }
        }
    }

    pub fn new(entries: u32, flags: u32) -> Rig {
        Rig::at(0, entries, flags, 0)
    }

    /// Words of the SQ: head, tail, flags.
    pub fn sq_words(&self) -> [u32; 3] {
        // SAFETY: the rig's memory.
        self.ring.sq_words().map(|word| unsafe { word.read() })
    }

    /// Words of the CQ: head, tail.
    pub fn cq_words(&self) -> [u32; 2] {
        // SAFETY: the rig's memory.
        self.ring.cq_words().map(|word| unsafe { word.read() })
    }

    /// The program submits an entry of 64 bytes; false where the SQ is full.
    pub fn submit(&mut self, sqe: io_uring_sqe) -> bool {
        self.submit_slots(&[sqe])
    }

    /// The program submits slots of 64 bytes, all or none.
    pub fn submit_slots(&mut self, sqes: &[io_uring_sqe]) -> bool {
        let [head, tail, _] = self.sq_words();
        if tail.wrapping_sub(head) as usize + sqes.len() > self.ring.sq_entries() as usize {
            return false;
        }
        for (at, sqe) in (tail..=u32::MAX).chain(0..).zip(sqes) {
            // SAFETY: a free slot.
            unsafe { self.ring.sqe(at & (self.ring.sq_entries() - 1)).write(*sqe) };
        }
        // SAFETY: the program's word.
        unsafe { self.ring.sq_words()[1].write(tail.wrapping_add(sqes.len() as u32)) };
        true
    }

    /// Takes up to `most` slots: what the entries say, and how many slots it were.
    pub fn take(&mut self, most: u32) -> (Vec<(u64, Size)>, u32) {
        let mut taken = Vec::new();
        // SAFETY: the rig's ring.
        unsafe {
            let mut batch = self.ring.take(&mut self.sq, most);
            while let Some(entry) = batch.next() {
                taken.push((entry.sqe.user_data, entry.size));
            }
            (taken, batch.end())
        }
    }

    /// Posts and publishes.
    pub fn post(&mut self, cqe: &Cqe) -> Posted {
        // SAFETY: the rig's ring.
        unsafe {
            let posted = self.ring.post(&mut self.cq, &mut self.backlog, cqe);
            self.ring.publish(&self.cq);
            posted
        }
    }

    /// What `io_uring_enter` does for a program that finds completions held back.
    pub fn flush(&mut self) -> bool {
        // SAFETY: the rig's ring.
        unsafe {
            let all = self.ring.flush(&mut self.cq, &mut self.backlog);
            self.ring.publish(&self.cq);
            all
        }
    }

    /// The program takes the oldest completion, past fillers.
    pub fn reap(&mut self) -> Option<Cqe> {
        loop {
            let [head, tail] = self.cq_words();
            if head == tail {
                return None;
            }
            // SAFETY: a slot that is filled; a big one has its second half next to it.
            let cqe = unsafe {
                let at = self.ring.cqe(head & (self.ring.cq_entries() - 1));
                let two = self.ring.has(IORING_SETUP_CQE_MIXED) && (*at).flags & IORING_CQE_F_32 != 0;
                let long = two || self.ring.has(IORING_SETUP_CQE32);
                let cqe = Cqe {
                    user_data: (*at).user_data,
                    res: (*at).res,
                    flags: (*at).flags,
                    big: if long {
                        at.add(1).cast::<[u64; 2]>().read()
                    } else {
                        [0; 2]
                    },
                };
                self.ring.cq_words()[0].write(head.wrapping_add(1 + u32::from(two)));
                cqe
            };
            if cqe.flags & IORING_CQE_F_SKIP == 0 {
                return Some(cqe);
            }
        }
    }

    /// User data of all that can be reaped.
    pub fn reap_all(&mut self) -> Vec<u64> {
        std::iter::from_fn(|| self.reap()).map(|cqe| cqe.user_data).collect()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        for [start, all] in self.mapped {
            // SAFETY: mapped in `memory`, and no longer used.
            unsafe { libc::munmap(start as *mut _, all) };
        }
    }
}
