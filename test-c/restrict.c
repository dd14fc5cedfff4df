/* What a ring may do: disabled rings, restrictions, personalities, filters, and calls that need privileges. */
#include "many.h"

#define DATA 0x8181000092920000ULL
#define NOBODY 65534

static struct io_uring ring;

static int run_nop(unsigned flags)
{
	struct io_uring_sqe *sqe = next_sqe(&ring, DATA);

	io_uring_prep_nop(sqe);
	io_uring_sqe_set_flags(sqe, flags);
	return run_res(&ring);
}

/* Creates a ring with these restrictions and enables it. */
static void restricted(struct io_uring_restriction *res, unsigned n)
{
	ring_init(&ring, 8, IORING_SETUP_R_DISABLED);
	CHECK_EQ(io_uring_register_restrictions(&ring, res, n), 0);
	CHECK_EQ(io_uring_enable_rings(&ring), 0);
}

TEST(disabled_ring)
{
	ring_init(&ring, 8, IORING_SETUP_R_DISABLED);
	io_uring_prep_nop(next_sqe(&ring, DATA));
	CHECK_EQ(io_uring_submit(&ring), -EBADFD);
	CHECK_EQ(io_uring_submit_and_wait(&ring, 1), -EBADFD);
	CHECK_QUIET(&ring);
	/* A disabled ring accepts registrations. */
	CHECK_EQ(io_uring_register_files(&ring, (int[]){ -1, -1, -1, -1 }, 4), 0);
	CHECK_EQ(io_uring_enable_rings(&ring), 0);
	CHECK_EQ(io_uring_enable_rings(&ring), -EBADFD);
	submit_one(&ring);
	CHECK_EQ(wait_res(&ring, DATA), 0);
	CHECK_EQ(io_uring_unregister_files(&ring), 0);
	io_uring_queue_exit(&ring);
}

TEST(enabled_ring)
{
	struct io_uring_restriction res = { .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_NOP };

	ring_init(&ring, 8, 0);
	CHECK_EQ(io_uring_enable_rings(&ring), -EBADFD);
	CHECK_EQ(io_uring_register_restrictions(&ring, &res, 1), -EBADFD);
	CHECK_EQ(run_nop(0), 0);
	io_uring_queue_exit(&ring);
}

TEST(opcodes)
{
	struct io_uring_restriction res[] = {
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_NOP },
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_READ },
	};
	char buf[100];
	int fd = tmp_filled("file", sizeof(buf), 3), ret;

	restricted(res, 2);
	CHECK_EQ(run_nop(0), 0);
	io_uring_prep_read(next_sqe(&ring, DATA), fd, buf, sizeof(buf), 0);
	CHECK_EQ(run_res(&ring), sizeof(buf));
	CHECK_PATTERN(buf, sizeof(buf), 3);
	io_uring_prep_write(next_sqe(&ring, DATA), fd, "xxxx", 4, 0);
	CHECK_EQ(run_res(&ring), -EACCES);
	CHECK_FILE(fd, 0, sizeof(buf), 3);
	io_uring_prep_fsync(next_sqe(&ring, DATA), fd, 0);
	CHECK_EQ(run_res(&ring), -EACCES);
	/* Registrations are forbidden, too, on older kernels; newer ones restrict them only on request. */
	ret = io_uring_register_files(&ring, (int[]){ -1, -1 }, 2);
	CHECK(ret == -EACCES || (ret == 0 && !kernel_before(6, 19)));
	CHECK_EQ(run_nop(IOSQE_ASYNC), -EACCES);
	io_uring_queue_exit(&ring);
}

TEST(register_calls)
{
	struct io_uring_restriction res[] = {
		{ .opcode = IORING_RESTRICTION_REGISTER_OP, .register_op = IORING_REGISTER_FILES2 },
		{ .opcode = IORING_RESTRICTION_REGISTER_OP, .register_op = IORING_UNREGISTER_FILES },
	};

	SINCE("sparse table", 5, 19);
	restricted(res, 2);
	CHECK_EQ(io_uring_register_files_sparse(&ring, 4), 0);
	CHECK_EQ(io_uring_unregister_files(&ring), 0);
	CHECK_EQ(io_uring_register_files(&ring, (int[]){ -1 }, 1), -EACCES);
	CHECK_EQ(io_uring_register_buffers_sparse(&ring, 4), -EACCES);
	CHECK_EQ(io_uring_unregister_eventfd(&ring), -EACCES);
	CHECK_EQ(io_uring_register_personality(&ring), -EACCES);
	io_uring_queue_exit(&ring);
}

TEST(flags_allowed)
{
	struct io_uring_restriction res[] = {
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_NOP },
		{ .opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED, .sqe_flags = IOSQE_ASYNC | IOSQE_IO_LINK },
	};

	restricted(res, 2);
	CHECK_EQ(run_nop(0), 0);
	CHECK_EQ(run_nop(IOSQE_ASYNC), 0);
	CHECK_EQ(run_nop(IOSQE_IO_DRAIN), -EACCES);
	CHECK_EQ(run_nop(IOSQE_IO_DRAIN | IOSQE_ASYNC), -EACCES);
	io_uring_queue_exit(&ring);
}

TEST(flags_required)
{
	struct io_uring_restriction res[] = {
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_NOP },
		{ .opcode = IORING_RESTRICTION_SQE_FLAGS_REQUIRED, .sqe_flags = IOSQE_ASYNC },
	};

	restricted(res, 2);
	CHECK_EQ(run_nop(IOSQE_ASYNC), 0);
	CHECK_EQ(run_nop(0), -EACCES);
	io_uring_queue_exit(&ring);
}

TEST(refused_restrictions)
{
	struct io_uring_restriction res = { .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_NOP };
	struct io_uring_restriction bad = { .opcode = 999 };

	ring_init(&ring, 8, IORING_SETUP_R_DISABLED);
	CHECK_EQ(io_uring_register_restrictions(&ring, &bad, 1), -EINVAL);
	CHECK_EQ(io_uring_register_restrictions(&ring, &res, 10000), -EINVAL);
	CHECK_EQ(io_uring_register_restrictions(&ring, (void *)8, 1), -EFAULT);
	CHECK_EQ(io_uring_register_restrictions(&ring, &res, 1), 0);
	CHECK_EQ(io_uring_register_restrictions(&ring, &res, 1), -EBUSY);
	io_uring_queue_exit(&ring);
}

/* A ring with a single issuer belongs to the task that enables it. */
TEST(issuer_enables)
{
	int status;
	pid_t pid;

	ring_init_since(&ring, 8, IORING_SETUP_R_DISABLED | IORING_SETUP_SINGLE_ISSUER, 6, 0);
	pid = child();
	if (pid == 0) {
		if (io_uring_enable_rings(&ring))
			_exit(1);
		io_uring_prep_nop(next_sqe(&ring, DATA));
		_exit(io_uring_submit(&ring) == 1 ? 0 : 2);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(io_uring_enter((unsigned)ring.ring_fd, 1, 0, 0, NULL), -EEXIST);
	CHECK_EQ(io_uring_register_files_sparse(&ring, 1), -EEXIST);
	io_uring_queue_exit(&ring);
}

/* Personalities. */

/* Opens root's file as another user, with a registered personality or 0. */
static int open_as_nobody(const char *path, int personality)
{
	struct io_uring_sqe *sqe = next_sqe(&ring, DATA);
	int res;

	io_uring_prep_openat(sqe, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	sqe->personality = (__u16)personality;
	CHECK_SYS(seteuid(NOBODY));
	res = io_uring_submit_and_wait(&ring, 1);
	CHECK_SYS(seteuid(0));
	CHECK_EQ(res, 1);
	return wait_res(&ring, DATA);
}

TEST(personality)
{
	char *path = tmp_path("secret");
	int root, nobody, fd;

	if (geteuid())
		SKIP("only root can change the user");
	close(tmp_filled("secret", 100, 9));
	CHECK_SYS(chmod(path, 0600));
	ring_init(&ring, 8, 0);
	root = io_uring_register_personality(&ring);
	CHECK(root > 0);
	CHECK_SYS(seteuid(NOBODY));
	nobody = io_uring_register_personality(&ring);
	CHECK_SYS(seteuid(0));
	CHECK(nobody > 0 && nobody != root);

	CHECK_EQ(open_as_nobody(path, 0), -EACCES);
	CHECK_EQ(open_as_nobody(path, nobody), -EACCES);
	fd = open_as_nobody(path, root);
	CHECK(fd >= 0);
	CHECK_FILE(fd, 0, 100, 9);

	CHECK_EQ(io_uring_unregister_personality(&ring, root), 0);
	CHECK_EQ(open_as_nobody(path, root), -EINVAL);
	CHECK_EQ(io_uring_unregister_personality(&ring, root), -EINVAL);
	CHECK_EQ(io_uring_unregister_personality(&ring, nobody), 0);
	CHECK_EQ(io_uring_unregister_personality(&ring, 0x10001), -EINVAL);
	free(path);
	io_uring_queue_exit(&ring);
}

TEST(many_personalities)
{
	int ids[200];
	unsigned i;

	ring_init(&ring, 8, 0);
	for (i = 0; i < ARRAY_LEN(ids); i++) {
		struct io_uring_sqe *sqe = next_sqe(&ring, DATA);

		ids[i] = io_uring_register_personality(&ring);
		CHECK(ids[i] > 0);
		io_uring_prep_nop(sqe);
		sqe->personality = (__u16)ids[i];
		CHECK_EQ(run_res(&ring), 0);
	}
	for (i = 0; i < ARRAY_LEN(ids); i++)
		CHECK_EQ(io_uring_unregister_personality(&ring, ids[i]), 0);
	io_uring_queue_exit(&ring);
}

/* Calls that this kernel or machine may lack must still return an error. */

TEST(bpf_filter_errors)
{
	struct io_uring_bpf bpf = { .cmd_type = 0x7777 };

	ring_init(&ring, 8, 0);
	CHECK_EQ(io_uring_register_bpf_filter(&ring, &bpf), -EINVAL);
	CHECK(io_uring_register_bpf_filter(&ring, NULL) < 0);
	CHECK_EQ(io_uring_register_bpf_filter_task(&bpf), -EINVAL);
	CHECK(io_uring_register_bpf_filter_task(NULL) < 0);
	CHECK_EQ(run_nop(0), 0);
	io_uring_queue_exit(&ring);
}

TEST(zcrx_errors)
{
	struct io_uring_zcrx_ifq_reg reg = { .if_idx = 0x7fffffff, .rq_entries = 8 };
	struct zcrx_ctrl ctrl = { .zcrx_id = 5, .op = ZCRX_CTRL_FLUSH_RQ };

	ring_init(&ring, 8, 0);
	CHECK_EQ(io_uring_register_ifq(&ring, &reg), geteuid() ? -EPERM : -EINVAL);
	CHECK(io_uring_register_ifq(&ring, NULL) < 0);
	CHECK(io_uring_register_zcrx_ctrl(&ring, &ctrl) < 0);
	CHECK(io_uring_register_zcrx_ctrl(&ring, NULL) < 0);
	CHECK_EQ(run_nop(0), 0);
	close(ring.ring_fd);
	CHECK_EQ(io_uring_register_ifq(&ring, &reg), kernel_before(6, 15) ? -EINVAL : -EBADF);
}
