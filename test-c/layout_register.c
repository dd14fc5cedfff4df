/* The layout of the arguments of io_uring_register(). Compiling this file is the test. */
#include "io.h"
#include <stddef.h>

#define SIZE(S, BYTES) _Static_assert(sizeof(struct S) == (BYTES), "size of " #S)
#define AT(S, F, OFFSET, TYPE)						\
	_Static_assert(offsetof(struct S, F) == (OFFSET), "offset of " #S "." #F); \
	_Static_assert(__builtin_types_compatible_p(__typeof__(((struct S *)0)->F), TYPE), "type of " #S "." #F)

SIZE(io_uring_attr_pi, 32);
AT(io_uring_attr_pi, flags, 0, __u16);
AT(io_uring_attr_pi, app_tag, 2, __u16);
AT(io_uring_attr_pi, len, 4, __u32);
AT(io_uring_attr_pi, addr, 8, __u64);
AT(io_uring_attr_pi, seed, 16, __u64);
AT(io_uring_attr_pi, rsvd, 24, __u64);

SIZE(io_uring_files_update, 16);
AT(io_uring_files_update, offset, 0, __u32);
AT(io_uring_files_update, resv, 4, __u32);
AT(io_uring_files_update, fds, 8, __u64);

SIZE(io_uring_region_desc, 64);
AT(io_uring_region_desc, user_addr, 0, __u64);
AT(io_uring_region_desc, size, 8, __u64);
AT(io_uring_region_desc, flags, 16, __u32);
AT(io_uring_region_desc, id, 20, __u32);
AT(io_uring_region_desc, mmap_offset, 24, __u64);
AT(io_uring_region_desc, __resv, 32, __u64[4]);

SIZE(io_uring_mem_region_reg, 32);
AT(io_uring_mem_region_reg, region_uptr, 0, __u64);
AT(io_uring_mem_region_reg, flags, 8, __u64);
AT(io_uring_mem_region_reg, __resv, 16, __u64[2]);

SIZE(io_uring_rsrc_register, 32);
AT(io_uring_rsrc_register, nr, 0, __u32);
AT(io_uring_rsrc_register, flags, 4, __u32);
AT(io_uring_rsrc_register, resv2, 8, __u64);
AT(io_uring_rsrc_register, data, 16, __u64);
AT(io_uring_rsrc_register, tags, 24, __u64);

SIZE(io_uring_rsrc_update, 16);
AT(io_uring_rsrc_update, offset, 0, __u32);
AT(io_uring_rsrc_update, resv, 4, __u32);
AT(io_uring_rsrc_update, data, 8, __u64);

SIZE(io_uring_rsrc_update2, 32);
AT(io_uring_rsrc_update2, offset, 0, __u32);
AT(io_uring_rsrc_update2, resv, 4, __u32);
AT(io_uring_rsrc_update2, data, 8, __u64);
AT(io_uring_rsrc_update2, tags, 16, __u64);
AT(io_uring_rsrc_update2, nr, 24, __u32);
AT(io_uring_rsrc_update2, resv2, 28, __u32);

SIZE(io_uring_probe_op, 8);
AT(io_uring_probe_op, op, 0, __u8);
AT(io_uring_probe_op, resv, 1, __u8);
AT(io_uring_probe_op, flags, 2, __u16);
AT(io_uring_probe_op, resv2, 4, __u32);

SIZE(io_uring_probe, 16);
AT(io_uring_probe, last_op, 0, __u8);
AT(io_uring_probe, ops_len, 1, __u8);
AT(io_uring_probe, resv, 2, __u16);
AT(io_uring_probe, resv2, 4, __u32[3]);
AT(io_uring_probe, ops, 16, struct io_uring_probe_op[]);

SIZE(io_uring_restriction, 16);
AT(io_uring_restriction, opcode, 0, __u16);
AT(io_uring_restriction, register_op, 2, __u8);
AT(io_uring_restriction, sqe_op, 2, __u8);
AT(io_uring_restriction, sqe_flags, 2, __u8);
AT(io_uring_restriction, resv, 3, __u8);
AT(io_uring_restriction, resv2, 4, __u32[3]);

SIZE(io_uring_task_restriction, 16);
AT(io_uring_task_restriction, flags, 0, __u16);
AT(io_uring_task_restriction, nr_res, 2, __u16);
AT(io_uring_task_restriction, resv, 4, __u32[3]);
AT(io_uring_task_restriction, restrictions, 16, struct io_uring_restriction[0]);

SIZE(io_uring_clock_register, 16);
AT(io_uring_clock_register, clockid, 0, __u32);
AT(io_uring_clock_register, __resv, 4, __u32[3]);

SIZE(io_uring_clone_buffers, 32);
AT(io_uring_clone_buffers, src_fd, 0, __u32);
AT(io_uring_clone_buffers, flags, 4, __u32);
AT(io_uring_clone_buffers, src_off, 8, __u32);
AT(io_uring_clone_buffers, dst_off, 12, __u32);
AT(io_uring_clone_buffers, nr, 16, __u32);
AT(io_uring_clone_buffers, pad, 20, __u32[3]);

SIZE(io_uring_buf_reg, 40);
AT(io_uring_buf_reg, ring_addr, 0, __u64);
AT(io_uring_buf_reg, ring_entries, 8, __u32);
AT(io_uring_buf_reg, bgid, 12, __u16);
AT(io_uring_buf_reg, flags, 14, __u16);
AT(io_uring_buf_reg, min_left, 16, __u32);
AT(io_uring_buf_reg, resv, 20, __u32[5]);

SIZE(io_uring_buf_status, 40);
AT(io_uring_buf_status, buf_group, 0, __u32);
AT(io_uring_buf_status, head, 4, __u32);
AT(io_uring_buf_status, resv, 8, __u32[8]);

SIZE(io_uring_napi, 16);
AT(io_uring_napi, busy_poll_to, 0, __u32);
AT(io_uring_napi, prefer_busy_poll, 4, __u8);
AT(io_uring_napi, pad, 5, __u8[3]);
AT(io_uring_napi, resv, 8, __u64);

SIZE(io_uring_sync_cancel_reg, 64);
AT(io_uring_sync_cancel_reg, addr, 0, __u64);
AT(io_uring_sync_cancel_reg, fd, 8, __s32);
AT(io_uring_sync_cancel_reg, flags, 12, __u32);
AT(io_uring_sync_cancel_reg, timeout, 16, struct __kernel_timespec);
AT(io_uring_sync_cancel_reg, opcode, 32, __u8);
AT(io_uring_sync_cancel_reg, pad, 33, __u8[7]);
AT(io_uring_sync_cancel_reg, pad2, 40, __u64[3]);

SIZE(io_uring_file_index_range, 16);
AT(io_uring_file_index_range, off, 0, __u32);
AT(io_uring_file_index_range, len, 4, __u32);
AT(io_uring_file_index_range, resv, 8, __u64);

SIZE(io_timespec, 16);
AT(io_timespec, tv_sec, 0, __u64);
AT(io_timespec, tv_nsec, 8, __u64);

SIZE(io_uring_zcrx_rqe, 16);
AT(io_uring_zcrx_rqe, off, 0, __u64);
AT(io_uring_zcrx_rqe, len, 8, __u32);
AT(io_uring_zcrx_rqe, __pad, 12, __u32);

SIZE(io_uring_zcrx_cqe, 16);
AT(io_uring_zcrx_cqe, off, 0, __u64);
AT(io_uring_zcrx_cqe, __pad, 8, __u64);

SIZE(io_uring_zcrx_offsets, 32);
AT(io_uring_zcrx_offsets, head, 0, __u32);
AT(io_uring_zcrx_offsets, tail, 4, __u32);
AT(io_uring_zcrx_offsets, rqes, 8, __u32);
AT(io_uring_zcrx_offsets, __resv2, 12, __u32);
AT(io_uring_zcrx_offsets, __resv, 16, __u64[2]);

SIZE(io_uring_zcrx_area_reg, 48);
AT(io_uring_zcrx_area_reg, addr, 0, __u64);
AT(io_uring_zcrx_area_reg, len, 8, __u64);
AT(io_uring_zcrx_area_reg, rq_area_token, 16, __u64);
AT(io_uring_zcrx_area_reg, flags, 24, __u32);
AT(io_uring_zcrx_area_reg, dmabuf_fd, 28, __u32);
AT(io_uring_zcrx_area_reg, __resv2, 32, __u64[2]);

SIZE(io_uring_zcrx_ifq_reg, 96);
AT(io_uring_zcrx_ifq_reg, if_idx, 0, __u32);
AT(io_uring_zcrx_ifq_reg, if_rxq, 4, __u32);
AT(io_uring_zcrx_ifq_reg, rq_entries, 8, __u32);
AT(io_uring_zcrx_ifq_reg, flags, 12, __u32);
AT(io_uring_zcrx_ifq_reg, area_ptr, 16, __u64);
AT(io_uring_zcrx_ifq_reg, region_ptr, 24, __u64);
AT(io_uring_zcrx_ifq_reg, offsets, 32, struct io_uring_zcrx_offsets);
AT(io_uring_zcrx_ifq_reg, zcrx_id, 64, __u32);
AT(io_uring_zcrx_ifq_reg, rx_buf_len, 68, __u32);
AT(io_uring_zcrx_ifq_reg, __resv, 72, __u64[3]);

SIZE(zcrx_ctrl_flush_rq, 48);
AT(zcrx_ctrl_flush_rq, __resv, 0, __u64[6]);

SIZE(zcrx_ctrl_export, 48);
AT(zcrx_ctrl_export, zcrx_fd, 0, __u32);
AT(zcrx_ctrl_export, __resv1, 4, __u32[11]);

SIZE(zcrx_ctrl, 72);
AT(zcrx_ctrl, zcrx_id, 0, __u32);
AT(zcrx_ctrl, op, 4, __u32);
AT(zcrx_ctrl, __resv, 8, __u64[2]);
AT(zcrx_ctrl, zc_export, 24, struct zcrx_ctrl_export);
AT(zcrx_ctrl, zc_flush, 24, struct zcrx_ctrl_flush_rq);

SIZE(io_uring_query_hdr, 40);
AT(io_uring_query_hdr, next_entry, 0, __u64);
AT(io_uring_query_hdr, query_data, 8, __u64);
AT(io_uring_query_hdr, query_op, 16, __u32);
AT(io_uring_query_hdr, size, 20, __u32);
AT(io_uring_query_hdr, result, 24, __s32);
AT(io_uring_query_hdr, __resv, 28, __u32[3]);

SIZE(io_uring_query_opcode, 48);
AT(io_uring_query_opcode, nr_request_opcodes, 0, __u32);
AT(io_uring_query_opcode, nr_register_opcodes, 4, __u32);
AT(io_uring_query_opcode, feature_flags, 8, __u64);
AT(io_uring_query_opcode, ring_setup_flags, 16, __u64);
AT(io_uring_query_opcode, enter_flags, 24, __u64);
AT(io_uring_query_opcode, sqe_flags, 32, __u64);
AT(io_uring_query_opcode, nr_query_opcodes, 40, __u32);
AT(io_uring_query_opcode, __pad, 44, __u32);

SIZE(io_uring_query_zcrx, 40);
AT(io_uring_query_zcrx, register_flags, 0, __u64);
AT(io_uring_query_zcrx, area_flags, 8, __u64);
AT(io_uring_query_zcrx, nr_ctrl_opcodes, 16, __u32);
AT(io_uring_query_zcrx, features, 20, __u32);
AT(io_uring_query_zcrx, rq_hdr_size, 24, __u32);
AT(io_uring_query_zcrx, rq_hdr_alignment, 28, __u32);
AT(io_uring_query_zcrx, __resv2, 32, __u64);

SIZE(io_uring_query_scq, 16);
AT(io_uring_query_scq, hdr_size, 0, __u64);
AT(io_uring_query_scq, hdr_alignment, 8, __u64);

SIZE(io_uring_bpf_ctx, 40);
AT(io_uring_bpf_ctx, user_data, 0, __u64);
AT(io_uring_bpf_ctx, opcode, 8, __u8);
AT(io_uring_bpf_ctx, sqe_flags, 9, __u8);
AT(io_uring_bpf_ctx, pdu_size, 10, __u8);
AT(io_uring_bpf_ctx, pad, 11, __u8[5]);
AT(io_uring_bpf_ctx, socket.family, 16, __u32);
AT(io_uring_bpf_ctx, socket.type, 20, __u32);
AT(io_uring_bpf_ctx, socket.protocol, 24, __u32);
AT(io_uring_bpf_ctx, open.flags, 16, __u64);
AT(io_uring_bpf_ctx, open.mode, 24, __u64);
AT(io_uring_bpf_ctx, open.resolve, 32, __u64);

SIZE(io_uring_bpf_filter, 64);
AT(io_uring_bpf_filter, opcode, 0, __u32);
AT(io_uring_bpf_filter, flags, 4, __u32);
AT(io_uring_bpf_filter, filter_len, 8, __u32);
AT(io_uring_bpf_filter, pdu_size, 12, __u8);
AT(io_uring_bpf_filter, resv, 13, __u8[3]);
AT(io_uring_bpf_filter, filter_ptr, 16, __u64);
AT(io_uring_bpf_filter, resv2, 24, __u64[5]);

SIZE(io_uring_bpf, 72);
AT(io_uring_bpf, cmd_type, 0, __u16);
AT(io_uring_bpf, cmd_flags, 2, __u16);
AT(io_uring_bpf, resv, 4, __u32);
AT(io_uring_bpf, filter, 8, struct io_uring_bpf_filter);

/* The kernel reads the structs at the same offsets: it accepts valid fields and refuses wrong ones. */
TEST(kernel_reads_them_alike)
{
	struct io_uring_rsrc_register reg = { .nr = 4, .flags = IORING_RSRC_REGISTER_SPARSE };
	struct io_uring_rsrc_update2 up = { .offset = 3, .nr = 1 };
	struct io_uring_file_index_range range = { .off = 1, .len = 2 };
	struct io_uring ring;
	int fd, zero = 0;

	SINCE("IORING_REGISTER_FILE_ALLOC_RANGE", 6, 0);
	ring_init(&ring, 4, 0);
	fd = ring.ring_fd;
	CHECK_EQ(io_uring_register((unsigned)fd, IORING_REGISTER_FILES2, &reg, sizeof(reg) - 1), -EINVAL);
	CHECK_EQ(io_uring_register((unsigned)fd, IORING_REGISTER_FILES2, &reg, sizeof(reg)), 0);
	up.data = (unsigned long)&zero;
	CHECK_EQ(io_uring_register((unsigned)fd, IORING_REGISTER_FILES_UPDATE2, &up, sizeof(up)), 1);
	up.offset = 4;
	CHECK_EQ(io_uring_register((unsigned)fd, IORING_REGISTER_FILES_UPDATE2, &up, sizeof(up)), -EINVAL);
	up.offset = 3;
	up.resv = 1;
	CHECK_EQ(io_uring_register((unsigned)fd, IORING_REGISTER_FILES_UPDATE2, &up, sizeof(up)), -EINVAL);
	CHECK_EQ(io_uring_register((unsigned)fd, IORING_REGISTER_FILE_ALLOC_RANGE, &range, 0), 0);
	range.resv = 1;
	CHECK_EQ(io_uring_register((unsigned)fd, IORING_REGISTER_FILE_ALLOC_RANGE, &range, 0), -EINVAL);
	io_uring_queue_exit(&ring);
}

/* A status requested by hand: the kernel reads the group and returns the head. */
TEST(buffer_group_status)
{
	struct io_uring_buf_status status = { .buf_group = 6 };
	struct io_uring_buf_ring *br;
	struct io_uring ring;
	int err;

	SINCE("IORING_REGISTER_PBUF_STATUS", 6, 8);
	ring_init(&ring, 4, 0);
	br = io_uring_setup_buf_ring(&ring, 4, 6, 0, &err);
	CHECK(br);
	status.head = 77;
	CHECK_EQ(io_uring_register((unsigned)ring.ring_fd, IORING_REGISTER_PBUF_STATUS, &status, 1), 0);
	CHECK_EQ(status.head, 0);
	status.resv[7] = 1;
	CHECK_EQ(io_uring_register((unsigned)ring.ring_fd, IORING_REGISTER_PBUF_STATUS, &status, 1), -EINVAL);
	io_uring_queue_exit(&ring);
}
