//! Atomics of a model. A value is what the word holds at first in each execution; what happens to it is in
//! [`words`](super::words), so that statics begin anew.

use super::words::{self, ordered, word};
use core::cell::UnsafeCell;
use core::panic::Location;
use core::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release, SeqCst};
pub use core::sync::atomic::compiler_fence;
use loom::sync::atomic::AtomicU64 as Word;

pub trait Value: Copy {
    fn bits(self) -> u64;
    fn of(bits: u64) -> Self;
}

macro_rules! values {
    ($($name:ty: $unsigned:ty),*) => {$(
        impl Value for $name {
            fn bits(self) -> u64 {
                (self as $unsigned).into()
            }
            fn of(bits: u64) -> Self {
                bits as $unsigned as $name
            }
        }
    )*};
}

values!(u8: u8, u32: u32, u64: u64, i32: u32);

impl Value for bool {
    fn bits(self) -> u64 {
        self.into()
    }
    fn of(bits: u64) -> Self {
        bits != 0
    }
}

impl<T> Value for *mut T {
    fn bits(self) -> u64 {
        self as usize as u64
    }
    fn of(bits: u64) -> Self {
        bits as usize as *mut T
    }
}

#[repr(transparent)]
pub struct Atomic<V: Value>(UnsafeCell<V>);

pub type AtomicBool = Atomic<bool>;
pub type AtomicI32 = Atomic<i32>;
pub type AtomicPtr<T> = Atomic<*mut T>;
pub type AtomicU8 = Atomic<u8>;
pub type AtomicU32 = Atomic<u32>;
pub type AtomicU64 = Atomic<u64>;

// SAFETY: loom runs all threads of a model on one.
unsafe impl<V: Value> Send for Atomic<V> {}
// SAFETY: as above.
unsafe impl<V: Value> Sync for Atomic<V> {}

impl<V: Value> Drop for Atomic<V> {
    fn drop(&mut self) {
        words::forget(self.0.get() as usize);
    }
}

/// An operation. One that writes and is `SeqCst` has its place in one order of all these: loom takes `SeqCst` for `AcqRel`. A
/// load that is `SeqCst` is an acquire load, as on x86.
fn operate<T: Into<u64> + Copy>(
    what: &'static str,
    order: Ordering,
    within: Ordering,
    site: &'static Location<'static>,
    operation: impl FnOnce(Ordering) -> T,
) -> T {
    let (order, strong) = ordered(order, within, site);
    let done = operation(order);
    if strong && within != Acquire {
        words::one_order();
    }
    words::note(site, what, done.into());
    done
}

impl<V: Value> Atomic<V> {
    pub const fn new(value: V) -> Self {
        Atomic(UnsafeCell::new(value))
    }

    fn word(&self) -> &'static Word {
        // SAFETY: nothing writes to the value.
        word(self.0.get() as usize, || unsafe { *self.0.get() }.bits())
    }

    pub fn as_ptr(&self) -> *mut V {
        self.0.get()
    }

    #[track_caller]
    pub fn load(&self, order: Ordering) -> V {
        let site = Location::caller();
        V::of(operate("load", order, Acquire, site, |order| self.word().load(order)))
    }

    #[track_caller]
    pub fn store(&self, value: V, order: Ordering) {
        let site = Location::caller();
        // loom may put a store before an exchange that it follows, unless it is one itself.
        let exchanges = order == SeqCst;
        operate("store", order, Release, site, |order| {
            if exchanges {
                self.word().swap(value.bits(), order);
            } else {
                self.word().store(value.bits(), order);
            }
            value.bits()
        });
    }

    #[track_caller]
    pub fn swap(&self, value: V, order: Ordering) -> V {
        let site = Location::caller();
        V::of(operate("swap", order, AcqRel, site, |order| {
            self.word().swap(value.bits(), order)
        }))
    }

    #[track_caller]
    pub fn compare_exchange(&self, from: V, to: V, success: Ordering, failure: Ordering) -> Result<V, V> {
        let mut exchanged = true;
        let found = operate("compare_exchange", success, AcqRel, Location::caller(), |order| {
            let failure = if [Relaxed, Release].contains(&order) {
                Relaxed
            } else {
                failure
            };
            let done = self.word().compare_exchange(from.bits(), to.bits(), order, failure);
            done.unwrap_or_else(|found| {
                exchanged = false;
                found
            })
        });
        if exchanged { Ok(V::of(found)) } else { Err(V::of(found)) }
    }
}

macro_rules! arithmetic {
    ($($name:ident),*) => {$(
        #[track_caller]
        pub fn $name(&self, value: V, order: Ordering) -> V {
            let site = Location::caller();
            V::of(operate(stringify!($name), order, AcqRel, site, |order| {
                self.word().$name(value.bits(), order)
            }))
        }
    )*};
}

impl<V: Value> Atomic<V> {
    arithmetic!(fetch_add, fetch_sub, fetch_or, fetch_and);
}

#[track_caller]
pub fn fence(order: Ordering) {
    if words::visit(Location::caller()).is_none() {
        loom::sync::atomic::fence(order);
    }
}

/// Nobody else may use the data at an address now.
pub fn exclusive<T>(at: *const T) {
    words::touch(at as usize, true);
}

/// This thread uses the data at an address, as others may.
pub fn uses<T>(at: *const T) {
    words::touch(at as usize, false);
}
