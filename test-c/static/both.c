/* The part in C, which has the helpers inline; other.c is the other part. One ring uses both archives. */
#include <liburing.h>

int other(struct io_uring *ring);

int main(void)
{
	struct io_uring_cqe *cqe;
	struct io_uring ring;

	if (io_uring_queue_init(4, &ring, 0))
		return 1;
	io_uring_prep_nop(io_uring_get_sqe(&ring));
	if (other(&ring) != 2 || io_uring_wait_cqe_nr(&ring, &cqe, 2))
		return 2;
	io_uring_queue_exit(&ring);
	return 0;
}
