/* Deliberate faults for `cargo xtask sanitize`: the checkers that can detect a fault must report it; none may report
 * `clean`. */
#include "../io.h"
#include <pthread.h>

#define SIZE 4096

static struct io_uring ring;
static volatile unsigned sink;
/* Hides the pointer from the compiler. */
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

/* Memory that the header's inline functions access. */
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

/* Memory that only the library accesses: detected only by checkers that see all instructions. */
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

/* Registers the ring's descriptor; none of it is in the header. */
static void *use_library(void *arg)
{
	(void)arg;
	io_uring_register_ring_fd(&ring);
	io_uring_unregister_ring_fd(&ring);
	return NULL;
}

/* Two threads change one ring in the library without a lock. */
TEST(race_in_the_library)
{
	pthread_t thread;

	ring_init(&ring, 8, 0);
	CHECK_EQ(pthread_create(&thread, NULL, use_library, NULL), 0);
	use_library(NULL);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	io_uring_queue_exit(&ring);
}

static void *prepare(void *arg)
{
	(void)arg;
	io_uring_prep_nop(io_uring_get_sqe(&ring));
	return NULL;
}

/* Two threads take entries of one queue without a lock. */
TEST(race)
{
	pthread_t thread;

	ring_init(&ring, 8, 0);
	CHECK_EQ(pthread_create(&thread, NULL, prepare, NULL), 0);
	prepare(NULL);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	io_uring_queue_exit(&ring);
}
