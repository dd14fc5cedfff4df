/* Registrations of neither files nor buffers, and small calls. */
#include "page.h"
#include <liburing/io_uring/query.h>
#include <pthread.h>
#include <sys/eventfd.h>

static char buf[64];
#define BAD(TYPE) ((TYPE *)(void *)bad)

TEST(io_uring_register)
{
	struct io_uring_restriction only_enable = { .opcode = IORING_RESTRICTION_REGISTER_OP,
						    .register_op = IORING_REGISTER_ENABLE_RINGS };

	begin(0);
	RETURNS(0, "0, or another value", io_uring_register((unsigned)ring.ring_fd, IORING_REGISTER_FILES, &(int){ 1 }, 1));
	RETURNS(-EBUSY, "", io_uring_register((unsigned)ring.ring_fd, IORING_REGISTER_FILES, &(int){ 1 }, 1));
	RETURNS(-ENXIO, "", io_uring_register((unsigned)ring.ring_fd, IORING_UNREGISTER_BUFFERS, NULL, 0));
	RETURNS(-EBADF, "", io_uring_register(900, IORING_UNREGISTER_FILES, NULL, 0));
	RETURNS(-EFAULT, "", io_uring_register((unsigned)ring.ring_fd, IORING_REGISTER_EVENTFD, bad, 1));
	RETURNS(-EINVAL, "", io_uring_register((unsigned)ring.ring_fd, 999, NULL, 0));
	RETURNS(-EINVAL, "", io_uring_register((unsigned)ring.ring_fd, IORING_UNREGISTER_FILES, NULL, 1));
	errno = 1234;
	RETURNS(-EOPNOTSUPP, "", io_uring_register(1, IORING_UNREGISTER_FILES, NULL, 0));
	STATES("io_uring_register", "errno(3) itself");
	CHECK_EQ(errno, 1234);
	begin(IORING_SETUP_R_DISABLED);
	CHECK_EQ(io_uring_register_restrictions(&ring, &only_enable, 1), 0);
	CHECK_EQ(io_uring_enable_rings(&ring), 0);
	RETURNS(-EACCES, "", io_uring_register((unsigned)ring.ring_fd, IORING_REGISTER_FILES, &(int){ 1 }, 1));
}

TEST(io_uring_register_restrictions)
{
	struct io_uring_restriction one = { .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_NOP };
	struct io_uring_restriction strange = { .opcode = 77 }, op = { .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = 250 };

	begin(0);
	RETURNS(-EBADFD, "", io_uring_register_restrictions(&ring, &one, 1));
	begin(IORING_SETUP_R_DISABLED);
	RETURNS(-EINVAL, "a kind", io_uring_register_restrictions(&ring, &strange, 1));
	CHECK_EQ(io_uring_enable_rings(&ring), 0);
	STATES("io_uring_register_restrictions", "After an error");
	io_uring_prep_close(next_sqe(&ring, 1), 900);
	CHECK_EQ(run_res(&ring), -EBADF);
	begin(IORING_SETUP_R_DISABLED);
	RETURNS(-EFAULT, "", io_uring_register_restrictions(&ring, BAD(struct io_uring_restriction), 1));
	RETURNS(-EINVAL, "res is NULL", io_uring_register_restrictions(&ring, NULL, 1));
	RETURNS(-EINVAL, "nr_res", io_uring_register_restrictions(&ring, &one, 100000));
	RETURNS(-EINVAL, "a kind", io_uring_register_restrictions(&ring, &strange, 1));
	RETURNS(-EINVAL, "a kind", io_uring_register_restrictions(&ring, &op, 1));
	RETURNS(0, "0, or a negative", io_uring_register_restrictions(&ring, &one, 1));
	RETURNS(-EBUSY, "", io_uring_register_restrictions(&ring, &one, 1));
	CHECK_EQ(io_uring_enable_rings(&ring), 0);
	STATES("io_uring_register_restrictions", -EACCES, "");
	GIVES(-EACCES, "", io_uring_prep_close(sqe, 900));
}

TEST(io_uring_register_clock)
{
	struct io_uring_clock_register clock = { .clockid = CLOCK_BOOTTIME }, other = { .clockid = CLOCK_REALTIME },
				       reserved = { .clockid = CLOCK_BOOTTIME, .__resv[1] = 1 };

	begin(0);
	RETURNS(0, "0, or a negative", io_uring_register_clock(&ring, &clock));
	RETURNS(-EFAULT, "", io_uring_register_clock(&ring, BAD(struct io_uring_clock_register)));
	RETURNS(-EINVAL, "another clock", io_uring_register_clock(&ring, &other));
	RETURNS(-EINVAL, "__resv", io_uring_register_clock(&ring, &reserved));
	RETURNS(-EINVAL, "arg is NULL", io_uring_register_clock(&ring, NULL));
}

TEST(io_uring_register_iowq)
{
	unsigned values[2] = { 0, 0 }, large[2] = { 0x80000000U, 0 };
	cpu_set_t all;

	CHECK_SYS(sched_getaffinity(0, sizeof(all), &all));
	begin(0);
	STATES("io_uring_register_iowq_max_workers", "0, with the previous limits");
	CHECK_EQ(io_uring_register_iowq_max_workers(&ring, values), 0);
	CHECK(values[0] && values[1]);
	STATES("io_uring_register_iowq_max_workers", -EFAULT, "");
	CHECK_EQ(io_uring_register_iowq_max_workers(&ring, BAD(unsigned)), -EFAULT);
	STATES("io_uring_register_iowq_max_workers", -EINVAL, "a number | values is NULL");
	CHECK_EQ(io_uring_register_iowq_max_workers(&ring, large), -EINVAL);
	CHECK_EQ(io_uring_register_iowq_max_workers(&ring, NULL), -EINVAL);
	CHECK_WORKS(&ring);
	STATES("io_uring_register_iowq_aff", "0, or a negative");
	CHECK_EQ(io_uring_register_iowq_aff(&ring, sizeof(all), &all), 0);
	STATES("io_uring_register_iowq_aff", -EFAULT, "");
	CHECK_EQ(io_uring_register_iowq_aff(&ring, sizeof(all), BAD(cpu_set_t)), -EFAULT);
	STATES("io_uring_register_iowq_aff", -EINVAL, "cpusz is 0 | mask is NULL");
	CHECK_EQ(io_uring_register_iowq_aff(&ring, 0, &all), -EINVAL);
	CHECK_EQ(io_uring_register_iowq_aff(&ring, 1UL << 31, &all), -EINVAL);
	CHECK_EQ(io_uring_register_iowq_aff(&ring, sizeof(all), NULL), -EINVAL);
}

TEST(io_uring_register_probe)
{
	struct io_uring_probe *probe = calloc(1, sizeof(*probe) + 300 * sizeof(struct io_uring_probe_op));

	begin(0);
	RETURNS(0, "0, or a negative", io_uring_register_probe(&ring, probe, 256));
	RETURNS(-EINVAL, "not zeroed", io_uring_register_probe(&ring, probe, 256));
	memset(probe, 0, sizeof(*probe));
	RETURNS(-EINVAL, "nr is above", io_uring_register_probe(&ring, probe, 257));
	RETURNS(-EINVAL, "not zeroed", io_uring_register_probe(&ring, NULL, 256));
	RETURNS(-EFAULT, "", io_uring_register_probe(&ring, BAD(struct io_uring_probe), 256));
}

TEST(io_uring_register_query)
{
	struct io_uring_query_opcode answer;
	struct io_uring_query_hdr question = { .query_data = (uintptr_t)&answer, .query_op = IO_URING_QUERY_OPCODES,
					       .size = sizeof(answer) }, circle, strange = question, empty = question;

	if (io_uring_register_query(&question) == -EINVAL)
		LACKS("IORING_REGISTER_QUERY", 6, 18);
	STATES("io_uring_register_query", "0 if all");
	CHECK_EQ(question.result, 0);
	STATES("io_uring_register_query", "the queries before");
	question.result = 0;
	question.next_entry = (uintptr_t)bad;
	question.size = sizeof(answer);
	memset(&answer, 0, sizeof(answer));
	CHECK_EQ(io_uring_register_query(&question), -EFAULT);
	CHECK(answer.nr_request_opcodes);
	question.next_entry = 0;
	RETURNS(-EFAULT, "", io_uring_register_query(BAD(struct io_uring_query_hdr)));
	circle = strange;
	circle.next_entry = (uintptr_t)&circle;
	RETURNS(-ERANGE, "", io_uring_register_query(&circle));
	STATES("io_uring_register_query", -EOPNOTSUPP, "");
	strange.query_op = 9999;
	CHECK_EQ(io_uring_register_query(&strange), 0);
	CHECK_EQ(strange.result, -EOPNOTSUPP);
	CHECK_EQ(strange.size, 0);
	STATES("io_uring_register_query", -EINVAL, "size is 0");
	empty.size = 0;
	CHECK_EQ(io_uring_register_query(&empty), 0);
	CHECK_EQ(empty.result, -EINVAL);
}

#define CANCEL(...) io_uring_register_sync_cancel(&ring, &(struct io_uring_sync_cancel_reg){ __VA_ARGS__ })

TEST(io_uring_register_sync_cancel)
{
	int in[2];

	make_pipe(in);
	begin(0);
	RETURNS(-ENOENT, "", CANCEL(.addr = 7));
	RETURNS(0, "With one of them", CANCEL(.addr = 7, .flags = IORING_ASYNC_CANCEL_ALL));
	RETURNS(-EBADF, "", CANCEL(.fd = 900, .flags = IORING_ASYNC_CANCEL_FD));
	RETURNS(-EFAULT, "", io_uring_register_sync_cancel(&ring, BAD(struct io_uring_sync_cancel_reg)));
	RETURNS(-EINVAL, "a flag is unknown", CANCEL(.addr = 7, .flags = 1 << 20));
	RETURNS(-EINVAL, "pad", CANCEL(.addr = 7, .pad[1] = 1));
	RETURNS(-EINVAL, "pad", CANCEL(.addr = 7, .pad2[1] = 1));
	RETURNS(-EINVAL, "reg is NULL", io_uring_register_sync_cancel(&ring, NULL));
	STARTS(7, io_uring_prep_read(sqe, in[0], buf, 1, 0));
	RETURNS(0, "0 if a request", CANCEL(.addr = 7, .timeout = { -1, -1 }));
	CHECK_EQ(wait_res(&ring, 7), -ECANCELED);
}

TEST(io_uring_register_sync_msg)
{
	struct io_uring_sqe message;

	begin(0);
	sqe = &message;
	memset(sqe, 0, sizeof(*sqe));
	io_uring_prep_msg_ring(sqe, ring.ring_fd, 5, 7, 0);
	if (io_uring_register_sync_msg(sqe) == -EINVAL)
		LACKS("IORING_REGISTER_SEND_MSG_RING", 6, 13);
	STATES("io_uring_register_sync_msg", "0, or a negative");
	CHECK_EQ(wait_res(&ring, 7), 5);
	io_uring_prep_msg_ring(sqe, 900, 5, 7, 0);
	RETURNS(-EBADF, "", io_uring_register_sync_msg(sqe));
	io_uring_prep_msg_ring(sqe, 1, 5, 7, 0);
	RETURNS(-EBADFD, "", io_uring_register_sync_msg(sqe));
	RETURNS(-EFAULT, "", io_uring_register_sync_msg(BAD(struct io_uring_sqe)));
	RETURNS(-EINVAL, "sqe is NULL", io_uring_register_sync_msg(NULL));
	io_uring_prep_msg_ring_fd(sqe, ring.ring_fd, 0, 0, 7, 0);
	RETURNS(-EINVAL, "another opcode", io_uring_register_sync_msg(sqe));
	io_uring_prep_nop(sqe);
	RETURNS(-EINVAL, "another opcode", io_uring_register_sync_msg(sqe));
}

TEST(io_uring_register_region)
{
	char *memory = pages(LARGE_PAGE);
	struct io_uring_region_desc region = { .user_addr = (uintptr_t)memory, .size = LARGE_PAGE,
					       .flags = IORING_MEM_REGION_TYPE_USER };
	struct io_uring_mem_region_reg reg = { .region_uptr = (uintptr_t)&region };

	begin(0);
#define REGION(FIELD, VALUE)						\
	({								\
		struct io_uring_region_desc wrong = region;		\
		struct io_uring_mem_region_reg with = { .region_uptr = (uintptr_t)&wrong };	\
		wrong.FIELD = VALUE;					\
		io_uring_register_region(&ring, &with);			\
	})
	if (kernel_before(6, 13))
		LACKS("IORING_REGISTER_MEM_REGION", 6, 13);
	RETURNS(-EFAULT, "a structure", io_uring_register_region(&ring, BAD(struct io_uring_mem_region_reg)));
	RETURNS(-EFAULT, "a structure", REGION(user_addr, 4096));
	RETURNS(-EFAULT, "only one of", REGION(flags, 0));
	RETURNS(-EFAULT, "only one of", REGION(user_addr, 0));
	RETURNS(-EINVAL, "size is 0", REGION(size, 0));
	RETURNS(-EINVAL, "size is 0", REGION(size, 100));
	RETURNS(-EINVAL, "size is 0", REGION(user_addr, (uintptr_t)memory + 8));
	RETURNS(-EINVAL, "a member", REGION(__resv[1], 1));
	RETURNS(-EINVAL, "a member", REGION(id, 1));
	RETURNS(-EINVAL, "an unknown flag", REGION(flags, 1U << 20 | IORING_MEM_REGION_TYPE_USER));
	reg.flags = IORING_MEM_REGION_REG_WAIT_ARG;
	RETURNS(-EINVAL, "IORING_MEM_REGION_REG_WAIT_ARG", io_uring_register_region(&ring, &reg));
	reg.flags = 0;
	RETURNS(-E2BIG, "", REGION(size, 1ULL << 62));
	RETURNS(0, "0, or a negative", io_uring_register_region(&ring, &reg));
	RETURNS(-EBUSY, "", io_uring_register_region(&ring, &reg));
}

TEST(io_uring_sqe_set_flags)
{
	begin(0);
	GIVES(-EINVAL, "", io_uring_prep_nop(sqe); sqe->flags |= 1 << 7);
	GIVES(-EOPNOTSUPP, "IOSQE_BUFFER_SELECT", io_uring_prep_nop(sqe); sqe->flags |= IOSQE_BUFFER_SELECT);
	STARTS(7, io_uring_prep_nop(sqe); sqe->flags |= IOSQE_CQE_SKIP_SUCCESS);
	GIVES(-EOPNOTSUPP, "IOSQE_IO_DRAIN", io_uring_prep_nop(sqe); sqe->flags |= IOSQE_IO_DRAIN);
	STATES("io_uring_register_wait_reg", "always returns -EINVAL");
	CHECK_EQ(io_uring_register_wait_reg(&ring, NULL, 1), -EINVAL);
	STATES("io_uring_set_iowait", "0, or -EOPNOTSUPP");
	CHECK_EQ(io_uring_set_iowait(&ring, true), 0);
	STATES("io_uring_check_version", "io_uring_major_version() and | returns true when");
	CHECK_EQ(io_uring_major_version(), IO_URING_VERSION_MAJOR);
	CHECK_EQ(io_uring_minor_version(), IO_URING_VERSION_MINOR);
	CHECK(io_uring_check_version(IO_URING_VERSION_MAJOR, IO_URING_VERSION_MINOR + 1));
	CHECK(!io_uring_check_version(IO_URING_VERSION_MAJOR, IO_URING_VERSION_MINOR));
}

TEST(io_uring_register_napi)
{
	struct io_uring_napi napi = { .busy_poll_to = 50 }, unset = { .pad[1] = 9 };

	begin(0);
	if (io_uring_register_napi(&ring, &napi) == -EINVAL)
		LACKS("IORING_REGISTER_NAPI", 6, 9);
	napi = (struct io_uring_napi){ .busy_poll_to = 70 };
	RETURNS(0, "0, with the previous", io_uring_register_napi(&ring, &napi));
	CHECK_EQ(napi.busy_poll_to, 50);
	RETURNS(-EFAULT, "", io_uring_register_napi(&ring, BAD(struct io_uring_napi)));
	RETURNS(-EINVAL, "pad or resv", io_uring_register_napi(&ring, &unset));
	RETURNS(-EINVAL, "napi is NULL", io_uring_register_napi(&ring, NULL));
	begin(IORING_SETUP_IOPOLL);
	napi = (struct io_uring_napi){ .busy_poll_to = 70 };
	RETURNS(-EINVAL, "IORING_SETUP_IOPOLL", io_uring_register_napi(&ring, &napi));
}

TEST(io_uring_register_ifq)
{
	begin(0);
	STATES("io_uring_register_ifq", -EPERM, "");
	be_nobody();
	CHECK_EQ(io_uring_register_ifq(&ring, &(struct io_uring_zcrx_ifq_reg){ .rq_entries = 8 }), -EPERM);
}

static void *in_thread(void *got)
{
	*(int *)got = io_uring_register_eventfd(&ring, eventfd(0, 0));
	CHECK_EQ(io_uring_register_ring_fd(&ring), -EEXIST);
	return NULL;
}

TEST(io_uring_register__threads)
{
	pthread_t thread;
	int got;

	begin(IORING_SETUP_SINGLE_ISSUER);
	CHECK_EQ(pthread_create(&thread, NULL, in_thread, &got), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	STATES("io_uring_register_ring_fd", -EEXIST, "belongs to another");
	RETURNS(-EEXIST, "", got);
}

TEST(io_uring_register_zcrx)
{
	begin(0);
	if (geteuid())
		SKIP("not root");
	STATES("io_uring_register_ifq", -EINVAL, "the ring lacks a flag");
	CHECK_EQ(io_uring_register_ifq(&ring, &(struct io_uring_zcrx_ifq_reg){ .rq_entries = 8 }), -EINVAL);
	begin(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQE32);
	STATES("io_uring_register_ifq", -EFAULT, "a structure");
	CHECK_EQ(io_uring_register_ifq(&ring, BAD(struct io_uring_zcrx_ifq_reg)), -EFAULT);
}

static void *no_ring_used(void *got)
{
	cpu_set_t all;

	CPU_ZERO(&all);
	CPU_SET(0, &all);
	*(int *)got = io_uring_register_iowq_aff(&ring, sizeof(all), &all);
	return NULL;
}

TEST(io_uring_register_iowq_aff)
{
	pthread_t thread;
	int got;

	begin(0);
	CHECK_EQ(pthread_create(&thread, NULL, no_ring_used, &got), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	RETURNS(-EINVAL, "hasn't used a ring", got);
}

TEST(io_uring_sqe_set_data)
{
	struct io_uring_cqe *cqe;

	begin(0);
	sqe = next_sqe(&ring, 0);
	io_uring_prep_nop(sqe);
	io_uring_sqe_set_data(sqe, &ring);
	submit_one(&ring);
	CHECK_EQ(io_uring_wait_cqe(&ring, &cqe), 0);
	STATES("io_uring_sqe_set_data", "io_uring_cqe_get_data() returns the pointer");
	CHECK(io_uring_cqe_get_data(cqe) == &ring);
	CHECK_EQ(io_uring_cqe_get_data64(cqe), (uintptr_t)&ring);
	io_uring_cqe_seen(&ring, cqe);
	STATES("io_uring_sqe_set_buf_group", -ENOBUFS, "");
	sqe = next_sqe(&ring, 1);
	io_uring_prep_read(sqe, 0, NULL, 1, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	io_uring_sqe_set_buf_group(sqe, 9);
	CHECK_EQ(run_res(&ring), -ENOBUFS);
	STATES("io_uring_prep_rw", -EINVAL, "");
	io_uring_prep_rw(250, next_sqe(&ring, 1), 0, NULL, 0, 0);
	CHECK_EQ(run_res(&ring), -EINVAL);
	STATES("io_uring_smp_load_acquire", "evaluate to the value read");
	CHECK_EQ(io_uring_smp_load_acquire(&ring.ring_fd), ring.ring_fd);
	CHECK_EQ(IO_URING_READ_ONCE(ring.ring_fd), ring.ring_fd);
}

TEST(io_uring_register_restrictions__flags)
{
	struct io_uring_restriction flags[2] = {
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_NOP },
		{ .opcode = IORING_RESTRICTION_SQE_FLAGS_REQUIRED, .sqe_flags = IOSQE_ASYNC },
	};

	begin(IORING_SETUP_R_DISABLED);
	CHECK_EQ(io_uring_register_restrictions(&ring, flags, 2), 0);
	CHECK_EQ(io_uring_enable_rings(&ring), 0);
	STATES("io_uring_sqe_set_flags", -EACCES, "");
	GIVES(-EACCES, "", io_uring_prep_nop(sqe));
	GIVES(0, "", io_uring_prep_nop(sqe); sqe->flags |= IOSQE_ASYNC);
	GIVES(-EACCES, "", io_uring_prep_nop(sqe); sqe->flags |= IOSQE_ASYNC | IOSQE_IO_DRAIN);
}
