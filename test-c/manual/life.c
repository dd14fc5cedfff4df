/* The lifetime of memory that requests on files and waits point to. */
#include "life.h"
#include <linux/futex.h>
#include <linux/openat2.h>
#include <sys/epoll.h>
#include <sys/xattr.h>

STATES("io_uring", "memory that only describes | and to memory that the kernel writes");
STATES("io_uring_sqpoll", "What describes a request");
STATES("io_uring_sq_ready", "Once it has passed");
STATES("io_uring_submit", "Memory that describes a request | Data buffers must");

TEST(io_uring_prep_openat)
{
	start();
	CHECK_EQ(io_uring_register_files_sparse(&ring, 1), 0);
	COPIED(0, "path", io_uring_prep_openat_direct(sqe, AT_FDCWD, STRING(0, "file"), O_RDONLY, 0, 0));
}

TEST(io_uring_prep_openat2)
{
	struct open_how how = { .flags = O_RDONLY };

	start();
	CHECK_EQ(io_uring_register_files_sparse(&ring, 1), 0);
	COPIED(0, "path: It | how: It",
	       io_uring_prep_openat2_direct(sqe, AT_FDCWD, STRING(0, "file"), AT(64, how), 0));
}

TEST(io_uring_prep_statx)
{
	static struct statx st;

	start();
	COPIED(0, "path", io_uring_prep_statx(sqe, AT_FDCWD, STRING(0, "file"), 0, STATX_SIZE, &st));
	USED("statxbuf", io_uring_prep_statx(sqe, AT_FDCWD, "file", 0, STATX_SIZE, (struct statx *)(void *)page));
}

TEST(io_uring_prep_mkdirat)
{
	start();
	COPIED(0, "path", io_uring_prep_mkdirat(sqe, AT_FDCWD, STRING(0, "new"), 0700));
}

TEST(io_uring_prep_unlinkat)
{
	start();
	COPIED(0, "path", io_uring_prep_unlinkat(sqe, AT_FDCWD, STRING(0, "file"), 0));
}

TEST(io_uring_prep_renameat)
{
	start();
	COPIED(0, "oldpath, newpath",
	       io_uring_prep_renameat(sqe, AT_FDCWD, STRING(0, "file"), AT_FDCWD, STRING(64, "new"), 0));
}

TEST(io_uring_prep_linkat)
{
	start();
	COPIED(0, "oldpath, newpath",
	       io_uring_prep_linkat(sqe, AT_FDCWD, STRING(0, "file"), AT_FDCWD, STRING(64, "new"), 0));
}

TEST(io_uring_prep_symlinkat)
{
	start();
	COPIED(0, "target: It | linkpath: It",
	       io_uring_prep_symlinkat(sqe, STRING(0, "file"), AT_FDCWD, STRING(64, "new")));
}

TEST(io_uring_prep_getxattr)
{
	start();
	if (setxattr("file", "user.a", "12345", 5, 0))
		SKIP("the file system has no extended attributes");
	COPIED(5, "name: It | path: It", io_uring_prep_getxattr(sqe, STRING(0, "user.a"), data, STRING(64, "file"), 64));
	USED("value: It", io_uring_prep_getxattr(sqe, "user.a", page, "file", 64));
}

TEST(io_uring_prep_setxattr)
{
	start();
	if (setxattr("file", "user.x", "12345", 5, 0))
		SKIP("the file system has no extended attributes");
	COPIED(0, "name: It | path: It | value: It",
	       io_uring_prep_setxattr(sqe, STRING(0, "user.a"), STRING(128, "12345"), STRING(64, "file"), 0, 5));
}

TEST(io_uring_prep_read)
{
	struct iovec iov = { data, 10 };
	int file;

	start();
	file = tmp_filled("other", 100, 1);
	USED("buf: It", io_uring_prep_read(sqe, file, page, 10, 0));
	COPIED(10, "iovecs: The array", io_uring_prep_readv(sqe, file, AT(0, iov), 1, 0));
	iov.iov_base = page;
	USED("iovecs: The array", io_uring_prep_readv(sqe, file, AT(0, iov), 1, 0));
}

TEST(io_uring_prep_write)
{
	struct iovec iov = { data, 10 };
	int file;

	start();
	file = tmp_open("other", 0);
	USED("buf: They", io_uring_prep_write(sqe, file, page, 10, 0));
	COPIED(10, "iovecs: The array", io_uring_prep_writev(sqe, file, AT(0, iov), 1, 0));
	iov.iov_base = page;
	USED("iovecs: The array", io_uring_prep_writev(sqe, file, AT(0, iov), 1, 0));
}

TEST(io_uring_prep_read_fixed)
{
	struct iovec iov = { buf, 10 };
	int file;

	start();
	file = tmp_filled("other", 100, 1);
	iov.iov_len = sizeof(buf);
	CHECK_EQ(io_uring_register_buffers(&ring, &iov, 1), 0);
	STATES("io_uring_prep_write_fixed", "iovecs: The array");
	COPIED(64, "iovecs: The array", io_uring_prep_readv_fixed(sqe, file, AT(0, iov), 1, 0, 0, 0));
	COPIED(64, "iovecs: The array", io_uring_prep_writev_fixed(sqe, file, AT(0, iov), 1, 0, 0, 0));
}

TEST(io_uring_prep_pipe)
{
	start();
	USED("fds: It", io_uring_prep_pipe(sqe, (int *)(void *)page, 0));
}

TEST(io_uring_prep_files_update)
{
	start();
	CHECK_EQ(io_uring_register_files_sparse(&ring, 1), 0);
	USED("fds: The array", io_uring_prep_files_update(sqe, (int *)(void *)page, 1, 0));
}

TEST(io_uring_prep_madvise)
{
	start();
	STATES("io_uring_prep_madvise", "addr: The range");
	BEHIND(-ENOMEM, 2, io_uring_prep_madvise(sqe, page, LARGE_PAGE, MADV_NORMAL));
}

TEST(io_uring_prep_epoll_ctl)
{
	struct epoll_event event = { .events = EPOLLIN };
	int set = epoll_create1(0), in[2];

	start();
	make_pipe(in);
	COPIED(0, "ev", io_uring_prep_epoll_ctl(sqe, set, in[0], EPOLL_CTL_ADD, AT(0, event)));
}

TEST(io_uring_prep_epoll_wait)
{
	struct epoll_event event = { .events = EPOLLIN };
	int set = epoll_create1(0), in[2];

	start();
	need_op(IORING_OP_EPOLL_WAIT);
	make_pipe(in);
	fd_write(in[1], "x", 1);
	CHECK_SYS(epoll_ctl(set, EPOLL_CTL_ADD, in[0], &event));
	USED("events", io_uring_prep_epoll_wait(sqe, set, (struct epoll_event *)(void *)page, 1, 0));
}

TEST(io_uring_prep_futex_wait)
{
	start();
	need_op(IORING_OP_FUTEX_WAIT);
	USED("futex: It", io_uring_prep_futex_wait(sqe, (uint32_t *)(void *)page, 0, FUTEX_BITSET_MATCH_ANY, 2, 0));
	STATES("io_uring_prep_futex_wake", "futex: It");
	USED("futex: It", io_uring_prep_futex_wake(sqe, (uint32_t *)(void *)page, 0, FUTEX_BITSET_MATCH_ANY, 2, 0));
}

TEST(io_uring_prep_futex_waitv)
{
	static uint32_t word = 1;
	struct futex_waitv wait = { .uaddr = (uintptr_t)&word, .val = 2, .flags = 2 };

	start();
	need_op(IORING_OP_FUTEX_WAITV);
	COPIED(-EAGAIN, "futex: It", io_uring_prep_futex_waitv(sqe, AT(0, wait), 1, 0));
	USED("futex: It", wait.uaddr = (uintptr_t)page; io_uring_prep_futex_waitv(sqe, AT(64, wait), 1, 0));
}

TEST(io_uring_prep_waitid)
{
	pid_t pid = child();

	if (!pid)
		_exit(0);
	start();
	need_op(IORING_OP_WAITID);
	USED("infop", io_uring_prep_waitid(sqe, P_PID, (id_t)pid, (siginfo_t *)(void *)page, WEXITED, 0));
}

static struct __kernel_timespec soon = { 0, 1000000 };

TEST(io_uring_prep_timeout)
{
	start();
	COPIED(-ETIME, "ts: It", io_uring_prep_timeout(sqe, AT(0, soon), 0, 0));
	STATES("io_uring_prep_timeout_remove", "ts: It");
	COPIED(-ENOENT, "ts: It", io_uring_prep_timeout_update(sqe, AT(0, soon), 77, 0));
}

/* This one limits the request before it, so it stands third. */
TEST(io_uring_prep_link_timeout)
{
	int in[2];

	start();
	make_pipe(in);
	STATES("io_uring_prep_link_timeout", "ts: It");
	BEHIND(-ECANCELED, 3, io_uring_prep_read(sqe, in[0], data, 1, 0); sqe->flags |= IOSQE_IO_LINK;
	       sqe = next_sqe(&ring, 3); io_uring_prep_link_timeout(sqe, AT(0, soon), 0));
	CHECK_EQ(res_of(3), -ETIME);
}
