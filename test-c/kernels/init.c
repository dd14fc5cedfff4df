/* Process 1 of a guest in which `cargo xtask kernels` runs tests: it goes to the disk, and then does what the host
 * asks for through a virtio port, several things at once. All of the judging is the host's.
 *
 * The host says, one line each, fields parted by tabs:
 *	number  seconds  folder  program  argv[0]  count  count * (name  target)  arguments
 * and hears, for each: "number how code milliseconds bytes\n" and so many bytes of what the program printed. `how` is
 * exit, signal or late, or stuck: killed, and still not gone.
 *
 * When the host is gone, so is the guest. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define JOBS 16
#define FIELDS 64
/* What a program has left to end in after an interrupt, and to be gone after a kill. */
#define GRACE 15000
/* The most that is kept of what a program prints: its end. */
#define KEPT (256 << 10)

struct job {
	pid_t pid;	/* 0: free */
	char number[24];
	char folder[4096];
	char log[64];
	long began, limit;	/* milliseconds */
	int late;	/* 1: interrupted, 2: killed */
	int status;
};

static struct job jobs[JOBS];
static int port = -1;

static void off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
	va_list args;
	int error = errno;

	va_start(args, format);
	printf("init: ");
	vprintf(format, args);
	printf(": %s\n", strerror(error));
	fflush(stdout);
	off();
	abort();
}

static long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Makes a folder and those above it. */
static void folders(const char *path)
{
	char part[4096];
	size_t at;

	for (at = 1; path[at - 1]; at++) {
		if (path[at] != '/' && path[at])
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)at, path);
		if (mkdir(part, 0755) && errno != EEXIST)
			die("mkdir %s", part);
	}
}

static void mounted(const char *type, const char *on, const char *options)
{
	folders(on);
	if (mount(type, on, type, 0, options) && errno != EBUSY)
		die("mount %s", on);
}

/* The modules, in the order in which the host has put them. */
static void modules(void)
{
	char name[256], path[512];
	FILE *list = fopen("/modules/list", "re");

	if (!list)
		die("/modules/list");
	while (fscanf(list, "%255s", name) == 1) {
		int fd;

		snprintf(path, sizeof(path), "/modules/%s", name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST))
			die("%s", path);
		close(fd);
	}
	fclose(list);
}

/* Opens a device that may take a moment to come. */
static int device(const char *folder, const char *start)
{
	int tries;

	for (tries = 0; tries < 3000; tries++) {
		DIR *dir = opendir(folder);
		struct dirent *entry;

		while (dir && (entry = readdir(dir))) {
			char path[300];
			int fd;

			if (strncmp(entry->d_name, start, strlen(start)))
				continue;
			snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
			fd = open(path, O_RDWR | O_CLOEXEC);
			if (fd >= 0) {
				closedir(dir);
				return fd;
			}
		}
		if (dir)
			closedir(dir);
		usleep(10000);
	}
	die("no %s*", start);
}

/* From the initramfs to the disk. */
static void disk(void)
{
	close(device("/dev", "vda"));
	if (mkdir("/disk", 0755) || mount("/dev/vda", "/disk", "ext4", MS_NOATIME, ""))
		die("the disk");
	if (chdir("/disk") || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/"))
		die("to the disk");
	mounted("devtmpfs", "/dev", "");
	mounted("proc", "/proc", "");
	mounted("sysfs", "/sys", "");
	mounted("tmpfs", "/dev/shm", "");
	mounted("devpts", "/dev/pts", "");
	/* Not a file system of its own: the programs may lie below it. */
	folders("/tmp");
	chmod("/tmp", 01777);
}

static int gone(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	remove(path);
	return 0;
}

/* Loopback in a network of its own: tests that run at once don't take each other's ports. */
static void network(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd;

	if (unshare(CLONE_NEWNET))
		die("a network namespace");
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo))
		die("loopback");
	close(fd);
}

/* The child's part of a job. */
__attribute__((noreturn)) static void become(struct job *job, char **field, int fields)
{
	char *args[FIELDS + 1] = { field[4] };
	int log, zero, i, at = 1, beside = atoi(field[5]);
	sigset_t none;

	setpgid(0, 0);
	network();
	if (chdir(job->folder))
		die("%s", job->folder);
	for (i = 0; i < beside; i++) {
		if (symlink(field[7 + 2 * i], field[6 + 2 * i]))
			die("%s", field[6 + 2 * i]);
	}
	for (i = 6 + 2 * beside; i < fields; i++)
		args[at++] = field[i];
	/* Appending: some tests write to their standard output at an offset. */
	log = open(job->log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
	zero = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (log < 0 || zero < 0 || setenv("TMPDIR", job->folder, 1))
		die("%s", job->log);
	dup2(zero, 0);
	dup2(log, 1);
	dup2(log, 2);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv(field[3], args);
	printf("can't run %s: %s\n", field[3], strerror(errno));
	fflush(stdout);
	_exit(126);
}

static void start(char *line)
{
	char *field[FIELDS];
	int fields = 0;
	struct job *job;

	while (fields < FIELDS && (field[fields] = strsep(&line, "\t")))
		fields++;
	if (fields < 6 || 6 + 2 * atoi(field[5]) > fields) {
		errno = EPROTO;
		die("%d fields", fields);
	}
	for (job = jobs; job->pid; job++) {
		if (job == jobs + JOBS - 1) {
			errno = EBUSY;
			die("too many at once");
		}
	}
	snprintf(job->number, sizeof(job->number), "%s", field[0]);
	snprintf(job->folder, sizeof(job->folder), "%s", field[2]);
	snprintf(job->log, sizeof(job->log), "/log.%ld", (long)(job - jobs));
	job->limit = atol(field[1]) * 1000;
	job->late = 0;
	nftw(job->folder, gone, 16, FTW_DEPTH | FTW_PHYS);
	folders(job->folder);
	unlink(job->log);
	job->began = now();
	fflush(stdout);
	job->pid = fork();
	if (job->pid < 0)
		die("fork");
	if (!job->pid)
		become(job, field, fields);
	setpgid(job->pid, job->pid);
}

static void tell(const char *bytes, size_t count)
{
	while (count) {
		ssize_t done = write(port, bytes, count);

		if (done <= 0) {
			struct pollfd full = { .fd = port, .events = POLLOUT };

			if (done < 0 && errno != EAGAIN && errno != EINTR)
				off();
			poll(&full, 1, 1000);
			continue;
		}
		bytes += done;
		count -= done;
	}
}

/* Tells the host how a job ended, and takes away what is left of it. */
static void end(struct job *job, const char *how, int code)
{
	static char kept[KEPT];
	char head[128];
	int fd, count = 0;

	fd = open(job->log, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		off_t size = lseek(fd, 0, SEEK_END);

		count = pread(fd, kept, sizeof(kept), size > KEPT ? size - KEPT : 0);
		close(fd);
	}
	if (count < 0)
		count = 0;
	tell(head, snprintf(head, sizeof(head), "%s %s %d %ld %d\n", job->number, how, code, now() - job->began, count));
	tell(kept, count);
	unlink(job->log);
	nftw(job->folder, gone, 16, FTW_DEPTH | FTW_PHYS);
	job->pid = 0;
}

/* Reaps whatever has ended. The leader of a job stays a zombie until its group is dead, so that the group's number
 * can't be another's. */
static void reap(void)
{
	siginfo_t info;
	struct job *job;
	int busy = 0;

	for (;;) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) || !info.si_pid)
			break;
		for (job = jobs; job < jobs + JOBS && job->pid != info.si_pid; job++)
			;
		if (job < jobs + JOBS)
			kill(-job->pid, SIGKILL);
		waitpid(info.si_pid, NULL, 0);
		if (job == jobs + JOBS)
			continue;
		if (job->late)
			end(job, "late", 0);
		else if (info.si_code == CLD_EXITED)
			end(job, "exit", info.si_status);
		else
			end(job, "signal", info.si_status);
	}
	for (job = jobs; job < jobs + JOBS; job++)
		busy += !!job->pid;
	/* What tests left behind outside of their groups. */
	if (!busy)
		kill(-1, SIGKILL);
}

/* Interrupts, then kills, then gives up what takes too long. */
static void clock_watch(void)
{
	struct job *job;

	for (job = jobs; job < jobs + JOBS; job++) {
		long over = job->pid ? now() - job->began - job->limit : -1;

		if (over >= 0 && job->late == 0) {
			job->late = 1;
			kill(-job->pid, SIGINT);
		} else if (over >= GRACE && job->late == 1) {
			job->late = 2;
			kill(-job->pid, SIGKILL);
		} else if (over >= 2 * GRACE && job->late == 2) {
			job->late = 3;
			end(job, "stuck", 0);
		}
	}
}

/* Starts what the host asks for. */
static void listen_to(void)
{
	static char text[64 << 10];
	static size_t have;
	ssize_t count = read(port, text + have, sizeof(text) - have);
	char *line = text, *stop;

	if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR))
		off();
	if (count < 0)
		return;
	have += count;
	while ((stop = memchr(line, '\n', text + have - line))) {
		*stop = 0;
		start(line);
		line = stop + 1;
	}
	have -= line - text;
	memmove(text, line, have);
}

int main(void)
{
	struct rlimit files = { 1024, 512 << 10 };
	struct signalfd_siginfo info;
	struct pollfd events[2];
	struct utsname system;
	char hello[256];
	sigset_t child;

	setvbuf(stdout, NULL, _IOLBF, 0);
	mounted("devtmpfs", "/dev", "");
	mounted("proc", "/proc", "");
	mounted("sysfs", "/sys", "");
	modules();
	port = device("/sys/class/virtio-ports", "vport");
	disk();
	setrlimit(RLIMIT_NOFILE, &files);
	clearenv();
	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", "/", 1);
	network();

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	events[0] = (struct pollfd){ .fd = port, .events = POLLIN };
	events[1] = (struct pollfd){ .fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK), .events = POLLIN };
	fcntl(port, F_SETFL, O_NONBLOCK);
	uname(&system);
	tell(hello, snprintf(hello, sizeof(hello), "ready %s %ld\n", system.release, sysconf(_SC_PAGESIZE)));
	for (;;) {
		poll(events, 2, 100);
		if (events[0].revents & (POLLIN | POLLHUP))
			listen_to();
		while (read(events[1].fd, &info, sizeof(info)) > 0)
			;
		reap();
		clock_watch();
	}
}
