//! `memset` and `memcpy` byte for byte.

use super::{memcpy, memset};

/// Checks that of 300 bytes exactly the `n` at `at` are as `wanted` returns.
fn only(memory: &[u8; 300], at: usize, n: usize, wanted: impl Fn(usize) -> u8) {
    for (i, byte) in memory.iter().enumerate() {
        let right = if (at..at + n).contains(&i) {
            wanted(i - at)
        } else {
            0xc3
        };
        assert_eq!(*byte, right, "{n} bytes at {at}: byte {i}");
    }
}

#[test]
fn exactly_the_bytes_asked_for_are_set_or_copied() {
    let from: [u8; 300] = std::array::from_fn(|i| (i * 7) as u8);
    for n in (0..40).chain([63, 64, 65, 255]) {
        for at in 1..9 {
            for byte in [0, 0x5a, 0x1ff] {
                let mut memory = [0xc3; 300];
                let to = memory[at..].as_mut_ptr().cast();
                // SAFETY: `n` bytes lie behind `to`.
                assert_eq!(unsafe { memset(to, byte, n) }, to);
                only(&memory, at, n, |_| byte as u8);
            }
            let mut memory = [0xc3; 300];
            let to = memory[at..].as_mut_ptr().cast();
            // SAFETY: `n` bytes lie behind both.
            assert_eq!(unsafe { memcpy(to, from.as_ptr().cast(), n) }, to);
            only(&memory, at, n, |i| from[i]);
        }
    }
}
