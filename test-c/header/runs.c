/* Tests the macros of liburing.h with arguments that have side effects, low precedence or an unusual type. Needs no
 * library; exits with 1 and names the line if something is wrong. */
#include <liburing.h>
#include <stdio.h>
#include <string.h>

static int wrong;

#define CHECK(COND)							\
	do {								\
		if (!(COND)) {						\
			printf("%s:%d: not true: %s\n", __FILE__, __LINE__, #COND); \
			wrong = 1;					\
		}							\
	} while (0)

static void once(void)
{
	unsigned words[3] = { 1, 2, 3 }, word = 9;
	unsigned char bytes[2] = { 200, 201 };
	unsigned short shorts[2] = { 60000, 60001 };
	unsigned long long wide = 1ULL << 63;
	const unsigned fixed = 42;
	unsigned *p = words, *pointers[2];
	int i = 0;

	CHECK(IO_URING_READ_ONCE(words[i++]) == 1 && i == 1);
	IO_URING_WRITE_ONCE(words[i++], word++);
	CHECK(i == 2 && word == 10 && words[1] == 9 && words[2] == 3);
	CHECK(io_uring_smp_load_acquire(p++) == 1 && p == words + 1);
	io_uring_smp_store_release(p++, word--);
	CHECK(p == words + 2 && word == 9 && words[1] == 10);
	io_uring_smp_store_release(word == 9 ? words : words + 1, word | 16U);
	CHECK(words[0] == 25);
	io_uring_smp_mb();

	CHECK(IO_URING_READ_ONCE(bytes[1]) == 201 && sizeof(IO_URING_READ_ONCE(bytes[0])) == 1);
	IO_URING_WRITE_ONCE(bytes[0], bytes[1]);
	CHECK(bytes[0] == 201 && bytes[1] == 201);
	io_uring_smp_store_release(&shorts[0], shorts[1]);
	CHECK(io_uring_smp_load_acquire(shorts) == 60001);
	CHECK(IO_URING_READ_ONCE(wide) == 1ULL << 63);
	CHECK(IO_URING_READ_ONCE(fixed) == 42 && io_uring_smp_load_acquire(&fixed) == 42);
	IO_URING_WRITE_ONCE(pointers[0], p);
	CHECK(IO_URING_READ_ONCE(pointers[0]) == p);
}

static void version(void)
{
	int two = 2, major = IO_URING_VERSION_MAJOR, minor = IO_URING_VERSION_MINOR;

	CHECK(!IO_URING_CHECK_VERSION(major, minor));
	CHECK(IO_URING_CHECK_VERSION(major, minor + 1));
	CHECK(!IO_URING_CHECK_VERSION(major - 1, minor + 1));
	/* Each argument must be one operand, whatever its operators. */
	CHECK(!IO_URING_CHECK_VERSION(two ? 2 : 3, two ? 1 : 0));
	CHECK(!IO_URING_CHECK_VERSION(two & 2, minor | 0));
	CHECK(uring_likely(two == 2 || two == 3) && !uring_unlikely(two & 4));
	CHECK(uring_likely(two) == 1);
}

#if defined(__cplusplus) || (defined(__STDC_VERSION__) && __STDC_VERSION__ >= 199901L)
static void loops(void)
{
	struct io_uring ring[2];
	struct io_uring_cqe cqes[8], *found[2] = { NULL, NULL }, **cqe = found;
	unsigned khead = ~1U, ktail = 3, mask = 7, entries = 8, heads[2], n = 0, inner = 0;
	int i = 0;

	memset(ring, 0, sizeof(ring));
	memset(cqes, 0, sizeof(cqes));
	for (n = 0; n < 8; n++)
		cqes[n].user_data = n;
	ring[0].cq.khead = &khead;
	ring[0].cq.ktail = &ktail;
	ring[0].cq.kring_mask = &mask;
	ring[0].cq.kring_entries = &entries;
	ring[0].cq.ring_mask = mask;
	ring[0].cq.ring_entries = entries;
	ring[0].cq.cqes = cqes;
	ring[1] = ring[0];

	/* Head and tail on both sides of 2^32; the ring argument must be evaluated once. */
	n = 0;
	io_uring_for_each_cqe(&ring[i++], heads[1], *cqe) {
		CHECK(found[0] == &cqes[(khead + n) & 7] && heads[1] == khead + n);
		n++;
	}
	CHECK(n == 5 && i == 1 && khead == ~1U);

	n = 0;
	io_uring_for_each_cqe(i ? ring + 1 : ring, *heads, cqe[1]) {
		if (n++ == 1)
			continue;
		if (n == 4)
			break;
	}
	CHECK(n == 4 && found[1] == &cqes[1]);

	n = 0;
	io_uring_for_each_cqe(ring, heads[0], found[0])
		io_uring_for_each_cqe(ring + 1, heads[1], found[1]) {
			inner++;
			n += found[0]->user_data == found[1]->user_data;
		}
	CHECK(inner == 25 && n == 5);

	if (i == 0)
		io_uring_for_each_cqe(ring, heads[0], found[0])
			n++;
	else
		n = 100;
	CHECK(n == 100);

	khead = ktail;
	io_uring_for_each_cqe(ring, heads[0], found[0])
		n++;
	CHECK(n == 100);
}
#else
static void loops(void)
{
}
#endif

int main(void)
{
	once();
	version();
	loops();
	return wrong;
}
