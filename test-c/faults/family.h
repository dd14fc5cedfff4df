/* A family of operations on the engine: what it prepares, submits and waits for. Everything that the program can see goes
 * into a text of lines, which faults may change in known ways only (xtask/judge/src/faults/engine.rs). */
#ifndef IRONRING_FAMILY_H
#define IRONRING_FAMILY_H

#include "trace.h"
#include <arpa/inet.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#ifndef FUTEX2_SIZE_U32
#define FUTEX2_SIZE_U32 2
#define FUTEX2_PRIVATE FUTEX_PRIVATE_FLAG
#endif

struct family {
	const char *name;
	/* The calls that do the work, whose errors are the requests', with spaces around them. */
	const char *own;
	/* The ring's setup flags. */
	unsigned flags;
	void (*run)(void);
	struct family *next;
};

static struct family *first_family, **last_family = &first_family;

#define FAMILY(NAME, FLAGS, OWN)							\
	static void run_##NAME(void);							\
	__attribute__((constructor)) static void add_##NAME(void)			\
	{										\
		static struct family it = { #NAME, " " OWN " ", FLAGS, run_##NAME, NULL };	\
		*last_family = &it;							\
		last_family = &it.next;							\
	}										\
	static void run_##NAME(void)

#define DEFERRED (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)

/* A failure here is not what is tested. */
#define MUST(CONDITION)											\
	do {												\
		if (!(CONDITION)) {									\
			fprintf(stderr, "%s:%d: not true: %s (errno %d)\n", __FILE__, __LINE__, #CONDITION, errno);	\
			_exit(3);									\
		}											\
	} while (0)

static struct io_uring ring;
static struct text out;

/* A call to the library, which faults reach. */
#define IN(EXPRESSION)				\
	({					\
		long in_result;			\
		shared->active = 1;		\
		in_result = (long)(EXPRESSION);	\
		shared->active = 0;		\
		in_result;			\
	})

/* A call other than submitting and waiting; true if it succeeded. */
#define TRY(EXPRESSION) try_call(#EXPRESSION, IN(EXPRESSION))

static inline bool try_call(const char *name, long result)
{
	say(&out, "%.*s=%ld\n", (int)strcspn(name, "("), name, result < 0 ? result : 0);
	return result >= 0;
}

static inline struct io_uring_sqe *entry(__u64 data)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	MUST(sqe);
	memset(sqe, 0, sizeof(*sqe));
	io_uring_sqe_set_data64(sqe, data);
	return sqe;
}

/* Each entry after its PREP: ENTRY(1, read, fd, buffer, 4096, 0) */
#define ENTRY(DATA, OP, ...)					\
	({							\
		struct io_uring_sqe *e_sqe = entry(DATA);	\
		io_uring_prep_##OP(e_sqe, ##__VA_ARGS__);	\
		io_uring_sqe_set_data64(e_sqe, DATA);		\
		e_sqe;						\
	})

#define MOST_DONE 64
static struct io_uring_cqe done[MOST_DONE];
static unsigned nr_done;

/* The result of a completion that was reaped, or -9999. */
static inline int res_of(__u64 data)
{
	unsigned i;

	for (i = nr_done; i > 0; i--)
		if (done[i - 1].user_data == data)
			return done[i - 1].res;
	return -9999;
}

/* Requests whose results are descriptors, whose numbers don't matter. */
static __u64 results_are_files;

static inline struct io_uring_sqe *makes_file(struct io_uring_sqe *sqe)
{
	results_are_files |= 1ULL << sqe->user_data;
	return sqe;
}

/* Whether the request of the last completion goes on. */
static inline bool goes_on(void)
{
	return nr_done && done[nr_done - 1].flags & IORING_CQE_F_MORE;
}

/* Entries that were never taken. */
static unsigned nr_refused;

static inline void submit(void)
{
	unsigned tries;

	/* What is not taken at first is submitted again, as programs do. */
	for (tries = 0; io_uring_sq_ready(&ring) && tries < 100; tries++) {
		long ret = IN(io_uring_submit(&ring));

		if (ret < 0 && ret != -EINTR && ret != -EAGAIN)
			say(&out, "submit=%ld\n", ret);
		if (ret < 0)
			usleep(1000);
	}
	/* Until the thread has begun what it took. */
	if (ring.flags & IORING_SETUP_SQPOLL) {
		usleep(2000);
		return;
	}
	/* Refused for good: the program takes them back. */
	nr_refused += io_uring_sq_ready(&ring);
	ring.sq.sqe_tail = ring.sq.sqe_head = *ring.sq.ktail = *ring.sq.khead;
}

/* Reaps until there are as many completions in all; with `final`, or until a multishot request ends. */
static inline void reap_up_to(unsigned count, bool final)
{
	struct __kernel_timespec second = { .tv_sec = 1 };
	unsigned late = 0;

	while (nr_done + nr_refused < count && nr_done < MOST_DONE) {
		struct io_uring_cqe *cqe;
		long ret = IN(io_uring_wait_cqe_timeout(&ring, &cqe, &second));

		if (ret == -ETIME && ++late == 2) {
			say(&out, "stuck=%u\n", count - nr_done);
			return;
		}
		if (ret == -EINTR || ret == -EAGAIN || ret == -ETIME)
			continue;
		if (ret) {
			say(&out, "wait=%ld\n", ret);
			return;
		}
		done[nr_done++] = *cqe;
		io_uring_cqe_seen(&ring, cqe);
		if (final && !(done[nr_done - 1].flags & IORING_CQE_F_MORE))
			return;
	}
}

static inline void reap(unsigned count)
{
	reap_up_to(count, false);
}

static inline void go(unsigned count)
{
	submit();
	reap(nr_done + count);
}

/* Faults in the handling of errors, for the check's self-test: each must be detected. */
static inline void mishandle(struct io_uring_cqe *cqe)
{
	if (cqe->res >= 0 || shared->over)
		return;
#if defined(WRONG_UNNOTICED)
	cqe->res = 100;
#elif defined(WRONG_ERROR)
	cqe->res--;
#elif defined(WRONG_LEAK)
	MUST(dup(0) >= 0);
#elif defined(WRONG_CRASH)
	abort();
#elif defined(WRONG_HANG)
	pause();
#elif defined(WRONG_WORDS)
	fprintf(stderr, "an error\n");
#endif
}

/* The completions, by user data. */
static inline void say_done(void)
{
	unsigned i, j;

	for (i = 0; i < nr_done; i++) {
		mishandle(&done[i]);
		for (j = i; j > 0 && done[j - 1].user_data > done[j].user_data; j--) {
			struct io_uring_cqe other = done[j];

			done[j] = done[j - 1];
			done[j - 1] = other;
		}
	}
	for (i = 0; i < nr_done; i++)
		say(&out, "cqe=%llu/%d/%#x\n", (unsigned long long)done[i].user_data,
		    done[i].res > 0 && results_are_files >> done[i].user_data & 1 ? 0 : done[i].res,
		    done[i].flags & 0xffff & ~IORING_CQE_F_SOCK_NONEMPTY);
	if (nr_refused)
		say(&out, "submit=%d\n", -EAGAIN);
	nr_done = nr_refused = 0;
	results_are_files = 0;
}

/* What the family has opened, which is closed after it. */
static int opened[64];
static unsigned nr_opened;

static inline int mine(int fd)
{
	if (fd >= 0)
		opened[nr_opened++] = fd;
	return fd;
}

static inline void close_mine(void)
{
	while (nr_opened)
		close(opened[--nr_opened]);
}

/* Data */

static char buffer[1 << 14] __attribute__((aligned(4096)));

static inline char byte_at(size_t at)
{
	return (char)(at * 7 + at / 256);
}

static inline void fill(char *to, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		to[i] = byte_at(i);
}

/* Whether the first `length` bytes, if there are any, are those of fill(). */
static inline void say_data(const char *of, long length)
{
	long i;

	for (i = 0; i < length && of[i] == byte_at((size_t)i); i++)
		;
	if (length > 0)
		say(&out, "data=%s\n", i == length ? "right" : "wrong");
}

/* A file of the working directory, which each family has to itself. */
static inline int file(size_t length)
{
	static char content[1 << 14];
	int fd = mine(open("file", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));

	MUST(fd >= 0);
	fill(content, length);
	MUST(write(fd, content, length) == (ssize_t)length);
	return fd;
}

/* A file of two blocks, opened for transfers past the page cache; negative where there are none. */
static inline int file_on_disk(int flags)
{
	fsync(file(8192));
	return mine(open("file", flags | O_DIRECT | O_CLOEXEC));
}

static inline void pipes(int fds[2])
{
	MUST(!pipe2(fds, O_CLOEXEC));
	mine(fds[0]);
	mine(fds[1]);
}

static inline void pair(int fds[2], int type)
{
	MUST(!socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds));
	mine(fds[0]);
	mine(fds[1]);
}

/* A listening socket on the loopback interface. */
static inline int listener(struct sockaddr_in *address)
{
	int fd = mine(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	socklen_t length = sizeof(*address);

	*address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	MUST(fd >= 0 && !bind(fd, (struct sockaddr *)address, length) && !listen(fd, 8));
	MUST(!getsockname(fd, (struct sockaddr *)address, &length));
	return fd;
}

static inline int client(const struct sockaddr_in *address)
{
	int fd = mine(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));

	MUST(fd >= 0 && !connect(fd, (const struct sockaddr *)address, sizeof(*address)));
	return fd;
}

static inline void tcp_pair(int fds[2])
{
	struct sockaddr_in address;
	int from = listener(&address);

	fds[0] = client(&address);
	fds[1] = mine(accept4(from, NULL, NULL, SOCK_CLOEXEC));
	MUST(fds[1] >= 0);
}

#endif
