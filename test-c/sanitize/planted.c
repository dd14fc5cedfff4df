/* Faults on purpose, for `cargo xtask sanitize`: each must be reported by the checkers that can see it, `clean` by
 * none. */
#include "../io.h"
#include <pthread.h>

#define SIZE 4096

static struct io_uring ring;
static volatile unsigned sink;
/* Not for the compiler to see. */
static void *volatile hidden;

/* A read of zeroes into `buf`. */
static void read_zeroes(char *buf)
{
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	CHECK_SYS(fd);
	ring_init(&ring, 8, 0);
	io_uring_prep_read(next_sqe(&ring, 1), fd, buf, SIZE, 0);
	CHECK_EQ(run_res(&ring), SIZE);
	io_uring_queue_exit(&ring);
	close(fd);
}

TEST(clean)
{
	char *buf = calloc(1, SIZE);

	read_zeroes(buf);
	sink = (unsigned)buf[SIZE - 1];
	free(buf);
}

TEST(buffer_used_after_free)
{
	char *buf = malloc(SIZE);

	read_zeroes(buf);
	hidden = buf;
	free(buf);
	buf = hidden;
	sink = (unsigned)buf[100];
}

/* What the header's inline functions touch. */
TEST(ring_used_after_free)
{
	struct io_uring *gone = malloc(sizeof(*gone));

	ring_init(gone, 8, 0);
	io_uring_queue_exit(gone);
	hidden = gone;
	free(gone);
	gone = hidden;
	sink = io_uring_sq_ready(gone) + gone->flags;
}

/* What only the library touches: only who sees all instructions sees it. */
TEST(free_ring_in_the_library)
{
	struct io_uring *gone = malloc(sizeof(*gone));

	ring_init(gone, 8, 0);
	io_uring_queue_exit(gone);
	hidden = gone;
	free(gone);
	gone = hidden;
	sink = (unsigned)io_uring_register_ring_fd(gone);
}

TEST(shift)
{
	volatile int bits = 40;

	sink = (unsigned)(1 << bits);
}

static void *prepare(void *arg)
{
	(void)arg;
	io_uring_prep_nop(io_uring_get_sqe(&ring));
	return NULL;
}

/* Two threads take entries of one queue, without a lock. */
TEST(race)
{
	pthread_t thread;

	ring_init(&ring, 8, 0);
	CHECK_EQ(pthread_create(&thread, NULL, prepare, NULL), 0);
	prepare(NULL);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	io_uring_queue_exit(&ring);
}
