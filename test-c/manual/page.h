/* Programs that test what the manual pages state. A case has the name of the page, followed by __WHAT if a page has
 * several; GIVES() and STATES() name statements by words of theirs, separated by bars. `cargo xtask manual` compares
 * them with the pages, and runs the programs. */
#ifndef IRONRING_PAGE_H
#define IRONRING_PAGE_H

#include "../many.h"
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

static struct io_uring ring;
__attribute__((unused)) static struct io_uring_sqe *sqe;
/* An address that is not mapped. */
static char *const bad = (char *)4096;

/* Replaces the ring by a new one. */
static inline void begin_at(int line, unsigned flags)
{
	if (ring.sq.sqes)
		io_uring_queue_exit(&ring);
	ring_init_at(line, &ring, 32, flags);
}

#define begin(FLAGS) begin_at(__LINE__, FLAGS)

static inline void gives_at(int line, int res)
{
	struct done cqe = run_at(line, &ring);

	if (cqe.res != res)
		io_fail(line, "res is %d, expected %d", cqe.res, res);
	if (cqe.flags & ~(unsigned)IORING_CQE_F_SOCK_NONEMPTY)
		io_fail(line, "flags are %#x, expected 0", cqe.flags);
}

/* One request, which the last argument prepares in `sqe`, posts one completion with this `res` and without flags. */
#define GIVES(RES, WORDS, ...)						\
	do {								\
		sqe = next_sqe(&ring, 1);				\
		__VA_ARGS__;						\
		gives_at(__LINE__, RES);				\
	} while (0)

/* A call that returns this. */
#define RETURNS(RES, WORDS, CALL) CHECK_EQ(CALL, RES)

/* The same for requests that return a descriptor, which is closed. */
static inline int descriptor_at(int line)
{
	int res = run_at(line, &ring).res;

	if (res < 0 || fcntl(res, F_GETFD) < 0)
		io_fail(line, "res is %d, expected a descriptor", res);
	close(res);
	return res;
}

#define STATES_FD(...)							\
	do {								\
		sqe = next_sqe(&ring, 1);				\
		__VA_ARGS__;						\
		descriptor_at(__LINE__);				\
	} while (0)

/* A name that is too long for any file system. */
static char long_name[5000];

/* Makes the case's folder the working directory, with some entries: a file, a folder with a file in it, and links. */
static inline void in_folder(void)
{
	CHECK_SYS(chdir(tmp_dir()));
	CHECK_SYS(chmod(".", 0777));
	close(tmp_filled("file", 100, 1));
	CHECK_SYS(mkdir("folder", 0777));
	close(tmp_open("folder/in", 0));
	CHECK_SYS(mkdir("closed", 0700));
	close(tmp_open("closed/in", 0));
	CHECK_SYS(symlink("loop", "loop"));
	CHECK_SYS(symlink("file", "link"));
	memset(long_name, 'x', sizeof(long_name) - 1);
}

/* Submits a request that stays pending. */
#define STARTS(DATA, ...)						\
	do {								\
		sqe = next_sqe(&ring, DATA);				\
		__VA_ARGS__;						\
		submit_one(&ring);					\
	} while (0)

/* Cancels such a request and reaps both completions; the cancel request has the user data 8. */
#define CANCELS(DATA)							\
	do {								\
		STARTS(8, io_uring_prep_cancel64(sqe, DATA, 0));	\
		collect(&ring, 2);					\
	} while (0)

/* From here on the case runs as an ordinary user. */
static inline void be_nobody(void)
{
	if (geteuid())
		SKIP("only root can change the user");
	CHECK_SYS(setresgid(65534, 65534, 65534));
	CHECK_SYS(setresuid(65534, 65534, 65534));
}

/* A folder of the case with a file system of its own. */
static inline char *mounted(const char *name, const char *options, unsigned long flags)
{
	char *path = tmp_path(name);

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		SKIP("no mount namespace: %s", strerror(errno));
	CHECK_SYS(mkdir(path, 0777));
	CHECK_SYS(mount("tmpfs", path, "tmpfs", flags, options));
	return path;
}

/* The process may open no more descriptors. */
static inline void no_descriptor_left(void)
{
	struct rlimit limit = { 0, 0 };
	int next = dup(1);

	close(next);
	limit.rlim_cur = limit.rlim_max = (rlim_t)next;
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
}

#endif
