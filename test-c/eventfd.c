/* Completions signaled through an eventfd. */
#include "many.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#define DATA 0x6262000073730000ULL

static struct io_uring ring;
static int event;

static void setup(void)
{
	ring_init(&ring, 8, 0);
	event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	CHECK_SYS(event);
}

/* The count of the eventfd since the last read; if `wait` is set, waits up to ten seconds for the first event. */
static long long counted(bool wait)
{
	struct pollfd pfd = { .fd = event, .events = POLLIN };
	__u64 value;

	if (poll(&pfd, 1, wait ? 10000 : 0) == 0)
		return 0;
	CHECK_EQ(read(event, &value, sizeof(value)), sizeof(value));
	return (long long)value;
}

static void nop(unsigned flags)
{
	struct io_uring_sqe *sqe = next_sqe(&ring, DATA);

	io_uring_prep_nop(sqe);
	io_uring_sqe_set_flags(sqe, flags);
	CHECK_EQ(run_res(&ring), 0);
}

TEST(register_eventfd)
{
	setup();
	nop(0);
	CHECK_EQ(counted(false), 0);
	CHECK_EQ(io_uring_register_eventfd(&ring, event), 0);
	CHECK_EQ(counted(false), 0);
	nop(0);
	CHECK_EQ(counted(true), 1);
	nop(0);
	nop(0);
	CHECK_EQ(counted(true), 2);
	CHECK_EQ(counted(false), 0);
	nop(IOSQE_ASYNC);
	CHECK_EQ(counted(true), 1);
	io_uring_queue_exit(&ring);
}

/* A later completion wakes a program that sleeps only on the eventfd. */
TEST(announces_later_completions)
{
	int fds[2];
	pid_t pid;
	char c;

	setup();
	make_pipe(fds);
	CHECK_EQ(io_uring_register_eventfd(&ring, event), 0);
	io_uring_prep_read(next_sqe(&ring, DATA), fds[0], &c, 1, 0);
	submit_one(&ring);
	CHECK_EQ(counted(false), 0);
	pid = child();
	if (pid == 0) {
		usleep(20 * 1000);
		_exit(write(fds[1], "x", 1) != 1);
	}
	CHECK_EQ(counted(true), 1);
	CHECK_EQ(wait_res(&ring, DATA), 1);
	waitpid(pid, NULL, 0);
	io_uring_queue_exit(&ring);
}

/* Only completions after the submission are signaled. */
TEST(register_eventfd_async)
{
	int fds[2];
	char c;

	setup();
	make_pipe(fds);
	CHECK_EQ(io_uring_register_eventfd_async(&ring, event), 0);
	nop(0);
	nop(0);
	CHECK_EQ(counted(false), 0);
	nop(IOSQE_ASYNC);
	CHECK_EQ(counted(true), 1);
	io_uring_prep_read(next_sqe(&ring, DATA), fds[0], &c, 1, 0);
	submit_one(&ring);
	CHECK_EQ(counted(false), 0);
	fd_write(fds[1], "x", 1);
	CHECK_EQ(wait_res(&ring, DATA), 1);
	CHECK(counted(false) <= 1);
	io_uring_queue_exit(&ring);
}

/* A read of the registered eventfd gets the one signal of the completion before it. Linux may give another one, some
 * milliseconds after the read has become ready. */
TEST(read_of_the_registered_eventfd)
{
	__u64 value = 0;

	ring_init_since(&ring, 8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, 6, 1);
	event = eventfd(0, EFD_CLOEXEC);
	CHECK_SYS(event);
	CHECK_EQ(io_uring_register_eventfd(&ring, event), 0);
	io_uring_prep_read(next_sqe(&ring, DATA), event, &value, sizeof(value), 0);
	submit_one(&ring);
	nop(0);
	CHECK_EQ(wait_res(&ring, DATA), sizeof(value));
	CHECK(value == 1 || (!t_on_engine() && value == 2));
	io_uring_queue_exit(&ring);
}

TEST(unregister)
{
	setup();
	CHECK_EQ(io_uring_unregister_eventfd(&ring), -ENXIO);
	CHECK_EQ(io_uring_register_eventfd(&ring, event), 0);
	CHECK_EQ(io_uring_unregister_eventfd(&ring), 0);
	nop(0);
	CHECK_EQ(counted(false), 0);
	CHECK_EQ(io_uring_unregister_eventfd(&ring), -ENXIO);
	CHECK_EQ(io_uring_register_eventfd_async(&ring, event), 0);
	CHECK_EQ(io_uring_unregister_eventfd(&ring), 0);
	CHECK_EQ(io_uring_register_eventfd(&ring, event), 0);
	nop(0);
	CHECK_EQ(counted(true), 1);
	io_uring_queue_exit(&ring);
}

TEST(errors)
{
	setup();
	CHECK_EQ(io_uring_register_eventfd(&ring, -1), -EBADF);
	CHECK_EQ(io_uring_register_eventfd(&ring, tmp_open("file", 0)), -EINVAL);
	CHECK_EQ(io_uring_register_eventfd(&ring, epoll_create1(EPOLL_CLOEXEC)), -EINVAL);
	CHECK_EQ(io_uring_register_eventfd(&ring, timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)), -EINVAL);
	CHECK_EQ(io_uring_register_eventfd(&ring, ring.ring_fd), -EINVAL);
	CHECK_EQ(io_uring_register_eventfd_async(&ring, -1), -EBADF);
	CHECK_EQ(io_uring_register_eventfd(&ring, event), 0);
	CHECK_EQ(io_uring_register_eventfd(&ring, event), -EBUSY);
	CHECK_EQ(io_uring_register_eventfd_async(&ring, event), -EBUSY);
	nop(0);
	CHECK_EQ(counted(true), 1);
	io_uring_queue_exit(&ring);
}

/* The ring refers to the eventfd, not to its number. */
TEST(closed_number)
{
	int number;

	setup();
	number = dup(event);
	CHECK_EQ(io_uring_register_eventfd(&ring, number), 0);
	close(number);
	nop(0);
	CHECK_EQ(counted(true), 1);
	io_uring_queue_exit(&ring);
}

TEST(one_for_two_rings)
{
	struct io_uring second;

	setup();
	ring_init(&second, 8, 0);
	CHECK_EQ(io_uring_register_eventfd(&ring, event), 0);
	CHECK_EQ(io_uring_register_eventfd(&second, event), 0);
	nop(0);
	CHECK_WORKS(&second);
	CHECK_EQ(counted(true), 2);
	io_uring_queue_exit(&second);
	nop(0);
	CHECK_EQ(counted(true), 1);
	io_uring_queue_exit(&ring);
}

STATES("io_uring_cq_eventfd_enabled", "io_uring_cq_eventfd_enabled() returns | This is also the case | io_uring_cq_eventfd_toggle() returns");
TEST(toggle)
{
	unsigned i;

	setup();
	CHECK(io_uring_cq_eventfd_enabled(&ring));
	CHECK_EQ(io_uring_register_eventfd(&ring, event), 0);
	CHECK(io_uring_cq_eventfd_enabled(&ring));
	CHECK_EQ(io_uring_cq_eventfd_toggle(&ring, true), 0);
	for (i = 0; i < 3; i++) {
		nop(0);
		CHECK_EQ(counted(true), 1);
		CHECK_EQ(io_uring_cq_eventfd_toggle(&ring, false), 0);
		CHECK_EQ(io_uring_cq_eventfd_toggle(&ring, false), 0);
		CHECK(!io_uring_cq_eventfd_enabled(&ring));
		CHECK_EQ(*ring.cq.kflags, IORING_CQ_EVENTFD_DISABLED);
		nop(0);
		nop(IOSQE_ASYNC);
		CHECK_EQ(counted(false), 0);
		CHECK_EQ(io_uring_cq_eventfd_toggle(&ring, true), 0);
		CHECK(io_uring_cq_eventfd_enabled(&ring));
		CHECK_EQ(*ring.cq.kflags, 0);
		CHECK_EQ(counted(false), 0);
	}
	io_uring_queue_exit(&ring);
}

/* Kernels before 5.8 have no flags there: notifications are always on and can't be turned off. */
STATES("io_uring_cq_eventfd_enabled", -EOPNOTSUPP, "");
TEST(toggle_without_flags)
{
	unsigned *kflags;

	setup();
	kflags = ring.cq.kflags;
	ring.cq.kflags = NULL;
	CHECK(io_uring_cq_eventfd_enabled(&ring));
	CHECK_EQ(io_uring_cq_eventfd_toggle(&ring, true), 0);
	CHECK_EQ(io_uring_cq_eventfd_toggle(&ring, false), -EOPNOTSUPP);
	CHECK(io_uring_cq_eventfd_enabled(&ring));
	ring.cq.kflags = kflags;
	io_uring_queue_exit(&ring);
}

/* The other flags of that word must not change. */
TEST(toggle_keeps_other_flags)
{
	unsigned flags = 0xf0f0f0f0;
	struct io_uring fake;

	memset(&fake, 0, sizeof(fake));
	fake.cq.kflags = &flags;
	CHECK(io_uring_cq_eventfd_enabled(&fake));
	CHECK_EQ(io_uring_cq_eventfd_toggle(&fake, false), 0);
	CHECK_EQ(flags, 0xf0f0f0f0 | IORING_CQ_EVENTFD_DISABLED);
	CHECK_EQ(io_uring_cq_eventfd_toggle(&fake, true), 0);
	CHECK_EQ(flags, 0xf0f0f0f0);
}

/* A full eventfd that blocks writers: nobody waits until it has been read. */
TEST(full_eventfd_does_not_block)
{
	__u64 most = ~1ULL;

	ring_init(&ring, 8, 0);
	event = eventfd(0, EFD_CLOEXEC);
	CHECK_SYS(event);
	fd_write(event, &most, sizeof(most));
	CHECK_EQ(io_uring_register_eventfd(&ring, event), 0);
	nop(0);
	nop(0);
	io_uring_queue_exit(&ring);
}

/* On a ring whose work waits for its owner, a poll of a file that is ready signals the eventfd in the call that submits it. */
TEST(poll_of_a_ready_file_on_a_deferred_ring)
{
	struct pollfd entry;
	int fds[2];

	SINCE("IORING_SETUP_DEFER_TASKRUN", 6, 1);
	ring_init(&ring, 8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
	event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	CHECK_SYS(event);
	CHECK_EQ(io_uring_register_eventfd(&ring, event), 0);
	make_pipe(fds);
	fd_write(fds[1], "x", 1);
	io_uring_prep_poll_multishot(next_sqe(&ring, 1), fds[0], POLLIN);
	submit_one(&ring);
	entry.fd = event;
	entry.events = POLLIN;
	CHECK_EQ(poll(&entry, 1, 2000), 1);
	CHECK_EQ(wait_one(&ring).res, POLLIN);
	io_uring_queue_exit(&ring);
}
