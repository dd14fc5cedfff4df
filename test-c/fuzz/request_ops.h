/* Requests: each prepares one entry, which a later submit takes. */
#include "ring_ops.h"
#include <linux/futex.h>
#include <sys/epoll.h>

/* Newer than some systems' headers. */
#ifndef FUTEX2_SIZE_U32
#define FUTEX2_SIZE_U32 2
#endif
#ifndef FUTEX2_PRIVATE
#define FUTEX2_PRIVATE FUTEX_PRIVATE_FLAG
#endif

static void nop(unsigned r, unsigned flags, unsigned number)
{
	struct io_uring_sqe *sqe;
	LIVE(r);

	if (polled(s)) {
		/* All that are on their way must find room, and nothing else may be asked of the kernel's thread. */
		if (s->queued - *ring->cq.khead >= ring->cq.ring_entries)
			REFUSE("no room");
		flags = 0;
		number = 0;
	}
	sqe = io_uring_get_sqe(ring);
	if (!sqe)
		REFUSE("full");
	io_uring_prep_nop(sqe);
	if (number) {
		sqe->nop_flags = IORING_NOP_INJECT_RESULT;
		sqe->len = number & 1 ? number : -number;
	}
	finish(s, sqe, flags & ~(unsigned)(IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT));
	s->queued++;
}

/* A completion of two places, on a ring that may have such. */
static void nop_big(unsigned r, unsigned number)
{
	struct io_uring_sqe *sqe;
	LIVE(r);

	if (polled(s))
		REFUSE("polled");
	sqe = io_uring_get_sqe(ring);
	if (!sqe)
		REFUSE("full");
	io_uring_prep_nop(sqe);
	sqe->nop_flags = IORING_NOP_CQE32 | IORING_NOP_INJECT_RESULT;
	sqe->len = number;
	sqe->off = 3 * number;
	sqe->addr = 5 * number;
	finish(s, sqe, 0);
}

static void nop128(unsigned r, unsigned flags, unsigned number)
{
	struct io_uring_sqe *sqe;
	LIVE(r);

	if (polled(s))
		REFUSE("polled");
	sqe = io_uring_get_sqe128(ring);
	if (!sqe)
		REFUSE("none");
	if (number & 1)
		io_uring_prep_nop128(sqe);
	else
		io_uring_prep_nop(sqe);
	finish(s, sqe, flags & ~(unsigned)(IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT));
}

/* Opcodes with nothing that they could work on: refused when submitted, which ends there, or later. Those for which
 * worker threads are asked come in `alone`; those from IORING_OP_LAST on don't exist. */
static void raw_entry(unsigned r, unsigned opcode, unsigned number)
{
	static const unsigned char some[] = { IORING_OP_READV, IORING_OP_WRITEV, IORING_OP_READ_FIXED, IORING_OP_POLL_ADD,
					      IORING_OP_SENDMSG, IORING_OP_RECVMSG, IORING_OP_TIMEOUT,
					      IORING_OP_ACCEPT, IORING_OP_LINK_TIMEOUT, IORING_OP_CONNECT,
					      IORING_OP_CLOSE, IORING_OP_READ, IORING_OP_WRITE, IORING_OP_SEND,
					      IORING_OP_RECV, IORING_OP_MSG_RING, IORING_OP_SEND_ZC,
					      IORING_OP_READ_MULTISHOT, IORING_OP_FUTEX_WAIT };
	LIVE(r);
	ENTRY(sqe);

	if (opcode < IORING_OP_LAST)
		opcode = some[opcode % sizeof(some)];
	io_uring_prep_rw((int)opcode, sqe, -1, NULL, number, 0);
	finish(s, sqe, 0);
}

static int target_fd(unsigned which, unsigned flags)
{
	return flags & IOSQE_FIXED_FILE && !abandoned ? (int)(which % 8) : descriptor(which);
}

static void pipe_read(unsigned r, unsigned fd, unsigned flags, unsigned size)
{
	LIVE(r);
	ENTRY(sqe);

	io_uring_prep_read(sqe, target_fd(fd, flags), data[fd % 8], size % 1024, (__u64)-1);
	if (flags & IOSQE_BUFFER_SELECT) {
		sqe->addr = 0;
		io_uring_sqe_set_buf_group(sqe, (int)(size % GROUPS));
	}
	finish(s, sqe, flags);
}

static void pipe_write(unsigned r, unsigned fd, unsigned flags, unsigned size)
{
	LIVE(r);
	ENTRY(sqe);

	memset(data[8], (int)(size + s->serial), 64);
	io_uring_prep_write(sqe, target_fd(fd, flags), data[8], size % 1024, (__u64)-1);
	finish(s, sqe, flags & ~(unsigned)IOSQE_BUFFER_SELECT);
}

static void vectored(unsigned r, unsigned fd, unsigned number, unsigned flags)
{
	static struct iovec parts[2];
	LIVE(r);
	ENTRY(sqe);

	parts[0] = (struct iovec){ data[9], 100 };
	parts[1] = (struct iovec){ data[10], 200 };
	switch (number % 4) {
	case 0:
		io_uring_prep_readv(sqe, target_fd(fd, flags), parts, 2, (__u64)-1);
		break;
	case 1:
		io_uring_prep_writev(sqe, target_fd(fd, flags), parts, 2, (__u64)-1);
		break;
	case 2:
		io_uring_prep_readv2(sqe, target_fd(fd, flags), parts, 2, (__u64)-1, 0);
		break;
	default:
		io_uring_prep_writev2(sqe, target_fd(fd, flags), parts, 1, (__u64)-1, 0);
	}
	finish(s, sqe, flags & ~(unsigned)IOSQE_BUFFER_SELECT);
}

static void fixed_buffer(unsigned r, unsigned fd, unsigned number, unsigned flags)
{
	static struct iovec part;
	LIVE(r);
	ENTRY(sqe);

	part = (struct iovec){ data[number % 4], 64 };
	switch (number / 4 % 4) {
	case 0:
		io_uring_prep_read_fixed(sqe, target_fd(fd, flags), data[number % 4], 64, (__u64)-1, (int)(number % 4));
		break;
	case 1:
		io_uring_prep_write_fixed(sqe, target_fd(fd, flags), data[number % 4], 64, (__u64)-1, (int)(number % 4));
		break;
	case 2:
		io_uring_prep_readv_fixed(sqe, target_fd(fd, flags), &part, 1, (__u64)-1, 0, (int)(number % 4));
		break;
	default:
		io_uring_prep_writev_fixed(sqe, target_fd(fd, flags), &part, 1, (__u64)-1, 0, (int)(number % 4));
	}
	finish(s, sqe, flags & ~(unsigned)IOSQE_BUFFER_SELECT);
}

static void read_multishot(unsigned r, unsigned fd, unsigned group)
{
	LIVE(r);
	ENTRY(sqe);

	io_uring_prep_read_multishot(sqe, descriptor(fd), 0, 0, (int)(group % GROUPS));
	finish(s, sqe, 0);
}

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

static const unsigned poll_masks[] = { POLLIN, POLLOUT, POLLIN | POLLOUT, POLLHUP, 0 };

static void poll_some(unsigned r, unsigned fd, unsigned number, unsigned flags)
{
	LIVE(r);
	ENTRY(sqe);

	if (number & 8)
		io_uring_prep_poll_multishot(sqe, descriptor(fd), poll_masks[number % 5]);
	else
		io_uring_prep_poll_add(sqe, descriptor(fd), poll_masks[number % 5]);
	finish(s, sqe, flags & ~(unsigned)(IOSQE_BUFFER_SELECT | IOSQE_FIXED_FILE));
}

/* A request that was made before, if it is still there. */
static __u64 target(const struct slot *s, unsigned which)
{
	return s->serial - which % 8;
}

static void poll_change(unsigned r, unsigned which, unsigned number)
{
	LIVE(r);
	__u64 user_data = target(s, which);
	ENTRY(sqe);

	if (number & 1)
		io_uring_prep_poll_remove(sqe, user_data);
	else
		io_uring_prep_poll_update(sqe, user_data, user_data + 1000, poll_masks[number % 5],
					  IORING_POLL_UPDATE_EVENTS | (number & 2 ? IORING_POLL_UPDATE_USER_DATA : 0));
	finish(s, sqe, 0);
}

static void timeout(unsigned r, unsigned number, unsigned flags)
{
	LIVE(r);
	int linked = s->last && s->last->flags & CHAIN;
	ENTRY(sqe);

	/* In a chain it begins to count amid the kernel's other deferred work, or behind that, if the processor was
	 * wanted by somebody else. */
	io_uring_prep_timeout(sqe, &never, linked ? 0 : number % 4, number & 4 ? IORING_TIMEOUT_ETIME_SUCCESS : 0);
	finish(s, sqe, flags & ~(unsigned)(IOSQE_BUFFER_SELECT | IOSQE_FIXED_FILE));
}

static void timeout_change(unsigned r, unsigned which, unsigned number)
{
	LIVE(r);
	__u64 user_data = target(s, which);
	ENTRY(sqe);

	if (number & 1)
		io_uring_prep_timeout_remove(sqe, user_data, 0);
	else
		io_uring_prep_timeout_update(sqe, &never, user_data, 0);
	finish(s, sqe, 0);
}

static void link_timeout(unsigned r, unsigned flags)
{
	LIVE(r);
	ENTRY(sqe);

	io_uring_prep_link_timeout(sqe, &never, 0);
	finish(s, sqe, flags & ~(unsigned)(IOSQE_BUFFER_SELECT | IOSQE_FIXED_FILE));
}

static void cancel(unsigned r, unsigned which, unsigned number)
{
	LIVE(r);
	__u64 user_data = target(s, which);
	ENTRY(sqe);

	switch (number % 5) {
	case 0:
		io_uring_prep_cancel(sqe, (void *)(uintptr_t)user_data, 0);
		break;
	case 1:
		io_uring_prep_cancel64(sqe, user_data, IORING_ASYNC_CANCEL_ALL);
		break;
	case 2:
		io_uring_prep_cancel_fd(sqe, descriptor(which), number & 8 ? IORING_ASYNC_CANCEL_ALL : 0);
		break;
	case 3:
		io_uring_prep_cancel64(sqe, 0, IORING_ASYNC_CANCEL_ANY);
		break;
	default:
		io_uring_prep_cancel64(sqe, user_data, IORING_ASYNC_CANCEL_OP);
		sqe->len = IORING_OP_READ;
	}
	finish(s, sqe, 0);
}

/* The other ring gets its completion from this very thread. */
static void msg_ring(unsigned r, unsigned to, unsigned number, unsigned flags)
{
	struct slot *other = &slots[to % RINGS];
	LIVE(r);

	/* To a ring with IOPOLL a worker brings it when it is this one, which is locked. */
	if (!other->alive || polled(other) || other->ring.ring_fd < 0 || other->ring.flags & IORING_SETUP_IOPOLL)
		REFUSE("no ring");
	ENTRY(sqe);
	/* As in `sync_msg`. */
	other->waits = 1;
	switch (number % 4) {
	case 0:
		io_uring_prep_msg_ring(sqe, other->ring.ring_fd, number, 7777, 0);
		break;
	case 1:
		io_uring_prep_msg_ring_cqe_flags(sqe, other->ring.ring_fd, number, 8888, 0, number);
		break;
	case 2:
		io_uring_prep_msg_ring_fd(sqe, other->ring.ring_fd, (int)(number % 8), (int)(number / 8 % 8), 9999, 0);
		break;
	default:
		io_uring_prep_msg_ring_fd_alloc(sqe, other->ring.ring_fd, (int)(number % 8), 9999,
						number & 8 ? IORING_MSG_RING_CQE_SKIP : 0);
	}
	finish(s, sqe, flags & (IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS));
}

static void provide_buffers(unsigned r, unsigned group, unsigned number)
{
	LIVE(r);
	ENTRY(sqe);

	io_uring_prep_provide_buffers(sqe, data[group % GROUPS], 100, (int)(number % 8), (int)(group % GROUPS),
				      (int)(number % 5));
	finish(s, sqe, 0);
}

static void remove_buffers(unsigned r, unsigned group, unsigned number)
{
	LIVE(r);
	ENTRY(sqe);

	io_uring_prep_remove_buffers(sqe, (int)(number % 8), (int)(group % GROUPS));
	finish(s, sqe, 0);
}

/* Registered files, changed by requests. */
static void slots_change(unsigned r, unsigned number, unsigned slot)
{
	static int fds[2];
	LIVE(r);

	if (abandoned)
		REFUSE("abandoned");
	ENTRY(sqe);
	fds[0] = descriptor(number);
	fds[1] = -1;
	switch (number % 3) {
	case 0:
		io_uring_prep_files_update(sqe, fds, 2, (int)(slot % 8));
		break;
	case 1:
		io_uring_prep_close_direct(sqe, slot % 8);
		break;
	default:
		io_uring_prep_fixed_fd_install(sqe, (int)(slot % 8), 0);
	}
	finish(s, sqe, number % 3 == 2 ? IOSQE_FIXED_FILE : 0);
}

static void futex(unsigned r, unsigned number, unsigned flags)
{
	static uint32_t word;
	LIVE(r);
	ENTRY(sqe);

	if (number & 1)
		io_uring_prep_futex_wait(sqe, &word, number & 2 ? 0 : 1, FUTEX_BITSET_MATCH_ANY,
					 FUTEX2_SIZE_U32 | FUTEX2_PRIVATE, 0);
	else
		io_uring_prep_futex_wake(sqe, &word, number % 3, FUTEX_BITSET_MATCH_ANY,
					 FUTEX2_SIZE_U32 | FUTEX2_PRIVATE, 0);
	finish(s, sqe, flags & ~(unsigned)(IOSQE_BUFFER_SELECT | IOSQE_FIXED_FILE));
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

static void epoll(unsigned r, unsigned fd, unsigned number)
{
	static struct epoll_event wanted = { .events = EPOLLIN };
	static int set = -1;
	LIVE(r);
	ENTRY(sqe);

	if (set < 0)
		set = epoll_create1(EPOLL_CLOEXEC);
	io_uring_prep_epoll_ctl(sqe, set, descriptor(fd), number & 1 ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, &wanted);
	finish(s, sqe, 0);
}
