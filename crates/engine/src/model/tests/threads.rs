//! The models of the engine's threads.

use crate::model::program::{Ring, cancel, entry, poll, timeout};
use crate::model::{explore, has_refused, join_made, kernel, quietly, refuse_threads, thread};
use crate::{driver, enter, sys};
use ironring_abi::uapi::*;
use libc::{ECANCELED, ENOENT, ETIME};

/// A polling thread does not miss what is submitted while it falls asleep.
#[test]
fn sqpoll_falls_asleep() {
    explore("sqpoll_falls_asleep", Some(1), || {
        kernel::set_tick(1 << 32);
        let ring = quietly(|| Ring::new(1, 2, IORING_SETUP_SQPOLL));
        ring.submit_polled(entry(IORING_OP_NOP, 5));
        assert_eq!(ring.wait(), (5, 0));
        ring.exit();
    });
}

/// A worker that ends, because nothing has come for a while, does not leave an errand behind.
#[test]
fn worker_ends() {
    explore("worker_ends", Some(1), || {
        let ring = quietly(|| Ring::new(1, 2, 0));
        let mut nop = entry(IORING_OP_NOP, 1);
        nop.flags = IOSQE_ASYNC as u8;
        quietly(|| {
            ring.submit(&[nop]);
            assert_eq!(ring.wait(), (1, 0));
        });
        let time = thread(|| kernel::pass(6_000_000_000));
        nop.user_data = 2;
        ring.submit(&[nop]);
        assert_eq!(ring.wait(), (2, 0));
        time.join().unwrap();
        quietly(|| ring.exit());
    });
}

/// Workers end with the last ring, without waiting for anything.
#[test]
fn worker_ends_with_rings() {
    explore("worker_ends_with_rings", Some(2), || {
        let ring = quietly(|| Ring::new(1, 2, 0));
        let mut nop = entry(IORING_OP_NOP, 1);
        nop.flags = IOSQE_ASYNC as u8;
        quietly(|| ring.submit(&[nop]));
        assert_eq!(ring.wait(), (1, 0));
        ring.exit();
        join_made();
    });
}

/// Where no thread can be made, those who wait for another ring do the driver's work.
#[test]
fn waiters_drive() {
    explore("waiters_drive", Some(2), || {
        let [ring, other] = quietly(|| [Ring::new(1, 2, 0), Ring::new(1, 2, 0)]);
        refuse_threads();
        let waiter = thread(move || assert_eq!(ring.wait(), (9, 0)));
        for number in 1..3 {
            other.submit(&[timeout(IORING_OP_TIMEOUT, 1000, number)]);
            quietly(|| {
                kernel::pass(2000);
                sys::poll(other.fd, libc::POLLIN as u32, -1).unwrap();
                assert_eq!(other.peek(), Some((number, -ETIME)));
                assert_eq!(other.enter(0, 0, 0), 0);
            });
        }
        quietly(|| {
            ring.post(9);
            // As long as it waits for files.
            kernel::pass(2_000_000);
            waiter.join().unwrap();
        });
    });
}

/// Who falls asleep while there is something new to watch, and no thread for it, turns or is woken.
#[test]
fn waiter_is_told_to_drive() {
    explore("waiter_is_told_to_drive", Some(2), || {
        let ring = quietly(|| Ring::new(1, 2, 0));
        quietly(|| {
            ring.post(8);
            assert_eq!(ring.wait(), (8, 0));
            // The thread is made, and waits.
            driver::need();
            loom::thread::yield_now();
            driver::release();
        });
        refuse_threads();
        let waiter = thread(move || {
            let core = ring.context.lock().expect("the ring is open");
            if core.ready() == 0 {
                assert_eq!(enter::sleep(core, u64::MAX / 2, None), Ok(0));
            }
        });
        kernel::pass(6_000_000_000);
        driver::need();
        // Sleeps with an end are over. If the driver has not ended it does the work, and the waiter may sleep.
        kernel::end();
        if !has_refused() {
            ring.post(9);
        }
        waiter.join().unwrap();
        quietly(driver::release);
    });
}

/// The driver ends, because nothing is watched, while there is something new to wait for.
#[test]
fn driver_ends() {
    explore("driver_ends", Some(2), || {
        let ring = quietly(|| Ring::new(1, 2, 0));
        quietly(|| {
            ring.submit(&[timeout(IORING_OP_TIMEOUT, 1000, 1)]);
            kernel::pass(2000);
            assert_eq!(ring.wait(), (1, -ETIME));
            // Its descriptor is no longer readable.
            assert_eq!(ring.enter(0, 0, 0), 0);
        });
        let time = thread(|| kernel::pass(6_000_000_000));
        ring.submit(&[timeout(IORING_OP_TIMEOUT, 1000, 2)]);
        time.join().unwrap();
        quietly(|| {
            kernel::pass(2000);
            // It does not enter, where it would do the driver's work itself.
            sys::poll(ring.fd, libc::POLLIN as u32, -1).unwrap();
            // The model's eventfds order no memory.
            drop(ring.context.lock());
            assert_eq!(ring.peek(), Some((2, -ETIME)));
            ring.exit();
        });
    });
}

/// A request is done by a worker or withdrawn, not both.
#[test]
fn worker_begins_or_is_too_late() {
    explore("worker_begins_or_is_too_late", Some(1), || {
        let ring = quietly(|| Ring::new(2, 4, 0));
        let mut nop = entry(IORING_OP_NOP, 1);
        nop.flags = IOSQE_ASYNC as u8;
        ring.submit(&[nop]);
        ring.submit(&[cancel(1, 2)]);
        let mut found = [ring.wait(), ring.wait()];
        found.sort_unstable();
        let [(1, done), (2, canceled)] = found else {
            panic!("completions: {found:?}")
        };
        assert!(
            (done, canceled) == (-ECANCELED, 0) || done == 0 && [-ENOENT, -libc::EALREADY].contains(&canceled),
            "completions: {done} {canceled}"
        );
        ring.exit();
    });
}

/// The driver, asleep without an end, is woken when there is nothing left to wait for.
#[test]
fn driver_sleeps() {
    explore("driver_sleeps", Some(2), || {
        let ring = quietly(|| Ring::new(1, 2, 0));
        let file = kernel::eventfd();
        quietly(|| ring.submit(&[poll(file, 1)]));
        let time = thread(|| kernel::pass(6_000_000_000));
        ring.submit(&[cancel(1, 2)]);
        let mut found = [ring.wait(), ring.wait()];
        found.sort_unstable();
        assert_eq!(found, [(1, -ECANCELED), (2, 0)]);
        time.join().unwrap();
        ring.exit();
    });
}

/// The program waits for a free slot of a polled queue.
#[test]
fn sqpoll_makes_room() {
    explore("sqpoll_makes_room", Some(1), || {
        kernel::set_tick(1 << 32);
        let ring = quietly(|| Ring::new(1, 2, IORING_SETUP_SQPOLL));
        ring.submit_polled(entry(IORING_OP_NOP, 5));
        ring.enter(0, 0, IORING_ENTER_SQ_WAIT | IORING_ENTER_SQ_WAKEUP);
        ring.submit_polled(entry(IORING_OP_NOP, 6));
        quietly(|| {
            assert_eq!([ring.wait(), ring.wait()], [(5, 0), (6, 0)]);
            ring.exit();
        });
    });
}

/// A worker moves to the processors that were chosen before its errand.
#[test]
fn worker_moves() {
    explore("worker_moves", Some(1), || {
        let ring = quietly(|| Ring::new(1, 2, 0));
        let chooser = thread(|| crate::worker::choose(vec![1]));
        let mut nop = entry(IORING_OP_NOP, 1);
        nop.flags = IOSQE_ASYNC as u8;
        ring.submit(&[nop]);
        assert_eq!(ring.wait(), (1, 0));
        chooser.join().unwrap();
        ring.exit();
    });
}
