/* Without threads and without descriptors: nothing gets stuck where a program may create no more of them. */
#include "net.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/resource.h>

static struct io_uring ring;
static char buffer[4096];
static int to_me[2];

/* From now on no thread of the process can create a thread or a process: EAGAIN, as a limit of the pids cgroup says. */
static void refuse_threads(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
#ifdef SYS_fork
		/* musl's fork() on x86. */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fork, 2, 0),
#endif
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAGAIN),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { ARRAY_LEN(code), code };

	NOT_UNDER("valgrind", "it has no seccomp(2)");
	CHECK_SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program))
		SKIP("seccomp: %s", strerror(errno));
	CHECK_EQ(fork(), -1);
	CHECK_EQ(errno, EAGAIN);
}

/* A child that writes a byte into `to_me` each time that `ms` milliseconds have passed. */
static void ticks(unsigned ms)
{
	make_pipe(to_me);
	if (child() == 0) {
		for (;;) {
			usleep(ms * 1000);
			if (write(to_me[1], "x", 1) != 1)
				_exit(0);
		}
	}
}

static void all_kinds(void)
{
	struct __kernel_timespec ts = nsec(20 * MSEC);
	int fd = tmp_filled("file", sizeof(buffer), 1);
	struct io_uring_sqe *sqe;

	io_uring_prep_timeout(next_sqe(&ring, 1), &ts, 0, 0);
	submit_one(&ring);
	CHECK_EQ(wait_res(&ring, 1), -ETIME);
	io_uring_prep_poll_add(next_sqe(&ring, 2), to_me[0], POLLIN);
	submit_one(&ring);
	CHECK_EQ(wait_res(&ring, 2), POLLIN);
	CHECK_EQ(read(to_me[0], buffer, 1), 1);
	io_uring_prep_read(next_sqe(&ring, 3), to_me[0], buffer, 1, 0);
	submit_one(&ring);
	CHECK_EQ(wait_res(&ring, 3), 1);
	sqe = next_sqe(&ring, 4);
	io_uring_prep_read(sqe, to_me[0], buffer, 1, 0);
	io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
	submit_one(&ring);
	CHECK_EQ(wait_res(&ring, 4), 1);
	io_uring_prep_fsync(next_sqe(&ring, 5), fd, 0);
	CHECK_EQ(run_res(&ring), 0);
	sqe = next_sqe(&ring, 6);
	io_uring_prep_read(sqe, fd, buffer, sizeof(buffer), 0);
	io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
	CHECK_EQ(run_res(&ring), sizeof(buffer));
	CHECK_PATTERN(buffer, sizeof(buffer), 1);
	sqe = next_sqe(&ring, 7);
	io_uring_prep_nop(sqe);
	io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
	CHECK_EQ(run_res(&ring), 0);
	/* Limited: the time is over before there is data. */
	ts = nsec(MSEC);
	sqe = next_sqe(&ring, 8);
	io_uring_prep_poll_add(sqe, to_me[0], POLLPRI);
	io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
	io_uring_prep_link_timeout(next_sqe(&ring, 9), &ts, 0);
	submit_n(&ring, 2);
	collect(&ring, 2);
	CHECK_EQ(res_of(8), -ECANCELED);
	CHECK_EQ(res_of(9), -ETIME);
	close(fd);
}

TEST(no_thread)
{
	ticks(30);
	refuse_threads();
	ring_init(&ring, 8, 0);
	all_kinds();
	io_uring_queue_exit(&ring);
}

TEST(no_thread_deferred)
{
	ticks(30);
	refuse_threads();
	ring_init_since(&ring, 8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, 6, 1);
	all_kinds();
	io_uring_queue_exit(&ring);
}

TEST(no_thread_polled)
{
	unsigned i;

	ticks(30);
	refuse_threads();
	ring_init(&ring, 8, IORING_SETUP_SQPOLL);
	for (i = 0; i < 100; i++)
		CHECK_WORKS(&ring);
	all_kinds();
	io_uring_queue_exit(&ring);
}

static volatile sig_atomic_t came;

static void count(int number)
{
	(void)number;
	came++;
}

/* Signals end waits, and the mask of the wait is in effect. */
TEST(no_thread_signals)
{
	struct itimerval in_30_ms = { { 0, 0 }, { 0, 30000 } };
	struct __kernel_timespec ts = nsec(100 * MSEC);
	struct io_uring_cqe *cqe;
	sigset_t none, usr, before;

	NOT_UNDER("tsan", "it delays signals");
	sigemptyset(&none);
	sigemptyset(&usr);
	sigaddset(&usr, SIGALRM);
	sigaction(SIGALRM, &(struct sigaction){ .sa_handler = count }, NULL);
	make_pipe(to_me);
	refuse_threads();
	ring_init(&ring, 8, 0);
	io_uring_prep_poll_add(next_sqe(&ring, 1), to_me[0], POLLIN);
	submit_one(&ring);
	CHECK_SYS(setitimer(ITIMER_REAL, &in_30_ms, NULL));
	CHECK_EQ(io_uring_wait_cqe(&ring, &cqe), -EINTR);
	CHECK_EQ(came, 1);
	CHECK_SYS(sigprocmask(SIG_BLOCK, &usr, &before));
	CHECK_SYS(setitimer(ITIMER_REAL, &in_30_ms, NULL));
	CHECK_EQ(io_uring_wait_cqes(&ring, &cqe, 1, &ts, NULL), -ETIME);
	CHECK_EQ(came, 1);
	CHECK_EQ(io_uring_wait_cqes(&ring, &cqe, 1, NULL, &none), -EINTR);
	CHECK_EQ(came, 2);
	io_uring_queue_exit(&ring);
}

/* The only worker waits for something that may never come. */
TEST(no_thread_but_a_busy_one)
{
	int fd = tmp_filled("file", sizeof(buffer), 1), fds[2], into[2];
	struct io_uring_sqe *sqe;

	need_op(IORING_OP_SPLICE);
	make_pipe(fds);
	make_pipe(into);
	ring_init(&ring, 8, 0);
	io_uring_prep_splice(next_sqe(&ring, 1), fds[0], -1, into[1], -1, 1, 0);
	submit_one(&ring);
	usleep(20 * 1000);
	refuse_threads();
	io_uring_prep_fsync(next_sqe(&ring, 2), fd, 0);
	CHECK_EQ(run_res(&ring), 0);
	sqe = next_sqe(&ring, 3);
	io_uring_prep_read(sqe, fd, buffer, sizeof(buffer), 0);
	io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
	CHECK_EQ(run_res(&ring), sizeof(buffer));
	fd_write(fds[1], "x", 1);
	CHECK_EQ(wait_res(&ring, 1), 1);
	io_uring_queue_exit(&ring);
}

static void *wait_there(void *arg)
{
	(void)arg;
	CHECK_EQ(wait_res(&ring, 1), -ETIME);
	return NULL;
}

/* A thread that went to sleep when there was nothing to wait for. */
TEST(no_thread_for_another)
{
	struct __kernel_timespec ts = nsec(20 * MSEC);
	pthread_t thread;

	NOT_UNDER("valgrind", "it runs no other thread while one is in io_uring_enter");
	ring_init(&ring, 8, 0);
	CHECK_EQ(pthread_create(&thread, NULL, wait_there, NULL), 0);
	usleep(20 * 1000);
	refuse_threads();
	io_uring_prep_timeout(next_sqe(&ring, 1), &ts, 0, 0);
	submit_one(&ring);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	io_uring_queue_exit(&ring);
}

/* Uses up all descriptors; below the hard limit there may be more than the program may have. */
static void use_up(bool hard)
{
	struct rlimit limit;

	NOT_UNDER("valgrind", "it has descriptors of its own");
	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = 64;
	if (hard)
		limit.rlim_max = 64;
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	while (dup(STDOUT_FILENO) >= 0)
		;
	CHECK_EQ(errno, EMFILE);
}

TEST(no_descriptor_for_a_ring)
{
	unsigned hard;

	for (hard = 0; hard < 2; hard++) {
		use_up(hard);
		CHECK_EQ(io_uring_queue_init(8, &ring, 0), -EMFILE);
	}
	/* One is all that a ring needs. */
	close(63);
	if (t_on_engine())
		close(62);
	ring_init(&ring, 8, 0);
	CHECK_WORKS(&ring);
	CHECK(dup(STDOUT_FILENO) < 0 || t_on_engine());
	io_uring_queue_exit(&ring);
}

/* The limit is back where the program has set it. */
static void limit_is_64(void)
{
	struct rlimit limit;

	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &limit));
	CHECK_EQ(limit.rlim_cur, 64);
}

static void without_descriptors(bool hard)
{
	struct __kernel_timespec ts = nsec(20 * MSEC);
	int pair[2], fds[2], fd = tmp_filled("file", sizeof(buffer), 1), files[2];
	struct io_uring_sqe *sqe;

	make_pair(pair, SOCK_STREAM);
	make_pipe(fds);
	ring_init(&ring, 16, 0);
	use_up(hard);
	io_uring_prep_read(next_sqe(&ring, 1), fds[0], buffer, 1, 0);
	io_uring_prep_poll_add(next_sqe(&ring, 2), pair[0], POLLIN);
	io_uring_prep_recv(next_sqe(&ring, 3), pair[1], buffer + 1, 1, 0);
	submit_n(&ring, 3);
	CHECK_QUIET(&ring);
	fd_write(fds[1], "1", 1);
	CHECK_EQ(wait_res(&ring, 1), 1);
	fd_write(pair[1], "2", 1);
	CHECK_EQ(wait_res(&ring, 2), POLLIN);
	fd_write(pair[0], "3", 1);
	CHECK_EQ(wait_res(&ring, 3), 1);
	CHECK(buffer[0] == '1' && buffer[1] == '3');
	sqe = next_sqe(&ring, 4);
	io_uring_prep_read(sqe, fd, buffer, sizeof(buffer), 0);
	io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
	CHECK_EQ(run_res(&ring), sizeof(buffer));
	io_uring_prep_fsync(next_sqe(&ring, 5), fd, 0);
	CHECK_EQ(run_res(&ring), 0);
	io_uring_prep_openat(next_sqe(&ring, 6), AT_FDCWD, tmp_path("file"), O_RDONLY, 0);
	CHECK_EQ(run_res(&ring), -EMFILE);
	files[0] = fd;
	files[1] = fds[0];
	/* The engine needs descriptors for registered files. */
	if (hard && t_on_engine()) {
		CHECK_EQ(io_uring_register_files(&ring, files, 2), -EMFILE);
	} else {
		CHECK_EQ(io_uring_register_files(&ring, files, 2), 0);
		sqe = next_sqe(&ring, 7);
		io_uring_prep_read(sqe, 0, buffer, sizeof(buffer), 0);
		io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
		CHECK_EQ(run_res(&ring), sizeof(buffer));
	}
	if (!hard || !t_on_engine()) {
		io_uring_prep_timeout(next_sqe(&ring, 8), &ts, 0, 0);
		CHECK_EQ(run_res(&ring), -ETIME);
	}
	limit_is_64();
	io_uring_queue_exit(&ring);
}

/* Direct descriptors don't count against the limit, and a file is no eventfd even if nothing can be opened to find out. */
TEST(no_descriptor_for_direct_ones)
{
	struct sockaddr_in address;
	int listener = tcp_listener(&address), fd = tmp_filled("file", 16, 1);

	need_op(IORING_OP_SOCKET);
	tcp_client(&address);
	ring_init(&ring, 8, 0);
	if (io_uring_register_files_sparse(&ring, 4))
		LACKS("IORING_RSRC_REGISTER_SPARSE", 5, 19);
	use_up(false);
	io_uring_prep_socket_direct(next_sqe(&ring, 1), AF_INET, SOCK_STREAM, 0, 0, 0);
	CHECK_EQ(run_res(&ring), 0);
	io_uring_prep_accept_direct(next_sqe(&ring, 2), listener, NULL, NULL, 0, 1);
	CHECK_EQ(run_res(&ring), 0);
	CHECK_EQ(io_uring_register_eventfd(&ring, fd), -EINVAL);
	CHECK_WORKS(&ring);
	CHECK_FILE(fd, 0, 16, 1);
	limit_is_64();
	io_uring_queue_exit(&ring);
}

/* Nothing to wait with: the request fails, and its submission does not wait. */
TEST(no_thread_and_no_descriptor)
{
	int fds[2], fd = tmp_filled("file", sizeof(buffer), 1);

	make_pipe(fds);
	ring_init(&ring, 8, 0);
	refuse_threads();
	use_up(true);
	io_uring_prep_read(next_sqe(&ring, 1), fds[0], buffer, 1, 0);
	io_uring_prep_poll_add(next_sqe(&ring, 2), fds[0], POLLIN);
	submit_n(&ring, 2);
	if (!t_on_engine())
		fd_write(fds[1], "xy", 2);
	collect(&ring, 2);
	CHECK_EQ(res_of(1), t_on_engine() ? -ENOMEM : 1);
	CHECK_EQ(res_of(2), t_on_engine() ? -ENOMEM : POLLIN);
	io_uring_prep_read(next_sqe(&ring, 3), fd, buffer, sizeof(buffer), 0);
	CHECK_EQ(run_res(&ring), sizeof(buffer));
	io_uring_prep_fsync(next_sqe(&ring, 4), fd, 0);
	CHECK_EQ(run_res(&ring), 0);
	io_uring_queue_exit(&ring);
}

/* Waiting for children takes a thread, or patience. */
TEST(no_thread_for_children)
{
	siginfo_t info;
	int gate[2];
	pid_t pid;

	need_op(IORING_OP_WAITID);
	make_pipe(gate);
	pid = child();
	if (!pid)
		_exit(read(gate[0], buffer, 1) == 1 ? 5 : 6);
	refuse_threads();
	ring_init(&ring, 8, 0);
	memset(&info, 0, sizeof(info));
	io_uring_prep_waitid(next_sqe(&ring, 1), P_ALL, 0, &info, WEXITED, 0);
	submit_one(&ring);
	CHECK_QUIET(&ring);
	fd_write(gate[1], "x", 1);
	CHECK_EQ(wait_res(&ring, 1), 0);
	CHECK_EQ(info.si_pid, pid);
	CHECK_EQ(info.si_status, 5);
	io_uring_prep_waitid(next_sqe(&ring, 2), P_ALL, 0, &info, WEXITED, 0);
	CHECK_EQ(run_res(&ring), -ECHILD);
	io_uring_queue_exit(&ring);
}

TEST(no_descriptor_below_the_hard_limit)
{
	without_descriptors(false);
}

TEST(no_descriptor_at_all)
{
	without_descriptors(true);
}
