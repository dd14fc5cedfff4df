//! News for requests, and the order of what follows from completions: Linux does it as task work, when a submission or a batch of
//! completions is over.

use crate::context::{Core, Work};
use crate::kept;
use crate::ops::Start;
use crate::request::Request;
use crate::slab::Key;
use alloc::boxed::Box;
use ironring_abi::uapi::*;
use libc::ECANCELED;

impl Core {
    /// News for a request: handled at once, or when the owner enters.
    pub fn arrive(&mut self, work: Work) {
        if let Work::Ready(key, events) = work {
            if crate::ops::poll::arrive(self, key, events) {
                return;
            }
        }
        if !self.has(IORING_SETUP_DEFER_TASKRUN) {
            self.begin_batch();
            self.handle(work);
            self.end_batch();
            self.run_next();
            return;
        }
        // What waits for the registered eventfd has news because that is readable: another signal would change what is read.
        let own = matches!(work, Work::Ready(key, _) if self.waits_for_eventfd(key));
        let signals = self.signals;
        self.later(work);
        self.signals = signals || !own;
    }

    /// Whether a parked request waits for the ring's registered eventfd.
    fn waits_for_eventfd(&mut self, key: Key) -> bool {
        let Some((eventfd, _)) = &self.inner.registered.eventfd else {
            return false;
        };
        let eventfd = eventfd.fd();
        let parked = self.inner.requests.parked(key);
        parked.is_some_and(|request| kept::is_anonymous(request.fd()) && kept::same_file(request.fd(), eventfd))
    }

    /// Begins a batch: what follows from completions waits for its end.
    pub fn begin_batch(&mut self) {
        self.inner.in_batch = true;
    }

    /// Ends a batch.
    pub fn end_batch(&mut self) {
        self.inner.in_batch = false;
        let finished = core::mem::take(&mut self.inner.finished);
        self.inner.inflight = self.inner.inflight.saturating_sub(finished);
        self.commit();
        while let Some(work) = self.inner.after.pop_front() {
            self.later(work);
        }
        if self.inner.drain_active {
            self.release_drained();
        }
    }

    /// Has something done that follows from a completion.
    pub fn follow(&mut self, work: Work) {
        if self.inner.in_batch {
            self.inner.after.push_back(work);
        } else {
            self.later(work);
        }
    }

    /// Has something done once what is being done is over, as Linux does with task work: after the submission, or on a
    /// ring with `IORING_SETUP_DEFER_TASKRUN` when the owner waits.
    pub fn later(&mut self, work: Work) {
        if !self.has(IORING_SETUP_DEFER_TASKRUN) {
            self.inner.next.push_back(work);
            return;
        }
        self.inner.deferred.push_back(work);
        self.news = true;
        self.moved = true;
        self.signals = true;
        if self.has(IORING_SETUP_TASKRUN_FLAG) {
            // SAFETY: the ring's memory is mapped.
            unsafe { self.inner.half.set_flags(IORING_SQ_TASKRUN) };
        }
    }

    /// Handles all news that waited for the owner.
    pub fn run_deferred(&mut self) {
        self.run_deferred_for(u32::MAX);
    }

    /// Handles news that waited for the owner: what is there, and what follows from it until so much was done.
    pub fn run_deferred_for(&mut self, least: u32) {
        self.run_next();
        let mut done = 0;
        while !self.inner.deferred.is_empty() && (done == 0 || done < least) {
            self.begin_batch();
            for _ in 0..self.inner.deferred.len() {
                if let Some(work) = self.inner.deferred.pop_front() {
                    done += 1;
                    self.handle(work);
                }
            }
            self.end_batch();
            self.run_next();
        }
        if !self.inner.deferred.is_empty() {
            return;
        }
        if self.has(IORING_SETUP_TASKRUN_FLAG) && !self.queues().signaled {
            // SAFETY: the ring's memory is mapped.
            unsafe { self.inner.half.clear_flags(IORING_SQ_TASKRUN) };
        }
    }

    /// Does what was left for later.
    pub fn run_next(&mut self) {
        while !self.inner.next.is_empty() {
            self.begin_batch();
            for _ in 0..self.inner.next.len() {
                if let Some(work) = self.inner.next.pop_front() {
                    self.handle(work);
                }
            }
            self.end_batch();
        }
    }

    fn handle(&mut self, work: Work) {
        match work {
            Work::Ready(key, _) | Work::Event(key, _) if self.is_canceled(key) => {}
            Work::Ready(key, events) => self.ready_again(key, events),
            // It has got another time since.
            Work::Expired(key) if crate::timers::is_set(key) => {}
            Work::Expired(key) => {
                if let Some(request) = self.inner.requests.take(key) {
                    match request.def().event {
                        Some(event) => event(self, request, 0),
                        None => crate::ops::timeout::expired(self, request),
                    }
                }
            }
            Work::Event(key, number) => {
                if let Some(request) = self.inner.requests.take(key) {
                    match request.def().event {
                        Some(event) => event(self, request, number),
                        None => self.hold(request),
                    }
                }
            }
            Work::Finished(mut request, res) if request.polling != 0 && res > 0 => {
                request.polling = 0;
                self.proceed(request, res as u32);
            }
            Work::Finished(request, res) => match request.def().start {
                Start::Now(_) if request.bounced && res == 0 && !self.inner.closed => self.start(request),
                _ => self.complete(request, res),
            },
            Work::Canceled(key) => {
                if let Some(request) = self.inner.requests.take(key) {
                    self.complete(request, -ECANCELED);
                }
            }
            Work::Broken(first, silent) => self.complete_broken(first, silent),
            Work::Start(request) if self.inner.closed => self.complete_broken(request, true),
            Work::Start(request) => self.start(request),
            Work::Post(cqe) => {
                self.post(&cqe);
            }
        }
    }

    pub fn is_canceled(&mut self, key: Key) -> bool {
        self.inner.requests.parked(key).is_some_and(|request| request.canceled)
    }

    fn ready_again(&mut self, key: Key, events: u32) {
        if let Some(request) = self.inner.requests.take(key) {
            self.proceed(request, events);
        }
    }

    /// Goes on with a request whose file has events.
    fn proceed(&mut self, request: Box<Request>, events: u32) {
        if self.inner.closed {
            return self.complete(request, -ECANCELED);
        }
        if let Some(ready) = request.def().ready {
            return ready(self, request, events);
        }
        match request.def().start {
            Start::Try(attempt, block) => {
                self.attempt(request, events, attempt, block);
            }
            _ => self.hold(request),
        }
    }

    /// Queues a chain: starts it, unless it or a chain before it waits for others.
    pub fn queue(&mut self, mut head: Box<Request>) {
        if !self.inner.drain_active || head.refused.is_some() {
            self.inner.inflight += head.chain_len();
            return self.start(head);
        }
        let drain = head.drain;
        head.keep_credentials();
        self.inner.draining.push_back(head);
        self.release_drained();
        if !drain && self.inner.draining.is_empty() {
            self.inner.drain_active = false;
        }
    }

    /// Starts the chains that no longer wait: the first one, and others without `IOSQE_IO_DRAIN`, once nothing is in flight.
    fn release_drained(&mut self) {
        let mut drain = false;
        let mut first = true;
        while let Some(head) = self.inner.draining.front() {
            drain |= head.drain;
            if (drain || first) && self.inner.inflight != 0 {
                return;
            }
            first = false;
            if let Some(head) = self.inner.draining.pop_front() {
                self.inner.inflight += head.chain_len();
                self.later(Work::Start(head));
            }
        }
    }
}
