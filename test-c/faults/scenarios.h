/* Every function of the library that makes a system call, in each way that takes another path through it. */
#include "scenario.h"

/* Creating a ring */

MAKING(queue_init, CALL(io_uring_queue_init(8, &ring, 0)))
MAKING(queue_init_params, CALL(io_uring_queue_init_params(5, &ring, &params)))
MAKING(queue_init_big, params.flags = IORING_SETUP_SQE128 | IORING_SETUP_CQE32;
	CALL(io_uring_queue_init_params(64, &ring, &params)))
MAKING(queue_init_sizes, params.flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP; params.cq_entries = 300;
	CALL(io_uring_queue_init_params(16, &ring, &params)))
MAKING(queue_init_no_array, CALL(io_uring_queue_init(8, &ring, IORING_SETUP_NO_SQARRAY)))
MAKING(queue_init_iopoll, CALL(io_uring_queue_init(8, &ring, IORING_SETUP_IOPOLL)))
MAKING(queue_init_sqpoll, CALL(io_uring_queue_init(8, &ring, IORING_SETUP_SQPOLL)))
MAKING(queue_init_deferred,
	CALL(io_uring_queue_init(8, &ring, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)))
MAKING(queue_init_no_mmap_page, CALL(io_uring_queue_init(2, &ring, IORING_SETUP_NO_MMAP)))
MAKING(queue_init_no_mmap_pages, CALL(io_uring_queue_init(64, &ring, IORING_SETUP_NO_MMAP)))
MAKING(queue_init_no_mmap_huge, CALL(io_uring_queue_init(256, &ring, IORING_SETUP_NO_MMAP)))
MAKING(queue_init_no_mmap_beyond, CALL(io_uring_queue_init(32768, &ring, IORING_SETUP_NO_MMAP | IORING_SETUP_CQE32)))
MAKING(queue_init_registered_only,
	CALL(io_uring_queue_init(2, &ring, IORING_SETUP_NO_MMAP | IORING_SETUP_REGISTERED_FD_ONLY)))
MAKING(queue_init_registered_mapped, CALL(io_uring_queue_init(2, &ring, IORING_SETUP_REGISTERED_FD_ONLY)))
MAKING(queue_init_nothing, CALL(io_uring_queue_init(0, &ring, 0)))
MAKING(queue_init_too_many, CALL(io_uring_queue_init(32769, &ring, 0)))

static char memory[1 << 16] __attribute__((aligned(4096)));

MAKING(queue_init_mem, CALL(io_uring_queue_init_mem(8, &ring, &params, memory, sizeof(memory))))
MAKING(queue_init_mem_big, params.flags = IORING_SETUP_SQE128 | IORING_SETUP_CQE32;
	CALL(io_uring_queue_init_mem(32, &ring, &params, memory, sizeof(memory))))
MAKING(queue_init_mem_too_small, CALL(io_uring_queue_init_mem(8, &ring, &params, memory, 4095)))
MAKING(queue_init_mem_nothing, CALL(io_uring_queue_init_mem(0, &ring, &params, memory, sizeof(memory))))

/* The caller keeps the descriptor if this fails. */
static int bare(unsigned flags)
{
	int fd;

	params.flags = flags;
	fd = io_uring_setup(8, &params);
	MUST(fd >= 0);
	params.features &= ~inject.lacks;
	return fd;
}

static void map_bare(unsigned flags)
{
	int fd = bare(flags);

	memset(&ring, 0xee, sizeof(ring));
	CALL(io_uring_queue_mmap(fd, &params, &ring));
	if (result)
		close(fd);
}
MAKING(queue_mmap, map_bare(IORING_SETUP_NO_SQARRAY))
MAKING(queue_mmap_array, map_bare(IORING_SETUP_CQE32))

/* Exiting a ring, and other calls on a whole ring */

static void leave(void)
{
	CALL((io_uring_queue_exit(&ring), 0));
	ready(8, 0);
}
SCENARIO(queue_exit, ready(8, 0), leave())
SCENARIO(ring_dontfork, ready(8, 0), CALL(io_uring_ring_dontfork(&ring)))
SCENARIO(mlock_size, , CALL(io_uring_mlock_size(8, 0)))
SCENARIO(mlock_size_params, , CALL(io_uring_mlock_size_params(8, &params)))
SCENARIO(memory_size, , CALL(io_uring_memory_size(8, IORING_SETUP_CQE32)))

static struct io_uring_probe *probe;
#define GIVEN_PROBE given = probe ? probe->last_op + 1000 * probe->ops_len : -1; io_uring_free_probe(probe)
SCENARIO(get_probe, , CALL_POINTER(probe = io_uring_get_probe()); GIVEN_PROBE)
SCENARIO(get_probe_ring, ready(8, 0), CALL_POINTER(probe = io_uring_get_probe_ring(&ring)); GIVEN_PROBE)

static void resized(unsigned entries)
{
	/* The features say that one mapping holds both rings; the original doesn't know otherwise. */
	params = (struct io_uring_params){ .sq_entries = entries, .cq_entries = 2 * entries,
					   .flags = IORING_SETUP_CQSIZE, .features = ring.features };
	CALL(io_uring_resize_rings(&ring, &params));
	given = (long)params.flags;
}
#define DEFERRED (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)
SCENARIO(resize_rings, ready(8, DEFERRED); queue(3), resized(32))
SCENARIO(resize_rings_down, ready(32, DEFERRED | IORING_SETUP_SQE128); completed(2), resized(4))
SCENARIO(resize_rings_refused, ready(8, 0), resized(32))

/* Submit */

SCENARIO(submit, ready(8, 0); queue(3), CALL(io_uring_submit(&ring)))
SCENARIO(submit_nothing, ready(8, 0), CALL(io_uring_submit(&ring)))
SCENARIO(submit_full, ready(8, 0); queue(8), CALL(io_uring_submit(&ring)))
SCENARIO(submit_overflown, overflown(); queue(2), CALL(io_uring_submit(&ring)))
SCENARIO(submit_deferred, ready(8, DEFERRED); queue(3), CALL(io_uring_submit(&ring)))
SCENARIO(submit_iopoll, ready(8, IORING_SETUP_IOPOLL); queue(3), CALL(io_uring_submit(&ring)))
SCENARIO(submit_disabled, ready(8, IORING_SETUP_R_DISABLED); queue(3), CALL(io_uring_submit(&ring)))
SCENARIO(submit_and_wait, ready(8, 0); queue(3), CALL(io_uring_submit_and_wait(&ring, 2)))
SCENARIO(submit_and_wait_none, ready(8, 0); queue(3), CALL(io_uring_submit_and_wait(&ring, 0)))
SCENARIO(submit_and_get_events, ready(8, 0); queue(3), CALL(io_uring_submit_and_get_events(&ring)))
SCENARIO(submit_and_get_events_empty, ready(8, DEFERRED), CALL(io_uring_submit_and_get_events(&ring)))
SCENARIO(get_events, ready(8, 0), CALL(io_uring_get_events(&ring)))
SCENARIO(get_events_overflown, overflown(), CALL(io_uring_get_events(&ring)))
SCENARIO(sqring_wait, ready(8, 0), CALL(io_uring_sqring_wait(&ring)))
SCENARIO(sqring_wait_call, ready(8, 0), CALL(__io_uring_sqring_wait(&ring)))
SCENARIO(iowait, ready(8, 0); result = io_uring_set_iowait(&ring, 0); queue(1),
	CALL(io_uring_submit_and_wait(&ring, 1)))

/* Wait and peek */

#define SWT io_uring_submit_and_wait_timeout
SCENARIO(submit_wait_timeout, ready(8, 0); queue(3), CALL(SWT(&ring, &cqe, 2, soon(), NULL)))
SCENARIO(submit_wait_timeout_mask, ready(8, 0); queue(3), CALL(SWT(&ring, &cqe, 2, soon(), mask())))
SCENARIO(submit_wait_timeout_over, ready(8, 0); completed(1); queue(1), CALL(SWT(&ring, &cqe, 4, soon(), NULL)))
SCENARIO(submit_wait_timeout_idle, ready(8, 0), CALL(SWT(&ring, &cqe, 1, soon(), NULL)))
SCENARIO(submit_wait_timeout_zero, ready(8, 0); queue(1), CALL(SWT(&ring, &cqe, 0, soon(), NULL)))
SCENARIO(submit_wait_timeout_full, ready(4, 0); queue(4), CALL(SWT(&ring, &cqe, 2, soon(), NULL)))
SCENARIO(submit_wait_timeout_there, ready(8, 0); completed(2); queue(1), CALL(SWT(&ring, &cqe, 2, soon(), NULL)))
SCENARIO(submit_wait_no_timeout, ready(8, 0); queue(3), CALL(SWT(&ring, &cqe, 2, NULL, mask())))
SCENARIO(submit_wait_nothing, ready(8, 0), CALL(SWT(&ring, &cqe, 0, NULL, NULL)))
SCENARIO(submit_wait_min, ready(8, 0); queue(3),
	CALL(io_uring_submit_and_wait_min_timeout(&ring, &cqe, 2, soon(), 1, NULL)))
SCENARIO(submit_wait_min_idle, ready(8, DEFERRED),
	CALL(io_uring_submit_and_wait_min_timeout(&ring, &cqe, 2, soon(), 1, mask())))
SCENARIO(submit_wait_reg, ready(8, 0); queue(1), CALL(io_uring_submit_and_wait_reg(&ring, &cqe, 1, 0)))
SCENARIO(wait_cqes, ready(8, 0); completed(2), CALL(io_uring_wait_cqes(&ring, &cqe, 2, soon(), NULL)))
SCENARIO(wait_cqes_over, ready(8, 0); completed(2), CALL(io_uring_wait_cqes(&ring, &cqe, 3, soon(), mask())))
SCENARIO(wait_cqes_queued, ready(8, 0); queue(2), CALL(io_uring_wait_cqes(&ring, &cqe, 1, soon(), NULL)))
SCENARIO(wait_cqes_full, ready(4, 0); queue(4), CALL(io_uring_wait_cqes(&ring, &cqe, 1, soon(), NULL)))
SCENARIO(wait_cqes_no_timeout, ready(8, 0); completed(2), CALL(io_uring_wait_cqes(&ring, &cqe, 2, NULL, mask())))
SCENARIO(wait_cqes_overflown, overflown(), CALL(io_uring_wait_cqes(&ring, &cqe, 6, soon(), NULL)))
SCENARIO(wait_cqes_min, ready(8, 0); completed(1),
	CALL(io_uring_wait_cqes_min_timeout(&ring, &cqe, 2, soon(), 1, NULL)))
SCENARIO(wait_cqe_timeout, ready(8, 0), CALL(io_uring_wait_cqe_timeout(&ring, &cqe, soon())))
SCENARIO(wait_cqe_timeout_deferred, ready(8, DEFERRED), CALL(io_uring_wait_cqe_timeout(&ring, &cqe, soon())))
SCENARIO(wait_cqe, ready(8, 0); completed(1), CALL(io_uring_wait_cqe(&ring, &cqe)))
SCENARIO(wait_cqe_nr, ready(8, 0); completed(3), CALL(io_uring_wait_cqe_nr(&ring, &cqe, 3)))
SCENARIO(wait_cqe_nr_overflown, overflown(), CALL(io_uring_wait_cqe_nr(&ring, &cqe, 4)))
SCENARIO(get_cqe, ready(8, 0); queue(2), CALL(__io_uring_get_cqe(&ring, &cqe, 0, 0, NULL)))
SCENARIO(get_cqe_submits, ready(8, 0); queue(2); ring.sq.sqe_head = ring.sq.sqe_tail; *ring.sq.ktail = ring.sq.sqe_tail,
	CALL(__io_uring_get_cqe(&ring, &cqe, 2, 1, mask())))
SCENARIO(peek_cqe, ready(8, 0), CALL(io_uring_peek_cqe(&ring, &cqe)))
SCENARIO(peek_cqe_there, ready(8, 0); completed(1), CALL(io_uring_peek_cqe(&ring, &cqe)))
SCENARIO(peek_cqe_iopoll, ready(8, IORING_SETUP_IOPOLL), CALL(io_uring_peek_cqe(&ring, &cqe)))
SCENARIO(peek_cqe_overflown, overflown(); io_uring_cq_advance(&ring, 4), CALL(io_uring_peek_cqe(&ring, &cqe)))
SCENARIO(peek_batch, overflown(), CALL(io_uring_peek_batch_cqe(&ring, cqes, 16)))
SCENARIO(peek_batch_overflown, overflown(); io_uring_cq_advance(&ring, 4),
	CALL(io_uring_peek_batch_cqe(&ring, cqes, 16)))

/* The bare calls */

SCENARIO(bare_setup, , memset(&params, 0, sizeof(params)); CALL(io_uring_setup(4, &params));
	if (result > 2) close((int)result))
SCENARIO(bare_enter, ready(8, 0), CALL(io_uring_enter((unsigned)ring.ring_fd, 0, 0, IORING_ENTER_GETEVENTS, NULL)))
SCENARIO(bare_enter2, ready(8, 0),
	CALL(io_uring_enter2((unsigned)ring.ring_fd, 0, 0, IORING_ENTER_GETEVENTS, mask(), 8)))
SCENARIO(bare_register, ready(8, 0),
	CALL(io_uring_register((unsigned)ring.ring_fd, IORING_REGISTER_PERSONALITY, NULL, 0)))

#include "registers.h"
