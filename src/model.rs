//! loom runs the library's submit, peek and buffer-ring code, and the kernel's half of a ring (`ironring_half`), in
//! every order that the memory model allows. `cargo xtask model` runs the models, then runs them again for each
//! ordering with that ordering removed: a model must fail.
//!
//! The memory of a ring is plain memory behind raw pointers. `words` has a loom atomic for each shared word and a loom
//! cell for each slot. The library and the kernel's half access them through `ironring_abi::barrier`; where a program
//! accesses entries directly, the models do.

pub mod kernel;
mod program;
mod ring;
mod tests;
pub mod words;
