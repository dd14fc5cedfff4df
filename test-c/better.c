/* Deliberate improvements over the original (docs/differences.md): these cases fail on it. */
#include "many.h"
#include <sys/mman.h>
#include <sys/resource.h>

static struct io_uring ring;

/* Prepared requests stay queued when the call is refused before it begins. */
TEST(refused_wait_leaves_the_queue_alone)
{
	struct io_uring_cqe *cqe;
	unsigned tail;

	ring_init(&ring, 8, 0);
	ring.features &= ~IORING_FEAT_EXT_ARG;
	tail = *ring.sq.ktail;
	io_uring_prep_nop(io_uring_get_sqe(&ring));
	CHECK_EQ(io_uring_submit_and_wait_reg(&ring, &cqe, 1, 0), -EINVAL);
	CHECK_EQ(*ring.sq.ktail, tail);
	CHECK_EQ(io_uring_submit(&ring), 1);
	io_uring_queue_exit(&ring);
}

/* The CQ holds only fillers, and the kernel holds back completions that didn't fit. */
TEST(fillers_before_an_overflow)
{
	struct io_uring_params p = { .flags = IORING_SETUP_CQE_MIXED | IORING_SETUP_CQSIZE, .cq_entries = 4 };
	struct io_uring_cqe *cqes[8];
	unsigned i;
	int ret;

	ret = io_uring_queue_init_params(4, &ring, &p);
	if (ret == -EINVAL)
		HAS_NO("IORING_SETUP_CQE_MIXED");
	CHECK_EQ(ret, 0);
	for (i = 0; i < 6; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

		CHECK(sqe);
		io_uring_prep_nop(sqe);
		io_uring_sqe_set_data64(sqe, i);
		CHECK_EQ(io_uring_submit(&ring), 1);
	}
	CHECK_EQ(io_uring_cq_ready(&ring), 4);
	CHECK(io_uring_cq_has_overflow(&ring));
	/* Imitates the kernel's fillers: this kernel never needs one here. */
	for (i = 0; i < 4; i++)
		ring.cq.cqes[i].flags |= IORING_CQE_F_SKIP;
	CHECK_EQ(io_uring_peek_batch_cqe(&ring, cqes, 8), 2);
	CHECK_EQ(cqes[0]->user_data, 4);
	CHECK_EQ(cqes[1]->user_data, 5);
	io_uring_queue_exit(&ring);
}

static rlim_t soft_files(void)
{
	struct rlimit lim;

	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &lim));
	return lim.rlim_cur;
}

static int no_files[128];

static int register_plain(unsigned nr)
{
	return io_uring_register_files(&ring, no_files, nr);
}

static int register_tags(unsigned nr)
{
	return io_uring_register_files_tags(&ring, no_files, NULL, nr);
}

static int register_sparse(unsigned nr)
{
	return io_uring_register_files_sparse(&ring, nr);
}

/* The library raises the soft limit to the table's size, no further, and only if the hard limit allows it. */
TEST(table_beyond_the_file_limit)
{
	static int (*const call[])(unsigned) = { register_plain, register_tags, register_sparse };
	static const struct {
		rlim_t soft, hard, after;
		unsigned nr;
		int ret;
	} at[] = {
		{ 64, 96, 80, 80, 0 },
		{ 64, 96, 96, 96, 0 },
		{ 64, 96, 64, 97, -EMFILE },
		{ 64, 4096, 65, 65, 0 },
		{ 64, 4096, 64, 64, 0 },
		{ 64, RLIM_INFINITY, 128, 128, 0 },
	};
	unsigned i, k;

	SINCE("sparse table", 5, 19);
	NOT_UNDER("valgrind", "it emulates RLIMIT_NOFILE");
	memset(no_files, -1, sizeof(no_files));
	ring_init(&ring, 4, 0);
	/* In descending order, as a hard limit can only be lowered. */
	for (i = ARRAY_LEN(at); i-- > 0;) {
		for (k = 0; k < ARRAY_LEN(call); k++) {
			struct rlimit lim = { at[i].soft, at[i].hard };

			if (at[i].hard == RLIM_INFINITY) {
				CHECK_SYS(getrlimit(RLIMIT_NOFILE, &lim));
				lim.rlim_cur = at[i].soft;
			}
			CHECK_SYS(setrlimit(RLIMIT_NOFILE, &lim));
			CHECK_EQ(call[k](at[i].nr), at[i].ret);
			CHECK_EQ(soft_files(), at[i].after);
			CHECK_EQ(io_uring_unregister_files(&ring), at[i].ret ? -ENXIO : 0);
		}
	}
	io_uring_queue_exit(&ring);
}

/* The memory after the entries of a short probe belongs to the program; here none is mapped. */
TEST(short_probe)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct io_uring_probe *p;
	int op;

	CHECK(pages != MAP_FAILED);
	CHECK_SYS(mprotect(pages + 4096, 4096, PROT_NONE));
	p = (struct io_uring_probe *)(void *)(pages + 4096 - sizeof(*p) - 4 * sizeof(p->ops[0]));
	ring_init(&ring, 2, 0);
	CHECK_EQ(io_uring_register_probe(&ring, p, 4), 0);
	CHECK(p->last_op > 4);
	CHECK_EQ(io_uring_opcode_supported(p, 3), 1);
	for (op = 4; op <= p->last_op; op++)
		CHECK_EQ(io_uring_opcode_supported(p, op), 0);
	io_uring_queue_exit(&ring);
}

/* Whatever length a control message claims, the loop ends, and stays within the control data. */
TEST(control_messages_of_any_length)
{
	union {
		struct io_uring_recvmsg_out out;
		char bytes[200];
	} buf = { .out = { .controllen = 64 } };
	struct msghdr msg = { .msg_namelen = 24, .msg_controllen = 64 };
	struct cmsghdr *first = io_uring_recvmsg_cmsg_firsthdr(&buf.out, &msg), *second;
	size_t less;

	CHECK(first);
	for (less = 0; less < 40; less++) {
		first->cmsg_len = (__typeof__(first->cmsg_len))(SIZE_MAX - less);
		CHECK(!io_uring_recvmsg_cmsg_nexthdr(&buf.out, &msg, first));
	}
	first->cmsg_len = CMSG_LEN(4);
	second = io_uring_recvmsg_cmsg_nexthdr(&buf.out, &msg, first);
	CHECK((char *)second == (char *)first + CMSG_SPACE(4));
	for (less = 0; less < 40; less++) {
		second->cmsg_len = (__typeof__(first->cmsg_len))(SIZE_MAX - less);
		CHECK(!io_uring_recvmsg_cmsg_nexthdr(&buf.out, &msg, first));
	}
}

/* A thread has sixteen indexes for rings. A ring whose restrictions forbid returning its index would keep the index,
 * and itself, until the thread ends. */
TEST(restricted_rings_give_their_indexes_back)
{
	struct io_uring_restriction res = { .opcode = IORING_RESTRICTION_REGISTER_OP };
	unsigned i, fds = count_fds(), maps = count_maps();

	SINCE("IORING_REGISTER_RING_FDS", 5, 18);
	res.register_op = IORING_REGISTER_RING_FDS;
	for (i = 0; i < 40; i++) {
		ring_init(&ring, 4, IORING_SETUP_R_DISABLED);
		CHECK_EQ(io_uring_register_restrictions(&ring, &res, 1), 0);
		CHECK_EQ(io_uring_enable_rings(&ring), 0);
		CHECK_EQ(io_uring_register_ring_fd(&ring), 1);
		CHECK_EQ(io_uring_unregister_ring_fd(&ring), -EACCES);
		if (i % 2 && ring.features & IORING_FEAT_REG_REG_RING)
			CHECK_EQ(io_uring_close_ring_fd(&ring), 1);
		io_uring_queue_exit(&ring);
	}
	CHECK_EQ(count_fds(), fds);
	CHECK_EQ(count_maps(), maps);
}

/* The kernel (6.13) refuses the values that it returned if nothing was set before. */
TEST(napi_settings_can_be_registered_again)
{
	struct io_uring_napi napi = { .busy_poll_to = 50 }, before;
	int ret;

	ring_init(&ring, 4, 0);
	ret = io_uring_register_napi(&ring, &napi);
	if (ret == -EINVAL)
		LACKS("IORING_REGISTER_NAPI", 6, 9);
	if (ret == -EOPNOTSUPP)
		SKIP("the kernel was built without busy polling");
	CHECK_EQ(ret, 0);
	before = napi;
	napi.busy_poll_to = 60;
	CHECK_EQ(io_uring_register_napi(&ring, &napi), 0);
	CHECK_EQ(napi.busy_poll_to, 50);
	CHECK_EQ(io_uring_register_napi(&ring, &before), 0);
	CHECK_EQ(before.busy_poll_to, 60);
	io_uring_queue_exit(&ring);
}

/* Before 5.11 a time limit is a request. The kernel's thread takes it at any time, so what the caller has stored in its
 * place by then must not count. */
TEST(polled_time_limit_outlives_the_call)
{
	struct io_uring_params p = { .flags = IORING_SETUP_SQPOLL, .sq_thread_idle = 1 };
	struct __kernel_timespec ts;
	struct io_uring_cqe *cqe;
	struct io_uring_sqe *sqe;
	unsigned i, head;

	/* Kernels that wait without a request may refuse fields that older ones ignore. */
	ring_init(&ring, 4, 0);
	sqe = next_sqe(&ring, 1);
	ts = nsec(1);
	io_uring_prep_timeout(sqe, &ts, 0, 0);
	sqe->addr3 = 1;
	if (run_res(&ring) == -EINVAL)
		SKIP("the kernel checks the end of a timeout's entry, which none before 5.11 does");
	io_uring_queue_exit(&ring);

	for (i = 0; i < 20; i++) {
		CHECK_EQ(io_uring_queue_init_params(4, &ring, &p), 0);
		ring.features &= ~IORING_FEAT_EXT_ARG;
		io_uring_prep_nop(next_sqe(&ring, 1));
		CHECK(io_uring_submit(&ring) >= 0);
		while (!(IO_URING_READ_ONCE(*ring.sq.kflags) & IORING_SQ_NEED_WAKEUP) || !io_uring_cq_ready(&ring))
			usleep(100);
		ts = nsec(1000 * SEC);
		/* One completion is available, so the call doesn't wait. */
		CHECK_EQ(io_uring_wait_cqe_timeout(&ring, &cqe, &ts), 0);
		ts = nsec(1);
		while (io_uring_sq_ready(&ring))
			usleep(100);
		usleep(2000);
		for (head = *ring.cq.khead; head != IO_URING_READ_ONCE(*ring.cq.ktail); head++) {
			cqe = &ring.cq.cqes[head & ring.cq.ring_mask];
			CHECK(cqe->user_data != LIBURING_UDATA_TIMEOUT || cqe->res != -ETIME);
		}
		io_uring_queue_exit(&ring);
	}
}

/* Programs call this to find out whether io_uring is available. */
TEST(null_is_refused)
{
	struct io_uring_params p = { 0 };
	unsigned fds = count_fds();

	CHECK_EQ(io_uring_queue_init_params(0, NULL, NULL), -EFAULT);
	CHECK_EQ(io_uring_queue_init_params(8, &ring, NULL), -EFAULT);
	CHECK_EQ(io_uring_queue_init_params(8, NULL, &p), -EFAULT);
	CHECK_EQ(io_uring_queue_init(0, NULL, 0), -EFAULT);
	CHECK_EQ(io_uring_queue_init(8, NULL, 0), -EFAULT);
	CHECK_EQ(io_uring_queue_init_mem(8, &ring, NULL, &p, sizeof(p)), -EFAULT);
	CHECK_EQ(count_fds(), fds);
}

/* Rings in the program's memory. */

static int init_mem(unsigned entries, unsigned flags, void *buf, size_t len)
{
	struct io_uring_params p = { .flags = flags };

	SINCE("IORING_SETUP_NO_MMAP", 6, 5);
	return io_uring_queue_init_mem(entries, &ring, &p, buf, len);
}

/* Kernels before 6.18 don't clear it. */
TEST(memory_that_is_not_zero)
{
	static const unsigned kinds[] = { 0, IORING_SETUP_SQE128, IORING_SETUP_CQE32, IORING_SETUP_SQPOLL,
					  IORING_SETUP_REGISTERED_FD_ONLY };
	unsigned kind, entries, i;

	for (kind = 0; kind < ARRAY_LEN(kinds); kind++) {
		for (entries = 1; entries <= 64; entries *= 8) {
			char *buf = pages(8 * LARGE_PAGE);
			int ret = init_mem(entries, kinds[kind], buf, 8 * LARGE_PAGE);

			if (ret == -EINVAL && kernel_before(6, 10))
				continue;
			CHECK(ret > 0);
			CHECK_EQ(io_uring_sq_ready(&ring) | io_uring_cq_ready(&ring) | *ring.sq.kdropped |
				 *ring.cq.koverflow | *ring.cq.kflags, 0);
			CHECK_EQ(io_uring_sq_space_left(&ring), entries);
			for (i = 0; i < 100; i++) {
				CHECK_WORKS(&ring);
				/* With SQPOLL the completion may come before the slot is free. */
				while (io_uring_sq_ready(&ring))
					usleep(10);
			}
			CHECK_ALL(buf + ret, 8 * LARGE_PAGE - (size_t)ret, 0xee);
			io_uring_queue_exit(&ring);
		}
	}
}

static volatile unsigned sink;

/* The signal that kills a child which reads there, or 0. */
static int read_in_child(const void *at)
{
	pid_t pid = child();
	int status;

	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL);
		sink = *(const volatile unsigned char *)at;
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* The ring is not mapped in a child: neither the first nor the last byte of its SQEs and its rings. */
static void check_gone(void)
{
	unsigned sqes = ring.sq.ring_entries << io_uring_sqe_shift(&ring);
	unsigned cqes = ring.cq.ring_entries << io_uring_cqe_shift(&ring);

	CHECK_EQ(read_in_child(ring.sq.sqes), SIGSEGV);
	CHECK_EQ(read_in_child((char *)&ring.sq.sqes[sqes] - 1), SIGSEGV);
	CHECK_EQ(read_in_child(ring.sq.khead), SIGSEGV);
	CHECK_EQ(read_in_child((char *)&ring.cq.cqes[cqes] - 1), SIGSEGV);
	CHECK_WORKS(&ring);
}

TEST(dontfork_of_app_memory)
{
	static const unsigned kinds[] = { 0, IORING_SETUP_SQE128, IORING_SETUP_CQE32 };
	size_t len = 8 * LARGE_PAGE;
	unsigned kind, entries;

	NOT_UNDER("valgrind", "it reports each deliberate fault of the children");
	for (kind = 0; kind < ARRAY_LEN(kinds); kind++) {
		for (entries = 8; entries <= 256; entries *= 32) {
			char *buf = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
			int used = init_mem(entries, kinds[kind], buf, len);

			if (used == -EINVAL && kernel_before(6, 10))
				continue;
			CHECK(used > 0);
			CHECK_EQ(io_uring_ring_dontfork(&ring), 0);
			check_gone();
			CHECK_EQ(read_in_child(buf + used), 0);
			io_uring_queue_exit(&ring);
			munmap(buf, len);
		}
	}
}

/* MADV_DONTFORK can't apply to a part of a huge page. */
STATES("io_uring_ring_dontfork", -EINVAL, "a huge page");
TEST(dontfork_in_a_huge_page)
{
	size_t len = 2 << 20;
	void *buf = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB | 21 << 26, -1, 0);

	NOT_UNDER("valgrind", "it reports each deliberate fault of the children");
	if (buf == MAP_FAILED)
		SKIP("no free huge page of 2 MB; as root: sysctl -w vm.nr_hugepages=8");
	CHECK(init_mem(8, 0, buf, len) > 0);
	CHECK_EQ(io_uring_ring_dontfork(&ring), -EINVAL);
	CHECK_EQ(read_in_child(ring.sq.sqes) | read_in_child(ring.sq.khead), 0);
	io_uring_queue_exit(&ring);
}

/* The library's own memory: each part in a page, or both in a huge page if one is free. */
TEST(dontfork_of_library_memory)
{
	unsigned entries, maps = count_maps();

	SINCE("IORING_SETUP_NO_MMAP", 6, 5);
	NOT_UNDER("valgrind", "it reports each deliberate fault of the children");
	for (entries = 8; entries <= 512; entries *= 8) {
		int ret = io_uring_queue_init(entries, &ring, IORING_SETUP_NO_MMAP);

		if (ret == -ENOMEM && kernel_before(6, 10))
			continue;
		CHECK_EQ(ret, 0);
		CHECK_EQ(io_uring_ring_dontfork(&ring), 0);
		check_gone();
		io_uring_queue_exit(&ring);
		CHECK_EQ(count_maps(), maps);
	}
}

/* More than a page while no huge page is free, and more than a huge page holds. */
TEST(library_memory_in_ordinary_pages)
{
	static const struct {
		unsigned entries, flags;
	} kinds[] = {
		{ 256, 0 }, { 64, IORING_SETUP_CQE32 }, { 16384, IORING_SETUP_SQE128 }, { 32768, 0 },
		{ 32768, IORING_SETUP_CQE32 }, { 32768, IORING_SETUP_SQE128 },
	};
	unsigned maps = count_maps(), fds = count_fds(), i, n;

	SINCE("IORING_SETUP_NO_MMAP", 6, 5);
	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		int ret = io_uring_queue_init(kinds[i].entries, &ring, IORING_SETUP_NO_MMAP | kinds[i].flags);

		if (!kernel_before(6, 10) || ret != -ENOMEM) {
			CHECK_EQ(ret, 0);
			for (n = 0; n < kinds[i].entries; n++)
				io_uring_prep_nop(next_sqe(&ring, n));
			submit_n(&ring, (int)kinds[i].entries);
			for (n = 0; n < kinds[i].entries; n++)
				CHECK_EQ(wait_res(&ring, n), 0);
			io_uring_queue_exit(&ring);
		}
		CHECK_EQ(count_maps(), maps);
		CHECK_EQ(count_fds(), fds);
	}
}
