/* Rings that are resized while they are used. */
#include "many.h"
#include <poll.h>

#define DATA 0x3131000042420000ULL
#define FLAGS (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)

static struct io_uring ring;

static int resize(unsigned sq, unsigned cq)
{
	struct io_uring_params p = { .sq_entries = sq, .cq_entries = cq, .flags = cq ? IORING_SETUP_CQSIZE : 0 };
	int ret = io_uring_resize_rings(&ring, &p);

	/* Cleared for the next call. */
	CHECK_EQ(p.flags, 0);
	return ret;
}

static void setup_flags(unsigned sq, unsigned flags)
{
	ring_init_named(&ring, sq, FLAGS | flags, "IORING_SETUP_DEFER_TASKRUN", 6, 1);
	if (resize(sq, 0) == -EINVAL)
		LACKS("IORING_REGISTER_RESIZE_RINGS", 6, 13);
}

static void setup(unsigned sq)
{
	setup_flags(sq, 0);
}

static void add_nops(unsigned from, unsigned to)
{
	for (; from < to; from++)
		io_uring_prep_nop(next_sqe(&ring, DATA + from));
}

static void expect_nops(unsigned from, unsigned to)
{
	for (; from < to; from++)
		CHECK_EQ(wait_res(&ring, DATA + from), 0);
}

/* Publishes the prepared requests without the kernel taking them. */
static void publish(void)
{
	int fd = ring.enter_ring_fd;

	ring.enter_ring_fd = -1;
	CHECK_EQ(io_uring_submit(&ring), -EBADF);
	ring.enter_ring_fd = fd;
}

/* The rings must have these sizes, and all of their slots must work. */
static void check_size(unsigned sq, unsigned cq)
{
	unsigned i;

	CHECK_EQ(ring.sq.ring_entries, sq);
	CHECK_EQ(ring.cq.ring_entries, cq);
	CHECK_EQ(ring.sq.ring_mask, sq - 1);
	CHECK_EQ(ring.cq.ring_mask, cq - 1);
	CHECK_EQ(io_uring_sq_space_left(&ring), sq);
	for (i = 0; i < cq; i += sq) {
		add_nops(i, i + sq);
		CHECK(!io_uring_get_sqe(&ring));
		submit_n(&ring, (int)sq);
	}
	CHECK_EQ(io_uring_cq_ready(&ring), cq);
	CHECK(!io_uring_cq_has_overflow(&ring));
	expect_nops(0, cq);
	CHECK_QUIET(&ring);
}

STATES("io_uring_resize_rings", "0, or a negative");
TEST(grow_and_shrink)
{
	setup(8);
	check_size(8, 16);
	CHECK_EQ(resize(64, 0), 0);
	check_size(64, 128);
	CHECK_EQ(resize(64, 1024), 0);
	check_size(64, 1024);
	CHECK_EQ(resize(4, 100), 0);
	check_size(4, 128);
	CHECK_EQ(resize(1, 0), 0);
	check_size(1, 2);
	CHECK_EQ(resize(4096, 8192), 0);
	check_size(4096, 8192);
	io_uring_queue_exit(&ring);
}

TEST(each_kind)
{
	static const unsigned kinds[] = {
		IORING_SETUP_SQE128, IORING_SETUP_CQE32, IORING_SETUP_SQE128 | IORING_SETUP_CQE32,
		IORING_SETUP_TASKRUN_FLAG, IORING_SETUP_SUBMIT_ALL,
	};
	unsigned i;

	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		setup_flags(8, kinds[i]);
		CHECK_EQ(resize(256, 512), 0);
		check_size(256, 512);
		CHECK_EQ(resize(16, 0), 0);
		check_size(16, 32);
		CHECK_EQ(ring.flags & (FLAGS | kinds[i]), FLAGS | kinds[i]);
		io_uring_queue_exit(&ring);
	}
}

/* What is published but not taken, and what is completed but not seen, must survive. */
TEST(pending_entries_move)
{
	static const unsigned sizes[][2] = { { 64, 128 }, { 8, 0 }, { 16, 16 }, { 8, 16 }, { 512, 0 } };
	unsigned i, start;

	for (start = 0; start < 8; start++) {
		setup(8);
		/* The indexes start elsewhere each time. */
		add_nops(0, start);
		submit_n(&ring, (int)start);
		expect_nops(0, start);

		add_nops(0, 5);
		submit_n(&ring, 5);
		add_nops(5, 8);
		publish();
		CHECK_EQ(io_uring_cq_ready(&ring), 5);
		for (i = 0; i < ARRAY_LEN(sizes); i++) {
			CHECK_EQ(resize(sizes[i][0], sizes[i][1]), 0);
			CHECK_EQ(io_uring_sq_ready(&ring), 3);
			CHECK_EQ(io_uring_cq_ready(&ring), 5);
		}
		submit_n(&ring, 3);
		expect_nops(0, 8);
		check_size(512, 1024);
		io_uring_queue_exit(&ring);
	}
}

TEST(requests_in_flight_stay)
{
	int fds[2], i;
	char c = 0;

	setup(8);
	make_pipe(fds);
	io_uring_prep_read(next_sqe(&ring, DATA), fds[0], &c, 1, 0);
	submit_one(&ring);
	for (i = 0; i < 10; i++)
		CHECK_EQ(resize(i & 1 ? 8 : 128, 0), 0);
	CHECK_QUIET(&ring);
	fd_write(fds[1], "x", 1);
	CHECK_EQ(wait_res(&ring, DATA), 1);
	CHECK_EQ(c, 'x');
	io_uring_queue_exit(&ring);
}

TEST(multishot_goes_on)
{
	int fds[2], i;

	setup(8);
	make_pipe(fds);
	io_uring_prep_poll_multishot(next_sqe(&ring, DATA), fds[0], POLLIN);
	submit_one(&ring);
	for (i = 0; i < 10; i++) {
		struct done cqe;

		CHECK_EQ(resize(i & 1 ? 8 : 128, 0), 0);
		fd_write(fds[1], "x", 1);
		cqe = wait_one(&ring);
		CHECK_EQ(cqe.user_data, DATA);
		CHECK_EQ(cqe.flags, IORING_CQE_F_MORE);
	}
	io_uring_queue_exit(&ring);
}

TEST(thousand_times)
{
	unsigned maps, fds, i;

	setup(8);
	maps = count_maps();
	fds = count_fds();
	for (i = 0; i < 1000; i++) {
		CHECK_EQ(resize(1U << i % 10, 1U << (i % 7 + 9)), 0);
		CHECK_WORKS(&ring);
		if (i % 100 == 0) {
			CHECK_EQ(count_maps(), maps);
			CHECK_EQ(count_fds(), fds);
		}
	}
	CHECK_EQ(count_maps(), maps);
	CHECK_EQ(count_fds(), fds);
	CHECK_EQ(resize(8, 0), 0);
	check_size(8, 16);
	io_uring_queue_exit(&ring);
}

TEST(exit_unmaps)
{
	unsigned maps = count_maps(), fds = count_fds();

	setup(8);
	CHECK_EQ(resize(512, 4096), 0);
	io_uring_queue_exit(&ring);
	CHECK_EQ(count_maps(), maps);
	CHECK_EQ(count_fds(), fds);
}

TEST(registered_ring_fd)
{
	setup(8);
	CHECK_EQ(io_uring_register_ring_fd(&ring), 1);
	CHECK_EQ(resize(64, 0), 0);
	check_size(64, 128);
	CHECK_EQ(io_uring_unregister_ring_fd(&ring), 1);
	check_size(64, 128);
	io_uring_queue_exit(&ring);
}

/* A refusal leaves the ring unchanged. */

STATES("io_uring_resize_rings", -EOVERFLOW, "");
TEST(pending_entries_do_not_fit)
{
	setup(64);
	add_nops(0, 40);
	submit_n(&ring, 40);
	CHECK_EQ(resize(8, 0), -EOVERFLOW);
	CHECK_EQ(ring.cq.ring_entries, 128);
	expect_nops(0, 40);

	add_nops(0, 20);
	publish();
	CHECK_EQ(resize(8, 0), -EOVERFLOW);
	CHECK_EQ(ring.sq.ring_entries, 64);
	submit_n(&ring, 20);
	expect_nops(0, 20);
	check_size(64, 128);
	io_uring_queue_exit(&ring);
}

STATES("io_uring_resize_rings", -EINVAL, "a size is 0 | another flag");
TEST(bad_sizes)
{
	struct io_uring_params p = { .sq_entries = 100000, .flags = IORING_SETUP_CLAMP };

	setup(8);
	CHECK_EQ(resize(0, 0), -EINVAL);
	CHECK_EQ(resize(32769, 0), -EINVAL);
	CHECK_EQ(resize(16, 8), -EINVAL);
	CHECK_EQ(resize(16, 65537), -EINVAL);
	check_size(8, 16);
	CHECK_EQ(WITH_MEMORY(io_uring_resize_rings(&ring, &p), -ENOMEM), 0);
	check_size(32768, 65536);
	memset(&p, 0, sizeof(p));
	p.sq_entries = 8;
	p.flags = IORING_SETUP_SQPOLL;
	CHECK_EQ(io_uring_resize_rings(&ring, &p), -EINVAL);
	CHECK_EQ(p.flags, 0);
	CHECK_WORKS(&ring);
	io_uring_queue_exit(&ring);
}

/* Only rings with deferred task work can be resized. */
STATES("io_uring_resize_rings", -EINVAL, "lacks IORING_SETUP_DEFER");
TEST(other_rings)
{
	setup(8);
	io_uring_queue_exit(&ring);
	ring_init(&ring, 8, 0);
	CHECK_EQ(resize(16, 0), -EINVAL);
	check_size(8, 16);
	io_uring_queue_exit(&ring);
}

/* Rings in memory of the application or the library are refused at once, with the flags unchanged. */
TEST(no_mmap)
{
	struct io_uring_params p = { .sq_entries = 16, .flags = IORING_SETUP_CLAMP };
	void *buf = mmap(NULL, 4 * LARGE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct io_uring_params mem = { .flags = FLAGS };

	setup(8);
	io_uring_queue_exit(&ring);
	ring_init(&ring, 8, FLAGS | IORING_SETUP_NO_MMAP);
	CHECK_EQ(io_uring_resize_rings(&ring, &p), -EINVAL);
	CHECK_EQ(p.flags, IORING_SETUP_CLAMP);
	CHECK_EQ(p.sq_entries, 16);
	check_size(8, 16);
	io_uring_queue_exit(&ring);

	CHECK(io_uring_queue_init_mem(8, &ring, &mem, buf, 4 * LARGE_PAGE) > 0);
	CHECK_EQ(io_uring_resize_rings(&ring, &p), -EINVAL);
	check_size(8, 16);
	io_uring_queue_exit(&ring);
}

TEST(bad_fd)
{
	setup(8);
	close(ring.ring_fd);
	CHECK_EQ(resize(16, 0), -EBADF);
	CHECK_EQ(ring.sq.ring_entries, 8);
}

STATES("io_uring_resize_rings", -EBADF, "");
/* There is no descriptor to map the new rings from. The ring can still be exited once. */
TEST(without_a_descriptor)
{
	unsigned maps = count_maps(), fds = count_fds();

	setup(8);
	need_feature(&ring, IORING_FEAT_REG_REG_RING);
	CHECK_EQ(io_uring_register_ring_fd(&ring), 1);
	CHECK_EQ(io_uring_close_ring_fd(&ring), 1);
	CHECK_EQ(resize(64, 0), -EBADF);
	CHECK_EQ(ring.sq.ring_entries, 8);
	io_uring_queue_exit(&ring);
	CHECK_EQ(count_maps(), maps);
	CHECK_EQ(count_fds(), fds);
}
