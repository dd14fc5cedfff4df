//! Timeouts, and canceling other requests.

use core::ptr;

use crate::inline::sqe::{io_uring_prep_rw, uring_ptr_to_u64};
use ironring_abi::ctypes::{__kernel_timespec, __u32, __u64, c_int, c_uint, c_void};
use ironring_abi::uapi::{
    IORING_ASYNC_CANCEL_FD, IORING_OP_ASYNC_CANCEL, IORING_OP_LINK_TIMEOUT, IORING_OP_TIMEOUT,
    IORING_OP_TIMEOUT_REMOVE, IORING_TIMEOUT_UPDATE, io_uring_sqe,
};

/// Prepares a timeout request that completes after the time `ts`, or earlier, after `count` completions.
///
/// With `count` 0 only the time applies; with `IORING_TIMEOUT_MULTISHOT` `count` is the number of repeats, 0 for no
/// limit. The time is relative, on the monotonic clock, unless `flags` has `IORING_TIMEOUT_ABS`,
/// `IORING_TIMEOUT_BOOTTIME` or `IORING_TIMEOUT_REALTIME`. `ts` must stay valid until `io_uring_sq_ready()` returns 0;
/// with `IORING_TIMEOUT_IMMEDIATE_ARG` (kernel 7.1) the pointer itself is a number of nanoseconds. The completion's
/// `res` is -ETIME if the time expired, 0 if the count was reached first, -ECANCELED if the timeout was removed.
/// Since liburing 2.0, kernel 5.4.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_timeout(
    sqe: *mut io_uring_sqe,
    ts: *const __kernel_timespec,
    count: c_uint,
    flags: c_uint,
) {
    io_uring_prep_rw(IORING_OP_TIMEOUT, sqe, -1, ts.cast(), 1, __u64::from(count));
    (*sqe).anon_flags.timeout_flags = flags;
}

/// Prepares a request that removes the timeout with this `user_data`.
///
/// `flags` must be 0. A linked timeout isn't found: cancel the request that it limits. The completion's `res` is 0,
/// -ENOENT if there is no such timeout, or -EALREADY if it is about to complete. The removed timeout completes with
/// -ECANCELED.
/// Since liburing 2.0, kernel 5.5.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_timeout_remove(sqe: *mut io_uring_sqe, user_data: __u64, flags: c_uint) {
    io_uring_prep_rw(IORING_OP_TIMEOUT_REMOVE, sqe, -1, ptr::null(), 0, 0);
    (*sqe).anon_addr.addr = user_data;
    (*sqe).anon_flags.timeout_flags = flags;
}

/// Prepares a request that sets a new time for the timeout with this `user_data`.
///
/// `ts` must stay valid until `io_uring_sq_ready()` returns 0. It is relative to now, or absolute if `flags` has
/// `IORING_TIMEOUT_ABS`. `IORING_LINK_TIMEOUT_UPDATE` in `flags` means a linked timeout (kernel 5.15). The clock can't
/// be changed: its flags give -EINVAL. The timeout's `count` is discarded: only the time applies, and a multishot
/// timeout repeats without limit. The completion's `res` is 0, -ENOENT if there is no such timeout, or -EALREADY if it
/// is about to complete.
/// Since liburing 2.0, kernel 5.11.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
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

/// Prepares a request that cancels other requests, found by `user_data` unless `flags` says otherwise.
///
/// `flags` are `IORING_ASYNC_CANCEL_*` (kernel 5.19): `_ALL` for every match instead of the first, `_ANY` for every
/// request of the ring, `_OP` (kernel 6.6) to match the opcode set in `sqe->len` afterwards. A linked timeout isn't
/// found: cancel the request that it limits. The completion's `res` is 0 (for waits on futexes and children 1), -ENOENT
/// if nothing matches, or -EALREADY if the request is already running; with `_ALL` or `_ANY` it is the number of
/// requests found. A canceled request still completes, usually with -ECANCELED; its memory must stay valid until the
/// request completes.
/// Since liburing 2.2, kernel 5.5.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_cancel64(sqe: *mut io_uring_sqe, user_data: __u64, flags: c_int) {
    io_uring_prep_rw(IORING_OP_ASYNC_CANCEL, sqe, -1, ptr::null(), 0, 0);
    (*sqe).anon_addr.addr = user_data;
    (*sqe).anon_flags.cancel_flags = flags as __u32;
}

/// Prepares a request that cancels other requests by the pointer in their user data.
///
/// The same as `io_uring_prep_cancel64()`, for the user data of `io_uring_sqe_set_data()`. The pointer isn't
/// dereferenced. The completion's `res` is as for `io_uring_prep_cancel64()`.
/// Since liburing 2.0, kernel 5.5.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_cancel(sqe: *mut io_uring_sqe, user_data: *const c_void, flags: c_int) {
    io_uring_prep_cancel64(sqe, uring_ptr_to_u64(user_data), flags);
}

/// Prepares a request that cancels other requests on the descriptor `fd`.
///
/// `flags` may have `IORING_ASYNC_CANCEL_ALL` for every such request instead of the first, and
/// `IORING_ASYNC_CANCEL_FD_FIXED` (kernel 6.0) if `fd` is a slot of the registered files. The completion's `res` is 0,
/// -ENOENT if nothing matches, or -EALREADY if the request is already running; with `IORING_ASYNC_CANCEL_ALL` it is the
/// number of requests found.
/// Since liburing 2.2, kernel 5.19.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_cancel_fd(sqe: *mut io_uring_sqe, fd: c_int, flags: c_uint) {
    io_uring_prep_rw(IORING_OP_ASYNC_CANCEL, sqe, fd, ptr::null(), 0, 0);
    (*sqe).anon_flags.cancel_flags = flags | IORING_ASYNC_CANCEL_FD;
}

/// Prepares a timeout for the preceding request, which must have a link flag set.
///
/// That is `IOSQE_IO_LINK` or `IOSQE_IO_HARDLINK`. `ts` must stay valid until `io_uring_sq_ready()` returns 0. `flags`
/// are those of `io_uring_prep_timeout()` for absolute times and clocks; `IORING_TIMEOUT_ETIME_SUCCESS` is accepted and
/// has no effect on the chain. The completion's `res` is -ETIME if the time expired and the request was canceled,
/// -ECANCELED if the request completed first; -ENOENT or -EALREADY if both happened at the same time.
/// Since liburing 2.0, kernel 5.5.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_link_timeout(
    sqe: *mut io_uring_sqe,
    ts: *const __kernel_timespec,
    flags: c_uint,
) {
    io_uring_prep_rw(IORING_OP_LINK_TIMEOUT, sqe, -1, ts.cast(), 1, 0);
    (*sqe).anon_flags.timeout_flags = flags;
}
