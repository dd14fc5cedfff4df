/* Transfers that go past the page cache (O_DIRECT): the disk has them, and not a thread that could be stopped. */
#include "many.h"
#include <sys/wait.h>

#define BLOCK 4096
#define BLOCKS 64
#define ALL (BLOCKS * BLOCK)

static struct io_uring ring;

/* A file with BLOCKS blocks of the pattern that is open for direct I/O. */
static int file_on_disk(void)
{
	int fd = tmp_filled("f", ALL, 1), direct;

	CHECK_SYS(fsync(fd));
	close(fd);
	direct = open(tmp_path("f"), O_RDWR | O_DIRECT | O_CLOEXEC);
	if (direct < 0 && errno == EINVAL)
		SKIP("the file system of %s has no O_DIRECT", tmp_dir());
	CHECK(direct >= 0);
	return direct;
}

/* Submits a read of each block. */
static void read_all(int fd, char *to)
{
	unsigned i;

	for (i = 0; i < BLOCKS; i++)
		io_uring_prep_read(next_sqe(&ring, i), fd, to + i * BLOCK, BLOCK, i * BLOCK);
	submit_n(&ring, BLOCKS);
}

TEST(many_at_once)
{
	char *buf = pages(ALL);
	int fd = file_on_disk();
	unsigned i;

	ring_init(&ring, BLOCKS, 0);
	read_all(fd, buf);
	/* The requests have the file. */
	close(fd);
	collect(&ring, BLOCKS);
	for (i = 0; i < BLOCKS; i++)
		CHECK_EQ(cqe_of(i).res, BLOCK);
	CHECK_PATTERN(buf, ALL, 1);
	CHECK_QUIET(&ring);
	io_uring_queue_exit(&ring);
}

TEST(writes_and_vectors)
{
	char *buf = pages(ALL), *back = pages(ALL);
	struct iovec parts[] = { { buf, BLOCK }, { buf + BLOCK, 3 * BLOCK } };
	struct iovec others[] = { { back, 2 * BLOCK }, { back + 2 * BLOCK, 2 * BLOCK } };
	int fd = file_on_disk();
	struct io_uring_sqe *sqe;

	ring_init(&ring, 4, 0);
	fill(buf, 4 * BLOCK, 2);
	sqe = next_sqe(&ring, 1);
	io_uring_prep_writev(sqe, fd, parts, 2, BLOCK);
	io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
	io_uring_prep_readv(next_sqe(&ring, 2), fd, others, 2, BLOCK);
	submit_n(&ring, 2);
	CHECK_EQ(wait_res(&ring, 1), 4 * BLOCK);
	CHECK_EQ(wait_res(&ring, 2), 4 * BLOCK);
	CHECK_PATTERN(back, 4 * BLOCK, 2);
	/* At the end of the file, and behind it. */
	io_uring_prep_read(next_sqe(&ring, 3), fd, back, 2 * BLOCK, ALL - BLOCK);
	CHECK_EQ(run_res(&ring), BLOCK);
	io_uring_prep_read(next_sqe(&ring, 4), fd, back, BLOCK, ALL);
	CHECK_EQ(run_res(&ring), 0);
	/* A file grows. */
	io_uring_prep_write(next_sqe(&ring, 5), fd, buf, 4 * BLOCK, ALL);
	CHECK_EQ(run_res(&ring), 4 * BLOCK);
	CHECK_QUIET(&ring);
	io_uring_queue_exit(&ring);
}

/* A short transfer breaks a chain. */
TEST(end_of_file_breaks_chains)
{
	char *buf = pages(2 * BLOCK);
	int fd = file_on_disk();
	struct io_uring_sqe *sqe;

	ring_init(&ring, 4, 0);
	sqe = next_sqe(&ring, 1);
	io_uring_prep_read(sqe, fd, buf, 2 * BLOCK, ALL - BLOCK);
	io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
	io_uring_prep_nop(next_sqe(&ring, 2));
	submit_n(&ring, 2);
	CHECK_EQ(wait_res(&ring, 1), BLOCK);
	CHECK_EQ(wait_res(&ring, 2), -ECANCELED);
	io_uring_queue_exit(&ring);
}

/* Whether it is still with the disk or has completed: it can't be found. */
TEST(cancel_does_not_find_it)
{
	char *buf = pages(ALL);
	int fd = file_on_disk();
	unsigned i;

	if (kernel_before(6, 1))
		SKIP("workers may have transfers, and those can be canceled");
	ring_init(&ring, 2 * BLOCKS, 0);
	for (i = 0; i < BLOCKS; i++)
		io_uring_prep_read(next_sqe(&ring, i), fd, buf + i * BLOCK, BLOCK, i * BLOCK);
	for (i = 0; i < BLOCKS; i++)
		io_uring_prep_cancel64(next_sqe(&ring, BLOCKS + i), i, 0);
	submit_n(&ring, 2 * BLOCKS);
	for (i = 0; i < 2 * BLOCKS; i++) {
		struct done done = wait_one(&ring);

		CHECK_EQ(done.res, done.user_data < BLOCKS ? BLOCK : -ENOENT);
	}
	CHECK_PATTERN(buf, ALL, 1);
	io_uring_queue_exit(&ring);
}

/* The ring goes, and its transfers end without it. */
TEST(exit_with_transfers)
{
	char *buf = pages(ALL);
	int fd = file_on_disk(), round;

	for (round = 0; round < 50; round++) {
		ring_init(&ring, BLOCKS, 0);
		read_all(fd, buf);
		io_uring_queue_exit(&ring);
	}
	ring_init(&ring, BLOCKS, 0);
	read_all(fd, buf);
	collect(&ring, BLOCKS);
	CHECK_PATTERN(buf, ALL, 1);
	io_uring_queue_exit(&ring);
}

static int child_reads(int fd, char *buf)
{
	struct io_uring own;
	struct io_uring_cqe *cqe;

	if (io_uring_queue_init(4, &own, 0))
		return 2;
	io_uring_prep_read(io_uring_get_sqe(&own), fd, buf, BLOCK, 0);
	if (io_uring_submit(&own) != 1 || io_uring_wait_cqe(&own, &cqe))
		return 3;
	return cqe->res == BLOCK ? 0 : 4;
}

TEST(fork_with_transfers)
{
	char *buf = pages(ALL);
	int fd = file_on_disk(), round, status;
	unsigned i;

	for (round = 0; round < 10; round++) {
		pid_t pid;

		ring_init(&ring, BLOCKS, 0);
		memset(buf, 0, ALL);
		read_all(fd, buf);
		pid = child();
		if (pid == 0)
			_exit(child_reads(fd, buf));
		collect(&ring, BLOCKS);
		for (i = 0; i < BLOCKS; i++)
			CHECK_EQ(cqe_of(i).res, BLOCK);
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK_EQ(status, 0);
		io_uring_queue_exit(&ring);
	}
}

TEST(other_rings)
{
	static const unsigned flags[] = { IORING_SETUP_SQPOLL, IORING_SETUP_COOP_TASKRUN,
					  IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN };
	char *buf = pages(ALL);
	int fd = file_on_disk();
	unsigned i, n;

	for (i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		if (i)
			SINCE("IORING_SETUP_DEFER_TASKRUN", 6, 1);
		ring_init(&ring, BLOCKS, flags[i]);
		memset(buf, 0, ALL);
		for (n = 0; n < BLOCKS; n++)
			io_uring_prep_read(next_sqe(&ring, n), fd, buf + n * BLOCK, BLOCK, n * BLOCK);
		CHECK(io_uring_submit(&ring) > 0);
		for (n = 0; n < BLOCKS; n++)
			CHECK_EQ(wait_one(&ring).res, BLOCK);
		CHECK_PATTERN(buf, ALL, 1);
		io_uring_queue_exit(&ring);
	}
}

/* A pipe has the number of the file before: its read waits, and can be canceled. */
TEST(number_of_another_file)
{
	char *buf = pages(BLOCK);
	int fd = file_on_disk(), fds[2], i;

	ring_init(&ring, 4, 0);
	for (i = 0; i < 4; i++) {
		io_uring_prep_read(next_sqe(&ring, 1), fd, buf, BLOCK, 0);
		CHECK_EQ(run_res(&ring), BLOCK);
	}
	make_pipe(fds);
	CHECK_SYS(dup2(fds[0], fd));
	io_uring_prep_read(next_sqe(&ring, 2), fd, buf, BLOCK, 0);
	submit_n(&ring, 1);
	usleep(20000);
	CHECK_QUIET(&ring);
	io_uring_prep_cancel64(next_sqe(&ring, 3), 2, 0);
	submit_n(&ring, 1);
	collect(&ring, 2);
	CHECK_EQ(cqe_of(2).res, -ECANCELED);
	CHECK_EQ(cqe_of(3).res, 0);
	io_uring_queue_exit(&ring);
}
