/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Calls several builds of the inline helpers with the same random memory and arguments. Each must leave the same
 * bytes and return the same value.
 *
 * driver DRAWS SEED NAME=OBJECT.so...
 *
 * An object exports `call`, which calls helper number n of functions.h; `cargo xtask bytes` generates both from the
 * signatures. Each object is loaded into a namespace of its own, so that it has its own library.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <liburing.h>

/* The name, the kinds of the arguments, and whether it may empty the ring (see draw_ring). */
struct function {
	const char *name;
	const char *kinds;
	int peeks;
};

#include "functions.h"

#define COUNT (sizeof(functions) / sizeof(functions[0]))
#define ENTRIES 8
#define MAX_MAKES 8

typedef uint64_t (*call_fn)(unsigned n, const uint64_t *a, void *ret);

/* All memory that a helper may access. SQEs come first: most helpers access nothing else. */
static struct world {
	unsigned char sqes[(ENTRIES + 2) * 128];
	unsigned char cqes[(ENTRIES + 2) * 32];
	unsigned words[16];
	struct io_uring ring;
	struct io_uring_cqe_iter iter;
	unsigned char bufs[(ENTRIES + 2) * 16];
	struct msghdr msg;
	uint64_t out[4];
	uint64_t ret[8];
	_Alignas(16) unsigned char buf[4096];
} world, before, after[MAX_MAKES];

static uint64_t state;

static uint64_t rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * 0x2545f4914f6cdd1dULL;
}

static unsigned below(unsigned n)
{
	return (unsigned)((rnd() >> 33) % n);
}

static void dirty(void *p, size_t len)
{
	unsigned char *to = p;

	for (; len >= 8; to += 8, len -= 8) {
		uint64_t r = rnd();

		memcpy(to, &r, 8);
	}
}

/* Values that provoke conversions, wrapping and special cases. */
static uint64_t number(void)
{
	static const uint64_t extremes[] = {
		0, 1, 2, 3, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xfffe, 0xffff, 0x10000,
		0x7ffffffe, 0x7fffffff, 0x80000000, 0x80000001,
		/* IORING_FILE_INDEX_ALLOC and its neighbours, AT_FDCWD */
		0xfffffffd, 0xfffffffe, 0xffffffff, 0xffffff9c, 0x100000000, 0x100000001,
		0x7fffffffffffffff, 0x8000000000000000, 0x8000000000000001,
		0xfffffffffffffffd, 0xfffffffffffffffe, 0xffffffffffffffff, 0xffffffffffffff9c,
	};

	switch (below(4)) {
	case 0:
		return rnd();
	case 1:
		return 1ULL << below(64);
	case 2:
		return below(70);
	default:
		return extremes[below(sizeof(extremes) / sizeof(extremes[0]))];
	}
}

/* Near 2^32, near 2^31, at the beginning, or anywhere. */
static unsigned ring_index(void)
{
	switch (below(4)) {
	case 0:
		return 0U - below(12);
	case 1:
		return 0x80000000U - below(12);
	case 2:
		return below(12);
	default:
		return (unsigned)rnd();
	}
}

static void draw_ring(int peeks)
{
	struct io_uring *r = &world.ring;
	unsigned *w = world.words;
	unsigned sq = 1U << below(4), cq = 1U << below(4), i;
	unsigned shift;

	dirty(&world, sizeof(world));
	r->sq.khead = &w[0];
	r->sq.ktail = &w[1];
	r->sq.kflags = &w[2];
	r->sq.kdropped = &w[3];
	r->sq.array = below(2) ? &w[4] : NULL;
	r->sq.sqes = (struct io_uring_sqe *)world.sqes;
	r->sq.kring_mask = &r->sq.ring_mask;
	r->sq.kring_entries = &r->sq.ring_entries;
	r->sq.ring_entries = sq;
	r->sq.ring_mask = sq - 1;
	w[0] = ring_index();
	r->sq.sqe_head = w[0] + below(sq + 1);
	r->sq.sqe_tail = r->sq.sqe_head + below(sq + 2);
	w[1] = below(4) ? r->sq.sqe_head : ring_index();

	r->cq.khead = &w[8];
	r->cq.ktail = &w[9];
	r->cq.kflags = below(3) ? &w[10] : NULL;
	r->cq.koverflow = &w[11];
	r->cq.cqes = (struct io_uring_cqe *)world.cqes;
	r->cq.kring_mask = &r->cq.ring_mask;
	r->cq.kring_entries = &r->cq.ring_entries;
	r->cq.ring_entries = cq;
	r->cq.ring_mask = cq - 1;
	w[8] = ring_index();
	/* A loop over skipped entries ends at the tail, which must not be four billion steps away. */
	w[9] = peeks || below(4) ? w[8] + below(cq + 2) : ring_index();

	r->flags = (unsigned)rnd() & (unsigned)rnd();
	if (below(2))
		r->flags &= IORING_SETUP_SQPOLL | IORING_SETUP_SQE128 | IORING_SETUP_CQE32 | IORING_SETUP_IOPOLL |
			    IORING_SETUP_SQE_MIXED | IORING_SETUP_CQE_MIXED;
	/* No file and no registered ring: the kernel refuses every call. */
	r->ring_fd = -1;
	r->enter_ring_fd = below(2) ? -1 : 0x7ffffff0;

	shift = (r->flags & IORING_SETUP_CQE32) != 0;
	for (i = 0; i < cq; i++) {
		struct io_uring_cqe *cqe = &r->cq.cqes[i << shift];

		if (below(4) == 0)
			cqe->user_data = LIBURING_UDATA_TIMEOUT;
		if (below(2))
			cqe->flags &= ~IORING_CQE_F_SKIP;
	}
	/* A big entry in the last slot would move the loop past the tail, which no kernel does. */
	if (peeks)
		r->cq.cqes[((w[9] - 1) & r->cq.ring_mask) << shift].flags &= ~IORING_CQE_F_32;
	if (below(2))
		*r->sq.kflags &= ~(IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN);

	world.iter.cqes = r->cq.cqes;
	world.iter.mask = cq - 1;
	world.iter.shift = below(2);
	world.iter.head = ring_index();
	world.iter.tail = world.iter.head + below(3);
}

/* A buffer of a multishot recvmsg, its message, and control messages in it, all of similar lengths. */
static uint64_t draw_message(char kind)
{
	struct io_uring_recvmsg_out *out = (struct io_uring_recvmsg_out *)world.buf;
	struct cmsghdr *cmsg;
	unsigned char *control;
	size_t room;

	memset(&world.msg, 0, sizeof(world.msg));
	world.msg.msg_namelen = below(3) ? below(40) : 0;
	world.msg.msg_controllen = below(3) ? below(600) : 0;
	out->namelen = below(80);
	out->controllen = below(2) ? (unsigned)world.msg.msg_controllen : below(600);
	out->payloadlen = below(2) ? below(3000) : (unsigned)number();
	control = world.buf + sizeof(*out) + world.msg.msg_namelen;
	/* A length wherever a message may begin: the peer follows absurd ones, and ironring doesn't. */
	for (room = 0; room + sizeof(*cmsg) < 900; room += sizeof(size_t)) {
		size_t len = below(4) ? below(64) : below(700);

		memcpy(control + room, &len, sizeof(len));
	}
	return (uintptr_t)(kind == 'm' ? (void *)(control + 8 * below(20)) : (void *)world.buf);
}

static uint64_t argument(char kind, bool null)
{
	switch (kind) {
	case 's':
		return (uintptr_t)(world.sqes + 64 * below(4));
	case 'r':
		return (uintptr_t)&world.ring;
	case 'c':
		return null && below(8) == 0 ? 0 : (uintptr_t)(world.cqes + 16 * below(ENTRIES));
	case 'C':
		return (uintptr_t)&world.out[0];
	case 'o':
		/* skip_cqe's error starts at 0, or is already set. */
		if (below(2))
			world.out[1] = 0;
		return (uintptr_t)&world.out[1];
	case 'n':
		return below(3) ? (uintptr_t)&world.out[2] : 0;
	case 'b':
		return (uintptr_t)world.bufs;
	case 'i':
		return (uintptr_t)&world.iter;
	case 'P':
		/* A complete probe: ironring doesn't read beyond a short one, and the peer does. */
		world.buf[0] &= 0x7f;
		world.buf[1] = (unsigned char)(world.buf[0] + 1);
		return (uintptr_t)world.buf;
	case 'R':
	case 'm':
		return draw_message(kind);
	case 'M':
		return (uintptr_t)&world.msg;
	case 'p':
		return (uintptr_t)number();
	case '?':
		return below(2);
	case 'L':
		return below(3) ? below(4000) : number();
	case 'x':
		return below(ENTRIES);
	default:
		return number();
	}
}

static void tell(const struct function *f, const uint64_t *a, const char *one, const char *other, uint64_t x,
		 uint64_t y, const struct world *p, const struct world *q)
{
	size_t i;

	fprintf(stderr, "%s: %s and %s differ\n  arguments:", f->name, one, other);
	for (i = 0; f->kinds[i]; i++)
		fprintf(stderr, " %c=%#llx", f->kinds[i], (unsigned long long)a[i]);
	fprintf(stderr, "\n  returned %#llx and %#llx\n", (unsigned long long)x, (unsigned long long)y);
	for (i = 0; i < sizeof(*p); i++) {
		unsigned char l = ((const unsigned char *)p)[i], r = ((const unsigned char *)q)[i];

		if (l != r) {
			const char *where = i < offsetof(struct world, cqes) ? "SQEs" : "the world";

			fprintf(stderr, "  byte %zu of %s: %#x and %#x\n", i, where, l, r);
			break;
		}
	}
}

static const char *volatile current;
static const char *volatile maker;

static void hangs(int sig)
{
	static const char says[] = " hangs, or breaks, in ";

	(void)!write(2, current, strlen(current));
	(void)!write(2, says, sizeof(says) - 1);
	(void)!write(2, maker, strlen(maker));
	(void)!write(2, "\n", 1);
	signal(sig, SIG_DFL);
	raise(sig);
}

int main(int argc, char **argv)
{
	call_fn calls[MAX_MAKES];
	uint64_t draws, done = 0, differences = 0;
	int makes = argc - 3, m;
	unsigned n, i;

	if (makes < 2 || makes > MAX_MAKES)
		return fprintf(stderr, "usage: driver DRAWS SEED NAME=OBJECT.so...\n"), 2;
	draws = strtoull(argv[1], NULL, 0);
	for (m = 0; m < makes; m++) {
		char *path = strchr(argv[m + 3], '=');
		void *object;

		*path++ = '\0';
		object = dlmopen(LM_ID_NEWLM, path, RTLD_NOW | RTLD_LOCAL);
		if (!object)
			return fprintf(stderr, "%s\n", dlerror()), 2;
		calls[m] = (call_fn)dlsym(object, "call");
		if (!calls[m])
			return fprintf(stderr, "%s: does not export call\n", path), 2;
	}
	signal(SIGALRM, hangs);
	signal(SIGSEGV, hangs);
	signal(SIGBUS, hangs);
	/* -fsanitize-undefined-trap-on-error ends the process with SIGILL. */
	signal(SIGILL, hangs);
	for (n = 0; n < COUNT; n++) {
		const struct function *f = &functions[n];
		bool plain = strspn(f->kinds, "s1248p?") == strlen(f->kinds);
		size_t reach = plain ? 512 : sizeof(world);
		uint64_t failed = 0, draw;

		/* A helper that hangs ends the test. */
		alarm(60);
		current = f->name;
		state = strtoull(argv[2], NULL, 0) * 0x9e3779b97f4a7c15ULL + n + 1;
		for (draw = 0; draw < draws && failed < 3; draw++) {
			uint64_t a[12] = { 0 }, r[MAX_MAKES];

			if (plain)
				dirty(&world, reach);
			else
				draw_ring(f->peeks);
			for (i = 0; f->kinds[i]; i++)
				a[i] = argument(f->kinds[i], !strcmp(f->name, "io_uring_cqe_seen"));
			memcpy(&before, &world, reach);
			for (m = 0; m < makes; m++) {
				memcpy(&world, &before, reach);
				maker = argv[m + 3];
				r[m] = calls[m](n, a, world.ret);
				memcpy(&after[m], &world, reach);
				if (m && (r[m] != r[0] || memcmp(&after[m], &after[0], reach))) {
					tell(f, a, argv[3], argv[m + 3], r[0], r[m], &after[0], &after[m]);
					failed++;
				}
			}
			done++;
		}
		differences += failed;
	}
	printf("%llu draws %zu functions %llu differences\n", (unsigned long long)done, COUNT,
	       (unsigned long long)differences);
	return differences != 0;
}
