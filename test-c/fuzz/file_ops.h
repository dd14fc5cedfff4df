/* Files and names. Each request is awaited at once, because threads of the kernel or of the engine may do it. */
#include "alone_ops.h"
#include <linux/openat2.h>
#include <sys/xattr.h>

static char folder_path[64];
static const char *const file_names[] = { "a", "b", "c", "d" };

static void name_folder(pid_t pid)
{
	snprintf(folder_path, sizeof(folder_path), "/tmp/ironring-fuzz.%d", (int)pid);
}

/* A folder for this process. */
static void open_folder(void)
{
	if (folder >= 0)
		return;
	name_folder(getpid());
	if (mkdir(folder_path, 0700) || (folder = open(folder_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		abort();
}

/* Removes the folder of a process that has ended. */
static void remove_folder(pid_t pid)
{
	unsigned i;

	name_folder(pid);
	if (!rmdir(folder_path) || errno == ENOENT)
		return;
	for (i = 0; i < 4; i++) {
		char path[96];

		snprintf(path, sizeof(path), "%s/%s", folder_path, file_names[i]);
		if (unlink(path))
			rmdir(path);
	}
	rmdir(folder_path);
}

/* Prepares opening a name; true if the result is a descriptor of the program's. */
static int prepare_open(struct io_uring_sqe *sqe, const char *name, unsigned number, unsigned which)
{
	static const int flags[] = { O_RDONLY, O_RDWR | O_CREAT, O_RDWR | O_CREAT | O_EXCL, O_RDONLY | O_DIRECTORY,
				     O_WRONLY | O_TRUNC, O_RDONLY | O_NOFOLLOW, O_PATH, O_RDWR | O_APPEND };
	static const unsigned resolve[] = { 0, RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, RESOLVE_IN_ROOT, RESOLVE_CACHED,
					    RESOLVE_NO_XDEV, 0x1000, RESOLVE_NO_MAGICLINKS };
	static struct open_how how;
	int flag = flags[which / 4 % 8] | O_CLOEXEC;

	how = (struct open_how){ .flags = (__u64)flag, .mode = flag & O_CREAT ? 0600 : 0, .resolve = resolve[number / 4 % 8] };
	switch (number % 4) {
	case 0:
		io_uring_prep_openat(sqe, folder, name, flag, 0600);
		return 1;
	case 1:
		io_uring_prep_openat2(sqe, folder, name, &how);
		return 1;
	case 2:
		io_uring_prep_openat2_direct(sqe, folder, name, &how, number / 4);
		return 0;
	default:
		io_uring_prep_openat_direct(sqe, folder, name, flag & ~O_CLOEXEC, 0600, IORING_FILE_INDEX_ALLOC);
		return 0;
	}
}

static void open_file(unsigned r, unsigned number, unsigned which, unsigned aside)
{
	int res, closes;
	ALONE(r, 1);

	open_folder();
	closes = prepare_open(sqe, file_names[which % 4], number, which);
	numbered(s, sqe, aside ? IOSQE_ASYNC : 0);
	res = submit_alone(s);
	if (closes && res >= 0)
		close(res);
	reap_alone(s);
}

/* Where names lead and what they are called. */
static void names(unsigned r, unsigned number, unsigned which, unsigned aside)
{
	static struct statx facts;
	static char value[64], path[96];
	const char *name = file_names[which % 4], *other = file_names[which / 4 % 4];
	ALONE(r, 1);

	open_folder();
	memset(&facts, 0, sizeof(facts));
	/* Otherwise there would hardly ever be one to link or rename. */
	if (number % 9 - 2 < 2 && number >= 18)
		close(openat(folder, other, O_RDONLY | O_CREAT | O_CLOEXEC, 0600));
	snprintf(path, sizeof(path), "%s/%s", folder_path, name);
	switch (number % 9) {
	case 0:
		io_uring_prep_mkdirat(sqe, folder, name, 0700);
		break;
	case 1:
		io_uring_prep_symlinkat(sqe, other, folder, name);
		break;
	case 2:
		io_uring_prep_linkat(sqe, folder, other, folder, name, which & 16 ? AT_SYMLINK_FOLLOW : 0);
		break;
	case 3:
		io_uring_prep_renameat(sqe, folder, other, folder, name, which / 16);
		break;
	case 4:
		io_uring_prep_unlinkat(sqe, folder, name, which & 16 ? AT_REMOVEDIR : 0);
		break;
	case 5:
	case 6:
		io_uring_prep_statx(sqe, folder, name, which & 16 ? AT_SYMLINK_NOFOLLOW : 0,
				    STATX_TYPE | STATX_MODE | STATX_SIZE | STATX_NLINK, &facts);
		break;
	case 7:
		io_uring_prep_setxattr(sqe, "user.fuzz", "12345678", path, (int)(which / 8 % 4), which % 8);
		break;
	default:
		io_uring_prep_getxattr(sqe, "user.fuzz", value, path, which);
	}
	numbered(s, sqe, aside ? IOSQE_ASYNC : 0);
	submit_alone(s);
	note(" %#x %#x %u %llu %.8s", facts.stx_mask, facts.stx_mode, facts.stx_nlink,
	     S_ISDIR(facts.stx_mode) ? 0 : (unsigned long long)facts.stx_size, value);
	reap_alone(s);
}

static struct iovec file_parts[2];

/* A read or write of `file`, at a position or at its own. */
static void prepare_file_io(struct io_uring_sqe *sqe, unsigned number, unsigned size)
{
	static const int flags[] = { 0, RWF_NOWAIT, RWF_APPEND, RWF_DSYNC, RWF_HIPRI, 0x4000 };
	int flag = flags[number % 6];
	__u64 at = number & 1 ? (__u64)-1 : size / 2;

	if (known("nothing"))
		size |= 1;
	file_parts[0] = (struct iovec){ data[14], size % 512 };
	file_parts[1] = (struct iovec){ data[15], size % 1024 };
	switch (number / 4 % 8) {
	case 0:
		io_uring_prep_write(sqe, file, data[14], size % 1024, at);
		break;
	case 1:
		io_uring_prep_read(sqe, file, data[15], size % 1024, at);
		break;
	case 2:
		io_uring_prep_readv2(sqe, file, file_parts, 2, at, flag);
		break;
	case 3:
		io_uring_prep_writev2(sqe, file, file_parts, 2, at, flag);
		break;
	case 4:
		io_uring_prep_readv(sqe, file, file_parts, 1 + number % 2, at);
		break;
	case 5:
		io_uring_prep_writev(sqe, file, file_parts, 1 + number % 2, at);
		break;
	case 6:
		io_uring_prep_read_fixed(sqe, file, data[number % 4], size % 600, at, (int)(number % 4));
		break;
	default:
		io_uring_prep_writev_fixed(sqe, file, file_parts, 1, at, 0, (int)(number % 4));
	}
}

/* Everything else on `file`. */
static void prepare_file(struct io_uring_sqe *sqe, unsigned number, unsigned size)
{
	static const int modes[] = { 0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE,
				     FALLOC_FL_ZERO_RANGE, FALLOC_FL_COLLAPSE_RANGE, 0x4000 };
	static char scratch[8192] __attribute__((aligned(4096)));
	static char value[32];

	switch (number % 9) {
	case 0:
		io_uring_prep_fsync(sqe, file, number / 9);
		break;
	case 1:
		io_uring_prep_ftruncate(sqe, file, size == 500 ? -1 : (loff_t)size);
		break;
	case 2:
		io_uring_prep_fallocate(sqe, file, modes[number / 9 + size % 3], 0, size);
		break;
	case 3:
		io_uring_prep_fadvise(sqe, file, size, (__u32)size, (int)(size % 7));
		break;
	case 4:
		io_uring_prep_madvise(sqe, scratch + (size == 1 ? 1 : 0), size, size % 9 == 1 ? MADV_WILLNEED : (int)(number / 9));
		break;
	case 5:
		io_uring_prep_sync_file_range(sqe, file, (unsigned)size, number / 9, (int)(size % 9));
		break;
	case 6:
		io_uring_prep_fsetxattr(sqe, file, "user.fuzz", "abcdefgh", (int)(number / 9), size % 10);
		break;
	case 7:
		io_uring_prep_fgetxattr(sqe, file, "user.fuzz", value, (unsigned)size % 32);
		break;
	default:
		io_uring_prep_close(sqe, size & 1 ? -1 : dup(event));
	}
}

/* Runs a request of I/O, or another one on the file, and notes what has become of that. */
static void on_file(bool io, unsigned r, unsigned number, unsigned size, unsigned aside)
{
	struct stat facts;
	ALONE(r, 1);

	(io ? prepare_file_io : prepare_file)(sqe, number, size);
	numbered(s, sqe, aside ? IOSQE_ASYNC : 0);
	submit_alone(s);
	fstat(file, &facts);
	note(" at %ld of %ld", (long)lseek(file, 0, SEEK_CUR), (long)facts.st_size);
	/* What was written may get its blocks later. */
	if (!io)
		note(" in %ld", (long)facts.st_blocks);
	reap_alone(s);
}

static void file_io(unsigned r, unsigned number, unsigned size, unsigned aside)
{
	on_file(true, r, number, size, aside);
}

static void file_other(unsigned r, unsigned number, unsigned size, unsigned aside)
{
	on_file(false, r, number, size, aside);
}

/* Between pipes that nothing else uses, and the file. Never waits. */
static void move_bytes(unsigned r, unsigned number, unsigned size, unsigned aside)
{
	static int tubes[2][2] = { { -1, -1 }, { -1, -1 } };
	unsigned flags = SPLICE_F_NONBLOCK;
	ALONE(r, 1);

	if (tubes[0][0] < 0 && (pipe2(tubes[0], O_CLOEXEC | O_NONBLOCK) || pipe2(tubes[1], O_CLOEXEC | O_NONBLOCK)))
		abort();
	switch (number % 8) {
	case 0:
		io_uring_prep_splice(sqe, tubes[0][0], -1, tubes[1][1], -1, (unsigned)size, flags);
		break;
	case 1:
		io_uring_prep_tee(sqe, tubes[0][0], tubes[1][1], (unsigned)size, flags);
		break;
	case 2:
		io_uring_prep_splice(sqe, file, number & 8 ? 10 : -1, tubes[0][1], -1, (unsigned)size, flags);
		break;
	case 3:
		io_uring_prep_splice(sqe, tubes[1][0], -1, file, number & 8 ? 10 : -1, (unsigned)size, flags);
		break;
	case 4:
		io_uring_prep_splice(sqe, (int)(number / 8), -1, tubes[1][1], -1, (unsigned)size,
				     flags | SPLICE_F_FD_IN_FIXED);
		break;
	case 5:
		io_uring_prep_tee(sqe, file, number & 8 ? -1 : tubes[0][1], (unsigned)size, number & 16 ? 0x100 : flags);
		break;
	case 6:
		io_uring_prep_write(sqe, tubes[0][1], data[8], (unsigned)size, 0);
		break;
	default:
		io_uring_prep_read(sqe, tubes[number & 8 ? 1 : 0][0], data[9], (unsigned)size, 0);
	}
	/* A request waits for a pipe, even if that has O_NONBLOCK. */
	if (number % 8 >= 6 && !ready_for(sqe->fd, number % 8 == 6 ? POLLOUT : POLLIN))
		sqe->rw_flags = RWF_NOWAIT;
	numbered(s, sqe, aside ? IOSQE_ASYNC : 0);
	submit_alone(s);
	note(" at %ld %#lx", (long)lseek(file, 0, SEEK_CUR), signaled && known_names ? 0 : sum(data[9], 1024));
	reap_alone(s);
}
