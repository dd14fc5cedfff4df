//! Extended attributes.

use crate::inline::sqe::{io_uring_prep_rw, uring_ptr_to_u64};
use ironring_abi::ctypes::{__u32, c_char, c_int, c_uint};
use ironring_abi::uapi::{
    IORING_OP_FGETXATTR, IORING_OP_FSETXATTR, IORING_OP_GETXATTR, IORING_OP_SETXATTR, io_uring_sqe,
};

/// Prepares a `getxattr()` request: the attribute `name` of the file `path` into the `len` bytes at `value`.
///
/// With `len` 0 it returns only the size. `name` and `path` must stay valid until `io_uring_sq_ready()` returns 0,
/// `value` until the request completes. The completion's `res` is the size of the attribute or -errno: -ENODATA if
/// there is none, -ERANGE if `len` is too small.
/// Since liburing 2.2, kernel 5.19.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_getxattr(
    sqe: *mut io_uring_sqe,
    name: *const c_char,
    value: *mut c_char,
    path: *const c_char,
    len: c_uint,
) {
    io_uring_prep_rw(
        IORING_OP_GETXATTR,
        sqe,
        0,
        name.cast(),
        len,
        uring_ptr_to_u64(value.cast()),
    );
    (*sqe).anon_tail.anon_addr3.addr3 = uring_ptr_to_u64(path.cast());
    (*sqe).anon_flags.xattr_flags = 0;
}

/// Prepares a `setxattr()` request: the `len` bytes at `value` as the attribute `name` of the file `path`.
///
/// `flags` is 0, `XATTR_CREATE` or `XATTR_REPLACE`. `name`, `value` and `path` must stay valid until
/// `io_uring_sq_ready()` returns 0.
/// The completion's `res` is 0 or -errno.
/// Since liburing 2.2, kernel 5.19.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_setxattr(
    sqe: *mut io_uring_sqe,
    name: *const c_char,
    value: *const c_char,
    path: *const c_char,
    flags: c_int,
    len: c_uint,
) {
    io_uring_prep_rw(
        IORING_OP_SETXATTR,
        sqe,
        0,
        name.cast(),
        len,
        uring_ptr_to_u64(value.cast()),
    );
    (*sqe).anon_tail.anon_addr3.addr3 = uring_ptr_to_u64(path.cast());
    (*sqe).anon_flags.xattr_flags = flags as __u32;
}

/// Prepares an `fgetxattr()` request: the attribute `name` of the open file `fd` into the `len` bytes at `value`.
///
/// With `len` 0 it returns only the size. `name` must stay valid until `io_uring_sq_ready()` returns 0, `value` until
/// the request completes. The completion's `res` is the size of the attribute or -errno: -ENODATA if there is none,
/// -ERANGE if `len` is too small.
/// Since liburing 2.2, kernel 5.19.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_fgetxattr(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    name: *const c_char,
    value: *mut c_char,
    len: c_uint,
) {
    io_uring_prep_rw(
        IORING_OP_FGETXATTR,
        sqe,
        fd,
        name.cast(),
        len,
        uring_ptr_to_u64(value.cast()),
    );
    (*sqe).anon_flags.xattr_flags = 0;
}

/// Prepares an `fsetxattr()` request: the `len` bytes at `value` as the attribute `name` of the open file `fd`.
///
/// `flags` is 0, `XATTR_CREATE` or `XATTR_REPLACE`. `name` and `value` must stay valid until `io_uring_sq_ready()`
/// returns 0.
/// The completion's `res` is 0 or -errno.
/// Since liburing 2.2, kernel 5.19.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_fsetxattr(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    name: *const c_char,
    value: *const c_char,
    flags: c_int,
    len: c_uint,
) {
    io_uring_prep_rw(
        IORING_OP_FSETXATTR,
        sqe,
        fd,
        name.cast(),
        len,
        uring_ptr_to_u64(value.cast()),
    );
    (*sqe).anon_flags.xattr_flags = flags as __u32;
}
