//! The common part of all calls on a ring: the library's flags, entering the kernel, and registering.

use crate::kernel::{Kernel as _, Sys};
use ironring_abi::ctypes::{c_int, c_uint, c_void};
use ironring_abi::types::io_uring;
use ironring_abi::uapi::IORING_REGISTER_USE_REGISTERED_RING;

/// Bits of `io_uring.int_flags`, the library's own flags of a ring.
///
/// The two that are also flags of `io_uring_enter` have the same values, so that [`enter_flags`] is a mask.
pub(crate) mod int_flags {
    use ironring_abi::uapi::{IORING_ENTER_NO_IOWAIT, IORING_ENTER_REGISTERED_RING};

    /// `enter_ring_fd` is an index into the registered rings.
    pub const REG_RING: u8 = IORING_ENTER_REGISTERED_RING as u8;
    /// Waits don't count as I/O wait.
    pub const NO_IOWAIT: u8 = IORING_ENTER_NO_IOWAIT as u8;
    /// The kernel also accepts the registered index in `io_uring_register`.
    pub const REG_REG_RING: u8 = 1;
    /// The application provides the memory, so the library never unmaps it.
    pub const APP_MEM: u8 = 2;
    /// Completions are only posted while the kernel is entered (IOPOLL without SQPOLL).
    pub const CQ_ENTER: u8 = 4;
}

/// The flags of every `io_uring_enter` of this ring.
#[inline]
unsafe fn enter_flags(ring: *const io_uring) -> c_uint {
    // SAFETY: the caller's ring.
    unsafe { ((*ring).int_flags & (int_flags::REG_RING | int_flags::NO_IOWAIT)) as c_uint }
}

/// Enters the kernel with an argument of `size` bytes, as `flags` requires.
#[inline]
pub(crate) unsafe fn enter(
    ring: *const io_uring,
    submit: c_uint,
    wait_nr: c_uint,
    flags: c_uint,
    arg: *const c_void,
    size: usize,
) -> c_int {
    // SAFETY: the caller's ring and its argument, valid through the call.
    unsafe {
        let flags = flags | enter_flags(ring);
        Sys::enter((*ring).enter_ring_fd, submit, wait_nr, flags, arg, size)
    }
}

/// Registers with this ring, by its registered index if the kernel accepts it.
///
/// Not inlined: with the parameters in this order most callers set one register and jump here.
#[inline(never)]
pub(crate) unsafe fn register(ring: *const io_uring, arg: *const c_void, nr: c_uint, opcode: c_uint) -> c_int {
    // SAFETY: the caller's ring, and the argument that `opcode` asks for.
    unsafe {
        let (fd, flag) = if (*ring).int_flags & int_flags::REG_REG_RING != 0 {
            ((*ring).enter_ring_fd, IORING_REGISTER_USE_REGISTERED_RING)
        } else {
            ((*ring).ring_fd, 0)
        };
        Sys::register(fd, opcode | flag, arg, nr)
    }
}

/// [`register`] inline, for frequent calls.
#[inline]
pub(crate) unsafe fn register_often(ring: *const io_uring, arg: *const c_void, nr: c_uint, opcode: c_uint) -> c_int {
    // SAFETY: as for `register`.
    unsafe {
        if (*ring).int_flags & int_flags::REG_REG_RING != 0 {
            return register(ring, arg, nr, opcode);
        }
        Sys::register((*ring).ring_fd, opcode, arg, nr)
    }
}
