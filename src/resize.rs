//! Resizing the queues of a ring in use.

use crate::inline::{io_uring_cqe_shift, io_uring_sqe_shift};
use crate::kernel::{Kernel as _, Memory, Sys};
use crate::memory::{footprint, io_uring_unmap_rings, ring_entries};
use crate::register::io_uring_unregister_ring_fd;
use crate::ring::int_flags;
use crate::setup::io_uring_queue_mmap;
use core::mem::{MaybeUninit, zeroed};
use ironring_abi::ctypes::{c_int, c_uint};
use ironring_abi::types::io_uring;
use ironring_abi::uapi::*;
use libc::{EBADF, EINVAL, EOVERFLOW};

/// The unit of which entries of all sizes consist.
type Unit = [u64; 2];
const SQE_SHIFT: c_uint = (size_of::<io_uring_sqe>() / size_of::<Unit>()).ilog2();

/// Whether a large entry of a mixed queue could cross the end of a smaller queue.
fn torn(head: c_uint, tail: c_uint, old: c_uint, new: c_uint, mixed: c_uint) -> bool {
    mixed != 0 && new < old && head != tail && head ^ tail.wrapping_sub(1) >= new
}

/// Copies the entries from `head` to `tail`, each of `1 << shift` units, to their positions in the new queue.
#[inline(never)]
unsafe fn carry(
    (from, from_mask): (*const Unit, c_uint),
    (to, to_mask): (*mut Unit, c_uint),
    head: c_uint,
    tail: c_uint,
    shift: c_uint,
) {
    let last = (1 << shift) - 1;
    let mut unit = head << shift;
    while unit != tail << shift {
        // SAFETY: the masks keep both units inside their queues, which are mapped.
        unsafe {
            *to.add((unit & ((to_mask << shift) | last)) as usize) =
                *from.add((unit & ((from_mask << shift) | last)) as usize);
        }
        unit = unit.wrapping_add(1);
    }
}

/// Copies the entries of the queues. The kernel copies submitted and completed entries, but kernels up to 6.18 copy
/// entries of double size incorrectly, and entries on both sides of index 0.
unsafe fn carry_all(old: &io_uring, new: &mut io_uring) {
    // SAFETY: both the old and the new rings are mapped, and the new ones are large enough.
    unsafe {
        let (sq, cq) = (&mut new.sq, &new.cq);
        (sq.sqe_head, sq.sqe_tail) = (old.sq.sqe_head, old.sq.sqe_tail);
        *sq.ktail = *old.sq.ktail;
        carry(
            (old.sq.sqes.cast(), old.sq.ring_mask),
            (sq.sqes.cast(), sq.ring_mask),
            *old.sq.khead,
            sq.sqe_tail,
            SQE_SHIFT + io_uring_sqe_shift(old),
        );
        let head = *old.cq.khead;
        *cq.khead = head;
        carry(
            (old.cq.cqes.cast(), old.cq.ring_mask),
            (cq.cqes.cast(), cq.ring_mask),
            head,
            *old.cq.ktail,
            io_uring_cqe_shift(old),
        );
    }
}

/// Reserves address space for mappings of these sizes during the kernel's resize, and returns the kernel's result, or
/// -errno without asking the kernel if there is no address space. The reservation can't be kept for the new rings: the
/// kernel refuses `MAP_FIXED` for a ring.
unsafe fn resize_kernel(ring: &io_uring, p: &mut io_uring_params, sqes: usize, rings: usize) -> c_int {
    // SAFETY: new mappings, which end here; the caller's ring and parameters.
    unsafe {
        let first = match Sys::map(rings, Memory::Reserved) {
            Ok(memory) => memory,
            Err(err) => return err,
        };
        let ret = match Sys::map(sqes, Memory::Reserved) {
            Ok(second) => {
                let p: *mut io_uring_params = p;
                // By the descriptor, from which the new rings are mapped, and not by the index, which may outlive it.
                let ret = Sys::register(ring.ring_fd, IORING_REGISTER_RESIZE_RINGS, p.cast(), 1);
                Sys::unmap(second, sqes);
                ret
            }
            Err(err) => err,
        };
        Sys::unmap(first, rings);
        ret
    }
}

unsafe fn resize(ring: &mut io_uring, p: &mut io_uring_params) -> c_int {
    // SAFETY: the caller's ring and parameters; the old mappings are unmapped only when the new ones exist.
    unsafe {
        // The kernel would return -EINVAL.
        if ring.ring_fd == -1 {
            return -EBADF;
        }
        let flags = p.flags | ring.flags & !IORING_SETUP_CQSIZE;
        let (new_sq, new_cq) = ring_entries(p.sq_entries, flags, p.cq_entries);
        let (sq, cq) = (&ring.sq, &ring.cq);
        let (sq_mixed, cq_mixed) = (flags & IORING_SETUP_SQE_MIXED, flags & IORING_SETUP_CQE_MIXED);
        // The kernel checks this, too, but not for entries that it doesn't know of yet. It reports invalid sizes
        // itself.
        if new_sq != 0
            && (sq.sqe_tail.wrapping_sub(*sq.khead) > new_sq
                || torn(*sq.khead, sq.sqe_tail, sq.ring_entries, new_sq, sq_mixed)
                || torn(*cq.khead, *cq.ktail, cq.ring_entries, new_cq, cq_mixed))
        {
            return -EOVERFLOW;
        }
        let (sqes, rings) = footprint(p.sq_entries, flags, p.cq_entries);
        let ret = resize_kernel(ring, p, sqes.max(1), rings.max(1));
        if ret < 0 {
            return ret;
        }
        // The kernel doesn't set this flag again, which says that one mapping contains both rings.
        p.features = ring.features;
        let mut new = MaybeUninit::<io_uring>::uninit();
        let new = new.as_mut_ptr();
        let ret = io_uring_queue_mmap(ring.ring_fd, p, new);
        if ret != 0 {
            // The kernel uses rings that are not mapped: no call may continue with the old ones until this call
            // succeeds.
            if ring.int_flags & int_flags::REG_RING != 0 {
                io_uring_unregister_ring_fd(ring);
            }
            ring.enter_ring_fd = -1;
            return ret;
        }
        carry_all(ring, &mut *new);
        Sys::unmap(ring.sq.sqes.cast(), ring.sq.sqes_sz as usize);
        io_uring_unmap_rings(&raw mut ring.sq, &raw mut ring.cq);
        (ring.sq, ring.cq) = ((*new).sq, (*new).cq);
        if ring.enter_ring_fd == -1 {
            ring.enter_ring_fd = ring.ring_fd;
        }
        ret
    }
}

/// Resizes the queues of a ring in use.
///
/// Requests in flight continue; entries prepared or submitted, and completions not yet seen, move to the new queues.
/// `p->sq_entries` is the new number of SQ entries; with `IORING_SETUP_CQSIZE` in `p->flags`, `p->cq_entries` that of
/// the CQ; `IORING_SETUP_CLAMP` is allowed too. The call fills the rest of `p` and sets `p->flags` to 0. Pointers to
/// CQEs and SQEs from before the call become invalid. Returns 0, or -errno: -EINVAL with `IORING_SETUP_NO_MMAP`,
/// without `IORING_SETUP_DEFER_TASKRUN` or `IORING_SETUP_NO_SQARRAY`, or on kernels before 6.13, -EBADF after `io_uring_close_ring_fd()`, -EOVERFLOW
/// if the entries in use don't fit, -ENOMEM. After an error the ring is unchanged, unless mapping the resized rings
/// failed: until a repeated call succeeds, all calls that would enter the kernel return -EBADF.
/// Since liburing 2.9, kernel 6.13.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_resize_rings(ring: *mut io_uring, p: *mut io_uring_params) -> c_int {
    // SAFETY: the caller's ring and parameters.
    unsafe {
        // The kernel places a new SQ array, and doesn't say where.
        let flags = (*ring).flags & (IORING_SETUP_NO_MMAP | IORING_SETUP_NO_SQARRAY);
        if flags != IORING_SETUP_NO_SQARRAY {
            return -EINVAL;
        }
        (*p).sq_off = zeroed();
        (*p).cq_off = zeroed();
        let ret = resize(&mut *ring, &mut *p);
        (*p).flags = 0;
        ret
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
