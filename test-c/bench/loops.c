/* The loops on a library. */
#include "bench.h"
#include "loops.h"

void nop(struct io_uring *ring, unsigned depth, long operations)
{
	struct io_uring_cqe *cqes[64];

	for (long done = 0; done < operations; done += depth) {
		unsigned left = depth;

		for (unsigned i = 0; i < depth; i++)
			io_uring_prep_nop(io_uring_get_sqe(ring));
		must(io_uring_submit_and_wait(ring, depth) == (int)depth, "submit");
		while (left) {
			unsigned got = io_uring_peek_batch_cqe(ring, cqes, left < 64 ? left : 64);

			io_uring_cq_advance(ring, got);
			left -= got;
		}
	}
}

void single(struct io_uring *ring, unsigned depth, long operations)
{
	struct io_uring_cqe *cqe;

	for (long done = 0; done < operations; done += depth) {
		io_uring_prep_nop(io_uring_get_sqe(ring));
		must(io_uring_submit(ring) == 1, "submit");
		must(!io_uring_wait_cqe(ring, &cqe), "wait");
		io_uring_cqe_seen(ring, cqe);
	}
}

void create(struct io_uring *ring, unsigned depth, long operations)
{
	struct io_uring made;

	(void)ring;
	for (long done = 0; done < operations; done++) {
		must(!io_uring_queue_init(depth, &made, 0), "ring");
		io_uring_queue_exit(&made);
	}
}
