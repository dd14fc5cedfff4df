/* What rings cost while nothing happens: no threads, few mappings and descriptors, and no wake-ups. Threads that work has
 * made end when there is no more of it. */
#define T_LEAST 30
#include "many.h"
#include <poll.h>

#define RINGS 100

static struct io_uring ring, rings[RINGS];

static int is_number(const struct dirent *entry)
{
	return entry->d_name[0] >= '0' && entry->d_name[0] <= '9';
}

/* The threads of the process but the first; `switches`, if not NULL, gets how often they have gone to sleep. */
static unsigned other_threads(unsigned long *switches)
{
	struct dirent **tasks;
	int i, n = scandir("/proc/self/task", &tasks, is_number, NULL);
	unsigned threads = 0;

	CHECK(n > 0);
	if (switches)
		*switches = 0;
	for (i = 0; i < n; i++) {
		char path[320], line[256];
		unsigned long count = 0;
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%s/status", tasks[i]->d_name);
		file = fopen(path, "re");
		if (file && atoi(tasks[i]->d_name) != getpid()) {
			threads++;
			while (fgets(line, sizeof(line), file))
				sscanf(line, "voluntary_ctxt_switches: %lu", &count);
			if (switches)
				*switches += count;
		}
		if (file)
			fclose(file);
		free(tasks[i]);
	}
	free(tasks);
	return threads;
}

/* The signals that a thread blocks, whose name begins with `name`; 0 if there is none. */
static unsigned long long blocked_now(const char *name)
{
	struct dirent **tasks;
	int i, n = scandir("/proc/self/task", &tasks, is_number, NULL);
	unsigned long long found = 0;

	CHECK(n > 0);
	for (i = 0; i < n; i++) {
		char path[320], line[256];
		bool is_it = false;
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%s/status", tasks[i]->d_name);
		file = fopen(path, "re");
		while (file && fgets(line, sizeof(line), file)) {
			if (!strncmp(line, "Name:\t", 6))
				is_it = !strncmp(line + 6, name, strlen(name));
			if (is_it)
				sscanf(line, "SigBlk: %llx", &found);
		}
		if (file)
			fclose(file);
		free(tasks[i]);
	}
	free(tasks);
	return found;
}

/* A new thread takes a moment to name itself. */
static unsigned long long blocked_by(const char *name)
{
	unsigned long long found;
	unsigned i;

	for (i = 0; i < 100 && !(found = blocked_now(name)); i++)
		usleep(10 * 1000);
	return found;
}

/* Waits until there are at most `most` threads besides the first. */
static void wait_for_threads(unsigned most, long long limit)
{
	long long start = now();
	unsigned n;

	while ((n = other_threads(NULL)) > most) {
		if (now() > start + limit)
			T_FAIL("%u threads are left, expected %u", n, most);
		usleep(20 * 1000);
	}
}

/* A read by a worker, an event, and a timeout. */
static void some_io(struct io_uring *r)
{
	struct __kernel_timespec ts = nsec(MSEC);
	int fd = tmp_filled("file", 4096, 1), fds[2];
	struct io_uring_sqe *sqe;
	char buf[4096], c;

	make_pipe(fds);
	sqe = next_sqe(r, 1);
	io_uring_prep_read(sqe, fd, buf, sizeof(buf), 0);
	io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
	CHECK_EQ(run_res(r), sizeof(buf));
	io_uring_prep_fsync(next_sqe(r, 2), fd, 0);
	CHECK_EQ(run_res(r), 0);
	io_uring_prep_read(next_sqe(r, 3), fds[0], &c, 1, 0);
	submit_one(r);
	fd_write(fds[1], "x", 1);
	CHECK_EQ(wait_res(r, 3), 1);
	io_uring_prep_timeout(next_sqe(r, 4), &ts, 0, 0);
	CHECK_EQ(run_res(r), -ETIME);
	close(fd);
	close(fds[0]);
	close(fds[1]);
}

/* With T_VERBOSE the figures of docs/engine.md: what `n` rings have added, and wake-ups within ten seconds. */
static void show(const char *what, unsigned n, unsigned maps, unsigned fds)
{
	unsigned long before, after;
	unsigned threads;

	if (!getenv("T_VERBOSE"))
		return;
	other_threads(&before);
	sleep(10);
	threads = other_threads(&after);
	printf("  %u %s: %u threads, %u mappings, %u descriptors, %lu wake-ups\n", n, what, threads,
	       count_maps() - maps, count_fds() - fds, after - before);
}

static void fresh(unsigned n)
{
	unsigned maps = count_maps(), fds = count_fds(), i;

	for (i = 0; i < n; i++)
		ring_init(&rings[i], 8, 0);
	CHECK_EQ(other_threads(NULL), 0);
	CHECK(count_maps() <= maps + 3 * n);
	CHECK(count_fds() <= fds + 2 * n);
	for (i = 0; i < n; i++)
		CHECK_WORKS(&rings[i]);
	CHECK_EQ(other_threads(NULL), 0);
	show("fresh rings", n, maps, fds);
	for (i = 0; i < n; i++)
		io_uring_queue_exit(&rings[i]);
	CHECK_EQ(count_fds(), fds);
}

TEST(fresh_rings)
{
	fresh(1);
	fresh(RINGS);
}

/* What rings need together does not grow with their number. */
static void used(unsigned n)
{
	unsigned maps = count_maps(), fds = count_fds(), i;

	for (i = 0; i < n; i++) {
		ring_init(&rings[i], 8, 0);
		some_io(&rings[i]);
	}
	/* Linux keeps one worker of each kind. */
	wait_for_threads(t_on_engine() && getenv("T_VERBOSE") ? 0 : 2, 15 * SEC);
	/* The stacks of threads, their guards, and their heaps; what waits for files and clocks. */
	CHECK(count_maps() <= maps + 3 * n + 12);
	CHECK(count_fds() <= fds + 2 * n + 4);
	show("rings after I/O", n, maps, fds);
	for (i = 0; i < n; i++)
		io_uring_queue_exit(&rings[i]);
}

TEST(rings_that_have_done_something)
{
	used(1);
	used(RINGS);
}

/* A request waits for a long time without a wake-up, and the threads end once there is nothing to wait for. */
TEST(threads_end)
{
	unsigned long before, after;
	unsigned threads;
	long long start;
	int fds[2];

	ring_init(&ring, 8, 0);
	make_pipe(fds);
	some_io(&ring);
	io_uring_prep_poll_add(next_sqe(&ring, 5), fds[0], POLLIN);
	submit_one(&ring);
	start = now();
	wait_for_threads(t_on_engine() ? 1 : 2, 10 * SEC);
	while (now() < start + 6 * SEC)
		usleep(100 * 1000);
	threads = other_threads(&before);
	usleep(1500 * 1000);
	CHECK_EQ(other_threads(&after), threads);
	CHECK_EQ(after, before);
	io_uring_prep_poll_remove(next_sqe(&ring, 6), 5);
	submit_one(&ring);
	collect(&ring, 2);
	CHECK_EQ(res_of(5), -ECANCELED);
	CHECK_EQ(res_of(6), 0);
	/* Linux keeps one worker of each kind. */
	wait_for_threads(t_on_engine() ? 0 : 2, 8 * SEC);
	/* They come back. */
	some_io(&ring);
	io_uring_queue_exit(&ring);
}

/* A polling thread that has gone to sleep. */
TEST(polling_thread_sleeps)
{
	struct io_uring_params p = { .flags = IORING_SETUP_SQPOLL, .sq_thread_idle = 20 };
	unsigned long before, after;

	CHECK_EQ(io_uring_queue_init_params(8, &ring, &p), 0);
	CHECK_WORKS(&ring);
	while (!(IO_URING_READ_ONCE(*ring.sq.kflags) & IORING_SQ_NEED_WAKEUP))
		usleep(1000);
	usleep(100 * 1000);
	CHECK_EQ(other_threads(&before), 1);
	usleep(2500 * 1000);
	CHECK_EQ(other_threads(&after), 1);
	CHECK_EQ(after, before);
	CHECK_WORKS(&ring);
	io_uring_queue_exit(&ring);
	wait_for_threads(0, 5 * SEC);
}

/* Handlers of the program run on its own threads. */
TEST(threads_block_signals)
{
	unsigned long long all = ~(1ULL << (SIGKILL - 1) | 1ULL << (SIGSTOP - 1));
	/* libc keeps the first real-time signals for itself: glibc two, musl three. */
	unsigned long long libc = (1ULL << (SIGRTMIN - 1)) - (1ULL << 31);
	struct io_uring polled;
	int fds[2], idle[2];

	ENGINE_NOT_UNDER("valgrind", "it unblocks a signal of its own");
	ring_init(&ring, 8, 0);
	ring_init(&polled, 8, IORING_SETUP_SQPOLL);
	make_pipe(fds);
	make_pipe(idle);
	some_io(&ring);
	io_uring_prep_poll_add(next_sqe(&ring, 5), idle[0], POLLIN);
	submit_one(&ring);
	CHECK_EQ((blocked_by("iou-sqp-") | libc) & all, all);
	CHECK_EQ((blocked_by("iou-wrk-") | libc) & all, all);
	if (t_on_engine())
		CHECK_EQ((blocked_by("iou-drv-") | libc) & all, all);
	io_uring_queue_exit(&polled);
	io_uring_queue_exit(&ring);
}
