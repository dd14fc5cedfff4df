/* Creating and exiting rings, and changing a ring as a whole. */
#include "record.h"

/* Whether a ring has a message in its queue. */
static int messages_wait(void)
{
	unsigned i, at;

	for (i = 0; i < RINGS; i++) {
		const struct io_uring *ring = &slots[i].ring;

		for (at = slots[i].alive ? *ring->sq.khead : ring->sq.sqe_tail; at != ring->sq.sqe_tail; at++)
			if (ring->sq.sqes[(at & ring->sq.ring_mask) << io_uring_sqe_shift(ring)].opcode == IORING_OP_MSG_RING)
				return 1;
	}
	return 0;
}

/* Records the result of the call, and the ring if there is one. */
static void created(struct slot *s, long ret)
{
	if (ret < 0)
		return;
	s->alive = 1;
	/* A message that is still queued may be for another ring, whose descriptor had the same number. */
	s->waits = messages_wait();
	s->seen = *s->ring.cq.ktail;
	whole(s);
}

static void say_params(const struct io_uring_params *p)
{
	note(" (%u %u %#x %u %#x; %u %u %u %u; %u %u %u)", p->sq_entries, p->cq_entries, p->flags, p->sq_thread_idle,
	     p->features & ~untold.features, p->sq_off.head, p->sq_off.tail, p->sq_off.array, p->sq_off.flags, p->cq_off.head,
	     p->cq_off.cqes, p->cq_off.flags);
}

#define UNBORN(INDEX)						\
	struct slot *s = &slots[(INDEX) % RINGS];		\
	long ret;						\
								\
	if (s->alive) {						\
		note(" ~alive");					\
		return;						\
	}							\
	memset(s, 0, sizeof(*s))

/* Flags for a ring: the one whose requests are awaited at once works, and not by a thread of its own. */
static unsigned flags_for(unsigned r, unsigned setup)
{
	if (r % RINGS == LONE)
		setup &= ~(unsigned)(IORING_SETUP_R_DISABLED | IORING_SETUP_SQPOLL | IORING_SETUP_IOPOLL);
	if (known("newer"))
		setup &= ~(unsigned)(IORING_SETUP_SQE_MIXED | IORING_SETUP_SQ_REWIND);
	return setup;
}

/* The library allocates more than a page each for the SQEs and the rings: ironring works without huge pages. */
static int takes_pages(unsigned entries, struct io_uring_params p)
{
	return (p.flags & IORING_SETUP_NO_MMAP) && io_uring_memory_size_params(entries, &p) > 2 * 4096;
}

static void ring_init(unsigned r, unsigned entries, unsigned setup, unsigned cq_entries)
{
	struct io_uring_params p = { .flags = flags_for(r, setup), .cq_entries = cq_entries, .sq_thread_idle = 1 };
	UNBORN(r);

	if (takes_pages(entries, p))
		REFUSE("better");
	RETURNED(ret = io_uring_queue_init_params(entries, &s->ring, &p));
	if (ret >= 0)
		say_params(&p);
	created(s, ret);
}

static void ring_init_plain(unsigned r, unsigned entries, unsigned setup)
{
	struct io_uring_params p = { .flags = flags_for(r, setup) & ~(unsigned)IORING_SETUP_SQPOLL };
	UNBORN(r);

	if (takes_pages(entries, p))
		REFUSE("better");
	RETURNED(ret = io_uring_queue_init(entries, &s->ring, p.flags));
	created(s, ret);
}

static void ring_init_mem(unsigned r, unsigned entries, unsigned setup, unsigned size)
{
	struct io_uring_params p = { .flags = flags_for(r, setup) & ~(unsigned)(IORING_SETUP_SQPOLL | IORING_SETUP_CQSIZE) };
	char *memory = ring_memory[r % RINGS];
	size_t room = size ? MEMORY : 4096, i;
	UNBORN(r);

	/* The kernel takes down the last ring at a time of its own. */
	if (abandoned)
		REFUSE("abandoned");
	memset(memory, 0xa5, MEMORY);
	RETURNED(ret = io_uring_queue_init_mem(entries, &s->ring, &p, memory, room));
	/* A refused ring may have cleared its header. */
	for (i = ret > 0 ? (size_t)ret : 0; i < MEMORY && (memory[i] == (char)0xa5 || (ret < 0 && !memory[i])); i++)
		;
	/* Nothing may be written beyond the size that the library says it uses. */
	note(" %s", i == MEMORY ? "clean" : "OVERRUN");
	s->used = ret > 0 ? (size_t)ret : 0;
	if (ret >= 0)
		say_params(&p);
	created(s, ret);
}

static void ring_mmap(unsigned r, unsigned entries, unsigned setup)
{
	struct io_uring_params p = { .flags = setup };
	UNBORN(r);
	int fd;

	p.flags &= IORING_SETUP_CQE32 | IORING_SETUP_SQE128 | IORING_SETUP_CLAMP | IORING_SETUP_SINGLE_ISSUER |
		   IORING_SETUP_DEFER_TASKRUN;
	p.flags |= IORING_SETUP_NO_SQARRAY;
	RETURNED(fd = io_uring_setup(entries, &p));
	if (fd < 0)
		return;
	RETURNED(ret = io_uring_queue_mmap(fd, &p, &s->ring));
	created(s, ret);
}

static void ring_exit(unsigned r)
{
	LIVE(r);

	if (s->used)
		note(" %s", sum(ring_memory[r % RINGS] + s->used, MEMORY - s->used) ? "used" : "");
	leave(s);
}

static void resize(unsigned r, unsigned entries, unsigned cq_entries)
{
	struct io_uring_params p = { .sq_entries = entries, .cq_entries = cq_entries };
	LIVE(r);

	/* Where ironring deliberately does better. */
	if (!(ring->flags & IORING_SETUP_NO_MMAP) &&
	    (ring->ring_fd < 0 || io_uring_sq_ready(ring) ||
	     ((ring->flags & (IORING_SETUP_CQE32 | IORING_SETUP_CQE_MIXED)) && io_uring_cq_ready(ring))))
		REFUSE("better");
	/* The flags that Linux sets would stay. */
	if (ring->flags & IORING_SETUP_R_DISABLED && known("resized"))
		REFUSE("known");
	/* The original reads from here that one mapping holds both rings. */
	p.features = ring->features;
	if (cq_entries)
		p.flags = IORING_SETUP_CQSIZE;
	/* The entries move. */
	close_chain(s);
	COMMAND(IORING_REGISTER_RESIZE_RINGS, io_uring_resize_rings(ring, &p));
	say_params(&p);
	whole(s);
}

static void register_ring_fd(unsigned r)
{
	LIVE(r);

	COMMAND(IORING_REGISTER_RING_FDS, io_uring_register_ring_fd(ring));
}

static void unregister_ring_fd(unsigned r)
{
	LIVE(r);

	/* Otherwise the ring could not be reached at all. */
	if (ring->ring_fd < 0)
		REFUSE("closed");
	COMMAND(IORING_UNREGISTER_RING_FDS, io_uring_unregister_ring_fd(ring));
}

static void close_ring_fd(unsigned r)
{
	LIVE(r);

	RETURNED(io_uring_close_ring_fd(ring));
}

static void enable_rings(unsigned r)
{
	LIVE(r);

	COMMAND(IORING_REGISTER_ENABLE_RINGS, io_uring_enable_rings(ring));
}

static void set_iowait(unsigned r, unsigned on)
{
	LIVE(r);

	RETURNED(io_uring_set_iowait(ring, on));
}

static void dontfork(unsigned r)
{
	LIVE(r);

	RETURNED(io_uring_ring_dontfork(ring));
}

/* Emulates an old kernel, so that the library takes its other paths. */
static void forget_features(unsigned r, unsigned which)
{
	static const unsigned some[] = { IORING_FEAT_EXT_ARG, IORING_FEAT_MIN_TIMEOUT, IORING_FEAT_REG_REG_RING,
					 IORING_FEAT_NO_IOWAIT };
	LIVE(r);

	ring->features &= ~some[which % 4];
}

static void restrict_ring(unsigned r, unsigned which)
{
	struct io_uring_restriction all[2] = {
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_NOP },
		{ .opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED, .sqe_flags = IOSQE_IO_LINK },
	};
	LIVE(r);

	COMMAND(IORING_REGISTER_RESTRICTIONS, io_uring_register_restrictions(ring, all, which % 3));
}
