/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The kernel's io_uring interface: entries, flags, opcodes, structures.
 *
 * Made by `cargo gen` from crates/abi/src/uapi/.
 */
#ifndef LINUX_IO_URING_H
#define LINUX_IO_URING_H

#include <linux/fs.h>
#include <linux/types.h>
#ifndef UAPI_LINUX_IO_URING_H_SKIP_LINUX_TIME_TYPES_H
#include <linux/time_types.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The submission queue entry: one request to the kernel. */

/*
 * A request: the application fills it in, the kernel reads it.
 *
 * The comment of each IORING_OP_* code lists the fields that the operation
 * uses. Clear all others. An entry has 64 bytes; with IORING_SETUP_SQE128, or
 * for a 128-byte operation on a ring created with IORING_SETUP_SQE_MIXED, 64
 * more bytes follow.
 */
__extension__ struct io_uring_sqe {
	__u8 opcode;	/* The operation: an IORING_OP_* code. */
	__u8 flags;	/* IOSQE_* bits. */
	/*
	 * I/O priority of a read or write, as for ioprio_set(). Socket
	 * operations store their IORING_RECVSEND_* and IORING_ACCEPT_* bits
	 * here.
	 */
	__u16 ioprio;
	/*
	 * File descriptor, or an index into the registered files when
	 * IOSQE_FIXED_FILE is set.
	 */
	__s32 fd;
	/* File offset or second address. */
	union {
		/*
		 * Offset in the file; -1 means the current file position (see
		 * IORING_FEAT_RW_CUR_POS).
		 */
		__u64 off;
		/* A second address or length, if the operation needs one. */
		__u64 addr2;
		/* For IORING_OP_URING_CMD. */
		struct {
			/*
			 * A command of the file's driver, or a
			 * SOCKET_URING_OP_* code.
			 */
			__u32 cmd_op;
			__u32 __pad1;	/* Must be 0. */
		};
	};
	/* First address. */
	union {
		/*
		 * Address of a buffer, of an array of struct iovec, or of
		 * another operand.
		 */
		__u64 addr;
		/*
		 * Where IORING_OP_SPLICE starts in its input file; -1 for a
		 * pipe.
		 */
		__u64 splice_off_in;
		/* For the socket option commands of IORING_OP_URING_CMD. */
		struct {
			/* Protocol level of the option, such as SOL_SOCKET. */
			__u32 level;
			__u32 optname;	/* The option. */
		};
	};
	/*
	 * Number of bytes in the buffer, or of elements in the array, at addr.
	 */
	__u32 len;
	/* Flags of the operation. */
	union {
		/* Reads and writes: RWF_*, as for preadv2(). */
		__kernel_rwf_t rw_flags;
		__u32 fsync_flags;	/* IORING_FSYNC_*. */
		/* Poll mask of 16 bits, for kernels before 5.9. */
		__u16 poll_events;
		/*
		 * Poll mask of 32 bits. Big-endian processors swap its two
		 * halves.
		 */
		__u32 poll32_events;
		__u32 sync_range_flags;	/* As for sync_file_range(). */
		__u32 msg_flags;	/* MSG_*, as for send() and recv(). */
		__u32 timeout_flags;	/* IORING_TIMEOUT_*. */
		__u32 accept_flags;	/* SOCK_*, as for accept4(). */
		__u32 cancel_flags;	/* IORING_ASYNC_CANCEL_*. */
		__u32 open_flags;	/* O_*, as for openat(). */
		__u32 statx_flags;	/* AT_*, as for statx(). */
		/* Advice, as for posix_fadvise() or madvise(). */
		__u32 fadvise_advice;
		__u32 splice_flags;	/* SPLICE_F_*, as for splice(). */
		__u32 rename_flags;	/* RENAME_*, as for renameat2(). */
		__u32 unlink_flags;	/* AT_*, as for unlinkat(). */
		__u32 hardlink_flags;	/* AT_*, as for linkat(). */
		__u32 xattr_flags;	/* XATTR_*, as for setxattr(). */
		__u32 msg_ring_flags;	/* IORING_MSG_RING_*. */
		__u32 uring_cmd_flags;	/* IORING_URING_CMD_*. */
		__u32 waitid_flags;	/* No bit is defined; must be 0. */
		/*
		 * No bit is defined; must be 0. The FUTEX2_* bits go into fd.
		 */
		__u32 futex_flags;
		__u32 install_fd_flags;	/* IORING_FIXED_FD_*. */
		__u32 nop_flags;	/* IORING_NOP_*. */
		__u32 pipe_flags;	/* O_*, as for pipe2(). */
	};
	/*
	 * Copied unchanged to user_data of each of the request's completions.
	 */
	__u64 user_data;
	/* Registered or provided buffers. */
	union {
		__u16 buf_index;	/* Index of the registered buffer. */
		/* Group of provided buffers, with IOSQE_BUFFER_SELECT. */
		__u16 buf_group;
	} __attribute__((packed));
	/*
	 * Credentials: an ID from IORING_REGISTER_PERSONALITY, or 0 for the
	 * submitter's own.
	 */
	__u16 personality;
	/* A second file. */
	union {
		/* Input file of IORING_OP_SPLICE and IORING_OP_TEE. */
		__s32 splice_fd_in;
		/*
		 * Slot plus one for a new direct descriptor, or
		 * IORING_FILE_INDEX_ALLOC; 0 for an ordinary one.
		 */
		__u32 file_index;
		/* zcrx_id of the receive context, for IORING_OP_RECV_ZC. */
		__u32 zcrx_ifq_idx;
		/*
		 * Size of the value at optval, for a socket option. For a
		 * multishot IORING_OP_RECV, the number of bytes after which it
		 * ends, 0 for no limit (kernel 6.17).
		 */
		__u32 optlen;
		/* For sends with a destination address. */
		struct {
			/* Size of the socket address that addr2 points to. */
			__u16 addr_len;
			__u16 __pad3[1];	/* Must be 0. */
		};
	};
	/* Third address, attributes, or the data of a command. */
	union {
		/* A third address or value. */
		struct {
			/*
			 * File path for an extended attribute, bit mask for a
			 * futex, or source slot for a sent file.
			 */
			__u64 addr3;
			__u64 __pad2[1];	/* Must be 0. */
		};
		/* Attributes of a read or write, such as integrity data. */
		struct {
			__u64 attr_ptr;	/* Address of the attributes. */
			/*
			 * The attributes that are set: IORING_RW_ATTR_FLAG_*.
			 */
			__u64 attr_type_mask;
		};
		__u64 optval;	/* Address of a socket option's value. */
		/*
		 * Start of the command's data for IORING_OP_URING_CMD: 16
		 * bytes, 80 in a 128-byte entry.
		 */
		__u8 cmd[0];
	};
};

/*
 * In sqe->attr_type_mask: attr_ptr points to a struct io_uring_attr_pi. Kernel
 * 6.14.
 */
#define IORING_RW_ATTR_FLAG_PI	(1U << 0)

/*
 * Protection information for a direct read or write of a block device. Kernel
 * 6.14.
 */
struct io_uring_attr_pi {
	/*
	 * The checks that the device performs: IO_INTEGRITY_CHK_* of
	 * linux/fs.h.
	 */
	__u16 flags;
	__u16 app_tag;	/* Application tag. */
	/* Number of bytes of protection information at addr. */
	__u32 len;
	__u64 addr;	/* Address of the protection information. */
	__u64 seed;	/* First reference tag. */
	__u64 rsvd;	/* Must be 0. */
};

/*
 * In sqe->file_index: let the kernel choose a free slot for the new direct
 * descriptor.
 *
 * cqe->res is the slot; -ENFILE means that the table is full. Kernel 5.19.
 */
#define IORING_FILE_INDEX_ALLOC	(~0U)

/* Bit numbers of the IOSQE_* flags. */
enum io_uring_sqe_flags_bit {
	IOSQE_FIXED_FILE_BIT = 0,	/* Bit number of IOSQE_FIXED_FILE. */
	IOSQE_IO_DRAIN_BIT = 1,	/* Bit number of IOSQE_IO_DRAIN. */
	IOSQE_IO_LINK_BIT = 2,	/* Bit number of IOSQE_IO_LINK. */
	IOSQE_IO_HARDLINK_BIT = 3,	/* Bit number of IOSQE_IO_HARDLINK. */
	IOSQE_ASYNC_BIT = 4,	/* Bit number of IOSQE_ASYNC. */
	/* Bit number of IOSQE_BUFFER_SELECT. */
	IOSQE_BUFFER_SELECT_BIT = 5,
	/* Bit number of IOSQE_CQE_SKIP_SUCCESS. */
	IOSQE_CQE_SKIP_SUCCESS_BIT = 6,
};

/*
 * In sqe->flags: fd is an index into the registered files, not a file
 * descriptor. Kernel 5.1.
 */
#define IOSQE_FIXED_FILE	(1U << IOSQE_FIXED_FILE_BIT)
/*
 * In sqe->flags: start after all earlier requests have completed; later
 * requests start after this one has completed. Kernel 5.2.
 */
#define IOSQE_IO_DRAIN	(1U << IOSQE_IO_DRAIN_BIT)
/*
 * In sqe->flags: the next request starts after this one has succeeded.
 *
 * The chain ends at the first entry without this flag, or at the end of the
 * submission. An error, or a read, write or splice of fewer bytes than
 * requested, breaks it: the rest completes with -ECANCELED. Since kernel 6.0 an
 * error of these operations does not break it: fsync, sync_file_range,
 * fallocate, ftruncate, statx, madvise, shutdown, unlink, rename, mkdir,
 * symlink, link, and getting or setting extended attributes. Kernel 5.3.
 */
#define IOSQE_IO_LINK	(1U << IOSQE_IO_LINK_BIT)
/*
 * In sqe->flags: as IOSQE_IO_LINK, but a failed request does not break the
 * chain. Kernel 5.5.
 */
#define IOSQE_IO_HARDLINK	(1U << IOSQE_IO_HARDLINK_BIT)
/*
 * In sqe->flags: pass the request to a worker thread at once, without a
 * nonblocking attempt. This is for requests that are known to block. Kernel
 * 5.6.
 */
#define IOSQE_ASYNC	(1U << IOSQE_ASYNC_BIT)
/*
 * In sqe->flags: pick a provided buffer of group buf_group when there is data.
 *
 * cqe->flags has its ID: see IORING_CQE_F_BUFFER. If none is left, the request
 * fails with -ENOBUFS. Kernel 5.7.
 */
#define IOSQE_BUFFER_SELECT	(1U << IOSQE_BUFFER_SELECT_BIT)
/*
 * In sqe->flags: post a completion only if the request fails. Excludes
 * IOSQE_IO_DRAIN on the same ring.
 *
 * An error that does not break a chain (see IOSQE_IO_LINK) is not posted
 * either. Completions with IORING_CQE_F_MORE are always posted. Zero-copy sends
 * refuse this flag with -EINVAL. Kernel 5.17.
 */
#define IOSQE_CQE_SKIP_SUCCESS	(1U << IOSQE_CQE_SKIP_SUCCESS_BIT)

/* The operations. */

/*
 * The operations: values of sqe->opcode.
 *
 * Each comment lists the members of struct io_uring_sqe that the operation
 * uses, and the kernel that introduced it. Unless stated otherwise, the
 * operation does what the named system call does, and cqe->res holds that
 * call's return value, or -errno.
 */
enum io_uring_op {
	/* Does nothing and completes: nop_flags. Kernel 5.1. */
	IORING_OP_NOP = 0,
	/*
	 * preadv2(): fd, addr and len (the struct iovec array), off, rw_flags.
	 * Kernel 5.1.
	 */
	IORING_OP_READV = 1,
	/* pwritev2(): the fields of IORING_OP_READV. Kernel 5.1. */
	IORING_OP_WRITEV = 2,
	/*
	 * fsync(): fd, fsync_flags; off and len can limit it to a range. Kernel
	 * 5.1.
	 */
	IORING_OP_FSYNC = 3,
	/*
	 * Reads into a registered buffer: fd, addr and len (a range inside it),
	 * off, buf_index. Kernel 5.1.
	 */
	IORING_OP_READ_FIXED = 4,
	/*
	 * Writes from a registered buffer: the fields of IORING_OP_READ_FIXED.
	 * Kernel 5.1.
	 */
	IORING_OP_WRITE_FIXED = 5,
	/*
	 * Waits until fd is ready: poll32_events, len (IORING_POLL_*). res is
	 * the mask of ready events. Kernel 5.1.
	 */
	IORING_OP_POLL_ADD = 6,
	/*
	 * Removes or updates a poll request: addr (its user_data), len
	 * (IORING_POLL_UPDATE_*), off (new user_data), poll32_events. Kernel
	 * 5.1, updates 5.13.
	 */
	IORING_OP_POLL_REMOVE = 7,
	/* sync_file_range(): fd, off, len, sync_range_flags. Kernel 5.2. */
	IORING_OP_SYNC_FILE_RANGE = 8,
	/*
	 * sendmsg(): fd, addr (the struct msghdr), msg_flags, ioprio. Kernel
	 * 5.3.
	 */
	IORING_OP_SENDMSG = 9,
	/* recvmsg(): the fields of IORING_OP_SENDMSG. Kernel 5.3. */
	IORING_OP_RECVMSG = 10,
	/*
	 * Completes with -ETIME after a time, or with 0 after off other
	 * completions: addr (the struct __kernel_timespec), len (1),
	 * timeout_flags. Kernel 5.4.
	 */
	IORING_OP_TIMEOUT = 11,
	/*
	 * Removes or updates a timeout: addr (its user_data), timeout_flags,
	 * addr2 (the new time). Kernel 5.5, updates 5.11.
	 */
	IORING_OP_TIMEOUT_REMOVE = 12,
	/*
	 * accept4(): fd, addr, addr2 (the address length), accept_flags,
	 * ioprio, file_index. Kernel 5.5.
	 */
	IORING_OP_ACCEPT = 13,
	/*
	 * Cancels a request: addr (its user_data), or depending on
	 * cancel_flags, fd or len (an opcode). Kernel 5.5.
	 */
	IORING_OP_ASYNC_CANCEL = 14,
	/*
	 * Limits the time of the request before it, which must have
	 * IOSQE_IO_LINK or IOSQE_IO_HARDLINK: addr, len (1), timeout_flags.
	 * Kernel 5.5.
	 */
	IORING_OP_LINK_TIMEOUT = 15,
	/* connect(): fd, addr, off (the address length). Kernel 5.5. */
	IORING_OP_CONNECT = 16,
	/*
	 * fallocate(): fd, len (the mode), off, addr (the length). Kernel 5.6.
	 */
	IORING_OP_FALLOCATE = 17,
	/*
	 * openat(): fd (the directory), addr (the path), len (the mode),
	 * open_flags, file_index. Kernel 5.6.
	 */
	IORING_OP_OPENAT = 18,
	/* close(): fd, or for a direct descriptor file_index. Kernel 5.6. */
	IORING_OP_CLOSE = 19,
	/*
	 * Replaces registered files: addr (array of descriptors), len (their
	 * number), off (first slot). Kernel 5.6.
	 */
	IORING_OP_FILES_UPDATE = 20,
	/*
	 * statx(): fd (the directory), addr (the path), len (the mask), off
	 * (the struct statx), statx_flags. Kernel 5.6.
	 */
	IORING_OP_STATX = 21,
	/* pread(): fd, addr, len, off, rw_flags. Kernel 5.6. */
	IORING_OP_READ = 22,
	/* pwrite(): the fields of IORING_OP_READ. Kernel 5.6. */
	IORING_OP_WRITE = 23,
	/*
	 * posix_fadvise(): fd, off, len (or 64 bits in addr), fadvise_advice.
	 * Kernel 5.6.
	 */
	IORING_OP_FADVISE = 24,
	/*
	 * madvise(): addr, len (or 64 bits in off), fadvise_advice. Kernel 5.6.
	 */
	IORING_OP_MADVISE = 25,
	/*
	 * send(): fd, addr, len, msg_flags, ioprio; like sendto() also addr2,
	 * addr_len. Kernel 5.6.
	 */
	IORING_OP_SEND = 26,
	/*
	 * recv(): fd, addr, len, msg_flags, ioprio; if multishot, also optlen
	 * (kernel 6.17). Kernel 5.6.
	 */
	IORING_OP_RECV = 27,
	/*
	 * openat2(): fd (the directory), addr (the path), off (the struct
	 * open_how), len (its size), file_index. Kernel 5.6.
	 */
	IORING_OP_OPENAT2 = 28,
	/*
	 * epoll_ctl(): fd (the epoll instance), off (the file), len (the
	 * command), addr (the event). Kernel 5.6.
	 */
	IORING_OP_EPOLL_CTL = 29,
	/*
	 * splice(): splice_fd_in, splice_off_in, fd (output), off (output
	 * offset), len, splice_flags. An offset of -1 means a null pointer.
	 * Kernel 5.7.
	 */
	IORING_OP_SPLICE = 30,
	/*
	 * Provides buffers: addr (the first), len (the size of each), fd (their
	 * number), off (the first ID), buf_group. Kernel 5.7.
	 */
	IORING_OP_PROVIDE_BUFFERS = 31,
	/*
	 * Removes provided buffers: fd (their number), buf_group. Kernel 5.7.
	 */
	IORING_OP_REMOVE_BUFFERS = 32,
	/* tee(): splice_fd_in, fd (output), len, splice_flags. Kernel 5.8. */
	IORING_OP_TEE = 33,
	/* shutdown(): fd, len (SHUT_*). Kernel 5.11. */
	IORING_OP_SHUTDOWN = 34,
	/*
	 * renameat2(): fd and addr (old directory and path), len and addr2 (new
	 * ones), rename_flags. Kernel 5.11.
	 */
	IORING_OP_RENAMEAT = 35,
	/*
	 * unlinkat(): fd (the directory), addr (the path), unlink_flags. Kernel
	 * 5.11.
	 */
	IORING_OP_UNLINKAT = 36,
	/*
	 * mkdirat(): fd (the directory), addr (the path), len (the mode).
	 * Kernel 5.15.
	 */
	IORING_OP_MKDIRAT = 37,
	/*
	 * symlinkat(): addr (the target), fd and addr2 (directory and path of
	 * the link). Kernel 5.15.
	 */
	IORING_OP_SYMLINKAT = 38,
	/*
	 * linkat(): fd and addr (old directory and path), len and addr2 (new
	 * ones), hardlink_flags. Kernel 5.15.
	 */
	IORING_OP_LINKAT = 39,
	/*
	 * Posts a completion on another ring or sends it a file: fd (that
	 * ring), addr (IORING_MSG_*), len, off, msg_ring_flags; for a file
	 * addr3, file_index. Kernel 5.18.
	 */
	IORING_OP_MSG_RING = 40,
	/*
	 * fsetxattr(): fd, addr (the name), addr2 (the value), len,
	 * xattr_flags. Kernel 5.19.
	 */
	IORING_OP_FSETXATTR = 41,
	/*
	 * setxattr(): addr3 (the path) instead of fd, otherwise as
	 * IORING_OP_FSETXATTR. Kernel 5.19.
	 */
	IORING_OP_SETXATTR = 42,
	/*
	 * fgetxattr(): fd, addr (the name), addr2 (the buffer), len. Kernel
	 * 5.19.
	 */
	IORING_OP_FGETXATTR = 43,
	/*
	 * getxattr(): addr3 (the path) instead of fd, otherwise as
	 * IORING_OP_FGETXATTR. Kernel 5.19.
	 */
	IORING_OP_GETXATTR = 44,
	/*
	 * socket(): fd (the domain), off (the type), len (the protocol),
	 * file_index. Kernel 5.19.
	 */
	IORING_OP_SOCKET = 45,
	/*
	 * A command for the file's driver, like ioctl(): fd, cmd_op, cmd,
	 * uring_cmd_flags. Kernel 5.19.
	 */
	IORING_OP_URING_CMD = 46,
	/*
	 * IORING_OP_SEND without copying the data, if possible.
	 *
	 * The kernel uses the buffer up to the last completion: if the first
	 * one has IORING_CQE_F_MORE, another with IORING_CQE_F_NOTIF follows.
	 * Kernel 6.0.
	 */
	IORING_OP_SEND_ZC = 47,
	/*
	 * IORING_OP_SENDMSG without copying the data: see IORING_OP_SEND_ZC.
	 * Kernel 6.1.
	 */
	IORING_OP_SENDMSG_ZC = 48,
	/*
	 * Reads repeatedly, each time into a provided buffer, and posts a
	 * completion for each: fd, len (0), off, buf_group. The file must
	 * support polling. Kernel 6.7.
	 */
	IORING_OP_READ_MULTISHOT = 49,
	/*
	 * waitid(): len (the type of the ID), fd (the ID), addr2 (the
	 * siginfo_t), file_index (the options). Kernel 6.7.
	 */
	IORING_OP_WAITID = 50,
	/*
	 * futex_wait(): addr (the futex), addr2 (the expected value), addr3
	 * (the bit mask), fd (FUTEX2_*). Kernel 6.7.
	 */
	IORING_OP_FUTEX_WAIT = 51,
	/*
	 * futex_wake(): addr (the futex), addr2 (the number to wake), addr3
	 * (the bit mask), fd (FUTEX2_*). Kernel 6.7.
	 */
	IORING_OP_FUTEX_WAKE = 52,
	/*
	 * futex_waitv(): addr (array of struct futex_waitv), len (their
	 * number). Kernel 6.7.
	 */
	IORING_OP_FUTEX_WAITV = 53,
	/*
	 * Creates an ordinary file descriptor for a registered file: fd (its
	 * slot, with IOSQE_FIXED_FILE), install_fd_flags. Kernel 6.8.
	 */
	IORING_OP_FIXED_FD_INSTALL = 54,
	/* ftruncate(): fd, off (the length). Kernel 6.9. */
	IORING_OP_FTRUNCATE = 55,
	/* bind(): fd, addr, addr2 (the address length). Kernel 6.11. */
	IORING_OP_BIND = 56,
	/* listen(): fd, len (the backlog). Kernel 6.11. */
	IORING_OP_LISTEN = 57,
	/*
	 * Receives without copying, into the area of a receive context: fd,
	 * zcrx_ifq_idx, len, ioprio. Needs IORING_RECV_MULTISHOT. Kernel 6.15.
	 */
	IORING_OP_RECV_ZC = 58,
	/*
	 * epoll_wait(): fd (the epoll instance), addr (array of events), len
	 * (its size). Kernel 6.15.
	 */
	IORING_OP_EPOLL_WAIT = 59,
	/*
	 * IORING_OP_READV with vectors inside the registered buffer buf_index.
	 * Kernel 6.15.
	 */
	IORING_OP_READV_FIXED = 60,
	/*
	 * IORING_OP_WRITEV with vectors inside the registered buffer buf_index.
	 * Kernel 6.15.
	 */
	IORING_OP_WRITEV_FIXED = 61,
	/*
	 * pipe2(): addr (array of two int), pipe_flags, file_index. Kernel
	 * 6.16.
	 */
	IORING_OP_PIPE = 62,
	/* IORING_OP_NOP in a 128-byte entry. Kernel 6.19. */
	IORING_OP_NOP128 = 63,
	/*
	 * IORING_OP_URING_CMD in a 128-byte entry, with 80 bytes of cmd. Kernel
	 * 6.19.
	 */
	IORING_OP_URING_CMD128 = 64,
	/*
	 * One more than the last operation that this header knows. Not an
	 * operation.
	 */
	IORING_OP_LAST,
};

/* Flags, commands and results of single operations. */

/*
 * In sqe->uring_cmd_flags: the command uses the registered buffer
 * sqe->buf_index. Kernel 6.1.
 */
#define IORING_URING_CMD_FIXED	(1U << 0)
/*
 * All flags that an application may set in sqe->uring_cmd_flags; the kernel
 * uses the top 8 bits itself.
 */
#define IORING_URING_CMD_MASK	IORING_URING_CMD_FIXED
/*
 * In sqe->fsync_flags: sync the data and only the metadata needed to read it
 * back, as fdatasync() does. Kernel 5.1.
 */
#define IORING_FSYNC_DATASYNC	(1U << 0)
/* In sqe->timeout_flags: the time is absolute, not relative. Kernel 5.5. */
#define IORING_TIMEOUT_ABS	(1U << 0)
/*
 * In sqe->timeout_flags of IORING_OP_TIMEOUT_REMOVE: update the timeout instead
 * of removing it. Kernel 5.11.
 */
#define IORING_TIMEOUT_UPDATE	(1U << 1)
/*
 * In sqe->timeout_flags: use CLOCK_BOOTTIME, not CLOCK_MONOTONIC. Kernel 5.15.
 */
#define IORING_TIMEOUT_BOOTTIME	(1U << 2)
/*
 * In sqe->timeout_flags: use CLOCK_REALTIME, not CLOCK_MONOTONIC. Kernel 5.15.
 */
#define IORING_TIMEOUT_REALTIME	(1U << 3)
/*
 * As IORING_TIMEOUT_UPDATE, for a timeout of IORING_OP_LINK_TIMEOUT. Kernel
 * 5.15.
 */
#define IORING_LINK_TIMEOUT_UPDATE	(1U << 4)
/*
 * In sqe->timeout_flags: -ETIME counts as success: it doesn't break a chain,
 * and IOSQE_CQE_SKIP_SUCCESS suppresses its completion. For
 * IORING_OP_LINK_TIMEOUT it has no effect on the chain. Kernel 5.16.
 */
#define IORING_TIMEOUT_ETIME_SUCCESS	(1U << 5)
/*
 * In sqe->timeout_flags: expire repeatedly, sqe->off times, or without limit if
 * that is 0. Excludes IORING_TIMEOUT_ABS. Kernel 6.4.
 */
#define IORING_TIMEOUT_MULTISHOT	(1U << 6)
/*
 * In sqe->timeout_flags: the field for the address of the time holds the time
 * itself, in nanoseconds. Kernel 7.1.
 */
#define IORING_TIMEOUT_IMMEDIATE_ARG	(1U << 7)
/* The flags that select a clock. At most one of them may be set. */
#define IORING_TIMEOUT_CLOCK_MASK	(IORING_TIMEOUT_BOOTTIME | IORING_TIMEOUT_REALTIME)
/* The flags that update a timeout. */
#define IORING_TIMEOUT_UPDATE_MASK	(IORING_TIMEOUT_UPDATE | IORING_LINK_TIMEOUT_UPDATE)
/*
 * In sqe->splice_flags, in addition to the flags of splice(): splice_fd_in is
 * an index into the registered files. Kernel 5.7.
 */
#define SPLICE_F_FD_IN_FIXED	(1U << 31)
/*
 * In sqe->len of IORING_OP_POLL_ADD: post a completion each time the file
 * becomes ready, with IORING_CQE_F_MORE while the request remains active.
 * Kernel 5.13.
 */
#define IORING_POLL_ADD_MULTI	(1U << 0)
/*
 * In sqe->len of IORING_OP_POLL_REMOVE: replace the mask of the poll request
 * with that of this entry. Kernel 5.13.
 */
#define IORING_POLL_UPDATE_EVENTS	(1U << 1)
/*
 * In sqe->len of IORING_OP_POLL_REMOVE: replace the user_data of the poll
 * request with sqe->off. Kernel 5.13.
 */
#define IORING_POLL_UPDATE_USER_DATA	(1U << 2)
/*
 * In sqe->len of IORING_OP_POLL_ADD: report readiness while it lasts, not only
 * when it starts. No released kernel up to 6.18 accepts it: the result is
 * -EINVAL.
 */
#define IORING_POLL_ADD_LEVEL	(1U << 3)
/*
 * In sqe->cancel_flags: cancel every request that matches; cqe->res is their
 * number. Kernel 5.19.
 */
#define IORING_ASYNC_CANCEL_ALL	(1U << 0)
/*
 * In sqe->cancel_flags: match the file sqe->fd instead of user_data. Kernel
 * 5.19.
 */
#define IORING_ASYNC_CANCEL_FD	(1U << 1)
/* In sqe->cancel_flags: match any request. Kernel 5.19. */
#define IORING_ASYNC_CANCEL_ANY	(1U << 2)
/*
 * In sqe->cancel_flags: sqe->fd is an index into the registered files. Kernel
 * 6.0.
 */
#define IORING_ASYNC_CANCEL_FD_FIXED	(1U << 3)
/*
 * In sqe->cancel_flags: match user_data even if another key is given; without
 * another key this is the default. Kernel 6.6.
 */
#define IORING_ASYNC_CANCEL_USERDATA	(1U << 4)
/* In sqe->cancel_flags: match the opcode in sqe->len. Kernel 6.6. */
#define IORING_ASYNC_CANCEL_OP	(1U << 5)
/*
 * In sqe->ioprio of sends and receives: wait until the socket is ready before
 * the first attempt. This saves that attempt when it is known to fail. Kernel
 * 5.19.
 */
#define IORING_RECVSEND_POLL_FIRST	(1U << 0)
/*
 * In sqe->ioprio of receives: receive repeatedly, each time into a provided
 * buffer, and post a completion for each. Kernel 6.0.
 */
#define IORING_RECV_MULTISHOT	(1U << 1)
/*
 * In sqe->ioprio of zero-copy sends: the data is in the registered buffer
 * sqe->buf_index. Kernel 6.0.
 */
#define IORING_RECVSEND_FIXED_BUF	(1U << 2)
/*
 * In sqe->ioprio of zero-copy sends: the completion with IORING_CQE_F_NOTIF
 * reports in cqe->res whether data was copied: see
 * IORING_NOTIF_USAGE_ZC_COPIED. Kernel 6.2.
 */
#define IORING_SEND_ZC_REPORT_USAGE	(1U << 3)
/*
 * In sqe->ioprio of sends and receives, with IOSQE_BUFFER_SELECT: use several
 * provided buffers at a time.
 *
 * cqe->res is the number of bytes in all of them. They are consecutive in the
 * ring, starting with the one whose ID is in cqe->flags. Kernel 6.10.
 */
#define IORING_RECVSEND_BUNDLE	(1U << 4)
/*
 * In sqe->ioprio of IORING_OP_SEND and IORING_OP_SEND_ZC: addr and len are an
 * array of struct iovec. Kernel 6.17.
 */
#define IORING_SEND_VECTORIZED	(1U << 5)
/*
 * In cqe->res of the notification, with IORING_SEND_ZC_REPORT_USAGE: at least a
 * part of the data was copied. The other bits are reserved. Kernel 6.2.
 */
#define IORING_NOTIF_USAGE_ZC_COPIED	(1U << 31)
/*
 * In sqe->ioprio of IORING_OP_ACCEPT: accept repeatedly, with a completion for
 * each connection. Kernel 5.19.
 */
#define IORING_ACCEPT_MULTISHOT	(1U << 0)
/*
 * In sqe->ioprio of IORING_OP_ACCEPT: complete with -EAGAIN when no connection
 * is waiting. Kernel 6.10.
 */
#define IORING_ACCEPT_DONTWAIT	(1U << 1)
/*
 * In sqe->ioprio of IORING_OP_ACCEPT: wait for a connection before the first
 * attempt. Kernel 6.10.
 */
#define IORING_ACCEPT_POLL_FIRST	(1U << 2)

/* What IORING_OP_MSG_RING sends: values of sqe->addr. */
enum io_uring_msg_ring_flags {
	/*
	 * A completion whose res is sqe->len and whose user_data is sqe->off.
	 * Kernel 5.18.
	 */
	IORING_MSG_DATA = 0,
	/*
	 * A registered file: from slot sqe->addr3 to slot sqe->file_index minus
	 * one of the other ring. Kernel 6.0.
	 */
	IORING_MSG_SEND_FD = 1,
};

/*
 * In sqe->msg_ring_flags: post no completion on the other ring. Only with
 * IORING_MSG_SEND_FD. Kernel 6.0.
 */
#define IORING_MSG_RING_CQE_SKIP	(1U << 0)
/*
 * In sqe->msg_ring_flags: the completion on the other ring gets sqe->file_index
 * as its flags. Kernel 6.3.
 */
#define IORING_MSG_RING_FLAGS_PASS	(1U << 1)
/*
 * In sqe->install_fd_flags: do not set O_CLOEXEC on the new file descriptor.
 * Kernel 6.8.
 */
#define IORING_FIXED_FD_NO_CLOEXEC	(1U << 0)
/* In sqe->nop_flags: complete with sqe->len as the result. Kernel 6.10. */
#define IORING_NOP_INJECT_RESULT	(1U << 0)
/*
 * In sqe->nop_flags: post a completion of 32 bytes, whose big_cqe has sqe->off
 * and sqe->addr; the ring must allow them. Kernel 6.18.
 */
#define IORING_NOP_CQE32	(1U << 5)

/*
 * The header that a multishot IORING_OP_RECVMSG stores at the start of each
 * buffer.
 *
 * It is followed by the name and the control data, each in the space that the
 * request's struct msghdr reserves for it, and then the payload. Kernel 6.0.
 */
struct io_uring_recvmsg_out {
	/*
	 * Size of the sender's address. If it exceeds the reserved space, the
	 * address was truncated.
	 */
	__u32 namelen;
	__u32 controllen;	/* Bytes of control data. */
	/*
	 * What recvmsg() would have returned: the number of bytes of payload in
	 * the buffer, or with MSG_TRUNC in the request's flags the full length
	 * of the message. flags says whether it was truncated.
	 */
	__u32 payloadlen;
	__u32 flags;	/* MSG_* bits, as msg_flags of recvmsg(). */
};

/* Commands for sockets: values of sqe->cmd_op of IORING_OP_URING_CMD. */
enum io_uring_socket_op {
	/*
	 * The number of bytes waiting to be received, as from ioctl(SIOCINQ).
	 */
	SOCKET_URING_OP_SIOCINQ = 0,
	/* The number of bytes waiting to be sent, as from ioctl(SIOCOUTQ). */
	SOCKET_URING_OP_SIOCOUTQ = 1,
	/*
	 * getsockopt(), only for level SOL_SOCKET; cqe->res is the size of the
	 * value. Kernel 6.7.
	 */
	SOCKET_URING_OP_GETSOCKOPT = 2,
	SOCKET_URING_OP_SETSOCKOPT = 3,	/* setsockopt(). Kernel 6.7. */
	/*
	 * Transmit timestamps of sent data, each in a 32-byte completion, until
	 * canceled.
	 *
	 * cqe->res is the key of the timestamp, cqe->big_cqe a struct
	 * io_timespec. Kernel 6.17.
	 */
	SOCKET_URING_OP_TX_TIMESTAMP = 4,
	/* getsockname(), or getpeername() if sqe->optlen is 1. Kernel 6.19. */
	SOCKET_URING_OP_GETSOCKNAME = 5,
};

/* Number of the bit IORING_CQE_F_TSTAMP_HW. Kernel 6.17. */
#define IORING_TIMESTAMP_HW_SHIFT	16
/*
 * Shift cqe->flags right by this number of bits to get the type of a timestamp,
 * one of SCM_TSTAMP_*. Kernel 6.17.
 */
#define IORING_TIMESTAMP_TYPE_SHIFT	(IORING_TIMESTAMP_HW_SHIFT + 1)
/* In cqe->flags of a timestamp: the hardware took it. Kernel 6.17. */
#define IORING_CQE_F_TSTAMP_HW	(1U << IORING_TIMESTAMP_HW_SHIFT)

/*
 * A timestamp, in the second half of the completion of
 * SOCKET_URING_OP_TX_TIMESTAMP. Kernel 6.17.
 */
struct io_timespec {
	__u64 tv_sec;	/* Seconds. */
	__u64 tv_nsec;	/* Nanoseconds, less than 1000000000. */
};

/* The completion queue entry: the result of a request. */

/*
 * A completion: the kernel writes it, the application reads it.
 *
 * An entry has 16 bytes. It has 32 bytes on a ring created with
 * IORING_SETUP_CQE32, and on a ring created with IORING_SETUP_CQE_MIXED if
 * IORING_CQE_F_32 is set.
 */
__extension__ struct io_uring_cqe {
	__u64 user_data;	/* user_data of the request. */
	/*
	 * The result: 0 or more on success, as the corresponding system call
	 * would return, or -errno.
	 */
	__s32 res;
	/* IORING_CQE_F_* bits, and a buffer ID in the upper half. */
	__u32 flags;
	__u64 big_cqe[];	/* 16 more bytes, only in a 32-byte entry. */
};

/*
 * In cqe->flags: a provided buffer was used; its ID is in the upper 16 bits.
 * Kernel 5.7.
 */
#define IORING_CQE_F_BUFFER	(1U << 0)
/* In cqe->flags: more completions of this request will follow. Kernel 5.13. */
#define IORING_CQE_F_MORE	(1U << 1)
/*
 * In cqe->flags: after this receive the socket has more to read, or after this
 * accept more connections (kernel 6.10). The end of a stream counts as
 * something to read. Kernel 5.19.
 */
#define IORING_CQE_F_SOCK_NONEMPTY	(1U << 2)
/*
 * In cqe->flags: not a result, but the notification that a zero-copy send no
 * longer uses its buffer. Kernel 6.0.
 */
#define IORING_CQE_F_NOTIF	(1U << 3)
/*
 * In cqe->flags: the kernel keeps the provided buffer and will fill the rest of
 * it later.
 *
 * Only for a buffer ring registered with IOU_PBUF_RING_INC. Without this bit
 * the buffer belongs to the application again. Kernel 6.12.
 */
#define IORING_CQE_F_BUF_MORE	(1U << 4)
/*
 * In cqe->flags: a filler entry without a result; skip it.
 *
 * On a ring with mixed entries the kernel posts one if a 32-byte entry would
 * cross the end of the queue. Kernel 6.18.
 */
#define IORING_CQE_F_SKIP	(1U << 5)
/*
 * In cqe->flags: this entry has 32 bytes, on a ring with mixed entries. Kernel
 * 6.18.
 */
#define IORING_CQE_F_32	(1U << 15)
/*
 * Shift cqe->flags right by this number of bits to get the ID of the provided
 * buffer. Kernel 5.7.
 */
#define IORING_CQE_BUFFER_SHIFT	16

/* Creating a ring and mapping its memory: io_uring_setup(). */

/*
 * In params->flags: the application polls the device for completions instead of
 * using interrupts.
 *
 * For O_DIRECT reads and writes on files and devices that support it. Kernel
 * 5.1.
 */
#define IORING_SETUP_IOPOLL	(1U << 0)
/*
 * In params->flags: a submission thread in the kernel polls the submission
 * queue, so that submitting needs no system call.
 *
 * The thread sleeps after sq_thread_idle milliseconds without work: see
 * IORING_SQ_NEED_WAKEUP. Kernel 5.1.
 */
#define IORING_SETUP_SQPOLL	(1U << 1)
/*
 * In params->flags: the submission thread runs only on processor sq_thread_cpu.
 * Kernel 5.1.
 */
#define IORING_SETUP_SQ_AFF	(1U << 2)
/*
 * In params->flags: cq_entries is the size of the completion queue; the default
 * is twice that of the submission queue. Kernel 5.5.
 */
#define IORING_SETUP_CQSIZE	(1U << 3)
/*
 * In params->flags: reduce sizes above the kernel's limits to these limits
 * instead of failing. Kernel 5.6.
 */
#define IORING_SETUP_CLAMP	(1U << 4)
/*
 * In params->flags: share the submission thread of the ring wq_fd (before
 * kernel 5.12 its workers, too). Kernel 5.6.
 */
#define IORING_SETUP_ATTACH_WQ	(1U << 5)
/*
 * In params->flags: the ring is disabled until IORING_REGISTER_ENABLE_RINGS.
 * Kernel 5.10.
 */
#define IORING_SETUP_R_DISABLED	(1U << 6)
/*
 * In params->flags: continue a submission after an entry that fails. Kernel
 * 5.18.
 */
#define IORING_SETUP_SUBMIT_ALL	(1U << 7)
/*
 * In params->flags: do not interrupt the application to process completions.
 *
 * They are processed when it next enters the kernel for any reason, which saves
 * an interrupt between processors. Kernel 5.19.
 */
#define IORING_SETUP_COOP_TASKRUN	(1U << 8)
/*
 * In params->flags: set IORING_SQ_TASKRUN while completions are waiting to be
 * processed.
 *
 * Needs IORING_SETUP_COOP_TASKRUN or IORING_SETUP_DEFER_TASKRUN. Kernel 5.19.
 */
#define IORING_SETUP_TASKRUN_FLAG	(1U << 9)
/* In params->flags: submission entries have 128 bytes. Kernel 5.19. */
#define IORING_SETUP_SQE128	(1U << 10)
/* In params->flags: completion entries have 32 bytes. Kernel 5.19. */
#define IORING_SETUP_CQE32	(1U << 11)
/*
 * In params->flags: only one task submits, which allows optimizations in the
 * kernel.
 *
 * This is the task that created the ring, or that enabled it; others get
 * -EEXIST. Kernel 6.0.
 */
#define IORING_SETUP_SINGLE_ISSUER	(1U << 12)
/*
 * In params->flags: process completions only when the application waits for
 * them.
 *
 * The submitting task waits with IORING_ENTER_GETEVENTS. Needs
 * IORING_SETUP_SINGLE_ISSUER. Kernel 6.1.
 */
#define IORING_SETUP_DEFER_TASKRUN	(1U << 13)
/*
 * In params->flags: the application provides the memory: cq_off.user_addr for
 * both rings and sq_off.user_addr for the submission entries. Kernel 6.5.
 */
#define IORING_SETUP_NO_MMAP	(1U << 14)
/*
 * In params->flags: create no file descriptor; register the ring and return its
 * index.
 *
 * Needs IORING_SETUP_NO_MMAP. Use the index with IORING_ENTER_REGISTERED_RING
 * and IORING_REGISTER_USE_REGISTERED_RING. Kernel 6.5.
 */
#define IORING_SETUP_REGISTERED_FD_ONLY	(1U << 15)
/*
 * In params->flags: the submission ring has no array of indices; slot n is
 * entry n. Kernel 6.6.
 */
#define IORING_SETUP_NO_SQARRAY	(1U << 16)
/*
 * In params->flags, with IORING_SETUP_IOPOLL: sleep before polling, to save
 * processor time. Kernel 6.13.
 */
#define IORING_SETUP_HYBRID_IOPOLL	(1U << 17)
/*
 * In params->flags: completions have 16 or 32 bytes; those of 32 have
 * IORING_CQE_F_32 set. Kernel 6.18.
 */
#define IORING_SETUP_CQE_MIXED	(1U << 18)
/*
 * In params->flags: submission entries have 64 or 128 bytes, depending on the
 * opcode. Kernel 6.19.
 */
#define IORING_SETUP_SQE_MIXED	(1U << 19)
/*
 * In params->flags: every submission starts at entry 0 and takes the number of
 * entries given in the call.
 *
 * The application leaves head and tail at 0. Needs IORING_SETUP_NO_SQARRAY,
 * excludes IORING_SETUP_SQPOLL. Kernel 7.0.
 */
#define IORING_SETUP_SQ_REWIND	(1U << 20)
/* Offset for mmap() of the ring's file: the submission ring. Kernel 5.1. */
#define IORING_OFF_SQ_RING	0ULL
/* Offset for mmap() of the ring's file: the completion ring. Kernel 5.1. */
#define IORING_OFF_CQ_RING	0x8000000ULL
/* Offset for mmap() of the ring's file: the submission entries. Kernel 5.1. */
#define IORING_OFF_SQES	0x10000000ULL
/*
 * Offset for mmap() of the ring's file: a buffer ring that the kernel
 * allocated, see IOU_PBUF_RING_MMAP.
 *
 * Add the group's ID, shifted by IORING_OFF_PBUF_SHIFT. Kernel 6.4.
 */
#define IORING_OFF_PBUF_RING	0x80000000ULL
/*
 * Shift a buffer group's ID left by this number of bits for the offset of
 * mmap(). Kernel 6.4.
 */
#define IORING_OFF_PBUF_SHIFT	16
/* The part of an offset for mmap() that selects what to map. Kernel 6.4. */
#define IORING_OFF_MMAP_MASK	0xf8000000ULL

/*
 * Offsets in bytes of the parts of the mapped submission ring. The kernel fills
 * them in.
 */
struct io_sqring_offsets {
	/* The next slot that the kernel reads; only the kernel writes it. */
	__u32 head;
	/*
	 * The slot after the last one submitted; only the application writes
	 * it.
	 */
	__u32 tail;
	/*
	 * ring_entries minus one, the mask that turns head and tail into a
	 * slot.
	 */
	__u32 ring_mask;
	__u32 ring_entries;	/* Number of slots. */
	__u32 flags;	/* IORING_SQ_* bits from the kernel. */
	/* The number of slots skipped because of an invalid index. */
	__u32 dropped;
	/*
	 * Array of indices of entries, one per slot; 0 with
	 * IORING_SETUP_NO_SQARRAY.
	 */
	__u32 array;
	__u32 resv1;	/* Reserved. */
	/*
	 * With IORING_SETUP_NO_MMAP, the application's memory for the
	 * submission entries.
	 */
	__u64 user_addr;
};

/*
 * In the submission ring's flags: the submission thread sleeps; wake it with
 * IORING_ENTER_SQ_WAKEUP. Kernel 5.1.
 */
#define IORING_SQ_NEED_WAKEUP	(1U << 0)
/*
 * In the submission ring's flags: the kernel holds back completions because the
 * completion queue is full.
 *
 * Enter the kernel to move them into the queue. Kernel 5.8.
 */
#define IORING_SQ_CQ_OVERFLOW	(1U << 1)
/*
 * In the submission ring's flags: enter the kernel to process completions: see
 * IORING_SETUP_TASKRUN_FLAG. Kernel 5.19.
 */
#define IORING_SQ_TASKRUN	(1U << 2)

/*
 * Offsets in bytes of the parts of the mapped completion ring. The kernel fills
 * them in.
 */
struct io_cqring_offsets {
	/*
	 * The next entry that the application reads; only the application
	 * writes it.
	 */
	__u32 head;
	/* The slot after the last entry posted; only the kernel writes it. */
	__u32 tail;
	/*
	 * ring_entries minus one, the mask that turns head and tail into a
	 * slot.
	 */
	__u32 ring_mask;
	__u32 ring_entries;	/* Number of slots. */
	/*
	 * The number of lost completions; with IORING_FEAT_NODROP only if
	 * memory ran out.
	 */
	__u32 overflow;
	__u32 cqes;	/* The entries themselves. */
	/* IORING_CQ_* bits from the application. Kernel 5.8. */
	__u32 flags;
	__u32 resv1;	/* Reserved. */
	/*
	 * With IORING_SETUP_NO_MMAP, the application's memory for both rings.
	 */
	__u64 user_addr;
};

/*
 * In the completion ring's flags: do not signal the registered eventfd. Kernel
 * 5.8.
 */
#define IORING_CQ_EVENTFD_DISABLED	(1U << 0)

/*
 * Parameters and properties of a ring, for io_uring_setup(). Clear it before
 * use.
 */
struct io_uring_params {
	/* Out: slots of the submission queue, a power of two. */
	__u32 sq_entries;
	/*
	 * In, with IORING_SETUP_CQSIZE, and out: slots of the completion queue,
	 * a power of two.
	 */
	__u32 cq_entries;
	__u32 flags;	/* In: IORING_SETUP_* bits. */
	/* In, with IORING_SETUP_SQ_AFF: processor for the submission thread. */
	__u32 sq_thread_cpu;
	/*
	 * In, with IORING_SETUP_SQPOLL: milliseconds without work until the
	 * submission thread sleeps; 0 means 1000.
	 */
	__u32 sq_thread_idle;
	__u32 features;	/* Out: IORING_FEAT_* bits. */
	/*
	 * In, with IORING_SETUP_ATTACH_WQ: file descriptor of the other ring.
	 */
	__u32 wq_fd;
	__u32 resv[3];	/* Must be 0. */
	/* Out: layout of the submission ring. */
	struct io_sqring_offsets sq_off;
	/* Out: layout of the completion ring. */
	struct io_cqring_offsets cq_off;
};

/* In params->features: one mmap() maps both rings. Kernel 5.4. */
#define IORING_FEAT_SINGLE_MMAP	(1U << 0)
/*
 * In params->features: completions that don't fit into the queue are kept in
 * the kernel instead of lost. Kernel 5.5.
 */
#define IORING_FEAT_NODROP	(1U << 1)
/*
 * In params->features: the kernel copies what an entry points to, except data
 * buffers, when it takes the entry. Kernel 5.5.
 */
#define IORING_FEAT_SUBMIT_STABLE	(1U << 2)
/*
 * In params->features: sqe->off of -1 reads or writes at the current file
 * position. Kernel 5.6.
 */
#define IORING_FEAT_RW_CUR_POS	(1U << 3)
/*
 * In params->features: a request runs with the credentials of the submitter,
 * not of the ring's creator. Kernel 5.6.
 */
#define IORING_FEAT_CUR_PERSONALITY	(1U << 4)
/*
 * In params->features: a request on a file that is not ready waits with a poll
 * instead of a thread. Kernel 5.7.
 */
#define IORING_FEAT_FAST_POLL	(1U << 5)
/*
 * In params->features: poll masks have 32 bits, so that EPOLLEXCLUSIVE works.
 * Kernel 5.9.
 */
#define IORING_FEAT_POLL_32BITS	(1U << 6)
/*
 * In params->features: IORING_SETUP_SQPOLL works with files that are not
 * registered. Kernel 5.11.
 */
#define IORING_FEAT_SQPOLL_NONFIXED	(1U << 7)
/*
 * In params->features: IORING_ENTER_EXT_ARG works, so that waits can have a
 * timeout. Kernel 5.11.
 */
#define IORING_FEAT_EXT_ARG	(1U << 8)
/*
 * In params->features: worker threads belong to the application's process.
 * Kernel 5.12.
 */
#define IORING_FEAT_NATIVE_WORKERS	(1U << 9)
/*
 * In params->features: registered files and buffers can have tags, and buffers
 * can be replaced individually. Kernel 5.13.
 */
#define IORING_FEAT_RSRC_TAGS	(1U << 10)
/* In params->features: IOSQE_CQE_SKIP_SUCCESS works. Kernel 5.17. */
#define IORING_FEAT_CQE_SKIP	(1U << 11)
/*
 * In params->features: a linked request looks up its file when it starts, so
 * that it can use a direct descriptor that an earlier request opened. Kernel
 * 5.18.
 */
#define IORING_FEAT_LINKED_FILE	(1U << 12)
/*
 * In params->features: IORING_REGISTER_USE_REGISTERED_RING works. Kernel 6.3.
 */
#define IORING_FEAT_REG_REG_RING	(1U << 13)
/*
 * In params->features: IORING_RECVSEND_BUNDLE works, and sends can use provided
 * buffers. Kernel 6.10.
 */
#define IORING_FEAT_RECVSEND_BUNDLE	(1U << 14)
/*
 * In params->features: waits can have a minimum time: see min_wait_usec. Kernel
 * 6.12.
 */
#define IORING_FEAT_MIN_TIMEOUT	(1U << 15)
/*
 * In params->features: reads and writes can have attributes: see sqe->attr_ptr.
 * Kernel 6.14.
 */
#define IORING_FEAT_RW_ATTR	(1U << 16)
/* In params->features: IORING_ENTER_NO_IOWAIT works. Kernel 6.15. */
#define IORING_FEAT_NO_IOWAIT	(1U << 17)

/* Submitting and waiting: io_uring_enter(). */

/*
 * In the flags of io_uring_enter(): wait until min_complete completions are in
 * the queue. Kernel 5.1.
 */
#define IORING_ENTER_GETEVENTS	(1U << 0)
/*
 * In the flags of io_uring_enter(): wake the submission thread of an
 * IORING_SETUP_SQPOLL ring. Kernel 5.1.
 */
#define IORING_ENTER_SQ_WAKEUP	(1U << 1)
/*
 * In the flags of io_uring_enter(): wait until the submission thread has freed
 * a slot of the submission queue. Kernel 5.10.
 */
#define IORING_ENTER_SQ_WAIT	(1U << 2)
/*
 * In the flags of io_uring_enter(): the argument is a struct
 * io_uring_getevents_arg, not a signal mask. Kernel 5.11.
 */
#define IORING_ENTER_EXT_ARG	(1U << 3)
/*
 * In the flags of io_uring_enter(): fd is an index from
 * IORING_REGISTER_RING_FDS. Kernel 5.18.
 */
#define IORING_ENTER_REGISTERED_RING	(1U << 4)
/*
 * In the flags of io_uring_enter(): the timeout is an absolute time on the
 * ring's clock. Kernel 6.12.
 */
#define IORING_ENTER_ABS_TIMER	(1U << 5)
/*
 * In the flags of io_uring_enter(): the argument is the offset of a struct
 * io_uring_reg_wait in the registered region. Kernel 6.13.
 */
#define IORING_ENTER_EXT_ARG_REG	(1U << 6)
/*
 * In the flags of io_uring_enter(): the wait is not accounted as I/O wait.
 * Kernel 6.15.
 */
#define IORING_ENTER_NO_IOWAIT	(1U << 7)

/* Values of flags in struct io_uring_reg_wait. */
enum {
	/* ts is the timeout; without this flag there is none. Kernel 6.13. */
	IORING_REG_WAIT_TS = 1 << 0,
};

/*
 * The arguments of a wait, in memory registered with
 * IORING_REGISTER_MEM_REGION.
 *
 * A wait refers to it by its offset in the region, and nothing is copied. Needs
 * IORING_ENTER_GETEVENTS and IORING_ENTER_EXT_ARG_REG. Kernel 6.13.
 */
struct io_uring_reg_wait {
	/* The timeout, with IORING_REG_WAIT_TS. */
	struct __kernel_timespec ts;
	__u32 min_wait_usec;	/* As in struct io_uring_getevents_arg. */
	__u32 flags;	/* IORING_REG_WAIT_* bits. */
	/* Address of the signal mask to use while waiting, or 0. */
	__u64 sigmask;
	__u32 sigmask_sz;	/* Size of that mask in bytes. */
	__u32 pad[3];	/* Must be 0. */
	__u64 pad2[2];	/* Must be 0. */
};

/*
 * The arguments of a wait, for io_uring_enter() with IORING_ENTER_EXT_ARG.
 * Kernel 5.11.
 */
struct io_uring_getevents_arg {
	/* Address of the signal mask to use while waiting, or 0. */
	__u64 sigmask;
	__u32 sigmask_sz;	/* Size of that mask in bytes. */
	/*
	 * Time in microseconds after which one completion is enough. Kernel
	 * 6.12.
	 */
	__u32 min_wait_usec;
	/*
	 * Address of a struct __kernel_timespec with the timeout, or 0 for
	 * none.
	 */
	__u64 ts;
};

/*
 * io_uring_register(): its commands, and their arguments except for files,
 * buffers and memory.
 */

/*
 * The commands: values of opcode of io_uring_register().
 *
 * Each comment names the type that arg points to; nr_args is the number of
 * elements, 1 for a single structure. If no type is named, arg must be null and
 * nr_args 0.
 */
__extension__ enum io_uring_register_op {
	/* Registers buffers: struct iovec array. Kernel 5.1. */
	IORING_REGISTER_BUFFERS = 0,
	/* Unregisters all buffers. Kernel 5.1. */
	IORING_UNREGISTER_BUFFERS = 1,
	/*
	 * Registers files: int array of file descriptors; -1 leaves a slot
	 * empty. Kernel 5.1.
	 */
	IORING_REGISTER_FILES = 2,
	/* Unregisters all files. Kernel 5.1. */
	IORING_UNREGISTER_FILES = 3,
	/*
	 * Signals an eventfd when completions are posted: int, the eventfd.
	 * Kernel 5.2.
	 */
	IORING_REGISTER_EVENTFD = 4,
	/* Unregisters the eventfd. Kernel 5.2. */
	IORING_UNREGISTER_EVENTFD = 5,
	/*
	 * Replaces registered files: struct io_uring_rsrc_update; nr_args
	 * counts the files. Kernel 5.5.
	 */
	IORING_REGISTER_FILES_UPDATE = 6,
	/*
	 * As IORING_REGISTER_EVENTFD, but only for completions that a worker
	 * thread posts. Kernel 5.6.
	 */
	IORING_REGISTER_EVENTFD_ASYNC = 7,
	/*
	 * Queries which operations the kernel supports: struct io_uring_probe;
	 * nr_args counts its ops. Kernel 5.6.
	 */
	IORING_REGISTER_PROBE = 8,
	/*
	 * Registers the caller's credentials and returns an ID for
	 * sqe->personality. Kernel 5.6.
	 */
	IORING_REGISTER_PERSONALITY = 9,
	/* Unregisters credentials; nr_args is their ID. Kernel 5.6. */
	IORING_UNREGISTER_PERSONALITY = 10,
	/*
	 * Restricts what a ring may do: struct io_uring_restriction array. The
	 * ring must still be disabled.
	 *
	 * With file descriptor -1 it restricts the calling task: struct
	 * io_uring_task_restriction. Kernel 5.10, for a task 7.0.
	 */
	IORING_REGISTER_RESTRICTIONS = 11,
	/* Enables a ring created with IORING_SETUP_R_DISABLED. Kernel 5.10. */
	IORING_REGISTER_ENABLE_RINGS = 12,
	/*
	 * As IORING_REGISTER_FILES, with tags or empty slots: struct
	 * io_uring_rsrc_register; nr_args is its size. Kernel 5.13.
	 */
	IORING_REGISTER_FILES2 = 13,
	/*
	 * Replaces registered files and tags: struct io_uring_rsrc_update2;
	 * nr_args is its size. Kernel 5.13.
	 */
	IORING_REGISTER_FILES_UPDATE2 = 14,
	/*
	 * As IORING_REGISTER_BUFFERS, with tags or empty slots: struct
	 * io_uring_rsrc_register; nr_args is its size. Kernel 5.13.
	 */
	IORING_REGISTER_BUFFERS2 = 15,
	/*
	 * Replaces registered buffers and tags: struct io_uring_rsrc_update2;
	 * nr_args is its size. Kernel 5.13.
	 */
	IORING_REGISTER_BUFFERS_UPDATE = 16,
	/*
	 * Sets the processors for worker threads: cpu_set_t; nr_args is its
	 * size in bytes. Kernel 5.14.
	 */
	IORING_REGISTER_IOWQ_AFF = 17,
	/* Lets worker threads run on all processors again. Kernel 5.14. */
	IORING_UNREGISTER_IOWQ_AFF = 18,
	/*
	 * Limits the worker threads: array of two unsigned int, indexed by enum
	 * io_wq_type, exchanged for the previous limits; 0 leaves a limit
	 * unchanged. Kernel 5.15.
	 */
	IORING_REGISTER_IOWQ_MAX_WORKERS = 19,
	/*
	 * Registers ring file descriptors for the calling task: struct
	 * io_uring_rsrc_update array, where data is the descriptor and offset
	 * the index, or -1 to get one. Kernel 5.18.
	 */
	IORING_REGISTER_RING_FDS = 20,
	/*
	 * Unregisters ring file descriptors: struct io_uring_rsrc_update array
	 * with offset set. Kernel 5.18.
	 */
	IORING_UNREGISTER_RING_FDS = 21,
	/* Registers a buffer ring: struct io_uring_buf_reg. Kernel 5.19. */
	IORING_REGISTER_PBUF_RING = 22,
	/*
	 * Unregisters a buffer ring: struct io_uring_buf_reg with bgid set.
	 * Kernel 5.19.
	 */
	IORING_UNREGISTER_PBUF_RING = 23,
	/*
	 * Cancels requests and waits until they have ended: struct
	 * io_uring_sync_cancel_reg. Kernel 6.0.
	 */
	IORING_REGISTER_SYNC_CANCEL = 24,
	/*
	 * Limits the slots that IORING_FILE_INDEX_ALLOC chooses from: struct
	 * io_uring_file_index_range; nr_args is 0. Kernel 6.0.
	 */
	IORING_REGISTER_FILE_ALLOC_RANGE = 25,
	/*
	 * Gets the kernel's head of a buffer ring: struct io_uring_buf_status.
	 * Kernel 6.8.
	 */
	IORING_REGISTER_PBUF_STATUS = 26,
	/*
	 * Enables busy polling of network devices during waits: struct
	 * io_uring_napi, exchanged for the previous settings. Kernel 6.9.
	 */
	IORING_REGISTER_NAPI = 27,
	/*
	 * Disables it: struct io_uring_napi, filled with the previous settings,
	 * or null. Kernel 6.9.
	 */
	IORING_UNREGISTER_NAPI = 28,
	/*
	 * Sets the clock for the timeouts of waits: struct
	 * io_uring_clock_register; nr_args is 0. Kernel 6.12.
	 */
	IORING_REGISTER_CLOCK = 29,
	/*
	 * Copies another ring's registered buffers: struct
	 * io_uring_clone_buffers. Kernel 6.12.
	 */
	IORING_REGISTER_CLONE_BUFFERS = 30,
	/*
	 * Performs an IORING_OP_MSG_RING without a ring (file descriptor -1):
	 * struct io_uring_sqe. Kernel 6.13.
	 */
	IORING_REGISTER_SEND_MSG_RING = 31,
	/*
	 * Registers a network device queue for zero-copy receive: struct
	 * io_uring_zcrx_ifq_reg. Kernel 6.15.
	 */
	IORING_REGISTER_ZCRX_IFQ = 32,
	/*
	 * Resizes both queues: struct io_uring_params. The ring must then be
	 * mapped again. Kernel 6.13.
	 */
	IORING_REGISTER_RESIZE_RINGS = 33,
	/*
	 * Registers memory for wait arguments: struct io_uring_mem_region_reg.
	 * Kernel 6.13.
	 */
	IORING_REGISTER_MEM_REGION = 34,
	/*
	 * Queries the kernel's features: struct io_uring_query_hdr; nr_args is
	 * 0. The file descriptor may be -1. Kernel 6.18.
	 */
	IORING_REGISTER_QUERY = 35,
	/*
	 * Controls a zero-copy receive context: struct zcrx_ctrl; nr_args is 0.
	 * Kernel 6.19.
	 */
	IORING_REGISTER_ZCRX_CTRL = 36,
	/*
	 * Registers a filter program for requests: struct io_uring_bpf. With
	 * file descriptor -1 it filters all later rings of the calling task.
	 * Kernel 7.0.
	 */
	IORING_REGISTER_BPF_FILTER = 37,
	/* One more than the last command in this header. Not a command. */
	IORING_REGISTER_LAST,
	/*
	 * OR this into the command: the file descriptor is an index from
	 * IORING_REGISTER_RING_FDS. Kernel 6.3.
	 */
	IORING_REGISTER_USE_REGISTERED_RING = 1U << 31,
};

/*
 * The two kinds of worker threads: indices for
 * IORING_REGISTER_IOWQ_MAX_WORKERS.
 */
enum io_wq_type {
	/*
	 * For work that completes in limited time: regular files and block
	 * devices.
	 */
	IO_WQ_BOUND = 0,
	/*
	 * For work that may never complete: sockets, pipes, character devices.
	 */
	IO_WQ_UNBOUND = 1,
};

/*
 * In flags of struct io_uring_probe_op: the kernel supports this operation.
 * Kernel 5.6.
 */
#define IO_URING_OP_SUPPORTED	(1U << 0)

/* Whether the kernel supports an operation. */
struct io_uring_probe_op {
	__u8 op;	/* The operation: an IORING_OP_* code. */
	__u8 resv;	/* Must be 0. */
	__u16 flags;	/* IO_URING_OP_* bits. */
	__u32 resv2;	/* Must be 0. */
};

/*
 * The operations that the kernel supports: for IORING_REGISTER_PROBE. Clear it
 * before use. Kernel 5.6.
 */
__extension__ struct io_uring_probe {
	__u8 last_op;	/* Highest operation that the kernel knows. */
	/* The number of elements of ops that the kernel filled in. */
	__u8 ops_len;
	__u16 resv;	/* Must be 0. */
	__u32 resv2[3];	/* Must be 0. */
	/* One element for each operation, starting at 0. */
	struct io_uring_probe_op ops[];
};

/*
 * Kinds of restriction: values of opcode in struct io_uring_restriction. Kernel
 * 5.10.
 */
enum io_uring_register_restriction_op {
	/* Allows the command register_op of io_uring_register(). */
	IORING_RESTRICTION_REGISTER_OP = 0,
	IORING_RESTRICTION_SQE_OP = 1,	/* Allows the operation sqe_op. */
	/* Allows the IOSQE_* bits in sqe_flags. */
	IORING_RESTRICTION_SQE_FLAGS_ALLOWED = 2,
	/* Requires the IOSQE_* bits in sqe_flags of every request. */
	IORING_RESTRICTION_SQE_FLAGS_REQUIRED = 3,
	/* One more than the last kind. Not a kind. */
	IORING_RESTRICTION_LAST,
};

/* A permission of a restricted ring. Kernel 5.10. */
__extension__ struct io_uring_restriction {
	__u16 opcode;	/* The kind: an IORING_RESTRICTION_* value. */
	/* The permitted command, operation or flags. */
	union {
		/* A command, with IORING_RESTRICTION_REGISTER_OP. */
		__u8 register_op;
		/* An operation, with IORING_RESTRICTION_SQE_OP. */
		__u8 sqe_op;
		/*
		 * IOSQE_* bits, with IORING_RESTRICTION_SQE_FLAGS_ALLOWED and
		 * IORING_RESTRICTION_SQE_FLAGS_REQUIRED.
		 */
		__u8 sqe_flags;
	};
	__u8 resv;	/* Must be 0. */
	__u32 resv2[3];	/* Must be 0. */
};

/*
 * Restrictions for a task: they apply to every ring that it and its children
 * create later. Kernel 7.0.
 */
__extension__ struct io_uring_task_restriction {
	__u16 flags;	/* Must be 0. */
	__u16 nr_res;	/* Number of elements in restrictions. */
	__u32 resv[3];	/* Must be 0. */
	/* The restrictions, nr_res of them. */
	struct io_uring_restriction restrictions[0];
};

/* For IORING_REGISTER_CLOCK. Kernel 6.12. */
struct io_uring_clock_register {
	/* CLOCK_MONOTONIC, which is the default, or CLOCK_BOOTTIME. */
	__u32 clockid;
	__u32 __resv[3];	/* Must be 0. */
};

/* For IORING_REGISTER_NAPI and IORING_UNREGISTER_NAPI. Kernel 6.9. */
struct io_uring_napi {
	/* Microseconds to poll the network devices before sleeping. */
	__u32 busy_poll_to;
	/*
	 * If not 0, prefer polling to interrupts, as with SO_PREFER_BUSY_POLL.
	 */
	__u8 prefer_busy_poll;
	__u8 pad[3];	/* Must be 0. */
	__u64 resv;	/* Must be 0. */
};

/* For IORING_REGISTER_SYNC_CANCEL. Kernel 6.0. */
struct io_uring_sync_cancel_reg {
	__u64 addr;	/* user_data to match. */
	__s32 fd;	/* File to match, with IORING_ASYNC_CANCEL_FD. */
	__u32 flags;	/* IORING_ASYNC_CANCEL_* bits. */
	/* The timeout of the wait; both fields -1 for none. */
	struct __kernel_timespec timeout;
	/* Operation to match, with IORING_ASYNC_CANCEL_OP. Kernel 6.6. */
	__u8 opcode;
	__u8 pad[7];	/* Must be 0. */
	__u64 pad2[3];	/* Must be 0. */
};

/* Registered files, buffers and memory. */

/* Superseded by struct io_uring_rsrc_update. Kernel 5.5. */
struct io_uring_files_update {
	__u32 offset;	/* First slot to replace. */
	__u32 resv;	/* Must be 0. */
	/* Address of the file descriptors, an array of __s32. */
	__aligned_u64 fds;
};

/* Values of flags in struct io_uring_region_desc. */
enum {
	/*
	 * The application provides the memory, at user_addr; without this flag
	 * the kernel allocates it. Kernel 6.13.
	 */
	IORING_MEM_REGION_TYPE_USER = 1,
};

/* Memory that the kernel and the application share. Kernel 6.13. */
struct io_uring_region_desc {
	/*
	 * Address of the memory, with IORING_MEM_REGION_TYPE_USER; otherwise 0.
	 */
	__u64 user_addr;
	__u64 size;	/* Its size in bytes: whole pages. */
	__u32 flags;	/* IORING_MEM_REGION_TYPE_* bits. */
	__u32 id;	/* Must be 0. */
	/* Out: the offset for mmap() of memory that the kernel allocated. */
	__u64 mmap_offset;
	__u64 __resv[4];	/* Must be 0. */
};

/* Values of flags in struct io_uring_mem_region_reg. */
enum {
	/*
	 * The region holds struct io_uring_reg_wait elements, for
	 * IORING_ENTER_EXT_ARG_REG.
	 *
	 * The ring must still be disabled. Kernel 6.13.
	 */
	IORING_MEM_REGION_REG_WAIT_ARG = 1,
};

/*
 * For IORING_REGISTER_MEM_REGION. The region exists as long as the ring. Kernel
 * 6.13.
 */
struct io_uring_mem_region_reg {
	/* Address of a struct io_uring_region_desc. */
	__u64 region_uptr;
	__u64 flags;	/* IORING_MEM_REGION_REG_* bits. */
	__u64 __resv[2];	/* Must be 0. */
};

/*
 * In flags of struct io_uring_rsrc_register: all slots are empty; data and tags
 * must be 0. Kernel 5.19.
 */
#define IORING_RSRC_REGISTER_SPARSE	(1U << 0)

/* For IORING_REGISTER_FILES2 and IORING_REGISTER_BUFFERS2. Kernel 5.13. */
struct io_uring_rsrc_register {
	__u32 nr;	/* Number of slots. */
	__u32 flags;	/* IORING_RSRC_REGISTER_* bits. Kernel 5.19. */
	__u64 resv2;	/* Must be 0. */
	/* Address of nr file descriptors, or of nr elements of struct iovec. */
	__aligned_u64 data;
	/*
	 * Address of nr tags of 64 bits, or 0 for none.
	 *
	 * When a file or buffer with a tag other than 0 has been removed and no
	 * request uses it any more, a completion with the tag as user_data is
	 * posted.
	 */
	__aligned_u64 tags;
};

/*
 * For IORING_REGISTER_FILES_UPDATE, and for ring file descriptors. Kernel 5.5.
 */
struct io_uring_rsrc_update {
	/* First slot to replace; for a ring file descriptor its index. */
	__u32 offset;
	__u32 resv;	/* Must be 0. */
	/*
	 * Address of the new file descriptors; for a ring the file descriptor
	 * itself.
	 */
	__aligned_u64 data;
};

/*
 * For IORING_REGISTER_FILES_UPDATE2 and IORING_REGISTER_BUFFERS_UPDATE. Kernel
 * 5.13.
 */
struct io_uring_rsrc_update2 {
	__u32 offset;	/* First slot to replace. */
	__u32 resv;	/* Must be 0. */
	/* Address of nr file descriptors, or of nr elements of struct iovec. */
	__aligned_u64 data;
	/*
	 * Address of nr tags, or 0 for none: see struct io_uring_rsrc_register.
	 */
	__aligned_u64 tags;
	__u32 nr;	/* Number of slots to replace. */
	__u32 resv2;	/* Must be 0. */
};

/*
 * Instead of a file descriptor, in an update of registered files: leave the
 * slot unchanged. Kernel 5.12.
 */
#define IORING_REGISTER_FILES_SKIP	(-2)

/* Values of flags in struct io_uring_clone_buffers. */
enum {
	/* src_fd is an index from IORING_REGISTER_RING_FDS. Kernel 6.12. */
	IORING_REGISTER_SRC_REGISTERED = 1 << 0,
	/*
	 * Replace buffers that are already registered with this ring. Kernel
	 * 6.13.
	 */
	IORING_REGISTER_DST_REPLACE = 1 << 1,
};

/* For IORING_REGISTER_CLONE_BUFFERS. Kernel 6.12. */
struct io_uring_clone_buffers {
	__u32 src_fd;	/* The ring to copy from. */
	/* IORING_REGISTER_SRC_REGISTERED and IORING_REGISTER_DST_REPLACE. */
	__u32 flags;
	__u32 src_off;	/* First slot to copy from. Kernel 6.13. */
	__u32 dst_off;	/* First slot to copy to. Kernel 6.13. */
	/* Number of slots; 0 with both offsets 0 copies all. Kernel 6.13. */
	__u32 nr;
	__u32 pad[3];	/* Must be 0. */
};

/*
 * For IORING_REGISTER_FILE_ALLOC_RANGE: the slots from off up to, but not
 * including, off + len. Kernel 6.0.
 */
struct io_uring_file_index_range {
	__u32 off;	/* First slot. */
	__u32 len;	/* Number of slots. */
	__u64 resv;	/* Must be 0. */
};

/*
 * Provided buffers: a ring of buffers from which the kernel picks one when data
 * arrives.
 */

/* One buffer in a buffer ring. Kernel 5.19. */
struct io_uring_buf {
	__u64 addr;	/* Address of the buffer. */
	__u32 len;	/* Its size in bytes. */
	__u16 bid;	/* Its ID, which cqe->flags reports. */
	/* Do not write: in the first element this is the tail of the ring. */
	__u16 resv;
};

/*
 * The ring: an array of buffers, with the tail inside the unused end of the
 * first one. Kernel 5.19.
 */
__extension__ struct io_uring_buf_ring {
	/* The header and the buffers share their memory. */
	union {
		/* As a header. */
		struct {
			__u64 resv1;	/* The first buffer's addr. */
			__u32 resv2;	/* The first buffer's len. */
			__u16 resv3;	/* The first buffer's bid. */
			/*
			 * The number of buffers added so far; only the
			 * application writes it.
			 */
			__u16 tail;
		};
		/* As buffers; their number is a power of two. */
		struct io_uring_buf bufs[0];
	};
};

/* Values of flags in struct io_uring_buf_reg. */
enum io_uring_register_pbuf_ring_flags {
	/*
	 * The kernel allocates the ring; ring_addr must be 0, and mmap() with
	 * IORING_OFF_PBUF_RING gives its address. Kernel 6.4.
	 */
	IOU_PBUF_RING_MMAP = 1,
	/*
	 * A buffer is filled piece by piece, by several requests, until it is
	 * full.
	 *
	 * IORING_CQE_F_BUF_MORE means that a buffer is still in use; the
	 * application must track where the next data starts in it. Kernel 6.12.
	 */
	IOU_PBUF_RING_INC = 2,
};

/*
 * For IORING_REGISTER_PBUF_RING and IORING_UNREGISTER_PBUF_RING. Clear it
 * before use. Kernel 5.19.
 */
struct io_uring_buf_reg {
	__u64 ring_addr;	/* Address of the ring, aligned to a page. */
	/* Number of buffers in the ring: a power of two, at most 32768. */
	__u32 ring_entries;
	__u16 bgid;	/* ID of the group, for sqe->buf_group. */
	__u16 flags;	/* IOU_PBUF_RING_* bits. */
	/*
	 * With IOU_PBUF_RING_INC: a buffer with fewer bytes left counts as
	 * full; 0 means 1.
	 */
	__u32 min_left;
	__u32 resv[5];	/* Must be 0. */
};

/* For IORING_REGISTER_PBUF_STATUS. Kernel 6.8. */
struct io_uring_buf_status {
	__u32 buf_group;	/* In: ID of the group. */
	/*
	 * Out: the kernel's head of the ring, a counter like the ring's tail.
	 */
	__u32 head;
	__u32 resv[8];	/* Must be 0. */
};

/*
 * Zero-copy receive: the network device writes into the application's memory.
 */

/*
 * An entry of the refill queue, which returns a piece of the area to the
 * kernel. Kernel 6.15.
 */
struct io_uring_zcrx_rqe {
	/*
	 * Offset of the piece in the area, with the area's rq_area_token in the
	 * upper bits.
	 */
	__u64 off;
	__u32 len;	/* Its size in bytes: cqe->res of its completion. */
	__u32 __pad;	/* Must be 0. */
};

/*
 * Location of received data: the second half of the completion of
 * IORING_OP_RECV_ZC. Kernel 6.15.
 */
struct io_uring_zcrx_cqe {
	/*
	 * Offset in the area, with the area's number in the bits of
	 * IORING_ZCRX_AREA_MASK.
	 */
	__u64 off;
	__u64 __pad;	/* Must be 0. */
};

/* The lowest bit of the area's number in an offset. Kernel 6.15. */
#define IORING_ZCRX_AREA_SHIFT	48
/* The bits of an offset that hold the number of the area. Kernel 6.15. */
#define IORING_ZCRX_AREA_MASK	(~((1ULL << IORING_ZCRX_AREA_SHIFT) - 1ULL))

/*
 * Offsets in bytes of the parts of the refill queue in its region. Kernel 6.15.
 */
struct io_uring_zcrx_offsets {
	/* The next entry that the kernel reads; only the kernel writes it. */
	__u32 head;
	/*
	 * The slot after the last entry added; only the application writes it.
	 */
	__u32 tail;
	/* The entries, an array of struct io_uring_zcrx_rqe. */
	__u32 rqes;
	__u32 __resv2;	/* Must be 0. */
	__u64 __resv[2];	/* Must be 0. */
};

/* Values of flags in struct io_uring_zcrx_area_reg. */
enum io_uring_zcrx_area_flags {
	/*
	 * The area is the DMA buffer dmabuf_fd, not memory at an address.
	 * Kernel 6.16.
	 */
	IORING_ZCRX_AREA_DMABUF = 1,
};

/* The memory that receives data. Kernel 6.15. */
struct io_uring_zcrx_area_reg {
	/* Address of the memory, aligned to a page; 0 for a DMA buffer. */
	__u64 addr;
	__u64 len;	/* Its size in bytes: whole pages. */
	/* Out: the upper bits for off of a refill entry. */
	__u64 rq_area_token;
	__u32 flags;	/* IORING_ZCRX_AREA_* bits. */
	/* With IORING_ZCRX_AREA_DMABUF, the buffer's file descriptor. */
	__u32 dmabuf_fd;
	__u64 __resv2[2];	/* Must be 0. */
};

/* Values of flags in struct io_uring_zcrx_ifq_reg. */
enum zcrx_reg_flags {
	/*
	 * Share a context of another ring: if_idx is the file descriptor from
	 * ZCRX_CTRL_EXPORT. Kernel 6.19.
	 */
	ZCRX_REG_IMPORT = 1,
	/*
	 * Use no network device: all data is copied into the area.
	 *
	 * The kernel may then not read the refill queue by itself: see
	 * ZCRX_CTRL_FLUSH_RQ.
	 */
	ZCRX_REG_NODEV = 2,
};

/*
 * Features of the kernel's zero-copy receive: bits in features of struct
 * io_uring_query_zcrx.
 */
enum zcrx_features {
	/*
	 * rx_buf_len of struct io_uring_zcrx_ifq_reg can set the size of
	 * receive buffers.
	 */
	ZCRX_FEATURE_RX_PAGE_SIZE = 1 << 0,
};

/*
 * For IORING_REGISTER_ZCRX_IFQ, which creates a receive context. Clear it
 * before use.
 *
 * The ring needs IORING_SETUP_DEFER_TASKRUN and 32-byte completions, the caller
 * CAP_NET_ADMIN. Kernel 6.15.
 */
struct io_uring_zcrx_ifq_reg {
	__u32 if_idx;	/* Index of the network interface. */
	__u32 if_rxq;	/* Its receive queue. */
	/*
	 * Number of entries of the refill queue, rounded up to a power of two.
	 */
	__u32 rq_entries;
	__u32 flags;	/* ZCRX_REG_* bits. */
	__u64 area_ptr;	/* Address of a struct io_uring_zcrx_area_reg. */
	/*
	 * Address of a struct io_uring_region_desc: the memory for the refill
	 * queue.
	 */
	__u64 region_ptr;
	/* Out: layout of the refill queue. */
	struct io_uring_zcrx_offsets offsets;
	/* Out: ID of the context, for sqe->zcrx_ifq_idx. */
	__u32 zcrx_id;
	/*
	 * Size of receive buffers, 0 for the default: see
	 * ZCRX_FEATURE_RX_PAGE_SIZE.
	 */
	__u32 rx_buf_len;
	__u64 __resv[3];	/* Must be 0. */
};

/* Operations on a receive context: values of op in struct zcrx_ctrl. */
enum zcrx_ctrl_op {
	/* Take the entries of the refill queue now. Kernel 6.19. */
	ZCRX_CTRL_FLUSH_RQ = 0,
	/*
	 * Create a file descriptor with which another ring can share the
	 * context. Kernel 6.19.
	 */
	ZCRX_CTRL_EXPORT = 1,
	/* One more than the last operation. Not an operation. */
	__ZCRX_CTRL_LAST,
};

/* For ZCRX_CTRL_FLUSH_RQ. Kernel 6.19. */
struct zcrx_ctrl_flush_rq {
	__u64 __resv[6];	/* Must be 0. */
};

/* For ZCRX_CTRL_EXPORT. Kernel 6.19. */
struct zcrx_ctrl_export {
	/* Out: the file descriptor, for ZCRX_REG_IMPORT. */
	__u32 zcrx_fd;
	__u32 __resv1[11];	/* Must be 0. */
};

/* For IORING_REGISTER_ZCRX_CTRL. Kernel 6.19. */
__extension__ struct zcrx_ctrl {
	__u32 zcrx_id;	/* ID of the context. */
	__u32 op;	/* The operation: a ZCRX_CTRL_* value. */
	__u64 __resv[2];	/* Must be 0. */
	/* The argument of the operation. */
	union {
		/* For ZCRX_CTRL_EXPORT. */
		struct zcrx_ctrl_export zc_export;
		/* For ZCRX_CTRL_FLUSH_RQ. */
		struct zcrx_ctrl_flush_rq zc_flush;
	};
};

#ifdef __cplusplus
}
#endif

#endif
