//! Registered files and buffers.

use crate::register::raise_nofile;
use crate::ring::{int_flags, register, register_often};
use core::ptr::null;
use ironring_abi::ctypes::{__u64, c_int, c_uint, c_void, iovec};
use ironring_abi::types::io_uring;
use ironring_abi::uapi::*;
use libc::EMFILE;

/// Registers a table with tags. As in [`register`], with this order of parameters the callers needn't move them.
#[inline(never)]
unsafe fn register_table(
    ring: *const io_uring,
    data: *const c_void,
    tags: *const __u64,
    nr: c_uint,
    flags: c_uint,
    opcode: c_uint,
) -> c_int {
    let arg = io_uring_rsrc_register {
        nr,
        flags,
        resv2: 0,
        data: data as usize as u64,
        tags: tags as usize as u64,
    };
    let size = size_of_val(&arg) as c_uint;
    let raise = if opcode == IORING_REGISTER_FILES2 { nr } else { 0 };
    // SAFETY: the caller's ring and arrays.
    unsafe { register_many(ring, (&raw const arg).cast(), size, opcode, raise) }
}

/// Updates a table with tags.
#[inline(never)]
unsafe fn update_table(
    ring: *const io_uring,
    offset: c_uint,
    data: *const c_void,
    tags: *const __u64,
    nr: c_uint,
    opcode: c_uint,
) -> c_int {
    let arg = io_uring_rsrc_update2 {
        offset,
        resv: 0,
        data: data as usize as u64,
        tags: tags as usize as u64,
        nr,
        resv2: 0,
    };
    // SAFETY: the caller's ring and arrays.
    unsafe { register(ring, (&raw const arg).cast(), size_of_val(&arg) as c_uint, opcode) }
}

/// Registers; if the limit on open files is lower than `raise`, raises it to that and tries once more.
#[inline(never)]
unsafe fn register_many(
    ring: *const io_uring,
    arg: *const c_void,
    count: c_uint,
    opcode: c_uint,
    raise: c_uint,
) -> c_int {
    // SAFETY: the caller's ring, and the argument that `opcode` asks for.
    unsafe {
        let ret = register(ring, arg, count, opcode);
        if ret != -EMFILE || raise == 0 {
            return ret;
        }
        raise_nofile(raise);
        register(ring, arg, count, opcode)
    }
}

/// Registers buffers, for requests that use registered buffers.
///
/// `iovecs` has `nr_iovecs` buffers; the array is read during the call, the buffers themselves stay pinned and must
/// stay mapped until they are unregistered. A request refers to a buffer by its index. Returns 0, or -errno: -EBUSY if
/// buffers are already registered, -ENOMEM (also for `RLIMIT_MEMLOCK`), -EFAULT, -EINVAL.
/// Since liburing 2.0, kernel 5.1.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_buffers(
    ring: *mut io_uring,
    iovecs: *const iovec,
    nr_iovecs: c_uint,
) -> c_int {
    // SAFETY: the caller's ring and array.
    unsafe { register_often(ring, iovecs.cast(), nr_iovecs, IORING_REGISTER_BUFFERS) }
}

/// Registers buffers, each with a tag that is posted when the kernel has released the buffer.
///
/// It is like `io_uring_register_buffers()`; `tags` has `nr` numbers or is NULL. For a tag other than 0, a completion
/// with that user data is posted when the buffer has been unregistered or replaced and no request uses it any more. The
/// result is the same.
/// Since liburing 2.1, kernel 5.13.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_buffers_tags(
    ring: *mut io_uring,
    iovecs: *const iovec,
    tags: *const __u64,
    nr: c_uint,
) -> c_int {
    // SAFETY: the caller's ring and arrays.
    unsafe { register_table(ring, iovecs.cast(), tags, nr, 0, IORING_REGISTER_BUFFERS2) }
}

/// Registers a table of `nr` empty slots for buffers, for `io_uring_register_buffers_update_tag()`.
///
/// Returns 0, or -errno: -EBUSY if buffers are already registered.
/// Since liburing 2.2, kernel 5.19.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_buffers_sparse(ring: *mut io_uring, nr: c_uint) -> c_int {
    // SAFETY: the caller's ring.
    unsafe {
        register_table(
            ring,
            null(),
            null(),
            nr,
            IORING_RSRC_REGISTER_SPARSE,
            IORING_REGISTER_BUFFERS2,
        )
    }
}

/// Replaces `nr` registered buffers, starting at index `off`.
///
/// A NULL `iov_base` empties a slot. `tags` has the new tags or is NULL; the old buffers' tags are posted as
/// completions. Returns the number of buffers replaced, or -errno: -ENXIO without a table, -EINVAL beyond its end.
/// Since liburing 2.1, kernel 5.13.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_buffers_update_tag(
    ring: *mut io_uring,
    off: c_uint,
    iovecs: *const iovec,
    tags: *const __u64,
    nr: c_uint,
) -> c_int {
    // SAFETY: the caller's ring and arrays.
    unsafe { update_table(ring, off, iovecs.cast(), tags, nr, IORING_REGISTER_BUFFERS_UPDATE) }
}

/// Unregisters all buffers. Requests that use them keep them until they complete.
///
/// Returns 0, or -errno: -ENXIO if there are none.
/// Since liburing 2.0, kernel 5.1.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_unregister_buffers(ring: *mut io_uring) -> c_int {
    // SAFETY: the caller's ring.
    unsafe { register_often(ring, null(), 0, IORING_UNREGISTER_BUFFERS) }
}

/// Registers files, for requests with `IOSQE_FIXED_FILE` that refer to them by index.
///
/// `files` has `nr_files` descriptors, -1 for an empty slot; it is read during the call. The kernel keeps its own
/// references, so the descriptors may be closed. A soft limit on open files (`ulimit -n`) below `nr_files` is raised to
/// it. Returns 0, or -errno: -EBUSY if files are already registered, -EBADF, -EMFILE.
/// Since liburing 2.0, kernel 5.1.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_files(ring: *mut io_uring, files: *const c_int, nr_files: c_uint) -> c_int {
    // SAFETY: the caller's ring and array.
    unsafe { register_many(ring, files.cast(), nr_files, IORING_REGISTER_FILES, nr_files) }
}

/// Registers files, each with a tag that is posted when the kernel has released the file.
///
/// It is like `io_uring_register_files()`; `tags` is as for `io_uring_register_buffers_tags()`.
/// Since liburing 2.1, kernel 5.13.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_files_tags(
    ring: *mut io_uring,
    files: *const c_int,
    tags: *const __u64,
    nr: c_uint,
) -> c_int {
    // SAFETY: the caller's ring and arrays.
    unsafe { register_table(ring, files.cast(), tags, nr, 0, IORING_REGISTER_FILES2) }
}

/// Registers a table of `nr` empty slots for files.
///
/// `io_uring_register_files_update()` or requests that open into the table fill them. Returns 0, or -errno as
/// `io_uring_register_files()`.
/// Since liburing 2.2, kernel 5.19.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_files_sparse(ring: *mut io_uring, nr: c_uint) -> c_int {
    // SAFETY: the caller's ring.
    unsafe {
        register_table(
            ring,
            null(),
            null(),
            nr,
            IORING_RSRC_REGISTER_SPARSE,
            IORING_REGISTER_FILES2,
        )
    }
}

/// Replaces `nr_files` registered files and their tags, starting at index `off`.
///
/// It is like `io_uring_register_files_update()`; `tags` has the new tags or is NULL.
/// Since liburing 2.1, kernel 5.13.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_files_update_tag(
    ring: *mut io_uring,
    off: c_uint,
    files: *const c_int,
    tags: *const __u64,
    nr_files: c_uint,
) -> c_int {
    // SAFETY: the caller's ring and arrays.
    unsafe { update_table(ring, off, files.cast(), tags, nr_files, IORING_REGISTER_FILES_UPDATE2) }
}

/// Replaces `nr_files` registered files, starting at index `off`.
///
/// In `files`, -1 empties a slot and `IORING_REGISTER_FILES_SKIP` leaves it unchanged. Returns the number of slots
/// processed, or -errno: -ENXIO without a table, -EINVAL beyond its end, -EBADF.
/// Since liburing 2.0, kernel 5.5.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_files_update(
    ring: *mut io_uring,
    off: c_uint,
    files: *const c_int,
    nr_files: c_uint,
) -> c_int {
    let arg = io_uring_rsrc_update {
        offset: off,
        resv: 0,
        data: files as usize as u64,
    };
    // SAFETY: the caller's ring and array.
    unsafe { register(ring, (&raw const arg).cast(), nr_files, IORING_REGISTER_FILES_UPDATE) }
}

/// Unregisters all files. Requests that use them keep them until they complete.
///
/// Returns 0, or -errno: -ENXIO if there are none.
/// Since liburing 2.0, kernel 5.1.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_unregister_files(ring: *mut io_uring) -> c_int {
    // SAFETY: the caller's ring.
    unsafe { register(ring, null(), 0, IORING_UNREGISTER_FILES) }
}

/// Sets the range of file slots that the kernel may allocate (`IORING_FILE_INDEX_ALLOC`).
///
/// The range has `len` slots, starting at index `off`. Returns 0, or -errno: -EINVAL beyond the table's end or without
/// a table, -EOVERFLOW.
/// Since liburing 2.3, kernel 6.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_file_alloc_range(ring: *mut io_uring, off: c_uint, len: c_uint) -> c_int {
    let arg = io_uring_file_index_range { off, len, resv: 0 };
    // SAFETY: the caller's ring.
    unsafe { register(ring, (&raw const arg).cast(), 0, IORING_REGISTER_FILE_ALLOC_RANGE) }
}

/// Copies registered buffers from ring `src` to ring `dst`, with all options.
///
/// `nr` buffers (0: all) are copied from index `src_off` to `dst_off`. `flags` are `IORING_REGISTER_DST_REPLACE` and
/// `IORING_REGISTER_SRC_REGISTERED`; the latter only has an effect if `src` has a registered descriptor. Returns 0, or
/// -errno: -EBUSY if `dst` has buffers and `IORING_REGISTER_DST_REPLACE` is not set, -ENXIO if `src` has none, -EINVAL.
/// Since liburing 2.10, kernel 6.13.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[inline(never)]
pub unsafe extern "C" fn __io_uring_clone_buffers_offset(
    dst: *mut io_uring,
    src: *mut io_uring,
    dst_off: c_uint,
    src_off: c_uint,
    nr: c_uint,
    flags: c_uint,
) -> c_int {
    // SAFETY: the caller's rings.
    unsafe {
        let by_index = flags & IORING_REGISTER_SRC_REGISTERED != 0 && (*src).int_flags & int_flags::REG_REG_RING != 0;
        let (src_fd, flags) = if by_index {
            ((*src).enter_ring_fd, flags)
        } else {
            ((*src).ring_fd, flags & !IORING_REGISTER_SRC_REGISTERED)
        };
        let arg = io_uring_clone_buffers {
            src_fd: src_fd as u32,
            flags,
            src_off,
            dst_off,
            nr,
            pad: [0; 3],
        };
        register(dst, (&raw const arg).cast(), 1, IORING_REGISTER_CLONE_BUFFERS)
    }
}

/// Copies some registered buffers from ring `src` to ring `dst`.
///
/// It is like `__io_uring_clone_buffers_offset()`, with the registered descriptor of `src` if it has one.
/// Since liburing 2.9, kernel 6.13.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_clone_buffers_offset(
    dst: *mut io_uring,
    src: *mut io_uring,
    dst_off: c_uint,
    src_off: c_uint,
    nr: c_uint,
    flags: c_uint,
) -> c_int {
    let flags = flags | IORING_REGISTER_SRC_REGISTERED;
    // SAFETY: the caller's rings.
    unsafe { __io_uring_clone_buffers_offset(dst, src, dst_off, src_off, nr, flags) }
}

/// Copies all registered buffers from ring `src` to ring `dst`, with `flags`.
///
/// It is like `__io_uring_clone_buffers_offset()` for all buffers.
/// Since liburing 2.10, kernel 6.12.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn __io_uring_clone_buffers(dst: *mut io_uring, src: *mut io_uring, flags: c_uint) -> c_int {
    // SAFETY: the caller's rings.
    unsafe { __io_uring_clone_buffers_offset(dst, src, 0, 0, 0, flags) }
}

/// Copies all registered buffers from ring `src` to ring `dst`.
///
/// Afterwards both rings have the same buffers at the same indices; no memory is copied or pinned again. Returns 0, or
/// -errno: -EBUSY if `dst` has buffers, -ENXIO if `src` has none, -EINVAL on kernels before 6.12.
/// Since liburing 2.8, kernel 6.12.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_clone_buffers(dst: *mut io_uring, src: *mut io_uring) -> c_int {
    // SAFETY: the caller's rings.
    unsafe { __io_uring_clone_buffers(dst, src, IORING_REGISTER_SRC_REGISTERED) }
}

#[cfg(all(test, not(loom)))]
mod tests;
