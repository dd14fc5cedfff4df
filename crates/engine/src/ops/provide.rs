//! `IORING_OP_PROVIDE_BUFFERS` and `IORING_OP_REMOVE_BUFFERS`.

use super::{Def, Start};
use crate::context::Core;
use crate::registered::groups::{Buffer, Group};
use crate::request::Request;
use crate::user;
use alloc::collections::VecDeque;
use ironring_abi::ctypes::c_int;
use libc::{E2BIG, EINVAL, ENOENT, EOVERFLOW};

pub const PROVIDE: Def = Def::new(prepare_provide, Start::Now(provide)).without_file().iopoll();
pub const REMOVE: Def = Def::new(prepare_remove, Start::Now(remove)).without_file().iopoll();

/// The largest number of buffers in one request.
const IDS: u32 = 1 << 16;
/// The largest number of buffers in a group.
const MOST: usize = u16::MAX as usize;
/// The largest number of bytes of one transfer.
const LONGEST: u32 = 0x7fff_f000;

/// The number of buffers in the entry.
fn number(request: &Request) -> Option<u32> {
    u32::try_from(request.sqe.fd)
        .ok()
        .filter(|count| (1..=IDS).contains(count))
}

fn prepare_provide(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    if request.op_flags() != 0 || request.file_index() != 0 {
        return Err(-EINVAL);
    }
    let count = number(request).ok_or(-E2BIG)?;
    if request.len() == 0 {
        return Err(-EINVAL);
    }
    let bytes = u64::from(request.len()) * u64::from(count);
    let end = request.addr().checked_add(bytes).ok_or(-EOVERFLOW)?;
    if end > usize::MAX as u64 {
        return Err(-EOVERFLOW);
    }
    user::check_possible(request.addr(), bytes)?;
    if request.off() > u64::from(u16::MAX) {
        return Err(-E2BIG);
    }
    if request.off() + u64::from(count) > u64::from(IDS) {
        return Err(-EINVAL);
    }
    Ok(())
}

fn provide(core: &mut Core, request: &mut Request) -> i32 {
    let count = number(request).unwrap_or(0);
    let groups = &mut core.registered.groups;
    let group = groups
        .entry(request.buf_index())
        .or_insert_with(|| Group::List(VecDeque::new()));
    let Group::List(buffers) = group else { return -EINVAL };
    let room = MOST - buffers.len().min(MOST);
    if room == 0 {
        return -EOVERFLOW;
    }
    let (len, first) = (request.len(), request.off() as u16);
    buffers.extend((0..count).take(room).map(|n| Buffer {
        address: request.addr() + u64::from(n) * u64::from(len),
        len: len.min(LONGEST),
        id: first.wrapping_add(n as u16),
    }));
    0
}

fn prepare_remove(_: &mut Core, request: &mut Request) -> Result<(), c_int> {
    let unused = [request.addr(), request.off(), u64::from(request.len())];
    if request.op_flags() != 0 || unused != [0; 3] || request.file_index() != 0 {
        return Err(-EINVAL);
    }
    number(request).map(drop).ok_or(-EINVAL)
}

fn remove(core: &mut Core, request: &mut Request) -> i32 {
    let count = number(request).unwrap_or(0) as usize;
    match core.registered.groups.get_mut(&request.buf_index()) {
        None => -ENOENT,
        Some(Group::Ring(_)) => -EINVAL,
        Some(Group::List(buffers)) => buffers.drain(..count.min(buffers.len())).len() as i32,
    }
}
