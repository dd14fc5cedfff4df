//! The fixture of most tests: a script and a ring on it.

use crate::inline::{io_uring_cqe_seen, io_uring_get_sqe, io_uring_prep_nop};
use crate::script::{Call, Script, State, start};
use crate::setup::{io_uring_queue_exit, io_uring_queue_init};
use ironring_abi::barrier::read_once;
use ironring_abi::ctypes::{__kernel_timespec, c_int};
use ironring_abi::types::io_uring;
use ironring_abi::uapi::*;
use std::mem::zeroed;

pub struct Rig {
    pub script: Script,
    ring: Box<io_uring>,
}

/// A timeout in milliseconds.
pub fn millis(ms: i64) -> __kernel_timespec {
    __kernel_timespec {
        tv_sec: ms / 1000,
        tv_nsec: ms % 1000 * 1_000_000,
    }
}

impl Rig {
    /// A ring on a kernel that `like` has configured. The calls to create it are not reported.
    pub fn on(entries: u32, flags: u32, like: impl FnOnce(&mut State)) -> Rig {
        let script = start();
        script.set(like);
        // SAFETY: all zeroes is a valid `io_uring`.
        let mut ring: Box<io_uring> = Box::new(unsafe { zeroed() });
        // SAFETY: a ring to write.
        let ret = unsafe { io_uring_queue_init(entries, &raw mut *ring, flags) };
        assert_eq!(ret, 0, "the ring of the rig");
        script.calls();
        Rig { script, ring }
    }

    pub fn new(entries: u32, flags: u32) -> Rig {
        Rig::on(entries, flags, |_| ())
    }

    pub fn ring(&mut self) -> *mut io_uring {
        &raw mut *self.ring
    }

    /// Queues nops with this user data.
    pub fn nops(&mut self, user_data: impl IntoIterator<Item = u64>) {
        for data in user_data {
            // SAFETY: the rig's ring; the SQE is checked.
            unsafe {
                let sqe = io_uring_get_sqe(self.ring());
                assert!(!sqe.is_null(), "the SQ is full");
                io_uring_prep_nop(sqe);
                (*sqe).user_data = data;
            }
        }
    }

    /// User data of the entries that the kernel has taken.
    pub fn taken(&self) -> Vec<u64> {
        self.script
            .ring(|ring| ring.taken.iter().map(|sqe| sqe.user_data).collect())
    }

    /// Marks a completion as seen, and returns its user data; none if it is null.
    pub fn seen(&mut self, cqe: *mut io_uring_cqe) -> Option<u64> {
        // SAFETY: the completion is null or the ring's oldest.
        unsafe {
            let data = cqe.as_ref().map(|cqe| cqe.user_data);
            io_uring_cqe_seen(self.ring(), cqe);
            data
        }
    }

    /// The SQ's head and tail in shared memory.
    pub fn sq(&self) -> (u32, u32) {
        let sq = &self.ring.sq;
        // SAFETY: the ring's memory.
        unsafe { (read_once(sq.khead), read_once(sq.ktail)) }
    }

    /// The CQ's head in shared memory.
    pub fn cq_head(&self) -> u32 {
        // SAFETY: the ring's memory.
        unsafe { read_once(self.ring.cq.khead) }
    }

    /// The only call since the last time calls were read.
    pub fn call(&self) -> Call {
        let mut calls = self.script.calls();
        assert_eq!(calls.len(), 1, "{calls:#?}");
        calls.remove(0)
    }

    /// Entries, completions to wait for and flags of each `io_uring_enter` since the last time calls were read; there
    /// must be no other call.
    pub fn enters(&self) -> Vec<(u32, u32, u32)> {
        let enter = |call: Call| match call {
            Call::Enter {
                submit, wait, flags, ..
            } => (submit, wait, flags),
            other => panic!("not an enter: {other:?}"),
        };
        self.script.calls().into_iter().map(enter).collect()
    }

    pub fn fd(&self) -> c_int {
        self.ring.ring_fd
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        // SAFETY: the rig's ring, for the last time.
        unsafe { io_uring_queue_exit(self.ring()) };
    }
}
