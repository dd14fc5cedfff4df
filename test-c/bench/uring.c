/* liburing: this program runs on ironring, on its engine, on the peer and on the original's fastest build. */
#define _GNU_SOURCE
#include "bench.h"
#include "loops.h"
#include <fcntl.h>
#include <liburing.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

/* The kernel's thread takes the requests, without system calls. */
static int64_t sqpoll(const struct task *task)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF,
		.sq_thread_idle = 2000,
		.sq_thread_cpu = 1,
	};
	cpu_set_t all, own;
	struct io_uring ring;
	struct io_uring_cqe *cqe;
	int64_t start;
	int ret = io_uring_queue_init_params(task->depth, &ring, &params);

	if (ret)
		return ret;
	/* Both threads spin: on one processor each would block the other. */
	CPU_ZERO(&own);
	CPU_SET(0, &own);
	must(!sched_getaffinity(0, sizeof(all), &all) && !sched_setaffinity(0, sizeof(own), &own), "affinity");
	start = now();
	for (long done = 0; done < task->operations; done += task->depth) {
		unsigned left = task->depth;

		for (unsigned i = 0; i < task->depth; i++) {
			struct io_uring_sqe *sqe;

			/* The thread may not have taken the last ones yet. */
			while (!(sqe = io_uring_get_sqe(&ring)))
				;
			io_uring_prep_nop(sqe);
		}
		/* The result counts what the thread has yet to take, which doesn't matter here. */
		must(io_uring_submit(&ring) >= 0, "submit");
		while (left) {
			while (io_uring_peek_cqe(&ring, &cqe))
				;
			io_uring_cqe_seen(&ring, cqe);
			left--;
		}
	}
	start = now() - start;
	io_uring_queue_exit(&ring);
	must(!sched_setaffinity(0, sizeof(all), &all), "affinity");
	return start;
}

/* For engines that together.c can't load. */
static int64_t on_a_ring(const struct task *task, void (*loop)(struct io_uring *ring, unsigned depth, long operations))
{
	struct io_uring ring;
	int64_t start;
	int ret = io_uring_queue_init(task->depth, &ring, 0);

	if (ret)
		return ret;
	start = now();
	loop(&ring, task->depth, task->operations);
	start = now() - start;
	io_uring_queue_exit(&ring);
	return start;
}

static int64_t nops(const struct task *task)
{
	return on_a_ring(task, nop);
}

static int64_t singles(const struct task *task)
{
	return on_a_ring(task, single);
}

static int64_t creations(const struct task *task)
{
	return on_a_ring(task, create);
}

static void *thread(void *arg)
{
	const struct task *task = arg;
	struct io_uring ring;

	must(!io_uring_queue_init(task->depth, &ring, 0), "ring");
	nop(&ring, task->depth, task->operations / 2);
	io_uring_queue_exit(&ring);
	return NULL;
}

static int64_t threads(const struct task *task)
{
	pthread_t other;
	int64_t start = now();

	must(!pthread_create(&other, NULL, thread, (void *)task), "thread");
	thread((void *)task);
	pthread_join(other, NULL);
	return now() - start;
}

static void read_next(struct io_uring *ring, struct blocks *blocks, char *memory, unsigned slot, int fixed)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	char *to = memory + (size_t)slot * BLOCK;

	if (fixed) {
		io_uring_prep_read_fixed(sqe, 0, to, BLOCK, blocks_next(blocks), 0);
		sqe->flags |= IOSQE_FIXED_FILE;
	} else {
		io_uring_prep_read(sqe, blocks->fd, to, BLOCK, blocks_next(blocks));
	}
	sqe->user_data = slot;
}

static int64_t reads(const struct task *task, int flags, int fixed)
{
	struct blocks blocks;
	struct io_uring ring;
	char *memory;
	int64_t start;
	long begun = 0, done = 0;
	int ret = blocks_open(&blocks, task, flags);

	if (ret)
		return ret;
	must(!io_uring_queue_init(task->depth, &ring, 0), "ring");
	memory = blocks_memory(task->depth);
	if (fixed) {
		struct iovec all = { memory, (size_t)task->depth * BLOCK };

		must(!io_uring_register_buffers(&ring, &all, 1), "register buffers");
		must(!io_uring_register_files(&ring, &blocks.fd, 1), "register files");
	}
	start = now();
	for (; begun < task->depth; begun++)
		read_next(&ring, &blocks, memory, (unsigned)begun, fixed);
	while (done < task->operations) {
		struct io_uring_cqe *cqe;
		unsigned head, seen = 0;

		must(io_uring_submit_and_wait(&ring, 1) >= 0, "submit");
		io_uring_for_each_cqe(&ring, head, cqe) {
			must(cqe->res == BLOCK, "read");
			if (begun < task->operations) {
				read_next(&ring, &blocks, memory, (unsigned)cqe->user_data, fixed);
				begun++;
			}
			seen++;
		}
		io_uring_cq_advance(&ring, seen);
		done += seen;
	}
	start = now() - start;
	io_uring_queue_exit(&ring);
	free(memory);
	close(blocks.fd);
	return start;
}

static int64_t cached(const struct task *task)
{
	return reads(task, 0, 0);
}

static int64_t direct(const struct task *task)
{
	return reads(task, O_DIRECT, 0);
}

static int64_t cached_fixed(const struct task *task)
{
	return reads(task, 0, 1);
}

static int64_t direct_fixed(const struct task *task)
{
	return reads(task, O_DIRECT, 1);
}

/* uring_echo.c */
void serve(const int *sockets, unsigned connections);

static int64_t echoes(const struct task *task)
{
	return echo(task, serve);
}

const struct work works[] = {
	{ "nop", nops },
	{ "single", singles },
	{ "create", creations },
	{ "sqpoll", sqpoll },
	{ "threads", threads },
	{ "cached", cached },
	{ "direct", direct },
	{ "cached-fixed", cached_fixed },
	{ "direct-fixed", direct_fixed },
	{ "echo", echoes },
	{ NULL, NULL },
};
