/* Calls that create rings. */
#include "page.h"
#include <sys/eventfd.h>

#define BAD(TYPE) ((TYPE *)(void *)bad)

static int params_give(unsigned entries, struct io_uring_params p)
{
	struct io_uring made;
	int ret = io_uring_queue_init_params(entries, &made, &p);

	io_uring_queue_exit(&made);
	return ret;
}

#define INIT(ENTRIES, ...) params_give(ENTRIES, (struct io_uring_params){ __VA_ARGS__ })

TEST(io_uring_queue_init)
{
	RETURNS(0, "0, or a negative", INIT(8, 0));
	STATES("io_uring_queue_init", "io_uring_queue_exit(3) may still be called");
	RETURNS(-EINVAL, "entries is 0", INIT(0, 0));
	RETURNS(-EINVAL, "entries is 0", INIT(32769, 0));
	RETURNS(-EINVAL, "p->cq_entries", INIT(8, .flags = IORING_SETUP_CQSIZE));
	RETURNS(-EINVAL, "p->cq_entries", INIT(8, .flags = IORING_SETUP_CQSIZE, .cq_entries = 65537));
	RETURNS(-EINVAL, "p->cq_entries", INIT(8, .flags = IORING_SETUP_CQSIZE, .cq_entries = 4));
	RETURNS(-EINVAL, "a flag is unknown", INIT(8, .flags = 1U << 30));
	RETURNS(-EINVAL, "a flag is unknown", INIT(8, .flags = IORING_SETUP_DEFER_TASKRUN));
	RETURNS(-EFAULT, "is NULL", io_uring_queue_init_params(8, NULL, NULL));
	RETURNS(-EINVAL, "p was not cleared", INIT(8, .resv[1] = 1));
	errno = 1234;
	STATES("io_uring_queue_init", "errno(3) itself");
	RETURNS(-EOVERFLOW, "", INIT(1, .flags = IORING_SETUP_CQE_MIXED | IORING_SETUP_CQSIZE, .cq_entries = 1));
	CHECK_EQ(errno, 1234);
	no_descriptor_left();
	RETURNS(-EMFILE, "", INIT(8, 0));
}

/* The bare call: returns a descriptor, or an errno. */
static int setup_gives(unsigned entries, struct io_uring_params p)
{
	int ret = io_uring_setup(entries, &p);

	if (ret >= 0)
		close(ret);
	return ret < 0 ? ret : 0;
}

#define SETUP(ENTRIES, ...) setup_gives(ENTRIES, (struct io_uring_params){ __VA_ARGS__ })

TEST(io_uring_setup)
{
	STATES("io_uring_setup", "A new descriptor");
	CHECK_EQ(SETUP(8, 0), 0);
	RETURNS(-EFAULT, "", io_uring_setup(8, BAD(struct io_uring_params)));
	RETURNS(-EFAULT, "", SETUP(8, .flags = IORING_SETUP_NO_MMAP, .sq_off.user_addr = 4096, .cq_off.user_addr = 4096));
	RETURNS(-EINVAL, "entries is 0", SETUP(0, 0));
	RETURNS(-EINVAL, "entries is 0", SETUP(32769, 0));
	RETURNS(-EINVAL, "a flag is unknown", SETUP(8, .flags = 1U << 30));
	RETURNS(-EINVAL, "flags exclude", SETUP(8, .flags = IORING_SETUP_DEFER_TASKRUN));
	RETURNS(-EINVAL, "flags exclude", SETUP(8, .flags = IORING_SETUP_SQPOLL | IORING_SETUP_COOP_TASKRUN));
	RETURNS(-EINVAL, "resv", SETUP(8, .resv[0] = 1));
	RETURNS(-EINVAL, "cq_entries", SETUP(8, .flags = IORING_SETUP_CQSIZE));
	RETURNS(-EINVAL, "cq_entries", SETUP(8, .flags = IORING_SETUP_CQSIZE, .cq_entries = 4));
	RETURNS(-EINVAL, "sq_thread_cpu",
		SETUP(8, .flags = IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF, .sq_thread_cpu = 100000));
	RETURNS(-EINVAL, "wq_fd", SETUP(8, .flags = IORING_SETUP_ATTACH_WQ, .wq_fd = 1));
	begin(0);
	RETURNS(-EINVAL, "wq_fd",
		SETUP(8, .flags = IORING_SETUP_ATTACH_WQ | IORING_SETUP_SQPOLL, .wq_fd = (unsigned)ring.ring_fd));
	RETURNS(-EOVERFLOW, "IORING_SETUP_CQE_MIXED",
		SETUP(1, .flags = IORING_SETUP_CQE_MIXED | IORING_SETUP_CQSIZE, .cq_entries = 1));
	RETURNS(-ENXIO, "", SETUP(8, .flags = IORING_SETUP_ATTACH_WQ, .wq_fd = 900));
	errno = 1234;
	STATES("io_uring_setup", "A negative errno value");
	CHECK_EQ(SETUP(0, 0), -EINVAL);
	CHECK_EQ(errno, 1234);
	no_descriptor_left();
	RETURNS(-EMFILE, "", SETUP(8, 0));
}

TEST(io_uring_queue_init_mem)
{
	struct io_uring_params p = { .flags = 0 };
	struct io_uring made;
	char *memory = pages(4 * LARGE_PAGE);
	int ret;

	memset(memory, 0, 4 * LARGE_PAGE);
	ret = io_uring_queue_init_mem(8, &made, &p, memory, 4 * LARGE_PAGE);
	STATES("io_uring_queue_init_mem", "The number of bytes");
	CHECK(ret > 0 && ret % sysconf(_SC_PAGESIZE) == 0);
	io_uring_queue_exit(&made);
	memset(memory, 0xee, 4 * LARGE_PAGE);
	p = (struct io_uring_params){ .flags = 0 };
	RETURNS(-ENOMEM, "buf_size", io_uring_queue_init_mem(8, &made, &p, memory, 4096));
	CHECK_ALL(memory, 4096, 0xee);
	p = (struct io_uring_params){ .flags = 0 };
	RETURNS(-EINVAL, "the sizes", io_uring_queue_init_mem(0, &made, &p, memory, 4 * LARGE_PAGE));
	p = (struct io_uring_params){ .flags = 0 };
	RETURNS(-EINVAL, "buf isn't aligned", io_uring_queue_init_mem(8, &made, &p, memory + 64, 2 * LARGE_PAGE));
	p = (struct io_uring_params){ .flags = 0 };
	RETURNS(-EFAULT, "", io_uring_queue_init_mem(8, &made, &p, bad, 4 * LARGE_PAGE));
	p = (struct io_uring_params){ .flags = 1U << 30 };
	STATES("io_uring_queue_init_mem", "buf belongs to the program");
	RETURNS(-EINVAL, "a flag", io_uring_queue_init_mem(8, &made, &p, memory, 4 * LARGE_PAGE));
}

TEST(io_uring_queue_mmap)
{
	struct io_uring_params p = { .flags = 0 };
	struct io_uring made;
	int fd = io_uring_setup(8, &p);

	CHECK(fd >= 0);
	RETURNS(0, "0, or a negative", io_uring_queue_mmap(fd, &p, &made));
	RETURNS(-EBADF, "", io_uring_queue_mmap(900, &p, &made));
	RETURNS(-ENODEV, "", io_uring_queue_mmap(eventfd(0, 0), &p, &made));
	begin(IORING_SETUP_NO_MMAP);
	RETURNS(-ENOMEM, "IORING_SETUP_NO_MMAP", io_uring_queue_mmap(ring.ring_fd, &p, &made));
	RETURNS(-EACCES, "", io_uring_queue_mmap(open("/proc/self/exe", O_RDONLY), &p, &made));
	STATES("io_uring_queue_mmap", "After an error");
	CHECK(fd_is_open(fd));
}

TEST(io_uring_memory_size)
{
	struct io_uring_params few = { .flags = IORING_SETUP_CQSIZE, .cq_entries = 4 };

	STATES("io_uring_memory_size", "The size in bytes | or -EINVAL");
	CHECK(io_uring_memory_size(8, 0) > 0 && io_uring_memory_size(8, 0) % sysconf(_SC_PAGESIZE) == 0);
	RETURNS(-EINVAL, "entries is 0", io_uring_memory_size(0, 0));
	RETURNS(-EINVAL, "entries is 0", io_uring_memory_size(32769, 0));
	CHECK(io_uring_memory_size(32769, IORING_SETUP_CLAMP) > 0);
	RETURNS(-EINVAL, "cq_entries", io_uring_memory_size_params(8, &few));
	few.cq_entries = 65537;
	RETURNS(-EINVAL, "cq_entries", io_uring_memory_size_params(8, &few));
}

TEST(io_uring_ring_fds)
{
	struct io_uring many_rings[17];
	unsigned i;

	begin(0);
	STATES("io_uring_register_ring_fd", "1, or a negative");
	STATES("io_uring_register_ring_fd", -EEXIST, "is already registered");
	CHECK_EQ(io_uring_register_ring_fd(&ring), 1);
	CHECK_EQ(io_uring_register_ring_fd(&ring), -EEXIST);
	CHECK_EQ(io_uring_unregister_ring_fd(&ring), 1);
	STATES("io_uring_register_ring_fd", -EINVAL, "isn't registered");
	CHECK_EQ(io_uring_unregister_ring_fd(&ring), -EINVAL);
	STATES("io_uring_close_ring_fd", -EINVAL, "");
	STATES("io_uring_close_ring_fd", "After an error");
	CHECK_EQ(io_uring_close_ring_fd(&ring), -EINVAL);
	CHECK(fd_is_open(ring.ring_fd));
	CHECK_EQ(io_uring_register_ring_fd(&ring), 1);
	STATES("io_uring_close_ring_fd", "1, or a negative");
	STATES("io_uring_close_ring_fd", -EBADF, "");
	CHECK_EQ(io_uring_close_ring_fd(&ring), 1);
	CHECK_EQ(io_uring_close_ring_fd(&ring), -EBADF);
	STATES("io_uring_register_ring_fd", -EBUSY, "");
	for (i = 0; i < 15; i++) {
		ring_init(&many_rings[i], 1, 0);
		CHECK_EQ(io_uring_register_ring_fd(&many_rings[i]), 1);
	}
	ring_init(&many_rings[i], 1, 0);
	CHECK_EQ(io_uring_register_ring_fd(&many_rings[i]), -EBUSY);
}

TEST(io_uring_enable_rings)
{
	begin(IORING_SETUP_R_DISABLED);
	errno = 1234;
	RETURNS(0, "0, or a negative", io_uring_enable_rings(&ring));
	RETURNS(-EBADFD, "", io_uring_enable_rings(&ring));
	STATES("io_uring_enable_rings", "errno is not changed");
	CHECK_EQ(errno, 1234);
}
