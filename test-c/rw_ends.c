/* Where reads and writes end: at the end of the file, without buffers, with an error. */
#include "io.h"

TEST(short_at_the_end)
{
	static const struct { unsigned at, ask; int get; } reads[] = {
		{ 0, 1000, 1000 }, { 0, 1001, 1000 }, { 900, 500, 100 }, { 999, 2, 1 },
		{ 1000, 10, 0 }, { 5000, 10, 0 }, { 10, 0, 0 },
	};
	int fd = tmp_filled("f", 1000, 1);
	char in[1200];
	struct iovec iov;
	struct io_uring ring;
	unsigned i;

	ring_init(&ring, 4, 0);
	for (i = 0; i < 2 * ARRAY_LEN(reads); i++) {
		unsigned n = i / 2;
		struct io_uring_sqe *sqe = next_sqe(&ring, i);

		memset(in, 0xee, sizeof(in));
		iov.iov_base = in;
		iov.iov_len = reads[n].ask;
		if (i & 1)
			io_uring_prep_readv(sqe, fd, &iov, 1, reads[n].at);
		else
			io_uring_prep_read(sqe, fd, in, reads[n].ask, reads[n].at);
		CHECK_EQ(run_res(&ring), reads[n].get);
		CHECK_PATTERN_FROM(in, (size_t)reads[n].get, reads[n].at, 1);
		CHECK_ALL(in + reads[n].get, sizeof(in) - (size_t)reads[n].get, 0xee);
	}
	io_uring_queue_exit(&ring);
}

/* A multishot read fills provided buffers one after the other, until none is left or the file ends. */
TEST(multishot)
{
	enum { BUFS = 4, SIZE = 64 };
	static char bufs[BUFS][SIZE];
	struct io_uring_buf_ring *br;
	struct io_uring ring;
	struct done cqe;
	int fds[2], err, i;

	need_op(IORING_OP_READ_MULTISHOT);
	make_pipe(fds);
	ring_init(&ring, 8, 0);
	br = io_uring_setup_buf_ring(&ring, BUFS, 3, 0, &err);
	CHECK(br);
	for (i = 0; i < BUFS; i++)
		io_uring_buf_ring_add(br, bufs[i], SIZE, (unsigned short)(10 + i), io_uring_buf_ring_mask(BUFS), i);
	io_uring_buf_ring_advance(br, BUFS);
	io_uring_prep_read_multishot(next_sqe(&ring, 1), fds[0], 0, 0, 3);
	submit_one(&ring);
	for (i = 0; i < BUFS; i++) {
		char out[SIZE];

		fill(out, sizeof(out), (unsigned)i);
		fd_write(fds[1], out, (size_t)(SIZE - i));
		cqe = wait_one(&ring);
		CHECK_EQ(cqe.user_data, 1);
		CHECK_EQ(cqe.res, SIZE - i);
		CHECK(cqe.flags & IORING_CQE_F_MORE);
		CHECK_EQ(buffer_id(cqe), 10 + i);
		CHECK_PATTERN(bufs[i], (size_t)(SIZE - i), (unsigned)i);
	}
	fd_write(fds[1], "x", 1);
	cqe = wait_one(&ring);
	CHECK_EQ(cqe.res, -ENOBUFS);
	CHECK(!(cqe.flags & IORING_CQE_F_MORE));
	io_uring_buf_ring_add(br, bufs[0], SIZE, 10, io_uring_buf_ring_mask(BUFS), 0);
	io_uring_buf_ring_add(br, bufs[1], SIZE, 11, io_uring_buf_ring_mask(BUFS), 1);
	io_uring_buf_ring_advance(br, 2);
	close(fds[1]);
	io_uring_prep_read_multishot(next_sqe(&ring, 2), fds[0], 0, 0, 3);
	submit_one(&ring);
	cqe = wait_one(&ring);
	CHECK_EQ(cqe.res, 1);
	CHECK_EQ(buffer_id(cqe), 10);
	CHECK_EQ(bufs[0][0], 'x');
	cqe = wait_one(&ring);
	CHECK_EQ(cqe.user_data, 2);
	CHECK_EQ(cqe.res, 0);
	CHECK(!(cqe.flags & IORING_CQE_F_MORE));
	CHECK_EQ(io_uring_free_buf_ring(&ring, br, BUFS, 3), 0);
	io_uring_queue_exit(&ring);
}

TEST(multishot_of_a_regular_file)
{
	int fd = tmp_filled("f", 100, 1), err;
	struct io_uring_buf_ring *br;
	struct io_uring ring;

	need_op(IORING_OP_READ_MULTISHOT);
	ring_init(&ring, 4, 0);
	br = io_uring_setup_buf_ring(&ring, 1, 0, 0, &err);
	CHECK(br);
	io_uring_prep_read_multishot(next_sqe(&ring, 1), fd, 0, 0, 0);
	CHECK_EQ(run_res(&ring), -EBADFD);
	io_uring_prep_read_multishot(next_sqe(&ring, 2), fd, 0, 0, 99);
	CHECK(run_res(&ring) < 0);
	io_uring_queue_exit(&ring);
}

/* Prepares each kind of request on `fd`, with valid memory. */
static void prep_kind(unsigned kind, struct io_uring_sqe *sqe, int fd, char *buf, struct iovec *iov)
{
	iov->iov_base = buf;
	iov->iov_len = 16;
	switch (kind) {
	case 0: io_uring_prep_read(sqe, fd, buf, 16, 0); break;
	case 1: io_uring_prep_readv(sqe, fd, iov, 1, 0); break;
	case 2: io_uring_prep_readv2(sqe, fd, iov, 1, 0, 0); break;
	case 3: io_uring_prep_read_fixed(sqe, fd, buf, 16, 0, 0); break;
	case 4: io_uring_prep_write(sqe, fd, buf, 16, 0); break;
	case 5: io_uring_prep_writev(sqe, fd, iov, 1, 0); break;
	case 6: io_uring_prep_writev2(sqe, fd, iov, 1, 0, 0); break;
	default: io_uring_prep_write_fixed(sqe, fd, buf, 16, 0, 0); break;
	}
}

/* No file, a file open only for the other direction, a closed file: -EBADF, and no byte is transferred. */
TEST(bad_files)
{
	char *path = tmp_path("f"), *buf = pages(4096);
	int none = tmp_filled("f", 100, 1), reader, writer;
	struct iovec whole = { .iov_base = buf, .iov_len = 4096 };
	struct io_uring ring;
	struct iovec iov;
	unsigned kind;

	reader = open(path, O_RDONLY | O_CLOEXEC);
	writer = open(path, O_WRONLY | O_CLOEXEC);
	CHECK(reader >= 0 && writer >= 0);
	ring_init(&ring, 4, 0);
	CHECK_EQ(io_uring_register_buffers(&ring, &whole, 1), 0);
	close(none);
	for (kind = 0; kind < 8; kind++) {
		prep_kind(kind, next_sqe(&ring, kind), -1, buf, &iov);
		CHECK_EQ(run_res(&ring), -EBADF);
		prep_kind(kind, next_sqe(&ring, kind), none, buf, &iov);
		CHECK_EQ(run_res(&ring), -EBADF);
		prep_kind(kind, next_sqe(&ring, kind), kind < 4 ? writer : reader, buf, &iov);
		CHECK_EQ(run_res(&ring), -EBADF);
		CHECK_ALL(buf, 4096, 0xee);
		CHECK_FILE(reader, 0, 100, 1);
	}
	for (kind = 0; kind < 8; kind++) {
		prep_kind(kind, next_sqe(&ring, kind), kind < 4 ? reader : writer, buf, &iov);
		CHECK_EQ(run_res(&ring), 16);
	}
	io_uring_queue_exit(&ring);
}

/* The errors of write() and read() come back in the cqe. */
TEST(other_errors)
{
	int full = open("/dev/full", O_RDWR | O_CLOEXEC), dir, fds[2];
	char in[16] = "";
	struct io_uring ring;

	signal(SIGPIPE, SIG_IGN);
	make_pipe(fds);
	close(fds[0]);
	dir = open(tmp_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(full >= 0 && dir >= 0);
	ring_init(&ring, 4, 0);
	io_uring_prep_write(next_sqe(&ring, 1), full, in, 16, 0);
	CHECK_EQ(run_res(&ring), -ENOSPC);
	io_uring_prep_write(next_sqe(&ring, 2), fds[1], in, 16, 0);
	CHECK_EQ(run_res(&ring), -EPIPE);
	io_uring_prep_read(next_sqe(&ring, 3), dir, in, 16, 0);
	CHECK_EQ(run_res(&ring), -EISDIR);
	io_uring_prep_read(next_sqe(&ring, 4), full, NULL, 16, 0);
	CHECK_EQ(run_res(&ring), -EFAULT);
	io_uring_queue_exit(&ring);
}
