//! The memory of a ring, as the engine has it mapped.

use crate::atomic::{AtomicU32, Ordering};
use crate::sys::{self, Result};
use core::ptr::null_mut;

/// The memory of a ring.
pub struct Memory {
    /// The control block.
    pub base: *mut u8,
    pub len: usize,
    pub queues: Queues,
}

/// The memory of a ring's queues: two parts of one mapping, or (with lengths of 0) the program's memory, where possible
/// mapped again.
pub struct Queues {
    /// The queues but for the SQEs.
    pub rings: *mut u8,
    pub rings_len: usize,
    pub sqes: *mut u8,
    pub sqes_len: usize,
    /// The lengths of the engine's own mappings of the program's memory.
    pub again: [usize; 2],
    /// The program's mappings of both parts after a resize, until it asks for them: it must get them.
    pub mapped: [*mut u8; 2],
}

impl Memory {
    /// Unmaps what the engine has mapped.
    pub fn unmap(&self) {
        // SAFETY: nobody uses the control block any more.
        unsafe { sys::unmap(self.base, self.len) };
        self.queues.unmap();
    }
}

/// Whether shared mappings can be mapped again: 0 if that is not known yet, 1 if they can, 2 if not.
static AGAIN: AtomicU32 = AtomicU32::new(0);

/// Maps shared memory for the engine, and also for the program where that can't be done later (valgrind refuses it); the
/// second address is null otherwise.
pub fn map_for_both(len: usize) -> Result<[*mut u8; 2]> {
    if AGAIN.load(Ordering::Relaxed) == 2 {
        return map_file(len);
    }
    let ours = sys::map_shared(len)?;
    if AGAIN.load(Ordering::Relaxed) == 0 {
        // SAFETY: the start of a shared mapping of this length.
        match unsafe { sys::map_again(ours, len) } {
            Ok(theirs) => {
                AGAIN.store(1, Ordering::Relaxed);
                // SAFETY: nobody has got it.
                unsafe { sys::unmap(theirs.cast(), len) };
            }
            Err(errno) if errno == -libc::EINVAL => {
                AGAIN.store(2, Ordering::Relaxed);
                // SAFETY: as above.
                unsafe { sys::unmap(ours, len) };
                return map_file(len);
            }
            Err(_) => {}
        }
    }
    Ok([ours, null_mut()])
}

/// As [`map_for_both`], by a file.
fn map_file(len: usize) -> Result<[*mut u8; 2]> {
    let name = c"io_uring";
    // SAFETY: a terminated name.
    let made = unsafe {
        sys::call(
            libc::SYS_memfd_create,
            [name.as_ptr() as usize, libc::MFD_CLOEXEC as usize],
        )
    }?;
    let file = made as libc::c_int;
    // SAFETY: no memory is passed.
    let sized = unsafe { sys::call(libc::SYS_ftruncate, [made, len]) };
    let mapped = sized.and_then(|_| {
        let ours = sys::map_shared_file(file, len)?;
        sys::map_shared_file(file, len)
            .map(|theirs| [ours, theirs])
            .inspect_err(|_| {
                // SAFETY: nobody has got it.
                unsafe { sys::unmap(ours, len) };
            })
    });
    sys::close(file);
    mapped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::whole_pages;

    #[test]
    fn both_mappings_are_of_the_same_memory() {
        let len = whole_pages(10_000);
        let [ours, theirs] = map_file(len).expect("there is memory");
        for at in [0, 4096, len - 1] {
            // SAFETY: both mappings have the byte.
            unsafe {
                ours.add(at).write_volatile(7);
                assert_eq!(theirs.add(at).read_volatile(), 7);
            }
        }
        // SAFETY: they are no longer used.
        unsafe {
            sys::unmap(ours, len);
            sys::unmap(theirs, len);
        }
    }
}
