//! The shared words and entries as loom sees them: `ironring_abi::barrier` calls these functions with `--cfg loom`.

use core::sync::atomic::Ordering;
use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicU16, AtomicU32};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::Location;
use std::rc::Rc;
use std::sync::OnceLock;

thread_local! {
    // loom runs its threads as coroutines of one thread, so these belong to the current execution.
    static U32: RefCell<HashMap<usize, Rc<AtomicU32>>> = RefCell::default();
    static U16: RefCell<HashMap<usize, Rc<AtomicU16>>> = RefCell::default();
    // Entries stay in the ring's memory; the cells report accesses to loom.
    static ENTRIES: RefCell<BTreeMap<usize, Rc<UnsafeCell<()>>>> = RefCell::default();
    static SITES: RefCell<BTreeSet<String>> = RefCell::default();
}

/// The ordering removed in this run, as `FILE:LINE`; `FILE:LINE gone` removes a full barrier entirely.
fn weak() -> &'static str {
    static WEAK: OnceLock<String> = OnceLock::new();
    WEAK.get_or_init(|| std::env::var("IRONRING_WEAKEN").unwrap_or_default())
}

/// The name of `site`; records that the model reached it.
fn visit(site: &Location) -> String {
    let name = format!("{}:{}", site.file(), site.line());
    SITES.with(|sites| sites.borrow_mut().insert(name.clone()));
    name
}

/// Removes and returns the sites reached.
pub fn sites() -> BTreeSet<String> {
    SITES.with(|sites| std::mem::take(&mut *sites.borrow_mut()))
}

/// Starts an execution: forgets all words and entries.
pub fn forget() {
    U32.with(|words| words.borrow_mut().clear());
    U16.with(|words| words.borrow_mut().clear());
    ENTRIES.with(|entries| entries.borrow_mut().clear());
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

/// Registers a slot of a queue.
pub fn watch_entry(at: *const ()) {
    ENTRIES.with(|entries| entries.borrow_mut().insert(at as usize, Rc::new(UnsafeCell::new(()))));
}

fn word32(at: *const u32) -> Rc<AtomicU32> {
    U32.with(|words| words.borrow().get(&(at as usize)).cloned().expect("a watched word"))
}

pub fn word16(at: *const u16) -> Rc<AtomicU16> {
    U16.with(|words| words.borrow().get(&(at as usize)).cloned().expect("a watched word"))
}

/// `order`, or none if it is removed at `site`.
fn ordered(order: Ordering, site: &Location) -> Ordering {
    if order != Ordering::Relaxed && visit(site) == weak() {
        return Ordering::Relaxed;
    }
    order
}

#[unsafe(no_mangle)]
unsafe fn ironring_load(p: *const (), size: usize, order: Ordering, site: &'static Location<'static>) -> u32 {
    let order = ordered(order, site);
    if size == 2 {
        word16(p.cast()).load(order).into()
    } else {
        word32(p.cast()).load(order)
    }
}

#[unsafe(no_mangle)]
unsafe fn ironring_store(p: *mut (), size: usize, value: u32, order: Ordering, site: &'static Location<'static>) {
    let order = ordered(order, site);
    // SAFETY: a word of the model's ring. The side that writes it reads it with plain loads, from here.
    unsafe {
        if size == 2 {
            p.cast::<u16>().write(value as u16);
            word16(p.cast()).store(value as u16, order);
        } else {
            p.cast::<u32>().write(value);
            word32(p.cast()).store(value, order);
        }
    }
}

#[unsafe(no_mangle)]
fn ironring_fence(order: Ordering, site: &'static Location<'static>) {
    let name = visit(site);
    if weak() == name {
        // Keeps everything but the order of a store before a load.
        loom::sync::atomic::fence(Ordering::AcqRel);
    } else if weak().strip_suffix(" gone") != Some(&*name) {
        loom::sync::atomic::fence(order);
    }
}

#[unsafe(no_mangle)]
unsafe fn ironring_update(p: *mut u32, set: u32, clear: u32) {
    let word = word32(p);
    if set != 0 {
        word.fetch_or(set, Ordering::Relaxed);
    }
    if clear != 0 {
        word.fetch_and(!clear, Ordering::Relaxed);
    }
    // SAFETY: as in `ironring_store`.
    unsafe { p.write(p.read() & !clear | set) };
}

#[unsafe(no_mangle)]
unsafe fn ironring_touch(p: *const (), len: usize, write: bool) {
    let touched: Vec<_> = ENTRIES.with(|entries| {
        let slots = entries.borrow();
        slots
            .range(p as usize..p as usize + len)
            .map(|(_, cell)| Rc::clone(cell))
            .collect()
    });
    assert!(!touched.is_empty(), "an entry that is not registered");
    for cell in touched {
        if write {
            cell.with_mut(|_| ());
        } else {
            cell.with(|_| ());
        }
    }
}
