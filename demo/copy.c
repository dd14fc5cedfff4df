/*
 * copy SRC DST: copies a file through io_uring, then reads both files back and compares them.
 *
 *     cc -O2 copy.c -o copy $(pkg-config --cflags --libs liburing)
 *
 * What makes it fast:
 *   - registered buffers: the kernel pins them once, instead of at every read and write;
 *   - linked requests: "read, then write what was read" goes to the kernel as one pair;
 *   - many requests in flight: the disk always has something to do;
 *   - one system call submits the new requests and waits for finished ones.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS = 32, PIECE = 128 * 1024 };

/* A slot carries one piece of the file at a time, in registered buffer number `index`. */
struct slot {
	unsigned index;
	char *buffer;
	uint64_t offset;    /* where the piece starts in the file */
	unsigned size;      /* 0 while the slot is idle */
	unsigned done[2];   /* bytes read so far, bytes written so far */
	unsigned in_flight; /* completions still to come */
};
enum side { READ, WRITE }; /* indexes `done`; also the lowest bit of a request's user_data */

static struct io_uring ring;
static struct slot slots[SLOTS];

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "copy: %s: %s\n", what, why);
	exit(1);
}

/* liburing doesn't set errno: a failure is -errno, in return values and in completions alike. */
static void check(int result, const char *what)
{
	if (result >= 0)
		return;
	if (result == -EPERM || result == -ENOSYS)
		fputs("copy: is io_uring allowed here? See sysctl kernel.io_uring_disabled "
		      "and the container's seccomp profile.\n", stderr);
	if (result == -ENOMEM)
		fputs("copy: registered buffers count as locked memory: raise `ulimit -l`.\n", stderr);
	die(what, strerror(-result));
}

static void set_up(void)
{
	struct iovec buffers[SLOTS];
	char *memory = aligned_alloc(4096, (size_t)SLOTS * PIECE);

	/* Room for every slot's pair at once, so that io_uring_get_sqe() never has to say "full". */
	check(io_uring_queue_init(2 * SLOTS, &ring, 0), "io_uring_queue_init");

	if (!memory)
		die("memory for the buffers", strerror(ENOMEM));
	for (unsigned i = 0; i < SLOTS; i++) {
		slots[i].index = i;
		slots[i].buffer = memory + (size_t)i * PIECE;
		buffers[i].iov_base = slots[i].buffer;
		buffers[i].iov_len = PIECE;
	}
	check(io_uring_register_buffers(&ring, buffers, SLOTS), "io_uring_register_buffers");
}

/* Queues a read or a write of what the slot's piece still lacks. Nothing reaches the kernel before the submit. */
static void queue(struct slot *slot, enum side side, int fd, unsigned flags)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
	unsigned done = slot->done[side];
	char *where = slot->buffer + done;

	if (!sqe)
		die("io_uring_get_sqe", "the submission queue is full");
	if (side == READ)
		io_uring_prep_read_fixed(sqe, fd, where, slot->size - done, slot->offset + done, (int)slot->index);
	else
		io_uring_prep_write_fixed(sqe, fd, where, slot->size - done, slot->offset + done, (int)slot->index);
	/* After the prep call: older releases clear the flags there. */
	io_uring_sqe_set_flags(sqe, flags);
	io_uring_sqe_set_data64(sqe, slot->index * 2 + side);
	slot->in_flight++;
}

/* Books one completion. What is still missing afterwards is simply queued again. */
static void account(const struct io_uring_cqe *cqe)
{
	struct slot *slot = &slots[cqe->user_data / 2];
	enum side side = cqe->user_data % 2 ? WRITE : READ;
	const char *name = side == READ ? "read" : "write";

	slot->in_flight--;
	/*
	 * A link holds only while each request does all it was asked for. After a short or failed read
	 * the kernel cancels the write behind it, so a write never sends bytes that weren't read.
	 */
	if (cqe->res == -ECANCELED || cqe->res == -EINTR || cqe->res == -EAGAIN)
		return;
	check(cqe->res, name);
	if (cqe->res == 0)
		die(name, side == READ ? "the file became shorter meanwhile" : "no progress");
	slot->done[side] += (unsigned)cqe->res;
}

/* One system call for everything queued; then all completions that are there, and one release for them all. */
static void submit_and_account(void)
{
	struct io_uring_cqe *cqe;
	unsigned head, count = 0;
	int result = io_uring_submit_and_wait(&ring, 1);

	if (result != -EINTR) /* a signal: the next round submits the rest */
		check(result, "io_uring_submit_and_wait");
	io_uring_for_each_cqe(&ring, head, cqe) {
		account(cqe);
		count++;
	}
	io_uring_cq_advance(&ring, count);
}

/* Gives the slot the next piece of the file; false when there is none left. */
static int next_piece(struct slot *slot, uint64_t *next, uint64_t total)
{
	uint64_t left = total - *next;

	slot->offset = *next;
	slot->size = left < PIECE ? (unsigned)left : PIECE;
	slot->done[READ] = slot->done[WRITE] = 0;
	*next += slot->size;
	return slot->size > 0;
}

static void copy(int from, int to, uint64_t total)
{
	uint64_t next = 0;

	for (;;) {
		int busy = 0;

		for (struct slot *slot = slots; slot < slots + SLOTS; slot++) {
			if (!slot->in_flight) {
				if (slot->done[WRITE] == slot->size && !next_piece(slot, &next, total))
					continue;
				/* The link ties a request to the one queued right after it. */
				if (slot->done[READ] < slot->size)
					queue(slot, READ, from, IOSQE_IO_LINK);
				queue(slot, WRITE, to, 0);
			}
			busy = 1;
		}
		if (!busy)
			return;
		submit_and_account();
	}
}

/* Slots work in twos: the even one reads a piece of the first file, the odd one the same piece of the other. */
static void compare(int one, int other, uint64_t total)
{
	uint64_t next = 0;

	for (;;) {
		int busy = 0;

		for (struct slot *a = slots; a < slots + SLOTS; a += 2) {
			struct slot *b = a + 1;

			if (!a->in_flight && !b->in_flight) {
				if (a->done[READ] == a->size && b->done[READ] == b->size) {
					if (memcmp(a->buffer, b->buffer, a->size) != 0)
						die("verify", "the copy differs from the original");
					if (!next_piece(a, &next, total)) {
						b->size = b->done[READ] = 0;
						continue;
					}
					b->offset = a->offset;
					b->size = a->size;
					b->done[READ] = 0;
				}
				if (a->done[READ] < a->size)
					queue(a, READ, one, 0);
				if (b->done[READ] < b->size)
					queue(b, READ, other, 0);
			}
			busy = 1;
		}
		if (!busy)
			return;
		submit_and_account();
	}
}

/* Runs a single request to its end. */
static void run(const char *what)
{
	struct io_uring_cqe *cqe;

	check(io_uring_submit(&ring), what);
	check(io_uring_wait_cqe(&ring, &cqe), what);
	check(cqe->res, what);
	io_uring_cqe_seen(&ring, cqe);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	struct stat from_stat, to_stat;
	double start, seconds;
	uint64_t total;
	int from, to;

	if (argc != 3) {
		fprintf(stderr, "usage: %s SRC DST\n", argv[0]);
		return 2;
	}
	from = open(argv[1], O_RDONLY);
	if (from < 0 || fstat(from, &from_stat) < 0)
		die(argv[1], strerror(errno));
	if (!S_ISREG(from_stat.st_mode))
		die(argv[1], "not a regular file");
	to = open(argv[2], O_RDWR | O_CREAT, 0644);
	if (to < 0 || fstat(to, &to_stat) < 0)
		die(argv[2], strerror(errno));
	/* Emptied only now: O_TRUNC would have destroyed a source that is also the destination. */
	if (from_stat.st_dev == to_stat.st_dev && from_stat.st_ino == to_stat.st_ino)
		die(argv[2], "is the source itself");
	if (ftruncate(to, 0) < 0)
		die(argv[2], strerror(errno));
	total = (uint64_t)from_stat.st_size;

	set_up();
	start = now();
	copy(from, to, total);
	/* Safe on the disk before we call it copied. */
	io_uring_prep_fsync(io_uring_get_sqe(&ring), to, 0);
	run("fsync");
	seconds = now() - start;

	/* Out of the page cache, so that the comparison reads what the disk holds. */
	io_uring_prep_fadvise(io_uring_get_sqe(&ring), to, 0, 0, POSIX_FADV_DONTNEED);
	run("fadvise");
	for (unsigned i = 0; i < SLOTS; i++)
		slots[i].size = slots[i].done[READ] = 0;
	compare(from, to, total);
	if (fstat(to, &to_stat) < 0 || to_stat.st_size != from_stat.st_size)
		die("verify", "the copy has another size");

	printf("%llu bytes copied at %.0f MB/s, read back and equal, with liburing %d.%d\n", (unsigned long long)total,
	       (double)total / 1e6 / seconds, io_uring_major_version(), io_uring_minor_version());

	/* Also unregisters the buffers. */
	io_uring_queue_exit(&ring);
	return close(to) < 0 || close(from) < 0;
}
