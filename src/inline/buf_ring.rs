//! Buffer rings: the application adds buffers at the tail, the kernel takes them at the head.

use crate::inline::cqe::io_uring_cq_advance;
use crate::inline::sqe::uring_ptr_to_u64;
use ironring_abi::barrier::io_uring_smp_store_release;
use ironring_abi::ctypes::{__u32, c_int, c_uint, c_ushort, c_void};
use ironring_abi::types::io_uring;
use ironring_abi::uapi::{io_uring_buf, io_uring_buf_ring};

/// Returns the mask that turns an index into a position in a ring of `ring_entries` buffers.
///
/// `ring_entries` is a power of two. The result is the `mask` argument of `io_uring_buf_ring_add()`.
/// Since liburing 2.2.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub extern "C" fn io_uring_buf_ring_mask(ring_entries: __u32) -> c_int {
    ring_entries.wrapping_sub(1) as c_int
}

/// Initializes a buffer ring in the application's own memory as empty.
///
/// Call it before adding buffers, except after `io_uring_setup_buf_ring()`, which does it itself.
/// Since liburing 2.2.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_buf_ring_init(br: *mut io_uring_buf_ring) {
    (*br).anon_ring.anon_head.tail = 0;
}

/// Adds a buffer to the ring, not yet visible to the kernel.
///
/// `addr` and `len` are the buffer, which the kernel owns from `io_uring_buf_ring_advance()` until a completion reports
/// its ID `bid`. `buf_offset` is the number of buffers added since the last advance. `mask` comes from
/// `io_uring_buf_ring_mask()`. Nothing checks that the ring has room.
/// Since liburing 2.2, kernel 5.19.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_buf_ring_add(
    br: *mut io_uring_buf_ring,
    addr: *mut c_void,
    len: c_uint,
    bid: c_ushort,
    mask: c_int,
    buf_offset: c_int,
) {
    // Unsigned, as the sum may exceed an int.
    let tail: c_uint = c_uint::from((*br).anon_ring.anon_head.tail);
    let index: c_int = tail.wrapping_add(buf_offset as c_uint) as c_int & mask;
    let bufs: *mut io_uring_buf = (&raw mut (*br).anon_ring.bufs).cast::<io_uring_buf>();
    let buf: *mut io_uring_buf = bufs.add(index as usize);

    // The ring's tail shares its memory with `resv` of the first buffer: only these three may be written.
    (*buf).addr = uring_ptr_to_u64(addr);
    (*buf).len = len;
    (*buf).bid = bid;
}

/// Makes the `count` buffers added last visible to the kernel.
///
/// Since liburing 2.2, kernel 5.19.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[cfg_attr(not(feature = "shipped"), inline)]
pub unsafe extern "C" fn io_uring_buf_ring_advance(br: *mut io_uring_buf_ring, count: c_int) {
    let old_tail: c_uint = c_uint::from((*br).anon_ring.anon_head.tail);
    let new_tail: c_ushort = old_tail.wrapping_add(count as c_uint) as c_ushort;

    // The release makes the buffers visible to the kernel before the tail that covers them.
    io_uring_smp_store_release(&raw mut (*br).anon_ring.anon_head.tail, new_tail);
}

/// Makes `buf_count` buffers visible to the kernel and returns `cq_count` completion slots to it.
///
/// The same as `io_uring_buf_ring_advance()` followed by `io_uring_cq_advance()`.
/// Since liburing 2.4, kernel 5.19.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[cfg_attr(not(feature = "shipped"), inline)]
pub unsafe extern "C" fn __io_uring_buf_ring_cq_advance(
    ring: *mut io_uring,
    br: *mut io_uring_buf_ring,
    cq_count: c_int,
    buf_count: c_int,
) {
    io_uring_buf_ring_advance(br, buf_count);
    io_uring_cq_advance(ring, cq_count as c_uint);
}

/// Makes `count` buffers visible to the kernel and returns as many completion slots to it.
///
/// Use it after a loop in which each completion used one buffer and that buffer was added again.
/// Since liburing 2.2, kernel 5.19.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[cfg_attr(not(feature = "shipped"), inline)]
pub unsafe extern "C" fn io_uring_buf_ring_cq_advance(ring: *mut io_uring, br: *mut io_uring_buf_ring, count: c_int) {
    __io_uring_buf_ring_cq_advance(ring, br, count, count);
}
