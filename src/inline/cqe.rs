//! The completion queue entry: reading it, iterating over several, and returning the slots to the kernel.

use ironring_abi::barrier::{acquire_data, io_uring_smp_load_acquire, io_uring_smp_store_release};
use ironring_abi::ctypes::{__u64, c_uint, c_void, uintptr_t};
use ironring_abi::types::{io_uring, io_uring_cqe_iter};
use ironring_abi::uapi::{IORING_CQE_F_32, IORING_SETUP_CQE32, io_uring_cqe};

/// Returns the shift of a CQE's index for the given `IORING_SETUP_*` flags of a ring.
///
/// 1 if every CQE has 32 bytes (`IORING_SETUP_CQE32`), otherwise 0: the CQE at `index` is
/// `&cq.cqes[(index & cq.ring_mask) << shift]`.
/// Since liburing 2.10.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub extern "C" fn io_uring_cqe_shift_from_flags(flags: c_uint) -> c_uint {
    c_uint::from((flags & IORING_SETUP_CQE32) != 0)
}

/// Returns the shift of an index into the ring's CQEs.
///
/// The same as `io_uring_cqe_shift_from_flags()` with the flags of `ring`.
/// Since liburing 2.2.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_cqe_shift(ring: *const io_uring) -> c_uint {
    io_uring_cqe_shift_from_flags((*ring).flags)
}

/// Returns the number of slots that a CQE takes in the completion queue, 1 or 2.
///
/// It is 2 for a 32-byte CQE on a ring with `IORING_SETUP_CQE_MIXED`. With `IORING_SETUP_CQE32` a slot has 32 bytes,
/// and a CQE takes 1.
/// Since liburing 2.13.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_cqe_nr(cqe: *const io_uring_cqe) -> c_uint {
    let extra: c_uint = c_uint::from(((*cqe).flags & IORING_CQE_F_32) != 0);

    extra + 1
}

/// Returns an iterator over the CQEs that are ready now.
///
/// It doesn't include CQEs that arrive later. Advance it with `io_uring_cqe_iter_next()`; the slots stay in use until
/// `io_uring_cq_advance()`.
/// Since liburing 2.10.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[cfg_attr(not(feature = "shipped"), inline)]
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

/// Advances an iterator to the next CQE.
///
/// Returns true with `*cqe` set, or false at the end with `*cqe` unchanged. A CQE that takes two slots is returned
/// once.
/// Since liburing 2.10.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[cfg_attr(not(feature = "shipped"), inline)]
pub unsafe extern "C" fn io_uring_cqe_iter_next(iter: *mut io_uring_cqe_iter, cqe: *mut *mut io_uring_cqe) -> bool {
    let cqes: *mut io_uring_cqe;
    let head: c_uint;

    if (*iter).head == (*iter).tail {
        return false;
    }
    // Loaded before the store to the head, as a C compiler must assume that the store may change them.
    cqes = (*iter).cqes;
    head = (*iter).head;
    (*iter).head = head.wrapping_add(1);
    *cqe = cqes.add(((head & (*iter).mask) << (*iter).shift) as usize);
    if ((**cqe).flags & IORING_CQE_F_32) != 0 {
        (*iter).head = (*iter).head.wrapping_add(1);
    }
    true
}

/// Returns the `nr` oldest slots of the completion queue to the kernel.
///
/// The CQEs in them must not be read any more. A CQE that takes two slots counts twice: see `io_uring_cqe_nr()`. With
/// `nr` 0 nothing is written.
/// Since liburing 2.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[cfg_attr(not(feature = "shipped"), inline)]
pub unsafe extern "C" fn io_uring_cq_advance(ring: *mut io_uring, nr: c_uint) {
    if nr != 0 {
        let oldest: c_uint = *(*ring).cq.khead;

        // The kernel may overwrite the slots from here on, so all reads of them come first.
        io_uring_smp_store_release((*ring).cq.khead, oldest.wrapping_add(nr));
    }
}

/// Marks the oldest CQE as seen, which returns its slot, or two, to the kernel.
///
/// `cqe` is the CQE that a wait or peek returned; it must not be read any more. NULL is ignored.
/// Since liburing 2.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[cfg_attr(not(feature = "shipped"), inline)]
pub unsafe extern "C" fn io_uring_cqe_seen(ring: *mut io_uring, cqe: *mut io_uring_cqe) {
    if !cqe.is_null() {
        io_uring_cq_advance(ring, io_uring_cqe_nr(cqe));
    }
}

/// Returns the pointer that `io_uring_sqe_set_data()` stored in the request.
///
/// Where pointers have 32 bits, this is the low half of `user_data`.
/// Since liburing 2.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_cqe_get_data(cqe: *const io_uring_cqe) -> *mut c_void {
    acquire_data((*cqe).user_data);
    (*cqe).user_data as uintptr_t as *mut c_void
}

/// Returns the number that `io_uring_sqe_set_data64()` stored in the request.
///
/// Since liburing 2.2.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_cqe_get_data64(cqe: *const io_uring_cqe) -> __u64 {
    acquire_data((*cqe).user_data);
    (*cqe).user_data
}
