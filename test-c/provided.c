/* Provided buffers: given to the kernel one by one, or through a buffer ring. */
#include "io.h"

#define BUFS 8
#define SIZE 64
#define GROUP 5

static char bufs[BUFS][SIZE];

/* A read from a pipe into a buffer of the group. */
static struct done read_selected(struct io_uring *ring, int fd, unsigned len, int group)
{
	struct io_uring_sqe *sqe = next_sqe(ring, 1);

	io_uring_prep_read(sqe, fd, NULL, len, 0);
	io_uring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
	io_uring_sqe_set_buf_group(sqe, group);
	return run_one(ring);
}

/* Writes `len` bytes of pattern `seed` to the pipe and reads them into a selected buffer; returns its id. */
static unsigned pass(struct io_uring *ring, int fds[2], unsigned len, unsigned seed)
{
	char out[SIZE];
	struct done cqe;
	unsigned id;

	fill(out, len, seed);
	fd_write(fds[1], out, len);
	cqe = read_selected(ring, fds[0], SIZE, GROUP);
	CHECK_EQ(cqe.res, len);
	id = buffer_id(cqe);
	CHECK(id < BUFS);
	CHECK_PATTERN(bufs[id], len, seed);
	return id;
}

TEST(classic)
{
	struct io_uring ring;
	unsigned seen = 0, i;
	struct done cqe;
	int fds[2];

	need_op(IORING_OP_PROVIDE_BUFFERS);
	make_pipe(fds);
	ring_init(&ring, 8, 0);
	CHECK_EQ(read_selected(&ring, fds[0], SIZE, GROUP).res, -ENOBUFS);
	io_uring_prep_provide_buffers(next_sqe(&ring, 1), bufs, SIZE, BUFS, GROUP, 0);
	CHECK(run_res(&ring) >= 0);
	for (i = 0; i < BUFS; i++)
		seen |= 1U << pass(&ring, fds, SIZE - i, i);
	CHECK_EQ(seen, (1U << BUFS) - 1);
	fd_write(fds[1], "x", 1);
	CHECK_EQ(read_selected(&ring, fds[0], SIZE, GROUP).res, -ENOBUFS);
	io_uring_prep_provide_buffers(next_sqe(&ring, 2), bufs[3], SIZE, 1, GROUP, 3);
	CHECK(run_res(&ring) >= 0);
	CHECK_EQ(read_selected(&ring, fds[0], SIZE, GROUP + 1).res, -ENOBUFS);
	cqe = read_selected(&ring, fds[0], SIZE, GROUP);
	CHECK_EQ(cqe.res, 1);
	CHECK_EQ(buffer_id(cqe), 3);
	CHECK_EQ(bufs[3][0], 'x');
	io_uring_queue_exit(&ring);
}

TEST(classic_removal)
{
	struct io_uring ring;

	need_op(IORING_OP_REMOVE_BUFFERS);
	ring_init(&ring, 8, 0);
	io_uring_prep_remove_buffers(next_sqe(&ring, 1), 1, GROUP);
	CHECK_EQ(run_res(&ring), -ENOENT);
	io_uring_prep_provide_buffers(next_sqe(&ring, 2), bufs, SIZE, BUFS, GROUP, 0);
	CHECK(run_res(&ring) >= 0);
	io_uring_prep_remove_buffers(next_sqe(&ring, 3), 3, GROUP);
	CHECK_EQ(run_res(&ring), 3);
	io_uring_prep_remove_buffers(next_sqe(&ring, 4), 100, GROUP);
	CHECK_EQ(run_res(&ring), BUFS - 3);
	io_uring_prep_remove_buffers(next_sqe(&ring, 5), 0, GROUP);
	CHECK_EQ(run_res(&ring), -EINVAL);
	io_uring_prep_provide_buffers(next_sqe(&ring, 6), bufs, SIZE, 0, GROUP, 0);
	CHECK(run_res(&ring) < 0);
	io_uring_prep_provide_buffers(next_sqe(&ring, 7), bufs, SIZE, 2, GROUP, 65535);
	/* Ids beyond 16 bits. */
	if (!kernel_before(6, 1))
		CHECK_EQ(run_res(&ring), -EINVAL);
	io_uring_queue_exit(&ring);
}

/* A buffer ring with all of `bufs` in it, ids 0 to BUFS - 1. */
static struct io_uring_buf_ring *full_ring(struct io_uring *ring, unsigned flags)
{
	int err = 1, i, mask = io_uring_buf_ring_mask(BUFS);
	struct io_uring_buf_ring *br = io_uring_setup_buf_ring(ring, BUFS, GROUP, flags, &err);

	SINCE("IORING_REGISTER_PBUF_STATUS", 6, 8);
	if (!br && err == -EINVAL && flags)
		HAS_NO("buffer rings of flags %#x", flags);
	CHECK(br);
	CHECK_EQ(err, 0);
	CHECK_EQ(br->tail, 0);
	for (i = 0; i < BUFS; i++)
		io_uring_buf_ring_add(br, bufs[i], SIZE, (unsigned short)i, mask, i);
	CHECK_EQ(io_uring_buf_ring_available(ring, br, GROUP), 0);
	io_uring_buf_ring_advance(br, BUFS);
	CHECK_EQ(io_uring_buf_ring_available(ring, br, GROUP), BUFS);
	return br;
}

TEST(buffer_ring)
{
	struct io_uring_buf_ring *br;
	struct io_uring ring;
	uint16_t head = 77;
	unsigned i;
	int fds[2];

	make_pipe(fds);
	ring_init(&ring, 8, 0);
	br = full_ring(&ring, 0);
	CHECK_EQ(io_uring_buf_ring_head(&ring, GROUP, &head), 0);
	CHECK_EQ(head, 0);
	for (i = 0; i < BUFS; i++) {
		CHECK_EQ(pass(&ring, fds, SIZE - i, i), i);
		CHECK_EQ(io_uring_buf_ring_head(&ring, GROUP, &head), 0);
		CHECK_EQ(head, i + 1);
		CHECK_EQ(io_uring_buf_ring_available(&ring, br, GROUP), BUFS - 1 - i);
	}
	CHECK_EQ(read_selected(&ring, fds[0], SIZE, GROUP).res, -ENOBUFS);
	io_uring_buf_ring_add(br, bufs[6], SIZE, 6, io_uring_buf_ring_mask(BUFS), 0);
	io_uring_buf_ring_advance(br, 1);
	CHECK_EQ(pass(&ring, fds, 10, 1), 6);
	CHECK_EQ(io_uring_free_buf_ring(&ring, br, BUFS, GROUP), 0);
	CHECK_EQ(read_selected(&ring, fds[0], SIZE, GROUP).res, -ENOBUFS);
	io_uring_queue_exit(&ring);
}

/* The tail has 16 bits: the ring must keep working when it wraps. */
TEST(buffer_ring_tail_wraps)
{
	enum { TIMES = 65536 + 3 * BUFS };
	struct io_uring_buf_ring *br;
	struct io_uring ring;
	uint16_t head;
	unsigned i;
	int fds[2], mask = io_uring_buf_ring_mask(BUFS);

	make_pipe(fds);
	ring_init(&ring, 8, 0);
	br = full_ring(&ring, 0);
	for (i = 0; i < TIMES; i++) {
		unsigned id = pass(&ring, fds, 4, i);

		CHECK_EQ(id, i % BUFS);
		io_uring_buf_ring_add(br, bufs[id], SIZE, (unsigned short)id, mask, 0);
		io_uring_buf_ring_advance(br, 1);
	}
	CHECK_EQ(br->tail, (TIMES + BUFS) & 0xffff);
	CHECK_EQ(io_uring_buf_ring_head(&ring, GROUP, &head), 0);
	CHECK_EQ(head, TIMES & 0xffff);
	CHECK_EQ(io_uring_buf_ring_available(&ring, br, GROUP), BUFS);
	io_uring_queue_exit(&ring);
}

TEST(buffer_ring_advances_with_the_cq)
{
	struct io_uring_buf_ring *br;
	struct io_uring_cqe *cqe;
	struct io_uring ring;
	unsigned i;
	int fds[2], mask = io_uring_buf_ring_mask(BUFS);

	make_pipe(fds);
	ring_init(&ring, 8, 0);
	br = full_ring(&ring, 0);
	fd_write(fds[1], "abc", 3);
	for (i = 0; i < 3; i++) {
		struct io_uring_sqe *sqe = next_sqe(&ring, i);

		io_uring_prep_read(sqe, fds[0], NULL, 1, 0);
		io_uring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
		io_uring_sqe_set_buf_group(sqe, GROUP);
	}
	CHECK_EQ(io_uring_submit_and_wait(&ring, 3), 3);
	CHECK_EQ(io_uring_cq_ready(&ring), 3);
	CHECK_EQ(io_uring_wait_cqe(&ring, &cqe), 0);
	CHECK_EQ(io_uring_buf_ring_available(&ring, br, GROUP), BUFS - 3);
	io_uring_buf_ring_add(br, bufs[0], SIZE, 0, mask, 0);
	io_uring_buf_ring_cq_advance(&ring, br, 1);
	CHECK_EQ(io_uring_cq_ready(&ring), 2);
	CHECK_EQ(io_uring_buf_ring_available(&ring, br, GROUP), BUFS - 2);
	io_uring_buf_ring_add(br, bufs[1], SIZE, 1, mask, 0);
	__io_uring_buf_ring_cq_advance(&ring, br, 2, 1);
	CHECK_EQ(io_uring_cq_ready(&ring), 0);
	CHECK_EQ(io_uring_buf_ring_available(&ring, br, GROUP), BUFS - 1);
	io_uring_queue_exit(&ring);
}

TEST(what_buffer_rings_return)
{
	static const struct { unsigned entries; int group; unsigned flags; int err; } refused[] = {
		{ BUFS, GROUP, 0, -EEXIST }, { 7, 1, 0, -EINVAL }, { 65536, 1, 0, -EINVAL },
		{ 0, 1, 0, -EINVAL }, { BUFS, 1, 1U << 15, -EINVAL },
	};
	struct io_uring_buf_ring *br;
	struct io_uring ring;
	uint16_t head = 9;
	unsigned i;
	int err;

	ring_init(&ring, 8, 0);
	br = full_ring(&ring, 0);
	for (i = 0; i < ARRAY_LEN(refused); i++) {
		CHECK(!io_uring_setup_buf_ring(&ring, refused[i].entries, refused[i].group, refused[i].flags, &err));
		CHECK_EQ(err, refused[i].err);
	}
	CHECK_EQ(io_uring_unregister_buf_ring(&ring, 1), -ENOENT);
	CHECK_EQ(io_uring_buf_ring_head(&ring, 1, &head), -ENOENT);
	CHECK_EQ(head, 9);
	CHECK_EQ(io_uring_buf_ring_available(&ring, br, 1), -ENOENT);
	CHECK_EQ(io_uring_free_buf_ring(&ring, br, BUFS, 1), -ENOENT);
	/* A refused free keeps the memory. */
	CHECK_EQ(br->tail, BUFS);
	CHECK_EQ(io_uring_free_buf_ring(&ring, br, BUFS, GROUP), 0);
	CHECK_EQ(io_uring_unregister_buf_ring(&ring, GROUP), -ENOENT);
	io_uring_queue_exit(&ring);
}

/* A buffer ring's memory is unmapped with it, and after a failed setup. */
TEST(buffer_rings_leave_no_memory_behind)
{
	struct io_uring_buf_ring *br;
	unsigned long before;
	struct io_uring ring;
	int i, err;

	SINCE("IORING_REGISTER_PBUF_RING", 5, 19);
	ring_init(&ring, 8, 0);
	before = mapped_pages();
	for (i = 0; i < 200; i++) {
		br = io_uring_setup_buf_ring(&ring, 1024, GROUP, 0, &err);
		CHECK(br);
		CHECK(!io_uring_setup_buf_ring(&ring, 1024, GROUP, 0, &err));
		CHECK_EQ(io_uring_free_buf_ring(&ring, br, 1024, GROUP), 0);
	}
	CHECK(mapped_pages() < before + 200);
	io_uring_queue_exit(&ring);
}

/* The application's own memory, registered by hand. */
TEST(buffer_ring_by_hand)
{
	struct io_uring_buf_reg reg = { .ring_entries = BUFS, .bgid = GROUP };
	struct io_uring_buf_ring *br = pages(4096);
	struct io_uring ring;
	int fds[2];

	SINCE("IORING_REGISTER_PBUF_RING", 5, 19);
	make_pipe(fds);
	ring_init(&ring, 8, 0);
	reg.ring_addr = (unsigned long)br;
	io_uring_buf_ring_init(br);
	CHECK_EQ(br->tail, 0);
	CHECK_EQ(io_uring_register_buf_ring(&ring, &reg, 0), 0);
	CHECK_EQ(reg.flags, 0);
	io_uring_buf_ring_add(br, bufs[2], SIZE, 2, io_uring_buf_ring_mask(BUFS), 0);
	io_uring_buf_ring_advance(br, 1);
	CHECK_EQ(pass(&ring, fds, 20, 1), 2);
	CHECK_EQ(io_uring_unregister_buf_ring(&ring, GROUP), 0);
	io_uring_queue_exit(&ring);
}

/* The kernel's memory, mapped by the application. */
TEST(buffer_ring_from_the_kernel)
{
	struct io_uring_buf_reg reg = { .ring_entries = BUFS, .bgid = GROUP };
	struct io_uring_buf_ring *br;
	struct io_uring ring;
	int fds[2], ret;

	make_pipe(fds);
	ring_init(&ring, 8, 0);
	ret = io_uring_register_buf_ring(&ring, &reg, IOU_PBUF_RING_MMAP);
	if (ret == -EINVAL)
		HAS_NO("IOU_PBUF_RING_MMAP");
	CHECK_EQ(ret, 0);
	CHECK_EQ(reg.flags, IOU_PBUF_RING_MMAP);
	br = mmap(NULL, BUFS * sizeof(struct io_uring_buf), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		  ring.ring_fd, (off_t)(IORING_OFF_PBUF_RING | (__u64)GROUP << IORING_OFF_PBUF_SHIFT));
	CHECK(br != MAP_FAILED);
	io_uring_buf_ring_init(br);
	io_uring_buf_ring_add(br, bufs[7], SIZE, 7, io_uring_buf_ring_mask(BUFS), 0);
	io_uring_buf_ring_advance(br, 1);
	CHECK_EQ(pass(&ring, fds, 20, 1), 7);
	CHECK_EQ(io_uring_unregister_buf_ring(&ring, GROUP), 0);
	io_uring_queue_exit(&ring);
}

/* With IOU_PBUF_RING_INC a buffer is consumed in parts. */
TEST(incremental)
{
	static const unsigned pieces[] = { 10, 1, 20, 33 };
	struct io_uring_buf_ring *br;
	struct io_uring ring;
	unsigned i, at = 0;
	struct done cqe;
	char out[SIZE];
	int fds[2];

	make_pipe(fds);
	ring_init(&ring, 8, 0);
	br = full_ring(&ring, IOU_PBUF_RING_INC);
	fill(out, SIZE, 1);
	for (i = 0; i < ARRAY_LEN(pieces); i++) {
		fd_write(fds[1], out + at, pieces[i]);
		cqe = read_selected(&ring, fds[0], pieces[i], GROUP);
		CHECK_EQ(cqe.res, pieces[i]);
		CHECK_EQ(buffer_id(cqe), 0);
		at += pieces[i];
		CHECK_EQ(!(cqe.flags & IORING_CQE_F_BUF_MORE), at == SIZE);
		CHECK_EQ(io_uring_buf_ring_available(&ring, br, GROUP), at == SIZE ? BUFS - 1 : BUFS);
		CHECK_PATTERN(bufs[0], at, 1);
	}
	fd_write(fds[1], "next", 4);
	cqe = read_selected(&ring, fds[0], SIZE, GROUP);
	CHECK_EQ(buffer_id(cqe), 1);
	CHECK(cqe.flags & IORING_CQE_F_BUF_MORE);
	CHECK(!memcmp(bufs[1], "next", 4));
	io_uring_queue_exit(&ring);
}

/* A send or receive that selects buffers of the group. */
static struct done run_bundle(struct io_uring *ring, struct io_uring_sqe *sqe)
{
	io_uring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
	io_uring_sqe_set_buf_group(sqe, GROUP);
	return run_one(ring);
}

static struct io_uring_buf_ring *start_bundles(struct io_uring *ring, int fds[2])
{
	ring_init(ring, 8, 0);
	need_feature(ring, IORING_FEAT_RECVSEND_BUNDLE);
	make_pair(fds, SOCK_STREAM);
	return full_ring(ring, 0);
}

/* One receive fills several buffers; the kernel decides how many. */
TEST(receive_bundle)
{
	enum { ALL = 3 * SIZE + 5 };
	struct io_uring_buf_ring *br;
	unsigned got = 0, used = 0;
	bool several = false;
	struct io_uring ring;
	char data[ALL];
	int fds[2];

	br = start_bundles(&ring, fds);
	fill(data, ALL, 1);
	fd_write(fds[1], data, ALL);
	while (got < ALL) {
		struct io_uring_sqe *sqe = next_sqe(&ring, 1);
		struct done cqe;

		io_uring_prep_recv(sqe, fds[0], NULL, 0, 0);
		sqe->ioprio |= IORING_RECVSEND_BUNDLE;
		cqe = run_bundle(&ring, sqe);
		CHECK(cqe.res > 0 && (unsigned)cqe.res <= ALL - got);
		CHECK_EQ(buffer_id(cqe), used);
		CHECK_PATTERN_FROM(bufs[used], (size_t)cqe.res, got, 1);
		got += (unsigned)cqe.res;
		used += ((unsigned)cqe.res + SIZE - 1) / SIZE;
		CHECK_EQ(io_uring_buf_ring_available(&ring, br, GROUP), BUFS - used);
		several |= cqe.res > SIZE;
	}
	/* In older kernels a receive doesn't know how much a Unix socket holds, and uses one buffer. */
	if (!kernel_before(6, 17))
		CHECK(several);
	io_uring_queue_exit(&ring);
}

/* One send sends all available buffers. */
TEST(send_bundle)
{
	struct io_uring_buf_ring *br;
	struct io_uring_sqe *sqe;
	struct io_uring ring;
	struct done cqe;
	char data[BUFS * SIZE];
	int fds[2];

	br = start_bundles(&ring, fds);
	fill(bufs, sizeof(bufs), 2);
	sqe = next_sqe(&ring, 2);
	io_uring_prep_send_bundle(sqe, fds[0], 0, 0);
	cqe = run_bundle(&ring, sqe);
	CHECK_EQ(cqe.res, BUFS * SIZE);
	CHECK_EQ(buffer_id(cqe), 0);
	CHECK_EQ(recv(fds[1], data, sizeof(data), 0), BUFS * SIZE);
	CHECK_PATTERN(data, sizeof(data), 2);
	CHECK_EQ(io_uring_buf_ring_available(&ring, br, GROUP), 0);
	io_uring_queue_exit(&ring);
}
