/* Rings made before fork() and used by several processes, as PostgreSQL 18 does: each process submits to its own ring,
 * and any process waits for completions of any ring. */
#include "io.h"
#include "many.h"
#include <pthread.h>

enum { RINGS = 16, DEPTH = 8, ROUNDS = 40, BLOCK = 4096, FILE_BLOCKS = 64, VICTIM = 7, RING_BYTES = 1 << 16 };

struct shared_ring {
	/* Robust: who dies with it leaves it to others. */
	pthread_mutex_t submission, completion;
	struct io_uring ring;
	/* Each process writes its own numbers, and those who wait count what they have seen. */
	volatile unsigned submitted, completed;
	volatile bool busy[DEPTH];
	/* Its process is being killed, perhaps while it prepares an entry, which then holds what was there before. */
	volatile bool killed;
	unsigned block[DEPTH];
	unsigned char buf[DEPTH][BLOCK];
};

static struct shared_ring *rings;
static int file;

static void *shared_memory(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

static void lock(pthread_mutex_t *mutex)
{
	int err = pthread_mutex_lock(mutex);

	if (err == EOWNERDEAD)
		err = pthread_mutex_consistent(mutex);
	CHECK_EQ(err, 0);
}

static void create(void)
{
	unsigned char *memory = shared_memory(RINGS * RING_BYTES), block[BLOCK];
	pthread_mutexattr_t attr;
	unsigned i;

	rings = shared_memory(RINGS * sizeof(*rings));
	file = tmp_open("blocks", 0);
	for (i = 0; i < FILE_BLOCKS; i++) {
		fill(block, BLOCK, i);
		CHECK_EQ(write(file, block, BLOCK), BLOCK);
	}
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	for (i = 0; i < RINGS; i++) {
		struct io_uring_params p = { 0 };
		int used = io_uring_queue_init_mem(DEPTH, &rings[i].ring, &p, memory + i * RING_BYTES, RING_BYTES);

		SINCE("IORING_SETUP_NO_MMAP", 6, 5);
		CHECK(used > 0);
		CHECK_EQ(pthread_mutex_init(&rings[i].submission, &attr), 0);
		CHECK_EQ(pthread_mutex_init(&rings[i].completion, &attr), 0);
	}
}

/* Submits a read to each free slot of a ring; every second one is done by the kernel's workers. */
static void submit_reads(struct shared_ring *r, unsigned seed)
{
	unsigned slot, added = 0;

	lock(&r->submission);
	for (slot = 0; slot < DEPTH; slot++) {
		struct io_uring_sqe *sqe;

		if (r->busy[slot])
			continue;
		sqe = io_uring_get_sqe(&r->ring);
		CHECK(sqe);
		r->busy[slot] = true;
		r->block[slot] = (seed + slot * 5) % FILE_BLOCKS;
		io_uring_prep_read(sqe, file, r->buf[slot], BLOCK, (__u64)r->block[slot] * BLOCK);
		io_uring_sqe_set_data64(sqe, slot);
		if (slot & 1)
			sqe->flags |= IOSQE_ASYNC;
		added++;
	}
	CHECK_EQ(io_uring_submit(&r->ring), added);
	r->submitted += added;
	pthread_mutex_unlock(&r->submission);
}

/* Reaps what a ring has, and waits up to a time for the first completion. Returns how many there were. */
static unsigned reap(struct shared_ring *r, long long wait_ns)
{
	struct __kernel_timespec ts = { .tv_sec = wait_ns / SEC, .tv_nsec = wait_ns % SEC };
	struct io_uring_cqe *cqe;
	unsigned seen = 0;

	lock(&r->completion);
	if (wait_ns && (r->killed || r->completed != r->submitted)) {
		int ret = io_uring_wait_cqes(&r->ring, &cqe, 1, &ts, NULL);

		CHECK(!ret || ret == -ETIME);
	}
	while (!io_uring_peek_cqe(&r->ring, &cqe)) {
		unsigned slot = (unsigned)io_uring_cqe_get_data64(cqe);

		CHECK(slot < DEPTH);
		CHECK(r->busy[slot] || r->killed);
		/* Those of a process that was killed may end before they are done. */
		if (!r->killed) {
			CHECK_EQ(cqe->res, BLOCK);
			CHECK_PATTERN(r->buf[slot], BLOCK, r->block[slot]);
		}
		io_uring_cqe_seen(&r->ring, cqe);
		r->busy[slot] = false;
		r->completed++;
		seen++;
	}
	pthread_mutex_unlock(&r->completion);
	return seen;
}

static void work(unsigned me)
{
	unsigned round;

	for (round = 0; round < ROUNDS || me == VICTIM; round++) {
		submit_reads(&rings[me], me * 31 + round);
		reap(&rings[(me + round) % RINGS], SEC / 50);
		reap(&rings[me], 0);
	}
	/* What nobody else has reaped. */
	while (rings[me].completed != rings[me].submitted)
		reap(&rings[me], SEC / 50);
	_exit(0);
}

TEST(sixteen_processes)
{
	pid_t pids[RINGS];
	long long end;
	unsigned i, seen;

	NOT_UNDER("tsan", "it does not see what other processes synchronize");
	create();
	for (i = 0; i < RINGS; i++) {
		pids[i] = child();
		if (!pids[i])
			work(i);
	}
	/* Amid its work. */
	end = now() + 5 * SEC;
	while (rings[VICTIM].submitted < 3 * DEPTH && now() < end)
		usleep(1000);
	CHECK(rings[VICTIM].submitted >= 3 * DEPTH);
	rings[VICTIM].killed = true;
	CHECK_SYS(kill(pids[VICTIM], SIGKILL));
	for (i = 0; i < RINGS; i++) {
		int status;

		CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
		if (i == VICTIM)
			CHECK(WIFSIGNALED(status));
		else
			CHECK_EQ(status, 0);
	}
	for (i = 0; i < RINGS; i++) {
		/* All rings can still be reaped, used and exited, that of the killed process too. */
		if (i == VICTIM) {
			io_uring_submit(&rings[i].ring);
			while (reap(&rings[i], SEC / 5))
				;
			rings[i].killed = false;
			rings[i].completed = rings[i].submitted;
		}
		CHECK_EQ(rings[i].completed, rings[i].submitted);
		memset((void *)rings[i].busy, 0, sizeof(rings[i].busy));
		submit_reads(&rings[i], i);
		end = now() + 5 * SEC;
		for (seen = 0; seen < DEPTH && now() < end;)
			seen += reap(&rings[i], SEC / 50);
		CHECK(seen >= DEPTH);
		io_uring_queue_exit(&rings[i].ring);
	}
}

/* Who uses a ring whose polling thread has ended with its process is told so. */
TEST(polling_thread_is_killed)
{
	struct io_uring_params p = { .flags = IORING_SETUP_SQPOLL, .sq_thread_idle = 10 };
	int alive[2], tell[2], told, i;
	pid_t pid;
	char c;

	make_pipe(alive);
	make_pipe(tell);
	pid = child();
	if (!pid) {
		struct io_uring ring;

		CHECK_EQ(io_uring_queue_init_params(8, &ring, &p), 0);
		CHECK_WORKS(&ring);
		/* It must survive this process, so that it isn't made by child(). */
		if (!fork()) {
			close(alive[1]);
			fd_write(tell[1], "x", 1);
			if (read(alive[0], &c, 1))
				_exit(1);
			/* The thread may take a moment to end. */
			for (i = 0; i < 200; i++) {
				told = io_uring_enter(ring.ring_fd, 0, 0, IORING_ENTER_SQ_WAKEUP, NULL);
				if (told)
					break;
				usleep(10 * 1000);
			}
			fd_write(tell[1], &told, sizeof(told));
			_exit(0);
		}
		pause();
	}
	close(alive[1]);
	CHECK_EQ(read(tell[0], &c, 1), 1);
	CHECK_SYS(kill(pid, SIGKILL));
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK_EQ(read(tell[0], &told, sizeof(told)), sizeof(told));
	CHECK_EQ(told, -EOWNERDEAD);
}
