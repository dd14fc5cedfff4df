/* What the kernel's worker threads do: submitted and waited for at once, while the ring has nothing else to wait for. */
#include "request_ops.h"

/* One that has no path, no file and no time in what it returns. */
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

/* Nothing that the ring would wait for, and room for what comes. */
static int idle(struct slot *s, unsigned room)
{
	struct io_uring *ring = &s->ring;

	return !s->waits && !polled(s) && !(ring->flags & IORING_SETUP_IOPOLL) && !io_uring_sq_ready(ring) &&
	       !io_uring_cq_has_overflow(ring) && io_uring_cq_ready(ring) + room < ring->cq.ring_entries &&
	       room <= ring->sq.ring_entries;
}

/* Submits, and waits for all of it. */
static void submit_alone(struct slot *s)
{
	struct io_uring *ring = &s->ring;
	unsigned before = *ring->cq.ktail, at;
	int ret;

	RETURNED(ret = io_uring_submit(ring));
	/* What wasn't taken mustn't be later. */
	for (at = *ring->sq.khead; at != ring->sq.sqe_tail; at++) {
		struct io_uring_sqe *sqe = &ring->sq.sqes[(at & ring->sq.ring_mask) << io_uring_sqe_shift(ring)];

		/* A preparation leaves the flags. */
		io_uring_initialize_sqe(sqe);
		io_uring_prep_nop(sqe);
	}
	/* A worker may end this wait early. */
	while (ret > 0 && io_uring_smp_load_acquire(ring->cq.ktail) - before < (unsigned)ret)
		io_uring_enter((unsigned)ring->enter_ring_fd, 0, before - *ring->cq.khead + (unsigned)ret,
			       IORING_ENTER_GETEVENTS | (ring->int_flags & IORING_ENTER_REGISTERED_RING), NULL);
}

static void alone(unsigned r, unsigned number, unsigned size)
{
	LIVE(r);

	if (!idle(s, 1))
		REFUSE("not now");
	ENTRY(sqe);
	s->waits = 0;
	prepare_alone(sqe, number, size);
	io_uring_sqe_set_data64(sqe, ++s->serial);
	submit_alone(s);
}

/* A drain, and two more: the kernel hands the next to a worker as well, and now and then the one after it. */
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
		io_uring_sqe_set_data64(sqe, ++s->serial);
		if (i + 1 >= count)
			submit_alone(s);
	}
}

/* The other end of what requests wait for. */
static void outside(unsigned fd, unsigned size, unsigned out)
{
	int to = descriptor(fd);
	struct pollfd ready = { to, out ? POLLOUT : POLLIN, 0 };

	/* Never waits. */
	if (poll(&ready, 1, 0) != 1)
		REFUSE("would wait");
	if (out)
		RETURNED(write(to, data[8], to == event ? 8 : size % 1024) < 0 ? 0 : 1);
	else
		RETURNED(read(to, data[9], to == event ? 8 : size % 1024));
}
