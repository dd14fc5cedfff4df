/* The lifetime of memory that requests on sockets point to. */
#include "life.h"
#include "../net.h"

TEST(io_uring_prep_bind)
{
	struct sockaddr_in any = { .sin_family = AF_INET };

	start();
	COPIED(0, "addr", io_uring_prep_bind(sqe, socket(AF_INET, SOCK_STREAM, 0), AT(0, any), sizeof(any)));
}

TEST(io_uring_prep_connect)
{
	struct sockaddr_in here;

	start();
	tcp_listener(&here);
	COPIED(0, "addr", io_uring_prep_connect(sqe, socket(AF_INET, SOCK_STREAM, 0), AT(0, here), sizeof(here)));
}

TEST(io_uring_prep_accept)
{
	struct sockaddr_in here;
	socklen_t len = sizeof(here);
	int listener;

	start();
	listener = tcp_listener(&here);
	tcp_client(&here);
	USED("addr: It", io_uring_prep_accept(sqe, listener, (struct sockaddr *)(void *)page, &len, 0));
	tcp_client(&here);
	USED("addrlen: It",
	     io_uring_prep_accept(sqe, listener, (struct sockaddr *)(void *)data, (socklen_t *)(void *)page, 0));
}

TEST(io_uring_prep_send)
{
	struct sockaddr_in there;
	struct iovec iov = { data, 10 };
	int pair[2], to;

	start();
	udp_pair(pair);
	to = bound_socket(SOCK_DGRAM, &there);
	USED("buf: It", io_uring_prep_send(sqe, pair[0], page, 10, 0));
	COPIED(10, "addr: It",
	       io_uring_prep_sendto(sqe, socket(AF_INET, SOCK_DGRAM, 0), data, 10, 0, AT(0, there), sizeof(there)));
	STATES("io_uring_prep_send_set_addr", "dest_addr");
	COPIED(10, "addr: It", io_uring_prep_send(sqe, socket(AF_INET, SOCK_DGRAM, 0), data, 10, 0);
	       io_uring_prep_send_set_addr(sqe, AT(0, there), sizeof(there)));
	if (kernel_before(6, 17))
		return;
	COPIED(10, "IORING_SEND_VECTORIZED", io_uring_prep_send(sqe, pair[0], AT(0, iov), 1, 0);
	       sqe->ioprio |= IORING_SEND_VECTORIZED);
	iov.iov_base = page;
	USED("IORING_SEND_VECTORIZED", io_uring_prep_send(sqe, pair[0], AT(0, iov), 1, 0);
	     sqe->ioprio |= IORING_SEND_VECTORIZED);
	close(to);
}

TEST(io_uring_prep_send_zc)
{
	struct iovec iov = { data, 10 };
	int pair[2];

	start();
	udp_pair(pair);
	STATES("io_uring_prep_send_zc", "buf: It | IORING_SEND_VECTORIZED");
	BEHIND(-EFAULT, 3, io_uring_prep_send_zc(sqe, pair[0], page, 10, 0, 0));
	if (kernel_before(6, 17))
		return;
	BEHIND(10, 3, io_uring_prep_send_zc(sqe, pair[0], AT(0, iov), 1, 0, 0); sqe->ioprio |= IORING_SEND_VECTORIZED);
}

TEST(io_uring_prep_sendmsg)
{
	struct sockaddr_in there;
	struct msghdr message = { .msg_namelen = sizeof(there), .msg_iovlen = 1 };
	struct iovec iov = { data, 10 };
	int udp, to;

	start();
	udp = socket(AF_INET, SOCK_DGRAM, 0);
	to = bound_socket(SOCK_DGRAM, &there);
	COPIED(10, "The header", message.msg_name = AT(256, there); message.msg_iov = AT(128, iov);
	       io_uring_prep_sendmsg(sqe, udp, AT(0, message), 0));
	STATES("io_uring_prep_sendmsg_zc", "The header");
	BEHIND(10, 3, message.msg_name = AT(256, there); message.msg_iov = AT(128, iov);
	       io_uring_prep_sendmsg_zc(sqe, udp, AT(0, message), 0));
	message.msg_name = &there;
	iov.iov_base = page;
	message.msg_iov = &iov;
	USED("msg_control", io_uring_prep_sendmsg(sqe, udp, &message, 0));
	iov.iov_base = data;
	message.msg_controllen = CMSG_SPACE(4);
	USED("msg_control", message.msg_control = page; io_uring_prep_sendmsg(sqe, udp, &message, 0));
	close(to);
}

TEST(io_uring_prep_recv)
{
	int pair[2];

	start();
	udp_pair(pair);
	fd_write(pair[1], "12345", 5);
	USED("buf: It", io_uring_prep_recv(sqe, pair[0], page, 10, 0));
}

TEST(io_uring_prep_recvmsg)
{
	struct iovec iov = { data, 10 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	int pair[2];

	start();
	udp_pair(pair);
	fd_write(pair[1], "12345", 5);
	USED("msg: The header", io_uring_prep_recvmsg(sqe, pair[0], AT(0, message), 0));
	fd_write(pair[1], "12345", 5);
	COPIED(5, "msg: The header", message.msg_iov = AT(0, iov); io_uring_prep_recvmsg(sqe, pair[0], &message, 0));
}

TEST(io_uring_prep_recvmsg_multishot)
{
	struct msghdr message = { .msg_namelen = 0 };
	struct io_uring_buf_ring *buffers;
	int pair[2], ret;

	start();
	udp_pair(pair);
	buffers = io_uring_setup_buf_ring(&ring, 8, 9, 0, &ret);
	CHECK(buffers);
	io_uring_buf_ring_add(buffers, buf, sizeof(buf), 1, 7, 0);
	io_uring_buf_ring_advance(buffers, 1);
	fd_write(pair[1], "12345", 5);
	/* The third completion says that no buffer is left. */
	STATES("io_uring_prep_recvmsg_multishot", "msg: The kernel writes");
	BEHIND(sizeof(struct io_uring_recvmsg_out) + 5, 3,
	       io_uring_prep_recvmsg_multishot(sqe, pair[0], AT(0, message), 0);
	       sqe->flags |= IOSQE_BUFFER_SELECT; sqe->buf_group = 9);
}

TEST(io_uring_prep_cmd_sock)
{
	int fd;

	start();
	fd = socket(AF_INET, SOCK_STREAM, 0);
	USED("optval", io_uring_prep_cmd_sock(sqe, SOCKET_URING_OP_SETSOCKOPT, fd, SOL_SOCKET, SO_KEEPALIVE, page, 4));
}
