/* Registered files: the table, its updates, its tags, its limits. */
#include "io.h"
#include <sys/resource.h>

/* Reads 100 bytes of slot `index`; they must be pattern `seed`. Returns res. */
static int read_slot(struct io_uring *ring, unsigned index, unsigned seed)
{
	struct io_uring_sqe *sqe = next_sqe(ring, index);
	char in[100];
	int res;

	io_uring_prep_read(sqe, (int)index, in, sizeof(in), 0);
	io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	res = run_res(ring);
	if (res > 0)
		CHECK_PATTERN(in, (size_t)res, seed);
	return res;
}

/* Three files of patterns 0, 1, 2, and room for more. */
static void three_files(int fds[3])
{
	fds[0] = tmp_filled("f0", 100, 0);
	fds[1] = tmp_filled("f1", 100, 1);
	fds[2] = tmp_filled("f2", 100, 2);
}

TEST(registered_files_live_on)
{
	struct io_uring ring;
	unsigned i;
	int fds[3];

	three_files(fds);
	ring_init(&ring, 4, 0);
	CHECK_EQ(io_uring_register_files(&ring, fds, 3), 0);
	for (i = 0; i < 3; i++)
		close(fds[i]);
	for (i = 0; i < 3; i++)
		CHECK_EQ(read_slot(&ring, i, i), 100);
	CHECK_EQ(read_slot(&ring, 3, 0), -EBADF);
	CHECK_EQ(io_uring_unregister_files(&ring), 0);
	CHECK_EQ(read_slot(&ring, 0, 0), -EBADF);
	io_uring_queue_exit(&ring);
}

TEST(what_register_returns)
{
	struct io_uring ring;
	int fds[3], holes[2] = { -1, -1 }, bad[2];

	NOT_UNDER("valgrind", "it reports the bad addresses that the case passes");
	SINCE("sparse table", 5, 19);
	three_files(fds);
	bad[0] = fds[0];
	bad[1] = 9999;
	ring_init(&ring, 4, 0);
	CHECK_EQ(io_uring_unregister_files(&ring), -ENXIO);
	CHECK_EQ(io_uring_register_files_update(&ring, 0, fds, 1), -ENXIO);
	CHECK_EQ(io_uring_register_files_update_tag(&ring, 0, fds, NULL, 1), -ENXIO);
	CHECK_EQ(io_uring_register_files(&ring, fds, 0), -EINVAL);
	CHECK_EQ(io_uring_register_files(&ring, NULL, 1), -EFAULT);
	CHECK_EQ(io_uring_register_files(&ring, bad, 2), -EBADF);
	CHECK_EQ(io_uring_register_files(&ring, &ring.ring_fd, 1), -EBADF);
	CHECK_EQ(io_uring_register_files_sparse(&ring, 0), -EINVAL);
	CHECK_EQ(io_uring_register_files_tags(&ring, fds, NULL, 0), -EINVAL);
	CHECK_EQ(io_uring_register_files(&ring, fds, 3), 0);
	CHECK_EQ(io_uring_register_files(&ring, fds, 3), -EBUSY);
	CHECK_EQ(io_uring_register_files_tags(&ring, fds, NULL, 3), -EBUSY);
	CHECK_EQ(io_uring_register_files_sparse(&ring, 3), -EBUSY);
	CHECK_EQ(io_uring_unregister_files(&ring), 0);
	CHECK_EQ(io_uring_unregister_files(&ring), -ENXIO);
	CHECK_EQ(io_uring_register_files(&ring, holes, 2), 0);
	CHECK_EQ(read_slot(&ring, 1, 0), -EBADF);
	io_uring_queue_exit(&ring);
}

TEST(update)
{
	struct io_uring ring;
	int fds[3], two[2], table[4] = { -1, -1, -1, -1 };

	three_files(fds);
	ring_init(&ring, 4, 0);
	CHECK_EQ(io_uring_register_files(&ring, table, 4), 0);
	CHECK_EQ(io_uring_register_files_update(&ring, 1, fds, 3), 3);
	CHECK_EQ(read_slot(&ring, 0, 0), -EBADF);
	CHECK_EQ(read_slot(&ring, 1, 0), 100);
	CHECK_EQ(read_slot(&ring, 3, 2), 100);
	two[0] = IORING_REGISTER_FILES_SKIP;
	two[1] = fds[0];
	CHECK_EQ(io_uring_register_files_update(&ring, 2, two, 2), 2);
	CHECK_EQ(read_slot(&ring, 2, 1), 100);
	CHECK_EQ(read_slot(&ring, 3, 0), 100);
	two[0] = -1;
	CHECK_EQ(io_uring_register_files_update(&ring, 2, two, 1), 1);
	CHECK_EQ(read_slot(&ring, 2, 1), -EBADF);
	/* The first entry succeeds and the second fails, so the count is 1. */
	two[0] = fds[2];
	two[1] = 9999;
	CHECK_EQ(io_uring_register_files_update(&ring, 0, two, 2), 1);
	CHECK_EQ(read_slot(&ring, 0, 2), 100);
	CHECK_EQ(io_uring_register_files_update(&ring, 0, two + 1, 1), -EBADF);
	CHECK_EQ(io_uring_register_files_update(&ring, 3, fds, 2), -EINVAL);
	CHECK_EQ(io_uring_register_files_update(&ring, (unsigned)-1, fds, 2), -EOVERFLOW);
	CHECK_EQ(io_uring_register_files_update(&ring, 0, fds, 0), -EINVAL);
	CHECK_EQ(io_uring_register_files_update(&ring, 0, NULL, 1), -EFAULT);
	io_uring_queue_exit(&ring);
}

/* The next completion must say that the resource with this tag is free. */
static void tag_comes(struct io_uring *ring, __u64 tag)
{
	struct done cqe = wait_one(ring);

	CHECK_EQ(cqe.user_data, tag);
	CHECK_EQ(cqe.res, 0);
	CHECK_EQ(cqe.flags, 0);
}

TEST(tags)
{
	__u64 tags[3] = { 0x1111, 0, 0x3333 }, more[2] = { 0x4444, 0x5555 };
	struct done first, second;
	struct io_uring ring;
	int fds[3];

	three_files(fds);
	ring_init(&ring, 8, 0);
	need_feature(&ring, IORING_FEAT_RSRC_TAGS);
	CHECK_EQ(io_uring_register_files_tags(&ring, fds, tags, 3), 0);
	CHECK_EQ(read_slot(&ring, 2, 2), 100);
	CHECK_QUIET(&ring);
	CHECK_EQ(io_uring_register_files_update_tag(&ring, 0, fds + 1, more, 2), 2);
	tag_comes(&ring, 0x1111);
	CHECK_QUIET(&ring);
	CHECK_EQ(read_slot(&ring, 0, 1), 100);
	CHECK_EQ(read_slot(&ring, 1, 2), 100);
	CHECK_EQ(io_uring_register_files_update_tag(&ring, 2, fds, NULL, 1), 1);
	tag_comes(&ring, 0x3333);
	CHECK_EQ(read_slot(&ring, 2, 0), 100);
	CHECK_EQ(io_uring_register_files_update_tag(&ring, 3, fds, NULL, 1), -EINVAL);
	CHECK_EQ(io_uring_register_files_update_tag(&ring, 0, fds, NULL, 0), -EINVAL);
	CHECK_EQ(io_uring_unregister_files(&ring), 0);
	SINCE("tag that comes when all are unregistered", 6, 13);
	first = wait_one(&ring);
	second = wait_one(&ring);
	CHECK(first.user_data == more[0] || first.user_data == more[1]);
	CHECK_EQ(first.user_data ^ second.user_data, more[0] ^ more[1]);
	CHECK_EQ(first.res | second.res, 0);
	CHECK_QUIET(&ring);
	io_uring_queue_exit(&ring);
}

/* A tag is not posted while a request still uses the file. */
TEST(tag_waits_for_the_last_user)
{
	struct io_uring ring;
	struct io_uring_sqe *sqe;
	struct done first, second;
	__u64 tag = 0x77;
	char in[8];
	int fds[2], none = -1;

	make_pipe(fds);
	ring_init(&ring, 8, 0);
	need_feature(&ring, IORING_FEAT_RSRC_TAGS);
	CHECK_EQ(io_uring_register_files_tags(&ring, fds, &tag, 1), 0);
	sqe = next_sqe(&ring, 1);
	io_uring_prep_read(sqe, 0, in, sizeof(in), 0);
	io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	submit_one(&ring);
	CHECK_EQ(io_uring_register_files_update(&ring, 0, &none, 1), 1);
	CHECK_QUIET(&ring);
	fd_write(fds[1], "data", 4);
	first = wait_one(&ring);
	second = wait_one(&ring);
	CHECK_EQ(first.user_data + second.user_data, 0x78);
	CHECK_EQ(first.res + second.res, 4);
	io_uring_queue_exit(&ring);
}

TEST(sparse_table)
{
	struct io_uring ring;
	int fds[3];

	SINCE("sparse table", 5, 19);
	three_files(fds);
	ring_init(&ring, 4, 0);
	CHECK_EQ(io_uring_register_files_sparse(&ring, 10), 0);
	CHECK_EQ(read_slot(&ring, 9, 0), -EBADF);
	CHECK_EQ(io_uring_register_files_update(&ring, 7, fds, 3), 3);
	CHECK_EQ(read_slot(&ring, 9, 2), 100);
	CHECK_EQ(io_uring_register_files_update(&ring, 8, fds, 3), -EINVAL);
	io_uring_queue_exit(&ring);
}

/* The request that updates the table, and that picks free slots on demand. */
TEST(update_by_request)
{
	struct io_uring ring;
	int fds[3], ask[3];
	unsigned i;

	SINCE("sparse table", 5, 19);
	three_files(fds);
	need_op(IORING_OP_FILES_UPDATE);
	ring_init(&ring, 4, 0);
	CHECK_EQ(io_uring_register_files_sparse(&ring, 5), 0);
	io_uring_prep_files_update(next_sqe(&ring, 1), fds + 1, 2, 1);
	CHECK_EQ(run_res(&ring), 2);
	CHECK_EQ(read_slot(&ring, 0, 0), -EBADF);
	CHECK_EQ(read_slot(&ring, 1, 1), 100);
	CHECK_EQ(read_slot(&ring, 2, 2), 100);
	io_uring_prep_files_update(next_sqe(&ring, 2), fds, 2, 4);
	CHECK_EQ(run_res(&ring), -EINVAL);
	memcpy(ask, fds, sizeof(ask));
	io_uring_prep_files_update(next_sqe(&ring, 3), ask, 3, (int)IORING_FILE_INDEX_ALLOC);
	CHECK_EQ(run_res(&ring), 3);
	CHECK_EQ(1 << ask[0] | 1 << ask[1] | 1 << ask[2], 1 << 0 | 1 << 3 | 1 << 4);
	for (i = 0; i < 3; i++)
		CHECK_EQ(read_slot(&ring, (unsigned)ask[i], i), 100);
	memcpy(ask, fds, sizeof(ask));
	io_uring_prep_files_update(next_sqe(&ring, 4), ask, 1, (int)IORING_FILE_INDEX_ALLOC);
	CHECK_EQ(run_res(&ring), -ENFILE);
	io_uring_queue_exit(&ring);
}

static int update_now(struct io_uring *ring, int *fds, unsigned nr, int offset)
{
	io_uring_prep_files_update(next_sqe(ring, 1), fds, nr, offset);
	return run_res(ring);
}

TEST(refused_updates)
{
	struct io_uring_rsrc_update2 up = { .nr = 1 };
	struct io_uring_rsrc_register reg = { .nr = 1, .flags = IORING_RSRC_REGISTER_SPARSE };
	struct io_uring_sqe *sqe;
	struct io_uring ring;
	__u64 tags[2] = { 1, 2 };
	int fds[3], holes[2] = { -1, -1 };

	NOT_UNDER("valgrind", "it reports the bad addresses that the case passes");
	SINCE("sparse table", 5, 19);
	three_files(fds);
	ring_init(&ring, 4, 0);
	CHECK_EQ(update_now(&ring, fds, 1, 0), -ENXIO);
	CHECK_EQ(update_now(&ring, fds, 1, (int)IORING_FILE_INDEX_ALLOC), -ENXIO);
	/* A tag needs a file. */
	CHECK_EQ(io_uring_register_files_tags(&ring, holes, tags, 2), -EINVAL);
	reg.data = (__u64)(uintptr_t)fds;
	CHECK_EQ(io_uring_register(ring.ring_fd, IORING_REGISTER_FILES2, &reg, sizeof(reg)), -EINVAL);
	reg.flags = 1U << 5;
	CHECK_EQ(io_uring_register(ring.ring_fd, IORING_REGISTER_FILES2, &reg, sizeof(reg)), -EINVAL);
	reg.flags = 0;
	reg.resv2 = 1;
	CHECK_EQ(io_uring_register(ring.ring_fd, IORING_REGISTER_FILES2, &reg, sizeof(reg)), -EINVAL);
	reg.resv2 = 0;
	CHECK_EQ(io_uring_register(ring.ring_fd, IORING_REGISTER_FILES2, &reg, sizeof(reg) - 1), -EINVAL);
	CHECK_EQ(io_uring_register_files(&ring, fds, (unsigned)1 << 31), -EMFILE);
	CHECK_EQ(io_uring_register_files_sparse(&ring, 4), 0);
	up.data = (__u64)(uintptr_t)fds;
	up.resv = 1;
	CHECK_EQ(io_uring_register(ring.ring_fd, IORING_REGISTER_FILES_UPDATE2, &up, sizeof(up)), -EINVAL);
	up.resv = 0;
	up.resv2 = 1;
	CHECK_EQ(io_uring_register(ring.ring_fd, IORING_REGISTER_FILES_UPDATE2, &up, sizeof(up)), -EINVAL);
	CHECK_EQ(io_uring_register_files_update_tag(&ring, 0, holes, tags, 1), -EINVAL);
	CHECK_EQ(update_now(&ring, fds, 0, 0), -EINVAL);
	CHECK_EQ(update_now(&ring, NULL, 1, 0), -EFAULT);
	CHECK_EQ(update_now(&ring, fds, 2, 3), -EINVAL);
	CHECK_EQ(update_now(&ring, fds, 2, -2), -EOVERFLOW);
	CHECK_EQ(update_now(&ring, &ring.ring_fd, 1, 0), -EBADF);
	sqe = next_sqe(&ring, 1);
	io_uring_prep_files_update(sqe, fds, 1, 0);
	io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	CHECK_EQ(run_res(&ring), -EINVAL);
	sqe = next_sqe(&ring, 1);
	io_uring_prep_files_update(sqe, fds, 1, 0);
	sqe->rw_flags = 1;
	CHECK_EQ(run_res(&ring), -EINVAL);
	io_uring_queue_exit(&ring);
}

/* A slot whose new file is wrong has lost the old one. */
TEST(failed_update_empties)
{
	int fds[3], bad = 9999;
	struct io_uring ring;

	three_files(fds);
	ring_init(&ring, 4, 0);
	CHECK_EQ(io_uring_register_files(&ring, fds, 3), 0);
	CHECK_EQ(io_uring_register_files_update(&ring, 1, &bad, 1), -EBADF);
	CHECK_EQ(read_slot(&ring, 1, 1), -EBADF);
	CHECK_EQ(read_slot(&ring, 2, 2), 100);
	io_uring_queue_exit(&ring);
}

/* A request keeps the file that was in the slot when it started. */
TEST(replaced_amid_a_request)
{
	struct io_uring_sqe *sqe;
	struct io_uring ring;
	int fds[2], other[2];
	char in[8];

	make_pipe(fds);
	make_pipe(other);
	ring_init(&ring, 4, 0);
	CHECK_EQ(io_uring_register_files(&ring, fds, 1), 0);
	sqe = next_sqe(&ring, 1);
	io_uring_prep_read(sqe, 0, in, sizeof(in), 0);
	io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	submit_one(&ring);
	CHECK_EQ(io_uring_register_files_update(&ring, 0, other, 1), 1);
	close(fds[0]);
	fd_write(other[1], "no", 2);
	CHECK_QUIET(&ring);
	fd_write(fds[1], "data", 4);
	CHECK_EQ(wait_res(&ring, 1), 4);
	kernel_wrote(in, 4);
	CHECK(!memcmp(in, "data", 4));
	CHECK_EQ(io_uring_unregister_files(&ring), 0);
	io_uring_queue_exit(&ring);
}

/* A registered file is open until it leaves the table: its pipe ends then, not before. */
TEST(closed_with_the_slot)
{
	struct io_uring ring;
	int fds[2], none = -1;
	char in[8];

	make_pipe(fds);
	ring_init(&ring, 4, 0);
	CHECK_EQ(io_uring_register_files(&ring, fds + 1, 1), 0);
	close(fds[1]);
	CHECK_SYS(fcntl(fds[0], F_SETFL, O_NONBLOCK));
	CHECK_EQ(read(fds[0], in, sizeof(in)), -1);
	CHECK_EQ(errno, EAGAIN);
	CHECK_EQ(io_uring_register_files_update(&ring, 0, &none, 1), 1);
	CHECK_SYS(fcntl(fds[0], F_SETFL, 0));
	CHECK_EQ(read(fds[0], in, sizeof(in)), 0);
	io_uring_queue_exit(&ring);
}

/* Registered files don't count against the limit on descriptors, and neither do requests in flight. */
TEST(at_the_limit)
{
	enum { COUNT = 24 };
	int fds[COUNT], ends[2], i;
	struct io_uring ring;
	struct rlimit limit, before;
	char in[COUNT][8];

	NOT_UNDER("valgrind", "it emulates RLIMIT_NOFILE");
	make_pipe(ends);
	ring_init(&ring, 64, 0);
	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &before));
	for (i = 0; i < COUNT; i++) {
		fds[i] = dup(ends[0]);
		CHECK_SYS(fds[i]);
	}
	limit = before;
	limit.rlim_cur = (rlim_t)fds[COUNT - 1] + 1;
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	CHECK_EQ(dup(0), -1);
	CHECK_EQ(io_uring_register_files(&ring, fds, COUNT), 0);
	for (i = 0; i < COUNT; i++) {
		struct io_uring_sqe *sqe = next_sqe(&ring, 1);

		io_uring_prep_read(sqe, i % 2 ? i : fds[i], in[i], 1, 0);
		if (i % 2)
			io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	}
	submit_n(&ring, COUNT);
	CHECK_QUIET(&ring);
	for (i = 0; i < COUNT; i++)
		close(fds[i]);
	for (i = 0; i < COUNT; i++)
		fd_write(ends[1], "x", 1);
	for (i = 0; i < COUNT; i++)
		CHECK_EQ(wait_res(&ring, 1), 1);
	/* The program can have all descriptors that it may have. */
	for (i = 0; i < COUNT; i++)
		CHECK_EQ(dup(0), fds[i]);
	CHECK_EQ(dup(0), -1);
	io_uring_queue_exit(&ring);
}

/* What was opened only to be named can't be registered. */
TEST(path_only)
{
	int fd = open(tmp_dir(), O_PATH | O_CLOEXEC);
	struct io_uring ring;

	CHECK_SYS(fd);
	ring_init(&ring, 4, 0);
	CHECK_EQ(io_uring_register_files(&ring, &fd, 1), -EBADF);
	io_uring_queue_exit(&ring);
}
