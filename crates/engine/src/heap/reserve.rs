//! The reserve: memory for what was accepted and must complete when the system has no more.

use super::{CHUNK, map_new};
use crate::atomic::{AtomicBool, Ordering};
use crate::lock::Lock;
use crate::sys;
use core::cell::UnsafeCell;
use core::ptr::null_mut;

/// Memory that is kept for what can't fail: the completion of requests that were accepted. Once less than half of it is
/// left, calls of the program that need memory fail until there is a new one.
struct Reserve {
    lock: Lock,
    /// Its address, and how much of it is left; null before the first ring.
    rest: UnsafeCell<(*mut u8, usize)>,
    enough: AtomicBool,
}

/// The size of the reserve, of which nothing is present before it is used.
const RESERVED: usize = 1 << 20;

// SAFETY: the lock lets one thread at a time to the rest.
unsafe impl Sync for Reserve {}

static RESERVE: Reserve = Reserve {
    lock: Lock::new(),
    rest: UnsafeCell::new((null_mut(), 0)),
    enough: AtomicBool::new(false),
};

/// A part of it that begins a page; null if it is used up. Nothing large: whoever needs that can do without.
#[cold]
pub fn take(len: usize) -> *mut u8 {
    RESERVE.lock.lock();
    // SAFETY: the lock is held.
    let (next, left) = unsafe { &mut *RESERVE.rest.get() };
    let mut found = null_mut();
    if len <= CHUNK.min(*left) {
        found = *next;
        *next = found.wrapping_add(len);
        *left -= len;
        RESERVE.enough.store(*left >= RESERVED / 2, Ordering::Relaxed);
    }
    RESERVE.lock.unlock();
    found
}

/// Makes it whole again.
#[cold]
fn fill() -> bool {
    RESERVE.lock.lock();
    // SAFETY: the lock is held.
    let rest = unsafe { &mut *RESERVE.rest.get() };
    if rest.1 != RESERVED {
        let new = map_new(RESERVED);
        if !new.is_null() {
            let (next, left) = core::mem::replace(rest, (new, RESERVED));
            if left != 0 {
                // SAFETY: nobody has got this part.
                unsafe { sys::unmap(next, left) };
            }
        }
    }
    let enough = rest.1 >= RESERVED / 2;
    RESERVE.enough.store(enough, Ordering::Relaxed);
    RESERVE.lock.unlock();
    enough
}

/// Whether there is memory for what a call begins. Allocations abort when the reserve is used up, too.
pub fn has_room() -> bool {
    RESERVE.enough.load(Ordering::Relaxed) || fill()
}

/// The lock that fork must hold; those of the arenas are taken before it.
pub fn lock() -> &'static Lock {
    &RESERVE.lock
}
