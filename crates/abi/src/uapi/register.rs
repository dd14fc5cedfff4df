//! `io_uring_register()`: its commands, and their arguments except for files, buffers and memory.

use crate::ctypes::{__kernel_timespec, __s32, __u8, __u16, __u32, __u64, c_uint, flex};

c_enum! {
    /// The commands: values of `opcode` of `io_uring_register()`.
    ///
    /// Each comment names the type that `arg` points to; `nr_args` is the number of elements, 1 for
    /// a single structure. If no type is named, `arg` must be null and `nr_args` 0.
    #[repr(u32)]
    pub enum io_uring_register_op {
        /// Registers buffers: `struct iovec` array. Kernel 5.1.
        IORING_REGISTER_BUFFERS = 0,
        /// Unregisters all buffers. Kernel 5.1.
        IORING_UNREGISTER_BUFFERS = 1,
        /// Registers files: `int` array of file descriptors; -1 leaves a slot empty. Kernel 5.1.
        IORING_REGISTER_FILES = 2,
        /// Unregisters all files. Kernel 5.1.
        IORING_UNREGISTER_FILES = 3,
        /// Signals an eventfd when completions are posted: `int`, the eventfd. Kernel 5.2.
        IORING_REGISTER_EVENTFD = 4,
        /// Unregisters the eventfd. Kernel 5.2.
        IORING_UNREGISTER_EVENTFD = 5,
        /// Replaces registered files: `struct io_uring_rsrc_update`; `nr_args` counts the files.
        /// Kernel 5.5.
        IORING_REGISTER_FILES_UPDATE = 6,
        /// As `IORING_REGISTER_EVENTFD`, but only for completions that a worker thread posts.
        /// Kernel 5.6.
        IORING_REGISTER_EVENTFD_ASYNC = 7,
        /// Queries which operations the kernel supports: `struct io_uring_probe`; `nr_args` counts
        /// its `ops`. Kernel 5.6.
        IORING_REGISTER_PROBE = 8,
        /// Registers the caller's credentials and returns an ID for `sqe->personality`. Kernel 5.6.
        IORING_REGISTER_PERSONALITY = 9,
        /// Unregisters credentials; `nr_args` is their ID. Kernel 5.6.
        IORING_UNREGISTER_PERSONALITY = 10,
        /// Restricts what a ring may do: `struct io_uring_restriction` array. The ring must still
        /// be disabled.
        ///
        /// With file descriptor -1 it restricts the calling task:
        /// `struct io_uring_task_restriction`. Kernel 5.10, for a task 7.0.
        IORING_REGISTER_RESTRICTIONS = 11,
        /// Enables a ring created with `IORING_SETUP_R_DISABLED`. Kernel 5.10.
        IORING_REGISTER_ENABLE_RINGS = 12,

        /// As `IORING_REGISTER_FILES`, with tags or empty slots: `struct io_uring_rsrc_register`;
        /// `nr_args` is its size. Kernel 5.13.
        IORING_REGISTER_FILES2 = 13,
        /// Replaces registered files and tags: `struct io_uring_rsrc_update2`; `nr_args` is its
        /// size. Kernel 5.13.
        IORING_REGISTER_FILES_UPDATE2 = 14,
        /// As `IORING_REGISTER_BUFFERS`, with tags or empty slots: `struct io_uring_rsrc_register`;
        /// `nr_args` is its size. Kernel 5.13.
        IORING_REGISTER_BUFFERS2 = 15,
        /// Replaces registered buffers and tags: `struct io_uring_rsrc_update2`; `nr_args` is its
        /// size. Kernel 5.13.
        IORING_REGISTER_BUFFERS_UPDATE = 16,

        /// Sets the processors for worker threads: `cpu_set_t`; `nr_args` is its size in bytes.
        /// Kernel 5.14.
        IORING_REGISTER_IOWQ_AFF = 17,
        /// Lets worker threads run on all processors again. Kernel 5.14.
        IORING_UNREGISTER_IOWQ_AFF = 18,

        /// Limits the worker threads: array of two `unsigned int`, indexed by `enum io_wq_type`,
        /// exchanged for the previous limits; 0 leaves a limit unchanged. Kernel 5.15.
        IORING_REGISTER_IOWQ_MAX_WORKERS = 19,

        /// Registers ring file descriptors for the calling task: `struct io_uring_rsrc_update`
        /// array, where `data` is the descriptor and `offset` the index, or -1 to get one.
        /// Kernel 5.18.
        IORING_REGISTER_RING_FDS = 20,
        /// Unregisters ring file descriptors: `struct io_uring_rsrc_update` array with `offset`
        /// set. Kernel 5.18.
        IORING_UNREGISTER_RING_FDS = 21,

        /// Registers a buffer ring: `struct io_uring_buf_reg`. Kernel 5.19.
        IORING_REGISTER_PBUF_RING = 22,
        /// Unregisters a buffer ring: `struct io_uring_buf_reg` with `bgid` set. Kernel 5.19.
        IORING_UNREGISTER_PBUF_RING = 23,

        /// Cancels requests and waits until they have ended: `struct io_uring_sync_cancel_reg`.
        /// Kernel 6.0.
        IORING_REGISTER_SYNC_CANCEL = 24,

        /// Limits the slots that `IORING_FILE_INDEX_ALLOC` chooses from:
        /// `struct io_uring_file_index_range`; `nr_args` is 0. Kernel 6.0.
        IORING_REGISTER_FILE_ALLOC_RANGE = 25,

        /// Gets the kernel's head of a buffer ring: `struct io_uring_buf_status`. Kernel 6.8.
        IORING_REGISTER_PBUF_STATUS = 26,

        /// Enables busy polling of network devices during waits: `struct io_uring_napi`, exchanged
        /// for the previous settings. Kernel 6.9.
        IORING_REGISTER_NAPI = 27,
        /// Disables it: `struct io_uring_napi`, filled with the previous settings, or null.
        /// Kernel 6.9.
        IORING_UNREGISTER_NAPI = 28,

        /// Sets the clock for the timeouts of waits: `struct io_uring_clock_register`; `nr_args` is
        /// 0. Kernel 6.12.
        IORING_REGISTER_CLOCK = 29,

        /// Copies another ring's registered buffers: `struct io_uring_clone_buffers`. Kernel 6.12.
        IORING_REGISTER_CLONE_BUFFERS = 30,

        /// Performs an `IORING_OP_MSG_RING` without a ring (file descriptor -1):
        /// `struct io_uring_sqe`. Kernel 6.13.
        IORING_REGISTER_SEND_MSG_RING = 31,

        /// Registers a network device queue for zero-copy receive: `struct io_uring_zcrx_ifq_reg`.
        /// Kernel 6.15.
        IORING_REGISTER_ZCRX_IFQ = 32,

        /// Resizes both queues: `struct io_uring_params`. The ring must then be mapped again.
        /// Kernel 6.13.
        IORING_REGISTER_RESIZE_RINGS = 33,

        /// Registers memory for wait arguments: `struct io_uring_mem_region_reg`. Kernel 6.13.
        IORING_REGISTER_MEM_REGION = 34,

        /// Queries the kernel's features: `struct io_uring_query_hdr`; `nr_args` is 0. The file
        /// descriptor may be -1. Kernel 6.18.
        IORING_REGISTER_QUERY = 35,

        /// Controls a zero-copy receive context: `struct zcrx_ctrl`; `nr_args` is 0. Kernel 6.19.
        IORING_REGISTER_ZCRX_CTRL = 36,

        /// Registers a filter program for requests: `struct io_uring_bpf`. With file descriptor -1
        /// it filters all later rings of the calling task. Kernel 7.0.
        IORING_REGISTER_BPF_FILTER = 37,

        /// One more than the last command in this header. Not a command.
        IORING_REGISTER_LAST,

        /// OR this into the command: the file descriptor is an index from
        /// `IORING_REGISTER_RING_FDS`. Kernel 6.3.
        IORING_REGISTER_USE_REGISTERED_RING = 1 << 31,
    }
}

c_enum! {
    /// The two kinds of worker threads: indices for `IORING_REGISTER_IOWQ_MAX_WORKERS`.
    #[repr(i32)]
    pub enum io_wq_type {
        /// For work that completes in limited time: regular files and block devices.
        IO_WQ_BOUND = 0,
        /// For work that may never complete: sockets, pipes, character devices.
        IO_WQ_UNBOUND = 1,
    }
}

/// In `flags` of `struct io_uring_probe_op`: the kernel supports this operation. Kernel 5.6.
pub const IO_URING_OP_SUPPORTED: c_uint = 1 << 0;

/// Whether the kernel supports an operation.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_probe_op {
    /// The operation: an `IORING_OP_*` code.
    pub op: __u8,
    /// Must be 0.
    pub resv: __u8,
    /// `IO_URING_OP_*` bits.
    pub flags: __u16,
    /// Must be 0.
    pub resv2: __u32,
}

/// The operations that the kernel supports: for `IORING_REGISTER_PROBE`. Clear it before use.
/// Kernel 5.6.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_probe {
    /// Highest operation that the kernel knows.
    pub last_op: __u8,
    /// The number of elements of `ops` that the kernel filled in.
    pub ops_len: __u8,
    /// Must be 0.
    pub resv: __u16,
    /// Must be 0.
    pub resv2: [__u32; 3],
    /// One element for each operation, starting at 0.
    pub ops: flex<io_uring_probe_op>,
}

c_enum! {
    /// Kinds of restriction: values of `opcode` in `struct io_uring_restriction`. Kernel 5.10.
    #[repr(i32)]
    pub enum io_uring_register_restriction_op {
        /// Allows the command `register_op` of `io_uring_register()`.
        IORING_RESTRICTION_REGISTER_OP = 0,

        /// Allows the operation `sqe_op`.
        IORING_RESTRICTION_SQE_OP = 1,

        /// Allows the `IOSQE_*` bits in `sqe_flags`.
        IORING_RESTRICTION_SQE_FLAGS_ALLOWED = 2,

        /// Requires the `IOSQE_*` bits in `sqe_flags` of every request.
        IORING_RESTRICTION_SQE_FLAGS_REQUIRED = 3,

        /// One more than the last kind. Not a kind.
        IORING_RESTRICTION_LAST,
    }
}

/// A permission of a restricted ring. Kernel 5.10.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct io_uring_restriction {
    /// The kind: an `IORING_RESTRICTION_*` value.
    pub opcode: __u16,
    /// The permitted command, operation or flags.
    pub anon_what: anon_restriction_what,
    /// Must be 0.
    pub resv: __u8,
    /// Must be 0.
    pub resv2: [__u32; 3],
}

/// The command, operation or flags of a restriction.
#[repr(C)]
#[derive(Clone, Copy)]
pub union anon_restriction_what {
    /// A command, with `IORING_RESTRICTION_REGISTER_OP`.
    pub register_op: __u8,
    /// An operation, with `IORING_RESTRICTION_SQE_OP`.
    pub sqe_op: __u8,
    /// `IOSQE_*` bits, with `IORING_RESTRICTION_SQE_FLAGS_ALLOWED` and
    /// `IORING_RESTRICTION_SQE_FLAGS_REQUIRED`.
    pub sqe_flags: __u8,
}

/// Restrictions for a task: they apply to every ring that it and its children create later.
/// Kernel 7.0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct io_uring_task_restriction {
    /// Must be 0.
    pub flags: __u16,
    /// Number of elements in `restrictions`.
    pub nr_res: __u16,
    /// Must be 0.
    pub resv: [__u32; 3],
    /// The restrictions, `nr_res` of them.
    pub restrictions: [io_uring_restriction; 0],
}

/// For `IORING_REGISTER_CLOCK`. Kernel 6.12.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_clock_register {
    /// `CLOCK_MONOTONIC`, which is the default, or `CLOCK_BOOTTIME`.
    pub clockid: __u32,
    /// Must be 0.
    pub __resv: [__u32; 3],
}

/// For `IORING_REGISTER_NAPI` and `IORING_UNREGISTER_NAPI`. Kernel 6.9.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_napi {
    /// Microseconds to poll the network devices before sleeping.
    pub busy_poll_to: __u32,
    /// If not 0, prefer polling to interrupts, as with `SO_PREFER_BUSY_POLL`.
    pub prefer_busy_poll: __u8,
    /// Must be 0.
    pub pad: [__u8; 3],
    /// Must be 0.
    pub resv: __u64,
}

/// For `IORING_REGISTER_SYNC_CANCEL`. Kernel 6.0.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_sync_cancel_reg {
    /// `user_data` to match.
    pub addr: __u64,
    /// File to match, with `IORING_ASYNC_CANCEL_FD`.
    pub fd: __s32,
    /// `IORING_ASYNC_CANCEL_*` bits.
    pub flags: __u32,
    /// The timeout of the wait; both fields -1 for none.
    pub timeout: __kernel_timespec,
    /// Operation to match, with `IORING_ASYNC_CANCEL_OP`. Kernel 6.6.
    pub opcode: __u8,
    /// Must be 0.
    pub pad: [__u8; 7],
    /// Must be 0.
    pub pad2: [__u64; 3],
}

layout! { io_uring_probe_op: 8, 4 {
    op 0, resv 1, flags 2, resv2 4
} }

layout! { io_uring_probe: 16, 4 {
    last_op 0, ops_len 1, resv 2, resv2 4, ops 16
} }

layout! { io_uring_restriction: 16, 4 {
    opcode 0, anon_what.register_op 2, anon_what.sqe_op 2, anon_what.sqe_flags 2, resv 3,
    resv2 4
} }

layout! { io_uring_task_restriction: 16, 4 {
    flags 0, nr_res 2, resv 4, restrictions 16
} }

layout! { io_uring_clock_register: 16, 4 {
    clockid 0, __resv 4
} }

layout! { io_uring_napi: 16, 8 {
    busy_poll_to 0, prefer_busy_poll 4, pad 5, resv 8
} }

layout! { io_uring_sync_cancel_reg: 64, 8 {
    addr 0, fd 8, flags 12, timeout 16, opcode 32, pad 33, pad2 40
} }
