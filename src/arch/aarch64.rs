//! aarch64: number in x8, arguments in x0 to x5, result in x0.

use core::arch::asm;

#[inline]
pub unsafe fn syscall(nr: libc::c_long, args: [usize; 6]) -> isize {
    let ret: isize;
    // SAFETY: the registers are the kernel's convention (syscall(2)); what the call does is the caller's promise.
    unsafe {
        asm!(
            "svc 0",
            in("x8") nr,
            inlateout("x0") args[0] as isize => ret,
            in("x1") args[1],
            in("x2") args[2],
            in("x3") args[3],
            in("x4") args[4],
            in("x5") args[5],
            options(nostack),
        );
    }
    ret
}

#[path = "mmap.rs"]
mod raw;
pub use raw::mmap;
