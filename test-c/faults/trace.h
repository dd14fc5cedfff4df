/* Runs a process whose system calls fail: ptrace(2) reaches the threads of the engine, too, which block all signals, so
 * that inject.h can't. A fault hits the n-th call of its kind, counted over all threads. x86-64 only. */
#ifndef IRONRING_TRACE_H
#define IRONRING_TRACE_H

#ifndef __x86_64__
#error "faults are injected on x86-64 only"
#endif

#include "../state.h"
#include "errnos.h"
#include <linux/futex.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>

/* How a call fails. */
enum how {
	ONCE,		/* it is not made, and returns an error */
	EVER,		/* the same for this and each later call of its kind */
	PART,		/* it does half of what it was asked for */
	SIGNAL,		/* it is interrupted by a signal, if the main thread makes it */
	GROUP,		/* from then on all calls of a group fail */
};

struct fault {
	const struct call *call;
	unsigned nth;	/* from 1 */
	enum how how;
	int error;
};

/* What the traced process and the tracer share. */
static struct shared {
	/* The main thread is in a call to the library. */
	volatile int active;
	/* Faults are over. */
	volatile int over;
	/* The part of the scenario: setup, act, exit. */
	volatile char phase;
	/* How many descriptors stay open, if that is known; -1. */
	int expected;
	size_t length;
	char text[1 << 15];
} *shared;

/* A thread of the traced process. */
struct thread {
	pid_t id;
	char name[16];
	/* The call that it is in. */
	const struct call *call;
	/* The result to return, if the call was not made. */
	long answer;
	bool answers;
	/* The registers and the vector to put back after a call that did a part. */
	struct user_regs_struct before;
	unsigned long vector_at, count_at;
	unsigned long vector, count;
	bool parted;
};

#define THREADS 512

static struct trace {
	struct thread threads[THREADS];
	unsigned nr_threads;
	unsigned counts[CALLS];
	/* Those of them that the main thread has made, and all of the fault's group. */
	unsigned mains[CALLS], grouped;
	/* Where the fault was met. */
	unsigned hits;
	char role[16];
	char phase;
	bool late;
	int status;
} trace;

static volatile sig_atomic_t trace_alarm;

static void trace_on_alarm(int number)
{
	(void)number;
	trace_alarm = 1;
}

static struct thread *trace_thread(pid_t id)
{
	unsigned i;

	for (i = 0; i < trace.nr_threads; i++)
		if (trace.threads[i].id == id)
			return &trace.threads[i];
	if (i == THREADS) {
		fprintf(stderr, "trace.h: more than %u threads\n", THREADS);
		_exit(3);
	}
	trace.threads[i] = (struct thread){ .id = id };
	trace.nr_threads++;
	return &trace.threads[i];
}

static bool trace_peek(pid_t id, unsigned long at, void *to, size_t length)
{
	struct iovec here = { to, length }, there = { (void *)at, length };

	return process_vm_readv(id, &here, 1, &there, 1, 0) == (ssize_t)length;
}

static bool trace_poke(pid_t id, unsigned long at, const void *from, size_t length)
{
	struct iovec here = { (void *)(uintptr_t)from, length }, there = { (void *)at, length };

	return process_vm_writev(id, &here, 1, &there, 1, 0) == (ssize_t)length;
}

/* Halves the first vector of a call, and drops the others. */
static bool trace_part_of_vectors(struct thread *thread, unsigned long vectors)
{
	struct iovec first;
	size_t half;

	if (!trace_peek(thread->id, vectors, &first, sizeof(first)) || first.iov_len < 2)
		return false;
	thread->vector_at = vectors + offsetof(struct iovec, iov_len);
	thread->vector = first.iov_len;
	half = first.iov_len / 2;
	return trace_poke(thread->id, thread->vector_at, &half, sizeof(half));
}

/* Has a call do a part of what it was asked for; false if it can't be cut. */
static bool trace_part(struct thread *thread)
{
	struct user_regs_struct regs;
	unsigned long vectors, one = 1;
	unsigned long long *length;

	ptrace(PTRACE_GETREGS, thread->id, NULL, &regs);
	thread->before = regs;
	thread->vector_at = thread->count_at = 0;
	length = thread->call->part == 'e' ? &regs.r8 : &regs.rdx;
	switch (thread->call->part) {
	case 'v':
		if (!trace_part_of_vectors(thread, regs.rsi))
			return false;
		regs.rdx = 1;
		break;
	case 'm':
		if (!trace_peek(thread->id, regs.rsi + offsetof(struct msghdr, msg_iov), &vectors, sizeof(vectors)) ||
		    !trace_part_of_vectors(thread, vectors))
			return false;
		thread->count_at = regs.rsi + offsetof(struct msghdr, msg_iovlen);
		trace_peek(thread->id, thread->count_at, &thread->count, sizeof(thread->count));
		trace_poke(thread->id, thread->count_at, &one, sizeof(one));
		break;
	default:
		if (*length < 2)
			return false;
		*length /= 2;
	}
	ptrace(PTRACE_SETREGS, thread->id, NULL, &regs);
	thread->parted = true;
	return true;
}

/* Faults end before the last round, but a call that is refused stays refused. */
static bool trace_is_over(const struct fault *fault)
{
	bool refused = fault && fault->how == EVER && (fault->error == EPERM || fault->error == ENOSYS);

	return shared->over && !refused;
}

/* Only waiting for a futex can fail. */
static bool trace_waits(unsigned long operation)
{
	operation &= FUTEX_CMD_MASK;
	return operation == FUTEX_WAIT || operation == FUTEX_WAIT_BITSET;
}

static void trace_entry(struct thread *thread, pid_t process, const struct __ptrace_syscall_info *info,
			const struct fault *fault)
{
	const struct call *call = call_of((long)info->entry.nr);
	unsigned now;

	thread->call = call;
	if (info->entry.nr == SYS_prctl && info->entry.args[0] == PR_SET_NAME)
		trace_peek(thread->id, info->entry.args[1], thread->name, sizeof(thread->name) - 1);
	/* Before it has a name a thread is in libc. */
	if (!call || trace_is_over(fault) || (thread->id == process ? !shared->active : !*thread->name))
		return;
	/* Only duplications of the engine's can fail. */
	if (call->nr == SYS_fcntl && info->entry.args[1] != F_DUPFD && info->entry.args[1] != F_DUPFD_CLOEXEC)
		return;
	if (call->nr == SYS_futex && !trace_waits(info->entry.args[1]))
		return;
	now = ++trace.counts[call - calls];
	trace.mains[call - calls] += thread->id == process;
	if (!fault)
		return;
	if (fault->how == GROUP) {
		if (!is_in_group(fault->call, call) || ++trace.grouped < fault->nth)
			return;
	} else {
		if (fault->how == SIGNAL)
			now = thread->id == process ? trace.mains[call - calls] : 0;
		if (fault->call != call || now < fault->nth || (now > fault->nth && fault->how != EVER))
			return;
	}
	if (fault->how == PART) {
		if (!trace_part(thread))
			return;
	} else if (fault->how == SIGNAL) {
		syscall(SYS_tgkill, process, thread->id, SIGUSR1);
	} else {
		/* A descriptor is closed whatever close(2) says. */
		if (call->nr != SYS_close) {
			struct user_regs_struct regs;

			ptrace(PTRACE_GETREGS, thread->id, NULL, &regs);
			regs.orig_rax = -1UL;
			ptrace(PTRACE_SETREGS, thread->id, NULL, &regs);
		}
		thread->answer = -fault->error;
		thread->answers = true;
	}
	if (!trace.hits++) {
		snprintf(trace.role, sizeof(trace.role), "%.7s", thread->id == process ? "main" : thread->name);
		trace.phase = shared->phase;
	}
}

static void trace_exit(struct thread *thread)
{
	struct user_regs_struct regs;

	thread->call = NULL;
	if (!thread->answers && !thread->parted)
		return;
	ptrace(PTRACE_GETREGS, thread->id, NULL, &regs);
	if (thread->answers) {
		regs.rax = (unsigned long)thread->answer;
	} else {
		unsigned long long result = regs.rax;

		regs = thread->before;
		regs.rax = result;
		if (thread->vector_at)
			trace_poke(thread->id, thread->vector_at, &thread->vector, sizeof(thread->vector));
		if (thread->count_at)
			trace_poke(thread->id, thread->count_at, &thread->count, sizeof(thread->count));
	}
	thread->answers = thread->parted = false;
	ptrace(PTRACE_SETREGS, thread->id, NULL, &regs);
}

/* In the child: waits for the tracer. */
static void trace_me(void)
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
}

/* Says which calls the threads are in when nothing happens any more. */
static void trace_say_where(void)
{
	unsigned i;

	for (i = 0; i < trace.nr_threads; i++)
		if (trace.threads[i].id)
			printf("hangs %s in %s\n", *trace.threads[i].name ? trace.threads[i].name : "main",
			       trace.threads[i].call ? trace.threads[i].call->name : "no call");
}

/* Runs a child that has called trace_me() to its end, which is in `trace` afterwards. */
static void trace_run(pid_t process, const struct fault *fault, unsigned milliseconds)
{
	struct itimerval limit = { { 1, 0 }, { milliseconds / 1000, milliseconds % 1000 * 1000L } }, none = { 0 };
	struct sigaction action = { .sa_handler = trace_on_alarm };
	const unsigned long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL;
	int status;

	memset(&trace, 0, sizeof(trace));
	trace_alarm = 0;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &limit, NULL);
	while (true) {
		pid_t id = waitpid(-1, &status, __WALL);
		struct __ptrace_syscall_info info;
		struct thread *thread;
		int signal = 0;

		if (id < 0) {
			if (errno == EINTR && trace_alarm) {
				if (!trace.late)
					trace_say_where();
				trace.late = true;
				kill(process, SIGKILL);
				continue;
			}
			break;
		}
		thread = trace_thread(id);
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			thread->id = 0;
			if (id == process) {
				trace.status = status;
				break;
			}
			continue;
		}
		if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
			if (ptrace(PTRACE_GET_SYSCALL_INFO, id, sizeof(info), &info) <= 0)
				info.op = PTRACE_SYSCALL_INFO_NONE;
			if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
				trace_entry(thread, process, &info, fault);
			else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
				trace_exit(thread);
		} else if (WSTOPSIG(status) == SIGSTOP && id == process && !thread->call && !*thread->name) {
			ptrace(PTRACE_SETOPTIONS, id, NULL, options);
			strcpy(thread->name, "main");
		} else if (status >> 16 == 0 && WSTOPSIG(status) != SIGSTOP) {
			signal = WSTOPSIG(status);
		}
		ptrace(trace_is_over(fault) && !thread->answers && !thread->parted ? PTRACE_CONT : PTRACE_SYSCALL, id,
		       NULL, (unsigned long)signal);
	}
	setitimer(ITIMER_REAL, &none, NULL);
}

#endif
