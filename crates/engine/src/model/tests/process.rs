//! The models of what all rings of a process share: descriptors, limits, keys, and fork.

use super::exit_used;
use crate::heap::Arena;
use crate::model::program::{Ring, entry};
use crate::model::{explore, kernel, quietly, thread, thread_of};
use crate::worker::disk;
use crate::{context, driver, fork, kept, lock, ops, sys};
use ironring_abi::uapi::*;
use std::cell::Cell;
use std::rc::Rc;

/// No thread has a lock while another forks.
#[test]
fn fork_takes_locks() {
    explore("fork_takes_locks", Some(1), || {
        let ring = quietly(|| Ring::new(1, 2, 0));
        let forking = thread(|| {
            // SAFETY: nothing is copied meanwhile.
            unsafe { fork::prepare() };
            // SAFETY: as above.
            unsafe { fork::parent() };
        });
        let mut nop = entry(IORING_OP_NOP, 1);
        nop.flags = IOSQE_ASYNC as u8;
        ring.submit(&[nop]);
        crate::heap::reserve::take(64);
        forking.join().unwrap();
        quietly(|| {
            assert_eq!(ring.wait(), (1, 0));
            ring.exit();
        });
    });
}

/// Two threads are the first to need the key of the threads' values.
#[test]
fn key_is_made_once() {
    explore("key_is_made_once", None, || {
        let other = Rc::new(Cell::new(0));
        let its = other.clone();
        let thread = thread(move || its.set(crate::thread::id()));
        let own = crate::thread::id();
        thread.join().unwrap();
        assert_eq!(own, crate::thread::id());
        assert_ne!(own, other.get());
    });
}

/// The program's limit on open files is what it was.
#[test]
fn limit_is_restored() {
    explore("limit_is_restored", Some(3), || {
        kernel::set_limit(16);
        let raise = || {
            kept::past_limit(|| {
                assert_eq!(kept::limit(), 32);
                Ok(())
            })
            .unwrap();
        };
        let thread = thread(raise);
        raise();
        thread.join().unwrap();
        assert_eq!(kept::limit(), 16);
    });
}

/// A socket does not block, as long as a thread believes that.
#[test]
fn socket_does_not_block() {
    explore("socket_does_not_block", Some(3), || {
        let file = kernel::eventfd();
        sys::fcntl(file, libc::F_SETFL, libc::O_RDWR as usize).unwrap();
        let flags = move || sys::fcntl(file, libc::F_GETFL, 0).unwrap();
        let call = move || {
            ops::net::without_blocking(file, || {
                assert!(flags() & libc::O_NONBLOCK as usize != 0);
                Ok(0)
            })
            .unwrap();
        };
        let thread = thread(call);
        call();
        thread.join().unwrap();
        assert!(flags() & libc::O_NONBLOCK as usize == 0);
    });
}

/// Processes compare descriptors with one that they share.
#[test]
fn processes_compare() {
    explore("processes_compare", None, || {
        let file = kernel::eventfd();
        let duplicate = kept::duplicate(file).unwrap();
        let memory = sys::map_shared(size_of::<lock::Lock>()).unwrap();
        // SAFETY: zeroed memory is a free lock.
        let lock: &'static lock::Lock = unsafe { &*memory.cast::<lock::Lock>().cast_const() };
        // It has its own lock for its threads.
        let other = thread_of(2000, move || assert!(kept::compare_alone(file, lock, duplicate)));
        assert!(kept::same_shared_file(file, lock, duplicate));
        other.join().unwrap();
    });
}

/// Who learns of the driver's epoll descriptor finds it open.
#[test]
fn epoll_is_found_open() {
    explore("epoll_is_found_open", Some(2), || {
        let file = kernel::eventfd();
        let fetcher = thread(driver::fetch);
        let turner = thread(|| {
            if driver::is_used() {
                driver::turn(0, None).unwrap();
            }
        });
        driver::add_clock(file, 0).unwrap();
        fetcher.join().unwrap();
        turner.join().unwrap();
    });
}

/// A ring whose number is closed is found by its duplicate.
#[test]
fn duplicate_becomes_the_number() {
    explore("duplicate_becomes_the_number", Some(1), || {
        assert!(context::by_fd(5).is_none());
        let finder = thread(|| {
            if let Some(found) = context::by_fd(5) {
                assert_eq!(found.index, 0);
            }
        });
        let ring = quietly(|| {
            let ring = Ring::new(1, 2, 0);
            assert_eq!(sys::fcntl(ring.fd, libc::F_DUPFD_CLOEXEC, 5), Ok(5));
            assert!(context::by_duplicate(5).is_some());
            ring
        });
        ring.exit();
        assert!(context::by_fd(5).is_some());
        finder.join().unwrap();
    });
}

/// The exit of a ring gives up waiting for a thread within it; the place is used again once that has left.
#[test]
fn exit_is_impatient() {
    explore("exit_is_impatient", Some(2), || {
        let ring = quietly(|| Ring::new(1, 2, 0));
        kernel::set_tick(1_000_000_000);
        let next = exit_used(ring);
        quietly(|| next.exit());
    });
}

/// What the process has for its disks is made once, and found whole; the models' kernel refuses it.
#[test]
fn disk_is_found_refused() {
    explore("disk_is_found_refused", Some(2), || {
        let finisher = thread(disk::finish);
        let other = thread(|| assert!(disk::aio().is_err()));
        assert!(disk::aio().is_err());
        finisher.join().unwrap();
        other.join().unwrap();
    });
}

/// Threads share an arena of the heap, and take free blocks from each other's.
#[test]
fn heap_is_shared() {
    explore("heap_is_shared", Some(3), || {
        let arena: &Arena = Box::leak(Box::new(Arena::new()));
        let thread =
            thread(move || arena.with(|lists| lists.push(0, Box::leak(Box::new([0u64; 2])).as_mut_ptr().cast())));
        let taken = arena.take(0).into_iter().filter(|block| !block.is_null()).count();
        thread.join().unwrap();
        let left = arena.take(0).into_iter().filter(|block| !block.is_null()).count();
        assert_eq!(taken + left, 1);
    });
}

/// Buffers are read only as far as the program has provided them.
#[test]
fn buffers_are_read_in_order() {
    explore("buffers_are_read_in_order", None, || {
        use crate::registered::groups::read_in_order;
        use loom::sync::atomic::Ordering::{Relaxed, Release};
        let [tail, buffer] = [2, 8].map(kernel::Exposed::new);
        let program = thread(move || {
            buffer.word().store(7, Relaxed);
            tail.word().store(1, Release);
        });
        let (found, buffers) = read_in_order(tail.address(), buffer.address(), 1).unwrap();
        assert!(found == 0 || buffers[0].addr == 7);
        program.join().unwrap();
    });
}
