//! The completion queue entry: reading it, walking over many, and giving the slots back to the kernel.

use crate::abi::{IORING_CQE_F_32, IORING_SETUP_CQE32, io_uring_cqe};
use crate::barrier::{io_uring_smp_load_acquire, io_uring_smp_store_release};
use crate::ctypes::{__u64, c_uint, c_void, uintptr_t};
use crate::types::{io_uring, io_uring_cqe_iter};

/// Returns how far to shift a CQE's index, given the ring's `IORING_SETUP_*` flags.
///
/// 1 when every CQE has 32 bytes (`IORING_SETUP_CQE32`), else 0: the CQE at `index` is
/// `&cq.cqes[(index & cq.ring_mask) << shift]`.
/// Since liburing 2.10.
#[unsafe(no_mangle)]
pub extern "C" fn io_uring_cqe_shift_from_flags(flags: c_uint) -> c_uint {
    c_uint::from((flags & IORING_SETUP_CQE32) != 0)
}

/// Returns how far to shift an index into the ring's CQEs.
///
/// As `io_uring_cqe_shift_from_flags()`, with the flags that `ring` was set up with.
/// Since liburing 2.2.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_cqe_shift(ring: *const io_uring) -> c_uint {
    io_uring_cqe_shift_from_flags((*ring).flags)
}

/// Returns the number of slots that a CQE takes in the completion queue, 1 or 2.
///
/// 2 for a 32-byte CQE among 16-byte ones (`IORING_SETUP_CQE_MIXED`). With `IORING_SETUP_CQE32` a slot itself has 32
/// bytes, and a CQE takes 1.
/// Since liburing 2.13.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_cqe_nr(cqe: *const io_uring_cqe) -> c_uint {
    let extra: c_uint = c_uint::from(((*cqe).flags & IORING_CQE_F_32) != 0);

    extra + 1
}

/// Starts a walk over the CQEs that are ready now.
///
/// Later arrivals aren't seen by it. Walk with `io_uring_cqe_iter_next()`; the slots stay taken until
/// `io_uring_cq_advance()`.
/// Since liburing 2.10.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_cqe_iter_init(ring: *const io_uring) -> io_uring_cqe_iter {
    // The acquire pairs with the kernel's release of the tail: every CQE below it is complete.
    let iter: io_uring_cqe_iter = io_uring_cqe_iter {
        cqes: (*ring).cq.cqes,
        mask: (*ring).cq.ring_mask,
        shift: io_uring_cqe_shift(ring),
        head: *(*ring).cq.khead,
        tail: io_uring_smp_load_acquire((*ring).cq.ktail),
    };
    iter
}

/// Steps to the next CQE of a walk.
///
/// Returns true with `*cqe` set, or false at the end with `*cqe` as it was. A CQE that takes two slots is one step.
/// Since liburing 2.10.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_cqe_iter_next(iter: *mut io_uring_cqe_iter, cqe: *mut *mut io_uring_cqe) -> bool {
    let cqes: *mut io_uring_cqe;
    let head: c_uint;

    if (*iter).head == (*iter).tail {
        return false;
    }
    // Loaded before the store to the head, which C must take for one that may change them.
    cqes = (*iter).cqes;
    head = (*iter).head;
    (*iter).head = head.wrapping_add(1);
    *cqe = cqes.add(((head & (*iter).mask) << (*iter).shift) as usize);
    if ((**cqe).flags & IORING_CQE_F_32) != 0 {
        (*iter).head = (*iter).head.wrapping_add(1);
    }
    true
}

/// Gives `nr` slots of the completion queue back to the kernel, oldest first.
///
/// The CQEs in them must not be read any more. A CQE that takes two slots counts twice, see `io_uring_cqe_nr()`.
/// With `nr` 0 nothing is written.
/// Since liburing 2.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_cq_advance(ring: *mut io_uring, nr: c_uint) {
    if nr != 0 {
        let oldest: c_uint = *(*ring).cq.khead;

        // The slots are the kernel's to fill from here on, so every read of them comes before.
        io_uring_smp_store_release((*ring).cq.khead, oldest.wrapping_add(nr));
    }
}

/// Gives the slot, or two, of the oldest CQE back to the kernel.
///
/// `cqe` is the one that a wait or peek returned and must not be read any more; NULL is ignored.
/// Since liburing 2.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_cqe_seen(ring: *mut io_uring, cqe: *mut io_uring_cqe) {
    if !cqe.is_null() {
        io_uring_cq_advance(ring, io_uring_cqe_nr(cqe));
    }
}

/// Returns the pointer that `io_uring_sqe_set_data()` attached to the request.
///
/// Where pointers have 32 bits, the low half of `user_data`.
/// Since liburing 2.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_cqe_get_data(cqe: *const io_uring_cqe) -> *mut c_void {
    (*cqe).user_data as uintptr_t as *mut c_void
}

/// Returns the number that `io_uring_sqe_set_data64()` attached to the request.
///
/// Since liburing 2.2.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_cqe_get_data64(cqe: *const io_uring_cqe) -> __u64 {
    (*cqe).user_data
}
