/* What a project that uses the library builds: it completes a nop and prints the library's release. */
#include <liburing.h>
#include <stdio.h>

int main(void)
{
	struct io_uring ring;
	struct io_uring_cqe *cqe;
	int ret = io_uring_queue_init(4, &ring, 0);

	if (ret) {
		fprintf(stderr, "io_uring_queue_init: %d\n", ret);
		return 1;
	}
	io_uring_prep_nop(io_uring_get_sqe(&ring));
	ret = io_uring_submit_and_wait(&ring, 1);
	if (ret != 1 || io_uring_peek_cqe(&ring, &cqe) || cqe->res) {
		fprintf(stderr, "the nop failed: %d\n", ret);
		return 1;
	}
	io_uring_cqe_seen(&ring, cqe);
	io_uring_queue_exit(&ring);
	if (io_uring_check_version(IO_URING_VERSION_MAJOR, IO_URING_VERSION_MINOR))
		return 1;
	printf("%d.%d\n", io_uring_major_version(), io_uring_minor_version());
	return 0;
}
