//! loom runs the library's own submit, peek and buffer-ring code against a kernel on the other side, in every order
//! that the memory model allows. `cargo xtask model` runs the models, and then once more for each ordering in the
//! library with that ordering taken away: a model must fail.
//!
//! The library's words stay plain memory behind raw pointers; `words` gives each a shadow that loom watches. What the
//! queues' slots hold is watched as cells, which the models touch where a program or the kernel would.

pub mod kernel;
mod ring;
mod tests;
pub mod words;
