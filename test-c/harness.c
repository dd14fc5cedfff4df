/* Tests the harness itself: it ends a case that hangs, and kills its children and removes its files. */
#include "io.h"

static int to_me[2];

/* Small enough that a pipe takes each of two concurrent writes in one piece. */
struct word {
	pid_t pid;
	char dir[sizeof(t_dir)];
};

_Static_assert(sizeof(struct word) <= PIPE_BUF, "two would mix");

/* Reports its process id and waits forever, as does a child that is not set to die with it. */
static void hang(void)
{
	struct word word;

	close(tmp_open("file", 0));
	CHECK_SYS(mkdir(tmp_path("folder"), 0700));
	CHECK(fork() >= 0);
	word.pid = getpid();
	memcpy(word.dir, t_dir, sizeof(t_dir));
	fd_write(to_me[1], &word, sizeof(word));
	for (;;)
		pause();
}

static void pass(void)
{
	close(tmp_open("file", 0));
}

static void fail(void)
{
	close(tmp_open("file", 0));
	exit(1);
}

TEST(nothing_is_left)
{
	const struct t_case hanging = { "hang", hang, NULL };
	char *stacks = tmp_path("stacks"), *command;
	pid_t shown = 0;
	FILE *file;
	unsigned i;
	int status;

	if (access("/bin/sh", X_OK))
		SKIP("no shell runs the command");
	CHECK(asprintf(&command, "echo >'%s'", stacks) > 0);
	CHECK_SYS(setenv("T_STACKS", command, 1));
	CHECK_SYS(setenv("T_SECONDS", "1", 1));
	CHECK_SYS(prctl(PR_SET_CHILD_SUBREAPER, 1));
	CHECK_SYS(sigaction(SIGALRM, &(struct sigaction){ .sa_handler = t_alarm }, NULL));
	CHECK_SYS(setenv("TMPDIR", t_dir, 1));
	make_pipe(to_me);
	status = t_run(&hanging);
	CHECK(t_late);
	CHECK(WIFSIGNALED(status));
	file = fopen(stacks, "re");
	CHECK(file && fscanf(file, "%d", &shown) == 1);
	fclose(file);
	for (i = 0; i < 2; i++) {
		struct word word;

		CHECK_EQ(read(to_me[0], &word, sizeof(word)), sizeof(word));
		/* The one that the command was given. */
		if (word.pid == shown)
			shown = 0;
		CHECK_EQ(kill(word.pid, 0), -1);
		CHECK_EQ(errno, ESRCH);
		CHECK_EQ(access(word.dir, F_OK), -1);
	}
	CHECK_EQ(shown, 0);
	CHECK_EQ(waitpid(-1, NULL, 0), -1);
}

TEST(only_kernels_are_old)
{
	CHECK_SYS(unsetenv("T_BACKEND"));
	CHECK(kernel_before(1000, 0));
	CHECK(!kernel_before(2, 0));
	CHECK_SYS(setenv("T_BACKEND", "engine", 1));
	CHECK(!kernel_before(1000, 0));
}

TEST(how_a_case_ends)
{
	const struct t_case passing = { "pass", pass, NULL }, failing = { "fail", fail, NULL };
	char own[sizeof(t_dir)];

	memcpy(own, t_dir, sizeof(own));
	CHECK_SYS(setenv("TMPDIR", own, 1));
	CHECK_EQ(t_run(&passing), 0);
	CHECK(!t_late && access(t_dir, F_OK));
	CHECK_EQ(WEXITSTATUS(t_run(&failing)), 1);
	CHECK(!t_late && access(t_dir, F_OK));
	CHECK(!access(own, F_OK));
}
