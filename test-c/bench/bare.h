/* io_uring without a library: a ring, and the system call. It omits what a library needs for unknown programs: checks,
 * flags, a local tail, wake-ups. */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

#include "bench.h"
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

/* Returns -errno, as the kernel does. */
static inline long call(long nr, long a, long b, long c, long d, long e, long f)
{
	long ret;
#ifdef __x86_64__
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
#else
	ret = syscall(nr, a, b, c, d, e, f);
	if (ret == -1)
		ret = -errno;
#endif
	return ret;
}

static inline int enter(int fd, unsigned submit, unsigned wait)
{
	return (int)call(__NR_io_uring_enter, fd, submit, wait, wait ? IORING_ENTER_GETEVENTS : 0, 0, 0);
}

static inline void *map(int fd, size_t size, long offset)
{
	long ret = call(SYS_mmap, 0, (long)size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset);

	must(ret >= 0 || ret < -4095, "mmap");
	return (void *)ret;
}

static inline int ring_make(struct ring *ring, unsigned entries)
{
	struct io_uring_params params = { .flags = IORING_SETUP_NO_SQARRAY };
	int fd = (int)call(__NR_io_uring_setup, entries, (long)&params, 0, 0, 0, 0);

	*ring = (struct ring){ .fd = fd };
	if (fd < 0)
		return fd;
	ring->size = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
	ring->sqes_size = params.sq_entries * sizeof(struct io_uring_sqe);
	ring->memory = map(fd, ring->size, IORING_OFF_SQ_RING);
	ring->sqes = map(fd, ring->sqes_size, IORING_OFF_SQES);
	ring->sq_tail = (unsigned *)((char *)ring->memory + params.sq_off.tail);
	ring->cq_head = (unsigned *)((char *)ring->memory + params.cq_off.head);
	ring->cq_tail = (unsigned *)((char *)ring->memory + params.cq_off.tail);
	ring->cqes = (struct io_uring_cqe *)((char *)ring->memory + params.cq_off.cqes);
	ring->sq_mask = params.sq_entries - 1;
	ring->cq_mask = params.cq_entries - 1;
	return 0;
}

static inline void ring_end(struct ring *ring)
{
	call(SYS_munmap, (long)ring->sqes, (long)ring->sqes_size, 0, 0, 0, 0);
	call(SYS_munmap, (long)ring->memory, (long)ring->size, 0, 0, 0, 0);
	call(SYS_close, ring->fd, 0, 0, 0, 0, 0);
}

#endif
