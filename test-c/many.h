/* Several completions in any order; clocks; the mappings, files and threads of the process. */
#ifndef IRONRING_MANY_H
#define IRONRING_MANY_H

#include "io.h"
#include <dirent.h>
#include <sys/utsname.h>

#define MANY 64

static struct done many[MANY];
static unsigned many_n;

/* Waits for exactly `n` completions and stores them; fails if there are more. */
static inline void collect_at(int line, struct io_uring *ring, unsigned n)
{
	if (n > MANY)
		io_fail(line, "can't collect %u completions: the most is MANY", n);
	for (many_n = 0; many_n < n; many_n++)
		many[many_n] = wait_at(line, ring);
	if (io_uring_cq_ready(ring))
		io_fail(line, "got the expected %u completions, and %u more", n, io_uring_cq_ready(ring));
}

#define collect(RING, N) collect_at(__LINE__, RING, N)

/* The only collected completion with user data `data`. */
static inline struct done cqe_of_at(int line, __u64 data)
{
	struct done found = { 0 };
	unsigned i, n = 0;

	for (i = 0; i < many_n; i++) {
		if (many[i].user_data == data) {
			found = many[i];
			n++;
		}
	}
	if (n != 1)
		io_fail(line, "%u completions of %#llx, expected 1", n, (unsigned long long)data);
	return found;
}

#define cqe_of(DATA) cqe_of_at(__LINE__, DATA)
#define res_of(DATA) (cqe_of_at(__LINE__, DATA).res)

/* A ring with setup flags that the given kernel version introduced. */
static inline void ring_init_named_at(int line, struct io_uring *ring, unsigned entries, unsigned flags,
				      const char *names, int major, int minor)
{
	int ret = io_uring_queue_init(entries, ring, flags);

	if (ret == -EINVAL)
		lacks_at(line, names, major, minor);
	if (ret)
		io_fail(line, "io_uring_queue_init(%u, ring, %#x) is %d", entries, flags, ret);
}

/* `NAMES` names the newest of the flags where `FLAGS` is a variable. */
#define ring_init_named(RING, ENTRIES, FLAGS, NAMES, MAJOR, MINOR) \
	ring_init_named_at(__LINE__, RING, ENTRIES, FLAGS, NAMES, MAJOR, MINOR)
#define ring_init_since(RING, ENTRIES, FLAGS, MAJOR, MINOR) \
	ring_init_named(RING, ENTRIES, FLAGS, #FLAGS, MAJOR, MINOR)

/* Clocks. */

#define MSEC 1000000LL
#define SEC 1000000000LL

static inline long long now_of(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * SEC + ts.tv_nsec;
}

static inline long long now(void)
{
	return now_of(CLOCK_MONOTONIC);
}

static inline struct __kernel_timespec nsec(long long ns)
{
	struct __kernel_timespec ts = { .tv_sec = ns / SEC, .tv_nsec = ns % SEC };

	return ts;
}

/* At least `least` ns passed since `start`, and not so many more that something else must have ended the wait. */
static inline void took_at(int line, long long start, long long least)
{
	long long ns = now() - start;

	if (ns < least || ns > least + 5 * SEC)
		io_fail(line, "took %lld ns, expected at least %lld and at most 5 s more", ns, least);
}

#define CHECK_TOOK(START, LEAST) took_at(__LINE__, START, LEAST)

/* Mappings and open files. Both counts include the file that is open for counting. A checker may map memory at any
 * time, so under one only the mappings of rings are counted. On the engine, whose threads have stacks and heaps, only
 * those of rings and of files are. */

static inline unsigned count_maps(void)
{
	FILE *file = fopen("/proc/self/maps", "re");
	bool all = !getenv("T_TOOL");
	char line[PATH_MAX + 128];
	unsigned n = 0;

	CHECK(file);
	/* malloc's heap grows at any time, occasionally by a mapping that the kernel doesn't merge with the rest. */
	while (fgets(line, sizeof(line), file)) {
		if (t_on_engine() && !strpbrk(line, "/["))
			continue;
		n += (all && !strstr(line, "[heap]")) || strstr(line, "[io_uring]");
	}
	fclose(file);
	return n;
}

static inline unsigned count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	CHECK(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* Kernel threads of this process whose name begins with `name`; `cpus`, if not NULL, gets the last one's affinity. */
static inline unsigned count_threads(const char *name, char cpus[64])
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	unsigned n = 0;

	CHECK(dir);
	while ((entry = readdir(dir))) {
		char path[320], line[256];
		bool ours = false;
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%s/status", entry->d_name);
		file = fopen(path, "re");
		while (file && fgets(line, sizeof(line), file)) {
			if (!strncmp(line, "Name:\t", 6) && !strncmp(line + 6, name, strlen(name)))
				ours = true;
			if (ours && cpus)
				sscanf(line, "Cpus_allowed_list: %63s", cpus);
		}
		if (file)
			fclose(file);
		n += ours;
	}
	closedir(dir);
	return n;
}

/* The last processor that this process may use. */
static inline int last_cpu(void)
{
	cpu_set_t set;
	int cpu;

	CHECK_SYS(sched_getaffinity(0, sizeof(set), &set));
	for (cpu = CPU_SETSIZE - 1; !CPU_ISSET(cpu, &set); cpu--)
		CHECK(cpu > 0);
	return cpu;
}

/* Submits a no-op and waits for it. */
static inline void works_at(int line, struct io_uring *ring)
{
	static __u64 data = 1000;

	io_uring_prep_nop(sqe_at(line, ring, ++data));
	submit_at(line, ring, 1);
	if (wait_res_at(line, ring, data))
		io_fail(line, "a no-op failed");
}

#define CHECK_WORKS(RING) works_at(__LINE__, RING)

#endif
