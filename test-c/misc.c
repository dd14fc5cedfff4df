/* Busy polling, clocks, iowait, worker threads, sizes, raw system calls, rewound queues. */
#include "net.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>

#define DATA 0x3838000047470000ULL
#define SHORT (20 * MSEC)

static struct io_uring ring;

TEST(napi)
{
	struct io_uring_napi napi = { .busy_poll_to = 50, .prefer_busy_poll = 1 };
	char data[100], buf[100];
	int fds[2], ret;

	ring_init(&ring, 8, 0);
	ret = io_uring_register_napi(&ring, &napi);
	if (ret == -EINVAL)
		LACKS("IORING_REGISTER_NAPI", 6, 9);
	CHECK_EQ(ret, 0);
	/* The call returns the previous settings. */
	CHECK_EQ(napi.busy_poll_to, 0);
	CHECK_EQ(napi.prefer_busy_poll, 0);

	tcp_pair(fds);
	fill(data, sizeof(data), 1);
	io_uring_prep_recv(next_sqe(&ring, DATA), fds[1], buf, sizeof(buf), MSG_WAITALL);
	submit_one(&ring);
	fd_write(fds[0], data, sizeof(data));
	CHECK_EQ(wait_res(&ring, DATA), sizeof(buf));
	CHECK_PATTERN(buf, sizeof(buf), 1);

	memset(&napi, 0, sizeof(napi));
	CHECK_EQ(io_uring_unregister_napi(&ring, &napi), 0);
	CHECK_EQ(napi.busy_poll_to, 50);
	CHECK_EQ(napi.prefer_busy_poll, 1);
	napi.pad[0] = 1;
	CHECK_EQ(io_uring_register_napi(&ring, &napi), -EINVAL);
	CHECK_EQ(io_uring_unregister_napi(&ring, NULL), 0);
	io_uring_queue_exit(&ring);
}

/* Waits until a time of the registered clock. */
static int wait_until(long long when)
{
	struct __kernel_timespec ts = nsec(when);
	struct io_uring_getevents_arg arg = { .ts = (__u64)(uintptr_t)&ts };

	return io_uring_enter2((unsigned)ring.ring_fd, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG |
			       IORING_ENTER_ABS_TIMER, &arg, sizeof(arg));
}

TEST(clock)
{
	static const clockid_t clocks[] = { CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC };
	struct io_uring_clock_register reg = { .clockid = CLOCK_MONOTONIC };
	struct __kernel_timespec ts = nsec(SHORT);
	struct io_uring_cqe *cqe;
	unsigned i;

	ring_init(&ring, 8, 0);
	if (io_uring_register_clock(&ring, &reg) == -EINVAL)
		LACKS("IORING_REGISTER_CLOCK", 6, 12);
	for (i = 0; i < ARRAY_LEN(clocks); i++) {
		long long start = now();

		reg.clockid = (__u32)clocks[i];
		CHECK_EQ(io_uring_register_clock(&ring, &reg), 0);
		CHECK_EQ(wait_until(now_of(clocks[i]) + SHORT), -ETIME);
		CHECK_TOOK(start, SHORT);
		start = now();
		CHECK_EQ(io_uring_wait_cqe_timeout(&ring, &cqe, &ts), -ETIME);
		CHECK_TOOK(start, SHORT);
	}
	reg.clockid = CLOCK_REALTIME;
	CHECK_EQ(io_uring_register_clock(&ring, &reg), -EINVAL);
	reg.clockid = CLOCK_MONOTONIC;
	reg.__resv[1] = 1;
	CHECK_EQ(io_uring_register_clock(&ring, &reg), -EINVAL);
	io_uring_queue_exit(&ring);
}

/* From now on, entering a ring with `flag` fails with ENOTTY in this process. */
static void refuse_enter_flag(unsigned flag)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_enter, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[3])),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, flag, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOTTY),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = ARRAY_LEN(code), .filter = code };

#if __BYTE_ORDER != __LITTLE_ENDIAN
	SKIP("the filter works only on little-endian machines");
#endif
	CHECK_SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		SKIP("no seccomp filters: %s", strerror(errno));
}

/* A filter that refuses the flag shows whether the library passes it. */
TEST(set_iowait)
{
	struct io_uring_cqe *cqe;
	unsigned i;

	ring_init(&ring, 8, 0);
	need_feature(&ring, IORING_FEAT_NO_IOWAIT);
	CHECK_EQ(io_uring_set_iowait(&ring, false), 0);
	CHECK_WORKS(&ring);
	CHECK_EQ(io_uring_set_iowait(&ring, true), 0);
	refuse_enter_flag(IORING_ENTER_NO_IOWAIT);
	for (i = 0; i < 3; i++) {
		CHECK_WORKS(&ring);
		CHECK_EQ(io_uring_set_iowait(&ring, false), 0);
		CHECK_EQ(io_uring_get_events(&ring), -ENOTTY);
		CHECK_EQ(io_uring_wait_cqe(&ring, &cqe), -ENOTTY);
		CHECK_EQ(io_uring_submit_and_wait(&ring, 1), -ENOTTY);
		CHECK_EQ(io_uring_set_iowait(&ring, true), 0);
	}
	io_uring_queue_exit(&ring);
}

STATES("io_uring_set_iowait", -EOPNOTSUPP, "");
TEST(set_iowait_on_an_old_kernel)
{
	ring_init(&ring, 8, 0);
	ring.features &= ~IORING_FEAT_NO_IOWAIT;
	CHECK_EQ(io_uring_set_iowait(&ring, false), -EOPNOTSUPP);
	CHECK_EQ(io_uring_set_iowait(&ring, true), -EOPNOTSUPP);
	CHECK_WORKS(&ring);
	io_uring_queue_exit(&ring);
}

TEST(iowq_max_workers)
{
	unsigned first[2] = { 0, 0 }, values[2] = { 3, 7 };

	ring_init(&ring, 8, 0);
	CHECK_EQ(io_uring_register_iowq_max_workers(&ring, first), 0);
	CHECK(first[0] > 0 && first[1] > 0);
	/* The call returns the previous values; 0 changes nothing. */
	CHECK_EQ(io_uring_register_iowq_max_workers(&ring, values), 0);
	CHECK_EQ(values[0], first[0]);
	CHECK_EQ(values[1], first[1]);
	values[0] = 5;
	values[1] = 0;
	CHECK_EQ(io_uring_register_iowq_max_workers(&ring, values), 0);
	CHECK_EQ(values[0], 3);
	CHECK_EQ(values[1], 7);
	values[0] = values[1] = 0;
	CHECK_EQ(io_uring_register_iowq_max_workers(&ring, values), 0);
	CHECK_EQ(values[0], 5);
	CHECK_EQ(values[1], 7);
	CHECK_EQ(io_uring_register_iowq_max_workers(&ring, NULL), -EINVAL);
	io_uring_queue_exit(&ring);
}

TEST(iowq_aff)
{
	struct io_uring_sqe *sqe;
	char cpus[64] = "", want[64];
	int cpu = last_cpu();
	cpu_set_t one;

	ring_init(&ring, 8, 0);
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	CHECK_EQ(io_uring_register_iowq_aff(&ring, sizeof(one), &one), 0);
	sqe = next_sqe(&ring, DATA);
	io_uring_prep_nop(sqe);
	io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
	CHECK_EQ(run_res(&ring), 0);
	CHECK(count_threads("iou-wrk", cpus) > 0);
	snprintf(want, sizeof(want), "%d", cpu);
	if (strcmp(cpus, want))
		T_FAIL("the worker may run on %s, expected %s", cpus, want);
	CHECK_EQ(io_uring_unregister_iowq_aff(&ring), 0);
	CHECK_EQ(io_uring_register_iowq_aff(&ring, (size_t)1 << 31, &one), -EINVAL);
	CHECK_EQ(io_uring_register_iowq_aff(&ring, sizeof(one), NULL), -EINVAL);
	CHECK_EQ(io_uring_register_iowq_aff(&ring, 0, &one), -EINVAL);
	io_uring_queue_exit(&ring);
}

/* The expected sizes, computed from their parts. */

static size_t whole_pages(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) / page * page;
}

TEST(memory_size)
{
	static const unsigned flags[] = {
		0, IORING_SETUP_SQE128, IORING_SETUP_CQE32, IORING_SETUP_SQE128 | IORING_SETUP_CQE32,
		IORING_SETUP_NO_SQARRAY, IORING_SETUP_NO_SQARRAY | IORING_SETUP_CQE32, IORING_SETUP_CQE_MIXED,
		IORING_SETUP_CLAMP,
	};
	unsigned i, n;

	for (i = 0; i < ARRAY_LEN(flags); i++) {
		for (n = 1; n <= 32768; n += n < 70 ? 1 : n / 3) {
			size_t sq = 1, want;

			while (sq < n)
				sq *= 2;
			want = 64 + 2 * sq * (flags[i] & IORING_SETUP_CQE32 ? 32 : 16);
			want += flags[i] & IORING_SETUP_NO_SQARRAY ? 0 : 4 * sq;
			want = whole_pages(want) + whole_pages(sq * (flags[i] & IORING_SETUP_SQE128 ? 128 : 64));
			CHECK_EQ(io_uring_memory_size(n, flags[i]), want);
		}
	}
}

TEST(memory_size_params)
{
	struct io_uring_params p = { .flags = IORING_SETUP_CQSIZE, .cq_entries = 4096 };

	CHECK_EQ(io_uring_memory_size_params(8, &p), whole_pages(8 * 64) + whole_pages(64 + 4096 * 16 + 8 * 4));
	p.cq_entries = 0;
	CHECK_EQ(io_uring_memory_size_params(8, &p), -EINVAL);
	p.cq_entries = 4;
	CHECK_EQ(io_uring_memory_size_params(8, &p), -EINVAL);
	p.cq_entries = 70000;
	CHECK_EQ(io_uring_memory_size_params(8, &p), -EINVAL);
	p.flags |= IORING_SETUP_CLAMP;
	CHECK_EQ(io_uring_memory_size_params(8, &p), whole_pages(8 * 64) + whole_pages(64 + 65536 * 16 + 8 * 4));
	CHECK_EQ(io_uring_memory_size(0, 0), -EINVAL);
	CHECK_EQ(io_uring_memory_size(0, IORING_SETUP_CLAMP), -EINVAL);
	CHECK_EQ(io_uring_memory_size(32769, 0), -EINVAL);
	CHECK_EQ(io_uring_memory_size(1 << 30, IORING_SETUP_CLAMP), io_uring_memory_size(32768, 0));
}

/* Since kernel 5.12 no memory has to be locked. */
STATES("io_uring_mlock_size", "The size in bytes");
STATES("io_uring_mlock_size", -EINVAL, "");
TEST(mlock_size)
{
	struct io_uring_params p = { .flags = IORING_SETUP_CQE32 };
	unsigned maps = count_maps(), fds = count_fds(), n;

	ring_init(&ring, 8, 0);
	need_feature(&ring, IORING_FEAT_NATIVE_WORKERS);
	io_uring_queue_exit(&ring);
	for (n = 1; n <= 32768; n *= 8) {
		CHECK_EQ(WITH_MEMORY(io_uring_mlock_size(n, 0), (long)io_uring_memory_size(n, 0)), 0);
		CHECK_EQ(WITH_MEMORY(io_uring_mlock_size_params(n, &p), (long)io_uring_memory_size_params(n, &p)), 0);
	}
	CHECK_EQ(io_uring_mlock_size(0, 0), -EINVAL);
	CHECK_EQ(io_uring_mlock_size(32769, 0), -EINVAL);
	CHECK_EQ(count_maps(), maps);
	CHECK_EQ(count_fds(), fds);
}

/* The system calls themselves. */

TEST(raw_setup_and_register)
{
	struct io_uring_params p = { 0 };
	int fd = io_uring_setup(5, &p), file = STDOUT_FILENO;

	CHECK(fd >= 0);
	CHECK_EQ(p.sq_entries, 8);
	CHECK_EQ(p.cq_entries, 16);
	CHECK(p.features & IORING_FEAT_SINGLE_MMAP);
	CHECK_EQ(io_uring_register((unsigned)fd, IORING_REGISTER_FILES, &file, 1), 0);
	CHECK_EQ(io_uring_register((unsigned)fd, IORING_REGISTER_FILES, &file, 1), -EBUSY);
	CHECK_EQ(io_uring_register((unsigned)fd, IORING_UNREGISTER_FILES, NULL, 0), 0);
	CHECK_EQ(io_uring_register((unsigned)fd, 9999, NULL, 0), -EINVAL);
	close(fd);
	CHECK_EQ(io_uring_register((unsigned)fd, IORING_UNREGISTER_FILES, NULL, 0), -EBADF);
	CHECK_EQ(io_uring_setup(0, &p), -EINVAL);
	CHECK_EQ(io_uring_setup(8, NULL), -EFAULT);
}

TEST(raw_enter)
{
	struct __kernel_timespec ts = nsec(SHORT);
	struct io_uring_getevents_arg arg = { .ts = (__u64)(uintptr_t)&ts };
	unsigned flags = IORING_ENTER_GETEVENTS, fd;
	sigset_t mask;
	long long start;

	ring_init(&ring, 8, 0);
	fd = (unsigned)ring.ring_fd;
	CHECK_EQ(io_uring_enter(fd, 0, 0, 0, NULL), 0);
	CHECK_EQ(io_uring_enter(fd, 0, 0, 1U << 31, NULL), -EINVAL);
	CHECK_EQ(io_uring_enter(9999, 0, 0, 0, NULL), -EBADF);
	CHECK_EQ(io_uring_enter((unsigned)tmp_open("file", 0), 0, 0, 0, NULL), -EOPNOTSUPP);

	io_uring_prep_nop(next_sqe(&ring, DATA));
	*ring.sq.ktail = ring.sq.sqe_head = ring.sq.sqe_tail;
	sigemptyset(&mask);
	CHECK_EQ(io_uring_enter(fd, 1, 1, flags, &mask), 1);
	CHECK_EQ(wait_res(&ring, DATA), 0);

	start = now();
	CHECK_EQ(io_uring_enter2(fd, 0, 1, flags | IORING_ENTER_EXT_ARG, &arg, sizeof(arg)), -ETIME);
	CHECK_TOOK(start, SHORT);
	CHECK_EQ(io_uring_enter2(fd, 0, 1, flags | IORING_ENTER_EXT_ARG, &arg, 7), -EINVAL);
	CHECK_EQ(io_uring_enter2(fd, 0, 1, flags | IORING_ENTER_EXT_ARG, (void *)8, sizeof(arg)), -EFAULT);
	io_uring_queue_exit(&ring);
}

/* A queue whose submissions all begin at slot 0. */
TEST(sq_rewind)
{
	unsigned round, i;

	ring_init_since(&ring, 8, IORING_SETUP_SQ_REWIND, 7, 0);
	for (round = 0; round < 50; round++) {
		for (i = 0; i <= round % 8; i++) {
			struct io_uring_sqe *sqe = next_sqe(&ring, DATA + i);

			CHECK(sqe == &ring.sq.sqes[i]);
			io_uring_prep_nop(sqe);
		}
		submit_n(&ring, (int)i);
		CHECK_EQ(io_uring_sq_ready(&ring), 0);
		for (i = 0; i <= round % 8; i++)
			CHECK_EQ(wait_res(&ring, DATA + i), 0);
		CHECK_QUIET(&ring);
	}
	io_uring_queue_exit(&ring);
}
