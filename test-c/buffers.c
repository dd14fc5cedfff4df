/* Registered buffers: the table, its updates, its tags, and clones of it in other rings. */
#include "io.h"
#include <sys/resource.h>

#define SIZE 8192

/* `nr` buffers of SIZE bytes in one block of memory. */
static char *make_buffers(struct iovec *iov, unsigned nr)
{
	char *mem = pages(nr * SIZE);
	unsigned i;

	for (i = 0; i < nr; i++) {
		iov[i].iov_base = mem + i * SIZE;
		iov[i].iov_len = SIZE;
	}
	return mem;
}

/* Reads 100 bytes of a file of pattern 1 into `buf` as part of buffer `index`. */
static int read_into(struct io_uring *ring, void *buf, int index)
{
	static int fd = -1;
	int res;

	if (fd < 0)
		fd = tmp_filled("f", 100, 1);
	memset(buf, 0xee, 100);
	io_uring_prep_read_fixed(next_sqe(ring, 1), fd, buf, 100, 0, index);
	res = run_res(ring);
	if (res < 0)
		CHECK_ALL(buf, 100, 0xee);
	else
		CHECK_PATTERN(buf, (size_t)res, 1);
	return res;
}

TEST(register_and_use)
{
	struct io_uring ring;
	struct iovec iov[3];
	char *mem = make_buffers(iov, 3);
	int i;

	ring_init(&ring, 4, 0);
	CHECK_EQ(io_uring_register_buffers(&ring, iov, 3), 0);
	for (i = 0; i < 3; i++) {
		CHECK_EQ(read_into(&ring, mem + i * SIZE, i), 100);
		CHECK_EQ(read_into(&ring, mem + (i + 1) * SIZE - 100, i), 100);
		CHECK_EQ(read_into(&ring, mem + i * SIZE, (i + 1) % 3), -EFAULT);
	}
	CHECK_EQ(read_into(&ring, mem, 3), -EFAULT);
	CHECK_EQ(read_into(&ring, mem + SIZE - 50, 0), -EFAULT);
	CHECK_EQ(io_uring_unregister_buffers(&ring), 0);
	CHECK_EQ(read_into(&ring, mem, 0), -EFAULT);
	io_uring_queue_exit(&ring);
}

TEST(what_register_returns)
{
	static const struct iovec odd[] = { { NULL, SIZE }, { (void *)4096, SIZE } };
	struct io_uring ring;
	struct iovec iov[2], one;
	unsigned i;

	NOT_UNDER("valgrind", "it reports the bad addresses that the case passes");
	SINCE("sparse table", 5, 19);
	make_buffers(iov, 2);
	ring_init(&ring, 4, 0);
	CHECK_EQ(io_uring_unregister_buffers(&ring), -ENXIO);
	CHECK_EQ(io_uring_register_buffers_update_tag(&ring, 0, iov, NULL, 1), -ENXIO);
	CHECK_EQ(io_uring_register_buffers(&ring, iov, 0), -EINVAL);
	CHECK_EQ(io_uring_register_buffers(&ring, iov, 1 << 20), -EINVAL);
	CHECK_EQ(io_uring_register_buffers(&ring, NULL, 1), -EFAULT);
	CHECK_EQ(io_uring_register_buffers_sparse(&ring, 0), -EINVAL);
	CHECK_EQ(io_uring_register_buffers_tags(&ring, iov, NULL, 0), -EINVAL);
	for (i = 0; i < ARRAY_LEN(odd); i++)
		CHECK_EQ(io_uring_register_buffers(&ring, odd + i, 1), -EFAULT);
	one.iov_base = iov[0].iov_base;
	/* More than the kernel accepts, and not negative where size_t has 32 bits. */
	one.iov_len = ((size_t)1 << 30) + 1;
	CHECK_EQ(io_uring_register_buffers(&ring, &one, 1), -EFAULT);
	CHECK_EQ(io_uring_register_buffers(&ring, iov, 2), 0);
	CHECK_EQ(io_uring_register_buffers(&ring, iov, 2), -EBUSY);
	CHECK_EQ(io_uring_register_buffers_tags(&ring, iov, NULL, 2), -EBUSY);
	CHECK_EQ(io_uring_register_buffers_sparse(&ring, 2), -EBUSY);
	CHECK_EQ(io_uring_unregister_buffers(&ring), 0);
	CHECK_EQ(io_uring_unregister_buffers(&ring), -ENXIO);
	io_uring_queue_exit(&ring);
}

/* Registered memory counts as locked memory, which is limited for users without privileges. */
STATES("io_uring_register_buffers", -ENOMEM, "");
TEST(memlock_limit)
{
	struct rlimit lim = { 64 * 1024, 64 * 1024 };
	char *mem = pages(1 << 20);
	struct iovec iov = { .iov_base = mem, .iov_len = 1 << 20 };
	struct io_uring ring;
	int ret;

	CHECK_SYS(setrlimit(RLIMIT_MEMLOCK, &lim));
	if (!geteuid())
		CHECK_SYS(setuid(65534));
	ret = io_uring_queue_init(4, &ring, 0);
	if (ret == -EPERM)
		SKIP("kernel.io_uring_disabled forbids io_uring to users without privileges");
	CHECK_EQ(ret, 0);
	CHECK_EQ(io_uring_register_buffers(&ring, &iov, 1), -ENOMEM);
	iov.iov_len = 32 * 1024;
	CHECK_EQ(io_uring_register_buffers(&ring, &iov, 1), 0);
	CHECK_EQ(io_uring_unregister_buffers(&ring), 0);
	io_uring_queue_exit(&ring);
}

static void tag_comes(struct io_uring *ring, __u64 tag)
{
	struct done cqe = wait_one(ring);

	CHECK_EQ(cqe.user_data, tag);
	CHECK_EQ(cqe.res, 0);
}

TEST(tags)
{
	__u64 tags[3] = { 0x11, 0, 0x33 }, more[1] = { 0x44 };
	struct io_uring ring;
	struct iovec iov[4];
	struct done first, second;
	char *mem = make_buffers(iov, 4);

	ring_init(&ring, 8, 0);
	need_feature(&ring, IORING_FEAT_RSRC_TAGS);
	CHECK_EQ(io_uring_register_buffers_tags(&ring, iov, tags, 3), 0);
	CHECK_EQ(read_into(&ring, mem, 0), 100);
	CHECK_QUIET(&ring);
	CHECK_EQ(io_uring_register_buffers_update_tag(&ring, 0, iov + 3, more, 1), 1);
	tag_comes(&ring, 0x11);
	CHECK_EQ(read_into(&ring, mem, 0), -EFAULT);
	CHECK_EQ(read_into(&ring, mem + 3 * SIZE, 0), 100);
	CHECK_EQ(io_uring_register_buffers_update_tag(&ring, 1, iov + 3, NULL, 1), 1);
	CHECK_QUIET(&ring);
	CHECK_EQ(io_uring_unregister_buffers(&ring), 0);
	SINCE("tag that comes when all are unregistered", 6, 13);
	first = wait_one(&ring);
	second = wait_one(&ring);
	CHECK(first.user_data == 0x33 || first.user_data == 0x44);
	CHECK_EQ(first.user_data ^ second.user_data, 0x33 ^ 0x44);
	CHECK_EQ(first.res | second.res, 0);
	CHECK_QUIET(&ring);
	io_uring_queue_exit(&ring);
}

TEST(sparse_and_update)
{
	struct iovec iov[3], nothing = { NULL, 0 };
	struct io_uring ring;
	char *mem = make_buffers(iov, 3);

	SINCE("sparse table", 5, 19);
	ring_init(&ring, 8, 0);
	CHECK_EQ(io_uring_register_buffers_sparse(&ring, 10), 0);
	CHECK_EQ(read_into(&ring, mem, 0), -EFAULT);
	CHECK_EQ(io_uring_register_buffers_update_tag(&ring, 7, iov, NULL, 3), 3);
	CHECK_EQ(read_into(&ring, mem, 7), 100);
	CHECK_EQ(read_into(&ring, mem + 2 * SIZE, 9), 100);
	CHECK_EQ(io_uring_register_buffers_update_tag(&ring, 8, iov, NULL, 3), -EINVAL);
	CHECK_EQ(io_uring_register_buffers_update_tag(&ring, (unsigned)-1, iov, NULL, 3), -EOVERFLOW);
	CHECK_EQ(io_uring_register_buffers_update_tag(&ring, 0, iov, NULL, 0), -EINVAL);
	CHECK_EQ(io_uring_register_buffers_update_tag(&ring, 7, &nothing, NULL, 1), 1);
	CHECK_EQ(read_into(&ring, mem, 7), -EFAULT);
	CHECK_EQ(read_into(&ring, mem + SIZE, 8), 100);
	io_uring_queue_exit(&ring);
}

/* A source ring with three buffers and an empty destination; skips the case if the kernel can't clone. */
static char *two_rings(struct io_uring *src, struct io_uring *dst, struct iovec *iov)
{
	char *mem = make_buffers(iov, 3);
	int ret;

	ring_init(src, 4, 0);
	ring_init(dst, 4, 0);
	CHECK_EQ(io_uring_register_buffers(src, iov, 3), 0);
	ret = io_uring_clone_buffers(dst, src);
	if (ret == -EINVAL)
		HAS_NO("IORING_REGISTER_CLONE_BUFFERS");
	CHECK_EQ(ret, 0);
	CHECK_EQ(io_uring_unregister_buffers(dst), 0);
	return mem;
}

TEST(clone)
{
	struct io_uring src, dst;
	struct iovec iov[3];
	char *mem = two_rings(&src, &dst, iov);
	int i;

	SINCE("IORING_REGISTER_DST_REPLACE", 6, 13);
	CHECK_EQ(io_uring_clone_buffers(&dst, &src), 0);
	CHECK_EQ(io_uring_clone_buffers(&dst, &src), -EBUSY);
	CHECK_EQ(__io_uring_clone_buffers(&dst, &src, IORING_REGISTER_DST_REPLACE), 0);
	CHECK_EQ(io_uring_unregister_buffers(&src), 0);
	io_uring_queue_exit(&src);
	for (i = 0; i < 3; i++)
		CHECK_EQ(read_into(&dst, mem + i * SIZE, i), 100);
	CHECK_EQ(io_uring_unregister_buffers(&dst), 0);
	CHECK_EQ(read_into(&dst, mem, 0), -EFAULT);
	ring_init(&src, 4, 0);
	CHECK_EQ(io_uring_clone_buffers(&dst, &src), -ENXIO);
	CHECK_EQ(__io_uring_clone_buffers(&dst, &src, 1 << 10), -EINVAL);
	io_uring_queue_exit(&src);
	CHECK_EQ(__io_uring_clone_buffers(&dst, &src, 0), -EBADF);
	io_uring_queue_exit(&dst);
}

TEST(clone_a_part)
{
	struct io_uring src, dst;
	struct iovec iov[3];
	char *mem = two_rings(&src, &dst, iov);

	SINCE("IORING_REGISTER_DST_REPLACE", 6, 13);
	/* Buffers 1 and 2 become 4 and 5. */
	CHECK_EQ(io_uring_clone_buffers_offset(&dst, &src, 4, 1, 2, 0), 0);
	CHECK_EQ(read_into(&dst, mem + SIZE, 4), 100);
	CHECK_EQ(read_into(&dst, mem + 2 * SIZE, 5), 100);
	CHECK_EQ(read_into(&dst, mem, 0), -EFAULT);
	CHECK_EQ(read_into(&dst, mem, 6), -EFAULT);
	CHECK_EQ(io_uring_clone_buffers_offset(&dst, &src, 0, 0, 1, 0), -EBUSY);
	CHECK_EQ(io_uring_clone_buffers_offset(&dst, &src, 4, 0, 1, IORING_REGISTER_DST_REPLACE), 0);
	CHECK_EQ(read_into(&dst, mem, 4), 100);
	CHECK_EQ(read_into(&dst, mem + 2 * SIZE, 5), 100);
	CHECK_EQ(io_uring_unregister_buffers(&dst), 0);
	CHECK_EQ(__io_uring_clone_buffers_offset(&dst, &src, 0, 2, 1, 0), 0);
	CHECK_EQ(read_into(&dst, mem + 2 * SIZE, 0), 100);
	CHECK_EQ(io_uring_unregister_buffers(&dst), 0);
	CHECK_EQ(io_uring_clone_buffers_offset(&dst, &src, 0, 2, 2, 0), -EOVERFLOW);
	CHECK_EQ(io_uring_clone_buffers_offset(&dst, &src, 0, 3, 1, 0), -EOVERFLOW);
	CHECK_EQ(io_uring_clone_buffers_offset(&dst, &src, (unsigned)-1, 0, 3, 0), -EOVERFLOW);
	io_uring_queue_exit(&src);
	io_uring_queue_exit(&dst);
}

/* The source is named by its registered index if it has one, so its fd may be closed. */
TEST(clone_from_a_registered_ring)
{
	struct io_uring src, dst;
	struct iovec iov[3];
	char *mem = two_rings(&src, &dst, iov);

	SINCE("IORING_REGISTER_DST_REPLACE", 6, 13);
	need_feature(&src, IORING_FEAT_REG_REG_RING);
	CHECK_EQ(io_uring_register_ring_fd(&src), 1);
	CHECK_EQ(io_uring_register_ring_fd(&dst), 1);
	CHECK_EQ(__io_uring_clone_buffers(&dst, &src, 0), 0);
	CHECK_EQ(io_uring_unregister_buffers(&dst), 0);
	CHECK_EQ(io_uring_close_ring_fd(&src), 1);
	CHECK_EQ(io_uring_clone_buffers(&dst, &src), 0);
	CHECK_EQ(read_into(&dst, mem, 0), 100);
	CHECK_EQ(io_uring_unregister_buffers(&dst), 0);
	CHECK_EQ(io_uring_clone_buffers_offset(&dst, &src, 1, 0, 3, 0), 0);
	CHECK_EQ(read_into(&dst, mem + 2 * SIZE, 3), 100);
	CHECK_EQ(io_uring_unregister_buffers(&dst), 0);
	CHECK_EQ(__io_uring_clone_buffers(&dst, &src, 0), -EBADF);
	io_uring_queue_exit(&src);
	io_uring_queue_exit(&dst);
}
