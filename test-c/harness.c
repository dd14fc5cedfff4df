/* The harness itself: a case that hangs ends in time, and its children and its files with it. */
#include "io.h"

static int to_me[2];

/* Small enough for a pipe to take it in one piece from each of two that write at once. */
struct word {
	pid_t pid;
	char dir[sizeof(t_dir)];
};

_Static_assert(sizeof(struct word) <= PIPE_BUF, "two would mix");

/* Tells its number and waits for ever; so does a child that isn't told to die with it. */
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
	unsigned i;
	int status;

	CHECK_SYS(setenv("T_SECONDS", "1", 1));
	CHECK_SYS(prctl(PR_SET_CHILD_SUBREAPER, 1));
	CHECK_SYS(sigaction(SIGALRM, &(struct sigaction){ .sa_handler = t_alarm }, NULL));
	CHECK_SYS(setenv("TMPDIR", t_dir, 1));
	make_pipe(to_me);
	status = t_run(&hanging);
	CHECK(t_late);
	CHECK(WIFSIGNALED(status));
	for (i = 0; i < 2; i++) {
		struct word word;

		CHECK_EQ(read(to_me[0], &word, sizeof(word)), sizeof(word));
		CHECK_EQ(kill(word.pid, 0), -1);
		CHECK_EQ(errno, ESRCH);
		CHECK_EQ(access(word.dir, F_OK), -1);
	}
	CHECK_EQ(waitpid(-1, NULL, 0), -1);
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
