// SPDX-License-Identifier: MIT OR Apache-2.0
// Includes the header in a namespace and in extern "C", after the system's headers; compiled twice into one program,
// under two names.
#include <atomic>
#include <cerrno>
#include <cinttypes>
#include <csignal>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/filter.h>
#include <linux/openat2.h>
#include <linux/swab.h>
#include <linux/time_types.h>
#include <linux/types.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <endian.h>

namespace NAME {
extern "C" {
#include <liburing.h>
}

int reads(int fd)
{
	io_uring ring;
	io_uring_cqe *cqe;
	char buf[64] = {};
	int ret = io_uring_queue_init(4, &ring, 0);

	if (ret)
		return ret;
	io_uring_sqe *sqe = io_uring_get_sqe(&ring);
	io_uring_prep_read(sqe, fd, buf, sizeof(buf) - 1, 0);
	ret = io_uring_submit_and_wait(&ring, 1);
	if (ret != 1 || io_uring_peek_cqe(&ring, &cqe))
		return -1;
	ret = cqe->res;
	io_uring_cqe_seen(&ring, cqe);
	io_uring_queue_exit(&ring);
	return strcmp(buf, "twelve bytes") ? -2 : ret;
}
} // namespace NAME

#ifdef MAIN
namespace second {
int reads(int fd);
}

int main(int, char **argv)
{
	int fd = open(argv[1], O_RDONLY);

	return fd < 0 || NAME::reads(fd) != 12 || second::reads(fd) != 12;
}
#endif
