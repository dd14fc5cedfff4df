/* Runs between the library and the kernel: while `inject_on` is in effect, every system call of this thread comes here
 * first (syscall user dispatch, Linux 5.11), is recorded, and is made or answered with a fault. x86-64 only. */
#ifndef IRONRING_INJECT_H
#define IRONRING_INJECT_H

#ifndef __x86_64__
#error "faults are injected on x86-64 only"
#endif

#include "../state.h"
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>

/* The kinds of calls by which faults are counted. */
#define KINDS(K)		\
	K(setup)		\
	K(mmap_sq)		\
	K(mmap_cq)		\
	K(mmap_sqes)		\
	K(mmap_anonymous)	\
	K(munmap)		\
	K(madvise)		\
	K(close)		\
	K(prlimit)		\
	K(enter)		\
	K(register)

enum kind {
#define K(NAME) KIND_##NAME,
	KINDS(K)
#undef K
	KIND_NR
};

static const char *const kind_names[KIND_NR] = {
#define K(NAME) #NAME,
	KINDS(K)
#undef K
};

enum how {
	ANSWER,		/* the kernel isn't called, `value` is the result */
	EVER,		/* the same for this and each later call of its kind */
	FORGET,		/* the kernel is called, and `value` is the result */
	FEWER,		/* the kernel takes `value` fewer entries, and then doesn't wait, as after any short submit */
};

struct fault {
	enum kind kind;
	unsigned nth;	/* from 1; 0: never */
	enum how how;
	long value;
};

static struct {
	/* One that belongs to the scenario, and the one that is tested. */
	struct fault faults[2];
	/* Emulates an old kernel, which lacks these features and refuses these setup flags. */
	unsigned lacks, refuses;
	unsigned counts[KIND_NR];
	unsigned hits;
	struct text calls;
	/* The results of mmap, to name addresses by. */
	unsigned long maps[64];
	unsigned nr_maps;
} inject;

static volatile char inject_selector;
extern char inject_gate_start[], inject_gate_end[];
extern void inject_return(void);
long inject_gate(long nr, long a, long b, long c, long d, long e, long f);

/* The only address from which calls go straight to the kernel, including the one that ends the signal handler. */
__asm__(".pushsection .text\n"
	"inject_gate_start:\n"
	"inject_gate:\n"
	"	mov %rdi, %rax\n"
	"	mov %rsi, %rdi\n"
	"	mov %rdx, %rsi\n"
	"	mov %rcx, %rdx\n"
	"	mov %r8, %r10\n"
	"	mov %r9, %r8\n"
	"	mov 8(%rsp), %r9\n"
	"	syscall\n"
	"	ret\n"
	"inject_return:\n"
	"	mov $15, %eax\n"
	"	syscall\n"
	/* The kernel checks the address after the call. */
	"	nop\n"
	"inject_gate_end:\n"
	".popsection\n");

static int kind_of(long nr, const long *args)
{
	switch (nr) {
	case SYS_io_uring_setup:
		return KIND_setup;
	case SYS_io_uring_enter:
		return KIND_enter;
	case SYS_io_uring_register:
		return KIND_register;
	case SYS_munmap:
		return KIND_munmap;
	case SYS_madvise:
		return KIND_madvise;
	case SYS_close:
		return KIND_close;
	case SYS_prlimit64:
		return KIND_prlimit;
	case SYS_mmap:
		if ((int)args[4] < 0)
			return KIND_mmap_anonymous;
		if ((unsigned long)args[5] == IORING_OFF_SQ_RING)
			return KIND_mmap_sq;
		return (unsigned long)args[5] == IORING_OFF_CQ_RING ? KIND_mmap_cq : KIND_mmap_sqes;
	default:
		return -1;
	}
}

/* Addresses differ between two libraries: a mapping is named by its number. */
static void inject_say_address(unsigned long address)
{
	unsigned i;

	for (i = inject.nr_maps; i > 0; i--)
		if (inject.maps[i - 1] == address)
			break;
	if (i)
		say(&inject.calls, "map%u", i - 1);
	else
		say(&inject.calls, "%s", address ? "elsewhere" : "null");
}

static void inject_say(int kind, long nr, const long *args, long ret)
{
	struct text *to = &inject.calls;
	const struct io_uring_getevents_arg *ext = (const void *)args[4];

	switch (kind) {
	case -1:
		say(to, " other%ld", nr);
		return;
	case KIND_setup:
		say(to, " setup(%ld,%#x)", args[0], ((const struct io_uring_params *)args[1])->flags);
		break;
	case KIND_enter:
		say(to, " enter(%d,%u,%u,%#x,", (int)args[0], (unsigned)args[1], (unsigned)args[2], (unsigned)args[3]);
		if (args[3] & IORING_ENTER_EXT_ARG_REG) {
			say(to, "%ld", args[4]);
		} else if (args[3] & IORING_ENTER_EXT_ARG) {
			const struct __kernel_timespec *ts = (const void *)(uintptr_t)ext->ts;

			say(to, "{sigmask%s/%u,min%u,", ext->sigmask ? "" : "null", ext->sigmask_sz,
			    ext->min_wait_usec);
			if (ts)
				say(to, "%lld.%09lld}", (long long)ts->tv_sec, (long long)ts->tv_nsec);
			else
				say(to, "null}");
		} else {
			say(to, "%s", args[4] ? "sigmask" : "null");
		}
		say(to, "/%ld)", args[5]);
		break;
	case KIND_register:
		say(to, " register(%d,%#x,%s,%u)", (int)args[0], (unsigned)args[1], args[2] ? "argument" : "null",
		    (unsigned)args[3]);
		break;
	case KIND_close:
		say(to, " close(%d)", (int)args[0]);
		break;
	case KIND_prlimit:
		say(to, " prlimit(%s,%s)", args[2] ? "new" : "null", args[3] ? "old" : "null");
		break;
	case KIND_munmap:
	case KIND_madvise:
		say(to, " %s(", kind_names[kind]);
		inject_say_address((unsigned long)args[0]);
		say(to, ",%lu)", (unsigned long)args[1]);
		break;
	default:
		say(to, " %s(%lu,%#lx,%d)", kind_names[kind], (unsigned long)args[1], (unsigned long)args[3],
		    (int)args[4]);
		if (ret < 0 && ret >= -4095)
			break;
		if (inject.nr_maps < sizeof(inject.maps) / sizeof(*inject.maps))
			inject.maps[inject.nr_maps++] = (unsigned long)ret;
		say(to, "=map%u", inject.nr_maps - 1);
		return;
	}
	say(to, "=%ld", ret);
}

static long inject_call(long nr, long *args)
{
	int kind = kind_of(nr, args);
	const struct fault *fault = NULL;
	long ret;
	unsigned i;

	if (kind >= 0) {
		unsigned now = ++inject.counts[kind];

		for (i = 0; i < 2 && !fault; i++) {
			const struct fault *one = &inject.faults[i];

			if ((int)one->kind != kind || !one->nth)
				continue;
			if (now == one->nth || (one->how == EVER && now > one->nth))
				fault = one;
		}
		if (fault == &inject.faults[1])
			inject.hits++;
	}
	if (fault && fault->how <= EVER) {
		ret = fault->value;
	} else if (kind == KIND_setup && ((struct io_uring_params *)args[1])->flags & inject.refuses) {
		ret = -EINVAL;
	} else {
		long made[6];

		memcpy(made, args, sizeof(made));
		if (fault && fault->how == FEWER && args[1]) {
			made[1] = args[1] > fault->value ? args[1] - fault->value : 0;
			made[2] = 0;
			made[3] &= ~(long)IORING_ENTER_GETEVENTS;
		}
		/* The machine has few huge pages and reclaims them late: use ordinary ones. */
		if (kind == KIND_mmap_anonymous)
			made[3] &= ~(MAP_HUGETLB | 63L << 26);
		ret = inject_gate(nr, made[0], made[1], made[2], made[3], made[4], made[5]);
		if (kind == KIND_setup && ret >= 0)
			((struct io_uring_params *)args[1])->features &= ~inject.lacks;
		if (fault && fault->how == FORGET)
			ret = fault->value;
	}
	inject_say(kind, nr, args, ret);
	return ret;
}

static void inject_handler(int signal, siginfo_t *info, void *context)
{
	greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
	long args[6] = { regs[REG_RDI], regs[REG_RSI], regs[REG_RDX], regs[REG_R10], regs[REG_R8], regs[REG_R9] };
	/* The program's errno is what the library sets, so the handler must preserve it. */
	int saved = errno;

	(void)signal;
	inject_selector = SYSCALL_DISPATCH_FILTER_ALLOW;
	regs[REG_RAX] = inject_call(info->si_syscall, args);
	inject_selector = SYSCALL_DISPATCH_FILTER_BLOCK;
	errno = saved;
}

/* Runs once in each process. */
static int inject_prepare(void)
{
	/* The kernel's own structure: the C library's sigaction would install its own return from the handler. */
	struct {
		void (*handler)(int, siginfo_t *, void *);
		unsigned long flags;
		void (*restorer)(void);
		unsigned long mask;
	} action = { inject_handler, SA_SIGINFO | 0x04000000, inject_return, 0 };

	if (syscall(SYS_rt_sigaction, SIGSYS, &action, NULL, 8))
		return -errno;
	if (prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, (unsigned long)inject_gate_start,
		  (unsigned long)(inject_gate_end - inject_gate_start), &inject_selector))
		return -errno;
	return 0;
}

static inline void inject_on(void)
{
	inject_selector = SYSCALL_DISPATCH_FILTER_BLOCK;
}

static inline void inject_off(void)
{
	inject_selector = SYSCALL_DISPATCH_FILTER_ALLOW;
}

#endif
