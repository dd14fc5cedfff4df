//! What C programs compile into themselves: the bodies in `liburing.h`, and the same functions as symbols of
//! liburing-ffi.
//!
//! Each function here has two lives. Rust compiles it for liburing-ffi, and `cargo xtask gen` prints it as C. So the
//! bodies keep to a small subset of Rust that has one obvious C meaning: `let` with its type, assignment, `if`,
//! `loop`, `while`, `return`, calls, casts, fields through raw pointers, integer operators, `wrapping_add` and
//! `wrapping_sub`, and the functions of [`barrier`](crate::barrier). A cast stands where C needs one too; a widening
//! that C does by itself is written `T::from(x)` or, for pointers, `.cast()`. The emitter refuses all else and says
//! where.
//!
//! Rust programs inline what calls nothing by themselves; a helper that uses a barrier needs the attribute for it.
//!
//! The order of the modules, and of the functions in them, is the order in the C header: a function stands below
//! those that it calls. Blank lines keep rustfmt from sorting the modules.

// Each body is a C body too, which has no unsafe blocks; the promises are the caller's, in the function's docs.
#![allow(unsafe_op_in_unsafe_fn)]
// C fills a struct member by member and returns it after; the binding is that struct. And some C compilers are told
// to warn of a declaration below a statement, so the declarations come first.
#![allow(clippy::let_and_return, clippy::needless_late_init)]

mod sqe;

mod cqe;

mod prep;

mod ring;

mod buf_ring;

mod recvmsg;

#[cfg(all(test, not(loom)))]
pub(crate) mod tests;

pub use buf_ring::*;
pub use cqe::*;
pub use prep::*;
pub use recvmsg::*;
pub use ring::*;
pub use sqe::*;
