/* Requests on open files that transfer no data: closing, sizes, slots and advice. */
#include "page.h"
#include <linux/fs.h>
#include <sys/ioctl.h>

TEST(io_uring_prep_close)
{
	int fd;

	begin(0);
	fd = dup(1);
	GIVES(0, "posts one CQE | res is 0 | flags is 0", io_uring_prep_close(sqe, fd));
	CHECK(!fd_is_open(fd));
	GIVES(-EBADF, "fd is not open", io_uring_prep_close(sqe, 900));
	GIVES(-EBADF, "descriptor of a ring", io_uring_prep_close(sqe, ring.ring_fd));
	GIVES(-EBADF, "IOSQE_FIXED_FILE is set.", io_uring_prep_close(sqe, fd); sqe->flags |= IOSQE_FIXED_FILE);
	GIVES(-EINVAL, "another field", io_uring_prep_close(sqe, fd); sqe->off = 1);
	GIVES(-EINVAL, "another field", io_uring_prep_close(sqe, fd); sqe->addr = 1);
	GIVES(-EINVAL, "another field", io_uring_prep_close(sqe, fd); sqe->len = 1);
	GIVES(-EINVAL, "another field", io_uring_prep_close(sqe, fd); sqe->rw_flags = 1);
	GIVES(-EINVAL, "another field", io_uring_prep_close(sqe, fd); sqe->buf_index = 1);
	GIVES(-ENXIO, "", io_uring_prep_close_direct(sqe, 0));
	CHECK_EQ(io_uring_register_files_sparse(&ring, 2), 0);
	GIVES(-EBADF, "the slot is empty", io_uring_prep_close_direct(sqe, 0));
	GIVES(-EBADF, "which is not allowed",
	      io_uring_prep_close_direct(sqe, 0); sqe->flags |= IOSQE_FIXED_FILE);
	GIVES(-EINVAL, "beyond the table", io_uring_prep_close_direct(sqe, 2));
	begin(IORING_SETUP_IOPOLL);
	GIVES(-EINVAL, "another field", io_uring_prep_close(sqe, dup(1)));
	CHECK_EQ(io_uring_register_files_sparse(&ring, 2), 0);
	GIVES(-EINVAL, "the ring has IORING_SETUP_IOPOLL", io_uring_prep_close_direct(sqe, 0));
}

TEST(io_uring_prep_fsync)
{
	int file = tmp_open("file", 0), path, pipe[2];

	make_pipe(pipe);
	path = open(tmp_path("file"), O_PATH);
	begin(0);
	GIVES(0, "posts one CQE | res is 0 | flags is 0", io_uring_prep_fsync(sqe, file, 0));
	GIVES(-EBADF, "", io_uring_prep_fsync(sqe, 900, 0));
	GIVES(-EBADF, "", io_uring_prep_fsync(sqe, path, 0));
	GIVES(-EINVAL, "can't be flushed", io_uring_prep_fsync(sqe, pipe[0], 0));
	GIVES(-EINVAL, "a flag", io_uring_prep_fsync(sqe, file, 2));
	GIVES(-EINVAL, "is not 0", io_uring_prep_fsync(sqe, file, 0); sqe->buf_index = 1);
	GIVES(-EINVAL, "is not 0", io_uring_prep_fsync(sqe, file, 0); sqe->ioprio = 1);
	begin(IORING_SETUP_IOPOLL);
	GIVES(-EINVAL, "IORING_SETUP_IOPOLL", io_uring_prep_fsync(sqe, file, 0));
}

TEST(io_uring_prep_ftruncate)
{
	int file = tmp_open("file", 0), path, pipe[2], read_only, sealed = memfd_create("x", MFD_ALLOW_SEALING);
	struct rlimit limit = { 50, 50 };

	make_pipe(pipe);
	path = open(tmp_path("file"), O_PATH);
	read_only = open(tmp_path("file"), O_RDONLY);
	CHECK_SYS(fcntl(sealed, F_ADD_SEALS, F_SEAL_GROW));
	begin(0);
	GIVES(0, "posts one CQE | res is 0 | flags is 0", io_uring_prep_ftruncate(sqe, file, 10));
	GIVES(-EBADF, "", io_uring_prep_ftruncate(sqe, 900, 0));
	GIVES(-EBADF, "", io_uring_prep_ftruncate(sqe, path, 0));
	GIVES(-EFBIG, "", io_uring_prep_ftruncate(sqe, file, LLONG_MAX));
	GIVES(-EINVAL, "not a regular file", io_uring_prep_ftruncate(sqe, pipe[1], 0));
	GIVES(-EINVAL, "not a regular file", io_uring_prep_ftruncate(sqe, read_only, 0));
	GIVES(-EINVAL, "len is negative", io_uring_prep_ftruncate(sqe, file, -1));
	GIVES(-EINVAL, "another field", io_uring_prep_ftruncate(sqe, file, 0); sqe->rw_flags = 1);
	GIVES(-EINVAL, "another field", io_uring_prep_ftruncate(sqe, file, 0); sqe->addr = 1);
	GIVES(-EINVAL, "another field", io_uring_prep_ftruncate(sqe, file, 0); sqe->len = 1);
	GIVES(-EINVAL, "another field", io_uring_prep_ftruncate(sqe, file, 0); sqe->buf_index = 1);
	GIVES(-EINVAL, "another field", io_uring_prep_ftruncate(sqe, file, 0); sqe->splice_fd_in = 1);
	GIVES(-EPERM, "", io_uring_prep_ftruncate(sqe, sealed, 10));
	signal(SIGXFSZ, SIG_IGN);
	CHECK_SYS(setrlimit(RLIMIT_FSIZE, &limit));
	GIVES(-EFBIG, "", io_uring_prep_ftruncate(sqe, file, 51));
	begin(IORING_SETUP_IOPOLL);
	GIVES(-EINVAL, "IORING_SETUP_IOPOLL", io_uring_prep_ftruncate(sqe, file, 0));
}

TEST(io_uring_prep_fallocate)
{
	int file = tmp_open("file", 0), pipe[2], read_only, sealed = memfd_create("x", MFD_ALLOW_SEALING), small;

	make_pipe(pipe);
	read_only = open(tmp_path("file"), O_RDONLY);
	CHECK_SYS(fcntl(sealed, F_ADD_SEALS, F_SEAL_GROW));
	begin(0);
	GIVES(0, "posts one CQE | res is 0 | flags is 0", io_uring_prep_fallocate(sqe, file, 0, 0, 10));
	GIVES(-EBADF, "", io_uring_prep_fallocate(sqe, 900, 0, 0, 10));
	GIVES(-EBADF, "", io_uring_prep_fallocate(sqe, read_only, 0, 0, 10));
	GIVES(-EFBIG, "", io_uring_prep_fallocate(sqe, file, 0, LLONG_MAX - 10, 10));
	GIVES(-EINVAL, "len is 0", io_uring_prep_fallocate(sqe, file, 0, 0, 0));
	GIVES(-EINVAL, "is negative", io_uring_prep_fallocate(sqe, file, 0, (__u64)-1, 10));
	GIVES(-EINVAL, "is negative", io_uring_prep_fallocate(sqe, file, 0, 0, (__u64)-1));
	GIVES(-EINVAL, "sqe->buf_index", io_uring_prep_fallocate(sqe, file, 0, 0, 10); sqe->buf_index = 1);
	GIVES(-EINVAL, "sqe->buf_index", io_uring_prep_fallocate(sqe, file, 0, 0, 10); sqe->rw_flags = 1);
	GIVES(-EINVAL, "sqe->buf_index", io_uring_prep_fallocate(sqe, file, 0, 0, 10); sqe->ioprio = 1);
	GIVES(-ENODEV, "", io_uring_prep_fallocate(sqe, open("/dev/null", O_WRONLY), 0, 0, 10));
	GIVES(-EOPNOTSUPP, "", io_uring_prep_fallocate(sqe, file, 0x4000, 0, 10));
	GIVES(-EOPNOTSUPP, "", io_uring_prep_fallocate(sqe, file, FALLOC_FL_PUNCH_HOLE, 0, 10));
	GIVES(-EPERM, "", io_uring_prep_fallocate(sqe, sealed, 0, 0, 10));
	GIVES(-ESPIPE, "", io_uring_prep_fallocate(sqe, pipe[1], 0, 0, 10));
	begin(IORING_SETUP_IOPOLL);
	GIVES(-EINVAL, "IORING_SETUP_IOPOLL", io_uring_prep_fallocate(sqe, file, 0, 0, 10));
	begin(0);
	CHECK_SYS(chdir(mounted("small", "size=16k", 0)));
	small = open("file", O_CREAT | O_RDWR, 0600);
	GIVES(-ENOSPC, "", io_uring_prep_fallocate(sqe, small, 0, 0, 65536));
}

TEST(io_uring_prep_fadvise)
{
	int file = tmp_filled("file", 100, 1), pipe[2];

	make_pipe(pipe);
	begin(0);
	GIVES(0, "posts one CQE | res is 0 | flags is 0", io_uring_prep_fadvise(sqe, file, 0, 0, POSIX_FADV_RANDOM));
	GIVES(-EBADF, "", io_uring_prep_fadvise(sqe, 900, 0, 0, POSIX_FADV_RANDOM));
	GIVES(-EINVAL, "advice", io_uring_prep_fadvise(sqe, file, 0, 0, 99));
	GIVES(-EINVAL, "len", io_uring_prep_fadvise64(sqe, file, 0, -1, POSIX_FADV_RANDOM));
	GIVES(-EINVAL, "is not 0", io_uring_prep_fadvise(sqe, file, 0, 0, 0); sqe->buf_index = 1);
	GIVES(-EINVAL, "is not 0", io_uring_prep_fadvise(sqe, file, 0, 0, 0); sqe->ioprio = 1);
	GIVES(-ESPIPE, "", io_uring_prep_fadvise(sqe, pipe[0], 0, 0, POSIX_FADV_RANDOM));
	begin(IORING_SETUP_IOPOLL);
	GIVES(-EINVAL, "IORING_SETUP_IOPOLL", io_uring_prep_fadvise(sqe, file, 0, 0, POSIX_FADV_RANDOM));
}

TEST(io_uring_prep_madvise)
{
	char *p = mmap(NULL, 3 * LARGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *private = mmap(NULL, LARGE_PAGE, PROT_READ, MAP_PRIVATE, tmp_open("file", 0), 0);

	CHECK(p != MAP_FAILED && private != MAP_FAILED);
	begin(0);
	GIVES(0, "posts one CQE | res is 0 | flags is 0", io_uring_prep_madvise(sqe, p, LARGE_PAGE, MADV_NORMAL));
	GIVES(-EINVAL, "advice", io_uring_prep_madvise(sqe, p, LARGE_PAGE, 999));
	GIVES(-EINVAL, "addr", io_uring_prep_madvise(sqe, p + 1, LARGE_PAGE, MADV_NORMAL));
	GIVES(-EINVAL, "length", io_uring_prep_madvise64(sqe, p, -LARGE_PAGE, MADV_NORMAL));
	GIVES(-EINVAL, "is not 0", io_uring_prep_madvise(sqe, p, LARGE_PAGE, 0); sqe->buf_index = 1);
	GIVES(-EINVAL, "is not 0", io_uring_prep_madvise(sqe, p, LARGE_PAGE, 0); sqe->ioprio = 1);
	GIVES(-EACCES, "", io_uring_prep_madvise(sqe, private, LARGE_PAGE, MADV_REMOVE));
	*p = p[2 * LARGE_PAGE] = 1;
	CHECK_SYS(munmap(p + LARGE_PAGE, LARGE_PAGE));
	GIVES(-ENOMEM, "", io_uring_prep_madvise(sqe, p, 3 * LARGE_PAGE, MADV_DONTNEED));
	CHECK_EQ(*p | p[2 * LARGE_PAGE], 0);
	begin(IORING_SETUP_IOPOLL);
	GIVES(-EINVAL, "IORING_SETUP_IOPOLL", io_uring_prep_madvise(sqe, p, LARGE_PAGE, MADV_NORMAL));
	begin(0);
	CHECK_SYS(mprotect(p, LARGE_PAGE, PROT_READ));
	if (syscall(462 /* mseal */, p, LARGE_PAGE, 0) == 0)
		GIVES(-EPERM, "", io_uring_prep_madvise(sqe, p, LARGE_PAGE, MADV_DONTNEED));
}

#define SYNC(FD, LEN, OFFSET, FLAGS) io_uring_prep_sync_file_range(sqe, FD, LEN, OFFSET, FLAGS)

TEST(io_uring_prep_sync_file_range)
{
	int file = tmp_filled("file", 100, 1), pipe[2];

	make_pipe(pipe);
	begin(0);
	GIVES(0, "posts one CQE | res is 0 | flags is 0", SYNC(file, 0, 0, SYNC_FILE_RANGE_WRITE));
	GIVES(-EBADF, "", SYNC(900, 0, 0, 0));
	GIVES(-EINVAL, "a flag", SYNC(file, 0, 0, 8));
	GIVES(-EINVAL, "offset", SYNC(file, 0, (__u64)-1, 0));
	GIVES(-EINVAL, "offset", SYNC(file, 10, LLONG_MAX, 0));
	GIVES(-EINVAL, "is not 0", SYNC(file, 0, 0, 0); sqe->buf_index = 1);
	GIVES(-EINVAL, "is not 0", SYNC(file, 0, 0, 0); sqe->ioprio = 1);
	GIVES(-ESPIPE, "", SYNC(pipe[1], 0, 0, 0));
	begin(IORING_SETUP_IOPOLL);
	GIVES(-EINVAL, "IORING_SETUP_IOPOLL", SYNC(file, 0, 0, 0));
}

TEST(io_uring_prep_files_update)
{
	int fds[3] = { 1, 900, 1 };
	__u64 tag = 77;

	begin(0);
	GIVES(-ENXIO, "", io_uring_prep_files_update(sqe, fds, 1, 0));
	CHECK_EQ(io_uring_register_files_tags(&ring, fds, &tag, 1), 0);
	STATES("io_uring_prep_files_update", "a CQE with the tag");
	io_uring_prep_files_update(next_sqe(&ring, 1), fds, 1, 0);
	submit_one(&ring);
	collect(&ring, 2);
	CHECK_EQ(res_of(1), 1);
	CHECK_EQ(res_of(77), 0);
	begin(0);
	CHECK_EQ(io_uring_register_files_sparse(&ring, 4), 0);
	GIVES(1, "posts one CQE | flags is 0", io_uring_prep_files_update(sqe, fds, 1, 1));
	GIVES(1, "the reason is not reported | Unless offset", io_uring_prep_files_update(sqe, fds, 3, 0));
	STATES("io_uring_prep_files_update", "The entries before");
	GIVES(-EBADF, "", io_uring_prep_close_direct(sqe, 1));
	GIVES(-EBADF, "", io_uring_prep_close_direct(sqe, 2));
	GIVES(0, "", io_uring_prep_close_direct(sqe, 0));
	fds[1] = IORING_REGISTER_FILES_SKIP;
	GIVES(3, "res is the number", io_uring_prep_files_update(sqe, fds, 3, 0));
	GIVES(-EBADF, "fds[0]", io_uring_prep_files_update(sqe, (int[]){ 900 }, 1, 0));
	GIVES(-EBADF, "fds[0]", io_uring_prep_files_update(sqe, &ring.ring_fd, 1, 0));
	GIVES(-EFAULT, "", io_uring_prep_files_update(sqe, (int *)bad, 1, 0));
	GIVES(-EINVAL, "nr_fds is 0", io_uring_prep_files_update(sqe, fds, 0, 0));
	GIVES(-EINVAL, "beyond", io_uring_prep_files_update(sqe, fds, 3, 2));
	GIVES(-EINVAL, "IOSQE_", io_uring_prep_files_update(sqe, fds, 1, 0); sqe->flags |= IOSQE_FIXED_FILE);
	GIVES(-EINVAL, "sqe->rw_flags", io_uring_prep_files_update(sqe, fds, 1, 0); sqe->rw_flags = 1);
	GIVES(-EOPNOTSUPP, "", io_uring_prep_files_update(sqe, fds, 1, 0); sqe->flags |= IOSQE_BUFFER_SELECT);
	GIVES(-EINVAL, "sqe->rw_flags", io_uring_prep_files_update(sqe, fds, 1, 0); sqe->ioprio = 1);
	GIVES(-EOVERFLOW, "", io_uring_prep_files_update(sqe, fds, 3, -2));
	fds[1] = 1;
	GIVES(3, "", io_uring_prep_files_update(sqe, fds, 3, 0));
	GIVES(1, "", io_uring_prep_files_update(sqe, fds, 1, 3));
	GIVES(-ENFILE, "", io_uring_prep_files_update(sqe, fds, 1, IORING_FILE_INDEX_ALLOC));
}

TEST(io_uring_prep_fixed_fd_install)
{
	int fd = 1, id;

	begin(0);
	GIVES(-EBADF, "the slot", io_uring_prep_fixed_fd_install(sqe, 0, 0));
	CHECK_EQ(io_uring_register_files_sparse(&ring, 2), 0);
	CHECK_EQ(io_uring_register_files_update(&ring, 0, &fd, 1), 1);
	STATES("io_uring_prep_fixed_fd_install", "posts one CQE | res is the new descriptor | flags is 0");
	STATES_FD(io_uring_prep_fixed_fd_install(sqe, 0, 0));
	GIVES(-EBADF, "the slot", io_uring_prep_fixed_fd_install(sqe, 1, 0));
	GIVES(-EBADF, "the slot", io_uring_prep_fixed_fd_install(sqe, 2, 0));
	GIVES(-EBADF, "removed", io_uring_prep_fixed_fd_install(sqe, 0, 0); sqe->flags = 0);
	GIVES(-EINVAL, "flags has another bit", io_uring_prep_fixed_fd_install(sqe, 0, 2));
	GIVES(-EINVAL, "another field", io_uring_prep_fixed_fd_install(sqe, 0, 0); sqe->off = 1);
	GIVES(-EINVAL, "another field", io_uring_prep_fixed_fd_install(sqe, 0, 0); sqe->addr = 1);
	GIVES(-EINVAL, "another field", io_uring_prep_fixed_fd_install(sqe, 0, 0); sqe->len = 1);
	GIVES(-EINVAL, "another field", io_uring_prep_fixed_fd_install(sqe, 0, 0); sqe->buf_index = 1);
	id = io_uring_register_personality(&ring);
	CHECK(id > 0);
	GIVES(-EPERM, "", io_uring_prep_fixed_fd_install(sqe, 0, 0); sqe->personality = (__u16)id);
	no_descriptor_left();
	GIVES(-EMFILE, "", io_uring_prep_fixed_fd_install(sqe, 0, 0));
}

TEST(io_uring_prep_fixed_fd_install__polled)
{
	int fd = 1;

	begin(IORING_SETUP_IOPOLL);
	CHECK_EQ(io_uring_register_files(&ring, &fd, 1), 0);
	GIVES(-EINVAL, "IORING_SETUP_IOPOLL", io_uring_prep_fixed_fd_install(sqe, 0, 0));
}

TEST(io_uring_prep_pipe)
{
	static int fds[2];

	begin(0);
	GIVES(0, "One CQE. | res is 0 | flags is 0 | The application owns", io_uring_prep_pipe(sqe, fds, 0));
	CHECK(fd_is_open(fds[0]) && fd_is_open(fds[1]));
	GIVES(-ENXIO, "", io_uring_prep_pipe_direct(sqe, fds, 0, 0));
	GIVES(-ENFILE, "IORING_FILE_INDEX_ALLOC", io_uring_prep_pipe_direct(sqe, fds, 0, IORING_FILE_INDEX_ALLOC));
	CHECK_EQ(io_uring_register_files_sparse(&ring, 1), 0);
	GIVES(-ENFILE, "IORING_FILE_INDEX_ALLOC", io_uring_prep_pipe_direct(sqe, fds, 0, IORING_FILE_INDEX_ALLOC));
	GIVES(-EINVAL, "file_index", io_uring_prep_pipe_direct(sqe, fds, 0, 0));
	GIVES(-EINVAL, "file_index", io_uring_prep_pipe_direct(sqe, fds, 0, 1));
	GIVES(-EFAULT, "", io_uring_prep_pipe(sqe, (int *)bad, 0));
	GIVES(-EINVAL, "a flag", io_uring_prep_pipe(sqe, fds, 1));
	GIVES(-EINVAL, "a flag", io_uring_prep_pipe_direct(sqe, fds, O_CLOEXEC, 0));
	begin(IORING_SETUP_IOPOLL);
	GIVES(-EINVAL, "IORING_SETUP_IOPOLL", io_uring_prep_pipe(sqe, fds, 0));
	begin(0);
	no_descriptor_left();
	GIVES(-EMFILE, "", io_uring_prep_pipe(sqe, fds, 0));
}
