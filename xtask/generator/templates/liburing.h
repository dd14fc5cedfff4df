/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * io_uring for programs: rings, requests, completions.
 *
 * Made by `cargo gen` from the Rust source of ironring.@kind@
 */
#ifndef LIB_URING_H
#define LIB_URING_H

/* glibc's sys/stat.h may need the timespec that its sched.h defines. */
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <inttypes.h>
#include <time.h>
#include <fcntl.h>
#include <linux/swab.h>
#include <linux/filter.h>
#include <sys/wait.h>

#ifndef LIBURING_NOEXCEPT
#ifdef __cplusplus
#define LIBURING_NOEXCEPT noexcept
#else
#define LIBURING_NOEXCEPT
#endif
#endif

#include "liburing/compat.h"

#ifdef __cplusplus
/* Before the structure of the same name: otherwise -Wshadow warns of a hidden constructor. */
extern "C" {
struct io_uring;
@clone_buffers@
}
#endif

#include "liburing/io_uring.h"
#include "liburing/io_uring/query.h"
#include "liburing/io_uring/bpf_filter.h"
#include "liburing/io_uring_version.h"

/*
 * <linux/io_uring.h> has the same include guard. If it came first, these are the
 * system's definitions, which must include all that is used below.
 */
#ifndef IORING_SETUP_SQE_MIXED
#error "<linux/io_uring.h> is older than Linux 6.19: include <liburing.h> before it or instead of it"
#else

#ifndef uring_unlikely
#define uring_unlikely(cond)	__builtin_expect(!!(cond), 0)
#endif

#ifndef uring_likely
#define uring_likely(cond)	__builtin_expect(!!(cond), 1)
#endif

/*
 * IOURINGINLINE functions are also symbols of liburing-ffi; _LOCAL_INLINE ones
 * are internal. A C++20 module can export inline functions, but not
 * static ones.
 */
#ifndef IOURINGINLINE
#if defined(__cplusplus) && __cplusplus >= 202002L
#define IOURINGINLINE inline
#else
#define IOURINGINLINE static inline
#endif
#endif

#ifndef _LOCAL_INLINE
#if defined(__cplusplus) && __cplusplus >= 202002L
#define _LOCAL_INLINE inline
#else
#define _LOCAL_INLINE static inline
#endif
#endif

#include "liburing/barrier.h"

/* System call numbers, for system headers that are too old to have them. */
#ifdef __alpha__
#define LIBURING_NR(nr)	(110 + (nr))
#elif defined __mips__
#define LIBURING_NR(nr)	(__NR_Linux + (nr))
#else
#define LIBURING_NR(nr)	(nr)
#endif
#ifndef __NR_io_uring_setup
#define __NR_io_uring_setup	LIBURING_NR(425)
#endif
#ifndef __NR_io_uring_enter
#define __NR_io_uring_enter	LIBURING_NR(426)
#endif
#ifndef __NR_io_uring_register
#define __NR_io_uring_register	LIBURING_NR(427)
#endif

/* Conversions that compile without warnings in C and in C++. */
#ifdef __cplusplus
#define uring_cast(type, value)		static_cast<type>(value)
#define uring_ptr_cast(type, value)	reinterpret_cast<type>(value)
#else
#define uring_cast(type, value)		((type) (value))
#define uring_ptr_cast(type, value)	((type) (value))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * For ThreadSanitizer: what a thread did before it set a request's user_data
 * happened before what another thread does after it has read the user_data from
 * the completion. The kernel ensures that, but the sanitizer can't see it. As
 * user_data need not be an address, it is mapped to one of these bytes.
 */
#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define LIBURING_TSAN
#endif
#endif
#if defined(__SANITIZE_THREAD__) || defined(LIBURING_TSAN)
#undef LIBURING_TSAN
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
extern char liburing_tsan[4096];
__attribute__((weak, visibility("default"))) char liburing_tsan[4096];
#define LIBURING_TSAN_BYTE(data)					\
	(&liburing_tsan[((data) ^ ((data) >> 12)) % sizeof(liburing_tsan)])
#define LIBURING_RELEASE(data)	__tsan_release(LIBURING_TSAN_BYTE(data))
#define LIBURING_ACQUIRE(data)	__tsan_acquire(LIBURING_TSAN_BYTE(data))
#else
#define LIBURING_RELEASE(data)	do { } while (0)
#define LIBURING_ACQUIRE(data)	do { } while (0)
#endif

struct epoll_event;
struct futex_waitv;
struct statx;
@types@
@prototypes@

/* io_uring_sqe_set_data64() and io_uring_cqe_get_data64() are available. */
#define LIBURING_HAVE_DATA64
@inlines@

/*
 * The head of a loop that visits the ready completions, oldest first. __cqe__
 * points to each in turn; __head__ is an unsigned variable of the caller, for
 * internal use. The completions stay in the CQ until io_uring_cq_advance() is
 * called after the loop with the sum of io_uring_cqe_nr(). The underscores keep
 * the names apart from members.
 */
#define io_uring_for_each_cqe(__ring__, __head__, __cqe__)		\
	LIBURING_FOR_EACH_CQE(__ring__, __head__, __cqe__,		\
			      LIBURING_PASTE(__ITER__, __LINE__))
/* The line number is part of the iterator's name, so that nested loops don't shadow it. */
#define LIBURING_FOR_EACH_CQE(__ring__, __head__, __cqe__, __iter__)	\
	for (struct io_uring_cqe_iter __iter__ =			\
	     io_uring_cqe_iter_init(__ring__);				\
	     (__head__) = (__iter__).head,				\
	     io_uring_cqe_iter_next(&(__iter__), &(__cqe__));		\
	     (void) (__head__))
#define LIBURING_PASTE(a, b)	LIBURING_PASTE_EXPANDED(a, b)
#define LIBURING_PASTE_EXPANDED(a, b)	a##b

/*
 * True if version major.minor is newer than these headers, also in #if.
 * io_uring_check_version() compares with the version of the loaded library.
 */
#define IO_URING_CHECK_VERSION(major, minor)				\
	((major) > IO_URING_VERSION_MAJOR ||				\
	 ((major) == IO_URING_VERSION_MAJOR &&				\
	  (minor) > IO_URING_VERSION_MINOR))

#ifdef __cplusplus
}
#endif

#undef uring_cast
#undef uring_ptr_cast
#undef LIBURING_RELEASE
#undef LIBURING_ACQUIRE
#undef LIBURING_TSAN_BYTE
#undef IOURINGINLINE
#undef _LOCAL_INLINE

#endif
#endif
