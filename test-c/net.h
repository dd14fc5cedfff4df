/* Sockets for the tests, made without io_uring. All of them stay on the loopback interface and end with the test. */
#ifndef IRONRING_NET_H
#define IRONRING_NET_H

#include "many.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/un.h>

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

/* The loopback address of a family, port 0; an AF_UNIX one is a path in the case's folder. Returns its length. */
static inline socklen_t loopback(union address *address, int family)
{
	memset(address, 0, sizeof(*address));
	address->any.sa_family = (sa_family_t)family;
	switch (family) {
	case AF_INET:
		address->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return sizeof(address->in);
	case AF_INET6:
		address->in6.sin6_addr = in6addr_loopback;
		return sizeof(address->in6);
	default:
		snprintf(address->un.sun_path, sizeof(address->un.sun_path), "%.90s/socket", tmp_dir());
		return sizeof(address->un);
	}
}

/* A socket bound to a free port of 127.0.0.1; stores its address in `address`. */
static inline int bound_socket(int type, struct sockaddr_in *address)
{
	socklen_t len = sizeof(*address);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	union address any;

	CHECK_SYS(fd);
	len = loopback(&any, AF_INET);
	CHECK_SYS(bind(fd, &any.any, len));
	CHECK_SYS(getsockname(fd, (struct sockaddr *)address, &len));
	return fd;
}

static inline int tcp_listener(struct sockaddr_in *address)
{
	int fd = bound_socket(SOCK_STREAM, address);

	CHECK_SYS(listen(fd, 64));
	return fd;
}

static inline int tcp_client(const struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK_SYS(fd);
	CHECK_SYS(connect(fd, (const struct sockaddr *)address, sizeof(*address)));
	return fd;
}

static inline void tcp_pair(int fds[2])
{
	struct sockaddr_in address;
	int listener = tcp_listener(&address);

	fds[0] = tcp_client(&address);
	fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	CHECK_SYS(fds[1]);
	close(listener);
}

/* Two datagram sockets, each connected to the other. */
static inline void udp_pair(int fds[2])
{
	struct sockaddr_in first, second;

	fds[0] = bound_socket(SOCK_DGRAM, &first);
	fds[1] = bound_socket(SOCK_DGRAM, &second);
	CHECK_SYS(connect(fds[0], (struct sockaddr *)&second, sizeof(second)));
	CHECK_SYS(connect(fds[1], (struct sockaddr *)&first, sizeof(first)));
}

/* Reads exactly `len` bytes, without io_uring. */
static inline void fd_read_all(int fd, void *buf, size_t len)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = read(fd, (char *)buf + have, len - have);

		CHECK(n > 0);
		have += (size_t)n;
	}
}

#endif
