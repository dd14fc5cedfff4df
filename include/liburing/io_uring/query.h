/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Made by `cargo gen` from crates/abi/src/uapi/query.rs. */
#ifndef LINUX_IO_URING_QUERY_H
#define LINUX_IO_URING_QUERY_H

#include <linux/types.h>

/*
 * Queries of the kernel's features: IORING_REGISTER_QUERY. This is a separate
 * header.
 */

/* A query. One call can process a chain of several queries. Kernel 6.18. */
struct io_uring_query_hdr {
	/* Address of the next struct io_uring_query_hdr, or 0. */
	__u64 next_entry;
	__u64 query_data;	/* Address of the structure for the answer. */
	/* The type of query: an IO_URING_QUERY_* value. */
	__u32 query_op;
	/*
	 * In: size of that structure. Out: the number of bytes that the kernel
	 * filled in.
	 */
	__u32 size;
	/*
	 * Out: 0, or -errno; -EOPNOTSUPP for a query that the kernel does not
	 * know.
	 */
	__s32 result;
	__u32 __resv[3];	/* Must be 0. */
};

/* The types of query: values of query_op. */
enum {
	/*
	 * Supported operations, commands and flags: struct
	 * io_uring_query_opcode. Kernel 6.18.
	 */
	IO_URING_QUERY_OPCODES = 0,
	/*
	 * Features of zero-copy receive: struct io_uring_query_zcrx. Kernel
	 * 6.19.
	 */
	IO_URING_QUERY_ZCRX = 1,
	/*
	 * Size of the header of the rings: struct io_uring_query_scq. Kernel
	 * 6.19.
	 */
	IO_URING_QUERY_SCQ = 2,
	/* One more than the last query in this header. Not a query. */
	__IO_URING_QUERY_MAX,
};

/* Answer to IO_URING_QUERY_OPCODES, which needs no ring. Kernel 6.18. */
struct io_uring_query_opcode {
	/* The number of operations (IORING_OP_*) that the kernel knows. */
	__u32 nr_request_opcodes;
	/* The number of commands of io_uring_register() that it knows. */
	__u32 nr_register_opcodes;
	__u64 feature_flags;	/* The IORING_FEAT_* bits that it sets. */
	/* The IORING_SETUP_* bits that it accepts. */
	__u64 ring_setup_flags;
	__u64 enter_flags;	/* The IORING_ENTER_* bits that it accepts. */
	__u64 sqe_flags;	/* The IOSQE_* bits that it accepts. */
	/* The number of query types that it knows. */
	__u32 nr_query_opcodes;
	__u32 __pad;	/* Reserved. */
};

/* Answer to IO_URING_QUERY_ZCRX. Kernel 6.19. */
struct io_uring_query_zcrx {
	/* The ZCRX_REG_* bits that the kernel accepts. */
	__u64 register_flags;
	/* The IORING_ZCRX_AREA_* bits that it accepts. */
	__u64 area_flags;
	/* The number of ZCRX_CTRL_* operations that it knows. */
	__u32 nr_ctrl_opcodes;
	__u32 features;	/* ZCRX_FEATURE_* bits: its features. */
	/* The number of bytes before the entries of a refill queue. */
	__u32 rq_hdr_size;
	__u32 rq_hdr_alignment;	/* The alignment of these bytes. */
	__u64 __resv2;	/* Reserved. */
};

/* Answer to IO_URING_QUERY_SCQ. Kernel 6.19. */
struct io_uring_query_scq {
	/*
	 * The number of bytes before the entries of the submission and
	 * completion rings.
	 */
	__u64 hdr_size;
	__u64 hdr_alignment;	/* The alignment of these bytes. */
};

#endif
