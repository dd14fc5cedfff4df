//! System calls: `syscallN(nr, N arguments)` returns the kernel's result, -errno for an error. There is one file for
//! each processor, and libc's `syscall` for the rest and with the feature `use-libc`.

#[cfg_attr(
    all(target_arch = "x86_64", target_pointer_width = "64", not(feature = "use-libc")),
    path = "x86_64.rs"
)]
#[cfg_attr(
    all(target_arch = "aarch64", target_pointer_width = "64", not(feature = "use-libc")),
    path = "aarch64.rs"
)]
#[cfg_attr(all(target_arch = "riscv64", not(feature = "use-libc")), path = "riscv64.rs")]
#[cfg_attr(
    any(
        feature = "use-libc",
        not(target_pointer_width = "64"),
        not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))
    ),
    path = "libc.rs"
)]
mod route;

pub use route::{mmap, syscall2, syscall4, syscall6};
