/* Reads and writes. */
#include "page.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

static char buf[8192] __attribute__((aligned(4096)));
static const struct iovec no_length = { buf, SIZE_MAX }, nowhere = { (void *)4096, 1 };
static struct iovec too_many[1025];

#define READ(FD, LEN, OFFSET) io_uring_prep_read(sqe, FD, buf, LEN, (__u64)(OFFSET))
#define WRITE(FD, LEN, OFFSET) io_uring_prep_write(sqe, FD, buf, LEN, (__u64)(OFFSET))

TEST(io_uring_prep_read)
{
	int file = tmp_filled("file", 100, 1), folder, path, write_only, direct, pipe[2], inotify;
	struct done cqe;

	CHECK_SYS(chdir(tmp_dir()));
	folder = open(".", O_RDONLY);
	path = open("file", O_PATH);
	write_only = open("file", O_WRONLY);
	make_pipe(pipe);
	fd_write(pipe[1], "abc", 3);
	begin(0);
	GIVES(100, "posts one CQE | res is the number | the end of the file, since | Fewer bytes", READ(file, 8192, 0));
	CHECK_PATTERN(buf, 100, 1);
	GIVES(3, "that no more data", READ(pipe[0], 100, -1));
	GIVES(0, "0 means the end | flags is 0, unless", READ(file, 10, 100));
	GIVES(0, "0 means the end", READ(file, 0, 0));
	GIVES(-EAGAIN, "RWF_NOWAIT", READ(pipe[0], 1, -1); sqe->rw_flags = RWF_NOWAIT);
	STATES("io_uring_prep_read", -EAGAIN, "If it can");
	sqe = next_sqe(&ring, 7);
	READ(inotify = inotify_init1(IN_NONBLOCK), 4096, -1);
	submit_one(&ring);
	CHECK_QUIET(&ring);
	CHECK_SYS(inotify_add_watch(inotify, ".", IN_CREATE));
	close(tmp_open("new", 0));
	CHECK(wait_res(&ring, 7) > 0);
	close(pipe[1]);
	GIVES(0, "0 means the end", READ(pipe[0], 1, -1));
	GIVES(-EBADF, "", READ(900, 1, 0));
	GIVES(-EBADF, "", READ(write_only, 1, 0));
	GIVES(-EBADF, "", READ(path, 1, 0));
	GIVES(-EFAULT, "", io_uring_prep_read(sqe, file, bad, 1, 0));
	GIVES(-EFAULT, "", io_uring_prep_readv(sqe, file, (struct iovec *)bad, 1, 0));
	GIVES(-EFAULT, "", io_uring_prep_readv(sqe, file, &nowhere, 1, 0));
	GIVES(-EINVAL, "offset", READ(file, 1, -2));
	GIVES(-EINVAL, "nr_vecs", io_uring_prep_readv(sqe, file, too_many, 1025, 0));
	GIVES(-EINVAL, "a length", io_uring_prep_readv(sqe, file, &no_length, 1, 0));
	GIVES(-EINVAL, "doesn't support reads", READ(open("/proc/self/ns/net", O_RDONLY), 1, 0));
	GIVES(-EINVAL, "not a priority", READ(file, 1, 0); sqe->ioprio = 7 << 13);
	GIVES(-EISDIR, "", READ(folder, 1, 0));
	GIVES(-ENOBUFS, "", READ(file, 1, 0); sqe->flags |= IOSQE_BUFFER_SELECT; sqe->buf_group = 9);
	GIVES(-EOPNOTSUPP, "a flag", READ(file, 1, 0); sqe->rw_flags = 1 << 20);
	GIVES(0, "", io_uring_prep_provide_buffers(sqe, buf, 64, 1, 9, 5));
	STATES("io_uring_prep_read", "the ID of the buffer");
	sqe = next_sqe(&ring, 1);
	READ(file, 64, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = 9;
	cqe = run_one(&ring);
	CHECK_EQ(cqe.res, 64);
	CHECK_EQ(buffer_id(cqe), 5);
	direct = open("file", O_RDONLY | O_DIRECT);
	if (direct >= 0)
		GIVES(-EINVAL, "a direct read", READ(direct, 100, 1));
	begin(IORING_SETUP_IOPOLL);
	GIVES(-EOPNOTSUPP, "IORING_SETUP_IOPOLL", READ(file, 1, 0));
	begin(0);
	be_nobody();
	GIVES(-EPERM, "", READ(file, 1, 0); sqe->ioprio = 1 << 13);
}

static volatile sig_atomic_t signals;

static void count(int number)
{
	(void)number;
	signals++;
}

TEST(io_uring_prep_write)
{
	int file = tmp_open("file", 0), read_only, direct, pipe[2], full = open("/dev/full", O_WRONLY);
	int control = open("/dev/loop-control", O_RDWR);
	struct rlimit limit = { 50, RLIM_INFINITY };

	CHECK_SYS(chdir(tmp_dir()));
	read_only = open("file", O_RDONLY);
	make_pipe(pipe);
	begin(0);
	GIVES(100, "posts one CQE | res is the number | flags is 0", WRITE(file, 100, 0));
	CHECK_SYS(fcntl(pipe[1], F_SETPIPE_SZ, 4096));
	GIVES(4096, "", WRITE(pipe[1], 4096, -1));
	GIVES(-EAGAIN, "would wait", WRITE(pipe[1], 1, -1); sqe->rw_flags = RWF_NOWAIT);
	GIVES(-EAGAIN, "always return this", WRITE(file, 1, 0); sqe->rw_flags = RWF_NOWAIT);
	GIVES(-EBADF, "", WRITE(900, 1, 0));
	GIVES(-EBADF, "", WRITE(read_only, 1, 0));
	GIVES(-ENOSPC, "", WRITE(full, 1, 0));
	GIVES(-EFAULT, "", io_uring_prep_write(sqe, file, bad, 1, 0));
	GIVES(-EFAULT, "", io_uring_prep_writev(sqe, file, (struct iovec *)bad, 1, 0));
	GIVES(-EFAULT, "", io_uring_prep_writev(sqe, file, &nowhere, 1, 0));
	/* A write to the page cache runs in a worker, which gets no signal; a direct write runs in this thread. */
	signal(SIGXFSZ, count);
	CHECK_SYS(setrlimit(RLIMIT_FSIZE, &limit));
	GIVES(10, "Fewer bytes | The rest was not written | happen for files", WRITE(file, 100, 40));
	GIVES(-EFBIG, "", WRITE(file, 100, 50); sqe->flags |= IOSQE_ASYNC);
	CHECK_EQ(signals, 0);
	GIVES(-EFBIG, "", WRITE(tmp_open("direct", O_DIRECT), 4096, 4096));
	CHECK_EQ(signals, 1);
	limit.rlim_cur = RLIM_INFINITY;
	CHECK_SYS(setrlimit(RLIMIT_FSIZE, &limit));
	GIVES(-EINVAL, "offset", WRITE(file, 1, -2));
	GIVES(-EINVAL, "nr_vecs", io_uring_prep_writev(sqe, file, too_many, 1025, 0));
	GIVES(-EINVAL, "a length", io_uring_prep_writev(sqe, file, &no_length, 1, 0));
	if (control >= 0)
		GIVES(-EINVAL, "doesn't support writes", WRITE(control, 1, 0));
	GIVES(-EINVAL, "not a priority", WRITE(file, 1, 0); sqe->ioprio = 7 << 13);
	GIVES(-EOPNOTSUPP, "a flag", WRITE(file, 1, 0); sqe->rw_flags = 1 << 20);
	GIVES(-EOPNOTSUPP, "IOSQE_BUFFER_SELECT", WRITE(file, 1, 0); sqe->flags |= IOSQE_BUFFER_SELECT);
	signal(SIGPIPE, count);
	close(pipe[0]);
	GIVES(-EPIPE, "", WRITE(pipe[1], 1, -1));
	CHECK_EQ(signals, 2);
	GIVES(-EPIPE, "", WRITE(pipe[1], 1, -1); sqe->rw_flags = 0x100);
	CHECK_EQ(signals, 2);
	direct = open("file", O_WRONLY | O_DIRECT);
	if (direct >= 0)
		GIVES(-EINVAL, "a direct write", WRITE(direct, 100, 1));
	begin(IORING_SETUP_IOPOLL);
	GIVES(-EOPNOTSUPP, "IORING_SETUP_IOPOLL", WRITE(file, 1, 0));
	begin(0);
	be_nobody();
	GIVES(-EPERM, "", WRITE(file, 1, 0); sqe->ioprio = 1 << 13);
}

/* Tests both kinds with `buf` registered. */
TEST(io_uring_prep_read_fixed)
{
	int file = tmp_filled("file", 100, 1);
	struct iovec buffer = { buf, 4096 }, inside = { buf, 10 }, outside = { buf + 4096, 10 }, empty = { buf, 0 };

	begin(0);
	GIVES(-EFAULT, "no buffer", io_uring_prep_read_fixed(sqe, file, buf, 10, 0, 0));
	CHECK_EQ(io_uring_register_buffers(&ring, &buffer, 1), 0);
	GIVES(100, "posts one CQE | res is the number | flags is 0", io_uring_prep_read_fixed(sqe, file, buf, 4096, 0, 0));
	CHECK_PATTERN(buf, 100, 1);
	GIVES(10, "res is the number", io_uring_prep_readv_fixed(sqe, file, &inside, 1, 0, 0, 0));
	GIVES(0, "res is the number", io_uring_prep_read_fixed(sqe, file, buf, 4096, 100, 0));
	GIVES(-EFAULT, "no buffer", io_uring_prep_read_fixed(sqe, file, buf, 10, 0, 1));
	GIVES(-EFAULT, "not entirely inside", io_uring_prep_read_fixed(sqe, file, buf, 4097, 0, 0));
	GIVES(-EFAULT, "not entirely inside", io_uring_prep_readv_fixed(sqe, file, &outside, 1, 0, 0, 0));
	GIVES(-EFAULT, "is empty", io_uring_prep_readv_fixed(sqe, file, &empty, 1, 0, 0, 0));
	GIVES(-EFAULT, "iovecs is not", io_uring_prep_readv_fixed(sqe, file, (struct iovec *)bad, 1, 0, 0, 0));
	GIVES(-EINVAL, "nr_vecs", io_uring_prep_readv_fixed(sqe, file, too_many, 1025, 0, 0, 0));
	GIVES(-EOPNOTSUPP, "",
	      io_uring_prep_read_fixed(sqe, file, buf, 10, 0, 0); sqe->flags |= IOSQE_BUFFER_SELECT);
}

TEST(io_uring_prep_write_fixed)
{
	int file = tmp_open("file", 0);
	struct iovec buffer = { buf, 4096 }, inside = { buf, 10 }, outside = { buf + 4096, 10 }, empty = { buf, 0 };

	begin(0);
	GIVES(-EFAULT, "no buffer", io_uring_prep_write_fixed(sqe, file, buf, 10, 0, 0));
	CHECK_EQ(io_uring_register_buffers(&ring, &buffer, 1), 0);
	GIVES(100, "posts one CQE | res is the number | flags is 0", io_uring_prep_write_fixed(sqe, file, buf, 100, 0, 0));
	GIVES(10, "res is the number", io_uring_prep_writev_fixed(sqe, file, &inside, 1, 0, 0, 0));
	GIVES(-EFAULT, "no buffer", io_uring_prep_write_fixed(sqe, file, buf, 10, 0, 1));
	GIVES(-EFAULT, "not entirely inside", io_uring_prep_write_fixed(sqe, file, buf, 4097, 0, 0));
	GIVES(-EFAULT, "not entirely inside", io_uring_prep_writev_fixed(sqe, file, &outside, 1, 0, 0, 0));
	GIVES(-EFAULT, "is empty", io_uring_prep_writev_fixed(sqe, file, &empty, 1, 0, 0, 0));
	GIVES(-EFAULT, "iovecs is not", io_uring_prep_writev_fixed(sqe, file, (struct iovec *)bad, 1, 0, 0, 0));
	GIVES(-EINVAL, "nr_vecs", io_uring_prep_writev_fixed(sqe, file, too_many, 1025, 0, 0, 0));
}

#define MULTI(FD) io_uring_prep_read_multishot(sqe, FD, 0, (__u64)-1, 9)

TEST(io_uring_prep_read_multishot)
{
	int file = tmp_filled("file", 100, 1), pipe[2], event = eventfd(1, 0);
	struct done cqe;

	make_pipe(pipe);
	begin(0);
	GIVES(-ENOBUFS, "", MULTI(pipe[0]));
	GIVES(0, "", io_uring_prep_provide_buffers(sqe, buf, 4, 2, 9, 0));
	GIVES(-EBADF, "", MULTI(900));
	GIVES(-EBADF, "", MULTI(pipe[1]));
	GIVES(-EBADFD, "", MULTI(file));
	GIVES(-EINVAL, "nbytes", io_uring_prep_read_multishot(sqe, pipe[0], 1, (__u64)-1, 9));
	GIVES(-EINVAL, "was removed", MULTI(pipe[0]); sqe->flags = 0);
	GIVES(-EINVAL, "ioprio", MULTI(pipe[0]); sqe->ioprio = 1);
	GIVES(-EINVAL, "too small", MULTI(event));
	sqe = next_sqe(&ring, 7);
	MULTI(pipe[0]);
	submit_one(&ring);
	STATES("io_uring_prep_read_multishot", "any number | the number of bytes | flags has | means that");
	fd_write(pipe[1], "abc", 3);
	cqe = wait_one(&ring);
	CHECK_EQ(cqe.user_data, 7);
	CHECK_EQ(cqe.res, 3);
	CHECK(buffer_id(cqe) < 2);
	CHECK(cqe.flags & IORING_CQE_F_MORE);
	CHECK(!memcmp(buf + 4 * buffer_id(cqe), "abc", 3));
	STATES("io_uring_prep_read_multishot", -ECANCELED, "");
	STATES("io_uring_prep_read_multishot", "an error | res < 0: No buffer was used | A CQE without it");
	io_uring_prep_cancel64(next_sqe(&ring, 8), 7, 0);
	submit_one(&ring);
	collect(&ring, 2);
	CHECK_EQ(res_of(7), -ECANCELED);
	CHECK_EQ(res_of(8), 0);
	STATES("io_uring_prep_read_multishot", "such as a pipe | res == 0: No buffer was used");
	close(pipe[1]);
	GIVES(0, "such as a pipe", MULTI(pipe[0]));
	begin(IORING_SETUP_IOPOLL);
	GIVES(-EINVAL, "IORING_SETUP_IOPOLL", MULTI(pipe[0]));
}
