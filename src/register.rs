//! Registrations for a ring as a whole: its own descriptor, events, restrictions, workers, and others. Files and
//! buffers are in [`resources`](crate::resources).

use crate::kernel::{FileLimit, Kernel as _, Sys};
use crate::ring::{int_flags, register};
use core::ptr::null;
use ironring_abi::ctypes::{c_int, c_uint, cpu_set_t, size_t};
use ironring_abi::types::io_uring;
use ironring_abi::uapi::*;
use libc::{EBADF, EEXIST, EINVAL, EOPNOTSUPP};

/// Registers an eventfd that completions signal.
///
/// `fd` comes from `eventfd(2)`; the kernel keeps a reference. One can be registered at a time. Returns 0, or -errno:
/// -EBUSY if one is already registered, -EBADF or -EINVAL for an invalid descriptor.
/// Since liburing 2.0, kernel 5.2.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_eventfd(ring: *mut io_uring, fd: c_int) -> c_int {
    // SAFETY: the caller's ring; the kernel reads the descriptor during the call.
    unsafe { register(ring, (&raw const fd).cast(), 1, IORING_REGISTER_EVENTFD) }
}

/// Registers an eventfd that only completions posted by the ring's worker threads signal.
///
/// Otherwise it is like `io_uring_register_eventfd()`.
/// Since liburing 2.0, kernel 5.6.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_eventfd_async(ring: *mut io_uring, fd: c_int) -> c_int {
    // SAFETY: the caller's ring; the kernel reads the descriptor during the call.
    unsafe { register(ring, (&raw const fd).cast(), 1, IORING_REGISTER_EVENTFD_ASYNC) }
}

/// Unregisters the eventfd.
///
/// Returns 0, or -errno: -ENXIO if none is registered.
/// Since liburing 2.0, kernel 5.2.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_unregister_eventfd(ring: *mut io_uring) -> c_int {
    // SAFETY: the caller's ring.
    unsafe { register(ring, null(), 0, IORING_UNREGISTER_EVENTFD) }
}

/// Queries which operations the kernel supports.
///
/// `p` is followed by `nr` (at most 256) `struct io_uring_probe_op` and must be zeroed; the kernel fills it.
/// `io_uring_get_probe_ring()` also allocates the memory. Returns 0, or -errno: -EINVAL on kernels before 5.6 or if `p`
/// was not zeroed.
/// Since liburing 2.0, kernel 5.6.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_probe(ring: *mut io_uring, p: *mut io_uring_probe, nr: c_uint) -> c_int {
    // SAFETY: the caller's ring and probe.
    unsafe { register(ring, p.cast(), nr, IORING_REGISTER_PROBE) }
}

/// Registers the caller's credentials, for use by later requests.
///
/// Returns an ID for `sqe->personality`, or -errno.
/// Since liburing 2.0, kernel 5.6.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_personality(ring: *mut io_uring) -> c_int {
    // SAFETY: the caller's ring.
    unsafe { register(ring, null(), 0, IORING_REGISTER_PERSONALITY) }
}

/// Unregisters the credentials `id`.
///
/// Returns 0, or -errno: -EINVAL if there is no such ID.
/// Since liburing 2.0, kernel 5.6.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_unregister_personality(ring: *mut io_uring, id: c_int) -> c_int {
    // SAFETY: the caller's ring.
    unsafe { register(ring, null(), id as c_uint, IORING_UNREGISTER_PERSONALITY) }
}

/// Restricts what the ring may do once it is enabled.
///
/// `res` has `nr_res` permissions (read during the call); everything else is refused with -EACCES. The ring must have
/// been created with `IORING_SETUP_R_DISABLED` and not be enabled yet; it can be restricted only once. Returns 0, or
/// -errno: -EBADFD if the ring is enabled, -EBUSY if it has restrictions, -EINVAL.
/// Since liburing 2.4, kernel 5.10.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_restrictions(
    ring: *mut io_uring,
    res: *mut io_uring_restriction,
    nr_res: c_uint,
) -> c_int {
    // SAFETY: the caller's ring and array.
    unsafe { register(ring, res.cast(), nr_res, IORING_REGISTER_RESTRICTIONS) }
}

/// Enables a ring that was created with `IORING_SETUP_R_DISABLED`.
///
/// Returns 0, or -errno: -EBADFD if it is already enabled.
/// Since liburing 2.4, kernel 5.10.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_enable_rings(ring: *mut io_uring) -> c_int {
    // SAFETY: the caller's ring.
    unsafe { register(ring, null(), 0, IORING_REGISTER_ENABLE_RINGS) }
}

/// Binds the calling thread's worker threads that start later to the processors in `mask`.
///
/// `mask` has `cpusz` bytes and is read during the call. Returns 0, or -errno: -EINVAL if `cpusz` is 2 GiB or more, or
/// `mask` is invalid. Needs _GNU_SOURCE.
/// Since liburing 2.1, kernel 5.14.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_iowq_aff(
    ring: *mut io_uring,
    cpusz: size_t,
    mask: *const cpu_set_t,
) -> c_int {
    if cpusz >= 1 << 31 {
        return -EINVAL;
    }
    // SAFETY: the caller's ring and mask.
    unsafe { register(ring, mask.cast(), cpusz as c_uint, IORING_REGISTER_IOWQ_AFF) }
}

/// Resets the processors of the calling thread's worker threads.
///
/// Returns 0, or -errno.
/// Since liburing 2.1, kernel 5.14.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_unregister_iowq_aff(ring: *mut io_uring) -> c_int {
    // SAFETY: the caller's ring.
    unsafe { register(ring, null(), 0, IORING_UNREGISTER_IOWQ_AFF) }
}

/// Sets the maximum number of worker threads.
///
/// `values[0]` is for bounded work (files, block devices), `values[1]` for unbounded work (sockets, pipes); 0 leaves a
/// limit unchanged. The previous limits are written back. Returns 0, or -errno.
/// Since liburing 2.1, kernel 5.15.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_iowq_max_workers(ring: *mut io_uring, values: *mut c_uint) -> c_int {
    // SAFETY: the caller's ring and two values.
    unsafe { register(ring, values.cast(), 2, IORING_REGISTER_IOWQ_MAX_WORKERS) }
}

/// Registers the ring's own descriptor, which makes later system calls of this thread cheaper.
///
/// The index belongs to the calling thread: other threads must not use this `ring` afterwards. Returns 1, or -errno:
/// -EEXIST if it is already registered.
/// Since liburing 2.2, kernel 5.18.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_ring_fd(ring: *mut io_uring) -> c_int {
    // SAFETY: the caller's ring; the kernel writes the index into `update`.
    unsafe {
        if (*ring).int_flags & int_flags::REG_RING != 0 {
            return -EEXIST;
        }
        // An offset of all ones requests any free index.
        let mut update = io_uring_rsrc_update {
            offset: u32::MAX,
            resv: 0,
            data: (*ring).ring_fd as u64,
        };
        let ret = register(ring, (&raw mut update).cast(), 1, IORING_REGISTER_RING_FDS);
        if ret == 1 {
            (*ring).enter_ring_fd = update.offset as c_int;
            let mut flags = int_flags::REG_RING;
            if (*ring).features & IORING_FEAT_REG_REG_RING != 0 {
                flags |= int_flags::REG_REG_RING;
            }
            (*ring).int_flags |= flags;
        }
        ret
    }
}

/// Unregisters the ring's own descriptor.
///
/// Returns 1, or -errno: -EINVAL if it is not registered.
/// Since liburing 2.2, kernel 5.18.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_unregister_ring_fd(ring: *mut io_uring) -> c_int {
    // SAFETY: the caller's ring; the kernel reads `update` during the call.
    unsafe {
        if (*ring).int_flags & int_flags::REG_RING == 0 {
            return -EINVAL;
        }
        let update = io_uring_rsrc_update {
            offset: (*ring).enter_ring_fd as u32,
            resv: 0,
            data: 0,
        };
        let ret = register(ring, (&raw const update).cast(), 1, IORING_UNREGISTER_RING_FDS);
        if ret == 1 {
            (*ring).enter_ring_fd = (*ring).ring_fd;
            (*ring).int_flags &= !(int_flags::REG_RING | int_flags::REG_REG_RING);
        }
        ret
    }
}

/// Closes the ring's descriptor, so that only the registered index remains.
///
/// Returns 1, or -errno: -EOPNOTSUPP if the kernel's register calls don't accept an index (before 6.3), -EINVAL if the
/// ring is not registered, -EBADF if it is already closed.
/// Since liburing 2.4, kernel 6.3.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_close_ring_fd(ring: *mut io_uring) -> c_int {
    // SAFETY: the caller's ring, whose descriptor it no longer uses.
    unsafe {
        if (*ring).features & IORING_FEAT_REG_REG_RING == 0 {
            return -EOPNOTSUPP;
        }
        if (*ring).int_flags & int_flags::REG_RING == 0 {
            return -EINVAL;
        }
        if (*ring).ring_fd == -1 {
            return -EBADF;
        }
        Sys::close((*ring).ring_fd);
        (*ring).ring_fd = -1;
        1
    }
}

/// Cancels requests, and waits for a request that runs in a worker thread.
///
/// `reg` selects the requests (by user data, descriptor or opcode: see `IORING_ASYNC_CANCEL_`) and the timeout. Each
/// request still posts its own completion. Returns the number of canceled requests or 0 (also if `_ALL` or `_ANY` match
/// none), or -errno: -ENOENT if nothing matches, -ETIME if the timeout expired, -EINTR, -EBADF.
/// Since liburing 2.3, kernel 6.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_sync_cancel(
    ring: *mut io_uring,
    reg: *mut io_uring_sync_cancel_reg,
) -> c_int {
    // SAFETY: the caller's ring and argument.
    unsafe { register(ring, reg.cast(), 1, IORING_REGISTER_SYNC_CANCEL) }
}

/// Sends a message to a ring, without a sending ring.
///
/// `sqe` is in the caller's own memory, prepared with `io_uring_prep_msg_ring()` or a related function; it is read
/// during the call. Returns 0, or -errno: -EINVAL on kernels before 6.13 or for another opcode, -EBADF, -EOVERFLOW.
/// Since liburing 2.11, kernel 6.13.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_sync_msg(sqe: *mut io_uring_sqe) -> c_int {
    // SAFETY: the caller's SQE.
    unsafe { Sys::register(-1, IORING_REGISTER_SEND_MSG_RING, sqe.cast(), 1) }
}

/// Enables NAPI busy polling with the settings in `napi`.
///
/// The previous settings are written to `napi`, and may be registered again. Returns 0, or -errno: -EINVAL on kernels
/// before 6.9.
/// Since liburing 2.6, kernel 6.9.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_napi(ring: *mut io_uring, napi: *mut io_uring_napi) -> c_int {
    // If nothing was registered, kernels from 6.13 on write 255 to the first four bytes, a value that they refuse.
    const INACTIVE: u64 = if cfg!(target_endian = "little") { 255 } else { 255 << 32 };
    // SAFETY: the caller's ring and argument, to which the kernel has written when it succeeds.
    unsafe {
        let ret = register(ring, napi.cast(), 1, IORING_REGISTER_NAPI);
        if ret == 0 && (*napi).resv == INACTIVE {
            (*napi).resv = 0;
        }
        ret
    }
}

/// Disables NAPI busy polling.
///
/// The previous settings are written to `napi`, which may be NULL. Returns 0, or -errno.
/// Since liburing 2.6, kernel 6.9.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_unregister_napi(ring: *mut io_uring, napi: *mut io_uring_napi) -> c_int {
    // SAFETY: the caller's ring and argument.
    unsafe { register(ring, napi.cast(), 1, IORING_UNREGISTER_NAPI) }
}

/// Sets the clock for the timeouts of waits.
///
/// `arg->clockid` is `CLOCK_MONOTONIC` or `CLOCK_BOOTTIME`; read during the call. Returns 0, or -errno: -EINVAL for
/// another clock or on kernels before 6.12.
/// Since liburing 2.8, kernel 6.12.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_clock(ring: *mut io_uring, arg: *mut io_uring_clock_register) -> c_int {
    // SAFETY: the caller's ring and argument.
    unsafe { register(ring, arg.cast(), 0, IORING_REGISTER_CLOCK) }
}

/// Registers a receive queue of a network device for zero-copy receive.
///
/// `reg` and the structures that it points to describe queue, memory and flags; the kernel writes offsets and ID back.
/// Returns 0, or -errno.
/// Since liburing 2.10, kernel 6.15.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_ifq(ring: *mut io_uring, reg: *mut io_uring_zcrx_ifq_reg) -> c_int {
    // SAFETY: the caller's ring and argument.
    unsafe { register(ring, reg.cast(), 1, IORING_REGISTER_ZCRX_IFQ) }
}

/// Controls a zero-copy receive context: flushes its refill queue or exports it, depending on `ctrl->op`.
///
/// Returns 0, or -errno.
/// Since liburing 2.15, kernel 6.19.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_zcrx_ctrl(ring: *mut io_uring, ctrl: *mut zcrx_ctrl) -> c_int {
    // SAFETY: the caller's ring and argument.
    unsafe { register(ring, ctrl.cast(), 0, IORING_REGISTER_ZCRX_CTRL) }
}

/// Always fails: no released kernel has this interface. Use `io_uring_register_region()`.
///
/// Returns -EINVAL.
/// Since liburing 2.9.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_wait_reg(
    _ring: *mut io_uring,
    _reg: *mut io_uring_reg_wait,
    _nr: c_int,
) -> c_int {
    -EINVAL
}

/// Registers a region of memory shared by the kernel and the application, for example for wait arguments.
///
/// `reg->region_uptr` points to a `struct io_uring_region_desc`. Memory that the application provides must stay mapped
/// as long as the ring exists. Returns 0, or -errno: -EINVAL, -EBUSY if there is one already.
/// Since liburing 2.9, kernel 6.13.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_region(ring: *mut io_uring, reg: *mut io_uring_mem_region_reg) -> c_int {
    // SAFETY: the caller's ring and argument.
    unsafe { register(ring, reg.cast(), 1, IORING_REGISTER_MEM_REGION) }
}

/// Sets whether waiting for completions counts as I/O wait (in statistics and for frequency scaling).
///
/// By default it does; `enable_iowait` false disables that for this ring. Returns 0, or -EOPNOTSUPP if the kernel lacks
/// `IORING_FEAT_NO_IOWAIT`.
/// Since liburing 2.10, kernel 6.15.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_set_iowait(ring: *mut io_uring, enable_iowait: bool) -> c_int {
    // SAFETY: the caller's ring.
    unsafe {
        if (*ring).features & IORING_FEAT_NO_IOWAIT == 0 {
            return -EOPNOTSUPP;
        }
        if enable_iowait {
            (*ring).int_flags &= !int_flags::NO_IOWAIT;
        } else {
            (*ring).int_flags |= int_flags::NO_IOWAIT;
        }
        0
    }
}

/// Attaches a BPF filter to an opcode of this ring, which allows or denies each request.
///
/// Returns 0, or -errno.
/// Since liburing 2.15, kernel 7.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_bpf_filter(ring: *mut io_uring, bpf: *mut io_uring_bpf) -> c_int {
    // SAFETY: the caller's ring and argument.
    unsafe { register(ring, bpf.cast(), 1, IORING_REGISTER_BPF_FILTER) }
}

/// Attaches a BPF filter to an opcode of all rings that this task creates later.
///
/// Returns 0, or -errno.
/// Since liburing 2.15, kernel 7.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_bpf_filter_task(bpf: *mut io_uring_bpf) -> c_int {
    // SAFETY: the caller's argument.
    unsafe { Sys::register(-1, IORING_REGISTER_BPF_FILTER, bpf.cast(), 1) }
}

/// Queries the kernel's io_uring features; no ring is needed.
///
/// `query` is the head of a chain of queries, each with memory for the answer. Returns 0 (each query has its own
/// result), or -errno: -EINVAL on kernels before 6.18.
/// Since liburing 2.15, kernel 6.18.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_query(query: *mut io_uring_query_hdr) -> c_int {
    // SAFETY: the caller's argument.
    unsafe { Sys::register(-1, IORING_REGISTER_QUERY, query.cast(), 0) }
}

/// Raises the soft limit on open files to `nr` if it is lower and the hard limit allows that.
pub(crate) fn raise_nofile(nr: c_uint) {
    let mut limit = FileLimit::default();
    if Sys::file_limit(&mut limit) == 0 && limit.soft < nr as u64 {
        limit.soft = nr as u64;
        Sys::set_file_limit(&limit);
    }
}

#[cfg(all(test, not(loom)))]
pub(crate) mod tests;
