// Reads a file through io_uring repeatedly, until a file called "stop" is next to it, and checks what it reads.
// Runs while the installed library is replaced.

#include <fcntl.h>
#include <liburing.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

enum { BLOCK = 4096, BLOCKS = 256, DEPTH = 16 };

static _Alignas(BLOCK) uint64_t blocks[DEPTH][BLOCK / sizeof(uint64_t)];

int main(void)
{
	struct io_uring ring;
	struct io_uring_cqe *cqe;
	unsigned long reads = 0;
	int fd = open("numbers", O_RDONLY | O_DIRECT);
	int ret = io_uring_queue_init(DEPTH, &ring, 0);

	if (fd < 0 || ret < 0) {
		fprintf(stderr, "open: %d, ring: %d\n", fd, ret);
		return 1;
	}
	for (unsigned at = 0; access("stop", F_OK) != 0; at = (at + DEPTH) % BLOCKS) {
		for (unsigned i = 0; i < DEPTH; i++) {
			struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

			io_uring_prep_read(sqe, fd, blocks[i], BLOCK, (uint64_t)(at + i) * BLOCK);
			sqe->user_data = at + i;
		}
		ret = io_uring_submit(&ring);
		if (ret != DEPTH) {
			fprintf(stderr, "io_uring_submit: %d\n", ret);
			return 1;
		}
		for (unsigned i = 0; i < DEPTH; i++) {
			ret = io_uring_wait_cqe(&ring, &cqe);
			// Each block starts with its number.
			if (ret || cqe->res != BLOCK || blocks[cqe->user_data % DEPTH][0] != cqe->user_data) {
				fprintf(stderr, "io_uring_wait_cqe: %d\n", ret);
				return 1;
			}
			io_uring_cqe_seen(&ring, cqe);
			reads++;
		}
		usleep(2000);
	}
	io_uring_queue_exit(&ring);
	return reads ? 0 : 1;
}
