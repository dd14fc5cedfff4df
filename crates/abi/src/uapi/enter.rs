//! Submitting and waiting: `io_uring_enter()`.

use crate::ctypes::{__kernel_timespec, __u32, __u64, c_uint};

/// In the flags of `io_uring_enter()`: wait until `min_complete` completions are in the queue.
/// Kernel 5.1.
pub const IORING_ENTER_GETEVENTS: c_uint = 1 << 0;

/// In the flags of `io_uring_enter()`: wake the submission thread of an `IORING_SETUP_SQPOLL` ring.
/// Kernel 5.1.
pub const IORING_ENTER_SQ_WAKEUP: c_uint = 1 << 1;

/// In the flags of `io_uring_enter()`: wait until the submission thread has freed a slot of the
/// submission queue. Kernel 5.10.
pub const IORING_ENTER_SQ_WAIT: c_uint = 1 << 2;

/// In the flags of `io_uring_enter()`: the argument is a `struct io_uring_getevents_arg`, not a
/// signal mask. Kernel 5.11.
pub const IORING_ENTER_EXT_ARG: c_uint = 1 << 3;

/// In the flags of `io_uring_enter()`: `fd` is an index from `IORING_REGISTER_RING_FDS`.
/// Kernel 5.18.
pub const IORING_ENTER_REGISTERED_RING: c_uint = 1 << 4;

/// In the flags of `io_uring_enter()`: the timeout is an absolute time on the ring's clock.
/// Kernel 6.12.
pub const IORING_ENTER_ABS_TIMER: c_uint = 1 << 5;

/// In the flags of `io_uring_enter()`: the argument is the offset of a `struct io_uring_reg_wait`
/// in the registered region. Kernel 6.13.
pub const IORING_ENTER_EXT_ARG_REG: c_uint = 1 << 6;

/// In the flags of `io_uring_enter()`: the wait is not accounted as I/O wait. Kernel 6.15.
pub const IORING_ENTER_NO_IOWAIT: c_uint = 1 << 7;

c_enum! {
    /// Values of `flags` in `struct io_uring_reg_wait`.
    #[repr(i32)]
    pub enum anon_reg_wait_flags {
        /// `ts` is the timeout; without this flag there is none. Kernel 6.13.
        IORING_REG_WAIT_TS = 1 << 0,
    }
}

/// The arguments of a wait, in memory registered with `IORING_REGISTER_MEM_REGION`.
///
/// A wait refers to it by its offset in the region, and nothing is copied. Needs
/// `IORING_ENTER_GETEVENTS` and `IORING_ENTER_EXT_ARG_REG`. Kernel 6.13.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_reg_wait {
    /// The timeout, with `IORING_REG_WAIT_TS`.
    pub ts: __kernel_timespec,
    /// As in `struct io_uring_getevents_arg`.
    pub min_wait_usec: __u32,
    /// `IORING_REG_WAIT_*` bits.
    pub flags: __u32,
    /// Address of the signal mask to use while waiting, or 0.
    pub sigmask: __u64,
    /// Size of that mask in bytes.
    pub sigmask_sz: __u32,
    /// Must be 0.
    pub pad: [__u32; 3],
    /// Must be 0.
    pub pad2: [__u64; 2],
}

/// The arguments of a wait, for `io_uring_enter()` with `IORING_ENTER_EXT_ARG`. Kernel 5.11.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_getevents_arg {
    /// Address of the signal mask to use while waiting, or 0.
    pub sigmask: __u64,
    /// Size of that mask in bytes.
    pub sigmask_sz: __u32,
    /// Time in microseconds after which one completion is enough. Kernel 6.12.
    pub min_wait_usec: __u32,
    /// Address of a `struct __kernel_timespec` with the timeout, or 0 for none.
    pub ts: __u64,
}

layout! { io_uring_reg_wait: 64, 8 {
    ts 0, min_wait_usec 16, flags 20, sigmask 24, sigmask_sz 32, pad 36, pad2 48
} }

layout! { io_uring_getevents_arg: 24, 8 {
    sigmask 0, sigmask_sz 8, min_wait_usec 12, ts 16
} }
