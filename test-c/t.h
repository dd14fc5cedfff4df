/* A test file is a program: TEST(name) { ... } for each case, and this header brings main(). Each case runs in a
 * process of its own with a time limit, so that a hang or a crash in one leaves the others alone; what it leaves,
 * children and files, main() ends and removes, however the case ended.
 *
 * From the environment: T_SECONDS, the limit of a case; T_TOOL, the checker that the program runs under. */
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

/* Skips a case that a checker ("valgrind", "asan", "tsan") can't run, with the reason. */
#define NOT_UNDER(TOOL, REASON)						\
	do {								\
		if (t_under(TOOL))					\
			SKIP("not under %s: %s", TOOL, REASON);		\
	} while (0)

/* Names statements of the manual that the lines below show: the page, the errno if it is one, words of each, with bars
 * between them. `cargo xtask man` compares them with the pages. */
#define STATES(PAGE, ...) _Static_assert(sizeof(PAGE) > 1, "a page")

/* The folder of the case; empty when there could be none. */
static char t_dir[PATH_MAX - 256];

static inline int t_under(const char *tool)
{
	const char *now = getenv("T_TOOL");

	return now && !strcmp(now, tool);
}

static inline unsigned t_seconds(void)
{
	const char *set = getenv("T_SECONDS");
	unsigned n = set ? (unsigned)atoi(set) : 0;

	return n ? n : T_SECONDS;
}

static int t_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* The limit is watched from outside: a checker may keep signals from the case. */
static volatile sig_atomic_t t_late;

static void t_alarm(int number)
{
	(void)number;
	t_late = 1;
}

/* Runs a case and returns its status, or -1. Its process group and its folder end with it. */
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
	/* Again and again, lest one comes just before the wait. */
	setitimer(ITIMER_REAL, &(struct itimerval){ { 1, 0 }, { t_seconds(), 0 } }, NULL);
	/* While it isn't reaped, the group's number is nobody else's. */
	while (!t_late && waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT)) {
		if (errno != EINTR)
			return -1;
	}
	setitimer(ITIMER_REAL, &(struct itimerval){ { 0, 0 }, { 0, 0 } }, NULL);
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
	/* So that what a case leaves is ours to wait for. */
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
				printf("  ended by signal %d\n", WTERMSIG(status));
			printf("FAIL %s\n", c->name);
			failed++;
		}
	}
	if (argc > 1 && !(passed + failed + skipped)) {
		fprintf(stderr, "there is no case %s\n", argv[1]);
		return 2;
	}
	printf("%u passed, %u failed, %u skipped\n", passed, failed, skipped);
	return failed != 0;
}

#endif
