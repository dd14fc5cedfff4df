//! Waiting for child processes and on futexes.

use core::ptr;

use crate::inline::sqe::{io_uring_prep_rw, uring_ptr_to_u64};
use ironring_abi::ctypes::{__u32, c_int, c_uint, futex_waitv, id_t, idtype_t, siginfo_t, uint32_t, uint64_t};
use ironring_abi::uapi::{
    IORING_OP_FUTEX_WAIT, IORING_OP_FUTEX_WAITV, IORING_OP_FUTEX_WAKE, IORING_OP_WAITID, io_uring_sqe,
};

/// Prepares a `waitid()` request for the child processes selected by `idtype` and `id`.
///
/// `options` are `WEXITED` and others. The kernel fills `infop`, which may be NULL; otherwise it must stay valid until
/// the request completes. `flags` must be 0. The completion's `res` is 0 or -errno: -ECHILD if there is no such child.
/// With -ECHILD and -ECANCELED `si_pid` and `si_signo` of `infop` are set to 0.
/// Since liburing 2.6, kernel 6.7.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_waitid(
    sqe: *mut io_uring_sqe,
    idtype: idtype_t,
    id: id_t,
    infop: *mut siginfo_t,
    options: c_int,
    flags: c_uint,
) {
    io_uring_prep_rw(IORING_OP_WAITID, sqe, id as c_int, ptr::null(), idtype as c_uint, 0);
    (*sqe).anon_flags.waitid_flags = flags;
    (*sqe).anon_file.file_index = options as __u32;
    (*sqe).anon_off.addr2 = uring_ptr_to_u64(infop.cast());
}

/// Prepares a futex wake request for at most `val` waiters on the futex at `futex`.
///
/// `mask` must share a bit with a waiter's mask; `FUTEX_BITSET_MATCH_ANY` matches all. `futex_flags` are `FUTEX2_*` and
/// must include a size: `FUTEX2_SIZE_U32`. `flags` must be 0. `futex` must stay valid until the request completes. The
/// completion's `res` is the number of waiters woken or -errno. A `val` above `INT_MAX` wakes one.
/// Since liburing 2.6, kernel 6.7.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_futex_wake(
    sqe: *mut io_uring_sqe,
    futex: *const uint32_t,
    val: uint64_t,
    mask: uint64_t,
    futex_flags: uint32_t,
    flags: c_uint,
) {
    io_uring_prep_rw(IORING_OP_FUTEX_WAKE, sqe, futex_flags as c_int, futex.cast(), 0, val);
    (*sqe).anon_flags.futex_flags = flags;
    (*sqe).anon_tail.anon_addr3.addr3 = mask;
}

/// Prepares a futex wait request on the futex at `futex`, if that has the value `val`.
///
/// A wake whose mask shares a bit with `mask` ends it; `FUTEX_BITSET_MATCH_ANY` matches all. `futex_flags` are
/// `FUTEX2_*` and must include a size: `FUTEX2_SIZE_U32`. `flags` must be 0. `futex` must stay valid until the request
/// completes. There is no timeout: link an `io_uring_prep_link_timeout()`. The completion's `res` is 0 when woken, or
/// -errno: -EAGAIN if the value differs.
/// Since liburing 2.6, kernel 6.7.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_futex_wait(
    sqe: *mut io_uring_sqe,
    futex: *const uint32_t,
    val: uint64_t,
    mask: uint64_t,
    futex_flags: uint32_t,
    flags: c_uint,
) {
    io_uring_prep_rw(IORING_OP_FUTEX_WAIT, sqe, futex_flags as c_int, futex.cast(), 0, val);
    (*sqe).anon_flags.futex_flags = flags;
    (*sqe).anon_tail.anon_addr3.addr3 = mask;
}

/// Prepares a futex wait request on `nr_futex` futexes, until one of them is woken.
///
/// The array `futex` must stay valid until `io_uring_sq_ready()` returns 0, the futexes that it points to until the
/// request completes. `flags` must be 0. There is no timeout: link an `io_uring_prep_link_timeout()`. The completion's
/// `res` is the index of a futex that was woken, or -errno: -EAGAIN if a value differs from the expected one.
/// Since liburing 2.6, kernel 6.7.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_futex_waitv(
    sqe: *mut io_uring_sqe,
    futex: *const futex_waitv,
    nr_futex: uint32_t,
    flags: c_uint,
) {
    io_uring_prep_rw(IORING_OP_FUTEX_WAITV, sqe, 0, futex.cast(), nr_futex, 0);
    (*sqe).anon_flags.futex_flags = flags;
}
