/* The layout that programs and the kernel rely on: every field's offset and type. Compiling this file is the test. */
#include "io.h"
#include <stddef.h>

#define SIZE(S, BYTES) _Static_assert(sizeof(struct S) == (BYTES), "size of " #S)
#define AT(S, F, OFFSET, TYPE)						\
	_Static_assert(offsetof(struct S, F) == (OFFSET), "offset of " #S "." #F); \
	_Static_assert(__builtin_types_compatible_p(__typeof__(((struct S *)0)->F), TYPE), "type of " #S "." #F)

SIZE(io_uring_sqe, 64);
AT(io_uring_sqe, opcode, 0, __u8);
AT(io_uring_sqe, flags, 1, __u8);
AT(io_uring_sqe, ioprio, 2, __u16);
AT(io_uring_sqe, fd, 4, __s32);
AT(io_uring_sqe, off, 8, __u64);
AT(io_uring_sqe, addr2, 8, __u64);
AT(io_uring_sqe, cmd_op, 8, __u32);
AT(io_uring_sqe, __pad1, 12, __u32);
AT(io_uring_sqe, addr, 16, __u64);
AT(io_uring_sqe, splice_off_in, 16, __u64);
AT(io_uring_sqe, level, 16, __u32);
AT(io_uring_sqe, optname, 20, __u32);
AT(io_uring_sqe, len, 24, __u32);
AT(io_uring_sqe, rw_flags, 28, __kernel_rwf_t);
AT(io_uring_sqe, fsync_flags, 28, __u32);
AT(io_uring_sqe, poll_events, 28, __u16);
AT(io_uring_sqe, poll32_events, 28, __u32);
AT(io_uring_sqe, sync_range_flags, 28, __u32);
AT(io_uring_sqe, msg_flags, 28, __u32);
AT(io_uring_sqe, timeout_flags, 28, __u32);
AT(io_uring_sqe, accept_flags, 28, __u32);
AT(io_uring_sqe, cancel_flags, 28, __u32);
AT(io_uring_sqe, open_flags, 28, __u32);
AT(io_uring_sqe, statx_flags, 28, __u32);
AT(io_uring_sqe, fadvise_advice, 28, __u32);
AT(io_uring_sqe, splice_flags, 28, __u32);
AT(io_uring_sqe, rename_flags, 28, __u32);
AT(io_uring_sqe, unlink_flags, 28, __u32);
AT(io_uring_sqe, hardlink_flags, 28, __u32);
AT(io_uring_sqe, xattr_flags, 28, __u32);
AT(io_uring_sqe, msg_ring_flags, 28, __u32);
AT(io_uring_sqe, uring_cmd_flags, 28, __u32);
AT(io_uring_sqe, waitid_flags, 28, __u32);
AT(io_uring_sqe, futex_flags, 28, __u32);
AT(io_uring_sqe, install_fd_flags, 28, __u32);
AT(io_uring_sqe, nop_flags, 28, __u32);
AT(io_uring_sqe, pipe_flags, 28, __u32);
AT(io_uring_sqe, user_data, 32, __u64);
AT(io_uring_sqe, buf_index, 40, __u16);
AT(io_uring_sqe, buf_group, 40, __u16);
AT(io_uring_sqe, personality, 42, __u16);
AT(io_uring_sqe, splice_fd_in, 44, __s32);
AT(io_uring_sqe, file_index, 44, __u32);
AT(io_uring_sqe, zcrx_ifq_idx, 44, __u32);
AT(io_uring_sqe, optlen, 44, __u32);
AT(io_uring_sqe, addr_len, 44, __u16);
AT(io_uring_sqe, __pad3, 46, __u16[1]);
AT(io_uring_sqe, addr3, 48, __u64);
AT(io_uring_sqe, __pad2, 56, __u64[1]);
AT(io_uring_sqe, attr_ptr, 48, __u64);
AT(io_uring_sqe, attr_type_mask, 56, __u64);
AT(io_uring_sqe, optval, 48, __u64);
AT(io_uring_sqe, cmd, 48, __u8[0]);

SIZE(io_uring_cqe, 16);
AT(io_uring_cqe, user_data, 0, __u64);
AT(io_uring_cqe, res, 8, __s32);
AT(io_uring_cqe, flags, 12, __u32);
AT(io_uring_cqe, big_cqe, 16, __u64[]);

SIZE(io_sqring_offsets, 40);
AT(io_sqring_offsets, head, 0, __u32);
AT(io_sqring_offsets, tail, 4, __u32);
AT(io_sqring_offsets, ring_mask, 8, __u32);
AT(io_sqring_offsets, ring_entries, 12, __u32);
AT(io_sqring_offsets, flags, 16, __u32);
AT(io_sqring_offsets, dropped, 20, __u32);
AT(io_sqring_offsets, array, 24, __u32);
AT(io_sqring_offsets, resv1, 28, __u32);
AT(io_sqring_offsets, user_addr, 32, __u64);

SIZE(io_cqring_offsets, 40);
AT(io_cqring_offsets, head, 0, __u32);
AT(io_cqring_offsets, tail, 4, __u32);
AT(io_cqring_offsets, ring_mask, 8, __u32);
AT(io_cqring_offsets, ring_entries, 12, __u32);
AT(io_cqring_offsets, overflow, 16, __u32);
AT(io_cqring_offsets, cqes, 20, __u32);
AT(io_cqring_offsets, flags, 24, __u32);
AT(io_cqring_offsets, resv1, 28, __u32);
AT(io_cqring_offsets, user_addr, 32, __u64);

SIZE(io_uring_params, 120);
AT(io_uring_params, sq_entries, 0, __u32);
AT(io_uring_params, cq_entries, 4, __u32);
AT(io_uring_params, flags, 8, __u32);
AT(io_uring_params, sq_thread_cpu, 12, __u32);
AT(io_uring_params, sq_thread_idle, 16, __u32);
AT(io_uring_params, features, 20, __u32);
AT(io_uring_params, wq_fd, 24, __u32);
AT(io_uring_params, resv, 28, __u32[3]);
AT(io_uring_params, sq_off, 40, struct io_sqring_offsets);
AT(io_uring_params, cq_off, 80, struct io_cqring_offsets);

SIZE(io_uring_getevents_arg, 24);
AT(io_uring_getevents_arg, sigmask, 0, __u64);
AT(io_uring_getevents_arg, sigmask_sz, 8, __u32);
AT(io_uring_getevents_arg, min_wait_usec, 12, __u32);
AT(io_uring_getevents_arg, ts, 16, __u64);

SIZE(io_uring_reg_wait, 64);
AT(io_uring_reg_wait, ts, 0, struct __kernel_timespec);
AT(io_uring_reg_wait, min_wait_usec, 16, __u32);
AT(io_uring_reg_wait, flags, 20, __u32);
AT(io_uring_reg_wait, sigmask, 24, __u64);
AT(io_uring_reg_wait, sigmask_sz, 32, __u32);
AT(io_uring_reg_wait, pad, 36, __u32[3]);
AT(io_uring_reg_wait, pad2, 48, __u64[2]);

SIZE(io_uring_recvmsg_out, 16);
AT(io_uring_recvmsg_out, namelen, 0, __u32);
AT(io_uring_recvmsg_out, controllen, 4, __u32);
AT(io_uring_recvmsg_out, payloadlen, 8, __u32);
AT(io_uring_recvmsg_out, flags, 12, __u32);

SIZE(io_uring_buf, 16);
AT(io_uring_buf, addr, 0, __u64);
AT(io_uring_buf, len, 8, __u32);
AT(io_uring_buf, bid, 12, __u16);
AT(io_uring_buf, resv, 14, __u16);

SIZE(io_uring_buf_ring, 16);
AT(io_uring_buf_ring, resv1, 0, __u64);
AT(io_uring_buf_ring, resv2, 8, __u32);
AT(io_uring_buf_ring, resv3, 12, __u16);
AT(io_uring_buf_ring, tail, 14, __u16);
AT(io_uring_buf_ring, bufs, 0, struct io_uring_buf[0]);

#ifdef __LP64__
SIZE(io_uring_sq, 104);
AT(io_uring_sq, khead, 0, unsigned *);
AT(io_uring_sq, ktail, 8, unsigned *);
AT(io_uring_sq, kring_mask, 16, unsigned *);
AT(io_uring_sq, kring_entries, 24, unsigned *);
AT(io_uring_sq, kflags, 32, unsigned *);
AT(io_uring_sq, kdropped, 40, unsigned *);
AT(io_uring_sq, array, 48, unsigned *);
AT(io_uring_sq, sqes, 56, struct io_uring_sqe *);
AT(io_uring_sq, sqe_head, 64, unsigned);
AT(io_uring_sq, sqe_tail, 68, unsigned);
AT(io_uring_sq, ring_sz, 72, size_t);
AT(io_uring_sq, ring_ptr, 80, void *);
AT(io_uring_sq, ring_mask, 88, unsigned);
AT(io_uring_sq, ring_entries, 92, unsigned);
AT(io_uring_sq, sqes_sz, 96, unsigned);
AT(io_uring_sq, pad, 100, unsigned);

SIZE(io_uring_cq, 88);
AT(io_uring_cq, khead, 0, unsigned *);
AT(io_uring_cq, ktail, 8, unsigned *);
AT(io_uring_cq, kring_mask, 16, unsigned *);
AT(io_uring_cq, kring_entries, 24, unsigned *);
AT(io_uring_cq, kflags, 32, unsigned *);
AT(io_uring_cq, koverflow, 40, unsigned *);
AT(io_uring_cq, cqes, 48, struct io_uring_cqe *);
AT(io_uring_cq, ring_sz, 56, size_t);
AT(io_uring_cq, ring_ptr, 64, void *);
AT(io_uring_cq, ring_mask, 72, unsigned);
AT(io_uring_cq, ring_entries, 76, unsigned);
AT(io_uring_cq, pad, 80, unsigned[2]);

SIZE(io_uring, 216);
AT(io_uring, sq, 0, struct io_uring_sq);
AT(io_uring, cq, 104, struct io_uring_cq);
AT(io_uring, flags, 192, unsigned);
AT(io_uring, ring_fd, 196, int);
AT(io_uring, features, 200, unsigned);
AT(io_uring, enter_ring_fd, 204, int);
AT(io_uring, int_flags, 208, __u8);
AT(io_uring, pad, 209, __u8[3]);
AT(io_uring, pad2, 212, unsigned);

SIZE(io_uring_cqe_iter, 24);
AT(io_uring_cqe_iter, cqes, 0, struct io_uring_cqe *);
AT(io_uring_cqe_iter, mask, 8, unsigned);
AT(io_uring_cqe_iter, shift, 12, unsigned);
AT(io_uring_cqe_iter, head, 16, unsigned);
AT(io_uring_cqe_iter, tail, 20, unsigned);

SIZE(io_uring_zcrx_rq, 40);
AT(io_uring_zcrx_rq, khead, 0, __u32 *);
AT(io_uring_zcrx_rq, ktail, 8, __u32 *);
AT(io_uring_zcrx_rq, rq_tail, 16, __u32);
AT(io_uring_zcrx_rq, ring_entries, 20, unsigned);
AT(io_uring_zcrx_rq, rqes, 24, struct io_uring_zcrx_rqe *);
AT(io_uring_zcrx_rq, ring_ptr, 32, void *);
#endif

/* The library writes into struct io_uring at the offsets that this file reads, and nothing beyond it. */
TEST(library_and_header_agree)
{
	struct {
		unsigned char before[64];
		struct io_uring ring;
		unsigned char after[64];
	} own;
	struct io_uring *ring = &own.ring;

	memset(&own, 0xee, sizeof(own));
	ring_init(ring, 8, 0);
	CHECK_ALL(own.before, sizeof(own.before), 0xee);
	CHECK_ALL(own.after, sizeof(own.after), 0xee);
	CHECK(fd_is_open(ring->ring_fd));
	CHECK_EQ(ring->enter_ring_fd, ring->ring_fd);
	CHECK(ring->features & IORING_FEAT_SINGLE_MMAP);
	CHECK_EQ(ring->sq.ring_entries, 8);
	CHECK_EQ(ring->sq.ring_mask, 7);
	CHECK_EQ(*ring->sq.kring_entries, 8);
	CHECK_EQ(*ring->sq.kring_mask, 7);
	CHECK_EQ(ring->cq.ring_entries, 16);
	CHECK_EQ(ring->cq.ring_mask, 15);
	CHECK_EQ(*ring->cq.kring_entries, 16);
	CHECK_EQ(*ring->cq.kring_mask, 15);
	CHECK_EQ(ring->sq.sqes_sz, 8 * sizeof(struct io_uring_sqe));
	CHECK(ring->sq.ring_sz >= 16 * sizeof(struct io_uring_cqe));
	CHECK_EQ(ring->sq.sqe_head | ring->sq.sqe_tail, 0);
	CHECK(!ring->sq.array == !!(ring->flags & IORING_SETUP_NO_SQARRAY));
	CHECK_EQ(ring->int_flags | ring->pad[0] | ring->pad[1] | ring->pad[2] | (int)ring->pad2, 0);
	io_uring_prep_nop(next_sqe(ring, 1));
	CHECK_EQ(ring->sq.sqe_tail, 1);
	submit_one(ring);
	CHECK_EQ(*ring->sq.ktail, 1);
	CHECK_EQ(*ring->sq.khead, 1);
	CHECK_EQ(*ring->cq.ktail, 1);
	CHECK_EQ(wait_res(ring, 1), 0);
	CHECK_EQ(*ring->cq.khead, 1);
	io_uring_queue_exit(ring);
	CHECK_ALL(own.before, sizeof(own.before), 0xee);
	CHECK_ALL(own.after, sizeof(own.after), 0xee);
}

TEST(params_come_back)
{
	struct io_uring_params p = { .flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP, .cq_entries = 100 };
	struct io_uring ring;

	CHECK_EQ(io_uring_queue_init_params(5, &ring, &p), 0);
	CHECK_EQ(p.sq_entries, 8);
	CHECK_EQ(p.cq_entries, 128);
	CHECK_EQ(p.features, ring.features);
	CHECK_EQ(p.flags, ring.flags);
	CHECK_EQ((char *)ring.cq.cqes - (char *)ring.cq.ring_ptr, p.cq_off.cqes);
	CHECK_EQ((char *)ring.sq.khead - (char *)ring.sq.ring_ptr, p.sq_off.head);
	CHECK_EQ((char *)ring.sq.kflags - (char *)ring.sq.ring_ptr, p.sq_off.flags);
	CHECK_EQ((char *)ring.sq.kdropped - (char *)ring.sq.ring_ptr, p.sq_off.dropped);
	CHECK_EQ((char *)ring.cq.koverflow - (char *)ring.cq.ring_ptr, p.cq_off.overflow);
	CHECK_EQ((char *)ring.cq.kflags - (char *)ring.cq.ring_ptr, p.cq_off.flags);
	io_uring_queue_exit(&ring);
}

/* A 32-byte cqe is two 16-byte ones, a 128-byte sqe two 64-byte ones. */
TEST(big_entries)
{
	struct io_uring_sqe *first, *second;
	struct io_uring_cqe *cqe;
	struct io_uring ring;
	unsigned head = 0, i = 0;

	SINCE("IORING_SETUP_SQE128", 5, 19);
	ring_init(&ring, 4, IORING_SETUP_SQE128 | IORING_SETUP_CQE32);
	first = next_sqe(&ring, 1);
	io_uring_prep_nop(first);
	second = next_sqe(&ring, 2);
	io_uring_prep_nop(second);
	CHECK_EQ((char *)second - (char *)first, 128);
	CHECK_EQ(io_uring_submit_and_wait(&ring, 2), 2);
	io_uring_for_each_cqe(&ring, head, cqe) {
		CHECK_EQ((char *)cqe - (char *)ring.cq.cqes, 32 * i);
		CHECK_EQ(cqe->user_data, ++i);
		CHECK_EQ((char *)&cqe->big_cqe[2] - (char *)cqe, 32);
	}
	CHECK_EQ(i, 2);
	io_uring_cq_advance(&ring, 2);
	io_uring_queue_exit(&ring);
}
