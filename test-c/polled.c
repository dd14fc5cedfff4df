/* Rings that poll for completions. Most cases need a device with polled queues; those about refusals don't. */
#include "many.h"

#define BLOCK 4096
#define BLOCKS 16

/* A file for direct I/O with BLOCKS blocks of the pattern; skips the case if there is none. */
static int direct_file(char *buf)
{
	char *path = tmp_path("f");
	int fd = open(path, O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0644);

	if (fd < 0 && errno == EINVAL)
		SKIP("the file system of the temporary folder has no O_DIRECT");
	CHECK(fd >= 0);
	fill(buf, BLOCKS * BLOCK, 1);
	CHECK_EQ(pwrite(fd, buf, BLOCKS * BLOCK, 0), BLOCKS * BLOCK);
	CHECK_SYS(fsync(fd));
	return fd;
}

/* The block layer returns -EOPNOTSUPP if the device can't be polled. */
static int done_or_skip(int res)
{
	if (res == -EOPNOTSUPP)
		SKIP("the block device of the temporary folder has no polled queues");
	return res;
}

static void polled_io(unsigned flags)
{
	char *buf = pages(BLOCKS * BLOCK);
	struct iovec iov = { .iov_base = buf, .iov_len = BLOCKS * BLOCK };
	int fd = direct_file(buf), i;
	struct io_uring ring;

	ring_init(&ring, BLOCKS, flags);
	CHECK_EQ(io_uring_register_buffers(&ring, &iov, 1), 0);
	memset(buf, 0xee, BLOCKS * BLOCK);
	io_uring_prep_read(next_sqe(&ring, 0), fd, buf, BLOCK, 0);
	CHECK_EQ(done_or_skip(run_res(&ring)), BLOCK);
	for (i = 0; i < BLOCKS; i++) {
		io_uring_prep_read_fixed(next_sqe(&ring, (__u64)i), fd, buf + i * BLOCK, BLOCK, (__u64)i * BLOCK, 0);
	}
	submit_n(&ring, BLOCKS);
	for (i = 0; i < BLOCKS; i++)
		CHECK_EQ(wait_one(&ring).res, BLOCK);
	CHECK_PATTERN(buf, BLOCKS * BLOCK, 1);
	fill(buf, BLOCK, 2);
	io_uring_prep_write(next_sqe(&ring, 1), fd, buf, BLOCK, 3 * BLOCK);
	CHECK_EQ(done_or_skip(run_res(&ring)), BLOCK);
	memset(buf, 0xee, BLOCK);
	io_uring_prep_readv(next_sqe(&ring, 2), fd, &iov, 1, 0);
	CHECK_EQ(done_or_skip(run_res(&ring)), BLOCKS * BLOCK);
	CHECK_PATTERN(buf, 3 * BLOCK, 1);
	CHECK_PATTERN(buf + 3 * BLOCK, BLOCK, 2);
	CHECK_PATTERN_FROM(buf + 4 * BLOCK, (BLOCKS - 4) * BLOCK, 4 * BLOCK, 1);
	CHECK_QUIET(&ring);
	io_uring_queue_exit(&ring);
}

TEST(polled)
{
	polled_io(IORING_SETUP_IOPOLL);
}

TEST(polled_by_the_kernel_thread)
{
	polled_io(IORING_SETUP_IOPOLL | IORING_SETUP_SQPOLL);
}

TEST(polled_with_deferred_work)
{
	SINCE("IORING_SETUP_DEFER_TASKRUN", 6, 1);
	polled_io(IORING_SETUP_IOPOLL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
}

TEST(hybrid)
{
	struct io_uring ring;

	ring_init_since(&ring, 2, IORING_SETUP_IOPOLL | IORING_SETUP_HYBRID_IOPOLL, 6, 13);
	io_uring_queue_exit(&ring);
	polled_io(IORING_SETUP_IOPOLL | IORING_SETUP_HYBRID_IOPOLL);
}

TEST(hybrid_needs_polling)
{
	struct io_uring ring;

	CHECK_EQ(io_uring_queue_init(2, &ring, IORING_SETUP_HYBRID_IOPOLL), -EINVAL);
}

/* Only direct reads and writes of a block device can be polled. */
TEST(what_a_polled_ring_refuses)
{
	static const unsigned flags[] = { IORING_SETUP_IOPOLL, IORING_SETUP_IOPOLL | IORING_SETUP_SQPOLL };
	int fd = tmp_filled("f", BLOCK, 1), zero = open("/dev/zero", O_RDWR | O_CLOEXEC), fds[2];
	char *buf = pages(BLOCK);
	struct io_uring ring;
	unsigned i;

	CHECK(zero >= 0);
	make_pipe(fds);
	for (i = 0; i < ARRAY_LEN(flags); i++) {
		ring_init(&ring, 4, flags[i]);
		io_uring_prep_read(next_sqe(&ring, 1), fd, buf, BLOCK, 0);
		CHECK_EQ(run_res(&ring), -EOPNOTSUPP);
		io_uring_prep_write(next_sqe(&ring, 2), fd, buf, BLOCK, 0);
		CHECK_EQ(run_res(&ring), -EOPNOTSUPP);
		io_uring_prep_read(next_sqe(&ring, 3), zero, buf, BLOCK, 0);
		CHECK_EQ(run_res(&ring), -EOPNOTSUPP);
		io_uring_prep_fsync(next_sqe(&ring, 4), fd, 0);
		CHECK_EQ(run_res(&ring), -EINVAL);
		io_uring_prep_poll_add(next_sqe(&ring, 5), fds[0], 1);
		CHECK_EQ(run_res(&ring), -EINVAL);
		CHECK_ALL(buf, BLOCK, 0xee);
		CHECK_FILE(fd, 0, BLOCK, 1);
		io_uring_queue_exit(&ring);
	}
}

/* Entering the kernel finds completions, or finds that there are none. */
TEST(nops)
{
	static const unsigned flags[] = { IORING_SETUP_IOPOLL, IORING_SETUP_IOPOLL | IORING_SETUP_SQPOLL };
	struct io_uring_cqe *cqes[8];
	struct io_uring ring;
	unsigned i, n;

	SINCE("IORING_OP_NOP on polled rings", 5, 19);
	for (i = 0; i < ARRAY_LEN(flags); i++) {
		ring_init(&ring, 8, flags[i]);
		CHECK_QUIET(&ring);
		CHECK_EQ(io_uring_peek_batch_cqe(&ring, cqes, 8), 0);
		for (n = 0; n < 8; n++)
			io_uring_prep_nop(next_sqe(&ring, n));
		CHECK_EQ(io_uring_submit_and_wait(&ring, 8), 8);
		for (n = 0; n < 8; n++)
			CHECK_EQ(wait_res(&ring, n), 0);
		CHECK_QUIET(&ring);
		io_uring_queue_exit(&ring);
	}
}
