//! The ring: supported operations, fill levels of the queues, the next completion, the next free slot.

use core::ptr;

use libc::EOPNOTSUPP;

use crate::inline::cqe::{io_uring_cq_advance, io_uring_cqe_nr, io_uring_cqe_shift};
use crate::inline::prep::io_uring_prep_nop;
use crate::inline::sqe::{io_uring_initialize_sqe, io_uring_sqe_shift};
use ironring_abi::barrier::{io_uring_smp_load_acquire, read_once, write_once};
use ironring_abi::ctypes::{__u8, c_int, c_uint};
use ironring_abi::types::{io_uring, io_uring_sq};
use ironring_abi::uapi::{
    IO_URING_OP_SUPPORTED, IORING_CQ_EVENTFD_DISABLED, IORING_CQE_F_SKIP, IORING_FEAT_EXT_ARG, IORING_SETUP_SQE_MIXED,
    IORING_SETUP_SQE128, IORING_SETUP_SQPOLL, IORING_SQ_CQ_OVERFLOW, IOSQE_CQE_SKIP_SUCCESS, io_uring_cqe,
    io_uring_probe, io_uring_probe_op, io_uring_sqe,
};

/// Returns whether the kernel that filled the probe `p` supports the operation `op`, an `IORING_OP_*`.
///
/// Returns 1 or 0; 0 for a negative `op`, and for one that is not among the `p->ops_len` operations of the probe. Get a
/// probe with `io_uring_get_probe()`.
/// Since liburing 2.0, kernel 5.6.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_opcode_supported(p: *const io_uring_probe, op: c_int) -> c_int {
    let ops: *const io_uring_probe_op = (&raw const (*p).ops).cast::<io_uring_probe_op>();

    // Not `last_op`: the caller of `io_uring_register_probe()` may have had less space than the kernel has operations.
    // Converted to unsigned, a negative `op` is out of range, too.
    if op as c_uint >= c_uint::from((*p).ops_len) {
        return 0;
    }
    c_int::from((c_uint::from((*ops.add(op as usize)).flags) & IO_URING_OP_SUPPORTED) != 0)
}

/// Returns the number of SQEs that the kernel has consumed.
///
/// The number wraps at 2^32 and isn't masked. With `IORING_SETUP_SQPOLL` it may change at any time.
/// Since liburing 2.10.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[cfg_attr(not(feature = "shipped"), inline)]
pub unsafe extern "C" fn io_uring_load_sq_head(ring: *const io_uring) -> c_uint {
    if ((*ring).flags & IORING_SETUP_SQPOLL) != 0 {
        // Pairs with the submission thread's release: it has read all SQEs before the head.
        return io_uring_smp_load_acquire((*ring).sq.khead);
    }
    // Only this program's own system calls change it.
    *(*ring).sq.khead
}

/// Returns the number of SQEs in use: obtained from the ring and not consumed by the kernel yet.
///
/// This includes SQEs not submitted yet and, with `IORING_SETUP_SQPOLL`, those that the submission thread hasn't
/// consumed.
/// Since liburing 2.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[cfg_attr(not(feature = "shipped"), inline)]
pub unsafe extern "C" fn io_uring_sq_ready(ring: *const io_uring) -> c_uint {
    // `sqe_head` counts the SQEs that were published, of which the kernel leaves some after an error.
    (*ring).sq.sqe_tail.wrapping_sub(io_uring_load_sq_head(ring))
}

/// Returns the number of SQEs that can be obtained before the queue is full.
///
/// Since liburing 2.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[cfg_attr(not(feature = "shipped"), inline)]
pub unsafe extern "C" fn io_uring_sq_space_left(ring: *const io_uring) -> c_uint {
    (*ring).sq.ring_entries.wrapping_sub(io_uring_sq_ready(ring))
}

/// Returns the number of used slots in the completion queue.
///
/// This is the number of CQEs, where a CQE that takes two slots counts twice. Overflowed completions aren't included.
/// Since liburing 2.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[cfg_attr(not(feature = "shipped"), inline)]
pub unsafe extern "C" fn io_uring_cq_ready(ring: *const io_uring) -> c_uint {
    io_uring_smp_load_acquire((*ring).cq.ktail).wrapping_sub(*(*ring).cq.khead)
}

/// Returns whether the kernel holds back completions because the completion queue was full.
///
/// Entering the kernel for completions moves them into the queue, for example with `io_uring_get_events()`.
/// Since liburing 2.3, kernel 5.8.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[cfg_attr(not(feature = "shipped"), inline)]
pub unsafe extern "C" fn io_uring_cq_has_overflow(ring: *const io_uring) -> bool {
    (read_once((*ring).sq.kflags) & IORING_SQ_CQ_OVERFLOW) != 0
}

/// Returns whether completions signal the registered eventfd.
///
/// The result is also true if none is registered, and on kernels before 5.8, which can't disable the signals.
/// Since liburing 2.0, kernel 5.8.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_cq_eventfd_enabled(ring: *const io_uring) -> bool {
    if (*ring).cq.kflags.is_null() {
        return true;
    }
    (*(*ring).cq.kflags & IORING_CQ_EVENTFD_DISABLED) == 0
}

/// Enables or disables the signals to the registered eventfd.
///
/// Needs no system call and no registered eventfd; the setting also applies to one registered later. Returns 0, or
/// -EOPNOTSUPP if the kernel can't disable them (before 5.8).
/// Since liburing 2.0, kernel 5.8.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[cfg_attr(not(feature = "shipped"), inline)]
pub unsafe extern "C" fn io_uring_cq_eventfd_toggle(ring: *mut io_uring, enabled: bool) -> c_int {
    let word: *mut c_uint = (*ring).cq.kflags;

    if enabled != io_uring_cq_eventfd_enabled(ring) {
        if word.is_null() {
            return -EOPNOTSUPP;
        }
        write_once(word, *word ^ IORING_CQ_EVENTFD_DISABLED);
    }
    0
}

/// Removes the oldest CQE from the queue if it isn't for the application.
///
/// This is a filler entry (`IORING_CQE_F_SKIP`) or, before kernel 5.11, the completion of the library's own timeout,
/// whose error is stored in `*err`. Returns true if the caller should check the next CQE: this one was removed and
/// `*err` is 0. Local to the header.
/// Since liburing 2.13.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[cfg_attr(not(feature = "shipped"), inline)]
pub unsafe extern "C" fn io_uring_skip_cqe(ring: *mut io_uring, cqe: *mut io_uring_cqe, err: *mut c_int) -> bool {
    if ((*cqe).flags & IORING_CQE_F_SKIP) == 0 {
        // With EXT_ARG the timeout is an argument of the system call and posts no CQE. Before, the CQE of the library's
        // own timeout has LIBURING_UDATA_TIMEOUT, all bits set; the comparison avoids that constant because -Wlong-long
        // reports its ULL suffix.
        if ((*ring).features & IORING_FEAT_EXT_ARG) != 0 || !(*cqe).user_data != 0 {
            return false;
        }
        if (*cqe).res < 0 {
            *err = (*cqe).res;
        }
    }
    io_uring_cq_advance(ring, io_uring_cqe_nr(cqe));
    *err == 0
}

/// Returns the oldest completion without ever entering the kernel.
///
/// Sets `*cqe_ptr`, to NULL if none is ready, and returns 0; or -errno, with NULL, if the library's own timeout ended a
/// wait (before kernel 5.11). Unless `nr_available` is NULL, stores the number of used slots from that CQE on. Internal
/// to the library: applications use `io_uring_peek_cqe()` and `io_uring_wait_cqe()`.
/// Since liburing 2.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[cfg_attr(not(feature = "shipped"), inline)]
pub unsafe extern "C" fn __io_uring_peek_cqe(
    ring: *mut io_uring,
    cqe_ptr: *mut *mut io_uring_cqe,
    nr_available: *mut c_uint,
) -> c_int {
    let wrap: c_uint = (*ring).cq.ring_mask;
    let size: c_uint = io_uring_cqe_shift(ring);
    let mut oldest: *mut io_uring_cqe;
    let mut ended: c_int = 0;
    let mut taken: c_uint;

    loop {
        // In this order: the acquire makes every CQE before `end` visible.
        let end: c_uint = io_uring_smp_load_acquire((*ring).cq.ktail);
        let first: c_uint = *(*ring).cq.khead;

        oldest = ptr::null_mut();
        taken = end.wrapping_sub(first);
        if taken == 0 {
            break;
        }
        oldest = (*ring).cq.cqes.add(((first & wrap) << size) as usize);
        if !io_uring_skip_cqe(ring, oldest, &raw mut ended) {
            if ended != 0 {
                // The library's own timeout: its slot was returned to the kernel.
                oldest = ptr::null_mut();
            }
            break;
        }
    }
    *cqe_ptr = oldest;
    if !nr_available.is_null() {
        *nr_available = taken;
    }
    ended
}

/// Returns the next free SQE; the body of `io_uring_get_sqe()`.
///
/// Since liburing 2.2.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[cfg_attr(not(feature = "shipped"), inline)]
pub unsafe extern "C" fn _io_uring_get_sqe(ring: *mut io_uring) -> *mut io_uring_sqe {
    let sq: *mut io_uring_sq = &raw mut (*ring).sq;
    let consumed: c_uint = io_uring_load_sq_head(ring);
    let slot: c_uint = (*sq).sqe_tail;
    let entry: *mut io_uring_sqe;

    if slot.wrapping_sub(consumed) >= (*sq).ring_entries {
        return ptr::null_mut();
    }
    entry = (*sq)
        .sqes
        .add(((slot & (*sq).ring_mask) << io_uring_sqe_shift(ring)) as usize);
    (*sq).sqe_tail = slot.wrapping_add(1);
    io_uring_initialize_sqe(entry);
    entry
}

/// Returns the next free SQE, for a prep helper and `io_uring_submit()`.
///
/// Returns NULL if the submission queue is full: submit, then call it again. The slot will be submitted, so fill it.
/// `user_data` still has its previous value.
/// Since liburing 2.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[cfg_attr(not(feature = "shipped"), inline)]
pub unsafe extern "C" fn io_uring_get_sqe(ring: *mut io_uring) -> *mut io_uring_sqe {
    _io_uring_get_sqe(ring)
}

/// Returns the next free SQE of 128 bytes, for an operation of that size such as `IORING_OP_URING_CMD128`.
///
/// With `IORING_SETUP_SQE_MIXED` it takes two adjacent slots; if the next slot is the last one before the wrap, that
/// one becomes a nop that posts no CQE, which ends a chain of links. With `IORING_SETUP_SQE128` it is any SQE. Returns
/// NULL if there isn't room, or if the ring has neither flag.
/// Since liburing 2.13, kernel 6.19.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[cfg_attr(not(feature = "shipped"), inline)]
pub unsafe extern "C" fn io_uring_get_sqe128(ring: *mut io_uring) -> *mut io_uring_sqe {
    let sq: *mut io_uring_sq = &raw mut (*ring).sq;
    let consumed: c_uint = io_uring_load_sq_head(ring);
    let mut slot: c_uint = (*sq).sqe_tail;
    let entry: *mut io_uring_sqe;

    if ((*ring).flags & IORING_SETUP_SQE128) != 0 {
        return io_uring_get_sqe(ring);
    }
    if ((*ring).flags & IORING_SETUP_SQE_MIXED) == 0 {
        return ptr::null_mut();
    }
    // The kernel reads both halves as adjacent memory, so the last slot of the array can't be the first half.
    if (slot.wrapping_add(1) & (*sq).ring_mask) == 0 {
        let filler: *mut io_uring_sqe;

        if slot.wrapping_add(2).wrapping_sub(consumed) >= (*sq).ring_entries {
            return ptr::null_mut();
        }
        filler = _io_uring_get_sqe(ring);
        io_uring_prep_nop(filler);
        (*filler).flags |= IOSQE_CQE_SKIP_SUCCESS as __u8;
        slot = (*sq).sqe_tail;
    } else if slot.wrapping_add(1).wrapping_sub(consumed) >= (*sq).ring_entries {
        return ptr::null_mut();
    }
    entry = (*sq).sqes.add((slot & (*sq).ring_mask) as usize);
    (*sq).sqe_tail = slot.wrapping_add(2);
    io_uring_initialize_sqe(entry);
    entry
}
