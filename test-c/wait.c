/* Waiting: the result of each call, which completion it returns, how long it takes, and what ends it early. */
#include "many.h"

#define SHORT (10 * MSEC)
#define LONG (1000 * SEC)
#define FILLED 100
#define PREPARED 200

static struct io_uring ring;

/* A ring with registered waits; `waits` are the first four. */
static struct io_uring_reg_wait *waits;

static void setup_region(void)
{
	struct io_uring_region_desc desc = { .size = LARGE_PAGE, .flags = IORING_MEM_REGION_TYPE_USER };
	struct io_uring_mem_region_reg reg = { .region_uptr = (__u64)(uintptr_t)&desc,
					       .flags = IORING_MEM_REGION_REG_WAIT_ARG };
	int ret;

	if (!waits)
		waits = pages(LARGE_PAGE);
	memset(waits, 0, LARGE_PAGE);
	desc.user_addr = (__u64)(uintptr_t)waits;
	ring_init(&ring, 8, IORING_SETUP_R_DISABLED);
	ret = io_uring_register_region(&ring, &reg);
	if (ret == -EINVAL)
		LACKS("IORING_REGISTER_MEM_REGION", 6, 13);
	CHECK_EQ(ret, 0);
	CHECK_EQ(io_uring_enable_rings(&ring), 0);
}

/* The calls with a timeout, with a common signature. */

static int by_wait_cqes(struct io_uring_cqe **cqe, unsigned n, struct __kernel_timespec *ts)
{
	return io_uring_wait_cqes(&ring, cqe, n, ts, NULL);
}

static int by_wait_min(struct io_uring_cqe **cqe, unsigned n, struct __kernel_timespec *ts)
{
	return io_uring_wait_cqes_min_timeout(&ring, cqe, n, ts, 0, NULL);
}

static int by_submit(struct io_uring_cqe **cqe, unsigned n, struct __kernel_timespec *ts)
{
	return io_uring_submit_and_wait_timeout(&ring, cqe, n, ts, NULL);
}

static int by_submit_min(struct io_uring_cqe **cqe, unsigned n, struct __kernel_timespec *ts)
{
	return io_uring_submit_and_wait_min_timeout(&ring, cqe, n, ts, 0, NULL);
}

static int by_registered(struct io_uring_cqe **cqe, unsigned n, struct __kernel_timespec *ts)
{
	memset(&waits[2], 0, sizeof(waits[2]));
	if (ts) {
		waits[2].ts = *ts;
		waits[2].flags = IORING_REG_WAIT_TS;
	}
	return io_uring_submit_and_wait_reg(&ring, cqe, n, 2);
}

struct call {
	int (*run)(struct io_uring_cqe **cqe, unsigned n, struct __kernel_timespec *ts);
	bool submits;
};

/* Waits for `n` completions, with `filled` of them available and `prepared` requests not yet submitted. */
static void one(const struct call *call, int with_ts, unsigned n, unsigned filled, unsigned prepared)
{
	unsigned have = filled + (call->submits ? prepared : 0);
	long long limit = have >= n ? LONG : SHORT, start;
	struct __kernel_timespec ts = nsec(with_ts == 2 ? limit : 0);
	struct io_uring_cqe *cqe = (void *)&ts;
	int ret, want;

	if (!with_ts && have < n)
		return;
	if (call->run == by_registered)
		setup_region();
	else
		ring_init(&ring, 8, 0);
	for (ret = 0; ret < (int)filled; ret++)
		io_uring_prep_nop(next_sqe(&ring, FILLED + ret));
	submit_n(&ring, (int)filled);
	for (ret = 0; ret < (int)prepared; ret++)
		io_uring_prep_nop(next_sqe(&ring, PREPARED + ret));
	start = now();
	ret = call->run(&cqe, n, with_ts ? &ts : NULL);
	CHECK_TOOK(start, have < n && with_ts == 2 ? SHORT : 0);

	if (filled)
		want = 0;
	else if (have)
		want = (int)prepared;
	else
		want = n ? -ETIME : -EAGAIN;
	if (ret != want)
		T_FAIL("timeout %d, wait %u, filled %u, prepared %u: %d, expected %d", with_ts, n, filled, prepared,
		       ret, want);
	if (have) {
		CHECK(cqe);
		CHECK_EQ(cqe->user_data, filled ? FILLED : PREPARED);
	} else {
		CHECK(!cqe);
	}
	CHECK_EQ(io_uring_cq_ready(&ring), have);
	CHECK_EQ(io_uring_sq_ready(&ring), call->submits ? 0 : prepared);
	io_uring_queue_exit(&ring);
}

static void matrix(const struct call *call)
{
	unsigned n, filled, prepared;
	int with_ts;

	for (with_ts = 0; with_ts < 3; with_ts++)
		for (n = 0; n < 5; n++)
			for (filled = 0; filled < 3; filled++)
				for (prepared = 0; prepared < 3; prepared++)
					one(call, with_ts, n, filled, prepared);
}

static void need_min_timeout(void)
{
	ring_init(&ring, 1, 0);
	need_feature(&ring, IORING_FEAT_MIN_TIMEOUT);
	io_uring_queue_exit(&ring);
}

TEST(matrix_wait_cqes) { matrix(&(struct call){ by_wait_cqes, false }); }
TEST(matrix_submit_and_wait_timeout) { matrix(&(struct call){ by_submit, true }); }

TEST(matrix_wait_cqes_min_timeout)
{
	need_min_timeout();
	matrix(&(struct call){ by_wait_min, false });
}

TEST(matrix_submit_and_wait_min_timeout)
{
	need_min_timeout();
	matrix(&(struct call){ by_submit_min, true });
}

TEST(matrix_submit_and_wait_reg) { matrix(&(struct call){ by_registered, true }); }

/* Submitting succeeds and waiting fails: the result is the count, and there is no completion. */
TEST(submitted_and_timed_out)
{
	int (*calls[])(struct io_uring_cqe **cqe, unsigned n, struct __kernel_timespec *ts) = {
		by_submit, by_submit_min, by_registered,
	};
	unsigned i;

	need_min_timeout();
	for (i = 0; i < ARRAY_LEN(calls); i++) {
		struct __kernel_timespec ts = nsec(SHORT), later = nsec(LONG);
		struct io_uring_cqe *cqe = (void *)&ts;
		long long start;

		setup_region();
		io_uring_prep_timeout(next_sqe(&ring, PREPARED), &later, 0, 0);
		io_uring_prep_timeout(next_sqe(&ring, PREPARED), &later, 0, 0);
		start = now();
		CHECK_EQ(calls[i](&cqe, 1, &ts), 2);
		CHECK(!cqe);
		CHECK_TOOK(start, SHORT);
		io_uring_queue_exit(&ring);
	}
}

TEST(wait_cqe_timeout)
{
	struct __kernel_timespec ts = nsec(SHORT);
	struct io_uring_cqe *cqe = (void *)&ts;
	long long start = now();

	ring_init(&ring, 8, 0);
	CHECK_EQ(io_uring_wait_cqe_timeout(&ring, &cqe, &ts), -ETIME);
	CHECK(!cqe);
	CHECK_TOOK(start, SHORT);
	io_uring_prep_nop(next_sqe(&ring, FILLED));
	submit_one(&ring);
	ts = nsec(LONG);
	CHECK_EQ(io_uring_wait_cqe_timeout(&ring, &cqe, &ts), 0);
	CHECK_EQ(cqe->user_data, FILLED);
	CHECK_EQ(io_uring_wait_cqe_timeout(&ring, &cqe, NULL), 0);
	CHECK_EQ(cqe->user_data, FILLED);
	io_uring_cqe_seen(&ring, cqe);
	CHECK_QUIET(&ring);
	io_uring_queue_exit(&ring);
}

TEST(bad_timeout)
{
	struct __kernel_timespec bad = { .tv_sec = -1 };
	struct io_uring_cqe *cqe;

	ring_init(&ring, 8, 0);
	CHECK_EQ(io_uring_wait_cqe_timeout(&ring, &cqe, (void *)8), -EFAULT);
	CHECK(!cqe);
	/* A time before the clock's start has passed. */
	CHECK_EQ(io_uring_wait_cqe_timeout(&ring, &cqe, &bad), -ETIME);
	io_uring_queue_exit(&ring);
}

TEST(submit_and_wait)
{
	unsigned n, i;

	ring_init(&ring, 8, 0);
	CHECK_EQ(io_uring_submit_and_wait(&ring, 0), 0);
	for (n = 1; n <= 8; n++) {
		for (i = 0; i < 8; i++)
			io_uring_prep_nop(next_sqe(&ring, i));
		CHECK_EQ(io_uring_submit_and_wait(&ring, n), 8);
		CHECK(io_uring_cq_ready(&ring) >= n);
		for (i = 0; i < 8; i++)
			CHECK_EQ(wait_res(&ring, i), 0);
	}
	io_uring_queue_exit(&ring);
}

/* Another process causes completions, 20 ms apart. */
static pid_t slow_writer(int fd, int count)
{
	pid_t pid = child();

	if (pid)
		return pid;
	for (; count; count--) {
		usleep(20 * 1000);
		if (write(fd, "x", 1) != 1)
			_exit(1);
	}
	_exit(0);
}

static void add_reads(int fd, unsigned n)
{
	static char c[8];
	unsigned i;

	for (i = 0; i < n; i++)
		io_uring_prep_read(next_sqe(&ring, FILLED + i), fd, &c[i], 1, -1);
}

TEST(waits_for_all)
{
	static const unsigned flags[] = {
		0, IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, IORING_SETUP_SQPOLL,
	};
	struct __kernel_timespec ts = nsec(LONG);
	struct io_uring_cqe *cqe;
	unsigned way, kind;
	int fds[2], ret = -1;

	make_pipe(fds);
	for (kind = 0; kind < ARRAY_LEN(flags); kind++) {
		if ((flags[kind] & IORING_SETUP_COOP_TASKRUN) && kernel_before(5, 19))
			continue;
		if ((flags[kind] & IORING_SETUP_DEFER_TASKRUN) && kernel_before(6, 1))
			continue;
		for (way = 0; way < 4; way++) {
			long long start;

			ring_init(&ring, 8, flags[kind]);
			add_reads(fds[0], 3);
			if (way < 2)
				submit_n(&ring, 3);
			start = now();
			slow_writer(fds[1], 3);
			cqe = NULL;
			if (way == 0)
				ret = io_uring_wait_cqe_nr(&ring, &cqe, 3);
			else if (way == 1)
				ret = io_uring_wait_cqes(&ring, &cqe, 3, &ts, NULL);
			else if (way == 2)
				ret = io_uring_submit_and_wait(&ring, 3);
			else
				ret = io_uring_submit_and_wait_timeout(&ring, &cqe, 3, &ts, NULL);
			CHECK_EQ(ret, way < 2 ? 0 : 3);
			CHECK_TOOK(start, 60 * MSEC);
			CHECK_EQ(io_uring_cq_ready(&ring), 3);
			CHECK((way == 2) == !cqe);
			io_uring_queue_exit(&ring);
		}
	}
}

/* After the minimum wait the available completions suffice. */
TEST(min_wait)
{
	struct __kernel_timespec ts = nsec(LONG);
	struct io_uring_cqe *cqe;
	unsigned way;

	need_min_timeout();
	for (way = 0; way < 2; way++) {
		long long start = now();

		ring_init(&ring, 8, 0);
		io_uring_prep_nop(next_sqe(&ring, FILLED));
		cqe = NULL;
		if (way) {
			CHECK_EQ(io_uring_submit_and_wait_min_timeout(&ring, &cqe, 4, &ts, 20000, NULL), 1);
		} else {
			submit_one(&ring);
			CHECK_EQ(io_uring_wait_cqes_min_timeout(&ring, &cqe, 4, &ts, 20000, NULL), 0);
		}
		CHECK_TOOK(start, 20 * MSEC);
		CHECK_EQ(cqe->user_data, FILLED);
		io_uring_queue_exit(&ring);
	}
}

/* The time in which several completions may come passes even if it is longer than the timeout. */
TEST(min_wait_beyond_the_timeout)
{
	struct __kernel_timespec ts = nsec(5 * MSEC);
	struct io_uring_cqe *cqe;
	long long start;

	need_min_timeout();
	ring_init(&ring, 8, 0);
	start = now();
	CHECK_EQ(io_uring_wait_cqes_min_timeout(&ring, &cqe, 2, &ts, 30 * 1000, NULL), -ETIME);
	CHECK_TOOK(start, 30 * MSEC);
	io_uring_queue_exit(&ring);
}

TEST(min_wait_and_nothing)
{
	struct __kernel_timespec ts = nsec(30 * MSEC);
	struct io_uring_cqe *cqe = (void *)&ts;
	long long start = now();

	need_min_timeout();
	ring_init(&ring, 8, 0);
	CHECK_EQ(io_uring_wait_cqes_min_timeout(&ring, &cqe, 4, &ts, 1000, NULL), -ETIME);
	CHECK(!cqe);
	CHECK_TOOK(start, 30 * MSEC);
	io_uring_queue_exit(&ring);
}

TEST(registered_waits)
{
	struct io_uring_cqe *cqe = (void *)&ring;
	long long start;

	setup_region();
	waits[0].ts = nsec(LONG);
	waits[0].flags = IORING_REG_WAIT_TS;
	waits[62].ts = nsec(SHORT);
	waits[62].flags = IORING_REG_WAIT_TS;
	start = now();
	CHECK_EQ(io_uring_submit_and_wait_reg(&ring, &cqe, 1, 62), -ETIME);
	CHECK(!cqe);
	CHECK_TOOK(start, SHORT);
	CHECK_EQ(io_uring_submit_and_wait_reg(&ring, &cqe, 1, LARGE_PAGE / sizeof(*waits)), -EFAULT);
	CHECK_EQ(io_uring_submit_and_wait_reg(&ring, &cqe, 1, -1), -EFAULT);
	waits[0].min_wait_usec = 20000;
	io_uring_prep_nop(next_sqe(&ring, PREPARED));
	start = now();
	CHECK_EQ(io_uring_submit_and_wait_reg(&ring, &cqe, 4, 0), 1);
	CHECK_TOOK(start, 20 * MSEC);
	CHECK_EQ(cqe->user_data, PREPARED);
	CHECK_EQ(io_uring_register_wait_reg(&ring, waits, 4), -EINVAL);
	io_uring_queue_exit(&ring);

	ring_init(&ring, 8, 0);
	CHECK(io_uring_submit_and_wait_reg(&ring, &cqe, 1, 0) < 0);
	io_uring_queue_exit(&ring);
}

/* Deferred work runs only when events are requested. */
TEST(get_events)
{
	unsigned way;
	int fds[2];

	/* Old kernels read from pipes in a worker. */
	make_pair(fds, SOCK_STREAM);
	for (way = 0; way < 2; way++) {
		ring_init_since(&ring, 8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, 6, 1);
		add_reads(fds[0], 1);
		submit_one(&ring);
		fd_write(fds[1], "x", 1);
		CHECK_EQ(io_uring_cq_ready(&ring), 0);
		CHECK_EQ(way ? io_uring_get_events(&ring) : io_uring_submit_and_get_events(&ring), 0);
		CHECK_EQ(io_uring_cq_ready(&ring), 1);
		io_uring_prep_nop(next_sqe(&ring, PREPARED));
		CHECK_EQ(io_uring_submit_and_get_events(&ring), 1);
		CHECK_EQ(io_uring_cq_ready(&ring), 2);
		io_uring_queue_exit(&ring);
	}
}
