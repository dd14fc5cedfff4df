/* For the tests of operations on files and folders: a ring, the case's folder, and one request at a time. */
#ifndef IRONRING_FS_H
#define IRONRING_FS_H

#include "io.h"

static struct io_uring ring;

/* Creates a ring; returns the fd of the case's folder. */
static inline int start(void)
{
	int dir = open(tmp_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	CHECK_SYS(dir);
	ring_init(&ring, 8, 0);
	umask(022);
	return dir;
}

static inline void finish(void)
{
	CHECK_QUIET(&ring);
	io_uring_queue_exit(&ring);
}

static inline struct io_uring_sqe *next(void)
{
	return next_sqe(&ring, 1);
}

/* Runs the request that CALL prepares on `sqe`; its res must be WANT. */
#define EXPECT(CALL, WANT)						\
	do {								\
		struct io_uring_sqe *sqe = next();			\
		CALL;							\
		int t_res = run_res(&ring);				\
		if (t_res != (WANT))					\
			T_FAIL("%s returned %d, expected %d", #CALL, t_res, (int)(WANT)); \
	} while (0)

#define RESULT(CALL) ({ struct io_uring_sqe *sqe = next(); CALL; run_res(&ring); })

static inline struct stat stat_of(int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		T_FAIL("%s: %s", name, strerror(errno));
	return st;
}

static inline bool exists(int dir, const char *name)
{
	return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

#endif
