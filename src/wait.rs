//! Waiting for completions.

use crate::inline::{
    __io_uring_peek_cqe, _io_uring_get_sqe, io_uring_cq_ready, io_uring_cqe_shift, io_uring_prep_timeout,
};
use crate::kernel::SIGSET_SIZE;
use crate::queue::{cq_needs_enter, flush_sq, io_uring_submit, sq_needs_enter};
use crate::ring::enter;
use core::ptr::null_mut;
use ironring_abi::barrier::write_once;
use ironring_abi::ctypes::{__kernel_timespec, c_int, c_uint, c_void, sigset_t};
use ironring_abi::types::{LIBURING_UDATA_TIMEOUT, io_uring};
use ironring_abi::uapi::*;
use libc::{EAGAIN, EINVAL, ETIME};

/// How a wait enters the kernel, in one number: flags of `io_uring_enter`, whether its argument has a timeout, and the
/// argument's size.
type How = c_uint;
const TIMED: How = 1 << 15;
const SIZE_SHIFT: How = 16;
const PLAIN: How = (SIGSET_SIZE as How) << SIZE_SHIFT;
const EXT: How = IORING_ENTER_EXT_ARG | ((size_of::<io_uring_getevents_arg>() as How) << SIZE_SHIFT);
const REGISTERED: How =
    IORING_ENTER_EXT_ARG | IORING_ENTER_EXT_ARG_REG | TIMED | ((size_of::<io_uring_reg_wait>() as How) << SIZE_SHIFT);

/// The flags of `how` for entering the kernel.
#[inline]
const fn flags_of(how: How) -> c_uint {
    IORING_ENTER_GETEVENTS | how & (TIMED - 1)
}

#[inline]
const fn size_of_arg(how: How) -> usize {
    (how >> SIZE_SHIFT) as usize
}

/// The first completion of a CQ that isn't empty, unless it may be a filler or, before kernel 5.11, the library's
/// timeout.
#[inline]
unsafe fn first_plain(ring: *const io_uring) -> Option<*mut io_uring_cqe> {
    // SAFETY: the caller's ring, whose slot at the head is filled.
    unsafe {
        let slot = (*(*ring).cq.khead & (*ring).cq.ring_mask) << io_uring_cqe_shift(ring);
        let cqe = (*ring).cq.cqes.add(slot as usize);
        let plain = (*cqe).flags & IORING_CQE_F_SKIP == 0 && (*ring).features & IORING_FEAT_EXT_ARG != 0;
        plain.then_some(cqe)
    }
}

/// Submits `submit` entries, waits for `wait_nr` completions, and returns the first one.
///
/// The common wait takes the direct path: the CQ is empty, the kernel is entered once, then there are enough
/// completions. Six parameters, with one number for `how`, stay in registers; a caller without an argument of its own
/// just jumps here.
#[inline(never)]
unsafe fn get_cqe(
    ring: *mut io_uring,
    cqe_ptr: *mut *mut io_uring_cqe,
    submit: c_uint,
    wait_nr: c_uint,
    arg: *const c_void,
    how: How,
) -> c_int {
    // SAFETY: the caller's ring and its argument, valid through the call.
    unsafe {
        if wait_nr == 0 || io_uring_cq_ready(ring) != 0 || ((*ring).flags & IORING_SETUP_SQPOLL != 0 && submit != 0) {
            return get_cqe_any(ring, cqe_ptr, submit, wait_nr, arg, how, None);
        }
        let done = enter(ring, submit, wait_nr, flags_of(how), arg, size_of_arg(how));
        if done < 0 {
            *cqe_ptr = null_mut();
            return done;
        }
        let submit = submit.wrapping_sub(done as c_uint);
        if submit == 0 && io_uring_cq_ready(ring) >= wait_nr {
            if let Some(cqe) = first_plain(ring) {
                *cqe_ptr = cqe;
                return done;
            }
        }
        get_cqe_any(ring, cqe_ptr, submit, wait_nr, arg, how, Some(done))
    }
}

/// [`get_cqe`] for all cases; `first` is the result of the first entry into the kernel, if there was one.
#[inline(never)]
unsafe fn get_cqe_any(
    ring: *mut io_uring,
    cqe_ptr: *mut *mut io_uring_cqe,
    mut submit: c_uint,
    wait_nr: c_uint,
    arg: *const c_void,
    how: How,
    first: Option<c_int>,
) -> c_int {
    let mut entered = first.is_some();
    // The result of the first entry into the kernel, or the first error.
    let mut ret = first.unwrap_or(0);
    let first_error = |ret, err| if ret == 0 { err } else { ret };
    // SAFETY: the caller's ring and its argument, valid through the call.
    unsafe {
        loop {
            let mut cqe = null_mut();
            let mut available = 0;
            let err = __io_uring_peek_cqe(ring, &raw mut cqe, &raw mut available);
            *cqe_ptr = cqe;
            if err != 0 {
                return first_error(ret, err);
            }

            let mut flags = 0;
            if wait_nr > available {
                flags = IORING_ENTER_GETEVENTS;
            } else if submit == 0 {
                if !cqe.is_null() {
                    return ret;
                }
                // Nothing to submit and nothing to wait for: enter the kernel at most once.
                if entered || !cq_needs_enter(ring) {
                    return first_error(ret, -EAGAIN);
                }
                flags = IORING_ENTER_GETEVENTS;
            }
            if !sq_needs_enter(ring, submit, &mut flags) && flags == 0 {
                return ret;
            }
            if entered && how & TIMED != 0 {
                // The kernel returned with too few completions: the timeout expired.
                return if cqe.is_null() { first_error(ret, -ETIME) } else { ret };
            }

            if flags & IORING_ENTER_GETEVENTS != 0 {
                flags |= flags_of(how);
            }
            let done = enter(ring, submit, wait_nr, flags, arg, size_of_arg(how));
            if done < 0 {
                return first_error(ret, done);
            }
            if !cqe.is_null() {
                return ret;
            }
            submit = submit.wrapping_sub(done as c_uint);
            if !entered {
                entered = true;
                ret = done;
            }
        }
    }
}

/// As `get_cqe`, with a timeout and more in an extended argument (kernel 5.11).
#[inline]
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
    let how = if ts.is_null() { EXT } else { EXT | TIMED };
    // SAFETY: the caller's pointers; the argument exists during the call.
    unsafe { get_cqe(ring, cqe_ptr, submit, wait_nr, (&raw const arg).cast(), how) }
}

/// Submits and waits for completions; called by the header's wait and peek helpers.
///
/// Submits `submit` entries, waits for `wait_nr` completions with the signal mask `sigmask` (may be NULL), and stores
/// the first completion in `*cqe_ptr`. Programs call `io_uring_wait_cqe()` and related functions instead. Returns 0 or
/// more, or -errno (then `*cqe_ptr` may be NULL): -EAGAIN if there is no completion and nothing to wait for.
/// Since liburing 2.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn __io_uring_get_cqe(
    ring: *mut io_uring,
    cqe_ptr: *mut *mut io_uring_cqe,
    submit: c_uint,
    wait_nr: c_uint,
    sigmask: *mut sigset_t,
) -> c_int {
    // SAFETY: the caller's pointers are passed on.
    unsafe { get_cqe(ring, cqe_ptr, submit, wait_nr, sigmask.cast(), PLAIN) }
}

/// Prepares a timeout of the library's own, submits all entries and waits, for kernels before 5.11.
#[cold]
#[inline(never)]
unsafe fn wait_queued(
    ring: *mut io_uring,
    cqe_ptr: *mut *mut io_uring_cqe,
    wait_nr: c_uint,
    ts: *mut __kernel_timespec,
    sigmask: *mut sigset_t,
) -> c_int {
    // SAFETY: the caller's ring; `ts` stays valid through the call, an entry until the kernel has taken it.
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
        let polled = (*ring).flags & IORING_SETUP_SQPOLL != 0;
        if polled {
            // The submission thread may read the time after this call has returned, so it is stored in the entry
            // itself, in bytes that these kernels ignore.
            let kept: *mut __kernel_timespec = (&raw mut (*sqe).anon_tail).cast();
            *kept = *ts;
            (*sqe).anon_addr.addr = kept as usize as u64;
        }
        let ret = get_cqe(ring, cqe_ptr, flush_sq(ring), wait_nr, sigmask.cast(), PLAIN);
        // If the kernel stopped before the last entry, the library's, a later submission would read the time of a call
        // that has returned, so the entry is removed.
        let sq = &raw mut (*ring).sq;
        let tail = (*sq).sqe_tail.wrapping_sub(1);
        if !polled && (*sq).sqe_tail != *(*sq).khead {
            (*sq).sqe_tail = tail;
            (*sq).sqe_head = tail;
            write_once((*sq).ktail, tail);
        }
        ret
    }
}

/// Waits with an extended argument, without submitting.
#[inline(never)]
unsafe fn wait_ext(
    ring: *mut io_uring,
    cqe_ptr: *mut *mut io_uring_cqe,
    wait_nr: c_uint,
    ts: *mut __kernel_timespec,
    min_wait_usec: c_uint,
    sigmask: *mut sigset_t,
) -> c_int {
    // SAFETY: the caller's pointers are passed on.
    unsafe { get_cqe_ext(ring, cqe_ptr, 0, wait_nr, ts, min_wait_usec, sigmask) }
}

/// Waits for `wait_nr` completions, with a timeout.
///
/// `ts` is a relative time or NULL for no timeout; `sigmask`, if not NULL, replaces the signal mask during the wait.
/// Both are only read, during the call. The first completion is stored in `*cqe_ptr`, NULL if there is none. On kernels
/// before 5.11 a timeout takes an SQE and submits all prepared entries (then one thread must both submit and reap, and
/// no request may use the user data `LIBURING_UDATA_TIMEOUT`); from 5.11 on the call only waits. On a ring with
/// `IORING_SETUP_IOPOLL` neither has an effect. Returns 0 (with fewer than `wait_nr` if the timeout expired and there
/// are some; before 5.11 the number submitted), or -errno: -ETIME if the timeout expired and there is none, -EINTR for
/// a signal, -EAGAIN.
/// Since liburing 2.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[inline(never)]
pub unsafe extern "C" fn io_uring_wait_cqes(
    ring: *mut io_uring,
    cqe_ptr: *mut *mut io_uring_cqe,
    wait_nr: c_uint,
    ts: *mut __kernel_timespec,
    sigmask: *mut sigset_t,
) -> c_int {
    // SAFETY: the caller's pointers are passed on.
    unsafe {
        if ts.is_null() {
            return get_cqe(ring, cqe_ptr, 0, wait_nr, sigmask.cast(), PLAIN);
        }
        if (*ring).features & IORING_FEAT_EXT_ARG == 0 {
            return wait_queued(ring, cqe_ptr, wait_nr, ts, sigmask);
        }
        wait_ext(ring, cqe_ptr, wait_nr, ts, 0, sigmask)
    }
}

/// Waits for `wait_nr` completions, or after a shorter time for one.
///
/// It is like `io_uring_wait_cqes()`; after `min_ts_usec` microseconds it returns as soon as there is one completion. A
/// shorter `ts` is extended to that time; with `ts` NULL it is also the timeout. Returns 0 or more, or -errno: -EINVAL
/// if the kernel lacks `IORING_FEAT_MIN_TIMEOUT`, -ETIME, -EINTR.
/// Since liburing 2.8, kernel 6.12.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
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
        wait_ext(ring, cqe_ptr, wait_nr, ts, min_ts_usec, sigmask)
    }
}

/// Waits for one completion, with a timeout.
///
/// The same as `io_uring_wait_cqes()` for one completion, without a signal mask.
/// Since liburing 2.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_wait_cqe_timeout(
    ring: *mut io_uring,
    cqe_ptr: *mut *mut io_uring_cqe,
    ts: *mut __kernel_timespec,
) -> c_int {
    // SAFETY: the caller's pointers are passed on.
    unsafe { io_uring_wait_cqes(ring, cqe_ptr, 1, ts, null_mut()) }
}

/// Submits all prepared entries and waits with a timeout, and `min_wait` microseconds as the minimum wait.
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
        if !ts.is_null() && (*ring).features & IORING_FEAT_EXT_ARG == 0 {
            return wait_queued(ring, cqe_ptr, wait_nr, ts, sigmask);
        }
        let submit = flush_sq(ring);
        if ts.is_null() {
            return get_cqe(ring, cqe_ptr, submit, wait_nr, sigmask.cast(), PLAIN);
        }
        get_cqe_ext(ring, cqe_ptr, submit, wait_nr, ts, min_wait, sigmask)
    }
}

/// Submits all prepared entries and waits for `wait_nr` completions with a timeout, in one system call.
///
/// `ts` is a relative time or NULL for no timeout; `sigmask`, if not NULL, replaces the signal mask during the wait.
/// Both are only read, during the call. The first completion is stored in `*cqe_ptr`, NULL if there is none. Returns
/// the number of entries submitted (0 if completions were already available), or -errno: -ETIME if the timeout expired
/// and nothing was submitted, -EINTR for a signal, and errors of `io_uring_submit()`.
/// Since liburing 2.2.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
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

/// Submits and waits for `wait_nr` completions with a timeout, or after a shorter time for one.
///
/// It is like `io_uring_submit_and_wait_timeout()`; after `min_wait` microseconds it returns as soon as there is one
/// completion. A shorter `ts` is extended to that time; with `ts` NULL, `min_wait` has no effect. It also returns
/// -EINVAL if the kernel lacks `IORING_FEAT_MIN_TIMEOUT`.
/// Since liburing 2.8, kernel 6.12.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
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

/// Submits all prepared entries and waits with the arguments in a registered `struct io_uring_reg_wait`.
///
/// `reg_index` is the index of that structure in the region registered with `io_uring_register_region()` and
/// `IORING_MEM_REGION_REG_WAIT_ARG`; the kernel reads it without copying. The first completion is stored in `*cqe_ptr`,
/// NULL if there is none. Returns the number of entries submitted, or -errno: -EINVAL if the kernel lacks
/// `IORING_FEAT_EXT_ARG` (nothing is submitted then) or the ring has `IORING_SETUP_IOPOLL`, -EFAULT for an index
/// outside the region, -ETIME, -EINTR. If entries were submitted, errors of the wait aren't reported.
/// Since liburing 2.9, kernel 6.13.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
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
        // Not an address: the offset into the registered region.
        let arg = (reg_index as usize).wrapping_mul(size_of::<io_uring_reg_wait>()) as *const c_void;
        get_cqe(ring, cqe_ptr, flush_sq(ring), wait_nr, arg, REGISTERED)
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
