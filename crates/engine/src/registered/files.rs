//! Registered files and direct descriptors.

use crate::context::{self, Core};
use crate::kept::{self, Kept};
use crate::registered::slots::Used;
use crate::{heap, sys, user};
use alloc::sync::Arc;
use alloc::vec::Vec;
use ironring_abi::ctypes::{c_int, c_uint};
use ironring_abi::uapi::*;
use ironring_half::Cqe;
use libc::{EBADF, EBUSY, EFAULT, EINVAL, EMFILE, ENFILE, ENOMEM, ENXIO, EOVERFLOW};

type Result<T = c_int> = core::result::Result<T, c_int>;

user::plain!(io_uring_rsrc_register, io_uring_rsrc_update2, io_uring_file_index_range);

/// The largest table.
const MOST: u32 = 1 << 20;

/// A slot of the table.
struct Slot {
    file: Arc<Kept>,
    /// Posted as a completion once nothing uses the file any more; 0 for none.
    tag: u64,
}

#[derive(Default)]
pub struct Files {
    /// Empty if no table is registered.
    slots: Vec<Option<Slot>>,
    used: Used,
    /// The slots from which the engine chooses for `IORING_FILE_INDEX_ALLOC`; the second is not included.
    alloc_from: u32,
    alloc_to: u32,
    /// Where the next search begins.
    hint: u32,
    /// The number of slots with a tag.
    tagged: usize,
    /// Files without a slot that requests may still use, with their tags. There is always room for those of all slots.
    leaving: Vec<(Arc<Kept>, u64)>,
}

impl Files {
    /// The file in a slot.
    pub fn get(&self, index: u32) -> Option<Arc<Kept>> {
        let slot = self.slots.get(index as usize)?.as_ref()?;
        Some(slot.file.clone())
    }

    /// The number of slots; 0 if no table is registered.
    pub fn len(&self) -> u32 {
        self.slots.len() as u32
    }

    /// Whether files with tags wait for their last user.
    pub fn has_leaving(&self) -> bool {
        !self.leaving.is_empty()
    }

    /// Puts a file into a slot. -ENOMEM if it could not be taken out again.
    fn set(&mut self, index: u32, file: Kept, tag: u64) -> Result<()> {
        self.clear(index);
        if !heap::has_room() || tag != 0 && self.leaving.try_reserve(self.tagged + 1).is_err() {
            return Err(-ENOMEM);
        }
        if let Some(slot) = self.slots.get_mut(index as usize) {
            *slot = Some(Slot {
                file: Arc::new(file),
                tag,
            });
            self.tagged += usize::from(tag != 0);
            self.used.set(index);
            self.hint = index + 1;
        }
        Ok(())
    }

    /// Empties a slot; false if it was empty.
    fn clear(&mut self, index: u32) -> bool {
        let Some(slot) = self.slots.get_mut(index as usize).and_then(Option::take) else {
            return false;
        };
        self.used.clear(index);
        self.hint = index;
        if slot.tag != 0 {
            self.tagged -= 1;
            self.leaving.push((slot.file, slot.tag));
        }
        true
    }

    /// A free slot of the range.
    fn free(&mut self) -> Option<u32> {
        // Slots outside of the range change the hint, too.
        let hint = self.hint.clamp(self.alloc_from, self.alloc_to);
        let found = self.used.free(hint, self.alloc_to);
        found.or_else(|| self.used.free(self.alloc_from, hint))
    }

    fn set_range(&mut self, from: u32, to: u32) {
        (self.alloc_from, self.alloc_to, self.hint) = (from, to, from);
    }

    /// Replaces the table by an empty one.
    fn resize(&mut self, count: u32) -> Result<()> {
        let mut slots = Vec::new();
        let count = count as usize;
        if slots.try_reserve_exact(count).is_err() {
            return Err(-ENOMEM);
        }
        slots.resize_with(count, || None);
        self.used = Used::new(count)?;
        self.slots = slots;
        self.set_range(0, count as u32);
        Ok(())
    }
}

/// Holds the file of a descriptor of the program. -EBADF for those that can't be registered: a ring's, or one that was
/// opened with `O_PATH`.
fn hold(fd: c_int) -> Result<Kept> {
    let flags = sys::fcntl(fd, libc::F_GETFL, 0)?;
    if flags as c_int & libc::O_PATH != 0 || kept::is_engines(fd) || context::is_ring(fd) {
        return Err(-EBADF);
    }
    Kept::new(fd)
}

impl Core {
    /// Makes a file a direct descriptor, as `sqe->file_index` says: the slot's number plus one (the result is 0), or
    /// `IORING_FILE_INDEX_ALLOC` (the result is the slot's number).
    pub fn install(&mut self, file: Kept, file_index: u32) -> Result {
        let chosen = file_index == IORING_FILE_INDEX_ALLOC;
        let index = if chosen {
            self.registered.files.free().ok_or(-ENFILE)?
        } else {
            file_index.wrapping_sub(1)
        };
        let files = &mut self.registered.files;
        if files.len() == 0 {
            return Err(-ENXIO);
        }
        if index >= files.len() {
            return Err(-EINVAL);
        }
        files.set(index, file, 0)?;
        self.post_tags();
        Ok(if chosen { index as c_int } else { 0 })
    }

    /// Closes a direct descriptor, or takes a registered file out of its slot.
    pub fn remove_file(&mut self, index: u32) -> Result {
        let files = &mut self.registered.files;
        if files.len() == 0 {
            return Err(-ENXIO);
        }
        if index >= files.len() {
            return Err(-EINVAL);
        }
        if !files.clear(index) {
            return Err(-EBADF);
        }
        self.post_tags();
        Ok(0)
    }

    /// Closes the files with tags that nothing uses any more, and posts the tags.
    pub fn post_tags(&mut self) {
        if !self.registered.files.has_leaving() {
            return;
        }
        // Posting needs the rest of the ring.
        let mut leaving = core::mem::take(&mut self.registered.files.leaving);
        leaving.retain(|(file, tag)| {
            let used = Arc::strong_count(file) != 1;
            if !used {
                self.post(&Cqe {
                    user_data: *tag,
                    res: 0,
                    flags: 0,
                    big: [0; 2],
                });
            }
            used
        });
        self.registered.files.leaving = leaving;
    }
}

/// The address of an element of a program's array.
fn element(array: u64, index: u32, size: u32) -> u64 {
    array.wrapping_add(u64::from(index) * u64::from(size))
}

/// `IORING_REGISTER_FILES`.
pub fn register(core: &mut Core, arg: u64, nr: c_uint) -> Result {
    if arg == 0 {
        return Err(-EFAULT);
    }
    register_table(core, arg, nr, 0)
}

/// `IORING_REGISTER_FILES2`.
pub fn register2(core: &mut Core, arg: u64, size: c_uint) -> Result {
    if size as usize != size_of::<io_uring_rsrc_register>() {
        return Err(-EINVAL);
    }
    let table: io_uring_rsrc_register = user::read(arg)?;
    if table.nr == 0 || table.resv2 != 0 || table.flags & !IORING_RSRC_REGISTER_SPARSE != 0 {
        return Err(-EINVAL);
    }
    if table.flags & IORING_RSRC_REGISTER_SPARSE != 0 && table.data != 0 {
        return Err(-EINVAL);
    }
    register_table(core, table.data, table.nr, table.tags)
}

/// Registers a table with the descriptors at one address (0: all slots are empty) and the tags at another (0: none).
fn register_table(core: &mut Core, fds: u64, nr: u32, tags: u64) -> Result {
    if core.registered.files.len() != 0 {
        return Err(-EBUSY);
    }
    if nr == 0 {
        return Err(-EINVAL);
    }
    if nr > MOST || u64::from(nr) > kept::limit() {
        return Err(-EMFILE);
    }
    core.registered.files.resize(nr)?;
    for index in 0..nr {
        if let Err(errno) = fill(core, index, fds, tags) {
            // Nothing was registered, so no tag comes.
            let leaving = core::mem::take(&mut core.registered.files.leaving);
            core.registered.files = Files {
                leaving,
                ..Files::default()
            };
            return Err(errno);
        }
    }
    core.registered.files.set_range(0, nr);
    Ok(0)
}

/// Fills a slot of a new table.
fn fill(core: &mut Core, index: u32, fds: u64, tags: u64) -> Result<()> {
    let tag: u64 = if tags == 0 {
        0
    } else {
        user::read(element(tags, index, 8))?
    };
    let fd: c_int = if fds == 0 {
        -1
    } else {
        user::read(element(fds, index, 4))?
    };
    if fd == -1 {
        return if tag == 0 { Ok(()) } else { Err(-EINVAL) };
    }
    core.registered.files.set(index, hold(fd)?, tag)
}

/// `IORING_UNREGISTER_FILES`.
pub fn unregister(core: &mut Core, arg: u64, nr: c_uint) -> Result {
    if arg != 0 || nr != 0 {
        return Err(-EINVAL);
    }
    let files = &mut core.registered.files;
    if files.len() == 0 {
        return Err(-ENXIO);
    }
    for index in (0..files.len()).rev() {
        files.clear(index);
    }
    files.resize(0)?;
    core.post_tags();
    Ok(0)
}

/// `IORING_REGISTER_FILES_UPDATE`.
pub fn update(core: &mut Core, arg: u64, nr: c_uint) -> Result {
    if nr == 0 {
        return Err(-EINVAL);
    }
    let update: io_uring_rsrc_update = user::read(arg)?;
    if update.resv != 0 {
        return Err(-EINVAL);
    }
    core.update_files(update.offset, update.data, 0, nr)
}

/// `IORING_REGISTER_FILES_UPDATE2`.
pub fn update2(core: &mut Core, arg: u64, size: c_uint) -> Result {
    if size as usize != size_of::<io_uring_rsrc_update2>() {
        return Err(-EINVAL);
    }
    let update: io_uring_rsrc_update2 = user::read(arg)?;
    if update.nr == 0 || update.resv != 0 || update.resv2 != 0 {
        return Err(-EINVAL);
    }
    core.update_files(update.offset, update.data, update.tags, update.nr)
}

impl Core {
    /// Replaces `nr` registered files from slot `offset` on; how many before the first error.
    pub fn update_files(&mut self, offset: u32, fds: u64, tags: u64, nr: u32) -> Result {
        let end = offset.checked_add(nr).ok_or(-EOVERFLOW)?;
        let len = self.registered.files.len();
        if len == 0 {
            return Err(-ENXIO);
        }
        if end > len {
            return Err(-EINVAL);
        }
        let mut done = 0;
        let mut error = Ok(());
        while done < nr && error.is_ok() {
            error = self.update_file(offset + done, element(fds, done, 4), element(tags, done, 8), tags != 0);
            done += u32::from(error.is_ok());
        }
        self.post_tags();
        match error {
            Err(errno) if done == 0 => Err(errno),
            _ => Ok(done as c_int),
        }
    }

    fn update_file(&mut self, index: u32, fd_at: u64, tag_at: u64, tagged: bool) -> Result<()> {
        let tag: u64 = if tagged { user::read(tag_at)? } else { 0 };
        let fd: c_int = user::read(fd_at)?;
        if tag != 0 && (fd == IORING_REGISTER_FILES_SKIP || fd == -1) {
            return Err(-EINVAL);
        }
        if fd == IORING_REGISTER_FILES_SKIP {
            return Ok(());
        }
        // Even if the new file can't be registered.
        self.registered.files.clear(index);
        if fd != -1 {
            self.registered.files.set(index, hold(fd)?, tag)?;
        }
        Ok(())
    }

    /// Installs the files of `nr` descriptors in slots that the engine chooses, and writes their numbers in the place of
    /// the descriptors; how many before the first error.
    pub fn install_files(&mut self, fds: u64, nr: u32) -> Result {
        if self.registered.files.len() == 0 {
            return Err(-ENXIO);
        }
        for done in 0..nr {
            if let Err(errno) = self.install_file(element(fds, done, 4)) {
                return if done == 0 { Err(errno) } else { Ok(done as c_int) };
            }
        }
        Ok(nr as c_int)
    }

    fn install_file(&mut self, fd_at: u64) -> Result<()> {
        let fd: c_int = user::read(fd_at)?;
        let slot = self.install(hold(fd)?, IORING_FILE_INDEX_ALLOC)?;
        user::write(fd_at, &slot).inspect_err(|_| {
            let _ = self.remove_file(slot as u32);
        })
    }
}

/// `IORING_REGISTER_FILE_ALLOC_RANGE`.
pub fn alloc_range(core: &mut Core, arg: u64, nr: c_uint) -> Result {
    if arg == 0 || nr != 0 {
        return Err(-EINVAL);
    }
    let range: io_uring_file_index_range = user::read(arg)?;
    let end = range.off.checked_add(range.len).ok_or(-EOVERFLOW)?;
    if range.resv != 0 || end > core.registered.files.len() {
        return Err(-EINVAL);
    }
    core.registered.files.set_range(range.off, end);
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hint_goes_around() {
        let mut files = Files::default();
        files.resize(10).unwrap();
        (0..10).for_each(|slot| files.used.set(slot));
        files.hint = 10;
        assert_eq!(files.free(), None);
        files.used.clear(3);
        files.hint = 7;
        assert_eq!(files.free(), Some(3));
        files.set_range(5, 7);
        assert_eq!(files.free(), None);
    }
}
