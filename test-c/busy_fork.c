/* Fork, posix_spawn and vfork while threads are in the midst of I/O: the parent loses nothing, and the child can work. */
#define T_LEAST 30
#include "many.h"
#include <poll.h>
#include <pthread.h>
#include <spawn.h>

#define THREADS 4
#define DEPTH 8
#define SIZE 512

extern char **environ;

/* The program that spawn starts: it exits at once. */
__attribute__((constructor)) static void become(void)
{
	if (getenv("T_BECOME"))
		_exit(0);
}

static char self[PATH_MAX];
static volatile bool stop;
static volatile unsigned long rounds[THREADS];
static struct io_uring inherited;

/* For children, without the checks that would run the parent's exit handlers. */
static int works_in_child(struct io_uring *r)
{
	struct __kernel_timespec ts = nsec(MSEC);
	struct io_uring_cqe *cqe;
	int fds[2], i;
	char c;

	if (pipe(fds))
		return 2;
	for (i = 0; i < 4; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(r);

		if (!sqe)
			return 3;
		if (i == 0)
			io_uring_prep_nop(sqe);
		else if (i == 1)
			io_uring_prep_timeout(sqe, &ts, 0, 0);
		else if (i == 2)
			io_uring_prep_read(sqe, fds[0], &c, 1, 0);
		else
			io_uring_prep_fsync(sqe, STDOUT_FILENO, 0);
		if (io_uring_submit(r) != 1)
			return 4;
		if (i == 2 && write(fds[1], "x", 1) != 1)
			return 5;
		if (io_uring_wait_cqe(r, &cqe))
			return 6;
		if (cqe->res != (i == 1 ? -ETIME : i == 2 ? 1 : cqe->res))
			return 7;
		io_uring_cqe_seen(r, cqe);
	}
	close(fds[0]);
	close(fds[1]);
	return 0;
}

static int child_works(void)
{
	struct io_uring own;
	int ret;

	if (io_uring_queue_init(8, &own, 0))
		return 20;
	ret = works_in_child(&own);
	if (ret)
		return 20 + ret;
	io_uring_queue_exit(&own);
	ret = works_in_child(&inherited);
	return ret ? 40 + ret : 0;
}

/* Fork interrupts the waits of other threads on the kernel's rings. */
static struct done wait_next(struct io_uring *r)
{
	struct io_uring_cqe *cqe;
	struct done done;
	int ret;

	do {
		ret = io_uring_wait_cqe(r, &cqe);
	} while (ret == -EINTR);
	CHECK_EQ(ret, 0);
	done.user_data = cqe->user_data;
	done.res = cqe->res;
	io_uring_cqe_seen(r, cqe);
	return done;
}

/* Reads of a pipe that come to wait, reads by workers, timeouts. */
static void *work(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg, i;
	char name[16], data[DEPTH][SIZE];
	struct io_uring ring;
	int fd, fds[2];

	snprintf(name, sizeof(name), "file%u", me);
	fd = tmp_filled(name, DEPTH * SIZE, me);
	make_pipe(fds);
	ring_init(&ring, 2 * DEPTH, 0);
	while (!stop) {
		struct __kernel_timespec ts = nsec(MSEC / 10);
		struct done done;
		unsigned seen = 0;

		for (i = 0; i < DEPTH; i++) {
			struct io_uring_sqe *sqe = next_sqe(&ring, i);

			if (i == 0) {
				io_uring_prep_timeout(sqe, &ts, 0, 0);
			} else if (i % 2) {
				io_uring_prep_read(sqe, fds[0], data[i], 1, 0);
			} else {
				io_uring_prep_read(sqe, fd, data[i], SIZE, i * SIZE);
				io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
			}
		}
		submit_n(&ring, DEPTH);
		fd_write(fds[1], "xxxx", DEPTH / 2);
		for (i = 0; i < DEPTH; i++) {
			done = wait_next(&ring);
			CHECK(done.user_data < DEPTH && !(seen & 1u << done.user_data));
			seen |= 1u << done.user_data;
			CHECK_EQ(done.res, done.user_data == 0 ? -ETIME : done.user_data % 2 ? 1 : SIZE);
			if (done.user_data && done.user_data % 2 == 0)
				CHECK_PATTERN_FROM(data[done.user_data], SIZE, done.user_data * SIZE, me);
		}
		rounds[me]++;
	}
	io_uring_queue_exit(&ring);
	return NULL;
}

static pthread_t threads[THREADS];

static void begin(void)
{
	uintptr_t i;

	NOT_UNDER("valgrind", "it runs no other thread while one is in io_uring_enter");
	NOT_UNDER("tsan", "the threads are stopped by plain variables");
	CHECK(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, work, (void *)i), 0);
}

/* Every thread has gone on. */
static void finish(void)
{
	unsigned long before[THREADS];
	unsigned i;

	for (i = 0; i < THREADS; i++)
		before[i] = rounds[i];
	for (i = 0; i < THREADS; i++) {
		while (rounds[i] < before[i] + 5)
			usleep(1000);
	}
	stop = true;
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

static void ended_well(pid_t pid)
{
	int status;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 0);
}

TEST(fork_in_the_midst)
{
	unsigned i;

	begin();
	for (i = 0; i < 100; i++) {
		pid_t pid;

		ring_init(&inherited, 8, 0);
		pid = child();
		if (pid == 0)
			_exit(child_works());
		ended_well(pid);
		io_uring_queue_exit(&inherited);
	}
	finish();
}

TEST(fork_of_fork)
{
	unsigned i;

	begin();
	for (i = 0; i < 30; i++) {
		pid_t pid;

		ring_init(&inherited, 8, 0);
		pid = child();
		if (pid == 0) {
			int status, ret = child_works();

			if (io_uring_queue_init(8, &inherited, 0))
				_exit(50);
			pid = fork();
			if (pid == 0)
				_exit(child_works());
			if (waitpid(pid, &status, 0) != pid || status)
				_exit(60);
			_exit(ret);
		}
		ended_well(pid);
		io_uring_queue_exit(&inherited);
	}
	finish();
}

/* Polling threads that never sleep take their locks all the time; more than there are processors, so that they are
 * interrupted anywhere. */
TEST(fork_beside_polling_threads)
{
	struct io_uring_params p = { .flags = IORING_SETUP_SQPOLL, .sq_thread_idle = 60000 };
	struct io_uring polled[6];
	unsigned i, j;

	ENGINE_NOT_UNDER("valgrind", "it runs one thread at a time, and these never wait");
	for (i = 0; i < ARRAY_LEN(polled); i++)
		CHECK_EQ(io_uring_queue_init_params(8, &polled[i], &p), 0);
	for (i = 0; i < 200; i++) {
		pid_t pid = child();

		if (pid == 0) {
			for (j = 0; j < ARRAY_LEN(polled); j++) {
				if (io_uring_enter(polled[j].ring_fd, 0, 0, IORING_ENTER_SQ_WAKEUP, NULL))
					_exit(1);
			}
			_exit(0);
		}
		ended_well(pid);
	}
	for (i = 0; i < ARRAY_LEN(polled); i++) {
		CHECK_WORKS(&polled[i]);
		io_uring_queue_exit(&polled[i]);
	}
}

TEST(spawn_in_the_midst)
{
	char *argv[] = { self, NULL }, *env[] = { (char *)"T_BECOME=1", NULL };
	unsigned i;

	begin();
	for (i = 0; i < 60; i++) {
		pid_t pid;

		switch (i % 3) {
		case 0:
			CHECK_EQ(posix_spawn(&pid, self, NULL, NULL, argv, env), 0);
			break;
		case 1:
			pid = vfork();
			CHECK(pid >= 0);
			if (pid == 0) {
				execve(self, argv, env);
				_exit(3);
			}
			break;
		default:
			pid = child();
			if (pid == 0) {
				execve(self, argv, env);
				_exit(3);
			}
		}
		ended_well(pid);
	}
	finish();
}

/* No descriptor of the engine's in the child keeps what the parent has closed open. */
TEST(nothing_stays_open_in_the_child)
{
	int fds[2], pair[2], go[2], status, i;
	struct io_uring ring;
	char c[4];
	pid_t pid;

	ring_init(&ring, 8, 0);
	make_pipe(fds);
	make_pair(pair, SOCK_STREAM);
	make_pipe(go);
	io_uring_prep_read(next_sqe(&ring, 1), fds[0], &c[0], 1, 0);
	io_uring_prep_recv(next_sqe(&ring, 2), pair[0], &c[1], 1, 0);
	io_uring_prep_poll_add(next_sqe(&ring, 3), pair[0], POLLPRI);
	submit_n(&ring, 3);
	pid = child();
	if (pid == 0) {
		close(fds[0]);
		close(fds[1]);
		close(pair[0]);
		close(pair[1]);
		close(go[1]);
		/* Until the parent has looked. */
		_exit(read(go[0], &c[2], 1) ? 1 : 0);
	}
	close(go[0]);
	for (i = 1; i <= 3; i++) {
		io_uring_prep_cancel64(next_sqe(&ring, 9), (__u64)i, 0);
		submit_one(&ring);
		collect(&ring, 2);
		CHECK_EQ(res_of(i), -ECANCELED);
	}
	close(fds[0]);
	close(pair[0]);
	/* The child has closed its own by then. */
	for (i = 0; i < 500 && recv(pair[1], &c[3], 1, MSG_DONTWAIT) < 0; i++)
		usleep(10 * 1000);
	CHECK_EQ(recv(pair[1], &c[3], 1, MSG_DONTWAIT), 0);
	signal(SIGPIPE, SIG_IGN);
	CHECK_EQ(write(fds[1], "x", 1), -1);
	CHECK_EQ(errno, EPIPE);
	CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
	close(go[1]);
	ended_well(pid);
	io_uring_queue_exit(&ring);
}
