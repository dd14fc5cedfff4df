/* The state of the fuzzer's operations, and how they record what they see.
 *
 * Every run gives the same results: none depends on time. Requests that wait for an event wait for what this thread
 * does (pipes, sockets, other rings), and complete at once. A wait that nothing else can end is always ended by a
 * signal. Timeout requests never expire. What goes to the kernel's worker threads, or to an SQPOLL thread, is awaited
 * within the operation. */
#ifndef IRONRING_FUZZ_WORLD_H
#define IRONRING_FUZZ_WORLD_H

#include "../state.h"
#include "known.h"
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#define RINGS 4
/* The ring in which nothing but operations that are alone is submitted. */
#define LONE 3
#define GROUPS 2
#define MEMORY (1 << 16)

/* So many entries are remembered. */
#define HISTORY 1024

struct slot {
	struct io_uring ring;
	int alive;
	/* Had a request that may still be pending, or may have a completion coming from elsewhere. */
	int waits;
	/* The CQ index up to which completions were recorded. */
	unsigned seen;
	/* With SQPOLL: the nops queued and submitted so far. */
	unsigned queued, submitted;
	/* The user data of the last entry, and the entry. */
	unsigned serial;
	struct io_uring_sqe *last;
	/* The opcodes of entries, by user data; those that follow another in a chain; those that have completed. */
	unsigned char opcodes[HISTORY];
	unsigned linked[HISTORY], completed[HISTORY];
	/* What the queued entries write to, and what those read from that start behind another: sets of pairs. */
	unsigned written, read_later;
	/* Some completions did not fit into the CQ. */
	int blurred;
	/* Where its requests accept, if it isn't 0. */
	int listener;
	/* The size that queue_init_mem used. */
	size_t used;
	struct io_uring_buf_ring *buffers[GROUPS];
	unsigned nr_buffers[GROUPS];
};

static struct slot slots[RINGS];
static char ring_memory[RINGS][MEMORY] __attribute__((aligned(4096)));
static char data[16][1024];
static struct text trace;
static int pipes[2][2], sockets[2], event, file;
/* A folder for files, open only if it exists. */
static int folder = -1;
/* An eventfd was registered: how often it is signaled isn't promised, so that what was read from it isn't compared. */
static int signaled;
/* A ring was exited with requests pending: the kernel releases what they hold at a time of its own. */
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

/* A call that may wait forever. Where the engine is compared, its threads get some time first. */
#define WAITED(EXPRESSION)						\
	do {								\
		const suseconds_t pause = known_names ? 2000 : 60;		\
		const struct itimerval often = { { 0, pause }, { 0, pause } }, off = { { 0, 0 }, { 0, 0 } };	\
									\
		setitimer(ITIMER_REAL, &often, NULL);			\
		RETURNED(EXPRESSION);					\
		setitimer(ITIMER_REAL, &off, NULL);			\
	} while (0)

/* What a program has used of the kernel's interface: how often each opcode and each command of io_uring_register() was
 * asked for, and how often that succeeded. */
static struct tally {
	unsigned asked, done;
} opcodes[IORING_OP_LAST], commands[IORING_REGISTER_LAST];

static void counted(struct tally *all, size_t length, unsigned which, int done)
{
	if (which >= length)
		return;
	all[which].asked++;
	all[which].done += done != 0;
}

/* A call that makes a command of io_uring_register(). */
#define COMMAND(OPCODE, EXPRESSION)					\
	do {								\
		long result_;						\
									\
		RETURNED(result_ = (long)(EXPRESSION));			\
		counted(commands, IORING_REGISTER_LAST, OPCODE, result_ >= 0);	\
	} while (0)

/* Sets `s` and `ring`, or ends the operation: ~ in the trace says that the library wasn't called. */
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

/* An entry for a request that may have to wait. */
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

/* Gives an entry its user data. */
static void number_entry(struct slot *s, struct io_uring_sqe *sqe)
{
	io_uring_sqe_set_data64(sqe, ++s->serial);
	s->opcodes[s->serial % HISTORY] = sqe->opcode;
	counted(opcodes, IORING_OP_LAST, sqe->opcode, 0);
}

static int descriptor(unsigned which)
{
	const int all[] = { pipes[0][0], pipes[0][1], pipes[1][0], pipes[1][1], sockets[0], sockets[1], event, -1 };

	return all[which % 8];
}

/* The pipes and sockets that an entry may use, a bit for each pair. */
static unsigned pairs_of(const struct io_uring_sqe *sqe)
{
	unsigned pairs = 0, i;

	if (sqe->flags & IOSQE_FIXED_FILE)
		return ~0U;
	for (i = 0; i < 7; i++)
		pairs |= sqe->fd == descriptor(i) ? 1U << i / 2 : 0;
	return pairs;
}

/* Memory that is written next, from its start: not 0, which would be no news for an eventfd. */
static char *nonzero(char *from)
{
	if (known("zero"))
		*from |= 1;
	return from;
}

static int writes(const struct io_uring_sqe *sqe)
{
	return sqe->opcode == IORING_OP_WRITE || sqe->opcode == IORING_OP_WRITEV || sqe->opcode == IORING_OP_WRITE_FIXED ||
	       sqe->opcode == IORING_OP_WRITEV_FIXED || sqe->opcode == IORING_OP_SEND || sqe->opcode == IORING_OP_SENDMSG;
}

static int reads(const struct io_uring_sqe *sqe)
{
	return sqe->opcode == IORING_OP_READ || sqe->opcode == IORING_OP_READV || sqe->opcode == IORING_OP_READ_FIXED ||
	       sqe->opcode == IORING_OP_READV_FIXED || sqe->opcode == IORING_OP_RECV || sqe->opcode == IORING_OP_RECVMSG ||
	       sqe->opcode == IORING_OP_READ_MULTISHOT;
}

/* Whether a request ends others, whatever they wait for. */
static int cancels(const struct io_uring_sqe *sqe)
{
	return sqe->opcode == IORING_OP_ASYNC_CANCEL || sqe->opcode == IORING_OP_POLL_REMOVE;
}

/* Keeps a request that starts behind another from what a submission writes: somebody may have waited for that, and has it
 * first. */
static void take_turns(struct slot *s, struct io_uring_sqe *sqe)
{
	unsigned pairs = cancels(sqe) ? ~0U : pairs_of(sqe);
	int behind = s->last && s->last->flags & CHAIN, takes = reads(sqe) || cancels(sqe);

	/* It is the first in the queue. */
	if (io_uring_sq_ready(&s->ring) <= 1)
		s->written = s->read_later = 0;
	if ((takes || writes(sqe)) && behind && s->written & pairs) {
		s->last->flags &= (__u8)~CHAIN;
		behind = 0;
	}
	if (writes(sqe) && s->read_later & pairs) {
		io_uring_prep_nop(sqe);
		return;
	}
	if (writes(sqe))
		s->written |= pairs;
	if (takes && behind)
		s->read_later |= pairs;
}

/* The pipes and sockets for which requests poll. */
static unsigned polled_pairs;

/* Whether a request takes or repeats what was written in the same submission, and what somebody may poll for. */
static int changes_event(struct slot *s, const struct io_uring_sqe *sqe)
{
	unsigned pairs = pairs_of(sqe);

	if (sqe->opcode == IORING_OP_POLL_ADD)
		polled_pairs |= pairs;
	/* An event that goes within the submission, and two around the start of a poll request, are one on the kernel. On the
	 * engine that depends on when the driver's thread looks, as known.toml says. */
	if (io_uring_sq_ready(&s->ring) <= 1 || !(s->written & pairs & polled_pairs))
		return 0;
	return known_names && (reads(sqe) || writes(sqe));
}

/* The ring that reads from each pair, counted from 1. */
static unsigned readers[4];

/* Whether another ring may wait for the same data. With DEFER_TASKRUN the order in which both go on is that of their enters. */
static int read_elsewhere(const struct slot *s, const struct io_uring_sqe *sqe)
{
	unsigned pairs = pairs_of(sqe), me = (unsigned)(s - slots) + 1, i;

	for (i = 0; i < 4; i++) {
		if (!(pairs & 1U << i))
			continue;
		if (readers[i] && readers[i] != me &&
		    (s->ring.flags | slots[readers[i] - 1].ring.flags) & IORING_SETUP_DEFER_TASKRUN)
			return 1;
		readers[i] = me;
	}
	return 0;
}

/* Called after preparing, which clears the flags. ASYNC and DRAIN need worker threads, see `alone`. */
static void finish(struct slot *s, struct io_uring_sqe *sqe, unsigned flags)
{
	flags &= CHAIN | IOSQE_CQE_SKIP_SUCCESS | IOSQE_BUFFER_SELECT | IOSQE_FIXED_FILE;
	/* A request of an abandoned ring may still use the slot. */
	if (abandoned)
		flags &= ~(unsigned)IOSQE_FIXED_FILE;
	io_uring_sqe_set_flags(sqe, sqe->flags | flags);
	if (known("deferred") && reads(sqe) && read_elsewhere(s, sqe))
		io_uring_prep_nop(sqe);
	if (changes_event(s, sqe))
		io_uring_prep_nop(sqe);
	if (known("turns"))
		take_turns(s, sqe);
	number_entry(s, sqe);
	if (s->last && s->last->flags & CHAIN && sqe->opcode != IORING_OP_LINK_TIMEOUT)
		s->linked[s->serial % HISTORY] = s->serial;
	/* What follows in the chain starts at a later enter: `alone` would count its completion as its own. */
	s->waits |= flags & CHAIN && s->ring.flags & IORING_SETUP_DEFER_TASKRUN;
	s->last = sqe;
}

/* A chain that continues after the last submitted entry would go to the worker threads. */
static void close_chain(struct slot *s)
{
	if (s->last)
		s->last->flags &= (__u8)~CHAIN;
	s->last = NULL;
}

static void fresh_descriptors(void)
{
	if (pipe2(pipes[0], O_CLOEXEC) || pipe2(pipes[1], O_CLOEXEC) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets))
		abort();
	event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

/* A socket that listens for a ring, so that no two rings accept from it. */
static int listening(struct slot *s)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };

	if (s->listener)
		return s->listener;
	s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->listener < 0 || bind(s->listener, (void *)&name, sizeof(name.sun_family)) || listen(s->listener, 100))
		abort();
	return s->listener;
}

#endif
