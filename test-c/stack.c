/* Every exported function on a thread with the smallest stack there is, 16 KiB, thread-local storage included: programs
 * with thousands of threads or fibers give no more. */
#include "many.h"
#include <liburing/io_uring/query.h>
#include <pthread.h>
#include <sys/eventfd.h>

#define STACK 16384
/* What a call may take of it. */
#define MOST 2048
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

/* Any result is fine here that a kernel without the call gives as well. */
#define ANY(CALL) ((void)(CALL))

static void births_and_deaths(void)
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
	/* Filters that are nothing: refused. */
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

/* How much of the stack lies below `here` and isn't as it was painted. */
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
	/* Not what this very call stands on. */
	unsigned char *p;

	for (p = stack; p < here - 512; p++)
		*(volatile unsigned char *)p = PAINT;
}

static void *every_call(void *arg)
{
	static void (*const parts[])(void) = { births_and_deaths, queues, files_and_buffers, buffer_rings, the_rest };
	unsigned pass, i;

	(void)arg;
	for (pass = 0; pass < 2; pass++) {
		/* A ring that can be resized, where there are such. */
		if (io_uring_queue_init(8, &ring, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN))
			ring_init(&ring, 8, 0);
		for (i = 0; i < ARRAY_LEN(parts); i++) {
			unsigned char *here = __builtin_frame_address(0);
			size_t used;

			paint_below(here);
			parts[i]();
			used = used_below(here);
			/* The first pass is the dynamic linker's, who finds the functions. */
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

	NOT_UNDER("valgrind", "it takes what lies below the stack pointer for gone");
	NOT_UNDER("asan", "its frames and its own calls need more stack");
	NOT_UNDER("tsan", "its frames and its own calls need more stack");
	if (sysconf(_SC_THREAD_STACK_MIN) > STACK || sysconf(_SC_PAGESIZE) != 4096)
		SKIP("a thread here needs more than 16 KiB of stack");
	CHECK(top != MAP_FAILED);
	/* Faults on both sides. */
	stack = top + 4096;
	CHECK_SYS(mprotect(stack, STACK, PROT_READ | PROT_WRITE));
	CHECK_EQ(pthread_attr_init(&attr), 0);
	CHECK_EQ(pthread_attr_setstack(&attr, stack, STACK), 0);
	CHECK_EQ(pthread_create(&thread, &attr, every_call, NULL), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	if (deepest > MOST)
		T_FAIL("a call took %zu bytes of stack, more than %d", deepest, MOST);
}
