/* Requests that receive. */
#include "page.h"
#include "../net.h"

static int file, tcp[2], udp[2];
static char buf[4096];
static struct iovec some = { buf, 8 };
static struct msghdr message;
static struct io_uring_buf_ring *buffers;

/* Group 9 is a ring for 8 buffers; group 8 doesn't exist. */
static void start(void)
{
	int ret;

	file = tmp_open("file", 0);
	tcp_pair(tcp);
	udp_pair(udp);
	message = (struct msghdr){ .msg_iov = &some, .msg_iovlen = 1 };
	begin(0);
	buffers = io_uring_setup_buf_ring(&ring, 8, 9, 0, &ret);
	CHECK(buffers);
}

static void add(unsigned id, unsigned len)
{
	io_uring_buf_ring_add(buffers, buf + 64 * id, len, (unsigned short)id, 7, 0);
	io_uring_buf_ring_advance(buffers, 1);
}

/* A stream whose peer has closed or reset it. */
static int ended(bool reset)
{
	struct linger at_once = { 1, 0 };
	int pair[2];

	tcp_pair(pair);
	if (reset)
		setsockopt(pair[1], SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(pair[1]);
	return pair[0];
}

#define TCP() socket(AF_INET, SOCK_STREAM, 0)
#define RECV(FD, LEN, FLAGS) io_uring_prep_recv(sqe, FD, buf, LEN, FLAGS)
#define SELECTS(GROUP) (sqe->flags |= IOSQE_BUFFER_SELECT, sqe->buf_group = GROUP)

/* Runs one request and returns its only completion. */
#define GOT(...)							\
	({								\
		sqe = next_sqe(&ring, 1);				\
		__VA_ARGS__;						\
		run_one(&ring);						\
	})

TEST(io_uring_prep_recv)
{
	struct sockaddr_in nobody;
	struct done cqe;
	int fd;

	start();
	fd_write(tcp[1], "12345", 5);
	STATES("io_uring_prep_recv", "posts one CQE | there is more to receive | TCP does, UDP doesn't");
	cqe = GOT(RECV(tcp[0], 3, 0));
	CHECK_EQ(cqe.res, 3);
	CHECK_EQ(cqe.flags, IORING_CQE_F_SOCK_NONEMPTY);
	GIVES(0, "0 means the end", RECV(tcp[0], 0, 0));
	GIVES(2, "res is the number", RECV(tcp[0], 8, 0));
	CHECK_EQ(send(udp[1], "", 0, 0), 0);
	GIVES(0, "0 means the end", RECV(udp[0], 8, 0));
	fd_write(udp[1], "12345", 5);
	fd_write(udp[1], "12345", 5);
	cqe = GOT(RECV(udp[0], 3, MSG_TRUNC));
	STATES("io_uring_prep_recv", "With MSG_TRUNC");
	CHECK_EQ(cqe.res, 5);
	CHECK_EQ(cqe.flags, 0);
	STATES("io_uring_prep_recv", "It is set at the end");
	cqe = GOT(RECV(ended(false), 3, 0));
	CHECK_EQ(cqe.res, 0);
	CHECK_EQ(cqe.flags, IORING_CQE_F_SOCK_NONEMPTY);
	GIVES(-ENOTCONN, "", RECV(TCP(), 3, 0));
	GIVES(-ECONNRESET, "", RECV(ended(true), 3, 0));
	close(bound_socket(SOCK_DGRAM, &nobody));
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	CHECK_SYS(connect(fd, (struct sockaddr *)&nobody, sizeof(nobody)));
	CHECK_EQ(send(fd, "x", 1, 0), 1);
	GIVES(-ECONNREFUSED, "", RECV(fd, 3, 0));
	GIVES(-EAGAIN, "", RECV(tcp[0], 3, MSG_DONTWAIT));
	GIVES(-EBADF, "", RECV(900, 3, 0));
	GIVES(-EBADF, "", RECV(0, 3, 0); sqe->flags |= IOSQE_FIXED_FILE);
	STATES("io_uring_prep_recv", -ECANCELED, "");
	STARTS(7, RECV(tcp[0], 3, 0));
	CANCELS(7);
	CHECK_EQ(res_of(7), -ECANCELED);
	fd_write(tcp[1], "12345", 5);
	GIVES(-EFAULT, "", io_uring_prep_recv(sqe, tcp[0], bad, 3, 0));
	GIVES(-EINVAL, "len is above", RECV(tcp[0], 1U << 31, 0));
	GIVES(-EINVAL, "sqe->ioprio", RECV(tcp[0], 3, 0); sqe->ioprio = 1 << 14);
	GIVES(-EINVAL, "a field", RECV(tcp[0], 3, 0); sqe->addr2 = 1);
	GIVES(-EINVAL, "a field", RECV(tcp[0], 3, 0); sqe->file_index = 1);
	GIVES(-ENOBUFS, "", RECV(tcp[0], 0, 0); SELECTS(8));
	GIVES(-ENOBUFS, "", RECV(tcp[0], 0, 0); SELECTS(9));
	GIVES(-ENOENT, "", RECV(tcp[0], 0, 0); SELECTS(8); sqe->ioprio = IORING_RECVSEND_BUNDLE);
	GIVES(-ENOTSOCK, "", RECV(file, 3, 0));
}

TEST(io_uring_prep_recv__buffers)
{
	struct done cqe;

	start();
	add(1, 3);
	add(2, 3);
	add(3, 3);
	STATES("io_uring_prep_recv", "returns its buffer");
	STARTS(7, RECV(tcp[0], 0, 0); SELECTS(9));
	CANCELS(7);
	CHECK_EQ(cqe_of(7).flags, 0);
	CHECK_EQ(io_uring_buf_ring_available(&ring, buffers, 9), 3);
	fd_write(tcp[1], "12345", 5);
	STATES("io_uring_prep_recv", "a provided buffer was used | Its ID is");
	cqe = GOT(RECV(tcp[0], 0, 0); SELECTS(9));
	CHECK_EQ(cqe.res, 3);
	CHECK_EQ(buffer_id(cqe), 1);
	STATES("io_uring_prep_recv", "res counts the bytes in all | The others follow");
	fd_write(tcp[1], "678", 3);
	cqe = GOT(RECV(tcp[0], 0, 0); SELECTS(9); sqe->ioprio = IORING_RECVSEND_BUNDLE);
	CHECK_EQ(cqe.res, 5);
	CHECK_EQ(buffer_id(cqe), 2);
	CHECK(!memcmp(buf + 128, "456", 3) && !memcmp(buf + 192, "78", 2));
}

TEST(io_uring_prep_recv__incremental)
{
	struct done cqe;
	int ret;

	start();
	buffers = io_uring_setup_buf_ring(&ring, 8, 10, IOU_PBUF_RING_INC, &ret);
	if (!buffers)
		LACKS("IOU_PBUF_RING_INC", 6, 12);
	add(1, 64);
	fd_write(tcp[1], "12345", 5);
	STATES("io_uring_prep_recv", "the kernel keeps the rest | This only happens");
	cqe = GOT(RECV(tcp[0], 0, 0); SELECTS(10));
	CHECK_EQ(cqe.res, 5);
	CHECK(cqe.flags & IORING_CQE_F_BUF_MORE);
	STATES("io_uring_prep_recvmsg", "the kernel keeps the rest");
	fd_write(tcp[1], "12345", 5);
	cqe = GOT(io_uring_prep_recvmsg(sqe, tcp[0], &message, 0); SELECTS(10));
	CHECK_EQ(cqe.res, 5);
	CHECK(cqe.flags & IORING_CQE_F_BUF_MORE);
	STATES("io_uring_prep_recv_multishot", "the kernel keeps the rest");
	STARTS(7, io_uring_prep_recv_multishot(sqe, tcp[0], NULL, 0, 0); SELECTS(10));
	fd_write(tcp[1], "12345", 5);
	cqe = wait_one(&ring);
	CHECK_EQ(cqe.res, 5);
	CHECK(cqe.flags & IORING_CQE_F_BUF_MORE);
}

static struct msghdr with(struct msghdr changed)
{
	if (!changed.msg_iov) {
		changed.msg_iov = &some;
		changed.msg_iovlen = 1;
	}
	return changed;
}

#define RECVMSG(FD, MSG, FLAGS) io_uring_prep_recvmsg(sqe, FD, MSG, FLAGS)

TEST(io_uring_prep_recvmsg)
{
	static struct iovec too_many[1025], two[2] = { { buf, 1 }, { buf, 1 } }, nowhere = { (void *)4096, 3 };
	struct msghdr no_iov, no_data, long_iov, pair, negative;
	struct done cqe;

	start();
	no_iov = with((struct msghdr){ .msg_iov = (struct iovec *)bad, .msg_iovlen = 1 });
	no_data = with((struct msghdr){ .msg_iov = &nowhere, .msg_iovlen = 1 });
	long_iov = with((struct msghdr){ .msg_iov = too_many, .msg_iovlen = 1025 });
	pair = with((struct msghdr){ .msg_iov = two, .msg_iovlen = 2 });
	negative = with((struct msghdr){ .msg_name = buf, .msg_namelen = (socklen_t)-1 });
	fd_write(tcp[1], "123456789", 9);
	STATES("io_uring_prep_recvmsg", "posts one CQE | there is more to receive");
	cqe = GOT(RECVMSG(tcp[0], &message, 0));
	CHECK_EQ(cqe.res, 8);
	CHECK_EQ(cqe.flags, IORING_CQE_F_SOCK_NONEMPTY);
	GIVES(1, "res is the number", RECVMSG(tcp[0], &message, 0));
	GIVES(0, "res is the number", RECVMSG(ended(false), &message, 0));
	fd_write(udp[1], "123456789", 9);
	GIVES(8, "msg_flags has", RECVMSG(udp[0], &message, 0));
	CHECK_EQ(message.msg_flags & MSG_TRUNC, MSG_TRUNC);
	GIVES(-EAGAIN, "", RECVMSG(tcp[0], &message, MSG_DONTWAIT));
	GIVES(-EBADF, "", RECVMSG(900, &message, 0));
	GIVES(-EBADF, "", RECVMSG(0, &message, 0); sqe->flags |= IOSQE_FIXED_FILE);
	STATES("io_uring_prep_recvmsg", -ECANCELED, "");
	STARTS(7, RECVMSG(tcp[0], &message, 0));
	CANCELS(7);
	CHECK_EQ(res_of(7), -ECANCELED);
	fd_write(tcp[1], "123456789", 9);
	GIVES(-EFAULT, "", RECVMSG(tcp[0], (struct msghdr *)bad, 0));
	GIVES(-EFAULT, "", RECVMSG(tcp[0], &no_iov, 0));
	GIVES(-EFAULT, "", RECVMSG(tcp[0], &no_data, 0));
	GIVES(-EINVAL, "sqe->ioprio", RECVMSG(tcp[0], &message, 0); sqe->ioprio = 1 << 14);
	GIVES(-EINVAL, "sqe->ioprio", RECVMSG(tcp[0], &message, 0); sqe->ioprio = IORING_RECVSEND_BUNDLE);
	GIVES(-EINVAL, "msg_iovlen", RECVMSG(tcp[0], &pair, 0); SELECTS(9));
	GIVES(-EINVAL, "negative", RECVMSG(tcp[0], &negative, 0));
	GIVES(-EMSGSIZE, "", RECVMSG(tcp[0], &long_iov, 0));
	GIVES(-ENOBUFS, "", RECVMSG(tcp[0], &message, 0); SELECTS(8));
	GIVES(-ENOBUFS, "", RECVMSG(tcp[0], &message, 0); SELECTS(9));
	GIVES(-ENOTSOCK, "", RECVMSG(file, &message, 0));
	add(5, 8);
	STATES("io_uring_prep_recvmsg", "a provided buffer was used");
	cqe = GOT(RECVMSG(tcp[0], &message, 0); SELECTS(9));
	CHECK_EQ(cqe.res, 8);
	CHECK_EQ(buffer_id(cqe), 5);
}

#define MULTI(FD, FLAGS) io_uring_prep_recv_multishot(sqe, FD, NULL, 0, FLAGS)

TEST(io_uring_prep_recv_multishot)
{
	struct done cqe;

	start();
	GIVES(-ENOBUFS, "", MULTI(tcp[0], 0); SELECTS(8));
	GIVES(-ENOENT, "",
	      MULTI(tcp[0], 0); SELECTS(8); sqe->ioprio |= IORING_RECVSEND_BUNDLE);
	add(1, 3);
	add(2, 3);
	add(3, 3);
	GIVES(-EAGAIN, "", MULTI(tcp[0], MSG_DONTWAIT); SELECTS(9));
	GIVES(-EBADF, "", MULTI(900, 0); SELECTS(9));
	GIVES(-EINVAL, "IOSQE_BUFFER_SELECT", MULTI(tcp[0], 0));
	GIVES(-EINVAL, "MSG_WAITALL", MULTI(tcp[0], MSG_WAITALL); SELECTS(9));
	GIVES(-EINVAL, "len isn't 0", io_uring_prep_recv_multishot(sqe, tcp[0], NULL, 1U << 31, 0); SELECTS(9));
	GIVES(-ENOTSOCK, "", MULTI(file, 0); SELECTS(9));
	STATES("io_uring_prep_recv_multishot", -ECANCELED, "");
	STARTS(7, MULTI(tcp[0], 0); SELECTS(9));
	CANCELS(7);
	CHECK_EQ(res_of(7), -ECANCELED);
	STATES("io_uring_prep_recv_multishot", "posts a completion | res is the number | still active | a provided buffer");
	STATES("io_uring_prep_recv_multishot", "there is more to receive | is the last one | Completions without data");
	STARTS(7, MULTI(tcp[0], 0); SELECTS(9));
	fd_write(tcp[1], "12345", 5);
	cqe = wait_one(&ring);
	CHECK_EQ(cqe.res, 3);
	CHECK_EQ(buffer_id(cqe), 1);
	CHECK_EQ(cqe.flags & 0xffff, IORING_CQE_F_BUFFER | IORING_CQE_F_MORE | IORING_CQE_F_SOCK_NONEMPTY);
	cqe = wait_one(&ring);
	CHECK_EQ(cqe.res, 2);
	CHECK_EQ(buffer_id(cqe), 2);
	shutdown(tcp[1], SHUT_WR);
	cqe = wait_one(&ring);
	CHECK_EQ(cqe.res, 0);
	CHECK_EQ(cqe.flags & (IORING_CQE_F_MORE | IORING_CQE_F_BUFFER), 0);
}

TEST(io_uring_prep_recv_multishot__bundle)
{
	struct done cqe;

	start();
	add(1, 3);
	add(2, 3);
	fd_write(tcp[1], "12345", 5);
	STATES("io_uring_prep_recv_multishot", "res counts the bytes in all | The others follow");
	STARTS(7, MULTI(tcp[0], 0); SELECTS(9); sqe->ioprio |= IORING_RECVSEND_BUNDLE);
	cqe = wait_one(&ring);
	CHECK_EQ(cqe.res, 5);
	CHECK_EQ(buffer_id(cqe), 1);
	CHECK(!memcmp(buf + 128, "45", 2));
}

#define MULTIMSG(FD, MSG, FLAGS) io_uring_prep_recvmsg_multishot(sqe, FD, MSG, FLAGS); SELECTS(9)

TEST(io_uring_prep_recvmsg_multishot)
{
	static struct iovec two[2] = { { buf, 1 }, { buf, 1 } };
	struct msghdr plain = { .msg_namelen = sizeof(struct sockaddr_in) }, pair, large = { .msg_namelen = INT_MAX };
	struct done cqe;

	start();
	pair = (struct msghdr){ .msg_iov = two, .msg_iovlen = 2 };
	GIVES(-ENOBUFS, "", MULTIMSG(udp[0], &plain, 0));
	add(1, 16);
	GIVES(-EBADF, "", MULTIMSG(900, &plain, 0));
	GIVES(-EFAULT, "accessible", MULTIMSG(udp[0], (struct msghdr *)bad, 0));
	GIVES(-EINVAL, "IOSQE_BUFFER_SELECT", io_uring_prep_recvmsg_multishot(sqe, udp[0], &plain, 0));
	GIVES(-EINVAL, "MSG_WAITALL", MULTIMSG(udp[0], &plain, MSG_WAITALL));
	GIVES(-EINVAL, "MSG_WAITALL", MULTIMSG(udp[0], &plain, 0); sqe->ioprio |= IORING_RECVSEND_BUNDLE);
	GIVES(-EINVAL, "msg_iovlen", MULTIMSG(udp[0], &pair, 0));
	GIVES(-ENOTSOCK, "", MULTIMSG(file, &plain, 0));
	GIVES(-EOVERFLOW, "", MULTIMSG(udp[0], &large, 0));
	fd_write(udp[1], "123", 3);
	STATES("io_uring_prep_recvmsg_multishot", -EFAULT, "is too small");
	cqe = GOT(MULTIMSG(udp[0], &plain, 0));
	CHECK_EQ(cqe.res, -EFAULT);
	begin(0);
	start();
	STATES("io_uring_prep_recvmsg_multishot", -ECANCELED, "");
	add(2, 64);
	add(3, 64);
	STARTS(7, MULTIMSG(udp[0], &plain, 0));
	CANCELS(7);
	CHECK_EQ(res_of(7), -ECANCELED);
	CHECK_EQ(cqe_of(7).flags, 0);
	STATES("io_uring_prep_recvmsg_multishot", "posts one | res is the number | more than 0 | still active | the buffer's ID");
	STATES("io_uring_prep_recvmsg_multishot", "A completion without it");
	STARTS(7, MULTIMSG(udp[0], &plain, 0));
	CHECK_EQ(send(udp[1], "", 0, 0), 0);
	cqe = wait_one(&ring);
	CHECK_EQ(cqe.res, sizeof(struct io_uring_recvmsg_out) + sizeof(struct sockaddr_in));
	CHECK_EQ(buffer_id(cqe), 2);
	CHECK_EQ(cqe.flags & IORING_CQE_F_MORE, 0);
	STARTS(7, MULTIMSG(udp[0], &plain, 0));
	CHECK_EQ(send(udp[1], "123", 3, 0), 3);
	cqe = wait_one(&ring);
	CHECK_EQ(cqe.res, sizeof(struct io_uring_recvmsg_out) + sizeof(struct sockaddr_in) + 3);
	CHECK(cqe.flags & IORING_CQE_F_MORE);
}
