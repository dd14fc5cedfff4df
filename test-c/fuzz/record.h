/* Recording what an operation has changed, and the beginning and end of a program. */
#include "world.h"

/* Counts the success of a request. */
static void succeeded(const struct slot *s, const struct io_uring_cqe *cqe)
{
	unsigned opcode = s->opcodes[cqe->user_data % HISTORY];

	if (cqe->res >= 0 && cqe->user_data && cqe->user_data <= s->serial && opcode < IORING_OP_LAST)
		opcodes[opcode].done++;
}

/* Where the engine is compared, the order of completions that come within one operation is not told: no order of independent
 * requests is promised. The ring of requests that are awaited at once shows the order. */
static int in_order(const struct slot *s)
{
	return !known_names || s == &slots[LONE];
}

/* Whether Linux may leave the second half of a completion as it was. */
static int half_filled(const struct io_uring_cqe *cqe)
{
	return known("words") && (cqe->flags & IORING_CQE_F_MORE || cqe->user_data >= 6666);
}

/* A completion that an operation got. Where the order is not told, it has been told when it came. */
static void tell_cqe(const struct slot *s, const struct io_uring_cqe *cqe)
{
	if (cqe && !in_order(s))
		note(" cqe@%ld", (long)(cqe - s->ring.cq.cqes));
	else if (cqe && half_filled(cqe))
		note(" cqe@%ld=(%#llx,%d,%#x)", (long)(cqe - s->ring.cq.cqes), (unsigned long long)cqe->user_data, cqe->res,
		     cqe->flags);
	else
		say_cqe(&trace, &s->ring, cqe);
}

static void tell_unordered(const struct slot *s, const struct io_uring_cqe *cqe)
{
	int whole = s->ring.flags & IORING_SETUP_CQE32 || cqe->flags & IORING_CQE_F_32;

	note("\n    + (%#llx,%d,%#x)", (unsigned long long)cqe->user_data, cqe->res, cqe->flags);
	if (whole && !half_filled(cqe))
		note("+(%#llx,%#llx)", (unsigned long long)cqe->big_cqe[0], (unsigned long long)cqe->big_cqe[1]);
}

/* The chain's request before this one comes first, if both complete. */
static void check_order(struct slot *s, const struct io_uring_cqe *cqe)
{
	unsigned serial = (unsigned)cqe->user_data;

	if (!serial || serial > s->serial || cqe->flags & IORING_CQE_F_MORE)
		return;
	s->completed[serial % HISTORY] = serial;
	if (s->linked[(serial + 1) % HISTORY] == serial + 1 && s->completed[(serial + 1) % HISTORY] == serial + 1)
		note(" %u before %u", serial + 1, serial);
}

/* Records the completions since the last look, without reaping them. */
static void new_completions(struct slot *s)
{
	static const struct io_uring_cqe *all[4096];
	const struct io_uring *ring = &s->ring;
	unsigned tail = io_uring_smp_load_acquire(ring->cq.ktail);
	unsigned shift = io_uring_cqe_shift(ring), count = 0, i, j;

	/* Which completions had room depends on the order. */
	s->blurred |= !in_order(s) && tail != s->seen && io_uring_cq_has_overflow(ring);
	/* The tail ends the loop, whatever the slots contain. */
	while ((int)(tail - s->seen) > 0) {
		const struct io_uring_cqe *cqe = &ring->cq.cqes[(s->seen & ring->cq.ring_mask) << shift];

		if (!s->blurred)
			succeeded(s, cqe);
		check_order(s, cqe);
		if (in_order(s)) {
			note("\n    +");
			tell_cqe(s, cqe);
		} else if (count < 4096) {
			all[count++] = cqe;
		}
		if (ring->flags & IORING_SETUP_CQE_MIXED && cqe->flags & IORING_CQE_F_32)
			s->seen++;
		s->seen++;
	}
	/* By user data; those of one request stay in their order. */
	for (i = 1; i < count; i++) {
		const struct io_uring_cqe *it = all[i];

		for (j = i; j && all[j - 1]->user_data > it->user_data; j--)
			all[j] = all[j - 1];
		all[j] = it;
	}
	if (s->blurred && count) {
		note("\n    +%u", count);
		return;
	}
	for (i = 0; i < count; i++)
		tell_unordered(s, all[i]);
}

/* The SQ's flags that aren't told. A worker of the kernel may say that there is work when that is done already. */
static unsigned untold_of(const struct slot *s)
{
	return untold.sq_flags | (s == &slots[LONE] ? IORING_SQ_TASKRUN : 0);
}

/* The state of a ring that changes all the time; the rest is recorded where it can change. */
static void moved(const struct slot *s)
{
	const struct io_uring *ring = &s->ring;

	note("\n  ring%ld: %u,%u ", (long)(s - slots), ring->sq.sqe_head, ring->sq.sqe_tail);
	if (!polled(s))
		note("%u,%#x ", *ring->sq.khead, *ring->sq.kflags & ~untold_of(s));
	note("%u,%u; %u,%u %u,%u %#x %d,%d %u,%u,%d", *ring->sq.ktail, *ring->sq.kdropped, *ring->cq.khead,
	     *ring->cq.ktail, io_uring_cq_ready(ring), *ring->cq.koverflow, ring->int_flags, ring->ring_fd,
	     ring->enter_ring_fd, io_uring_sq_ready(ring), io_uring_sq_space_left(ring),
	     polled(s) ? 0 : io_uring_cq_has_overflow(ring));
}

static void whole(const struct slot *s)
{
	const unsigned before = untold.sq_flags;

	note("\n  whole:");
	untold.sq_flags = untold_of(s);
	say_ring(&trace, &s->ring);
	untold.sq_flags = before;
}

static void interrupted(int signal)
{
	(void)signal;
}

/* Bits of the engine's that differ from the kernel's. */
static void begin_untold(void)
{
	if (known("features"))
		untold.features = IORING_FEAT_RW_ATTR;
	if (known("taskrun"))
		untold.sq_flags |= IORING_SQ_TASKRUN;
	if (known("resized"))
		untold.sq_flags |= IORING_SQ_NEED_WAKEUP;
}

static void begin(char *text, size_t size)
{
	struct sigaction action = { .sa_handler = interrupted };
	sigset_t blocked;

	trace = (struct text){ text, text + size };
	begin_lockstep();
	begin_untold();
	sigaction(SIGALRM, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	signal(SIGPIPE, SIG_IGN);
	fresh_descriptors();
	file = memfd_create("fuzz", MFD_CLOEXEC);
}

/* On a ring with DEFER_TASKRUN the engine has the library enter as soon as there is work or a completion, the kernel only
 * if the program asks for that by TASKRUN_FLAG. So such a ring is entered after each operation. */
static void run_deferred(struct slot *s)
{
	unsigned idle = 0, tail;

	if (!(s->ring.flags & IORING_SETUP_DEFER_TASKRUN) || !known("deferred"))
		return;
	/* Each time one step of a chain, which may have no completion. */
	while (idle < 4) {
		tail = *s->ring.cq.ktail;
		if (io_uring_get_events(&s->ring) < 0)
			return;
		idle = tail == *s->ring.cq.ktail ? idle + 1 : 0;
	}
}

static void after_each(void)
{
	struct slot *s;

	if (!quiet())
		note(" restless");
	for (s = slots; s < slots + RINGS; s++)
		if (s->alive)
			run_deferred(s);
	for (s = slots; s < slots + RINGS; s++) {
		if (!s->alive)
			continue;
		moved(s);
		new_completions(s);
	}
	note("\n");
}

static unsigned long sum(const void *memory, size_t size)
{
	const unsigned char *byte = memory;
	unsigned long result = 5381;

	while (size--)
		result = result * 33 + *byte++;
	return result;
}

static void leave(struct slot *s)
{
	unsigned group;

	/* Completions of its canceled requests would wake those of other rings, at a time that the kernel chooses. */
	if (s->waits)
		io_uring_unregister_eventfd(&s->ring);
	io_uring_queue_exit(&s->ring);
	s->alive = 0;
	for (group = 0; group < 4; group++)
		if (readers[group] == (unsigned)(s - slots) + 1)
			readers[group] = 0;
	for (group = 0; group < GROUPS; group++)
		if (s->buffers[group])
			munmap(s->buffers[group], s->nr_buffers[group] * sizeof(struct io_uring_buf));
	if (s->waits) {
		/* Its requests may still consume from these descriptors: nobody else uses them any more. */
		abandoned = 1;
		fresh_descriptors();
	}
	memset(s, 0, sizeof(*s));
}

static void say_used(const char *kind, const struct tally *all, unsigned length)
{
	unsigned i;

	for (i = 0; i < length; i++)
		if (all[i].asked)
			note(" %s%u:%u/%u", kind, i, all[i].done, all[i].asked);
}

static void end(const struct belongings *before)
{
	static struct belongings now;
	/* Summed before the rings are exited, after which the kernel may still write for pending requests. */
	unsigned long written = abandoned || (signaled && known_names) ? 0 : sum(data, sizeof(data));
	struct slot *s;

	for (s = slots; s < slots + RINGS; s++)
		if (s->alive)
			whole(s);
	for (s = slots; s < slots + RINGS; s++)
		if (s->alive)
			leave(s);
	if (folder >= 0)
		close(folder);
	note("\nend: data %#lx", written);
	if (known_names) {
		/* The engine keeps memory of its own. */
		look_at_descriptors(&now);
		say_descriptors(&trace, before, &now);
	} else {
		look(&now);
		say_changes(&trace, before, &now);
	}
	note("\nused:");
	say_used("o", opcodes, IORING_OP_LAST);
	say_used("c", commands, IORING_REGISTER_LAST);
	note("\n");
}
