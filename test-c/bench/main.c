/* A worker's loop: reads tasks, prints times. */
#define _GNU_SOURCE
#include "bench.h"
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <linux/fs.h>
#include <unistd.h>

int blocks_open(struct blocks *blocks, const struct task *task, int flags)
{
	struct stat st;
	uint64_t size;

	blocks->fd = open(task->path, O_RDONLY | flags);
	if (blocks->fd < 0)
		return -errno;
	must(!fstat(blocks->fd, &st), task->path);
	size = (uint64_t)st.st_size;
	if (S_ISBLK(st.st_mode))
		must(!ioctl(blocks->fd, BLKGETSIZE64, &size), task->path);
	blocks->count = size / BLOCK;
	blocks->state = 88172645463325252;
	must(blocks->count > 0, "an empty file");
	return 0;
}

char *blocks_memory(unsigned depth)
{
	void *memory;

	must(!posix_memalign(&memory, BLOCK, (size_t)depth * BLOCK), "memory");
	memset(memory, 1, (size_t)depth * BLOCK);
	return memory;
}

static int64_t perform(const char *name, const struct task *task)
{
	for (const struct work *work = works; work->name; work++)
		if (!strcmp(work->name, name))
			return work->run(task);
	/* The caller relies on this work, so its absence is an error and not a limit of this machine. */
	fprintf(stderr, "this worker has no benchmark called %s\n", name);
	exit(2);
}

int main(void)
{
	char name[32], path[512];
	struct rlimit files;
	struct task task = { .path = path };

	/* The echo has two sockets per connection. */
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	while (scanf("%31s %u %ld %511s", name, &task.depth, &task.operations, path) == 4) {
		int64_t time = perform(name, &task);

		if (time < 0)
			printf("- %s\n", strerror((int)-time));
		else
			printf("%lld\n", (long long)time);
		fflush(stdout);
	}
	return 0;
}
