//! A kernel for the tests, which can behave like any kernel and records every call. What a test does not script
//! succeeds. A test fails if it unmaps a range that is not mapped, closes a descriptor twice, sleeps when nothing can
//! wake it, or leaves something behind.
//!
//! The calls of a thread without a script go to the real kernel.

mod boundary;
mod call;
mod enter;
mod layout;
mod register;
mod ring;
mod state;
mod tests;

pub use boundary::Scripted;
pub use call::{Arg, Call, Kind};
pub use state::{PAGE, Script, State, start};
