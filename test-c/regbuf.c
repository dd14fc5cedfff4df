/* Registered buffers and the requests that use them: tags that wait for them, tables that change meanwhile, vectors, and
 * the fields that the commands check. Details are those of Linux 6.18. */
#include "io.h"

#define SIZE 4096

static char *mem;
static struct iovec iov[4];

static void start(struct io_uring *ring)
{
	unsigned i;

	SINCE("table of buffers that works like that of Linux 6.18", 6, 18);
	mem = pages(4 * SIZE);
	for (i = 0; i < 4; i++) {
		iov[i].iov_base = mem + i * SIZE;
		iov[i].iov_len = SIZE;
	}
	ring_init(ring, 8, 0);
}

static void tag_comes(struct io_uring *ring, __u64 tag)
{
	struct done cqe = wait_one(ring);

	CHECK_EQ(cqe.user_data, tag);
	CHECK_EQ(cqe.res, 0);
	CHECK_EQ(cqe.flags, 0);
}

/* The tag of a buffer comes after the last request that uses it, and the request keeps its buffer. */
TEST(tags_wait_for_requests)
{
	__u64 tags[2] = { 0x11, 0x22 };
	struct io_uring ring;
	int fds[2];

	start(&ring);
	make_pipe(fds);
	CHECK_EQ(io_uring_register_buffers_tags(&ring, iov, tags, 2), 0);
	io_uring_prep_read_fixed(next_sqe(&ring, 1), fds[0], mem, 10, 0, 0);
	io_uring_prep_read_fixed(next_sqe(&ring, 2), fds[0], mem + 20, 10, 0, 0);
	submit_n(&ring, 2);
	CHECK_EQ(io_uring_register_buffers_update_tag(&ring, 0, iov + 2, NULL, 1), 1);
	CHECK_EQ(io_uring_unregister_buffers(&ring), 0);
	tag_comes(&ring, 0x22);
	CHECK_QUIET(&ring);
	fd_write(fds[1], "abcdefghij", 10);
	CHECK_EQ(wait_one(&ring).res, 10);
	CHECK_QUIET(&ring);
	CHECK_EQ(io_uring_register_buffers(&ring, iov + 3, 1), 0);
	fd_write(fds[1], "klmno", 5);
	CHECK_EQ(wait_one(&ring).res, 5);
	tag_comes(&ring, 0x11);
	CHECK_QUIET(&ring);
	CHECK(!memcmp(mem, "abcdefghij", 10) || !memcmp(mem + 20, "abcdefghij", 10));
	io_uring_queue_exit(&ring);
}

/* The last slot's tag comes first when a table goes. */
TEST(order_of_tags)
{
	__u64 tags[4] = { 1, 2, 0, 4 };
	struct io_uring ring;

	start(&ring);
	CHECK_EQ(io_uring_register_buffers_tags(&ring, iov, tags, 4), 0);
	CHECK_EQ(io_uring_unregister_buffers(&ring), 0);
	tag_comes(&ring, 4);
	tag_comes(&ring, 2);
	tag_comes(&ring, 1);
	CHECK_QUIET(&ring);
	io_uring_queue_exit(&ring);
}

/* What is refused in the midst posts no tags, and an update keeps what it has done. */
TEST(refused_in_the_midst)
{
	__u64 tags[3] = { 1, 2, 3 }, more[3] = { 4, 5, 6 };
	struct iovec odd[3];
	struct io_uring ring;

	start(&ring);
	memcpy(odd, iov, sizeof(odd));
	odd[2].iov_base = NULL;
	CHECK_EQ(io_uring_register_buffers_tags(&ring, odd, tags, 3), -EFAULT);
	odd[2].iov_len = 0;
	/* An empty slot has no tag. */
	CHECK_EQ(io_uring_register_buffers_tags(&ring, odd, tags, 3), -EINVAL);
	CHECK_QUIET(&ring);
	CHECK_EQ(io_uring_register_buffers_tags(&ring, iov, tags, 3), 0);
	CHECK_EQ(io_uring_register_buffers_update_tag(&ring, 0, odd, more, 3), 2);
	tag_comes(&ring, 1);
	tag_comes(&ring, 2);
	CHECK_EQ(io_uring_register_buffers_update_tag(&ring, 0, odd + 2, more, 1), -EINVAL);
	CHECK_QUIET(&ring);
	CHECK_EQ(io_uring_register_buffers_update_tag(&ring, 2, odd + 2, NULL, 1), 1);
	tag_comes(&ring, 3);
	io_uring_queue_exit(&ring);
}

/* The buffer is looked up when the request starts, not when it is submitted. */
TEST(registered_later)
{
	int fd = tmp_filled("f", 10, 1), fds[2];
	struct io_uring_sqe *sqe;
	struct io_uring ring;
	char byte;

	start(&ring);
	make_pipe(fds);
	sqe = next_sqe(&ring, 1);
	io_uring_prep_read(sqe, fds[0], &byte, 1, 0);
	io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
	io_uring_prep_read_fixed(next_sqe(&ring, 2), fd, mem, 10, 0, 1);
	submit_n(&ring, 2);
	CHECK_EQ(io_uring_register_buffers_sparse(&ring, 2), 0);
	CHECK_EQ(io_uring_register_buffers_update_tag(&ring, 1, iov, NULL, 1), 1);
	fd_write(fds[1], "x", 1);
	CHECK_EQ(wait_res(&ring, 1), 1);
	CHECK_EQ(wait_res(&ring, 2), 10);
	CHECK_PATTERN(mem, 10, 1);
	io_uring_queue_exit(&ring);
}

static int run_vectors(struct io_uring *ring, int fd, const struct iovec *vecs, unsigned nr, int index)
{
	io_uring_prep_readv_fixed(next_sqe(ring, 1), fd, vecs, nr, 0, 0, index);
	return run_res(ring);
}

TEST(vectors)
{
	int fd = tmp_filled("f", 300, 1);
	struct io_uring ring;
	struct iovec vecs[3];

	start(&ring);
	CHECK_EQ(io_uring_register_buffers(&ring, iov, 1), 0);
	vecs[0] = (struct iovec){ mem, 2 };
	vecs[1] = (struct iovec){ mem + 10, 0 };
	vecs[2] = (struct iovec){ mem + 100, 200 };
	CHECK_EQ(run_vectors(&ring, fd, vecs, 1, 0), 2);
	/* Where empty vectors are fine without a registered buffer, they are not with one. */
	CHECK_EQ(run_vectors(&ring, fd, vecs, 2, 0), -EFAULT);
	CHECK_EQ(run_vectors(&ring, fd, vecs, 0, 0), 0);
	CHECK_EQ(run_vectors(&ring, fd, vecs, 0, 1), -EFAULT);
	vecs[1].iov_len = 4;
	CHECK_EQ(run_vectors(&ring, fd, vecs, 3, 0), 206);
	CHECK_PATTERN_FROM(mem + 10, 4, 2, 1);
	CHECK_PATTERN_FROM(mem + 100, 200, 6, 1);
	vecs[2].iov_len = SIZE;
	CHECK_EQ(run_vectors(&ring, fd, vecs, 3, 0), -EFAULT);
	vecs[2].iov_len = (size_t)-1;
	CHECK_EQ(run_vectors(&ring, fd, vecs, 3, 0), -EINVAL);
	CHECK_EQ(run_vectors(&ring, fd, vecs, UIO_MAXIOV + 1, 0), -EINVAL);
	vecs[2] = (struct iovec){ mem + 100, 200 };
	io_uring_prep_writev_fixed(next_sqe(&ring, 2), fd, vecs, 3, 300, 0, 0);
	CHECK_EQ(run_res(&ring), 206);
	CHECK_FILE(fd, 300, 206, 1);
	io_uring_queue_exit(&ring);
}

TEST(what_the_commands_return)
{
	struct io_uring_rsrc_register reg = { .nr = 2 };
	struct io_uring_rsrc_update2 up = { .nr = 1 };
	struct io_uring_clone_buffers clone = { .nr = 0 };
	struct io_uring ring, other;
	int fd;

	start(&ring);
	ring_init(&other, 4, 0);
	fd = ring.ring_fd;
	CHECK_EQ(io_uring_register(fd, IORING_REGISTER_BUFFERS2, &reg, 31), -EINVAL);
	reg.flags = IORING_RSRC_REGISTER_SPARSE;
	reg.data = (unsigned long)iov;
	CHECK_EQ(io_uring_register(fd, IORING_REGISTER_BUFFERS2, &reg, 32), -EINVAL);
	reg.data = 0;
	reg.resv2 = 1;
	CHECK_EQ(io_uring_register(fd, IORING_REGISTER_BUFFERS2, &reg, 32), -EINVAL);
	reg.resv2 = 0;
	reg.nr = (1 << 14) + 1;
	CHECK_EQ(io_uring_register(fd, IORING_REGISTER_BUFFERS2, &reg, 32), -EINVAL);
	reg.nr = 1 << 14;
	CHECK_EQ(io_uring_register(fd, IORING_REGISTER_BUFFERS2, &reg, 32), 0);
	up.data = (unsigned long)iov;
	CHECK_EQ(io_uring_register(fd, IORING_REGISTER_BUFFERS_UPDATE, &up, 31), -EINVAL);
	up.resv2 = 1;
	CHECK_EQ(io_uring_register(fd, IORING_REGISTER_BUFFERS_UPDATE, &up, 32), -EINVAL);
	up.resv2 = 0;
	up.offset = (1 << 14) - 1;
	CHECK_EQ(io_uring_register(fd, IORING_REGISTER_BUFFERS_UPDATE, &up, 32), 1);
	up.nr = 2;
	CHECK_EQ(io_uring_register(fd, IORING_REGISTER_BUFFERS_UPDATE, &up, 32), -EINVAL);
	CHECK_EQ(io_uring_register(fd, IORING_UNREGISTER_BUFFERS, NULL, 1), -EINVAL);
	clone.src_fd = (__u32)fd;
	fd = other.ring_fd;
	CHECK_EQ(io_uring_register(fd, IORING_REGISTER_CLONE_BUFFERS, &clone, 0), -EINVAL);
	clone.pad[2] = 1;
	CHECK_EQ(io_uring_register(fd, IORING_REGISTER_CLONE_BUFFERS, &clone, 1), -EINVAL);
	clone.pad[2] = 0;
	clone.dst_off = 1;
	CHECK_EQ(io_uring_register(fd, IORING_REGISTER_CLONE_BUFFERS, &clone, 1), -EINVAL);
	clone.nr = 1 << 14;
	CHECK_EQ(io_uring_register(fd, IORING_REGISTER_CLONE_BUFFERS, &clone, 1), -EINVAL);
	clone.nr++;
	CHECK_EQ(io_uring_register(fd, IORING_REGISTER_CLONE_BUFFERS, &clone, 1), -EINVAL);
	clone.nr = 1;
	clone.src_fd = (__u32)tmp_open("f", 0);
	CHECK_EQ(io_uring_register(fd, IORING_REGISTER_CLONE_BUFFERS, &clone, 1), -EOPNOTSUPP);
	/* A ring may copy within itself. */
	clone.src_fd = (__u32)ring.ring_fd;
	clone.src_off = (1 << 14) - 1;
	clone.flags = IORING_REGISTER_DST_REPLACE;
	CHECK_EQ(io_uring_register(ring.ring_fd, IORING_REGISTER_CLONE_BUFFERS, &clone, 1), 0);
	io_uring_prep_read_fixed(next_sqe(&ring, 1), (int)tmp_filled("g", 10, 1), mem, 10, 0, 1);
	CHECK_EQ(run_res(&ring), 10);
	io_uring_queue_exit(&ring);
	io_uring_queue_exit(&other);
}

/* Buffers that a clone replaces post their tags; the copies have none. */
TEST(tags_of_clones)
{
	__u64 tags[2] = { 1, 2 }, others[2] = { 3, 4 };
	struct io_uring ring, other;

	start(&ring);
	ring_init(&other, 4, 0);
	CHECK_EQ(io_uring_register_buffers_tags(&ring, iov, tags, 2), 0);
	CHECK_EQ(io_uring_register_buffers_tags(&other, iov, others, 2), 0);
	CHECK_EQ(__io_uring_clone_buffers_offset(&other, &ring, 1, 0, 1, IORING_REGISTER_DST_REPLACE), 0);
	tag_comes(&other, 4);
	CHECK_QUIET(&other);
	CHECK_EQ(io_uring_unregister_buffers(&ring), 0);
	tag_comes(&ring, 2);
	tag_comes(&ring, 1);
	CHECK_EQ(io_uring_unregister_buffers(&other), 0);
	tag_comes(&other, 3);
	CHECK_QUIET(&other);
	io_uring_queue_exit(&ring);
	io_uring_queue_exit(&other);
}

/* Read-only memory can't be registered, nor memory with a hole. */
TEST(memory)
{
	struct io_uring ring;

	start(&ring);
	iov[0].iov_len = 3 * SIZE;
	CHECK_SYS(mprotect(mem + SIZE, SIZE, PROT_READ));
	CHECK_EQ(io_uring_register_buffers(&ring, iov, 1), -EFAULT);
	CHECK_SYS(munmap(mem + SIZE, SIZE));
	CHECK_EQ(io_uring_register_buffers(&ring, iov, 1), -EFAULT);
	iov[0].iov_len = 100;
	CHECK_EQ(io_uring_register_buffers(&ring, iov, 1), 0);
	io_uring_queue_exit(&ring);
}
