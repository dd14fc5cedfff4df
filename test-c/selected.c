/* What becomes of a selected buffer: with short reads, at the end, with errors, while a request waits, when it is
 * canceled, and when one buffer is used in parts. Details are those of Linux 6.18. */
#include "io.h"

#define BUFS 4
#define SIZE 64
#define GROUP 9
#define FIRST_ID 20

enum how { LIST, RING, PARTS };

static char bufs[BUFS][SIZE];
static struct io_uring_buf_ring *br;

static void provide(struct io_uring *ring, void *at, unsigned len, int nr, int id)
{
	io_uring_prep_provide_buffers(next_sqe(ring, 0), at, (int)len, nr, GROUP, id);
	CHECK_EQ(run_res(ring), 0);
}

/* A ring whose group has all of `bufs`. */
static void start(struct io_uring *ring, enum how how)
{
	int err, i;

	SINCE("group of buffers that works like that of Linux 6.18", 6, 18);
	ring_init(ring, 8, 0);
	if (how == LIST) {
		provide(ring, bufs, SIZE, BUFS, FIRST_ID);
		return;
	}
	br = io_uring_setup_buf_ring(ring, BUFS, GROUP, how == PARTS ? IOU_PBUF_RING_INC : 0, &err);
	CHECK(br);
	for (i = 0; i < BUFS; i++)
		io_uring_buf_ring_add(br, bufs[i], SIZE, (unsigned short)(FIRST_ID + i), io_uring_buf_ring_mask(BUFS), i);
	io_uring_buf_ring_advance(br, BUFS);
}

static struct io_uring_sqe *prep_selected(struct io_uring *ring, __u64 data, int fd, unsigned len, __u64 at)
{
	struct io_uring_sqe *sqe = next_sqe(ring, data);

	io_uring_prep_read(sqe, fd, NULL, len, at);
	io_uring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
	io_uring_sqe_set_buf_group(sqe, GROUP);
	return sqe;
}

/* Reads, and expects a result and a buffer: its place, or -1 for none. */
static void expect(struct io_uring *ring, int fd, unsigned len, __u64 at, int res, int place, bool more)
{
	struct done cqe;

	prep_selected(ring, 1, fd, len, at);
	cqe = run_one(ring);
	CHECK_EQ(cqe.res, res);
	if (place < 0) {
		CHECK_EQ(cqe.flags, 0);
		return;
	}
	CHECK_EQ(buffer_id(cqe), FIRST_ID + place);
	CHECK_EQ(!!(cqe.flags & IORING_CQE_F_BUF_MORE), more);
}

static unsigned head(struct io_uring *ring)
{
	uint16_t at = 0;

	CHECK_EQ(io_uring_buf_ring_head(ring, GROUP, &at), 0);
	return at;
}

/* A file without a waiting state keeps the buffer, whatever comes of it. */
TEST(regular_files_consume)
{
	enum how how;
	int fd = tmp_filled("f", 10, 1), writer;
	char *path = tmp_path("f");

	writer = open(path, O_WRONLY | O_CLOEXEC);
	CHECK(writer >= 0);
	for (how = LIST; how <= RING; how++) {
		struct io_uring ring;

		start(&ring, how);
		expect(&ring, fd, SIZE * 2, 0, 10, 0, false);
		CHECK_PATTERN(bufs[0], 10, 1);
		expect(&ring, fd, SIZE, 100, 0, 1, false);
		expect(&ring, -1, SIZE, 0, -EBADF, -1, false);
		expect(&ring, writer, SIZE, 0, -EBADF, 2, false);
		/* A length of 0 is that of the buffer. */
		expect(&ring, fd, 0, 2, 8, 3, false);
		CHECK_PATTERN_FROM(bufs[3], 8, 2, 1);
		expect(&ring, fd, 0, 0, -ENOBUFS, -1, false);
		io_uring_queue_exit(&ring);
	}
}

/* What was asked for is used, not what was read. */
TEST(regular_files_consume_parts)
{
	int fd = tmp_filled("f", 10, 1);
	struct io_uring ring;

	start(&ring, PARTS);
	expect(&ring, fd, 20, 0, 10, 0, true);
	CHECK_EQ(br->bufs[0].len, SIZE - 20);
	CHECK(br->bufs[0].addr == (unsigned long)bufs[0] + 20);
	expect(&ring, fd, 4, 0, 4, 0, true);
	CHECK_PATTERN(bufs[0] + 20, 4, 1);
	CHECK_EQ(head(&ring), 0);
	expect(&ring, fd, SIZE, 100, 0, 0, false);
	CHECK_EQ(head(&ring), 1);
	CHECK_EQ(br->bufs[0].len, 0);
	expect(&ring, fd, 0, 0, 10, 1, false);
	CHECK_EQ(head(&ring), 2);
	io_uring_queue_exit(&ring);
}

/* Errors of a pipe give ring buffers back, and use up listed ones; its end uses one of either. */
TEST(pipes)
{
	enum how how;

	for (how = LIST; how <= PARTS; how++) {
		struct io_uring ring;
		int fds[2], left = how == LIST ? 1 : 0;

		start(&ring, how);
		make_pipe(fds);
		expect(&ring, fds[1], SIZE, 0, -EBADF, how == LIST ? 0 : -1, false);
		fd_write(fds[1], "abc", 3);
		expect(&ring, fds[0], SIZE, 0, 3, left, how == PARTS);
		close(fds[1]);
		expect(&ring, fds[0], SIZE, 0, 0, how == PARTS ? 0 : left + 1, how == PARTS);
		if (how != LIST)
			CHECK_EQ(head(&ring), how == PARTS ? 0 : 2);
		io_uring_queue_exit(&ring);
	}
}

/* A buffer at a bad address. */
TEST(bad_buffers)
{
	struct io_uring ring;
	struct done cqe;
	int fds[2], i;

	NOT_UNDER("valgrind", "it reports the bad address that the case passes");
	start(&ring, RING);
	make_pipe(fds);
	for (i = 0; i < BUFS; i++)
		br->bufs[i].addr = 8;
	fd_write(fds[1], "abc", 3);
	expect(&ring, fds[0], SIZE, 0, -EFAULT, -1, false);
	expect(&ring, fds[0], SIZE, 0, -EFAULT, -1, false);
	CHECK_EQ(head(&ring), 0);
	CHECK_EQ(io_uring_free_buf_ring(&ring, br, BUFS, GROUP), 0);
	provide(&ring, (void *)8, SIZE, 1, 33);
	provide(&ring, bufs, SIZE, 1, 34);
	prep_selected(&ring, 1, fds[0], SIZE, 0);
	cqe = run_one(&ring);
	CHECK_EQ(cqe.res, -EFAULT);
	CHECK_EQ(buffer_id(cqe), 33);
	prep_selected(&ring, 1, fds[0], SIZE, 0);
	cqe = run_one(&ring);
	CHECK_EQ(cqe.res, 3);
	CHECK_EQ(buffer_id(cqe), 34);
	io_uring_queue_exit(&ring);
}

/* A read that waits holds no buffer of a ring: whoever has data first takes the first one. From a list each takes one
 * before it waits. */
TEST(waiting)
{
	enum how how;

	for (how = LIST; how <= RING; how++) {
		struct io_uring ring;
		int pipes[BUFS + 1][2], i, last = how == LIST ? BUFS : 0;
		struct done cqe;

		start(&ring, how);
		for (i = 0; i <= BUFS; i++) {
			make_pipe(pipes[i]);
			prep_selected(&ring, (__u64)i, pipes[i][0], SIZE, 0);
			submit_one(&ring);
		}
		if (how == RING)
			CHECK_QUIET(&ring);
		for (i = BUFS; i >= 0; i--) {
			fd_write(pipes[i][1], "abc", 3);
			cqe = wait_one(&ring);
			CHECK_EQ(cqe.user_data, i);
			if (i == last) {
				CHECK_EQ(cqe.res, -ENOBUFS);
				CHECK_EQ(cqe.flags, 0);
				continue;
			}
			CHECK_EQ(cqe.res, 3);
			CHECK_EQ(buffer_id(cqe), FIRST_ID + (how == LIST ? i : BUFS - i));
		}
		io_uring_queue_exit(&ring);
	}
}

/* A canceled read has used none of a ring, and one of a list. */
TEST(canceled)
{
	enum how how;

	for (how = LIST; how <= RING; how++) {
		struct io_uring ring;
		struct done cqe;
		int fds[2], i;

		start(&ring, how);
		make_pipe(fds);
		for (i = 0; i < 3; i++) {
			prep_selected(&ring, 7, fds[0], SIZE, 0);
			submit_one(&ring);
			io_uring_prep_cancel64(next_sqe(&ring, 8), 7, 0);
			submit_one(&ring);
			cqe = wait_one(&ring);
			if (cqe.user_data != 7) {
				CHECK_EQ(cqe.res, 0);
				cqe = wait_one(&ring);
			} else {
				CHECK_EQ(wait_res(&ring, 8), 0);
			}
			CHECK_EQ(cqe.user_data, 7);
			CHECK_EQ(cqe.res, -ECANCELED);
			if (how == RING)
				CHECK_EQ(cqe.flags, 0);
			else
				CHECK_EQ(buffer_id(cqe), FIRST_ID + i);
		}
		fd_write(fds[1], "abc", 3);
		expect(&ring, fds[0], SIZE, 0, 3, how == LIST ? i : 0, false);
		io_uring_queue_exit(&ring);
	}
}

/* A buffer that was used for a part is used on for as long as it has room. */
TEST(multishot_in_parts)
{
	static const unsigned sizes[] = { 30, 1, 33, 10, 54 };
	unsigned i, at = 0;
	struct io_uring ring;
	char out[SIZE];
	int fds[2];

	start(&ring, PARTS);
	make_pipe(fds);
	io_uring_prep_read_multishot(next_sqe(&ring, 1), fds[0], 0, 0, GROUP);
	submit_one(&ring);
	for (i = 0; i < ARRAY_LEN(sizes); i++) {
		struct done cqe;

		fill(out, sizes[i], i);
		fd_write(fds[1], out, sizes[i]);
		cqe = wait_one(&ring);
		CHECK_EQ(cqe.res, sizes[i]);
		CHECK(cqe.flags & IORING_CQE_F_MORE);
		CHECK_EQ(buffer_id(cqe), FIRST_ID + at / SIZE);
		CHECK_PATTERN(bufs[0] + at, sizes[i], i);
		at += sizes[i];
		CHECK_EQ(!!(cqe.flags & IORING_CQE_F_BUF_MORE), at % SIZE != 0);
	}
	CHECK_EQ(head(&ring), 2);
	io_uring_queue_exit(&ring);
}

/* READV takes one vector, of which only the length counts. */
TEST(vectors)
{
	struct iovec iov[2] = { { NULL, 5 }, { NULL, 5 } };
	int fd = tmp_filled("f", 10, 1);
	struct io_uring_sqe *sqe;
	struct io_uring ring;
	struct done cqe;
	unsigned nr;

	start(&ring, RING);
	for (nr = 0; nr <= 2; nr++) {
		sqe = next_sqe(&ring, nr);
		io_uring_prep_readv(sqe, fd, iov, nr, 0);
		io_uring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
		io_uring_sqe_set_buf_group(sqe, GROUP);
		cqe = run_one(&ring);
		if (nr != 1) {
			CHECK_EQ(cqe.res, -EINVAL);
			continue;
		}
		CHECK_EQ(cqe.res, 5);
		CHECK_EQ(buffer_id(cqe), FIRST_ID);
		CHECK_PATTERN(bufs[0], 5, 1);
	}
	/* Only reads and receives select. */
	sqe = next_sqe(&ring, 3);
	io_uring_prep_write(sqe, fd, bufs, 5, 0);
	io_uring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
	CHECK_EQ(run_res(&ring), -EOPNOTSUPP);
	sqe = next_sqe(&ring, 4);
	io_uring_prep_read_fixed(sqe, fd, bufs, 5, 0, 0);
	io_uring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
	CHECK_EQ(run_res(&ring), -EOPNOTSUPP);
	io_uring_queue_exit(&ring);
}

/* A short read breaks a chain, and a full one does not: the buffer's length counts. */
TEST(chains)
{
	int fd = tmp_filled("f", SIZE, 1);
	struct io_uring_sqe *sqe;
	struct io_uring ring;
	unsigned at;

	start(&ring, RING);
	for (at = 0; at < 2; at++) {
		sqe = prep_selected(&ring, 1, fd, SIZE * 2, at);
		io_uring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT | IOSQE_IO_LINK);
		io_uring_prep_nop(next_sqe(&ring, 2));
		submit_n(&ring, 2);
		CHECK_EQ(wait_res(&ring, 1), SIZE - at);
		CHECK_EQ(wait_res(&ring, 2), at ? -ECANCELED : 0);
	}
	io_uring_queue_exit(&ring);
}

TEST(what_provide_and_remove_return)
{
	static const struct { unsigned long at; unsigned len; int nr, id, res; } odd[] = {
		{ 4096, 0, 1, 0, -EINVAL }, { 4096, 1, 65537, 0, -E2BIG }, { 4096, 1, 2, 65535, -EINVAL },
		{ -4096UL, 64, 128, 0, -EOVERFLOW },
	};
	struct io_uring_sqe *sqe;
	struct io_uring ring;
	unsigned i;

	start(&ring, RING);
	/* Only addresses of 64 bits can be too large. */
	for (i = 0; i < ARRAY_LEN(odd) - (sizeof(long) == 4); i++) {
		io_uring_prep_provide_buffers(next_sqe(&ring, i), (void *)odd[i].at, (int)odd[i].len, odd[i].nr, 1,
					      odd[i].id);
		CHECK_EQ(run_res(&ring), odd[i].res);
	}
	sqe = next_sqe(&ring, 1);
	io_uring_prep_provide_buffers(sqe, bufs, SIZE, 1, 1, 0);
	sqe->off = 65536;
	CHECK_EQ(run_res(&ring), -E2BIG);
	sqe = next_sqe(&ring, 2);
	io_uring_prep_provide_buffers(sqe, bufs, SIZE, 1, 1, 0);
	sqe->rw_flags = 1;
	CHECK_EQ(run_res(&ring), -EINVAL);
	sqe = next_sqe(&ring, 3);
	io_uring_prep_remove_buffers(sqe, 1, 1);
	sqe->off = 1;
	CHECK_EQ(run_res(&ring), -EINVAL);
	/* A group is a list or a ring. */
	io_uring_prep_provide_buffers(next_sqe(&ring, 4), bufs, SIZE, 1, GROUP, 0);
	CHECK_EQ(run_res(&ring), -EINVAL);
	io_uring_prep_remove_buffers(next_sqe(&ring, 5), 1, GROUP);
	CHECK_EQ(run_res(&ring), -EINVAL);
	/* Not more than a group can have; what has room is added. */
	io_uring_prep_provide_buffers(next_sqe(&ring, 6), bufs, 1, 65536, 1, 0);
	CHECK_EQ(run_res(&ring), 0);
	io_uring_prep_provide_buffers(next_sqe(&ring, 7), bufs, 1, 1, 1, 0);
	CHECK_EQ(run_res(&ring), -EOVERFLOW);
	io_uring_prep_remove_buffers(next_sqe(&ring, 8), 65536, 1);
	CHECK_EQ(run_res(&ring), 65535);
	io_uring_prep_remove_buffers(next_sqe(&ring, 9), 1, 1);
	CHECK_EQ(run_res(&ring), 0);
	io_uring_queue_exit(&ring);
}

/* The raw commands of buffer rings. */
TEST(what_buffer_ring_commands_return)
{
	struct io_uring_buf_reg reg = { .ring_entries = BUFS, .bgid = 1 };
	struct io_uring_buf_status status = { .buf_group = GROUP };
	struct io_uring ring;
	char *mem = pages(4096 * 2);
	int fd;

	start(&ring, RING);
	fd = ring.ring_fd;
	CHECK_EQ(io_uring_register(fd, IORING_REGISTER_PBUF_RING, &reg, 1), -EFAULT);
	reg.ring_addr = (unsigned long)mem + 16;
	CHECK_EQ(io_uring_register(fd, IORING_REGISTER_PBUF_RING, &reg, 1), -EINVAL);
	reg.ring_addr = (unsigned long)mem;
	CHECK_EQ(io_uring_register(fd, IORING_REGISTER_PBUF_RING, &reg, 2), -EINVAL);
	CHECK_EQ(io_uring_register(fd, IORING_REGISTER_PBUF_RING, NULL, 1), -EINVAL);
	reg.resv[4] = 1;
	CHECK_EQ(io_uring_register(fd, IORING_REGISTER_PBUF_RING, &reg, 1), -EINVAL);
	CHECK_EQ(io_uring_register(fd, IORING_UNREGISTER_PBUF_RING, &reg, 1), -EINVAL);
	reg.resv[4] = 0;
	CHECK_SYS(mprotect(mem, 4096, PROT_READ));
	CHECK_EQ(io_uring_register(fd, IORING_REGISTER_PBUF_RING, &reg, 1), -EFAULT);
	CHECK_SYS(mprotect(mem, 4096, PROT_READ | PROT_WRITE));
	CHECK_EQ(io_uring_register(fd, IORING_REGISTER_PBUF_RING, &reg, 1), 0);
	reg.flags = IOU_PBUF_RING_INC;
	CHECK_EQ(io_uring_register(fd, IORING_UNREGISTER_PBUF_RING, &reg, 1), -EINVAL);
	reg.flags = 0;
	CHECK_EQ(io_uring_register(fd, IORING_UNREGISTER_PBUF_RING, &reg, 1), 0);
	/* A list that is empty gives way to a ring, one with buffers does not. */
	io_uring_prep_provide_buffers(next_sqe(&ring, 1), bufs, SIZE, 1, 1, 0);
	CHECK_EQ(run_res(&ring), 0);
	CHECK_EQ(io_uring_register(fd, IORING_REGISTER_PBUF_RING, &reg, 1), -EEXIST);
	CHECK_EQ(io_uring_register(fd, IORING_UNREGISTER_PBUF_RING, &reg, 1), -EINVAL);
	status.buf_group = 1;
	CHECK_EQ(io_uring_register(fd, IORING_REGISTER_PBUF_STATUS, &status, 1), -EINVAL);
	io_uring_prep_remove_buffers(next_sqe(&ring, 2), 1, 1);
	CHECK_EQ(run_res(&ring), 1);
	CHECK_EQ(io_uring_register(fd, IORING_REGISTER_PBUF_RING, &reg, 1), 0);
	CHECK_EQ(io_uring_register(fd, IORING_REGISTER_PBUF_STATUS, &status, 1), 0);
	CHECK_EQ(status.head, 0);
	status.resv[7] = 1;
	CHECK_EQ(io_uring_register(fd, IORING_REGISTER_PBUF_STATUS, &status, 1), -EINVAL);
	status.resv[7] = 0;
	status.buf_group = 1 << 16;
	CHECK_EQ(io_uring_register(fd, IORING_REGISTER_PBUF_STATUS, &status, 1), -ENOENT);
	io_uring_queue_exit(&ring);
}
