/* Processes that share rings, one of which is killed at a random moment, for `cargo xtask soak --moments`: the others go
 * on, nothing hangs, and no request of theirs is lost or completes twice. */
#include "flat.h"
#include "moments.h"

enum { PROCESSES = 4, SHARED = PROCESSES + 1, COMMON = PROCESSES, DEPTH = 8, WINDOW = 24, BLOCK = 512, FILE_BLOCKS = 64 };
enum { NOP, FILE_READ, WORKER, PIPE, TIME, MESSAGE, KINDS, MESSAGED = KINDS };

/* A request of a process. Only its process issues it again, once it is done. */
struct slot {
	/* Numbers of the last request that was issued, and of the last one that has completed. */
	volatile unsigned issued, done;
	unsigned kind, ring, block;
	unsigned char buf[BLOCK];
};

struct process {
	struct slot slots[WINDOW];
	struct __kernel_timespec ts;
	int pipe[2];
	volatile unsigned rounds;
	volatile bool killed, working;
};

struct shared_ring {
	/* Robust: who dies with it leaves it to others. */
	pthread_mutex_t submission, completion;
	struct io_uring ring;
	/* The completion that is being reaped, and its place in the CQ. Who is killed meanwhile leaves it in the CQ. */
	volatile __u64 data;
	volatile unsigned at;
};

static struct {
	struct shared_ring rings[SHARED];
	/* The last one is the parent, which looks after what is left. */
	struct process processes[PROCESSES + 1];
	volatile bool stop;
	unsigned long requests;
} *all;

static int file;
/* The process that runs this. */
static unsigned me;

/* Returns true if the last owner has died with it. A waiter that is killed takes the wake-up of the others with it, if
 * somebody else gets the mutex in between; so they look again after a while. */
static bool lock(pthread_mutex_t *mutex)
{
	int err;

	do {
		long long end = now_of(CLOCK_REALTIME) + SEC / 20;
		struct timespec ts = { .tv_sec = end / SEC, .tv_nsec = end % SEC };

		err = pthread_mutex_timedlock(mutex, &ts);
	} while (err == ETIMEDOUT);
	CHECK(!err || err == EOWNERDEAD);
	if (err)
		CHECK_EQ(pthread_mutex_consistent(mutex), 0);
	return err;
}

/* Who was killed while it prepared entries leaves them unfinished: they are taken back. */
static void lock_submission(struct shared_ring *r)
{
	if (lock(&r->submission))
		r->ring.sq.sqe_tail = r->ring.sq.sqe_head;
}

/* Issues a request; its user data, or 0 if all slots are in use. */
static __u64 issue_one(unsigned ring, unsigned kind)
{
	struct process *p = &all->processes[me];
	unsigned i;

	for (i = 0; i < WINDOW && p->slots[i].issued != p->slots[i].done; i++)
		;
	if (i == WINDOW)
		return 0;
	p->slots[i].kind = kind;
	p->slots[i].ring = ring;
	p->slots[i].block = random_below(FILE_BLOCKS);
	p->slots[i].issued++;
	__atomic_add_fetch(&all->requests, 1, __ATOMIC_RELAXED);
	return (__u64)(me + 1) << 48 | (__u64)i << 32 | p->slots[i].issued;
}

static struct slot *slot_of(__u64 data)
{
	unsigned p = (unsigned)(data >> 48) - 1, i = (unsigned)(data >> 32) & 0xffff;

	CHECK(p <= PROCESSES && i < WINDOW);
	return &all->processes[p].slots[i];
}

/* The requests of this process that a ring still has. */
static unsigned under_way(unsigned ring)
{
	struct process *p = &all->processes[me];
	unsigned i, n = 0;

	for (i = 0; i < WINDOW; i++)
		n += p->slots[i].issued != p->slots[i].done && p->slots[i].ring == ring;
	return n;
}

static struct io_uring_sqe *free_entry(struct shared_ring *r)
{
	struct io_uring_sqe *sqe;

	while (!(sqe = io_uring_get_sqe(&r->ring))) {
		CHECK(io_uring_submit(&r->ring) >= 0);
		if (r->ring.flags & IORING_SETUP_SQPOLL)
			CHECK(io_uring_sqring_wait(&r->ring) >= 0);
	}
	return sqe;
}

/* Prepares a request; true if its pipe must get a byte. */
static bool prepare(unsigned ring, unsigned kind)
{
	struct process *p = &all->processes[me];
	__u64 data = issue_one(ring, kind), other = 0;
	unsigned target = (ring + 1 + random_below(SHARED - 1)) % SHARED;
	struct io_uring_sqe *sqe;
	struct slot *s;

	if (!data)
		return false;
	s = slot_of(data);
	if (kind == MESSAGE && !(other = issue_one(target, MESSAGED)))
		s->kind = kind = NOP;
	sqe = free_entry(&all->rings[ring]);
	switch (kind) {
	case NOP:
		io_uring_prep_nop(sqe);
		break;
	case TIME:
		io_uring_prep_timeout(sqe, &p->ts, 0, 0);
		break;
	case PIPE:
		io_uring_prep_read(sqe, p->pipe[0], s->buf, 1, 0);
		break;
	case MESSAGE:
		io_uring_prep_msg_ring(sqe, all->rings[target].ring.ring_fd, 7, other, 0);
		break;
	default:
		io_uring_prep_read(sqe, file, s->buf, BLOCK, (__u64)s->block * BLOCK);
		if (kind == WORKER)
			sqe->flags |= IOSQE_ASYNC;
	}
	io_uring_sqe_set_data64(sqe, data);
	return kind == PIPE;
}

static void submit(unsigned ring, unsigned n)
{
	struct shared_ring *r = &all->rings[ring];
	unsigned bytes = 0;
	int ret;

	lock_submission(r);
	while (n--)
		bytes += prepare(ring, random_below(KINDS));
	do {
		ret = io_uring_submit(&r->ring);
		CHECK(ret >= 0);
	} while (!(r->ring.flags & IORING_SETUP_SQPOLL) && io_uring_sq_ready(&r->ring));
	pthread_mutex_unlock(&r->submission);
	while (bytes--)
		fd_write(all->processes[me].pipe[1], "x", 1);
}

static void account(struct shared_ring *r, const struct io_uring_cqe *cqe)
{
	static const int results[] = { 0, BLOCK, BLOCK, 1, -ETIME, 0, 7 };
	unsigned at = *r->ring.cq.khead + 1, number = (unsigned)cqe->user_data;
	struct slot *s = slot_of(cqe->user_data);
	struct process *p = &all->processes[(cqe->user_data >> 48) - 1];
	bool again = r->at == at && r->data == cqe->user_data && !has_fault("doubled");

	r->data = cqe->user_data;
	r->at = at;
	if (s->done == number || s->issued != number) {
		if (again)
			return;
		T_FAIL("a completion of %#llx, which isn't under way: doubled or unknown", (unsigned long long)cqe->user_data);
	}
	/* Those of a process that was killed may end before they are done. */
	if (!p->killed) {
		CHECK_EQ(cqe->res, results[s->kind]);
		if (s->kind == FILE_READ || s->kind == WORKER)
			CHECK_PATTERN_FROM(s->buf, BLOCK, s->block * BLOCK, 1);
	}
	s->done = number;
}

/* Reaps what a ring has. If there is nothing, waits up to a time; without an end if `wait_ns` is negative and a request of
 * this process is under way. */
static void reap(unsigned ring, long long wait_ns)
{
	struct shared_ring *r = &all->rings[ring];
	struct __kernel_timespec ts = nsec(wait_ns < 0 ? 0 : wait_ns);
	struct io_uring_cqe *cqe;
	int ret = 0;

	lock(&r->completion);
	if (wait_ns > 0)
		ret = io_uring_wait_cqes(&r->ring, &cqe, 1, &ts, NULL);
	else if (wait_ns < 0 && under_way(ring))
		ret = io_uring_wait_cqe(&r->ring, &cqe);
	CHECK(!ret || ret == -ETIME || ret == -EINTR);
	while (!io_uring_peek_cqe(&r->ring, &cqe)) {
		account(r, cqe);
		if (has_fault("doubled"))
			account(r, cqe);
		io_uring_cqe_seen(&r->ring, cqe);
	}
	pthread_mutex_unlock(&r->completion);
}

/* Waits for all requests of this process. */
static void drain(void)
{
	unsigned ring;

	for (ring = 0; ring < SHARED; ring++) {
		while (under_way(ring))
			reap(ring, -1);
	}
}

static void work(void)
{
	struct process *p = &all->processes[me];

	random_state ^= (me + 1) * 0x9e3779b97f4a7c15ULL;
	while (!all->stop) {
		unsigned other = random_below(SHARED);

		submit(random_below(2) ? me : COMMON, 1 + random_below(6));
		reap(other, other % 2 ? MSEC : 0);
		reap(me, -1);
		reap(COMMON, 0);
		if (!random_below(4))
			drain();
		p->rounds++;
		p->working = true;
	}
	drain();
	if (has_fault("lost") && me == 1)
		p->slots[0].issued++;
	_exit(0);
}

static void create(void)
{
	static const unsigned kinds[] = { 0, IORING_SETUP_COOP_TASKRUN, IORING_SETUP_CQSIZE, IORING_SETUP_SQPOLL };
	unsigned i, kind = kinds[random_below(ARRAY_LEN(kinds))];
	pthread_mutexattr_t attr;

	memset(all, 0, sizeof(*all));
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	for (i = 0; i < SHARED; i++) {
		struct io_uring_params p = { .flags = i == COMMON || !random_below(8) ? kind : 0 };

		p.cq_entries = DEPTH;
		p.sq_thread_idle = 1 + random_below(20);
		CHECK_EQ(io_uring_queue_init_params(DEPTH, &all->rings[i].ring, &p), 0);
		CHECK_EQ(pthread_mutex_init(&all->rings[i].submission, &attr), 0);
		CHECK_EQ(pthread_mutex_init(&all->rings[i].completion, &attr), 0);
	}
	for (i = 0; i <= PROCESSES; i++) {
		make_pipe(all->processes[i].pipe);
		all->processes[i].ts = nsec(1 + random_below(2 * MSEC));
	}
}

/* All rings can still be reaped, used and exited. */
static void clean_up(void)
{
	unsigned i, j;

	for (i = 0; i < PROCESSES; i++) {
		const struct process *p = &all->processes[i];

		for (j = 0; j < WINDOW && !p->killed; j++) {
			if (p->slots[j].issued != p->slots[j].done)
				T_FAIL("lost: request %u of process %u, of kind %u in ring %u", j, i, p->slots[j].kind,
				       p->slots[j].ring);
		}
	}
	me = PROCESSES;
	for (i = 0; i < SHARED; i++)
		submit(i, 4);
	drain();
	for (i = 0; i < SHARED; i++)
		io_uring_queue_exit(&all->rings[i].ring);
	for (i = 0; i <= PROCESSES; i++) {
		close(all->processes[i].pipe[0]);
		close(all->processes[i].pipe[1]);
	}
}

static void moment(void)
{
	unsigned victim = random_below(PROCESSES), rounds[PROCESSES], i;
	long long end = now() + PATIENCE;
	pid_t pids[PROCESSES];

	create();
	for (i = 0; i < PROCESSES; i++) {
		pids[i] = child();
		if (!pids[i]) {
			me = i;
			work();
		}
	}
	/* Half of them before it has done anything, perhaps. */
	while (random_below(2) && !all->processes[victim].working && now() < end)
		usleep(100);
	usleep(random_below(4000));
	all->processes[victim].killed = true;
	CHECK_SYS(kill(pids[victim], SIGKILL));
	ends(pids[victim], SIGKILL);
	for (i = 0; i < PROCESSES; i++)
		rounds[i] = all->processes[i].rounds;
	for (i = 0; i < PROCESSES; i++) {
		while (i != victim && all->processes[i].rounds < rounds[i] + 3 && now() < end)
			usleep(200);
	}
	all->stop = true;
	for (i = 0; i < PROCESSES; i++) {
		if (i != victim)
			ends(pids[i], 0);
	}
	clean_up();
}

TEST(killed)
{
	unsigned char blocks[FILE_BLOCKS * BLOCK];

	begin_moments();
	all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(all != MAP_FAILED);
	file = tmp_filled("blocks", sizeof(blocks), 1);
	while (another_moment(true)) {
		moment();
		counters[OPERATIONS] += all->requests;
	}
	end_moments("processes killed", "operations");
}
