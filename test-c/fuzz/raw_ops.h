/* Entries, commands and calls with something wrong in them. */
#include "time_ops.h"

/* Zeroed memory, with nothing mapped behind it. */
static char *blank(void)
{
	static char *page;

	if (!page) {
		page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (page == MAP_FAILED || mprotect(page + 4096, 4096, PROT_NONE))
			abort();
	}
	memset(page, 0, 4096);
	return page;
}

/* Whether an opcode takes an address for something else, or would wait. */
static int needs_null(unsigned opcode)
{
	switch (opcode) {
	case IORING_OP_FALLOCATE:
	case IORING_OP_MADVISE:
	case IORING_OP_FUTEX_WAIT:
	case IORING_OP_FUTEX_WAITV:
		return 1;
	default:
		return 0;
	}
}

/* One field with a value that it may not have. The number says which field, the size which value. */
static void malformed(unsigned r, unsigned opcode, unsigned number, unsigned size)
{
	static const __u64 values[] = { 1, 0x80000000, ~0ULL, 2, 0x100, 0x8000, 1ULL << 40, 64 };
	__u64 value = values[size % 8];
	unsigned i;
	int fd = number & 16 ? file : -1;
	__u64 *words;

	if ((opcode >= IORING_OP_NOP128 && opcode < IORING_OP_LAST && known("newer")) ||
	    (opcode == IORING_OP_RECV_ZC && known("receive")))
		REFUSE("known");
	ALONE(r, 4);

	/* The number of a closed file is soon that of one for which a read waits. */
	if (opcode == IORING_OP_FUTEX_WAIT || opcode == IORING_OP_FUTEX_WAITV || opcode == IORING_OP_CLOSE)
		fd = -1;
	io_uring_prep_rw((int)opcode, sqe, fd, NULL, size % 3, 0);
	if (size & 1 && !needs_null(opcode))
		sqe->addr = (uintptr_t)blank();
	if (opcode == IORING_OP_SPLICE || opcode == IORING_OP_TEE)
		sqe->splice_fd_in = -1;
	words = (__u64 *)(void *)sqe;
	switch (number % 16) {
	case 0:
		break;
	case 1:
		sqe->ioprio = (__u16)value;
		break;
	case 2:
		sqe->off = value;
		break;
	case 3:
		/* So many buffers may reach beyond the end of all addresses, or not. */
		sqe->len = opcode == IORING_OP_PROVIDE_BUFFERS ? 1 : (__u32)value;
		break;
	case 4:
		/* Without an end. */
		if (opcode == IORING_OP_TIMEOUT && value == IORING_TIMEOUT_MULTISHOT)
			value = 0x80;
		sqe->rw_flags = (__kernel_rwf_t)value;
		break;
	case 5:
		sqe->buf_index = (__u16)value;
		break;
	case 6:
		sqe->personality = (__u16)value;
		break;
	case 7:
		sqe->splice_fd_in = opcode == IORING_OP_SPLICE || opcode == IORING_OP_TEE ? -1 : (int)value;
		break;
	case 8:
		words[6] = value;
		break;
	case 9:
		words[7] = value == 1 && known("metadata") ? 2 : value;
		break;
	case 10:
		sqe->flags = IOSQE_FIXED_FILE;
		break;
	case 11:
		sqe->flags = IOSQE_BUFFER_SELECT;
		break;
	case 12:
		sqe->flags = IOSQE_ASYNC;
		break;
	case 13:
		sqe->flags = 1 << 7;
		break;
	case 14:
		/* Linux 6.18 waits for ever behind a zero-copy send that is drained: its second completion is before it. */
		if (opcode != IORING_OP_SEND_ZC && opcode != IORING_OP_SENDMSG_ZC)
			sqe->flags = IOSQE_IO_DRAIN;
		break;
	default:
		/* An address is no position of the file: it differs in each run. */
		sqe->off = number & 16 ? value : (uintptr_t)blank();
	}
	number_entry(s, sqe);
	submit_alone(s);
	/* As in `drained`: otherwise the next submission's second request waits for the first. */
	for (i = 0; i < 2 && number % 16 == 14; i++) {
		io_uring_prep_nop(sqe = another(s));
		numbered(s, sqe, 0);
		submit_alone(s);
	}
	reap_alone(s);
}

/* Whether the kernel would look at what is asked of a network card's queue. */
static int has_queue(const struct io_uring *ring)
{
	return ring->flags & IORING_SETUP_DEFER_TASKRUN && ring->flags & (IORING_SETUP_CQE32 | IORING_SETUP_CQE_MIXED) &&
	       known("queue");
}

/* A command with arguments that have nothing to do with it. */
static void malformed_command(unsigned r, unsigned command, unsigned number)
{
	static const unsigned counts[] = { 0, 1, 2, 0x80000000, 257, 16 };
	char *const arguments[] = { NULL, blank(), (char *)8, blank() };
	char *argument = arguments[number % 4];
	int fd;
	LIVE(r);

	fd = number & 16 ? -1 : ring->ring_fd;
	if (!(number & 16) && fd < 0)
		REFUSE("closed");
	if (command == IORING_REGISTER_ZCRX_IFQ && has_queue(ring))
		REFUSE("known");
	if (number % 4 == 3)
		memset(argument, 0xff, 64);
	/* Here zeroes are good, and the library would not know. */
	if (number % 4 == 1 && (command == IORING_REGISTER_RESTRICTIONS || command == IORING_UNREGISTER_RING_FDS))
		argument = NULL;
	COMMAND(command, io_uring_register((unsigned)fd, command, argument, counts[number / 4 % 6]));
}

/* A call with flags and arguments that don't fit; it never waits. */
static void malformed_enter(unsigned r, unsigned number, unsigned size)
{
	static const unsigned flags[] = { 1U << 31, IORING_ENTER_EXT_ARG, IORING_ENTER_EXT_ARG | IORING_ENTER_EXT_ARG_REG,
					  IORING_ENTER_EXT_ARG_REG, IORING_ENTER_ABS_TIMER, IORING_ENTER_SQ_WAIT,
					  IORING_ENTER_SQ_WAKEUP, IORING_ENTER_NO_IOWAIT, IORING_ENTER_REGISTERED_RING, 0 };
	LIVE(r);

	if (polled(s) || ring->ring_fd < 0)
		REFUSE("not here");
	RETURNED(io_uring_enter2((unsigned)ring->ring_fd, 0, 0, flags[number % 10] | (number & 16 ? IORING_ENTER_GETEVENTS : 0),
				 number & 1 ? (void *)blank() : NULL, size == 10 ? 24 : size == 1 ? 64 : size));
}
