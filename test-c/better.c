/* Where we do better than the original on purpose (docs/differences.md): these cases fail on it. */
#include "io.h"

static struct io_uring ring;

/* What is prepared stays the program's when the call is refused before it begins. */
TEST(refused_wait_leaves_the_queue_alone)
{
	struct io_uring_cqe *cqe;
	unsigned tail;

	ring_init(&ring, 8, 0);
	ring.features &= ~IORING_FEAT_EXT_ARG;
	tail = *ring.sq.ktail;
	io_uring_prep_nop(io_uring_get_sqe(&ring));
	CHECK_EQ(io_uring_submit_and_wait_reg(&ring, &cqe, 1, 0), -EINVAL);
	CHECK_EQ(*ring.sq.ktail, tail);
	CHECK_EQ(io_uring_submit(&ring), 1);
	io_uring_queue_exit(&ring);
}

/* The CQ holds fillers only, and the kernel has completions for which there was no room. */
TEST(fillers_before_an_overflow)
{
	struct io_uring_params p = { .flags = IORING_SETUP_CQE_MIXED | IORING_SETUP_CQSIZE, .cq_entries = 4 };
	struct io_uring_cqe *cqes[8];
	unsigned i;
	int ret;

	ret = io_uring_queue_init_params(4, &ring, &p);
	if (ret == -EINVAL)
		SKIP("the kernel has no IORING_SETUP_CQE_MIXED");
	CHECK_EQ(ret, 0);
	for (i = 0; i < 6; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

		CHECK(sqe);
		io_uring_prep_nop(sqe);
		io_uring_sqe_set_data64(sqe, i);
		CHECK_EQ(io_uring_submit(&ring), 1);
	}
	CHECK_EQ(io_uring_cq_ready(&ring), 4);
	CHECK(io_uring_cq_has_overflow(&ring));
	/* A kernel's filler, as far as one can make it: this one never needs any. */
	for (i = 0; i < 4; i++)
		ring.cq.cqes[i].flags |= IORING_CQE_F_SKIP;
	CHECK_EQ(io_uring_peek_batch_cqe(&ring, cqes, 8), 2);
	CHECK_EQ(cqes[0]->user_data, 4);
	CHECK_EQ(cqes[1]->user_data, 5);
	io_uring_queue_exit(&ring);
}
