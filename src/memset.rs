//! Functions that compilers call implicitly to zero or copy a large structure. The library has its own, which are not
//! exported, so that it needs no libc. If nothing calls them, the linker drops them.

use ironring_abi::ctypes::{c_int, c_void, size_t};

/// C's `memset`.
///
/// # Safety
/// As C's: `to` has `n` writable bytes.
#[cfg_attr(not(test), unsafe(no_mangle))]
unsafe extern "C" fn memset(to: *mut c_void, byte: c_int, n: size_t) -> *mut c_void {
    let mut at = 0;
    while at < n {
        // SAFETY: the caller's promise; volatile keeps the compiler from turning the loop into a memset.
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
        // SAFETY: the caller's promise; volatile keeps the compiler from turning the loop into a memcpy.
        unsafe { to.cast::<u8>().add(at).write_volatile(*from.cast::<u8>().add(at)) };
        at += 1;
    }
    to
}

#[cfg(all(test, not(loom)))]
mod tests;
