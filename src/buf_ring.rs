//! Rings of provided buffers: registering them and their memory. Filling them is inline.

use crate::abi::*;
use crate::ctypes::{c_int, c_uint, c_void, uint16_t};
use crate::inline::io_uring_buf_ring_init;
use crate::kernel;
use crate::ring::register;
use crate::types::io_uring;
use core::mem::zeroed;
use core::ptr::null_mut;
use libc::{MAP_ANONYMOUS, MAP_PRIVATE};

/// Registers a ring of provided buffers.
///
/// `reg` names the group, the ring's memory (page-aligned, `ring_entries` times `struct io_uring_buf`; it must stay
/// mapped until the group is unregistered) and flags, to which `flags` are added (`IOU_PBUF_RING_`); `reg` itself is
/// read during the call. `io_uring_setup_buf_ring()` does this with memory of its own.
/// Returns 0, or -errno: -EEXIST when the group exists, -EINVAL when `ring_entries` is no power of two below 65536,
/// -EFAULT when the memory isn't there or can't be written, -ENOMEM (`RLIMIT_MEMLOCK` too).
/// Since liburing 2.2, kernel 5.19.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_buf_ring(
    ring: *mut io_uring,
    reg: *mut io_uring_buf_reg,
    flags: c_uint,
) -> c_int {
    // SAFETY: the caller's ring and argument.
    unsafe {
        (*reg).flags |= flags as u16;
        register(ring, reg.cast(), 1, IORING_REGISTER_PBUF_RING)
    }
}

/// Unregisters the buffer ring of group `bgid`. Its memory is the caller's again.
///
/// Returns 0, or -errno: -ENOENT when there is no such group, -EINVAL when it is not a ring.
/// Since liburing 2.2, kernel 5.19.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[inline(never)]
pub unsafe extern "C" fn io_uring_unregister_buf_ring(ring: *mut io_uring, bgid: c_int) -> c_int {
    // SAFETY: the caller's ring; all zeroes is a valid `io_uring_buf_reg`.
    unsafe {
        let mut reg: io_uring_buf_reg = zeroed();
        reg.bgid = bgid as u16;
        register(ring, (&raw const reg).cast(), 1, IORING_UNREGISTER_PBUF_RING)
    }
}

/// Tells how far the kernel has consumed a buffer ring.
///
/// `buf_group` is the group; the kernel's head comes back in `*head`, which stays untouched on an error.
/// Returns 0, or -errno: -ENOENT when there is no such group, -EINVAL when it is not a ring or on kernels before 6.8.
/// Since liburing 2.6, kernel 6.8.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_buf_ring_head(ring: *mut io_uring, buf_group: c_int, head: *mut uint16_t) -> c_int {
    // SAFETY: the caller's ring and place for the head.
    unsafe {
        let mut status: io_uring_buf_status = zeroed();
        status.buf_group = buf_group as u32;
        let ret = register(ring, (&raw mut status).cast(), 1, IORING_REGISTER_PBUF_STATUS);
        if ret == 0 {
            *head = status.head as u16;
        }
        ret
    }
}

fn ring_size(nentries: c_uint) -> usize {
    (nentries as usize).wrapping_mul(size_of::<io_uring_buf>())
}

/// Makes and registers a ring of provided buffers.
///
/// The ring gets `nentries` places (a power of two, at most 32768) and group `bgid`; `flags` are `IOU_PBUF_RING_`. It
/// is empty: fill it with `io_uring_buf_ring_add()` and `io_uring_buf_ring_advance()`. Free it with
/// `io_uring_free_buf_ring()`, before `io_uring_queue_exit()`. `IOU_PBUF_RING_MMAP` is of no use here: the kernel would
/// read memory of its own, not what is returned (before 6.14: -EINVAL).
/// Returns the ring, or NULL with -errno in `*err`: -EEXIST when the group exists, -EINVAL, -ENOMEM.
/// Since liburing 2.4, kernel 5.19.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_setup_buf_ring(
    ring: *mut io_uring,
    nentries: c_uint,
    bgid: c_int,
    flags: c_uint,
    err: *mut c_int,
) -> *mut io_uring_buf_ring {
    // SAFETY: the caller's ring and place for the error; the mapping is recorded with the kernel or undone.
    unsafe {
        let size = ring_size(nentries);
        let memory: *mut c_void = match kernel::mmap(size, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0) {
            Ok(memory) => memory,
            Err(errno) => {
                *err = errno;
                return null_mut();
            }
        };
        let mut reg: io_uring_buf_reg = zeroed();
        reg.ring_addr = memory as usize as u64;
        reg.ring_entries = nentries;
        reg.bgid = bgid as u16;
        *err = io_uring_register_buf_ring(ring, &raw mut reg, flags);
        if *err != 0 {
            kernel::munmap(memory, size);
            return null_mut();
        }
        let br: *mut io_uring_buf_ring = memory.cast();
        io_uring_buf_ring_init(br);
        br
    }
}

/// Unregisters and frees a ring made by `io_uring_setup_buf_ring()`, with the same `nentries` and `bgid`.
///
/// Returns 0, or -errno of `io_uring_unregister_buf_ring()`; then nothing is freed.
/// Since liburing 2.4, kernel 5.19.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_free_buf_ring(
    ring: *mut io_uring,
    br: *mut io_uring_buf_ring,
    nentries: c_uint,
    bgid: c_int,
) -> c_int {
    // SAFETY: the caller's ring, and its buffer ring, which is given up.
    unsafe {
        let ret = io_uring_unregister_buf_ring(ring, bgid);
        if ret == 0 {
            kernel::munmap(br.cast(), ring_size(nentries));
        }
        ret
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
