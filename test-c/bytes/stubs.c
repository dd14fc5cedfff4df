/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The library functions that the inline helpers call, replaced by ones that record their arguments. */
#include <liburing.h>

int __io_uring_get_cqe(struct io_uring *ring, struct io_uring_cqe **cqe_ptr, unsigned submit, unsigned wait_nr,
		       sigset_t *sigmask)
{
	*cqe_ptr = ring->cq.cqes + 3;
	return (int)(submit * 31U + wait_nr * 7U + (sigmask != NULL));
}

int __io_uring_sqring_wait(struct io_uring *ring)
{
	return (int)ring->sq.ring_entries + 1;
}

int io_uring_buf_ring_head(struct io_uring *ring, int buf_group, uint16_t *head)
{
	(void)ring;
	if (buf_group & 1)
		return -buf_group;
	*head = (uint16_t)(buf_group * 40503U);
	return 0;
}
