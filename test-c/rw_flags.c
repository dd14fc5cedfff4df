/* Fields of reads and writes: flags, positions, lengths, addresses and priorities. Details are those of Linux 6.18. */
#include "io.h"
#include <sys/inotify.h>

#ifndef RWF_NOAPPEND
#define RWF_NOAPPEND 0x20
#endif

#define MOST 0x7ffff000

static char buf[64];

static void start(struct io_uring *ring)
{
	SINCE("read that works like that of Linux 6.18", 6, 18);
	ring_init(ring, 8, 0);
}

static int read_with(struct io_uring *ring, int fd, void *at, unsigned len, __u64 pos, int flags)
{
	struct io_uring_sqe *sqe = next_sqe(ring, 1);

	io_uring_prep_read(sqe, fd, at, len, pos);
	sqe->rw_flags = flags;
	return run_res(ring);
}

static int write_with(struct io_uring *ring, int fd, const void *at, unsigned len, __u64 pos, int flags)
{
	struct io_uring_sqe *sqe = next_sqe(ring, 1);

	io_uring_prep_write(sqe, fd, at, len, pos);
	sqe->rw_flags = flags;
	return run_res(ring);
}

TEST(flags)
{
	static const struct { int flags, res; } odd[] = {
		{ RWF_HIPRI, -EINVAL }, { RWF_APPEND | RWF_NOAPPEND, -EINVAL },
		{ (int)0x80000000, -EOPNOTSUPP }, { RWF_HIPRI | 1 << 20, -EOPNOTSUPP },
	};
	int fd = tmp_filled("f", 10, 1), fds[2];
	struct io_uring ring;
	unsigned i;

	start(&ring);
	make_pipe(fds);
	for (i = 0; i < ARRAY_LEN(odd); i++) {
		CHECK_EQ(read_with(&ring, fd, buf, 5, 0, odd[i].flags), odd[i].res);
		CHECK_EQ(write_with(&ring, fd, buf, 5, 0, odd[i].flags), odd[i].res);
		CHECK_EQ(read_with(&ring, fds[0], buf, 5, 0, odd[i].flags), odd[i].res);
	}
	CHECK_EQ(read_with(&ring, fds[0], buf, 5, 0, RWF_NOWAIT), -EAGAIN);
	fd_write(fds[1], "abc", 3);
	CHECK_EQ(read_with(&ring, fds[0], buf, 5, 0, RWF_NOWAIT), 3);
	CHECK_EQ(read_with(&ring, fd, buf, 10, 0, RWF_NOWAIT), 10);
	CHECK_PATTERN(buf, 10, 1);
	CHECK_EQ(write_with(&ring, fd, buf, 10, 0, RWF_DSYNC), 10);
	io_uring_queue_exit(&ring);
}

/* Where appended data goes, and what becomes of the position. */
TEST(appending)
{
	int fd = tmp_open("f", 0), end;
	char *path = tmp_path("f");
	struct io_uring ring;

	start(&ring);
	end = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	CHECK(end >= 0);
	fd_write(fd, "0123456789", 10);
	CHECK_EQ(write_with(&ring, end, "AB", 2, 0, 0), 2);
	CHECK_EQ(write_with(&ring, fd, "CD", 2, 0, RWF_APPEND), 2);
	CHECK_EQ(write_with(&ring, end, "EF", 2, 0, RWF_NOAPPEND), 2);
	CHECK_EQ(lseek(fd, 3, SEEK_SET), 3);
	CHECK_EQ(write_with(&ring, fd, "GH", 2, (__u64)-1, RWF_APPEND), 2);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 16);
	CHECK_EQ(read_with(&ring, fd, buf, sizeof(buf), 0, 0), 16);
	CHECK(!memcmp(buf, "EF23456789ABCDGH", 16));
	io_uring_queue_exit(&ring);
}

TEST(positions)
{
	int fd = tmp_filled("f", 10, 1), fds[2];
	struct io_uring_sqe *sqe;
	struct io_uring ring;
	char in[10];
	int i;

	start(&ring);
	make_pipe(fds);
	CHECK_EQ(read_with(&ring, fd, buf, 5, (__u64)-2, 0), -EINVAL);
	CHECK_EQ(read_with(&ring, fd, buf, 5, INT64_MAX, 0), -EINVAL);
	CHECK_EQ(write_with(&ring, fd, buf, 5, INT64_MAX, 0), -EINVAL);
	/* A pipe has no position, but a negative one is refused all the same. */
	CHECK_EQ(read_with(&ring, fds[0], buf, 5, (__u64)-2, 0), -EINVAL);
	fd_write(fds[1], "abc", 3);
	CHECK_EQ(read_with(&ring, fds[0], buf, 5, 12345, 0), 3);
	/* A chain moves the file's own position step by step. */
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	for (i = 0; i < 5; i++) {
		sqe = next_sqe(&ring, (__u64)i);
		io_uring_prep_read(sqe, fd, in + 2 * i, 2, (__u64)-1);
		io_uring_sqe_set_flags(sqe, i < 4 ? IOSQE_IO_LINK : 0);
	}
	submit_n(&ring, 5);
	for (i = 0; i < 5; i++)
		CHECK_EQ(wait_res(&ring, (__u64)i), 2);
	CHECK_PATTERN(in, 10, 1);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 10);
	CHECK_EQ(read_with(&ring, fd, buf, 5, (__u64)-1, 0), 0);
	io_uring_queue_exit(&ring);
}

/* One call transfers at most 2 GiB less a page. */
TEST(lengths)
{
	size_t half = (size_t)1 << 31;
	int fd = tmp_filled("f", 10, 1), null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct iovec iov[2];
	struct io_uring ring;

	start(&ring);
	CHECK(null >= 0);
	CHECK_EQ(read_with(&ring, fd, buf, 0, 0, 0), 0);
	CHECK_EQ(read_with(&ring, fd, NULL, 0, 0, 0), 0);
	CHECK_EQ(write_with(&ring, fd, buf, 0, 0, 0), 0);
	CHECK_FILE(fd, 0, 10, 1);
	if (sizeof(size_t) < 8)
		SKIP("addresses have 32 bits");
	CHECK_EQ(write_with(&ring, null, buf, UINT32_MAX, 0, 0), MOST);
	iov[0] = iov[1] = (struct iovec){ buf, half };
	io_uring_prep_writev(next_sqe(&ring, 1), null, iov, 2, 0);
	CHECK_EQ(run_res(&ring), MOST);
	iov[0].iov_len = (size_t)-1;
	io_uring_prep_writev(next_sqe(&ring, 2), null, iov, 2, 0);
	CHECK_EQ(run_res(&ring), -EINVAL);
	io_uring_queue_exit(&ring);
}

/* Addresses that no program has are refused with the entry, so that a chain never starts. */
TEST(addresses)
{
	void *far = (void *)((unsigned long)1 << (sizeof(long) * 8 - 4));
	int fd = tmp_filled("f", 10, 1);
	struct iovec iov[2] = { { buf, 5 }, { far, 5 } };
	struct io_uring_sqe *sqe;
	struct io_uring ring;

	NOT_UNDER("valgrind", "it reports the bad addresses that the case passes");
	start(&ring);
	if (sizeof(size_t) < 8)
		SKIP("addresses have 32 bits");
	CHECK_EQ(read_with(&ring, fd, far, 5, 0, 0), -EFAULT);
	CHECK_EQ(write_with(&ring, fd, far, 5, 0, 0), -EFAULT);
	CHECK_EQ(read_with(&ring, fd, (void *)-4096UL, 5, 0, 0), -EFAULT);
	CHECK_EQ(write_with(&ring, fd, (void *)8, 5, 0, 0), -EFAULT);
	io_uring_prep_readv(next_sqe(&ring, 1), fd, iov, 2, 0);
	CHECK_EQ(run_res(&ring), -EFAULT);
	io_uring_prep_readv(next_sqe(&ring, 2), fd, (struct iovec *)8, 1, 0);
	CHECK_EQ(run_res(&ring), -EFAULT);
	memset(buf, 0xee, sizeof(buf));
	sqe = next_sqe(&ring, 3);
	io_uring_prep_read(sqe, fd, buf, 5, 0);
	io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
	io_uring_prep_read(next_sqe(&ring, 4), fd, far, 5, 0);
	submit_n(&ring, 2);
	CHECK_EQ(wait_res(&ring, 3), -ECANCELED);
	CHECK_EQ(wait_res(&ring, 4), -EFAULT);
	CHECK_ALL(buf, sizeof(buf), 0xee);
	io_uring_queue_exit(&ring);
}

TEST(priorities)
{
	static const struct { unsigned short ioprio; int res; } all[] = {
		{ 0, 5 }, { 1, -EINVAL }, { 7, -EINVAL }, { 8, 5 }, { 2 << 13, 5 }, { 2 << 13 | 7, 5 },
		{ 3 << 13, 5 }, { 3 << 13 | 1, 5 }, { 4 << 13, -EINVAL }, { 7 << 13, -EINVAL },
	};
	int fd = tmp_filled("f", 5, 1);
	struct io_uring_sqe *sqe;
	struct io_uring ring;
	unsigned i;

	start(&ring);
	for (i = 0; i < ARRAY_LEN(all); i++) {
		sqe = next_sqe(&ring, i);
		io_uring_prep_read(sqe, fd, buf, 5, 0);
		sqe->ioprio = all[i].ioprio;
		CHECK_EQ(run_res(&ring), all[i].res);
	}
	/* Real time needs a capability. */
	if (!geteuid())
		CHECK_SYS(setuid(65534));
	sqe = next_sqe(&ring, 1);
	io_uring_prep_read(sqe, fd, buf, 5, 0);
	sqe->ioprio = 1 << 13;
	CHECK_EQ(run_res(&ring), -EPERM);
	/* Attributes that do not exist. */
	sqe = next_sqe(&ring, 2);
	io_uring_prep_read(sqe, fd, buf, 5, 0);
	sqe->__pad2[0] = 2;
	CHECK_EQ(run_res(&ring), -EINVAL);
	io_uring_queue_exit(&ring);
}

/* A file that is set not to block waits nevertheless, as others do, if it can be polled. */
TEST(files_that_do_not_block)
{
	int fds[2], notes = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	char *note = pages(4096);
	struct io_uring ring;

	start(&ring);
	CHECK(notes >= 0);
	CHECK_SYS(inotify_add_watch(notes, tmp_dir(), IN_CREATE));
	CHECK_SYS(pipe2(fds, O_NONBLOCK | O_CLOEXEC));
	io_uring_prep_read(next_sqe(&ring, 1), fds[0], buf, 5, 0);
	io_uring_prep_read(next_sqe(&ring, 2), notes, note, 4096, 0);
	submit_n(&ring, 2);
	CHECK_QUIET(&ring);
	fd_write(fds[1], "abc", 3);
	CHECK_EQ(wait_res(&ring, 1), 3);
	CHECK_QUIET(&ring);
	close(tmp_open("new", 0));
	CHECK_EQ(wait_res(&ring, 2), sizeof(struct inotify_event) + 16);
	io_uring_queue_exit(&ring);
}

/* One of two reads gets what is there. The other one waits on, and holds nobody up. */
TEST(two_readers)
{
	static char notes[2][4096];
	int fd = inotify_init1(IN_CLOEXEC);
	struct io_uring ring;
	struct done cqe;

	start(&ring);
	CHECK(fd >= 0);
	CHECK_SYS(inotify_add_watch(fd, tmp_dir(), IN_CREATE));
	io_uring_prep_read(next_sqe(&ring, 1), fd, notes[0], sizeof(notes[0]), 0);
	io_uring_prep_read(next_sqe(&ring, 2), fd, notes[1], sizeof(notes[1]), 0);
	submit_n(&ring, 2);
	CHECK_QUIET(&ring);
	close(tmp_open("one", 0));
	cqe = wait_one(&ring);
	CHECK_EQ(cqe.res, sizeof(struct inotify_event) + 16);
	io_uring_prep_nop(next_sqe(&ring, 3));
	submit_one(&ring);
	CHECK_EQ(wait_res(&ring, 3), 0);
	close(tmp_open("two", 0));
	CHECK_EQ(wait_res(&ring, 3 - cqe.user_data), sizeof(struct inotify_event) + 16);
	io_uring_queue_exit(&ring);
}
