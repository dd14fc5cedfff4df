//! Personalities: credentials that a program has registered, for requests to use.

use crate::credentials::{self, Credentials};
use crate::sys::Result;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use ironring_abi::ctypes::c_int;
use libc::{EBUSY, EINVAL};

#[derive(Default)]
pub struct Personalities {
    all: BTreeMap<u16, Arc<Credentials>>,
    /// The last number given away: numbers are used again as late as possible.
    last: u16,
}

impl Personalities {
    pub fn get(&self, id: u16) -> Option<Arc<Credentials>> {
        self.all.get(&id).cloned()
    }

    /// Registers the calling thread's credentials; returns their number, from 1 on.
    pub fn register(&mut self) -> Result<c_int> {
        let free = |id: &u16| !self.all.contains_key(id);
        let after = (self.last..u16::MAX).map(|id| id + 1).find(free);
        let id = after.or_else(|| (1..=self.last).find(free)).ok_or(-EBUSY)?;
        self.all.insert(id, credentials::current());
        self.last = id;
        Ok(c_int::from(id))
    }

    pub fn unregister(&mut self, id: u32) -> Result<c_int> {
        let id = u16::try_from(id).map_err(|_| -EINVAL)?;
        self.all.remove(&id).map(|_| 0).ok_or(-EINVAL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_used_again_late() {
        let mut personalities = Personalities::default();
        assert_eq!(personalities.register(), Ok(1));
        assert_eq!(personalities.register(), Ok(2));
        assert_eq!(personalities.unregister(1), Ok(0));
        assert_eq!(personalities.unregister(1), Err(-EINVAL));
        assert_eq!(personalities.register(), Ok(3));
        personalities.last = u16::MAX;
        assert_eq!(personalities.register(), Ok(1));
        assert_eq!(personalities.unregister(0x10001), Err(-EINVAL));
        assert!(personalities.get(1).is_some());
        assert!(personalities.get(4).is_none());
    }
}
