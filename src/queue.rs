//! The queues at work: submit and peek.

use crate::abi::*;
use crate::barrier::{io_uring_smp_mb, io_uring_smp_store_release, read_once};
use crate::ctypes::{c_int, c_uint};
use crate::inline::{io_uring_cq_advance, io_uring_cq_ready, io_uring_cqe_nr, io_uring_cqe_shift};
use crate::kernel::{self, SIGSET_SIZE};
use crate::setup::{enter_flags, int_flags};
use crate::types::io_uring;
use core::ptr::null;

/// Whether the kernel must be entered for `submit` entries to be taken: always without SQPOLL; with it, only when
/// the kernel's thread sleeps, and then `flags` says to wake it.
#[inline]
pub(crate) unsafe fn sq_needs_enter(ring: *const io_uring, submit: c_uint, flags: &mut c_uint) -> bool {
    // SAFETY: the caller's ring; `kflags` is the kernel's word, always mapped.
    unsafe {
        if submit == 0 {
            return false;
        }
        if (*ring).flags & IORING_SETUP_SQPOLL == 0 {
            return true;
        }
        // The kernel's thread sets NEED_WAKEUP, then looks at the tail once more before it sleeps. The tail stored
        // here must be visible before the flag is read, or both sides could miss each other.
        io_uring_smp_mb();
        if read_once((*ring).sq.kflags) & IORING_SQ_NEED_WAKEUP != 0 {
            *flags |= IORING_ENTER_SQ_WAKEUP;
            return true;
        }
        false
    }
}

/// Whether completions wait in the kernel for somebody to enter.
#[inline]
unsafe fn cq_needs_flush(ring: *const io_uring) -> bool {
    // SAFETY: the caller's ring; `kflags` is the kernel's word, always mapped.
    unsafe { read_once((*ring).sq.kflags) & (IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN) != 0 }
}

#[inline]
pub(crate) unsafe fn cq_needs_enter(ring: *const io_uring) -> bool {
    // SAFETY: the caller's ring.
    unsafe { (*ring).int_flags & int_flags::CQ_ENTER != 0 || cq_needs_flush(ring) }
}

/// Lets the kernel post the completions that it holds back.
///
/// That is: flushes an overflown CQ, runs deferred task work, polls once with IOPOLL. Doesn't wait or submit.
/// Returns 0 or more, or -errno of `io_uring_enter(2)`.
/// Since liburing 2.3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_get_events(ring: *mut io_uring) -> c_int {
    // SAFETY: the caller's ring.
    unsafe {
        let flags = IORING_ENTER_GETEVENTS | enter_flags(ring);
        kernel::io_uring_enter2((*ring).enter_ring_fd, 0, 0, flags, null(), SIGSET_SIZE)
    }
}

/// Stores pointers to up to `count` completions that are already in the CQ.
unsafe fn peek_batch(ring: *mut io_uring, cqes: *mut *mut io_uring_cqe, count: c_uint) -> c_uint {
    // SAFETY: the caller's array has `count` places; only slots between head and tail are read.
    unsafe {
        let ready = io_uring_cq_ready(ring);
        let mut head = *(*ring).cq.khead;
        let mask = (*ring).cq.ring_mask;
        let slots = (*ring).cq.cqes;
        let mut nr = 0;

        if (*ring).flags & IORING_SETUP_CQE_MIXED == 0 {
            let shift = io_uring_cqe_shift(ring);
            let count = ready.min(count);
            while nr < count {
                *cqes.add(nr as usize) = slots.add(((head & mask) << shift) as usize);
                head = head.wrapping_add(1);
                nr += 1;
            }
            return nr;
        }

        // Completions of one and two slots, and fillers where a big one did not fit before the wrap.
        let tail = head.wrapping_add(ready);
        while head != tail && nr < count {
            let cqe = slots.add((head & mask) as usize);
            if (*cqe).flags & IORING_CQE_F_SKIP != 0 {
                // A filler can be given back only when it is first in line; else it waits for the next call.
                if nr != 0 {
                    break;
                }
                io_uring_cq_advance(ring, 1);
                head = head.wrapping_add(1);
                continue;
            }
            *cqes.add(nr as usize) = cqe;
            head = head.wrapping_add(io_uring_cqe_nr(cqe));
            nr += 1;
        }
        nr
    }
}

/// Gives the completions that are there, up to `count`, without waiting.
///
/// Stores pointers into the CQ in the array `cqes`, oldest first; they stay valid until `io_uring_cq_advance()`.
/// When the CQ is empty and the kernel holds completions back (overflow, deferred work), it is entered once.
/// Returns how many pointers were stored, 0 when there is nothing. On a ring with `IORING_SETUP_CQE_MIXED` a
/// completion may take two slots: advance by the sum of `io_uring_cqe_nr()`, not by the number returned.
/// Since liburing 2.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_peek_batch_cqe(
    ring: *mut io_uring,
    cqes: *mut *mut io_uring_cqe,
    count: c_uint,
) -> c_uint {
    // SAFETY: the caller's ring and array are passed on.
    unsafe {
        let nr = peek_batch(ring, cqes, count);
        if nr != 0 || !cq_needs_flush(ring) {
            return nr;
        }
        io_uring_get_events(ring);
        peek_batch(ring, cqes, count)
    }
}

/// Shows the kernel the entries prepared so far; returns how many it has not taken yet.
#[inline]
pub(crate) unsafe fn flush_sq(ring: *mut io_uring) -> c_uint {
    // SAFETY: the caller's ring; one thread submits at a time.
    unsafe {
        let sq = &raw mut (*ring).sq;
        let tail = (*sq).sqe_tail;

        // The kernel takes such a ring's entries from slot 0 on at each submit, whatever head and tail say.
        if (*ring).flags & IORING_SETUP_SQ_REWIND != 0 {
            (*sq).sqe_tail = 0;
            return tail;
        }

        if (*sq).sqe_head != tail {
            (*sq).sqe_head = tail;
            if (*ring).flags & IORING_SETUP_SQPOLL == 0 {
                // Nobody looks before the system call.
                *(*sq).ktail = tail;
            } else {
                // The kernel's thread must see the entries before it sees the tail.
                io_uring_smp_store_release((*sq).ktail, tail);
            }
        }
        // The kernel writes no entries, so the head needs no ordering; a stale one only counts too many.
        tail.wrapping_sub(read_once((*sq).khead))
    }
}

/// Submits everything queued, and enters the kernel for completions when `wait_nr`, `get_events` or the ring ask for it.
#[inline]
unsafe fn submit(ring: *mut io_uring, wait_nr: c_uint, get_events: bool) -> c_int {
    // SAFETY: the caller's ring.
    unsafe {
        let submitted = flush_sq(ring);
        let mut flags = enter_flags(ring);
        let for_cqes = get_events || wait_nr != 0 || cq_needs_enter(ring);
        if !sq_needs_enter(ring, submitted, &mut flags) && !for_cqes {
            return submitted as c_int;
        }
        if for_cqes {
            flags |= IORING_ENTER_GETEVENTS;
        }
        kernel::io_uring_enter2((*ring).enter_ring_fd, submitted, wait_nr, flags, null(), SIGSET_SIZE)
    }
}

/// Submits everything queued.
///
/// Entries from `io_uring_get_sqe()` go to the kernel in order. Without SQPOLL the kernel has read them when the call
/// returns; what they point to must stay valid as each request's page says.
/// Returns the number of entries submitted, fewer than queued when one was refused (its completion tells), or -errno:
/// -EAGAIN (no memory for requests), -EBUSY (too many completions unread), -EBADR (completions were lost), and what
/// else `io_uring_enter(2)` says. Entries that were not taken stay queued.
/// Since liburing 2.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_submit(ring: *mut io_uring) -> c_int {
    // SAFETY: the caller's ring.
    unsafe { submit(ring, 0, false) }
}

/// Submits everything queued and waits for `wait_nr` completions, in one system call.
///
/// Returns the number of entries submitted, or -errno as `io_uring_submit()` and -EINTR for a signal. Completions
/// are then read with `io_uring_peek_cqe()`, `io_uring_for_each_cqe()` and their relatives.
/// Since liburing 2.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_submit_and_wait(ring: *mut io_uring, wait_nr: c_uint) -> c_int {
    // SAFETY: the caller's ring.
    unsafe { submit(ring, wait_nr, false) }
}

/// Submits everything queued and lets the kernel post the completions that it holds back.
///
/// `io_uring_submit()` and `io_uring_get_events()` in one system call.
/// Returns the number of entries submitted, or -errno as `io_uring_submit()`.
/// Since liburing 2.3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_submit_and_get_events(ring: *mut io_uring) -> c_int {
    // SAFETY: the caller's ring.
    unsafe { submit(ring, 0, true) }
}

/// Waits until the kernel's SQPOLL thread has freed a place in the SQ: what `io_uring_sqring_wait()` calls.
///
/// Returns 0 or more, or -errno: -EINVAL on kernels before 5.10.
/// Since liburing 2.0, kernel 5.10.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __io_uring_sqring_wait(ring: *mut io_uring) -> c_int {
    // SAFETY: the caller's ring.
    unsafe {
        let flags = IORING_ENTER_SQ_WAIT | enter_flags(ring);
        kernel::io_uring_enter2((*ring).enter_ring_fd, 0, 0, flags, null(), SIGSET_SIZE)
    }
}
