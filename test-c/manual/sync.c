/* Requests that wait for something other than data: futexes and children; and the no-op, which doesn't wait. */
#include "page.h"
#include <linux/futex.h>
#include <sys/syscall.h>

#define SIZE_32 2 /* FUTEX2_SIZE_U32 */
static uint32_t word[2] = { 1, 1 };

TEST(io_uring_prep_nop)
{
	begin(0);
	GIVES(0, "posts one CQE | res is 0, or what | flags is 0", io_uring_prep_nop(sqe));
	GIVES(-5, "res is 0, or what",
	      io_uring_prep_nop(sqe); sqe->rw_flags = IORING_NOP_INJECT_RESULT; sqe->len = (__u32)-5);
	GIVES(-EINVAL, "a flag", io_uring_prep_nop(sqe); sqe->rw_flags = 1 << 20);
	GIVES(-EINVAL, "IORING_NOP_CQE32", io_uring_prep_nop(sqe); sqe->rw_flags = IORING_NOP_CQE32);
	GIVES(-EINVAL, "sqe->ioprio", io_uring_prep_nop(sqe); sqe->ioprio = 1);
	GIVES(-EINVAL, "io_uring_prep_nop128", io_uring_prep_nop128(sqe));
}

#define WAIT(WORD, VALUE, MASK, SIZE, FLAGS) io_uring_prep_futex_wait(sqe, WORD, VALUE, MASK, SIZE, FLAGS)
#define WAKE(WORD, N, MASK, SIZE, FLAGS) io_uring_prep_futex_wake(sqe, WORD, N, MASK, SIZE, FLAGS)
#define ALL FUTEX_BITSET_MATCH_ANY

TEST(io_uring_prep_futex_wait)
{
	begin(0);
	need_op(IORING_OP_FUTEX_WAIT);
	GIVES(-EAGAIN, "", WAIT(word, 2, ALL, SIZE_32, 0));
	GIVES(-EFAULT, "", WAIT((uint32_t *)bad, 1, ALL, SIZE_32, 0));
	GIVES(-EINVAL, "a flag", WAIT(word, 1, ALL, SIZE_32 | 0x40, 0));
	GIVES(-EINVAL, "a flag", WAIT(word, 1, ALL, 1, 0));
	GIVES(-EINVAL, "not aligned", WAIT((uint32_t *)(void *)((char *)word + 1), 1, ALL, SIZE_32, 0));
	GIVES(-EINVAL, "mask is 0", WAIT(word, 1, 0, SIZE_32, 0));
	GIVES(-EINVAL, "more than 32 bits", WAIT(word, 1ULL << 32, ALL, SIZE_32, 0));
	GIVES(-EINVAL, "more than 32 bits", WAIT(word, 1, 1ULL << 32 | ALL, SIZE_32, 0));
	GIVES(-EINVAL, "sqe->buf_index", WAIT(word, 1, ALL, SIZE_32, 1));
	GIVES(-EINVAL, "sqe->buf_index", WAIT(word, 1, ALL, SIZE_32, 0); sqe->buf_index = 1);
	GIVES(-EINVAL, "sqe->buf_index", WAIT(word, 1, ALL, SIZE_32, 0); sqe->ioprio = 1);
	STARTS(7, WAIT(word, 1, ALL, SIZE_32, 0));
	STATES("io_uring_prep_futex_wait", -ECANCELED, "");
	CANCELS(7);
	CHECK_EQ(res_of(7), -ECANCELED);
	STATES("io_uring_prep_cancel", "it is 1 instead of 0");
	CHECK_EQ(res_of(8), 1);
	STATES("io_uring_register_sync_cancel", "it is 1 instead of 0");
	STARTS(7, WAIT(word, 1, ALL, SIZE_32, 0));
	CHECK_EQ(io_uring_register_sync_cancel(&ring, &(struct io_uring_sync_cancel_reg){ .addr = 7, .timeout = { -1, -1 } }), 1);
	CHECK_EQ(wait_res(&ring, 7), -ECANCELED);
	GIVES(0, "", WAKE(word, 1, ALL, SIZE_32, 0));
	STATES("io_uring_prep_futex_wait", "posts one CQE | res is 0 | flags is 0");
	STARTS(7, WAIT(word, 1, ALL, SIZE_32, 0));
	STATES("io_uring_prep_futex_wake", "res is the number of waiters");
	STARTS(9, WAKE(word, 5, ALL, SIZE_32, 0));
	collect(&ring, 2);
	CHECK_EQ(res_of(7) | (int)cqe_of(7).flags, 0);
	CHECK_EQ(res_of(9), 1);
	begin(IORING_SETUP_IOPOLL);
	GIVES(-EINVAL, "IORING_SETUP_IOPOLL", WAIT(word, 1, ALL, SIZE_32, 0));
}

TEST(io_uring_prep_futex_wake)
{
	begin(0);
	need_op(IORING_OP_FUTEX_WAKE);
	GIVES(0, "posts one CQE | res is the number | flags is 0", WAKE(word, 1, ALL, SIZE_32, 0));
	GIVES(-EFAULT, "", WAKE((uint32_t *)bad, 1, ALL, SIZE_32, 0));
	GIVES(0, "", WAKE((uint32_t *)bad, 1, ALL, SIZE_32 | FUTEX_PRIVATE_FLAG, 0));
	GIVES(-EINVAL, "a flag", WAKE(word, 1, ALL, SIZE_32 | 0x40, 0));
	GIVES(-EINVAL, "a flag", WAKE(word, 1, ALL, 1, 0));
	GIVES(-EINVAL, "not aligned", WAKE((uint32_t *)(void *)((char *)word + 1), 1, ALL, SIZE_32, 0));
	GIVES(-EINVAL, "mask is 0", WAKE(word, 1, 0, SIZE_32, 0));
	GIVES(-EINVAL, "more than 32 bits", WAKE(word, 1ULL << 32, ALL, SIZE_32, 0));
	GIVES(-EINVAL, "more than 32 bits", WAKE(word, 1, 1ULL << 32 | ALL, SIZE_32, 0));
	GIVES(-EINVAL, "sqe->buf_index", WAKE(word, 1, ALL, SIZE_32, 1));
	GIVES(-EINVAL, "sqe->buf_index", WAKE(word, 1, ALL, SIZE_32, 0); sqe->buf_index = 1);
	GIVES(-EINVAL, "sqe->buf_index", WAKE(word, 1, ALL, SIZE_32, 0); sqe->ioprio = 1);
	begin(IORING_SETUP_IOPOLL);
	GIVES(-EINVAL, "IORING_SETUP_IOPOLL", WAKE(word, 1, ALL, SIZE_32, 0));
}

static struct futex_waitv vector(void *address, __u64 value, __u32 flags, __u32 reserved)
{
	return (struct futex_waitv){ .uaddr = (uintptr_t)address, .val = value, .flags = flags, .__reserved = reserved };
}

#define WAITV(V, N, FLAGS) io_uring_prep_futex_waitv(sqe, V, N, FLAGS)

TEST(io_uring_prep_futex_waitv)
{
	struct futex_waitv two[2] = { vector(word, 1, SIZE_32, 0), vector(word + 1, 1, SIZE_32, 0) };
	struct futex_waitv other = vector(word, 2, SIZE_32, 0), wrong[] = {
		vector(word, 1, SIZE_32 | 0x40, 0), vector(word, 1, 1, 0), vector((char *)word + 1, 1, SIZE_32, 0),
		vector(word, 1ULL << 32, SIZE_32, 0), vector(word, 1, SIZE_32, 1),
	}, away = vector(bad, 1, SIZE_32, 0);
	static struct futex_waitv many_of_them[129];
	unsigned i;

	begin(0);
	need_op(IORING_OP_FUTEX_WAITV);
	GIVES(-EAGAIN, "", WAITV(&other, 1, 0));
	GIVES(-EFAULT, "", WAITV((struct futex_waitv *)bad, 1, 0));
	GIVES(-EFAULT, "", WAITV(&away, 1, 0));
	GIVES(-EINVAL, "nr_futex", WAITV(two, 0, 0));
	for (i = 0; i < 129; i++)
		many_of_them[i] = two[0];
	GIVES(-EINVAL, "nr_futex", WAITV(many_of_them, 129, 0));
	for (i = 0; i < ARRAY_LEN(wrong); i++)
		GIVES(-EINVAL, "in an element", WAITV(wrong + i, 1, 0));
	GIVES(-EINVAL, "sqe->buf_index", WAITV(two, 2, 1));
	GIVES(-EINVAL, "sqe->buf_index", WAITV(two, 2, 0); sqe->buf_index = 1);
	GIVES(-EINVAL, "sqe->buf_index", WAITV(two, 2, 0); sqe->ioprio = 1);
	STARTS(7, WAITV(two, 2, 0));
	STATES("io_uring_prep_futex_waitv", -ECANCELED, "");
	CANCELS(7);
	CHECK_EQ(res_of(7), -ECANCELED);
	STATES("io_uring_prep_futex_waitv", "posts one CQE | res is the index | flags is 0");
	STARTS(7, WAITV(two, 2, 0));
	STARTS(9, WAKE(word + 1, 1, ALL, SIZE_32, 0));
	collect(&ring, 2);
	CHECK_EQ(res_of(7), 1);
	CHECK_EQ(cqe_of(7).flags, 0);
	begin(IORING_SETUP_IOPOLL);
	GIVES(-EINVAL, "IORING_SETUP_IOPOLL", WAITV(two, 2, 0));
}

static siginfo_t info;

#define WAITID(TYPE, ID, OPTIONS) io_uring_prep_waitid(sqe, TYPE, (id_t)(ID), &info, OPTIONS, 0)

/* A child that ends at once, or one that stays. */
static pid_t some_child(bool stays)
{
	pid_t pid = child();

	if (!pid) {
		while (stays)
			pause();
		_exit(3);
	}
	return pid;
}

TEST(io_uring_prep_waitid)
{
	pid_t ended = some_child(false), pid;

	begin(0);
	need_op(IORING_OP_WAITID);
	GIVES(0, "posts one CQE | res is 0 | flags is 0 | The child's state", WAITID(P_PID, ended, WEXITED));
	CHECK_EQ(info.si_pid, ended);
	CHECK_EQ(info.si_status, 3);
	STATES("io_uring_prep_waitid", "are set to 0");
	GIVES(-ECHILD, "no such child", WAITID(P_PID, ended, WEXITED));
	CHECK_EQ(info.si_pid | info.si_signo, 0);
	GIVES(-EBADF, "", WAITID(P_PIDFD, 900, WEXITED));
	GIVES(-EINVAL, "options", WAITID(P_ALL, 0, 0));
	GIVES(-EINVAL, "options", WAITID(P_ALL, 0, WEXITED | 0x100));
	GIVES(-EINVAL, "idtype", WAITID(77, 1, WEXITED));
	GIVES(-EINVAL, "a valid ID", WAITID(P_PID, 0, WEXITED));
	GIVES(-EINVAL, "sqe->buf_index", io_uring_prep_waitid(sqe, P_ALL, 0, &info, WEXITED, 1));
	GIVES(-EINVAL, "sqe->buf_index", WAITID(P_ALL, 0, WEXITED); sqe->buf_index = 1);
	GIVES(-EINVAL, "sqe->buf_index", WAITID(P_ALL, 0, WEXITED); sqe->ioprio = 1);
	ended = some_child(false);
	GIVES(-EFAULT, "", io_uring_prep_waitid(sqe, P_PID, (id_t)ended, (siginfo_t *)bad, WEXITED, 0));
	GIVES(-ECHILD, "no such child", WAITID(P_PID, ended, WEXITED));
	pid = some_child(true);
	info.si_pid = 5;
	GIVES(0, "are set to 0", WAITID(P_PID, pid, WEXITED | WNOHANG));
	CHECK_EQ(info.si_pid | info.si_signo, 0);
	STATES("io_uring_prep_waitid", -ECANCELED, "");
	info.si_pid = 5;
	STARTS(7, WAITID(P_PID, pid, WEXITED));
	CANCELS(7);
	CHECK_EQ(res_of(7), -ECANCELED);
	CHECK_EQ(info.si_pid | info.si_signo, 0);
	STATES("io_uring_prep_waitid", -ECHILD, "another waiter got the child");
	signal(SIGCHLD, SIG_IGN);
	STARTS(7, WAITID(P_PID, pid, WEXITED));
	kill(pid, SIGKILL);
	CHECK_EQ(wait_res(&ring, 7), -ECHILD);
	begin(IORING_SETUP_IOPOLL);
	GIVES(-EINVAL, "IORING_SETUP_IOPOLL", WAITID(P_ALL, 0, WEXITED));
}
