/* Prints the files of liburing in this program's memory map, each once, after a nop has gone through a ring. */
#include <liburing.h>
#include <stdio.h>
#include <string.h>

static void files(void)
{
	char line[4096], last[4096] = "";
	FILE *maps = fopen("/proc/self/maps", "r");

	while (maps && fgets(line, sizeof(line), maps)) {
		const char *path = strchr(line, '/');
		const char *name = strrchr(line, '/');

		if (!path || strncmp(name, "/liburing", 9) || !strcmp(path, last))
			continue;
		strcpy(last, path);
		fputs(path, stdout);
	}
	if (maps)
		fclose(maps);
}

int main(void)
{
	struct io_uring ring;
	struct io_uring_cqe *cqe;
	int error = io_uring_queue_init(4, &ring, 0);

	if (error) {
		fprintf(stderr, "io_uring_queue_init: %s\n", strerror(-error));
		return 1;
	}
	io_uring_prep_nop(io_uring_get_sqe(&ring));
	io_uring_submit(&ring);
	error = io_uring_wait_cqe(&ring, &cqe);
	if (error || cqe->res) {
		fprintf(stderr, "the nop failed\n");
		return 1;
	}
	io_uring_queue_exit(&ring);
	files();
	return 0;
}
