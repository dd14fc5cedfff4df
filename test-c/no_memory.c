/* A limit of address space that is real: calls work or say that there is no memory, what was accepted completes, and nothing
 * aborts. */
#include "many.h"
#include <sys/resource.h>

static struct io_uring ring;
static char buffer[4096];

/* Checkers can run none of these. */
static void not_under_checkers(void)
{
	NOT_UNDER("valgrind", "it has memory of its own");
	NOT_UNDER("asan", "it reserves the address space");
	NOT_UNDER("tsan", "it reserves the address space");
}

/* Bytes of address space that the process has. */
static rlim_t address_space(void)
{
	return (rlim_t)mapped_pages() * (rlim_t)sysconf(_SC_PAGESIZE);
}

static void limit_address_space(rlim_t more)
{
	struct rlimit limit;

	CHECK_SYS(getrlimit(RLIMIT_AS, &limit));
	limit.rlim_cur = address_space() + more;
	CHECK_SYS(setrlimit(RLIMIT_AS, &limit));
}

/* What a program with so much memory sees: everything works, or says that there is no memory. */
static void with_memory(rlim_t more)
{
	struct __kernel_timespec ts = nsec(MSEC);
	struct io_uring_sqe *sqe;
	unsigned n = 0, i;
	int fds[2], ret;

	make_pipe(fds);
	limit_address_space(more);
	ret = io_uring_queue_init(8, &ring, 0);
	if (ret == -ENOMEM)
		return;
	CHECK_EQ(ret, 0);
	io_uring_prep_nop(next_sqe(&ring, 1));
	io_uring_prep_read(next_sqe(&ring, 2), fds[0], buffer, 1, 0);
	io_uring_prep_timeout(next_sqe(&ring, 3), &ts, 0, 0);
	sqe = next_sqe(&ring, 4);
	io_uring_prep_nop(sqe);
	io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
	while (n < 4) {
		ret = io_uring_submit(&ring);
		if (ret == -EAGAIN || ret == -ENOMEM)
			break;
		CHECK(ret > 0);
		n += (unsigned)ret;
	}
	fd_write(fds[1], "x", 1);
	for (i = 0; i < n; i++) {
		struct done cqe = wait_at(__LINE__, &ring);

		if (cqe.res != -ENOMEM)
			CHECK_EQ(cqe.res, cqe.user_data == 2 ? 1 : cqe.user_data == 3 ? -ETIME : 0);
	}
	io_uring_queue_exit(&ring);
}

TEST(little_memory)
{
	unsigned kib, failed = 0;

	not_under_checkers();
	for (kib = 0; kib <= 8192; kib += kib < 512 ? 16 : 256) {
		pid_t pid = child();
		int status;

		if (!pid) {
			with_memory((rlim_t)kib << 10);
			fflush(stdout);
			_exit(0);
		}
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		if (status) {
			printf("  with %u KiB: status %#x\n", kib, (unsigned)status);
			failed++;
		}
	}
	CHECK_EQ(failed, 0);
}

#define MANY_READS 6000

/* Memory ends with requests in flight: what was accepted completes, and more is accepted when there is some again. */
TEST(memory_ends)
{
	struct __kernel_timespec hour = { .tv_sec = 3600 };
	unsigned accepted = 0, i;
	struct rlimit before;
	int fds[2], ret = 0;

	not_under_checkers();
	SINCE("IORING_ASYNC_CANCEL_ANY", 5, 19);
	make_pair(fds, SOCK_STREAM);
	ring_init(&ring, 8192, 0);
	CHECK_SYS(getrlimit(RLIMIT_AS, &before));
	limit_address_space(0);
	for (i = 0; i < MANY_READS; i++)
		io_uring_prep_timeout(next_sqe(&ring, i), &hour, 0, 0);
	while (io_uring_sq_ready(&ring)) {
		ret = io_uring_submit(&ring);
		if (ret < 0)
			break;
		accepted += (unsigned)ret;
	}
	if (t_on_engine() && accepted < MANY_READS)
		CHECK_EQ(ret, -EAGAIN);
	CHECK_SYS(setrlimit(RLIMIT_AS, &before));
	while (accepted < MANY_READS) {
		ret = io_uring_submit(&ring);
		CHECK(ret > 0);
		accepted += (unsigned)ret;
	}
	io_uring_prep_cancel64(next_sqe(&ring, MANY_READS), 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
	submit_one(&ring);
	for (i = 0; i <= MANY_READS; i++)
		(void)wait_at(__LINE__, &ring);
	io_uring_queue_exit(&ring);
}

/* Many requests are canceled without memory, and then the ring is exited. */
TEST(many_without_memory)
{
	struct __kernel_timespec hour = { .tv_sec = 3600 };
	struct rlimit before;
	unsigned i;

	not_under_checkers();
	ring_init(&ring, 32768, 0);
	for (i = 0; i < 30000; i++)
		io_uring_prep_timeout(next_sqe(&ring, i), &hour, 0, 0);
	submit_n(&ring, 30000);
	CHECK_SYS(getrlimit(RLIMIT_AS, &before));
	limit_address_space(0);
	io_uring_prep_cancel64(next_sqe(&ring, MANY_READS), 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
	(void)io_uring_submit(&ring);
	io_uring_queue_exit(&ring);
	CHECK_SYS(setrlimit(RLIMIT_AS, &before));
	ring_init(&ring, 8, 0);
	CHECK_WORKS(&ring);
	io_uring_queue_exit(&ring);
}

/* Tables that were registered are unregistered and copied without memory, or the call says that there is none. */
TEST(tables_without_memory)
{
	enum { FILES = 9000, BUFFERS = 6000 };
	static struct iovec iovs[BUFFERS];
	static __u64 tags[FILES];
	static int files[FILES];
	struct io_uring second;
	struct rlimit before;
	unsigned i, seen = 0;
	int fds[2], ret;

	not_under_checkers();
	SINCE("tag that comes when all are unregistered", 6, 13);
	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &before));
	if (before.rlim_max < 2 * FILES)
		SKIP("no process may open %d files", 2 * FILES);
	before.rlim_cur = before.rlim_max;
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &before));
	make_pipe(fds);
	for (i = 0; i < FILES; i++) {
		files[i] = fds[0];
		tags[i] = i + 1;
	}
	for (i = 0; i < BUFFERS; i++)
		iovs[i] = (struct iovec){ buffer, sizeof(buffer) };
	ring_init(&ring, 16384, 0);
	ring_init(&second, 8, 0);
	CHECK_EQ(io_uring_register_files_tags(&ring, files, tags, FILES), 0);
	CHECK_EQ(io_uring_register_buffers(&ring, iovs, BUFFERS), 0);
	CHECK_SYS(getrlimit(RLIMIT_AS, &before));
	limit_address_space(0);
	ret = io_uring_clone_buffers(&second, &ring);
	CHECK(ret == 0 || (t_on_engine() && ret == -ENOMEM));
	CHECK_EQ(io_uring_unregister_files(&ring), 0);
	CHECK_SYS(setrlimit(RLIMIT_AS, &before));
	while (seen < FILES) {
		(void)wait_at(__LINE__, &ring);
		seen++;
	}
	io_uring_queue_exit(&second);
	CHECK_WORKS(&ring);
	io_uring_queue_exit(&ring);
}
