//! The words that both sides share, watched by loom: `barrier` comes here.

use crate::barrier::Shared;
use core::sync::atomic::Ordering;
use loom::sync::atomic::{AtomicU16, AtomicU32};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::panic::Location;
use std::rc::Rc;
use std::sync::OnceLock;

thread_local! {
    // loom's threads are coroutines of one thread, so that these are the execution's.
    static U32: RefCell<HashMap<usize, Rc<AtomicU32>>> = RefCell::default();
    static U16: RefCell<HashMap<usize, Rc<AtomicU16>>> = RefCell::default();
    static SITES: RefCell<BTreeSet<String>> = RefCell::default();
}

/// The place whose ordering is taken away in this run, `FILE:LINE`, for a full barrier also `FILE:LINE gone`.
fn weak() -> &'static str {
    static WEAK: OnceLock<String> = OnceLock::new();
    WEAK.get_or_init(|| std::env::var("IRONRING_WEAKEN").unwrap_or_default())
}

/// The name of `site`; remembers that the model came by.
fn visit(site: &Location) -> String {
    let name = format!("{}:{}", site.file(), site.line());
    SITES.with(|sites| sites.borrow_mut().insert(name.clone()));
    name
}

/// The places with an ordering that were reached since the last look.
pub fn sites() -> BTreeSet<String> {
    SITES.with(|sites| std::mem::take(&mut *sites.borrow_mut()))
}

/// Begins an execution: no word is known.
pub fn forget() {
    U32.with(|words| words.borrow_mut().clear());
    U16.with(|words| words.borrow_mut().clear());
}

pub fn watch32(at: *const u32) {
    // SAFETY: a word of the model's ring.
    let shadow = Rc::new(AtomicU32::new(unsafe { at.read() }));
    U32.with(|words| words.borrow_mut().insert(at as usize, shadow));
}

pub fn watch16(at: *const u16) {
    // SAFETY: a word of the model's ring.
    let shadow = Rc::new(AtomicU16::new(unsafe { at.read() }));
    U16.with(|words| words.borrow_mut().insert(at as usize, shadow));
}

/// The shadow of a word, for the kernel's side.
pub fn word32(at: *const u32) -> Rc<AtomicU32> {
    U32.with(|words| words.borrow().get(&(at as usize)).cloned().expect("a watched word"))
}

pub fn word16(at: *const u16) -> Rc<AtomicU16> {
    U16.with(|words| words.borrow().get(&(at as usize)).cloned().expect("a watched word"))
}

macro_rules! shared {
    ($($int:ty => $word:ident),*) => {$(
        impl Shared for $int {
            #[track_caller]
            unsafe fn load(p: *const Self, order: Ordering) -> Self {
                let weaker = order != Ordering::Relaxed && visit(Location::caller()) == weak();
                $word(p).load(if weaker { Ordering::Relaxed } else { order })
            }

            #[track_caller]
            unsafe fn store(p: *mut Self, value: Self, order: Ordering) {
                let weaker = order != Ordering::Relaxed && visit(Location::caller()) == weak();
                // SAFETY: a word of the model's ring. The side that owns it reads it plainly, and finds it here.
                unsafe { p.write(value) };
                $word(p).store(value, if weaker { Ordering::Relaxed } else { order });
            }
        }
    )*};
}

shared!(u16 => word16, u32 => word32);

#[track_caller]
pub fn fence(order: Ordering) {
    let name = visit(Location::caller());
    if weak() == name {
        // All but the order of a store before a load.
        loom::sync::atomic::fence(Ordering::AcqRel);
    } else if weak().strip_suffix(" gone") != Some(&*name) {
        loom::sync::atomic::fence(order);
    }
}
