/* Plain reads, one at a time whatever the depth. */
#define _GNU_SOURCE
#include "bench.h"
#include <fcntl.h>
#include <unistd.h>

static int64_t reads(const struct task *task, int flags)
{
	struct blocks blocks;
	char *memory;
	int64_t start;
	int ret = blocks_open(&blocks, task, flags);

	if (ret)
		return ret;
	memory = blocks_memory(1);
	start = now();
	for (long done = 0; done < task->operations; done++)
		must(pread(blocks.fd, memory, BLOCK, (off_t)blocks_next(&blocks)) == BLOCK, "read");
	start = now() - start;
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

const struct work works[] = { { "cached", cached }, { "direct", direct }, { NULL, NULL } };
