/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Memory ordering between an application and the kernel, which share a ring.
 *
 * io_uring_smp_load_acquire(p)		loads *p before all later accesses
 * io_uring_smp_store_release(p, v)	stores v to *p after all earlier accesses
 * IO_URING_READ_ONCE(var)		loads var in one access, unordered
 * IO_URING_WRITE_ONCE(var, val)	stores val to var in one access, unordered
 * io_uring_smp_mb()			orders all earlier before all later accesses
 *
 * For integers and pointers up to the size of the processor's word.
 */
#ifndef LIBURING_BARRIER_H
#define LIBURING_BARRIER_H

#ifdef __cplusplus
/* Templates need C++ linkage, even if liburing.h is included in extern "C". */
extern "C++" {
#include <atomic>
}

#ifndef LIBURING_NOEXCEPT
#define LIBURING_NOEXCEPT noexcept
#endif

#ifndef _LOCAL_INLINE
#define LIBURING_BARRIER_LOCAL_INLINE
#if __cplusplus >= 202002L
#define _LOCAL_INLINE inline
#else
#define _LOCAL_INLINE static inline
#endif
#endif

extern "C++" {

template <typename T>
_LOCAL_INLINE void IO_URING_WRITE_ONCE(T &var, T val) LIBURING_NOEXCEPT
{
	__atomic_store_n(&var, val, __ATOMIC_RELAXED);
}

template <typename T>
_LOCAL_INLINE T IO_URING_READ_ONCE(const T &var) LIBURING_NOEXCEPT
{
	return __atomic_load_n(&var, __ATOMIC_RELAXED);
}

template <typename T>
_LOCAL_INLINE void io_uring_smp_store_release(T *p, T v) LIBURING_NOEXCEPT
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

template <typename T>
_LOCAL_INLINE T io_uring_smp_load_acquire(const T *p) LIBURING_NOEXCEPT
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

_LOCAL_INLINE void io_uring_smp_mb() LIBURING_NOEXCEPT
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

} /* extern "C++" */

#ifdef LIBURING_BARRIER_LOCAL_INLINE
#undef LIBURING_BARRIER_LOCAL_INLINE
#undef _LOCAL_INLINE
#endif
#else
#include <stdatomic.h>

#define IO_URING_WRITE_ONCE(var, val)					\
	__atomic_store_n(&(var), (val), __ATOMIC_RELAXED)
#define IO_URING_READ_ONCE(var)						\
	__atomic_load_n(&(var), __ATOMIC_RELAXED)

#define io_uring_smp_store_release(p, v)				\
	__atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define io_uring_smp_load_acquire(p)					\
	__atomic_load_n((p), __ATOMIC_ACQUIRE)

#define io_uring_smp_mb()						\
	__atomic_thread_fence(__ATOMIC_SEQ_CST)
#endif

#endif
