/*
 * Runs each path of the library for different numbers of rounds, while callgrind counts the library's instructions:
 * the difference of two counts, divided, is the cost of one round. The driver's own instructions don't count, so it
 * may check every result. `cargo xtask cost` builds and runs it.
 *
 *	driver		all paths; if linked with an archive, those that only an archive offers
 *	driver pages	creates one ring and prints the mappings of the process
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include <valgrind/callgrind.h>
#include "liburing.h"

#define FEW 3
#define MANY 11
#define BATCH 32

#define CHECK(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
			exit(1); \
		} \
	} while (0)

static struct io_uring ring;
static struct io_uring_cqe *cqe;
static int ends[2];
static char byte;
static cpu_set_t everywhere;
/* A round took another path; count again. */
static bool disturbed;

static void make_params(unsigned entries, unsigned cq_entries, unsigned flags)
{
	struct io_uring_params p = { .flags = flags, .cq_entries = cq_entries };

	if (cq_entries)
		p.flags |= IORING_SETUP_CQSIZE;
	CHECK(io_uring_queue_init_params(entries, &ring, &p) == 0);
}

static void make(void)
{
	make_params(64, 0, 0);
}

static void make_deferred(void)
{
	make_params(64, 0, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
	CHECK(pipe(ends) == 0);
}

/* Each batch wraps around the end of the CQ. */
static void make_wrapping(void)
{
	make_params(BATCH, BATCH, 0);
	for (int i = 0; i < BATCH / 2; i++)
		io_uring_prep_nop(io_uring_get_sqe(&ring));
	CHECK(io_uring_submit(&ring) == BATCH / 2);
	io_uring_cq_advance(&ring, BATCH / 2);
}

static void end(void)
{
	io_uring_queue_exit(&ring);
}

static void end_deferred(void)
{
	end();
	close(ends[0]);
	close(ends[1]);
}

static void nothing(void)
{
}

static void nop(void)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	CHECK(sqe);
	io_uring_prep_nop(sqe);
}

/* Submits a read that waits for data, and writes the data: the completion comes only on entering the kernel. */
static void deferred_read(void)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	CHECK(sqe);
	io_uring_prep_read(sqe, ends[0], &byte, 1, 0);
	CHECK(io_uring_submit(&ring) == 1);
	CHECK(write(ends[1], "", 1) == 1);
	CHECK(io_uring_cq_ready(&ring) == 0);
}

/* Reaps the available completions without the library. */
static void take(unsigned nr)
{
	CHECK(io_uring_cq_ready(&ring) == nr);
	io_uring_cq_advance(&ring, nr);
}

static void submit_and_wait_cqe(void)
{
	nop();
	CHECK(io_uring_submit(&ring) == 1);
	CHECK(io_uring_wait_cqe(&ring, &cqe) == 0);
	take(1);
}

static void submit_and_wait(void)
{
	nop();
	CHECK(io_uring_submit_and_wait(&ring, 1) == 1);
	take(1);
}

static void batch(void)
{
	struct io_uring_cqe *cqes[BATCH];

	for (int i = 0; i < BATCH; i++)
		nop();
	CHECK(io_uring_submit(&ring) == BATCH);
	CHECK(io_uring_peek_batch_cqe(&ring, cqes, BATCH) == BATCH);
	take(BATCH);
}

static void peek_nothing(void)
{
	CHECK(io_uring_peek_batch_cqe(&ring, &cqe, 1) == 0);
}

static void submit_and_wait_timeout(void)
{
	struct __kernel_timespec ts = { .tv_sec = 100 };

	nop();
	CHECK(io_uring_submit_and_wait_timeout(&ring, &cqe, 1, &ts, NULL) == 1 && cqe);
	take(1);
}

static void submit_nothing(void)
{
	CHECK(io_uring_submit(&ring) == 0);
}

static void wait_cqe_timeout(void)
{
	struct __kernel_timespec ts = { 0 };

	CHECK(io_uring_wait_cqe_timeout(&ring, &cqe, &ts) == -ETIME);
}

static void get_events(void)
{
	CHECK(io_uring_get_events(&ring) == 0);
}

static void submit_and_get_events(void)
{
	nop();
	CHECK(io_uring_submit_and_get_events(&ring) == 1);
	take(1);
}

static void wait_cqe(void)
{
	deferred_read();
	CHECK(io_uring_wait_cqe(&ring, &cqe) == 0 && cqe->res == 1);
	take(1);
}

static void wait_cqes_mask(void)
{
	sigset_t mask;

	sigfillset(&mask);
	deferred_read();
	CHECK(io_uring_wait_cqes(&ring, &cqe, 1, NULL, &mask) == 0 && cqe->res == 1);
	take(1);
}

static void wait_cqes_mask_timeout(void)
{
	struct __kernel_timespec ts = { .tv_sec = 100 };
	sigset_t mask;

	sigfillset(&mask);
	deferred_read();
	CHECK(io_uring_wait_cqes(&ring, &cqe, 1, &ts, &mask) == 0 && cqe->res == 1);
	take(1);
}

/* The kernel's thread runs on our processor, so that it doesn't run while we submit, and never sleeps. */
static void make_sqpoll(void)
{
	struct io_uring_params p = {
		.flags = IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF,
		.sq_thread_cpu = sched_getcpu(),
		.sq_thread_idle = 100000,
	};
	cpu_set_t here;

	CPU_ZERO(&here);
	CPU_SET(p.sq_thread_cpu, &here);
	CHECK(sched_getaffinity(0, sizeof(everywhere), &everywhere) == 0);
	CHECK(sched_setaffinity(0, sizeof(here), &here) == 0);
	CHECK(io_uring_queue_init_params(64, &ring, &p) == 0);
}

static void end_sqpoll(void)
{
	end();
	CHECK(sched_setaffinity(0, sizeof(everywhere), &everywhere) == 0);
}

static void sqpoll_submit(void)
{
	int submitted;

	nop();
	submitted = io_uring_submit(&ring);
	CHECK(submitted == 0 || submitted == 1);
	/* The thread took it while we were submitting, which is another path. */
	if (submitted == 0)
		disturbed = true;
	while (io_uring_cq_ready(&ring) == 0)
		sched_yield();
	take(1);
}

static void make_registered(void)
{
	make();
	CHECK(io_uring_register_ring_fd(&ring) == 1);
}

static void buffers(void)
{
	static char buffer[4096];
	struct iovec iov = { .iov_base = buffer, .iov_len = sizeof(buffer) };

	CHECK(io_uring_register_buffers(&ring, &iov, 1) == 0);
	CHECK(io_uring_unregister_buffers(&ring) == 0);
}

static void init_64(void)
{
	CHECK(io_uring_queue_init(64, &ring, 0) == 0);
	end();
}

static void init_1024(void)
{
	make_params(1024, 4096, 0);
	end();
}

/* Internal to the archives: creates a ring with an SQ array even on kernels that can do without. */
__attribute__((weak)) int __io_uring_queue_init_params(unsigned entries, struct io_uring *ring,
						       struct io_uring_params *p, void *buf, size_t size);

static void init_with_array(unsigned entries, unsigned cq_entries)
{
	struct io_uring_params p = { .flags = IORING_SETUP_CQSIZE, .cq_entries = cq_entries };

	CHECK(__io_uring_queue_init_params(entries, &ring, &p, NULL, 0) == 0);
	CHECK(ring.sq.array && ring.sq.array[entries - 1] == entries - 1);
	end();
}

static void init_64_array(void)
{
	init_with_array(64, 128);
}

static void init_1024_array(void)
{
	init_with_array(1024, 4096);
}

static const struct path {
	const char *name;
	void (*before)(void), (*round)(void), (*after)(void);
	bool archive;
} paths[] = {
	{ "submit + wait_cqe", make, submit_and_wait_cqe, end, false },
	{ "submit_and_wait", make, submit_and_wait, end, false },
	{ "submit + peek_batch, 32", make, batch, end, false },
	{ "submit + peek_batch, 32, wrapping", make_wrapping, batch, end, false },
	{ "peek_batch, empty", make, peek_nothing, end, false },
	{ "submit_and_wait_timeout", make, submit_and_wait_timeout, end, false },
	{ "submit, empty", make, submit_nothing, end, false },
	{ "wait_cqe_timeout(0)", make, wait_cqe_timeout, end, false },
	{ "submit_and_get_events", make, submit_and_get_events, end, false },
	{ "get_events", make, get_events, end, false },
	{ "submit + wait_cqe, deferred", make_deferred, wait_cqe, end_deferred, false },
	{ "submit, SQPOLL", make_sqpoll, sqpoll_submit, end_sqpoll, false },
	{ "submit, registered ring", make_registered, submit_and_wait_cqe, end, false },
	{ "submit + wait_cqes, mask", make_deferred, wait_cqes_mask, end_deferred, false },
	{ "submit + wait_cqes, mask, timeout", make_deferred, wait_cqes_mask_timeout, end_deferred, false },
	{ "register + unregister buffers", make, buffers, end, false },
	{ "init + exit, 64", nothing, init_64, nothing, false },
	{ "init + exit, 1024/4096", nothing, init_1024, nothing, false },
	{ "init + exit, 64, SQ array", nothing, init_64_array, nothing, true },
	{ "init + exit, 1024/4096, SQ array", nothing, init_1024_array, nothing, true },
};

static void count(const struct path *path, int rounds)
{
	char what[100];

	snprintf(what, sizeof(what), "%d %s", rounds, path->name);
	path->before();
	path->round();
	do {
		disturbed = false;
		CALLGRIND_ZERO_STATS;
		for (int i = 0; i < rounds; i++)
			path->round();
	} while (disturbed);
	CALLGRIND_DUMP_STATS_AT(what);
	path->after();
}

static void pages(void)
{
	char line[256];
	FILE *maps = fopen("/proc/self/smaps", "r");

	CHECK(maps);
	make();
	while (fgets(line, sizeof(line), maps))
		fputs(line, stdout);
	fclose(maps);
	end();
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "pages")) {
		pages();
		return 0;
	}
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (paths[i].archive != !!__io_uring_queue_init_params)
			continue;
		/* The first count is discarded: callgrind counts string instructions too often until its first dump. */
		count(&paths[i], FEW);
		count(&paths[i], FEW);
		count(&paths[i], MANY);
	}
	return 0;
}
