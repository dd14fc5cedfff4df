//! The models of the engine's threads.

use crate::model::program::{Ring, cancel, entry, futex, poll, timeout};
use crate::model::{explore, join_made, kernel, quietly, refuse_threads, thread};
use crate::sys;
use ironring_abi::uapi::*;
use libc::{EAGAIN, ECANCELED, ENOENT, ETIME};

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
        other.submit(&[timeout(IORING_OP_TIMEOUT, 1000, 1)]);
        quietly(|| {
            kernel::pass(2000);
            sys::poll(other.fd, libc::POLLIN as u32, -1).unwrap();
            ring.post(9);
            // As long as it waits for files.
            kernel::pass(2_000_000);
            waiter.join().unwrap();
        });
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

/// A thread waits for a futex of the program, and does not miss a wake that follows the submission.
#[test]
fn futex_wakes() {
    explore("futex_wakes", Some(2), || {
        let ring = quietly(|| Ring::new(1, 2, 0));
        let word = kernel::Futex::new();
        quietly(|| ring.submit(&[futex(word.address(), 1)]));
        let waker = thread(move || word.change(1));
        assert_eq!(ring.wait(), (1, 0));
        waker.join().unwrap();
        quietly(|| ring.exit());
    });
}

/// As above, if it changes within the submission.
#[test]
fn futex_wakes_or_has_changed() {
    explore("futex_wakes_or_has_changed", Some(1), || {
        let ring = quietly(|| Ring::new(1, 2, 0));
        let word = kernel::Futex::new();
        let waker = thread(move || word.change(1));
        ring.submit(&[futex(word.address(), 1)]);
        let (data, res) = ring.wait();
        assert!(data == 1 && [0, -EAGAIN].contains(&res), "completions: {res}");
        waker.join().unwrap();
        quietly(|| ring.exit());
    });
}

/// A wait for a futex is woken or canceled. Its thread then waits for the next, and ends with the last ring.
#[test]
fn futex_canceled() {
    explore("futex_canceled", Some(1), || {
        let ring = quietly(|| Ring::new(2, 4, 0));
        let word = kernel::Futex::new();
        quietly(|| ring.submit(&[futex(word.address(), 1)]));
        ring.submit(&[cancel(1, 2)]);
        let mut found = [ring.wait(), ring.wait()];
        found.sort_unstable();
        assert_eq!(found, [(1, -ECANCELED), (2, 1)]);
        ring.submit(&[futex(word.address(), 3)]);
        word.change(1);
        assert_eq!(ring.wait(), (3, 0));
        ring.exit();
        join_made();
    });
}
