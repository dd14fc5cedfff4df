//! The three system calls, for programs that manage rings themselves.

use crate::kernel::{Kernel as _, SIGSET_SIZE, Sys};
use ironring_abi::ctypes::{c_int, c_uint, c_void, sigset_t, size_t};
use ironring_abi::uapi::io_uring_params;

/// Calls `io_uring_enter`: submits entries, waits for completions, or both.
///
/// `fd` is the ring's descriptor, or its registered index with `IORING_ENTER_REGISTERED_RING` in `flags`. Up to
/// `to_submit` entries are taken from the SQ; with `IORING_ENTER_GETEVENTS` it waits for `min_complete` completions.
/// `sig`, if not NULL, is the signal mask during the wait; it is only read, during the call. Returns the number of
/// entries taken, or -errno from the kernel (see `io_uring_enter(2)`).
/// Since liburing 2.3, kernel 5.1.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_enter(
    fd: c_uint,
    to_submit: c_uint,
    min_complete: c_uint,
    flags: c_uint,
    sig: *mut sigset_t,
) -> c_int {
    // SAFETY: the caller's arguments are passed on unchanged.
    unsafe { io_uring_enter2(fd, to_submit, min_complete, flags, sig.cast(), SIGSET_SIZE) }
}

/// Calls `io_uring_enter` with an extended argument.
///
/// It is like `io_uring_enter()`; `flags` determines `arg` and its size `sz` in bytes: a signal set, a
/// `struct io_uring_getevents_arg` with `IORING_ENTER_EXT_ARG`, or an offset into the registered wait region with
/// `IORING_ENTER_EXT_ARG_REG`. Read during the call only. Returns the number of entries taken, or -errno from the
/// kernel.
/// Since liburing 2.3, kernel 5.11.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[inline(never)]
pub unsafe extern "C" fn io_uring_enter2(
    fd: c_uint,
    to_submit: c_uint,
    min_complete: c_uint,
    flags: c_uint,
    arg: *mut c_void,
    sz: size_t,
) -> c_int {
    // SAFETY: the caller's arguments are passed on unchanged.
    unsafe { Sys::enter(fd as c_int, to_submit, min_complete, flags, arg, sz) }
}

/// Calls `io_uring_setup`: creates a ring and returns its descriptor.
///
/// `entries` is the number of SQ entries; `p` has the parameters, and returns the ring's sizes, offsets and features.
/// The caller must map the ring, for example with `io_uring_queue_mmap()`. Returns a new descriptor (an index with
/// `IORING_SETUP_REGISTERED_FD_ONLY`), or -errno from the kernel.
/// Since liburing 2.3, kernel 5.1.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_setup(entries: c_uint, p: *mut io_uring_params) -> c_int {
    // SAFETY: the caller's arguments are passed on unchanged.
    unsafe { Sys::setup(entries, p) }
}

/// Calls `io_uring_register`: registers or unregisters a resource of a ring.
///
/// `fd` is the ring's descriptor, or its registered index with `IORING_REGISTER_USE_REGISTERED_RING` in `opcode`; the
/// meaning of `arg` and `nr_args` depends on `opcode` (see `io_uring_register(2)`). Returns 0 or another value that the
/// opcode defines, or -errno from the kernel.
/// Since liburing 2.3, kernel 5.1.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register(fd: c_uint, opcode: c_uint, arg: *const c_void, nr_args: c_uint) -> c_int {
    // SAFETY: the caller's arguments are passed on unchanged.
    unsafe { Sys::register(fd as c_int, opcode, arg, nr_args) }
}

#[cfg(all(test, not(loom)))]
mod tests;
