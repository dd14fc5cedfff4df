//! The submission queue entry: the base of every prep helper, and the fields that any request may set.

use crate::abi::{IORING_SETUP_SQE128, io_uring_sqe};
use crate::barrier::release_data;
use crate::ctypes::{__u8, __u16, __u64, c_int, c_uint, c_void, uintptr_t};
use crate::types::io_uring;

/// Converts a pointer to the 64-bit number that the kernel's structures hold.
///
/// A 32-bit pointer is extended with zeros, never with its top bit.
/// Local to the header.
/// Since liburing 2.12.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn uring_ptr_to_u64(ptr: *const c_void) -> __u64 {
    ptr as uintptr_t as __u64
}

/// Attaches the pointer `data` to a request; each of its completions gives it back.
///
/// Neither `io_uring_get_sqe()` nor a prep helper clears `user_data`: without this call, or
/// `io_uring_sqe_set_data64()`, the request carries what the slot held before.
/// The library never dereferences the pointer. Read it with `io_uring_cqe_get_data()`.
/// Since liburing 2.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_sqe_set_data(sqe: *mut io_uring_sqe, data: *mut c_void) {
    release_data(uring_ptr_to_u64(data));
    (*sqe).user_data = uring_ptr_to_u64(data);
}

/// Attaches the number `data` to a request; each of its completions gives it back.
///
/// It takes the place of the pointer of `io_uring_sqe_set_data()`: both live in `user_data`.
/// The value `LIBURING_UDATA_TIMEOUT` (all bits set) is the library's own on kernels before 5.11.
/// Since liburing 2.2.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_sqe_set_data64(sqe: *mut io_uring_sqe, data: __u64) {
    release_data(data);
    (*sqe).user_data = data;
}

/// Sets a request's `IOSQE_*` flags.
///
/// Replaces all flags set before, those of the few prep helpers that set some themselves included.
/// Only the low 8 bits of `flags` are kept.
/// Since liburing 2.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_sqe_set_flags(sqe: *mut io_uring_sqe, flags: c_uint) {
    (*sqe).flags = flags as __u8;
}

/// Names the buffer group that a request with `IOSQE_BUFFER_SELECT` takes its buffer from.
///
/// `bgid` is the ID that the group was registered or provided with; the low 16 bits are kept.
/// The field is also the index of a registered buffer: a request uses one of the two.
/// Since liburing 2.9, kernel 5.7.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_sqe_set_buf_group(sqe: *mut io_uring_sqe, bgid: c_int) {
    (*sqe).anon_buf.buf_group = bgid as __u16;
}

/// Names the slot of the registered file table that a request puts its new file into.
///
/// The field holds `file_index + 1`, as 0 there means an ordinary file descriptor.
/// `IORING_FILE_INDEX_ALLOC - 1` asks the kernel for any free slot.
/// Local to the header.
/// Since liburing 2.1, kernel 5.15.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn __io_uring_set_target_fixed_file(sqe: *mut io_uring_sqe, file_index: c_uint) {
    (*sqe).anon_file.file_index = file_index.wrapping_add(1);
}

/// Clears the fields of a slot that a prep helper may leave untouched.
///
/// These are the flags, `ioprio`, the request's own flags, the buffer index, the personality, the file index,
/// `addr3` and the word after it; not `user_data`, and not what `io_uring_prep_rw()` sets.
/// `io_uring_get_sqe()` has done it already; call it to use the same SQE again, or one of your own.
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

/// Sets the five fields that most requests are made of; nearly every prep helper starts with it.
///
/// `op` is an `IORING_OP_*`, of which the low 8 bits are kept. What `addr`, `len` and `offset` mean depends on it.
/// No other field is written.
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

/// Returns how far to shift an SQE's index, given the ring's `IORING_SETUP_*` flags.
///
/// 1 when every SQE has 128 bytes (`IORING_SETUP_SQE128`), else 0: the SQE at `index` is
/// `&sq.sqes[(index & sq.ring_mask) << shift]`.
/// Since liburing 2.10.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub extern "C" fn io_uring_sqe_shift_from_flags(flags: c_uint) -> c_uint {
    c_uint::from((flags & IORING_SETUP_SQE128) != 0)
}

/// Returns how far to shift an index into the ring's SQEs.
///
/// As `io_uring_sqe_shift_from_flags()`, with the flags that `ring` was set up with.
/// Since liburing 2.10.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_sqe_shift(ring: *const io_uring) -> c_uint {
    io_uring_sqe_shift_from_flags((*ring).flags)
}
