//! The system calls about futexes.

use super::{PRIVATE, SIZE_32, Word};
use crate::atomic::{AtomicU32, Ordering};
use crate::sys::{self, Result};

const FUTEX_WAITV: libc::c_long = 449;

/// Whether there is `futex_waitv(2)`: since Linux 5.16, unless a filter refuses it.
pub fn has_vectors() -> bool {
    const UNKNOWN: u32 = 0;
    const NO: u32 = 1;
    const YES: u32 = 2;
    static FOUND: AtomicU32 = AtomicU32::new(UNKNOWN);
    match FOUND.load(Ordering::Relaxed) {
        UNKNOWN => {
            // No futexes: it is refused for that, if it is known.
            let found = ![Err(-libc::ENOSYS), Err(-libc::EPERM)].contains(&vectors(&[]));
            FOUND.store(if found { YES } else { NO }, Ordering::Relaxed);
            found
        }
        found => found == YES,
    }
}

/// `struct futex_waitv`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Entry {
    value: u64,
    address: u64,
    flags: u32,
    reserved: u32,
}

impl Entry {
    /// A word of the engine, which is never freed.
    pub fn new(word: &AtomicU32, value: u32, private: bool) -> Entry {
        Entry {
            value: value.into(),
            address: word.as_ptr() as u64,
            flags: SIZE_32 | if private { PRIVATE } else { 0 },
            reserved: 0,
        }
    }
}

fn flag(private: bool) -> usize {
    if private { libc::FUTEX_PRIVATE_FLAG as usize } else { 0 }
}

/// Wakes up to `count` waiters of the program's futex whose masks overlap; how many there were.
pub fn wake(address: u64, count: u32, mask: u32, private: bool) -> Result {
    let operation = libc::FUTEX_WAKE_BITSET as usize | flag(private);
    // SAFETY: the kernel uses the address as a key only.
    unsafe {
        sys::call(
            sys::FUTEX,
            [address as usize, operation, count as usize, 0, 0, mask as usize],
        )
    }
}

/// Waits for several words; the index of the one by which it was woken up.
pub fn vectors(entries: &[Entry]) -> Result {
    // SAFETY: the entries are valid for the call, and the words in them are never freed.
    unsafe { sys::call(FUTEX_WAITV, [entries.as_ptr() as usize, entries.len(), 0, 0, 0]) }
}

/// Moves a thread from a word of ours, which is 0, to the program's; how many were moved.
pub fn requeue(own: &AtomicU32, word: &Word) -> Result {
    let operation = libc::FUTEX_CMP_REQUEUE as usize | flag(word.private);
    // SAFETY: the kernel uses the program's address as a key only; our word is never freed.
    unsafe {
        sys::call(
            sys::FUTEX,
            [own.as_ptr() as usize, operation, 0, 1, word.address as usize, 0],
        )
    }
}

/// Waits for one word, which is 0 until then, as those with a mask do.
pub fn sleep_for_one(word: &AtomicU32, private: bool, mask: u32) -> Result {
    let operation = libc::FUTEX_WAIT_BITSET as usize | flag(private);
    // SAFETY: the word is never freed.
    unsafe { sys::call(sys::FUTEX, [word.as_ptr() as usize, operation, 0, 0, 0, mask as usize]) }
}
