//! The program's memory: words that the engine reads by system calls, and futexes.

use super::{futex_word, with, words};
use crate::atomic::Ordering::{AcqRel, Relaxed};
use ironring_abi::ctypes::c_int;
use libc::iovec;
use loom::sync::atomic::AtomicU64;

/// A word of the program, of up to 8 bytes, which is 0 at first.
#[derive(Clone, Copy)]
pub struct Exposed(usize);

impl Exposed {
    pub fn new(bytes: usize) -> Exposed {
        let address = Box::into_raw(Box::new(0u64)) as usize;
        with(|linux| linux.exposed.push((address, bytes)));
        Exposed(address)
    }

    pub fn address(self) -> u64 {
        self.0 as u64
    }

    pub fn word(self) -> &'static AtomicU64 {
        words::word(self.0, || 0)
    }
}

/// `process_vm_readv(2)` of one range, which is refused unless it begins with an exposed word.
///
/// # Safety
/// As for the call.
pub unsafe fn read(ours: *const iovec, theirs: *const iovec) -> c_int {
    // SAFETY: the engine passes ranges.
    let (ours, theirs) = unsafe { (*ours, *theirs) };
    let found = with(|linux| {
        let mut all = linux.exposed.iter();
        all.find(|(address, _)| *address == theirs.iov_base as usize).copied()
    });
    let Some((address, bytes)) = found else {
        return -libc::ENOSYS;
    };
    let value = words::word(address, || 0).load(Relaxed).to_le_bytes();
    // SAFETY: the engine passes room for so many bytes.
    unsafe {
        let room: *mut u8 = ours.iov_base.cast();
        room.write_bytes(0, ours.iov_len);
        room.copy_from(value.as_ptr(), bytes.min(ours.iov_len));
    }
    ours.iov_len as c_int
}

/// A futex of the program.
#[derive(Clone, Copy)]
pub struct Futex(*mut u32);

impl Futex {
    pub fn new() -> Futex {
        Futex(Box::into_raw(Box::new(0)))
    }

    pub fn address(self) -> usize {
        self.0 as usize
    }

    /// Sets it to 0, while nobody waits for it.
    pub fn reset(self) {
        futex_word(self.address()).swap(0, AcqRel);
        // SAFETY: as in `change`.
        unsafe { self.0.write_volatile(0) };
    }

    /// Sets it to another value, and wakes one who waits for it.
    pub fn change(self, value: u32) {
        futex_word(self.address()).swap(value.into(), AcqRel);
        // SAFETY: it is never freed. The engine reads the memory, and the modelled kernel the word.
        unsafe { self.0.write_volatile(value) };
        let _ = crate::futex::wake(self.address() as u64, 1, u32::MAX, true);
    }
}
