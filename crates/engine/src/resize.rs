//! `IORING_REGISTER_RESIZE_RINGS`: other queues for a ring in use.

use crate::context::Core;
use crate::setup::map_queues;
use crate::sys::Result;
use crate::user;
use ironring_abi::ctypes::{c_int, c_uint};
use ironring_abi::uapi::*;
use ironring_half::{Ring, lay_out};
use libc::EINVAL;

/// Flags that the program may pass, and those that the ring keeps.
const PASSED: c_uint = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
const KEPT: c_uint = IORING_SETUP_NO_SQARRAY
    | IORING_SETUP_SQE128
    | IORING_SETUP_CQE32
    | IORING_SETUP_NO_MMAP
    | IORING_SETUP_CQE_MIXED
    | IORING_SETUP_SQE_MIXED;

pub fn resize(core: &mut Core, arg: u64, nr: c_uint) -> Result<c_int> {
    if arg == 0 || nr != 1 || !core.has(IORING_SETUP_DEFER_TASKRUN) {
        return Err(-EINVAL);
    }
    let mut p: io_uring_params = user::read(arg)?;
    if p.flags & !PASSED != 0 {
        return Err(-EINVAL);
    }
    let flags = core.half.flags();
    p.flags |= flags & KEPT;
    let sizes = lay_out(p.sq_entries, &mut p)?;
    user::write(arg, &p)?;
    let mut queues = map_queues(&p, sizes)?;
    // The program is left without a usable ring if these fail afterwards.
    if let Err(errno) = queues.map_for_program() {
        queues.unmap();
        return Err(errno);
    }
    let described = io_uring_params { flags, ..p };
    // SAFETY: the memory has the sizes that `lay_out` gave, and stays until the ring is gone or resized again.
    let half = unsafe { Ring::new(queues.rings, queues.rings, queues.sqes.cast(), &described) };
    let old = core.inner.half;
    let mut cq = core.queues().cq();
    // SAFETY: the lock is held, so nobody takes entries or posts; both rings are mapped.
    if let Err(errno) = unsafe { old.resize(&half, core.shared.sq(), &mut cq) } {
        queues.unmap();
        return Err(errno);
    }
    core.queues().set_cq(cq);
    core.inner.half = half;
    // The program's mappings of the old queues are its own.
    core::mem::replace(&mut core.inner.memory.queues, queues).unmap();
    // What did not fit into the old CQ comes at the next enter, as on Linux.
    Ok(0)
}
