/* Improvements of io_uring_resize_rings() over the original (docs/differences.md): these cases fail on it. */
#include "many.h"
#include <sys/resource.h>

#define DATA 0x3232000043430000ULL
#define FLAGS (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)

static struct io_uring ring;

static int resize(unsigned sq, unsigned cq)
{
	struct io_uring_params p = { .sq_entries = sq, .cq_entries = cq, .flags = cq ? IORING_SETUP_CQSIZE : 0 };

	return io_uring_resize_rings(&ring, &p);
}

static void setup(unsigned sq, unsigned flags)
{
	ring_init_named(&ring, sq, FLAGS | flags, "IORING_SETUP_DEFER_TASKRUN", 6, 1);
	if (resize(sq, 0) == -EINVAL)
		LACKS("IORING_REGISTER_RESIZE_RINGS", 6, 13);
}

static void add_nops(unsigned from, unsigned to)
{
	for (; from < to; from++)
		io_uring_prep_nop(next_sqe(&ring, DATA + from));
}

static void expect_nops(unsigned from, unsigned to)
{
	for (; from < to; from++)
		CHECK_EQ(wait_res(&ring, DATA + from), 0);
	CHECK_QUIET(&ring);
}

/* Entries of each size: completed, published and prepared ones, starting at each slot of the queues. */
TEST(entries_are_carried_over)
{
	static const unsigned kinds[] = { 0, IORING_SETUP_SQE128, IORING_SETUP_CQE32,
					  IORING_SETUP_SQE128 | IORING_SETUP_CQE32 };
	static const unsigned sizes[][2] = { { 64, 128 }, { 8, 0 }, { 16, 16 }, { 8, 8 }, { 8, 64 } };
	unsigned kind, start, i;

	for (kind = 0; kind < ARRAY_LEN(kinds); kind++) {
		for (start = 0; start < 8; start++) {
			int fd;

			setup(8, kinds[kind]);
			add_nops(0, start);
			submit_n(&ring, (int)start);
			expect_nops(0, start);

			add_nops(0, 5);
			submit_n(&ring, 5);
			add_nops(5, 8);
			/* Published, but not taken by the kernel. */
			fd = ring.enter_ring_fd;
			ring.enter_ring_fd = -1;
			CHECK_EQ(io_uring_submit(&ring), -EBADF);
			ring.enter_ring_fd = fd;
			add_nops(8, 13);
			for (i = 0; i < ARRAY_LEN(sizes); i++) {
				CHECK_EQ(resize(sizes[i][0], sizes[i][1]), 0);
				CHECK_EQ(io_uring_sq_ready(&ring), 8);
				CHECK_EQ(io_uring_cq_ready(&ring), 5);
			}
			submit_n(&ring, 8);
			expect_nops(0, 13);
			io_uring_queue_exit(&ring);
		}
	}
}

/* Both rings stay in one mapping. */
TEST(no_mapping_more)
{
	unsigned maps;

	setup(8, 0);
	io_uring_queue_exit(&ring);
	ring_init(&ring, 8, FLAGS);
	maps = count_maps();
	CHECK_EQ(resize(64, 256), 0);
	CHECK_EQ(count_maps(), maps);
	CHECK(ring.cq.ring_ptr == ring.sq.ring_ptr);
	CHECK_EQ(io_uring_ring_dontfork(&ring), 0);
	io_uring_queue_exit(&ring);
}

TEST(entries_that_do_not_fit)
{
	setup(8, 0);
	add_nops(0, 5);
	CHECK_EQ(resize(4, 0), -EOVERFLOW);
	CHECK_EQ(ring.sq.ring_entries, 8);
	submit_n(&ring, 5);
	expect_nops(0, 5);
	io_uring_queue_exit(&ring);
}

/* A completion of two slots would wrap around the end of a smaller queue. */
TEST(a_big_completion_is_not_torn)
{
	unsigned i;

	SINCE("IORING_SETUP_CQE_MIXED", 6, 18);
	setup(8, IORING_SETUP_CQE_MIXED);
	add_nops(0, 3);
	submit_n(&ring, 3);
	expect_nops(0, 3);
	for (i = 3; i < 5; i++) {
		struct io_uring_sqe *sqe = next_sqe(&ring, DATA + i);

		io_uring_prep_nop(sqe);
		sqe->nop_flags = i == 3 ? IORING_NOP_CQE32 : 0;
	}
	submit_n(&ring, 2);
	CHECK_EQ(io_uring_cq_ready(&ring), 3);
	CHECK_EQ(resize(4, 4), -EOVERFLOW);
	CHECK_EQ(resize(32, 64), 0);
	CHECK_EQ(resize(8, 8), 0);
	expect_nops(3, 5);
	CHECK_EQ(resize(4, 4), 0);
	CHECK_WORKS(&ring);
	io_uring_queue_exit(&ring);
}

TEST(without_a_descriptor)
{
	setup(8, 0);
	need_feature(&ring, IORING_FEAT_REG_REG_RING);
	CHECK_EQ(io_uring_register_ring_fd(&ring), 1);
	CHECK_EQ(io_uring_close_ring_fd(&ring), 1);
	add_nops(0, 3);
	CHECK_EQ(resize(64, 0), -EBADF);
	submit_n(&ring, 3);
	expect_nops(0, 3);
	io_uring_queue_exit(&ring);
}

/* The descriptor was closed, and its number now refers to another file, which must not be mapped. */
STATES("io_uring_resize_rings", -EOPNOTSUPP, "");
TEST(another_files_descriptor)
{
	setup(8, 0);
	CHECK_EQ(io_uring_register_ring_fd(&ring), 1);
	CHECK_SYS(dup2(tmp_open("file", 4096), ring.ring_fd));
	add_nops(0, 3);
	CHECK_EQ(resize(64, 0), -EOPNOTSUPP);
	submit_n(&ring, 3);
	expect_nops(0, 3);
	io_uring_queue_exit(&ring);
}

/* After a refusal the ring works, and can be resized once there is memory. */
static void goes_on(int ret)
{
	CHECK(ret == 0 || ret == -ENOMEM);
	CHECK_EQ(io_uring_sq_ready(&ring), 2);
	submit_n(&ring, 2);
	expect_nops(0, 3);
}

STATES("io_uring_resize_rings", -ENOMEM, "");
TEST(no_address_space_left)
{
	unsigned maps, fds, kib, refused = 0;
	struct rlimit old, low;

	NOT_UNDER("valgrind", "it allocates memory of its own");
	ENGINE_NOT_UNDER("asan", "it ends if it has no memory");
	setup(8, 0);
	maps = count_maps();
	fds = count_fds();
	CHECK_SYS(getrlimit(RLIMIT_AS, &old));
	/* The rings take some 144 KiB, and the SQEs 256 KiB; three times that if the ring is one in user space. */
	for (kib = 0; kib <= 1536; kib += 32) {
		unsigned long pages_used;
		FILE *file = fopen("/proc/self/statm", "re");
		int ret;

		CHECK(file && fscanf(file, "%lu", &pages_used) == 1);
		fclose(file);
		add_nops(0, 1);
		submit_n(&ring, 1);
		add_nops(1, 3);
		low = old;
		low.rlim_cur = (pages_used << 12) + (kib << 10);
		CHECK_SYS(setrlimit(RLIMIT_AS, &low));
		ret = resize(4096, 8192);
		CHECK_SYS(setrlimit(RLIMIT_AS, &old));
		refused += ret != 0;
		goes_on(ret);
		CHECK_EQ(resize(8, 16), 0);
		CHECK_EQ(count_maps(), maps);
		CHECK_EQ(count_fds(), fds);
	}
	CHECK(refused > 5 && refused < kib / 32);
	io_uring_queue_exit(&ring);
}

/* The process reaches the limit on its number of mappings. */
TEST(no_mapping_left)
{
	FILE *file = fopen("/proc/sys/vm/max_map_count", "re");
	unsigned most, n, keep, refused = 0;
	char *memory;

	NOT_UNDER("valgrind", "it creates mappings of its own");
	ENGINE_NOT_UNDER("asan", "it creates mappings of its own");
	CHECK(file && fscanf(file, "%u", &most) == 1);
	fclose(file);
	if (most > 1 << 17)
		SKIP("vm.max_map_count is %u: too many to fill", most);
	setup(8, 0);
	memory = mmap(NULL, (size_t)most << 13, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	CHECK(memory != MAP_FAILED);
	/* Neighbors with other permissions stay separate mappings. */
	for (n = 0; n < most; n++) {
		if (mprotect(memory + ((size_t)n << 13), 4096, PROT_READ))
			break;
	}
	CHECK(n > 1000 && n < most);
	for (keep = 0; keep < 12; keep++) {
		int ret;

		add_nops(0, 1);
		submit_n(&ring, 1);
		add_nops(1, 3);
		ret = resize(keep & 1 ? 8 : 16, 32);
		refused += ret != 0;
		goes_on(ret);
		/* Allows one more mapping, then another. */
		CHECK_SYS(munmap(memory + ((size_t)keep << 13), 4096));
	}
	CHECK(refused > 0 && refused < keep);
	io_uring_queue_exit(&ring);
}

/* The kernel doesn't tell where the array of the resized SQ is. */
TEST(ring_with_an_array)
{
	struct io_uring_params p = { .flags = FLAGS };
	int fd;

	setup(8, 0);
	io_uring_queue_exit(&ring);
	fd = io_uring_setup(8, &p);
	CHECK(fd >= 0);
	CHECK_EQ(io_uring_queue_mmap(fd, &p, &ring), 0);
	ring.enter_ring_fd = fd;
	for (unsigned i = 0; i < 8; i++)
		ring.sq.array[i] = i;
	CHECK_EQ(resize(16, 0), -EINVAL);
	add_nops(0, 8);
	submit_n(&ring, 8);
	expect_nops(0, 8);
	io_uring_queue_exit(&ring);
}
