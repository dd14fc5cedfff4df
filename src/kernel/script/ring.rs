//! The scripted kernel's rings: their memory, and what an enter does to it.

use super::{Arg, Region, State};
use crate::abi::*;
use crate::ctypes::c_int;
use libc::{EINTR, ETIME};
use std::collections::VecDeque;

/// A completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cqe {
    pub user_data: u64,
    pub res: c_int,
    pub flags: u32,
}

/// A ring from the kernel's side.
pub struct Ring {
    pub fd: c_int,
    pub flags: u32,
    pub sq_entries: u32,
    pub cq_entries: u32,
    /// What a program can map, by offset.
    pub regions: Vec<(u64, Region)>,
    pub(super) sq: *mut u8,
    pub(super) cq: *mut u8,
    pub(super) sqes: *mut io_uring_sqe,
    pub(super) sq_off: io_sqring_offsets,
    pub(super) cq_off: io_cqring_offsets,
    /// The entries taken so far.
    pub taken: Vec<io_uring_sqe>,
    /// Completions that wait for somebody to enter.
    pub backlog: VecDeque<Cqe>,
    /// Completions that come when somebody waits for them.
    pub(super) coming: VecDeque<Cqe>,
    /// Timeouts that run: user data, and after how many completions they end by themselves.
    pub(super) timers: Vec<(u64, u64)>,
    /// Whether entries taken complete only when the test says so.
    pub silent: bool,
}

impl Ring {
    pub(super) fn sq_word(&self, offset: u32) -> *mut u32 {
        self.sq.wrapping_add(offset as usize).cast()
    }

    pub(super) fn cq_word(&self, offset: u32) -> *mut u32 {
        self.cq.wrapping_add(offset as usize).cast()
    }

    /// The SQ's head, tail and flags.
    pub fn sq_words(&self) -> [*mut u32; 3] {
        [self.sq_off.head, self.sq_off.tail, self.sq_off.flags].map(|at| self.sq_word(at))
    }

    /// The CQ's head and tail.
    pub fn cq_words(&self) -> [*mut u32; 2] {
        [self.cq_off.head, self.cq_off.tail].map(|at| self.cq_word(at))
    }

    /// The CQ's flags, where this kernel has them.
    pub fn cq_flags(&self) -> *mut u32 {
        self.cq_word(self.cq_off.flags)
    }

    pub(super) fn cqe_size(&self) -> usize {
        if self.flags & IORING_SETUP_CQE32 != 0 { 32 } else { 16 }
    }

    fn cq_taken(&self) -> u32 {
        let [head, tail] = self.cq_words();
        // SAFETY: words of the ring's memory, which lives as long as the script.
        unsafe { tail.read().wrapping_sub(head.read()) }
    }

    /// Sets or clears a bit of the SQ's flags.
    pub fn flag(&mut self, bit: u32, on: bool) {
        let [.., flags] = self.sq_words();
        // SAFETY: as in `cq_taken`.
        unsafe { flags.write(if on { flags.read() | bit } else { flags.read() & !bit }) };
    }

    fn place(&mut self, cqe: Cqe) {
        let [_, tail] = self.cq_words();
        // SAFETY: the slot lies in the CQ, which lives as long as the script.
        unsafe {
            let slot = tail.read() & (self.cq_entries - 1);
            let offset = self.cq_off.cqes as usize + slot as usize * self.cqe_size();
            let at: *mut io_uring_cqe = self.cq.cast::<core::ffi::c_void>().add(offset).cast();
            (*at).user_data = cqe.user_data;
            (*at).res = cqe.res;
            (*at).flags = cqe.flags;
            let slots = if cqe.flags & IORING_CQE_F_32 != 0 { 2 } else { 1 };
            tail.write(tail.read().wrapping_add(slots));
        }
    }

    /// Puts a completion into the CQ if it has room.
    fn try_post(&mut self, cqe: Cqe) -> bool {
        let big = cqe.flags & IORING_CQE_F_32 != 0 && self.flags & IORING_SETUP_CQE_MIXED != 0;
        let [_, tail] = self.cq_words();
        // SAFETY: as in `cq_taken`.
        let last = unsafe { tail.read() } & (self.cq_entries - 1) == self.cq_entries - 1;
        let need = 1 + u32::from(big) + u32::from(big && last);
        if self.cq_entries - self.cq_taken() < need {
            return false;
        }
        if big && last {
            self.place(Cqe {
                user_data: 0,
                res: 0,
                flags: IORING_CQE_F_SKIP,
            });
        }
        self.place(cqe);
        true
    }

    /// Completes a request: into the CQ, or the backlog when that is full.
    pub fn post(&mut self, user_data: u64, res: c_int, flags: u32) {
        let cqe = Cqe { user_data, res, flags };
        if !self.backlog.is_empty() || !self.try_post(cqe) {
            self.backlog.push_back(cqe);
            self.flag(IORING_SQ_CQ_OVERFLOW, true);
        }
        self.count_timers();
    }

    /// Lets a completion come once somebody waits for it.
    pub fn come(&mut self, user_data: u64) {
        self.coming.push_back(Cqe {
            user_data,
            res: 0,
            flags: 0,
        });
    }

    /// Completes a request in such a way that somebody must enter for it, which `bit` tells (0: nothing tells).
    pub fn hold(&mut self, user_data: u64, res: c_int, bit: u32) {
        let cqe = Cqe {
            user_data,
            res,
            flags: 0,
        };
        self.backlog.push_back(cqe);
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

    fn flush(&mut self) {
        while let Some(cqe) = self.backlog.front().copied() {
            if !self.try_post(cqe) {
                return;
            }
            self.backlog.pop_front();
        }
        self.flag(IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN, false);
    }

    /// Takes up to `most` entries from the SQ; how many it were.
    pub fn take(&mut self, most: u32) -> u32 {
        let [head, tail, _] = self.sq_words();
        let rewind = self.flags & IORING_SETUP_SQ_REWIND != 0;
        let mut count = 0;
        // SAFETY: words, array and entries are the ring's memory, which lives as long as the script.
        unsafe {
            let first = if rewind { 0 } else { head.read() };
            let there = if rewind { most } else { tail.read().wrapping_sub(first) };
            while count < most.min(there) {
                let slot = first.wrapping_add(count) & (self.sq_entries - 1);
                count += 1;
                let index = if self.flags & IORING_SETUP_NO_SQARRAY == 0 {
                    self.sq_word(self.sq_off.array).add(slot as usize).read()
                } else {
                    slot
                };
                let shift = u32::from(self.flags & IORING_SETUP_SQE128 != 0);
                let sqe = self.sqes.add((index << shift) as usize).read();
                self.taken.push(sqe);
                if !rewind {
                    head.write(first.wrapping_add(count));
                }
                if sqe.opcode == IORING_OP_TIMEOUT as u8 {
                    // No count to wait for means only the time ends it.
                    let left = if sqe.anon_off.off == 0 {
                        u64::MAX
                    } else {
                        sqe.anon_off.off
                    };
                    self.timers.push((sqe.user_data, left));
                } else if !self.silent {
                    self.post(sqe.user_data, 0, 0);
                }
            }
        }
        count
    }

    /// The ring's time passes: every timeout ends.
    fn expire(&mut self) -> bool {
        let timers = std::mem::take(&mut self.timers);
        for (user_data, _) in &timers {
            self.post(*user_data, -ETIME, 0);
        }
        !timers.is_empty()
    }
}

impl State {
    pub fn enter(&mut self, fd: c_int, submit: u32, wait: u32, flags: u32, arg: &Arg) -> c_int {
        let at = match self.ring_of(fd, flags & IORING_ENTER_REGISTERED_RING != 0) {
            Ok(at) => at,
            Err(errno) => return errno,
        };
        let ring = &mut self.rings[at];
        let mut done = submit;
        if ring.flags & IORING_SETUP_SQPOLL != 0 {
            if flags & (IORING_ENTER_SQ_WAKEUP | IORING_ENTER_SQ_WAIT) != 0 {
                ring.flag(IORING_SQ_NEED_WAKEUP, false);
                ring.take(u32::MAX);
            }
        } else if submit != 0 {
            done = ring.take(submit.min(self.short.pop_front().unwrap_or(u32::MAX)));
            if done != submit {
                return done as c_int;
            }
        }
        if flags & IORING_ENTER_GETEVENTS == 0 {
            return done as c_int;
        }
        ring.flush();
        let timed = match arg {
            Arg::Signals(_) => false,
            Arg::Extended { ts, .. } => ts.is_some(),
            Arg::Region(_) => true,
        };
        let mut waited = 0;
        let wait = wait.min(ring.cq_entries);
        while ring.cq_taken() < wait && !self.signal {
            let Some(cqe) = ring.coming.pop_front() else { break };
            ring.post(cqe.user_data, cqe.res, cqe.flags);
        }
        if ring.cq_taken() < wait {
            if self.signal {
                waited = -EINTR;
            } else if timed {
                waited = -ETIME;
            } else if !ring.expire() {
                waited = -EINTR;
                self.wrong
                    .push(format!("asleep for ever: a wait for {wait} that nothing ends"));
            }
        }
        if done != 0 || self.rings[at].cq_taken() != 0 {
            return done as c_int;
        }
        waited
    }
}
