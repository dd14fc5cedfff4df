//! What all calls on a ring share: what the library remembers of it, and how it enters the kernel and registers.

use crate::abi::IORING_REGISTER_USE_REGISTERED_RING;
use crate::ctypes::{c_int, c_uint, c_void};
use crate::kernel;
use crate::types::io_uring;

/// Bits of `io_uring.int_flags`: what the library itself remembers of a ring.
///
/// The two that are also flags of `io_uring_enter` have its values, so that [`enter_flags`] is a mask.
pub(crate) mod int_flags {
    use crate::abi::{IORING_ENTER_NO_IOWAIT, IORING_ENTER_REGISTERED_RING};

    /// `enter_ring_fd` is an index into the registered rings.
    pub const REG_RING: u8 = IORING_ENTER_REGISTERED_RING as u8;
    /// Waiting is not to count as waiting for I/O.
    pub const NO_IOWAIT: u8 = IORING_ENTER_NO_IOWAIT as u8;
    /// The kernel takes the registered index for `io_uring_register` too.
    pub const REG_REG_RING: u8 = 1;
    /// The memory is the application's: never to be unmapped.
    pub const APP_MEM: u8 = 2;
    /// Completions come only to those who enter (IOPOLL without SQPOLL).
    pub const CQ_ENTER: u8 = 4;
}

/// The flags that every `io_uring_enter` of this ring carries.
#[inline]
unsafe fn enter_flags(ring: *const io_uring) -> c_uint {
    // SAFETY: the caller's ring.
    unsafe { ((*ring).int_flags & (int_flags::REG_RING | int_flags::NO_IOWAIT)) as c_uint }
}

/// Enters the kernel with an argument of `size` bytes, which fits `flags`.
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
        kernel::io_uring_enter2((*ring).enter_ring_fd, submit, wait_nr, flags, arg, size)
    }
}

/// Registers with this ring, by its registered index where the kernel takes it.
///
/// One copy for all: with the parameters in this order most callers set one register and jump here.
#[inline(never)]
pub(crate) unsafe fn register(ring: *const io_uring, arg: *const c_void, nr: c_uint, opcode: c_uint) -> c_int {
    // SAFETY: the caller's ring, and the argument that `opcode` asks for.
    unsafe {
        let (fd, flag) = if (*ring).int_flags & int_flags::REG_REG_RING != 0 {
            ((*ring).enter_ring_fd, IORING_REGISTER_USE_REGISTERED_RING)
        } else {
            ((*ring).ring_fd, 0)
        };
        kernel::io_uring_register(fd, opcode | flag, arg, nr)
    }
}

/// [`register`] inline, for what programs do again and again.
#[inline]
pub(crate) unsafe fn register_often(ring: *const io_uring, arg: *const c_void, nr: c_uint, opcode: c_uint) -> c_int {
    // SAFETY: as for `register`.
    unsafe {
        if (*ring).int_flags & int_flags::REG_REG_RING != 0 {
            return register(ring, arg, nr, opcode);
        }
        kernel::io_uring_register((*ring).ring_fd, opcode, arg, nr)
    }
}
