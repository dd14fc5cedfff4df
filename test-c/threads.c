/* Threads: one submits and another reaps; several share a ring under a lock; each has its own and they send each other
 * messages; one returns buffers while another receives into them. */
#include "many.h"
#include <pthread.h>

#define ROUNDS 2000
#define THREADS 4

static struct io_uring ring;

static pthread_t start(void *(*run)(void *), void *arg)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, run, arg), 0);
	return thread;
}

static void join(pthread_t thread)
{
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* Each queue's program end belongs to one thread, so no lock is needed. */
static void *reap(void *arg)
{
	static unsigned char seen[ROUNDS];
	unsigned i;

	(void)arg;
	for (i = 0; i < ROUNDS; i++) {
		struct done cqe = wait_one(&ring);

		CHECK(cqe.user_data < ROUNDS && !seen[cqe.user_data]++);
		CHECK_EQ(cqe.res, 0);
	}
	return NULL;
}

/* Kernels before 5.19 take nothing while the CQ has no free slot: the other thread frees some. */
static void push(void)
{
	int ret;

	do {
		ret = io_uring_submit(&ring);
	} while (ret == -EBUSY);
	CHECK(ret >= 0);
}

static void submit_and_reap(unsigned flags)
{
	pthread_t reaper;
	unsigned i;

	ring_init(&ring, 16, flags);
	reaper = start(reap, NULL);
	for (i = 0; i < ROUNDS; i++) {
		struct io_uring_sqe *sqe;

		while (!(sqe = io_uring_get_sqe(&ring))) {
			push();
			if (flags & IORING_SETUP_SQPOLL)
				CHECK(io_uring_sqring_wait(&ring) >= 0);
		}
		io_uring_prep_nop(sqe);
		io_uring_sqe_set_data64(sqe, i);
		if (i % 7 == 0)
			push();
	}
	push();
	join(reaper);
	CHECK_QUIET(&ring);
	io_uring_queue_exit(&ring);
}

TEST(one_submits_another_reaps)
{
	NOT_UNDER("valgrind", "it runs no other thread while one is in io_uring_enter");
	submit_and_reap(0);
}

TEST(one_submits_another_reaps_polled)
{
	NOT_UNDER("valgrind", "it runs no other thread while one is in io_uring_enter");
	submit_and_reap(IORING_SETUP_SQPOLL);
}

static unsigned items[ROUNDS];

/* Adds up the values that the completions point to. */
static void *read_items(void *arg)
{
	uintptr_t sum = 0;
	unsigned left;

	(void)arg;
	for (left = ROUNDS; left;) {
		struct io_uring_cqe *cqe;
		unsigned *item;
		int ret;

		do {
			ret = io_uring_wait_cqe(&ring, &cqe);
		} while (ret == -EINTR);
		CHECK_EQ(ret, 0);
		CHECK(cqe->res >= 0);
		item = left & 1 ? io_uring_cqe_get_data(cqe) : (void *)(uintptr_t)io_uring_cqe_get_data64(cqe);
		if (item) {
			sum += *item;
			left--;
		}
		io_uring_cqe_seen(&ring, cqe);
	}
	return (void *)sum;
}

/* Only the kernel orders the two threads; tell the thread sanitizer. */
TEST(data_travels_with_its_request)
{
	bool messages = have_op(IORING_OP_MSG_RING);
	pthread_t reader;
	void *sum;
	unsigned i;

	NOT_UNDER("valgrind", "it runs no other thread while one is in io_uring_enter");
	ring_init(&ring, 16, 0);
	reader = start(read_items, NULL);
	for (i = 0; i < ROUNDS; i++) {
		struct io_uring_sqe *sqe;

		while (!(sqe = io_uring_get_sqe(&ring)))
			push();
		items[i] = i;
		if (messages && i % 3 == 0) {
			io_uring_prep_msg_ring(sqe, ring.ring_fd, 0, (uintptr_t)&items[i], 0);
			io_uring_sqe_set_data(sqe, NULL);
		} else {
			io_uring_prep_nop(sqe);
			if (i & 1)
				io_uring_sqe_set_data(sqe, &items[i]);
			else
				io_uring_sqe_set_data64(sqe, (uintptr_t)&items[i]);
		}
		push();
	}
	CHECK_EQ(pthread_join(reader, &sum), 0);
	CHECK_EQ((uintptr_t)sum, ROUNDS * (ROUNDS - 1) / 2);
	io_uring_queue_exit(&ring);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *share(void *arg)
{
	unsigned i;

	(void)arg;
	for (i = 0; i < ROUNDS / THREADS; i++) {
		pthread_mutex_lock(&lock);
		CHECK_WORKS(&ring);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

TEST(one_ring_under_a_lock)
{
	pthread_t threads[THREADS];
	unsigned i;

	ring_init(&ring, 8, 0);
	for (i = 0; i < THREADS; i++)
		threads[i] = start(share, NULL);
	for (i = 0; i < THREADS; i++)
		join(threads[i]);
	CHECK_QUIET(&ring);
	io_uring_queue_exit(&ring);
}

static struct io_uring rings[THREADS];
static pthread_barrier_t barrier;

/* Sends a number to the next thread's ring and waits for one from the previous thread. */
static void *pass_on(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg, i, sent, come;

	ring_init(&rings[me], 8, 0);
	pthread_barrier_wait(&barrier);
	for (i = 0; i < ROUNDS / THREADS; i++) {
		io_uring_prep_msg_ring(next_sqe(&rings[me], 1), rings[(me + 1) % THREADS].ring_fd, i, 1000 + me, 0);
		submit_one(&rings[me]);
		for (sent = come = 0; !sent || !come;) {
			struct done cqe = wait_one(&rings[me]);

			if (cqe.user_data == 1) {
				CHECK_EQ(cqe.res, 0);
				sent++;
			} else {
				CHECK_EQ(cqe.user_data, 1000 + (me + THREADS - 1) % THREADS);
				CHECK_EQ(cqe.res, i);
				come++;
			}
		}
		/* No thread may be a round ahead, or two messages would arrive at once. */
		pthread_barrier_wait(&barrier);
	}
	io_uring_queue_exit(&rings[me]);
	return NULL;
}

TEST(messages_between_threads)
{
	pthread_t threads[THREADS];
	uintptr_t i;

	NOT_UNDER("valgrind", "it runs no other thread while one is in io_uring_enter");
	if (!have_op(IORING_OP_MSG_RING))
		LACKS("IORING_OP_MSG_RING", 5, 18);
	CHECK_EQ(pthread_barrier_init(&barrier, NULL, THREADS), 0);
	for (i = 0; i < THREADS; i++)
		threads[i] = start(pass_on, (void *)i);
	for (i = 0; i < THREADS; i++)
		join(threads[i]);
}

#define BUFFERS 8
#define BUFFER 64

static struct io_uring_buf_ring *buffers;
static unsigned char memory[BUFFERS][BUFFER];
static int used[2];

/* Returns the buffers whose ids come through the pipe. */
static void *give_back(void *arg)
{
	unsigned char id;

	(void)arg;
	while (read(used[0], &id, 1) == 1) {
		io_uring_buf_ring_add(buffers, memory[id], BUFFER, id, io_uring_buf_ring_mask(BUFFERS), 0);
		io_uring_buf_ring_advance(buffers, 1);
	}
	return NULL;
}

TEST(another_gives_buffers_back)
{
	pthread_t giver;
	int pair[2], ret;
	unsigned char id, data[BUFFER];
	unsigned i;

	ring_init(&ring, 8, 0);
	make_pipe(used);
	make_pair(pair, SOCK_SEQPACKET);
	buffers = io_uring_setup_buf_ring(&ring, BUFFERS, 1, 0, &ret);
	if (ret == -EINVAL)
		LACKS("IORING_REGISTER_PBUF_RING", 5, 19);
	CHECK(buffers);
	giver = start(give_back, NULL);
	for (id = 0; id < BUFFERS; id++)
		fd_write(used[1], &id, 1);
	for (i = 0; i < ROUNDS; i++) {
		struct done cqe;

		fill(data, sizeof(data), i);
		fd_write(pair[0], data, sizeof(data));
		do {
			struct io_uring_sqe *sqe = next_sqe(&ring, i);

			io_uring_prep_recv(sqe, pair[1], NULL, BUFFER, 0);
			io_uring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
			sqe->buf_group = 1;
			cqe = run_one(&ring);
		} while (cqe.res == -ENOBUFS);
		CHECK_EQ(cqe.res, BUFFER);
		id = (unsigned char)buffer_id(cqe);
		CHECK(id < BUFFERS);
		CHECK_PATTERN(memory[id], BUFFER, i);
		fd_write(used[1], &id, 1);
	}
	close(used[1]);
	join(giver);
	CHECK_EQ(io_uring_free_buf_ring(&ring, buffers, BUFFERS, 1), 0);
	io_uring_queue_exit(&ring);
}
