#![doc = include_str!("README.md")]
#![cfg_attr(not(test), no_std)]
#![allow(non_camel_case_types, non_snake_case, non_upper_case_globals)]
// C's names and C's struct fields, some of which have no meaning yet.
#![allow(
    clippy::pub_underscore_fields,
    clippy::used_underscore_binding,
    clippy::used_underscore_items
)]
// The conversions between C's integer types are the point of this crate; each is liburing's own.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::cast_lossless
)]

#[cfg(all(feature = "shipped", not(panic = "abort"), not(test)))]
compile_error!("ironring needs panic = \"abort\": build with the profiles of its Cargo.toml");

#[cfg(not(any(target_os = "linux", target_os = "android")))]
compile_error!("io_uring is Linux's");

mod abi;
#[cfg(not(all(test, loom)))]
mod arch;
mod barrier;
mod buf_ring;
mod ctypes;
mod inline;
mod kernel;
mod memory;
#[cfg(any(test, all(feature = "shipped", not(feature = "use-libc"))))]
mod memset;
#[cfg(all(test, loom))]
mod model;
mod probe;
mod queue;
mod register;
mod resize;
mod resources;
mod ring;
mod setup;
mod syscall;
mod types;
mod version;
mod wait;

// One namespace, as in liburing.h.
pub use abi::*;
pub use buf_ring::*;
pub use ctypes::{__kernel_timespec, futex_waitv, open_how};
pub use inline::*;
pub use memory::*;
pub use probe::*;
pub use queue::*;
pub use register::*;
pub use resize::*;
pub use resources::*;
pub use setup::*;
pub use syscall::*;
pub use types::*;
pub use version::*;
pub use wait::*;

/// The language asks for one; nothing in the shipped objects reaches it (`cargo xtask gates`).
#[cfg(all(not(test), feature = "shipped"))]
#[panic_handler]
fn unreachable_panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}

// arm64's property GCS, as the Makefile has x86's SHSTK: linkers before binutils 2.44 have no option for it.
#[cfg(all(feature = "shipped", target_arch = "aarch64"))]
core::arch::global_asm!(
    ".pushsection .note.gnu.property, \"a\"",
    ".balign 8",
    ".long 4, 16, 5",
    ".asciz \"GNU\"",
    ".long 0xc0000000, 4, 1 << 2, 0",
    ".popsection",
);
