//! io_uring in user space: `io_uring_setup`, `io_uring_enter`, `io_uring_register` and the mappings of a ring, as a
//! kernel gives them, made of ordinary system calls in the program's own process.
#![cfg_attr(not(test), no_std)]
// The operations' functions have the types of the table.
#![allow(clippy::unnecessary_wraps, clippy::struct_excessive_bools)]
// Conversions between C's integer types are part of the kernel's interface.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::cast_lossless
)]
// What only Linux itself or a library needs.
#![cfg_attr(loom, allow(dead_code, unused_imports))]

extern crate alloc;

mod atomic;
mod batch;
mod boundary;
mod cancel;
mod context;
mod credentials;
mod driver;
mod enter;
mod fork;
mod futex;
mod heap;
mod kept;
mod lock;
mod locked;
mod memory;
#[cfg(loom)]
mod model;
mod ops;
mod policy;
mod post;
mod proc;
mod progress;
mod query;
mod register;
mod registered;
mod request;
mod resize;
mod setup;
mod shared;
mod slab;
mod sqpoll;
mod status;
mod submit;
mod sys;
mod thread;
mod timers;
mod user;
mod worker;

pub use boundary::Engine;

/// The library's crates have no standard library, so the flavour with the engine gets its handler here. A panic is a
/// fault in the engine: the process can't be trusted with the program's data any more.
#[cfg(not(test))]
#[panic_handler]
fn panicked(_: &core::panic::PanicInfo) -> ! {
    // SAFETY: it takes no argument and doesn't return.
    unsafe { libc::abort() }
}
