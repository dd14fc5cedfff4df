/* The clients of the echo, the same for all servers: one thread with epoll. */
#define _GNU_SOURCE
#include "bench.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct clients {
	const struct task *task;
	int *sockets;
	int64_t time;
};

static void send_message(int socket)
{
	static const char message[MESSAGE] = "echo";

	must(send(socket, message, MESSAGE, 0) == MESSAGE, "client's send");
}

static void *run_clients(void *arg)
{
	struct clients *clients = arg;
	unsigned connections = clients->task->depth;
	long begun = connections, done = 0;
	struct epoll_event events[256];
	int64_t start;
	int epoll = epoll_create1(0);

	must(epoll >= 0, "epoll");
	for (unsigned i = 0; i < connections; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.fd = clients->sockets[i] };

		must(!epoll_ctl(epoll, EPOLL_CTL_ADD, clients->sockets[i], &event), "epoll_ctl");
	}
	start = now();
	for (unsigned i = 0; i < connections; i++)
		send_message(clients->sockets[i]);
	while (done < begun) {
		int ready = epoll_wait(epoll, events, 256, -1);

		for (int i = 0; i < ready; i++) {
			char reply[MESSAGE];

			must(recv(events[i].data.fd, reply, MESSAGE, 0) == MESSAGE, "client's receive");
			must(!strcmp(reply, "echo"), "reply");
			done++;
			if (begun < clients->task->operations) {
				send_message(events[i].data.fd);
				begun++;
			}
		}
	}
	clients->time = now() - start;
	close(epoll);
	for (unsigned i = 0; i < connections; i++)
		close(clients->sockets[i]);
	return NULL;
}

static int pair(int listener, const struct sockaddr_in *address, int *client)
{
	int server, on = 1;

	*client = socket(AF_INET, SOCK_STREAM, 0);
	must(*client >= 0, "socket");
	must(!connect(*client, (const struct sockaddr *)address, sizeof(*address)), "connect");
	server = accept(listener, NULL, NULL);
	must(server >= 0, "accept");
	setsockopt(*client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return server;
}

int64_t echo(const struct task *task, void (*serve)(const int *sockets, unsigned connections))
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	struct clients clients = { .task = task };
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int *servers = calloc(task->depth, sizeof(int));
	pthread_t thread;

	clients.sockets = calloc(task->depth, sizeof(int));
	must(servers && clients.sockets, "memory");
	must(!bind(listener, (struct sockaddr *)&address, size), "bind");
	must(!listen(listener, 64), "listen");
	must(!getsockname(listener, (struct sockaddr *)&address, &size), "getsockname");
	for (unsigned i = 0; i < task->depth; i++)
		servers[i] = pair(listener, &address, &clients.sockets[i]);
	close(listener);
	must(!pthread_create(&thread, NULL, run_clients, &clients), "thread");
	serve(servers, task->depth);
	pthread_join(thread, NULL);
	for (unsigned i = 0; i < task->depth; i++)
		close(servers[i]);
	free(servers);
	free(clients.sockets);
	return clients.time;
}
