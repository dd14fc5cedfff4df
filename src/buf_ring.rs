//! Buffer rings: registration and memory. The functions that add buffers are inline.

use crate::inline::io_uring_buf_ring_init;
use crate::kernel::{Kernel as _, Memory, Sys};
use crate::ring::register;
use core::mem::zeroed;
use core::ptr::null_mut;
use ironring_abi::ctypes::{c_int, c_uint, c_void, uint16_t};
use ironring_abi::types::io_uring;
use ironring_abi::uapi::*;

/// Registers a buffer ring.
///
/// `reg` has the group, the ring's memory (page-aligned, `ring_entries` times `struct io_uring_buf`; it must stay
/// mapped until the group is unregistered) and flags, to which `flags` are added (`IOU_PBUF_RING_`); `reg` itself is
/// read during the call. `io_uring_setup_buf_ring()` also allocates the memory. Returns 0, or -errno: -EEXIST if the
/// group exists, -EINVAL if `ring_entries` is not a power of two below 65536, -EFAULT if the memory isn't mapped or
/// isn't writable, -ENOMEM (also for `RLIMIT_MEMLOCK`).
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

/// Unregisters the buffer ring of group `bgid`, whose memory the kernel then no longer uses.
///
/// Returns 0, or -errno: -ENOENT if there is no such group, -EINVAL if it is not a buffer ring.
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

/// Gets the kernel's head of a buffer ring.
///
/// `buf_group` is the group; the head is stored in `*head`, which is unchanged on an error. Returns 0, or -errno:
/// -ENOENT if there is no such group, -EINVAL if it is not a buffer ring or on kernels before 6.8.
/// Since liburing 2.6, kernel 6.8.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_buf_ring_head(ring: *mut io_uring, buf_group: c_int, head: *mut uint16_t) -> c_int {
    // SAFETY: the caller's ring and memory for the head.
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

/// Allocates and registers a buffer ring.
///
/// The ring gets `nentries` entries (a power of two, at most 32768) and the group `bgid`; `flags` are `IOU_PBUF_RING_`.
/// It is empty: add buffers with `io_uring_buf_ring_add()` and `io_uring_buf_ring_advance()`. Free it with
/// `io_uring_free_buf_ring()`, before `io_uring_queue_exit()`. Don't set `IOU_PBUF_RING_MMAP` here: the kernel would
/// use its own memory, not the returned one (before 6.14: -EINVAL). Returns the ring, or NULL with -errno in `*err`:
/// -EEXIST if the group exists, -EINVAL, -ENOMEM.
/// Since liburing 2.4, kernel 5.19.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_setup_buf_ring(
    ring: *mut io_uring,
    nentries: c_uint,
    bgid: c_int,
    flags: c_uint,
    err: *mut c_int,
) -> *mut io_uring_buf_ring {
    // SAFETY: the caller's ring and memory for the error; the mapping is registered with the kernel or unmapped.
    unsafe {
        let size = ring_size(nentries);
        let memory: *mut c_void = match Sys::map(size, Memory::Private) {
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
            Sys::unmap(memory, size);
            return null_mut();
        }
        let br: *mut io_uring_buf_ring = memory.cast();
        io_uring_buf_ring_init(br);
        br
    }
}

/// Unregisters and frees a buffer ring of `io_uring_setup_buf_ring()`, with the same `nentries` and `bgid`.
///
/// Returns 0, or -errno of `io_uring_unregister_buf_ring()`, in which case nothing is freed.
/// Since liburing 2.4, kernel 5.19.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_free_buf_ring(
    ring: *mut io_uring,
    br: *mut io_uring_buf_ring,
    nentries: c_uint,
    bgid: c_int,
) -> c_int {
    // SAFETY: the caller's ring, and its buffer ring, which it no longer uses.
    unsafe {
        let ret = io_uring_unregister_buf_ring(ring, bgid);
        if ret == 0 {
            Sys::unmap(br.cast(), ring_size(nentries));
        }
        ret
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
