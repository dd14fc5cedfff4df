/* io_uring forbidden: by a seccomp filter as in container runtimes, with EPERM or ENOSYS, before or after the ring is
 * created; and by the administrator. The error must be clear, nothing left behind, and nothing may crash. */
#include "many.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>

#define DATA 0x5151000052520000ULL

static struct io_uring ring;

/* From here on the process's io_uring calls fail with `error`, from `first` on in the order setup, enter, register. */
static void forbid_from(long first, int error)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (unsigned)first, 0, 2),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, __NR_io_uring_register, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = ARRAY_LEN(filter), .filter = filter };

	CHECK_SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		SKIP("the kernel has no seccomp filters: %s", strerror(errno));
}

/* No call can create a ring. */
static void no_ring(int error)
{
	static char memory[4 * LARGE_PAGE] __attribute__((aligned(LARGE_PAGE)));
	unsigned maps = count_maps(), fds = count_fds();
	struct io_uring_params p = { 0 };

	CHECK_EQ(io_uring_setup(8, &p), -error);
	CHECK_EQ(io_uring_queue_init(8, &ring, 0), -error);
	CHECK_EQ(io_uring_queue_init(8, &ring, IORING_SETUP_NO_MMAP), -error);
	CHECK_EQ(io_uring_queue_init(8, &ring, IORING_SETUP_NO_MMAP | IORING_SETUP_REGISTERED_FD_ONLY), -error);
	CHECK_EQ(io_uring_queue_init(8, &ring, IORING_SETUP_SQPOLL), -error);
	CHECK_EQ(io_uring_queue_init_params(8, &ring, &p), -error);
	CHECK_EQ(io_uring_queue_init_mem(8, &ring, &p, memory, sizeof(memory)), -error);
	CHECK(!io_uring_get_probe());
	CHECK_EQ(io_uring_register_query(NULL), -error);
	CHECK_EQ(io_uring_enter(0, 0, 0, 0, NULL), -error);
	CHECK_EQ(io_uring_register(0, 0, NULL, 0), -error);
	/* Calls that need no kernel still work: sizes are computed. */
	CHECK(io_uring_memory_size(8, 0) > 0);
	CHECK(!io_uring_check_version(IO_URING_VERSION_MAJOR, IO_URING_VERSION_MINOR));
	CHECK_EQ(count_maps(), maps);
	CHECK_EQ(count_fds(), fds);
}

STATES("io_uring_queue_init", -EPERM, "");
STATES("io_uring_setup", -EPERM, "");
TEST(setup_with_eperm)
{
	forbid_from(__NR_io_uring_setup, EPERM);
	no_ring(EPERM);
}

STATES("io_uring_queue_init", -ENOSYS, "");
STATES("io_uring_setup", -ENOSYS, "");
TEST(setup_with_enosys)
{
	forbid_from(__NR_io_uring_setup, ENOSYS);
	no_ring(ENOSYS);
}

/* On an existing ring each call returns the error and leaves the queue as it was; completions can be reaped. */
static void ring_at_hand(int error)
{
	struct __kernel_timespec ts = nsec(SEC);
	struct io_uring_cqe *cqe = (void *)&ts;
	struct iovec iov = { &ts, sizeof(ts) };
	unsigned maps, fds;
	int ret = 0;

	maps = count_maps();
	fds = count_fds();
	ring_init(&ring, 8, 0);
	io_uring_prep_nop(next_sqe(&ring, DATA));
	submit_one(&ring);
	forbid_from(__NR_io_uring_setup, error);
	io_uring_prep_nop(next_sqe(&ring, DATA + 1));
	CHECK_EQ(io_uring_submit(&ring), -error);
	CHECK_EQ(io_uring_submit_and_wait(&ring, 1), -error);
	CHECK_EQ(io_uring_submit_and_get_events(&ring), -error);
	CHECK_EQ(io_uring_get_events(&ring), -error);
	CHECK_EQ(io_uring_sq_ready(&ring), 1);
	CHECK_EQ(wait_res(&ring, DATA), 0);
	CHECK_EQ(io_uring_wait_cqe(&ring, &cqe), -error);
	CHECK(!cqe);
	cqe = (void *)&ts;
	CHECK_EQ(io_uring_wait_cqe_timeout(&ring, &cqe, &ts), -error);
	CHECK(!cqe);
	cqe = (void *)&ts;
	CHECK_EQ(io_uring_submit_and_wait_timeout(&ring, &cqe, 1, &ts, NULL), -error);
	CHECK(!cqe);
	CHECK_EQ(io_uring_peek_cqe(&ring, &cqe), -EAGAIN);
	CHECK_EQ(io_uring_sq_ready(&ring), 1);
	CHECK_EQ(io_uring_register_buffers(&ring, &iov, 1), -error);
	CHECK_EQ(io_uring_register_files_sparse(&ring, 8), -error);
	CHECK_EQ(io_uring_register_eventfd(&ring, 1), -error);
	CHECK_EQ(io_uring_register_ring_fd(&ring), -error);
	CHECK_EQ(io_uring_unregister_files(&ring), -error);
	CHECK(!io_uring_setup_buf_ring(&ring, 8, 1, 0, &ret));
	CHECK_EQ(ret, -error);
	CHECK(!io_uring_get_probe_ring(&ring));
	/* Exiting needs none of these calls. */
	io_uring_queue_exit(&ring);
	CHECK_EQ(count_maps(), maps);
	CHECK_EQ(count_fds(), fds);
}

TEST(later_with_eperm)
{
	ring_at_hand(EPERM);
}

TEST(later_with_enosys)
{
	ring_at_hand(ENOSYS);
}

/* A registered ring fd can't be returned then, but the memory and the file are released. */
TEST(registered_index_with_eperm)
{
	unsigned maps = count_maps(), fds = count_fds();

	ring_init(&ring, 8, 0);
	if (io_uring_register_ring_fd(&ring) != 1)
		LACKS("IORING_REGISTER_RING_FDS", 5, 18);
	forbid_from(__NR_io_uring_setup, EPERM);
	CHECK_EQ(io_uring_unregister_ring_fd(&ring), -EPERM);
	io_uring_queue_exit(&ring);
	CHECK_EQ(count_maps(), maps);
	CHECK_EQ(count_fds(), fds);
}

/* Only the register call is forbidden: rings work, and registering fails. */
TEST(register_alone)
{
	int ret = 0;

	forbid_from(__NR_io_uring_register, EPERM);
	ring_init(&ring, 8, 0);
	CHECK_WORKS(&ring);
	CHECK_EQ(io_uring_register_ring_fd(&ring), -EPERM);
	CHECK(!io_uring_setup_buf_ring(&ring, 8, 1, 0, &ret));
	CHECK_EQ(ret, -EPERM);
	CHECK(!io_uring_get_probe());
	CHECK_WORKS(&ring);
	io_uring_queue_exit(&ring);
}

/* The kernel's thread reads the queue without a call, until it sleeps. */
TEST(polling_thread_with_eperm)
{
	struct io_uring_params p = { .flags = IORING_SETUP_SQPOLL, .sq_thread_idle = 5 };
	struct io_uring_cqe *cqe;
	long long end;

	CHECK_EQ(io_uring_queue_init_params(8, &ring, &p), 0);
	CHECK_WORKS(&ring);
	forbid_from(__NR_io_uring_setup, EPERM);
	end = now() + 10 * SEC;
	while (!(IO_URING_READ_ONCE(*ring.sq.kflags) & IORING_SQ_NEED_WAKEUP))
		CHECK(now() < end);
	io_uring_prep_nop(next_sqe(&ring, DATA));
	CHECK_EQ(io_uring_submit(&ring), -EPERM);
	CHECK_EQ(io_uring_wait_cqe(&ring, &cqe), -EPERM);
	io_uring_queue_exit(&ring);
}

static int sysctl_value(int set)
{
	FILE *file = fopen("/proc/sys/kernel/io_uring_disabled", set < 0 ? "re" : "r+e");
	int value = -1;

	if (!file)
		return -1;
	if (set < 0 && fscanf(file, "%d", &value) != 1)
		value = -1;
	if (set >= 0 && fprintf(file, "%d", set) > 0)
		value = set;
	return fclose(file) ? -1 : value;
}

/* The setting applies to the whole machine and no namespace has its own: tested only where T_OWN_MACHINE is set. */
TEST(disabled_by_the_administrator)
{
	int before = sysctl_value(-1), ret;

	if (before < 0 && t_on_engine() && linux_before(6, 6))
		SKIP("the kernel has no kernel.io_uring_disabled (since 6.6)");
	if (before < 0)
		LACKS("kernel.io_uring_disabled", 6, 6);
	if (before == 0 && !getenv("T_OWN_MACHINE"))
		SKIP("kernel.io_uring_disabled applies to the whole machine; set T_OWN_MACHINE=1 to let the case change it");
	CHECK_EQ(sysctl_value(2), 2);
	ret = io_uring_queue_init(8, &ring, 0);
	sysctl_value(before);
	CHECK_EQ(ret, -EPERM);
}
