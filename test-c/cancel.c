/* Canceling pending requests: by user_data, file, fixed file, opcode, all, any; as a request and as a call. */
#include "many.h"
#include <poll.h>

#define DATA 0xbbbb0000cccc0000ULL
#define OTHER 0xdddd0000eeee0000ULL

static struct io_uring ring;
static int fds[2], more[2];
static char bytes[16];

static void setup(void)
{
	ring_init(&ring, 16, 0);
	make_pipe(fds);
	make_pipe(more);
}

static void add_read(__u64 data, int fd)
{
	io_uring_prep_read(next_sqe(&ring, data), fd, bytes, 1, 0);
	submit_one(&ring);
}

static void add_poll(__u64 data, int fd, unsigned flags)
{
	struct io_uring_sqe *sqe = next_sqe(&ring, data);

	io_uring_prep_poll_add(sqe, fd, POLLIN);
	io_uring_sqe_set_flags(sqe, flags);
	submit_one(&ring);
}

/* The requests in `which` must complete as canceled; the cancel request must return `res`. */
static void expect(int res, unsigned cancelled, const __u64 *which)
{
	unsigned i;

	submit_one(&ring);
	collect(&ring, cancelled + 1);
	CHECK_EQ(res_of(OTHER), res);
	for (i = 0; i < cancelled; i++)
		CHECK_EQ(res_of(which[i]), -ECANCELED);
	CHECK_QUIET(&ring);
}

#define EXPECT(RES, ...) expect(RES, ARRAY_LEN(((__u64[]){ __VA_ARGS__ })), (__u64[]){ __VA_ARGS__ })

TEST(by_pointer)
{
	setup();
	add_read((__u64)(uintptr_t)&fds, fds[0]);
	add_read((__u64)(uintptr_t)&more, fds[0]);
	io_uring_prep_cancel(next_sqe(&ring, OTHER), &more, 0);
	EXPECT(0, (__u64)(uintptr_t)&more);
	fd_write(fds[1], "x", 1);
	CHECK_EQ(wait_res(&ring, (__u64)(uintptr_t)&fds), 1);
	CHECK_EQ(bytes[0], 'x');
	io_uring_queue_exit(&ring);
}

TEST(by_64_bits)
{
	setup();
	add_read(DATA, fds[0]);
	io_uring_prep_cancel64(next_sqe(&ring, OTHER), (__u32)DATA, 0);
	CHECK_EQ(run_res(&ring), -ENOENT);
	io_uring_prep_cancel64(next_sqe(&ring, OTHER), DATA, 0);
	EXPECT(0, DATA);
	io_uring_prep_cancel64(next_sqe(&ring, OTHER), DATA, 0);
	CHECK_EQ(run_res(&ring), -ENOENT);
	io_uring_queue_exit(&ring);
}

TEST(all_with_the_same_data)
{
	unsigned i;

	SINCE("IORING_ASYNC_CANCEL_ALL", 5, 19);
	setup();
	for (i = 0; i < 4; i++)
		add_poll(DATA, fds[0], 0);
	add_poll(DATA + 1, fds[0], 0);
	io_uring_prep_cancel64(next_sqe(&ring, OTHER), DATA, IORING_ASYNC_CANCEL_ALL);
	submit_one(&ring);
	collect(&ring, 5);
	CHECK_EQ(res_of(OTHER), 4);
	for (i = 0; i < 5; i++) {
		if (many[i].user_data != OTHER) {
			CHECK_EQ(many[i].user_data, DATA);
			CHECK_EQ(many[i].res, -ECANCELED);
		}
	}
	fd_write(fds[1], "x", 1);
	CHECK_EQ(wait_res(&ring, DATA + 1), POLLIN);
	io_uring_queue_exit(&ring);
}

TEST(all_when_there_is_none)
{
	SINCE("IORING_ASYNC_CANCEL_ALL", 5, 19);
	setup();
	io_uring_prep_cancel64(next_sqe(&ring, OTHER), DATA, IORING_ASYNC_CANCEL_ALL);
	CHECK_EQ(run_res(&ring), 0);
	io_uring_queue_exit(&ring);
}

TEST(by_fd)
{
	SINCE("IORING_ASYNC_CANCEL_ALL", 5, 19);
	setup();
	add_poll(1, fds[0], 0);
	add_poll(2, more[0], 0);
	io_uring_prep_cancel_fd(next_sqe(&ring, OTHER), more[0], 0);
	EXPECT(0, 2);
	io_uring_prep_cancel_fd(next_sqe(&ring, OTHER), more[0], 0);
	CHECK_EQ(run_res(&ring), -ENOENT);
	add_read(3, fds[0]);
	io_uring_prep_cancel_fd(next_sqe(&ring, OTHER), fds[0], IORING_ASYNC_CANCEL_ALL);
	EXPECT(2, 1, 3);
	io_uring_prep_cancel_fd(next_sqe(&ring, OTHER), -1, 0);
	CHECK_EQ(run_res(&ring), -EBADF);
	io_uring_queue_exit(&ring);
}

TEST(by_fixed_fd)
{
	SINCE("IORING_ASYNC_CANCEL_FD_FIXED", 6, 0);
	setup();
	CHECK_EQ(io_uring_register_files(&ring, (int[]){ -1, fds[0], more[0] }, 3), 0);
	add_poll(1, 1, IOSQE_FIXED_FILE);
	add_poll(2, 2, IOSQE_FIXED_FILE);
	io_uring_prep_cancel_fd(next_sqe(&ring, OTHER), 2, IORING_ASYNC_CANCEL_FD_FIXED);
	EXPECT(0, 2);
	io_uring_prep_cancel_fd(next_sqe(&ring, OTHER), 3, IORING_ASYNC_CANCEL_FD_FIXED);
	CHECK_EQ(run_res(&ring), -EBADF);
	io_uring_prep_cancel_fd(next_sqe(&ring, OTHER), 1, IORING_ASYNC_CANCEL_FD_FIXED | IORING_ASYNC_CANCEL_ALL);
	EXPECT(1, 1);
	io_uring_queue_exit(&ring);
}

/* Both keys must match. */
TEST(by_fd_and_data)
{
	struct io_uring_sqe *sqe;

	SINCE("IORING_ASYNC_CANCEL_USERDATA", 6, 6);
	setup();
	add_poll(1, fds[0], 0);
	add_poll(2, fds[0], 0);
	add_poll(2, more[0], 0);
	sqe = next_sqe(&ring, OTHER);
	io_uring_prep_cancel_fd(sqe, fds[0], IORING_ASYNC_CANCEL_USERDATA | IORING_ASYNC_CANCEL_ALL);
	sqe->addr = 2;
	EXPECT(1, 2);
	fd_write(more[1], "x", 1);
	CHECK_EQ(wait_res(&ring, 2), POLLIN);
	fd_write(fds[1], "x", 1);
	CHECK_EQ(wait_res(&ring, 1), POLLIN);
	io_uring_queue_exit(&ring);
}

TEST(any)
{
	SINCE("IORING_ASYNC_CANCEL_ALL", 5, 19);
	setup();
	add_poll(1, fds[0], 0);
	add_read(2, more[0]);
	io_uring_prep_cancel64(next_sqe(&ring, OTHER), 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
	EXPECT(2, 1, 2);
	io_uring_prep_cancel64(next_sqe(&ring, OTHER), 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
	CHECK_EQ(run_res(&ring), 0);
	add_poll(3, fds[0], 0);
	io_uring_prep_cancel64(next_sqe(&ring, OTHER), 0, IORING_ASYNC_CANCEL_ANY);
	submit_one(&ring);
	collect(&ring, 2);
	CHECK(res_of(OTHER) == 0 || res_of(OTHER) == 1);
	CHECK_EQ(res_of(3), -ECANCELED);
	io_uring_queue_exit(&ring);
}

TEST(by_opcode)
{
	struct io_uring_sqe *sqe;

	SINCE("IORING_ASYNC_CANCEL_OP", 6, 6);
	setup();
	add_poll(1, fds[0], 0);
	add_read(2, fds[0]);
	add_poll(3, more[0], 0);
	sqe = next_sqe(&ring, OTHER);
	io_uring_prep_cancel64(sqe, 0, IORING_ASYNC_CANCEL_OP | IORING_ASYNC_CANCEL_ALL);
	sqe->len = IORING_OP_POLL_ADD;
	EXPECT(2, 1, 3);
	fd_write(fds[1], "x", 1);
	CHECK_EQ(wait_res(&ring, 2), 1);
	io_uring_queue_exit(&ring);
}

TEST(timeout)
{
	struct __kernel_timespec ts = nsec(1000 * SEC);

	setup();
	io_uring_prep_timeout(next_sqe(&ring, DATA), &ts, 0, 0);
	submit_one(&ring);
	io_uring_prep_cancel64(next_sqe(&ring, OTHER), DATA, 0);
	EXPECT(0, DATA);
	io_uring_queue_exit(&ring);
}

/* A blocked read in a worker thread is interrupted. */
TEST(in_a_worker)
{
	struct io_uring_sqe *sqe;
	int res, cancel;

	setup();
	sqe = next_sqe(&ring, DATA);
	io_uring_prep_read(sqe, fds[0], bytes, 1, 0);
	io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
	submit_one(&ring);
	usleep(20 * 1000);
	io_uring_prep_cancel64(next_sqe(&ring, OTHER), DATA, 0);
	submit_one(&ring);
	collect(&ring, 2);
	res = res_of(DATA);
	cancel = res_of(OTHER);
	CHECK(res == -ECANCELED || res == -EINTR);
	CHECK(cancel == 0 || cancel == -EALREADY);
	io_uring_queue_exit(&ring);
}

TEST(refused)
{
	setup();
	io_uring_prep_cancel64(next_sqe(&ring, OTHER), DATA, 1 << 30);
	CHECK_EQ(run_res(&ring), -EINVAL);
	io_uring_prep_cancel64(next_sqe(&ring, OTHER), DATA, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_FD);
	CHECK_EQ(run_res(&ring), -EINVAL);
	io_uring_queue_exit(&ring);
}

/* As a call, without a request. The timeout {-1, -1} means none. */

static struct io_uring_sync_cancel_reg reg;

static int sync_cancel(__u64 data, int fd, unsigned flags, unsigned opcode)
{
	memset(&reg, 0, sizeof(reg));
	reg.addr = data;
	reg.fd = fd;
	reg.flags = flags;
	reg.opcode = (__u8)opcode;
	reg.timeout.tv_sec = -1;
	reg.timeout.tv_nsec = -1;
	return io_uring_register_sync_cancel(&ring, &reg);
}

static void expect_cancelled(unsigned n, __u64 a, __u64 b)
{
	collect(&ring, n);
	CHECK_EQ(res_of(a), -ECANCELED);
	if (n > 1)
		CHECK_EQ(res_of(b), -ECANCELED);
	CHECK_QUIET(&ring);
}

TEST(sync_by_data)
{
	SINCE("IORING_REGISTER_SYNC_CANCEL", 6, 0);
	setup();
	add_read(DATA, fds[0]);
	CHECK_EQ(sync_cancel(DATA + 1, 0, 0, 0), -ENOENT);
	CHECK_EQ(sync_cancel(DATA, 0, 0, 0), 0);
	expect_cancelled(1, DATA, 0);
	CHECK_EQ(sync_cancel(DATA, 0, 0, 0), -ENOENT);
	io_uring_queue_exit(&ring);
}

TEST(sync_by_fd)
{
	SINCE("IORING_REGISTER_SYNC_CANCEL", 6, 0);
	setup();
	add_poll(1, fds[0], 0);
	add_poll(2, more[0], 0);
	add_poll(3, fds[0], 0);
	CHECK_EQ(sync_cancel(0, fds[0], IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ALL, 0), 2);
	expect_cancelled(2, 1, 3);
	CHECK_EQ(sync_cancel(0, -1, IORING_ASYNC_CANCEL_FD, 0), -EBADF);
	fd_write(more[1], "x", 1);
	CHECK_EQ(wait_res(&ring, 2), POLLIN);
	io_uring_queue_exit(&ring);
}

/* Until it completes, a request can be canceled again; it completes once. */
TEST(twice_at_once)
{
	unsigned i;

	setup();
	add_poll(1, fds[0], 0);
	for (i = 2; i < 4; i++)
		io_uring_prep_cancel64(next_sqe(&ring, i), 1, 0);
	submit_n(&ring, 2);
	for (i = 0; i < 3; i++) {
		struct done cqe = wait_one(&ring);

		if (cqe.user_data == 1)
			CHECK_EQ(cqe.res, -ECANCELED);
		else
			CHECK(cqe.res == 0 || (cqe.user_data == 3 && (cqe.res == -ENOENT || cqe.res == -EALREADY)));
	}
	CHECK_QUIET(&ring);
	io_uring_queue_exit(&ring);
}

TEST(sync_by_fixed_fd)
{
	SINCE("IORING_REGISTER_SYNC_CANCEL", 6, 0);
	setup();
	CHECK_EQ(io_uring_register_files(&ring, (int[]){ -1, fds[0] }, 2), 0);
	add_poll(1, 1, IOSQE_FIXED_FILE);
	CHECK_EQ(sync_cancel(0, 1, IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_FD_FIXED, 0), 0);
	expect_cancelled(1, 1, 0);
	io_uring_queue_exit(&ring);
}

TEST(sync_any_and_opcode)
{
	SINCE("IORING_ASYNC_CANCEL_OP", 6, 6);
	setup();
	add_poll(1, fds[0], 0);
	add_read(2, fds[0]);
	CHECK_EQ(sync_cancel(0, 0, IORING_ASYNC_CANCEL_OP | IORING_ASYNC_CANCEL_ALL, IORING_OP_READ), 1);
	expect_cancelled(1, 2, 0);
	add_read(3, more[0]);
	CHECK_EQ(sync_cancel(0, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL, 0), 2);
	expect_cancelled(2, 1, 3);
	io_uring_queue_exit(&ring);
}

TEST(sync_refused)
{
	setup();
	CHECK_EQ(sync_cancel(DATA, 0, 1U << 30, 0), -EINVAL);
	memset(&reg, 0, sizeof(reg));
	reg.pad2[2] = 1;
	CHECK_EQ(io_uring_register_sync_cancel(&ring, &reg), -EINVAL);
	CHECK_EQ(io_uring_register_sync_cancel(&ring, NULL), -EINVAL);
	io_uring_queue_exit(&ring);
}
