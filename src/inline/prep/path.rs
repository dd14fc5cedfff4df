//! The operations on names: unlink, rename, mkdir, symlink, link.

use libc::AT_FDCWD;

use crate::inline::sqe::{io_uring_prep_rw, uring_ptr_to_u64};
use ironring_abi::ctypes::{__u32, c_char, c_int, c_uint, mode_t};
use ironring_abi::uapi::{
    IORING_OP_LINKAT, IORING_OP_MKDIRAT, IORING_OP_RENAMEAT, IORING_OP_SYMLINKAT, IORING_OP_UNLINKAT, io_uring_sqe,
};

/// Prepares an `unlinkat()` request for `path`, relative to the directory `dfd`.
///
/// `flags` is 0 for a file, `AT_REMOVEDIR` for a directory. `path` must stay valid until `io_uring_sq_ready()`
/// returns 0.
/// The completion's `res` is 0 or -errno.
/// Since liburing 2.0, kernel 5.11.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_unlinkat(sqe: *mut io_uring_sqe, dfd: c_int, path: *const c_char, flags: c_int) {
    io_uring_prep_rw(IORING_OP_UNLINKAT, sqe, dfd, path.cast(), 0, 0);
    (*sqe).anon_flags.unlink_flags = flags as __u32;
}

/// Prepares a request that removes `path`.
///
/// `flags` is 0 for a file, `AT_REMOVEDIR` for a directory. `path` must stay valid until `io_uring_sq_ready()`
/// returns 0.
/// The completion's `res` is 0 or -errno.
/// Since liburing 2.2, kernel 5.11.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_unlink(sqe: *mut io_uring_sqe, path: *const c_char, flags: c_int) {
    io_uring_prep_unlinkat(sqe, AT_FDCWD, path, flags);
}

/// Prepares a `renameat2()` request from `oldpath`, relative to `olddfd`, to `newpath`, relative to `newdfd`.
///
/// `flags` are `RENAME_*`. Both paths must stay valid until `io_uring_sq_ready()` returns 0.
/// The completion's `res` is 0 or -errno. An error doesn't break a chain of links: see `IOSQE_IO_LINK`.
/// Since liburing 2.0, kernel 5.11.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_renameat(
    sqe: *mut io_uring_sqe,
    olddfd: c_int,
    oldpath: *const c_char,
    newdfd: c_int,
    newpath: *const c_char,
    flags: c_uint,
) {
    io_uring_prep_rw(
        IORING_OP_RENAMEAT,
        sqe,
        olddfd,
        oldpath.cast(),
        newdfd as __u32,
        uring_ptr_to_u64(newpath.cast()),
    );
    (*sqe).anon_flags.rename_flags = flags;
}

/// Prepares a `rename()` request from `oldpath` to `newpath`.
///
/// Both paths must stay valid until `io_uring_sq_ready()` returns 0.
/// The completion's `res` is 0 or -errno. An error doesn't break a chain of links: see `IOSQE_IO_LINK`.
/// Since liburing 2.2, kernel 5.11.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_rename(sqe: *mut io_uring_sqe, oldpath: *const c_char, newpath: *const c_char) {
    io_uring_prep_renameat(sqe, AT_FDCWD, oldpath, AT_FDCWD, newpath, 0);
}

/// Prepares a `mkdirat()` request for `path`, relative to the directory `dfd`.
///
/// `path` must stay valid until `io_uring_sq_ready()` returns 0.
/// The completion's `res` is 0 or -errno.
/// Since liburing 2.1, kernel 5.15.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_mkdirat(sqe: *mut io_uring_sqe, dfd: c_int, path: *const c_char, mode: mode_t) {
    io_uring_prep_rw(IORING_OP_MKDIRAT, sqe, dfd, path.cast(), mode, 0);
}

/// Prepares a `mkdir()` request for `path`.
///
/// `path` must stay valid until `io_uring_sq_ready()` returns 0.
/// The completion's `res` is 0 or -errno.
/// Since liburing 2.2, kernel 5.15.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_mkdir(sqe: *mut io_uring_sqe, path: *const c_char, mode: mode_t) {
    io_uring_prep_mkdirat(sqe, AT_FDCWD, path, mode);
}

/// Prepares a `symlinkat()` request for a link to `target` named `linkpath`, relative to `newdirfd`.
///
/// Both strings must stay valid until `io_uring_sq_ready()` returns 0.
/// The completion's `res` is 0 or -errno.
/// Since liburing 2.1, kernel 5.15.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_symlinkat(
    sqe: *mut io_uring_sqe,
    target: *const c_char,
    newdirfd: c_int,
    linkpath: *const c_char,
) {
    io_uring_prep_rw(
        IORING_OP_SYMLINKAT,
        sqe,
        newdirfd,
        target.cast(),
        0,
        uring_ptr_to_u64(linkpath.cast()),
    );
}

/// Prepares a `symlink()` request for a link to `target` named `linkpath`.
///
/// Both strings must stay valid until `io_uring_sq_ready()` returns 0.
/// The completion's `res` is 0 or -errno.
/// Since liburing 2.2, kernel 5.15.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_symlink(sqe: *mut io_uring_sqe, target: *const c_char, linkpath: *const c_char) {
    io_uring_prep_symlinkat(sqe, target, AT_FDCWD, linkpath);
}

/// Prepares a `linkat()` request: a new name `newpath`, relative to `newdfd`, for `oldpath`, relative to `olddfd`.
///
/// `flags` are `AT_SYMLINK_FOLLOW` and `AT_EMPTY_PATH`. Both paths must stay valid until `io_uring_sq_ready()`
/// returns 0.
/// The completion's `res` is 0 or -errno.
/// Since liburing 2.1, kernel 5.15.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_linkat(
    sqe: *mut io_uring_sqe,
    olddfd: c_int,
    oldpath: *const c_char,
    newdfd: c_int,
    newpath: *const c_char,
    flags: c_int,
) {
    io_uring_prep_rw(
        IORING_OP_LINKAT,
        sqe,
        olddfd,
        oldpath.cast(),
        newdfd as __u32,
        uring_ptr_to_u64(newpath.cast()),
    );
    (*sqe).anon_flags.hardlink_flags = flags as __u32;
}

/// Prepares a `link()` request: a new name `newpath` for the file `oldpath`.
///
/// `flags` are those of `linkat()`. Both paths must stay valid until `io_uring_sq_ready()` returns 0.
/// The completion's `res` is 0 or -errno.
/// Since liburing 2.2, kernel 5.15.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_link(
    sqe: *mut io_uring_sqe,
    oldpath: *const c_char,
    newpath: *const c_char,
    flags: c_int,
) {
    io_uring_prep_linkat(sqe, AT_FDCWD, oldpath, AT_FDCWD, newpath, flags);
}
