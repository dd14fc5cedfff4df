/* A scenario: the preparation, and the call that faults are injected into. */
#ifndef IRONRING_SCENARIO_H
#define IRONRING_SCENARIO_H

#include "inject.h"
#include <sys/eventfd.h>

struct scenario {
	const char *name;
	/* Creates a ring, which `before` never does: after success the driver exits it. */
	int makes_ring;
	void (*before)(void);
	void (*act)(void);
	struct scenario *next;
};

static struct scenario *first_scenario, **last_scenario = &first_scenario;

#define SCENARIO_(NAME, MAKES, BEFORE, ...)						\
	static void before_##NAME(void) { BEFORE; }					\
	static void act_##NAME(void) { __VA_ARGS__; }					\
	__attribute__((constructor)) static void add_##NAME(void)			\
	{										\
		static struct scenario it = { #NAME, MAKES, before_##NAME, act_##NAME, NULL };	\
		*last_scenario = &it;							\
		last_scenario = &it.next;						\
	}

/* On a ring that BEFORE creates. */
#define SCENARIO(NAME, BEFORE, ...) SCENARIO_(NAME, 0, BEFORE, __VA_ARGS__)
/* The call creates the ring. */
#define MAKING(NAME, ...) SCENARIO_(NAME, 1, , __VA_ARGS__)

/* What the scenarios use; the driver prints all of it after each. */
static struct io_uring ring, other;
static struct io_uring_params params;
static struct io_uring_cqe *cqe, *cqes[16];
static long result;
/* Any other result of the call. */
static long given;

#define NOTHING ((struct io_uring_cqe *)(uintptr_t)8)

/* The call under test: the only part that faults reach. */
#define CALL(EXPRESSION)			\
	do {					\
		errno = 9999;			\
		inject_on();			\
		result = (long)(EXPRESSION);	\
		inject_off();			\
	} while (0)
#define CALL_POINTER(EXPRESSION) CALL((EXPRESSION) ? 1 : 0)

/* A failure here is not what is tested. */
#define MUST(CONDITION)											\
	do {												\
		if (!(CONDITION)) {									\
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #CONDITION);	\
			_exit(3);									\
		}											\
	} while (0)

/* Whether rings get a registered descriptor, in some worlds. */
static int registered_descriptor;

static void ready(unsigned entries, unsigned flags)
{
	struct io_uring_params p = { .flags = flags, .cq_entries = entries };
	typeof(inject) saved = inject;
	int ret;

	/* On the same old kernel, if the world has one; but nothing here is counted, and nothing fails. */
	memset(inject.faults, 0, sizeof(inject.faults));
	inject_on();
	ret = io_uring_queue_init_params(entries, &ring, &p);
	inject_off();
	inject = saved;
	MUST(!ret);
	if (registered_descriptor)
		MUST(io_uring_register_ring_fd(&ring) == 1);
}

static void queue(unsigned count)
{
	struct io_uring_sqe *sqe;

	while (count--) {
		sqe = io_uring_get_sqe(&ring);
		MUST(sqe);
		io_uring_prep_nop(sqe);
		io_uring_sqe_set_data64(sqe, 100 + count);
	}
}

/* Completions that are already available. */
static void completed(unsigned count)
{
	queue(count);
	MUST(io_uring_submit(&ring) == (int)count);
}

/* More completions than the CQ can hold. */
static void overflown(void)
{
	ready(4, IORING_SETUP_CQSIZE);
	completed(4);
	completed(3);
	MUST(io_uring_cq_has_overflow(&ring));
}

static struct __kernel_timespec *soon(void)
{
	static struct __kernel_timespec ts;

	ts = (struct __kernel_timespec){ .tv_nsec = 1000 };
	return &ts;
}

static sigset_t *mask(void)
{
	static sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	return &set;
}

#endif
