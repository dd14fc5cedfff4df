//! What a compiler's start files and unwinder define in other shared libraries. The library with the engine is linked with
//! libc alone.

use core::ffi::c_int;

/// An address within this library, by which it is known. glibc's `pthread_atfork` reads it.
#[repr(transparent)]
struct Handle(*const Handle);

// SAFETY: the address is only compared.
unsafe impl Sync for Handle {}

#[unsafe(no_mangle)]
static __dso_handle: Handle = Handle(&raw const __dso_handle);

// Rust ships the crate `alloc` compiled for panics that unwind, and its objects refer to an unwinder. Here a panic aborts.

/// `_URC_CONTINUE_UNWIND`.
const CONTINUE: c_int = 8;

/// An unwinder asks it about a frame of `alloc`, for example when the program cancels a thread. There is nothing to do.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() -> c_int {
    CONTINUE
}

/// Ends a landing pad. None is ever entered.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    // SAFETY: it takes no argument and doesn't return.
    unsafe { libc::abort() }
}
