/* What completes after the submission: with IORING_SETUP_DEFER_TASKRUN it can be seen, because it waits for an enter. */
#include "many.h"
#include <sys/eventfd.h>

#define DATA 0x1234000043210000ULL

static struct io_uring ring;

static void setup(void)
{
	ring_init_since(&ring, 8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, 6, 1);
}

/* The completions that are there, without entering for them. */
static unsigned there(void)
{
	return io_uring_cq_ready(&ring);
}

/* A file that refuses a write does so after the submission; what is wrong with the request itself is found in it. */
TEST(refused_write)
{
	static char byte;
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	setup();
	io_uring_prep_write(next_sqe(&ring, DATA), fd, &byte, 1, (__u64)-1);
	submit_one(&ring);
	CHECK_EQ(there(), 0);
	CHECK_EQ(io_uring_get_events(&ring), 0);
	CHECK_EQ(there(), 1);
	CHECK_EQ(wait_res(&ring, DATA), -EINVAL);
	io_uring_prep_write(next_sqe(&ring, DATA), -1, &byte, 1, (__u64)-1);
	submit_one(&ring);
	CHECK_EQ(there(), 1);
	CHECK_EQ(wait_res(&ring, DATA), -EBADF);
	close(fd);
	io_uring_queue_exit(&ring);
}

/* The notification of a send without a copy is not part of the submission either. */
TEST(notification)
{
	static char byte;

	setup();
	need_op(IORING_OP_SEND_ZC);
	io_uring_prep_send_zc(next_sqe(&ring, DATA), -1, &byte, 1, 0, 0);
	submit_one(&ring);
	CHECK_EQ(there(), 1);
	CHECK_EQ(io_uring_get_events(&ring), 0);
	CHECK_EQ(there(), 2);
	io_uring_queue_exit(&ring);
}

/* The rest of a broken chain waits for its beginning: each enter that waits for nothing does one step. */
TEST(one_step_at_a_time)
{
	static char byte;
	int fds[2], i;

	setup();
	make_pipe(fds);
	io_uring_prep_read(next_sqe(&ring, DATA), fds[0], &byte, 1, 0);
	for (i = 0; i < 3; i++) {
		struct io_uring_sqe *sqe = &ring.sq.sqes[i];

		io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
		io_uring_prep_nop(next_sqe(&ring, DATA + 1 + (unsigned)i));
	}
	CHECK_EQ(io_uring_submit(&ring), 4);
	io_uring_prep_cancel64(next_sqe(&ring, DATA + 9), DATA, 0);
	submit_one(&ring);
	CHECK_EQ(there(), 1);
	CHECK_EQ(io_uring_get_events(&ring), 0);
	CHECK_EQ(there(), 2);
	CHECK_EQ(io_uring_get_events(&ring), 0);
	CHECK_EQ(there(), 5);
	close(fds[0]);
	close(fds[1]);
	io_uring_queue_exit(&ring);
}

/* On a ring with IORING_SETUP_IOPOLL nothing but requests to storage is waited for. */
TEST(nothing_to_poll)
{
	struct __kernel_timespec second = { .tv_sec = 1 };
	struct io_uring_cqe *cqe;

	ring_init(&ring, 8, IORING_SETUP_IOPOLL);
	CHECK_EQ(io_uring_submit_and_wait(&ring, 1), 0);
	CHECK_EQ(io_uring_enter((unsigned)ring.ring_fd, 0, 4, IORING_ENTER_GETEVENTS, NULL), 0);
	io_uring_prep_nop(next_sqe(&ring, DATA));
	submit_one(&ring);
	CHECK_EQ(io_uring_wait_cqe_timeout(&ring, &cqe, &second), 0);
	io_uring_queue_exit(&ring);
}
