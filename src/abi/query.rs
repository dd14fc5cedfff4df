//! Asking the kernel what it can do: `IORING_REGISTER_QUERY`. A header of its own.

use crate::ctypes::{__s32, __u32, __u64};

/// One question to the kernel. Several can be chained and asked in one call. Kernel 6.18.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_query_hdr {
    /// Address of the next `struct io_uring_query_hdr`, or 0.
    pub next_entry: __u64,
    /// Address of the structure for the answer.
    pub query_data: __u64,
    /// The question: an `IO_URING_QUERY_*` value.
    pub query_op: __u32,
    /// In: size of that structure. Out: how much of it the kernel filled in.
    pub size: __u32,
    /// Out: 0, or -errno; -EOPNOTSUPP for a question that the kernel does not know.
    pub result: __s32,
    /// Must be 0.
    pub __resv: [__u32; 3],
}

c_enum! {
    /// The questions: values of `query_op`.
    #[repr(i32)]
    pub enum anon_query_op {
        /// Which operations, commands and flags there are: `struct io_uring_query_opcode`.
        /// Kernel 6.18.
        IO_URING_QUERY_OPCODES = 0,
        /// What zero-copy receive can do: `struct io_uring_query_zcrx`. Kernel 6.19.
        IO_URING_QUERY_ZCRX = 1,
        /// How much room the head of the rings takes: `struct io_uring_query_scq`. Kernel 6.19.
        IO_URING_QUERY_SCQ = 2,

        /// One more than the last question that this header knows. Not a question.
        __IO_URING_QUERY_MAX,
    }
}

/// Answer to `IO_URING_QUERY_OPCODES`. No ring is needed. Kernel 6.18.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_query_opcode {
    /// How many operations (`IORING_OP_*`) the kernel has.
    pub nr_request_opcodes: __u32,
    /// How many commands of `io_uring_register()` it has.
    pub nr_register_opcodes: __u32,
    /// The `IORING_FEAT_*` bits that it sets.
    pub feature_flags: __u64,
    /// The `IORING_SETUP_*` bits that it takes.
    pub ring_setup_flags: __u64,
    /// The `IORING_ENTER_*` bits that it takes.
    pub enter_flags: __u64,
    /// The `IOSQE_*` bits that it takes.
    pub sqe_flags: __u64,
    /// How many questions it can answer.
    pub nr_query_opcodes: __u32,
    /// Reserved.
    pub __pad: __u32,
}

/// Answer to `IO_URING_QUERY_ZCRX`. Kernel 6.19.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_query_zcrx {
    /// The `ZCRX_REG_*` bits that the kernel takes.
    pub register_flags: __u64,
    /// The `IORING_ZCRX_AREA_*` bits that it takes.
    pub area_flags: __u64,
    /// How many `ZCRX_CTRL_*` commands it has.
    pub nr_ctrl_opcodes: __u32,
    /// `ZCRX_FEATURE_*` bits: what it can do.
    pub features: __u32,
    /// Bytes in front of the entries of a refill queue.
    pub rq_hdr_size: __u32,
    /// How these bytes must be aligned.
    pub rq_hdr_alignment: __u32,
    /// Reserved.
    pub __resv2: __u64,
}

/// Answer to `IO_URING_QUERY_SCQ`. Kernel 6.19.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_query_scq {
    /// Bytes in front of the entries of the submission and completion rings.
    pub hdr_size: __u64,
    /// How these bytes must be aligned.
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
