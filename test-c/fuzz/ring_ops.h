/* Rings: their birth, their death, and what changes them as a whole. */
#include "world.h"

/* Now the ring is there, or not: takes over what the call returned. */
static void born(struct slot *s, long ret)
{
	if (ret < 0)
		return;
	s->alive = 1;
	s->seen = *s->ring.cq.ktail;
	whole(s);
}

static void say_params(const struct io_uring_params *p)
{
	note(" (%u %u %#x %u %#x; %u %u %u %u; %u %u %u)", p->sq_entries, p->cq_entries, p->flags, p->sq_thread_idle,
	     p->features, p->sq_off.head, p->sq_off.tail, p->sq_off.array, p->sq_off.flags, p->cq_off.head,
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

/* More than a page each for the SQEs and the rings, of the library's own: ours does without huge pages. */
static int takes_pages(unsigned entries, struct io_uring_params p)
{
	return (p.flags & IORING_SETUP_NO_MMAP) && io_uring_memory_size_params(entries, &p) > 2 * 4096;
}

static void ring_init(unsigned r, unsigned entries, unsigned setup, unsigned cq_entries)
{
	struct io_uring_params p = { .flags = setup, .cq_entries = cq_entries, .sq_thread_idle = 1 };
	UNBORN(r);

	if (takes_pages(entries, p))
		REFUSE("better");
	RETURNED(ret = io_uring_queue_init_params(entries, &s->ring, &p));
	if (ret >= 0)
		say_params(&p);
	born(s, ret);
}

static void ring_init_plain(unsigned r, unsigned entries, unsigned setup)
{
	struct io_uring_params p = { .flags = setup };
	UNBORN(r);

	if (takes_pages(entries, p))
		REFUSE("better");
	RETURNED(ret = io_uring_queue_init(entries, &s->ring, setup & ~(unsigned)IORING_SETUP_SQPOLL));
	born(s, ret);
}

static void ring_init_mem(unsigned r, unsigned entries, unsigned setup, unsigned size)
{
	struct io_uring_params p = { .flags = setup & ~(unsigned)(IORING_SETUP_SQPOLL | IORING_SETUP_CQSIZE) };
	char *memory = ring_memory[r % RINGS];
	size_t room = size ? MEMORY : 4096, i;
	UNBORN(r);

	/* The last ring's is taken down in the kernel's time. */
	if (abandoned)
		REFUSE("abandoned");
	memset(memory, 0xa5, MEMORY);
	RETURNED(ret = io_uring_queue_init_mem(entries, &s->ring, &p, memory, room));
	/* A ring refused may have cleared its header. */
	for (i = ret > 0 ? (size_t)ret : 0; i < MEMORY && (memory[i] == (char)0xa5 || (ret < 0 && !memory[i])); i++)
		;
	/* Nothing is written behind what it says it uses. */
	note(" %s", i == MEMORY ? "clean" : "OVERRUN");
	s->used = ret > 0 ? (size_t)ret : 0;
	if (ret >= 0)
		say_params(&p);
	born(s, ret);
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
	born(s, ret);
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

	/* Where ours does better on purpose. */
	if (!(ring->flags & IORING_SETUP_NO_MMAP) &&
	    (ring->ring_fd < 0 || io_uring_sq_ready(ring) ||
	     ((ring->flags & (IORING_SETUP_CQE32 | IORING_SETUP_CQE_MIXED)) && io_uring_cq_ready(ring))))
		REFUSE("better");
	/* The original takes from here that one mapping holds both rings. */
	p.features = ring->features;
	if (cq_entries)
		p.flags = IORING_SETUP_CQSIZE;
	/* The entries move. */
	close_chain(s);
	RETURNED(io_uring_resize_rings(ring, &p));
	say_params(&p);
	whole(s);
}

static void register_ring_fd(unsigned r)
{
	LIVE(r);

	RETURNED(io_uring_register_ring_fd(ring));
}

static void unregister_ring_fd(unsigned r)
{
	LIVE(r);

	/* Else nothing is left to call the ring by. */
	if (ring->ring_fd < 0)
		REFUSE("closed");
	RETURNED(io_uring_unregister_ring_fd(ring));
}

static void close_ring_fd(unsigned r)
{
	LIVE(r);

	RETURNED(io_uring_close_ring_fd(ring));
}

static void enable_rings(unsigned r)
{
	LIVE(r);

	RETURNED(io_uring_enable_rings(ring));
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

/* Like a kernel of old: the library takes its other ways. */
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

	RETURNED(io_uring_register_restrictions(ring, all, which % 3));
}
