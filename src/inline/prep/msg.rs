//! Messages from one ring to another.

use core::ptr;

use crate::abi::{
    IORING_FILE_INDEX_ALLOC, IORING_MSG_RING_FLAGS_PASS, IORING_MSG_SEND_FD, IORING_OP_MSG_RING, io_uring_sqe,
};
use crate::ctypes::{__u64, c_int, c_uint, c_void, uintptr_t};
use crate::inline::sqe::{__io_uring_set_target_fixed_file, io_uring_prep_rw};

/// Prepares a message like that of `io_uring_prep_msg_ring()`, which also sets the flags of the CQE.
///
/// The CQE on the ring `fd` has `len` as its `res`, `data` as its user data and `cqe_flags` as its flags.
/// Each flag keeps its meaning there: with `IORING_CQE_F_SKIP`, for one, the CQE is passed over. `flags`
/// must be 0.
/// The completion's `res` is 0 or -errno, as with `io_uring_prep_msg_ring()`.
/// Since liburing 2.4, kernel 6.3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_prep_msg_ring_cqe_flags(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    len: c_uint,
    data: __u64,
    flags: c_uint,
    cqe_flags: c_uint,
) {
    io_uring_prep_rw(IORING_OP_MSG_RING, sqe, fd, ptr::null(), len, data);
    (*sqe).anon_flags.msg_ring_flags = IORING_MSG_RING_FLAGS_PASS | flags;
    (*sqe).anon_file.file_index = cqe_flags;
}

/// Prepares a message to the ring `fd`: a CQE there with `len` as its `res` and `data` as its user data.
///
/// `fd` is the descriptor of any ring, the sending one included. `flags` must be 0.
/// The completion's `res` is 0 or -errno: -EBADFD when `fd` is no ring, or one that isn't enabled yet,
/// -EOVERFLOW when no CQE could be posted there.
/// Since liburing 2.2, kernel 5.18.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_prep_msg_ring(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    len: c_uint,
    data: __u64,
    flags: c_uint,
) {
    io_uring_prep_rw(IORING_OP_MSG_RING, sqe, fd, ptr::null(), len, data);
    (*sqe).anon_flags.msg_ring_flags = flags;
}

/// Prepares a send of a registered file to another ring.
///
/// `source_fd` is the file's slot in this ring, `target_fd` the slot it gets in the ring `fd`, or
/// `IORING_FILE_INDEX_ALLOC` for any free one. A CQE with `data` as its user data is posted there, with 0
/// or the picked slot as its `res`, unless `flags` has `IORING_MSG_RING_CQE_SKIP`.
/// The completion's `res` is the same, or -errno: -EBADF when there is no such file, -EINVAL when both
/// rings are one, -ENFILE when no slot is free, -ENXIO when the other ring has no table for a named slot,
/// -EOVERFLOW when the file went over but not the CQE.
/// Since liburing 2.4, kernel 6.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_prep_msg_ring_fd(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    source_fd: c_int,
    mut target_fd: c_int,
    data: __u64,
    flags: c_uint,
) {
    // The kernel reads the kind of message from the address.
    io_uring_prep_rw(
        IORING_OP_MSG_RING,
        sqe,
        fd,
        IORING_MSG_SEND_FD as uintptr_t as *mut c_void,
        0,
        data,
    );
    (*sqe).anon_tail.anon_addr3.addr3 = source_fd as __u64;
    // IORING_FILE_INDEX_ALLOC isn't a slot, and goes to the kernel unchanged.
    if target_fd as c_uint == IORING_FILE_INDEX_ALLOC {
        target_fd -= 1;
    }
    __io_uring_set_target_fixed_file(sqe, target_fd as c_uint);
    (*sqe).anon_flags.msg_ring_flags = flags;
}

/// Prepares a send of a registered file to another ring, into a slot that the kernel picks there.
///
/// The same as `io_uring_prep_msg_ring_fd()` with `IORING_FILE_INDEX_ALLOC`.
/// The completion's `res`, here and in the CQE on the ring `fd`, is the slot that was picked; here it
/// may be -errno too, -ENFILE when none is free.
/// Since liburing 2.4, kernel 6.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_prep_msg_ring_fd_alloc(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    source_fd: c_int,
    data: __u64,
    flags: c_uint,
) {
    io_uring_prep_msg_ring_fd(sqe, fd, source_fd, IORING_FILE_INDEX_ALLOC as c_int, data, flags);
}
