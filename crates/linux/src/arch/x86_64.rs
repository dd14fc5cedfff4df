//! x86-64: number in rax, arguments in rdi, rsi, rdx, r10, r8, r9; rcx and r11 are lost.

use core::arch::asm;

macro_rules! syscall {
    ($name:ident: $($arg:ident $register:tt),*) => {
        #[inline]
        pub unsafe fn $name(nr: libc::c_long, $($arg: usize),*) -> isize {
            let ret: isize;
            // SAFETY: the registers are the kernel's convention; what the call does is the caller's promise.
            unsafe {
                asm!(
                    "syscall",
                    inlateout("rax") nr as isize => ret,
                    $(in($register) $arg,)*
                    lateout("rcx") _,
                    lateout("r11") _,
                    options(nostack),
                );
            }
            ret
        }
    };
}

syscall!(syscall2: a "rdi", b "rsi");
syscall!(syscall4: a "rdi", b "rsi", c "rdx", d "r10");
syscall!(syscall6: a "rdi", b "rsi", c "rdx", d "r10", e "r8", f "r9");

#[path = "mmap.rs"]
mod raw;
pub use raw::mmap;
