//! The inline functions: bodies in `liburing.h` that C programs compile, and symbols of liburing-ffi.
//!
//! Each function here is used twice: Rust compiles it for liburing-ffi, and `cargo gen` prints it as C. The bodies are
//! therefore written in a small subset of Rust with one obvious meaning in C: `let` with its type, assignment, `if`,
//! `loop`, `while`, `return`, calls, casts, fields through raw pointers, integer operators, `wrapping_add` and
//! `wrapping_sub`, and the functions of [`barrier`](ironring_abi::barrier). A cast is used where C needs one too; a
//! conversion that is implicit in C is written `T::from(x)` or, for pointers, `.cast()`. The emitter refuses everything
//! else and reports its location.
//!
//! The compiler inlines functions without calls into Rust programs by itself; a helper that uses a barrier needs the
//! attribute.
//!
//! The order of the modules, and of the functions in them, is the order in the C header: a function comes after those
//! that it calls. Blank lines keep rustfmt from sorting the modules.

// Each body is also a C body, which has no unsafe blocks; the function's documentation states the caller's promises.
#![allow(unsafe_op_in_unsafe_fn)]
// C fills a struct member by member and then returns it, so it needs the binding. Declarations come first, as some C
// programs enable warnings about declarations after statements.
#![allow(clippy::let_and_return, clippy::needless_late_init)]

mod sqe;

mod cqe;

mod prep;

mod ring;

mod buf_ring;

mod recvmsg;

// The library's own code uses the modules above, while this one uses the library: so only lib.rs depends on both.
pub(crate) mod calls;

#[cfg(all(test, not(loom)))]
pub(crate) mod tests;

pub use buf_ring::*;
pub use cqe::*;
pub use prep::*;
pub use recvmsg::*;
pub use ring::*;
pub use sqe::*;
