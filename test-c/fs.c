/* Files and folders: examining, naming and resizing. */
#include "fs.h"
#include <sys/sysmacros.h>
#ifndef STATX_BASIC_STATS
#include <linux/stat.h>
#endif

TEST(statx)
{
	struct statx stx;
	struct stat st;
	int dir = start(), fd = tmp_filled("f", 12345, 1);

	memset(&stx, 0xee, sizeof(stx));
	EXPECT(io_uring_prep_statx(sqe, dir, "f", 0, STATX_BASIC_STATS, &stx), 0);
	CHECK_SYS(fstat(fd, &st));
	CHECK_EQ(stx.stx_size, 12345);
	CHECK_EQ(stx.stx_ino, st.st_ino);
	CHECK_EQ(stx.stx_mode, st.st_mode);
	CHECK_EQ(stx.stx_nlink, 1);
	CHECK_EQ(makedev(stx.stx_dev_major, stx.stx_dev_minor), st.st_dev);
	CHECK_EQ(stx.stx_mtime.tv_sec, st.st_mtim.tv_sec);
	CHECK_EQ(stx.stx_mtime.tv_nsec, st.st_mtim.tv_nsec);
	CHECK_EQ(stx.stx_mask & STATX_BASIC_STATS, STATX_BASIC_STATS);
	memset(&stx, 0, sizeof(stx));
	EXPECT(io_uring_prep_statx(sqe, fd, "", AT_EMPTY_PATH, STATX_SIZE, &stx), 0);
	CHECK_EQ(stx.stx_size, 12345);
	EXPECT(io_uring_prep_statx(sqe, fd, "", 0, STATX_SIZE, &stx), -ENOENT);
	EXPECT(io_uring_prep_statx(sqe, dir, "g", 0, STATX_SIZE, &stx), -ENOENT);
	EXPECT(io_uring_prep_statx(sqe, dir, "f", 0, STATX_SIZE, NULL), -EFAULT);
	EXPECT(io_uring_prep_statx(sqe, dir, "f", 1 << 30, STATX_SIZE, &stx), -EINVAL);
	finish();
}

TEST(fallocate)
{
	int dir = start(), fd = tmp_filled("f", 16384, 1), fds[2];
	char in[4096];

	make_pipe(fds);
	EXPECT(io_uring_prep_fallocate(sqe, fd, 0, 16000, 100000), 0);
	CHECK_EQ(stat_of(dir, "f").st_size, 116000);
	CHECK(stat_of(dir, "f").st_blocks * 512 >= 116000);
	EXPECT(io_uring_prep_fallocate(sqe, fd, FALLOC_FL_KEEP_SIZE, 0, 1 << 20), 0);
	CHECK_EQ(stat_of(dir, "f").st_size, 116000);
	EXPECT(io_uring_prep_fallocate(sqe, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 4096), 0);
	CHECK_FILE(fd, 0, 4096, 1);
	CHECK_FILE_FROM(fd, 8192, 8192, 8192, 1);
	CHECK_EQ(pread(fd, in, 4096, 4096), 4096);
	CHECK_ALL(in, 4096, 0);
	EXPECT(io_uring_prep_fallocate(sqe, fd, 0, 0, 0), -EINVAL);
	EXPECT(io_uring_prep_fallocate(sqe, fd, 1 << 30, 0, 10), -EOPNOTSUPP);
	EXPECT(io_uring_prep_fallocate(sqe, fds[1], 0, 0, 10), -ESPIPE);
	EXPECT(io_uring_prep_fallocate(sqe, -1, 0, 0, 10), -EBADF);
	finish();
}

TEST(ftruncate)
{
	int dir = start(), fd = tmp_filled("f", 5000, 1);

	need_op(IORING_OP_FTRUNCATE);
	EXPECT(io_uring_prep_ftruncate(sqe, fd, 100), 0);
	CHECK_EQ(stat_of(dir, "f").st_size, 100);
	CHECK_FILE(fd, 0, 100, 1);
	/* Otherwise the file wasn't opened for lengths of more than 31 bits. */
	if (sizeof(off_t) == 8) {
		EXPECT(io_uring_prep_ftruncate(sqe, fd, (loff_t)1 << 33), 0);
		CHECK_EQ(stat_of(dir, "f").st_size, 1LL << 33);
	}
	EXPECT(io_uring_prep_ftruncate(sqe, fd, 0), 0);
	CHECK_EQ(stat_of(dir, "f").st_size, 0);
	EXPECT(io_uring_prep_ftruncate(sqe, fd, -1), -EINVAL);
	EXPECT(io_uring_prep_ftruncate(sqe, -1, 1), -EBADF);
	EXPECT(io_uring_prep_ftruncate(sqe, dir, 1), -EINVAL);
	finish();
}

TEST(sync)
{
	int fd, fds[2];
	const int all = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;

	start();
	make_pipe(fds);
	fd = tmp_filled("f", 20000, 1);
	EXPECT(io_uring_prep_fsync(sqe, fd, 0), 0);
	EXPECT(io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC), 0);
	EXPECT(io_uring_prep_fsync(sqe, fd, 1U << 7), -EINVAL);
	EXPECT(io_uring_prep_fsync(sqe, fds[1], 0), -EINVAL);
	EXPECT(io_uring_prep_fsync(sqe, -1, 0), -EBADF);
	EXPECT(io_uring_prep_sync_file_range(sqe, fd, 8192, 4096, all), 0);
	EXPECT(io_uring_prep_sync_file_range(sqe, fd, 0, 0, all), 0);
	EXPECT(io_uring_prep_sync_file_range(sqe, fd, 1, (__u64)-1, all), -EINVAL);
	EXPECT(io_uring_prep_sync_file_range(sqe, fd, 1, 0, 1 << 7), -EINVAL);
	EXPECT(io_uring_prep_sync_file_range(sqe, fds[1], 1, 0, all), -ESPIPE);
	CHECK_FILE(fd, 0, 20000, 1);
	finish();
}

/* For advice. Older kernels refuse the request. */
static bool lengths_have_64_bits(void)
{
	return !kernel_before(6, 11);
}

TEST(fadvise)
{
	int fd, fds[2];

	start();
	make_pipe(fds);
	fd = tmp_filled("f", 20000, 1);
	EXPECT(io_uring_prep_fadvise(sqe, fd, 4096, 4096, POSIX_FADV_WILLNEED), 0);
	if (lengths_have_64_bits())
		EXPECT(io_uring_prep_fadvise64(sqe, fd, 0, (off_t)(1ULL << 40), POSIX_FADV_DONTNEED), 0);
	EXPECT(io_uring_prep_fadvise(sqe, fd, 0, 1, 77), -EINVAL);
	EXPECT(io_uring_prep_fadvise64(sqe, fd, 0, 1, 77), -EINVAL);
	EXPECT(io_uring_prep_fadvise64(sqe, fd, 0, -1, POSIX_FADV_NORMAL), -EINVAL);
	EXPECT(io_uring_prep_fadvise(sqe, fds[0], 0, 1, POSIX_FADV_NORMAL), -ESPIPE);
	if (lengths_have_64_bits())
		EXPECT(io_uring_prep_fadvise64(sqe, -1, 0, 1, POSIX_FADV_NORMAL), -EBADF);
	CHECK_FILE(fd, 0, 20000, 1);
	finish();
}

/* MADV_DONTNEED empties anonymous pages: exactly the given ones must read as zero. */
TEST(madvise)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *mem;
	int way;

	start();
	for (way = 0; way < (lengths_have_64_bits() ? 2 : 1); way++) {
		mem = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		CHECK(mem != MAP_FAILED);
		fill(mem, 4 * page, 1);
		if (way == 0)
			EXPECT(io_uring_prep_madvise(sqe, mem + page, (__u32)(2 * page), MADV_DONTNEED), 0);
		else
			EXPECT(io_uring_prep_madvise64(sqe, mem + page, (off_t)(2 * page), MADV_DONTNEED), 0);
		CHECK_PATTERN(mem, page, 1);
		CHECK_ALL(mem + page, 2 * page, 0);
		CHECK_PATTERN_FROM(mem + 3 * page, page, 3 * page, 1);
		EXPECT(io_uring_prep_madvise(sqe, mem + 1, (__u32)page, MADV_DONTNEED), -EINVAL);
		EXPECT(io_uring_prep_madvise64(sqe, mem, (off_t)page, 7777), -EINVAL);
		CHECK_SYS(munmap(mem, 4 * page));
		if (way == 1)
			EXPECT(io_uring_prep_madvise64(sqe, mem, (off_t)page, MADV_DONTNEED), -ENOMEM);
	}
	finish();
}

TEST(rename)
{
	int dir = start();

	need_op(IORING_OP_RENAMEAT);
	close(tmp_filled("a", 10, 1));
	close(tmp_filled("b", 20, 1));
	EXPECT(io_uring_prep_renameat(sqe, dir, "a", dir, "b", RENAME_NOREPLACE), -EEXIST);
	EXPECT(io_uring_prep_renameat(sqe, dir, "a", dir, "b", RENAME_EXCHANGE), 0);
	CHECK_EQ(stat_of(dir, "a").st_size, 20);
	EXPECT(io_uring_prep_renameat(sqe, dir, "a", dir, "b", 0), 0);
	CHECK(!exists(dir, "a"));
	CHECK_EQ(stat_of(dir, "b").st_size, 20);
	EXPECT(io_uring_prep_rename(sqe, tmp_path("b"), tmp_path("c")), 0);
	CHECK(!exists(dir, "b"));
	CHECK_EQ(stat_of(dir, "c").st_size, 20);
	EXPECT(io_uring_prep_rename(sqe, tmp_path("b"), tmp_path("c")), -ENOENT);
	EXPECT(io_uring_prep_renameat(sqe, dir, "c", dir, "d", 1U << 30), -EINVAL);
	CHECK(exists(dir, "c"));
	finish();
}

TEST(mkdir_and_unlink)
{
	int dir = start();

	need_op(IORING_OP_MKDIRAT);
	need_op(IORING_OP_UNLINKAT);
	EXPECT(io_uring_prep_mkdirat(sqe, dir, "d", 0777), 0);
	CHECK_EQ(stat_of(dir, "d").st_mode, S_IFDIR | 0755);
	EXPECT(io_uring_prep_mkdirat(sqe, dir, "d", 0777), -EEXIST);
	EXPECT(io_uring_prep_mkdir(sqe, tmp_path("d/e"), 0700), 0);
	CHECK_EQ(stat_of(dir, "d/e").st_mode, S_IFDIR | 0700);
	EXPECT(io_uring_prep_mkdir(sqe, tmp_path("x/y"), 0700), -ENOENT);
	EXPECT(io_uring_prep_unlinkat(sqe, dir, "d", AT_REMOVEDIR), -ENOTEMPTY);
	EXPECT(io_uring_prep_unlinkat(sqe, dir, "d", 0), -EISDIR);
	EXPECT(io_uring_prep_unlinkat(sqe, dir, "d/e", AT_REMOVEDIR), 0);
	EXPECT(io_uring_prep_unlink(sqe, tmp_path("d"), AT_REMOVEDIR), 0);
	CHECK(!exists(dir, "d"));
	close(tmp_open("f", 0));
	EXPECT(io_uring_prep_unlink(sqe, tmp_path("f"), AT_REMOVEDIR), -ENOTDIR);
	EXPECT(io_uring_prep_unlink(sqe, tmp_path("f"), 1 << 30), -EINVAL);
	EXPECT(io_uring_prep_unlink(sqe, tmp_path("f"), 0), 0);
	EXPECT(io_uring_prep_unlink(sqe, tmp_path("f"), 0), -ENOENT);
	CHECK(!exists(dir, "f"));
	finish();
}

static void link_reads(int dir, const char *name, const char *target)
{
	char got[64];
	ssize_t len = readlinkat(dir, name, got, sizeof(got) - 1);

	CHECK(len >= 0);
	got[len] = 0;
	CHECK(!strcmp(got, target));
}

TEST(links)
{
	int dir = start();

	need_op(IORING_OP_SYMLINKAT);
	need_op(IORING_OP_LINKAT);
	close(tmp_filled("f", 10, 1));
	EXPECT(io_uring_prep_symlinkat(sqe, "f", dir, "s"), 0);
	link_reads(dir, "s", "f");
	EXPECT(io_uring_prep_symlinkat(sqe, "f", dir, "s"), -EEXIST);
	EXPECT(io_uring_prep_symlink(sqe, "to/nowhere", tmp_path("t")), 0);
	link_reads(dir, "t", "to/nowhere");
	EXPECT(io_uring_prep_linkat(sqe, dir, "f", dir, "h", 0), 0);
	CHECK_EQ(stat_of(dir, "h").st_ino, stat_of(dir, "f").st_ino);
	CHECK_EQ(stat_of(dir, "f").st_nlink, 2);
	EXPECT(io_uring_prep_linkat(sqe, dir, "s", dir, "h2", AT_SYMLINK_FOLLOW), 0);
	CHECK_EQ(stat_of(dir, "h2").st_ino, stat_of(dir, "f").st_ino);
	EXPECT(io_uring_prep_link(sqe, tmp_path("s"), tmp_path("s2"), 0), 0);
	CHECK_EQ(stat_of(dir, "s2").st_ino, stat_of(dir, "s").st_ino);
	EXPECT(io_uring_prep_link(sqe, tmp_path("f"), tmp_path("h"), 0), -EEXIST);
	EXPECT(io_uring_prep_link(sqe, tmp_path("g"), tmp_path("i"), 0), -ENOENT);
	EXPECT(io_uring_prep_linkat(sqe, dir, "f", dir, "i", 1 << 30), -EINVAL);
	finish();
}

TEST(pipes)
{
	int fds[2] = { -1, -1 }, held[2];
	char in[16];

	need_op(IORING_OP_PIPE);
	start();
	EXPECT(io_uring_prep_pipe(sqe, fds, O_CLOEXEC | O_NONBLOCK), 0);
	CHECK_EQ(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
	CHECK(fcntl(fds[1], F_GETFL) & O_NONBLOCK);
	fd_write(fds[1], "pipe", 4);
	CHECK_EQ(read(fds[0], in, sizeof(in)), 4);
	CHECK(!memcmp(in, "pipe", 4));
	memcpy(held, fds, sizeof(held));
	EXPECT(io_uring_prep_pipe(sqe, fds, 0), 0);
	CHECK(fds[0] != held[0] && fds[1] != held[1]);
	CHECK_EQ(fcntl(fds[0], F_GETFD), 0);
	CHECK(!(fcntl(fds[1], F_GETFL) & O_NONBLOCK));
	EXPECT(io_uring_prep_pipe(sqe, fds, O_APPEND), -EINVAL);
	EXPECT(io_uring_prep_pipe(sqe, NULL, 0), -EFAULT);
	finish();
}

/* What the kernel checks before it looks at the file system, and in which order. */
TEST(refused_fields)
{
	struct open_how how = { .flags = O_RDONLY };
	char longest[5000];
	struct statx stx;
	int dir = start();

	NOT_UNDER("valgrind", "it reports the bad addresses that the case passes");
	need_op(IORING_OP_OPENAT2);
	need_op(IORING_OP_LINKAT);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	EXPECT(io_uring_prep_openat(sqe, dir, "", O_RDONLY, 0), -ENOENT);
	EXPECT(io_uring_prep_openat(sqe, dir, longest, O_RDONLY, 0), -ENAMETOOLONG);
	EXPECT((io_uring_prep_openat(sqe, dir, NULL, O_RDONLY, 0), sqe->buf_index = 1), -EINVAL);
	EXPECT((io_uring_prep_openat(sqe, dir, ".", O_RDONLY, 0), sqe->flags = IOSQE_FIXED_FILE), -EBADF);
	EXPECT((io_uring_prep_openat2(sqe, dir, ".", &how), sqe->len = sizeof(how) - 1), -EINVAL);
	EXPECT(io_uring_prep_statx(sqe, dir, NULL, AT_EMPTY_PATH, STATX_SIZE, &stx), -EFAULT);
	EXPECT((io_uring_prep_statx(sqe, dir, "", AT_EMPTY_PATH, STATX_SIZE, &stx), sqe->file_index = 1), -EINVAL);
	EXPECT((io_uring_prep_statx(sqe, dir, ".", 0, STATX_SIZE, &stx), sqe->flags = IOSQE_FIXED_FILE), -EBADF);
	EXPECT(io_uring_prep_linkat(sqe, dir, "", dir, "b", 0), -ENOENT);
	EXPECT(io_uring_prep_linkat(sqe, dir, "a", dir, "", AT_EMPTY_PATH), -ENOENT);
	EXPECT((io_uring_prep_unlinkat(sqe, dir, "a", 0), sqe->off = 1), -EINVAL);
	EXPECT((io_uring_prep_unlinkat(sqe, dir, "a", 0), sqe->len = 1), -EINVAL);
	EXPECT(io_uring_prep_unlinkat(sqe, dir, NULL, AT_SYMLINK_FOLLOW), -EINVAL);
	EXPECT((io_uring_prep_mkdirat(sqe, dir, "a", 0700), sqe->rw_flags = 1), -EINVAL);
	EXPECT((io_uring_prep_symlinkat(sqe, "x", dir, "a"), sqe->len = 1), -EINVAL);
	EXPECT(io_uring_prep_symlinkat(sqe, "", dir, "a"), -ENOENT);
	EXPECT(io_uring_prep_renameat(sqe, dir, "", dir, "a", 0), -ENOENT);
	EXPECT((io_uring_prep_renameat(sqe, dir, "a", dir, "b", 0), sqe->flags = IOSQE_FIXED_FILE), -EBADF);
	EXPECT((io_uring_prep_close(sqe, 999), sqe->len = 1), -EINVAL);
	EXPECT((io_uring_prep_close(sqe, 999), sqe->off = 1), -EINVAL);
	EXPECT((io_uring_prep_close(sqe, 999), sqe->file_index = 1), -EINVAL);
	EXPECT((io_uring_prep_close(sqe, 999), sqe->flags = IOSQE_FIXED_FILE), -EBADF);
	CHECK(!exists(dir, "a"));
	finish();
}

/* A structure from a newer header may be longer, if what is not known is 0. */
/* Errors of naming files don't end a chain; those of opening and closing do. */
TEST(errors_in_chains)
{
	static const bool ends[] = { true, true, false, false, false, false, false, false };
	int dir = start();
	struct io_uring_sqe *sqe;
	struct statx stx;
	unsigned i;

	need_op(IORING_OP_LINKAT);
	SINCE("chain that goes on", 5, 19);
	for (i = 0; i < ARRAY_LEN(ends); i++) {
		sqe = next();
		switch (i) {
		case 0: io_uring_prep_openat(sqe, dir, "none", O_RDONLY, 0); break;
		case 1: io_uring_prep_close(sqe, 999); break;
		case 2: io_uring_prep_statx(sqe, dir, "none", 0, STATX_SIZE, &stx); break;
		case 3: io_uring_prep_renameat(sqe, dir, "none", dir, "other", 0); break;
		case 4: io_uring_prep_unlinkat(sqe, dir, "none", 0); break;
		case 5: io_uring_prep_mkdirat(sqe, dir, "none/inner", 0700); break;
		case 6: io_uring_prep_symlinkat(sqe, "x", dir, "none/inner"); break;
		case 7: io_uring_prep_linkat(sqe, dir, "none", dir, "other", 0); break;
		}
		io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
		io_uring_prep_nop(next_sqe(&ring, 2));
		submit_n(&ring, 2);
		CHECK(wait_res(&ring, 1) < 0);
		CHECK_EQ(wait_res(&ring, 2), ends[i] ? -ECANCELED : 0);
	}
	finish();
}

/* The flags that a file is open with are those of the request, however it was opened. */
/* A new descriptor has the lowest free number. */
/* Numbers that the program never got are not its own: nothing that a ring needs can be closed by them. */
