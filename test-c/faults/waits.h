/* Families that wait. */
#include "family.h"

FAMILY(poll, 0, "")
{
	int fds[2];

	pipes(fds);
	ENTRY(1, poll_add, fds[0], POLLIN);
	submit();
	MUST(write(fds[1], "x", 1) == 1);
	reap(1);
}

FAMILY(poll_multishot, 0, "")
{
	int fds[2];

	pipes(fds);
	ENTRY(1, poll_multishot, fds[0], POLLIN);
	submit();
	MUST(write(fds[1], "x", 1) == 1);
	reap_up_to(1, true);
	if (goes_on()) {
		MUST(read(fds[0], buffer, 1) == 1 && write(fds[1], "y", 1) == 1);
		reap_up_to(2, true);
	}
	if (goes_on()) {
		ENTRY(2, poll_remove, 1);
		go(2);
	}
}

FAMILY(poll_update, 0, "")
{
	int fds[2];

	pair(fds, SOCK_STREAM);
	ENTRY(1, poll_add, fds[0], POLLPRI);
	submit();
	ENTRY(2, poll_update, 1, 0, POLLIN, IORING_POLL_UPDATE_EVENTS);
	go(1);
	MUST(write(fds[1], "x", 1) == 1);
	reap(2);
}

static struct __kernel_timespec in_5_ms = { .tv_nsec = 5000000 }, in_an_hour = { .tv_sec = 3600 };

FAMILY(timeout, 0, "")
{
	ENTRY(1, timeout, &in_5_ms, 0, 0);
	ENTRY(2, timeout, &in_5_ms, 0, IORING_TIMEOUT_BOOTTIME);
	ENTRY(3, timeout, &in_5_ms, 0, IORING_TIMEOUT_REALTIME);
	ENTRY(4, timeout, &in_an_hour, 0, 0);
	submit();
	if (io_uring_cq_ready(&ring) == 4)
		return reap(4);
	ENTRY(5, timeout_update, &in_5_ms, 4, 0);
	go(5);
}

FAMILY(timeout_deferred, DEFERRED, "")
{
	ENTRY(1, timeout, &in_5_ms, 2, IORING_TIMEOUT_MULTISHOT);
	go(1);
	if (goes_on())
		reap_up_to(2, true);
}

FAMILY(timeout_removed, 0, "")
{
	ENTRY(1, timeout, &in_an_hour, 0, 0);
	ENTRY(2, timeout, &in_an_hour, 1, 0);
	submit();
	if (io_uring_cq_ready(&ring))
		return reap(io_uring_cq_ready(&ring));
	ENTRY(3, timeout_remove, 1, 0);
	go(3);
}

/* A request that would wait for ever ends with its timeout. */
FAMILY(link_timeout, 0, "preadv2")
{
	int fds[2];

	pipes(fds);
	ENTRY(1, read, fds[0], buffer, 1, 0)->flags |= IOSQE_IO_LINK;
	ENTRY(2, link_timeout, &in_5_ms, 0);
	go(2);
}

FAMILY(cancel, 0, "preadv2 recvfrom")
{
	struct io_uring_sync_cancel_reg reg = { .timeout = { .tv_sec = 1 } };
	int fds[2], more[2];

	pipes(fds);
	pair(more, SOCK_STREAM);
	ENTRY(1, read, fds[0], buffer, 1, 0);
	ENTRY(2, recv, more[0], buffer, 1, 0);
	ENTRY(3, poll_add, more[1], POLLIN);
	submit();
	if (io_uring_cq_ready(&ring))
		return reap(1);
	ENTRY(4, cancel64, 1, 0);
	go(2);
	ENTRY(5, cancel_fd, more[0], 0);
	go(2);
	reg.addr = 3;
	reg.fd = -1;
	if (TRY(io_uring_register_sync_cancel(&ring, &reg)))
		reap(5);
}

static unsigned words[4];

static void wake(unsigned at)
{
	syscall(SYS_futex, &words[at], FUTEX_WAKE_PRIVATE, 1);
}

FAMILY(futex, 0, "futex")
{
	int tries;

	memset(words, 0, sizeof(words));
	ENTRY(1, futex_wait, &words[0], 0, FUTEX_BITSET_MATCH_ANY, FUTEX2_SIZE_U32 | FUTEX2_PRIVATE, 0);
	submit();
	for (tries = 0; tries < 100 && !io_uring_cq_ready(&ring); tries++) {
		wake(0);
		usleep(1000);
	}
	reap(1);
	ENTRY(2, futex_wake, &words[1], 1, FUTEX_BITSET_MATCH_ANY, FUTEX2_SIZE_U32 | FUTEX2_PRIVATE, 0);
	go(1);
}

FAMILY(futex_canceled, 0, "")
{
	memset(words, 0, sizeof(words));
	ENTRY(1, futex_wait, &words[0], 0, FUTEX_BITSET_MATCH_ANY, FUTEX2_SIZE_U32 | FUTEX2_PRIVATE, 0);
	submit();
	if (io_uring_cq_ready(&ring))
		return reap(1);
	ENTRY(2, cancel64, 1, 0);
	go(2);
}

FAMILY(futexes, 0, "")
{
	struct futex_waitv list[2] = {
		{ .uaddr = (uintptr_t)&words[0], .flags = FUTEX2_SIZE_U32 | FUTEX2_PRIVATE },
		{ .uaddr = (uintptr_t)&words[1], .flags = FUTEX2_SIZE_U32 | FUTEX2_PRIVATE },
	};
	int tries;

	memset(words, 0, sizeof(words));
	ENTRY(1, futex_waitv, list, 2, 0);
	submit();
	for (tries = 0; tries < 100 && !io_uring_cq_ready(&ring); tries++) {
		wake(1);
		usleep(1000);
	}
	reap(1);
}

/* Children are not traced. */
static pid_t child_ending(int gate)
{
	pid_t pid = fork();

	MUST(pid >= 0);
	if (!pid) {
		char byte;

		_exit(read(gate, &byte, 1) == 1 ? 3 : 4);
	}
	return pid;
}

/* A request waits for a child, by its number or for any. */
static void wait_for_child(bool any)
{
	siginfo_t info;
	int gate[2];
	pid_t pid;

	memset(&info, 0, sizeof(info));
	pipes(gate);
	pid = child_ending(gate[0]);
	ENTRY(1, waitid, any ? P_ALL : P_PID, any ? 0 : (id_t)pid, &info, WEXITED, 0);
	submit();
	MUST(write(gate[1], "x", 1) == 1);
	reap(1);
	if (!res_of(1))
		say(&out, "child=%d/%d\n", info.si_pid == pid, info.si_status);
	waitpid(pid, NULL, 0);
}

FAMILY(waitid, 0, "waitid")
{
	wait_for_child(false);
}

FAMILY(waitid_any, 0, "waitid")
{
	wait_for_child(true);
}

FAMILY(epoll, 0, "epoll_ctl epoll_pwait")
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = 5 }, found[2];
	int fds[2], epoll = mine(epoll_create1(EPOLL_CLOEXEC));

	pipes(fds);
	ENTRY(1, epoll_ctl, epoll, fds[0], EPOLL_CTL_ADD, &event);
	go(1);
	if (res_of(1))
		MUST(!epoll_ctl(epoll, EPOLL_CTL_ADD, fds[0], &event));
	ENTRY(2, epoll_wait, epoll, found, 2, 0);
	submit();
	MUST(write(fds[1], "x", 1) == 1);
	reap(2);
}
