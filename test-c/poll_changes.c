/* Multishot polls of a file that is ready already: the change right after the report of that is reported, too. */
#include "many.h"
#include <poll.h>

#define DATA 0x1111000022220000ULL
#define ROUNDS 100

static struct io_uring ring;

/* Waits without a call, which could do what is tested. */
static struct done see_one(void)
{
	long long end = now() + 10 * SEC;

	/* There may be fewer processors than threads. */
	while (!io_uring_cq_ready(&ring) && now() < end)
		sched_yield();
	CHECK(io_uring_cq_ready(&ring));
	return wait_one(&ring);
}

static void see_changes(unsigned late)
{
	struct __kernel_timespec ts = nsec(MSEC / 10);
	unsigned round;

	for (round = 0; round < ROUNDS; round++) {
		bool removed = false, ended = false;
		__u64 data = DATA + 2 * round;
		struct done cqe;
		char byte;
		int fds[2];

		make_pipe(fds);
		fd_write(fds[1], "x", 1);
		if (late) {
			struct io_uring_sqe *sqe = next_sqe(&ring, 1);

			io_uring_prep_timeout(sqe, &ts, 0, 0);
			io_uring_sqe_set_flags(sqe, IOSQE_IO_HARDLINK);
		}
		io_uring_prep_poll_multishot(next_sqe(&ring, data), fds[0], POLLIN);
		submit_n(&ring, 1 + (int)late);
		if (late)
			CHECK_EQ(see_one().res, -ETIME);
		cqe = see_one();
		CHECK_EQ(cqe.user_data, data);
		CHECK_EQ(cqe.res, POLLIN);
		if (!(cqe.flags & IORING_CQE_F_MORE))
			LACKS("IORING_POLL_ADD_MULTI", 5, 13);
		CHECK_EQ(read(fds[0], &byte, 1), 1);
		fd_write(fds[1], "y", 1);
		CHECK_EQ(see_one().res, POLLIN);
		io_uring_prep_poll_remove(next_sqe(&ring, data + 1), data);
		submit_one(&ring);
		/* In any order. */
		while (!removed || !ended) {
			cqe = wait_one(&ring);
			removed |= cqe.user_data == data + 1;
			ended |= cqe.user_data == data && !(cqe.flags & IORING_CQE_F_MORE);
		}
		close(fds[0]);
		close(fds[1]);
	}
	io_uring_queue_exit(&ring);
}

TEST(submitted)
{
	ring_init(&ring, 8, 0);
	see_changes(0);
}

TEST(submitted_by_a_thread_that_polls)
{
	ring_init(&ring, 8, IORING_SETUP_SQPOLL);
	see_changes(0);
}

/* The request starts by itself, when the one before it in its chain has completed. */
TEST(started_later)
{
	ring_init(&ring, 8, 0);
	see_changes(1);
}
