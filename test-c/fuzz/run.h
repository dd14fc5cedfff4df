/* Runs a program of the fuzzer and records everything visible of it. */
#include "register_ops.h"

struct operation {
	const char *name;
	void (*run)(const unsigned *arguments);
};

#define ARGUMENTS_(A, B, C, D, N, ...) N
#define ARGUMENTS(...) ARGUMENTS_(__VA_ARGS__, 4, 3, 2, 1, )
#define CALL1(NAME) NAME(a[0])
#define CALL2(NAME) NAME(a[0], a[1])
#define CALL3(NAME) NAME(a[0], a[1], a[2])
#define CALL4(NAME) NAME(a[0], a[1], a[2], a[3])
#define JOIN_(A, B) A##B
#define JOIN(A, B) JOIN_(A, B)

#define OP(WEIGHT, NAME, ...)				\
	static void run_##NAME(const unsigned *a)	\
	{						\
		JOIN(CALL, ARGUMENTS(__VA_ARGS__))(NAME);	\
	}
#include "table.h"
#undef OP

/* One line with the call, one for each ring, one for each new completion. */
static void step(unsigned nr, const struct operation *it, const unsigned *arguments)
{
	note("%u %s(%u,%u,%u,%u):", nr, it->name, arguments[0], arguments[1], arguments[2], arguments[3]);
	it->run(arguments);
	after_each();
}

/* For a reproducer, which names its operations. */
#define STEP(NR, NAME, ...) step(NR, &(const struct operation){ #NAME, run_##NAME }, (const unsigned[4]){ __VA_ARGS__ })
