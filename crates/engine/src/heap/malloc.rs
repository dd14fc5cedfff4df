//! libc's heap in place of the engine's (feature `malloc`), for checkers of memory, which know each block of it.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::null_mut;

/// The alignment of all blocks of malloc(3).
const USUAL: usize = align_of::<libc::max_align_t>();

pub struct Malloc;

// SAFETY: blocks are libc's, and have the size and the alignment that were asked for.
unsafe impl GlobalAlloc for Malloc {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= USUAL {
            // SAFETY: it takes any size.
            return unsafe { libc::malloc(layout.size()) }.cast();
        }
        let mut made = null_mut();
        // SAFETY: the pointer is valid for the call; the alignment is a power of two, and larger than a pointer.
        match unsafe { libc::posix_memalign(&raw mut made, layout.align(), layout.size()) } {
            0 => made.cast(),
            _ => null_mut(),
        }
    }

    unsafe fn dealloc(&self, memory: *mut u8, _: Layout) {
        // SAFETY: the block is from `alloc`, and the caller gives it up.
        unsafe { libc::free(memory.cast()) };
    }
}
