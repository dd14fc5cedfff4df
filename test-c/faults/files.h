/* Families that work on files and names. */
#include "family.h"

FAMILY(nop, 0, "")
{
	ENTRY(1, nop);
	ENTRY(2, nop)->flags |= IOSQE_ASYNC;
	go(2);
}

FAMILY(read, 0, "preadv2")
{
	ENTRY(1, read, file(8192), buffer, 8192, 0);
	go(1);
	say_data(buffer, res_of(1));
}

FAMILY(read_async, 0, "preadv2")
{
	ENTRY(1, read, file(8192), buffer, 8192, 0)->flags |= IOSQE_ASYNC;
	go(1);
	say_data(buffer, res_of(1));
}

FAMILY(readv, 0, "preadv2")
{
	struct iovec parts[] = { { buffer, 100 }, { buffer + 100, 4000 }, { buffer + 4100, 900 } };

	ENTRY(1, readv, file(8192), parts, 3, 0);
	go(1);
	say_data(buffer, res_of(1));
}

FAMILY(read_direct, 0, "preadv2")
{
	int fd = file_on_disk(O_RDONLY);

	if (fd < 0)
		return;
	ENTRY(1, read, fd, buffer, 8192, 0);
	go(1);
	say_data(buffer, res_of(1));
}

/* What the file holds afterwards. */
static void say_file(int fd, long length)
{
	static char content[1 << 14];

	if (length > 0 && pread(fd, content, (size_t)length, 0) == length)
		say_data(content, length);
}

FAMILY(write, 0, "pwritev2")
{
	int fd = file(0);

	fill(buffer, 8192);
	ENTRY(1, write, fd, buffer, 8192, 0);
	go(1);
	say_file(fd, res_of(1));
}

FAMILY(write_direct, 0, "pwritev2")
{
	int fd = file_on_disk(O_RDWR);

	if (fd < 0)
		return;
	fill(buffer, 8192);
	/* The first may find pages of the cache in its way. */
	ENTRY(1, write, fd, buffer, 4096, 0);
	go(1);
	ENTRY(2, write, fd, buffer + 4096, 4096, 4096);
	go(1);
	say_file(fd, res_of(1) + res_of(2));
}

FAMILY(writev_async, 0, "pwritev2")
{
	struct iovec parts[] = { { buffer, 100 }, { buffer + 100, 4000 }, { buffer + 4100, 900 } };
	int fd = file(0);

	fill(buffer, 5000);
	ENTRY(1, writev, fd, parts, 3, 0)->flags |= IOSQE_ASYNC;
	go(1);
	say_file(fd, res_of(1));
}

FAMILY(registered, 0, "preadv2 pwritev2")
{
	struct iovec all = { buffer, sizeof(buffer) };
	int fds[] = { file(8192) };

	if (!TRY(io_uring_register_buffers(&ring, &all, 1)) || !TRY(io_uring_register_files(&ring, fds, 1)))
		return;
	ENTRY(1, read_fixed, 0, buffer, 8192, 0, 0)->flags |= IOSQE_FIXED_FILE | IOSQE_IO_LINK;
	ENTRY(2, write_fixed, 0, buffer, 4096, 8192, 0)->flags |= IOSQE_FIXED_FILE;
	go(2);
	say_data(buffer, res_of(1));
	TRY(io_uring_unregister_buffers(&ring));
	TRY(io_uring_unregister_files(&ring));
}

FAMILY(open, 0, "openat openat2")
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC };

	file(10);
	makes_file(ENTRY(1, openat, AT_FDCWD, "file", O_RDWR | O_CLOEXEC, 0));
	makes_file(ENTRY(2, openat2, AT_FDCWD, "file", &how));
	makes_file(ENTRY(3, openat, AT_FDCWD, "file", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	go(3);
	for (unsigned i = 1; i <= 3; i++)
		mine(res_of(i));
}

FAMILY(open_direct, 0, "openat openat2 preadv2")
{
	file(100);
	if (!TRY(io_uring_register_files_sparse(&ring, 4)))
		return;
	ENTRY(1, openat_direct, AT_FDCWD, "file", O_RDWR, 0, 0)->flags |= IOSQE_IO_LINK;
	ENTRY(2, read, 0, buffer, 100, 0)->flags |= IOSQE_FIXED_FILE | IOSQE_IO_LINK;
	ENTRY(3, close_direct, 0);
	makes_file(ENTRY(4, openat_direct, AT_FDCWD, "file", O_RDWR | O_CREAT, 0600, IORING_FILE_INDEX_ALLOC - 1));
	go(4);
	say_data(buffer, res_of(2));
}

/* The request closes it, whatever the call says, as in Linux. */
FAMILY(close, 0, "close")
{
	int fds[2];

	MUST(!pipe2(fds, O_CLOEXEC));
	ENTRY(1, close, fds[0]);
	ENTRY(2, close, fds[1])->flags |= IOSQE_ASYNC;
	go(2);
	/* If an error was made up, they are still open. */
	close(fds[0]);
	close(fds[1]);
}

FAMILY(statx, 0, "statx")
{
	struct statx found[2];

	memset(found, 0, sizeof(found));
	file(1234);
	ENTRY(1, statx, AT_FDCWD, "file", 0, STATX_SIZE, &found[0]);
	ENTRY(2, statx, AT_FDCWD, "file", 0, STATX_SIZE, &found[1])->flags |= IOSQE_ASYNC;
	go(2);
	say(&out, "sizes=%llu/%llu\n", (unsigned long long)found[0].stx_size, (unsigned long long)found[1].stx_size);
}

FAMILY(names, 0, "mkdirat symlinkat linkat renameat2 unlinkat")
{
	rmdir("folder");
	unlink("symlink");
	unlink("link");
	unlink("moved");
	file(10);
	ENTRY(1, mkdirat, AT_FDCWD, "folder", 0700);
	ENTRY(2, symlinkat, "file", AT_FDCWD, "symlink");
	ENTRY(3, linkat, AT_FDCWD, "file", AT_FDCWD, "link", 0);
	go(3);
	if (res_of(3))
		return;
	ENTRY(4, renameat, AT_FDCWD, "link", AT_FDCWD, "moved", 0);
	go(1);
	if (res_of(4))
		return;
	ENTRY(5, unlinkat, AT_FDCWD, "moved", 0);
	go(1);
}

FAMILY(whole_files, 0, "fsync fdatasync sync_file_range fallocate ftruncate fadvise64 madvise")
{
	int fd = file(8192);

	ENTRY(1, fsync, fd, 0);
	ENTRY(2, fsync, fd, IORING_FSYNC_DATASYNC);
	ENTRY(3, sync_file_range, fd, 4096, 0, 0);
	go(3);
	ENTRY(4, fallocate, fd, 0, 0, 16384);
	go(1);
	ENTRY(5, ftruncate, fd, 4096);
	ENTRY(6, fadvise, fd, 0, 4096, POSIX_FADV_WILLNEED);
	ENTRY(7, madvise, buffer, 4096, MADV_WILLNEED);
	go(3);
}

FAMILY(attributes, 0, "fsetxattr setxattr fgetxattr getxattr")
{
	int fd = file(10);

	ENTRY(1, fsetxattr, fd, "user.a", "12345", 0, 5);
	ENTRY(2, setxattr, "user.b", "123", "file", 0, 3);
	go(2);
	ENTRY(3, fgetxattr, fd, "user.a", buffer, 100);
	ENTRY(4, getxattr, "user.b", buffer + 100, "file", 100);
	go(2);
}

FAMILY(splice, 0, "splice tee")
{
	int from[2], to[2], fd = file(4096);

	pipes(from);
	pipes(to);
	ENTRY(1, splice, fd, 0, from[1], -1, 4096, 0);
	go(1);
	if (res_of(1) <= 0)
		return;
	ENTRY(2, tee, from[0], to[1], 4096, 0);
	go(1);
	/* It waits for the pipe that is read. */
	MUST(read(from[0], buffer, sizeof(buffer)) == res_of(1));
	say_data(buffer, res_of(1));
	ENTRY(3, splice, from[0], -1, to[1], -1, 100, 0);
	submit();
	MUST(write(from[1], buffer, 100) == 100);
	reap(nr_done + 1);
}

FAMILY(chain, 0, "preadv2 pwritev2 fsync")
{
	int fd = file(4096);

	ENTRY(1, read, fd, buffer, 4096, 0)->flags |= IOSQE_IO_LINK;
	ENTRY(2, write, fd, buffer, 4096, 4096)->flags |= IOSQE_IO_HARDLINK;
	ENTRY(3, fsync, fd, 0);
	ENTRY(4, nop)->flags |= IOSQE_IO_DRAIN;
	go(4);
}

/* Another user's credentials, which need a thread of their own. */
FAMILY(personality, 0, "openat mkdirat fsync")
{
	int id;

	chmod(".", 0777);
	rmdir("folder");
	unlink("theirs");
	if (geteuid())
		return;
	setfsuid(54321);
	id = (int)IN(io_uring_register_personality(&ring));
	setfsuid(0);
	say(&out, "personality=%d\n", id < 0 ? id : 0);
	if (id < 0)
		return;
	ENTRY(1, mkdirat, AT_FDCWD, "folder", 0700)->personality = (__u16)id;
	makes_file(ENTRY(2, openat, AT_FDCWD, "theirs", O_CREAT | O_RDWR | O_CLOEXEC, 0600))->personality = (__u16)id;
	ENTRY(3, fsync, file(10), 0);
	go(3);
	mine(res_of(2));
	if (res_of(1) == 0) {
		struct stat found;

		MUST(!stat("folder", &found));
		say(&out, "owner=%u\n", found.st_uid);
	}
}

/* The thread that submits has another user's credentials for a moment only. */
FAMILY(personality_at_once, 0, "socket")
{
	const gid_t other = 54321;
	int id;

	/* Of this thread alone. */
	if (geteuid() || syscall(SYS_setgroups, 0, NULL) || syscall(SYS_setgroups, 1, &other))
		return;
	setfsuid(54321);
	id = (int)IN(io_uring_register_personality(&ring));
	setfsuid(0);
	MUST(!syscall(SYS_setgroups, 0, NULL));
	say(&out, "personality=%d\n", id < 0 ? id : 0);
	if (id < 0)
		return;
	makes_file(ENTRY(1, socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, 0))->personality = (__u16)id;
	go(1);
	mine(res_of(1));
	say(&out, "user=%d groups=%d\n", setfsuid(-1U), getgroups(0, NULL));
}

/* A user without privileges, whose credentials can't change any more. */
FAMILY(other_user, 0, "mkdirat")
{
	chmod(".", 0777);
	if (!geteuid())
		rmdir("folder");
	if (!geteuid() && (setgid(54321) || setuid(54321)))
		return;
	rmdir("folder");
	ENTRY(1, mkdirat, AT_FDCWD, "folder", 0700);
	go(1);
	ENTRY(2, nop)->flags |= IOSQE_ASYNC;
	go(1);
}

/* The memory that requests name is not there: -EFAULT, whoever looks. */
FAMILY(wrong_memory, 0, "")
{
	char *nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fds[2];

	MUST(nowhere != MAP_FAILED);
	pair(fds, SOCK_STREAM);
	ENTRY(1, readv, file(10), (struct iovec *)nowhere, 2, 0);
	ENTRY(2, openat, AT_FDCWD, nowhere, O_RDONLY | O_CLOEXEC, 0);
	ENTRY(3, sendmsg, fds[0], (struct msghdr *)nowhere, 0);
	go(3);
	munmap(nowhere, 4096);
}
