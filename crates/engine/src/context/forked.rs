//! A ring across a fork.

use super::{Context, Entered};
use crate::atomic::Ordering;
use crate::kept;
use core::ptr::null_mut;

impl Context {
    /// Takes the ring's lock alone, for fork, unless it has been taken for it.
    pub fn lock_for_fork(&'static self) {
        if self.forking.load(Ordering::Relaxed) {
            return;
        }
        let Some(entered) = self.enter() else { return };
        if let Some(shared) = self.shared() {
            let died = shared.lock.lock();
            self.inherited.store(died, Ordering::Relaxed);
            self.forking.store(true, Ordering::Relaxed);
            self.forked.store(true, Ordering::Relaxed);
            // The memory stays until the lock is given back.
            core::mem::forget(entered);
        }
    }

    /// Gives back what [`lock_for_fork`](Self::lock_for_fork) took.
    pub fn unlock_after_fork(&'static self) {
        if !self.forking.swap(false, Ordering::Relaxed) {
            return;
        }
        let entered = Entered(self);
        if self.inherited.swap(false, Ordering::Relaxed) {
            // Made whole, and given back.
            drop(self.locked(entered, true));
        } else if let Some(shared) = self.shared() {
            shared.lock.unlock();
        }
    }

    /// Forgets the parent's requests, in the child of a fork.
    pub fn child(&'static self) {
        self.users.store(0, Ordering::Relaxed);
        self.forking.store(false, Ordering::Relaxed);
        self.inherited.store(false, Ordering::Relaxed);
        // SAFETY: the child has one thread.
        let place = unsafe { &mut *self.inner.get() };
        let Some(inner) = place else { return };
        inner.forget();
        if inner.closed {
            // Another thread of the parent was exiting it.
            self.shared.store(null_mut(), Ordering::Relaxed);
            self.serial.fetch_add(1, Ordering::Relaxed);
            let signal = self.signal.swap(-1, Ordering::Relaxed);
            if signal >= 0 {
                kept::close(signal);
            }
            if let Some(inner) = place.take() {
                inner.memory.unmap();
            }
        }
    }
}
