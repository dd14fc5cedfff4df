//! riscv64: number in a7, arguments in a0 to a5, result in a0.

use core::arch::asm;

macro_rules! syscall {
    ($name:ident: $($arg:ident $register:tt),*) => {
        #[inline]
        pub unsafe fn $name(nr: libc::c_long, a: usize, $($arg: usize),*) -> isize {
            let ret: isize;
            // SAFETY: the registers are the kernel's convention; what the call does is the caller's promise.
            unsafe {
                asm!(
                    "ecall",
                    in("a7") nr,
                    inlateout("a0") a as isize => ret,
                    $(in($register) $arg,)*
                    options(nostack),
                );
            }
            ret
        }
    };
}

syscall!(syscall2: b "a1");
syscall!(syscall4: b "a1", c "a2", d "a3");
syscall!(syscall6: b "a1", c "a2", d "a3", e "a4", f "a5");

#[path = "mmap.rs"]
mod raw;
pub use raw::mmap;
