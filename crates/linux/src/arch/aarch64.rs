//! aarch64: number in x8, arguments in x0 to x5, result in x0.

use core::arch::asm;

macro_rules! syscall {
    ($name:ident: $($arg:ident $register:tt),*) => {
        #[inline]
        pub unsafe fn $name(nr: libc::c_long, a: usize, $($arg: usize),*) -> isize {
            let ret: isize;
            // SAFETY: the registers are the kernel's convention; what the call does is the caller's promise.
            unsafe {
                asm!(
                    "svc 0",
                    in("x8") nr,
                    inlateout("x0") a as isize => ret,
                    $(in($register) $arg,)*
                    options(nostack),
                );
            }
            ret
        }
    };
}

syscall!(syscall2: b "x1");
syscall!(syscall4: b "x1", c "x2", d "x3");
syscall!(syscall6: b "x1", c "x2", d "x3", e "x4", f "x5");

#[path = "mmap.rs"]
mod raw;
pub use raw::mmap;
