//! Submission: entries become requests, requests become chains, and chains start.

use crate::context::Core;
use crate::ops;
use crate::request::{After, Limit, Request};
use alloc::boxed::Box;
use ironring_abi::ctypes::c_int;
use ironring_abi::uapi::*;
use ironring_half::Size;
use libc::{EACCES, EINVAL, EOPNOTSUPP};

/// All bits of `sqe->flags`.
pub const FLAGS: u32 = IOSQE_FIXED_FILE
    | IOSQE_IO_DRAIN
    | IOSQE_IO_LINK
    | IOSQE_IO_HARDLINK
    | IOSQE_ASYNC
    | IOSQE_BUFFER_SELECT
    | IOSQE_CQE_SKIP_SUCCESS;

impl Core {
    /// Takes up to `most` entries from the SQ and starts their requests; returns how many were taken.
    pub fn submit(&mut self, most: u32) -> u32 {
        let half = self.inner.half;
        let mut chain: Option<Box<Request>> = None;
        self.inner.submitting = true;
        self.begin_batch();
        self.inner.posted = self.inner.completions;
        // In place: if this process is killed, its entries are not taken again by another.
        // SAFETY: the lock is held, and nothing else uses the SQ's state meanwhile.
        let sq = unsafe { self.shared.sq() };
        // SAFETY: the lock is held, the ring's memory is mapped, and this is the submitting thread or the polling one.
        let mut batch = unsafe { half.take(sq, most) };
        // Without memory the rest stays in the queue.
        while crate::heap::has_room() && self.inner.has_room() {
            // SAFETY: as above.
            let Some(entry) = (unsafe { batch.next() }) else { break };
            let mut request = self.inner.spare.make(entry.sqe);
            let prepared = if entry.size == Size::Torn {
                Err(-EINVAL)
            } else {
                self.prepare(&mut request, chain.as_deref_mut())
            };
            let refused = prepared.is_err();
            request.refused = prepared.err();
            let ended = self.link(&mut chain, request);
            if refused && ended && !self.has(IORING_SETUP_SUBMIT_ALL) {
                break;
            }
        }
        // SAFETY: as above.
        let taken = unsafe { batch.end() };
        if let Some(chain) = chain.take() {
            self.queue(chain);
        }
        self.end_batch();
        self.run_next();
        self.inner.submitting = false;
        taken
    }

    /// Checks an entry and prepares its request.
    fn prepare(&mut self, request: &mut Request, chain: Option<&mut Request>) -> Result<(), c_int> {
        let opcode = request.sqe.opcode;
        if i32::from(opcode) >= IORING_OP_LAST || u32::from(request.sqe.flags) & !FLAGS != 0 {
            return Err(-EINVAL);
        }
        let def = request.def();
        if request.has(IOSQE_BUFFER_SELECT) && !def.select {
            return Err(-EOPNOTSUPP);
        }
        if request.has(IOSQE_CQE_SKIP_SUCCESS) {
            self.inner.drain_disabled = true;
        }
        let mut chain = chain;
        if request.has(IOSQE_IO_DRAIN) {
            if self.inner.drain_disabled {
                return Err(-EOPNOTSUPP);
            }
            self.inner.drain_active = true;
            request.drain = true;
            if let Some(head) = &mut chain {
                head.drain = true;
                self.inner.drain_next = true;
            }
        }
        if !self.registered.allows_sqe(request) {
            return Err(-EACCES);
        }
        if self.inner.drain_next && chain.is_none() {
            self.inner.drain_next = false;
            self.inner.drain_active = true;
            request.drain = true;
        }
        if request.sqe.ioprio != 0 && !def.ioprio {
            return Err(-EINVAL);
        }
        if self.has(IORING_SETUP_IOPOLL) && !def.iopoll {
            return Err(-EINVAL);
        }
        if request.sqe.personality != 0 {
            let found = self.registered.personalities.get(request.sqe.personality);
            request.credentials = Some(found.ok_or(-EINVAL)?);
        }
        if !ops::has(opcode) {
            return Err(-EOPNOTSUPP);
        }
        (def.prepare)(self, request)?;
        if i32::from(opcode) == IORING_OP_LINK_TIMEOUT {
            // It must be behind a request that it can limit.
            let last = chain.ok_or(-EINVAL)?.last();
            if !matches!(last.limit, Limit::None) || last.sqe.opcode == opcode {
                return Err(-EINVAL);
            }
        }
        Ok(())
    }

    /// Adds a request to the chain, or starts it; true unless it belongs to a chain that goes on.
    fn link(&mut self, chain: &mut Option<Box<Request>>, mut request: Box<Request>) -> bool {
        let goes_on = request.after() != After::Nothing;
        let Some(head) = chain else {
            if goes_on {
                *chain = Some(request);
            } else {
                self.queue(request);
            }
            return !goes_on;
        };
        if let (Some(_), None) = (request.refused, head.refused) {
            // The chain fails as a whole, from its head on.
            head.refused = Some(-libc::ECANCELED);
        }
        if i32::from(request.sqe.opcode) == IORING_OP_LINK_TIMEOUT && request.refused.is_none() {
            // What follows the timeout follows the request that it limits, by the flags of that.
            head.last().limit = Limit::Waiting(request);
        } else {
            request.keep_credentials();
            head.append(request);
        }
        if !goes_on {
            if let Some(chain) = chain.take() {
                self.queue(chain);
            }
        }
        !goes_on
    }
}
