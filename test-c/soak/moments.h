/* What happens at random moments, as often as MOMENTS says. */
#ifndef IRONRING_SOAK_MOMENTS_H
#define IRONRING_SOAK_MOMENTS_H

#include "flat.h"

static struct {
	unsigned most, done;
	long long start;
	struct state warm, last;
} moments;

static inline void begin_moments(void)
{
	const char *most = getenv("MOMENTS"), *seed = getenv("SOAK_SEED"), *injected = getenv("SOAK_FAULT");

	fault = injected ? injected : "";
	random_state = seed ? strtoull(seed, NULL, 0) : (__u64)now_of(CLOCK_REALTIME) | 1;
	printf("  seed %llu\n", (unsigned long long)random_state);
	moments.most = most ? (unsigned)atoi(most) : 50;
	moments.start = now();
}

/* Whether there is another moment. If nothing is under way, what was used before must have been given back, or will be
 * soon. */
static inline bool another_moment(bool still)
{
	long long end = now() + 10 * SEC;

	if (!still)
		return moments.done++ < moments.most;
	moments.last = state();
	/* Threads, caches and files appear at first, and the memory of rings and stacks is touched little by little: that takes
	 * a hundred moments, in which it grows by a megabyte. */
	if (moments.done <= 10 || moments.done < moments.most / 2) {
		moments.warm = moments.last;
	} else {
		/* A thread may still be on its way. */
		while ((moments.last.fds != moments.warm.fds || moments.last.maps != moments.warm.maps) && now() < end) {
			usleep(1000);
			moments.last = state();
		}
		flat(moments.warm, moments.last, moments.done);
	}
	return moments.done++ < moments.most;
}

/* Waits for the end of a process, which must be as it should be, or by this signal if it is not 0. */
static inline void ends(pid_t pid, int by)
{
	long long end = now() + PATIENCE;
	int status;
	pid_t got;

	while (!(got = waitpid(pid, &status, WNOHANG))) {
		if (now() > end) {
			t_show_stacks(getpid());
			T_FAIL("process %d hangs", (int)pid);
		}
		usleep(200);
	}
	CHECK_EQ(got, pid);
	if (!by || !WIFSIGNALED(status))
		CHECK_EQ(status, 0);
	else
		CHECK_EQ(WTERMSIG(status), by);
}

static inline void end_moments(const char *what, const char *operations)
{
	long long ms = (now() - moments.start) / MSEC;

	printf("  count %u %s\n", moments.done - 1, what);
	printf("  count %llu %s\n", (unsigned long long)counters[OPERATIONS], operations);
	print_state(moments.done - 1, ms, moments.warm, moments.last);
}

#endif
