/* Records what a program can see of a ring, in a form that is equal for two libraries in two processes: numbers as they
 * are, pointers as offsets from the mapping that they point into. */
#ifndef IRONRING_STATE_H
#define IRONRING_STATE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <liburing.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* Text written to memory only. */
struct text {
	char *at, *end;
};

/* Bits that aren't told, because the two sides differ in them for a reason that is known. */
static struct {
	unsigned features, sq_flags;
} untold;

__attribute__((format(printf, 2, 3))) static inline void say(struct text *text, const char *format, ...)
{
	size_t room = (size_t)(text->end - text->at);
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(text->at, room, format, args);
	va_end(args);
	if (length < 0 || (size_t)length >= room) {
		static const char message[] = "state.h: the text is too long for its place\n";

		if (write(2, message, sizeof(message) - 1) < 0)
			_exit(2);
		_exit(2);
	}
	text->at += length;
}

static inline void say_pointer(struct text *text, const char *name, const void *pointer, const void *base)
{
	intptr_t value = (intptr_t)pointer, distance = (intptr_t)pointer - (intptr_t)base;

	if (!value)
		say(text, " %s=null", name);
	else if (value < 0 && value >= -4095)
		say(text, " %s=error%ld", name, (long)value);
	else if (base && distance >= 0 && distance < 1 << 24)
		say(text, " %s=+%ld", name, (long)distance);
	else
		say(text, " %s=elsewhere", name);
}

/* Reads from an address that may no longer be mapped, without the bits in `less`. */
static inline void say_behind_less(struct text *text, const char *name, const unsigned *pointer, unsigned less)
{
	unsigned value;
	struct iovec here = { &value, sizeof(value) }, there = { (void *)(uintptr_t)pointer, sizeof(value) };

	if (process_vm_readv(getpid(), &here, 1, &there, 1, 0) == (ssize_t)sizeof(value))
		say(text, " %s=%u", name, value & ~less);
	else
		say(text, " %s=unmapped", name);
}

static inline void say_behind(struct text *text, const char *name, const unsigned *pointer)
{
	say_behind_less(text, name, pointer, 0);
}

/* Every field of the structure, and the kernel's words that it points to. With SQPOLL some change concurrently. */
static inline void say_ring(struct text *text, const struct io_uring *ring)
{
	const struct io_uring_sq *sq = &ring->sq;
	const struct io_uring_cq *cq = &ring->cq;
	int polled = (ring->flags & IORING_SETUP_SQPOLL) != 0;

	say(text, " ring_fd=%d enter_ring_fd=%d flags=%#x features=%#x int_flags=%#x", ring->ring_fd,
	    ring->enter_ring_fd, ring->flags, ring->features & ~untold.features, ring->int_flags);
	say(text, " pad=%u pad2=%u", ring->pad[0] + ring->pad[1] + ring->pad[2], ring->pad2);
	say(text, " sqe_head=%u sqe_tail=%u sq.ring_sz=%zu sq.ring_mask=%u sq.ring_entries=%u sqes_sz=%u sq.pad=%u",
	    sq->sqe_head, sq->sqe_tail, sq->ring_sz, sq->ring_mask, sq->ring_entries, sq->sqes_sz, sq->pad);
	say(text, " cq.ring_sz=%zu cq.ring_mask=%u cq.ring_entries=%u cq.pad=%u", cq->ring_sz, cq->ring_mask,
	    cq->ring_entries, cq->pad[0] + cq->pad[1]);
	say_pointer(text, "sq.ring_ptr", sq->ring_ptr, sq->ring_ptr);
	say_pointer(text, "cq.ring_ptr", cq->ring_ptr, cq->ring_ptr);
	say(text, " shared=%d", sq->ring_ptr && sq->ring_ptr == cq->ring_ptr);
	say_pointer(text, "sqes", sq->sqes, sq->sqes);
	say_pointer(text, "sq.khead", sq->khead, sq->ring_ptr);
	say_pointer(text, "sq.ktail", sq->ktail, sq->ring_ptr);
	say_pointer(text, "sq.kring_mask", sq->kring_mask, sq->ring_ptr);
	say_pointer(text, "sq.kring_entries", sq->kring_entries, sq->ring_ptr);
	say_pointer(text, "sq.kflags", sq->kflags, sq->ring_ptr);
	say_pointer(text, "sq.kdropped", sq->kdropped, sq->ring_ptr);
	say_pointer(text, "sq.array", sq->array, sq->ring_ptr);
	say_pointer(text, "cq.khead", cq->khead, cq->ring_ptr);
	say_pointer(text, "cq.ktail", cq->ktail, cq->ring_ptr);
	say_pointer(text, "cq.kring_mask", cq->kring_mask, cq->ring_ptr);
	say_pointer(text, "cq.kring_entries", cq->kring_entries, cq->ring_ptr);
	say_pointer(text, "cq.kflags", cq->kflags, cq->ring_ptr);
	say_pointer(text, "cq.koverflow", cq->koverflow, cq->ring_ptr);
	say_pointer(text, "cqes", cq->cqes, cq->ring_ptr);
	if (!sq->khead || !cq->khead)
		return;
	if (!polled) {
		say_behind(text, "*sq.khead", sq->khead);
		say_behind_less(text, "*sq.kflags", sq->kflags, untold.sq_flags);
	}
	say_behind(text, "*sq.ktail", sq->ktail);
	say_behind(text, "*sq.kdropped", sq->kdropped);
	say_behind(text, "*cq.khead", cq->khead);
	say_behind(text, "*cq.ktail", cq->ktail);
	say_behind(text, "*cq.koverflow", cq->koverflow);
	if (cq->kflags)
		say_behind(text, "*cq.kflags", cq->kflags);
	if (sq->array) {
		say_behind(text, "first", sq->array);
		say_behind(text, "last", sq->array + sq->ring_mask);
	}
}

/* A completion: its slot in the ring, and its fields. */
static inline void say_cqe(struct text *text, const struct io_uring *ring, const struct io_uring_cqe *cqe)
{
	unsigned words = ring->flags & IORING_SETUP_CQE32 ? 2 : 0;

	if (!cqe) {
		say(text, " cqe=null");
		return;
	}
	if (ring->flags & IORING_SETUP_CQE_MIXED && cqe->flags & IORING_CQE_F_32)
		words = 2;
	say(text, " cqe@%ld=(%#llx,%d,%#x)", (long)(cqe - ring->cq.cqes), (unsigned long long)cqe->user_data, cqe->res,
	    cqe->flags);
	if (words)
		say(text, "+(%#llx,%#llx)", (unsigned long long)cqe->big_cqe[0],
		    (unsigned long long)cqe->big_cqe[1]);
}

/* The mappings and descriptors of a process. Mappings are counted by class, as the kernel merges neighbors. */
struct belongings {
	struct {
		char name[64];
		long bytes;
	} maps[64];
	unsigned nr_maps;
	char fds[64][48];
};

static inline void look_at_descriptors(struct belongings *now)
{
	int fd;

	memset(now->fds, 0, sizeof(now->fds));
	for (fd = 0; fd < 64; fd++) {
		char path[32], *number;

		if (fcntl(fd, F_GETFD) < 0)
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (readlink(path, now->fds[fd], sizeof(now->fds[fd]) - 1) < 0)
			continue;
		/* Pipes have other numbers in each run. */
		number = strpbrk(now->fds[fd], "0123456789");
		if (number && number > now->fds[fd] && number[-1] == '[')
			*number = 0;
	}
}

static inline void look(struct belongings *now)
{
	static char buffer[1 << 16];
	size_t length = 0;
	ssize_t got;
	char *line, *rest = buffer;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

	memset(now, 0, sizeof(*now));
	while ((got = read(fd, buffer + length, sizeof(buffer) - 1 - length)) > 0)
		length += (size_t)got;
	close(fd);
	buffer[length] = 0;
	while ((line = strsep(&rest, "\n")) && *line) {
		unsigned long from, to;
		char perms[8], name[48] = "anonymous";
		char label[64];
		unsigned i;

		if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %47[^\n]", &from, &to, perms, name) < 3)
			continue;
		/* The C library uses these. */
		if (strstr(name, "[heap]") || strstr(name, "[stack]"))
			continue;
		snprintf(label, sizeof(label), "%s %s", perms, name);
		for (i = 0; i < now->nr_maps && strcmp(now->maps[i].name, label); i++)
			;
		if (i == now->nr_maps) {
			if (i == sizeof(now->maps) / sizeof(*now->maps))
				abort();
			strcpy(now->maps[now->nr_maps++].name, label);
		}
		now->maps[i].bytes += (long)(to - from);
	}
	look_at_descriptors(now);
}

static inline long bytes_of(const struct belongings *all, const char *name)
{
	unsigned i;

	for (i = 0; i < all->nr_maps; i++)
		if (!strcmp(all->maps[i].name, name))
			return all->maps[i].bytes;
	return 0;
}

/* Descriptors that were added, removed or replaced. */
static inline void say_descriptors(struct text *text, const struct belongings *before, const struct belongings *after)
{
	unsigned i;

	for (i = 0; i < 64; i++)
		if (strcmp(before->fds[i], after->fds[i]))
			say(text, " fd%u:%s->%s", i, *before->fds[i] ? before->fds[i] : "none",
			    *after->fds[i] ? after->fds[i] : "none");
}

/* What was added and what was removed. */
static inline void say_changes(struct text *text, const struct belongings *before, const struct belongings *after)
{
	unsigned i;

	for (i = 0; i < after->nr_maps; i++) {
		long more = after->maps[i].bytes - bytes_of(before, after->maps[i].name);

		if (more)
			say(text, " %+ld:%s", more, after->maps[i].name);
	}
	for (i = 0; i < before->nr_maps; i++)
		if (!bytes_of(after, before->maps[i].name))
			say(text, " %+ld:%s", -before->maps[i].bytes, before->maps[i].name);
	say_descriptors(text, before, after);
}

#endif
