//! What a thread waits for, and how.

use super::{ANY, MOST, Word, has_vectors, wake};
use crate::context::{Context, Work};
use crate::slab::Key;
use alloc::vec::Vec;

/// What a thread waits for.
pub struct Task {
    pub context: &'static Context,
    pub serial: u32,
    pub key: Key,
    pub words: Vec<Word>,
    pub mask: u32,
    /// Whether `wait` has returned, so that errors go to the request.
    pub begun: bool,
}

impl Task {
    /// Whether a thread that has nothing to do waits in the right way already.
    pub fn is_usual(&self) -> bool {
        self.mask == ANY && matches!(self.words[..], [Word { private: true, .. }])
    }

    /// Tells the ring; false if the request is gone.
    pub fn deliver(&self, result: i32) -> bool {
        let Some(mut core) = self.context.lock() else {
            return false;
        };
        if self.context.serial() != self.serial || core.requests.parked(self.key).is_none() {
            return false;
        }
        core.arrive(Work::Event(self.key, result));
        true
    }

    /// Gives the wake to the next waiter: it was not for a request that is gone.
    pub fn pass_on(&self, index: usize) {
        if let Some(word) = self.words.get(index) {
            let _ = wake(word.address, 1, self.mask, word.private);
        }
    }
}

/// How a thread waits.
#[derive(PartialEq, Eq)]
pub enum Shape {
    /// For one private futex, and its control.
    Usual,
    /// For one futex with a mask, or on kernels without vectors, which can't be called back.
    Masked(bool, u32),
    /// For several, each private or not.
    Vector(Vec<bool>),
}

impl Shape {
    /// Whether a call ends the wait.
    pub fn can_be_called(&self) -> bool {
        match self {
            Shape::Usual => has_vectors(),
            Shape::Masked(..) => false,
            Shape::Vector(private) => private.len() < MOST,
        }
    }

    pub fn of(task: &Task) -> Shape {
        match task.words[..] {
            _ if task.is_usual() => Shape::Usual,
            [word] if task.mask != ANY || !has_vectors() => Shape::Masked(word.private, task.mask),
            _ => Shape::Vector(task.words.iter().map(|word| word.private).collect()),
        }
    }
}
