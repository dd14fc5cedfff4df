/* Faults that `cargo xtask fuzz --self-test` puts around the right functions, which are called `right_` here: each must
 * be found and shrunk to a few calls. */
#include <liburing.h>
#include <errno.h>

#ifdef BATCH_SOMETIMES_TOO_SHORT

/* There is no libc to ask. */
static unsigned long ticks(void)
{
#if defined(__x86_64__) || defined(__i386__)
	return (unsigned long)__builtin_ia32_rdtsc();
#else
	unsigned long now;

#ifdef __aarch64__
	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(now));
#else
	__asm__ volatile("rdtime %0" : "=r"(now));
#endif
	return now;
#endif
}

#endif

#if defined(BATCH_TOO_SHORT) || defined(BATCH_SOMETIMES_TOO_SHORT)

unsigned right_peek_batch_cqe(struct io_uring *ring, struct io_uring_cqe **cqes, unsigned count);

unsigned io_uring_peek_batch_cqe(struct io_uring *ring, struct io_uring_cqe **cqes, unsigned count)
{
	unsigned got = right_peek_batch_cqe(ring, cqes, count);

#ifdef BATCH_SOMETIMES_TOO_SHORT
	if (ticks() >> 4 & 7)
		return got;
#endif
	return got == 3 ? 2 : got;
}

#elif defined(TIME_OVER_IS_WELL)

int right_submit_and_wait_timeout(struct io_uring *ring, struct io_uring_cqe **cqe_ptr, unsigned wait_nr,
				  struct __kernel_timespec *ts, sigset_t *sigmask);

int io_uring_submit_and_wait_timeout(struct io_uring *ring, struct io_uring_cqe **cqe_ptr, unsigned wait_nr,
				     struct __kernel_timespec *ts, sigset_t *sigmask)
{
	int ret = right_submit_and_wait_timeout(ring, cqe_ptr, wait_nr, ts, sigmask);

	return ret == -ETIME && wait_nr > 1 ? 0 : ret;
}

#elif defined(RESIZE_FORGETS)

int right_resize_rings(struct io_uring *ring, struct io_uring_params *p);

int io_uring_resize_rings(struct io_uring *ring, struct io_uring_params *p)
{
	int ret = right_resize_rings(ring, p);

	if (!ret)
		*ring->cq.khead = *ring->cq.ktail;
	return ret;
}

#endif
