/* How receives into provided buffers, and bundles, are cut into completions: what Linux 6.18 does with data that is all
 * there. */
#include "net.h"

#define DATA 0x99aa0000bbcc0000ULL
#define GROUP 5
#define BUFFERS 16
#define SIZE 32
#define MORE IORING_CQE_F_MORE
#define REST IORING_CQE_F_SOCK_NONEMPTY

static struct io_uring ring;
static struct io_uring_buf_ring *buffers;
static char memory[BUFFERS][SIZE];
static int fds[2];

static void setup(unsigned n)
{
	int err = 1;
	unsigned i;

	SINCE("these shapes", 6, 18);
	ring_init(&ring, 8, 0);
	buffers = io_uring_setup_buf_ring(&ring, BUFFERS, GROUP, 0, &err);
	CHECK(buffers);
	for (i = 0; i < n; i++)
		io_uring_buf_ring_add(buffers, memory[i], SIZE, (unsigned short)i, io_uring_buf_ring_mask(BUFFERS), (int)i);
	io_uring_buf_ring_advance(buffers, (int)n);
}

static void teardown(void)
{
	CHECK_EQ(io_uring_free_buf_ring(&ring, buffers, BUFFERS, GROUP), 0);
	io_uring_queue_exit(&ring);
	close(fds[0]);
	close(fds[1]);
}

/* A receive and its completions; the last one of a multishot request that goes on has MORE. */
struct shape {
	const char *name;
	unsigned how, len, limit, n, data;
	struct {
		int res;
		unsigned flags;
	} want[8];
};

#define MULTI IORING_RECV_MULTISHOT
#define BUNDLE IORING_RECVSEND_BUNDLE

static const struct shape shapes[] = {
	{ "one buffer", 0, 0, 0, 8, 100, { { 32, REST } } },
	{ "a part of a buffer", 0, 20, 0, 8, 100, { { 20, REST } } },
	{ "multishot", MULTI, 0, 0, 8, 100, { { 32, MORE | REST }, { 32, MORE | REST }, { 32, MORE | REST }, { 4, MORE } } },
	{ "multishot of a length", MULTI, 20, 0, 8, 50, { { 20, MORE | REST }, { 20, MORE | REST }, { 10, MORE } } },
	{ "limited multishot", MULTI, 0, 50, 8, 100, { { 32, MORE | REST }, { 32, REST } } },
	{ "limit below a buffer", MULTI, 0, 10, 8, 100, { { 32, REST } } },
	{ "bundle", BUNDLE, 0, 0, 8, 100, { { 96, REST } } },
	{ "bundle of a part", BUNDLE, 20, 0, 8, 100, { { 20, REST } } },
	{ "bundle that goes on", BUNDLE, 64, 0, 8, 100, { { 96, REST } } },
	{ "multishot bundle", MULTI | BUNDLE, 0, 0, 8, 100, { { 96, MORE | REST }, { 4, MORE } } },
	{ "bundles of a length", MULTI | BUNDLE, 64, 0, 8, 100, { { 64, MORE | REST }, { 36, MORE } } },
	{ "limited bundle", MULTI | BUNDLE, 0, 50, 8, 100, { { 32, MORE | REST }, { 18, REST } } },
	{ "the last buffers", MULTI | BUNDLE, 0, 0, 2, 100, { { 64, REST } } },
};

static void check_shape(const struct shape *shape)
{
	struct io_uring_sqe *sqe;
	struct done cqe;
	unsigned i = 0;
	char data[100];

	setup(shape->n);
	tcp_pair(fds);
	fill(data, sizeof(data), 1);
	fd_write(fds[0], data, shape->data);
	sqe = next_sqe(&ring, DATA);
	io_uring_prep_recv(sqe, fds[1], NULL, shape->len, 0);
	sqe->ioprio = (__u16)shape->how;
	sqe->optlen = shape->limit;
	io_uring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
	io_uring_sqe_set_buf_group(sqe, GROUP);
	submit_one(&ring);
	do {
		cqe = wait_one(&ring);
		if (cqe.res != shape->want[i].res || (cqe.flags & 0xffff) != (shape->want[i].flags | IORING_CQE_F_BUFFER))
			T_FAIL("%s: completion %u is %d with flags %#x, expected %d with %#x", shape->name, i, cqe.res,
			       cqe.flags & 0xffff, shape->want[i].res, shape->want[i].flags | IORING_CQE_F_BUFFER);
	} while (shape->want[++i].res);
	CHECK_QUIET(&ring);
	teardown();
}

TEST(receives)
{
	unsigned i;

	for (i = 0; i < ARRAY_LEN(shapes); i++)
		check_shape(&shapes[i]);
}

/* Datagrams don't say whether there are more, so that the request tries until its buffers are used up. */
TEST(datagrams)
{
	static const int want[] = { 20, SIZE, 5, -ENOBUFS };
	struct io_uring_sqe *sqe;
	struct done cqe;
	char data[40];
	unsigned i;

	setup(3);
	udp_pair(fds);
	fill(data, sizeof(data), 1);
	fd_write(fds[0], data, 20);
	fd_write(fds[0], data, 40);
	fd_write(fds[0], data, 5);
	sqe = next_sqe(&ring, DATA);
	io_uring_prep_recv_multishot(sqe, fds[1], NULL, 0, 0);
	io_uring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
	io_uring_sqe_set_buf_group(sqe, GROUP);
	submit_one(&ring);
	for (i = 0; i < ARRAY_LEN(want); i++) {
		cqe = wait_one(&ring);
		CHECK_EQ(cqe.res, want[i]);
		CHECK_EQ(cqe.flags & (MORE | REST), i < 3 ? MORE : 0);
	}
	teardown();
}

/* Data and the end of the stream may come as one event. */
TEST(ends_of_streams)
{
	struct io_uring_sqe *sqe;
	struct done cqe;
	int inet;

	for (inet = 0; inet < 2; inet++) {
		setup(8);
		if (inet)
			tcp_pair(fds);
		else
			make_pair(fds, SOCK_STREAM);
		sqe = next_sqe(&ring, DATA);
		io_uring_prep_recv_multishot(sqe, fds[1], NULL, 0, 0);
		io_uring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
		io_uring_sqe_set_buf_group(sqe, GROUP);
		submit_one(&ring);
		fd_write(fds[0], "hello", 5);
		CHECK_SYS(shutdown(fds[0], SHUT_WR));
		cqe = wait_one(&ring);
		CHECK_EQ(cqe.res, 5);
		CHECK_EQ(cqe.flags & MORE, MORE);
		cqe = wait_one(&ring);
		CHECK_EQ(cqe.res, 0);
		CHECK_EQ(cqe.flags & (MORE | IORING_CQE_F_BUFFER), 0);
		teardown();
	}
}

static void add_recvmsg(struct msghdr *msg)
{
	struct io_uring_sqe *sqe = next_sqe(&ring, DATA);

	io_uring_prep_recvmsg_multishot(sqe, fds[1], msg, 0);
	io_uring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
	io_uring_sqe_set_buf_group(sqe, GROUP);
}

/* A buffer must hold the header; the end of the stream has one, too. */
TEST(headers_of_messages)
{
	struct msghdr msg = { .msg_namelen = SIZE };
	struct io_uring_recvmsg_out *out = (void *)memory[0];
	struct done cqe;

	setup(8);
	tcp_pair(fds);
	fd_write(fds[0], "hello", 5);
	CHECK_SYS(shutdown(fds[0], SHUT_WR));
	add_recvmsg(&msg);
	cqe = run_one(&ring);
	CHECK_EQ(cqe.res, -EFAULT);
	CHECK_EQ(cqe.flags, 0);
	msg.msg_namelen = 4;
	add_recvmsg(&msg);
	submit_one(&ring);
	cqe = wait_one(&ring);
	CHECK_EQ(cqe.res, sizeof(*out) + 4 + 5);
	CHECK_EQ(cqe.flags & MORE, MORE);
	CHECK_EQ(out->payloadlen, 5);
	CHECK(!memcmp(memory[0] + sizeof(*out) + 4, "hello", 5));
	cqe = wait_one(&ring);
	CHECK_EQ(cqe.res, sizeof(*out) + 4);
	CHECK_EQ(cqe.flags & MORE, 0);
	msg.msg_namelen = -1;
	add_recvmsg(&msg);
	CHECK_EQ(run_res(&ring), -EOVERFLOW);
	teardown();
}

/* A send in a chain that breaks before it: one completion, and the notification. */
TEST(canceled_zero_copy_send)
{
	struct io_uring_sqe *sqe;
	struct done cqe;

	setup(0);
	need_op(IORING_OP_SEND_ZC);
	tcp_pair(fds);
	sqe = next_sqe(&ring, 1);
	io_uring_prep_nop(sqe);
	sqe->nop_flags = IORING_NOP_INJECT_RESULT;
	sqe->len = (__u32)-EIO;
	io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
	io_uring_prep_send_zc(next_sqe(&ring, DATA), fds[0], memory, 10, 0, 0);
	submit_n(&ring, 2);
	CHECK_EQ(wait_one(&ring).res, -EIO);
	cqe = wait_one(&ring);
	CHECK_EQ(cqe.res, -ECANCELED);
	cqe = wait_one(&ring);
	CHECK_EQ(cqe.user_data, DATA);
	CHECK_EQ(cqe.flags, IORING_CQE_F_NOTIF);
	CHECK_EQ(recv(fds[1], memory, 10, MSG_DONTWAIT), -1);
	teardown();
}
