//! The models.

use crate::inline::calls::*;
use crate::inline::*;
use crate::model::program::Program;
use crate::model::words::{self, watch16, word16};
use crate::queue::{io_uring_peek_batch_cqe, io_uring_submit};
use core::sync::atomic::Ordering::Acquire;
use ironring_abi::uapi::*;
use loom::cell::UnsafeCell;
use loom::thread::{spawn, yield_now};
use std::collections::BTreeSet;
use std::ptr::null_mut;
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs a model in every order, and prints the number of orders and the library's orderings that it exercised.
/// `switches`, for models with too many orders, limits how often a thread is preempted.
fn explore(name: &str, switches: Option<usize>, model: impl Fn() + Send + Sync + 'static) {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    static SITES: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let (before, start) = (RUNS.load(Ordering::Relaxed), std::time::Instant::now());
    SITES.lock().unwrap().clear();
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = switches;
    builder.check(move || {
        RUNS.fetch_add(1, Ordering::Relaxed);
        model();
        SITES.lock().unwrap().extend(words::sites());
    });
    let runs = RUNS.load(Ordering::Relaxed) - before;
    println!("model {name} {runs} {:.1}", start.elapsed().as_secs_f64());
    for site in SITES.lock().unwrap().iter() {
        println!("site {name} {site}");
    }
}

/// Spawns a thread of the model. It may share pointers with the others, as loom runs all on one thread.
fn thread(work: impl FnOnce() + 'static) -> loom::thread::JoinHandle<()> {
    spawn(work)
}

/// Queues an entry as soon as a slot is free.
unsafe fn queue(program: &Program, data: u64) {
    loop {
        // SAFETY: the model's ring, whose one submitter this is.
        let sqe = unsafe { io_uring_get_sqe(program.ring()) };
        if !sqe.is_null() {
            program.fill(sqe, data);
            return;
        }
        yield_now();
    }
}

/// A polled SQ: every entry arrives once, in order and complete, and the thread is never left asleep.
fn polled(name: &str, switches: Option<usize>, entries: u32, total: u64) {
    explore(name, switches, move || {
        let program = Program::new(entries, 4, IORING_SETUP_SQPOLL);
        let poller = Rc::clone(&program.kernel);
        let thread = thread(move || {
            let mut next = 0;
            poller.poller(total as usize, |data| {
                assert_eq!(data, next);
                next += 1;
            });
        });
        for data in 0..total {
            // SAFETY: the model's ring.
            unsafe {
                queue(&program, data);
                io_uring_submit(program.ring());
            }
        }
        thread.join().unwrap();
    });
}

#[test]
fn sqpoll_one_entry() {
    polled("sqpoll_one_entry", None, 1, 1);
}

#[test]
fn sqpoll_one_slot() {
    polled("sqpoll_one_slot", Some(3), 1, 2);
}

#[test]
fn sqpoll_two_slots() {
    polled("sqpoll_two_slots", Some(3), 2, 2);
}

/// Reads all completions, which must come once and in order.
fn in_order(program: &Program, total: u64, read: unsafe fn(&Program) -> Vec<u64>) {
    let mut next = 0;
    while next < total {
        // SAFETY: the model's ring, whose one reader this is.
        let data = unsafe { read(program) };
        if data.is_empty() {
            yield_now();
        }
        for data in data {
            assert_eq!(data, next);
            next += 1;
        }
    }
}

/// A CQ that is too small: every completion arrives once and in order, however it is read.
fn reaped(name: &str, entries: u32, total: u64, read: unsafe fn(&Program) -> Vec<u64>) {
    explore(name, None, move || {
        let program = Program::new(1, entries, 0);
        let poster = Rc::clone(&program.kernel);
        let thread = thread(move || (0..total).for_each(|data| poster.post(data)));
        in_order(&program, total, read);
        thread.join().unwrap();
    });
}

unsafe fn peek(program: &Program) -> Vec<u64> {
    let mut cqe = null_mut();
    // SAFETY: the model's ring.
    unsafe {
        if io_uring_peek_cqe(program.ring(), &raw mut cqe) != 0 {
            return Vec::new();
        }
        let data = program.read(cqe);
        io_uring_cqe_seen(program.ring(), cqe);
        vec![data]
    }
}

unsafe fn batch(program: &Program) -> Vec<u64> {
    let mut cqes = [null_mut(); 4];
    // SAFETY: the model's ring and an array of four places.
    unsafe {
        let nr = io_uring_peek_batch_cqe(program.ring(), cqes.as_mut_ptr(), 4);
        let data = cqes[..nr as usize].iter().map(|cqe| program.read(*cqe)).collect();
        io_uring_cq_advance(program.ring(), nr);
        data
    }
}

unsafe fn walk(program: &Program) -> Vec<u64> {
    let mut data = Vec::new();
    let mut cqe = null_mut();
    // SAFETY: the model's ring.
    unsafe {
        let mut walk = io_uring_cqe_iter_init(program.ring());
        while io_uring_cqe_iter_next(&raw mut walk, &raw mut cqe) {
            data.push(program.read(cqe));
        }
        io_uring_cq_advance(program.ring(), data.len() as u32);
        if data.is_empty() && io_uring_cq_has_overflow(program.ring()) {
            crate::queue::io_uring_get_events(program.ring());
        }
    }
    data
}

unsafe fn wait(program: &Program) -> Vec<u64> {
    let mut cqe = null_mut();
    // SAFETY: the model's ring.
    unsafe {
        assert_eq!(io_uring_wait_cqe(program.ring(), &raw mut cqe), 0);
        let data = program.read(cqe);
        io_uring_cqe_seen(program.ring(), cqe);
        vec![data]
    }
}

#[test]
fn cq_peek() {
    reaped("cq_peek", 1, 2, peek);
}

#[test]
fn cq_batch() {
    reaped("cq_batch", 1, 2, batch);
}

#[test]
fn cq_walk() {
    reaped("cq_walk", 1, 2, walk);
}

#[test]
fn cq_wait() {
    reaped("cq_wait", 1, 2, wait);
}

#[test]
fn cq_peek_two_slots() {
    reaped("cq_peek_two_slots", 2, 3, peek);
}

/// A big completion with only the last slot free: the slot gets a filler, and the backlog the completion.
#[test]
fn cq_mixed() {
    explore("cq_mixed", None, || {
        let program = Program::new(2, 2, IORING_SETUP_CQE_MIXED);
        let poster = Rc::clone(&program.kernel);
        let thread = thread(move || {
            poster.post(0);
            poster.post_big(1);
        });
        in_order(&program, 2, peek);
        thread.join().unwrap();
    });
}

/// One thread submits, another reaps: everything submitted completes once.
fn split(name: &str, total: u64, read: unsafe fn(&Program) -> Vec<u64>) {
    explore(name, None, move || {
        let program = Program::new(1, 1, 0);
        let submitter = Rc::clone(&program);
        let thread = thread(move || {
            for data in 0..total {
                // SAFETY: the model's ring, whose one submitter this is.
                unsafe {
                    queue(&submitter, data);
                    assert_eq!(io_uring_submit(submitter.ring()), 1);
                }
            }
        });
        in_order(&program, total, read);
        thread.join().unwrap();
    });
}

#[test]
fn split_wait() {
    split("split_wait", 2, wait);
}

#[test]
fn split_peek() {
    split("split_peek", 2, peek);
}

/// A ring of provided buffers: the kernel reads each buffer complete, and returns it before it is refilled.
fn buffers(name: &str, switches: Option<usize>, total: u16, entries: u16) {
    explore(name, switches, move || {
        #[repr(C, align(16))]
        struct Buffers([u64; 8]);

        let program = Program::new(4, 4, 0);
        let memory = Rc::new(std::cell::UnsafeCell::new(Buffers([0; 8])));
        let br: *mut io_uring_buf_ring = memory.get().cast();
        // SAFETY: the buffer ring just made; its tail is a watched word.
        let tail = unsafe { &raw mut (*br).anon_ring.anon_head.tail };
        watch16(tail);
        let cells: Rc<Vec<UnsafeCell<u16>>> = Rc::new((0..entries).map(|_| UnsafeCell::new(0)).collect());
        let mask = io_uring_buf_ring_mask(u32::from(entries));

        let (taker, slots, keep) = (Rc::clone(&program.kernel), Rc::clone(&cells), Rc::clone(&memory));
        let thread = thread(move || {
            let _keep = keep;
            let tail = word16(tail);
            let mut head = 0u16;
            while head < total {
                if tail.load(Acquire) == head {
                    yield_now();
                    continue;
                }
                // SAFETY: loom sees to it that nobody else touches the cell.
                let bid = slots[usize::from(head) & mask as usize].with(|cell| unsafe { *cell });
                assert_eq!(bid, head);
                head += 1;
                taker.post(u64::from(bid));
            }
        });
        let add = |bid: u16| {
            // SAFETY: loom sees to it that nobody else touches the cell.
            cells[usize::from(bid) & mask as usize].with_mut(|cell| unsafe { *cell = bid });
            // SAFETY: the model's buffer ring; the address is never followed.
            unsafe { io_uring_buf_ring_add(br, null_mut(), 1, bid, mask, 0) };
        };
        for bid in 0..entries {
            add(bid);
            // SAFETY: the model's buffer ring.
            unsafe { io_uring_buf_ring_advance(br, 1) };
        }
        let (mut seen, mut added) = (0, entries);
        while seen < total {
            let mut cqe = null_mut();
            // SAFETY: the model's ring and buffer ring.
            unsafe {
                if io_uring_peek_cqe(program.ring(), &raw mut cqe) != 0 {
                    yield_now();
                    continue;
                }
                assert_eq!(program.read(cqe), u64::from(seen));
                seen += 1;
                if added < total {
                    add(added);
                    added += 1;
                    io_uring_buf_ring_cq_advance(program.ring(), br, 1);
                } else {
                    io_uring_cqe_seen(program.ring(), cqe);
                }
            }
        }
        thread.join().unwrap();
    });
}

#[test]
fn buffers_one_place() {
    buffers("buffers_one_place", None, 2, 1);
}

#[test]
fn buffers_two_places() {
    buffers("buffers_two_places", Some(3), 3, 2);
}
