/* A file stays open as long as a request needs it: the program may close its descriptor, and use the number again, as soon
 * as the request is submitted. And what the program has locked stays locked. */
#include "many.h"
#include <poll.h>

#define REQUESTS 32
#define SIZE 4096

static struct io_uring ring;
static char buffer[REQUESTS * SIZE], other[REQUESTS * SIZE];

/* Closes a descriptor and opens a pipe with data at its number. */
static void use_again(int fd)
{
	int fds[2];

	make_pipe(fds);
	fd_write(fds[1], "wrong", 5);
	close(fd);
	CHECK_EQ(dup3(fds[0], fd, O_CLOEXEC), fd);
}

TEST(pipe_and_socket)
{
	int fds[2], pair[2], polled[2];

	ring_init(&ring, 8, 0);
	make_pipe(fds);
	make_pair(pair, SOCK_STREAM);
	make_pair(polled, SOCK_STREAM);
	io_uring_prep_read(next_sqe(&ring, 1), fds[0], buffer, 5, 0);
	io_uring_prep_recv(next_sqe(&ring, 2), pair[0], other, 5, 0);
	io_uring_prep_poll_add(next_sqe(&ring, 3), polled[0], POLLIN);
	submit_n(&ring, 3);
	use_again(fds[0]);
	use_again(pair[0]);
	use_again(polled[0]);
	CHECK_QUIET(&ring);
	fd_write(fds[1], "right", 5);
	CHECK_EQ(wait_res(&ring, 1), 5);
	CHECK(!memcmp(buffer, "right", 5));
	fd_write(pair[1], "these", 5);
	CHECK_EQ(wait_res(&ring, 2), 5);
	CHECK(!memcmp(other, "these", 5));
	fd_write(polled[1], "x", 1);
	CHECK_EQ(wait_res(&ring, 3), POLLIN);
	/* Nobody reads there any more. */
	signal(SIGPIPE, SIG_IGN);
	CHECK_EQ(write(fds[1], "x", 1), -1);
	CHECK_EQ(errno, EPIPE);
	CHECK_EQ(read(pair[1], buffer, 1), 0);
	io_uring_queue_exit(&ring);
}

/* The peer sees the end of the connection once the last request has ended. */
TEST(peer_sees_the_end)
{
	int pair[2], i;

	ring_init(&ring, 8, 0);
	make_pair(pair, SOCK_STREAM);
	io_uring_prep_recv(next_sqe(&ring, 1), pair[0], buffer, 5, 0);
	io_uring_prep_recv(next_sqe(&ring, 2), pair[0], buffer, 5, 0);
	submit_n(&ring, 2);
	close(pair[0]);
	for (i = 1; i <= 2; i++) {
		CHECK_EQ(recv(pair[1], other, 1, MSG_DONTWAIT), -1);
		CHECK_EQ(errno, EAGAIN);
		io_uring_prep_cancel64(next_sqe(&ring, 9), (__u64)i, 0);
		submit_one(&ring);
		collect(&ring, 2);
		CHECK_EQ(res_of(i), -ECANCELED);
		CHECK_EQ(res_of(9), 0);
	}
	CHECK_EQ(recv(pair[1], other, 1, 0), 0);
	io_uring_queue_exit(&ring);
}

/* Linux 6.18 looks up the file of a request with IOSQE_ASYNC in the worker, so that there it may be another one. The
 * engine does not. */
TEST(file_of_a_worker)
{
	unsigned flags = t_on_engine() ? IOSQE_ASYNC : 0;
	int fd = tmp_filled("file", sizeof(buffer), 1), wrong = tmp_filled("wrong", sizeof(buffer), 2);
	struct io_uring_sqe *sqe;
	unsigned i, round;

	ring_init(&ring, REQUESTS, 0);
	for (round = 0; round < 20; round++) {
		int again = dup(fd);

		CHECK_SYS(again);
		memset(buffer, 0, sizeof(buffer));
		for (i = 0; i < REQUESTS; i++) {
			sqe = next_sqe(&ring, i);
			io_uring_prep_read(sqe, again, buffer + i * SIZE, SIZE, i * SIZE);
			io_uring_sqe_set_flags(sqe, flags);
		}
		submit_n(&ring, REQUESTS);
		CHECK_EQ(dup2(wrong, again), again);
		collect(&ring, REQUESTS);
		for (i = 0; i < REQUESTS; i++)
			CHECK_EQ(res_of(i), SIZE);
		CHECK_PATTERN(buffer, sizeof(buffer), 1);
		close(again);
	}
	fill(buffer, sizeof(buffer), 3);
	for (i = 0; i < REQUESTS; i++) {
		sqe = next_sqe(&ring, i);
		io_uring_prep_write(sqe, fd, buffer + i * SIZE, SIZE, i * SIZE);
		io_uring_sqe_set_flags(sqe, flags);
	}
	submit_n(&ring, REQUESTS);
	CHECK_EQ(dup2(wrong, fd), fd);
	collect(&ring, REQUESTS);
	CHECK_FILE(wrong, 0, sizeof(buffer), 2);
	fd = open(tmp_path("file"), O_RDONLY);
	CHECK_SYS(fd);
	CHECK_FILE(fd, 0, sizeof(buffer), 3);
	io_uring_queue_exit(&ring);
}

/* The file of a request in a chain is the one that has the number when the request starts. */
TEST(file_of_a_linked_request)
{
	int fds[2], fd = tmp_open("file", 0), later = tmp_open("later", 0);
	struct io_uring_sqe *sqe;

	ring_init(&ring, 8, 0);
	need_feature(&ring, IORING_FEAT_LINKED_FILE);
	make_pipe(fds);
	sqe = next_sqe(&ring, 1);
	io_uring_prep_read(sqe, fds[0], buffer, 1, 0);
	io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
	io_uring_prep_write(next_sqe(&ring, 2), fd, "data", 4, 0);
	submit_n(&ring, 2);
	CHECK_EQ(dup2(later, fd), fd);
	fd_write(fds[1], "x", 1);
	CHECK_EQ(wait_res(&ring, 1), 1);
	CHECK_EQ(wait_res(&ring, 2), 4);
	CHECK_EQ(lseek(later, 0, SEEK_END), 4);
	io_uring_queue_exit(&ring);
}

/* Whether another process finds a lock of ours. */
static bool is_locked(const char *path)
{
	int status;
	pid_t pid = child();

	if (pid == 0) {
		struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
		int fd = open(path, O_RDWR);

		if (fd < 0 || fcntl(fd, F_GETLK, &lock))
			_exit(2);
		_exit(lock.l_type == F_UNLCK ? 0 : 1);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) < 2);
	return WEXITSTATUS(status);
}

/* Closing any descriptor of a file would release the locks of the process on it (fcntl(2)). */
TEST(record_locks)
{
	int fd = tmp_filled("file", sizeof(buffer), 1), round;
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10 };
	char *path = tmp_path("file");
	struct io_uring_sqe *sqe;
	unsigned fds, i;

	ring_init(&ring, REQUESTS, 0);
	fds = count_fds();
	CHECK_SYS(fcntl(fd, F_SETLK, &lock));
	CHECK(is_locked(path));
	for (round = 0; round < 3; round++) {
		for (i = 0; i < REQUESTS; i++) {
			sqe = next_sqe(&ring, i);
			if (i % 4 == 0)
				io_uring_prep_fsync(sqe, fd, 0);
			else if (i % 4 == 1)
				io_uring_prep_poll_add(sqe, fd, POLLIN);
			else
				io_uring_prep_read(sqe, fd, buffer, SIZE, i * SIZE);
			if (i % 2)
				io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
		}
		submit_n(&ring, REQUESTS);
		collect(&ring, REQUESTS);
		CHECK(is_locked(path));
	}
	CHECK_EQ(io_uring_register_files(&ring, &fd, 1), 0);
	sqe = next_sqe(&ring, 1);
	io_uring_prep_read(sqe, 0, buffer, SIZE, 0);
	io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE | IOSQE_ASYNC);
	CHECK_EQ(run_res(&ring), SIZE);
	CHECK_EQ(io_uring_unregister_files(&ring), 0);
	CHECK(is_locked(path));
	lock.l_type = F_UNLCK;
	CHECK_SYS(fcntl(fd, F_SETLK, &lock));
	CHECK(!is_locked(path));
	/* Nothing holds descriptors for it any more. */
	io_uring_prep_fsync(next_sqe(&ring, 1), fd, 0);
	CHECK_EQ(run_res(&ring), 0);
	usleep(20 * 1000);
	io_uring_prep_fsync(next_sqe(&ring, 1), fd, 0);
	CHECK_EQ(run_res(&ring), 0);
	usleep(20 * 1000);
	CHECK_EQ(count_fds(), fds);
	io_uring_queue_exit(&ring);
}
