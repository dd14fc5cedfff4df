/* Tries every fault on every scenario (scenarios.h), each in a process of its own, and prints the result. `cargo xtask
 * faults` compares the output of two libraries. */
#include "scenarios.h"
#include <sys/time.h>
#include <sys/wait.h>

/* The kinds of kernels and rings. */
static const struct world {
	const char *name;
	unsigned lacks, refuses;
	int registered;
} worlds[] = {
	{ "now", 0, 0, 0 },
	{ "registered", 0, 0, 1 },
	{ "old", ~0U, IORING_SETUP_NO_SQARRAY, 0 },
};

static const int setup_errors[] = { EPERM, ENOSYS, ENOMEM, EMFILE, EINVAL, ENFILE, EFAULT };
static const int map_errors[] = { ENOMEM, EAGAIN, EPERM, EINVAL };
static const int few_errors[] = { EINVAL, EINTR, ENOMEM };
static const int enter_errors[] = { EINTR, EAGAIN, EBUSY, ETIME, EBADR, EOWNERDEAD, EINVAL, EBADF, ENXIO, EFAULT,
				    EEXIST, ENOMEM };
static const int register_errors[] = { EINVAL, EBUSY, ENXIO, ENOMEM, EFAULT, EPERM, EMFILE, EOPNOTSUPP, EBADFD, EEXIST,
				       ENOENT, EBADF, ETIME, EINTR };

/* A child's report to its parent. */
static struct report {
	unsigned counts[KIND_NR];
	size_t length;
	char text[1 << 16];
} *report;

static struct text out;
static struct belongings at_first, now;
static unsigned long cases, reached;
static char calls_text[1 << 14];

static void show(const char *when)
{
	unsigned i;

	say(&out, "%s result=%ld", when, result);
	say(&out, errno == 9999 ? " errno=kept" : " errno=%d", errno);
	say(&out, " given=%ld\n%s.ring", given, when);
	say_ring(&out, &ring);
	say(&out, "\n%s.params", when);
	say(&out, " flags=%#x features=%#x sq_entries=%u cq_entries=%u array=%u cqes=%u", params.flags, params.features,
	    params.sq_entries, params.cq_entries, params.sq_off.array, params.cq_off.cqes);
	say(&out, "\n%s.cqes", when);
	if (cqe == NOTHING)
		say(&out, " cqe=untouched");
	else
		say_cqe(&out, &ring, cqe);
	for (i = 0; i < sizeof(cqes) / sizeof(*cqes) && cqes[i]; i++)
		say_cqe(&out, &ring, cqes[i]);
	say(&out, "\n%s.calls%.*s\n", when, (int)(inject.calls.at - calls_text), calls_text);
	inject.calls.at = calls_text;
}

static void changes(const char *what, const struct belongings *since)
{
	look(&now);
	say(&out, "%s", what);
	say_changes(&out, since, &now);
	say(&out, "\n");
}

/* Exits the ring, if the scenario created one. */
static void made(const struct scenario *it)
{
	if (it->makes_ring && result >= 0)
		io_uring_queue_exit(&ring);
}

static void run(const struct scenario *it, const struct world *world, const struct fault *fault)
{
	struct itimerval limit = { .it_value = { .tv_sec = 10 } };
	static struct belongings before;
	unsigned kind;

	out = (struct text){ report->text, report->text + sizeof(report->text) };
	inject.calls = (struct text){ calls_text, calls_text + sizeof(calls_text) };
	MUST(!inject_prepare());
	setitimer(ITIMER_REAL, &limit, NULL);
	inject.lacks = world->lacks;
	inject.refuses = world->refuses;
	registered_descriptor = world->registered;
	cqe = NOTHING;
	memset(&ring, 0xee, sizeof(ring));
	look(&at_first);

	it->before();
	if (!it->makes_ring && (unsigned char)ring.pad2 == 0xee)
		memset(&ring, 0, sizeof(ring));
	inject.calls.at = calls_text;
	memset(inject.counts, 0, sizeof(inject.counts));
	if (fault)
		inject.faults[1] = *fault;
	look(&before);
	it->act();
	report->counts[0] = inject.hits;
	show("act");
	/* A new ring has new mappings; a failed one must leave none. */
	if (!it->makes_ring || result < 0)
		changes("act.left", &before);
	made(it);

	/* Runs the scenario once more without faults: whatever happened before, it must work as if new. */
	if (!fault)
		for (kind = 0; kind < KIND_NR; kind++)
			report->counts[kind] = inject.counts[kind];
	memset(inject.faults, 0, sizeof(inject.faults));
	cqe = NOTHING;
	memset(cqes, 0, sizeof(cqes));
	if (it->makes_ring)
		memset(&params, 0, sizeof(params));
	it->act();
	show("again");
	made(it);
	if (!it->makes_ring && ring.sq.ring_ptr)
		io_uring_queue_exit(&ring);
	if (other.sq.ring_ptr)
		io_uring_queue_exit(&other);
	if (event >= 0)
		close(event);
	drop_buffers();
	changes("end.left", &at_first);
	report->length = (size_t)(out.at - report->text);
}

/* Runs one case in a process of its own. */
static void in_child(const struct scenario *it, const struct world *world, const struct fault *fault, const char *name)
{
	int status;
	pid_t pid;

	report->length = 0;
	memset(report->counts, 0, sizeof(report->counts));
	fflush(stdout);
	pid = fork();
	MUST(pid >= 0);
	if (!pid) {
		run(it, world, fault);
		_exit(0);
	}
	MUST(waitpid(pid, &status, 0) == pid);
	if (WIFEXITED(status) && WEXITSTATUS(status)) {
		fprintf(stderr, "driver: cannot run %s in world %s with fault %s\n", it->name, world->name, name);
		exit(3);
	}
	cases++;
	if (fault && report->counts[0])
		reached++;
	printf("# %s %s %s\n%.*s", it->name, world->name, name, (int)report->length, report->text);
	if (WIFSIGNALED(status))
		printf("killed signal=%d\n", WTERMSIG(status));
}

static void try(const struct scenario *it, const struct world *world, enum kind kind, unsigned nth, enum how how, long value)
{
	static const char *const words[] = { "answers", "ever", "forgets", "fewer" };
	struct fault fault = { kind, nth, how, value };
	char name[64];

	snprintf(name, sizeof(name), "%s#%u-%s%ld", kind_names[kind], nth, words[how], value);
	in_child(it, world, &fault, name);
}

static void try_errors(const struct scenario *it, const struct world *world, enum kind kind, unsigned nth, const int *errors,
		       size_t count)
{
	while (count--)
		try(it, world, kind, nth, ANSWER, -*errors++);
}
#define TRY_ERRORS(ERRORS) try_errors(it, world, kind, nth, ERRORS, sizeof(ERRORS) / sizeof(*(ERRORS)))

static void try_all(const struct scenario *it, const struct world *world, enum kind kind, unsigned nth)
{
	switch (kind) {
	case KIND_setup:
		TRY_ERRORS(setup_errors);
		try(it, world, kind, nth, EVER, -EINVAL);
		break;
	case KIND_mmap_sq:
	case KIND_mmap_cq:
	case KIND_mmap_sqes:
	case KIND_mmap_anonymous:
		TRY_ERRORS(map_errors);
		break;
	case KIND_enter:
		TRY_ERRORS(enter_errors);
		try(it, world, kind, nth, EVER, -EINTR);
		try(it, world, kind, nth, ANSWER, 0);
		try(it, world, kind, nth, FORGET, -EINTR);
		try(it, world, kind, nth, FEWER, 1);
		try(it, world, kind, nth, FEWER, 100);
		break;
	case KIND_register:
		TRY_ERRORS(register_errors);
		try(it, world, kind, nth, EVER, -EMFILE);
		try(it, world, kind, nth, FORGET, -EINVAL);
		/* A scripted result can't replace the output that this call gets from the kernel. */
		if (!strncmp(it->name, "resize", 6))
			break;
		try(it, world, kind, nth, ANSWER, 0);
		try(it, world, kind, nth, ANSWER, 1);
		try(it, world, kind, nth, ANSWER, 7);
		break;
	default:
		TRY_ERRORS(few_errors);
	}
}

int main(int argc, char **argv)
{
	const struct scenario *it;
	unsigned w, kind, nth;

	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST(report != MAP_FAILED);
	for (it = first_scenario; it; it = it->next) {
		if (argc > 1 && !strstr(it->name, argv[1]))
			continue;
		for (w = 0; w < sizeof(worlds) / sizeof(*worlds); w++) {
			unsigned counts[KIND_NR];

			in_child(it, &worlds[w], NULL, "none");
			memcpy(counts, report->counts, sizeof(counts));
			for (kind = 0; kind < KIND_NR; kind++)
				for (nth = 1; nth <= counts[kind]; nth++)
					try_all(it, &worlds[w], (enum kind)kind, nth);
		}
	}
	printf("= %lu cases, %lu faults met\n", cases, reached);
	return 0;
}
