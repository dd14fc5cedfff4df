//! The commands for buffer rings.

use super::{BufferRing, Group};
use crate::context::Core;
use crate::sys::Result;
use crate::user;
use alloc::collections::VecDeque;
use ironring_abi::ctypes::c_int;
use ironring_abi::uapi::*;
use libc::{EEXIST, EFAULT, EINVAL, ENOENT, EOVERFLOW};

user::plain!(io_uring_buf_reg, io_uring_buf_status);

/// `IORING_REGISTER_PBUF_RING`.
pub fn register(core: &mut Core, arg: u64, nr: u32) -> Result<c_int> {
    let reg: io_uring_buf_reg = one(arg, nr)?;
    // With IOU_PBUF_RING_MMAP the program would map the ring's descriptor, which is an eventfd: as before Linux 6.4.
    if reg.resv != [0; 5]
        || u32::from(reg.flags) & !(IOU_PBUF_RING_INC as u32) != 0
        || !reg.ring_entries.is_power_of_two()
        || reg.ring_entries >= 1 << 16
        || reg.min_left != 0 && reg.flags == 0
    {
        return Err(-EINVAL);
    }
    match core.registered.groups.get(&reg.bgid) {
        Some(Group::List(buffers)) if buffers.is_empty() => {
            core.registered.groups.remove(&reg.bgid);
        }
        Some(_) => return Err(-EEXIST),
        None => {}
    }
    if reg.ring_addr == 0 {
        return Err(-EFAULT);
    }
    let page = crate::setup::page_size() as u64;
    let len = (u64::from(reg.ring_entries) * size_of::<io_uring_buf>() as u64).next_multiple_of(page);
    if reg.ring_addr % page != 0 {
        return Err(-EINVAL);
    }
    if reg.ring_addr.checked_add(len).is_none() {
        return Err(-EOVERFLOW);
    }
    user::check_writable(reg.ring_addr, len)?;
    let ring = BufferRing {
        address: reg.ring_addr,
        mask: (reg.ring_entries - 1) as u16,
        incremental: reg.flags != 0,
        min_left: reg.min_left,
        head: 0,
        seen: VecDeque::new(),
    };
    core.registered.groups.insert(reg.bgid, Group::Ring(ring));
    Ok(0)
}

/// The argument of a command that takes one structure.
fn one<T: user::Plain>(arg: u64, nr: u32) -> Result<T> {
    if arg == 0 || nr != 1 {
        return Err(-EINVAL);
    }
    user::read(arg)
}

/// The ring of a group.
fn ring(core: &mut Core, group: u32) -> Result<&mut BufferRing> {
    let number = u16::try_from(group).map_err(|_| -ENOENT)?;
    match core.registered.groups.get_mut(&number).ok_or(-ENOENT)? {
        Group::Ring(ring) => Ok(ring),
        Group::List(_) => Err(-EINVAL),
    }
}

/// `IORING_UNREGISTER_PBUF_RING`.
pub fn unregister(core: &mut Core, arg: u64, nr: u32) -> Result<c_int> {
    let reg: io_uring_buf_reg = one(arg, nr)?;
    if reg.resv != [0; 5] || reg.flags != 0 {
        return Err(-EINVAL);
    }
    ring(core, u32::from(reg.bgid))?;
    core.registered.groups.remove(&reg.bgid);
    Ok(0)
}

/// `IORING_REGISTER_PBUF_STATUS`.
pub fn status(core: &mut Core, arg: u64, nr: u32) -> Result<c_int> {
    let mut status: io_uring_buf_status = one(arg, nr)?;
    if status.resv != [0; 8] {
        return Err(-EINVAL);
    }
    status.head = u32::from(ring(core, status.buf_group)?.head);
    user::write(arg, &status)?;
    Ok(0)
}
