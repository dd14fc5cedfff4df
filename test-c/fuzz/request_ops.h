/* Requests: each operation prepares one entry, which a later submit takes. */
#include "ring_ops.h"
#include <linux/futex.h>
#include <sys/epoll.h>

/* Missing from the headers of some systems. */
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
		/* The CQ must have space for all pending requests; flags could give the kernel's thread other work. */
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

/* A completion of two slots, on a ring that can have one. */
static void nop_big(unsigned r, unsigned number)
{
	struct io_uring_sqe *sqe;
	LIVE(r);

	if (polled(s))
		REFUSE("polled");
	if (known("mixed") && ring->flags & IORING_SETUP_CQE_MIXED &&
	    io_uring_cq_ready(ring) + 2 * io_uring_sq_ready(ring) + 4 > ring->cq.ring_entries)
		REFUSE("mixed");
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
	if (number & 1 && !known("newer"))
		io_uring_prep_nop128(sqe);
	else
		io_uring_prep_nop(sqe);
	finish(s, sqe, flags & ~(unsigned)(IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT));
}

/* Opcodes with nothing to work on: refused when submitted, which ends the submission there, or later. Those that use
 * worker threads are in `alone`; those from IORING_OP_LAST on don't exist. */
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
	io_uring_prep_write(sqe, target_fd(fd, flags), nonzero(data[8]), size % 1024, (__u64)-1);
	finish(s, sqe, flags & ~(unsigned)IOSQE_BUFFER_SELECT);
}

static void vectored(unsigned r, unsigned fd, unsigned number, unsigned flags)
{
	static struct iovec parts[2];
	LIVE(r);
	ENTRY(sqe);

	parts[0] = (struct iovec){ number & 1 ? nonzero(data[9]) : data[9], 100 };
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
		io_uring_prep_write_fixed(sqe, target_fd(fd, flags), nonzero(data[number % 4]), 64, (__u64)-1, (int)(number % 4));
		break;
	case 2:
		io_uring_prep_readv_fixed(sqe, target_fd(fd, flags), &part, 1, (__u64)-1, 0, (int)(number % 4));
		break;
	default:
		nonzero(data[number % 4]);
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

static const unsigned poll_masks[] = { POLLIN, POLLOUT, POLLIN | POLLOUT, POLLHUP, 0 };

static void poll_some(unsigned r, unsigned fd, unsigned number, unsigned flags)
{
	LIVE(r);
	ENTRY(sqe);

	if (number & 8 && !(descriptor(fd) == event && known("own")))
		io_uring_prep_poll_multishot(sqe, descriptor(fd), poll_masks[number % 5 == 2 && known("state") ? 0 : number % 5]);
	else
		io_uring_prep_poll_add(sqe, descriptor(fd), poll_masks[number % 5]);
	finish(s, sqe, flags & ~(unsigned)(IOSQE_BUFFER_SELECT | IOSQE_FIXED_FILE));
}

/* A recent request, if it is still pending. */
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

	/* In a chain the timeout starts among the kernel's other deferred work, or after it if the processor was busy.
	 * */
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

/* The other ring must get its completion from this thread. */
static void msg_ring(unsigned r, unsigned to, unsigned number, unsigned flags)
{
	struct slot *other = &slots[to % RINGS];
	LIVE(r);

	/* On a ring with IOPOLL a worker posts it if the target is this ring, which is locked. */
	if (!other->alive || polled(other) || other->ring.ring_fd < 0 || other->ring.flags & IORING_SETUP_IOPOLL)
		REFUSE("no ring");
	/* Its completion comes before those of earlier requests, which may take two slots each. */
	if (other == s && ring->flags & IORING_SETUP_CQE_MIXED && !in_order(s))
		REFUSE("order");
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

/* Requests that change registered files. */
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
	static uint32_t word, other;
	static struct futex_waitv all[3];
	LIVE(r);
	ENTRY(sqe);

	if (number & 4) {
		all[0] = (struct futex_waitv){ number & 8 ? 0 : 1, (uintptr_t)&word, FUTEX2_SIZE_U32 | FUTEX2_PRIVATE, 0 };
		all[1] = (struct futex_waitv){ 0, (uintptr_t)(number & 16 ? &other : &word), FUTEX2_SIZE_U32, 0 };
		io_uring_prep_futex_waitv(sqe, all, 1 + number % 3, 0);
	} else if (number & 1)
		io_uring_prep_futex_wait(sqe, &word, number & 2 ? 0 : 1, FUTEX_BITSET_MATCH_ANY,
					 FUTEX2_SIZE_U32 | FUTEX2_PRIVATE, 0);
	else
		io_uring_prep_futex_wake(sqe, &word, number % 3, FUTEX_BITSET_MATCH_ANY,
					 FUTEX2_SIZE_U32 | FUTEX2_PRIVATE, 0);
	finish(s, sqe, flags & ~(unsigned)(IOSQE_BUFFER_SELECT | IOSQE_FIXED_FILE));
}

static void epoll(unsigned r, unsigned fd, unsigned number)
{
	static struct epoll_event wanted = { .events = EPOLLIN };
	static int set = -1;
	LIVE(r);
	ENTRY(sqe);

	if (set < 0)
		set = epoll_create1(EPOLL_CLOEXEC);
	if (number & 2)
		io_uring_prep_epoll_wait(sqe, set, (void *)data[7], 1 + (int)(number % 3), number & 4 ? 1 : 0);
	else
		io_uring_prep_epoll_ctl(sqe, set, descriptor(fd), number & 1 ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, &wanted);
	finish(s, sqe, 0);
}
