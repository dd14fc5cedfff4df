/* Registrations: each function that calls `io_uring_register`, few of which inspect their argument. */

static char bytes[4096];
static struct iovec iovec = { bytes, sizeof(bytes) };
static __u64 tags[4];
static int files[4] = { 0, 1, 2, -1 };
static int event = -1;
static unsigned numbers[2];

static void with_event(void)
{
	ready(8, 0);
	event = eventfd(0, EFD_CLOEXEC);
	MUST(event >= 0);
}

#define REGISTER(NAME, BEFORE, CALLED) SCENARIO(NAME, ready(8, 0); BEFORE, CALL(CALLED))

REGISTER(register_buffers, , io_uring_register_buffers(&ring, &iovec, 1))
REGISTER(register_buffers_tags, , io_uring_register_buffers_tags(&ring, &iovec, tags, 1))
REGISTER(register_buffers_sparse, , io_uring_register_buffers_sparse(&ring, 4))
REGISTER(register_buffers_update_tag, MUST(!io_uring_register_buffers_sparse(&ring, 4)),
	io_uring_register_buffers_update_tag(&ring, 1, &iovec, tags, 1))
REGISTER(unregister_buffers, MUST(!io_uring_register_buffers(&ring, &iovec, 1)), io_uring_unregister_buffers(&ring))

/* Too many files: the library raises the limit and tries again. */
static void too_many(void)
{
	inject.faults[0] = (struct fault){ KIND_register, 1, ANSWER, -EMFILE };
}
static void limit(void)
{
	struct rlimit64 {
		__u64 now, most;
	} nofile;

	syscall(SYS_prlimit64, 0, 7, NULL, &nofile);
	given = (long)nofile.now;
}
REGISTER(register_files, , io_uring_register_files(&ring, files, 4))
REGISTER(register_files_tags, , io_uring_register_files_tags(&ring, files, tags, 4))
REGISTER(register_files_sparse, , io_uring_register_files_sparse(&ring, 4))
SCENARIO(register_files_many, ready(8, 0); too_many(), CALL(io_uring_register_files(&ring, files, 4)); limit())
SCENARIO(register_files_tags_many, ready(8, 0); too_many(), CALL(io_uring_register_files_tags(&ring, files, tags, 4));
	limit())
SCENARIO(register_files_sparse_many, ready(8, 0); too_many(), CALL(io_uring_register_files_sparse(&ring, 2000000));
	limit())
REGISTER(register_files_update, MUST(!io_uring_register_files_sparse(&ring, 4)),
	io_uring_register_files_update(&ring, 1, files, 2))
REGISTER(register_files_update_tag, MUST(!io_uring_register_files_sparse(&ring, 4)),
	io_uring_register_files_update_tag(&ring, 1, files, tags, 2))
REGISTER(register_file_alloc_range, MUST(!io_uring_register_files_sparse(&ring, 4)),
	io_uring_register_file_alloc_range(&ring, 1, 2))
REGISTER(unregister_files, MUST(!io_uring_register_files(&ring, files, 4)), io_uring_unregister_files(&ring))

SCENARIO(register_eventfd, with_event(), CALL(io_uring_register_eventfd(&ring, event)))
SCENARIO(register_eventfd_async, with_event(), CALL(io_uring_register_eventfd_async(&ring, event)))
SCENARIO(unregister_eventfd, with_event(); MUST(!io_uring_register_eventfd(&ring, event)),
	CALL(io_uring_unregister_eventfd(&ring)))
REGISTER(register_personality, , io_uring_register_personality(&ring))
REGISTER(unregister_personality, given = io_uring_register_personality(&ring),
	io_uring_unregister_personality(&ring, (int)given))
REGISTER(register_iowq_aff, , io_uring_register_iowq_aff(&ring, 1, (const cpu_set_t *)"\1"))
REGISTER(register_iowq_aff_long, , io_uring_register_iowq_aff(&ring, 1UL << 31, NULL))
REGISTER(unregister_iowq_aff, , io_uring_unregister_iowq_aff(&ring))
SCENARIO(register_iowq_max_workers, ready(8, 0),
	memset(numbers, 0, sizeof(numbers)); CALL(io_uring_register_iowq_max_workers(&ring, numbers)))

static struct io_uring_restriction restriction = { .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_NOP };
SCENARIO(register_restrictions, ready(8, IORING_SETUP_R_DISABLED),
	CALL(io_uring_register_restrictions(&ring, &restriction, 1)))
SCENARIO(enable_rings, ready(8, IORING_SETUP_R_DISABLED), CALL(io_uring_enable_rings(&ring)))

static void fresh_descriptor(void)
{
	ready(8, 0);
	if (registered_descriptor)
		MUST(io_uring_unregister_ring_fd(&ring) == 1);
}
static void registered(void)
{
	fresh_descriptor();
	MUST(io_uring_register_ring_fd(&ring) == 1);
}
SCENARIO(register_ring_fd, fresh_descriptor(), CALL(io_uring_register_ring_fd(&ring)))
SCENARIO(register_ring_fd_twice, registered(), CALL(io_uring_register_ring_fd(&ring)))
SCENARIO(unregister_ring_fd, registered(), CALL(io_uring_unregister_ring_fd(&ring)))
SCENARIO(unregister_ring_fd_none, fresh_descriptor(), CALL(io_uring_unregister_ring_fd(&ring)))
SCENARIO(close_ring_fd, registered(), CALL(io_uring_close_ring_fd(&ring)))
SCENARIO(close_ring_fd_none, fresh_descriptor(), CALL(io_uring_close_ring_fd(&ring)))
/* A ring that is used and exited without a descriptor. */
SCENARIO(closed_submit, registered(); io_uring_close_ring_fd(&ring); queue(1), CALL(io_uring_submit(&ring)))
SCENARIO(closed_register, registered(); io_uring_close_ring_fd(&ring), CALL(io_uring_register_personality(&ring)))
SCENARIO(closed_exit, registered(); io_uring_close_ring_fd(&ring), leave())

static struct io_uring_sync_cancel_reg cancel;
SCENARIO(register_sync_cancel, ready(8, 0),
	cancel = (struct io_uring_sync_cancel_reg){ .addr = 5, .fd = -1, .timeout = { -1, -1 } };
	CALL(io_uring_register_sync_cancel(&ring, &cancel)))
static struct io_uring_sqe message;
static void to_ring(void)
{
	memset(&message, 0, sizeof(message));
	io_uring_prep_msg_ring(&message, ring.ring_fd, 7, 9, 0);
}
SCENARIO(register_sync_msg, ready(8, 0); to_ring(), CALL(io_uring_register_sync_msg(&message)))
static struct io_uring_napi napi;
SCENARIO(register_napi, ready(8, 0), memset(&napi, 0, sizeof(napi)); CALL(io_uring_register_napi(&ring, &napi)))
SCENARIO(unregister_napi, ready(8, 0), memset(&napi, 0, sizeof(napi)); CALL(io_uring_unregister_napi(&ring, &napi)))
static struct io_uring_clock_register which_clock = { .clockid = 7 };
REGISTER(register_clock, , io_uring_register_clock(&ring, &which_clock))
static struct io_uring_zcrx_ifq_reg queue_of_card;
REGISTER(register_ifq, , io_uring_register_ifq(&ring, &queue_of_card))
static struct zcrx_ctrl control;
REGISTER(register_zcrx_ctrl, , io_uring_register_zcrx_ctrl(&ring, &control))
REGISTER(register_wait_reg, , io_uring_register_wait_reg(&ring, NULL, 1))
static struct io_uring_mem_region_reg region;
REGISTER(register_region, , io_uring_register_region(&ring, &region))
static struct io_uring_bpf filter;
REGISTER(register_bpf_filter, , io_uring_register_bpf_filter(&ring, &filter))
SCENARIO(register_bpf_filter_task, , CALL(io_uring_register_bpf_filter_task(&filter)))
static struct io_uring_query_hdr query;
SCENARIO(register_query, , CALL(io_uring_register_query(&query)))
SCENARIO(register_probe, ready(8, 0); probe = calloc(1, sizeof(*probe) + 256 * sizeof(probe->ops[0])),
	CALL(io_uring_register_probe(&ring, probe, 256)))
SCENARIO(set_iowait, ready(8, 0), CALL(io_uring_set_iowait(&ring, false)))

/* Rings of buffers */

static struct io_uring_buf_ring *buffers;
static uint16_t head;
static int why;
static struct io_uring_buf_reg buffer_reg;

static void buffer_ring(void)
{
	ready(8, 0);
	buffers = io_uring_setup_buf_ring(&ring, 4, 1, 0, &why);
	MUST(buffers);
}
static void drop_buffers(void)
{
	if (buffers)
		io_uring_free_buf_ring(&ring, buffers, 4, 1);
	buffers = NULL;
}
static struct io_uring_buf_reg *own_memory(void)
{
	buffer_reg = (struct io_uring_buf_reg){ .ring_addr = (uintptr_t)memory, .ring_entries = 4, .bgid = 3 };
	return &buffer_reg;
}
SCENARIO(register_buf_ring, ready(8, 0), CALL(io_uring_register_buf_ring(&ring, own_memory(), 0));
	given = buffer_reg.flags)
SCENARIO(unregister_buf_ring, ready(8, 0); MUST(!io_uring_register_buf_ring(&ring, own_memory(), 0)),
	CALL(io_uring_unregister_buf_ring(&ring, 3)))
SCENARIO(setup_buf_ring, ready(8, 0), why = 77; CALL_POINTER(buffers = io_uring_setup_buf_ring(&ring, 4, 1, 0, &why));
	given = why; drop_buffers())
SCENARIO(setup_buf_ring_wrong, ready(8, 0), why = 77;
	CALL_POINTER(buffers = io_uring_setup_buf_ring(&ring, 3, 1, 0, &why)); given = why)
SCENARIO(setup_buf_ring_none, ready(8, 0), why = 77;
	CALL_POINTER(buffers = io_uring_setup_buf_ring(&ring, 0, 1, 0, &why)); given = why)
SCENARIO(free_buf_ring, buffer_ring(), CALL(io_uring_free_buf_ring(&ring, buffers, 4, 1)))
SCENARIO(buf_ring_head, buffer_ring(), head = 77; CALL(io_uring_buf_ring_head(&ring, 1, &head)); given = head)
SCENARIO(buf_ring_head_none, buffer_ring(), head = 77; CALL(io_uring_buf_ring_head(&ring, 2, &head)); given = head)

/* From another ring */

static void two(void)
{
	ready(8, 0);
	MUST(!io_uring_queue_init(4, &other, 0));
	MUST(!io_uring_register_buffers(&ring, &iovec, 1));
}
SCENARIO(clone_buffers, two(), CALL(io_uring_clone_buffers(&other, &ring)))
SCENARIO(clone_buffers_flags, two(), CALL(__io_uring_clone_buffers(&other, &ring, IORING_REGISTER_DST_REPLACE)))
SCENARIO(clone_buffers_offset, two(), CALL(io_uring_clone_buffers_offset(&other, &ring, 1, 0, 1, 0)))
SCENARIO(clone_buffers_plain, two(), CALL(__io_uring_clone_buffers_offset(&other, &ring, 0, 0, 0, 0)))
