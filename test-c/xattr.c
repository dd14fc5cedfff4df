/* Extended attributes, by fd and by path. */
#include "io.h"
#include <sys/xattr.h>

#define NAME "user.ironring"

static struct io_uring ring;

/* One of the four requests, by path if `fd` is -1. */
static int set(int fd, const char *path, const char *name, const char *value, int flags, unsigned len)
{
	if (fd >= 0)
		io_uring_prep_fsetxattr(next_sqe(&ring, 1), fd, name, value, flags, len);
	else
		io_uring_prep_setxattr(next_sqe(&ring, 1), name, value, path, flags, len);
	return run_res(&ring);
}

static int get(int fd, const char *path, const char *name, char *value, unsigned len)
{
	struct io_uring_sqe *sqe = next_sqe(&ring, 1);

	/* Getting has no flags: the helper must clear the field. */
	sqe->xattr_flags = XATTR_CREATE;
	if (fd >= 0)
		io_uring_prep_fgetxattr(sqe, fd, name, value, len);
	else
		io_uring_prep_getxattr(sqe, name, value, path, len);
	return run_res(&ring);
}

/* A file whose file system has user attributes, and a ring whose kernel has the requests. */
static int start(void)
{
	int fd = tmp_filled("f", 10, 1);

	need_op(IORING_OP_FSETXATTR);
	need_op(IORING_OP_SETXATTR);
	need_op(IORING_OP_FGETXATTR);
	need_op(IORING_OP_GETXATTR);
	if (fsetxattr(fd, "user.probe", "x", 1, 0) && errno == EOPNOTSUPP)
		SKIP("the file system of the temporary folder has no user.* attributes");
	ring_init(&ring, 4, 0);
	return fd;
}

static void round_trip(int fd, const char *path)
{
	char value[500], in[600];

	fill(value, sizeof(value), 3);
	CHECK_EQ(set(fd, path, NAME, value, 0, sizeof(value)), 0);
	CHECK_EQ(getxattr(path, NAME, in, sizeof(in)), sizeof(value));
	CHECK_PATTERN(in, sizeof(value), 3);
	memset(in, 0xee, sizeof(in));
	CHECK_EQ(get(fd, path, NAME, in, sizeof(in)), sizeof(value));
	CHECK_PATTERN(in, sizeof(value), 3);
	CHECK_ALL(in + sizeof(value), sizeof(in) - sizeof(value), 0xee);
	/* Length 0 requests the size. */
	CHECK_EQ(get(fd, path, NAME, NULL, 0), sizeof(value));
	CHECK_EQ(get(fd, path, NAME, in, sizeof(value) - 1), -ERANGE);
	CHECK_EQ(set(fd, path, NAME, "short", 0, 5), 0);
	CHECK_EQ(get(fd, path, NAME, in, sizeof(in)), 5);
	CHECK(!memcmp(in, "short", 5));
	CHECK_EQ(set(fd, path, NAME, NULL, 0, 0), 0);
	CHECK_EQ(get(fd, path, NAME, in, sizeof(in)), 0);
}

TEST(by_fd)
{
	round_trip(start(), tmp_path("f"));
	io_uring_queue_exit(&ring);
}

TEST(by_path)
{
	start();
	round_trip(-1, tmp_path("f"));
	io_uring_queue_exit(&ring);
}

TEST(flags_and_errors)
{
	const char *path = tmp_path("f");
	char in[16] = { 0 };
	int fd = start(), way, file;

	for (way = 0; way < 2; way++) {
		file = way ? -1 : fd;
		CHECK_EQ(get(file, path, NAME, in, sizeof(in)), -ENODATA);
		CHECK_EQ(set(file, path, NAME, "a", XATTR_REPLACE, 1), -ENODATA);
		CHECK_EQ(set(file, path, NAME, "a", XATTR_CREATE, 1), 0);
		CHECK_EQ(set(file, path, NAME, "b", XATTR_CREATE, 1), -EEXIST);
		CHECK_EQ(set(file, path, NAME, "b", XATTR_REPLACE, 1), 0);
		CHECK_EQ(get(file, path, NAME, in, sizeof(in)), 1);
		CHECK_EQ(in[0], 'b');
		CHECK_EQ(set(file, path, NAME, "b", 1 << 7, 1), -EINVAL);
		CHECK_EQ(set(file, path, "no.such.kind", "b", 0, 1), -EOPNOTSUPP);
		CHECK_EQ(get(file, path, "no.such.kind", in, sizeof(in)), -EOPNOTSUPP);
		CHECK_EQ(set(file, path, "", "b", 0, 1), -ERANGE);
		CHECK_EQ(set(file, path, NAME, NULL, 0, 1), -EFAULT);
		CHECK_EQ(set(file, path, NAME, "b", 0, 1 << 20), -E2BIG);
		CHECK_SYS(removexattr(path, NAME));
	}
	CHECK_EQ(get(9999, path, NAME, in, sizeof(in)), -EBADF);
	CHECK_EQ(set(9999, path, NAME, "a", 0, 1), -EBADF);
	CHECK_EQ(get(-1, "/nowhere/at/all", NAME, in, sizeof(in)), -ENOENT);
	CHECK_EQ(set(-1, "/nowhere/at/all", NAME, "a", 0, 1), -ENOENT);
	CHECK_EQ(get(-1, NULL, NAME, in, sizeof(in)), -EFAULT);
	io_uring_queue_exit(&ring);
}
