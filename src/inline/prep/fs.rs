//! Opening and closing files, and other operations on files.

use core::ptr;

use libc::AT_FDCWD;

use crate::inline::sqe::{__io_uring_set_target_fixed_file, io_uring_prep_rw, uring_ptr_to_u64};
use ironring_abi::ctypes::{__u8, __u32, __u64, c_char, c_int, c_uint, c_void, loff_t, mode_t, off_t, open_how, statx};
use ironring_abi::uapi::{
    IORING_FILE_INDEX_ALLOC, IORING_OP_CLOSE, IORING_OP_FADVISE, IORING_OP_FALLOCATE, IORING_OP_FILES_UPDATE,
    IORING_OP_FIXED_FD_INSTALL, IORING_OP_FTRUNCATE, IORING_OP_MADVISE, IORING_OP_OPENAT, IORING_OP_OPENAT2,
    IORING_OP_PIPE, IORING_OP_STATX, IOSQE_FIXED_FILE, io_uring_sqe,
};

/// Prepares a request that replaces the registered files in `nr_fds` slots, starting at slot `offset`.
///
/// `fds` has the new descriptors: -1 empties a slot, `IORING_REGISTER_FILES_SKIP` leaves it unchanged. With
/// `IORING_FILE_INDEX_ALLOC` (-1) as `offset` the kernel picks free slots and overwrites the descriptors with their
/// numbers. The array must stay valid until the request completes. The completion's `res` is the number of slots
/// updated, or -errno if the first one failed. If it is less than `nr_fds`, the next slot failed. A given slot that
/// failed with -EBADF is empty afterwards.
/// Since liburing 2.0, kernel 5.6.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_files_update(
    sqe: *mut io_uring_sqe,
    fds: *mut c_int,
    nr_fds: c_uint,
    offset: c_int,
) {
    // Sign-extended, so that IORING_FILE_INDEX_ALLOC is passed correctly.
    io_uring_prep_rw(IORING_OP_FILES_UPDATE, sqe, -1, fds.cast(), nr_fds, offset as __u64);
}

/// Prepares an `fallocate()` request for `len` bytes at `offset` of `fd`.
///
/// `mode` is 0 to allocate space, or `FALLOC_FL_*` flags.
/// The completion's `res` is 0 or -errno.
/// Since liburing 2.0, kernel 5.6.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_fallocate(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    mode: c_int,
    offset: __u64,
    len: __u64,
) {
    io_uring_prep_rw(IORING_OP_FALLOCATE, sqe, fd, ptr::null(), mode as c_uint, offset);
    (*sqe).anon_addr.addr = len;
}

/// Prepares an `openat()` request for `path`, relative to the directory `dfd`.
///
/// `flags` and `mode` are those of `openat()`. `dfd` is an ordinary descriptor or `AT_FDCWD`, not a registered file.
/// `path` must stay valid until `io_uring_sq_ready()` returns 0. The completion's `res` is the new descriptor or
/// -errno.
/// Since liburing 2.0, kernel 5.6.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_openat(
    sqe: *mut io_uring_sqe,
    dfd: c_int,
    path: *const c_char,
    flags: c_int,
    mode: mode_t,
) {
    io_uring_prep_rw(IORING_OP_OPENAT, sqe, dfd, path.cast(), mode, 0);
    (*sqe).anon_flags.open_flags = flags as __u32;
}

/// Prepares an `openat()` request that stores the file in a slot of the registered files.
///
/// `file_index` is the slot, whose old file is replaced, or `IORING_FILE_INDEX_ALLOC` for any free slot (kernel 5.19).
/// `O_CLOEXEC` isn't accepted. `path` must stay valid until `io_uring_sq_ready()` returns 0. The completion's `res` is
/// 0, or the slot that was picked, or -errno: -EINVAL if there is no such slot, -ENFILE if none is free. If no files
/// are registered, it is -ENXIO, or -ENFILE with `IORING_FILE_INDEX_ALLOC`.
/// Since liburing 2.1, kernel 5.15.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_openat_direct(
    sqe: *mut io_uring_sqe,
    dfd: c_int,
    path: *const c_char,
    flags: c_int,
    mode: mode_t,
    mut file_index: c_uint,
) {
    io_uring_prep_openat(sqe, dfd, path, flags, mode);
    // IORING_FILE_INDEX_ALLOC isn't a slot and is passed to the kernel unchanged.
    if file_index == IORING_FILE_INDEX_ALLOC {
        file_index = IORING_FILE_INDEX_ALLOC - 1;
    }
    __io_uring_set_target_fixed_file(sqe, file_index);
}

/// Prepares an `open()` request for `path`.
///
/// `flags` and `mode` are those of `open()`. `path` must stay valid until `io_uring_sq_ready()` returns 0.
/// The completion's `res` is the new descriptor or -errno.
/// Since liburing 2.8, kernel 5.6.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_open(sqe: *mut io_uring_sqe, path: *const c_char, flags: c_int, mode: mode_t) {
    io_uring_prep_openat(sqe, AT_FDCWD, path, flags, mode);
}

/// Prepares an `open()` request that stores the file in a slot of the registered files.
///
/// `file_index` is as for `io_uring_prep_openat_direct()`, and `O_CLOEXEC` isn't accepted. `path` must stay valid until
/// `io_uring_sq_ready()` returns 0. The completion's `res` is 0, or the slot that was picked, or -errno, as for
/// `io_uring_prep_openat_direct()`.
/// Since liburing 2.8, kernel 5.15.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_open_direct(
    sqe: *mut io_uring_sqe,
    path: *const c_char,
    flags: c_int,
    mode: mode_t,
    file_index: c_uint,
) {
    io_uring_prep_openat_direct(sqe, AT_FDCWD, path, flags, mode, file_index);
}

/// Prepares an `openat2()` request for `path`, relative to the directory `dfd`, with the options in `how`.
///
/// `dfd` is an ordinary descriptor or `AT_FDCWD`, not a registered file. `path` and `how` must stay valid until
/// `io_uring_sq_ready()` returns 0. The completion's `res` is the new descriptor or -errno.
/// Since liburing 2.0, kernel 5.6.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_openat2(
    sqe: *mut io_uring_sqe,
    dfd: c_int,
    path: *const c_char,
    how: *const open_how,
) {
    io_uring_prep_rw(
        IORING_OP_OPENAT2,
        sqe,
        dfd,
        path.cast(),
        size_of::<open_how>() as c_uint,
        uring_ptr_to_u64(how.cast()),
    );
}

/// Prepares an `openat2()` request that stores the file in a slot of the registered files.
///
/// `file_index` is as for `io_uring_prep_openat_direct()`, and `O_CLOEXEC` isn't accepted. `path` and `how` must stay
/// valid until `io_uring_sq_ready()` returns 0. The completion's `res` is 0, or the slot that was picked, or -errno, as
/// for `io_uring_prep_openat_direct()`.
/// Since liburing 2.1, kernel 5.15.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_openat2_direct(
    sqe: *mut io_uring_sqe,
    dfd: c_int,
    path: *const c_char,
    how: *const open_how,
    mut file_index: c_uint,
) {
    io_uring_prep_openat2(sqe, dfd, path, how);
    // IORING_FILE_INDEX_ALLOC isn't a slot and is passed to the kernel unchanged.
    if file_index == IORING_FILE_INDEX_ALLOC {
        file_index = IORING_FILE_INDEX_ALLOC - 1;
    }
    __io_uring_set_target_fixed_file(sqe, file_index);
}

/// Prepares a `close()` request for the descriptor `fd`.
///
/// A ring's descriptor can't be closed in this way: the result is -EBADF. The completion's `res` is 0 or -errno.
/// Since liburing 2.0, kernel 5.6.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_close(sqe: *mut io_uring_sqe, fd: c_int) {
    io_uring_prep_rw(IORING_OP_CLOSE, sqe, fd, ptr::null(), 0, 0);
}

/// Prepares a request that closes the registered file in the slot `file_index`.
///
/// Never pass `IORING_FILE_INDEX_ALLOC`: it wraps to 0 and closes descriptor 0. Don't set `IOSQE_FIXED_FILE` in `sqe`:
/// it gives -EBADF. The completion's `res` is 0, -EBADF if the slot is empty, -EINVAL if there is no such slot, or
/// -ENXIO if no files are registered.
/// Since liburing 2.2, kernel 5.15.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_close_direct(sqe: *mut io_uring_sqe, file_index: c_uint) {
    io_uring_prep_close(sqe, 0);
    __io_uring_set_target_fixed_file(sqe, file_index);
}

/// Prepares a `statx()` request for `path`, relative to the directory `dfd`, into `statxbuf`.
///
/// `flags` are `AT_*`; the `STATX_*` bits of `mask` are the requested fields. `path` must stay valid until
/// `io_uring_sq_ready()` returns 0 (before kernel 5.18, until the request completes), `statxbuf` until the request
/// completes. The completion's `res` is 0 or -errno.
/// Since liburing 2.0, kernel 5.6.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_statx(
    sqe: *mut io_uring_sqe,
    dfd: c_int,
    path: *const c_char,
    flags: c_int,
    mask: c_uint,
    statxbuf: *mut statx,
) {
    io_uring_prep_rw(
        IORING_OP_STATX,
        sqe,
        dfd,
        path.cast(),
        mask,
        uring_ptr_to_u64(statxbuf.cast()),
    );
    (*sqe).anon_flags.statx_flags = flags as __u32;
}

/// Prepares a `posix_fadvise()` request for `len` bytes at `offset` of `fd`.
///
/// `len` 0 means to the end of the file. `advice` is one of `POSIX_FADV_*`. The completion's `res` is 0 or -errno.
/// Since liburing 2.0, kernel 5.6.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_fadvise(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    offset: __u64,
    len: __u32,
    advice: c_int,
) {
    io_uring_prep_rw(IORING_OP_FADVISE, sqe, fd, ptr::null(), len, offset);
    (*sqe).anon_flags.fadvise_advice = advice as __u32;
}

/// Prepares a `madvise()` request for `length` bytes of memory at `addr`.
///
/// `advice` is one of `MADV_*`.
/// The completion's `res` is 0 or -errno.
/// Since liburing 2.0, kernel 5.6.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_madvise(
    sqe: *mut io_uring_sqe,
    addr: *mut c_void,
    length: __u32,
    advice: c_int,
) {
    io_uring_prep_rw(IORING_OP_MADVISE, sqe, -1, addr, length, 0);
    (*sqe).anon_flags.fadvise_advice = advice as __u32;
}

/// Prepares a `posix_fadvise()` request like `io_uring_prep_fadvise()`, with a 64-bit length.
///
/// `len` 0 means to the end of the file. `advice` is one of `POSIX_FADV_*`. The completion's `res` is 0 or -errno:
/// -EINVAL before kernel 6.11, which only has the 32-bit length.
/// Since liburing 2.7, kernel 6.11.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_fadvise64(
    sqe: *mut io_uring_sqe,
    fd: c_int,
    offset: __u64,
    len: off_t,
    advice: c_int,
) {
    io_uring_prep_rw(IORING_OP_FADVISE, sqe, fd, ptr::null(), 0, offset);
    (*sqe).anon_addr.addr = len as __u64;
    (*sqe).anon_flags.fadvise_advice = advice as __u32;
}

/// Prepares a `madvise()` request like `io_uring_prep_madvise()`, with a 64-bit length.
///
/// `advice` is one of `MADV_*`. The completion's `res` is 0 or -errno: -EINVAL before kernel 6.11, which only has the
/// 32-bit length.
/// Since liburing 2.7, kernel 6.11.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_madvise64(
    sqe: *mut io_uring_sqe,
    addr: *mut c_void,
    length: off_t,
    advice: c_int,
) {
    io_uring_prep_rw(IORING_OP_MADVISE, sqe, -1, addr, 0, length as __u64);
    (*sqe).anon_flags.fadvise_advice = advice as __u32;
}

/// Prepares a request that creates an ordinary descriptor for the registered file in the slot `fd`.
///
/// The registered file stays. The descriptor is close-on-exec unless `flags` is `IORING_FIXED_FD_NO_CLOEXEC`.
/// Overwrites `sqe`'s flags with `IOSQE_FIXED_FILE`: set others afterwards. The completion's `res` is the new
/// descriptor or -errno: -EBADF if the slot is empty, -EPERM if `sqe->personality` is set.
/// Since liburing 2.6, kernel 6.8.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_fixed_fd_install(sqe: *mut io_uring_sqe, fd: c_int, flags: c_uint) {
    io_uring_prep_rw(IORING_OP_FIXED_FD_INSTALL, sqe, fd, ptr::null(), 0, 0);
    (*sqe).flags = IOSQE_FIXED_FILE as __u8;
    (*sqe).anon_flags.install_fd_flags = flags;
}

/// Prepares an `ftruncate()` request that sets the length of `fd` to `len` bytes.
///
/// The completion's `res` is 0 or -errno.
/// Needs _GNU_SOURCE.
/// Since liburing 2.6, kernel 6.9.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[allow(clippy::doc_markdown, reason = "the generator looks for the bare name")]
pub unsafe extern "C" fn io_uring_prep_ftruncate(sqe: *mut io_uring_sqe, fd: c_int, len: loff_t) {
    io_uring_prep_rw(IORING_OP_FTRUNCATE, sqe, fd, ptr::null(), 0, len as __u64);
}

/// Prepares a `pipe2()` request: `fds[0]` gets the read end of a new pipe, `fds[1]` the write end.
///
/// `pipe_flags` are those of `pipe2()`. `fds` has two elements, and must stay valid until the request completes. The
/// completion's `res` is 0 or -errno.
/// Since liburing 2.12, kernel 6.16.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_pipe(sqe: *mut io_uring_sqe, fds: *mut c_int, pipe_flags: c_int) {
    io_uring_prep_rw(IORING_OP_PIPE, sqe, 0, fds.cast(), 0, 0);
    (*sqe).anon_flags.pipe_flags = pipe_flags as __u32;
}

/// Prepares a `pipe2()` request that stores the ends of the pipe in slots of the registered files.
///
/// The read end is stored in the slot `file_index`, the write end in the next one; with `IORING_FILE_INDEX_ALLOC` the
/// kernel picks two free slots. The slots are written to `fds[0]` and `fds[1]`, which must stay valid until the request
/// completes. `O_CLOEXEC` isn't accepted. The completion's `res` is 0 or -errno: -ENFILE if too few are free, -EINVAL
/// if there is no such slot. If no files are registered, it is -ENXIO, or -ENFILE with `IORING_FILE_INDEX_ALLOC`. If
/// the second slot fails, the first is empty afterwards.
/// Since liburing 2.12, kernel 6.16.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_prep_pipe_direct(
    sqe: *mut io_uring_sqe,
    fds: *mut c_int,
    pipe_flags: c_int,
    mut file_index: c_uint,
) {
    io_uring_prep_pipe(sqe, fds, pipe_flags);
    // IORING_FILE_INDEX_ALLOC isn't a slot and is passed to the kernel unchanged.
    if file_index == IORING_FILE_INDEX_ALLOC {
        file_index = IORING_FILE_INDEX_ALLOC - 1;
    }
    __io_uring_set_target_fixed_file(sqe, file_index);
}
