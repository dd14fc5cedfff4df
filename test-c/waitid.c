/* waitid: a child's end as a completion. */
#include "io.h"

static struct io_uring ring;
static siginfo_t info;

static void start(void)
{
	need_op(IORING_OP_WAITID);
	ring_init(&ring, 8, 0);
	memset(&info, 0xee, sizeof(info));
}

/* A child that ends with `code` when the write end of `gate` is closed. */
static pid_t gated_child(int gate[2], int code)
{
	pid_t pid;

	make_pipe(gate);
	pid = child();
	if (pid == 0) {
		char c;

		close(gate[1]);
		_exit(read(gate[0], &c, 1) ? 99 : code);
	}
	close(gate[0]);
	return pid;
}

static struct io_uring_sqe *next(void)
{
	return next_sqe(&ring, 1);
}

TEST(child_that_exits_later)
{
	int gate[2];
	pid_t pid;

	start();
	pid = gated_child(gate, 42);
	io_uring_prep_waitid(next(), P_PID, (id_t)pid, &info, WEXITED, 0);
	submit_one(&ring);
	CHECK_QUIET(&ring);
	close(gate[1]);
	CHECK_EQ(wait_res(&ring, 1), 0);
	CHECK_EQ(info.si_pid, pid);
	CHECK_EQ(info.si_code, CLD_EXITED);
	CHECK_EQ(info.si_status, 42);
	CHECK_EQ(info.si_signo, SIGCHLD);
	/* The child has been reaped. */
	CHECK_EQ(waitpid(pid, NULL, 0), -1);
	CHECK_EQ(errno, ECHILD);
	io_uring_queue_exit(&ring);
}

TEST(child_that_has_exited)
{
	int gate[2];
	siginfo_t first;
	pid_t pid;

	start();
	pid = gated_child(gate, 7);
	close(gate[1]);
	CHECK_SYS(waitid(P_PID, (id_t)pid, &first, WEXITED | WNOWAIT));
	/* WNOWAIT leaves the child to be waited for again. */
	io_uring_prep_waitid(next(), P_PID, (id_t)pid, &info, WEXITED | WNOWAIT, 0);
	CHECK_EQ(run_res(&ring), 0);
	CHECK_EQ(info.si_status, 7);
	io_uring_prep_waitid(next(), P_PID, (id_t)pid, NULL, WEXITED, 0);
	CHECK_EQ(run_res(&ring), 0);
	io_uring_prep_waitid(next(), P_PID, (id_t)pid, NULL, WEXITED, 0);
	CHECK_EQ(run_res(&ring), -ECHILD);
	io_uring_queue_exit(&ring);
}

TEST(child_that_is_killed)
{
	int gate[2];
	pid_t pid;

	start();
	pid = gated_child(gate, 0);
	io_uring_prep_waitid(next(), P_PID, (id_t)pid, &info, WEXITED, 0);
	submit_one(&ring);
	CHECK_SYS(kill(pid, SIGKILL));
	CHECK_EQ(wait_res(&ring, 1), 0);
	CHECK_EQ(info.si_pid, pid);
	CHECK_EQ(info.si_code, CLD_KILLED);
	CHECK_EQ(info.si_status, SIGKILL);
	io_uring_queue_exit(&ring);
}

TEST(stop_and_continue)
{
	int gate[2];
	pid_t pid;

	start();
	pid = gated_child(gate, 0);
	io_uring_prep_waitid(next(), P_PID, (id_t)pid, &info, WSTOPPED, 0);
	submit_one(&ring);
	CHECK_SYS(kill(pid, SIGSTOP));
	CHECK_EQ(wait_res(&ring, 1), 0);
	CHECK_EQ(info.si_code, CLD_STOPPED);
	CHECK_EQ(info.si_status, SIGSTOP);
	io_uring_prep_waitid(next(), P_PID, (id_t)pid, &info, WCONTINUED, 0);
	submit_one(&ring);
	CHECK_SYS(kill(pid, SIGCONT));
	CHECK_EQ(wait_res(&ring, 1), 0);
	CHECK_EQ(info.si_code, CLD_CONTINUED);
	io_uring_queue_exit(&ring);
}

/* P_ALL: each child is reported once. */
TEST(any_child)
{
	int gates[3][2], i, k;
	pid_t pids[3];
	unsigned seen = 0;

	start();
	for (i = 0; i < 3; i++)
		pids[i] = gated_child(gates[i], i);
	for (i = 0; i < 3; i++) {
		/* Later children hold copies of earlier gates, so closing the parent's end would not end this child. */
		CHECK_SYS(kill(pids[i], SIGTERM));
		io_uring_prep_waitid(next(), P_ALL, 0, &info, WEXITED, 0);
		CHECK_EQ(run_res(&ring), 0);
		for (k = 0; k < 3 && info.si_pid != pids[k]; k++)
			;
		CHECK(k < 3);
		CHECK_EQ(info.si_status, SIGTERM);
		seen |= 1U << k;
	}
	CHECK_EQ(seen, 7);
	io_uring_prep_waitid(next(), P_ALL, 0, &info, WEXITED, 0);
	CHECK_EQ(run_res(&ring), -ECHILD);
	io_uring_queue_exit(&ring);
}

TEST(no_hang)
{
	int gate[2];
	pid_t pid;

	start();
	pid = gated_child(gate, 0);
	io_uring_prep_waitid(next(), P_PID, (id_t)pid, &info, WEXITED | WNOHANG, 0);
	CHECK_EQ(run_res(&ring), 0);
	CHECK_EQ(info.si_pid, 0);
	CHECK_EQ(info.si_signo, 0);
	close(gate[1]);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	io_uring_queue_exit(&ring);
}

TEST(cancelled)
{
	int gate[2];
	struct done cqe, other;
	pid_t pid;

	start();
	pid = gated_child(gate, 3);
	io_uring_prep_waitid(next(), P_PID, (id_t)pid, &info, WEXITED, 0);
	submit_one(&ring);
	io_uring_prep_cancel64(next_sqe(&ring, 2), 1, 0);
	submit_one(&ring);
	cqe = wait_one(&ring);
	other = wait_one(&ring);
	CHECK_EQ(cqe.user_data + other.user_data, 3);
	CHECK_EQ(cqe.user_data == 1 ? cqe.res : other.res, -ECANCELED);
	/* Kernels differ on whether they return the number of canceled requests. */
	CHECK((cqe.user_data == 2 ? cqe.res : other.res) >= 0);
	close(gate[1]);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	io_uring_queue_exit(&ring);
}

/* A link timeout ends the wait, and leaves the child to others. */
TEST(limited)
{
	struct __kernel_timespec ts = { .tv_nsec = 20 * 1000 * 1000 };
	struct done cqe, other;
	int gate[2];
	pid_t pid;

	start();
	pid = gated_child(gate, 4);
	io_uring_prep_waitid(next(), P_PID, (id_t)pid, &info, WEXITED, 0);
	ring.sq.sqes[(ring.sq.sqe_tail - 1) & ring.sq.ring_mask].flags |= IOSQE_IO_LINK;
	io_uring_prep_link_timeout(next_sqe(&ring, 2), &ts, 0);
	submit_n(&ring, 2);
	cqe = wait_one(&ring);
	other = wait_one(&ring);
	CHECK_EQ(cqe.user_data + other.user_data, 3);
	CHECK_EQ(cqe.user_data == 1 ? cqe.res : other.res, -ECANCELED);
	/* Kernels return the number of canceled requests, or that the time is over. */
	CHECK((cqe.user_data == 2 ? cqe.res : other.res) == 1 || (cqe.user_data == 2 ? cqe.res : other.res) == -ETIME);
	close(gate[1]);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	io_uring_queue_exit(&ring);
}

TEST(errors)
{
	start();
	io_uring_prep_waitid(next(), P_PID, (id_t)getpid(), &info, WEXITED, 0);
	CHECK_EQ(run_res(&ring), -ECHILD);
	io_uring_prep_waitid(next(), P_ALL, 0, &info, 0, 0);
	CHECK_EQ(run_res(&ring), -EINVAL);
	io_uring_prep_waitid(next(), (idtype_t)77, 0, &info, WEXITED, 0);
	CHECK_EQ(run_res(&ring), -EINVAL);
	io_uring_prep_waitid(next(), P_ALL, 0, &info, WEXITED, 1);
	CHECK_EQ(run_res(&ring), -EINVAL);
	io_uring_prep_waitid(next(), P_PIDFD, 9999, &info, WEXITED, 0);
	CHECK_EQ(run_res(&ring), -EBADF);
	io_uring_queue_exit(&ring);
}
