//! Which slots of a table are in use.

use crate::sys::Result;
use alloc::vec::Vec;

/// The slots in use, a bit for each.
#[derive(Default)]
pub struct Used(Vec<u64>);

impl Used {
    /// For a number of slots, all of them free. -ENOMEM if there is no memory.
    pub fn new(count: usize) -> Result<Used> {
        let mut words = Vec::new();
        let len = count.div_ceil(64);
        if words.try_reserve_exact(len).is_err() {
            return Err(-libc::ENOMEM);
        }
        words.resize(len, 0);
        Ok(Used(words))
    }

    pub fn set(&mut self, index: u32) {
        if let Some(word) = self.0.get_mut(index as usize / 64) {
            *word |= 1 << (index % 64);
        }
    }

    pub fn clear(&mut self, index: u32) {
        if let Some(word) = self.0.get_mut(index as usize / 64) {
            *word &= !(1 << (index % 64));
        }
    }

    /// The first free slot from `from` up to `to`, which is not included.
    pub fn free(&self, from: u32, to: u32) -> Option<u32> {
        let mut at = from;
        while at < to {
            let word = self.0.get(at as usize / 64)? | ((1 << (at % 64)) - 1);
            if word != u64::MAX {
                let found = at / 64 * 64 + word.trailing_ones();
                return (found < to).then_some(found);
            }
            at = (at / 64 + 1) * 64;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of four words with these slots in use.
    fn used(slots: impl IntoIterator<Item = u32>) -> Used {
        let mut used = Used::new(256).unwrap();
        slots.into_iter().for_each(|slot| used.set(slot));
        used
    }

    #[test]
    fn free_finds_the_first() {
        assert_eq!(used([]).free(0, 256), Some(0));
        assert_eq!(used(0..5).free(0, 256), Some(5));
        assert_eq!(used(0..64).free(0, 256), Some(64));
        assert_eq!(used(0..130).free(3, 256), Some(130));
        assert_eq!(used([7]).free(6, 256), Some(6));
        assert_eq!(used([7]).free(7, 256), Some(8));
    }

    #[test]
    fn free_stays_in_the_range() {
        assert_eq!(used(0..100).free(0, 100), None);
        assert_eq!(used(0..256).free(0, 256), None);
        assert_eq!(used(0..64).free(10, 64), None);
        assert_eq!(used([]).free(100, 100), None);
        assert_eq!(used([]).free(300, 400), None);
    }

    #[test]
    fn clear_frees_again() {
        let mut used = used(0..256);
        used.clear(200);
        assert_eq!(used.free(0, 256), Some(200));
        assert_eq!(used.free(201, 256), None);
    }
}
