//! Provided buffers: a ring of buffers from which the kernel picks one when data arrives.

use crate::ctypes::{__u16, __u32, __u64};

/// One buffer in a buffer ring. Kernel 5.19.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_buf {
    /// Address of the buffer.
    pub addr: __u64,
    /// Its size in bytes.
    pub len: __u32,
    /// Its ID, which `cqe->flags` reports.
    pub bid: __u16,
    /// Do not write: in the first element this is the tail of the ring.
    pub resv: __u16,
}

/// The ring: an array of buffers, with the tail inside the unused end of the first one.
/// Kernel 5.19.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct io_uring_buf_ring {
    /// The header and the buffers share their memory.
    pub anon_ring: anon_buf_ring,
}

/// The header and the buffers share their memory.
#[repr(C)]
#[derive(Clone, Copy)]
pub union anon_buf_ring {
    /// As a header.
    pub anon_head: anon_buf_ring_head,
    /// As buffers; their number is a power of two.
    pub bufs: [io_uring_buf; 0],
}

/// The header of a buffer ring.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct anon_buf_ring_head {
    /// The first buffer's `addr`.
    pub resv1: __u64,
    /// The first buffer's `len`.
    pub resv2: __u32,
    /// The first buffer's `bid`.
    pub resv3: __u16,
    /// The number of buffers added so far; only the application writes it.
    pub tail: __u16,
}

c_enum! {
    /// Values of `flags` in `struct io_uring_buf_reg`.
    #[repr(i32)]
    pub enum io_uring_register_pbuf_ring_flags {
        /// The kernel allocates the ring; `ring_addr` must be 0, and `mmap()` with
        /// `IORING_OFF_PBUF_RING` gives its address. Kernel 6.4.
        IOU_PBUF_RING_MMAP = 1,
        /// A buffer is filled piece by piece, by several requests, until it is full.
        ///
        /// `IORING_CQE_F_BUF_MORE` means that a buffer is still in use; the application must track
        /// where the next data starts in it. Kernel 6.12.
        IOU_PBUF_RING_INC = 2,
    }
}

/// For `IORING_REGISTER_PBUF_RING` and `IORING_UNREGISTER_PBUF_RING`. Clear it before use.
/// Kernel 5.19.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_buf_reg {
    /// Address of the ring, aligned to a page.
    pub ring_addr: __u64,
    /// Number of buffers in the ring: a power of two, at most 32768.
    pub ring_entries: __u32,
    /// ID of the group, for `sqe->buf_group`.
    pub bgid: __u16,
    /// `IOU_PBUF_RING_*` bits.
    pub flags: __u16,
    /// With `IOU_PBUF_RING_INC`: a buffer with fewer bytes left counts as full; 0 means 1.
    pub min_left: __u32,
    /// Must be 0.
    pub resv: [__u32; 5],
}

/// For `IORING_REGISTER_PBUF_STATUS`. Kernel 6.8.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_buf_status {
    /// In: ID of the group.
    pub buf_group: __u32,
    /// Out: the kernel's head of the ring, a counter like the ring's tail.
    pub head: __u32,
    /// Must be 0.
    pub resv: [__u32; 8],
}

layout! { io_uring_buf: 16, 8 {
    addr 0, len 8, bid 12, resv 14
} }

layout! { io_uring_buf_ring: 16, 8 {
    anon_ring.anon_head.resv1 0, anon_ring.anon_head.resv2 8, anon_ring.anon_head.resv3 12,
    anon_ring.anon_head.tail 14, anon_ring.bufs 0
} }

layout! { io_uring_buf_reg: 40, 8 {
    ring_addr 0, ring_entries 8, bgid 12, flags 14, min_left 16, resv 20
} }

layout! { io_uring_buf_status: 40, 4 {
    buf_group 0, head 4, resv 8
} }
