/* A real transfer for `cargo xtask statics`: writes bytes to the file of the first argument and reads them back,
 * through a ring of provided buffers if the kernel has them. Exits with 0 if they are equal. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifdef SECOND
/* From another library made from Rust. */
int second_sum(const unsigned char *bytes, size_t len);
#endif

static int one(struct io_uring *ring, unsigned *flags)
{
	struct io_uring_cqe *cqe;
	int ret = io_uring_submit_and_wait(ring, 1);

	if (ret != 1 || io_uring_wait_cqe(ring, &cqe))
		return -1;
	ret = cqe->res;
	*flags = cqe->flags;
	io_uring_cqe_seen(ring, cqe);
	return ret;
}

/* Not static: a plug-in uses this file, too. */
int round_trip(const char *path);

int round_trip(const char *path)
{
	static unsigned char out[4096], in[2][4096];
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600), ret;
	struct io_uring_buf_ring *br;
	struct io_uring_sqe *sqe;
	struct io_uring ring;
	unsigned flags, i, sum = 0;

	for (i = 0; i < sizeof(out); i++) {
		out[i] = (unsigned char)(i * 31 + i / 256);
		sum += out[i];
	}
	if (fd < 0 || io_uring_queue_init(8, &ring, 0))
		return 2;
	io_uring_prep_write(io_uring_get_sqe(&ring), fd, out, sizeof(out), 0);
	if (one(&ring, &flags) != sizeof(out))
		return 3;
	io_uring_prep_read(io_uring_get_sqe(&ring), fd, in[0], sizeof(in[0]), 0);
	if (one(&ring, &flags) != sizeof(out) || memcmp(in[0], out, sizeof(out)))
		return 4;
	br = io_uring_setup_buf_ring(&ring, 2, 0, 0, &ret);
	if (br) {
		io_uring_buf_ring_add(br, in[1], sizeof(in[1]), 1, io_uring_buf_ring_mask(2), 0);
		io_uring_buf_ring_advance(br, 1);
		sqe = io_uring_get_sqe(&ring);
		io_uring_prep_read(sqe, fd, NULL, sizeof(in[1]), 0);
		io_uring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
		if (one(&ring, &flags) != sizeof(out) || flags >> IORING_CQE_BUFFER_SHIFT != 1 ||
		    memcmp(in[1], out, sizeof(out)))
			return 5;
		if (io_uring_free_buf_ring(&ring, br, 2, 0))
			return 6;
	} else if (ret != -EINVAL) {
		return 7;
	}
	io_uring_queue_exit(&ring);
	close(fd);
	(void)sum;
#ifdef SECOND
	if (second_sum(in[0], sizeof(in[0])) != (int)sum)
		return 8;
#endif
	return io_uring_check_version(IO_URING_VERSION_MAJOR, IO_URING_VERSION_MINOR) ? 9 : 0;
}

#ifndef PLUGIN
int main(int argc, char **argv)
{
	int ret = argc > 1 ? round_trip(argv[1]) : 1;

	if (ret)
		fprintf(stderr, "the transfer failed at step %d\n", ret);
	return ret;
}
#endif
