/* Process 1 of a guest in which `cargo xtask kernels` runs tests: it moves to the disk, and then runs the programs
 * that the host names through a virtio port, one at a time. The host evaluates the results.
 *
 * The host sends one line of fields separated by tabs:
 *	seconds  folder  program  argv[0]  filter  count  count * (name  target)  count  count * NAME=VALUE  arguments
 * (the filter is a file with the code of a seccomp filter, or "-" for none)
 * and receives "how code milliseconds bytes\n" and that many bytes of the program's output. `how` is exit, signal,
 * late, or stuck: killed, but still running.
 *
 * When the host exits, so does the guest. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
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
#include <sys/prctl.h>
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

#define FIELDS 64
/* The milliseconds that a program has to end after an interrupt, and to disappear after a kill. */
#define GRACE 15000
/* The most output of a program that is kept: its end. */
#define KEPT (256 << 10)

#define LOG "/log"

/* The running program. */
static struct {
	pid_t pid;	/* 0: none */
	char folder[4096];
	long began, limit;	/* milliseconds */
	int late;	/* 1: interrupted, 2: killed */
} job;

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

/* Creates a folder and its parents. */
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

/* Loads the modules in the order in which the host listed them. */
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

/* Opens a device, which may take a moment to appear. */
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

/* Moves from the initramfs to the disk. */
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
	/* Not a file system of its own: the programs may be below it. */
	folders("/tmp");
	chmod("/tmp", 01777);
}

static int gone(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	remove(path);
	return 0;
}

/* Loopback in a network namespace of its own, so that concurrent tests don't use each other's ports. */
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

/* Puts on the seccomp filter in a file, for good. */
static void filter(const char *path)
{
	static struct sock_filter code[BPF_MAXINSNS];
	struct sock_fprog program = { .filter = code };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t count = read(fd, code, sizeof(code));

	if (count <= 0)
		die("%s", path);
	close(fd);
	program.len = count / sizeof(*code);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		die("the filter %s", path);
}

/* The child's part of a job. */
__attribute__((noreturn)) static void become(char **field, int fields)
{
	char *args[FIELDS + 1] = { field[3] };
	int log, zero, i, at = 1, beside = atoi(field[5]);
	char **variable = field + 6 + 2 * beside;
	int variables = atoi(*variable);
	sigset_t none;

	setpgid(0, 0);
	network();
	if (chdir(job.folder))
		die("%s", job.folder);
	for (i = 0; i < beside; i++) {
		if (symlink(field[7 + 2 * i], field[6 + 2 * i]))
			die("%s", field[6 + 2 * i]);
	}
	for (i = 0; i < variables; i++)
		putenv(*++variable);
	while (++variable < field + fields)
		args[at++] = *variable;
	/* O_APPEND, as some tests write to their standard output at an offset. */
	log = open(LOG, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
	zero = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (log < 0 || zero < 0 || setenv("TMPDIR", job.folder, 1))
		die(LOG);
	dup2(zero, 0);
	dup2(log, 1);
	dup2(log, 2);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (strcmp(field[4], "-"))
		filter(field[4]);
	execv(field[2], args);
	printf("can't run %s: %s\n", field[2], strerror(errno));
	fflush(stdout);
	_exit(126);
}

static void start(char *line)
{
	char *field[FIELDS];
	int fields = 0, beside;

	while (fields < FIELDS && (field[fields] = strsep(&line, "\t")))
		fields++;
	beside = fields < 7 ? 0 : atoi(field[5]);
	if (job.pid || fields < 7 + 2 * beside || fields < 7 + 2 * beside + atoi(field[6 + 2 * beside])) {
		errno = EPROTO;
		die("%d fields", fields);
	}
	snprintf(job.folder, sizeof(job.folder), "%s", field[1]);
	job.limit = atol(field[0]) * 1000;
	job.late = 0;
	nftw(job.folder, gone, 16, FTW_DEPTH | FTW_PHYS);
	folders(job.folder);
	unlink(LOG);
	job.began = now();
	fflush(stdout);
	job.pid = fork();
	if (job.pid < 0)
		die("fork");
	if (!job.pid)
		become(field, fields);
	setpgid(job.pid, job.pid);
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

/* Tells the host how the job ended, and removes what is left of it. */
static void end(const char *how, int code)
{
	static char kept[KEPT];
	char head[128];
	int fd, count = 0;

	fd = open(LOG, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		off_t size = lseek(fd, 0, SEEK_END);

		count = pread(fd, kept, sizeof(kept), size > KEPT ? size - KEPT : 0);
		close(fd);
	}
	if (count < 0)
		count = 0;
	tell(head, snprintf(head, sizeof(head), "%s %d %ld %d\n", how, code, now() - job.began, count));
	tell(kept, count);
	unlink(LOG);
	nftw(job.folder, gone, 16, FTW_DEPTH | FTW_PHYS);
	job.pid = 0;
}

/* Reaps whatever has ended. The leader of the job stays a zombie until its group is dead, so that no other group can
 * get its number. */
static void reap(void)
{
	siginfo_t info;

	for (;;) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) || !info.si_pid)
			break;
		if (info.si_pid == job.pid)
			kill(-job.pid, SIGKILL);
		waitpid(info.si_pid, NULL, 0);
		if (info.si_pid != job.pid)
			continue;
		if (job.late)
			end("late", 0);
		else if (info.si_code == CLD_EXITED)
			end("exit", info.si_status);
		else
			end("signal", info.si_status);
	}
	/* Kills what tests left behind outside of their groups. */
	if (!job.pid)
		kill(-1, SIGKILL);
}

/* Interrupts, then kills, then gives up on a job that takes too long. */
static void clock_watch(void)
{
	long over = job.pid ? now() - job.began - job.limit : -1;

	if (over >= 0 && job.late == 0) {
		job.late = 1;
		kill(-job.pid, SIGINT);
	} else if (over >= GRACE && job.late == 1) {
		job.late = 2;
		kill(-job.pid, SIGKILL);
	} else if (over >= 2 * GRACE && job.late == 2) {
		job.late = 3;
		end("stuck", 0);
	}
}

/* Starts the program that the host names. */
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
