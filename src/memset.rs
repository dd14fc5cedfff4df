//! The functions that compilers may call without being asked, to zero or copy a large structure. The library has its
//! own, hidden from every other program, so that it needs no libc. Where nothing calls them, the linker drops them.

use crate::ctypes::{c_int, c_void, size_t};

/// C's `memset`.
///
/// # Safety
/// As C's: `to` has `n` writable bytes.
#[cfg_attr(not(test), unsafe(no_mangle))]
unsafe extern "C" fn memset(to: *mut c_void, byte: c_int, n: size_t) -> *mut c_void {
    let mut at = 0;
    while at < n {
        // SAFETY: the caller's promise; volatile stops the compiler from seeing a memset in this.
        unsafe { to.cast::<u8>().add(at).write_volatile(byte as u8) };
        at += 1;
    }
    to
}

/// C's `memcpy`.
///
/// # Safety
/// As C's: `from` has `n` readable bytes, `to` as many writable ones, and they don't overlap.
#[cfg_attr(not(test), unsafe(no_mangle))]
unsafe extern "C" fn memcpy(to: *mut c_void, from: *const c_void, n: size_t) -> *mut c_void {
    let mut at = 0;
    while at < n {
        // SAFETY: the caller's promise; volatile stops the compiler from seeing a memcpy in this.
        unsafe { to.cast::<u8>().add(at).write_volatile(*from.cast::<u8>().add(at)) };
        at += 1;
    }
    to
}

#[cfg(all(test, not(loom)))]
mod tests;
