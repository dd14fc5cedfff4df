/* Where requests on sockets meet their limits: wrong fields and addresses, other files, parts of transfers, descriptors
 * that are closed or used up. */
#include "net.h"
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#define DATA 0x1122000033440000ULL
#define OTHER 0x5566000077880000ULL
#define BAD ((void *)8)

static struct io_uring ring;
static int fds[2];

static void setup(void)
{
	ring_init(&ring, 8, 0);
	tcp_pair(fds);
}

/* What is wrong with a request: set one field of a request that would do. */
static void wrong_field(unsigned n, struct io_uring_sqe *sqe)
{
	static char buf[16];
	static struct iovec iov = { buf, 10 };
	static struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	static struct sockaddr_in name;

	switch (n) {
	case 0: io_uring_prep_send(sqe, fds[0], buf, 10, 0); sqe->__pad3[0] = 1; break;
	case 1: io_uring_prep_send(sqe, fds[0], buf, 10, 0); sqe->ioprio = IORING_RECVSEND_FIXED_BUF; break;
	case 2: io_uring_prep_send(sqe, fds[0], buf, 10, 0); sqe->addr2 = (uintptr_t)&name; sqe->addr_len = 200; break;
	case 3: io_uring_prep_recv(sqe, fds[1], buf, 10, 0); sqe->addr2 = 1; break;
	case 4: io_uring_prep_recv(sqe, fds[1], buf, 10, 0); sqe->file_index = 3; break;
	case 5: io_uring_prep_recv(sqe, fds[1], buf, 10, 0); sqe->ioprio = IORING_RECV_MULTISHOT; break;
	case 6: io_uring_prep_sendmsg(sqe, fds[0], &msg, 0); sqe->addr2 = 1; break;
	case 7: io_uring_prep_sendmsg(sqe, fds[0], &msg, 0); sqe->ioprio = IORING_RECVSEND_BUNDLE; break;
	case 8: io_uring_prep_recvmsg(sqe, fds[1], &msg, 0); sqe->ioprio = IORING_RECVSEND_BUNDLE; break;
	case 9: io_uring_prep_accept(sqe, fds[1], NULL, NULL, O_CREAT); break;
	case 10: io_uring_prep_accept(sqe, fds[1], NULL, NULL, 0); sqe->len = 1; break;
	case 11: io_uring_prep_accept_direct(sqe, fds[1], NULL, NULL, SOCK_CLOEXEC, 0); break;
	case 12: io_uring_prep_multishot_accept(sqe, fds[1], NULL, NULL, 0); sqe->file_index = 1; break;
	case 13: io_uring_prep_connect(sqe, fds[0], (struct sockaddr *)&name, 200); break;
	case 14: io_uring_prep_connect(sqe, fds[0], (struct sockaddr *)&name, sizeof(name)); sqe->len = 1; break;
	case 15: io_uring_prep_socket(sqe, AF_INET, SOCK_STREAM | 0x100, 0, 0); break;
	case 16: io_uring_prep_shutdown(sqe, fds[0], SHUT_WR); sqe->off = 1; break;
	case 17: io_uring_prep_epoll_ctl(sqe, fds[0], fds[1], EPOLL_CTL_DEL, NULL); sqe->buf_index = 1; break;
	default:
		io_uring_prep_cmd_sock(sqe, SOCKET_URING_OP_SIOCINQ, fds[0], 0, 0, NULL, 0);
		sqe->uring_cmd_flags = 4;
		break;
	}
}

TEST(wrong_fields)
{
	unsigned n;

	SINCE("the checks of these fields", 6, 18);
	setup();
	for (n = 0; n <= 18; n++) {
		int res;

		wrong_field(n, next_sqe(&ring, DATA));
		res = run_res(&ring);
		if (res != -EINVAL)
			T_FAIL("request %u is %d, expected -EINVAL", n, res);
	}
	io_uring_queue_exit(&ring);
}

TEST(wrong_addresses)
{
	struct sockaddr_in name = { .sin_family = AF_INET };
	struct iovec iov = { BAD, 10 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct io_uring_sqe *sqe;
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	setup();
	CHECK_SYS(epoll);
	fd_write(fds[0], "hello", 5);
	io_uring_prep_send(next_sqe(&ring, DATA), fds[0], BAD, 10, 0);
	CHECK_EQ(run_res(&ring), -EFAULT);
	io_uring_prep_recv(next_sqe(&ring, DATA), fds[1], BAD, 10, 0);
	CHECK_EQ(run_res(&ring), -EFAULT);
	io_uring_prep_sendmsg(next_sqe(&ring, DATA), fds[0], &msg, 0);
	CHECK_EQ(run_res(&ring), -EFAULT);
	io_uring_prep_recvmsg(next_sqe(&ring, DATA), fds[1], &msg, 0);
	CHECK_EQ(run_res(&ring), -EFAULT);
	io_uring_prep_sendmsg(next_sqe(&ring, DATA), fds[0], BAD, 0);
	CHECK_EQ(run_res(&ring), -EFAULT);
	io_uring_prep_recvmsg(next_sqe(&ring, DATA), fds[1], NULL, 0);
	CHECK_EQ(run_res(&ring), -EFAULT);
	msg.msg_iov = BAD;
	io_uring_prep_sendmsg(next_sqe(&ring, DATA), fds[0], &msg, 0);
	CHECK_EQ(run_res(&ring), -EFAULT);
	sqe = next_sqe(&ring, DATA);
	io_uring_prep_connect(sqe, fds[0], BAD, sizeof(name));
	CHECK_EQ(run_res(&ring), -EFAULT);
	io_uring_prep_epoll_ctl(next_sqe(&ring, DATA), epoll, fds[0], EPOLL_CTL_ADD, BAD);
	CHECK_EQ(run_res(&ring), -EFAULT);
	/* Nothing of the stream is lost. */
	CHECK_EQ(recv(fds[1], &name, 10, MSG_DONTWAIT), 5);
	io_uring_queue_exit(&ring);
}

TEST(other_files)
{
	int file = tmp_open("plain", 0), pipes[2];
	struct sockaddr_in name = { .sin_family = AF_INET };
	struct io_uring_sqe *sqe;
	char buf[10];

	SINCE("these results", 6, 18);
	setup();
	make_pipe(pipes);
	io_uring_prep_recv(next_sqe(&ring, DATA), pipes[0], buf, 10, 0);
	CHECK_EQ(run_res(&ring), -ENOTSOCK);
	sqe = next_sqe(&ring, DATA);
	io_uring_prep_recv(sqe, file, buf, 10, 0);
	sqe->ioprio = IORING_RECVSEND_POLL_FIRST;
	CHECK_EQ(run_res(&ring), -EAGAIN);
	sqe = next_sqe(&ring, DATA);
	io_uring_prep_send(sqe, file, buf, 10, 0);
	sqe->ioprio = IORING_RECVSEND_POLL_FIRST;
	CHECK_EQ(run_res(&ring), -ENOTSOCK);
	io_uring_prep_accept(next_sqe(&ring, DATA), file, NULL, NULL, 0);
	CHECK_EQ(run_res(&ring), -ENOTSOCK);
	/* Connected, not listening. */
	io_uring_prep_accept(next_sqe(&ring, DATA), fds[0], NULL, NULL, 0);
	CHECK_EQ(run_res(&ring), -EINVAL);
	io_uring_prep_connect(next_sqe(&ring, DATA), file, (struct sockaddr *)&name, sizeof(name));
	CHECK_EQ(run_res(&ring), -ENOTSOCK);
	io_uring_prep_connect(next_sqe(&ring, DATA), -1, (struct sockaddr *)&name, sizeof(name));
	CHECK_EQ(run_res(&ring), -EBADF);
	io_uring_prep_cmd_sock(next_sqe(&ring, DATA), SOCKET_URING_OP_SIOCINQ, file, 0, 0, NULL, 0);
	CHECK_EQ(run_res(&ring), -EOPNOTSUPP);
	make_pair(fds, SOCK_STREAM);
	io_uring_prep_cmd_sock(next_sqe(&ring, DATA), SOCKET_URING_OP_SIOCINQ, fds[0], 0, 0, NULL, 0);
	CHECK_EQ(run_res(&ring), -EOPNOTSUPP);
	io_uring_queue_exit(&ring);
}

/* The end of the stream, or a cancellation, amid a transfer of all: what was transferred counts, and the chain ends. */
TEST(parts_of_all)
{
	enum { BIG = 16 << 20 };
	char buf[100], *big = pages(BIG);
	struct io_uring_sqe *sqe;
	int send;

	SINCE("MSG_WAITALL in parts", 6, 1);
	setup();
	fd_write(fds[0], "hello", 5);
	CHECK_SYS(shutdown(fds[0], SHUT_WR));
	sqe = next_sqe(&ring, DATA);
	io_uring_prep_recv(sqe, fds[1], buf, sizeof(buf), MSG_WAITALL);
	io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
	io_uring_prep_nop(next_sqe(&ring, OTHER));
	submit_n(&ring, 2);
	collect(&ring, 2);
	CHECK_EQ(res_of(DATA), 5);
	CHECK_EQ(res_of(OTHER), -ECANCELED);

	tcp_pair(fds);
	fd_write(fds[0], "hello", 5);
	io_uring_prep_recv(next_sqe(&ring, DATA), fds[1], buf, sizeof(buf), MSG_WAITALL);
	io_uring_prep_send(next_sqe(&ring, OTHER), fds[0], big, BIG, MSG_WAITALL);
	submit_n(&ring, 2);
	usleep(20 * 1000);
	/* The send gives the receive all that it wants, and waits for room itself. */
	CHECK_EQ(wait_res(&ring, DATA), sizeof(buf));
	CHECK_QUIET(&ring);
	io_uring_prep_cancel64(next_sqe(&ring, DATA), OTHER, 0);
	submit_one(&ring);
	collect(&ring, 2);
	CHECK_EQ(res_of(DATA), 0);
	send = res_of(OTHER);
	CHECK(send > 0 && send < BIG);
	CHECK_SYS(shutdown(fds[0], SHUT_WR));
	for (send -= (int)sizeof(buf) - 5; send > 0;) {
		ssize_t n = read(fds[1], big, BIG);

		CHECK(n > 0);
		send -= (int)n;
	}
	CHECK_EQ(send, 0);
	io_uring_queue_exit(&ring);
}

/* No signal, whatever the flags say. */
TEST(sends_raise_no_sigpipe)
{
	struct io_uring_sqe *sqe;
	char buf[10] = { 0 };

	setup();
	signal(SIGPIPE, SIG_DFL);
	CHECK_SYS(shutdown(fds[0], SHUT_WR));
	sqe = next_sqe(&ring, DATA);
	io_uring_prep_send(sqe, fds[0], buf, sizeof(buf), 0);
	CHECK_EQ(run_res(&ring), -EPIPE);
	sqe = next_sqe(&ring, DATA);
	io_uring_prep_send(sqe, fds[0], buf, sizeof(buf), 0);
	io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
	CHECK_EQ(run_res(&ring), -EPIPE);
	io_uring_queue_exit(&ring);
}

/* A request keeps its socket when the program closes the descriptor, and takes nothing from what gets the number. */
TEST(closed_while_it_waits)
{
	char buf[10];
	int other[2];

	setup();
	io_uring_prep_recv(next_sqe(&ring, DATA), fds[1], buf, sizeof(buf), 0);
	submit_one(&ring);
	CHECK_QUIET(&ring);
	tcp_pair(other);
	CHECK_SYS(dup2(other[1], fds[1]));
	fd_write(other[0], "no", 2);
	CHECK_QUIET(&ring);
	fd_write(fds[0], "yes", 3);
	CHECK_EQ(wait_res(&ring, DATA), 3);
	kernel_wrote(buf, 3);
	CHECK(!memcmp(buf, "yes", 3));
	CHECK_EQ(recv(other[1], buf, sizeof(buf), MSG_DONTWAIT), 2);
	io_uring_queue_exit(&ring);
}

/* Requests wait, too, when the program has no descriptor left. */
TEST(without_descriptors)
{
	struct sockaddr_in address;
	int listener = tcp_listener(&address), next;
	struct rlimit limit;
	char buf[10];

	NOT_UNDER("valgrind", "it has descriptors of its own");
	setup();
	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &limit));
	next = fcntl(listener, F_DUPFD_CLOEXEC, 0);
	CHECK_SYS(next);
	limit.rlim_cur = (rlim_t)next + 1;
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	io_uring_prep_recv(next_sqe(&ring, DATA), fds[1], buf, sizeof(buf), 0);
	submit_one(&ring);
	CHECK_QUIET(&ring);
	fd_write(fds[0], "hello", 5);
	CHECK_EQ(wait_res(&ring, DATA), 5);
	/* The new descriptor comes before the connection; the engine knows when it needs no other way not to block. */
	CHECK_SYS(fcntl(listener, F_SETFL, O_NONBLOCK));
	io_uring_prep_accept(next_sqe(&ring, DATA), listener, NULL, NULL, 0);
	CHECK_EQ(run_res(&ring), -EMFILE);
	close(next);
	io_uring_prep_accept(next_sqe(&ring, DATA), listener, NULL, NULL, 0);
	limit.rlim_cur = limit.rlim_max;
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	submit_one(&ring);
	tcp_client(&address);
	CHECK(wait_res(&ring, DATA) >= 0);
	io_uring_queue_exit(&ring);
}

struct acceptor {
	/* Made and exited by the first thread: TSan does not know that memory is free again when a ring is exited. */
	struct io_uring ring;
	int listener;
	pthread_t thread;
};

static void *accept_some(void *argument)
{
	struct acceptor *own = argument;
	int i, res;

	for (i = 0; i < 20; i++) {
		io_uring_prep_accept(next_sqe(&own->ring, DATA), own->listener, NULL, NULL, 0);
		res = run_res(&own->ring);
		CHECK(res >= 0);
		close(res);
	}
	return NULL;
}

/* Several rings accept from one socket, which stays a blocking one. */
TEST(shared_listener)
{
	struct sockaddr_in address;
	int listener = tcp_listener(&address), i;
	struct acceptor all[4];

	NOT_UNDER("valgrind", "it runs no other thread while one is in io_uring_enter");
	for (i = 0; i < 4; i++) {
		ring_init(&all[i].ring, 8, 0);
		all[i].listener = listener;
	}
	for (i = 0; i < 4; i++)
		CHECK_EQ(pthread_create(&all[i].thread, NULL, accept_some, &all[i]), 0);
	for (i = 0; i < 80; i++)
		close(tcp_client(&address));
	for (i = 0; i < 4; i++)
		CHECK_EQ(pthread_join(all[i].thread, NULL), 0);
	for (i = 0; i < 4; i++)
		io_uring_queue_exit(&all[i].ring);
	CHECK_EQ(fcntl(listener, F_GETFL) & O_NONBLOCK, 0);
}

TEST(multishot_accept_ends_with_its_socket)
{
	struct sockaddr_in address;
	int listener = tcp_listener(&address);
	struct done cqe;

	SINCE("IORING_ACCEPT_MULTISHOT", 5, 19);
	ring_init(&ring, 8, 0);
	io_uring_prep_multishot_accept(next_sqe(&ring, DATA), listener, NULL, NULL, 0);
	submit_one(&ring);
	tcp_client(&address);
	CHECK(wait_res(&ring, DATA) >= 0);
	CHECK_SYS(shutdown(listener, SHUT_RDWR));
	cqe = wait_one(&ring);
	CHECK_EQ(cqe.res, -EINVAL);
	CHECK_EQ(cqe.flags & IORING_CQE_F_MORE, 0);
	io_uring_queue_exit(&ring);
}

/* An entry in the error queue, which nobody reads, looks like an event for ever. */
TEST(error_queue_and_receives)
{
	struct sockaddr_in to, from, gone;
	int receiver = bound_socket(SOCK_DGRAM, &to), sender = bound_socket(SOCK_DGRAM, &from);
	int closed = bound_socket(SOCK_DGRAM, &gone), on = 1;
	char buf[10];

	SINCE("waiting despite an error queue", 6, 1);
	ring_init(&ring, 8, 0);
	close(closed);
	CHECK_SYS(setsockopt(receiver, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)));
	io_uring_prep_recv(next_sqe(&ring, DATA), receiver, buf, sizeof(buf), 0);
	submit_one(&ring);
	CHECK_EQ(sendto(receiver, "x", 1, 0, (struct sockaddr *)&gone, sizeof(gone)), 1);
	CHECK_EQ(wait_res(&ring, DATA), -ECONNREFUSED);
	io_uring_prep_recv(next_sqe(&ring, DATA), receiver, buf, sizeof(buf), 0);
	submit_one(&ring);
	usleep(20 * 1000);
	CHECK_QUIET(&ring);
	CHECK_EQ(sendto(sender, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to)), 5);
	CHECK_EQ(wait_res(&ring, DATA), 5);
	io_uring_queue_exit(&ring);
}

/* A connection waits for room in the listener's queue; one that is refused ends its chain. */
TEST(connections_that_wait_or_fail)
{
	struct sockaddr_in gone;
	union address address;
	socklen_t len = loopback(&address, AF_UNIX);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), closed = bound_socket(SOCK_STREAM, &gone), i;
	struct io_uring_sqe *sqe;

	ring_init(&ring, 8, 0);
	CHECK_SYS(bind(listener, &address.any, len));
	CHECK_SYS(listen(listener, 0));
	for (i = 0; i < 2; i++) {
		io_uring_prep_connect(next_sqe(&ring, DATA), socket(AF_UNIX, SOCK_STREAM, 0), &address.any, len);
		submit_one(&ring);
		if (i == 0)
			CHECK_EQ(wait_res(&ring, DATA), 0);
	}
	usleep(10 * 1000);
	CHECK_QUIET(&ring);
	CHECK_SYS(accept(listener, NULL, NULL));
	CHECK_EQ(wait_res(&ring, DATA), 0);

	close(closed);
	sqe = next_sqe(&ring, DATA);
	io_uring_prep_connect(sqe, socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&gone, sizeof(gone));
	io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
	io_uring_prep_nop(next_sqe(&ring, OTHER));
	submit_n(&ring, 2);
	collect(&ring, 2);
	CHECK_EQ(res_of(DATA), -ECONNREFUSED);
	CHECK_EQ(res_of(OTHER), -ECANCELED);
	io_uring_queue_exit(&ring);
}
