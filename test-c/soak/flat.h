/* Mappings, descriptors and memory of the process, which must stay as they were when it was warm. */
#ifndef IRONRING_SOAK_FLAT_H
#define IRONRING_SOAK_FLAT_H

#include "ledger.h"
#ifdef T_HEAP
#include <malloc.h>
#endif

/* Allowance for the allocator and the C library; a leak in the library grows without end. */
#define SLACK_PAGES 256
/* What may be left in the heap after the last ring, in bytes: for its arenas, and less than 100 bytes for each ring. */
#define HELD (256 * 1024)
/* Threads that do a burst of work may be more than before. */
#define SLACK_THREADS 24
/* What each of them has touched, in KiB. */
#define THREAD_KIB 16

/* The bytes of libc's heap that are in use, where it is also the engine's (`cargo xtask sanitize`); 0 elsewhere. */
static inline size_t held(void)
{
#ifdef T_HEAP
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
#else
	return 0;
#endif
}

struct state {
	unsigned maps, fds, threads;
	unsigned long resident, pinned;
};

static inline struct state state(void)
{
	struct state s = { .maps = count_maps(), .fds = count_fds() };
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];

	CHECK(file);
	while (fgets(line, sizeof(line), file)) {
		sscanf(line, "VmRSS: %lu", &s.resident);
		sscanf(line, "VmPin: %lu", &s.pinned);
		sscanf(line, "Threads: %u", &s.threads);
	}
	fclose(file);
	return s;
}

static inline void flat(struct state warm, struct state s, unsigned rounds)
{
	unsigned more;

	if (s.maps != warm.maps)
		T_FAIL("after %u rounds: %u mappings, %u when warm", rounds, s.maps, warm.maps);
	if (s.fds != warm.fds)
		T_FAIL("after %u rounds: %u descriptors, %u when warm", rounds, s.fds, warm.fds);
	if (s.pinned != warm.pinned)
		T_FAIL("after %u rounds: %lu KiB pinned, %lu when warm", rounds, s.pinned, warm.pinned);
	if (s.threads > warm.threads + SLACK_THREADS)
		T_FAIL("after %u rounds: %u threads, %u when warm", rounds, s.threads, warm.threads);
	/* A checker keeps freed memory. Each thread has a stack and more. */
	more = s.threads > warm.threads ? s.threads - warm.threads : 0;
	if (!getenv("T_TOOL") && s.resident > warm.resident + SLACK_PAGES * 4 + more * THREAD_KIB)
		T_FAIL("after %u rounds: %lu KiB resident, %lu when warm", rounds, s.resident, warm.resident);
}

static inline void print_state(unsigned rounds, long long ms, struct state warm, struct state last)
{
	printf("  state %u rounds, %lld ms; warm and last: %u and %u mappings, %u and %u descriptors, %u and %u threads, "
	       "%lu and %lu KiB\n",
	       rounds, ms, warm.maps, last.maps, warm.fds, last.fds, warm.threads, last.threads, warm.resident,
	       last.resident);
}

#endif
