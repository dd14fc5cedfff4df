//! Messages from one ring to another.

use core::ptr;

use crate::inline::sqe::{__io_uring_set_target_fixed_file, io_uring_prep_rw};
use ironring_abi::barrier::release_data;
use ironring_abi::ctypes::{__u64, c_int, c_uint, c_void, uintptr_t};
use ironring_abi::uapi::{
    IORING_FILE_INDEX_ALLOC, IORING_MSG_RING_FLAGS_PASS, IORING_MSG_SEND_FD, IORING_OP_MSG_RING, io_uring_sqe,
};

/// Prepares a message request like `io_uring_prep_msg_ring()` that also sets the flags of the CQE.
///
/// The CQE on the ring `fd` has `len` as its `res`, `data` as its user data and `cqe_flags` as its flags. Each flag
/// keeps its meaning there: a CQE with `IORING_CQE_F_SKIP`, for example, is skipped. `flags` must be 0. The
/// completion's `res` is 0 or -errno, as for `io_uring_prep_msg_ring()`.
/// Since liburing 2.4, kernel 6.3.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_msg_ring_cqe_flags(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    len: c_uint,
    data: __u64,
    flags: c_uint,
    cqe_flags: c_uint,
) {
    release_data(data);
    io_uring_prep_rw(IORING_OP_MSG_RING, sqe, fd, ptr::null(), len, data);
    (*sqe).anon_flags.msg_ring_flags = IORING_MSG_RING_FLAGS_PASS | flags;
    (*sqe).anon_file.file_index = cqe_flags;
}

/// Prepares a request that posts a CQE on the ring `fd`, with `len` as its `res` and `data` as its user data.
///
/// `fd` is the descriptor of any ring, including the sending one. `flags` must be 0. The completion's `res` is 0 or
/// -errno: -EBADFD if `fd` is not a ring, or is a ring that isn't enabled yet, -EOVERFLOW if the CQE could not be
/// posted there.
/// Since liburing 2.2, kernel 5.18.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_msg_ring(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    len: c_uint,
    data: __u64,
    flags: c_uint,
) {
    release_data(data);
    io_uring_prep_rw(IORING_OP_MSG_RING, sqe, fd, ptr::null(), len, data);
    (*sqe).anon_flags.msg_ring_flags = flags;
}

/// Prepares a request that sends a registered file to another ring.
///
/// `source_fd` is the file's slot in this ring, `target_fd` the slot it gets in the ring `fd`, or
/// `IORING_FILE_INDEX_ALLOC` for any free slot. A CQE with `data` as its user data is posted there, with 0 or the
/// picked slot as its `res`, unless `flags` has `IORING_MSG_RING_CQE_SKIP`. The completion's `res` is the same, or
/// -errno: -EBADF if there is no such file, -EINVAL if both rings are the same, -ENFILE if no slot is free, -ENXIO if
/// the other ring has no table for a given slot, -EOVERFLOW if the file was sent but the CQE could not be posted.
/// Since liburing 2.4, kernel 6.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_msg_ring_fd(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    source_fd: c_int,
    mut target_fd: c_int,
    data: __u64,
    flags: c_uint,
) {
    release_data(data);
    // The address field selects the kind of message.
    io_uring_prep_rw(
        IORING_OP_MSG_RING,
        sqe,
        fd,
        IORING_MSG_SEND_FD as uintptr_t as *mut c_void,
        0,
        data,
    );
    (*sqe).anon_tail.anon_addr3.addr3 = source_fd as __u64;
    // IORING_FILE_INDEX_ALLOC isn't a slot and is passed to the kernel unchanged.
    if target_fd as c_uint == IORING_FILE_INDEX_ALLOC {
        target_fd -= 1;
    }
    __io_uring_set_target_fixed_file(sqe, target_fd as c_uint);
    (*sqe).anon_flags.msg_ring_flags = flags;
}

/// Prepares a request that sends a registered file to another ring, into a slot that the kernel picks.
///
/// The same as `io_uring_prep_msg_ring_fd()` with `IORING_FILE_INDEX_ALLOC`. The completion's `res`, here and in the
/// CQE on the ring `fd`, is the slot that was picked; here it may also be -errno, -ENFILE if none is free.
/// Since liburing 2.4, kernel 6.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_msg_ring_fd_alloc(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    source_fd: c_int,
    data: __u64,
    flags: c_uint,
) {
    io_uring_prep_msg_ring_fd(sqe, fd, source_fd, IORING_FILE_INDEX_ALLOC as c_int, data, flags);
}
