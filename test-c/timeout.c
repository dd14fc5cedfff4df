/* Timeout requests: relative and absolute on each clock, counted, updated, removed, repeated. */
#include "many.h"

#define DATA 0x7777000088880000ULL
#define OTHER 0x99990000aaaa0000ULL
#define SHORT (20 * MSEC)
#define LONG (1000 * SEC)

static struct io_uring ring;
static struct __kernel_timespec ts;

static void add(__u64 data, long long ns, unsigned count, unsigned flags)
{
	ts = nsec(ns);
	io_uring_prep_timeout(next_sqe(&ring, data), &ts, count, flags);
	submit_one(&ring);
	/* The kernel has copied it by now. */
	ts = nsec(LONG);
}

TEST(fires)
{
	long long start;

	ring_init(&ring, 8, 0);
	start = now();
	add(DATA, SHORT, 0, 0);
	CHECK_EQ(wait_res(&ring, DATA), -ETIME);
	CHECK_TOOK(start, SHORT);
	io_uring_queue_exit(&ring);
}

TEST(each_clock)
{
	static const struct {
		unsigned flags;
		clockid_t clock;
	} clocks[] = {
		{ 0, CLOCK_MONOTONIC },
		{ IORING_TIMEOUT_BOOTTIME, CLOCK_BOOTTIME },
		{ IORING_TIMEOUT_REALTIME, CLOCK_REALTIME },
	};
	unsigned i;

	ring_init(&ring, 8, 0);
	for (i = 0; i < ARRAY_LEN(clocks); i++) {
		long long start = now();

		add(DATA + i, SHORT, 0, clocks[i].flags);
		CHECK_EQ(wait_res(&ring, DATA + i), -ETIME);
		CHECK_TOOK(start, SHORT);

		start = now();
		add(DATA + i, now_of(clocks[i].clock) + SHORT, 0, clocks[i].flags | IORING_TIMEOUT_ABS);
		CHECK_EQ(wait_res(&ring, DATA + i), -ETIME);
		CHECK_TOOK(start, SHORT);

		start = now();
		add(DATA + i, now_of(clocks[i].clock) - SHORT, 0, clocks[i].flags | IORING_TIMEOUT_ABS);
		CHECK_EQ(wait_res(&ring, DATA + i), -ETIME);
		CHECK_TOOK(start, 0);
	}
	io_uring_queue_exit(&ring);
}

/* If the clock's flag were lost, a time of the real clock would be far in the future. */
TEST(clocks_are_not_mixed_up)
{
	ring_init(&ring, 8, 0);
	add(DATA, now_of(CLOCK_REALTIME), 0, IORING_TIMEOUT_ABS);
	CHECK_QUIET(&ring);
	usleep(SHORT / 1000);
	CHECK_QUIET(&ring);
	io_uring_queue_exit(&ring);
}

TEST(refused)
{
	static const struct {
		long long sec, ns;
		unsigned flags;
	} bad[] = {
		{ 1, 0, IORING_TIMEOUT_BOOTTIME | IORING_TIMEOUT_REALTIME },
		{ 1, 0, IORING_TIMEOUT_UPDATE },
		{ 1, 0, 1U << 31 },
		{ 1, 0, IORING_TIMEOUT_MULTISHOT | IORING_TIMEOUT_ABS },
		{ -1, 0, 0 },
		{ 0, -1, 0 },
	};
	/* Older kernels accept negative times, which never expire. In 32-bit programs tv_nsec has 32 bits. */
	unsigned n = kernel_before(5, 16) ? 4 : ARRAY_LEN(bad) - (sizeof(long) == 4), i;

	ring_init(&ring, 8, 0);
	for (i = 0; i < n; i++) {
		ts.tv_sec = bad[i].sec;
		ts.tv_nsec = bad[i].ns;
		io_uring_prep_timeout(next_sqe(&ring, DATA), &ts, 0, bad[i].flags);
		CHECK_EQ(run_res(&ring), -EINVAL);
	}
	io_uring_prep_timeout(next_sqe(&ring, DATA), NULL, 0, 0);
	CHECK_EQ(run_res(&ring), -EFAULT);
	io_uring_queue_exit(&ring);
}

TEST(zero_fires_at_once)
{
	long long start = now();

	ring_init(&ring, 8, 0);
	add(DATA, 0, 0, 0);
	CHECK_EQ(wait_res(&ring, DATA), -ETIME);
	CHECK_TOOK(start, 0);
	io_uring_queue_exit(&ring);
}

TEST(count_reached)
{
	unsigned i;

	ring_init(&ring, 8, 0);
	add(DATA, LONG, 3, 0);
	for (i = 1; i <= 3; i++) {
		CHECK_QUIET(&ring);
		io_uring_prep_nop(next_sqe(&ring, i));
		submit_one(&ring);
		CHECK_EQ(wait_res(&ring, i), 0);
	}
	CHECK_EQ(wait_res(&ring, DATA), 0);
	CHECK_QUIET(&ring);
	io_uring_queue_exit(&ring);
}

TEST(count_not_reached)
{
	long long start;

	ring_init(&ring, 8, 0);
	start = now();
	add(DATA, SHORT, 2, 0);
	io_uring_prep_nop(next_sqe(&ring, OTHER));
	submit_one(&ring);
	CHECK_EQ(wait_res(&ring, OTHER), 0);
	CHECK_EQ(wait_res(&ring, DATA), -ETIME);
	CHECK_TOOK(start, SHORT);
	io_uring_queue_exit(&ring);
}

TEST(remove)
{
	long long start = now();

	ring_init(&ring, 8, 0);
	add(DATA, LONG, 0, 0);
	io_uring_prep_timeout_remove(next_sqe(&ring, OTHER), DATA, 0);
	submit_one(&ring);
	collect(&ring, 2);
	CHECK_EQ(res_of(DATA), -ECANCELED);
	CHECK_EQ(res_of(OTHER), 0);
	CHECK_TOOK(start, 0);
	io_uring_queue_exit(&ring);
}

TEST(remove_unknown)
{
	ring_init(&ring, 8, 0);
	add(DATA, LONG, 0, 0);
	io_uring_prep_timeout_remove(next_sqe(&ring, OTHER), DATA + 1, 0);
	CHECK_EQ(run_res(&ring), -ENOENT);
	io_uring_prep_timeout_remove(next_sqe(&ring, OTHER), (__u32)DATA, 0);
	CHECK_EQ(run_res(&ring), -ENOENT);
	CHECK_QUIET(&ring);
	io_uring_queue_exit(&ring);
}

TEST(update_relative)
{
	long long start;

	ring_init(&ring, 8, 0);
	add(DATA, LONG, 0, 0);
	start = now();
	ts = nsec(SHORT);
	io_uring_prep_timeout_update(next_sqe(&ring, OTHER), &ts, DATA, 0);
	CHECK_EQ(run_res(&ring), 0);
	CHECK_EQ(wait_res(&ring, DATA), -ETIME);
	CHECK_TOOK(start, SHORT);
	io_uring_queue_exit(&ring);
}

TEST(update_absolute)
{
	long long start;

	ring_init(&ring, 8, 0);
	add(DATA, LONG, 0, 0);
	start = now();
	ts = nsec(start + SHORT);
	io_uring_prep_timeout_update(next_sqe(&ring, OTHER), &ts, DATA, IORING_TIMEOUT_ABS);
	CHECK_EQ(run_res(&ring), 0);
	CHECK_EQ(wait_res(&ring, DATA), -ETIME);
	CHECK_TOOK(start, SHORT);
	io_uring_queue_exit(&ring);
}

TEST(update_to_later)
{
	long long start;

	ring_init(&ring, 8, 0);
	start = now();
	add(DATA, SEC / 2, 0, 0);
	ts = nsec(LONG);
	io_uring_prep_timeout_update(next_sqe(&ring, OTHER), &ts, DATA, 0);
	CHECK_EQ(run_res(&ring), 0);
	if (now() - start > SEC / 2)
		SKIP("the machine is too slow for this case");
	usleep(600 * 1000);
	CHECK_QUIET(&ring);
	io_uring_queue_exit(&ring);
}

TEST(update_unknown)
{
	ring_init(&ring, 8, 0);
	ts = nsec(SHORT);
	io_uring_prep_timeout_update(next_sqe(&ring, OTHER), &ts, DATA, 0);
	CHECK_EQ(run_res(&ring), -ENOENT);
	io_uring_queue_exit(&ring);
}

TEST(multishot_counted)
{
	long long start = now();
	unsigned i;

	SINCE("IORING_TIMEOUT_MULTISHOT", 6, 4);
	ring_init(&ring, 8, 0);
	add(DATA, SHORT, 4, IORING_TIMEOUT_MULTISHOT);
	for (i = 1; i <= 4; i++) {
		struct done cqe = wait_one(&ring);

		CHECK_EQ(cqe.user_data, DATA);
		CHECK_EQ(cqe.res, -ETIME);
		CHECK_EQ(cqe.flags, i < 4 ? IORING_CQE_F_MORE : 0);
		CHECK_TOOK(start, i * SHORT);
	}
	usleep(2 * SHORT / 1000);
	CHECK_QUIET(&ring);
	io_uring_queue_exit(&ring);
}

TEST(multishot_until_removed)
{
	unsigned i, last = 0;

	SINCE("IORING_TIMEOUT_MULTISHOT", 6, 4);
	ring_init(&ring, 8, 0);
	add(DATA, 5 * MSEC, 0, IORING_TIMEOUT_MULTISHOT);
	for (i = 0; i < 20; i++) {
		struct done cqe = wait_one(&ring);

		CHECK_EQ(cqe.user_data, DATA);
		CHECK_EQ(cqe.res, -ETIME);
		CHECK_EQ(cqe.flags, IORING_CQE_F_MORE);
	}
	io_uring_prep_timeout_remove(next_sqe(&ring, OTHER), DATA, 0);
	submit_one(&ring);
	/* It may have fired once more just before. */
	for (i = 0; !last || i < 1; ) {
		struct done cqe = wait_one(&ring);

		if (cqe.user_data == OTHER) {
			CHECK_EQ(cqe.res, 0);
			i++;
		} else if (cqe.flags & IORING_CQE_F_MORE) {
			CHECK_EQ(cqe.res, -ETIME);
		} else {
			CHECK_EQ(cqe.res, -ECANCELED);
			last++;
		}
	}
	usleep(20 * 1000);
	CHECK_QUIET(&ring);
	io_uring_queue_exit(&ring);
}

/* A timeout that fires breaks its chain, unless the flag makes that a success. */
TEST(etime_success)
{
	unsigned i;

	SINCE("IORING_TIMEOUT_ETIME_SUCCESS", 5, 16);
	ring_init(&ring, 8, 0);
	for (i = 0; i < 2; i++) {
		struct io_uring_sqe *sqe = next_sqe(&ring, DATA);

		ts = nsec(SHORT);
		io_uring_prep_timeout(sqe, &ts, 0, i ? IORING_TIMEOUT_ETIME_SUCCESS : 0);
		io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
		io_uring_prep_nop(next_sqe(&ring, OTHER));
		submit_n(&ring, 2);
		collect(&ring, 2);
		CHECK_EQ(res_of(DATA), -ETIME);
		CHECK_EQ(res_of(OTHER), i ? 0 : -ECANCELED);
	}
	io_uring_queue_exit(&ring);
}

/* The nanoseconds are in the request itself. */
TEST(immediate_arg)
{
	long long start;
	int res;

	ring_init(&ring, 8, 0);
	start = now();
	io_uring_prep_timeout(next_sqe(&ring, DATA), (void *)(uintptr_t)SHORT, 0, IORING_TIMEOUT_IMMEDIATE_ARG);
	res = run_res(&ring);
	if (res == -EINVAL)
		LACKS("IORING_TIMEOUT_IMMEDIATE_ARG", 7, 1);
	CHECK_EQ(res, -ETIME);
	CHECK_TOOK(start, SHORT);

	add(DATA, LONG, 0, 0);
	start = now();
	io_uring_prep_timeout_update(next_sqe(&ring, OTHER), (void *)(uintptr_t)SHORT, DATA,
				     IORING_TIMEOUT_IMMEDIATE_ARG);
	CHECK_EQ(run_res(&ring), 0);
	CHECK_EQ(wait_res(&ring, DATA), -ETIME);
	CHECK_TOOK(start, SHORT);
	io_uring_queue_exit(&ring);
}

/* Armed in reverse order, they must fire in order. */
TEST(many_fire_in_order)
{
	struct __kernel_timespec times[8];
	/* All must start before the first expires. */
	long long start = now() + (t_under("valgrind") ? SEC / 2 : 0);
	unsigned i;

	ring_init(&ring, 8, 0);
	for (i = 8; i-- > 0; ) {
		times[i] = nsec(start + SHORT + i * 5 * MSEC);
		io_uring_prep_timeout(next_sqe(&ring, DATA + i), &times[i], 0, IORING_TIMEOUT_ABS);
	}
	submit_n(&ring, 8);
	for (i = 0; i < 8; i++) {
		CHECK_EQ(wait_res(&ring, DATA + i), -ETIME);
		CHECK_TOOK(start, SHORT + i * 5 * MSEC);
	}
	io_uring_queue_exit(&ring);
}

/* A count that is never reached. */
TEST(largest_count)
{
	long long start = now();

	ring_init(&ring, 8, 0);
	add(DATA, SHORT, UINT_MAX, 0);
	CHECK_QUIET(&ring);
	CHECK_EQ(wait_res(&ring, DATA), -ETIME);
	CHECK_TOOK(start, SHORT);
	io_uring_queue_exit(&ring);
}

/* Timeouts complete in the order of what they wait for, and their completions don't count for each other. */
TEST(counts_in_order)
{
	unsigned i;

	ring_init(&ring, 8, 0);
	add(DATA + 3, LONG, 3, 0);
	add(DATA + 1, LONG, 1, 0);
	add(DATA + 2, LONG, 2, 0);
	for (i = 1; i <= 3; i++) {
		io_uring_prep_nop(next_sqe(&ring, OTHER));
		submit_one(&ring);
		CHECK_EQ(wait_one(&ring).user_data, OTHER);
		CHECK_EQ(wait_res(&ring, DATA + i), 0);
		CHECK_QUIET(&ring);
	}
	io_uring_queue_exit(&ring);
}

/* Exit ends pending timeouts. */
TEST(exit_with_timeouts_pending)
{
	long long start = now();
	unsigned i;

	ring_init(&ring, 8, 0);
	for (i = 0; i < 100; i++)
		add(DATA + i, LONG, i, 0);
	CHECK_QUIET(&ring);
	io_uring_queue_exit(&ring);
	CHECK_TOOK(start, 0);
}
