/* A threaded program that forks at random moments, with I/O of every thread under way, for `cargo xtask soak --moments`:
 * parent and child both go on with their rings, and nothing of either is lost or completes twice. */
#include "moments.h"
#include "echo.h"
#include "files.h"
#include "rings.h"
#include "../futex2.h"
#include <malloc.h>

enum { THREADS = 5, OWN_RINGS = 2 };

/* Rings that threads use all the time. Children exit their copies. */
static struct io_uring rings[OWN_RINGS];
/* Made before the fork, and used by the child. */
static struct io_uring inherited;
static struct ledger ledgers[THREADS + 1];
static volatile bool stop, paused;
static unsigned parked, rounds[THREADS];
static __u64 first_seed;
static bool has_futexes;

/* A wait for a futex, and its wake. */
static void futex_round(struct ledger *l)
{
	static uint32_t word;
	struct io_uring ring;
	unsigned i, left;

	ring_init(&ring, 8, 0);
	for (i = 0; i < 10 && has_futexes; i++) {
		struct io_uring_sqe *sqe = entry(&ring);

		io_uring_prep_futex_wait(sqe, &word, 0, FUTEX_BITSET_MATCH_ANY, FUTEX2_SIZE_U32 | FUTEX2_PRIVATE, 0);
		issued_at(l, sqe, WAITS);
		submit_n(&ring, 1);
		sqe = entry(&ring);
		io_uring_prep_futex_wake(sqe, &word, 1, FUTEX_BITSET_MATCH_ANY, FUTEX2_SIZE_U32 | FUTEX2_PRIVATE, 0);
		issued_at(l, sqe, CANCEL);
		for (left = 2; left; left--) {
			struct done cqe = next_done(&ring, l);

			CHECK_EQ(cqe.res, completed(l, cqe) == CANCEL);
		}
		settled(&ring, l);
	}
	io_uring_queue_exit(&ring);
	counters[OPERATIONS] += 2 * i;
}

static void round_of(unsigned which, struct ledger *l)
{
	switch (which) {
	case 0:
		echo_round(&rings[0], l);
		break;
	case 1:
		copy_round(&rings[1], l);
		cancel_round(&rings[1], l);
		break;
	case 2:
		churn_round(l);
		resize_round(l);
		break;
	case 3:
		sqpoll_round(l);
		handover_round();
		break;
	default:
		futex_round(l);
	}
}

static void *work(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg;

	random_state = first_seed ^ (me + 1) * 0x9e3779b97f4a7c15ULL;
	ledgers[me].name = "thread";
	while (!stop) {
		if (paused) {
			__atomic_add_fetch(&parked, 1, __ATOMIC_SEQ_CST);
			while (paused)
				usleep(200);
			__atomic_sub_fetch(&parked, 1, __ATOMIC_SEQ_CST);
		}
		round_of(me, &ledgers[me]);
		__atomic_add_fetch(&rounds[me], 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Stops the threads between two rounds, or lets them go on. */
static void set_paused(bool now_paused)
{
	paused = now_paused;
	while (__atomic_load_n(&parked, __ATOMIC_SEQ_CST) != (paused ? THREADS : 0))
		usleep(200);
}

/* The child: on the inherited ring, and on rings of its own. */
static void go_on(void)
{
	struct ledger *l = &ledgers[THREADS];
	unsigned i, which = random_below(6);

	l->name = "child";
	/* The parent's threads go on with their files. */
	strcat(t_dir, "/child");
	if (mkdir(t_dir, 0700))
		CHECK_EQ(errno, EEXIST);
	random_state ^= moments.done * 0x9e3779b97f4a7c15ULL;
	for (i = 0; i < OWN_RINGS && random_below(2); i++)
		io_uring_queue_exit(&rings[i]);
	nops(&inherited, l, 1 + random_below(50));
	cancel_round(&inherited, l);
	if (which == 1) {
		copy_round(&inherited, l);
	} else if (which == 5) {
		io_uring_queue_exit(&inherited);
	} else if (which) {
		round_of(which, l);
	}
	if (has_fault("lost"))
		issue(l, 1);
	if (l->out)
		T_FAIL("child: lost: %u requests have not completed", l->out);
	_exit(0);
}

static void moment(void)
{
	bool killed = !random_below(4);
	pid_t pid;

	ring_init(&inherited, 64, random_below(2) ? IORING_SETUP_COOP_TASKRUN : 0);
	usleep(random_below(2000));
	pid = child();
	if (!pid)
		go_on();
	if (killed) {
		/* Perhaps while it has a lock of a ring that it shares with the parent. */
		usleep(random_below(3000));
		CHECK_SYS(kill(pid, SIGKILL));
	}
	ends(pid, killed ? SIGKILL : 0);
	io_uring_queue_exit(&inherited);
}

TEST(forked)
{
	unsigned before[THREADS], i;
	pthread_t threads[THREADS];
	long long end;

	/* Another heap of the C library is another mapping. */
	mallopt(M_ARENA_MAX, 1);
	begin_moments();
	first_seed = random_state;
	has_futexes = have_op(IORING_OP_FUTEX_WAIT);
	for (i = 0; i < OWN_RINGS; i++)
		ring_init(&rings[i], 128, 0);
	start_server();
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)i), 0);
	for (;;) {
		bool still = moments.done % 10 == 0, more;

		if (still)
			set_paused(true);
		more = another_moment(still);
		if (still)
			set_paused(false);
		if (!more)
			break;
		moment();
	}
	/* Every thread has gone on. */
	for (i = 0; i < THREADS; i++)
		before[i] = __atomic_load_n(&rounds[i], __ATOMIC_RELAXED);
	end = now() + PATIENCE;
	for (i = 0; i < THREADS; i++) {
		while (__atomic_load_n(&rounds[i], __ATOMIC_RELAXED) < before[i] + 2) {
			if (now() > end)
				T_FAIL("thread %u hangs", i);
			usleep(1000);
		}
	}
	stop = true;
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	stop_server();
	for (i = 0; i < OWN_RINGS; i++)
		io_uring_queue_exit(&rings[i]);
	end_moments("forks", "operations");
}
