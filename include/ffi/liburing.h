/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * io_uring for programs: rings, requests, completions.
 *
 * Made by `cargo gen` from the Rust source of ironring.
 * For bindings: the inline helpers are prototypes here, and symbols of liburing-ffi.
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
int io_uring_clone_buffers(struct io_uring *dst,
		struct io_uring *src) LIBURING_NOEXCEPT;
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

/* The library's own types: a ring in the application's memory. */

/*
 * The submission queue of a ring. Members whose names start with k point into
 * memory shared with the kernel.
 */
struct io_uring_sq {
	/* The next slot that the kernel reads; only the kernel writes it. */
	unsigned *khead;
	/* The slot after the last one submitted; only the library writes it. */
	unsigned *ktail;
	/* Deprecated: ring_mask holds the same value. */
	unsigned *kring_mask;
	/* Deprecated: ring_entries holds the same value. */
	unsigned *kring_entries;
	unsigned *kflags;	/* IORING_SQ_* bits from the kernel. */
	/* The number of slots skipped because of an invalid index. */
	unsigned *kdropped;
	/*
	 * Index of the entry in each slot; null with IORING_SETUP_NO_SQARRAY.
	 */
	unsigned *array;
	struct io_uring_sqe *sqes;	/* The entries. */
	unsigned sqe_head;	/* The first entry not submitted yet. */
	/* The slot after the last entry that the application obtained. */
	unsigned sqe_tail;
	size_t ring_sz;	/* Bytes mapped at ring_ptr. */
	void *ring_ptr;	/* The mapped ring. */
	unsigned ring_mask;	/* ring_entries minus one. */
	unsigned ring_entries;	/* Number of slots, a power of two. */
	unsigned sqes_sz;	/* Bytes mapped at sqes. */
	unsigned pad;	/* Unused. */
};

/*
 * The completion queue of a ring. Members whose names start with k point into
 * memory shared with the kernel.
 */
struct io_uring_cq {
	/* The next entry to read; only the library writes it. */
	unsigned *khead;
	/* The slot after the last entry posted; only the kernel writes it. */
	unsigned *ktail;
	/* Deprecated: ring_mask holds the same value. */
	unsigned *kring_mask;
	/* Deprecated: ring_entries holds the same value. */
	unsigned *kring_entries;
	/* IORING_CQ_* bits for the kernel; null before kernel 5.8. */
	unsigned *kflags;
	unsigned *koverflow;	/* The number of lost completions. */
	struct io_uring_cqe *cqes;	/* The entries. */
	size_t ring_sz;	/* Bytes mapped at ring_ptr. */
	/*
	 * The mapped ring; the same as the submission queue's with
	 * IORING_FEAT_SINGLE_MMAP.
	 */
	void *ring_ptr;
	unsigned ring_mask;	/* ring_entries minus one. */
	unsigned ring_entries;	/* Number of slots, a power of two. */
	unsigned pad[2];	/* Unused. */
};

/* A ring. The application provides the memory; the library fills it in. */
struct io_uring {
	struct io_uring_sq sq;	/* The submission queue. */
	struct io_uring_cq cq;	/* The completion queue. */
	unsigned flags;	/* IORING_SETUP_* bits of the ring. */
	/* The ring's file descriptor, or -1 if it has none. */
	int ring_fd;
	unsigned features;	/* IORING_FEAT_* bits of the kernel. */
	/*
	 * The file descriptor for io_uring_enter(): ring_fd, or an index if the
	 * ring is registered.
	 */
	int enter_ring_fd;
	__u8 int_flags;	/* Internal to the library; do not use. */
	__u8 pad[3];	/* Unused. */
	unsigned pad2;	/* Unused. */
};

/* The refill queue of zero-copy receive, which returns memory to the kernel. */
struct io_uring_zcrx_rq {
	/* The next entry that the kernel reads; only the kernel writes it. */
	__u32 *khead;
	/*
	 * The slot after the last entry added; only the application writes it.
	 */
	__u32 *ktail;
	/*
	 * The application's copy of the tail, ahead of *ktail until it is
	 * published.
	 */
	__u32 rq_tail;
	unsigned ring_entries;	/* Number of slots, a power of two. */
	struct io_uring_zcrx_rqe *rqes;	/* The entries. */
	void *ring_ptr;	/* The region that holds the queue. */
};

/*
 * An iterator over the completions in the queue, from io_uring_cqe_iter_init().
 */
struct io_uring_cqe_iter {
	struct io_uring_cqe *cqes;	/* The entries of the queue. */
	unsigned mask;	/* Number of slots minus one. */
	unsigned shift;	/* 1 if every entry has 32 bytes, otherwise 0. */
	unsigned head;	/* The next slot to read. */
	unsigned tail;	/* The slot at which the iteration ends. */
};

/*
 * user_data of the timeouts that the library submits itself on kernels without
 * IORING_FEAT_EXT_ARG.
 */
#define LIBURING_UDATA_TIMEOUT	(~0ULL)

/* Creating and exiting a ring. */

/*
 * Creates a ring in memory that the application provides.
 *
 * entries and p are as for io_uring_queue_init_params(); IORING_SETUP_NO_MMAP
 * is added to p->flags. buf is aligned to a page and has buf_size bytes, on
 * kernels before 6.10 physically contiguous (a huge page) if the ring is larger
 * than a page; it must stay mapped until after io_uring_queue_exit(), which
 * doesn't free it. It needn't be zeroed. Returns the number of bytes used of
 * buf (whole pages: another ring can start after them), or -errno: -ENOMEM if
 * buf_size is too small (nothing is written then), -EINVAL for invalid sizes,
 * and other errors of the kernel.
 * Since liburing 2.5, kernel 6.5.
 */
int io_uring_queue_init_mem(unsigned entries, struct io_uring *ring,
		struct io_uring_params *p, void *buf,
		size_t buf_size) LIBURING_NOEXCEPT;

/*
 * Creates a ring with the options of struct io_uring_params.
 *
 * entries is the number of SQ entries, rounded up to a power of two; the CQ has
 * twice as many unless IORING_SETUP_CQSIZE is set. Clear p, then set its
 * options; it returns the sizes, offsets, flags and features of the ring, and
 * is not needed afterwards. ring is overwritten completely. Returns 0, or
 * -errno: -EINVAL for invalid sizes or flags, -ENOSYS or -EPERM if io_uring is
 * not available to this process, -EFAULT for NULL if it is, -ENOMEM, -EMFILE,
 * and other errors of io_uring_setup(2). After an error no cleanup is needed,
 * and io_uring_queue_exit() does nothing.
 * Since liburing 2.0, kernel 5.1.
 */
int io_uring_queue_init_params(unsigned entries, struct io_uring *ring,
		struct io_uring_params *p) LIBURING_NOEXCEPT;

/*
 * Creates a ring of entries SQ entries with IORING_SETUP_ flags.
 *
 * The short form of io_uring_queue_init_params(), with the same results.
 * Since liburing 2.0, kernel 5.1.
 */
int io_uring_queue_init(unsigned entries, struct io_uring *ring,
		unsigned flags) LIBURING_NOEXCEPT;

/*
 * Maps a ring created with io_uring_setup(), and fills ring.
 *
 * fd is the ring's descriptor and p the parameters that io_uring_setup()
 * returned. The descriptor then belongs to ring: io_uring_queue_exit() closes
 * it. If the ring has an SQ array, the caller must initialize it. Returns 0, or
 * -errno of mmap(2); then nothing is mapped and fd still belongs to the caller.
 * Since liburing 2.0, kernel 5.1.
 */
int io_uring_queue_mmap(int fd, struct io_uring_params *p,
		struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Excludes the ring's memory from children that are forked later.
 *
 * A child that accesses the ring then faults instead of disturbing the parent.
 * Memory given to io_uring_queue_init_mem() is marked in whole pages. Returns
 * 0, or -errno: -EINVAL if ring is not mapped, or if it would mark a part of a
 * huge page (then it marks nothing), and other errors of madvise(2).
 * Since liburing 2.0.
 */
int io_uring_ring_dontfork(struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Exits a ring: unmaps its memory and closes its descriptor.
 *
 * The kernel cancels requests in flight some time later and may still use their
 * buffers meanwhile. Memory given to io_uring_queue_init_mem() is not unmapped.
 * Call it once for each ring; after a failed initialization it does nothing.
 * ring must not be used afterwards.
 * Since liburing 2.0.
 */
void io_uring_queue_exit(struct io_uring *ring) LIBURING_NOEXCEPT;

/* A ring's memory: sizes, mappings, and the pointers into them. */

/*
 * Returns the size in bytes of the memory of a ring with these parameters.
 *
 * entries and p are as for io_uring_queue_init_params(); p is only read. The
 * result, in whole pages, is always enough for the buffer of
 * io_uring_queue_init_mem(). Returns the size in bytes; -EINVAL if entries is
 * 0, or above 32768 without IORING_SETUP_CLAMP, or if p->cq_entries with
 * IORING_SETUP_CQSIZE is invalid.
 * Since liburing 2.11.
 */
ssize_t io_uring_memory_size_params(unsigned entries,
		struct io_uring_params *p) LIBURING_NOEXCEPT;

/*
 * Returns the size in bytes of the memory of a ring with these setup flags.
 *
 * entries is the number of SQ entries, flags are IORING_SETUP_ flags; otherwise
 * it is like io_uring_memory_size_params().
 * Since liburing 2.11.
 */
ssize_t io_uring_memory_size(unsigned entries,
		unsigned flags) LIBURING_NOEXCEPT;

/*
 * Returns the size in bytes of the locked memory (ulimit -l) of a ring with
 * these parameters.
 *
 * The function creates a plain ring and closes it again to find out. On kernels
 * before 5.12, or if that ring can't be created, the result is that of
 * io_uring_memory_size_params(), otherwise 0, although kernels from 6.14 on
 * count rings as locked memory. Returns the size in bytes, or -EINVAL as
 * io_uring_memory_size_params() does.
 * Since liburing 2.1.
 */
ssize_t io_uring_mlock_size_params(unsigned entries,
		struct io_uring_params *p) LIBURING_NOEXCEPT;

/*
 * Returns the size in bytes of the locked memory (ulimit -l) of a ring with
 * these setup flags.
 *
 * entries is the number of SQ entries, flags are IORING_SETUP_ flags; otherwise
 * it is like io_uring_mlock_size_params().
 * Since liburing 2.1.
 */
ssize_t io_uring_mlock_size(unsigned entries, unsigned flags) LIBURING_NOEXCEPT;

/* Submitting and peeking. */

/*
 * Enters the kernel so that it posts overflowed and deferred completions.
 *
 * It flushes overflowed completions, runs deferred task work, and polls once
 * with IOPOLL. It doesn't wait or submit.
 * Returns 0, or -errno of io_uring_enter(2).
 * Since liburing 2.3.
 */
int io_uring_get_events(struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Returns up to count completions without waiting.
 *
 * Stores pointers into the CQ in the array cqes, oldest first; they stay valid
 * until io_uring_cq_advance(). If the CQ is empty and the kernel holds
 * completions back (overflow, deferred work), it is entered once, and an error
 * of that is not reported. A ring with IORING_SETUP_IOPOLL is not polled:
 * io_uring_peek_cqe() does that. Returns the number of pointers stored, 0 if
 * there is no completion. On a ring with IORING_SETUP_CQE_MIXED a completion
 * may take two slots: advance by the sum of io_uring_cqe_nr(), not by the
 * number returned.
 * Since liburing 2.0.
 */
unsigned io_uring_peek_batch_cqe(struct io_uring *ring,
		struct io_uring_cqe **cqes, unsigned count) LIBURING_NOEXCEPT;

/*
 * Submits all prepared entries.
 *
 * Submits entries from io_uring_get_sqe() in order. Without SQPOLL the kernel
 * has consumed them when the call returns; each request's page says how long
 * the memory that it points to must stay valid. Returns the number of entries
 * submitted, fewer than queued if one was refused (its completion has the
 * error), or -errno: -EAGAIN (no memory for requests), -EEXIST (the ring
 * belongs to another thread), -EBADFD (it is disabled), -EOWNERDEAD (the
 * submission thread is gone), and other errors of io_uring_enter(2). Entries
 * that were not submitted stay queued. With SQPOLL the number is that of all
 * entries not consumed yet: don't add such numbers up.
 * Since liburing 2.0.
 */
int io_uring_submit(struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Submits all prepared entries and waits for wait_nr completions, in one system
 * call.
 *
 * If fewer entries are submitted than were queued, it doesn't wait. Returns the
 * number of entries submitted, or -errno as io_uring_submit() and, if none was
 * submitted, -EINTR for a signal and -EBADR if completions were lost. Read
 * completions with io_uring_peek_cqe(), io_uring_for_each_cqe() and related
 * functions.
 * Since liburing 2.0.
 */
int io_uring_submit_and_wait(struct io_uring *ring,
		unsigned wait_nr) LIBURING_NOEXCEPT;

/*
 * Submits all prepared entries, and enters the kernel so that it posts
 * overflowed and deferred completions.
 *
 * It is io_uring_submit() and io_uring_get_events() in one system call. Returns
 * the number of entries submitted, or -errno as io_uring_submit().
 * Since liburing 2.3.
 */
int io_uring_submit_and_get_events(struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Waits until the submission thread has freed a slot of the SQ; called by
 * io_uring_sqring_wait().
 *
 * Returns 0 or more, or -errno: -EINVAL on kernels before 5.10.
 * Since liburing 2.0, kernel 5.10.
 */
int __io_uring_sqring_wait(struct io_uring *ring) LIBURING_NOEXCEPT;

/* Waiting for completions. */

/*
 * Submits and waits for completions; called by the header's wait and peek
 * helpers.
 *
 * Submits submit entries, waits for wait_nr completions with the signal mask
 * sigmask (may be NULL), and stores the first completion in *cqe_ptr. Programs
 * call io_uring_wait_cqe() and related functions instead. Returns 0 or more, or
 * -errno (then *cqe_ptr may be NULL): -EAGAIN if there is no completion and
 * nothing to wait for.
 * Since liburing 2.0.
 */
int __io_uring_get_cqe(struct io_uring *ring, struct io_uring_cqe **cqe_ptr,
		unsigned submit, unsigned wait_nr,
		sigset_t *sigmask) LIBURING_NOEXCEPT;

/*
 * Waits for wait_nr completions, with a timeout.
 *
 * ts is a relative time or NULL for no timeout; sigmask, if not NULL, replaces
 * the signal mask during the wait. Both are only read, during the call. The
 * first completion is stored in *cqe_ptr, NULL if there is none. On kernels
 * before 5.11 a timeout takes an SQE and submits all prepared entries (then one
 * thread must both submit and reap, and no request may use the user data
 * LIBURING_UDATA_TIMEOUT); from 5.11 on the call only waits. On a ring with
 * IORING_SETUP_IOPOLL neither has an effect. Returns 0 (with fewer than wait_nr
 * if the timeout expired and there are some; before 5.11 the number submitted),
 * or -errno: -ETIME if the timeout expired and there is none, -EINTR for a
 * signal, -EAGAIN.
 * Since liburing 2.0.
 */
int io_uring_wait_cqes(struct io_uring *ring, struct io_uring_cqe **cqe_ptr,
		unsigned wait_nr, struct __kernel_timespec *ts,
		sigset_t *sigmask) LIBURING_NOEXCEPT;

/*
 * Waits for wait_nr completions, or after a shorter time for one.
 *
 * It is like io_uring_wait_cqes(); after min_ts_usec microseconds it returns as
 * soon as there is one completion. A shorter ts is extended to that time; with
 * ts NULL it is also the timeout. Returns 0 or more, or -errno: -EINVAL if the
 * kernel lacks IORING_FEAT_MIN_TIMEOUT, -ETIME, -EINTR.
 * Since liburing 2.8, kernel 6.12.
 */
int io_uring_wait_cqes_min_timeout(struct io_uring *ring,
		struct io_uring_cqe **cqe_ptr, unsigned wait_nr,
		struct __kernel_timespec *ts, unsigned min_ts_usec,
		sigset_t *sigmask) LIBURING_NOEXCEPT;

/*
 * Waits for one completion, with a timeout.
 *
 * The same as io_uring_wait_cqes() for one completion, without a signal mask.
 * Since liburing 2.0.
 */
int io_uring_wait_cqe_timeout(struct io_uring *ring,
		struct io_uring_cqe **cqe_ptr,
		struct __kernel_timespec *ts) LIBURING_NOEXCEPT;

/*
 * Submits all prepared entries and waits for wait_nr completions with a
 * timeout, in one system call.
 *
 * ts is a relative time or NULL for no timeout; sigmask, if not NULL, replaces
 * the signal mask during the wait. Both are only read, during the call. The
 * first completion is stored in *cqe_ptr, NULL if there is none. Returns the
 * number of entries submitted (0 if completions were already available), or
 * -errno: -ETIME if the timeout expired and nothing was submitted, -EINTR for a
 * signal, and errors of io_uring_submit().
 * Since liburing 2.2.
 */
int io_uring_submit_and_wait_timeout(struct io_uring *ring,
		struct io_uring_cqe **cqe_ptr, unsigned wait_nr,
		struct __kernel_timespec *ts,
		sigset_t *sigmask) LIBURING_NOEXCEPT;

/*
 * Submits and waits for wait_nr completions with a timeout, or after a shorter
 * time for one.
 *
 * It is like io_uring_submit_and_wait_timeout(); after min_wait microseconds it
 * returns as soon as there is one completion. A shorter ts is extended to that
 * time; with ts NULL, min_wait has no effect. It also returns -EINVAL if the
 * kernel lacks IORING_FEAT_MIN_TIMEOUT.
 * Since liburing 2.8, kernel 6.12.
 */
int io_uring_submit_and_wait_min_timeout(struct io_uring *ring,
		struct io_uring_cqe **cqe_ptr, unsigned wait_nr,
		struct __kernel_timespec *ts, unsigned min_wait,
		sigset_t *sigmask) LIBURING_NOEXCEPT;

/*
 * Submits all prepared entries and waits with the arguments in a registered
 * struct io_uring_reg_wait.
 *
 * reg_index is the index of that structure in the region registered with
 * io_uring_register_region() and IORING_MEM_REGION_REG_WAIT_ARG; the kernel
 * reads it without copying. The first completion is stored in *cqe_ptr, NULL if
 * there is none. Returns the number of entries submitted, or -errno: -EINVAL if
 * the kernel lacks IORING_FEAT_EXT_ARG (nothing is submitted then) or the ring
 * has IORING_SETUP_IOPOLL, -EFAULT for an index outside the region, -ETIME,
 * -EINTR. If entries were submitted, errors of the wait aren't reported.
 * Since liburing 2.9, kernel 6.13.
 */
int io_uring_submit_and_wait_reg(struct io_uring *ring,
		struct io_uring_cqe **cqe_ptr, unsigned wait_nr,
		int reg_index) LIBURING_NOEXCEPT;

/*
 * Registrations for a ring as a whole: its own descriptor, events,
 * restrictions, workers, and others. Files and buffers are in
 * resources(crate::resources).
 */

/*
 * Registers an eventfd that completions signal.
 *
 * fd comes from eventfd(2); the kernel keeps a reference. One can be registered
 * at a time. Returns 0, or -errno: -EBUSY if one is already registered, -EBADF
 * or -EINVAL for an invalid descriptor.
 * Since liburing 2.0, kernel 5.2.
 */
int io_uring_register_eventfd(struct io_uring *ring, int fd) LIBURING_NOEXCEPT;

/*
 * Registers an eventfd that only completions posted by the ring's worker
 * threads signal.
 *
 * Otherwise it is like io_uring_register_eventfd().
 * Since liburing 2.0, kernel 5.6.
 */
int io_uring_register_eventfd_async(struct io_uring *ring,
		int fd) LIBURING_NOEXCEPT;

/*
 * Unregisters the eventfd.
 *
 * Returns 0, or -errno: -ENXIO if none is registered.
 * Since liburing 2.0, kernel 5.2.
 */
int io_uring_unregister_eventfd(struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Queries which operations the kernel supports.
 *
 * p is followed by nr (at most 256) struct io_uring_probe_op and must be
 * zeroed; the kernel fills it. io_uring_get_probe_ring() also allocates the
 * memory. Returns 0, or -errno: -EINVAL on kernels before 5.6 or if p was not
 * zeroed.
 * Since liburing 2.0, kernel 5.6.
 */
int io_uring_register_probe(struct io_uring *ring, struct io_uring_probe *p,
		unsigned nr) LIBURING_NOEXCEPT;

/*
 * Registers the caller's credentials, for use by later requests.
 *
 * Returns an ID for sqe->personality, or -errno.
 * Since liburing 2.0, kernel 5.6.
 */
int io_uring_register_personality(struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Unregisters the credentials id.
 *
 * Returns 0, or -errno: -EINVAL if there is no such ID.
 * Since liburing 2.0, kernel 5.6.
 */
int io_uring_unregister_personality(struct io_uring *ring,
		int id) LIBURING_NOEXCEPT;

/*
 * Restricts what the ring may do once it is enabled.
 *
 * res has nr_res permissions (read during the call); everything else is refused
 * with -EACCES. The ring must have been created with IORING_SETUP_R_DISABLED
 * and not be enabled yet; it can be restricted only once. Returns 0, or -errno:
 * -EBADFD if the ring is enabled, -EBUSY if it has restrictions, -EINVAL.
 * Since liburing 2.4, kernel 5.10.
 */
int io_uring_register_restrictions(struct io_uring *ring,
		struct io_uring_restriction *res,
		unsigned nr_res) LIBURING_NOEXCEPT;

/*
 * Enables a ring that was created with IORING_SETUP_R_DISABLED.
 *
 * Returns 0, or -errno: -EBADFD if it is already enabled.
 * Since liburing 2.4, kernel 5.10.
 */
int io_uring_enable_rings(struct io_uring *ring) LIBURING_NOEXCEPT;

#ifdef _GNU_SOURCE
/*
 * Binds the calling thread's worker threads that start later to the processors
 * in mask.
 *
 * mask has cpusz bytes and is read during the call. Returns 0, or -errno:
 * -EINVAL if cpusz is 2 GiB or more, or mask is invalid. Needs _GNU_SOURCE.
 * Since liburing 2.1, kernel 5.14.
 */
int io_uring_register_iowq_aff(struct io_uring *ring, size_t cpusz,
		const cpu_set_t *mask) LIBURING_NOEXCEPT;
#endif

/*
 * Resets the processors of the calling thread's worker threads.
 *
 * Returns 0, or -errno.
 * Since liburing 2.1, kernel 5.14.
 */
int io_uring_unregister_iowq_aff(struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Sets the maximum number of worker threads.
 *
 * values[0] is for bounded work (files, block devices), values[1] for unbounded
 * work (sockets, pipes); 0 leaves a limit unchanged. The previous limits are
 * written back. Returns 0, or -errno.
 * Since liburing 2.1, kernel 5.15.
 */
int io_uring_register_iowq_max_workers(struct io_uring *ring,
		unsigned *values) LIBURING_NOEXCEPT;

/*
 * Registers the ring's own descriptor, which makes later system calls of this
 * thread cheaper.
 *
 * The index belongs to the calling thread: other threads must not use this ring
 * afterwards. Returns 1, or -errno: -EEXIST if it is already registered.
 * Since liburing 2.2, kernel 5.18.
 */
int io_uring_register_ring_fd(struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Unregisters the ring's own descriptor.
 *
 * Returns 1, or -errno: -EINVAL if it is not registered.
 * Since liburing 2.2, kernel 5.18.
 */
int io_uring_unregister_ring_fd(struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Closes the ring's descriptor, so that only the registered index remains.
 *
 * Returns 1, or -errno: -EOPNOTSUPP if the kernel's register calls don't accept
 * an index (before 6.3), -EINVAL if the ring is not registered, -EBADF if it is
 * already closed.
 * Since liburing 2.4, kernel 6.3.
 */
int io_uring_close_ring_fd(struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Cancels requests, and waits for a request that runs in a worker thread.
 *
 * reg selects the requests (by user data, descriptor or opcode: see
 * IORING_ASYNC_CANCEL_) and the timeout. Each request still posts its own
 * completion. Returns the number of canceled requests or 0 (also if _ALL or
 * _ANY match none), or -errno: -ENOENT if nothing matches, -ETIME if the
 * timeout expired, -EINTR, -EBADF.
 * Since liburing 2.3, kernel 6.0.
 */
int io_uring_register_sync_cancel(struct io_uring *ring,
		struct io_uring_sync_cancel_reg *reg) LIBURING_NOEXCEPT;

/*
 * Sends a message to a ring, without a sending ring.
 *
 * sqe is in the caller's own memory, prepared with io_uring_prep_msg_ring() or
 * a related function; it is read during the call. Returns 0, or -errno: -EINVAL
 * on kernels before 6.13 or for another opcode, -EBADF, -EOVERFLOW.
 * Since liburing 2.11, kernel 6.13.
 */
int io_uring_register_sync_msg(struct io_uring_sqe *sqe) LIBURING_NOEXCEPT;

/*
 * Enables NAPI busy polling with the settings in napi.
 *
 * The previous settings are written to napi, and may be registered again.
 * Returns 0, or -errno: -EINVAL on kernels before 6.9.
 * Since liburing 2.6, kernel 6.9.
 */
int io_uring_register_napi(struct io_uring *ring,
		struct io_uring_napi *napi) LIBURING_NOEXCEPT;

/*
 * Disables NAPI busy polling.
 *
 * The previous settings are written to napi, which may be NULL. Returns 0, or
 * -errno.
 * Since liburing 2.6, kernel 6.9.
 */
int io_uring_unregister_napi(struct io_uring *ring,
		struct io_uring_napi *napi) LIBURING_NOEXCEPT;

/*
 * Sets the clock for the timeouts of waits.
 *
 * arg->clockid is CLOCK_MONOTONIC or CLOCK_BOOTTIME; read during the call.
 * Returns 0, or -errno: -EINVAL for another clock or on kernels before 6.12.
 * Since liburing 2.8, kernel 6.12.
 */
int io_uring_register_clock(struct io_uring *ring,
		struct io_uring_clock_register *arg) LIBURING_NOEXCEPT;

/*
 * Registers a receive queue of a network device for zero-copy receive.
 *
 * reg and the structures that it points to describe queue, memory and flags;
 * the kernel writes offsets and ID back.
 * Returns 0, or -errno.
 * Since liburing 2.10, kernel 6.15.
 */
int io_uring_register_ifq(struct io_uring *ring,
		struct io_uring_zcrx_ifq_reg *reg) LIBURING_NOEXCEPT;

/*
 * Controls a zero-copy receive context: flushes its refill queue or exports it,
 * depending on ctrl->op.
 *
 * Returns 0, or -errno.
 * Since liburing 2.15, kernel 6.19.
 */
int io_uring_register_zcrx_ctrl(struct io_uring *ring,
		struct zcrx_ctrl *ctrl) LIBURING_NOEXCEPT;

/*
 * Always fails: no released kernel has this interface. Use
 * io_uring_register_region().
 *
 * Returns -EINVAL.
 * Since liburing 2.9.
 */
int io_uring_register_wait_reg(struct io_uring *ring,
		struct io_uring_reg_wait *reg, int nr) LIBURING_NOEXCEPT;

/*
 * Registers a region of memory shared by the kernel and the application, for
 * example for wait arguments.
 *
 * reg->region_uptr points to a struct io_uring_region_desc. Memory that the
 * application provides must stay mapped as long as the ring exists. Returns 0,
 * or -errno: -EINVAL, -EBUSY if there is one already.
 * Since liburing 2.9, kernel 6.13.
 */
int io_uring_register_region(struct io_uring *ring,
		struct io_uring_mem_region_reg *reg) LIBURING_NOEXCEPT;

/*
 * Sets whether waiting for completions counts as I/O wait (in statistics and
 * for frequency scaling).
 *
 * By default it does; enable_iowait false disables that for this ring. Returns
 * 0, or -EOPNOTSUPP if the kernel lacks IORING_FEAT_NO_IOWAIT.
 * Since liburing 2.10, kernel 6.15.
 */
int io_uring_set_iowait(struct io_uring *ring,
		bool enable_iowait) LIBURING_NOEXCEPT;

/*
 * Attaches a BPF filter to an opcode of this ring, which allows or denies each
 * request.
 *
 * Returns 0, or -errno.
 * Since liburing 2.15, kernel 7.0.
 */
int io_uring_register_bpf_filter(struct io_uring *ring,
		struct io_uring_bpf *bpf) LIBURING_NOEXCEPT;

/*
 * Attaches a BPF filter to an opcode of all rings that this task creates later.
 *
 * Returns 0, or -errno.
 * Since liburing 2.15, kernel 7.0.
 */
int io_uring_register_bpf_filter_task(struct io_uring_bpf *bpf)
	LIBURING_NOEXCEPT;

/*
 * Queries the kernel's io_uring features; no ring is needed.
 *
 * query is the head of a chain of queries, each with memory for the answer.
 * Returns 0 (each query has its own result), or -errno: -EINVAL on kernels
 * before 6.18.
 * Since liburing 2.15, kernel 6.18.
 */
int io_uring_register_query(struct io_uring_query_hdr *query) LIBURING_NOEXCEPT;

/* Registered files and buffers. */

/*
 * Registers buffers, for requests that use registered buffers.
 *
 * iovecs has nr_iovecs buffers; the array is read during the call, the buffers
 * themselves stay pinned and must stay mapped until they are unregistered. A
 * request refers to a buffer by its index. Returns 0, or -errno: -EBUSY if
 * buffers are already registered, -ENOMEM (also for RLIMIT_MEMLOCK), -EFAULT,
 * -EINVAL.
 * Since liburing 2.0, kernel 5.1.
 */
int io_uring_register_buffers(struct io_uring *ring, const struct iovec *iovecs,
		unsigned nr_iovecs) LIBURING_NOEXCEPT;

/*
 * Registers buffers, each with a tag that is posted when the kernel has
 * released the buffer.
 *
 * It is like io_uring_register_buffers(); tags has nr numbers or is NULL. For a
 * tag other than 0, a completion with that user data is posted when the buffer
 * has been unregistered or replaced and no request uses it any more. The result
 * is the same.
 * Since liburing 2.1, kernel 5.13.
 */
int io_uring_register_buffers_tags(struct io_uring *ring,
		const struct iovec *iovecs, const __u64 *tags,
		unsigned nr) LIBURING_NOEXCEPT;

/*
 * Registers a table of nr empty slots for buffers, for
 * io_uring_register_buffers_update_tag().
 *
 * Returns 0, or -errno: -EBUSY if buffers are already registered.
 * Since liburing 2.2, kernel 5.19.
 */
int io_uring_register_buffers_sparse(struct io_uring *ring,
		unsigned nr) LIBURING_NOEXCEPT;

/*
 * Replaces nr registered buffers, starting at index off.
 *
 * A NULL iov_base empties a slot. tags has the new tags or is NULL; the old
 * buffers' tags are posted as completions. Returns the number of buffers
 * replaced, or -errno: -ENXIO without a table, -EINVAL beyond its end.
 * Since liburing 2.1, kernel 5.13.
 */
int io_uring_register_buffers_update_tag(struct io_uring *ring, unsigned off,
		const struct iovec *iovecs, const __u64 *tags,
		unsigned nr) LIBURING_NOEXCEPT;

/*
 * Unregisters all buffers. Requests that use them keep them until they
 * complete.
 *
 * Returns 0, or -errno: -ENXIO if there are none.
 * Since liburing 2.0, kernel 5.1.
 */
int io_uring_unregister_buffers(struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Registers files, for requests with IOSQE_FIXED_FILE that refer to them by
 * index.
 *
 * files has nr_files descriptors, -1 for an empty slot; it is read during the
 * call. The kernel keeps its own references, so the descriptors may be closed.
 * A soft limit on open files (ulimit -n) below nr_files is raised to it.
 * Returns 0, or -errno: -EBUSY if files are already registered, -EBADF,
 * -EMFILE.
 * Since liburing 2.0, kernel 5.1.
 */
int io_uring_register_files(struct io_uring *ring, const int *files,
		unsigned nr_files) LIBURING_NOEXCEPT;

/*
 * Registers files, each with a tag that is posted when the kernel has released
 * the file.
 *
 * It is like io_uring_register_files(); tags is as for
 * io_uring_register_buffers_tags().
 * Since liburing 2.1, kernel 5.13.
 */
int io_uring_register_files_tags(struct io_uring *ring, const int *files,
		const __u64 *tags, unsigned nr) LIBURING_NOEXCEPT;

/*
 * Registers a table of nr empty slots for files.
 *
 * io_uring_register_files_update() or requests that open into the table fill
 * them. Returns 0, or -errno as io_uring_register_files().
 * Since liburing 2.2, kernel 5.19.
 */
int io_uring_register_files_sparse(struct io_uring *ring,
		unsigned nr) LIBURING_NOEXCEPT;

/*
 * Replaces nr_files registered files and their tags, starting at index off.
 *
 * It is like io_uring_register_files_update(); tags has the new tags or is
 * NULL.
 * Since liburing 2.1, kernel 5.13.
 */
int io_uring_register_files_update_tag(struct io_uring *ring, unsigned off,
		const int *files, const __u64 *tags,
		unsigned nr_files) LIBURING_NOEXCEPT;

/*
 * Replaces nr_files registered files, starting at index off.
 *
 * In files, -1 empties a slot and IORING_REGISTER_FILES_SKIP leaves it
 * unchanged. Returns the number of slots processed, or -errno: -ENXIO without a
 * table, -EINVAL beyond its end, -EBADF.
 * Since liburing 2.0, kernel 5.5.
 */
int io_uring_register_files_update(struct io_uring *ring, unsigned off,
		const int *files, unsigned nr_files) LIBURING_NOEXCEPT;

/*
 * Unregisters all files. Requests that use them keep them until they complete.
 *
 * Returns 0, or -errno: -ENXIO if there are none.
 * Since liburing 2.0, kernel 5.1.
 */
int io_uring_unregister_files(struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Sets the range of file slots that the kernel may allocate
 * (IORING_FILE_INDEX_ALLOC).
 *
 * The range has len slots, starting at index off. Returns 0, or -errno: -EINVAL
 * beyond the table's end or without a table, -EOVERFLOW.
 * Since liburing 2.3, kernel 6.0.
 */
int io_uring_register_file_alloc_range(struct io_uring *ring, unsigned off,
		unsigned len) LIBURING_NOEXCEPT;

/*
 * Copies registered buffers from ring src to ring dst, with all options.
 *
 * nr buffers (0: all) are copied from index src_off to dst_off. flags are
 * IORING_REGISTER_DST_REPLACE and IORING_REGISTER_SRC_REGISTERED; the latter
 * only has an effect if src has a registered descriptor. Returns 0, or -errno:
 * -EBUSY if dst has buffers and IORING_REGISTER_DST_REPLACE is not set, -ENXIO
 * if src has none, -EINVAL.
 * Since liburing 2.10, kernel 6.13.
 */
int __io_uring_clone_buffers_offset(struct io_uring *dst, struct io_uring *src,
		unsigned dst_off, unsigned src_off, unsigned nr,
		unsigned flags) LIBURING_NOEXCEPT;

/*
 * Copies some registered buffers from ring src to ring dst.
 *
 * It is like __io_uring_clone_buffers_offset(), with the registered descriptor
 * of src if it has one.
 * Since liburing 2.9, kernel 6.13.
 */
int io_uring_clone_buffers_offset(struct io_uring *dst, struct io_uring *src,
		unsigned dst_off, unsigned src_off, unsigned nr,
		unsigned flags) LIBURING_NOEXCEPT;

/*
 * Copies all registered buffers from ring src to ring dst, with flags.
 *
 * It is like __io_uring_clone_buffers_offset() for all buffers.
 * Since liburing 2.10, kernel 6.12.
 */
int __io_uring_clone_buffers(struct io_uring *dst, struct io_uring *src,
		unsigned flags) LIBURING_NOEXCEPT;

/*
 * Copies all registered buffers from ring src to ring dst.
 *
 * Afterwards both rings have the same buffers at the same indices; no memory is
 * copied or pinned again. Returns 0, or -errno: -EBUSY if dst has buffers,
 * -ENXIO if src has none, -EINVAL on kernels before 6.12.
 * Since liburing 2.8, kernel 6.12.
 */
int io_uring_clone_buffers(struct io_uring *dst,
		struct io_uring *src) LIBURING_NOEXCEPT;

/*
 * Buffer rings: registration and memory. The functions that add buffers are
 * inline.
 */

/*
 * Registers a buffer ring.
 *
 * reg has the group, the ring's memory (page-aligned, ring_entries times struct
 * io_uring_buf; it must stay mapped until the group is unregistered) and flags,
 * to which flags are added (IOU_PBUF_RING_); reg itself is read during the
 * call. io_uring_setup_buf_ring() also allocates the memory. Returns 0, or
 * -errno: -EEXIST if the group exists, -EINVAL if ring_entries is not a power
 * of two below 65536, -EFAULT if the memory isn't mapped or isn't writable,
 * -ENOMEM (also for RLIMIT_MEMLOCK).
 * Since liburing 2.2, kernel 5.19.
 */
int io_uring_register_buf_ring(struct io_uring *ring,
		struct io_uring_buf_reg *reg, unsigned flags) LIBURING_NOEXCEPT;

/*
 * Unregisters the buffer ring of group bgid, whose memory the kernel then no
 * longer uses.
 *
 * Returns 0, or -errno: -ENOENT if there is no such group, -EINVAL if it is not
 * a buffer ring.
 * Since liburing 2.2, kernel 5.19.
 */
int io_uring_unregister_buf_ring(struct io_uring *ring,
		int bgid) LIBURING_NOEXCEPT;

/*
 * Gets the kernel's head of a buffer ring.
 *
 * buf_group is the group; the head is stored in *head, which is unchanged on an
 * error. Returns 0, or -errno: -ENOENT if there is no such group, -EINVAL if it
 * is not a buffer ring or on kernels before 6.8.
 * Since liburing 2.6, kernel 6.8.
 */
int io_uring_buf_ring_head(struct io_uring *ring, int buf_group,
		uint16_t *head) LIBURING_NOEXCEPT;

/*
 * Allocates and registers a buffer ring.
 *
 * The ring gets nentries entries (a power of two, at most 32768) and the group
 * bgid; flags are IOU_PBUF_RING_. It is empty: add buffers with
 * io_uring_buf_ring_add() and io_uring_buf_ring_advance(). Free it with
 * io_uring_free_buf_ring(), before io_uring_queue_exit(). Don't set
 * IOU_PBUF_RING_MMAP here: the kernel would use its own memory, not the
 * returned one (before 6.14: -EINVAL). Returns the ring, or NULL with -errno in
 * *err: -EEXIST if the group exists, -EINVAL, -ENOMEM.
 * Since liburing 2.4, kernel 5.19.
 */
struct io_uring_buf_ring *io_uring_setup_buf_ring(struct io_uring *ring,
		unsigned nentries, int bgid, unsigned flags,
		int *err) LIBURING_NOEXCEPT;

/*
 * Unregisters and frees a buffer ring of io_uring_setup_buf_ring(), with the
 * same nentries and bgid.
 *
 * Returns 0, or -errno of io_uring_unregister_buf_ring(), in which case nothing
 * is freed.
 * Since liburing 2.4, kernel 5.19.
 */
int io_uring_free_buf_ring(struct io_uring *ring, struct io_uring_buf_ring *br,
		unsigned nentries, int bgid) LIBURING_NOEXCEPT;

/* Resizing the queues of a ring in use. */

/*
 * Resizes the queues of a ring in use.
 *
 * Requests in flight continue; entries prepared or submitted, and completions
 * not yet seen, move to the new queues. p->sq_entries is the new number of SQ
 * entries; with IORING_SETUP_CQSIZE in p->flags, p->cq_entries that of the CQ;
 * IORING_SETUP_CLAMP is allowed too. The call fills the rest of p and sets
 * p->flags to 0. Pointers to CQEs and SQEs from before the call become invalid.
 * Returns 0, or -errno: -EINVAL with IORING_SETUP_NO_MMAP, without
 * IORING_SETUP_DEFER_TASKRUN or IORING_SETUP_NO_SQARRAY, or on kernels before
 * 6.13, -EBADF after io_uring_close_ring_fd(), -EOVERFLOW if the entries in use
 * don't fit, -ENOMEM. After an error the ring is unchanged, unless mapping the
 * resized rings failed: until a repeated call succeeds, all calls that would
 * enter the kernel return -EBADF.
 * Since liburing 2.9, kernel 6.13.
 */
int io_uring_resize_rings(struct io_uring *ring,
		struct io_uring_params *p) LIBURING_NOEXCEPT;

/* Probes of the kernel's operations. */

/*
 * Queries which operations the kernel of ring supports.
 *
 * io_uring_opcode_supported() evaluates the result. The caller frees it with
 * io_uring_free_probe(); it doesn't depend on ring. Returns the probe, or NULL
 * on kernels before 5.6 or if memory ran out.
 * Since liburing 2.0, kernel 5.6.
 */
struct io_uring_probe *io_uring_get_probe_ring(struct io_uring *ring)
	LIBURING_NOEXCEPT;

/*
 * Queries which operations the kernel supports, with a temporary ring.
 *
 * Otherwise it is like io_uring_get_probe_ring(); it also returns NULL if no
 * ring can be created.
 * Since liburing 2.0, kernel 5.6.
 */
struct io_uring_probe *io_uring_get_probe(void) LIBURING_NOEXCEPT;

/*
 * Frees the probe of io_uring_get_probe() or io_uring_get_probe_ring(); NULL is
 * allowed.
 *
 * Since liburing 2.0.
 */
void io_uring_free_probe(struct io_uring_probe *probe) LIBURING_NOEXCEPT;

/* The three system calls, for programs that manage rings themselves. */

/*
 * Calls io_uring_enter: submits entries, waits for completions, or both.
 *
 * fd is the ring's descriptor, or its registered index with
 * IORING_ENTER_REGISTERED_RING in flags. Up to to_submit entries are taken from
 * the SQ; with IORING_ENTER_GETEVENTS it waits for min_complete completions.
 * sig, if not NULL, is the signal mask during the wait; it is only read, during
 * the call. Returns the number of entries taken, or -errno from the kernel (see
 * io_uring_enter(2)).
 * Since liburing 2.3, kernel 5.1.
 */
int io_uring_enter(unsigned fd, unsigned to_submit, unsigned min_complete,
		unsigned flags, sigset_t *sig) LIBURING_NOEXCEPT;

/*
 * Calls io_uring_enter with an extended argument.
 *
 * It is like io_uring_enter(); flags determines arg and its size sz in bytes: a
 * signal set, a struct io_uring_getevents_arg with IORING_ENTER_EXT_ARG, or an
 * offset into the registered wait region with IORING_ENTER_EXT_ARG_REG. Read
 * during the call only. Returns the number of entries taken, or -errno from the
 * kernel.
 * Since liburing 2.3, kernel 5.11.
 */
int io_uring_enter2(unsigned fd, unsigned to_submit, unsigned min_complete,
		unsigned flags, void *arg, size_t sz) LIBURING_NOEXCEPT;

/*
 * Calls io_uring_setup: creates a ring and returns its descriptor.
 *
 * entries is the number of SQ entries; p has the parameters, and returns the
 * ring's sizes, offsets and features. The caller must map the ring, for example
 * with io_uring_queue_mmap(). Returns a new descriptor (an index with
 * IORING_SETUP_REGISTERED_FD_ONLY), or -errno from the kernel.
 * Since liburing 2.3, kernel 5.1.
 */
int io_uring_setup(unsigned entries,
		struct io_uring_params *p) LIBURING_NOEXCEPT;

/*
 * Calls io_uring_register: registers or unregisters a resource of a ring.
 *
 * fd is the ring's descriptor, or its registered index with
 * IORING_REGISTER_USE_REGISTERED_RING in opcode; the meaning of arg and nr_args
 * depends on opcode (see io_uring_register(2)). Returns 0 or another value that
 * the opcode defines, or -errno from the kernel.
 * Since liburing 2.3, kernel 5.1.
 */
int io_uring_register(unsigned fd, unsigned opcode, const void *arg,
		unsigned nr_args) LIBURING_NOEXCEPT;

/* The version of liburing that this library implements. */

/*
 * Returns the major version of the library that is loaded.
 *
 * Compare with IO_URING_VERSION_MAJOR, the version the program was compiled
 * with.
 * Since liburing 2.4.
 */
int io_uring_major_version(void) LIBURING_NOEXCEPT;

/*
 * Returns the minor version of the library that is loaded.
 *
 * Compare with IO_URING_VERSION_MINOR, the version the program was compiled
 * with.
 * Since liburing 2.4.
 */
int io_uring_minor_version(void) LIBURING_NOEXCEPT;

/*
 * Returns whether the loaded library is OLDER than version major.minor.
 *
 * Note the direction: it returns true if the given version is newer than the
 * library, and false if the library is that version or later.
 * IO_URING_CHECK_VERSION() is the same for the headers, at compile time.
 * Since liburing 2.4.
 */
bool io_uring_check_version(int major, int minor) LIBURING_NOEXCEPT;

/* io_uring_sqe_set_data64() and io_uring_cqe_get_data64() are available. */
#define LIBURING_HAVE_DATA64

/*
 * The submission queue entry: the common part of all prep helpers, and the
 * fields that any request may set.
 */

/*
 * Converts a pointer to a 64-bit number, as in the kernel's structures.
 *
 * A 32-bit pointer is zero-extended, not sign-extended. Local to the header.
 * Since liburing 2.12.
 */
_LOCAL_INLINE __u64 uring_ptr_to_u64(const void *ptr)
	LIBURING_NOEXCEPT
{
	return uring_cast(__u64, uring_ptr_cast(uintptr_t, ptr));
}

/*
 * Stores the pointer data in a request; each of its completions returns it.
 *
 * Neither io_uring_get_sqe() nor a prep helper clears user_data: without this
 * call, or io_uring_sqe_set_data64(), the request has the slot's previous
 * value. The library never dereferences the pointer. Read it with
 * io_uring_cqe_get_data().
 * Since liburing 2.0.
 */
void io_uring_sqe_set_data(struct io_uring_sqe *sqe,
		void *data) LIBURING_NOEXCEPT;

/*
 * Stores the number data in a request; each of its completions returns it.
 *
 * It replaces the pointer of io_uring_sqe_set_data(): both are stored in
 * user_data. The value LIBURING_UDATA_TIMEOUT (all bits set) is reserved for
 * the library on kernels before 5.11.
 * Since liburing 2.2.
 */
void io_uring_sqe_set_data64(struct io_uring_sqe *sqe,
		__u64 data) LIBURING_NOEXCEPT;

/*
 * Sets a request's IOSQE_* flags.
 *
 * Overwrites all flags, including those that a few prep helpers set themselves.
 * Only the low 8 bits of flags are used.
 * Since liburing 2.0.
 */
void io_uring_sqe_set_flags(struct io_uring_sqe *sqe,
		unsigned flags) LIBURING_NOEXCEPT;

/*
 * Sets the buffer group from which a request with IOSQE_BUFFER_SELECT picks its
 * buffer.
 *
 * bgid is the ID of the group; only the low 16 bits are used. The field shares
 * its memory with the index of a registered buffer: a request uses one of the
 * two.
 * Since liburing 2.9, kernel 5.7.
 */
void io_uring_sqe_set_buf_group(struct io_uring_sqe *sqe,
		int bgid) LIBURING_NOEXCEPT;

/*
 * Sets the slot of the registered files in which a request stores its new file.
 *
 * The field is file_index + 1, as 0 means an ordinary file descriptor. With
 * IORING_FILE_INDEX_ALLOC - 1 the kernel picks a free slot. Local to the
 * header.
 * Since liburing 2.1, kernel 5.15.
 */
_LOCAL_INLINE void __io_uring_set_target_fixed_file(struct io_uring_sqe *sqe,
		unsigned file_index)
	LIBURING_NOEXCEPT
{
	sqe->file_index = file_index + 1;
}

/*
 * Clears the fields of an SQE that prep helpers may not set.
 *
 * These are the flags, ioprio, the request's own flags, the buffer index, the
 * personality, the file index, addr3 and the word after it; not user_data, and
 * not what io_uring_prep_rw() sets. io_uring_get_sqe() does it already; call it
 * to reuse an SQE, or for an SQE in the program's own memory.
 * Since liburing 2.6.
 */
void io_uring_initialize_sqe(struct io_uring_sqe *sqe) LIBURING_NOEXCEPT;

/*
 * Sets the five fields common to most requests; nearly every prep helper calls
 * it first.
 *
 * op is an IORING_OP_*; only the low 8 bits are used. The meaning of addr, len
 * and offset depends on it. No other field is written.
 * Since liburing 2.0.
 */
void io_uring_prep_rw(int op, struct io_uring_sqe *sqe, int fd,
		const void *addr, unsigned len, __u64 offset) LIBURING_NOEXCEPT;

/*
 * Returns the shift of an SQE's index for the given IORING_SETUP_* flags of a
 * ring.
 *
 * 1 if every SQE has 128 bytes (IORING_SETUP_SQE128), otherwise 0: the SQE at
 * index is &sq.sqes[(index & sq.ring_mask) << shift].
 * Since liburing 2.10.
 */
unsigned io_uring_sqe_shift_from_flags(unsigned flags) LIBURING_NOEXCEPT;

/*
 * Returns the shift of an index into the ring's SQEs.
 *
 * The same as io_uring_sqe_shift_from_flags() with the flags of ring.
 * Since liburing 2.10.
 */
unsigned io_uring_sqe_shift(const struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * The completion queue entry: reading it, iterating over several, and returning
 * the slots to the kernel.
 */

/*
 * Returns the shift of a CQE's index for the given IORING_SETUP_* flags of a
 * ring.
 *
 * 1 if every CQE has 32 bytes (IORING_SETUP_CQE32), otherwise 0: the CQE at
 * index is &cq.cqes[(index & cq.ring_mask) << shift].
 * Since liburing 2.10.
 */
unsigned io_uring_cqe_shift_from_flags(unsigned flags) LIBURING_NOEXCEPT;

/*
 * Returns the shift of an index into the ring's CQEs.
 *
 * The same as io_uring_cqe_shift_from_flags() with the flags of ring.
 * Since liburing 2.2.
 */
unsigned io_uring_cqe_shift(const struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Returns the number of slots that a CQE takes in the completion queue, 1 or 2.
 *
 * It is 2 for a 32-byte CQE on a ring with IORING_SETUP_CQE_MIXED. With
 * IORING_SETUP_CQE32 a slot has 32 bytes, and a CQE takes 1.
 * Since liburing 2.13.
 */
unsigned io_uring_cqe_nr(const struct io_uring_cqe *cqe) LIBURING_NOEXCEPT;

/*
 * Returns an iterator over the CQEs that are ready now.
 *
 * It doesn't include CQEs that arrive later. Advance it with
 * io_uring_cqe_iter_next(); the slots stay in use until io_uring_cq_advance().
 * Since liburing 2.10.
 */
struct io_uring_cqe_iter io_uring_cqe_iter_init(const struct io_uring *ring)
	LIBURING_NOEXCEPT;

/*
 * Advances an iterator to the next CQE.
 *
 * Returns true with *cqe set, or false at the end with *cqe unchanged. A CQE
 * that takes two slots is returned once.
 * Since liburing 2.10.
 */
bool io_uring_cqe_iter_next(struct io_uring_cqe_iter *iter,
		struct io_uring_cqe **cqe) LIBURING_NOEXCEPT;

/*
 * Returns the nr oldest slots of the completion queue to the kernel.
 *
 * The CQEs in them must not be read any more. A CQE that takes two slots counts
 * twice: see io_uring_cqe_nr(). With nr 0 nothing is written.
 * Since liburing 2.0.
 */
void io_uring_cq_advance(struct io_uring *ring, unsigned nr) LIBURING_NOEXCEPT;

/*
 * Marks the oldest CQE as seen, which returns its slot, or two, to the kernel.
 *
 * cqe is the CQE that a wait or peek returned; it must not be read any more.
 * NULL is ignored.
 * Since liburing 2.0.
 */
void io_uring_cqe_seen(struct io_uring *ring,
		struct io_uring_cqe *cqe) LIBURING_NOEXCEPT;

/*
 * Returns the pointer that io_uring_sqe_set_data() stored in the request.
 *
 * Where pointers have 32 bits, this is the low half of user_data.
 * Since liburing 2.0.
 */
void *io_uring_cqe_get_data(const struct io_uring_cqe *cqe) LIBURING_NOEXCEPT;

/*
 * Returns the number that io_uring_sqe_set_data64() stored in the request.
 *
 * Since liburing 2.2.
 */
__u64 io_uring_cqe_get_data64(const struct io_uring_cqe *cqe) LIBURING_NOEXCEPT;

/* Reading, writing, and moving bytes between two descriptors. */

/*
 * Prepares a splice() request of up to nbytes bytes from fd_in to fd_out, one
 * of which must be a pipe.
 *
 * off_in and off_out are file offsets: -1 for the pipe; -1 for the other file
 * means its current position, which then advances. splice_flags are those of
 * splice(); with SPLICE_F_FD_IN_FIXED fd_in is a slot of the registered files,
 * with IOSQE_FIXED_FILE in sqe fd_out is one. The completion's res is the
 * number of bytes moved, 0 at the end of the input, or -errno.
 * Since liburing 2.0, kernel 5.7.
 */
void io_uring_prep_splice(struct io_uring_sqe *sqe, int fd_in, int64_t off_in,
		int fd_out, int64_t off_out, unsigned nbytes,
		unsigned splice_flags) LIBURING_NOEXCEPT;

/*
 * Prepares a tee() request that duplicates up to nbytes bytes of the pipe fd_in
 * into the pipe fd_out.
 *
 * The bytes stay readable in fd_in. splice_flags are those of tee(); with
 * SPLICE_F_FD_IN_FIXED fd_in is a slot of the registered files, with
 * IOSQE_FIXED_FILE in sqe fd_out is one. The completion's res is the number of
 * bytes duplicated or -errno.
 * Since liburing 2.0, kernel 5.8.
 */
void io_uring_prep_tee(struct io_uring_sqe *sqe, int fd_in, int fd_out,
		unsigned nbytes, unsigned splice_flags) LIBURING_NOEXCEPT;

/*
 * Prepares a vectored read request at offset of fd into the nr_vecs buffers of
 * iovecs.
 *
 * The array must stay valid until io_uring_sq_ready() returns 0 (before kernel
 * 5.5, until the request completes), the buffers until the request completes.
 * With offset -1 the current file position is used and advanced (kernel 5.6);
 * for a file that can't seek, use 0 or -1. For a single buffer
 * io_uring_prep_read() costs less. The completion's res is the number of bytes
 * read, 0 at the end of the file, or -errno.
 * Since liburing 2.0, kernel 5.1.
 */
void io_uring_prep_readv(struct io_uring_sqe *sqe, int fd,
		const struct iovec *iovecs, unsigned nr_vecs,
		__u64 offset) LIBURING_NOEXCEPT;

/*
 * Prepares a vectored read request like io_uring_prep_readv(), with the RWF_*
 * flags of preadv2().
 *
 * The array must stay valid until io_uring_sq_ready() returns 0 (before kernel
 * 5.5, until the request completes), the buffers until the request completes.
 * With offset -1 the current file position is used and advanced (kernel 5.6).
 * The completion's res is the number of bytes read, 0 at the end of the file,
 * or -errno: -EAGAIN if flags has RWF_NOWAIT and the read would block.
 * Since liburing 2.2, kernel 5.1.
 */
void io_uring_prep_readv2(struct io_uring_sqe *sqe, int fd,
		const struct iovec *iovecs, unsigned nr_vecs, __u64 offset,
		int flags) LIBURING_NOEXCEPT;

/*
 * Prepares a read request of nbytes bytes at offset of fd into the registered
 * buffer buf_index.
 *
 * buf is an address inside that buffer, and buf + nbytes must not exceed its
 * end. The bytes must stay valid until the request completes. With offset -1
 * the current file position is used and advanced (kernel 5.6). The completion's
 * res is the number of bytes read, 0 at the end of the file, or -errno.
 * Since liburing 2.0, kernel 5.1.
 */
void io_uring_prep_read_fixed(struct io_uring_sqe *sqe, int fd, void *buf,
		unsigned nbytes, __u64 offset, int buf_index) LIBURING_NOEXCEPT;

/*
 * Prepares a vectored read request into the registered buffer buf_index.
 *
 * Each element of iovecs must be inside that registered buffer. The array must
 * stay valid until io_uring_sq_ready() returns 0, the bytes until the request
 * completes. flags are the RWF_* flags of preadv2(). With offset -1 the current
 * file position is used and advanced. The completion's res is the number of
 * bytes read, 0 at the end of the file, or -errno.
 * Since liburing 2.10, kernel 6.15.
 */
void io_uring_prep_readv_fixed(struct io_uring_sqe *sqe, int fd,
		const struct iovec *iovecs, unsigned nr_vecs, __u64 offset,
		int flags, int buf_index) LIBURING_NOEXCEPT;

/*
 * Prepares a vectored write request of the nr_vecs buffers of iovecs at offset
 * of fd.
 *
 * The array must stay valid until io_uring_sq_ready() returns 0 (before kernel
 * 5.5, until the request completes), the buffers until the request completes.
 * With offset -1 the current file position is used and advanced (kernel 5.6);
 * for a file that can't seek, use 0 or -1. For a single buffer
 * io_uring_prep_write() costs less. The completion's res is the number of bytes
 * written, which may be fewer than requested, or -errno: -EPIPE is accompanied
 * by SIGPIPE, and IOSQE_BUFFER_SELECT gives -EOPNOTSUPP.
 * Since liburing 2.0, kernel 5.1.
 */
void io_uring_prep_writev(struct io_uring_sqe *sqe, int fd,
		const struct iovec *iovecs, unsigned nr_vecs,
		__u64 offset) LIBURING_NOEXCEPT;

/*
 * Prepares a vectored write request like io_uring_prep_writev(), with the RWF_*
 * flags of pwritev2().
 *
 * The array must stay valid until io_uring_sq_ready() returns 0 (before kernel
 * 5.5, until the request completes), the buffers until the request completes.
 * With offset -1 the current file position is used and advanced (kernel 5.6).
 * The completion's res is the number of bytes written, which may be fewer than
 * requested, or -errno: -EAGAIN if flags has RWF_NOWAIT and the write would
 * block. -EPIPE is accompanied by SIGPIPE, unless flags has RWF_NOSIGNAL
 * (kernel 6.18).
 * Since liburing 2.2, kernel 5.1.
 */
void io_uring_prep_writev2(struct io_uring_sqe *sqe, int fd,
		const struct iovec *iovecs, unsigned nr_vecs, __u64 offset,
		int flags) LIBURING_NOEXCEPT;

/*
 * Prepares a write request of nbytes bytes of the registered buffer buf_index
 * at offset of fd.
 *
 * buf is an address inside that buffer, and buf + nbytes must not exceed its
 * end. The bytes must stay valid until the request completes. With offset -1
 * the current file position is used and advanced (kernel 5.6). The completion's
 * res is the number of bytes written, which may be fewer than requested, or
 * -errno: -EPIPE is accompanied by SIGPIPE.
 * Since liburing 2.0, kernel 5.1.
 */
void io_uring_prep_write_fixed(struct io_uring_sqe *sqe, int fd,
		const void *buf, unsigned nbytes, __u64 offset,
		int buf_index) LIBURING_NOEXCEPT;

/*
 * Prepares a vectored write request from the registered buffer buf_index.
 *
 * Each element of iovecs must be inside that registered buffer. The array must
 * stay valid until io_uring_sq_ready() returns 0, the bytes until the request
 * completes. flags are the RWF_* flags of pwritev2(). With offset -1 the
 * current file position is used and advanced. The completion's res is the
 * number of bytes written, which may be fewer than requested, or -errno.
 * Since liburing 2.10, kernel 6.15.
 */
void io_uring_prep_writev_fixed(struct io_uring_sqe *sqe, int fd,
		const struct iovec *iovecs, unsigned nr_vecs, __u64 offset,
		int flags, int buf_index) LIBURING_NOEXCEPT;

/*
 * Prepares a read request of nbytes bytes at offset of fd into buf.
 *
 * buf must stay valid until the request completes. With offset -1 the current
 * file position is used and advanced; for a file that can't seek, use 0 or -1.
 * The completion's res is the number of bytes read, which may be fewer than
 * requested, 0 at the end of the file, or -errno.
 * Since liburing 2.0, kernel 5.6.
 */
void io_uring_prep_read(struct io_uring_sqe *sqe, int fd, void *buf,
		unsigned nbytes, __u64 offset) LIBURING_NOEXCEPT;

/*
 * Prepares a multishot read request for fd, which reads each time into a buffer
 * of the group buf_group.
 *
 * fd must support polling, as a pipe does: a regular file gives -EBADFD. nbytes
 * must be 0, otherwise the result is -EINVAL: the picked buffer limits each
 * read. offset is 0 or -1 if the file can't seek. Overwrites sqe's flags with
 * IOSQE_BUFFER_SELECT: set others afterwards. Each completion's res is the
 * number of bytes read or -errno, and its flags have the buffer's ID; the
 * request remains active while they have IORING_CQE_F_MORE.
 * Since liburing 2.6, kernel 6.7.
 */
void io_uring_prep_read_multishot(struct io_uring_sqe *sqe, int fd,
		unsigned nbytes, __u64 offset, int buf_group) LIBURING_NOEXCEPT;

/*
 * Prepares a write request of nbytes bytes from buf at offset of fd.
 *
 * buf must stay valid until the request completes. With offset -1 the current
 * file position is used and advanced; for a file that can't seek, use 0 or -1.
 * The completion's res is the number of bytes written, which may be fewer than
 * requested, or -errno. -EPIPE is accompanied by SIGPIPE, unless RWF_NOSIGNAL
 * (kernel 6.18) is set in sqe->rw_flags afterwards; IOSQE_BUFFER_SELECT gives
 * -EOPNOTSUPP.
 * Since liburing 2.0, kernel 5.6.
 */
void io_uring_prep_write(struct io_uring_sqe *sqe, int fd, const void *buf,
		unsigned nbytes, __u64 offset) LIBURING_NOEXCEPT;

/* Opening and closing files, and other operations on files. */

/*
 * Prepares a request that replaces the registered files in nr_fds slots,
 * starting at slot offset.
 *
 * fds has the new descriptors: -1 empties a slot, IORING_REGISTER_FILES_SKIP
 * leaves it unchanged. With IORING_FILE_INDEX_ALLOC (-1) as offset the kernel
 * picks free slots and overwrites the descriptors with their numbers. The array
 * must stay valid until the request completes. The completion's res is the
 * number of slots updated, or -errno if the first one failed. If it is less
 * than nr_fds, the next slot failed. A given slot that failed with -EBADF is
 * empty afterwards.
 * Since liburing 2.0, kernel 5.6.
 */
void io_uring_prep_files_update(struct io_uring_sqe *sqe, int *fds,
		unsigned nr_fds, int offset) LIBURING_NOEXCEPT;

/*
 * Prepares an fallocate() request for len bytes at offset of fd.
 *
 * mode is 0 to allocate space, or FALLOC_FL_* flags. The completion's res is 0
 * or -errno.
 * Since liburing 2.0, kernel 5.6.
 */
void io_uring_prep_fallocate(struct io_uring_sqe *sqe, int fd, int mode,
		__u64 offset, __u64 len) LIBURING_NOEXCEPT;

/*
 * Prepares an openat() request for path, relative to the directory dfd.
 *
 * flags and mode are those of openat(). dfd is an ordinary descriptor or
 * AT_FDCWD, not a registered file. path must stay valid until
 * io_uring_sq_ready() returns 0. The completion's res is the new descriptor or
 * -errno.
 * Since liburing 2.0, kernel 5.6.
 */
void io_uring_prep_openat(struct io_uring_sqe *sqe, int dfd, const char *path,
		int flags, mode_t mode) LIBURING_NOEXCEPT;

/*
 * Prepares an openat() request that stores the file in a slot of the registered
 * files.
 *
 * file_index is the slot, whose old file is replaced, or
 * IORING_FILE_INDEX_ALLOC for any free slot (kernel 5.19). O_CLOEXEC isn't
 * accepted. path must stay valid until io_uring_sq_ready() returns 0. The
 * completion's res is 0, or the slot that was picked, or -errno: -EINVAL if
 * there is no such slot, -ENFILE if none is free. If no files are registered,
 * it is -ENXIO, or -ENFILE with IORING_FILE_INDEX_ALLOC.
 * Since liburing 2.1, kernel 5.15.
 */
void io_uring_prep_openat_direct(struct io_uring_sqe *sqe, int dfd,
		const char *path, int flags, mode_t mode,
		unsigned file_index) LIBURING_NOEXCEPT;

/*
 * Prepares an open() request for path.
 *
 * flags and mode are those of open(). path must stay valid until
 * io_uring_sq_ready() returns 0. The completion's res is the new descriptor or
 * -errno.
 * Since liburing 2.8, kernel 5.6.
 */
void io_uring_prep_open(struct io_uring_sqe *sqe, const char *path, int flags,
		mode_t mode) LIBURING_NOEXCEPT;

/*
 * Prepares an open() request that stores the file in a slot of the registered
 * files.
 *
 * file_index is as for io_uring_prep_openat_direct(), and O_CLOEXEC isn't
 * accepted. path must stay valid until io_uring_sq_ready() returns 0. The
 * completion's res is 0, or the slot that was picked, or -errno, as for
 * io_uring_prep_openat_direct().
 * Since liburing 2.8, kernel 5.15.
 */
void io_uring_prep_open_direct(struct io_uring_sqe *sqe, const char *path,
		int flags, mode_t mode, unsigned file_index) LIBURING_NOEXCEPT;

/*
 * Prepares an openat2() request for path, relative to the directory dfd, with
 * the options in how.
 *
 * dfd is an ordinary descriptor or AT_FDCWD, not a registered file. path and
 * how must stay valid until io_uring_sq_ready() returns 0. The completion's res
 * is the new descriptor or -errno.
 * Since liburing 2.0, kernel 5.6.
 */
void io_uring_prep_openat2(struct io_uring_sqe *sqe, int dfd, const char *path,
		const struct open_how *how) LIBURING_NOEXCEPT;

/*
 * Prepares an openat2() request that stores the file in a slot of the
 * registered files.
 *
 * file_index is as for io_uring_prep_openat_direct(), and O_CLOEXEC isn't
 * accepted. path and how must stay valid until io_uring_sq_ready() returns 0.
 * The completion's res is 0, or the slot that was picked, or -errno, as for
 * io_uring_prep_openat_direct().
 * Since liburing 2.1, kernel 5.15.
 */
void io_uring_prep_openat2_direct(struct io_uring_sqe *sqe, int dfd,
		const char *path, const struct open_how *how,
		unsigned file_index) LIBURING_NOEXCEPT;

/*
 * Prepares a close() request for the descriptor fd.
 *
 * A ring's descriptor can't be closed in this way: the result is -EBADF. The
 * completion's res is 0 or -errno.
 * Since liburing 2.0, kernel 5.6.
 */
void io_uring_prep_close(struct io_uring_sqe *sqe, int fd) LIBURING_NOEXCEPT;

/*
 * Prepares a request that closes the registered file in the slot file_index.
 *
 * Never pass IORING_FILE_INDEX_ALLOC: it wraps to 0 and closes descriptor 0.
 * Don't set IOSQE_FIXED_FILE in sqe: it gives -EBADF. The completion's res is
 * 0, -EBADF if the slot is empty, -EINVAL if there is no such slot, or -ENXIO
 * if no files are registered.
 * Since liburing 2.2, kernel 5.15.
 */
void io_uring_prep_close_direct(struct io_uring_sqe *sqe,
		unsigned file_index) LIBURING_NOEXCEPT;

/*
 * Prepares a statx() request for path, relative to the directory dfd, into
 * statxbuf.
 *
 * flags are AT_*; the STATX_* bits of mask are the requested fields. path must
 * stay valid until io_uring_sq_ready() returns 0 (before kernel 5.18, until the
 * request completes), statxbuf until the request completes. The completion's
 * res is 0 or -errno.
 * Since liburing 2.0, kernel 5.6.
 */
void io_uring_prep_statx(struct io_uring_sqe *sqe, int dfd, const char *path,
		int flags, unsigned mask,
		struct statx *statxbuf) LIBURING_NOEXCEPT;

/*
 * Prepares a posix_fadvise() request for len bytes at offset of fd.
 *
 * len 0 means to the end of the file. advice is one of POSIX_FADV_*. The
 * completion's res is 0 or -errno.
 * Since liburing 2.0, kernel 5.6.
 */
void io_uring_prep_fadvise(struct io_uring_sqe *sqe, int fd, __u64 offset,
		__u32 len, int advice) LIBURING_NOEXCEPT;

/*
 * Prepares a madvise() request for length bytes of memory at addr.
 *
 * advice is one of MADV_*. The completion's res is 0 or -errno.
 * Since liburing 2.0, kernel 5.6.
 */
void io_uring_prep_madvise(struct io_uring_sqe *sqe, void *addr, __u32 length,
		int advice) LIBURING_NOEXCEPT;

/*
 * Prepares a posix_fadvise() request like io_uring_prep_fadvise(), with a
 * 64-bit length.
 *
 * len 0 means to the end of the file. advice is one of POSIX_FADV_*. The
 * completion's res is 0 or -errno: -EINVAL before kernel 6.11, which only has
 * the 32-bit length.
 * Since liburing 2.7, kernel 6.11.
 */
void io_uring_prep_fadvise64(struct io_uring_sqe *sqe, int fd, __u64 offset,
		off_t len, int advice) LIBURING_NOEXCEPT;

/*
 * Prepares a madvise() request like io_uring_prep_madvise(), with a 64-bit
 * length.
 *
 * advice is one of MADV_*. The completion's res is 0 or -errno: -EINVAL before
 * kernel 6.11, which only has the 32-bit length.
 * Since liburing 2.7, kernel 6.11.
 */
void io_uring_prep_madvise64(struct io_uring_sqe *sqe, void *addr, off_t length,
		int advice) LIBURING_NOEXCEPT;

/*
 * Prepares a request that creates an ordinary descriptor for the registered
 * file in the slot fd.
 *
 * The registered file stays. The descriptor is close-on-exec unless flags is
 * IORING_FIXED_FD_NO_CLOEXEC. Overwrites sqe's flags with IOSQE_FIXED_FILE: set
 * others afterwards. The completion's res is the new descriptor or -errno:
 * -EBADF if the slot is empty, -EPERM if sqe->personality is set.
 * Since liburing 2.6, kernel 6.8.
 */
void io_uring_prep_fixed_fd_install(struct io_uring_sqe *sqe, int fd,
		unsigned flags) LIBURING_NOEXCEPT;

#ifdef _GNU_SOURCE
/*
 * Prepares an ftruncate() request that sets the length of fd to len bytes.
 *
 * The completion's res is 0 or -errno.
 * Needs _GNU_SOURCE.
 * Since liburing 2.6, kernel 6.9.
 */
void io_uring_prep_ftruncate(struct io_uring_sqe *sqe, int fd,
		loff_t len) LIBURING_NOEXCEPT;
#endif

/*
 * Prepares a pipe2() request: fds[0] gets the read end of a new pipe, fds[1]
 * the write end.
 *
 * pipe_flags are those of pipe2(). fds has two elements, and must stay valid
 * until the request completes. The completion's res is 0 or -errno.
 * Since liburing 2.12, kernel 6.16.
 */
void io_uring_prep_pipe(struct io_uring_sqe *sqe, int *fds,
		int pipe_flags) LIBURING_NOEXCEPT;

/*
 * Prepares a pipe2() request that stores the ends of the pipe in slots of the
 * registered files.
 *
 * The read end is stored in the slot file_index, the write end in the next one;
 * with IORING_FILE_INDEX_ALLOC the kernel picks two free slots. The slots are
 * written to fds[0] and fds[1], which must stay valid until the request
 * completes. O_CLOEXEC isn't accepted. The completion's res is 0 or -errno:
 * -ENFILE if too few are free, -EINVAL if there is no such slot. If no files
 * are registered, it is -ENXIO, or -ENFILE with IORING_FILE_INDEX_ALLOC. If the
 * second slot fails, the first is empty afterwards.
 * Since liburing 2.12, kernel 6.16.
 */
void io_uring_prep_pipe_direct(struct io_uring_sqe *sqe, int *fds,
		int pipe_flags, unsigned file_index) LIBURING_NOEXCEPT;

/* The operations on names: unlink, rename, mkdir, symlink, link. */

/*
 * Prepares an unlinkat() request for path, relative to the directory dfd.
 *
 * flags is 0 for a file, AT_REMOVEDIR for a directory. path must stay valid
 * until io_uring_sq_ready() returns 0. The completion's res is 0 or -errno.
 * Since liburing 2.0, kernel 5.11.
 */
void io_uring_prep_unlinkat(struct io_uring_sqe *sqe, int dfd, const char *path,
		int flags) LIBURING_NOEXCEPT;

/*
 * Prepares a request that removes path.
 *
 * flags is 0 for a file, AT_REMOVEDIR for a directory. path must stay valid
 * until io_uring_sq_ready() returns 0. The completion's res is 0 or -errno.
 * Since liburing 2.2, kernel 5.11.
 */
void io_uring_prep_unlink(struct io_uring_sqe *sqe, const char *path,
		int flags) LIBURING_NOEXCEPT;

/*
 * Prepares a renameat2() request from oldpath, relative to olddfd, to newpath,
 * relative to newdfd.
 *
 * flags are RENAME_*. Both paths must stay valid until io_uring_sq_ready()
 * returns 0. The completion's res is 0 or -errno. An error doesn't break a
 * chain of links: see IOSQE_IO_LINK.
 * Since liburing 2.0, kernel 5.11.
 */
void io_uring_prep_renameat(struct io_uring_sqe *sqe, int olddfd,
		const char *oldpath, int newdfd, const char *newpath,
		unsigned flags) LIBURING_NOEXCEPT;

/*
 * Prepares a rename() request from oldpath to newpath.
 *
 * Both paths must stay valid until io_uring_sq_ready() returns 0. The
 * completion's res is 0 or -errno. An error doesn't break a chain of links: see
 * IOSQE_IO_LINK.
 * Since liburing 2.2, kernel 5.11.
 */
void io_uring_prep_rename(struct io_uring_sqe *sqe, const char *oldpath,
		const char *newpath) LIBURING_NOEXCEPT;

/*
 * Prepares a mkdirat() request for path, relative to the directory dfd.
 *
 * path must stay valid until io_uring_sq_ready() returns 0. The completion's
 * res is 0 or -errno.
 * Since liburing 2.1, kernel 5.15.
 */
void io_uring_prep_mkdirat(struct io_uring_sqe *sqe, int dfd, const char *path,
		mode_t mode) LIBURING_NOEXCEPT;

/*
 * Prepares a mkdir() request for path.
 *
 * path must stay valid until io_uring_sq_ready() returns 0. The completion's
 * res is 0 or -errno.
 * Since liburing 2.2, kernel 5.15.
 */
void io_uring_prep_mkdir(struct io_uring_sqe *sqe, const char *path,
		mode_t mode) LIBURING_NOEXCEPT;

/*
 * Prepares a symlinkat() request for a link to target named linkpath, relative
 * to newdirfd.
 *
 * Both strings must stay valid until io_uring_sq_ready() returns 0. The
 * completion's res is 0 or -errno.
 * Since liburing 2.1, kernel 5.15.
 */
void io_uring_prep_symlinkat(struct io_uring_sqe *sqe, const char *target,
		int newdirfd, const char *linkpath) LIBURING_NOEXCEPT;

/*
 * Prepares a symlink() request for a link to target named linkpath.
 *
 * Both strings must stay valid until io_uring_sq_ready() returns 0. The
 * completion's res is 0 or -errno.
 * Since liburing 2.2, kernel 5.15.
 */
void io_uring_prep_symlink(struct io_uring_sqe *sqe, const char *target,
		const char *linkpath) LIBURING_NOEXCEPT;

/*
 * Prepares a linkat() request: a new name newpath, relative to newdfd, for
 * oldpath, relative to olddfd.
 *
 * flags are AT_SYMLINK_FOLLOW and AT_EMPTY_PATH. Both paths must stay valid
 * until io_uring_sq_ready() returns 0. The completion's res is 0 or -errno.
 * Since liburing 2.1, kernel 5.15.
 */
void io_uring_prep_linkat(struct io_uring_sqe *sqe, int olddfd,
		const char *oldpath, int newdfd, const char *newpath,
		int flags) LIBURING_NOEXCEPT;

/*
 * Prepares a link() request: a new name newpath for the file oldpath.
 *
 * flags are those of linkat(). Both paths must stay valid until
 * io_uring_sq_ready() returns 0. The completion's res is 0 or -errno.
 * Since liburing 2.2, kernel 5.15.
 */
void io_uring_prep_link(struct io_uring_sqe *sqe, const char *oldpath,
		const char *newpath, int flags) LIBURING_NOEXCEPT;

/* Waiting for readiness. */

/*
 * Converts a poll mask to the format of sqe->poll32_events.
 *
 * The kernel's original field had 16 bits at the same address, so big-endian
 * processors swap the halves; others don't change the mask. Local to the
 * header.
 * Since liburing 2.1.
 */
_LOCAL_INLINE unsigned __io_uring_prep_poll_mask(unsigned poll_mask)
	LIBURING_NOEXCEPT
{
#if __BYTE_ORDER == __BIG_ENDIAN
	poll_mask = __swahw32(poll_mask);
#endif
	return poll_mask;
}

/*
 * Prepares a poll request that completes once, when fd has one of the events in
 * poll_mask.
 *
 * poll_mask has the bits of poll() or epoll_ctl(), for example POLLIN; errors
 * and hang-ups are always reported. The completion's res is the mask of events
 * that occurred, or -errno: -ECANCELED after a removal.
 * Since liburing 2.0, kernel 5.1.
 */
void io_uring_prep_poll_add(struct io_uring_sqe *sqe, int fd,
		unsigned poll_mask) LIBURING_NOEXCEPT;

/*
 * Prepares a multishot poll request for fd.
 *
 * It is like io_uring_prep_poll_add(), but stays active. It is edge-triggered:
 * it reports new events, not that old data is still unread. Kernels up to 6.18
 * refuse IORING_POLL_ADD_LEVEL with -EINVAL. Each completion's res is the mask
 * of events or -errno; the request remains active while the completion's flags
 * have IORING_CQE_F_MORE.
 * Since liburing 2.1, kernel 5.13.
 */
void io_uring_prep_poll_multishot(struct io_uring_sqe *sqe, int fd,
		unsigned poll_mask) LIBURING_NOEXCEPT;

/*
 * Prepares a request that removes the poll request with this user_data.
 *
 * The completion's res is 0, -ENOENT if there is no such request, or -EALREADY
 * if it is completing. The removed request completes with -ECANCELED.
 * Since liburing 2.0, kernel 5.1.
 */
void io_uring_prep_poll_remove(struct io_uring_sqe *sqe,
		__u64 user_data) LIBURING_NOEXCEPT;

/*
 * Prepares a request that updates the poll request with the user data
 * old_user_data.
 *
 * flags says what to update: IORING_POLL_UPDATE_EVENTS the events, to the low
 * 16 bits of poll_mask; IORING_POLL_UPDATE_USER_DATA the user data, to
 * new_user_data. Arguments that aren't used must be 0. IORING_POLL_ADD_MULTI is
 * accepted together with them, but a single-shot request remains one. The
 * completion's res is 0, -ENOENT if there is no such request, or -EALREADY if
 * it is completing. A poll request that can't be armed again ends with
 * -ECANCELED, while res is 0.
 * Since liburing 2.1, kernel 5.13.
 */
void io_uring_prep_poll_update(struct io_uring_sqe *sqe, __u64 old_user_data,
		__u64 new_user_data, unsigned poll_mask,
		unsigned flags) LIBURING_NOEXCEPT;

/* Timeouts, and canceling other requests. */

/*
 * Prepares a timeout request that completes after the time ts, or earlier,
 * after count completions.
 *
 * With count 0 only the time applies; with IORING_TIMEOUT_MULTISHOT count is
 * the number of repeats, 0 for no limit. The time is relative, on the monotonic
 * clock, unless flags has IORING_TIMEOUT_ABS, IORING_TIMEOUT_BOOTTIME or
 * IORING_TIMEOUT_REALTIME. ts must stay valid until io_uring_sq_ready() returns
 * 0; with IORING_TIMEOUT_IMMEDIATE_ARG (kernel 7.1) the pointer itself is a
 * number of nanoseconds. The completion's res is -ETIME if the time expired, 0
 * if the count was reached first, -ECANCELED if the timeout was removed.
 * Since liburing 2.0, kernel 5.4.
 */
void io_uring_prep_timeout(struct io_uring_sqe *sqe,
		const struct __kernel_timespec *ts, unsigned count,
		unsigned flags) LIBURING_NOEXCEPT;

/*
 * Prepares a request that removes the timeout with this user_data.
 *
 * flags must be 0. A linked timeout isn't found: cancel the request that it
 * limits. The completion's res is 0, -ENOENT if there is no such timeout, or
 * -EALREADY if it is about to complete. The removed timeout completes with
 * -ECANCELED.
 * Since liburing 2.0, kernel 5.5.
 */
void io_uring_prep_timeout_remove(struct io_uring_sqe *sqe, __u64 user_data,
		unsigned flags) LIBURING_NOEXCEPT;

/*
 * Prepares a request that sets a new time for the timeout with this user_data.
 *
 * ts must stay valid until io_uring_sq_ready() returns 0. It is relative to
 * now, or absolute if flags has IORING_TIMEOUT_ABS. IORING_LINK_TIMEOUT_UPDATE
 * in flags means a linked timeout (kernel 5.15). The clock can't be changed:
 * its flags give -EINVAL. The timeout's count is discarded: only the time
 * applies, and a multishot timeout repeats without limit. The completion's res
 * is 0, -ENOENT if there is no such timeout, or -EALREADY if it is about to
 * complete.
 * Since liburing 2.0, kernel 5.11.
 */
void io_uring_prep_timeout_update(struct io_uring_sqe *sqe,
		const struct __kernel_timespec *ts, __u64 user_data,
		unsigned flags) LIBURING_NOEXCEPT;

/*
 * Prepares a request that cancels other requests, found by user_data unless
 * flags says otherwise.
 *
 * flags are IORING_ASYNC_CANCEL_* (kernel 5.19): _ALL for every match instead
 * of the first, _ANY for every request of the ring, _OP (kernel 6.6) to match
 * the opcode set in sqe->len afterwards. A linked timeout isn't found: cancel
 * the request that it limits. The completion's res is 0 (for waits on futexes
 * and children 1), -ENOENT if nothing matches, or -EALREADY if the request is
 * already running; with _ALL or _ANY it is the number of requests found. A
 * canceled request still completes, usually with -ECANCELED; its memory must
 * stay valid until the request completes.
 * Since liburing 2.2, kernel 5.5.
 */
void io_uring_prep_cancel64(struct io_uring_sqe *sqe, __u64 user_data,
		int flags) LIBURING_NOEXCEPT;

/*
 * Prepares a request that cancels other requests by the pointer in their user
 * data.
 *
 * The same as io_uring_prep_cancel64(), for the user data of
 * io_uring_sqe_set_data(). The pointer isn't dereferenced. The completion's res
 * is as for io_uring_prep_cancel64().
 * Since liburing 2.0, kernel 5.5.
 */
void io_uring_prep_cancel(struct io_uring_sqe *sqe, const void *user_data,
		int flags) LIBURING_NOEXCEPT;

/*
 * Prepares a request that cancels other requests on the descriptor fd.
 *
 * flags may have IORING_ASYNC_CANCEL_ALL for every such request instead of the
 * first, and IORING_ASYNC_CANCEL_FD_FIXED (kernel 6.0) if fd is a slot of the
 * registered files. The completion's res is 0, -ENOENT if nothing matches, or
 * -EALREADY if the request is already running; with IORING_ASYNC_CANCEL_ALL it
 * is the number of requests found.
 * Since liburing 2.2, kernel 5.19.
 */
void io_uring_prep_cancel_fd(struct io_uring_sqe *sqe, int fd,
		unsigned flags) LIBURING_NOEXCEPT;

/*
 * Prepares a timeout for the preceding request, which must have a link flag
 * set.
 *
 * That is IOSQE_IO_LINK or IOSQE_IO_HARDLINK. ts must stay valid until
 * io_uring_sq_ready() returns 0. flags are those of io_uring_prep_timeout() for
 * absolute times and clocks; IORING_TIMEOUT_ETIME_SUCCESS is accepted and has
 * no effect on the chain. The completion's res is -ETIME if the time expired
 * and the request was canceled, -ECANCELED if the request completed first;
 * -ENOENT or -EALREADY if both happened at the same time.
 * Since liburing 2.0, kernel 5.5.
 */
void io_uring_prep_link_timeout(struct io_uring_sqe *sqe,
		const struct __kernel_timespec *ts,
		unsigned flags) LIBURING_NOEXCEPT;

/* Flushing files to disk, and the request that does nothing. */

/*
 * Prepares an fsync() request, which flushes fd's data and metadata to the
 * disk.
 *
 * fsync_flags is 0, or IORING_FSYNC_DATASYNC to behave like fdatasync(). It
 * applies to the whole file; for a range set sqe->off and sqe->len afterwards.
 * It only covers earlier writes that have completed: use links or drain to
 * order them. The completion's res is 0 or -errno. An error doesn't break a
 * chain of links: see IOSQE_IO_LINK.
 * Since liburing 2.0, kernel 5.1.
 */
void io_uring_prep_fsync(struct io_uring_sqe *sqe, int fd,
		unsigned fsync_flags) LIBURING_NOEXCEPT;

/*
 * Prepares a request that does nothing.
 *
 * Useful for measurements, or to wake a waiting thread. The completion's res is
 * 0, or sqe->len if sqe->nop_flags has IORING_NOP_INJECT_RESULT (kernel 6.10),
 * both set afterwards.
 * Since liburing 2.0, kernel 5.1.
 */
void io_uring_prep_nop(struct io_uring_sqe *sqe) LIBURING_NOEXCEPT;

/*
 * Prepares a request that does nothing, in an SQE of 128 bytes.
 *
 * sqe comes from io_uring_get_sqe128(). The completion's res is as for
 * io_uring_prep_nop(), or -EINVAL if sqe has only 64 bytes or the kernel is
 * older than 6.19.
 * Since liburing 2.13, kernel 6.19.
 */
void io_uring_prep_nop128(struct io_uring_sqe *sqe) LIBURING_NOEXCEPT;

/*
 * Prepares a sync_file_range() request for len bytes at offset of fd.
 *
 * len 0 means to the end of the file. flags are SYNC_FILE_RANGE_*. Metadata
 * isn't written, so the data may be inaccessible after a crash. The
 * completion's res is 0 or -errno.
 * Since liburing 2.0, kernel 5.2.
 */
void io_uring_prep_sync_file_range(struct io_uring_sqe *sqe, int fd,
		unsigned len, __u64 offset, int flags) LIBURING_NOEXCEPT;

/* Messages from one ring to another. */

/*
 * Prepares a message request like io_uring_prep_msg_ring() that also sets the
 * flags of the CQE.
 *
 * The CQE on the ring fd has len as its res, data as its user data and
 * cqe_flags as its flags. Each flag keeps its meaning there: a CQE with
 * IORING_CQE_F_SKIP, for example, is skipped. flags must be 0. The completion's
 * res is 0 or -errno, as for io_uring_prep_msg_ring().
 * Since liburing 2.4, kernel 6.3.
 */
void io_uring_prep_msg_ring_cqe_flags(struct io_uring_sqe *sqe, int fd,
		unsigned len, __u64 data, unsigned flags,
		unsigned cqe_flags) LIBURING_NOEXCEPT;

/*
 * Prepares a request that posts a CQE on the ring fd, with len as its res and
 * data as its user data.
 *
 * fd is the descriptor of any ring, including the sending one. flags must be 0.
 * The completion's res is 0 or -errno: -EBADFD if fd is not a ring, or is a
 * ring that isn't enabled yet, -EOVERFLOW if the CQE could not be posted there.
 * Since liburing 2.2, kernel 5.18.
 */
void io_uring_prep_msg_ring(struct io_uring_sqe *sqe, int fd, unsigned len,
		__u64 data, unsigned flags) LIBURING_NOEXCEPT;

/*
 * Prepares a request that sends a registered file to another ring.
 *
 * source_fd is the file's slot in this ring, target_fd the slot it gets in the
 * ring fd, or IORING_FILE_INDEX_ALLOC for any free slot. A CQE with data as its
 * user data is posted there, with 0 or the picked slot as its res, unless flags
 * has IORING_MSG_RING_CQE_SKIP. The completion's res is the same, or -errno:
 * -EBADF if there is no such file, -EINVAL if both rings are the same, -ENFILE
 * if no slot is free, -ENXIO if the other ring has no table for a given slot,
 * -EOVERFLOW if the file was sent but the CQE could not be posted.
 * Since liburing 2.4, kernel 6.0.
 */
void io_uring_prep_msg_ring_fd(struct io_uring_sqe *sqe, int fd, int source_fd,
		int target_fd, __u64 data, unsigned flags) LIBURING_NOEXCEPT;

/*
 * Prepares a request that sends a registered file to another ring, into a slot
 * that the kernel picks.
 *
 * The same as io_uring_prep_msg_ring_fd() with IORING_FILE_INDEX_ALLOC. The
 * completion's res, here and in the CQE on the ring fd, is the slot that was
 * picked; here it may also be -errno, -ENFILE if none is free.
 * Since liburing 2.4, kernel 6.0.
 */
void io_uring_prep_msg_ring_fd_alloc(struct io_uring_sqe *sqe, int fd,
		int source_fd, __u64 data, unsigned flags) LIBURING_NOEXCEPT;

/*
 * Buffers provided by requests. buf_ring has the newer interface, buffer rings
 * (kernel 5.19).
 */

/*
 * Prepares a request that provides nr adjacent buffers of len bytes each,
 * starting at addr.
 *
 * They join the group bgid and get the IDs bid, bid + 1 and so on, up to 65535;
 * nr is 1 to 65536 (before kernel 6.7: 65535). A request with
 * IOSQE_BUFFER_SELECT and that group picks one; its completion reports the ID.
 * From then on the buffer belongs to the application, until it is provided
 * again. A buffer ring does the same at less cost: see
 * io_uring_setup_buf_ring(). The completion's res is 0 (before kernel 5.19
 * possibly the number of buffers), even if only some could be added, or -errno:
 * -E2BIG if nr or bid is out of range, -EINVAL if len is 0 or an ID would
 * exceed 65535.
 * Since liburing 2.0, kernel 5.7.
 */
void io_uring_prep_provide_buffers(struct io_uring_sqe *sqe, void *addr,
		int len, int nr, int bgid, int bid) LIBURING_NOEXCEPT;

/*
 * Prepares a request that removes up to nr provided buffers from the group
 * bgid.
 *
 * The kernel no longer uses them when the request has completed. The
 * completion's res is the number of buffers removed, which may be fewer than
 * requested, or -errno: -ENOENT if there is no such group, -EINVAL if it is a
 * buffer ring or nr is out of range.
 * Since liburing 2.0, kernel 5.7.
 */
void io_uring_prep_remove_buffers(struct io_uring_sqe *sqe, int nr,
		int bgid) LIBURING_NOEXCEPT;

/* Extended attributes. */

/*
 * Prepares a getxattr() request: the attribute name of the file path into the
 * len bytes at value.
 *
 * With len 0 it returns only the size. name and path must stay valid until
 * io_uring_sq_ready() returns 0, value until the request completes. The
 * completion's res is the size of the attribute or -errno: -ENODATA if there is
 * none, -ERANGE if len is too small.
 * Since liburing 2.2, kernel 5.19.
 */
void io_uring_prep_getxattr(struct io_uring_sqe *sqe, const char *name,
		char *value, const char *path, unsigned len) LIBURING_NOEXCEPT;

/*
 * Prepares a setxattr() request: the len bytes at value as the attribute name
 * of the file path.
 *
 * flags is 0, XATTR_CREATE or XATTR_REPLACE. name, value and path must stay
 * valid until io_uring_sq_ready() returns 0. The completion's res is 0 or
 * -errno.
 * Since liburing 2.2, kernel 5.19.
 */
void io_uring_prep_setxattr(struct io_uring_sqe *sqe, const char *name,
		const char *value, const char *path, int flags,
		unsigned len) LIBURING_NOEXCEPT;

/*
 * Prepares an fgetxattr() request: the attribute name of the open file fd into
 * the len bytes at value.
 *
 * With len 0 it returns only the size. name must stay valid until
 * io_uring_sq_ready() returns 0, value until the request completes. The
 * completion's res is the size of the attribute or -errno: -ENODATA if there is
 * none, -ERANGE if len is too small.
 * Since liburing 2.2, kernel 5.19.
 */
void io_uring_prep_fgetxattr(struct io_uring_sqe *sqe, int fd, const char *name,
		char *value, unsigned len) LIBURING_NOEXCEPT;

/*
 * Prepares an fsetxattr() request: the len bytes at value as the attribute name
 * of the open file fd.
 *
 * flags is 0, XATTR_CREATE or XATTR_REPLACE. name and value must stay valid
 * until io_uring_sq_ready() returns 0. The completion's res is 0 or -errno.
 * Since liburing 2.2, kernel 5.19.
 */
void io_uring_prep_fsetxattr(struct io_uring_sqe *sqe, int fd, const char *name,
		const char *value, int flags, unsigned len) LIBURING_NOEXCEPT;

/* Waiting for child processes and on futexes. */

/*
 * Prepares a waitid() request for the child processes selected by idtype and
 * id.
 *
 * options are WEXITED and others. The kernel fills infop, which may be NULL;
 * otherwise it must stay valid until the request completes. flags must be 0.
 * The completion's res is 0 or -errno: -ECHILD if there is no such child. With
 * -ECHILD and -ECANCELED si_pid and si_signo of infop are set to 0.
 * Since liburing 2.6, kernel 6.7.
 */
void io_uring_prep_waitid(struct io_uring_sqe *sqe, idtype_t idtype, id_t id,
		siginfo_t *infop, int options,
		unsigned flags) LIBURING_NOEXCEPT;

/*
 * Prepares a futex wake request for at most val waiters on the futex at futex.
 *
 * mask must share a bit with a waiter's mask; FUTEX_BITSET_MATCH_ANY matches
 * all. futex_flags are FUTEX2_* and must include a size: FUTEX2_SIZE_U32. flags
 * must be 0. futex must stay valid until the request completes. The
 * completion's res is the number of waiters woken or -errno. A val above
 * INT_MAX wakes one.
 * Since liburing 2.6, kernel 6.7.
 */
void io_uring_prep_futex_wake(struct io_uring_sqe *sqe, const uint32_t *futex,
		uint64_t val, uint64_t mask, uint32_t futex_flags,
		unsigned flags) LIBURING_NOEXCEPT;

/*
 * Prepares a futex wait request on the futex at futex, if that has the value
 * val.
 *
 * A wake whose mask shares a bit with mask ends it; FUTEX_BITSET_MATCH_ANY
 * matches all. futex_flags are FUTEX2_* and must include a size:
 * FUTEX2_SIZE_U32. flags must be 0. futex must stay valid until the request
 * completes. There is no timeout: link an io_uring_prep_link_timeout(). The
 * completion's res is 0 when woken, or -errno: -EAGAIN if the value differs.
 * Since liburing 2.6, kernel 6.7.
 */
void io_uring_prep_futex_wait(struct io_uring_sqe *sqe, const uint32_t *futex,
		uint64_t val, uint64_t mask, uint32_t futex_flags,
		unsigned flags) LIBURING_NOEXCEPT;

/*
 * Prepares a futex wait request on nr_futex futexes, until one of them is
 * woken.
 *
 * The array futex must stay valid until io_uring_sq_ready() returns 0, the
 * futexes that it points to until the request completes. flags must be 0. There
 * is no timeout: link an io_uring_prep_link_timeout(). The completion's res is
 * the index of a futex that was woken, or -errno: -EAGAIN if a value differs
 * from the expected one.
 * Since liburing 2.6, kernel 6.7.
 */
void io_uring_prep_futex_waitv(struct io_uring_sqe *sqe,
		const struct futex_waitv *futex, uint32_t nr_futex,
		unsigned flags) LIBURING_NOEXCEPT;

/* Sockets, from creation to shutdown, and epoll. */

/*
 * Prepares an accept(2) request for the listening socket fd.
 *
 * addr and addrlen receive the peer's address and may both be NULL; they must
 * stay valid until the request completes. flags are those of accept4(2). The
 * completion's res is the new file descriptor or -errno.
 * Since liburing 2.0, kernel 5.5.
 */
void io_uring_prep_accept(struct io_uring_sqe *sqe, int fd,
		struct sockaddr *addr, socklen_t *addrlen,
		int flags) LIBURING_NOEXCEPT;

/*
 * Prepares an accept(2) request that stores the connection in a slot of the
 * registered files.
 *
 * file_index is the slot, whose old file is closed, or IORING_FILE_INDEX_ALLOC
 * for a free one. SOCK_CLOEXEC is refused with -EINVAL. The other parameters
 * are those of io_uring_prep_accept(). The completion's res is 0, or the slot
 * that the kernel picked, or -errno: -ENFILE if none is free, -EINVAL if there
 * is no such slot, -ENXIO if no files are registered. After these errors the
 * accepted connection is lost.
 * Since liburing 2.1, kernel 5.15.
 */
void io_uring_prep_accept_direct(struct io_uring_sqe *sqe, int fd,
		struct sockaddr *addr, socklen_t *addrlen, int flags,
		unsigned file_index) LIBURING_NOEXCEPT;

/*
 * Prepares a multishot accept(2) request for the listening socket fd.
 *
 * The request posts a completion for each connection; it remains active while
 * completions have IORING_CQE_F_MORE. All connections share addr and addrlen,
 * so pass NULL unless connections arrive one at a time. The completions' res is
 * the new file descriptor or -errno.
 * Since liburing 2.2, kernel 5.19.
 */
void io_uring_prep_multishot_accept(struct io_uring_sqe *sqe, int fd,
		struct sockaddr *addr, socklen_t *addrlen,
		int flags) LIBURING_NOEXCEPT;

/*
 * Prepares a multishot accept(2) request that stores connections in free slots
 * of the registered files.
 *
 * It is like io_uring_prep_multishot_accept(), but the completions' res is the
 * slot, or -errno: with -ENFILE no slot was free, and the accepted connection
 * is lost. SOCK_CLOEXEC is refused with -EINVAL.
 * Since liburing 2.2, kernel 5.19.
 */
void io_uring_prep_multishot_accept_direct(struct io_uring_sqe *sqe, int fd,
		struct sockaddr *addr, socklen_t *addrlen,
		int flags) LIBURING_NOEXCEPT;

/*
 * Prepares a connect(2) request for the socket fd, to the address addr of
 * addrlen bytes.
 *
 * The address must stay valid until io_uring_sq_ready() returns 0. The
 * completion's res is 0 or -errno, as from connect(2).
 * Since liburing 2.0, kernel 5.5.
 */
void io_uring_prep_connect(struct io_uring_sqe *sqe, int fd,
		const struct sockaddr *addr,
		socklen_t addrlen) LIBURING_NOEXCEPT;

/*
 * Prepares a bind(2) request for the socket fd, to the local address addr of
 * addrlen bytes.
 *
 * The address must stay valid until io_uring_sq_ready() returns 0. The
 * completion's res is 0 or -errno, as from bind(2).
 * Since liburing 2.7, kernel 6.11.
 */
void io_uring_prep_bind(struct io_uring_sqe *sqe, int fd,
		const struct sockaddr *addr,
		socklen_t addrlen) LIBURING_NOEXCEPT;

/*
 * Prepares a listen(2) request for the socket fd.
 *
 * backlog limits the number of connections that wait to be accepted. The
 * completion's res is 0 or -errno, as from listen(2).
 * Since liburing 2.7, kernel 6.11.
 */
void io_uring_prep_listen(struct io_uring_sqe *sqe, int fd,
		int backlog) LIBURING_NOEXCEPT;

/*
 * Prepares an epoll_wait(2) request for up to maxevents events on the epoll
 * descriptor fd.
 *
 * events has maxevents elements and must stay valid until the request
 * completes. There is no timeout: link one. flags must be 0. The completion's
 * res is the number of events or -errno, as from epoll_wait(2).
 * Since liburing 2.10, kernel 6.15.
 */
void io_uring_prep_epoll_wait(struct io_uring_sqe *sqe, int fd,
		struct epoll_event *events, int maxevents,
		unsigned flags) LIBURING_NOEXCEPT;

/*
 * Prepares an epoll_ctl(2) request for the epoll descriptor epfd.
 *
 * op is EPOLL_CTL_ADD, EPOLL_CTL_MOD or EPOLL_CTL_DEL, for the descriptor fd.
 * ev must stay valid until io_uring_sq_ready() returns 0. All are ordinary
 * descriptors: IOSQE_FIXED_FILE is ignored. The completion's res is 0 or
 * -errno, as from epoll_ctl(2).
 * Since liburing 2.0, kernel 5.6.
 */
void io_uring_prep_epoll_ctl(struct io_uring_sqe *sqe, int epfd, int fd, int op,
		const struct epoll_event *ev) LIBURING_NOEXCEPT;

/*
 * Prepares a shutdown(2) request for the socket fd.
 *
 * how is SHUT_RD, SHUT_WR or SHUT_RDWR. The completion's res is 0 or -errno, as
 * from shutdown(2).
 * Since liburing 2.0, kernel 5.11.
 */
void io_uring_prep_shutdown(struct io_uring_sqe *sqe, int fd,
		int how) LIBURING_NOEXCEPT;

/*
 * Prepares a socket(2) request.
 *
 * domain, socktype and protocol are those of socket(2), including SOCK_CLOEXEC
 * and SOCK_NONBLOCK in socktype. flags must be 0. The completion's res is the
 * new file descriptor or -errno.
 * Since liburing 2.2, kernel 5.19.
 */
void io_uring_prep_socket(struct io_uring_sqe *sqe, int domain, int socktype,
		int protocol, unsigned flags) LIBURING_NOEXCEPT;

/*
 * Prepares a socket(2) request that stores the socket in a slot of the
 * registered files.
 *
 * file_index is the slot, whose old file is closed, or IORING_FILE_INDEX_ALLOC
 * for a free one. SOCK_CLOEXEC is refused with -EINVAL. The other parameters
 * are those of io_uring_prep_socket(). The completion's res is 0, or the slot
 * that the kernel picked, or -errno: -ENFILE if none is free, -EINVAL if there
 * is no such slot, -ENXIO if no files are registered.
 * Since liburing 2.2, kernel 5.19.
 */
void io_uring_prep_socket_direct(struct io_uring_sqe *sqe, int domain,
		int socktype, int protocol, unsigned file_index,
		unsigned flags) LIBURING_NOEXCEPT;

/*
 * Prepares a socket(2) request that stores the socket in a free slot of the
 * registered files.
 *
 * The same as io_uring_prep_socket_direct() with IORING_FILE_INDEX_ALLOC. The
 * completion's res is the slot or -errno: -ENFILE if none is free.
 * Since liburing 2.2, kernel 5.19.
 */
void io_uring_prep_socket_direct_alloc(struct io_uring_sqe *sqe, int domain,
		int socktype, int protocol, unsigned flags) LIBURING_NOEXCEPT;

/*
 * Sending and receiving on sockets: plain, as messages, from registered
 * buffers, without copying, and multishot.
 */

/*
 * Prepares a recvmsg() request for the socket fd.
 *
 * The kernel writes lengths and flags back into msg, so it and everything that
 * it points to must stay valid until the request completes. flags are MSG_*.
 * The completion's res is the number of bytes received, 0 at the end of a
 * stream, or -errno.
 * Since liburing 2.0, kernel 5.3.
 */
void io_uring_prep_recvmsg(struct io_uring_sqe *sqe, int fd, struct msghdr *msg,
		unsigned flags) LIBURING_NOEXCEPT;

/*
 * Prepares a multishot recvmsg() request for the socket fd, which receives each
 * message into a provided buffer.
 *
 * Also set IOSQE_BUFFER_SELECT and a buffer group; MSG_WAITALL is refused. In
 * msg only msg_namelen and msg_controllen are used, the space reserved in each
 * buffer for the address and the control data, and at most one msg_iov
 * (otherwise -EINVAL), whose iov_len limits a message. Parse a buffer with
 * io_uring_recvmsg_validate(). The request remains active while completions
 * have IORING_CQE_F_MORE; an empty datagram ends it. The completions' res is
 * the number of bytes used in the buffer, including header and reserved space,
 * or -errno: -ENOBUFS if no buffer is left, -EFAULT if a buffer is too small
 * for these.
 * Since liburing 2.3, kernel 6.0.
 */
void io_uring_prep_recvmsg_multishot(struct io_uring_sqe *sqe, int fd,
		struct msghdr *msg, unsigned flags) LIBURING_NOEXCEPT;

/*
 * Prepares a sendmsg() request for the socket fd.
 *
 * msg must stay valid until io_uring_sq_ready() returns 0 (before kernel 5.5,
 * until the request completes), the control data (msg_control) and the bytes to
 * send until the request completes. flags are MSG_*; a short send breaks a link
 * only with MSG_WAITALL. IOSQE_BUFFER_SELECT gives -EOPNOTSUPP. The
 * completion's res is the number of bytes sent or -errno.
 * Since liburing 2.0, kernel 5.3.
 */
void io_uring_prep_sendmsg(struct io_uring_sqe *sqe, int fd,
		const struct msghdr *msg, unsigned flags) LIBURING_NOEXCEPT;

/*
 * Prepares a zero-copy sendmsg() request.
 *
 * It is like io_uring_prep_sendmsg(), but the request completes with a second
 * completion, the one with IORING_CQE_F_NOTIF; it is posted if the first has
 * IORING_CQE_F_MORE, which is possible for a failed request, too.
 * IOSQE_CQE_SKIP_SUCCESS gives -EINVAL.
 * Since liburing 2.3, kernel 6.1.
 */
void io_uring_prep_sendmsg_zc(struct io_uring_sqe *sqe, int fd,
		const struct msghdr *msg, unsigned flags) LIBURING_NOEXCEPT;

/*
 * Prepares a zero-copy sendmsg() request with data in the registered buffer
 * buf_index.
 *
 * It is like io_uring_prep_sendmsg_zc(); each iovec of msg must be inside that
 * buffer. Only the low 16 bits of buf_index are used.
 * Since liburing 2.10, kernel 6.15.
 */
void io_uring_prep_sendmsg_zc_fixed(struct io_uring_sqe *sqe, int fd,
		const struct msghdr *msg, unsigned flags,
		unsigned buf_index) LIBURING_NOEXCEPT;

/*
 * Prepares a send() request of len bytes of buf for the socket sockfd.
 *
 * The bytes must stay valid until the request completes; with
 * IOSQE_BUFFER_SELECT (kernel 6.10) buf is NULL and a provided buffer is sent.
 * Only the low 32 bits of len are used. flags are MSG_*; a short send breaks a
 * link only with MSG_WAITALL. The completion's res is the number of bytes sent
 * or -errno.
 * Since liburing 2.0, kernel 5.6.
 */
void io_uring_prep_send(struct io_uring_sqe *sqe, int sockfd, const void *buf,
		size_t len, int flags) LIBURING_NOEXCEPT;

/*
 * Prepares a send request for all provided buffers of a group.
 *
 * Also set IOSQE_BUFFER_SELECT and the group of a buffer ring. The request
 * sends rounds of up to 256 buffers, each with a completion; another round
 * follows if that has IORING_CQE_F_MORE. len limits the bytes of the first
 * round only; 0 means no limit. The completions' res is the number of bytes
 * sent in the round or -errno: -ENOBUFS if the group is empty, -ENOENT if it
 * doesn't exist. The buffer ID is that of the round's first buffer, and the
 * others follow it in the ring.
 * Since liburing 2.7, kernel 6.10.
 */
void io_uring_prep_send_bundle(struct io_uring_sqe *sqe, int sockfd, size_t len,
		int flags) LIBURING_NOEXCEPT;

/*
 * Sets the destination dest_addr of addr_len bytes in a prepared send request.
 *
 * For io_uring_prep_send() (kernel 6.1) and io_uring_prep_send_zc(), but not
 * for sendmsg() requests. The address must stay valid until io_uring_sq_ready()
 * returns 0.
 * Since liburing 2.3, kernel 6.0.
 */
void io_uring_prep_send_set_addr(struct io_uring_sqe *sqe,
		const struct sockaddr *dest_addr,
		__u16 addr_len) LIBURING_NOEXCEPT;

/*
 * Prepares a sendto() request of len bytes of buf to the address addr of
 * addrlen bytes.
 *
 * It is like io_uring_prep_send(); the address must stay valid until
 * io_uring_sq_ready() returns 0. Only the low 16 bits of addrlen are used.
 * Since liburing 2.4, kernel 6.1.
 */
void io_uring_prep_sendto(struct io_uring_sqe *sqe, int sockfd, const void *buf,
		size_t len, int flags, const struct sockaddr *addr,
		socklen_t addrlen) LIBURING_NOEXCEPT;

/*
 * Prepares a zero-copy send() request of len bytes of buf.
 *
 * The bytes must stay valid until the request completes, which is with a second
 * completion, the one with IORING_CQE_F_NOTIF; it is posted if the first has
 * IORING_CQE_F_MORE, which is possible for a failed request, too. flags are
 * MSG_*, zc_flags are IORING_SEND_*, IORING_RECVSEND_POLL_FIRST and
 * IORING_RECVSEND_FIXED_BUF. Only the low 32 bits of len and 16 of zc_flags are
 * used. The first completion's res is the number of bytes sent or -errno:
 * IOSQE_CQE_SKIP_SUCCESS gives -EINVAL.
 * Since liburing 2.3, kernel 6.0.
 */
void io_uring_prep_send_zc(struct io_uring_sqe *sqe, int sockfd,
		const void *buf, size_t len, int flags,
		unsigned zc_flags) LIBURING_NOEXCEPT;

/*
 * Prepares a zero-copy send() request with data in the registered buffer
 * buf_index.
 *
 * It is like io_uring_prep_send_zc(); buf is an address inside that buffer, and
 * the bytes must not exceed its end. Only the low 16 bits of buf_index are
 * used.
 * Since liburing 2.3, kernel 6.0.
 */
void io_uring_prep_send_zc_fixed(struct io_uring_sqe *sqe, int sockfd,
		const void *buf, size_t len, int flags, unsigned zc_flags,
		unsigned buf_index) LIBURING_NOEXCEPT;

/*
 * Prepares a recv() request of up to len bytes from the socket sockfd into buf.
 *
 * buf must stay valid until the request completes; with IOSQE_BUFFER_SELECT it
 * is NULL and the kernel picks a provided buffer. Only the low 32 bits of len
 * are used. flags are MSG_*. The completion's res is the number of bytes
 * received, 0 at the end of a stream, or -errno. Its flags have
 * IORING_CQE_F_SOCK_NONEMPTY if there is more to receive, including the end of
 * a stream.
 * Since liburing 2.0, kernel 5.6.
 */
void io_uring_prep_recv(struct io_uring_sqe *sqe, int sockfd, void *buf,
		size_t len, int flags) LIBURING_NOEXCEPT;

/*
 * Prepares a multishot recv() request for the socket sockfd, which receives
 * each time into a provided buffer.
 *
 * Also set IOSQE_BUFFER_SELECT and a buffer group; buf is NULL, MSG_WAITALL is
 * refused. len limits each receive; 0 means no limit, and kernels before 6.17
 * accept only 0. sqe->optlen (kernel 6.17), set afterwards, is the number of
 * bytes after which the request ends. It remains active while completions have
 * IORING_CQE_F_MORE; an empty datagram ends it. The completions' res is the
 * number of bytes received, 0 at the end of a stream, or -errno: -ENOBUFS if no
 * buffer is left.
 * Since liburing 2.3, kernel 6.0.
 */
void io_uring_prep_recv_multishot(struct io_uring_sqe *sqe, int sockfd,
		void *buf, size_t len, int flags) LIBURING_NOEXCEPT;

/* Commands for the driver of a file: sockets, block devices, and others. */

/*
 * Prepares a request that sends the command cmd_op to the file fd, with the
 * operation op.
 *
 * op is IORING_OP_URING_CMD or IORING_OP_URING_CMD128; only the low 8 bits are
 * used. Clears addr, len and the word next to cmd_op; the caller sets
 * uring_cmd_flags and the command's own data.
 * Since liburing 2.13, kernel 5.19.
 */
void __io_uring_prep_uring_cmd(struct io_uring_sqe *sqe, int op, __u32 cmd_op,
		int fd) LIBURING_NOEXCEPT;

/*
 * Prepares a request that sends the command cmd_op to the driver of the file
 * fd.
 *
 * Store the command's own data in the SQE after this call: 16 bytes at cmd, or
 * up to 80 with IORING_SETUP_SQE128. The completion's res is the driver's
 * result or -errno, -EOPNOTSUPP if the driver has no commands.
 * Since liburing 2.13, kernel 5.19.
 */
void io_uring_prep_uring_cmd(struct io_uring_sqe *sqe, int cmd_op,
		int fd) LIBURING_NOEXCEPT;

/*
 * Prepares a request that sends the command cmd_op to the file fd, in an SQE of
 * 128 bytes.
 *
 * sqe comes from io_uring_get_sqe128(); the command's own data has 80 bytes at
 * cmd. The completion's res is the driver's result or -errno.
 * Since liburing 2.13, kernel 6.19.
 */
void io_uring_prep_uring_cmd128(struct io_uring_sqe *sqe, int cmd_op,
		int fd) LIBURING_NOEXCEPT;

/*
 * Prepares a socket command request, for example to get or set an option.
 *
 * cmd_op is a SOCKET_URING_OP_*. level, optname, optval and optlen are those of
 * setsockopt(2) and only for the two option commands (kernel 6.7). optval must
 * stay valid until the request completes. The completion's res is the command's
 * result, for SOCKET_URING_OP_GETSOCKOPT the option's length, or -errno:
 * -EOPNOTSUPP if fd is not a socket.
 * Since liburing 2.5, kernel 6.6.
 */
void io_uring_prep_cmd_sock(struct io_uring_sqe *sqe, int cmd_op, int fd,
		int level, int optname, void *optval,
		int optlen) LIBURING_NOEXCEPT;

/*
 * Prepares a getsockname(2) request for the socket fd, or a getpeername(2)
 * request if peer is 1.
 *
 * *sockaddr_len is the size of the memory at sockaddr, and is set to the
 * address's full length. Both must stay valid until the request completes. The
 * completion's res is 0 or -errno, as from getsockname(2) and getpeername(2),
 * but -EOPNOTSUPP if fd is not a socket.
 * Since liburing 2.13, kernel 6.19.
 */
void io_uring_prep_cmd_getsockname(struct io_uring_sqe *sqe, int fd,
		struct sockaddr *sockaddr, socklen_t *sockaddr_len,
		int peer) LIBURING_NOEXCEPT;

/*
 * Prepares a request that discards nbytes bytes at offset of the block device
 * fd.
 *
 * Both are multiples of the device's block size. The request doesn't wait for
 * writes in flight to the range, and drops the range from the page cache only
 * if possible: nothing else should use the range meanwhile. The completion's
 * res is 0 or -errno.
 * Since liburing 2.8, kernel 6.12.
 */
void io_uring_prep_cmd_discard(struct io_uring_sqe *sqe, int fd,
		uint64_t offset, uint64_t nbytes) LIBURING_NOEXCEPT;

/*
 * Prepares a request that resets all sequential zones of the zoned block device
 * fd.
 *
 * These zones are empty afterwards, and their data is lost. The request doesn't
 * wait for requests in flight to the device, and drops the page cache only if
 * possible: nothing else should use the device meanwhile. The completion's res
 * is 0 or -errno, -EOPNOTSUPP if fd is not a zoned block device, -EINVAL if the
 * kernel doesn't have the command.
 * Since liburing 2.16.
 */
void io_uring_prep_cmd_zone_reset_all(struct io_uring_sqe *sqe,
		int fd) LIBURING_NOEXCEPT;

/*
 * The ring: supported operations, fill levels of the queues, the next
 * completion, the next free slot.
 */

/*
 * Returns whether the kernel that filled the probe p supports the operation op,
 * an IORING_OP_*.
 *
 * Returns 1 or 0; 0 for a negative op, and for one that is not among the
 * p->ops_len operations of the probe. Get a probe with io_uring_get_probe().
 * Since liburing 2.0, kernel 5.6.
 */
int io_uring_opcode_supported(const struct io_uring_probe *p,
		int op) LIBURING_NOEXCEPT;

/*
 * Returns the number of SQEs that the kernel has consumed.
 *
 * The number wraps at 2^32 and isn't masked. With IORING_SETUP_SQPOLL it may
 * change at any time.
 * Since liburing 2.10.
 */
unsigned io_uring_load_sq_head(const struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Returns the number of SQEs in use: obtained from the ring and not consumed by
 * the kernel yet.
 *
 * This includes SQEs not submitted yet and, with IORING_SETUP_SQPOLL, those
 * that the submission thread hasn't consumed.
 * Since liburing 2.0.
 */
unsigned io_uring_sq_ready(const struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Returns the number of SQEs that can be obtained before the queue is full.
 *
 * Since liburing 2.0.
 */
unsigned io_uring_sq_space_left(const struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Returns the number of used slots in the completion queue.
 *
 * This is the number of CQEs, where a CQE that takes two slots counts twice.
 * Overflowed completions aren't included.
 * Since liburing 2.0.
 */
unsigned io_uring_cq_ready(const struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Returns whether the kernel holds back completions because the completion
 * queue was full.
 *
 * Entering the kernel for completions moves them into the queue, for example
 * with io_uring_get_events().
 * Since liburing 2.3, kernel 5.8.
 */
bool io_uring_cq_has_overflow(const struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Returns whether completions signal the registered eventfd.
 *
 * The result is also true if none is registered, and on kernels before 5.8,
 * which can't disable the signals.
 * Since liburing 2.0, kernel 5.8.
 */
bool io_uring_cq_eventfd_enabled(const struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Enables or disables the signals to the registered eventfd.
 *
 * Needs no system call and no registered eventfd; the setting also applies to
 * one registered later. Returns 0, or -EOPNOTSUPP if the kernel can't disable
 * them (before 5.8).
 * Since liburing 2.0, kernel 5.8.
 */
int io_uring_cq_eventfd_toggle(struct io_uring *ring,
		bool enabled) LIBURING_NOEXCEPT;

/*
 * Removes the oldest CQE from the queue if it isn't for the application.
 *
 * This is a filler entry (IORING_CQE_F_SKIP) or, before kernel 5.11, the
 * completion of the library's own timeout, whose error is stored in *err.
 * Returns true if the caller should check the next CQE: this one was removed
 * and *err is 0. Local to the header.
 * Since liburing 2.13.
 */
_LOCAL_INLINE bool io_uring_skip_cqe(struct io_uring *ring,
		struct io_uring_cqe *cqe, int *err)
	LIBURING_NOEXCEPT
{
	if ((cqe->flags & IORING_CQE_F_SKIP) == 0) {
		/*
		 * With EXT_ARG the timeout is an argument of the system call
		 * and posts no CQE. Before, the CQE of the library's own
		 * timeout has LIBURING_UDATA_TIMEOUT, all bits set; the
		 * comparison avoids that constant because -Wlong-long reports
		 * its ULL suffix.
		 */
		if ((ring->features & IORING_FEAT_EXT_ARG) != 0 ||
				~cqe->user_data != 0)
			return false;
		if (cqe->res < 0)
			*err = cqe->res;
	}
	io_uring_cq_advance(ring, io_uring_cqe_nr(cqe));
	return *err == 0;
}

/*
 * Returns the oldest completion without ever entering the kernel.
 *
 * Sets *cqe_ptr, to NULL if none is ready, and returns 0; or -errno, with NULL,
 * if the library's own timeout ended a wait (before kernel 5.11). Unless
 * nr_available is NULL, stores the number of used slots from that CQE on.
 * Internal to the library: applications use io_uring_peek_cqe() and
 * io_uring_wait_cqe().
 * Since liburing 2.0.
 */
int __io_uring_peek_cqe(struct io_uring *ring, struct io_uring_cqe **cqe_ptr,
		unsigned *nr_available) LIBURING_NOEXCEPT;

/*
 * Returns the next free SQE; the body of io_uring_get_sqe().
 *
 * Since liburing 2.2.
 */
struct io_uring_sqe *_io_uring_get_sqe(struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Returns the next free SQE, for a prep helper and io_uring_submit().
 *
 * Returns NULL if the submission queue is full: submit, then call it again. The
 * slot will be submitted, so fill it. user_data still has its previous value.
 * Since liburing 2.0.
 */
struct io_uring_sqe *io_uring_get_sqe(struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Returns the next free SQE of 128 bytes, for an operation of that size such as
 * IORING_OP_URING_CMD128.
 *
 * With IORING_SETUP_SQE_MIXED it takes two adjacent slots; if the next slot is
 * the last one before the wrap, that one becomes a nop that posts no CQE, which
 * ends a chain of links. With IORING_SETUP_SQE128 it is any SQE. Returns NULL
 * if there isn't room, or if the ring has neither flag.
 * Since liburing 2.13, kernel 6.19.
 */
struct io_uring_sqe *io_uring_get_sqe128(struct io_uring *ring)
	LIBURING_NOEXCEPT;

/*
 * Buffer rings: the application adds buffers at the tail, the kernel takes them
 * at the head.
 */

/*
 * Returns the mask that turns an index into a position in a ring of
 * ring_entries buffers.
 *
 * ring_entries is a power of two. The result is the mask argument of
 * io_uring_buf_ring_add().
 * Since liburing 2.2.
 */
int io_uring_buf_ring_mask(__u32 ring_entries) LIBURING_NOEXCEPT;

/*
 * Initializes a buffer ring in the application's own memory as empty.
 *
 * Call it before adding buffers, except after io_uring_setup_buf_ring(), which
 * does it itself.
 * Since liburing 2.2.
 */
void io_uring_buf_ring_init(struct io_uring_buf_ring *br) LIBURING_NOEXCEPT;

/*
 * Adds a buffer to the ring, not yet visible to the kernel.
 *
 * addr and len are the buffer, which the kernel owns from
 * io_uring_buf_ring_advance() until a completion reports its ID bid. buf_offset
 * is the number of buffers added since the last advance. mask comes from
 * io_uring_buf_ring_mask(). Nothing checks that the ring has room.
 * Since liburing 2.2, kernel 5.19.
 */
void io_uring_buf_ring_add(struct io_uring_buf_ring *br, void *addr,
		unsigned len, unsigned short bid, int mask,
		int buf_offset) LIBURING_NOEXCEPT;

/*
 * Makes the count buffers added last visible to the kernel.
 *
 * Since liburing 2.2, kernel 5.19.
 */
void io_uring_buf_ring_advance(struct io_uring_buf_ring *br,
		int count) LIBURING_NOEXCEPT;

/*
 * Makes buf_count buffers visible to the kernel and returns cq_count completion
 * slots to it.
 *
 * The same as io_uring_buf_ring_advance() followed by io_uring_cq_advance().
 * Since liburing 2.4, kernel 5.19.
 */
void __io_uring_buf_ring_cq_advance(struct io_uring *ring,
		struct io_uring_buf_ring *br, int cq_count,
		int buf_count) LIBURING_NOEXCEPT;

/*
 * Makes count buffers visible to the kernel and returns as many completion
 * slots to it.
 *
 * Use it after a loop in which each completion used one buffer and that buffer
 * was added again.
 * Since liburing 2.2, kernel 5.19.
 */
void io_uring_buf_ring_cq_advance(struct io_uring *ring,
		struct io_uring_buf_ring *br, int count) LIBURING_NOEXCEPT;

/*
 * The parts of a provided buffer filled by io_uring_prep_recvmsg_multishot(): a
 * header (struct io_uring_recvmsg_out), the address, the control data, the
 * payload.
 */

/*
 * Returns the header in the buffer buf of a multishot recvmsg, after checking
 * the buffer's length.
 *
 * buf_len is the completion's res, msgh the request's message header. Returns
 * the start of buf, or NULL if buf_len is negative or too small for the header,
 * the address and the control data.
 * Since liburing 2.3.
 */
struct io_uring_recvmsg_out *io_uring_recvmsg_validate(void *buf, int buf_len,
		struct msghdr *msgh) LIBURING_NOEXCEPT;

/*
 * Returns the start of the sender's address.
 *
 * o comes from io_uring_recvmsg_validate(). o->namelen is the address's full
 * length; if it exceeds the request's msg_namelen, the address was truncated.
 * Since liburing 2.3.
 */
void *io_uring_recvmsg_name(struct io_uring_recvmsg_out *o) LIBURING_NOEXCEPT;

/*
 * Returns the first control message, or NULL if there is none.
 *
 * o comes from io_uring_recvmsg_validate(), msgh is the request's message
 * header.
 * Since liburing 2.3.
 */
struct cmsghdr *io_uring_recvmsg_cmsg_firsthdr(struct io_uring_recvmsg_out *o,
		struct msghdr *msgh) LIBURING_NOEXCEPT;

/*
 * Returns the control message after cmsg, or NULL if that was the last complete
 * one.
 *
 * o and msgh are those of io_uring_recvmsg_cmsg_firsthdr(). cmsg comes from
 * that function or from this one.
 * Since liburing 2.3.
 */
struct cmsghdr *io_uring_recvmsg_cmsg_nexthdr(struct io_uring_recvmsg_out *o,
		struct msghdr *msgh, struct cmsghdr *cmsg) LIBURING_NOEXCEPT;

/*
 * Returns the start of the payload.
 *
 * o comes from io_uring_recvmsg_validate(), msgh is the request's message
 * header.
 * Since liburing 2.3.
 */
void *io_uring_recvmsg_payload(struct io_uring_recvmsg_out *o,
		struct msghdr *msgh) LIBURING_NOEXCEPT;

/*
 * Returns the number of bytes of payload in the buffer.
 *
 * buf_len is the completion's res. The result is 0 if that is negative or
 * doesn't reach the payload. o->payloadlen is what recvmsg(2) would have
 * returned: with MSG_TRUNC the full length, which may be more than the buffer
 * holds.
 * Since liburing 2.3.
 */
unsigned io_uring_recvmsg_payload_length(struct io_uring_recvmsg_out *o,
		int buf_len, struct msghdr *msgh) LIBURING_NOEXCEPT;

/*
 * The helpers that call functions of the library, and so may enter the kernel.
 */

/*
 * Waits for room in the submission queue of a ring with IORING_SETUP_SQPOLL.
 *
 * The submission thread only consumes submitted entries, so submit first.
 * Returns 0 at once if there is room, or if the ring doesn't have
 * IORING_SETUP_SQPOLL; otherwise the kernel's result: 0 after the wait or a
 * signal, or -errno, which is -EINVAL before kernel 5.10.
 * Since liburing 2.0, kernel 5.10.
 */
int io_uring_sqring_wait(struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Waits until wait_nr completions are ready, and returns the oldest one.
 *
 * Doesn't enter the kernel if as many are ready, and submits nothing. wait_nr
 * counts slots: a CQE of 32 bytes on an IORING_SETUP_CQE_MIXED ring takes two.
 * Returns 0 with *cqe_ptr set (with fewer than wait_nr after a signal or the
 * end of a timeout request), or -errno: -EINTR if a signal arrived while none
 * was ready; with wait_nr 0, -EAGAIN if there is none. The CQE stays in the
 * queue until io_uring_cqe_seen().
 * Since liburing 2.0.
 */
int io_uring_wait_cqe_nr(struct io_uring *ring, struct io_uring_cqe **cqe_ptr,
		unsigned wait_nr) LIBURING_NOEXCEPT;

/*
 * Returns the oldest completion without waiting.
 *
 * Enters the kernel only if that can post one: completions overflowed, task
 * work is pending, or the ring has IORING_SETUP_IOPOLL. With
 * IORING_SETUP_DEFER_TASKRUN it only notices pending work if the ring has
 * IORING_SETUP_TASKRUN_FLAG. Returns 0 with *cqe_ptr set, or -errno: -EAGAIN if
 * there is none. The CQE stays in the queue until io_uring_cqe_seen().
 * Since liburing 2.0.
 */
int io_uring_peek_cqe(struct io_uring *ring,
		struct io_uring_cqe **cqe_ptr) LIBURING_NOEXCEPT;

/*
 * Waits for a completion and returns the oldest one.
 *
 * Doesn't enter the kernel if one is ready, and submits nothing. Returns 0 with
 * *cqe_ptr set, or -errno, such as -EINTR after a signal. The CQE stays in the
 * queue until io_uring_cqe_seen().
 * Since liburing 2.0.
 */
int io_uring_wait_cqe(struct io_uring *ring,
		struct io_uring_cqe **cqe_ptr) LIBURING_NOEXCEPT;

/*
 * Returns the number of buffers in the group bgid that the kernel hasn't taken
 * yet.
 *
 * Gets the head from the kernel, so while requests run the number may already
 * be out of date. It fits into 16 bits.
 * Returns -errno on failure: -ENOENT for an unknown group, -EINVAL if it isn't
 * a buffer ring or the kernel is older than 6.8.
 * Since liburing 2.6, kernel 6.8.
 */
int io_uring_buf_ring_available(struct io_uring *ring,
		struct io_uring_buf_ring *br,
		unsigned short bgid) LIBURING_NOEXCEPT;

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
