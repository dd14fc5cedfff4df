//! riscv64: number in a7, arguments in a0 to a5, result in a0.

use core::arch::asm;

#[inline]
pub unsafe fn syscall(nr: libc::c_long, args: [usize; 6]) -> isize {
    let ret: isize;
    // SAFETY: the registers are the kernel's convention (syscall(2)); what the call does is the caller's promise.
    unsafe {
        asm!(
            "ecall",
            in("a7") nr,
            inlateout("a0") args[0] as isize => ret,
            in("a1") args[1],
            in("a2") args[2],
            in("a3") args[3],
            in("a4") args[4],
            in("a5") args[5],
            options(nostack),
        );
    }
    ret
}

#[path = "mmap.rs"]
mod raw;
pub use raw::mmap;
