/* Many completions and many buffers per request: multishot recv and recvmsg, bundles, the recvmsg helpers. */
#include "net.h"

#define DATA 0x1357000024680000ULL
#define OTHER 0x7531000086420000ULL
#define GROUP 7
#define BUFFERS 8

static struct io_uring ring;
static struct io_uring_buf_ring *buffers;
static char memory[BUFFERS][4096];
static unsigned buffer_size, maps;
static int fds[2];

static void give(unsigned id)
{
	io_uring_buf_ring_add(buffers, memory[id], buffer_size, (unsigned short)id, io_uring_buf_ring_mask(BUFFERS), 0);
	io_uring_buf_ring_advance(buffers, 1);
}

/* A ring with `n` provided buffers of `size` bytes. */
static void setup(unsigned n, unsigned size)
{
	unsigned i;
	int err = 1;

	maps = count_maps();
	ring_init(&ring, 8, 0);
	buffer_size = size;
	buffers = io_uring_setup_buf_ring(&ring, BUFFERS, GROUP, 0, &err);
	if (!buffers && err == -EINVAL)
		LACKS("IORING_REGISTER_PBUF_RING", 5, 19);
	CHECK(buffers);
	CHECK_EQ(err, 0);
	memset(memory, 0xee, sizeof(memory));
	for (i = 0; i < n; i++)
		give(i);
}

static void teardown(void)
{
	CHECK_EQ(io_uring_free_buf_ring(&ring, buffers, BUFFERS, GROUP), 0);
	io_uring_queue_exit(&ring);
	CHECK_EQ(count_maps(), maps);
}

static void select_buffer(struct io_uring_sqe *sqe)
{
	io_uring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
	io_uring_sqe_set_buf_group(sqe, GROUP);
}

static void add_recv(int fd, unsigned extra)
{
	struct io_uring_sqe *sqe = next_sqe(&ring, DATA);

	io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
	sqe->ioprio |= (__u16)extra;
	select_buffer(sqe);
	submit_one(&ring);
}

TEST(recv_multishot)
{
	enum { SIZE = 1 << 20 };
	static char data[SIZE];
	size_t have = 0;
	struct done cqe;

	setup(BUFFERS, 1000);
	tcp_pair(fds);
	fill(data, SIZE, 3);
	add_recv(fds[1], 0);
	io_uring_prep_send(next_sqe(&ring, OTHER), fds[0], data, SIZE, MSG_WAITALL);
	submit_one(&ring);
	while (have < SIZE) {
		cqe = wait_one(&ring);
		if (cqe.user_data == OTHER) {
			CHECK_EQ(cqe.res, SIZE);
		} else if (cqe.res == -ENOBUFS) {
			CHECK_EQ(cqe.flags & IORING_CQE_F_MORE, 0);
			add_recv(fds[1], 0);
		} else {
			unsigned id = buffer_id(cqe);

			CHECK(cqe.res > 0 && cqe.res <= 1000 && id < BUFFERS);
			CHECK_PATTERN_FROM(memory[id], (size_t)cqe.res, have, 3);
			memset(memory[id], 0xee, sizeof(memory[id]));
			have += (size_t)cqe.res;
			give(id);
			if (!(cqe.flags & IORING_CQE_F_MORE))
				add_recv(fds[1], 0);
		}
	}
	CHECK_EQ(have, SIZE);
	CHECK_SYS(shutdown(fds[0], SHUT_WR));
	do
		cqe = wait_one(&ring);
	while (cqe.user_data == OTHER);
	CHECK_EQ(cqe.res, 0);
	CHECK_EQ(cqe.flags & IORING_CQE_F_MORE, 0);
	teardown();
}

TEST(recv_multishot_without_buffers)
{
	struct done cqe;
	unsigned i;

	setup(2, 16);
	tcp_pair(fds);
	add_recv(fds[1], 0);
	for (i = 0; i < 2; i++) {
		fd_write(fds[0], "abcd", 4);
		cqe = wait_one(&ring);
		CHECK_EQ(cqe.res, 4);
		CHECK_EQ(buffer_id(cqe), i);
		CHECK_EQ(cqe.flags & IORING_CQE_F_MORE, IORING_CQE_F_MORE);
		CHECK(!memcmp(memory[i], "abcd", 4));
		CHECK_ALL(memory[i] + 4, 12, 0xee);
	}
	fd_write(fds[0], "wxyz", 4);
	cqe = wait_one(&ring);
	CHECK_EQ(cqe.res, -ENOBUFS);
	CHECK_EQ(cqe.flags, 0);
	give(1);
	add_recv(fds[1], 0);
	cqe = wait_one(&ring);
	CHECK_EQ(cqe.res, 4);
	CHECK_EQ(buffer_id(cqe), 1);
	CHECK(!memcmp(memory[1], "wxyz", 4));
	/* Added, but not yet made visible. */
	io_uring_buf_ring_add(buffers, memory[0], 16, 0, io_uring_buf_ring_mask(BUFFERS), 0);
	fd_write(fds[0], "w", 1);
	CHECK_EQ(wait_one(&ring).res, -ENOBUFS);
	teardown();
}

/* One call returns buffers and the completions that used them. */
TEST(recv_multishot_and_cq_advance)
{
	struct io_uring_cqe *cqe;
	unsigned round, head, id, n;

	setup(2, 16);
	tcp_pair(fds);
	add_recv(fds[1], 0);
	for (round = 0; round < 20; round++) {
		fd_write(fds[0], &round, sizeof(round));
		CHECK_EQ(io_uring_wait_cqe(&ring, &cqe), 0);
		n = 0;
		io_uring_for_each_cqe(&ring, head, cqe) {
			CHECK_EQ(cqe->res, sizeof(round));
			CHECK_EQ(cqe->flags & IORING_CQE_F_MORE, IORING_CQE_F_MORE);
			id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
			CHECK_EQ(id, round % 2);
			CHECK(!memcmp(memory[id], &round, sizeof(round)));
			io_uring_buf_ring_add(buffers, memory[id], 16, (unsigned short)id,
					      io_uring_buf_ring_mask(BUFFERS), (int)n++);
		}
		CHECK_EQ(n, 1);
		io_uring_buf_ring_cq_advance(&ring, buffers, (int)n);
		CHECK_EQ(io_uring_cq_ready(&ring), 0);
	}
	teardown();
}

/* Reads the data of one bundle from its buffers; `*next` is the first buffer, `*have` the offset in the stream. */
static void take_bundle(struct done cqe, unsigned *next, size_t *have, unsigned seed)
{
	int left = cqe.res;

	CHECK(cqe.res > 0);
	CHECK_EQ(buffer_id(cqe), *next);
	while (left > 0) {
		size_t len = left < (int)buffer_size ? (size_t)left : buffer_size;

		CHECK(*next < BUFFERS);
		CHECK_PATTERN_FROM(memory[*next], len, *have, seed);
		CHECK_ALL(memory[*next] + len, buffer_size - len, 0xee);
		*have += len;
		left -= (int)len;
		++*next;
	}
}

/* The kernel decides how many buffers a bundle uses, but it must use several. */
TEST(recv_bundle)
{
	struct io_uring_sqe *sqe;
	unsigned next = 0;
	char data[100];
	size_t have = 0;

	setup(BUFFERS, 32);
	need_feature(&ring, IORING_FEAT_RECVSEND_BUNDLE);
	tcp_pair(fds);
	fill(data, sizeof(data), 1);
	fd_write(fds[0], data, sizeof(data));
	while (have < sizeof(data)) {
		sqe = next_sqe(&ring, DATA);
		io_uring_prep_recv(sqe, fds[1], NULL, 0, 0);
		sqe->ioprio |= IORING_RECVSEND_BUNDLE;
		select_buffer(sqe);
		take_bundle(run_one(&ring), &next, &have, 1);
		CHECK(next > 1);
	}
	CHECK_EQ(have, sizeof(data));
	teardown();
}

TEST(recv_multishot_bundle)
{
	unsigned next = 0, most = 0;
	size_t have = 0;
	char data[100];

	setup(BUFFERS, 32);
	need_feature(&ring, IORING_FEAT_RECVSEND_BUNDLE);
	tcp_pair(fds);
	fill(data, sizeof(data), 2);
	add_recv(fds[1], IORING_RECVSEND_BUNDLE);
	fd_write(fds[0], data, sizeof(data));
	while (have < sizeof(data)) {
		struct done cqe = wait_one(&ring);
		unsigned first = next;

		take_bundle(cqe, &next, &have, 2);
		CHECK_EQ(cqe.flags & IORING_CQE_F_MORE, IORING_CQE_F_MORE);
		most = next - first > most ? next - first : most;
	}
	CHECK_EQ(have, sizeof(data));
	CHECK(most > 1);
	teardown();
}

STATES("io_uring_prep_send_bundle", "another round");
TEST(send_bundle)
{
	char buf[3 * 700];
	struct io_uring_sqe *sqe;
	struct done cqe;
	unsigned i;

	setup(0, 700);
	need_feature(&ring, IORING_FEAT_RECVSEND_BUNDLE);
	tcp_pair(fds);
	for (i = 0; i < 3; i++) {
		fill(memory[i], 700, i);
		give(i);
	}
	sqe = next_sqe(&ring, DATA);
	io_uring_prep_send_bundle(sqe, fds[0], 0, 0);
	select_buffer(sqe);
	cqe = run_one(&ring);
	CHECK_EQ(cqe.res, sizeof(buf));
	CHECK_EQ(buffer_id(cqe), 0);
	fd_read_all(fds[1], buf, sizeof(buf));
	for (i = 0; i < 3; i++)
		CHECK_PATTERN(buf + 700 * i, 700, i);
	sqe = next_sqe(&ring, DATA);
	io_uring_prep_send_bundle(sqe, fds[0], 0, 0);
	select_buffer(sqe);
	CHECK_EQ(run_res(&ring), -ENOBUFS);
	teardown();
}

static void check_control(struct io_uring_recvmsg_out *out, struct msghdr *msg)
{
	struct cmsghdr *cmsg;
	unsigned ttl = 0, info = 0;
	int value;

	for (cmsg = io_uring_recvmsg_cmsg_firsthdr(out, msg); cmsg;
	     cmsg = io_uring_recvmsg_cmsg_nexthdr(out, msg, cmsg)) {
		CHECK_EQ(cmsg->cmsg_level, IPPROTO_IP);
		if (cmsg->cmsg_type == IP_TTL) {
			memcpy(&value, CMSG_DATA(cmsg), sizeof(value));
			CHECK_EQ(value, 33);
			ttl++;
		} else {
			struct in_pktinfo where;

			CHECK_EQ(cmsg->cmsg_type, IP_PKTINFO);
			memcpy(&where, CMSG_DATA(cmsg), sizeof(where));
			CHECK_EQ(where.ipi_addr.s_addr, htonl(INADDR_LOOPBACK));
			info++;
		}
	}
	CHECK_EQ(ttl, 1);
	CHECK_EQ(info, 1);
}

/* Each provided buffer holds a name, two control messages and data, one after the other. */
TEST(recvmsg_multishot)
{
	struct msghdr msg = { .msg_namelen = sizeof(struct sockaddr_in),
			      .msg_controllen = CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct in_pktinfo)) };
	unsigned room = 400 - sizeof(struct io_uring_recvmsg_out) - msg.msg_namelen - (unsigned)msg.msg_controllen;
	struct sockaddr_in to, from;
	int on = 1, ttl = 33, receiver = bound_socket(SOCK_DGRAM, &to), sender = bound_socket(SOCK_DGRAM, &from);
	static const unsigned sizes[] = { 1, 200, 300, 400, 3 };
	struct io_uring_sqe *sqe;
	char data[500];
	unsigned i;

	setup(BUFFERS, 400);
	CHECK_SYS(setsockopt(receiver, IPPROTO_IP, IP_RECVTTL, &on, sizeof(on)));
	CHECK_SYS(setsockopt(receiver, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)));
	CHECK_SYS(setsockopt(sender, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl)));
	sqe = next_sqe(&ring, DATA);
	io_uring_prep_recvmsg_multishot(sqe, receiver, &msg, MSG_TRUNC);
	select_buffer(sqe);
	submit_one(&ring);
	for (i = 0; i < ARRAY_LEN(sizes); i++) {
		unsigned len = sizes[i] < room ? sizes[i] : room;
		struct io_uring_recvmsg_out *out;
		struct done cqe;

		fill(data, sizes[i], i);
		CHECK_EQ(sendto(sender, data, sizes[i], 0, (struct sockaddr *)&to, sizeof(to)), sizes[i]);
		cqe = wait_one(&ring);
		CHECK_EQ(cqe.flags & IORING_CQE_F_MORE, IORING_CQE_F_MORE);
		out = io_uring_recvmsg_validate(memory[buffer_id(cqe)], cqe.res, &msg);
		CHECK((void *)out == (void *)memory[i]);
		CHECK_EQ(out->namelen, sizeof(from));
		CHECK(!memcmp(io_uring_recvmsg_name(out), &from, sizeof(from)));
		CHECK_EQ(out->payloadlen, sizes[i]);
		CHECK_EQ(out->flags & MSG_TRUNC, sizes[i] > room ? MSG_TRUNC : 0);
		CHECK_EQ(io_uring_recvmsg_payload_length(out, cqe.res < 400 ? cqe.res : 400, &msg), len);
		CHECK_PATTERN(io_uring_recvmsg_payload(out, &msg), len, i);
		check_control(out, &msg);
	}
	teardown();
}

/* The helpers by themselves, at their limits. */

#define HEADER 16

STATES("io_uring_recvmsg_validate", "io_uring_recvmsg_validate() returns buf");
TEST(recvmsg_validate_limits)
{
	struct msghdr msg = { .msg_namelen = 20, .msg_controllen = 30 };
	char buf[200];

	CHECK(io_uring_recvmsg_validate(buf, HEADER + 50, &msg) == (void *)buf);
	CHECK(!io_uring_recvmsg_validate(buf, HEADER + 49, &msg));
	CHECK(!io_uring_recvmsg_validate(buf, HEADER - 1, &msg));
	CHECK(!io_uring_recvmsg_validate(buf, 0, &msg));
	CHECK(!io_uring_recvmsg_validate(buf, -1, &msg));
	CHECK(!io_uring_recvmsg_validate(buf, INT_MIN, &msg));
	msg.msg_controllen = (__typeof__(msg.msg_controllen))-1;
	CHECK(!io_uring_recvmsg_validate(buf, sizeof(buf), &msg));
	msg.msg_controllen = 0;
	msg.msg_namelen = 0;
	CHECK(io_uring_recvmsg_validate(buf, HEADER, &msg) == (void *)buf);
	msg.msg_namelen = UINT_MAX;
	CHECK(!io_uring_recvmsg_validate(buf, sizeof(buf), &msg));
}

STATES("io_uring_recvmsg_validate", "io_uring_recvmsg_name() returns | io_uring_recvmsg_payload() returns");
STATES("io_uring_recvmsg_validate", "io_uring_recvmsg_payload_length() returns | less than o->payloadlen");
STATES("io_uring_recvmsg_validate", "io_uring_recvmsg_cmsg_firsthdr() returns | io_uring_recvmsg_cmsg_nexthdr() returns | It also returns NULL");
TEST(recvmsg_places)
{
	struct msghdr msg = { .msg_namelen = 24, .msg_controllen = 64 };
	union {
		struct io_uring_recvmsg_out out;
		char bytes[200];
	} buf = { .out = { .controllen = 64 } };
	struct cmsghdr *cmsg;

	CHECK(io_uring_recvmsg_name(&buf.out) == buf.bytes + HEADER);
	CHECK(io_uring_recvmsg_payload(&buf.out, &msg) == buf.bytes + HEADER + 24 + 64);
	CHECK_EQ(io_uring_recvmsg_payload_length(&buf.out, 200, &msg), 200 - HEADER - 88);
	CHECK_EQ(io_uring_recvmsg_payload_length(&buf.out, HEADER + 88, &msg), 0);
	CHECK_EQ(io_uring_recvmsg_payload_length(&buf.out, HEADER, &msg), 0);
	CHECK_EQ(io_uring_recvmsg_payload_length(&buf.out, -1, &msg), 0);

	cmsg = io_uring_recvmsg_cmsg_firsthdr(&buf.out, &msg);
	CHECK((char *)cmsg == buf.bytes + HEADER + 24);
	cmsg->cmsg_len = CMSG_LEN(4);
	CHECK((char *)io_uring_recvmsg_cmsg_nexthdr(&buf.out, &msg, cmsg) == (char *)cmsg + CMSG_SPACE(4));
	cmsg->cmsg_len = sizeof(struct cmsghdr) - 1;
	CHECK(!io_uring_recvmsg_cmsg_nexthdr(&buf.out, &msg, cmsg));
	cmsg->cmsg_len = 56;
	CHECK(!io_uring_recvmsg_cmsg_nexthdr(&buf.out, &msg, cmsg));
	buf.out.controllen = sizeof(struct cmsghdr) - 1;
	CHECK(!io_uring_recvmsg_cmsg_firsthdr(&buf.out, &msg));
}
