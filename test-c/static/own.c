/* A program that defines functions with names of the library and uses the others: wrappers of the system calls, as many
 * tutorials have them; a version; a submit. Each is a member of the archive. */
#define _GNU_SOURCE
#include <errno.h>
#include <liburing.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OWN 1000

int io_uring_setup(unsigned entries, struct io_uring_params *p)
{
	return syscall(SYS_io_uring_setup, entries, p) < 0 ? -OWN : OWN;
}

int io_uring_enter(unsigned fd, unsigned to_submit, unsigned min_complete, unsigned flags, sigset_t *sig)
{
	return (int)syscall(SYS_io_uring_enter, fd, to_submit, min_complete, flags, sig, _NSIG / 8);
}

int io_uring_enter2(unsigned fd, unsigned to_submit, unsigned min_complete, unsigned flags, void *arg, size_t sz)
{
	return (int)syscall(SYS_io_uring_enter, fd, to_submit, min_complete, flags, arg, sz);
}

int io_uring_register(unsigned fd, unsigned opcode, const void *arg, unsigned nr_args)
{
	return syscall(SYS_io_uring_register, fd, opcode, arg, nr_args) < 0 ? -OWN : OWN;
}

int io_uring_major_version(void)
{
	return OWN;
}

#ifdef QUEUE
/* Defines all functions of the member that the program and the header's functions call. */
int io_uring_submit(struct io_uring *ring)
{
	unsigned tail = ring->sq.sqe_tail, count = tail - *ring->sq.ktail;

	io_uring_smp_store_release(ring->sq.ktail, tail);
	return io_uring_enter((unsigned)ring->ring_fd, count, 1, IORING_ENTER_GETEVENTS, NULL);
}

int __io_uring_get_cqe(struct io_uring *ring, struct io_uring_cqe **cqe_ptr, unsigned submit, unsigned wait_nr,
		       sigset_t *sigmask)
{
	(void)ring, (void)cqe_ptr, (void)submit, (void)wait_nr, (void)sigmask;
	return -OWN;
}
#endif

int main(void)
{
	struct io_uring_cqe *cqe;
	struct io_uring ring;

	if (io_uring_setup(0, NULL) != -OWN || io_uring_register(0, ~0U, NULL, 0) != -OWN || errno != EINVAL)
		return 1;
	if (io_uring_major_version() != OWN || io_uring_queue_init(4, &ring, 0))
		return 2;
	io_uring_prep_nop(io_uring_get_sqe(&ring));
	if (io_uring_submit(&ring) != 1)
		return 3;
	if (io_uring_wait_cqe(&ring, &cqe) || cqe->res)
		return 4;
	io_uring_cqe_seen(&ring, cqe);
	if (io_uring_register_files_sparse(&ring, 4) == -OWN)
		return 5;
	io_uring_queue_exit(&ring);
	return 0;
}
