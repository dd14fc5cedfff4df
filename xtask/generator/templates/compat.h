/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Definitions that older kernel headers lack, chosen when a program is compiled:
 * they don't depend on the machine that built the library.
 */
#ifndef LIBURING_COMPAT_H
#define LIBURING_COMPAT_H

#include <stdint.h>
#include <linux/types.h>
#include <linux/ioctl.h>

#ifdef __has_include
#if __has_include(<linux/time_types.h>)
#include <linux/time_types.h>
#else
#define LIBURING_COMPAT_TIMESPEC
#endif
#if __has_include(<linux/openat2.h>)
#include <linux/openat2.h>
#else
#define LIBURING_COMPAT_OPEN_HOW
#endif
#if __has_include(<linux/blkdev.h>)
#include <linux/blkdev.h>
#endif
#else
#include <linux/time_types.h>
#include <linux/openat2.h>
#endif

#ifdef LIBURING_COMPAT_TIMESPEC
#undef LIBURING_COMPAT_TIMESPEC
struct __kernel_timespec {
	int64_t tv_sec;
	long long tv_nsec;
};
#endif

#ifdef LIBURING_COMPAT_OPEN_HOW
#undef LIBURING_COMPAT_OPEN_HOW
struct open_how {
	uint64_t flags;
	uint64_t mode;
	uint64_t resolve;
};
#endif

/* If linux/io_uring.h is included later, it need not include the time types. */
#ifndef UAPI_LINUX_IO_URING_H_SKIP_LINUX_TIME_TYPES_H
#define UAPI_LINUX_IO_URING_H_SKIP_LINUX_TIME_TYPES_H 1
#endif

/*
 * In strict ISO C and older levels of POSIX, the system's headers hide some of
 * these types. si_pid is a macro wherever siginfo_t is defined.
 */
#include <sys/select.h>
#include <sys/types.h>
#include <sys/wait.h>
#ifdef __GLIBC__
#ifdef __has_include
#if __has_include(<bits/types/idtype_t.h>)
#include <bits/types/idtype_t.h>
#endif
#endif
#ifndef __id_t_defined
typedef __id_t id_t;
#define __id_t_defined
#endif
#ifndef si_pid
#include <bits/types/siginfo_t.h>
#endif
#elif !defined si_pid
typedef struct siginfo siginfo_t;
#endif

#ifndef AT_FDCWD
#define AT_FDCWD	(-100)
#endif

#ifndef BLOCK_URING_CMD_DISCARD
#define BLOCK_URING_CMD_DISCARD	_IO(0x12, 0)
#endif

#ifndef BLOCK_URING_CMD_ZONE_RESET_ALL
#define BLOCK_URING_CMD_ZONE_RESET_ALL	_IO(0x12, 1)
#endif

#endif
