/* Rings whose requests are taken by a kernel thread. */
#include "many.h"
#include <poll.h>

#define DATA 0x6789000098760000ULL

static struct io_uring ring;

/* A ring whose thread sleeps after `idle` ms without work. */
static void setup(unsigned entries, unsigned idle)
{
	struct io_uring_params p = { .flags = IORING_SETUP_SQPOLL, .sq_thread_idle = idle };

	CHECK_EQ(io_uring_queue_init_params(entries, &ring, &p), 0);
	CHECK_EQ(ring.flags & IORING_SETUP_SQPOLL, IORING_SETUP_SQPOLL);
}

static unsigned sq_threads(char *cpus)
{
	return count_threads("iou-sqp", cpus);
}

static bool asleep(void)
{
	return IO_URING_READ_ONCE(*ring.sq.kflags) & IORING_SQ_NEED_WAKEUP;
}

/* Waits at most ten seconds for the thread to sleep. */
static void wait_asleep(void)
{
	long long end = now() + 10 * SEC;

	while (!asleep()) {
		CHECK(now() < end);
		usleep(1000);
	}
}

TEST(submit)
{
	unsigned i;

	setup(8, 1000);
	for (i = 0; i < 100; i++) {
		io_uring_prep_nop(next_sqe(&ring, DATA + i));
		submit_one(&ring);
		CHECK_EQ(wait_res(&ring, DATA + i), 0);
	}
	CHECK_QUIET(&ring);
	CHECK_EQ(io_uring_sq_ready(&ring), 0);
	io_uring_queue_exit(&ring);
}

/* An awake thread needs no call: submit only publishes the tail. */
TEST(submit_without_entering)
{
	long long end;
	int fd;

	setup(8, 20000);
	io_uring_prep_nop(next_sqe(&ring, DATA));
	submit_one(&ring);
	CHECK_EQ(wait_res(&ring, DATA), 0);
	CHECK(!asleep());
	/* No system call can reach the ring by this number. */
	fd = ring.enter_ring_fd;
	ring.enter_ring_fd = -1;
	io_uring_prep_nop(next_sqe(&ring, DATA + 1));
	submit_one(&ring);
	for (end = now() + 10 * SEC; !io_uring_cq_ready(&ring); )
		CHECK(now() < end);
	ring.enter_ring_fd = fd;
	CHECK_EQ(wait_res(&ring, DATA + 1), 0);
	io_uring_queue_exit(&ring);
}

TEST(wakes_up)
{
	unsigned i;

	setup(8, 1);
	for (i = 0; i < 5; i++) {
		wait_asleep();
		io_uring_prep_nop(next_sqe(&ring, DATA + i));
		submit_one(&ring);
		CHECK_EQ(wait_res(&ring, DATA + i), 0);
	}
	io_uring_queue_exit(&ring);
}

/* Each call that submits must wake the thread. */
TEST(wakes_up_by_each_call)
{
	struct __kernel_timespec ts = nsec(10 * SEC);
	struct io_uring_cqe *cqe;
	unsigned i;

	setup(8, 1);
	for (i = 0; i < 3; i++) {
		wait_asleep();
		io_uring_prep_nop(next_sqe(&ring, DATA + i));
		cqe = NULL;
		if (i == 0)
			CHECK_EQ(io_uring_submit_and_wait(&ring, 1), 1);
		else if (i == 1)
			CHECK_EQ(io_uring_submit_and_wait_timeout(&ring, &cqe, 1, &ts, NULL), 1);
		else
			CHECK_EQ(io_uring_submit_and_get_events(&ring), 1);
		CHECK_EQ(wait_res(&ring, DATA + i), 0);
	}
	io_uring_queue_exit(&ring);
}

/* The thread doesn't take what is prepared but not submitted. */
TEST(unsubmitted_stays)
{
	setup(8, 1000);
	io_uring_prep_nop(next_sqe(&ring, DATA));
	usleep(20 * 1000);
	CHECK_QUIET(&ring);
	CHECK_EQ(io_uring_sq_ready(&ring), 1);
	submit_one(&ring);
	CHECK_EQ(wait_res(&ring, DATA), 0);
	io_uring_queue_exit(&ring);
}

TEST(file_io)
{
	char buf[5000];
	int fd = tmp_filled("in", sizeof(buf), 5), out = tmp_open("out", 0);

	setup(8, 1000);
	need_feature(&ring, IORING_FEAT_SQPOLL_NONFIXED);
	io_uring_prep_read(next_sqe(&ring, DATA), fd, buf, sizeof(buf), 0);
	CHECK_EQ(run_res(&ring), sizeof(buf));
	CHECK_PATTERN(buf, sizeof(buf), 5);
	io_uring_prep_write(next_sqe(&ring, DATA), out, buf, sizeof(buf), 100);
	CHECK_EQ(run_res(&ring), sizeof(buf));
	CHECK_FILE(out, 100, sizeof(buf), 5);
	io_uring_queue_exit(&ring);
}

/* 20000 requests through 8 slots: when the queue is full, wait for the thread. */
TEST(sqring_wait)
{
	enum { TOTAL = 20000 };
	unsigned made = 0, seen = 0, full = 0;
	struct io_uring_cqe *cqe;

	setup(8, 1000);
	CHECK_EQ(io_uring_sqring_wait(&ring), 0);
	while (seen < TOTAL) {
		struct io_uring_sqe *sqe = NULL;

		if (made < TOTAL)
			sqe = io_uring_get_sqe(&ring);
		if (sqe) {
			io_uring_prep_nop(sqe);
			io_uring_sqe_set_data64(sqe, made++);
			if (made % 8 && made < TOTAL)
				continue;
		}
		CHECK(io_uring_submit(&ring) >= 0);
		if (made < TOTAL && !io_uring_sq_space_left(&ring)) {
			full++;
			CHECK_EQ(io_uring_sqring_wait(&ring), 0);
			/* On older kernels the call may return before the thread has published the new head. */
			CHECK(io_uring_sq_space_left(&ring) > 0 || kernel_before(6, 12));
		}
		while (!io_uring_peek_cqe(&ring, &cqe)) {
			CHECK_EQ(cqe->user_data, seen);
			CHECK_EQ(cqe->res, 0);
			io_uring_cqe_seen(&ring, cqe);
			seen++;
		}
	}
	CHECK(full > 0);
	io_uring_queue_exit(&ring);
}

TEST(sqring_wait_without_a_thread)
{
	unsigned i;

	ring_init(&ring, 4, 0);
	for (i = 0; i < 4; i++)
		io_uring_prep_nop(next_sqe(&ring, DATA + i));
	CHECK_EQ(io_uring_sq_space_left(&ring), 0);
	CHECK_EQ(io_uring_sqring_wait(&ring), 0);
	io_uring_queue_exit(&ring);
}

TEST(affinity)
{
	struct io_uring_params p = { .flags = IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF };
	char cpus[64] = "", want[64];
	int cpu = last_cpu();

	p.sq_thread_cpu = (unsigned)cpu;
	CHECK_EQ(io_uring_queue_init_params(8, &ring, &p), 0);
	io_uring_prep_nop(next_sqe(&ring, DATA));
	CHECK_EQ(run_res(&ring), 0);
	CHECK_EQ(sq_threads(cpus), 1);
	snprintf(want, sizeof(want), "%d", cpu);
	if (strcmp(cpus, want))
		T_FAIL("the thread may run on %s, expected %s", cpus, want);
	io_uring_queue_exit(&ring);
}

TEST(affinity_errors)
{
	struct io_uring_params p = { .flags = IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF, .sq_thread_cpu = 100000 };

	CHECK_EQ(io_uring_queue_init_params(8, &ring, &p), -EINVAL);
	memset(&p, 0, sizeof(p));
	p.flags = IORING_SETUP_SQ_AFF;
	CHECK_EQ(io_uring_queue_init_params(8, &ring, &p), -EINVAL);
	CHECK_EQ(sq_threads(NULL), 0);
}

/* Two rings can share a thread, which ends with the last of them. */
TEST(shared_thread)
{
	struct io_uring_params p = { .flags = IORING_SETUP_SQPOLL | IORING_SETUP_ATTACH_WQ };
	struct io_uring second;
	long long end;

	setup(8, 1000);
	p.wq_fd = (unsigned)ring.ring_fd;
	CHECK_EQ(io_uring_queue_init_params(8, &second, &p), 0);
	io_uring_prep_nop(next_sqe(&ring, DATA));
	CHECK_EQ(run_res(&ring), 0);
	io_uring_prep_nop(next_sqe(&second, DATA));
	CHECK_EQ(run_res(&second), 0);
	CHECK_EQ(sq_threads(NULL), 1);
	io_uring_queue_exit(&ring);
	io_uring_prep_nop(next_sqe(&second, DATA + 1));
	CHECK_EQ(run_res(&second), 0);
	io_uring_queue_exit(&second);
	for (end = now() + 10 * SEC; sq_threads(NULL); usleep(1000))
		CHECK(now() < end);
}

/* Works with single issuer and a registered ring fd. */
TEST(registered_ring_fd)
{
	struct io_uring_params p = { .flags = IORING_SETUP_SQPOLL | IORING_SETUP_SINGLE_ISSUER, .sq_thread_idle = 1 };
	unsigned i;

	SINCE("IORING_SETUP_SINGLE_ISSUER", 6, 0);
	CHECK_EQ(io_uring_queue_init_params(8, &ring, &p), 0);
	CHECK_EQ(io_uring_register_ring_fd(&ring), 1);
	for (i = 0; i < 3; i++) {
		wait_asleep();
		io_uring_prep_nop(next_sqe(&ring, DATA + i));
		submit_one(&ring);
		CHECK_EQ(wait_res(&ring, DATA + i), 0);
	}
	io_uring_queue_exit(&ring);
}
