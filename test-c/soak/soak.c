/* The soak, for `cargo xtask soak`: everything at once for SOAK_SECONDS. Every byte is checked, each request must
 * complete exactly once, and when it has warmed up, mappings, descriptors and memory must stay as they are. SOAK_PLANT
 * makes a fault that must be found; SOAK_SEED repeats a run's choices. */
#include "soak.h"
#include "echo.h"
#include "files.h"
#include "rings.h"

/* What the allocator and the C library may still take; a leak of ours grows without end. */
#define SLACK_PAGES 256

struct state {
	unsigned maps, fds;
	unsigned long resident, pinned;
};

static struct state state(void)
{
	struct state s = { .maps = count_maps(), .fds = count_fds() };
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];

	CHECK(file);
	while (fgets(line, sizeof(line), file)) {
		sscanf(line, "VmRSS: %lu", &s.resident);
		sscanf(line, "VmPin: %lu", &s.pinned);
	}
	fclose(file);
	return s;
}

static void flat(struct state warm, struct state s, unsigned rounds)
{
	if (s.maps != warm.maps)
		T_FAIL("after %u rounds: %u mappings, %u when warm", rounds, s.maps, warm.maps);
	if (s.fds != warm.fds)
		T_FAIL("after %u rounds: %u descriptors, %u when warm", rounds, s.fds, warm.fds);
	if (s.pinned != warm.pinned)
		T_FAIL("after %u rounds: %lu KiB pinned, %lu when warm", rounds, s.pinned, warm.pinned);
	/* A checker keeps what is freed. */
	if (!getenv("T_TOOL") && s.resident > warm.resident + SLACK_PAGES * 4)
		T_FAIL("after %u rounds: %lu KiB resident, %lu when warm", rounds, s.resident, warm.resident);
}

static void make_fault(struct io_uring *ring, struct ledger *l)
{
	static void *volatile leaked;

	if (planted("leak"))
		fill(leaked = malloc(100000), 100000, 1);
	else if (planted("map"))
		CHECK(mmap(NULL, 4096, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
	else if (planted("fd"))
		CHECK_SYS(dup(0));
	else if (planted("lost"))
		issue(l, 1);
	else if (planted("doubled"))
		io_uring_prep_nop(entry(ring));
}

TEST(soak)
{
	static struct ledger ledger;
	const char *seconds = getenv("SOAK_SECONDS"), *seed = getenv("SOAK_SEED"), *fault = getenv("SOAK_PLANT");
	long long start = now(), length = (seconds ? atoll(seconds) : 10) * SEC, ms;
	struct state warm = { 0 }, last = { 0 };
	struct io_uring ring;
	unsigned rounds = 0, i;

	plant = fault ? fault : "";
	random_state = seed ? strtoull(seed, NULL, 0) : (__u64)now_of(CLOCK_REALTIME) | 1;
	printf("  seed %llu\n", (unsigned long long)random_state);
	ring_init(&ring, 128, 0);
	ledger.name = "client";
	start_server();
	while (now() < start + length || rounds < 4) {
		echo_round(&ring, &ledger);
		copy_round(&ring, &ledger);
		cancel_round(&ring, &ledger);
		churn_round(&ledger);
		resize_round(&ledger);
		sqpoll_round(&ledger);
		handover_round();
		rounds++;
		last = state();
		/* Until a tenth of the time has gone by, threads, caches and files come to be. */
		if (rounds < 3 || now() < start + length / 10)
			warm = last;
		else
			flat(warm, last, rounds);
		if (rounds > 3)
			make_fault(&ring, &ledger);
	}
	stop_server();
	io_uring_queue_exit(&ring);
	ms = (now() - start) / MSEC;
	for (i = 0; i < COUNTERS; i++)
		printf("  count %llu %s\n", counters[i], counter_names[i]);
	printf("  state %u rounds, %lld ms; warm and last: %u and %u mappings, %u and %u descriptors, %lu and %lu KiB\n",
	       rounds, ms, warm.maps, last.maps, warm.fds, last.fds, warm.resident, last.resident);
}
