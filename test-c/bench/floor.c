/* The floor: the bare system call in a loop made for one thing, with no library. It leaves out whatever a library must
 * do for programs that it doesn't know: checks, flags, a local tail, wake-ups. */
#define _GNU_SOURCE
#include "bench.h"
#include <fcntl.h>
#include <liburing/io_uring.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct ring {
	int fd;
	unsigned *sq_tail, *cq_head, *cq_tail;
	unsigned sq_mask, cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
	void *memory;
	size_t size, sqes_size;
};

static inline int enter(int fd, unsigned submit, unsigned wait)
{
	unsigned flags = wait ? IORING_ENTER_GETEVENTS : 0;
#ifdef __x86_64__
	long ret;
	register long r10 __asm__("r10") = flags;
	register long r8 __asm__("r8") = 0;
	register long r9 __asm__("r9") = 0;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(__NR_io_uring_enter), "D"(fd), "S"(submit), "d"(wait), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return (int)ret;
#else
	return (int)syscall(__NR_io_uring_enter, fd, submit, wait, flags, NULL, 0);
#endif
}

static int ring_make(struct ring *ring, unsigned entries)
{
	struct io_uring_params params = { .flags = IORING_SETUP_NO_SQARRAY };

	ring->fd = (int)syscall(__NR_io_uring_setup, entries, &params);
	if (ring->fd < 0)
		return -errno;
	ring->size = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
	ring->sqes_size = params.sq_entries * sizeof(struct io_uring_sqe);
	ring->memory = mmap(NULL, ring->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->fd,
			    IORING_OFF_SQ_RING);
	ring->sqes = mmap(NULL, ring->sqes_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->fd,
			  IORING_OFF_SQES);
	must(ring->memory != MAP_FAILED && ring->sqes != MAP_FAILED, "mmap");
	ring->sq_tail = (unsigned *)((char *)ring->memory + params.sq_off.tail);
	ring->cq_head = (unsigned *)((char *)ring->memory + params.cq_off.head);
	ring->cq_tail = (unsigned *)((char *)ring->memory + params.cq_off.tail);
	ring->cqes = (struct io_uring_cqe *)((char *)ring->memory + params.cq_off.cqes);
	ring->sq_mask = params.sq_entries - 1;
	ring->cq_mask = params.cq_entries - 1;
	return 0;
}

static void ring_end(struct ring *ring)
{
	munmap(ring->sqes, ring->sqes_size);
	munmap(ring->memory, ring->size);
	close(ring->fd);
}

static void nops(struct ring *ring, unsigned depth, long operations)
{
	for (long done = 0; done < operations; done += depth) {
		unsigned tail = *ring->sq_tail;
		unsigned head = *ring->cq_head;

		for (unsigned i = 0; i < depth; i++) {
			struct io_uring_sqe *sqe = &ring->sqes[tail++ & ring->sq_mask];

			memset(sqe, 0, sizeof(*sqe));
			sqe->opcode = IORING_OP_NOP;
			sqe->fd = -1;
		}
		__atomic_store_n(ring->sq_tail, tail, __ATOMIC_RELEASE);
		must(enter(ring->fd, depth, depth) == (int)depth, "enter");
		must(__atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE) - head == depth, "completions");
		__atomic_store_n(ring->cq_head, head + depth, __ATOMIC_RELEASE);
	}
}

static int64_t nop(const struct task *task)
{
	struct ring ring;
	int64_t start;
	int ret = ring_make(&ring, task->depth);

	if (ret)
		return ret;
	nops(&ring, task->depth, task->depth);
	start = now();
	nops(&ring, task->depth, task->operations);
	start = now() - start;
	ring_end(&ring);
	return start;
}

static int64_t single(const struct task *task)
{
	struct task one = { 1, task->operations, task->path };

	return nop(&one);
}

static int64_t create(const struct task *task)
{
	struct ring ring;
	int64_t start = now();

	for (long done = 0; done < task->operations; done++) {
		int ret = ring_make(&ring, task->depth);

		if (ret)
			return ret;
		ring_end(&ring);
	}
	return now() - start;
}

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
	{ "nop", nop },
	{ "single", single },
	{ "create", create },
	{ "cached", cached },
	{ "direct", direct },
	{ NULL, NULL },
};
