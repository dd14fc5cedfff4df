//! Rings of provided buffers: the application adds buffers at the tail, the kernel takes them at the head.

use core::mem::MaybeUninit;

use crate::abi::{io_uring_buf, io_uring_buf_ring};
use crate::barrier::io_uring_smp_store_release;
use crate::buf_ring::io_uring_buf_ring_head;
use crate::ctypes::{__u32, c_int, c_uint, c_ushort, c_void, uint16_t};
use crate::inline::cqe::io_uring_cq_advance;
use crate::inline::sqe::uring_ptr_to_u64;
use crate::types::io_uring;

/// Returns the mask that turns an index into a place in a ring of `ring_entries` buffers.
///
/// `ring_entries` is a power of two. The result is the `mask` of `io_uring_buf_ring_add()`.
/// Since liburing 2.2.
#[unsafe(no_mangle)]
pub extern "C" fn io_uring_buf_ring_mask(ring_entries: __u32) -> c_int {
    ring_entries.wrapping_sub(1) as c_int
}

/// Makes a buffer ring in the application's own memory empty.
///
/// Call it before buffers are added; `io_uring_setup_buf_ring()` has done it.
/// Since liburing 2.2.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_buf_ring_init(br: *mut io_uring_buf_ring) {
    (*br).anon_ring.anon_head.tail = 0;
}

/// Puts a buffer into the ring, still invisible to the kernel.
///
/// `addr` and `len` are the buffer, which the kernel owns from `io_uring_buf_ring_advance()` until a completion
/// brings its ID `bid` back. `buf_offset` counts the buffers added since the last advance, from 0.
/// `mask` is that of `io_uring_buf_ring_mask()`. Nothing checks that the ring has room.
/// Since liburing 2.2, kernel 5.19.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_buf_ring_add(
    br: *mut io_uring_buf_ring,
    addr: *mut c_void,
    len: c_uint,
    bid: c_ushort,
    mask: c_int,
    buf_offset: c_int,
) {
    // Unsigned, as the sum may pass what an int holds.
    let tail: c_uint = c_uint::from((*br).anon_ring.anon_head.tail);
    let index: c_int = tail.wrapping_add(buf_offset as c_uint) as c_int & mask;
    let bufs: *mut io_uring_buf = (&raw mut (*br).anon_ring.bufs).cast::<io_uring_buf>();
    let buf: *mut io_uring_buf = bufs.add(index as usize);

    // The ring's tail lies in `resv` of the first buffer: only these three may be written.
    (*buf).addr = uring_ptr_to_u64(addr);
    (*buf).len = len;
    (*buf).bid = bid;
}

/// Hands the `count` buffers added last over to the kernel.
///
/// Since liburing 2.2, kernel 5.19.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_buf_ring_advance(br: *mut io_uring_buf_ring, count: c_int) {
    let old_tail: c_uint = c_uint::from((*br).anon_ring.anon_head.tail);
    let new_tail: c_ushort = old_tail.wrapping_add(count as c_uint) as c_ushort;

    // The release shows the kernel the buffers before the tail that covers them.
    io_uring_smp_store_release(&raw mut (*br).anon_ring.anon_head.tail, new_tail);
}

/// Hands `buf_count` buffers to the kernel and gives `cq_count` completion slots back.
///
/// As `io_uring_buf_ring_advance()` and `io_uring_cq_advance()`, in this order.
/// Since liburing 2.4, kernel 5.19.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __io_uring_buf_ring_cq_advance(
    ring: *mut io_uring,
    br: *mut io_uring_buf_ring,
    cq_count: c_int,
    buf_count: c_int,
) {
    io_uring_buf_ring_advance(br, buf_count);
    io_uring_cq_advance(ring, cq_count as c_uint);
}

/// Hands `count` buffers to the kernel and gives as many completion slots back.
///
/// For a loop in which each completion used one buffer and that buffer was added again.
/// Since liburing 2.2, kernel 5.19.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_buf_ring_cq_advance(ring: *mut io_uring, br: *mut io_uring_buf_ring, count: c_int) {
    __io_uring_buf_ring_cq_advance(ring, br, count, count);
}

/// Returns the number of buffers in the group `bgid` that the kernel hasn't taken yet.
///
/// Asks the kernel for its head, so while requests run the number may be old already. It fits 16 bits.
/// Returns -errno if that fails: -ENOENT for an unknown group, -EINVAL when it isn't a buffer ring or the kernel
/// can't tell.
/// Since liburing 2.6, kernel 6.8.
#[unsafe(no_mangle)]
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
