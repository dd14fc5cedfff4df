/* Linux's older asynchronous reads. */
#define _GNU_SOURCE
#include "bench.h"
#include <fcntl.h>
#include <libaio.h>
#include <string.h>
#include <unistd.h>

static int64_t reads(const struct task *task, int flags)
{
	struct blocks blocks;
	io_context_t context = NULL;
	unsigned depth = task->depth;
	struct iocb *requests = calloc(depth, sizeof(*requests));
	struct iocb **queue = calloc(depth, sizeof(*queue));
	struct io_event *events = calloc(depth, sizeof(*events));
	char *memory;
	int64_t start;
	long begun = 0, done = 0;
	unsigned queued = 0;
	int ret = blocks_open(&blocks, task, flags);

	if (ret)
		return ret;
	must(requests && queue && events, "memory");
	must(!io_setup((int)depth, &context), "io_setup");
	memory = blocks_memory(depth);
	start = now();
	for (; begun < depth; begun++) {
		io_prep_pread(&requests[begun], blocks.fd, memory + begun * BLOCK, BLOCK, (long long)blocks_next(&blocks));
		queue[queued++] = &requests[begun];
	}
	while (done < task->operations) {
		int got;

		/* It may take fewer than all. */
		for (unsigned given = 0; given < queued;) {
			ret = io_submit(context, queued - given, queue + given);
			must(ret > 0, "io_submit");
			given += (unsigned)ret;
		}
		queued = 0;
		got = io_getevents(context, 1, depth, events, NULL);
		must(got > 0, "io_getevents");
		for (int i = 0; i < got; i++) {
			struct iocb *request = events[i].obj;

			must(events[i].res == BLOCK, "read");
			if (begun < task->operations) {
				request->u.c.offset = (long long)blocks_next(&blocks);
				queue[queued++] = request;
				begun++;
			}
		}
		done += got;
	}
	start = now() - start;
	io_destroy(context);
	free(memory);
	free(requests);
	free(queue);
	free(events);
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
