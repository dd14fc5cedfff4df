/* Every exported function on a thread with the smallest possible stack, 16 KiB including thread-local storage, as in
 * programs with thousands of threads or fibers. */
#include "many.h"
#include <liburing/io_uring/query.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/un.h>
#ifndef STATX_ALL
#include <linux/stat.h>
#endif

#define STACK 16384
/* The most stack that a call may use: of Linux's, and of the engine, which does the work in the caller's thread, and may make
 * a thread in it. */
#define MOST (t_on_engine() ? 8192 : 2048)
#define PAINT 0x5a

static struct io_uring ring, other, given;
static struct io_uring_cqe *cqe;
static unsigned char *stack;
static char memory[4 * 65536] __attribute__((aligned(65536)));
static size_t deepest;

static int eventfd_or_fail(void)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	CHECK_SYS(fd);
	return fd;
}

/* Accepts any result, as kernels without the call fail. */
#define ANY(CALL) ((void)(CALL))

static void create_and_exit(void)
{
	struct io_uring_params p = { 0 };
	int fd;

	CHECK_EQ(io_uring_queue_init(8, &other, 0), 0);
	ANY(io_uring_ring_dontfork(&other));
	io_uring_queue_exit(&other);
	CHECK_EQ(io_uring_queue_init_params(8, &other, &p), 0);
	io_uring_queue_exit(&other);
	memset(&p, 0, sizeof(p));
	ANY(io_uring_queue_init_mem(8, &given, &p, memory, sizeof(memory)));
	io_uring_queue_exit(&given);
	memset(&p, 0, sizeof(p));
	fd = io_uring_setup(8, &p);
	CHECK(fd >= 0);
	CHECK_EQ(io_uring_queue_mmap(fd, &p, &other), 0);
	io_uring_queue_exit(&other);
	CHECK(io_uring_memory_size(8, 0) > 0);
	memset(&p, 0, sizeof(p));
	CHECK(io_uring_memory_size_params(8, &p) > 0);
	ANY(io_uring_mlock_size(8, 0));
	memset(&p, 0, sizeof(p));
	ANY(io_uring_mlock_size_params(8, &p));
	CHECK_EQ(io_uring_major_version(), IO_URING_VERSION_MAJOR);
	CHECK_EQ(io_uring_minor_version(), IO_URING_VERSION_MINOR);
	CHECK(!io_uring_check_version(IO_URING_VERSION_MAJOR, IO_URING_VERSION_MINOR));
	io_uring_free_probe(io_uring_get_probe());
	io_uring_free_probe(io_uring_get_probe_ring(&ring));
}

static void prepare(void)
{
	io_uring_prep_nop(io_uring_get_sqe(&ring));
}

static void queues(void)
{
	struct __kernel_timespec ts = { 0, 1000 };
	struct io_uring_cqe *cqes[4];
	sigset_t mask;

	sigemptyset(&mask);
	prepare();
	CHECK_EQ(io_uring_submit(&ring), 1);
	CHECK_EQ(__io_uring_get_cqe(&ring, &cqe, 0, 1, NULL), 0);
	prepare();
	CHECK_EQ(io_uring_submit_and_wait(&ring, 2), 1);
	prepare();
	CHECK_EQ(io_uring_submit_and_get_events(&ring), 1);
	CHECK(io_uring_get_events(&ring) >= 0);
	CHECK_EQ(io_uring_peek_batch_cqe(&ring, cqes, 4), 3);
	io_uring_cq_advance(&ring, 3);
	ANY(io_uring_wait_cqe_timeout(&ring, &cqe, &ts));
	ANY(io_uring_wait_cqes(&ring, &cqe, 1, &ts, &mask));
	ANY(io_uring_wait_cqes_min_timeout(&ring, &cqe, 1, &ts, 1, &mask));
	ANY(io_uring_submit_and_wait_timeout(&ring, &cqe, 1, &ts, &mask));
	ANY(io_uring_submit_and_wait_min_timeout(&ring, &cqe, 1, &ts, 1, &mask));
	ANY(io_uring_submit_and_wait_reg(&ring, &cqe, 1, 99));
	ANY(io_uring_enter((unsigned)ring.ring_fd, 0, 0, 0, NULL));
	ANY(io_uring_enter2((unsigned)ring.ring_fd, 0, 0, 0, NULL, 8));
	ANY(__io_uring_sqring_wait(&ring));
	ANY(io_uring_set_iowait(&ring, true));
	ANY(io_uring_enable_rings(&ring));
}

static void files_and_buffers(void)
{
	struct iovec iov = { memory, 4096 };
	int fds[1] = { STDOUT_FILENO };
	__u64 tags[1] = { 0 };

	CHECK_EQ(io_uring_register_files(&ring, fds, 1), 0);
	ANY(io_uring_register_files_update(&ring, 0, fds, 1));
	ANY(io_uring_register_files_update_tag(&ring, 0, fds, tags, 1));
	ANY(io_uring_register_file_alloc_range(&ring, 0, 1));
	CHECK_EQ(io_uring_unregister_files(&ring), 0);
	ANY(io_uring_register_files_sparse(&ring, 4));
	ANY(io_uring_unregister_files(&ring));
	ANY(io_uring_register_files_tags(&ring, fds, tags, 1));
	ANY(io_uring_unregister_files(&ring));
	CHECK_EQ(io_uring_register_buffers(&ring, &iov, 1), 0);
	ANY(io_uring_register_buffers_update_tag(&ring, 0, &iov, tags, 1));
	CHECK_EQ(io_uring_queue_init(8, &other, 0), 0);
	ANY(io_uring_clone_buffers(&other, &ring));
	ANY(io_uring_clone_buffers_offset(&other, &ring, 0, 0, 1, IORING_REGISTER_DST_REPLACE));
	ANY(__io_uring_clone_buffers(&other, &ring, IORING_REGISTER_DST_REPLACE));
	ANY(__io_uring_clone_buffers_offset(&other, &ring, 0, 0, 1, IORING_REGISTER_DST_REPLACE));
	io_uring_queue_exit(&other);
	CHECK_EQ(io_uring_unregister_buffers(&ring), 0);
	ANY(io_uring_register_buffers_sparse(&ring, 4));
	ANY(io_uring_unregister_buffers(&ring));
	ANY(io_uring_register_buffers_tags(&ring, &iov, tags, 1));
	ANY(io_uring_unregister_buffers(&ring));
}

static void buffer_rings(void)
{
	struct io_uring_buf_reg reg = { .ring_addr = (__u64)(uintptr_t)memory, .ring_entries = 8, .bgid = 2 };
	struct io_uring_buf_ring *br;
	uint16_t head;
	int ret;

	br = io_uring_setup_buf_ring(&ring, 8, 1, 0, &ret);
	if (br)
		CHECK_EQ(io_uring_free_buf_ring(&ring, br, 8, 1), 0);
	ANY(io_uring_register_buf_ring(&ring, &reg, 0));
	ANY(io_uring_buf_ring_head(&ring, 2, &head));
	ANY(io_uring_unregister_buf_ring(&ring, 2));
}

static void the_rest(void)
{
	struct io_uring_sync_cancel_reg cancel = { .fd = -1, .flags = IORING_ASYNC_CANCEL_ANY, .timeout = { -1, -1 } };
	struct io_uring_clock_register clock = { .clockid = CLOCK_MONOTONIC };
	struct io_uring_query_hdr query = { .query_op = ~0u };
	struct io_uring_params p = { .sq_entries = 16, .cq_entries = 32, .flags = IORING_SETUP_CQSIZE };
	struct io_uring_restriction restriction = { .opcode = 99 };
	struct io_uring_mem_region_reg region = { 0 };
	struct io_uring_zcrx_ifq_reg ifq = { 0 };
	struct io_uring_napi napi = { 0 };
	struct io_uring_reg_wait wait = { 0 };
	struct zcrx_ctrl ctrl = { 0 };
	struct io_uring_sqe *sqe = (void *)memory;
	struct io_uring_bpf bpf = { 0 };
	unsigned workers[2] = { 0, 0 };
	int fd = eventfd_or_fail(), id;
	cpu_set_t cpus;

	CHECK_SYS(sched_getaffinity(0, sizeof(cpus), &cpus));
	CHECK_EQ(io_uring_register_eventfd(&ring, fd), 0);
	CHECK_EQ(io_uring_unregister_eventfd(&ring), 0);
	ANY(io_uring_register_eventfd_async(&ring, fd));
	ANY(io_uring_unregister_eventfd(&ring));
	close(fd);
	id = io_uring_register_personality(&ring);
	CHECK(id > 0);
	CHECK_EQ(io_uring_unregister_personality(&ring, id), 0);
	memset(memory, 0, sizeof(struct io_uring_probe) + 64 * sizeof(struct io_uring_probe_op));
	ANY(io_uring_register_probe(&ring, (void *)memory, 64));
	ANY(io_uring_register_iowq_aff(&ring, sizeof(cpus), &cpus));
	ANY(io_uring_unregister_iowq_aff(&ring));
	ANY(io_uring_register_iowq_max_workers(&ring, workers));
	ANY(io_uring_register_restrictions(&ring, &restriction, 1));
	ANY(io_uring_register_sync_cancel(&ring, &cancel));
	ANY(io_uring_register_napi(&ring, &napi));
	ANY(io_uring_unregister_napi(&ring, &napi));
	ANY(io_uring_register_clock(&ring, &clock));
	ANY(io_uring_register_region(&ring, &region));
	ANY(io_uring_register_wait_reg(&ring, &wait, 1));
	ANY(io_uring_register_ifq(&ring, &ifq));
	ANY(io_uring_register_zcrx_ctrl(&ring, &ctrl));
	ANY(io_uring_register_query(&query));
	/* Invalid filters, which must be refused. */
	CHECK(io_uring_register_bpf_filter(&ring, &bpf) < 0);
	CHECK(io_uring_register_bpf_filter_task(&bpf) < 0);
	memset(memory, 0, sizeof(*sqe));
	sqe->fd = -1;
	CHECK(io_uring_register_sync_msg(sqe) < 0);
	CHECK(io_uring_register((unsigned)ring.ring_fd, 9999, NULL, 0) < 0);
	ANY(io_uring_resize_rings(&ring, &p));
	if (io_uring_register_ring_fd(&ring) == 1) {
		CHECK_EQ(io_uring_unregister_ring_fd(&ring), 1);
		CHECK_EQ(io_uring_register_ring_fd(&ring), 1);
		ANY(io_uring_close_ring_fd(&ring));
	}
}

/* Found out beforehand, because it takes more stack. */
static bool old_kernel;

/* Requests of most kinds, one at a time, and by twos in a chain. */
static void every_kind(void)
{
	static struct __kernel_timespec ts = { 0, 1000 };
	static struct sockaddr_un address = { .sun_family = AF_UNIX };
	static struct iovec vectors[2] = { { memory, 4 }, { memory + 4, 4 } };
	static struct msghdr message = { .msg_iov = vectors, .msg_iovlen = 2 };
	static struct statx stx;
	static struct open_how how = { .flags = O_RDONLY };
	static struct epoll_event event = { .events = EPOLLIN };
	static socklen_t len = sizeof(address);
	static uint32_t word;
	static siginfo_t info;
	int fds[2], pair[2], file = open("/dev/null", O_RDWR | O_CLOEXEC), ep = epoll_create1(EPOLL_CLOEXEC), listening, kind;

	/* A kernel that does not know one of them stops the submission there. */
	if (old_kernel)
		return;

	make_pipe(fds);
	make_pair(pair, SOCK_STREAM);
	listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(bind(listening, (void *)&address, sizeof(sa_family_t)) == 0 && listen(listening, 8) == 0);
	for (kind = 0; kind < 2 * 42; kind++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

		switch (kind / 2) {
		case 0: io_uring_prep_nop(sqe); break;
		case 1: io_uring_prep_read(sqe, fds[0], memory, 4, 0); break;
		case 2: io_uring_prep_write(sqe, fds[1], memory, 4, 0); break;
		case 3: io_uring_prep_readv(sqe, file, vectors, 2, 0); break;
		case 4: io_uring_prep_writev(sqe, file, vectors, 2, 0); break;
		case 5: io_uring_prep_fsync(sqe, file, 0); break;
		case 6: io_uring_prep_poll_add(sqe, fds[0], POLLIN); break;
		case 7: io_uring_prep_poll_multishot(sqe, pair[0], POLLOUT); break;
		case 8: io_uring_prep_poll_remove(sqe, 7); break;
		case 9: io_uring_prep_timeout(sqe, &ts, 0, 0); break;
		case 10: io_uring_prep_timeout_remove(sqe, 9, 0); break;
		case 11: io_uring_prep_cancel64(sqe, 6, IORING_ASYNC_CANCEL_ALL); break;
		case 12: io_uring_prep_sendmsg(sqe, pair[0], &message, 0); break;
		case 13: io_uring_prep_recvmsg(sqe, pair[1], &message, 0); break;
		case 14: io_uring_prep_send(sqe, pair[0], memory, 4, 0); break;
		case 15: io_uring_prep_recv(sqe, pair[1], memory, 4, 0); break;
		case 16: io_uring_prep_send_zc(sqe, pair[0], memory, 4, 0, 0); break;
		case 17: io_uring_prep_accept(sqe, listening, (void *)&address, &len, 0); break;
		case 18: io_uring_prep_connect(sqe, pair[0], (void *)&address, sizeof(sa_family_t)); break;
		case 19: io_uring_prep_openat(sqe, AT_FDCWD, "/dev/null", O_RDONLY, 0); break;
		case 20: io_uring_prep_openat2(sqe, AT_FDCWD, "/dev/null", &how); break;
		case 21: io_uring_prep_close(sqe, 1000); break;
		case 22: io_uring_prep_statx(sqe, AT_FDCWD, "/", 0, STATX_ALL, &stx); break;
		case 23: io_uring_prep_renameat(sqe, AT_FDCWD, "/none", AT_FDCWD, "/none", 0); break;
		case 24: io_uring_prep_unlinkat(sqe, AT_FDCWD, "/none", 0); break;
		case 25: io_uring_prep_mkdirat(sqe, AT_FDCWD, "/", 0700); break;
		case 26: io_uring_prep_symlinkat(sqe, "/none", AT_FDCWD, "/"); break;
		case 27: io_uring_prep_linkat(sqe, AT_FDCWD, "/none", AT_FDCWD, "/none", 0); break;
		case 28: io_uring_prep_fallocate(sqe, file, 0, 0, 4); break;
		case 29: io_uring_prep_fadvise(sqe, file, 0, 4, 0); break;
		case 30: io_uring_prep_madvise(sqe, memory, 4096, MADV_NORMAL); break;
		case 31: io_uring_prep_splice(sqe, fds[0], -1, fds[1], -1, 4, SPLICE_F_NONBLOCK); break;
		case 32: io_uring_prep_provide_buffers(sqe, memory, 4096, 4, 9, 0); break;
		case 33: io_uring_prep_remove_buffers(sqe, 4, 9); break;
		case 34: io_uring_prep_socket(sqe, AF_UNIX, SOCK_STREAM, 0, 0); break;
		case 35: io_uring_prep_msg_ring(sqe, ring.ring_fd, 1, 2, 0); break;
		case 36: io_uring_prep_getxattr(sqe, "user.x", memory, "/", 4); break;
		case 37: io_uring_prep_epoll_ctl(sqe, ep, fds[0], EPOLL_CTL_ADD, &event); break;
		case 38: io_uring_prep_futex_wake(sqe, &word, 1, ~0u, 2 /* of 32 bits */, 0); break;
		case 39: io_uring_prep_waitid(sqe, P_ALL, 0, &info, WEXITED | WNOHANG, 0); break;
		case 40: io_uring_prep_files_update(sqe, &file, 1, 0); break;
		case 41: io_uring_prep_shutdown(sqe, pair[0], SHUT_RDWR); break;
		}
		io_uring_sqe_set_data64(sqe, (__u64)kind / 2);
		if (kind % 2) {
			io_uring_sqe_set_flags(sqe, IOSQE_IO_HARDLINK);
			prepare();
		}
		/* Kernels stop at what they do not know. */
		CHECK(io_uring_submit_and_get_events(&ring) > 0);
		io_uring_cq_advance(&ring, io_uring_cq_ready(&ring));
	}
	close(file);
	close(ep);
	close(listening);
	close(fds[0]);
	close(fds[1]);
	close(pair[0]);
	close(pair[1]);
}

/* How much of the stack below `here` is no longer painted. */
static size_t used_below(const unsigned char *here)
{
	const unsigned char *p = stack;

	while (*p == PAINT)
		p++;
	return (size_t)(here - p);
}

__attribute__((noinline))
static void paint_below(unsigned char *here)
{
	/* Leaves out the frame of this call itself. */
	unsigned char *p;

	for (p = stack; p < here - 512; p++)
		*(volatile unsigned char *)p = PAINT;
}

static void *every_call(void *arg)
{
	static void (*const parts[])(void) = {
		create_and_exit, queues, files_and_buffers, buffer_rings, every_kind, the_rest,
	};
	unsigned pass, i;

	(void)arg;
	for (pass = 0; pass < 2; pass++) {
		/* A ring that can be resized, if the kernel has them. */
		if (io_uring_queue_init(8, &ring, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN))
			ring_init(&ring, 8, 0);
		for (i = 0; i < ARRAY_LEN(parts); i++) {
			unsigned char *here = __builtin_frame_address(0);
			size_t used;

			paint_below(here);
			parts[i]();
			used = used_below(here);
			/* The first pass includes the dynamic linker, which resolves the functions. */
			if (pass && used > deepest)
				deepest = used;
		}
		CHECK_WORKS(&ring);
		io_uring_queue_exit(&ring);
	}
	return NULL;
}

TEST(every_function)
{
	unsigned char *top = mmap(NULL, 3 * 4096 + STACK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_attr_t attr;
	pthread_t thread;

	old_kernel = kernel_before(6, 7);
	NOT_UNDER("valgrind", "it treats memory below the stack pointer as freed");
	NOT_UNDER("asan", "its frames and its runtime need more stack");
	NOT_UNDER("tsan", "its frames and its runtime need more stack");
	if (sysconf(_SC_THREAD_STACK_MIN) > STACK || sysconf(_SC_PAGESIZE) != 4096)
		SKIP("a thread here needs more than 16 KiB of stack");
	CHECK(top != MAP_FAILED);
	/* Guard pages on both sides. */
	stack = top + 4096;
	CHECK_SYS(mprotect(stack, STACK, PROT_READ | PROT_WRITE));
	CHECK_EQ(pthread_attr_init(&attr), 0);
	CHECK_EQ(pthread_attr_setstack(&attr, stack, STACK), 0);
	CHECK_EQ(pthread_create(&thread, &attr, every_call, NULL), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	if (deepest > MOST)
		T_FAIL("a call took %zu bytes of stack, more than %d", deepest, MOST);
	if (getenv("T_VERBOSE"))
		printf("  %zu bytes\n", deepest);
}
