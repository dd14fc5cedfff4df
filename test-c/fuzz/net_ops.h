/* Sockets: their whole life, awaited at once; and accepting, which waits like other requests. */
#include "file_ops.h"
#include <netinet/in.h>
#include <stddef.h>
#include <sys/un.h>

static int nets[4] = { -1, -1, -1, -1 };

static void make_socket(unsigned r, unsigned number, unsigned which)
{
	static const int domains[] = { AF_UNIX, AF_INET, AF_UNIX, AF_INET, AF_UNIX, AF_UNIX, 99, AF_UNIX };
	static const int types[] = { SOCK_STREAM, SOCK_STREAM, SOCK_DGRAM, SOCK_DGRAM, SOCK_SEQPACKET,
				     SOCK_STREAM | SOCK_NONBLOCK, SOCK_STREAM, 77 };
	int *it = &nets[which % 4], res;
	ALONE(r, 1);

	if (number & 8)
		io_uring_prep_socket_direct(sqe, domains[number % 8], types[number % 8], 0, which, 0);
	else
		io_uring_prep_socket(sqe, domains[number % 8], types[number % 8] | SOCK_CLOEXEC, 0, number & 16 ? 1 : 0);
	numbered(s, sqe, 0);
	res = submit_alone(s);
	if (!(number & 8) && res >= 0) {
		if (*it >= 0)
			close(*it);
		*it = res;
	}
	reap_alone(s);
}

static int option_of(int fd, int name)
{
	int value = -1;
	socklen_t length = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &length) ? -1 : value;
}

union address {
	struct sockaddr any;
	struct sockaddr_un un;
	struct sockaddr_in in;
};

/* An address of this process for a socket: a name, or a port of the loopback device. */
static socklen_t address_for(int fd, unsigned which, union address *address)
{
	memset(address, 0, sizeof(*address));
	if (option_of(fd, SO_DOMAIN) == AF_INET) {
		address->in.sin_family = AF_INET;
		address->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return sizeof(address->in);
	}
	address->un.sun_family = AF_UNIX;
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   (size_t)snprintf(address->un.sun_path + 1, 60, "ironring-fuzz-%07d-%u", (int)getpid(), which % 4));
}

/* Where another socket listens; one that isn't bound yet has a name that nobody has. */
static socklen_t address_of(int fd, unsigned which, union address *address)
{
	socklen_t length = sizeof(*address);

	if (option_of(fd, SO_DOMAIN) != AF_INET || getsockname(fd, &address->any, &length))
		return address_for(fd, which, address);
	address->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return length;
}

/* Binding, listening, connecting and ending. */
static void connection(unsigned r, unsigned number, unsigned which, unsigned other)
{
	static union address address;
	static socklen_t length;
	int fd = nets[which % 4], to = nets[other % 4], res;
	ALONE(r, 1);

	switch (number % 7) {
	case 0:
		length = address_for(fd, which, &address);
		/* The shorter one asks for any name: that of one byte is the same for all processes. */
		io_uring_prep_bind(sqe, fd, &address.any, number & 8 ? sizeof(address.un.sun_family) : length);
		break;
	case 1:
		io_uring_prep_listen(sqe, fd, 100);
		break;
	case 2:
	case 3:
		length = address_of(to, other, &address);
		io_uring_prep_connect(sqe, fd, &address.any, length);
		break;
	case 4:
	case 5:
		if (number & 8)
			io_uring_prep_accept_direct(sqe, fd, NULL, NULL, 0, number & 16 ? 3 : IORING_FILE_INDEX_ALLOC);
		else
			io_uring_prep_accept(sqe, fd, NULL, NULL, number & 16 ? SOCK_NONBLOCK | SOCK_CLOEXEC : SOCK_CLOEXEC);
		/* It must not wait. */
		if (option_of(fd, SO_ACCEPTCONN) == 1)
			sqe->ioprio |= !ready_for(fd, POLLIN) ? IORING_ACCEPT_DONTWAIT : other % 2 ? IORING_ACCEPT_POLL_FIRST : 0;
		break;
	default:
		io_uring_prep_shutdown(sqe, fd, (int)(number / 7));
	}
	numbered(s, sqe, 0);
	res = submit_alone(s);
	if (sqe->opcode == IORING_OP_ACCEPT && !(number & 8) && res >= 0)
		close(res);
	reap_alone(s);
}

/* Sending, receiving and asking, without waiting. */
static void conversation(unsigned r, unsigned number, unsigned which, unsigned size)
{
	static struct iovec part;
	static struct msghdr message;
	static union address address;
	static int value;
	static const unsigned commands_of[] = { SOCKET_URING_OP_SIOCINQ, SOCKET_URING_OP_SIOCOUTQ,
						SOCKET_URING_OP_GETSOCKOPT, SOCKET_URING_OP_SETSOCKOPT, 99 };
	static const int names_of[] = { SO_TYPE, SO_ERROR, SO_PASSCRED, SO_ACCEPTCONN };
	static const int flags[] = { MSG_DONTWAIT, MSG_DONTWAIT | MSG_PEEK, MSG_DONTWAIT | MSG_TRUNC,
				     MSG_DONTWAIT | MSG_WAITALL };
	int fd = nets[which % 4];
	ALONE(r, 1);

	value = number & 1;
	part = (struct iovec){ data[11], size };
	message = (struct msghdr){ .msg_iov = &part, .msg_iovlen = 1 };
	switch (number % 6) {
	case 0:
		io_uring_prep_send(sqe, fd, data[11], size, MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	case 1:
		io_uring_prep_recv(sqe, fd, data[12], size, flags[number / 6 % 4]);
		break;
	case 2:
		io_uring_prep_sendmsg(sqe, fd, &message, MSG_DONTWAIT);
		break;
	case 3:
		part.iov_base = data[12];
		if (number & 8) {
			message.msg_name = &address;
			message.msg_namelen = sizeof(address);
		}
		io_uring_prep_recvmsg(sqe, fd, &message, (unsigned)flags[number / 6 % 4]);
		break;
	default:
		io_uring_prep_cmd_sock(sqe, (int)commands_of[size % 5], fd, SOL_SOCKET, names_of[number / 4 % 4], &value,
				       (int)(number & 2 ? sizeof(value) : 2));
		if (number & 16 && ring->flags & IORING_SETUP_SQE128 && !known("newer"))
			sqe->opcode = IORING_OP_URING_CMD128;
	}
	numbered(s, sqe, 0);
	submit_alone(s);
	note(" %d %u %#x %#lx", value, message.msg_namelen, (unsigned)message.msg_flags, sum(data[12], 1024));
	reap_alone(s);
}

/* Sends without a copy are over only when they were received. */
static void zero_copy(unsigned r, unsigned number, unsigned size)
{
	static int pair[2] = { -1, -1 };
	static struct iovec part;
	static struct msghdr message;
	union address address;
	unsigned before, i;
	int ret;
	ALONE(r, 4);

	for (i = 0; pair[1] < 0 && i < 2; i++)
		pair[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (i = 0; i < 2; i++) {
		socklen_t length = address_for(pair[i], i, &address);

		/* Only the first time. */
		bind(pair[i], &address.any, length);
		length = address_of(pair[i], i, &address);
		connect(pair[1 - i], &address.any, length);
	}
	part = (struct iovec){ data[number % 4], size % 512 };
	message = (struct msghdr){ .msg_iov = &part, .msg_iovlen = 1 };
	if (number & 4)
		io_uring_prep_sendmsg_zc(sqe, number & 8 ? sockets[0] : pair[0], &message, MSG_DONTWAIT);
	else
		io_uring_prep_send_zc(sqe, number & 8 ? sockets[0] : pair[0], part.iov_base, part.iov_len, MSG_DONTWAIT,
				      number & 1 ? IORING_SEND_ZC_REPORT_USAGE : 0);
	if (number & 16) {
		sqe->ioprio |= IORING_RECVSEND_FIXED_BUF;
		sqe->buf_index = (__u16)(number % 4);
	}
	numbered(s, sqe, number & 2 ? IOSQE_ASYNC : 0);
	before = *ring->cq.ktail;
	RETURNED(ret = io_uring_submit(ring));
	blank_rest(ring);
	for (i = 0; ret > 0 && missing(ring, before, (unsigned)ret); i++) {
		char got[512];

		recv(pair[1], got, sizeof(got), MSG_DONTWAIT);
		io_uring_get_events(ring);
		sched_yield();
		if (i == 100000)
			REFUSE("never over");
	}
	recv(pair[1], data[12], 512, MSG_DONTWAIT);
	reap_alone(s);
}
