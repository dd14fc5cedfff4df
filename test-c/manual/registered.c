/* Calls that register files, buffers and buffer groups. */
#include "page.h"
#include <sys/eventfd.h>

static char buf[64] __attribute__((aligned(64)));
static struct iovec some = { buf, 64 }, none = { NULL, 0 }, nowhere = { (void *)4096, 64 };
static const int one_file = 1, closed = 900;
static __u64 tag = 7;
#define BAD(TYPE) ((TYPE *)(void *)bad)

TEST(io_uring_register_buffers)
{
	struct iovec beyond = { (void *)(uintptr_t)-64, 128 }, large = { buf, (1UL << 30) + 1 }, empty = { buf, 0 };

	struct iovec on_disk = { mmap(NULL, LARGE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
				      tmp_filled("file", LARGE_PAGE, 1), 0), 64 };

	begin(0);
	RETURNS(-EFAULT, "file on disk", io_uring_register_buffers(&ring, &on_disk, 1));
	RETURNS(-ENXIO, "", io_uring_unregister_buffers(&ring));
	RETURNS(-EFAULT, "iovecs or tags", io_uring_register_buffers(&ring, BAD(struct iovec), 1));
	RETURNS(-EFAULT, "iovecs or tags", io_uring_register_buffers_tags(&ring, &some, BAD(__u64), 1));
	RETURNS(-EFAULT, "a buffer isn't", io_uring_register_buffers(&ring, &nowhere, 1));
	RETURNS(-EFAULT, "a buffer isn't", io_uring_register_buffers(&ring, &large, 1));
	RETURNS(-EFAULT, "a buffer isn't", io_uring_register_buffers(&ring, &empty, 1));
	RETURNS(-EOVERFLOW, "", io_uring_register_buffers(&ring, &beyond, 1));
	RETURNS(-EINVAL, "the number", io_uring_register_buffers(&ring, &some, 0));
	RETURNS(-EINVAL, "the number", io_uring_register_buffers(&ring, &some, 16385));
	RETURNS(-EINVAL, "an empty slot", io_uring_register_buffers_tags(&ring, &none, &tag, 1));
	STATES("io_uring_register_buffers", "After an error");
	CHECK_QUIET(&ring);
	RETURNS(0, "0, or a negative", io_uring_register_buffers(&ring, &some, 1));
	RETURNS(-EBUSY, "", io_uring_register_buffers(&ring, &some, 1));
}

TEST(io_uring_register_buffers_update_tag)
{
	struct iovec two[2] = { { buf, 64 }, { (void *)4096, 64 } };
	__u64 no_tags[2] = { 0, 0 };

	begin(0);
	RETURNS(-ENXIO, "", io_uring_register_buffers_update_tag(&ring, 0, &some, no_tags, 1));
	CHECK_EQ(io_uring_register_buffers_sparse(&ring, 2), 0);
	RETURNS(1, "The number of slots", io_uring_register_buffers_update_tag(&ring, 0, &some, no_tags, 1));
	RETURNS(1, "A number below", io_uring_register_buffers_update_tag(&ring, 0, two, no_tags, 2));
	RETURNS(-EFAULT, "iovecs or tags", io_uring_register_buffers_update_tag(&ring, 0, BAD(struct iovec), no_tags, 1));
	RETURNS(-EFAULT, "iovecs or tags", io_uring_register_buffers_update_tag(&ring, 0, &some, BAD(__u64), 1));
	RETURNS(-EFAULT, "the first buffer", io_uring_register_buffers_update_tag(&ring, 0, &nowhere, no_tags, 1));
	STATES("io_uring_register_buffers_update_tag", "That slot and those");
	GIVES(64, "", io_uring_prep_read_fixed(sqe, tmp_filled("file", 100, 1), buf, 64, 0, 0));
	RETURNS(-EINVAL, "nr is 0", io_uring_register_buffers_update_tag(&ring, 0, &some, no_tags, 0));
	RETURNS(-EINVAL, "beyond", io_uring_register_buffers_update_tag(&ring, 2, &some, no_tags, 1));
	RETURNS(-EINVAL, "the first slot", io_uring_register_buffers_update_tag(&ring, 0, &none, &tag, 1));
	RETURNS(-EOVERFLOW, "", io_uring_register_buffers_update_tag(&ring, UINT_MAX, &some, no_tags, 2));
}

TEST(io_uring_register_files)
{
	int empty = -1;
	struct rlimit limit = { 64, 64 };
	static int many_files[100];

	begin(0);
	RETURNS(-ENXIO, "", io_uring_unregister_files(&ring));
	RETURNS(-EBADF, "", io_uring_register_files(&ring, &closed, 1));
	RETURNS(-EBADF, "", io_uring_register_files(&ring, &ring.ring_fd, 1));
	RETURNS(-EFAULT, "", io_uring_register_files(&ring, BAD(int), 1));
	RETURNS(-EFAULT, "", io_uring_register_files_tags(&ring, &one_file, BAD(__u64), 1));
	RETURNS(-EINVAL, "the number", io_uring_register_files(&ring, &one_file, 0));
	RETURNS(-EINVAL, "an empty slot", io_uring_register_files_tags(&ring, &empty, &tag, 1));
	STATES("io_uring_register_files", "After an error");
	CHECK_QUIET(&ring);
	RETURNS(-EMFILE, "", io_uring_register_files_sparse(&ring, 1048577));
	RETURNS(0, "0, or a negative", io_uring_register_files(&ring, &one_file, 1));
	RETURNS(-EBUSY, "", io_uring_register_files(&ring, &one_file, 1));
	begin(0);
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	be_nobody();
	RETURNS(-EMFILE, "", io_uring_register_files(&ring, many_files, 100));
}

#define UPDATE(OFF, FILES, N) io_uring_register_files_update(&ring, OFF, FILES, N)

TEST(io_uring_register_files_update)
{
	int skip = IORING_REGISTER_FILES_SKIP, empty = -1, three[] = { 1, 900, 1 };

	begin(0);
	RETURNS(-ENXIO, "", UPDATE(0, &one_file, 1));
	CHECK_EQ(io_uring_register_files_sparse(&ring, 4), 0);
	RETURNS(1, "The number of slots", UPDATE(0, &one_file, 1));
	RETURNS(1, "The number of slots", UPDATE(0, &skip, 1));
	RETURNS(1, "", UPDATE(2, &one_file, 1));
	RETURNS(1, "", UPDATE(3, &one_file, 1));
	RETURNS(1, "A number below", UPDATE(1, three, 3));
	STATES("io_uring_register_files_update", "That slot is now empty | The slots after");
	GIVES(-EBADF, "", io_uring_prep_close_direct(sqe, 2));
	GIVES(0, "", io_uring_prep_close_direct(sqe, 3));
	RETURNS(-EBADF, "", UPDATE(0, &closed, 1));
	GIVES(-EBADF, "", io_uring_prep_close_direct(sqe, 0));
	RETURNS(-EBADF, "", UPDATE(0, &ring.ring_fd, 1));
	RETURNS(-EFAULT, "", UPDATE(0, BAD(int), 1));
	RETURNS(-EINVAL, "nr_files is 0", UPDATE(0, &one_file, 0));
	RETURNS(-EINVAL, "beyond", UPDATE(4, &one_file, 1));
	RETURNS(-EINVAL, "the first slot", io_uring_register_files_update_tag(&ring, 0, &empty, &tag, 1));
	RETURNS(-EINVAL, "the first slot", io_uring_register_files_update_tag(&ring, 0, &skip, &tag, 1));
	RETURNS(-EOVERFLOW, "", UPDATE(UINT_MAX, three, 2));
}

TEST(io_uring_register_file_alloc_range)
{
	begin(0);
	RETURNS(-EINVAL, "", io_uring_register_file_alloc_range(&ring, 0, 1));
	CHECK_EQ(io_uring_register_files_sparse(&ring, 4), 0);
	RETURNS(0, "0, or a negative", io_uring_register_file_alloc_range(&ring, 0, 4));
	RETURNS(-EINVAL, "", io_uring_register_file_alloc_range(&ring, 1, 4));
	RETURNS(-EOVERFLOW, "", io_uring_register_file_alloc_range(&ring, UINT_MAX, 1));
}

TEST(io_uring_register_eventfd)
{
	int event = eventfd(0, 0);

	begin(0);
	RETURNS(-ENXIO, "", io_uring_unregister_eventfd(&ring));
	RETURNS(-EBADF, "", io_uring_register_eventfd(&ring, 900));
	RETURNS(-EINVAL, "", io_uring_register_eventfd(&ring, tmp_open("file", 0)));
	RETURNS(0, "0, or a negative", io_uring_register_eventfd(&ring, event));
	RETURNS(-EBUSY, "", io_uring_register_eventfd(&ring, event));
	RETURNS(-EBUSY, "", io_uring_register_eventfd_async(&ring, event));
}

TEST(io_uring_register_personality)
{
	int id;

	begin(0);
	STATES("io_uring_register_personality", "returns the ID");
	id = io_uring_register_personality(&ring);
	CHECK(id >= 1 && id <= 65535);
	RETURNS(0, "io_uring_unregister_personality() returns", io_uring_unregister_personality(&ring, id));
	RETURNS(-EINVAL, "", io_uring_unregister_personality(&ring, id));
	while ((id = io_uring_register_personality(&ring)) > 0)
		;
	STATES("io_uring_register_personality", -EBUSY, "");
	CHECK_EQ(id, -EBUSY);
}

static struct io_uring_buf_reg with(void *address, unsigned entries, int group)
{
	return (struct io_uring_buf_reg){ .ring_addr = (uintptr_t)address, .ring_entries = entries,
					  .bgid = (__u16)group };
}

#define REGISTER(ADDRESS, ENTRIES, GROUP)				\
	({								\
		struct io_uring_buf_reg reg = with(ADDRESS, ENTRIES, GROUP);	\
		io_uring_register_buf_ring(&ring, &reg, 0);		\
	})

TEST(io_uring_register_buf_ring)
{
	char *memory = pages(LARGE_PAGE), *read_only = mmap(NULL, LARGE_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct io_uring_buf_reg reserved = with(memory, 8, 1);

	begin(0);
	RETURNS(0, "0, or a negative", REGISTER(memory, 8, 9));
	RETURNS(-EEXIST, "", REGISTER(memory, 8, 9));
	RETURNS(-EFAULT, "", REGISTER(NULL, 8, 1));
	RETURNS(-EFAULT, "", REGISTER(bad, 8, 1));
	RETURNS(-EFAULT, "", REGISTER(read_only, 8, 1));
	RETURNS(-EINVAL, "aligned to a page", REGISTER(memory + 16, 8, 1));
	RETURNS(-EINVAL, "ring_entries", REGISTER(memory, 0, 1));
	RETURNS(-EINVAL, "ring_entries", REGISTER(memory, 7, 1));
	RETURNS(-EINVAL, "ring_entries", REGISTER(memory, 65536, 1));
	reserved.resv[0] = 1;
	RETURNS(-EINVAL, "a reserved", io_uring_register_buf_ring(&ring, &reserved, 0));
	RETURNS(-ENOENT, "", io_uring_unregister_buf_ring(&ring, 2));
	GIVES(0, "", io_uring_prep_provide_buffers(sqe, buf, 8, 1, 3, 0));
	RETURNS(-EEXIST, "", REGISTER(memory, 8, 3));
	RETURNS(-EINVAL, "the group is not a buffer", io_uring_unregister_buf_ring(&ring, 3));
}

TEST(io_uring_setup_buf_ring)
{
	struct io_uring_buf_ring *made;
	int ret = 1, group;

	begin(0);
	made = io_uring_setup_buf_ring(&ring, 8, 9, 0, &ret);
	STATES("io_uring_setup_buf_ring", "io_uring_setup_buf_ring() returns");
	CHECK(made && !ret);
	STATES("io_uring_setup_buf_ring", -EEXIST, "");
	CHECK(!io_uring_setup_buf_ring(&ring, 8, 9, 0, &ret));
	CHECK_EQ(ret, -EEXIST);
	STATES("io_uring_setup_buf_ring", -EINVAL, "nentries");
	for (group = 0; group < 3; group++) {
		static const unsigned sizes[] = { 0, 7, 65536 };

		CHECK(!io_uring_setup_buf_ring(&ring, sizes[group], group, 0, &ret));
		CHECK_EQ(ret, -EINVAL);
	}
	RETURNS(-ENOENT, "", io_uring_free_buf_ring(&ring, made, 8, 2));
	GIVES(0, "", io_uring_prep_provide_buffers(sqe, buf, 8, 1, 3, 0));
	RETURNS(-EINVAL, "not a buffer ring", io_uring_free_buf_ring(&ring, made, 8, 3));
	STATES("io_uring_setup_buf_ring", "After an error");
	io_uring_buf_ring_add(made, buf, 8, 0, 7, 0);
	STATES("io_uring_buf_ring_add", "io_uring_buf_ring_mask() returns");
	CHECK_EQ(io_uring_buf_ring_mask(8), 7);
	io_uring_buf_ring_advance(made, 1);
	STATES("io_uring_buf_ring_available", "returns the number | io_uring_buf_ring_head() returns");
	CHECK_EQ(io_uring_buf_ring_available(&ring, made, 9), 1);
	STATES("io_uring_buf_ring_available", -ENOENT, "");
	CHECK_EQ(io_uring_buf_ring_available(&ring, made, 2), -ENOENT);
	STATES("io_uring_buf_ring_available", -EINVAL, "");
	CHECK_EQ(io_uring_buf_ring_available(&ring, made, 3), -EINVAL);
	RETURNS(0, "io_uring_free_buf_ring() returns", io_uring_free_buf_ring(&ring, made, 8, 9));
	close(ring.ring_fd);
	RETURNS(-EBADF, "", io_uring_free_buf_ring(&ring, made, 8, 9));
}

TEST(io_uring_clone_buffers)
{
	struct io_uring source, closed_ring;

	begin(0);
	ring_init(&source, 8, 0);
	ring_init(&closed_ring, 8, 0);
	close(closed_ring.ring_fd);
	RETURNS(-ENXIO, "", io_uring_clone_buffers(&ring, &source));
	CHECK_EQ(io_uring_register_buffers(&source, &some, 1), 0);
	RETURNS(-EINVAL, "nr is 0", io_uring_clone_buffers_offset(&ring, &source, 1, 0, 0, 0));
	RETURNS(-EINVAL, "more than src", io_uring_clone_buffers_offset(&ring, &source, 0, 0, 2, 0));
	RETURNS(-EINVAL, "16384", io_uring_clone_buffers_offset(&ring, &source, 16384, 0, 1, 0));
	RETURNS(-EINVAL, "an unknown flag", io_uring_clone_buffers_offset(&ring, &source, 0, 0, 0, 1 << 20));
	RETURNS(-EOVERFLOW, "", io_uring_clone_buffers_offset(&ring, &source, 0, 1, 1, 0));
	RETURNS(-EOVERFLOW, "", io_uring_clone_buffers_offset(&ring, &source, UINT_MAX, 0, 1, 0));
	RETURNS(-EBADF, "", io_uring_clone_buffers(&closed_ring, &source));
	RETURNS(-EBADF, "", io_uring_clone_buffers(&ring, &closed_ring));
	RETURNS(0, "0, or a negative", io_uring_clone_buffers(&ring, &source));
	RETURNS(-EBUSY, "", io_uring_clone_buffers(&ring, &source));
	STATES("io_uring_clone_buffers", "After an error");
	GIVES(64, "", io_uring_prep_read_fixed(sqe, tmp_filled("file", 100, 1), buf, 64, 0, 0));
}

/* Without CAP_IPC_LOCK, and with a limit of 0 on locked memory. */
TEST(io_uring_register_region__locked)
{
	struct rlimit none = { 0, 0 };
	char *memory = pages(LARGE_PAGE);
	struct io_uring_region_desc region = { .user_addr = (uintptr_t)memory, .size = LARGE_PAGE,
					       .flags = IORING_MEM_REGION_TYPE_USER };
	struct io_uring_mem_region_reg reg = { .region_uptr = (uintptr_t)&region };
	struct iovec buffer = { memory, LARGE_PAGE };
	__u64 no_tag = 0;
	int ret;

	if (geteuid())
		SKIP("only root can create a ring that other users may not");
	be_nobody();
	begin(0);
	CHECK_EQ(io_uring_register_buffers_sparse(&ring, 1), 0);
	CHECK_SYS(setrlimit(RLIMIT_MEMLOCK, &none));
	RETURNS(-ENOMEM, "", io_uring_register_region(&ring, &reg));
	STATES("io_uring_register_buffers_update_tag", -ENOMEM, "");
	CHECK_EQ(io_uring_register_buffers_update_tag(&ring, 0, &buffer, &no_tag, 1), -ENOMEM);
	STATES("io_uring_setup_buf_ring", -ENOMEM, "");
	CHECK(!io_uring_setup_buf_ring(&ring, 8, 9, 0, &ret));
	CHECK_EQ(ret, -ENOMEM);
	STATES("io_uring_register_buf_ring", -ENOMEM, "");
}
