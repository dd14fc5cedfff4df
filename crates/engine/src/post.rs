//! Posting completions.

use crate::context::Core;
use crate::request::Request;
use ironring_abi::uapi::*;
use ironring_half::{Cqe, Posted};

impl Core {
    /// Posts a completion.
    pub fn post(&mut self, cqe: &Cqe) -> Posted {
        if self.inner.closed {
            return Posted::Lost;
        }
        self.news = true;
        // SAFETY: the lock is held, and the ring's memory is mapped.
        unsafe {
            let mut backlog = self.shared.backlog();
            let mut cq = self.shared.queues().cq();
            let posted = self.inner.half.post(&mut cq, &mut backlog, cqe);
            self.queues().set_cq(cq);
            if posted == Posted::Lost {
                self.queues().lost = true;
            }
            self.count();
            posted
        }
    }

    /// Posts a completion of a multishot request, which stays; false if the CQ has no room, so that it must end.
    pub fn post_more(&mut self, request: &Request, res: i32, flags: u32) -> bool {
        if self.inner.closed {
            return false;
        }
        let cqe = Cqe {
            user_data: request.user_data(),
            res,
            flags: flags | IORING_CQE_F_MORE,
            big: request.big,
        };
        self.news = true;
        // It comes into the CQ behind all that completed before it in the batch.
        if self.inner.completions != self.inner.posted {
            self.commit();
        }
        // SAFETY: as in `post`.
        unsafe {
            // It waits for the next enter, even if there is room by now.
            if ironring_half::Backlog::first(&self.shared.backlog()).is_some() {
                return false;
            }
            let mut cq = self.shared.queues().cq();
            let filled = self.inner.half.fill(&mut cq, &cqe);
            self.queues().set_cq(cq);
            if filled {
                self.count();
                // It is in the CQ at once, also within a submission.
                self.inner.posted = self.inner.completions;
            }
            filled
        }
    }

    /// Counts the completions that have come into the CQ: as on Linux one counts when there is room for it.
    fn count(&mut self) {
        let tail = self.queues().cq().tail;
        let new = tail.wrapping_sub(core::mem::replace(&mut self.inner.tail, tail));
        self.inner.completions = self.inner.completions.wrapping_add(new);
        if !self.inner.in_batch {
            self.commit();
        }
    }

    /// What has completed in a batch is now in the CQ on Linux, too: timeouts count it.
    pub fn commit(&mut self) {
        self.inner.posted = self.inner.completions;
        if !self.inner.counted.is_empty() {
            self.complete_counted();
        }
    }

    /// Posts a completion that comes into the CQ before what has completed in the batch.
    pub fn post_first(&mut self, cqe: &Cqe) -> Posted {
        let posted = self.post(cqe);
        if self.inner.in_batch {
            if posted == Posted::Filled {
                self.inner.posted = self.inner.posted.wrapping_add(1);
            }
            if !self.inner.counted.is_empty() {
                self.complete_counted();
            }
        }
        posted
    }

    /// Whether there are completions that had no room in the CQ.
    pub fn has_backlog(&self) -> bool {
        // SAFETY: as in `post`.
        unsafe { self.shared.backlog().len() != 0 }
    }

    /// Moves completions from the backlog to the CQ; true if it is empty afterwards.
    pub fn flush(&mut self) -> bool {
        // SAFETY: as in `post`.
        unsafe {
            let mut backlog = self.shared.backlog();
            if backlog.len() == 0 {
                return true;
            }
            let mut cq = self.shared.queues().cq();
            let empty = self.inner.half.refill(&mut cq, &mut backlog);
            backlog.commit(cq);
            if empty {
                self.inner.half.clear_flags(IORING_SQ_CQ_OVERFLOW);
            }
            self.news = true;
            self.count();
            empty
        }
    }
}
