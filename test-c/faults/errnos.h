/* The system calls that the engine makes, and the errors that each can return as the engine calls it. `cargo xtask faults`
 * checks that every call in the engine's source has a row here. x86-64 only. */
#ifndef IRONRING_ERRNOS_H
#define IRONRING_ERRNOS_H

#include <errno.h>
#include <stdbool.h>
#include <sys/syscall.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

#define MOST_ERRNOS 12

struct call {
	const char *name;
	long nr;
	/* Errors that a call can return once, up to a 0. Not EAGAIN of sockets: a change of the socket follows a real one. */
	short errnos[MOST_ERRNOS];
	/* What it returns each time where it is refused, or where a resource is used up; up to a 0. */
	short ever[4];
	/* The count of bytes that the call may do only a part of: 'l' an argument, 'v' vectors, 'm' a message, 'e' the fifth
	 * argument. 'o': its errors are those of what programs ask it for, and not of what the engine does. */
	char part;
};

#define CALL_(NAME, PART, EVER, ...) { #NAME, SYS_##NAME, { __VA_ARGS__ }, EVER, PART },
#define EVER(...) { __VA_ARGS__ }
#define NEVER EVER(0)
/* Newer calls: not there, or refused by a filter that does not know them. */
#define UNKNOWN EVER(ENOSYS, EPERM)
#define NO_FILES EVER(EMFILE, ENFILE, ENOMEM)

static const struct call calls[] = {
	CALL_(accept4, 0, NO_FILES, ECONNABORTED, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPERM, EINTR)
	CALL_(bind, 0, NEVER, EADDRINUSE, EACCES, ENOMEM)
	CALL_(capget, 0, EVER(EPERM), EPERM)
	CALL_(capset, 0, EVER(EPERM), EPERM)
	CALL_(clone3, 0, EVER(EAGAIN, ENOMEM, EPERM, ENOSYS), EAGAIN, ENOMEM, EPERM, ENOSYS)
	CALL_(close, 0, NEVER, EIO, EINTR, ENOSPC)
	CALL_(connect, 0, NEVER, ECONNREFUSED, ETIMEDOUT, EADDRNOTAVAIL, EACCES, EINTR)
	CALL_(epoll_create1, 0, EVER(EMFILE, ENFILE, ENOMEM, EPERM), EMFILE, ENFILE, ENOMEM)
	CALL_(epoll_ctl, 0, EVER(ENOSPC, ENOMEM), ENOSPC, ENOMEM)
	CALL_(epoll_pwait, 0, NEVER, EINTR)
	CALL_(eventfd2, 0, NO_FILES, EMFILE, ENFILE, ENODEV, ENOMEM)
	CALL_(fadvise64, 0, NEVER, ESPIPE)
	CALL_(fallocate, 0, NEVER, ENOSPC, EIO, EFBIG, EOPNOTSUPP, EINTR)
	/* As a duplication: other commands of the engine's can't fail. */
	CALL_(fcntl, 0, EVER(EMFILE), EMFILE, ENOMEM)
	CALL_(fdatasync, 0, NEVER, EIO, ENOSPC, EDQUOT, EINTR)
	CALL_(fgetxattr, 0, NEVER, ENODATA, ERANGE, EOPNOTSUPP, EIO)
	CALL_(fsetxattr, 0, NEVER, ENOSPC, EDQUOT, EPERM, EIO)
	CALL_(fstatfs, 0, EVER(EPERM), EIO, ENOMEM, EINTR)
	CALL_(fsync, 0, NEVER, EIO, ENOSPC, EDQUOT, EINTR)
	CALL_(ftruncate, 0, NEVER, EIO, EFBIG, EPERM, EINTR)
	CALL_(futex, 0, NEVER, EINTR)
	CALL_(futex_waitv, 0, UNKNOWN, EINTR, ENOMEM)
	CALL_(getgroups, 0, EVER(EPERM), EPERM)
	CALL_(getpeername, 0, NEVER, ENOTCONN, ENOBUFS)
	CALL_(getpid, 0, NEVER, 0)
	CALL_(getresgid, 0, EVER(EPERM), EPERM)
	CALL_(getresuid, 0, EVER(EPERM), EPERM)
	CALL_(getsockname, 0, NEVER, ENOBUFS)
	CALL_(getsockopt, 'o', NEVER, ENOMEM, ENOPROTOOPT)
	CALL_(gettid, 0, NEVER, 0)
	CALL_(getxattr, 0, NEVER, ENODATA, ERANGE, EACCES, EIO)
	/* Only where the eventfd can't be watched: it can't fail. */
	CALL_(io_destroy, 0, NEVER, 0)
	/* Without waiting: it can't fail. */
	CALL_(io_getevents, 0, NEVER, 0)
	CALL_(io_setup, 0, EVER(EAGAIN, ENOSYS, EPERM), EAGAIN, ENOMEM)
	CALL_(io_submit, 0, EVER(EAGAIN, ENOSYS, EPERM), EAGAIN, EOPNOTSUPP, ENOMEM)
	CALL_(ioctl, 0, NEVER, ENOMEM, ENOTTY)
	CALL_(kcmp, 0, UNKNOWN, EPERM, ENOSYS)
	CALL_(kill, 0, EVER(EPERM), EPERM)
	CALL_(linkat, 0, NEVER, EEXIST, EMLINK, ENOSPC, EXDEV, EIO)
	CALL_(listen, 0, NEVER, EADDRINUSE)
	CALL_(madvise, 0, EVER(ENOMEM, EINVAL, EPERM), ENOMEM)
	CALL_(memfd_create, 0, NO_FILES, EMFILE, ENFILE, ENOMEM)
	CALL_(mkdirat, 0, NEVER, EACCES, ENOSPC, EROFS, EIO)
	CALL_(mmap, 0, EVER(ENOMEM), ENOMEM, EAGAIN)
	CALL_(mprotect, 0, EVER(ENOMEM), ENOMEM)
	CALL_(mremap, 0, EVER(ENOMEM), ENOMEM, EAGAIN)
	/* Only if a part is unmapped, which the engine doesn't do. */
	CALL_(munmap, 0, NEVER, 0)
	CALL_(openat, 0, NO_FILES, EACCES, EMFILE, ENFILE, ENOMEM, ENOSPC, EROFS, EIO, EINTR)
	CALL_(openat2, 0, UNKNOWN, EACCES, EMFILE, ENFILE, ENOMEM, EROFS, EIO, EAGAIN, ENOSYS, EPERM)
	CALL_(pidfd_open, 0, EVER(EMFILE, ENOSYS, EPERM), EMFILE, ENFILE, ENOMEM, ENOSYS, EPERM)
	CALL_(pipe2, 0, NO_FILES, EMFILE, ENFILE, ENOMEM)
	CALL_(ppoll, 0, NEVER, EINTR)
	CALL_(prctl, 0, NEVER, 0)
	CALL_(preadv2, 'v', NEVER, EIO, ENOMEM, EINTR, EAGAIN, EOPNOTSUPP)
	CALL_(prlimit64, 0, EVER(EPERM), EPERM)
	/* Of more than 16 pages ENOMEM, too, but what the engine copies is small. */
	CALL_(process_vm_readv, 0, UNKNOWN, EPERM, ENOSYS)
	CALL_(process_vm_writev, 0, UNKNOWN, EPERM, ENOSYS)
	CALL_(pwritev2, 'v', NEVER, EIO, ENOSPC, EDQUOT, EFBIG, EINTR, EAGAIN, EOPNOTSUPP)
	/* Of an eventfd that does not block: they can't fail. Of /proc: */
	CALL_(read, 0, NEVER, 0)
	CALL_(recvfrom, 'l', NEVER, ECONNRESET, ECONNREFUSED, ENOMEM, EINTR)
	CALL_(recvmsg, 'm', NEVER, ECONNRESET, ECONNREFUSED, ENOMEM, EINTR)
	CALL_(renameat2, 0, NEVER, EACCES, EXDEV, ENOSPC, EBUSY, EIO)
	CALL_(sched_getaffinity, 0, EVER(EPERM), EPERM)
	CALL_(sched_setaffinity, 0, EVER(EPERM), EPERM, EINVAL)
	CALL_(sched_yield, 0, NEVER, 0)
	CALL_(sendmsg, 'm', NEVER, ECONNRESET, EPIPE, ENOBUFS, EMSGSIZE, EINTR)
	CALL_(sendto, 'l', NEVER, ECONNRESET, EPIPE, ENOBUFS, EMSGSIZE, EINTR)
	CALL_(setfsgid, 0, NEVER, 0)
	CALL_(setfsuid, 0, NEVER, 0)
	CALL_(setgroups, 0, EVER(EPERM), EPERM, ENOMEM)
	CALL_(setsockopt, 0, NEVER, ENOMEM, EPERM)
	CALL_(setxattr, 0, NEVER, ENOSPC, EDQUOT, EPERM, EIO)
	CALL_(shutdown, 0, NEVER, ENOTCONN)
	CALL_(socket, 0, NO_FILES, EMFILE, ENFILE, ENOBUFS, ENOMEM, EACCES)
	CALL_(splice, 'e', NEVER, ENOMEM, EPIPE, EINTR, EAGAIN)
	CALL_(statx, 0, UNKNOWN, ENOMEM, EIO, EACCES, ENOSYS, EPERM)
	CALL_(symlinkat, 0, NEVER, EEXIST, ENOSPC, EROFS, EIO)
	CALL_(sync_file_range, 0, NEVER, EIO, ENOSPC)
	CALL_(tee, 'l', NEVER, ENOMEM, EINTR, EAGAIN)
	CALL_(timerfd_create, 0, EVER(EMFILE, ENFILE, ENOMEM, EPERM), EMFILE, ENFILE, ENOMEM)
	/* With the engine's arguments it can't fail, unless a filter refuses it. */
	CALL_(timerfd_settime, 0, EVER(EPERM), 0)
	CALL_(unlinkat, 0, NEVER, EACCES, EBUSY, EROFS, EIO)
	CALL_(waitid, 0, NEVER, ECHILD, EINTR)
	/* To eventfds: they can't fail. */
	CALL_(write, 0, NEVER, 0)
};
#define CALLS (sizeof(calls) / sizeof(*calls))

/* What can be used up: from some moment on all calls that need it fail. */
static const struct call groups[] = {
	{ "descriptors", -1, { 0 }, { EMFILE }, 0 },
	{ "memory", -2, { 0 }, { ENOMEM }, 0 },
	{ "threads", -3, { 0 }, { EAGAIN }, 0 },
	{ "everything", -4, { 0 }, { ENOMEM }, 0 },
};
#define GROUPS (sizeof(groups) / sizeof(*groups))

static inline bool is_in_group(const struct call *group, const struct call *call)
{
	bool everything = group->nr == -4, descriptors = false;
	const short *error;

	for (error = call->ever; *error; error++)
		descriptors |= *error == EMFILE;
	switch (call->nr) {
	case SYS_mmap:
	case SYS_mremap:
	case SYS_mprotect:
		return everything || group->nr == -2;
	case SYS_clone3:
		return everything || group->nr == -3;
	default:
		/* The limit can't be raised either. */
		return (everything || group->nr == -1) && (descriptors || call->nr == SYS_prlimit64);
	}
}

static inline const struct call *call_of(long nr)
{
	unsigned i;

	for (i = 0; i < CALLS; i++)
		if (calls[i].nr == nr)
			return &calls[i];
	return NULL;
}

#endif
