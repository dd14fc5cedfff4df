/* Work of the kernel's worker threads: submitted and awaited at once, while nothing else is pending in the ring. */
#include "socket_ops.h"

/* A request whose result contains no path, file or time. */
static void prepare_alone(struct io_uring_sqe *sqe, unsigned number, unsigned size)
{
	static struct statx facts;

	switch (number % 16) {
	case 0:
		io_uring_prep_write(sqe, file, data[14], size % 1024, size);
		break;
	case 1:
		io_uring_prep_read(sqe, file, data[15], size % 1024, size / 2);
		break;
	case 2:
		io_uring_prep_fsync(sqe, file, number & 16 ? IORING_FSYNC_DATASYNC : 0);
		break;
	case 3:
		io_uring_prep_ftruncate(sqe, file, (loff_t)size);
		break;
	case 4:
		io_uring_prep_fallocate(sqe, file, 0, 0, size + 1);
		break;
	case 5:
		io_uring_prep_statx(sqe, file, "", AT_EMPTY_PATH, STATX_SIZE, &facts);
		break;
	case 6:
		io_uring_prep_openat(sqe, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
		break;
	case 7:
		io_uring_prep_openat_direct(sqe, AT_FDCWD, "/dev/zero", O_RDONLY, 0, size % 8);
		break;
	case 8:
		io_uring_prep_fadvise(sqe, file, 0, 100, 0);
		break;
	case 9:
		io_uring_prep_madvise(sqe, data[0], 4096, 0);
		break;
	case 10:
		io_uring_prep_sync_file_range(sqe, file, 0, 0, 0);
		break;
	case 11:
		io_uring_prep_shutdown(sqe, -1, 0);
		break;
	case 12:
		io_uring_prep_unlinkat(sqe, AT_FDCWD, "/dev/null/none", 0);
		break;
	case 13:
		io_uring_prep_fsetxattr(sqe, file, "user.fuzz", "1", 0, 1);
		break;
	case 14:
		io_uring_prep_pipe(sqe, (int *)(void *)data[0], O_CLOEXEC);
		break;
	default:
		io_uring_prep_nop(sqe);
		io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
	}
}

/* Nothing is pending in the ring, and the CQ has space for the completions. */
static int idle(struct slot *s, unsigned room)
{
	struct io_uring *ring = &s->ring;

	return !s->waits && !polled(s) && !(ring->flags & IORING_SETUP_IOPOLL) && !io_uring_sq_ready(ring) &&
	       !io_uring_cq_has_overflow(ring) && io_uring_cq_ready(ring) + room < ring->cq.ring_entries &&
	       room <= ring->sq.ring_entries;
}

/* How many completions are missing: one for each request, and another for each that announces one. */
static unsigned missing(const struct io_uring *ring, unsigned from, unsigned requests)
{
	unsigned tail = io_uring_smp_load_acquire(ring->cq.ktail), shift = io_uring_cqe_shift(ring), there = 0;

	for (; from != tail; from++) {
		unsigned flags = ring->cq.cqes[(from & ring->cq.ring_mask) << shift].flags;

		if (ring->flags & IORING_SETUP_CQE_MIXED && flags & IORING_CQE_F_32)
			from++;
		if (!(flags & IORING_CQE_F_SKIP) && !(flags & IORING_CQE_F_MORE))
			there++;
	}
	return there < requests ? requests - there : 0;
}

/* Nothing may take an entry later that wasn't taken. */
static void blank_rest(struct io_uring *ring)
{
	unsigned at;

	for (at = *ring->sq.khead; at != ring->sq.sqe_tail; at++) {
		struct io_uring_sqe *sqe = &ring->sq.sqes[(at & ring->sq.ring_mask) << io_uring_sqe_shift(ring)];

		/* Preparing a request leaves the flags. */
		io_uring_initialize_sqe(sqe);
		io_uring_prep_nop(sqe);
	}
}

/* Waits for all completions of requests that were submitted when the CQ's tail was `before`. */
static void await_alone(struct slot *s, unsigned before, int requests)
{
	struct io_uring *ring = &s->ring;
	unsigned left;

	/* A worker may end this wait early. */
	while (requests > 0 && (left = missing(ring, before, (unsigned)requests)))
		io_uring_enter((unsigned)ring->enter_ring_fd, 0, io_uring_cq_ready(ring) + left,
			       IORING_ENTER_GETEVENTS | (ring->int_flags & IORING_ENTER_REGISTERED_RING), NULL);
}

/* Submits, and waits for all completions; the last one's result. */
static int submit_alone(struct slot *s)
{
	struct io_uring *ring = &s->ring;
	unsigned before = *ring->cq.ktail;
	int ret;

	RETURNED(ret = io_uring_submit(ring));
	blank_rest(ring);
	await_alone(s, before, ret);
	return ret > 0 ? ring->cq.cqes[((*ring->cq.ktail - 1) & ring->cq.ring_mask) << io_uring_cqe_shift(ring)].res : -1;
}

/* The ring of operations that are alone needs nobody to reap. */
static void reap_alone(struct slot *s)
{
	if (s == &slots[LONE])
		io_uring_cq_advance(&s->ring, io_uring_cq_ready(&s->ring));
}

/* Sets `s`, `ring` and `sqe` for an operation that is alone, or ends the operation. */
#define ALONE(R, ROOM)				\
	LIVE(R);				\
						\
	if (!idle(s, ROOM))			\
		REFUSE("not now");		\
	ENTRY(sqe);				\
	s->waits = 0

/* Called after preparing. */
static void numbered(struct slot *s, struct io_uring_sqe *sqe, unsigned flags)
{
	io_uring_sqe_set_flags(sqe, flags);
	number_entry(s, sqe);
}

/* One more entry; there is room. */
static struct io_uring_sqe *another(struct slot *s)
{
	struct io_uring_sqe *sqe = entry(s);

	s->waits = 0;
	return sqe;
}

static void alone(unsigned r, unsigned number, unsigned size)
{
	ALONE(r, 1);

	prepare_alone(sqe, number, size);
	number_entry(s, sqe);
	submit_alone(s);
	reap_alone(s);
}

/* A drain and up to two more requests: the kernel hands the next to a worker, too, and sometimes the one after it. */
static void drained(unsigned r, unsigned number)
{
	unsigned count = 1 + number % 3, i;
	LIVE(r);

	if (!idle(s, 2 * count + 1))
		REFUSE("not now");
	for (i = 0; i <= count + 1; i++) {
		ENTRY(sqe);
		s->waits = 0;
		io_uring_prep_nop(sqe);
		io_uring_sqe_set_flags(sqe, i == number % count ? IOSQE_IO_DRAIN : 0);
		number_entry(s, sqe);
		if (i + 1 >= count)
			submit_alone(s);
	}
	reap_alone(s);
}

/* Whether a file has one of these events, now. */
static int ready_for(int fd, int events)
{
	struct pollfd it = { fd, (short)events, 0 };

	return poll(&it, 1, 0) == 1;
}

/* Acts on the other end of what requests wait for. */
static void outside(unsigned fd, unsigned size, unsigned out)
{
	int to = descriptor(fd);

	/* Must never wait. */
	if (!ready_for(to, out ? POLLOUT : POLLIN))
		REFUSE("would wait");
	if (out)
		RETURNED(write(to, nonzero(data[8]), to == event ? 8 : size % 1024) < 0 ? 0 : 1);
	else
		RETURNED(read(to, data[9], to == event ? 8 : size % 1024));
}
