/* Says what it was started with, a line for each thing; with an argument it does what that says. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

static void on_usr1(int number)
{
	(void)number;
	_exit(7);
}

static void say(const char *name)
{
	const char *value = getenv(name);

	printf("%s=%s\n", name, value ? value : "(unset)");
}

/* The stub's number, loaded at run time; 0 if there is none. */
static int loaded(const char *library)
{
	void *handle = dlopen(library, RTLD_NOW);
	int (*version)(void);

	if (!handle)
		return 0;
	*(void **)&version = dlsym(handle, "io_uring_major_version");
	return version ? version() : 0;
}

int main(int argc, char **argv)
{
	struct sigaction action;
	sigset_t mask;
	int number;

	if (argc > 1 && !strcmp(argv[1], "exit"))
		return atoi(argv[2]);
	if (argc > 1 && !strcmp(argv[1], "raise"))
		return raise(atoi(argv[2]));
	if (argc > 1 && !strcmp(argv[1], "wait")) {
		signal(SIGUSR1, on_usr1);
		puts("ready");
		fflush(stdout);
		for (;;)
			pause();
	}
	printf("name=%s\n", argv[0]);
	for (number = 1; number < argc; number++)
		printf("argument=%s\n", argv[number]);
	say("LD_LIBRARY_PATH");
	say("LD_PRELOAD");
	say("IRONRING");
	say("IRONRING_LOG");
	printf("secure=%lu\n", getauxval(AT_SECURE));
	printf("liburing=%d\n", loaded("liburing.so.2"));
	printf("ffi=%d\n", loaded("liburing-ffi.so.2"));
	sigaction(SIGPIPE, NULL, &action);
	printf("pipe=%s\n", action.sa_handler == SIG_IGN ? "ignored" : "default");
	sigprocmask(SIG_SETMASK, NULL, &mask);
	printf("usr2=%s\n", sigismember(&mask, SIGUSR2) ? "blocked" : "open");
	printf("stdin=%s\n", fcntl(0, F_GETFD) < 0 ? "closed" : "open");
	return 0;
}
