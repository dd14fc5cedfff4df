//! The threads' values under keys, of which libc's functions know nothing: loom's threads are one of libc's.

use super::words;
use libc::{c_int, c_void, pthread_key_t};
use loom::thread::{ThreadId, current};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ptr::null_mut;

/// What a model may have at most; each has a place in memory, which its users have found made.
static KEYS: [u8; 8] = [0; 8];

thread_local! {
    static MADE: Cell<u32> = const { Cell::new(0) };
    static VALUES: RefCell<HashMap<(ThreadId, pthread_key_t), usize>> = RefCell::default();
}

/// Starts an execution.
pub fn begin() {
    MADE.set(0);
    VALUES.with(|values| values.borrow_mut().clear());
}

fn touch(key: pthread_key_t, write: bool) {
    words::touch(&raw const KEYS[key as usize] as usize, write);
}

/// # Safety
/// As for libc's.
pub unsafe fn pthread_key_create(key: *mut pthread_key_t, _: Option<unsafe extern "C" fn(*mut c_void)>) -> c_int {
    let made = MADE.get();
    MADE.set(made + 1);
    touch(made as pthread_key_t, true);
    // SAFETY: the caller's promise.
    unsafe { *key = made as pthread_key_t };
    0
}

/// # Safety
/// As for libc's.
pub unsafe fn pthread_key_delete(key: pthread_key_t) -> c_int {
    touch(key, true);
    0
}

/// # Safety
/// As for libc's.
pub unsafe fn pthread_getspecific(key: pthread_key_t) -> *mut c_void {
    touch(key, false);
    let found = VALUES.with(|values| values.borrow().get(&(current().id(), key)).copied());
    found.map_or(null_mut(), |value| value as *mut c_void)
}

/// # Safety
/// As for libc's.
pub unsafe fn pthread_setspecific(key: pthread_key_t, value: *const c_void) -> c_int {
    touch(key, false);
    VALUES.with(|values| values.borrow_mut().insert((current().id(), key), value as usize));
    0
}
