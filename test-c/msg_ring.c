/* Messages from one ring to another: data, flags, registered files; and messages without a ring of one's own. */
#include "many.h"

#define DATA 0x0f0f00001e1e0000ULL
#define VALUE 0x2d2d00003c3c0001ULL

static struct io_uring from, to;

static void setup(unsigned flags)
{
	need_op(IORING_OP_MSG_RING);
	ring_init(&from, 8, 0);
	ring_init(&to, 8, flags);
}

static void teardown(void)
{
	io_uring_queue_exit(&to);
	io_uring_queue_exit(&from);
}

static void expect(struct io_uring *ring, __u64 data, int res, unsigned flags)
{
	struct done cqe = wait_one(ring);

	CHECK_EQ(cqe.user_data, data);
	CHECK_EQ(cqe.res, res);
	CHECK_EQ(cqe.flags, flags);
	CHECK_QUIET(ring);
}

TEST(data)
{
	static const unsigned lens[] = { 0, 1, 0x10, 0x7fffffff, 0x80000000, 0xffffffff };
	unsigned i;

	setup(0);
	for (i = 0; i < ARRAY_LEN(lens); i++) {
		io_uring_prep_msg_ring(next_sqe(&from, DATA), to.ring_fd, lens[i], VALUE + i, 0);
		CHECK_EQ(run_res(&from), 0);
		expect(&to, VALUE + i, (int)lens[i], 0);
	}
	teardown();
}

TEST(target_kinds)
{
	static const unsigned kinds[] = {
		IORING_SETUP_COOP_TASKRUN,
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
		IORING_SETUP_SQPOLL,
		IORING_SETUP_CQE32,
		IORING_SETUP_IOPOLL,
	};
	unsigned i;

	SINCE("IORING_SETUP_DEFER_TASKRUN", 6, 1);
	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		setup(kinds[i]);
		io_uring_prep_msg_ring(next_sqe(&from, DATA), to.ring_fd, i, VALUE, 0);
		submit_one(&from);
		CHECK_EQ(wait_res(&from, DATA), 0);
		CHECK_EQ(wait_res(&to, VALUE), i);
		teardown();
	}
}

TEST(to_itself)
{
	setup(0);
	io_uring_prep_msg_ring(next_sqe(&from, DATA), from.ring_fd, 9, VALUE, 0);
	submit_one(&from);
	collect(&from, 2);
	CHECK_EQ(res_of(DATA), 0);
	CHECK_EQ(res_of(VALUE), 9);
	teardown();
}

/* The message wakes the receiver. */
TEST(wakes_the_receiver)
{
	int status;
	pid_t pid;

	setup(0);
	pid = child();
	if (pid == 0) {
		usleep(20 * 1000);
		io_uring_prep_msg_ring(next_sqe(&from, DATA), to.ring_fd, 3, VALUE, 0);
		_exit(io_uring_submit(&from) != 1);
	}
	expect(&to, VALUE, 3, 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	teardown();
}

TEST(cqe_flags)
{
	unsigned flags = IORING_CQE_F_MORE | 0x1234 << IORING_CQE_BUFFER_SHIFT;
	int res;

	setup(0);
	io_uring_prep_msg_ring_cqe_flags(next_sqe(&from, DATA), to.ring_fd, 5, VALUE, 0, flags);
	res = run_res(&from);
	if (res == -EINVAL)
		LACKS("IORING_MSG_RING_FLAGS_PASS", 6, 3);
	CHECK_EQ(res, 0);
	expect(&to, VALUE, 5, flags);
	teardown();
}

TEST(errors)
{
	setup(IORING_SETUP_R_DISABLED);
	io_uring_prep_msg_ring(next_sqe(&from, DATA), to.ring_fd, 1, VALUE, 0);
	CHECK_EQ(run_res(&from), -EBADFD);
	CHECK_EQ(io_uring_enable_rings(&to), 0);
	io_uring_prep_msg_ring(next_sqe(&from, DATA), to.ring_fd, 1, VALUE, 1U << 31);
	CHECK_EQ(run_res(&from), -EINVAL);
	io_uring_prep_msg_ring(next_sqe(&from, DATA), to.ring_fd, 1, VALUE, IORING_MSG_RING_CQE_SKIP);
	CHECK_EQ(run_res(&from), -EINVAL);
	io_uring_prep_msg_ring(next_sqe(&from, DATA), tmp_open("file", 0), 1, VALUE, 0);
	CHECK_EQ(run_res(&from), -EBADFD);
	io_uring_prep_msg_ring(next_sqe(&from, DATA), -1, 1, VALUE, 0);
	CHECK_EQ(run_res(&from), -EBADF);
	CHECK_QUIET(&to);
	teardown();
}

/* A message that doesn't fit overflows. */
TEST(full_receiver)
{
	unsigned i;

	setup(0);
	for (i = 0; i < 40; i++) {
		io_uring_prep_msg_ring(next_sqe(&from, DATA), to.ring_fd, i, VALUE + i, 0);
		CHECK_EQ(run_res(&from), 0);
	}
	CHECK(io_uring_cq_has_overflow(&to));
	CHECK_EQ(io_uring_cq_ready(&to), 16);
	for (i = 0; i < 40; i++)
		CHECK_EQ(wait_res(&to, VALUE + i), i);
	CHECK(!io_uring_cq_has_overflow(&to));
	CHECK_QUIET(&to);
	teardown();
}

/* Files are sent from table to table. */

static void setup_files(void)
{
	int files[3] = { -1, tmp_filled("sent", 300, 6), -1 };

	setup(0);
	CHECK_EQ(io_uring_register_files(&from, files, 3), 0);
	CHECK_EQ(io_uring_register_files_sparse(&to, 3), 0);
	close(files[1]);
}

static void check_file(unsigned index)
{
	struct io_uring_sqe *sqe = next_sqe(&to, DATA);
	char buf[300];

	io_uring_prep_read(sqe, (int)index, buf, sizeof(buf), 0);
	io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	CHECK_EQ(run_res(&to), sizeof(buf));
	CHECK_PATTERN(buf, sizeof(buf), 6);
}

TEST(fd)
{
	setup_files();
	io_uring_prep_msg_ring_fd(next_sqe(&from, DATA), to.ring_fd, 1, 2, VALUE, 0);
	CHECK_EQ(run_res(&from), 0);
	expect(&to, VALUE, 0, 0);
	check_file(2);
	/* The sender keeps the file. */
	io_uring_prep_msg_ring_fd(next_sqe(&from, DATA), to.ring_fd, 1, 0, VALUE, IORING_MSG_RING_CQE_SKIP);
	CHECK_EQ(run_res(&from), 0);
	CHECK_QUIET(&to);
	check_file(0);
	teardown();
}

TEST(fd_alloc)
{
	unsigned i, used = 0;

	setup_files();
	for (i = 0; i < 3; i++) {
		int index;

		if (i & 1)
			io_uring_prep_msg_ring_fd(next_sqe(&from, DATA), to.ring_fd, 1, (int)IORING_FILE_INDEX_ALLOC,
						  VALUE, 0);
		else
			io_uring_prep_msg_ring_fd_alloc(next_sqe(&from, DATA), to.ring_fd, 1, VALUE, 0);
		index = run_res(&from);
		CHECK(index >= 0 && index < 3 && !(used & 1 << index));
		used |= 1U << index;
		expect(&to, VALUE, index, 0);
		check_file((unsigned)index);
	}
	io_uring_prep_msg_ring_fd_alloc(next_sqe(&from, DATA), to.ring_fd, 1, VALUE, 0);
	CHECK_EQ(run_res(&from), -ENFILE);
	CHECK_QUIET(&to);
	teardown();
}

TEST(fd_errors)
{
	setup_files();
	io_uring_prep_msg_ring_fd(next_sqe(&from, DATA), to.ring_fd, 0, 0, VALUE, 0);
	CHECK_EQ(run_res(&from), -EBADF);
	io_uring_prep_msg_ring_fd(next_sqe(&from, DATA), to.ring_fd, 3, 0, VALUE, 0);
	CHECK_EQ(run_res(&from), -EBADF);
	io_uring_prep_msg_ring_fd(next_sqe(&from, DATA), to.ring_fd, 1, 3, VALUE, 0);
	CHECK_EQ(run_res(&from), -EINVAL);
	io_uring_prep_msg_ring_fd(next_sqe(&from, DATA), from.ring_fd, 1, 0, VALUE, 0);
	CHECK_EQ(run_res(&from), -EINVAL);
	CHECK_QUIET(&to);
	teardown();
}

/* Without a sending ring. */

TEST(sync_message)
{
	struct io_uring_sqe sqe;
	int ret;

	setup(0);
	memset(&sqe, 0, sizeof(sqe));
	io_uring_prep_msg_ring(&sqe, to.ring_fd, 11, VALUE, 0);
	ret = io_uring_register_sync_msg(&sqe);
	if (ret == -EINVAL)
		LACKS("IORING_REGISTER_SEND_MSG_RING", 6, 13);
	CHECK_EQ(ret, 0);
	expect(&to, VALUE, 11, 0);
	teardown();
}

TEST(sync_message_errors)
{
	struct io_uring_sqe sqe;

	setup(0);
	memset(&sqe, 0, sizeof(sqe));
	io_uring_prep_msg_ring(&sqe, to.ring_fd, 11, VALUE, 0);
	if (io_uring_register_sync_msg(&sqe) == -EINVAL)
		LACKS("IORING_REGISTER_SEND_MSG_RING", 6, 13);
	expect(&to, VALUE, 11, 0);
	io_uring_sqe_set_flags(&sqe, IOSQE_ASYNC);
	CHECK_EQ(io_uring_register_sync_msg(&sqe), -EINVAL);
	io_uring_sqe_set_flags(&sqe, 0);
	io_uring_prep_nop(&sqe);
	CHECK_EQ(io_uring_register_sync_msg(&sqe), -EINVAL);
	io_uring_prep_msg_ring(&sqe, -1, 11, VALUE, 0);
	CHECK_EQ(io_uring_register_sync_msg(&sqe), -EBADF);
	io_uring_prep_msg_ring_fd(&sqe, to.ring_fd, 0, 0, VALUE, 0);
	CHECK_EQ(io_uring_register_sync_msg(&sqe), -EINVAL);
	CHECK_EQ(io_uring_register_sync_msg(NULL), -EINVAL);
	CHECK_QUIET(&to);
	teardown();
}
