/* Requests that take names: create, remove, rename, link. */
#include "page.h"
#include <linux/fs.h>

/* Names in folders that only root may search or change. */
static void strangers_folder(void)
{
	CHECK_SYS(mkdir("sticky", 0777));
	close(tmp_open("sticky/in", 0));
	CHECK_SYS(chmod("sticky", 01777));
	be_nobody();
}

TEST(io_uring_prep_mkdirat)
{
	in_folder();
	begin(0);
	GIVES(0, "posts one CQE | res is 0 | flags is 0", io_uring_prep_mkdirat(sqe, AT_FDCWD, "new", 0755));
	CHECK_SYS(rmdir("new"));
	GIVES(-EBADF, "dfd is not open", io_uring_prep_mkdirat(sqe, 900, "x", 0755));
	GIVES(-EBADF, "IOSQE_FIXED_FILE",
	      io_uring_prep_mkdirat(sqe, AT_FDCWD, "x", 0755); sqe->flags |= IOSQE_FIXED_FILE);
	GIVES(-EEXIST, "", io_uring_prep_mkdirat(sqe, AT_FDCWD, "file", 0755));
	GIVES(-EEXIST, "", io_uring_prep_mkdirat(sqe, AT_FDCWD, "loop", 0755));
	GIVES(-EFAULT, "", io_uring_prep_mkdirat(sqe, AT_FDCWD, bad, 0755));
	GIVES(-EINVAL, "another field", io_uring_prep_mkdirat(sqe, AT_FDCWD, "x", 0755); sqe->ioprio = 1);
	GIVES(-EINVAL, "another field", io_uring_prep_mkdirat(sqe, AT_FDCWD, "x", 0755); sqe->buf_index = 1);
	GIVES(-EINVAL, "another field", io_uring_prep_mkdirat(sqe, AT_FDCWD, "x", 0755); sqe->off = 1);
	GIVES(-EINVAL, "another field", io_uring_prep_mkdirat(sqe, AT_FDCWD, "x", 0755); sqe->rw_flags = 1);
	GIVES(-EINVAL, "another field", io_uring_prep_mkdirat(sqe, AT_FDCWD, "x", 0755); sqe->splice_fd_in = 1);
	GIVES(-ENAMETOOLONG, "", io_uring_prep_mkdirat(sqe, AT_FDCWD, long_name, 0755));
	GIVES(-ENOENT, "", io_uring_prep_mkdirat(sqe, AT_FDCWD, "none/x", 0755));
	GIVES(-ENOENT, "", io_uring_prep_mkdirat(sqe, AT_FDCWD, "", 0755));
	GIVES(-ENOTDIR, "", io_uring_prep_mkdirat(sqe, AT_FDCWD, "file/x", 0755));
	if (!geteuid())
		GIVES(-EPERM, "", io_uring_prep_mkdirat(sqe, AT_FDCWD, "/sys/x", 0755));
	begin(IORING_SETUP_IOPOLL);
	GIVES(-EINVAL, "IORING_SETUP_IOPOLL", io_uring_prep_mkdirat(sqe, AT_FDCWD, "x", 0755));
	begin(0);
	be_nobody();
	GIVES(-EACCES, "", io_uring_prep_mkdirat(sqe, AT_FDCWD, "closed/x", 0755));
}

TEST(io_uring_prep_mkdirat__mounts)
{
	in_folder();
	begin(0);
	CHECK_SYS(chdir(mounted("small", "nr_inodes=1", 0)));
	GIVES(-ENOSPC, "", io_uring_prep_mkdirat(sqe, AT_FDCWD, "x", 0755));
	CHECK_SYS(mount(NULL, ".", NULL, MS_REMOUNT | MS_RDONLY, NULL));
	GIVES(-EROFS, "", io_uring_prep_mkdirat(sqe, AT_FDCWD, "x", 0755));
}

TEST(io_uring_prep_unlinkat)
{
	in_folder();
	begin(0);
	GIVES(0, "posts one CQE | res is 0 | flags is 0", io_uring_prep_unlinkat(sqe, AT_FDCWD, "link", 0));
	GIVES(-EBADF, "dfd is not open", io_uring_prep_unlinkat(sqe, 900, "file", 0));
	GIVES(-EBADF, "IOSQE_FIXED_FILE",
	      io_uring_prep_unlinkat(sqe, AT_FDCWD, "file", 0); sqe->flags |= IOSQE_FIXED_FILE);
	GIVES(-EFAULT, "", io_uring_prep_unlinkat(sqe, AT_FDCWD, bad, 0));
	GIVES(-EINVAL, "a flag", io_uring_prep_unlinkat(sqe, AT_FDCWD, "file", 1));
	GIVES(-EINVAL, "the last part", io_uring_prep_unlinkat(sqe, AT_FDCWD, "folder/.", AT_REMOVEDIR));
	GIVES(-EINVAL, "another field", io_uring_prep_unlinkat(sqe, AT_FDCWD, "file", 0); sqe->ioprio = 1);
	GIVES(-EINVAL, "another field", io_uring_prep_unlinkat(sqe, AT_FDCWD, "file", 0); sqe->buf_index = 1);
	GIVES(-EINVAL, "another field", io_uring_prep_unlinkat(sqe, AT_FDCWD, "file", 0); sqe->off = 1);
	GIVES(-EINVAL, "another field", io_uring_prep_unlinkat(sqe, AT_FDCWD, "file", 0); sqe->len = 1);
	GIVES(-EINVAL, "another field", io_uring_prep_unlinkat(sqe, AT_FDCWD, "file", 0); sqe->splice_fd_in = 1);
	GIVES(-EISDIR, "", io_uring_prep_unlinkat(sqe, AT_FDCWD, "folder", 0));
	GIVES(-ENAMETOOLONG, "", io_uring_prep_unlinkat(sqe, AT_FDCWD, long_name, 0));
	GIVES(-ENOENT, "", io_uring_prep_unlinkat(sqe, AT_FDCWD, "none", 0));
	GIVES(-ENOENT, "", io_uring_prep_unlinkat(sqe, AT_FDCWD, "", 0));
	GIVES(-ENOTDIR, "is not a directory and", io_uring_prep_unlinkat(sqe, AT_FDCWD, "file", AT_REMOVEDIR));
	GIVES(-ENOTDIR, "a component", io_uring_prep_unlinkat(sqe, AT_FDCWD, "file/x", 0));
	GIVES(-ENOTEMPTY, "", io_uring_prep_unlinkat(sqe, AT_FDCWD, "folder", AT_REMOVEDIR));
	begin(IORING_SETUP_IOPOLL);
	GIVES(-EINVAL, "IORING_SETUP_IOPOLL", io_uring_prep_unlinkat(sqe, AT_FDCWD, "file", 0));
	begin(0);
	strangers_folder();
	GIVES(-EACCES, "", io_uring_prep_unlinkat(sqe, AT_FDCWD, "closed/in", 0));
	GIVES(-EPERM, "", io_uring_prep_unlinkat(sqe, AT_FDCWD, "sticky/in", 0));
}

TEST(io_uring_prep_unlinkat__mounts)
{
	in_folder();
	begin(0);
	CHECK_SYS(chdir(mounted("other", "", 0)));
	close(open("file", O_CREAT | O_RDWR, 0600));
	GIVES(-EBUSY, "", io_uring_prep_unlinkat(sqe, AT_FDCWD, "../other", AT_REMOVEDIR));
	CHECK_SYS(mount(NULL, ".", NULL, MS_REMOUNT | MS_RDONLY, NULL));
	GIVES(-EROFS, "", io_uring_prep_unlinkat(sqe, AT_FDCWD, "file", 0));
}

TEST(io_uring_prep_renameat)
{
	in_folder();
	CHECK_SYS(mkdir("empty", 0700));
	begin(0);
	GIVES(0, "posts one CQE | res is 0 | flags is 0", io_uring_prep_renameat(sqe, AT_FDCWD, "link", AT_FDCWD, "l", 0));
	GIVES(-EBADF, "is not open", io_uring_prep_renameat(sqe, 900, "file", AT_FDCWD, "x", 0));
	GIVES(-EBADF, "is not open", io_uring_prep_renameat(sqe, AT_FDCWD, "file", 900, "x", 0));
	GIVES(-EBADF, "IOSQE_FIXED_FILE", io_uring_prep_renameat(sqe, AT_FDCWD, "file", AT_FDCWD, "x", 0);
	      sqe->flags |= IOSQE_FIXED_FILE);
	GIVES(-EEXIST, "", io_uring_prep_renameat(sqe, AT_FDCWD, "file", AT_FDCWD, "l", RENAME_NOREPLACE));
	GIVES(-EFAULT, "", io_uring_prep_renameat(sqe, AT_FDCWD, bad, AT_FDCWD, "x", 0));
	GIVES(-EFAULT, "", io_uring_prep_renameat(sqe, AT_FDCWD, "file", AT_FDCWD, bad, 0));
	GIVES(-EINVAL, "a flag", io_uring_prep_renameat(sqe, AT_FDCWD, "file", AT_FDCWD, "x", 1U << 20));
	GIVES(-EINVAL, "a flag", io_uring_prep_renameat(sqe, AT_FDCWD, "file", AT_FDCWD, "l",
							RENAME_NOREPLACE | RENAME_EXCHANGE));
	GIVES(-EINVAL, "subdirectory", io_uring_prep_renameat(sqe, AT_FDCWD, "folder", AT_FDCWD, "folder/x", 0));
	GIVES(-EINVAL, "is not 0", io_uring_prep_renameat(sqe, AT_FDCWD, "file", AT_FDCWD, "x", 0); sqe->buf_index = 1);
	GIVES(-EINVAL, "is not 0", io_uring_prep_renameat(sqe, AT_FDCWD, "file", AT_FDCWD, "x", 0); sqe->ioprio = 1);
	GIVES(-EISDIR, "", io_uring_prep_renameat(sqe, AT_FDCWD, "file", AT_FDCWD, "empty", 0));
	GIVES(-ENOTDIR, "", io_uring_prep_renameat(sqe, AT_FDCWD, "empty", AT_FDCWD, "file", 0));
	GIVES(-ENAMETOOLONG, "", io_uring_prep_renameat(sqe, AT_FDCWD, "file", AT_FDCWD, long_name, 0));
	GIVES(-ENOENT, "oldpath", io_uring_prep_renameat(sqe, AT_FDCWD, "none", AT_FDCWD, "x", 0));
	GIVES(-ENOENT, "RENAME_EXCHANGE", io_uring_prep_renameat(sqe, AT_FDCWD, "file", AT_FDCWD, "x", RENAME_EXCHANGE));
	GIVES(-ENOTEMPTY, "", io_uring_prep_renameat(sqe, AT_FDCWD, "empty", AT_FDCWD, "folder", 0));
	GIVES(-EXDEV, "", io_uring_prep_renameat(sqe, AT_FDCWD, "file", AT_FDCWD, "/sys/x", 0));
	begin(IORING_SETUP_IOPOLL);
	GIVES(-EINVAL, "IORING_SETUP_IOPOLL", io_uring_prep_renameat(sqe, AT_FDCWD, "file", AT_FDCWD, "x", 0));
	begin(0);
	strangers_folder();
	GIVES(-EACCES, "", io_uring_prep_renameat(sqe, AT_FDCWD, "closed/in", AT_FDCWD, "x", 0));
	GIVES(-EPERM, "", io_uring_prep_renameat(sqe, AT_FDCWD, "sticky/in", AT_FDCWD, "x", 0));
}

TEST(io_uring_prep_linkat)
{
	in_folder();
	begin(0);
	GIVES(0, "posts one CQE | res is 0 | flags is 0", io_uring_prep_linkat(sqe, AT_FDCWD, "file", AT_FDCWD, "l", 0));
	GIVES(-EBADF, "is not open", io_uring_prep_linkat(sqe, 900, "file", AT_FDCWD, "x", 0));
	GIVES(-EBADF, "is not open", io_uring_prep_linkat(sqe, AT_FDCWD, "file", 900, "x", 0));
	GIVES(-EBADF, "IOSQE_FIXED_FILE", io_uring_prep_linkat(sqe, AT_FDCWD, "file", AT_FDCWD, "x", 0);
	      sqe->flags |= IOSQE_FIXED_FILE);
	GIVES(-EEXIST, "", io_uring_prep_linkat(sqe, AT_FDCWD, "file", AT_FDCWD, "l", 0));
	GIVES(-EFAULT, "", io_uring_prep_linkat(sqe, AT_FDCWD, bad, AT_FDCWD, "x", 0));
	GIVES(-EFAULT, "", io_uring_prep_linkat(sqe, AT_FDCWD, "file", AT_FDCWD, bad, 0));
	GIVES(-EINVAL, "a flag", io_uring_prep_linkat(sqe, AT_FDCWD, "file", AT_FDCWD, "x", 1));
	GIVES(-EINVAL, "is not 0", io_uring_prep_linkat(sqe, AT_FDCWD, "file", AT_FDCWD, "x", 0); sqe->buf_index = 1);
	GIVES(-EINVAL, "is not 0", io_uring_prep_linkat(sqe, AT_FDCWD, "file", AT_FDCWD, "x", 0); sqe->ioprio = 1);
	GIVES(-ENAMETOOLONG, "", io_uring_prep_linkat(sqe, AT_FDCWD, "file", AT_FDCWD, long_name, 0));
	GIVES(-ENOENT, "oldpath", io_uring_prep_linkat(sqe, AT_FDCWD, "none", AT_FDCWD, "x", 0));
	GIVES(-ENOENT, "oldpath", io_uring_prep_linkat(sqe, AT_FDCWD, "file", AT_FDCWD, "none/x", 0));
	GIVES(-ENOTDIR, "", io_uring_prep_linkat(sqe, AT_FDCWD, "file", AT_FDCWD, "file/x", 0));
	GIVES(-EPERM, "is a directory", io_uring_prep_linkat(sqe, AT_FDCWD, "folder", AT_FDCWD, "x", 0));
	GIVES(-EXDEV, "", io_uring_prep_linkat(sqe, AT_FDCWD, "file", AT_FDCWD, "/sys/x", 0));
	begin(IORING_SETUP_IOPOLL);
	GIVES(-EINVAL, "IORING_SETUP_IOPOLL", io_uring_prep_linkat(sqe, AT_FDCWD, "file", AT_FDCWD, "x", 0));
	begin(0);
	be_nobody();
	GIVES(-EACCES, "permissions", io_uring_prep_linkat(sqe, AT_FDCWD, "closed/in", AT_FDCWD, "x", 0));
}

TEST(io_uring_prep_linkat__nobody)
{
	int fd;

	in_folder();
	fd = open("file", O_RDONLY | O_CLOEXEC);
	be_nobody();
	begin(0);
	GIVES(-ENOENT, "AT_EMPTY_PATH", io_uring_prep_linkat(sqe, fd, "", AT_FDCWD, "x", AT_EMPTY_PATH));
}

TEST(io_uring_prep_symlinkat)
{
	in_folder();
	begin(0);
	GIVES(0, "posts one CQE | res is 0 | flags is 0", io_uring_prep_symlinkat(sqe, "none", AT_FDCWD, "l"));
	GIVES(-EBADF, "is not open", io_uring_prep_symlinkat(sqe, "none", 900, "x"));
	GIVES(-EBADF, "IOSQE_FIXED_FILE",
	      io_uring_prep_symlinkat(sqe, "none", AT_FDCWD, "x"); sqe->flags |= IOSQE_FIXED_FILE);
	GIVES(-EEXIST, "", io_uring_prep_symlinkat(sqe, "none", AT_FDCWD, "file"));
	GIVES(-EFAULT, "", io_uring_prep_symlinkat(sqe, bad, AT_FDCWD, "x"));
	GIVES(-EFAULT, "", io_uring_prep_symlinkat(sqe, "none", AT_FDCWD, bad));
	GIVES(-EINVAL, "another field", io_uring_prep_symlinkat(sqe, "none", AT_FDCWD, "x"); sqe->ioprio = 1);
	GIVES(-EINVAL, "another field", io_uring_prep_symlinkat(sqe, "none", AT_FDCWD, "x"); sqe->buf_index = 1);
	GIVES(-EINVAL, "another field", io_uring_prep_symlinkat(sqe, "none", AT_FDCWD, "x"); sqe->len = 1);
	GIVES(-EINVAL, "another field", io_uring_prep_symlinkat(sqe, "none", AT_FDCWD, "x"); sqe->rw_flags = 1);
	GIVES(-EINVAL, "another field", io_uring_prep_symlinkat(sqe, "none", AT_FDCWD, "x"); sqe->splice_fd_in = 1);
	GIVES(-ENAMETOOLONG, "", io_uring_prep_symlinkat(sqe, long_name, AT_FDCWD, "x"));
	GIVES(-ENAMETOOLONG, "", io_uring_prep_symlinkat(sqe, "none", AT_FDCWD, long_name));
	GIVES(-ENOENT, "", io_uring_prep_symlinkat(sqe, "none", AT_FDCWD, "none/x"));
	GIVES(-ENOENT, "", io_uring_prep_symlinkat(sqe, "", AT_FDCWD, "x"));
	GIVES(-ENOENT, "", io_uring_prep_symlinkat(sqe, "none", AT_FDCWD, ""));
	GIVES(-ENOTDIR, "", io_uring_prep_symlinkat(sqe, "none", AT_FDCWD, "file/x"));
	if (!geteuid())
		GIVES(-EPERM, "", io_uring_prep_symlinkat(sqe, "none", AT_FDCWD, "/sys/x"));
	begin(IORING_SETUP_IOPOLL);
	GIVES(-EINVAL, "IORING_SETUP_IOPOLL", io_uring_prep_symlinkat(sqe, "none", AT_FDCWD, "x"));
	begin(0);
	be_nobody();
	GIVES(-EACCES, "", io_uring_prep_symlinkat(sqe, "none", AT_FDCWD, "closed/x"));
}

TEST(io_uring_prep_symlinkat__mounts)
{
	in_folder();
	begin(0);
	CHECK_SYS(chdir(mounted("small", "nr_inodes=1", 0)));
	GIVES(-ENOSPC, "", io_uring_prep_symlinkat(sqe, "none", AT_FDCWD, "x"));
	CHECK_SYS(mount(NULL, ".", NULL, MS_REMOUNT | MS_RDONLY, NULL));
	GIVES(-EROFS, "", io_uring_prep_symlinkat(sqe, "none", AT_FDCWD, "x"));
}

TEST(io_uring_prep_linkat__mounts)
{
	in_folder();
	begin(0);
	CHECK_SYS(chdir(mounted("small", "nr_inodes=2", 0)));
	close(open("file", O_CREAT | O_RDWR, 0600));
	GIVES(-ENOSPC, "", io_uring_prep_linkat(sqe, AT_FDCWD, "file", AT_FDCWD, "x", 0));
}
