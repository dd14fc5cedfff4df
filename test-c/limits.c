/* Shortage of locked memory, descriptors, address space or /proc: the error must be clear, nothing left behind, and an
 * existing ring must still work. */
#include "many.h"
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#define NOBODY 65534

static struct io_uring ring;

static void limit(int resource, rlim_t value)
{
	struct rlimit r;

	CHECK_SYS(getrlimit(resource, &r));
	r.rlim_cur = value;
	CHECK_SYS(setrlimit(resource, &r));
}

static const unsigned kinds[] = { 0, IORING_SETUP_SQPOLL, IORING_SETUP_SQE128 | IORING_SETUP_CQE32,
				  IORING_SETUP_NO_MMAP };

/* Rings of every kind must work, or be refused if the kernel counts their memory. */
static unsigned rings(bool may_be_refused)
{
	unsigned maps = count_maps(), fds = count_fds(), refused = 0, i;

	for (i = 0; i < ARRAY_LEN(kinds); i++) {
		struct iovec iov = { pages(8192), 8192 };
		int ret = io_uring_queue_init(64, &ring, kinds[i]);

		if (may_be_refused && ret == -ENOMEM) {
			refused++;
		} else if (ret != -EINVAL && !(ret == -EPERM && kinds[i] == IORING_SETUP_SQPOLL)) {
			CHECK_EQ(ret, 0);
			CHECK_WORKS(&ring);
			/* The engine locks no memory. */
			CHECK_EQ(io_uring_register_buffers(&ring, &iov, 1),
				 may_be_refused && !t_on_engine() ? -ENOMEM : 0);
			CHECK(io_uring_mlock_size(64, kinds[i]) >= 0);
			CHECK_WORKS(&ring);
			io_uring_queue_exit(&ring);
		}
		CHECK_EQ(count_maps(), maps);
		CHECK_EQ(count_fds(), fds);
		free(iov.iov_base);
	}
	return refused;
}

/* `ulimit -l 0` doesn't affect processes with CAP_IPC_LOCK. */
TEST(no_locked_memory_for_root)
{
	if (geteuid())
		SKIP("not root");
	limit(RLIMIT_MEMLOCK, 0);
	CHECK_EQ(rings(false), 0);
}

STATES("io_uring_queue_init", -ENOMEM, "");
STATES("io_uring_setup", -ENOMEM, "");
TEST(no_locked_memory_for_users)
{
	struct rlimit before;
	int ret;

	CHECK_SYS(getrlimit(RLIMIT_MEMLOCK, &before));
	limit(RLIMIT_MEMLOCK, 0);
	if (!geteuid())
		CHECK_SYS(setuid(NOBODY));
	ret = io_uring_queue_init(1, &ring, 0);
	if (ret == -EPERM)
		SKIP("kernel.io_uring_disabled forbids io_uring to users without privileges");
	if (!ret)
		io_uring_queue_exit(&ring);
	rings(true);
	if (before.rlim_cur < 1 << 20)
		SKIP("the memlock limit is too low for a user's rings");
	limit(RLIMIT_MEMLOCK, before.rlim_cur);
	CHECK_EQ(rings(false), 0);
}

/* A ring works when no descriptor is left: only calls that need one fail. */
TEST(no_descriptor_left)
{
	struct io_uring other;
	struct io_uring_params p = { 0 };
	int next, pipe_ends[2];
	unsigned maps;

	NOT_UNDER("valgrind", "it emulates RLIMIT_NOFILE");
	ring_init(&ring, 8, 0);
	make_pipe(pipe_ends);
	next = dup(pipe_ends[0]);
	close(next);
	maps = count_maps();
	limit(RLIMIT_NOFILE, (rlim_t)next);
	CHECK_EQ(io_uring_queue_init(8, &other, 0), -EMFILE);
	CHECK_EQ(io_uring_setup(8, &p), -EMFILE);
	CHECK(!io_uring_get_probe());
	CHECK_WORKS(&ring);
	io_uring_prep_openat(next_sqe(&ring, 1), AT_FDCWD, "/", O_RDONLY, 0);
	CHECK_EQ(run_res(&ring), -EMFILE);
	/* The table belongs to the ring, so the limit doesn't apply. */
	CHECK_EQ(io_uring_register_files(&ring, pipe_ends, 2), 0);
	CHECK_EQ(io_uring_unregister_files(&ring), 0);
	limit(RLIMIT_NOFILE, (rlim_t)next + 8);
	CHECK_EQ(count_maps(), maps);
	io_uring_queue_exit(&ring);
}

static rlim_t mapped(void)
{
	return (rlim_t)mapped_pages() * (rlim_t)sysconf(_SC_PAGESIZE);
}

/* Address space runs out at each step of the call: the limit rises until the whole call succeeds. */
static void runs_out(unsigned flags, const char *name, unsigned major, unsigned minor)
{
	unsigned maps = count_maps(), fds = count_fds(), step, refused = 0;
	int ret;

	NOT_UNDER("asan", "its shadow memory fills the address space");
	NOT_UNDER("tsan", "its shadow memory fills the address space");
	NOT_UNDER("valgrind", "it maps memory of its own whenever the program does");
	ret = io_uring_queue_init(256, &ring, flags);
	if (ret == -EINVAL && flags)
		LACKS(name, major, minor);
	if (ret == -ENOMEM && flags & IORING_SETUP_NO_MMAP)
		SKIP("no free huge page of 2 MB; as root: sysctl -w vm.nr_hugepages=8");
	CHECK_EQ(ret, 0);
	io_uring_queue_exit(&ring);
	for (step = 0, ret = -ENOMEM; ret == -ENOMEM && step < 2048; step++) {
		limit(RLIMIT_AS, mapped() + step * 4096);
		ret = io_uring_queue_init(256, &ring, flags);
		limit(RLIMIT_AS, RLIM_INFINITY);
		if (ret == -ENOMEM) {
			CHECK_EQ(count_maps(), maps);
			CHECK_EQ(count_fds(), fds);
			refused++;
		}
	}
	CHECK_EQ(ret, 0);
	CHECK(refused > 1);
	CHECK_WORKS(&ring);
	io_uring_queue_exit(&ring);
	CHECK_EQ(count_maps(), maps);
	CHECK_EQ(count_fds(), fds);
}

TEST(address_space_of_a_plain_ring)
{
	runs_out(0, "", 0, 0);
}

TEST(address_space_of_a_polled_ring)
{
	runs_out(IORING_SETUP_SQPOLL, "IORING_SETUP_SQPOLL", 5, 1);
}

TEST(address_space_of_big_entries)
{
	runs_out(IORING_SETUP_SQE128 | IORING_SETUP_CQE32, "IORING_SETUP_SQE128 | IORING_SETUP_CQE32", 5, 19);
}

TEST(address_space_of_own_memory)
{
	runs_out(IORING_SETUP_NO_MMAP, "IORING_SETUP_NO_MMAP", 6, 5);
}

/* What a ring's calls map themselves. */
TEST(address_space_of_calls)
{
	struct io_uring_buf_ring *br;
	int ret = 0;
	unsigned maps;

	NOT_UNDER("asan", "its shadow memory fills the address space");
	NOT_UNDER("tsan", "its shadow memory fills the address space");
	ENGINE_NOT_UNDER("valgrind", "it ends if it has no memory");
	ring_init(&ring, 8, 0);
	maps = count_maps();
	limit(RLIMIT_AS, mapped());
	br = io_uring_setup_buf_ring(&ring, 8192, 1, 0, &ret);
	CHECK(!br);
	CHECK_EQ(ret, -ENOMEM);
	CHECK_WORKS(&ring);
	limit(RLIMIT_AS, RLIM_INFINITY);
	CHECK_EQ(count_maps(), maps);
	br = io_uring_setup_buf_ring(&ring, 8192, 1, 0, &ret);
	if (ret == -EINVAL)
		LACKS("IORING_REGISTER_PBUF_RING", 5, 19);
	CHECK(br);
	CHECK_EQ(io_uring_free_buf_ring(&ring, br, 8192, 1), 0);
	CHECK_EQ(count_maps(), maps);
	io_uring_queue_exit(&ring);
}

/* The library must not depend on /proc. */
TEST(without_proc)
{
	static char memory[4 * LARGE_PAGE] __attribute__((aligned(LARGE_PAGE)));
	struct io_uring_params p = { 0 };
	struct io_uring_probe *probe;
	struct io_uring_buf_ring *br;
	int ret;

	if (unshare(CLONE_NEWNS))
		SKIP("no mount namespace: %s", strerror(errno));
	CHECK_SYS(mount("none", "/", "none", MS_REC | MS_PRIVATE, ""));
	CHECK_SYS(umount2("/proc", MNT_DETACH));
	CHECK_EQ(access("/proc/self", F_OK), -1);
	CHECK(io_uring_memory_size(8, 0) > 0);
	CHECK(io_uring_mlock_size(8, 0) >= 0);
	probe = io_uring_get_probe();
	CHECK(probe);
	io_uring_free_probe(probe);
	ret = io_uring_queue_init_mem(8, &ring, &p, memory, sizeof(memory));
	if (ret != -EINVAL) {
		CHECK(ret > 0);
		CHECK_WORKS(&ring);
		io_uring_queue_exit(&ring);
	}
	ret = io_uring_queue_init(8, &ring, IORING_SETUP_NO_MMAP);
	if (ret != -EINVAL) {
		CHECK_EQ(ret, 0);
		CHECK_WORKS(&ring);
		io_uring_queue_exit(&ring);
	}
	ring_init(&ring, 8, 0);
	br = io_uring_setup_buf_ring(&ring, 8, 1, 0, &ret);
	if (br)
		CHECK_EQ(io_uring_free_buf_ring(&ring, br, 8, 1), 0);
	else
		CHECK_EQ(ret, -EINVAL);
	CHECK_WORKS(&ring);
	io_uring_queue_exit(&ring);
}
