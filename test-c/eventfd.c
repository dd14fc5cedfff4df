/* Completions that are announced by an eventfd. */
#include "many.h"
#include <poll.h>
#include <sys/eventfd.h>

#define DATA 0x6262000073730000ULL

static struct io_uring ring;
static int event;

static void setup(void)
{
	ring_init(&ring, 8, 0);
	event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	CHECK_SYS(event);
}

/* What the eventfd counted since the last time; waits up to ten seconds for the first when `wait` is set. */
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

/* Something that happens later wakes a program which sleeps on the eventfd only. */
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

/* Only what didn't complete within the submission is announced. */
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
	CHECK_EQ(io_uring_register_eventfd_async(&ring, -1), -EBADF);
	CHECK_EQ(io_uring_register_eventfd(&ring, event), 0);
	CHECK_EQ(io_uring_register_eventfd(&ring, event), -EBUSY);
	CHECK_EQ(io_uring_register_eventfd_async(&ring, event), -EBUSY);
	nop(0);
	CHECK_EQ(counted(true), 1);
	io_uring_queue_exit(&ring);
}

/* The ring keeps the eventfd, not its number. */
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

STATES("io_uring_cq_eventfd_enabled", "io_uring_cq_eventfd_enabled() returns | That is so, too | io_uring_cq_eventfd_toggle() returns");
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

/* Kernels before 5.8 have no flags there: always on, and off can't be had. */
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

/* The other flags of that word stay. */
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
