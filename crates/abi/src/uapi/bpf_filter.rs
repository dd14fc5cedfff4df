//! Classic BPF programs that allow or deny requests: `IORING_REGISTER_BPF_FILTER`. This is a
//! separate header.

use crate::ctypes::{__u8, __u16, __u32, __u64};

/// The input of a filter program: its loads use offsets in this structure. Kernel 7.0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct io_uring_bpf_ctx {
    /// `sqe->user_data`.
    pub user_data: __u64,
    /// `sqe->opcode`.
    pub opcode: __u8,
    /// `sqe->flags`.
    pub sqe_flags: __u8,
    /// The number of bytes of operation-specific data that follow; 0 for most operations.
    pub pdu_size: __u8,
    /// Always 0.
    pub pad: [__u8; 5],
    /// The operation-specific data.
    pub anon_pdu: anon_bpf_pdu,
}

/// The operation-specific data.
#[repr(C)]
#[derive(Clone, Copy)]
pub union anon_bpf_pdu {
    /// For `IORING_OP_SOCKET`: the arguments of `socket()`.
    pub socket: anon_bpf_socket,
    /// For `IORING_OP_OPENAT` and `IORING_OP_OPENAT2`: the members of `struct open_how`.
    pub open: anon_bpf_open,
}

/// The arguments of `socket()`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct anon_bpf_socket {
    /// Address family: `AF_*`.
    pub family: __u32,
    /// `SOCK_*`.
    pub r#type: __u32,
    /// `IPPROTO_*`, or 0.
    pub protocol: __u32,
}

/// The members of `struct open_how`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct anon_bpf_open {
    /// `O_*` bits.
    pub flags: __u64,
    /// Mode of a new file.
    pub mode: __u64,
    /// `RESOLVE_*` bits; only `IORING_OP_OPENAT2` has them.
    pub resolve: __u64,
}

c_enum! {
    /// Values of `flags` in `struct io_uring_bpf_filter`.
    #[repr(i32)]
    pub enum anon_bpf_filter_flags {
        /// Deny every operation that has no filter yet. Kernel 7.0.
        IO_URING_BPF_FILTER_DENY_REST = 1,
        /// Fail with -EMSGSIZE unless `pdu_size` equals the kernel's size; without this flag it may
        /// be smaller.
        IO_URING_BPF_FILTER_SZ_STRICT = 2,
    }
}

/// A filter program for one operation.
///
/// The program returns 0 to deny the request, which then fails with -EACCES. If an operation has
/// several filters, all must allow the request. Kernel 7.0.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct io_uring_bpf_filter {
    /// The operation: an `IORING_OP_*` code.
    pub opcode: __u32,
    /// `IO_URING_BPF_FILTER_*` bits.
    pub flags: __u32,
    /// Number of instructions in the program.
    pub filter_len: __u32,
    /// The number of bytes of operation-specific data that the program expects. If it exceeds the
    /// kernel's size, the call fails with -EMSGSIZE and stores the kernel's size here.
    pub pdu_size: __u8,
    /// Must be 0.
    pub resv: [__u8; 3],
    /// Address of the program, an array of `struct sock_filter`.
    pub filter_ptr: __u64,
    /// Must be 0.
    pub resv2: [__u64; 5],
}

c_enum! {
    /// Values of `cmd_type` in `struct io_uring_bpf`.
    #[repr(i32)]
    pub enum anon_bpf_cmd {
        /// Add a filter. Kernel 7.0.
        IO_URING_BPF_CMD_FILTER = 1,
    }
}

/// For `IORING_REGISTER_BPF_FILTER`.
///
/// The caller needs `CAP_SYS_ADMIN`, or must have set `PR_SET_NO_NEW_PRIVS`. Kernel 7.0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct io_uring_bpf {
    /// The command: an `IO_URING_BPF_CMD_*` value.
    pub cmd_type: __u16,
    /// Must be 0.
    pub cmd_flags: __u16,
    /// Must be 0.
    pub resv: __u32,
    /// The argument of the command.
    pub anon_arg: anon_bpf_arg,
}

/// The argument of the command.
#[repr(C)]
#[derive(Clone, Copy)]
pub union anon_bpf_arg {
    /// For `IO_URING_BPF_CMD_FILTER`.
    pub filter: io_uring_bpf_filter,
}

layout! { io_uring_bpf_ctx: 40, 8 {
    user_data 0, opcode 8, sqe_flags 9, pdu_size 10, pad 11, anon_pdu.socket 16,
    anon_pdu.socket.family 16, anon_pdu.socket.r#type 20, anon_pdu.socket.protocol 24,
    anon_pdu.open 16, anon_pdu.open.flags 16, anon_pdu.open.mode 24, anon_pdu.open.resolve 32
} }

layout! { io_uring_bpf_filter: 64, 8 {
    opcode 0, flags 4, filter_len 8, pdu_size 12, resv 13, filter_ptr 16, resv2 24
} }

layout! { io_uring_bpf: 72, 8 {
    cmd_type 0, cmd_flags 2, resv 4, anon_arg.filter 8
} }
