//! Shared words as loom sees them, by address, and what is weakened in a run.

use crate::atomic::Ordering;
use loom::cell::UnsafeCell;
use loom::lazy_static::Lazy;
use loom::sync::atomic::AtomicU64;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::marker::PhantomData;
use std::ops::Range;
use std::panic::Location;
use std::sync::OnceLock;

/// Things of one execution, each made by the thread that first uses it. As with loom's lazy statics, its making happens
/// before each use.
struct Places<T: 'static> {
    made: Vec<&'static Lazy<T>>,
    used: usize,
    by_address: BTreeMap<usize, &'static Lazy<T>>,
}

impl<T> Places<T> {
    const fn new() -> Places<T> {
        Places {
            made: Vec::new(),
            used: 0,
            by_address: BTreeMap::new(),
        }
    }

    fn at(&mut self, address: usize, init: fn() -> T) -> &'static Lazy<T> {
        if let Some(found) = self.by_address.get(&address) {
            return found;
        }
        if self.used == self.made.len() {
            self.made.push(Box::leak(Box::new(Lazy { init, _p: PhantomData })));
        }
        let found = self.made[self.used];
        self.used += 1;
        self.by_address.insert(address, found);
        found
    }

    fn clear(&mut self) {
        self.used = 0;
        self.by_address.clear();
    }
}

thread_local! {
    // loom runs its threads as coroutines of one thread, so these belong to the current execution.
    static WORDS: RefCell<Places<AtomicU64>> = const { RefCell::new(Places::new()) };
    // What locks protect, and entries of queues: the cells report accesses to loom.
    static CELLS: RefCell<Places<UnsafeCell<()>>> = const { RefCell::new(Places::new()) };
    static UNMAPPED: RefCell<Vec<Range<usize>>> = const { RefCell::new(Vec::new()) };
    static SITES: RefCell<BTreeSet<(&'static str, u32)>> = const { RefCell::new(BTreeSet::new()) };
    static INITIAL: Cell<u64> = const { Cell::new(0) };
}

/// One step of a thread.
type Step = (loom::thread::ThreadId, &'static Location<'static>, &'static str, u64);

thread_local! {
    static STEPS: RefCell<VecDeque<Step>> = const { RefCell::new(VecDeque::new()) };
}

/// Notes what an operation has read or written, to explain a model that fails.
pub fn note(site: &'static Location<'static>, what: &'static str, value: u64) {
    const MOST: usize = 100;
    let me = loom::thread::current().id();
    STEPS.with(|steps| {
        let mut steps = steps.borrow_mut();
        if steps.len() == MOST {
            steps.pop_front();
        }
        steps.push_back((me, site, what, value));
    });
}

/// Says what the last steps were.
pub fn explain() {
    STEPS.with(|steps| {
        for (thread, site, what, value) in &*steps.borrow() {
            eprintln!("{thread:?} {}:{} {what} {value:#x}", site.file(), site.line());
        }
    });
}

/// Starts an execution: forgets all words and cells.
pub fn begin() {
    WORDS.with(|words| words.borrow_mut().clear());
    CELLS.with(|cells| cells.borrow_mut().clear());
    UNMAPPED.with(|gone| gone.borrow_mut().clear());
    STEPS.with(|steps| steps.borrow_mut().clear());
}

/// The places reached, as `FILE:LINE`.
pub fn sites() -> Vec<String> {
    SITES.with(|sites| {
        sites
            .borrow()
            .iter()
            .map(|(file, line)| format!("{file}:{line}"))
            .collect()
    })
}

/// What is weakened in this run: `FILE:LINE` weakens an ordering by a step, `FILE:LINE gone` removes an ordering or a lock,
/// and of one that is `AcqRel` only a half stays after `FILE:LINE acquire` or `FILE:LINE release`.
struct Weak {
    file: String,
    line: u32,
    how: How,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Step,
    Gone,
    Only(Ordering),
}

fn weak() -> Option<&'static Weak> {
    static WEAK: OnceLock<Option<Weak>> = OnceLock::new();
    WEAK.get_or_init(|| {
        let text = std::env::var("IRONRING_WEAKEN").unwrap_or_default();
        let (place, how) = text.split_once(' ').unwrap_or((&text, ""));
        let (file, line) = place.rsplit_once(':')?;
        Some(Weak {
            file: file.to_owned(),
            line: line.parse().expect("a line"),
            how: match how {
                "" => How::Step,
                "gone" => How::Gone,
                "acquire" => How::Only(Ordering::Acquire),
                "release" => How::Only(Ordering::Release),
                other => panic!("{other}: no such weakening"),
            },
        })
    })
    .as_ref()
}

/// Records that the model has reached a place; how it is weakened: by a step, or (true) removed.
pub fn visit(site: &'static Location<'static>) -> Option<bool> {
    SITES.with(|sites| sites.borrow_mut().insert((site.file(), site.line())));
    let weak = weak()?;
    (weak.line == site.line() && weak.file == site.file()).then_some(weak.how == How::Gone)
}

/// An ordering as it is in this run, `within` for SeqCst; and whether that is kept.
pub fn ordered(order: Ordering, within: Ordering, site: &'static Location<'static>) -> (Ordering, bool) {
    if order == Ordering::Relaxed {
        return (order, false);
    }
    let strong = order == Ordering::SeqCst;
    match visit(site) {
        None if strong => (within, true),
        Some(false) if strong => (within, false),
        None => (order, false),
        Some(_) => match weak() {
            Some(Weak {
                how: How::Only(half), ..
            }) => (*half, false),
            _ => (Ordering::Relaxed, false),
        },
    }
}

/// Puts all operations that are `SeqCst` in one order: who comes later sees what has been done before. A barrier would do
/// more, as other words that are written after it would publish what was done before it.
pub fn one_order() {
    static ORDER: u8 = 0;
    word(&raw const ORDER as usize, || 0).fetch_add(0, Ordering::AcqRel);
}

/// The word at an address.
pub fn word(at: usize, initial: impl FnOnce() -> u64) -> &'static AtomicU64 {
    let unmapped = UNMAPPED.with(|gone| gone.borrow().iter().any(|range| range.contains(&at)));
    assert!(!unmapped, "a word in memory that was unmapped");
    let (place, new) = WORDS.with(|words| {
        let mut words = words.borrow_mut();
        let used = words.used;
        let place = words.at(at, || AtomicU64::new(INITIAL.get()));
        (place, words.used != used)
    });
    if new {
        INITIAL.set(initial());
    }
    place.get()
}

fn cell(at: usize) -> &'static UnsafeCell<()> {
    CELLS
        .with(|cells| cells.borrow_mut().at(at, || UnsafeCell::new(())))
        .get()
}

/// Reports an access to the data at an address.
pub fn touch(at: usize, write: bool) {
    if write {
        cell(at).with_mut(|_| ());
    } else {
        cell(at).with(|_| ());
    }
}

/// Forgets a word, whose memory may be used for others.
pub fn forget(at: usize) {
    super::locks::forget(at);
    let _ = WORDS.try_with(|words| words.borrow_mut().by_address.remove(&at));
    let _ = CELLS.try_with(|cells| cells.borrow_mut().by_address.remove(&at));
}

/// Nobody may use this memory any more, and what others did with it must have happened before.
pub fn unmap(range: Range<usize>) {
    let cells: Vec<usize> = CELLS.with(|cells| {
        cells
            .borrow()
            .by_address
            .range(range.clone())
            .map(|(at, _)| *at)
            .collect()
    });
    for at in cells {
        touch(at, true);
    }
    UNMAPPED.with(|gone| gone.borrow_mut().push(range));
}

#[unsafe(no_mangle)]
unsafe fn ironring_load(p: *const (), size: usize, order: Ordering, _: &'static Location<'static>) -> u32 {
    assert_eq!(size, 4);
    // SAFETY: a word of a ring, which nobody writes but for the stores below.
    word(p as usize, || unsafe { p.cast::<u32>().read() }.into()).load(order) as u32
}

#[unsafe(no_mangle)]
unsafe fn ironring_store(p: *mut (), size: usize, value: u32, order: Ordering, _: &'static Location<'static>) {
    assert_eq!(size, 4);
    // SAFETY: as in `ironring_load`.
    word(p as usize, || unsafe { p.cast::<u32>().read() }.into()).store(value.into(), order);
}

#[unsafe(no_mangle)]
fn ironring_fence(order: Ordering, _: &'static Location<'static>) {
    loom::sync::atomic::fence(order);
}

#[unsafe(no_mangle)]
unsafe fn ironring_update(p: *mut u32, set: u32, clear: u32) {
    // SAFETY: as in `ironring_load`.
    let word = word(p as usize, || unsafe { p.read() }.into());
    if set != 0 {
        word.fetch_or(set.into(), Ordering::Relaxed);
    }
    if clear != 0 {
        word.fetch_and(!u64::from(clear), Ordering::Relaxed);
    }
}

#[unsafe(no_mangle)]
unsafe fn ironring_touch(p: *const (), _: usize, write: bool) {
    touch(p as usize, write);
}
