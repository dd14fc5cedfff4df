//! Locks that a run takes away, and the data of statics.

use super::words;
use loom::thread::ThreadId;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::panic::Location;

thread_local! {
    /// The locks that threads only believe to have.
    static MISSING: RefCell<HashSet<(ThreadId, usize)>> = RefCell::default();
    /// The data of locks before the first use, in all executions: statics keep what a former execution has left.
    static BEFORE: RefCell<HashMap<usize, Box<[u8]>>> = RefCell::default();
    /// The locks whose data is that of this execution.
    static FRESH: RefCell<HashSet<usize>> = RefCell::default();
}

/// Starts an execution.
pub fn begin() {
    MISSING.with(|missing| missing.borrow_mut().clear());
    FRESH.with(|fresh| fresh.borrow_mut().clear());
}

/// Takes a lock by `take`, unless this run has removed it. loom learns that what it protects is used.
pub fn take<T: Default>(lock: usize, site: &'static Location<'static>, take: impl FnOnce() -> T) -> T {
    let taken = if words::visit(site) == Some(true) {
        let me = loom::thread::current().id();
        MISSING.with(|missing| missing.borrow_mut().insert((me, lock)));
        T::default()
    } else {
        take()
    };
    words::touch(lock, true);
    taken
}

/// Gives a lock back by `give`, if it was taken.
pub fn give(lock: usize, give: impl FnOnce()) {
    words::touch(lock, true);
    let me = loom::thread::current().id();
    if !MISSING.with(|missing| missing.borrow_mut().remove(&(me, lock))) {
        give();
    }
}

/// Gives the data of a static its first value, at its first use in an execution.
pub fn refresh(lock: usize, data: *mut u8, len: usize) {
    if !FRESH.with(|fresh| fresh.borrow_mut().insert(lock)) {
        return;
    }
    BEFORE.with(|before| {
        let mut before = before.borrow_mut();
        // SAFETY: the data, whose lock is held; what it owned in a former execution is leaked.
        unsafe {
            if let Some(bytes) = before.get(&lock) {
                data.copy_from_nonoverlapping(bytes.as_ptr(), len);
            } else {
                before.insert(lock, core::slice::from_raw_parts(data, len).into());
            }
        }
    });
}

/// Forgets the data of a lock that is dropped.
pub fn forget(lock: usize) {
    let _ = BEFORE.try_with(|before| before.borrow_mut().remove(&lock));
    let _ = FRESH.try_with(|fresh| fresh.borrow_mut().remove(&lock));
}
