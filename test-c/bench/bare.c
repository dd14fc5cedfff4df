/* The loops without a library. */
#define _GNU_SOURCE
#include "bare.h"
#include "loops.h"

static struct ring look(const struct io_uring *ring)
{
	return (struct ring){
		.fd = ring->ring_fd,
		.sq_tail = ring->sq.ktail,
		.cq_head = ring->cq.khead,
		.cq_tail = ring->cq.ktail,
		.sq_mask = ring->sq.ring_mask,
		.sqes = ring->sq.sqes,
	};
}

/* The library continues at this index. */
static void leave(struct io_uring *ring)
{
	ring->sq.sqe_head = ring->sq.sqe_tail = *ring->sq.ktail;
}

static inline void batches(struct io_uring *in, unsigned depth, long operations, unsigned wait)
{
	struct ring ring = look(in);

	for (long done = 0; done < operations; done += depth) {
		unsigned tail = *ring.sq_tail;
		unsigned head = *ring.cq_head;

		for (unsigned i = 0; i < depth; i++) {
			struct io_uring_sqe *sqe = &ring.sqes[tail++ & ring.sq_mask];

			memset(sqe, 0, sizeof(*sqe));
			sqe->opcode = IORING_OP_NOP;
			sqe->fd = -1;
		}
		__atomic_store_n(ring.sq_tail, tail, __ATOMIC_RELEASE);
		must(enter(ring.fd, depth, wait) == (int)depth, "enter");
		must(__atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE) - head == depth, "completions");
		__atomic_store_n(ring.cq_head, head + depth, __ATOMIC_RELEASE);
	}
	leave(in);
}

void nop(struct io_uring *ring, unsigned depth, long operations)
{
	batches(ring, depth, operations, depth);
}

/* A nop is done when the call returns: there is nothing to wait for. */
void single(struct io_uring *ring, unsigned depth, long operations)
{
	batches(ring, depth, operations, 0);
}

void create(struct io_uring *in, unsigned depth, long operations)
{
	struct ring ring;

	(void)in;
	for (long done = 0; done < operations; done++) {
		must(!ring_make(&ring, depth), "ring");
		ring_end(&ring);
	}
}
