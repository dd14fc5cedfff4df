//! The library's own types: a ring in the application's memory.
//!
//! Inline functions compile accesses to these fields into programs, so layout and meaning never
//! change.

use crate::ctypes::{__u8, __u32, __u64, c_int, c_uint, c_void, size_t};
use crate::uapi::{io_uring_cqe, io_uring_sqe, io_uring_zcrx_rqe};

/// The submission queue of a ring. Members whose names start with `k` point into memory shared with
/// the kernel.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_sq {
    /// The next slot that the kernel reads; only the kernel writes it.
    pub khead: *mut c_uint,
    /// The slot after the last one submitted; only the library writes it.
    pub ktail: *mut c_uint,
    /// Deprecated: `ring_mask` holds the same value.
    pub kring_mask: *mut c_uint,
    /// Deprecated: `ring_entries` holds the same value.
    pub kring_entries: *mut c_uint,
    /// `IORING_SQ_*` bits from the kernel.
    pub kflags: *mut c_uint,
    /// The number of slots skipped because of an invalid index.
    pub kdropped: *mut c_uint,
    /// Index of the entry in each slot; null with `IORING_SETUP_NO_SQARRAY`.
    pub array: *mut c_uint,
    /// The entries.
    pub sqes: *mut io_uring_sqe,

    /// The first entry not submitted yet.
    pub sqe_head: c_uint,
    /// The slot after the last entry that the application obtained.
    pub sqe_tail: c_uint,

    /// Bytes mapped at `ring_ptr`.
    pub ring_sz: size_t,
    /// The mapped ring.
    pub ring_ptr: *mut c_void,

    /// `ring_entries` minus one.
    pub ring_mask: c_uint,
    /// Number of slots, a power of two.
    pub ring_entries: c_uint,

    /// Bytes mapped at `sqes`.
    pub sqes_sz: c_uint,
    /// Unused.
    pub pad: c_uint,
}

/// The completion queue of a ring. Members whose names start with `k` point into memory shared with
/// the kernel.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_cq {
    /// The next entry to read; only the library writes it.
    pub khead: *mut c_uint,
    /// The slot after the last entry posted; only the kernel writes it.
    pub ktail: *mut c_uint,
    /// Deprecated: `ring_mask` holds the same value.
    pub kring_mask: *mut c_uint,
    /// Deprecated: `ring_entries` holds the same value.
    pub kring_entries: *mut c_uint,
    /// `IORING_CQ_*` bits for the kernel; null before kernel 5.8.
    pub kflags: *mut c_uint,
    /// The number of lost completions.
    pub koverflow: *mut c_uint,
    /// The entries.
    pub cqes: *mut io_uring_cqe,

    /// Bytes mapped at `ring_ptr`.
    pub ring_sz: size_t,
    /// The mapped ring; the same as the submission queue's with `IORING_FEAT_SINGLE_MMAP`.
    pub ring_ptr: *mut c_void,

    /// `ring_entries` minus one.
    pub ring_mask: c_uint,
    /// Number of slots, a power of two.
    pub ring_entries: c_uint,

    /// Unused.
    pub pad: [c_uint; 2],
}

/// A ring. The application provides the memory; the library fills it in.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring {
    /// The submission queue.
    pub sq: io_uring_sq,
    /// The completion queue.
    pub cq: io_uring_cq,
    /// `IORING_SETUP_*` bits of the ring.
    pub flags: c_uint,
    /// The ring's file descriptor, or -1 if it has none.
    pub ring_fd: c_int,

    /// `IORING_FEAT_*` bits of the kernel.
    pub features: c_uint,
    /// The file descriptor for `io_uring_enter()`: `ring_fd`, or an index if the ring is
    /// registered.
    pub enter_ring_fd: c_int,
    /// Internal to the library; do not use.
    pub int_flags: __u8,
    /// Unused.
    pub pad: [__u8; 3],
    /// Unused.
    pub pad2: c_uint,
}

/// The refill queue of zero-copy receive, which returns memory to the kernel.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_zcrx_rq {
    /// The next entry that the kernel reads; only the kernel writes it.
    pub khead: *mut __u32,
    /// The slot after the last entry added; only the application writes it.
    pub ktail: *mut __u32,
    /// The application's copy of the tail, ahead of `*ktail` until it is published.
    pub rq_tail: __u32,
    /// Number of slots, a power of two.
    pub ring_entries: c_uint,

    /// The entries.
    pub rqes: *mut io_uring_zcrx_rqe,
    /// The region that holds the queue.
    pub ring_ptr: *mut c_void,
}

/// An iterator over the completions in the queue, from `io_uring_cqe_iter_init()`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_cqe_iter {
    /// The entries of the queue.
    pub cqes: *mut io_uring_cqe,
    /// Number of slots minus one.
    pub mask: c_uint,
    /// 1 if every entry has 32 bytes, otherwise 0.
    pub shift: c_uint,
    /// The next slot to read.
    pub head: c_uint,
    /// The slot at which the iteration ends.
    pub tail: c_uint,
}

/// `user_data` of the timeouts that the library submits itself on kernels without
/// `IORING_FEAT_EXT_ARG`.
pub const LIBURING_UDATA_TIMEOUT: __u64 = !0;

#[cfg(target_pointer_width = "64")]
crate::uapi::layout! { io_uring_sq: 104, 8 {
    khead 0, ktail 8, kring_mask 16, kring_entries 24, kflags 32, kdropped 40, array 48,
    sqes 56, sqe_head 64, sqe_tail 68, ring_sz 72, ring_ptr 80, ring_mask 88, ring_entries 92,
    sqes_sz 96, pad 100
} }

#[cfg(target_pointer_width = "64")]
crate::uapi::layout! { io_uring_cq: 88, 8 {
    khead 0, ktail 8, kring_mask 16, kring_entries 24, kflags 32, koverflow 40, cqes 48,
    ring_sz 56, ring_ptr 64, ring_mask 72, ring_entries 76, pad 80
} }

#[cfg(target_pointer_width = "64")]
crate::uapi::layout! { io_uring: 216, 8 {
    sq 0, cq 104, flags 192, ring_fd 196, features 200, enter_ring_fd 204, int_flags 208,
    pad 209, pad2 212
} }

#[cfg(target_pointer_width = "64")]
crate::uapi::layout! { io_uring_zcrx_rq: 40, 8 {
    khead 0, ktail 8, rq_tail 16, ring_entries 20, rqes 24, ring_ptr 32
} }

#[cfg(target_pointer_width = "64")]
crate::uapi::layout! { io_uring_cqe_iter: 24, 8 {
    cqes 0, mask 8, shift 12, head 16, tail 20
} }
