/* POSIX AIO: glibc's threads. */
#define _GNU_SOURCE
#include "bench.h"
#include <aio.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int64_t reads(const struct task *task, int flags)
{
	struct blocks blocks;
	unsigned depth = task->depth;
	struct aiocb *requests = calloc(depth, sizeof(*requests));
	const struct aiocb **list = calloc(depth, sizeof(*list));
	char *memory;
	int64_t start;
	long begun = 0, done = 0;
	int ret = blocks_open(&blocks, task, flags);

	if (ret)
		return ret;
	must(requests && list, "memory");
	memory = blocks_memory(depth);
	start = now();
	for (; begun < depth; begun++) {
		requests[begun].aio_fildes = blocks.fd;
		requests[begun].aio_buf = memory + begun * BLOCK;
		requests[begun].aio_nbytes = BLOCK;
		requests[begun].aio_offset = (off_t)blocks_next(&blocks);
		must(!aio_read(&requests[begun]), "aio_read");
		list[begun] = &requests[begun];
	}
	while (done < task->operations) {
		must(!aio_suspend(list, (int)depth, NULL), "aio_suspend");
		for (unsigned i = 0; i < depth; i++) {
			if (!list[i] || aio_error(list[i]) == EINPROGRESS)
				continue;
			must(aio_return(&requests[i]) == BLOCK, "read");
			done++;
			list[i] = NULL;
			if (begun < task->operations) {
				requests[i].aio_offset = (off_t)blocks_next(&blocks);
				must(!aio_read(&requests[i]), "aio_read");
				list[i] = &requests[i];
				begun++;
			}
		}
	}
	start = now() - start;
	free(memory);
	free(requests);
	free(list);
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
