//! The operations.

c_enum! {
    /// The operations: values of `sqe->opcode`.
    ///
    /// Each comment lists the members of `struct io_uring_sqe` that the operation uses, and the kernel that introduced
    /// it. Unless stated otherwise, the operation does what the named system call does, and `cqe->res` holds that
    /// call's return value, or -errno.
    #[repr(i32)]
    pub enum io_uring_op {
        /// Does nothing and completes: `nop_flags`. Kernel 5.1.
        IORING_OP_NOP = 0,
        /// `preadv2()`: `fd`, `addr` and `len` (the `struct iovec` array), `off`, `rw_flags`.
        /// Kernel 5.1.
        IORING_OP_READV = 1,
        /// `pwritev2()`: the fields of `IORING_OP_READV`. Kernel 5.1.
        IORING_OP_WRITEV = 2,
        /// `fsync()`: `fd`, `fsync_flags`; `off` and `len` can limit it to a range. Kernel 5.1.
        IORING_OP_FSYNC = 3,
        /// Reads into a registered buffer: `fd`, `addr` and `len` (a range inside it), `off`,
        /// `buf_index`. Kernel 5.1.
        IORING_OP_READ_FIXED = 4,
        /// Writes from a registered buffer: the fields of `IORING_OP_READ_FIXED`. Kernel 5.1.
        IORING_OP_WRITE_FIXED = 5,
        /// Waits until `fd` is ready: `poll32_events`, `len` (`IORING_POLL_*`). `res` is the mask of ready events.
        /// Kernel 5.1.
        IORING_OP_POLL_ADD = 6,
        /// Removes or updates a poll request: `addr` (its `user_data`), `len` (`IORING_POLL_UPDATE_*`), `off` (new
        /// `user_data`), `poll32_events`. Kernel 5.1, updates 5.13.
        IORING_OP_POLL_REMOVE = 7,
        /// `sync_file_range()`: `fd`, `off`, `len`, `sync_range_flags`. Kernel 5.2.
        IORING_OP_SYNC_FILE_RANGE = 8,
        /// `sendmsg()`: `fd`, `addr` (the `struct msghdr`), `msg_flags`, `ioprio`. Kernel 5.3.
        IORING_OP_SENDMSG = 9,
        /// `recvmsg()`: the fields of `IORING_OP_SENDMSG`. Kernel 5.3.
        IORING_OP_RECVMSG = 10,
        /// Completes with -ETIME after a time, or with 0 after `off` other completions: `addr` (the
        /// `struct __kernel_timespec`), `len` (1), `timeout_flags`. Kernel 5.4.
        IORING_OP_TIMEOUT = 11,
        /// Removes or updates a timeout: `addr` (its `user_data`), `timeout_flags`, `addr2` (the new time). Kernel 5.5,
        /// updates 5.11.
        IORING_OP_TIMEOUT_REMOVE = 12,
        /// `accept4()`: `fd`, `addr`, `addr2` (the address length), `accept_flags`, `ioprio`,
        /// `file_index`. Kernel 5.5.
        IORING_OP_ACCEPT = 13,
        /// Cancels a request: `addr` (its `user_data`), or depending on `cancel_flags`, `fd` or `len` (an opcode).
        /// Kernel 5.5.
        IORING_OP_ASYNC_CANCEL = 14,
        /// Limits the time of the request before it, which must have `IOSQE_IO_LINK` or
        /// `IOSQE_IO_HARDLINK`: `addr`, `len` (1), `timeout_flags`. Kernel 5.5.
        IORING_OP_LINK_TIMEOUT = 15,
        /// `connect()`: `fd`, `addr`, `off` (the address length). Kernel 5.5.
        IORING_OP_CONNECT = 16,
        /// `fallocate()`: `fd`, `len` (the mode), `off`, `addr` (the length). Kernel 5.6.
        IORING_OP_FALLOCATE = 17,
        /// `openat()`: `fd` (the directory), `addr` (the path), `len` (the mode), `open_flags`,
        /// `file_index`. Kernel 5.6.
        IORING_OP_OPENAT = 18,
        /// `close()`: `fd`, or for a direct descriptor `file_index`. Kernel 5.6.
        IORING_OP_CLOSE = 19,
        /// Replaces registered files: `addr` (array of descriptors), `len` (their number), `off` (first slot).
        /// Kernel 5.6.
        IORING_OP_FILES_UPDATE = 20,
        /// `statx()`: `fd` (the directory), `addr` (the path), `len` (the mask), `off` (the
        /// `struct statx`), `statx_flags`. Kernel 5.6.
        IORING_OP_STATX = 21,
        /// `pread()`: `fd`, `addr`, `len`, `off`, `rw_flags`. Kernel 5.6.
        IORING_OP_READ = 22,
        /// `pwrite()`: the fields of `IORING_OP_READ`. Kernel 5.6.
        IORING_OP_WRITE = 23,
        /// `posix_fadvise()`: `fd`, `off`, `len` (or 64 bits in `addr`), `fadvise_advice`.
        /// Kernel 5.6.
        IORING_OP_FADVISE = 24,
        /// `madvise()`: `addr`, `len` (or 64 bits in `off`), `fadvise_advice`. Kernel 5.6.
        IORING_OP_MADVISE = 25,
        /// `send()`: `fd`, `addr`, `len`, `msg_flags`, `ioprio`; like `sendto()` also `addr2`, `addr_len`. Kernel 5.6.
        IORING_OP_SEND = 26,
        /// `recv()`: `fd`, `addr`, `len`, `msg_flags`, `ioprio`; if multishot, also `optlen` (kernel 6.17). Kernel 5.6.
        IORING_OP_RECV = 27,
        /// `openat2()`: `fd` (the directory), `addr` (the path), `off` (the `struct open_how`),
        /// `len` (its size), `file_index`. Kernel 5.6.
        IORING_OP_OPENAT2 = 28,
        /// `epoll_ctl()`: `fd` (the epoll instance), `off` (the file), `len` (the command), `addr`
        /// (the event). Kernel 5.6.
        IORING_OP_EPOLL_CTL = 29,
        /// `splice()`: `splice_fd_in`, `splice_off_in`, `fd` (output), `off` (output offset), `len`, `splice_flags`. An
        /// offset of -1 means a null pointer. Kernel 5.7.
        IORING_OP_SPLICE = 30,
        /// Provides buffers: `addr` (the first), `len` (the size of each), `fd` (their number), `off` (the first ID),
        /// `buf_group`. Kernel 5.7.
        IORING_OP_PROVIDE_BUFFERS = 31,
        /// Removes provided buffers: `fd` (their number), `buf_group`. Kernel 5.7.
        IORING_OP_REMOVE_BUFFERS = 32,
        /// `tee()`: `splice_fd_in`, `fd` (output), `len`, `splice_flags`. Kernel 5.8.
        IORING_OP_TEE = 33,
        /// `shutdown()`: `fd`, `len` (`SHUT_*`). Kernel 5.11.
        IORING_OP_SHUTDOWN = 34,
        /// `renameat2()`: `fd` and `addr` (old directory and path), `len` and `addr2` (new ones),
        /// `rename_flags`. Kernel 5.11.
        IORING_OP_RENAMEAT = 35,
        /// `unlinkat()`: `fd` (the directory), `addr` (the path), `unlink_flags`. Kernel 5.11.
        IORING_OP_UNLINKAT = 36,
        /// `mkdirat()`: `fd` (the directory), `addr` (the path), `len` (the mode). Kernel 5.15.
        IORING_OP_MKDIRAT = 37,
        /// `symlinkat()`: `addr` (the target), `fd` and `addr2` (directory and path of the link).
        /// Kernel 5.15.
        IORING_OP_SYMLINKAT = 38,
        /// `linkat()`: `fd` and `addr` (old directory and path), `len` and `addr2` (new ones),
        /// `hardlink_flags`. Kernel 5.15.
        IORING_OP_LINKAT = 39,
        /// Posts a completion on another ring or sends it a file: `fd` (that ring), `addr` (`IORING_MSG_*`), `len`,
        /// `off`, `msg_ring_flags`; for a file `addr3`, `file_index`. Kernel 5.18.
        IORING_OP_MSG_RING = 40,
        /// `fsetxattr()`: `fd`, `addr` (the name), `addr2` (the value), `len`, `xattr_flags`.
        /// Kernel 5.19.
        IORING_OP_FSETXATTR = 41,
        /// `setxattr()`: `addr3` (the path) instead of `fd`, otherwise as `IORING_OP_FSETXATTR`. Kernel 5.19.
        IORING_OP_SETXATTR = 42,
        /// `fgetxattr()`: `fd`, `addr` (the name), `addr2` (the buffer), `len`. Kernel 5.19.
        IORING_OP_FGETXATTR = 43,
        /// `getxattr()`: `addr3` (the path) instead of `fd`, otherwise as `IORING_OP_FGETXATTR`. Kernel 5.19.
        IORING_OP_GETXATTR = 44,
        /// `socket()`: `fd` (the domain), `off` (the type), `len` (the protocol), `file_index`.
        /// Kernel 5.19.
        IORING_OP_SOCKET = 45,
        /// A command for the file's driver, like `ioctl()`: `fd`, `cmd_op`, `cmd`, `uring_cmd_flags`. Kernel 5.19.
        IORING_OP_URING_CMD = 46,
        /// `IORING_OP_SEND` without copying the data, if possible.
        ///
        /// The kernel uses the buffer up to the last completion: if the first one has
        /// `IORING_CQE_F_MORE`, another with `IORING_CQE_F_NOTIF` follows. Kernel 6.0.
        IORING_OP_SEND_ZC = 47,
        /// `IORING_OP_SENDMSG` without copying the data: see `IORING_OP_SEND_ZC`. Kernel 6.1.
        IORING_OP_SENDMSG_ZC = 48,
        /// Reads repeatedly, each time into a provided buffer, and posts a completion for each: `fd`, `len` (0), `off`,
        /// `buf_group`. The file must support polling. Kernel 6.7.
        IORING_OP_READ_MULTISHOT = 49,
        /// `waitid()`: `len` (the type of the ID), `fd` (the ID), `addr2` (the `siginfo_t`), `file_index` (the
        /// options). Kernel 6.7.
        IORING_OP_WAITID = 50,
        /// `futex_wait()`: `addr` (the futex), `addr2` (the expected value), `addr3` (the bit mask), `fd` (`FUTEX2_*`).
        /// Kernel 6.7.
        IORING_OP_FUTEX_WAIT = 51,
        /// `futex_wake()`: `addr` (the futex), `addr2` (the number to wake), `addr3` (the bit mask), `fd` (`FUTEX2_*`).
        /// Kernel 6.7.
        IORING_OP_FUTEX_WAKE = 52,
        /// `futex_waitv()`: `addr` (array of `struct futex_waitv`), `len` (their number). Kernel 6.7.
        IORING_OP_FUTEX_WAITV = 53,
        /// Creates an ordinary file descriptor for a registered file: `fd` (its slot, with `IOSQE_FIXED_FILE`),
        /// `install_fd_flags`. Kernel 6.8.
        IORING_OP_FIXED_FD_INSTALL = 54,
        /// `ftruncate()`: `fd`, `off` (the length). Kernel 6.9.
        IORING_OP_FTRUNCATE = 55,
        /// `bind()`: `fd`, `addr`, `addr2` (the address length). Kernel 6.11.
        IORING_OP_BIND = 56,
        /// `listen()`: `fd`, `len` (the backlog). Kernel 6.11.
        IORING_OP_LISTEN = 57,
        /// Receives without copying, into the area of a receive context: `fd`, `zcrx_ifq_idx`,
        /// `len`, `ioprio`. Needs `IORING_RECV_MULTISHOT`. Kernel 6.15.
        IORING_OP_RECV_ZC = 58,
        /// `epoll_wait()`: `fd` (the epoll instance), `addr` (array of events), `len` (its size). Kernel 6.15.
        IORING_OP_EPOLL_WAIT = 59,
        /// `IORING_OP_READV` with vectors inside the registered buffer `buf_index`. Kernel 6.15.
        IORING_OP_READV_FIXED = 60,
        /// `IORING_OP_WRITEV` with vectors inside the registered buffer `buf_index`. Kernel 6.15.
        IORING_OP_WRITEV_FIXED = 61,
        /// `pipe2()`: `addr` (array of two `int`), `pipe_flags`, `file_index`. Kernel 6.16.
        IORING_OP_PIPE = 62,
        /// `IORING_OP_NOP` in a 128-byte entry. Kernel 6.19.
        IORING_OP_NOP128 = 63,
        /// `IORING_OP_URING_CMD` in a 128-byte entry, with 80 bytes of `cmd`. Kernel 6.19.
        IORING_OP_URING_CMD128 = 64,

        /// One more than the last operation that this header knows. Not an operation.
        IORING_OP_LAST,
    }
}
