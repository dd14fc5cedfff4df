/* Registered ring fds: every call works on a ring with an fd, with fd and index, and with an index alone. */
#include "many.h"
#include <sys/eventfd.h>

#define DATA 0x5a5a0000a5a50000ULL

/* How calls refer to the ring. */
enum mode { PLAIN, REGISTERED, CLOSED, INDEX_ONLY, OLD_KERNEL, MODES };

static const char *const mode_names[] = { "plain", "registered", "closed", "index only", "old kernel" };

static struct io_uring ring;

/* INDEX_ONLY needs memory of the library's own, so these rings are small. */
/* Returns false if the kernel has no such ring. */
static bool setup(struct io_uring *r, enum mode mode)
{
	struct io_uring_params p = { 0 };
	int ret;

	if (mode != PLAIN && mode != INDEX_ONLY && kernel_before(5, 18))
		return false;
	if (mode == CLOSED && kernel_before(6, 3))
		return false;
	if (mode == INDEX_ONLY)
		p.flags = IORING_SETUP_NO_MMAP | IORING_SETUP_REGISTERED_FD_ONLY;
	ret = io_uring_queue_init_params(8, r, &p);
	if (ret == -EINVAL && mode == INDEX_ONLY && kernel_before(6, 5))
		return false;
	CHECK_EQ(ret, 0);
	if (mode == OLD_KERNEL)
		r->features &= ~IORING_FEAT_REG_REG_RING;
	if (mode == REGISTERED || mode == CLOSED || mode == OLD_KERNEL)
		CHECK_EQ(io_uring_register_ring_fd(r), 1);
	if (mode == CLOSED)
		CHECK_EQ(io_uring_close_ring_fd(r), 1);
	return true;
}

TEST(register_and_unregister)
{
	int fd;

	SINCE("IORING_REGISTER_RING_FDS", 5, 18);
	ring_init(&ring, 8, 0);
	fd = ring.ring_fd;
	CHECK_EQ(ring.enter_ring_fd, fd);
	CHECK_EQ(io_uring_unregister_ring_fd(&ring), -EINVAL);
	CHECK_EQ(io_uring_register_ring_fd(&ring), 1);
	CHECK_EQ(ring.ring_fd, fd);
	CHECK(ring.enter_ring_fd >= 0 && ring.enter_ring_fd != fd);
	CHECK_EQ(io_uring_register_ring_fd(&ring), -EEXIST);
	CHECK_WORKS(&ring);
	CHECK_EQ(io_uring_unregister_ring_fd(&ring), 1);
	CHECK_EQ(ring.enter_ring_fd, fd);
	CHECK_WORKS(&ring);
	CHECK_EQ(io_uring_unregister_ring_fd(&ring), -EINVAL);
	CHECK_EQ(io_uring_register_ring_fd(&ring), 1);
	CHECK_WORKS(&ring);
	io_uring_queue_exit(&ring);
	CHECK(!fd_is_open(fd));
}

TEST(close_ring_fd)
{
	int fd;

	ring_init(&ring, 8, 0);
	need_feature(&ring, IORING_FEAT_REG_REG_RING);
	fd = ring.ring_fd;
	CHECK_EQ(io_uring_close_ring_fd(&ring), -EINVAL);
	CHECK(fd_is_open(fd));
	CHECK_EQ(io_uring_register_ring_fd(&ring), 1);
	CHECK_EQ(io_uring_close_ring_fd(&ring), 1);
	CHECK(!fd_is_open(fd));
	CHECK_EQ(ring.ring_fd, -1);
	CHECK_WORKS(&ring);
	CHECK_EQ(io_uring_close_ring_fd(&ring), -EBADF);
	CHECK_WORKS(&ring);
	/* Without its index the ring can't be reached. */
	CHECK_EQ(io_uring_unregister_ring_fd(&ring), 1);
	CHECK_EQ(ring.enter_ring_fd, -1);
	io_uring_prep_nop(next_sqe(&ring, DATA));
	CHECK_EQ(io_uring_submit(&ring), -EBADF);
	CHECK(io_uring_unregister_buffers(&ring) < 0);
	io_uring_queue_exit(&ring);
}

TEST(close_on_an_old_kernel)
{
	SINCE("IORING_REGISTER_RING_FDS", 5, 18);
	CHECK(setup(&ring, OLD_KERNEL));
	CHECK_EQ(io_uring_close_ring_fd(&ring), -EOPNOTSUPP);
	CHECK(fd_is_open(ring.ring_fd));
	CHECK_WORKS(&ring);
	/* Register calls still use the fd. */
	close(ring.ring_fd);
	CHECK_EQ(io_uring_unregister_files(&ring), -EBADF);
	CHECK_WORKS(&ring);
}

TEST(index_only)
{
	unsigned fds = count_fds(), maps = count_maps();

	if (!setup(&ring, INDEX_ONLY))
		HAS_NO("IORING_SETUP_REGISTERED_FD_ONLY");
	CHECK_EQ(count_fds(), fds);
	CHECK_EQ(ring.ring_fd, -1);
	CHECK_WORKS(&ring);
	CHECK_EQ(io_uring_register_ring_fd(&ring), -EEXIST);
	CHECK_EQ(io_uring_close_ring_fd(&ring), -EBADF);
	CHECK_WORKS(&ring);
	io_uring_queue_exit(&ring);
	CHECK_EQ(count_fds(), fds);
	CHECK_EQ(count_maps(), maps);
}

/* A task has few indexes: exit must return them in each mode. */
TEST(exit_frees_the_index)
{
	unsigned fds = count_fds(), maps = count_maps(), mode, i;

	for (mode = PLAIN; mode < MODES; mode++) {
		for (i = 0; i < 100; i++) {
			if (!setup(&ring, mode))
				break;
			CHECK_WORKS(&ring);
			io_uring_queue_exit(&ring);
		}
		CHECK_EQ(count_fds(), fds);
		CHECK_EQ(count_maps(), maps);
	}
}

TEST(too_many)
{
	static struct io_uring rings[40];
	unsigned i, n = 0;
	int ret = 1;

	SINCE("IORING_REGISTER_RING_FDS", 5, 18);
	for (i = 0; i < ARRAY_LEN(rings); i++) {
		ring_init(&rings[i], 4, 0);
		ret = io_uring_register_ring_fd(&rings[i]);
		if (ret != 1)
			break;
		n++;
	}
	CHECK_EQ(ret, -EBUSY);
	CHECK_EQ(n, 16);
	/* The ring that got no index works by its fd. */
	CHECK_WORKS(&rings[n]);
	CHECK_EQ(io_uring_unregister_ring_fd(&rings[3]), 1);
	CHECK_EQ(io_uring_register_ring_fd(&rings[n]), 1);
	for (i = 0; i <= n; i++)
		CHECK_WORKS(&rings[i]);
	for (i = 0; i <= n; i++)
		io_uring_queue_exit(&rings[i]);
}

TEST(register_a_closed_fd)
{
	SINCE("IORING_REGISTER_RING_FDS", 5, 18);
	ring_init(&ring, 8, 0);
	close(ring.ring_fd);
	CHECK_EQ(io_uring_register_ring_fd(&ring), -EBADF);
	CHECK_EQ(io_uring_unregister_ring_fd(&ring), -EINVAL);
}

/* Every call that enters. */
TEST(enter_in_each_mode)
{
	struct __kernel_timespec ts = nsec(10 * SEC), none = nsec(0);
	struct io_uring_cqe *cqe;
	unsigned mode, i;

	for (mode = PLAIN; mode < MODES; mode++) {
		if (!setup(&ring, mode))
			continue;
		for (i = 0; i < 5; i++)
			io_uring_prep_nop(next_sqe(&ring, i));
		CHECK_EQ(io_uring_submit_and_wait(&ring, 5), 5);
		CHECK_EQ(io_uring_get_events(&ring), 0);
		io_uring_cq_advance(&ring, 5);
		CHECK_EQ(io_uring_wait_cqe_timeout(&ring, &cqe, &none), -ETIME);
		io_uring_prep_nop(next_sqe(&ring, DATA));
		CHECK_EQ(io_uring_submit_and_wait_timeout(&ring, &cqe, 1, &ts, NULL), 1);
		CHECK_EQ(cqe->user_data, DATA);
		io_uring_cqe_seen(&ring, cqe);
		CHECK_EQ(io_uring_submit_and_get_events(&ring), 0);
		io_uring_queue_exit(&ring);
	}
}

/* Every register call. Each function undoes its registration; a negative result is the kernel's refusal. */

static char memory[2][LARGE_PAGE] __attribute__((aligned(LARGE_PAGE)));
static struct iovec iov[2] = { { memory[0], 4096 }, { memory[1], 4096 } };
static __u64 no_tags[2];

static int call_buffers(struct io_uring *r)
{
	CHECK_EQ(io_uring_register_buffers(r, iov, 2), 0);
	CHECK_EQ(io_uring_unregister_buffers(r), 0);
	CHECK_EQ(io_uring_register_buffers_tags(r, iov, no_tags, 2), 0);
	CHECK_EQ(io_uring_unregister_buffers(r), 0);
	CHECK_EQ(io_uring_register_buffers_sparse(r, 2), 0);
	CHECK_EQ(io_uring_register_buffers_update_tag(r, 1, iov, no_tags, 1), 1);
	return io_uring_unregister_buffers(r);
}

static int call_files(struct io_uring *r)
{
	int files[2] = { STDOUT_FILENO, -1 };

	CHECK_EQ(io_uring_register_files(r, files, 2), 0);
	CHECK_EQ(io_uring_register_files_update(r, 1, files, 1), 1);
	CHECK_EQ(io_uring_unregister_files(r), 0);
	CHECK_EQ(io_uring_register_files_tags(r, files, no_tags, 2), 0);
	CHECK_EQ(io_uring_register_files_update_tag(r, 0, files, no_tags, 2), 2);
	CHECK_EQ(io_uring_unregister_files(r), 0);
	CHECK_EQ(io_uring_register_files_sparse(r, 2), 0);
	CHECK_EQ(io_uring_register_file_alloc_range(r, 1, 1), 0);
	return io_uring_unregister_files(r);
}

static int call_eventfd(struct io_uring *r)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	CHECK_EQ(io_uring_register_eventfd(r, fd), 0);
	CHECK_EQ(io_uring_unregister_eventfd(r), 0);
	CHECK_EQ(io_uring_register_eventfd_async(r, fd), 0);
	close(fd);
	return io_uring_unregister_eventfd(r);
}

static int call_probe(struct io_uring *r)
{
	struct io_uring_probe *probe = io_uring_get_probe_ring(r);

	CHECK(probe);
	CHECK(io_uring_opcode_supported(probe, IORING_OP_NOP));
	io_uring_free_probe(probe);
	return io_uring_register_probe(r, NULL, 1);
}

static int call_personality(struct io_uring *r)
{
	int id = io_uring_register_personality(r);

	CHECK(id > 0);
	return io_uring_unregister_personality(r, id);
}

static int call_workers(struct io_uring *r)
{
	unsigned limits[2] = { 0, 0 };
	cpu_set_t set;

	CHECK_SYS(sched_getaffinity(0, sizeof(set), &set));
	CHECK_EQ(io_uring_register_iowq_aff(r, sizeof(set), &set), 0);
	CHECK_EQ(io_uring_unregister_iowq_aff(r), 0);
	CHECK_EQ(io_uring_register_iowq_max_workers(r, limits), 0);
	CHECK(limits[0] > 0);
	return 0;
}

static int call_buf_ring(struct io_uring *r)
{
	struct io_uring_buf_reg reg = { .ring_addr = (__u64)(uintptr_t)memory[0], .ring_entries = 8, .bgid = 3 };
	struct io_uring_buf_ring *br;
	uint16_t head = 77;
	int err;

	br = io_uring_setup_buf_ring(r, 8, 5, 0, &err);
	if (!br)
		return err;
	CHECK_EQ(io_uring_buf_ring_head(r, 5, &head), 0);
	CHECK_EQ(head, 0);
	CHECK_EQ(io_uring_buf_ring_available(r, br, 5), 0);
	CHECK_EQ(io_uring_free_buf_ring(r, br, 8, 5), 0);
	CHECK_EQ(io_uring_register_buf_ring(r, &reg, 0), 0);
	return io_uring_unregister_buf_ring(r, 3);
}

static int call_sync_cancel(struct io_uring *r)
{
	struct io_uring_sync_cancel_reg reg = { .addr = DATA, .timeout = { -1, -1 } };

	return io_uring_register_sync_cancel(r, &reg);
}

static int call_napi(struct io_uring *r)
{
	struct io_uring_napi napi = { .busy_poll_to = 10 };
	int ret = io_uring_register_napi(r, &napi);

	return ret ? ret : io_uring_unregister_napi(r, &napi);
}

static int call_clock(struct io_uring *r)
{
	struct io_uring_clock_register clock = { .clockid = CLOCK_BOOTTIME };

	return io_uring_register_clock(r, &clock);
}

static int call_clone(struct io_uring *r)
{
	struct io_uring source;
	int ret;

	ring_init(&source, 8, 0);
	CHECK_EQ(io_uring_register_buffers(&source, iov, 2), 0);
	ret = io_uring_clone_buffers(r, &source);
	if (!ret)
		ret = io_uring_unregister_buffers(r);
	io_uring_queue_exit(&source);
	return ret;
}

/* The ring as the source: by its index if it has no fd. */
static int call_clone_from(struct io_uring *r)
{
	struct io_uring target;
	int ret;

	ring_init(&target, 8, 0);
	CHECK_EQ(io_uring_register_buffers(r, iov, 2), 0);
	ret = io_uring_clone_buffers(&target, r);
	io_uring_unregister_buffers(&target);
	CHECK_EQ(io_uring_clone_buffers_offset(&target, r, 1, 0, 1, 0), ret);
	io_uring_unregister_buffers(&target);
	CHECK_EQ(__io_uring_clone_buffers(&target, r, 0), r->ring_fd < 0 ? -EBADF : ret);
	CHECK_EQ(io_uring_unregister_buffers(r), 0);
	io_uring_queue_exit(&target);
	return ret;
}

static int call_enable_and_restrict(struct io_uring *r)
{
	struct io_uring_restriction res = { .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_NOP };

	CHECK_EQ(io_uring_register_restrictions(r, &res, 1), -EBADFD);
	return io_uring_enable_rings(r);
}

static int call_region(struct io_uring *r)
{
	struct io_uring_region_desc desc = { .user_addr = (__u64)(uintptr_t)memory[0], .size = LARGE_PAGE,
					     .flags = IORING_MEM_REGION_TYPE_USER };
	struct io_uring_mem_region_reg reg = { .region_uptr = (__u64)(uintptr_t)&desc };

	return io_uring_register_region(r, &reg);
}

/* Bad arguments suffice to see that the call reaches the kernel. */
static int call_zcrx(struct io_uring *r)
{
	struct io_uring_zcrx_ifq_reg reg = { .rq_entries = 0 };
	struct zcrx_ctrl ctrl = { .op = 77 };
	int ret;

	ret = io_uring_register_zcrx_ctrl(r, &ctrl);
	CHECK(ret == -EINVAL || ret == -ENXIO);
	return io_uring_register_ifq(r, &reg);
}

static int call_bpf_filter(struct io_uring *r)
{
	struct io_uring_bpf bpf = { .cmd_type = 0xffff };

	return io_uring_register_bpf_filter(r, &bpf);
}

static const struct {
	const char *name;
	int (*run)(struct io_uring *r);
	/* The first kernel that has everything the function calls. */
	int major, minor;
} calls[] = {
	{ "buffers", call_buffers, 5, 19 }, { "files", call_files, 6, 0 }, { "eventfd", call_eventfd, 0, 0 },
	{ "probe", call_probe, 0, 0 }, { "personality", call_personality, 0, 0 }, { "workers", call_workers, 0, 0 },
	{ "buf_ring", call_buf_ring, 6, 8 }, { "sync_cancel", call_sync_cancel, 0, 0 }, { "napi", call_napi, 0, 0 },
	{ "clock", call_clock, 0, 0 }, { "clone", call_clone, 0, 0 }, { "clone_from", call_clone_from, 6, 13 },
	{ "enable", call_enable_and_restrict, 0, 0 }, { "region", call_region, 0, 0 }, { "zcrx", call_zcrx, 0, 0 },
	{ "bpf_filter", call_bpf_filter, 0, 0 },
};

/* All calls must return the same in all modes, and never -EBADF. */
TEST(register_in_each_mode)
{
	int want[ARRAY_LEN(calls)];
	unsigned mode, i;

	for (mode = PLAIN; mode < MODES; mode++) {
		if (!setup(&ring, mode))
			continue;
		for (i = 0; i < ARRAY_LEN(calls); i++) {
			int ret;

			if (kernel_before(calls[i].major, calls[i].minor))
				continue;
			ret = calls[i].run(&ring);
			if (mode == PLAIN)
				want[i] = ret;
			if (ret != want[i] || ret == -EBADF)
				T_FAIL("%s is %d, on a ring that is %s it is %d", calls[i].name, want[i],
				       mode_names[mode], ret);
		}
		CHECK_WORKS(&ring);
		io_uring_queue_exit(&ring);
	}
}
