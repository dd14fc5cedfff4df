/* Signals that end a wait, masks that block them, and the calls of kernels older than 5.11, whose timeouts are requests
 * of the library. The cases hide the ring's feature bits from the library to test the latter. */
#include "many.h"

#define SHORT (10 * MSEC)
#define LONG (1000 * SEC)
#define FILLED 100
#define PREPARED 200

static struct io_uring ring;
static volatile sig_atomic_t signals;
static pid_t sender;
static int restart;

static void count_signal(int number)
{
	(void)number;
	signals++;
}

/* A child that sends SIGUSR1 to this process repeatedly, so that none can come too early. */
static void start_signals(void)
{
	/* With or without SA_RESTART: no wait is restarted, since its end may have passed by then. */
	struct sigaction action = { .sa_handler = count_signal, .sa_flags = restart };

	NOT_UNDER("valgrind", "it delays signals while io_uring_enter waits");
	NOT_UNDER("tsan", "it delays signal handlers until the next call that it intercepts");
	CHECK_SYS(sigaction(SIGUSR1, &action, NULL));
	sender = child();
	if (sender)
		return;
	for (;;) {
		usleep(10 * 1000);
		kill(getppid(), SIGUSR1);
	}
}

static void stop_signals(void)
{
	kill(sender, SIGKILL);
	waitpid(sender, NULL, 0);
}

static void block_signals(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(how, &set, NULL);
}

/* Each call that can wait, with `mask` if it takes one. */
static int wait_way(unsigned way, struct io_uring_cqe **cqe, struct __kernel_timespec *ts, sigset_t *mask)
{
	switch (way) {
	case 0:
		return io_uring_wait_cqes(&ring, cqe, 1, ts, mask);
	case 1:
		return io_uring_wait_cqes(&ring, cqe, 1, NULL, mask);
	case 2:
		return io_uring_submit_and_wait_timeout(&ring, cqe, 1, ts, mask);
	case 3:
		return io_uring_submit_and_wait_timeout(&ring, cqe, 1, NULL, mask);
	case 4:
		return io_uring_wait_cqes_min_timeout(&ring, cqe, 1, ts, 1000, mask);
	case 5:
		return io_uring_submit_and_wait_min_timeout(&ring, cqe, 1, ts, 1000, mask);
	case 6:
		return io_uring_wait_cqe(&ring, cqe);
	case 7:
		return io_uring_wait_cqe_nr(&ring, cqe, 3);
	case 8:
		return io_uring_wait_cqe_timeout(&ring, cqe, ts);
	case 9:
		*cqe = NULL;
		return __io_uring_get_cqe(&ring, cqe, 0, 1, mask);
	case 10:
		*cqe = NULL;
		return io_uring_enter((unsigned)ring.ring_fd, 0, 1, IORING_ENTER_GETEVENTS, mask);
	default:
		*cqe = NULL;
		return io_uring_submit_and_wait(&ring, 1);
	}
}

#define WAYS 12
#define WAYS_WITH_MASK 6

static bool need_min(unsigned way)
{
	return (way == 4 || way == 5) && !(ring.features & IORING_FEAT_MIN_TIMEOUT);
}

static void interrupts(void)
{
	struct __kernel_timespec ts = nsec(LONG);
	unsigned way;

	start_signals();
	for (way = 0; way < WAYS; way++) {
		struct io_uring_cqe *cqe = (void *)&ts;

		ring_init(&ring, 8, 0);
		if (need_min(way))
			continue;
		signals = 0;
		CHECK_EQ(wait_way(way, &cqe, &ts, NULL), -EINTR);
		CHECK(!cqe);
		CHECK(signals > 0);
		/* The ring still works. */
		CHECK_WORKS(&ring);
		io_uring_queue_exit(&ring);
	}
	stop_signals();
}

TEST(signal_interrupts)
{
	interrupts();
}

TEST(signal_with_restart_interrupts)
{
	restart = SA_RESTART;
	interrupts();
}

/* The process blocks the signal, which only the mask of the wait lets in. */
TEST(mask_lets_a_signal_in)
{
	struct __kernel_timespec ts = nsec(LONG);
	sigset_t mask;
	unsigned way;

	sigemptyset(&mask);
	block_signals(SIG_BLOCK);
	start_signals();
	for (way = 0; way < WAYS_WITH_MASK; way++) {
		struct io_uring_cqe *cqe = (void *)&ts;

		ring_init(&ring, 8, 0);
		if (need_min(way))
			continue;
		signals = 0;
		CHECK_EQ(wait_way(way, &cqe, &ts, &mask), -EINTR);
		CHECK(!cqe);
		CHECK(signals > 0);
		io_uring_queue_exit(&ring);
	}
	stop_signals();
}

TEST(mask_holds_a_signal_off)
{
	sigset_t mask;
	unsigned way;

	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	start_signals();
	for (way = 0; way < WAYS_WITH_MASK; way++) {
		struct __kernel_timespec ts = nsec(50 * MSEC);
		struct io_uring_cqe *cqe = (void *)&ts;
		long long start;

		ring_init(&ring, 8, 0);
		if (way == 1 || way == 3 || need_min(way))
			continue;
		signals = 0;
		start = now();
		CHECK_EQ(wait_way(way, &cqe, &ts, &mask), -ETIME);
		CHECK_TOOK(start, 50 * MSEC);
		CHECK(!cqe);
		io_uring_queue_exit(&ring);
	}
	stop_signals();
	CHECK(signals > 0);
}

TEST(registered_mask)
{
	struct io_uring_region_desc desc = { .size = LARGE_PAGE, .flags = IORING_MEM_REGION_TYPE_USER };
	struct io_uring_mem_region_reg reg = { .region_uptr = (__u64)(uintptr_t)&desc,
					       .flags = IORING_MEM_REGION_REG_WAIT_ARG };
	struct io_uring_reg_wait *wait = pages(LARGE_PAGE);
	struct io_uring_cqe *cqe = (void *)&reg;
	__u64 mask = 0;

	memset(wait, 0, 4096);
	desc.user_addr = (__u64)(uintptr_t)wait;
	ring_init(&ring, 8, IORING_SETUP_R_DISABLED);
	if (io_uring_register_region(&ring, &reg) == -EINVAL)
		LACKS("IORING_REGISTER_MEM_REGION", 6, 13);
	CHECK_EQ(io_uring_enable_rings(&ring), 0);
	wait->sigmask = (__u64)(uintptr_t)&mask;
	wait->sigmask_sz = sizeof(mask);
	wait->ts = nsec(LONG);
	wait->flags = IORING_REG_WAIT_TS;
	block_signals(SIG_BLOCK);
	start_signals();
	CHECK_EQ(io_uring_submit_and_wait_reg(&ring, &cqe, 1, 0), -EINTR);
	CHECK(!cqe);
	CHECK(signals > 0);
	stop_signals();
	io_uring_queue_exit(&ring);
}

/* A signal doesn't affect available completions. */
TEST(no_interruption_without_waiting)
{
	struct io_uring_cqe *cqe;

	start_signals();
	ring_init(&ring, 8, 0);
	io_uring_prep_nop(next_sqe(&ring, FILLED));
	submit_one(&ring);
	while (signals < 5) {
		CHECK_EQ(io_uring_wait_cqe(&ring, &cqe), 0);
		CHECK_EQ(cqe->user_data, FILLED);
		usleep(1000);
	}
	stop_signals();
	io_uring_queue_exit(&ring);
}

/* Emulates an old kernel. */

static void setup_old(unsigned entries)
{
	ring_init(&ring, entries, 0);
	ring.features &= ~(IORING_FEAT_EXT_ARG | IORING_FEAT_MIN_TIMEOUT);
}

TEST(old_kernel_lacks_calls)
{
	struct __kernel_timespec ts = nsec(LONG);
	struct io_uring_cqe *cqe;

	ring_init(&ring, 8, 0);
	ring.features &= ~IORING_FEAT_MIN_TIMEOUT;
	io_uring_prep_nop(next_sqe(&ring, PREPARED));
	CHECK_EQ(io_uring_wait_cqes_min_timeout(&ring, &cqe, 1, &ts, 1000, NULL), -EINVAL);
	CHECK_EQ(io_uring_submit_and_wait_min_timeout(&ring, &cqe, 1, &ts, 1000, NULL), -EINVAL);
	CHECK_EQ(io_uring_sq_ready(&ring), 1);
	ring.features &= ~IORING_FEAT_EXT_ARG;
	CHECK_EQ(io_uring_submit_and_wait_reg(&ring, &cqe, 1, 0), -EINVAL);
	submit_one(&ring);
	CHECK_EQ(wait_res(&ring, PREPARED), 0);
	io_uring_queue_exit(&ring);
}

/* The timeout is submitted with the prepared requests, and the result counts it. If only the timeout is left in the
 * queue at the end, the result is that count, and there is no completion. */
static void one_old(bool submit, unsigned n, unsigned filled, unsigned prepared)
{
	unsigned have = filled + prepared, i;
	struct __kernel_timespec ts = nsec(have >= n ? LONG : SHORT);
	struct io_uring_cqe *cqe = (void *)&ts;
	long long start;
	int ret;

	setup_old(8);
	for (i = 0; i < filled; i++)
		io_uring_prep_nop(next_sqe(&ring, FILLED + i));
	submit_n(&ring, (int)filled);
	for (i = 0; i < prepared; i++)
		io_uring_prep_nop(next_sqe(&ring, PREPARED + i));
	start = now();
	ret = submit ? io_uring_submit_and_wait_timeout(&ring, &cqe, n, &ts, NULL) :
		       io_uring_wait_cqes(&ring, &cqe, n, &ts, NULL);
	CHECK_TOOK(start, have < n ? SHORT : 0);
	if (ret != (filled ? 0 : (int)prepared + 1))
		T_FAIL("submit %d, wait %u, filled %u, prepared %u: %d", submit, n, filled, prepared, ret);
	if (have) {
		CHECK(cqe);
		CHECK_EQ(cqe->user_data, filled ? FILLED : PREPARED);
	} else {
		CHECK(!cqe);
	}
	CHECK_EQ(io_uring_sq_ready(&ring), 0);
	/* The program never sees the timeout's own completion. */
	for (i = 0; i < have; i++)
		CHECK_EQ(wait_res(&ring, i < filled ? FILLED + i : PREPARED + i - filled), 0);
	for (i = 0; i < 8; i++)
		CHECK_WORKS(&ring);
	CHECK_QUIET(&ring);
	io_uring_queue_exit(&ring);
}

TEST(old_matrix)
{
	unsigned submit, n, filled, prepared;

	for (submit = 0; submit < 2; submit++)
		for (n = 0; n < 4; n++)
			for (filled = 0; filled < 3; filled++)
				for (prepared = 0; prepared < 3; prepared++)
					if (filled || !prepared || n <= prepared + 1)
						one_old(submit, n, filled, prepared);
}

/* The timeout completes with the awaited completions. */
TEST(old_timeout_is_counted)
{
	struct __kernel_timespec ts = nsec(LONG);
	struct io_uring_cqe *cqe;

	setup_old(8);
	io_uring_prep_nop(next_sqe(&ring, PREPARED));
	io_uring_prep_nop(next_sqe(&ring, PREPARED + 1));
	CHECK_EQ(io_uring_wait_cqes(&ring, &cqe, 2, &ts, NULL), 3);
	CHECK_EQ(io_uring_cq_ready(&ring), 3);
	io_uring_cq_advance(&ring, 2);
	CHECK_EQ(io_uring_peek_cqe(&ring, &cqe), -EAGAIN);
	CHECK_EQ(io_uring_cq_ready(&ring), 0);
	io_uring_queue_exit(&ring);
}

/* Without a timeout the old calls do what the new ones do. */
TEST(old_without_timeout)
{
	struct io_uring_cqe *cqe = (void *)&ring;

	setup_old(8);
	CHECK_EQ(io_uring_wait_cqes(&ring, &cqe, 0, NULL, NULL), -EAGAIN);
	CHECK(!cqe);
	io_uring_prep_nop(next_sqe(&ring, PREPARED));
	io_uring_prep_nop(next_sqe(&ring, PREPARED + 1));
	CHECK_EQ(io_uring_submit_and_wait_timeout(&ring, &cqe, 2, NULL, NULL), 2);
	CHECK_EQ(cqe->user_data, PREPARED);
	CHECK_EQ(io_uring_cq_ready(&ring), 2);
	io_uring_queue_exit(&ring);
}

/* No slot for the timeout: the library first submits what fills the queue. */
TEST(old_full_queue)
{
	struct __kernel_timespec ts = nsec(LONG);
	struct io_uring_cqe *cqe;
	unsigned i;

	setup_old(4);
	for (i = 0; i < 4; i++)
		io_uring_prep_nop(next_sqe(&ring, PREPARED + i));
	CHECK_EQ(io_uring_wait_cqes(&ring, &cqe, 4, &ts, NULL), 0);
	for (i = 0; i < 4; i++)
		CHECK_EQ(wait_res(&ring, PREPARED + i), 0);
	CHECK_EQ(io_uring_sq_ready(&ring), 0);
	io_uring_queue_exit(&ring);
}

TEST(old_signal_interrupts)
{
	struct __kernel_timespec ts = nsec(LONG);
	struct io_uring_cqe *cqe = (void *)&ts;
	int ret;

	setup_old(8);
	start_signals();
	/* It has submitted one request, its timeout, and returns that count even though the wait was interrupted. */
	ret = io_uring_wait_cqes(&ring, &cqe, 1, &ts, NULL);
	CHECK(ret == -EINTR || ret == 1);
	CHECK(!cqe);
	CHECK(signals > 0);
	stop_signals();
	io_uring_queue_exit(&ring);
}

/* The user_data of the library's timeouts is an ordinary one where the library makes none. */
TEST(reserved_user_data)
{
	unsigned old;

	for (old = 0; old < 2; old++) {
		struct io_uring_cqe *cqe;

		if (old)
			setup_old(8);
		else
			ring_init(&ring, 8, 0);
		io_uring_prep_nop(next_sqe(&ring, LIBURING_UDATA_TIMEOUT));
		submit_one(&ring);
		CHECK_EQ(io_uring_cq_ready(&ring), 1);
		CHECK_EQ(io_uring_peek_cqe(&ring, &cqe), old ? -EAGAIN : 0);
		CHECK_EQ(io_uring_cq_ready(&ring), !old);
		io_uring_queue_exit(&ring);
	}
}
