//! Flags, commands and results of single operations.

use crate::ctypes::{__u32, __u64, c_int, c_uint};

/// In `sqe->uring_cmd_flags`: the command uses the registered buffer `sqe->buf_index`. Kernel 6.1.
pub const IORING_URING_CMD_FIXED: c_uint = 1 << 0;

/// All flags that an application may set in `sqe->uring_cmd_flags`; the kernel uses the top 8 bits itself.
pub const IORING_URING_CMD_MASK: c_uint = IORING_URING_CMD_FIXED;

/// In `sqe->fsync_flags`: sync the data and only the metadata needed to read it back, as
/// `fdatasync()` does. Kernel 5.1.
pub const IORING_FSYNC_DATASYNC: c_uint = 1 << 0;

/// In `sqe->timeout_flags`: the time is absolute, not relative. Kernel 5.5.
pub const IORING_TIMEOUT_ABS: c_uint = 1 << 0;

/// In `sqe->timeout_flags` of `IORING_OP_TIMEOUT_REMOVE`: update the timeout instead of removing it. Kernel 5.11.
pub const IORING_TIMEOUT_UPDATE: c_uint = 1 << 1;

/// In `sqe->timeout_flags`: use `CLOCK_BOOTTIME`, not `CLOCK_MONOTONIC`. Kernel 5.15.
pub const IORING_TIMEOUT_BOOTTIME: c_uint = 1 << 2;

/// In `sqe->timeout_flags`: use `CLOCK_REALTIME`, not `CLOCK_MONOTONIC`. Kernel 5.15.
pub const IORING_TIMEOUT_REALTIME: c_uint = 1 << 3;

/// As `IORING_TIMEOUT_UPDATE`, for a timeout of `IORING_OP_LINK_TIMEOUT`. Kernel 5.15.
pub const IORING_LINK_TIMEOUT_UPDATE: c_uint = 1 << 4;

/// In `sqe->timeout_flags`: -ETIME counts as success: it doesn't break a chain, and `IOSQE_CQE_SKIP_SUCCESS` suppresses
/// its completion. For `IORING_OP_LINK_TIMEOUT` it has no effect on the chain. Kernel 5.16.
pub const IORING_TIMEOUT_ETIME_SUCCESS: c_uint = 1 << 5;

/// In `sqe->timeout_flags`: expire repeatedly, `sqe->off` times, or without limit if that is 0. Excludes
/// `IORING_TIMEOUT_ABS`. Kernel 6.4.
pub const IORING_TIMEOUT_MULTISHOT: c_uint = 1 << 6;

/// In `sqe->timeout_flags`: the field for the address of the time holds the time itself, in nanoseconds. Kernel 7.1.
pub const IORING_TIMEOUT_IMMEDIATE_ARG: c_uint = 1 << 7;

/// The flags that select a clock. At most one of them may be set.
pub const IORING_TIMEOUT_CLOCK_MASK: c_uint = IORING_TIMEOUT_BOOTTIME | IORING_TIMEOUT_REALTIME;

/// The flags that update a timeout.
pub const IORING_TIMEOUT_UPDATE_MASK: c_uint = IORING_TIMEOUT_UPDATE | IORING_LINK_TIMEOUT_UPDATE;

/// In `sqe->splice_flags`, in addition to the flags of `splice()`: `splice_fd_in` is an index into the registered
/// files. Kernel 5.7.
pub const SPLICE_F_FD_IN_FIXED: c_uint = 1 << 31;

/// In `sqe->len` of `IORING_OP_POLL_ADD`: post a completion each time the file becomes ready, with `IORING_CQE_F_MORE`
/// while the request remains active. Kernel 5.13.
pub const IORING_POLL_ADD_MULTI: c_uint = 1 << 0;

/// In `sqe->len` of `IORING_OP_POLL_REMOVE`: replace the mask of the poll request with that of this entry. Kernel 5.13.
pub const IORING_POLL_UPDATE_EVENTS: c_uint = 1 << 1;

/// In `sqe->len` of `IORING_OP_POLL_REMOVE`: replace the `user_data` of the poll request with `sqe->off`. Kernel 5.13.
pub const IORING_POLL_UPDATE_USER_DATA: c_uint = 1 << 2;

/// In `sqe->len` of `IORING_OP_POLL_ADD`: report readiness while it lasts, not only when it starts. No released kernel
/// up to 6.18 accepts it: the result is -EINVAL.
pub const IORING_POLL_ADD_LEVEL: c_uint = 1 << 3;

/// In `sqe->cancel_flags`: cancel every request that matches; `cqe->res` is their number.
/// Kernel 5.19.
pub const IORING_ASYNC_CANCEL_ALL: c_uint = 1 << 0;

/// In `sqe->cancel_flags`: match the file `sqe->fd` instead of `user_data`. Kernel 5.19.
pub const IORING_ASYNC_CANCEL_FD: c_uint = 1 << 1;

/// In `sqe->cancel_flags`: match any request. Kernel 5.19.
pub const IORING_ASYNC_CANCEL_ANY: c_uint = 1 << 2;

/// In `sqe->cancel_flags`: `sqe->fd` is an index into the registered files. Kernel 6.0.
pub const IORING_ASYNC_CANCEL_FD_FIXED: c_uint = 1 << 3;

/// In `sqe->cancel_flags`: match `user_data` even if another key is given; without another key this is the default.
/// Kernel 6.6.
pub const IORING_ASYNC_CANCEL_USERDATA: c_uint = 1 << 4;

/// In `sqe->cancel_flags`: match the opcode in `sqe->len`. Kernel 6.6.
pub const IORING_ASYNC_CANCEL_OP: c_uint = 1 << 5;

/// In `sqe->ioprio` of sends and receives: wait until the socket is ready before the first attempt. This saves that
/// attempt when it is known to fail. Kernel 5.19.
pub const IORING_RECVSEND_POLL_FIRST: c_uint = 1 << 0;

/// In `sqe->ioprio` of receives: receive repeatedly, each time into a provided buffer, and post a completion for each.
/// Kernel 6.0.
pub const IORING_RECV_MULTISHOT: c_uint = 1 << 1;

/// In `sqe->ioprio` of zero-copy sends: the data is in the registered buffer `sqe->buf_index`. Kernel 6.0.
pub const IORING_RECVSEND_FIXED_BUF: c_uint = 1 << 2;

/// In `sqe->ioprio` of zero-copy sends: the completion with `IORING_CQE_F_NOTIF` reports in `cqe->res` whether data was
/// copied: see `IORING_NOTIF_USAGE_ZC_COPIED`. Kernel 6.2.
pub const IORING_SEND_ZC_REPORT_USAGE: c_uint = 1 << 3;

/// In `sqe->ioprio` of sends and receives, with `IOSQE_BUFFER_SELECT`: use several provided buffers at a time.
///
/// `cqe->res` is the number of bytes in all of them. They are consecutive in the ring, starting with the one whose ID
/// is in `cqe->flags`. Kernel 6.10.
pub const IORING_RECVSEND_BUNDLE: c_uint = 1 << 4;

/// In `sqe->ioprio` of `IORING_OP_SEND` and `IORING_OP_SEND_ZC`: `addr` and `len` are an array of
/// `struct iovec`. Kernel 6.17.
pub const IORING_SEND_VECTORIZED: c_uint = 1 << 5;

/// In `cqe->res` of the notification, with `IORING_SEND_ZC_REPORT_USAGE`: at least a part of the data was copied. The
/// other bits are reserved. Kernel 6.2.
pub const IORING_NOTIF_USAGE_ZC_COPIED: c_uint = 1 << 31;

/// In `sqe->ioprio` of `IORING_OP_ACCEPT`: accept repeatedly, with a completion for each connection. Kernel 5.19.
pub const IORING_ACCEPT_MULTISHOT: c_uint = 1 << 0;

/// In `sqe->ioprio` of `IORING_OP_ACCEPT`: complete with -EAGAIN when no connection is waiting.
/// Kernel 6.10.
pub const IORING_ACCEPT_DONTWAIT: c_uint = 1 << 1;

/// In `sqe->ioprio` of `IORING_OP_ACCEPT`: wait for a connection before the first attempt. Kernel 6.10.
pub const IORING_ACCEPT_POLL_FIRST: c_uint = 1 << 2;

c_enum! {
    /// What `IORING_OP_MSG_RING` sends: values of `sqe->addr`.
    #[repr(i32)]
    pub enum io_uring_msg_ring_flags {
        /// A completion whose `res` is `sqe->len` and whose `user_data` is `sqe->off`. Kernel 5.18.
        IORING_MSG_DATA = 0,
        /// A registered file: from slot `sqe->addr3` to slot `sqe->file_index` minus one of the other ring. Kernel 6.0.
        IORING_MSG_SEND_FD = 1,
    }
}

/// In `sqe->msg_ring_flags`: post no completion on the other ring. Only with `IORING_MSG_SEND_FD`.
/// Kernel 6.0.
pub const IORING_MSG_RING_CQE_SKIP: c_uint = 1 << 0;

/// In `sqe->msg_ring_flags`: the completion on the other ring gets `sqe->file_index` as its
/// `flags`. Kernel 6.3.
pub const IORING_MSG_RING_FLAGS_PASS: c_uint = 1 << 1;

/// In `sqe->install_fd_flags`: do not set `O_CLOEXEC` on the new file descriptor. Kernel 6.8.
pub const IORING_FIXED_FD_NO_CLOEXEC: c_uint = 1 << 0;

/// In `sqe->nop_flags`: complete with `sqe->len` as the result. Kernel 6.10.
pub const IORING_NOP_INJECT_RESULT: c_uint = 1 << 0;

/// In `sqe->nop_flags`: post a completion of 32 bytes, whose `big_cqe` has `sqe->off` and
/// `sqe->addr`; the ring must allow them. Kernel 6.18.
pub const IORING_NOP_CQE32: c_uint = 1 << 5;

/// The header that a multishot `IORING_OP_RECVMSG` stores at the start of each buffer.
///
/// It is followed by the name and the control data, each in the space that the request's `struct msghdr` reserves for
/// it, and then the payload. Kernel 6.0.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_recvmsg_out {
    /// Size of the sender's address. If it exceeds the reserved space, the address was truncated.
    pub namelen: __u32,
    /// Bytes of control data.
    pub controllen: __u32,
    /// What `recvmsg()` would have returned: the number of bytes of payload in the buffer, or with `MSG_TRUNC` in the
    /// request's flags the full length of the message. `flags` says whether it was truncated.
    pub payloadlen: __u32,
    /// `MSG_*` bits, as `msg_flags` of `recvmsg()`.
    pub flags: __u32,
}

c_enum! {
    /// Commands for sockets: values of `sqe->cmd_op` of `IORING_OP_URING_CMD`.
    #[repr(i32)]
    pub enum io_uring_socket_op {
        /// The number of bytes waiting to be received, as from `ioctl(SIOCINQ)`.
        SOCKET_URING_OP_SIOCINQ = 0,
        /// The number of bytes waiting to be sent, as from `ioctl(SIOCOUTQ)`.
        SOCKET_URING_OP_SIOCOUTQ = 1,
        /// `getsockopt()`, only for level `SOL_SOCKET`; `cqe->res` is the size of the value.
        /// Kernel 6.7.
        SOCKET_URING_OP_GETSOCKOPT = 2,
        /// `setsockopt()`. Kernel 6.7.
        SOCKET_URING_OP_SETSOCKOPT = 3,
        /// Transmit timestamps of sent data, each in a 32-byte completion, until canceled.
        ///
        /// `cqe->res` is the key of the timestamp, `cqe->big_cqe` a `struct io_timespec`.
        /// Kernel 6.17.
        SOCKET_URING_OP_TX_TIMESTAMP = 4,
        /// `getsockname()`, or `getpeername()` if `sqe->optlen` is 1. Kernel 6.19.
        SOCKET_URING_OP_GETSOCKNAME = 5,
    }
}

/// Number of the bit `IORING_CQE_F_TSTAMP_HW`. Kernel 6.17.
pub const IORING_TIMESTAMP_HW_SHIFT: c_int = 16;

/// Shift `cqe->flags` right by this number of bits to get the type of a timestamp, one of `SCM_TSTAMP_*`. Kernel 6.17.
pub const IORING_TIMESTAMP_TYPE_SHIFT: c_int = IORING_TIMESTAMP_HW_SHIFT + 1;

/// In `cqe->flags` of a timestamp: the hardware took it. Kernel 6.17.
pub const IORING_CQE_F_TSTAMP_HW: __u32 = 1 << IORING_TIMESTAMP_HW_SHIFT;

/// A timestamp, in the second half of the completion of `SOCKET_URING_OP_TX_TIMESTAMP`.
/// Kernel 6.17.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_timespec {
    /// Seconds.
    pub tv_sec: __u64,
    /// Nanoseconds, less than 1000000000.
    pub tv_nsec: __u64,
}

layout! { io_uring_recvmsg_out: 16, 4 {
    namelen 0, controllen 4, payloadlen 8, flags 12
} }

layout! { io_timespec: 16, 8 {
    tv_sec 0, tv_nsec 8
} }
