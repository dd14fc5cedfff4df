//! The completion queue entry: the result of a request.

use crate::ctypes::{__s32, __u32, __u64, c_int, c_uint, flex};

/// A completion: the kernel writes it, the application reads it.
///
/// An entry has 16 bytes. It has 32 bytes on a ring created with `IORING_SETUP_CQE32`, and on a ring created with
/// `IORING_SETUP_CQE_MIXED` if `IORING_CQE_F_32` is set.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_cqe {
    /// `user_data` of the request.
    pub user_data: __u64,
    /// The result: 0 or more on success, as the corresponding system call would return, or -errno.
    pub res: __s32,
    /// `IORING_CQE_F_*` bits, and a buffer ID in the upper half.
    pub flags: __u32,
    /// 16 more bytes, only in a 32-byte entry.
    pub big_cqe: flex<__u64>,
}

/// In `cqe->flags`: a provided buffer was used; its ID is in the upper 16 bits. Kernel 5.7.
pub const IORING_CQE_F_BUFFER: c_uint = 1 << 0;

/// In `cqe->flags`: more completions of this request will follow. Kernel 5.13.
pub const IORING_CQE_F_MORE: c_uint = 1 << 1;

/// In `cqe->flags`: after this receive the socket has more to read, or after this accept more connections
/// (kernel 6.10). The end of a stream counts as something to read. Kernel 5.19.
pub const IORING_CQE_F_SOCK_NONEMPTY: c_uint = 1 << 2;

/// In `cqe->flags`: not a result, but the notification that a zero-copy send no longer uses its buffer. Kernel 6.0.
pub const IORING_CQE_F_NOTIF: c_uint = 1 << 3;

/// In `cqe->flags`: the kernel keeps the provided buffer and will fill the rest of it later.
///
/// Only for a buffer ring registered with `IOU_PBUF_RING_INC`. Without this bit the buffer belongs to the application
/// again. Kernel 6.12.
pub const IORING_CQE_F_BUF_MORE: c_uint = 1 << 4;

/// In `cqe->flags`: a filler entry without a result; skip it.
///
/// On a ring with mixed entries the kernel posts one if a 32-byte entry would cross the end of the queue. Kernel 6.18.
pub const IORING_CQE_F_SKIP: c_uint = 1 << 5;

/// In `cqe->flags`: this entry has 32 bytes, on a ring with mixed entries. Kernel 6.18.
pub const IORING_CQE_F_32: c_uint = 1 << 15;

/// Shift `cqe->flags` right by this number of bits to get the ID of the provided buffer. Kernel 5.7.
pub const IORING_CQE_BUFFER_SHIFT: c_int = 16;

layout! { io_uring_cqe: 16, 8 {
    user_data 0, res 8, flags 12, big_cqe 16
} }
