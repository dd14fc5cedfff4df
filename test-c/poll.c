/* Poll requests on pipes, sockets and rings: add, remove, update, multishot. */
#include "many.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#define DATA 0x1111000022220000ULL
#define OTHER 0x3333000044440000ULL
#define NEW 0x5555000066660000ULL

static struct io_uring ring;
static int fds[2];

static void setup_pipe(void)
{
	ring_init(&ring, 8, 0);
	make_pipe(fds);
}

static void setup_pair(void)
{
	ring_init(&ring, 8, 0);
	make_pair(fds, SOCK_STREAM);
}

static void add_poll(__u64 data, int fd, unsigned events)
{
	io_uring_prep_poll_add(next_sqe(&ring, data), fd, events);
	submit_one(&ring);
}

static void add_multishot(__u64 data, int fd, unsigned events)
{
	io_uring_prep_poll_multishot(next_sqe(&ring, data), fd, events);
	submit_one(&ring);
}

static int update(__u64 old, __u64 new, unsigned events, unsigned flags)
{
	io_uring_prep_poll_update(next_sqe(&ring, OTHER), old, new, events, flags);
	return run_res(&ring);
}

static void empty(int fd)
{
	char buf[256];

	CHECK(read(fd, buf, sizeof(buf)) > 0);
}

TEST(add_waits_for_data)
{
	struct done cqe;

	setup_pipe();
	add_poll(DATA, fds[0], POLLIN);
	CHECK_QUIET(&ring);
	fd_write(fds[1], "x", 1);
	cqe = wait_one(&ring);
	CHECK_EQ(cqe.user_data, DATA);
	CHECK_EQ(cqe.res, POLLIN);
	CHECK_EQ(cqe.flags & IORING_CQE_F_MORE, 0);
	empty(fds[0]);
	fd_write(fds[1], "y", 1);
	CHECK_QUIET(&ring);
	io_uring_queue_exit(&ring);
}

TEST(add_completes_at_once_when_ready)
{
	setup_pipe();
	io_uring_prep_poll_add(next_sqe(&ring, DATA), fds[1], POLLOUT);
	CHECK_EQ(run_res(&ring), POLLOUT);
	fd_write(fds[1], "x", 1);
	io_uring_prep_poll_add(next_sqe(&ring, DATA), fds[0], POLLIN | POLLOUT | POLLPRI);
	CHECK_EQ(run_res(&ring), POLLIN);
	io_uring_queue_exit(&ring);
}

TEST(hangup_and_error_come_unasked)
{
	setup_pipe();
	add_poll(DATA, fds[0], POLLIN);
	CHECK_QUIET(&ring);
	close(fds[1]);
	CHECK_EQ(wait_res(&ring, DATA) & POLLHUP, POLLHUP);

	make_pipe(fds);
	close(fds[0]);
	io_uring_prep_poll_add(next_sqe(&ring, DATA), fds[1], 0);
	CHECK_EQ(run_res(&ring), POLLERR);
	io_uring_queue_exit(&ring);
}

TEST(half_closed_socket)
{
	setup_pair();
	add_poll(DATA, fds[0], POLLRDHUP);
	fd_write(fds[1], "x", 1);
	CHECK_QUIET(&ring);
	CHECK_SYS(shutdown(fds[1], SHUT_WR));
	CHECK_EQ(wait_res(&ring, DATA), POLLRDHUP);
	io_uring_queue_exit(&ring);
}

TEST(add_bad_fd)
{
	setup_pipe();
	close(fds[0]);
	io_uring_prep_poll_add(next_sqe(&ring, DATA), fds[0], POLLIN);
	CHECK_EQ(run_res(&ring), -EBADF);
	io_uring_queue_exit(&ring);
}

/* EPOLLEXCLUSIVE is in the upper half of the events; with it one write wakes one of two polls. */
TEST(events_have_32_bits)
{
	setup_pipe();
	need_feature(&ring, IORING_FEAT_POLL_32BITS);
	add_poll(DATA, fds[0], POLLIN | EPOLLEXCLUSIVE);
	add_poll(OTHER, fds[0], POLLIN | EPOLLEXCLUSIVE);
	fd_write(fds[1], "x", 1);
	CHECK_EQ(wait_one(&ring).res, POLLIN);
	CHECK_QUIET(&ring);

	add_poll(NEW, fds[1], POLLHUP);
	close(fds[0]);
	io_uring_queue_exit(&ring);
}

TEST(remove)
{
	setup_pipe();
	add_poll(DATA, fds[0], POLLIN);
	io_uring_prep_poll_remove(next_sqe(&ring, OTHER), DATA);
	submit_one(&ring);
	collect(&ring, 2);
	CHECK_EQ(res_of(DATA), -ECANCELED);
	CHECK_EQ(res_of(OTHER), 0);
	fd_write(fds[1], "x", 1);
	CHECK_QUIET(&ring);
	io_uring_queue_exit(&ring);
}

TEST(remove_only_the_one_named)
{
	setup_pipe();
	add_poll(DATA, fds[0], POLLIN);
	add_poll(DATA + 1, fds[0], POLLIN);
	io_uring_prep_poll_remove(next_sqe(&ring, OTHER), DATA + 1);
	submit_one(&ring);
	collect(&ring, 2);
	CHECK_EQ(res_of(DATA + 1), -ECANCELED);
	CHECK_EQ(res_of(OTHER), 0);
	fd_write(fds[1], "x", 1);
	CHECK_EQ(wait_res(&ring, DATA), POLLIN);
	io_uring_queue_exit(&ring);
}

TEST(remove_unknown)
{
	setup_pipe();
	io_uring_prep_poll_remove(next_sqe(&ring, OTHER), DATA);
	CHECK_EQ(run_res(&ring), -ENOENT);
	add_poll(DATA, fds[0], POLLIN);
	io_uring_prep_poll_remove(next_sqe(&ring, OTHER), DATA >> 32);
	CHECK_EQ(run_res(&ring), -ENOENT);
	io_uring_queue_exit(&ring);
}

TEST(update_events)
{
	setup_pair();
	add_poll(DATA, fds[0], POLLIN);
	CHECK_EQ(update(DATA, 0, POLLRDHUP, IORING_POLL_UPDATE_EVENTS), 0);
	fd_write(fds[1], "x", 1);
	CHECK_QUIET(&ring);
	CHECK_SYS(shutdown(fds[1], SHUT_WR));
	CHECK_EQ(wait_res(&ring, DATA), POLLRDHUP);
	io_uring_queue_exit(&ring);
}

/* The new events have already happened, so the update completes the poll. */
TEST(update_events_to_ready_ones)
{
	SINCE("poll update that sees what is ready", 5, 19);
	setup_pair();
	add_poll(DATA, fds[0], POLLIN);
	io_uring_prep_poll_update(next_sqe(&ring, OTHER), DATA, 0, POLLOUT, IORING_POLL_UPDATE_EVENTS);
	submit_one(&ring);
	collect(&ring, 2);
	CHECK_EQ(res_of(OTHER), 0);
	CHECK_EQ(res_of(DATA), POLLOUT);
	io_uring_queue_exit(&ring);
}

TEST(update_user_data)
{
	setup_pipe();
	add_poll(DATA, fds[0], POLLIN);
	CHECK_EQ(update(DATA, NEW, 0, IORING_POLL_UPDATE_USER_DATA), 0);
	fd_write(fds[1], "x", 1);
	CHECK_EQ(wait_res(&ring, NEW), POLLIN);
	CHECK_QUIET(&ring);
	io_uring_queue_exit(&ring);
}

TEST(update_both)
{
	setup_pair();
	add_poll(DATA, fds[0], POLLIN);
	CHECK_EQ(update(DATA, NEW, POLLRDHUP, IORING_POLL_UPDATE_EVENTS | IORING_POLL_UPDATE_USER_DATA), 0);
	fd_write(fds[1], "x", 1);
	CHECK_QUIET(&ring);
	CHECK_SYS(shutdown(fds[1], SHUT_WR));
	CHECK_EQ(wait_res(&ring, NEW), POLLRDHUP);
	io_uring_queue_exit(&ring);
}

TEST(update_unknown)
{
	setup_pipe();
	CHECK_EQ(update(DATA, 0, POLLIN, IORING_POLL_UPDATE_EVENTS), -ENOENT);
	CHECK_EQ(update(DATA, NEW, 0, IORING_POLL_UPDATE_USER_DATA), -ENOENT);
	CHECK_EQ(update(DATA, NEW, 0, 1U << 31), -EINVAL);
	io_uring_queue_exit(&ring);
}

/* One request reports every write, even if nothing is read in between. */
TEST(multishot)
{
	unsigned i;

	setup_pipe();
	add_multishot(DATA, fds[0], POLLIN);
	for (i = 0; i < 100; i++) {
		struct done cqe;

		CHECK_QUIET(&ring);
		fd_write(fds[1], "x", 1);
		cqe = wait_one(&ring);
		CHECK_EQ(cqe.user_data, DATA);
		CHECK_EQ(cqe.res, POLLIN);
		CHECK_EQ(cqe.flags, IORING_CQE_F_MORE);
		if (i & 1)
			empty(fds[0]);
	}
	io_uring_prep_poll_remove(next_sqe(&ring, OTHER), DATA);
	submit_one(&ring);
	collect(&ring, 2);
	CHECK_EQ(res_of(OTHER), 0);
	CHECK_EQ(res_of(DATA), -ECANCELED);
	CHECK_EQ(cqe_of(DATA).flags & IORING_CQE_F_MORE, 0);
	io_uring_queue_exit(&ring);
}

TEST(multishot_starts_ready)
{
	struct done cqe;

	setup_pipe();
	fd_write(fds[1], "x", 1);
	io_uring_prep_poll_multishot(next_sqe(&ring, DATA), fds[0], POLLIN);
	cqe = run_one(&ring);
	CHECK_EQ(cqe.res, POLLIN);
	CHECK_EQ(cqe.flags, IORING_CQE_F_MORE);
	CHECK_QUIET(&ring);
	fd_write(fds[1], "x", 1);
	CHECK_EQ(wait_res(&ring, DATA), POLLIN);
	io_uring_queue_exit(&ring);
}

TEST(multishot_update_keeps_it)
{
	struct done cqe;

	setup_pair();
	add_multishot(DATA, fds[0], POLLIN);
	CHECK_EQ(update(DATA, NEW, 0, IORING_POLL_UPDATE_USER_DATA | IORING_POLL_ADD_MULTI), 0);
	fd_write(fds[1], "x", 1);
	cqe = wait_one(&ring);
	CHECK_EQ(cqe.user_data, NEW);
	CHECK_EQ(cqe.res, POLLIN);
	CHECK_EQ(cqe.flags, IORING_CQE_F_MORE);
	fd_write(fds[1], "x", 1);
	CHECK_EQ(wait_res(&ring, NEW), POLLIN);
	io_uring_queue_exit(&ring);
}

/* Several polls on one file all see the event. */
TEST(many_on_one_file)
{
	unsigned i;

	setup_pipe();
	for (i = 0; i < 8; i++)
		io_uring_prep_poll_add(next_sqe(&ring, DATA + i), fds[0], POLLIN);
	submit_n(&ring, 8);
	CHECK_QUIET(&ring);
	fd_write(fds[1], "x", 1);
	collect(&ring, 8);
	for (i = 0; i < 8; i++)
		CHECK_EQ(res_of(DATA + i), POLLIN);
	io_uring_queue_exit(&ring);
}

/* A ring's file is readable if it has a completion. */
TEST(poll_another_ring)
{
	struct io_uring second;

	ring_init(&ring, 8, 0);
	ring_init(&second, 8, 0);
	add_poll(DATA, second.ring_fd, POLLIN);
	CHECK_QUIET(&ring);
	io_uring_prep_nop(next_sqe(&second, OTHER));
	submit_one(&second);
	CHECK_EQ(wait_res(&ring, DATA) & POLLIN, POLLIN);
	CHECK_EQ(wait_res(&second, OTHER), 0);
	io_uring_queue_exit(&second);
	io_uring_queue_exit(&ring);
}

/* What waits for a ring knows of its completions when the call that posted them returns. */
TEST(ring_is_noticed_at_once)
{
	struct io_uring second;

	ring_init(&ring, 8, 0);
	ring_init(&second, 8, 0);
	add_poll(DATA, second.ring_fd, POLLIN);
	io_uring_prep_nop(next_sqe(&second, OTHER));
	submit_one(&second);
	CHECK_EQ(io_uring_cq_ready(&ring), 1);
	io_uring_queue_exit(&second);
	io_uring_queue_exit(&ring);
}

/* A multishot poll whose completion is the next event ends instead of going on for ever. */
TEST(multishot_of_its_own_events)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int event = eventfd(0, EFD_CLOEXEC), ep = epoll_create1(EPOLL_CLOEXEC);
	unsigned way, i;

	SINCE("EPOLL_URING_WAKE", 6, 2);
	CHECK(event >= 0 && ep >= 0);
	for (way = 0; way < 2; way++) {
		ring_init(&ring, 64, 0);
		if (way)
			CHECK_SYS(epoll_ctl(ep, EPOLL_CTL_ADD, ring.ring_fd, &ev));
		else
			CHECK_EQ(io_uring_register_eventfd(&ring, event), 0);
		add_multishot(DATA, way ? ep : event, POLLIN);
		CHECK_QUIET(&ring);
		io_uring_prep_nop(next_sqe(&ring, OTHER));
		submit_one(&ring);
		CHECK_EQ(wait_one(&ring).user_data, OTHER);
		CHECK_EQ(wait_res(&ring, DATA), POLLIN);
		for (i = 0; i < 20; i++) {
			CHECK_QUIET(&ring);
			usleep(1000);
		}
		io_uring_queue_exit(&ring);
	}
}

/* Events that are there when a multishot poll starts come with the submission, and once. */
TEST(multishot_reports_once)
{
	setup_pipe();
	fd_write(fds[1], "x", 1);
	add_multishot(DATA, fds[0], POLLIN);
	CHECK_EQ(io_uring_cq_ready(&ring), 1);
	CHECK_EQ(wait_res(&ring, DATA), POLLIN);
	usleep(20 * 1000);
	CHECK_QUIET(&ring);
	fd_write(fds[1], "y", 1);
	CHECK_EQ(wait_res(&ring, DATA), POLLIN);
	CHECK_QUIET(&ring);
	io_uring_queue_exit(&ring);
}

/* The poll keeps its file open: closing the descriptor doesn't end it. */
TEST(closed_while_polled)
{
	int fd;

	setup_pipe();
	add_poll(DATA, fds[0], POLLIN);
	fd = dup(fds[0]);
	close(fds[0]);
	CHECK_QUIET(&ring);
	fd_write(fds[1], "x", 1);
	CHECK_EQ(wait_res(&ring, DATA), POLLIN);
	close(fd);
	io_uring_queue_exit(&ring);
}
