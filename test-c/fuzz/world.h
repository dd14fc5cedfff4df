/* What the fuzzer's operations work on, and how they write down what they see.
 *
 * Everything here is the same in each run: no result depends on time. What waits for something from outside waits for
 * what this very thread does (pipes, sockets, other rings), and is seen at once. A wait that nothing can end is ended by a
 * signal, and then always by it: there is nothing else. Timeouts of requests never run out. What goes to the kernel's
 * worker threads, or to an SQPOLL thread, is waited for within the operation. */
#ifndef IRONRING_FUZZ_WORLD_H
#define IRONRING_FUZZ_WORLD_H

#include "../state.h"
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#define RINGS 3
#define GROUPS 2
#define MEMORY (1 << 16)

struct slot {
	struct io_uring ring;
	int alive;
	/* Had a request that may still be waiting for something, or may have a completion coming from elsewhere. */
	int waits;
	/* Up to where the CQ was written down. */
	unsigned seen;
	/* With SQPOLL: the nops queued and submitted so far. */
	unsigned queued, submitted;
	/* The user data of the last entry, and the entry. */
	unsigned serial;
	struct io_uring_sqe *last;
	/* Of queue_init_mem. */
	size_t used;
	struct io_uring_buf_ring *buffers[GROUPS];
	unsigned nr_buffers[GROUPS];
};

static struct slot slots[RINGS];
static char ring_memory[RINGS][MEMORY] __attribute__((aligned(4096)));
static char data[16][1024];
static struct text trace;
static int pipes[2][2], sockets[2], event, file;
/* A ring went down with requests in it: what they still hold goes in the kernel's own time. */
static int abandoned;

static struct __kernel_timespec never = { .tv_sec = 100000 };

#define CHAIN (IOSQE_IO_LINK | IOSQE_IO_HARDLINK)

#define note(...) say(&trace, __VA_ARGS__)

#define RETURNED(EXPRESSION)				\
	do {						\
		long returned_;				\
							\
		errno = 9999;				\
		returned_ = (long)(EXPRESSION);		\
		note(" %ld", returned_);		\
		if (errno != 9999)			\
			note(" errno=%d", errno);	\
	} while (0)

/* A call that may wait for ever. */
#define WAITED(EXPRESSION)						\
	do {								\
		static const struct itimerval often = { { 0, 60 }, { 0, 60 } }, off;	\
									\
		setitimer(ITIMER_REAL, &often, NULL);			\
		RETURNED(EXPRESSION);					\
		setitimer(ITIMER_REAL, &off, NULL);			\
	} while (0)

/* `s` and `ring`, or the end of the operation: ~ says that the library wasn't called. */
#define LIVE(INDEX)						\
	struct slot *s = &slots[(INDEX) % RINGS];		\
	struct io_uring *ring = &s->ring;			\
								\
	if (!s->alive) {					\
		note(" ~dead");					\
		return;						\
	}							\
	(void)ring

#define REFUSE(WHY)		\
	do {			\
		note(" ~" WHY);	\
		return;		\
	} while (0)

static int polled(const struct slot *s)
{
	return (s->ring.flags & IORING_SETUP_SQPOLL) != 0;
}

/* An entry for a request that may have to wait for something. */
static struct io_uring_sqe *entry(struct slot *s)
{
	struct io_uring_sqe *sqe = NULL;

	if (polled(s))
		note(" ~polled");
	else if (!(sqe = io_uring_get_sqe(&s->ring)))
		note(" ~full");
	else
		s->waits = 1;
	return sqe;
}

#define ENTRY(SQE)				\
	struct io_uring_sqe *SQE = entry(s);	\
						\
	if (!SQE)				\
		return

/* After the preparation, which clears all of it. ASYNC and DRAIN are left out: both mean worker threads, see `alone`. */
static void finish(struct slot *s, struct io_uring_sqe *sqe, unsigned flags)
{
	flags &= CHAIN | IOSQE_CQE_SKIP_SUCCESS | IOSQE_BUFFER_SELECT | IOSQE_FIXED_FILE;
	/* A slot may hold what an abandoned request has too. */
	if (abandoned)
		flags &= ~(unsigned)IOSQE_FIXED_FILE;
	io_uring_sqe_set_flags(sqe, sqe->flags | flags);
	io_uring_sqe_set_data64(sqe, ++s->serial);
	s->last = sqe;
}

/* A chain that goes on behind the last entry submitted would be for the worker threads. */
static void close_chain(struct slot *s)
{
	if (s->last)
		s->last->flags &= (__u8)~CHAIN;
	s->last = NULL;
}

static int descriptor(unsigned which)
{
	const int all[] = { pipes[0][0], pipes[0][1], pipes[1][0], pipes[1][1], sockets[0], sockets[1], event, -1 };

	return all[which % 8];
}

static void fresh_descriptors(void)
{
	if (pipe2(pipes[0], O_CLOEXEC) || pipe2(pipes[1], O_CLOEXEC) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets))
		abort();
	event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

/* The completions that came since the last look, without taking them. */
static void new_completions(struct slot *s)
{
	const struct io_uring *ring = &s->ring;
	unsigned tail = io_uring_smp_load_acquire(ring->cq.ktail);
	unsigned shift = io_uring_cqe_shift(ring);

	/* Whatever stands in the slots, the tail ends it. */
	while ((int)(tail - s->seen) > 0) {
		const struct io_uring_cqe *cqe = &ring->cq.cqes[(s->seen & ring->cq.ring_mask) << shift];

		note("\n    +");
		say_cqe(&trace, ring, cqe);
		if (ring->flags & IORING_SETUP_CQE_MIXED && cqe->flags & IORING_CQE_F_32)
			s->seen++;
		s->seen++;
	}
}

/* What moves in a ring; the rest is written down where it may change. */
static void moved(const struct slot *s)
{
	const struct io_uring *ring = &s->ring;

	note("\n  ring%ld: %u,%u ", (long)(s - slots), ring->sq.sqe_head, ring->sq.sqe_tail);
	if (!polled(s))
		note("%u,%#x ", *ring->sq.khead, *ring->sq.kflags);
	note("%u,%u; %u,%u %u,%u %#x %d,%d %u,%u,%d", *ring->sq.ktail, *ring->sq.kdropped, *ring->cq.khead,
	     *ring->cq.ktail, io_uring_cq_ready(ring), *ring->cq.koverflow, ring->int_flags, ring->ring_fd,
	     ring->enter_ring_fd, io_uring_sq_ready(ring), io_uring_sq_space_left(ring),
	     polled(s) ? 0 : io_uring_cq_has_overflow(ring));
}

static void whole(const struct slot *s)
{
	note("\n  whole:");
	say_ring(&trace, &s->ring);
}

static void interrupted(int signal)
{
	(void)signal;
}

static void begin(char *text, size_t size)
{
	struct sigaction action = { .sa_handler = interrupted };
	sigset_t blocked;

	trace = (struct text){ text, text + size };
	sigaction(SIGALRM, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	signal(SIGPIPE, SIG_IGN);
	fresh_descriptors();
	file = memfd_create("fuzz", MFD_CLOEXEC);
}

static void after_each(void)
{
	struct slot *s;

	for (s = slots; s < slots + RINGS; s++) {
		if (!s->alive)
			continue;
		moved(s);
		new_completions(s);
	}
	note("\n");
}

static unsigned long sum(const void *memory, size_t size)
{
	const unsigned char *byte = memory;
	unsigned long result = 5381;

	while (size--)
		result = result * 33 + *byte++;
	return result;
}

static void leave(struct slot *s)
{
	unsigned group;

	/* What its requests say when they go would wake those of other rings, in the kernel's own time. */
	if (s->waits)
		io_uring_unregister_eventfd(&s->ring);
	io_uring_queue_exit(&s->ring);
	s->alive = 0;
	for (group = 0; group < GROUPS; group++)
		if (s->buffers[group])
			munmap(s->buffers[group], s->nr_buffers[group] * sizeof(struct io_uring_buf));
	if (s->waits) {
		/* Its requests may still take from what they wait for: nobody else uses that any more. */
		abandoned = 1;
		fresh_descriptors();
	}
	memset(s, 0, sizeof(*s));
}

static void end(const struct belongings *before)
{
	static struct belongings now;
	/* Before the rings go: what was under way then may still be written to when it is looked at. */
	unsigned long written = abandoned ? 0 : sum(data, sizeof(data));
	struct slot *s;

	for (s = slots; s < slots + RINGS; s++)
		if (s->alive)
			whole(s);
	for (s = slots; s < slots + RINGS; s++)
		if (s->alive)
			leave(s);
	note("\nend: data %#lx", written);
	look(&now);
	say_changes(&trace, before, &now);
	note("\n");
}

#endif
