/* The echo with epoll. */
#define _GNU_SOURCE
#include "bench.h"
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static void serve(const int *sockets, unsigned connections)
{
	struct epoll_event events[256];
	unsigned open = connections;
	int epoll = epoll_create1(0);

	must(epoll >= 0, "epoll");
	for (unsigned i = 0; i < connections; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.fd = sockets[i] };

		must(!epoll_ctl(epoll, EPOLL_CTL_ADD, sockets[i], &event), "epoll_ctl");
	}
	while (open) {
		int ready = epoll_wait(epoll, events, 256, -1);

		for (int i = 0; i < ready; i++) {
			int socket = events[i].data.fd;
			char message[MESSAGE];
			ssize_t got = recv(socket, message, MESSAGE, 0);

			if (got <= 0) {
				must(!epoll_ctl(epoll, EPOLL_CTL_DEL, socket, NULL), "epoll_ctl");
				open--;
				continue;
			}
			must(got == MESSAGE && send(socket, message, MESSAGE, 0) == MESSAGE, "echo");
		}
	}
	close(epoll);
}

static int64_t echoes(const struct task *task)
{
	return echo(task, serve);
}

const struct work works[] = { { "echo", echoes }, { NULL, NULL } };
