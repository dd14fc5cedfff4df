//! The helpers that call functions of the library, and so may enter the kernel.

use core::mem::MaybeUninit;
use core::ptr;

use libc::EAGAIN;

use crate::buf_ring::io_uring_buf_ring_head;
use crate::inline::ring::{__io_uring_peek_cqe, io_uring_sq_space_left};
use crate::queue::__io_uring_sqring_wait;
use crate::wait::__io_uring_get_cqe;
use ironring_abi::barrier::read_once;
use ironring_abi::ctypes::{c_int, c_uint, c_ushort, uint16_t};
use ironring_abi::types::io_uring;
use ironring_abi::uapi::{
    IORING_SETUP_IOPOLL, IORING_SETUP_SQPOLL, IORING_SQ_CQ_OVERFLOW, IORING_SQ_TASKRUN, io_uring_buf_ring, io_uring_cqe,
};

/// Waits for room in the submission queue of a ring with `IORING_SETUP_SQPOLL`.
///
/// The submission thread only consumes submitted entries, so submit first. Returns 0 at once if there is room, or if
/// the ring doesn't have `IORING_SETUP_SQPOLL`; otherwise the kernel's result: 0 after the wait or a signal, or -errno,
/// which is -EINVAL before kernel 5.10.
/// Since liburing 2.0, kernel 5.10.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[cfg_attr(not(feature = "shipped"), inline)]
pub unsafe extern "C" fn io_uring_sqring_wait(ring: *mut io_uring) -> c_int {
    if ((*ring).flags & IORING_SETUP_SQPOLL) == 0 {
        return 0;
    }
    if io_uring_sq_space_left(ring) != 0 {
        return 0;
    }
    __io_uring_sqring_wait(ring)
}

/// Waits until `wait_nr` completions are ready, and returns the oldest one.
///
/// Doesn't enter the kernel if as many are ready, and submits nothing. `wait_nr` counts slots: a CQE of 32 bytes on an
/// `IORING_SETUP_CQE_MIXED` ring takes two. Returns 0 with `*cqe_ptr` set (with fewer than `wait_nr` after a signal or
/// the end of a timeout request), or -errno: -EINTR if a signal arrived while none was ready; with `wait_nr` 0, -EAGAIN
/// if there is none. The CQE stays in the queue until `io_uring_cqe_seen()`.
/// Since liburing 2.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[cfg_attr(not(feature = "shipped"), inline)]
pub unsafe extern "C" fn io_uring_wait_cqe_nr(
    ring: *mut io_uring,
    cqe_ptr: *mut *mut io_uring_cqe,
    wait_nr: c_uint,
) -> c_int {
    __io_uring_get_cqe(ring, cqe_ptr, 0, wait_nr, ptr::null_mut())
}

/// Returns the oldest completion without waiting.
///
/// Enters the kernel only if that can post one: completions overflowed, task work is pending, or the ring has
/// `IORING_SETUP_IOPOLL`. With `IORING_SETUP_DEFER_TASKRUN` it only notices pending work if the ring has
/// `IORING_SETUP_TASKRUN_FLAG`. Returns 0 with `*cqe_ptr` set, or -errno: -EAGAIN if there is none. The CQE stays in
/// the queue until `io_uring_cqe_seen()`.
/// Since liburing 2.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[cfg_attr(not(feature = "shipped"), inline)]
pub unsafe extern "C" fn io_uring_peek_cqe(ring: *mut io_uring, cqe_ptr: *mut *mut io_uring_cqe) -> c_int {
    if __io_uring_peek_cqe(ring, cqe_ptr, ptr::null_mut()) == 0 {
        if !(*cqe_ptr).is_null() {
            return 0;
        }
        // Only in these three cases can entering the kernel post a completion.
        if ((*ring).flags & IORING_SETUP_IOPOLL) == 0
            && (read_once((*ring).sq.kflags) & (IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN)) == 0
        {
            return -EAGAIN;
        }
    }
    io_uring_wait_cqe_nr(ring, cqe_ptr, 0)
}

/// Waits for a completion and returns the oldest one.
///
/// Doesn't enter the kernel if one is ready, and submits nothing. Returns 0 with `*cqe_ptr` set, or -errno, such as
/// -EINTR after a signal. The CQE stays in the queue until `io_uring_cqe_seen()`.
/// Since liburing 2.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[cfg_attr(not(feature = "shipped"), inline)]
pub unsafe extern "C" fn io_uring_wait_cqe(ring: *mut io_uring, cqe_ptr: *mut *mut io_uring_cqe) -> c_int {
    if __io_uring_peek_cqe(ring, cqe_ptr, ptr::null_mut()) == 0 && !(*cqe_ptr).is_null() {
        return 0;
    }
    io_uring_wait_cqe_nr(ring, cqe_ptr, 1)
}

/// Returns the number of buffers in the group `bgid` that the kernel hasn't taken yet.
///
/// Gets the head from the kernel, so while requests run the number may already be out of date. It fits into 16 bits.
/// Returns -errno on failure: -ENOENT for an unknown group, -EINVAL if it isn't a buffer ring or the kernel is older
/// than 6.8.
/// Since liburing 2.6, kernel 6.8.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[cfg_attr(not(feature = "shipped"), inline)]
pub unsafe extern "C" fn io_uring_buf_ring_available(
    ring: *mut io_uring,
    br: *mut io_uring_buf_ring,
    bgid: c_ushort,
) -> c_int {
    let mut head: MaybeUninit<uint16_t> = MaybeUninit::uninit();
    let ret: c_int = io_uring_buf_ring_head(ring, c_int::from(bgid), head.as_mut_ptr());
    let count: c_int;

    if ret != 0 {
        return ret;
    }
    // Both indices wrap at 16 bits, and so must their distance.
    count = c_int::from((*br).anon_ring.anon_head.tail) - c_int::from(head.assume_init());
    c_int::from(count as uint16_t)
}
