//! The scripted kernel's rings.

use crate::backlog::Unbounded;
use ironring_abi::ctypes::c_int;
use ironring_abi::kernel::Part;
use ironring_abi::uapi::*;
use ironring_half::{Backlog, Cq, Cqe, Sq};
use libc::ETIME;
use std::collections::VecDeque;

/// Memory of the scripted kernel. It is freed when the script ends, so that a use after unmapping is detected and does
/// not crash.
#[derive(Clone, Copy, Debug)]
pub struct Region {
    pub at: *mut u8,
    pub len: usize,
}

/// A ring, as the kernel sees it.
pub struct Ring {
    pub fd: c_int,
    pub(super) half: ironring_half::Ring,
    sq: Sq,
    cq: Cq,
    /// The parts that a program can map.
    pub regions: Vec<(Part, Region)>,
    /// All entries taken.
    pub taken: Vec<io_uring_sqe>,
    /// Completions that are posted when the program enters the kernel.
    backlog: Unbounded,
    /// Completions that are posted when the program waits for them.
    pub(super) coming: VecDeque<Cqe>,
    /// Pending timeout requests: user data, and the number of completions after which each completes.
    timers: Vec<(u64, u64)>,
    /// Whether requests complete only when the test posts their completions.
    pub silent: bool,
}

fn completion(user_data: u64, res: c_int, flags: u32) -> Cqe {
    Cqe {
        user_data,
        res,
        flags,
        big: [0; 2],
    }
}

impl Ring {
    pub(super) fn new(fd: c_int, half: ironring_half::Ring, (sq, cq): (Sq, Cq), regions: Vec<(Part, Region)>) -> Ring {
        Ring {
            fd,
            half,
            sq,
            cq,
            regions,
            taken: Vec::new(),
            backlog: Unbounded::default(),
            coming: VecDeque::new(),
            timers: Vec::new(),
            silent: false,
        }
    }

    /// Resizes the ring: moves its contents to the memory of `new`.
    ///
    /// # Safety
    /// Nobody else uses either ring during the call.
    pub(super) unsafe fn move_to(&mut self, new: Ring) -> Result<(), c_int> {
        // SAFETY: the caller's promise.
        unsafe { self.half.resize(&new.half, &self.sq, &mut self.cq)? };
        (self.half, self.regions) = (new.half, new.regions);
        Ok(())
    }

    /// The SQ's head, tail and flags.
    pub fn sq_words(&self) -> [*mut u32; 3] {
        self.half.sq_words()
    }

    /// The CQ's head and tail.
    pub fn cq_words(&self) -> [*mut u32; 2] {
        self.half.cq_words()
    }

    /// The CQ's flags, null if this kernel has none.
    pub fn cq_flags(&self) -> *mut u32 {
        self.half.cq_flags()
    }

    pub(super) fn ready(&self) -> u32 {
        // SAFETY: the ring's memory lives as long as the script.
        unsafe { self.half.ready() }
    }

    /// Sets or clears a bit of the SQ's flags.
    pub fn flag(&mut self, bit: u32, on: bool) {
        // SAFETY: as in `ready`.
        unsafe {
            if on {
                self.half.set_flags(bit);
            } else {
                self.half.clear_flags(bit);
            }
        }
    }

    pub(super) fn complete(&mut self, cqe: Cqe) {
        // SAFETY: as in `ready`.
        unsafe {
            self.half.post(&mut self.cq, &mut self.backlog, &cqe);
            self.half.publish(&self.cq);
        }
        self.count_timers();
    }

    /// Posts a completion: to the CQ, or to the backlog if the CQ is full.
    pub fn post(&mut self, user_data: u64, res: c_int, flags: u32) {
        self.complete(completion(user_data, res, flags));
    }

    /// Posts a completion once the program waits for it.
    pub fn come(&mut self, user_data: u64) {
        self.coming.push_back(completion(user_data, 0, 0));
    }

    /// Posts a completion once the program enters the kernel; sets the SQ flag `bit` until then.
    pub fn hold(&mut self, user_data: u64, res: c_int, bit: u32) {
        self.backlog.push(&completion(user_data, res, 0));
        self.flag(bit, true);
    }

    fn count_timers(&mut self) {
        for (_, left) in &mut self.timers {
            *left = left.saturating_sub(1);
        }
        while let Some(at) = self.timers.iter().position(|(_, left)| *left == 0) {
            let (user_data, _) = self.timers.remove(at);
            self.post(user_data, 0, 0);
        }
    }

    pub(super) fn flush(&mut self) {
        // SAFETY: as in `ready`.
        let all = unsafe {
            let all = self.half.flush(&mut self.cq, &mut self.backlog);
            self.half.publish(&self.cq);
            all
        };
        if all {
            self.flag(IORING_SQ_TASKRUN, false);
        }
    }

    /// Takes up to `most` entries from the SQ; returns how many.
    pub fn take(&mut self, most: u32) -> u32 {
        let mut entries = Vec::new();
        // SAFETY: as in `ready`.
        let count = unsafe {
            let mut batch = self.half.take(&mut self.sq, most);
            while let Some(entry) = batch.next() {
                entries.push(entry.sqe);
            }
            batch.end()
        };
        for sqe in entries {
            self.taken.push(sqe);
            if sqe.opcode == IORING_OP_TIMEOUT as u8 {
                // Without a count it completes only by its time.
                // SAFETY: integers.
                let count = unsafe { sqe.anon_off.off };
                self.timers
                    .push((sqe.user_data, if count == 0 { u64::MAX } else { count }));
            } else if !self.silent {
                self.post(sqe.user_data, 0, 0);
            }
        }
        count
    }

    /// Completes all timeout requests; false if there were none.
    pub(super) fn expire(&mut self) -> bool {
        let timers = std::mem::take(&mut self.timers);
        for (user_data, _) in &timers {
            self.post(*user_data, -ETIME, 0);
        }
        !timers.is_empty()
    }
}
