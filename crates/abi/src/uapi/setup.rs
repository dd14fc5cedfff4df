//! Creating a ring and mapping its memory: `io_uring_setup()`.

use crate::ctypes::{__u32, __u64, c_int, c_uint};

/// In `params->flags`: the application polls the device for completions instead of using interrupts.
///
/// For `O_DIRECT` reads and writes on files and devices that support it. Kernel 5.1.
pub const IORING_SETUP_IOPOLL: c_uint = 1 << 0;

/// In `params->flags`: a submission thread in the kernel polls the submission queue, so that submitting needs no system
/// call.
///
/// The thread sleeps after `sq_thread_idle` milliseconds without work: see `IORING_SQ_NEED_WAKEUP`. Kernel 5.1.
pub const IORING_SETUP_SQPOLL: c_uint = 1 << 1;

/// In `params->flags`: the submission thread runs only on processor `sq_thread_cpu`. Kernel 5.1.
pub const IORING_SETUP_SQ_AFF: c_uint = 1 << 2;

/// In `params->flags`: `cq_entries` is the size of the completion queue; the default is twice that of the submission
/// queue. Kernel 5.5.
pub const IORING_SETUP_CQSIZE: c_uint = 1 << 3;

/// In `params->flags`: reduce sizes above the kernel's limits to these limits instead of failing. Kernel 5.6.
pub const IORING_SETUP_CLAMP: c_uint = 1 << 4;

/// In `params->flags`: share the submission thread of the ring `wq_fd` (before kernel 5.12 its workers, too).
/// Kernel 5.6.
pub const IORING_SETUP_ATTACH_WQ: c_uint = 1 << 5;

/// In `params->flags`: the ring is disabled until `IORING_REGISTER_ENABLE_RINGS`. Kernel 5.10.
pub const IORING_SETUP_R_DISABLED: c_uint = 1 << 6;

/// In `params->flags`: continue a submission after an entry that fails. Kernel 5.18.
pub const IORING_SETUP_SUBMIT_ALL: c_uint = 1 << 7;

/// In `params->flags`: do not interrupt the application to process completions.
///
/// They are processed when it next enters the kernel for any reason, which saves an interrupt between processors.
/// Kernel 5.19.
pub const IORING_SETUP_COOP_TASKRUN: c_uint = 1 << 8;

/// In `params->flags`: set `IORING_SQ_TASKRUN` while completions are waiting to be processed.
///
/// Needs `IORING_SETUP_COOP_TASKRUN` or `IORING_SETUP_DEFER_TASKRUN`. Kernel 5.19.
pub const IORING_SETUP_TASKRUN_FLAG: c_uint = 1 << 9;

/// In `params->flags`: submission entries have 128 bytes. Kernel 5.19.
pub const IORING_SETUP_SQE128: c_uint = 1 << 10;

/// In `params->flags`: completion entries have 32 bytes. Kernel 5.19.
pub const IORING_SETUP_CQE32: c_uint = 1 << 11;

/// In `params->flags`: only one task submits, which allows optimizations in the kernel.
///
/// This is the task that created the ring, or that enabled it; others get -EEXIST. Kernel 6.0.
pub const IORING_SETUP_SINGLE_ISSUER: c_uint = 1 << 12;

/// In `params->flags`: process completions only when the application waits for them.
///
/// The submitting task waits with `IORING_ENTER_GETEVENTS`. Needs `IORING_SETUP_SINGLE_ISSUER`. Kernel 6.1.
pub const IORING_SETUP_DEFER_TASKRUN: c_uint = 1 << 13;

/// In `params->flags`: the application provides the memory: `cq_off.user_addr` for both rings and `sq_off.user_addr`
/// for the submission entries. Kernel 6.5.
pub const IORING_SETUP_NO_MMAP: c_uint = 1 << 14;

/// In `params->flags`: create no file descriptor; register the ring and return its index.
///
/// Needs `IORING_SETUP_NO_MMAP`. Use the index with `IORING_ENTER_REGISTERED_RING` and
/// `IORING_REGISTER_USE_REGISTERED_RING`. Kernel 6.5.
pub const IORING_SETUP_REGISTERED_FD_ONLY: c_uint = 1 << 15;

/// In `params->flags`: the submission ring has no array of indices; slot n is entry n. Kernel 6.6.
pub const IORING_SETUP_NO_SQARRAY: c_uint = 1 << 16;

/// In `params->flags`, with `IORING_SETUP_IOPOLL`: sleep before polling, to save processor time. Kernel 6.13.
pub const IORING_SETUP_HYBRID_IOPOLL: c_uint = 1 << 17;

/// In `params->flags`: completions have 16 or 32 bytes; those of 32 have `IORING_CQE_F_32` set.
/// Kernel 6.18.
pub const IORING_SETUP_CQE_MIXED: c_uint = 1 << 18;

/// In `params->flags`: submission entries have 64 or 128 bytes, depending on the opcode. Kernel 6.19.
pub const IORING_SETUP_SQE_MIXED: c_uint = 1 << 19;

/// In `params->flags`: every submission starts at entry 0 and takes the number of entries given in the call.
///
/// The application leaves head and tail at 0. Needs `IORING_SETUP_NO_SQARRAY`, excludes
/// `IORING_SETUP_SQPOLL`. Kernel 7.0.
pub const IORING_SETUP_SQ_REWIND: c_uint = 1 << 20;

/// Offset for `mmap()` of the ring's file: the submission ring. Kernel 5.1.
pub const IORING_OFF_SQ_RING: __u64 = 0;

/// Offset for `mmap()` of the ring's file: the completion ring. Kernel 5.1.
pub const IORING_OFF_CQ_RING: __u64 = 0x800_0000;

/// Offset for `mmap()` of the ring's file: the submission entries. Kernel 5.1.
pub const IORING_OFF_SQES: __u64 = 0x1000_0000;

/// Offset for `mmap()` of the ring's file: a buffer ring that the kernel allocated, see
/// `IOU_PBUF_RING_MMAP`.
///
/// Add the group's ID, shifted by `IORING_OFF_PBUF_SHIFT`. Kernel 6.4.
pub const IORING_OFF_PBUF_RING: __u64 = 0x8000_0000;

/// Shift a buffer group's ID left by this number of bits for the offset of `mmap()`. Kernel 6.4.
pub const IORING_OFF_PBUF_SHIFT: c_int = 16;

/// The part of an offset for `mmap()` that selects what to map. Kernel 6.4.
pub const IORING_OFF_MMAP_MASK: __u64 = 0xf800_0000;

/// Offsets in bytes of the parts of the mapped submission ring. The kernel fills them in.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_sqring_offsets {
    /// The next slot that the kernel reads; only the kernel writes it.
    pub head: __u32,
    /// The slot after the last one submitted; only the application writes it.
    pub tail: __u32,
    /// `ring_entries` minus one, the mask that turns head and tail into a slot.
    pub ring_mask: __u32,
    /// Number of slots.
    pub ring_entries: __u32,
    /// `IORING_SQ_*` bits from the kernel.
    pub flags: __u32,
    /// The number of slots skipped because of an invalid index.
    pub dropped: __u32,
    /// Array of indices of entries, one per slot; 0 with `IORING_SETUP_NO_SQARRAY`.
    pub array: __u32,
    /// Reserved.
    pub resv1: __u32,
    /// With `IORING_SETUP_NO_MMAP`, the application's memory for the submission entries.
    pub user_addr: __u64,
}

/// In the submission ring's flags: the submission thread sleeps; wake it with `IORING_ENTER_SQ_WAKEUP`. Kernel 5.1.
pub const IORING_SQ_NEED_WAKEUP: c_uint = 1 << 0;

/// In the submission ring's flags: the kernel holds back completions because the completion queue is full.
///
/// Enter the kernel to move them into the queue. Kernel 5.8.
pub const IORING_SQ_CQ_OVERFLOW: c_uint = 1 << 1;

/// In the submission ring's flags: enter the kernel to process completions: see `IORING_SETUP_TASKRUN_FLAG`.
/// Kernel 5.19.
pub const IORING_SQ_TASKRUN: c_uint = 1 << 2;

/// Offsets in bytes of the parts of the mapped completion ring. The kernel fills them in.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_cqring_offsets {
    /// The next entry that the application reads; only the application writes it.
    pub head: __u32,
    /// The slot after the last entry posted; only the kernel writes it.
    pub tail: __u32,
    /// `ring_entries` minus one, the mask that turns head and tail into a slot.
    pub ring_mask: __u32,
    /// Number of slots.
    pub ring_entries: __u32,
    /// The number of lost completions; with `IORING_FEAT_NODROP` only if memory ran out.
    pub overflow: __u32,
    /// The entries themselves.
    pub cqes: __u32,
    /// `IORING_CQ_*` bits from the application. Kernel 5.8.
    pub flags: __u32,
    /// Reserved.
    pub resv1: __u32,
    /// With `IORING_SETUP_NO_MMAP`, the application's memory for both rings.
    pub user_addr: __u64,
}

/// In the completion ring's flags: do not signal the registered eventfd. Kernel 5.8.
pub const IORING_CQ_EVENTFD_DISABLED: c_uint = 1 << 0;

/// Parameters and properties of a ring, for `io_uring_setup()`. Clear it before use.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_params {
    /// Out: slots of the submission queue, a power of two.
    pub sq_entries: __u32,
    /// In, with `IORING_SETUP_CQSIZE`, and out: slots of the completion queue, a power of two.
    pub cq_entries: __u32,
    /// In: `IORING_SETUP_*` bits.
    pub flags: __u32,
    /// In, with `IORING_SETUP_SQ_AFF`: processor for the submission thread.
    pub sq_thread_cpu: __u32,
    /// In, with `IORING_SETUP_SQPOLL`: milliseconds without work until the submission thread sleeps; 0 means 1000.
    pub sq_thread_idle: __u32,
    /// Out: `IORING_FEAT_*` bits.
    pub features: __u32,
    /// In, with `IORING_SETUP_ATTACH_WQ`: file descriptor of the other ring.
    pub wq_fd: __u32,
    /// Must be 0.
    pub resv: [__u32; 3],
    /// Out: layout of the submission ring.
    pub sq_off: io_sqring_offsets,
    /// Out: layout of the completion ring.
    pub cq_off: io_cqring_offsets,
}

/// In `params->features`: one `mmap()` maps both rings. Kernel 5.4.
pub const IORING_FEAT_SINGLE_MMAP: c_uint = 1 << 0;

/// In `params->features`: completions that don't fit into the queue are kept in the kernel instead of lost. Kernel 5.5.
pub const IORING_FEAT_NODROP: c_uint = 1 << 1;

/// In `params->features`: the kernel copies what an entry points to, except data buffers, when it takes the entry.
/// Kernel 5.5.
pub const IORING_FEAT_SUBMIT_STABLE: c_uint = 1 << 2;

/// In `params->features`: `sqe->off` of -1 reads or writes at the current file position. Kernel 5.6.
pub const IORING_FEAT_RW_CUR_POS: c_uint = 1 << 3;

/// In `params->features`: a request runs with the credentials of the submitter, not of the ring's creator. Kernel 5.6.
pub const IORING_FEAT_CUR_PERSONALITY: c_uint = 1 << 4;

/// In `params->features`: a request on a file that is not ready waits with a poll instead of a thread. Kernel 5.7.
pub const IORING_FEAT_FAST_POLL: c_uint = 1 << 5;

/// In `params->features`: poll masks have 32 bits, so that `EPOLLEXCLUSIVE` works. Kernel 5.9.
pub const IORING_FEAT_POLL_32BITS: c_uint = 1 << 6;

/// In `params->features`: `IORING_SETUP_SQPOLL` works with files that are not registered.
/// Kernel 5.11.
pub const IORING_FEAT_SQPOLL_NONFIXED: c_uint = 1 << 7;

/// In `params->features`: `IORING_ENTER_EXT_ARG` works, so that waits can have a timeout. Kernel 5.11.
pub const IORING_FEAT_EXT_ARG: c_uint = 1 << 8;

/// In `params->features`: worker threads belong to the application's process. Kernel 5.12.
pub const IORING_FEAT_NATIVE_WORKERS: c_uint = 1 << 9;

/// In `params->features`: registered files and buffers can have tags, and buffers can be replaced individually.
/// Kernel 5.13.
pub const IORING_FEAT_RSRC_TAGS: c_uint = 1 << 10;

/// In `params->features`: `IOSQE_CQE_SKIP_SUCCESS` works. Kernel 5.17.
pub const IORING_FEAT_CQE_SKIP: c_uint = 1 << 11;

/// In `params->features`: a linked request looks up its file when it starts, so that it can use a direct descriptor
/// that an earlier request opened. Kernel 5.18.
pub const IORING_FEAT_LINKED_FILE: c_uint = 1 << 12;

/// In `params->features`: `IORING_REGISTER_USE_REGISTERED_RING` works. Kernel 6.3.
pub const IORING_FEAT_REG_REG_RING: c_uint = 1 << 13;

/// In `params->features`: `IORING_RECVSEND_BUNDLE` works, and sends can use provided buffers.
/// Kernel 6.10.
pub const IORING_FEAT_RECVSEND_BUNDLE: c_uint = 1 << 14;

/// In `params->features`: waits can have a minimum time: see `min_wait_usec`. Kernel 6.12.
pub const IORING_FEAT_MIN_TIMEOUT: c_uint = 1 << 15;

/// In `params->features`: reads and writes can have attributes: see `sqe->attr_ptr`. Kernel 6.14.
pub const IORING_FEAT_RW_ATTR: c_uint = 1 << 16;

/// In `params->features`: `IORING_ENTER_NO_IOWAIT` works. Kernel 6.15.
pub const IORING_FEAT_NO_IOWAIT: c_uint = 1 << 17;

layout! { io_sqring_offsets: 40, 8 {
    head 0, tail 4, ring_mask 8, ring_entries 12, flags 16, dropped 20, array 24, resv1 28,
    user_addr 32
} }

layout! { io_cqring_offsets: 40, 8 {
    head 0, tail 4, ring_mask 8, ring_entries 12, overflow 16, cqes 20, flags 24, resv1 28,
    user_addr 32
} }

layout! { io_uring_params: 120, 8 {
    sq_entries 0, cq_entries 4, flags 8, sq_thread_cpu 12, sq_thread_idle 16, features 20,
    wq_fd 24, resv 28, sq_off 40, cq_off 80
} }
