/* splice and tee: bytes go from file to pipe to file without a buffer. */
#include "io.h"

#define LEN 10000

static struct io_uring ring;

static int splice_now(int in, int64_t in_at, int out, int64_t out_at, unsigned len, unsigned flags)
{
	io_uring_prep_splice(next_sqe(&ring, 1), in, in_at, out, out_at, len, flags);
	return run_res(&ring);
}

/* Moves `len` bytes, in as many steps as the kernel takes. */
static void splice_all(int in, int64_t in_at, int out, int64_t out_at, unsigned len)
{
	unsigned done = 0;

	while (done < len) {
		int res = splice_now(in, in_at < 0 ? -1 : in_at + done, out, out_at < 0 ? -1 : out_at + done,
				     len - done, 0);

		CHECK(res > 0 && (unsigned)res <= len - done);
		done += (unsigned)res;
	}
}

static void start(int fds[2])
{
	need_op(IORING_OP_SPLICE);
	ring_init(&ring, 8, 0);
	make_pipe(fds);
}

TEST(file_to_file_through_a_pipe)
{
	int fds[2], from, to;

	start(fds);
	from = tmp_filled("from", LEN + 100, 1);
	to = tmp_open("to", 0);
	splice_all(from, 100, fds[1], -1, LEN);
	splice_all(fds[0], -1, to, 33, LEN);
	CHECK_FILE_FROM(to, 33, LEN, 100, 1);
	CHECK_EQ(lseek(to, 0, SEEK_END), LEN + 33);
	CHECK_EQ(lseek(from, 0, SEEK_CUR), 0);
	io_uring_queue_exit(&ring);
}

/* Offset -1 means the file's own offset, which advances. */
TEST(current_position)
{
	int fds[2], from, to;

	start(fds);
	from = tmp_filled("from", LEN, 1);
	to = tmp_open("to", 0);
	CHECK_EQ(lseek(from, 7, SEEK_SET), 7);
	splice_all(from, -1, fds[1], -1, 1000);
	CHECK_EQ(lseek(from, 0, SEEK_CUR), 1007);
	splice_all(fds[0], -1, to, -1, 1000);
	CHECK_EQ(lseek(to, 0, SEEK_CUR), 1000);
	CHECK_FILE_FROM(to, 0, 1000, 7, 1);
	io_uring_queue_exit(&ring);
}

/* Both files may be registered ones, each by its own flag. */
TEST(registered_files)
{
	int fds[2], table[3];
	struct io_uring_sqe *sqe;

	start(fds);
	table[0] = tmp_filled("from", LEN, 1);
	table[1] = fds[1];
	table[2] = -1;
	CHECK_EQ(io_uring_register_files(&ring, table, 3), 0);
	sqe = next_sqe(&ring, 1);
	io_uring_prep_splice(sqe, 0, 5, 1, -1, 100, SPLICE_F_FD_IN_FIXED);
	io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	CHECK_EQ(run_res(&ring), 100);
	io_uring_prep_splice(next_sqe(&ring, 2), 0, 105, fds[1], -1, 100, SPLICE_F_FD_IN_FIXED);
	CHECK_EQ(run_res(&ring), 100);
	CHECK_EQ(splice_now(2, 0, fds[1], -1, 100, SPLICE_F_FD_IN_FIXED), -EBADF);
	splice_all(fds[0], -1, tmp_open("to", 0), 0, 200);
	CHECK_FILE_FROM(open(tmp_path("to"), O_RDONLY), 0, 200, 5, 1);
	io_uring_queue_exit(&ring);
}

TEST(splice_errors)
{
	int fds[2], from, to;

	start(fds);
	from = tmp_filled("from", LEN, 1);
	to = tmp_open("to", 0);
	CHECK_EQ(splice_now(-1, 0, fds[1], -1, 100, 0), -EBADF);
	CHECK_EQ(splice_now(from, 0, -1, -1, 100, 0), -EBADF);
	CHECK_EQ(splice_now(from, 0, to, 0, 100, 0), -EINVAL);
	CHECK_EQ(splice_now(from, 0, fds[1], 5, 100, 0), -ESPIPE);
	CHECK_EQ(splice_now(fds[0], 5, to, 0, 100, 0), -ESPIPE);
	CHECK_EQ(splice_now(from, 0, fds[1], -1, 100, 1U << 20), -EINVAL);
	CHECK_EQ(splice_now(from, 0, fds[1], -1, 0, 0), 0);
	CHECK_EQ(splice_now(from, LEN, fds[1], -1, 100, 0), 0);
	CHECK_EQ(splice_now(fds[0], -1, to, 0, 100, SPLICE_F_NONBLOCK), -EAGAIN);
	CHECK_EQ(lseek(to, 0, SEEK_END), 0);
	io_uring_queue_exit(&ring);
}

static int tee_now(int in, int out, unsigned len, unsigned flags)
{
	io_uring_prep_tee(next_sqe(&ring, 1), in, out, len, flags);
	return run_res(&ring);
}

/* tee copies the bytes and leaves them in the pipe. */
TEST(tee)
{
	char out[3000], in[3000];
	int one[2], two[2];

	start(one);
	need_op(IORING_OP_TEE);
	make_pipe(two);
	fill(out, sizeof(out), 1);
	fd_write(one[1], out, sizeof(out));
	CHECK_EQ(tee_now(one[0], two[1], 1000, 0), 1000);
	CHECK_EQ(read(two[0], in, sizeof(in)), 1000);
	CHECK_PATTERN(in, 1000, 1);
	CHECK_EQ(tee_now(one[0], two[1], 1 << 20, 0), sizeof(out));
	CHECK_EQ(read(one[0], in, sizeof(in)), sizeof(in));
	CHECK_PATTERN(in, sizeof(in), 1);
	memset(in, 0, sizeof(in));
	CHECK_EQ(read(two[0], in, sizeof(in)), sizeof(in));
	CHECK_PATTERN(in, sizeof(in), 1);
	io_uring_queue_exit(&ring);
}

TEST(tee_errors)
{
	int one[2], two[2], file;

	start(one);
	need_op(IORING_OP_TEE);
	make_pipe(two);
	file = tmp_filled("f", 100, 1);
	CHECK_EQ(tee_now(one[0], two[1], 100, SPLICE_F_NONBLOCK), -EAGAIN);
	CHECK_EQ(tee_now(file, two[1], 100, 0), -EINVAL);
	CHECK_EQ(tee_now(one[0], file, 100, 0), -EINVAL);
	CHECK_EQ(tee_now(one[0], one[1], 100, 0), -EINVAL);
	CHECK_EQ(tee_now(-1, two[1], 100, 0), -EBADF);
	CHECK_EQ(tee_now(one[0], -1, 100, 0), -EBADF);
	CHECK_EQ(tee_now(one[0], two[1], 100, 1U << 20), -EINVAL);
	io_uring_queue_exit(&ring);
}

/* The request waits for the pipe, and what was submitted after it goes on. */
TEST(waits_for_data)
{
	int fds[2], to[2];
	char in[8];

	start(fds);
	make_pipe(to);
	io_uring_prep_splice(next_sqe(&ring, 1), fds[0], -1, to[1], -1, 100, 0);
	submit_one(&ring);
	io_uring_prep_nop(next_sqe(&ring, 2));
	CHECK_EQ(run_res(&ring), 0);
	fd_write(fds[1], "data", 4);
	CHECK_EQ(wait_res(&ring, 1), 4);
	CHECK_EQ(read(to[0], in, sizeof(in)), 4);
	CHECK(!memcmp(in, "data", 4));
	io_uring_queue_exit(&ring);
}

static void fill_pipe(int fd)
{
	char page[4096] = { 0 };

	CHECK_SYS(fcntl(fd, F_SETFL, O_NONBLOCK));
	while (write(fd, page, sizeof(page)) > 0)
		;
	CHECK_SYS(fcntl(fd, F_SETFL, 0));
}

TEST(waits_for_room)
{
	int fds[2], from;
	char page[4096];

	start(fds);
	from = tmp_filled("from", LEN, 1);
	fill_pipe(fds[1]);
	io_uring_prep_splice(next_sqe(&ring, 1), from, 0, fds[1], -1, 100, 0);
	submit_one(&ring);
	io_uring_prep_nop(next_sqe(&ring, 2));
	CHECK_EQ(run_res(&ring), 0);
	CHECK_SYS(fcntl(fds[0], F_SETFL, O_NONBLOCK));
	while (io_uring_cq_ready(&ring) == 0) {
		CHECK(read(fds[0], page, sizeof(page)) != 0);
		usleep(1000);
	}
	CHECK_EQ(wait_res(&ring, 1), 100);
	io_uring_queue_exit(&ring);
}

/* A splice or tee that waits can be canceled, and does not keep its ring from being exited. */
TEST(canceled)
{
	int fds[2], to[2], way, found, res;
	struct done done;

	start(fds);
	make_pipe(to);
	for (way = 0; way < 2; way++) {
		if (way)
			io_uring_prep_splice(next_sqe(&ring, 1), fds[0], -1, to[1], -1, 100, 0);
		else
			io_uring_prep_tee(next_sqe(&ring, 1), fds[0], to[1], 100, 0);
		submit_one(&ring);
		usleep(20000);
		io_uring_prep_cancel64(next_sqe(&ring, 2), 1, 0);
		submit_one(&ring);
		for (found = res = 1; found == 1 || res == 1;) {
			done = wait_one(&ring);
			if (done.user_data == 1)
				res = done.res;
			else
				found = done.res;
			/* A worker that has just taken the request and not begun it can't be found. */
			if (found == -ENOENT && res == 1) {
				found = 1;
				io_uring_prep_cancel64(next_sqe(&ring, 2), 1, 0);
				submit_one(&ring);
			}
		}
		if (found != 0 && found != -EALREADY && found != -ENOENT)
			T_FAIL("the cancellation returned %d, and the request %d", found, res);
		/* Interrupted work has the kernel's own -ERESTARTSYS, which is 512. */
		CHECK(res == -ECANCELED || res == -EINTR || res == -512);
	}
	io_uring_prep_splice(next_sqe(&ring, 1), fds[0], -1, to[1], -1, 100, 0);
	submit_one(&ring);
	io_uring_queue_exit(&ring);
}

/* Without a reader the error is all that comes: no signal. */
TEST(no_signal)
{
	int fds[2], from;

	start(fds);
	from = tmp_filled("from", LEN, 1);
	close(fds[0]);
	CHECK_EQ(splice_now(from, 0, fds[1], -1, 100, 0), -EPIPE);
	io_uring_queue_exit(&ring);
}

/* What moves less than it was asked for ends a chain. */
TEST(short_in_a_chain)
{
	int fds[2], from, len;
	struct io_uring_sqe *sqe;

	start(fds);
	from = tmp_filled("from", 100, 1);
	for (len = 99; len < 102; len++) {
		sqe = next_sqe(&ring, 1);
		io_uring_prep_splice(sqe, from, 0, fds[1], -1, (unsigned)len, 0);
		io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
		io_uring_prep_nop(next_sqe(&ring, 2));
		submit_n(&ring, 2);
		CHECK_EQ(wait_res(&ring, 1), len < 100 ? len : 100);
		CHECK_EQ(wait_res(&ring, 2), len > 100 ? -ECANCELED : 0);
	}
	io_uring_queue_exit(&ring);
}

/* A length of 0 only looks up the files. */
TEST(nothing)
{
	int fds[2];

	start(fds);
	CHECK_EQ(splice_now(fds[0], 5, fds[1], 5, 0, 0), 0);
	CHECK_EQ(splice_now(-1, 5, fds[1], 5, 0, 0), -EBADF);
	CHECK_EQ(splice_now(fds[0], 5, -1, 5, 0, 0), -EBADF);
	io_uring_queue_exit(&ring);
}
