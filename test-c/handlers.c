/* Signal handlers, cancellation, and the program's own malloc: what may happen in the midst of a call on a ring. */
#include "many.h"
#include <pthread.h>
#include <setjmp.h>

static struct io_uring ring, other;
static volatile sig_atomic_t came, wrong;

#ifndef __has_feature
#define __has_feature(NAME) 0
#endif
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !__has_feature(thread_sanitizer)
#define OWN_MALLOC
#endif

/* The program's malloc, in the place of libc's: it counts, and refuses threads that the program has not created. */
static __thread bool known;
static volatile bool strict;
static volatile unsigned long calls;

extern void *__libc_malloc(size_t len);
extern void *__libc_calloc(size_t n, size_t len);
extern void *__libc_realloc(void *memory, size_t len);
extern void __libc_free(void *memory);

#ifdef OWN_MALLOC
static void count_call(void)
{
	if (!strict)
		return;
	__atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
	if (!known)
		abort();
}

void *malloc(size_t len)
{
	count_call();
	return __libc_malloc(len);
}

void *calloc(size_t n, size_t len)
{
	count_call();
	return __libc_calloc(n, len);
}

void *realloc(void *memory, size_t len)
{
	count_call();
	return __libc_realloc(memory, len);
}

void free(void *memory)
{
	if (memory)
		count_call();
	__libc_free(memory);
}
#endif

/* A read by a worker, an event, a timeout. */
static void some_io(int fd, int fds[2])
{
	struct __kernel_timespec ts = nsec(MSEC / 10);
	struct io_uring_sqe *sqe;
	char buf[512];

	sqe = next_sqe(&ring, 1);
	io_uring_prep_read(sqe, fd, buf, sizeof(buf), 0);
	io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
	io_uring_prep_read(next_sqe(&ring, 2), fds[0], buf, 1, 0);
	io_uring_prep_timeout(next_sqe(&ring, 3), &ts, 0, 0);
	submit_n(&ring, 3);
	fd_write(fds[1], "x", 1);
	collect(&ring, 3);
	CHECK_EQ(res_of(1), sizeof(buf));
	CHECK_EQ(res_of(2), 1);
	CHECK_EQ(res_of(3), -ETIME);
}

TEST(malloc_of_the_program)
{
	int fd = tmp_filled("file", 512, 1), fds[2];
	unsigned i;

	NOT_UNDER("valgrind", "it has a malloc of its own");
#ifndef OWN_MALLOC
	SKIP("only glibc has another name for its malloc, and checkers have their own");
#endif
	make_pipe(fds);
	known = true;
	strict = true;
	ring_init(&ring, 8, 0);
	ring_init(&other, 8, IORING_SETUP_SQPOLL);
	for (i = 0; i < 100; i++) {
		some_io(fd, fds);
		CHECK_WORKS(&other);
	}
	io_uring_queue_exit(&other);
	io_uring_queue_exit(&ring);
	strict = false;
	/* Only for the threads' own storage, which libc allocates where it creates them. */
	CHECK(calls < 100);
}

static void submit_there(int number)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&other);
	struct io_uring_cqe *cqe;
	unsigned head, n = 0;

	(void)number;
	came++;
	if (sqe) {
		io_uring_prep_nop(sqe);
		if (io_uring_submit(&other) < 1)
			wrong++;
	}
	io_uring_for_each_cqe(&other, head, cqe)
		n++;
	io_uring_cq_advance(&other, n);
}

static void every(unsigned us)
{
	struct itimerval timer = { { 0, us }, { 0, us } };

	CHECK_SYS(setitimer(ITIMER_REAL, &timer, NULL));
}

/* A handler has a ring of its own, and interrupts calls on others anywhere. */
TEST(handler_submits)
{
	long long end = now() + 2 * SEC;
	void *block = NULL;

	NOT_UNDER("valgrind", "it delays signals");
	NOT_UNDER("tsan", "it delays signals");
	ring_init(&ring, 8, 0);
	ring_init(&other, 64, 0);
	CHECK_SYS(sigaction(SIGALRM, &(struct sigaction){ .sa_handler = submit_there, .sa_flags = SA_RESTART }, NULL));
	every(200);
	while (now() < end) {
		struct __kernel_timespec ts = nsec(MSEC / 10);
		struct io_uring_cqe *cqe;
		unsigned i;

		for (i = 0; i < 3; i++)
			io_uring_prep_nop(next_sqe(&ring, 5));
		io_uring_prep_timeout(next_sqe(&ring, 5), &ts, 0, 0);
		submit_n(&ring, 4);
		for (i = 0; i < 4; i++) {
			int ret;

			do {
				ret = io_uring_wait_cqe(&ring, &cqe);
			} while (ret == -EINTR);
			CHECK_EQ(ret, 0);
			io_uring_cqe_seen(&ring, cqe);
		}
		free(block);
		block = malloc((size_t)(now() % 5000));
	}
	every(0);
	CHECK(came > 100);
	CHECK_EQ(wrong, 0);
	/* What the last ones have submitted is done. */
	end = now() + 2 * SEC;
	while (io_uring_sq_ready(&other) && now() < end)
		usleep(1000);
	CHECK_EQ(io_uring_sq_ready(&other), 0);
	io_uring_queue_exit(&other);
	io_uring_queue_exit(&ring);
}

static pthread_t first;

static void on_whom(int number)
{
	(void)number;
	came++;
	if (!pthread_equal(pthread_self(), first))
		wrong++;
}

/* Handlers run on the program's threads. */
TEST(handlers_run_on_own_threads)
{
	int fd = tmp_filled("file", 512, 1), fds[2], i;
	struct sigaction action = { .sa_handler = on_whom, .sa_flags = SA_RESTART };

	first = pthread_self();
	make_pipe(fds);
	ring_init(&ring, 8, 0);
	ring_init(&other, 8, IORING_SETUP_SQPOLL);
	some_io(fd, fds);
	CHECK_SYS(sigaction(SIGCHLD, &action, NULL));
	CHECK_SYS(sigaction(SIGUSR1, &action, NULL));
	CHECK_SYS(sigaction(SIGRTMIN + 3, &action, NULL));
	for (i = 0; i < 100; i++) {
		CHECK_SYS(kill(getpid(), i % 2 ? SIGUSR1 : SIGRTMIN + 3));
		if (i % 10 == 0 && child() == 0)
			_exit(0);
	}
	CHECK(came >= 100);
	CHECK_EQ(wrong, 0);
	io_uring_queue_exit(&other);
	io_uring_queue_exit(&ring);
}

static void *wait_and_end(void *arg)
{
	struct io_uring_cqe *cqe;
	int ret;

	(void)arg;
	do {
		ret = io_uring_wait_cqe(&ring, &cqe);
	} while (ret == -EINTR);
	came = ret == 0 ? 2 : 3;
	pthread_testcancel();
	came = 4;
	return NULL;
}

/* io_uring_enter(2) is not a cancellation point. */
TEST(canceled_thread)
{
	pthread_t thread;
	void *result;

	NOT_UNDER("tsan", "it waits for a canceled thread without end");
	NOT_UNDER("valgrind", "it runs no other thread while one is in io_uring_enter");
	NOT_UNDER("asan", "it does not survive a canceled thread");
	ring_init(&ring, 8, 0);
	CHECK_EQ(pthread_create(&thread, NULL, wait_and_end, NULL), 0);
	usleep(50 * 1000);
	CHECK_EQ(pthread_cancel(thread), 0);
	usleep(50 * 1000);
	CHECK_EQ(came, 0);
	io_uring_prep_nop(next_sqe(&ring, 1));
	submit_one(&ring);
	CHECK_EQ(pthread_join(thread, &result), 0);
	CHECK(result == PTHREAD_CANCELED);
	CHECK_EQ(came, 2);
	CHECK_EQ(wait_res(&ring, 1), 0);
	CHECK_WORKS(&ring);
	io_uring_queue_exit(&ring);
}

static sigjmp_buf back;

static void jump(int number)
{
	(void)number;
	siglongjmp(back, 1);
}

/* A handler leaves a wait by a jump: the ring can be used and exited. */
TEST(jump_out_of_a_wait)
{
	unsigned i;

	NOT_UNDER("tsan", "it knows no jumps out of handlers");
	NOT_UNDER("valgrind", "it delays signals");
	CHECK_SYS(sigaction(SIGALRM, &(struct sigaction){ .sa_handler = jump }, NULL));
	for (i = 0; i < 3; i++) {
		struct itimerval in_50_ms = { { 0, 0 }, { 0, 50000 } };
		struct io_uring_cqe *cqe;

		ring_init(&ring, 8, 0);
		if (!sigsetjmp(back, 1)) {
			CHECK_SYS(setitimer(ITIMER_REAL, &in_50_ms, NULL));
			io_uring_wait_cqe(&ring, &cqe);
			T_FAIL("the wait ended");
		}
		CHECK_WORKS(&ring);
		io_uring_queue_exit(&ring);
	}
}

static void end_thread(int number)
{
	(void)number;
	pthread_exit(NULL);
}

/* A handler ends the thread that waits. */
TEST(thread_ends_in_a_wait)
{
	pthread_t thread;

	NOT_UNDER("tsan", "it waits for a thread that ends in a handler without end");
	NOT_UNDER("valgrind", "it runs no other thread while one is in io_uring_enter");
	CHECK_SYS(sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = end_thread }, NULL));
	ring_init(&ring, 8, 0);
	CHECK_EQ(pthread_create(&thread, NULL, wait_and_end, NULL), 0);
	usleep(50 * 1000);
	CHECK_EQ(pthread_kill(thread, SIGUSR1), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_WORKS(&ring);
	io_uring_queue_exit(&ring);
}
