//! Waiting for readiness.

use core::ptr;

use crate::abi::{IORING_OP_POLL_ADD, IORING_OP_POLL_REMOVE, IORING_POLL_ADD_MULTI, io_uring_sqe};
use crate::barrier::release_data;
use crate::ctypes::{__u64, c_int, c_uint};
use crate::inline::sqe::io_uring_prep_rw;

/// Exchanges the two halves. In C it is the macro of `linux/swab.h`.
#[cfg(target_endian = "big")]
const fn __swahw32(x: c_uint) -> c_uint {
    x.rotate_left(16)
}

/// Puts the bits of a poll mask where `sqe->poll32_events` has them.
///
/// The kernel's first field here had 16 bits, at the same address: big-endian processors swap the
/// halves, others change nothing.
/// Local to the header.
/// Since liburing 2.1.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[allow(unused_mut, reason = "assigned on big-endian processors only")]
pub unsafe extern "C" fn __io_uring_prep_poll_mask(mut poll_mask: c_uint) -> c_uint {
    #[cfg(target_endian = "big")]
    {
        poll_mask = __swahw32(poll_mask);
    }
    poll_mask
}

/// Prepares a wait until `fd` has one of the events in `poll_mask`, once.
///
/// `poll_mask` has the bits of `poll()` or `epoll_ctl()`, for example `POLLIN`; errors and hang-ups are
/// always reported.
/// The completion's `res` is the mask of events that are there, or -errno: -ECANCELED after a removal.
/// Since liburing 2.0, kernel 5.1.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_poll_add(sqe: *mut io_uring_sqe, fd: c_int, poll_mask: c_uint) {
    io_uring_prep_rw(IORING_OP_POLL_ADD, sqe, fd, ptr::null(), 0, 0);
    (*sqe).anon_flags.poll32_events = __io_uring_prep_poll_mask(poll_mask);
}

/// Prepares a poll of `fd` that reports again and again.
///
/// Works like `io_uring_prep_poll_add()`, but stays armed. It is edge triggered: it reports again when more
/// happens, not because old data is still there. Kernels refuse `IORING_POLL_ADD_LEVEL` with -EINVAL.
/// Each completion's `res` is the mask of events or -errno; the request lives on as long as the
/// completion's flags have `IORING_CQE_F_MORE`.
/// Since liburing 2.1, kernel 5.13.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_poll_multishot(sqe: *mut io_uring_sqe, fd: c_int, poll_mask: c_uint) {
    io_uring_prep_poll_add(sqe, fd, poll_mask);
    (*sqe).len = IORING_POLL_ADD_MULTI;
}

/// Prepares the removal of the poll request that has this `user_data`.
///
/// The completion's `res` is 0, -ENOENT when there is no such poll, or -EALREADY when it is completing.
/// The removed poll completes with -ECANCELED.
/// Since liburing 2.0, kernel 5.1.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_poll_remove(sqe: *mut io_uring_sqe, user_data: __u64) {
    io_uring_prep_rw(IORING_OP_POLL_REMOVE, sqe, -1, ptr::null(), 0, 0);
    (*sqe).anon_addr.addr = user_data;
}

/// Prepares a change of the poll request whose user data is `old_user_data`.
///
/// `flags` says what changes: `IORING_POLL_UPDATE_EVENTS` the events, to the low 16 bits of `poll_mask`;
/// `IORING_POLL_UPDATE_USER_DATA` the user data, to `new_user_data`. What isn't changed must be 0.
/// `IORING_POLL_ADD_MULTI` is accepted along with them, but a single-shot poll stays one.
/// The completion's `res` is 0, -ENOENT when there is no such poll, or -EALREADY when it is completing. A poll
/// that can't be armed again ends with -ECANCELED, and `res` is 0 all the same.
/// Since liburing 2.1, kernel 5.13.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_poll_update(
    sqe: *mut io_uring_sqe,
    old_user_data: __u64,
    new_user_data: __u64,
    poll_mask: c_uint,
    flags: c_uint,
) {
    release_data(new_user_data);
    io_uring_prep_rw(IORING_OP_POLL_REMOVE, sqe, -1, ptr::null(), flags, new_user_data);
    (*sqe).anon_addr.addr = old_user_data;
    (*sqe).anon_flags.poll32_events = __io_uring_prep_poll_mask(poll_mask);
}
