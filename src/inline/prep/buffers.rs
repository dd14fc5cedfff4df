//! Buffers provided by requests. `buf_ring` has the newer interface, buffer rings (kernel 5.19).

use core::ptr;

use crate::inline::sqe::io_uring_prep_rw;
use ironring_abi::ctypes::{__u16, __u32, __u64, c_int, c_void};
use ironring_abi::uapi::{IORING_OP_PROVIDE_BUFFERS, IORING_OP_REMOVE_BUFFERS, io_uring_sqe};

/// Prepares a request that provides `nr` adjacent buffers of `len` bytes each, starting at `addr`.
///
/// They join the group `bgid` and get the IDs `bid`, `bid + 1` and so on, up to 65535; `nr` is 1 to 65536 (before
/// kernel 6.7: 65535). A request with `IOSQE_BUFFER_SELECT` and that group picks one; its completion reports the ID.
/// From then on the buffer belongs to the application, until it is provided again. A buffer ring does the same at less
/// cost: see `io_uring_setup_buf_ring()`. The completion's `res` is 0 (before kernel 5.19 possibly the number of
/// buffers), even if only some could be added, or -errno: -E2BIG if `nr` or `bid` is out of range, -EINVAL if `len` is
/// 0 or an ID would exceed 65535.
/// Since liburing 2.0, kernel 5.7.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_provide_buffers(
    sqe: *mut io_uring_sqe,
    addr: *mut c_void,
    len: c_int,
    nr: c_int,
    bgid: c_int,
    bid: c_int,
) {
    io_uring_prep_rw(IORING_OP_PROVIDE_BUFFERS, sqe, nr, addr, len as __u32, bid as __u64);
    (*sqe).anon_buf.buf_group = bgid as __u16;
}

/// Prepares a request that removes up to `nr` provided buffers from the group `bgid`.
///
/// The kernel no longer uses them when the request has completed. The completion's `res` is the number of buffers
/// removed, which may be fewer than requested, or -errno: -ENOENT if there is no such group, -EINVAL if it is a buffer
/// ring or `nr` is out of range.
/// Since liburing 2.0, kernel 5.7.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_remove_buffers(sqe: *mut io_uring_sqe, nr: c_int, bgid: c_int) {
    io_uring_prep_rw(IORING_OP_REMOVE_BUFFERS, sqe, nr, ptr::null(), 0, 0);
    (*sqe).anon_buf.buf_group = bgid as __u16;
}
