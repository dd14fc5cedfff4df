// SPDX-License-Identifier: MIT OR Apache-2.0
// A program that gets the API only from a module, which exports all that `cargo xtask lang` found in the header.
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
import uring;

int main(int, char **argv)
{
	io_uring ring;
	io_uring_cqe *cqe = nullptr;
	char buf[64] = {};
	int fd = open(argv[1], O_RDONLY);

	if (fd < 0 || io_uring_queue_init(4, &ring, 0))
		return 1;
	io_uring_sqe *sqe = io_uring_get_sqe(&ring);
	io_uring_prep_read(sqe, fd, buf, sizeof(buf) - 1, 0);
	io_uring_sqe_set_data64(sqe, 7);
	if (sqe->opcode != IORING_OP_READ || io_uring_submit(&ring) != 1 || io_uring_wait_cqe(&ring, &cqe))
		return 2;
	if (cqe->res != 12 || io_uring_cqe_get_data64(cqe) != 7 || strcmp(buf, "twelve bytes"))
		return 3;
	io_uring_cqe_seen(&ring, cqe);
	io_uring_queue_exit(&ring);
	close(fd);
	return 0;
}
