/* Requests that create, bind and connect sockets. */
#include "page.h"
#include "../net.h"

static int file;
static struct sockaddr_in here;
static struct sockaddr *const name = (struct sockaddr *)&here;

#define TCP() socket(AF_INET, SOCK_STREAM, 0)
#define UDP() socket(AF_INET, SOCK_DGRAM, 0)

static void start(void)
{
	file = tmp_open("file", 0);
	here = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	begin(0);
}

TEST(io_uring_prep_socket)
{
	start();
	STATES("io_uring_prep_socket", "posts one CQE | the new file descriptor");
	STATES_FD(io_uring_prep_socket(sqe, AF_INET, SOCK_STREAM, 0, 0));
	GIVES(-ENXIO, "", io_uring_prep_socket_direct(sqe, AF_INET, SOCK_STREAM, 0, 0, 0));
	GIVES(-ENFILE, "no slot", io_uring_prep_socket_direct_alloc(sqe, AF_INET, SOCK_STREAM, 0, 0));
	CHECK_EQ(io_uring_register_files_sparse(&ring, 2), 0);
	GIVES(0, "with a slot: 0", io_uring_prep_socket_direct(sqe, AF_INET, SOCK_STREAM, 0, 0, 0));
	GIVES(1, "that the kernel picked", io_uring_prep_socket_direct_alloc(sqe, AF_INET, SOCK_STREAM, 0, 0));
	GIVES(-ENFILE, "no slot", io_uring_prep_socket_direct_alloc(sqe, AF_INET, SOCK_STREAM, 0, 0));
	GIVES(-EINVAL, "flags", io_uring_prep_socket(sqe, AF_INET, SOCK_STREAM, 0, 1));
	GIVES(-EINVAL, "socktype", io_uring_prep_socket(sqe, AF_INET, SOCK_STREAM | 1 << 20, 0, 0));
	GIVES(-EINVAL, "socktype", io_uring_prep_socket_direct(sqe, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0));
	GIVES(-EINVAL, "file_index", io_uring_prep_socket_direct(sqe, AF_INET, SOCK_STREAM, 0, 2, 0));
	GIVES(-EAFNOSUPPORT, "", io_uring_prep_socket(sqe, 90, SOCK_STREAM, 0, 0));
	GIVES(-EPROTONOSUPPORT, "", io_uring_prep_socket(sqe, AF_INET, SOCK_STREAM, IPPROTO_UDP, 0));
	GIVES(-ESOCKTNOSUPPORT, "", io_uring_prep_socket(sqe, AF_INET, SOCK_SEQPACKET, 0, 0));
	no_descriptor_left();
	GIVES(-EMFILE, "", io_uring_prep_socket(sqe, AF_INET, SOCK_STREAM, 0, 0));
}

#define BIND(FD) io_uring_prep_bind(sqe, FD, name, sizeof(here))

TEST(io_uring_prep_bind)
{
	int fd = TCP(), other;
	union address path;

	start();
	GIVES(0, "posts one CQE | res is 0", BIND(fd));
	GIVES(-EINVAL, "bound already", BIND(fd));
	close(bound_socket(SOCK_STREAM, &here));
	other = bound_socket(SOCK_DGRAM, &here);
	GIVES(-EADDRINUSE, "", BIND(UDP()));
	here.sin_port = 0;
	GIVES(-EINVAL, "addrlen", io_uring_prep_bind(sqe, UDP(), name, 3));
	GIVES(-EINVAL, "addrlen", io_uring_prep_bind(sqe, UDP(), name, 129));
	GIVES(-EBADF, "", BIND(900));
	GIVES(-EBADF, "", BIND(0); sqe->flags |= IOSQE_FIXED_FILE);
	GIVES(-EFAULT, "", io_uring_prep_bind(sqe, UDP(), (struct sockaddr *)bad, sizeof(here)));
	GIVES(-ENOTSOCK, "", BIND(file));
	here.sin_addr.s_addr = htonl(0x08080808);
	GIVES(-EADDRNOTAVAIL, "", BIND(UDP()));
	in_folder();
	be_nobody();
	loopback(&path, AF_UNIX);
	strcpy(path.un.sun_path, "closed/socket");
	GIVES(-EACCES, "",
	      io_uring_prep_bind(sqe, socket(AF_UNIX, SOCK_STREAM, 0), &path.any, sizeof(path.un)));
	close(other);
}

TEST(io_uring_prep_listen)
{
	int fd = bound_socket(SOCK_STREAM, &here), other, on = 1, pair[2];

	start();
	GIVES(0, "posts one CQE | res is 0", io_uring_prep_listen(sqe, fd, 5));
	tcp_pair(pair);
	GIVES(-EINVAL, "is connected", io_uring_prep_listen(sqe, pair[0], 5));
	GIVES(-EBADF, "", io_uring_prep_listen(sqe, 900, 5));
	GIVES(-EBADF, "", io_uring_prep_listen(sqe, 0, 5); sqe->flags |= IOSQE_FIXED_FILE);
	GIVES(-ENOTSOCK, "", io_uring_prep_listen(sqe, file, 5));
	GIVES(-EOPNOTSUPP, "", io_uring_prep_listen(sqe, UDP(), 5));
	fd = TCP();
	other = TCP();
	CHECK_SYS(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
	CHECK_SYS(setsockopt(other, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
	CHECK_SYS(bind(fd, name, sizeof(here)));
	CHECK_SYS(getsockname(fd, name, &(socklen_t){ sizeof(here) }));
	CHECK_SYS(bind(other, name, sizeof(here)));
	GIVES(0, "res is 0", io_uring_prep_listen(sqe, fd, 5));
	GIVES(-EADDRINUSE, "", io_uring_prep_listen(sqe, other, 5));
}

#define CONNECT(FD) io_uring_prep_connect(sqe, FD, name, sizeof(here))

/* A Unix listener whose queue is full, and its address. */
static void full_listener(union address *address)
{
	socklen_t len = loopback(address, AF_UNIX);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	CHECK_SYS(bind(fd, &address->any, len));
	CHECK_SYS(listen(fd, 0));
	while (connect(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), &address->any, len) == 0)
		;
}

TEST(io_uring_prep_connect)
{
	union address path;
	int fd = TCP();

	start();
	close(bound_socket(SOCK_STREAM, &here));
	GIVES(-ECONNREFUSED, "", CONNECT(TCP()));
	tcp_listener(&here);
	GIVES(0, "posts one CQE | res is 0", CONNECT(fd));
	GIVES(-EISCONN, "", CONNECT(fd));
	GIVES(-EBADF, "", CONNECT(900));
	GIVES(-EBADF, "", CONNECT(0); sqe->flags |= IOSQE_FIXED_FILE);
	GIVES(-EFAULT, "", io_uring_prep_connect(sqe, TCP(), (struct sockaddr *)bad, sizeof(here)));
	GIVES(-EINVAL, "", io_uring_prep_connect(sqe, TCP(), name, 3));
	GIVES(-EINVAL, "", io_uring_prep_connect(sqe, TCP(), name, 129));
	GIVES(-ENOTSOCK, "", CONNECT(file));
	full_listener(&path);
	GIVES(-EAGAIN, "",
	      io_uring_prep_connect(sqe, socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), &path.any, sizeof(path.un)));
	STATES("io_uring_prep_connect", -EINTR, "");
	STARTS(7, io_uring_prep_connect(sqe, socket(AF_UNIX, SOCK_STREAM, 0), &path.any, sizeof(path.un)));
	/* Until a worker waits. */
	usleep(100000);
	CANCELS(7);
	CHECK_EQ(res_of(7), -EINTR);
	/* A listener whose queue is full doesn't answer. */
	CHECK_SYS(listen(tcp_listener(&here), 0));
	for (fd = 0; fd < 4; fd++)
		connect(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), name, sizeof(here));
	STATES("io_uring_prep_connect", -ECANCELED, "");
	STARTS(7, CONNECT(TCP()));
	CANCELS(7);
	CHECK_EQ(res_of(7), -ECANCELED);
	here.sin_family = AF_INET6;
	GIVES(-EAFNOSUPPORT, "", CONNECT(TCP()));
}

TEST(io_uring_prep_connect__unreachable)
{
	start();
	if (unshare(CLONE_NEWNET))
		SKIP("no network namespace: %s", strerror(errno));
	GIVES(-ENETUNREACH, "", CONNECT(TCP()));
}

#define ACCEPT(FD) io_uring_prep_accept(sqe, FD, NULL, NULL, 0)
#define ACCEPT_SLOT(FD, FLAGS, SLOT) io_uring_prep_accept_direct(sqe, FD, NULL, NULL, FLAGS, SLOT)

TEST(io_uring_prep_accept)
{
	struct sockaddr_in from, v4;
	socklen_t len = sizeof(from);
	int listener, other, fd;
	struct done cqe;

	start();
	listener = tcp_listener(&v4);
	other = tcp_listener(&here);
	tcp_client(&v4);
	STATES("io_uring_prep_accept", "io_uring_prep_multishot_accept(): the new | The other two variants");
	STATES_FD(io_uring_prep_accept(sqe, listener, (struct sockaddr *)&from, &len, 0));
	GIVES(-EAGAIN, "", ACCEPT(listener); sqe->ioprio |= IORING_ACCEPT_DONTWAIT);
	GIVES(-EBADF, "", ACCEPT(900));
	GIVES(-EBADF, "", ACCEPT(0); sqe->flags |= IOSQE_FIXED_FILE);
	STATES("io_uring_prep_accept", -ECANCELED, "");
	STARTS(7, ACCEPT(listener));
	CANCELS(7);
	CHECK_EQ(res_of(7), -ECANCELED);
	tcp_client(&v4);
	GIVES(-EFAULT, "", io_uring_prep_accept(sqe, listener, (struct sockaddr *)bad, &len, 0));
	tcp_client(&v4);
	GIVES(-EFAULT, "", io_uring_prep_accept(sqe, listener, (struct sockaddr *)&from, NULL, 0));
	GIVES(-EINVAL, "flags", io_uring_prep_accept(sqe, listener, NULL, NULL, 1 << 20));
	GIVES(-EINVAL, "flags", ACCEPT(listener); sqe->ioprio |= 1 << 10);
	GIVES(-EINVAL, "isn't listening", ACCEPT(TCP()));
	CHECK_SYS(shutdown(other, SHUT_RD));
	GIVES(-EINVAL, "isn't listening", ACCEPT(other));
	GIVES(-ENOTSOCK, "", ACCEPT(file));
	STATES("io_uring_prep_accept", -EOPNOTSUPP, "Errors of accept4");
	GIVES(-EOPNOTSUPP, "", ACCEPT(UDP()));
	tcp_client(&v4);
	GIVES(-ENXIO, "", ACCEPT_SLOT(listener, 0, 0));
	tcp_client(&v4);
	GIVES(-ENFILE, "no slot", ACCEPT_SLOT(listener, 0, IORING_FILE_INDEX_ALLOC));
	CHECK_EQ(io_uring_register_files_sparse(&ring, 2), 0);
	tcp_client(&v4);
	GIVES(0, "with a given slot: 0", ACCEPT_SLOT(listener, 0, 0));
	tcp_client(&v4);
	GIVES(1, "that the kernel chose", ACCEPT_SLOT(listener, 0, IORING_FILE_INDEX_ALLOC));
	tcp_client(&v4);
	GIVES(-ENFILE, "no slot", ACCEPT_SLOT(listener, 0, IORING_FILE_INDEX_ALLOC));
	GIVES(-EINVAL, "SOCK_CLOEXEC", ACCEPT_SLOT(listener, SOCK_CLOEXEC, 0));
	tcp_client(&v4);
	GIVES(-EINVAL, "file_index is beyond", ACCEPT_SLOT(listener, 0, 2));
	GIVES(-EINVAL, "a multishot request",
	      io_uring_prep_multishot_accept(sqe, listener, NULL, NULL, 0); sqe->file_index = 1);
	STATES("io_uring_prep_accept", "the multishot request stays active | more connections | A CQE without this flag");
	STARTS(7, io_uring_prep_multishot_accept(sqe, listener, NULL, NULL, 0); sqe->flags |= IOSQE_CQE_SKIP_SUCCESS);
	STATES("io_uring_prep_accept", "still posts the CQEs");
	fd = tcp_client(&v4);
	cqe = wait_one(&ring);
	CHECK(cqe.res >= 0 && cqe.flags & IORING_CQE_F_MORE);
	CANCELS(7);
	CHECK_EQ(res_of(7), -ECANCELED);
	CHECK_EQ(cqe_of(7).flags, 0);
	close(fd);
	no_descriptor_left();
	GIVES(-EMFILE, "", ACCEPT(listener));
}

TEST(io_uring_prep_shutdown)
{
	int pair[2];

	start();
	tcp_pair(pair);
	GIVES(0, "posts one CQE | res is 0", io_uring_prep_shutdown(sqe, pair[0], SHUT_WR));
	GIVES(-EBADF, "", io_uring_prep_shutdown(sqe, 900, SHUT_WR));
	GIVES(-EBADF, "", io_uring_prep_shutdown(sqe, 0, SHUT_WR); sqe->flags |= IOSQE_FIXED_FILE);
	GIVES(-EINVAL, "how", io_uring_prep_shutdown(sqe, pair[0], 3));
	GIVES(-ENOTCONN, "", io_uring_prep_shutdown(sqe, TCP(), SHUT_WR));
	GIVES(-ENOTSOCK, "", io_uring_prep_shutdown(sqe, file, SHUT_WR));
}
