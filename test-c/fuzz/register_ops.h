/* Registrations and rings of provided buffers. */
#include "wait_ops.h"

static void buf_ring_setup(unsigned r, unsigned group, unsigned entries, unsigned incremental)
{
	int err = 77;
	struct io_uring_buf_ring *made;
	LIVE(r);

	group %= GROUPS;
	if (s->buffers[group])
		REFUSE("there");
	made = io_uring_setup_buf_ring(ring, entries, (int)group, incremental ? IOU_PBUF_RING_INC : 0, &err);
	counted(commands, IORING_REGISTER_LAST, IORING_REGISTER_PBUF_RING, made != NULL);
	note(" %s %d", made ? "made" : "null", err);
	if (!made)
		return;
	s->buffers[group] = made;
	s->nr_buffers[group] = entries;
	note(" tail %u mask %d", made->tail, io_uring_buf_ring_mask(entries));
}

/* Sets `ring` and its ring of buffers, or ends the operation. */
#define BUFFERS(R, GROUP)				\
	struct io_uring_buf_ring *br;			\
	unsigned entries;				\
	LIVE(R);					\
							\
	(GROUP) %= GROUPS;				\
	br = s->buffers[GROUP];				\
	entries = s->nr_buffers[GROUP];			\
	if (!br)					\
		REFUSE("none");				\
	(void)entries

static void buf_ring_free(unsigned r, unsigned group)
{
	long ret;
	BUFFERS(r, group);

	/* A pending request may still write to it. */
	if (s->waits)
		REFUSE("in use");
	COMMAND(IORING_UNREGISTER_PBUF_RING, ret = io_uring_free_buf_ring(ring, br, entries, (int)group));
	if (!ret)
		s->buffers[group] = NULL;
}

/* How many of so many buffers can be added to a ring. */
static unsigned fitting(struct io_uring *ring, struct io_uring_buf_ring *br, unsigned group, unsigned entries,
			unsigned count)
{
	int there;

	if (!known("overfull"))
		return count;
	there = io_uring_buf_ring_available(ring, br, (unsigned short)group);
	if (there < 0 || (unsigned)there >= entries)
		return 0;
	return count < entries - (unsigned)there ? count : entries - (unsigned)there;
}

static void buf_ring_add(unsigned r, unsigned group, unsigned number)
{
	unsigned count = number % 4, i;
	BUFFERS(r, group);

	count = fitting(ring, br, group, entries, count);
	for (i = 0; i < count; i++)
		io_uring_buf_ring_add(br, data[4 + i], 100, (unsigned short)(number + i), io_uring_buf_ring_mask(entries),
				      (int)i);
	io_uring_buf_ring_advance(br, (int)count);
	note(" tail %u", br->tail);
}

static void buf_ring_cq_advance(unsigned r, unsigned group, unsigned count)
{
	BUFFERS(r, group);

	if (count > io_uring_cq_ready(ring))
		count = io_uring_cq_ready(ring);
	count = fitting(ring, br, group, entries, count);
	io_uring_buf_ring_cq_advance(ring, br, (int)count);
	if (fitting(ring, br, group, entries, 1))
		__io_uring_buf_ring_cq_advance(ring, br, 0, 1);
	note(" tail %u", br->tail);
}

static void buf_ring_head(unsigned r, unsigned group)
{
	uint16_t head = 77;
	BUFFERS(r, group);

	COMMAND(IORING_REGISTER_PBUF_STATUS, io_uring_buf_ring_head(ring, (int)group, &head));
	note(" head %u available %d", head, io_uring_buf_ring_available(ring, br, (unsigned short)group));
}

static void buf_ring_own(unsigned r, unsigned group, unsigned entries)
{
	struct io_uring_buf_reg reg = { .ring_entries = entries, .bgid = (__u16)(8 + group),
					.ring_addr = (uintptr_t)data };
	LIVE(r);

	/* Not page-aligned, so refused; memory of the kernel's is accepted. */
	if (!(entries & 1) && known("mapped"))
		entries++;
	COMMAND(IORING_REGISTER_PBUF_RING, io_uring_register_buf_ring(ring, &reg, entries & 1 ? 0 : IOU_PBUF_RING_MMAP));
	note(" flags %#x", reg.flags);
	COMMAND(IORING_UNREGISTER_PBUF_RING, io_uring_unregister_buf_ring(ring, (int)(8 + group)));
}

static int all_files[8];
static struct iovec all_buffers[8];
static __u64 tags[8];

/* Tags come back as completions at a time that the kernel chooses. */
static void fill(void)
{
	unsigned i;

	for (i = 0; i < 8; i++) {
		all_files[i] = descriptor(i);
		all_buffers[i] = (struct iovec){ data[i], i == 7 ? 0 : 512 };
	}
}

static void files(unsigned r, unsigned number, unsigned count)
{
	LIVE(r);

	fill();
	count %= 9;
	if (number % 3 == 0)
		COMMAND(IORING_REGISTER_FILES2, io_uring_register_files_sparse(ring, count));
	else if (number % 3 == 1)
		COMMAND(IORING_REGISTER_FILES, io_uring_register_files(ring, all_files, count));
	else
		COMMAND(IORING_REGISTER_FILES2, io_uring_register_files_tags(ring, all_files, tags, count));
}

static void files_update(unsigned r, unsigned slot, unsigned count, unsigned with_tags)
{
	LIVE(r);

	fill();
	count %= 9;
	if (with_tags)
		COMMAND(IORING_REGISTER_FILES_UPDATE2, io_uring_register_files_update_tag(ring, slot, all_files, tags, count));
	else
		COMMAND(IORING_REGISTER_FILES_UPDATE, io_uring_register_files_update(ring, slot, all_files, count));
}

static void alloc_range(unsigned r, unsigned slot, unsigned count)
{
	LIVE(r);
	COMMAND(IORING_REGISTER_FILE_ALLOC_RANGE, io_uring_register_file_alloc_range(ring, slot, count));
}

static void unregister_files(unsigned r)
{
	LIVE(r);
	COMMAND(IORING_UNREGISTER_FILES, io_uring_unregister_files(ring));
}

static void buffers(unsigned r, unsigned number, unsigned count)
{
	LIVE(r);

	fill();
	count %= 9;
	if (number % 3 == 0)
		COMMAND(IORING_REGISTER_BUFFERS2, io_uring_register_buffers_sparse(ring, count));
	else if (number % 3 == 1)
		COMMAND(IORING_REGISTER_BUFFERS, io_uring_register_buffers(ring, all_buffers, count));
	else
		COMMAND(IORING_REGISTER_BUFFERS2, io_uring_register_buffers_tags(ring, all_buffers, tags, count));
}

static void buffers_update(unsigned r, unsigned slot, unsigned count)
{
	LIVE(r);

	fill();
	COMMAND(IORING_REGISTER_BUFFERS_UPDATE, io_uring_register_buffers_update_tag(ring, slot, all_buffers, tags, count % 9));
}

static void unregister_buffers(unsigned r)
{
	LIVE(r);
	COMMAND(IORING_UNREGISTER_BUFFERS, io_uring_unregister_buffers(ring));
}

static void clone_buffers(unsigned r, unsigned from, unsigned number)
{
	struct slot *other = &slots[from % RINGS];
	LIVE(r);

	if (!other->alive)
		REFUSE("no ring");
	switch (number % 4) {
	case 0:
		COMMAND(IORING_REGISTER_CLONE_BUFFERS, io_uring_clone_buffers(ring, &other->ring));
		break;
	case 1:
		COMMAND(IORING_REGISTER_CLONE_BUFFERS, __io_uring_clone_buffers(ring, &other->ring, IORING_REGISTER_DST_REPLACE));
		break;
	case 2:
		COMMAND(IORING_REGISTER_CLONE_BUFFERS, io_uring_clone_buffers_offset(ring, &other->ring, number / 4 % 4, number / 16 % 4, 2, 0));
		break;
	default:
		COMMAND(IORING_REGISTER_CLONE_BUFFERS, __io_uring_clone_buffers_offset(ring, &other->ring, 0, 0, 0, 0));
	}
}

static void register_event(unsigned r, unsigned number)
{
	LIVE(r);

	signaled = 1;
	if (number % 3 == 0)
		COMMAND(IORING_REGISTER_EVENTFD, io_uring_register_eventfd(ring, event));
	else if (number % 3 == 1)
		COMMAND(IORING_REGISTER_EVENTFD_ASYNC, io_uring_register_eventfd_async(ring, event));
	else
		COMMAND(IORING_UNREGISTER_EVENTFD, io_uring_unregister_eventfd(ring));
}

static void personality(unsigned r, unsigned number)
{
	int id = (int)(number / 2 % 4);
	LIVE(r);

	if (number & 17)
		COMMAND(IORING_REGISTER_PERSONALITY, id = io_uring_register_personality(ring));
	if (!(number & 1))
		COMMAND(IORING_UNREGISTER_PERSONALITY, io_uring_unregister_personality(ring, id));
}

static void sync_cancel(unsigned r, unsigned which, unsigned number)
{
	struct io_uring_sync_cancel_reg reg = { .timeout = { 0, 0 }, .fd = -1 };
	LIVE(r);

	reg.addr = target(s, which);
	reg.flags = number & 1 ? IORING_ASYNC_CANCEL_ALL : 0;
	reg.flags |= number & 2 ? IORING_ASYNC_CANCEL_ANY : 0;
	COMMAND(IORING_REGISTER_SYNC_CANCEL, io_uring_register_sync_cancel(ring, &reg));
}

static void sync_msg(unsigned r, unsigned number)
{
	struct io_uring_sqe sqe;
	LIVE(r);

	if (polled(s) || ring->ring_fd < 0)
		REFUSE("not here");
	memset(&sqe, 0, sizeof(sqe));
	io_uring_prep_msg_ring(&sqe, ring->ring_fd, number, 6666, 0);
	/* With deferred task work the completion comes at a later enter: `alone` would count it as its own. */
	s->waits = 1;
	COMMAND(IORING_REGISTER_SEND_MSG_RING, io_uring_register_sync_msg(&sqe));
}

/* Single calls. */
static void various(unsigned r, unsigned number)
{
	struct io_uring_clock_register monotonic = { .clockid = CLOCK_MONOTONIC };
	struct io_uring_napi napi;
	struct io_uring_zcrx_ifq_reg ifq;
	struct zcrx_ctrl control;
	struct io_uring_bpf filter;
	unsigned values[2] = { number % 8, 0 };
	LIVE(r);

	memset(&napi, 0, sizeof(napi));
	memset(&ifq, 0, sizeof(ifq));
	memset(&control, 0, sizeof(control));
	memset(&filter, 0, sizeof(filter));
	switch (number % 10) {
	case 0:
		COMMAND(IORING_REGISTER_IOWQ_AFF, io_uring_register_iowq_aff(ring, 1, (const cpu_set_t *)(const void *)"\1"));
		break;
	case 1:
		COMMAND(IORING_UNREGISTER_IOWQ_AFF, io_uring_unregister_iowq_aff(ring));
		break;
	case 2:
		COMMAND(IORING_REGISTER_IOWQ_MAX_WORKERS, io_uring_register_iowq_max_workers(ring, values));
		if (!known("workers"))
			note(" %u %u", values[0], values[1]);
		break;
	case 3:
		COMMAND(IORING_REGISTER_CLOCK, io_uring_register_clock(ring, &monotonic));
		break;
	case 4:
		COMMAND(IORING_REGISTER_NAPI, io_uring_register_napi(ring, &napi));
		break;
	case 5:
		COMMAND(IORING_UNREGISTER_NAPI, io_uring_unregister_napi(ring, &napi));
		break;
	case 6:
		if (has_queue(ring))
			REFUSE("known");
		COMMAND(IORING_REGISTER_ZCRX_IFQ, io_uring_register_ifq(ring, &ifq));
		break;
	case 7:
		COMMAND(IORING_REGISTER_ZCRX_CTRL, io_uring_register_zcrx_ctrl(ring, &control));
		break;
	case 8:
		COMMAND(IORING_REGISTER_BPF_FILTER, io_uring_register_bpf_filter(ring, &filter));
		break;
	default:
		COMMAND(IORING_REGISTER_MEM_REGION, io_uring_register_wait_reg(ring, NULL, 1));
	}
}

/* Calls that need no ring, or create one. */
static void ask(unsigned number, unsigned entries, unsigned setup)
{
	struct io_uring_params p = { .flags = setup, .cq_entries = number };
	struct io_uring_query_hdr query;
	struct io_uring_bpf filter;
	struct io_uring_probe *probe;

	memset(&query, 0, sizeof(query));
	memset(&filter, 0, sizeof(filter));
	switch (number % 8) {
	case 0:
		RETURNED(io_uring_memory_size(entries, setup));
		break;
	case 1:
		RETURNED(io_uring_memory_size_params(entries, &p));
		break;
	case 2:
		RETURNED(io_uring_mlock_size(entries, setup));
		break;
	case 3:
		RETURNED(io_uring_mlock_size_params(entries, &p));
		break;
	case 4:
		probe = io_uring_get_probe();
		counted(commands, IORING_REGISTER_LAST, IORING_REGISTER_PROBE, probe != NULL);
		if (known("receive"))
			probe->ops[IORING_OP_RECV_ZC].flags = 0;
		if (known("newer"))
			probe->last_op = probe->ops_len = IORING_OP_NOP128;
		note(" %u %u %#lx", probe->last_op, probe->ops_len,
		     sum(probe->ops, probe->ops_len * sizeof(*probe->ops)));
		note(" %d", io_uring_opcode_supported(probe, (int)(entries % 64)));
		io_uring_free_probe(probe);
		break;
	case 5:
		COMMAND(IORING_REGISTER_QUERY, io_uring_register_query(&query));
		break;
	case 6:
		COMMAND(IORING_REGISTER_BPF_FILTER, io_uring_register_bpf_filter_task(&filter));
		break;
	default:
		note(" %d.%d %d", io_uring_major_version(), io_uring_minor_version(),
		     io_uring_check_version((int)(number % 4), (int)entries));
	}
}

/* Registered waits, or a probe. */
static void region(unsigned r, unsigned number)
{
	static char waits[4096] __attribute__((aligned(4096)));
	struct io_uring_region_desc memory = { .user_addr = (uintptr_t)waits, .size = sizeof(waits),
					       .flags = IORING_MEM_REGION_TYPE_USER };
	struct io_uring_mem_region_reg reg = { .region_uptr = (uintptr_t)&memory };
	struct io_uring_probe *probe;
	LIVE(r);

	if (number & 1) {
		reg_waits = (void *)waits;
		reg_waits[1].flags = IORING_REG_WAIT_TS;
		reg_waits[1].ts.tv_nsec = 1000;
		reg.flags = number & 2 ? IORING_MEM_REGION_REG_WAIT_ARG : 0;
		COMMAND(IORING_REGISTER_MEM_REGION, io_uring_register_region(ring, &reg));
		return;
	}
	probe = io_uring_get_probe_ring(ring);
	if (probe && known("newer"))
		probe->last_op = IORING_OP_NOP128;
	note(" %d", probe ? probe->last_op : -1);
	io_uring_free_probe(probe);
}
