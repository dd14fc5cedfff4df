//! Reading, writing, and moving bytes between two descriptors.

use core::ptr;

use crate::inline::sqe::io_uring_prep_rw;
use ironring_abi::ctypes::{__u8, __u16, __u64, c_int, c_uint, c_void, int64_t, iovec};
use ironring_abi::uapi::{
    IORING_OP_READ, IORING_OP_READ_FIXED, IORING_OP_READ_MULTISHOT, IORING_OP_READV, IORING_OP_READV_FIXED,
    IORING_OP_SPLICE, IORING_OP_TEE, IORING_OP_WRITE, IORING_OP_WRITE_FIXED, IORING_OP_WRITEV, IORING_OP_WRITEV_FIXED,
    IOSQE_BUFFER_SELECT, io_uring_sqe,
};

/// Prepares a `splice()` request of up to `nbytes` bytes from `fd_in` to `fd_out`, one of which must be a pipe.
///
/// `off_in` and `off_out` are file offsets: -1 for the pipe; -1 for the other file means its current position, which
/// then advances. `splice_flags` are those of `splice()`; with `SPLICE_F_FD_IN_FIXED` `fd_in` is a slot of the
/// registered files, with `IOSQE_FIXED_FILE` in `sqe` `fd_out` is one. The completion's `res` is the number of bytes
/// moved, 0 at the end of the input, or -errno.
/// Since liburing 2.0, kernel 5.7.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_splice(
    sqe: *mut io_uring_sqe,
    fd_in: c_int,
    off_in: int64_t,
    fd_out: c_int,
    off_out: int64_t,
    nbytes: c_uint,
    splice_flags: c_uint,
) {
    io_uring_prep_rw(IORING_OP_SPLICE, sqe, fd_out, ptr::null(), nbytes, off_out as __u64);
    (*sqe).anon_addr.splice_off_in = off_in as __u64;
    (*sqe).anon_file.splice_fd_in = fd_in;
    (*sqe).anon_flags.splice_flags = splice_flags;
}

/// Prepares a `tee()` request that duplicates up to `nbytes` bytes of the pipe `fd_in` into the pipe `fd_out`.
///
/// The bytes stay readable in `fd_in`. `splice_flags` are those of `tee()`; with `SPLICE_F_FD_IN_FIXED` `fd_in` is a
/// slot of the registered files, with `IOSQE_FIXED_FILE` in `sqe` `fd_out` is one. The completion's `res` is the number
/// of bytes duplicated or -errno.
/// Since liburing 2.0, kernel 5.8.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_tee(
    sqe: *mut io_uring_sqe,
    fd_in: c_int,
    fd_out: c_int,
    nbytes: c_uint,
    splice_flags: c_uint,
) {
    io_uring_prep_rw(IORING_OP_TEE, sqe, fd_out, ptr::null(), nbytes, 0);
    (*sqe).anon_addr.splice_off_in = 0;
    (*sqe).anon_file.splice_fd_in = fd_in;
    (*sqe).anon_flags.splice_flags = splice_flags;
}

/// Prepares a vectored read request at `offset` of `fd` into the `nr_vecs` buffers of `iovecs`.
///
/// The array must stay valid until `io_uring_sq_ready()` returns 0 (before kernel 5.5, until the request completes),
/// the buffers until the request completes. With `offset` -1 the current file position is used and advanced
/// (kernel 5.6); for a file that can't seek, use 0 or -1. For a single buffer `io_uring_prep_read()` costs less. The
/// completion's `res` is the number of bytes read, 0 at the end of the file, or -errno.
/// Since liburing 2.0, kernel 5.1.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_readv(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    iovecs: *const iovec,
    nr_vecs: c_uint,
    offset: __u64,
) {
    io_uring_prep_rw(IORING_OP_READV, sqe, fd, iovecs.cast(), nr_vecs, offset);
}

/// Prepares a vectored read request like `io_uring_prep_readv()`, with the `RWF_*` flags of `preadv2()`.
///
/// The array must stay valid until `io_uring_sq_ready()` returns 0 (before kernel 5.5, until the request completes),
/// the buffers until the request completes. With `offset` -1 the current file position is used and advanced
/// (kernel 5.6). The completion's `res` is the number of bytes read, 0 at the end of the file, or -errno: -EAGAIN if
/// `flags` has `RWF_NOWAIT` and the read would block.
/// Since liburing 2.2, kernel 5.1.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_readv2(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    iovecs: *const iovec,
    nr_vecs: c_uint,
    offset: __u64,
    flags: c_int,
) {
    io_uring_prep_readv(sqe, fd, iovecs, nr_vecs, offset);
    (*sqe).anon_flags.rw_flags = flags;
}

/// Prepares a read request of `nbytes` bytes at `offset` of `fd` into the registered buffer `buf_index`.
///
/// `buf` is an address inside that buffer, and `buf + nbytes` must not exceed its end. The bytes must stay valid until
/// the request completes. With `offset` -1 the current file position is used and advanced (kernel 5.6). The
/// completion's `res` is the number of bytes read, 0 at the end of the file, or -errno.
/// Since liburing 2.0, kernel 5.1.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_read_fixed(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    buf: *mut c_void,
    nbytes: c_uint,
    offset: __u64,
    buf_index: c_int,
) {
    io_uring_prep_rw(IORING_OP_READ_FIXED, sqe, fd, buf, nbytes, offset);
    (*sqe).anon_buf.buf_index = buf_index as __u16;
}

/// Prepares a vectored read request into the registered buffer `buf_index`.
///
/// Each element of `iovecs` must be inside that registered buffer. The array must stay valid until
/// `io_uring_sq_ready()` returns 0, the bytes until the request completes. `flags` are the `RWF_*` flags of
/// `preadv2()`. With `offset` -1 the current file position is used and advanced. The completion's `res` is the number
/// of bytes read, 0 at the end of the file, or -errno.
/// Since liburing 2.10, kernel 6.15.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_readv_fixed(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    iovecs: *const iovec,
    nr_vecs: c_uint,
    offset: __u64,
    flags: c_int,
    buf_index: c_int,
) {
    io_uring_prep_readv2(sqe, fd, iovecs, nr_vecs, offset, flags);
    (*sqe).opcode = IORING_OP_READV_FIXED as __u8;
    (*sqe).anon_buf.buf_index = buf_index as __u16;
}

/// Prepares a vectored write request of the `nr_vecs` buffers of `iovecs` at `offset` of `fd`.
///
/// The array must stay valid until `io_uring_sq_ready()` returns 0 (before kernel 5.5, until the request completes),
/// the buffers until the request completes. With `offset` -1 the current file position is used and advanced
/// (kernel 5.6); for a file that can't seek, use 0 or -1. For a single buffer `io_uring_prep_write()` costs less. The
/// completion's `res` is the number of bytes written, which may be fewer than requested, or -errno: -EPIPE is
/// accompanied by `SIGPIPE`, and `IOSQE_BUFFER_SELECT` gives -EOPNOTSUPP.
/// Since liburing 2.0, kernel 5.1.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_writev(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    iovecs: *const iovec,
    nr_vecs: c_uint,
    offset: __u64,
) {
    io_uring_prep_rw(IORING_OP_WRITEV, sqe, fd, iovecs.cast(), nr_vecs, offset);
}

/// Prepares a vectored write request like `io_uring_prep_writev()`, with the `RWF_*` flags of `pwritev2()`.
///
/// The array must stay valid until `io_uring_sq_ready()` returns 0 (before kernel 5.5, until the request completes),
/// the buffers until the request completes. With `offset` -1 the current file position is used and advanced
/// (kernel 5.6). The completion's `res` is the number of bytes written, which may be fewer than requested, or -errno:
/// -EAGAIN if `flags` has `RWF_NOWAIT` and the write would block. -EPIPE is accompanied by `SIGPIPE`, unless `flags`
/// has `RWF_NOSIGNAL` (kernel 6.18).
/// Since liburing 2.2, kernel 5.1.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_writev2(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    iovecs: *const iovec,
    nr_vecs: c_uint,
    offset: __u64,
    flags: c_int,
) {
    io_uring_prep_writev(sqe, fd, iovecs, nr_vecs, offset);
    (*sqe).anon_flags.rw_flags = flags;
}

/// Prepares a write request of `nbytes` bytes of the registered buffer `buf_index` at `offset` of `fd`.
///
/// `buf` is an address inside that buffer, and `buf + nbytes` must not exceed its end. The bytes must stay valid until
/// the request completes. With `offset` -1 the current file position is used and advanced (kernel 5.6). The
/// completion's `res` is the number of bytes written, which may be fewer than requested, or -errno: -EPIPE is
/// accompanied by `SIGPIPE`.
/// Since liburing 2.0, kernel 5.1.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_write_fixed(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    buf: *const c_void,
    nbytes: c_uint,
    offset: __u64,
    buf_index: c_int,
) {
    io_uring_prep_rw(IORING_OP_WRITE_FIXED, sqe, fd, buf, nbytes, offset);
    (*sqe).anon_buf.buf_index = buf_index as __u16;
}

/// Prepares a vectored write request from the registered buffer `buf_index`.
///
/// Each element of `iovecs` must be inside that registered buffer. The array must stay valid until
/// `io_uring_sq_ready()` returns 0, the bytes until the request completes. `flags` are the `RWF_*` flags of
/// `pwritev2()`. With `offset` -1 the current file position is used and advanced. The completion's `res` is the number
/// of bytes written, which may be fewer than requested, or -errno.
/// Since liburing 2.10, kernel 6.15.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_writev_fixed(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    iovecs: *const iovec,
    nr_vecs: c_uint,
    offset: __u64,
    flags: c_int,
    buf_index: c_int,
) {
    io_uring_prep_writev2(sqe, fd, iovecs, nr_vecs, offset, flags);
    (*sqe).opcode = IORING_OP_WRITEV_FIXED as __u8;
    (*sqe).anon_buf.buf_index = buf_index as __u16;
}

/// Prepares a read request of `nbytes` bytes at `offset` of `fd` into `buf`.
///
/// `buf` must stay valid until the request completes. With `offset` -1 the current file position is used and advanced;
/// for a file that can't seek, use 0 or -1. The completion's `res` is the number of bytes read, which may be fewer than
/// requested, 0 at the end of the file, or -errno.
/// Since liburing 2.0, kernel 5.6.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_read(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    buf: *mut c_void,
    nbytes: c_uint,
    offset: __u64,
) {
    io_uring_prep_rw(IORING_OP_READ, sqe, fd, buf, nbytes, offset);
}

/// Prepares a multishot read request for `fd`, which reads each time into a buffer of the group `buf_group`.
///
/// `fd` must support polling, as a pipe does: a regular file gives -EBADFD. `nbytes` must be 0, otherwise the result is
/// -EINVAL: the picked buffer limits each read. `offset` is 0 or -1 if the file can't seek. Overwrites `sqe`'s flags
/// with `IOSQE_BUFFER_SELECT`: set others afterwards. Each completion's `res` is the number of bytes read or -errno,
/// and its flags have the buffer's ID; the request remains active while they have `IORING_CQE_F_MORE`.
/// Since liburing 2.6, kernel 6.7.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_read_multishot(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    nbytes: c_uint,
    offset: __u64,
    buf_group: c_int,
) {
    io_uring_prep_rw(IORING_OP_READ_MULTISHOT, sqe, fd, ptr::null(), nbytes, offset);
    (*sqe).anon_buf.buf_group = buf_group as __u16;
    (*sqe).flags = IOSQE_BUFFER_SELECT as __u8;
}

/// Prepares a write request of `nbytes` bytes from `buf` at `offset` of `fd`.
///
/// `buf` must stay valid until the request completes. With `offset` -1 the current file position is used and advanced;
/// for a file that can't seek, use 0 or -1. The completion's `res` is the number of bytes written, which may be fewer
/// than requested, or -errno. -EPIPE is accompanied by `SIGPIPE`, unless `RWF_NOSIGNAL` (kernel 6.18) is set in
/// `sqe->rw_flags` afterwards; `IOSQE_BUFFER_SELECT` gives -EOPNOTSUPP.
/// Since liburing 2.0, kernel 5.6.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_write(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    buf: *const c_void,
    nbytes: c_uint,
    offset: __u64,
) {
    io_uring_prep_rw(IORING_OP_WRITE, sqe, fd, buf, nbytes, offset);
}
