//! Changing the size of a living ring.

use crate::abi::*;
use crate::ctypes::{c_int, c_uint};
use crate::inline::{io_uring_cqe_shift, io_uring_sqe_shift};
use crate::kernel;
use crate::memory::{fill_sq_array, footprint, io_uring_unmap_rings, ring_entries};
use crate::register::io_uring_unregister_ring_fd;
use crate::ring::int_flags;
use crate::setup::io_uring_queue_mmap;
use crate::types::io_uring;
use core::mem::{MaybeUninit, zeroed};
use libc::{EBADF, EINVAL, EOVERFLOW, MAP_ANONYMOUS, MAP_NORESERVE, MAP_SHARED};

/// What entries of all sizes are made of.
type Unit = [u64; 2];
const SQE_SHIFT: c_uint = (size_of::<io_uring_sqe>() / size_of::<Unit>()).ilog2();

/// Whether a big entry of a mixed queue could run past the end of a smaller one.
fn torn(head: c_uint, tail: c_uint, old: c_uint, new: c_uint, mixed: c_uint) -> bool {
    mixed != 0 && new < old && head != tail && head ^ tail.wrapping_sub(1) >= new
}

/// Copies the entries from `head` to `tail`, each `1 << shift` units long, to where they belong in the new queue.
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
        // SAFETY: the masks keep both units within their queues, which are mapped.
        unsafe {
            *to.add((unit & ((to_mask << shift) | last)) as usize) =
                *from.add((unit & ((from_mask << shift) | last)) as usize);
        }
        unit = unit.wrapping_add(1);
    }
}

/// Carries over what waits in the queues. The kernel does so for entries submitted and completed, but kernels to
/// date get those of double size wrong, and those on both sides of index 0.
unsafe fn carry_all(old: &io_uring, new: &mut io_uring) {
    // SAFETY: both the old and the new rings are mapped, and the new ones have the room.
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

/// Takes addresses for mappings of these sizes and gives them back after the kernel's answer, which it returns: or
/// -errno when there are none, and the kernel wasn't asked. It can't keep them until the new rings are mapped there: the
/// kernel refuses `MAP_FIXED` for a ring.
unsafe fn resize_kernel(ring: &io_uring, p: &mut io_uring_params, sqes: usize, rings: usize) -> c_int {
    // Shared, as others might become one with a neighbor, and then not count as a mapping of their own.
    const RESERVE: c_int = MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE;
    // SAFETY: new mappings, which end here; the caller's ring and parameters.
    unsafe {
        let first = match kernel::mmap(rings, RESERVE, -1, 0) {
            Ok(memory) => memory,
            Err(err) => return err,
        };
        let ret = match kernel::mmap(sqes, RESERVE, -1, 0) {
            Ok(second) => {
                let p: *mut io_uring_params = p;
                // By the descriptor, from which the new rings are mapped: not by an index that outlives it.
                let ret = kernel::io_uring_register(ring.ring_fd, IORING_REGISTER_RESIZE_RINGS, p.cast(), 1);
                kernel::munmap(second, sqes);
                ret
            }
            Err(err) => err,
        };
        kernel::munmap(first, rings);
        ret
    }
}

unsafe fn resize(ring: &mut io_uring, p: &mut io_uring_params) -> c_int {
    // SAFETY: the caller's ring and parameters; the old mappings are given up only when the new ones are there.
    unsafe {
        // The kernel would say -EINVAL.
        if ring.ring_fd == -1 {
            return -EBADF;
        }
        let flags = p.flags | ring.flags & !IORING_SETUP_CQSIZE;
        let (new_sq, new_cq) = ring_entries(p.sq_entries, flags, p.cq_entries);
        let (sq, cq) = (&ring.sq, &ring.cq);
        let (sq_mixed, cq_mixed) = (flags & IORING_SETUP_SQE_MIXED, flags & IORING_SETUP_CQE_MIXED);
        // The kernel counts as well, but not the entries that it doesn't know of yet. Of impossible sizes it says what
        // is wrong.
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
        // The kernel doesn't say again that one mapping holds both rings.
        p.features = ring.features;
        let mut new = MaybeUninit::<io_uring>::uninit();
        let new = new.as_mut_ptr();
        let ret = io_uring_queue_mmap(ring.ring_fd, p, new);
        if ret != 0 {
            // The kernel uses rings that nobody sees: no call may go on with the old ones, until this one succeeds.
            if ring.int_flags & int_flags::REG_RING != 0 {
                io_uring_unregister_ring_fd(ring);
            }
            ring.enter_ring_fd = -1;
            return ret;
        }
        carry_all(ring, &mut *new);
        kernel::munmap(ring.sq.sqes.cast(), ring.sq.sqes_sz as usize);
        io_uring_unmap_rings(&raw mut ring.sq, &raw mut ring.cq);
        (ring.sq, ring.cq) = ((*new).sq, (*new).cq);
        fill_sq_array(&raw mut ring.sq, p.flags);
        if ring.enter_ring_fd == -1 {
            ring.enter_ring_fd = ring.ring_fd;
        }
        ret
    }
}

/// Changes the sizes of a ring in use.
///
/// Requests in flight go on; entries prepared or submitted, and completions not yet seen, move along.
/// `p->sq_entries` is the new number of SQ entries; with `IORING_SETUP_CQSIZE` in `p->flags`, `p->cq_entries` that of
/// the CQ; `IORING_SETUP_CLAMP` is allowed too. The rest of `p` comes back filled, `p->flags` as 0. Pointers to CQEs
/// and SQEs from before the call are no longer valid.
/// Returns 0, or -errno: -EINVAL for memory of the application's (`IORING_SETUP_NO_MMAP`), without
/// `IORING_SETUP_DEFER_TASKRUN` or on older kernels, -EBADF after `io_uring_close_ring_fd()`, -EOVERFLOW when the
/// entries in use don't fit, -ENOMEM. The ring is then as before, but for a failed mapping of the resized rings: until
/// a repeated call succeeds, all that would enter the kernel says -EBADF.
/// Since liburing 2.9, kernel 6.13.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_resize_rings(ring: *mut io_uring, p: *mut io_uring_params) -> c_int {
    // SAFETY: the caller's ring and parameters.
    unsafe {
        if (*ring).flags & IORING_SETUP_NO_MMAP != 0 {
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
