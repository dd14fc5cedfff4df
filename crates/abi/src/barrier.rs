//! The only atomic operations: loads and stores of memory shared with the kernel.
//!
//! In C the inline functions use the macros of `liburing/barrier.h` (templates in C++) instead, which compile to the
//! same instructions.

use core::sync::atomic::Ordering;
#[cfg(not(loom))]
use core::sync::atomic::{AtomicU32, fence};

/// The atomic operations for each width that a ring shares with the kernel.
pub trait Shared: Copy {
    /// # Safety
    /// `p` is valid and aligned for the type, and every concurrent access to it is atomic.
    #[cfg_attr(loom, track_caller)]
    unsafe fn load(p: *const Self, order: Ordering) -> Self;
    /// # Safety
    /// As [`load`](Self::load), and `p` may be written.
    #[cfg_attr(loom, track_caller)]
    unsafe fn store(p: *mut Self, value: Self, order: Ordering);
}

#[cfg(not(loom))]
macro_rules! shared {
    ($($int:ty => $atomic:ident),*) => {$(
        impl Shared for $int {
            #[inline]
            unsafe fn load(p: *const Self, order: Ordering) -> Self {
                // SAFETY: the caller's promise is `from_ptr`'s; the cast adds no write.
                unsafe { core::sync::atomic::$atomic::from_ptr(p.cast_mut()) }.load(order)
            }
            #[inline]
            unsafe fn store(p: *mut Self, value: Self, order: Ordering) {
                // SAFETY: the caller's promise is `from_ptr`'s.
                unsafe { core::sync::atomic::$atomic::from_ptr(p) }.store(value, order);
            }
        }
    )*};
}

#[cfg(not(loom))]
shared!(u16 => AtomicU16, u32 => AtomicU32);

/// With `--cfg loom` a model replaces the processor: the program defines these functions, and learns where each access
/// comes from.
#[cfg(loom)]
mod model {
    use super::Shared;
    use core::panic::Location;
    use core::sync::atomic::Ordering;

    type Site = &'static Location<'static>;

    unsafe extern "Rust" {
        fn ironring_load(p: *const (), size: usize, order: Ordering, site: Site) -> u32;
        fn ironring_store(p: *mut (), size: usize, value: u32, order: Ordering, site: Site);
        pub safe fn ironring_fence(order: Ordering, site: Site);
        /// Sets and clears bits of a word atomically, with no ordering.
        pub fn ironring_update(p: *mut u32, set: u32, clear: u32);
        /// Reports a plain read or write of `len` bytes of an entry.
        pub fn ironring_touch(p: *const (), len: usize, write: bool);
    }

    macro_rules! shared {
        ($($int:ty),*) => {$(
            impl Shared for $int {
                #[track_caller]
                unsafe fn load(p: *const Self, order: Ordering) -> Self {
                    // SAFETY: the caller's promise.
                    unsafe { ironring_load(p.cast(), size_of::<Self>(), order, Location::caller()) as Self }
                }
                #[track_caller]
                unsafe fn store(p: *mut Self, value: Self, order: Ordering) {
                    // SAFETY: the caller's promise.
                    unsafe { ironring_store(p.cast(), size_of::<Self>(), value.into(), order, Location::caller()) };
                }
            }
        )*};
    }

    shared!(u16, u32);
}

#[cfg(loom)]
#[track_caller]
fn fence(order: Ordering) {
    model::ironring_fence(order, core::panic::Location::caller());
}

/// Loads `*p` before everything after it in program order.
///
/// # Safety
/// As [`Shared::load`].
#[inline]
#[cfg_attr(loom, track_caller)]
pub unsafe fn io_uring_smp_load_acquire<T: Shared>(p: *const T) -> T {
    // SAFETY: passed on to the caller.
    unsafe { T::load(p, Ordering::Acquire) }
}

/// Stores `value` to `*p` after everything before it in program order.
///
/// # Safety
/// As [`Shared::store`].
#[inline]
#[cfg_attr(loom, track_caller)]
pub unsafe fn io_uring_smp_store_release<T: Shared>(p: *mut T, value: T) {
    // SAFETY: passed on to the caller.
    unsafe { T::store(p, value, Ordering::Release) }
}

/// Loads `*p` once, atomically, without ordering: `IO_URING_READ_ONCE(*p)`.
///
/// # Safety
/// As [`Shared::load`].
#[inline]
#[cfg_attr(loom, track_caller)]
pub unsafe fn read_once<T: Shared>(p: *const T) -> T {
    // SAFETY: passed on to the caller.
    unsafe { T::load(p, Ordering::Relaxed) }
}

/// Stores `*p` once, atomically, without ordering: `IO_URING_WRITE_ONCE(*p, value)`.
///
/// # Safety
/// As [`Shared::store`].
#[inline]
#[cfg_attr(loom, track_caller)]
pub unsafe fn write_once<T: Shared>(p: *mut T, value: T) {
    // SAFETY: passed on to the caller.
    unsafe { T::store(p, value, Ordering::Relaxed) }
}

/// Orders everything before it before everything after it, including a store before a load.
#[inline]
#[cfg_attr(loom, track_caller)]
pub fn io_uring_smp_mb() {
    fence(Ordering::SeqCst);
}

/// Sets `bits` of `*p` atomically, with no ordering.
///
/// # Safety
/// As [`Shared::store`].
#[inline]
pub unsafe fn set_bits(p: *mut u32, bits: u32) {
    // SAFETY: the caller's promise is `from_ptr`'s.
    #[cfg(not(loom))]
    unsafe {
        AtomicU32::from_ptr(p).fetch_or(bits, Ordering::Relaxed);
    }
    // SAFETY: passed on to the caller.
    #[cfg(loom)]
    unsafe {
        model::ironring_update(p, bits, 0);
    }
}

/// Clears `bits` of `*p` atomically, with no ordering.
///
/// # Safety
/// As [`Shared::store`].
#[inline]
pub unsafe fn clear_bits(p: *mut u32, bits: u32) {
    // SAFETY: the caller's promise is `from_ptr`'s.
    #[cfg(not(loom))]
    unsafe {
        AtomicU32::from_ptr(p).fetch_and(!bits, Ordering::Relaxed);
    }
    // SAFETY: passed on to the caller.
    #[cfg(loom)]
    unsafe {
        model::ironring_update(p, 0, bits);
    }
}

/// Reads an entry once. An index, read before with acquire, says that the other side has filled it; a faulty program
/// could write to it all the same.
///
/// # Safety
/// `p` is valid and aligned, and any bytes are valid for `T`.
#[inline]
pub unsafe fn read_entry<T: Copy>(p: *const T) -> T {
    // SAFETY: passed on to the caller.
    unsafe {
        #[cfg(loom)]
        model::ironring_touch(p.cast(), size_of::<T>(), false);
        p.read_volatile()
    }
}

/// Writes an entry. An index, stored after with release, tells the other side.
///
/// # Safety
/// `p` is valid and aligned, and may be written.
#[inline]
pub unsafe fn write_entry<T: Copy>(p: *mut T, entry: T) {
    // SAFETY: passed on to the caller.
    unsafe {
        #[cfg(loom)]
        model::ironring_touch(p.cast_const().cast(), size_of::<T>(), true);
        p.write_volatile(entry);
    }
}

/// Tells ThreadSanitizer, in C, that everything so far happens before [`acquire_data`] of the same `user_data`.
#[inline]
pub const fn release_data(_data: u64) {}

/// The counterpart of [`release_data`], when a completion has delivered the value.
#[inline]
pub const fn acquire_data(_data: u64) {}
