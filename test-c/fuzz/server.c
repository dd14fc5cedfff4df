/* The fuzzer's interpreter: reads programs from its input, runs each in a process of its own, and answers with its
 * trace. A program is a count and that many operations, each a number and four arguments, all of 32 bits. The answer is
 * a length and a text. `cargo xtask fuzz` runs one on each library. */
#include "run.h"
#include <sys/wait.h>
#include <sys/syscall.h>

/* The table's operations by number. */
static const struct operation operations[] = {
#define OP(WEIGHT, NAME, ...) { #NAME, run_##NAME },
#include "table.h"
#undef OP
};

#define OPERATIONS (sizeof(operations) / sizeof(*operations))

#define MOST 1024
#define SECONDS 20

static struct {
	size_t length;
	char text[1 << 22];
} *answer;

static unsigned program[MOST][5];

static int whole_read(void *to, size_t size)
{
	char *at = to;

	while (size) {
		ssize_t got = read(0, at, size);

		if (got <= 0)
			return 0;
		at += got;
		size -= (size_t)got;
	}
	return 1;
}

static void whole_write(const void *from, size_t size)
{
	const char *at = from;

	while (size) {
		ssize_t put = write(1, at, size);

		if (put <= 0)
			_exit(2);
		at += put;
		size -= (size_t)put;
	}
}

static void run(unsigned count)
{
	static struct belongings before;
	unsigned i;

	begin(answer->text, sizeof(answer->text));
	look(&before);
	for (i = 0; i < count; i++) {
		step(i, &operations[program[i][0] % OPERATIONS], program[i] + 1);
		/* The trace so far, in case the next operation never returns. */
		answer->length = (size_t)(trace.at - answer->text);
	}
	end(&before);
	answer->length = (size_t)(trace.at - answer->text);
}

static void in_child(unsigned count)
{
	int status, fd;
	struct pollfd over;
	pid_t pid;

	answer->length = 0;
	pid = fork();
	if (pid < 0)
		_exit(2);
	if (!pid) {
		run(count);
		_exit(0);
	}
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	over = (struct pollfd){ fd, POLLIN, 0 };
	if (poll(&over, 1, SECONDS * 1000) != 1)
		kill(pid, SIGKILL);
	close(fd);
	if (waitpid(pid, &status, 0) != pid)
		_exit(2);
	remove_folder(pid);
	if (!status)
		return;
	answer->length += (size_t)sprintf(answer->text + answer->length, "\nended by %s %d\n",
					  WIFSIGNALED(status) ? "signal" : "exit",
					  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

int main(void)
{
	unsigned count;

	answer = mmap(NULL, sizeof(*answer), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (answer == MAP_FAILED)
		return 2;
	while (whole_read(&count, sizeof(count))) {
		unsigned length;

		if (count > MOST || !whole_read(program, count * sizeof(program[0])))
			return 2;
		in_child(count);
		length = (unsigned)answer->length;
		whole_write(&length, sizeof(length));
		whole_write(answer->text, length);
	}
	return 0;
}
