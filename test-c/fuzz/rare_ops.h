/* Requests that succeed only after others: without these sequences random programs hardly get there. */
#include "raw_ops.h"

/* Submits the entry that was prepared last, and waits for it. */
static int one(struct slot *s, struct io_uring_sqe *sqe, unsigned flags)
{
	numbered(s, sqe, flags);
	return submit_alone(s);
}

/* A server and a client, from the first socket to the end of the connection. */
static void meet(struct slot *s, struct io_uring_sqe *sqe)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	socklen_t length = sizeof(name.sun_family);
	int server, client, taken, value = 1;

	io_uring_prep_socket(sqe, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, 0);
	server = one(s, sqe, 0);
	/* The system chooses a name. */
	io_uring_prep_bind(sqe = another(s), server, (void *)&name, length);
	one(s, sqe, 0);
	io_uring_prep_listen(sqe = another(s), server, 2);
	one(s, sqe, 0);
	length = sizeof(name);
	getsockname(server, (void *)&name, &length);
	client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	io_uring_prep_connect(sqe = another(s), client, (void *)&name, length);
	one(s, sqe, 0);
	io_uring_prep_accept(sqe = another(s), server, NULL, NULL, SOCK_CLOEXEC);
	taken = one(s, sqe, 0);
	io_uring_prep_cmd_sock(sqe = another(s), SOCKET_URING_OP_SETSOCKOPT, taken, SOL_SOCKET, SO_PASSCRED, &value,
			       sizeof(value));
	if (s->ring.flags & IORING_SETUP_SQE128 && !known("newer"))
		sqe->opcode = IORING_OP_URING_CMD128;
	one(s, sqe, 0);
	io_uring_prep_cmd_sock(sqe = another(s), SOCKET_URING_OP_SIOCINQ, taken, 0, 0, NULL, 0);
	one(s, sqe, 0);
	io_uring_prep_shutdown(sqe = another(s), client, SHUT_WR);
	one(s, sqe, 0);
	close(server);
	close(client);
	close(taken);
}

/* Attributes of a file with a name, and of the file without one. */
static void mark(struct slot *s, struct io_uring_sqe *sqe)
{
	static char path[96], value[16];
	int fd;

	open_folder();
	snprintf(path, sizeof(path), "%s/%s", folder_path, file_names[0]);
	io_uring_prep_openat(sqe, folder, file_names[0], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	fd = one(s, sqe, 0);
	if (fd >= 0)
		close(fd);
	io_uring_prep_setxattr(sqe = another(s), "user.fuzz", "12345678", path, 0, 4);
	one(s, sqe, 0);
	io_uring_prep_getxattr(sqe = another(s), "user.fuzz", value, path, sizeof(value));
	one(s, sqe, 0);
	io_uring_prep_fsetxattr(sqe = another(s), file, "user.fuzz", "12345678", 0, 5);
	one(s, sqe, 0);
	io_uring_prep_fgetxattr(sqe = another(s), file, "user.fuzz", value, sizeof(value));
	one(s, sqe, 0);
	note(" %.8s", value);
}

/* Buffers and files that are registered. */
static void hold(struct slot *s, struct io_uring_sqe *sqe)
{
	static struct iovec all[2], part;
	static __u64 no_tags[2];
	static int numbers[2], both[2];
	struct io_uring *ring = &s->ring;
	int fd;

	all[0] = (struct iovec){ data[0], 512 };
	all[1] = (struct iovec){ data[1], 512 };
	part = (struct iovec){ data[1], 100 };
	COMMAND(IORING_UNREGISTER_BUFFERS, io_uring_unregister_buffers(ring));
	COMMAND(IORING_REGISTER_BUFFERS2, io_uring_register_buffers_sparse(ring, 2));
	COMMAND(IORING_REGISTER_BUFFERS_UPDATE, io_uring_register_buffers_update_tag(ring, 0, all, no_tags, 2));
	io_uring_prep_write_fixed(sqe, file, data[0], 200, 0, 0);
	one(s, sqe, 0);
	io_uring_prep_writev_fixed(sqe = another(s), file, &part, 1, 100, 0, 1);
	one(s, sqe, 0);
	io_uring_prep_read_fixed(sqe = another(s), file, data[0], 100, 0, 0);
	one(s, sqe, 0);
	io_uring_prep_readv_fixed(sqe = another(s), file, &part, 1, 100, 0, 1);
	one(s, sqe, 0);
	COMMAND(IORING_UNREGISTER_FILES, io_uring_unregister_files(ring));
	COMMAND(IORING_REGISTER_FILES2, io_uring_register_files_sparse(ring, 2));
	numbers[0] = file;
	numbers[1] = -1;
	COMMAND(IORING_REGISTER_FILES_UPDATE, io_uring_register_files_update(ring, 0, numbers, 2));
	COMMAND(IORING_REGISTER_FILES_UPDATE2, io_uring_register_files_update_tag(ring, 0, numbers, no_tags, 2));
	io_uring_prep_files_update(sqe = another(s), numbers, 2, 0);
	one(s, sqe, 0);
	io_uring_prep_fixed_fd_install(sqe = another(s), 0, 0);
	fd = one(s, sqe, sqe->flags);
	if (fd >= 0)
		close(fd);
	io_uring_prep_pipe(sqe = another(s), both, O_CLOEXEC);
	if (!one(s, sqe, 0)) {
		close(both[0]);
		close(both[1]);
	}
}

/* Requests that wait, and the ones that end that. */
static void wait_and_wake(struct slot *s, struct io_uring_sqe *sqe)
{
	static uint32_t word;
	static struct futex_waitv all;
	static struct epoll_event found, wanted = { .events = EPOLLIN };
	int set = epoll_create1(EPOLL_CLOEXEC), full = eventfd(1, EFD_CLOEXEC);

	all = (struct futex_waitv){ 0, (uintptr_t)&word, FUTEX2_SIZE_U32 | FUTEX2_PRIVATE, 0 };
	io_uring_prep_futex_wait(sqe, &word, 0, FUTEX_BITSET_MATCH_ANY, FUTEX2_SIZE_U32 | FUTEX2_PRIVATE, 0);
	numbered(s, sqe, 0);
	io_uring_prep_futex_wake(sqe = another(s), &word, 1, FUTEX_BITSET_MATCH_ANY, FUTEX2_SIZE_U32 | FUTEX2_PRIVATE, 0);
	one(s, sqe, 0);
	io_uring_prep_futex_waitv(sqe = another(s), &all, 1, 0);
	numbered(s, sqe, 0);
	io_uring_prep_futex_wake(sqe = another(s), &word, 1, FUTEX_BITSET_MATCH_ANY, FUTEX2_SIZE_U32 | FUTEX2_PRIVATE, 0);
	one(s, sqe, 0);
	io_uring_prep_poll_add(sqe = another(s), full, POLLPRI);
	numbered(s, sqe, 0);
	io_uring_prep_poll_remove(sqe = another(s), s->serial);
	one(s, sqe, 0);
	io_uring_prep_epoll_ctl(sqe = another(s), set, full, EPOLL_CTL_ADD, &wanted);
	one(s, sqe, 0);
	io_uring_prep_epoll_wait(sqe = another(s), set, &found, 1, 0);
	one(s, sqe, 0);
	note(" %#x", found.events);
	close(set);
	close(full);
}

/* Reads until there is no buffer left. */
static void read_again(struct slot *s, struct io_uring_sqe *sqe)
{
	int both[2];

	if (pipe2(both, O_CLOEXEC) || write(both[1], data[6], 100) != 100)
		abort();
	io_uring_prep_provide_buffers(sqe, data[6], 50, 1, GROUPS, 0);
	one(s, sqe, 0);
	io_uring_prep_read_multishot(sqe = another(s), both[0], 0, 0, GROUPS);
	one(s, sqe, sqe->flags);
	close(both[0]);
	close(both[1]);
}

static void rare(unsigned r, unsigned number)
{
	static void (*const all[])(struct slot *, struct io_uring_sqe *) = { meet, mark, hold, wait_and_wake, read_again };
	ALONE(r, 12);

	all[number % 5](s, sqe);
	reap_alone(s);
}
