/* Prints the errno of some system calls, or 0: of io_uring's three, and of those that Docker's profile treats in a way of
 * their own. Starts a thread first. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHOW(NAME, CALL)						\
	do {								\
		errno = 0;						\
		printf("%s=%d ", NAME, (CALL) < 0 ? errno : 0);		\
		fflush(stdout);						\
	} while (0)

static void *start(void *ran)
{
	*(int *)ran = 1;
	return NULL;
}

int main(void)
{
	pthread_t thread;
	int ran = 0;

	if (pthread_create(&thread, NULL, start, &ran) || pthread_join(thread, NULL) || !ran)
		return 1;
	printf("no_new_privs=%d ", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	SHOW("clone3", syscall(SYS_clone3, NULL, 0));
	SHOW("namespace", syscall(SYS_clone, CLONE_NEWUTS | CLONE_FS | CLONE_NEWNS | SIGCHLD, NULL, NULL, NULL, 0));
	SHOW("personality", syscall(SYS_personality, 0xffffffffU));
	SHOW("bsd", syscall(SYS_personality, PER_BSD));
	SHOW("vsock", socket(40, SOCK_STREAM, -1));
	SHOW("unix", socket(AF_UNIX, SOCK_STREAM, 0));
	SHOW("kcmp", syscall(SYS_kcmp, getpid(), getpid(), 0, 0, 0));
	SHOW("memfd", syscall(SYS_memfd_create, "", 0));
	SHOW("setup", syscall(SYS_io_uring_setup, 0, NULL));
	SHOW("enter", syscall(SYS_io_uring_enter, -1, 0, 0, 0, NULL, 0));
	SHOW("register", syscall(SYS_io_uring_register, -1, 0, NULL, 0));
	printf("\n");
	return 0;
}
