//! What `io_uring_register` does for a ring as a whole: its own descriptor, events, restrictions, workers, and more.
//! Files and buffers are in [`resources`](crate::resources).

use crate::abi::*;
use crate::ctypes::{c_int, c_uint, cpu_set_t, size_t};
use crate::kernel;
use crate::ring::{int_flags, register};
use crate::types::io_uring;
use core::mem::zeroed;
use core::ptr::null;
use libc::{EBADF, EEXIST, EINVAL, EOPNOTSUPP};

/// Registers an eventfd that is signalled at each completion.
///
/// `fd` comes from `eventfd(2)`; the kernel keeps a reference. One can be registered at a time.
/// Returns 0, or -errno: -EBUSY when one is registered already, -EBADF or -EINVAL for a wrong descriptor.
/// Since liburing 2.0, kernel 5.2.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_eventfd(ring: *mut io_uring, fd: c_int) -> c_int {
    // SAFETY: the caller's ring; the kernel reads the descriptor during the call.
    unsafe { register(ring, (&raw const fd).cast(), 1, IORING_REGISTER_EVENTFD) }
}

/// Registers an eventfd that is signalled only at completions posted by the ring's worker threads.
///
/// Otherwise as `io_uring_register_eventfd()`.
/// Since liburing 2.0, kernel 5.6.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_eventfd_async(ring: *mut io_uring, fd: c_int) -> c_int {
    // SAFETY: the caller's ring; the kernel reads the descriptor during the call.
    unsafe { register(ring, (&raw const fd).cast(), 1, IORING_REGISTER_EVENTFD_ASYNC) }
}

/// Unregisters the eventfd.
///
/// Returns 0, or -errno: -ENXIO when none is registered.
/// Since liburing 2.0, kernel 5.2.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_unregister_eventfd(ring: *mut io_uring) -> c_int {
    // SAFETY: the caller's ring.
    unsafe { register(ring, null(), 0, IORING_UNREGISTER_EVENTFD) }
}

/// Asks the kernel which opcodes it has.
///
/// `p` has room for `nr` (at most 256) `struct io_uring_probe_op` behind it and must be zeroed; the kernel fills it.
/// `io_uring_get_probe_ring()` does the same with memory of its own.
/// Returns 0, or -errno: -EINVAL on kernels before 5.6 or when `p` was not zeroed.
/// Since liburing 2.0, kernel 5.6.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_probe(ring: *mut io_uring, p: *mut io_uring_probe, nr: c_uint) -> c_int {
    // SAFETY: the caller's ring and probe.
    unsafe { register(ring, p.cast(), nr, IORING_REGISTER_PROBE) }
}

/// Registers the caller's credentials, for requests to be made under later.
///
/// Returns an id to put into `sqe->personality`, or -errno.
/// Since liburing 2.0, kernel 5.6.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_personality(ring: *mut io_uring) -> c_int {
    // SAFETY: the caller's ring.
    unsafe { register(ring, null(), 0, IORING_REGISTER_PERSONALITY) }
}

/// Unregisters the credentials `id`.
///
/// Returns 0, or -errno: -EINVAL when there is no such id.
/// Since liburing 2.0, kernel 5.6.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_unregister_personality(ring: *mut io_uring, id: c_int) -> c_int {
    // SAFETY: the caller's ring.
    unsafe { register(ring, null(), id as c_uint, IORING_UNREGISTER_PERSONALITY) }
}

/// Limits what the ring may do from now on.
///
/// `res` holds `nr_res` permissions (read during the call); everything else is refused with -EACCES. Only for a ring
/// made with `IORING_SETUP_R_DISABLED` and not enabled yet, and only once.
/// Returns 0, or -errno: -EBADFD when the ring is enabled, -EBUSY when it has restrictions, -EINVAL.
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

/// Enables a ring that was made with `IORING_SETUP_R_DISABLED`.
///
/// Returns 0, or -errno: -EBADFD when it is enabled already.
/// Since liburing 2.4, kernel 5.10.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_enable_rings(ring: *mut io_uring) -> c_int {
    // SAFETY: the caller's ring.
    unsafe { register(ring, null(), 0, IORING_REGISTER_ENABLE_RINGS) }
}

/// Binds the calling thread's worker threads, those that start from now on, to the processors in `mask`.
///
/// `mask` has `cpusz` bytes and is read during the call.
/// Returns 0, or -errno: -EINVAL when `cpusz` is 2 GiB or more, or `mask` is not usable.
/// Needs _GNU_SOURCE.
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

/// Lets the ring's worker threads run on any processor again.
///
/// Returns 0, or -errno.
/// Since liburing 2.1, kernel 5.14.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_unregister_iowq_aff(ring: *mut io_uring) -> c_int {
    // SAFETY: the caller's ring.
    unsafe { register(ring, null(), 0, IORING_UNREGISTER_IOWQ_AFF) }
}

/// Sets how many worker threads the ring may have.
///
/// `values[0]` is for bounded work (files, block devices), `values[1]` for unbounded (sockets, pipes); 0 changes
/// nothing. The values before the call come back in their place.
/// Returns 0, or -errno.
/// Since liburing 2.1, kernel 5.15.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_iowq_max_workers(ring: *mut io_uring, values: *mut c_uint) -> c_int {
    // SAFETY: the caller's ring and two values.
    unsafe { register(ring, values.cast(), 2, IORING_REGISTER_IOWQ_MAX_WORKERS) }
}

/// Registers the ring's own descriptor, which makes each later call of this thread a little cheaper.
///
/// The index belongs to the calling thread alone: other threads must not use this `ring` afterwards.
/// Returns 1, or -errno: -EEXIST when it is registered already.
/// Since liburing 2.2, kernel 5.18.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_ring_fd(ring: *mut io_uring) -> c_int {
    // SAFETY: the caller's ring; the kernel writes the index into `update`.
    unsafe {
        if (*ring).int_flags & int_flags::REG_RING != 0 {
            return -EEXIST;
        }
        // An offset of all ones asks for any free index.
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
/// Returns 1, or -errno: -EINVAL when it is not registered.
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

/// Closes the ring's descriptor and goes on with the registered index alone.
///
/// Returns 1, or -errno: -EOPNOTSUPP when the kernel can't register with an index (before 6.3), -EINVAL when the ring
/// is not registered, -EBADF when it is closed already.
/// Since liburing 2.4, kernel 6.3.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_close_ring_fd(ring: *mut io_uring) -> c_int {
    // SAFETY: the caller's ring, whose descriptor is given up.
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
        kernel::close((*ring).ring_fd);
        (*ring).ring_fd = -1;
        1
    }
}

/// Cancels requests, and waits for one that runs in a worker thread.
///
/// `reg` says which (by user data, descriptor or opcode, see `IORING_ASYNC_CANCEL_`) and for how long to wait. Each
/// request's own completion follows.
/// Returns the number of canceled requests or 0 (0 also when `_ALL` or `_ANY` match none), or -errno: -ENOENT when
/// nothing matches, -ETIME when the time is over, -EINTR, -EBADF.
/// Since liburing 2.3, kernel 6.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_sync_cancel(
    ring: *mut io_uring,
    reg: *mut io_uring_sync_cancel_reg,
) -> c_int {
    // SAFETY: the caller's ring and argument.
    unsafe { register(ring, reg.cast(), 1, IORING_REGISTER_SYNC_CANCEL) }
}

/// Sends a message to a ring without having one.
///
/// `sqe` is memory of the caller's, prepared with `io_uring_prep_msg_ring()` or a relative; it is read during the call.
/// Returns 0, or -errno: -EINVAL on older kernels or for another opcode, -EBADF, -EOVERFLOW.
/// Since liburing 2.11, kernel 6.13.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_sync_msg(sqe: *mut io_uring_sqe) -> c_int {
    // SAFETY: the caller's SQE.
    unsafe { kernel::io_uring_register(-1, IORING_REGISTER_SEND_MSG_RING, sqe.cast(), 1) }
}

/// Turns busy polling of the network on, as `napi` says.
///
/// The settings before the call come back in `napi`, and may be registered again.
/// Returns 0, or -errno: -EINVAL on kernels without it.
/// Since liburing 2.6, kernel 6.9.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_napi(ring: *mut io_uring, napi: *mut io_uring_napi) -> c_int {
    // What kernels from 6.13 on write where nothing was registered, and refuse: 255 in the first four bytes.
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

/// Turns busy polling of the network off.
///
/// The settings before the call come back in `napi`, which may be NULL.
/// Returns 0, or -errno.
/// Since liburing 2.6, kernel 6.9.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_unregister_napi(ring: *mut io_uring, napi: *mut io_uring_napi) -> c_int {
    // SAFETY: the caller's ring and argument.
    unsafe { register(ring, napi.cast(), 1, IORING_UNREGISTER_NAPI) }
}

/// Chooses the clock for the time limits of waits.
///
/// `arg->clockid` is `CLOCK_MONOTONIC` or `CLOCK_BOOTTIME`; read during the call.
/// Returns 0, or -errno: -EINVAL for another clock or on older kernels.
/// Since liburing 2.8, kernel 6.12.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_clock(ring: *mut io_uring, arg: *mut io_uring_clock_register) -> c_int {
    // SAFETY: the caller's ring and argument.
    unsafe { register(ring, arg.cast(), 0, IORING_REGISTER_CLOCK) }
}

/// Registers a receive queue of a network device for zero-copy receive.
///
/// `reg` and what it points to describe queue, memory and flags; the kernel writes the offsets and the id back.
/// Returns 0, or -errno.
/// Since liburing 2.10, kernel 6.15.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_ifq(ring: *mut io_uring, reg: *mut io_uring_zcrx_ifq_reg) -> c_int {
    // SAFETY: the caller's ring and argument.
    unsafe { register(ring, reg.cast(), 1, IORING_REGISTER_ZCRX_IFQ) }
}

/// Does something else with a zero-copy receive queue: flushes its refill queue or exports it, as `ctrl->op` says.
///
/// Returns 0, or -errno.
/// Since liburing 2.15, kernel 6.19.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_zcrx_ctrl(ring: *mut io_uring, ctrl: *mut zcrx_ctrl) -> c_int {
    // SAFETY: the caller's ring and argument.
    unsafe { register(ring, ctrl.cast(), 0, IORING_REGISTER_ZCRX_CTRL) }
}

/// Always refuses: kernels never kept this interface. Use `io_uring_register_region()`.
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

/// Registers a region of memory that the kernel and the application share, for example for wait arguments.
///
/// `reg->region_uptr` points to a `struct io_uring_region_desc`. User memory in it must stay mapped as long as the ring.
/// Returns 0, or -errno: -EINVAL, -EBUSY when there is one already.
/// Since liburing 2.9, kernel 6.13.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_region(ring: *mut io_uring, reg: *mut io_uring_mem_region_reg) -> c_int {
    // SAFETY: the caller's ring and argument.
    unsafe { register(ring, reg.cast(), 1, IORING_REGISTER_MEM_REGION) }
}

/// Says whether waiting for completions counts as waiting for I/O (in the load average and for frequency scaling).
///
/// It does from the start; `enable_iowait` false turns it off for this ring.
/// Returns 0, or -EOPNOTSUPP when the kernel lacks `IORING_FEAT_NO_IOWAIT`.
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

/// Attaches a BPF filter to an opcode of this ring: it decides about each request.
///
/// Returns 0, or -errno.
/// Since liburing 2.15, kernel 7.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_bpf_filter(ring: *mut io_uring, bpf: *mut io_uring_bpf) -> c_int {
    // SAFETY: the caller's ring and argument.
    unsafe { register(ring, bpf.cast(), 1, IORING_REGISTER_BPF_FILTER) }
}

/// Attaches a BPF filter to an opcode of all rings that this task makes later.
///
/// Returns 0, or -errno.
/// Since liburing 2.15, kernel 7.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_bpf_filter_task(bpf: *mut io_uring_bpf) -> c_int {
    // SAFETY: the caller's argument.
    unsafe { kernel::io_uring_register(-1, IORING_REGISTER_BPF_FILTER, bpf.cast(), 1) }
}

/// Asks the kernel what its io_uring can do; no ring is needed.
///
/// `query` heads a chain of questions, each with memory for the answer.
/// Returns 0 (each question has a result of its own), or -errno: -EINVAL on kernels before 6.18.
/// Since liburing 2.15, kernel 6.18.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_register_query(query: *mut io_uring_query_hdr) -> c_int {
    // SAFETY: the caller's argument.
    unsafe { kernel::io_uring_register(-1, IORING_REGISTER_QUERY, query.cast(), 0) }
}

/// Raises the limit on open files to `nr` if it is lower and may be raised that far.
pub(crate) unsafe fn raise_nofile(nr: c_uint) {
    // SAFETY: the local structure lives through both calls.
    unsafe {
        let mut limit: kernel::RLimit = zeroed();
        if kernel::prlimit_nofile(null(), &raw mut limit) == 0 && limit.cur < nr as u64 {
            limit.cur = nr as u64;
            kernel::prlimit_nofile(&raw const limit, core::ptr::null_mut());
        }
    }
}

#[cfg(all(test, not(loom)))]
pub(crate) mod tests;
