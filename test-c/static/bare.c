/* A program without libc (x86-64). With PROBE it has no heap either: its probe is a mapping. */
#include <liburing.h>

static int all(void)
{
	struct io_uring_cqe *cqe;
	struct io_uring ring;

	if (io_uring_queue_init(4, &ring, 0))
		return 1;
	io_uring_prep_nop(io_uring_get_sqe(&ring));
	if (io_uring_submit_and_wait(&ring, 1) != 1 || io_uring_peek_cqe(&ring, &cqe) || cqe->res)
		return 2;
#ifdef PROBE
	struct io_uring_probe *probe = io_uring_get_probe_ring(&ring);

	if (!probe || !io_uring_opcode_supported(probe, IORING_OP_NOP))
		return 3;
	io_uring_free_probe(probe);
#endif
	io_uring_queue_exit(&ring);
	return 0;
}

__attribute__((force_align_arg_pointer)) void _start(void)
{
	/* exit_group */
	__asm__ volatile("syscall" : : "a"(231), "D"(all()));
	__builtin_unreachable();
}
