/* Futexes: waiting for one or several words to change, and waking. */
#include "io.h"
#include "futex2.h"

#ifndef FUTEX_BITSET_MATCH_ANY
#define FUTEX_BITSET_MATCH_ANY 0xffffffff
#endif

#define ANY FUTEX_BITSET_MATCH_ANY
#define U32 FUTEX2_SIZE_U32
#define U32_PRIVATE (FUTEX2_SIZE_U32 | FUTEX2_PRIVATE)

static struct io_uring ring;

static void start(void)
{
	need_op(IORING_OP_FUTEX_WAIT);
	need_op(IORING_OP_FUTEX_WAKE);
	ring_init(&ring, 8, 0);
}

static void start_many(void)
{
	if (t_on_engine() && linux_before(5, 16))
		SKIP("the engine needs futex_waitv(2) for it (since Linux 5.16)");
	ENGINE_NOT_UNDER("valgrind", "it has no futex_waitv");
	need_op(IORING_OP_FUTEX_WAITV);
	start();
}

static void wait_for(__u64 data, const uint32_t *futex, uint64_t value, uint64_t mask)
{
	io_uring_prep_futex_wait(next_sqe(&ring, data), futex, value, mask, U32_PRIVATE, 0);
	submit_one(&ring);
}

/* Submits a wake and waits for its own completion; records others that come first in `seen`. */
static int wake(const uint32_t *futex, uint64_t count, uint64_t mask, unsigned *seen)
{
	io_uring_prep_futex_wake(next_sqe(&ring, 0), futex, count, mask, U32_PRIVATE, 0);
	submit_one(&ring);
	for (;;) {
		struct done cqe = wait_one(&ring);

		if (cqe.user_data == 0)
			return cqe.res;
		CHECK_EQ(cqe.res, 0);
		*seen |= 1U << cqe.user_data;
	}
}

/* Reaps completions until all of `want` have come. */
static void gather(unsigned *seen, unsigned want)
{
	while (*seen != want) {
		struct done cqe = wait_one(&ring);

		CHECK_EQ(cqe.res, 0);
		CHECK(want & 1U << cqe.user_data);
		*seen |= 1U << cqe.user_data;
	}
}

TEST(wait_and_wake)
{
	uint32_t word = 5;
	unsigned seen = 0;

	start();
	wait_for(1, &word, 5, ANY);
	CHECK_QUIET(&ring);
	CHECK_EQ(wake(&word, 10, ANY, &seen), 1);
	gather(&seen, 1 << 1);
	CHECK_EQ(wake(&word, 10, ANY, &seen), 0);
	CHECK_QUIET(&ring);
	io_uring_queue_exit(&ring);
}

TEST(value_has_changed)
{
	uint32_t word = 5;

	start();
	wait_for(1, &word, 6, ANY);
	CHECK_EQ(wait_res(&ring, 1), -EAGAIN);
	io_uring_queue_exit(&ring);
}

TEST(wake_count)
{
	uint32_t word = 0;
	unsigned seen = 0;
	__u64 i;

	start();
	for (i = 1; i <= 4; i++)
		wait_for(i, &word, 0, ANY);
	CHECK_EQ(wake(&word, 2, ANY, &seen), 2);
	/* Waiters are woken in the order in which they came. */
	gather(&seen, 1 << 1 | 1 << 2);
	CHECK_QUIET(&ring);
	CHECK_EQ(wake(&word, 1, ANY, &seen), 1);
	gather(&seen, 1 << 1 | 1 << 2 | 1 << 3);
	CHECK_EQ(wake(&word, 100, ANY, &seen), 1);
	gather(&seen, 0x1e);
	io_uring_queue_exit(&ring);
}

/* A wake reaches only the waiters whose masks overlap its own. */
TEST(masks)
{
	uint32_t word = 0;
	unsigned seen = 0;

	start();
	wait_for(1, &word, 0, 1);
	wait_for(2, &word, 0, 2);
	CHECK_EQ(wake(&word, 10, 4, &seen), 0);
	CHECK_EQ(wake(&word, 10, 2, &seen), 1);
	gather(&seen, 1 << 2);
	CHECK_EQ(wake(&word, 10, 3, &seen), 1);
	gather(&seen, 1 << 1 | 1 << 2);
	io_uring_queue_exit(&ring);
}

/* The futexes are the kernel's ordinary ones: futex(2) in another process wakes a waiter here, and vice versa. */
TEST(across_processes)
{
	uint32_t *word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status, woken;
	pid_t pid;

	CHECK(word != MAP_FAILED);
	start();
	io_uring_prep_futex_wait(next_sqe(&ring, 1), word, 0, ANY, U32, 0);
	submit_one(&ring);
	pid = child();
	if (pid == 0) {
		__atomic_store_n(word, 1, __ATOMIC_SEQ_CST);
		_exit(syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0) == 1 ? 0 : 1);
	}
	CHECK_EQ(wait_res(&ring, 1), 0);
	CHECK_EQ(*word, 1);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	pid = child();
	if (pid == 0)
		_exit(syscall(SYS_futex, word, FUTEX_WAIT, 1, NULL, NULL, 0) ? 1 : 0);
	/* The child may not be waiting yet: repeat a wake that found nobody. */
	do {
		io_uring_prep_futex_wake(next_sqe(&ring, 2), word, 1, ANY, U32, 0);
		woken = run_res(&ring);
		CHECK(woken == 0 || woken == 1);
	} while (woken == 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	io_uring_queue_exit(&ring);
}

static void set_vector(struct futex_waitv *vec, uint32_t *words, unsigned nr)
{
	unsigned i;

	memset(vec, 0, nr * sizeof(*vec));
	for (i = 0; i < nr; i++) {
		words[i] = i;
		vec[i].val = i;
		vec[i].uaddr = (unsigned long)(words + i);
		vec[i].flags = U32_PRIVATE;
	}
}

/* Waiting for several: the result is the index of the woken one. */
TEST(wait_for_many)
{
	struct futex_waitv vec[10];
	uint32_t words[10];
	unsigned seen = 0;
	struct done cqe, other;

	start_many();
	set_vector(vec, words, 10);
	io_uring_prep_futex_waitv(next_sqe(&ring, 9), vec, 10, 0);
	submit_one(&ring);
	CHECK_QUIET(&ring);
	io_uring_prep_futex_wake(next_sqe(&ring, 8), words + 7, 1, ANY, U32_PRIVATE, 0);
	submit_one(&ring);
	cqe = wait_one(&ring);
	other = wait_one(&ring);
	CHECK_EQ(cqe.user_data + other.user_data, 17);
	CHECK_EQ(cqe.user_data == 9 ? cqe.res : other.res, 7);
	CHECK_EQ(cqe.user_data == 8 ? cqe.res : other.res, 1);
	/* It no longer waits for the others. */
	CHECK_EQ(wake(words + 2, 10, ANY, &seen), 0);
	CHECK_QUIET(&ring);
	words[4] = 77;
	io_uring_prep_futex_waitv(next_sqe(&ring, 9), vec, 10, 0);
	CHECK_EQ(run_res(&ring), -EAGAIN);
	io_uring_queue_exit(&ring);
}

TEST(cancelled)
{
	uint32_t word = 0;
	struct done cqe, other;

	start();
	wait_for(3, &word, 0, ANY);
	io_uring_prep_cancel64(next_sqe(&ring, 4), 3, 0);
	submit_one(&ring);
	cqe = wait_one(&ring);
	other = wait_one(&ring);
	CHECK_EQ(cqe.user_data + other.user_data, 7);
	CHECK_EQ(cqe.user_data == 3 ? cqe.res : other.res, -ECANCELED);
	/* Kernels differ on whether they return the number of canceled requests. */
	CHECK((cqe.user_data == 4 ? cqe.res : other.res) >= 0);
	io_uring_queue_exit(&ring);
}

TEST(errors)
{
	uint32_t word = 0;

	start();
	io_uring_prep_futex_wait(next_sqe(&ring, 1), &word, 0, 0, U32, 0);
	CHECK_EQ(run_res(&ring), -EINVAL);
	io_uring_prep_futex_wait(next_sqe(&ring, 1), &word, 0, ANY, 1U << 20, 0);
	CHECK_EQ(run_res(&ring), -EINVAL);
	io_uring_prep_futex_wait(next_sqe(&ring, 1), &word, 1ULL << 32, ANY, U32, 0);
	CHECK_EQ(run_res(&ring), -EINVAL);
	io_uring_prep_futex_wait(next_sqe(&ring, 1), &word, 0, ANY, U32, 1);
	CHECK_EQ(run_res(&ring), -EINVAL);
	io_uring_prep_futex_wake(next_sqe(&ring, 1), &word, 1, ANY, U32, 1);
	CHECK_EQ(run_res(&ring), -EINVAL);
	io_uring_prep_futex_wake(next_sqe(&ring, 1), NULL, 1, ANY, U32, 0);
	CHECK_EQ(run_res(&ring), -EFAULT);
	io_uring_queue_exit(&ring);
}

TEST(errors_of_many)
{
	struct futex_waitv vec[2];
	uint32_t words[2];

	start_many();
	set_vector(vec, words, 2);
	io_uring_prep_futex_waitv(next_sqe(&ring, 1), vec, 0, 0);
	CHECK_EQ(run_res(&ring), -EINVAL);
	io_uring_prep_futex_waitv(next_sqe(&ring, 1), vec, 1000, 0);
	CHECK_EQ(run_res(&ring), -EINVAL);
	io_uring_prep_futex_waitv(next_sqe(&ring, 1), vec, 2, 1);
	CHECK_EQ(run_res(&ring), -EINVAL);
	vec[1].flags = 0xffff;
	io_uring_prep_futex_waitv(next_sqe(&ring, 1), vec, 2, 0);
	CHECK_EQ(run_res(&ring), -EINVAL);
	io_uring_queue_exit(&ring);
}
