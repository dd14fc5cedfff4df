//! Asking the kernel for its opcodes.

use crate::abi::{io_uring_probe, io_uring_probe_op};
use crate::ctypes::{c_uint, c_void, size_t};
use crate::kernel;
use crate::memory::anonymous;
use crate::register::io_uring_register_probe;
use crate::setup::{io_uring_queue_exit, io_uring_queue_init};
use crate::types::io_uring;
use core::mem::MaybeUninit;
use core::ptr::null_mut;
#[cfg(any(not(test), loom))]
use core::ptr::read_volatile;
use libc::{calloc, free};
#[cfg(all(test, not(loom)))]
use tests::heap;

/// The kernel never tells of more.
const OPS: c_uint = 256;
const SIZE: usize = size_of::<io_uring_probe>() + OPS as usize * size_of::<io_uring_probe_op>();

type Calloc = unsafe extern "C" fn(size_t, size_t) -> *mut c_void;
type Free = unsafe extern "C" fn(*mut c_void);

/// The program's heap, where it has one: programs older than `io_uring_free_probe()` give their probes to `free()`.
/// In the shared libraries the references are weak (the Makefile sees to that), so that in a program without libc these
/// are null. A weak reference takes nothing out of a static libc, so in the archives they are not.
#[cfg(any(not(test), loom))]
static HEAP: (Option<Calloc>, Option<Free>) = (Some(calloc), Some(free));

#[cfg(any(not(test), loom))]
#[inline]
fn heap() -> Option<(Calloc, Free)> {
    // SAFETY: a static; volatile, as the compiler holds what stands in the source for what stands in the program.
    let (calloc, free) = unsafe { read_volatile(&raw const HEAP) };
    Some((calloc?, free?))
}

/// Asks the kernel behind `ring` which opcodes it has.
///
/// `io_uring_opcode_supported()` reads the answer. It is the caller's, to be freed with `io_uring_free_probe()`, and
/// doesn't depend on `ring`.
/// Returns the answer, or NULL when the kernel (before 5.6) can't tell or memory is short.
/// Since liburing 2.0, kernel 5.6.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_get_probe_ring(ring: *mut io_uring) -> *mut io_uring_probe {
    // SAFETY: the caller's ring; the memory is zeroed and large enough, from the heap or a mapping of its own.
    unsafe {
        let mut memory = null_mut();
        match heap() {
            Some((calloc, _)) => memory = calloc(1, SIZE),
            // What it says of an error is what `memory` says.
            None => _ = anonymous(SIZE, &mut memory),
        }
        if memory.is_null() {
            return null_mut();
        }
        let probe: *mut io_uring_probe = memory.cast();
        if io_uring_register_probe(ring, probe, OPS) < 0 {
            io_uring_free_probe(probe);
            return null_mut();
        }
        probe
    }
}

/// Asks the kernel which opcodes it has, with a ring made for the question.
///
/// Otherwise as `io_uring_get_probe_ring()`; NULL also when no ring can be made.
/// Since liburing 2.0, kernel 5.6.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_get_probe() -> *mut io_uring_probe {
    // SAFETY: the local ring lives through the calls, and is taken down when it was made.
    unsafe {
        let mut ring = MaybeUninit::<io_uring>::uninit();
        if io_uring_queue_init(2, ring.as_mut_ptr(), 0) < 0 {
            return null_mut();
        }
        let probe = io_uring_get_probe_ring(ring.as_mut_ptr());
        io_uring_queue_exit(ring.as_mut_ptr());
        probe
    }
}

/// Frees the answer of `io_uring_get_probe()` or `io_uring_get_probe_ring()`; NULL is allowed.
///
/// Since liburing 2.0.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn io_uring_free_probe(probe: *mut io_uring_probe) {
    if probe.is_null() {
        return;
    }
    // SAFETY: `io_uring_get_probe_ring` got it in the same way; the caller gives it up.
    unsafe {
        match heap() {
            Some((_, free)) => free(probe.cast()),
            None => {
                kernel::munmap(probe.cast(), kernel::page_size());
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
