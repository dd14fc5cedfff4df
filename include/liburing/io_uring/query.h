/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Made by `cargo xtask gen` from src/abi/query.rs. */
#ifndef LINUX_IO_URING_QUERY_H
#define LINUX_IO_URING_QUERY_H

#include <linux/types.h>

/*
 * Asking the kernel what it can do: IORING_REGISTER_QUERY. A header of its own.
 */

/*
 * One question to the kernel. Several can be chained and asked in one call.
 * Kernel 6.18.
 */
struct io_uring_query_hdr {
	/* Address of the next struct io_uring_query_hdr, or 0. */
	__u64 next_entry;
	__u64 query_data;	/* Address of the structure for the answer. */
	__u32 query_op;	/* The question: an IO_URING_QUERY_* value. */
	/*
	 * In: size of that structure. Out: how much of it the kernel filled in.
	 */
	__u32 size;
	/*
	 * Out: 0, or -errno; -EOPNOTSUPP for a question that the kernel does
	 * not know.
	 */
	__s32 result;
	__u32 __resv[3];	/* Must be 0. */
};

/* The questions: values of query_op. */
enum {
	/*
	 * Which operations, commands and flags there are: struct
	 * io_uring_query_opcode. Kernel 6.18.
	 */
	IO_URING_QUERY_OPCODES = 0,
	/*
	 * What zero-copy receive can do: struct io_uring_query_zcrx. Kernel
	 * 6.19.
	 */
	IO_URING_QUERY_ZCRX = 1,
	/*
	 * How much room the head of the rings takes: struct io_uring_query_scq.
	 * Kernel 6.19.
	 */
	IO_URING_QUERY_SCQ = 2,
	/*
	 * One more than the last question that this header knows. Not a
	 * question.
	 */
	__IO_URING_QUERY_MAX,
};

/* Answer to IO_URING_QUERY_OPCODES. No ring is needed. Kernel 6.18. */
struct io_uring_query_opcode {
	/* How many operations (IORING_OP_*) the kernel has. */
	__u32 nr_request_opcodes;
	/* How many commands of io_uring_register() it has. */
	__u32 nr_register_opcodes;
	__u64 feature_flags;	/* The IORING_FEAT_* bits that it sets. */
	/* The IORING_SETUP_* bits that it takes. */
	__u64 ring_setup_flags;
	__u64 enter_flags;	/* The IORING_ENTER_* bits that it takes. */
	__u64 sqe_flags;	/* The IOSQE_* bits that it takes. */
	__u32 nr_query_opcodes;	/* How many questions it can answer. */
	__u32 __pad;	/* Reserved. */
};

/* Answer to IO_URING_QUERY_ZCRX. Kernel 6.19. */
struct io_uring_query_zcrx {
	/* The ZCRX_REG_* bits that the kernel takes. */
	__u64 register_flags;
	/* The IORING_ZCRX_AREA_* bits that it takes. */
	__u64 area_flags;
	/* How many ZCRX_CTRL_* commands it has. */
	__u32 nr_ctrl_opcodes;
	__u32 features;	/* ZCRX_FEATURE_* bits: what it can do. */
	/* Bytes in front of the entries of a refill queue. */
	__u32 rq_hdr_size;
	__u32 rq_hdr_alignment;	/* How these bytes must be aligned. */
	__u64 __resv2;	/* Reserved. */
};

/* Answer to IO_URING_QUERY_SCQ. Kernel 6.19. */
struct io_uring_query_scq {
	/*
	 * Bytes in front of the entries of the submission and completion rings.
	 */
	__u64 hdr_size;
	__u64 hdr_alignment;	/* How these bytes must be aligned. */
};

#endif
