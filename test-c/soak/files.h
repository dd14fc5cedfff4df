/* Copies of files, and requests that are canceled. */
#include "ledger.h"

#define BLOCKS 16
#define BLOCK 16384

/* Copies a file of random size, several blocks at a time, with or without registered files and buffers. */
static void copy_round(struct io_uring *ring, struct ledger *l)
{
	static unsigned char memory[BLOCKS][BLOCK] __attribute__((aligned(4096)));
	static unsigned char block_of[LEDGER];
	unsigned size = 1 + random_below(600000), seed = random_below(1000), at = 0, i, out = 0;
	unsigned from[BLOCKS], len[BLOCKS];
	bool fixed = random_below(2);
	int fds[2] = { tmp_filled("from", size, seed), tmp_open("to", O_TRUNC) };
	struct iovec iov = { memory, sizeof(memory) };

	if (fixed) {
		CHECK_EQ(io_uring_register_files(ring, fds, 2), 0);
		CHECK_EQ(io_uring_register_buffers(ring, &iov, 1), 0);
	}
	for (i = 0; i < BLOCKS || out;) {
		struct io_uring_sqe *sqe;
		unsigned kind = RECV, block = i;

		if (i >= BLOCKS) {
			struct done cqe = next_done(ring, l);

			kind = completed(l, cqe);
			counters[OPERATIONS]++;
			block = block_of[cqe.user_data];
			CHECK_EQ(cqe.res, len[block]);
			out--;
			kind = kind == RECV ? SEND : RECV;
		} else {
			i++;
		}
		if (kind == RECV) {
			if (at == size)
				continue;
			from[block] = at;
			len[block] = size - at < BLOCK ? size - at : BLOCK;
			at += len[block];
		}
		sqe = entry(ring);
		if (kind == RECV && fixed)
			io_uring_prep_read_fixed(sqe, 0, memory[block], len[block], from[block], 0);
		else if (kind == RECV)
			io_uring_prep_read(sqe, fds[0], memory[block], len[block], from[block]);
		else if (fixed)
			io_uring_prep_write_fixed(sqe, 1, memory[block], len[block], from[block], 0);
		else
			io_uring_prep_write(sqe, fds[1], memory[block], len[block], from[block]);
		if (fixed)
			io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
		issued_at(l, sqe, kind);
		block_of[sqe->user_data] = (unsigned char)block;
		out++;
	}
	settled(ring, l);
	if (fixed) {
		CHECK_EQ(io_uring_unregister_files(ring), 0);
		CHECK_EQ(io_uring_unregister_buffers(ring), 0);
	}
	CHECK_EQ(lseek(fds[1], 0, SEEK_END), size);
	CHECK_FILE(fds[1], 0, size, seed);
	close(fds[0]);
	close(fds[1]);
	counters[COPIES]++;
	counters[COPIED] += size;
}

enum { WAITS = 20, CANCEL };

/* Requests that would wait forever, canceled in one of four ways: each must complete once, as canceled. */
static void cancel_round(struct io_uring *ring, struct ledger *l)
{
	struct __kernel_timespec ts = nsec(100000 * SEC);
	unsigned way = random_below(4), n = 1 + random_below(40), i, cancelled = 0;
	__u64 data[40];
	int fds[2];
	char c;

	make_pair(fds, SOCK_STREAM);
	for (i = 0; i < n; i++) {
		struct io_uring_sqe *sqe = entry(ring);

		/* To cancel by descriptor, each request must have one. */
		switch (random_below(way == 1 ? 2 : 3)) {
		case 0:
			io_uring_prep_poll_add(sqe, fds[0], POLLIN);
			break;
		case 1:
			io_uring_prep_recv(sqe, fds[0], &c, 1, 0);
			break;
		default:
			io_uring_prep_timeout(sqe, &ts, 0, 0);
		}
		issued_at(l, sqe, WAITS);
		data[i] = sqe->user_data;
	}
	submit_n(ring, (int)n);
	if (way == 0) {
		for (i = 0; i < n; i++) {
			struct io_uring_sqe *sqe = entry(ring);

			io_uring_prep_cancel64(sqe, data[i], 0);
			issued_at(l, sqe, CANCEL);
		}
	} else if (way == 3) {
		struct io_uring_sync_cancel_reg reg = { .flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL,
							.timeout = { -1, -1 } };

		CHECK_EQ(io_uring_register_sync_cancel(ring, &reg), n);
	} else {
		struct io_uring_sqe *sqe = entry(ring);

		if (way == 1)
			io_uring_prep_cancel_fd(sqe, fds[0], IORING_ASYNC_CANCEL_ALL);
		else
			io_uring_prep_cancel64(sqe, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
		issued_at(l, sqe, CANCEL);
	}
	while (l->out) {
		struct done cqe = next_done(ring, l);

		counters[OPERATIONS]++;
		if (completed(l, cqe) == WAITS) {
			CHECK_EQ(cqe.res, -ECANCELED);
			cancelled++;
		} else {
			CHECK_EQ(cqe.res, way == 0 ? 0 : (int)n);
		}
	}
	CHECK_EQ(cancelled, n);
	settled(ring, l);
	close(fds[0]);
	close(fds[1]);
	counters[CANCELS] += n;
}
