//! The models: locks, posting, requests, and rings' ends.

mod futexes;
mod process;
mod threads;

use super::program::{Ring, cancel, entry, poll, timeout};
use super::{explore, kernel, quietly, thread, thread_of};
use crate::lock::{Lock, Mutex};
use crate::{context, sys};
use ironring_abi::uapi::*;
use libc::{EBADF, ECANCELED, ENOENT, ETIME};
use std::cell::Cell;
use std::rc::Rc;

const READABLE: i32 = libc::POLLIN as i32;

#[test]
fn lock_is_exclusive() {
    explore("lock_is_exclusive", Some(3), || {
        static SUM: Mutex<u32> = Mutex::new(0);
        let add = || *SUM.lock() += 1;
        let threads = [thread(add), thread(add)];
        add();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(*SUM.lock(), 3);
    });
}

/// A process dies with a lock: one of the others takes it over, and learns of it.
#[test]
fn lock_is_taken_over() {
    explore("lock_is_taken_over", Some(2), || {
        let memory = sys::map_shared(size_of::<Lock>()).unwrap();
        // SAFETY: zeroed memory is a free lock.
        let lock: &'static Lock = unsafe { &*memory.cast::<Lock>().cast_const() };
        let deaths = Rc::new(Cell::new(0));
        let count = |deaths: Rc<Cell<u32>>| {
            let died = lock.lock();
            deaths.set(deaths.get() + u32::from(died));
            lock.unlock();
        };
        let dying = thread_of(2000, || {
            lock.lock();
            kernel::kill(2000);
        });
        let of_other = deaths.clone();
        let other = thread_of(3000, move || count(of_other));
        count(deaths.clone());
        dying.join().unwrap();
        other.join().unwrap();
        count(deaths.clone());
        assert_eq!(deaths.get(), 1);
    });
}

/// Who waits is woken.
#[test]
fn post_wakes() {
    explore("post_wakes", Some(2), || {
        let ring = quietly(|| Ring::new(1, 2, 0));
        let poster = thread(move || ring.post(7));
        assert_eq!(ring.wait(), (7, 0));
        poster.join().unwrap();
    });
}

/// As above, in another process.
#[test]
fn post_wakes_processes() {
    explore("post_wakes_processes", Some(2), || {
        let ring = quietly(|| Ring::new(1, 2, 0));
        ring.context.lock_for_fork();
        ring.context.unlock_after_fork();
        let poster = thread_of(2000, move || ring.post(7));
        assert_eq!(ring.wait(), (7, 0));
        poster.join().unwrap();
    });
}

/// Completions that find no room come all, and in order.
#[test]
fn post_overflows() {
    explore("post_overflows", Some(2), || {
        let ring = quietly(|| Ring::new(1, 1, 0));
        let poster = thread(move || (0..2).for_each(|data| ring.post(data)));
        (0..2).for_each(|data| assert_eq!(ring.wait(), (data, 0)));
        poster.join().unwrap();
    });
}

/// A completion comes while the queues are replaced.
#[test]
fn post_while_resizing() {
    explore("post_while_resizing", Some(2), || {
        let ring = quietly(|| Ring::new(1, 1, IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER));
        let poster = thread(move || (0..2).for_each(|data| ring.post(data)));
        // SAFETY: all zeroes is a valid value.
        let mut p: io_uring_params = unsafe { std::mem::zeroed() };
        (p.flags, p.sq_entries, p.cq_entries) = (IORING_SETUP_CQSIZE, 1, 2);
        assert_eq!(ring.register(IORING_REGISTER_RESIZE_RINGS, (&raw mut p) as u64, 1), 0);
        let ring = ring.again();
        (0..2).for_each(|data| assert_eq!(ring.wait(), (data, 0)));
        poster.join().unwrap();
    });
}

/// A parked request is completed once, by its file or by who cancels it.
#[test]
fn park_ready_or_canceled() {
    explore("park_ready_or_canceled", Some(2), || {
        let ring = quietly(|| Ring::new(2, 4, 0));
        let file = kernel::eventfd();
        ring.submit(&[poll(file, 1)]);
        let writer = thread(move || {
            kernel::set_event(file, Some(1));
        });
        ring.submit(&[cancel(1, 2)]);
        let mut found = [ring.wait(), ring.wait()];
        found.sort_unstable();
        let [(1, polled), (2, canceled)] = found else {
            panic!("completions: {found:?}")
        };
        assert!(
            (polled, canceled) == (READABLE, -ENOENT) || (polled, canceled) == (-ECANCELED, 0),
            "completions: {polled} {canceled}"
        );
        writer.join().unwrap();
        assert_eq!(ring.peek(), None);
        ring.exit();
    });
}

/// A request and the timeout that limits it.
#[test]
fn complete_or_time_out() {
    explore("complete_or_time_out", Some(2), || {
        let ring = quietly(|| Ring::new(2, 4, 0));
        let file = kernel::eventfd();
        let mut limited = poll(file, 1);
        limited.flags = IOSQE_IO_LINK as u8;
        ring.submit(&[limited, timeout(IORING_OP_LINK_TIMEOUT, 1000, 2)]);
        let writer = thread(move || {
            kernel::set_event(file, Some(1));
        });
        kernel::pass(2000);
        let mut found = [ring.wait(), ring.wait()];
        found.sort_unstable();
        let [(1, polled), (2, limit)] = found else {
            panic!("completions: {found:?}")
        };
        assert!(
            (polled, limit) == (READABLE, -ECANCELED) || (polled, limit) == (-ECANCELED, -ETIME),
            "completions: {polled} {limit}"
        );
        writer.join().unwrap();
        assert_eq!(ring.peek(), None);
        ring.exit();
    });
}

/// A ring is exited while another thread uses it; then the place is another ring's.
#[test]
fn exit_while_used() {
    explore("exit_while_used", Some(2), || {
        let ring = quietly(|| Ring::new(1, 2, 0));
        exit_used(ring).exit();
    });
}

/// Exits a ring while another thread uses it; the next one.
fn exit_used(ring: Ring) -> Ring {
    let user = thread(move || {
        if let Some(mut core) = ring.context.lock() {
            core.post(&ironring_half::Cqe::default());
        }
    });
    ring.exit();
    let next = Ring::new(1, 2, 0);
    next.post(3);
    user.join().unwrap();
    next
}

/// Who waits for a ring that is exited leaves.
#[test]
fn exit_while_waited_for() {
    explore("exit_while_waited_for", Some(2), || {
        let ring = quietly(|| Ring::new(1, 2, 0));
        let waiter = thread(move || assert_eq!(ring.enter(0, 1, IORING_ENTER_GETEVENTS), -EBADF));
        ring.exit();
        waiter.join().unwrap();
    });
}

/// Two threads wait, and each is woken for a completion.
#[test]
fn post_wakes_all() {
    explore("post_wakes_all", Some(1), || {
        let ring = quietly(|| Ring::new(1, 2, 0));
        let wait = move || assert_eq!(ring.enter(0, 2, IORING_ENTER_GETEVENTS), 0);
        let waiters = [thread(wait), thread(wait)];
        ring.post(1);
        ring.post(2);
        for thread in waiters {
            thread.join().unwrap();
        }
    });
}

/// Who learns of a ring by its number finds it whole.
#[test]
fn ring_is_found_by_number() {
    explore("ring_is_found_by_number", Some(2), || {
        let finder = thread(|| {
            // The number that the ring below will have.
            if let Some(found) = context::by_fd(3) {
                found.lock().expect("it is whole").post(&ironring_half::Cqe::default());
            }
            if context::is_used() {
                let _ = context::at(0);
            }
        });
        let ring = Ring::new(1, 2, 0);
        assert_eq!(ring.fd, 3);
        finder.join().unwrap();
        ring.exit();
    });
}

/// The last of those who hold a ring exits it.
#[test]
fn last_holder_exits() {
    explore("last_holder_exits", Some(2), || {
        let ring = quietly(|| Ring::new(1, 2, 0));
        assert!(ring.context.hold());
        let holder = thread(move || {
            ring.post(1);
            ring.context.release();
        });
        ring.exit();
        holder.join().unwrap();
        assert!(!context::any());
    });
}

/// The program closes a ring's number while another thread looks for it by a duplicate.
#[test]
fn exit_while_compared() {
    explore("exit_while_compared", Some(2), || {
        let ring = quietly(|| Ring::new(1, 2, 0));
        let file = kernel::eventfd();
        let finder = thread(move || assert!(context::by_duplicate(file).is_none()));
        ring.exit();
        finder.join().unwrap();
    });
}

/// Rings send to each other.
#[test]
fn rings_send_messages() {
    explore("rings_send_messages", Some(1), || {
        let rings = quietly(|| [Ring::new(1, 2, 0), Ring::new(1, 2, 0)]);
        let send = move |from: usize| {
            let mut message = entry(IORING_OP_MSG_RING, 1);
            message.fd = rings[1 - from].fd;
            message.anon_off.off = 2;
            rings[from].submit(&[message]);
            let mut found = [rings[from].wait(), rings[from].wait()];
            found.sort_unstable();
            assert_eq!(found, [(1, 0), (2, 0)]);
        };
        let other = thread(move || send(1));
        send(0);
        other.join().unwrap();
        rings.into_iter().for_each(Ring::exit);
    });
}

/// What files without a file system share is known at once.
#[test]
fn kind_of_files_is_learned() {
    explore("kind_of_files_is_learned", None, || {
        let file = kernel::eventfd();
        let asker = thread(move || assert!(crate::kept::is_surely_anonymous(file)));
        crate::kept::learn_anonymous(file);
        asker.join().unwrap();
    });
}

/// Two threads use the reserve.
#[test]
fn reserve_is_filled_and_used() {
    explore("reserve_is_filled_and_used", None, || {
        let user = thread(|| {
            crate::heap::reserve::take(64);
        });
        crate::heap::has_room();
        user.join().unwrap();
    });
}

/// Descriptors are given up by two threads.
#[test]
fn files_are_given_up() {
    explore("files_are_given_up", None, || {
        let give = |file| drop(crate::kept::Kept::own(file));
        let [one, other] = [kernel::eventfd(), kernel::eventfd()];
        let thread = thread(move || give(one));
        give(other);
        thread.join().unwrap();
    });
}
