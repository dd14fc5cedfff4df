/* Limits that are real: of processes by a pids cgroup and by user, of open files, of libc's keys. Work gets slower or is refused
 * with an error that says why; nothing gets stuck, nothing aborts. */
#include "many.h"
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>

static struct io_uring ring;
static char buffer[4096];

/* Where cgroups are mounted: version 1, version 2, and both. */
struct hierarchy {
	const char *mount;
	/* The controllers in the line of /proc/self/cgroup. */
	const char *controllers;
};

static const struct hierarchy hierarchies[] = {
	{ "/sys/fs/cgroup/pids", "pids" },
	{ "/sys/fs/cgroup", "" },
	{ "/sys/fs/cgroup/unified", "" },
};

/* The folder of this process's cgroup in a hierarchy; false if it is in none. */
static bool own_cgroup(const struct hierarchy *hierarchy, char *path, size_t size)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	char line[PATH_MAX];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file)) {
		char *controllers = strchr(line, ':'), *folder = controllers ? strchr(controllers + 1, ':') : NULL;

		if (!folder)
			continue;
		*folder++ = 0;
		folder[strcspn(folder, "\n")] = 0;
		found = !strcmp(controllers + 1, hierarchy->controllers);
		if (found)
			snprintf(path, size, "%s%s", hierarchy->mount, folder);
	}
	if (file)
		fclose(file);
	return found;
}

static bool put(const char *folder, const char *name, const char *text)
{
	char path[PATH_MAX + 32];
	bool done;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return done;
}

/* Removes the cgroup once this process, its only member, is gone. */
static void remove_later(const char *folder)
{
	int fds[2];

	make_pipe(fds);
	if (fork() == 0) {
		char byte;
		int tries;

		/* The harness kills the case's group. */
		setpgid(0, 0);
		close(fds[1]);
		while (read(fds[0], &byte, 1) > 0)
			;
		for (tries = 0; rmdir(folder) && tries < 1000; tries++)
			usleep(10 * 1000);
		_exit(0);
	}
	close(fds[0]);
}

/* From now on this process can make no thread and no process, by a pids cgroup of its own. */
static void limit_by_cgroup(void)
{
	char folder[PATH_MAX];
	unsigned i;

	for (i = 0; i < ARRAY_LEN(hierarchies); i++) {
		size_t length;

		if (!own_cgroup(&hierarchies[i], folder, sizeof(folder) - 32))
			continue;
		length = strlen(folder);
		snprintf(folder + length, 32, "/ironring-%d", (int)getpid());
		if (mkdir(folder, 0755))
			continue;
		if (put(folder, "pids.max", "1")) {
			remove_later(folder);
			if (put(folder, "cgroup.procs", "0"))
				break;
			SKIP("no pids cgroup: can't move a process into %s: %s", folder, strerror(errno));
		}
		rmdir(folder);
	}
	if (i == ARRAY_LEN(hierarchies))
		SKIP("no pids cgroup can be made here: it takes root, and /sys/fs/cgroup that can be written");
	CHECK_EQ(fork(), -1);
	CHECK_EQ(errno, EAGAIN);
}

/* The same by RLIMIT_NPROC, which does not apply to root. */
static void limit_by_user(void)
{
	const struct rlimit one = { 1, 1 };
	pid_t pid;

	if (!geteuid() && (setgid(54321) || setuid(54321)))
		SKIP("can't become another user: %s", strerror(errno));
	CHECK_SYS(setrlimit(RLIMIT_NPROC, &one));
	pid = fork();
	if (!pid)
		_exit(0);
	if (pid > 0 && waitpid(pid, NULL, 0) == pid)
		SKIP("RLIMIT_NPROC does not apply to this user");
	CHECK_EQ(errno, EAGAIN);
}

static void work_without_threads(int fd)
{
	struct __kernel_timespec ts = nsec(20 * MSEC);
	struct io_uring_sqe *sqe;
	int fds[2], pair[2];

	make_pipe(fds);
	make_pair(pair, SOCK_STREAM);
	ring_init(&ring, 8, 0);
	io_uring_prep_timeout(next_sqe(&ring, 1), &ts, 0, 0);
	CHECK_EQ(run_res(&ring), -ETIME);
	io_uring_prep_read(next_sqe(&ring, 2), fds[0], buffer, 1, 0);
	io_uring_prep_poll_add(next_sqe(&ring, 3), pair[0], POLLIN);
	submit_n(&ring, 2);
	fd_write(fds[1], "x", 1);
	CHECK_EQ(wait_res(&ring, 2), 1);
	fd_write(pair[1], "y", 1);
	CHECK_EQ(wait_res(&ring, 3), POLLIN);
	/* Linux, which has workers only for these, cancels them if it can make none. */
	io_uring_prep_fsync(next_sqe(&ring, 4), fd, 0);
	if (t_on_engine())
		CHECK_EQ(run_res(&ring), 0);
	else
		(void)run_res(&ring);
	sqe = next_sqe(&ring, 5);
	io_uring_prep_read(sqe, fd, buffer, sizeof(buffer), 0);
	io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
	if (t_on_engine())
		CHECK_EQ(run_res(&ring), sizeof(buffer));
	else
		(void)run_res(&ring);
	CHECK_WORKS(&ring);
	io_uring_queue_exit(&ring);
}

TEST(no_thread_by_cgroup)
{
	int fd;

	NOT_UNDER("valgrind", "it has threads of its own");
	fd = tmp_filled("file", sizeof(buffer), 1);
	limit_by_cgroup();
	work_without_threads(fd);
}

TEST(no_thread_by_user)
{
	int fd;

	NOT_UNDER("valgrind", "it has threads of its own");
	NOT_UNDER("tsan", "it makes a thread for itself");
	/* Kernel threads before: a request may wait for one for ever. */
	SINCE("workers that are the process's own threads", 5, 12);
	/* Another user may not get to the folder, as in /root. */
	fd = tmp_filled("file", sizeof(buffer), 1);
	limit_by_user();
	work_without_threads(fd);
}

/* All of libc's keys for the values of threads are used up. */
TEST(no_key)
{
	pthread_key_t keys[4096];
	unsigned n = 0;
	int ret;

	while (n < ARRAY_LEN(keys) && !pthread_key_create(&keys[n], NULL))
		n++;
	ret = io_uring_queue_init(8, &ring, 0);
	if (t_on_engine())
		CHECK_EQ(ret, -ENOMEM);
	else
		CHECK_EQ(ret, 0);
	if (!ret)
		io_uring_queue_exit(&ring);
	while (n)
		CHECK_EQ(pthread_key_delete(keys[--n]), 0);
	ring_init(&ring, 8, 0);
	CHECK_WORKS(&ring);
	io_uring_queue_exit(&ring);
}

/* Each number of descriptors: a ring works, or can't be made for want of them. */
TEST(few_descriptors)
{
	struct __kernel_timespec ts = nsec(MSEC);
	unsigned most;

	NOT_UNDER("valgrind", "it has descriptors of its own");
	NOT_UNDER("tsan", "it can't find out names, by which it leaves out reports");
	for (most = 3; most < 24; most++) {
		const struct rlimit limit = { most, most };
		int status, ret, fds[2];
		pid_t pid = child();

		if (pid) {
			CHECK_EQ(waitpid(pid, &status, 0), pid);
			if (status)
				printf("  with %u descriptors\n", most);
			CHECK_EQ(status, 0);
			continue;
		}
		CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
		if (pipe2(fds, O_CLOEXEC) || (ret = io_uring_queue_init(8, &ring, 0)) == -EMFILE)
			_exit(0);
		CHECK_EQ(ret, 0);
		io_uring_prep_read(next_sqe(&ring, 1), fds[0], buffer, 1, 0);
		io_uring_prep_poll_add(next_sqe(&ring, 2), fds[0], POLLIN);
		submit_n(&ring, 2);
		fd_write(fds[1], "xy", 2);
		collect(&ring, 2);
		CHECK_EQ(res_of(1), 1);
		CHECK_EQ(res_of(2), POLLIN);
		/* It ends with its timeout, or is refused with it. */
		io_uring_prep_poll_add(next_sqe(&ring, 3), fds[0], POLLPRI);
		io_uring_prep_link_timeout(next_sqe(&ring, 4), &ts, 0);
		ring.sq.sqes[(ring.sq.sqe_tail - 2) & ring.sq.ring_mask].flags |= IOSQE_IO_LINK;
		submit_n(&ring, 2);
		collect(&ring, 2);
		CHECK_EQ(res_of(3), -ECANCELED);
		CHECK(res_of(4) == -ETIME || (t_on_engine() && res_of(4) == -ENOMEM));
		io_uring_queue_exit(&ring);
		fflush(stdout);
		_exit(0);
	}
}
