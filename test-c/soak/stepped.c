/* A process that is killed at a random instruction of a call on a ring that it shares with its parent, for
 * `cargo xtask soak --moments`: the parent loses none of its completions, and the ring works on. */
#include "moments.h"
#include <sys/ptrace.h>

enum { ENTRIES = 4, MINE = 20, CALLS = 5 };
/* More instructions than any of the calls takes. */
#define MOST 20000

static struct {
	struct io_uring ring, other;
	unsigned steps[CALLS];
} *all;

static void add(struct io_uring *ring, __u64 data)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	CHECK(sqe);
	io_uring_prep_nop(sqe);
	io_uring_sqe_set_data64(sqe, data);
}

/* What the child does. None of it reaps what is the parent's. */
static void make_call(unsigned call)
{
	struct io_uring *ring = &all->ring, copy = *ring;
	struct io_uring_sqe *sqe;

	switch (call) {
	case 0:
		/* Moves the parent's completions to the CQ, as far as there is room. */
		io_uring_get_events(ring);
		break;
	case 1:
		add(ring, 0);
		add(ring, 0);
		io_uring_submit_and_get_events(ring);
		break;
	case 2:
		sqe = io_uring_get_sqe(ring);
		io_uring_prep_msg_ring(sqe, all->other.ring_fd, 0, 0, 0);
		io_uring_sqe_set_data64(sqe, 0);
		io_uring_submit(ring);
		break;
	case 3:
		if (!fork())
			_exit(0);
		break;
	default:
		io_uring_queue_exit(&copy);
	}
}

/* Runs a call in a child, which is killed before its instruction `most`; how many it has made. */
static unsigned stepped(unsigned call, unsigned most)
{
	unsigned steps = 0;
	int status;
	pid_t pid = child();

	if (!pid) {
		CHECK_SYS(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
		raise(SIGSTOP);
		make_call(call);
		raise(SIGSTOP);
		_exit(1);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	while (steps < most) {
		CHECK_SYS(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL));
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK(WIFSTOPPED(status));
		if (WSTOPSIG(status) == SIGSTOP)
			break;
		/* Of the call that forks. */
		if (WSTOPSIG(status) != SIGCHLD)
			CHECK_EQ(WSTOPSIG(status), SIGTRAP);
		steps++;
	}
	CHECK_SYS(kill(pid, SIGKILL));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	return steps;
}

static bool readable(const struct io_uring *ring, int ms)
{
	struct pollfd entry = { .fd = ring->ring_fd, .events = POLLIN };
	int found = poll(&entry, 1, ms);

	CHECK(found >= 0);
	return found;
}

/* The next completion that is the parent's; 0 if there is none and none is waited for. */
static __u64 next_of_mine(struct io_uring *ring, bool wait)
{
	struct __kernel_timespec ts = nsec(PATIENCE);
	struct io_uring_cqe *cqe;
	__u64 data = 0;

	while (!data) {
		int ret = wait ? io_uring_wait_cqes(ring, &cqe, 1, &ts, NULL) : io_uring_peek_cqe(ring, &cqe);

		if (ret == -EAGAIN && !wait)
			return 0;
		if (ret == -ETIME)
			T_FAIL("a completion is lost, or nobody was told");
		CHECK_EQ(ret, 0);
		data = cqe->user_data;
		io_uring_cqe_seen(ring, cqe);
	}
	return data;
}

/* The ring works, and its descriptor is readable when something is there and only then. */
static void works(struct io_uring *ring, __u64 data, pid_t waiter)
{
	int i;

	/* The first call may find what the child had begun. */
	for (i = 0; i < 2; i++) {
		if (next_of_mine(ring, false))
			T_FAIL("a completion too many");
		CHECK(io_uring_get_events(ring) >= 0);
	}
	if (readable(ring, 0))
		T_FAIL("the ring's descriptor is readable, but there is nothing");
	add(ring, data);
	CHECK_EQ(io_uring_submit(ring), 1);
	if (!readable(ring, 10000))
		T_FAIL("the ring's descriptor is not readable, but a completion is there");
	if (waiter)
		ends(waiter, 0);
	CHECK_EQ(next_of_mine(ring, true), data);
}

/* The child may have died with entries that it had not yet submitted, or that nobody has taken. */
static void take_back(struct io_uring *ring)
{
	ring->sq.sqe_tail = ring->sq.sqe_head;
	while (io_uring_sq_ready(ring))
		CHECK(io_uring_submit(ring) >= 0);
}

/* A process that waits for the ring, asleep. */
static pid_t start_waiter(void)
{
	char path[32], state = 0;
	pid_t pid = child();
	FILE *file;

	if (!pid) {
		struct io_uring_cqe *cqe;

		_exit(io_uring_wait_cqe(&all->ring, &cqe) != 0);
	}
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	while (state != 'S') {
		usleep(100);
		file = fopen(path, "re");
		CHECK(file);
		CHECK_EQ(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
		fclose(file);
	}
	return pid;
}

static void moment(unsigned call, bool whole)
{
	struct io_uring_params p = { .flags = IORING_SETUP_CQSIZE, .cq_entries = ENTRIES };
	bool backlog = random_below(2);
	unsigned char seen[MINE] = { 0 };
	unsigned steps, i;
	pid_t waiter = 0;

	CHECK_EQ(io_uring_queue_init_params(ENTRIES, &all->ring, &p), 0);
	CHECK_EQ(io_uring_queue_init(ENTRIES, &all->other, 0), 0);
	for (i = 0; backlog && i < MINE; i++) {
		add(&all->ring, 1 + i);
		CHECK_EQ(io_uring_submit(&all->ring), 1);
	}
	/* Makes room for some of the others. */
	for (i = random_below(ENTRIES + 1); backlog && i; i--)
		seen[next_of_mine(&all->ring, true) - 1]++;
	if (!backlog)
		waiter = start_waiter();
	steps = stepped(call, whole ? MOST : random_below(all->steps[call] + 1));
	if (whole)
		all->steps[call] = steps;
	/* What can be seen was told to those who wait, without another call on the ring. */
	if (io_uring_cq_ready(&all->ring)) {
		if (!readable(&all->ring, 10000))
			T_FAIL("a completion is there, but the ring's descriptor is not readable");
		if (waiter)
			ends(waiter, 0);
		waiter = 0;
	}
	/* Fork takes the ring's lock, too. */
	if (random_below(2)) {
		pid_t pid = child();

		if (!pid)
			_exit(0);
		ends(pid, 0);
	}
	take_back(&all->ring);
	for (i = 0; backlog && i < MINE; i++) {
		while (!seen[i]) {
			__u64 data = next_of_mine(&all->ring, true);

			CHECK(data <= MINE);
			if (seen[data - 1]++ || has_fault("doubled"))
				T_FAIL("a completion of %llu, which isn't under way: doubled", (unsigned long long)data);
		}
	}
	works(&all->ring, 100, waiter);
	works(&all->other, 101, 0);
	io_uring_queue_exit(&all->ring);
	io_uring_queue_exit(&all->other);
	counters[OPERATIONS] += steps;
}

TEST(stepped)
{
	unsigned call;

	begin_moments();
	all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(all != MAP_FAILED);
	for (call = 0; call < CALLS; call++)
		moment(call, true);
	while (another_moment(true))
		moment(random_below(CALLS), false);
	end_moments("processes killed at an instruction", "instructions");
}
