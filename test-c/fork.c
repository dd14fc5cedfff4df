/* Rings and fork(): a child shares the rings unless they are marked otherwise; what it exits is its own copy. */
#include "many.h"
#include <poll.h>

#define DATA 0x2727000016160000ULL

static struct io_uring ring;

/* How the child ended: its argument to _exit(), or minus the signal. */
static int ended(pid_t pid)
{
	int status;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* For children: submits no-ops and reaps them, without the checks that would run the parent's exit handlers. */
static int works_in_child(struct io_uring *r)
{
	struct io_uring_cqe *cqe;
	int i;

	for (i = 0; i < 20; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(r);

		if (!sqe)
			return 2;
		io_uring_prep_nop(sqe);
		io_uring_sqe_set_data64(sqe, DATA + (unsigned)i);
		/* A polling thread may have taken it before it is counted. */
		if (io_uring_submit(r) != 1 && !(r->flags & IORING_SETUP_SQPOLL))
			return 3;
		if (io_uring_wait_cqe(r, &cqe) || cqe->user_data != DATA + (unsigned)i || cqe->res)
			return 4;
		io_uring_cqe_seen(r, cqe);
	}
	return 0;
}

/* The child's requests complete in the shared ring. */
TEST(child_submits_parent_sees)
{
	pid_t pid;

	ring_init(&ring, 8, 0);
	CHECK_WORKS(&ring);
	pid = child();
	if (pid == 0) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

		io_uring_prep_nop(sqe);
		io_uring_sqe_set_data64(sqe, DATA);
		_exit(io_uring_submit(&ring) != 1);
	}
	CHECK_EQ(ended(pid), 0);
	CHECK_EQ(wait_res(&ring, DATA), 0);
	CHECK_QUIET(&ring);
	io_uring_queue_exit(&ring);
}

TEST(child_goes_on_after_the_parent)
{
	int go[2];
	pid_t pid;
	char c;

	ring_init(&ring, 8, 0);
	CHECK_WORKS(&ring);
	make_pipe(go);
	pid = child();
	if (pid == 0)
		_exit(read(go[0], &c, 1) != 1 ? 1 : works_in_child(&ring));
	io_uring_queue_exit(&ring);
	fd_write(go[1], "x", 1);
	CHECK_EQ(ended(pid), 0);
}

/* A child can't share the parent's polling thread, and gets one of its own. */
TEST(child_attaches_to_the_parents_polling_thread)
{
	struct io_uring_params p = { .flags = IORING_SETUP_SQPOLL, .sq_thread_idle = 10 };
	pid_t pid;

	CHECK_EQ(io_uring_queue_init_params(8, &ring, &p), 0);
	CHECK_WORKS(&ring);
	pid = child();
	if (pid == 0) {
		struct io_uring_params q = { .flags = p.flags | IORING_SETUP_ATTACH_WQ, .wq_fd = (__u32)ring.ring_fd };
		struct io_uring_cqe *cqe;
		struct io_uring own;
		int i;

		if (io_uring_queue_init_params(8, &own, &q))
			_exit(2);
		for (i = 0; i < 20; i++) {
			struct io_uring_sqe *sqe = io_uring_get_sqe(&own);

			if (!sqe)
				_exit(3);
			io_uring_prep_nop(sqe);
			if (io_uring_submit(&own) < 1 || io_uring_wait_cqe(&own, &cqe) || cqe->res)
				_exit(4);
			io_uring_cqe_seen(&own, cqe);
			if (i % 5 == 0)
				usleep(20 * 1000);
		}
		io_uring_queue_exit(&own);
		_exit(0);
	}
	CHECK_EQ(ended(pid), 0);
	CHECK_WORKS(&ring);
	io_uring_queue_exit(&ring);
}

/* A ring that the child creates doesn't affect the parent. */
TEST(child_has_its_own)
{
	unsigned maps = count_maps(), fds = count_fds();
	pid_t pid = child();

	if (pid == 0) {
		if (io_uring_queue_init(8, &ring, kernel_before(6, 0) ? 0 : IORING_SETUP_SINGLE_ISSUER))
			_exit(1);
		_exit(works_in_child(&ring));
	}
	CHECK_EQ(ended(pid), 0);
	CHECK_EQ(count_maps(), maps);
	CHECK_EQ(count_fds(), fds);
}

TEST(exit_in_the_child)
{
	struct io_uring_cqe *cqe;
	int fds[2];
	pid_t pid;

	ring_init(&ring, 8, 0);
	make_pipe(fds);
	io_uring_prep_poll_add(next_sqe(&ring, DATA), fds[0], POLLIN);
	submit_one(&ring);
	pid = child();
	if (pid == 0) {
		int fd = ring.ring_fd;

		io_uring_queue_exit(&ring);
		_exit(fcntl(fd, F_GETFD) >= 0);
	}
	CHECK_EQ(ended(pid), 0);
	CHECK(fd_is_open(ring.ring_fd));
	CHECK_EQ(io_uring_peek_cqe(&ring, &cqe), -EAGAIN);
	CHECK_WORKS(&ring);
	fd_write(fds[1], "x", 1);
	CHECK_EQ(wait_res(&ring, DATA), POLLIN);
	io_uring_queue_exit(&ring);
}

/* The index of a registered ring fd belongs to the task that registered it. */
TEST(registered_ring_fd)
{
	pid_t pid;

	SINCE("IORING_REGISTER_RING_FDS", 5, 18);
	ring_init(&ring, 8, 0);
	CHECK_EQ(io_uring_register_ring_fd(&ring), 1);
	pid = child();
	if (pid == 0) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
		int ret;

		io_uring_prep_nop(sqe);
		ret = io_uring_submit(&ring);
		_exit(ret == -EBADF || ret == -EINVAL ? 0 : 1);
	}
	CHECK_EQ(ended(pid), 0);
	io_uring_queue_exit(&ring);
}

static volatile unsigned sink;

/* Each part of the ring is unmapped in the child, which faults, and only there. */
STATES("io_uring_ring_dontfork", "0, or a negative");
TEST(dontfork)
{
	static const unsigned kinds[] = { 0, IORING_SETUP_SQE128, IORING_SETUP_CQE32 };
	unsigned kind, part, n = kernel_before(5, 19) ? 1 : ARRAY_LEN(kinds);

	NOT_UNDER("valgrind", "it reports each deliberate fault of the children");
	for (kind = 0; kind < n; kind++) {
		ring_init(&ring, 256, kinds[kind]);
		CHECK_EQ(io_uring_ring_dontfork(&ring), 0);
		for (part = 0; part < 6; part++) {
			pid_t pid = child();

			if (pid == 0) {
				signal(SIGSEGV, SIG_DFL);
				if (part == 0)
					sink = *ring.sq.khead;
				else if (part == 1)
					sink = *ring.cq.ktail;
				else if (part == 2)
					sink = ring.sq.sqes[0].opcode;
				else if (part == 3)
					sink = ring.sq.sqes[(256 << io_uring_sqe_shift(&ring)) - 1].opcode;
				else if (part == 4)
					sink = ring.cq.cqes[(512 << io_uring_cqe_shift(&ring)) - 1].flags;
				_exit(7);
			}
			CHECK_EQ(ended(pid), part < 5 ? -SIGSEGV : 7);
			CHECK_WORKS(&ring);
		}
		io_uring_queue_exit(&ring);
	}
}

/* Without dontfork the child can read them. */
TEST(without_dontfork)
{
	pid_t pid;

	ring_init(&ring, 256, 0);
	pid = child();
	if (pid == 0) {
		sink = *ring.sq.khead + *ring.cq.ktail + ring.sq.sqes[255].opcode + ring.cq.cqes[511].flags;
		_exit(7);
	}
	CHECK_EQ(ended(pid), 7);
	io_uring_queue_exit(&ring);
}

STATES("io_uring_ring_dontfork", -EINVAL, "isn't mapped");
TEST(dontfork_without_a_ring)
{
	memset(&ring, 0, sizeof(ring));
	CHECK_EQ(io_uring_ring_dontfork(&ring), -EINVAL);
}

/* Only the ring's part of the application's memory is unmapped in the child. */
TEST(dontfork_of_app_memory)
{
	size_t len = 4 * LARGE_PAGE;
	char *buf = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct io_uring_params p = { 0 };
	pid_t pid;

	SINCE("IORING_SETUP_NO_MMAP", 6, 5);
	CHECK(io_uring_queue_init_mem(8, &ring, &p, buf, len) > 0);
	CHECK_EQ(io_uring_ring_dontfork(&ring), 0);
	pid = child();
	if (pid == 0) {
		sink = (unsigned char)buf[len - 1];
		_exit(7);
	}
	CHECK_EQ(ended(pid), 7);
	CHECK_WORKS(&ring);
	io_uring_queue_exit(&ring);
}

/* Rings of different processes can't share a polling thread: the child's ring gets one of its own. */
TEST(attach_in_the_child)
{
	struct io_uring_params p = { .flags = IORING_SETUP_SQPOLL };
	struct io_uring second;
	pid_t pid;

	CHECK_EQ(io_uring_queue_init_params(8, &ring, &p), 0);
	CHECK_WORKS(&ring);
	pid = child();
	if (pid == 0) {
		memset(&p, 0, sizeof(p));
		p.flags = IORING_SETUP_SQPOLL | IORING_SETUP_ATTACH_WQ;
		p.wq_fd = (unsigned)ring.ring_fd;
		_exit(io_uring_queue_init_params(8, &second, &p) ? 1 : works_in_child(&second));
	}
	CHECK_EQ(ended(pid), 0);
	CHECK_WORKS(&ring);
	io_uring_queue_exit(&ring);
}

/* A child may wake up the polling thread at any time, also if it was forked while the thread was busy. */
TEST(wake_in_the_child)
{
	struct io_uring_params p = { .flags = IORING_SETUP_SQPOLL, .sq_thread_idle = 10000 };
	int i;

	CHECK_EQ(io_uring_queue_init_params(8, &ring, &p), 0);
	CHECK_WORKS(&ring);
	for (i = 0; i < 100; i++) {
		pid_t pid = child();

		if (pid == 0)
			_exit(io_uring_enter((unsigned)ring.ring_fd, 0, 0, IORING_ENTER_SQ_WAKEUP, NULL) != 0);
		CHECK_EQ(ended(pid), 0);
	}
	CHECK_WORKS(&ring);
	io_uring_queue_exit(&ring);
}
