/* Causes the trouble that its argument names, which `cargo xtask kernels --self-test` must notice in a guest. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int fd;

	printf("asked to %s\n", what);
	fflush(stdout);
	if (!strcmp(what, "pass"))
		return 0;
	if (!strcmp(what, "skip"))
		return 77;
	if (!strcmp(what, "abort"))
		raise(SIGABRT);
	if (!strcmp(what, "hang")) {
		signal(SIGINT, SIG_IGN);
		for (;;)
			pause();
	}
	if (!strcmp(what, "stray")) {
		/* Leaves the job's group, but stays in its folder. */
		if (fork() == 0) {
			setsid();
			for (;;)
				pause();
		}
		return 0;
	}
	if (!strcmp(what, "crash")) {
		fd = open("/proc/sysrq-trigger", O_WRONLY);
		sleep(1);
		if (fd >= 0 && write(fd, "c", 1) == 1)
			sleep(60);
	}
	return 1;
}
