#![doc = include_str!("README.md")]
#![cfg_attr(not(test), no_std)]
#![allow(non_camel_case_types, non_snake_case, non_upper_case_globals)]
// C names and C struct fields, some of which are reserved.
#![allow(
    clippy::pub_underscore_fields,
    clippy::used_underscore_binding,
    clippy::used_underscore_items
)]
// Conversions between C's integer types are part of liburing's interface.
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

#[cfg(test)]
mod backlog;
mod buf_ring;
mod inline;
mod kernel;
mod memory;
// The engine needs libc, which has them.
#[cfg(any(test, all(feature = "shipped", not(any(feature = "engine", feature = "use-libc")))))]
mod memset;
#[cfg(all(test, loom))]
mod model;
mod probe;
mod queue;
mod register;
mod resize;
mod resources;
#[cfg(all(test, not(loom)))]
mod rig;
mod ring;
#[cfg(all(test, not(loom)))]
mod script;
mod setup;
#[cfg(all(not(test), feature = "shipped", feature = "engine"))]
mod startup;
mod syscall;
mod version;
mod wait;

// One namespace, as in liburing.h.
#[doc(inline)]
pub use ironring_abi::ctypes::{__kernel_timespec, futex_waitv, open_how};
#[doc(inline)]
pub use ironring_abi::{types::*, uapi::*};

pub use buf_ring::*;
pub use inline::calls::*;
pub use inline::*;
pub use memory::*;
pub use probe::*;
pub use queue::*;
pub use register::*;
pub use resize::*;
pub use resources::*;
pub use setup::*;
pub use syscall::*;
pub use version::*;
pub use wait::*;

/// The language requires one; nothing in the plain library reaches it (`cargo xtask gates`).
#[cfg(all(not(test), feature = "shipped", not(feature = "engine")))]
#[panic_handler]
fn unreachable_panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}

// arm64's GCS property, the counterpart of x86's SHSTK in the Makefile: linkers before binutils 2.44 have no option for
// it.
#[cfg(all(feature = "shipped", target_arch = "aarch64"))]
core::arch::global_asm!(
    ".pushsection .note.gnu.property, \"a\"",
    ".balign 8",
    ".long 4, 16, 5",
    ".asciz \"GNU\"",
    ".long 0xc0000000, 4, 1 << 2, 0",
    ".popsection",
);
