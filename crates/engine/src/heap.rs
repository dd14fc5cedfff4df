//! The engine's heap, apart from the program's: threads of the engine never enter a `malloc` that the program may have put
//! in libc's place, and a signal handler that interrupts the program's `malloc` may use a ring.
//!
//! Blocks have one of a few sizes. Freed blocks are kept for the next request of their size, in one of a few arenas, so that
//! threads rarely meet.

#[cfg(feature = "malloc")]
mod malloc;
pub(crate) mod reserve;

pub use reserve::has_room;

use crate::lock::Lock;
use crate::sys;
use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr::null_mut;
use ironring_linux::arch;

/// Sizes: 16, 32, 48, 64, 96, 128, 192, … 64 KiB. Larger blocks are mappings of their own.
const CLASSES: usize = 24;
const LARGEST: usize = 64 << 10;
/// What is mapped at once for small blocks.
const CHUNK: usize = 128 << 10;
const ARENAS: usize = 4;
/// How many free blocks are taken over from another arena at a time.
const TAKEN: usize = 16;
/// A page, at least.
const ALIGNED: usize = 4096;

/// A free block.
struct Free(*mut Free);

pub(crate) struct Lists {
    free: [*mut Free; CLASSES],
    /// What is left of the last chunk.
    next: *mut u8,
    left: usize,
}

pub(crate) struct Arena {
    lock: Lock,
    lists: UnsafeCell<Lists>,
}

// SAFETY: the lock lets one thread at a time to the lists.
unsafe impl Sync for Arena {}

static HEAP: [Arena; ARENAS] = [const { Arena::new() }; ARENAS];

/// The class of a size up to [`LARGEST`], and the size of its blocks.
const fn class(size: usize) -> (usize, usize) {
    if size <= 16 {
        return (0, 16);
    }
    if size <= 32 {
        return (1, 32);
    }
    let last = size - 1;
    let bits = last.ilog2() as usize;
    let upper = last >> (bits - 1) & 1;
    let block = if upper == 0 { 3 << (bits - 1) } else { 2 << bits };
    ((bits - 5) * 2 + upper + 2, block)
}

/// The size to ask for, so that the block is aligned: blocks of a power of two are.
fn aligned(layout: Layout) -> usize {
    if layout.align() <= 16 {
        layout.size()
    } else {
        layout.size().max(layout.align()).next_power_of_two()
    }
}

/// The arena of the calling thread: by where its stack is.
fn own() -> usize {
    let here = 0u8;
    let stack = (&raw const here) as usize >> 16;
    (stack ^ stack >> 4 ^ stack >> 8) % ARENAS
}

impl Lists {
    fn pop(&mut self, class: usize) -> *mut u8 {
        let Some(first) = self.free.get_mut(class) else {
            return null_mut();
        };
        let block = *first;
        if !block.is_null() {
            // SAFETY: a free block begins with the address of the next one.
            *first = unsafe { (*block).0 };
        }
        block.cast()
    }

    pub(crate) fn push(&mut self, class: usize, block: *mut u8) {
        if let Some(first) = self.free.get_mut(class) {
            let block: *mut Free = block.cast();
            // SAFETY: the block is free, aligned for 16 bytes, and has at least as many.
            unsafe { block.write(Free(*first)) };
            *first = block;
        }
    }

    /// A new block, from the chunk or a new one.
    pub(crate) fn carve(&mut self, block: usize) -> *mut u8 {
        // Aligned as its size is.
        let align = (block & block.wrapping_neg()).min(ALIGNED);
        let skip = (self.next as usize).wrapping_neg() % align;
        if self.left < block + skip {
            self.next = map(CHUNK);
            self.left = if self.next.is_null() { 0 } else { CHUNK };
            if self.left == 0 {
                return null_mut();
            }
            return self.carve(block);
        }
        let found = self.next.wrapping_add(skip);
        self.next = found.wrapping_add(block);
        self.left -= block + skip;
        found
    }
}

/// Memory from the kernel, or null.
fn map_new(len: usize) -> *mut u8 {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: the kernel chooses the address.
    let mapped = unsafe { arch::mmap(len, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
    sys::result(mapped).map_or(null_mut(), |address| address as *mut u8)
}

/// Memory from the kernel, or where that has none, from the reserve.
fn map(len: usize) -> *mut u8 {
    let mapped = map_new(len);
    if mapped.is_null() { reserve::take(len) } else { mapped }
}

fn whole_pages(size: usize) -> Option<usize> {
    size.checked_next_multiple_of(LARGEST)
}

impl Arena {
    pub(crate) const fn new() -> Arena {
        Arena {
            lock: Lock::new(),
            lists: UnsafeCell::new(Lists {
                free: [null_mut(); CLASSES],
                next: null_mut(),
                left: 0,
            }),
        }
    }

    pub(crate) fn with<T>(&self, call: impl FnOnce(&mut Lists) -> T) -> T {
        self.lock.lock();
        // SAFETY: the lock is held.
        let done = call(unsafe { &mut *self.lists.get() });
        self.lock.unlock();
        done
    }

    /// Some free blocks of a class, unless others use the arena.
    pub(crate) fn take(&self, class: usize) -> [*mut u8; TAKEN] {
        let mut taken = [null_mut(); TAKEN];
        if self.lock.try_lock() {
            // SAFETY: the lock is held.
            let lists = unsafe { &mut *self.lists.get() };
            for block in &mut taken {
                *block = lists.pop(class);
            }
            self.lock.unlock();
        }
        taken
    }
}

fn allocate(size: usize) -> *mut u8 {
    if size > LARGEST {
        return whole_pages(size).map_or(null_mut(), map);
    }
    let (class, block) = class(size);
    let own = own();
    let Some(arena) = HEAP.get(own) else { return null_mut() };
    let found = arena.with(|lists| lists.pop(class));
    if !found.is_null() {
        return found;
    }
    // What one thread allocates another may free.
    for (at, other) in HEAP.iter().enumerate() {
        if at == own {
            continue;
        }
        let [first, rest @ ..] = other.take(class);
        if !first.is_null() {
            arena.with(|lists| {
                for block in rest.into_iter().filter(|block| !block.is_null()) {
                    lists.push(class, block);
                }
            });
            return first;
        }
    }
    arena.with(|lists| lists.carve(block))
}

struct Heap;

// SAFETY: blocks have the size of their class and its alignment, are in one place at a time, and stay mapped.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() > ALIGNED {
            return null_mut();
        }
        allocate(aligned(layout))
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        let size = aligned(layout);
        if size > LARGEST {
            // SAFETY: the mapping is the block's, and the caller gives it up.
            unsafe { sys::unmap(memory, whole_pages(size).unwrap_or(size)) };
            return;
        }
        let (class, _) = class(size);
        if let Some(arena) = HEAP.get(own()) {
            arena.with(|lists| lists.push(class, memory));
        }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the alignment was valid for the old memory, and the caller checked the size.
        let new = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        let (before, after) = (aligned(layout), aligned(new));
        let same = if before.max(after) <= LARGEST {
            class(before) == class(after)
        } else {
            before.min(after) > LARGEST && whole_pages(before) == whole_pages(after)
        };
        if same {
            return memory;
        }
        // SAFETY: both blocks have the bytes, and the old one is given up by the caller.
        unsafe {
            let moved = self.alloc(new);
            if !moved.is_null() {
                moved.copy_from_nonoverlapping(memory, layout.size().min(size));
                self.dealloc(memory, layout);
            }
            moved
        }
    }
}

/// All locks, in the order in which they are taken.
fn locks() -> impl Iterator<Item = &'static Lock> {
    HEAP.iter().map(|arena| &arena.lock).chain([reserve::lock()])
}

/// Takes the locks, for fork.
pub fn lock_for_fork() {
    locks().for_each(|lock| {
        lock.lock();
    });
}

/// Gives them back in the parent.
pub fn unlock_after_fork() {
    locks().for_each(Lock::unlock);
}

/// Frees them in the child.
pub fn child() {
    locks().for_each(Lock::reset);
}

#[cfg_attr(not(any(test, feature = "malloc")), global_allocator)]
#[cfg_attr(any(test, feature = "malloc"), allow(dead_code))]
static GLOBAL: Heap = Heap;

#[cfg(all(feature = "malloc", not(test)))]
#[global_allocator]
static MALLOC: malloc::Malloc = malloc::Malloc;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_in_order_and_hold_their_sizes() {
        let mut before = (0, 16);
        for size in 1..=LARGEST {
            let found = class(size);
            assert!(found.1 >= size && found.0 < CLASSES);
            assert!(
                found == before || found.0 == before.0 + 1 && found.1 > before.1,
                "{size}"
            );
            assert_eq!(found.1 % 16, 0);
            before = found;
        }
        assert_eq!(before, (CLASSES - 1, LARGEST));
    }

    #[test]
    fn blocks_are_aligned_and_apart() {
        let mut blocks: Vec<(*mut u8, Layout, u8)> = Vec::new();
        for round in 0..3000usize {
            let size = 1 + round * 7919 % (if round % 50 == 0 { 200_000 } else { 3000 });
            let layout = Layout::from_size_align(size, 1 << (round % 10)).unwrap();
            // SAFETY: the layout is not empty, and the block has its bytes.
            unsafe {
                let block = GLOBAL.alloc(layout);
                assert!(!block.is_null() && block as usize % layout.align() == 0);
                block.write_bytes(round as u8, size);
                blocks.push((block, layout, round as u8));
            }
            if round % 3 == 0 {
                let (block, layout, value) = blocks.swap_remove(round * 31 % blocks.len());
                // SAFETY: as above; it is not used afterwards.
                unsafe {
                    let more = GLOBAL.realloc(block, layout, layout.size() * 2);
                    let all = core::slice::from_raw_parts(more, layout.size());
                    assert!(all.iter().all(|&byte| byte == value));
                    GLOBAL.dealloc(
                        more,
                        Layout::from_size_align(layout.size() * 2, layout.align()).unwrap(),
                    );
                }
            }
        }
        for (block, layout, value) in blocks {
            // SAFETY: as above.
            unsafe {
                let all = core::slice::from_raw_parts(block, layout.size());
                assert!(all.iter().all(|&byte| byte == value));
                GLOBAL.dealloc(block, layout);
            }
        }
    }

    #[test]
    fn what_one_thread_frees_others_get() {
        let layout = Layout::from_size_align(5000, 8).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..200 {
            // SAFETY: the layout is not empty.
            let block = unsafe { GLOBAL.alloc(layout) } as usize;
            seen.insert(block);
            // SAFETY: the block is not used afterwards.
            std::thread::spawn(move || unsafe { GLOBAL.dealloc(block as *mut u8, layout) })
                .join()
                .unwrap();
        }
        assert!(seen.len() < 50, "{}", seen.len());
    }
}
