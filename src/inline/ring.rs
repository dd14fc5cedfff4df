//! The ring: what it supports, how full its queues are, the next completion, the next free slot.

use core::ptr;

use libc::{EAGAIN, EOPNOTSUPP};

use crate::abi::{
    IO_URING_OP_SUPPORTED, IORING_CQ_EVENTFD_DISABLED, IORING_CQE_F_SKIP, IORING_FEAT_EXT_ARG, IORING_SETUP_IOPOLL,
    IORING_SETUP_SQE_MIXED, IORING_SETUP_SQE128, IORING_SETUP_SQPOLL, IORING_SQ_CQ_OVERFLOW, IORING_SQ_TASKRUN,
    IOSQE_CQE_SKIP_SUCCESS, io_uring_cqe, io_uring_probe, io_uring_probe_op, io_uring_sqe,
};
use crate::barrier::{io_uring_smp_load_acquire, read_once, write_once};
use crate::ctypes::{__u8, c_int, c_uint};
use crate::inline::cqe::{io_uring_cq_advance, io_uring_cqe_nr, io_uring_cqe_shift};
use crate::inline::prep::io_uring_prep_nop;
use crate::inline::sqe::{io_uring_initialize_sqe, io_uring_sqe_shift};
use crate::queue::__io_uring_sqring_wait;
use crate::types::{LIBURING_UDATA_TIMEOUT, io_uring, io_uring_sq};
use crate::wait::__io_uring_get_cqe;

/// Tells whether the kernel that filled the probe `p` knows the operation `op`, an `IORING_OP_*`.
///
/// Returns 1 or 0; 0 for a negative `op`, and for one beyond the `p->ops_len` that the probe tells of.
/// Get a probe with `io_uring_get_probe()`.
/// Since liburing 2.0, kernel 5.6.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_opcode_supported(p: *const io_uring_probe, op: c_int) -> c_int {
    let ops: *const io_uring_probe_op = (&raw const (*p).ops).cast::<io_uring_probe_op>();

    // Not `last_op`: the caller of `io_uring_register_probe()` may have had less space than the kernel has operations.
    // Unsigned, a negative one is beyond as well.
    if op as c_uint >= c_uint::from((*p).ops_len) {
        return 0;
    }
    c_int::from((c_uint::from((*ops.add(op as usize)).flags) & IO_URING_OP_SUPPORTED) != 0)
}

/// Reads how far the kernel has consumed the submission queue.
///
/// The index runs on over 2^32 and isn't masked. With `IORING_SETUP_SQPOLL` it moves at any time.
/// Since liburing 2.10.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_load_sq_head(ring: *const io_uring) -> c_uint {
    if ((*ring).flags & IORING_SETUP_SQPOLL) != 0 {
        // Pairs with the polling thread's release: what it has passed, it has read.
        return io_uring_smp_load_acquire((*ring).sq.khead);
    }
    // Moved by this program's own system calls alone.
    *(*ring).sq.khead
}

/// Returns the number of SQEs in use: taken from the ring and not consumed by the kernel yet.
///
/// That counts SQEs not submitted yet and, with `IORING_SETUP_SQPOLL`, those the polling thread hasn't come to.
/// Since liburing 2.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_sq_ready(ring: *const io_uring) -> c_uint {
    // `sqe_head` counts what was offered, and an error lets the kernel leave some of that.
    (*ring).sq.sqe_tail.wrapping_sub(io_uring_load_sq_head(ring))
}

/// Returns the number of SQEs that can be taken before the queue is full.
///
/// Since liburing 2.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_sq_space_left(ring: *const io_uring) -> c_uint {
    (*ring).sq.ring_entries.wrapping_sub(io_uring_sq_ready(ring))
}

/// Waits until the polling thread has made room in a full submission queue.
///
/// Only entries that were submitted make room: submit first. Returns 0 at once when there is room already, or when the
/// ring isn't `IORING_SETUP_SQPOLL`; otherwise what the kernel answers: 0 after the wait or a signal, or -errno, which
/// is -EINVAL before kernel 5.10.
/// Since liburing 2.0, kernel 5.10.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_sqring_wait(ring: *mut io_uring) -> c_int {
    if ((*ring).flags & IORING_SETUP_SQPOLL) == 0 {
        return 0;
    }
    if io_uring_sq_space_left(ring) != 0 {
        return 0;
    }
    __io_uring_sqring_wait(ring)
}

/// Returns the number of taken slots in the completion queue.
///
/// These are CQEs, except that one which takes two slots counts twice. Completions that overflowed into the
/// kernel aren't among them.
/// Since liburing 2.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_cq_ready(ring: *const io_uring) -> c_uint {
    io_uring_smp_load_acquire((*ring).cq.ktail).wrapping_sub(*(*ring).cq.khead)
}

/// Tells whether completions wait in the kernel because the completion queue was full.
///
/// They come over when the kernel is entered for completions, as `io_uring_get_events()` does.
/// Since liburing 2.3, kernel 5.8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_cq_has_overflow(ring: *const io_uring) -> bool {
    (read_once((*ring).sq.kflags) & IORING_SQ_CQ_OVERFLOW) != 0
}

/// Tells whether completions signal the registered eventfd.
///
/// True as well when none is registered, and on a kernel that can't turn the signals off.
/// Since liburing 2.0, kernel 5.8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_cq_eventfd_enabled(ring: *const io_uring) -> bool {
    if (*ring).cq.kflags.is_null() {
        return true;
    }
    (*(*ring).cq.kflags & IORING_CQ_EVENTFD_DISABLED) == 0
}

/// Turns the signals to the registered eventfd on or off.
///
/// Needs no system call and no registered eventfd; one that is registered later follows the setting.
/// Returns 0, or -EOPNOTSUPP when the kernel can't turn them off.
/// Since liburing 2.0, kernel 5.8.
#[unsafe(no_mangle)]
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

/// Waits until `wait_nr` completions are ready, and looks at the oldest.
///
/// Doesn't enter the kernel when as many are ready, and submits nothing. Slots count, so a CQE of 32 bytes on an
/// `IORING_SETUP_CQE_MIXED` ring is two. Returns 0 with `*cqe_ptr` set (with fewer than `wait_nr` after a signal or the
/// end of a timeout request), or -errno: -EINTR when a signal came while none was ready; with `wait_nr` 0, -EAGAIN when
/// there is none.
/// The CQE stays in the queue until `io_uring_cqe_seen()`.
/// Since liburing 2.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_wait_cqe_nr(
    ring: *mut io_uring,
    cqe_ptr: *mut *mut io_uring_cqe,
    wait_nr: c_uint,
) -> c_int {
    __io_uring_get_cqe(ring, cqe_ptr, 0, wait_nr, ptr::null_mut())
}

/// Takes the oldest CQE out of the queue if it isn't the application's.
///
/// That is a filler of the kernel (`IORING_CQE_F_SKIP`) or, before kernel 5.11, the end of the library's own
/// timeout, whose error goes to `*err`. Returns true when the caller should look at the next one: the CQE is gone
/// and `*err` is 0.
/// Local to the header.
/// Since liburing 2.13.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_skip_cqe(ring: *mut io_uring, cqe: *mut io_uring_cqe, err: *mut c_int) -> bool {
    if ((*cqe).flags & IORING_CQE_F_SKIP) == 0 {
        // A kernel with EXT_ARG takes the timeout in the system call; no CQE comes of it.
        if ((*ring).features & IORING_FEAT_EXT_ARG) != 0 || (*cqe).user_data != LIBURING_UDATA_TIMEOUT {
            return false;
        }
        if (*cqe).res < 0 {
            *err = (*cqe).res;
        }
    }
    io_uring_cq_advance(ring, io_uring_cqe_nr(cqe));
    *err == 0
}

/// Looks at the oldest completion without ever entering the kernel.
///
/// Sets `*cqe_ptr`, to NULL when none is ready, and returns 0; or -errno, with NULL, when the library's own timeout
/// ended a wait (before kernel 5.11). `*nr_available`, unless NULL, gets the number of taken slots from that CQE on.
/// Made for the library: applications use `io_uring_peek_cqe()` and `io_uring_wait_cqe()`.
/// Since liburing 2.0.
#[unsafe(no_mangle)]
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
        // In this order: the acquire shows whole every CQE before `end`.
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
                // The library's own timeout: its slot is the kernel's again.
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

/// Looks at the oldest completion without waiting.
///
/// Enters the kernel only where that can bring one: completions overflowed, task work waits, or the ring is
/// `IORING_SETUP_IOPOLL`. With `IORING_SETUP_DEFER_TASKRUN` it knows of waiting work by `IORING_SETUP_TASKRUN_FLAG` only.
/// Returns 0 with `*cqe_ptr` set, or -errno: -EAGAIN when there is none.
/// The CQE stays in the queue until `io_uring_cqe_seen()`.
/// Since liburing 2.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_peek_cqe(ring: *mut io_uring, cqe_ptr: *mut *mut io_uring_cqe) -> c_int {
    if __io_uring_peek_cqe(ring, cqe_ptr, ptr::null_mut()) == 0 {
        if !(*cqe_ptr).is_null() {
            return 0;
        }
        // Only these three let an entry into the kernel bring a completion.
        if ((*ring).flags & IORING_SETUP_IOPOLL) == 0
            && (read_once((*ring).sq.kflags) & (IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN)) == 0
        {
            return -EAGAIN;
        }
    }
    io_uring_wait_cqe_nr(ring, cqe_ptr, 0)
}

/// Waits for a completion and looks at the oldest.
///
/// Doesn't enter the kernel when one is ready, and submits nothing. Returns 0 with `*cqe_ptr` set, or -errno, such
/// as -EINTR after a signal. The CQE stays in the queue until `io_uring_cqe_seen()`.
/// Since liburing 2.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_wait_cqe(ring: *mut io_uring, cqe_ptr: *mut *mut io_uring_cqe) -> c_int {
    if __io_uring_peek_cqe(ring, cqe_ptr, ptr::null_mut()) == 0 && !(*cqe_ptr).is_null() {
        return 0;
    }
    io_uring_wait_cqe_nr(ring, cqe_ptr, 1)
}

/// Takes the next free SQE; the body of `io_uring_get_sqe()`.
///
/// Since liburing 2.2.
#[unsafe(no_mangle)]
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

/// Takes the next free SQE, to be filled by a prep helper and submitted by `io_uring_submit()`.
///
/// Returns NULL when the submission queue is full: submit, then ask again. A slot once taken will be submitted, so
/// fill it. `user_data` still holds what the slot held before.
/// Since liburing 2.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_get_sqe(ring: *mut io_uring) -> *mut io_uring_sqe {
    _io_uring_get_sqe(ring)
}

/// Takes the next free SQE of 128 bytes, for an operation that has that size (`IORING_OP_URING_CMD128`).
///
/// With `IORING_SETUP_SQE_MIXED` it is two slots side by side; when only the last slot before the wrap is next,
/// that one becomes a nop that posts no CQE, which ends a chain of links. With `IORING_SETUP_SQE128` it is any SQE.
/// Returns NULL when there isn't room, or when the ring has neither flag.
/// Since liburing 2.13, kernel 6.19.
#[unsafe(no_mangle)]
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
    // The kernel reads both halves side by side, so the last slot of the array can't be the first half.
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
