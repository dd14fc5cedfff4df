/* The echo server, a thread with a ring of its own: multishot accept and receive, a ring of provided buffers. And its
 * clients. */
#include "ledger.h"

#define BUFFERS 32
#define BUFFER 2048
#define CLIENTS 8
#define LONGEST (128 * 1024)

enum { ACCEPT = 1, RECV, SEND, CLOSE, STOP, STOPPED, SOCKET, CONNECT };

/* A connection of the server: the buffers to be sent back, of which the first is being sent. */
struct peer {
	unsigned short ids[BUFFERS], lens[BUFFERS];
	unsigned first, n, sent;
	bool open, ended, receiving;
};

static struct {
	struct io_uring ring;
	struct ledger ledger;
	struct io_uring_buf_ring *buffers;
	unsigned char *memory;
	/* Indexed by descriptor; and the descriptor of each request. */
	struct peer peers[1024];
	int fd_of[LEDGER];
	int listener, stop[2];
	/* How many buffers are in the ring, and how many connections wait for one. */
	unsigned free, starving;
	struct sockaddr_in address;
	pthread_t thread;
} server;

/* How many connections the server has open; read by the other thread. */
static int server_open;

/* Records the prepared request as pending, for a connection. */
static void server_issue(struct io_uring_sqe *sqe, unsigned kind, int fd)
{
	issued_at(&server.ledger, sqe, kind);
	server.fd_of[sqe->user_data] = fd;
}

static void server_accept(void)
{
	struct io_uring_sqe *sqe = entry(&server.ring);

	io_uring_prep_multishot_accept(sqe, server.listener, NULL, NULL, SOCK_CLOEXEC);
	server_issue(sqe, ACCEPT, server.listener);
}

static void server_recv(int fd)
{
	struct io_uring_sqe *sqe = entry(&server.ring);

	io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
	io_uring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
	sqe->buf_group = 1;
	server_issue(sqe, RECV, fd);
	server.peers[fd].receiving = true;
}

static void server_send(int fd)
{
	struct peer *p = &server.peers[fd];
	unsigned at = p->first % BUFFERS;
	struct io_uring_sqe *sqe = entry(&server.ring);

	io_uring_prep_send(sqe, fd, server.memory + p->ids[at] * BUFFER + p->sent, p->lens[at] - p->sent, MSG_NOSIGNAL);
	server_issue(sqe, SEND, fd);
}

static void server_close(int fd)
{
	struct io_uring_sqe *sqe = entry(&server.ring);

	/* A new connection may get this descriptor before the close's completion is reaped. */
	server.peers[fd].open = false;
	io_uring_prep_close(sqe, fd);
	server_issue(sqe, CLOSE, fd);
}

static void give_back(unsigned id)
{
	io_uring_buf_ring_add(server.buffers, server.memory + id * BUFFER, BUFFER, (unsigned short)id,
			      io_uring_buf_ring_mask(BUFFERS), 0);
	io_uring_buf_ring_advance(server.buffers, 1);
	server.free++;
}

static void server_received(int fd, struct done cqe)
{
	struct peer *p = &server.peers[fd];

	if (!(cqe.flags & IORING_CQE_F_MORE))
		p->receiving = false;
	if (cqe.res > 0) {
		unsigned at = (p->first + p->n) % BUFFERS, id = buffer_id(cqe);

		CHECK(p->n < BUFFERS && server.free);
		server.free--;
		if (has_fault("byte") && counters[SERVED] > 2000)
			server.memory[id * BUFFER] ^= 1;
		p->ids[at] = (unsigned short)id;
		p->lens[at] = (unsigned short)cqe.res;
		if (!p->n++)
			server_send(fd);
	} else if (cqe.res == -ENOBUFS) {
		counters[ENOBUFS_SEEN]++;
		if (!server.free) {
			server.starving++;
			return;
		}
	} else {
		CHECK_EQ(cqe.res, 0);
		p->ended = true;
		if (!p->n)
			server_close(fd);
		return;
	}
	if (!p->receiving)
		server_recv(fd);
}

static void server_sent(int fd, int res)
{
	struct peer *p = &server.peers[fd];
	unsigned at = p->first % BUFFERS, other;

	CHECK(res > 0);
	p->sent += (unsigned)res;
	if (p->sent == p->lens[at]) {
		give_back(p->ids[at]);
		p->first++;
		p->n--;
		p->sent = 0;
		for (other = 0; server.starving && other < ARRAY_LEN(server.peers); other++) {
			struct peer *o = &server.peers[other];

			if (o->open && !o->receiving && !o->ended) {
				server.starving--;
				server_recv((int)other);
			}
		}
	}
	if (p->n)
		server_send(fd);
	else if (p->ended)
		server_close(fd);
}

static void *serve(void *arg)
{
	struct io_uring_sqe *sqe;
	bool stopping = false;
	unsigned i;
	int ret;

	(void)arg;
	if (io_uring_queue_init(256, &server.ring, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN))
		ring_init(&server.ring, 256, 0);
	server.ledger.name = "server";
	server.memory = pages(BUFFERS * BUFFER);
	server.buffers = io_uring_setup_buf_ring(&server.ring, BUFFERS, 1, 0, &ret);
	CHECK_EQ(ret, 0);
	for (i = 0; i < BUFFERS; i++)
		give_back(i);
	sqe = entry(&server.ring);
	io_uring_prep_poll_add(sqe, server.stop[0], POLLIN);
	server_issue(sqe, STOP, server.stop[0]);
	server_accept();
	while (server.ledger.out) {
		struct done cqe = next_done(&server.ring, &server.ledger);
		int fd = cqe.user_data < LEDGER ? server.fd_of[cqe.user_data] : -1;
		unsigned kind = completed(&server.ledger, cqe);

		counters[SERVED]++;
		switch (kind) {
		case ACCEPT:
			if (stopping && cqe.res == -ECANCELED)
				break;
			CHECK(cqe.res >= 0 && cqe.res < (int)ARRAY_LEN(server.peers));
			memset(&server.peers[cqe.res], 0, sizeof(struct peer));
			server.peers[cqe.res].open = true;
			__atomic_add_fetch(&server_open, 1, __ATOMIC_RELEASE);
			server_recv(cqe.res);
			if (!(cqe.flags & IORING_CQE_F_MORE))
				server_accept();
			break;
		case RECV:
			server_received(fd, cqe);
			break;
		case SEND:
			server_sent(fd, cqe.res);
			break;
		case CLOSE:
			CHECK_EQ(cqe.res, 0);
			__atomic_sub_fetch(&server_open, 1, __ATOMIC_RELEASE);
			break;
		default:
			stopping = true;
			sqe = entry(&server.ring);
			io_uring_prep_cancel_fd(sqe, server.listener, IORING_ASYNC_CANCEL_ALL);
			server_issue(sqe, STOPPED, server.listener);
			break;
		case STOPPED:
			CHECK_EQ(cqe.res, 1);
		}
	}
	settled(&server.ring, &server.ledger);
	CHECK_EQ(io_uring_free_buf_ring(&server.ring, server.buffers, BUFFERS, 1), 0);
	io_uring_queue_exit(&server.ring);
	free(server.memory);
	return NULL;
}

static void start_server(void)
{
	server.listener = tcp_listener(&server.address);
	make_pipe(server.stop);
	CHECK_EQ(pthread_create(&server.thread, NULL, serve, NULL), 0);
}

static void stop_server(void)
{
	fd_write(server.stop[1], "x", 1);
	CHECK_EQ(pthread_join(server.thread, NULL), 0);
	close(server.listener);
	close(server.stop[0]);
	close(server.stop[1]);
}

/* Waits until the server has closed its ends. */
static void server_settles(void)
{
	long long end = now() + PATIENCE;

	while (__atomic_load_n(&server_open, __ATOMIC_ACQUIRE)) {
		CHECK(now() < end);
		usleep(100);
	}
}

/* Opens some connections; each sends its bytes and must receive them back. */
static void echo_round(struct io_uring *ring, struct ledger *l)
{
	static unsigned char out[CLIENTS][LONGEST], in[CLIENTS][8192];
	static unsigned char client_of[LEDGER];
	struct {
		int fd;
		unsigned want, sent, got, seed;
	} clients[CLIENTS], *c;
	unsigned i, left = CLIENTS;

	for (i = 0; i < CLIENTS; i++) {
		struct io_uring_sqe *sqe = entry(ring);

		clients[i].want = 1 + random_below(random_below(4) ? 9000 : LONGEST - 1);
		clients[i].seed = random_below(1000);
		clients[i].sent = clients[i].got = 0;
		fill(out[i], clients[i].want, clients[i].seed);
		io_uring_prep_socket(sqe, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0, 0);
		issued_at(l, sqe, SOCKET);
		client_of[sqe->user_data] = (unsigned char)i;
	}
	while (left) {
		struct done cqe = next_done(ring, l);
		unsigned kind = completed(l, cqe);
		struct io_uring_sqe *sqe;
		bool send = false, recv = false;

		counters[OPERATIONS]++;
		i = client_of[cqe.user_data];
		c = &clients[i];
		switch (kind) {
		case SOCKET:
			CHECK(cqe.res >= 0);
			c->fd = cqe.res;
			sqe = entry(ring);
			io_uring_prep_connect(sqe, c->fd, (struct sockaddr *)&server.address, sizeof(server.address));
			issued_at(l, sqe, CONNECT);
			client_of[sqe->user_data] = (unsigned char)i;
			break;
		case CONNECT:
			CHECK_EQ(cqe.res, 0);
			send = recv = true;
			break;
		case SEND:
			CHECK(cqe.res > 0);
			c->sent += (unsigned)cqe.res;
			send = true;
			break;
		case RECV:
			CHECK(cqe.res > 0);
			CHECK(c->got + (unsigned)cqe.res <= c->want);
			CHECK_PATTERN_FROM(in[i], (size_t)cqe.res, c->got, c->seed);
			c->got += (unsigned)cqe.res;
			recv = true;
			break;
		default:
			CHECK_EQ(cqe.res, 0);
			counters[CONNECTIONS]++;
			counters[ECHOED] += c->got;
			left--;
		}
		if (send && c->sent < c->want) {
			unsigned n = c->want - c->sent, most = 1 + random_below(20000);

			sqe = entry(ring);
			io_uring_prep_send(sqe, c->fd, out[i] + c->sent, n < most ? n : most, MSG_NOSIGNAL);
			issued_at(l, sqe, SEND);
			client_of[sqe->user_data] = (unsigned char)i;
		}
		if (recv) {
			sqe = entry(ring);
			if (c->got < c->want)
				io_uring_prep_recv(sqe, c->fd, in[i], sizeof(in[i]), 0);
			else
				io_uring_prep_close(sqe, c->fd);
			issued_at(l, sqe, c->got < c->want ? RECV : CLOSE);
			client_of[sqe->user_data] = (unsigned char)i;
		}
	}
	settled(ring, l);
	server_settles();
}
