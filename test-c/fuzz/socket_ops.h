/* Requests on sockets, which a later submit takes. */
#include "request_ops.h"

static void send_some(unsigned r, unsigned number, unsigned flags, unsigned size)
{
	LIVE(r);
	ENTRY(sqe);
	int fd = sockets[number & 1];

	size %= 1024;
	if (number % 3 == 0)
		io_uring_prep_send(sqe, fd, data[11], size, MSG_NOSIGNAL);
	else if (number % 3 == 1)
		io_uring_prep_sendto(sqe, fd, data[11], size, 0, NULL, 0);
	else
		io_uring_prep_send_bundle(sqe, fd, 0, 0);
	if (number % 3 == 2) {
		io_uring_sqe_set_buf_group(sqe, (int)(size % GROUPS));
		flags |= IOSQE_BUFFER_SELECT;
	} else {
		flags &= ~(unsigned)IOSQE_BUFFER_SELECT;
	}
	finish(s, sqe, flags & ~(unsigned)IOSQE_FIXED_FILE);
}

static void recv_some(unsigned r, unsigned number, unsigned flags, unsigned size)
{
	LIVE(r);
	ENTRY(sqe);
	int fd = sockets[number & 1];

	size %= 1024;
	if (number % 3 == 0) {
		io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
		flags |= IOSQE_BUFFER_SELECT;
	} else {
		io_uring_prep_recv(sqe, fd, data[12], size, number % 3 == 1 ? 0 : MSG_DONTWAIT);
	}
	if (flags & IOSQE_BUFFER_SELECT) {
		sqe->addr = 0;
		io_uring_sqe_set_buf_group(sqe, (int)(size % GROUPS));
	}
	finish(s, sqe, flags & ~(unsigned)IOSQE_FIXED_FILE);
}

static void messages(unsigned r, unsigned number, unsigned flags, unsigned group)
{
	static struct iovec part = { data[13], 300 };
	static struct msghdr message;
	LIVE(r);
	ENTRY(sqe);
	int fd = sockets[number & 1];

	message = (struct msghdr){ .msg_iov = &part, .msg_iovlen = 1 };
	flags &= ~(unsigned)(IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT);
	if (number % 3 == 0) {
		io_uring_prep_sendmsg(sqe, fd, &message, 0);
	} else if (number % 3 == 1) {
		io_uring_prep_recvmsg(sqe, fd, &message, 0);
	} else {
		message.msg_iovlen = 0;
		io_uring_prep_recvmsg_multishot(sqe, fd, &message, 0);
		io_uring_sqe_set_buf_group(sqe, (int)(group % GROUPS));
		flags |= IOSQE_BUFFER_SELECT;
	}
	finish(s, sqe, flags);
}

static void new_socket(unsigned r, unsigned number, unsigned slot)
{
	LIVE(r);
	ENTRY(sqe);

	if (number % 3 == 0)
		io_uring_prep_socket(sqe, AF_UNIX, SOCK_STREAM, 0, 0);
	else if (number % 3 == 1)
		io_uring_prep_socket_direct(sqe, AF_UNIX, SOCK_STREAM, 0, slot % 8, 0);
	else
		io_uring_prep_socket_direct_alloc(sqe, AF_UNIX, SOCK_STREAM, 0, 0);
	finish(s, sqe, 0);
}

static void accept_some(unsigned r, unsigned number, unsigned flags, unsigned slot)
{
	LIVE(r);
	int fd = listening(s);
	ENTRY(sqe);

	switch (number % 4) {
	case 0:
		io_uring_prep_accept(sqe, fd, NULL, NULL, SOCK_CLOEXEC);
		break;
	case 1:
		io_uring_prep_multishot_accept(sqe, fd, NULL, NULL, SOCK_CLOEXEC);
		break;
	case 2:
		io_uring_prep_accept_direct(sqe, fd, NULL, NULL, 0, slot % 8);
		break;
	default:
		io_uring_prep_multishot_accept_direct(sqe, fd, NULL, NULL, 0);
	}
	finish(s, sqe, flags & ~(unsigned)(IOSQE_BUFFER_SELECT | IOSQE_FIXED_FILE));
}

/* Connects to where requests accept. */
static void visit(unsigned r, unsigned number)
{
	struct sockaddr_un address;
	socklen_t length = sizeof(address);
	int fd;
	LIVE(r);

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	getsockname(listening(s), (void *)&address, &length);
	RETURNED(connect(fd, (void *)&address, length));
	/* A request that accepts gets its descriptor first. */
	quiet();
	if (number & 1)
		close(fd);
}
