//! The kernel's side of a model: `ironring_half`, with locks and sleeping as in Linux.

use crate::backlog::Unbounded;
use crate::model::words::{self, watch_entry, watch32};
use ironring_abi::uapi::*;
use ironring_half::{Backlog, Cq, Cqe, Ring, Sq, lay_out};
use loom::sync::{Condvar, Mutex};
use std::cell::{Cell, RefCell, UnsafeCell};
use std::mem::zeroed;
use std::rc::Rc;

/// What the completion lock protects.
struct Posts {
    cq: Cq,
    backlog: Unbounded,
}

/// The kernel's side.
pub struct Kernel {
    half: Ring,
    /// The result of its setup.
    pub p: io_uring_params,
    /// The memory of the two parts.
    memory: [Box<[UnsafeCell<u64>]>; 2],
    /// Without a lock, which would add orderings: only one thread of a model takes entries.
    sq: Cell<Sq>,
    lock: Mutex<Posts>,
    /// Notified when a completion is posted.
    posted: Condvar,
    /// Whether the polling thread was woken.
    woken: Mutex<bool>,
    asleep: Condvar,
}

fn addresses(memory: &[Box<[UnsafeCell<u64>]>; 2]) -> [*mut u64; 2] {
    memory.each_ref().map(|part| UnsafeCell::raw_get(part.as_ptr()))
}

thread_local! {
    static PLAYED: RefCell<Option<Rc<Kernel>>> = const { RefCell::new(None) };
}

impl Kernel {
    /// The kernel of the current execution.
    pub fn played() -> Rc<Kernel> {
        PLAYED
            .with(|played| played.borrow().clone())
            .expect("a kernel is in play")
    }

    pub fn new(sq_entries: u32, cq_entries: u32, flags: u32) -> Rc<Kernel> {
        words::forget();
        // SAFETY: integers: all zeroes is valid.
        let mut p: io_uring_params = unsafe { zeroed() };
        p.flags = flags | IORING_SETUP_NO_SQARRAY | IORING_SETUP_CQSIZE;
        p.cq_entries = cq_entries;
        let sizes = lay_out(sq_entries, &mut p).expect("a possible ring");
        let memory = [sizes.rings, sizes.sqes].map(|size| (0..size / 8).map(|_| UnsafeCell::new(0)).collect());
        let [rings, sqes] = addresses(&memory);
        // SAFETY: memory of the right sizes, to which nobody else has a pointer.
        let half = unsafe {
            let half = Ring::new(rings.cast(), rings.cast(), sqes.cast(), &p);
            half.describe();
            half.clear(0);
            half
        };
        half.sq_words()
            .into_iter()
            .chain(half.cq_words())
            .for_each(|word| watch32(word));
        for slot in 0..sq_entries {
            watch_entry(half.sqe(slot).cast());
        }
        for slot in 0..cq_entries {
            watch_entry(half.cqe(slot).cast());
        }
        let kernel = Rc::new(Kernel {
            half,
            p,
            memory,
            sq: Cell::new(Sq::new(0)),
            lock: Mutex::new(Posts {
                cq: Cq::new(0),
                backlog: Unbounded::default(),
            }),
            posted: Condvar::new(),
            woken: Mutex::new(false),
            asleep: Condvar::new(),
        });
        PLAYED.with(|played| *played.borrow_mut() = Some(Rc::clone(&kernel)));
        kernel
    }

    /// The addresses of the two parts.
    pub fn mapped(&self) -> [*mut u64; 2] {
        addresses(&self.memory)
    }

    /// Takes all entries.
    fn take(&self) -> Vec<u64> {
        let (mut sq, mut taken) = (self.sq.get(), Vec::new());
        // SAFETY: the ring; without a polling thread this one submits.
        unsafe {
            let mut batch = self.half.take(&mut sq, u32::MAX);
            while let Some(entry) = batch.next() {
                taken.push(entry.sqe.user_data);
            }
            if taken.is_empty() {
                return taken;
            }
            batch.end();
        }
        self.sq.set(sq);
        taken
    }

    /// Takes all entries in the submitting thread, and completes them.
    pub fn take_here(&self) {
        for data in self.take() {
            self.post(data);
        }
    }

    /// Runs the polling thread until it has taken `total` entries.
    pub fn poller(&self, total: usize, mut each: impl FnMut(u64)) {
        let mut taken = 0;
        loop {
            let entries = self.take();
            // SAFETY: the ring.
            if entries.is_empty() && unsafe { self.half.may_sleep(&self.sq.get()) } {
                let mut woken = self.woken.lock().unwrap();
                while !*woken {
                    woken = self.asleep.wait(woken).unwrap();
                }
                *woken = false;
                // SAFETY: the ring.
                unsafe { self.half.clear_flags(IORING_SQ_NEED_WAKEUP) };
            }
            taken += entries.len();
            entries.into_iter().for_each(&mut each);
            if taken >= total {
                assert_eq!(taken, total, "each entry once");
                return;
            }
        }
    }

    /// `io_uring_enter` with `IORING_ENTER_SQ_WAKEUP`.
    pub fn wake(&self) {
        *self.woken.lock().unwrap() = true;
        self.asleep.notify_one();
    }

    /// Completes a request.
    pub fn post(&self, data: u64) {
        self.complete(&Cqe {
            user_data: data,
            ..Cqe::default()
        });
    }

    /// Completes a request with a CQE of 32 bytes.
    pub fn post_big(&self, data: u64) {
        self.complete(&Cqe {
            user_data: data,
            res: 0,
            flags: IORING_CQE_F_32,
            big: [data; 2],
        });
    }

    fn complete(&self, cqe: &Cqe) {
        let mut posts = self.lock.lock().unwrap();
        let Posts { cq, backlog } = &mut *posts;
        // SAFETY: the ring, under its lock.
        unsafe {
            self.half.post(cq, backlog, cqe);
            self.half.publish(cq);
        }
        drop(posts);
        self.posted.notify_one();
    }

    /// `io_uring_enter` with `IORING_ENTER_GETEVENTS`.
    pub fn get_events(&self, wait: u32) {
        let mut posts = self.lock.lock().unwrap();
        loop {
            let Posts { cq, backlog } = &mut *posts;
            // SAFETY: the ring, under its lock.
            unsafe {
                if backlog.first().is_some() {
                    self.half.flush(cq, backlog);
                    self.half.publish(cq);
                }
                if self.half.ready() >= wait {
                    return;
                }
            }
            posts = self.posted.wait(posts).unwrap();
        }
    }
}
