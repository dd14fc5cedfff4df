/* Requests that send. */
#include "page.h"
#include "../net.h"

static int file, tcp[2], udp[2], full;
static char buf[70000];
static struct sockaddr_in here;
static struct sockaddr *const name = (struct sockaddr *)&here;
static struct iovec some = { buf, 3 };
static struct msghdr message;

static void start(void)
{
	int pair[2];

	file = tmp_open("file", 0);
	tcp_pair(tcp);
	udp_pair(udp);
	close(bound_socket(SOCK_DGRAM, &here));
	make_pair(pair, SOCK_STREAM);
	full = pair[0];
	while (send(full, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	signal(SIGPIPE, SIG_IGN);
	message = (struct msghdr){ .msg_iov = &some, .msg_iovlen = 1 };
	begin(0);
}

/* A stream whose sending side is shut down, or whose peer has reset it. */
static int ended(bool by_peer)
{
	struct linger at_once = { 1, 0 };
	int pair[2];

	tcp_pair(pair);
	if (by_peer) {
		setsockopt(pair[1], SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		close(pair[1]);
	} else {
		shutdown(pair[0], SHUT_WR);
	}
	return pair[0];
}

#define TCP() socket(AF_INET, SOCK_STREAM, 0)
#define UDP() socket(AF_INET, SOCK_DGRAM, 0)
#define SEND(FD, LEN, FLAGS) io_uring_prep_send(sqe, FD, buf, LEN, FLAGS)
#define SENDTO(FD, ADDRESS, SIZE) io_uring_prep_sendto(sqe, FD, buf, 3, 0, ADDRESS, SIZE)
#define SELECTS(GROUP) (sqe->flags |= IOSQE_BUFFER_SELECT, sqe->buf_group = GROUP)

TEST(io_uring_prep_send)
{
	struct done cqe;

	start();
	GIVES(3, "posts one CQE | res is the number", SEND(tcp[0], 3, 0));
	GIVES(3, "res is the number", SENDTO(UDP(), name, sizeof(here)));
	STATES("io_uring_prep_send", -ENOTCONN, "These errors arrive");
	GIVES(-EPIPE, "", SEND(TCP(), 3, 0));
	GIVES(-ENOTCONN, "", SEND(socket(AF_UNIX, SOCK_DGRAM, 0), 3, 0));
	GIVES(-ECONNRESET, "", SEND(ended(true), 3, 0));
	GIVES(-EDESTADDRREQ, "", SEND(UDP(), 3, 0));
	GIVES(-EAGAIN, "", SEND(full, 3, MSG_DONTWAIT));
	GIVES(-EBADF, "", SEND(900, 3, 0));
	GIVES(-EBADF, "", SEND(0, 3, 0); sqe->flags |= IOSQE_FIXED_FILE);
	STATES("io_uring_prep_send", -ECANCELED, "");
	STARTS(7, SEND(full, 3, 0));
	CANCELS(7);
	CHECK_EQ(res_of(7), -ECANCELED);
	GIVES(-EFAULT, "", io_uring_prep_send(sqe, udp[0], bad, 3, 0));
	GIVES(-EFAULT, "", SENDTO(UDP(), (struct sockaddr *)bad, sizeof(here)));
	GIVES(-EINVAL, "len is above", SEND(tcp[0], 1U << 31, 0));
	GIVES(-EINVAL, "addrlen", SENDTO(UDP(), name, 3));
	GIVES(-EINVAL, "addrlen", SENDTO(UDP(), name, 129));
	GIVES(-EINVAL, "sqe->ioprio", SEND(tcp[0], 3, 0); sqe->ioprio = 1 << 14);
	GIVES(-EMSGSIZE, "", SEND(udp[0], sizeof(buf), 0));
	GIVES(-ENOENT, "", SEND(tcp[0], 0, 0); SELECTS(9));
	GIVES(0, "", io_uring_prep_provide_buffers(sqe, buf, 8, 1, 9, 4));
	STATES("io_uring_prep_send", "flags has IORING_CQE_F_BUFFER");
	sqe = next_sqe(&ring, 1);
	SEND(tcp[0], 0, 0);
	SELECTS(9);
	cqe = run_one(&ring);
	CHECK_EQ(cqe.res, 8);
	CHECK_EQ(buffer_id(cqe), 4);
	GIVES(0, "", io_uring_prep_provide_buffers(sqe, buf, 8, 1, 9, 4));
	STARTS(7, SEND(full, 0, 0); SELECTS(9));
	CANCELS(7);
	STATES("io_uring_prep_send", "may report one too");
	CHECK_EQ(buffer_id(cqe_of(7)), 4);
	STATES("io_uring_prep_send", -ENOBUFS, "");
	sqe = next_sqe(&ring, 1);
	SEND(tcp[0], 0, 0);
	SELECTS(9);
	CHECK_EQ(run_res(&ring), -ENOBUFS);
	GIVES(-ENOTSOCK, "", SEND(file, 3, 0));
	GIVES(-EPIPE, "", SEND(ended(false), 3, 0));
}

TEST(io_uring_prep_send_set_addr)
{
	union address away = { .in = here };

	start();
	GIVES(-EFAULT, "", SEND(UDP(), 3, 0); io_uring_prep_send_set_addr(sqe, (struct sockaddr *)bad, 16));
	GIVES(-EINVAL, "addr_len", SEND(UDP(), 3, 0); io_uring_prep_send_set_addr(sqe, name, 3));
	GIVES(-EINVAL, "addr_len", SEND(UDP(), 3, 0); io_uring_prep_send_set_addr(sqe, name, 129));
	make_pair(tcp, SOCK_STREAM);
	loopback(&away, AF_UNIX);
	GIVES(-EISCONN, "", SEND(tcp[0], 3, 0); io_uring_prep_send_set_addr(sqe, &away.any, sizeof(away.un)));
}

static struct msghdr with(struct msghdr changed)
{
	if (!changed.msg_iov) {
		changed.msg_iov = &some;
		changed.msg_iovlen = 1;
	}
	return changed;
}

#define SENDMSG(FD, MSG, FLAGS) io_uring_prep_sendmsg(sqe, FD, MSG, FLAGS)

TEST(io_uring_prep_sendmsg)
{
	static struct iovec too_many[1025], nowhere = { (void *)4096, 3 };
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .header = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(4) } };
	struct msghdr no_name, no_iov, no_data, long_iov, closed, malformed;
	int fd = 900, pair[2];

	start();
	make_pair(pair, SOCK_DGRAM);
	no_name = with((struct msghdr){ .msg_name = bad, .msg_namelen = sizeof(here) });
	no_iov = with((struct msghdr){ .msg_iov = (struct iovec *)bad, .msg_iovlen = 1 });
	no_data = with((struct msghdr){ .msg_iov = &nowhere, .msg_iovlen = 1 });
	long_iov = with((struct msghdr){ .msg_iov = too_many, .msg_iovlen = 1025 });
	closed = with((struct msghdr){ .msg_control = &control, .msg_controllen = sizeof(control) });
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	GIVES(3, "posts one CQE | res is the number", SENDMSG(tcp[0], &message, 0));
	GIVES(-ENOTCONN, "", SENDMSG(socket(AF_UNIX, SOCK_DGRAM, 0), &message, 0));
	GIVES(-ECONNRESET, "", SENDMSG(ended(true), &message, 0));
	GIVES(-EDESTADDRREQ, "", SENDMSG(UDP(), &message, 0));
	GIVES(-EAGAIN, "", SENDMSG(full, &message, MSG_DONTWAIT));
	GIVES(-EBADF, "fd isn't open", SENDMSG(900, &message, 0));
	GIVES(-EBADF, "fd isn't open", SENDMSG(0, &message, 0); sqe->flags |= IOSQE_FIXED_FILE);
	GIVES(-EBADF, "control data", SENDMSG(pair[0], &closed, 0));
	STATES("io_uring_prep_sendmsg", -ECANCELED, "");
	STARTS(7, SENDMSG(full, &message, 0));
	CANCELS(7);
	CHECK_EQ(res_of(7), -ECANCELED);
	GIVES(-EFAULT, "", SENDMSG(tcp[0], (struct msghdr *)bad, 0));
	GIVES(-EFAULT, "", SENDMSG(UDP(), &no_name, 0));
	GIVES(-EFAULT, "", SENDMSG(tcp[0], &no_iov, 0));
	GIVES(-EFAULT, "", SENDMSG(udp[0], &no_data, 0));
	GIVES(-EINVAL, "sqe->ioprio", SENDMSG(tcp[0], &message, 0); sqe->ioprio = IORING_RECVSEND_BUNDLE);
	GIVES(-EINVAL, "sqe->ioprio", SENDMSG(tcp[0], &message, 0); sqe->ioprio = 1 << 14);
	GIVES(-EINVAL, "io_uring_prep_send_set_addr",
	      SENDMSG(UDP(), &message, 0); io_uring_prep_send_set_addr(sqe, name, sizeof(here)));
	malformed = closed;
	control.header.cmsg_len = 1;
	GIVES(-EINVAL, "malformed", SENDMSG(pair[0], &malformed, 0));
	GIVES(-EMSGSIZE, "", SENDMSG(tcp[0], &long_iov, 0));
	some.iov_len = sizeof(buf);
	GIVES(-EMSGSIZE, "", SENDMSG(udp[0], &message, 0));
	some.iov_len = 3;
	GIVES(-ENOTSOCK, "", SENDMSG(file, &message, 0));
	GIVES(-EOPNOTSUPP, "", SENDMSG(tcp[0], &message, 0); sqe->flags |= IOSQE_BUFFER_SELECT);
	GIVES(-EOPNOTSUPP, "", SENDMSG(pair[0], &message, MSG_OOB));
	GIVES(-EPIPE, "", SENDMSG(ended(false), &message, 0));
}

/* A request that also posts a notification if its first completion says so. */
static int zero_copy(void)
{
	struct done first, last;

	submit_one(&ring);
	first = wait_one(&ring);
	CHECK(!(first.flags & IORING_CQE_F_NOTIF));
	if (first.flags & IORING_CQE_F_MORE) {
		last = wait_one(&ring);
		CHECK_EQ(last.user_data, first.user_data);
		CHECK_EQ(last.flags, IORING_CQE_F_NOTIF);
		CHECK((last.res & ~(int)IORING_NOTIF_USAGE_ZC_COPIED) == 0);
	}
	CHECK_QUIET(&ring);
	return first.res;
}

#define ZC(RES, ...)							\
	do {								\
		sqe = next_sqe(&ring, 1);				\
		__VA_ARGS__;						\
		CHECK_EQ(zero_copy(), RES);				\
	} while (0)

#define SEND_ZC(FD, FLAGS) io_uring_prep_send_zc(sqe, FD, buf, 3, FLAGS, 0)
#define FIXED(POINTER, LEN, INDEX) io_uring_prep_send_zc_fixed(sqe, tcp[0], POINTER, LEN, 0, 0, INDEX)

TEST(io_uring_prep_send_zc)
{
	struct iovec buffer = { buf, 4096 };

	start();
	STATES("io_uring_prep_send_zc", "The first | If its flags have | Without it none | The second");
	STATES("io_uring_prep_send_zc", "It has the same user_data | Its res is 0 | IORING_SEND_ZC_REPORT_USAGE it is");
	ZC(3, SEND_ZC(tcp[0], 0));
	ZC(3, io_uring_prep_send_zc(sqe, tcp[0], buf, 3, 0, IORING_SEND_ZC_REPORT_USAGE));
	STATES("io_uring_prep_send_zc", "A failed request can");
	STATES("io_uring_prep_send_zc", -EBADF, "");
	ZC(-EBADF, SEND_ZC(900, 0));
	ZC(-EBADF, SEND_ZC(0, 0); sqe->flags |= IOSQE_FIXED_FILE);
	STATES("io_uring_prep_send_zc", -EFAULT, "buf isn't readable | with a registered buffer");
	ZC(-EFAULT, io_uring_prep_send_zc(sqe, tcp[0], bad, 3, 0, 0));
	ZC(-EFAULT, FIXED(buf, 3, 0));
	CHECK_EQ(io_uring_register_buffers(&ring, &buffer, 1), 0);
	ZC(3, FIXED(buf, 3, 0));
	ZC(-EFAULT, FIXED(buf, 4097, 0));
	STATES("io_uring_prep_send_zc", -EINVAL, "IOSQE_CQE_SKIP | zc_flags");
	STATES("io_uring_prep_send_zc", "So can a request that is refused");
	ZC(-EINVAL, SEND_ZC(tcp[0], 0); sqe->flags |= IOSQE_CQE_SKIP_SUCCESS);
	ZC(-EINVAL, io_uring_prep_send_zc(sqe, tcp[0], buf, 3, 0, IORING_RECVSEND_BUNDLE));
	STATES("io_uring_prep_send_zc", -ENOTSOCK, "");
	ZC(-ENOTSOCK, SEND_ZC(file, 0));
	STATES("io_uring_prep_send_zc", -EOPNOTSUPP, "the protocol | IOSQE_BUFFER_SELECT");
	ZC(-EOPNOTSUPP, SEND_ZC(full, 0));
	ZC(-EOPNOTSUPP, SEND_ZC(tcp[0], 0); sqe->flags |= IOSQE_BUFFER_SELECT);
	STATES("io_uring_prep_send_zc", -EPIPE, "");
	ZC(-EPIPE, SEND_ZC(ended(false), 0));
	while (send(tcp[0], buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	STATES("io_uring_prep_send_zc", -EAGAIN, "");
	ZC(-EAGAIN, SEND_ZC(tcp[0], MSG_DONTWAIT));
	STATES("io_uring_prep_send_zc", -ECANCELED, "");
	STARTS(7, SEND_ZC(tcp[0], 0));
	STARTS(8, io_uring_prep_cancel64(sqe, 7, 0));
	collect(&ring, 3);
	CHECK_EQ(res_of(8), 0);
	CHECK_EQ(many[0].user_data == 7 ? many[0].res : many[1].res, -ECANCELED);
}

TEST(io_uring_prep_sendmsg_zc)
{
	struct iovec buffer = { buf + 4096, 4096 };

	start();
	STATES("io_uring_prep_sendmsg_zc", "The first completion | If its flags");
	ZC(3, io_uring_prep_sendmsg_zc(sqe, tcp[0], &message, 0));
	STATES("io_uring_prep_sendmsg_zc", -EFAULT, "");
	ZC(-EFAULT, io_uring_prep_sendmsg_zc_fixed(sqe, tcp[0], &message, 0, 0));
	CHECK_EQ(io_uring_register_buffers(&ring, &buffer, 1), 0);
	ZC(-EFAULT, io_uring_prep_sendmsg_zc_fixed(sqe, tcp[0], &message, 0, 0));
	STATES("io_uring_prep_sendmsg_zc", -EINVAL, "IOSQE_CQE_SKIP");
	ZC(-EINVAL, io_uring_prep_sendmsg_zc(sqe, tcp[0], &message, 0); sqe->flags |= IOSQE_CQE_SKIP_SUCCESS);
	STATES("io_uring_prep_sendmsg_zc", -EOPNOTSUPP, "");
	ZC(-EOPNOTSUPP, io_uring_prep_sendmsg_zc(sqe, full, &message, 0));
}

#define BUNDLE(FD) io_uring_prep_send_bundle(sqe, FD, 0, 0); SELECTS(9)

TEST(io_uring_prep_send_bundle)
{
	struct io_uring_buf_ring *buffers;
	struct done cqe;
	int ret;

	start();
	GIVES(-ENOENT, "", BUNDLE(tcp[0]));
	buffers = io_uring_setup_buf_ring(&ring, 8, 9, 0, &ret);
	CHECK(buffers);
	STATES("io_uring_prep_send_bundle", -ENOBUFS, "");
	sqe = next_sqe(&ring, 1);
	BUNDLE(tcp[0]);
	CHECK_EQ(run_res(&ring), -ENOBUFS);
	io_uring_buf_ring_add(buffers, buf, 8, 3, 7, 0);
	io_uring_buf_ring_add(buffers, buf, 8, 5, 7, 1);
	io_uring_buf_ring_advance(buffers, 2);
	GIVES(-EBADF, "", BUNDLE(900));
	GIVES(-EBADF, "", BUNDLE(0); sqe->flags |= IOSQE_FIXED_FILE);
	GIVES(-EINVAL, "len", io_uring_prep_send_bundle(sqe, tcp[0], 1U << 31, 0); SELECTS(9));
	GIVES(-ENOTSOCK, "", BUNDLE(file));
	STATES("io_uring_prep_send_bundle", -ECANCELED, "");
	STARTS(7, BUNDLE(full));
	CANCELS(7);
	CHECK_EQ(res_of(7), -ECANCELED);
	CHECK_EQ(buffer_id(cqe_of(7)), 3);
	CHECK_EQ(io_uring_buf_ring_available(&ring, buffers, 9), 0);
	io_uring_buf_ring_add(buffers, buf, 8, 3, 7, 0);
	io_uring_buf_ring_add(buffers, buf, 8, 5, 7, 1);
	io_uring_buf_ring_advance(buffers, 2);
	STATES("io_uring_prep_send_bundle", "may have taken all buffers");
	STATES("io_uring_prep_send_bundle", -EPIPE, "");
	sqe = next_sqe(&ring, 1);
	BUNDLE(ended(false));
	cqe = run_one(&ring);
	CHECK_EQ(cqe.res, -EPIPE);
	CHECK_EQ(buffer_id(cqe), 3);
	io_uring_buf_ring_add(buffers, buf, 8, 3, 7, 0);
	io_uring_buf_ring_add(buffers, buf, 8, 5, 7, 1);
	io_uring_buf_ring_advance(buffers, 2);
	STATES("io_uring_prep_send_bundle", "posts one or more | the number | is the last one | the round's first | their lengths");
	sqe = next_sqe(&ring, 1);
	BUNDLE(tcp[0]);
	cqe = run_one(&ring);
	CHECK_EQ(cqe.res, 16);
	CHECK_EQ(buffer_id(cqe), 3);
}

TEST(io_uring_prep_send_zc__locked)
{
	struct rlimit none = { 0, 0 };

	start();
	be_nobody();
	begin(0);
	CHECK_SYS(setrlimit(RLIMIT_MEMLOCK, &none));
	STATES("io_uring_prep_send_zc", -ENOMEM, "");
	STATES("io_uring_prep_sendmsg_zc", -ENOMEM, "");
	ZC(-ENOMEM, SEND_ZC(tcp[0], 0));
	ZC(-ENOMEM, io_uring_prep_sendmsg_zc(sqe, tcp[0], &message, 0));
}

TEST(io_uring_prep_send_bundle__rounds)
{
	struct io_uring_buf_ring *buffers;
	unsigned i, rounds = 0, sent = 0;
	struct done cqe;
	int ret;

	start();
	buffers = io_uring_setup_buf_ring(&ring, 512, 9, 0, &ret);
	CHECK(buffers);
	for (i = 0; i < 300; i++)
		io_uring_buf_ring_add(buffers, buf, 1, (unsigned short)i, 511, (int)i);
	io_uring_buf_ring_advance(buffers, 300);
	STATES("io_uring_prep_send_bundle", "up to 256 | another round follows");
	STARTS(7, BUNDLE(tcp[0]));
	do {
		cqe = wait_one(&ring);
		CHECK_EQ(buffer_id(cqe), sent);
		CHECK(cqe.res > 0 && cqe.res <= 256);
		sent += (unsigned)cqe.res;
		rounds++;
	} while (cqe.flags & IORING_CQE_F_MORE);
	CHECK_EQ(sent, 300);
	CHECK_EQ(rounds, 2);
}
