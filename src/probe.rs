//! Probes of the kernel's operations.

use crate::kernel::{Kernel as _, Sys, page_size};
use crate::memory::anonymous;
use crate::register::io_uring_register_probe;
use crate::setup::{io_uring_queue_exit, io_uring_queue_init};
use core::mem::MaybeUninit;
use core::ptr::null_mut;
#[cfg(any(not(test), loom))]
use core::ptr::read_volatile;
use ironring_abi::ctypes::{c_uint, c_void, size_t};
use ironring_abi::types::io_uring;
use ironring_abi::uapi::{io_uring_probe, io_uring_probe_op};
use libc::{calloc, free};
#[cfg(all(test, not(loom)))]
use tests::heap;

/// The kernel never reports more.
const OPS: c_uint = 256;
const SIZE: usize = size_of::<io_uring_probe>() + OPS as usize * size_of::<io_uring_probe_op>();

type Calloc = unsafe extern "C" fn(size_t, size_t) -> *mut c_void;
type Free = unsafe extern "C" fn(*mut c_void);

/// The program's heap, if it has one: programs older than `io_uring_free_probe()` pass their probes to `free()`. In the
/// shared libraries the Makefile makes these references weak, so they are null in a program without libc. In the
/// archives they are not weak, as a weak reference doesn't pull an object out of a static libc.
#[cfg(any(not(test), loom))]
static HEAP: (Option<Calloc>, Option<Free>) = (Some(calloc), Some(free));

#[cfg(any(not(test), loom))]
#[inline]
fn heap() -> Option<(Calloc, Free)> {
    // SAFETY: a static; volatile, as the compiler assumes that the addresses are not null.
    let (calloc, free) = unsafe { read_volatile(&raw const HEAP) };
    Some((calloc?, free?))
}

/// Queries which operations the kernel of `ring` supports.
///
/// `io_uring_opcode_supported()` evaluates the result. The caller frees it with `io_uring_free_probe()`; it doesn't
/// depend on `ring`. Returns the probe, or NULL on kernels before 5.6 or if memory ran out.
/// Since liburing 2.0, kernel 5.6.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_get_probe_ring(ring: *mut io_uring) -> *mut io_uring_probe {
    // SAFETY: the caller's ring; the memory is zeroed and large enough, from the heap or a mapping.
    unsafe {
        let mut memory = null_mut();
        match heap() {
            Some((calloc, _)) => memory = calloc(1, SIZE),
            // An error is reported by `memory`.
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

/// Queries which operations the kernel supports, with a temporary ring.
///
/// Otherwise it is like `io_uring_get_probe_ring()`; it also returns NULL if no ring can be created.
/// Since liburing 2.0, kernel 5.6.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
pub unsafe extern "C" fn io_uring_get_probe() -> *mut io_uring_probe {
    // SAFETY: the local ring exists during the calls, and is exited if it was created.
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

/// Frees the probe of `io_uring_get_probe()` or `io_uring_get_probe_ring()`; NULL is allowed.
///
/// Since liburing 2.0.
#[cfg_attr(feature = "shipped", unsafe(no_mangle))]
#[inline(never)]
pub unsafe extern "C" fn io_uring_free_probe(probe: *mut io_uring_probe) {
    if probe.is_null() {
        return;
    }
    // SAFETY: `io_uring_get_probe_ring` allocated it in the same way; the caller no longer uses it.
    unsafe {
        match heap() {
            Some((_, free)) => free(probe.cast()),
            None => {
                Sys::unmap(probe.cast(), page_size());
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
