//! Another Rust library, which contains the standard library: symbols that it shares with ours must not clash.

use std::collections::HashMap;
use std::panic;

/// # Safety
/// `bytes` must be `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn second_sum(bytes: *const u8, len: usize) -> i32 {
    // SAFETY: the caller's promise.
    let bytes = unsafe { std::slice::from_raw_parts(bytes, len) };
    let mut counts = HashMap::new();
    for byte in bytes {
        *counts.entry(*byte).or_insert(0_i32) += 1;
    }
    // Unwinding must work next to a library without unwinding.
    panic::set_hook(Box::new(|_| ()));
    if panic::catch_unwind(|| panic!("caught")).is_ok() {
        return -1;
    }
    counts.iter().map(|(byte, count)| i32::from(*byte) * count).sum()
}
