/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Made by `cargo gen` from crates/abi/src/uapi/bpf_filter.rs. */
#ifndef LINUX_IO_URING_BPF_FILTER_H
#define LINUX_IO_URING_BPF_FILTER_H

#include <linux/types.h>

/*
 * Classic BPF programs that allow or deny requests: IORING_REGISTER_BPF_FILTER.
 * This is a separate header.
 */

/*
 * The input of a filter program: its loads use offsets in this structure.
 * Kernel 7.0.
 */
__extension__ struct io_uring_bpf_ctx {
	__u64 user_data;	/* sqe->user_data. */
	__u8 opcode;	/* sqe->opcode. */
	__u8 sqe_flags;	/* sqe->flags. */
	/*
	 * The number of bytes of operation-specific data that follow; 0 for
	 * most operations.
	 */
	__u8 pdu_size;
	__u8 pad[5];	/* Always 0. */
	/* The operation-specific data. */
	union {
		/* For IORING_OP_SOCKET: the arguments of socket(). */
		struct {
			__u32 family;	/* Address family: AF_*. */
			__u32 type;	/* SOCK_*. */
			__u32 protocol;	/* IPPROTO_*, or 0. */
		} socket;
		/*
		 * For IORING_OP_OPENAT and IORING_OP_OPENAT2: the members of
		 * struct open_how.
		 */
		struct {
			__u64 flags;	/* O_* bits. */
			__u64 mode;	/* Mode of a new file. */
			/* RESOLVE_* bits; only IORING_OP_OPENAT2 has them. */
			__u64 resolve;
		} open;
	};
};

/* Values of flags in struct io_uring_bpf_filter. */
enum {
	/* Deny every operation that has no filter yet. Kernel 7.0. */
	IO_URING_BPF_FILTER_DENY_REST = 1,
	/*
	 * Fail with -EMSGSIZE unless pdu_size equals the kernel's size; without
	 * this flag it may be smaller.
	 */
	IO_URING_BPF_FILTER_SZ_STRICT = 2,
};

/*
 * A filter program for one operation.
 *
 * The program returns 0 to deny the request, which then fails with -EACCES. If
 * an operation has several filters, all must allow the request. Kernel 7.0.
 */
struct io_uring_bpf_filter {
	__u32 opcode;	/* The operation: an IORING_OP_* code. */
	__u32 flags;	/* IO_URING_BPF_FILTER_* bits. */
	__u32 filter_len;	/* Number of instructions in the program. */
	/*
	 * The number of bytes of operation-specific data that the program
	 * expects. If it exceeds the kernel's size, the call fails with
	 * -EMSGSIZE and stores the kernel's size here.
	 */
	__u8 pdu_size;
	__u8 resv[3];	/* Must be 0. */
	/* Address of the program, an array of struct sock_filter. */
	__u64 filter_ptr;
	__u64 resv2[5];	/* Must be 0. */
};

/* Values of cmd_type in struct io_uring_bpf. */
enum {
	IO_URING_BPF_CMD_FILTER = 1,	/* Add a filter. Kernel 7.0. */
};

/*
 * For IORING_REGISTER_BPF_FILTER.
 *
 * The caller needs CAP_SYS_ADMIN, or must have set PR_SET_NO_NEW_PRIVS. Kernel
 * 7.0.
 */
__extension__ struct io_uring_bpf {
	__u16 cmd_type;	/* The command: an IO_URING_BPF_CMD_* value. */
	__u16 cmd_flags;	/* Must be 0. */
	__u32 resv;	/* Must be 0. */
	/* The argument of the command. */
	union {
		/* For IO_URING_BPF_CMD_FILTER. */
		struct io_uring_bpf_filter filter;
	};
};

#endif
