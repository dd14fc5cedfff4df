//! The program's side of a model.

use crate::memory::io_uring_setup_ring_pointers;
use crate::model::ring::Kernel;
use ironring_abi::barrier::{read_entry, write_entry};
use ironring_abi::types::io_uring;
use ironring_abi::uapi::*;
use std::cell::UnsafeCell;
use std::mem::zeroed;
use std::rc::Rc;

pub struct Program {
    pub kernel: Rc<Kernel>,
    ring: UnsafeCell<io_uring>,
}

impl Program {
    /// Creates a kernel, and a program with a ring.
    pub fn new(sq_entries: u32, cq_entries: u32, flags: u32) -> Rc<Program> {
        let kernel = Kernel::new(sq_entries, cq_entries, flags);
        let [rings, sqes] = kernel.mapped();
        let mut p = kernel.p;
        // SAFETY: all zeroes is a valid `io_uring`.
        let mut ring: io_uring = unsafe { zeroed() };
        (ring.sq.ring_ptr, ring.cq.ring_ptr) = (rings.cast(), rings.cast());
        ring.sq.sqes = sqes.cast();
        // SAFETY: the kernel's memory, which it keeps as long as the program has it.
        unsafe { io_uring_setup_ring_pointers(&raw mut p, &raw mut ring.sq, &raw mut ring.cq) };
        (ring.flags, ring.features) = (p.flags, !0);
        let ring = UnsafeCell::new(ring);
        Rc::new(Program { kernel, ring })
    }

    pub fn ring(&self) -> *mut io_uring {
        self.ring.get()
    }

    /// Fills an SQE.
    pub fn fill(&self, sqe: *mut io_uring_sqe, data: u64) {
        // SAFETY: a slot of this ring; loom checks that nobody else accesses it.
        unsafe {
            let mut entry = sqe.read();
            entry.user_data = data;
            write_entry(sqe, entry);
        }
    }

    /// Reads a CQE; the second half of a big one must hold the same value.
    pub fn read(&self, cqe: *const io_uring_cqe) -> u64 {
        // SAFETY: as in `fill`; a big one has two slots.
        unsafe {
            let first = read_entry(cqe);
            if first.flags & IORING_CQE_F_32 != 0 {
                assert_eq!(read_entry(cqe.add(1).cast::<[u64; 2]>()), [first.user_data; 2]);
            }
            first.user_data
        }
    }
}
