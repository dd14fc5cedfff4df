/* What the tests share: rings, single requests, patterns that can be verified, temporary files, and skips that name
 * what the kernel lacks. A failure in here names the line of the test. */
#ifndef IRONRING_IO_H
#define IRONRING_IO_H

#include "t.h"
#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>

/* Memory checkers don't know what the kernel writes for a request. */
#ifdef T_VALGRIND
#include <valgrind/memcheck.h>
#define kernel_wrote(BUF, LEN) VALGRIND_MAKE_MEM_DEFINED(BUF, LEN)
#else
#define kernel_wrote(BUF, LEN) ((void)0)
#endif

#define ARRAY_LEN(A) (sizeof(A) / sizeof((A)[0]))

__attribute__((noreturn, format(printf, 2, 3)))
static inline void io_fail(int line, const char *format, ...)
{
	va_list args;

	printf("  %s:%d: ", __BASE_FILE__, line);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	exit(1);
}

/* CHECK for a call that sets errno. */
#define CHECK_SYS(CALL)							\
	do {								\
		if ((CALL) < 0)						\
			T_FAIL("%s: %s", #CALL, strerror(errno));	\
	} while (0)

/* Patterns: a byte depends on its offset and on the seed, so that shifted, repeated or foreign data is detected. */

static inline unsigned char pattern_at(size_t at, unsigned seed)
{
	unsigned x = (unsigned)at * 2654435761u + seed * 40503u;

	return (unsigned char)(x >> 13 ^ x >> 24);
}

static inline void fill(void *buf, size_t len, unsigned seed)
{
	unsigned char *p = buf;
	size_t i;

	for (i = 0; i < len; i++)
		p[i] = pattern_at(i, seed);
}

/* The bytes of `buf` must be those at offset `from` of the pattern. */
static inline void verify_at(int line, const void *buf, size_t len, size_t from, unsigned seed)
{
	const unsigned char *p = buf;
	size_t i;

	kernel_wrote(buf, len);
	for (i = 0; i < len; i++) {
		if (p[i] != pattern_at(from + i, seed))
			io_fail(line, "byte %zu of %zu is %#x, expected %#x of pattern %u", i, len, p[i],
				pattern_at(from + i, seed), seed);
	}
}

static inline void all_bytes_at(int line, const void *buf, size_t len, unsigned char value)
{
	const unsigned char *p = buf;
	size_t i;

	kernel_wrote(buf, len);
	for (i = 0; i < len; i++) {
		if (p[i] != value)
			io_fail(line, "byte %zu of %zu is %#x, expected %#x", i, len, p[i], value);
	}
}

#define CHECK_PATTERN(BUF, LEN, SEED) verify_at(__LINE__, BUF, LEN, 0, SEED)
#define CHECK_PATTERN_FROM(BUF, LEN, FROM, SEED) verify_at(__LINE__, BUF, LEN, FROM, SEED)
#define CHECK_ALL(BUF, LEN, VALUE) all_bytes_at(__LINE__, BUF, LEN, VALUE)

/* The largest page size of any processor that the tests run on. */
#define LARGE_PAGE 65536

/* Page-aligned memory, whatever the page size, filled with 0xee. */
static inline void *pages_at(int line, size_t len)
{
	void *p;

	if (posix_memalign(&p, LARGE_PAGE, len))
		io_fail(line, "no memory");
	memset(p, 0xee, len);
	return p;
}

#define pages(LEN) pages_at(__LINE__, LEN)

/* Temporary files are in the case's folder, which main() removes after the case. */

static inline const char *tmp_dir(void)
{
	if (!t_dir[0])
		T_FAIL("could not create a folder in TMPDIR (or /tmp)");
	return t_dir;
}

/* The path of `name` in the case's folder. The memory is never freed here. */
static inline char *tmp_path(const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", tmp_dir(), name) < 0)
		T_FAIL("no memory");
	return path;
}

/* A new file, opened with `flags` besides O_RDWR | O_CREAT. */
static inline int tmp_open(const char *name, int flags)
{
	char *path = tmp_path(name);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | flags, 0644);

	if (fd < 0)
		T_FAIL("open %s: %s", path, strerror(errno));
	free(path);
	return fd;
}

/* A new file that holds `len` bytes of the pattern; its offset is 0. */
static inline int tmp_filled(const char *name, size_t len, unsigned seed)
{
	int fd = tmp_open(name, O_TRUNC);
	char *buf = malloc(len + 1);

	CHECK(buf);
	fill(buf, len, seed);
	CHECK_EQ(pwrite(fd, buf, len, 0), len);
	free(buf);
	return fd;
}

/* Reads `len` bytes of the file without io_uring; they must be the pattern from offset `from` on. */
static inline void file_pattern_at(int line, int fd, size_t at, size_t len, size_t from, unsigned seed)
{
	char *buf = malloc(len + 1);
	ssize_t got = buf ? pread(fd, buf, len, (off_t)at) : -1;

	if (got != (ssize_t)len)
		io_fail(line, "read back %zd of %zu bytes at %zu", got, len, at);
	verify_at(line, buf, len, from, seed);
	free(buf);
}

#define CHECK_FILE(FD, AT, LEN, SEED) file_pattern_at(__LINE__, FD, AT, LEN, 0, SEED)
#define CHECK_FILE_FROM(FD, AT, LEN, FROM, SEED) file_pattern_at(__LINE__, FD, AT, LEN, FROM, SEED)

static inline void make_pipe(int fds[2])
{
	CHECK_SYS(pipe2(fds, O_CLOEXEC));
}

static inline void make_pair(int fds[2], int type)
{
	CHECK_SYS(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds));
}

static inline void fd_write_at(int line, int fd, const void *buf, size_t len)
{
	ssize_t put = write(fd, buf, len);

	if (put != (ssize_t)len)
		io_fail(line, "wrote %zd of %zu bytes: %s", put, len, strerror(errno));
}

#define fd_write(FD, BUF, LEN) fd_write_at(__LINE__, FD, BUF, LEN)

static inline bool fd_is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* Forks a child that dies with its parent and must end with _exit(). Returns as fork() does. */
static inline pid_t child(void)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		T_FAIL("fork: %s", strerror(errno));
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

/* The number of pages that the process has mapped, which grows when something leaks. */
static inline unsigned long mapped_pages(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long pages;

	if (!file || fscanf(file, "%lu", &pages) != 1)
		T_FAIL("no /proc/self/statm");
	fclose(file);
	return pages;
}

/* Kernels. A case whose call was refused is skipped if the kernel is older than the feature; on others it fails. The
 * engine has every feature, whatever the kernel below it. */

/* Also below the engine, which cannot do without some system calls. */
static inline bool linux_before(int major, int minor)
{
	struct utsname name;
	int have[2] = { 0, 0 };

	CHECK_SYS(uname(&name));
	CHECK_EQ(sscanf(name.release, "%d.%d", &have[0], &have[1]), 2);
	return have[0] < major || (have[0] == major && have[1] < minor);
}

static inline bool kernel_before(int major, int minor)
{
	return !t_on_engine() && linux_before(major, minor);
}

__attribute__((noreturn))
static inline void lacks_at(int line, const char *what, int major, int minor)
{
	if (t_on_engine())
		io_fail(line, "%s was refused, but the engine has it", what);
	if (!kernel_before(major, minor))
		io_fail(line, "%s was refused, but kernels since %d.%d have it", what, major, minor);
	SKIP("the kernel has no %s (since %d.%d)", what, major, minor);
}

/* Skips the case on kernels older than the feature, where the kernel can't be probed or its refusal is not tested. */
#define SINCE(WHAT, MAJOR, MINOR)					\
	do {								\
		if (kernel_before(MAJOR, MINOR))			\
			lacks_at(__LINE__, WHAT, MAJOR, MINOR);		\
	} while (0)

#define LACKS(WHAT, MAJOR, MINOR) lacks_at(__LINE__, WHAT, MAJOR, MINOR)

/* Skips the case on kernels of any version that lack something; takes what printf() does. */
#define HAS_NO(...)							\
	do {								\
		if (t_on_engine())					\
			T_FAIL("the engine has no " __VA_ARGS__);	\
		SKIP("the kernel has no " __VA_ARGS__);			\
	} while (0)

/* Rings and requests. */

static inline void ring_init_at(int line, struct io_uring *ring, unsigned entries, unsigned flags)
{
	int ret = io_uring_queue_init(entries, ring, flags);

	if (ret)
		io_fail(line, "io_uring_queue_init(%u, ring, %#x) is %d", entries, flags, ret);
}

/* Repeats a call that creates a big ring while it fails with LACK, up to ten seconds: Linux allocates the pages of a ring in
 * one bulk call, which may get fewer than it asks for while other programs allocate. */
#define WITH_MEMORY(CALL, LACK)						\
	({								\
		int t_tries = 1000;					\
		long t_ret;						\
									\
		do {							\
			t_ret = (long)(CALL);				\
		} while (t_ret == (LACK) && --t_tries && !usleep(10000)); \
		t_ret;							\
	})

#define ring_init(RING, ENTRIES, FLAGS) ring_init_at(__LINE__, RING, ENTRIES, FLAGS)

static inline bool have_op(int op)
{
	struct io_uring_probe *probe = io_uring_get_probe();
	bool have;

	if (!probe)
		T_FAIL("io_uring_get_probe() is NULL");
	have = io_uring_opcode_supported(probe, op);
	io_uring_free_probe(probe);
	return have;
}

/* Skips the case, naming the opcode, if the kernel lacks it. */
#define need_op(OP)							\
	do {								\
		if (!have_op(OP))					\
			HAS_NO("%s", #OP);		\
	} while (0)

/* Skips the case, naming the IORING_FEAT_ bit, if the kernel lacks it. */
#define need_feature(RING, FEATURE)					\
	do {								\
		if (!((RING)->features & (FEATURE)))			\
			HAS_NO("%s", #FEATURE);		\
	} while (0)

static inline struct io_uring_sqe *sqe_at(int line, struct io_uring *ring, __u64 data)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	if (!sqe)
		io_fail(line, "the SQ ring is full");
	io_uring_sqe_set_data64(sqe, data);
	return sqe;
}

/* The next sqe, with its user_data set. */
#define next_sqe(RING, DATA) sqe_at(__LINE__, RING, DATA)

static inline void submit_at(int line, struct io_uring *ring, int count)
{
	int ret = io_uring_submit(ring);

	/* A kernel thread moves the SQ head only after requests complete: earlier ones may be counted again. */
	if (ring->flags & IORING_SETUP_SQPOLL ? ret < count : ret != count)
		io_fail(line, "io_uring_submit() is %d, expected %d", ret, count);
}

#define submit_n(RING, COUNT) submit_at(__LINE__, RING, COUNT)
#define submit_one(RING) submit_at(__LINE__, RING, 1)

/* A cqe's fields, without the flexible array that makes copies of the real structure awkward. */
struct done {
	__u64 user_data;
	__s32 res;
	__u32 flags;
};

/* Waits for one completion, marks it seen and returns a copy. */
static inline struct done wait_at(int line, struct io_uring *ring)
{
	struct io_uring_cqe *cqe = NULL;
	struct done copy;
	int ret = io_uring_wait_cqe(ring, &cqe);

	if (ret || !cqe)
		io_fail(line, "io_uring_wait_cqe() is %d, cqe %p", ret, (void *)cqe);
	copy.user_data = cqe->user_data;
	copy.res = cqe->res;
	copy.flags = cqe->flags;
	io_uring_cqe_seen(ring, cqe);
	return copy;
}

#define wait_one(RING) wait_at(__LINE__, RING)

/* Waits for one completion, which must carry `data`, and returns its res. */
static inline int wait_res_at(int line, struct io_uring *ring, __u64 data)
{
	struct done cqe = wait_at(line, ring);

	if (cqe.user_data != data)
		io_fail(line, "completion of %#llx (res %d), expected that of %#llx",
			(unsigned long long)cqe.user_data, cqe.res, (unsigned long long)data);
	return cqe.res;
}

#define wait_res(RING, DATA) wait_res_at(__LINE__, RING, DATA)

/* Submits the one prepared request, waits for its only completion and returns it. */
static inline struct done run_at(int line, struct io_uring *ring)
{
	struct done cqe;

	submit_at(line, ring, 1);
	cqe = wait_at(line, ring);
	if (io_uring_cq_ready(ring))
		io_fail(line, "one request posted %u more completions", io_uring_cq_ready(ring));
	return cqe;
}

#define run_one(RING) run_at(__LINE__, RING)
#define run_res(RING) (run_at(__LINE__, RING).res)

/* The id of the provided buffer that a completion used; fails if it used none. */
static inline unsigned buffer_id_at(int line, struct done cqe)
{
	if (!(cqe.flags & IORING_CQE_F_BUFFER))
		io_fail(line, "completion without a buffer: res %d, flags %#x", cqe.res, cqe.flags);
	return cqe.flags >> IORING_CQE_BUFFER_SHIFT;
}

#define buffer_id(CQE) buffer_id_at(__LINE__, CQE)

/* Fails if a completion is available. */
#define CHECK_QUIET(RING)						\
	do {								\
		struct io_uring_cqe *io_cqe;				\
		CHECK_EQ(io_uring_peek_cqe(RING, &io_cqe), -EAGAIN);	\
	} while (0)

#endif
