/* Submitting, waiting, and handling completions. */
#include "rare_ops.h"

/* For operations that may submit. */
#define TAKING(R)		\
	LIVE(R);		\
				\
	close_chain(s)

/* The kernel's thread must have taken and completed everything before the trace is recorded. */
static void settle(struct slot *s)
{
	s->submitted = s->queued;
	while (polled(s) && (io_uring_smp_load_acquire(s->ring.sq.khead) != *s->ring.sq.ktail ||
			     io_uring_smp_load_acquire(s->ring.cq.ktail) != s->submitted))
		sched_yield();
}

/* A disabled ring with SQPOLL takes nothing, and waiting for it never ends. */
#define POLLED_WORKS()									\
	do {										\
		if (polled(s) && ring->flags & IORING_SETUP_R_DISABLED)			\
			REFUSE("polled and disabled");					\
	} while (0)

/* A wait on an IOPOLL ring for what nobody polls enters the kernel again and again. And Linux 6.18 itself spins in the
 * wait, unreachable even by SIGKILL, after a completion of two slots didn't fit into a mixed CQ with one slot left: on
 * a mixed ring never wait for more than there is. */
#define NOT_SPINNING(COUNT)								\
	do {										\
		POLLED_WORKS();								\
		if (ring->flags & (IORING_SETUP_IOPOLL | IORING_SETUP_CQE_MIXED) && io_uring_cq_ready(ring) < (COUNT))	\
			REFUSE("would spin");						\
	} while (0)

/* A time limit that is a request: the SQPOLL thread takes it at any time, and on a disabled ring it stays queued with
 * the peer only. In a full queue it takes a submission of its own, before which the engine runs what the kernel defers. If
 * an entry before it ends the submission, ironring takes it back. */
#define OLD_LIMIT_WORKS()								\
	do {										\
		if (!(ring->features & IORING_FEAT_EXT_ARG) &&				\
		    (polled(s) || ring->flags & IORING_SETUP_R_DISABLED ||		\
		     (ring->flags & IORING_SETUP_DEFER_TASKRUN && !io_uring_sq_space_left(ring) && known("deferred"))))	\
			REFUSE("not this ring");					\
		if (!(ring->features & IORING_FEAT_EXT_ARG) && io_uring_sq_ready(ring) && !(ring->flags & IORING_SETUP_SUBMIT_ALL))	\
			REFUSE("better");						\
	} while (0)

/* Times: none, already over, soon, never. Without EXT_ARG they become requests, which must not expire. */
static struct __kernel_timespec *time_of(const struct slot *s, unsigned which)
{
	static struct __kernel_timespec zero, soon = { .tv_nsec = 1000 };
	struct __kernel_timespec *const all[] = { NULL, &zero, &soon, &never };
	struct __kernel_timespec *ts = all[which % 4];

	return ts && !(s->ring.features & IORING_FEAT_EXT_ARG) ? &never : ts;
}

/* Masks: none, one that changes nothing, one that lets a pending signal in. */
static sigset_t *mask_of(unsigned which)
{
	static sigset_t set;

	sigemptyset(&set);
	switch (which % 3) {
	case 0:
		return NULL;
	case 1:
		sigaddset(&set, SIGUSR1);
		sigaddset(&set, SIGUSR2);
		return &set;
	default:
		raise(SIGUSR1);
		return &set;
	}
}

/* A signal ends only waits that no time ends: which of the two is first would depend on the machine. */
#define TIMED(TS, EXPRESSION)				\
	do {						\
		if ((TS) && (TS) != &never)		\
			RETURNED(EXPRESSION);		\
		else					\
			WAITED(EXPRESSION);		\
	} while (0)

static void say_first(struct slot *s, const struct io_uring_cqe *cqe)
{
	if (cqe == (void *)&slots)
		note(" untouched");
	else
		tell_cqe(s, cqe);
}
#define FIRST struct io_uring_cqe *cqe = (void *)&slots

static void submit(unsigned r)
{
	TAKING(r);
	POLLED_WORKS();
	RETURNED(io_uring_submit(ring));
	settle(s);
}

static void submit_and_wait(unsigned r, unsigned count)
{
	TAKING(r);
	POLLED_WORKS();
	if (polled(s) || (ring->flags & IORING_SETUP_CQE_MIXED && io_uring_cq_ready(ring) < count))
		count = 0;
	WAITED(io_uring_submit_and_wait(ring, count));
	settle(s);
}

static void submit_and_get_events(unsigned r)
{
	TAKING(r);
	POLLED_WORKS();
	RETURNED(io_uring_submit_and_get_events(ring));
	settle(s);
}

static void submit_wait_timeout(unsigned r, unsigned count, unsigned when, unsigned mask)
{
	FIRST;
	TAKING(r);
	struct __kernel_timespec *ts = time_of(s, when);

	NOT_SPINNING(count + 1);
	if (polled(s))
		REFUSE("polled");
	OLD_LIMIT_WORKS();
	/* The library's own timeout is a request. */
	s->waits |= !(ring->features & IORING_FEAT_EXT_ARG);
	TIMED(ts, io_uring_submit_and_wait_timeout(ring, &cqe, count, ts, mask_of(mask)));
	say_first(s, cqe);
}

/* After the shorter time fewer completions suffice: both times are short here, and no signal comes. */
static void submit_wait_min(unsigned r, unsigned count, unsigned when, unsigned mask)
{
	FIRST;
	TAKING(r);
	NOT_SPINNING(count + 1);
	if (polled(s) || !(ring->features & IORING_FEAT_EXT_ARG))
		REFUSE("not here");
	RETURNED(io_uring_submit_and_wait_min_timeout(ring, &cqe, count, time_of(s, 1 + when % 2), when & 4 ? 10 : 0,
						      mask_of(mask % 2)));
	say_first(s, cqe);
}

static struct io_uring_reg_wait *reg_waits;

static void submit_wait_reg(unsigned r, unsigned count, unsigned index)
{
	FIRST;
	TAKING(r);
	/* The engine has the library enter, and so finds out that there is no such wait. */
	if (known("taskrun") && !count)
		count = 1;
	NOT_SPINNING(count + 1);
	if (polled(s) || !(ring->features & IORING_FEAT_EXT_ARG))
		REFUSE("not here");
	/* The second wait that `region` registers has a time. */
	if (index % 8 == 1)
		RETURNED(io_uring_submit_and_wait_reg(ring, &cqe, count, 1));
	else
		WAITED(io_uring_submit_and_wait_reg(ring, &cqe, count, (int)(index % 8)));
	say_first(s, cqe);
}

static void wait_cqes(unsigned r, unsigned count, unsigned when, unsigned mask)
{
	FIRST;
	TAKING(r);
	struct __kernel_timespec *ts = time_of(s, when);

	NOT_SPINNING(count + 1);
	OLD_LIMIT_WORKS();
	s->waits |= !(ring->features & IORING_FEAT_EXT_ARG);
	TIMED(ts, io_uring_wait_cqes(ring, &cqe, count, ts, mask_of(mask)));
	say_first(s, cqe);
}

static void wait_cqes_min(unsigned r, unsigned count, unsigned when, unsigned mask)
{
	FIRST;
	TAKING(r);
	struct __kernel_timespec *ts = time_of(s, 1 + when % 2);

	NOT_SPINNING(count + 1);
	/* On a ring without EXT_ARG the time is `never`, but no request. */
	TIMED(ts, io_uring_wait_cqes_min_timeout(ring, &cqe, count, ts, when & 4 ? 10 : 0, mask_of(mask % 2)));
	say_first(s, cqe);
}

static void wait_cqe_timeout(unsigned r, unsigned when)
{
	FIRST;
	TAKING(r);
	struct __kernel_timespec *ts = time_of(s, when);

	NOT_SPINNING(1U);
	OLD_LIMIT_WORKS();
	s->waits |= !(ring->features & IORING_FEAT_EXT_ARG);
	TIMED(ts, io_uring_wait_cqe_timeout(ring, &cqe, ts));
	say_first(s, cqe);
}

static void wait_cqe(unsigned r)
{
	FIRST;
	TAKING(r);
	NOT_SPINNING(1U);
	WAITED(io_uring_wait_cqe(ring, &cqe));
	say_first(s, cqe);
}

static void wait_cqe_nr(unsigned r, unsigned count)
{
	FIRST;
	TAKING(r);
	NOT_SPINNING(count + 1);
	WAITED(io_uring_wait_cqe_nr(ring, &cqe, count));
	say_first(s, cqe);
}

static void get_events(unsigned r)
{
	LIVE(r);
	RETURNED(io_uring_get_events(ring));
}

static void sqring_wait(unsigned r)
{
	LIVE(r);
	POLLED_WORKS();
	WAITED(io_uring_sqring_wait(ring));
}

static void bare_enter(unsigned r, unsigned count, unsigned events)
{
	TAKING(r);
	if (polled(s) || ring->ring_fd < 0)
		REFUSE("not here");
	if (ring->flags & IORING_SETUP_CQE_MIXED && io_uring_cq_ready(ring) < count)
		count = 0;
	/* The same call as a submit makes, but whatever the state of the ring. */
	if (events)
		WAITED(io_uring_enter((unsigned)ring->ring_fd, 4096, count, IORING_ENTER_GETEVENTS, NULL));
	else
		RETURNED(io_uring_enter2((unsigned)ring->ring_fd, 4096, 0, 0, NULL, 8));
}

static void peek_cqe(unsigned r)
{
	FIRST;
	LIVE(r);
	RETURNED(io_uring_peek_cqe(ring, &cqe));
	say_first(s, cqe);
}

/* Whether the CQ holds only fillers, with completions behind them that the kernel holds back. */
static bool only_fillers(struct io_uring *ring)
{
	unsigned head = *ring->cq.khead, ready = io_uring_cq_ready(ring);

	if (!(ring->flags & IORING_SETUP_CQE_MIXED) || !ready)
		return false;
	while (ready--)
		if (!(ring->cq.cqes[head++ & ring->cq.ring_mask].flags & IORING_CQE_F_SKIP))
			return false;
	return io_uring_cq_has_overflow(ring);
}

static void peek_batch(unsigned r, unsigned count)
{
	struct io_uring_cqe *cqes[64];
	unsigned i, got;
	LIVE(r);

	/* The only deliberate difference that programs can see, see docs/differences.md. */
	if (only_fillers(ring))
		REFUSE("fillers");
	RETURNED(got = io_uring_peek_batch_cqe(ring, cqes, count % 64));
	for (i = 0; i < got; i++)
		tell_cqe(s, cqes[i]);
}

static void seen(unsigned r)
{
	FIRST;
	LIVE(r);
	RETURNED(io_uring_peek_cqe(ring, &cqe));
	say_first(s, cqe);
	if (cqe && cqe != (void *)&slots) {
		if (in_order(s))
			note(" %#llx %p", (unsigned long long)io_uring_cqe_get_data64(cqe), io_uring_cqe_get_data(cqe));
		io_uring_cqe_seen(ring, cqe);
	}
}

static void advance(unsigned r, unsigned count)
{
	LIVE(r);

	if (count > io_uring_cq_ready(ring))
		count = io_uring_cq_ready(ring);
	io_uring_cq_advance(ring, count);
	note(" by %u", count);
}

/* Reaps all. */
static void each(unsigned r)
{
	struct io_uring_cqe *cqe;
	unsigned head, slots_taken = 0;
	LIVE(r);

	io_uring_for_each_cqe(ring, head, cqe) {
		tell_cqe(s, cqe);
		slots_taken += io_uring_cqe_nr(cqe);
	}
	note(" %u", slots_taken);
	io_uring_cq_advance(ring, slots_taken);
}

static void iterate(unsigned r)
{
	struct io_uring_cqe_iter iterator;
	struct io_uring_cqe *cqe;
	LIVE(r);

	iterator = io_uring_cqe_iter_init(ring);
	while (io_uring_cqe_iter_next(&iterator, &cqe))
		tell_cqe(s, cqe);
}

static void toggle_eventfd(unsigned r, unsigned on)
{
	LIVE(r);
	RETURNED(io_uring_cq_eventfd_toggle(ring, on));
	note(" %d", io_uring_cq_eventfd_enabled(ring));
}
