/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * io_uring for programs: rings, requests, completions.
 *
 * Made by `cargo xtask gen` from the Rust source of ironring.
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
/* Before the structure of the same name, or -Wshadow sees a hidden constructor. */
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
 * system's definitions, which must have all that is used below.
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
 * serve this header. A C++20 module can export inline functions, but not
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

/* The system calls' numbers, where the system's headers are too old for them. */
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

/* Conversions that both languages take without complaint. */
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
 * Under ThreadSanitizer: what a thread did before it attached a value to a
 * request happened before what another one does after it has read that value
 * from the completion. The kernel sees to that, which the sanitizer can't see. A
 * value needn't be an address, so one of these bytes stands for it.
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

/* The library's own types: a ring as the application holds it. */

/*
 * The submission queue of a ring. Names that begin with k point into memory
 * shared with the kernel.
 */
struct io_uring_sq {
	/* The next slot that the kernel takes; only the kernel writes it. */
	unsigned *khead;
	/*
	 * The slot behind the last one submitted; only the library writes it.
	 */
	unsigned *ktail;
	/* Deprecated: ring_mask holds the same value. */
	unsigned *kring_mask;
	/* Deprecated: ring_entries holds the same value. */
	unsigned *kring_entries;
	unsigned *kflags;	/* IORING_SQ_* bits from the kernel. */
	/*
	 * How many slots the kernel skipped because they held no valid index.
	 */
	unsigned *kdropped;
	/*
	 * Index of the entry in each slot; null with IORING_SETUP_NO_SQARRAY.
	 */
	unsigned *array;
	struct io_uring_sqe *sqes;	/* The entries. */
	/* The first entry not yet handed to the kernel. */
	unsigned sqe_head;
	/* The slot behind the last entry given to the application. */
	unsigned sqe_tail;
	size_t ring_sz;	/* Bytes mapped at ring_ptr. */
	void *ring_ptr;	/* The mapped ring. */
	unsigned ring_mask;	/* ring_entries minus one. */
	unsigned ring_entries;	/* Number of slots, a power of two. */
	unsigned sqes_sz;	/* Bytes mapped at sqes. */
	unsigned pad;	/* Unused. */
};

/*
 * The completion queue of a ring. Names that begin with k point into memory
 * shared with the kernel.
 */
struct io_uring_cq {
	/* The next entry to read; only the library writes it. */
	unsigned *khead;
	/* The slot behind the last entry posted; only the kernel writes it. */
	unsigned *ktail;
	/* Deprecated: ring_mask holds the same value. */
	unsigned *kring_mask;
	/* Deprecated: ring_entries holds the same value. */
	unsigned *kring_entries;
	/*
	 * IORING_CQ_* bits for the kernel; null on kernels that have none of
	 * them.
	 */
	unsigned *kflags;
	unsigned *koverflow;	/* How many completions were lost. */
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

/*
 * A ring. The application provides the memory and keeps it at one place; the
 * library fills it in.
 */
struct io_uring {
	struct io_uring_sq sq;	/* The submission queue. */
	struct io_uring_cq cq;	/* The completion queue. */
	/* IORING_SETUP_* bits that the ring was made with. */
	unsigned flags;
	/* The ring's file descriptor, or -1 when it has none. */
	int ring_fd;
	unsigned features;	/* IORING_FEAT_* bits of the kernel. */
	/*
	 * What io_uring_enter() gets: ring_fd, or an index when the ring is
	 * registered.
	 */
	int enter_ring_fd;
	__u8 int_flags;	/* The library's own; do not touch. */
	__u8 pad[3];	/* Unused. */
	unsigned pad2;	/* Unused. */
};

/*
 * The refill queue of zero-copy receive: pieces of memory that go back to the
 * kernel.
 */
struct io_uring_zcrx_rq {
	/* The next entry that the kernel takes; only the kernel writes it. */
	__u32 *khead;
	/*
	 * The slot behind the last entry added; only the application writes it.
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

/* A walk over the completions that are there, from io_uring_cqe_iter_init(). */
struct io_uring_cqe_iter {
	struct io_uring_cqe *cqes;	/* The entries of the queue. */
	unsigned mask;	/* Number of slots minus one. */
	unsigned shift;	/* 1 when every entry has 32 bytes, else 0. */
	unsigned head;	/* The next slot to look at. */
	unsigned tail;	/* Where the walk ends. */
};

/*
 * user_data of the timeouts that the library submits itself on kernels without
 * IORING_FEAT_EXT_ARG.
 */
#define LIBURING_UDATA_TIMEOUT	(~0ULL)

/* Creating and exiting a ring. */

/*
 * Makes a ring whose memory is the application's own buffer.
 *
 * entries and p are as for io_uring_queue_init_params(); IORING_SETUP_NO_MMAP
 * is added to p->flags. buf starts at a page and has buf_size bytes, physically
 * contiguous where the ring is larger than a page on kernels before 6.10 (a
 * huge page); it must stay mapped until after io_uring_queue_exit(), which
 * doesn't free it. It needn't be zero.
 * Returns the number of bytes used of buf (whole pages: another ring can start
 * there), or -errno: -ENOMEM when buf_size is too small (nothing is written
 * then), -EINVAL for impossible sizes, else what the kernel says.
 * Since liburing 2.5, kernel 6.5.
 */
int io_uring_queue_init_mem(unsigned entries, struct io_uring *ring,
		struct io_uring_params *p, void *buf,
		size_t buf_size) LIBURING_NOEXCEPT;

/*
 * Makes a ring with all the choices of struct io_uring_params.
 *
 * entries is the number of SQ entries, rounded up to a power of two; the CQ has
 * twice as many unless IORING_SETUP_CQSIZE says otherwise. p must be zeroed but
 * for the wishes in it; it comes back with the sizes, offsets, flags and
 * features of the ring, and is not needed afterwards. ring is written whole.
 * Returns 0, or -errno: -EINVAL for impossible sizes or flags, -ENOSYS or
 * -EPERM when the system has no io_uring for this process, -EFAULT for NULL
 * where it has, -ENOMEM, -EMFILE, and what else io_uring_setup(2) says. After
 * an error there is nothing to undo, and io_uring_queue_exit() does nothing.
 * Since liburing 2.0, kernel 5.1.
 */
int io_uring_queue_init_params(unsigned entries, struct io_uring *ring,
		struct io_uring_params *p) LIBURING_NOEXCEPT;

/*
 * Makes a ring of entries SQ entries with IORING_SETUP_ flags.
 *
 * The short form of io_uring_queue_init_params(), with the same results.
 * Since liburing 2.0, kernel 5.1.
 */
int io_uring_queue_init(unsigned entries, struct io_uring *ring,
		unsigned flags) LIBURING_NOEXCEPT;

/*
 * Maps a ring that io_uring_setup() has made, and sets up ring for it.
 *
 * fd is the ring's descriptor and p what io_uring_setup() filled in. The
 * descriptor belongs to ring from then on: io_uring_queue_exit() closes it. The
 * SQ array, when the ring has one, is the caller's to fill.
 * Returns 0, or -errno of mmap(2); then nothing is mapped and fd is still the
 * caller's.
 * Since liburing 2.0, kernel 5.1.
 */
int io_uring_queue_mmap(int fd, struct io_uring_params *p,
		struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Keeps the ring's memory out of children that are forked later.
 *
 * A child that touches the ring then faults instead of disturbing the parent.
 * Memory given to io_uring_queue_init_mem() is covered in whole pages.
 * Returns 0, or -errno: -EINVAL when ring is not mapped, or would cover a part
 * of a huge page (then it covers nothing), else what madvise(2) says.
 * Since liburing 2.0.
 */
int io_uring_ring_dontfork(struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Takes a ring down: unmaps its memory and closes its descriptor.
 *
 * Requests still in flight are canceled by the kernel in time; buffers that
 * they use must outlive them. Memory given to io_uring_queue_init_mem() is not
 * unmapped. Call it once for each ring; after a failed init it does nothing.
 * ring must not be used afterwards.
 * Since liburing 2.0.
 */
void io_uring_queue_exit(struct io_uring *ring) LIBURING_NOEXCEPT;

/* Where a ring's memory lies: sizes, mappings, and the pointers into them. */

/*
 * Returns how many bytes of memory a ring with these parameters takes.
 *
 * entries and p are as for io_uring_queue_init_params(); p is only read. The
 * result, in whole pages, is the size of the buffer that
 * io_uring_queue_init_mem() needs at most.
 * Returns the size in bytes; -EINVAL when entries is 0, or above 32768 without
 * IORING_SETUP_CLAMP, or when IORING_SETUP_CQSIZE asks for an impossible CQ.
 * Since liburing 2.11.
 */
ssize_t io_uring_memory_size_params(unsigned entries,
		struct io_uring_params *p) LIBURING_NOEXCEPT;

/*
 * Returns how many bytes of memory a ring takes, from its setup flags alone.
 *
 * entries is the number of SQ entries, flags are IORING_SETUP_ flags; otherwise
 * as io_uring_memory_size_params().
 * Since liburing 2.11.
 */
ssize_t io_uring_memory_size(unsigned entries,
		unsigned flags) LIBURING_NOEXCEPT;

/*
 * Returns how many bytes of locked memory (ulimit -l) a ring with these
 * parameters needs.
 *
 * To find out, a plain ring is made and closed again. With kernels before 5.12,
 * or where that ring can't be made, the answer is the size of
 * io_uring_memory_size_params(), else 0; newer kernels (6.14) count rings as
 * locked all the same.
 * Returns the size in bytes, or -EINVAL as io_uring_memory_size_params() does.
 * Since liburing 2.1.
 */
ssize_t io_uring_mlock_size_params(unsigned entries,
		struct io_uring_params *p) LIBURING_NOEXCEPT;

/*
 * Returns how many bytes of locked memory (ulimit -l) a ring needs, from its
 * setup flags alone.
 *
 * entries is the number of SQ entries, flags are IORING_SETUP_ flags; otherwise
 * as io_uring_mlock_size_params().
 * Since liburing 2.1.
 */
ssize_t io_uring_mlock_size(unsigned entries, unsigned flags) LIBURING_NOEXCEPT;

/* The queues at work: submit and peek. */

/*
 * Lets the kernel post the completions that it holds back.
 *
 * That is: flushes an overflown CQ, runs deferred task work, polls once with
 * IOPOLL. Doesn't wait or submit.
 * Returns 0, or -errno of io_uring_enter(2).
 * Since liburing 2.3.
 */
int io_uring_get_events(struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Gives the completions that are there, up to count, without waiting.
 *
 * Stores pointers into the CQ in the array cqes, oldest first; they stay valid
 * until io_uring_cq_advance(). When the CQ is empty and the kernel holds
 * completions back (overflow, deferred work), it is entered once; what it says
 * then isn't told. A ring with IORING_SETUP_IOPOLL is not polled:
 * io_uring_peek_cqe() does that.
 * Returns how many pointers were stored, 0 when there is nothing. On a ring
 * with IORING_SETUP_CQE_MIXED a completion may take two slots: advance by the
 * sum of io_uring_cqe_nr(), not by the number returned.
 * Since liburing 2.0.
 */
unsigned io_uring_peek_batch_cqe(struct io_uring *ring,
		struct io_uring_cqe **cqes, unsigned count) LIBURING_NOEXCEPT;

/*
 * Submits everything queued.
 *
 * Entries from io_uring_get_sqe() go to the kernel in order. Without SQPOLL the
 * kernel has read them when the call returns; what they point to must stay
 * valid as each request's page says.
 * Returns the number of entries submitted, fewer than queued when one was
 * refused (its completion tells), or -errno: -EAGAIN (no memory for requests),
 * -EEXIST (the ring is another thread's), -EBADFD (it is disabled), -EOWNERDEAD
 * (the SQPOLL thread is gone), and what else io_uring_enter(2) says. Entries
 * that were not taken stay queued. With SQPOLL the number is what the thread
 * has still to take: don't add such numbers up.
 * Since liburing 2.0.
 */
int io_uring_submit(struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Submits everything queued and waits for wait_nr completions, in one system
 * call.
 *
 * When fewer entries are taken than were queued it doesn't wait.
 * Returns the number of entries submitted, or -errno as io_uring_submit() and,
 * when none was, -EINTR for a signal and -EBADR when completions were lost.
 * Completions are then read with io_uring_peek_cqe(), io_uring_for_each_cqe()
 * and their relatives.
 * Since liburing 2.0.
 */
int io_uring_submit_and_wait(struct io_uring *ring,
		unsigned wait_nr) LIBURING_NOEXCEPT;

/*
 * Submits everything queued and lets the kernel post the completions that it
 * holds back.
 *
 * io_uring_submit() and io_uring_get_events() in one system call.
 * Returns the number of entries submitted, or -errno as io_uring_submit().
 * Since liburing 2.3.
 */
int io_uring_submit_and_get_events(struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Waits until the kernel's SQPOLL thread has freed a place in the SQ: what
 * io_uring_sqring_wait() calls.
 *
 * Returns 0 or more, or -errno: -EINVAL on kernels before 5.10.
 * Since liburing 2.0, kernel 5.10.
 */
int __io_uring_sqring_wait(struct io_uring *ring) LIBURING_NOEXCEPT;

/* Waiting for completions. */

/*
 * Waits for completions, submitting first: what the header's wait and peek
 * helpers call.
 *
 * Submits submit entries, waits for wait_nr completions with the signal mask
 * sigmask (may be NULL), and stores the first completion in *cqe_ptr. For
 * programs there are io_uring_wait_cqe() and its relatives.
 * Returns 0 or more, or -errno (then *cqe_ptr may be NULL): -EAGAIN when there
 * is nothing and nothing to wait for.
 * Since liburing 2.0.
 */
int __io_uring_get_cqe(struct io_uring *ring, struct io_uring_cqe **cqe_ptr,
		unsigned submit, unsigned wait_nr,
		sigset_t *sigmask) LIBURING_NOEXCEPT;

/*
 * Waits for wait_nr completions, with a timeout.
 *
 * ts is a relative time or NULL for no limit; sigmask, when not NULL, replaces
 * the signal mask during the wait. Both are only read during the call. The
 * first completion is stored in *cqe_ptr, NULL when there is none. On kernels
 * before 5.11 a time limit takes an SQE and submits everything queued (then one
 * thread must do both sides, and no request may use the user data
 * LIBURING_UDATA_TIMEOUT); later ones only wait. On a ring with
 * IORING_SETUP_IOPOLL neither has an effect.
 * Returns 0 (with fewer than wait_nr when the time is over and some are there;
 * before 5.11 the number submitted), or -errno: -ETIME when the time is over
 * and none is there, -EINTR for a signal, -EAGAIN.
 * Since liburing 2.0.
 */
int io_uring_wait_cqes(struct io_uring *ring, struct io_uring_cqe **cqe_ptr,
		unsigned wait_nr, struct __kernel_timespec *ts,
		sigset_t *sigmask) LIBURING_NOEXCEPT;

/*
 * Waits for wait_nr completions, but settles for fewer after a shorter time.
 *
 * As io_uring_wait_cqes(); after min_ts_usec microseconds it returns as soon as
 * there is one completion. A shorter ts is stretched to that time; with ts NULL
 * it is the limit too.
 * Returns 0 or more, or -errno: -EINVAL when the kernel lacks
 * IORING_FEAT_MIN_TIMEOUT, -ETIME, -EINTR.
 * Since liburing 2.8, kernel 6.12.
 */
int io_uring_wait_cqes_min_timeout(struct io_uring *ring,
		struct io_uring_cqe **cqe_ptr, unsigned wait_nr,
		struct __kernel_timespec *ts, unsigned min_ts_usec,
		sigset_t *sigmask) LIBURING_NOEXCEPT;

/*
 * Waits for one completion, with a timeout.
 *
 * io_uring_wait_cqes() with one completion and no signal mask.
 * Since liburing 2.0.
 */
int io_uring_wait_cqe_timeout(struct io_uring *ring,
		struct io_uring_cqe **cqe_ptr,
		struct __kernel_timespec *ts) LIBURING_NOEXCEPT;

/*
 * Submits everything queued and waits for wait_nr completions with a timeout,
 * in one system call.
 *
 * ts is a relative time or NULL for no limit; sigmask, when not NULL, replaces
 * the signal mask during the wait. Both are only read during the call. The
 * first completion is stored in *cqe_ptr, NULL when there is none.
 * Returns the number of entries submitted (0 when completions were there
 * already), or -errno: -ETIME when the time is over and nothing was submitted,
 * -EINTR for a signal, and what io_uring_submit() returns.
 * Since liburing 2.2.
 */
int io_uring_submit_and_wait_timeout(struct io_uring *ring,
		struct io_uring_cqe **cqe_ptr, unsigned wait_nr,
		struct __kernel_timespec *ts,
		sigset_t *sigmask) LIBURING_NOEXCEPT;

/*
 * Submits and waits with a time limit, but settles for fewer completions after
 * a shorter time.
 *
 * As io_uring_submit_and_wait_timeout(); after min_wait microseconds it returns
 * as soon as there is one. A shorter ts is stretched to that time; with ts
 * NULL, min_wait has no effect.
 * Returns as that does, and -EINVAL when the kernel lacks
 * IORING_FEAT_MIN_TIMEOUT.
 * Since liburing 2.8, kernel 6.12.
 */
int io_uring_submit_and_wait_min_timeout(struct io_uring *ring,
		struct io_uring_cqe **cqe_ptr, unsigned wait_nr,
		struct __kernel_timespec *ts, unsigned min_wait,
		sigset_t *sigmask) LIBURING_NOEXCEPT;

/*
 * Submits everything queued and waits as a registered struct io_uring_reg_wait
 * says.
 *
 * reg_index is the index of that structure in the region registered with
 * io_uring_register_region() and IORING_MEM_REGION_REG_WAIT_ARG; the kernel
 * reads it without copying. The first completion is stored in *cqe_ptr, NULL
 * when there is none.
 * Returns the number of entries submitted, or -errno: -EINVAL when the kernel
 * lacks IORING_FEAT_EXT_ARG (nothing is submitted then) or the ring has
 * IORING_SETUP_IOPOLL, -EFAULT for an index outside the region, -ETIME, -EINTR.
 * What is wrong with the wait isn't told when something was submitted.
 * Since liburing 2.9, kernel 6.13.
 */
int io_uring_submit_and_wait_reg(struct io_uring *ring,
		struct io_uring_cqe **cqe_ptr, unsigned wait_nr,
		int reg_index) LIBURING_NOEXCEPT;

/*
 * What io_uring_register does for a ring as a whole: its own descriptor,
 * events, restrictions, workers, and more. Files and buffers are in
 * resources(crate::resources).
 */

/*
 * Registers an eventfd that is signalled at each completion.
 *
 * fd comes from eventfd(2); the kernel keeps a reference. One can be registered
 * at a time.
 * Returns 0, or -errno: -EBUSY when one is registered already, -EBADF or
 * -EINVAL for a wrong descriptor.
 * Since liburing 2.0, kernel 5.2.
 */
int io_uring_register_eventfd(struct io_uring *ring, int fd) LIBURING_NOEXCEPT;

/*
 * Registers an eventfd that is signalled only at completions posted by the
 * ring's worker threads.
 *
 * Otherwise as io_uring_register_eventfd().
 * Since liburing 2.0, kernel 5.6.
 */
int io_uring_register_eventfd_async(struct io_uring *ring,
		int fd) LIBURING_NOEXCEPT;

/*
 * Unregisters the eventfd.
 *
 * Returns 0, or -errno: -ENXIO when none is registered.
 * Since liburing 2.0, kernel 5.2.
 */
int io_uring_unregister_eventfd(struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Asks the kernel which opcodes it has.
 *
 * p has room for nr (at most 256) struct io_uring_probe_op behind it and must
 * be zeroed; the kernel fills it. io_uring_get_probe_ring() does the same with
 * memory of its own.
 * Returns 0, or -errno: -EINVAL on kernels before 5.6 or when p was not zeroed.
 * Since liburing 2.0, kernel 5.6.
 */
int io_uring_register_probe(struct io_uring *ring, struct io_uring_probe *p,
		unsigned nr) LIBURING_NOEXCEPT;

/*
 * Registers the caller's credentials, for requests to be made under later.
 *
 * Returns an id to put into sqe->personality, or -errno.
 * Since liburing 2.0, kernel 5.6.
 */
int io_uring_register_personality(struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Unregisters the credentials id.
 *
 * Returns 0, or -errno: -EINVAL when there is no such id.
 * Since liburing 2.0, kernel 5.6.
 */
int io_uring_unregister_personality(struct io_uring *ring,
		int id) LIBURING_NOEXCEPT;

/*
 * Limits what the ring may do from now on.
 *
 * res holds nr_res permissions (read during the call); everything else is
 * refused with -EACCES. Only for a ring made with IORING_SETUP_R_DISABLED and
 * not enabled yet, and only once.
 * Returns 0, or -errno: -EBADFD when the ring is enabled, -EBUSY when it has
 * restrictions, -EINVAL.
 * Since liburing 2.4, kernel 5.10.
 */
int io_uring_register_restrictions(struct io_uring *ring,
		struct io_uring_restriction *res,
		unsigned nr_res) LIBURING_NOEXCEPT;

/*
 * Enables a ring that was made with IORING_SETUP_R_DISABLED.
 *
 * Returns 0, or -errno: -EBADFD when it is enabled already.
 * Since liburing 2.4, kernel 5.10.
 */
int io_uring_enable_rings(struct io_uring *ring) LIBURING_NOEXCEPT;

#ifdef _GNU_SOURCE
/*
 * Binds the calling thread's worker threads, those that start from now on, to
 * the processors in mask.
 *
 * mask has cpusz bytes and is read during the call.
 * Returns 0, or -errno: -EINVAL when cpusz is 2 GiB or more, or mask is not
 * usable.
 * Needs _GNU_SOURCE.
 * Since liburing 2.1, kernel 5.14.
 */
int io_uring_register_iowq_aff(struct io_uring *ring, size_t cpusz,
		const cpu_set_t *mask) LIBURING_NOEXCEPT;
#endif

/*
 * Lets the ring's worker threads run on any processor again.
 *
 * Returns 0, or -errno.
 * Since liburing 2.1, kernel 5.14.
 */
int io_uring_unregister_iowq_aff(struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Sets how many worker threads the ring may have.
 *
 * values[0] is for bounded work (files, block devices), values[1] for unbounded
 * (sockets, pipes); 0 changes nothing. The values before the call come back in
 * their place.
 * Returns 0, or -errno.
 * Since liburing 2.1, kernel 5.15.
 */
int io_uring_register_iowq_max_workers(struct io_uring *ring,
		unsigned *values) LIBURING_NOEXCEPT;

/*
 * Registers the ring's own descriptor, which makes each later call of this
 * thread a little cheaper.
 *
 * The index belongs to the calling thread alone: other threads must not use
 * this ring afterwards.
 * Returns 1, or -errno: -EEXIST when it is registered already.
 * Since liburing 2.2, kernel 5.18.
 */
int io_uring_register_ring_fd(struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Unregisters the ring's own descriptor.
 *
 * Returns 1, or -errno: -EINVAL when it is not registered.
 * Since liburing 2.2, kernel 5.18.
 */
int io_uring_unregister_ring_fd(struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Closes the ring's descriptor and goes on with the registered index alone.
 *
 * Returns 1, or -errno: -EOPNOTSUPP when the kernel can't register with an
 * index (before 6.3), -EINVAL when the ring is not registered, -EBADF when it
 * is closed already.
 * Since liburing 2.4, kernel 6.3.
 */
int io_uring_close_ring_fd(struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Cancels requests, and waits for one that runs in a worker thread.
 *
 * reg says which (by user data, descriptor or opcode, see IORING_ASYNC_CANCEL_)
 * and for how long to wait. Each request's own completion follows.
 * Returns the number of canceled requests or 0 (0 also when _ALL or _ANY match
 * none), or -errno: -ENOENT when nothing matches, -ETIME when the time is over,
 * -EINTR, -EBADF.
 * Since liburing 2.3, kernel 6.0.
 */
int io_uring_register_sync_cancel(struct io_uring *ring,
		struct io_uring_sync_cancel_reg *reg) LIBURING_NOEXCEPT;

/*
 * Sends a message to a ring without having one.
 *
 * sqe is memory of the caller's, prepared with io_uring_prep_msg_ring() or a
 * relative; it is read during the call.
 * Returns 0, or -errno: -EINVAL on older kernels or for another opcode, -EBADF,
 * -EOVERFLOW.
 * Since liburing 2.11, kernel 6.13.
 */
int io_uring_register_sync_msg(struct io_uring_sqe *sqe) LIBURING_NOEXCEPT;

/*
 * Turns busy polling of the network on, as napi says.
 *
 * The settings before the call come back in napi, and may be registered again.
 * Returns 0, or -errno: -EINVAL on kernels without it.
 * Since liburing 2.6, kernel 6.9.
 */
int io_uring_register_napi(struct io_uring *ring,
		struct io_uring_napi *napi) LIBURING_NOEXCEPT;

/*
 * Turns busy polling of the network off.
 *
 * The settings before the call come back in napi, which may be NULL.
 * Returns 0, or -errno.
 * Since liburing 2.6, kernel 6.9.
 */
int io_uring_unregister_napi(struct io_uring *ring,
		struct io_uring_napi *napi) LIBURING_NOEXCEPT;

/*
 * Chooses the clock for the time limits of waits.
 *
 * arg->clockid is CLOCK_MONOTONIC or CLOCK_BOOTTIME; read during the call.
 * Returns 0, or -errno: -EINVAL for another clock or on older kernels.
 * Since liburing 2.8, kernel 6.12.
 */
int io_uring_register_clock(struct io_uring *ring,
		struct io_uring_clock_register *arg) LIBURING_NOEXCEPT;

/*
 * Registers a receive queue of a network device for zero-copy receive.
 *
 * reg and what it points to describe queue, memory and flags; the kernel writes
 * the offsets and the id back.
 * Returns 0, or -errno.
 * Since liburing 2.10, kernel 6.15.
 */
int io_uring_register_ifq(struct io_uring *ring,
		struct io_uring_zcrx_ifq_reg *reg) LIBURING_NOEXCEPT;

/*
 * Does something else with a zero-copy receive queue: flushes its refill queue
 * or exports it, as ctrl->op says.
 *
 * Returns 0, or -errno.
 * Since liburing 2.15, kernel 6.19.
 */
int io_uring_register_zcrx_ctrl(struct io_uring *ring,
		struct zcrx_ctrl *ctrl) LIBURING_NOEXCEPT;

/*
 * Always refuses: kernels never kept this interface. Use
 * io_uring_register_region().
 *
 * Returns -EINVAL.
 * Since liburing 2.9.
 */
int io_uring_register_wait_reg(struct io_uring *ring,
		struct io_uring_reg_wait *reg, int nr) LIBURING_NOEXCEPT;

/*
 * Registers a region of memory that the kernel and the application share, for
 * example for wait arguments.
 *
 * reg->region_uptr points to a struct io_uring_region_desc. User memory in it
 * must stay mapped as long as the ring.
 * Returns 0, or -errno: -EINVAL, -EBUSY when there is one already.
 * Since liburing 2.9, kernel 6.13.
 */
int io_uring_register_region(struct io_uring *ring,
		struct io_uring_mem_region_reg *reg) LIBURING_NOEXCEPT;

/*
 * Says whether waiting for completions counts as waiting for I/O (in the load
 * average and for frequency scaling).
 *
 * It does from the start; enable_iowait false turns it off for this ring.
 * Returns 0, or -EOPNOTSUPP when the kernel lacks IORING_FEAT_NO_IOWAIT.
 * Since liburing 2.10, kernel 6.15.
 */
int io_uring_set_iowait(struct io_uring *ring,
		bool enable_iowait) LIBURING_NOEXCEPT;

/*
 * Attaches a BPF filter to an opcode of this ring: it decides about each
 * request.
 *
 * Returns 0, or -errno.
 * Since liburing 2.15, kernel 7.0.
 */
int io_uring_register_bpf_filter(struct io_uring *ring,
		struct io_uring_bpf *bpf) LIBURING_NOEXCEPT;

/*
 * Attaches a BPF filter to an opcode of all rings that this task makes later.
 *
 * Returns 0, or -errno.
 * Since liburing 2.15, kernel 7.0.
 */
int io_uring_register_bpf_filter_task(struct io_uring_bpf *bpf)
	LIBURING_NOEXCEPT;

/*
 * Asks the kernel what its io_uring can do; no ring is needed.
 *
 * query heads a chain of questions, each with memory for the answer.
 * Returns 0 (each question has a result of its own), or -errno: -EINVAL on
 * kernels before 6.18.
 * Since liburing 2.15, kernel 6.18.
 */
int io_uring_register_query(struct io_uring_query_hdr *query) LIBURING_NOEXCEPT;

/* Registered files and buffers. */

/*
 * Registers buffers, for the fixed read and write requests.
 *
 * iovecs holds nr_iovecs buffers; the array is read during the call, the
 * buffers themselves stay pinned and must stay mapped until they are
 * unregistered. A request names one by its index.
 * Returns 0, or -errno: -EBUSY when buffers are registered already, -ENOMEM
 * (also for too little lockable memory), -EFAULT, -EINVAL.
 * Since liburing 2.0, kernel 5.1.
 */
int io_uring_register_buffers(struct io_uring *ring, const struct iovec *iovecs,
		unsigned nr_iovecs) LIBURING_NOEXCEPT;

/*
 * Registers buffers, each with a tag that comes back when the kernel has done
 * with it.
 *
 * As io_uring_register_buffers(); tags holds nr numbers or is NULL. A buffer
 * with a tag other than 0 posts a completion with that user data once it is
 * unregistered or replaced and no request uses it any more.
 * Returns as that does.
 * Since liburing 2.1, kernel 5.13.
 */
int io_uring_register_buffers_tags(struct io_uring *ring,
		const struct iovec *iovecs, const __u64 *tags,
		unsigned nr) LIBURING_NOEXCEPT;

/*
 * Registers a table of nr empty places for buffers, to be filled with
 * io_uring_register_buffers_update_tag().
 *
 * Returns 0, or -errno: -EBUSY when buffers are registered already.
 * Since liburing 2.2, kernel 5.19.
 */
int io_uring_register_buffers_sparse(struct io_uring *ring,
		unsigned nr) LIBURING_NOEXCEPT;

/*
 * Replaces nr registered buffers from index off on.
 *
 * A NULL iov_base empties a place. tags holds the new tags or is NULL; the old
 * buffers' tags come as completions.
 * Returns the number of buffers replaced, or -errno: -ENXIO without a table,
 * -EINVAL beyond its end.
 * Since liburing 2.1, kernel 5.13.
 */
int io_uring_register_buffers_update_tag(struct io_uring *ring, unsigned off,
		const struct iovec *iovecs, const __u64 *tags,
		unsigned nr) LIBURING_NOEXCEPT;

/*
 * Unregisters all buffers. Requests that use them keep them until they
 * complete.
 *
 * Returns 0, or -errno: -ENXIO when there are none.
 * Since liburing 2.0, kernel 5.1.
 */
int io_uring_unregister_buffers(struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Registers files, so that requests with IOSQE_FIXED_FILE name them by index.
 *
 * files holds nr_files descriptors, -1 for an empty place; read during the
 * call. The kernel keeps its own references: the descriptors may be closed. A
 * soft limit on open files (ulimit -n) below nr_files is raised to it.
 * Returns 0, or -errno: -EBUSY when files are registered already, -EBADF,
 * -EMFILE.
 * Since liburing 2.0, kernel 5.1.
 */
int io_uring_register_files(struct io_uring *ring, const int *files,
		unsigned nr_files) LIBURING_NOEXCEPT;

/*
 * Registers files, each with a tag that comes back when the kernel has done
 * with it.
 *
 * As io_uring_register_files(); tags as in io_uring_register_buffers_tags().
 * Since liburing 2.1, kernel 5.13.
 */
int io_uring_register_files_tags(struct io_uring *ring, const int *files,
		const __u64 *tags, unsigned nr) LIBURING_NOEXCEPT;

/*
 * Registers a table of nr empty places for files.
 *
 * They are filled with io_uring_register_files_update() or by requests that
 * open into the table.
 * Returns 0, or -errno as io_uring_register_files().
 * Since liburing 2.2, kernel 5.19.
 */
int io_uring_register_files_sparse(struct io_uring *ring,
		unsigned nr) LIBURING_NOEXCEPT;

/*
 * Replaces nr_files registered files from index off on, with tags.
 *
 * As io_uring_register_files_update(); tags holds the new tags or is NULL.
 * Since liburing 2.1, kernel 5.13.
 */
int io_uring_register_files_update_tag(struct io_uring *ring, unsigned off,
		const int *files, const __u64 *tags,
		unsigned nr_files) LIBURING_NOEXCEPT;

/*
 * Replaces nr_files registered files from index off on.
 *
 * In files, -1 empties a place and IORING_REGISTER_FILES_SKIP leaves it as it
 * is.
 * Returns the number of places dealt with, or -errno: -ENXIO without a table,
 * -EINVAL beyond its end, -EBADF.
 * Since liburing 2.0, kernel 5.5.
 */
int io_uring_register_files_update(struct io_uring *ring, unsigned off,
		const int *files, unsigned nr_files) LIBURING_NOEXCEPT;

/*
 * Unregisters all files. Requests that use them keep them until they complete.
 *
 * Returns 0, or -errno: -ENXIO when there are none.
 * Since liburing 2.0, kernel 5.1.
 */
int io_uring_unregister_files(struct io_uring *ring) LIBURING_NOEXCEPT;

/*
 * Limits which places of the file table the kernel gives out itself
 * (IORING_FILE_INDEX_ALLOC).
 *
 * They are len places from index off on.
 * Returns 0, or -errno: -EINVAL beyond the table's end or without a table,
 * -EOVERFLOW.
 * Since liburing 2.3, kernel 6.0.
 */
int io_uring_register_file_alloc_range(struct io_uring *ring, unsigned off,
		unsigned len) LIBURING_NOEXCEPT;

/*
 * Copies registered buffers from ring src to ring dst, with all choices.
 *
 * nr buffers (0: all) go from index src_off to dst_off. flags are
 * IORING_REGISTER_DST_REPLACE and IORING_REGISTER_SRC_REGISTERED; the latter
 * counts only when src has a registered descriptor.
 * Returns 0, or -errno: -EBUSY when dst has buffers and is not to replace them,
 * -ENXIO when src has none, -EINVAL.
 * Since liburing 2.10, kernel 6.13.
 */
int __io_uring_clone_buffers_offset(struct io_uring *dst, struct io_uring *src,
		unsigned dst_off, unsigned src_off, unsigned nr,
		unsigned flags) LIBURING_NOEXCEPT;

/*
 * Copies some registered buffers from ring src to ring dst.
 *
 * As __io_uring_clone_buffers_offset(), by the registered descriptor of src
 * where it has one.
 * Since liburing 2.9, kernel 6.13.
 */
int io_uring_clone_buffers_offset(struct io_uring *dst, struct io_uring *src,
		unsigned dst_off, unsigned src_off, unsigned nr,
		unsigned flags) LIBURING_NOEXCEPT;

/*
 * Copies all registered buffers from ring src to ring dst, with flags.
 *
 * As __io_uring_clone_buffers_offset() with all buffers.
 * Since liburing 2.10, kernel 6.12.
 */
int __io_uring_clone_buffers(struct io_uring *dst, struct io_uring *src,
		unsigned flags) LIBURING_NOEXCEPT;

/*
 * Copies all registered buffers from ring src to ring dst.
 *
 * Afterwards both rings hold the same buffers under the same indices; no memory
 * is copied or pinned again.
 * Returns 0, or -errno: -EBUSY when dst has buffers, -ENXIO when src has none,
 * -EINVAL on kernels before 6.12.
 * Since liburing 2.8, kernel 6.12.
 */
int io_uring_clone_buffers(struct io_uring *dst,
		struct io_uring *src) LIBURING_NOEXCEPT;

/*
 * Rings of provided buffers: registering them and their memory. Filling them is
 * inline.
 */

/*
 * Registers a ring of provided buffers.
 *
 * reg names the group, the ring's memory (page-aligned, ring_entries times
 * struct io_uring_buf; it must stay mapped until the group is unregistered) and
 * flags, to which flags are added (IOU_PBUF_RING_); reg itself is read during
 * the call. io_uring_setup_buf_ring() does this with memory of its own.
 * Returns 0, or -errno: -EEXIST when the group exists, -EINVAL when
 * ring_entries is no power of two below 65536, -EFAULT when the memory isn't
 * there or can't be written, -ENOMEM (RLIMIT_MEMLOCK too).
 * Since liburing 2.2, kernel 5.19.
 */
int io_uring_register_buf_ring(struct io_uring *ring,
		struct io_uring_buf_reg *reg, unsigned flags) LIBURING_NOEXCEPT;

/*
 * Unregisters the buffer ring of group bgid. Its memory is the caller's again.
 *
 * Returns 0, or -errno: -ENOENT when there is no such group, -EINVAL when it is
 * not a ring.
 * Since liburing 2.2, kernel 5.19.
 */
int io_uring_unregister_buf_ring(struct io_uring *ring,
		int bgid) LIBURING_NOEXCEPT;

/*
 * Tells how far the kernel has consumed a buffer ring.
 *
 * buf_group is the group; the kernel's head comes back in *head, which stays
 * untouched on an error.
 * Returns 0, or -errno: -ENOENT when there is no such group, -EINVAL when it is
 * not a ring or on kernels before 6.8.
 * Since liburing 2.6, kernel 6.8.
 */
int io_uring_buf_ring_head(struct io_uring *ring, int buf_group,
		uint16_t *head) LIBURING_NOEXCEPT;

/*
 * Makes and registers a ring of provided buffers.
 *
 * The ring gets nentries places (a power of two, at most 32768) and group bgid;
 * flags are IOU_PBUF_RING_. It is empty: fill it with io_uring_buf_ring_add()
 * and io_uring_buf_ring_advance(). Free it with io_uring_free_buf_ring(),
 * before io_uring_queue_exit(). IOU_PBUF_RING_MMAP is of no use here: the
 * kernel would read memory of its own, not what is returned (before 6.14:
 * -EINVAL).
 * Returns the ring, or NULL with -errno in *err: -EEXIST when the group exists,
 * -EINVAL, -ENOMEM.
 * Since liburing 2.4, kernel 5.19.
 */
struct io_uring_buf_ring *io_uring_setup_buf_ring(struct io_uring *ring,
		unsigned nentries, int bgid, unsigned flags,
		int *err) LIBURING_NOEXCEPT;

/*
 * Unregisters and frees a ring made by io_uring_setup_buf_ring(), with the same
 * nentries and bgid.
 *
 * Returns 0, or -errno of io_uring_unregister_buf_ring(); then nothing is
 * freed.
 * Since liburing 2.4, kernel 5.19.
 */
int io_uring_free_buf_ring(struct io_uring *ring, struct io_uring_buf_ring *br,
		unsigned nentries, int bgid) LIBURING_NOEXCEPT;

/* Changing the size of a living ring. */

/*
 * Changes the sizes of a ring in use.
 *
 * Requests in flight go on; entries prepared or submitted, and completions not
 * yet seen, move along. p->sq_entries is the new number of SQ entries; with
 * IORING_SETUP_CQSIZE in p->flags, p->cq_entries that of the CQ;
 * IORING_SETUP_CLAMP is allowed too. The rest of p comes back filled, p->flags
 * as 0. Pointers to CQEs and SQEs from before the call are no longer valid.
 * Returns 0, or -errno: -EINVAL for memory of the application's
 * (IORING_SETUP_NO_MMAP), without IORING_SETUP_DEFER_TASKRUN or on older
 * kernels, -EBADF after io_uring_close_ring_fd(), -EOVERFLOW when the entries
 * in use don't fit, -ENOMEM. The ring is then as before, but for a failed
 * mapping of the resized rings: until a repeated call succeeds, all that would
 * enter the kernel says -EBADF.
 * Since liburing 2.9, kernel 6.13.
 */
int io_uring_resize_rings(struct io_uring *ring,
		struct io_uring_params *p) LIBURING_NOEXCEPT;

/* Asking the kernel for its opcodes. */

/*
 * Asks the kernel behind ring which opcodes it has.
 *
 * io_uring_opcode_supported() reads the answer. It is the caller's, to be freed
 * with io_uring_free_probe(), and doesn't depend on ring.
 * Returns the answer, or NULL when the kernel (before 5.6) can't tell or memory
 * is short.
 * Since liburing 2.0, kernel 5.6.
 */
struct io_uring_probe *io_uring_get_probe_ring(struct io_uring *ring)
	LIBURING_NOEXCEPT;

/*
 * Asks the kernel which opcodes it has, with a ring made for the question.
 *
 * Otherwise as io_uring_get_probe_ring(); NULL also when no ring can be made.
 * Since liburing 2.0, kernel 5.6.
 */
struct io_uring_probe *io_uring_get_probe(void) LIBURING_NOEXCEPT;

/*
 * Frees the answer of io_uring_get_probe() or io_uring_get_probe_ring(); NULL
 * is allowed.
 *
 * Since liburing 2.0.
 */
void io_uring_free_probe(struct io_uring_probe *probe) LIBURING_NOEXCEPT;

/*
 * The three system calls themselves, for programs that manage rings on their
 * own.
 */

/*
 * Calls io_uring_enter: submits entries, waits for completions, or both.
 *
 * fd is the ring's descriptor, or its registered index with
 * IORING_ENTER_REGISTERED_RING in flags. Up to to_submit entries are taken from
 * the SQ; with IORING_ENTER_GETEVENTS it waits for min_complete completions.
 * sig, when not NULL, is the signal mask during the wait; it is only read
 * during the call.
 * Returns the number of entries taken, or -errno from the kernel (see
 * io_uring_enter(2)).
 * Since liburing 2.3, kernel 5.1.
 */
int io_uring_enter(unsigned fd, unsigned to_submit, unsigned min_complete,
		unsigned flags, sigset_t *sig) LIBURING_NOEXCEPT;

/*
 * Calls io_uring_enter with an extended argument.
 *
 * As io_uring_enter(); arg and its size sz in bytes are what flags says: a
 * signal set, a struct io_uring_getevents_arg with IORING_ENTER_EXT_ARG, or an
 * offset into the registered wait region with IORING_ENTER_EXT_ARG_REG. Read
 * during the call only.
 * Returns the number of entries taken, or -errno from the kernel.
 * Since liburing 2.3, kernel 5.11.
 */
int io_uring_enter2(unsigned fd, unsigned to_submit, unsigned min_complete,
		unsigned flags, void *arg, size_t sz) LIBURING_NOEXCEPT;

/*
 * Calls io_uring_setup: makes a ring and returns its descriptor.
 *
 * entries is the wanted number of SQ entries; p carries the wishes in and the
 * ring's sizes, offsets and features out. Mapping the ring is the caller's
 * work, for example with io_uring_queue_mmap().
 * Returns a new descriptor (an index with IORING_SETUP_REGISTERED_FD_ONLY), or
 * -errno from the kernel.
 * Since liburing 2.3, kernel 5.1.
 */
int io_uring_setup(unsigned entries,
		struct io_uring_params *p) LIBURING_NOEXCEPT;

/*
 * Calls io_uring_register: registers or unregisters something with a ring.
 *
 * fd is the ring's descriptor, or its registered index with
 * IORING_REGISTER_USE_REGISTERED_RING in opcode; what arg and nr_args are
 * depends on opcode (see io_uring_register(2)).
 * Returns what the opcode defines (often 0), or -errno from the kernel.
 * Since liburing 2.3, kernel 5.1.
 */
int io_uring_register(unsigned fd, unsigned opcode, const void *arg,
		unsigned nr_args) LIBURING_NOEXCEPT;

/* Which liburing this library stands in for. */

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
 * Tells whether the loaded library is OLDER than version major.minor.
 *
 * Mind the sense: returns true when the version asked for is newer than the
 * library, false when the library is that version or later.
 * IO_URING_CHECK_VERSION() asks the same of the headers at compile time.
 * Since liburing 2.4.
 */
bool io_uring_check_version(int major, int minor) LIBURING_NOEXCEPT;

/* io_uring_sqe_set_data64() and io_uring_cqe_get_data64() are there. */
#define LIBURING_HAVE_DATA64

/*
 * The submission queue entry: the base of every prep helper, and the fields
 * that any request may set.
 */

/*
 * Converts a pointer to the 64-bit number that the kernel's structures hold.
 *
 * A 32-bit pointer is extended with zeros, never with its top bit.
 * Since liburing 2.12.
 */
_LOCAL_INLINE __u64 uring_ptr_to_u64(const void *ptr)
	LIBURING_NOEXCEPT
{
	return uring_cast(__u64, uring_ptr_cast(uintptr_t, ptr));
}

/*
 * Attaches the pointer data to a request; each of its completions gives it
 * back.
 *
 * Neither io_uring_get_sqe() nor a prep helper clears user_data: without this
 * call, or io_uring_sqe_set_data64(), the request carries what the slot held
 * before. The library never dereferences the pointer. Read it with
 * io_uring_cqe_get_data().
 * Since liburing 2.0.
 */
IOURINGINLINE void io_uring_sqe_set_data(struct io_uring_sqe *sqe, void *data)
	LIBURING_NOEXCEPT
{
	LIBURING_RELEASE(uring_ptr_to_u64(data));
	sqe->user_data = uring_ptr_to_u64(data);
}

/*
 * Attaches the number data to a request; each of its completions gives it back.
 *
 * It takes the place of the pointer of io_uring_sqe_set_data(): both live in
 * user_data. The value LIBURING_UDATA_TIMEOUT (all bits set) is the library's
 * own on kernels before 5.11.
 * Since liburing 2.2.
 */
IOURINGINLINE void io_uring_sqe_set_data64(struct io_uring_sqe *sqe, __u64 data)
	LIBURING_NOEXCEPT
{
	LIBURING_RELEASE(data);
	sqe->user_data = data;
}

/*
 * Sets a request's IOSQE_* flags.
 *
 * Replaces all flags set before, those of the few prep helpers that set some
 * themselves included. Only the low 8 bits of flags are kept.
 * Since liburing 2.0.
 */
IOURINGINLINE void io_uring_sqe_set_flags(struct io_uring_sqe *sqe,
		unsigned flags)
	LIBURING_NOEXCEPT
{
	sqe->flags = uring_cast(__u8, flags);
}

/*
 * Names the buffer group that a request with IOSQE_BUFFER_SELECT takes its
 * buffer from.
 *
 * bgid is the ID that the group was registered or provided with; the low 16
 * bits are kept. The field is also the index of a registered buffer: a request
 * uses one of the two.
 * Since liburing 2.9, kernel 5.7.
 */
IOURINGINLINE void io_uring_sqe_set_buf_group(struct io_uring_sqe *sqe,
		int bgid)
	LIBURING_NOEXCEPT
{
	sqe->buf_group = uring_cast(__u16, bgid);
}

/*
 * Names the slot of the registered file table that a request puts its new file
 * into.
 *
 * The field holds file_index + 1, as 0 there means an ordinary file descriptor.
 * IORING_FILE_INDEX_ALLOC - 1 asks the kernel for any free slot.
 * Since liburing 2.1, kernel 5.15.
 */
_LOCAL_INLINE void __io_uring_set_target_fixed_file(struct io_uring_sqe *sqe,
		unsigned file_index)
	LIBURING_NOEXCEPT
{
	sqe->file_index = file_index + 1;
}

/*
 * Clears the fields of a slot that a prep helper may leave untouched.
 *
 * These are the flags, ioprio, the request's own flags, the buffer index, the
 * personality, the file index, addr3 and the word after it; not user_data, and
 * not what io_uring_prep_rw() sets. io_uring_get_sqe() has done it already;
 * call it to use the same SQE again, or one of your own.
 * Since liburing 2.6.
 */
IOURINGINLINE void io_uring_initialize_sqe(struct io_uring_sqe *sqe)
	LIBURING_NOEXCEPT
{
	sqe->flags = 0;
	sqe->ioprio = 0;
	sqe->rw_flags = 0;
	sqe->buf_index = 0;
	sqe->personality = 0;
	sqe->file_index = 0;
	sqe->addr3 = 0;
	sqe->__pad2[0] = 0;
}

/*
 * Sets the five fields that most requests are made of; nearly every prep helper
 * starts with it.
 *
 * op is an IORING_OP_*, of which the low 8 bits are kept. What addr, len and
 * offset mean depends on it. No other field is written.
 * Since liburing 2.0.
 */
IOURINGINLINE void io_uring_prep_rw(int op, struct io_uring_sqe *sqe, int fd,
		const void *addr, unsigned len, __u64 offset)
	LIBURING_NOEXCEPT
{
	sqe->opcode = uring_cast(__u8, op);
	sqe->fd = fd;
	sqe->off = offset;
	sqe->addr = uring_ptr_to_u64(addr);
	sqe->len = len;
}

/*
 * Returns how far to shift an SQE's index, given the ring's IORING_SETUP_*
 * flags.
 *
 * 1 when every SQE has 128 bytes (IORING_SETUP_SQE128), else 0: the SQE at
 * index is &sq.sqes[(index & sq.ring_mask) << shift].
 * Since liburing 2.10.
 */
IOURINGINLINE unsigned io_uring_sqe_shift_from_flags(unsigned flags)
	LIBURING_NOEXCEPT
{
	return (flags & IORING_SETUP_SQE128) != 0;
}

/*
 * Returns how far to shift an index into the ring's SQEs.
 *
 * As io_uring_sqe_shift_from_flags(), with the flags that ring was set up with.
 * Since liburing 2.10.
 */
IOURINGINLINE unsigned io_uring_sqe_shift(const struct io_uring *ring)
	LIBURING_NOEXCEPT
{
	return io_uring_sqe_shift_from_flags(ring->flags);
}

/*
 * The completion queue entry: reading it, walking over many, and giving the
 * slots back to the kernel.
 */

/*
 * Returns how far to shift a CQE's index, given the ring's IORING_SETUP_*
 * flags.
 *
 * 1 when every CQE has 32 bytes (IORING_SETUP_CQE32), else 0: the CQE at index
 * is &cq.cqes[(index & cq.ring_mask) << shift].
 * Since liburing 2.10.
 */
IOURINGINLINE unsigned io_uring_cqe_shift_from_flags(unsigned flags)
	LIBURING_NOEXCEPT
{
	return (flags & IORING_SETUP_CQE32) != 0;
}

/*
 * Returns how far to shift an index into the ring's CQEs.
 *
 * As io_uring_cqe_shift_from_flags(), with the flags that ring was set up with.
 * Since liburing 2.2.
 */
IOURINGINLINE unsigned io_uring_cqe_shift(const struct io_uring *ring)
	LIBURING_NOEXCEPT
{
	return io_uring_cqe_shift_from_flags(ring->flags);
}

/*
 * Returns the number of slots that a CQE takes in the completion queue, 1 or 2.
 *
 * 2 for a 32-byte CQE among 16-byte ones (IORING_SETUP_CQE_MIXED). With
 * IORING_SETUP_CQE32 a slot itself has 32 bytes, and a CQE takes 1.
 * Since liburing 2.13.
 */
IOURINGINLINE unsigned io_uring_cqe_nr(const struct io_uring_cqe *cqe)
	LIBURING_NOEXCEPT
{
	unsigned extra = (cqe->flags & IORING_CQE_F_32) != 0;

	return extra + 1;
}

/*
 * Starts a walk over the CQEs that are ready now.
 *
 * Later arrivals aren't seen by it. Walk with io_uring_cqe_iter_next(); the
 * slots stay taken until io_uring_cq_advance().
 * Since liburing 2.10.
 */
IOURINGINLINE struct io_uring_cqe_iter io_uring_cqe_iter_init(const struct io_uring *ring)
	LIBURING_NOEXCEPT
{
	/*
	 * The acquire pairs with the kernel's release of the tail: every CQE
	 * below it is complete.
	 */
	struct io_uring_cqe_iter iter;

	iter.cqes = ring->cq.cqes;
	iter.mask = ring->cq.ring_mask;
	iter.shift = io_uring_cqe_shift(ring);
	iter.head = *ring->cq.khead;
	iter.tail = io_uring_smp_load_acquire(ring->cq.ktail);
	return iter;
}

/*
 * Steps to the next CQE of a walk.
 *
 * Returns true with *cqe set, or false at the end with *cqe as it was. A CQE
 * that takes two slots is one step.
 * Since liburing 2.10.
 */
IOURINGINLINE bool io_uring_cqe_iter_next(struct io_uring_cqe_iter *iter,
		struct io_uring_cqe **cqe)
	LIBURING_NOEXCEPT
{
	struct io_uring_cqe *cqes;
	unsigned head;

	if (iter->head == iter->tail)
		return false;
	/*
	 * Loaded before the store to the head, which C must take for one that
	 * may change them.
	 */
	cqes = iter->cqes;
	head = iter->head;
	iter->head = head + 1;
	*cqe = &cqes[(head & iter->mask) << iter->shift];
	if (((*cqe)->flags & IORING_CQE_F_32) != 0)
		iter->head = iter->head + 1;
	return true;
}

/*
 * Gives nr slots of the completion queue back to the kernel, oldest first.
 *
 * The CQEs in them must not be read any more. A CQE that takes two slots counts
 * twice, see io_uring_cqe_nr(). With nr 0 nothing is written.
 * Since liburing 2.0.
 */
IOURINGINLINE void io_uring_cq_advance(struct io_uring *ring, unsigned nr)
	LIBURING_NOEXCEPT
{
	if (nr != 0) {
		unsigned oldest = *ring->cq.khead;

		/*
		 * The slots are the kernel's to fill from here on, so every
		 * read of them comes before.
		 */
		io_uring_smp_store_release(ring->cq.khead, oldest + nr);
	}
}

/*
 * Gives the slot, or two, of the oldest CQE back to the kernel.
 *
 * cqe is the one that a wait or peek returned and must not be read any more;
 * NULL is ignored.
 * Since liburing 2.0.
 */
IOURINGINLINE void io_uring_cqe_seen(struct io_uring *ring,
		struct io_uring_cqe *cqe)
	LIBURING_NOEXCEPT
{
	if (cqe)
		io_uring_cq_advance(ring, io_uring_cqe_nr(cqe));
}

/*
 * Returns the pointer that io_uring_sqe_set_data() attached to the request.
 *
 * Where pointers have 32 bits, the low half of user_data.
 * Since liburing 2.0.
 */
IOURINGINLINE void *io_uring_cqe_get_data(const struct io_uring_cqe *cqe)
	LIBURING_NOEXCEPT
{
	LIBURING_ACQUIRE(cqe->user_data);
	return uring_ptr_cast(void *, uring_cast(uintptr_t, cqe->user_data));
}

/*
 * Returns the number that io_uring_sqe_set_data64() attached to the request.
 *
 * Since liburing 2.2.
 */
IOURINGINLINE __u64 io_uring_cqe_get_data64(const struct io_uring_cqe *cqe)
	LIBURING_NOEXCEPT
{
	LIBURING_ACQUIRE(cqe->user_data);
	return cqe->user_data;
}

/* Reading, writing, and moving bytes between two descriptors. */

/*
 * Prepares a transfer of up to nbytes bytes from fd_in to fd_out, one of which
 * must be a pipe.
 *
 * off_in and off_out are file offsets: -1 for the pipe; -1 for the other file
 * means that its position is used and moved. splice_flags are those of
 * splice(); SPLICE_F_FD_IN_FIXED among them makes fd_in a slot of the
 * registered files, IOSQE_FIXED_FILE on sqe does that for fd_out. The
 * completion's res is the number of bytes moved, 0 at the end of the input, or
 * -errno.
 * Since liburing 2.0, kernel 5.7.
 */
IOURINGINLINE void io_uring_prep_splice(struct io_uring_sqe *sqe, int fd_in,
		int64_t off_in, int fd_out, int64_t off_out, unsigned nbytes,
		unsigned splice_flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_SPLICE, sqe, fd_out, NULL, nbytes,
			uring_cast(__u64, off_out));
	sqe->splice_off_in = uring_cast(__u64, off_in);
	sqe->splice_fd_in = fd_in;
	sqe->splice_flags = splice_flags;
}

/*
 * Prepares a copy of up to nbytes bytes from the pipe fd_in to the pipe fd_out.
 *
 * The bytes stay readable in fd_in. splice_flags are those of tee();
 * SPLICE_F_FD_IN_FIXED among them makes fd_in a slot of the registered files,
 * IOSQE_FIXED_FILE on sqe does that for fd_out. The completion's res is the
 * number of bytes copied or -errno.
 * Since liburing 2.0, kernel 5.8.
 */
IOURINGINLINE void io_uring_prep_tee(struct io_uring_sqe *sqe, int fd_in,
		int fd_out, unsigned nbytes, unsigned splice_flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_TEE, sqe, fd_out, NULL, nbytes, 0);
	sqe->splice_off_in = 0;
	sqe->splice_fd_in = fd_in;
	sqe->splice_flags = splice_flags;
}

/*
 * Prepares a read at offset of fd into the nr_vecs buffers of iovecs, filled in
 * order.
 *
 * The array must stay valid until io_uring_sq_ready() returns 0 (before kernel
 * 5.5, until the request completes), the buffers until the request completes.
 * With offset -1 the file position is used and moved (kernel 5.6); a file that
 * can't seek takes 0 or -1. For a single buffer io_uring_prep_read() costs
 * less. The completion's res is the number of bytes read, 0 at the end of the
 * file, or -errno.
 * Since liburing 2.0, kernel 5.1.
 */
IOURINGINLINE void io_uring_prep_readv(struct io_uring_sqe *sqe, int fd,
		const struct iovec *iovecs, unsigned nr_vecs, __u64 offset)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_READV, sqe, fd, iovecs, nr_vecs, offset);
}

/*
 * Prepares a vectored read like io_uring_prep_readv(), with the RWF_* flags of
 * preadv2().
 *
 * The array must stay valid until io_uring_sq_ready() returns 0 (before kernel
 * 5.5, until the request completes), the buffers until the request completes.
 * With offset -1 the file position is used and moved (kernel 5.6). The
 * completion's res is the number of bytes read, 0 at the end of the file, or
 * -errno: -EAGAIN when flags has RWF_NOWAIT and the read would block.
 * Since liburing 2.2, kernel 5.1.
 */
IOURINGINLINE void io_uring_prep_readv2(struct io_uring_sqe *sqe, int fd,
		const struct iovec *iovecs, unsigned nr_vecs, __u64 offset,
		int flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_readv(sqe, fd, iovecs, nr_vecs, offset);
	sqe->rw_flags = flags;
}

/*
 * Prepares a read of nbytes bytes at offset of fd into memory of the registered
 * buffer buf_index.
 *
 * buf is an address, anywhere inside that buffer, and buf + nbytes must not
 * pass its end. The bytes must stay valid until the request completes. With
 * offset -1 the file position is used and moved (kernel 5.6). The completion's
 * res is the number of bytes read, 0 at the end of the file, or -errno.
 * Since liburing 2.0, kernel 5.1.
 */
IOURINGINLINE void io_uring_prep_read_fixed(struct io_uring_sqe *sqe, int fd,
		void *buf, unsigned nbytes, __u64 offset, int buf_index)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_READ_FIXED, sqe, fd, buf, nbytes, offset);
	sqe->buf_index = uring_cast(__u16, buf_index);
}

/*
 * Prepares a vectored read into memory of the registered buffer buf_index.
 *
 * Each buffer of iovecs must lie inside that registered buffer. The array must
 * stay valid until io_uring_sq_ready() returns 0, the bytes until the request
 * completes. flags are the RWF_* flags of preadv2(). With offset -1 the file
 * position is used and moved. The completion's res is the number of bytes read,
 * 0 at the end of the file, or -errno.
 * Since liburing 2.10, kernel 6.15.
 */
IOURINGINLINE void io_uring_prep_readv_fixed(struct io_uring_sqe *sqe, int fd,
		const struct iovec *iovecs, unsigned nr_vecs, __u64 offset,
		int flags, int buf_index)
	LIBURING_NOEXCEPT
{
	io_uring_prep_readv2(sqe, fd, iovecs, nr_vecs, offset, flags);
	sqe->opcode = IORING_OP_READV_FIXED;
	sqe->buf_index = uring_cast(__u16, buf_index);
}

/*
 * Prepares a write of the nr_vecs buffers of iovecs, in order, at offset of fd.
 *
 * The array must stay valid until io_uring_sq_ready() returns 0 (before kernel
 * 5.5, until the request completes), the buffers until the request completes.
 * With offset -1 the file position is used and moved (kernel 5.6); a file that
 * can't seek takes 0 or -1. For a single buffer io_uring_prep_write() costs
 * less. The completion's res is the number of bytes written, which may be fewer
 * than asked, or -errno: -EPIPE comes with SIGPIPE, and IOSQE_BUFFER_SELECT
 * gives -EOPNOTSUPP.
 * Since liburing 2.0, kernel 5.1.
 */
IOURINGINLINE void io_uring_prep_writev(struct io_uring_sqe *sqe, int fd,
		const struct iovec *iovecs, unsigned nr_vecs, __u64 offset)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_WRITEV, sqe, fd, iovecs, nr_vecs, offset);
}

/*
 * Prepares a vectored write like io_uring_prep_writev(), with the RWF_* flags
 * of pwritev2().
 *
 * The array must stay valid until io_uring_sq_ready() returns 0 (before kernel
 * 5.5, until the request completes), the buffers until the request completes.
 * With offset -1 the file position is used and moved (kernel 5.6). The
 * completion's res is the number of bytes written, which may be fewer than
 * asked, or -errno: -EAGAIN when flags has RWF_NOWAIT and the write would
 * block. -EPIPE comes with SIGPIPE, unless flags has RWF_NOSIGNAL (kernel
 * 6.18).
 * Since liburing 2.2, kernel 5.1.
 */
IOURINGINLINE void io_uring_prep_writev2(struct io_uring_sqe *sqe, int fd,
		const struct iovec *iovecs, unsigned nr_vecs, __u64 offset,
		int flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_writev(sqe, fd, iovecs, nr_vecs, offset);
	sqe->rw_flags = flags;
}

/*
 * Prepares a write of nbytes bytes of the registered buffer buf_index at offset
 * of fd.
 *
 * buf is an address, anywhere inside that buffer, and buf + nbytes must not
 * pass its end. The bytes must stay valid until the request completes. With
 * offset -1 the file position is used and moved (kernel 5.6). The completion's
 * res is the number of bytes written, which may be fewer than asked, or -errno:
 * -EPIPE comes with SIGPIPE.
 * Since liburing 2.0, kernel 5.1.
 */
IOURINGINLINE void io_uring_prep_write_fixed(struct io_uring_sqe *sqe, int fd,
		const void *buf, unsigned nbytes, __u64 offset, int buf_index)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_WRITE_FIXED, sqe, fd, buf, nbytes, offset);
	sqe->buf_index = uring_cast(__u16, buf_index);
}

/*
 * Prepares a vectored write of memory of the registered buffer buf_index.
 *
 * Each buffer of iovecs must lie inside that registered buffer. The array must
 * stay valid until io_uring_sq_ready() returns 0, the bytes until the request
 * completes. flags are the RWF_* flags of pwritev2(). With offset -1 the file
 * position is used and moved. The completion's res is the number of bytes
 * written, which may be fewer than asked, or -errno.
 * Since liburing 2.10, kernel 6.15.
 */
IOURINGINLINE void io_uring_prep_writev_fixed(struct io_uring_sqe *sqe, int fd,
		const struct iovec *iovecs, unsigned nr_vecs, __u64 offset,
		int flags, int buf_index)
	LIBURING_NOEXCEPT
{
	io_uring_prep_writev2(sqe, fd, iovecs, nr_vecs, offset, flags);
	sqe->opcode = IORING_OP_WRITEV_FIXED;
	sqe->buf_index = uring_cast(__u16, buf_index);
}

/*
 * Prepares a read of nbytes bytes at offset of fd into buf.
 *
 * buf must stay valid until the request completes. With offset -1 the file
 * position is used and moved; a file that can't seek takes 0 or -1. The
 * completion's res is the number of bytes read, which may be fewer than asked,
 * 0 at the end of the file, or -errno.
 * Since liburing 2.0, kernel 5.6.
 */
IOURINGINLINE void io_uring_prep_read(struct io_uring_sqe *sqe, int fd,
		void *buf, unsigned nbytes, __u64 offset)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_READ, sqe, fd, buf, nbytes, offset);
}

/*
 * Prepares a read that repeats whenever fd has data, each time into a buffer of
 * the group buf_group.
 *
 * fd must be pollable, such as a pipe: a regular file gives -EBADFD. nbytes
 * must be 0, anything else gives -EINVAL: the picked buffer limits each read.
 * offset is 0 or -1 where the file can't seek. Replaces sqe's flags by
 * IOSQE_BUFFER_SELECT: set others afterwards. Each completion's res is the
 * number of bytes read or -errno, and its flags hold the buffer's id; the
 * request lives on as long as they have IORING_CQE_F_MORE.
 * Since liburing 2.6, kernel 6.7.
 */
IOURINGINLINE void io_uring_prep_read_multishot(struct io_uring_sqe *sqe,
		int fd, unsigned nbytes, __u64 offset, int buf_group)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_READ_MULTISHOT, sqe, fd, NULL, nbytes,
			offset);
	sqe->buf_group = uring_cast(__u16, buf_group);
	sqe->flags = uring_cast(__u8, IOSQE_BUFFER_SELECT);
}

/*
 * Prepares a write of nbytes bytes from buf at offset of fd.
 *
 * buf must stay valid until the request completes. With offset -1 the file
 * position is used and moved; a file that can't seek takes 0 or -1. The
 * completion's res is the number of bytes written, which may be fewer than
 * asked, or -errno. -EPIPE comes with SIGPIPE, unless RWF_NOSIGNAL (kernel
 * 6.18) is set in sqe->rw_flags afterwards; IOSQE_BUFFER_SELECT gives
 * -EOPNOTSUPP.
 * Since liburing 2.0, kernel 5.6.
 */
IOURINGINLINE void io_uring_prep_write(struct io_uring_sqe *sqe, int fd,
		const void *buf, unsigned nbytes, __u64 offset)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_WRITE, sqe, fd, buf, nbytes, offset);
}

/*
 * Opening and closing files, and the operations on files that have system calls
 * of their own.
 */

/*
 * Prepares a replacement of the registered files in nr_fds slots, from the slot
 * offset on.
 *
 * fds has the new descriptors: -1 empties a slot, IORING_REGISTER_FILES_SKIP
 * leaves it alone. With IORING_FILE_INDEX_ALLOC (-1) as offset the kernel picks
 * free slots and writes their numbers over the descriptors. The array must stay
 * valid until the request completes. The completion's res is the number of
 * slots done, or -errno when the first failed. If it is fewer than asked, the
 * next one failed. A named slot that failed is empty now, also when -EBADF is
 * all that comes back.
 * Since liburing 2.0, kernel 5.6.
 */
IOURINGINLINE void io_uring_prep_files_update(struct io_uring_sqe *sqe,
		int *fds, unsigned nr_fds, int offset)
	LIBURING_NOEXCEPT
{
	/*
	 * The sign is carried along, so that IORING_FILE_INDEX_ALLOC arrives as
	 * it should.
	 */
	io_uring_prep_rw(IORING_OP_FILES_UPDATE, sqe, -1, fds, nr_fds,
			uring_cast(__u64, offset));
}

/*
 * Prepares an fallocate() of len bytes at offset of fd.
 *
 * mode is 0 to allocate space, or FALLOC_FL_* flags. The completion's res is 0
 * or -errno.
 * Since liburing 2.0, kernel 5.6.
 */
IOURINGINLINE void io_uring_prep_fallocate(struct io_uring_sqe *sqe, int fd,
		int mode, __u64 offset, __u64 len)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_FALLOCATE, sqe, fd, NULL,
			uring_cast(unsigned, mode), offset);
	sqe->addr = len;
}

/*
 * Prepares an openat() of path, relative to the directory dfd.
 *
 * flags and mode are those of openat(). dfd is an ordinary descriptor or
 * AT_FDCWD, never a registered one. path must stay valid until
 * io_uring_sq_ready() returns 0. The completion's res is the new descriptor or
 * -errno.
 * Since liburing 2.0, kernel 5.6.
 */
IOURINGINLINE void io_uring_prep_openat(struct io_uring_sqe *sqe, int dfd,
		const char *path, int flags, mode_t mode)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_OPENAT, sqe, dfd, path, mode, 0);
	sqe->open_flags = uring_cast(__u32, flags);
}

/*
 * Prepares an openat() whose file becomes a registered one, without a
 * descriptor.
 *
 * file_index is the slot of the ring's registered files, where it replaces what
 * was there, or IORING_FILE_INDEX_ALLOC for any free slot (kernel 5.19).
 * O_CLOEXEC isn't accepted. path must stay valid until io_uring_sq_ready()
 * returns 0. The completion's res is 0, or the slot that was picked, or -errno:
 * -EINVAL when there is no such slot, -ENFILE when none is free. With no files
 * registered it is -ENXIO, with IORING_FILE_INDEX_ALLOC -ENFILE.
 * Since liburing 2.1, kernel 5.15.
 */
IOURINGINLINE void io_uring_prep_openat_direct(struct io_uring_sqe *sqe,
		int dfd, const char *path, int flags, mode_t mode,
		unsigned file_index)
	LIBURING_NOEXCEPT
{
	io_uring_prep_openat(sqe, dfd, path, flags, mode);
	/*
	 * IORING_FILE_INDEX_ALLOC isn't a slot, and goes to the kernel
	 * unchanged.
	 */
	if (file_index == IORING_FILE_INDEX_ALLOC)
		file_index = IORING_FILE_INDEX_ALLOC - 1;
	__io_uring_set_target_fixed_file(sqe, file_index);
}

/*
 * Prepares an open() of path.
 *
 * flags and mode are those of open(). path must stay valid until
 * io_uring_sq_ready() returns 0. The completion's res is the new descriptor or
 * -errno.
 * Since liburing 2.8, kernel 5.6.
 */
IOURINGINLINE void io_uring_prep_open(struct io_uring_sqe *sqe,
		const char *path, int flags, mode_t mode)
	LIBURING_NOEXCEPT
{
	io_uring_prep_openat(sqe, AT_FDCWD, path, flags, mode);
}

/*
 * Prepares an open() whose file becomes a registered one, without a descriptor.
 *
 * file_index is that of io_uring_prep_openat_direct(), and O_CLOEXEC isn't
 * accepted. path must stay valid until io_uring_sq_ready() returns 0. The
 * completion's res is 0, or the slot that was picked, or -errno, as with
 * io_uring_prep_openat_direct().
 * Since liburing 2.8, kernel 5.15.
 */
IOURINGINLINE void io_uring_prep_open_direct(struct io_uring_sqe *sqe,
		const char *path, int flags, mode_t mode, unsigned file_index)
	LIBURING_NOEXCEPT
{
	io_uring_prep_openat_direct(sqe, AT_FDCWD, path, flags, mode,
			file_index);
}

/*
 * Prepares an openat2() of path, relative to the directory dfd, in the way that
 * how says.
 *
 * dfd is an ordinary descriptor or AT_FDCWD, never a registered one. path and
 * how must stay valid until io_uring_sq_ready() returns 0. The completion's res
 * is the new descriptor or -errno.
 * Since liburing 2.0, kernel 5.6.
 */
IOURINGINLINE void io_uring_prep_openat2(struct io_uring_sqe *sqe, int dfd,
		const char *path, const struct open_how *how)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_OPENAT2, sqe, dfd, path,
			uring_cast(unsigned, sizeof(struct open_how)),
			uring_ptr_to_u64(how));
}

/*
 * Prepares an openat2() whose file becomes a registered one, without a
 * descriptor.
 *
 * file_index is that of io_uring_prep_openat_direct(), and O_CLOEXEC isn't
 * accepted. path and how must stay valid until io_uring_sq_ready() returns 0.
 * The completion's res is 0, or the slot that was picked, or -errno, as with
 * io_uring_prep_openat_direct().
 * Since liburing 2.1, kernel 5.15.
 */
IOURINGINLINE void io_uring_prep_openat2_direct(struct io_uring_sqe *sqe,
		int dfd, const char *path, const struct open_how *how,
		unsigned file_index)
	LIBURING_NOEXCEPT
{
	io_uring_prep_openat2(sqe, dfd, path, how);
	/*
	 * IORING_FILE_INDEX_ALLOC isn't a slot, and goes to the kernel
	 * unchanged.
	 */
	if (file_index == IORING_FILE_INDEX_ALLOC)
		file_index = IORING_FILE_INDEX_ALLOC - 1;
	__io_uring_set_target_fixed_file(sqe, file_index);
}

/*
 * Prepares a close() of the descriptor fd.
 *
 * The descriptor of a ring can't be closed this way: -EBADF. The completion's
 * res is 0 or -errno.
 * Since liburing 2.0, kernel 5.6.
 */
IOURINGINLINE void io_uring_prep_close(struct io_uring_sqe *sqe, int fd)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_CLOSE, sqe, fd, NULL, 0, 0);
}

/*
 * Prepares the removal of the registered file in the slot file_index.
 *
 * Never pass IORING_FILE_INDEX_ALLOC: it wraps to 0 and closes descriptor 0.
 * Don't set IOSQE_FIXED_FILE on sqe: it gives -EBADF. The completion's res is
 * 0, -EBADF when the slot is empty, -EINVAL when there is no such slot, -ENXIO
 * when no files are registered.
 * Since liburing 2.2, kernel 5.15.
 */
IOURINGINLINE void io_uring_prep_close_direct(struct io_uring_sqe *sqe,
		unsigned file_index)
	LIBURING_NOEXCEPT
{
	io_uring_prep_close(sqe, 0);
	__io_uring_set_target_fixed_file(sqe, file_index);
}

/*
 * Prepares a statx() of path, relative to the directory dfd, into statxbuf.
 *
 * flags are AT_*, mask says which fields are wanted, as STATX_*. path must stay
 * valid until io_uring_sq_ready() returns 0 (before kernel 5.18, until the
 * request completes), statxbuf until the request completes. The completion's
 * res is 0 or -errno.
 * Since liburing 2.0, kernel 5.6.
 */
IOURINGINLINE void io_uring_prep_statx(struct io_uring_sqe *sqe, int dfd,
		const char *path, int flags, unsigned mask,
		struct statx *statxbuf)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_STATX, sqe, dfd, path, mask,
			uring_ptr_to_u64(statxbuf));
	sqe->statx_flags = uring_cast(__u32, flags);
}

/*
 * Prepares a posix_fadvise() for len bytes at offset of fd.
 *
 * len 0 means up to the end of the file. advice is one of POSIX_FADV_*. The
 * completion's res is 0 or -errno.
 * Since liburing 2.0, kernel 5.6.
 */
IOURINGINLINE void io_uring_prep_fadvise(struct io_uring_sqe *sqe, int fd,
		__u64 offset, __u32 len, int advice)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_FADVISE, sqe, fd, NULL, len, offset);
	sqe->fadvise_advice = uring_cast(__u32, advice);
}

/*
 * Prepares a madvise() for length bytes of memory at addr.
 *
 * advice is one of MADV_*. The completion's res is 0 or -errno.
 * Since liburing 2.0, kernel 5.6.
 */
IOURINGINLINE void io_uring_prep_madvise(struct io_uring_sqe *sqe, void *addr,
		__u32 length, int advice)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_MADVISE, sqe, -1, addr, length, 0);
	sqe->fadvise_advice = uring_cast(__u32, advice);
}

/*
 * Prepares a posix_fadvise() like io_uring_prep_fadvise(), with a length of 64
 * bits.
 *
 * len 0 means up to the end of the file. advice is one of POSIX_FADV_*. The
 * completion's res is 0 or -errno: -EINVAL from a kernel that only knows the
 * 32-bit length.
 * Since liburing 2.7, kernel 6.11.
 */
IOURINGINLINE void io_uring_prep_fadvise64(struct io_uring_sqe *sqe, int fd,
		__u64 offset, off_t len, int advice)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_FADVISE, sqe, fd, NULL, 0, offset);
	sqe->addr = uring_cast(__u64, len);
	sqe->fadvise_advice = uring_cast(__u32, advice);
}

/*
 * Prepares a madvise() like io_uring_prep_madvise(), with a length of 64 bits.
 *
 * advice is one of MADV_*. The completion's res is 0 or -errno: -EINVAL from a
 * kernel that only knows the 32-bit length.
 * Since liburing 2.7, kernel 6.11.
 */
IOURINGINLINE void io_uring_prep_madvise64(struct io_uring_sqe *sqe, void *addr,
		off_t length, int advice)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_MADVISE, sqe, -1, addr, 0,
			uring_cast(__u64, length));
	sqe->fadvise_advice = uring_cast(__u32, advice);
}

/*
 * Prepares an ordinary descriptor for the registered file in the slot fd.
 *
 * The registered file stays. The descriptor is closed by execve() unless flags
 * is IORING_FIXED_FD_NO_CLOEXEC. Replaces sqe's flags by IOSQE_FIXED_FILE: set
 * others afterwards. The completion's res is the new descriptor or -errno:
 * -EBADF when the slot is empty, -EPERM when sqe->personality is set.
 * Since liburing 2.6, kernel 6.8.
 */
IOURINGINLINE void io_uring_prep_fixed_fd_install(struct io_uring_sqe *sqe,
		int fd, unsigned flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_FIXED_FD_INSTALL, sqe, fd, NULL, 0, 0);
	sqe->flags = uring_cast(__u8, IOSQE_FIXED_FILE);
	sqe->install_fd_flags = flags;
}

#ifdef _GNU_SOURCE
/*
 * Prepares an ftruncate() of fd to len bytes.
 *
 * The completion's res is 0 or -errno.
 * Needs _GNU_SOURCE.
 * Since liburing 2.6, kernel 6.9.
 */
IOURINGINLINE void io_uring_prep_ftruncate(struct io_uring_sqe *sqe, int fd,
		loff_t len)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_FTRUNCATE, sqe, fd, NULL, 0,
			uring_cast(__u64, len));
}
#endif

/*
 * Prepares a pipe2(): a new pipe, whose read end goes to fds[0] and write end
 * to fds[1].
 *
 * pipe_flags are those of pipe2(). fds has room for two, and must stay valid
 * until the request completes. The completion's res is 0 or -errno.
 * Since liburing 2.12, kernel 6.16.
 */
IOURINGINLINE void io_uring_prep_pipe(struct io_uring_sqe *sqe, int *fds,
		int pipe_flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_PIPE, sqe, 0, fds, 0, 0);
	sqe->pipe_flags = uring_cast(__u32, pipe_flags);
}

/*
 * Prepares a new pipe whose ends become registered files, without descriptors.
 *
 * The read end goes to the slot file_index, the write end to the next one; with
 * IORING_FILE_INDEX_ALLOC the kernel picks two free ones. The slots are written
 * to fds[0] and fds[1], which must stay valid until the request completes.
 * O_CLOEXEC isn't accepted. The completion's res is 0 or -errno: -ENFILE when
 * too few are free, -EINVAL when a slot isn't there; with no files registered
 * -ENXIO, with IORING_FILE_INDEX_ALLOC -ENFILE. When the second slot fails, the
 * first is empty afterwards.
 * Since liburing 2.12, kernel 6.16.
 */
IOURINGINLINE void io_uring_prep_pipe_direct(struct io_uring_sqe *sqe, int *fds,
		int pipe_flags, unsigned file_index)
	LIBURING_NOEXCEPT
{
	io_uring_prep_pipe(sqe, fds, pipe_flags);
	/*
	 * IORING_FILE_INDEX_ALLOC isn't a slot, and goes to the kernel
	 * unchanged.
	 */
	if (file_index == IORING_FILE_INDEX_ALLOC)
		file_index = IORING_FILE_INDEX_ALLOC - 1;
	__io_uring_set_target_fixed_file(sqe, file_index);
}

/* The operations on names: unlink, rename, mkdir, symlink, link. */

/*
 * Prepares an unlinkat() of path, relative to the directory dfd.
 *
 * flags is 0 for a file, AT_REMOVEDIR for a directory. path must stay valid
 * until io_uring_sq_ready() returns 0. The completion's res is 0 or -errno.
 * Since liburing 2.0, kernel 5.11.
 */
IOURINGINLINE void io_uring_prep_unlinkat(struct io_uring_sqe *sqe, int dfd,
		const char *path, int flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_UNLINKAT, sqe, dfd, path, 0, 0);
	sqe->unlink_flags = uring_cast(__u32, flags);
}

/*
 * Prepares the removal of path.
 *
 * flags is 0 for a file, AT_REMOVEDIR for a directory. path must stay valid
 * until io_uring_sq_ready() returns 0. The completion's res is 0 or -errno.
 * Since liburing 2.2, kernel 5.11.
 */
IOURINGINLINE void io_uring_prep_unlink(struct io_uring_sqe *sqe,
		const char *path, int flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_unlinkat(sqe, AT_FDCWD, path, flags);
}

/*
 * Prepares a renameat2() of oldpath, relative to olddfd, to newpath, relative
 * to newdfd.
 *
 * flags are RENAME_*. Both paths must stay valid until io_uring_sq_ready()
 * returns 0. The completion's res is 0 or -errno. An error doesn't break a
 * chain of links: see IOSQE_IO_LINK.
 * Since liburing 2.0, kernel 5.11.
 */
IOURINGINLINE void io_uring_prep_renameat(struct io_uring_sqe *sqe, int olddfd,
		const char *oldpath, int newdfd, const char *newpath,
		unsigned flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_RENAMEAT, sqe, olddfd, oldpath,
			uring_cast(__u32, newdfd), uring_ptr_to_u64(newpath));
	sqe->rename_flags = flags;
}

/*
 * Prepares a rename() of oldpath to newpath.
 *
 * Both paths must stay valid until io_uring_sq_ready() returns 0. The
 * completion's res is 0 or -errno. An error doesn't break a chain of links: see
 * IOSQE_IO_LINK.
 * Since liburing 2.2, kernel 5.11.
 */
IOURINGINLINE void io_uring_prep_rename(struct io_uring_sqe *sqe,
		const char *oldpath, const char *newpath)
	LIBURING_NOEXCEPT
{
	io_uring_prep_renameat(sqe, AT_FDCWD, oldpath, AT_FDCWD, newpath, 0);
}

/*
 * Prepares a mkdirat() of path, relative to the directory dfd.
 *
 * path must stay valid until io_uring_sq_ready() returns 0. The completion's
 * res is 0 or -errno.
 * Since liburing 2.1, kernel 5.15.
 */
IOURINGINLINE void io_uring_prep_mkdirat(struct io_uring_sqe *sqe, int dfd,
		const char *path, mode_t mode)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_MKDIRAT, sqe, dfd, path, mode, 0);
}

/*
 * Prepares a mkdir() of path.
 *
 * path must stay valid until io_uring_sq_ready() returns 0. The completion's
 * res is 0 or -errno.
 * Since liburing 2.2, kernel 5.15.
 */
IOURINGINLINE void io_uring_prep_mkdir(struct io_uring_sqe *sqe,
		const char *path, mode_t mode)
	LIBURING_NOEXCEPT
{
	io_uring_prep_mkdirat(sqe, AT_FDCWD, path, mode);
}

/*
 * Prepares a symlinkat(): a symbolic link to target named linkpath, relative to
 * newdirfd.
 *
 * Both strings must stay valid until io_uring_sq_ready() returns 0. The
 * completion's res is 0 or -errno.
 * Since liburing 2.1, kernel 5.15.
 */
IOURINGINLINE void io_uring_prep_symlinkat(struct io_uring_sqe *sqe,
		const char *target, int newdirfd, const char *linkpath)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_SYMLINKAT, sqe, newdirfd, target, 0,
			uring_ptr_to_u64(linkpath));
}

/*
 * Prepares a symlink(): a symbolic link to target named linkpath.
 *
 * Both strings must stay valid until io_uring_sq_ready() returns 0. The
 * completion's res is 0 or -errno.
 * Since liburing 2.2, kernel 5.15.
 */
IOURINGINLINE void io_uring_prep_symlink(struct io_uring_sqe *sqe,
		const char *target, const char *linkpath)
	LIBURING_NOEXCEPT
{
	io_uring_prep_symlinkat(sqe, target, AT_FDCWD, linkpath);
}

/*
 * Prepares a linkat(): a new name newpath, relative to newdfd, for oldpath,
 * relative to olddfd.
 *
 * flags are AT_SYMLINK_FOLLOW and AT_EMPTY_PATH. Both paths must stay valid
 * until io_uring_sq_ready() returns 0. The completion's res is 0 or -errno.
 * Since liburing 2.1, kernel 5.15.
 */
IOURINGINLINE void io_uring_prep_linkat(struct io_uring_sqe *sqe, int olddfd,
		const char *oldpath, int newdfd, const char *newpath, int flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_LINKAT, sqe, olddfd, oldpath,
			uring_cast(__u32, newdfd), uring_ptr_to_u64(newpath));
	sqe->hardlink_flags = uring_cast(__u32, flags);
}

/*
 * Prepares a link(): a new name newpath for the file oldpath.
 *
 * flags are those of linkat(). Both paths must stay valid until
 * io_uring_sq_ready() returns 0. The completion's res is 0 or -errno.
 * Since liburing 2.2, kernel 5.15.
 */
IOURINGINLINE void io_uring_prep_link(struct io_uring_sqe *sqe,
		const char *oldpath, const char *newpath, int flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_linkat(sqe, AT_FDCWD, oldpath, AT_FDCWD, newpath, flags);
}

/* Waiting for readiness. */

/*
 * Puts the bits of a poll mask where sqe->poll32_events has them.
 *
 * The kernel's first field here had 16 bits, at the same address: big-endian
 * processors swap the halves, others change nothing.
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
 * Prepares a wait until fd has one of the events in poll_mask, once.
 *
 * poll_mask has the bits of poll() or epoll_ctl(), for example POLLIN; errors
 * and hang-ups are always reported. The completion's res is the mask of events
 * that are there, or -errno: -ECANCELED after a removal.
 * Since liburing 2.0, kernel 5.1.
 */
IOURINGINLINE void io_uring_prep_poll_add(struct io_uring_sqe *sqe, int fd,
		unsigned poll_mask)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_POLL_ADD, sqe, fd, NULL, 0, 0);
	sqe->poll32_events = __io_uring_prep_poll_mask(poll_mask);
}

/*
 * Prepares a poll of fd that reports again and again.
 *
 * Works like io_uring_prep_poll_add(), but stays armed. It is edge triggered:
 * it reports again when more happens, not because old data is still there.
 * Kernels refuse IORING_POLL_ADD_LEVEL with -EINVAL. Each completion's res is
 * the mask of events or -errno; the request lives on as long as the
 * completion's flags have IORING_CQE_F_MORE.
 * Since liburing 2.1, kernel 5.13.
 */
IOURINGINLINE void io_uring_prep_poll_multishot(struct io_uring_sqe *sqe,
		int fd, unsigned poll_mask)
	LIBURING_NOEXCEPT
{
	io_uring_prep_poll_add(sqe, fd, poll_mask);
	sqe->len = IORING_POLL_ADD_MULTI;
}

/*
 * Prepares the removal of the poll request that has this user_data.
 *
 * The completion's res is 0, -ENOENT when there is no such poll, or -EALREADY
 * when it is completing. The removed poll completes with -ECANCELED.
 * Since liburing 2.0, kernel 5.1.
 */
IOURINGINLINE void io_uring_prep_poll_remove(struct io_uring_sqe *sqe,
		__u64 user_data)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_POLL_REMOVE, sqe, -1, NULL, 0, 0);
	sqe->addr = user_data;
}

/*
 * Prepares a change of the poll request whose user data is old_user_data.
 *
 * flags says what changes: IORING_POLL_UPDATE_EVENTS the events, to the low 16
 * bits of poll_mask; IORING_POLL_UPDATE_USER_DATA the user data, to
 * new_user_data. What isn't changed must be 0. IORING_POLL_ADD_MULTI is
 * accepted along with them, but a single-shot poll stays one. The completion's
 * res is 0, -ENOENT when there is no such poll, or -EALREADY when it is
 * completing. A poll that can't be armed again ends with -ECANCELED, and res is
 * 0 all the same.
 * Since liburing 2.1, kernel 5.13.
 */
IOURINGINLINE void io_uring_prep_poll_update(struct io_uring_sqe *sqe,
		__u64 old_user_data, __u64 new_user_data, unsigned poll_mask,
		unsigned flags)
	LIBURING_NOEXCEPT
{
	LIBURING_RELEASE(new_user_data);
	io_uring_prep_rw(IORING_OP_POLL_REMOVE, sqe, -1, NULL, flags,
			new_user_data);
	sqe->addr = old_user_data;
	sqe->poll32_events = __io_uring_prep_poll_mask(poll_mask);
}

/* Timers, and ending other requests early. */

/*
 * Prepares a timer that ends after the time ts, or earlier, after count further
 * completions.
 *
 * count 0 means the time only; with IORING_TIMEOUT_MULTISHOT it is the number
 * of repeats, 0 for endless. The time is relative and on the monotonic clock
 * unless flags has IORING_TIMEOUT_ABS, IORING_TIMEOUT_BOOTTIME or
 * IORING_TIMEOUT_REALTIME. ts must stay valid until io_uring_sq_ready() returns
 * 0; with IORING_TIMEOUT_IMMEDIATE_ARG (kernel 7.1) the pointer itself is a
 * number of nanoseconds. The completion's res is -ETIME when the time has
 * passed, 0 when the count was reached first, -ECANCELED when it was removed.
 * Since liburing 2.0, kernel 5.4.
 */
IOURINGINLINE void io_uring_prep_timeout(struct io_uring_sqe *sqe,
		const struct __kernel_timespec *ts, unsigned count,
		unsigned flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_TIMEOUT, sqe, -1, ts, 1, count);
	sqe->timeout_flags = flags;
}

/*
 * Prepares the removal of the timer that has this user_data.
 *
 * flags must be 0. A linked timeout isn't found: cancel the request that it
 * limits. The completion's res is 0, -ENOENT when there is no such timer, or
 * -EALREADY when it is about to complete. The removed timer completes with
 * -ECANCELED.
 * Since liburing 2.0, kernel 5.5.
 */
IOURINGINLINE void io_uring_prep_timeout_remove(struct io_uring_sqe *sqe,
		__u64 user_data, unsigned flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_TIMEOUT_REMOVE, sqe, -1, NULL, 0, 0);
	sqe->addr = user_data;
	sqe->timeout_flags = flags;
}

/*
 * Prepares a new time for the timer that has this user_data.
 *
 * ts must stay valid until io_uring_sq_ready() returns 0. It counts from now,
 * or is absolute when flags has IORING_TIMEOUT_ABS. IORING_LINK_TIMEOUT_UPDATE
 * in flags means a linked timeout (kernel 5.15). The clock stays: its flags
 * give -EINVAL. The timer's count is forgotten: it waits for the time alone,
 * and a multishot one becomes endless. The completion's res is 0, -ENOENT when
 * there is no such timer, or -EALREADY when it is about to complete.
 * Since liburing 2.0, kernel 5.11.
 */
IOURINGINLINE void io_uring_prep_timeout_update(struct io_uring_sqe *sqe,
		const struct __kernel_timespec *ts, __u64 user_data,
		unsigned flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_TIMEOUT_REMOVE, sqe, -1, NULL, 0,
			uring_ptr_to_u64(ts));
	sqe->addr = user_data;
	sqe->timeout_flags = flags | IORING_TIMEOUT_UPDATE;
}

/*
 * Prepares the cancelation of requests, found by user_data unless flags says
 * otherwise.
 *
 * flags are IORING_ASYNC_CANCEL_* (kernel 5.19): _ALL for every match instead
 * of the first, _ANY for every request of the ring, _OP (kernel 6.6) to match
 * the opcode set in sqe->len afterwards. A linked timeout isn't found: cancel
 * the request that it limits. The completion's res is 0 (for waits on futexes
 * and children 1), -ENOENT when nothing matches, or -EALREADY when the request
 * is too far along; with _ALL or _ANY the number of requests found. A canceled
 * request still completes, most often with -ECANCELED; what it uses must stay
 * valid until the request completes in this way.
 * Since liburing 2.2, kernel 5.5.
 */
IOURINGINLINE void io_uring_prep_cancel64(struct io_uring_sqe *sqe,
		__u64 user_data, int flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_ASYNC_CANCEL, sqe, -1, NULL, 0, 0);
	sqe->addr = user_data;
	sqe->cancel_flags = uring_cast(__u32, flags);
}

/*
 * Prepares the cancelation of requests by the pointer that is their user data.
 *
 * The same as io_uring_prep_cancel64(), for requests marked with
 * io_uring_sqe_set_data(). What user_data points to isn't looked at. The
 * completion's res is as with io_uring_prep_cancel64().
 * Since liburing 2.0, kernel 5.5.
 */
IOURINGINLINE void io_uring_prep_cancel(struct io_uring_sqe *sqe,
		const void *user_data, int flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_cancel64(sqe, uring_ptr_to_u64(user_data), flags);
}

/*
 * Prepares the cancelation of requests that use the descriptor fd.
 *
 * flags may have IORING_ASYNC_CANCEL_ALL for every such request instead of the
 * first, and IORING_ASYNC_CANCEL_FD_FIXED (kernel 6.0) when fd is a slot of the
 * registered files. The completion's res is 0, -ENOENT when nothing matches, or
 * -EALREADY when the request is too far along; with IORING_ASYNC_CANCEL_ALL the
 * number of requests found.
 * Since liburing 2.2, kernel 5.19.
 */
IOURINGINLINE void io_uring_prep_cancel_fd(struct io_uring_sqe *sqe, int fd,
		unsigned flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_ASYNC_CANCEL, sqe, fd, NULL, 0, 0);
	sqe->cancel_flags = flags | IORING_ASYNC_CANCEL_FD;
}

/*
 * Prepares a time limit for the request before it, which must have a link flag
 * set.
 *
 * That is IOSQE_IO_LINK or IOSQE_IO_HARDLINK. ts must stay valid until
 * io_uring_sq_ready() returns 0. flags are those of io_uring_prep_timeout() for
 * absolute times and clocks; IORING_TIMEOUT_ETIME_SUCCESS is accepted and has
 * no effect on the chain. The completion's res is -ETIME when the time has
 * passed and the request was canceled, -ECANCELED when the request was done
 * first; -ENOENT or -EALREADY when the two met.
 * Since liburing 2.0, kernel 5.5.
 */
IOURINGINLINE void io_uring_prep_link_timeout(struct io_uring_sqe *sqe,
		const struct __kernel_timespec *ts, unsigned flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_LINK_TIMEOUT, sqe, -1, ts, 1, 0);
	sqe->timeout_flags = flags;
}

/* Flushing files to disk, and the request that does nothing. */

/*
 * Prepares a request that brings fd's data and metadata to the disk, like
 * fsync().
 *
 * fsync_flags is 0, or IORING_FSYNC_DATASYNC to behave like fdatasync(). The
 * whole file is meant; for a part of it set sqe->off and sqe->len afterwards.
 * Writes submitted earlier are only covered once they have completed: link or
 * drain to order them. The completion's res is 0 or -errno. An error doesn't
 * break a chain of links: see IOSQE_IO_LINK.
 * Since liburing 2.0, kernel 5.1.
 */
IOURINGINLINE void io_uring_prep_fsync(struct io_uring_sqe *sqe, int fd,
		unsigned fsync_flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_FSYNC, sqe, fd, NULL, 0, 0);
	sqe->fsync_flags = fsync_flags;
}

/*
 * Prepares a request that does nothing but complete.
 *
 * Useful to measure or to wake up a ring. The completion's res is 0, or
 * sqe->len when sqe->nop_flags has IORING_NOP_INJECT_RESULT (kernel 6.10), both
 * set afterwards.
 * Since liburing 2.0, kernel 5.1.
 */
IOURINGINLINE void io_uring_prep_nop(struct io_uring_sqe *sqe)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_NOP, sqe, -1, NULL, 0, 0);
}

/*
 * Prepares a request that does nothing but complete, in an SQE of 128 bytes.
 *
 * sqe comes from io_uring_get_sqe128(). The completion's res is as with
 * io_uring_prep_nop(), or -EINVAL when sqe has only 64 bytes or the kernel is
 * older.
 * Since liburing 2.13, kernel 6.19.
 */
IOURINGINLINE void io_uring_prep_nop128(struct io_uring_sqe *sqe)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_NOP128, sqe, -1, NULL, 0, 0);
}

/*
 * Prepares a sync_file_range() of len bytes at offset of fd.
 *
 * len 0 means up to the end of the file. flags are SYNC_FILE_RANGE_*. Metadata
 * isn't written: after a crash the data may be unreachable. The completion's
 * res is 0 or -errno.
 * Since liburing 2.0, kernel 5.2.
 */
IOURINGINLINE void io_uring_prep_sync_file_range(struct io_uring_sqe *sqe,
		int fd, unsigned len, __u64 offset, int flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_SYNC_FILE_RANGE, sqe, fd, NULL, len, offset);
	sqe->sync_range_flags = uring_cast(__u32, flags);
}

/* Messages from one ring to another. */

/*
 * Prepares a message like that of io_uring_prep_msg_ring(), which also sets the
 * flags of the CQE.
 *
 * The CQE on the ring fd has len as its res, data as its user data and
 * cqe_flags as its flags. Each flag keeps its meaning there: with
 * IORING_CQE_F_SKIP, for one, the CQE is passed over. flags must be 0. The
 * completion's res is 0 or -errno, as with io_uring_prep_msg_ring().
 * Since liburing 2.4, kernel 6.3.
 */
IOURINGINLINE void io_uring_prep_msg_ring_cqe_flags(struct io_uring_sqe *sqe,
		int fd, unsigned len, __u64 data, unsigned flags,
		unsigned cqe_flags)
	LIBURING_NOEXCEPT
{
	LIBURING_RELEASE(data);
	io_uring_prep_rw(IORING_OP_MSG_RING, sqe, fd, NULL, len, data);
	sqe->msg_ring_flags = IORING_MSG_RING_FLAGS_PASS | flags;
	sqe->file_index = cqe_flags;
}

/*
 * Prepares a message to the ring fd: a CQE there with len as its res and data
 * as its user data.
 *
 * fd is the descriptor of any ring, the sending one included. flags must be 0.
 * The completion's res is 0 or -errno: -EBADFD when fd is no ring, or one that
 * isn't enabled yet, -EOVERFLOW when no CQE could be posted there.
 * Since liburing 2.2, kernel 5.18.
 */
IOURINGINLINE void io_uring_prep_msg_ring(struct io_uring_sqe *sqe, int fd,
		unsigned len, __u64 data, unsigned flags)
	LIBURING_NOEXCEPT
{
	LIBURING_RELEASE(data);
	io_uring_prep_rw(IORING_OP_MSG_RING, sqe, fd, NULL, len, data);
	sqe->msg_ring_flags = flags;
}

/*
 * Prepares a send of a registered file to another ring.
 *
 * source_fd is the file's slot in this ring, target_fd the slot it gets in the
 * ring fd, or IORING_FILE_INDEX_ALLOC for any free one. A CQE with data as its
 * user data is posted there, with 0 or the picked slot as its res, unless flags
 * has IORING_MSG_RING_CQE_SKIP. The completion's res is the same, or -errno:
 * -EBADF when there is no such file, -EINVAL when both rings are one, -ENFILE
 * when no slot is free, -ENXIO when the other ring has no table for a named
 * slot, -EOVERFLOW when the file went over but not the CQE.
 * Since liburing 2.4, kernel 6.0.
 */
IOURINGINLINE void io_uring_prep_msg_ring_fd(struct io_uring_sqe *sqe, int fd,
		int source_fd, int target_fd, __u64 data, unsigned flags)
	LIBURING_NOEXCEPT
{
	LIBURING_RELEASE(data);
	/* The kernel reads the kind of message from the address. */
	io_uring_prep_rw(IORING_OP_MSG_RING, sqe, fd,
			uring_ptr_cast(void *, IORING_MSG_SEND_FD), 0, data);
	sqe->addr3 = uring_cast(__u64, source_fd);
	/*
	 * IORING_FILE_INDEX_ALLOC isn't a slot, and goes to the kernel
	 * unchanged.
	 */
	if (uring_cast(unsigned, target_fd) == IORING_FILE_INDEX_ALLOC)
		target_fd -= 1;
	__io_uring_set_target_fixed_file(sqe, uring_cast(unsigned, target_fd));
	sqe->msg_ring_flags = flags;
}

/*
 * Prepares a send of a registered file to another ring, into a slot that the
 * kernel picks there.
 *
 * The same as io_uring_prep_msg_ring_fd() with IORING_FILE_INDEX_ALLOC. The
 * completion's res, here and in the CQE on the ring fd, is the slot that was
 * picked; here it may be -errno too, -ENFILE when none is free.
 * Since liburing 2.4, kernel 6.0.
 */
IOURINGINLINE void io_uring_prep_msg_ring_fd_alloc(struct io_uring_sqe *sqe,
		int fd, int source_fd, __u64 data, unsigned flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_msg_ring_fd(sqe, fd, source_fd,
			uring_cast(int, IORING_FILE_INDEX_ALLOC), data, flags);
}

/*
 * Provided buffers, the older way: through requests. buf_ring is the newer one.
 */

/*
 * Prepares a request that provides nr buffers of len bytes each, one after the
 * other from addr on.
 *
 * They join the group bgid and get the ids bid, bid + 1 and so on, up to 65535;
 * nr is 1 to 65536 (before kernel 6.7: 65535). A request with
 * IOSQE_BUFFER_SELECT and that group takes one; its completion names the id.
 * From then on the buffer is the application's, until it is provided again. A
 * buffer ring does the same at less cost: see io_uring_setup_buf_ring(). The
 * completion's res is 0 (before kernel 5.19 perhaps the number of buffers),
 * also when only some could be added, or -errno: -E2BIG when nr or bid is out
 * of range, -EINVAL when len is 0 or the ids pass 65535.
 * Since liburing 2.0, kernel 5.7.
 */
IOURINGINLINE void io_uring_prep_provide_buffers(struct io_uring_sqe *sqe,
		void *addr, int len, int nr, int bgid, int bid)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_PROVIDE_BUFFERS, sqe, nr, addr,
			uring_cast(__u32, len), uring_cast(__u64, bid));
	sqe->buf_group = uring_cast(__u16, bgid);
}

/*
 * Prepares a request that takes back up to nr provided buffers of the group
 * bgid.
 *
 * The kernel uses none of them any more when the request has completed. The
 * completion's res is the number of buffers taken back, which may be fewer than
 * asked, or -errno: -ENOENT when there is no such group, -EINVAL when it is a
 * buffer ring or nr is out of range.
 * Since liburing 2.0, kernel 5.7.
 */
IOURINGINLINE void io_uring_prep_remove_buffers(struct io_uring_sqe *sqe,
		int nr, int bgid)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_REMOVE_BUFFERS, sqe, nr, NULL, 0, 0);
	sqe->buf_group = uring_cast(__u16, bgid);
}

/* Extended attributes. */

/*
 * Prepares a getxattr(): the attribute name of the file path into the len bytes
 * of value.
 *
 * With len 0 only the size is asked for. name and path must stay valid until
 * io_uring_sq_ready() returns 0, value until the request completes. The
 * completion's res is the size of the attribute or -errno: -ENODATA when there
 * is none, -ERANGE when len is too small.
 * Since liburing 2.2, kernel 5.19.
 */
IOURINGINLINE void io_uring_prep_getxattr(struct io_uring_sqe *sqe,
		const char *name, char *value, const char *path, unsigned len)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_GETXATTR, sqe, 0, name, len,
			uring_ptr_to_u64(value));
	sqe->addr3 = uring_ptr_to_u64(path);
	sqe->xattr_flags = 0;
}

/*
 * Prepares a setxattr(): the len bytes of value as the attribute name of the
 * file path.
 *
 * flags is 0, XATTR_CREATE or XATTR_REPLACE. name, value and path must stay
 * valid until io_uring_sq_ready() returns 0. The completion's res is 0 or
 * -errno.
 * Since liburing 2.2, kernel 5.19.
 */
IOURINGINLINE void io_uring_prep_setxattr(struct io_uring_sqe *sqe,
		const char *name, const char *value, const char *path,
		int flags, unsigned len)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_SETXATTR, sqe, 0, name, len,
			uring_ptr_to_u64(value));
	sqe->addr3 = uring_ptr_to_u64(path);
	sqe->xattr_flags = uring_cast(__u32, flags);
}

/*
 * Prepares an fgetxattr(): the attribute name of the open file fd into the len
 * bytes of value.
 *
 * With len 0 only the size is asked for. name must stay valid until
 * io_uring_sq_ready() returns 0, value until the request completes. The
 * completion's res is the size of the attribute or -errno: -ENODATA when there
 * is none, -ERANGE when len is too small.
 * Since liburing 2.2, kernel 5.19.
 */
IOURINGINLINE void io_uring_prep_fgetxattr(struct io_uring_sqe *sqe, int fd,
		const char *name, char *value, unsigned len)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_FGETXATTR, sqe, fd, name, len,
			uring_ptr_to_u64(value));
	sqe->xattr_flags = 0;
}

/*
 * Prepares an fsetxattr(): the len bytes of value as the attribute name of the
 * open file fd.
 *
 * flags is 0, XATTR_CREATE or XATTR_REPLACE. name and value must stay valid
 * until io_uring_sq_ready() returns 0. The completion's res is 0 or -errno.
 * Since liburing 2.2, kernel 5.19.
 */
IOURINGINLINE void io_uring_prep_fsetxattr(struct io_uring_sqe *sqe, int fd,
		const char *name, const char *value, int flags, unsigned len)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_FSETXATTR, sqe, fd, name, len,
			uring_ptr_to_u64(value));
	sqe->xattr_flags = uring_cast(__u32, flags);
}

/* Waiting for child processes and on futexes. */

/*
 * Prepares a waitid(): a wait for the child processes that idtype and id
 * select.
 *
 * options are WEXITED and the like. infop is filled in; it may be NULL, else it
 * must stay valid until the request completes. flags must be 0. The
 * completion's res is 0 or -errno: -ECHILD when there is no such child. With
 * that and with -ECANCELED si_pid and si_signo of infop are set to 0.
 * Since liburing 2.6, kernel 6.7.
 */
IOURINGINLINE void io_uring_prep_waitid(struct io_uring_sqe *sqe,
		idtype_t idtype, id_t id, siginfo_t *infop, int options,
		unsigned flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_WAITID, sqe, uring_cast(int, id), NULL,
			uring_cast(unsigned, idtype), 0);
	sqe->waitid_flags = flags;
	sqe->file_index = uring_cast(__u32, options);
	sqe->addr2 = uring_ptr_to_u64(infop);
}

/*
 * Prepares a futex wake request for at most val waiters on the futex at futex.
 *
 * mask must share a bit with a waiter's; FUTEX_BITSET_MATCH_ANY means them all.
 * futex_flags are FUTEX2_*, at least a size: FUTEX2_SIZE_U32. flags must be 0.
 * futex must stay valid until the request completes. The completion's res is
 * the number of waiters woken or -errno. A val above INT_MAX wakes one.
 * Since liburing 2.6, kernel 6.7.
 */
IOURINGINLINE void io_uring_prep_futex_wake(struct io_uring_sqe *sqe,
		const uint32_t *futex, uint64_t val, uint64_t mask,
		uint32_t futex_flags, unsigned flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_FUTEX_WAKE, sqe,
			uring_cast(int, futex_flags), futex, 0, val);
	sqe->futex_flags = flags;
	sqe->addr3 = mask;
}

/*
 * Prepares a wait on the futex at futex, if that still has the value val.
 *
 * A waker whose mask shares a bit with mask ends it: FUTEX_BITSET_MATCH_ANY
 * means any. futex_flags are FUTEX2_*, at least a size: FUTEX2_SIZE_U32. flags
 * must be 0. futex must stay valid until the request completes. There is no
 * timeout: link an io_uring_prep_link_timeout(). The completion's res is 0 when
 * woken, or -errno: -EAGAIN when the value is another.
 * Since liburing 2.6, kernel 6.7.
 */
IOURINGINLINE void io_uring_prep_futex_wait(struct io_uring_sqe *sqe,
		const uint32_t *futex, uint64_t val, uint64_t mask,
		uint32_t futex_flags, unsigned flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_FUTEX_WAIT, sqe,
			uring_cast(int, futex_flags), futex, 0, val);
	sqe->futex_flags = flags;
	sqe->addr3 = mask;
}

/*
 * Prepares a wait on nr_futex futexes at once, until one of them is woken.
 *
 * The array futex must stay valid until io_uring_sq_ready() returns 0, the
 * futexes it points to until the request completes. flags must be 0. There is
 * no timeout: link an io_uring_prep_link_timeout(). The completion's res is the
 * index of a futex that was woken, or -errno: -EAGAIN when one has another
 * value than expected.
 * Since liburing 2.6, kernel 6.7.
 */
IOURINGINLINE void io_uring_prep_futex_waitv(struct io_uring_sqe *sqe,
		const struct futex_waitv *futex, uint32_t nr_futex,
		unsigned flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_FUTEX_WAITV, sqe, 0, futex, nr_futex, 0);
	sqe->futex_flags = flags;
}

/* Sockets, from creation to shutdown, and epoll. */

/*
 * Prepares the acceptance of one connection on the listening socket fd.
 *
 * addr and addrlen receive the peer's address and are both NULL when it isn't
 * wanted; they must stay valid until the request completes. flags are those of
 * accept4(2). The completion's res is the new file descriptor or -errno.
 * Since liburing 2.0, kernel 5.5.
 */
IOURINGINLINE void io_uring_prep_accept(struct io_uring_sqe *sqe, int fd,
		struct sockaddr *addr, socklen_t *addrlen, int flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_ACCEPT, sqe, fd, addr, 0,
			uring_ptr_to_u64(addrlen));
	sqe->accept_flags = uring_cast(__u32, flags);
}

/*
 * Prepares the acceptance of one connection into the registered file table.
 *
 * file_index is the slot, whose old file is closed, or IORING_FILE_INDEX_ALLOC
 * for a free one. SOCK_CLOEXEC is refused with -EINVAL. The rest as for
 * io_uring_prep_accept(). The completion's res is 0, or the slot when the
 * kernel chose it, or -errno: -ENFILE when none was free, -EINVAL when there is
 * no such slot, -ENXIO when no files are registered. The connection, accepted
 * before, is lost then.
 * Since liburing 2.1, kernel 5.15.
 */
IOURINGINLINE void io_uring_prep_accept_direct(struct io_uring_sqe *sqe, int fd,
		struct sockaddr *addr, socklen_t *addrlen, int flags,
		unsigned file_index)
	LIBURING_NOEXCEPT
{
	io_uring_prep_accept(sqe, fd, addr, addrlen, flags);
	/*
	 * IORING_FILE_INDEX_ALLOC isn't a slot, and goes to the kernel
	 * unchanged.
	 */
	if (file_index == IORING_FILE_INDEX_ALLOC)
		file_index = IORING_FILE_INDEX_ALLOC - 1;
	__io_uring_set_target_fixed_file(sqe, file_index);
}

/*
 * Prepares the acceptance of every connection that comes on the listening
 * socket fd.
 *
 * One request, a completion for each connection; it goes on while completions
 * have IORING_CQE_F_MORE. All connections share addr and addrlen, so pass NULL
 * unless they come one at a time. The completions' res is the new file
 * descriptor or -errno.
 * Since liburing 2.2, kernel 5.19.
 */
IOURINGINLINE void io_uring_prep_multishot_accept(struct io_uring_sqe *sqe,
		int fd, struct sockaddr *addr, socklen_t *addrlen, int flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_accept(sqe, fd, addr, addrlen, flags);
	sqe->ioprio |= uring_cast(__u16, IORING_ACCEPT_MULTISHOT);
}

/*
 * Prepares the acceptance of every connection into free slots of the registered
 * file table.
 *
 * As io_uring_prep_multishot_accept(), but the completions' res is the slot, or
 * -errno: -ENFILE when none was free; the connection, accepted before, is lost
 * then. SOCK_CLOEXEC is refused with -EINVAL.
 * Since liburing 2.2, kernel 5.19.
 */
IOURINGINLINE void io_uring_prep_multishot_accept_direct(struct io_uring_sqe *sqe,
		int fd, struct sockaddr *addr, socklen_t *addrlen, int flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_multishot_accept(sqe, fd, addr, addrlen, flags);
	__io_uring_set_target_fixed_file(sqe, IORING_FILE_INDEX_ALLOC - 1);
}

/*
 * Prepares a connect() of the socket fd to the address addr of addrlen bytes.
 *
 * The address must stay valid until io_uring_sq_ready() returns 0. The
 * completion's res is 0 or -errno, as from connect(2).
 * Since liburing 2.0, kernel 5.5.
 */
IOURINGINLINE void io_uring_prep_connect(struct io_uring_sqe *sqe, int fd,
		const struct sockaddr *addr, socklen_t addrlen)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_CONNECT, sqe, fd, addr, 0, addrlen);
}

/*
 * Prepares a bind() of the socket fd to the local address addr of addrlen
 * bytes.
 *
 * The address must stay valid until io_uring_sq_ready() returns 0. The
 * completion's res is 0 or -errno, as from bind(2).
 * Since liburing 2.7, kernel 6.11.
 */
IOURINGINLINE void io_uring_prep_bind(struct io_uring_sqe *sqe, int fd,
		const struct sockaddr *addr, socklen_t addrlen)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_BIND, sqe, fd, addr, 0, addrlen);
}

/*
 * Prepares a listen() on the socket fd.
 *
 * backlog limits how many connections may wait to be accepted. The completion's
 * res is 0 or -errno, as from listen(2).
 * Since liburing 2.7, kernel 6.11.
 */
IOURINGINLINE void io_uring_prep_listen(struct io_uring_sqe *sqe, int fd,
		int backlog)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_LISTEN, sqe, fd, NULL,
			uring_cast(unsigned, backlog), 0);
}

/*
 * Prepares a wait for up to maxevents events on the epoll descriptor fd.
 *
 * events must have room for as many and stay valid until the request completes.
 * There is no timeout: link one. flags must be 0. The completion's res is the
 * number of events or -errno, as from epoll_wait(2).
 * Since liburing 2.10, kernel 6.15.
 */
IOURINGINLINE void io_uring_prep_epoll_wait(struct io_uring_sqe *sqe, int fd,
		struct epoll_event *events, int maxevents, unsigned flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_EPOLL_WAIT, sqe, fd, events,
			uring_cast(unsigned, maxevents), 0);
	sqe->rw_flags = uring_cast(__kernel_rwf_t, flags);
}

/*
 * Prepares a change of what the epoll descriptor epfd watches.
 *
 * op is EPOLL_CTL_ADD, EPOLL_CTL_MOD or EPOLL_CTL_DEL, for the descriptor fd.
 * ev must stay valid until io_uring_sq_ready() returns 0. All are ordinary
 * descriptors: IOSQE_FIXED_FILE is ignored. The completion's res is 0 or
 * -errno, as from epoll_ctl(2).
 * Since liburing 2.0, kernel 5.6.
 */
IOURINGINLINE void io_uring_prep_epoll_ctl(struct io_uring_sqe *sqe, int epfd,
		int fd, int op, const struct epoll_event *ev)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_EPOLL_CTL, sqe, epfd, ev,
			uring_cast(__u32, op), uring_cast(__u32, fd));
}

/*
 * Prepares a shutdown of the connection of the socket fd.
 *
 * how is SHUT_RD, SHUT_WR or SHUT_RDWR. The completion's res is 0 or -errno, as
 * from shutdown(2).
 * Since liburing 2.0, kernel 5.11.
 */
IOURINGINLINE void io_uring_prep_shutdown(struct io_uring_sqe *sqe, int fd,
		int how)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_SHUTDOWN, sqe, fd, NULL,
			uring_cast(__u32, how), 0);
}

/*
 * Prepares the creation of a socket.
 *
 * domain, socktype and protocol are those of socket(2); SOCK_CLOEXEC and
 * SOCK_NONBLOCK go into socktype. flags must be 0. The completion's res is the
 * new file descriptor or -errno.
 * Since liburing 2.2, kernel 5.19.
 */
IOURINGINLINE void io_uring_prep_socket(struct io_uring_sqe *sqe, int domain,
		int socktype, int protocol, unsigned flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_SOCKET, sqe, domain, NULL,
			uring_cast(unsigned, protocol),
			uring_cast(__u64, socktype));
	sqe->rw_flags = uring_cast(__kernel_rwf_t, flags);
}

/*
 * Prepares the creation of a socket in the registered file table.
 *
 * file_index is the slot, whose old file is closed, or IORING_FILE_INDEX_ALLOC
 * for a free one. SOCK_CLOEXEC is refused with -EINVAL. The rest as for
 * io_uring_prep_socket(). The completion's res is 0, or the slot when the
 * kernel chose it, or -errno: -ENFILE when none was free, -EINVAL when there is
 * no such slot, -ENXIO when no files are registered.
 * Since liburing 2.2, kernel 5.19.
 */
IOURINGINLINE void io_uring_prep_socket_direct(struct io_uring_sqe *sqe,
		int domain, int socktype, int protocol, unsigned file_index,
		unsigned flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_socket(sqe, domain, socktype, protocol, flags);
	/*
	 * IORING_FILE_INDEX_ALLOC isn't a slot, and goes to the kernel
	 * unchanged.
	 */
	if (file_index == IORING_FILE_INDEX_ALLOC)
		file_index = IORING_FILE_INDEX_ALLOC - 1;
	__io_uring_set_target_fixed_file(sqe, file_index);
}

/*
 * Prepares the creation of a socket in a free slot of the registered file
 * table.
 *
 * As io_uring_prep_socket_direct() with IORING_FILE_INDEX_ALLOC. The
 * completion's res is the slot or -errno: -ENFILE when none was free.
 * Since liburing 2.2, kernel 5.19.
 */
IOURINGINLINE void io_uring_prep_socket_direct_alloc(struct io_uring_sqe *sqe,
		int domain, int socktype, int protocol, unsigned flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_socket(sqe, domain, socktype, protocol, flags);
	__io_uring_set_target_fixed_file(sqe, IORING_FILE_INDEX_ALLOC - 1);
}

/*
 * Sending and receiving on sockets: plain, as messages, from registered
 * buffers, without copying, and multishot.
 */

/*
 * Prepares a recvmsg() on the socket fd.
 *
 * The kernel writes the lengths and flags back into msg, so it and all it
 * points to must stay valid until the request completes. flags are MSG_*. The
 * completion's res is the number of bytes, 0 at the end of a stream, or -errno.
 * Since liburing 2.0, kernel 5.3.
 */
IOURINGINLINE void io_uring_prep_recvmsg(struct io_uring_sqe *sqe, int fd,
		struct msghdr *msg, unsigned flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_RECVMSG, sqe, fd, msg, 1, 0);
	sqe->msg_flags = flags;
}

/*
 * Prepares the receipt of every message that comes on the socket fd, each into
 * a provided buffer.
 *
 * Set IOSQE_BUFFER_SELECT and a buffer group too; MSG_WAITALL is refused. Of
 * msg only msg_namelen and msg_controllen count, the room kept in each buffer
 * for the address and the control data, and one msg_iov at most (more:
 * -EINVAL), whose iov_len limits a message. Read a buffer with
 * io_uring_recvmsg_validate(). It goes on while completions have
 * IORING_CQE_F_MORE; an empty datagram ends it. The completions' res is the
 * number of bytes in the buffer, header and reserved room included, or -errno:
 * -ENOBUFS when no buffer was left, -EFAULT when one has no room for these.
 * Since liburing 2.3, kernel 6.0.
 */
IOURINGINLINE void io_uring_prep_recvmsg_multishot(struct io_uring_sqe *sqe,
		int fd, struct msghdr *msg, unsigned flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_recvmsg(sqe, fd, msg, flags);
	sqe->ioprio |= uring_cast(__u16, IORING_RECV_MULTISHOT);
}

/*
 * Prepares a sendmsg() on the socket fd.
 *
 * msg must stay valid until io_uring_sq_ready() returns 0 (before kernel 5.5,
 * until the request completes), the control data (msg_control) and the bytes to
 * send until the request completes. flags are MSG_*; a short send breaks a link
 * only with MSG_WAITALL. IOSQE_BUFFER_SELECT gives -EOPNOTSUPP. The
 * completion's res is the number of bytes sent or -errno.
 * Since liburing 2.0, kernel 5.3.
 */
IOURINGINLINE void io_uring_prep_sendmsg(struct io_uring_sqe *sqe, int fd,
		const struct msghdr *msg, unsigned flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_SENDMSG, sqe, fd, msg, 1, 0);
	sqe->msg_flags = flags;
}

/*
 * Prepares a sendmsg() that doesn't copy the bytes.
 *
 * As io_uring_prep_sendmsg(), but the request completes with a second
 * completion, the one with IORING_CQE_F_NOTIF; it comes when the first has
 * IORING_CQE_F_MORE, which a failed request can have too.
 * IOSQE_CQE_SKIP_SUCCESS gives -EINVAL.
 * Since liburing 2.3, kernel 6.1.
 */
IOURINGINLINE void io_uring_prep_sendmsg_zc(struct io_uring_sqe *sqe, int fd,
		const struct msghdr *msg, unsigned flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_sendmsg(sqe, fd, msg, flags);
	sqe->opcode = IORING_OP_SENDMSG_ZC;
}

/*
 * Prepares a sendmsg() that doesn't copy the bytes, which lie in the registered
 * buffer buf_index.
 *
 * As io_uring_prep_sendmsg_zc(); each iovec of msg must lie inside that buffer.
 * Only the low 16 bits of buf_index are kept.
 * Since liburing 2.10, kernel 6.15.
 */
IOURINGINLINE void io_uring_prep_sendmsg_zc_fixed(struct io_uring_sqe *sqe,
		int fd, const struct msghdr *msg, unsigned flags,
		unsigned buf_index)
	LIBURING_NOEXCEPT
{
	io_uring_prep_sendmsg_zc(sqe, fd, msg, flags);
	sqe->ioprio |= uring_cast(__u16, IORING_RECVSEND_FIXED_BUF);
	sqe->buf_index = uring_cast(__u16, buf_index);
}

/*
 * Prepares a send() of len bytes of buf on the socket sockfd.
 *
 * The bytes must stay valid until the request completes; with
 * IOSQE_BUFFER_SELECT (kernel 6.10) buf is NULL and a provided buffer is sent.
 * Only the low 32 bits of len are kept. flags are MSG_*; a short send breaks a
 * link only with MSG_WAITALL. The completion's res is the number of bytes sent
 * or -errno.
 * Since liburing 2.0, kernel 5.6.
 */
IOURINGINLINE void io_uring_prep_send(struct io_uring_sqe *sqe, int sockfd,
		const void *buf, size_t len, int flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_SEND, sqe, sockfd, buf,
			uring_cast(__u32, len), 0);
	sqe->msg_flags = uring_cast(__u32, flags);
}

/*
 * Prepares a send of as many provided buffers as are there.
 *
 * Set IOSQE_BUFFER_SELECT and the group of a buffer ring too. It goes in rounds
 * of up to 256 buffers, each with a completion; another follows when that has
 * IORING_CQE_F_MORE. len limits the bytes of the first round alone, 0 doesn't.
 * The completions' res is the number of bytes sent in the round or -errno:
 * -ENOBUFS when the group is empty, -ENOENT when there is none. The buffer ID
 * is that of the round's first buffer, and the others follow it in the ring.
 * Since liburing 2.7, kernel 6.10.
 */
IOURINGINLINE void io_uring_prep_send_bundle(struct io_uring_sqe *sqe,
		int sockfd, size_t len, int flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_send(sqe, sockfd, NULL, len, flags);
	sqe->ioprio |= uring_cast(__u16, IORING_RECVSEND_BUNDLE);
}

/*
 * Adds the destination dest_addr of addr_len bytes to a send prepared before.
 *
 * For io_uring_prep_send() (kernel 6.1) and io_uring_prep_send_zc(), not for
 * the message kinds. The address must stay valid until io_uring_sq_ready()
 * returns 0.
 * Since liburing 2.3, kernel 6.0.
 */
IOURINGINLINE void io_uring_prep_send_set_addr(struct io_uring_sqe *sqe,
		const struct sockaddr *dest_addr, __u16 addr_len)
	LIBURING_NOEXCEPT
{
	sqe->addr2 = uring_ptr_to_u64(dest_addr);
	sqe->addr_len = addr_len;
}

/*
 * Prepares a sendto() of len bytes of buf to the address addr of addrlen bytes.
 *
 * As io_uring_prep_send(); the address must stay valid until
 * io_uring_sq_ready() returns 0. Only the low 16 bits of addrlen are kept.
 * Since liburing 2.4, kernel 6.1.
 */
IOURINGINLINE void io_uring_prep_sendto(struct io_uring_sqe *sqe, int sockfd,
		const void *buf, size_t len, int flags,
		const struct sockaddr *addr, socklen_t addrlen)
	LIBURING_NOEXCEPT
{
	io_uring_prep_send(sqe, sockfd, buf, len, flags);
	io_uring_prep_send_set_addr(sqe, addr, uring_cast(__u16, addrlen));
}

/*
 * Prepares a send() of len bytes of buf that doesn't copy them.
 *
 * The bytes must stay valid until the request completes, which is with a second
 * completion, the one with IORING_CQE_F_NOTIF; it comes when the first has
 * IORING_CQE_F_MORE, which a failed request can have too. flags are MSG_*,
 * zc_flags are IORING_SEND_*, IORING_RECVSEND_POLL_FIRST and
 * IORING_RECVSEND_FIXED_BUF. Only the low 32 bits of len and 16 of zc_flags are
 * kept. The first completion's res is the number of bytes sent or -errno:
 * IOSQE_CQE_SKIP_SUCCESS gives -EINVAL.
 * Since liburing 2.3, kernel 6.0.
 */
IOURINGINLINE void io_uring_prep_send_zc(struct io_uring_sqe *sqe, int sockfd,
		const void *buf, size_t len, int flags, unsigned zc_flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_SEND_ZC, sqe, sockfd, buf,
			uring_cast(__u32, len), 0);
	sqe->msg_flags = uring_cast(__u32, flags);
	sqe->ioprio = uring_cast(__u16, zc_flags);
}

/*
 * Prepares a send() that doesn't copy the bytes, which lie in the registered
 * buffer buf_index.
 *
 * As io_uring_prep_send_zc(); buf is an address inside that buffer, and the
 * bytes must not pass its end. Only the low 16 bits of buf_index are kept.
 * Since liburing 2.3, kernel 6.0.
 */
IOURINGINLINE void io_uring_prep_send_zc_fixed(struct io_uring_sqe *sqe,
		int sockfd, const void *buf, size_t len, int flags,
		unsigned zc_flags, unsigned buf_index)
	LIBURING_NOEXCEPT
{
	io_uring_prep_send_zc(sqe, sockfd, buf, len, flags, zc_flags);
	sqe->ioprio |= uring_cast(__u16, IORING_RECVSEND_FIXED_BUF);
	sqe->buf_index = uring_cast(__u16, buf_index);
}

/*
 * Prepares a recv() of up to len bytes on the socket sockfd into buf.
 *
 * buf must stay valid until the request completes; with IOSQE_BUFFER_SELECT it
 * is NULL and the kernel takes a provided buffer. Only the low 32 bits of len
 * are kept. flags are MSG_*. The completion's res is the number of bytes, 0 at
 * the end of a stream, or -errno. Its flags have IORING_CQE_F_SOCK_NONEMPTY
 * when there is more to receive, which the end of a stream counts as.
 * Since liburing 2.0, kernel 5.6.
 */
IOURINGINLINE void io_uring_prep_recv(struct io_uring_sqe *sqe, int sockfd,
		void *buf, size_t len, int flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_rw(IORING_OP_RECV, sqe, sockfd, buf,
			uring_cast(__u32, len), 0);
	sqe->msg_flags = uring_cast(__u32, flags);
}

/*
 * Prepares the receipt of all that comes on the socket sockfd, each time into a
 * provided buffer.
 *
 * Set IOSQE_BUFFER_SELECT and a buffer group too; buf is NULL, MSG_WAITALL is
 * refused. len limits one receipt, 0 doesn't, and kernels before 6.17 take only
 * 0. sqe->optlen (kernel 6.17), set afterwards, ends it once so many bytes have
 * come. It goes on while completions have IORING_CQE_F_MORE; an empty datagram
 * ends it. The completions' res is the number of bytes, 0 at the end of a
 * stream, or -errno: -ENOBUFS without a free buffer.
 * Since liburing 2.3, kernel 6.0.
 */
IOURINGINLINE void io_uring_prep_recv_multishot(struct io_uring_sqe *sqe,
		int sockfd, void *buf, size_t len, int flags)
	LIBURING_NOEXCEPT
{
	io_uring_prep_recv(sqe, sockfd, buf, len, flags);
	sqe->ioprio |= uring_cast(__u16, IORING_RECV_MULTISHOT);
}

/*
 * Commands that a file's own driver understands: sockets, block devices, and
 * whatever else has them.
 */

/*
 * Prepares the command cmd_op for the file fd, with the operation op.
 *
 * op is IORING_OP_URING_CMD or IORING_OP_URING_CMD128, of which the low 8 bits
 * are kept. Clears addr, len and the word next to cmd_op; uring_cmd_flags and
 * the command's own data are the caller's.
 * Since liburing 2.13, kernel 5.19.
 */
IOURINGINLINE void __io_uring_prep_uring_cmd(struct io_uring_sqe *sqe, int op,
		__u32 cmd_op, int fd)
	LIBURING_NOEXCEPT
{
	sqe->opcode = uring_cast(__u8, op);
	sqe->fd = fd;
	sqe->cmd_op = cmd_op;
	sqe->__pad1 = 0;
	sqe->addr = 0;
	sqe->len = 0;
}

/*
 * Prepares the command cmd_op for the file fd, whose driver says what it means.
 *
 * The command's own data goes into the SQE after this call: 16 bytes at cmd,
 * and up to 80 with IORING_SETUP_SQE128. The completion's res is the driver's
 * answer or -errno, -EOPNOTSUPP when the file takes no commands.
 * Since liburing 2.13, kernel 5.19.
 */
IOURINGINLINE void io_uring_prep_uring_cmd(struct io_uring_sqe *sqe, int cmd_op,
		int fd)
	LIBURING_NOEXCEPT
{
	__io_uring_prep_uring_cmd(sqe, IORING_OP_URING_CMD,
			uring_cast(__u32, cmd_op), fd);
}

/*
 * Prepares the command cmd_op for the file fd in an SQE of 128 bytes.
 *
 * sqe comes from io_uring_get_sqe128(), and 80 bytes at cmd are the command's
 * own. The completion's res is the driver's answer or -errno.
 * Since liburing 2.13, kernel 6.19.
 */
IOURINGINLINE void io_uring_prep_uring_cmd128(struct io_uring_sqe *sqe,
		int cmd_op, int fd)
	LIBURING_NOEXCEPT
{
	__io_uring_prep_uring_cmd(sqe, IORING_OP_URING_CMD128,
			uring_cast(__u32, cmd_op), fd);
}

/*
 * Prepares a socket command, such as to read or set an option.
 *
 * cmd_op is a SOCKET_URING_OP_*. level, optname, optval and optlen are those of
 * setsockopt(2), for the two option commands (kernel 6.7) alone. optval must
 * stay valid until the request completes. The completion's res is the command's
 * answer, for a read option its length, or -errno: -EOPNOTSUPP when fd is not a
 * socket.
 * Since liburing 2.5, kernel 6.6.
 */
IOURINGINLINE void io_uring_prep_cmd_sock(struct io_uring_sqe *sqe, int cmd_op,
		int fd, int level, int optname, void *optval, int optlen)
	LIBURING_NOEXCEPT
{
	io_uring_prep_uring_cmd(sqe, cmd_op, fd);
	sqe->optval = uring_ptr_to_u64(optval);
	sqe->optname = uring_cast(__u32, optname);
	sqe->optlen = uring_cast(__u32, optlen);
	sqe->level = uring_cast(__u32, level);
}

/*
 * Prepares a question for the address of the socket fd: its own when peer is 0,
 * the other end's when it is 1.
 *
 * *sockaddr_len is the room at sockaddr, and becomes the address's true length.
 * Both must stay valid until the request completes. The completion's res is 0
 * or -errno, as from getsockname(2) and getpeername(2), but -EOPNOTSUPP when fd
 * is not a socket.
 * Since liburing 2.13, kernel 6.19.
 */
IOURINGINLINE void io_uring_prep_cmd_getsockname(struct io_uring_sqe *sqe,
		int fd, struct sockaddr *sockaddr, socklen_t *sockaddr_len,
		int peer)
	LIBURING_NOEXCEPT
{
	io_uring_prep_uring_cmd(sqe, SOCKET_URING_OP_GETSOCKNAME, fd);
	sqe->addr = uring_ptr_to_u64(sockaddr);
	sqe->addr3 = uring_ptr_to_u64(sockaddr_len);
	sqe->optlen = uring_cast(__u32, peer);
}

/*
 * Prepares a discard of nbytes bytes at offset of the block device fd.
 *
 * Both are multiples of the device's block size. Writes in flight to the range
 * aren't waited for, and the page cache is cleared as far as it can be: nobody
 * else should use the range meanwhile. The completion's res is 0 or -errno.
 * Since liburing 2.8, kernel 6.12.
 */
IOURINGINLINE void io_uring_prep_cmd_discard(struct io_uring_sqe *sqe, int fd,
		uint64_t offset, uint64_t nbytes)
	LIBURING_NOEXCEPT
{
	io_uring_prep_uring_cmd(sqe, uring_cast(int, BLOCK_URING_CMD_DISCARD),
			fd);
	sqe->addr = offset;
	sqe->addr3 = nbytes;
}

/*
 * Prepares a reset of all zones of the zoned block device fd that must be
 * written in sequence.
 *
 * Each of these zones is empty afterwards: its data is lost. Requests in flight
 * to the device aren't waited for, and the page cache is cleared as far as it
 * can be: nobody else should use the device meanwhile. The completion's res is
 * 0 or -errno, -EOPNOTSUPP when fd is not a zoned block device, -EINVAL when
 * the kernel has no such command.
 * Since liburing 2.16.
 */
IOURINGINLINE void io_uring_prep_cmd_zone_reset_all(struct io_uring_sqe *sqe,
		int fd)
	LIBURING_NOEXCEPT
{
	io_uring_prep_uring_cmd(sqe,
			uring_cast(int, BLOCK_URING_CMD_ZONE_RESET_ALL), fd);
}

/*
 * The ring: what it supports, how full its queues are, the next completion, the
 * next free slot.
 */

/*
 * Tells whether the kernel that filled the probe p knows the operation op, an
 * IORING_OP_*.
 *
 * Returns 1 or 0; 0 for a negative op, and for one beyond the p->ops_len that
 * the probe tells of. Get a probe with io_uring_get_probe().
 * Since liburing 2.0, kernel 5.6.
 */
IOURINGINLINE int io_uring_opcode_supported(const struct io_uring_probe *p,
		int op)
	LIBURING_NOEXCEPT
{
	const struct io_uring_probe_op *ops = p->ops;

	/*
	 * Not last_op: the caller of io_uring_register_probe() may have had
	 * less space than the kernel has operations. Unsigned, a negative one
	 * is beyond as well.
	 */
	if (uring_cast(unsigned, op) >= uring_cast(unsigned, p->ops_len))
		return 0;
	return (uring_cast(unsigned,
			ops[op].flags) & IO_URING_OP_SUPPORTED) != 0;
}

/*
 * Reads how far the kernel has consumed the submission queue.
 *
 * The index runs on over 2^32 and isn't masked. With IORING_SETUP_SQPOLL it
 * moves at any time.
 * Since liburing 2.10.
 */
IOURINGINLINE unsigned io_uring_load_sq_head(const struct io_uring *ring)
	LIBURING_NOEXCEPT
{
	if ((ring->flags & IORING_SETUP_SQPOLL) != 0) {
		/*
		 * Pairs with the polling thread's release: what it has passed,
		 * it has read.
		 */
		return io_uring_smp_load_acquire(ring->sq.khead);
	}
	/* Moved by this program's own system calls alone. */
	return *ring->sq.khead;
}

/*
 * Returns the number of SQEs in use: taken from the ring and not consumed by
 * the kernel yet.
 *
 * That counts SQEs not submitted yet and, with IORING_SETUP_SQPOLL, those the
 * polling thread hasn't come to.
 * Since liburing 2.0.
 */
IOURINGINLINE unsigned io_uring_sq_ready(const struct io_uring *ring)
	LIBURING_NOEXCEPT
{
	/*
	 * sqe_head counts what was offered, and an error lets the kernel leave
	 * some of that.
	 */
	return ring->sq.sqe_tail - io_uring_load_sq_head(ring);
}

/*
 * Returns the number of SQEs that can be taken before the queue is full.
 *
 * Since liburing 2.0.
 */
IOURINGINLINE unsigned io_uring_sq_space_left(const struct io_uring *ring)
	LIBURING_NOEXCEPT
{
	return ring->sq.ring_entries - io_uring_sq_ready(ring);
}

/*
 * Waits until the polling thread has made room in a full submission queue.
 *
 * Only entries that were submitted make room: submit first. Returns 0 at once
 * when there is room already, or when the ring isn't IORING_SETUP_SQPOLL;
 * otherwise what the kernel answers: 0 after the wait or a signal, or -errno,
 * which is -EINVAL before kernel 5.10.
 * Since liburing 2.0, kernel 5.10.
 */
IOURINGINLINE int io_uring_sqring_wait(struct io_uring *ring)
	LIBURING_NOEXCEPT
{
	if ((ring->flags & IORING_SETUP_SQPOLL) == 0)
		return 0;
	if (io_uring_sq_space_left(ring) != 0)
		return 0;
	return __io_uring_sqring_wait(ring);
}

/*
 * Returns the number of taken slots in the completion queue.
 *
 * These are CQEs, except that one which takes two slots counts twice.
 * Completions that overflowed into the kernel aren't among them.
 * Since liburing 2.0.
 */
IOURINGINLINE unsigned io_uring_cq_ready(const struct io_uring *ring)
	LIBURING_NOEXCEPT
{
	return io_uring_smp_load_acquire(ring->cq.ktail) - *ring->cq.khead;
}

/*
 * Tells whether completions wait in the kernel because the completion queue was
 * full.
 *
 * They come over when the kernel is entered for completions, as
 * io_uring_get_events() does.
 * Since liburing 2.3, kernel 5.8.
 */
IOURINGINLINE bool io_uring_cq_has_overflow(const struct io_uring *ring)
	LIBURING_NOEXCEPT
{
	return (IO_URING_READ_ONCE(*ring->sq.kflags) & IORING_SQ_CQ_OVERFLOW) != 0;
}

/*
 * Tells whether completions signal the registered eventfd.
 *
 * True as well when none is registered, and on a kernel that can't turn the
 * signals off.
 * Since liburing 2.0, kernel 5.8.
 */
IOURINGINLINE bool io_uring_cq_eventfd_enabled(const struct io_uring *ring)
	LIBURING_NOEXCEPT
{
	if (!ring->cq.kflags)
		return true;
	return (*ring->cq.kflags & IORING_CQ_EVENTFD_DISABLED) == 0;
}

/*
 * Turns the signals to the registered eventfd on or off.
 *
 * Needs no system call and no registered eventfd; one that is registered later
 * follows the setting.
 * Returns 0, or -EOPNOTSUPP when the kernel can't turn them off.
 * Since liburing 2.0, kernel 5.8.
 */
IOURINGINLINE int io_uring_cq_eventfd_toggle(struct io_uring *ring,
		bool enabled)
	LIBURING_NOEXCEPT
{
	unsigned *word = ring->cq.kflags;

	if (enabled != io_uring_cq_eventfd_enabled(ring)) {
		if (!word)
			return -EOPNOTSUPP;
		IO_URING_WRITE_ONCE(*word, *word ^ IORING_CQ_EVENTFD_DISABLED);
	}
	return 0;
}

/*
 * Waits until wait_nr completions are ready, and looks at the oldest.
 *
 * Doesn't enter the kernel when as many are ready, and submits nothing. Slots
 * count, so a CQE of 32 bytes on an IORING_SETUP_CQE_MIXED ring is two. Returns
 * 0 with *cqe_ptr set (with fewer than wait_nr after a signal or the end of a
 * timeout request), or -errno: -EINTR when a signal came while none was ready;
 * with wait_nr 0, -EAGAIN when there is none. The CQE stays in the queue until
 * io_uring_cqe_seen().
 * Since liburing 2.0.
 */
IOURINGINLINE int io_uring_wait_cqe_nr(struct io_uring *ring,
		struct io_uring_cqe **cqe_ptr, unsigned wait_nr)
	LIBURING_NOEXCEPT
{
	return __io_uring_get_cqe(ring, cqe_ptr, 0, wait_nr, NULL);
}

/*
 * Takes the oldest CQE out of the queue if it isn't the application's.
 *
 * That is a filler of the kernel (IORING_CQE_F_SKIP) or, before kernel 5.11,
 * the end of the library's own timeout, whose error goes to *err. Returns true
 * when the caller should look at the next one: the CQE is gone and *err is 0.
 * Since liburing 2.13.
 */
_LOCAL_INLINE bool io_uring_skip_cqe(struct io_uring *ring,
		struct io_uring_cqe *cqe, int *err)
	LIBURING_NOEXCEPT
{
	if ((cqe->flags & IORING_CQE_F_SKIP) == 0) {
		/*
		 * With EXT_ARG the timeout goes into the system call, and no
		 * CQE comes of it. Before, the library's own carries
		 * LIBURING_UDATA_TIMEOUT, all bits set: compared so, as
		 * -Wlong-long reports that constant's ULL.
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
 * Looks at the oldest completion without ever entering the kernel.
 *
 * Sets *cqe_ptr, to NULL when none is ready, and returns 0; or -errno, with
 * NULL, when the library's own timeout ended a wait (before kernel 5.11).
 * *nr_available, unless NULL, gets the number of taken slots from that CQE on.
 * Made for the library: applications use io_uring_peek_cqe() and
 * io_uring_wait_cqe().
 * Since liburing 2.0.
 */
IOURINGINLINE int __io_uring_peek_cqe(struct io_uring *ring,
		struct io_uring_cqe **cqe_ptr, unsigned *nr_available)
	LIBURING_NOEXCEPT
{
	unsigned wrap = ring->cq.ring_mask;
	unsigned size = io_uring_cqe_shift(ring);
	struct io_uring_cqe *oldest;
	int ended = 0;
	unsigned taken;

	for (;;) {
		/*
		 * In this order: the acquire shows whole every CQE before end.
		 */
		unsigned end = io_uring_smp_load_acquire(ring->cq.ktail);
		unsigned first = *ring->cq.khead;

		oldest = NULL;
		taken = end - first;
		if (taken == 0)
			break;
		oldest = &ring->cq.cqes[(first & wrap) << size];
		if (!io_uring_skip_cqe(ring, oldest, &ended)) {
			if (ended != 0) {
				/*
				 * The library's own timeout: its slot is the
				 * kernel's again.
				 */
				oldest = NULL;
			}
			break;
		}
	}
	*cqe_ptr = oldest;
	if (nr_available)
		*nr_available = taken;
	return ended;
}

/*
 * Looks at the oldest completion without waiting.
 *
 * Enters the kernel only where that can bring one: completions overflowed, task
 * work waits, or the ring is IORING_SETUP_IOPOLL. With
 * IORING_SETUP_DEFER_TASKRUN it knows of waiting work by
 * IORING_SETUP_TASKRUN_FLAG only.
 * Returns 0 with *cqe_ptr set, or -errno: -EAGAIN when there is none. The CQE
 * stays in the queue until io_uring_cqe_seen().
 * Since liburing 2.0.
 */
IOURINGINLINE int io_uring_peek_cqe(struct io_uring *ring,
		struct io_uring_cqe **cqe_ptr)
	LIBURING_NOEXCEPT
{
	if (__io_uring_peek_cqe(ring, cqe_ptr, NULL) == 0) {
		if (*cqe_ptr)
			return 0;
		/*
		 * Only these three let an entry into the kernel bring a
		 * completion.
		 */
		if ((ring->flags & IORING_SETUP_IOPOLL) == 0 &&
				(IO_URING_READ_ONCE(*ring->sq.kflags) & (IORING_SQ_CQ_OVERFLOW |
				IORING_SQ_TASKRUN)) == 0)
			return -EAGAIN;
	}
	return io_uring_wait_cqe_nr(ring, cqe_ptr, 0);
}

/*
 * Waits for a completion and looks at the oldest.
 *
 * Doesn't enter the kernel when one is ready, and submits nothing. Returns 0
 * with *cqe_ptr set, or -errno, such as -EINTR after a signal. The CQE stays in
 * the queue until io_uring_cqe_seen().
 * Since liburing 2.0.
 */
IOURINGINLINE int io_uring_wait_cqe(struct io_uring *ring,
		struct io_uring_cqe **cqe_ptr)
	LIBURING_NOEXCEPT
{
	if (__io_uring_peek_cqe(ring, cqe_ptr, NULL) == 0 && *cqe_ptr)
		return 0;
	return io_uring_wait_cqe_nr(ring, cqe_ptr, 1);
}

/*
 * Takes the next free SQE; the body of io_uring_get_sqe().
 *
 * Since liburing 2.2.
 */
IOURINGINLINE struct io_uring_sqe *_io_uring_get_sqe(struct io_uring *ring)
	LIBURING_NOEXCEPT
{
	struct io_uring_sq *sq = &ring->sq;
	unsigned consumed = io_uring_load_sq_head(ring);
	unsigned slot = sq->sqe_tail;
	struct io_uring_sqe *entry;

	if (slot - consumed >= sq->ring_entries)
		return NULL;
	entry = &sq->sqes[(slot & sq->ring_mask) << io_uring_sqe_shift(ring)];
	sq->sqe_tail = slot + 1;
	io_uring_initialize_sqe(entry);
	return entry;
}

/*
 * Takes the next free SQE, to be filled by a prep helper and submitted by
 * io_uring_submit().
 *
 * Returns NULL when the submission queue is full: submit, then ask again. A
 * slot once taken will be submitted, so fill it. user_data still holds what the
 * slot held before.
 * Since liburing 2.0.
 */
IOURINGINLINE struct io_uring_sqe *io_uring_get_sqe(struct io_uring *ring)
	LIBURING_NOEXCEPT
{
	return _io_uring_get_sqe(ring);
}

/*
 * Takes the next free SQE of 128 bytes, for an operation that has that size
 * (IORING_OP_URING_CMD128).
 *
 * With IORING_SETUP_SQE_MIXED it is two slots side by side; when only the last
 * slot before the wrap is next, that one becomes a nop that posts no CQE, which
 * ends a chain of links. With IORING_SETUP_SQE128 it is any SQE.
 * Returns NULL when there isn't room, or when the ring has neither flag.
 * Since liburing 2.13, kernel 6.19.
 */
IOURINGINLINE struct io_uring_sqe *io_uring_get_sqe128(struct io_uring *ring)
	LIBURING_NOEXCEPT
{
	struct io_uring_sq *sq = &ring->sq;
	unsigned consumed = io_uring_load_sq_head(ring);
	unsigned slot = sq->sqe_tail;
	struct io_uring_sqe *entry;

	if ((ring->flags & IORING_SETUP_SQE128) != 0)
		return io_uring_get_sqe(ring);
	if ((ring->flags & IORING_SETUP_SQE_MIXED) == 0)
		return NULL;
	/*
	 * The kernel reads both halves side by side, so the last slot of the
	 * array can't be the first half.
	 */
	if (((slot + 1) & sq->ring_mask) == 0) {
		struct io_uring_sqe *filler;

		if (slot + 2 - consumed >= sq->ring_entries)
			return NULL;
		filler = _io_uring_get_sqe(ring);
		io_uring_prep_nop(filler);
		filler->flags |= uring_cast(__u8, IOSQE_CQE_SKIP_SUCCESS);
		slot = sq->sqe_tail;
	} else if (slot + 1 - consumed >= sq->ring_entries) {
		return NULL;
	}
	entry = &sq->sqes[slot & sq->ring_mask];
	sq->sqe_tail = slot + 2;
	io_uring_initialize_sqe(entry);
	return entry;
}

/*
 * Rings of provided buffers: the application adds buffers at the tail, the
 * kernel takes them at the head.
 */

/*
 * Returns the mask that turns an index into a place in a ring of ring_entries
 * buffers.
 *
 * ring_entries is a power of two. The result is the mask of
 * io_uring_buf_ring_add().
 * Since liburing 2.2.
 */
IOURINGINLINE int io_uring_buf_ring_mask(__u32 ring_entries)
	LIBURING_NOEXCEPT
{
	return uring_cast(int, ring_entries - 1);
}

/*
 * Makes a buffer ring in the application's own memory empty.
 *
 * Call it before buffers are added; io_uring_setup_buf_ring() has done it.
 * Since liburing 2.2.
 */
IOURINGINLINE void io_uring_buf_ring_init(struct io_uring_buf_ring *br)
	LIBURING_NOEXCEPT
{
	br->tail = 0;
}

/*
 * Puts a buffer into the ring, still invisible to the kernel.
 *
 * addr and len are the buffer, which the kernel owns from
 * io_uring_buf_ring_advance() until a completion brings its ID bid back.
 * buf_offset counts the buffers added since the last advance, from 0. mask is
 * that of io_uring_buf_ring_mask(). Nothing checks that the ring has room.
 * Since liburing 2.2, kernel 5.19.
 */
IOURINGINLINE void io_uring_buf_ring_add(struct io_uring_buf_ring *br,
		void *addr, unsigned len, unsigned short bid, int mask,
		int buf_offset)
	LIBURING_NOEXCEPT
{
	/* Unsigned, as the sum may pass what an int holds. */
	unsigned tail = br->tail;
	int index = uring_cast(int, tail +
			uring_cast(unsigned, buf_offset)) & mask;
	struct io_uring_buf *bufs = br->bufs;
	struct io_uring_buf *buf = &bufs[index];

	/*
	 * The ring's tail lies in resv of the first buffer: only these three
	 * may be written.
	 */
	buf->addr = uring_ptr_to_u64(addr);
	buf->len = len;
	buf->bid = bid;
}

/*
 * Hands the count buffers added last over to the kernel.
 *
 * Since liburing 2.2, kernel 5.19.
 */
IOURINGINLINE void io_uring_buf_ring_advance(struct io_uring_buf_ring *br,
		int count)
	LIBURING_NOEXCEPT
{
	unsigned old_tail = br->tail;
	unsigned short new_tail = uring_cast(unsigned short, old_tail +
			uring_cast(unsigned, count));

	/*
	 * The release shows the kernel the buffers before the tail that covers
	 * them.
	 */
	io_uring_smp_store_release(&br->tail, new_tail);
}

/*
 * Hands buf_count buffers to the kernel and gives cq_count completion slots
 * back.
 *
 * As io_uring_buf_ring_advance() and io_uring_cq_advance(), in this order.
 * Since liburing 2.4, kernel 5.19.
 */
IOURINGINLINE void __io_uring_buf_ring_cq_advance(struct io_uring *ring,
		struct io_uring_buf_ring *br, int cq_count, int buf_count)
	LIBURING_NOEXCEPT
{
	io_uring_buf_ring_advance(br, buf_count);
	io_uring_cq_advance(ring, uring_cast(unsigned, cq_count));
}

/*
 * Hands count buffers to the kernel and gives as many completion slots back.
 *
 * For a loop in which each completion used one buffer and that buffer was added
 * again.
 * Since liburing 2.2, kernel 5.19.
 */
IOURINGINLINE void io_uring_buf_ring_cq_advance(struct io_uring *ring,
		struct io_uring_buf_ring *br, int count)
	LIBURING_NOEXCEPT
{
	__io_uring_buf_ring_cq_advance(ring, br, count, count);
}

/*
 * Returns the number of buffers in the group bgid that the kernel hasn't taken
 * yet.
 *
 * Asks the kernel for its head, so while requests run the number may be old
 * already. It fits 16 bits.
 * Returns -errno if that fails: -ENOENT for an unknown group, -EINVAL when it
 * isn't a buffer ring or the kernel can't tell.
 * Since liburing 2.6, kernel 6.8.
 */
IOURINGINLINE int io_uring_buf_ring_available(struct io_uring *ring,
		struct io_uring_buf_ring *br, unsigned short bgid)
	LIBURING_NOEXCEPT
{
	uint16_t head;
	int ret = io_uring_buf_ring_head(ring, bgid, &head);
	int count;

	if (ret != 0)
		return ret;
	/* Both indices wrap at 16 bits, and so must their distance. */
	count = br->tail - head;
	return uring_cast(uint16_t, count);
}

/*
 * What io_uring_prep_recvmsg_multishot() leaves in a provided buffer, piece by
 * piece: a header (struct io_uring_recvmsg_out), the address, the control data,
 * the payload.
 */

/*
 * Finds the header of what a multishot recvmsg left in the buffer buf, and
 * checks that it fits.
 *
 * buf_len is the completion's res, msgh the header that the request was made
 * with.
 * Returns the start of buf, or NULL when buf_len is negative or too short for
 * the header, the address and the control data.
 * Since liburing 2.3.
 */
IOURINGINLINE struct io_uring_recvmsg_out *io_uring_recvmsg_validate(void *buf,
		int buf_len, struct msghdr *msgh)
	LIBURING_NOEXCEPT
{
	size_t filled = uring_cast(unsigned, buf_len);
	size_t head = sizeof(struct io_uring_recvmsg_out);
	size_t name = msgh->msg_namelen;
	size_t control = msgh->msg_controllen;

	if (buf_len < 0 || filled < head)
		return NULL;
	/*
	 * Taken from what is left, one after the other: a sum of these could
	 * wrap around.
	 */
	if (name > filled - head)
		return NULL;
	if (control > filled - head - name)
		return NULL;
	return uring_ptr_cast(struct io_uring_recvmsg_out *, buf);
}

/*
 * Returns where the sender's address begins.
 *
 * o comes from io_uring_recvmsg_validate(). o->namelen is the address's full
 * length; when that is more than the request's msg_namelen, the rest was cut
 * off.
 * Since liburing 2.3.
 */
IOURINGINLINE void *io_uring_recvmsg_name(struct io_uring_recvmsg_out *o)
	LIBURING_NOEXCEPT
{
	return &o[1];
}

/*
 * Returns the first control message, or NULL when there is none.
 *
 * o comes from io_uring_recvmsg_validate(), msgh is the header that the request
 * was made with.
 * Since liburing 2.3.
 */
IOURINGINLINE struct cmsghdr *io_uring_recvmsg_cmsg_firsthdr(struct io_uring_recvmsg_out *o,
		struct msghdr *msgh)
	LIBURING_NOEXCEPT
{
	size_t controllen = o->controllen;
	unsigned char *name = uring_ptr_cast(unsigned char *,
			io_uring_recvmsg_name(o));
	void *first;

	if (controllen < sizeof(struct cmsghdr))
		return NULL;
	first = &name[msgh->msg_namelen];
	return uring_ptr_cast(struct cmsghdr *, first);
}

/*
 * Returns the control message after cmsg, or NULL when that was the last whole
 * one.
 *
 * o and msgh as for io_uring_recvmsg_cmsg_firsthdr(), from which cmsg comes, or
 * from this function.
 * Since liburing 2.3.
 */
IOURINGINLINE struct cmsghdr *io_uring_recvmsg_cmsg_nexthdr(struct io_uring_recvmsg_out *o,
		struct msghdr *msgh, struct cmsghdr *cmsg)
	LIBURING_NOEXCEPT
{
	size_t len = cmsg->cmsg_len;
	size_t hdr = sizeof(struct cmsghdr);
	size_t align = sizeof(size_t);
	size_t controllen = o->controllen;
	uintptr_t name = uring_cast(uintptr_t,
			uring_ptr_to_u64(io_uring_recvmsg_name(o)));
	size_t before = uring_cast(uintptr_t,
			uring_ptr_to_u64(cmsg)) - name - uring_cast(size_t,
			msgh->msg_namelen);
	size_t room = controllen - before - hdr;
	void *next;

	/*
	 * Lengths are rounded down and compared with what is left: rounded up,
	 * the largest would wrap around to 0, and keep the caller's loop at
	 * this place for ever, as one does that doesn't cover its header.
	 */
	if (len < hdr || room > controllen || len > (room & ~(align - 1)))
		return NULL;
	next = uring_ptr_cast(unsigned char *, cmsg) + CMSG_ALIGN(len);

	/*
	 * The next header fits, so that its length may be read; now all of it
	 * must.
	 */
	room = room + hdr - CMSG_ALIGN(len);
	len = uring_ptr_cast(struct cmsghdr *, next)->cmsg_len;
	if (len > (room & ~(align - 1)))
		return NULL;
	return uring_ptr_cast(struct cmsghdr *, next);
}

/*
 * Returns where the payload begins.
 *
 * o comes from io_uring_recvmsg_validate(), msgh is the header that the request
 * was made with.
 * Since liburing 2.3.
 */
IOURINGINLINE void *io_uring_recvmsg_payload(struct io_uring_recvmsg_out *o,
		struct msghdr *msgh)
	LIBURING_NOEXCEPT
{
	unsigned char *name = uring_ptr_cast(unsigned char *,
			io_uring_recvmsg_name(o));
	size_t namelen = msgh->msg_namelen;
	size_t controllen = msgh->msg_controllen;

	return name + namelen + controllen;
}

/*
 * Returns how many bytes of payload are in the buffer.
 *
 * buf_len is the completion's res. 0 when that is negative or ends before the
 * payload begins. o->payloadlen is what recvmsg(2) would have returned: with
 * MSG_TRUNC the full length, of which this may be a part.
 * Since liburing 2.3.
 */
IOURINGINLINE unsigned io_uring_recvmsg_payload_length(struct io_uring_recvmsg_out *o,
		int buf_len, struct msghdr *msgh)
	LIBURING_NOEXCEPT
{
	uintptr_t payload_start;
	uintptr_t payload_end;

	if (buf_len < 0)
		return 0;
	payload_start = uring_cast(uintptr_t,
			uring_ptr_to_u64(io_uring_recvmsg_payload(o, msgh)));
	payload_end = uring_cast(uintptr_t, uring_ptr_to_u64(o)) +
			uring_cast(uintptr_t, buf_len);
	if (payload_start >= payload_end)
		return 0;
	return uring_cast(unsigned, payload_end - payload_start);
}

/*
 * Visits the completions that are ready, oldest first: a loop's head, with the
 * loop's body behind it. __cqe__ points to each in turn; __head__ is an unsigned
 * of the caller's, for the library's use. The completions stay in the CQ until
 * io_uring_cq_advance() gives them back after the loop, by the sum of
 * io_uring_cqe_nr(). The underscores keep the names apart from members.
 */
#define io_uring_for_each_cqe(__ring__, __head__, __cqe__)		\
	LIBURING_FOR_EACH_CQE(__ring__, __head__, __cqe__,		\
			      LIBURING_PASTE(__ITER__, __LINE__))
/* The iterator is named for its line, so that a loop within a loop hides none. */
#define LIBURING_FOR_EACH_CQE(__ring__, __head__, __cqe__, __iter__)	\
	for (struct io_uring_cqe_iter __iter__ =			\
	     io_uring_cqe_iter_init(__ring__);				\
	     (__head__) = (__iter__).head,				\
	     io_uring_cqe_iter_next(&(__iter__), &(__cqe__));		\
	     (void) (__head__))
#define LIBURING_PASTE(a, b)	LIBURING_PASTE_EXPANDED(a, b)
#define LIBURING_PASTE_EXPANDED(a, b)	a##b

/*
 * True when version major.minor is newer than these headers; for #if and for
 * code. io_uring_check_version() asks the same of the loaded library.
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
