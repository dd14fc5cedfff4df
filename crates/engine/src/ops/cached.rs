//! Which descriptors go through the page cache.

use ironring_abi::ctypes::c_int;

/// Descriptors that were found to go through the page cache, so that not each transfer asks.
///
/// A number can become another file's unseen, so what is known holds for some transfers only: meanwhile those of a file
/// with `O_DIRECT` would be made by the thread that submits them, one after the other.
#[derive(Default)]
pub struct Cached([(c_int, u8); 32]);

impl Cached {
    const TRANSFERS: u8 = 15;

    /// Whether a descriptor's transfers go through the page cache, which is known or asked.
    pub fn is_known(&mut self, fd: c_int, ask: impl FnOnce(c_int) -> bool) -> bool {
        let at = fd as usize % self.0.len();
        let (known, left) = &mut self.0[at];
        if *known == fd && *left != 0 {
            *left -= 1;
            return true;
        }
        let found = ask(fd);
        (*known, *left) = (fd, if found { Self::TRANSFERS } else { 0 });
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_a_descriptor_is_asked_again() {
        let mut cached = Cached::default();
        let mut asked = 0;
        for _ in 0..32 {
            assert!(cached.is_known(5, |_| {
                asked += 1;
                true
            }));
        }
        assert_eq!(asked, 2);
        // Another one in the same place, and one that isn't known to be cached.
        assert!(!cached.is_known(37, |_| false));
        assert!(!cached.is_known(37, |_| false));
        assert!(cached.is_known(5, |_| true));
        assert!(!cached.is_known(-1, |_| false));
    }
}
