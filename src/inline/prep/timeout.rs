//! Timers, and ending other requests early.

use core::ptr;

use crate::abi::{
    IORING_ASYNC_CANCEL_FD, IORING_OP_ASYNC_CANCEL, IORING_OP_LINK_TIMEOUT, IORING_OP_TIMEOUT,
    IORING_OP_TIMEOUT_REMOVE, IORING_TIMEOUT_UPDATE, io_uring_sqe,
};
use crate::ctypes::{__kernel_timespec, __u32, __u64, c_int, c_uint, c_void};
use crate::inline::sqe::{io_uring_prep_rw, uring_ptr_to_u64};

/// Prepares a timer that ends after the time `ts`, or earlier, after `count` further completions.
///
/// `count` 0 means the time only; with `IORING_TIMEOUT_MULTISHOT` it is the number of repeats, 0 for endless. The
/// time is relative and on the monotonic clock unless `flags` has `IORING_TIMEOUT_ABS`, `IORING_TIMEOUT_BOOTTIME`
/// or `IORING_TIMEOUT_REALTIME`. `ts` must stay valid until `io_uring_sq_ready()` returns 0; with
/// `IORING_TIMEOUT_IMMEDIATE_ARG` (kernel 7.1) the pointer itself is a number of nanoseconds.
/// The completion's `res` is -ETIME when the time has passed, 0 when the count was reached first,
/// -ECANCELED when it was removed.
/// Since liburing 2.0, kernel 5.4.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_prep_timeout(
    sqe: *mut io_uring_sqe,
    ts: *const __kernel_timespec,
    count: c_uint,
    flags: c_uint,
) {
    io_uring_prep_rw(IORING_OP_TIMEOUT, sqe, -1, ts.cast(), 1, __u64::from(count));
    (*sqe).anon_flags.timeout_flags = flags;
}

/// Prepares the removal of the timer that has this `user_data`.
///
/// `flags` must be 0. A linked timeout isn't found: cancel the request that it limits.
/// The completion's `res` is 0, -ENOENT when there is no such timer, or -EALREADY when it is about to
/// complete. The removed timer completes with -ECANCELED.
/// Since liburing 2.0, kernel 5.5.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_prep_timeout_remove(sqe: *mut io_uring_sqe, user_data: __u64, flags: c_uint) {
    io_uring_prep_rw(IORING_OP_TIMEOUT_REMOVE, sqe, -1, ptr::null(), 0, 0);
    (*sqe).anon_addr.addr = user_data;
    (*sqe).anon_flags.timeout_flags = flags;
}

/// Prepares a new time for the timer that has this `user_data`.
///
/// `ts` must stay valid until `io_uring_sq_ready()` returns 0. It counts from now, or is absolute when `flags` has
/// `IORING_TIMEOUT_ABS`. `IORING_LINK_TIMEOUT_UPDATE` in `flags` means a linked timeout (kernel 5.15). The clock
/// stays: its flags give -EINVAL. The timer's `count` is forgotten: it waits for the time alone, and a multishot
/// one becomes endless.
/// The completion's `res` is 0, -ENOENT when there is no such timer, or -EALREADY when it is about to
/// complete.
/// Since liburing 2.0, kernel 5.11.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_prep_timeout_update(
    sqe: *mut io_uring_sqe,
    ts: *const __kernel_timespec,
    user_data: __u64,
    flags: c_uint,
) {
    io_uring_prep_rw(
        IORING_OP_TIMEOUT_REMOVE,
        sqe,
        -1,
        ptr::null(),
        0,
        uring_ptr_to_u64(ts.cast()),
    );
    (*sqe).anon_addr.addr = user_data;
    (*sqe).anon_flags.timeout_flags = flags | IORING_TIMEOUT_UPDATE;
}

/// Prepares the cancelation of requests, found by `user_data` unless `flags` says otherwise.
///
/// `flags` are `IORING_ASYNC_CANCEL_*` (kernel 5.19): `_ALL` for every match instead of the first, `_ANY` for
/// every request of the ring, `_OP` (kernel 6.6) to match the opcode set in `sqe->len` afterwards. A linked
/// timeout isn't found: cancel the request that it limits.
/// The completion's `res` is 0 (for waits on futexes and children 1), -ENOENT when nothing matches, or -EALREADY
/// when the request is too far along; with `_ALL` or `_ANY` the number of requests found. A canceled request still
/// completes, most often with -ECANCELED; what it uses must stay valid until the request completes in this way.
/// Since liburing 2.2, kernel 5.5.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_prep_cancel64(sqe: *mut io_uring_sqe, user_data: __u64, flags: c_int) {
    io_uring_prep_rw(IORING_OP_ASYNC_CANCEL, sqe, -1, ptr::null(), 0, 0);
    (*sqe).anon_addr.addr = user_data;
    (*sqe).anon_flags.cancel_flags = flags as __u32;
}

/// Prepares the cancelation of requests by the pointer that is their user data.
///
/// The same as `io_uring_prep_cancel64()`, for requests marked with `io_uring_sqe_set_data()`. What
/// `user_data` points to isn't looked at.
/// The completion's `res` is as with `io_uring_prep_cancel64()`.
/// Since liburing 2.0, kernel 5.5.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_prep_cancel(sqe: *mut io_uring_sqe, user_data: *const c_void, flags: c_int) {
    io_uring_prep_cancel64(sqe, uring_ptr_to_u64(user_data), flags);
}

/// Prepares the cancelation of requests that use the descriptor `fd`.
///
/// `flags` may have `IORING_ASYNC_CANCEL_ALL` for every such request instead of the first, and
/// `IORING_ASYNC_CANCEL_FD_FIXED` (kernel 6.0) when `fd` is a slot of the registered files.
/// The completion's `res` is 0, -ENOENT when nothing matches, or -EALREADY when the request is too far
/// along; with `IORING_ASYNC_CANCEL_ALL` the number of requests found.
/// Since liburing 2.2, kernel 5.19.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_prep_cancel_fd(sqe: *mut io_uring_sqe, fd: c_int, flags: c_uint) {
    io_uring_prep_rw(IORING_OP_ASYNC_CANCEL, sqe, fd, ptr::null(), 0, 0);
    (*sqe).anon_flags.cancel_flags = flags | IORING_ASYNC_CANCEL_FD;
}

/// Prepares a time limit for the request before it, which must have a link flag set.
///
/// That is `IOSQE_IO_LINK` or `IOSQE_IO_HARDLINK`. `ts` must stay valid until `io_uring_sq_ready()` returns 0.
/// `flags` are those of `io_uring_prep_timeout()` for absolute times and clocks; `IORING_TIMEOUT_ETIME_SUCCESS` is
/// accepted and has no effect on the chain.
/// The completion's `res` is -ETIME when the time has passed and the request was canceled, -ECANCELED when the
/// request was done first; -ENOENT or -EALREADY when the two met.
/// Since liburing 2.0, kernel 5.5.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_prep_link_timeout(
    sqe: *mut io_uring_sqe,
    ts: *const __kernel_timespec,
    flags: c_uint,
) {
    io_uring_prep_rw(IORING_OP_LINK_TIMEOUT, sqe, -1, ts.cast(), 1, 0);
    (*sqe).anon_flags.timeout_flags = flags;
}
