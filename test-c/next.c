/* What the original has merged for the release after 2.15: these cases don't compile with 2.15's headers. */
#include "io.h"

#define DATA 0x5a4f4e45ULL

static struct io_uring ring;

/* A zoned device is rare, so this tests that the command reaches a regular file, and with which number. */
TEST(zone_reset_all)
{
	struct io_uring_sqe *sqe, wanted;
	int fd = tmp_open("file", 0), res;

	ring_init(&ring, 4, 0);
	sqe = next_sqe(&ring, DATA);
	memset(sqe, 0xa5, sizeof(*sqe));
	wanted = *sqe;
	io_uring_prep_uring_cmd(&wanted, _IO(0x12, 1), fd);
	io_uring_prep_cmd_zone_reset_all(sqe, fd);
	CHECK(!memcmp(sqe, &wanted, sizeof(*sqe)));

	io_uring_initialize_sqe(sqe);
	io_uring_prep_cmd_zone_reset_all(sqe, fd);
	io_uring_sqe_set_data64(sqe, DATA);
	submit_one(&ring);
	res = wait_res(&ring, DATA);
	if (res == -EINVAL)
		LACKS("IORING_OP_URING_CMD", 5, 19);
	CHECK_EQ(res, -EOPNOTSUPP);
	io_uring_queue_exit(&ring);
}
