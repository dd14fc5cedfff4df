/* Data on a connection: send, recv, messages with names and files, shutdown, socket commands, epoll. */
#include "net.h"
#include <sys/epoll.h>

#define DATA 0x2468000013570000ULL
#define OTHER 0x8642000075310000ULL

static struct io_uring ring;
static int fds[2];

static int run_cmd(int cmd, int fd, int level, int name, void *value, int len)
{
	io_uring_prep_cmd_sock(next_sqe(&ring, DATA), cmd, fd, level, name, value, len);
	return run_res(&ring);
}

TEST(recv_waits)
{
	char buf[100], data[100];

	ring_init(&ring, 8, 0);
	tcp_pair(fds);
	fill(data, sizeof(data), 5);
	memset(buf, 0xee, sizeof(buf));
	io_uring_prep_recv(next_sqe(&ring, DATA), fds[1], buf, sizeof(buf), 0);
	submit_one(&ring);
	CHECK_QUIET(&ring);
	fd_write(fds[0], data, 60);
	CHECK_EQ(wait_res(&ring, DATA), 60);
	CHECK_PATTERN(buf, 60, 5);
	CHECK_ALL(buf + 60, 40, 0xee);

	/* MSG_WAITALL: all of it or nothing, although it comes in two parts. */
	io_uring_prep_recv(next_sqe(&ring, DATA), fds[1], buf, sizeof(buf), MSG_WAITALL);
	submit_one(&ring);
	fd_write(fds[0], data, 60);
	CHECK_QUIET(&ring);
	fd_write(fds[0], data + 60, 40);
	CHECK_EQ(wait_res(&ring, DATA), 100);
	CHECK_PATTERN(buf, 100, 5);
	io_uring_queue_exit(&ring);
}

TEST(recv_flags)
{
	char buf[8] = { 0 };

	ring_init(&ring, 8, 0);
	tcp_pair(fds);
	io_uring_prep_recv(next_sqe(&ring, DATA), fds[1], buf, sizeof(buf), MSG_DONTWAIT);
	CHECK_EQ(run_res(&ring), -EAGAIN);
	fd_write(fds[0], "abc", 3);
	io_uring_prep_recv(next_sqe(&ring, DATA), fds[1], buf, 2, MSG_PEEK);
	CHECK_EQ(run_res(&ring), 2);
	io_uring_prep_recv(next_sqe(&ring, DATA), fds[1], buf, sizeof(buf), 0);
	CHECK_EQ(run_res(&ring), 3);
	CHECK(!memcmp(buf, "abc", 3));
	io_uring_queue_exit(&ring);
}

/* recv tells whether there is more to read. */
TEST(recv_says_nonempty)
{
	struct io_uring_sqe *sqe;
	struct done cqe;
	char buf[2];

	SINCE("IORING_CQE_F_SOCK_NONEMPTY", 5, 19);
	ring_init(&ring, 8, 0);
	tcp_pair(fds);
	fd_write(fds[0], "abc", 3);
	io_uring_prep_recv(next_sqe(&ring, DATA), fds[1], buf, 2, 0);
	cqe = run_one(&ring);
	CHECK_EQ(cqe.res, 2);
	CHECK_EQ(cqe.flags & IORING_CQE_F_SOCK_NONEMPTY, IORING_CQE_F_SOCK_NONEMPTY);
	sqe = next_sqe(&ring, DATA);
	io_uring_prep_recv(sqe, fds[1], buf, 1, 0);
	sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
	cqe = run_one(&ring);
	CHECK_EQ(cqe.res, 1);
	CHECK_EQ(cqe.flags & IORING_CQE_F_SOCK_NONEMPTY, 0);
	io_uring_queue_exit(&ring);
}

/* A megabyte in each direction at once, in requests that accept partial transfers. */
TEST(much_both_ways)
{
	enum { SIZE = 1 << 20 };
	static char out[2][SIZE], in[2][SIZE];
	size_t sent[2] = { 0, 0 }, got[2] = { 0, 0 };
	int i, busy = 0;

	ring_init(&ring, 8, 0);
	tcp_pair(fds);
	for (i = 0; i < 2; i++) {
		fill(out[i], SIZE, (unsigned)i);
		io_uring_prep_send(next_sqe(&ring, i), fds[i], out[i], SIZE, 0);
		io_uring_prep_recv(next_sqe(&ring, 2 + i), fds[i], in[i], SIZE, 0);
		busy += 2;
	}
	while (busy) {
		struct done cqe;

		CHECK(io_uring_submit(&ring) >= 0);
		cqe = wait_one(&ring);
		i = cqe.user_data & 1;
		CHECK(cqe.res > 0);
		busy--;
		if (cqe.user_data < 2) {
			sent[i] += (size_t)cqe.res;
			if (sent[i] < SIZE && ++busy)
				io_uring_prep_send(next_sqe(&ring, i), fds[i], out[i] + sent[i], SIZE - sent[i], 0);
		} else {
			got[i] += (size_t)cqe.res;
			if (got[i] < SIZE && ++busy)
				io_uring_prep_recv(next_sqe(&ring, 2 + i), fds[i], in[i] + got[i], SIZE - got[i], 0);
		}
	}
	for (i = 0; i < 2; i++)
		CHECK_PATTERN(in[i], SIZE, !i);
	io_uring_queue_exit(&ring);
}

TEST(sendto_and_recvmsg_name)
{
	struct sockaddr_in to, from, name = { 0 };
	int receiver = bound_socket(SOCK_DGRAM, &to), sender = bound_socket(SOCK_DGRAM, &from);
	char data[300], buf[300];
	struct iovec iov = { buf, sizeof(buf) };
	struct io_uring_sqe *sqe;
	struct msghdr msg = { .msg_name = &name, .msg_namelen = sizeof(name), .msg_iov = &iov, .msg_iovlen = 1 };

	SINCE("address in IORING_OP_SEND", 6, 1);
	ring_init(&ring, 8, 0);
	fill(data, sizeof(data), 6);
	io_uring_prep_recvmsg(next_sqe(&ring, OTHER), receiver, &msg, 0);
	io_uring_prep_sendto(next_sqe(&ring, DATA), sender, data, 200, 0, (struct sockaddr *)&to, sizeof(to));
	submit_n(&ring, 2);
	collect(&ring, 2);
	CHECK_EQ(res_of(DATA), 200);
	CHECK_EQ(res_of(OTHER), 200);
	CHECK_PATTERN(buf, 200, 6);
	CHECK_EQ(msg.msg_namelen, sizeof(name));
	CHECK(!memcmp(&name, &from, sizeof(name)));

	/* The same with send and its address helper; the receiver truncates it. */
	sqe = next_sqe(&ring, DATA);
	io_uring_prep_send(sqe, sender, data, sizeof(data), 0);
	io_uring_prep_send_set_addr(sqe, (struct sockaddr *)&to, sizeof(to));
	CHECK_EQ(run_res(&ring), sizeof(data));
	iov.iov_len = 10;
	io_uring_prep_recvmsg(next_sqe(&ring, OTHER), receiver, &msg, MSG_TRUNC);
	CHECK_EQ(run_res(&ring), sizeof(data));
	CHECK_EQ(msg.msg_flags & MSG_TRUNC, MSG_TRUNC);
	io_uring_queue_exit(&ring);
}

/* Three parts are sent and two received, along with a file. musl's cmsg_len is half as long as the kernel's: its
 * sendmsg() would clear the rest, a request uses what is there. */
TEST(messages_with_a_file)
{
	int file = tmp_filled("passed", 500, 8), got;
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .room = { 0 } };
	char data[600], buf[600];
	struct iovec out[] = { { data, 100 }, { data + 100, 200 }, { data + 300, 300 } };
	struct iovec in[] = { { buf, 350 }, { buf + 350, 250 } };
	struct msghdr send = { .msg_iov = out, .msg_iovlen = 3, .msg_control = &control,
			       .msg_controllen = sizeof(control.room) };
	struct msghdr recv = { .msg_iov = in, .msg_iovlen = 2, .msg_control = &control,
			       .msg_controllen = sizeof(control.room) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&send);

	ring_init(&ring, 8, 0);
	make_pair(fds, SOCK_STREAM);
	fill(data, sizeof(data), 2);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &file, sizeof(file));
	io_uring_prep_sendmsg(next_sqe(&ring, DATA), fds[0], &send, MSG_NOSIGNAL);
	CHECK_EQ(run_res(&ring), sizeof(data));

	memset(&control, 0, sizeof(control));
	io_uring_prep_recvmsg(next_sqe(&ring, OTHER), fds[1], &recv, MSG_CMSG_CLOEXEC);
	CHECK_EQ(run_res(&ring), sizeof(buf));
	CHECK_PATTERN(buf, sizeof(buf), 2);
	cmsg = CMSG_FIRSTHDR(&recv);
	CHECK(cmsg && cmsg->cmsg_type == SCM_RIGHTS);
	memcpy(&got, CMSG_DATA(cmsg), sizeof(got));
	CHECK(got != file);
	CHECK_FILE(got, 0, 500, 8);
	CHECK_EQ(fcntl(got, F_GETFD), FD_CLOEXEC);
	io_uring_queue_exit(&ring);
}

TEST(shutdown_ends_both_sides)
{
	char c = 'x';

	ring_init(&ring, 8, 0);
	tcp_pair(fds);
	io_uring_prep_recv(next_sqe(&ring, OTHER), fds[1], &c, 1, 0);
	submit_one(&ring);
	io_uring_prep_shutdown(next_sqe(&ring, DATA), fds[0], SHUT_WR);
	submit_one(&ring);
	collect(&ring, 2);
	CHECK_EQ(res_of(DATA), 0);
	CHECK_EQ(res_of(OTHER), 0);
	io_uring_prep_send(next_sqe(&ring, DATA), fds[0], &c, 1, MSG_NOSIGNAL);
	CHECK_EQ(run_res(&ring), -EPIPE);
	/* The other direction is still open. */
	io_uring_prep_send(next_sqe(&ring, DATA), fds[1], &c, 1, MSG_NOSIGNAL);
	CHECK_EQ(run_res(&ring), 1);
	io_uring_prep_shutdown(next_sqe(&ring, DATA), fds[0], 99);
	CHECK_EQ(run_res(&ring), -EINVAL);
	io_uring_prep_shutdown(next_sqe(&ring, DATA), tmp_open("plain", 0), SHUT_WR);
	CHECK_EQ(run_res(&ring), -ENOTSOCK);
	io_uring_queue_exit(&ring);
}

TEST(queued_bytes)
{
	int res, waiting;

	need_op(IORING_OP_URING_CMD);
	ring_init(&ring, 8, 0);
	tcp_pair(fds);
	res = run_cmd(SOCKET_URING_OP_SIOCINQ, fds[1], 0, 0, NULL, 0);
	if (res == -EOPNOTSUPP)
		LACKS("SOCKET_URING_OP_SIOCINQ", 6, 7);
	CHECK_EQ(res, 0);
	fd_write(fds[0], "hello", 5);
	CHECK_SYS(ioctl(fds[1], FIONREAD, &waiting));
	CHECK_EQ(waiting, 5);
	CHECK_EQ(run_cmd(SOCKET_URING_OP_SIOCINQ, fds[1], 0, 0, NULL, 0), 5);
	CHECK(run_cmd(SOCKET_URING_OP_SIOCOUTQ, fds[0], 0, 0, NULL, 0) >= 0);
	CHECK_EQ(run_cmd(SOCKET_URING_OP_SIOCOUTQ, fds[1], 0, 0, NULL, 0), 0);
	CHECK_EQ(run_cmd(0x7fff, fds[1], 0, 0, NULL, 0), -EOPNOTSUPP);
	io_uring_queue_exit(&ring);
}

TEST(socket_options)
{
	int value = 1, plain = 0, res;
	socklen_t len = sizeof(plain);

	need_op(IORING_OP_URING_CMD);
	ring_init(&ring, 8, 0);
	tcp_pair(fds);
	res = run_cmd(SOCKET_URING_OP_SETSOCKOPT, fds[0], SOL_SOCKET, SO_KEEPALIVE, &value, sizeof(value));
	if (res == -EOPNOTSUPP)
		LACKS("SOCKET_URING_OP_SETSOCKOPT", 6, 7);
	CHECK_EQ(res, 0);
	CHECK_SYS(getsockopt(fds[0], SOL_SOCKET, SO_KEEPALIVE, &plain, &len));
	CHECK_EQ(plain, 1);
	value = 77;
	CHECK_EQ(run_cmd(SOCKET_URING_OP_GETSOCKOPT, fds[0], SOL_SOCKET, SO_KEEPALIVE, &value, sizeof(value)),
		 sizeof(value));
	CHECK_EQ(value, 1);
	CHECK_EQ(run_cmd(SOCKET_URING_OP_GETSOCKOPT, fds[0], SOL_SOCKET, SO_TYPE, &value, sizeof(value)),
		 sizeof(value));
	CHECK_EQ(value, SOCK_STREAM);

	value = 1;
	CHECK_EQ(run_cmd(SOCKET_URING_OP_SETSOCKOPT, fds[0], IPPROTO_TCP, TCP_NODELAY, &value, sizeof(value)), 0);
	CHECK_SYS(getsockopt(fds[0], IPPROTO_TCP, TCP_NODELAY, &plain, &len));
	CHECK_EQ(plain, 1);
	CHECK_EQ(run_cmd(SOCKET_URING_OP_SETSOCKOPT, fds[0], SOL_SOCKET, 9999, &value, sizeof(value)),
		 -ENOPROTOOPT);
	/* Only SOL_SOCKET supports reading. */
	CHECK_EQ(run_cmd(SOCKET_URING_OP_GETSOCKOPT, fds[0], IPPROTO_TCP, TCP_NODELAY, &value, sizeof(value)),
		 -EOPNOTSUPP);
	io_uring_queue_exit(&ring);
}

TEST(socket_names)
{
	struct sockaddr_in want, have;
	socklen_t len = sizeof(have), want_len = sizeof(want);
	int peer, res;

	need_op(IORING_OP_URING_CMD);
	ring_init(&ring, 8, 0);
	tcp_pair(fds);
	for (peer = 0; peer < 2; peer++) {
		CHECK_SYS((peer ? getpeername : getsockname)(fds[0], (struct sockaddr *)&want, &want_len));
		memset(&have, 0xee, sizeof(have));
		io_uring_prep_cmd_getsockname(next_sqe(&ring, DATA), fds[0], (struct sockaddr *)&have, &len, peer);
		res = run_res(&ring);
		if (res == -EOPNOTSUPP)
			LACKS("SOCKET_URING_OP_GETSOCKNAME", 6, 19);
		CHECK_EQ(res, 0);
		CHECK_EQ(len, sizeof(have));
		CHECK(!memcmp(&want, &have, sizeof(have)));
	}
	io_uring_queue_exit(&ring);
}

TEST(epoll)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = DATA }, got[4];
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	ring_init(&ring, 8, 0);
	make_pair(fds, SOCK_STREAM);
	CHECK_SYS(epoll);
	io_uring_prep_epoll_ctl(next_sqe(&ring, DATA), epoll, fds[0], EPOLL_CTL_ADD, &event);
	CHECK_EQ(run_res(&ring), 0);
	io_uring_prep_epoll_ctl(next_sqe(&ring, DATA), epoll, fds[0], EPOLL_CTL_ADD, &event);
	CHECK_EQ(run_res(&ring), -EEXIST);
	CHECK_EQ(epoll_wait(epoll, got, 4, 0), 0);
	fd_write(fds[1], "x", 1);
	CHECK_EQ(epoll_wait(epoll, got, 4, 0), 1);
	CHECK_EQ(got[0].data.u64, DATA);
	event.data.u64 = OTHER;
	event.events = EPOLLOUT;
	io_uring_prep_epoll_ctl(next_sqe(&ring, DATA), epoll, fds[0], EPOLL_CTL_MOD, &event);
	CHECK_EQ(run_res(&ring), 0);
	CHECK_EQ(epoll_wait(epoll, got, 4, 0), 1);
	CHECK_EQ(got[0].data.u64, OTHER);
	CHECK_EQ(got[0].events, EPOLLOUT);
	io_uring_prep_epoll_ctl(next_sqe(&ring, DATA), epoll, fds[0], EPOLL_CTL_DEL, NULL);
	CHECK_EQ(run_res(&ring), 0);
	CHECK_EQ(epoll_wait(epoll, got, 4, 0), 0);
	io_uring_queue_exit(&ring);
}

TEST(epoll_wait)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = DATA }, got[4];
	int epoll = epoll_create1(EPOLL_CLOEXEC), i;

	ring_init(&ring, 8, 0);
	need_op(IORING_OP_EPOLL_WAIT);
	make_pair(fds, SOCK_STREAM);
	for (i = 0; i < 2; i++) {
		event.data.u64 = i ? OTHER : DATA;
		CHECK_SYS(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event));
	}
	memset(got, 0, sizeof(got));
	io_uring_prep_epoll_wait(next_sqe(&ring, 1), epoll, got, 4, 0);
	submit_one(&ring);
	CHECK_QUIET(&ring);
	fd_write(fds[0], "x", 1);
	CHECK_EQ(wait_res(&ring, 1), 1);
	CHECK_EQ(got[0].data.u64, OTHER);
	CHECK_EQ(got[0].events, EPOLLIN);

	fd_write(fds[1], "x", 1);
	io_uring_prep_epoll_wait(next_sqe(&ring, 1), epoll, got, 1, 0);
	CHECK_EQ(run_res(&ring), 1);
	io_uring_prep_epoll_wait(next_sqe(&ring, 1), epoll, got, 4, 0);
	CHECK_EQ(run_res(&ring), 2);
	CHECK_EQ(got[0].data.u64 ^ got[1].data.u64, DATA ^ OTHER);
	io_uring_queue_exit(&ring);
}
