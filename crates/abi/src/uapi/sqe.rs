//! The submission queue entry: one request to the kernel.

use crate::ctypes::{__kernel_rwf_t, __s32, __u8, __u16, __u32, __u64, c_uint};

/// A request: the application fills it in, the kernel reads it.
///
/// The comment of each `IORING_OP_*` code lists the fields that the operation uses. Clear all
/// others. An entry has 64 bytes; with `IORING_SETUP_SQE128`, or for a 128-byte operation on a ring
/// created with `IORING_SETUP_SQE_MIXED`, 64 more bytes follow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct io_uring_sqe {
    /// The operation: an `IORING_OP_*` code.
    pub opcode: __u8,
    /// `IOSQE_*` bits.
    pub flags: __u8,
    /// I/O priority of a read or write, as for `ioprio_set()`. Socket operations store their
    /// `IORING_RECVSEND_*` and `IORING_ACCEPT_*` bits here.
    pub ioprio: __u16,
    /// File descriptor, or an index into the registered files when `IOSQE_FIXED_FILE` is set.
    pub fd: __s32,
    /// File offset or second address.
    pub anon_off: anon_sqe_off,
    /// First address.
    pub anon_addr: anon_sqe_addr,
    /// Number of bytes in the buffer, or of elements in the array, at `addr`.
    pub len: __u32,
    /// Flags of the operation.
    pub anon_flags: anon_sqe_flags,
    /// Copied unchanged to `user_data` of each of the request's completions.
    pub user_data: __u64,
    /// Registered or provided buffers.
    pub anon_buf: anon_sqe_buf,
    /// Credentials: an ID from `IORING_REGISTER_PERSONALITY`, or 0 for the submitter's own.
    pub personality: __u16,
    /// A second file.
    pub anon_file: anon_sqe_file,
    /// Third address, attributes, or the data of a command.
    pub anon_tail: anon_sqe_tail,
}

/// File offset or second address.
#[repr(C)]
#[derive(Clone, Copy)]
pub union anon_sqe_off {
    /// Offset in the file; -1 means the current file position (see `IORING_FEAT_RW_CUR_POS`).
    pub off: __u64,
    /// A second address or length, if the operation needs one.
    pub addr2: __u64,
    /// For `IORING_OP_URING_CMD`.
    pub anon_cmd: anon_sqe_cmd,
}

/// For `IORING_OP_URING_CMD`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct anon_sqe_cmd {
    /// A command of the file's driver, or a `SOCKET_URING_OP_*` code.
    pub cmd_op: __u32,
    /// Must be 0.
    pub __pad1: __u32,
}

/// First address.
#[repr(C)]
#[derive(Clone, Copy)]
pub union anon_sqe_addr {
    /// Address of a buffer, of an array of `struct iovec`, or of another operand.
    pub addr: __u64,
    /// Where `IORING_OP_SPLICE` starts in its input file; -1 for a pipe.
    pub splice_off_in: __u64,
    /// For the socket option commands of `IORING_OP_URING_CMD`.
    pub anon_sockopt: anon_sqe_sockopt,
}

/// For the socket option commands of `IORING_OP_URING_CMD`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct anon_sqe_sockopt {
    /// Protocol level of the option, such as `SOL_SOCKET`.
    pub level: __u32,
    /// The option.
    pub optname: __u32,
}

/// Flags of the operation.
#[repr(C)]
#[derive(Clone, Copy)]
pub union anon_sqe_flags {
    /// Reads and writes: `RWF_*`, as for `preadv2()`.
    pub rw_flags: __kernel_rwf_t,
    /// `IORING_FSYNC_*`.
    pub fsync_flags: __u32,
    /// Poll mask of 16 bits, for kernels before 5.9.
    pub poll_events: __u16,
    /// Poll mask of 32 bits. Big-endian processors swap its two halves.
    pub poll32_events: __u32,
    /// As for `sync_file_range()`.
    pub sync_range_flags: __u32,
    /// `MSG_*`, as for `send()` and `recv()`.
    pub msg_flags: __u32,
    /// `IORING_TIMEOUT_*`.
    pub timeout_flags: __u32,
    /// `SOCK_*`, as for `accept4()`.
    pub accept_flags: __u32,
    /// `IORING_ASYNC_CANCEL_*`.
    pub cancel_flags: __u32,
    /// `O_*`, as for `openat()`.
    pub open_flags: __u32,
    /// `AT_*`, as for `statx()`.
    pub statx_flags: __u32,
    /// Advice, as for `posix_fadvise()` or `madvise()`.
    pub fadvise_advice: __u32,
    /// `SPLICE_F_*`, as for `splice()`.
    pub splice_flags: __u32,
    /// `RENAME_*`, as for `renameat2()`.
    pub rename_flags: __u32,
    /// `AT_*`, as for `unlinkat()`.
    pub unlink_flags: __u32,
    /// `AT_*`, as for `linkat()`.
    pub hardlink_flags: __u32,
    /// `XATTR_*`, as for `setxattr()`.
    pub xattr_flags: __u32,
    /// `IORING_MSG_RING_*`.
    pub msg_ring_flags: __u32,
    /// `IORING_URING_CMD_*`.
    pub uring_cmd_flags: __u32,
    /// No bit is defined; must be 0.
    pub waitid_flags: __u32,
    /// No bit is defined; must be 0. The `FUTEX2_*` bits go into `fd`.
    pub futex_flags: __u32,
    /// `IORING_FIXED_FD_*`.
    pub install_fd_flags: __u32,
    /// `IORING_NOP_*`.
    pub nop_flags: __u32,
    /// `O_*`, as for `pipe2()`.
    pub pipe_flags: __u32,
}

/// Registered or provided buffers.
#[repr(C, packed)]
#[derive(Clone, Copy)]
pub union anon_sqe_buf {
    /// Index of the registered buffer.
    pub buf_index: __u16,
    /// Group of provided buffers, with `IOSQE_BUFFER_SELECT`.
    pub buf_group: __u16,
}

/// A second file.
#[repr(C)]
#[derive(Clone, Copy)]
pub union anon_sqe_file {
    /// Input file of `IORING_OP_SPLICE` and `IORING_OP_TEE`.
    pub splice_fd_in: __s32,
    /// Slot plus one for a new direct descriptor, or `IORING_FILE_INDEX_ALLOC`; 0 for an ordinary
    /// one.
    pub file_index: __u32,
    /// `zcrx_id` of the receive context, for `IORING_OP_RECV_ZC`.
    pub zcrx_ifq_idx: __u32,
    /// Size of the value at `optval`, for a socket option. For a multishot `IORING_OP_RECV`, the
    /// number of bytes after which it ends, 0 for no limit (kernel 6.17).
    pub optlen: __u32,
    /// For sends with a destination address.
    pub anon_dest: anon_sqe_dest,
}

/// For sends with a destination address.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct anon_sqe_dest {
    /// Size of the socket address that `addr2` points to.
    pub addr_len: __u16,
    /// Must be 0.
    pub __pad3: [__u16; 1],
}

/// Third address, attributes, or the data of a command.
#[repr(C)]
#[derive(Clone, Copy)]
pub union anon_sqe_tail {
    /// A third address or value.
    pub anon_addr3: anon_sqe_addr3,
    /// Attributes of a read or write, such as integrity data.
    pub anon_attr: anon_sqe_attr,
    /// Address of a socket option's value.
    pub optval: __u64,
    /// Start of the command's data for `IORING_OP_URING_CMD`: 16 bytes, 80 in a 128-byte entry.
    pub cmd: [__u8; 0],
}

/// A third address or value.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct anon_sqe_addr3 {
    /// File path for an extended attribute, bit mask for a futex, or source slot for a sent file.
    pub addr3: __u64,
    /// Must be 0.
    pub __pad2: [__u64; 1],
}

/// Attributes of a read or write.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct anon_sqe_attr {
    /// Address of the attributes.
    pub attr_ptr: __u64,
    /// The attributes that are set: `IORING_RW_ATTR_FLAG_*`.
    pub attr_type_mask: __u64,
}

/// In `sqe->attr_type_mask`: `attr_ptr` points to a `struct io_uring_attr_pi`. Kernel 6.14.
pub const IORING_RW_ATTR_FLAG_PI: c_uint = 1 << 0;

/// Protection information for a direct read or write of a block device. Kernel 6.14.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_attr_pi {
    /// The checks that the device performs: `IO_INTEGRITY_CHK_*` of `linux/fs.h`.
    pub flags: __u16,
    /// Application tag.
    pub app_tag: __u16,
    /// Number of bytes of protection information at `addr`.
    pub len: __u32,
    /// Address of the protection information.
    pub addr: __u64,
    /// First reference tag.
    pub seed: __u64,
    /// Must be 0.
    pub rsvd: __u64,
}

/// In `sqe->file_index`: let the kernel choose a free slot for the new direct descriptor.
///
/// `cqe->res` is the slot; -ENFILE means that the table is full. Kernel 5.19.
pub const IORING_FILE_INDEX_ALLOC: c_uint = !0;

c_enum! {
    /// Bit numbers of the `IOSQE_*` flags.
    #[repr(i32)]
    pub enum io_uring_sqe_flags_bit {
        /// Bit number of `IOSQE_FIXED_FILE`.
        IOSQE_FIXED_FILE_BIT = 0,
        /// Bit number of `IOSQE_IO_DRAIN`.
        IOSQE_IO_DRAIN_BIT = 1,
        /// Bit number of `IOSQE_IO_LINK`.
        IOSQE_IO_LINK_BIT = 2,
        /// Bit number of `IOSQE_IO_HARDLINK`.
        IOSQE_IO_HARDLINK_BIT = 3,
        /// Bit number of `IOSQE_ASYNC`.
        IOSQE_ASYNC_BIT = 4,
        /// Bit number of `IOSQE_BUFFER_SELECT`.
        IOSQE_BUFFER_SELECT_BIT = 5,
        /// Bit number of `IOSQE_CQE_SKIP_SUCCESS`.
        IOSQE_CQE_SKIP_SUCCESS_BIT = 6,
    }
}

/// In `sqe->flags`: `fd` is an index into the registered files, not a file descriptor. Kernel 5.1.
pub const IOSQE_FIXED_FILE: c_uint = 1 << IOSQE_FIXED_FILE_BIT;

/// In `sqe->flags`: start after all earlier requests have completed; later requests start after
/// this one has completed. Kernel 5.2.
pub const IOSQE_IO_DRAIN: c_uint = 1 << IOSQE_IO_DRAIN_BIT;

/// In `sqe->flags`: the next request starts after this one has succeeded.
///
/// The chain ends at the first entry without this flag, or at the end of the submission. An error,
/// or a read, write or splice of fewer bytes than requested, breaks it: the rest completes with
/// -ECANCELED. Since kernel 6.0 an error of these operations does not break it: fsync,
/// sync_file_range, fallocate, ftruncate, statx, madvise, shutdown, unlink, rename, mkdir, symlink,
/// link, and getting or setting extended attributes. Kernel 5.3.
pub const IOSQE_IO_LINK: c_uint = 1 << IOSQE_IO_LINK_BIT;

/// In `sqe->flags`: as `IOSQE_IO_LINK`, but a failed request does not break the chain. Kernel 5.5.
pub const IOSQE_IO_HARDLINK: c_uint = 1 << IOSQE_IO_HARDLINK_BIT;

/// In `sqe->flags`: pass the request to a worker thread at once, without a nonblocking attempt.
/// This is for requests that are known to block. Kernel 5.6.
pub const IOSQE_ASYNC: c_uint = 1 << IOSQE_ASYNC_BIT;

/// In `sqe->flags`: pick a provided buffer of group `buf_group` when there is data.
///
/// `cqe->flags` has its ID: see `IORING_CQE_F_BUFFER`. If none is left, the request fails with
/// -ENOBUFS. Kernel 5.7.
pub const IOSQE_BUFFER_SELECT: c_uint = 1 << IOSQE_BUFFER_SELECT_BIT;

/// In `sqe->flags`: post a completion only if the request fails. Excludes `IOSQE_IO_DRAIN` on the
/// same ring.
///
/// An error that does not break a chain (see `IOSQE_IO_LINK`) is not posted either. Completions
/// with `IORING_CQE_F_MORE` are always posted. Zero-copy sends refuse this flag with -EINVAL.
/// Kernel 5.17.
pub const IOSQE_CQE_SKIP_SUCCESS: c_uint = 1 << IOSQE_CQE_SKIP_SUCCESS_BIT;

layout! { io_uring_sqe: 64, 8 {
    opcode 0, flags 1, ioprio 2, fd 4, anon_off.off 8, anon_off.addr2 8,
    anon_off.anon_cmd.cmd_op 8, anon_off.anon_cmd.__pad1 12, anon_addr.addr 16,
    anon_addr.splice_off_in 16, anon_addr.anon_sockopt.level 16,
    anon_addr.anon_sockopt.optname 20, len 24, anon_flags.rw_flags 28,
    anon_flags.fsync_flags 28, anon_flags.poll_events 28, anon_flags.poll32_events 28,
    anon_flags.sync_range_flags 28, anon_flags.msg_flags 28, anon_flags.timeout_flags 28,
    anon_flags.accept_flags 28, anon_flags.cancel_flags 28, anon_flags.open_flags 28,
    anon_flags.statx_flags 28, anon_flags.fadvise_advice 28, anon_flags.splice_flags 28,
    anon_flags.rename_flags 28, anon_flags.unlink_flags 28, anon_flags.hardlink_flags 28,
    anon_flags.xattr_flags 28, anon_flags.msg_ring_flags 28, anon_flags.uring_cmd_flags 28,
    anon_flags.waitid_flags 28, anon_flags.futex_flags 28, anon_flags.install_fd_flags 28,
    anon_flags.nop_flags 28, anon_flags.pipe_flags 28, user_data 32, anon_buf.buf_index 40,
    anon_buf.buf_group 40, personality 42, anon_file.splice_fd_in 44, anon_file.file_index 44,
    anon_file.zcrx_ifq_idx 44, anon_file.optlen 44, anon_file.anon_dest.addr_len 44,
    anon_file.anon_dest.__pad3 46, anon_tail.anon_addr3.addr3 48,
    anon_tail.anon_addr3.__pad2 56, anon_tail.anon_attr.attr_ptr 48,
    anon_tail.anon_attr.attr_type_mask 56, anon_tail.optval 48, anon_tail.cmd 48
} }

layout! { io_uring_attr_pi: 32, 8 {
    flags 0, app_tag 2, len 4, addr 8, seed 16, rsvd 24
} }
