/* Big and mixed entries: 128-byte SQEs, 32-byte CQEs, rings with both sizes, and the padding where they wrap. */
#include "many.h"

#define ROUNDS 300

static struct io_uring ring;
static unsigned sent, got, skips, batches;

/* The requests follow a fixed, irregular pattern of sizes. */
static bool is_big(unsigned i)
{
	if (ring.flags & IORING_SETUP_CQE32)
		return !kernel_before(6, 18);
	return (ring.flags & IORING_SETUP_CQE_MIXED) && (pattern_at(i, 1) & 1);
}

static void add_nop(void)
{
	struct io_uring_sqe *sqe = next_sqe(&ring, sent);

	io_uring_prep_nop(sqe);
	if (is_big(sent)) {
		sqe->nop_flags = IORING_NOP_CQE32;
		sqe->off = sent * 3ULL << 32;
		sqe->addr = ~(__u64)sent;
	}
	sent++;
}

static void check_next(const struct io_uring_cqe *cqe)
{
	bool mixed = ring.flags & IORING_SETUP_CQE_MIXED;

	if (cqe->flags & IORING_CQE_F_SKIP)
		T_FAIL("completion %u is padding", got);
	CHECK_EQ(cqe->user_data, got);
	CHECK_EQ(cqe->res, 0);
	CHECK_EQ(cqe->flags, mixed && is_big(got) ? IORING_CQE_F_32 : 0);
	CHECK_EQ(io_uring_cqe_nr(cqe), mixed && is_big(got) ? 2 : 1);
	if (is_big(got)) {
		CHECK_EQ(cqe->big_cqe[0], got * 3ULL << 32);
		CHECK_EQ(cqe->big_cqe[1], ~(__u64)got);
	}
	got++;
}

/* Ways to reap all completions. */

static void take_by_wait(void)
{
	struct io_uring_cqe *cqe;

	while (got < sent) {
		CHECK_EQ(io_uring_wait_cqe(&ring, &cqe), 0);
		check_next(cqe);
		io_uring_cqe_seen(&ring, cqe);
	}
}

static void take_by_peek(void)
{
	struct io_uring_cqe *cqe;

	while (!io_uring_peek_cqe(&ring, &cqe)) {
		check_next(cqe);
		io_uring_cqe_seen(&ring, cqe);
	}
}

static void take_by_batch(void)
{
	struct io_uring_cqe *cqes[3];
	unsigned n, i, slots;

	while ((n = io_uring_peek_batch_cqe(&ring, cqes, 3))) {
		CHECK(n <= 3);
		batches += n > 1;
		for (slots = i = 0; i < n; i++) {
			check_next(cqes[i]);
			slots += io_uring_cqe_nr(cqes[i]);
		}
		io_uring_cq_advance(&ring, slots);
	}
}

/* The loop also shows the padding, and the advance counts slots. */
static void take_by_loop(void)
{
	unsigned ready = io_uring_cq_ready(&ring), slots = 0, head, first = *ring.cq.khead;
	struct io_uring_cqe *cqe;

	io_uring_for_each_cqe(&ring, head, cqe) {
		CHECK_EQ(head, first + slots);
		slots += io_uring_cqe_nr(cqe);
		if (cqe->flags & IORING_CQE_F_SKIP)
			skips++;
		else
			check_next(cqe);
	}
	CHECK_EQ(slots, ready);
	io_uring_cq_advance(&ring, slots);
}

static void take_by_iterator(void)
{
	struct io_uring_cqe_iter iter = io_uring_cqe_iter_init(&ring);
	struct io_uring_cqe *cqe;

	while (io_uring_cqe_iter_next(&iter, &cqe)) {
		if (cqe->flags & IORING_CQE_F_SKIP)
			skips++;
		else
			check_next(cqe);
		io_uring_cqe_seen(&ring, cqe);
	}
	CHECK_EQ(iter.head, *ring.cq.khead);
}

/* Batches of one to five requests, so that a CQ ring of 16 slots wraps often. */
static void run(unsigned flags, const char *names, void (*take)(void))
{
	unsigned i, round;

	if (flags & IORING_SETUP_CQE_MIXED)
		ring_init_named(&ring, 8, flags, names, 6, 18);
	else
		ring_init_named(&ring, 8, flags, names, 5, 19);
	CHECK_EQ(io_uring_cqe_shift(&ring), !!(flags & IORING_SETUP_CQE32));
	CHECK_EQ(io_uring_sqe_shift(&ring), !!(flags & IORING_SETUP_SQE128));
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i <= round % 5; i++)
			add_nop();
		submit_n(&ring, (int)i);
		take();
		if (got != sent)
			T_FAIL("only %u of %u completions came", got, sent);
		CHECK_QUIET(&ring);
		CHECK_EQ(io_uring_cq_ready(&ring), 0);
	}
	CHECK_EQ(*ring.cq.koverflow, 0);
	io_uring_queue_exit(&ring);
}

#define EACH_WAY(KIND, FLAGS)						\
	TEST(KIND##_wait) { run(FLAGS, #FLAGS, take_by_wait); }		\
	TEST(KIND##_peek) { run(FLAGS, #FLAGS, take_by_peek); }		\
	TEST(KIND##_batch) { run(FLAGS, #FLAGS, take_by_batch); CHECK(batches); } \
	TEST(KIND##_loop)						\
	{								\
		run(FLAGS, #FLAGS, take_by_loop);			\
		CHECK_EQ(skips > 0, !!((FLAGS) & IORING_SETUP_CQE_MIXED)); \
	}								\
	TEST(KIND##_iterator)						\
	{								\
		run(FLAGS, #FLAGS, take_by_iterator);			\
		CHECK_EQ(skips > 0, !!((FLAGS) & IORING_SETUP_CQE_MIXED)); \
	}

EACH_WAY(plain, 0)
EACH_WAY(sqe128, IORING_SETUP_SQE128)
EACH_WAY(cqe32, IORING_SETUP_CQE32)
EACH_WAY(both_big, IORING_SETUP_SQE128 | IORING_SETUP_CQE32)
EACH_WAY(mixed, IORING_SETUP_CQE_MIXED)
EACH_WAY(mixed_sqe128, IORING_SETUP_CQE_MIXED | IORING_SETUP_SQE128)
EACH_WAY(mixed_deferred, IORING_SETUP_CQE_MIXED | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)

/* The address of an entry depends on its size. */
STATES("io_uring_sqe_shift", "0 or 1");
TEST(strides)
{
	static const unsigned kinds[] = { 0, IORING_SETUP_SQE128, IORING_SETUP_CQE32 };
	unsigned k, i;

	SINCE("IORING_SETUP_SQE128", 5, 19);
	for (k = 0; k < 3; k++) {
		unsigned sqe_size = kinds[k] & IORING_SETUP_SQE128 ? 128 : 64;
		unsigned cqe_size = kinds[k] & IORING_SETUP_CQE32 ? 32 : 16;
		struct io_uring_cqe *cqes[8];

		ring_init(&ring, 8, kinds[k]);
		for (i = 0; i < 8; i++) {
			struct io_uring_sqe *sqe = next_sqe(&ring, i);

			CHECK_EQ((char *)sqe - (char *)ring.sq.sqes, i * sqe_size);
			io_uring_prep_nop(sqe);
		}
		submit_n(&ring, 8);
		CHECK_EQ(io_uring_peek_batch_cqe(&ring, cqes, 8), 8);
		for (i = 0; i < 8; i++)
			CHECK_EQ((char *)cqes[i] - (char *)ring.cq.cqes, i * cqe_size);
		io_uring_queue_exit(&ring);
	}
}

/* More completions than fit: small and big ones overflow and come later, in order. */
TEST(mixed_overflow)
{
	unsigned i, j;

	ring_init_since(&ring, 8, IORING_SETUP_CQE_MIXED, 6, 18);
	for (i = 0; i < 6; i++) {
		for (j = 0; j < 8; j++)
			add_nop();
		submit_n(&ring, 8);
	}
	CHECK(io_uring_cq_has_overflow(&ring));
	take_by_wait();
	CHECK(!io_uring_cq_has_overflow(&ring));
	CHECK_QUIET(&ring);
	io_uring_queue_exit(&ring);
}

/* The 128-byte SQE among small ones. */

TEST(get_sqe128_by_kind_of_ring)
{
	struct io_uring_sqe *sqe;

	SINCE("IORING_SETUP_SQE128", 5, 19);
	ring_init(&ring, 8, 0);
	CHECK(!io_uring_get_sqe128(&ring));
	CHECK_EQ(io_uring_sq_ready(&ring), 0);
	io_uring_queue_exit(&ring);

	ring_init(&ring, 2, IORING_SETUP_SQE128);
	CHECK(io_uring_get_sqe128(&ring) == ring.sq.sqes);
	sqe = io_uring_get_sqe128(&ring);
	CHECK_EQ((char *)sqe - (char *)ring.sq.sqes, 128);
	CHECK(!io_uring_get_sqe128(&ring));
	CHECK_EQ(io_uring_sq_ready(&ring), 2);
	io_uring_queue_exit(&ring);
}

/* One small request if `small`, then big ones: each wrap costs a hidden no-op. */
STATES("io_uring_sq_ready", "it counts slots");
STATES("io_uring_submit", "the number counts slots");
TEST(mixed_sqes)
{
	unsigned i, small;

	ring_init_since(&ring, 8, IORING_SETUP_SQE_MIXED, 6, 19);
	for (i = 0; i < ROUNDS; i++) {
		for (small = i % 3; small; small--) {
			io_uring_prep_nop(next_sqe(&ring, i * 4 + small));
			CHECK_EQ(run_res(&ring), 0);
		}
		{
			struct io_uring_sqe *sqe = io_uring_get_sqe128(&ring);

			CHECK(sqe);
			io_uring_prep_nop128(sqe);
			io_uring_sqe_set_data64(sqe, i * 4);
		}
		CHECK(io_uring_submit(&ring) > 0);
		CHECK_EQ(wait_res(&ring, i * 4), 0);
		CHECK_QUIET(&ring);
		CHECK_EQ(io_uring_sq_ready(&ring), 0);
	}
	io_uring_queue_exit(&ring);
}
