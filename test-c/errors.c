/* Errors: refused setups, no free descriptors, full queues, unregistering what isn't registered. */
#include "many.h"
#include <sys/resource.h>

#define DATA 0x4949000058580000ULL
#define BAD_FLAG (1U << 31)

static struct io_uring ring;

static const struct setup {
	unsigned entries, flags, cq_entries;
	int ret;
	unsigned got_sq, got_cq;
} setups[] = {
	{ 0, 0, 0, -EINVAL, 0, 0 },
	{ 0, IORING_SETUP_CLAMP, 0, -EINVAL, 0, 0 },
	{ 1, 0, 0, 0, 1, 2 },
	{ 3, 0, 0, 0, 4, 8 },
	{ 32768, 0, 0, 0, 32768, 65536 },
	{ 32769, 0, 0, -EINVAL, 0, 0 },
	{ 0xffffffff, 0, 0, -EINVAL, 0, 0 },
	{ 32769, IORING_SETUP_CLAMP, 0, 0, 32768, 65536 },
	{ 0xffffffff, IORING_SETUP_CLAMP, 0, 0, 32768, 65536 },
	{ 8, IORING_SETUP_CQSIZE, 0, -EINVAL, 0, 0 },
	{ 8, IORING_SETUP_CQSIZE, 4, -EINVAL, 0, 0 },
	{ 8, IORING_SETUP_CQSIZE, 8, 0, 8, 8 },
	{ 8, IORING_SETUP_CQSIZE, 100, 0, 8, 128 },
	{ 5, IORING_SETUP_CQSIZE, 7, 0, 8, 8 },
	{ 8, IORING_SETUP_CQSIZE, 65537, -EINVAL, 0, 0 },
	{ 8, IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP, 65537, 0, 8, 65536 },
	/* Without the flag the number is ignored. */
	{ 8, 0, 100, 0, 8, 16 },
	{ 8, BAD_FLAG, 0, -EINVAL, 0, 0 },
	{ 8, IORING_SETUP_SQ_AFF, 0, -EINVAL, 0, 0 },
	{ 8, IORING_SETUP_REGISTERED_FD_ONLY, 0, -EINVAL, 0, 0 },
	{ 8, IORING_SETUP_TASKRUN_FLAG, 0, -EINVAL, 0, 0 },
	{ 8, IORING_SETUP_DEFER_TASKRUN, 0, -EINVAL, 0, 0 },
	{ 8, IORING_SETUP_SQPOLL | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER, 0, -EINVAL, 0, 0 },
};

/* Without privileges big rings count against a limit, and rings just exited may still count for a moment. */
static int init(const struct setup *s, struct io_uring_params *p)
{
	long long end = now() + 5 * SEC;
	int ret;

	do {
		memset(p, 0, sizeof(*p));
		p->flags = s->flags;
		p->cq_entries = s->cq_entries;
		ret = io_uring_queue_init_params(s->entries, &ring, p);
	} while (ret == -ENOMEM && now() < end && !usleep(10000));
	return ret;
}

/* Neither a refused setup nor an exited ring may leave mappings or files behind. */
TEST(setup_table)
{
	unsigned maps = count_maps(), fds = count_fds(), i;

	for (i = 0; i < ARRAY_LEN(setups); i++) {
		const struct setup *s = &setups[i];
		struct io_uring_params p;
		int ret = init(s, &p);

		if (ret != s->ret)
			T_FAIL("%u entries, flags %#x, %u cq entries: %d, expected %d", s->entries, s->flags,
			       s->cq_entries, ret, s->ret);
		if (!ret) {
			CHECK_EQ(ring.sq.ring_entries, s->got_sq);
			CHECK_EQ(ring.cq.ring_entries, s->got_cq);
			CHECK_EQ(p.sq_entries, s->got_sq);
			CHECK_EQ(p.cq_entries, s->got_cq);
			CHECK_WORKS(&ring);
			io_uring_queue_exit(&ring);
		}
		CHECK_EQ(count_maps(), maps);
		CHECK_EQ(count_fds(), fds);
	}
}

/* The same through the short form, which has only flags. */
TEST(queue_init)
{
	unsigned i;

	for (i = 0; i < ARRAY_LEN(setups); i++) {
		const struct setup *s = &setups[i];

		if (s->cq_entries || s->entries >= 32768)
			continue;
		CHECK_EQ(io_uring_queue_init(s->entries, &ring, s->flags), s->ret);
		if (!s->ret)
			io_uring_queue_exit(&ring);
	}
}

TEST(reserved_and_foreign)
{
	struct io_uring_params p = { .resv = { 0, 1, 0 } };

	CHECK_EQ(io_uring_queue_init_params(8, &ring, &p), -EINVAL);
	memset(&p, 0, sizeof(p));
	p.flags = IORING_SETUP_ATTACH_WQ;
	p.wq_fd = 9999;
	CHECK_EQ(io_uring_queue_init_params(8, &ring, &p), -ENXIO);
	p.wq_fd = (unsigned)tmp_open("file", 0);
	CHECK_EQ(io_uring_queue_init_params(8, &ring, &p), -EINVAL);
}

/* Both the ring and the parameters hold what the kernel reports. */
TEST(ring_is_filled_in)
{
	struct io_uring_params p = { .flags = IORING_SETUP_CLAMP };

	memset(&ring, 0xee, sizeof(ring));
	CHECK_EQ(io_uring_queue_init_params(8, &ring, &p), 0);
	CHECK_EQ(ring.features, p.features);
	CHECK_EQ(ring.flags, p.flags);
	CHECK_EQ(p.flags & ~IORING_SETUP_NO_SQARRAY, IORING_SETUP_CLAMP);
	CHECK_EQ(ring.ring_fd, ring.enter_ring_fd);
	CHECK_EQ(fcntl(ring.ring_fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(ring.sq.ring_mask, 7);
	CHECK_EQ(*ring.sq.kring_mask, 7);
	CHECK_EQ(*ring.sq.kring_entries, 8);
	CHECK_EQ(ring.cq.ring_mask, 15);
	CHECK_EQ(*ring.cq.kring_mask, 15);
	CHECK_EQ(*ring.cq.kring_entries, 16);
	CHECK_EQ(*ring.sq.kdropped, 0);
	CHECK_EQ(*ring.cq.koverflow, 0);
	CHECK_EQ(ring.sq.sqe_head | ring.sq.sqe_tail, 0);
	io_uring_queue_exit(&ring);
}

static void limit(int resource, rlim_t value)
{
	struct rlimit r;

	CHECK_SYS(getrlimit(resource, &r));
	r.rlim_cur = value;
	CHECK_SYS(setrlimit(resource, &r));
}

TEST(no_file_left)
{
	unsigned maps = count_maps();
	int next = dup(STDOUT_FILENO);

	ENGINE_NOT_UNDER("valgrind", "it refuses mremap, so that a ring's memory needs a descriptor, too");
	close(next);
	limit(RLIMIT_NOFILE, (rlim_t)next);
	CHECK_EQ(io_uring_queue_init(8, &ring, 0), -EMFILE);
	CHECK_EQ(io_uring_queue_init(8, &ring, IORING_SETUP_NO_MMAP), kernel_before(6, 5) ? -EINVAL : -EMFILE);
	CHECK(!io_uring_get_probe());
	limit(RLIMIT_NOFILE, (rlim_t)next + 8);
	CHECK_EQ(count_maps(), maps);
	CHECK_EQ(io_uring_queue_init(8, &ring, 0), 0);
	CHECK_EQ(ring.ring_fd, next);
	io_uring_queue_exit(&ring);
}

/* The biggest ring maps 1 MB of rings, then 2 MB of SQEs: one limit fails the first, the other the second. */
STATES("io_uring_queue_mmap", -ENOMEM, "no memory or address space");
TEST(no_address_space_left)
{
	unsigned maps = count_maps(), fds = count_fds(), i;

	for (i = 0; i < 2; i++) {
		unsigned long pages_used;
		FILE *file = fopen("/proc/self/statm", "re");

		CHECK(file && fscanf(file, "%lu", &pages_used) == 1);
		fclose(file);
		limit(RLIMIT_AS, (pages_used << 12) + (i ? 3 << 19 : 1 << 19));
		CHECK_EQ(io_uring_queue_init(32768, &ring, 0), -ENOMEM);
		limit(RLIMIT_AS, RLIM_INFINITY);
		CHECK_EQ(count_maps(), maps);
		CHECK_EQ(count_fds(), fds);
	}
}

/* queue_exit after a failed queue_init must not close descriptor 0. */
STATES("io_uring_queue_init", "After an error no cleanup");
TEST(exit_after_failed_init)
{
	struct io_uring_params p;
	unsigned i;

	CHECK_SYS(dup2(tmp_open("zero", 0), 0));
	for (i = 0; i < ARRAY_LEN(setups); i++) {
		if (setups[i].ret == 0)
			continue;
		CHECK_EQ(init(&setups[i], &p), setups[i].ret);
		io_uring_queue_exit(&ring);
		CHECK(fd_is_open(0));
	}
	CHECK_EQ(io_uring_queue_init(8, &ring, IORING_SETUP_NO_MMAP | BAD_FLAG), -EINVAL);
	io_uring_queue_exit(&ring);
	CHECK(fd_is_open(0));
}

/* Mapping a ring that the program set up itself. */
TEST(queue_mmap_alone)
{
	unsigned maps = count_maps(), fds = count_fds(), array, i;

	for (array = 0; array < 2; array++) {
		struct io_uring_params p = { .flags = array ? 0 : IORING_SETUP_NO_SQARRAY };
		int fd = io_uring_setup(8, &p);

		if (fd == -EINVAL && !array)
			continue;
		CHECK(fd >= 0);
		memset(&ring, 0xee, sizeof(ring));
		CHECK_EQ(io_uring_queue_mmap(fd, &p, &ring), 0);
		CHECK_EQ(ring.ring_fd, fd);
		CHECK_EQ(ring.enter_ring_fd, fd);
		CHECK_EQ(ring.flags, p.flags);
		CHECK_EQ(ring.features, p.features);
		for (i = 0; array && i < 8; i++)
			ring.sq.array[i] = i;
		for (i = 0; i < 20; i++)
			CHECK_WORKS(&ring);
		io_uring_queue_exit(&ring);
		CHECK_EQ(count_maps(), maps);
		CHECK_EQ(count_fds(), fds);
	}
}

TEST(queue_mmap_errors)
{
	struct io_uring_params p = { 0 };
	unsigned maps;
	int fd = io_uring_setup(8, &p);

	CHECK(fd >= 0);
	maps = count_maps();
	CHECK_EQ(io_uring_queue_mmap(-1, &p, &ring), -EBADF);
	CHECK_EQ(io_uring_queue_mmap(STDOUT_FILENO + 900, &p, &ring), -EBADF);
	CHECK_EQ(count_maps(), maps);
	/* The caller keeps the descriptor. */
	CHECK(fd_is_open(fd));
}

/* Submitting. */

/* An early error keeps what was prepared. */
TEST(closed_ring)
{
	struct __kernel_timespec ts = nsec(SEC);
	struct io_uring_cqe *cqe = (void *)&ts;
	int fd;

	ring_init(&ring, 8, 0);
	io_uring_prep_nop(next_sqe(&ring, DATA));
	io_uring_prep_nop(next_sqe(&ring, DATA + 1));
	fd = dup(ring.ring_fd);
	close(ring.ring_fd);
	CHECK_EQ(io_uring_submit(&ring), -EBADF);
	CHECK_EQ(io_uring_submit_and_wait(&ring, 1), -EBADF);
	CHECK_EQ(io_uring_submit_and_get_events(&ring), -EBADF);
	CHECK_EQ(io_uring_submit_and_wait_timeout(&ring, &cqe, 1, &ts, NULL), -EBADF);
	CHECK(!cqe);
	CHECK_EQ(io_uring_wait_cqes(&ring, &cqe, 1, &ts, NULL), -EBADF);
	CHECK_EQ(io_uring_wait_cqe(&ring, &cqe), -EBADF);
	CHECK_EQ(io_uring_get_events(&ring), -EBADF);
	CHECK_EQ(io_uring_register_files_sparse(&ring, 1), -EBADF);
	CHECK_EQ(io_uring_enable_rings(&ring), -EBADF);
	CHECK(!io_uring_get_probe_ring(&ring));
	CHECK_EQ(io_uring_peek_cqe(&ring, &cqe), -EAGAIN);
	CHECK_EQ(io_uring_sq_ready(&ring), 2);
	ring.ring_fd = ring.enter_ring_fd = fd;
	submit_n(&ring, 2);
	CHECK_EQ(wait_res(&ring, DATA), 0);
	CHECK_EQ(wait_res(&ring, DATA + 1), 0);
	io_uring_queue_exit(&ring);
}

TEST(full_queue)
{
	unsigned i, round;

	ring_init(&ring, 8, 0);
	for (round = 0; round < 5; round++) {
		for (i = 0; i < 8; i++)
			io_uring_prep_nop(next_sqe(&ring, i));
		CHECK(!io_uring_get_sqe(&ring));
		CHECK_EQ(io_uring_sq_space_left(&ring), 0);
		submit_n(&ring, 8);
		CHECK_EQ(io_uring_sq_space_left(&ring), 8);
		for (i = 0; i < 8; i++)
			CHECK_EQ(wait_res(&ring, i), 0);
	}
	CHECK_EQ(io_uring_submit(&ring), 0);
	io_uring_queue_exit(&ring);
}

/* A request that can't start stops the submission after it; the next call takes the rest. */
TEST(short_submit)
{
	static const unsigned flags[] = { 0, IORING_SETUP_SUBMIT_ALL };
	unsigned kind, i;

	for (kind = 0; kind < 2; kind++) {
		ring_init_named(&ring, 8, flags[kind], "IORING_SETUP_SUBMIT_ALL", 5, 18);
		for (i = 0; i < 6; i++) {
			struct io_uring_sqe *sqe = next_sqe(&ring, i);

			io_uring_prep_nop(sqe);
			if (i == 2)
				sqe->opcode = 250;
		}
		submit_n(&ring, kind ? 6 : 3);
		CHECK_EQ(io_uring_sq_ready(&ring), kind ? 0 : 3);
		CHECK_EQ(io_uring_cq_ready(&ring), kind ? 6 : 3);
		submit_n(&ring, kind ? 0 : 3);
		/* On some kernels the failed one completes before the others. */
		collect(&ring, 6);
		for (i = 0; i < 6; i++)
			CHECK_EQ(res_of(i), i == 2 ? -EINVAL : 0);
		io_uring_queue_exit(&ring);
	}
}

/* Unregistering, updating and querying what was never registered. */

static int no_buffers(void) { return io_uring_unregister_buffers(&ring); }
static int no_files(void) { return io_uring_unregister_files(&ring); }
static int no_eventfd(void) { return io_uring_unregister_eventfd(&ring); }
static int no_personality(void) { return io_uring_unregister_personality(&ring, 1); }
static int no_ring_fd(void) { return io_uring_unregister_ring_fd(&ring); }
static int no_close(void) { return io_uring_close_ring_fd(&ring); }
static int no_buf_ring(void) { return io_uring_unregister_buf_ring(&ring, 7); }
static int no_free_buf_ring(void) { return io_uring_free_buf_ring(&ring, NULL, 8, 7); }
static int no_enable(void) { return io_uring_enable_rings(&ring); }
static int no_iowq_aff(void) { return io_uring_unregister_iowq_aff(&ring); }

static int no_files_update(void)
{
	int fd = STDOUT_FILENO;

	return io_uring_register_files_update(&ring, 0, &fd, 1);
}

static int no_buffers_update(void)
{
	static char memory[64];
	struct iovec iov = { memory, sizeof(memory) };
	__u64 tag = 0;

	return io_uring_register_buffers_update_tag(&ring, 0, &iov, &tag, 1);
}

static int no_alloc_range(void) { return io_uring_register_file_alloc_range(&ring, 0, 4); }

static int no_buf_ring_head(void)
{
	uint16_t head = 0x1234;
	int ret = io_uring_buf_ring_head(&ring, 7, &head);

	CHECK_EQ(head, 0x1234);
	return ret;
}

static int no_clone(void)
{
	struct io_uring other;
	int ret;

	ring_init(&other, 8, 0);
	ret = io_uring_clone_buffers(&ring, &other);
	io_uring_queue_exit(&other);
	return ret;
}

TEST(nothing_registered)
{
	/* Kernels before `major`.`minor` lack the call and return `before`. */
	static const struct {
		int (*run)(void);
		int ret, major, minor, before;
	} table[] = {
		{ no_buffers, -ENXIO, 0, 0, 0 }, { no_files, -ENXIO, 0, 0, 0 }, { no_eventfd, -ENXIO, 0, 0, 0 },
		{ no_personality, -EINVAL, 0, 0, 0 }, { no_ring_fd, -EINVAL, 0, 0, 0 },
		{ no_close, -EINVAL, 6, 3, -EOPNOTSUPP }, { no_buf_ring, -ENOENT, 5, 19, -EINVAL },
		{ no_free_buf_ring, -ENOENT, 5, 19, -EINVAL }, { no_enable, -EBADFD, 0, 0, 0 },
		{ no_iowq_aff, 0, 0, 0, 0 }, { no_files_update, -ENXIO, 0, 0, 0 },
		{ no_buffers_update, -ENXIO, 0, 0, 0 }, { no_alloc_range, -EINVAL, 0, 0, 0 },
		{ no_buf_ring_head, -ENOENT, 6, 8, -EINVAL }, { no_clone, -ENXIO, 6, 12, -EINVAL },
	};
	unsigned i, twice;

	ring_init(&ring, 8, 0);
	for (i = 0; i < ARRAY_LEN(table); i++) {
		for (twice = 0; twice < 2; twice++) {
			bool old = kernel_before(table[i].major, table[i].minor);
			int ret = table[i].run(), want = old ? table[i].before : table[i].ret;

			if (ret != want)
				T_FAIL("call %u returned %d, expected %d", i, ret, want);
		}
	}
	CHECK_WORKS(&ring);
	io_uring_queue_exit(&ring);
}
