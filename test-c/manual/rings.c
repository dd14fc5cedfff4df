/* Requests on rings and buffer groups, and commands. */
#include "page.h"
#include "../net.h"
#include <linux/fs.h>
#include <linux/loop.h>
#include <pthread.h>

static struct io_uring target;
static char buf[64];

#define MSG(FD, LEN, DATA) io_uring_prep_msg_ring(sqe, FD, LEN, DATA, 0)

TEST(io_uring_prep_msg_ring)
{
	struct io_uring disabled;
	int file = tmp_open("file", 0), id;
	struct done cqe;

	begin(0);
	ring_init(&target, 8, 0);
	ring_init(&disabled, 8, IORING_SETUP_R_DISABLED);
	GIVES(0, "posts one CQE on each | On the sending ring", MSG(target.ring_fd, 5, 77));
	STATES("io_uring_prep_msg_ring", "On the target ring");
	cqe = wait_one(&target);
	CHECK_EQ(cqe.res, 5);
	CHECK_EQ(cqe.user_data, 77);
	STATES("io_uring_prep_msg_ring", "no CQE is posted on the sending");
	STARTS(7, MSG(target.ring_fd, 6, 78); sqe->flags |= IOSQE_CQE_SKIP_SUCCESS);
	CHECK_EQ(wait_res(&target, 78), 6);
	CHECK_QUIET(&ring);
	GIVES(-EBADF, "", MSG(900, 5, 77));
	GIVES(-EBADF, "", MSG(0, 5, 77); sqe->flags |= IOSQE_FIXED_FILE);
	GIVES(-EBADFD, "", MSG(file, 5, 77));
	GIVES(-EBADFD, "", MSG(disabled.ring_fd, 5, 77));
	GIVES(-EINVAL, "flags isn't 0", io_uring_prep_msg_ring(sqe, target.ring_fd, 5, 77, 1 << 20));
	id = io_uring_register_personality(&ring);
	GIVES(-EINVAL, "sqe->personality", MSG(target.ring_fd, 5, 77); sqe->personality = (__u16)id);
	GIVES(-EINVAL, "sqe->personality", MSG(target.ring_fd, 5, 77); sqe->buf_index = 1);
}

#define MSG_FD(FD, SOURCE, SLOT) io_uring_prep_msg_ring_fd(sqe, FD, SOURCE, SLOT, 77, 0)

TEST(io_uring_prep_msg_ring_fd)
{
	struct io_uring disabled;
	int file = tmp_open("file", 0);

	begin(0);
	ring_init(&target, 8, 0);
	ring_init(&disabled, 8, IORING_SETUP_R_DISABLED);
	CHECK_EQ(io_uring_register_files(&ring, &file, 1), 0);
	GIVES(-ENXIO, "", MSG_FD(target.ring_fd, 0, 0));
	GIVES(-ENFILE, "", io_uring_prep_msg_ring_fd_alloc(sqe, target.ring_fd, 0, 77, 0));
	CHECK_EQ(io_uring_register_files_sparse(&target, 2), 0);
	GIVES(0, "posts one CQE on each", MSG_FD(target.ring_fd, 0, 0));
	CHECK_EQ(wait_res(&target, 77), 0);
	GIVES(1, "posts one CQE on each", io_uring_prep_msg_ring_fd_alloc(sqe, target.ring_fd, 0, 77, 0));
	CHECK_EQ(wait_res(&target, 77), 1);
	GIVES(0, "IORING_MSG_RING_CQE_SKIP",
	      io_uring_prep_msg_ring_fd(sqe, target.ring_fd, 0, 0, 77, IORING_MSG_RING_CQE_SKIP));
	GIVES(-ENFILE, "", io_uring_prep_msg_ring_fd_alloc(sqe, target.ring_fd, 0, 77, 0));
	STATES("io_uring_prep_msg_ring_fd", "On failure");
	CHECK_QUIET(&target);
	GIVES(-EBADF, "fd isn't open", MSG_FD(900, 0, 0));
	GIVES(-EBADF, "source_fd", MSG_FD(target.ring_fd, 1, 0));
	GIVES(-EBADFD, "", MSG_FD(file, 0, 0));
	GIVES(-EBADFD, "", MSG_FD(disabled.ring_fd, 0, 0));
	GIVES(-EINVAL, "both rings", MSG_FD(ring.ring_fd, 0, 0));
	GIVES(-EINVAL, "target_fd", MSG_FD(target.ring_fd, 0, 2));
	GIVES(-EINVAL, "flags", io_uring_prep_msg_ring_fd(sqe, target.ring_fd, 0, 0, 77, 1 << 20));
}

#define PROVIDE(ADDR, LEN, NR, GROUP, ID) io_uring_prep_provide_buffers(sqe, ADDR, LEN, NR, GROUP, ID)

static void make_buffer_ring(int group)
{
	int ret;

	CHECK(io_uring_setup_buf_ring(&ring, 8, group, 0, &ret));
}

TEST(io_uring_prep_provide_buffers)
{
	int file = tmp_filled("file", 16, 1);
	struct done cqe;

	begin(0);
	make_buffer_ring(8);
	GIVES(0, "posts one CQE | res is 0", PROVIDE(buf, 8, 2, 9, 5));
	GIVES(-E2BIG, "", PROVIDE(buf, 8, 0, 9, 0));
	GIVES(-E2BIG, "", PROVIDE(buf, 8, -1, 9, 0));
	GIVES(-E2BIG, "", PROVIDE(buf, 8, 65536 + 1, 9, 0));
	GIVES(-E2BIG, "", PROVIDE(buf, 8, 1, 9, 65536));
	GIVES(-E2BIG, "", PROVIDE(buf, 8, 1, 9, -1));
	GIVES(-EFAULT, "", PROVIDE((void *)(uintptr_t)0xffff800000000000ULL, 8, 1, 9, 0));
	GIVES(-EINVAL, "bgid", PROVIDE(buf, 8, 1, 8, 0));
	GIVES(-EINVAL, "bid", PROVIDE(buf, 8, 2, 9, 65535));
	GIVES(-EINVAL, "len is 0", PROVIDE(buf, 0, 1, 9, 0));
	GIVES(-EOVERFLOW, "len times", PROVIDE((void *)(uintptr_t)-4096, INT_MAX, 65535, 9, 0));
	STATES("io_uring_prep_provide_buffers", "A request that picked a buffer");
	sqe = next_sqe(&ring, 1);
	io_uring_prep_read(sqe, file, NULL, 8, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = 9;
	cqe = run_one(&ring);
	CHECK_EQ(cqe.res, 8);
	CHECK_EQ(buffer_id(cqe), 5);
	CHECK_PATTERN(buf, 8, 1);
	GIVES(0, "", PROVIDE(bad, 8, 1, 7, 0));
	sqe = next_sqe(&ring, 1);
	io_uring_prep_read(sqe, file, NULL, 8, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = 7;
	CHECK_EQ(run_res(&ring), -EFAULT);
	GIVES(0, "", PROVIDE(buf, 1, 65535, 6, 0));
	GIVES(-EOVERFLOW, "the group has", PROVIDE(buf, 1, 1, 6, 0));
}

TEST(io_uring_prep_remove_buffers)
{
	begin(0);
	make_buffer_ring(8);
	GIVES(-ENOENT, "", io_uring_prep_remove_buffers(sqe, 1, 9));
	GIVES(0, "", PROVIDE(buf, 8, 3, 9, 0));
	GIVES(1, "posts one CQE | res is the number", io_uring_prep_remove_buffers(sqe, 1, 9));
	GIVES(2, "res is the number", io_uring_prep_remove_buffers(sqe, 5, 9));
	GIVES(0, "res is the number", io_uring_prep_remove_buffers(sqe, 5, 9));
	GIVES(-EINVAL, "nr is 0", io_uring_prep_remove_buffers(sqe, 0, 9));
	GIVES(-EINVAL, "nr is 0", io_uring_prep_remove_buffers(sqe, -1, 9));
	GIVES(-EINVAL, "nr is 0", io_uring_prep_remove_buffers(sqe, 65537, 9));
	GIVES(-EINVAL, "bgid", io_uring_prep_remove_buffers(sqe, 1, 8));
}

TEST(io_uring_prep_uring_cmd)
{
	begin(0);
	GIVES(-EBADF, "", io_uring_prep_uring_cmd(sqe, 1, 900));
	GIVES(-EBADF, "", io_uring_prep_uring_cmd(sqe, 1, 0); sqe->flags |= IOSQE_FIXED_FILE);
	GIVES(-EINVAL, "sqe->uring_cmd_flags",
	      io_uring_prep_uring_cmd(sqe, 1, socket(AF_INET, SOCK_STREAM, 0)); sqe->uring_cmd_flags = 1 << 20);
	GIVES(-EOPNOTSUPP, "has no commands", io_uring_prep_uring_cmd(sqe, 1, open("/dev/zero", O_RDWR)));
}

#define SOCKET_CMD(OP, FD, LEVEL, NAME, LEN) io_uring_prep_cmd_sock(sqe, OP, FD, LEVEL, NAME, &value, LEN)

TEST(io_uring_prep_cmd_sock)
{
	int value = 1, pair[2], listener;
	struct sockaddr_in here;

	tcp_pair(pair);
	listener = tcp_listener(&here);
	begin(0);
	STATES("io_uring_prep_uring_cmd", "posts one CQE | res is what");
	GIVES(0, "posts one CQE | res is the value",
	      SOCKET_CMD(SOCKET_URING_OP_SETSOCKOPT, pair[0], SOL_SOCKET, SO_KEEPALIVE, 4));
	value = 0;
	GIVES(4, "posts one CQE | res is the value",
	      SOCKET_CMD(SOCKET_URING_OP_GETSOCKOPT, pair[0], SOL_SOCKET, SO_KEEPALIVE, 4));
	CHECK_EQ(value, 1);
	GIVES(-ENOPROTOOPT, "", SOCKET_CMD(SOCKET_URING_OP_SETSOCKOPT, pair[0], SOL_SOCKET, 9999, 4));
	GIVES(-EBADF, "", SOCKET_CMD(SOCKET_URING_OP_SIOCINQ, 900, 0, 0, 0));
	GIVES(-EBADF, "", SOCKET_CMD(SOCKET_URING_OP_SIOCINQ, 0, 0, 0, 0); sqe->flags |= IOSQE_FIXED_FILE);
	GIVES(-EFAULT, "", io_uring_prep_cmd_sock(sqe, SOCKET_URING_OP_SETSOCKOPT, pair[0], SOL_SOCKET, SO_KEEPALIVE,
						  bad, 4));
	GIVES(-EINVAL, "on a listening", SOCKET_CMD(SOCKET_URING_OP_SIOCINQ, listener, 0, 0, 0));
	GIVES(-EINVAL, "on a listening", SOCKET_CMD(SOCKET_URING_OP_SIOCOUTQ, listener, 0, 0, 0));
	GIVES(-EINVAL, "without large completions",
	      SOCKET_CMD(SOCKET_URING_OP_TX_TIMESTAMP, pair[0], 0, 0, 0); sqe->addr = 0);
	GIVES(-EOPNOTSUPP, "not a socket", SOCKET_CMD(SOCKET_URING_OP_SIOCINQ, open("/dev/zero", O_RDWR), 0, 0, 0));
	GIVES(-EOPNOTSUPP, "the protocol", SOCKET_CMD(99, pair[0], 0, 0, 0));
	GIVES(-EOPNOTSUPP, "the level",
	      SOCKET_CMD(SOCKET_URING_OP_GETSOCKOPT, pair[0], IPPROTO_TCP, TCP_NODELAY, 4));
}

/* A block device of 1 MB, backed by a file; removed when it is closed. */
static int loop_device(int file, unsigned flags)
{
	struct loop_config config = { .fd = (unsigned)file, .info.lo_flags = LO_FLAGS_AUTOCLEAR | flags };
	int control = open("/dev/loop-control", O_RDWR), fd;
	char path[32];

	if (control < 0)
		SKIP("no loop devices: %s", strerror(errno));
	snprintf(path, sizeof(path), "/dev/loop%d", ioctl(control, LOOP_CTL_GET_FREE));
	fd = open(path, flags & LO_FLAGS_READ_ONLY ? O_RDONLY : O_RDWR);
	if (fd < 0 || ioctl(fd, LOOP_CONFIGURE, &config))
		SKIP("no loop device: %s", strerror(errno));
	return fd;
}

#define DISCARD(FD, OFFSET, LEN) io_uring_prep_cmd_discard(sqe, FD, OFFSET, LEN)

TEST(io_uring_prep_cmd_zone_reset_all)
{
	begin(0);
	GIVES(-EBADF, "", io_uring_prep_cmd_zone_reset_all(sqe, 900));
	GIVES(-EBADF, "", io_uring_prep_cmd_zone_reset_all(sqe, 0); sqe->flags |= IOSQE_FIXED_FILE);
	GIVES(-EOPNOTSUPP, "", io_uring_prep_cmd_zone_reset_all(sqe, tmp_open("file", 0)));
}

TEST(io_uring_prep_cmd_discard)
{
	int file = tmp_open("file", 0), device;

	begin(0);
	GIVES(-EBADF, "", DISCARD(900, 0, 4096));
	GIVES(-EBADF, "", DISCARD(0, 0, 4096); sqe->flags |= IOSQE_FIXED_FILE);
	GIVES(-EOPNOTSUPP, "", DISCARD(file, 0, 4096));
	CHECK_SYS(ftruncate(file, 1 << 20));
	device = loop_device(file, 0);
	GIVES(0, "posts one CQE | res is 0", DISCARD(device, 0, 4096));
	GIVES(-EINVAL, "isn't a multiple", DISCARD(device, 1, 4096));
	GIVES(-EINVAL, "isn't a multiple", DISCARD(device, 0, 1));
	GIVES(-EINVAL, "isn't a multiple", DISCARD(device, 0, 0));
	GIVES(-EINVAL, "isn't a multiple", DISCARD(device, 1 << 20, 4096));
	CHECK_SYS(ioctl(device, BLKROSET, &(int){ 1 }));
	GIVES(-EPERM, "", DISCARD(device, 0, 4096));
	CHECK_SYS(ioctl(device, BLKROSET, &(int){ 0 }));
}

static void *makes_ring(void *flags)
{
	ring_init(&target, 8, *(unsigned *)flags);
	return NULL;
}

/* The thread that owns the target ring has ended. */
TEST(io_uring_prep_msg_ring__dead)
{
	unsigned flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
	int file = tmp_open("file", 0);
	pthread_t thread;

	begin(0);
	CHECK_EQ(pthread_create(&thread, NULL, makes_ring, &flags), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	STATES("io_uring_prep_msg_ring", -EOWNERDEAD, "On kernel 6.18");
	GIVES(0, "", MSG(target.ring_fd, 5, 77));
	CHECK_QUIET(&target);
	CHECK_EQ(io_uring_register_files(&ring, &file, 1), 0);
	STATES("io_uring_prep_msg_ring_fd", -EOWNERDEAD, "");
	GIVES(-EOWNERDEAD, "", MSG_FD(target.ring_fd, 0, 0));
}
