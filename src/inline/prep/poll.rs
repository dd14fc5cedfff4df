//! Waiting for readiness.

use core::ptr;

use crate::inline::sqe::io_uring_prep_rw;
use ironring_abi::barrier::release_data;
use ironring_abi::ctypes::{__u64, c_int, c_uint};
use ironring_abi::uapi::{IORING_OP_POLL_ADD, IORING_OP_POLL_REMOVE, IORING_POLL_ADD_MULTI, io_uring_sqe};

/// Swaps the two halves. In C a macro of `linux/swab.h`.
#[cfg(target_endian = "big")]
const fn __swahw32(x: c_uint) -> c_uint {
    x.rotate_left(16)
}

/// Converts a poll mask to the format of `sqe->poll32_events`.
///
/// The kernel's original field had 16 bits at the same address, so big-endian processors swap the halves; others don't
/// change the mask. Local to the header.
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

/// Prepares a poll request that completes once, when `fd` has one of the events in `poll_mask`.
///
/// `poll_mask` has the bits of `poll()` or `epoll_ctl()`, for example `POLLIN`; errors and hang-ups are always
/// reported. The completion's `res` is the mask of events that occurred, or -errno: -ECANCELED after a removal.
/// Since liburing 2.0, kernel 5.1.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_poll_add(sqe: *mut io_uring_sqe, fd: c_int, poll_mask: c_uint) {
    io_uring_prep_rw(IORING_OP_POLL_ADD, sqe, fd, ptr::null(), 0, 0);
    (*sqe).anon_flags.poll32_events = __io_uring_prep_poll_mask(poll_mask);
}

/// Prepares a multishot poll request for `fd`.
///
/// It is like `io_uring_prep_poll_add()`, but stays active. It is edge-triggered: it reports new events, not that old
/// data is still unread. Kernels up to 6.18 refuse `IORING_POLL_ADD_LEVEL` with -EINVAL. Each completion's `res` is the
/// mask of events or -errno; the request remains active while the completion's flags have `IORING_CQE_F_MORE`.
/// Since liburing 2.1, kernel 5.13.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_poll_multishot(sqe: *mut io_uring_sqe, fd: c_int, poll_mask: c_uint) {
    io_uring_prep_poll_add(sqe, fd, poll_mask);
    (*sqe).len = IORING_POLL_ADD_MULTI;
}

/// Prepares a request that removes the poll request with this `user_data`.
///
/// The completion's `res` is 0, -ENOENT if there is no such request, or -EALREADY if it is completing. The removed
/// request completes with -ECANCELED.
/// Since liburing 2.0, kernel 5.1.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_poll_remove(sqe: *mut io_uring_sqe, user_data: __u64) {
    io_uring_prep_rw(IORING_OP_POLL_REMOVE, sqe, -1, ptr::null(), 0, 0);
    (*sqe).anon_addr.addr = user_data;
}

/// Prepares a request that updates the poll request with the user data `old_user_data`.
///
/// `flags` says what to update: `IORING_POLL_UPDATE_EVENTS` the events, to the low 16 bits of `poll_mask`;
/// `IORING_POLL_UPDATE_USER_DATA` the user data, to `new_user_data`. Arguments that aren't used must be 0.
/// `IORING_POLL_ADD_MULTI` is accepted together with them, but a single-shot request remains one. The completion's
/// `res` is 0, -ENOENT if there is no such request, or -EALREADY if it is completing. A poll request that can't be
/// armed again ends with -ECANCELED, while `res` is 0.
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
