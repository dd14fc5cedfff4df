/* What the workers of `make bench` share. A worker reads lines "WORK DEPTH OPERATIONS PATH" and answers each with the
 * time of the operations in nanoseconds, or with a minus sign and the reason why there is none. */
#ifndef BENCH_H
#define BENCH_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BLOCK 4096

struct task {
	/* Concurrent operations: entries or connections. */
	unsigned depth;
	long operations;
	/* The file or device to read. */
	const char *path;
};

struct work {
	const char *name;
	/* Nanoseconds, or -errno. */
	int64_t (*run)(const struct task *task);
};

/* Defined by each worker; an entry without a name ends the table. */
extern const struct work works[];

static inline int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* A benchmark that continued after an error would measure nonsense. */
static inline void must(int good, const char *what)
{
	if (!good) {
		perror(what);
		exit(1);
	}
}

/* Random blocks of a file, the same for all workers. */
struct blocks {
	int fd;
	uint64_t count;
	uint64_t state;
};

int blocks_open(struct blocks *blocks, const struct task *task, int flags);

static inline uint64_t blocks_next(struct blocks *blocks)
{
	/* xorshift64: far cheaper than a read. */
	blocks->state ^= blocks->state << 13;
	blocks->state ^= blocks->state >> 7;
	blocks->state ^= blocks->state << 17;
	return blocks->state % blocks->count * BLOCK;
}

/* Memory for `depth` blocks, aligned for direct I/O and already touched. */
char *blocks_memory(unsigned depth);

/* The clients of the echo: `serve` runs in this thread with `connections` accepted sockets, while another thread sends
 * 64 bytes on each and waits for them to return, `task->operations` times in all. Returns the time of the exchange. */
#define MESSAGE 64
int64_t echo(const struct task *task, void (*serve)(const int *sockets, unsigned connections));

#endif
