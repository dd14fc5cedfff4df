/* Requests that open or examine a file by its name. */
#include "page.h"
#include <linux/openat2.h>
#include <sys/xattr.h>

#define OPEN(PATH, FLAGS) io_uring_prep_openat(sqe, AT_FDCWD, PATH, FLAGS, 0600)
#define OPEN_SLOT(PATH, FLAGS, SLOT) io_uring_prep_openat_direct(sqe, AT_FDCWD, PATH, FLAGS, 0600, SLOT)

TEST(io_uring_prep_openat)
{
	in_folder();
	begin(0);
	STATES("io_uring_prep_openat", "posts one CQE | flags is 0 | the new descriptor | The program owns");
	STATES_FD(OPEN("file", O_RDONLY));
	STATES_FD(io_uring_prep_open(sqe, "file", O_RDONLY, 0));
	GIVES(-ENXIO, "a direct open", OPEN_SLOT("file", O_RDONLY, 0));
	GIVES(-ENFILE, "IORING_FILE_INDEX_ALLOC", OPEN_SLOT("file", O_RDONLY, IORING_FILE_INDEX_ALLOC));
	CHECK_EQ(io_uring_register_files_sparse(&ring, 2), 0);
	GIVES(0, "for the direct variants with a given slot | res is a negative errno value, or", OPEN_SLOT("file", O_RDONLY, 0));
	GIVES(1, "the number of the slot", OPEN_SLOT("file", O_RDONLY, IORING_FILE_INDEX_ALLOC));
	GIVES(-ENFILE, "IORING_FILE_INDEX_ALLOC", OPEN_SLOT("file", O_RDONLY, IORING_FILE_INDEX_ALLOC));
	GIVES(-EINVAL, "O_CLOEXEC", OPEN_SLOT("file", O_RDONLY | O_CLOEXEC, 0));
	GIVES(-EINVAL, "file_index is beyond", OPEN_SLOT("file", O_RDONLY, 2));
	GIVES(-EBADF, "dfd is not open", io_uring_prep_openat(sqe, 900, "file", O_RDONLY, 0));
	GIVES(-EBADF, "IOSQE_FIXED_FILE", OPEN("file", O_RDONLY); sqe->flags |= IOSQE_FIXED_FILE);
	GIVES(-EEXIST, "", OPEN("file", O_RDWR | O_CREAT | O_EXCL));
	GIVES(-EFAULT, "", OPEN(bad, O_RDONLY));
	GIVES(-EINVAL, "is not 0", OPEN("file", O_RDONLY); sqe->buf_index = 1);
	GIVES(-EINVAL, "is not 0", OPEN("file", O_RDONLY); sqe->ioprio = 1);
	GIVES(-EISDIR, "", OPEN("folder", O_RDWR));
	GIVES(-ELOOP, "", OPEN("loop", O_RDONLY));
	GIVES(-ENAMETOOLONG, "", OPEN(long_name, O_RDONLY));
	GIVES(-ENOTDIR, "", OPEN("file/x", O_RDONLY));
	GIVES(-ENOENT, "", OPEN("none/x", O_RDONLY));
	GIVES(-ENOENT, "", OPEN("", O_RDONLY));
	CHECK_SYS(mkfifo("fifo", 0600));
	GIVES(-ENXIO, "FIFO", OPEN("fifo", O_WRONLY | O_NONBLOCK));
	begin(IORING_SETUP_IOPOLL);
	GIVES(-EINVAL, "IORING_SETUP_IOPOLL", OPEN("file", O_RDONLY));
	begin(0);
	be_nobody();
	GIVES(-EACCES, "", OPEN("closed/in", O_RDONLY));
	GIVES(-EPERM, "", OPEN("file", O_RDONLY | O_NOATIME));
}

TEST(io_uring_prep_openat__limits)
{
	in_folder();
	begin(0);
	CHECK_EQ(io_uring_register_files_sparse(&ring, 1), 0);
	no_descriptor_left();
	GIVES(-EMFILE, "", OPEN("file", O_RDONLY));
	GIVES(0, "for the direct variants with a given slot", OPEN_SLOT("file", O_RDONLY, 0));
}

TEST(io_uring_prep_openat__lease)
{
	pid_t pid;
	int fd, ready[2];
	char byte;

	in_folder();
	make_pipe(ready);
	begin(0);
	pid = child();
	if (!pid) {
		fd = open("file", O_RDONLY);
		signal(SIGIO, SIG_IGN);
		_exit(fcntl(fd, F_SETLEASE, F_RDLCK) || write(ready[1], "x", 1) != 1 || pause());
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		SKIP("the file system has no leases");
	GIVES(-EAGAIN, "", OPEN("file", O_WRONLY | O_NONBLOCK));
}

TEST(io_uring_prep_openat__fifo)
{
	in_folder();
	begin(0);
	CHECK_SYS(mkfifo("fifo", 0600));
	sqe = next_sqe(&ring, 7);
	OPEN("fifo", O_RDONLY);
	sqe->flags |= IOSQE_ASYNC;
	submit_one(&ring);
	usleep(100000);
	CHECK_QUIET(&ring);
	io_uring_prep_cancel64(next_sqe(&ring, 8), 7, 0);
	submit_one(&ring);
	collect(&ring, 2);
	STATES("io_uring_prep_openat", -512, "canceled");
	CHECK_EQ(res_of(7), -512);
}

#define OPEN2(PATH, HOW) io_uring_prep_openat2(sqe, AT_FDCWD, PATH, HOW)

TEST(io_uring_prep_openat2)
{
	struct open_how how = { .flags = O_RDONLY }, cached = { .flags = O_RDWR | O_CREAT, .resolve = RESOLVE_CACHED },
			unknown = { .flags = 1ULL << 40 }, both = { .resolve = RESOLVE_BENEATH | RESOLVE_IN_ROOT },
			mode = { .flags = O_RDONLY, .mode = 0600 }, links = { .resolve = RESOLVE_NO_SYMLINKS },
			beneath = { .resolve = RESOLVE_BENEATH }, mounts = { .resolve = RESOLVE_NO_XDEV };
	struct { struct open_how how; __u64 more; } longer = { how, 1 };

	in_folder();
	begin(0);
	STATES("io_uring_prep_openat2", "One CQE. | flags is 0 | the new descriptor");
	STATES_FD(OPEN2("file", &how));
	CHECK_EQ(io_uring_register_files_sparse(&ring, 2), 0);
	GIVES(0, "with a slot named | res is a negative error, or",
	      io_uring_prep_openat2_direct(sqe, AT_FDCWD, "file", &how, 0));
	GIVES(1, "the number of the slot",
	      io_uring_prep_openat2_direct(sqe, AT_FDCWD, "file", &how, IORING_FILE_INDEX_ALLOC));
	GIVES(-E2BIG, "", OPEN2("file", &longer.how); sqe->len = sizeof(longer));
	GIVES(-EAGAIN, "RESOLVE_CACHED", OPEN2("file", &cached));
	cached.flags = O_RDWR | O_TRUNC;
	GIVES(-EAGAIN, "RESOLVE_CACHED", OPEN2("file", &cached));
	cached.flags = O_RDWR | O_TMPFILE;
	GIVES(-EAGAIN, "RESOLVE_CACHED", OPEN2(".", &cached));
	GIVES(-EFAULT, "", OPEN2(bad, &how));
	GIVES(-EFAULT, "", OPEN2("file", (struct open_how *)bad));
	GIVES(-EINVAL, "a flag in how", OPEN2("file", &unknown));
	GIVES(-EINVAL, "a flag in how", OPEN2("file", &both));
	GIVES(-EINVAL, "mode", OPEN2("file", &mode));
	GIVES(-ELOOP, "", OPEN2("link", &links));
	GIVES(-EXDEV, "", OPEN2("../x", &beneath));
	GIVES(-EXDEV, "", OPEN2("/dev/null", &mounts));
}

#define STATX(PATH, FLAGS, MASK, BUF) io_uring_prep_statx(sqe, AT_FDCWD, PATH, FLAGS, MASK, BUF)

TEST(io_uring_prep_statx)
{
	static struct statx st;

	in_folder();
	begin(0);
	GIVES(0, "posts one CQE | res is 0 | flags is 0 | stx_mask", STATX("file", 0, STATX_SIZE, &st));
	CHECK(st.stx_mask & STATX_SIZE);
	CHECK_EQ(st.stx_size, 100);
	GIVES(-EBADF, "dfd is not open", io_uring_prep_statx(sqe, 900, "file", 0, STATX_SIZE, &st));
	GIVES(-EBADF, "IOSQE_FIXED_FILE", STATX("file", 0, STATX_SIZE, &st); sqe->flags |= IOSQE_FIXED_FILE);
	GIVES(-EFAULT, "", STATX(bad, 0, STATX_SIZE, &st));
	GIVES(-EFAULT, "", STATX("file", 0, STATX_SIZE, (struct statx *)bad));
	GIVES(-EINVAL, "a flag", STATX("file", 1, STATX_SIZE, &st));
	GIVES(-EINVAL, "top bit", STATX("file", 0, 1U << 31, &st));
	GIVES(-EINVAL, "is not 0", STATX("file", 0, STATX_SIZE, &st); sqe->buf_index = 1);
	GIVES(-EINVAL, "is not 0", STATX("file", 0, STATX_SIZE, &st); sqe->ioprio = 1);
	GIVES(-ELOOP, "", STATX("loop", 0, STATX_SIZE, &st));
	GIVES(-ENAMETOOLONG, "", STATX(long_name, 0, STATX_SIZE, &st));
	GIVES(-ENOTDIR, "", STATX("file/x", 0, STATX_SIZE, &st));
	GIVES(-ENOENT, "", STATX("none/x", 0, STATX_SIZE, &st));
	GIVES(-ENOENT, "", STATX("", 0, STATX_SIZE, &st));
	begin(IORING_SETUP_IOPOLL);
	GIVES(-EINVAL, "IORING_SETUP_IOPOLL", STATX("file", 0, STATX_SIZE, &st));
	begin(0);
	be_nobody();
	GIVES(-EACCES, "", STATX("closed/in", 0, STATX_SIZE, &st));
}

static char value[70000] = "value";

#define GETX(NAME, PATH) io_uring_prep_getxattr(sqe, NAME, value, PATH, 64)

TEST(io_uring_prep_getxattr)
{
	int path, file;

	in_folder();
	file = open("file", O_RDONLY);
	path = open("file", O_PATH);
	if (setxattr("file", "user.a", "12345", 5, 0))
		SKIP("the file system has no extended attributes");
	begin(0);
	GIVES(5, "posts one CQE | res is the length | flags is 0", GETX("user.a", "file"));
	GIVES(5, "res is the length", io_uring_prep_fgetxattr(sqe, file, "user.a", value, 64));
	GIVES(-EBADF, "", io_uring_prep_fgetxattr(sqe, 900, "user.a", value, 64));
	GIVES(-EBADF, "", io_uring_prep_fgetxattr(sqe, path, "user.a", value, 64));
	GIVES(-EBADF, "", GETX("user.a", "file"); sqe->flags |= IOSQE_FIXED_FILE);
	GIVES(-EFAULT, "", GETX(bad, "file"));
	GIVES(-EFAULT, "", GETX("user.a", bad));
	GIVES(-EFAULT, "", io_uring_prep_getxattr(sqe, "user.a", bad, "file", 64));
	GIVES(-EINVAL, "is not 0", GETX("user.a", "file"); sqe->xattr_flags = 1);
	GIVES(-EINVAL, "is not 0", GETX("user.a", "file"); sqe->ioprio = 1);
	GIVES(-ELOOP, "", GETX("user.a", "loop"));
	GIVES(-ENAMETOOLONG, "", GETX("user.a", long_name));
	GIVES(-ENOENT, "", GETX("user.a", "none"));
	GIVES(-ENOTDIR, "", GETX("user.a", "file/x"));
	GIVES(-ENODATA, "", GETX("user.b", "file"));
	GIVES(-EOPNOTSUPP, "", GETX("nothing.b", "file"));
	GIVES(-ERANGE, "longer", io_uring_prep_getxattr(sqe, "user.a", value, "file", 4));
	GIVES(-ERANGE, "empty", GETX("", "file"));
	GIVES(-ERANGE, "empty", GETX(long_name, "file"));
	begin(IORING_SETUP_IOPOLL);
	GIVES(-EINVAL, "IORING_SETUP_IOPOLL", GETX("user.a", "file"));
	begin(0);
	be_nobody();
	GIVES(-EACCES, "", GETX("user.a", "closed/in"));
}

#define SETX(NAME, PATH, FLAGS) io_uring_prep_setxattr(sqe, NAME, value, PATH, FLAGS, 5)

TEST(io_uring_prep_setxattr)
{
	int path, file;

	in_folder();
	file = open("file", O_RDONLY);
	path = open("file", O_PATH);
	if (setxattr("file", "user.x", "12345", 5, 0))
		SKIP("the file system has no extended attributes");
	begin(0);
	GIVES(0, "posts one CQE | res is 0 | flags is 0", SETX("user.a", "file", 0));
	GIVES(0, "res is 0", io_uring_prep_fsetxattr(sqe, file, "user.a", value, 0, 5));
	GIVES(-E2BIG, "", io_uring_prep_setxattr(sqe, "user.b", value, "file", 0, 65537));
	GIVES(-ENOSPC, "", io_uring_prep_setxattr(sqe, "user.b", value, "file", 0, 65536));
	GIVES(-EBADF, "", io_uring_prep_fsetxattr(sqe, 900, "user.a", value, 0, 5));
	GIVES(-EBADF, "", io_uring_prep_fsetxattr(sqe, path, "user.a", value, 0, 5));
	GIVES(-EBADF, "", SETX("user.a", "file", 0); sqe->flags |= IOSQE_FIXED_FILE);
	GIVES(-EEXIST, "", SETX("user.a", "file", XATTR_CREATE));
	GIVES(-EFAULT, "", SETX(bad, "file", 0));
	GIVES(-EFAULT, "", SETX("user.a", bad, 0));
	GIVES(-EFAULT, "", io_uring_prep_setxattr(sqe, "user.a", bad, "file", 0, 5));
	GIVES(-EINVAL, "a flag", SETX("user.a", "file", 1 << 20));
	GIVES(-EINVAL, "is not 0", SETX("user.a", "file", 0); sqe->ioprio = 1);
	GIVES(-ELOOP, "", SETX("user.a", "loop", 0));
	GIVES(-ENAMETOOLONG, "", SETX("user.a", long_name, 0));
	GIVES(-ENOENT, "", SETX("user.a", "none", 0));
	GIVES(-ENOTDIR, "", SETX("user.a", "file/x", 0));
	GIVES(-ENODATA, "", SETX("user.b", "file", XATTR_REPLACE));
	GIVES(-EOPNOTSUPP, "", SETX("nothing.b", "file", 0));
	GIVES(-ERANGE, "", SETX("", "file", 0));
	GIVES(-ERANGE, "", SETX(long_name, "file", 0));
	begin(IORING_SETUP_IOPOLL);
	GIVES(-EINVAL, "IORING_SETUP_IOPOLL", SETX("user.a", "file", 0));
	begin(0);
	be_nobody();
	GIVES(-EACCES, "", SETX("user.a", "closed/in", 0));
	GIVES(-EPERM, "", SETX("trusted.a", "file", 0));
}

TEST(io_uring_prep_setxattr__mounts)
{
	in_folder();
	begin(0);
	CHECK_SYS(chdir(mounted("other", "", 0)));
	close(open("file", O_CREAT | O_RDWR, 0600));
	CHECK_SYS(mount(NULL, ".", NULL, MS_REMOUNT | MS_RDONLY, NULL));
	GIVES(-EROFS, "", SETX("user.a", "file", 0));
}
