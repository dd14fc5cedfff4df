//! Flushing files to disk, and the request that does nothing.

use core::ptr;

use crate::inline::sqe::io_uring_prep_rw;
use ironring_abi::ctypes::{__u32, __u64, c_int, c_uint};
use ironring_abi::uapi::{IORING_OP_FSYNC, IORING_OP_NOP, IORING_OP_NOP128, IORING_OP_SYNC_FILE_RANGE, io_uring_sqe};

/// Prepares an `fsync()` request, which flushes `fd`'s data and metadata to the disk.
///
/// `fsync_flags` is 0, or `IORING_FSYNC_DATASYNC` to behave like `fdatasync()`. It applies to the whole file; for a
/// range set `sqe->off` and `sqe->len` afterwards. It only covers earlier writes that have completed: use links or
/// drain to order them. The completion's `res` is 0 or -errno. An error doesn't break a chain of links: see
/// `IOSQE_IO_LINK`.
/// Since liburing 2.0, kernel 5.1.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_fsync(sqe: *mut io_uring_sqe, fd: c_int, fsync_flags: c_uint) {
    io_uring_prep_rw(IORING_OP_FSYNC, sqe, fd, ptr::null(), 0, 0);
    (*sqe).anon_flags.fsync_flags = fsync_flags;
}

/// Prepares a request that does nothing.
///
/// Useful for measurements, or to wake a waiting thread. The completion's `res` is 0, or `sqe->len` if `sqe->nop_flags`
/// has `IORING_NOP_INJECT_RESULT` (kernel 6.10), both set afterwards.
/// Since liburing 2.0, kernel 5.1.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_nop(sqe: *mut io_uring_sqe) {
    io_uring_prep_rw(IORING_OP_NOP, sqe, -1, ptr::null(), 0, 0);
}

/// Prepares a request that does nothing, in an SQE of 128 bytes.
///
/// `sqe` comes from `io_uring_get_sqe128()`. The completion's `res` is as for `io_uring_prep_nop()`, or -EINVAL if
/// `sqe` has only 64 bytes or the kernel is older than 6.19.
/// Since liburing 2.13, kernel 6.19.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_nop128(sqe: *mut io_uring_sqe) {
    io_uring_prep_rw(IORING_OP_NOP128, sqe, -1, ptr::null(), 0, 0);
}

/// Prepares a `sync_file_range()` request for `len` bytes at `offset` of `fd`.
///
/// `len` 0 means to the end of the file. `flags` are `SYNC_FILE_RANGE_*`. Metadata isn't written, so the data may be
/// inaccessible after a crash. The completion's `res` is 0 or -errno.
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
