//! `memset` byte for byte.

use super::memset;

#[test]
fn exactly_the_bytes_asked_for_are_set() {
    for n in (0..40).chain([63, 64, 65, 255]) {
        for at in 1..9 {
            for byte in [0, 0x5a, 0x1ff] {
                let mut memory = [0xc3u8; 300];
                let to = memory[at..].as_mut_ptr().cast();
                // SAFETY: `n` bytes lie behind `to`.
                assert_eq!(unsafe { memset(to, byte, n) }, to);
                let set = memory.iter().enumerate();
                let right = set.filter(|(i, b)| **b == if (at..at + n).contains(i) { byte as u8 } else { 0xc3 });
                assert_eq!(right.count(), memory.len(), "{n} bytes at {at}");
            }
        }
    }
}
