/* Processes that exit or exec with requests pending: the requests end at once, and what they hold is released. */
#include "many.h"
#include <poll.h>
#include <pthread.h>

static struct io_uring ring;
static char buffer[4096];

/* The ways to end. */
enum { BY_EXIT, BY_UNDERSCORE_EXIT, BY_SIGNAL, BY_QUEUE_EXIT, BY_EXEC, WAYS };

/* The program that exec starts: it exits at once. */
__attribute__((constructor)) static void become(void)
{
	if (getenv("T_BECOME"))
		_exit(0);
}

static void end(unsigned way)
{
	char *argv[] = { (char *)"done", NULL }, *env[] = { (char *)"T_BECOME=1", NULL };
	char self[PATH_MAX] = "";

	switch (way) {
	case BY_EXIT:
		exit(0);
	case BY_QUEUE_EXIT:
		io_uring_queue_exit(&ring);
		break;
	case BY_SIGNAL:
		raise(SIGKILL);
		break;
	case BY_EXEC:
		/* exec closes the ring's descriptor. Not through the link itself, which under valgrind is valgrind. */
		if (readlink("/proc/self/exe", self, sizeof(self) - 1) > 0)
			execve(self, argv, env);
		_exit(3);
	}
	_exit(0);
}

/* Requests on ends of the pipe and the pair that only the child has; none of them can complete. */
static void requests(int pipe_end, int pair_end)
{
	static struct __kernel_timespec ts = { 100000, 0 };
	struct io_uring_sqe *sqe;

	io_uring_prep_read(next_sqe(&ring, 1), pipe_end, buffer, 100, 0);
	io_uring_prep_poll_add(next_sqe(&ring, 2), pair_end, POLLPRI);
	io_uring_prep_recv(next_sqe(&ring, 3), pair_end, buffer + 100, 100, 0);
	io_uring_prep_timeout(next_sqe(&ring, 4), &ts, 0, 0);
	io_uring_prep_read(next_sqe(&ring, 5), pipe_end, buffer + 200, 100, 0);
	/* A request blocked in a worker of the kernel. */
	sqe = next_sqe(&ring, 6);
	io_uring_prep_read(sqe, pipe_end, buffer + 300, 100, 0);
	io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
	submit_n(&ring, 6);
}

static void in_flight(unsigned flags)
{
	unsigned way;

	for (way = 0; way < WAYS; way++) {
		int to[2], pair[2], status;
		long long start;
		pid_t pid;

		make_pipe(to);
		make_pair(pair, SOCK_STREAM);
		pid = child();
		if (pid == 0) {
			int ret = io_uring_queue_init(8, &ring, flags);

			if (ret)
				_exit(ret == -EINVAL ? 77 : 1);
			close(to[1]);
			close(pair[0]);
			requests(to[0], pair[1]);
			end(way);
		}
		close(to[0]);
		close(pair[1]);
		start = now();
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
			HAS_NO("rings of this kind");
		CHECK_EQ(status, way == BY_SIGNAL ? SIGKILL : 0);
		/* The other ends are closed once the last request has ended. */
		while (poll(&(struct pollfd){ .fd = to[1] }, 1, 1) == 0)
			CHECK(now() < start + 10 * SEC);
		CHECK_EQ(recv(pair[0], buffer, 1, 0), 0);
		close(to[1]);
		close(pair[0]);
	}
}

TEST(in_flight_plain)
{
	in_flight(0);
}

TEST(in_flight_deferred)
{
	in_flight(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
}

TEST(in_flight_polled)
{
	in_flight(IORING_SETUP_SQPOLL);
}

/* exec must close the descriptor. */
TEST(exec_closes_the_ring)
{
	static const unsigned kinds[] = { 0, IORING_SETUP_SQPOLL, IORING_SETUP_NO_MMAP };
	unsigned i;

	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		int ret = io_uring_queue_init(8, &ring, kinds[i]);

		if (ret == -EINVAL)
			continue;
		CHECK_EQ(ret, 0);
		CHECK_EQ(fcntl(ring.ring_fd, F_GETFD), FD_CLOEXEC);
		io_uring_queue_exit(&ring);
	}
}

/* A child exits with requests pending in a shared ring: the parent's must continue. */
TEST(child_leaves_a_shared_ring)
{
	int fds[2], status;
	pid_t pid;

	ring_init(&ring, 8, 0);
	make_pipe(fds);
	io_uring_prep_read(next_sqe(&ring, 1), fds[0], buffer, 1, 0);
	submit_one(&ring);
	pid = child();
	if (pid == 0)
		_exit(0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	fd_write(fds[1], "x", 1);
	CHECK_EQ(wait_res(&ring, 1), 1);
	CHECK_EQ(buffer[0], 'x');
	CHECK_WORKS(&ring);
	io_uring_queue_exit(&ring);
}

static void *wait_for_ever(void *arg)
{
	struct io_uring_cqe *cqe;

	io_uring_wait_cqe(arg, &cqe);
	return NULL;
}

/* The process exits while another thread waits. */
TEST(exit_while_a_thread_waits)
{
	unsigned way;

	NOT_UNDER("valgrind", "it runs no other thread while one is in io_uring_enter");
	for (way = BY_EXIT; way <= BY_SIGNAL; way++) {
		pid_t pid = child();
		int status;

		if (pid == 0) {
			pthread_t thread;

			if (io_uring_queue_init(8, &ring, 0) || pthread_create(&thread, NULL, wait_for_ever, &ring))
				_exit(1);
			usleep(20 * 1000);
			end(way);
		}
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK_EQ(status, way == BY_SIGNAL ? SIGKILL : 0);
	}
}
