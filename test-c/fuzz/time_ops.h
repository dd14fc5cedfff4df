/* Time and children. Each request ends by itself, and is awaited at once. */
#include "net_ops.h"
#include <sys/wait.h>

/* What nothing ever happens to. */
static int still = -1;

/* A timeout that expires, or is ended by something else. */
static void expiring(unsigned r, unsigned number)
{
	static struct __kernel_timespec now, soon = { .tv_nsec = 1000 }, past = { .tv_sec = 1 }, wrong = { .tv_sec = -1 };
	struct io_uring_sqe *second;
	ALONE(r, 6);

	if (still < 0)
		still = eventfd(0, EFD_CLOEXEC);
	switch (number % 18) {
	case 0:
		io_uring_prep_timeout(sqe, &now, 0, 0);
		break;
	case 1:
		io_uring_prep_timeout(sqe, &soon, 0, IORING_TIMEOUT_ETIME_SUCCESS);
		break;
	case 2:
		io_uring_prep_timeout(sqe, &past, 0, IORING_TIMEOUT_ABS);
		break;
	case 3:
		io_uring_prep_timeout(sqe, &soon, 0, IORING_TIMEOUT_BOOTTIME);
		break;
	case 4:
		io_uring_prep_timeout(sqe, &past, 0, IORING_TIMEOUT_REALTIME | IORING_TIMEOUT_ABS);
		break;
	case 5:
		io_uring_prep_timeout(sqe, &soon, 3, IORING_TIMEOUT_MULTISHOT);
		break;
	case 6:
		io_uring_prep_timeout(sqe, &wrong, 0, 0);
		break;
	case 7:
		io_uring_prep_timeout(sqe, &never, 0, IORING_TIMEOUT_BOOTTIME | IORING_TIMEOUT_REALTIME);
		break;
	case 8:
		/* Ended by the second entry's completion. */
		io_uring_prep_timeout(sqe, &never, 1, 0);
		numbered(s, sqe, 0);
		sqe = another(s);
		io_uring_prep_nop(sqe);
		break;
	case 9:
	case 10:
		/* Limited by the second entry. */
		if (number & 1)
			io_uring_prep_poll_add(sqe, still, POLLIN);
		else
			io_uring_prep_read(sqe, still, data[9], 8, 0);
		numbered(s, sqe, number % 18 == 9 ? IOSQE_IO_LINK : IOSQE_IO_HARDLINK);
		sqe = another(s);
		io_uring_prep_link_timeout(sqe, &soon, number & 16 ? IORING_TIMEOUT_BOOTTIME : 0);
		break;
	case 11:
		io_uring_prep_timeout(sqe, &never, 0, 0);
		numbered(s, sqe, 0);
		sqe = another(s);
		io_uring_prep_timeout_remove(sqe, s->serial, 0);
		break;
	case 12:
	case 13:
		io_uring_prep_timeout(sqe, &never, 0, 0);
		numbered(s, sqe, 0);
		sqe = another(s);
		io_uring_prep_timeout_update(sqe, number & 1 ? &soon : &past, s->serial, number & 1 ? 0 : IORING_TIMEOUT_ABS);
		break;
	case 14:
		io_uring_prep_poll_add(sqe, still, POLLIN);
		numbered(s, sqe, IOSQE_IO_LINK);
		second = another(s);
		io_uring_prep_link_timeout(second, &never, 0);
		numbered(s, second, 0);
		sqe = another(s);
		io_uring_prep_timeout_update(sqe, &soon, s->serial, IORING_LINK_TIMEOUT_UPDATE);
		break;
	case 15:
		/* There is nothing left to limit. */
		io_uring_prep_nop(sqe);
		numbered(s, sqe, IOSQE_IO_LINK);
		sqe = another(s);
		io_uring_prep_link_timeout(sqe, &never, 0);
		break;
	case 16:
		/* The rest of the chain is canceled. */
		io_uring_prep_poll_add(sqe, still, POLLIN);
		numbered(s, sqe, IOSQE_IO_LINK);
		second = another(s);
		io_uring_prep_link_timeout(second, &soon, 0);
		numbered(s, second, IOSQE_IO_LINK);
		sqe = another(s);
		io_uring_prep_nop(sqe);
		break;
	default:
		io_uring_prep_timeout_remove(sqe, 1, 0);
		sqe->len = number & 16 ? 1 : 0;
	}
	numbered(s, sqe, 0);
	submit_alone(s);
	reap_alone(s);
}

/* A child that exits, is killed, or stops. */
static pid_t child(unsigned how)
{
	pid_t pid = fork();

	if (pid < 0)
		abort();
	if (pid)
		return pid;
	if (how == 1)
		raise(SIGKILL);
	if (how == 2)
		raise(SIGSTOP);
	_exit(7);
}

static void children(unsigned r, unsigned number)
{
	static const int options[] = { WEXITED, WEXITED | WNOWAIT, WEXITED | WNOHANG, WSTOPPED, 0, WEXITED | WSTOPPED };
	static siginfo_t info;
	unsigned how = number % 3;
	int option = options[number / 3 % 6], fd = -1;
	pid_t pid = -1;
	ALONE(r, 1);

	memset(&info, 0, sizeof(info));
	/* Otherwise there is no child. */
	if (number & 1) {
		siginfo_t state;

		pid = child(how);
		/* It has ended or stopped. */
		waitid(P_PID, (id_t)pid, &state, WEXITED | WSTOPPED | WNOWAIT);
		/* That would never happen. */
		if (option == WSTOPPED && how != 2)
			option = WEXITED;
		if (how == 2 && !(option & WSTOPPED))
			option |= WNOHANG;
	}
	if (number & 2 && pid > 0) {
		fd = (int)syscall(SYS_pidfd_open, pid, 0);
		io_uring_prep_waitid(sqe, P_PIDFD, (id_t)fd, &info, option, 0);
	} else if (number & 4) {
		io_uring_prep_waitid(sqe, P_ALL, 0, &info, option, 0);
	} else {
		io_uring_prep_waitid(sqe, P_PID, (id_t)(pid > 0 ? pid : 1), number & 8 ? NULL : &info, option, 0);
	}
	numbered(s, sqe, 0);
	submit_alone(s);
	note(" %d %d %d %s", info.si_signo, info.si_code, info.si_status, info.si_pid == pid ? "child" : "none");
	if (fd >= 0)
		close(fd);
	if (pid > 0) {
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	reap_alone(s);
}
