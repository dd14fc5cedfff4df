/* Whose rights a request has: threads of one process can have credentials, a working directory and a mask of their own,
 * and each request is done with those of the thread that submitted it. */
#include "io.h"
#include <pthread.h>
#include <grp.h>
#include <sched.h>
#include <sys/un.h>

#define USER 23456
#define GROUP 34567

static struct io_uring ring;
/* What the second thread does. */
static void (*in_thread)(void);

static void *call(void *unused)
{
	(void)unused;
	in_thread();
	return NULL;
}

static void second_thread(void (*what)(void))
{
	pthread_t thread;

	in_thread = what;
	CHECK_EQ(pthread_create(&thread, NULL, call, NULL), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

static int mkdir_now(int dir, const char *name, mode_t mode)
{
	io_uring_prep_mkdirat(next_sqe(&ring, 1), dir, name, mode);
	return run_res(&ring);
}

static int open_now(const char *path, int flags)
{
	io_uring_prep_openat(next_sqe(&ring, 1), AT_FDCWD, path, flags, 0600);
	return run_res(&ring);
}

static struct stat stat_of(const char *name)
{
	struct stat st;

	CHECK_SYS(stat(tmp_path(name), &st));
	return st;
}

/* A ring whose workers the first thread has made, in the case's folder, with the mask 022. */
static void start(void)
{
	need_op(IORING_OP_MKDIRAT);
	ring_init(&ring, 8, 0);
	umask(022);
	CHECK_SYS(chdir(tmp_dir()));
	CHECK_EQ(mkdir_now(AT_FDCWD, "first", 0777), 0);
}

/* As root, and with a folder that everybody may write to. */
static void start_as_root(void)
{
	if (geteuid())
		SKIP("changing credentials needs root");
	start();
	CHECK_SYS(chmod(tmp_dir(), 0777));
	if (setgroups(0, NULL))
		SKIP("setgroups: %s", strerror(errno));
}

/* Of the calling thread alone. */
static void become(uid_t user, gid_t group)
{
	CHECK_SYS(syscall(SYS_setresgid, -1, group, -1));
	CHECK_SYS(syscall(SYS_setresuid, -1, user, -1));
}

static void as_user(void)
{
	int fd;

	become(USER, GROUP);
	CHECK_EQ(mkdir_now(AT_FDCWD, "theirs", 0700), 0);
	CHECK_EQ(open_now("secret", O_RDONLY), -EACCES);
	CHECK_EQ(open_now("secret", O_WRONLY | O_TRUNC), -EACCES);
	fd = open_now("created", O_WRONLY | O_CREAT | O_EXCL);
	CHECK(fd >= 0);
	close(fd);
}

static void is_owned(const char *name, uid_t user, gid_t group)
{
	struct stat st = stat_of(name);

	CHECK_EQ(st.st_uid, user);
	CHECK_EQ(st.st_gid, group);
}

TEST(credentials_of_a_thread)
{
	start_as_root();
	close(tmp_filled("secret", 10, 1));
	CHECK_SYS(chmod(tmp_path("secret"), 0600));
	second_thread(as_user);
	is_owned("theirs", USER, GROUP);
	is_owned("created", USER, GROUP);
	/* The first thread has kept its own. */
	CHECK_EQ(mkdir_now(AT_FDCWD, "mine", 0700), 0);
	is_owned("mine", 0, getegid());
	CHECK(open_now("secret", O_RDONLY) >= 0);
	io_uring_queue_exit(&ring);
}

static int fds[2];

static void chain_as_user(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "socket" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), count = 2;
	struct io_uring_sqe *sqe;
	char in[4];

	CHECK_SYS(fd);
	become(USER, GROUP);
	sqe = next_sqe(&ring, 1);
	io_uring_prep_read(sqe, fds[0], in, sizeof(in), 0);
	io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
	sqe = next_sqe(&ring, 2);
	io_uring_prep_mkdirat(sqe, AT_FDCWD, "chained", 0700);
	if (have_op(IORING_OP_BIND)) {
		io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
		io_uring_prep_bind(next_sqe(&ring, 3), fd, (struct sockaddr *)&name, sizeof(name));
		count = 3;
	}
	submit_n(&ring, count);
	CHECK_EQ(wait_res(&ring, 1), 4);
	CHECK_EQ(wait_res(&ring, 2), 0);
	if (count == 3)
		CHECK_EQ(wait_res(&ring, 3), 0);
	close(fd);
}

static void *write_later(void *unused)
{
	(void)unused;
	usleep(50000);
	fd_write(fds[1], "data", 4);
	return NULL;
}

/* The chain goes on when its first request has ended, wherever that is noticed. */
TEST(credentials_of_a_chain)
{
	pthread_t writer;

	NOT_UNDER("valgrind", "it runs no other thread while one is in io_uring_enter");
	start_as_root();
	make_pipe(fds);
	CHECK_EQ(pthread_create(&writer, NULL, write_later, NULL), 0);
	second_thread(chain_as_user);
	CHECK_EQ(pthread_join(writer, NULL), 0);
	is_owned("chained", USER, GROUP);
	if (have_op(IORING_OP_BIND))
		is_owned("socket", USER, GROUP);
	io_uring_queue_exit(&ring);
}

/* libc's functions change all threads. */
TEST(credentials_of_the_process)
{
	start_as_root();
	CHECK_SYS(setegid(GROUP));
	CHECK_SYS(seteuid(USER));
	CHECK_EQ(mkdir_now(AT_FDCWD, "all", 0700), 0);
	/* The path of the folder may lead through one that is root's alone. */
	CHECK_SYS(seteuid(0));
	is_owned("all", USER, GROUP);
	io_uring_queue_exit(&ring);
}

static void apart(void)
{
	if (unshare(CLONE_FS))
		SKIP("unshare: %s", strerror(errno));
	CHECK_SYS(chdir("first"));
	umask(077);
	CHECK_EQ(mkdir_now(AT_FDCWD, "inner", 0777), 0);
	/* Relative to a descriptor it is the mask that counts. */
	CHECK_EQ(mkdir_now(AT_FDCWD, "../outer", 0777), 0);
}

TEST(folder_and_mask_of_a_thread)
{
	start();
	second_thread(apart);
	CHECK_EQ(stat_of("first/inner").st_mode, S_IFDIR | 0700);
	CHECK_EQ(stat_of("outer").st_mode, S_IFDIR | 0700);
	/* The first thread is where it was. */
	CHECK_EQ(mkdir_now(AT_FDCWD, "last", 0777), 0);
	CHECK_EQ(stat_of("last").st_mode, S_IFDIR | 0755);
	io_uring_queue_exit(&ring);
}

/* Threads that share them see each other's changes at once. */
TEST(folder_and_mask_of_the_process)
{
	start();
	CHECK_SYS(chdir("first"));
	umask(077);
	CHECK_EQ(mkdir_now(AT_FDCWD, "here", 0777), 0);
	CHECK_EQ(stat_of("first/here").st_mode, S_IFDIR | 0700);
	io_uring_queue_exit(&ring);
}
