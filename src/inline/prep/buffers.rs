//! Provided buffers, the older way: through requests. `buf_ring` is the newer one.

use core::ptr;

use crate::abi::{IORING_OP_PROVIDE_BUFFERS, IORING_OP_REMOVE_BUFFERS, io_uring_sqe};
use crate::ctypes::{__u16, __u32, __u64, c_int, c_void};
use crate::inline::sqe::io_uring_prep_rw;

/// Prepares a request that provides `nr` buffers of `len` bytes each, one after the other from `addr` on.
///
/// They join the group `bgid` and get the ids `bid`, `bid + 1` and so on, up to 65535; `nr` is 1 to 65536 (before
/// kernel 6.7: 65535). A request with `IOSQE_BUFFER_SELECT` and that group takes one; its completion names the id.
/// From then on the buffer is the application's, until it is provided again. A buffer ring does the same at less
/// cost: see `io_uring_setup_buf_ring()`.
/// The completion's `res` is 0 (before kernel 5.19 perhaps the number of buffers), also when only some could be
/// added, or -errno: -E2BIG when `nr` or `bid` is out of range, -EINVAL when `len` is 0 or the ids pass 65535.
/// Since liburing 2.0, kernel 5.7.
#[unsafe(no_mangle)]
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

/// Prepares a request that takes back up to `nr` provided buffers of the group `bgid`.
///
/// The kernel uses none of them any more when the request has completed.
/// The completion's `res` is the number of buffers taken back, which may be fewer than asked, or -errno:
/// -ENOENT when there is no such group, -EINVAL when it is a buffer ring or `nr` is out of range.
/// Since liburing 2.0, kernel 5.7.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_prep_remove_buffers(sqe: *mut io_uring_sqe, nr: c_int, bgid: c_int) {
    io_uring_prep_rw(IORING_OP_REMOVE_BUFFERS, sqe, nr, ptr::null(), 0, 0);
    (*sqe).anon_buf.buf_group = bgid as __u16;
}
