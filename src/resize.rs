//! Changing the size of a living ring.

use crate::abi::*;
use crate::ctypes::c_int;
use crate::kernel;
use crate::memory::{fill_sq_array, io_uring_mmap, io_uring_unmap_rings};
use crate::register::register;
use crate::types::io_uring;
use core::mem::zeroed;
use libc::EINVAL;

/// Changes the sizes of a ring in use.
///
/// Submitted entries and completions move along; entries prepared but not yet submitted are lost: submit them first.
/// Not after `io_uring_close_ring_fd()`: the kernel resizes, then the mapping fails with -EBADF and the ring is gone.
/// `p->sq_entries` is the new number of SQ entries; with `IORING_SETUP_CQSIZE` in `p->flags`, `p->cq_entries` that of
/// the CQ; `IORING_SETUP_CLAMP` is allowed too. The rest of `p` comes back filled, `p->flags` as 0. Pointers to CQEs
/// and SQEs from before the call are no longer valid.
/// Returns 0, or -errno: -EINVAL for memory of the application's (`IORING_SETUP_NO_MMAP`), without
/// `IORING_SETUP_DEFER_TASKRUN` or on older kernels, -EOVERFLOW when the entries in use don't fit, -ENOMEM.
/// Since liburing 2.9, kernel 6.13.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_resize_rings(ring: *mut io_uring, p: *mut io_uring_params) -> c_int {
    // SAFETY: the caller's ring and parameters; the old mappings are given up only when the new ones are there.
    unsafe {
        if (*ring).flags & IORING_SETUP_NO_MMAP != 0 {
            return -EINVAL;
        }
        (*p).sq_off = zeroed();
        (*p).cq_off = zeroed();

        let mut ret = register(ring, p.cast(), 1, IORING_REGISTER_RESIZE_RINGS);
        if ret >= 0 {
            let (mut sq, mut cq) = ((*ring).sq, (*ring).cq);
            ret = io_uring_mmap((*ring).ring_fd, p, &raw mut sq, &raw mut cq);
            if ret == 0 {
                kernel::munmap((*ring).sq.sqes.cast(), (*ring).sq.sqes_sz as usize);
                io_uring_unmap_rings(&raw mut (*ring).sq, &raw mut (*ring).cq);
                (*ring).sq = sq;
                (*ring).cq = cq;
                fill_sq_array(&raw mut (*ring).sq, (*p).flags);
            }
        }
        (*p).flags = 0;
        ret
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
