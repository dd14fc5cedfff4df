/* A ring's descriptor in poll and epoll: level-triggered, edge-triggered, once, nested; and its duplicates. It is readable
 * exactly when there are completions. */
#include "many.h"
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>

static struct io_uring ring;
static int ep;

static int make_epoll(void)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	CHECK_SYS(fd);
	return fd;
}

static void watch(int epoll, int fd, unsigned events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	CHECK_SYS(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
}

/* The events of the only descriptor, 0 for none within some milliseconds. */
static unsigned events(int epoll, int ms)
{
	struct epoll_event found[2];
	int n;

	/* Work of requests interrupts it. */
	do {
		n = epoll_wait(epoll, found, 2, ms);
	} while (n < 0 && errno == EINTR);
	CHECK_SYS(n);
	CHECK(n < 2);
	return n ? found[0].events : 0;
}

static bool readable(int fd)
{
	struct pollfd entry = { .fd = fd, .events = POLLIN };

	CHECK_SYS(poll(&entry, 1, 0));
	return entry.revents & POLLIN;
}

static void complete_one(void)
{
	io_uring_prep_nop(next_sqe(&ring, 1));
	submit_one(&ring);
}

/* Consumes all, and looks for more: that is how a program knows that there are none. */
static void consume(unsigned expected)
{
	struct io_uring_cqe *cqe;
	unsigned n = 0;

	while (!io_uring_peek_cqe(&ring, &cqe)) {
		io_uring_cqe_seen(&ring, cqe);
		n++;
	}
	CHECK_EQ(n, expected);
}

static void level(void)
{
	unsigned i;

	ep = make_epoll();
	watch(ep, ring.ring_fd, EPOLLIN);
	CHECK_EQ(events(ep, 0), 0);
	for (i = 0; i < 3; i++) {
		complete_one();
		complete_one();
		CHECK_EQ(events(ep, 0), EPOLLIN);
		CHECK_EQ(events(ep, 0), EPOLLIN);
		CHECK(readable(ring.ring_fd));
		io_uring_cq_advance(&ring, 1);
		CHECK_EQ(events(ep, 0), EPOLLIN);
		consume(1);
		CHECK_EQ(events(ep, 0), 0);
		CHECK(!readable(ring.ring_fd));
	}
	close(ep);
}

TEST(level_triggered)
{
	ring_init(&ring, 8, 0);
	level();
	io_uring_queue_exit(&ring);
}

TEST(level_triggered_deferred)
{
	ring_init_since(&ring, 8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, 6, 1);
	level();
	io_uring_queue_exit(&ring);
}

TEST(edge_triggered)
{
	unsigned i;

	ring_init(&ring, 8, 0);
	ep = make_epoll();
	watch(ep, ring.ring_fd, EPOLLIN | EPOLLET);
	for (i = 0; i < 3; i++) {
		complete_one();
		CHECK_EQ(events(ep, 0), EPOLLIN);
		CHECK_EQ(events(ep, 0), 0);
		/* More is another edge, even if what was there has not been consumed. */
		complete_one();
		CHECK_EQ(events(ep, 0), EPOLLIN);
		CHECK_EQ(events(ep, 0), 0);
		consume(2);
		CHECK_EQ(events(ep, 0), 0);
	}
	io_uring_queue_exit(&ring);
}

TEST(one_shot)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT };

	ring_init(&ring, 8, 0);
	ep = make_epoll();
	watch(ep, ring.ring_fd, EPOLLIN | EPOLLONESHOT);
	complete_one();
	CHECK_EQ(events(ep, 0), EPOLLIN);
	complete_one();
	CHECK_EQ(events(ep, 0), 0);
	CHECK_SYS(epoll_ctl(ep, EPOLL_CTL_MOD, ring.ring_fd, &event));
	CHECK_EQ(events(ep, 0), EPOLLIN);
	consume(2);
	CHECK_SYS(epoll_ctl(ep, EPOLL_CTL_MOD, ring.ring_fd, &event));
	CHECK_EQ(events(ep, 0), 0);
	io_uring_queue_exit(&ring);
}

TEST(nested)
{
	int outer = make_epoll();

	ring_init(&ring, 8, 0);
	ep = make_epoll();
	watch(ep, ring.ring_fd, EPOLLIN);
	watch(outer, ep, EPOLLIN);
	CHECK_EQ(events(outer, 0), 0);
	complete_one();
	CHECK_EQ(events(outer, 0), EPOLLIN);
	CHECK_EQ(events(ep, 0), EPOLLIN);
	consume(1);
	CHECK_EQ(events(outer, 0), 0);
	io_uring_queue_exit(&ring);
}

static int fds[2];

static void *write_later(void *arg)
{
	(void)arg;
	usleep(20 * 1000);
	fd_write(fds[1], "x", 1);
	return NULL;
}

/* Nobody is in a call on the ring when the request completes. */
TEST(wakes_up)
{
	static const unsigned modes[] = { EPOLLIN, EPOLLIN | EPOLLET, EPOLLIN | EPOLLONESHOT };
	struct __kernel_timespec ts = nsec(10 * MSEC);
	unsigned i;
	char c;

	NOT_UNDER("valgrind", "it runs no other thread while one is in epoll_wait");
	ring_init(&ring, 8, 0);
	make_pipe(fds);
	for (i = 0; i < ARRAY_LEN(modes); i++) {
		pthread_t writer;

		ep = make_epoll();
		watch(ep, ring.ring_fd, modes[i]);
		io_uring_prep_read(next_sqe(&ring, 2), fds[0], &c, 1, 0);
		submit_one(&ring);
		CHECK_EQ(pthread_create(&writer, NULL, write_later, NULL), 0);
		CHECK_EQ(events(ep, 5000), EPOLLIN);
		CHECK_EQ(pthread_join(writer, NULL), 0);
		consume(1);
		if (!(modes[i] & EPOLLONESHOT)) {
			io_uring_prep_timeout(next_sqe(&ring, 3), &ts, 0, 0);
			submit_one(&ring);
			CHECK_EQ(events(ep, 5000), EPOLLIN);
			consume(1);
		}
		close(ep);
	}
	io_uring_queue_exit(&ring);
}

/* The owner of a ring with IORING_SETUP_DEFER_TASKRUN that polls the ring's descriptor is told of work. */
TEST(wakes_up_deferred)
{
	pthread_t writer;
	char c;

	NOT_UNDER("valgrind", "it runs no other thread while one is in poll");
	ring_init_since(&ring, 8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, 6, 1);
	make_pipe(fds);
	io_uring_prep_read(next_sqe(&ring, 2), fds[0], &c, 1, 0);
	submit_one(&ring);
	CHECK_EQ(pthread_create(&writer, NULL, write_later, NULL), 0);
	CHECK_EQ(poll(&(struct pollfd){ .fd = ring.ring_fd, .events = POLLIN }, 1, 5000), 1);
	CHECK_EQ(pthread_join(writer, NULL), 0);
	CHECK_EQ(io_uring_get_events(&ring), 0);
	consume(1);
	CHECK(!readable(ring.ring_fd));
	io_uring_queue_exit(&ring);
}

static int duplicate;

static void *use_duplicate(void *arg)
{
	(void)arg;
	/* The headers' functions use it, too. */
	CHECK_EQ(io_uring_enter((unsigned)duplicate, 1, 0, 0, NULL), 1);
	return NULL;
}

static void prepare_nop(__u64 data)
{
	io_uring_prep_nop(next_sqe(&ring, data));
	/* Publishes the entry without a call. */
	ring.sq.sqe_head = ring.sq.sqe_tail;
	io_uring_smp_store_release(ring.sq.ktail, ring.sq.sqe_tail);
}

/* A duplicate is the ring as well, and keeps it when the descriptor that it was made from is closed. */
TEST(duplicates)
{
	int file = tmp_filled("file", 10, 1), first;
	unsigned rounds;
	pthread_t thread;

	ring_init(&ring, 8, 0);
	for (rounds = 0; rounds < 2; rounds++) {
		duplicate = rounds ? dup(ring.ring_fd) : fcntl(ring.ring_fd, F_DUPFD_CLOEXEC, 100);
		CHECK_SYS(duplicate);
		ep = make_epoll();
		watch(ep, duplicate, EPOLLIN);
		prepare_nop(1);
		CHECK_EQ(io_uring_enter((unsigned)duplicate, 1, 1, IORING_ENTER_GETEVENTS, NULL), 1);
		CHECK_EQ(events(ep, 0), EPOLLIN);
		consume(1);
		CHECK_EQ(events(ep, 0), 0);
		prepare_nop(2);
		CHECK_EQ(pthread_create(&thread, NULL, use_duplicate, NULL), 0);
		CHECK_EQ(pthread_join(thread, NULL), 0);
		CHECK_EQ(events(ep, 0), EPOLLIN);
		consume(1);
		CHECK_EQ(io_uring_register((unsigned)duplicate, IORING_REGISTER_FILES, &file, 1), 0);
		CHECK_EQ(io_uring_register((unsigned)ring.ring_fd, IORING_UNREGISTER_FILES, NULL, 0), 0);
		close(ep);
		if (!rounds)
			close(duplicate);
	}
	/* Closed without the library's knowledge; the number is another file's. */
	first = ring.ring_fd;
	CHECK_EQ(dup2(file, first), first);
	ring.ring_fd = ring.enter_ring_fd = duplicate;
	CHECK_WORKS(&ring);
	CHECK_EQ(io_uring_register((unsigned)duplicate, IORING_REGISTER_FILES, &file, 1), 0);
	CHECK(io_uring_register((unsigned)first, IORING_UNREGISTER_FILES, NULL, 0) < 0);
	CHECK(io_uring_enter((unsigned)first, 0, 0, 0, NULL) < 0);
	CHECK_EQ(io_uring_register((unsigned)duplicate, IORING_UNREGISTER_FILES, NULL, 0), 0);
	io_uring_queue_exit(&ring);
	CHECK(!fd_is_open(duplicate));
}

/* A ring gets the number that another had, whose duplicate is in use. */
TEST(number_of_another)
{
	struct io_uring other;
	int first;

	ring_init(&ring, 8, 0);
	CHECK_WORKS(&ring);
	first = ring.ring_fd;
	duplicate = fcntl(first, F_DUPFD_CLOEXEC, 100);
	CHECK_SYS(duplicate);
	ring.ring_fd = ring.enter_ring_fd = duplicate;
	close(first);
	ring_init(&other, 8, 0);
	CHECK_EQ(other.ring_fd, first);
	CHECK_WORKS(&ring);
	CHECK_WORKS(&other);
	io_uring_queue_exit(&other);
	CHECK_WORKS(&ring);
	io_uring_queue_exit(&ring);
}
