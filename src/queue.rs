//! The queues at work: submit, wait, peek.

use crate::abi::*;
use crate::barrier::{io_uring_smp_mb, io_uring_smp_store_release, read_once};
use crate::ctypes::{__kernel_timespec, c_int, c_uint, c_void, sigset_t};
use crate::inline::{
    __io_uring_peek_cqe, _io_uring_get_sqe, io_uring_cq_advance, io_uring_cq_ready, io_uring_cqe_nr,
    io_uring_cqe_shift, io_uring_prep_timeout,
};
use crate::kernel::{self, SIGSET_SIZE};
use crate::setup::{enter_flags, int_flags};
use crate::types::{LIBURING_UDATA_TIMEOUT, io_uring};
use core::ptr::{null, null_mut};
use libc::{EAGAIN, EINVAL, ETIME};

/// Whether the kernel must be entered for `submit` entries to be taken: always without SQPOLL; with it, only when
/// the kernel's thread sleeps, and then `flags` says to wake it.
#[inline]
unsafe fn sq_needs_enter(ring: *const io_uring, submit: c_uint, flags: &mut c_uint) -> bool {
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
unsafe fn cq_needs_enter(ring: *const io_uring) -> bool {
    // SAFETY: the caller's ring.
    unsafe { (*ring).int_flags & int_flags::CQ_ENTER != 0 || cq_needs_flush(ring) }
}

/// What a wait asks of the kernel.
struct Wait {
    /// Entries still to be submitted.
    submit: c_uint,
    /// Completions to wait for.
    wait_nr: c_uint,
    /// Flags for `io_uring_enter` whenever it is entered for completions.
    flags: c_uint,
    /// The argument of `io_uring_enter` and its size.
    arg: *const c_void,
    size: usize,
    /// Whether the argument carries a timeout.
    timed: bool,
}

/// Submits and waits as `wait` says, and gives the first completion.
unsafe fn get_cqe(ring: *mut io_uring, cqe_ptr: *mut *mut io_uring_cqe, wait: &mut Wait) -> c_int {
    let mut cqe = null_mut();
    // The result of the first entry into the kernel, or the first error.
    let mut ret = 0;
    let mut entered = false;
    // SAFETY: the caller's ring and its argument, valid through the call.
    unsafe {
        loop {
            let mut available = 0;
            let err = __io_uring_peek_cqe(ring, &raw mut cqe, &raw mut available);
            if err != 0 {
                ret = if ret == 0 { err } else { ret };
                break;
            }

            let mut flags = enter_flags(ring);
            let mut enter = wait.wait_nr > available;
            if cqe.is_null() && wait.wait_nr == 0 && wait.submit == 0 {
                // Nothing to submit and nothing to wait for: one look into the kernel at most.
                if entered || !cq_needs_enter(ring) {
                    ret = if ret == 0 { -EAGAIN } else { ret };
                    break;
                }
                enter = true;
            }
            if enter {
                flags |= IORING_ENTER_GETEVENTS | wait.flags;
            }
            if sq_needs_enter(ring, wait.submit, &mut flags) {
                enter = true;
            }
            if !enter {
                break;
            }
            if entered && wait.timed {
                // The kernel came back with too few completions: the time is over.
                if cqe.is_null() && ret == 0 {
                    ret = -ETIME;
                }
                break;
            }

            let done = kernel::io_uring_enter2(
                (*ring).enter_ring_fd,
                wait.submit,
                wait.wait_nr,
                flags,
                wait.arg,
                wait.size,
            );
            if done < 0 {
                ret = if ret == 0 { done } else { ret };
                break;
            }
            wait.submit = wait.submit.wrapping_sub(done as c_uint);
            if !cqe.is_null() {
                break;
            }
            if !entered {
                entered = true;
                ret = done;
            }
        }
        *cqe_ptr = cqe;
    }
    ret
}

/// As `get_cqe`, with a timeout and more in an extended argument (kernel 5.11).
unsafe fn get_cqe_ext(
    ring: *mut io_uring,
    cqe_ptr: *mut *mut io_uring_cqe,
    submit: c_uint,
    wait_nr: c_uint,
    ts: *mut __kernel_timespec,
    min_wait_usec: c_uint,
    sigmask: *mut sigset_t,
) -> c_int {
    let arg = io_uring_getevents_arg {
        sigmask: sigmask as usize as u64,
        sigmask_sz: SIGSET_SIZE as u32,
        min_wait_usec,
        ts: ts as usize as u64,
    };
    let mut wait = Wait {
        submit,
        wait_nr,
        flags: IORING_ENTER_EXT_ARG,
        arg: (&raw const arg).cast(),
        size: size_of_val(&arg),
        timed: !ts.is_null(),
    };
    // SAFETY: the caller's pointers; the argument lives through the call.
    unsafe { get_cqe(ring, cqe_ptr, &mut wait) }
}

/// Waits for completions, submitting first: what the header's wait and peek helpers call.
///
/// Submits `submit` entries, waits for `wait_nr` completions with the signal mask `sigmask` (may be NULL), and stores
/// the first completion in `*cqe_ptr`. For programs there are `io_uring_wait_cqe()` and its relatives.
/// Returns 0 or more, or -errno (then `*cqe_ptr` may be NULL): -EAGAIN when there is nothing and nothing to wait for.
/// Since liburing 2.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __io_uring_get_cqe(
    ring: *mut io_uring,
    cqe_ptr: *mut *mut io_uring_cqe,
    submit: c_uint,
    wait_nr: c_uint,
    sigmask: *mut sigset_t,
) -> c_int {
    let mut wait = Wait {
        submit,
        wait_nr,
        flags: 0,
        arg: sigmask.cast(),
        size: SIGSET_SIZE,
        timed: false,
    };
    // SAFETY: the caller's pointers are passed on.
    unsafe { get_cqe(ring, cqe_ptr, &mut wait) }
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
unsafe fn flush_sq(ring: *mut io_uring) -> c_uint {
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

/// Queues a timeout of the library's own, for kernels before 5.11; returns how many entries are to be submitted.
unsafe fn queue_timeout(ring: *mut io_uring, wait_nr: c_uint, ts: *mut __kernel_timespec) -> c_int {
    // SAFETY: the caller's ring; `ts` stays valid until the submit that follows in the same call.
    unsafe {
        let mut sqe = _io_uring_get_sqe(ring);
        if sqe.is_null() {
            let ret = io_uring_submit(ring);
            if ret < 0 {
                return ret;
            }
            sqe = _io_uring_get_sqe(ring);
            if sqe.is_null() {
                return -EAGAIN;
            }
        }
        io_uring_prep_timeout(sqe, ts, wait_nr, 0);
        (*sqe).user_data = LIBURING_UDATA_TIMEOUT;
        flush_sq(ring) as c_int
    }
}

/// Waits for `wait_nr` completions, for a time at most.
///
/// `ts` is a relative time or NULL for no limit; `sigmask`, when not NULL, replaces the signal mask during the wait.
/// Both are only read during the call. The first completion is stored in `*cqe_ptr`, NULL when there is none.
/// On kernels before 5.11 a time limit takes an SQE and submits everything queued (then one thread must do both
/// sides, and no request may use the user data `LIBURING_UDATA_TIMEOUT`); later ones only wait.
/// Returns 0 or more, or -errno: -ETIME when the time is over, -EINTR for a signal, -EAGAIN.
/// Since liburing 2.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_wait_cqes(
    ring: *mut io_uring,
    cqe_ptr: *mut *mut io_uring_cqe,
    wait_nr: c_uint,
    ts: *mut __kernel_timespec,
    sigmask: *mut sigset_t,
) -> c_int {
    // SAFETY: the caller's pointers are passed on.
    unsafe {
        let mut to_submit = 0;
        if !ts.is_null() {
            if (*ring).features & IORING_FEAT_EXT_ARG != 0 {
                return get_cqe_ext(ring, cqe_ptr, 0, wait_nr, ts, 0, sigmask);
            }
            to_submit = queue_timeout(ring, wait_nr, ts);
            if to_submit < 0 {
                return to_submit;
            }
        }
        __io_uring_get_cqe(ring, cqe_ptr, to_submit as c_uint, wait_nr, sigmask)
    }
}

/// Waits for `wait_nr` completions, but settles for fewer after a shorter time.
///
/// As `io_uring_wait_cqes()`; after `min_ts_usec` microseconds it returns as soon as there is one completion.
/// Returns 0 or more, or -errno: -EINVAL when the kernel lacks `IORING_FEAT_MIN_TIMEOUT`, -ETIME, -EINTR.
/// Since liburing 2.8, kernel 6.12.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_wait_cqes_min_timeout(
    ring: *mut io_uring,
    cqe_ptr: *mut *mut io_uring_cqe,
    wait_nr: c_uint,
    ts: *mut __kernel_timespec,
    min_ts_usec: c_uint,
    sigmask: *mut sigset_t,
) -> c_int {
    // SAFETY: the caller's pointers are passed on.
    unsafe {
        if (*ring).features & IORING_FEAT_MIN_TIMEOUT == 0 {
            return -EINVAL;
        }
        get_cqe_ext(ring, cqe_ptr, 0, wait_nr, ts, min_ts_usec, sigmask)
    }
}

/// Waits for one completion, for a time at most.
///
/// `io_uring_wait_cqes()` with one completion and no signal mask.
/// Since liburing 2.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_wait_cqe_timeout(
    ring: *mut io_uring,
    cqe_ptr: *mut *mut io_uring_cqe,
    ts: *mut __kernel_timespec,
) -> c_int {
    // SAFETY: the caller's pointers are passed on.
    unsafe { io_uring_wait_cqes(ring, cqe_ptr, 1, ts, null_mut()) }
}

/// Submits everything queued and waits with a time limit, `min_wait` microseconds as the earlier one.
unsafe fn submit_and_wait_timeout(
    ring: *mut io_uring,
    cqe_ptr: *mut *mut io_uring_cqe,
    wait_nr: c_uint,
    ts: *mut __kernel_timespec,
    min_wait: c_uint,
    sigmask: *mut sigset_t,
) -> c_int {
    // SAFETY: the caller's pointers are passed on.
    unsafe {
        let to_submit;
        if ts.is_null() {
            to_submit = flush_sq(ring) as c_int;
        } else {
            if (*ring).features & IORING_FEAT_EXT_ARG != 0 {
                return get_cqe_ext(ring, cqe_ptr, flush_sq(ring), wait_nr, ts, min_wait, sigmask);
            }
            to_submit = queue_timeout(ring, wait_nr, ts);
            if to_submit < 0 {
                return to_submit;
            }
        }
        __io_uring_get_cqe(ring, cqe_ptr, to_submit as c_uint, wait_nr, sigmask)
    }
}

/// Submits everything queued and waits for `wait_nr` completions, for a time at most, in one system call.
///
/// `ts` is a relative time or NULL for no limit; `sigmask`, when not NULL, replaces the signal mask during the wait.
/// Both are only read during the call. The first completion is stored in `*cqe_ptr`, NULL when there is none.
/// Returns the number of entries submitted (0 when completions were there already), or -errno: -ETIME when the time
/// is over and nothing was submitted, -EINTR for a signal, and what `io_uring_submit()` returns.
/// Since liburing 2.2.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_submit_and_wait_timeout(
    ring: *mut io_uring,
    cqe_ptr: *mut *mut io_uring_cqe,
    wait_nr: c_uint,
    ts: *mut __kernel_timespec,
    sigmask: *mut sigset_t,
) -> c_int {
    // SAFETY: the caller's pointers are passed on.
    unsafe { submit_and_wait_timeout(ring, cqe_ptr, wait_nr, ts, 0, sigmask) }
}

/// Submits and waits with a time limit, but settles for fewer completions after a shorter time.
///
/// As `io_uring_submit_and_wait_timeout()`; after `min_wait` microseconds it returns as soon as there is one.
/// Returns as that does, and -EINVAL when the kernel lacks `IORING_FEAT_MIN_TIMEOUT`.
/// Since liburing 2.8, kernel 6.12.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_submit_and_wait_min_timeout(
    ring: *mut io_uring,
    cqe_ptr: *mut *mut io_uring_cqe,
    wait_nr: c_uint,
    ts: *mut __kernel_timespec,
    min_wait: c_uint,
    sigmask: *mut sigset_t,
) -> c_int {
    // SAFETY: the caller's pointers are passed on.
    unsafe {
        if (*ring).features & IORING_FEAT_MIN_TIMEOUT == 0 {
            return -EINVAL;
        }
        submit_and_wait_timeout(ring, cqe_ptr, wait_nr, ts, min_wait, sigmask)
    }
}

/// Submits everything queued and waits as a registered `struct io_uring_reg_wait` says.
///
/// `reg_index` is the index of that structure in the region registered with `io_uring_register_region()` and
/// `IORING_MEM_REGION_REG_WAIT_ARG`; the kernel reads it without copying. The first completion is stored in
/// `*cqe_ptr`, NULL when there is none.
/// Returns the number of entries submitted, or -errno: -EINVAL when the kernel lacks `IORING_FEAT_EXT_ARG` (nothing is
/// submitted then), -EFAULT for an index outside the region, -ETIME, -EINTR.
/// Since liburing 2.9, kernel 6.13.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_submit_and_wait_reg(
    ring: *mut io_uring,
    cqe_ptr: *mut *mut io_uring_cqe,
    wait_nr: c_uint,
    reg_index: c_int,
) -> c_int {
    // SAFETY: the caller's pointers are passed on.
    unsafe {
        if (*ring).features & IORING_FEAT_EXT_ARG == 0 {
            return -EINVAL;
        }
        let size = size_of::<io_uring_reg_wait>();
        let mut wait = Wait {
            submit: flush_sq(ring),
            wait_nr,
            flags: IORING_ENTER_EXT_ARG | IORING_ENTER_EXT_ARG_REG,
            // Not an address: the offset into the registered region.
            arg: (reg_index as usize).wrapping_mul(size) as *const c_void,
            size,
            timed: true,
        };
        get_cqe(ring, cqe_ptr, &mut wait)
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
