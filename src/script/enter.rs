//! `io_uring_enter` of the scripted kernel.

use crate::script::call::Arg;
use crate::script::state::State;
use ironring_abi::ctypes::c_int;
use ironring_abi::uapi::*;
use libc::{EINTR, ETIME};

impl State {
    pub fn enter(&mut self, fd: c_int, submit: u32, wait: u32, flags: u32, arg: &Arg) -> c_int {
        let at = match self.ring_of(fd, flags & IORING_ENTER_REGISTERED_RING != 0) {
            Ok(at) => at,
            Err(errno) => return errno,
        };
        let ring = &mut self.rings[at];
        let mut done = submit;
        if ring.half.flags() & IORING_SETUP_SQPOLL != 0 {
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
        let wait = wait.min(ring.half.cq_entries());
        while ring.ready() < wait && !self.signal {
            let Some(cqe) = ring.coming.pop_front() else { break };
            ring.complete(cqe);
        }
        if ring.ready() < wait {
            if self.signal {
                waited = -EINTR;
            } else if timed {
                waited = -ETIME;
            } else if !ring.expire() {
                waited = -EINTR;
                self.wrong
                    .push(format!("asleep forever: nothing ends the wait for {wait}"));
            }
        }
        if done != 0 || self.rings[at].ready() != 0 {
            return done as c_int;
        }
        waited
    }
}
