//! Creating and exiting a ring.

use crate::abi::*;
use crate::ctypes::{c_int, c_uint, c_void, size_t};
use crate::kernel;
use crate::memory::{
    buffer_used, fill_sq_array, io_uring_mmap, io_uring_setup_ring_pointers, io_uring_unmap_rings, provide, scattered,
};
use crate::register::io_uring_unregister_ring_fd;
use crate::ring::int_flags;
use crate::types::io_uring;
use core::mem::{MaybeUninit, zeroed};
use core::ptr::null_mut;
use core::sync::atomic::{Ordering, compiler_fence};
use libc::{EACCES, EINVAL, ENOMEM, MADV_DONTFORK};

/// Makes `ring` one that `io_uring_queue_exit` finds nothing to undo in: all zero would name descriptor 0.
#[inline(never)]
unsafe fn clear(ring: *mut io_uring) {
    // SAFETY: all zeroes is valid in every part of an `io_uring`; the caller passes one to write.
    unsafe {
        if cfg!(target_pointer_width = "64") {
            let words: *mut [u64; 3] = ring.cast();
            let mut index = 0;
            while index < size_of::<io_uring>() / size_of::<[u64; 3]>() {
                *words.add(index) = [0; 3];
                // Or the compiler makes a call to `memset` of it, or five times the code.
                compiler_fence(Ordering::SeqCst);
                index += 1;
            }
        } else {
            *ring = zeroed();
        }
        (*ring).ring_fd = -1;
        (*ring).enter_ring_fd = -1;
    }
}

const _: () = assert!(cfg!(not(target_pointer_width = "64")) || size_of::<io_uring>() % size_of::<[u64; 3]>() == 0);

/// Makes a ring in `buf`, or in memory of its own when `buf` is NULL. Internal to the archive.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[inline(never)]
pub(crate) unsafe extern "C" fn __io_uring_queue_init_params(
    entries: c_uint,
    ring: *mut io_uring,
    p: *mut io_uring_params,
    buf: *mut c_void,
    buf_size: size_t,
) -> c_int {
    // SAFETY: the caller passes a ring to write and valid parameters; `buf` has `buf_size` bytes or is NULL.
    unsafe {
        clear(ring);
        let ret = make(entries, &mut *ring, &mut *p, buf, buf_size);
        if ret < 0 {
            clear(ring);
        }
        ret
    }
}

/// Makes a ring, with `ring` all clear. On an error nothing stays open or mapped, but `ring` has to be cleared again.
#[inline]
unsafe fn make(
    entries: c_uint,
    ring: &mut io_uring,
    p: &mut io_uring_params,
    buf: *mut c_void,
    buf_size: size_t,
) -> c_int {
    let no_mmap = p.flags & IORING_SETUP_NO_MMAP != 0;
    // The kernel says the same, but would have to be undone here.
    if p.flags & IORING_SETUP_REGISTERED_FD_ONLY != 0 && !no_mmap {
        return -EINVAL;
    }
    // SAFETY: the caller's ring and parameters; `buf` has `buf_size` bytes or is NULL.
    unsafe {
        let used = if no_mmap {
            provide(entries, p, ring, buf, buf_size)
        } else {
            0
        };
        let fd = if used < 0 {
            used
        } else {
            kernel::io_uring_setup(entries, p)
        };
        if fd < 0 {
            unmap(ring);
            if fd == -EINVAL && (scattered(ring.sq.sqes_sz as usize) || scattered(ring.sq.ring_sz)) {
                // Kernels before 6.10 want memory in one piece, which there was none of.
                return -ENOMEM;
            }
            return fd;
        }
        if no_mmap {
            io_uring_setup_ring_pointers(p, &raw mut ring.sq, &raw mut ring.cq);
        } else {
            let err = io_uring_mmap(fd, p, &raw mut ring.sq, &raw mut ring.cq);
            if err != 0 {
                kernel::close(fd);
                return err;
            }
        }
        fill_sq_array(&raw mut ring.sq, p.flags);

        ring.features = p.features;
        ring.flags = p.flags;
        ring.enter_ring_fd = fd;
        if p.flags & IORING_SETUP_REGISTERED_FD_ONLY != 0 {
            ring.int_flags = int_flags::REG_RING | int_flags::REG_REG_RING;
        } else {
            ring.ring_fd = fd;
        }
        if no_mmap && !buf.is_null() {
            ring.int_flags |= int_flags::APP_MEM;
        }
        if p.flags & (IORING_SETUP_IOPOLL | IORING_SETUP_SQPOLL) == IORING_SETUP_IOPOLL {
            ring.int_flags |= int_flags::CQ_ENTER;
        }
        used
    }
}

/// Makes a ring without an SQ array, with one only where the kernel (before 6.6) knows nothing else.
#[inline]
unsafe fn init(
    entries: c_uint,
    ring: *mut io_uring,
    p: *mut io_uring_params,
    more_flags: c_uint,
    buf: *mut c_void,
    buf_size: size_t,
) -> c_int {
    // SAFETY: the caller's arguments are passed on.
    unsafe {
        // Programs ask so whether there is io_uring: the kernel refuses null with the errno that tells.
        if ring.is_null() || p.is_null() {
            return kernel::io_uring_setup(entries, null_mut());
        }
        (*p).flags |= more_flags;
        let flags = (*p).flags;
        (*p).flags |= IORING_SETUP_NO_SQARRAY;
        loop {
            let ret = __io_uring_queue_init_params(entries, ring, p, buf, buf_size);
            // A refusal leaves the flags as they were.
            if ret != -EINVAL || (*p).flags == flags {
                return ret;
            }
            (*p).flags = flags;
        }
    }
}

unsafe fn unmap(ring: *mut io_uring) {
    // SAFETY: the sizes record exactly what the library mapped, 0 where nothing.
    unsafe {
        if (*ring).sq.sqes_sz != 0 {
            kernel::munmap((*ring).sq.sqes.cast(), (*ring).sq.sqes_sz as usize);
        }
        io_uring_unmap_rings(&raw mut (*ring).sq, &raw mut (*ring).cq);
    }
}

/// Makes a ring whose memory is the application's own buffer.
///
/// `entries` and `p` are as for `io_uring_queue_init_params()`; `IORING_SETUP_NO_MMAP` is added to `p->flags`. `buf`
/// starts at a page and has `buf_size` bytes, physically contiguous where the ring is larger than a page on kernels
/// before 6.10 (a huge page); it must stay mapped until after `io_uring_queue_exit()`, which doesn't free it.
/// It needn't be zero.
/// Returns the number of bytes used of `buf` (whole pages: another ring can start there), or -errno: -ENOMEM when
/// `buf_size` is too small (nothing is written then), -EINVAL for impossible sizes, else what the kernel says.
/// Since liburing 2.5, kernel 6.5.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_queue_init_mem(
    entries: c_uint,
    ring: *mut io_uring,
    p: *mut io_uring_params,
    buf: *mut c_void,
    buf_size: size_t,
) -> c_int {
    // SAFETY: the caller's arguments are passed on.
    unsafe { init(entries, ring, p, IORING_SETUP_NO_MMAP, buf, buf_size) }
}

/// Makes a ring with all the choices of `struct io_uring_params`.
///
/// `entries` is the number of SQ entries, rounded up to a power of two; the CQ has twice as many unless
/// `IORING_SETUP_CQSIZE` says otherwise. `p` must be zeroed but for the wishes in it; it comes back with the sizes,
/// offsets, flags and features of the ring, and is not needed afterwards. `ring` is written whole.
/// Returns 0, or -errno: -EINVAL for impossible sizes or flags, -ENOSYS or -EPERM when the system has no io_uring
/// for this process, -EFAULT for NULL where it has, -ENOMEM, -EMFILE, and what else `io_uring_setup(2)` says. After an
/// error there is nothing to undo, and `io_uring_queue_exit()` does nothing.
/// Since liburing 2.0, kernel 5.1.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_queue_init_params(
    entries: c_uint,
    ring: *mut io_uring,
    p: *mut io_uring_params,
) -> c_int {
    // SAFETY: the caller's arguments are passed on.
    unsafe { init(entries, ring, p, 0, null_mut(), 0).min(0) }
}

/// Makes a ring of `entries` SQ entries with `IORING_SETUP_` flags.
///
/// The short form of `io_uring_queue_init_params()`, with the same results.
/// Since liburing 2.0, kernel 5.1.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[inline(never)]
pub unsafe extern "C" fn io_uring_queue_init(entries: c_uint, ring: *mut io_uring, flags: c_uint) -> c_int {
    // SAFETY: all zeroes is a valid `io_uring_params`, and it lives through the call.
    unsafe {
        let mut p: io_uring_params = zeroed();
        p.flags = flags;
        io_uring_queue_init_params(entries, ring, &raw mut p)
    }
}

/// Maps a ring that `io_uring_setup()` has made, and sets up `ring` for it.
///
/// `fd` is the ring's descriptor and `p` what `io_uring_setup()` filled in. The descriptor belongs to `ring` from
/// then on: `io_uring_queue_exit()` closes it. The SQ array, when the ring has one, is the caller's to fill.
/// Returns 0, or -errno of `mmap(2)`; then nothing is mapped and `fd` is still the caller's.
/// Since liburing 2.0, kernel 5.1.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_queue_mmap(fd: c_int, p: *mut io_uring_params, ring: *mut io_uring) -> c_int {
    // SAFETY: the caller passes a ring to write and the parameters of `fd`.
    unsafe {
        clear(ring);
        let err = io_uring_mmap(fd, p, &raw mut (*ring).sq, &raw mut (*ring).cq);
        if err != 0 {
            clear(ring);
            return err;
        }
        (*ring).flags = (*p).flags;
        (*ring).features = (*p).features;
        (*ring).ring_fd = fd;
        (*ring).enter_ring_fd = fd;
        0
    }
}

/// Keeps the ring's memory out of children that are forked later.
///
/// A child that touches the ring then faults instead of disturbing the parent.
/// Memory given to `io_uring_queue_init_mem()` is covered in whole pages.
/// Returns 0, or -errno: -EINVAL when `ring` is not mapped, or would cover a part of a huge page (then it covers
/// nothing), else what `madvise(2)` says.
/// Since liburing 2.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_ring_dontfork(ring: *mut io_uring) -> c_int {
    // SAFETY: the caller's ring; the advice covers its own mappings only.
    unsafe {
        let (sq, cq) = (&(*ring).sq, &(*ring).cq);
        if sq.ring_ptr.is_null() || sq.sqes.is_null() || cq.ring_ptr.is_null() {
            return -EINVAL;
        }
        // In the program's buffer the rings follow the SQEs: one call, which marks all or nothing.
        if (*ring).int_flags & int_flags::APP_MEM != 0 {
            return kernel::madvise(sq.sqes.cast(), buffer_used(ring), MADV_DONTFORK);
        }
        let mut err = kernel::madvise(sq.sqes.cast(), sq.sqes_sz as usize, MADV_DONTFORK);
        if err == 0 {
            err = kernel::madvise(sq.ring_ptr, sq.ring_sz, MADV_DONTFORK);
        }
        if err == 0 && cq.ring_ptr != sq.ring_ptr {
            err = kernel::madvise(cq.ring_ptr, cq.ring_sz, MADV_DONTFORK);
        }
        err
    }
}

/// Gives the ring's registered index back. It is the thread's: where restrictions of the ring forbid it, a ring made for
/// this can do it as well. The kernel would free it with the thread at the latest, and keep the ring until then.
#[inline(never)]
unsafe fn give_index_back(ring: *mut io_uring) {
    // SAFETY: the caller's ring; the local one lives through the calls, and without it they find descriptor -1.
    unsafe {
        if io_uring_unregister_ring_fd(ring) != -EACCES {
            return;
        }
        let mut other = MaybeUninit::<io_uring>::uninit();
        let other = other.as_mut_ptr();
        io_uring_queue_init(1, other, 0);
        (*other).enter_ring_fd = (*ring).enter_ring_fd;
        (*other).int_flags = int_flags::REG_RING;
        io_uring_unregister_ring_fd(other);
        (*other).int_flags = 0;
        io_uring_queue_exit(other);
    }
}

/// Takes a ring down: unmaps its memory and closes its descriptor.
///
/// Requests still in flight are canceled by the kernel in time; buffers that they use must outlive them. Memory
/// given to `io_uring_queue_init_mem()` is not unmapped. Call it once for each ring; after a failed init it does
/// nothing. `ring` must not be used afterwards.
/// Since liburing 2.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_queue_exit(ring: *mut io_uring) {
    // SAFETY: the caller gives the ring up; only what the library mapped and opened is undone.
    unsafe {
        if (*ring).int_flags & int_flags::APP_MEM == 0 {
            unmap(ring);
        }
        if (*ring).int_flags & int_flags::REG_RING != 0 {
            give_index_back(ring);
        }
        if (*ring).ring_fd != -1 {
            kernel::close((*ring).ring_fd);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
