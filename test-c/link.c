/* Requests that depend on each other: links, hard links, link timeouts, drain; and skipped completions. */
#include "many.h"

#define CHAIN 6
#define LONG (1000 * SEC)
#define SHORT (20 * MSEC)

static struct io_uring ring;
static struct __kernel_timespec ts;

/* A no-op, or a request that fails with -EBADF. */
static void add(__u64 data, bool fails, unsigned flags)
{
	struct io_uring_sqe *sqe = next_sqe(&ring, data);

	if (fails)
		io_uring_prep_fsync(sqe, -1, 0);
	else
		io_uring_prep_nop(sqe);
	io_uring_sqe_set_flags(sqe, flags);
}

static void add_read(__u64 data, int fd, void *buf, unsigned len, unsigned flags)
{
	struct io_uring_sqe *sqe = next_sqe(&ring, data);

	io_uring_prep_read(sqe, fd, buf, len, 0);
	io_uring_sqe_set_flags(sqe, flags);
}

static struct io_uring_sqe *add_link_timeout(__u64 data, long long ns, unsigned flags)
{
	struct io_uring_sqe *sqe = next_sqe(&ring, data);

	ts = nsec(ns);
	io_uring_prep_link_timeout(sqe, &ts, flags);
	return sqe;
}

/* A whole copy in one chain: each request needs the one before. */
TEST(chain_runs_in_order)
{
	char first[4096], second[4096];
	int in = tmp_filled("in", sizeof(first), 7), out = tmp_open("out", 0);
	struct io_uring_sqe *sqe;
	unsigned i;

	ring_init(&ring, 8, 0);
	add_read(0, in, first, sizeof(first), IOSQE_IO_LINK);
	sqe = next_sqe(&ring, 1);
	io_uring_prep_write(sqe, out, first, sizeof(first), 0);
	io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
	sqe = next_sqe(&ring, 2);
	io_uring_prep_fsync(sqe, out, IORING_FSYNC_DATASYNC);
	io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
	add_read(3, out, second, sizeof(second), 0);
	submit_n(&ring, 4);
	for (i = 0; i < 4; i++)
		CHECK_EQ(wait_res(&ring, i), i == 2 ? 0 : (int)sizeof(first));
	CHECK_PATTERN(second, sizeof(second), 7);
	CHECK_FILE(out, 0, sizeof(first), 7);
	io_uring_queue_exit(&ring);
}

TEST(chain_waits_for_a_slow_member)
{
	int fds[2];
	char c = 0;

	ring_init(&ring, 8, 0);
	make_pipe(fds);
	add_read(1, fds[0], &c, 1, IOSQE_IO_LINK);
	add(2, false, 0);
	add(3, false, 0);
	submit_n(&ring, 3);
	CHECK_EQ(wait_res(&ring, 3), 0);
	CHECK_QUIET(&ring);
	fd_write(fds[1], "x", 1);
	CHECK_EQ(wait_res(&ring, 1), 1);
	CHECK_EQ(wait_res(&ring, 2), 0);
	CHECK_EQ(c, 'x');
	io_uring_queue_exit(&ring);
}

/* For each position of the failure: earlier requests succeed, later ones are canceled, and what follows the chain is
 * not affected. With hard links all others succeed. */
static void chain_with_failure(unsigned link, unsigned extra)
{
	unsigned bad, i;

	/* Older kernels check the file when they take the request, and cancel the whole chain. */
	SINCE("chain that breaks where a file is bad", 5, 19);
	ring_init(&ring, 16, 0);
	for (bad = 0; bad < CHAIN; bad++) {
		for (i = 0; i < CHAIN; i++)
			add(i, i == bad, extra | (i + 1 < CHAIN ? link : 0));
		add(CHAIN, false, extra);
		submit_n(&ring, CHAIN + 1);
		collect(&ring, CHAIN + 1);
		for (i = 0; i <= CHAIN; i++) {
			int want = i > bad && i < CHAIN && link == IOSQE_IO_LINK ? -ECANCELED : 0;

			CHECK_EQ(res_of(i), i == bad ? -EBADF : want);
		}
	}
	io_uring_queue_exit(&ring);
}

TEST(failure_breaks_a_chain) { chain_with_failure(IOSQE_IO_LINK, 0); }
TEST(failure_breaks_an_async_chain) { chain_with_failure(IOSQE_IO_LINK, IOSQE_ASYNC); }
TEST(failure_leaves_hard_links) { chain_with_failure(IOSQE_IO_HARDLINK, 0); }
TEST(failure_leaves_async_hard_links) { chain_with_failure(IOSQE_IO_HARDLINK, IOSQE_ASYNC); }

TEST(short_read)
{
	unsigned links[] = { IOSQE_IO_LINK, IOSQE_IO_HARDLINK };
	int fd = tmp_filled("short", 100, 3);
	char buf[200];
	unsigned i;

	ring_init(&ring, 8, 0);
	for (i = 0; i < 2; i++) {
		memset(buf, 0xee, sizeof(buf));
		add_read(1, fd, buf, sizeof(buf), links[i]);
		add(2, false, 0);
		submit_n(&ring, 2);
		CHECK_EQ(wait_res(&ring, 1), 100);
		CHECK_EQ(wait_res(&ring, 2), i ? 0 : -ECANCELED);
		CHECK_PATTERN(buf, 100, 3);
		CHECK_ALL(buf + 100, 100, 0xee);
	}
	io_uring_queue_exit(&ring);
}

/* A submission ends the chain, whatever flags its last request has. */
TEST(submission_ends_a_chain)
{
	ring_init(&ring, 8, 0);
	add(1, true, IOSQE_IO_LINK);
	submit_one(&ring);
	add(2, false, 0);
	submit_one(&ring);
	collect(&ring, 2);
	CHECK_EQ(res_of(1), -EBADF);
	CHECK_EQ(res_of(2), 0);
	io_uring_queue_exit(&ring);
}

TEST(link_timeout_fires)
{
	unsigned clocks[] = { 0, IORING_TIMEOUT_BOOTTIME, IORING_TIMEOUT_REALTIME };
	unsigned i;
	int fds[2];
	char c;

	ring_init(&ring, 8, 0);
	make_pipe(fds);
	for (i = 0; i < ARRAY_LEN(clocks); i++) {
		long long start = now();

		add_read(1, fds[0], &c, 1, IOSQE_IO_LINK);
		add_link_timeout(2, SHORT, clocks[i]);
		submit_n(&ring, 2);
		collect(&ring, 2);
		CHECK_EQ(res_of(1), -ECANCELED);
		CHECK_EQ(res_of(2), -ETIME);
		CHECK_TOOK(start, SHORT);
	}
	io_uring_queue_exit(&ring);
}

/* A link timeout limits what is before it, which can't be a link timeout. */
TEST(link_timeout_after_another)
{
	unsigned alone;
	int fds[2];
	char c;

	ring_init(&ring, 8, 0);
	make_pipe(fds);
	for (alone = 0; alone < 2; alone++) {
		if (!alone)
			add_read(1, fds[0], &c, 1, IOSQE_IO_LINK);
		io_uring_sqe_set_flags(add_link_timeout(2, LONG, 0), IOSQE_IO_LINK);
		add_link_timeout(3, LONG, 0);
		submit_n(&ring, 3 - (int)alone);
		collect(&ring, 3 - alone);
		if (!alone)
			CHECK_EQ(res_of(1), -ECANCELED);
		CHECK_EQ(res_of(2), alone ? -EINVAL : -ECANCELED);
		CHECK_EQ(res_of(3), -EINVAL);
	}
	io_uring_queue_exit(&ring);
}

TEST(link_timeout_in_time)
{
	int fds[2];
	char c;

	ring_init(&ring, 8, 0);
	make_pipe(fds);
	add_read(1, fds[0], &c, 1, IOSQE_IO_LINK);
	add_link_timeout(2, LONG, 0);
	submit_n(&ring, 2);
	CHECK_QUIET(&ring);
	fd_write(fds[1], "x", 1);
	collect(&ring, 2);
	CHECK_EQ(res_of(1), 1);
	CHECK_EQ(res_of(2), -ECANCELED);
	io_uring_queue_exit(&ring);
}

/* The time limit applies only to the request before it; the rest continues. */
TEST(link_timeout_inside_a_chain)
{
	int fds[2];
	char c;

	ring_init(&ring, 8, 0);
	make_pipe(fds);
	fd_write(fds[1], "x", 1);
	add_read(1, fds[0], &c, 1, IOSQE_IO_LINK);
	io_uring_sqe_set_flags(add_link_timeout(2, LONG, 0), IOSQE_IO_LINK);
	add(3, false, 0);
	submit_n(&ring, 3);
	collect(&ring, 3);
	CHECK_EQ(res_of(1), 1);
	CHECK_EQ(res_of(2), -ECANCELED);
	CHECK_EQ(res_of(3), 0);
	io_uring_queue_exit(&ring);
}

TEST(link_timeout_alone)
{
	ring_init(&ring, 8, 0);
	add_link_timeout(1, SHORT, 0);
	CHECK_EQ(run_res(&ring), -EINVAL);
	io_uring_queue_exit(&ring);
}

TEST(link_timeout_updated)
{
	long long start;
	int fds[2];
	char c;

	ENGINE_NOT_UNDER("valgrind", "the timeout may expire before it is seen to be updated");
	ring_init(&ring, 8, 0);
	make_pipe(fds);
	add_read(1, fds[0], &c, 1, IOSQE_IO_LINK);
	add_link_timeout(2, LONG, 0);
	submit_n(&ring, 2);

	ts = nsec(SHORT);
	io_uring_prep_timeout_update(next_sqe(&ring, 3), &ts, 2, 0);
	CHECK_EQ(run_res(&ring), -ENOENT);
	start = now();
	io_uring_prep_timeout_update(next_sqe(&ring, 3), &ts, 2, IORING_LINK_TIMEOUT_UPDATE);
	CHECK_EQ(run_res(&ring), 0);
	collect(&ring, 2);
	CHECK_EQ(res_of(1), -ECANCELED);
	CHECK_EQ(res_of(2), -ETIME);
	CHECK_TOOK(start, SHORT);
	io_uring_queue_exit(&ring);
}

/* A drained request waits for all before it, and all after it wait for it. */
TEST(drain)
{
	int fds[2];
	char c;

	ring_init(&ring, 8, 0);
	make_pipe(fds);
	add_read(1, fds[0], &c, 1, 0);
	add(2, false, 0);
	add(3, false, IOSQE_IO_DRAIN);
	add(4, false, 0);
	submit_n(&ring, 4);
	CHECK_EQ(wait_res(&ring, 2), 0);
	CHECK_QUIET(&ring);
	fd_write(fds[1], "x", 1);
	CHECK_EQ(wait_res(&ring, 1), 1);
	/* Kernels sometimes complete them in reverse order. */
	collect(&ring, 2);
	CHECK_EQ(res_of(3), 0);
	CHECK_EQ(res_of(4), 0);
	io_uring_queue_exit(&ring);
}

TEST(drain_across_submissions)
{
	int fds[2];
	char c;

	ring_init(&ring, 8, 0);
	make_pipe(fds);
	add_read(1, fds[0], &c, 1, 0);
	submit_one(&ring);
	add(2, false, IOSQE_IO_DRAIN);
	submit_one(&ring);
	CHECK_QUIET(&ring);
	fd_write(fds[1], "x", 1);
	CHECK_EQ(wait_res(&ring, 1), 1);
	CHECK_EQ(wait_res(&ring, 2), 0);
	add(3, false, 0);
	CHECK_EQ(run_res(&ring), 0);
	io_uring_queue_exit(&ring);
}

TEST(skip_success)
{
	ring_init(&ring, 8, 0);
	need_feature(&ring, IORING_FEAT_CQE_SKIP);
	add(1, false, IOSQE_CQE_SKIP_SUCCESS);
	submit_one(&ring);
	add(2, true, IOSQE_CQE_SKIP_SUCCESS);
	submit_one(&ring);
	CHECK_EQ(wait_res(&ring, 2), -EBADF);
	CHECK_QUIET(&ring);
	io_uring_queue_exit(&ring);
}

/* Only the last request of a chain posts a completion; if an earlier one fails, only the failed one does. */
TEST(skip_success_in_a_chain)
{
	unsigned bad, i;

	ring_init(&ring, 16, 0);
	need_feature(&ring, IORING_FEAT_CQE_SKIP);
	for (bad = 0; bad <= CHAIN; bad++) {
		for (i = 0; i < CHAIN; i++)
			add(i, i == bad, i + 1 < CHAIN ? IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS : 0);
		submit_n(&ring, CHAIN);
		CHECK_EQ(wait_res(&ring, bad < CHAIN ? bad : CHAIN - 1), bad < CHAIN ? -EBADF : 0);
		CHECK_QUIET(&ring);
	}
	io_uring_queue_exit(&ring);
}

/* A linked file is looked up when the request runs: the second uses the file that the first registered. */
TEST(linked_file)
{
	struct io_uring_sqe *sqe;
	char buf[64], *path;
	int fd = tmp_filled("late", sizeof(buf), 9);

	close(fd);
	path = tmp_path("late");
	ring_init(&ring, 8, 0);
	need_feature(&ring, IORING_FEAT_LINKED_FILE);
	CHECK_EQ(io_uring_register_files_sparse(&ring, 1), 0);
	sqe = next_sqe(&ring, 1);
	io_uring_prep_openat_direct(sqe, AT_FDCWD, path, O_RDONLY, 0, 0);
	io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
	add_read(2, 0, buf, sizeof(buf), IOSQE_FIXED_FILE | IOSQE_IO_LINK);
	io_uring_prep_close_direct(next_sqe(&ring, 3), 0);
	submit_n(&ring, 3);
	CHECK_EQ(wait_res(&ring, 1), 0);
	CHECK_EQ(wait_res(&ring, 2), sizeof(buf));
	CHECK_EQ(wait_res(&ring, 3), 0);
	CHECK_PATTERN(buf, sizeof(buf), 9);
	free(path);
	io_uring_queue_exit(&ring);
}
