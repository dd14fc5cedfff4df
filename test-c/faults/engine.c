/* Has each system call that the engine makes fail in each way (errnos.h), in each family of operations (families.h), each
 * time in a process of its own, and prints what the program sees. `cargo xtask faults --backend engine` judges it.
 *
 * engine PATTERN PART/PARTS [long] */
#include "files.h"
#include "sockets.h"
#include "waits.h"
#include "rings.h"
#include <sys/resource.h>

/* How long a case may take: its waits end after two seconds. */
#ifdef WRONG_HANG
#define LIMIT 300
#else
#define LIMIT 6000
#endif

static unsigned long cases, met;
static int printed;

/* The kinds of rings on which families run that don't ask for one. */
static const struct kind {
	const char *suffix;
	unsigned flags;
} kinds[] = { { "", 0 }, { "+deferred", DEFERRED }, { "+sqpoll", IORING_SETUP_SQPOLL } };
#define KINDS (sizeof(kinds) / sizeof(*kinds))

static const struct kind *kind = kinds;

/* Open descriptors, and bytes of shared memory. */
static void count_belongings(int *fds, long *bytes)
{
	static char maps[1 << 16];
	size_t length = 0;
	ssize_t got;
	char *line, *rest = maps;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC), n;

	while ((got = read(fd, maps + length, sizeof(maps) - 1 - length)) > 0)
		length += (size_t)got;
	close(fd);
	maps[length] = 0;
	*bytes = 0;
	while ((line = strsep(&rest, "\n")) && *line) {
		unsigned long from, to;
		char perms[8];

		if (sscanf(line, "%lx-%lx %7s", &from, &to, perms) == 3 && perms[3] == 's')
			*bytes += (long)(to - from);
	}
	*fds = 0;
	for (n = 0; n < 256; n++) {
		char path[32], name[32];
		ssize_t size;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", n);
		size = readlink(path, name, sizeof(name) - 1);
		if (size < 0)
			continue;
		name[size] = 0;
		/* The engine keeps what it has for the process: an epoll descriptor, and one for each clock. */
		*fds += strcmp(name, "anon_inode:[eventpoll]") && strcmp(name, "anon_inode:[timerfd]");
	}
}

/* Threads close descriptors a moment after the ring's exit. */
static void say_left(void)
{
	int fds, tries;
	long bytes;

	for (tries = 0; tries < 200; tries++) {
		count_belongings(&fds, &bytes);
		if (shared->expected >= 0 && fds <= shared->expected)
			break;
		if (shared->expected < 0 && tries == 20)
			break;
		usleep(2000);
	}
	say(&out, "left=%d/%ld\n", fds, bytes);
}

static void round_of(const struct family *it)
{
	long ret;

	nr_done = 0;
	memset(buffer, 0, sizeof(buffer));
	shared->phase = 's';
	ret = IN(io_uring_queue_init(8, &ring, it->flags | kind->flags));
	say(&out, "init=%ld\n", ret);
	if (ret < 0)
		return;
	shared->phase = 'a';
	it->run();
	say_done();
	shared->phase = 'x';
	IN((io_uring_queue_exit(&ring), 0));
	close_mine();
}

static void on_signal(int number)
{
	(void)number;
}

static void body(const struct family *it)
{
	const struct rlimit files = { 256, 256 };

	dup2(printed, 1);
	dup2(printed, 2);
	MUST(!setrlimit(RLIMIT_NOFILE, &files));
	signal(SIGPIPE, SIG_IGN);
	/* It interrupts calls, which are not started again. */
	MUST(!sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = on_signal }, NULL));
	out = (struct text){ shared->text, shared->text + sizeof(shared->text) };
	trace_me();
	round_of(it);
	/* Whatever happened, it works again as if new. */
	shared->over = 1;
	say(&out, "again\n");
	round_of(it);
	say_left();
	shared->length = (size_t)(out.at - shared->text);
}

/* Whether a call does the work of a family's requests. */
static bool is_own(const struct family *it, const struct call *call)
{
	char name[32];

	snprintf(name, sizeof(name), " %s ", call->name);
	return strstr(it->own, name);
}

/* Runs one case and prints it. */
static void run_case(const struct family *it, const struct fault *fault)
{
	static const char *const words[] = { "once", "ever", "part", "signal", "group" };
	pid_t pid;
	off_t length;

	fflush(stdout);
	shared->active = shared->over = 0;
	shared->length = 0;
	memset(shared->text, 0, sizeof(shared->text));
	MUST(!ftruncate(printed, 0));
	pid = fork();
	MUST(pid >= 0);
	if (!pid) {
		body(it);
		_exit(0);
	}
	if (fault)
		printf("# %s%s %s#%u %s %s %d\n", it->name, kind->suffix, fault->call->name, fault->nth, words[fault->how],
		       fault->error ? strerrorname_np(fault->error) : "half", fault->error);
	else
		printf("# %s%s none\n", it->name, kind->suffix);
	/* The text is complete only if the process came to its end. */
	trace_run(pid, fault, LIMIT);
	cases++;
	met += fault && trace.hits;
	printf("met=%u/%s/%c own=%d\n%s", trace.hits, trace.hits ? trace.role : "-", trace.hits ? trace.phase : '-',
	       fault && is_own(it, fault->call), shared->text);
	if (trace.late)
		printf("late\n");
	else if (WIFSIGNALED(trace.status))
		printf("killed=%d\n", WTERMSIG(trace.status));
	else if (WEXITSTATUS(trace.status))
		printf("exited=%d\n", WEXITSTATUS(trace.status));
	length = lseek(printed, 0, SEEK_END);
	if (length) {
		static char text[512];
		ssize_t got = pread(printed, text, sizeof(text) - 1, 0);

		text[got > 0 ? got : 0] = 0;
		printf("printed=%.*s\n", (int)strcspn(text, "\n"), text);
	}
}

/* The call's faults, at its first, second and last time, or at each. */
static void try_call_of(const struct family *it, const struct call *call, unsigned count, bool all)
{
	struct fault fault = { .call = call };
	unsigned nth;
	const short *error;

	for (nth = 1; nth <= count && nth <= 64; nth++) {
		if (!all && nth > 2 && nth < count)
			continue;
		fault.nth = nth;
		fault.how = ONCE;
		for (error = call->errnos; error < call->errnos + MOST_ERRNOS && *error; error++) {
			fault.error = *error;
			run_case(it, &fault);
			/* Later ones only show other places. */
			if (!all && nth > 1 && error == call->errnos + 1)
				break;
		}
		if (call->part && call->part != 'o') {
			fault.how = PART;
			fault.error = 0;
			run_case(it, &fault);
		}
	}
	fault.nth = 1;
	fault.how = EVER;
	for (error = call->ever; error < call->ever + 4 && *error; error++) {
		fault.error = *error;
		run_case(it, &fault);
	}
}

/* A signal at each call of the main thread. */
static void try_signals(const struct family *it, const struct call *call, unsigned count)
{
	struct fault fault = { .call = call, .how = SIGNAL, .error = EINTR };

	for (fault.nth = 1; fault.nth <= count && fault.nth <= 64; fault.nth++)
		run_case(it, &fault);
}

/* What the group needs is used up before each of its calls. */
static void try_group(const struct family *it, const struct call *group, const unsigned *counts)
{
	struct fault fault = { .call = group, .how = GROUP, .error = group->ever[0] };
	unsigned count = 0, i;

	for (i = 0; i < CALLS; i++)
		if (is_in_group(group, &calls[i]))
			count += counts[i];
	for (fault.nth = 1; fault.nth <= count && fault.nth <= 64; fault.nth++)
		run_case(it, &fault);
}

static void try_family(const struct family *it, bool all)
{
	unsigned counts[CALLS], mains[CALLS], i;
	char *left;

	shared->expected = -1;
	run_case(it, NULL);
	memcpy(counts, trace.counts, sizeof(counts));
	memcpy(mains, trace.mains, sizeof(mains));
	left = strstr(shared->text, "left=");
	shared->expected = left ? atoi(left + 5) : -1;
	printf("calls");
	for (i = 0; i < CALLS; i++)
		if (counts[i])
			printf(" %s", calls[i].name);
	printf("\n");
	for (i = 0; i < CALLS; i++)
		if (counts[i] && (calls[i].part != 'o' || is_own(it, &calls[i])))
			try_call_of(it, &calls[i], counts[i], all);
	for (i = 0; i < CALLS; i++)
		try_signals(it, &calls[i], mains[i]);
	for (i = 0; i < GROUPS; i++)
		try_group(it, &groups[i], counts);
}

/* Whether children can be traced here. */
static bool may_trace(void)
{
	pid_t pid = fork();
	int status;

	MUST(pid >= 0);
	if (!pid)
		_exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) ? errno : 0);
	MUST(waitpid(pid, &status, 0) == pid);
	errno = WEXITSTATUS(status);
	return !errno;
}

int main(int argc, char **argv)
{
	const char *pattern = argc > 1 ? argv[1] : "", *slash = argc > 2 ? strchr(argv[2], '/') : NULL;
	unsigned part = slash ? (unsigned)atoi(argv[2]) : 0, parts = slash ? (unsigned)atoi(slash + 1) : 1, n = 0, i;
	const struct family *it;

	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	if (!may_trace()) {
		printf("refused %s\n", strerror(errno));
		return 0;
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	printed = memfd_create("printed", MFD_CLOEXEC);
	MUST(shared != MAP_FAILED && printed >= 0);
	printf("rows");
	for (i = 0; i < CALLS; i++)
		printf(" %s", calls[i].name);
	printf("\n");
	for (it = first_family; it; it = it->next)
		for (kind = kinds; kind < kinds + (argc > 3 && !it->flags ? KINDS : 1); kind++)
			if (strstr(it->name, pattern) && n++ % parts == part)
				try_family(it, argc > 3);
	printf("= %lu cases, %lu met\n", cases, met);
	return 0;
}
