//! Sending and receiving on sockets: plain, as messages, from registered buffers, without copying, and multishot.
//!
//! `IORING_RECVSEND_*` flags are ORed into `sqe->ioprio` after the helper, which may set some itself.

use core::ptr;

use crate::inline::sqe::{io_uring_prep_rw, uring_ptr_to_u64};
use ironring_abi::ctypes::{__u8, __u16, __u32, c_int, c_uint, c_void, msghdr, size_t, sockaddr, socklen_t};
use ironring_abi::uapi::{
    IORING_OP_RECV, IORING_OP_RECVMSG, IORING_OP_SEND, IORING_OP_SEND_ZC, IORING_OP_SENDMSG, IORING_OP_SENDMSG_ZC,
    IORING_RECV_MULTISHOT, IORING_RECVSEND_BUNDLE, IORING_RECVSEND_FIXED_BUF, io_uring_sqe,
};

/// Prepares a `recvmsg()` request for the socket `fd`.
///
/// The kernel writes lengths and flags back into `msg`, so it and everything that it points to must stay valid until
/// the request completes. `flags` are `MSG_*`. The completion's `res` is the number of bytes received, 0 at the end of
/// a stream, or -errno.
/// Since liburing 2.0, kernel 5.3.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_recvmsg(sqe: *mut io_uring_sqe, fd: c_int, msg: *mut msghdr, flags: c_uint) {
    io_uring_prep_rw(IORING_OP_RECVMSG, sqe, fd, msg.cast(), 1, 0);
    (*sqe).anon_flags.msg_flags = flags;
}

/// Prepares a multishot `recvmsg()` request for the socket `fd`, which receives each message into a provided buffer.
///
/// Also set `IOSQE_BUFFER_SELECT` and a buffer group; `MSG_WAITALL` is refused. In `msg` only `msg_namelen` and
/// `msg_controllen` are used, the space reserved in each buffer for the address and the control data, and at most one
/// `msg_iov` (otherwise -EINVAL), whose `iov_len` limits a message. Parse a buffer with `io_uring_recvmsg_validate()`.
/// The request remains active while completions have `IORING_CQE_F_MORE`; an empty datagram ends it. The completions'
/// `res` is the number of bytes used in the buffer, including header and reserved space, or -errno: -ENOBUFS if no
/// buffer is left, -EFAULT if a buffer is too small for these.
/// Since liburing 2.3, kernel 6.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_recvmsg_multishot(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    msg: *mut msghdr,
    flags: c_uint,
) {
    io_uring_prep_recvmsg(sqe, fd, msg, flags);
    (*sqe).ioprio |= IORING_RECV_MULTISHOT as __u16;
}

/// Prepares a `sendmsg()` request for the socket `fd`.
///
/// `msg` must stay valid until `io_uring_sq_ready()` returns 0 (before kernel 5.5, until the request completes),
/// the control data (`msg_control`) and the bytes to send until the request completes. `flags` are `MSG_*`; a short
/// send breaks a link only with `MSG_WAITALL`. `IOSQE_BUFFER_SELECT` gives -EOPNOTSUPP.
/// The completion's `res` is the number of bytes sent or -errno.
/// Since liburing 2.0, kernel 5.3.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_sendmsg(sqe: *mut io_uring_sqe, fd: c_int, msg: *const msghdr, flags: c_uint) {
    io_uring_prep_rw(IORING_OP_SENDMSG, sqe, fd, msg.cast(), 1, 0);
    (*sqe).anon_flags.msg_flags = flags;
}

/// Prepares a zero-copy `sendmsg()` request.
///
/// It is like `io_uring_prep_sendmsg()`, but the request completes with a second completion, the one with
/// `IORING_CQE_F_NOTIF`; it is posted if the first has `IORING_CQE_F_MORE`, which is possible for a failed request,
/// too. `IOSQE_CQE_SKIP_SUCCESS` gives -EINVAL.
/// Since liburing 2.3, kernel 6.1.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_sendmsg_zc(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    msg: *const msghdr,
    flags: c_uint,
) {
    io_uring_prep_sendmsg(sqe, fd, msg, flags);
    (*sqe).opcode = IORING_OP_SENDMSG_ZC as __u8;
}

/// Prepares a zero-copy `sendmsg()` request with data in the registered buffer `buf_index`.
///
/// It is like `io_uring_prep_sendmsg_zc()`; each iovec of `msg` must be inside that buffer. Only the low 16 bits of
/// `buf_index` are used.
/// Since liburing 2.10, kernel 6.15.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_sendmsg_zc_fixed(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    msg: *const msghdr,
    flags: c_uint,
    buf_index: c_uint,
) {
    io_uring_prep_sendmsg_zc(sqe, fd, msg, flags);
    (*sqe).ioprio |= IORING_RECVSEND_FIXED_BUF as __u16;
    (*sqe).anon_buf.buf_index = buf_index as __u16;
}

/// Prepares a `send()` request of `len` bytes of `buf` for the socket `sockfd`.
///
/// The bytes must stay valid until the request completes; with `IOSQE_BUFFER_SELECT` (kernel 6.10) `buf` is NULL and a
/// provided buffer is sent. Only the low 32 bits of `len` are used. `flags` are `MSG_*`; a short send breaks a link
/// only with `MSG_WAITALL`. The completion's `res` is the number of bytes sent or -errno.
/// Since liburing 2.0, kernel 5.6.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_send(
    sqe: *mut io_uring_sqe,
    sockfd: c_int,
    buf: *const c_void,
    len: size_t,
    flags: c_int,
) {
    io_uring_prep_rw(IORING_OP_SEND, sqe, sockfd, buf, len as __u32, 0);
    (*sqe).anon_flags.msg_flags = flags as __u32;
}

/// Prepares a send request for all provided buffers of a group.
///
/// Also set `IOSQE_BUFFER_SELECT` and the group of a buffer ring. The request sends rounds of up to 256 buffers, each
/// with a completion; another round follows if that has `IORING_CQE_F_MORE`. `len` limits the bytes of the first round
/// only; 0 means no limit. The completions' `res` is the number of bytes sent in the round or -errno: -ENOBUFS if the
/// group is empty, -ENOENT if it doesn't exist. The buffer ID is that of the round's first buffer, and the others
/// follow it in the ring.
/// Since liburing 2.7, kernel 6.10.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_send_bundle(sqe: *mut io_uring_sqe, sockfd: c_int, len: size_t, flags: c_int) {
    io_uring_prep_send(sqe, sockfd, ptr::null(), len, flags);
    (*sqe).ioprio |= IORING_RECVSEND_BUNDLE as __u16;
}

/// Sets the destination `dest_addr` of `addr_len` bytes in a prepared send request.
///
/// For `io_uring_prep_send()` (kernel 6.1) and `io_uring_prep_send_zc()`, but not for `sendmsg()` requests. The address
/// must stay valid until `io_uring_sq_ready()` returns 0.
/// Since liburing 2.3, kernel 6.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_send_set_addr(
    sqe: *mut io_uring_sqe,
    dest_addr: *const sockaddr,
    addr_len: __u16,
) {
    (*sqe).anon_off.addr2 = uring_ptr_to_u64(dest_addr.cast());
    (*sqe).anon_file.anon_dest.addr_len = addr_len;
}

/// Prepares a `sendto()` request of `len` bytes of `buf` to the address `addr` of `addrlen` bytes.
///
/// It is like `io_uring_prep_send()`; the address must stay valid until `io_uring_sq_ready()` returns 0. Only the low
/// 16 bits of `addrlen` are used.
/// Since liburing 2.4, kernel 6.1.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_sendto(
    sqe: *mut io_uring_sqe,
    sockfd: c_int,
    buf: *const c_void,
    len: size_t,
    flags: c_int,
    addr: *const sockaddr,
    addrlen: socklen_t,
) {
    io_uring_prep_send(sqe, sockfd, buf, len, flags);
    io_uring_prep_send_set_addr(sqe, addr, addrlen as __u16);
}

/// Prepares a zero-copy `send()` request of `len` bytes of `buf`.
///
/// The bytes must stay valid until the request completes, which is with a second completion, the one with
/// `IORING_CQE_F_NOTIF`; it is posted if the first has `IORING_CQE_F_MORE`, which is possible for a failed request,
/// too. `flags` are `MSG_*`, `zc_flags` are `IORING_SEND_*`, `IORING_RECVSEND_POLL_FIRST` and
/// `IORING_RECVSEND_FIXED_BUF`. Only the low 32 bits of `len` and 16 of `zc_flags` are used. The first completion's
/// `res` is the number of bytes sent or -errno: `IOSQE_CQE_SKIP_SUCCESS` gives -EINVAL.
/// Since liburing 2.3, kernel 6.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_send_zc(
    sqe: *mut io_uring_sqe,
    sockfd: c_int,
    buf: *const c_void,
    len: size_t,
    flags: c_int,
    zc_flags: c_uint,
) {
    io_uring_prep_rw(IORING_OP_SEND_ZC, sqe, sockfd, buf, len as __u32, 0);
    (*sqe).anon_flags.msg_flags = flags as __u32;
    (*sqe).ioprio = zc_flags as __u16;
}

/// Prepares a zero-copy `send()` request with data in the registered buffer `buf_index`.
///
/// It is like `io_uring_prep_send_zc()`; `buf` is an address inside that buffer, and the bytes must not exceed its end.
/// Only the low 16 bits of `buf_index` are used.
/// Since liburing 2.3, kernel 6.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_send_zc_fixed(
    sqe: *mut io_uring_sqe,
    sockfd: c_int,
    buf: *const c_void,
    len: size_t,
    flags: c_int,
    zc_flags: c_uint,
    buf_index: c_uint,
) {
    io_uring_prep_send_zc(sqe, sockfd, buf, len, flags, zc_flags);
    (*sqe).ioprio |= IORING_RECVSEND_FIXED_BUF as __u16;
    (*sqe).anon_buf.buf_index = buf_index as __u16;
}

/// Prepares a `recv()` request of up to `len` bytes from the socket `sockfd` into `buf`.
///
/// `buf` must stay valid until the request completes; with `IOSQE_BUFFER_SELECT` it is NULL and the kernel picks a
/// provided buffer. Only the low 32 bits of `len` are used. `flags` are `MSG_*`. The completion's `res` is the number
/// of bytes received, 0 at the end of a stream, or -errno. Its flags have `IORING_CQE_F_SOCK_NONEMPTY` if there is more
/// to receive, including the end of a stream.
/// Since liburing 2.0, kernel 5.6.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_recv(
    sqe: *mut io_uring_sqe,
    sockfd: c_int,
    buf: *mut c_void,
    len: size_t,
    flags: c_int,
) {
    io_uring_prep_rw(IORING_OP_RECV, sqe, sockfd, buf, len as __u32, 0);
    (*sqe).anon_flags.msg_flags = flags as __u32;
}

/// Prepares a multishot `recv()` request for the socket `sockfd`, which receives each time into a provided buffer.
///
/// Also set `IOSQE_BUFFER_SELECT` and a buffer group; `buf` is NULL, `MSG_WAITALL` is refused. `len` limits each
/// receive; 0 means no limit, and kernels before 6.17 accept only 0. `sqe->optlen` (kernel 6.17), set afterwards, is
/// the number of bytes after which the request ends. It remains active while completions have `IORING_CQE_F_MORE`; an
/// empty datagram ends it. The completions' `res` is the number of bytes received, 0 at the end of a stream, or -errno:
/// -ENOBUFS if no buffer is left.
/// Since liburing 2.3, kernel 6.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_recv_multishot(
    sqe: *mut io_uring_sqe,
    sockfd: c_int,
    buf: *mut c_void,
    len: size_t,
    flags: c_int,
) {
    io_uring_prep_recv(sqe, sockfd, buf, len, flags);
    (*sqe).ioprio |= IORING_RECV_MULTISHOT as __u16;
}
