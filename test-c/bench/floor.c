/* The floor: reads with bare system calls, in a loop made for them. */
#define _GNU_SOURCE
#include "bare.h"
#include <fcntl.h>

static void read_next(struct ring *ring, struct blocks *blocks, char *memory, unsigned tail, uint64_t slot)
{
	struct io_uring_sqe *sqe = &ring->sqes[tail & ring->sq_mask];

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_READ;
	sqe->fd = blocks->fd;
	sqe->addr = (uint64_t)(uintptr_t)(memory + slot * BLOCK);
	sqe->len = BLOCK;
	sqe->off = blocks_next(blocks);
	sqe->user_data = slot;
}

static int64_t reads(const struct task *task, int flags)
{
	struct blocks blocks;
	struct ring ring;
	char *memory;
	int64_t start;
	long begun = 0, done = 0;
	unsigned tail = 0, submitted = 0;
	int ret = blocks_open(&blocks, task, flags);

	if (ret)
		return ret;
	must(!ring_make(&ring, task->depth), "ring");
	memory = blocks_memory(task->depth);
	start = now();
	for (; begun < task->depth; begun++)
		read_next(&ring, &blocks, memory, tail++, (uint64_t)begun);
	while (done < task->operations) {
		unsigned head = *ring.cq_head, end;

		__atomic_store_n(ring.sq_tail, tail, __ATOMIC_RELEASE);
		ret = enter(ring.fd, tail - submitted, 1);
		must(ret >= 0, "enter");
		submitted += (unsigned)ret;
		end = __atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE);
		for (; head != end; head++, done++) {
			const struct io_uring_cqe *cqe = &ring.cqes[head & ring.cq_mask];

			must(cqe->res == BLOCK, "read");
			if (begun < task->operations) {
				read_next(&ring, &blocks, memory, tail++, cqe->user_data);
				begun++;
			}
		}
		__atomic_store_n(ring.cq_head, head, __ATOMIC_RELEASE);
	}
	start = now() - start;
	ring_end(&ring);
	free(memory);
	close(blocks.fd);
	return start;
}

static int64_t cached(const struct task *task)
{
	return reads(task, 0);
}

static int64_t direct(const struct task *task)
{
	return reads(task, O_DIRECT);
}

const struct work works[] = {
	{ "cached", cached },
	{ "direct", direct },
	{ NULL, NULL },
};
