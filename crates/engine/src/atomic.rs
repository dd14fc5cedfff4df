//! Atomics. With `--cfg loom` a model takes the place of the processor, and what it must know besides is said here, too.

#[cfg(loom)]
pub use crate::model::atomic::{
    AtomicBool, AtomicI32, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, compiler_fence, exclusive, fence, uses,
};
pub use core::sync::atomic::Ordering;
#[cfg(not(loom))]
pub use core::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, compiler_fence, fence};

/// Says to models that nobody else may use the data at an address now; in a library, nothing.
#[cfg(not(loom))]
#[inline]
pub fn exclusive<T>(_: *const T) {}

/// Says to models that this thread uses the data at an address, as others may; in a library, nothing.
#[cfg(not(loom))]
#[inline]
pub fn uses<T>(_: *const T) {}
