/* For runs that compare the engine with the kernel (`cargo xtask fuzz --backend engine`): which known differences to avoid,
 * and how to wait until what follows from a call has happened. */
#ifndef IRONRING_FUZZ_KNOWN_H
#define IRONRING_FUZZ_KNOWN_H

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Names from known.toml, with a comma before and behind each. NULL if the engine isn't compared. */
static const char *known_names;
static sem_t look_now, looked;
static int was_quiet = 1;

/* Whether to avoid a difference that test-c/fuzz/known.toml lists. */
static int known(const char *name)
{
	char wanted[64];

	if (!known_names)
		return 0;
	snprintf(wanted, sizeof(wanted), ",%s,", name);
	return strstr(known_names, wanted) != NULL;
}

/* Whether all threads sleep but for the calling one. */
static int all_asleep(DIR *tasks)
{
	long self = syscall(SYS_gettid);
	struct dirent *task;

	rewinddir(tasks);
	while ((task = readdir(tasks))) {
		char path[280], text[256], *state;
		long id = strtol(task->d_name, NULL, 10);
		ssize_t got;
		int fd;

		if (!id || id == self)
			continue;
		snprintf(path, sizeof(path), "%s/stat", task->d_name);
		fd = openat(dirfd(tasks), path, O_RDONLY | O_CLOEXEC);
		/* It has ended. */
		if (fd < 0)
			continue;
		got = read(fd, text, sizeof(text) - 1);
		close(fd);
		if (got <= 0)
			continue;
		text[got] = 0;
		state = strrchr(text, ')');
		if (state && state[2] != 'S')
			return 0;
	}
	return 1;
}

/* Waits until all other threads sleep. Twice, because one may have woken up another that was looked at before. */
static int wait_until_quiet(DIR *tasks)
{
	time_t end = time(NULL) + 5;
	int calm = 0;

	while (calm < 2) {
		calm = all_asleep(tasks) ? calm + 1 : 0;
		if (calm)
			continue;
		sched_yield();
		if (time(NULL) > end)
			return 0;
	}
	return 1;
}

/* Looks at the other threads with descriptors of its own, so that the program's get the same numbers in each run. */
static void *watcher(void *unused)
{
	DIR *tasks;

	if (unshare(CLONE_FILES) || !(tasks = opendir("/proc/self/task")))
		abort();
	for (;;) {
		while (sem_wait(&look_now))
			;
		was_quiet = wait_until_quiet(tasks);
		sem_post(&looked);
	}
	return unused;
}

static void begin_lockstep(void)
{
	sigset_t all, before;
	pthread_t thread;

	known_names = getenv("FUZZ_KNOWN");
	if (!known_names)
		return;
	sigfillset(&all);
	if (pthread_sigmask(SIG_SETMASK, &all, &before) || sem_init(&look_now, 0, 0) || sem_init(&looked, 0, 0) ||
	    pthread_create(&thread, NULL, watcher, NULL) || pthread_sigmask(SIG_SETMASK, &before, NULL))
		abort();
}

/* Waits until the threads of the engine, and those of the kernel's rings, have done what follows from the last call. 0 if
 * they never sleep. */
static int quiet(void)
{
	if (!known_names)
		return 1;
	sem_post(&look_now);
	while (sem_wait(&looked))
		;
	return was_quiet;
}

#endif
