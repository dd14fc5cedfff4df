//! ironring: liburing's ABI, API and headers, made from Rust.
//!
//! A map of the house:
//!
//! - [`abi`]: what the kernel defines; becomes `liburing/io_uring.h`, `io_uring/query.h`, `io_uring/bpf_filter.h`
//! - [`types`]: `struct io_uring` and its parts, shared between the library and the programs that inline it
//! - [`inline`]: what C programs compile into themselves; becomes the bodies in `liburing.h` and liburing-ffi
//! - [`setup`]: a ring's birth and death; [`memory`]: where its memory lies and how much it takes
//! - [`queue`]: submit, peek; [`wait`]: wait
//! - [`register`] and [`resources`]: everything that `io_uring_register` does; [`buf_ring`], [`resize`], [`probe`]
//! - [`syscall`], [`version`]: the thin rest
//! - [`barrier`]: the only atomics; `kernel`: every system call by name; `arch`: how one is made
//!
//! `cargo xtask gen` makes the headers and the symbol maps from this source; see ARCHITECTURE.md.

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

pub mod abi;
#[cfg(not(all(test, loom)))]
mod arch;
pub mod barrier;
pub mod buf_ring;
pub mod ctypes;
pub mod inline;
mod kernel;
pub mod memory;
#[cfg(any(test, all(feature = "shipped", not(feature = "use-libc"))))]
mod memset;
#[cfg(all(test, loom))]
mod model;
pub mod probe;
pub mod queue;
pub mod register;
pub mod resize;
pub mod resources;
pub mod setup;
pub mod syscall;
pub mod types;
pub mod version;
pub mod wait;

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
