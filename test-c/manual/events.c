/* Requests that wait for events and times, and requests that cancel others. */
#include "page.h"
#include <poll.h>
#include <sys/epoll.h>

static int in[2];

TEST(io_uring_prep_epoll_ctl)
{
	int set = epoll_create1(0), file = tmp_open("file", 0), pipe[2];
	struct epoll_event event = { .events = EPOLLIN };

	make_pipe(in);
	make_pipe(pipe);
	begin(0);
	GIVES(0, "posts one CQE | res is 0", io_uring_prep_epoll_ctl(sqe, set, in[0], EPOLL_CTL_ADD, &event));
	GIVES(-EEXIST, "", io_uring_prep_epoll_ctl(sqe, set, in[0], EPOLL_CTL_ADD, &event));
	GIVES(-EBADF, "", io_uring_prep_epoll_ctl(sqe, 900, in[0], EPOLL_CTL_ADD, &event));
	GIVES(-EBADF, "", io_uring_prep_epoll_ctl(sqe, set, 900, EPOLL_CTL_ADD, &event));
	GIVES(-EFAULT, "", io_uring_prep_epoll_ctl(sqe, set, in[1], EPOLL_CTL_ADD, (struct epoll_event *)bad));
	GIVES(-EFAULT, "", io_uring_prep_epoll_ctl(sqe, set, in[1], 99, NULL));
	GIVES(-EINVAL, "epfd", io_uring_prep_epoll_ctl(sqe, file, in[0], EPOLL_CTL_ADD, &event));
	GIVES(-EINVAL, "epfd", io_uring_prep_epoll_ctl(sqe, set, set, EPOLL_CTL_ADD, &event));
	GIVES(-EINVAL, "op", io_uring_prep_epoll_ctl(sqe, set, in[1], 99, &event));
	GIVES(-ENOENT, "", io_uring_prep_epoll_ctl(sqe, set, pipe[0], EPOLL_CTL_MOD, &event));
	GIVES(-ENOENT, "", io_uring_prep_epoll_ctl(sqe, set, pipe[0], EPOLL_CTL_DEL, NULL));
	GIVES(-EPERM, "", io_uring_prep_epoll_ctl(sqe, set, file, EPOLL_CTL_ADD, &event));
}

TEST(io_uring_prep_epoll_wait)
{
	int set = epoll_create1(0);
	struct epoll_event event = { .events = EPOLLIN }, got[4];

	make_pipe(in);
	begin(0);
	need_op(IORING_OP_EPOLL_WAIT);
	CHECK_SYS(epoll_ctl(set, EPOLL_CTL_ADD, in[0], &event));
	STARTS(7, io_uring_prep_epoll_wait(sqe, set, got, 4, 0));
	STATES("io_uring_prep_epoll_wait", -ECANCELED, "");
	CANCELS(7);
	CHECK_EQ(res_of(7), -ECANCELED);
	fd_write(in[1], "x", 1);
	GIVES(1, "posts one CQE | res is the number", io_uring_prep_epoll_wait(sqe, set, got, 4, 0));
	GIVES(-EBADF, "", io_uring_prep_epoll_wait(sqe, 900, got, 4, 0));
	GIVES(-EBADF, "", io_uring_prep_epoll_wait(sqe, 0, got, 4, 0); sqe->flags |= IOSQE_FIXED_FILE);
	GIVES(-EFAULT, "", io_uring_prep_epoll_wait(sqe, set, (struct epoll_event *)bad, 4, 0));
	GIVES(-EINVAL, "maxevents", io_uring_prep_epoll_wait(sqe, set, got, 0, 0));
	GIVES(-EINVAL, "maxevents", io_uring_prep_epoll_wait(sqe, set, got, INT_MAX, 0));
	GIVES(-EINVAL, "flags", io_uring_prep_epoll_wait(sqe, set, got, 4, 1));
	GIVES(-EINVAL, "not an epoll", io_uring_prep_epoll_wait(sqe, in[0], got, 4, 0));
}

TEST(io_uring_prep_poll_add)
{
	int file = tmp_open("file", 0);

	make_pipe(in);
	begin(0);
	GIVES(POLLOUT, "res is a mask | posts one completion", io_uring_prep_poll_add(sqe, in[1], POLLOUT));
	GIVES(-EBADF, "", io_uring_prep_poll_add(sqe, 900, POLLIN));
	GIVES(-EBADF, "", io_uring_prep_poll_add(sqe, 0, POLLIN); sqe->flags |= IOSQE_FIXED_FILE);
	GIVES(-EINVAL, "can't be polled", io_uring_prep_poll_add(sqe, file, POLLPRI));
	GIVES(-EINVAL, "IOSQE_CQE_SKIP_SUCCESS",
	      io_uring_prep_poll_multishot(sqe, in[0], POLLIN); sqe->flags |= IOSQE_CQE_SKIP_SUCCESS);
	GIVES(-EINVAL, "sqe->len", io_uring_prep_poll_add(sqe, in[0], POLLIN); sqe->len = 1 << 20);
	STATES("io_uring_prep_poll_add", "IORING_CQE_F_MORE");
	STATES("io_uring_prep_poll_add", -ECANCELED, "");
	STARTS(7, io_uring_prep_poll_multishot(sqe, in[0], POLLIN));
	fd_write(in[1], "x", 1);
	CHECK(wait_one(&ring).flags & IORING_CQE_F_MORE);
	CANCELS(7);
	CHECK_EQ(res_of(7), -ECANCELED);
	CHECK_EQ(cqe_of(7).flags, 0);
}

TEST(io_uring_prep_poll_remove)
{
	make_pipe(in);
	begin(0);
	GIVES(-ENOENT, "", io_uring_prep_poll_remove(sqe, 7));
	STATES("io_uring_prep_poll_remove", "Two completions");
	STARTS(7, io_uring_prep_poll_multishot(sqe, in[0], POLLIN));
	STARTS(8, io_uring_prep_poll_remove(sqe, 7));
	collect(&ring, 2);
	CHECK_EQ(res_of(8), 0);
	CHECK_EQ(res_of(7), -ECANCELED);
	CHECK_EQ(cqe_of(7).flags, 0);
}

#define UPDATE(DATA, NEW, MASK, FLAGS) io_uring_prep_poll_update(sqe, DATA, NEW, MASK, FLAGS)

TEST(io_uring_prep_poll_update)
{
	make_pipe(in);
	begin(0);
	GIVES(-ENOENT, "", UPDATE(7, 0, POLLIN, IORING_POLL_UPDATE_EVENTS));
	STARTS(7, io_uring_prep_poll_add(sqe, in[1], POLLPRI));
	GIVES(-EINVAL, "flags", UPDATE(7, 0, POLLIN, 1 << 20));
	GIVES(-EINVAL, "flags", UPDATE(7, 0, 0, IORING_POLL_ADD_MULTI));
	GIVES(-EINVAL, "poll_mask", UPDATE(7, 0, POLLIN, IORING_POLL_UPDATE_USER_DATA));
	GIVES(-EINVAL, "poll_mask", UPDATE(7, 9, POLLIN, IORING_POLL_UPDATE_EVENTS));
	STATES("io_uring_prep_poll_update", "posts one CQE | at once");
	STARTS(8, UPDATE(7, 9, POLLOUT, IORING_POLL_UPDATE_EVENTS | IORING_POLL_UPDATE_USER_DATA));
	collect(&ring, 2);
	CHECK_EQ(res_of(8), 0);
	CHECK_EQ(res_of(9), POLLOUT);
}

static struct __kernel_timespec soon = { 0, 1000000 }, late = { 60, 0 }, negative = { -1, 0 };
static struct __kernel_timespec *const no_time = (struct __kernel_timespec *)4096;

TEST(io_uring_prep_timeout)
{
	begin(0);
	GIVES(-ETIME, "Besides", io_uring_prep_timeout(sqe, &soon, 0, 0));
	STATES("io_uring_prep_timeout", "posts one CQE | the time has expired");
	GIVES(-EFAULT, "", io_uring_prep_timeout(sqe, no_time, 0, 0));
	GIVES(-EINVAL, "flags has a bit", io_uring_prep_timeout(sqe, &soon, 0, 1U << 20));
	GIVES(-EINVAL, "flags has a bit",
	      io_uring_prep_timeout(sqe, &soon, 0, IORING_TIMEOUT_BOOTTIME | IORING_TIMEOUT_REALTIME));
	GIVES(-EINVAL, "flags has a bit",
	      io_uring_prep_timeout(sqe, &soon, 0, IORING_TIMEOUT_MULTISHOT | IORING_TIMEOUT_ABS));
	GIVES(-EINVAL, "a field of ts", io_uring_prep_timeout(sqe, &negative, 0, 0));
	STATES("io_uring_prep_timeout", "completions were posted first");
	STARTS(7, io_uring_prep_timeout(sqe, &late, 1, 0));
	STARTS(8, io_uring_prep_nop(sqe));
	collect(&ring, 2);
	CHECK_EQ(res_of(7), 0);
	STATES("io_uring_prep_timeout", -ECANCELED, "");
	STARTS(7, io_uring_prep_timeout(sqe, &late, 0, 0));
	CANCELS(7);
	CHECK_EQ(res_of(7), -ECANCELED);
	STATES("io_uring_prep_timeout", "IORING_TIMEOUT_MULTISHOT");
	STARTS(7, io_uring_prep_timeout(sqe, &soon, 2, IORING_TIMEOUT_MULTISHOT));
	collect(&ring, 2);
	CHECK_EQ(many[0].res, -ETIME);
	CHECK_EQ(many[0].flags, IORING_CQE_F_MORE);
	CHECK_EQ(many[1].res, -ETIME);
	CHECK_EQ(many[1].flags, 0);
}

TEST(io_uring_prep_timeout_remove)
{
	begin(0);
	GIVES(-ENOENT, "", io_uring_prep_timeout_remove(sqe, 7, 0));
	GIVES(-EFAULT, "", io_uring_prep_timeout_update(sqe, no_time, 7, 0));
	GIVES(-EINVAL, "flags", io_uring_prep_timeout_remove(sqe, 7, 1U << 20));
	GIVES(-EINVAL, "a field of ts", io_uring_prep_timeout_update(sqe, &negative, 7, 0));
	GIVES(-EINVAL, "IOSQE_", io_uring_prep_timeout_remove(sqe, 7, 0); sqe->flags |= IOSQE_FIXED_FILE);
	GIVES(-EOPNOTSUPP, "", io_uring_prep_timeout_remove(sqe, 7, 0); sqe->flags |= IOSQE_BUFFER_SELECT);
	STATES("io_uring_prep_timeout_remove", "posts one CQE | A removed timeout");
	STARTS(7, io_uring_prep_timeout(sqe, &late, 0, 0));
	STARTS(8, io_uring_prep_timeout_remove(sqe, 7, 0));
	collect(&ring, 2);
	CHECK_EQ(res_of(7), -ECANCELED);
	CHECK_EQ(res_of(8), 0);
	STARTS(7, io_uring_prep_timeout(sqe, &late, 0, 0));
	STARTS(8, io_uring_prep_timeout_update(sqe, &soon, 7, 0));
	collect(&ring, 2);
	CHECK_EQ(res_of(7), -ETIME);
	CHECK_EQ(res_of(8), 0);
}

/* A read of an empty pipe with this time limit. */
#define LIMITED(TS, FLAGS)						\
	do {								\
		sqe = next_sqe(&ring, 7);				\
		io_uring_prep_read(sqe, in[0], &byte, 1, 0);		\
		sqe->flags |= IOSQE_IO_LINK;				\
		sqe = next_sqe(&ring, 8);				\
		io_uring_prep_link_timeout(sqe, TS, FLAGS);		\
		submit_n(&ring, 2);					\
		collect(&ring, 2);					\
	} while (0)

TEST(io_uring_prep_link_timeout)
{
	char byte;

	make_pipe(in);
	begin(0);
	STATES("io_uring_prep_link_timeout", "the timeout expired first");
	LIMITED(&soon, 0);
	CHECK_EQ(res_of(7), -ECANCELED);
	CHECK_EQ(res_of(8), -ETIME);
	fd_write(in[1], "x", 1);
	STATES("io_uring_prep_link_timeout", "the request completed in time");
	LIMITED(&late, 0);
	CHECK_EQ(res_of(7), 1);
	CHECK_EQ(res_of(8), -ECANCELED);
	STATES("io_uring_prep_link_timeout", -EFAULT, "");
	LIMITED(no_time, 0);
	CHECK_EQ(res_of(8), -EFAULT);
	STATES("io_uring_prep_link_timeout", -EINVAL, "flags has a bit | a field of ts");
	LIMITED(&negative, 0);
	CHECK_EQ(res_of(7), -ECANCELED);
	CHECK_EQ(res_of(8), -EINVAL);
	LIMITED(&soon, 1U << 20);
	CHECK_EQ(res_of(8), -EINVAL);
	LIMITED(&soon, IORING_TIMEOUT_BOOTTIME | IORING_TIMEOUT_REALTIME);
	CHECK_EQ(res_of(8), -EINVAL);
	GIVES(-EINVAL, "the previous SQE", io_uring_prep_link_timeout(sqe, &soon, 0));
}

TEST(io_uring_prep_cancel)
{
	make_pipe(in);
	begin(0);
	GIVES(-ENOENT, "", io_uring_prep_cancel64(sqe, 7, 0));
	GIVES(-EBADF, "", io_uring_prep_cancel_fd(sqe, 900, 0));
	GIVES(-EBADF, "", io_uring_prep_cancel_fd(sqe, 0, IORING_ASYNC_CANCEL_FD_FIXED));
	GIVES(-EINVAL, "", io_uring_prep_cancel64(sqe, 7, 1 << 20));
	GIVES(-EINVAL, "", io_uring_prep_cancel_fd(sqe, in[0], IORING_ASYNC_CANCEL_ANY));
	GIVES(0, "the number of requests", io_uring_prep_cancel64(sqe, 7, IORING_ASYNC_CANCEL_ALL));
	STATES("io_uring_prep_cancel", "posts one CQE | 0 when a request was found | Each canceled request");
	STARTS(7, io_uring_prep_poll_add(sqe, in[0], POLLIN));
	CANCELS(7);
	CHECK_EQ(res_of(7), -ECANCELED);
	CHECK_EQ(res_of(8), 0);
	STARTS(7, io_uring_prep_poll_add(sqe, in[0], POLLIN));
	STARTS(9, io_uring_prep_poll_add(sqe, in[0], POLLIN));
	STARTS(8, io_uring_prep_cancel_fd(sqe, in[0], IORING_ASYNC_CANCEL_ALL));
	collect(&ring, 3);
	CHECK_EQ(res_of(7), -ECANCELED);
	CHECK_EQ(res_of(9), -ECANCELED);
	CHECK_EQ(res_of(8), 2);
}

TEST(io_uring_prep_link_timeout__quiet)
{
	char byte;

	make_pipe(in);
	begin(0);
	STATES("io_uring_prep_link_timeout", "its CQE is not posted");
	sqe = next_sqe(&ring, 7);
	io_uring_prep_read(sqe, in[0], &byte, 1, 0);
	sqe->flags |= IOSQE_IO_LINK;
	sqe = next_sqe(&ring, 8);
	io_uring_prep_link_timeout(sqe, &soon, 0);
	sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
	submit_n(&ring, 2);
	CHECK_EQ(wait_res(&ring, 7), -ECANCELED);
	CHECK_QUIET(&ring);
}
