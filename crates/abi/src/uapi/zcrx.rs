//! Zero-copy receive: the network device writes into the application's memory.

use crate::ctypes::{__u32, __u64, c_int};

/// An entry of the refill queue, which returns a piece of the area to the kernel. Kernel 6.15.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_zcrx_rqe {
    /// Offset of the piece in the area, with the area's `rq_area_token` in the upper bits.
    pub off: __u64,
    /// Its size in bytes: `cqe->res` of its completion.
    pub len: __u32,
    /// Must be 0.
    pub __pad: __u32,
}

/// Location of received data: the second half of the completion of `IORING_OP_RECV_ZC`.
/// Kernel 6.15.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_zcrx_cqe {
    /// Offset in the area, with the area's number in the bits of `IORING_ZCRX_AREA_MASK`.
    pub off: __u64,
    /// Must be 0.
    pub __pad: __u64,
}

/// The lowest bit of the area's number in an offset. Kernel 6.15.
pub const IORING_ZCRX_AREA_SHIFT: c_int = 48;

/// The bits of an offset that hold the number of the area. Kernel 6.15.
pub const IORING_ZCRX_AREA_MASK: __u64 = !((1 << IORING_ZCRX_AREA_SHIFT) - 1);

/// Offsets in bytes of the parts of the refill queue in its region. Kernel 6.15.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_zcrx_offsets {
    /// The next entry that the kernel reads; only the kernel writes it.
    pub head: __u32,
    /// The slot after the last entry added; only the application writes it.
    pub tail: __u32,
    /// The entries, an array of `struct io_uring_zcrx_rqe`.
    pub rqes: __u32,
    /// Must be 0.
    pub __resv2: __u32,
    /// Must be 0.
    pub __resv: [__u64; 2],
}

c_enum! {
    /// Values of `flags` in `struct io_uring_zcrx_area_reg`.
    #[repr(i32)]
    pub enum io_uring_zcrx_area_flags {
        /// The area is the DMA buffer `dmabuf_fd`, not memory at an address. Kernel 6.16.
        IORING_ZCRX_AREA_DMABUF = 1,
    }
}

/// The memory that receives data. Kernel 6.15.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_zcrx_area_reg {
    /// Address of the memory, aligned to a page; 0 for a DMA buffer.
    pub addr: __u64,
    /// Its size in bytes: whole pages.
    pub len: __u64,
    /// Out: the upper bits for `off` of a refill entry.
    pub rq_area_token: __u64,
    /// `IORING_ZCRX_AREA_*` bits.
    pub flags: __u32,
    /// With `IORING_ZCRX_AREA_DMABUF`, the buffer's file descriptor.
    pub dmabuf_fd: __u32,
    /// Must be 0.
    pub __resv2: [__u64; 2],
}

c_enum! {
    /// Values of `flags` in `struct io_uring_zcrx_ifq_reg`.
    #[repr(i32)]
    pub enum zcrx_reg_flags {
        /// Share a context of another ring: `if_idx` is the file descriptor from
        /// `ZCRX_CTRL_EXPORT`. Kernel 6.19.
        ZCRX_REG_IMPORT = 1,
        /// Use no network device: all data is copied into the area.
        ///
        /// The kernel may then not read the refill queue by itself: see `ZCRX_CTRL_FLUSH_RQ`.
        ZCRX_REG_NODEV = 2,
    }
}

c_enum! {
    /// Features of the kernel's zero-copy receive: bits in `features` of
    /// `struct io_uring_query_zcrx`.
    #[repr(i32)]
    pub enum zcrx_features {
        /// `rx_buf_len` of `struct io_uring_zcrx_ifq_reg` can set the size of receive buffers.
        ZCRX_FEATURE_RX_PAGE_SIZE = 1 << 0,
    }
}

/// For `IORING_REGISTER_ZCRX_IFQ`, which creates a receive context. Clear it before use.
///
/// The ring needs `IORING_SETUP_DEFER_TASKRUN` and 32-byte completions, the caller `CAP_NET_ADMIN`.
/// Kernel 6.15.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_zcrx_ifq_reg {
    /// Index of the network interface.
    pub if_idx: __u32,
    /// Its receive queue.
    pub if_rxq: __u32,
    /// Number of entries of the refill queue, rounded up to a power of two.
    pub rq_entries: __u32,
    /// `ZCRX_REG_*` bits.
    pub flags: __u32,

    /// Address of a `struct io_uring_zcrx_area_reg`.
    pub area_ptr: __u64,
    /// Address of a `struct io_uring_region_desc`: the memory for the refill queue.
    pub region_ptr: __u64,

    /// Out: layout of the refill queue.
    pub offsets: io_uring_zcrx_offsets,
    /// Out: ID of the context, for `sqe->zcrx_ifq_idx`.
    pub zcrx_id: __u32,
    /// Size of receive buffers, 0 for the default: see `ZCRX_FEATURE_RX_PAGE_SIZE`.
    pub rx_buf_len: __u32,
    /// Must be 0.
    pub __resv: [__u64; 3],
}

c_enum! {
    /// Operations on a receive context: values of `op` in `struct zcrx_ctrl`.
    #[repr(i32)]
    pub enum zcrx_ctrl_op {
        /// Take the entries of the refill queue now. Kernel 6.19.
        ZCRX_CTRL_FLUSH_RQ = 0,
        /// Create a file descriptor with which another ring can share the context. Kernel 6.19.
        ZCRX_CTRL_EXPORT = 1,

        /// One more than the last operation. Not an operation.
        __ZCRX_CTRL_LAST,
    }
}

/// For `ZCRX_CTRL_FLUSH_RQ`. Kernel 6.19.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct zcrx_ctrl_flush_rq {
    /// Must be 0.
    pub __resv: [__u64; 6],
}

/// For `ZCRX_CTRL_EXPORT`. Kernel 6.19.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct zcrx_ctrl_export {
    /// Out: the file descriptor, for `ZCRX_REG_IMPORT`.
    pub zcrx_fd: __u32,
    /// Must be 0.
    pub __resv1: [__u32; 11],
}

/// For `IORING_REGISTER_ZCRX_CTRL`. Kernel 6.19.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct zcrx_ctrl {
    /// ID of the context.
    pub zcrx_id: __u32,
    /// The operation: a `ZCRX_CTRL_*` value.
    pub op: __u32,
    /// Must be 0.
    pub __resv: [__u64; 2],

    /// The argument of the operation.
    pub anon_arg: anon_zcrx_ctrl_arg,
}

/// The argument of an operation.
#[repr(C)]
#[derive(Clone, Copy)]
pub union anon_zcrx_ctrl_arg {
    /// For `ZCRX_CTRL_EXPORT`.
    pub zc_export: zcrx_ctrl_export,
    /// For `ZCRX_CTRL_FLUSH_RQ`.
    pub zc_flush: zcrx_ctrl_flush_rq,
}

layout! { io_uring_zcrx_rqe: 16, 8 {
    off 0, len 8, __pad 12
} }

layout! { io_uring_zcrx_cqe: 16, 8 {
    off 0, __pad 8
} }

layout! { io_uring_zcrx_offsets: 32, 8 {
    head 0, tail 4, rqes 8, __resv2 12, __resv 16
} }

layout! { io_uring_zcrx_area_reg: 48, 8 {
    addr 0, len 8, rq_area_token 16, flags 24, dmabuf_fd 28, __resv2 32
} }

layout! { io_uring_zcrx_ifq_reg: 96, 8 {
    if_idx 0, if_rxq 4, rq_entries 8, flags 12, area_ptr 16, region_ptr 24, offsets 32,
    zcrx_id 64, rx_buf_len 68, __resv 72
} }

layout! { zcrx_ctrl_flush_rq: 48, 8 {
    __resv 0
} }

layout! { zcrx_ctrl_export: 48, 4 {
    zcrx_fd 0, __resv1 4
} }

layout! { zcrx_ctrl: 72, 8 {
    zcrx_id 0, op 4, __resv 8, anon_arg.zc_export 24, anon_arg.zc_flush 24
} }
