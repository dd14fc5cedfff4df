//! Flushing files to disk, and the request that does nothing.

use core::ptr;

use crate::abi::{IORING_OP_FSYNC, IORING_OP_NOP, IORING_OP_NOP128, IORING_OP_SYNC_FILE_RANGE, io_uring_sqe};
use crate::ctypes::{__u32, __u64, c_int, c_uint};
use crate::inline::sqe::io_uring_prep_rw;

/// Prepares a request that brings `fd`'s data and metadata to the disk, like `fsync()`.
///
/// `fsync_flags` is 0, or `IORING_FSYNC_DATASYNC` to behave like `fdatasync()`. The whole file is
/// meant; for a part of it set `sqe->off` and `sqe->len` afterwards. Writes submitted earlier are only
/// covered once they have completed: link or drain to order them.
/// The completion's `res` is 0 or -errno. An error doesn't break a chain of links: see `IOSQE_IO_LINK`.
/// Since liburing 2.0, kernel 5.1.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_fsync(sqe: *mut io_uring_sqe, fd: c_int, fsync_flags: c_uint) {
    io_uring_prep_rw(IORING_OP_FSYNC, sqe, fd, ptr::null(), 0, 0);
    (*sqe).anon_flags.fsync_flags = fsync_flags;
}

/// Prepares a request that does nothing but complete.
///
/// Useful to measure or to wake up a ring.
/// The completion's `res` is 0, or `sqe->len` when `sqe->nop_flags` has `IORING_NOP_INJECT_RESULT` (kernel 6.10),
/// both set afterwards.
/// Since liburing 2.0, kernel 5.1.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_nop(sqe: *mut io_uring_sqe) {
    io_uring_prep_rw(IORING_OP_NOP, sqe, -1, ptr::null(), 0, 0);
}

/// Prepares a request that does nothing but complete, in an SQE of 128 bytes.
///
/// `sqe` comes from `io_uring_get_sqe128()`.
/// The completion's `res` is as with `io_uring_prep_nop()`, or -EINVAL when `sqe` has only 64 bytes or the kernel
/// is older.
/// Since liburing 2.13, kernel 6.19.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_nop128(sqe: *mut io_uring_sqe) {
    io_uring_prep_rw(IORING_OP_NOP128, sqe, -1, ptr::null(), 0, 0);
}

/// Prepares a `sync_file_range()` of `len` bytes at `offset` of `fd`.
///
/// `len` 0 means up to the end of the file. `flags` are `SYNC_FILE_RANGE_*`. Metadata isn't written: after a
/// crash the data may be unreachable.
/// The completion's `res` is 0 or -errno.
/// Since liburing 2.0, kernel 5.2.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_sync_file_range(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    len: c_uint,
    offset: __u64,
    flags: c_int,
) {
    io_uring_prep_rw(IORING_OP_SYNC_FILE_RANGE, sqe, fd, ptr::null(), len, offset);
    (*sqe).anon_flags.sync_range_flags = flags as __u32;
}
