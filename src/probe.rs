//! Asking the kernel for its opcodes.

use crate::abi::{io_uring_probe, io_uring_probe_op};
use crate::ctypes::c_uint;
use crate::kernel;
use crate::register::io_uring_register_probe;
use crate::setup::{io_uring_queue_exit, io_uring_queue_init};
use crate::types::io_uring;
use core::mem::MaybeUninit;
use core::ptr::null_mut;
use libc::{MAP_ANONYMOUS, MAP_PRIVATE};

/// The kernel never tells of more.
const OPS: c_uint = 256;
/// The library has no heap: a probe is a mapping of its own.
const SIZE: usize = size_of::<io_uring_probe>() + OPS as usize * size_of::<io_uring_probe_op>();

/// Asks the kernel behind `ring` which opcodes it has.
///
/// `io_uring_opcode_supported()` reads the answer. It is the caller's, to be freed with `io_uring_free_probe()` (not
/// with `free()`), and doesn't depend on `ring`.
/// Returns the answer, or NULL when the kernel (before 5.6) can't tell or memory is short.
/// Since liburing 2.0, kernel 5.6.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn io_uring_get_probe_ring(ring: *mut io_uring) -> *mut io_uring_probe {
    // SAFETY: the caller's ring; a fresh mapping is zeroed and large enough.
    unsafe {
        let Ok(memory) = kernel::mmap(SIZE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0) else {
            return null_mut();
        };
        let probe: *mut io_uring_probe = memory.cast();
        if io_uring_register_probe(ring, probe, OPS) < 0 {
            kernel::munmap(memory, SIZE);
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
pub unsafe extern "C" fn io_uring_free_probe(probe: *mut io_uring_probe) {
    if !probe.is_null() {
        // SAFETY: `io_uring_get_probe_ring` made the mapping, of this size; the caller gives it up.
        unsafe { kernel::munmap(probe.cast(), SIZE) };
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
