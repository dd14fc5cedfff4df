//! The submission queue entry: the common part of all prep helpers, and the fields that any request may set.

use ironring_abi::barrier::release_data;
use ironring_abi::ctypes::{__u8, __u16, __u64, c_int, c_uint, c_void, uintptr_t};
use ironring_abi::types::io_uring;
use ironring_abi::uapi::{IORING_SETUP_SQE128, io_uring_sqe};

/// Converts a pointer to a 64-bit number, as in the kernel's structures.
///
/// A 32-bit pointer is zero-extended, not sign-extended. Local to the header.
/// Since liburing 2.12.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn uring_ptr_to_u64(ptr: *const c_void) -> __u64 {
    ptr as uintptr_t as __u64
}

/// Stores the pointer `data` in a request; each of its completions returns it.
///
/// Neither `io_uring_get_sqe()` nor a prep helper clears `user_data`: without this call, or
/// `io_uring_sqe_set_data64()`, the request has the slot's previous value. The library never dereferences the pointer.
/// Read it with `io_uring_cqe_get_data()`.
/// Since liburing 2.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_sqe_set_data(sqe: *mut io_uring_sqe, data: *mut c_void) {
    release_data(uring_ptr_to_u64(data));
    (*sqe).user_data = uring_ptr_to_u64(data);
}

/// Stores the number `data` in a request; each of its completions returns it.
///
/// It replaces the pointer of `io_uring_sqe_set_data()`: both are stored in `user_data`. The value
/// `LIBURING_UDATA_TIMEOUT` (all bits set) is reserved for the library on kernels before 5.11.
/// Since liburing 2.2.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_sqe_set_data64(sqe: *mut io_uring_sqe, data: __u64) {
    release_data(data);
    (*sqe).user_data = data;
}

/// Sets a request's `IOSQE_*` flags.
///
/// Overwrites all flags, including those that a few prep helpers set themselves. Only the low 8 bits of `flags` are
/// used.
/// Since liburing 2.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_sqe_set_flags(sqe: *mut io_uring_sqe, flags: c_uint) {
    (*sqe).flags = flags as __u8;
}

/// Sets the buffer group from which a request with `IOSQE_BUFFER_SELECT` picks its buffer.
///
/// `bgid` is the ID of the group; only the low 16 bits are used. The field shares its memory with the index of a
/// registered buffer: a request uses one of the two.
/// Since liburing 2.9, kernel 5.7.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_sqe_set_buf_group(sqe: *mut io_uring_sqe, bgid: c_int) {
    (*sqe).anon_buf.buf_group = bgid as __u16;
}

/// Sets the slot of the registered files in which a request stores its new file.
///
/// The field is `file_index + 1`, as 0 means an ordinary file descriptor. With `IORING_FILE_INDEX_ALLOC - 1` the kernel
/// picks a free slot. Local to the header.
/// Since liburing 2.1, kernel 5.15.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn __io_uring_set_target_fixed_file(sqe: *mut io_uring_sqe, file_index: c_uint) {
    (*sqe).anon_file.file_index = file_index.wrapping_add(1);
}

/// Clears the fields of an SQE that prep helpers may not set.
///
/// These are the flags, `ioprio`, the request's own flags, the buffer index, the personality, the file index, `addr3`
/// and the word after it; not `user_data`, and not what `io_uring_prep_rw()` sets. `io_uring_get_sqe()` does it
/// already; call it to reuse an SQE, or for an SQE in the program's own memory.
/// Since liburing 2.6.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_initialize_sqe(sqe: *mut io_uring_sqe) {
    (*sqe).flags = 0;
    (*sqe).ioprio = 0;
    (*sqe).anon_flags.rw_flags = 0;
    (*sqe).anon_buf.buf_index = 0;
    (*sqe).personality = 0;
    (*sqe).anon_file.file_index = 0;
    (*sqe).anon_tail.anon_addr3.addr3 = 0;
    (*sqe).anon_tail.anon_addr3.__pad2[0] = 0;
}

/// Sets the five fields common to most requests; nearly every prep helper calls it first.
///
/// `op` is an `IORING_OP_*`; only the low 8 bits are used. The meaning of `addr`, `len` and `offset` depends on it. No
/// other field is written.
/// Since liburing 2.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_rw(
    op: c_int,
    sqe: *mut io_uring_sqe,
    fd: c_int,
    addr: *const c_void,
    len: c_uint,
    offset: __u64,
) {
    (*sqe).opcode = op as __u8;
    (*sqe).fd = fd;
    (*sqe).anon_off.off = offset;
    (*sqe).anon_addr.addr = uring_ptr_to_u64(addr);
    (*sqe).len = len;
}

/// Returns the shift of an SQE's index for the given `IORING_SETUP_*` flags of a ring.
///
/// 1 if every SQE has 128 bytes (`IORING_SETUP_SQE128`), otherwise 0: the SQE at `index` is
/// `&sq.sqes[(index & sq.ring_mask) << shift]`.
/// Since liburing 2.10.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub extern "C" fn io_uring_sqe_shift_from_flags(flags: c_uint) -> c_uint {
    c_uint::from((flags & IORING_SETUP_SQE128) != 0)
}

/// Returns the shift of an index into the ring's SQEs.
///
/// The same as `io_uring_sqe_shift_from_flags()` with the flags of `ring`.
/// Since liburing 2.10.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_sqe_shift(ring: *const io_uring) -> c_uint {
    io_uring_sqe_shift_from_flags((*ring).flags)
}
