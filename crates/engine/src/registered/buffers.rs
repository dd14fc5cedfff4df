//! Registered buffers.
//!
//! The kernel keeps the pages of a registered buffer; the engine keeps its address, and system calls check the memory
//! again. So the program must not unmap a buffer that is registered.

use crate::context::{Context, Core};
use crate::request::Request;
use crate::sys::Result;
use crate::{context, heap, sys, thread, user};
use alloc::sync::Arc;
use alloc::vec::Vec;
use ironring_abi::ctypes::c_int;
use ironring_abi::uapi::*;
use ironring_half::Cqe;
use libc::{EBADF, EBUSY, EEXIST, EFAULT, EINVAL, ENOMEM, ENXIO, EOPNOTSUPP, EOVERFLOW, iovec};

user::plain!(io_uring_clone_buffers);

/// The largest number of slots.
const SLOTS: u32 = 1 << 14;
/// The largest size of a buffer.
const LARGEST: u64 = 1 << 30;
/// The largest number of bytes of one transfer.
const MOST: u64 = 0x7fff_f000;

/// A registered buffer. Requests that use it hold references.
#[derive(Debug)]
pub struct Buffer {
    address: u64,
    len: u64,
    /// The `user_data` of the completion that comes when it is removed and no longer used; 0 for none.
    tag: u64,
}

/// The table of registered buffers.
#[derive(Default)]
pub struct Buffers {
    /// Empty if no table is registered.
    slots: Vec<Option<Arc<Buffer>>>,
}

impl Buffer {
    /// Whether a part of the program's memory lies within.
    fn holds(&self, address: u64, len: u64) -> bool {
        let end = address.checked_add(len);
        address >= self.address && end.is_some_and(|end| end <= self.address + self.len)
    }
}

impl Buffers {
    /// Whether a slot has a buffer.
    pub fn has(&self, index: u16) -> bool {
        self.get(index).is_some()
    }

    fn get(&self, index: u16) -> Option<&Arc<Buffer>> {
        self.slots.get(usize::from(index))?.as_ref()
    }
}

impl Core {
    /// Takes the registered buffer that the entry names, for the life of the request. -EFAULT if there is none.
    fn take_registered(&mut self, request: &mut Request) -> Result<Arc<Buffer>> {
        if request.buffer.is_none() {
            request.buffer = self.registered.buffers.get(request.buf_index()).cloned();
        }
        request.buffer.clone().ok_or(-EFAULT)
    }

    /// A part of the registered buffer that the entry names. -EFAULT if there is none, or if the part is not within.
    pub fn registered_part(&mut self, request: &mut Request, address: u64, len: u64) -> Result<iovec> {
        let buffer = self.take_registered(request)?;
        if len > MOST || !buffer.holds(address, len) {
            return Err(-EFAULT);
        }
        Ok(iovec {
            iov_base: address as usize as *mut _,
            iov_len: len as usize,
        })
    }

    /// Checks that vectors are parts of the registered buffer that the entry names.
    pub fn registered_parts(&mut self, request: &mut Request, vectors: &[iovec]) -> Result<()> {
        const PAGE: usize = 12;
        let buffer = self.take_registered(request)?;
        let pages = vectors
            .iter()
            .fold(0, |sum: usize, vector| sum.saturating_add((vector.iov_len >> PAGE) + 2));
        if pages > i32::MAX as usize {
            return Err(-EOVERFLOW);
        }
        let mut total: u64 = 0;
        for vector in vectors {
            let len = vector.iov_len as u64;
            if len == 0 || len > MOST || !buffer.holds(vector.iov_base as u64, len) {
                return Err(-EFAULT);
            }
            total = total.checked_add(len).ok_or(-EOVERFLOW)?;
        }
        if total > MOST { Err(-EINVAL) } else { Ok(()) }
    }

    /// Gives up a buffer; with the last reference its tag is posted.
    pub fn drop_registered(&mut self, buffer: Arc<Buffer>) {
        match Arc::into_inner(buffer) {
            Some(Buffer { tag, .. }) if tag != 0 => {
                self.post(&Cqe {
                    user_data: tag,
                    res: 0,
                    flags: 0,
                    big: [0; 2],
                });
            }
            _ => {}
        }
    }

    fn drop_slots(&mut self, slots: Vec<Option<Arc<Buffer>>>) {
        for buffer in slots.into_iter().rev().flatten() {
            self.drop_registered(buffer);
        }
    }
}

/// A new buffer. -ENOMEM if the system has no memory.
fn buffer(address: u64, len: u64, tag: u64) -> Result<Arc<Buffer>> {
    if !heap::has_room() {
        return Err(-ENOMEM);
    }
    Ok(Arc::new(Buffer { address, len, tag }))
}

/// An empty list with room for so many. -ENOMEM if the system has no memory.
fn list<T>(len: usize) -> Result<Vec<T>> {
    let mut list = Vec::new();
    list.try_reserve_exact(len).map_err(|_| -ENOMEM)?;
    Ok(list)
}

/// Reads the buffer at a place of the program's arrays: none for an empty slot.
fn read_slot(vectors: u64, tags: u64, place: u32) -> Result<Option<Arc<Buffer>>> {
    let place = u64::from(place);
    let vector: iovec = match vectors {
        0 => iovec {
            iov_base: core::ptr::null_mut(),
            iov_len: 0,
        },
        _ => user::read(vectors.wrapping_add(place * size_of::<iovec>() as u64))?,
    };
    let (address, len) = (vector.iov_base as u64, vector.iov_len as u64);
    if vector.iov_len > isize::MAX as usize {
        return Err(-EINVAL);
    }
    let tag: u64 = match tags {
        0 => 0,
        _ => user::read(tags.wrapping_add(place * 8))?,
    };
    if address == 0 {
        return match (len, tag) {
            (0, 0) => Ok(None),
            (0, _) => Err(-EINVAL),
            _ => Err(-EFAULT),
        };
    }
    if len == 0 || len > LARGEST {
        return Err(-EFAULT);
    }
    if address
        .checked_add(len.next_multiple_of(crate::setup::page_size() as u64))
        .is_none()
    {
        return Err(-EOVERFLOW);
    }
    user::check_writable(address, len)?;
    buffer(address, len, tag).map(Some)
}

fn register_slots(core: &mut Core, nr: u32, vectors: u64, tags: u64) -> Result<c_int> {
    if !core.registered.buffers.slots.is_empty() {
        return Err(-EBUSY);
    }
    if nr == 0 || nr > SLOTS {
        return Err(-EINVAL);
    }
    let mut slots = list(nr as usize)?;
    for place in 0..nr {
        slots.push(read_slot(vectors, tags, place)?);
    }
    core.registered.buffers.slots = slots;
    Ok(0)
}

/// `IORING_REGISTER_BUFFERS`.
pub fn register(core: &mut Core, arg: u64, nr: u32) -> Result<c_int> {
    if arg == 0 {
        return Err(-EFAULT);
    }
    register_slots(core, nr, arg, 0)
}

/// `IORING_REGISTER_BUFFERS2`.
pub fn register_tagged(core: &mut Core, arg: u64, size: u32) -> Result<c_int> {
    if size as usize != size_of::<io_uring_rsrc_register>() {
        return Err(-EINVAL);
    }
    let rr: io_uring_rsrc_register = user::read(arg)?;
    let sparse = rr.flags & IORING_RSRC_REGISTER_SPARSE != 0;
    if rr.nr == 0 || rr.resv2 != 0 || rr.flags & !IORING_RSRC_REGISTER_SPARSE != 0 || sparse && rr.data != 0 {
        return Err(-EINVAL);
    }
    register_slots(core, rr.nr, rr.data, rr.tags)
}

/// `IORING_REGISTER_BUFFERS_UPDATE`: how many slots were replaced before the first error.
pub fn update(core: &mut Core, arg: u64, size: u32) -> Result<c_int> {
    if size as usize != size_of::<io_uring_rsrc_update2>() {
        return Err(-EINVAL);
    }
    let update: io_uring_rsrc_update2 = user::read(arg)?;
    if update.nr == 0 || update.resv != 0 || update.resv2 != 0 {
        return Err(-EINVAL);
    }
    let end = update.offset.checked_add(update.nr).ok_or(-EOVERFLOW)?;
    if core.registered.buffers.slots.is_empty() {
        return Err(-ENXIO);
    }
    if end as usize > core.registered.buffers.slots.len() {
        return Err(-EINVAL);
    }
    if update.data == 0 {
        return Err(-EFAULT);
    }
    for place in 0..update.nr {
        let new = match read_slot(update.data, update.tags, place) {
            Ok(new) => new,
            Err(errno) if place == 0 => return Err(errno),
            Err(_) => return Ok(place as c_int),
        };
        let index = (update.offset + place) as usize;
        if let Some(slot) = core.registered.buffers.slots.get_mut(index) {
            if let Some(old) = core::mem::replace(slot, new) {
                core.drop_registered(old);
            }
        }
    }
    Ok(update.nr as c_int)
}

/// `IORING_UNREGISTER_BUFFERS`.
pub fn unregister(core: &mut Core, arg: u64, nr: u32) -> Result<c_int> {
    if arg != 0 || nr != 0 {
        return Err(-EINVAL);
    }
    let slots = core::mem::take(&mut core.registered.buffers.slots);
    if slots.is_empty() {
        return Err(-ENXIO);
    }
    core.drop_slots(slots);
    Ok(0)
}

/// The ring that a clone copies from.
fn source(clone: &io_uring_clone_buffers) -> Result<&'static Context> {
    let fd = clone.src_fd as c_int;
    if clone.flags & IORING_REGISTER_SRC_REGISTERED != 0 {
        return thread::registered(fd);
    }
    context::by_duplicate(fd).ok_or_else(|| match sys::fcntl(fd, libc::F_GETFD, 0) {
        Ok(_) => -EOPNOTSUPP,
        Err(_) => -EBADF,
    })
}

/// `IORING_REGISTER_CLONE_BUFFERS`. The rings are locked one after the other.
pub fn clone(core: Core, arg: u64, nr: u32) -> Result<c_int> {
    const FLAGS: u32 = IORING_REGISTER_SRC_REGISTERED | IORING_REGISTER_DST_REPLACE;
    if arg == 0 || nr != 1 {
        return Err(-EINVAL);
    }
    let clone: io_uring_clone_buffers = user::read(arg)?;
    if clone.flags & !FLAGS != 0 {
        return Err(-EINVAL);
    }
    let replace = clone.flags & IORING_REGISTER_DST_REPLACE != 0;
    if !replace && !core.registered.buffers.slots.is_empty() {
        return Err(-EBUSY);
    }
    if clone.pad != [0; 3] {
        return Err(-EINVAL);
    }
    let from = source(&clone)?;
    let context = core.context;
    drop(core);
    let found = {
        let mut core = from.lock().ok_or(-EBADF)?;
        let owner = core.queues().owner;
        if !core::ptr::eq(from, context) && owner != 0 && owner != thread::id() {
            return Err(-EEXIST);
        }
        let slots = &core.registered.buffers.slots;
        let mut found = list(slots.len())?;
        let parts = |buffer: &Arc<Buffer>| (buffer.address, buffer.len);
        found.extend(slots.iter().map(|slot| slot.as_ref().map(parts)));
        found
    };
    let mut core = context.lock().ok_or(-EBADF)?;
    core.paste(&clone, &found, replace)
}

impl Core {
    /// Puts copies of another ring's buffers into the table.
    fn paste(&mut self, clone: &io_uring_clone_buffers, found: &[Option<(u64, u64)>], replace: bool) -> Result<c_int> {
        let all = found.len() as u32;
        if clone.nr == 0 && (clone.dst_off != 0 || clone.src_off != 0) {
            return Err(-EINVAL);
        }
        if !self.registered.buffers.slots.is_empty() && !replace {
            return Err(-EBUSY);
        }
        if all == 0 {
            return Err(-ENXIO);
        }
        let nr = if clone.nr == 0 { all } else { clone.nr };
        if nr > all {
            return Err(-EINVAL);
        }
        let end = clone.src_off.checked_add(nr).ok_or(-EOVERFLOW)?;
        if end > all {
            return Err(-EOVERFLOW);
        }
        let to_end = nr.checked_add(clone.dst_off).ok_or(-EOVERFLOW)?;
        if to_end > SLOTS {
            return Err(-EINVAL);
        }
        let copies = found.iter().take(end as usize).skip(clone.src_off as usize);
        let old = &self.registered.buffers.slots;
        let len = old.len().max(to_end as usize);
        let mut slots = list(len)?;
        slots.extend_from_slice(old);
        slots.resize(len, None);
        for (slot, copy) in slots.iter_mut().skip(clone.dst_off as usize).zip(copies) {
            *slot = copy.map(|(address, len)| buffer(address, len, 0)).transpose()?;
        }
        let old = core::mem::replace(&mut self.registered.buffers.slots, slots);
        self.drop_slots(old);
        Ok(0)
    }
}
