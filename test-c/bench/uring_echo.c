/* The echo with a multishot receive per connection, into buffers that the kernel picks from a ring. */
#define _GNU_SOURCE
#include "bench.h"
#include <liburing.h>
#include <string.h>

enum { RECEIVED, SENT };
#define GROUP 0

struct server {
	struct io_uring ring;
	struct io_uring_buf_ring *buffers;
	char *memory;
	unsigned count;
	unsigned open;
};

static struct io_uring_sqe *next(struct server *server)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&server->ring);

	if (!sqe) {
		must(io_uring_submit(&server->ring) >= 0, "submit");
		sqe = io_uring_get_sqe(&server->ring);
	}
	return sqe;
}

static uint64_t tag(int kind, int socket, unsigned buffer)
{
	return (uint64_t)kind << 60 | (uint64_t)buffer << 32 | (uint32_t)socket;
}

static void receive(struct server *server, int socket)
{
	struct io_uring_sqe *sqe = next(server);

	io_uring_prep_recv_multishot(sqe, socket, NULL, 0, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = GROUP;
	sqe->user_data = tag(RECEIVED, socket, 0);
}

static void give(struct server *server, unsigned buffer)
{
	io_uring_buf_ring_add(server->buffers, server->memory + (size_t)buffer * MESSAGE, MESSAGE, (unsigned short)buffer,
			      io_uring_buf_ring_mask(server->count), 0);
	io_uring_buf_ring_advance(server->buffers, 1);
}

static void handle(struct server *server, const struct io_uring_cqe *cqe)
{
	int socket = (int)(uint32_t)cqe->user_data;

	if (cqe->user_data >> 60 == SENT) {
		must(cqe->res == MESSAGE, "send");
		give(server, (unsigned)(cqe->user_data >> 32 & 0xffff));
		return;
	}
	if (cqe->res > 0) {
		unsigned buffer = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
		struct io_uring_sqe *sqe = next(server);

		must(cqe->res == MESSAGE, "receive");
		io_uring_prep_send(sqe, socket, server->memory + (size_t)buffer * MESSAGE, MESSAGE, 0);
		sqe->user_data = tag(SENT, socket, buffer);
	} else if (cqe->res != -ENOBUFS) {
		server->open--;
		return;
	}
	if (!(cqe->flags & IORING_CQE_F_MORE))
		receive(server, socket);
}

void serve(const int *sockets, unsigned connections)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
		.cq_entries = 4096,
	};
	struct server server = { .open = connections };
	int ret;

	must(!io_uring_queue_init_params(1024, &server.ring, &params), "ring");
	for (server.count = 64; server.count < 2 * connections; server.count *= 2)
		;
	server.memory = malloc((size_t)server.count * MESSAGE);
	server.buffers = io_uring_setup_buf_ring(&server.ring, server.count, GROUP, 0, &ret);
	must(server.memory && server.buffers, "buffer ring");
	for (unsigned i = 0; i < server.count; i++)
		give(&server, i);
	for (unsigned i = 0; i < connections; i++)
		receive(&server, sockets[i]);
	while (server.open) {
		struct io_uring_cqe *cqe;
		unsigned head, seen = 0;

		must(io_uring_submit_and_wait(&server.ring, 1) >= 0, "submit");
		io_uring_for_each_cqe(&server.ring, head, cqe) {
			handle(&server, cqe);
			seen++;
		}
		io_uring_cq_advance(&server.ring, seen);
	}
	io_uring_free_buf_ring(&server.ring, server.buffers, server.count, GROUP);
	io_uring_queue_exit(&server.ring);
	free(server.memory);
}
