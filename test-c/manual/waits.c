/* Calls that submit, wait and look at the queues. */
#include "page.h"
#include <pthread.h>

static struct __kernel_timespec soon = { 0, 10000000 }, late = { 5, 0 };
static struct io_uring_cqe *cqe;
#define NO_TIME ((struct __kernel_timespec *)(void *)bad)

static void nops(unsigned n)
{
	while (n--)
		io_uring_prep_nop(next_sqe(&ring, n));
}

/* Puts n completions in the queue. */
static void filled(unsigned n)
{
	nops(n);
	submit_n(&ring, (int)n);
}

static void interrupt(int number)
{
	(void)number;
}

/* Sends a signal after a moment. */
static void signal_soon(void)
{
	struct sigaction action = { .sa_handler = interrupt, .sa_flags = SA_RESTART };

	CHECK_SYS(sigaction(SIGALRM, &action, NULL));
	CHECK_SYS(setitimer(ITIMER_REAL, &(struct itimerval){ { 0, 0 }, { 0, 50000 } }, NULL));
}

static int (*call)(void);

static void *there(void *got)
{
	*(int *)got = call();
	return NULL;
}

/* The result of the call in a thread other than the ring's. */
static int elsewhere(int (*what)(void))
{
	pthread_t thread;
	int got = 12345;

	call = what;
	CHECK_EQ(pthread_create(&thread, NULL, there, &got), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	return got;
}

static int submits(void) { return io_uring_submit(&ring); }
static int gets_events(void) { return io_uring_get_events(&ring); }
static int waits(void) { return io_uring_wait_cqe(&ring, &cqe); }
static int enters(void) { return io_uring_enter((unsigned)ring.ring_fd, 0, 1, IORING_ENTER_GETEVENTS, NULL); }

#define OWNED (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)

TEST(io_uring_submit)
{
	begin(0);
	nops(3);
	RETURNS(3, "The number of SQEs | that the kernel consumed", io_uring_submit(&ring));
	collect(&ring, 3);
	next_sqe(&ring, 7)->opcode = 250;
	STATES("io_uring_submit", "A request that the kernel refuses | Its error is");
	nops(1);
	RETURNS(1, "It may be less", io_uring_submit(&ring));
	CHECK_EQ(wait_res(&ring, 7), -EINVAL);
	CHECK_EQ(io_uring_submit(&ring), 1);
	collect(&ring, 1);
	nops(1);
	close(ring.ring_fd);
	STATES("io_uring_submit", -EBADF, "the ring's descriptor");
	CHECK_EQ(io_uring_submit(&ring), -EBADF);
	RETURNS(-EBADF, "", io_uring_get_events(&ring));
	CHECK_EQ(dup2(tmp_open("file", 0), ring.ring_fd), ring.ring_fd);
	RETURNS(-EOPNOTSUPP, "", io_uring_submit(&ring));
	STATES("io_uring_get_events", -EOPNOTSUPP, "");
	STATES("io_uring_get_events", -EBADF, "");
	CHECK_EQ(io_uring_get_events(&ring), -EOPNOTSUPP);
	STATES("io_uring_wait_cqe", -EOPNOTSUPP, "");
	STATES("io_uring_wait_cqe", -EBADF, "");
	CHECK_EQ(io_uring_wait_cqe(&ring, &cqe), -EOPNOTSUPP);
	close(ring.ring_fd);
	CHECK_EQ(io_uring_wait_cqe(&ring, &cqe), -EBADF);
}

TEST(io_uring_submit__disabled)
{
	begin(IORING_SETUP_R_DISABLED);
	nops(1);
	RETURNS(-EBADFD, "", io_uring_submit(&ring));
	STATES("io_uring_get_events", -EBADFD, "");
	CHECK_EQ(io_uring_get_events(&ring), -EBADFD);
	STATES("io_uring_wait_cqe", -EBADFD, "");
	CHECK_EQ(io_uring_wait_cqe(&ring, &cqe), -EBADFD);
	STATES("io_uring_enter", -EBADFD, "");
	CHECK_EQ(enters(), -EBADFD);
	begin(IORING_SETUP_R_DISABLED | IORING_SETUP_SQPOLL);
	STATES("io_uring_sqring_wait", -EBADFD, "");
	while (io_uring_get_sqe(&ring))
		;
	io_uring_submit(&ring);
	CHECK_EQ(io_uring_sqring_wait(&ring), -EBADFD);
}

TEST(io_uring_submit__threads)
{
	begin(OWNED);
	nops(1);
	RETURNS(-EEXIST, "", elsewhere(submits));
	STATES("io_uring_get_events", -EEXIST, "");
	CHECK_EQ(elsewhere(gets_events), -EEXIST);
	STATES("io_uring_wait_cqe", -EEXIST, "");
	CHECK_EQ(elsewhere(waits), -EEXIST);
	STATES("io_uring_enter", -EEXIST, "");
	CHECK_EQ(elsewhere(enters), -EEXIST);
}

TEST(io_uring_submit__sqpoll)
{
	begin(IORING_SETUP_SQPOLL);
	nops(1);
	STATES("io_uring_submit", "it is the number that the submission thread");
	CHECK(io_uring_submit(&ring) >= 1);
	RETURNS(0, "", io_uring_get_events(&ring));
	STATES("io_uring_sqring_wait", "0, or a negative");
	CHECK_EQ(io_uring_sqring_wait(&ring), 0);
	STATES("io_uring_enter", "With IORING_SETUP_SQPOLL the result is");
	CHECK_EQ(io_uring_enter((unsigned)ring.ring_fd, 3, 0, IORING_ENTER_SQ_WAKEUP, NULL), 3);
}

TEST(io_uring_enter)
{
	struct io_uring_getevents_arg arg = { .ts = (uintptr_t)&soon };
	unsigned fd;

	begin(0);
	fd = (unsigned)ring.ring_fd;
	errno = 1234;
	RETURNS(-EBADF, "", io_uring_enter(900, 0, 0, 0, NULL));
	RETURNS(-EBADF, "", io_uring_enter(3, 0, 0, IORING_ENTER_REGISTERED_RING, NULL));
	RETURNS(-EOPNOTSUPP, "", io_uring_enter(1, 0, 0, 0, NULL));
	RETURNS(-EINVAL, "", io_uring_enter(fd, 0, 0, 1U << 20, NULL));
	RETURNS(-EINVAL, "", io_uring_enter2(fd, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg, 3));
	RETURNS(-EINVAL, "", io_uring_enter(900, 0, 0, IORING_ENTER_REGISTERED_RING, NULL));
	RETURNS(-EFAULT, "", io_uring_enter2(fd, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, bad, sizeof(arg)));
	RETURNS(-ETIME, "", io_uring_enter2(fd, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg, sizeof(arg)));
	signal_soon();
	RETURNS(-EINTR, "", io_uring_enter(fd, 0, 1, IORING_ENTER_GETEVENTS, NULL));
	STATES("io_uring_enter", "A negative errno value");
	CHECK_EQ(errno, 1234);
}

TEST(io_uring_get_events)
{
	begin(0);
	filled(2);
	RETURNS(0, "0, or a negative", io_uring_get_events(&ring));
}

TEST(io_uring_get_sqe)
{
	unsigned i;

	begin(0);
	STATES("io_uring_get_sqe", "A pointer to the SQE");
	STATES("io_uring_get_sqe128", "NULL if no SQE");
	CHECK(!io_uring_get_sqe128(&ring));
	for (i = 0; i < 32; i++)
		io_uring_prep_nop(next_sqe(&ring, i));
	CHECK(!io_uring_get_sqe(&ring));
	STATES("io_uring_sq_ready", "The functions return the number");
	CHECK_EQ(io_uring_sq_ready(&ring), 32);
	submit_n(&ring, 32);
	STATES("io_uring_cq_ready", "The number of slots");
	CHECK_EQ(io_uring_cq_ready(&ring), 32);
}

TEST(io_uring_peek)
{
	struct io_uring_cqe *several[8];

	begin(0);
	STATES("io_uring_peek_cqe", -EAGAIN, "");
	STATES("io_uring_peek_cqe", "0 with *cqe_ptr set");
	cqe = (void *)bad;
	CHECK_EQ(io_uring_peek_cqe(&ring, &cqe), -EAGAIN);
	CHECK(!cqe);
	STATES("io_uring_peek_batch_cqe", "The number of | It is 0");
	CHECK_EQ(io_uring_peek_batch_cqe(&ring, several, 8), 0);
	filled(3);
	CHECK_EQ(io_uring_peek_batch_cqe(&ring, several, 8), 3);
	CHECK_EQ(io_uring_peek_cqe(&ring, &cqe), 0);
	CHECK(cqe);
	STATES("io_uring_cq_has_overflow", "True when");
	CHECK(!io_uring_cq_has_overflow(&ring));
	filled(32);
	filled(32);
	CHECK(io_uring_cq_has_overflow(&ring));
}

#define WAIT(N) io_uring_wait_cqe_nr(&ring, &cqe, N)

TEST(io_uring_wait_cqe)
{
	begin(0);
	cqe = (void *)bad;
	RETURNS(-EAGAIN, "", WAIT(0));
	signal_soon();
	RETURNS(-EINTR, "", io_uring_wait_cqe(&ring, &cqe));
	STATES("io_uring_wait_cqe", "On an error");
	CHECK(!cqe);
	filled(1);
	RETURNS(0, "0 with *cqe_ptr set", io_uring_wait_cqe(&ring, &cqe));
	CHECK(cqe);
	signal_soon();
	CHECK_EQ(WAIT(2), 0);
	CHECK(cqe);
}

#define WAITS(N, TS, MASK) io_uring_wait_cqes(&ring, &cqe, N, TS, MASK)

TEST(io_uring_wait_cqes)
{
	begin(0);
	RETURNS(-ETIME, "", WAITS(1, &soon, NULL));
	STATES("io_uring_wait_cqes", "On an error");
	CHECK(!cqe);
	RETURNS(-EAGAIN, "wait_nr is 0", WAITS(0, &soon, NULL));
	signal_soon();
	RETURNS(-EINTR, "", WAITS(1, &late, NULL));
	RETURNS(-EFAULT, "", WAITS(1, NO_TIME, NULL));
	RETURNS(-EFAULT, "", WAITS(1, &soon, (sigset_t *)(void *)bad));
	filled(1);
	RETURNS(0, "0 with *cqe_ptr set | If the timeout expires", WAITS(2, &soon, NULL));
	CHECK(cqe);
}

#define BOTH(N, TS, MASK) io_uring_submit_and_wait_timeout(&ring, &cqe, N, TS, MASK)

TEST(io_uring_submit_and_wait_timeout)
{
	begin(0);
	RETURNS(-ETIME, "", BOTH(1, &soon, NULL));
	STATES("io_uring_submit_and_wait_timeout", "negative, a negative | *cqe_ptr is NULL if");
	CHECK(!cqe);
	RETURNS(-EAGAIN, "wait_nr is 0", BOTH(0, &soon, NULL));
	signal_soon();
	RETURNS(-EINTR, "", BOTH(1, &late, NULL));
	RETURNS(-EFAULT, "", BOTH(1, NO_TIME, NULL));
	RETURNS(-EFAULT, "", BOTH(1, &soon, (sigset_t *)(void *)bad));
	nops(1);
	RETURNS(1, "more than 0", BOTH(1, &soon, NULL));
	RETURNS(0, "0, completions were available | *cqe_ptr is set", BOTH(1, &soon, NULL));
	CHECK(cqe);
	io_uring_cqe_seen(&ring, cqe);
	STATES("io_uring_submit_and_wait_timeout", "*cqe_ptr may be NULL");
	io_uring_prep_timeout(next_sqe(&ring, 1), &late, 0, 0);
	CHECK_EQ(BOTH(1, &soon, NULL), 1);
	CHECK(!cqe);
}

TEST(io_uring_submit_and_wait)
{
	begin(0);
	nops(2);
	RETURNS(2, "The number of SQEs", io_uring_submit_and_wait(&ring, 1));
	collect(&ring, 2);
	signal_soon();
	RETURNS(-EINTR, "", io_uring_submit_and_wait(&ring, 1));
	nops(1);
	STATES("io_uring_submit_and_get_events", "The number of SQEs");
	CHECK_EQ(io_uring_submit_and_get_events(&ring), 1);
}

TEST(io_uring_submit_and_wait_reg)
{
	struct io_uring_reg_wait *waits_for = pages(LARGE_PAGE);
	struct io_uring_region_desc region = { .user_addr = (uintptr_t)waits_for, .size = LARGE_PAGE,
					       .flags = IORING_MEM_REGION_TYPE_USER };
	struct io_uring_mem_region_reg reg = { .region_uptr = (uintptr_t)&region,
					       .flags = IORING_MEM_REGION_REG_WAIT_ARG };

	if (kernel_before(6, 13))
		LACKS("IORING_REGISTER_MEM_REGION", 6, 13);
	memset(waits_for, 0, LARGE_PAGE);
	waits_for[0] = waits_for[1] = (struct io_uring_reg_wait){ .ts = soon, .flags = IORING_REG_WAIT_TS };
	waits_for[1].flags |= 1U << 20;
	waits_for[2] = (struct io_uring_reg_wait){ .ts = late, .flags = IORING_REG_WAIT_TS };
	begin(0);
	RETURNS(-EFAULT, "", io_uring_submit_and_wait_reg(&ring, &cqe, 1, 0));
	begin(IORING_SETUP_R_DISABLED);
	CHECK_EQ(io_uring_register_region(&ring, &reg), 0);
	CHECK_EQ(io_uring_enable_rings(&ring), 0);
	RETURNS(-ETIME, "", io_uring_submit_and_wait_reg(&ring, &cqe, 1, 0));
	RETURNS(-EFAULT, "", io_uring_submit_and_wait_reg(&ring, &cqe, 1, 1 << 20));
	RETURNS(-EFAULT, "", io_uring_submit_and_wait_reg(&ring, &cqe, 1, -1));
	RETURNS(-EINVAL, "an unknown flag", io_uring_submit_and_wait_reg(&ring, &cqe, 1, 1));
	signal_soon();
	RETURNS(-EINTR, "", io_uring_submit_and_wait_reg(&ring, &cqe, 1, 2));
	RETURNS(-EAGAIN, "", io_uring_submit_and_wait_reg(&ring, &cqe, 0, 0));
	nops(1);
	RETURNS(1, "As for io_uring", io_uring_submit_and_wait_reg(&ring, &cqe, 1, 0));
	RETURNS(0, "As for io_uring", io_uring_submit_and_wait_reg(&ring, &cqe, 1, 0));
}

TEST(io_uring_wait_cqes_min_timeout)
{
	begin(0);
	if (!(ring.features & IORING_FEAT_MIN_TIMEOUT))
		LACKS("IORING_FEAT_MIN_TIMEOUT", 6, 12);
	RETURNS(-ETIME, "", io_uring_wait_cqes_min_timeout(&ring, &cqe, 1, &soon, 1000, NULL));
	RETURNS(-ETIME, "", io_uring_submit_and_wait_min_timeout(&ring, &cqe, 1, &soon, 1000, NULL));
	ring.features &= ~(unsigned)IORING_FEAT_MIN_TIMEOUT;
	RETURNS(-EINVAL, "", io_uring_wait_cqes_min_timeout(&ring, &cqe, 1, &soon, 1000, NULL));
}

TEST(io_uring_enter__counts)
{
	begin(0);
	nops(2);
	next_sqe(&ring, 5)->opcode = 250;
	nops(1);
	/* What io_uring_submit() does first: it publishes the SQ tail. */
	io_uring_smp_store_release(ring.sq.ktail, ring.sq.sqe_tail);
	RETURNS(3, "The number of entries taken", io_uring_enter((unsigned)ring.ring_fd, 4, 0, 0, NULL));
	signal_soon();
	RETURNS(1, "an error of the wait isn't",
		io_uring_enter((unsigned)ring.ring_fd, 1, 8, IORING_ENTER_GETEVENTS, NULL));
}

TEST(io_uring_submit_and_wait_reg__polled)
{
	begin(IORING_SETUP_IOPOLL);
	RETURNS(-EINVAL, "the ring has", io_uring_submit_and_wait_reg(&ring, &cqe, 1, 0));
}
