/* What the parts of the soak share: random numbers, a ledger that detects lost and duplicate completions, counters. */
#ifndef IRONRING_SOAK_LEDGER_H
#define IRONRING_SOAK_LEDGER_H

#ifndef T_SECONDS
#define T_SECONDS (24 * 3600)
#endif
#include "../net.h"
#include <poll.h>
#include <pthread.h>

/* The fault to inject, for the self-test: leak, map, fd, byte, lost or doubled. */
static const char *fault = "";

/* A completion that has not come after this time is lost. Of a fault nobody needs to be sure. */
#define PATIENCE ((*fault ? 5 : 60) * SEC)

static inline bool has_fault(const char *name)
{
	return !strcmp(fault, name);
}

/* Of each thread. */
static __thread __u64 random_state;

static inline unsigned random_below(unsigned n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)(random_state >> 33) % n;
}

/* Counters, in the order in which they are printed. */
enum {
	CONNECTIONS, ECHOED, ENOBUFS_SEEN, COPIES, COPIED, CANCELS, RINGS, RESIZES, POLLED, HANDED_OVER, OPERATIONS,
	SERVED, COUNTERS
};

static const char *const counter_names[COUNTERS] = {
	"connections echoed", "bytes echoed", "times out of buffers", "files copied", "bytes copied",
	"requests cancelled", "rings made", "resizes", "operations of a polling thread",
	"operations handed to another thread", "operations", "operations of the server"
};
static _Atomic unsigned long long counters[COUNTERS];

/* Pending requests by user_data: a completion of an empty slot is a duplicate, a slot that stays full is a loss. */
#define LEDGER 4096

struct ledger {
	const char *name;
	unsigned out, next;
	unsigned char slots[LEDGER];
};

static inline unsigned issue(struct ledger *l, unsigned kind)
{
	CHECK(l->out < LEDGER);
	while (l->slots[l->next % LEDGER])
		l->next++;
	l->slots[l->next % LEDGER] = (unsigned char)kind;
	l->out++;
	return l->next++ % LEDGER;
}

/* The kind of the request that has completed; removes it unless more completions follow. */
static inline unsigned completed(struct ledger *l, struct done cqe)
{
	unsigned kind = cqe.user_data < LEDGER ? l->slots[cqe.user_data] : 0;

	if (!kind)
		T_FAIL("%s: a completion of %#llx, which isn't under way: doubled or unknown", l->name,
		       (unsigned long long)cqe.user_data);
	if (cqe.flags & IORING_CQE_F_MORE)
		return kind;
	l->slots[cqe.user_data] = 0;
	l->out--;
	return kind;
}

static inline void issued_at(struct ledger *l, struct io_uring_sqe *sqe, unsigned kind)
{
	io_uring_sqe_set_data64(sqe, issue(l, kind));
}

/* A free entry; submits first if the queue is full. */
static inline struct io_uring_sqe *entry(struct io_uring *ring)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	while (!sqe) {
		CHECK(io_uring_submit(ring) >= 0);
		if (ring->flags & IORING_SETUP_SQPOLL)
			CHECK(io_uring_sqring_wait(ring) >= 0);
		sqe = io_uring_get_sqe(ring);
	}
	return sqe;
}

/* Submits what is prepared and returns the next completion. If none comes within PATIENCE, one is lost. */
static inline struct done next_done(struct io_uring *ring, struct ledger *l)
{
	struct __kernel_timespec ts = nsec(PATIENCE);
	struct io_uring_cqe *cqe = NULL;
	struct done copy;
	int ret = io_uring_peek_cqe(ring, &cqe);

	/* Linux interrupts waits when another thread forks. */
	if (ret || io_uring_sq_ready(ring)) {
		do {
			ret = io_uring_submit_and_wait_timeout(ring, &cqe, 1, &ts, NULL);
		} while (ret == -EINTR);
	}
	if (ret == -ETIME)
		T_FAIL("%s: lost: %u requests have not completed", l->name, l->out);
	if (ret < 0 || !cqe)
		T_FAIL("%s: the wait returned %d", l->name, ret);
	copy.user_data = cqe->user_data;
	copy.res = cqe->res;
	copy.flags = cqe->flags;
	io_uring_cqe_seen(ring, cqe);
	return copy;
}

/* Fails if a request is pending or a completion is left. */
static inline void settled(struct io_uring *ring, struct ledger *l)
{
	struct io_uring_cqe *cqe;

	if (l->out)
		T_FAIL("%s: lost: %u requests have not completed", l->name, l->out);
	if (!io_uring_peek_cqe(ring, &cqe))
		T_FAIL("%s: one completion too many, of %#llx", l->name, (unsigned long long)cqe->user_data);
}

#endif
