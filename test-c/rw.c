/* Reads and writes of every kind. */
#include "io.h"
#include <sys/vfs.h>

#define LEN 65536

TEST(write_then_read)
{
	static const unsigned sizes[] = { 1, 511, 4096, 4097, LEN };
	int fd = tmp_open("f", 0);
	char *out = pages(LEN), *in = pages(LEN);
	struct io_uring ring;
	unsigned i;

	ring_init(&ring, 4, 0);
	for (i = 0; i < ARRAY_LEN(sizes); i++) {
		__u64 at = i * 100003;

		fill(out, sizes[i], i);
		memset(in, 0xee, LEN);
		io_uring_prep_write(next_sqe(&ring, i), fd, out, sizes[i], at);
		CHECK_EQ(run_res(&ring), sizes[i]);
		CHECK_FILE(fd, at, sizes[i], i);
		io_uring_prep_read(next_sqe(&ring, i), fd, in, sizes[i], at);
		CHECK_EQ(run_res(&ring), sizes[i]);
		CHECK_PATTERN(in, sizes[i], i);
		CHECK_ALL(in + sizes[i], LEN - sizes[i], 0xee);
	}
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
	io_uring_queue_exit(&ring);
}

/* Every kind of ring must read the same bytes. */
TEST(every_kind_of_ring)
{
	static const struct { const char *name; unsigned flags; } kinds[] = {
		{ "plain", 0 },
		{ "sqpoll", IORING_SETUP_SQPOLL },
		{ "sqe128", IORING_SETUP_SQE128 },
		{ "cqe32", IORING_SETUP_CQE32 },
		{ "both big", IORING_SETUP_SQE128 | IORING_SETUP_CQE32 },
		{ "coop", IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG },
		{ "defer", IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN },
		{ "no sq array", IORING_SETUP_NO_SQARRAY },
		{ "no mmap", IORING_SETUP_NO_MMAP },
	};
	int fd = tmp_open("f", 0);
	char out[3000], in[3000];
	unsigned i, n;

	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		struct io_uring ring;
		int ret = io_uring_queue_init(4, &ring, kinds[i].flags);

		if (ret == -EINVAL) {
			printf("  the kernel has no %s ring\n", kinds[i].name);
			continue;
		}
		CHECK_EQ(ret, 0);
		for (n = 0; n < 20; n++) {
			fill(out, sizeof(out), n);
			io_uring_prep_write(next_sqe(&ring, n), fd, out, sizeof(out), n * 7);
			submit_one(&ring);
			CHECK_EQ(wait_res(&ring, n), sizeof(out));
			io_uring_prep_read(next_sqe(&ring, ~n), fd, in, sizeof(in), n * 7);
			submit_one(&ring);
			CHECK_EQ(wait_res(&ring, (__u64)~n), sizeof(in));
			CHECK_PATTERN(in, sizeof(in), n);
		}
		io_uring_queue_exit(&ring);
	}
}

/* A full queue of reads in scrambled order, for several rounds. */
TEST(many_at_once)
{
	enum { DEPTH = 32, BLOCK = 1000, ROUNDS = 8 };
	int fd = tmp_filled("f", DEPTH * BLOCK, 5);
	static char in[DEPTH][BLOCK];
	struct io_uring ring;
	unsigned i, round, seen;

	ring_init(&ring, DEPTH, 0);
	for (round = 0; round < ROUNDS; round++) {
		memset(in, 0, sizeof(in));
		for (i = 0; i < DEPTH; i++) {
			unsigned n = (i * 7 + round) % DEPTH;
			struct io_uring_sqe *sqe = next_sqe(&ring, n);

			io_uring_prep_read(sqe, fd, in[n], BLOCK, n * BLOCK);
			if (i & 1)
				io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
		}
		CHECK(!io_uring_get_sqe(&ring));
		submit_n(&ring, DEPTH);
		for (i = 0, seen = 0; i < DEPTH; i++) {
			struct done cqe = wait_one(&ring);

			CHECK(cqe.user_data < DEPTH);
			CHECK(!(seen & 1U << cqe.user_data));
			seen |= 1U << cqe.user_data;
			CHECK_EQ(cqe.res, BLOCK);
			CHECK_PATTERN_FROM(in[cqe.user_data], BLOCK, cqe.user_data * BLOCK, 5);
		}
		CHECK_QUIET(&ring);
	}
	io_uring_queue_exit(&ring);
}

/* Cuts `buf` into pieces of 1, 2, 3, ... bytes; the last one takes the rest. */
static void cut(struct iovec *iov, unsigned nr, char *buf, size_t len)
{
	unsigned i;

	for (i = 0; i < nr; i++) {
		iov[i].iov_base = buf;
		iov[i].iov_len = i + 1 < nr ? i + 1 : len;
		buf += iov[i].iov_len;
		len -= iov[i].iov_len;
	}
}

TEST(vectors)
{
	int fd = tmp_open("f", 0);
	char out[5000], in[5000];
	struct iovec iov[9];
	struct io_uring ring;

	fill(out, sizeof(out), 1);
	ring_init(&ring, 4, 0);
	cut(iov, 9, out, sizeof(out));
	io_uring_prep_writev(next_sqe(&ring, 1), fd, iov, 9, 33);
	CHECK_EQ(run_res(&ring), sizeof(out));
	CHECK_FILE(fd, 33, sizeof(out), 1);
	cut(iov, 4, in, sizeof(in));
	io_uring_prep_readv(next_sqe(&ring, 2), fd, iov, 4, 33);
	CHECK_EQ(run_res(&ring), sizeof(in));
	CHECK_PATTERN(in, sizeof(in), 1);
	io_uring_prep_readv(next_sqe(&ring, 3), fd, iov, 0, 0);
	CHECK_EQ(run_res(&ring), 0);
	io_uring_prep_readv(next_sqe(&ring, 4), fd, iov, UIO_MAXIOV + 1, 0);
	CHECK_EQ(run_res(&ring), -EINVAL);
	io_uring_queue_exit(&ring);
}

TEST(vectors_with_rwf_flags)
{
	int fd = tmp_filled("f", 1000, 1), flags;
	char out[700], in[700];
	struct iovec iov[3];
	struct io_uring ring;

	fill(out, sizeof(out), 2);
	ring_init(&ring, 4, 0);
	/* RWF_APPEND writes at the end, whatever the offset. */
	cut(iov, 3, out, sizeof(out));
	io_uring_prep_writev2(next_sqe(&ring, 1), fd, iov, 3, 10, RWF_APPEND);
	CHECK_EQ(run_res(&ring), sizeof(out));
	CHECK_FILE(fd, 0, 1000, 1);
	CHECK_FILE(fd, 1000, sizeof(out), 2);
	for (flags = 0; flags <= (RWF_DSYNC | RWF_SYNC); flags += RWF_DSYNC) {
		io_uring_prep_writev2(next_sqe(&ring, 2), fd, iov, 3, 5, flags);
		CHECK_EQ(run_res(&ring), sizeof(out));
		CHECK_FILE(fd, 5, sizeof(out), 2);
	}
	cut(iov, 2, in, sizeof(in));
	io_uring_prep_readv2(next_sqe(&ring, 3), fd, iov, 2, 1000, 0);
	CHECK_EQ(run_res(&ring), sizeof(in));
	CHECK_PATTERN(in, sizeof(in), 2);
	io_uring_prep_readv2(next_sqe(&ring, 4), fd, iov, 2, 0, 1 << 30);
	CHECK_EQ(run_res(&ring), -EOPNOTSUPP);
	io_uring_prep_writev2(next_sqe(&ring, 5), fd, iov, 2, 0, 1 << 30);
	CHECK_EQ(run_res(&ring), -EOPNOTSUPP);
	io_uring_queue_exit(&ring);
}

/* RWF_NOWAIT on an empty pipe fails at once; without it the read waits for data. */
TEST(read_that_waits)
{
	struct io_uring ring;
	struct iovec iov;
	char in[100] = { 0 };
	int fds[2];

	make_pipe(fds);
	ring_init(&ring, 4, 0);
	iov.iov_base = in;
	iov.iov_len = sizeof(in);
	io_uring_prep_readv2(next_sqe(&ring, 1), fds[0], &iov, 1, 0, RWF_NOWAIT);
	CHECK_EQ(run_res(&ring), kernel_before(6, 4) ? -EOPNOTSUPP : -EAGAIN);
	io_uring_prep_read(next_sqe(&ring, 2), fds[0], in, sizeof(in), 0);
	submit_one(&ring);
	CHECK_QUIET(&ring);
	fd_write(fds[1], "ironring", 8);
	CHECK_EQ(wait_res(&ring, 2), 8);
	CHECK(!memcmp(in, "ironring", 8));
	io_uring_queue_exit(&ring);
}

/* Registers `buf` as buffer 1; buffer 0 is far from it. */
static void register_second(struct io_uring *ring, void *buf, size_t len)
{
	struct iovec iov[2] = { { pages(4096), 4096 }, { buf, len } };

	CHECK_EQ(io_uring_register_buffers(ring, iov, 2), 0);
}

TEST(fixed_buffers)
{
	int fd = tmp_open("f", 0);
	char *buf = pages(2 * LEN);
	struct io_uring ring;

	ring_init(&ring, 4, 0);
	register_second(&ring, buf, LEN);
	fill(buf + 100, 9000, 3);
	io_uring_prep_write_fixed(next_sqe(&ring, 1), fd, buf + 100, 9000, 77, 1);
	CHECK_EQ(run_res(&ring), 9000);
	CHECK_FILE(fd, 77, 9000, 3);
	memset(buf, 0xee, LEN);
	io_uring_prep_read_fixed(next_sqe(&ring, 2), fd, buf + LEN - 9000, 9000, 77, 1);
	CHECK_EQ(run_res(&ring), 9000);
	CHECK_PATTERN(buf + LEN - 9000, 9000, 3);
	CHECK_ALL(buf, LEN - 9000, 0xee);
	/* One byte outside, and an index that doesn't exist. */
	io_uring_prep_read_fixed(next_sqe(&ring, 3), fd, buf + LEN - 8999, 9000, 77, 1);
	CHECK_EQ(run_res(&ring), -EFAULT);
	io_uring_prep_write_fixed(next_sqe(&ring, 4), fd, buf - 1, 10, 0, 1);
	CHECK_EQ(run_res(&ring), -EFAULT);
	io_uring_prep_read_fixed(next_sqe(&ring, 5), fd, buf, 10, 0, 2);
	CHECK_EQ(run_res(&ring), -EFAULT);
	CHECK_ALL(buf, LEN - 9000, 0xee);
	io_uring_queue_exit(&ring);
}

TEST(fixed_buffer_vectors)
{
	int fd = tmp_open("f", 0);
	char *buf = pages(2 * LEN);
	struct iovec iov[6];
	struct io_uring ring;

	need_op(IORING_OP_READV_FIXED);
	need_op(IORING_OP_WRITEV_FIXED);
	ring_init(&ring, 4, 0);
	register_second(&ring, buf, LEN);
	fill(buf + 11, 20000, 4);
	cut(iov, 6, buf + 11, 20000);
	io_uring_prep_writev_fixed(next_sqe(&ring, 1), fd, iov, 6, 500, RWF_DSYNC, 1);
	CHECK_EQ(run_res(&ring), 20000);
	CHECK_FILE(fd, 500, 20000, 4);
	memset(buf, 0xee, LEN);
	cut(iov, 3, buf + 40000, 20000);
	io_uring_prep_readv_fixed(next_sqe(&ring, 2), fd, iov, 3, 500, 0, 1);
	CHECK_EQ(run_res(&ring), 20000);
	CHECK_PATTERN(buf + 40000, 20000, 4);
	CHECK_ALL(buf, 40000, 0xee);
	cut(iov, 3, buf + LEN - 100, 200);
	io_uring_prep_readv_fixed(next_sqe(&ring, 3), fd, iov, 3, 500, 0, 1);
	CHECK_EQ(run_res(&ring), -EFAULT);
	io_uring_prep_writev_fixed(next_sqe(&ring, 4), fd, iov, 3, 500, 0, 9);
	CHECK_EQ(run_res(&ring), -EFAULT);
	io_uring_queue_exit(&ring);
}

/* Offset -1 means the file's own offset, which advances. */
TEST(current_position)
{
	int fd = tmp_filled("f", 1000, 1);
	char in[300];
	struct iovec iov = { .iov_base = in, .iov_len = 50 };
	struct io_uring ring;

	ring_init(&ring, 4, 0);
	need_feature(&ring, IORING_FEAT_RW_CUR_POS);
	io_uring_prep_read(next_sqe(&ring, 1), fd, in, 300, (__u64)-1);
	CHECK_EQ(run_res(&ring), 300);
	CHECK_PATTERN(in, 300, 1);
	io_uring_prep_readv(next_sqe(&ring, 2), fd, &iov, 1, (__u64)-1);
	CHECK_EQ(run_res(&ring), 50);
	CHECK_PATTERN_FROM(in, 50, 300, 1);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 350);
	fill(in, 200, 2);
	io_uring_prep_write(next_sqe(&ring, 3), fd, in, 200, (__u64)-1);
	CHECK_EQ(run_res(&ring), 200);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 550);
	CHECK_FILE(fd, 0, 350, 1);
	CHECK_FILE(fd, 350, 200, 2);
	CHECK_FILE_FROM(fd, 550, 450, 550, 1);
	io_uring_queue_exit(&ring);
}

TEST(direct_io)
{
	char *path = tmp_path("f"), *buf = pages(2 * LEN);
	int fd = open(path, O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0644);
	struct io_uring ring;

	if (fd < 0 && errno == EINVAL)
		SKIP("the file system of %s has no O_DIRECT", tmp_dir());
	CHECK(fd >= 0);
	ring_init(&ring, 4, 0);
	register_second(&ring, buf, 2 * LEN);
	fill(buf, LEN, 6);
	io_uring_prep_write(next_sqe(&ring, 1), fd, buf, LEN, 4096);
	CHECK_EQ(run_res(&ring), LEN);
	io_uring_prep_read(next_sqe(&ring, 2), fd, buf + LEN, LEN, 4096);
	CHECK_EQ(run_res(&ring), LEN);
	CHECK_PATTERN(buf + LEN, LEN, 6);
	memset(buf + LEN, 0xee, LEN);
	io_uring_prep_read_fixed(next_sqe(&ring, 3), fd, buf + LEN + 4096, 8192, 8192, 1);
	CHECK_EQ(run_res(&ring), 8192);
	CHECK_PATTERN_FROM(buf + LEN + 4096, 8192, 4096, 6);
	CHECK_ALL(buf + LEN, 4096, 0xee);
	io_uring_queue_exit(&ring);
}

/* A disk answers after the submission, which nobody waits for in it. */
TEST(direct_io_does_not_block)
{
	char *path = tmp_path("f"), *buf = pages(LEN);
	int fd = open(path, O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0644);
	struct io_uring ring;
	struct statfs system;
	struct done first;

	if (fd < 0 && errno == EINVAL)
		SKIP("the file system of %s has no O_DIRECT", tmp_dir());
	CHECK(fd >= 0 && !fstatfs(fd, &system));
	if (system.f_type == 0x01021994 /* TMPFS_MAGIC */)
		SKIP("%s is in memory", tmp_dir());
	fill(buf, LEN, 6);
	CHECK_EQ(pwrite(fd, buf, LEN, 0), LEN);
	ring_init(&ring, 4, 0);
	io_uring_prep_read(next_sqe(&ring, 1), fd, buf, LEN, 0);
	io_uring_prep_nop(next_sqe(&ring, 2));
	CHECK_EQ(io_uring_submit(&ring), 2);
	first = wait_one(&ring);
	CHECK_EQ(first.user_data, 2);
	CHECK_EQ(wait_one(&ring).res, LEN);
	CHECK_PATTERN(buf, LEN, 6);
	io_uring_queue_exit(&ring);
}
