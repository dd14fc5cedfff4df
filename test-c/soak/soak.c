/* The soak, for `cargo xtask soak`: everything at once for SOAK_SECONDS. Every byte is checked, each request must
 * complete exactly once, and after the warm-up mappings, descriptors and memory must stay as they are. SOAK_FAULT
 * injects a fault that must be found; SOAK_SEED repeats a run's choices. */
#include "flat.h"
#include "echo.h"
#include "files.h"
#include "rings.h"

static void make_fault(struct io_uring *ring, struct ledger *l)
{
	static void *volatile leaked;

	if (has_fault("leak"))
		fill(leaked = malloc(100000), 100000, 1);
	else if (has_fault("map"))
		CHECK(mmap(NULL, 4096, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
	else if (has_fault("fd"))
		CHECK_SYS(dup(0));
	else if (has_fault("lost"))
		issue(l, 1);
	else if (has_fault("doubled"))
		io_uring_prep_nop(entry(ring));
}

TEST(soak)
{
	static struct ledger ledger;
	const char *seconds = getenv("SOAK_SECONDS"), *seed = getenv("SOAK_SEED"), *injected = getenv("SOAK_FAULT");
	long long start = now(), length = (seconds ? atoll(seconds) : 10) * SEC, ms;
	struct state warm = { 0 }, last = { 0 };
	struct io_uring ring;
	unsigned rounds = 0, i;
	size_t before = held();

	fault = injected ? injected : "";
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
		/* Threads, caches and files may appear during the first tenth of the time. */
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
	/* The engine's tables stay, and what its threads have. */
	if (held() > before + HELD)
		T_FAIL("after the last ring %zu bytes of the heap are in use, before the first %zu", held(), before);
	for (i = 0; i < COUNTERS; i++)
		printf("  count %llu %s\n", (unsigned long long)counters[i], counter_names[i]);
	if (held())
		printf("  heap: %zu bytes before the first ring, %zu after the last\n", before, held());
	print_state(rounds, ms, warm, last);
}
