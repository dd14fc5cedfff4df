//! The functions that compilers may call without being asked, to zero or copy a large structure. The library has its
//! own, hidden from every other program, so that it needs no libc.

use crate::ctypes::{c_int, c_void, size_t};

/// C's `memset`. Written so that no compiler turns it into a call of itself.
///
/// # Safety
/// As C's: `to` has `n` writable bytes.
#[cfg_attr(not(test), unsafe(no_mangle))]
unsafe extern "C" fn memset(to: *mut c_void, byte: c_int, n: size_t) -> *mut c_void {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the caller's promise; the ABI keeps the direction flag clear.
    unsafe {
        // Whole words first: what the library zeroes is made of them.
        core::arch::asm!(
            "imul rax, {ones}",
            "mov rcx, {n}",
            "shr rcx, 3",
            "rep stosq",
            "mov rcx, {n}",
            "and ecx, 7",
            "rep stosb",
            ones = in(reg) 0x0101_0101_0101_0101_u64,
            n = in(reg) n,
            inout("rax") u64::from(byte as u8) => _,
            inout("rdi") to => _,
            out("rcx") _,
            options(nostack),
        );
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let mut at = 0;
        while at < n {
            // SAFETY: the caller's promise; volatile stops the compiler from seeing a memset in this.
            unsafe { to.cast::<u8>().add(at).write_volatile(byte as u8) };
            at += 1;
        }
    }
    to
}

/// C's `memcpy`; on x86-64 nothing needs it.
///
/// # Safety
/// As C's: `from` has `n` readable bytes, `to` as many writable ones, and they don't overlap.
#[cfg(not(target_arch = "x86_64"))]
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
