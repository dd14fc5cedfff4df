/* Families that work on sockets and pipes. */
#include "family.h"

FAMILY(pipe_read, 0, "preadv2")
{
	int fds[2];

	pipes(fds);
	ENTRY(1, read, fds[0], buffer, 4096, 0);
	submit();
	fill(buffer + 8192, 1000);
	MUST(write(fds[1], buffer + 8192, 1000) == 1000);
	reap(1);
	say_data(buffer, res_of(1));
}

FAMILY(pipe_read_deferred, DEFERRED, "preadv2")
{
	run_pipe_read();
}

/* A pipe that is full, and then empty. */
FAMILY(pipe_write, 0, "pwritev2")
{
	int fds[2];

	pipes(fds);
	MUST(fcntl(fds[1], F_SETPIPE_SZ, 4096) == 4096 && write(fds[1], buffer, 4096) == 4096);
	fill(buffer, 4096);
	ENTRY(1, write, fds[1], buffer, 4096, 0);
	submit();
	MUST(read(fds[0], buffer + 8192, 4096) == 4096);
	reap(1);
	if (res_of(1) > 0 && read(fds[0], buffer + 8192, 4096) == res_of(1))
		say_data(buffer + 8192, res_of(1));
}

/* Four buffers of 1024 bytes, as group 1. */
static struct io_uring_buf_ring *group;

static bool provide(void)
{
	unsigned i;
	int error = 0;

	group = (struct io_uring_buf_ring *)IN(io_uring_setup_buf_ring(&ring, 4, 1, 0, &error));
	say(&out, "group=%d\n", error);
	if (!group)
		return false;
	for (i = 0; i < 4; i++)
		io_uring_buf_ring_add(group, buffer + i * 1024, 1024, (unsigned short)i, 3, (int)i);
	io_uring_buf_ring_advance(group, 4);
	return true;
}

static void withdraw(void)
{
	TRY(io_uring_free_buf_ring(&ring, group, 4, 1));
}

static struct io_uring_sqe *selecting(struct io_uring_sqe *sqe)
{
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = 1;
	return sqe;
}

FAMILY(read_multishot, 0, "preadv2")
{
	int fds[2];

	pipes(fds);
	if (!provide())
		return;
	ENTRY(1, read_multishot, fds[0], 0, 0, 1);
	submit();
	MUST(write(fds[1], "one", 3) == 3);
	reap_up_to(1, true);
	if (goes_on()) {
		MUST(write(fds[1], "three", 5) == 5);
		reap_up_to(2, true);
	}
	if (goes_on()) {
		ENTRY(2, cancel64, 1, 0);
		go(2);
	}
	withdraw();
}

FAMILY(recv_multishot, 0, "recvfrom recvmsg")
{
	int fds[2];

	pair(fds, SOCK_STREAM);
	if (!provide())
		return;
	selecting(ENTRY(1, recv_multishot, fds[0], NULL, 0, 0));
	submit();
	MUST(send(fds[1], "one", 3, 0) == 3);
	reap_up_to(1, true);
	if (goes_on()) {
		MUST(send(fds[1], "three", 5, 0) == 5);
		reap_up_to(2, true);
	}
	if (goes_on()) {
		shutdown(fds[1], SHUT_WR);
		reap_up_to(3, true);
	}
	withdraw();
}

static void send_rest(int fd, int sent)
{
	sent = sent < 0 ? 0 : sent;
	if (sent < 1000)
		MUST(send(fd, buffer + 8192 + sent, (size_t)(1000 - sent), 0) == 1000 - sent);
}

FAMILY(send_recv, 0, "sendto recvfrom")
{
	int fds[2];

	pair(fds, SOCK_STREAM);
	fill(buffer + 8192, 1000);
	ENTRY(1, recv, fds[0], buffer, 2000, 0);
	submit();
	ENTRY(2, send, fds[1], buffer + 8192, 1000, 0);
	go(1);
	/* What it did not send; otherwise the receive ends with the first part. */
	send_rest(fds[1], res_of(2));
	reap(2);
	say_data(buffer, res_of(1));
}

FAMILY(recv_selected, 0, "recvfrom")
{
	int fds[2];

	pair(fds, SOCK_STREAM);
	if (!provide())
		return;
	selecting(ENTRY(1, recv, fds[0], NULL, 0, 0));
	submit();
	MUST(send(fds[1], "three", 5, 0) == 5);
	reap(1);
	withdraw();
}

FAMILY(recv_all, 0, "recvfrom recvmsg")
{
	int fds[2], left, tries;

	tcp_pair(fds);
	fill(buffer + 8192, 2000);
	ENTRY(1, recv, fds[0], buffer, 2000, MSG_WAITALL);
	submit();
	MUST(send(fds[1], buffer + 8192, 1500, 0) == 1500);
	/* The second part comes when the first has been taken. */
	for (tries = 0; tries < 100 && !ioctl(fds[0], FIONREAD, &left) && left; tries++)
		usleep(1000);
	MUST(send(fds[1], buffer + 8192 + 1500, 500, 0) == 500);
	shutdown(fds[1], SHUT_WR);
	reap(1);
	say_data(buffer, res_of(1));
}

FAMILY(messages, 0, "sendmsg recvmsg")
{
	struct iovec from[] = { { buffer + 8192, 300 }, { buffer + 8492, 700 } };
	struct iovec to[] = { { buffer, 400 }, { buffer + 400, 600 } };
	struct msghdr sent = { .msg_iov = from, .msg_iovlen = 2 }, received = { .msg_iov = to, .msg_iovlen = 2 };
	int fds[2];

	pair(fds, SOCK_STREAM);
	fill(buffer + 8192, 1000);
	ENTRY(1, sendmsg, fds[1], &sent, 0);
	go(1);
	send_rest(fds[1], res_of(1));
	ENTRY(2, recvmsg, fds[0], &received, 0);
	go(1);
	say_data(buffer, res_of(2));
}

FAMILY(zero_copy, 0, "sendto")
{
	int fds[2];

	tcp_pair(fds);
	ENTRY(1, send_zc, fds[0], buffer, 1000, 0, 0);
	go(2);
}

FAMILY(accept_connect, 0, "accept4 connect")
{
	struct sockaddr_in address;
	int from = listener(&address), fd = mine(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));

	makes_file(ENTRY(1, accept, from, NULL, NULL, SOCK_CLOEXEC));
	submit();
	ENTRY(2, connect, fd, (struct sockaddr *)&address, sizeof(address));
	go(1);
	/* Without that connection another one. */
	if (res_of(2))
		client(&address);
	reap(2);
	mine(res_of(1));
}

FAMILY(accept_multishot, 0, "accept4")
{
	struct sockaddr_in address;
	int from = listener(&address);

	if (!TRY(io_uring_register_files_sparse(&ring, 4)))
		return;
	ENTRY(1, multishot_accept_direct, from, NULL, NULL, 0);
	submit();
	client(&address);
	reap_up_to(1, true);
	if (goes_on()) {
		client(&address);
		reap_up_to(2, true);
	}
	if (goes_on()) {
		ENTRY(2, cancel_fd, from, 0);
		go(2);
	}
}

FAMILY(socket, 0, "socket bind listen shutdown")
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd;

	makes_file(ENTRY(1, socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0, 0));
	go(1);
	fd = mine(res_of(1));
	if (fd < 0)
		return;
	ENTRY(2, bind, fd, (struct sockaddr *)&address, sizeof(address));
	go(1);
	ENTRY(3, listen, fd, 8);
	go(1);
	if (res_of(3))
		return;
	ENTRY(4, shutdown, fd, SHUT_RD);
	go(1);
}

FAMILY(socket_direct, 0, "socket")
{
	if (!TRY(io_uring_register_files_sparse(&ring, 4)))
		return;
	ENTRY(1, socket_direct, AF_INET, SOCK_STREAM, 0, 1, 0);
	makes_file(ENTRY(2, socket_direct_alloc, AF_UNIX, SOCK_STREAM, 0, 0));
	go(2);
}

FAMILY(socket_commands, 0, "getsockopt setsockopt ioctl getsockname getpeername")
{
	int fds[2], one = 1, value = 0;
	socklen_t length = sizeof(struct sockaddr_in);
	struct sockaddr_in address;

	tcp_pair(fds);
	ENTRY(1, cmd_sock, SOCKET_URING_OP_SETSOCKOPT, fds[0], SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	ENTRY(2, cmd_sock, SOCKET_URING_OP_GETSOCKOPT, fds[0], SOL_SOCKET, SO_KEEPALIVE, &value, sizeof(value));
	ENTRY(3, cmd_sock, SOCKET_URING_OP_SIOCINQ, fds[0], 0, 0, NULL, 0);
	go(3);
	ENTRY(4, cmd_getsockname, fds[0], (struct sockaddr *)&address, &length, 0);
	ENTRY(5, cmd_getsockname, fds[0], (struct sockaddr *)&address, &length, 1);
	go(2);
	say(&out, "value=%d\n", value);
}

FAMILY(pipe, 0, "pipe2")
{
	int fds[2] = { -1, -1 };

	ENTRY(1, pipe, fds, O_CLOEXEC);
	go(1);
	say(&out, "ends=%d\n", (fds[0] >= 0) + (fds[1] >= 0));
	mine(fds[0]);
	mine(fds[1]);
}

FAMILY(pipe_direct, 0, "pipe2")
{
	int slots[2] = { -1, -1 };

	if (!TRY(io_uring_register_files_sparse(&ring, 4)))
		return;
	ENTRY(1, pipe_direct, slots, 0, IORING_FILE_INDEX_ALLOC - 1);
	go(1);
	say(&out, "slots=%d/%d\n", slots[0], slots[1]);
}
