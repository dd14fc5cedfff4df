//! Locks: of a word in shared memory, and of data of this process.

use crate::atomic::{AtomicU32, Ordering};
use crate::sys;
use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};

/// This process. A lock's owner is a process, because processes end while they hold one, and threads don't.
static PID: AtomicU32 = AtomicU32::new(0);

/// This process's id.
pub fn pid() -> u32 {
    #[cfg(loom)]
    return crate::model::process();
    #[cfg(not(loom))]
    kept_pid()
}

#[cfg_attr(loom, allow(dead_code))]
fn kept_pid() -> u32 {
    match PID.load(Ordering::Relaxed) {
        0 => {
            let pid = sys::pid();
            PID.store(pid, Ordering::Relaxed);
            pid
        }
        pid => pid,
    }
}

/// Forgets the parent's id after a fork.
pub fn forget_pid() {
    PID.store(0, Ordering::Relaxed);
}

/// A lock word: 0, or the owner's process id, with [`CONTENDED`] if others may be waiting.
#[repr(transparent)]
pub struct Lock(AtomicU32);

/// Set by waiters. Process ids are below 2^22.
const CONTENDED: u32 = 1 << 31;
/// How long a waiter sleeps before it looks whether the owner is still alive.
const PATIENCE: u64 = 20_000_000;
/// How often a waiter looks before it sleeps: most sections are shorter than a system call.
const SPINS: u32 = if cfg!(loom) { 1 } else { 100 };

impl Lock {
    pub const fn new() -> Lock {
        Lock(AtomicU32::new(0))
    }

    /// Takes the lock; true if its owner died with it, so that the data may be half changed.
    #[cfg_attr(loom, track_caller)]
    pub fn lock(&self) -> bool {
        #[cfg(loom)]
        return crate::model::locks::take(self.address(), core::panic::Location::caller(), || self.take());
        #[cfg(not(loom))]
        self.take()
    }

    fn take(&self) -> bool {
        let me = pid();
        if self
            .0
            .compare_exchange(0, me, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
        {
            return false;
        }
        self.lock_slow(me)
    }

    /// Takes the lock if it is free, or soon becomes so.
    pub fn try_lock(&self) -> bool {
        let taken = self.try_take();
        #[cfg(loom)]
        if taken {
            crate::atomic::exclusive(self.0.as_ptr());
        }
        taken
    }

    fn try_take(&self) -> bool {
        let me = pid();
        for _ in 0..SPINS {
            let taken = self.0.compare_exchange(0, me, Ordering::Acquire, Ordering::Relaxed);
            if taken.is_ok() {
                return true;
            }
            core::hint::spin_loop();
        }
        false
    }

    #[cold]
    fn lock_slow(&self, me: u32) -> bool {
        for _ in 0..SPINS {
            if self.0.load(Ordering::Relaxed) == 0
                && self
                    .0
                    .compare_exchange(0, me, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
            {
                return false;
            }
            core::hint::spin_loop();
        }
        loop {
            let found = self.0.load(Ordering::Relaxed);
            if found == 0 {
                // Others may be asleep, so this owner wakes one, too.
                if self
                    .0
                    .compare_exchange(0, me | CONTENDED, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
                {
                    return false;
                }
                continue;
            }
            let marked = found | CONTENDED;
            if found != marked
                && self
                    .0
                    .compare_exchange(found, marked, Ordering::Relaxed, Ordering::Relaxed)
                    .is_err()
            {
                continue;
            }
            let until = sys::now(libc::CLOCK_MONOTONIC) + PATIENCE;
            let waited = sys::futex_wait(self.0.as_ptr(), marked, until);
            let owner = marked & !CONTENDED;
            if waited == Err(-libc::ETIMEDOUT)
                && owner != me
                && !sys::alive(owner)
                && self
                    .0
                    .compare_exchange(marked, me | CONTENDED, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
            {
                return true;
            }
        }
    }

    /// Gives the lock back.
    pub fn unlock(&self) {
        #[cfg(loom)]
        return crate::model::locks::give(self.address(), || self.give());
        #[cfg(not(loom))]
        self.give();
    }

    fn give(&self) {
        if self.0.swap(0, Ordering::Release) & CONTENDED != 0 {
            sys::futex_wake(self.0.as_ptr(), 1);
        }
    }

    #[cfg(loom)]
    fn address(&self) -> usize {
        self.0.as_ptr() as usize
    }

    /// Frees the lock in a child of fork, where no other thread exists.
    pub fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// Data of this process behind a lock.
pub struct Mutex<T> {
    lock: Lock,
    data: UnsafeCell<T>,
    /// Names the lock for models.
    #[cfg(loom)]
    made: &'static core::panic::Location<'static>,
}

// SAFETY: the lock lets one thread at a time to the data.
unsafe impl<T: Send> Sync for Mutex<T> {}

impl<T> Mutex<T> {
    #[cfg_attr(loom, track_caller)]
    pub const fn new(data: T) -> Mutex<T> {
        Mutex {
            lock: Lock::new(),
            data: UnsafeCell::new(data),
            #[cfg(loom)]
            made: core::panic::Location::caller(),
        }
    }

    pub fn lock(&self) -> Guard<'_, T> {
        #[cfg(not(loom))]
        self.lock.lock();
        #[cfg(loom)]
        {
            let address = self.lock.address();
            crate::model::locks::take(address, self.made, || self.lock.take());
            crate::model::locks::refresh(address, self.data.get().cast(), size_of::<T>());
        }
        Guard(self)
    }

    /// The data, while the lock itself is held.
    ///
    /// # Safety
    /// The caller has taken the lock, and keeps it for as long as the reference.
    pub unsafe fn locked(&self) -> &T {
        // SAFETY: the caller's promise.
        unsafe { &*self.data.get() }
    }

    /// The lock itself, for fork.
    pub fn word(&self) -> &Lock {
        &self.lock
    }
}

/// Exclusive access to the data of a [`Mutex`].
pub struct Guard<'a, T>(&'a Mutex<T>);

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the guard holds the lock.
        unsafe { &*self.0.data.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard holds the lock.
        unsafe { &mut *self.0.data.get() }
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        self.0.lock.unlock();
    }
}

#[cfg(test)]
mod tests;
