/* Requests that move data between pipes and files. */
#include "page.h"

static int in[2], out[2], file;

static void some_pipes(void)
{
	make_pipe(in);
	make_pipe(out);
	file = tmp_filled("file", 100, 1);
	CHECK_SYS(fcntl(out[1], F_SETPIPE_SZ, 4096));
	signal(SIGPIPE, SIG_IGN);
	begin(0);
}

#define SPLICE(IN, OFF_IN, OUT, OFF_OUT, FLAGS) io_uring_prep_splice(sqe, IN, OFF_IN, OUT, OFF_OUT, 8192, FLAGS)
#define TEE(IN, OUT, FLAGS) io_uring_prep_tee(sqe, IN, OUT, 8192, FLAGS)

TEST(io_uring_prep_splice)
{
	static char page[8192];

	some_pipes();
	GIVES(100, "posts one CQE | res is the number | flags is 0", SPLICE(file, 0, in[1], -1, 0));
	GIVES(0, "the end of the file, or a pipe", SPLICE(file, 100, in[1], -1, 0));
	GIVES(-EAGAIN, "", SPLICE(out[0], -1, file, 0, SPLICE_F_NONBLOCK));
	GIVES(100, "Fewer bytes", SPLICE(in[0], -1, out[1], -1, 0));
	GIVES(100, "", SPLICE(out[0], -1, file, 0, 0));
	fd_write(out[1], page, 4096);
	fd_write(in[1], page, 10);
	GIVES(-EAGAIN, "", SPLICE(in[0], -1, out[1], -1, SPLICE_F_NONBLOCK));
	GIVES(-EBADF, "a descriptor", SPLICE(900, -1, out[1], -1, 0));
	GIVES(-EBADF, "a descriptor", SPLICE(in[0], -1, 900, -1, 0));
	GIVES(-EBADF, "a descriptor", SPLICE(in[1], -1, file, 0, 0));
	GIVES(-EBADF, "no file", SPLICE(0, -1, file, 0, SPLICE_F_FD_IN_FIXED));
	GIVES(-EINVAL, "neither", SPLICE(file, 0, file, 0, 0));
	GIVES(-EINVAL, "both", SPLICE(in[0], -1, in[1], -1, 0));
	GIVES(-EINVAL, "can't seek", SPLICE(in[0], -1, socket(AF_UNIX, SOCK_STREAM, 0), 0, 0));
	GIVES(-EINVAL, "O_APPEND", SPLICE(in[0], -1, tmp_open("append", O_APPEND), -1, 0));
	GIVES(-EINVAL, "doesn't support splice", SPLICE(open("/proc/self/ns/net", O_RDONLY), -1, in[1], -1, 0));
	GIVES(-EINVAL, "a flag", SPLICE(in[0], -1, file, 0, 1U << 20));
	GIVES(-ESPIPE, "", SPLICE(in[0], 0, file, 0, 0));
	GIVES(-ESPIPE, "", SPLICE(file, 0, in[1], 0, 0));
	close(out[0]);
	GIVES(-EPIPE, "", SPLICE(in[0], -1, out[1], -1, 0));
	some_pipes();
	STARTS(7, SPLICE(in[0], -1, file, 0, 0));
	/* Until a worker waits. */
	usleep(100000);
	STATES("io_uring_prep_splice", -512, "");
	CANCELS(7);
	CHECK_EQ(res_of(7), -512);
	close(in[1]);
	GIVES(0, "the end of the file, or a pipe", SPLICE(in[0], -1, file, 0, 0));
}

TEST(io_uring_prep_tee)
{
	static char page[4096];

	some_pipes();
	GIVES(-EAGAIN, "", TEE(in[0], out[1], SPLICE_F_NONBLOCK));
	fd_write(in[1], page, 10);
	GIVES(10, "posts one CQE | res is the number | flags is 0 | Fewer bytes", TEE(in[0], out[1], 0));
	CHECK_EQ(read(out[0], page, 10), 10);
	fd_write(out[1], page, 4096);
	GIVES(-EAGAIN, "", TEE(in[0], out[1], SPLICE_F_NONBLOCK));
	GIVES(-EBADF, "a descriptor", TEE(900, out[1], 0));
	GIVES(-EBADF, "a descriptor", TEE(in[0], 900, 0));
	GIVES(-EBADF, "a descriptor", TEE(in[1], out[1], 0));
	GIVES(-EBADF, "no file", TEE(0, out[1], SPLICE_F_FD_IN_FIXED));
	GIVES(-EINVAL, "not a pipe", TEE(file, out[1], 0));
	GIVES(-EINVAL, "both", TEE(in[0], in[1], 0));
	GIVES(-EINVAL, "a flag", TEE(in[0], out[1], 1U << 20));
	close(out[0]);
	GIVES(-EPIPE, "", TEE(in[0], out[1], 0));
	some_pipes();
	STARTS(7, TEE(in[0], out[1], 0));
	/* Until a worker waits. */
	usleep(100000);
	STATES("io_uring_prep_tee", -512, "");
	CANCELS(7);
	CHECK_EQ(res_of(7), -512);
	close(in[1]);
	GIVES(0, "0 means", TEE(in[0], out[1], 0));
}
