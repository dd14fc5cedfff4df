/* Connections over the loopback interface, created and used through the ring. */
#include "net.h"

#define DATA 0x1234000056780000ULL
#define OTHER 0x4321000087650000ULL

static struct io_uring ring;

static int run_socket(int family, int type)
{
	int fd;

	io_uring_prep_socket(next_sqe(&ring, DATA), family, type, 0, 0);
	fd = run_res(&ring);
	CHECK(fd >= 0);
	return fd;
}

/* One message from `from` to `to`, one request for each side. */
static void exchange(int from, int to, unsigned recv_flags, unsigned seed)
{
	char out[1000], in[1000];
	struct io_uring_sqe *sqe;

	fill(out, sizeof(out), seed);
	sqe = next_sqe(&ring, OTHER);
	io_uring_prep_recv(sqe, to, in, sizeof(in), MSG_WAITALL);
	io_uring_sqe_set_flags(sqe, recv_flags);
	io_uring_prep_send(next_sqe(&ring, DATA), from, out, sizeof(out), MSG_NOSIGNAL);
	submit_n(&ring, 2);
	collect(&ring, 2);
	CHECK_EQ(res_of(DATA), sizeof(out));
	CHECK_EQ(res_of(OTHER), sizeof(in));
	CHECK_PATTERN(in, sizeof(in), seed);
}

/* A whole server and its client, with requests only. */
static void serve(int family)
{
	union address address, peer;
	socklen_t len, peer_len = sizeof(peer);
	int listener, client, server;

	ring_init(&ring, 16, 0);
	need_op(IORING_OP_BIND);
	need_op(IORING_OP_LISTEN);
	listener = run_socket(family, SOCK_STREAM | SOCK_CLOEXEC);
	client = run_socket(family, SOCK_STREAM | SOCK_CLOEXEC);
	CHECK_EQ(fcntl(client, F_GETFD), FD_CLOEXEC);
	len = loopback(&address, family);
	io_uring_prep_bind(next_sqe(&ring, DATA), listener, &address.any, len);
	CHECK_EQ(run_res(&ring), 0);
	io_uring_prep_listen(next_sqe(&ring, DATA), listener, 4);
	CHECK_EQ(run_res(&ring), 0);
	CHECK_SYS(getsockname(listener, &address.any, &len));

	memset(&peer, 0, sizeof(peer));
	io_uring_prep_accept(next_sqe(&ring, DATA), listener, &peer.any, &peer_len, SOCK_NONBLOCK);
	submit_one(&ring);
	CHECK_QUIET(&ring);
	io_uring_prep_connect(next_sqe(&ring, OTHER), client, &address.any, len);
	submit_one(&ring);
	collect(&ring, 2);
	CHECK_EQ(res_of(OTHER), 0);
	server = res_of(DATA);
	CHECK(server >= 0);
	CHECK_EQ(fcntl(server, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	CHECK_EQ(fcntl(server, F_GETFD), 0);
	CHECK_EQ(peer.any.sa_family, family);
	if (family != AF_UNIX) {
		len = sizeof(address);
		CHECK_SYS(getsockname(client, &address.any, &len));
		CHECK_EQ(peer_len, len);
		CHECK(!memcmp(&peer, &address, len));
	}
	exchange(client, server, 0, 1);
	exchange(server, client, IOSQE_ASYNC, 2);
	io_uring_queue_exit(&ring);
}

TEST(serve_ipv4) { serve(AF_INET); }
TEST(serve_unix) { serve(AF_UNIX); }

TEST(serve_ipv6)
{
	union address address;
	socklen_t len = loopback(&address, AF_INET6);
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, &address.any, len))
		SKIP("no IPv6 loopback: %s", strerror(errno));
	close(fd);
	serve(AF_INET6);
}

TEST(socket_errors)
{
	SINCE("IORING_OP_SOCKET", 5, 19);
	ring_init(&ring, 8, 0);
	io_uring_prep_socket(next_sqe(&ring, DATA), -1, SOCK_STREAM, 0, 0);
	CHECK_EQ(run_res(&ring), -EAFNOSUPPORT);
	io_uring_prep_socket(next_sqe(&ring, DATA), AF_INET, SOCK_STREAM, IPPROTO_UDP, 0);
	CHECK_EQ(run_res(&ring), -EPROTONOSUPPORT);
	io_uring_prep_socket(next_sqe(&ring, DATA), AF_INET, SOCK_STREAM, 0, 1);
	CHECK_EQ(run_res(&ring), -EINVAL);
	io_uring_queue_exit(&ring);
}

TEST(socket_direct)
{
	struct sockaddr_in address;
	int listener = tcp_listener(&address), server, used = 0;
	struct io_uring_sqe *sqe;
	char buf[100];

	SINCE("IORING_OP_SOCKET", 5, 19);
	ring_init(&ring, 8, 0);
	CHECK_EQ(io_uring_register_files_sparse(&ring, 4), 0);
	io_uring_prep_socket_direct(next_sqe(&ring, DATA), AF_INET, SOCK_STREAM, 0, 2, 0);
	CHECK_EQ(run_res(&ring), 0);
	/* The kernel takes a free slot, not always the first. */
	io_uring_prep_socket_direct_alloc(next_sqe(&ring, DATA), AF_INET, SOCK_STREAM, 0, 0);
	used |= 1 << run_res(&ring);
	io_uring_prep_socket_direct(next_sqe(&ring, DATA), AF_INET, SOCK_STREAM, 0, IORING_FILE_INDEX_ALLOC, 0);
	used |= 1 << run_res(&ring);
	io_uring_prep_socket_direct_alloc(next_sqe(&ring, DATA), AF_INET, SOCK_STREAM, 0, 0);
	used |= 1 << run_res(&ring);
	CHECK_EQ(used, 1 << 0 | 1 << 1 | 1 << 3);
	io_uring_prep_socket_direct_alloc(next_sqe(&ring, DATA), AF_INET, SOCK_STREAM, 0, 0);
	CHECK_EQ(run_res(&ring), -ENFILE);
	io_uring_prep_socket_direct(next_sqe(&ring, DATA), AF_INET, SOCK_STREAM, 0, 4, 0);
	CHECK_EQ(run_res(&ring), -EINVAL);

	sqe = next_sqe(&ring, DATA);
	io_uring_prep_connect(sqe, 2, (struct sockaddr *)&address, sizeof(address));
	io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	CHECK_EQ(run_res(&ring), 0);
	server = accept(listener, NULL, NULL);
	CHECK_SYS(server);
	fill(buf, sizeof(buf), 4);
	sqe = next_sqe(&ring, DATA);
	io_uring_prep_send(sqe, 2, buf, sizeof(buf), 0);
	io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	CHECK_EQ(run_res(&ring), sizeof(buf));
	memset(buf, 0, sizeof(buf));
	fd_read_all(server, buf, sizeof(buf));
	CHECK_PATTERN(buf, sizeof(buf), 4);
	io_uring_queue_exit(&ring);
}

TEST(bind_and_connect_errors)
{
	struct sockaddr_in address;
	int taken = bound_socket(SOCK_STREAM, &address);

	ring_init(&ring, 8, 0);
	need_op(IORING_OP_BIND);
	io_uring_prep_bind(next_sqe(&ring, DATA), socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&address,
			   sizeof(address));
	CHECK_EQ(run_res(&ring), -EADDRINUSE);
	io_uring_prep_bind(next_sqe(&ring, DATA), tmp_open("plain", 0), (struct sockaddr *)&address, sizeof(address));
	CHECK_EQ(run_res(&ring), -ENOTSOCK);
	/* Bound, but not listening. */
	io_uring_prep_connect(next_sqe(&ring, DATA), socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&address,
			      sizeof(address));
	CHECK_EQ(run_res(&ring), -ECONNREFUSED);
	io_uring_prep_listen(next_sqe(&ring, DATA), taken, 1);
	CHECK_EQ(run_res(&ring), 0);
	io_uring_prep_connect(next_sqe(&ring, DATA), socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&address,
			      sizeof(address));
	CHECK_EQ(run_res(&ring), 0);
	io_uring_queue_exit(&ring);
}

TEST(accept_direct)
{
	struct sockaddr_in address;
	int listener = tcp_listener(&address), fd, i, used = 1 << 3;
	unsigned index[] = { 3, IORING_FILE_INDEX_ALLOC, IORING_FILE_INDEX_ALLOC };

	SINCE("sparse table", 5, 19);
	ring_init(&ring, 8, 0);
	CHECK_EQ(io_uring_register_files_sparse(&ring, 4), 0);
	for (i = 0; i < 3; i++) {
		struct io_uring_sqe *sqe;
		char buf[64];
		int res;

		io_uring_prep_accept_direct(next_sqe(&ring, DATA), listener, NULL, NULL, 0, index[i]);
		submit_one(&ring);
		fd = tcp_client(&address);
		res = wait_res(&ring, DATA);
		CHECK(i ? res >= 0 && !(used & 1 << res) : res == 0);
		used |= i ? 1 << res : 0;
		fill(buf, sizeof(buf), (unsigned)i);
		fd_write(fd, buf, sizeof(buf));
		memset(buf, 0, sizeof(buf));
		sqe = next_sqe(&ring, DATA);
		io_uring_prep_recv(sqe, i ? res : 3, buf, sizeof(buf), 0);
		io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
		CHECK_EQ(run_res(&ring), sizeof(buf));
		CHECK_PATTERN(buf, sizeof(buf), (unsigned)i);
	}
	io_uring_prep_accept_direct(next_sqe(&ring, DATA), listener, NULL, NULL, 0, 4);
	fd = tcp_client(&address);
	CHECK_EQ(run_res(&ring), -EINVAL);
	io_uring_queue_exit(&ring);
}

TEST(accept_dont_wait)
{
	struct sockaddr_in address;
	int listener = tcp_listener(&address), res;
	struct io_uring_sqe *sqe;

	ring_init(&ring, 8, 0);
	sqe = next_sqe(&ring, DATA);
	io_uring_prep_accept(sqe, listener, NULL, NULL, 0);
	sqe->ioprio = IORING_ACCEPT_DONTWAIT;
	res = run_res(&ring);
	if (res == -EINVAL)
		LACKS("IORING_ACCEPT_DONTWAIT", 6, 10);
	CHECK_EQ(res, -EAGAIN);
	tcp_client(&address);
	sqe = next_sqe(&ring, DATA);
	io_uring_prep_accept(sqe, listener, NULL, NULL, 0);
	sqe->ioprio = IORING_ACCEPT_DONTWAIT;
	CHECK(run_res(&ring) >= 0);
	tcp_client(&address);
	sqe = next_sqe(&ring, DATA);
	io_uring_prep_accept(sqe, listener, NULL, NULL, 0);
	sqe->ioprio = IORING_ACCEPT_POLL_FIRST;
	CHECK(run_res(&ring) >= 0);
	io_uring_queue_exit(&ring);
}

TEST(multishot_accept)
{
	struct sockaddr_in address;
	int listener = tcp_listener(&address), clients[5], i;

	SINCE("IORING_ACCEPT_MULTISHOT", 5, 19);
	ring_init(&ring, 8, 0);
	io_uring_prep_multishot_accept(next_sqe(&ring, DATA), listener, NULL, NULL, SOCK_CLOEXEC);
	submit_one(&ring);
	for (i = 0; i < 5; i++) {
		struct done cqe;

		CHECK_QUIET(&ring);
		clients[i] = tcp_client(&address);
		cqe = wait_one(&ring);
		CHECK_EQ(cqe.user_data, DATA);
		CHECK(cqe.res >= 0);
		CHECK_EQ(cqe.flags & IORING_CQE_F_MORE, IORING_CQE_F_MORE);
		CHECK_EQ(fcntl(cqe.res, F_GETFD), FD_CLOEXEC);
		exchange(clients[i], cqe.res, 0, (unsigned)i);
	}
	io_uring_prep_cancel64(next_sqe(&ring, OTHER), DATA, 0);
	submit_one(&ring);
	collect(&ring, 2);
	CHECK_EQ(res_of(OTHER), 0);
	CHECK_EQ(res_of(DATA), -ECANCELED);
	CHECK_EQ(cqe_of(DATA).flags & IORING_CQE_F_MORE, 0);
	io_uring_queue_exit(&ring);
}

/* A full file table ends it. */
TEST(multishot_accept_direct)
{
	struct sockaddr_in address;
	int listener = tcp_listener(&address), i;
	struct done cqe;

	SINCE("sparse table", 5, 19);
	ring_init(&ring, 8, 0);
	CHECK_EQ(io_uring_register_files_sparse(&ring, 3), 0);
	io_uring_prep_multishot_accept_direct(next_sqe(&ring, DATA), listener, NULL, NULL, 0);
	submit_one(&ring);
	for (i = 0; i < 3; i++) {
		int client = tcp_client(&address);

		cqe = wait_one(&ring);
		CHECK_EQ(cqe.user_data, DATA);
		CHECK_EQ(cqe.res, i);
		CHECK_EQ(cqe.flags & IORING_CQE_F_MORE, IORING_CQE_F_MORE);
		exchange(client, i, IOSQE_FIXED_FILE, 1);
	}
	tcp_client(&address);
	cqe = wait_one(&ring);
	CHECK_EQ(cqe.res, -ENFILE);
	CHECK_EQ(cqe.flags & IORING_CQE_F_MORE, 0);
	io_uring_queue_exit(&ring);
}
