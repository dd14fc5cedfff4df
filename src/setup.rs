//! Creating and exiting a ring.

use crate::kernel::{Kernel as _, Sys};
use crate::memory::{
    buffer_used, fill_sq_array, io_uring_mmap, io_uring_setup_ring_pointers, io_uring_unmap_rings, provide, scattered,
};
use crate::register::io_uring_unregister_ring_fd;
use crate::ring::int_flags;
use core::mem::{MaybeUninit, zeroed};
use core::ptr::null_mut;
use core::sync::atomic::{Ordering, compiler_fence};
use ironring_abi::ctypes::{c_int, c_uint, c_void, size_t};
use ironring_abi::types::io_uring;
use ironring_abi::uapi::*;
use libc::{EACCES, EINVAL, ENOMEM, MADV_DONTFORK};

/// Initializes `ring` so that `io_uring_queue_exit` does nothing: all zeroes would refer to descriptor 0.
#[inline(never)]
unsafe fn clear(ring: *mut io_uring) {
    // SAFETY: all zeroes is valid in every part of an `io_uring`; the caller passes one to write.
    unsafe {
        if cfg!(target_pointer_width = "64") {
            let words: *mut [u64; 3] = ring.cast();
            let mut index = 0;
            while index < size_of::<io_uring>() / size_of::<[u64; 3]>() {
                *words.add(index) = [0; 3];
                // Otherwise the compiler generates a call to `memset`, or five times the code.
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

/// Creates a ring in `buf`, or in memory that the library allocates if `buf` is NULL. Internal to the archive.
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

/// Creates a ring, with `ring` cleared. On an error nothing stays open or mapped, but `ring` must be cleared again.
#[inline]
unsafe fn make(
    entries: c_uint,
    ring: &mut io_uring,
    p: &mut io_uring_params,
    buf: *mut c_void,
    buf_size: size_t,
) -> c_int {
    let no_mmap = p.flags & IORING_SETUP_NO_MMAP != 0;
    // The kernel would return the same error, but this code would have to undo more.
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
        let fd = if used < 0 { used } else { Sys::setup(entries, p) };
        if fd < 0 {
            unmap(ring);
            if fd == -EINVAL && (scattered(ring.sq.sqes_sz as usize) || scattered(ring.sq.ring_sz)) {
                // Kernels before 6.10 require contiguous memory, of which there was none.
                return -ENOMEM;
            }
            return fd;
        }
        if no_mmap {
            io_uring_setup_ring_pointers(p, &raw mut ring.sq, &raw mut ring.cq);
        } else {
            let err = io_uring_mmap(fd, p, &raw mut ring.sq, &raw mut ring.cq);
            if err != 0 {
                Sys::close(fd);
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

/// Creates a ring without an SQ array, or with one if the kernel is older than 6.6.
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
        // Programs use this to test for io_uring: the kernel refuses null with an errno that says whether it is
        // available.
        if ring.is_null() || p.is_null() {
            return Sys::setup(entries, null_mut());
        }
        (*p).flags |= more_flags;
        let flags = (*p).flags;
        (*p).flags |= IORING_SETUP_NO_SQARRAY;
        loop {
            let ret = __io_uring_queue_init_params(entries, ring, p, buf, buf_size);
            // An error leaves the flags unchanged.
            if ret != -EINVAL || (*p).flags == flags {
                return ret;
            }
            (*p).flags = flags;
        }
    }
}

unsafe fn unmap(ring: *mut io_uring) {
    // SAFETY: the sizes record exactly what the library mapped, 0 for nothing.
    unsafe {
        if (*ring).sq.sqes_sz != 0 {
            Sys::unmap((*ring).sq.sqes.cast(), (*ring).sq.sqes_sz as usize);
        }
        io_uring_unmap_rings(&raw mut (*ring).sq, &raw mut (*ring).cq);
    }
}

/// Creates a ring in memory that the application provides.
///
/// `entries` and `p` are as for `io_uring_queue_init_params()`; `IORING_SETUP_NO_MMAP` is added to `p->flags`. `buf` is
/// aligned to a page and has `buf_size` bytes, on kernels before 6.10 physically contiguous (a huge page) if the ring
/// is larger than a page; it must stay mapped until after `io_uring_queue_exit()`, which doesn't free it. It needn't be
/// zeroed. Returns the number of bytes used of `buf` (whole pages: another ring can start after them), or -errno:
/// -ENOMEM if `buf_size` is too small (nothing is written then), -EINVAL for invalid sizes, and other errors of the
/// kernel.
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

/// Creates a ring with the options of `struct io_uring_params`.
///
/// `entries` is the number of SQ entries, rounded up to a power of two; the CQ has twice as many unless
/// `IORING_SETUP_CQSIZE` is set. Clear `p`, then set its options; it returns the sizes, offsets, flags and features of
/// the ring, and is not needed afterwards. `ring` is overwritten completely. Returns 0, or -errno: -EINVAL for invalid
/// sizes or flags, -ENOSYS or -EPERM if io_uring is not available to this process, -EFAULT for NULL if it is, -ENOMEM,
/// -EMFILE, and other errors of `io_uring_setup(2)`. After an error no cleanup is needed, and `io_uring_queue_exit()`
/// does nothing.
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

/// Creates a ring of `entries` SQ entries with `IORING_SETUP_` flags.
///
/// The short form of `io_uring_queue_init_params()`, with the same results.
/// Since liburing 2.0, kernel 5.1.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[inline(never)]
pub unsafe extern "C" fn io_uring_queue_init(entries: c_uint, ring: *mut io_uring, flags: c_uint) -> c_int {
    // SAFETY: all zeroes is a valid `io_uring_params`, and it exists during the call.
    unsafe {
        let mut p: io_uring_params = zeroed();
        p.flags = flags;
        io_uring_queue_init_params(entries, ring, &raw mut p)
    }
}

/// Maps a ring created with `io_uring_setup()`, and fills `ring`.
///
/// `fd` is the ring's descriptor and `p` the parameters that `io_uring_setup()` returned. The descriptor then belongs
/// to `ring`: `io_uring_queue_exit()` closes it. If the ring has an SQ array, the caller must initialize it. Returns 0,
/// or -errno of `mmap(2)`; then nothing is mapped and `fd` still belongs to the caller.
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

/// Excludes the ring's memory from children that are forked later.
///
/// A child that accesses the ring then faults instead of disturbing the parent. Memory given to
/// `io_uring_queue_init_mem()` is marked in whole pages. Returns 0, or -errno: -EINVAL if `ring` is not mapped, or if
/// it would mark a part of a huge page (then it marks nothing), and other errors of `madvise(2)`.
/// Since liburing 2.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_ring_dontfork(ring: *mut io_uring) -> c_int {
    // SAFETY: the caller's ring; the advice covers its own mappings only.
    unsafe {
        let (sq, cq) = (&(*ring).sq, &(*ring).cq);
        if sq.ring_ptr.is_null() || sq.sqes.is_null() || cq.ring_ptr.is_null() {
            return -EINVAL;
        }
        // In the program's buffer the rings follow the SQEs, so one call marks all or nothing.
        if (*ring).int_flags & int_flags::APP_MEM != 0 {
            return Sys::advise(sq.sqes.cast(), buffer_used(ring), MADV_DONTFORK);
        }
        let mut err = Sys::advise(sq.sqes.cast(), sq.sqes_sz as usize, MADV_DONTFORK);
        if err == 0 {
            err = Sys::advise(sq.ring_ptr, sq.ring_sz, MADV_DONTFORK);
        }
        if err == 0 && cq.ring_ptr != sq.ring_ptr {
            err = Sys::advise(cq.ring_ptr, cq.ring_sz, MADV_DONTFORK);
        }
        err
    }
}

/// Unregisters the ring's index, which belongs to the thread: if the ring's restrictions forbid it, a temporary ring
/// can do it. Otherwise the kernel keeps the index, and the ring, until the thread exits.
#[inline(never)]
unsafe fn give_index_back(ring: *mut io_uring) {
    // SAFETY: the caller's ring; the local one exists during the calls, which without it use descriptor -1.
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

/// Exits a ring: unmaps its memory and closes its descriptor.
///
/// The kernel cancels requests in flight some time later and may still use their buffers meanwhile. Memory given to
/// `io_uring_queue_init_mem()` is not unmapped. Call it once for each ring; after a failed initialization it does
/// nothing. `ring` must not be used afterwards.
/// Since liburing 2.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_queue_exit(ring: *mut io_uring) {
    // SAFETY: the caller no longer uses the ring; only what the library mapped and opened is released.
    unsafe {
        if (*ring).int_flags & int_flags::APP_MEM == 0 {
            unmap(ring);
        }
        if (*ring).int_flags & int_flags::REG_RING != 0 {
            give_index_back(ring);
        }
        if (*ring).ring_fd != -1 {
            Sys::close((*ring).ring_fd);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
