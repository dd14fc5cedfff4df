//! A ring that both sides of a model share, and the kernel's half of the protocol as `io_uring.c` has it.

use crate::abi::*;
use crate::model::words::{self, watch32, word32};
use crate::types::io_uring;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use loom::cell::UnsafeCell;
use loom::sync::atomic::fence;
use loom::sync::{Condvar, Mutex, MutexGuard};
use std::collections::VecDeque;
use std::mem::zeroed;
use std::rc::Rc;

/// The ring's memory. Heads and tails are plain words, each with a shadow in `words`.
#[repr(C)]
struct Memory {
    sq_head: u32,
    sq_tail: u32,
    sq_flags: u32,
    cq_head: u32,
    cq_tail: u32,
    sqes: [io_uring_sqe; 4],
    cqes: [io_uring_cqe_16; 4],
    ring: io_uring,
}

/// A completion's own 16 bytes.
#[repr(C)]
struct io_uring_cqe_16([u64; 2]);

/// What the kernel guards with its completion lock.
struct Posts {
    backlog: VecDeque<u64>,
    tail: u32,
}

/// The kernel's side. What each slot holds is a cell, so that a touch without order is seen.
pub struct Kernel {
    memory: Box<std::cell::UnsafeCell<Memory>>,
    sq_entries: u32,
    cq_entries: u32,
    sqpoll: bool,
    sqes: Vec<UnsafeCell<u64>>,
    cqes: Vec<UnsafeCell<u64>>,
    lock: Mutex<Posts>,
    /// Whoever waits for completions.
    posted: Condvar,
    /// Whether the polling thread was woken, and where it sleeps.
    woken: Mutex<bool>,
    asleep: Condvar,
}

impl Kernel {
    pub fn new(sq_entries: u32, cq_entries: u32, flags: u32) -> Rc<Kernel> {
        words::forget();
        // SAFETY: integers and raw pointers: all zeroes is valid.
        let memory: Box<std::cell::UnsafeCell<Memory>> = Box::new(unsafe { zeroed() });
        let at = memory.get();
        // SAFETY: the memory just made, which nobody else has seen.
        unsafe {
            let ring = &raw mut (*at).ring;
            (*ring).sq.khead = &raw mut (*at).sq_head;
            (*ring).sq.ktail = &raw mut (*at).sq_tail;
            (*ring).sq.kflags = &raw mut (*at).sq_flags;
            (*ring).sq.sqes = (&raw mut (*at).sqes).cast();
            ((*ring).sq.ring_entries, (*ring).sq.ring_mask) = (sq_entries, sq_entries - 1);
            (*ring).cq.khead = &raw mut (*at).cq_head;
            (*ring).cq.ktail = &raw mut (*at).cq_tail;
            (*ring).cq.cqes = (&raw mut (*at).cqes).cast();
            ((*ring).cq.ring_entries, (*ring).cq.ring_mask) = (cq_entries, cq_entries - 1);
            (*ring).flags = flags | IORING_SETUP_NO_SQARRAY;
            (*ring).features = !0;
            for word in [
                (*ring).sq.khead,
                (*ring).sq.ktail,
                (*ring).sq.kflags,
                (*ring).cq.khead,
                (*ring).cq.ktail,
            ] {
                watch32(word);
            }
        }
        let cells = |count| (0..count).map(|_| UnsafeCell::new(0)).collect();
        let kernel = Rc::new(Kernel {
            memory,
            sq_entries,
            cq_entries,
            sqpoll: flags & IORING_SETUP_SQPOLL != 0,
            sqes: cells(sq_entries),
            cqes: cells(cq_entries),
            lock: Mutex::new(Posts {
                backlog: VecDeque::new(),
                tail: 0,
            }),
            posted: Condvar::new(),
            woken: Mutex::new(false),
            asleep: Condvar::new(),
        });
        super::kernel::play(&kernel);
        kernel
    }

    /// The ring as the program has it.
    pub fn ring(&self) -> *mut io_uring {
        // SAFETY: the memory lives as long as the kernel.
        unsafe { &raw mut (*self.memory.get()).ring }
    }

    fn at(&self) -> *mut Memory {
        self.memory.get()
    }

    /// The program fills a slot.
    pub fn fill(&self, sqe: *mut io_uring_sqe, data: u64) {
        // SAFETY: a slot of this ring; loom sees to it that nobody else touches the cell.
        unsafe {
            let slot = sqe.offset_from((&raw const (*self.at()).sqes).cast());
            self.sqes[slot as usize].with_mut(|cell| *cell = data);
        }
    }

    /// The program reads a completion.
    pub fn read(&self, cqe: *const io_uring_cqe) -> u64 {
        // SAFETY: as in `fill`.
        unsafe {
            let slot = (cqe as usize - &raw const (*self.at()).cqes as usize) / size_of::<io_uring_cqe>();
            self.cqes[slot].with(|cell| *cell)
        }
    }

    /// Takes what is in the SQ, with `tail` as it was read.
    fn take(&self, tail: u32) -> Vec<u64> {
        // SAFETY: the head's place; the kernel alone writes it.
        let place = unsafe { &raw mut (*self.at()).sq_head };
        let head = word32(place);
        let from = head.load(Relaxed);
        let count = tail.wrapping_sub(from);
        assert!(count <= self.sq_entries, "more entries than slots");
        let mut taken = Vec::new();
        for n in 0..count {
            let slot = from.wrapping_add(n) & (self.sq_entries - 1);
            // SAFETY: loom sees to it that nobody else touches the cell.
            taken.push(self.sqes[slot as usize].with(|cell| unsafe { *cell }));
        }
        if count != 0 {
            // SAFETY: as above; without SQPOLL the program reads the head plainly, in the thread that submits.
            unsafe { place.write(tail) };
            head.store(tail, Release);
        }
        taken
    }

    /// Takes what the SQ holds, as the polling thread does.
    fn poll(&self) -> Vec<u64> {
        // SAFETY: the tail's place.
        let tail = word32(unsafe { &raw const (*self.at()).sq_tail });
        self.take(tail.load(Acquire))
    }

    /// Takes what the SQ holds in the submitting thread, and completes it. That thread stored the tail plainly.
    pub fn take_here(&self) {
        assert!(!self.sqpoll, "a polled ring is entered to wake, not to submit");
        // SAFETY: the tail's place; the caller is the one that writes it.
        let tail = unsafe { (&raw const (*self.at()).sq_tail).read() };
        for data in self.take(tail) {
            self.post(data);
        }
    }

    /// The polling thread, until it has taken `total` entries.
    pub fn poller(&self, total: usize, mut each: impl FnMut(u64)) {
        // SAFETY: the flags' place.
        let flags = word32(unsafe { &raw const (*self.at()).sq_flags });
        let mut taken = 0;
        loop {
            let mut entries = self.poll();
            if entries.is_empty() {
                flags.fetch_or(IORING_SQ_NEED_WAKEUP, Relaxed);
                fence(SeqCst);
                entries = self.poll();
                if entries.is_empty() {
                    let mut woken = self.woken.lock().unwrap();
                    while !*woken {
                        woken = self.asleep.wait(woken).unwrap();
                    }
                    *woken = false;
                }
                flags.fetch_and(!IORING_SQ_NEED_WAKEUP, Relaxed);
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

    /// Puts a completion into the CQ if there is room. The kernel's read of the head is plain; what orders its write
    /// of the slot behind it is the branch between them, which loom doesn't know: an acquire stands for it.
    fn place(&self, posts: &mut Posts, data: u64) -> bool {
        // SAFETY: the places of head and tail.
        let (head, tail) = unsafe { (&raw const (*self.at()).cq_head, &raw mut (*self.at()).cq_tail) };
        if posts.tail.wrapping_sub(word32(head).load(Acquire)) >= self.cq_entries {
            return false;
        }
        let slot = posts.tail & (self.cq_entries - 1);
        // SAFETY: loom sees to it that nobody else touches the cell.
        self.cqes[slot as usize].with_mut(|cell| unsafe { *cell = data });
        posts.tail = posts.tail.wrapping_add(1);
        // SAFETY: the kernel alone writes the tail.
        unsafe { tail.write(posts.tail) };
        word32(tail).store(posts.tail, Release);
        true
    }

    /// Completes a request: into the CQ, or the backlog when that is full.
    pub fn post(&self, data: u64) {
        let mut posts = self.lock.lock().unwrap();
        if !posts.backlog.is_empty() || !self.place(&mut posts, data) {
            posts.backlog.push_back(data);
            // SAFETY: the flags' place.
            let flags = word32(unsafe { &raw const (*self.at()).sq_flags });
            flags.fetch_or(IORING_SQ_CQ_OVERFLOW, Relaxed);
        }
        drop(posts);
        self.posted.notify_one();
    }

    fn flush(&self, posts: &mut MutexGuard<Posts>) {
        while let Some(data) = posts.backlog.front().copied() {
            if !self.place(posts, data) {
                return;
            }
            posts.backlog.pop_front();
        }
        // SAFETY: the flags' place.
        let flags = word32(unsafe { &raw const (*self.at()).sq_flags });
        flags.fetch_and(!IORING_SQ_CQ_OVERFLOW, Relaxed);
    }

    /// `io_uring_enter` with `IORING_ENTER_GETEVENTS`.
    pub fn get_events(&self, wait: u32) {
        // SAFETY: the head's place, which the caller's side writes.
        let head = word32(unsafe { &raw const (*self.at()).cq_head });
        let mut posts = self.lock.lock().unwrap();
        loop {
            self.flush(&mut posts);
            if posts.tail.wrapping_sub(head.load(Acquire)) >= wait {
                return;
            }
            posts = self.posted.wait(posts).unwrap();
        }
    }
}
