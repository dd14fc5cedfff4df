/* Rings that are created and exited, resized, polled by the kernel, and shared by two threads. */
#include "ledger.h"

/* Submits `n` no-ops and waits for them. */
static void nops(struct io_uring *ring, struct ledger *l, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		struct io_uring_sqe *sqe = entry(ring);

		io_uring_prep_nop(sqe);
		issued_at(l, sqe, 1);
	}
	for (i = 0; i < n; i++) {
		struct done cqe = next_done(ring, l);

		completed(l, cqe);
		CHECK_EQ(cqe.res, 0);
	}
	settled(ring, l);
	counters[OPERATIONS] += n;
}

/* Rings of all kinds, exited with and without pending requests. */
static void churn_round(struct ledger *l)
{
	static const unsigned kinds[] = {
		0, IORING_SETUP_SQE128, IORING_SETUP_CQE32, IORING_SETUP_NO_SQARRAY, IORING_SETUP_NO_MMAP,
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, IORING_SETUP_COOP_TASKRUN,
	};
	unsigned i;

	for (i = 0; i < 20; i++) {
		struct io_uring_buf_ring *br = NULL;
		struct io_uring ring;
		unsigned kind = kinds[random_below(ARRAY_LEN(kinds))];
		int fds[2], ret = io_uring_queue_init(1 + random_below(64), &ring, kind);

		if (ret == -EINVAL)
			ret = io_uring_queue_init(8, &ring, 0);
		CHECK_EQ(ret, 0);
		if (random_below(2))
			CHECK(io_uring_register_ring_fd(&ring) == 1);
		if (random_below(2)) {
			br = io_uring_setup_buf_ring(&ring, 16, 7, 0, &ret);
			CHECK_EQ(ret, 0);
		}
		nops(&ring, l, 1 + random_below(100));
		make_pipe(fds);
		if (random_below(2)) {
			io_uring_prep_poll_add(entry(&ring), fds[0], POLLIN);
			CHECK_EQ(io_uring_submit(&ring), 1);
		}
		if (br && random_below(2)) {
			CHECK_EQ(io_uring_free_buf_ring(&ring, br, 16, 7), 0);
			br = NULL;
		}
		io_uring_queue_exit(&ring);
		/* The kernel unregistered the buffers with the ring; their memory is the program's. */
		if (br)
			CHECK_SYS(munmap(br, 4096));
		close(fds[0]);
		close(fds[1]);
		counters[RINGS]++;
	}
}

/* Resizes with completions waiting: all must survive. */
static void resize_round(struct ledger *l)
{
	struct io_uring ring;
	unsigned i, j;

	if (io_uring_queue_init(64, &ring, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN))
		return;
	for (i = 0; i < 30; i++) {
		unsigned n = 1 + random_below(60);
		struct io_uring_params p = { .sq_entries = 64u << random_below(4), .flags = IORING_SETUP_CQSIZE };
		int ret;

		for (j = 0; j < n; j++) {
			struct io_uring_sqe *sqe = entry(&ring);

			io_uring_prep_nop(sqe);
			issued_at(l, sqe, 1);
		}
		submit_n(&ring, (int)n);
		CHECK(io_uring_get_events(&ring) >= 0);
		p.cq_entries = p.sq_entries * 2;
		ret = io_uring_resize_rings(&ring, &p);
		if (ret == -EINVAL && !i)
			break;
		CHECK_EQ(ret, 0);
		CHECK_EQ(ring.sq.ring_entries, p.sq_entries);
		counters[RESIZES]++;
		for (j = 0; j < n; j++)
			completed(l, next_done(&ring, l));
		counters[OPERATIONS] += n;
		settled(&ring, l);
	}
	while (l->out)
		completed(l, next_done(&ring, l));
	io_uring_queue_exit(&ring);
}

/* The kernel's thread sleeps and is woken; bytes go through a pipe in order. */
static void sqpoll_round(struct ledger *l)
{
	struct io_uring_params p = { .flags = IORING_SETUP_SQPOLL, .sq_thread_idle = 1 };
	struct io_uring ring;
	char in[512], out[512];
	unsigned i;
	int fds[2];

	CHECK_EQ(io_uring_queue_init_params(16, &ring, &p), 0);
	make_pipe(fds);
	for (i = 0; i < 30; i++) {
		struct io_uring_sqe *sqe = entry(&ring);
		unsigned n = 1 + random_below(sizeof(out)), left = 2;

		fill(out, n, i);
		io_uring_prep_write(sqe, fds[1], out, n, 0);
		issued_at(l, sqe, SEND);
		sqe->flags |= IOSQE_IO_LINK;
		sqe = entry(&ring);
		io_uring_prep_read(sqe, fds[0], in, sizeof(in), 0);
		issued_at(l, sqe, RECV);
		while (left--) {
			struct done cqe = next_done(&ring, l);

			completed(l, cqe);
			CHECK_EQ(cqe.res, n);
		}
		CHECK_PATTERN(in, n, i);
		settled(&ring, l);
		nops(&ring, l, random_below(50));
		if (!random_below(4))
			usleep(2000);
		counters[POLLED] += 2;
	}
	io_uring_queue_exit(&ring);
	close(fds[0]);
	close(fds[1]);
	counters[OPERATIONS] += 60;
}

#define HANDED 5000

/* One thread submits and another reaps: each number must come exactly once. */
struct handed {
	struct io_uring ring;
	unsigned char seen[HANDED];
};

static void *reap(void *arg)
{
	struct handed *h = arg;
	unsigned n = 0;

	while (n < HANDED) {
		struct io_uring_cqe *cqes[16];
		unsigned got = io_uring_peek_batch_cqe(&h->ring, cqes, ARRAY_LEN(cqes)), i;

		if (!got) {
			struct __kernel_timespec ts = nsec(PATIENCE);
			int ret = io_uring_wait_cqes(&h->ring, cqes, 1, &ts, NULL);

			if (ret == -ETIME)
				T_FAIL("handed over: lost: only %u of %u came", n, HANDED);
			CHECK(!ret || ret == -EINTR);
			continue;
		}
		for (i = 0; i < got; i++) {
			CHECK(cqes[i]->user_data < HANDED && cqes[i]->res == 0);
			if (h->seen[cqes[i]->user_data]++)
				T_FAIL("handed over: %llu is doubled", (unsigned long long)cqes[i]->user_data);
		}
		io_uring_cq_advance(&h->ring, got);
		n += got;
	}
	return NULL;
}

static void handover_round(void)
{
	static struct handed h;
	unsigned i, batch = 0;
	pthread_t thread;

	memset(h.seen, 0, sizeof(h.seen));
	ring_init(&h.ring, 64, 0);
	CHECK_EQ(pthread_create(&thread, NULL, reap, &h), 0);
	for (i = 0; i < HANDED; i++) {
		struct io_uring_sqe *sqe = entry(&h.ring);

		io_uring_prep_nop(sqe);
		io_uring_sqe_set_data64(sqe, i);
		/* Some run in the kernel's workers. */
		if (!(i % 64))
			io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
		if (!batch) {
			CHECK(io_uring_submit(&h.ring) >= 0);
			batch = random_below(32);
		} else {
			batch--;
		}
	}
	CHECK(io_uring_submit(&h.ring) >= 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	for (i = 0; i < HANDED; i++)
		CHECK_EQ(h.seen[i], 1);
	io_uring_queue_exit(&h.ring);
	counters[HANDED_OVER] += HANDED;
	counters[OPERATIONS] += HANDED;
}
