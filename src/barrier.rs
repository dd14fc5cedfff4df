//! The only atomics: the orderings of the rings, shared with the kernel.
//!
//! In C these are the macros of `liburing/barrier.h` (templates in C++), which compile to the same instructions.

#[cfg(all(test, loom))]
use crate::model::words::fence;
use core::sync::atomic::Ordering;
#[cfg(not(all(test, loom)))]
use core::sync::atomic::fence;

/// The atomic operations for each width that a ring shares with the kernel.
pub trait Shared: Copy {
    /// # Safety
    /// `p` is valid and aligned for the type, and every concurrent access to it is atomic.
    #[cfg_attr(all(test, loom), track_caller)]
    unsafe fn load(p: *const Self, order: Ordering) -> Self;
    /// # Safety
    /// As [`load`](Self::load), and `p` may be written.
    #[cfg_attr(all(test, loom), track_caller)]
    unsafe fn store(p: *mut Self, value: Self, order: Ordering);
}

#[cfg(not(all(test, loom)))]
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

#[cfg(not(all(test, loom)))]
shared!(u16 => AtomicU16, u32 => AtomicU32);

/// Loads `*p`; nothing after it in program order is done before it.
///
/// # Safety
/// As [`Shared::load`].
#[inline]
#[cfg_attr(all(test, loom), track_caller)]
pub unsafe fn io_uring_smp_load_acquire<T: Shared>(p: *const T) -> T {
    // SAFETY: passed on to the caller.
    unsafe { T::load(p, Ordering::Acquire) }
}

/// Stores `value` to `*p` after everything before it in program order.
///
/// # Safety
/// As [`Shared::store`].
#[inline]
#[cfg_attr(all(test, loom), track_caller)]
pub unsafe fn io_uring_smp_store_release<T: Shared>(p: *mut T, value: T) {
    // SAFETY: passed on to the caller.
    unsafe { T::store(p, value, Ordering::Release) }
}

/// Loads `*p` once, whole, with no ordering: `IO_URING_READ_ONCE(*p)`.
///
/// # Safety
/// As [`Shared::load`].
#[inline]
#[cfg_attr(all(test, loom), track_caller)]
pub unsafe fn read_once<T: Shared>(p: *const T) -> T {
    // SAFETY: passed on to the caller.
    unsafe { T::load(p, Ordering::Relaxed) }
}

/// Stores `*p` once, whole, with no ordering: `IO_URING_WRITE_ONCE(*p, value)`.
///
/// # Safety
/// As [`Shared::store`].
#[inline]
#[cfg_attr(all(test, loom), track_caller)]
pub unsafe fn write_once<T: Shared>(p: *mut T, value: T) {
    // SAFETY: passed on to the caller.
    unsafe { T::store(p, value, Ordering::Relaxed) }
}

/// Orders everything before it before everything after it, a store before a load too.
#[inline]
#[cfg_attr(all(test, loom), track_caller)]
pub fn io_uring_smp_mb() {
    fence(Ordering::SeqCst);
}

/// Tells ThreadSanitizer, in C, that what was done so far happens before [`acquire_data`] of the same `user_data`.
#[inline]
pub const fn release_data(_data: u64) {}

/// The other end of [`release_data`]: a completion has brought the value.
#[inline]
pub const fn acquire_data(_data: u64) {}
