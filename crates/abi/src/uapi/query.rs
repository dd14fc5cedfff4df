//! Queries of the kernel's features: `IORING_REGISTER_QUERY`. This is a separate header.

use crate::ctypes::{__s32, __u32, __u64};

/// A query. One call can process a chain of several queries. Kernel 6.18.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_query_hdr {
    /// Address of the next `struct io_uring_query_hdr`, or 0.
    pub next_entry: __u64,
    /// Address of the structure for the answer.
    pub query_data: __u64,
    /// The type of query: an `IO_URING_QUERY_*` value.
    pub query_op: __u32,
    /// In: size of that structure. Out: the number of bytes that the kernel filled in.
    pub size: __u32,
    /// Out: 0, or -errno; -EOPNOTSUPP for a query that the kernel does not know.
    pub result: __s32,
    /// Must be 0.
    pub __resv: [__u32; 3],
}

c_enum! {
    /// The types of query: values of `query_op`.
    #[repr(i32)]
    pub enum anon_query_op {
        /// Supported operations, commands and flags: `struct io_uring_query_opcode`. Kernel 6.18.
        IO_URING_QUERY_OPCODES = 0,
        /// Features of zero-copy receive: `struct io_uring_query_zcrx`. Kernel 6.19.
        IO_URING_QUERY_ZCRX = 1,
        /// Size of the header of the rings: `struct io_uring_query_scq`. Kernel 6.19.
        IO_URING_QUERY_SCQ = 2,

        /// One more than the last query in this header. Not a query.
        __IO_URING_QUERY_MAX,
    }
}

/// Answer to `IO_URING_QUERY_OPCODES`, which needs no ring. Kernel 6.18.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_query_opcode {
    /// The number of operations (`IORING_OP_*`) that the kernel knows.
    pub nr_request_opcodes: __u32,
    /// The number of commands of `io_uring_register()` that it knows.
    pub nr_register_opcodes: __u32,
    /// The `IORING_FEAT_*` bits that it sets.
    pub feature_flags: __u64,
    /// The `IORING_SETUP_*` bits that it accepts.
    pub ring_setup_flags: __u64,
    /// The `IORING_ENTER_*` bits that it accepts.
    pub enter_flags: __u64,
    /// The `IOSQE_*` bits that it accepts.
    pub sqe_flags: __u64,
    /// The number of query types that it knows.
    pub nr_query_opcodes: __u32,
    /// Reserved.
    pub __pad: __u32,
}

/// Answer to `IO_URING_QUERY_ZCRX`. Kernel 6.19.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_query_zcrx {
    /// The `ZCRX_REG_*` bits that the kernel accepts.
    pub register_flags: __u64,
    /// The `IORING_ZCRX_AREA_*` bits that it accepts.
    pub area_flags: __u64,
    /// The number of `ZCRX_CTRL_*` operations that it knows.
    pub nr_ctrl_opcodes: __u32,
    /// `ZCRX_FEATURE_*` bits: its features.
    pub features: __u32,
    /// The number of bytes before the entries of a refill queue.
    pub rq_hdr_size: __u32,
    /// The alignment of these bytes.
    pub rq_hdr_alignment: __u32,
    /// Reserved.
    pub __resv2: __u64,
}

/// Answer to `IO_URING_QUERY_SCQ`. Kernel 6.19.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_query_scq {
    /// The number of bytes before the entries of the submission and completion rings.
    pub hdr_size: __u64,
    /// The alignment of these bytes.
    pub hdr_alignment: __u64,
}

layout! { io_uring_query_hdr: 40, 8 {
    next_entry 0, query_data 8, query_op 16, size 20, result 24, __resv 28
} }

layout! { io_uring_query_opcode: 48, 8 {
    nr_request_opcodes 0, nr_register_opcodes 4, feature_flags 8, ring_setup_flags 16,
    enter_flags 24, sqe_flags 32, nr_query_opcodes 40, __pad 44
} }

layout! { io_uring_query_zcrx: 40, 8 {
    register_flags 0, area_flags 8, nr_ctrl_opcodes 16, features 20, rq_hdr_size 24,
    rq_hdr_alignment 28, __resv2 32
} }

layout! { io_uring_query_scq: 16, 8 {
    hdr_size 0, hdr_alignment 8
} }
