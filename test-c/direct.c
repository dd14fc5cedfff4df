/* Direct descriptors: files that are opened into the table of registered files and never become fds. */
#include "io.h"
#include <sys/resource.h>

#define SLOTS 8

/* A ring with an empty table, and a file "f" of pattern 1 in the case's folder. */
static char *start(struct io_uring *ring)
{
	SINCE("sparse table", 5, 19);
	close(tmp_filled("f", 100, 1));
	ring_init(ring, 8, 0);
	CHECK_EQ(io_uring_register_files_sparse(ring, SLOTS), 0);
	return tmp_path("f");
}

/* The lowest free fd, which stays the same if nothing was opened. */
static int lowest_fd(void)
{
	int fd = dup(0);

	CHECK(fd >= 0);
	close(fd);
	return fd;
}

static int read_slot(struct io_uring *ring, unsigned index)
{
	struct io_uring_sqe *sqe = next_sqe(ring, index);
	char in[100];
	int res;

	io_uring_prep_read(sqe, (int)index, in, sizeof(in), 0);
	io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	res = run_res(ring);
	if (res > 0)
		CHECK_PATTERN(in, (size_t)res, 1);
	return res;
}

static int close_slot(struct io_uring *ring, unsigned index)
{
	io_uring_prep_close_direct(next_sqe(ring, index), index);
	return run_res(ring);
}

static void prep_open(unsigned way, struct io_uring_sqe *sqe, const char *path, unsigned slot)
{
	static struct open_how how = { .flags = O_RDONLY };

	if (way == 0)
		io_uring_prep_openat_direct(sqe, AT_FDCWD, path, O_RDONLY, 0, slot);
	else if (way == 1)
		io_uring_prep_open_direct(sqe, path, O_RDONLY, 0, slot);
	else
		io_uring_prep_openat2_direct(sqe, AT_FDCWD, path, &how, slot);
}

TEST(open_read_close)
{
	struct io_uring ring;
	char *path = start(&ring);
	unsigned way;
	int fd = lowest_fd();

	for (way = 0; way < 3; way++) {
		prep_open(way, next_sqe(&ring, 1), path, way);
		CHECK_EQ(run_res(&ring), 0);
		CHECK_EQ(read_slot(&ring, way), 100);
		/* Opening into a used slot replaces its file. */
		prep_open(way, next_sqe(&ring, 2), path, way);
		CHECK_EQ(run_res(&ring), 0);
		CHECK_EQ(read_slot(&ring, way), 100);
		CHECK_EQ(close_slot(&ring, way), 0);
		CHECK_EQ(close_slot(&ring, way), -EBADF);
		CHECK_EQ(read_slot(&ring, way), -EBADF);
		prep_open(way, next_sqe(&ring, 3), path, SLOTS);
		CHECK_EQ(run_res(&ring), -EINVAL);
		prep_open(way, next_sqe(&ring, 4), "/nowhere/at all", way);
		CHECK_EQ(run_res(&ring), -ENOENT);
	}
	CHECK_EQ(close_slot(&ring, SLOTS), -EINVAL);
	CHECK_EQ(lowest_fd(), fd);
	io_uring_queue_exit(&ring);
}

TEST(without_a_table)
{
	char *path = tmp_path("f");
	struct io_uring ring;
	unsigned way;

	close(tmp_filled("f", 100, 1));
	ring_init(&ring, 4, 0);
	for (way = 0; way < 3; way++) {
		prep_open(way, next_sqe(&ring, 1), path, 0);
		CHECK_EQ(run_res(&ring), -ENXIO);
	}
	CHECK_EQ(close_slot(&ring, 0), -ENXIO);
	CHECK_EQ(io_uring_register_file_alloc_range(&ring, 0, 1), -EINVAL);
	io_uring_queue_exit(&ring);
}

/* The kernel picks a free slot and returns it. Each slot is given out once, then the result is -ENFILE. */
TEST(allocated_slots)
{
	struct io_uring ring;
	char *path = start(&ring);
	unsigned seen = 0, i;
	int slot;

	for (i = 0; i < SLOTS; i++) {
		prep_open(i % 3, next_sqe(&ring, 1), path, IORING_FILE_INDEX_ALLOC);
		slot = run_res(&ring);
		CHECK(slot >= 0 && slot < SLOTS);
		CHECK(!(seen & 1U << slot));
		seen |= 1U << slot;
		CHECK_EQ(read_slot(&ring, (unsigned)slot), 100);
	}
	prep_open(0, next_sqe(&ring, 2), path, IORING_FILE_INDEX_ALLOC);
	CHECK_EQ(run_res(&ring), -ENFILE);
	CHECK_EQ(close_slot(&ring, 5), 0);
	prep_open(0, next_sqe(&ring, 3), path, IORING_FILE_INDEX_ALLOC);
	CHECK_EQ(run_res(&ring), 5);
	io_uring_queue_exit(&ring);
}

/* Only slots in the range are allocated; the others stay for explicit use. */
TEST(allocation_range)
{
	struct io_uring ring;
	char *path = start(&ring);
	unsigned seen = 0, i;
	int slot;

	CHECK_EQ(io_uring_register_file_alloc_range(&ring, 5, 2), 0);
	for (i = 0; i < 2; i++) {
		prep_open(i, next_sqe(&ring, 1), path, IORING_FILE_INDEX_ALLOC);
		slot = run_res(&ring);
		CHECK(slot == 5 || slot == 6);
		seen |= 1U << slot;
	}
	CHECK_EQ(seen, 1U << 5 | 1U << 6);
	prep_open(0, next_sqe(&ring, 2), path, IORING_FILE_INDEX_ALLOC);
	CHECK_EQ(run_res(&ring), -ENFILE);
	prep_open(0, next_sqe(&ring, 3), path, 0);
	CHECK_EQ(run_res(&ring), 0);
	CHECK_EQ(io_uring_register_file_alloc_range(&ring, 5, SLOTS), -EINVAL);
	CHECK_EQ(io_uring_register_file_alloc_range(&ring, SLOTS + 1, 0), -EINVAL);
	CHECK_EQ(io_uring_register_file_alloc_range(&ring, 8, (unsigned)-4), -EOVERFLOW);
	/* A refused range keeps the old one. */
	prep_open(0, next_sqe(&ring, 4), path, IORING_FILE_INDEX_ALLOC);
	CHECK_EQ(run_res(&ring), -ENFILE);
	CHECK_EQ(io_uring_register_file_alloc_range(&ring, 1, 1), 0);
	prep_open(0, next_sqe(&ring, 5), path, IORING_FILE_INDEX_ALLOC);
	CHECK_EQ(run_res(&ring), 1);
	io_uring_queue_exit(&ring);
}

/* Turns a slot into an ordinary fd. */
static int install(struct io_uring *ring, unsigned slot, unsigned flags)
{
	io_uring_prep_fixed_fd_install(next_sqe(ring, slot), (int)slot, flags);
	return run_res(ring);
}

TEST(install)
{
	struct io_uring ring;
	char *path = start(&ring);
	int fd;

	need_op(IORING_OP_FIXED_FD_INSTALL);
	prep_open(0, next_sqe(&ring, 1), path, 3);
	CHECK_EQ(run_res(&ring), 0);
	fd = install(&ring, 3, 0);
	CHECK(fd > 2);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_FILE(fd, 0, 100, 1);
	CHECK_EQ(close_slot(&ring, 3), 0);
	CHECK_FILE(fd, 0, 100, 1);
	CHECK_EQ(install(&ring, 3, 0), -EBADF);
	prep_open(0, next_sqe(&ring, 2), path, 4);
	CHECK_EQ(run_res(&ring), 0);
	fd = install(&ring, 4, IORING_FIXED_FD_NO_CLOEXEC);
	CHECK_EQ(fcntl(fd, F_GETFD), 0);
	CHECK_EQ(install(&ring, 4, 1 << 5), -EINVAL);
	CHECK_EQ(install(&ring, SLOTS, 0), -EBADF);
	io_uring_queue_exit(&ring);
}

static void is_socket(struct io_uring *ring, unsigned slot, int domain, int type)
{
	static const int options[] = { SO_DOMAIN, SO_TYPE };
	int fd = install(ring, slot, 0), got[2];
	socklen_t len;
	unsigned i;

	CHECK(fd >= 0);
	for (i = 0; i < 2; i++) {
		len = sizeof(int);
		CHECK_SYS(getsockopt(fd, SOL_SOCKET, options[i], got + i, &len));
	}
	CHECK_EQ(got[0], domain);
	CHECK_EQ(got[1], type);
	close(fd);
}

TEST(sockets)
{
	struct io_uring ring;
	int slot;

	need_op(IORING_OP_SOCKET);
	need_op(IORING_OP_FIXED_FD_INSTALL);
	start(&ring);
	io_uring_prep_socket_direct(next_sqe(&ring, 1), AF_UNIX, SOCK_STREAM, 0, 2, 0);
	CHECK_EQ(run_res(&ring), 0);
	is_socket(&ring, 2, AF_UNIX, SOCK_STREAM);
	io_uring_prep_socket_direct(next_sqe(&ring, 2), AF_INET, SOCK_DGRAM, 0, IORING_FILE_INDEX_ALLOC, 0);
	slot = run_res(&ring);
	CHECK(slot >= 0 && slot != 2);
	is_socket(&ring, (unsigned)slot, AF_INET, SOCK_DGRAM);
	io_uring_prep_socket_direct_alloc(next_sqe(&ring, 3), AF_UNIX, SOCK_SEQPACKET, 0, 0);
	slot = run_res(&ring);
	CHECK(slot >= 0 && slot != 2);
	is_socket(&ring, (unsigned)slot, AF_UNIX, SOCK_SEQPACKET);
	io_uring_prep_socket_direct(next_sqe(&ring, 4), AF_UNIX, SOCK_STREAM, 0, SLOTS, 0);
	CHECK_EQ(run_res(&ring), -EINVAL);
	/* The flags are reserved; none is defined yet. */
	io_uring_prep_socket_direct(next_sqe(&ring, 6), AF_UNIX, SOCK_STREAM, 0, 0, 1);
	CHECK_EQ(run_res(&ring), -EINVAL);
	io_uring_prep_socket_direct_alloc(next_sqe(&ring, 7), AF_UNIX, SOCK_STREAM, 0, 1);
	CHECK_EQ(run_res(&ring), -EINVAL);
	io_uring_prep_socket_direct(next_sqe(&ring, 5), 12345, SOCK_STREAM, 0, 0, 0);
	CHECK_EQ(run_res(&ring), -EAFNOSUPPORT);
	io_uring_queue_exit(&ring);
}

/* Sends a few bytes from one slot to the other. */
static void pipe_works(struct io_uring *ring, int from, int to)
{
	struct io_uring_sqe *sqe = next_sqe(ring, 1);
	char in[16] = { 0 };

	io_uring_prep_write(sqe, to, "through", 7, 0);
	io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	CHECK_EQ(run_res(ring), 7);
	sqe = next_sqe(ring, 2);
	io_uring_prep_read(sqe, from, in, sizeof(in), 0);
	io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	CHECK_EQ(run_res(ring), 7);
	CHECK(!memcmp(in, "through", 7));
}

TEST(pipes)
{
	struct io_uring ring;
	int slots[2] = { -7, -7 };

	need_op(IORING_OP_PIPE);
	start(&ring);
	io_uring_prep_pipe_direct(next_sqe(&ring, 1), slots, 0, 4);
	CHECK_EQ(run_res(&ring), 0);
	pipe_works(&ring, 4, 5);
	io_uring_prep_pipe_direct(next_sqe(&ring, 2), slots, 0, IORING_FILE_INDEX_ALLOC);
	CHECK_EQ(run_res(&ring), 0);
	CHECK(slots[0] >= 0 && slots[1] >= 0 && slots[0] != slots[1]);
	CHECK(slots[0] != 4 && slots[0] != 5 && slots[1] != 4 && slots[1] != 5);
	pipe_works(&ring, slots[0], slots[1]);
	CHECK_EQ(close_slot(&ring, (unsigned)slots[0]), 0);
	CHECK_EQ(close_slot(&ring, (unsigned)slots[1]), 0);
	/* The second end would be outside the table. */
	io_uring_prep_pipe_direct(next_sqe(&ring, 3), slots, 0, SLOTS - 1);
	CHECK_EQ(run_res(&ring), -EINVAL);
	io_uring_queue_exit(&ring);
}

/* Open, read and close in one chain: the slot is looked up when the request runs. */
TEST(chain)
{
	struct io_uring ring;
	char *path = start(&ring), in[100];
	struct io_uring_sqe *sqe;

	need_feature(&ring, IORING_FEAT_LINKED_FILE);
	sqe = next_sqe(&ring, 1);
	io_uring_prep_open_direct(sqe, path, O_RDONLY, 0, 6);
	io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
	sqe = next_sqe(&ring, 2);
	io_uring_prep_read(sqe, 6, in, sizeof(in), 0);
	io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK | IOSQE_FIXED_FILE);
	io_uring_prep_close_direct(next_sqe(&ring, 3), 6);
	submit_n(&ring, 3);
	CHECK_EQ(wait_res(&ring, 1), 0);
	CHECK_EQ(wait_res(&ring, 2), 100);
	CHECK_EQ(wait_res(&ring, 3), 0);
	CHECK_PATTERN(in, 100, 1);
	CHECK_EQ(read_slot(&ring, 6), -EBADF);
	io_uring_queue_exit(&ring);
}

/* Opening never counts against the limit on descriptors, because no descriptor is made. */
TEST(beyond_the_limit)
{
	struct io_uring ring;
	char *path = start(&ring);
	struct rlimit limit = { (rlim_t)lowest_fd(), 0 }, before;
	unsigned i;

	NOT_UNDER("valgrind", "it emulates RLIMIT_NOFILE");
	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &before));
	limit.rlim_max = before.rlim_max;
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	for (i = 0; i < SLOTS; i++) {
		prep_open(i % 3, next_sqe(&ring, 1), path, i);
		CHECK_EQ(run_res(&ring), 0);
	}
	CHECK_EQ(open(path, O_RDONLY), -1);
	CHECK_EQ(errno, EMFILE);
	for (i = 0; i < SLOTS; i++)
		CHECK_EQ(read_slot(&ring, i), 100);
	/* The limit is what it was. */
	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &before));
	CHECK_EQ(before.rlim_cur, limit.rlim_cur);
	io_uring_queue_exit(&ring);
}

/* The slot that is given out next, and the one after it. */
TEST(order_of_slots)
{
	struct io_uring ring;
	char *path = start(&ring);
	int slot;

	for (slot = 0; slot < 4; slot++) {
		prep_open(0, next_sqe(&ring, 1), path, IORING_FILE_INDEX_ALLOC);
		CHECK_EQ(run_res(&ring), slot);
	}
	CHECK_EQ(close_slot(&ring, 1), 0);
	CHECK_EQ(close_slot(&ring, 0), 0);
	/* The one that was closed last, and on from there. */
	prep_open(0, next_sqe(&ring, 1), path, IORING_FILE_INDEX_ALLOC);
	CHECK_EQ(run_res(&ring), 0);
	prep_open(0, next_sqe(&ring, 1), path, IORING_FILE_INDEX_ALLOC);
	CHECK_EQ(run_res(&ring), 1);
	prep_open(0, next_sqe(&ring, 1), path, IORING_FILE_INDEX_ALLOC);
	CHECK_EQ(run_res(&ring), 4);
	io_uring_queue_exit(&ring);
}

/* Close-on-exec has no meaning for a slot. */
TEST(no_close_on_exec)
{
	struct io_uring ring;
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC };
	char *path = start(&ring);

	io_uring_prep_openat_direct(next_sqe(&ring, 1), AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0, 0);
	CHECK_EQ(run_res(&ring), -EINVAL);
	io_uring_prep_openat2_direct(next_sqe(&ring, 1), AT_FDCWD, path, &how, IORING_FILE_INDEX_ALLOC);
	CHECK_EQ(run_res(&ring), -EINVAL);
	io_uring_queue_exit(&ring);
}
