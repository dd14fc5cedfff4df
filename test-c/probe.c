/* What the kernel can do and which library this is: probes, queries, versions. */
#include "many.h"
#include <sys/resource.h>

static void probe_makes_sense(const struct io_uring_probe *p)
{
	int op;

	CHECK(p);
	CHECK(p->last_op > 0);
	CHECK_EQ(p->ops_len, p->last_op + 1);
	CHECK_EQ(p->resv, 0);
	for (op = 0; op < p->ops_len; op++) {
		CHECK_EQ(p->ops[op].op, op);
		CHECK_EQ(io_uring_opcode_supported(p, op), !!(p->ops[op].flags & IO_URING_OP_SUPPORTED));
	}
	/* As old as the probe itself, or older. */
	CHECK_EQ(io_uring_opcode_supported(p, IORING_OP_NOP), 1);
	CHECK_EQ(io_uring_opcode_supported(p, IORING_OP_READV), 1);
	CHECK_EQ(io_uring_opcode_supported(p, IORING_OP_READ), 1);
	CHECK_EQ(io_uring_opcode_supported(p, IORING_OP_OPENAT), 1);
}

STATES("io_uring_get_probe", "return the answer");
TEST(get_probe)
{
	unsigned before = count_fds();
	struct io_uring_probe *p = io_uring_get_probe();

	CHECK_EQ(count_fds(), before);
	probe_makes_sense(p);
	io_uring_free_probe(p);
	io_uring_free_probe(NULL);
}

TEST(get_probe_ring)
{
	struct io_uring_probe *own = io_uring_get_probe(), *p;
	struct io_uring ring;

	ring_init(&ring, 2, 0);
	p = io_uring_get_probe_ring(&ring);
	probe_makes_sense(p);
	CHECK(!memcmp(p, own, sizeof(*p) + own->ops_len * sizeof(p->ops[0])));
	io_uring_free_probe(p);
	io_uring_free_probe(own);
	io_uring_queue_exit(&ring);
	CHECK(!io_uring_get_probe_ring(&ring));
}

/* A probe is freed by the caller, or by the function itself if it can't be filled: many calls leak nothing. */
TEST(probes_leave_no_memory_behind)
{
	struct io_uring ring, gone;
	unsigned long before;
	int i;

	NOT_UNDER("valgrind", "it keeps freed memory");
	ring_init(&ring, 2, 0);
	gone = ring;
	gone.ring_fd = -1;
	before = mapped_pages();
	for (i = 0; i < 2000; i++) {
		io_uring_free_probe(io_uring_get_probe_ring(&ring));
		CHECK(!io_uring_get_probe_ring(&gone));
	}
	CHECK(mapped_pages() < before + 200);
	for (i = 0; i < 200; i++)
		io_uring_free_probe(io_uring_get_probe());
	CHECK(mapped_pages() < before + 200);
	io_uring_queue_exit(&ring);
}

/* As before io_uring_free_probe() existed; plocate 1.1.18 still does it. */
TEST(old_programs_free_a_probe)
{
	struct io_uring_probe *p = io_uring_get_probe();

	probe_makes_sense(p);
	free(p);
	io_uring_free_probe(io_uring_get_probe());
}

TEST(no_probe_without_a_ring)
{
	struct rlimit none = { 0, 0 };

	NOT_UNDER("valgrind", "it emulates RLIMIT_NOFILE");
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &none));
	CHECK(!io_uring_get_probe());
}

TEST(opcodes_out_of_range)
{
	static const int outside[] = { -1, INT_MIN, INT_MAX, 255, 256, 1000, IORING_OP_LAST + 50 };
	struct io_uring_probe *p = io_uring_get_probe();
	unsigned i;

	CHECK(p);
	for (i = 0; i < ARRAY_LEN(outside); i++)
		CHECK_EQ(io_uring_opcode_supported(p, outside[i]), 0);
	CHECK_EQ(io_uring_opcode_supported(p, p->last_op + 1), 0);
	io_uring_free_probe(p);
}

/* A probe made by hand: only its last opcode and the SUPPORTED flag count. */
STATES("io_uring_opcode_supported", "1 if the kernel | 0 if the kernel");
TEST(opcode_supported)
{
	struct io_uring_probe *p = calloc(1, sizeof(*p) + 4 * sizeof(p->ops[0]));

	CHECK(p);
	p->last_op = 2;
	p->ops_len = 3;
	p->ops[0].flags = IO_URING_OP_SUPPORTED;
	p->ops[1].flags = (__u16)~IO_URING_OP_SUPPORTED;
	p->ops[2].flags = 0xffff;
	p->ops[3].flags = IO_URING_OP_SUPPORTED;
	CHECK_EQ(io_uring_opcode_supported(p, 0), 1);
	CHECK_EQ(io_uring_opcode_supported(p, 1), 0);
	CHECK_EQ(io_uring_opcode_supported(p, 2), 1);
	CHECK_EQ(io_uring_opcode_supported(p, 3), 0);
	CHECK_EQ(io_uring_opcode_supported(p, -1), 0);
	free(p);
}

TEST(register_probe)
{
	struct io_uring_probe *p = calloc(1, sizeof(*p) + 257 * sizeof(p->ops[0]));
	struct io_uring ring;
	__u8 last;

	CHECK(p);
	ring_init(&ring, 2, 0);
	CHECK_EQ(io_uring_register_probe(&ring, p, 256), 0);
	last = p->last_op;
	probe_makes_sense(p);
	/* The memory must be zero before the call. */
	CHECK_EQ(io_uring_register_probe(&ring, p, 256), -EINVAL);
	CHECK_EQ(io_uring_register_probe(&ring, NULL, 1), -EINVAL);
	memset(p, 0, sizeof(*p) + 257 * sizeof(p->ops[0]));
	CHECK_EQ(io_uring_register_probe(&ring, p, 3), 0);
	CHECK_EQ(p->last_op, last);
	CHECK_EQ(p->ops_len, 3);
	CHECK_EQ(p->ops[2].op, 2);
	CHECK_EQ(p->ops[3].op | p->ops[3].flags, 0);
	io_uring_queue_exit(&ring);
	CHECK_EQ(io_uring_register_probe(&ring, p, 3), -EBADF);
	free(p);
}

/* A query that the kernel must answer; skips the case if it has no queries. */
static void query(struct io_uring_query_hdr *hdr)
{
	int ret = io_uring_register_query(hdr);

	if (ret == -EINVAL)
		HAS_NO("IORING_REGISTER_QUERY");
	CHECK_EQ(ret, 0);
}

TEST(query_opcodes)
{
	struct io_uring_query_opcode q;
	struct io_uring_query_hdr hdr = {
		.query_data = (unsigned long)&q, .query_op = IO_URING_QUERY_OPCODES, .size = sizeof(q),
	};
	struct io_uring_probe *p = io_uring_get_probe();
	struct io_uring ring;

	memset(&q, 0, sizeof(q));
	query(&hdr);
	CHECK_EQ(hdr.result, 0);
	CHECK(hdr.size > 0 && hdr.size <= sizeof(q));
	CHECK_EQ(q.nr_request_opcodes, p->last_op + 1);
	CHECK(q.nr_register_opcodes > IORING_REGISTER_QUERY);
	CHECK(q.nr_query_opcodes > 0);
	ring_init(&ring, 2, 0);
	CHECK_EQ(q.feature_flags, ring.features);
	CHECK(q.ring_setup_flags & IORING_SETUP_SQPOLL);
	CHECK(q.enter_flags & IORING_ENTER_GETEVENTS);
	CHECK(q.sqe_flags & IOSQE_IO_LINK);
	io_uring_queue_exit(&ring);
	io_uring_free_probe(p);
}

/* Several queries in one call; an unknown one returns its own error. */
TEST(query_chain)
{
	struct io_uring_query_opcode q[3];
	struct io_uring_query_hdr hdr[3];
	int i;

	memset(q, 0, sizeof(q));
	memset(hdr, 0, sizeof(hdr));
	for (i = 0; i < 3; i++) {
		hdr[i].next_entry = i < 2 ? (unsigned long)(hdr + i + 1) : 0;
		hdr[i].query_data = (unsigned long)(q + i);
		hdr[i].size = sizeof(q[0]);
	}
	hdr[1].query_op = 0x7fffffff;
	query(hdr);
	CHECK_EQ(hdr[0].result, 0);
	CHECK_EQ(hdr[1].result, -EOPNOTSUPP);
	CHECK_EQ(hdr[2].result, 0);
	CHECK(q[0].nr_request_opcodes > 0);
	CHECK(!memcmp(q, q + 2, sizeof(q[0])));
	CHECK_ALL(q + 1, sizeof(q[1]), 0);
}

TEST(query_errors)
{
	struct io_uring_query_hdr hdr = { .query_op = 0 };

	query(&hdr);
	CHECK(hdr.result < 0);
	hdr.result = 1;
	query(&hdr);
	CHECK_EQ(hdr.result, -EINVAL);
	CHECK_EQ(io_uring_register_query((void *)1), -EFAULT);
}

#if IO_URING_CHECK_VERSION(2, 15) || IO_URING_CHECK_VERSION(1, 99) || !IO_URING_CHECK_VERSION(99, 0)
#error "the headers must be those of 2.15 or newer"
#endif

/* The check is true if the requested version is newer than the library's. */
TEST(versions)
{
	int major = io_uring_major_version(), minor = io_uring_minor_version();

	CHECK_EQ(major, IO_URING_VERSION_MAJOR);
	CHECK_EQ(minor, IO_URING_VERSION_MINOR);
	CHECK(!io_uring_check_version(major, minor));
	CHECK(!io_uring_check_version(major, minor - 1));
	CHECK(!io_uring_check_version(major - 1, minor + 1));
	CHECK(!io_uring_check_version(0, 0));
	CHECK(!io_uring_check_version(-1, 0));
	CHECK(io_uring_check_version(major, minor + 1));
	CHECK(io_uring_check_version(major + 1, 0));
	CHECK_EQ(IO_URING_CHECK_VERSION(2, 15), io_uring_check_version(2, 15));
	CHECK_EQ(IO_URING_CHECK_VERSION(2, 16), io_uring_check_version(2, 16));
}
