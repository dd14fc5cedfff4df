/* A test file is a program: TEST(name) { ... } defines a case, and this header defines main(). Each case runs in a
 * process of its own with a time limit, so that a hang or a crash leaves the others alone. However a case ends, main()
 * kills its children and removes its files. */
#ifndef IRONRING_T_H
#define IRONRING_T_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <liburing.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef T_SECONDS
#define T_SECONDS 20
#endif
/* What the cases of a file need at least. */
#ifndef T_LEAST
#define T_LEAST 1
#endif

struct t_case {
	const char *name;
	void (*run)(void);
	struct t_case *next;
};

static struct t_case *t_first, **t_last = &t_first;

/* A case ends by returning (passed), by a failed CHECK (1) or by SKIP (77). */
#define TEST(NAME)							\
	static void t_run_##NAME(void);					\
	__attribute__((constructor)) static void t_add_##NAME(void)	\
	{								\
		static struct t_case c = { #NAME, t_run_##NAME, NULL };	\
		*t_last = &c;						\
		t_last = &c.next;					\
	}								\
	static void t_run_##NAME(void)

#define T_FAIL(...)							\
	do {								\
		printf("  %s:%d: ", __FILE__, __LINE__);		\
		printf(__VA_ARGS__);					\
		printf("\n");						\
		exit(1);						\
	} while (0)

#define CHECK(COND)							\
	do {								\
		if (!(COND))						\
			T_FAIL("not true: %s", #COND);			\
	} while (0)

/* Integers, both shown when they differ. */
#define CHECK_EQ(GOT, WANT)						\
	do {								\
		long long t_got = (long long)(GOT);			\
		long long t_want = (long long)(WANT);			\
		if (t_got != t_want)					\
			T_FAIL("%s is %lld, expected %s = %lld", #GOT,	\
			       t_got, #WANT, t_want);			\
	} while (0)

#define SKIP(...)							\
	do {								\
		printf("  reason: ");					\
		printf(__VA_ARGS__);					\
		printf("\n");						\
		exit(77);						\
	} while (0)

/* Skips the case under a checker ("valgrind", "asan", "tsan") that can't run it, with the reason. */
#define NOT_UNDER(TOOL, REASON)						\
	do {								\
		if (t_under(TOOL))					\
			SKIP("not under %s: %s", TOOL, REASON);		\
	} while (0)

/* The same for the engine alone, whose system calls the checker sees. */
#define ENGINE_NOT_UNDER(TOOL, REASON)					\
	do {								\
		if (t_on_engine())					\
			NOT_UNDER(TOOL, REASON);			\
	} while (0)

/* Names the statements of the manual that the next lines test: the page, the errno if there is one, and words of each
 * statement, separated by bars. `cargo xtask manual` compares them with the pages. */
#define STATES(PAGE, ...) _Static_assert(sizeof(PAGE) > 1, "a page")

/* The folder of the case; empty if none could be created. */
static char t_dir[PATH_MAX - 256];

static inline int t_under(const char *tool)
{
	const char *now = getenv("T_TOOL");

	return now && !strcmp(now, tool);
}

/* Whether io_uring is ironring's engine in user space, and not the kernel's. `cargo xtask ctest` says so. */
static inline int t_on_engine(void)
{
	const char *backend = getenv("T_BACKEND");

	return backend && !strcmp(backend, "engine");
}

static inline unsigned t_seconds(void)
{
	const char *set = getenv("T_SECONDS");
	unsigned n = set ? (unsigned)atoi(set) : 0;

	n = n ? n : T_SECONDS;
	return n > T_LEAST ? n : T_LEAST;
}

static int t_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* The limit is enforced from outside the case: a checker may delay signals to the case. */
static volatile sig_atomic_t t_late;

static void t_alarm(int number)
{
	(void)number;
	t_late = 1;
}

/* Shows where a case hangs: the command in T_STACKS gets its number. */
static void t_show_stacks(pid_t pid)
{
	const char *set = getenv("T_STACKS");
	char command[PATH_MAX + 64];

	if (!set)
		return;
	fflush(stdout);
	snprintf(command, sizeof(command), "%s %d", set, (int)pid);
	if (system(command))
		printf("  no stacks from: %s\n", command);
}

/* Runs a case and returns its status, or -1. Kills its process group and removes its folder. */
static int t_run(const struct t_case *c)
{
	const char *top = getenv("TMPDIR");
	pid_t me = getpid(), pid;
	siginfo_t info;
	int status;

	snprintf(t_dir, sizeof(t_dir), "%s/ironring-XXXXXX", top && *top ? top : "/tmp");
	if (!mkdtemp(t_dir))
		t_dir[0] = 0;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setpgid(0, 0);
		if (getppid() != me)
			_exit(1);
		signal(SIGALRM, SIG_DFL);
		c->run();
		exit(0);
	}
	if (pid < 0)
		return -1;
	setpgid(pid, pid);
	t_late = 0;
	/* Repeats, in case the first signal comes just before the wait. */
	setitimer(ITIMER_REAL, &(struct itimerval){ { 1, 0 }, { t_seconds(), 0 } }, NULL);
	/* Until the leader is reaped, no other group can get its number. */
	while (!t_late && waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT)) {
		if (errno != EINTR)
			return -1;
	}
	setitimer(ITIMER_REAL, &(struct itimerval){ { 0, 0 }, { 0, 0 } }, NULL);
	if (t_late)
		t_show_stacks(pid);
	kill(-pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid)
		return -1;
	while (waitpid(-pid, NULL, 0) > 0)
		;
	if (t_dir[0])
		nftw(t_dir, t_remove, 16, FTW_DEPTH | FTW_PHYS);
	return status;
}

int main(int argc, char **argv)
{
	unsigned passed = 0, failed = 0, skipped = 0;
	struct t_case *c;

	setvbuf(stdout, NULL, _IOLBF, 0);
	/* Orphans of a case become our children, so that we can reap them. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	sigaction(SIGALRM, &(struct sigaction){ .sa_handler = t_alarm }, NULL);
	for (c = t_first; c; c = c->next) {
		int status;

		if (argc > 1 && strcmp(argv[1], c->name))
			continue;
		status = t_run(c);
		if (status < 0) {
			perror(c->name);
			return 2;
		}
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
			printf("ok %s\n", c->name);
			passed++;
		} else if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
			printf("skip %s\n", c->name);
			skipped++;
		} else {
			if (t_late)
				printf("  still running after %u s\n", t_seconds());
			else if (WIFSIGNALED(status))
				printf("  ended by signal %d: %s\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
			printf("FAIL %s\n", c->name);
			failed++;
		}
	}
	if (argc > 1 && !(passed + failed + skipped)) {
		fprintf(stderr, "no case is called %s\n", argv[1]);
		return 2;
	}
	printf("%u passed, %u failed, %u skipped\n", passed, failed, skipped);
	return failed != 0;
}

#endif
