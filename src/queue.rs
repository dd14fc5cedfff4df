//! Submitting and peeking.

use crate::inline::{io_uring_cq_advance, io_uring_cq_ready, io_uring_cqe_nr, io_uring_cqe_shift};
use crate::kernel::SIGSET_SIZE;
use crate::ring::{enter, int_flags};
use core::ptr::null;
use ironring_abi::barrier::{io_uring_smp_mb, io_uring_smp_store_release, read_once};
use ironring_abi::ctypes::{c_int, c_uint};
use ironring_abi::types::io_uring;
use ironring_abi::uapi::*;

/// Kernel flags that mean: completions wait until the kernel is entered.
const HELD_BACK: c_uint = IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN;

/// The kernel's flags, read after the submission thread can see the submitted entries.
#[inline]
unsafe fn kflags_after_submit(ring: *const io_uring) -> c_uint {
    // The submission thread sets NEED_WAKEUP, then reads the tail once more before it sleeps. The tail stored here must
    // be visible before the flag is read; otherwise the thread could sleep with entries in the queue.
    io_uring_smp_mb();
    // SAFETY: the caller's ring; `kflags` points into its mapped memory.
    unsafe { read_once((*ring).sq.kflags) }
}

/// Whether the kernel must be entered to submit `submit` entries: always without SQPOLL; with it, only if the
/// submission thread sleeps, and then the flag that wakes it is added to `flags`.
#[inline]
pub(crate) unsafe fn sq_needs_enter(ring: *const io_uring, submit: c_uint, flags: &mut c_uint) -> bool {
    // SAFETY: the caller's ring.
    unsafe {
        if submit == 0 {
            return false;
        }
        if (*ring).flags & IORING_SETUP_SQPOLL == 0 {
            return true;
        }
        let sleeps = kflags_after_submit(ring) & IORING_SQ_NEED_WAKEUP != 0;
        if sleeps {
            *flags |= IORING_ENTER_SQ_WAKEUP;
        }
        sleeps
    }
}

/// Whether completions wait until the kernel is entered.
#[inline]
unsafe fn cq_needs_flush(ring: *const io_uring) -> bool {
    // SAFETY: the caller's ring; `kflags` points into its mapped memory.
    unsafe { read_once((*ring).sq.kflags) & HELD_BACK != 0 }
}

#[inline]
pub(crate) unsafe fn cq_needs_enter(ring: *const io_uring) -> bool {
    // SAFETY: the caller's ring.
    unsafe { (*ring).int_flags & int_flags::CQ_ENTER != 0 || cq_needs_flush(ring) }
}

/// Enters the kernel so that it posts overflowed and deferred completions.
///
/// It flushes overflowed completions, runs deferred task work, and polls once with IOPOLL. It doesn't wait or submit.
/// Returns 0, or -errno of `io_uring_enter(2)`.
/// Since liburing 2.3.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[inline(never)]
pub unsafe extern "C" fn io_uring_get_events(ring: *mut io_uring) -> c_int {
    // SAFETY: the caller's ring.
    unsafe { enter(ring, 0, 0, IORING_ENTER_GETEVENTS, null(), SIGSET_SIZE) }
}

/// Stores `nr` pointers, at least one, starting at `cqe` and `step` bytes apart.
#[inline]
unsafe fn store_run(cqes: *mut *mut io_uring_cqe, mut cqe: *mut io_uring_cqe, step: usize, nr: c_uint) {
    let mut index = 0;
    loop {
        // SAFETY: the caller's array has `nr` elements, and as many entries are before the end of the CQ.
        unsafe { *cqes.add(index) = cqe };
        cqe = cqe.wrapping_byte_add(step);
        index += 1;
        if index == nr as usize {
            return;
        }
    }
}

/// Stores pointers to completions of one size: the last `before` ones of the CQ, and `behind` ones from its start. It
/// doesn't get the total as an argument: the compiler would notice that it returns that argument, and call it where it
/// now jumps.
#[inline(never)]
unsafe fn peek_wrapped(ring: *const io_uring, cqes: *mut *mut io_uring_cqe, before: c_uint, behind: c_uint) -> c_uint {
    // SAFETY: the caller's array has elements for all, and as many completions are posted.
    unsafe {
        let cq = &raw const (*ring).cq;
        let step = size_of::<io_uring_cqe>() << io_uring_cqe_shift(ring);
        let first = (*cq).ring_mask + 1 - before;
        store_run(cqes, (*cq).cqes.byte_add(first as usize * step), step, before);
        store_run(cqes.add(before as usize), (*cq).cqes, step, behind);
        before + behind
    }
}

/// Stores pointers to up to `count` completions of one slot or two, with fillers where a large one did not fit before
/// the CQ's end.
#[inline]
unsafe fn peek_mixed(ring: *mut io_uring, cqes: *mut *mut io_uring_cqe, count: c_uint) -> c_uint {
    // SAFETY: the caller's array has `count` elements; only slots between head and tail are read.
    unsafe {
        let mut head = *(*ring).cq.khead;
        let tail = head.wrapping_add(io_uring_cq_ready(ring));
        let mut nr = 0;
        while head != tail && nr < count {
            let cqe = (*ring).cq.cqes.add((head & (*ring).cq.ring_mask) as usize);
            if (*cqe).flags & IORING_CQE_F_SKIP != 0 {
                // A filler can only be returned when it is the oldest entry; otherwise the next call does it.
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

/// Returns up to `count` completions without waiting.
///
/// Stores pointers into the CQ in the array `cqes`, oldest first; they stay valid until `io_uring_cq_advance()`. If the
/// CQ is empty and the kernel holds completions back (overflow, deferred work), it is entered once, and an error of
/// that is not reported. A ring with `IORING_SETUP_IOPOLL` is not polled: `io_uring_peek_cqe()` does that. Returns the
/// number of pointers stored, 0 if there is no completion. On a ring with `IORING_SETUP_CQE_MIXED` a completion may
/// take two slots: advance by the sum of `io_uring_cqe_nr()`, not by the number returned.
/// Since liburing 2.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_peek_batch_cqe(
    ring: *mut io_uring,
    cqes: *mut *mut io_uring_cqe,
    count: c_uint,
) -> c_uint {
    // SAFETY: the caller's ring and array are passed on.
    unsafe {
        if (*ring).flags & IORING_SETUP_CQE_MIXED != 0 {
            return peek_rare(ring, cqes, count);
        }
        let cq = &raw const (*ring).cq;
        let nr = io_uring_cq_ready(ring).min(count);
        if nr == 0 {
            return if cq_needs_flush(ring) {
                peek_rare(ring, cqes, count)
            } else {
                0
            };
        }
        let first = *(*cq).khead & (*cq).ring_mask;
        let before = (*cq).ring_mask + 1 - first;
        if nr > before {
            return peek_wrapped(ring, cqes, before, nr - before);
        }
        let step = size_of::<io_uring_cqe>() << io_uring_cqe_shift(ring);
        store_run(cqes, (*cq).cqes.byte_add(first as usize * step), step, nr);
        nr
    }
}

/// Handles completions of both sizes, and an empty CQ while the kernel holds some back: then it is entered once. Out of
/// line, so that the common path is short and needs no stack.
#[cold]
#[inline(never)]
unsafe fn peek_rare(ring: *mut io_uring, cqes: *mut *mut io_uring_cqe, count: c_uint) -> c_uint {
    let mut flushed = false;
    loop {
        // SAFETY: the caller's ring and array are passed on.
        unsafe {
            if (*ring).flags & IORING_SETUP_CQE_MIXED != 0 {
                let nr = peek_mixed(ring, cqes, count);
                if nr != 0 {
                    return nr;
                }
            } else if io_uring_cq_ready(ring) != 0 {
                // There are completions, or `count` is 0.
                return if count == 0 {
                    0
                } else {
                    io_uring_peek_batch_cqe(ring, cqes, count)
                };
            }
            if flushed || !cq_needs_flush(ring) {
                return 0;
            }
            io_uring_get_events(ring);
        }
        flushed = true;
    }
}

/// Publishes the entries prepared so far; returns the number that the kernel has not consumed yet.
#[inline]
unsafe fn publish(ring: *mut io_uring) -> c_uint {
    // SAFETY: the caller's ring, whose memory is mapped; one thread submits at a time.
    unsafe {
        let sq = &raw mut (*ring).sq;
        let tail = (*sq).sqe_tail;
        if (*sq).sqe_head != tail {
            (*sq).sqe_head = tail;
            // The submission thread, if there is one, must see the entries before the tail.
            io_uring_smp_store_release((*sq).ktail, tail);
        }
        // The kernel writes no entries, so its head needs no ordering; with a stale head the count is too high.
        tail.wrapping_sub(read_once((*sq).khead))
    }
}

/// [`publish`] for all rings.
#[inline]
pub(crate) unsafe fn flush_sq(ring: *mut io_uring) -> c_uint {
    // SAFETY: the caller's ring.
    unsafe {
        // The kernel takes such a ring's entries starting at slot 0 in each submission, and ignores head and tail.
        if (*ring).flags & IORING_SETUP_SQ_REWIND != 0 {
            let tail = (*ring).sq.sqe_tail;
            (*ring).sq.sqe_tail = 0;
            return tail;
        }
        publish(ring)
    }
}

/// Submits all prepared entries, and enters the kernel for completions if `wait_nr`, `flags` or the ring require it.
#[inline]
unsafe fn submit(ring: *mut io_uring, wait_nr: c_uint, mut flags: c_uint) -> c_int {
    // SAFETY: the caller's ring.
    unsafe {
        // One test for all rare cases.
        if (*ring).flags & (IORING_SETUP_IOPOLL | IORING_SETUP_SQPOLL | IORING_SETUP_SQ_REWIND) != 0 {
            return submit_any(ring, wait_nr, flags);
        }
        let submitted = publish(ring);
        if wait_nr != 0 || flags != 0 || cq_needs_flush(ring) {
            flags = IORING_ENTER_GETEVENTS;
        } else if submitted == 0 {
            return 0;
        }
        enter(ring, submitted, wait_nr, flags, null(), SIGSET_SIZE)
    }
}

/// [`submit`] for all rings.
#[cold]
#[inline(never)]
unsafe fn submit_any(ring: *mut io_uring, wait_nr: c_uint, mut flags: c_uint) -> c_int {
    // SAFETY: the caller's ring.
    unsafe {
        let polled = (*ring).flags & IORING_SETUP_SQPOLL != 0;
        let submitted = flush_sq(ring);
        if polled && submitted != 0 {
            let kflags = kflags_after_submit(ring);
            // One test for the common case: the thread is awake, and nothing else is needed.
            if kflags & (IORING_SQ_NEED_WAKEUP | HELD_BACK) == 0 && wait_nr | flags == 0 {
                return submitted as c_int;
            }
            if kflags & IORING_SQ_NEED_WAKEUP != 0 {
                flags |= IORING_ENTER_SQ_WAKEUP;
            }
            if wait_nr != 0 || kflags & HELD_BACK != 0 {
                flags |= IORING_ENTER_GETEVENTS;
            }
        } else {
            if wait_nr != 0 || cq_needs_enter(ring) {
                flags |= IORING_ENTER_GETEVENTS;
            }
            if flags == 0 && submitted == 0 {
                return 0;
            }
        }
        enter(ring, submitted, wait_nr, flags, null(), SIGSET_SIZE)
    }
}

/// Submits all prepared entries.
///
/// Submits entries from `io_uring_get_sqe()` in order. Without SQPOLL the kernel has consumed them when the call
/// returns; each request's page says how long the memory that it points to must stay valid. Returns the number of
/// entries submitted, fewer than queued if one was refused (its completion has the error), or -errno: -EAGAIN (no
/// memory for requests), -EEXIST (the ring belongs to another thread), -EBADFD (it is disabled), -EOWNERDEAD (the
/// submission thread is gone), and other errors of `io_uring_enter(2)`. Entries that were not submitted stay queued.
/// With SQPOLL the number is that of all entries not consumed yet: don't add such numbers up.
/// Since liburing 2.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_submit(ring: *mut io_uring) -> c_int {
    // SAFETY: the caller's ring.
    unsafe { submit(ring, 0, 0) }
}

/// Submits all prepared entries and waits for `wait_nr` completions, in one system call.
///
/// If fewer entries are submitted than were queued, it doesn't wait. Returns the number of entries submitted, or -errno
/// as `io_uring_submit()` and, if none was submitted, -EINTR for a signal and -EBADR if completions were lost. Read
/// completions with `io_uring_peek_cqe()`, `io_uring_for_each_cqe()` and related functions.
/// Since liburing 2.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_submit_and_wait(ring: *mut io_uring, wait_nr: c_uint) -> c_int {
    // SAFETY: the caller's ring.
    unsafe { submit(ring, wait_nr, 0) }
}

/// Submits all prepared entries, and enters the kernel so that it posts overflowed and deferred completions.
///
/// It is `io_uring_submit()` and `io_uring_get_events()` in one system call. Returns the number of entries submitted,
/// or -errno as `io_uring_submit()`.
/// Since liburing 2.3.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_submit_and_get_events(ring: *mut io_uring) -> c_int {
    // SAFETY: the caller's ring.
    unsafe { submit(ring, 0, IORING_ENTER_GETEVENTS) }
}

/// Waits until the submission thread has freed a slot of the SQ; called by `io_uring_sqring_wait()`.
///
/// Returns 0 or more, or -errno: -EINVAL on kernels before 5.10.
/// Since liburing 2.0, kernel 5.10.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn __io_uring_sqring_wait(ring: *mut io_uring) -> c_int {
    // SAFETY: the caller's ring.
    unsafe { enter(ring, 0, 0, IORING_ENTER_SQ_WAIT, null(), SIGSET_SIZE) }
}

#[cfg(all(test, not(loom)))]
mod tests;
