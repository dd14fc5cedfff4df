/* Rings in the application's memory, and rings for which the library allocates ordinary memory itself. */
#include "many.h"

#define DATA 0x1a2b00003c4d0000ULL
#define CANARY 0xa7
#define ROOM (2 << 20)

static const struct {
	const char *name;
	unsigned flags;
	unsigned cq_entries;
} kinds[] = {
	{ "plain", 0, 0 },
	{ "SQE128", IORING_SETUP_SQE128, 0 },
	{ "CQE32", IORING_SETUP_CQE32, 0 },
	{ "SQE128 and CQE32", IORING_SETUP_SQE128 | IORING_SETUP_CQE32, 0 },
	{ "CQE_MIXED", IORING_SETUP_CQE_MIXED, 0 },
	{ "SQE_MIXED", IORING_SETUP_SQE_MIXED, 0 },
	{ "CQSIZE", IORING_SETUP_CQSIZE, 4096 },
	{ "CQSIZE and CQE32", IORING_SETUP_CQSIZE | IORING_SETUP_CQE32, 5000 },
};

static const unsigned entries[] = { 1, 3, 8, 63, 64, 65, 128, 500, 1024, 4096 };

static struct io_uring ring;

/* `len` bytes of zeros. */
static unsigned char *memory(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

/* Creates each kind of ring in each size; returns false if the kernel lacks the kind. */
static bool init(struct io_uring *r, unsigned kind, unsigned n, void *buf, size_t len, int *ret)
{
	struct io_uring_params p = { .flags = kinds[kind].flags, .cq_entries = kinds[kind].cq_entries };

	if (kinds[kind].cq_entries && kinds[kind].cq_entries < n)
		return false;
	/* The big entry needs two slots. */
	if ((p.flags & IORING_SETUP_SQE_MIXED) && n < 2)
		return false;
	*ret = io_uring_queue_init_mem(n, r, &p, buf, len);
	if (*ret == -EINVAL && (p.flags & IORING_SETUP_CQE_MIXED) && kernel_before(6, 18))
		return false;
	if (*ret == -EINVAL && (p.flags & IORING_SETUP_SQE_MIXED) && kernel_before(6, 19))
		return false;
	if (*ret >= 0) {
		CHECK_EQ(p.flags & IORING_SETUP_NO_MMAP, IORING_SETUP_NO_MMAP);
		CHECK_EQ(r->flags, p.flags);
		CHECK_EQ(*ret, io_uring_memory_size_params(n, &p));
		CHECK(p.sq_entries >= n);
		CHECK((void *)r->sq.sqes == buf);
	}
	return true;
}

/* Uses every slot of both queues at least once. */
static void use_all(struct io_uring *r)
{
	unsigned sq = r->sq.ring_entries, cq = r->cq.ring_entries, i;
	struct io_uring_cqe *cqe;
	__u64 data;

	for (i = 0; i < cq; i++) {
		io_uring_prep_nop(next_sqe(r, DATA + i));
		if (i % sq == sq - 1)
			submit_n(r, (int)sq);
	}
	CHECK_EQ(io_uring_sq_ready(r), 0);
	CHECK_EQ(io_uring_cq_ready(r), cq);
	CHECK(!io_uring_cq_has_overflow(r));
	for (data = DATA; !io_uring_peek_cqe(r, &cqe); data++) {
		CHECK_EQ(cqe->user_data, data);
		CHECK_EQ(cqe->res, 0);
		io_uring_cqe_seen(r, cqe);
	}
	CHECK_EQ(data, DATA + cq);
}

TEST(canary_after_the_returned_size)
{
	unsigned kind, i;
	int used, again;

	SINCE("IORING_SETUP_NO_MMAP", 6, 5);
	for (kind = 0; kind < ARRAY_LEN(kinds); kind++) {
		for (i = 0; i < ARRAY_LEN(entries); i++) {
			unsigned char *buf = memory(ROOM);

			if (!init(&ring, kind, entries[i], buf, ROOM, &used))
				continue;
			CHECK(used > 0 && used < ROOM);
			io_uring_queue_exit(&ring);
			munmap(buf, ROOM);

			buf = memory((size_t)used + 8192);
			memset(buf + used, CANARY, 8192);
			CHECK(init(&ring, kind, entries[i], buf, (size_t)used, &again));
			CHECK_EQ(again, used);
			use_all(&ring);
			use_all(&ring);
			io_uring_queue_exit(&ring);
			CHECK_ALL(buf + used, 8192, CANARY);
			munmap(buf, (size_t)used + 8192);
		}
	}
}

/* Tries one byte less than needed, and far too little. */
TEST(too_small)
{
	unsigned kind, i, fds = count_fds(), maps;
	int used, ret;

	SINCE("IORING_SETUP_NO_MMAP", 6, 5);
	for (kind = 0; kind < ARRAY_LEN(kinds); kind++) {
		for (i = 0; i < ARRAY_LEN(entries); i++) {
			unsigned char *buf = memory(ROOM);

			if (!init(&ring, kind, entries[i], buf, ROOM, &used))
				continue;
			io_uring_queue_exit(&ring);
			/* New memory, as the kernel may still write to the old while it takes the ring down. */
			munmap(buf, ROOM);
			buf = memory(ROOM);
			memset(buf, CANARY, ROOM);
			maps = count_maps();
			CHECK(init(&ring, kind, entries[i], buf, (size_t)used - 1, &ret));
			CHECK_EQ(ret, -ENOMEM);
			CHECK(init(&ring, kind, entries[i], buf, 1, &ret));
			CHECK_EQ(ret, -ENOMEM);
			CHECK_ALL(buf, ROOM, CANARY);
			CHECK_EQ(count_maps(), maps);
			CHECK_EQ(count_fds(), fds);
			munmap(buf, ROOM);
		}
	}
}

/* Adjacent rings, each used while requests of the others are pending, and exited one by one. */
TEST(packed_in_one_buffer)
{
	static struct io_uring rings[4];
	static const unsigned kind[4] = { 0, 2, 1, 3 }, n[4] = { 8, 100, 64, 3 };
	unsigned char *buf = memory(ROOM);
	size_t at = 0;
	unsigned i, j;
	int used;

	SINCE("IORING_SETUP_NO_MMAP", 6, 5);
	memset(buf + ROOM / 2, CANARY, ROOM / 2);
	for (i = 0; i < 4; i++) {
		CHECK(init(&rings[i], kind[i], n[i], buf + at, ROOM - at, &used));
		CHECK(used > 0);
		at += (size_t)used;
	}
	CHECK(at < ROOM / 2);
	for (i = 0; i < 4; i++) {
		io_uring_prep_nop(next_sqe(&rings[i], DATA + i));
		submit_one(&rings[i]);
	}
	for (i = 0; i < 4; i++)
		CHECK_EQ(wait_res(&rings[i], DATA + i), 0);
	for (i = 0; i < 4; i++) {
		for (j = i; j < 4; j++)
			use_all(&rings[j]);
		io_uring_queue_exit(&rings[i]);
	}
	CHECK_ALL(buf + ROOM / 2, ROOM / 2, CANARY);
	CHECK_ALL(buf + at, ROOM / 2 - at, 0);
}

TEST(exit_keeps_the_memory)
{
	unsigned char *buf = memory(ROOM);
	unsigned maps = count_maps(), fds = count_fds();
	int used, i;

	SINCE("IORING_SETUP_NO_MMAP", 6, 5);
	for (i = 0; i < 5; i++) {
		CHECK(init(&ring, 0, 64, buf, ROOM, &used));
		CHECK_WORKS(&ring);
		/* The engine keeps what Linux has in its own memory. */
		if (!t_on_engine()) {
			CHECK_EQ(count_maps(), maps);
			CHECK_EQ(count_fds(), fds + 1);
		}
		io_uring_queue_exit(&ring);
		CHECK_EQ(count_maps(), maps);
		CHECK_EQ(count_fds(), fds);
		memset(buf, 0, ROOM);
	}
}

/* Also if the kernel refuses: bad flags, memory that isn't page-aligned, memory that isn't mapped. */
TEST(failure_keeps_the_memory)
{
	unsigned char *buf = memory(ROOM);
	unsigned maps = count_maps(), fds = count_fds();
	struct io_uring_params p = { .flags = 1U << 31 };

	SINCE("IORING_SETUP_NO_MMAP", 6, 5);
	CHECK_EQ(io_uring_queue_init_mem(8, &ring, &p, buf, ROOM), -EINVAL);
	memset(&p, 0, sizeof(p));
	CHECK_EQ(io_uring_queue_init_mem(8, &ring, &p, buf + 64, ROOM - 64), -EINVAL);
	memset(&p, 0, sizeof(p));
	CHECK_EQ(io_uring_queue_init_mem(8, &ring, &p, (void *)LARGE_PAGE, ROOM), -EFAULT);
	memset(&p, 0, sizeof(p));
	CHECK_EQ(io_uring_queue_init_mem(0, &ring, &p, buf, ROOM), -EINVAL);
	memset(&p, 0, sizeof(p));
	CHECK_EQ(io_uring_queue_init_mem(32769, &ring, &p, buf, ROOM), -EINVAL);
	CHECK_EQ(count_maps(), maps);
	CHECK_EQ(count_fds(), fds);
	CHECK_ALL(buf, ROOM, 0);
}

TEST(index_only)
{
	struct io_uring_params p = { .flags = IORING_SETUP_REGISTERED_FD_ONLY };
	unsigned char *buf = memory(ROOM);
	unsigned fds = count_fds(), i;

	for (i = 0; i < 40; i++) {
		int used = io_uring_queue_init_mem(32, &ring, &p, buf, ROOM);

		if (used == -EINVAL && !i)
			LACKS("IORING_SETUP_REGISTERED_FD_ONLY", 6, 5);
		CHECK(used > 0);
		CHECK_EQ(ring.ring_fd, -1);
		CHECK_EQ(count_fds(), fds);
		use_all(&ring);
		io_uring_queue_exit(&ring);
		memset(buf, 0, ROOM);
		memset(&p, 0, sizeof(p));
		p.flags = IORING_SETUP_REGISTERED_FD_ONLY;
	}
}

TEST(big_and_clamped)
{
	size_t len = 8 << 20;
	unsigned char *buf = memory(len);
	struct io_uring_params p = { .flags = IORING_SETUP_CLAMP };
	int used = io_uring_queue_init_mem(1 << 20, &ring, &p, buf, len);

	SINCE("IORING_SETUP_NO_MMAP", 6, 5);
	CHECK(used > 0);
	CHECK_EQ(ring.sq.ring_entries, 32768);
	CHECK_EQ(ring.cq.ring_entries, 65536);
	use_all(&ring);
	CHECK_ALL(buf + used, len - (size_t)used, 0);
	io_uring_queue_exit(&ring);
}

/* IORING_SETUP_NO_MMAP without a buffer: the library maps ordinary memory, and unmaps all of it. */

static void library_memory(unsigned n, unsigned flags, bool huge)
{
	unsigned maps = count_maps(), fds = count_fds();
	int ret = io_uring_queue_init(n, &ring, IORING_SETUP_NO_MMAP | flags);

	SINCE("IORING_SETUP_NO_MMAP", 6, 5);
	if (!ret) {
		CHECK_EQ(ring.flags & IORING_SETUP_NO_MMAP, IORING_SETUP_NO_MMAP);
		use_all(&ring);
		io_uring_queue_exit(&ring);
	}
	CHECK_EQ(count_maps(), maps);
	CHECK_EQ(count_fds(), fds);
	/* More than a page may need a huge page. */
	if (ret == -ENOMEM && huge)
		SKIP("no free huge page of 2 MB; as root: sysctl -w vm.nr_hugepages=8");
	CHECK_EQ(ret, 0);
}

TEST(library_memory_in_a_page) { library_memory(8, 0, false); }
TEST(library_memory_in_two_pages) { library_memory(64, 0, false); }
TEST(library_memory_in_a_huge_page) { library_memory(256, 0, true); }
TEST(library_memory_huge_page_for_cqes) { library_memory(64, IORING_SETUP_CQE32, true); }
TEST(library_memory_in_two_huge_pages) { library_memory(16384, IORING_SETUP_SQE128, true); }

/* The kernel refuses after the library has mapped memory. */
TEST(library_memory_after_a_failure)
{
	unsigned maps = count_maps(), fds = count_fds(), n;

	for (n = 8; n <= 64; n *= 8)
		CHECK_EQ(io_uring_queue_init(n, &ring, IORING_SETUP_NO_MMAP | 1U << 31), -EINVAL);
	CHECK_EQ(count_maps(), maps);
	CHECK_EQ(count_fds(), fds);
}
