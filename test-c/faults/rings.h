/* Families of rings: their kinds, and what is registered with them. */
#include "family.h"

/* Another ring, for as long as the family runs. */
static bool with_params(struct io_uring *other, struct io_uring_params *p)
{
	long ret;

	shared->phase = 's';
	ret = IN(io_uring_queue_init_params(4, other, p));
	shared->phase = 'a';
	say(&out, "other=%ld\n", ret);
	return ret >= 0;
}

static bool with_ring(struct io_uring *other)
{
	struct io_uring_params p = { 0 };

	return with_params(other, &p);
}

static void without_ring(struct io_uring *other)
{
	IN((io_uring_queue_exit(other), 0));
}

FAMILY(sqpoll, IORING_SETUP_SQPOLL, "preadv2")
{
	ENTRY(1, nop);
	ENTRY(2, read, file(4096), buffer, 4096, 0);
	go(2);
	say_data(buffer, res_of(2));
}

FAMILY(sqpoll_of_two, 0, "")
{
	struct io_uring_params p = { .flags = IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF, .sq_thread_idle = 1 };
	struct io_uring first, second, kept = ring;

	if (!with_params(&first, &p))
		return;
	p = (struct io_uring_params){ .flags = IORING_SETUP_SQPOLL | IORING_SETUP_ATTACH_WQ,
				      .wq_fd = (__u32)first.ring_fd };
	if (with_params(&second, &p)) {
		ring = second;
		ENTRY(1, nop);
		go(1);
		ring = kept;
		without_ring(&second);
	}
	without_ring(&first);
}

FAMILY(registered_only, IORING_SETUP_NO_MMAP | IORING_SETUP_REGISTERED_FD_ONLY, "preadv2")
{
	ENTRY(1, read, file(4096), buffer, 4096, 0);
	go(1);
	say_data(buffer, res_of(1));
}

FAMILY(registered_only_sqpoll, IORING_SETUP_NO_MMAP | IORING_SETUP_REGISTERED_FD_ONLY | IORING_SETUP_SQPOLL, "")
{
	ENTRY(1, nop);
	go(1);
}

FAMILY(resize, DEFERRED, "")
{
	struct io_uring_params p = { .sq_entries = 32, .cq_entries = 64, .flags = IORING_SETUP_CQSIZE };

	ENTRY(1, nop);
	submit();
	if (!TRY(io_uring_resize_rings(&ring, &p)))
		return;
	reap(1);
	ENTRY(2, nop);
	go(1);
}

FAMILY(messages_between, 0, "")
{
	struct io_uring other;
	struct io_uring_cqe *cqe;
	int fd = file(10);

	if (!with_ring(&other))
		return;
	if (TRY(io_uring_register_files_sparse(&other, 2)) && TRY(io_uring_register_files(&ring, &fd, 1))) {
		ENTRY(1, msg_ring, other.ring_fd, 7, 9, 0);
		ENTRY(2, msg_ring_fd, other.ring_fd, 0, 1, 10, 0);
		go(2);
		say(&out, "there=%u\n", io_uring_cq_ready(&other));
		if (!io_uring_peek_cqe(&other, &cqe))
			say(&out, "first=%d\n", cqe->res);
	}
	without_ring(&other);
}

FAMILY(buffers_cloned, 0, "")
{
	struct iovec all = { buffer, sizeof(buffer) };
	struct io_uring other;

	if (!with_ring(&other))
		return;
	if (TRY(io_uring_register_buffers(&ring, &all, 1)))
		TRY(io_uring_clone_buffers(&other, &ring));
	without_ring(&other);
}

FAMILY(files_updated, 0, "fcntl")
{
	int fds[] = { file(10), -1 };

	if (!TRY(io_uring_register_files_sparse(&ring, 4)))
		return;
	TRY(io_uring_register_files_update(&ring, 0, fds, 1));
	ENTRY(1, files_update, fds, 1, 1);
	go(1);
	if (res_of(1) != 1)
		return;
	makes_file(ENTRY(2, fixed_fd_install, 1, 0));
	go(1);
	mine(res_of(2));
}

FAMILY(signaled, 0, "")
{
	int fd = mine(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	uint64_t count = 0;

	if (!TRY(io_uring_register_eventfd(&ring, fd)))
		return;
	ENTRY(1, nop);
	go(1);
	say(&out, "signal=%zd/%d\n", read(fd, &count, sizeof(count)), (int)count);
	TRY(io_uring_unregister_eventfd(&ring));
}

FAMILY(eventfd_of_no_kind, 0, "")
{
	int fd = file(10);

	TRY(io_uring_register_eventfd(&ring, fd));
	say_file(fd, 10);
}

FAMILY(settings, 0, "fsync")
{
	struct io_uring_clock_register clock = { .clockid = CLOCK_BOOTTIME };
	struct io_uring_probe *probe;
	unsigned numbers[2] = { 0, 0 };
	cpu_set_t set;

	MUST(!sched_getaffinity(0, sizeof(set), &set));
	TRY(io_uring_register_iowq_aff(&ring, sizeof(set), &set));
	ENTRY(1, fsync, file(10), 0);
	go(1);
	TRY(io_uring_unregister_iowq_aff(&ring));
	TRY(io_uring_register_iowq_max_workers(&ring, numbers));
	TRY(io_uring_register_clock(&ring, &clock));
	probe = (struct io_uring_probe *)IN(io_uring_get_probe_ring(&ring));
	say(&out, "probe=%d\n", probe ? probe->last_op : -1);
	io_uring_free_probe(probe);
	TRY(io_uring_register_ring_fd(&ring));
	ENTRY(2, nop);
	go(1);
}

/* Entered by a duplicate of its descriptor. */
FAMILY(ring_duplicated, 0, "")
{
	int other = dup(ring.ring_fd), fd = ring.enter_ring_fd;

	ring.enter_ring_fd = other;
	ENTRY(1, nop);
	go(1);
	ring.enter_ring_fd = fd;
	close(other);
}

/* The ring's own file, polled by another ring. */
FAMILY(ring_polled, 0, "")
{
	struct io_uring other, kept = ring;

	if (!with_ring(&other))
		return;
	ENTRY(1, poll_multishot, other.ring_fd, POLLIN);
	submit();
	ring = other;
	ENTRY(2, nop);
	submit();
	other = ring;
	ring = kept;
	reap_up_to(1, true);
	without_ring(&other);
}

FAMILY(direct_only, IORING_SETUP_IOPOLL, "preadv2")
{
	int fd = file_on_disk(O_RDONLY);

	if (fd < 0)
		return;
	ENTRY(1, read, fd, buffer, 4096, 0);
	go(1);
	say_data(buffer, res_of(1));
}
