/* Sending without a copy: first the result, then the notification that the memory is free again. */
#include "net.h"

#define DATA 0xabcd0000dcba0000ULL
#define SIZE 60000

static struct io_uring ring;
static int fds[2];
static char *data, *in;

static void setup(void)
{
	struct iovec iov[2];

	ring_init(&ring, 8, 0);
	need_op(IORING_OP_SEND_ZC);
	tcp_pair(fds);
	data = pages(1 << 16);
	in = pages(1 << 16);
	fill(data, SIZE, 4);
	iov[0] = (struct iovec){ in, 4096 };
	iov[1] = (struct iovec){ data, 1 << 16 };
	CHECK_EQ(io_uring_register_buffers(&ring, iov, 2), 0);
}

/* The notification, which must be the request's last completion. Returns its res. */
static int notification(void)
{
	struct done cqe = wait_one(&ring);

	CHECK_EQ(cqe.user_data, DATA);
	CHECK_EQ(cqe.flags & IORING_CQE_F_MORE, 0);
	CHECK_EQ(cqe.flags & IORING_CQE_F_NOTIF, IORING_CQE_F_NOTIF);
	CHECK_QUIET(&ring);
	return cqe.res;
}

/* Submits; the send must return `res` and its data must arrive. Returns the notification's res. */
static int sent(int res)
{
	struct done cqe;

	submit_one(&ring);
	cqe = wait_one(&ring);
	CHECK_EQ(cqe.user_data, DATA);
	CHECK_EQ(cqe.res, res);
	CHECK_EQ(cqe.flags & IORING_CQE_F_MORE, IORING_CQE_F_MORE);
	CHECK_EQ(cqe.flags & IORING_CQE_F_NOTIF, 0);
	fd_read_all(fds[1], in, (size_t)res);
	CHECK_PATTERN(in, (size_t)res, 4);
	memset(in, 0xee, (size_t)res);
	return notification();
}

/* Submits a request that fails; if it had started, there is also a notification. */
static void fails(int res)
{
	struct done cqe;

	submit_one(&ring);
	cqe = wait_one(&ring);
	CHECK_EQ(cqe.user_data, DATA);
	CHECK_EQ(cqe.res, res);
	if (cqe.flags & IORING_CQE_F_MORE)
		notification();
	CHECK_QUIET(&ring);
}

static struct msghdr *message(void)
{
	static struct iovec iov[3];
	static struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 3 };

	iov[0] = (struct iovec){ data, 1 };
	iov[1] = (struct iovec){ data + 1, 29999 };
	iov[2] = (struct iovec){ data + 30000, SIZE - 30000 };
	return &msg;
}

TEST(send_zc)
{
	static const int sizes[] = { 1, 4096, 20001, SIZE };
	unsigned i;

	setup();
	for (i = 0; i < ARRAY_LEN(sizes); i++) {
		io_uring_prep_send_zc(next_sqe(&ring, DATA), fds[0], data, (size_t)sizes[i], MSG_WAITALL, 0);
		CHECK_EQ(sent(sizes[i]), 0);
	}
	io_uring_queue_exit(&ring);
}

/* On loopback the data is copied in the end, which the notification reports. */
TEST(report_usage)
{
	int res;

	setup();
	io_uring_prep_send_zc(next_sqe(&ring, DATA), fds[0], data, 5000, MSG_WAITALL, IORING_SEND_ZC_REPORT_USAGE);
	res = sent(5000);
	CHECK_EQ((unsigned)res, IORING_NOTIF_USAGE_ZC_COPIED);
	io_uring_queue_exit(&ring);
}

TEST(send_zc_fixed)
{
	setup();
	io_uring_prep_send_zc_fixed(next_sqe(&ring, DATA), fds[0], data, SIZE, MSG_WAITALL, 0, 1);
	CHECK_EQ(sent(SIZE), 0);
	/* Outside of that buffer, past its end, no such buffer. */
	io_uring_prep_send_zc_fixed(next_sqe(&ring, DATA), fds[0], data, 100, 0, 0, 0);
	fails(-EFAULT);
	io_uring_prep_send_zc_fixed(next_sqe(&ring, DATA), fds[0], data, (1 << 16) + 1, 0, 0, 1);
	fails(-EFAULT);
	io_uring_prep_send_zc_fixed(next_sqe(&ring, DATA), fds[0], data, 100, 0, 0, 2);
	fails(-EFAULT);
	io_uring_queue_exit(&ring);
}

TEST(sendmsg_zc)
{
	setup();
	need_op(IORING_OP_SENDMSG_ZC);
	io_uring_prep_sendmsg_zc(next_sqe(&ring, DATA), fds[0], message(), MSG_WAITALL);
	CHECK_EQ(sent(SIZE), 0);
	io_uring_queue_exit(&ring);
}

TEST(sendmsg_zc_fixed)
{
	struct msghdr *msg;

	setup();
	/* The kernel with this opcode introduced vectors of registered memory. */
	need_op(IORING_OP_WRITEV_FIXED);
	msg = message();
	io_uring_prep_sendmsg_zc_fixed(next_sqe(&ring, DATA), fds[0], msg, MSG_WAITALL, 1);
	CHECK_EQ(sent(SIZE), 0);
	io_uring_queue_exit(&ring);
}

TEST(vectorized)
{
	struct msghdr *msg;
	struct io_uring_sqe *sqe;
	struct done cqe;

	setup();
	msg = message();
	sqe = next_sqe(&ring, DATA);
	io_uring_prep_send(sqe, fds[0], msg->msg_iov, msg->msg_iovlen, MSG_WAITALL);
	sqe->ioprio |= IORING_SEND_VECTORIZED;
	cqe = run_one(&ring);
	if (cqe.res == -EINVAL)
		LACKS("IORING_SEND_VECTORIZED", 6, 17);
	CHECK_EQ(cqe.res, SIZE);
	fd_read_all(fds[1], in, SIZE);
	CHECK_PATTERN(in, SIZE, 4);
	sqe = next_sqe(&ring, DATA);
	io_uring_prep_send_zc(sqe, fds[0], msg->msg_iov, msg->msg_iovlen, MSG_WAITALL, IORING_SEND_VECTORIZED);
	CHECK_EQ(sent(SIZE), 0);
	io_uring_queue_exit(&ring);
}

TEST(send_zc_to_an_address)
{
	struct sockaddr_in to, from, name;
	socklen_t len = sizeof(name);
	struct io_uring_sqe *sqe;

	setup();
	close(fds[0]);
	close(fds[1]);
	fds[1] = bound_socket(SOCK_DGRAM, &to);
	fds[0] = bound_socket(SOCK_DGRAM, &from);
	sqe = next_sqe(&ring, DATA);
	io_uring_prep_send_zc(sqe, fds[0], data, 1200, 0, 0);
	io_uring_prep_send_set_addr(sqe, (struct sockaddr *)&to, sizeof(to));
	submit_one(&ring);
	CHECK_EQ(wait_res(&ring, DATA), 1200);
	CHECK_EQ(recvfrom(fds[1], in, 2000, 0, (struct sockaddr *)&name, &len), 1200);
	CHECK_PATTERN(in, 1200, 4);
	CHECK(!memcmp(&name, &from, sizeof(name)));
	notification();
	io_uring_queue_exit(&ring);
}

/* While the receiver doesn't read, the memory stays in use. */
TEST(notification_waits_for_the_receiver)
{
	enum { BIG = 4 << 20 };
	char *big = pages(BIG);
	size_t have = 0;
	struct done cqe;

	setup();
	/* Otherwise they grow until everything fits. */
	CHECK_SYS(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &(int){ 1 << 16 }, sizeof(int)));
	CHECK_SYS(setsockopt(fds[1], SOL_SOCKET, SO_RCVBUF, &(int){ 1 << 16 }, sizeof(int)));
	io_uring_prep_send_zc(next_sqe(&ring, DATA), fds[0], big, BIG, MSG_WAITALL, 0);
	submit_one(&ring);
	usleep(20 * 1000);
	CHECK_QUIET(&ring);
	while (have < BIG) {
		ssize_t n = read(fds[1], in, 1 << 16);
		struct io_uring_cqe *peek;

		CHECK(n > 0);
		CHECK_ALL(in, (size_t)n, 0xee);
		have += (size_t)n;
		/* The send continues in task work. */
		io_uring_peek_cqe(&ring, &peek);
	}
	cqe = wait_one(&ring);
	CHECK_EQ(cqe.res, BIG);
	CHECK_EQ(cqe.flags & IORING_CQE_F_MORE, IORING_CQE_F_MORE);
	notification();
	io_uring_queue_exit(&ring);
}

TEST(errors)
{
	struct io_uring_sqe *sqe;

	setup();
	io_uring_prep_send_zc(next_sqe(&ring, DATA), tmp_open("file", 0), data, 10, 0, 0);
	fails(-ENOTSOCK);
	io_uring_prep_send_zc(next_sqe(&ring, DATA), -1, data, 10, 0, 0);
	fails(-EBADF);
	io_uring_prep_send_zc(next_sqe(&ring, DATA), fds[0], data, 10, 0, 1U << 15);
	fails(-EINVAL);
	/* Its two completions can't be skipped. */
	sqe = next_sqe(&ring, DATA);
	io_uring_prep_send_zc(sqe, fds[0], data, 10, 0, 0);
	io_uring_sqe_set_flags(sqe, IOSQE_CQE_SKIP_SUCCESS);
	fails(-EINVAL);
	make_pair(fds, SOCK_STREAM);
	io_uring_prep_send_zc(next_sqe(&ring, DATA), fds[0], data, 10, 0, 0);
	fails(-EOPNOTSUPP);
	io_uring_queue_exit(&ring);
}
