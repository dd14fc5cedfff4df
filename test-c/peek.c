/* The helpers that read the queues without the kernel, on queues built by hand with indexes of any value, including
 * just before they wrap; and what the kernel holds back when a real queue is full. */
#include "many.h"

#define SQ 8
#define CQ 16

static unsigned khead, ktail, kflags, cq_head, cq_tail, cq_flags, array[SQ];
static struct io_uring_sqe sqes[2 * SQ];
static __u64 cqe_words[4 * CQ];
static struct io_uring ring;

/* The initial indexes. */
static const unsigned starts[] = {
	0, 1, 7, 8, 15, 16, 1000, 0x7ffffffe, 0x7fffffff, 0x80000000, 0xfffffff0, 0xfffffff8, 0xfffffff9, 0xfffffffe,
	0xffffffff,
};

#define FOR_EACH_START(S)						\
	unsigned S##_i, S;						\
	for (S##_i = 0; S##_i < ARRAY_LEN(starts) && (S = starts[S##_i], true); S##_i++)

static void make(unsigned start, unsigned flags)
{
	memset(&ring, 0, sizeof(ring));
	memset(sqes, 0xee, sizeof(sqes));
	memset(cqe_words, 0, sizeof(cqe_words));
	khead = ktail = cq_head = cq_tail = start;
	kflags = cq_flags = 0;
	ring.sq.khead = &khead;
	ring.sq.ktail = &ktail;
	ring.sq.kflags = &kflags;
	ring.sq.array = array;
	ring.sq.sqes = sqes;
	ring.sq.sqe_head = ring.sq.sqe_tail = start;
	ring.sq.ring_mask = SQ - 1;
	ring.sq.ring_entries = SQ;
	ring.cq.khead = &cq_head;
	ring.cq.ktail = &cq_tail;
	ring.cq.kflags = &cq_flags;
	ring.cq.cqes = (struct io_uring_cqe *)cqe_words;
	ring.cq.ring_mask = CQ - 1;
	ring.cq.ring_entries = CQ;
	ring.flags = flags;
	ring.features = IORING_FEAT_EXT_ARG;
	/* No call can reach a kernel. */
	ring.ring_fd = ring.enter_ring_fd = -1;
}

/* The slot of the completion with index `at`. */
static struct io_uring_cqe *cqe_at(unsigned at)
{
	return &ring.cq.cqes[(at & (CQ - 1)) << io_uring_cqe_shift(&ring)];
}

static void post(__u64 data, unsigned flags)
{
	struct io_uring_cqe *cqe = cqe_at(cq_tail);

	cqe->user_data = data;
	cqe->res = (int)data;
	cqe->flags = flags;
	cq_tail += flags & IORING_CQE_F_32 ? 2 : 1;
}

TEST(sq_counts)
{
	unsigned kind, n;

	for (kind = 0; kind < 2; kind++) {
		FOR_EACH_START(start) {
			make(start, kind ? IORING_SETUP_SQPOLL : 0);
			for (n = 0; n < SQ; n++) {
				CHECK_EQ(io_uring_sq_ready(&ring), n);
				CHECK_EQ(io_uring_sq_space_left(&ring), SQ - n);
				CHECK_EQ(io_uring_sqring_wait(&ring), 0);
				CHECK(io_uring_get_sqe(&ring) == &sqes[(start + n) % SQ]);
			}
			CHECK_EQ(io_uring_sq_space_left(&ring), 0);
			CHECK_EQ(io_uring_sqring_wait(&ring), kind ? -EBADF : 0);
			CHECK(!io_uring_get_sqe(&ring));
			khead += 3;
			CHECK_EQ(io_uring_load_sq_head(&ring), start + 3);
			CHECK_EQ(io_uring_sq_ready(&ring), SQ - 3);
			CHECK_EQ(io_uring_sq_space_left(&ring), 3);
			CHECK(io_uring_get_sqe(&ring) == &sqes[start % SQ]);
		}
	}
}

STATES("io_uring_get_sqe", "All fields that");
TEST(get_sqe_clears)
{
	struct io_uring_sqe *sqe;

	make(0, 0);
	sqe = io_uring_get_sqe(&ring);
	CHECK_EQ(sqe->flags, 0);
	CHECK_EQ(sqe->ioprio, 0);
	CHECK_EQ(sqe->rw_flags, 0);
	CHECK_EQ(sqe->buf_index, 0);
	CHECK_EQ(sqe->personality, 0);
	CHECK_EQ(sqe->file_index, 0);
	CHECK_EQ(sqe->addr3, 0);
	CHECK_EQ(sqe->__pad2[0], 0);
	CHECK_ALL(&sqes[1], sizeof(sqes[1]), 0xee);
}

STATES("io_uring_get_sqe", "the second half is not cleared");
TEST(get_sqe_of_128_bytes)
{
	unsigned n;

	FOR_EACH_START(start) {
		make(start, IORING_SETUP_SQE128);
		for (n = 0; n < SQ; n++)
			CHECK(io_uring_get_sqe(&ring) == &sqes[(start + n) % SQ * 2]);
		CHECK(!io_uring_get_sqe(&ring));
	}
}

/* A big entry needs two adjacent slots; a no-op without a completion fills the slot before the wrap. */
STATES("io_uring_get_sqe128", "A pointer to the SQE");
TEST(get_sqe128)
{
	FOR_EACH_START(start) {
		unsigned at = start % SQ, before = at == SQ - 1, n;

		make(start, IORING_SETUP_SQE_MIXED);
		for (n = 0; ; n++) {
			struct io_uring_sqe *sqe = io_uring_get_sqe128(&ring);
			unsigned pad = (at + 1) % SQ == 0;

			if (!sqe)
				break;
			if (pad) {
				CHECK_EQ(sqes[at].opcode, IORING_OP_NOP);
				CHECK_EQ(sqes[at].flags, IOSQE_CQE_SKIP_SUCCESS);
				at = 0;
			}
			CHECK(sqe == &sqes[at]);
			CHECK_EQ(sqe->flags, 0);
			at = (at + 2) % SQ;
		}
		/* An odd start loses one slot to the padding, and so one big entry. */
		CHECK_EQ(n, start % 2 ? SQ / 2 - 1 : SQ / 2);
		CHECK_EQ(io_uring_sq_ready(&ring), 2 * n + before);
	}
}

/* While the thread is awake, submitting only publishes the tail; while it sleeps, it takes a call. */
TEST(submit_publishes)
{
	FOR_EACH_START(start) {
		make(start, IORING_SETUP_SQPOLL);
		CHECK_EQ(io_uring_submit(&ring), 0);
		CHECK(io_uring_get_sqe(&ring) && io_uring_get_sqe(&ring));
		CHECK_EQ(ktail, start);
		CHECK_EQ(io_uring_submit(&ring), 2);
		CHECK_EQ(ktail, start + 2);
		CHECK_EQ(khead, start);
		/* The result also counts what the thread hasn't taken yet. */
		khead++;
		CHECK(io_uring_get_sqe(&ring));
		CHECK_EQ(io_uring_submit(&ring), 2);
		kflags = IORING_SQ_NEED_WAKEUP;
		CHECK_EQ(io_uring_submit(&ring), -EBADF);
		khead = ktail;
		CHECK_EQ(io_uring_submit(&ring), 0);
	}
}

static const unsigned cq_kinds[] = { 0, IORING_SETUP_CQE32 };

TEST(cq_counts_and_peek)
{
	unsigned kind, n;

	for (kind = 0; kind < ARRAY_LEN(cq_kinds); kind++) {
		FOR_EACH_START(start) {
			struct io_uring_cqe *cqe = (void *)&ring;

			make(start, cq_kinds[kind]);
			CHECK_EQ(io_uring_cq_ready(&ring), 0);
			CHECK_EQ(io_uring_peek_cqe(&ring, &cqe), -EAGAIN);
			CHECK_EQ(io_uring_wait_cqe_nr(&ring, &cqe, 0), -EAGAIN);
			CHECK(!cqe);
			for (n = 0; n < CQ; n++)
				post(n, 0);
			for (n = 0; n < CQ; n++) {
				CHECK_EQ(io_uring_cq_ready(&ring), CQ - n);
				CHECK_EQ(n & 1 ? io_uring_peek_cqe(&ring, &cqe) : io_uring_wait_cqe(&ring, &cqe), 0);
				CHECK_EQ(io_uring_wait_cqe_nr(&ring, &cqe, CQ - n), 0);
				CHECK(cqe == cqe_at(start + n));
				CHECK_EQ(cqe->user_data, n);
				CHECK_EQ(cq_head, start + n);
				io_uring_cqe_seen(&ring, cqe);
			}
			io_uring_cqe_seen(&ring, NULL);
			io_uring_cq_advance(&ring, 0);
			CHECK_EQ(cq_head, cq_tail);
		}
	}
}

STATES("io_uring_for_each_cqe", "returns the iterator | returns true with");
TEST(loop_and_iterator)
{
	unsigned kind;

	for (kind = 0; kind < ARRAY_LEN(cq_kinds); kind++) {
		FOR_EACH_START(start) {
			struct io_uring_cqe_iter iter;
			struct io_uring_cqe *cqe;
			unsigned head, n = 0;

			make(start, cq_kinds[kind]);
			io_uring_for_each_cqe(&ring, head, cqe)
				n++;
			CHECK_EQ(n, 0);
			for (n = 0; n < 5; n++)
				post(n, 0);
			n = 0;
			io_uring_for_each_cqe(&ring, head, cqe) {
				CHECK_EQ(head, start + n);
				CHECK(cqe == cqe_at(start + n));
				CHECK_EQ(cqe->user_data, n++);
				/* Completions posted now belong to the next round. */
				post(99, 0);
			}
			CHECK_EQ(n, 5);
			CHECK_EQ(cq_head, start);
			io_uring_cq_advance(&ring, n);
			iter = io_uring_cqe_iter_init(&ring);
			for (n = 0; io_uring_cqe_iter_next(&iter, &cqe); n++)
				CHECK_EQ(cqe->user_data, 99);
			CHECK_EQ(n, 5);
			CHECK_EQ(cq_head, start + 5);
		}
	}
}

TEST(batch)
{
	unsigned kind, want, n;

	for (kind = 0; kind < ARRAY_LEN(cq_kinds); kind++) {
		FOR_EACH_START(start) {
			struct io_uring_cqe *cqes[CQ + 4];

			make(start, cq_kinds[kind]);
			CHECK_EQ(io_uring_peek_batch_cqe(&ring, cqes, 4), 0);
			for (n = 0; n < 10; n++)
				post(n, 0);
			for (want = 0; want < ARRAY_LEN(cqes); want++) {
				memset(cqes, 0, sizeof(cqes));
				CHECK_EQ(io_uring_peek_batch_cqe(&ring, cqes, want), want < 10 ? want : 10);
				for (n = 0; n < ARRAY_LEN(cqes); n++)
					CHECK(cqes[n] == (n < want && n < 10 ? cqe_at(start + n) : NULL));
			}
			CHECK_EQ(cq_head, start);
		}
	}
}

/* Leading padding is skipped, and padding elsewhere ends a batch; big entries have two slots. */
STATES("io_uring_cqe_nr", "2 when cqe->flags");
STATES("io_uring_cq_ready", "It is the number of CQEs, except");
TEST(mixed_entries)
{
	FOR_EACH_START(start) {
		struct io_uring_cqe *cqes[8], *cqe;

		make(start, IORING_SETUP_CQE_MIXED);
		post(1, 0);
		post(2, IORING_CQE_F_32);
		post(0, IORING_CQE_F_SKIP);
		post(3, IORING_CQE_F_32);
		post(4, 0);
		CHECK_EQ(io_uring_cq_ready(&ring), 7);
		CHECK_EQ(io_uring_peek_batch_cqe(&ring, cqes, 8), 2);
		CHECK(cqes[0] == cqe_at(start) && cqes[1] == cqe_at(start + 1));
		io_uring_cqe_seen(&ring, cqes[0]);
		io_uring_cqe_seen(&ring, cqes[1]);
		CHECK_EQ(cq_head, start + 3);
		if (start & 1) {
			CHECK_EQ(io_uring_peek_cqe(&ring, &cqe), 0);
			CHECK(cqe == cqe_at(start + 4));
			CHECK_EQ(cq_head, start + 4);
		}
		CHECK_EQ(io_uring_peek_batch_cqe(&ring, cqes, 8), 2);
		CHECK_EQ(cq_head, start + 4);
		CHECK(cqes[0] == cqe_at(start + 4) && cqes[1] == cqe_at(start + 6));
		CHECK_EQ(io_uring_cqe_nr(cqes[0]), 2);
		io_uring_cq_advance(&ring, 3);
		post(0, IORING_CQE_F_SKIP);
		CHECK_EQ(io_uring_peek_cqe(&ring, &cqe), -EAGAIN);
		CHECK(!cqe);
		CHECK_EQ(io_uring_cq_ready(&ring), 0);
	}
}

/* The ring of provided buffers, whose tail has 16 bits and is part of the first entry. */
TEST(buf_ring)
{
	static const unsigned short tails[] = { 0, 1, 6, 7, 8, 0x7fff, 0xfffa, 0xffff };
	union {
		struct io_uring_buf_ring ring;
		struct io_uring_buf bufs[8];
	} mem;
	int mask = io_uring_buf_ring_mask(8);
	unsigned i, n;

	CHECK_EQ(mask, 7);
	CHECK_EQ(io_uring_buf_ring_mask(32768), 32767);
	for (i = 0; i < ARRAY_LEN(tails); i++) {
		memset(&mem, 0xee, sizeof(mem));
		io_uring_buf_ring_init(&mem.ring);
		CHECK_EQ(mem.ring.tail, 0);
		mem.ring.tail = tails[i];
		for (n = 0; n < 5; n++)
			io_uring_buf_ring_add(&mem.ring, array + n, 100 + n, (__u16)(0xfff0 + n), mask, (int)n);
		CHECK_EQ(mem.ring.tail, tails[i]);
		for (n = 0; n < 5; n++) {
			struct io_uring_buf *buf = &mem.bufs[(tails[i] + n) % 8];

			CHECK_EQ(buf->addr, (uintptr_t)(array + n));
			CHECK_EQ(buf->len, 100 + n);
			CHECK_EQ(buf->bid, 0xfff0 + n);
		}
		io_uring_buf_ring_advance(&mem.ring, 3);
		CHECK_EQ(mem.ring.tail, (unsigned short)(tails[i] + 3));

		make(starts[i], 0);
		io_uring_buf_ring_cq_advance(&ring, &mem.ring, 2);
		__io_uring_buf_ring_cq_advance(&ring, &mem.ring, 4, 1);
		CHECK_EQ(mem.ring.tail, (unsigned short)(tails[i] + 6));
		CHECK_EQ(cq_head, starts[i] + 6);
	}
}

/* On a real queue each way to look flushes the overflow, in order. */
TEST(overflow)
{
	struct io_uring_cqe *cqes[64];
	unsigned way, i, n, got;

	for (way = 0; way < 4; way++) {
		struct io_uring real;

		ring_init(&real, 4, 0);
		need_feature(&real, IORING_FEAT_NODROP);
		for (i = 0; i < 40; i++) {
			io_uring_prep_nop(next_sqe(&real, i));
			submit_one(&real);
		}
		CHECK_EQ(io_uring_cq_ready(&real), 8);
		CHECK(io_uring_cq_has_overflow(&real));
		for (got = 0; got < 40; got += n) {
			n = 1;
			if (way == 0)
				CHECK_EQ(io_uring_peek_cqe(&real, cqes), 0);
			else if (way == 1)
				CHECK_EQ(io_uring_wait_cqe(&real, cqes), 0);
			else if (way == 2)
				CHECK_EQ(io_uring_wait_cqe_nr(&real, cqes, 40 - got < 8 ? 40 - got : 8), 0);
			else
				n = io_uring_peek_batch_cqe(&real, cqes, 64);
			CHECK(n > 0);
			for (i = 0; i < n; i++)
				CHECK_EQ(cqes[i]->user_data, got + i);
			io_uring_cq_advance(&real, n);
		}
		CHECK(!io_uring_cq_has_overflow(&real));
		CHECK_QUIET(&real);
		io_uring_queue_exit(&real);
	}
}

/* A batch of 0 with completions available leaves the overflow alone. */
TEST(batch_of_none)
{
	struct io_uring_params p = { .flags = IORING_SETUP_CQSIZE, .cq_entries = 2 };
	struct io_uring_cqe *cqes[4];
	struct io_uring real;
	unsigned i;

	CHECK_EQ(io_uring_queue_init_params(2, &real, &p), 0);
	for (i = 0; i < 3; i++) {
		io_uring_prep_nop(io_uring_get_sqe(&real));
		CHECK_EQ(io_uring_submit(&real), 1);
	}
	CHECK(io_uring_cq_has_overflow(&real));
	io_uring_cq_advance(&real, 1);
	CHECK_EQ(io_uring_peek_batch_cqe(&real, cqes, 0), 0);
	CHECK(io_uring_cq_has_overflow(&real));
	CHECK_EQ(io_uring_cq_ready(&real), 1);
	io_uring_cq_advance(&real, 1);
	CHECK_EQ(io_uring_peek_batch_cqe(&real, cqes, 0), 0);
	CHECK(!io_uring_cq_has_overflow(&real));
	CHECK_EQ(io_uring_peek_batch_cqe(&real, cqes, 4), 1);
	io_uring_queue_exit(&real);
}

/* While the flag for pending task work is set, peeking runs it. */
TEST(task_work_flag)
{
	struct io_uring_cqe *cqes[4];
	struct io_uring real;
	unsigned batch, i;
	int fds[2];
	char c;

	/* Old kernels read from pipes in a worker. */
	make_pair(fds, SOCK_STREAM);
	for (batch = 0; batch < 2; batch++) {
		ring_init_since(&real, 4,
				IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG, 6, 1);
		io_uring_prep_read(next_sqe(&real, 1), fds[0], &c, 1, 0);
		submit_one(&real);
		CHECK_QUIET(&real);
		fd_write(fds[1], "x", 1);
		/* A ring in user space learns of the byte a little later. */
		for (i = 0; i < 1000 && !(IO_URING_READ_ONCE(*real.sq.kflags) & IORING_SQ_TASKRUN); i++)
			usleep(1000);
		CHECK(i < 1000);
		if (batch)
			CHECK_EQ(io_uring_peek_batch_cqe(&real, cqes, 4), 1);
		else
			CHECK_EQ(io_uring_peek_cqe(&real, cqes), 0);
		CHECK_EQ(cqes[0]->res, 1);
		io_uring_queue_exit(&real);
	}
}
