//! Locks between threads, and between processes of which one dies.

use super::{Lock, Mutex};
use crate::sys;
use std::sync::Arc;
use std::thread;

#[test]
fn one_thread_at_a_time() {
    let sum = Arc::new(Mutex::new(0u32));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let sum = sum.clone();
            thread::spawn(move || {
                for _ in 0..10_000 {
                    let mut sum = sum.lock();
                    let seen = *sum;
                    *sum = seen + 1;
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("it does not panic");
    }
    assert_eq!(*sum.lock(), 40_000);
}

/// A lock in shared memory.
#[allow(clippy::cast_ptr_alignment, reason = "it is at the start of a page")]
fn shared() -> &'static Lock {
    let memory = sys::map_shared(size_of::<Lock>()).expect("there is memory");
    // SAFETY: zeroed memory is a free lock, and it stays mapped.
    unsafe { &*memory.cast::<Lock>().cast_const() }
}

/// Runs a function in a child that then ends without unlocking; returns its process id.
fn child(run: impl FnOnce()) -> i32 {
    // SAFETY: the child makes system calls only, and ends with one.
    unsafe {
        let pid = libc::fork();
        assert!(pid >= 0);
        if pid == 0 {
            super::forget_pid();
            run();
            libc::_exit(0);
        }
        pid
    }
}

#[test]
fn the_lock_of_a_dead_process_is_taken_over() {
    let lock = shared();
    // Nobody waits for the child, so that it stays in the table of processes.
    let pid = child(|| {
        lock.lock();
    });
    // SAFETY: all zeroes is a valid `siginfo_t`, and it is valid for the call.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        libc::waitid(libc::P_PID, pid as u32, &raw mut info, libc::WEXITED | libc::WNOWAIT);
    }
    assert!(lock.lock(), "the owner died");
    lock.unlock();
    assert!(!lock.lock(), "this one did not");
    lock.unlock();
    // SAFETY: no memory is passed.
    unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
}

#[test]
fn a_living_owner_keeps_the_lock() {
    let lock = shared();
    lock.lock();
    let pid = child(|| {
        // It waits longer than the owner's life is doubted.
        let died = lock.lock();
        // SAFETY: no memory is passed.
        unsafe { libc::_exit(i32::from(died)) };
    });
    thread::sleep(std::time::Duration::from_millis(100));
    lock.unlock();
    let mut status = 0;
    // SAFETY: the status is valid for the call.
    unsafe { libc::waitpid(pid, &raw mut status, 0) };
    assert_eq!(status, 0, "no lock was taken over");
}
