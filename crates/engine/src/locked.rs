//! What this process knows of a ring, and the lock that protects it.

use crate::atomic::Ordering;
use crate::context::{Context, Entered};
use crate::kept::Kept;
use crate::memory::Memory;
use crate::registered::Registered;
use crate::request::{Request, Spare};
use crate::shared::{self, Shared};
use crate::slab::{Held, Key, Slab};
use crate::sqpoll::Poller;
use crate::sys;
use crate::worker::Submitter;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::{Deref, DerefMut};
use ironring_abi::uapi::*;
use ironring_half::Ring;

/// News for a request, which on a ring with `IORING_SETUP_DEFER_TASKRUN` waits until the owner enters.
pub enum Work {
    /// The file of a parked request has events.
    Ready(Key, u32),
    /// The timer of a parked request has expired.
    Expired(Key),
    /// A request is finished, by a worker or because it was canceled.
    Finished(Box<Request>, i32),
    /// A request that waits for a file was canceled.
    Canceled(Key),
    /// The rest of a broken chain, and whether it completes silently.
    Broken(Box<Request>, bool),
    /// A request of a chain is next.
    Start(Box<Request>),
    /// A completion from another ring.
    Post(ironring_half::Cqe),
    /// An operation's own event, with a number that it knows.
    Event(Key, i32),
}

/// What this process knows of a ring; the ring's lock protects it.
pub struct Inner {
    pub half: Ring,
    pub memory: Memory,
    pub requests: Slab,
    /// Requests that were started and are not finished.
    pub inflight: u32,
    /// Chains that wait for all before them (`IOSQE_IO_DRAIN`), and those behind them.
    pub draining: VecDeque<Box<Request>>,
    /// Requests go through `draining`, which may be empty.
    pub drain_active: bool,
    /// The next chain is drained, because a request in the middle of the chain before it asked for it.
    pub drain_next: bool,
    /// A request asked for no completion on success, so that it can't be told any more what was before a drained one.
    pub drain_disabled: bool,
    /// What follows from what is being done, once that is over.
    pub next: VecDeque<Work>,
    /// Entries are being taken. Who does that fetches the driver's events (`eager`) before anything becomes visible.
    pub submitting: bool,
    /// A batch is being done: a submission, or what followed from another batch.
    pub in_batch: bool,
    /// Requests that have completed in the batch, and what follows from their completions. Linux looks after both when the
    /// batch is over.
    pub finished: u32,
    pub after: VecDeque<Work>,
    /// News that waits for the owner.
    pub deferred: VecDeque<Work>,
    /// The number of slots of the CQ filled so far, but for those of expired timeouts, and the tail up to which they were
    /// counted.
    pub completions: u32,
    pub tail: u32,
    /// That number at the start of the submission: Linux posts what completes within one at its end.
    pub posted: u32,
    /// The number of timeouts that have expired or were completed by others, which ends waits.
    pub expired: u32,
    /// Timeouts that complete at a number of completions.
    pub counted: Vec<crate::ops::timeout::Counted>,
    /// That number when they were last looked at.
    pub looked: u32,
    pub registered: Registered,
    /// Set while the ring is being exited: nothing is posted any more.
    pub closed: bool,
    /// What takes the entries of a ring with `IORING_SETUP_SQPOLL`.
    pub poller: Option<Arc<Poller>>,
    /// The file, and the driver's round, of the last event for a poll request with `EPOLLEXCLUSIVE`.
    pub exclusive: Option<((u64, u64), u32)>,
    /// Polls that were just started, and for which the driver has the events that were there already.
    pub eager: Vec<Key>,
    /// Descriptors whose transfers go through the page cache.
    pub cached: crate::ops::cached::Cached,
    pub spare: Spare,
}

/// The number of requests in flight from which on queues need more than small blocks of memory.
const MANY: u32 = 1024;

impl Inner {
    /// What is known of a new ring.
    pub fn new(half: Ring, memory: Memory) -> Inner {
        Inner {
            half,
            memory,
            requests: Slab::new(0),
            inflight: 0,
            draining: VecDeque::new(),
            drain_active: false,
            drain_next: false,
            drain_disabled: false,
            next: VecDeque::new(),
            submitting: false,
            in_batch: false,
            finished: 0,
            after: VecDeque::new(),
            deferred: VecDeque::new(),
            completions: 0,
            tail: 0,
            posted: 0,
            expired: 0,
            counted: Vec::new(),
            looked: 0,
            registered: Registered::new(),
            closed: false,
            poller: None,
            exclusive: None,
            eager: Vec::new(),
            cached: crate::ops::cached::Cached::default(),
            spare: Spare::default(),
        }
    }

    /// Whether there is memory for what one more request leads to, besides small blocks.
    pub(crate) fn has_room(&mut self) -> bool {
        if self.inflight < MANY && self.draining.len() < MANY as usize {
            return true;
        }
        // Each request is in one of these at a time, with what limits it.
        let most = 2 * self.inflight as usize;
        let queues = [&mut self.next, &mut self.after, &mut self.deferred];
        let queued = queues
            .into_iter()
            .all(|queue| queue.try_reserve(most.saturating_sub(queue.len())).is_ok());
        queued && self.draining.try_reserve(1).is_ok() && self.requests.has_room()
    }

    /// Forgets requests that another process is doing.
    pub(crate) fn forget(&mut self) {
        for (_, held) in self.requests.iter(0) {
            if let Held::Working(errand) | Held::OnDisk(errand) = held {
                errand.close_in_child();
            }
        }
        self.requests = Slab::new(0);
        self.inflight = 0;
        self.draining.clear();
        self.next.clear();
        self.after.clear();
        self.finished = 0;
        self.submitting = false;
        self.in_batch = false;
        self.deferred.clear();
        self.counted.clear();
        self.drain_active = false;
        self.drain_next = false;
    }
}
/// A locked ring. What was posted meanwhile becomes visible when it is dropped.
pub struct Core {
    pub context: &'static Context,
    pub inner: &'static mut Inner,
    pub shared: &'static Shared,
    /// There is something new for those who wait.
    pub news: bool,
    /// Completions, or work that waits for the owner, have come.
    pub moved: bool,
    /// The registered eventfd is to be told of them.
    pub signals: bool,
    /// The program's thread has waited for the completions that come to light, and has them when the call returns.
    pub waited: bool,
    /// A worker does this.
    pub worker: bool,
    /// What workers must know of the calling thread, once it is known.
    pub submitter: Option<Submitter>,
    pub(crate) _entered: Entered,
}

impl Deref for Core {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        self.inner
    }
}

impl DerefMut for Core {
    fn deref_mut(&mut self) -> &mut Inner {
        self.inner
    }
}

impl Core {
    /// The queues' shared state.
    pub fn queues(&mut self) -> &mut shared::Queues {
        // SAFETY: the lock is held, and the reference borrows the holder.
        unsafe { self.shared.queues() }
    }

    /// Whether a setup flag is set.
    pub fn has(&self, flag: u32) -> bool {
        self.inner.half.flags() & flag != 0
    }

    /// The program's unconsumed completions.
    pub fn ready(&self) -> u32 {
        // SAFETY: the ring's memory is mapped while it is open.
        unsafe { self.inner.half.ready() }
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        if !self.inner.next.is_empty() {
            self.run_next();
        }
        if !self.news {
            self.shared.lock.unlock();
            return;
        }
        let forked = self.context.is_forked() && !self.inner.closed;
        if forked {
            self.shared.news.fetch_add(1, Ordering::Relaxed);
            self.wake_waiters();
        }
        self.publish();
        if forked {
            self.shared.lock.unlock();
            return;
        }
        // Who begins to wait does so within the lock: before, and is counted, or later, and has seen what is published.
        let waiters = self.shared.waiters.load(Ordering::Relaxed);
        self.shared.news.fetch_add(1, Ordering::Relaxed);
        self.shared.lock.unlock();
        if waiters != 0 {
            sys::futex_wake(self.shared.news.as_ptr(), u32::MAX >> 1);
        }
    }
}

impl Core {
    /// Wakes those who wait; the lock is held.
    fn wake_waiters(&self) {
        if self.shared.waiters.load(Ordering::Relaxed) != 0 {
            sys::futex_wake(self.shared.news.as_ptr(), u32::MAX >> 1);
        }
    }

    /// Makes completions visible.
    pub fn make_visible(&mut self) {
        if !self.news || self.inner.closed {
            return;
        }
        let [_, tail] = self.inner.half.cq_words();
        // SAFETY: the lock is held, and the ring's memory is mapped.
        unsafe {
            let cq = self.shared.queues().cq();
            if ironring_abi::barrier::read_once(tail) != cq.tail {
                self.moved = true;
                self.signals = true;
            }
            if self.moved && self.context.is_forked() {
                // This process may be killed at any time. Who is told before there is anything to see waits for the lock, or
                // takes it over; who was not told would sleep on.
                self.shared.news.fetch_add(1, Ordering::Relaxed);
                self.wake_waiters();
                self.signal();
            }
            self.inner.half.publish(&cq);
        }
    }

    /// Makes completions visible, and the ring's descriptors readable.
    fn publish(&mut self) {
        self.make_visible();
        self.signal();
    }

    /// Makes the ring's descriptors readable if completions have come.
    fn signal(&mut self) {
        if self.inner.closed || !core::mem::take(&mut self.moved) {
            return;
        }
        let file = self.context.signal.load(Ordering::Relaxed);
        if file >= 0 {
            let signaled = core::mem::replace(&mut self.queues().signaled, true);
            // A polling thread looks after the descriptor itself, as long as it is awake.
            if !signaled && self.inner.poller.is_none() {
                self.ask_for_entering();
            }
            // One that is readable already is written to once more for those who watch it for changes.
            if !(signaled && self.waited) {
                sys::signal(file);
            }
        }
        let signals = core::mem::take(&mut self.signals);
        // SAFETY: the ring's memory is mapped.
        if signals && unsafe { !self.inner.half.eventfd_disabled() } {
            if let Some((eventfd, asynchronous)) = &self.inner.registered.eventfd {
                // As on Linux, what a request's file or timer has brought about is not enough. A full one is readable
                // already, and if it blocks the write would wait.
                let wanted = !*asynchronous || self.worker;
                if wanted && sys::poll_now(eventfd.fd(), libc::POLLOUT as u32) != Ok(0) {
                    sys::signal(Kept::fd(eventfd));
                }
            }
        }
    }

    /// If the ring's descriptor is readable, has the program enter once it finds the CQ empty, so that it is made
    /// unreadable.
    pub fn ask_for_entering(&mut self) {
        if self.queues().signaled {
            // SAFETY: the ring's memory is mapped.
            unsafe { self.inner.half.set_flags(IORING_SQ_TASKRUN) };
        }
    }

    /// Makes the ring's descriptor unreadable again once the program has consumed everything.
    pub fn settle(&mut self) {
        if self.queues().signaled && self.ready() == 0 && self.inner.deferred.is_empty() {
            // In this order: if this process is killed meanwhile, the descriptor does not stay readable without anything there.
            sys::drain(self.context.signal.load(Ordering::Relaxed));
            // SAFETY: the ring's memory is mapped.
            unsafe { self.inner.half.clear_flags(IORING_SQ_TASKRUN) };
            self.queues().signaled = false;
        }
    }
}
