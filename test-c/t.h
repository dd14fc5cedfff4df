/* A test file is a program: TEST(name) { ... } for each case, and this header brings main(). Each case runs in a
 * process of its own with a time limit, so that a hang or a crash in one leaves the others alone. */
#ifndef IRONRING_T_H
#define IRONRING_T_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <liburing.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

int main(int argc, char **argv)
{
	unsigned passed = 0, failed = 0, skipped = 0;
	struct t_case *c;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (c = t_first; c; c = c->next) {
		int status;
		pid_t pid;

		if (argc > 1 && strcmp(argv[1], c->name))
			continue;
		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			alarm(T_SECONDS);
			c->run();
			exit(0);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid) {
			perror("fork");
			return 2;
		}
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
			printf("ok %s\n", c->name);
			passed++;
		} else if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
			printf("skip %s\n", c->name);
			skipped++;
		} else {
			if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
				printf("  still running after %d s\n", T_SECONDS);
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
