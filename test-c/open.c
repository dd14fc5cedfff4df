/* Opening and closing files. */
#include "fs.h"

TEST(openat)
{
	int dir = start(), fd;

	fd = RESULT(io_uring_prep_openat(sqe, dir, "a", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
	CHECK(fd > 2);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(stat_of(dir, "a").st_mode, S_IFREG | 0644);
	fd_write(fd, "text", 4);
	EXPECT(io_uring_prep_openat(sqe, dir, "a", O_RDWR | O_CREAT | O_EXCL, 0666), -EEXIST);
	EXPECT(io_uring_prep_openat(sqe, dir, "b", O_RDONLY, 0), -ENOENT);
	EXPECT(io_uring_prep_openat(sqe, fd, "b", O_RDONLY, 0), -ENOTDIR);
	EXPECT(io_uring_prep_openat(sqe, -1, "b", O_RDONLY, 0), -EBADF);
	EXPECT(io_uring_prep_openat(sqe, dir, NULL, O_RDONLY, 0), -EFAULT);
	fd = RESULT(io_uring_prep_openat(sqe, dir, "a", O_WRONLY | O_TRUNC, 0));
	CHECK(fd > 2);
	CHECK_EQ(fcntl(fd, F_GETFD), 0);
	CHECK_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_WRONLY);
	CHECK_EQ(stat_of(dir, "a").st_size, 0);
	finish();
}

TEST(open_and_close)
{
	int dir = start(), fd;

	CHECK_SYS(fchdir(dir));
	fd = RESULT(io_uring_prep_open(sqe, "here", O_WRONLY | O_CREAT, 0600));
	CHECK(fd > 2);
	CHECK_EQ(stat_of(dir, "here").st_mode, S_IFREG | 0600);
	EXPECT(io_uring_prep_open(sqe, "not here", O_RDONLY, 0), -ENOENT);
	EXPECT(io_uring_prep_close(sqe, fd), 0);
	CHECK(!fd_is_open(fd));
	EXPECT(io_uring_prep_close(sqe, fd), -EBADF);
	EXPECT(io_uring_prep_close(sqe, -1), -EBADF);
	/* A ring can't close itself. */
	EXPECT(io_uring_prep_close(sqe, ring.ring_fd), -EBADF);
	CHECK(fd_is_open(ring.ring_fd));
	finish();
}

TEST(openat2)
{
	struct open_how how = { .flags = O_RDWR | O_CREAT, .mode = 0640, .resolve = RESOLVE_BENEATH };
	struct open_how wrong = { .flags = O_RDONLY, .mode = 0640 };
	int dir = start(), fd;

	ENGINE_NOT_UNDER("valgrind", "it has no openat2");
	need_op(IORING_OP_OPENAT2);
	fd = RESULT(io_uring_prep_openat2(sqe, dir, "a", &how));
	CHECK(fd > 2);
	CHECK_EQ(stat_of(dir, "a").st_mode, S_IFREG | 0640);
	EXPECT(io_uring_prep_openat2(sqe, dir, "../a", &how), -EXDEV);
	EXPECT(io_uring_prep_openat2(sqe, dir, "a", &wrong), -EINVAL);
	EXPECT(io_uring_prep_openat2(sqe, dir, "a", NULL), -EFAULT);
	finish();
}

TEST(longer_open_how)
{
	struct {
		struct open_how how;
		char more[9000];
	} longer;
	int dir = start(), fd;

	NOT_UNDER("valgrind", "it refuses the longer structure");
	need_op(IORING_OP_OPENAT2);
	memset(&longer, 0, sizeof(longer));
	longer.how.flags = O_RDONLY;
	fd = RESULT((io_uring_prep_openat2(sqe, dir, ".", &longer.how), sqe->len = sizeof(longer)));
	CHECK(fd > 2);
	longer.more[8999] = 1;
	EXPECT((io_uring_prep_openat2(sqe, dir, ".", &longer.how), sqe->len = sizeof(longer)), -E2BIG);
	finish();
}

TEST(flags_of_open_files)
{
	static const int flags[] = { O_RDONLY, O_RDWR | O_APPEND, O_RDONLY | O_NONBLOCK, O_PATH, O_WRONLY | O_TRUNC };
	int dir = start(), fd, want;
	unsigned i, twice;

	close(tmp_filled("f", 10, 1));
	for (i = 0; i < ARRAY_LEN(flags); i++) {
		want = open(tmp_path("f"), flags[i]);
		CHECK_SYS(want);
		for (twice = 0; twice < 2; twice++) {
			fd = RESULT(io_uring_prep_openat(sqe, dir, "f", flags[i], 0));
			CHECK(fd > 2);
			/* But for O_LARGEFILE, which only 32-bit programs set. */
			CHECK_EQ(fcntl(fd, F_GETFL) & ~0100000, fcntl(want, F_GETFL) & ~0100000);
			CHECK_EQ(fcntl(fd, F_GETFD), 0);
			close(fd);
		}
		close(want);
	}
	finish();
}

TEST(lowest_number)
{
	int dir = start(), fds[2], want;

	close(tmp_filled("f", 10, 1));
	want = dup(0);
	close(want);
	EXPECT(io_uring_prep_openat(sqe, dir, "f", O_RDONLY, 0), want);
	close(want);
	EXPECT(io_uring_prep_openat(sqe, dir, "g", O_RDWR | O_CREAT, 0600), want);
	close(want);
	if (have_op(IORING_OP_PIPE)) {
		EXPECT(io_uring_prep_pipe(sqe, fds, 0), 0);
		kernel_wrote(fds, sizeof(fds));
		CHECK_EQ(fds[0], want);
		CHECK_EQ(fds[1], want + 1);
	}
	finish();
}

TEST(close_all_numbers)
{
	bool known[2048];
	int fds[2], fd;
	char in[4];

	make_pipe(fds);
	for (fd = 0; fd < 2048; fd++)
		known[fd] = fd_is_open(fd);
	close(start());
	CHECK_EQ(io_uring_register_files(&ring, fds, 2), 0);
	io_uring_prep_read(next_sqe(&ring, 2), fds[0], in, sizeof(in), 0);
	submit_one(&ring);
	for (fd = 3; fd < 2048; fd++) {
		if (!known[fd])
			EXPECT(io_uring_prep_close(sqe, fd), -EBADF);
	}
	fd_write(fds[1], "data", 4);
	CHECK_EQ(wait_res(&ring, 2), 4);
	EXPECT((io_uring_prep_write(sqe, 1, "more", 4, 0), sqe->flags = IOSQE_FIXED_FILE), 4);
	EXPECT((io_uring_prep_read(sqe, 0, in, 4, 0), sqe->flags = IOSQE_FIXED_FILE), 4);
	finish();
}
